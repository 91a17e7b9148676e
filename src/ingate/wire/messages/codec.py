"""Anthropic's Messages API as an upstream format: at Anthropic, at compatible providers, and on Vertex AI.

`request.py` and `history.py` write requests; `answer.py` and `stream.py` read responses.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from ingate.wire.address import base_path, is_vertex, join, vertex_url
from ingate.wire.codec import BaseCodec, WireRequest, encode_body
from ingate.wire.decoding import WholeDecoder
from ingate.wire.messages.answer import completion_of
from ingate.wire.messages.request import messages_request
from ingate.wire.messages.stream import MessagesDecoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.codec import StreamDecoder, Target

VERSION: Final = "2023-06-01"
VERTEX_VERSION: Final = "vertex-2023-10-16"


class MessagesCodec(BaseCodec):
    """Anthropic's Messages format."""

    name = "messages"

    def url(self, target: Target) -> str:
        """`/v1/messages` under the base URL; on Vertex AI the model is in the path."""
        if is_vertex(target):
            verb = "streamRawPredict" if target.stream else "rawPredict"
            named = quote(target.model.rsplit("/", 1)[-1], safe="@.-_")
            return vertex_url(f"publishers/anthropic/models/{named}:{verb}", target)
        base = base_path(target.api_base)
        if base.endswith("/messages"):
            return join(target.api_base, "")
        return join(target.api_base, "/messages" if base.endswith("/v1") else "/v1/messages")

    def request(self, body: Mapping[str, Any], target: Target) -> WireRequest:
        """The request for an OpenAI request body."""
        out, params = messages_request(body, target)
        headers = {"content-type": "application/json", "anthropic-version": VERSION}
        if target.stream:
            headers["accept"] = "text/event-stream"
        betas = out.pop("anthropic_beta", None)
        if betas:
            headers["anthropic-beta"] = betas if isinstance(betas, str) else ",".join(str(beta) for beta in betas)
        if is_vertex(target):
            del headers["anthropic-version"]
            out = {"anthropic_version": VERTEX_VERSION, **out}
        else:
            out = {"model": target.model, **out}
        if target.stream:
            out["stream"] = True
        return WireRequest(
            url=self.url(target),
            body=encode_body(out),
            headers=headers,
            dropped=params.dropped,
            warnings=params.warnings,
        )

    def response(self, content: bytes, *, model: str) -> dict[str, Any]:
        """A whole message as an OpenAI completion."""
        return completion_of(content, model=model)

    def decoder(self, *, model: str, content_type: str) -> StreamDecoder:
        """A decoder for one streamed message, or for a whole one."""
        if content_type.startswith("application/json"):
            return WholeDecoder(partial(completion_of, model=model))
        return MessagesDecoder(model=model)


CODEC = MessagesCodec()
