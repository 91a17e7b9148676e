"""A secret shows itself to nobody who does not ask by name."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback

import msgspec
import pytest

from ingate.secret import MASK, Revealed, RevealedBytes, Secret, detached, revealed, scrub, scrub_bytes

VALUE = "sk-canary-0123456789"


def test_printing_formatting_and_logging_show_a_mask(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(VALUE)
    logging.getLogger("test").warning("key %s %r", secret, secret)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>40}", repr([secret]), repr({"k": secret}), caplog.text]
    assert VALUE not in "".join(shown)


def test_encoders_and_picklers_refuse_it() -> None:
    for encode in (pickle.dumps, json.dumps, msgspec.json.encode, copy.deepcopy):
        with pytest.raises(TypeError) as caught:
            encode(Secret(VALUE))
        assert VALUE not in str(caught.value)


def test_it_compares_and_hashes_by_value_and_an_empty_one_is_false() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a")}) == 1
    assert not Secret("")
    assert Secret("a") != "a"
    assert Secret("\u00e4") == Secret("\u00e4")
    assert {Secret("a"): 1}.get(Secret("b")) is None
    assert hash(Secret("a")) != hash("a")


def test_a_traceback_with_it_in_a_local_shows_no_value() -> None:
    secret = Secret(VALUE)
    try:
        raise ValueError(secret)
    except ValueError as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert VALUE not in shown.replace(f"VALUE = {VALUE!r}", "")


def test_scrubbing_masks_every_occurrence_but_leaves_words_alone() -> None:
    assert scrub(f"bad key {VALUE}, {VALUE}!", [Secret(VALUE), None]) == "bad key ***, ***!"
    assert scrub("a cat sat", [Secret("cat")]) == "a cat sat"
    assert scrub("abcde abcdef", [Secret("abcde"), None, Secret("abcdef")]) == "abcde ***"
    secrets = [Secret("abcde"), None, Secret("\u00e4bcde"), Secret("\u00e4bcdef")]
    assert scrub_bytes(b"\xff abcde, \xc3\xa4bcde, \xc3\xa4bcdef", secrets) == b"\xff abcde, \xc3\xa4bcde, ***"


def test_a_revealed_value_is_a_string_whose_repr_is_masked() -> None:
    value = Secret(f" {VALUE} ").reveal()
    assert value == f" {VALUE} "
    assert isinstance(value, str)
    shown = [repr(value), repr([value]), repr({"k": value}), repr(value.strip()), repr(value[:40]), f"{value!r}"]
    assert VALUE not in "".join(shown)
    assert f"Bearer {value.strip()}" == f"Bearer {VALUE}"
    assert copy.deepcopy({"k": value})["k"] is value
    with pytest.raises(TypeError):
        pickle.dumps(value)
    assert isinstance(value.strip(), Revealed)
    assert copy.copy(value) is value
    assert (value[1:3], value[1], value.strip(" s"), value.strip()) == ("sk", "s", VALUE[1:], VALUE)
    assert repr(RevealedBytes(b"key")) == repr(b"***")


def test_a_secret_can_be_put_after_a_prefix_and_stripped() -> None:
    assert Secret(f" {VALUE}\n").strip().after("Bearer ").reveal() == f"Bearer {VALUE}"
    assert VALUE not in repr(Secret(VALUE).after("Bearer "))
    plain = Secret(VALUE)
    assert plain.strip() is plain


def test_a_mask_is_formatted_like_any_text() -> None:
    secret = Secret(VALUE)
    assert (str(secret), f"{secret}", f"{secret:>5}", f"{secret!r}") == (MASK, "***", "  ***", "Secret('***')")


def test_revealing_a_mapping_leaves_what_is_not_secret() -> None:
    found = revealed({"a": Secret(VALUE), "b": "plain"})
    assert found == {"a": VALUE, "b": "plain"}
    assert repr(found) == "{'a': '***', 'b': 'plain'}"


def test_a_detached_error_leads_to_no_other() -> None:
    error = ValueError("outer")
    error.__cause__, error.__context__ = KeyError(VALUE), KeyError(VALUE)
    assert detached(error) is error
    assert (error.__cause__, error.__context__, error.__suppress_context__) == (None, None, True)
