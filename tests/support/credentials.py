"""What the credential tests share: one alternative set in the environment, with the files it points to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingate.config import load
from ingate.providers.registry import is_credential

if TYPE_CHECKING:
    from pathlib import Path

    from ingate.config import Config
    from ingate.providers import Provider

SECRET = "sk-test-0123456789abcdef"
NOTHING = load({}, environ={})


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
