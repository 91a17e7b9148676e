"""The messages that the tests of `wire/adapt` share."""

from __future__ import annotations

from typing import Any

USER: dict[str, Any] = {"role": "user", "content": "go"}
SYSTEM: dict[str, Any] = {"role": "system", "content": "s"}
SAID: dict[str, Any] = {"role": "assistant", "content": "x"}
CALL: dict[str, Any] = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}
RESULT: dict[str, Any] = {"role": "tool", "tool_call_id": "a", "content": "1"}
IMAGE: dict[str, Any] = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
