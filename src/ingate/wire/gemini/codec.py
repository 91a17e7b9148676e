"""Google's generateContent: Gemini on AI Studio and on Vertex AI. Claude on Vertex AI uses Anthropic's format.

`request.py` and `contents.py` write requests; `answer.py` and `stream.py` read responses.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ingate.wire.address import base_path, is_vertex, join, vertex_url
from ingate.wire.codec import BaseCodec, WireRequest, encode_body
from ingate.wire.facts import vendor_format
from ingate.wire.gemini.answer import completion_of
from ingate.wire.gemini.embeddings import embeddings_of, embeddings_request
from ingate.wire.gemini.request import generate_request
from ingate.wire.gemini.stream import GeminiDecoder
from ingate.wire.messages.codec import CODEC as ANTHROPIC

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.codec import StreamDecoder, Target


class GeminiCodec(BaseCodec):
    """Google's generateContent format."""

    name = "gemini"

    def url(self, target: Target) -> str:
        """The model's `:generateContent`, or `:streamGenerateContent` with server-sent events."""
        if _is_claude(target.model):
            return ANTHROPIC.url(_on_vertex(target))
        return _url(target, "streamGenerateContent?alt=sse" if target.stream else "generateContent")

    def request(self, body: Mapping[str, Any], target: Target) -> WireRequest:
        """The request for an OpenAI request body."""
        if _is_claude(target.model):
            return ANTHROPIC.request(body, _on_vertex(target))
        out, params = generate_request(body, target)
        return WireRequest(
            url=self.url(target),
            body=encode_body(out),
            headers={"content-type": "application/json", **({"accept": "text/event-stream"} if target.stream else {})},
            dropped=params.dropped,
            warnings=params.warnings,
        )

    def response(self, content: bytes, *, model: str) -> dict[str, Any]:
        """A whole response as an OpenAI completion."""
        return (ANTHROPIC.response if _is_claude(model) else completion_of)(content, model=model)

    def decoder(self, *, model: str, content_type: str) -> StreamDecoder:
        """A decoder for one streamed response; its first byte distinguishes events from an array, not the content type."""
        if _is_claude(model):
            return ANTHROPIC.decoder(model=model, content_type=content_type)
        return GeminiDecoder(model=model)

    def embeddings_request(self, body: Mapping[str, Any], target: Target) -> WireRequest:
        """The request for embeddings: `batchEmbedContents` on AI Studio, `predict` on Vertex AI."""
        out, params = embeddings_request(body, target)
        return WireRequest(
            url=_url(target, "predict" if is_vertex(target) else "batchEmbedContents"),
            body=encode_body(out),
            headers={"content-type": "application/json"},
            dropped=params.dropped,
            warnings=params.warnings,
        )

    def embeddings_response(self, content: bytes, *, model: str) -> dict[str, Any]:
        """The embeddings as an OpenAI list."""
        return embeddings_of(content, model=model)


def _is_claude(model: str) -> bool:
    return vendor_format(model) == "messages"


def _on_vertex(target: Target) -> Target:
    return target if target.provider else replace(target, provider="vertex_ai")


def _url(target: Target, verb: str) -> str:
    model = target.model
    if is_vertex(target):
        named = quote(model.removeprefix("models/").removeprefix("google/"), safe="@.-_/")
        if named.startswith("endpoints/") or named.isdigit():  # a tuned model with its own endpoint
            resource = f"endpoints/{named.removeprefix('endpoints/')}"
        else:
            resource = named if named.startswith("publishers/") else f"publishers/google/models/{named}"
        return vertex_url(f"{resource}:{verb}", target)
    base = base_path(target.api_base)
    named = quote(model, safe="@.-_/")
    resource = named if named.startswith(("models/", "tunedModels/")) else f"models/{named}"
    if base.endswith("/models"):
        return join(target.api_base, f"/{resource.removeprefix('models/')}:{verb}")
    version = "" if re.search(r"/v1(alpha|beta)?\d*$", base) else "/v1beta"
    return join(target.api_base, f"{version}/{resource}:{verb}")


CODEC = GeminiCodec()
