"""What is set up, what is not, and what to do about it. Looks at files and variables only: no network, no login."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import msgspec

from ingate import providers
from ingate._version import __version__
from ingate.gateway.explain import explain, installed
from ingate.spec import parse_one

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.gateway import Gateway

# Releases of litellm that carried malware (2026-03); one planted a file that ran in every interpreter.
COMPROMISED: Final = frozenset({"1.82.7", "1.82.8"})
COMPROMISED_FILES: Final = ("litellm_init.pth",)
# Extra → the module that shows it is there, and what it is for.
EXTRAS: Final[Mapping[str, tuple[str, str]]] = {
    "litellm": ("litellm", "providers with a wire format of their own, and every litellm.… spec"),
    "openai": ("openai", "AsyncIngate and Ingate, the OpenAI clients"),
    "local": ("xllamacpp", "models in this process"),
    "serve": ("uvicorn", "ingate serve"),
    "mcp": ("mcp", "tools of MCP servers in the chat"),
    "keyring": ("keyring", "keyring: references in the configuration"),
}


class Problem(msgspec.Struct, frozen=True):
    """Something wrong, and what to do.

    Attributes:
        what: What is wrong.
        fix: What mends it.
    """

    what: str
    fix: str


class Line(msgspec.Struct, frozen=True):
    """A provider's, an extra's or a model's standing.

    Attributes:
        name: Its name.
        state: `ready`, `attention` or `missing`.
        source: Where its credential, or its version, comes from.
        detail: What stands in the way or is worth knowing.
        fix: What would make it ready.
        near_misses: Variables that are set, but are not the ones read.
    """

    name: str
    state: str
    source: str = ""
    detail: str = ""
    fix: str = ""
    near_misses: tuple[str, ...] = ()


class Conflict(msgspec.Struct, frozen=True):
    """A setting that several files give.

    Attributes:
        setting: The key path, with dots.
        winner: File and line that counts.
        losers: The other places.
    """

    setting: str
    winner: str
    losers: tuple[str, ...]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that `ingate doctor` knows.

    Attributes:
        version: ingate's.
        python: The interpreter's version and path.
        files: Configuration files found, strongest first, each with its kind.
        conflicts: Settings that several files give.
        default_model: The configured default, None where there is none.
        catalog: Where the catalog comes from.
        models: How many chat models it has.
        proxy: The configured proxy's address and source, None where there is none.
        extras: Optional packages.
        local: The local models.
        providers: The providers that are ready or want attention, and the missing ones with a near miss.
        missing: How many providers have no credential.
        problems: What is wrong.
    """

    version: str
    python: str
    files: tuple[tuple[str, str], ...]
    conflicts: tuple[Conflict, ...]
    default_model: str | None
    catalog: str
    models: int
    proxy: tuple[str, str] | None
    extras: tuple[Line, ...]
    local: tuple[Line, ...]
    providers: tuple[Line, ...]
    missing: int
    problems: tuple[Problem, ...]


def examine(gateway: Gateway) -> Report:
    """Look at everything once."""
    config = gateway.config
    states = list(providers.statuses(config.environ, config).values())
    shown = [status for status in states if status.state != "missing" or status.near_misses]
    proxy = gateway.router.proxy(dry=True)
    return Report(
        version=__version__,
        python=f"{sys.version.split()[0]} at {sys.executable}",
        files=tuple(
            (layer.shown or layer.file, f"{layer.kind}{', secrets' if layer.secrets else ''}")
            for layer in config.layers
            if layer.found
        ),
        conflicts=tuple(
            Conflict(".".join(one.path), str(one.winner), tuple(map(str, one.losers))) for one in config.conflicts
        ),
        default_model=gateway.default_model,
        catalog=gateway.catalog().source,
        models=len(gateway.catalog().rows),
        proxy=None if proxy is None else (proxy[0], proxy[2]),
        extras=tuple(_extra(name, module, purpose) for name, (module, purpose) in EXTRAS.items()),
        local=tuple(_local(gateway, name) for name in ("smollm2", *config.settings.local.models)),
        providers=tuple(
            Line(one.provider, one.state, one.source, one.detail, one.fix, tuple(one.near_misses)) for one in shown
        ),
        missing=sum(one.state == "missing" for one in states),
        problems=tuple(_problems(gateway)),
    )


def _extra(name: str, module: str, purpose: str) -> Line:
    if not installed(module):
        return Line(name, "attention", "", f"not installed: {purpose}", f"pip install '.[{name}]' in ingate's folder")
    return Line(name, "ready", f"{module} {_version(module)}", purpose)


def _version(module: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(module)
    except PackageNotFoundError:
        return "of unknown version"


def _local(gateway: Gateway, name: str) -> Line:
    found = explain(gateway, parse_one(f"local/{name}"))
    return Line(found.spec, found.state, found.credential_source, found.detail, found.fix)


def _problems(gateway: Gateway) -> list[Problem]:
    problems = [
        Problem(warning, "chmod 600 the file, or move the key elsewhere") for warning in gateway.config.warnings
    ]
    if installed("litellm") and (version := _version("litellm")) in COMPROMISED:
        problems.append(
            Problem(
                f"litellm {version} is a compromised release that steals credentials",
                "uninstall it, change every key this machine had, then pip install '.[litellm]'",
            )
        )
    problems += [
        Problem(
            f"{file} is what a compromised litellm leaves behind; it runs in every Python",
            "delete it, change every key",
        )
        for file in _stray_files()
    ]
    if gateway.config.environ.get("USE_LITELLM_PROXY", "").lower() == "true":
        problems.append(
            Problem("USE_LITELLM_PROXY=true makes litellm send every call to its proxy", "unset USE_LITELLM_PROXY")
        )
    return problems


def _stray_files() -> list[str]:
    from pathlib import Path

    return [str(file) for entry in sys.path for name in COMPROMISED_FILES if (file := Path(entry, name)).is_file()]
