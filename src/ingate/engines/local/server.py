"""llama.cpp's own server object, opened quietly, out of reach of the network, and without taking Ctrl-C over."""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import shutil
import signal
import socket
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ingate.engines.local.gguf import GgufHead, InvalidGgufError, read_head
from ingate.errors import MissingExtraError, MissingModelFileError

if TYPE_CHECKING:
    from collections.abc import Generator

DEFAULT_CONTEXT_TOKENS: Final = 8192
# Between two batches a request can be stopped. At 64 tokens SmolLM2 reads its prompt at full speed on two cores, and a
# batch takes less than half a second there.
_CPU_BATCH_TOKENS: Final = 64
# Conversations whose keys and values stay in memory, so that two that alternate are not read anew at every turn.
_PROMPT_CACHE_MIB: Final = 256
_SILENT: Final = -1
_INFO: Final = 3
# A Unix socket's path has 108 bytes on Linux, 104 on macOS.
_LONGEST_SOCKET_PATH: Final = 100


@dataclass(frozen=True, slots=True)
class ModelKey:
    """What makes two requests share one loaded model.

    Attributes:
        path: The GGUF file.
        context_tokens: Longest conversation, question and answer together; llama.cpp lowers it to what the model knows.
        threads: Threads to compute with; None takes half of the processors, and at least all but one of the first four.
        embedding: Whether it is loaded to embed rather than to talk.
    """

    path: Path
    context_tokens: int = DEFAULT_CONTEXT_TOKENS
    threads: int | None = None
    embedding: bool = False


def check_installed() -> None:
    """Raise `MissingExtraError` where llama.cpp is not installed."""
    if find_spec("xllamacpp") is None:
        raise MissingExtraError("local models need the package xllamacpp, which is not installed", extra="local")


def open_server(key: ModelKey, *, verbose: bool) -> tuple[Any, GgufHead]:
    """Load the model: an `xllamacpp.Server` and what its file says of itself.

    xllamacpp holds Python's lock while llama.cpp loads (0.3 to 0.9 seconds for SmolLM2), in whichever thread this is called.

    Raises:
        MissingExtraError: xllamacpp is not installed.
        MissingModelFileError: The file is no model that llama.cpp can load.
    """
    check_installed()
    head = head_of(key.path)
    import xllamacpp as extension

    # Its names come from a compiled module, which no type checker can see into.
    xllamacpp: Any = extension
    params = xllamacpp.CommonParams()
    params.model.path = str(key.path)
    params.n_ctx = key.context_tokens
    params.verbosity = _INFO if verbose else _SILENT
    params.warmup = False
    params.n_parallel = 1
    params.cache_ram_mib = _PROMPT_CACHE_MIB
    params.ui = params.endpoint_slots = params.endpoint_props = False
    params.n_threads_http = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = key.threads or _default_threads()
    if not _has_accelerator(xllamacpp):
        params.fit_params = False
        params.n_batch = params.n_ubatch = _CPU_BATCH_TOKENS
    if key.embedding:
        params.embedding = True
        params.n_batch = params.n_ubatch = key.context_tokens
    try:
        with _out_of_reach(params), _own_signals():
            return xllamacpp.Server(params), head
    except RuntimeError as error:
        raise _unreadable(
            key.path, "llama.cpp cannot load it: cut off, damaged, or of an unknown architecture"
        ) from error


def head_of(path: Path) -> GgufHead:
    """What the model file says of itself.

    Raises:
        MissingModelFileError: It cannot be read, or is no GGUF file.
    """
    try:
        return read_head(path)
    except InvalidGgufError as error:
        raise _unreadable(path, str(error)) from error
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error


def _unreadable(path: Path, reason: str) -> MissingModelFileError:
    return MissingModelFileError(
        f"the model file {str(path)!r} cannot be used: {reason}",
        path=str(path),
        provider="local",
        code="invalid_model_file",
        fix="fetch the file again, or name another one under local.models in ingate.yaml",
    )


def _default_threads() -> int:
    """Fewer threads than processors: llama.cpp's wait for each other by spinning, so one that has to share its processor
    holds up all. On two busy processors two threads are a fifth as fast as one."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, processors // 2, min(processors - 1, 3))


def _has_accelerator(xllamacpp: Any) -> bool:
    cpu = xllamacpp.ggml_backend_dev_type.GGML_BACKEND_DEVICE_TYPE_CPU
    return any(device["type"] != cpu for device in xllamacpp.get_device_info())


@contextlib.contextmanager
def _out_of_reach(params: Any) -> Generator[None]:
    """Let the HTTP listener that the server object insists on listen where nobody can come.

    A Unix socket in a folder only this user may enter, which is gone as soon as the server is up; where that cannot
    be, a loopback port that asks for a key nobody knows.
    """
    params.api_keys = [secrets.token_urlsafe(32)]
    folder = tempfile.mkdtemp(prefix="ingate-")
    address = str(Path(folder) / "llama.sock")
    if hasattr(socket, "AF_UNIX") and len(os.fsencode(address)) <= _LONGEST_SOCKET_PATH:
        params.hostnames = [address]
    else:
        params.hostnames, params.port = ["127.0.0.1"], 0
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _own_signals() -> Generator[None]:
    """Put the process's handlers of SIGINT and SIGTERM back: llama.cpp's server installs its own.

    With them, Ctrl-C would end the model and leave Python waiting. `signal.signal` works in the main thread only, and
    this is not it; the C library's own call works in every thread.
    """
    if os.name != "posix":
        yield
        return
    sigaction = ctypes.CDLL(None).sigaction
    kept = {number: ctypes.create_string_buffer(1024) for number in (signal.SIGINT, signal.SIGTERM)}
    for number, buffer in kept.items():
        sigaction(int(number), None, buffer)
    try:
        yield
    finally:
        for number, buffer in kept.items():
            sigaction(int(number), buffer, None)
