"""Merged values to `Settings`, and the checks that need all layers together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingate.config.fields import Problem
from ingate.config.names import RESERVED, provider_names
from ingate.config.schema import (
    LitellmSettings,
    LocalSettings,
    McpServerSettings,
    ProviderSettings,
    ServerSettings,
    Settings,
    TensorZeroSettings,
)
from ingate.config.validate import Checked, nearest

if TYPE_CHECKING:
    from ingate.config.tree import Where

_HEADER_KEYS = frozenset({"headers", "default_headers"})


def build(merged: Checked, problems: list[Problem]) -> Settings:
    """The settings; what is wrong goes to `problems`, and then the result is of no use."""
    tree: dict[str, Any] = {}
    for path, value in merged.values.items():
        _put(tree, path, value.value)
    litellm = {_python_name(key): item for key, item in tree.get("litellm", {}).items()}
    settings = Settings(
        default_model=tree.get("default_model"),
        aliases=tree.get("aliases", {}),
        timeout_s=tree.get("timeout"),
        litellm=LitellmSettings(**litellm),
        local=LocalSettings(**tree.get("local", {})),
        tensorzero=TensorZeroSettings(**tree.get("tensorzero", {})),
    )
    known = provider_names()
    names = {path[0] for path in merged.sections if path and path[0] in known.names} | (tree.keys() & set(known.names))
    settings.providers = {name: _provider(tree.get(name, {}), known.params) for name in sorted(names)}
    settings.servers = _servers(merged, tree.get("servers", {}), problems)
    settings.mcp = _mcp(merged, tree.get("mcp", {}), problems)
    settings.disabled_providers = _disabled(merged, tree.get("disabled_providers", []), settings, problems)
    _check_aliases(merged, settings.aliases, problems)
    return settings


def _put(tree: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for key in path[:-1]:
        tree = tree.setdefault(key, {})
    key = path[-1]
    # Header names differ in case and are the same; the strongest layer comes first.
    if len(path) > 1 and path[-2] in _HEADER_KEYS and any(key.lower() == other.lower() for other in tree):
        return
    tree[key] = value


def _python_name(key: str) -> str:
    return "timeout_s" if key == "timeout" else key


def _provider(section: dict[str, Any], params: tuple[str, ...]) -> ProviderSettings:
    own = {_python_name(key): item for key, item in section.items() if key not in params}
    return ProviderSettings(**own, params={key: item for key, item in section.items() if key in params})


def _servers(merged: Checked, sections: dict[str, Any], problems: list[Problem]) -> dict[str, ServerSettings]:
    servers: dict[str, ServerSettings] = {}
    for name in _names_below(merged, "servers"):
        section = {_python_name(key): item for key, item in sections.get(name, {}).items()}
        if "base_url" in section:
            servers[name] = ServerSettings(**section)
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
            servers[name] = McpServerSettings(**section)
    return servers


def _names_below(merged: Checked, top: str) -> list[str]:
    return list(
        dict.fromkeys(path[1] for path in (*merged.sections, *merged.values) if len(path) > 1 and path[0] == top)
    )


def _place(merged: Checked, *path: str) -> Where:
    return merged.sections[path]


def _disabled(merged: Checked, names: list[str], settings: Settings, problems: list[Problem]) -> list[str]:
    known = provider_names()
    found: list[str] = []
    for name in names:
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
