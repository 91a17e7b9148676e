"""fast-agent's configuration files, converted to our schema.

Only the providers' sections, `litellm` and MCP servers are used; everything else is ignored. fast-agent has a grammar of
model names of its own, so a default model is used only if it is one of litellm's.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from ingate.config.names import provider_names
from ingate.config.references import BadReferenceError, parse_template
from ingate.config.tree import Node

if TYPE_CHECKING:
    from collections.abc import Mapping

# A provider's section and a key in it there → the key here.
_RENAMED: Final = {
    ("bedrock", "region"): "aws_region_name",
    ("bedrock", "profile"): "aws_profile_name",
}
# These hold fast-agent's own model names.
_NOT_OURS: Final = frozenset({"default_model"})


def bridge(node: Node, environ: Mapping[str, str] | None, warnings: list[str]) -> Node:
    """The part of a fast-agent file that is used here, in our schema.

    An MCP server that needs an unset variable is left out with a warning, since the user may not use tools at all. Without
    `environ`, none is.
    Everything else that is wrong is found later, when the layer is checked.
    """
    names = provider_names()
    sections: dict[str, Node] = {}
    for key, item in node.value.items():
        if key == "litellm" or (key == "default_model" and _is_litellm_spec(item.value)):
            sections[key] = item
        elif key == "mcp":
            sections[key] = _mcp(item, environ, warnings)
        elif names.canonical(key) is not None:
            sections[key] = _provider(key, item)
    _vertex(node, sections)
    return Node(sections, node.where)


def _is_litellm_spec(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("litellm.", "litellm/"))


def _provider(section: str, node: Node) -> Node:
    if not isinstance(node.value, dict):
        return node
    kept: dict[str, Node] = {}
    for key, item in node.value.items():
        name = _RENAMED.get((section, key), key)
        if name not in _NOT_OURS:
            kept.setdefault(name, item)
    return Node(kept, node.where)


def _vertex(node: Node, sections: dict[str, Node]) -> None:
    """`google: {vertex_ai: {enabled, project_id, location}}` is the provider `vertex_ai` here."""
    google = node.value.get("google")
    inner = google.value.get("vertex_ai") if google is not None and isinstance(google.value, dict) else None
    if inner is None or not isinstance(inner.value, dict) or "vertex_ai" in sections:
        return
    enabled = inner.value.get("enabled")
    if enabled is None or enabled.value is not True:
        return
    renamed = {"project_id": "vertex_project", "location": "vertex_location"}
    found = {ours: inner.value[theirs] for theirs, ours in renamed.items() if theirs in inner.value}
    sections["vertex_ai"] = Node(found, inner.where)


def _mcp(node: Node, environ: Mapping[str, str] | None, warnings: list[str]) -> Node:
    """`mcp: {servers: {name: …}}` without the servers that only fast-agent can use."""
    if not isinstance(node.value, dict):
        return node
    servers = node.value.get("servers")
    if servers is None or not isinstance(servers.value, dict):
        return servers or Node(None, node.where)
    kept: dict[str, Node] = {}
    for name, server in servers.value.items():
        keys = server.value
        if not isinstance(keys, dict):
            kept[name] = server
        elif environ is not None and (missing := _missing(server, environ)):
            warnings.append(f"{server.where} mcp.servers.{name} is left out: {missing} is not set")
        elif _given(keys, "url"):
            kept[name] = Node({key: item for key, item in keys.items() if key not in {"command", "args"}}, server.where)
        elif _given(keys, "command"):
            kept[name] = server
    return Node(kept, servers.where)


def _missing(server: Node, environ: Mapping[str, str]) -> str | None:
    """The first unset variable that is needed to start or reach the server."""
    for key in ("command", "args", "url"):
        node = server.value.get(key)
        for item in node.value if node is not None and isinstance(node.value, list) else [node]:
            if item is None or not isinstance(item.value, str):
                continue
            with suppress(BadReferenceError):
                for name in parse_template(item.value).missing(environ):
                    return name
    return None


def _given(keys: dict[str, Node], name: str) -> bool:
    return name in keys and keys[name].value is not None


def without_servers_key(node: Node) -> Node:
    """Our own file, which may have fast-agent's `mcp: {servers: {name: …}}` instead of `mcp: {name: …}`."""
    mcp = node.value.get("mcp")
    servers = mcp.value.get("servers") if mcp is not None and isinstance(mcp.value, dict) else None
    if servers is None or not isinstance(servers.value, dict):
        return node
    if not all(isinstance(server.value, dict) for server in servers.value.values()):
        return node
    beside = {name: server for name, server in mcp.value.items() if name != "servers"}
    return Node({**node.value, "mcp": Node({**servers.value, **beside}, mcp.where)}, node.where)
