"""Anthropic's Messages passed through Bedrock's InvokeModel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.wire.bedrock.codec import error_of_frame, inner_payload
from ingate.wire.bedrock.eventstream import EventStreamParser
from ingate.wire.messages.downstream_answer import error_body
from ingate.wire.messages.passthrough import MessagesMeter, MessagesPassThrough
from ingate.wire.passthrough import decoded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.bedrock.eventstream import Message
    from ingate.wire.codec import Target
    from ingate.wire.passthrough import ApiRequest

VERSION: Final = "bedrock-2023-05-31"

_encode = msgspec.json.Encoder().encode


class BedrockPassThrough(MessagesPassThrough):
    """Messages to InvokeModel."""

    def prepare(self, request: ApiRequest, target: Target, changes: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
        """The body and headers: the model and whether to stream are in the path, version and betas in the body.

        https://platform.claude.com/docs/en/build-with-claude/claude-on-amazon-bedrock
        """
        headers = dict(request.headers)
        headers.pop("anthropic-version", None)
        changes = {"anthropic_version": VERSION, **changes}
        if betas := headers.pop("anthropic-beta", ""):
            changes["anthropic_beta"] = [beta.strip() for beta in betas.split(",") if beta.strip()]
        return request.encoded(changes, dropped=("model", "stream")), headers

    def meter(self, request: ApiRequest, target: Target) -> BedrockMeter:
        """What follows one message."""
        return BedrockMeter(target.provider, str(request.body.get("model") or target.model))


class BedrockMeter(MessagesMeter):
    """Follows one message of Bedrock's InvokeModel, and takes AWS's framing off its events."""

    content_type = "text/event-stream; charset=utf-8"

    def __init__(self, provider: str, model: str) -> None:
        super().__init__(provider, model)
        self._frames = EventStreamParser()

    def feed(self, data: bytes) -> bytes:
        """The events that `data` completes, as server-sent events."""
        return super().feed(b"".join(map(_server_sent, self._frames.feed(data))))


def _server_sent(frame: Message) -> bytes:
    """One frame as a server-sent event."""
    if frame.headers.get(":message-type", "event") != "event":
        return b"event: error\ndata: %b\n\n" % _encode(error_body(error_of_frame(frame), ""))
    inner = inner_payload(frame)
    kind = decoded(msgspec.Raw(inner)) if inner else None
    name = kind.get("type") if isinstance(kind, dict) else None
    return b"event: %b\ndata: %b\n\n" % (str(name).encode(), inner) if name else b""


PASS_THROUGH: Final = BedrockPassThrough()
