"""A request of Anthropic's Messages API as a chat request, for whichever provider answers it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ingate.wire.client_fields import Warnings, invalid, objects, optional, required
from ingate.wire.facts import effort_of_budget, vendor_format
from ingate.wire.messages.downstream_answer import THREAD_UNSUPPORTED
from ingate.wire.messages.downstream_history import History

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.events import EventStream

"""The error code on which Anthropic's SDKs send the whole history instead of continuing a stored thread."""

_CHOICES: Final[Mapping[str, str]] = {"auto": "auto", "any": "required", "none": "none"}
_NUMBERS: Final[Mapping[str, str]] = {"temperature": "a number", "top_p": "a number", "top_k": "an integer"}
_TIERS: Final[Mapping[str, str]] = {"auto": "auto", "standard_only": "default"}
# Fields of this API that have an equivalent in a chat request, or none that anyone would miss.
_KNOWN: Final = frozenset(
    {"model", "max_tokens", "messages", "system", "stream", "stop_sequences", "tools", "tool_choice", "metadata"}
    | {"thinking", "output_config", "output_format", "service_tier", "cache_control", "betas", "anthropic_version"}
    | {"diagnostics", "user_profile_id", "workspace_id", "billing_policy", *_NUMBERS}
)
_MOST_USER_ID: Final = 64  # characters of `user` that OpenAI accepts
_SEARCH: Final = "web_search"
_SEARCH_FIELDS: Final = frozenset({"type", "name", "user_location", "cache_control"})
# Anthropic's tool search only hides tools from the model; here all of them are offered, so nothing is lost.
_TOOL_SEARCH: Final = "tool_search_tool"


@dataclass(frozen=True, slots=True)
class MessagesRequest:
    """A request of the Messages API, translated. See `ingate.wire.events.Translation`.

    Attributes:
        model: The model as the client named it. Responses repeat it, since Claude Code returns signed thinking only
            to the model it asked for.
    """

    model: str
    chat: dict[str, Any]
    stream: bool
    warnings: list[str]

    def answer(self, completion: Mapping[str, Any]) -> dict[str, Any]:
        """A `chat.completion` as a message."""
        from ingate.wire.messages.downstream_answer import message_of

        return message_of(completion, self)

    def events(self) -> EventStream:
        """A converter for one streamed answer."""
        from ingate.wire.messages.downstream_stream import MessageStream

        return MessageStream(self)


def translate(body: Mapping[str, Any], target: str = "") -> MessagesRequest:
    """A request of the Messages API as a chat request.

    Thinking becomes `reasoning_effort`, signed thinking of earlier turns `thinking_blocks` (or whatever its envelope
    holds), and web search `web_search_options`. What has no equivalent is left out with a warning.

    Args:
        body: The request.
        target: The provider and model that will answer, if they are known. Claude gets more of what it was sent.

    Raises:
        InvalidRequestError: The request is malformed; `param` names the field. A request on a stored thread has the code
            `thread_unsupported_request`.
    """
    if body.get("thread") is not None:
        raise invalid("thread", "threads are not stored here; send the whole conversation", code=THREAD_UNSUPPORTED)
    model = required(body, "model", "a string")
    if not model:
        raise invalid("model", "'model' is empty; it must be a model spec")
    most = required(body, "max_tokens", "an integer")
    if most < 1:
        raise invalid("max_tokens", f"'max_tokens' must be greater than 0, not {most}")
    warnings = Warnings()
    # To providers without prompt-cache marks and flags for failed tools these would be unknown fields.
    marks = "anthropic" in f"{model} {target}" or any(vendor_format(name) == "messages" for name in (model, target))
    history = History(warnings, marks=marks)
    history.add_system(body.get("system"))
    history.add_turns(body.get("messages"))
    chat: dict[str, Any] = {"model": model, "max_tokens": most, "messages": history.messages}
    for name, kind in _NUMBERS.items():
        if (value := optional(body, name, kind)) is not None:
            chat[name] = value
    if stops := optional(body, "stop_sequences", "an array"):
        if not all(isinstance(stop, str) for stop in stops):
            raise invalid("stop_sequences", "'stop_sequences' must be an array of strings")
        chat["stop"] = stops
    _Tools(chat, warnings, marks=marks).add(body, history.tool_changes)
    _reasoning(chat, body)
    _output_format(chat, body)
    _identity(chat, body)
    if marks and isinstance(body.get("cache_control"), dict):
        chat["cache_control"] = body["cache_control"]
    for name in body.keys() - _KNOWN:
        if body[name] not in (None, [], {}):
            warnings.add(f"{name} was left out: only Anthropic's API has it")
    return MessagesRequest(model, chat, bool(optional(body, "stream", "a boolean")), warnings)


class _Tools:
    """The tools and the tool choice of a request."""

    def __init__(self, chat: dict[str, Any], warnings: Warnings, *, marks: bool) -> None:
        self._chat = chat
        self._warnings = warnings
        self._marks = marks
        self._tools: dict[str, dict[str, Any]] = {}  # by name
        self._left_out: set[str] = set()

    def add(self, body: Mapping[str, Any], changes: list[dict[str, Any]]) -> None:
        """Set `tools` and what belongs to them."""
        for place, tool in enumerate(objects(optional(body, "tools", "an array") or [], "tools")):
            self._add(tool, f"tools[{place}]")
        for block in changes:
            self._change(block)
        if self._tools:
            self._chat["tools"] = list(self._tools.values())
        if (choice := optional(body, "tool_choice", "an object")) is not None:
            self._choose(choice)

    def _add(self, tool: dict[str, Any], where: str) -> None:
        kind = optional(tool, "type", "a string", within=where) or "custom"
        if kind == "custom":
            name = required(tool, "name", "a string", within=where)
            self._tools[name] = self._function(name, tool, where)
            return
        name = str(tool.get("name") or tool.get("mcp_server_name") or kind)
        if kind.startswith(f"{_SEARCH}_"):
            self._search(tool)
        elif self._marks:
            self._tools[name] = tool  # Anthropic's models may know it
            return
        elif not kind.startswith(_TOOL_SEARCH):
            self._warnings.add(f"the tool {name!r} ({kind}) was left out: only Anthropic's API has it")
        self._left_out.add(name)

    def _function(self, name: str, tool: dict[str, Any], where: str) -> dict[str, Any]:
        schema = optional(tool, "input_schema", "an object", within=where)
        function = {"name": name, "parameters": schema or {"type": "object", "properties": {}}}
        for field, kind in (("description", "a string"), ("strict", "a boolean")):
            if (value := optional(tool, field, kind, within=where)) is not None:
                function[field] = value
        found: dict[str, Any] = {"type": "function", "function": function}
        if self._marks and isinstance(tool.get("cache_control"), dict):
            found["cache_control"] = tool["cache_control"]
        return found

    def _search(self, tool: dict[str, Any]) -> None:
        place = tool.get("user_location")
        place = {key: value for key, value in place.items() if key != "type"} if isinstance(place, dict) else None
        options = {"user_location": {"type": "approximate", "approximate": place}} if place else {}
        self._chat["web_search_options"] = options
        for name in sorted(tool.keys() - _SEARCH_FIELDS):
            if tool[name]:
                self._warnings.add(f"{name} of the tool {_SEARCH!r} was left out: only Anthropic's API has it")

    def _change(self, block: dict[str, Any]) -> None:
        """A tool that was added or removed in the middle of the conversation."""
        tool = block.get("tool")
        if not isinstance(tool, dict):
            return
        if block["type"] == "tool_removal":
            self._tools.pop(str(tool.get("name")), None)
        elif isinstance(definition := tool.get("definition"), dict):
            self._add(definition, "messages")

    def _choose(self, choice: dict[str, Any]) -> None:
        kind = choice.get("type")
        if kind == "tool":
            name = required(choice, "name", "a string", within="tool_choice")
            if name in self._tools:
                chosen: Any = {"type": "function", "function": {"name": name}}
            elif name in self._left_out:
                self._warnings.add(f"tool_choice was left out: the tool {name!r} was")
                chosen = "auto"
            else:
                raise invalid("tool_choice.name", f"'tool_choice' names {name!r}, which is not one of the tools")
        elif isinstance(kind, str) and kind in _CHOICES:
            chosen = _CHOICES[kind]
        else:
            raise invalid("tool_choice", f"'tool_choice' must be of the type auto, any, tool or none, not {kind!r}")
        if not self._tools:
            return
        self._chat["tool_choice"] = chosen
        if optional(choice, "disable_parallel_tool_use", "a boolean", within="tool_choice"):
            self._chat["parallel_tool_calls"] = False


def _reasoning(chat: dict[str, Any], body: Mapping[str, Any]) -> None:
    """`reasoning_effort`: the effort that is asked for, otherwise the one that the budget corresponds to."""
    config = optional(body, "output_config", "an object") or {}
    thinking = optional(body, "thinking", "an object") or {}
    effort = optional(config, "effort", "a string", within="output_config")
    kind = optional(thinking, "type", "a string", within="thinking")
    if kind == "disabled":
        effort = "none"
    elif kind == "enabled" and not effort:
        if budget := optional(thinking, "budget_tokens", "an integer", within="thinking"):
            effort = effort_of_budget(budget)
    elif kind == "adaptive":
        effort = effort or "medium"
    if effort:
        chat["reasoning_effort"] = effort


def _output_format(chat: dict[str, Any], body: Mapping[str, Any]) -> None:
    config = body.get("output_config") or {}
    name = "output_config.format" if config.get("format") is not None else "output_format"
    wanted = config.get("format") if config.get("format") is not None else body.get("output_format")
    match wanted:
        case None:
            return
        case {"type": "json_schema", "schema": dict(schema)}:
            wrapped = {"name": "answer", "schema": schema, "strict": True}
            chat["response_format"] = {"type": "json_schema", "json_schema": wrapped}
        case _:
            raise invalid(name, f"{name!r} must be of the type json_schema and have a schema")


def _identity(chat: dict[str, Any], body: Mapping[str, Any]) -> None:
    user = optional(optional(body, "metadata", "an object") or {}, "user_id", "a string", within="metadata")
    if user:
        # A longer one is hashed: it identifies the user just as well.
        chat["user"] = user if len(user) <= _MOST_USER_ID else hashlib.sha256(user.encode()).hexdigest()
    if tier := _TIERS.get(optional(body, "service_tier", "a string") or ""):
        chat["service_tier"] = tier
