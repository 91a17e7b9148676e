"""A request as its model accepts it, and what undoes the changes in the answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ingate.wire.adapt.keys import KeyRewriter
from ingate.wire.adapt.properties import PropertyNames
from ingate.wire.adapt.tool_names import ToolNames

if TYPE_CHECKING:
    from ingate.wire.adapt.answer_check import AnswerCheck

# Keys of a chunk that every chunk of the stream repeats.
_ENVELOPE: Final = ("id", "object", "created", "model")
_EMPTY: Final = frozenset({*_ENVELOPE, "choices"})
_EMPTY_CHOICE: Final = frozenset({"index", "delta", "finish_reason", "logprobs"})


@dataclass(slots=True)
class Adapted:
    """A request as its model accepts it, for one call.

    Attributes:
        body: The request; what needed no change is shared with the caller's.
        dropped: Names of parameters that were left out.
        warnings: Sentences for the user.
        names: The names of tools that were replaced.
        properties: The names of tools' parameters that were replaced.
        check: What validates the answer, None if nothing has to.
        late: Where sentences about the answer go.
        binds: Whether the provider may leave out thinking that does not fit the conversation, and reports it.
    """

    body: dict[str, Any]
    dropped: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    names: ToolNames = field(default_factory=ToolNames)
    properties: PropertyNames = field(default_factory=PropertyNames)
    check: AnswerCheck | None = None
    late: list[str] = field(default_factory=list)
    binds: bool = False
    _rewriters: dict[tuple[int, int], KeyRewriter] = field(default_factory=dict)

    @property
    def reads_answer(self) -> bool:
        """Whether the answer has to go through `restore` or `chunks`."""
        return bool(self.names) or bool(self.properties) or self.check is not None or self.binds

    def restore(self, answer: dict[str, Any]) -> None:
        """Put the caller's names back into a completion, in place, and validate its text.

        One that broke off (`finish_reason` is null) is not validated.
        """
        if self.binds:
            self._report_left_out(answer)
        for choice in answer.get("choices") or ():
            message = choice.get("message")
            if not isinstance(message, dict):
                continue
            if self.check is not None:
                self.check.whole(message, choice.get("finish_reason"))
            if self.names:
                self.names.restore(message)
            if self.properties:
                self.properties.restore(message)

    def chunks(self, chunk: dict[str, Any]) -> list[dict[str, Any]]:
        """The chunks to deliver for one of the stream: with the caller's names, and what was held back before its end.

        `chunk` may be changed. There is none for it if all of its text is held back.
        """
        if self.binds:
            self._report_left_out(chunk)
        choices = chunk.get("choices")
        if not choices:
            return [chunk]
        before: list[dict[str, Any]] = []
        kept: list[dict[str, Any]] = []
        for choice in choices:
            rest = self._rest(choice) if isinstance(choice.get("delta"), dict) else None
            if rest:
                before.append({"index": choice.get("index") or 0, "delta": rest, "finish_reason": None})
            if choice.get("delta") or choice.get("finish_reason") or not choice.keys() <= _EMPTY_CHOICE:
                kept.append(choice)
        out = [{**{name: chunk[name] for name in _ENVELOPE if name in chunk}, "choices": before}] if before else []
        if kept or not chunk.keys() <= _EMPTY:
            chunk["choices"] = kept or choices
            out.append(chunk)
        return out

    def _rest(self, choice: dict[str, Any]) -> dict[str, Any]:
        """Restore one choice of a chunk in place; returns the delta that has to come before it, often an empty one."""
        index, delta, reason = choice.get("index") or 0, choice["delta"], choice.get("finish_reason")
        rest: dict[str, Any] = {}
        if self.names:
            self.names.restore(delta)
        if self.properties:
            self._rewrite(index, delta)
            if reason and (calls := self._unfinished(index)):
                rest["tool_calls"] = calls
        if self.check is None:
            return rest
        if isinstance(text := delta.get("content"), str) and text:
            made = self.check.piece(index, text)
            if made or "role" in delta:
                delta["content"] = made
            else:
                del delta["content"]
        if reason and (text := self.check.finish(index, reason)):
            rest["content"] = text
        return rest

    def _rewrite(self, choice: int, delta: dict[str, Any]) -> None:
        """Put the caller's names into the arguments of a delta's calls, in place."""
        calls = delta.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            function = call.get("function") if isinstance(call, dict) else None
            if not isinstance(function, dict):
                continue
            place = (choice, call.get("index") or 0)
            if isinstance(name := function.get("name"), str) and (names := self.properties.callers(name)) is not None:
                self._rewriters[place] = KeyRewriter(names)
            rewriter = self._rewriters.get(place)
            if rewriter is not None and isinstance(text := function.get("arguments"), str):
                function["arguments"] = rewriter.feed(text)

    def _unfinished(self, choice: int) -> list[dict[str, Any]]:
        """The ends of arguments that broke off in a key."""
        ends = [(place[1], one.finish()) for place, one in self._rewriters.items() if place[0] == choice]
        return [{"index": index, "function": {"arguments": text}} for index, text in ends if text]

    def _report_left_out(self, answer: dict[str, Any]) -> None:
        """Report the thinking that the provider left out of the request."""
        for choice in answer.get("choices") or ():
            changes = choice.pop("input_transformations", None)
            dropped = [one for one in changes or () if isinstance(one, dict) and one.get("type") == "thinking_dropped"]
            if dropped:
                reason = str(dropped[0].get("reason") or "").replace("_", " ")
                self.late.append(f"the provider left out {len(dropped)} block(s) of earlier thinking ({reason})")
