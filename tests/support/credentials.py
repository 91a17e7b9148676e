"""What the credential tests share: one alternative set in the environment, with the files it points to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ingate.catalog import Catalog
from ingate.config import load
from ingate.gateway.readiness import ReadinessChecker
from ingate.gateway.routing import Router
from ingate.providers import is_installed, look_up, providers
from ingate.providers.registry import is_credential

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ingate.config import Config
    from ingate.gateway.readiness import Listing, Readiness
    from ingate.providers import Credential, Provider
    from ingate.providers.address import Lane

SECRET = "sk-test-0123456789abcdef"
NOTHING = load({}, environ={})


def checker(
    environ: Mapping[str, str],
    config: Config,
    *,
    installed: Callable[[str], bool] | None = None,
    lists: Mapping[str, Listing] | None = None,
) -> ReadinessChecker:
    """What decides whether models would answer, with an environment and a configuration."""
    router = Router(msgspec.structs.replace(config, environ=environ), lambda: Catalog(()))
    return ReadinessChecker(router, installed=installed, lists=lists)


def status(
    name: str,
    *,
    environ: Mapping[str, str],
    config: Config,
    installed: Callable[[str], bool] | None = None,
    lists: Mapping[str, Listing] | None = None,
) -> Readiness:
    """What holds for all models of a provider."""
    look = checker(environ, config, installed=installed, lists=lists)
    return look.with_near_misses(look.provider(name))


def statuses(environ: Mapping[str, str], config: Config) -> dict[str, Readiness]:
    """The same for every provider."""
    look = checker(environ, config)
    return {name: look.with_near_misses(look.provider(name)) for name in providers()}


def resolve(
    name: str,
    *,
    environ: Mapping[str, str],
    config: Config,
    lane: Lane = "native",
    installed: Callable[[str], bool] = is_installed,
) -> tuple[Credential, str | None]:
    """The credential and the base URL of one call."""
    return look_up(name, environ=environ, config=config, installed=installed).resolve(lane)


def everything_installed(module: str) -> bool:
    """As if every optional package were there."""
    return True


def nothing_installed(module: str) -> bool:
    """As if no optional package were there."""
    return False


def config(**sections: object) -> Config:
    """A configuration of these sections alone."""
    return load(sections, environ={})


def environment(provider: Provider, group: tuple[str, ...], home: Path) -> dict[str, str]:
    """An environment in which `group` is set and what it points to exists."""
    environ = {"HOME": str(home)}
    for name in group:
        if name in provider.api_base_env:
            environ[name] = f"https://{name.lower().replace('_', '-')}.example/v1"
        elif name.endswith(("_FILE", "_FILE_PATH", "CREDENTIALS")) and name != "GIGACHAT_CREDENTIALS":
            path = home / f"{name}.json"
            path.write_text('{"project_id": "a-project"}')
            environ[name] = str(path)
        elif name == "AWS_PROFILE":
            folder = home / ".aws"
            folder.mkdir(exist_ok=True)
            (folder / "config").write_text("[profile dev]\nsso_session = work\nregion = eu-north-1\n")
            environ[name] = "dev"
        else:
            environ[name] = f"{SECRET}-{name}" if is_credential(name) else f"a-{name.lower().replace('_', '-')}"
    return environ
