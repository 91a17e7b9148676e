"""An OpenAI conversation as Anthropic's: a system prompt, and user and assistant turns of content blocks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal

from ingate.errors import BadRequestError
from ingate.wire.adapt.turns import SYSTEM_NOTE
from ingate.wire.parts import Part, calls_of, in_message, messages_of, parts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingate.wire.params import ParamTracker

Block = dict[str, Any]
LaterSystem = Literal["keep", "user", "hoist"]
_IMAGES: Final = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
# Anthropic's own blocks, which a caller may put among OpenAI's parts.
_NATIVE: Final = frozenset({"image", "document", "search_result", "container_upload"})
_CONTINUE: Final = "Continue."


def conversation(
    params: ParamTracker, *, prefill: bool, later_system: LaterSystem = "hoist"
) -> tuple[list[Block], list[dict[str, Any]]]:
    """The system prompt's blocks and the turns, with alternating roles and tool results first in their turn.

    What precedes a turn does not depend on what follows it, except where system messages are hoisted, so that a
    conversation that grows keeps its beginning: cached prompts and bound thinking depend on that.

    Args:
        params: The request's parameters.
        prefill: Whether the model continues an assistant message at the end.
        later_system: What becomes of system messages behind others: "keep" makes them turns of their own where they are
            allowed (behind a user's turn, and last or before an assistant's), and marked text of the user elsewhere; "user"
            makes them marked text of the user; "hoist" puts them into the system prompt.

    Raises:
        BadRequestError: A message has content that this format cannot express.
    """
    system: list[Block] = []
    turns: list[dict[str, Any]] = []  # each {"role": …, "content": [blocks]}
    open_ids: list[str] = []
    waiting: list[Block] = []  # of later system messages, until the user's turn that they belong to ends
    for at, message in enumerate(messages_of(params.body)):
        role = message["role"]
        with in_message(at):
            if role in {"system", "developer"}:
                blocks = [_text(part) for part in _texts(message, role) if part.text.strip()]
                if later_system == "hoist" or not turns:
                    system += blocks
                elif later_system == "keep":
                    waiting += blocks
                else:
                    _add(turns, "user", _noted(blocks))
            elif role in {"tool", "function"}:
                _add(turns, "user", [_tool_result(message, open_ids)])
            elif role == "user":
                _add(turns, "user", _blocks(message.get("content")))
            else:
                blocks = _assistant(message)
                if blocks:
                    _place(turns, waiting)
                open_ids = [block["id"] for block in blocks if block["type"] == "tool_use"]
                _add(turns, "assistant", blocks)
    _place(turns, waiting)
    if not turns:
        # A user turn is required, so a system prompt without messages becomes one.
        _add(turns, "user", system or [{"type": "text", "text": _CONTINUE}])
        system = []
    if turns[0]["role"] == "assistant":
        turns.insert(0, {"role": "user", "content": [{"type": "text", "text": _CONTINUE}]})
    if turns[-1]["role"] == "assistant":
        _end(params, turns, prefill=prefill)
    for turn in turns:
        if turn["role"] == "user":
            turn["content"] = sorted(turn["content"], key=lambda block: block["type"] != "tool_result")
    return system, turns


def _place(turns: list[dict[str, Any]], waiting: list[Block]) -> None:
    """Add the system messages that wait, as a turn of their own behind the user's, else as text of the user."""
    if waiting and turns[-1]["role"] == "user":
        turns.append({"role": "system", "content": list(waiting)})
    elif waiting:
        _add(turns, "user", _noted(waiting))
    waiting.clear()


def _noted(blocks: list[Block]) -> list[Block]:
    """A system message's blocks as the user's, marked as not the user's own."""
    return [{"type": "text", "text": SYSTEM_NOTE}, *blocks] if blocks else []


def _end(params: ParamTracker, turns: list[dict[str, Any]], *, prefill: bool) -> None:
    if not prefill:
        params.adapt_messages(
            f"{params.model!r} does not continue an assistant message; a user turn asking it to was added"
        )
        turns.append({"role": "user", "content": [{"type": "text", "text": _CONTINUE}]})
        return
    last = turns[-1]["content"][-1]
    if last["type"] == "text":
        last["text"] = last["text"].rstrip()  # trailing white space is rejected here


def _add(turns: list[dict[str, Any]], role: str, blocks: list[Block]) -> None:
    if not blocks:
        return
    if turns and turns[-1]["role"] == role:
        turns[-1]["content"] += blocks
    else:
        turns.append({"role": role, "content": blocks})


def _texts(message: Mapping[str, Any], role: str) -> list[Part]:
    parts = parts_of(message.get("content"))
    if any(part.kind != "text" for part in parts):
        raise BadRequestError(f"a {role} message can contain only text in this format")
    return parts


def _text(part: Part) -> Block:
    return _marked({"type": "text", "text": part.text}, part)


def _marked(block: Block, part: Part) -> Block:
    if part.cache_control is not None:
        block["cache_control"] = part.cache_control
    return block


def _blocks(content: Any) -> list[Block]:
    return [block for part in parts_of(content) if (block := _block(part)) is not None]


def _block(part: Part) -> Block | None:
    if part.kind == "text":
        return _text(part) if part.text.strip() else None  # a block of white space is rejected
    if part.kind == "native":
        if part.raw.get("type") in _NATIVE:
            return dict(part.raw)
        raise BadRequestError(f"this format does not accept a content part of the type {part.raw.get('type')!r}")
    if part.kind == "image" or part.mime in _IMAGES:
        return _marked({"type": "image", "source": _image_source(part)}, part)
    if part.kind == "file":
        return _marked(_document(part), part)
    raise BadRequestError(
        f"this format does not accept {part.kind} input", fix="leave it out, or use a model that accepts it"
    )


def _image_source(part: Part) -> dict[str, Any]:
    if part.file_id is not None:
        return {"type": "file", "file_id": part.file_id}
    if part.url is not None:
        return {"type": "url", "url": part.url}
    mime = "image/jpeg" if part.mime == "image/jpg" else part.mime
    if mime not in _IMAGES:
        raise BadRequestError(
            f"this format does not accept an image of the type {mime!r}, only JPEG, PNG, GIF and WebP"
        )
    return {"type": "base64", "media_type": mime, "data": part.data}


def _document(part: Part) -> Block:
    source: dict[str, Any]
    if part.file_id is not None:
        source = {"type": "file", "file_id": part.file_id}
    elif part.url is not None:
        source = {"type": "url", "url": part.url}
    elif part.mime.startswith("text/"):
        source = {"type": "text", "media_type": "text/plain", "data": part.text}
    elif part.mime in {"application/pdf", ""}:
        source = {"type": "base64", "media_type": "application/pdf", "data": part.data}
    else:
        raise BadRequestError(
            f"this format does not accept a file of the type {part.mime!r}, only PDF, text and images"
        )
    block: Block = {"type": "document", "source": source}
    if part.name:
        block["title"] = part.name
    return block


def tool_id(value: str) -> str:
    """A tool call's id as Anthropic accepts it: other characters than letters, digits, `_` and `-` are replaced."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", value)


def _tool_result(message: Mapping[str, Any], open_ids: list[str]) -> Block:
    given = message.get("tool_call_id")
    # A result without an id (the old `function` role) belongs to the first call without a result.
    answered = tool_id(given) if isinstance(given, str) and given else open_ids[0] if open_ids else ""
    if not answered:
        raise BadRequestError("a tool message has no tool_call_id")
    if answered in open_ids:
        open_ids.remove(answered)
    block: Block = {"type": "tool_result", "tool_use_id": answered}
    content = _blocks(message.get("content"))
    marks = [mark for part in content if (mark := part.pop("cache_control", None))]
    if content:
        is_plain = len(content) == 1 and content[0]["type"] == "text"
        block["content"] = content[0]["text"] if is_plain else content
    if message.get("is_error") is True:
        block["is_error"] = True
    mark = message.get("cache_control") or (marks[-1] if marks else None)
    if isinstance(mark, dict):
        block["cache_control"] = mark
    return block


def _assistant(message: Mapping[str, Any]) -> list[Block]:
    blocks = list(_thinking(message.get("thinking_blocks")))
    blocks += [_text(part) for part in _texts(message, "assistant") if part.text.strip()]
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal.strip():
        blocks.append({"type": "text", "text": refusal})
    for number, (call_id, name, arguments, call) in enumerate(calls_of(message)):
        block: Block = {
            "type": "tool_use",
            "id": tool_id(call_id) or f"call_{number}",
            "name": name,
            "input": arguments,
        }
        if isinstance(call.get("cache_control"), dict):
            block["cache_control"] = call["cache_control"]
        blocks.append(block)
    mark = message.get("cache_control")
    if isinstance(mark, dict) and blocks and blocks[-1]["type"] not in {"thinking", "redacted_thinking"}:
        blocks[-1].setdefault("cache_control", mark)
    return blocks


def _thinking(blocks: Any) -> Iterable[Block]:
    """The thinking blocks to send back: only signed ones, byte for byte."""
    for block in blocks if isinstance(blocks, list) else ():
        if not isinstance(block, dict):
            continue
        if block.get("type") == "redacted_thinking" and isinstance(block.get("data"), str):
            yield {"type": "redacted_thinking", "data": block["data"]}
        elif block.get("type") == "thinking" and isinstance(block.get("signature"), str) and block["signature"]:
            yield {"type": "thinking", "thinking": str(block.get("thinking") or ""), "signature": block["signature"]}


def lacks_thinking(turns: list[dict[str, Any]]) -> bool:
    """Whether the tool call that is answered has no thinking blocks; Anthropic then rejects a request with thinking."""
    spoken = [turn for turn in turns if turn["role"] != "system"]
    if not any(block["type"] == "tool_result" for block in spoken[-1]["content"]):
        return False
    for turn in reversed(turns):
        if turn["role"] == "assistant":
            return turn["content"][0]["type"] not in {"thinking", "redacted_thinking"}
    return False


def uses_tools(turns: list[dict[str, Any]]) -> dict[str, None]:
    """The names of the tools that the conversation calls, in order."""
    return {block["name"]: None for turn in turns for block in turn["content"] if block["type"] == "tool_use"}
