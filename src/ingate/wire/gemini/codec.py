"""Google's generateContent: Gemini on AI Studio and on Vertex AI, and Claude on Vertex AI through its own format.

`gemini_request.py` and `gemini_contents.py` write requests; `gemini_answer.py` and `gemini_stream.py` read answers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from ingate.wire.codec import BaseCodec, WireRequest
from ingate.wire.gemini.answer import completion_of
from ingate.wire.gemini.embeddings import embeddings_of, embeddings_request
from ingate.wire.gemini.request import generate_request
from ingate.wire.gemini.stream import GeminiDecoder
from ingate.wire.messages.codec import CODEC as ANTHROPIC
from ingate.wire.vertex import is_vertex, vertex_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.codec import DropPolicy, StreamDecoder


class GeminiCodec(BaseCodec):
    """Google's generateContent format."""

    name = "gemini"

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
        """The request for an OpenAI body; streams are asked for as server-sent events."""
        if _is_claude(model):
            return ANTHROPIC.request(
                model,
                body,
                stream=stream,
                api_base=api_base,
                facts={"provider": "vertex_ai", **facts},
                drop_params=drop_params,
                params=params,
            )
        out, asked = generate_request(model, body, facts=facts, drop_params=drop_params)
        verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return WireRequest(
            path=_path(model, verb, api_base, facts, params),
            body=msgspec.json.encode(out),
            headers={"content-type": "application/json", **({"accept": "text/event-stream"} if stream else {})},
            dropped=asked.dropped,
            warnings=asked.warnings,
        )

    def response(self, body: bytes, *, model: str) -> dict[str, Any]:
        """A whole answer as an OpenAI completion."""
        return ANTHROPIC.response(body, model=model) if _is_claude(model) else completion_of(body, model=model)

    def decoder(self, *, model: str, content_type: str) -> StreamDecoder:
        """A decoder for one streamed answer; its first byte tells events from an array, whatever the content type."""
        if _is_claude(model):
            return ANTHROPIC.decoder(model=model, content_type=content_type)
        return GeminiDecoder(model=model)

    def embeddings_request(
        self, model: str, body: Mapping[str, Any], *, api_base: str, params: Mapping[str, str]
    ) -> WireRequest:
        """The request for embeddings: `batchEmbedContents` on AI Studio, `predict` on Vertex AI."""
        on_vertex = is_vertex({}, params)
        out, asked = embeddings_request(model, body, on_vertex=on_vertex)
        verb = "predict" if on_vertex else "batchEmbedContents"
        return WireRequest(
            path=_path(model, verb, api_base, {}, params),
            body=msgspec.json.encode(out),
            headers={"content-type": "application/json"},
            dropped=asked.dropped,
            warnings=asked.warnings,
        )

    def embeddings_response(self, body: bytes, *, model: str) -> dict[str, Any]:
        """The embeddings as an OpenAI list."""
        return embeddings_of(body, model=model)


def _is_claude(model: str) -> bool:
    return "claude" in model.lower()


def _path(model: str, verb: str, api_base: str, facts: Mapping[str, Any], params: Mapping[str, str]) -> str:
    if is_vertex(facts, params):
        named = quote(model.removeprefix("models/").removeprefix("google/"), safe="@.-_/")
        if named.startswith("endpoints/") or named.isdigit():  # a tuned model behind an endpoint of its own
            resource = f"endpoints/{named.removeprefix('endpoints/')}"
        else:
            resource = named if named.startswith("publishers/") else f"publishers/google/models/{named}"
        return vertex_path(f"{resource}:{verb}", api_base, params)
    base = api_base.split("?", 1)[0].rstrip("/")
    named = quote(model, safe="@.-_/")
    resource = named if named.startswith(("models/", "tunedModels/")) else f"models/{named}"
    if base.endswith("/models"):
        return f"/{resource.removeprefix('models/')}:{verb}"
    # A base that ends in a version keeps it.
    return f"/{resource}:{verb}" if re.search(r"/v1(alpha|beta)?\d*$", base) else f"/v1beta/{resource}:{verb}"


CODEC = GeminiCodec()
