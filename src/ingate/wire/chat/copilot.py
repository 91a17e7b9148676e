"""GitHub Copilot: chat completions in which one answer may be spread over several choices.

Claude's text comes in one choice and its tool calls in another (https://github.com/HKUDS/nanobot/pull/1555), newer Claude
models return a message of Anthropic's without choices (https://github.com/BerriAI/litellm/issues/29391), and reasoning
is `reasoning_text`, with its encrypted state in `reasoning_opaque`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.wire.answers import read_json
from ingate.wire.chat.codec import ChatCodec, ChatDecoder
from ingate.wire.facts import BUDGETS, vendor_format
from ingate.wire.messages.answer import completion_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingate.wire.codec import Target, WireRequest

_JOINED: Final = ("content", "reasoning_text", "refusal")
_MIN_BUDGET: Final = 1024
_MAX_BUDGET: Final = 32_000  # what Copilot's own client asks for at most


class CopilotCodec(ChatCodec):
    """OpenAI's codec with Copilot's differences."""

    name = "copilot"

    def request(self, body: Mapping[str, Any], target: Target) -> WireRequest:
        """An OpenAI request; assistant content is text, and Claude's reasoning effort is a budget."""
        adapted = dict(body)
        if isinstance(messages := body.get("messages"), list):
            adapted["messages"] = [_message(message) for message in messages]
        if vendor_format(target.model) == "messages":
            _budget(adapted, target)
        return super().request(adapted, target)

    def response(self, content: bytes, *, model: str) -> dict[str, Any]:
        """The completion, with its choices joined into one."""
        if _is_message(content):
            return completion_of(content, model=model)
        value = super().response(content, model=model)
        choices = [choice for choice in value["choices"] if isinstance(choice, dict)]
        return {**value, "choices": [_joined(choices)]} if len(choices) > 1 else value

    def decoder(self, *, model: str, content_type: str) -> CopilotDecoder:
        """A decoder for one stream."""
        return CopilotDecoder(model, content_type)

    def embeddings_request(self, body: Mapping[str, Any], target: Target) -> WireRequest:
        """OpenAI's embeddings request; the input is always a list."""
        text = body.get("input")
        return super().embeddings_request({**body, "input": [text]} if isinstance(text, str) else body, target)


class CopilotDecoder(ChatDecoder):
    """Reads a stream; pieces of every choice belong to the first one."""

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The chunks that `data` completes, each with one choice at most."""
        return [piece for chunk in super().feed(data) for piece in _split(chunk)]

    def close(self) -> list[dict[str, Any]]:
        """The chunks still held back at the end of the body."""
        return [piece for chunk in super().close() for piece in _split(chunk)]


def _message(message: Any) -> Any:
    """A message as Copilot reads it: an assistant's text in one piece, and no reasoning of other providers."""
    if not isinstance(message, dict) or message.get("role") != "assistant":
        return message
    out = dict(message)
    content = message.get("content")
    if isinstance(content, list) and all(isinstance(part, dict) and part.get("type") == "text" for part in content):
        out["content"] = "".join(str(part.get("text") or "") for part in content)
    if not message.get("reasoning_opaque"):  # the text means nothing without the state
        out.pop("reasoning_content", None)
    return out


def _budget(body: dict[str, Any], target: Target) -> None:
    """Replace the reasoning effort, which Copilot has for OpenAI's models only, with a budget in tokens."""
    effort, thinking = body.pop("reasoning_effort", None), body.pop("thinking", None)
    budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
    if not isinstance(budget, int):
        budget = BUDGETS.get(str(effort))
    most = target.facts.get("max_output_tokens")
    if budget:
        limit = min(_MAX_BUDGET, most - 1) if isinstance(most, int) and most > _MIN_BUDGET else _MAX_BUDGET
        body["thinking_budget"] = max(_MIN_BUDGET, min(budget, limit))


def _is_message(content: bytes) -> bool:
    """Whether an answer is a message in Anthropic's format."""
    try:
        value = read_json(content)
    except ValueError:
        return False
    return isinstance(value, dict) and "choices" not in value and isinstance(value.get("content"), list)


def _joined(choices: list[dict[str, Any]]) -> dict[str, Any]:
    message: dict[str, Any] = {}
    reasons: list[str] = []
    for choice in choices:
        reasons += [choice["finish_reason"]] if choice.get("finish_reason") else []
        found = choice.get("message")
        for key, value in (found if isinstance(found, dict) else {}).items():
            if key in _JOINED and isinstance(value, str):
                message[key] = (message.get(key) or "") + value
            elif isinstance(value, list) and isinstance(message.get(key), list):
                message[key] = message[key] + value
            elif value is not None or key not in message:
                message[key] = value
    finish = next((reason for reason in reasons if reason != "stop"), reasons[0] if reasons else None)
    return {**choices[0], "index": 0, "message": message, "finish_reason": finish}


def _split(chunk: dict[str, Any]) -> Iterable[dict[str, Any]]:
    choices = chunk.get("choices")
    if not isinstance(choices, list) or not choices:
        return (chunk,)
    own = [{**choice, "index": 0} if isinstance(choice, dict) else choice for choice in choices]
    bare = {key: value for key, value in chunk.items() if key != "usage"}
    return (*({**bare, "choices": [choice]} for choice in own[:-1]), {**chunk, "choices": own[-1:]})


CODEC: Final = CopilotCodec()
