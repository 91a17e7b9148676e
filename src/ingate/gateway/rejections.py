"""Learning from a provider's rejection: one more attempt without what it names, and no such request later.

The facts of `data/model_facts.json` and the catalog may be older than a model. What a rejection says about the model is
kept as a fact for the life of the gateway.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ingate.errors import BadRequestError, ContentFilterError, ContextTooLongError, InvalidRequestError
from ingate.gateway.requests import ADAPTED_ENGINES, target_of
from ingate.wire.downstream import translate
from ingate.wire.facts import facts_of
from ingate.wire.rejection import read_rejection

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from ingate.engines.base import CallReport, Route
    from ingate.wire.passthrough import ApiRequest

T = TypeVar("T")

_MAX_MODELS: Final = 512
# Bad requests that no other parameter would make good.
_NOT_LEARNED: Final = (ContextTooLongError, ContentFilterError, InvalidRequestError)


class Rejections:
    """What providers have rejected, by provider, model and wire format."""

    def __init__(self) -> None:
        self._facts: dict[tuple[str, str, str], dict[str, Any]] = {}

    def known(self, route: Route) -> Route:
        """The route with what earlier rejections said about its model."""
        learned = self._facts.get(_key(route))
        return replace(route, facts={**route.facts, **learned}) if learned else route

    async def without_rejected(
        self, route: Route, chat: Mapping[str, Any], report: CallReport, attempt: Callable[[Route], Awaitable[T]]
    ) -> T:
        """The result of `attempt`, with one more attempt if the provider rejects a parameter that can be left out.

        Args:
            route: Where the call goes.
            chat: The request before it is adapted.
            report: What the first attempt reported is undone if there is another.
            attempt: One attempt, which adapts the request to the facts of its route.

        Raises:
            IngateError: What the last attempt raises; the `fix` of a rejection says what ingate would change.
        """
        dropped, warnings = list(report.dropped), list(report.warnings)
        known = self.known(route)
        try:
            return await attempt(known)
        except BadRequestError as error:
            learned = self._learn(known, chat, error)
            if learned is None:
                raise
        report.dropped[:], report.warnings[:] = dropped, warnings
        result = await attempt(replace(known, facts={**known.facts, **learned}))
        self._keep(known, learned)
        return result

    def explain(self, error: BadRequestError, request: ApiRequest) -> None:
        """Say in the error's `fix` what ingate would change, for a request that was passed through unchanged."""
        if isinstance(error, _NOT_LEARNED):
            return
        try:
            chat = request.body if request.api == "chat" else translate(request.api, request.body).chat
        except BadRequestError:  # the client's API has more than can be translated
            return
        if (found := read_rejection(error, chat)) is not None:
            error.fix = f"the request was passed through unchanged; to have it accepted, {found.change}"

    def _learn(self, route: Route, chat: Mapping[str, Any], error: BadRequestError) -> dict[str, Any] | None:
        """The facts for another attempt; None if nothing can be learned or changed. Sets the error's `fix`."""
        if isinstance(error, _NOT_LEARNED) or route.engine not in ADAPTED_ENGINES:
            return None
        found = read_rejection(error, chat)
        if found is None:
            return None
        facts = dict(found.facts)
        known = facts_of(target_of(route), route.wire_format)
        if "refused" in facts:
            facts["refused"] = [*dict.fromkeys((*known.get("refused", ()), *facts["refused"]))]
        if all(known.get(name) == value for name, value in facts.items()):
            return None  # the request was adapted to this already
        if route.drop_params == "strict" and found.param != "tools":
            error.fix = f"set drop_params to warn: ingate would then {found.change}"
            return None
        error.fix = f"ingate would {found.change}, but the provider rejected that, too"
        return facts

    def _keep(self, route: Route, facts: dict[str, Any]) -> None:
        key = _key(route)
        while len(self._facts) >= _MAX_MODELS and key not in self._facts:
            del self._facts[next(iter(self._facts))]
        self._facts[key] = {**self._facts.get(key, {}), **facts}


def _key(route: Route) -> tuple[str, str, str]:
    return route.provider, route.model, route.wire_format
