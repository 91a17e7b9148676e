"""What the picker asks of the gateway: states, lists, trial calls, keys kept."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ingate import environment, providers
from ingate.config import load
from ingate.errors import NotSupportedError
from ingate.gateway import Gateway
from ingate.gateway.routing import NATIVE_FORMATS, Router
from ingate.picker import PickerData, save
from ingate.picker.data import secrets_file
from ingate.spec import parse_one

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingate.engines.base import Route
    from ingate.picker.save import Place
    from ingate.providers import Status
    from ingate.secret import Secret

LOCAL: Final = "local/smollm2"
_CLIPBOARDS: Final = (["wl-copy"], ["xclip", "-selection", "clipboard"], ["xsel", "-ib"], ["pbcopy"], ["clip.exe"])
_PROBE: Final = "Say hello."


class GatewayServices:
    """The picker's `Services` over a gateway.

    What changes while the picker is open, such as a saved key, is known to the gateway afterwards.

    Args:
        gateway: The gateway.
        source: The configuration file it was made with, None for the one found by itself.
    """

    def __init__(self, gateway: Gateway, source: str | Path | None = None) -> None:
        self.gateway = gateway
        self.source = source
        self._seen = self._stamp()

    def warm(self) -> None:
        """Import litellm in the background, where it is installed."""
        if providers.is_installed("litellm"):
            from ingate.engines.litellm_.load import preload

            preload()

    def statuses(self) -> Mapping[str, Status]:
        """The credential states, after a look at whether the configuration's files have changed."""
        stamp = self._stamp()
        if stamp != self._seen:
            reload(self.gateway, self.source)
            self._seen = self._stamp()
        return providers.statuses(self.gateway.config.environ, self.gateway.config)

    async def deployments(self) -> Sequence[Mapping[str, Any]]:
        """The proxy's deployments."""
        return await self.gateway.proxy_deployments()

    async def live(self, name: str) -> Sequence[Mapping[str, Any]]:
        """The models that a provider or a server lists now."""
        route = self.gateway.router.route(parse_one(f"{name}/models"))
        if route.wire_format == "ollama":  # its list in OpenAI's format is on another path than its own chat
            route = replace(route, api_base=f"{(route.api_base or '').rstrip('/')}/v1", wire_format="chat")
        return await self._list(route)

    async def test(self, spec: str) -> str:
        """One short call."""
        return await _try(self.gateway, spec)

    async def verify(self, provider: str, values: Mapping[str, Secret]) -> str:
        """One short call of the provider's first model with credentials that are not saved yet."""
        spec = _first_model(self.gateway, provider)
        environ = {**environment.snapshot(), **{name: value.reveal() for name, value in values.items()}}
        async with Gateway(self.source) as trial:
            trial.config = load(self.source, environ=environ)
            trial.router = Router(trial.config, self.gateway.catalog)
            return await _try(trial, spec)

    def save(self, provider: str, values: Mapping[str, Secret], where: Place) -> str:
        """Keep credentials in the keyring or the secrets file."""
        told = save(secrets_file(self.gateway.config), provider, values, where)
        reload(self.gateway, self.source)
        self._seen = self._stamp()
        return told

    def copy(self, text: str) -> bool:
        """Put `text` on the clipboard through the desktop's own program, where there is one."""
        environ = environment.snapshot()
        if sys.platform.startswith("linux") and not (environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")):
            return False
        for command in _CLIPBOARDS:
            if shutil.which(command[0]) is None:
                continue
            try:
                done = subprocess.run(
                    command,
                    input=text.encode(),
                    env=environment.without(providers.secret_variables()),
                    timeout=2.0,
                    check=False,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            except (OSError, subprocess.TimeoutExpired):
                continue
            if done.returncode == 0:
                return True
        return False

    async def _list(self, route: Route) -> Sequence[Mapping[str, Any]]:
        from ingate.engines.native import NativeEngine

        engine = self.gateway.engine("native")
        if not isinstance(engine, NativeEngine) or route.engine != "native":
            raise NotSupportedError(f"{route.provider} has no list of models that is read here")
        return await engine.list_models(route)

    def _stamp(self) -> tuple[tuple[str, int, int], ...]:
        """What tells whether a file has changed, been made or gone."""
        found = []
        for layer in self.gateway.config.layers:
            if layer.file:
                try:
                    state = Path(layer.file).stat()
                    found.append((layer.file, state.st_mtime_ns, state.st_size))
                except OSError:
                    found.append((layer.file, 0, 0))
        return tuple(found)


def reload(gateway: Gateway, source: str | Path | None) -> None:
    """Read the configuration again; engines and their connections stay.

    Raises:
        ConfigError: It is wrong now; the gateway keeps the one it had.
    """
    config = load(source, environ=environment.snapshot())
    gateway.config = config
    gateway.router = Router(config, gateway.catalog)


def picker_data(gateway: Gateway, *, current: str | None = None) -> PickerData:
    """What there is to pick from; where nothing was picked before and no key is here, the local model is preselected."""
    data = PickerData.gather(
        gateway.config, gateway.config.environ, gateway.catalog(), current=current, native_formats=NATIVE_FORMATS
    )
    if data.current is None and not any(status.state == "ready" for status in _keyed(data)):
        import msgspec

        data = msgspec.structs.replace(data, current=LOCAL)
    return data


def _keyed(data: PickerData) -> list[Status]:
    """The states of providers that need something: one that needs nothing is ready whether it runs or not."""
    return [status for name, status in data.statuses.items() if data.providers[name].auth != "none"]


async def _try(gateway: Gateway, spec: str) -> str:
    began = time.perf_counter()
    body = {"model": spec, "messages": [{"role": "user", "content": _PROBE}], "max_tokens": 32}
    answer = await gateway.complete(body, retries=0)
    text = " ".join(str(answer["choices"][0]["message"].get("content") or "").split())
    return f"answered in {time.perf_counter() - began:.1f} s: {text[:60]}".rstrip(": ")


def _first_model(gateway: Gateway, provider: str) -> str:
    """A model to try a key with: the provider's curated one, else its cheapest that the catalog knows."""
    rows = [row.row for row in gateway.catalog().curated() if row.provider == provider]
    rows += [row for row in gateway.catalog().visible() if row.provider == provider and row.mode == "chat"]
    if not rows:
        raise NotSupportedError(
            f"no model of {provider} is known to try the key with", fix="save it and call a model by name"
        )
    rows.sort(key=lambda row: row.input_usd_per_mtok if row.input_usd_per_mtok is not None else 1e9)
    return rows[0].key
