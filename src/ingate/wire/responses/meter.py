"""What follows a response that is passed through: tokens, errors, and the end of a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.errors import UnavailableError
from ingate.wire.passthrough import Meter, decoded

if TYPE_CHECKING:
    from collections.abc import Mapping

    import msgspec

_PREAMBLE: Final = frozenset({"response.created", "response.queued", "response.in_progress", "keepalive"})
_ENDS: Final = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})


class ResponsesMeter(Meter):
    """Follows one response."""

    markers = (b"response.completed", b"response.incomplete", b"response.failed", b"response.cancelled", b'"error"')

    def event(self, value: dict[str, Any]) -> None:
        """Follow one event."""
        kind = value.get("type")
        if kind in _ENDS:
            self.done = True
            response = _object(value.get("response"))
            self._count(response.get("usage"))
            self.response = response or None
            if kind == "response.failed":
                self.fail({"error": response.get("error") or {"message": "the response failed"}})
            else:
                self.begun = True
        elif kind == "error":
            self.fail(value if isinstance(value.get("error"), dict) else {"error": value})
            self.done = True
        elif kind not in _PREAMBLE:
            self.begun = True

    def check(self, fields: Mapping[str, msgspec.Raw], content: bytes) -> None:
        """Read the usage of a whole response. One that failed after it was accepted is the client's to read."""
        if "output" not in fields and (error := decoded(fields.get("error"))):
            raise self.fail({"error": error})
        if "output" not in fields and "id" not in fields:
            raise UnavailableError(
                f"{self._provider or 'the provider'} sent no response object: {content[:200].decode(errors='replace')!r}",
                fix="check the base URL, or try again",
            )
        self._count(decoded(fields.get("usage")))

    def _count(self, counts: Any) -> None:
        if isinstance(counts, dict):
            self.usage = chat_usage(counts)


def chat_usage(counts: Mapping[str, Any]) -> dict[str, Any]:
    """The usage of a Responses object as chat completions count it."""
    given, made = _number(counts.get("input_tokens")), _number(counts.get("output_tokens"))
    taken, written = _object(counts.get("input_tokens_details")), _object(counts.get("output_tokens_details"))
    usage: dict[str, Any] = {
        "prompt_tokens": given,
        "completion_tokens": made,
        "total_tokens": _number(counts.get("total_tokens")) or given + made,
    }
    if cached := _number(taken.get("cached_tokens")):
        usage["prompt_tokens_details"] = {"cached_tokens": cached}
    if reasoning := _number(written.get("reasoning_tokens")):
        usage["completion_tokens_details"] = {"reasoning_tokens": reasoning}
    return usage


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0
