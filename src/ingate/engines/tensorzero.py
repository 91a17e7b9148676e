"""TensorZero's gateway inside this process, through its package.

The package runs its gateway on a loopback port that it chooses, and serves OpenAI's format there, so that the calls
themselves go through the native engine. One gateway runs per configuration file, from the first call until `aclose`.
"""

from __future__ import annotations

import asyncio
import threading
import warnings
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingate.engines.native import NativeEngine
from ingate.errors import ConfigError, MissingExtraError, NotSupportedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from ingate.engines.base import CallReport, Route


class _Client:
    """Stands in for the OpenAI client that the package expects: it only sets the address here."""

    base_url: Any = ""


class TensorZeroEngine:
    """Sends OpenAI requests to TensorZero gateways that it starts for `Route.facts["config_file"]`."""

    def __init__(self) -> None:
        self._native = NativeEngine()
        self._running: dict[str, _Client] = {}
        self._lock = threading.Lock()

    async def complete(self, route: Route, body: Mapping[str, Any], report: CallReport) -> dict[str, Any]:
        """Return one answer as a `chat.completion` dict."""
        return await self._native.complete(await self._addressed(route), body, report)

    async def stream(
        self, route: Route, body: Mapping[str, Any], report: CallReport
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the answer as chunks. Closing the iterator closes the connection."""
        chunks = self._native.stream(await self._addressed(route), body, report)
        try:
            async for chunk in chunks:
                yield chunk
        finally:
            await chunks.aclose()

    async def embed(self, route: Route, body: Mapping[str, Any], report: CallReport) -> dict[str, Any]:
        """Return embeddings as an OpenAI `list` dict."""
        return await self._native.embed(await self._addressed(route), body, report)

    async def aclose(self) -> None:
        """Stop every gateway. May be called twice."""
        await self._native.aclose()
        with self._lock:
            running, self._running = list(self._running.values()), {}
        for client in running:
            await asyncio.to_thread(_stop, client)

    async def _addressed(self, route: Route) -> Route:
        file = str(route.facts["config_file"])
        client = self._running.get(file) or await asyncio.to_thread(self._start, file)
        return replace(route, api_base=str(client.base_url))

    def _start(self, file: str) -> _Client:
        with self._lock:
            if file not in self._running:
                self._running[file] = _started(file)
            return self._running[file]


def _started(file: str) -> _Client:
    try:
        tensorzero = import_module("tensorzero")
    except ImportError:
        raise MissingExtraError(
            "running TensorZero's gateway in this process requires the package tensorzero, which is not installed",
            extra="tensorzero",
            provider="tensorzero",
        ) from None
    start = getattr(tensorzero, "patch_openai_client", None)
    if start is None:
        raise NotSupportedError(
            "this version of the tensorzero package has no gateway with an OpenAI endpoint",
            provider="tensorzero",
            fix="pip install 'tensorzero<2026.7', or run a gateway and set TENSORZERO_GATEWAY_URL",
        )
    if not Path(file).is_file():
        raise ConfigError(f"tensorzero.config_file names {file!r}, which is not a file", fix="correct the path")
    client = _Client()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return start(client, config_file=file, async_setup=False)
    except Exception as error:  # noqa: BLE001 -- the package's errors have no common base
        raise ConfigError(f"TensorZero cannot start with {file!r}: {error}", fix="correct that file") from None


def _stop(client: _Client) -> None:
    import_module("tensorzero").close_patched_openai_client_gateway(client)
