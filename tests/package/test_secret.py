"""A secret shows itself to nobody who does not ask by name."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback

import msgspec
import pytest

from ingate.secret import Secret, scrub

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
