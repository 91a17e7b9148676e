"""The protocols that engines implement, and the Route, which describes a call to an engine completely.

An engine knows nothing of config files or the environment: the gateway puts everything it needs into a Route.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, runtime_checkable

from ingate.engines.timeouts import DEFAULTS, Timeouts
from ingate.providers.credential import Credential
from ingate.secret import Secret, revealed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping

    from ingate.errors import UpstreamResponse
    from ingate.spec import ModelSpec
    from ingate.wire.passthrough import ApiRequest

DropPolicy = Literal["strict", "warn", "drop"]

_EMPTY: Mapping[str, Any] = MappingProxyType({})


class Endpoint(NamedTuple):
    """One way to reach a model.

    Attributes:
        wire_format: The format spoken there.
        api_base: The base URL it is spoken at.
    """

    wire_format: str
    api_base: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where one call goes, decided before anything leaves the process.

    Attributes:
        spec: The spec this came from.
        engine: The name of the engine that serves it: `"native"`, `"litellm"`, `"local"`, `"tensorzero"`, or that of an
            engine passed to the gateway.
        provider: The provider's name in the map (`"groq"`), `"litellm_proxy"`, `"local"`, `"scripted"`, or the name of
            a configured server.
        model: The model's name at the provider, without a provider prefix.
        wire_format: The format of requests and responses: `"chat"`, `"messages"`, `"gemini"`, `"bedrock"`, `"cohere"`,
            `"ollama"`, `"azure"`; empty for engines without one.
        api_base: The base URL, always explicit for the native engine; None lets litellm use its own default.
        endpoints: Every format in which the model can be reached, best first; `wire_format` and `api_base` are one of
            them. A request in one of these formats is passed through. Empty for engines without a wire format.
        credential: What authenticates the call.
        headers: Extra request headers (`default_headers`, a section's `headers`); those from a configuration are secret.
        params: Request parameters set by the spec's `?key=value`; they win over the request's own.
        extra_kwargs: Deep-merged into litellm's call (`metadata.tags`); the native engine merges it into the body only
            for the proxy, which understands it.
        timeouts: The call's time limits. The gateway enforces them on every engine; an engine uses `connect_s`.
        timeout_s: Longest wait for the next bytes of a response, in seconds: the engine's own timer.
        drop_params: What happens to a parameter that the model does not support: an error (`strict`), dropped with a
            warning (`warn`), dropped silently (`drop`).
        why: One sentence on why this lane was chosen, for `explain`.
        facts: Catalog facts about the model (`supports_…`, `max_output_tokens`), possibly empty.
    """

    spec: ModelSpec
    engine: str
    provider: str
    model: str
    wire_format: str = ""
    api_base: str | None = None
    endpoints: tuple[Endpoint, ...] = ()
    credential: Credential = field(default_factory=Credential)
    headers: Mapping[str, str | Secret] = field(default_factory=lambda: _EMPTY)
    params: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    extra_kwargs: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    timeouts: Timeouts = DEFAULTS
    timeout_s: float = DEFAULTS.first_token_s
    drop_params: DropPolicy = "warn"
    why: str = ""
    facts: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)

    def with_timeouts(self, timeouts: Timeouts) -> Route:
        """The same route with other time limits."""
        if timeouts == self.timeouts:
            return self
        return replace(self, timeouts=timeouts, timeout_s=max(timeouts.first_token_s, timeouts.between_tokens_s))

    def header_values(self) -> dict[str, str]:
        """The extra headers for a library that sends them itself: revealed, with a masked `repr`."""
        return revealed(self.headers)

    def secrets(self) -> tuple[Secret, ...]:
        """Every value to mask in the provider's responses: those of the credential and of secret headers."""
        return (*self.credential.secrets(), *(value for value in self.headers.values() if isinstance(value, Secret)))


@dataclass(slots=True)
class CallReport:
    """Details of a call, filled in by the engine as it goes; the gateway adds them to the answer's metadata.

    Attributes:
        headers: The provider's response headers of interest to callers, names in lower case (`x-request-id`,
            `x-ratelimit-…`, `x-litellm-…`); never `set-cookie` or anything that authenticates.
        dropped: Names of request parameters that were dropped because the model does not support them.
        warnings: Sentences for the user.
        usage: The tokens that a stream had reported when its first token came, None if none.
        adapted_again: Whether the request was adapted to a rejection and sent again, which happens once for each call.
    """

    headers: dict[str, str] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    usage: dict[str, Any] | None = None
    adapted_again: bool = False


@dataclass(slots=True, kw_only=True)
class Forwarded:
    """A provider's response in the API that the client called, unchanged.

    Attributes:
        content: The whole body; None for a stream.
        pieces: A stream's bytes as they arrive; None for a whole body. Closing it closes the connection.
        content_type: The provider's `content-type`.
        usage: The token usage in the format of OpenAI's chat completions, as far as it is known yet; None until the
            provider has reported any.
        response: The complete response object that ended a stream of the Responses API; None until then.
    """

    content: bytes | None = None
    pieces: AsyncGenerator[bytes, None] | None = None
    content_type: str = "application/json"
    usage: dict[str, Any] | None = None
    response: dict[str, Any] | None = None


class Engine(Protocol):
    """A way to call models.

    `body` is an OpenAI chat-completions request without `model` and `stream`; an engine never changes it. What it
    returns has OpenAI's shape but need not satisfy the invariants yet: the gateway normalises it with `ingate.wire`.

    Errors leave as `IngateError` with the credential scrubbed. Closing a stream's iterator (or cancelling the task
    that reads it) closes the connection, or stops the local model, within a second.
    """

    async def complete(self, route: Route, body: Mapping[str, Any], report: CallReport) -> dict[str, Any]:
        """Return one answer as a `chat.completion` dict."""
        ...

    def stream(self, route: Route, body: Mapping[str, Any], report: CallReport) -> AsyncIterator[dict[str, Any]]:
        """Yield the answer as `chat.completion.chunk` dicts. Always asks the provider for usage."""
        ...

    async def embed(self, route: Route, body: Mapping[str, Any], report: CallReport) -> dict[str, Any]:
        """Return embeddings as an OpenAI `list` dict; raises `NotSupportedError` if the provider has none."""
        ...

    async def aclose(self) -> None:
        """Release every connection, thread and model. May be called twice."""
        ...


class PreparedEngine(Protocol):
    """An engine that loads something before its first call, for which no provider is to blame."""

    async def prepare(self) -> None:
        """Load it, once. Awaited before each attempt; the time counts toward the call's total limit only."""
        ...


@runtime_checkable
class ModelLister(Protocol):
    """An engine that can list a provider's models."""

    async def list_models(self, route: Route, *, query: str = "") -> list[dict[str, Any]]:
        """Return the models that the provider currently lists, each with its `id`.

        Raises:
            UnavailableError: The response is not a list of models.
        """
        ...

    async def list_deployments(self, route: Route) -> list[dict[str, Any]]:
        """Return a LiteLLM proxy's chat models, with limits and prices if the key may read them."""
        ...


@runtime_checkable
class PassThroughEngine(Protocol):
    """An engine that can forward a request in the provider's own API and return the response unchanged."""

    async def relay(
        self,
        route: Route,
        path: str,
        *,
        method: str = "GET",
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> UpstreamResponse:
        """Send a request to a path below the route's endpoint that is not a model call, and return the response."""
        ...

    async def forward(self, route: Route, request: ApiRequest, report: CallReport) -> Forwarded:
        """Send `request` to the route's endpoint, which speaks the request's API.

        Returns once the response has begun: a whole response, or a stream up to its first event with content, so that
        an earlier error can still be retried elsewhere.

        Raises:
            IngateError: One of its classes. For an error status, `response` holds the provider's own body.
        """
        ...
