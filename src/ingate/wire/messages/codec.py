"""The Anthropic Messages API: on Anthropic's own servers, on whatever speaks its format, and on Vertex AI.

`anthropic_request.py` and `anthropic_messages.py` write requests; `anthropic_answer.py` and `anthropic_stream.py`
read answers.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import msgspec

from ingate.wire.codec import BaseCodec, WireRequest
from ingate.wire.decoding import WholeDecoder
from ingate.wire.messages.answer import completion_of
from ingate.wire.messages.request import messages_request
from ingate.wire.messages.stream import AnthropicDecoder
from ingate.wire.vertex import is_vertex, vertex_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.codec import DropPolicy, StreamDecoder

VERSION: Final = "2023-06-01"
VERTEX_VERSION: Final = "vertex-2023-10-16"


class AnthropicCodec(BaseCodec):
    """Anthropic's Messages format."""

    name = "messages"

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
        """The request for an OpenAI body. On Vertex AI the model goes into the path."""
        out, asked = messages_request(model, body, stream=stream, facts=facts, drop_params=drop_params)
        headers = {"content-type": "application/json", "anthropic-version": VERSION}
        if stream:
            headers["accept"] = "text/event-stream"
        betas = out.pop("anthropic_beta", None)
        if betas:
            headers["anthropic-beta"] = betas if isinstance(betas, str) else ",".join(str(beta) for beta in betas)
        if is_vertex(facts, params):
            del headers["anthropic-version"]
            out = {"anthropic_version": VERTEX_VERSION, **out}
            if stream:
                out["stream"] = True
            verb = "streamRawPredict" if stream else "rawPredict"
            named = model.rsplit("/", 1)[-1]
            path = vertex_path(f"publishers/anthropic/models/{quote(named, safe='@.-_')}:{verb}", api_base, params)
        else:
            out = {"model": model, **out}
            if stream:
                out["stream"] = True
            path = _path(api_base)
        return WireRequest(
            path=path,
            body=msgspec.json.encode(out),
            headers=headers,
            dropped=asked.dropped,
            warnings=asked.warnings,
        )

    def response(self, body: bytes, *, model: str) -> dict[str, Any]:
        """A whole message as an OpenAI completion."""
        return completion_of(body, model=model)

    def decoder(self, *, model: str, content_type: str) -> StreamDecoder:
        """A decoder for one streamed message, or for one that came whole."""
        if content_type.startswith("application/json"):
            return WholeDecoder(partial(completion_of, model=model))
        return AnthropicDecoder(model=model)


def _path(api_base: str) -> str:
    """What is to be appended to a base, which may already end in `/v1` or `/v1/messages`."""
    base = api_base.split("?", 1)[0].rstrip("/")
    if base.endswith("/messages"):
        return ""
    return "/messages" if base.endswith("/v1") else "/v1/messages"


CODEC = AnthropicCodec()
