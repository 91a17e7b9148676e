"""What GitHub Copilot's API reads from a request besides its body: who started the turn, and whether there are images.

Copilot counts turns that the user started and not those in which an agent goes on with tool results; it refuses images
without a header that announces them. The rules are those of Copilot's own client,
https://github.com/microsoft/vscode-copilot-chat/blob/main/src/platform/networking/common/networking.ts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

# What an agent adds by itself between turns.
_INSTRUCTIONS: Final = frozenset({"system", "developer"})
_IMAGES: Final = frozenset({"image_url", "input_image", "image"})


def initiator(body: Mapping[str, Any]) -> Literal["user", "agent"]:
    """Who started this turn: the user, if their message is the last one; an agent, if a tool result or an answer is.

    Args:
        body: A request in any of the three APIs.
    """
    turns = body.get("messages") or body.get("input")
    if not isinstance(turns, list):
        return "user"
    last = next((turn for turn in reversed(turns) if _role(turn) not in _INSTRUCTIONS), None)
    if last is None:
        return "user"
    if _role(last) != "user":
        return "agent"
    content = last.get("content")
    is_result = isinstance(content, list) and content and all(_kind(block) == "tool_result" for block in content)
    return "agent" if is_result else "user"


def has_images(body: Mapping[str, Any]) -> bool:
    """Whether the conversation of a request, in any of the three APIs, contains an image, in a tool's result too."""
    return _holds_image(body.get("messages")) or _holds_image(body.get("input"))


def _holds_image(value: Any, depth: int = 0) -> bool:
    if depth > 8:  # deeper than any API nests content
        return False
    if isinstance(value, list):
        return any(_holds_image(item, depth + 1) for item in value)
    if not isinstance(value, dict):
        return False
    inner = (value.get("content"), value.get("output"))
    return _kind(value) in _IMAGES or any(_holds_image(one, depth + 1) for one in inner)


def _role(turn: Any) -> Any:
    return turn.get("role") if isinstance(turn, dict) else None


def _kind(block: Any) -> Any:
    return block.get("type") if isinstance(block, dict) else None
