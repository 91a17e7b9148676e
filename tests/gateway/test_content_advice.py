"""Reasoning whose maker is not known, and what is said when a provider rejects it."""

from __future__ import annotations

from typing import Any

import pytest

from ingate import Gateway
from ingate.errors import BadRequestError
from support.upstream import Reply, upstream

SIGNED = {"type": "thinking", "thinking": "t", "signature": "made by another provider, before a restart"}
HISTORY: dict[str, list[dict[str, Any]]] = {
    "messages": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": [SIGNED, {"type": "text", "text": "b"}]},
        {"role": "user", "content": "c"},
    ],
    "chat": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b", "thinking_blocks": [SIGNED]},
        {"role": "user", "content": "c"},
    ],
}


@pytest.mark.parametrize("api", ["messages", "chat"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_signature_of_unknown_origin_is_sent_and_its_rejection_explained(api: Any, stream: bool):
    body = {"model": "anthropic/claude-opus-5-5", "messages": HISTORY[api], "max_tokens": 99}
    message = "messages.1.content.0: Invalid `signature` in `thinking` block"
    with upstream() as told:
        told.otherwise = Reply(400, {"type": "error", "error": {"type": "invalid_request_error", "message": message}})
        async with Gateway({"anthropic": {"api_key": "k", "base_url": told.url}}, retries=0) as gateway:
            asked = anext(gateway.stream(body, api=api)) if stream else gateway.complete(body, api=api)
            with pytest.raises(BadRequestError, match="signature") as error:
                await asked
    assert told.seen[0].body["messages"][1]["content"][0] == SIGNED
    assert "leave the reasoning of earlier turns out" in str(error.value.fix)
    assert ("passed through unchanged" in str(error.value.fix)) is (api == "messages")
