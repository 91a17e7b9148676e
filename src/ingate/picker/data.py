"""Everything the picker shows, as data: gathered once, and replaced in parts while it is open.

It comes from the configuration, the environment, the catalog and files of earlier runs. Lists of models fetched from
providers and servers become rows here, and are saved with the time at which they were fetched.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self

import msgspec

from ingate import providers
from ingate.catalog.schema import ModelRow
from ingate.errors import SpecError
from ingate.paths import cache_dir as default_cache_dir
from ingate.paths import config_dir
from ingate.paths import state_dir as default_state_dir
from ingate.picker import memory
from ingate.picker.memory import Memory
from ingate.spec import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ingate.catalog import Catalog, CuratedRow
    from ingate.config import Config
    from ingate.gateway.readiness import ReadinessChecker
    from ingate.providers import Provider

Mark = Literal["ready", "attention", "missing"]

PROXY: Final = "litellm_proxy"
LOCAL: Final = "local"
_FILE: Final = "picker-live.json"
_MOST: Final = 5_000
# OpenRouter's names of capabilities, and the catalog's.
_PARAMETERS: Final = {"tools": "tools", "reasoning": "reasoning", "structured_outputs": "json"}
_INPUTS: Final = {"image": "vision", "audio": "audio", "video": "video", "file": "pdf"}

# Providers whose own list is better than the catalog: hubs whose models change daily, and servers with local models.
LISTED: Final = frozenset(
    {"openrouter", "ollama", "ollama_chat", "lm_studio", "hosted_vllm", "llamafile", "lemonade", "docker_model_runner", "xinference"}
)  # fmt: skip


class Live(msgspec.Struct, frozen=True):
    """A list of models that was fetched from a provider or server.

    Attributes:
        rows: The models; the catalog's rows of those it knows.
        fetched_at: When it was fetched, in seconds since the epoch.
        problem: Why the last attempt failed, empty if it did not. The rows are then those of an earlier one.
        checked: Whether it was fetched in this run; False for one saved by an earlier run.
    """

    rows: tuple[ModelRow, ...] = ()
    fetched_at: float = 0.0
    problem: str = ""
    checked: bool = True


class PickerData(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to pick from.

    Attributes:
        rows: The catalog's models, including deprecated ones.
        curated: The few that are shown first.
        readiness: Whether each model would answer, given `lives` too.
        providers: The providers by name, best known first.
        source: Where the rows come from (`"litellm 1.109.1"`).
        local: Models inside this process.
        proxy: The proxy's base URL, None if none is configured.
        proxy_source: Where that is configured.
        servers: The configured servers: name → base URL.
        aliases: Configured aliases, by the key of the first model they name.
        lives: Fetched lists, by provider, server or `litellm_proxy`.
        current: The spec in use or used last, None if there is none.
        memory: Favourites, recently used models, and how the picker was left.
        secrets_file: The file that a key would be saved in, as it is shown; empty if there is none.
        keyring: Whether the keyring package is installed.
        today: The date in ISO format; rows deprecated before it are hidden.
    """

    rows: tuple[ModelRow, ...]
    curated: tuple[CuratedRow, ...]
    readiness: ReadinessChecker
    providers: Mapping[str, Provider]
    source: str = ""
    local: tuple[ModelRow, ...] = ()
    proxy: str | None = None
    proxy_source: str = ""
    servers: Mapping[str, str] = {}
    aliases: Mapping[str, tuple[str, ...]] = {}
    lives: Mapping[str, Live] = {}
    current: str | None = None
    memory: Memory = Memory()
    secrets_file: str = ""
    keyring: bool = False
    today: str = ""

    @classmethod
    def gather(
        cls,
        config: Config,
        environ: Mapping[str, str],
        catalog: Catalog,
        readiness: ReadinessChecker,
        *,
        local: tuple[ModelRow, ...] = (),
        current: str | None = None,
        state_dir: Path | None = None,
        cache_dir: Path | None = None,
    ) -> Self:
        """Collect it from the configuration, the environment, the catalog and files of earlier runs. No network.

        Args:
            config: The configuration.
            environ: The environment.
            catalog: The loaded catalog.
            readiness: Whether models would answer.
            local: Models inside this process.
            current: The spec in use; without one, the last one picked, else the configured `default_model`.
            state_dir: Where `picker.json` is (default: the user's state folder).
            cache_dir: Where fetched lists are saved (default: the user's cache folder).
        """
        settings = config.settings
        remembered = memory.read(state_dir or default_state_dir())
        proxy = providers.proxy_settings(environ, config)
        servers = {name: server.base_url for name, server in settings.servers.items()}
        lives = kept_lists(readiness, cache_dir)
        return cls(
            rows=catalog.rows,
            curated=catalog.curated(),
            readiness=readiness.with_lists(lives),
            providers=_with_unmapped(catalog),
            source=catalog.source,
            local=local,
            proxy=proxy.api_base if proxy is not None else None,
            proxy_source=proxy.source if proxy is not None else "",
            servers=servers,
            aliases=aliases_of(settings.aliases),
            lives=lives,
            current=_target(
                current or remembered.last or settings.default_model or settings.litellm.default_model, settings.aliases
            ),
            memory=remembered,
            secrets_file=_with_tilde(secrets_file(config)),
            keyring=providers.is_installed("keyring"),
            today=time.strftime("%Y-%m-%d", time.gmtime()),
        )


def _with_unmapped(catalog: Catalog) -> dict[str, providers.Provider]:
    """The providers of the map, then those of the catalog that only litellm knows."""
    known = dict(providers.providers())
    for name in catalog.by_provider():
        if name not in known and (other := providers.unmapped(name)) is not None:
            known[name] = other
    return known


def aliases_of(configured: Mapping[str, str | list[str]]) -> dict[str, tuple[str, ...]]:
    """Aliases by the key of the first model they name, so that its row is found by them. Invalid ones are left out."""
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


def _target(spec: str | None, aliases: Mapping[str, str | list[str]]) -> str | None:
    """The model that an alias stands for; other specs are returned unchanged."""
    for _ in aliases:  # an alias may name an alias, but not in a circle
        if target := aliases.get(spec or ""):
            spec = target if isinstance(target, str) else target[0]
    return spec


def secrets_file(config: Config) -> Path:
    """The file that a key is saved in: next to a configuration named explicitly, else in the user's own folder."""
    for layer in config.layers:
        if layer.secrets and layer.kind in {"explicit", "environment"}:
            return Path(layer.file)
    return config_dir() / "ingate.secrets.yaml"


def _with_tilde(path: Path) -> str:
    """A path with `~` for the home folder."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):
        return str(path)


def kept_lists(readiness: ReadinessChecker, cache_dir: Path | None = None) -> dict[str, Live]:
    """The lists saved by earlier runs, by provider, server or `litellm_proxy`, if its address is still the same."""
    kept = read_lists(cache_dir or default_cache_dir())
    if not kept:
        return {}
    names = [*LISTED, *readiness.config.settings.servers, *([PROXY] if readiness.proxy is not None else [])]
    bases = {name: readiness.provider(name).api_base for name in names}
    return {name: kept[key] for name, base in bases.items() if (key := key_of(name, base)) in kept}


class _Kept(msgspec.Struct):
    rows: tuple[ModelRow, ...]
    fetched_at: float


def rows_of(
    provider: str, models: Iterable[Mapping[str, Any]], known: Callable[[str, str], ModelRow | None]
) -> tuple[ModelRow, ...]:
    """Rows from OpenAI model objects, in the same order. Objects without a usable id are left out.

    Args:
        provider: The provider's name.
        models: The list as the provider returned it; it may contain anything.
        known: Returns the catalog's row of a provider and model.
    """
    rows: dict[str, ModelRow] = {}
    for model in models:
        name = model.get("id") or model.get("name") if isinstance(model, dict) else None
        if not isinstance(name, str) or not (name := printable(name)) or name in rows:
            continue
        rows[name] = known(provider, name) or _row(provider, name, model)
        if len(rows) >= _MOST:
            break
    return tuple(rows.values())


def printable(text: str) -> str:
    """`text` without characters that would move the cursor, change colours or reverse the reading direction."""
    return text if text.isprintable() else "".join(letter for letter in text if letter.isprintable())


def _row(provider: str, name: str, model: Mapping[str, Any]) -> ModelRow:
    pricing = _section(model, "pricing")
    top = _section(model, "top_provider")
    parameters = _words(model, "supported_parameters")
    inputs = _words(_section(model, "architecture"), "input_modalities")
    caps = [cap for word, cap in _PARAMETERS.items() if word in parameters]
    caps += [cap for word, cap in _INPUTS.items() if word in inputs]
    return ModelRow(
        provider,
        name,
        context_tokens=_count(model.get("context_length") or model.get("max_model_len")),
        max_output_tokens=_count(top.get("max_completion_tokens")),
        input_usd_per_mtok=_per_mtok(pricing.get("prompt")),
        output_usd_per_mtok=_per_mtok(pricing.get("completion")),
        caps=tuple(caps),
    )


def _section(model: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = model.get(name)
    return found if isinstance(found, dict) else {}


def _words(model: Mapping[str, Any], name: str) -> frozenset[str]:
    found = model.get(name)
    return frozenset(word for word in found if isinstance(word, str)) if isinstance(found, list) else frozenset()


def _count(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e12 else None


def _per_mtok(value: Any) -> float | None:
    """From OpenRouter's price: dollars per token, as text; negative if it varies."""
    try:
        price = float(value) * 1e6
    except (TypeError, ValueError):
        return None
    return round(price, 6) if 0 <= price < 1e6 else None


def key_of(name: str, base: str | None) -> str:
    """The key of a saved list. It contains the address, since another proxy or server has another list."""
    return f"{name} {base}" if base else name


def read_lists(folder: Path) -> dict[str, Live]:
    """The lists saved by earlier runs, by `key_of`; empty if there is no file or it cannot be read."""
    try:
        kept = msgspec.json.decode((folder / _FILE).read_bytes(), type=dict[str, _Kept])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return {}
    return {key: Live(one.rows, one.fetched_at, checked=False) for key, one in kept.items()}


def keep_list(folder: Path, key: str, live: Live) -> bool:
    """Save a fetched list with the others; returns False if the folder cannot be written."""
    from ingate.paths import write_private

    kept = {**read_lists(folder), key: live}
    newest = sorted(kept.items(), key=lambda entry: -entry[1].fetched_at)[:12]
    try:
        write_private(
            folder / _FILE, msgspec.json.encode({name: _Kept(one.rows, one.fetched_at) for name, one in newest})
        )
    except OSError:
        return False
    return True


def age(seconds: float) -> str:
    """How long ago: `"now"`, `"40 s ago"`, `"5 min ago"`, `"3 h ago"`, `"2 days ago"`."""
    if seconds < 5:
        return "now"
    for limit, unit_s, name in ((60, 1, "s"), (3600, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds // unit_s)} {name} ago"
    return f"{int(seconds // 86_400)} days ago"
