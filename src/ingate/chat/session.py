"""A conversation as data, built from records. Each record is one line of the session's file.

Records are dicts with a key `type`:

    session    id, created_at, model, system           the beginning
    model      spec                                    another model from here on
    system     text                                    another system message
    user       content                                 a message of the user's
    piece      text?, reasoning?                       a part of the answer, as it arrived
    assistant  message, provider, stopped?             the answer; replaces its pieces
    tool       tool_call_id, name, content, error      a tool's result
    turn       the fields of `Turn`                    tokens, cost and time of the answer
    keep       count                                   drop all but the first `count` entries
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, TypedDict

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

INTERRUPTED: Final = "the terminal was closed"
_MEASURABLE_S: Final = 0.05  # a shorter answer has no meaningful speed


# What a damaged file may hold beyond these cannot be shown, or summed.
_Count = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
_Amount = Annotated[float, msgspec.Meta(ge=0, le=1e15)]
_Date = Annotated[float, msgspec.Meta(ge=0, le=253_402_214_400)]  # to the end of the year 9999


class Entry(msgspec.Struct):
    """One message of the history.

    Attributes:
        message: In OpenAI's format, as received: with reasoning, signatures, images.
        provider: The provider that wrote it; empty for the user's messages and for tool results.
        stopped: Why it is incomplete, empty if it is complete.
    """

    message: dict[str, Any]
    provider: str = ""
    stopped: str = ""

    @property
    def role(self) -> str:
        """`user`, `assistant` or `tool`."""
        return str(self.message.get("role") or "")


class Turn(msgspec.Struct, kw_only=True):
    """Tokens, cost and time of one answer, including all its rounds of tool calls.

    Attributes:
        spec: The spec that answered.
        input_tokens: All input, including cached tokens; None if the provider reported no usage.
        output_tokens: All output, including reasoning; None likewise.
        cached_tokens: Input tokens read from the provider's cache.
        reasoning_tokens: Output tokens spent on reasoning.
        cost_usd: None if the price of some round is unknown.
        first_token_s: Seconds to the first token, None if none arrived.
        seconds: Seconds from first to last token, summed over all rounds.
        tool_calls: How many tools were called.
    """

    spec: str = ""
    input_tokens: _Count | None = None
    output_tokens: _Count | None = None
    cached_tokens: _Count = 0
    reasoning_tokens: _Count = 0
    cost_usd: _Amount | None = 0.0
    first_token_s: _Amount | None = None
    seconds: _Amount = 0.0
    tool_calls: _Count = 0

    def add(self, usage: Mapping[str, Any] | None, cost_usd: float | None) -> None:
        """Add one round's usage (None if the provider reported none) and cost (None if unknown)."""
        self.cost_usd = None if cost_usd is None or self.cost_usd is None else self.cost_usd + cost_usd
        if not usage:
            return
        self.input_tokens = (self.input_tokens or 0) + int(usage.get("prompt_tokens") or 0)
        self.output_tokens = (self.output_tokens or 0) + int(usage.get("completion_tokens") or 0)
        self.cached_tokens += int((usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0)
        self.reasoning_tokens += int((usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0)

    @property
    def tokens_per_s(self) -> float | None:
        """Output tokens per second after the first one; None if there is too little to measure."""
        if not self.output_tokens or self.output_tokens < 2 or self.seconds < _MEASURABLE_S:
            return None
        return self.output_tokens / self.seconds


_Content = str | list[dict[str, Any]] | None


class _Message(TypedDict, total=False):
    content: _Content
    reasoning_content: str | None
    tool_calls: list[dict[str, Any]] | None


class _Record(TypedDict, total=False):
    """The values of every record but `turn`, by their keys."""

    id: str | None
    created_at: _Date | None
    model: str | None
    system: str | None
    spec: str | None
    text: str | None
    reasoning: str | None
    content: _Content
    message: _Message
    provider: str | None
    stopped: str | None
    name: str | None
    tool_call_id: str | None
    count: int | None


def _is_sound(record: Mapping[str, Any]) -> bool:
    """Whether the values of a record have the right types."""
    try:
        msgspec.convert(record, Turn if record.get("type") == "turn" else _Record)
    except msgspec.ValidationError:
        return False
    return True


class Session(msgspec.Struct, kw_only=True):
    """A conversation.

    Attributes:
        id: Its name, which sorts by time (`20261122-204512-3f2a`).
        created_at: Seconds since the epoch.
        model: The spec that answers next.
        system: The system message, empty for none.
        entries: The history.
        turns: One per answer, including answers that were replaced by a retry.
        pieces: The text and reasoning of the answer that is being streamed.
    """

    id: str
    created_at: float = 0.0
    model: str = ""
    system: str = ""
    entries: list[Entry] = []
    turns: list[Turn] = []
    pieces: dict[str, str] = {}

    @classmethod
    def replay(cls, records: Iterable[Mapping[str, Any]], *, name: str) -> Session:
        """The conversation that the records describe. The pieces of an unfinished answer become that answer.

        Records with values of a wrong type are left out.
        """
        session = cls(id=name)
        for record in records:
            if _is_sound(record):
                session.apply(record)
        session.settle()
        return session

    def apply(self, record: Mapping[str, Any]) -> None:
        """Apply one record; one of an unknown type is ignored."""
        match record.get("type"):
            case "session":
                self.id = str(record.get("id") or self.id)
                self.created_at = float(record.get("created_at") or 0.0)
                self.model = str(record.get("model") or "")
                self.system = str(record.get("system") or "")
            case "model":
                self.model = str(record.get("spec") or "")
            case "system":
                self.system = str(record.get("text") or "")
            case "user":
                self.settle()
                self.entries.append(Entry({"role": "user", "content": record.get("content") or ""}))
            case "piece":
                for key in ("text", "reasoning"):
                    if piece := record.get(key):
                        self.pieces[key] = self.pieces.get(key, "") + str(piece)
            case "assistant":
                self.pieces = {}
                message = {"role": "assistant", **dict(record.get("message") or {})}
                self.entries.append(Entry(message, str(record.get("provider") or ""), str(record.get("stopped") or "")))
            case "tool":
                message = {"role": "tool", "tool_call_id": record.get("tool_call_id"), "content": record.get("content")}
                self.entries.append(Entry({**message, "name": record.get("name") or ""}))
            case "turn":
                fields = {name: record[name] for name in Turn.__struct_fields__ if name in record}
                self.turns.append(Turn(**fields))
            case "keep":
                self.settle()
                del self.entries[int(record.get("count") or 0) :]

    def settle(self) -> None:
        """Turn pieces without an answer after them into an incomplete answer."""
        if self.pieces:
            message: dict[str, Any] = {"role": "assistant", "content": self.pieces.get("text", "")}
            if reasoning := self.pieces.get("reasoning"):
                message["reasoning_content"] = reasoning
            self.entries.append(Entry(message, stopped=INTERRUPTED))
            self.pieces = {}

    @property
    def title(self) -> str:
        """The first words of the user's first message."""
        for entry in self.entries:
            if entry.role == "user":
                return " ".join(text_of(entry.message).split())[:80]
        return ""

    def last_user(self) -> int | None:
        """The index of the user's last message, None if there is none."""
        for place in range(len(self.entries) - 1, -1, -1):
            if self.entries[place].role == "user":
                return place
        return None

    def totals(self) -> Turn:
        """All turns together. `cost_usd` is the sum of the known costs; see `unpriced`."""
        total = Turn()
        for turn in self.turns:
            total.input_tokens = _sum(total.input_tokens, turn.input_tokens)
            total.output_tokens = _sum(total.output_tokens, turn.output_tokens)
            total.cached_tokens += turn.cached_tokens
            total.reasoning_tokens += turn.reasoning_tokens
            total.cost_usd = (total.cost_usd or 0.0) + (turn.cost_usd or 0.0)
            total.seconds += turn.seconds
            total.tool_calls += turn.tool_calls
        return total

    @property
    def unpriced(self) -> int:
        """The number of turns whose cost is unknown."""
        return sum(turn.cost_usd is None for turn in self.turns)


def text_of(message: Mapping[str, Any]) -> str:
    """A message's text, without attachments."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    parts = [str(part.get("text") or "") for part in content if isinstance(part, dict) and not part.get("attached")]
    return "\n\n".join(part for part in parts if part)


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other
