"""One loaded model: the thread that runs it, and the answers on their way to the event loops that asked.

llama.cpp answers one request at a time, so one thread serves a model, in order. Every step looks whether anyone still
listens, so that an answer nobody wants stops at once. The thread is a daemon, so that Python's exit does not wait for
an answer in progress; and since a thread torn down in the middle of C++ takes the process with it, whoever owns a
model closes it before the interpreter goes (`LocalEngine` does, at exit).
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
    """What the model's thread says to one caller in one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._pieces: asyncio.Queue[dict[str, Any] | IngateError | None] = asyncio.Queue()
        self._unwanted = threading.Event()

    def cancel(self) -> None:
        """Tell the thread that nobody listens any more; it stops at the next token or the next batch of the prompt."""
        self._unwanted.set()

    @property
    def unwanted(self) -> bool:
        """Whether to stop: the caller has gone, or its loop is closed."""
        return self._unwanted.is_set() or self._loop.is_closed()

    def put(self, piece: dict[str, Any] | IngateError | None) -> None:
        """Hand one piece to the caller's loop, from the model's thread; None ends the answer."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody wants it
            self._loop.call_soon_threadsafe(self._pieces.put_nowait, piece)

    async def pieces(self, timeout_s: float) -> AsyncGenerator[dict[str, Any], None]:
        """The pieces as they come.

        Raises:
            IngateError: What the thread ended with.
            TimeoutError: No piece came within `timeout_s`.
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
        orphaned: Whether this is a forked child's copy, without the threads behind it: it can neither answer nor be
            freed, and the child loads the model anew.
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
        """Begin an answer to what `prepare` makes once the model is loaded; it waits behind those already asked for.

        Raises:
            UnavailableError: The model has been closed.
        """
        return self._begin(partial(self._chat, prepare))

    def embed(self, request: dict[str, Any]) -> Answer:
        """Begin to embed `request["input"]`; the one piece that comes is OpenAI's list."""
        return self._begin(partial(self._embed, request))

    def close(self) -> None:
        """Stop what is in progress, free the model's memory and end its thread, before this returns."""
        if self.orphaned:
            return
        with self._lock:
            self._closing.set()
            self._tasks.put(None)
        # The garbage collector may close a forgotten engine from any thread, this model's own too.
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def orphan(self) -> bool:
        """Give the model up in a forked child. Freeing it would wait for threads that are not there, so it never is.

        Returns:
            Whether there was a loaded model to give up.
        """
        self.orphaned = True
        if self._server is None:
            return False
        _keep_for_ever(self._server)
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
            del task  # or the last answer lives until the next one
        if _never_free:
            _keep_for_ever(self._server)
        self._server = self._head = None

    def _work(self, work: Callable[[Answer], None], answer: Answer) -> None:
        if answer.unwanted:
            return
        try:
            if not self._closing.is_set():
                work(answer)
            if self._closing.is_set():
                raise _closed()
        except IngateError as error:
            answer.put(error)
        except Exception as error:  # noqa: BLE001  (the thread serves the next caller whatever this one asked for)
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
            # A report on the prompt's progress says nothing to the caller, but is the chance to stop.
            if "prompt_progress" not in piece:
                for said in prepared.read(piece):
                    answer.put(said)
            return answer.unwanted or self._closing.is_set()

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


# In a child of a process that had a model loaded, llama.cpp frees none without waiting for threads of the parent's.
_never_free = False


def _keep_for_ever(server: Any) -> None:
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(server))


def _orphan_all() -> None:
    global _never_free
    given_up = [model.orphan() for model in list(_alive)]
    _never_free = _never_free or any(given_up)
    libc = ctypes.CDLL(None)
    if any(given_up) and hasattr(libc, "on_exit"):
        # llama.cpp's own goodbye at the end of the process waits for its threads too. Python has ended by then, and
        # `_exit` is given the status.
        libc.on_exit(libc._exit, None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_orphan_all)


def _closed() -> UnavailableError:
    return UnavailableError("this engine has been closed", provider="local", retryable=False)
