"""What is set up, what is not, and how to fix it. Reads files and variables only: no network, no login."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import msgspec

from ingate._version import __version__
from ingate.config.notice import printable, trust_command
from ingate.gateway.readiness import PROXY
from ingate.providers import is_installed, providers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.config import Config
    from ingate.config.trust import Folder
    from ingate.gateway import Gateway
    from ingate.gateway.readiness import Readiness

# Releases of litellm that carried malware (2026-03); one planted a file that ran in every interpreter.
COMPROMISED: Final = frozenset({"1.82.7", "1.82.8"})
COMPROMISED_FILES: Final = ("litellm_init.pth",)
# Extra → the module that shows it is installed, and what it is for.
EXTRAS: Final[Mapping[str, tuple[str, str]]] = {
    "litellm": ("litellm", "providers with a wire format of their own, and every litellm.… spec"),
    "openai": ("openai", "AsyncIngate and Ingate, the OpenAI clients"),
    "local": ("xllamacpp", "models in this process"),
    "serve": ("uvicorn", "ingate serve"),
    "mcp": ("mcp", "tools of MCP servers in the chat"),
    "keyring": ("keyring", "keyring: references in the configuration"),
}


class Problem(msgspec.Struct, frozen=True):
    """Something wrong, and how to fix it.

    Attributes:
        what: What is wrong.
        fix: What to do.
    """

    what: str
    fix: str


class Line(msgspec.Struct, frozen=True):
    """The state of a provider, a server, an extra or a model.

    Attributes:
        name: Its name.
        state: `ready`, `attention` or `missing`.
        source: Where its credential comes from, or the installed version.
        detail: Why it is not ready; of an extra, what it is for.
        fix: The next command to run or variable to set.
        near_misses: Sentences on variables that are set but not read.
    """

    name: str
    state: str
    source: str = ""
    detail: str = ""
    fix: str = ""
    near_misses: tuple[str, ...] = ()


class Conflict(msgspec.Struct, frozen=True):
    """A setting that several files set.

    Attributes:
        setting: The key path, with dots.
        winner: File and line of the value in use.
        losers: The other places.
    """

    setting: str
    winner: str
    losers: tuple[str, ...]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What `ingate doctor` reports.

    Attributes:
        version: ingate's version.
        python: The interpreter's version and path.
        files: Configuration files found, highest precedence first, each with its kind.
        trust: The folders whose files were found and not named, and whether they are trusted.
        conflicts: Settings that several files set.
        default_model: The configured default, None if there is none.
        catalog: Where the catalog comes from.
        models: The number of chat models in it.
        proxy: The configured proxy, by its address; None if there is none.
        extras: Optional packages.
        local: The local models.
        servers: The servers of the configuration.
        providers: The providers that are ready or need attention, and the missing ones with a near miss.
        missing: The number of providers without a credential.
        problems: What is wrong.
    """

    version: str
    python: str
    files: tuple[tuple[str, str], ...]
    trust: tuple[Line, ...]
    conflicts: tuple[Conflict, ...]
    default_model: str | None
    catalog: str
    models: int
    proxy: Line | None
    extras: tuple[Line, ...]
    local: tuple[Line, ...]
    servers: tuple[Line, ...]
    providers: tuple[Line, ...]
    missing: int
    problems: tuple[Problem, ...]


def examine(gateway: Gateway) -> Report:
    """The whole report."""
    config = gateway.config
    checker = gateway.readiness()
    found = [checker.with_near_misses(checker.provider(name)) for name in providers()]
    shown = [one for one in found if one.state != "missing" or one.near_misses]
    return Report(
        version=__version__,
        python=f"{sys.version.split()[0]} at {sys.executable}",
        files=tuple(
            (layer.shown or layer.file, f"{layer.kind}{', secrets' if layer.secrets else ''}")
            for layer in config.layers
            if layer.found
        ),
        trust=tuple(_trust(folder, config) for folder in config.folders),
        conflicts=tuple(
            Conflict(".".join(one.path), str(one.winner), tuple(map(str, one.losers))) for one in config.conflicts
        ),
        default_model=gateway.default_model,
        catalog=gateway.catalog().source,
        models=len(gateway.catalog().rows),
        proxy=None if checker.proxy is None else _line(checker.proxy.api_base, checker.provider(PROXY)),
        extras=tuple(_extra(name, module, purpose) for name, (module, purpose) in EXTRAS.items()),
        local=tuple(_line(f"local/{name}", checker.check(f"local/{name}")) for name in checker.local_models),
        servers=tuple(_line(name, checker.provider(name)) for name in config.settings.servers),
        providers=tuple(_line(one.provider, one) for one in shown),
        missing=sum(one.state == "missing" for one in found),
        problems=tuple(_problems(gateway)),
    )


def _trust(folder: Folder, config: Config) -> Line:
    skipped = [printable(one.name) for one in config.skipped if one.folder == folder.path]
    if folder.state == "trusted":
        return Line(printable(folder.path), "ready", "trusted")
    source = "not trusted" if folder.state == "untrusted" else "not trusted, as you decided"
    if folder.changed:
        source = f"changed since it was trusted: {', '.join(folder.changed)}"
    if not skipped and not folder.foreign:
        return Line(printable(folder.path), "ready", source, "it sets nothing that needs trust")
    detail = f"left out: {', '.join(skipped)}" if skipped else "it is not read"
    return Line(printable(folder.path), "attention", source, detail, trust_command(folder.path))


def _extra(name: str, module: str, purpose: str) -> Line:
    if not is_installed(module):
        return Line(name, "attention", "", f"not installed: {purpose}", f"pip install '.[{name}]' in ingate's folder")
    return Line(name, "ready", f"{module} {_version(module)}", purpose)


def _version(module: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(module)
    except PackageNotFoundError:
        return "of unknown version"


def _line(name: str, found: Readiness) -> Line:
    return Line(name, found.state, found.source, found.reason, found.fix, found.near_misses)


def _problems(gateway: Gateway) -> list[Problem]:
    problems = [
        Problem(warning, "chmod 600 the file, or move the key elsewhere") for warning in gateway.config.warnings
    ]
    if is_installed("litellm") and (version := _version("litellm")) in COMPROMISED:
        problems.append(
            Problem(
                f"litellm {version} is a compromised release that steals credentials",
                "uninstall it, change every key that was on this machine, then pip install '.[litellm]'",
            )
        )
    problems += [
        Problem(
            f"{file} was left behind by a compromised litellm and runs in every Python process",
            "delete it, and change every key",
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
