"""Envelopes: reasoning state that clients of another API carry for a provider."""

from __future__ import annotations

import base64
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingate.wire.thinking import ENVELOPE, is_sealed, seal, unseal

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(origin=st.text(max_size=12), payload=st.dictionaries(st.text(), JSON, max_size=5))
def test_what_is_sealed_comes_back_equal_and_in_order(origin: str, payload: dict[str, object]) -> None:
    text = seal(origin, payload)
    assert is_sealed(text)
    assert text.isascii()
    opened = unseal(text)
    assert opened == (origin, payload)
    assert opened is not None
    assert json.dumps(opened[1]) == json.dumps(payload)


def test_a_lone_surrogate_survives() -> None:
    assert unseal(seal("xai", {"text": "\ud83d"})) == ("xai", {"text": "\ud83d"})


@pytest.mark.parametrize("text", [None, 5, "", "EqQBCgIYAhIM", "gAAAAABqPBJR-_=", b"ingate.1.", ["ingate.1."]])
def test_what_is_not_an_envelope_is_none(text: object) -> None:
    assert not is_sealed(text)
    assert unseal(text) is None


def _envelope(data: bytes) -> str:
    return ENVELOPE + base64.urlsafe_b64encode(zlib.compress(data)).decode()


@pytest.mark.parametrize(
    "text",
    [
        ENVELOPE,
        ENVELOPE + "?",
        ENVELOPE + "ünïcode",
        ENVELOPE + base64.urlsafe_b64encode(b"not compressed").decode(),
        _envelope(b"not json"),
        _envelope(b"{}"),
        _envelope(b'["openai",[]]'),
        _envelope(b'[5,{"a":1}]'),
        _envelope(b"[" * 100_000),
        _envelope(b"\xff"),
    ],
)
def test_a_garbled_envelope_is_none_and_never_raises(text: str) -> None:
    assert is_sealed(text)
    assert unseal(text) is None


def test_an_altered_or_cut_envelope_is_detected() -> None:
    text = seal("openai", {"reasoning_items": [{"id": "rs_1", "encrypted_content": "abc" * 50}]})
    for place in range(len(ENVELOPE), len(text.rstrip("="))):
        other = "A" if text[place] != "A" else "B"
        opened = unseal(text[:place] + other + text[place + 1 :])
        assert opened is None or opened == unseal(text)  # the last character has unused bits
        assert unseal(text[:place]) is None


def test_an_envelope_does_not_expand_without_limit() -> None:
    bomb = _envelope(b'["x",{"a":"' + b"0" * (64 * 1024 * 1024) + b'"}]')
    assert len(bomb) < 200_000
    assert unseal(bomb) is None
