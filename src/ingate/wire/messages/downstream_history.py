"""The conversation of a Messages request as chat messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.wire.client_fields import invalid, json_type, optional, required
from ingate.wire.reasoning_state import CALLS, restore, restore_calls
from ingate.wire.thinking import is_sealed, unseal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingate.wire.client_fields import Warnings

Block = dict[str, Any]
_THINKING: Final = frozenset({"thinking", "redacted_thinking"})
# Blocks that hold nothing a model would read: they matter to Anthropic's servers alone.
_SILENT: Final = frozenset({"fallback", "mcp_tool_listing", "tool_reference"})
_CHANGES: Final = frozenset({"tool_addition", "tool_removal"})
_encode = msgspec.json.Encoder().encode


class History:
    """Turns the system prompt and the turns of a Messages request into chat messages.

    Args:
        warnings: Collects what is left out.
        marks: Whether fields that only Anthropic's models understand are kept (`cache_control`, `is_error`).

    Attributes:
        messages: The chat messages.
        tool_changes: The `tool_addition` and `tool_removal` blocks, in order.
    """

    def __init__(self, warnings: Warnings, *, marks: bool) -> None:
        self.messages: list[dict[str, Any]] = []
        self.tool_changes: list[Block] = []
        self._warnings = warnings
        self._marks = marks
        self._calls: set[str] = set()
        self._call_states: dict[str, Any] = {}

    def add_system(self, system: Any) -> None:
        """Add the `system` parameter, a string or text blocks.

        Raises:
            InvalidRequestError: It is neither; `param` names the place.
        """
        if system:
            self._add_system(_blocks(system, "system"), "system")

    def add_turns(self, turns: Any) -> None:
        """Add the `messages` parameter.

        Raises:
            InvalidRequestError: A message or block is malformed, or a tool result answers no call; `param` names it.
        """
        if not isinstance(turns, list) or not turns:
            raise invalid("messages", "'messages' is missing; it must be an array of at least one message")
        for place, turn in enumerate(turns):
            where = f"messages[{place}]"
            if not isinstance(turn, dict):
                raise invalid(where, f"{where!r} must be an object, not {json_type(turn)}")
            role = turn.get("role")
            if role not in {"user", "assistant", "system"}:
                raise invalid(f"{where}.role", f"'{where}.role' must be 'user' or 'assistant', not {role!r}")
            blocks = _blocks(turn.get("content"), f"{where}.content")
            if role == "assistant":
                self._add_assistant(blocks, f"{where}.content")
            elif role == "user":
                self._add_user(blocks, f"{where}.content")
            else:
                self._add_system(blocks, f"{where}.content")
        if all(message["role"] == "system" for message in self.messages):
            raise invalid("messages", "'messages' has no content that this model can read")
        restore_calls(self.messages, self._call_states)

    def _add_system(self, blocks: list[Block], where: str) -> None:
        content = self._content(blocks, where)
        if content:
            self.messages.append({"role": "system", "content": content})

    def _add_user(self, blocks: list[Block], where: str) -> None:
        """Tool results are messages of their own in a chat, and come first."""
        rest: list[tuple[int, Block]] = []
        for place, block in enumerate(blocks):
            if block["type"] == "tool_result":
                self.messages.append(self._tool_result(block, f"{where}[{place}]"))
            else:
                rest.append((place, block))
        content = self._parts(rest, where)
        if content:
            self.messages.append({"role": "user", "content": content})

    def _tool_result(self, block: Block, where: str) -> dict[str, Any]:
        call_id = required(block, "tool_use_id", "a string", within=where)
        if call_id not in self._calls:
            raise invalid(
                f"{where}.tool_use_id",
                f"'{where}' is the result of {call_id!r}, which no earlier 'tool_use' block has as its id",
            )
        inside = block.get("content")
        content = self._content(_blocks(inside, f"{where}.content"), f"{where}.content") if inside else ""
        message = {"role": "tool", "tool_call_id": call_id, "content": content or ""}
        if optional(block, "is_error", "a boolean", within=where):
            # Only Anthropic's format has a flag for it; other models have to read it.
            if self._marks:
                message["is_error"] = True
            elif isinstance(content, str) and not content.lower().startswith("error"):
                message["content"] = f"Error: {content}"
        self._mark(message, block)
        return message

    def _add_assistant(self, blocks: list[Block], where: str) -> None:
        message: dict[str, Any] = {"role": "assistant", "content": None}
        texts: list[dict[str, Any]] = []
        for place, block in enumerate(blocks):
            kind, at = block["type"], f"{where}[{place}]"
            if kind == "text":
                texts.append(
                    self._mark({"type": "text", "text": required(block, "text", "a string", within=at)}, block)
                )
            elif kind in _THINKING:
                self._think(message, block, at)
            elif kind == "tool_use":
                message.setdefault("tool_calls", []).append(self._call(block, at))
            elif kind == "compaction":
                if summary := optional(block, "content", "a string", within=at):
                    texts.append({"type": "text", "text": f"Summary of the conversation so far:\n{summary}"})
            elif kind not in _SILENT:
                self._drop(kind)
        if any("cache_control" in text for text in texts):
            message["content"] = texts
        elif texts:
            message["content"] = "".join(text["text"] for text in texts)
        if not message["content"] and "tool_calls" not in message:
            message["content"] = ""
        self.messages.append(message)

    def _think(self, message: dict[str, Any], block: Block, where: str) -> None:
        text = optional(block, "thinking", "a string", within=where)
        if text:
            message["reasoning_content"] = message.get("reasoning_content", "") + text
        opaque = optional(block, "signature" if block["type"] == "thinking" else "data", "a string", within=where)
        if not opaque:
            return  # unsigned: no provider takes it back
        if not is_sealed(opaque):
            message.setdefault("thinking_blocks", []).append(dict(block))
        elif (opened := unseal(opaque)) is not None:
            restore(message, *opened)
            self._call_states.update(opened[1].get(CALLS) or {})
        else:
            self._warnings.add("reasoning of an earlier turn was left out: its signature was altered by the client")

    def _call(self, block: Block, where: str) -> dict[str, Any]:
        call_id = required(block, "id", "a string", within=where)
        arguments = optional(block, "input", "an object", within=where) or {}
        self._calls.add(call_id)
        function = {"name": required(block, "name", "a string", within=where), "arguments": _encode(arguments).decode()}
        return self._mark({"id": call_id, "type": "function", "function": function}, block)

    def _content(self, blocks: list[Block], where: str) -> str | list[dict[str, Any]]:
        return self._parts(enumerate(blocks), where)

    def _parts(self, blocks: Iterable[tuple[int, Block]], where: str) -> str | list[dict[str, Any]]:
        """Content parts, or a plain text if they are nothing else."""
        parts = [part for place, block in blocks if (part := self._part(block, f"{where}[{place}]")) is not None]
        if all(part.keys() == {"type", "text"} for part in parts):
            return "\n\n".join(part["text"] for part in parts)
        return parts

    def _part(self, block: Block, where: str) -> dict[str, Any] | None:
        """A block as a content part, None if it is left out."""
        kind = block["type"]
        if kind == "text":
            return self._mark({"type": "text", "text": required(block, "text", "a string", within=where)}, block)
        if kind == "image":
            return self._mark(_image(block, where), block)
        if kind == "document":
            return self._mark(_document(block, where), block)
        if kind == "search_result":
            return self._mark({"type": "text", "text": _search_result(block, where)}, block)
        if kind == "tool_reference":
            name = block.get("tool_name") or block.get("name")
            return {"type": "text", "text": f"The tool {name!r} is available."} if name else None
        if kind in _CHANGES:
            self.tool_changes.append(block)
        elif kind not in _SILENT:
            self._drop(kind)
        return None

    def _drop(self, kind: str) -> None:
        self._warnings.add(f"content blocks of the type {kind!r} were left out: only Anthropic's API has them")

    def _mark(self, part: dict[str, Any], block: Block) -> dict[str, Any]:
        if self._marks and isinstance(block.get("cache_control"), dict):
            part["cache_control"] = block["cache_control"]
        return part


def _blocks(content: Any, where: str) -> list[Block]:
    """A list of blocks, each with its type; a string is one text block."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list):
        raise invalid(where, f"{where!r} must be a string or an array of content blocks, not {json_type(content)}")
    for place, block in enumerate(content):
        if not isinstance(block, dict) or not isinstance(block.get("type"), str):
            at = f"{where}[{place}]"
            raise invalid(at, f"{at!r} must be a content block: an object with a 'type'")
    return content


def _image(block: Block, where: str) -> dict[str, Any]:
    source = required(block, "source", "an object", within=where)
    if source.get("type") == "file":
        return {"type": "image_url", "file_id": required(source, "file_id", "a string", within=f"{where}.source")}
    return {"type": "image_url", "image_url": {"url": _address(source, f"{where}.source")}}


def _document(block: Block, where: str) -> dict[str, Any]:
    source = required(block, "source", "an object", within=where)
    name = optional(block, "title", "a string", within=where) or "document"
    at = f"{where}.source"
    match source.get("type"):
        case "text":
            return {"type": "text", "text": f"{name}:\n{required(source, 'data', 'a string', within=at)}"}
        case "content":
            inside = _blocks(source.get("content"), f"{at}.content")
            return {"type": "text", "text": "\n".join(str(one.get("text") or "") for one in inside)}
        case "file":
            return {"type": "file", "file": {"file_id": required(source, "file_id", "a string", within=at)}}
    return {"type": "file", "file": {"filename": name, "file_data": _address(source, at)}}


def _address(source: Block, where: str) -> str:
    """The URL of an image or document; a data URL for base64 content."""
    match source:
        case {"type": "base64", "media_type": str(mime), "data": str(data)}:
            return f"data:{mime};base64,{data}"
        case {"type": "url", "url": str(url)}:
            return url
    raise invalid(where, f"{where!r} must be a source of the type base64 or url, with all of its fields")


def _search_result(block: Block, where: str) -> str:
    inside = _blocks(block.get("content") or [], f"{where}.content")
    text = "\n".join(str(one.get("text") or "") for one in inside)
    return f"{block.get('title') or ''} ({block.get('source') or ''})\n{text}"
