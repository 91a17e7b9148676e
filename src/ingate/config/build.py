"""Layers to `Settings`: the strongest value of each key wins, and what it overrides is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ingate.config.fields import Problem
from ingate.config.names import RESERVED, provider_names
from ingate.config.schema import (
    McpServerSettings,
    ProviderSettings,
    ServerSettings,
    Settings,
    provider_section,
    root,
    section_of,
)
from ingate.config.validate import Checked, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingate.config.fields import KeyPath
    from ingate.config.tree import Where

_HEADER_KEYS = frozenset({"headers", "default_headers"})


class Conflict(msgspec.Struct, frozen=True):
    """A key to which several layers give different values. Only the places are kept, never the values.

    Attributes:
        path: The key (`("groq", "api_key")`).
        winner: The place of the value that is used.
        losers: The places of the others, strongest first.
    """

    path: tuple[str, ...]
    winner: Where
    losers: tuple[Where, ...]

    def __str__(self) -> str:
        others = ", ".join(str(place) for place in self.losers)
        return f"{'.'.join(self.path)}: {self.winner} wins over {others}"


def merge(layers: Sequence[Checked]) -> tuple[Checked, tuple[Conflict, ...]]:
    """One layer out of several, strongest first. Sections are merged key by key; a list is replaced as a whole.

    This is not a deep merge of dicts: it works on key paths, keeps the place of every value, and the strongest layer
    comes first.
    """
    merged = Checked()
    losers: dict[KeyPath, list[Where]] = {}
    # A free section may hold a value in one layer where another has keys below it: the stronger shape is kept.
    inner: dict[KeyPath, KeyPath] = {}
    for layer in layers:
        for path, where in layer.sections.items():
            merged.sections.setdefault(path, where)
        fresh = {}
        for path, value in layer.values.items():
            taken = path if path in merged.values else _clash(path, merged, inner)
            if taken is None:
                fresh[path] = value
            elif taken != path or merged.values[path].value != value.value:
                losers.setdefault(taken, []).append(value.where)
        for path, value in fresh.items():
            merged.values[path] = value
            for end in range(1, len(path)):
                inner.setdefault(path[:end], path)
    conflicts = (Conflict(path, merged.values[path].where, tuple(places)) for path, places in losers.items())
    return merged, tuple(conflicts)


def _clash(path: KeyPath, merged: Checked, inner: dict[KeyPath, KeyPath]) -> KeyPath | None:
    """The path of a stronger value above or below `path`."""
    for end in range(1, len(path)):
        if path[:end] in merged.values:
            return path[:end]
    return inner.get(path)


def build(merged: Checked, problems: list[Problem]) -> Settings:
    """The settings. What is wrong is added to `problems`, and the result must then not be used."""
    tree: dict[str, Any] = {}
    for path, value in merged.values.items():
        _put(tree, path, value.value)
    names = set(provider_names().names)
    configured = {path[0] for path in merged.sections if path} | tree.keys()
    settings = root().build(
        {key: value for key, value in tree.items() if key not in names and key not in {"servers", "mcp"}},
        providers={name: _provider(tree.get(name, {})) for name in sorted(configured & names)},
        servers=_servers(merged, tree.get("servers", {}), problems),
        mcp=_mcp(merged, tree.get("mcp", {}), problems),
    )
    settings.disabled_providers = _disabled(merged, settings, problems)
    _check_aliases(merged, settings.aliases, problems)
    return settings


def _put(tree: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for key in path[:-1]:
        tree = tree.setdefault(key, {})
    key = path[-1]
    # Header names are case-insensitive; the strongest layer comes first.
    if len(path) > 1 and path[-2] in _HEADER_KEYS and any(key.lower() == other.lower() for other in tree):
        return
    tree[key] = value


def _provider(section: dict[str, Any]) -> ProviderSettings:
    params = provider_names().params
    own = {key: value for key, value in section.items() if key not in params}
    return provider_section().build(own, params={key: value for key, value in section.items() if key in params})


def _servers(merged: Checked, sections: dict[str, Any], problems: list[Problem]) -> dict[str, ServerSettings]:
    servers: dict[str, ServerSettings] = {}
    for name in _names_below(merged, "servers"):
        section = sections.get(name, {})
        if "base_url" in section:
            servers[name] = section_of(ServerSettings).build(section)
        else:
            message = f"servers.{name} has no base_url"
            problems.append(Problem(_place(merged, "servers", name), message, "add base_url: http://…/v1 below it"))
    return servers


def _mcp(merged: Checked, sections: dict[str, Any], problems: list[Problem]) -> dict[str, McpServerSettings]:
    servers: dict[str, McpServerSettings] = {}
    for name in _names_below(merged, "mcp"):
        section = sections.get(name, {})
        if ("command" in section) == ("url" in section):
            wrong = "both a command and a url" if "command" in section else "neither a command nor a url"
            problems.append(Problem(_place(merged, "mcp", name), f"mcp.{name} has {wrong}", "give it one of the two"))
        else:
            servers[name] = section_of(McpServerSettings).build(section)
    return servers


def _names_below(merged: Checked, top: str) -> list[str]:
    return list(
        dict.fromkeys(path[1] for path in (*merged.sections, *merged.values) if len(path) > 1 and path[0] == top)
    )


def _place(merged: Checked, *path: str) -> Where:
    return merged.sections[path]


def _disabled(merged: Checked, settings: Settings, problems: list[Problem]) -> list[str]:
    """`disabled_providers` by their own names, each once."""
    known = provider_names()
    found: list[str] = []
    for name in settings.disabled_providers:
        if name in settings.servers or name in RESERVED:
            found.append(name)
        elif (own := known.canonical(name)) is not None:
            found.append(own)
        else:
            near = nearest(name, [*known.names, *known.aliases, *settings.servers])
            hint = f"; did you mean {near!r}?" if near else ""
            fix = f"write {near}" if near else "`ingate models --all` shows every provider"
            where = merged.values["disabled_providers",].where
            problems.append(Problem(where, f"disabled_providers names an unknown provider{hint}", fix))
    return list(dict.fromkeys(found))


def _check_aliases(merged: Checked, aliases: dict[str, str | list[str]], problems: list[Problem]) -> None:
    """Report aliases that lead back to themselves."""
    for name in aliases:
        seen: set[str] = set()
        waiting = [name]
        while waiting:
            value = aliases.get(waiting.pop())
            texts = [value] if isinstance(value, str) else value or []
            targets = {part.partition("?")[0].strip() for text in texts for part in text.split(",")}
            if name in targets:
                where = merged.values["aliases", name].where
                problems.append(Problem(where, f"aliases.{name} leads back to itself", "name a model, not the alias"))
                break
            waiting.extend(targets - seen)
            seen |= targets
