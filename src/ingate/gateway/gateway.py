"""The gateway: takes requests in three client APIs, and answers them through the engine that serves the model."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import msgspec

from ingate import environment
from ingate.config import load
from ingate.config.notice import log_notice
from ingate.engines.base import CallReport, Engine, PassThroughEngine, Route
from ingate.engines.timeouts import call_limits
from ingate.errors import (
    ModelNotFoundError,
    NotSupportedError,
    SpecError,
)
from ingate.gateway.calls import Calls
from ingate.gateway.completions import completed, streamed
from ingate.gateway.continuation import Continuations
from ingate.gateway.engines import BUILT_IN, make_engine
from ingate.gateway.formats import responses_route
from ingate.gateway.metadata import answer_metadata
from ingate.gateway.names import name_nearest
from ingate.gateway.proxy_list import ProxyList
from ingate.gateway.rejections import REJECTIONS
from ingate.gateway.reply import reply_on
from ingate.gateway.requests import api_request, chat_request, not_a_mapping
from ingate.gateway.routing import Router
from ingate.gateway.trust import untrusted_default
from ingate.wire.request_check import check_request

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from pathlib import Path
    from types import TracebackType

    from ingate.catalog import Catalog
    from ingate.config import Config
    from ingate.engines.watch import Watch
    from ingate.errors import UpstreamResponse
    from ingate.gateway.explain import Explanation
    from ingate.gateway.readiness import Listing, ReadinessChecker
    from ingate.gateway.reply import Reply
    from ingate.spec import ModelSpec
    from ingate.wire.passthrough import Api, ApiRequest

T = TypeVar("T")
Timeout = float | Mapping[str, float | None] | None

DEFAULT_RETRIES: Final = 2


class Gateway:
    """Every model behind one pair of methods, in this process.

    Args:
        config: None to look for `ingate.yaml` in the documented places; a path for that file; a mapping of the same
            structure for a configuration in code (no file is read then); a loaded `Config`.
        engines: Engines by name. One with the name of a built-in engine (`"native"`, `"litellm"`, `"local"`,
            `"tensorzero"`) replaces it; any other serves the specs `<name>/…` (`{"scripted": ScriptedEngine()}`).
        store: Where responses of the Responses API are stored for `previous_response_id`: True for memory, an SQLite file,
            or False for nowhere. Responses to requests with `store: false` are never stored.
        retries: How often a call that failed before its first token is repeated if its error is retryable
            (`RateLimitError`, `UnavailableError`, `RequestTimeoutError`). Behind `asgi` the client retries, and the gateway
            does not.

    Raises:
        ConfigError: The configuration is wrong, with file and line.

    Requests and answers are OpenAI's chat-completions JSON as dicts. Answers carry one key more, `ingate`: the spec,
    engine and provider that served it, what was dropped, the provider's headers, and `cost_usd` (None if the price is
    unknown). Use it as `async with Gateway() as gateway:` or call `aclose()`.
    """

    def __init__(
        self,
        config: Config | str | Path | Mapping[str, Any] | None = None,
        *,
        engines: Mapping[str, Engine] | None = None,
        retries: int = DEFAULT_RETRIES,
        store: bool | Path = True,
    ) -> None:
        self.config: Config = _loaded(config)
        self._engines: dict[str, Engine] = dict(engines or {})
        self._extra_engines = frozenset(self._engines) - BUILT_IN.keys()
        self._retries = retries
        self.rejections = REJECTIONS
        self.calls = Calls(self._prepare)
        self.continuations = Continuations(None if isinstance(store, bool) else store, enabled=store is not False)
        self._catalog: Catalog | None = None
        self._proxy_list = ProxyList(self)
        self.router = Router(self.config, self.catalog, engines=self._extra_engines)

    def catalog(self) -> Catalog:
        """The catalog of models, read once when first needed."""
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
        """A report on what a call of `spec` would do, with one entry per fallback. No network; keys are not shown."""
        from ingate.gateway.explain import explain

        return [explain(self, one) for one in self.router.specs(spec)]

    def readiness(self, lists: Mapping[str, Listing] | None = None) -> ReadinessChecker:
        """A checker of whether models would answer, by the environment and the files as they are now. No network.

        Args:
            lists: Provider, server or `litellm_proxy` → its list of models, if one was fetched.
        """
        from ingate.gateway.readiness import ReadinessChecker

        return ReadinessChecker(self.router, lists=lists)

    async def complete(
        self,
        body: Mapping[str, Any],
        *,
        api: Api = "chat",
        headers: Mapping[str, str] | None = None,
        retries: int | None = None,
        timeout: Timeout = None,  # noqa: ASYNC109
    ) -> dict[str, Any]:
        """One whole answer.

        Args:
            body: A request in the API `api`; `model` is a spec (if absent, the configured `default_model`).
            api: `"chat"` (OpenAI's chat completions), `"responses"` (OpenAI's Responses) or `"messages"` (Anthropic's
                Messages).
            headers: The API's own headers for the provider: `anthropic-beta`, `anthropic-version`, `openai-beta`.
            retries: Overrides the gateway's own.
            timeout: Overrides the spec's and the configured time limits: the longest wait at any point, in seconds, or a
                mapping such as `{"first_token_timeout": 60, "total_timeout": 300}`.

        Returns:
            A `chat.completion` dict with `usage`, a response object, or a message, plus the key `ingate`.

        Raises:
            IngateError: One of its classes; every attempt's error is in `__notes__`.
        """
        if api != "chat":
            request = api_request(api, body, headers, stream=False, limits=call_limits(timeout))
            reply = await self.respond(request, retries=retries)
            answer = reply.answer if reply.answer is not None else msgspec.json.decode(reply.content() or b"{}")
            answer["ingate"] = reply.metadata()
            return answer

        async def call(route: Route, report: CallReport) -> dict[str, Any]:
            return await completed(self, route, body, report)

        with self.calls.watched() as watch:
            return await self._first(body, call, retries, watch, call_limits(timeout))

    async def stream(
        self,
        body: Mapping[str, Any],
        *,
        api: Api = "chat",
        headers: Mapping[str, str] | None = None,
        retries: int | None = None,
        timeout: Timeout = None,  # noqa: ASYNC109
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the answer as dicts: `chat.completion.chunk`s that satisfy the invariants of `ingate.wire`, or the events
        of the API `api`.

        The first has the key `ingate`, its cost unknown yet; the last has the complete `ingate`. The last chunk of a chat
        has no choices, and has `usage`. Fallbacks and retries happen before the first token only. Closing the iterator
        stops the provider.

        Args:
            body, api, headers, retries, timeout: As for `complete`.

        Raises:
            StreamInterruptedError: The stream broke; `partial_text` and `partial` hold the partial answer. In APIs other
                than chat, the API's own error event reports this instead.
            IngateError: One of its other classes. Inside a running stream, it has the partial answer too.
        """
        if api != "chat":
            request = api_request(api, body, headers, stream=True, limits=call_limits(timeout))
            reply = await self.respond(request, retries=retries)
            async with aclosing(reply.events()) as events:
                async for event in events:
                    yield event
            return

        async def call(route: Route, report: CallReport) -> tuple[dict[str, Any], AsyncGenerator[dict[str, Any], None]]:
            chunks = streamed(self, route, body, report, watch)
            return await anext(chunks), chunks

        with self.calls.watched() as watch:
            first, chunks = await self._first(body, call, retries, watch, call_limits(timeout))
            async with aclosing(chunks):
                yield first
                async for chunk in chunks:
                    yield chunk

    async def respond(self, request: ApiRequest, *, retries: int | None = None, request_id: str = "") -> Reply:
        """The answer to a request in its own API, as bytes: the provider's own if it speaks that API, else translated.

        Args:
            request: The request. Its `model` is a spec.
            retries: Overrides the gateway's own.
            request_id: Named in the error event of a stream that breaks.

        Raises:
            InvalidRequestError: The request is malformed; names the field.
            IngateError: One of its other classes, before the first token. Later a stream ends with the API's own error
                event.
        """
        check_request(request)

        async def call(route: Route, report: CallReport) -> Reply:
            return await reply_on(self, route, report, request, watch, request_id=request_id)

        watch = self.calls.begin()
        return await self._first(request.body, call, retries, watch, request.limits)

    async def count_tokens(self, request: ApiRequest) -> dict[str, Any]:
        """The tokens of a Messages or Responses request: the provider's count, else an estimate marked as one."""
        from ingate.gateway.tokens import count_tokens

        return await count_tokens(self, request)

    async def relay(self, spec: str, path: str, *, method: str = "GET") -> UpstreamResponse:
        """Send a request to a path below the Responses endpoint of the spec's provider (`/resp_1`), and return the response.

        Raises:
            IngateError: There is no such endpoint, or no response.
        """
        route = responses_route(await self.route(self.router.specs(spec)[0]))
        engine = self.engine(route.engine)
        if not isinstance(engine, PassThroughEngine):
            raise NotSupportedError(f"{route.provider} has no Responses endpoint")
        return await engine.relay(route, path, method=method)

    async def embed(
        self,
        body: Mapping[str, Any],
        *,
        retries: int | None = None,
        timeout: Timeout = None,  # noqa: ASYNC109
    ) -> dict[str, Any]:
        """Embeddings as an OpenAI list; `retries` and `timeout` as for `complete`.

        Raises:
            NotSupportedError: The provider has no embeddings.
            IngateError: One of its other classes.
        """

        async def call(route: Route, report: CallReport) -> dict[str, Any]:
            answer = await self.engine(route.engine).embed(route, chat_request(route, body, report), report)
            answer["ingate"] = answer_metadata(route, report, answer.get("usage"), self.catalog)
            return answer

        with self.calls.watched() as watch:
            return await self._first(body, call, retries, watch, call_limits(timeout))

    async def models(self) -> list[dict[str, Any]]:
        """The models that would answer now, as OpenAI model objects."""
        from ingate.gateway.models import list_models

        return await list_models(self)

    async def proxy_models(self) -> frozenset[str]:
        """The names that the configured LiteLLM proxy lists; see `ProxyList.names`."""
        return await self._proxy_list.names()

    async def proxy_deployments(self) -> list[dict[str, Any]]:
        """The proxy's chat deployments; see `ProxyList.deployments`."""
        return await self._proxy_list.deployments()

    @property
    def asgi(self) -> Callable[..., Awaitable[None]]:
        """The gateway as an ASGI application: `app.mount("/v1", gateway.asgi)`."""
        return import_module("ingate.serve.app").create_app(self)

    def reload(self, config: Config | str | Path | Mapping[str, Any] | None = None) -> None:
        """Read the configuration again, or use another one. Engines and their connections stay.

        Args:
            config: As for the gateway itself.

        Raises:
            ConfigError: It is wrong; the gateway keeps the configuration it had.
        """
        self.config = _loaded(config)
        self.router = Router(self.config, self.catalog, engines=self._extra_engines)
        self._proxy_list = ProxyList(self)

    async def aclose(self) -> None:
        """End the running calls with `ClosedError`, and release every connection, thread and model. May be called twice.

        Later calls raise `ClosedError`.
        """
        await self.calls.interrupt()
        self.continuations.close()
        engines, self._engines = list(self._engines.values()), {}
        for engine in engines:
            await engine.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def _prepare(self, route: Route) -> Awaitable[None] | None:
        prepare = getattr(self.engine(route.engine), "prepare", None)  # of a `PreparedEngine`; isinstance costs 5 µs
        return None if prepare is None else prepare()

    def engine(self, name: str) -> Engine:
        """The engine of that name, created when first needed.

        Raises:
            ClosedError: The gateway has been closed.
        """
        self.calls.check()
        if name not in self._engines:
            self._engines[name] = make_engine(name)
        return self._engines[name]

    def specs(self, body: Mapping[str, Any]) -> tuple[ModelSpec, ...]:
        """The models that a request names, in the order in which they are tried."""
        if not isinstance(body, Mapping):
            raise not_a_mapping(body)
        if not body.get("model") and (problem := untrusted_default(self.config)) is not None:
            raise problem
        model = body.get("model") or self.default_model
        if not isinstance(model, str) or not model:
            raise SpecError(
                "the request does not name a model, and no default_model is configured",
                fix="pass model=…, or set default_model in ingate.yaml",
            )
        return self.router.specs(model)

    @property
    def default_model(self) -> str | None:
        """The spec for requests that name none: `default_model`, else the `litellm` section's."""
        return self.config.settings.default_model or self.config.settings.litellm.default_model

    async def _first(
        self,
        body: Mapping[str, Any],
        call: Callable[[Route, CallReport], Awaitable[T]],
        retries: int | None,
        watch: Watch,
        limits: Mapping[str, float | None],
    ) -> T:
        """The answer of the first of the request's models that returns one."""

        specs = self.specs(body)
        tries = self._retries if retries is None else retries
        try:
            return await self.calls.first(specs, self.route, call, tries, watch, limits)
        except ModelNotFoundError as error:
            if not error.nearest:
                await name_nearest(error, specs[-1], self)
            raise

    async def route(self, spec: ModelSpec) -> Route:
        """Where calls of one spec go now: to its provider, or to the proxy that lists it if there is no credential."""
        return await self._proxy_list.route(spec)


def _loaded(config: Config | str | Path | Mapping[str, Any] | None) -> Config:
    """The configuration. What is left out of files that are not trusted is logged."""
    loaded = load(config, environ=environment.snapshot())
    if loaded is not config and loaded.skipped:
        log_notice(loaded)
    return loaded
