"""The metadata of an answer, under its key `ingate`: who served it, what was dropped, what it cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingate.gateway.routing import PROXY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ingate.catalog import Catalog
    from ingate.engines.base import CallReport, Route


def answer_metadata(
    route: Route, report: CallReport, usage: Mapping[str, Any] | None, catalog: Callable[[], Catalog]
) -> dict[str, Any]:
    """The metadata of one answer.

    Args:
        route: The route that served it.
        report: The engine's report on the call.
        usage: The token usage, None if unknown.
        catalog: Called if a price is needed.

    Returns:
        `spec`, `engine`, `provider`, `dropped`, `warnings`, `headers`, `cost_usd` (None if the price is unknown); for an
        answer of a LiteLLM proxy also `proxy`: what its headers report about deployment, cache and limits.
    """
    metadata: dict[str, Any] = {
        "spec": str(route.spec),
        "engine": route.engine,
        "provider": route.provider,
        "dropped": report.dropped,
        "warnings": report.warnings,
        "headers": report.headers,
        "cost_usd": _cost_usd(route, report, usage, catalog),
    }
    if route.provider == PROXY:
        from ingate.engines import proxy

        metadata["proxy"] = proxy.answer_details(report.headers)
    return metadata


def _cost_usd(
    route: Route, report: CallReport, usage: Mapping[str, Any] | None, catalog: Callable[[], Catalog]
) -> float | None:
    if route.engine in {"local", "scripted"}:
        return 0.0
    provider, model = route.provider, route.model
    if provider == PROXY:
        from ingate.engines import proxy

        if (reported := proxy.cost_usd(report.headers)) is not None:
            return reported
        # A stream's headers are sent before its cost is known, but they name the model.
        provider, _, model = report.headers.get("x-litellm-model-name", "").partition("/")
    if usage is None:
        return None
    row = catalog().get(provider, model)
    if row is None:
        return None
    from ingate.catalog import cost_usd

    return cost_usd(row, usage)
