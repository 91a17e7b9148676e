"""What the picker needs from the gateway: credential states, live lists, trial calls, and saving keys."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ingate import children, environment, providers
from ingate.config import load
from ingate.errors import NotSupportedError
from ingate.gateway import Gateway
from ingate.gateway.models import listed_by, local_rows
from ingate.picker import PickerData, save
from ingate.picker.data import secrets_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingate.gateway.readiness import ReadinessChecker
    from ingate.picker.save import Place
    from ingate.secret import Secret

LOCAL: Final = "local/smollm2"
_CLIPBOARDS: Final = (["wl-copy"], ["xclip", "-selection", "clipboard"], ["xsel", "-ib"], ["pbcopy"], ["clip.exe"])
_TRIAL_MESSAGE: Final = "Say hello."


class GatewayServices:
    """The picker's `Services` over a gateway.

    What changes while the picker is open, such as a saved key, takes effect in the gateway at once.

    Args:
        gateway: The gateway.
        source: The configuration file it was created with, None if it looked for one itself.
    """

    def __init__(self, gateway: Gateway, source: str | Path | None = None) -> None:
        self.gateway = gateway
        self.source = source
        self._seen = self._stamp()

    def warm(self) -> None:
        """Import litellm in the background, if it is installed."""
        if providers.is_installed("litellm"):
            from ingate.engines.litellm_.load import preload

            preload()

    def readiness(self) -> ReadinessChecker:
        """Which models would answer now; the configuration is read again if one of its files has changed."""
        if self._stamp() != self._seen:
            self._reload()
        return self.gateway.readiness()

    async def deployments(self) -> Sequence[Mapping[str, Any]]:
        """The proxy's deployments."""
        return await self.gateway.proxy_deployments()

    async def live(self, name: str) -> Sequence[Mapping[str, Any]]:
        """The models that a provider or a server lists now."""
        return await listed_by(self.gateway, name)

    async def test(self, spec: str) -> str:
        """Make one short call."""
        return await _try(self.gateway, spec)

    async def verify(self, provider: str, values: Mapping[str, Secret]) -> str:
        """Make one short call of a model of the provider with credentials that are not saved yet."""
        spec = _trial_model(self.gateway, provider)
        environ = {**environment.snapshot(), **{name: value.reveal() for name, value in values.items()}}
        async with Gateway(load(self.source, environ=environ)) as trial:
            return await _try(trial, spec)

    def save(self, provider: str, values: Mapping[str, Secret], where: Place) -> str:
        """Save credentials in the keyring or the secrets file."""
        place = save(secrets_file(self.gateway.config), provider, values, where)
        self._reload()
        return place

    def copy(self, text: str) -> bool:
        """Copy `text` with the desktop's clipboard command; returns False if there is none."""
        environ = children.for_child()
        if sys.platform.startswith("linux") and not (environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")):
            return False
        for command in _CLIPBOARDS:
            found = shutil.which(command[0], path=environ.get("PATH", os.defpath))
            if found is None:
                continue
            try:
                done = subprocess.run(
                    [found, *command[1:]],
                    input=text.encode(),
                    env=environ,
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

    def _reload(self) -> None:
        self.gateway.reload(self.source)
        self._seen = self._stamp()

    def _stamp(self) -> tuple[tuple[str, int, int], ...]:
        """Changes if one of the configuration's files is changed, created or removed."""
        found = []
        for layer in self.gateway.config.layers:
            if layer.file:
                try:
                    state = Path(layer.file).stat()
                    found.append((layer.file, state.st_mtime_ns, state.st_size))
                except OSError:
                    found.append((layer.file, 0, 0))
        return tuple(found)


def picker_data(gateway: Gateway, *, current: str | None = None) -> PickerData:
    """What the picker shows. If nothing was picked before and no key is set, the local model is preselected."""
    config = gateway.config
    data = PickerData.gather(
        config, config.environ, gateway.catalog(), gateway.readiness(), local=local_rows(config), current=current
    )
    if data.current is None and not any(data.readiness.provider(name).state == "ready" for name in data.providers):
        import msgspec

        data = msgspec.structs.replace(data, current=LOCAL)
    return data


async def _try(gateway: Gateway, spec: str) -> str:
    began = time.perf_counter()
    body = {"model": spec, "messages": [{"role": "user", "content": _TRIAL_MESSAGE}], "max_tokens": 32}
    answer = await gateway.complete(body, retries=0)
    text = " ".join(str(answer["choices"][0]["message"].get("content") or "").split())
    return f"answered in {time.perf_counter() - began:.1f} s: {text[:60]}".rstrip(": ")


def _trial_model(gateway: Gateway, provider: str) -> str:
    """The provider's cheapest chat model that the catalog knows, to try a key with.

    Raises:
        NotSupportedError: The catalog knows none.
    """
    rows = [row.row for row in gateway.catalog().curated() if row.provider == provider]
    rows += [row for row in gateway.catalog().visible() if row.provider == provider and row.mode == "chat"]
    if not rows:
        raise NotSupportedError(
            f"the catalog has no model of {provider} to try the key with", fix="save it and call a model by name"
        )
    rows.sort(key=lambda row: row.input_usd_per_mtok if row.input_usd_per_mtok is not None else 1e9)
    return rows[0].key
