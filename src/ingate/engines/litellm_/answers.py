"""litellm's answers → plain dicts, corrected where the provider's own response (`reading.py`) differs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ingate.engines.litellm_ import signatures

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingate.engines.litellm_.reading import ProviderReading

_PLAIN_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
# Arguments with which a configuration makes litellm change answers.
_SHAPING: Final = frozenset({"merge_reasoning_content_in_choices", "mock_response", "mock_tool_calls", "fallbacks"})
# Fields of a message that are not part of an answer; litellm fills the second one itself.
_ENVELOPE: Final = frozenset({"role", "provider_specific_fields"})
# Fields of a message that litellm may omit.
_OFTEN_LOST: Final = ("reasoning_content", "thinking_blocks", "annotations", "refusal", "provider_tool_calls")


def plain(value: Any) -> Any:
    """A litellm object as dicts and lists without None values; much cheaper than `model_dump`."""
    kind = value.__class__
    if kind is str or kind is int or kind is float or kind is bool or value is None:
        return value
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    fields = getattr(value, "__dict__", None)
    if fields is None or isinstance(value, str):
        return str(value)
    result = {name: plain(item) for name, item in fields.items() if item is not None and name[:1] != "_"}
    for name, item in (getattr(value, "__pydantic_extra__", None) or {}).items():
        if item is not None and name not in result:
            result[name] = plain(item)
    return result


def provider_decides(call: Mapping[str, Any]) -> bool:
    """Whether the provider's response can be used without litellm.

    It cannot if litellm may have requested JSON through a tool of its own, shortened names, or been configured to change
    the answer.
    """
    response_format = call.get("response_format") or {}
    if isinstance(response_format, dict) and response_format.get("type", "text") != "text":
        return False
    if not isinstance(response_format, dict) or _SHAPING & call.keys():
        return False
    if call["model"].startswith(("ollama/", "ollama_chat/")) and call.get("tools"):
        return False
    return all(_PLAIN_NAME.fullmatch(name) for name in _offered(call))


def completion(answer: Mapping[str, Any], reading: ProviderReading, call: Mapping[str, Any]) -> dict[str, Any]:
    """litellm's completion with the usage, finish reason, thinking and tool calls that the provider reported."""
    result = dict(answer)
    own = reading.whole()
    for choice in result.get("choices") or ():
        _tidy(choice.get("message") or {})
    if own is not None and provider_decides(call):
        return {**result, **own, "id": result.get("id") or own["id"]}
    if own is None:
        return result
    provider_tools = reading.provider_tool_ids()
    own_choices = {choice["index"]: choice for choice in own["choices"]}
    for number, choice in enumerate(result.get("choices") or ()):
        theirs = own_choices.get(choice.get("index", number))
        message = choice.setdefault("message", {})
        if theirs is not None:
            _correct_message(message, theirs["message"], provider_tools)
            choice["finish_reason"] = _finish(
                choice.get("finish_reason"), theirs.get("finish_reason"), bool(message.get("tool_calls"))
            )
    result["usage"] = own.get("usage")
    return result


class ChunkCorrector:
    """Corrects litellm's chunks one by one, using a `ProviderReading` of the same stream.

    Attributes:
        has_content: Whether a chunk with content has been returned.
        has_answer: Whether one had more than a finish reason: text, reasoning or a tool call.
    """

    def __init__(self, reading: ProviderReading) -> None:
        self._reading = reading
        self._reasoning = ""
        self._tools_sent = 0
        self._provider_tool_indexes: set[int] = set()
        self._called = False
        self._text = ""
        self.has_content = self.has_answer = False

    def correct(self, chunk: dict[str, Any]) -> list[dict[str, Any]]:
        """The chunks to send for one chunk of litellm's."""
        reading = self._reading
        self.has_answer = self.has_answer or any(
            _is_answer(choice.get("delta")) for choice in chunk.get("choices") or ()
        )
        if not reading.active:
            self._tidy(chunk)
            self.has_content = True
            return [chunk]
        chunk.pop("usage", None)
        choices = []
        for choice in chunk.get("choices") or ():
            delta = choice.setdefault("delta", {})
            self._own_tools(delta)
            if not choice.get("index"):
                self._text += delta.get("content") or ""
                self._thinking(delta, ends=bool(choice.get("finish_reason")))
                self._provider_tools(delta)
            if choice.get("finish_reason"):
                own = reading.finish_reasons.get(choice.get("index") or 0)
                choice["finish_reason"] = _finish(choice["finish_reason"], own, self._called)
            choices.append(choice)
        self._tidy(chunk)
        chunk["choices"] = choices
        self.has_content = self.has_content or any(_has_content(choice) for choice in choices)
        return [chunk]

    def held_back(self) -> list[dict[str, Any]]:
        """Text received before the stream broke that litellm has not returned: it always holds back one chunk."""
        text = self._reading.text
        if not self._reading.active or not text.startswith(self._text) or len(text) == len(self._text):
            return []
        delta = {"content": text[len(self._text) :]}
        self._text = text
        return [{"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}]

    def last(self) -> list[dict[str, Any]]:
        """The chunk at the stream's end with the usage that the provider reported, if it did."""
        usage = self._reading.usage
        return [{"object": "chat.completion.chunk", "choices": [], "usage": usage}] if usage else []

    def _tidy(self, chunk: dict[str, Any]) -> None:
        for choice in chunk.get("choices") or ():
            _tidy(choice.get("delta") or {})

    def _own_tools(self, delta: dict[str, Any]) -> None:
        """Remove the pieces of calls to tools that the provider executed itself."""
        pieces = delta.pop("tool_calls", None)
        if not pieces:
            return
        provider_tools = self._reading.provider_tool_ids()
        kept = []
        for piece in pieces:
            index = piece.get("index") or 0
            if piece.get("id") in provider_tools:
                self._provider_tool_indexes.add(index)
            elif piece.get("id"):
                self._provider_tool_indexes.discard(index)
            if index not in self._provider_tool_indexes:
                kept.append(piece)
        if kept:
            self._called = True
            delta["tool_calls"] = kept

    def _thinking(self, delta: dict[str, Any], *, ends: bool) -> None:
        """Add the reasoning that litellm omitted, before anything that follows it."""
        self._reasoning += delta.get("reasoning_content") or ""
        if not (ends or delta.get("content") or delta.get("tool_calls")) or delta.get("reasoning_content"):
            return
        own = self._reading.reasoning
        if own and not self._reasoning:
            delta["reasoning_content"] = own
            self._reasoning = own

    def _provider_tools(self, delta: dict[str, Any]) -> None:
        own = self._reading.provider_tools
        delta.pop("provider_tool_calls", None)
        if len(own) > self._tools_sent:
            delta["provider_tool_calls"] = own[self._tools_sent :]
            self._tools_sent = len(own)


def _correct_message(message: dict[str, Any], own: Mapping[str, Any], provider_tools: Iterable[str]) -> None:
    skip = set(provider_tools)
    calls = [call for call in message.get("tool_calls") or () if call.get("id") not in skip]
    if calls:
        message["tool_calls"] = calls
    else:
        message.pop("tool_calls", None)
    for name in _OFTEN_LOST:
        if own.get(name) and not message.get(name):
            message[name] = own[name]
    if not message.get("content") and not calls and own.get("content"):
        message["content"] = own["content"]


def _finish(litellms: str | None, own: str | None, has_calls: bool) -> str | None:
    """The provider's finish reason, unless it is for a tool that litellm added for itself."""
    if own is None:
        return litellms
    if own == "tool_calls" and not has_calls:
        return "stop" if litellms == "tool_calls" else litellms
    return own


def _tidy(message: dict[str, Any]) -> None:
    for call in message.get("tool_calls") or ():
        signatures.tidy(call)


def _offered(call: Mapping[str, Any]) -> list[str]:
    functions = [tool.get("function") or {} for tool in call.get("tools") or () if isinstance(tool, dict)]
    return [str(function["name"]) for function in functions if isinstance(function, dict) and function.get("name")]


def has_answer(completion: Mapping[str, Any]) -> bool:
    """Whether a completion has a choice with text, reasoning, a tool call or anything else in its message."""
    return any(_is_answer(choice.get("message")) for choice in completion.get("choices") or ())


def _is_answer(message: Any) -> bool:
    return isinstance(message, dict) and any(value for name, value in message.items() if name not in _ENVELOPE)


def _has_content(choice: Mapping[str, Any]) -> bool:
    delta = choice.get("delta") or {}
    return bool(choice.get("finish_reason")) or any(value for name, value in delta.items() if name != "role")
