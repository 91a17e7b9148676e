"""The upstream half of a wire format: pure functions between OpenAI's dicts and a provider's bytes.

A codec opens no connection and has no credential: `engines/native.py` adds the credential to the request, sends it and
passes the response back to the codec. Each format is a package, listed in `_MODULES`, whose codec is `CODEC`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import msgspec

from ingate.errors import BadRequestError, IngateError, NotSupportedError
from ingate.wire.errors import error_from_response

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingate.secret import Secret

DropPolicy = Literal["strict", "warn", "drop"]

# Wire format → the module of its CODEC, imported on first use.
_MODULES: Final[Mapping[str, str]] = {
    "chat": "ingate.wire.chat.codec",
    "azure": "ingate.wire.chat.azure",
    "copilot": "ingate.wire.chat.copilot",
    "responses": "ingate.wire.responses.codec",
    "completions": "ingate.wire.completions.codec",
    "messages": "ingate.wire.messages.codec",
    "gemini": "ingate.wire.gemini.codec",
    "bedrock": "ingate.wire.bedrock.codec",
    "bedrock_invoke": "ingate.wire.bedrock.codec",
    "cohere": "ingate.wire.cohere.codec",
    "ollama": "ingate.wire.ollama.codec",
}


_encode = msgspec.json.Encoder().encode
_EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a codec may know about a call besides its body.

    Attributes:
        model: The model's name at the provider.
        api_base: The provider's base URL; codecs accept it with or without a version or the endpoint's path.
        provider: The provider's name in the map (`"groq"`), empty if it is unknown.
        stream: Whether the response is to be streamed.
        facts: What the catalog knows about the model (`max_output_tokens`, `caps`, `supports_…`).
        drop_params: What to do with a parameter the model does not accept: `strict` raises `BadRequestError`, `warn`
            drops it with a warning, `drop` drops it. Dropped parameters are listed in `WireRequest.dropped` either way.
        params: What shapes the address and is not secret (`vertex_project`, `region`, `api_version`).
    """

    model: str
    api_base: str
    provider: str = ""
    stream: bool = False
    # A factory, since Python 3.11 refuses a default that cannot be hashed.
    facts: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    drop_params: DropPolicy = "warn"
    params: Mapping[str, str] = field(default_factory=lambda: _EMPTY)


@dataclass(slots=True)
class WireRequest:
    """One HTTP request without its credential.

    Attributes:
        url: The whole address.
        body: The request body.
        headers: Headers the format itself requires (`content-type`, `accept`, `anthropic-version`); never a credential.
        dropped: Names of OpenAI parameters that were left out because the provider does not accept them.
        warnings: Sentences for the user.
        method: The HTTP method.
    """

    url: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    method: str = "POST"


class StreamDecoder(Protocol):
    """Turns the bytes of one streamed response into OpenAI chunks, however the bytes are split.

    Attributes:
        done: Whether the format's end mark has arrived; nothing after it needs to be read.
        failed: An error that followed chunks in the same piece of data; the next call raises it.
        provider_tool_ids: The ids of the calls to tools that the provider executes itself, from their first byte on.
    """

    done: bool
    failed: IngateError | None
    provider_tool_ids: set[str]

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The chunks that `data` completes. Raises the matching `IngateError` for an error event in the stream."""
        ...

    def close(self) -> list[dict[str, Any]]:
        """The chunks still held back at the end of the body.

        Raises:
            StreamInterruptedError: The response was not complete.
            UnavailableError: The response was empty.
        """
        ...


class Codec(Protocol):
    """One wire format.

    Attributes:
        name: The format's name, as in a Route's `wire_format`.
    """

    name: str

    def url(self, target: Target) -> str:
        """The whole address of a chat call. Raises `BadRequestError` if it needs a parameter that is not set."""
        ...

    def request(self, body: Mapping[str, Any], target: Target) -> WireRequest:
        """The provider's request for an OpenAI chat-completions request.

        Args:
            body: The request without `model` and `stream`; it is not changed. `extra_body` is merged over the result.
            target: Where the request goes. A streamed request always asks for usage.

        Raises:
            BadRequestError: The request is malformed, cannot be expressed in this format, or has a parameter that the
                model does not accept while `drop_params` is `strict`.
        """
        ...

    def response(self, content: bytes, *, model: str) -> dict[str, Any]:
        """The provider's whole response as an OpenAI completion, before `normalise_completion`.

        Raises:
            IngateError: The response reports an error although its status is 200.
            UnavailableError: The response is not in this format.
        """
        ...

    def decoder(self, *, model: str, content_type: str) -> StreamDecoder:
        """A decoder for one streamed response."""
        ...

    def error(
        self,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        *,
        provider: str | None,
        secrets: Iterable[Secret | None] = (),
        credential_source: str | None = None,
    ) -> IngateError:
        """The error that a response with an error status means (returned, not raised)."""
        ...

    def embeddings_request(self, body: Mapping[str, Any], target: Target) -> WireRequest:
        """The provider's request for an OpenAI embeddings request.

        Raises:
            NotSupportedError: The format has no embeddings.
        """
        ...

    def embeddings_response(self, content: bytes, *, model: str) -> dict[str, Any]:
        """The provider's embeddings as an OpenAI list."""
        ...


class BaseCodec:
    """Defaults for codecs: errors by status, no embeddings."""

    name: str = ""

    def error(
        self,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        *,
        provider: str | None,
        secrets: Iterable[Secret | None] = (),
        credential_source: str | None = None,
    ) -> IngateError:
        """The error that a response with an error status means."""
        return error_from_response(
            status, headers, body, provider=provider, secrets=secrets, credential_source=credential_source
        )

    def embeddings_request(self, body: Mapping[str, Any], target: Target) -> WireRequest:
        """Raises `NotSupportedError`: this format has no embeddings."""
        raise NotSupportedError(f"the {self.name} format has no embeddings, so {target.model!r} cannot return any")

    def embeddings_response(self, content: bytes, *, model: str) -> dict[str, Any]:
        """Raises `NotSupportedError`: this format has no embeddings."""
        raise NotSupportedError(f"the {self.name} format has no embeddings, so {model!r} cannot return any")


def encode_body(body: Mapping[str, Any]) -> bytes:
    """A request body as JSON. Raises `BadRequestError` for a value that JSON cannot express."""
    try:
        return _encode(body)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BadRequestError(f"the request cannot be written as JSON: {error}") from None


def codec_for(wire_format: str) -> Codec:
    """The codec of a wire format, imported on first use.

    Raises:
        NotSupportedError: There is no codec for it.
    """
    module = _MODULES.get(wire_format)
    if module is None:
        raise NotSupportedError(
            f"there is no codec for the wire format {wire_format!r}", fix="use the litellm.<provider>/<model> lane"
        )
    loaded = import_module(module)
    codecs: Mapping[str, Codec] | None = getattr(loaded, "CODECS", None)
    return codecs[wire_format] if codecs is not None else loaded.CODEC


def formats() -> tuple[str, ...]:
    """The wire formats that have a codec."""
    return tuple(_MODULES)
