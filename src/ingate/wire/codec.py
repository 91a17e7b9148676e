"""What a wire format is: pure functions between OpenAI's dicts and a provider's bytes.

A codec opens no connection and holds no credential. `engines/native.py` sends what `request` gives, puts the
credential on it, and hands back what came. A new format is one module here, named in `_MODULES`, with an instance of
its codec as `CODEC`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from ingate.errors import IngateError, NotSupportedError
from ingate.wire.errors import error_from_response

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingate.secret import Secret

DropPolicy = Literal["strict", "warn", "drop"]

# Wire format → the module that has its CODEC; imported when the first call needs it.
_MODULES: Final[Mapping[str, str]] = {
    "chat": "ingate.wire.chat.codec",
    "azure": "ingate.wire.chat.azure",
    "messages": "ingate.wire.messages.codec",
    "gemini": "ingate.wire.gemini.codec",
    "bedrock": "ingate.wire.bedrock.codec",
    "bedrock_invoke": "ingate.wire.bedrock.codec",
    "cohere": "ingate.wire.cohere.codec",
    "ollama": "ingate.wire.ollama.codec",
}


@dataclass(slots=True)
class WireRequest:
    """One HTTP request, but for the address's beginning and the credential.

    Attributes:
        path: Appended to the route's `api_base`, with any query; a whole `https://…` address replaces it.
        body: The request body.
        headers: Headers the format itself asks for (`content-type`, `accept`, `anthropic-version`); never a credential.
        dropped: Names of OpenAI parameters left out because the far side cannot take them.
        warnings: Sentences for the user.
        method: The HTTP method.
    """

    path: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    method: str = "POST"


class StreamDecoder(Protocol):
    """Turns the bytes of one streamed answer into OpenAI chunks, however the bytes are cut."""

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The chunks that `data` completes. Raises the matching `IngateError` for an error event in the stream."""
        ...

    def close(self) -> list[dict[str, Any]]:
        """The body has ended: what was held back. Raises `StreamInterruptedError` where the answer was not finished."""
        ...


class Codec(Protocol):
    """One wire format.

    Attributes:
        name: The format's name, as a Route's `wire_format` has it.
    """

    name: str

    def request(
        self,
        model: str,
        body: Mapping[str, Any],
        *,
        stream: bool,
        api_base: str,
        facts: Mapping[str, Any],
        drop_params: DropPolicy,
        params: Mapping[str, str],
    ) -> WireRequest:
        """The provider's request for an OpenAI chat-completions `body` (which is left as it is).

        Args:
            model: The model's name at the provider.
            body: An OpenAI request without `model` and `stream`; `extra_body` is merged over the result.
            stream: Whether to ask for a stream, always with usage.
            api_base: Where it will go, for formats whose path depends on it.
            facts: What the catalog knows of the model (`max_output_tokens`, `supports_…`), and `provider`.
            drop_params: What to do with a parameter the model cannot take: `strict` raises `BadRequestError`, `warn`
                drops and tells, `drop` drops. What is dropped is named in `dropped` either way.
            params: Values that are no secret but shape the request (`api_version`, `vertex_project`, region).
        """
        ...

    def response(self, body: bytes, *, model: str) -> dict[str, Any]:
        """The provider's whole answer as an OpenAI completion, before `normalise_completion`.

        Raises the matching `IngateError` for an error inside a 200, `UnavailableError` for what is not the format.
        """
        ...

    def decoder(self, *, model: str, content_type: str) -> StreamDecoder:
        """A decoder for one streamed answer."""
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
        """The error an answer with an error status means (returned, not raised)."""
        ...

    def embeddings_request(
        self, model: str, body: Mapping[str, Any], *, api_base: str, params: Mapping[str, str]
    ) -> WireRequest:
        """The provider's request for an OpenAI embeddings `body`; raises `NotSupportedError` where the format has none."""
        ...

    def embeddings_response(self, body: bytes, *, model: str) -> dict[str, Any]:
        """The provider's embeddings as an OpenAI list."""
        ...


class BaseCodec:
    """What most formats share: errors read by their status, and no embeddings. Codecs may inherit from it."""

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
        """The error an answer with an error status means."""
        return error_from_response(
            status, headers, body, provider=provider, secrets=secrets, credential_source=credential_source
        )

    def embeddings_request(
        self, model: str, body: Mapping[str, Any], *, api_base: str, params: Mapping[str, str]
    ) -> WireRequest:
        """Raises `NotSupportedError`: this format has no embeddings here."""
        raise NotSupportedError(f"the {self.name} lane has no embeddings; {model!r} cannot be asked for any")

    def embeddings_response(self, body: bytes, *, model: str) -> dict[str, Any]:
        """Raises `NotSupportedError`: this format has no embeddings here."""
        raise NotSupportedError(f"the {self.name} lane has no embeddings; {model!r} cannot be asked for any")


def codec_for(wire_format: str) -> Codec:
    """The codec of a wire format, imported when first asked for.

    Raises:
        NotSupportedError: No codec speaks it, or its module is not part of this build.
    """
    module = _MODULES.get(wire_format)
    if module is None:
        raise NotSupportedError(
            f"no codec speaks the wire format {wire_format!r}", fix="use the litellm.<provider>/<model> lane"
        )
    loaded = import_module(module)
    codecs: Mapping[str, Codec] | None = getattr(loaded, "CODECS", None)
    return codecs[wire_format] if codecs is not None else loaded.CODEC


def formats() -> tuple[str, ...]:
    """The wire formats there are codecs for."""
    return tuple(_MODULES)
