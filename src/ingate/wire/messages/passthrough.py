"""Anthropic's Messages passed through: on Anthropic's own API, and on every server that speaks it.

`model` in the response becomes the name that the client asked for: Claude Code sends signed thinking back only if the
two are the same.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.errors import InvalidRequestError, UnavailableError
from ingate.wire.address import is_vertex
from ingate.wire.messages.answer import error_of_event, usage_of
from ingate.wire.messages.codec import VERTEX_VERSION
from ingate.wire.passthrough import Meter, PassThrough, decoded
from ingate.wire.reasoning_state import native_turns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.codec import Target
    from ingate.wire.passthrough import ApiRequest

_SAME: Final = frozenset({"max_tokens", "temperature", "top_p", "top_k", "service_tier"})
# Where Claude's own platforms answer, which refuse results without a call; other servers may not mind.
_STRICT: Final = frozenset({"anthropic", "vertex_ai", "bedrock", "azure_ai", "github_copilot"})
_CALLS: Final = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})
_PREAMBLE: Final = frozenset({"message_start", "ping"})
_MODEL: Final = re.compile(rb'("model"\s*:\s*)"(?:[^"\\]|\\.)*"')

_encode = msgspec.json.Encoder().encode


class MessagesPassThrough(PassThrough):
    """Messages to a Messages endpoint."""

    def params(self, request: ApiRequest, params: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """A spec's parameters as Messages has them."""
        made: dict[str, Any] = {}
        dropped: list[str] = []
        for name, value in params.items():
            if name in _SAME:
                made[name] = value
            elif name == "max_completion_tokens":
                made["max_tokens"] = value
            elif name == "stop":
                made["stop_sequences"] = value if isinstance(value, list) else [value]
            elif name == "reasoning_effort":
                if value == "none":
                    made["thinking"] = {"type": "disabled"}
                else:
                    given = request.body.get("output_config")
                    made["output_config"] = {**(given if isinstance(given, dict) else {}), "effort": value}
            else:
                dropped.append(name)
        return made, dropped

    def output_limit(self, body: Mapping[str, Any]) -> tuple[str, int] | None:
        """`max_tokens`."""
        value = body.get("max_tokens")
        return ("max_tokens", value) if isinstance(value, int) and not isinstance(value, bool) else None

    def history(self, request: ApiRequest, target: Target) -> tuple[dict[str, Any], list[str]]:
        """The turns without the reasoning of other APIs' providers."""
        if target.provider in _STRICT and "thread" not in request.body:
            _check_results(request.body.get("messages"))
        turns = native_turns(request.body.get("messages"), target.provider)
        return ({}, []) if turns is None else ({"messages": turns[0]}, turns[1])

    def prepare(self, request: ApiRequest, target: Target, changes: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
        """The body and headers; on Vertex AI the model is in the path, and the version in the body.

        https://platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai
        """
        headers = dict(request.headers)
        if is_vertex(target):
            headers.pop("anthropic-version", None)
            return request.encoded({"anthropic_version": VERTEX_VERSION, **changes}, dropped=("model",)), headers
        return super().prepare(request, target, changes)

    def meter(self, request: ApiRequest, target: Target) -> MessagesMeter:
        """What follows one message."""
        return MessagesMeter(target.provider, str(request.body.get("model") or target.model))


def _check_results(turns: Any) -> None:
    """Raise `InvalidRequestError` for a `tool_result` block that no earlier block calls."""
    called: set[Any] = set()
    for at, turn in enumerate(turns if isinstance(turns, list) else ()):
        content = turn.get("content")
        for place, block in enumerate(content if isinstance(content, list) else ()):
            kind = block.get("type") if isinstance(block, dict) else None
            for name in ("type", "id", "tool_use_id"):
                if isinstance(block, dict) and not isinstance(block.get(name), str | None):
                    param = f"messages[{at}].content[{place}].{name}"
                    raise InvalidRequestError(f"{param!r} must be a string", param=param, code="invalid_type")
            if kind in _CALLS:
                called.add(block.get("id"))
            elif kind == "tool_result" and (given := block.get("tool_use_id")) and given not in called:
                where = f"messages[{at}].content[{place}]"
                raise InvalidRequestError(
                    f"{where!r} is the result of {given!r}, which no earlier 'tool_use' block has as its id",
                    param=f"{where}.tool_use_id",
                )


class MessagesMeter(Meter):
    """Follows one message.

    Args:
        provider: The provider's name, for errors.
        model: The name that the client asked for.
    """

    markers = (b"message_delta", b"message_stop", b'"error"')

    def __init__(self, provider: str, model: str) -> None:
        super().__init__(provider)
        self._model = model
        self._counts: dict[str, Any] = {}

    def event(self, value: dict[str, Any]) -> None:
        """Follow one event."""
        kind = value.get("type")
        if kind == "message_start":
            message = value.get("message")
            self._count(message.get("usage") if isinstance(message, dict) else None)
        elif kind == "message_delta":
            self.begun = True
            self._count(value.get("usage"))
            delta = value.get("delta")
            self.ended = isinstance(delta, dict) and bool(delta.get("stop_reason"))
        elif kind == "message_stop":
            self.done = True
        elif kind == "error":
            self.error = error_of_event(value)
            self.done = True
        elif kind not in _PREAMBLE:
            self.begun = True

    def opening(self, held: bytes) -> bytes:
        """The first events, with the model's name that the client asked for in `message_start`."""
        at = held.find(b"message_start")
        if at < 0:
            return held
        return held[:at] + _MODEL.sub(lambda found: found.group(1) + _encode(self._model), held[at:], count=1)

    def check(self, fields: Mapping[str, msgspec.Raw], content: bytes) -> None:
        """Read the usage of a whole message."""
        if decoded(fields.get("type")) == "error" or ("error" in fields and "content" not in fields):
            raise error_of_event({name: decoded(raw) for name, raw in fields.items()})
        if "content" not in fields:
            raise UnavailableError(
                f"{self._provider or 'the provider'} sent no message: {content[:200].decode(errors='replace')!r}",
                fix="check the base URL, or try again",
            )
        self._count(decoded(fields.get("usage")))

    def rewritten(self, fields: dict[str, msgspec.Raw], content: bytes) -> bytes:
        """The message with the model's name that the client asked for."""
        if "model" not in fields or decoded(fields["model"]) == self._model:
            return content
        return _encode({**fields, "model": self._model})

    def _count(self, counts: Any) -> None:
        if isinstance(counts, dict):
            self._counts.update({name: count for name, count in counts.items() if count is not None})
            self.usage = usage_of(self._counts)


PASS_THROUGH: Final = MessagesPassThrough()
