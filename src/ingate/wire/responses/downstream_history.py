"""The input of a Responses request as chat messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.wire.client_fields import invalid, json_type, objects, optional, required
from ingate.wire.reasoning_state import CALLS, restore, restore_calls
from ingate.wire.responses.downstream_tools import ToolName
from ingate.wire.thinking import is_sealed, unseal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.client_fields import Warnings
    from ingate.wire.responses.downstream_tools import Tools

Item = dict[str, Any]
_ROLES: Final = frozenset({"user", "assistant", "system", "developer"})
# Calls of tools that only OpenAI's models have but the client runs → the field that says what was called.
_CLIENT_CALLS: Final[Mapping[str, str]] = {
    "local_shell_call": "action", "shell_call": "action", "apply_patch_call": "operation", "computer_call": "actions",
}  # fmt: skip
_OUTPUTS: Final = frozenset(
    {"function_call_output", "custom_tool_call_output", "tool_search_output"}
    | {f"{call}_output" for call in _CLIENT_CALLS}
)
# Items that OpenAI's servers made and only they can read.
_HOSTED: Final = frozenset(
    {"file_search_call", "code_interpreter_call", "image_generation_call", "mcp_call"}
    | {"mcp_approval_request", "mcp_approval_response", "compaction", "compaction_summary", "program", "program_output"}
)
# Items without content for a model: queries (what was found is in the message), lists of tools, switches.
_SILENT: Final = frozenset({"web_search_call", "mcp_list_tools", "compaction_trigger", "configuration_update"})
_encode = msgspec.json.Encoder().encode


class History:
    """Turns input items into chat messages. Items of one assistant turn become one message.

    Args:
        tools: The request's tools; ones that were loaded during the conversation are added to them.
        warnings: Collects what is left out.

    Attributes:
        messages: The chat messages.
    """

    def __init__(self, tools: Tools, warnings: Warnings) -> None:
        self.messages: list[dict[str, Any]] = []
        self._tools = tools
        self._warnings = warnings
        self._reasoning: list[Item] = []  # waits for the message or call that it led to
        self._calls: dict[str, dict[str, Any]] = {}  # the message of each call, by the call's id
        self._call_states: dict[str, Any] = {}

    def add(self, items: list[Any], where: str) -> None:
        """Add input items.

        Raises:
            InvalidRequestError: An item is malformed, of an unknown type, or the output of an unknown call.
        """
        for place, item in enumerate(objects(items, where)):
            self._add(item, f"{where}[{place}]")

    def finish(self) -> list[dict[str, Any]]:
        """The messages, once all items are added."""
        self._end_turn()
        restore_calls(self.messages, self._call_states)
        return self.messages

    def _add(self, item: Item, where: str) -> None:
        kind = optional(item, "type", "a string", within=where) or "message"
        if kind == "message":
            self._message(item, where)
        elif kind == "reasoning":
            self._reasoning.append(item)
        elif kind == "function_call":
            self._call(
                ToolName("function", required(item, "name", "a string", within=where), item.get("namespace")),
                item,
                where,
            )
        elif kind == "custom_tool_call":
            self._call(
                ToolName("custom", required(item, "name", "a string", within=where), item.get("namespace")), item, where
            )
        elif kind == "tool_search_call":
            if item.get("call_id"):  # without one, OpenAI's servers have searched
                self._call(ToolName("tool_search", "tool_search"), item, where)
        elif kind in _CLIENT_CALLS:
            arguments = _encode(item.get(_CLIENT_CALLS[kind]) or item.get("action") or {}).decode()
            self._append_call(
                str(item.get("call_id") or item.get("id") or ""), kind.removesuffix("_call"), arguments, where
            )
        elif kind in _OUTPUTS:
            self._output(kind, item, where)
        elif kind == "additional_tools":
            self._tools.add(required(item, "tools", "an array", within=where), f"{where}.tools")
        elif kind == "item_reference":
            raise invalid(f"{where}.id", f"'{where}' refers to the item {item.get('id')!r}, which is not stored here")
        elif kind in _HOSTED:
            self._warnings.add(f"input items of the type {kind!r} were left out: only OpenAI's servers read them")
        elif kind not in _SILENT:
            raise invalid(f"{where}.type", f"'{where}' is of the type {kind!r}, which is not an input item")

    # Messages.

    def _message(self, item: Item, where: str) -> None:
        role = item.get("role")
        if role not in _ROLES:
            raise invalid(f"{where}.role", f"'{where}.role' must be one of {', '.join(sorted(_ROLES))}, not {role!r}")
        content = item.get("content")
        parts = content if isinstance(content, str) else _parts(content, f"{where}.content")
        if role != "assistant":
            self._end_turn()
        if role == "user":
            self.messages.append({"role": role, "content": parts})
            return
        text = parts if isinstance(parts, str) else "".join(str(part.get("text") or "") for part in parts)
        if role == "assistant":
            message = self._assistant()
            message["content"] = (message["content"] or "") + text
        else:
            self.messages.append({"role": role, "content": text})

    def _assistant(self, *, for_call: bool = False) -> dict[str, Any]:
        """The assistant's message that an item belongs to, with the reasoning that led to it.

        Calls join the message before them. Text starts a message of its own unless a call waits for its output, which
        has to follow the call's message directly.
        """
        last = self.messages[-1] if self.messages else None
        if last is None or last["role"] != "assistant" or not (for_call or last.get("tool_calls")):
            last = {"role": "assistant", "content": None}
            self.messages.append(last)
        waiting, self._reasoning = self._reasoning, []
        for item in waiting:
            self._think(last, item)
        return last

    def _end_turn(self) -> None:
        """Reasoning that nothing followed belongs to the message before it, if it is ingate's; otherwise it is of no use."""
        waiting, self._reasoning = self._reasoning, []
        last = self.messages[-1] if self.messages else None
        if last is not None and last["role"] == "assistant":
            for item in waiting:
                if is_sealed(item.get("encrypted_content")):
                    self._think(last, item)

    def _think(self, message: dict[str, Any], item: Item) -> None:
        text = _reasoning_text(item)
        if text:
            message["reasoning_content"] = message.get("reasoning_content", "") + text
        opaque = item.get("encrypted_content")
        if not is_sealed(opaque):
            if opaque or item.get("content"):
                message.setdefault("reasoning_items", []).append(dict(item))
        elif (opened := unseal(opaque)) is not None:
            restore(message, *opened)
            self._call_states.update(opened[1].get(CALLS) or {})
        else:
            self._warnings.add("reasoning of an earlier turn was left out: its content was altered by the client")

    # Calls and their outputs.

    def _call(self, tool: ToolName, item: Item, where: str) -> None:
        call_id = required(item, "call_id", "a string", within=where)
        self._append_call(call_id, self._tools.function_name(tool), self._tools.arguments_of(tool, item, where), where)

    def _append_call(self, call_id: str, name: str, arguments: str, where: str) -> None:
        if not call_id:
            raise invalid(f"{where}.call_id", f"'{where}.call_id' is missing")
        message = self._assistant(for_call=True)
        function = {"name": name, "arguments": arguments}
        message.setdefault("tool_calls", []).append({"id": call_id, "type": "function", "function": function})
        self._calls[call_id] = message

    def _output(self, kind: str, item: Item, where: str) -> None:
        call_id = item.get("call_id") or (item.get("id") if kind == "local_shell_call_output" else None)
        if kind == "tool_search_output":
            self._tools.add(optional(item, "tools", "an array", within=where) or [], f"{where}.tools")
            if call_id is None:
                return  # found by OpenAI's servers
        if not isinstance(call_id, str):
            raise invalid(f"{where}.call_id", f"'{where}.call_id' must be a string, not {json_type(call_id)}")
        message = self._calls.get(call_id)
        if message is None:
            raise invalid(f"{where}.call_id", f"'{where}' is the output of {call_id!r}, which no earlier item calls")
        # Directly behind the call and the outputs of its siblings, even if the client put something between them.
        place = next(at for at, one in enumerate(self.messages) if one is message) + 1
        while place < len(self.messages) and self.messages[place]["role"] == "tool":
            place += 1
        content = self._output_content(kind, item, where)
        self._end_turn()
        self.messages.insert(place, {"role": "tool", "tool_call_id": call_id, "content": content})

    def _output_content(self, kind: str, item: Item, where: str) -> str | list[dict[str, Any]]:
        if kind == "tool_search_output":
            found = [
                {name: tool[name] for name in ("name", "description") if tool.get(name)}
                for tool in item.get("tools") or ()
            ]
            return _encode({"tools": found}).decode()
        output = item.get("output")
        if isinstance(output, str):
            return output
        if kind == "computer_call_output":
            screenshot = required(item, "output", "an object", within=where)
            return [_part({**screenshot, "type": "input_image"}, f"{where}.output")]
        if kind in {"function_call_output", "custom_tool_call_output"}:
            return _parts(output, f"{where}.output")
        return _encode(output).decode()


def _reasoning_text(item: Item) -> str:
    parts = item.get("content") or item.get("summary") or ()
    return "".join(str(part.get("text") or "") for part in parts if isinstance(part, dict))


def _parts(content: Any, where: str) -> str | list[dict[str, Any]]:
    """Content parts, or a plain text if they are nothing else."""
    if not isinstance(content, list):
        raise invalid(where, f"{where!r} must be a string or an array of parts, not {json_type(content)}")
    parts = [_part(part, f"{where}[{place}]") for place, part in enumerate(content)]
    if all(part["type"] == "text" for part in parts):
        return "".join(part["text"] for part in parts)
    return parts


def _part(part: Any, where: str) -> dict[str, Any]:
    match part:
        case {"type": "input_text" | "output_text" | "text" | "summary_text" | "reasoning_text", "text": str(text)}:
            return {"type": "text", "text": text}
        case {"type": "refusal", "refusal": str(text)}:
            return {"type": "text", "text": text}
        case {"type": "input_image", "image_url": str(url)}:
            detail = {"detail": part["detail"]} if part.get("detail") else {}
            return {"type": "image_url", "image_url": {"url": url, **detail}}
        case {"type": "input_image", "file_id": str(file_id)}:
            return {"type": "image_url", "file_id": file_id}
        case {"type": "input_file"}:
            file = {name: part[name] for name in ("file_data", "file_id", "filename") if part.get(name)}
            if part.get("file_url"):
                file["file_data"] = part["file_url"]
            if not file.keys() & {"file_data", "file_id"}:
                raise invalid(where, f"{where!r} is a file without 'file_data', 'file_id' or 'file_url'")
            return {"type": "file", "file": file}
        case {"type": "input_audio", "input_audio": dict(audio)}:
            return {"type": "input_audio", "input_audio": audio}
    kind = part.get("type") if isinstance(part, dict) else json_type(part)
    raise invalid(where, f"{where!r} is {kind!r}, which is not a content part, or has wrong fields")
