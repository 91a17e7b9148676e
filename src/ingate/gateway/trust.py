"""Calls that a file which is not trusted would change: they are an error that names the command to trust it.

Leaving a setting out must not send a prompt elsewhere than its file says, so a call is refused if what was left out decides
where it goes, with which key, or what is sent with it. Once the user has decided not to trust the file, what it says no longer
counts, and a call is refused only if the file alone defines what it names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ingate.config.notice import how_to_trust, printable
from ingate.errors import ConfigError
from ingate.providers.address import SHAPES, written
from ingate.providers.alternatives import Found

if TYPE_CHECKING:
    from ingate.config import Config
    from ingate.config.restrict import Skipped
    from ingate.providers import ProviderLookup
    from ingate.spec import ModelSpec

_SHAPES: Final = SHAPES | {"vertex_project", "api_version"}
_EVERY_LITELLM_CALL: Final = frozenset({"extra_kwargs", "default_headers"})
_PROXY: Final = frozenset({"api_base", "api_key"})


def untrusted(
    spec: ModelSpec, config: Config, lookup: ProviderLookup | None = None, engine: str = ""
) -> ConfigError | None:
    """The error for a call that needs something that was left out; None if it needs nothing of that.

    Args:
        spec: What is called (no alias).
        config: The configuration.
        lookup: The provider's look-up; None for a proxy's deployment, a server or a model in this process.
        engine: The engine that would serve it, if that is known.
    """
    if not config.skipped:
        return None
    if spec.lane == "proxy":
        found = _below(config, "litellm", keys=_PROXY | _EVERY_LITELLM_CALL)
        return _error(f"the LiteLLM proxy of {spec.target!r}", found)
    if spec.lane == "auto":
        if found := _below(config, "servers", spec.provider):
            alone = spec.provider not in config.settings.servers
            return _error(f"the server {spec.provider!r}", found, alone=alone)
        if spec.provider == "local" and spec.model not in config.settings.local.models:
            return _error(f"the model {spec.target!r}", _below(config, "local", "models", spec.model))
        if spec.provider == "tensorzero":
            return _error("TensorZero", _below(config, "tensorzero"))
    if lookup is None:
        return None
    found = _of_provider(lookup, config)
    if engine == "litellm" or spec.lane == "litellm":
        found += _below(config, "litellm", keys=_EVERY_LITELLM_CALL)
    if lookup.missing is not None:
        found += _below(config, "litellm", keys=_PROXY)  # the proxy might serve it
    return _error(lookup.provider.name, found)


def untrusted_alias(name: str, config: Config) -> ConfigError | None:
    """The error for an alias that was left out, unless it is defined elsewhere; None if there is none."""
    if name in config.settings.aliases:
        return None
    return _error(f"the alias {name!r}", _below(config, "aliases", name), alone=True)


def untrusted_default(config: Config) -> ConfigError | None:
    """The error for a call without a model, if the default model was left out; None if it was not."""
    found = [*_below(config, "default_model"), *_below(config, "litellm", "default_model")]
    if config.settings.default_model is not None and found and found[0].path[0] == "litellm":
        return None
    return _error("the default model", found)


def untrusted_tools(config: Config) -> ConfigError | None:
    """The error for a conversation whose MCP servers were left out; None if none were."""
    return _error("the MCP servers", _below(config, "mcp"))


def _of_provider(lookup: ProviderLookup, config: Config) -> list[Skipped]:
    """What was left out of a provider's section, and would be used: the environment takes precedence over a file."""
    found = _below(config, lookup.provider.name)
    if not found:
        return found
    has_key = isinstance(lookup.found, Found)
    has_base = bool((written(lookup.provider, lookup.environ, lookup.settings) or ("", ""))[1])
    credentials = {lookup.provider.target(name) for group in lookup.provider.env for name in group}
    supplied = {part.target for part in lookup.parts}

    def matters(one: Skipped) -> bool:
        key = one.path[1]
        if key == "base_url":
            return not has_base
        if key in credentials and key not in _SHAPES:
            return not has_key
        return key not in supplied

    return [one for one in found if matters(one)]


def _below(config: Config, *path: str, keys: frozenset[str] | None = None) -> list[Skipped]:
    depth = len(path)
    below = [one for one in config.skipped if one.path[:depth] == path]
    return below if keys is None else [one for one in below if len(one.path) > depth and one.path[depth] in keys]


def _error(what: str, found: list[Skipped], *, alone: bool = False) -> ConfigError | None:
    asked = found if alone else [one for one in found if not one.refused]
    if not asked:
        return None
    first = asked[0]
    return ConfigError(
        f"{printable(what)} needs {printable(first.name)} of a file that is not trusted",
        file=printable(first.where.shown),
        line=first.where.line,
        fix=how_to_trust(asked),
    )
