"""Stopping the work when its client leaves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ingate.serve.protocol import Receive


async def until_client_leaves(receive: Receive, work: Coroutine[None, None, None]) -> None:
    """Run `work` to its end, or cancel it as soon as the server says that the client is gone.

    Returns when the work is over, either way; nothing keeps running behind the caller's back. The request's body
    must have been read before, since the watching takes whatever the server says next.
    """
    task = asyncio.ensure_future(work)
    watcher = asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait({task, watcher}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
    finally:
        for running in (task, watcher):
            running.cancel()
        await asyncio.gather(task, watcher, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
