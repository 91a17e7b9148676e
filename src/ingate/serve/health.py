"""`GET /health`: whether the application runs. It asks no provider anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingate._version import __version__

if TYPE_CHECKING:
    from ingate.serve.call import Call


async def health(call: Call) -> None:
    """Say that all is well, and which version says so."""
    await call.reply({"status": "ok", "version": __version__})
