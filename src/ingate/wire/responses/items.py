"""A chat conversation as Responses input: instructions, messages, reasoning, calls and their outputs."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from ingate.errors import BadRequestError
from ingate.wire.answers import dumped, read_json
from ingate.wire.fields import arguments_text
from ingate.wire.parts import Part, arguments_of, in_message, messages_of, parts_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.params import ParamTracker
    from ingate.wire.responses.providers import ResponsesProvider

Item = dict[str, Any]

# OpenAI refuses longer ones: "Expected a string with maximum length 64".
_MAX_CALL_ID: Final = 64
# Items that a provider returned sealed and wants back as they were.
_SEALED: Final = frozenset({"reasoning", "compaction"})
_SEE_BELOW: Final = "(the next message shows what the tool returned)"
# What ingate or a client added to an item: who made it, and its place in a stream.
_ADDED: Final = frozenset({"provider", "index"})


class Conversation:
    """The messages of a chat request as Responses input.

    Attributes:
        instructions: The system messages at the beginning, as text; empty if there are none.
        items: The input items, in order.
    """

    def __init__(
        self, tracker: ParamTracker, row: ResponsesProvider, *, provider: str, store: bool, json_mode: bool = False
    ) -> None:
        """Translate the request's messages.

        Args:
            tracker: The request; warnings go there.
            row: How the provider serves the API.
            provider: The provider's name, to recognise its own reasoning.
            store: Whether the response will be stored.
            json_mode: Whether an answer in JSON without a schema is asked for.

        Raises:
            BadRequestError: A message holds what this API cannot carry.
        """
        self.instructions = ""
        self.items: list[Item] = []
        self._tracker = tracker
        self._row = row
        self._provider = provider
        self._store = store
        self._customs: set[str] = set()  # the ids of calls of custom tools
        self._open: dict[str, str] = {}  # the ids of calls without an output yet → the tool's name
        self._calls = 0
        self._messages = 0
        self._thoughts = 0
        self._foreign = False
        self._media: list[Item] = []  # what tools returned and their outputs cannot hold
        messages = messages_of(tracker.body)
        lead = self._lead(messages, json_mode=json_mode)
        for at, message in enumerate(messages[lead:], lead):
            if message["role"] not in {"tool", "function"}:
                self._show_media()
            with in_message(at):
                self._message(message)
        self._show_media()
        if self._foreign:
            tracker.adapt_messages("reasoning that another provider returned was left out of the conversation")

    def _lead(self, messages: list[dict[str, Any]], *, json_mode: bool) -> int:
        """Put the system messages at the beginning into `instructions`; how many they are.

        They stay in the input if nothing else would be in it, or if JSON is asked for and only they mention it: OpenAI
        looks for the word "json" in the input alone.
        """
        count = 0
        while count < len(messages) and messages[count]["role"] in {"system", "developer"}:
            count += 1
        rest = messages[count:]
        if not count or not rest:
            return 0
        if json_mode and "json" not in json.dumps(rest, default=str).lower():
            return 0
        parts = [parts_of(message.get("content")) for message in messages[:count]]
        if any(part.kind != "text" for some in parts for part in some):
            return 0
        texts = ["".join(part.text for part in some) for some in parts]
        self.instructions = "\n\n".join(text for text in texts if text.strip())
        return count

    def _message(self, message: Mapping[str, Any]) -> None:
        role = message["role"]
        if role == "assistant":
            self._assistant(message)
        elif role in {"tool", "function"}:
            self.items.append(self._output(message))
        else:
            if role == "developer" and not self._row.developer_role:
                role = "system"
            content = _content(parts_of(message.get("content")), what=f"a {role} message")
            if content:
                self.items.append({"type": "message", "role": role, "content": content})

    def _assistant(self, message: Mapping[str, Any]) -> None:
        self.items += self._reasoning(message)
        content: list[Item] = []
        for part in parts_of(message.get("content")):
            if part.kind != "text":
                raise BadRequestError("an assistant message can hold only text and refusals in this API")
            if part.raw.get("type") == "refusal":
                content.append({"type": "refusal", "refusal": part.text})
            elif part.text:
                content.append({"type": "output_text", "text": part.text, "annotations": []})
        refusal = message.get("refusal")
        if isinstance(refusal, str) and refusal:
            content.append({"type": "refusal", "refusal": refusal})
        if content:
            self.items.append(self._assistant_item(content, message.get("phase")))
        self._open = {}
        calls = message.get("tool_calls")
        if not calls and isinstance(message.get("function_call"), dict):
            calls = [{"function": message["function_call"]}]
        if calls is not None and not isinstance(calls, list):
            raise BadRequestError("tool_calls is not a list")
        for call in calls or ():
            self.items.append(self._call(call))

    def _assistant_item(self, content: list[Item], phase: Any) -> Item:
        item: Item = {"type": "message", "role": "assistant", "content": content}
        if all(part["type"] == "output_text" for part in content):
            # Text alone needs no list, and servers that validate strictly take it without an id only like this.
            item["content"] = "".join(part["text"] for part in content)
        elif self._row.output_ids:
            self._messages += 1
            item |= {"id": f"msg_{self._messages}", "status": "completed"}
        if self._row.phase and phase in {"commentary", "final_answer"}:
            item["phase"] = phase
        return item

    def _reasoning(self, message: Mapping[str, Any]) -> list[Item]:
        """The reasoning to send back: what this provider returned, unchanged."""
        out: list[Item] = []
        given = message.get("reasoning_items")
        for item in given if isinstance(given, list) else ():
            if not isinstance(item, dict) or item.get("type") not in tuple(_SEALED):
                continue
            if item.get("provider") != self._provider:
                self._foreign = True
                continue
            own = {key: value for key, value in item.items() if key not in _ADDED}
            if own.get("encrypted_content"):
                # An id of a stored item makes OpenAI look for the stored item that followed, whose id a chat message
                # does not carry ("provided without its required following item"); the content is complete without it.
                out.append({key: value for key, value in own.items() if key != "id"} if self._store else own)
            elif own.get("content"):
                out.append(own)
            # A bare id refers to a stored item, and is of no use without the ids of the items around it.
        if any(_is_signed(block) for block in _list(message.get("thinking_blocks"))):
            self._foreign = True
        text = message.get("reasoning_content")
        if not out and self._row.reasoning_text and isinstance(text, str) and text:
            self._thoughts += 1
            content = [{"type": "reasoning_text", "text": text}]
            out.append({"type": "reasoning", "id": f"rs_{self._thoughts}", "summary": [], "content": content})
        return out

    def _call(self, call: Any) -> Item:
        if not isinstance(call, dict):
            raise BadRequestError("a tool call is not an object")
        self._calls += 1
        call_id = _call_id(call.get("id")) or f"call_{self._calls}"
        custom, function = call.get("custom"), call.get("function")
        if isinstance(custom, dict):
            name, text = str(custom.get("name") or ""), arguments_text(custom.get("input"))
            self._open[call_id] = name
            if self._row.custom_tools:
                self._customs.add(call_id)
                return {"type": "custom_tool_call", "call_id": call_id, "name": name, "input": text}
            return _function_call(call_id, name, json.dumps({"input": text}, ensure_ascii=False))
        if not isinstance(function, dict):
            raise BadRequestError("a tool call has no function")
        name = str(function.get("name") or "")
        self._open[call_id] = name
        item = _function_call(call_id, name, _arguments(function.get("arguments")))
        fields = call.get("provider_specific_fields")
        if isinstance(fields, dict):
            item.update((key, fields[key]) for key in self._row.call_fields if isinstance(fields.get(key), str))
        return item

    def _output(self, message: Mapping[str, Any]) -> Item:
        call_id = _call_id(message.get("tool_call_id"))
        if not call_id:
            # The old `function` role names the function; a result without either answers the first open call.
            name = message.get("name")
            named = (known for known, called in self._open.items() if called == name)
            call_id = next(named, next(iter(self._open), ""))
        if not call_id:
            raise BadRequestError("a tool message has no tool_call_id")
        self._open.pop(call_id, None)
        kind = "custom_tool_call_output" if call_id in self._customs else "function_call_output"
        output = _content(parts_of(message.get("content")), what="a tool message")
        if isinstance(output, list) and not self._row.media_results:
            self._media += [part for part in output if part["type"] != "input_text"]
            output = "".join(part["text"] for part in output if part["type"] == "input_text") or _SEE_BELOW
        return {"type": kind, "call_id": call_id, "output": output}

    def _show_media(self) -> None:
        """Put what tools returned besides text into a message of the user, behind all outputs of the turn."""
        if self._media:
            self.items.append({"type": "message", "role": "user", "content": self._media})
            self._media = []


def _function_call(call_id: str, name: str, arguments: str) -> Item:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}


def _arguments(value: Any) -> str:
    """A call's arguments as they were written; as an object around them if they are not a JSON object."""
    text = arguments_text(value)
    try:
        is_object = isinstance(read_json(text), dict)
    except ValueError:
        is_object = False
    return text if is_object else dumped(arguments_of(text))


def _call_id(value: Any) -> str:
    """A call's id, shortened in the same way for a call and its output if it is too long."""
    text = value if isinstance(value, str) else ""
    return text if len(text) <= _MAX_CALL_ID else f"call_{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _content(parts: list[Part], *, what: str) -> str | list[Item]:
    """Content as one text, or as a list if there is more than text in it."""
    if all(part.kind == "text" for part in parts):
        return "".join(part.text for part in parts)
    return [_part(part, what) for part in parts if part.kind != "text" or part.text]


def _part(part: Part, what: str) -> Item:
    if part.kind == "text":
        return {"type": "input_text", "text": part.text}
    if part.kind == "image" or (part.kind == "file" and part.mime.startswith("image/")):
        return _image(part)
    if part.kind == "file":
        return _file(part)
    if part.kind == "audio" and "input_audio" in part.raw:
        return {"type": "input_audio", "input_audio": dict(part.raw["input_audio"])}
    if part.kind == "native" and str(part.raw.get("type")).startswith(("input_", "computer_", "summary_")):
        return dict(part.raw)
    shown = part.raw.get("type") if part.kind == "native" else part.kind
    raise BadRequestError(f"{what} holds {shown!r}, which the Responses API does not take")


def _image(part: Part) -> Item:
    item: Item = {"type": "input_image"}
    given = part.raw.get("image_url")
    detail = given.get("detail") if isinstance(given, dict) else part.raw.get("detail")
    item["detail"] = detail if isinstance(detail, str) and detail else "auto"
    if part.file_id is not None:
        item["file_id"] = part.file_id
    else:
        item["image_url"] = part.url if part.url is not None else f"data:{part.mime or 'image/png'};base64,{part.data}"
    return item


def _file(part: Part) -> Item:
    if part.file_id is not None:
        return {"type": "input_file", "file_id": part.file_id}
    if part.url is not None:
        return {"type": "input_file", "file_url": part.url}
    if part.mime.startswith("text/"):
        # As text it is understood everywhere; as a file, only by the providers that convert text files.
        return {"type": "input_text", "text": f"{part.name}:\n{part.text}" if part.name else part.text}
    mime = part.mime or "application/pdf"
    name = part.name or ("document.pdf" if mime == "application/pdf" else "file")
    return {"type": "input_file", "filename": name, "file_data": f"data:{mime};base64,{part.data}"}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_signed(block: Any) -> bool:
    """Whether a thinking block is one that its provider signed, and not just text."""
    return isinstance(block, dict) and bool(block.get("signature") or block.get("data"))
