"""An OpenAI request → llama.cpp's: unsupported parameters are dropped and reported, or are an error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ingate.engines.local import tools
from ingate.engines.local.files import SMOLLM2
from ingate.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ingate.engines.base import CallReport, Route
    from ingate.engines.local.gguf import GgufHead

# Settings with which so small a model stays on topic, and a limit for answers that repeat themselves endlessly.
_SMOLLM2_DEFAULTS: Final[Mapping[str, Any]] = {
    "temperature": 0.2,
    "top_p": 0.9,
    "repeat_penalty": 1.1,
    "max_completion_tokens": 1024,
}
_UNSUPPORTED: Final = frozenset(
    {"audio", "modalities", "prediction", "reasoning_effort", "verbosity", "web_search_options"}
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """One chat request for llama.cpp.

    Attributes:
        request: The request for llama.cpp.
        read: Converts a chunk of the answer into the chunks for the caller, possibly none.
    """

    request: dict[str, Any]
    read: Callable[[dict[str, Any]], list[dict[str, Any]]]


def check(route: Route, body: Mapping[str, Any]) -> None:
    """Raise `BadRequestError` for a request that no model could answer, before one is loaded."""
    messages = body.get("messages")
    if not isinstance(messages, list | tuple) or not messages:
        raise BadRequestError("the request has no messages", provider=route.provider, spec=str(route.spec))


def prepare(route: Route, body: Mapping[str, Any], report: CallReport, head: GgufHead) -> Prepared:
    """The request for llama.cpp, streamed and with usage.

    Raises:
        BadRequestError: The model does not support a parameter, and the route's policy is `strict`.
    """
    request = {name: value for name, value in body.items() if value is not None}
    read = _unchanged
    if "max_tokens" in request:
        request.setdefault("max_completion_tokens", request.pop("max_tokens"))
    unsupported = sorted(_UNSUPPORTED & request.keys())
    if request.get("n", 1) == 1:
        request.pop("n", None)
    else:
        unsupported.append("n")
    if not head.knows_tools and request.get("tools"):
        if tools.must_call(request):
            request, read = tools.as_schema(request), tools.CallReader().read
        elif request.get("tool_choice") != "none":
            unsupported.append("tools")
        for name in ("tools", "tool_choice", "parallel_tool_calls"):
            request.pop(name, None)
    _drop(unsupported, request, route, report)
    defaults = _SMOLLM2_DEFAULTS if route.model == SMOLLM2 and "path" not in route.facts else {}
    # Progress reports on the prompt are requested because a request can be stopped only when one arrives.
    always = {"stream": True, "stream_options": {"include_usage": True}, "return_progress": True}
    return Prepared({**defaults, **request, **always}, read)


def _unchanged(piece: dict[str, Any]) -> list[dict[str, Any]]:
    return [piece]


def _drop(names: list[str], request: dict[str, Any], route: Route, report: CallReport) -> None:
    if not names:
        return
    if route.drop_params == "strict":
        raise BadRequestError(
            f"local/{route.model} does not support {', '.join(names)}",
            provider=route.provider,
            spec=str(route.spec),
            fix="leave it out, or set drop_params: true",
        )
    for name in names:
        request.pop(name, None)
    report.dropped.extend(names)
    if "tools" in names:
        report.warnings.append(
            f"local/{route.model}: its chat template does not support tools, so they were dropped; "
            "tool_choice 'required' makes it call one"
        )
