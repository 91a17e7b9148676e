"""One loaded model: the thread that runs it, and the answers it sends to event loops.

llama.cpp answers one request at a time, so one thread serves a model, in order. Every step checks whether the caller
still waits, so that an abandoned answer stops at once. The thread is a daemon, so that Python's exit does not wait for an
answer in progress. A thread destroyed in the middle of C++ code crashes the process, so the owner of a model closes it
before the interpreter ends (`LocalEngine` does, at exit).
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import threading
import weakref
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from ingate.engines.local.answers import error_from, error_from_exception
from ingate.engines.local.server import ModelKey, open_server
from ingate.errors import IngateError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from ingate.engines.local.gguf import GgufHead
    from ingate.engines.local.request import Prepared


class Answer:
    """The pieces that the model's thread sends to one caller in one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._pieces: asyncio.Queue[dict[str, Any] | IngateError | None] = asyncio.Queue()
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Tell the thread to stop at the next token or the next batch of the prompt."""
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        """Whether to stop: the caller has cancelled the answer, or its loop is closed."""
        return self._cancelled.is_set() or self._loop.is_closed()

    def put(self, piece: dict[str, Any] | IngateError | None) -> None:
        """Send one piece to the caller's loop, from the model's thread; None ends the answer."""
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._pieces.put_nowait, piece)

    async def pieces(self, timeout_s: float) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the pieces as they arrive.

        Raises:
            IngateError: The error with which the answer ended.
            TimeoutError: No piece arrived within `timeout_s`.
        """
        while True:
            async with asyncio.timeout(timeout_s):
                piece = await self._pieces.get()
            if piece is None:
                return
            if isinstance(piece, IngateError):
                raise piece
            yield piece


class LocalModel:
    """A GGUF file, loaded at the first request, and its thread.

    Attributes:
        key: The file, and how it is loaded.
        orphaned: Whether this is the copy in a forked child, which lacks the model's threads: it can neither answer nor be
            freed, and the child loads the model again.
    """

    def __init__(self, key: ModelKey, *, verbose: bool = False) -> None:
        self.key = key
        self.orphaned = False
        self._verbose = verbose
        self._server: Any = None
        self._head: GgufHead | None = None
        self._closing = threading.Event()
        # Reentrant: the garbage collector may run `close` in the middle of `_begin`.
        self._lock = threading.RLock()
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=f"ingate-{key.path.stem}", daemon=True)
        self._thread.start()
        _alive.add(self)

    def ask(self, prepare: Callable[[GgufHead], Prepared]) -> Answer:
        """Queue an answer to the request that `prepare` returns once the model is loaded.

        Raises:
            UnavailableError: The model has been closed.
        """
        return self._begin(partial(self._chat, prepare))

    def embed(self, request: dict[str, Any]) -> Answer:
        """Queue the embedding of `request["input"]`; the only piece is OpenAI's list."""
        return self._begin(partial(self._embed, request))

    def close(self) -> None:
        """Stop the answer in progress, free the model's memory and end its thread, before this returns."""
        if self.orphaned:
            return
        with self._lock:
            self._closing.set()
            self._tasks.put(None)
        # The garbage collector may close an engine from any thread, including this model's own.
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def orphan(self) -> bool:
        """Abandon the model in a forked child. It is never freed: that would wait for threads that do not exist there.

        Returns:
            Whether a model was loaded.
        """
        self.orphaned = True
        if self._server is None:
            return False
        _keep_forever(self._server)
        return True

    def _begin(self, work: Callable[[Answer], None]) -> Answer:
        answer = Answer(asyncio.get_running_loop())
        with self._lock:
            if self._closing.is_set():
                raise _closed()
            self._tasks.put(partial(self._work, work, answer))
        return answer

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()
            del task  # otherwise the last answer is kept until the next one
        if _never_free:
            _keep_forever(self._server)
        self._server = self._head = None

    def _work(self, work: Callable[[Answer], None], answer: Answer) -> None:
        if answer.cancelled:
            return
        try:
            if not self._closing.is_set():
                work(answer)
            if self._closing.is_set():
                raise _closed()
        except IngateError as error:
            answer.put(error)
        except Exception as error:  # noqa: BLE001  (the thread must survive for the next caller)
            answer.put(error_from_exception(error))
        else:
            answer.put(None)

    def _open(self) -> GgufHead:
        if self._server is None or self._head is None:
            self._server, self._head = open_server(self.key, verbose=self._verbose)
        return self._head

    def _chat(self, prepare: Callable[[GgufHead], Prepared], answer: Answer) -> None:
        prepared = prepare(self._open())
        failures: list[IngateError] = []

        def receive(piece: dict[str, Any]) -> bool:
            if "error" in piece:
                failures.append(error_from(piece["error"]))
                return True
            # A report on the prompt's progress is not for the caller, but an opportunity to stop.
            if "prompt_progress" not in piece:
                for chunk in prepared.read(piece):
                    answer.put(chunk)
            return answer.cancelled or self._closing.is_set()

        self._server.handle_chat_completions(prepared.request, receive)
        if failures:
            raise failures[0]

    def _embed(self, request: dict[str, Any], answer: Answer) -> None:
        self._open()
        result = self._server.handle_embeddings(request)
        if "error" in result:
            raise error_from(result["error"])
        answer.put(result)


_alive: weakref.WeakSet[LocalModel] = weakref.WeakSet()


# In a child of a process that had loaded a model, freeing any model makes llama.cpp wait for threads of the parent.
_never_free = False


def _keep_forever(server: Any) -> None:
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(server))


def _orphan_all() -> None:
    global _never_free
    abandoned = [model.orphan() for model in list(_alive)]
    _never_free = _never_free or any(abandoned)
    libc = ctypes.CDLL(None)
    if any(abandoned) and hasattr(libc, "on_exit"):
        # llama.cpp's own exit handlers wait for its threads too. Python has ended by then, and `_exit` receives the
        # status.
        libc.on_exit(libc._exit, None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_orphan_all)


def _closed() -> UnavailableError:
    return UnavailableError("this engine has been closed", provider="local", retryable=False)
