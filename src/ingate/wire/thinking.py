"""Reasoning that has to go back to its provider unchanged: joining streamed blocks, and envelopes for other APIs.

Providers return reasoning as opaque, signed or encrypted data and expect it back with the next turn. A client of another
API cannot hold it in that provider's shape, so it travels in an *envelope*: a text that the client stores in a field it
treats as opaque (Anthropic's `signature` and `data`, OpenAI's `encrypted_content`) and returns.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ENVELOPE: Final = "ingate.1."
"""How every envelope begins. No provider's signature or encrypted content contains a dot."""

_MAX_ENVELOPE_BYTES: Final = 32 * 1024 * 1024  # of content; a limit for what a small hostile text could expand to


def seal(origin: str, payload: Mapping[str, Any]) -> str:
    """An envelope: `payload` and where it came from, as text that survives any JSON field.

    Args:
        origin: The provider's name in the map (`"openai"`), `""` if it is unknown.
        payload: JSON data. It comes back equal, in the same order.
    """
    text = json.dumps([origin, payload], ensure_ascii=True, separators=(",", ":"))
    return ENVELOPE + base64.urlsafe_b64encode(zlib.compress(text.encode("ascii"))).decode("ascii")


def is_sealed(text: object) -> bool:
    """Whether `text` is an envelope, intact or not."""
    return isinstance(text, str) and text.startswith(ENVELOPE)


def unseal(text: object) -> tuple[str, dict[str, Any]] | None:
    """The origin and payload of an envelope; None for any other text and for an envelope that was altered."""
    if not isinstance(text, str) or not text.startswith(ENVELOPE):
        return None
    reader = zlib.decompressobj()  # its checksum detects an altered envelope
    try:
        data = reader.decompress(
            base64.b64decode(text[len(ENVELOPE) :], altchars=b"-_", validate=True), _MAX_ENVELOPE_BYTES
        )
        found = json.loads(data) if reader.eof else None
    except (binascii.Error, zlib.error, ValueError, RecursionError):
        return None
    match found:
        case [str(origin), dict(payload)]:
            return origin, payload
    return None


def add_blocks(blocks: list[dict[str, Any]], pieces: Iterable[Mapping[str, Any]]) -> None:
    """Add pieces to `blocks`: thinking text continues the last block until its signature arrives.

    A block that arrives whole, with its signature, after its own text arrived in pieces replaces them. A piece's `index`,
    its position in a stream, is not part of a block.
    """
    for piece in pieces:
        last = blocks[-1] if blocks else None
        is_open = last is not None and last.get("type") == "thinking" and not last.get("signature")
        if piece.get("type", "thinking") != "thinking" or not is_open or last is None:
            blocks.append({key: value for key, value in piece.items() if value is not None and key != "index"})
            continue
        text = piece.get("thinking") or ""
        if not (piece.get("signature") and text == last.get("thinking")):
            last["thinking"] = (last.get("thinking") or "") + text
        last.update({key: value for key, value in piece.items() if key not in {"thinking", "index"} and value})


def told_blocks(blocks: list[dict[str, Any]], pieces: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The pieces, added to `blocks`, as a stream sends them: each with the position of its block as its `index`.

    OpenAI's clients join the entries of a list by their index, concatenating texts, so earlier text is not repeated.
    """
    told: list[dict[str, Any]] = []
    for piece in pieces:
        count, said = len(blocks), blocks[-1].get("thinking") if blocks else None
        add_blocks(blocks, [piece])
        made = {**piece, "index": len(blocks) - 1}
        if len(blocks) == count and said == blocks[-1].get("thinking") and made.get("thinking"):
            made["thinking"] = ""
        told.append(made)
    return told


def strip_block_indexes(message: Any) -> Any:
    """A message that a client assembled from a stream, with its thinking blocks without their `index`."""
    blocks = message.get("thinking_blocks") if isinstance(message, dict) else None
    if not isinstance(blocks, list) or not any(isinstance(block, dict) and "index" in block for block in blocks):
        return message
    own = [{k: v for k, v in block.items() if k != "index"} if isinstance(block, dict) else block for block in blocks]
    return {**message, "thinking_blocks": own}
