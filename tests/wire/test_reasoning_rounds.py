"""Three turns of a tool conversation: what a provider must get back travels through a client of another API unchanged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ingate.wire.downstream import translate
from ingate.wire.thinking import unseal
from support.client import ABOUT, chunk, completion, text_chunks, tool_call
from support.downstream import Client, message_from, response_from, stream

if TYPE_CHECKING:
    from ingate.wire.passthrough import Api

PROVIDER = "scripted"  # as in the metadata of `support.client`


def reasoning_item(turn: int, text: str = "") -> dict[str, Any]:
    """An item as OpenAI sends it, with keys in an order of their own and one that nobody knows."""
    return {
        "type": "reasoning",
        "id": f"rs_{turn}",
        "status": None,
        "summary": [{"type": "summary_text", "text": text}] if text else [],
        "encrypted_content": f"gAAAA+/=ü{turn}",
        "content": None,
        "novel": {"z": 1, "a": [1.5, None]},
    }


# What a turn's assistant message carries, by the kind of provider, and what the chat message of the next turn must carry.
def state_of(kind: str, turn: int) -> dict[str, Any]:
    match kind:
        case "responses":
            return {"reasoning_items": [{**reasoning_item(turn, f"thought {turn}"), "provider": "openai"}]}
        case "responses without text":
            return {"reasoning_items": [{**reasoning_item(turn), "provider": "openai"}]}
        case "responses, several items":
            items = [reasoning_item(turn, "one"), reasoning_item(turn + 10), reasoning_item(turn + 20, "three")]
            return {"reasoning_items": [{**item, "provider": "openai"} for item in items]}
        case "claude":
            block = {"type": "thinking", "thinking": f"thought {turn}", "signature": f"EqQB{turn}+/="}
            return {"thinking_blocks": [{**block, "provider": "anthropic"}]}
        case "claude, redacted":
            signed = {"type": "thinking", "thinking": f"thought {turn}", "signature": f"EqQB{turn}"}
            redacted = {"type": "redacted_thinking", "data": f"Eo8D{turn}"}
            return {"thinking_blocks": [{**block, "provider": "anthropic"} for block in (signed, redacted)]}
        case "openrouter":
            details = [{"type": "reasoning.encrypted", "data": f"x{turn}", "index": 0, "format": "google-gemini-v1"}]
            return {"reasoning_details": details, "reasoning_content": f"thought {turn}"}
        case "gemini":
            return {"extra_content": {"google": {"thought_signature": f"CiQ{turn}"}}}
        case "gemini, on the call":
            return {}
        case "deepseek":
            return {"reasoning_content": f"thought {turn}"}
    raise AssertionError(kind)


def call_of(kind: str, turn: int) -> dict[str, Any]:
    call = {**tool_call(turn, "look", json.dumps({"q": turn}, separators=(",", ":")))}
    if kind == "gemini, on the call":
        call["extra_content"] = {"google": {"thought_signature": f"CiQ{turn}=="}}
    return call


KINDS = (
    "responses", "responses without text", "responses, several items", "claude", "claude, redacted", "openrouter",
    "gemini", "gemini, on the call", "deepseek",
)  # fmt: skip


def texts_of(state: dict[str, Any]) -> str:
    """The readable reasoning of a turn."""
    items = [part["text"] for item in state.get("reasoning_items", ()) for part in item["summary"]]
    blocks = [block.get("thinking", "") for block in state.get("thinking_blocks", ())]
    return state.get("reasoning_content") or "".join(items) or "".join(blocks)


def chunks_of(state: dict[str, Any], call: dict[str, Any]) -> list[Any]:
    """The same turn as a stream's chunks: the text in two pieces first, then the opaque state, then the call."""
    chunks = [{**chunk(role="assistant", content=""), "ingate": ABOUT}]
    if items := state.get("reasoning_items"):
        for place, item in enumerate(items):
            text = "".join(part["text"] for part in item["summary"])
            chunks += [chunk(reasoning_content=piece) for piece in (text[:2], text[2:]) if piece]
            chunks.append(chunk(reasoning_items=[{**item, "index": place}]))
    for place, block in enumerate(state.get("thinking_blocks", ())):
        if text := block.get("thinking"):
            chunks += [chunk(reasoning_content=text[:2]), chunk(reasoning_content=text[2:])]
        chunks.append(chunk(thinking_blocks=[{**block, "index": place}]))
    if text := state.get("reasoning_content"):
        chunks.append(chunk(reasoning_content=text))
    for name in ("reasoning_details", "extra_content"):
        if name in state:
            chunks.append(chunk(**{name: state[name]}))
    arguments = call["function"]["arguments"]
    head = {**call, "index": 0, "function": {"name": "look", "arguments": arguments[:3]}}
    chunks.append(chunk(tool_calls=[head]))
    chunks.append(chunk(tool_calls=[{"index": 0, "function": {"arguments": arguments[3:]}}]))
    return [*chunks, chunk("tool_calls"), text_chunks()[-1]]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("api", ["messages", "responses"])
def test_state_comes_back_unchanged_for_three_turns(api: Api, kind: str, streamed: bool) -> None:
    client = Client(api)
    expected: list[dict[str, Any]] = []
    for turn in range(3):
        state, call = state_of(kind, turn), call_of(kind, turn)
        if streamed:
            events = stream(api, client.body(), chunks_of(state, call))
            answer = message_from(events) if api == "messages" else response_from(events)
        else:
            whole = completion(None, tool_calls=[call], **{"reasoning_content": texts_of(state) or None, **state})
            answer = translate(api, client.body()).answer(whole)
        client.add(answer, call["id"])
        made = translate(api, client.body())
        assert made.warnings == []
        expected.append({**state, "tool_calls": [call]})
        assistants = [message for message in made.chat["messages"] if message["role"] == "assistant"]
        assert len(assistants) == turn + 1
        for found, wanted in zip(assistants, expected, strict=True):
            _compare(found, wanted, api)


def _compare(found: dict[str, Any], wanted: dict[str, Any], api: Api) -> None:
    """Byte for byte; a Messages client holds Claude's own blocks as they are, so that their provider is unknown."""
    for name in ("reasoning_items", "thinking_blocks", "reasoning_details", "extra_content", "tool_calls"):
        value = wanted.get(name)
        if name == "thinking_blocks" and api == "messages" and value:
            value = [{key: part for key, part in block.items() if key != "provider"} for block in value]
        assert json.dumps(found.get(name)) == json.dumps(value), name
    assert found.get("reasoning_content", "").replace("\n\n", "") == texts_of(wanted)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_messages_client_sees_the_text_of_another_providers_reasoning(streamed: bool) -> None:
    client = Client("messages")
    state, call = state_of("responses", 1), call_of("responses", 1)
    if streamed:
        answer = message_from(stream("messages", client.body(), chunks_of(state, call)))
    else:
        answer = translate("messages", client.body()).answer(completion(None, tool_calls=[call], **state))
    thinking, used = answer["content"]
    assert (thinking["type"], thinking["thinking"]) == ("thinking", "thought 1")
    assert thinking["signature"].startswith("ingate.1.")
    assert used["type"] == "tool_use"


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_responses_client_sees_the_text_of_claudes_thinking(streamed: bool) -> None:
    client = Client("responses")
    state, call = state_of("claude", 1), call_of("claude", 1)
    if streamed:
        answer = response_from(stream("responses", client.body(), chunks_of(state, call)))
    else:
        answer = translate("responses", client.body()).answer(completion(None, tool_calls=[call], **state))
    reasoning, used = answer["output"]
    assert reasoning["summary"] == [{"type": "summary_text", "text": "thought 1"}]
    assert reasoning["encrypted_content"].startswith("ingate.1.")
    assert used["type"] == "function_call"


@pytest.mark.parametrize("api", ["messages", "responses"])
def test_an_item_that_arrives_after_the_text_does_not_repeat_its_own(api: Api) -> None:
    """OpenRouter delivers reasoning items at the end of a stream."""
    client = Client(api)
    item = {**reasoning_item(1, "thought 1"), "provider": "openrouter"}
    head = [{**chunk(role="assistant", content=""), "ingate": ABOUT}, chunk(reasoning_content="thought 1")]
    chunks = [
        *head,
        chunk(content="so"),
        chunk(reasoning_items=[{**item, "index": 0}]),
        chunk("stop"),
        text_chunks()[-1],
    ]
    events = stream(api, client.body(), chunks)
    if api == "messages":
        message = message_from(events)
        assert [block["type"] for block in message["content"]] == ["thinking", "text", "redacted_thinking"]
        client.history.append({"role": "assistant", "content": message["content"]})
    else:
        response = response_from(events)
        assert [len(one.get("summary", ())) for one in response["output"]] == [1, 0, 0]
        client.history += response["output"]
    assistant = translate(api, client.body()).chat["messages"][-1]
    assert assistant["reasoning_items"] == [item]
    assert (assistant["content"], assistant["reasoning_content"]) == ("so", "thought 1")


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("kind", "origin"), [("deepseek", PROVIDER), ("responses", "openai"), ("claude", "anthropic")])
@pytest.mark.parametrize("api", ["messages", "responses"])
def test_an_envelope_names_the_provider(api: Api, kind: str, origin: str, streamed: bool) -> None:
    """The one that its content is stamped with, otherwise the one that answered."""
    client = Client(api)
    state, call = state_of(kind, 1), call_of(kind, 1)
    if streamed:
        events = stream(api, client.body(), chunks_of(state, call))
        answer = message_from(events) if api == "messages" else response_from(events)
    else:
        answer = translate(api, client.body()).answer(completion(None, tool_calls=[call], **state))
    held = answer["content"][0]["signature"] if api == "messages" else answer["output"][0].get("encrypted_content")
    if (api, kind) in {("messages", "claude"), ("responses", "deepseek")}:
        assert unseal(held) is None  # the block is Claude's own; text needs no envelope
    else:
        opened = unseal(held)
        assert opened is not None
        assert opened[0] == origin
