"""Client APIs in tests: requests through a translation, and what comes back checked against the SDKs' own types."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import pydantic

from ingate.wire.downstream import translate
from ingate.wire.events import encode_events

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingate.errors import IngateError
    from ingate.wire.passthrough import Api


def stream(api: Api, body: dict[str, Any], chunks: Iterable[Any], error: IngateError | None = None) -> list[Any]:
    """The events of a stream, as a client would parse them; it breaks with `error` at its end if there is one."""
    events = translate(api, body).events()
    found: list[Any] = []
    metadata = None
    for number, chunk in enumerate(chunks):
        metadata = chunk.get("ingate") or metadata
        if number == 0:
            found += events.start(chunk)
        found += events.feed(chunk)
    found += events.fail(error, "req_1") if error is not None else events.finish(metadata)
    text = encode_events(api, found).decode()
    lines = [event.split("\n") for event in text.split("\n\n") if event]
    parsed = [json.loads(line.removeprefix("data: ")) for _, line in lines]
    assert [name for name, _ in lines] == [f"event: {event['type']}" for event in parsed]
    return parsed


def strictly(kind: Any, value: Any) -> Any:
    """`value` as `kind`, which is one of an SDK's types; raises if a required field is missing or of another type."""
    return _adapter(kind).validate_python(value, strict=True)


@cache
def _adapter(kind: Any) -> pydantic.TypeAdapter[Any]:
    return pydantic.TypeAdapter(kind)


def message_from(events: list[Any]) -> dict[str, Any]:
    """The message that the events of a Messages stream add up to, as Anthropic's SDKs assemble it."""
    assert events[0]["type"] == "message_start"
    message: dict[str, Any] = events[0]["message"]
    arguments = ""
    is_open = False
    for event in events[1:]:
        match event["type"]:
            case "content_block_start":
                assert not is_open, "a block was opened inside another"
                is_open = True
                assert event["index"] == len(message["content"])
                message["content"].append(event["content_block"])
                arguments = ""
            case "content_block_delta":
                assert is_open
                block, delta = message["content"][event["index"]], event["delta"]
                match delta["type"]:
                    case "text_delta":
                        block["text"] += delta["text"]
                    case "thinking_delta":
                        block["thinking"] += delta["thinking"]
                    case "signature_delta":
                        block["signature"] = delta["signature"]
                    case "citations_delta":
                        block["citations"] = [*(block["citations"] or ()), delta["citation"]]
                    case "input_json_delta":
                        arguments += delta["partial_json"]
                    case other:
                        raise AssertionError(other)
            case "content_block_stop":
                assert is_open
                is_open = False
                if arguments:
                    message["content"][event["index"]]["input"] = json.loads(arguments)
                arguments = ""
            case "message_delta":
                assert not is_open
                message.update(event["delta"])
                message["usage"].update(event["usage"])
                if "ingate" in event:
                    message["ingate"] = event["ingate"]
            case "message_stop":
                assert event is events[-1]
            case other:
                raise AssertionError(other)
    return message


def response_from(events: list[Any]) -> dict[str, Any]:
    """The final response of a Responses stream, after checking that its events add up to it."""
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    assert not any(event["response"]["output"] for event in events[:2])
    final = events[-1]["response"]
    assert events[-1]["type"] == f"response.{final['status']}"
    output: list[Any] = []
    current: dict[str, Any] | None = None
    texts: dict[tuple[str, int], str] = {}
    for event in events[2:-1]:
        kind = event["type"].removeprefix("response.")
        if kind == "output_item.added":
            assert current is None, "an item was added before the one before it was done"
            assert event["output_index"] == len(output)
            current = event["item"]
            texts = {}
            continue
        if event["type"] == "error":
            continue
        assert current is not None
        assert event["output_index"] == len(output)
        if kind == "output_item.done":
            assert (event["item"]["id"], event["item"]["type"]) == (current["id"], current["type"])
            output.append(event["item"])
            current = None
            continue
        assert event["item_id"] == current["id"]
        place = event.get("content_index", event.get("summary_index", 0))
        name, _, step = kind.rpartition(".")
        if step == "delta":
            assert event["delta"]
            texts[name, place] = texts.get((name, place), "") + event["delta"]
        elif step == "done" and name in {"output_text", "refusal", "reasoning_summary_text"}:
            assert texts.get((name, place), "") == event["text" if "text" in event else "refusal"]
        elif step == "done" and name in {"function_call_arguments", "custom_tool_call_input"}:
            assert texts.get((name, place), "") == event["arguments" if "arguments" in event else "input"]
    assert [item["id"] for item in output] == [item["id"] for item in final["output"]]
    return final


class Client:
    """A client of one API that holds the history as that API's clients do."""

    def __init__(self, api: Api, model: str = "m/x") -> None:
        self.api = api
        self.model = model
        self.history: list[Any] = [{"role": "user", "content": "hi"}]

    def body(self) -> dict[str, Any]:
        """The next request."""
        if self.api == "chat":
            tool: dict[str, Any] = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
            return {"model": self.model, "messages": self.history, "tools": [tool]}
        if self.api == "messages":
            tool = {"name": "look", "input_schema": {"type": "object"}}
            return {"model": self.model, "max_tokens": 99, "messages": self.history, "tools": [tool]}
        return {"model": self.model, "input": self.history, "tools": [{"type": "function", "name": "look"}]}

    def add(self, answer: dict[str, Any], call_id: str) -> None:
        """Add an answer and the result of its tool call to the history, as JSON."""
        if self.api == "chat":
            self.history.append(answer["choices"][0]["message"])
            self.history.append({"role": "tool", "tool_call_id": call_id, "content": "18"})
        elif self.api == "messages":
            self.history.append({"role": "assistant", "content": answer["content"]})
            result = {"type": "tool_result", "tool_use_id": call_id, "content": "18"}
            self.history.append({"role": "user", "content": [result]})
        else:
            self.history += answer["output"]
            self.history.append({"type": "function_call_output", "call_id": call_id, "output": "18"})
        self.history = json.loads(json.dumps(self.history))
