"""OpenAI's Responses API as an upstream format: what OpenAI recommends for every current model of its own.

`request.py`, `items.py` and `tools.py` write requests, `answer.py` and `stream.py` read responses, `address.py` finds
the endpoint, and `providers.py` lists how each provider departs from OpenAI.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.wire.chat.codec import encode_body
from ingate.wire.codec import BaseCodec, WireRequest
from ingate.wire.responses.address import responses_url
from ingate.wire.responses.answer import completion_of
from ingate.wire.responses.request import responses_request
from ingate.wire.responses.stream import ResponsesDecoder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingate.errors import IngateError
    from ingate.secret import Secret
    from ingate.wire.codec import StreamDecoder, Target

_UNVERIFIED: Final = "verified to generate reasoning summaries"


class ResponsesCodec(BaseCodec):
    """OpenAI's Responses format."""

    name = "responses"

    def url(self, target: Target) -> str:
        """`/responses` under the base URL."""
        return responses_url(target)

    def request(self, body: Mapping[str, Any], target: Target) -> WireRequest:
        """The Responses request for a chat request."""
        out, tracker = responses_request(body, target)
        if target.stream:
            out["stream"] = True
        headers = {
            "content-type": "application/json",
            "accept": "text/event-stream" if target.stream else "application/json",
        }
        if isinstance(extra := body.get("extra_headers"), dict):
            headers.update({str(name).lower(): str(value) for name, value in extra.items()})
        return WireRequest(
            url=self.url(target),
            body=encode_body(out),
            headers=headers,
            dropped=tracker.dropped,
            warnings=tracker.warnings,
        )

    def response(self, content: bytes, *, model: str) -> dict[str, Any]:
        """A whole response as an OpenAI completion."""
        return completion_of(content, model=model)

    def decoder(self, *, model: str, content_type: str) -> StreamDecoder:
        """A decoder for one streamed response, or for one that came whole."""
        return ResponsesDecoder(model=model)  # the first byte decides which of the two it is

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
        error = super().error(
            status, headers, body, provider=provider, secrets=secrets, credential_source=credential_source
        )
        if _UNVERIFIED in error.provider_message:
            error.fix = "leave out reasoning_summary (and reasoning.summary), or verify the organisation with OpenAI"
        return error


CODEC: Final = ResponsesCodec()
