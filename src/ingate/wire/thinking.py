"""Thinking blocks: pieces of a stream put together to the blocks a provider wants back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def add_blocks(blocks: list[dict[str, Any]], pieces: Iterable[Mapping[str, Any]]) -> None:
    """Add pieces to `blocks`: thinking text goes on in the last block until its signature has come.

    A block that comes whole, with its signature, after its own text came in pieces takes their place. A piece's `index`,
    its place in a stream, is no part of a block.
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
    """The pieces as a stream tells them, added to `blocks`: each with the place of its block as its `index`.

    OpenAI's clients join the entries of a list by their index, texts end to end; so what came before is not said again.
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
    """A message that a client joined from a stream, with its thinking blocks as they were before their `index`."""
    blocks = message.get("thinking_blocks") if isinstance(message, dict) else None
    if not isinstance(blocks, list) or not any(isinstance(block, dict) and "index" in block for block in blocks):
        return message
    own = [{k: v for k, v in block.items() if k != "index"} if isinstance(block, dict) else block for block in blocks]
    return {**message, "thinking_blocks": own}
