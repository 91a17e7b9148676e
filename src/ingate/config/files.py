"""The files of a configuration: which there are, strongest first; writing a first one."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from ingate import paths
from ingate.config import trust
from ingate.config.tree import Where
from ingate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VARIABLE: Final = "INGATE_CONFIG"
FILE_NAME: Final = "ingate.yaml"
SECRETS_NAME: Final = "ingate.secrets.yaml"
_MISNAMED: Final = "ingate.yml"
_FAST_AGENT: Final = ("fast-agent.yaml", "fast-agent.config.yaml", "fastagent.config.yaml")
_FAST_AGENT_SECRETS: Final = ("fast-agent.secrets.yaml", "fastagent.secrets.yaml")

LayerKind = Literal["explicit", "environment", "project", "user", "fast-agent", "mapping"]
LayerTrust = Literal["trusted", "restricted", "unread"]


class Layer(msgspec.Struct, frozen=True):
    """One source of settings, whether it exists or not.

    Attributes:
        file: The absolute path; empty for a mapping given in code.
        kind: Where it comes from: named by the caller (`explicit`) or by INGATE_CONFIG (`environment`), found in the
            working directory or above (`project`) or in the user's configuration folder (`user`), a `fast-agent`
            file, or the `mapping` given in code.
        secrets: Whether it is the secrets file beside the other.
        found: Whether it exists.
        shown: The file's name for display.
        trust: How much of it is used: all of it (`trusted`), harmless settings (`restricted`), or nothing (`unread`).
    """

    file: str
    kind: LayerKind
    secrets: bool = False
    found: bool = False
    shown: str = ""
    trust: LayerTrust = "trusted"

    @property
    def where(self) -> Where:
        """The file as a place, without a line."""
        return Where(self.file or None, None, self.shown)


class Finder:
    """Looks for the files of one `load`.

    Args:
        environ: The environment.
        cwd: Where to begin; None: the working directory.
        fast_agent: fast-agent's own file, if known; None: look for one.

    Attributes:
        warnings: Sentences about files that exist and are not read.
    """

    def __init__(self, environ: Mapping[str, str], cwd: Path | None, fast_agent: Path | None = None) -> None:
        self.warnings: list[str] = []
        self.home = _home(environ)
        self._environ = environ
        self._cwd = _working_directory(cwd)
        self._fast_agent_file = fast_agent

    @property
    def folder(self) -> Path:
        """The working directory, or the home folder if that has been deleted."""
        return self._cwd or self.home

    def layers(self, explicit: str | Path | None) -> list[Layer]:
        """Every file to consider, strongest first, absent ones too.

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
        """`path` in its shortest form: relative to the working directory, from `~`, or absolute."""
        if self._cwd is not None and path.is_relative_to(self._cwd):
            return str(path.relative_to(self._cwd))
        return str(Path("~") / path.relative_to(self.home)) if path.is_relative_to(self.home) else str(path)

    def _named(self, name: str, kind: LayerKind, source: str) -> list[Layer]:
        path = Path(name)
        if path.parts[:1] == ("~",):
            path = self.home.joinpath(*path.parts[1:])
        path = Path(os.path.normpath(self.folder / path))
        if not os.path.lexists(path):
            message = f"{source} names {self.show(path)!r}, which does not exist"
            raise ConfigError(message, file=self.show(path), fix="`ingate init` writes a starter file")
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
            if any(layer.found for layer in pair):
                return pair
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
            found = [path for path in beside if os.path.lexists(path)][:1]
            return [self._layer(path, "fast-agent", secrets=True) for path in found] + [
                self._layer(named, "fast-agent")
            ]
        for names, secrets in ((_FAST_AGENT_SECRETS, True), (_FAST_AGENT, False)):
            places = (folder / name for folder in self._folders() for name in names)
            path = next((place for place in places if os.path.lexists(place)), None)
            if path is not None:
                layers.append(self._layer(path, "fast-agent", secrets=secrets))
        return layers


def write_starter(path: str | Path, *, force: bool = False) -> Path:
    """Write the commented starter file of `ingate init`, readable by its owner only.

    Every setting in it is commented out, so it changes nothing. The file is trusted.

    Args:
        path: The file, or the folder to write `ingate.yaml` in.
        force: Whether to replace an existing file.

    Returns:
        The file that was written.

    Raises:
        ConfigError: The file exists and `force` is false, or it cannot be written.
    """
    target = Path(path).expanduser()
    if target.is_dir():
        target /= FILE_NAME
    if os.path.lexists(target) and not force:
        raise ConfigError("the file already exists", file=str(target), fix="`ingate init --force` replaces it")
    text = (Path(__file__).parent.parent / "data" / "starter.yaml").read_bytes()
    try:
        paths.write_private(target, text)
        with suppress(ConfigError):  # without a state folder it is asked about once it holds more than it does now
            trust.add(target, text)
    except OSError as problem:
        reason = os.strerror(problem.errno) if problem.errno else "unknown reason"
        raise ConfigError(f"the file cannot be written ({reason})", file=str(target)) from None
    return target


def readable_by_others(file: str) -> bool:
    """Whether users other than the owner may read the file. False on platforms without such modes."""
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
