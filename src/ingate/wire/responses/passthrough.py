"""OpenAI's Responses passed through, to every provider that has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.wire.passthrough import PassThrough
from ingate.wire.reasoning_state import native_items
from ingate.wire.responses.copilot import CopilotMeter
from ingate.wire.responses.meter import ResponsesMeter
from ingate.wire.responses.providers import responses_provider

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.codec import Target
    from ingate.wire.passthrough import ApiRequest

_SAME: Final = frozenset({"temperature", "top_p", "service_tier", "parallel_tool_calls", "store", "user", "metadata"})
_LIMITS: Final = frozenset({"max_tokens", "max_completion_tokens", "max_output_tokens"})


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
        given = request.body.get("input")
        row = responses_provider(target.provider)
        items = native_items(given, target.provider, encrypts=row.encrypted and not row.reasoning_text)
        changes, warnings = ({}, []) if items is None else ({"input": items[0]}, items[1])
        if not row.lasting_ids and isinstance(kept := changes.get("input", given), list):
            bare = [_without_id(item) for item in kept]
            if bare != kept:
                changes["input"] = bare
        return changes, warnings

    def meter(self, request: ApiRequest, target: Target) -> ResponsesMeter:
        """What follows one response."""
        lasting = responses_provider(target.provider).lasting_ids
        return ResponsesMeter(target.provider) if lasting else CopilotMeter(target.provider)


def _without_id(item: Any) -> Any:
    """An item of an earlier turn without its id, which belongs to its reasoning only if that is encrypted."""
    if not isinstance(item, dict) or "id" not in item or item.get("type") in {"reasoning", "item_reference"}:
        return item
    return {name: value for name, value in item.items() if name != "id"}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


PASS_THROUGH: Final = ResponsesPassThrough()
