"""Reasoning that passed through this process goes back to the provider that made it, and to no other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingate.wire import origins
from ingate.wire.origins import Origins
from ingate.wire.reasoning_state import native_items, native_turns, own_state


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> Origins:
    made = Origins()
    monkeypatch.setattr("ingate.wire.reasoning_state.ORIGINS", made)
    made.note("xai", b'data: {"type":"reasoning","encrypted_content":"gAAAAxai1=="}\n\n')
    made.note("deepseek", b'{"content": [{"type": "thinking", "signature" : "5f0c-sig"}]}')
    made.note("anthropic", json.dumps({"type": "redacted_thinking", "data": "Eo8D" * 100}).encode())
    return made


def _item(**more: Any) -> dict[str, Any]:
    return {"type": "reasoning", "id": "rs_" + "a" * 50, "summary": [], **more}


def test_whose_it_is(known: Origins):
    assert known.of("gAAAAxai1==", "openai") == "xai"
    assert known.of("Eo8D" * 100, "openai") == "anthropic"
    assert known.of("Eo8D" * 100, "anthropic") == "anthropic"
    assert known.of("unseen", "openai") == ""
    assert known.of(None, "openai") == ""


def test_two_that_made_the_same_may_both_read_it(known: Origins):
    known.note("zai", b'"signature":"5f0c-sig"')
    assert known.of("5f0c-sig", "zai") == "zai"
    assert known.of("5f0c-sig", "deepseek") == "deepseek"
    assert known.of("5f0c-sig", "openai") == "deepseek"


def test_the_oldest_are_forgotten(known: Origins, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(origins, "_MOST", 2)
    known.note("a", b'"signature":"new-1"')
    assert known.of("gAAAAxai1==", "openai") == ""
    assert known.of("new-1", "openai") == "a"


def test_items_of_another_provider_are_left_out_of_a_passed_through_request():
    own, unseen, other = _item(encrypted_content="gAAAAxai1=="), _item(encrypted_content="gAAAAb"), {"type": "message"}
    assert native_items([own, unseen, other], "xai") is None
    made = native_items([own, unseen, other], "openai")
    assert made is not None
    assert made[0] == [unseen, other]
    assert "only xai can read it" in made[1][0]


def test_items_without_a_state_are_left_out_where_they_would_be_looked_up():
    ours, readable = _item(id="rs_" + "0" * 32), _item(content=[{"type": "reasoning_text", "text": "t"}])
    stored = _item()
    assert native_items([ours, readable, stored], "openai", encrypts=True) == ([stored], [native_warning()])
    assert native_items([readable, stored], "deepseek") is None


def native_warning() -> str:
    return "reasoning of an earlier turn was left out: only its provider can read it"


def test_blocks_of_another_provider_are_left_out_of_a_passed_through_request():
    block, text = {"type": "thinking", "thinking": "t", "signature": "5f0c-sig"}, {"type": "text", "text": "x"}
    turns = [{"role": "user", "content": "go"}, {"role": "assistant", "content": [block, text]}]
    assert native_turns(turns, "deepseek") is None
    made = native_turns(turns, "anthropic")
    assert made is not None
    assert made[0] == [turns[0], {"role": "assistant", "content": [text]}]
    assert "only deepseek can read it" in made[1][0]


def test_claudes_blocks_go_to_every_cloud_that_has_claude():
    redacted = {"type": "redacted_thinking", "data": "Eo8D" * 100}
    assert native_turns([{"role": "assistant", "content": [redacted]}], "vertex_ai") is None
    assert native_turns([{"role": "assistant", "content": [redacted]}], "moonshot") is not None


def test_translated_requests_are_without_them_too():
    block = {"type": "thinking", "thinking": "t", "signature": "5f0c-sig"}
    message = {"role": "assistant", "content": "x", "thinking_blocks": [block]}
    (made,), warnings = own_state([message], "bedrock", "bedrock")
    assert "thinking_blocks" not in made
    assert "only" in warnings[0]
