"""DSPy over the gateway in this process: `dspy.configure(lm=ingate.integrations.dspy.lm("local/smollm2"))`.

DSPy accepts custom engines and provides one for OpenAI's format over any transport. This module supplies the in-process transport
and the catalog's facts about the model; caching, retries, history and streaming are DSPy's own.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ingate.client.transport import BASE_URL, async_http_client, default_module, http_client
from ingate.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping
    from pathlib import Path

    from ingate.catalog import ModelRow
    from ingate.gateway import Gateway

_PARAMS = frozenset(
    {"temperature", "top_p", "max_tokens", "max_completion_tokens", "stop", "seed", "response_format", "stream", "user"}
    | {"logprobs", "top_logprobs", "logit_bias", "presence_penalty", "frequency_penalty"}
)
_TOOL_PARAMS = frozenset({"tools", "tool_choice", "parallel_tool_calls"})


def lm(
    model: str,
    config: str | Path | Mapping[str, Any] | None = None,
    *,
    gateway: Gateway | None = None,
    **lm_arguments: Any,
) -> Any:
    """A real `dspy.LM` whose requests are handled in this process.

    Args:
        model: A model spec.
        config: As for `Gateway`: None, a path or a mapping.
        gateway: A gateway to use instead; its owner closes it.
        **lm_arguments: Passed to `dspy.LM` (`temperature`, `max_tokens`, `cache`, `num_retries`…).

    Raises:
        MissingExtraError: DSPy is not installed, or is older than 3.4, which has no engines.
        ConfigError: The configuration is invalid.
        SpecError: `model` is not a valid spec.
    """
    try:
        import dspy  # ty: ignore[import-not-found]
        from dspy.lm15 import AsyncOpenAIChatLM, OpenAIChatLM  # ty: ignore[import-not-found]
    except ImportError as error:
        raise MissingExtraError("DSPy 3.4 or newer is not installed", fix="pip install 'dspy>=3.4'") from error

    if gateway is None:
        from ingate.gateway import Gateway

        gateway = Gateway(config)
    elif config is not None:
        raise TypeError("pass either a config or a gateway, not both")
    row = _row(gateway, model)
    connection: dict[str, Any] = {"api_key": "in-process", "base_url": BASE_URL}
    dialect = OpenAIChatLM(transport=_Transport(http_client(gateway=gateway)), **connection)
    asynchronous = AsyncOpenAIChatLM(transport=_AsyncTransport(async_http_client(gateway=gateway)), **connection)
    return dspy.LM(model, engine=_Engine(dialect, row), async_engine=_AsyncEngine(asynchronous, row), **lm_arguments)


def _row(gateway: Gateway, model: str) -> ModelRow | None:
    """The catalog row of the spec's first model."""
    spec = gateway.router.specs(model)[0]
    return gateway.catalog().get(spec.provider, spec.model)


class _Engine:
    """DSPy's OpenAI engine, with the model's facts that DSPy's adapters read.

    A model that is not in the catalog is assumed to have tools and schemas; the gateway drops unsupported parameters.
    """

    def __init__(self, dialect: Any, row: ModelRow | None) -> None:
        self.dialect = dialect
        self.supports_function_calling = row is None or "tools" in row.caps
        self.supports_response_schema = row is None or "json" in row.caps
        self.supports_reasoning = row is not None and "reasoning" in row.caps
        self.supported_params = _PARAMS | (_TOOL_PARAMS if self.supports_function_calling else frozenset())
        if self.supports_reasoning:
            self.supported_params |= {"reasoning_effort"}

    def complete(self, request: Any) -> Any:
        """A whole response."""
        return self.dialect.complete(request)

    def stream(self, request: Any) -> Any:
        """The response's events as they arrive."""
        return self.dialect.stream(request)

    def __deepcopy__(self, memo: object) -> _Engine:
        # Optimizers copy whole programs; a copy uses the same gateway.
        del memo
        return self


class _AsyncEngine(_Engine):
    """The same for event loops."""

    async def complete(self, request: Any) -> Any:
        return await self.dialect.complete(request)


class _Transport:
    """DSPy's transport, over an httpx client."""

    def __init__(self, client: Any) -> None:
        self.client = client

    @contextlib.contextmanager
    def stream(self, request: Any) -> Generator[_Response]:
        """Send a request; the response is read inside the `with`."""
        with _as_dspy_errors(), self.client.stream(**_arguments(request)) as response:
            yield _Response(response)


class _AsyncTransport:
    """The same for event loops."""

    def __init__(self, client: Any) -> None:
        self.client = client

    @contextlib.asynccontextmanager
    async def stream(self, request: Any) -> AsyncGenerator[_AsyncResponse]:
        """Send a request; the response is read inside the `async with`."""
        with _as_dspy_errors():
            async with self.client.stream(**_arguments(request)) as response:
                yield _AsyncResponse(response)


class _Response:
    """The parts of a response that DSPy reads."""

    http_version = "HTTP/1.1"

    def __init__(self, response: Any) -> None:
        self.response = response
        self.status: int = response.status_code
        self.reason: str = response.reason_phrase
        self.headers: list[tuple[str, str]] = list(response.headers.multi_items())

    def header(self, name: str) -> str | None:
        """One header, or None."""
        return self.response.headers.get(name)

    def read(self) -> Any:
        """The whole body."""
        return self.response.read()

    def __iter__(self) -> Iterator[bytes]:
        return self.response.iter_bytes()


class _AsyncResponse(_Response):
    """The same for event loops."""

    def read(self) -> Any:
        return self.response.aread()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.response.aiter_bytes()


def _arguments(request: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "method": request.method,
        "url": request.url,
        "headers": request.headers,
        "content": request.body,
    }
    if request.read_timeout is not None:
        given["timeout"] = request.read_timeout
    return given


@contextlib.contextmanager
def _as_dspy_errors() -> Generator[None]:
    """Raise DSPy's transport error, the only one it retries, in place of httpx's."""
    from dspy.lm15 import TransportError  # ty: ignore[import-not-found]

    try:
        yield
    except default_module().TransportError as error:
        raise TransportError(str(error)) from error
