"""The effort of reasoning that a request asks for, as its model takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingate.wire.facts import nearest_effort

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingate.wire.params import ParamTracker


def fitted_effort(params: ParamTracker, effort: str, levels: Sequence[str] | None) -> str | None:
    """The level nearest to `effort` that the model has; None, and the parameter dropped, if it has none.

    Args:
        params: The request's parameters, where a change is reported.
        effort: What the request asks for; a value that is not one of OpenAI's is meant for the provider.
        levels: The model's levels; None if they are unknown.

    Raises:
        BadRequestError: The model does not have this level, and the policy is `strict`.
    """
    if levels is None or effort in levels:
        return effort
    if not levels:
        if effort != "none":
            params.drop("reasoning_effort", "the reasoning of this model cannot be configured")
        return None
    level = nearest_effort(effort, levels)
    if level is None:
        return effort
    adapt_effort(params, effort, level)
    return level


def adapt_effort(params: ParamTracker, effort: str, level: str) -> None:
    """Report that another level than the one asked for is sent.

    Raises:
        BadRequestError: The policy is `strict`.
    """
    if effort == "none":
        params.adapt("reasoning_effort", f"{params.model!r} always reasons; the lowest effort was requested ({level})")
    else:
        params.adapt("reasoning_effort", f"reasoning_effort is {level}: {params.model} does not accept {effort}")
