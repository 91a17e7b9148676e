"""OpenAI's Responses passed through, to every provider that has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.wire.passthrough import Meter, PassThrough, decoded
from ingate.wire.reasoning_state import native_items

if TYPE_CHECKING:
    from collections.abc import Mapping

    import msgspec

    from ingate.wire.codec import Target
    from ingate.wire.passthrough import ApiRequest

_SAME: Final = frozenset({"temperature", "top_p", "service_tier", "parallel_tool_calls", "store", "user", "metadata"})
_LIMITS: Final = frozenset({"max_tokens", "max_completion_tokens", "max_output_tokens"})
_PREAMBLE: Final = frozenset({"response.created", "response.queued", "response.in_progress", "keepalive"})
_ENDS: Final = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})


class ResponsesPassThrough(PassThrough):
    """Responses to a Responses endpoint."""

    def params(self, request: ApiRequest, params: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """A spec's parameters as Responses has them."""
        made: dict[str, Any] = {}
        dropped: list[str] = []
        for name, value in params.items():
            if name in _SAME:
                made[name] = value
            elif name in _LIMITS:
                made["max_output_tokens"] = value
            elif name == "reasoning_effort":
                made["reasoning"] = {**_object(request.body.get("reasoning")), "effort": value}
            elif name == "verbosity":
                made["text"] = {**_object(request.body.get("text")), "verbosity": value}
            else:
                dropped.append(name)
        return made, dropped

    def output_limit(self, body: Mapping[str, Any]) -> tuple[str, int] | None:
        """`max_output_tokens`."""
        value = body.get("max_output_tokens")
        return ("max_output_tokens", value) if isinstance(value, int) and not isinstance(value, bool) else None

    def history(self, request: ApiRequest, target: Target) -> tuple[dict[str, Any], list[str]]:
        """The input with the provider's own reasoning items in place of envelopes, without those of other providers."""
        items = native_items(request.body.get("input"), target.provider)
        return ({}, []) if items is None else ({"input": items[0]}, items[1])

    def meter(self, request: ApiRequest, target: Target) -> ResponsesMeter:
        """What follows one response."""
        return ResponsesMeter(target.provider)


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


PASS_THROUGH: Final = ResponsesPassThrough()
