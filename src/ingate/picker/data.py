"""Everything the picker shows, as data: gathered once, replaced in parts while it is open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, Self

import msgspec

from ingate.picker.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ingate.catalog import Catalog, CuratedRow, ModelRow
    from ingate.config import Config
    from ingate.providers import Provider, Status

Mark = Literal["ready", "attention", "missing"]

PROXY: Final = "litellm_proxy"
LOCAL: Final = "local"


class Live(msgspec.Struct, frozen=True):
    """A list that was fetched from where the models run.

    Attributes:
        rows: The models; what the catalog knows of them where it knows them.
        fetched_at: When, in seconds since the epoch.
        problem: Why the last attempt failed, empty where it did not. The rows are then the ones from before.
    """

    rows: tuple[ModelRow, ...] = ()
    fetched_at: float = 0.0
    problem: str = ""


class LocalModel(msgspec.Struct, frozen=True):
    """A model inside this process.

    Attributes:
        row: Its name and what is known of it.
        state: Whether it would answer.
        source: Where its file is.
        detail: What stands in the way.
        fix: What would help.
    """

    row: ModelRow
    state: Mark = "ready"
    source: str = ""
    detail: str = ""
    fix: str = ""


class PickerData(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to pick from.

    Attributes:
        rows: The catalog's chat models, deprecated ones too.
        curated: The few shown first.
        statuses: Provider → what it has.
        providers: Provider → what it reads, in the map's order (best known first).
        source: Where the rows come from (`"litellm 1.109.1"`).
        litellm: Whether litellm is installed.
        native_formats: Wire formats ingate speaks itself; other providers need litellm on every lane.
        local: Models inside this process.
        proxy: The proxy's base URL, None where none is configured.
        proxy_source: Where that is configured.
        servers: Servers of one's own: name → base URL.
        aliases: Configured aliases, by the key of the row they name first.
        lives: Provider, server or `litellm_proxy` → its fetched list.
        current: The spec in use or last used, None where there is none.
        memory: Favourites, recents and how the picker was left.
        secrets_file: Where `a` would write a key, for people; empty where it cannot.
        keyring: Whether the keyring package is installed.
        today: ISO date; rows deprecated before it are hidden.
    """

    rows: tuple[ModelRow, ...]
    curated: tuple[CuratedRow, ...]
    statuses: Mapping[str, Status]
    providers: Mapping[str, Provider]
    source: str = ""
    litellm: bool = True
    native_formats: frozenset[str] = frozenset({"chat"})
    local: tuple[LocalModel, ...] = ()
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
        *,
        current: str | None = None,
        native_formats: frozenset[str] = frozenset({"chat"}),
        state_dir: Path | None = None,
        cache_dir: Path | None = None,
    ) -> Self:
        """Collect it from configuration, environment, catalog and the files of earlier runs. No network.

        Args:
            config: The configuration.
            environ: The environment.
            catalog: The loaded catalog.
            current: The spec in use; without one, the last one picked, else the configured `default_model`.
            native_formats: Wire formats that need no litellm.
            state_dir: Where `picker.json` is (default: the user's state folder).
            cache_dir: Where fetched lists are kept (default: the user's cache folder).
        """
        from ingate.picker.gather import gather

        return cls(
            **gather(
                config,
                environ,
                catalog,
                current=current,
                native_formats=native_formats,
                state_dir=state_dir,
                cache_dir=cache_dir,
            )
        )
