"""Configuration as it was written: plain values with their places, whatever they were read from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, ClassVar, Final

import msgspec

from ingate.errors import ConfigError
from ingate.secret import Secret

MAX_DEPTH: Final = 50
MAPPING_NAME: Final = "config mapping"


class Redacted:
    """Mixed into a struct, before `msgspec.Struct`: its `repr` names the fields that are set and shows no values.

    Such a struct may be printed, logged or shown in a traceback.
    """

    __slots__ = ()
    __struct_fields__: ClassVar[tuple[str, ...]]

    def __repr__(self) -> str:
        values = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return f"{type(self).__name__}({', '.join(name for name, value in values if value not in (None, {}, [], ()))})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """For rich, which would otherwise go through the fields itself."""
        return []


class Where(msgspec.Struct, frozen=True):
    """A place in the configuration; `str()` is short enough for a table (`ingate.yaml:4`).

    Attributes:
        file: The file's absolute path, None for a mapping given in code.
        line: The line, counted from 1; None if unknown.
        shown: The file's name for display: relative to the working directory, from `~`, or absolute.
    """

    file: str | None = None
    line: int | None = None
    shown: str = MAPPING_NAME

    def __str__(self) -> str:
        return self.shown if self.line is None else f"{self.shown}:{self.line}"

    def at(self, line: int) -> Where:
        """Another line of the same file."""
        return Where(self.file, line, self.shown)

    def error(self, message: str, *, fix: str = "") -> ConfigError:
        """A `ConfigError` at this place."""
        if self.file is None:
            return ConfigError(f"{self.shown}: {message}", fix=fix)
        return ConfigError(message, file=self.shown, line=self.line, fix=fix)


class Node(Redacted, msgspec.Struct):
    """One value with its place.

    Attributes:
        value: `dict[str, Node]`, `list[Node]`, text, a number, a boolean, None, or a `Secret` given in code.
        where: The place of its key, or of the value itself inside a list.
        raw: The text of an unquoted number or boolean as it was written (`0123`); None for anything else.
    """

    value: Any
    where: Where
    raw: str | None = None

    def __repr__(self) -> str:
        return f"Node({kind_of(self.value)} at {self.where})"


def kind_of(value: Any) -> str:
    """What kind of value it is, in YAML's terms. Never the value itself."""
    match value:
        case None:
            return "empty"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case Secret():
            return "a secret"
        case dict():
            return "a section"
        case list():
            return "a list"
    return f"a Python {type(value).__name__}"


def from_mapping(source: Mapping[str, Any], where: Where) -> Node:
    """A mapping given in code, as nodes.

    Raises:
        ConfigError: It is nested too deeply, or has keys that are not text or values that a file cannot hold.
    """
    return _from_python(source, where, "the mapping", 0)


def _from_python(value: Any, where: Where, name: str, depth: int) -> Node:
    if depth > MAX_DEPTH:
        raise where.error(f"{name} is nested more than {MAX_DEPTH} levels deep")
    if value is None or isinstance(value, (str, bool, int, float, Secret)):
        raw = str(value) if isinstance(value, (bool, int, float)) else None
        return Node(value, where, raw)
    if isinstance(value, PurePath):
        return Node(str(value), where)
    if isinstance(value, Mapping):
        section: dict[str, Node] = {}
        for key, item in value.items():
            if not isinstance(key, str):
                raise where.error(f"{name} has a key that is {kind_of(key)}, not text")
            section[key] = _from_python(item, where, show_key(key), depth + 1)
        return Node(section, where)
    if isinstance(value, (list, tuple)):
        return Node([_from_python(item, where, name, depth + 1) for item in value], where)
    raise where.error(f"{name} is {kind_of(value)}, which a configuration cannot hold")


def show_key(key: str) -> str:
    """`key` for a message; one that looks like a pasted credential is not shown."""
    if len(key) > 40 or sum(letter.isdigit() for letter in key) > 4 or not key.isprintable():
        return "a key that is not shown"
    return repr(key)
