"""Chat completions passed through: to OpenAI's own API, where neither request nor response needs adapting."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from ingate.errors import UnavailableError
from ingate.wire.catalog_facts import EFFORTS
from ingate.wire.chat.codec import check_message
from ingate.wire.chat.fit import fit
from ingate.wire.errors import error_from_response
from ingate.wire.passthrough import Meter, PassThrough, decoded

if TYPE_CHECKING:
    from collections.abc import Mapping

    import msgspec

    from ingate.wire.codec import Target
    from ingate.wire.passthrough import ApiRequest

# Providers whose own responses keep every invariant of ingate's streams, so that nothing is left to normalise.
EXACT_PROVIDERS: Final = frozenset({"openai"})
# Reading a whole answer costs more than looking for these in it.
_NO_CHOICES: Final = re.compile(rb"\s*(?:null|\[\s*\])\s*")
_NO_MESSAGE: Final = re.compile(rb'"message"\s*:\s*null')
# What the neutral form adds to OpenAI's messages. OpenAI refuses it.
_EXTENSIONS: Final = frozenset(
    {"reasoning_content", "reasoning", "reasoning_details", "reasoning_items", "thinking_blocks"}
    | {"provider_tool_calls", "provider_specific_fields", "cache_control"}
)


def is_exact(target: Target, wire_format: str, body: Mapping[str, Any]) -> bool:
    """Whether a chat request can be passed through as it is.

    False if the provider's responses need normalising, or if the model is known to refuse something in the request
    that the codec would adapt.
    """
    if target.provider not in EXACT_PROVIDERS:
        return False
    if body.get("reasoning_effort") not in (None, *EFFORTS):
        return False
    fitted = {name: value for name, value in body.items() if value is not None}
    count = len(fitted)
    fit(fitted, replace(target, drop_params="drop"), wire_format, strict=True)
    if len(fitted) != count or any(body.get(name) is not value for name, value in fitted.items()):
        return False
    messages = body.get("messages")
    return isinstance(messages, list) and not any(
        isinstance(message, dict) and not _EXTENSIONS.isdisjoint(message) for message in messages
    )


class ChatPassThrough(PassThrough):
    """Chat completions to a chat-completions endpoint."""

    def params(self, request: ApiRequest, params: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """A spec's parameters have chat's names already."""
        return dict(params), []

    def output_limit(self, body: Mapping[str, Any]) -> tuple[str, int] | None:
        """`max_completion_tokens`, or its older name."""
        for name in ("max_completion_tokens", "max_tokens"):
            value = body.get(name)
            if isinstance(value, int) and not isinstance(value, bool):
                return name, value
        return None

    def meter(self, request: ApiRequest, target: Target) -> ChatMeter:
        """What follows one completion."""
        return ChatMeter(target.provider)


class ChatMeter(Meter):
    """Follows one completion."""

    markers = (b"[DONE]", b'"finish_reason":"', b'"finish_reason": "', b'"usage":{', b'"usage": {', b'"error"')

    def event(self, value: dict[str, Any]) -> None:
        """Follow one chunk."""
        if isinstance(error := value.get("error"), dict):
            self.error = self.fail({"error": error})
            self.done = True
            return
        self.begun = True
        if isinstance(usage := value.get("usage"), dict):
            self.usage = usage
        choices = value.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            self.ended = self.ended or (isinstance(choice, dict) and bool(choice.get("finish_reason")))

    def check(self, fields: Mapping[str, msgspec.Raw], content: bytes) -> None:
        """Read the usage of a whole completion."""
        if "choices" not in fields:
            raise error_from_response(
                200, {}, {name: decoded(raw) for name, raw in fields.items()}, provider=self._provider or None
            )
        self._check_choices(fields["choices"])
        usage = decoded(fields.get("usage"))
        self.usage = usage if isinstance(usage, dict) else None

    def _check_choices(self, raw: msgspec.Raw) -> None:
        content = bytes(raw)
        if not (_NO_CHOICES.fullmatch(content) or _NO_MESSAGE.search(content)):
            return
        choices = decoded(raw)
        if not isinstance(choices, list) or not choices:
            raise UnavailableError(
                f"the response of {self._provider} has no choices",
                fix="try again, or name a fallback model after a comma",
            )
        for choice in choices:
            if isinstance(choice, dict):
                check_message(choice, self._provider)


PASS_THROUGH: Final = ChatPassThrough()
