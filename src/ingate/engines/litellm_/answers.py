"""litellm's answers → plain dicts, refine_error where the provider's own words (`reading.py`) say otherwise."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ingate.engines.litellm_ import signatures

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingate.engines.litellm_.reading import ProviderReading

_PLAIN_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
# Arguments by which a configuration asks litellm to shape answers its own way.
_SHAPING: Final = frozenset({"merge_reasoning_content_in_choices", "mock_response", "mock_tool_calls", "fallbacks"})
# Fields of a message that litellm may leave out.
_OFTEN_LOST: Final = ("reasoning_content", "thinking_blocks", "annotations", "refusal", "provider_tool_calls")


def plain(value: Any) -> Any:
    """A litellm object as dicts and lists, without what is None; far cheaper than `model_dump`."""
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
    told = {name: plain(item) for name, item in fields.items() if item is not None and name[:1] != "_"}
    for name, item in (getattr(value, "__pydantic_extra__", None) or {}).items():
        if item is not None and name not in told:
            told[name] = plain(item)
    return told


def provider_decides(call: Mapping[str, Any]) -> bool:
    """Whether an answer to this call reads the same without litellm.

    It does not where litellm may have asked through a tool of its own, or under other names, or was told to shape the
    answer.
    """
    asked_for = call.get("response_format") or {}
    if isinstance(asked_for, dict) and asked_for.get("type", "text") != "text":
        return False
    if not isinstance(asked_for, dict) or _SHAPING & call.keys():
        return False
    if call["model"].startswith(("ollama/", "ollama_chat/")) and call.get("tools"):
        return False
    return all(_PLAIN_NAME.fullmatch(name) for name in _offered(call))


def completion(answer: Mapping[str, Any], reading: ProviderReading, call: Mapping[str, Any]) -> dict[str, Any]:
    """litellm's completion with the provider's counts, end, thinking and own tools."""
    told = dict(answer)
    own = reading.whole()
    for choice in told.get("choices") or ():
        _tidy(choice.get("message") or {})
    if own is not None and provider_decides(call):
        return {**told, **own, "id": told.get("id") or own["id"]}
    if own is None:
        return told
    ran_itself = reading.provider_tool_ids()
    own_choices = {choice["index"]: choice for choice in own["choices"]}
    for number, choice in enumerate(told.get("choices") or ()):
        theirs = own_choices.get(choice.get("index", number))
        message = choice.setdefault("message", {})
        if theirs is not None:
            _mend_message(message, theirs["message"], ran_itself)
            choice["finish_reason"] = _finish(
                choice.get("finish_reason"), theirs.get("finish_reason"), bool(message.get("tool_calls"))
            )
    told["usage"] = own.get("usage")
    return told


class ChunkMender:
    """Mends litellm's chunks one after the other, beside a `ProviderReading` of the same stream."""

    def __init__(self, reading: ProviderReading) -> None:
        self._reading = reading
        self._reasoning = ""
        self._tools_told = 0
        self._ran_itself: set[int] = set()
        self._called = False
        self._text = ""
        self.told_anything = False

    def mend(self, chunk: dict[str, Any]) -> list[dict[str, Any]]:
        """What to tell for one chunk of litellm's."""
        reading = self._reading
        if not reading.active:
            self._tidy(chunk)
            self.told_anything = True
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
        self.told_anything = self.told_anything or any(_says_something(choice) for choice in choices)
        return [chunk]

    def held_back(self) -> list[dict[str, Any]]:
        """Text that came before a break and that litellm had not told yet: it holds back a chunk."""
        text = self._reading.text
        if not self._reading.active or not text.startswith(self._text) or len(text) == len(self._text):
            return []
        delta = {"content": text[len(self._text) :]}
        self._text = text
        return [{"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}]

    def last(self) -> list[dict[str, Any]]:
        """What litellm left unsaid at the stream's end: above all the provider's own counts."""
        usage = self._reading.usage
        return [{"object": "chat.completion.chunk", "choices": [], "usage": usage}] if usage else []

    def _tidy(self, chunk: dict[str, Any]) -> None:
        for choice in chunk.get("choices") or ():
            _tidy(choice.get("delta") or {})

    def _own_tools(self, delta: dict[str, Any]) -> None:
        """Leave out pieces of tools that the provider ran itself; close the gaps they leave in the indexes."""
        pieces = delta.pop("tool_calls", None)
        if not pieces:
            return
        ran_itself = self._reading.provider_tool_ids()
        kept = []
        for piece in pieces:
            index = piece.get("index") or 0
            if piece.get("id") in ran_itself:
                self._ran_itself.add(index)
            elif piece.get("id"):
                self._ran_itself.discard(index)
            if index not in self._ran_itself:
                kept.append(piece)
        if kept:
            self._called = True
            delta["tool_calls"] = kept

    def _thinking(self, delta: dict[str, Any], *, ends: bool) -> None:
        """Tell the thinking that litellm passed over before anything that comes after it."""
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
        if len(own) > self._tools_told:
            delta["provider_tool_calls"] = own[self._tools_told :]
            self._tools_told = len(own)


def _mend_message(message: dict[str, Any], own: Mapping[str, Any], ran_itself: Iterable[str]) -> None:
    skip = set(ran_itself)
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


def _finish(said: str | None, own: str | None, has_calls: bool) -> str | None:
    """The provider's reason, unless it is a call of a tool that litellm had made for itself."""
    if own is None:
        return said
    if own == "tool_calls" and not has_calls:
        return "stop" if said == "tool_calls" else said
    return own


def _tidy(message: dict[str, Any]) -> None:
    for call in message.get("tool_calls") or ():
        signatures.tidy(call)


def _offered(call: Mapping[str, Any]) -> list[str]:
    functions = [tool.get("function") or {} for tool in call.get("tools") or () if isinstance(tool, dict)]
    return [str(function["name"]) for function in functions if isinstance(function, dict) and function.get("name")]


def _says_something(choice: Mapping[str, Any]) -> bool:
    delta = choice.get("delta") or {}
    return bool(choice.get("finish_reason")) or any(value for name, value in delta.items() if name != "role")
