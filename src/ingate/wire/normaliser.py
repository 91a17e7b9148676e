"""The invariants of every stream, whatever engine or provider it comes from.

- The first chunk of each choice carries the role, no later one does.
- Each tool-call delta has an integer index; the first one of a call has its id, type and name; the arguments
  concatenate to valid JSON (`{}` for none).
- Each choice has one finish reason, in a last delta without content.
- `id`, `created`, `model` and `object` are the same in all chunks.
- The last chunk has `choices: []` and the usage if usage is requested; no other chunk has usage.
- Entries of a delta's lists (annotations, thinking blocks, tools the provider ran) carry an index, as tool calls do: clients
  join lists by it.
- Reasoning text is `reasoning_content`; content is text; nulls are left out; unknown fields are kept.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any, Final

from ingate.wire.fields import finish_reason, unify
from ingate.wire.thinking import told_blocks
from ingate.wire.tool_calls import ToolCallTracker
from ingate.wire.usage import merge_usage, normalise_usage

if TYPE_CHECKING:
    from collections.abc import Mapping

# Keys of a chunk that are set here, and keys that do not justify a chunk of their own.
_ENVELOPE: Final = frozenset({"id", "object", "created", "model", "choices", "usage"})
_IDLE: Final = frozenset(
    {"system_fingerprint", "service_tier", "provider", "obfuscation", "p", "x_groq", "timings", "generationId"}
)
_CHOICE: Final = frozenset({"index", "delta", "message", "finish_reason", "text"})
# Lists of a delta that add up to lists of the message.
_LISTS: Final = frozenset(
    {"annotations", "thinking_blocks", "reasoning_details", "reasoning_items", "provider_tool_calls", "images"}
)


class _Choice:
    """One choice as far as it has arrived."""

    __slots__ = ("calls", "finish", "index", "kept", "last", "reasoning", "refusal", "text")

    def __init__(self, index: int, names: frozenset[str]) -> None:
        self.index = index
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.refusal: list[str] = []
        self.calls = ToolCallTracker(names)
        self.kept: dict[str, list[Any]] = {}
        self.finish: str | None = None
        self.last: dict[str, Any] = {}  # fields that accompanied the finish reason, emitted with it

    def message(self, calls: list[dict[str, Any]]) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self.text) or None}
        if self.reasoning:
            message["reasoning_content"] = "".join(self.reasoning)
        if self.refusal:
            message["refusal"] = "".join(self.refusal)
        message.update({key: list(items) for key, items in self.kept.items()})
        if calls:
            message["tool_calls"] = calls
        return message


class StreamNormaliser:
    """Turns OpenAI-like chunks into chunks that satisfy the invariants. Feed it each chunk, then call `finish`.

    Args:
        model: The model's name if the chunks have none.
        include_usage: Whether a usage chunk ends the stream; its usage is null if the provider reported none.
        names: The names of the request's tools; see `ToolCallTracker`.
    """

    def __init__(self, model: str, include_usage: bool = True, names: frozenset[str] = frozenset()) -> None:
        self._model = model
        self._names = names
        self._include_usage = include_usage
        self._id = ""
        self._created = 0
        self._named = ""
        self._choices: dict[int, _Choice] = {}
        self._usage: dict[str, Any] | None = None
        self._waiting: dict[str, Any] = {}  # fields of chunks without choices, emitted with the next chunk
        self._finished = False

    @property
    def text(self) -> str:
        """The first choice's text so far."""
        first = self._choices.get(0)
        return "".join(first.text) if first is not None else ""

    @property
    def usage(self) -> dict[str, Any] | None:
        """The usage so far, None if the provider has not reported any."""
        return normalise_usage(self._usage) if self._usage else None

    def partial(self) -> dict[str, Any] | None:
        """What has arrived as a completion, whose finish reason may be null; None if nothing has.

        It contains the tool calls whose arguments are complete.
        """
        choices = []
        for _, choice in sorted(self._choices.items()):
            message = choice.message(choice.calls.finished())
            if len(message) > 2 or message["content"]:
                choices.append({"index": choice.index, "message": message, "finish_reason": choice.finish})
        if not choices:
            return None
        return {**self._envelope(), "object": "chat.completion", "choices": choices, "usage": self.usage}

    def feed(self, chunk: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The chunks to emit for one that arrived: often one, sometimes none. `chunk` is not changed."""
        choices = chunk.get("choices")
        # The fast path of an ordinary piece of text.
        if self._named and choices and len(choices) == 1 and not chunk.get("usage"):
            choice = choices[0]
            delta = choice.get("delta")
            if delta and len(delta) == 1 and not choice.get("finish_reason", True) and "message" not in choice:
                content = delta.get("content")
                state = self._choices.get(choice.get("index"))
                if state is not None and content.__class__ is str and content:
                    state.text.append(content)
                    out = dict(chunk)
                    out["id"], out["created"], out["model"] = self._id, self._created, self._named
                    out["object"] = "chat.completion.chunk"
                    out.pop("usage", None)
                    return [out]
        return self._feed(chunk, choices if isinstance(choices, list) else [])

    def finish(self) -> list[dict[str, Any]]:
        """The last chunks of a stream that ended properly: finish reasons, then usage. Empty when called again."""
        if self._finished:
            return []
        self._finished = True
        if not self._choices:
            self._choices[0] = _Choice(0, self._names)
            first = self._delta(self._choices[0], {"role": "assistant", "content": ""})
            out = [self._chunk([first])]
        else:
            out = []
        for _, choice in sorted(self._choices.items()):
            if pieces := choice.calls.finish():
                out.append(self._chunk([self._delta(choice, {"tool_calls": pieces})]))
            choice.finish = finish_reason(choice.finish, has_calls=bool(choice.calls))
            out.append(self._chunk([{**self._delta(choice, {}), **choice.last, "finish_reason": choice.finish}]))
        if self._waiting:
            out[-1].update(self._waiting)
            self._waiting = {}
        if self._include_usage:
            out.append({**self._envelope(), "choices": [], "usage": self.usage})
        return out

    def _envelope(self) -> dict[str, Any]:
        self._begin({})
        return {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": self._named,
        }

    def _begin(self, chunk: Mapping[str, Any]) -> None:
        """Set the fields that are the same in all chunks, from the first chunk."""
        if not self._named:
            self._id = str(chunk.get("id") or "") or f"chatcmpl-{secrets.token_hex(12)}"
            created = chunk.get("created")
            self._created = int(created) if isinstance(created, (int, float)) and created else int(time.time())
            self._named = str(chunk.get("model") or self._model)

    def _chunk(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {**self._envelope(), "choices": choices}

    @staticmethod
    def _delta(choice: _Choice, delta: dict[str, Any]) -> dict[str, Any]:
        return {"index": choice.index, "delta": delta, "finish_reason": None}

    def _feed(self, chunk: Mapping[str, Any], choices: list[Any]) -> list[dict[str, Any]]:
        self._count(chunk)
        extra = {key: value for key, value in chunk.items() if key not in _ENVELOPE and value is not None}
        if not choices:
            if extra and not self._finished:
                self._waiting.update(extra)
            return []
        self._begin(chunk)
        emitted = [piece for choice in choices if isinstance(choice, dict) and (piece := self._choice(choice))]
        if not emitted:
            self._waiting.update({key: value for key, value in extra.items() if key not in _IDLE})
            return []
        out = self._chunk(emitted)
        if self._waiting:
            out.update(self._waiting)
            self._waiting = {}
        out.update(extra)
        return [out]

    def _count(self, chunk: Mapping[str, Any]) -> None:
        groq = chunk.get("x_groq")
        if isinstance(groq, dict) and isinstance(groq.get("usage"), dict):
            self._usage = merge_usage(self._usage, groq["usage"])
        if isinstance(usage := chunk.get("usage"), dict):
            self._usage = merge_usage(self._usage, usage)

    def _choice(self, source: dict[str, Any]) -> dict[str, Any] | None:
        """One choice of a chunk, None if it has nothing new."""
        index = source.get("index")
        index = index if isinstance(index, int) else 0
        state = self._choices.get(index)
        is_first = state is None
        if state is None:
            state = self._choices[index] = _Choice(index, self._names)
        delta = unify(self._source_delta(source, state))
        role = delta.pop("role", None)
        self._keep(state, delta)
        if "tool_calls" in delta:
            pieces = state.calls.feed(delta.pop("tool_calls"))
            if pieces:
                delta["tool_calls"] = pieces
        if delta.get("content") == "" and not is_first:
            del delta["content"]
        if is_first:
            delta = {"role": role or "assistant", **delta}
        extra = {key: value for key, value in source.items() if key not in _CHOICE and value is not None}
        if raw := source.get("finish_reason"):
            # "stop" may arrive early and repeatedly; it does not replace a more specific reason.
            reason = finish_reason(raw, has_calls=False)
            if state.finish in {None, "stop"}:
                state.finish = reason
            if str(raw) != reason:
                extra.setdefault("native_finish_reason", raw)
            state.last.update(extra)
            extra = {}
        if not delta and not any(_has_content(value) for value in extra.values()):
            return None
        return {**extra, "index": index, "delta": delta, "finish_reason": None}

    @staticmethod
    def _source_delta(source: dict[str, Any], state: _Choice) -> dict[str, Any]:
        """The delta; if a server sends the message so far instead, the new part of it."""
        delta = source.get("delta")
        if isinstance(delta, dict):
            return delta
        message = source.get("message")
        if not isinstance(message, dict):
            text = source.get("text")
            return {"content": text} if isinstance(text, str) else {}
        message = unify(message)
        for key, emitted in (("content", state.text), ("reasoning_content", state.reasoning)):
            if isinstance(whole := message.get(key), str) and emitted:
                message[key] = whole.removeprefix("".join(emitted))
        return message

    @staticmethod
    def _keep(state: _Choice, delta: dict[str, Any]) -> None:
        """Remember what `partial` returns, and number the entries of lists."""
        if content := delta.get("content"):
            state.text.append(content)
        if reasoning := delta.get("reasoning_content"):
            state.reasoning.append(reasoning)
        if isinstance(refusal := delta.get("refusal"), str):
            state.refusal.append(refusal)
        for key in _LISTS & delta.keys():
            if isinstance(items := delta[key], list):
                kept = state.kept.setdefault(key, [])
                if key == "thinking_blocks":
                    delta[key] = told_blocks(kept, items)
                else:
                    delta[key] = [_with_index(item, len(kept) + place) for place, item in enumerate(items)]
                    kept.extend(items)
            if not delta[key]:
                del delta[key]


def _with_index(item: Any, place: int) -> Any:
    """An entry of a list with its index in the message's list: OpenAI's clients join lists by index."""
    return {**item, "index": place} if isinstance(item, dict) and "index" not in item else item


def _has_content(value: object) -> bool:
    """Whether an extra field of a choice contains more than nulls."""
    if isinstance(value, dict):
        return any(_has_content(item) for item in value.values())
    return bool(value)
