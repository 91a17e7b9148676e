"""Learning from a provider's rejection: one more attempt without what it names, and no such request later.

The facts of `data/model_facts.json` and the catalog may be older than a model. What a rejection says about the model is
kept as a fact, for every gateway of the process. Each rejection teaches what it names, also the one of the second
attempt: a later call profits from it. A fact that did not help is forgotten.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from ingate.errors import BadRequestError, ContentFilterError, InvalidRequestError
from ingate.gateway.requests import ADAPTED_ENGINES, target_of
from ingate.wire.adapt.content_advice import content_advice
from ingate.wire.catalog_facts import add_statements
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
_NOT_LEARNED: Final = (ContentFilterError, InvalidRequestError)


class _Model(NamedTuple):
    """What facts are about: a model at an address, in one format."""

    provider: str
    model: str
    wire_format: str
    api_base: str


class Rejections:
    """What providers have rejected, by provider, model, format and address. Threads may share one."""

    def __init__(self) -> None:
        self._facts: dict[_Model, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def known(self, route: Route) -> Route:
        """The route with what earlier rejections said about its model."""
        learned = self._facts.get(_model(route))
        return replace(route, facts={**route.facts, **learned}) if learned else route

    def forget(self) -> None:
        """Forget everything."""
        with self._lock:
            self._facts.clear()

    async def without_rejected(
        self, route: Route, chat: Mapping[str, Any], report: CallReport, attempt: Callable[[Route], Awaitable[T]]
    ) -> T:
        """The result of `attempt`, with one more attempt if the provider rejects a parameter that can be left out.

        Args:
            route: Where the call goes.
            chat: The request before it is adapted.
            report: What the first attempt reported is undone if there is another. There is none if there was one already.
            attempt: One attempt, which adapts the request to the facts of its route.

        Raises:
            IngateError: What the last attempt raises; the `fix` of a rejection says what ingate would change.
        """
        dropped, warnings = list(report.dropped), list(report.warnings)
        try:
            return await attempt(self.known(route))
        except BadRequestError as error:
            if not self.learn(route, chat, error) or report.adapted_again:
                raise
        report.adapted_again = True
        report.dropped[:], report.warnings[:] = dropped, warnings
        try:
            return await attempt(self.known(route))
        except BadRequestError as error:
            self.learn(route, chat, error)
            raise

    def learn(self, route: Route, chat: Mapping[str, Any], error: BadRequestError) -> bool:
        """Keep what a rejection says about the route's model, and say in the error's `fix` what ingate would change.

        What was learned before is forgotten if the provider rejects the same again without it.

        Returns:
            Whether another attempt may succeed. Under the drop policy `strict` nothing is kept.
        """
        if isinstance(error, _NOT_LEARNED) or route.engine not in ADAPTED_ENGINES:
            return False
        known = facts_of(target_of(self.known(route)), route.wire_format)
        found = read_rejection(error, chat, known)
        if found is None:
            if advice := content_advice(error):
                error.fix = advice
            return False
        facts = dict(found.facts)
        if "refused" in facts:
            facts["refused"] = [*dict.fromkeys((*known.get("refused", ()), *facts["refused"]))]
        made = dict(known)
        add_statements(made, facts, route.wire_format)
        if made == known:
            self._forget(route, found.facts)
            return False
        if route.drop_params == "strict" and found.params != ("tools",):
            error.fix = f"set drop_params to warn: ingate would then {found.change}"
            return False
        error.fix = f"call again: ingate will {found.change}"
        self._keep(route, facts)
        return True

    def explain(self, error: BadRequestError, request: ApiRequest) -> None:
        """Say in the error's `fix` what ingate would change, for a request that was passed through unchanged."""
        if isinstance(error, _NOT_LEARNED):
            return
        if advice := content_advice(error):
            error.fix = f"the request was passed through unchanged; to have it accepted, {advice}"
        try:
            chat = request.body if request.api == "chat" else translate(request.api, request.body).chat
        except BadRequestError:  # the client's API has more than can be translated
            return
        if (found := read_rejection(error, chat)) is not None:
            error.fix = f"the request was passed through unchanged; to have it accepted, {found.change}"

    def _keep(self, route: Route, facts: Mapping[str, Any]) -> None:
        model = _model(route)
        with self._lock:
            while len(self._facts) >= _MAX_MODELS and model not in self._facts:
                del self._facts[next(iter(self._facts))]
            # A new dict: a running call may still read the old one.
            self._facts[model] = {**self._facts.get(model, {}), **facts}

    def _forget(self, route: Route, facts: Mapping[str, Any]) -> None:
        """Take back the facts of a rejection that came again although they had been kept."""
        model = _model(route)
        with self._lock:
            kept = dict(self._facts.get(model, {}))
            for name, value in facts.items():
                if name == "refused" and name in kept:
                    kept[name] = [param for param in kept[name] if param not in value]
                    if kept[name]:
                        continue
                kept.pop(name, None)
            if kept:
                self._facts[model] = kept
            else:
                self._facts.pop(model, None)


REJECTIONS: Final = Rejections()
"""What this process has learned."""


def _model(route: Route) -> _Model:
    return _Model(route.provider, route.model, route.wire_format, route.api_base or "")
