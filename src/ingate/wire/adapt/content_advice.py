"""What to do about a rejection of the conversation or of a tool's schema, which no parameter would make good.

A request that is passed through is left as the client wrote it, and a conversation may hold reasoning whose maker is not
known (after a restart, a client's own history). The provider's message says what is wrong; this says what to send instead.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ingate.errors import BadRequestError

_FOREIGN: Final = (
    "leave the reasoning of earlier turns out (thinking blocks with a signature, reasoning items with encrypted_content): "
    "another model or provider made it, or it was changed, and this one cannot read it; the turns' text and tool calls can stay"
)
# The provider's words → what to do, after "to have it accepted, …". The first that is found counts.
_ADVICE: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), advice)
    for pattern, advice in (
        # https://github.com/ding113/claude-code-hub/issues/518
        (r"invalid\W+signature\W+in\W+(?:thinking|redacted)|thought[ _]signature.{0,40}(?:not valid|invalid|corrupted)", _FOREIGN),
        # https://github.com/openai/codex/issues/8145
        (r"encrypted[ _]content.{0,200}(?:could not be|cannot be|invalid)|invalid_encrypted_content", _FOREIGN),
        # https://github.com/anthropics/claude-code/issues/63284
        (
            r"thinking\W.{0,80}blocks in the latest assistant message cannot be modified",
            "send the last answer's thinking blocks back exactly as they came, or leave them out and switch thinking off",
        ),
        (
            r"expected\W+thinking\W.{0,60}but found\W",
            "send the thinking blocks of the turn whose tool results follow, or switch thinking off",
        ),
        # https://github.com/anthropics/claude-code/issues/79418
        (
            r"property keys should match pattern",
            "name the tool's parameters with letters, digits, '_', '.' and '-' alone, or call chat completions: ingate adapts them",
        ),
        (
            r"assistant message prefill|must end with a user message|last message.{0,40}must be.{0,20}user",
            "end the conversation with a message of the user",
        ),
        (
            r"tool_use\W.{0,80}without\W.{0,40}tool_result|tool_call_ids did not have response messages|no tool (?:output|call) found",
            "send the result of every tool call directly behind it, and no result without its call",
        ),
        (r"roles must alternate|unexpected role|expected last role", "let messages of the user and the assistant take turns"),
    )
)  # fmt: skip


def content_advice(error: BadRequestError) -> str:
    """What to send instead of the content that a provider rejected, after "to have it accepted, …"; empty if unknown."""
    said = f"{error.code or ''} {error.provider_message}"
    return next((advice for pattern, advice in _ADVICE if pattern.search(said)), "")
