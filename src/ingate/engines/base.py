"""What an engine is, and the Route that tells it everything it may know.

An engine knows nothing of config files or the environment: the gateway puts all that matters into a Route.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, runtime_checkable

from ingate.providers.credential import Credential
from ingate.secret import Secret

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
        model: The model's name as the engine's far side wants it, without the provider.
        wire_format: What is spoken over the network: `"chat"`, `"messages"`, `"gemini"`, `"bedrock"`, `"cohere"`,
            `"ollama"`, `"azure"`; empty for engines that speak none.
        api_base: The base URL, always explicit for `direct`; None lets litellm use its own default.
        endpoints: Every format in which the model can be reached, best first; `wire_format` and `api_base` are one of
            them. A request in one of these formats is passed through. Empty for engines that speak none.
        credential: What authenticates the call.
        headers: Extra request headers (`default_headers`, a section's `headers`); those from a configuration are secret.
        params: Request parameters set by the spec's `?key=value`; they win over the request's own.
        extra_kwargs: Deep-merged into litellm's call (`metadata.tags`); the native engine merges it into the body only
            for the proxy, which understands it.
        timeout_s: Longest wait for the connection and between two pieces of an answer, in seconds.
        drop_params: What happens to a parameter the model cannot take: refuse (`strict`), drop and tell (`warn`),
            drop (`drop`).
        why: One sentence on why this lane was taken, for `explain`.
        facts: Catalog facts on the model (`supports_…`, `max_output_tokens`), possibly empty.
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
    timeout_s: float = 600.0
    drop_params: DropPolicy = "warn"
    why: str = ""
    facts: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)

    def header_values(self) -> dict[str, str]:
        """The extra headers as they go on the wire."""
        return {name: value.reveal() if isinstance(value, Secret) else value for name, value in self.headers.items()}

    def secrets(self) -> tuple[Secret, ...]:
        """Every value to scrub from what the far side says: the credential's and the secret headers'."""
        return (*self.credential.secrets(), *(value for value in self.headers.values() if isinstance(value, Secret)))


@dataclass(slots=True)
class CallReport:
    """What an engine learnt on the way, filled in as it goes; the gateway puts it into the answer's metadata.

    Attributes:
        headers: The far side's response headers worth passing on, names in lower case (`x-request-id`,
            `x-ratelimit-…`, `x-litellm-…`); never `set-cookie` or anything that authenticates.
        dropped: Names of request parameters that were left out because the model cannot take them.
        warnings: Sentences for the user.
        usage: The tokens that a stream had reported when its first token came, None if none.
    """

    headers: dict[str, str] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    usage: dict[str, Any] | None = None


@dataclass(slots=True, kw_only=True)
class Forwarded:
    """A provider's response in the API that the client called, as it came.

    Attributes:
        content: The whole body; None for a stream.
        pieces: A stream's bytes as they come; None for a whole body. Closing it closes the connection.
        content_type: The provider's `content-type`.
        usage: The tokens it took, as OpenAI's chat completions count them, as far as they are known yet; None until
            the provider has reported them.
        response: The complete response object that ended a stream of the Responses API; None until then.
    """

    content: bytes | None = None
    pieces: AsyncGenerator[bytes, None] | None = None
    content_type: str = "application/json"
    usage: dict[str, Any] | None = None
    response: dict[str, Any] | None = None


class Engine(Protocol):
    """One way to get an answer.

    `body` is an OpenAI chat-completions request without `model` and `stream`; an engine never changes it. What comes
    back is OpenAI-shaped but not yet held to the invariants: the gateway runs it through `ingate.wire`.

    Errors leave as `IngateError` with the credential scrubbed. Closing a stream's iterator (or cancelling the task
    that reads it) closes the connection, or stops the local model, within a second.
    """

    async def complete(self, route: Route, body: Mapping[str, Any], report: CallReport) -> dict[str, Any]:
        """One answer as a `chat.completion` dict."""
        ...

    def stream(self, route: Route, body: Mapping[str, Any], report: CallReport) -> AsyncIterator[dict[str, Any]]:
        """The answer as `chat.completion.chunk` dicts, as they come. Always asks the far side for usage."""
        ...

    async def embed(self, route: Route, body: Mapping[str, Any], report: CallReport) -> dict[str, Any]:
        """Embeddings as an OpenAI `list` dict; raises `NotSupportedError` where the provider has none."""
        ...

    async def aclose(self) -> None:
        """Let go of every connection, thread and model. May be called twice."""
        ...


@runtime_checkable
class ModelLister(Protocol):
    """An engine that can list a provider's models."""

    async def list_models(self, route: Route, *, query: str = "") -> list[dict[str, Any]]:
        """The models that the provider lists now, each with its `id`.

        Raises:
            UnavailableError: The response is not a list of models.
        """
        ...

    async def list_deployments(self, route: Route) -> list[dict[str, Any]]:
        """A LiteLLM proxy's chat models, with limits and prices if the key may read them."""
        ...


@runtime_checkable
class PassThroughEngine(Protocol):
    """An engine that can forward a request in the provider's own API and return the response as it came."""

    async def relay(
        self,
        route: Route,
        path: str,
        *,
        method: str = "GET",
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> UpstreamResponse:
        """A request to what is below the route's endpoint, which is not a call of a model, and whatever is answered."""
        ...

    async def forward(self, route: Route, request: ApiRequest, report: CallReport) -> Forwarded:
        """Send `request` to the route's endpoint, which speaks the request's API.

        Returns once the response has begun: whole, or up to its first event with substance, so that an error before
        that can still be retried elsewhere.

        Raises:
            IngateError: One of its classes. An error status carries the provider's own body in `response`.
        """
        ...
