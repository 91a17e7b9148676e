"""Bedrock's Converse responses as Anthropic's: the same blocks under other names, so one reader serves both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.wire.answers import items, mapping, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_COUNTS: Final = (
    ("inputTokens", "input_tokens"),
    ("outputTokens", "output_tokens"),
    ("cacheReadInputTokens", "cache_read_input_tokens"),
    ("cacheWriteInputTokens", "cache_creation_input_tokens"),
)


def usage_counts(usage: Mapping[str, Any]) -> dict[str, Any]:
    """Converse's token counts under Anthropic's names."""
    return {name: usage[key] for key, name in _COUNTS if usage.get(key) is not None}


def message_of(answer: Mapping[str, Any]) -> dict[str, Any]:
    """A whole Converse response as an Anthropic message. Raises `KeyError` or `TypeError` if it is malformed."""
    content = answer["output"]["message"]["content"]
    if not isinstance(content, list):
        raise TypeError("the content is not a list")
    return {
        "type": "message",
        "content": [made for block in items(content) for made in _blocks(block)],
        "stop_reason": answer.get("stopReason"),
        "usage": usage_counts(mapping(answer.get("usage"))),
    }


def _blocks(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "text" in block:
        yield {"type": "text", "text": text(block["text"])}
    elif cited := mapping(block.get("citationsContent")):
        content = "".join(text(one.get("text")) for one in items(cited.get("content")))
        citations = [_citation(one) for one in items(cited.get("citations"))]
        yield {"type": "text", "text": content, "citations": citations}
    elif tool := mapping(block.get("toolUse")):
        yield _tool(tool)
    elif result := mapping(block.get("toolResult")):
        yield _result(result, result.get("content"))
    elif thought := mapping(block.get("reasoningContent")):
        if "redactedContent" in thought:
            yield {"type": "redacted_thinking", "data": text(thought["redactedContent"])}
        else:
            signed = mapping(thought.get("reasoningText"))
            yield {
                "type": "thinking",
                "thinking": text(signed.get("text")),
                "signature": text(signed.get("signature")),
            }


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    kind = "server_tool_use" if tool.get("type") == "server_tool_use" else "tool_use"
    made = {"type": kind, "id": text(tool.get("toolUseId")), "name": text(tool.get("name"))}
    return {**made, "input": mapping(tool.get("input"))}


def _result(result: Mapping[str, Any], content: Any) -> dict[str, Any]:
    name = text(result.get("type")).removesuffix("_result") or "tool"
    return {"type": f"{name}_tool_result", "tool_use_id": text(result.get("toolUseId")), "content": content}


def _citation(citation: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"title": citation.get("title")}
    cited = "".join(text(one.get("text")) for one in items(citation.get("sourceContent")))
    if cited:
        made["cited_text"] = cited
    for kind, place in mapping(citation.get("location")).items():
        made["type"] = kind
        made.update(mapping(place))
    if source := text(citation.get("source")):
        made.setdefault("source", source)
    return {key: value for key, value in made.items() if value is not None}


class Translator:
    """Translates the events of a Converse stream into those of Anthropic's."""

    def __init__(self) -> None:
        self._open: dict[int, str] = {}  # block index → the block's type
        self._results: dict[int, tuple[dict[str, Any], list[Any]]] = {}

    def translate(self, kind: str, event: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Anthropic's events for one of Converse's; none if it has no content."""
        index = event.get("contentBlockIndex")
        index = index if isinstance(index, int) else 0
        if kind == "messageStart":
            yield {"type": "message_start", "message": {}}
        elif kind == "contentBlockStart":
            start = mapping(event.get("start"))
            if tool := mapping(start.get("toolUse")):
                yield self._begin(index, _tool(tool))
            elif result := mapping(start.get("toolResult")):
                self._results[index] = (result, [])
        elif kind == "contentBlockDelta":
            yield from self._delta(index, mapping(event.get("delta")))
        elif kind == "contentBlockStop":
            if index in self._results:
                result, content = self._results.pop(index)
                yield self._begin(index, _result(result, content))
            self._open.pop(index, None)
            yield {"type": "content_block_stop", "index": index}
        elif kind == "messageStop":
            yield {"type": "message_delta", "delta": {"stop_reason": event.get("stopReason") or "end_turn"}}
        elif kind == "metadata":
            yield {"type": "message_delta", "usage": usage_counts(mapping(event.get("usage")))}

    def _begin(self, index: int, block: dict[str, Any]) -> dict[str, Any]:
        self._open[index] = block["type"]
        return {"type": "content_block_start", "index": index, "content_block": block}

    def _delta(self, index: int, delta: dict[str, Any]) -> Iterator[dict[str, Any]]:
        made: dict[str, Any] | None = None
        block = "text"
        if "text" in delta:
            made = {"type": "text_delta", "text": text(delta["text"])}
        elif "citation" in delta:
            made = {"type": "citations_delta", "citation": _citation(mapping(delta["citation"]))}
        elif "toolUse" in delta:
            block = "tool_use"
            made = {"type": "input_json_delta", "partial_json": text(mapping(delta["toolUse"]).get("input"))}
        elif "reasoningContent" in delta:
            thought = mapping(delta["reasoningContent"])
            block = "thinking"
            if "redactedContent" in thought:
                if index not in self._open:
                    yield self._begin(index, {"type": "redacted_thinking", "data": text(thought["redactedContent"])})
                return
            if "signature" in thought:
                made = {"type": "signature_delta", "signature": text(thought["signature"])}
            else:
                made = {"type": "thinking_delta", "thinking": text(thought.get("text"))}
        elif "toolResult" in delta and index in self._results:
            content = delta["toolResult"]
            self._results[index][1].extend(content if isinstance(content, list) else [content])
        if made is None:
            return
        if index not in self._open:  # text and thinking blocks have no start event
            yield self._begin(index, {"type": block})
        yield {"type": "content_block_delta", "index": index, "delta": made}
