"""Client APIs in tests: requests through a translation, and what comes back checked against the SDKs' own types."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pydantic

from ingate.wire.downstream import encode_events, translate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingate.errors import IngateError
    from ingate.wire.downstream import Api


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
    text = encode_events(found).decode()
    lines = [event.split("\n") for event in text.split("\n\n") if event]
    parsed = [json.loads(line.removeprefix("data: ")) for _, line in lines]
    assert [name for name, _ in lines] == [f"event: {event['type']}" for event in parsed]
    return parsed


def strictly(kind: Any, value: Any) -> Any:
    """`value` as `kind`, which is one of an SDK's types; raises if a required field is missing or of another type."""
    return pydantic.TypeAdapter(kind).validate_python(value, strict=True)


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
