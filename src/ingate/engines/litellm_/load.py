"""The only import of litellm: when first needed, off the event loop, silently and without network access."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import logging
import sys
import threading
import warnings
from concurrent.futures import Future
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final

from ingate import environment
from ingate.errors import MissingExtraError
from ingate.secret import MASK

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import ModuleType

# Releases of litellm that contained a credential stealer; they run code as soon as they are imported.
COMPROMISED: Final = frozenset({"1.82.7", "1.82.8"})
INSTALL: Final = "pip install '.[litellm]' in ingate's folder (or make setup)"
_LOGGERS: Final = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy")

_lock = threading.Lock()
_loading: Future[ModuleType] | None = None


def version() -> str | None:
    """The installed litellm's version from its metadata; None if it is not installed. Imports nothing."""
    try:
        return metadata.version("litellm")
    except metadata.PackageNotFoundError:
        return None


def check_installed() -> str:
    """The installed litellm's version.

    Raises:
        MissingExtraError: litellm is not installed, or is one of the compromised releases.
    """
    installed = version()
    if installed is None:
        raise MissingExtraError("litellm is not installed", extra="litellm", fix=INSTALL)
    if installed in COMPROMISED:
        raise MissingExtraError(
            f"litellm {installed} is a compromised release that steals credentials; it was not imported",
            extra="litellm",
            fix="pip uninstall litellm, remove any litellm_init.pth from site-packages, replace every key that it could "
            f"read, then {INSTALL}",
        )
    return installed


def preload() -> Future[ModuleType]:
    """Start the import in a background thread, once per process; later calls return the same future.

    The thread is a daemon: a program that ends before it does not wait. In a program that uses openai's SDK, httpx is
    imported here, before the thread starts.
    """
    global _loading
    if "openai" in sys.modules and "httpx" not in sys.modules:
        # openai 3 fails in this thread while another one is in the middle of importing httpx, which litellm does.
        with contextlib.suppress(ImportError):
            importlib.import_module("httpx")
    with _lock:
        if _loading is None or (_loading.done() and _loading.exception() is not None):
            _loading = Future()
            threading.Thread(target=_fill, args=(_loading,), name="ingate-litellm-import", daemon=True).start()
        return _loading


def loaded() -> ModuleType | None:
    """litellm if ingate has imported it, else None."""
    future = _loading
    return future.result() if future is not None and future.done() and future.exception() is None else None


async def load() -> ModuleType:
    """litellm, imported in a thread if it was not yet. Raises `MissingExtraError`."""
    module = loaded()
    return module if module is not None else await asyncio.shield(asyncio.wrap_future(preload()))


def _fill(future: Future[ModuleType]) -> None:
    try:
        module = _import()
    except BaseException as error:  # noqa: BLE001 -- raised to those who wait for the future
        future.set_exception(error)
    else:
        future.set_result(module)


def _import() -> ModuleType:
    check_installed()
    environment.set_litellm_import_switches()
    own_hook = sys.excepthook
    try:
        with _without_collection():
            litellm = importlib.import_module("litellm")
    except ImportError as error:
        raise MissingExtraError(
            f"litellm {version()} is installed but cannot be imported: {error}", extra="litellm", fix=INSTALL
        ) from None
    sys.excepthook = own_hook
    _silence(litellm)
    from ingate.engines.litellm_ import clients

    clients.install(litellm)
    return litellm


@contextlib.contextmanager
def _without_collection() -> Generator[None]:
    """Suspend garbage collection: during litellm's import each collection stops every thread for 0.25 s."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()  # litellm's objects live as long as the process
    finally:
        if was_on:
            gc.enable()


def _silence(litellm: Any) -> None:
    """Process-wide settings that make litellm silent; whatever affects a call is passed with the call."""
    litellm.suppress_debug_info = True
    litellm.disable_hf_tokenizer_download = True
    # litellm dumps its own models with extra fields of providers in them.
    warnings.filterwarnings("ignore", message="Pydantic serializer warnings", category=UserWarning)
    warnings.filterwarnings("ignore", message=r"Items? .* on TypedDict class", category=UserWarning)
    from litellm.litellm_core_utils.thread_pool_executor import executor

    executor._max_workers = 1  # for callbacks that are not asynchronous; otherwise the pool grows with each call
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.addFilter(_if_logging_is_configured)
    # When openai 2 logs a request for debugging, it masks the key but no other header.
    logging.getLogger("openai._base_client").addFilter(_without_headers)


def _if_logging_is_configured(record: logging.LogRecord) -> bool:
    """Pass warnings to programs that configure logging; by default nothing is written to standard error."""
    return record.levelno >= logging.WARNING and bool(logging.getLogger().handlers)


def _without_headers(record: logging.LogRecord) -> bool:
    """Mask the values of a logged request's headers: a configured header may be a credential."""
    headers = record.args.get("headers") if isinstance(record.args, dict) else None
    if isinstance(record.args, dict) and isinstance(headers, dict):
        record.args = {**record.args, "headers": {name: MASK for name in headers}}  # noqa: C420 -- typed
    return True
