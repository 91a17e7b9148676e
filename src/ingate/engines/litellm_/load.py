"""The one import of litellm: when first needed, off the event loop, silent and without the network."""

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

# Releases of litellm that carried a credential stealer; they run code as soon as they are imported.
COMPROMISED: Final = frozenset({"1.82.7", "1.82.8"})
INSTALL: Final = "pip install '.[litellm]' in ingate's folder (or make setup)"
_LOGGERS: Final = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy")

_lock = threading.Lock()
_loading: Future[ModuleType] | None = None


def version() -> str | None:
    """The installed litellm's version from its metadata, None where it is not installed. Imports nothing."""
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
            fix="pip uninstall litellm, remove any litellm_init.pth from site-packages, change every key that was in "
            f"reach, then {INSTALL}",
        )
    return installed


def preload() -> Future[ModuleType]:
    """Starts the import in a background thread, once for the process; later calls get the same future.

    The thread is a daemon: a program that ends meanwhile does not wait for it.
    """
    global _loading
    with _lock:
        if _loading is None or (_loading.done() and _loading.exception() is not None):
            _loading = Future()
            threading.Thread(target=_fill, args=(_loading,), name="ingate-litellm-import", daemon=True).start()
        return _loading


def loaded() -> ModuleType | None:
    """litellm where it has been imported by ingate, else None."""
    future = _loading
    return future.result() if future is not None and future.done() and future.exception() is None else None


async def load() -> ModuleType:
    """litellm, imported in a thread where it was not yet. Raises `MissingExtraError`."""
    module = loaded()
    return module if module is not None else await asyncio.shield(asyncio.wrap_future(preload()))


def _fill(future: Future[ModuleType]) -> None:
    try:
        module = _import()
    except BaseException as error:  # noqa: BLE001 -- handed to whoever waits for the future
        future.set_exception(error)
    else:
        future.set_result(module)


def _import() -> ModuleType:
    check_installed()
    environment.set_litellm_import_switches()
    own_hook = sys.excepthook
    try:
        with _collector_resting():
            litellm = importlib.import_module("litellm")
    except ImportError as error:
        raise MissingExtraError(
            f"litellm {version()} is installed but cannot be imported: {error}", extra="litellm", fix=INSTALL
        ) from None
    sys.excepthook = own_hook
    _quieten(litellm)
    from ingate.engines.litellm_ import clients

    clients.install(litellm)
    return litellm


@contextlib.contextmanager
def _collector_resting() -> Generator[None]:
    """No garbage collection meanwhile: over litellm's objects each one stops every thread for a quarter of a second."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()  # they live as long as the process
    finally:
        if was_on:
            gc.enable()


def _quieten(litellm: Any) -> None:
    """Process-wide settings that only make litellm silent; what shapes a call is passed with the call."""
    litellm.suppress_debug_info = True
    litellm.disable_hf_tokenizer_download = True
    # litellm dumps its own models with providers' fields in them; the notice helps nobody.
    warnings.filterwarnings("ignore", message="Pydantic serializer warnings", category=UserWarning)
    warnings.filterwarnings("ignore", message=r"Items? .* on TypedDict class", category=UserWarning)
    from litellm.litellm_core_utils.thread_pool_executor import executor

    executor._max_workers = 1  # a thread for callbacks that are not asynchronous; the pool grows with each call
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.addFilter(_to_whom_it_concerns)
    # openai 2 hides the key it was given when it logs a request for debugging, but no other header.
    logging.getLogger("openai._base_client").addFilter(_without_headers)


def _to_whom_it_concerns(record: logging.LogRecord) -> bool:
    """Warnings go to a program that set up logging; nothing falls through to standard error by default."""
    return record.levelno >= logging.WARNING and bool(logging.getLogger().handlers)


def _without_headers(record: logging.LogRecord) -> bool:
    """Masks what a logged request's headers hold: a configured one may be a credential."""
    headers = record.args.get("headers") if isinstance(record.args, dict) else None
    if isinstance(record.args, dict) and isinstance(headers, dict):
        record.args = {**record.args, "headers": {name: MASK for name in headers}}  # noqa: C420 -- typed
    return True
