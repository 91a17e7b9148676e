"""llama.cpp's own server object, opened silently, unreachable over the network, and without handling Ctrl-C."""

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
# A request can be stopped between two batches. With 64 tokens SmolLM2 processes its prompt at full speed on two cores,
# and a batch takes less than half a second there.
_CPU_BATCH_TOKENS: Final = 64
# Keys and values of recent conversations, so that two that alternate are not processed again at every turn.
_PROMPT_CACHE_MIB: Final = 256
_SILENT: Final = -1
_INFO: Final = 3
# The longest path of a Unix socket has 108 bytes on Linux, 104 on macOS.
_LONGEST_SOCKET_PATH: Final = 100


@dataclass(frozen=True, slots=True)
class ModelKey:
    """A model file and how it is loaded; requests with equal keys share one loaded model.

    Attributes:
        path: The GGUF file.
        context_tokens: The longest conversation including the answer; llama.cpp lowers it to the model's own maximum.
        threads: Threads to compute with; None means half of the processors, and at least all but one of the first four.
        embedding: Whether it is loaded for embeddings rather than for chat.
    """

    path: Path
    context_tokens: int = DEFAULT_CONTEXT_TOKENS
    threads: int | None = None
    embedding: bool = False


def check_installed() -> None:
    """Raise `MissingExtraError` if llama.cpp is not installed."""
    if find_spec("xllamacpp") is None:
        raise MissingExtraError("local models need the package xllamacpp, which is not installed", extra="local")


def open_server(key: ModelKey, *, verbose: bool) -> tuple[Any, GgufHead]:
    """Load the model: an `xllamacpp.Server` and the file's header.

    xllamacpp holds Python's global lock while llama.cpp loads (0.3 to 0.9 seconds for SmolLM2), whichever thread calls this.

    Raises:
        MissingExtraError: xllamacpp is not installed.
        MissingModelFileError: llama.cpp cannot load the file.
    """
    check_installed()
    head = head_of(key.path)
    import xllamacpp as extension

    # Its names come from a compiled module, which is opaque to type checkers.
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
        with _unreachable(params), _own_signals():
            return xllamacpp.Server(params), head
    except RuntimeError as error:
        raise _unreadable(
            key.path, "llama.cpp cannot load it: truncated, damaged, or of an unknown architecture"
        ) from error


def head_of(path: Path) -> GgufHead:
    """The header of the model file.

    Raises:
        MissingModelFileError: It cannot be read, or is not a GGUF file.
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
        fix="download the file again, or name another one under local.models in ingate.yaml",
    )


def _default_threads() -> int:
    """Fewer threads than processors: llama.cpp's threads wait for each other by spinning, so one that shares its
    processor delays all of them. On two busy processors, two threads are five times slower than one."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, processors // 2, min(processors - 1, 3))


def _has_accelerator(xllamacpp: Any) -> bool:
    cpu = xllamacpp.ggml_backend_dev_type.GGML_BACKEND_DEVICE_TYPE_CPU
    return any(device["type"] != cpu for device in xllamacpp.get_device_info())


@contextlib.contextmanager
def _unreachable(params: Any) -> Generator[None]:
    """Make the HTTP listener, which the server object always opens, unreachable.

    It listens on a Unix socket in a private folder, which is deleted as soon as the server is up; if that is not
    possible, on a loopback port with a random key.
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
    """Restore the process's handlers of SIGINT and SIGTERM: llama.cpp's server installs its own.

    With those, Ctrl-C would end the model and leave Python waiting. `signal.signal` works in the main thread only; the C
    library's own call works in every thread.
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
