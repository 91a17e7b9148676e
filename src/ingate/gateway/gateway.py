"""The gateway: an OpenAI request in, an OpenAI answer out, through whichever engine serves the model."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import aclosing
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from ingate import environment
from ingate.config import load
from ingate.engines.base import CallReport, Engine, Route
from ingate.errors import (
    BadRequestError,
    ConfigError,
    ContentFilterError,
    ContextTooLongError,
    IngateError,
    MissingCredentialsError,
    ModelNotFoundError,
    NotSupportedError,
    SpecError,
)
from ingate.gateway.metadata import about
from ingate.gateway.routing import Router
from ingate.wire.thinking import strip_block_indexes

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
    from pathlib import Path
    from types import TracebackType

    from ingate.catalog import Catalog
    from ingate.config import Config
    from ingate.gateway.explain import Explanation
    from ingate.spec import ModelSpec

T = TypeVar("T")

DEFAULT_RETRIES: Final = 2
_PROXY_LIST_S: Final = 60.0
# What the next model in the list would answer no better.
_NO_FALLBACK: Final = (BadRequestError, NotSupportedError, ConfigError)
_YET_FALLBACK: Final = (ContextTooLongError, ContentFilterError)
_LENGTHS: Final = frozenset({"max_tokens", "max_completion_tokens"})


class Gateway:
    """Every model behind one pair of methods, in this process.

    Args:
        config: None to look for `ingate.yaml` where the manual says; a path for that file; a mapping of the same
            shape for a configuration in code (no file is read then); a loaded `Config`.
        engines: Engines to use in place of the built-in ones, by name (`{"scripted": ScriptedEngine()}`).
        retries: How often a call that failed before its first token is tried again, where the error says that may
            help (`RateLimitError`, `UnavailableError`, `RequestTimeoutError`). Behind `asgi` the client's own retries count, and the
            gateway adds none.

    Raises:
        ConfigError: The configuration is wrong, with file and line.

    Requests and answers are OpenAI's chat-completions JSON as dicts. Answers carry one key more, `ingate`: the spec,
    engine and provider that served it, what was dropped, the provider's headers, and `cost_usd` (None where the price
    is unknown). Use it as `async with Gateway() as gateway:` or call `aclose()`.
    """

    def __init__(
        self,
        config: Config | str | Path | Mapping[str, Any] | None = None,
        *,
        engines: Mapping[str, Engine] | None = None,
        retries: int = DEFAULT_RETRIES,
    ) -> None:
        self.config: Config = load(config, environ=environment.snapshot())
        self._engines: dict[str, Engine] = dict(engines or {})
        self._retries = retries
        self._catalog: Catalog | None = None
        self._proxy_ids: frozenset[str] | None = None
        self._proxy_asked_s = 0.0
        self.router = Router(self.config, self.catalog, scripted="scripted" in self._engines)

    def catalog(self) -> Catalog:
        """The catalog of models, read once when first asked for."""
        if self._catalog is None:
            from ingate.catalog import load as load_catalog

            self._catalog = load_catalog()
        return self._catalog

    def routes(self, spec: str) -> tuple[Route, ...]:
        """Where calls of `spec` go, in the order of its fallbacks. No network.

        Raises:
            SpecError, UnknownProviderError, MissingCredentialsError, ConfigError: see `Router`.
        """
        return tuple(self.router.route(one) for one in self.router.specs(spec))

    def explain(self, spec: str) -> list[Explanation]:
        """What would happen to a call of `spec`, for people: one entry a fallback. No network, no key shown."""
        from ingate.gateway.explain import explain

        return [explain(self, one) for one in self.router.specs(spec)]

    async def complete(self, body: Mapping[str, Any], *, retries: int | None = None) -> dict[str, Any]:
        """One whole answer.

        Args:
            body: An OpenAI chat-completions request; `model` is a spec (without it, the configured `default_model`).
            retries: Overrides the gateway's own.

        Returns:
            A `chat.completion` dict with `usage`, plus the key `ingate`.

        Raises:
            IngateError: One of its classes; every attempt's error is in `__notes__`.
        """
        from ingate.wire.completion import normalise_completion

        async def call(route: Route, report: CallReport) -> dict[str, Any]:
            answer = await self._engine(route).complete(route, _request(route, body), report)
            return normalise_completion(answer, route.model)

        route, report, answer = await self._first(self._specs(body), call, retries)
        answer["ingate"] = about(route, report, answer.get("usage"), self.catalog)
        return answer

    async def stream(self, body: Mapping[str, Any], *, retries: int | None = None) -> AsyncIterator[dict[str, Any]]:
        """The answer as it comes: `chat.completion.chunk` dicts that keep the invariants of `ingate.wire`.

        The first carries `ingate`, its cost unknown yet; the last has no choices, and carries `usage` and the whole
        `ingate`. Fallbacks and retries happen before the first token only. Closing the iterator stops the provider's
        work.

        Raises:
            StreamInterruptedError: The answer broke off; `partial_text` and `partial` hold what came.
            IngateError: One of its other classes. One that came inside a running stream has the partial answer too.
        """
        from ingate.engines.stream import open_stream

        async def call(route: Route, report: CallReport) -> AsyncGenerator[dict[str, Any], None]:
            return await open_stream(self._engine(route), route, _request(route, body), report)

        route, report, chunks = await self._first(self._specs(body), call, retries)
        async with aclosing(chunks):
            begun = False
            async for chunk in chunks:
                if not begun or ("usage" in chunk and not chunk.get("choices")):
                    begun = True
                    chunk["ingate"] = about(route, report, chunk.get("usage"), self.catalog)
                yield chunk

    async def embed(self, body: Mapping[str, Any], *, retries: int | None = None) -> dict[str, Any]:
        """Embeddings as an OpenAI list.

        Raises:
            NotSupportedError: The provider has no embeddings.
            IngateError: One of its other classes.
        """

        async def call(route: Route, report: CallReport) -> dict[str, Any]:
            return await self._engine(route).embed(route, _request(route, body), report)

        route, report, answer = await self._first(self._specs(body), call, retries)
        answer["ingate"] = about(route, report, answer.get("usage"), self.catalog)
        return answer

    async def models(self) -> list[dict[str, Any]]:
        """What would answer now, as OpenAI model objects: local models, aliases, the proxy's, every ready provider's."""
        from ingate.gateway.models import list_models

        return await list_models(self)

    async def proxy_models(self) -> frozenset[str]:
        """The names that the configured LiteLLM proxy lists, wildcards too, a minute old at most; empty without a proxy.

        Raises:
            IngateError: The proxy is down, refuses the key, or is no LiteLLM proxy.
        """
        if self._proxy_ids is None or time.monotonic() - self._proxy_asked_s > _PROXY_LIST_S:
            route = self.router.proxy_route()
            if route is None:
                return frozenset()
            from ingate.engines.native import NativeEngine

            engine = self._engine(route)
            if not isinstance(engine, NativeEngine):
                return frozenset()
            listed = await engine.list_models(route, query="?return_wildcard_routes=true")
            self._proxy_ids = frozenset(str(model.get("id")) for model in listed)
            self._proxy_asked_s = time.monotonic()
        return self._proxy_ids

    async def proxy_deployments(self) -> list[dict[str, Any]]:
        """The proxy's chat deployments as it lists them now, with limits and prices where the key may read them.

        Returns:
            OpenAI model objects; `context_length`, `top_provider`, `pricing` and `supported_parameters` as OpenRouter
            has them. Empty without a proxy.

        Raises:
            IngateError: The proxy is down, refuses the key, or is no LiteLLM proxy.
        """
        route = self.router.proxy_route()
        if route is None:
            return []
        from ingate.engines.native import NativeEngine

        engine = self._engine(route)
        return await engine.list_deployments(route) if isinstance(engine, NativeEngine) else []

    @property
    def asgi(self) -> Callable[..., Awaitable[None]]:
        """The gateway as an ASGI application: `app.mount("/v1", gateway.asgi)`."""
        from ingate.face import Face
        from ingate.serve.app import create_app

        return create_app(Face(self))

    async def aclose(self) -> None:
        """Let go of every connection, thread and model. May be called twice."""
        engines, self._engines = list(self._engines.values()), {}
        for engine in engines:
            await engine.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def engine(self, name: str) -> Engine:
        """The engine of that name, made when first asked for."""
        if name not in self._engines:
            self._engines[name] = _make_engine(name)
        return self._engines[name]

    def _engine(self, route: Route) -> Engine:
        return self.engine(route.engine)

    def _specs(self, body: Mapping[str, Any]) -> tuple[ModelSpec, ...]:
        if not isinstance(body, Mapping):
            raise BadRequestError(
                f"a request is a mapping, but this is {type(body).__name__}",
                fix="pass {'model': …, 'messages': […]}",
            )
        model = body.get("model") or self.default_model
        if not isinstance(model, str) or not model:
            raise SpecError(
                "the request names no model, and no default_model is configured",
                fix="pass model=…, or set default_model in ingate.yaml",
            )
        return self.router.specs(model)

    @property
    def default_model(self) -> str | None:
        """The spec used where a request names none: `default_model`, else the `litellm` section's."""
        return self.config.settings.default_model or self.config.settings.litellm.default_model

    async def _route(self, spec: ModelSpec) -> Route:
        try:
            return self.router.route(spec)
        except MissingCredentialsError as missing:
            if spec.lane == "proxy" or self.router.proxy(dry=True) is None:
                raise
            try:
                listed = await self.proxy_models()
            except IngateError as failed:
                missing.add_note(f"the configured proxy might serve it, and could not be asked: {failed}")
                raise missing from failed
            return self.router.route(spec, proxy_lists=lambda name: _lists(listed, name))

    async def _first(
        self,
        specs: tuple[ModelSpec, ...],
        call: Callable[[Route, CallReport], Awaitable[T]],
        retries: int | None,
    ) -> tuple[Route, CallReport, T]:
        """The first of `specs` that answers `call`, each tried as often as its errors allow."""
        notes: list[str] = []
        for place, spec in enumerate(specs):
            report = CallReport(warnings=list(notes))
            try:
                route = await self._route(spec)
                return route, report, await self._tried(route, report, call, retries)
            except IngateError as error:
                error.spec = error.spec or str(spec)
                refused = isinstance(error, _NO_FALLBACK) and not isinstance(error, _YET_FALLBACK)
                if refused or place == len(specs) - 1:
                    for note in notes:
                        error.add_note(note)
                    if isinstance(error, ModelNotFoundError) and not error.nearest:
                        await self._name_the_nearest(error, spec)
                    raise
                notes.append(f"{spec.target}: {error}")
        raise SpecError("the model spec is empty")

    async def _tried(
        self,
        route: Route,
        report: CallReport,
        call: Callable[[Route, CallReport], Awaitable[T]],
        retries: int | None,
    ) -> T:
        attempts = 1 + (self._retries if retries is None else retries)
        if attempts == 1:
            return await call(route, report)
        import asyncio

        from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt

        async for attempt in AsyncRetrying(
            stop=stop_after_attempt(attempts),
            retry=retry_if_exception(lambda error: isinstance(error, IngateError) and error.retryable),
            wait=_wait_s,
            sleep=asyncio.sleep,
            reraise=True,
        ):
            with attempt:
                return await call(route, report)
        raise AssertionError("tenacity ends by an answer or an error")

    async def _name_the_nearest(self, error: ModelNotFoundError, spec: ModelSpec) -> None:
        from rapidfuzz import process

        if spec.lane == "proxy":
            try:
                names = sorted(await self.proxy_models())
            except IngateError:
                return
        elif spec.provider in {"local", "scripted"}:
            return
        else:
            names = [row.model for row in self.catalog().rows if row.provider == error.provider]
        error.nearest = tuple(name for name, score, _ in process.extract(spec.model, names, limit=3) if score >= 60)
        if error.nearest and spec.lane == "proxy":
            error.fix = f"ask for one of its deployments: {', '.join(f'litellm/{name}' for name in error.nearest)}"
        elif error.nearest and not error.fix:
            error.fix = f"ask for one of its models, like {error.nearest[0]}"


def _request(route: Route, body: Mapping[str, Any]) -> dict[str, Any]:
    """The request as an engine takes it: without what the Route already says, and with the spec's parameters."""
    own = {"model", "stream"}
    # Two names of one limit: the spec's wins, by whichever name.
    if not _LENGTHS.isdisjoint(route.params):
        own |= _LENGTHS
    made = {**{name: value for name, value in body.items() if name not in own}, **route.params}
    if isinstance(messages := made.get("messages"), list):
        made["messages"] = [strip_block_indexes(message) for message in messages]
    return made


def _wait_s(state: Any) -> float:
    """Seconds before the next try: what the provider asked for (a minute at most), else 0.5, 1, 2…"""
    error = state.outcome.exception() if state.outcome is not None else None
    asked_s = getattr(error, "retry_after_s", None)
    return min(asked_s, 60.0) if asked_s is not None else 0.5 * 2 ** (state.attempt_number - 1)


def _lists(listed: frozenset[str], name: str) -> bool:
    """Whether the proxy's list has `name`, by itself or by a wildcard such as `groq/*`."""
    return name in listed or any(entry.endswith("*") and name.startswith(entry[:-1]) for entry in listed)


_ENGINES: Final[Mapping[str, tuple[str, str]]] = {
    "native": ("ingate.engines.native", "NativeEngine"),
    "litellm": ("ingate.engines.litellm_", "LitellmEngine"),
    "local": ("ingate.engines.local", "LocalEngine"),
    "tensorzero": ("ingate.engines.tensorzero", "TensorZeroEngine"),
}


def _make_engine(name: str) -> Engine:
    if name not in _ENGINES:
        raise ConfigError(f"there is no engine {name!r}")
    if name == "tensorzero":
        environment.silence_tensorzero()
    module, made = _ENGINES[name]
    return getattr(import_module(module), made)()
