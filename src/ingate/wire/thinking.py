"""Thinking blocks: pieces of a stream put together to the blocks a provider wants back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def add_blocks(blocks: list[dict[str, Any]], pieces: Iterable[Mapping[str, Any]]) -> None:
    """Add pieces to `blocks`: thinking text goes on in the last block until its signature has come.

    A block that comes whole, with its signature, after its own text came in pieces takes their place.
    """
    for piece in pieces:
        last = blocks[-1] if blocks else None
        is_open = last is not None and last.get("type") == "thinking" and not last.get("signature")
        if piece.get("type", "thinking") != "thinking" or not is_open or last is None:
            blocks.append({key: value for key, value in piece.items() if value is not None})
            continue
        text = piece.get("thinking") or ""
        if not (piece.get("signature") and text == last.get("thinking")):
            last["thinking"] = (last.get("thinking") or "") + text
        last.update({key: value for key, value in piece.items() if key != "thinking" and value})
