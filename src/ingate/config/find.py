"""Which files make up a configuration, strongest first."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from ingate import paths
from ingate.config.tree import Where
from ingate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VARIABLE: Final = "INGATE_CONFIG"
FILE_NAME: Final = "ingate.yaml"
SECRETS_NAME: Final = "ingate.secrets.yaml"
_MISNAMED: Final = "ingate.yml"
_FAST_AGENT: Final = ("fast-agent.yaml", "fastagent.config.yaml")
_FAST_AGENT_SECRETS: Final = ("fast-agent.secrets.yaml", "fastagent.secrets.yaml")

LayerKind = Literal["explicit", "environment", "project", "user", "fast-agent", "mapping"]


class Layer(msgspec.Struct, frozen=True):
    """One source of settings, whether it is there or not.

    Attributes:
        file: The absolute path; empty for a mapping given in code.
        kind: How it came to be looked at: named by the caller (`explicit`) or by INGATE_CONFIG (`environment`), found in
            the working directory or above (`project`), in the user's configuration folder (`user`), or left there for
            `fast-agent`; or the `mapping` given in code.
        secrets: Whether it is the secrets file beside the other.
        found: Whether it exists.
        shown: The file's name for people.
    """

    file: str
    kind: LayerKind
    secrets: bool = False
    found: bool = False
    shown: str = ""

    @property
    def where(self) -> Where:
        """The file as a place, without a line."""
        return Where(self.file or None, None, self.shown)


class Finder:
    """Looks for files on behalf of one `load`.

    Args:
        environ: The environment.
        cwd: Where to begin; the working directory when None.
        fast_agent: fast-agent's own file, where it is known; without it one is looked for.

    Attributes:
        warnings: What a user should know about files that are there and are not read.
    """

    def __init__(self, environ: Mapping[str, str], cwd: Path | None, fast_agent: Path | None = None) -> None:
        self.warnings: list[str] = []
        self.home = _home(environ)
        self._environ = environ
        self._cwd = _working_directory(cwd)
        self._fast_agent_file = fast_agent

    @property
    def folder(self) -> Path:
        """The working directory, or the home folder where that has been deleted."""
        return self._cwd or self.home

    def layers(self, explicit: str | Path | None) -> list[Layer]:
        """Every file that counts, strongest first, the absent ones too.

        Raises:
            ConfigError: A file that was named does not exist.
        """
        if explicit is not None:
            return self._named(str(explicit), "explicit", "the configuration")
        if named := self._environ.get(VARIABLE):
            return self._named(named, "environment", VARIABLE)
        user = paths.config_dir()
        found = [*self._project(user), *self._pair(user / FILE_NAME, user / SECRETS_NAME, "user")]
        return found + self._fast_agent()

    def show(self, path: Path) -> str:
        """`path` as short as it can be told: from the working directory, from `~`, or whole."""
        if self._cwd is not None and path.is_relative_to(self._cwd):
            return str(path.relative_to(self._cwd))
        return str(Path("~") / path.relative_to(self.home)) if path.is_relative_to(self.home) else str(path)

    def _named(self, name: str, kind: LayerKind, teller: str) -> list[Layer]:
        path = Path(name)
        if path.parts[:1] == ("~",):
            path = self.home.joinpath(*path.parts[1:])
        path = Path(os.path.normpath(self.folder / path))
        if not os.path.lexists(path):
            message = f"{teller} names {self.show(path)!r}, which does not exist"
            raise ConfigError(message, file=self.show(path), fix="`ingate init` writes a file to begin with")
        return self._pair(path, path.with_name(f"{path.stem}.secrets{path.suffix}"), kind)

    def _pair(self, path: Path, secrets: Path, kind: LayerKind) -> list[Layer]:
        return [self._layer(secrets, kind, secrets=True), self._layer(path, kind)]

    def _layer(self, path: Path, kind: LayerKind, *, secrets: bool = False) -> Layer:
        return Layer(str(path), kind, secrets, os.path.lexists(path), self.show(path))

    def _folders(self) -> Iterator[Path]:
        """The working directory and its parents, up to the home folder or the root."""
        if self._cwd is None:
            return
        for folder in (self._cwd, *self._cwd.parents):
            yield folder
            if folder == self.home:
                return

    def _project(self, user: Path) -> list[Layer]:
        for folder in self._folders():
            if folder == user:
                continue
            pair = self._pair(folder / FILE_NAME, folder / SECRETS_NAME, "project")
            usable = [layer for layer in pair if self._usable(Path(layer.file))]
            if usable:
                return [layer for layer in pair if layer in usable or not layer.found]
            if os.path.lexists(folder / _MISNAMED):
                self.warnings.append(f"{self.show(folder / _MISNAMED)} is not read: rename it to {FILE_NAME}")
        if self._cwd in {None, user}:
            return []
        absent = self.folder / FILE_NAME
        return [Layer(str(absent), "project", shown=self.show(absent))]

    def _fast_agent(self) -> list[Layer]:
        layers: list[Layer] = []
        if (named := self._fast_agent_file) is not None:
            beside = [named.with_name(name) for name in _FAST_AGENT_SECRETS]
            found = [path for path in beside if self._usable(path)][:1]
            return [self._layer(path, "fast-agent", secrets=True) for path in found] + [
                self._layer(named, "fast-agent")
            ]
        for names, secrets in ((_FAST_AGENT_SECRETS, True), (_FAST_AGENT, False)):
            places = (folder / name for folder in self._folders() for name in names)
            path = next((place for place in places if self._usable(place)), None)
            if path is not None:
                layers.append(self._layer(path, "fast-agent", secrets=secrets))
        return layers

    def _usable(self, path: Path) -> bool:
        if not os.path.lexists(path):
            return False
        if not self._own(path):
            self.warnings.append(f"{self.show(path)} belongs to another user and is not read: name it with --config")
            return False
        return True

    def _own(self, path: Path) -> bool:
        """Whether the user, or the system's administrator, wrote a file that nobody named.

        Such a file may run commands and send keys elsewhere; one that a stranger left in /tmp must not.
        """
        if os.name != "posix" or (user := os.geteuid()) == 0:
            return True
        try:
            return path.stat().st_uid in {0, user}
        except OSError:
            return True


def readable_by_others(file: str) -> bool:
    """Whether anybody but its owner may read the file. False where the platform has no such modes."""
    if os.name != "posix":
        return False
    try:
        return bool(Path(file).stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))
    except OSError:
        return False


def _home(environ: Mapping[str, str]) -> Path:
    named = environ.get("HOME") or environ.get("USERPROFILE")
    try:
        return Path(named) if named else Path.home()
    except RuntimeError:
        return Path(os.sep)


def _working_directory(cwd: Path | None) -> Path | None:
    try:
        return Path.cwd() if cwd is None else Path(os.path.normpath(Path.cwd() / cwd))
    except FileNotFoundError:
        return cwd if cwd is not None and cwd.is_absolute() else None
