"""The part of an untrusted file that is used, and what is left out of it.

Works on the file's values as they were written, before any reference in them is resolved. A setting is left out unless its
declaration in `schema` allows the value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.config import fields
from ingate.config.names import is_secret_name
from ingate.config.references import BadReferenceError, parse
from ingate.config.schema import Free, Leaf, Named, Section, root
from ingate.config.tree import Node, Redacted, Where
from ingate.secret import Secret

if TYPE_CHECKING:
    from ingate.config.harmless import Known

_SECRET: Final = (fields.secret, fields.loose_secret)
_MAX_DEPTH: Final = 8


class Skipped(Redacted, msgspec.Struct, frozen=True):
    """A setting that an untrusted file contains and that is not used.

    Attributes:
        path: Its keys, from the top.
        where: Its place.
        shown: The value for display, as it was written; never a key.
        risk: What the setting could do.
        folder: The folder that would have to be trusted.
        refused: Whether the user has decided not to trust that folder, so that nothing asks for it.
    """

    path: tuple[str, ...]
    where: Where
    shown: str
    risk: str
    folder: str
    refused: bool = False

    @property
    def name(self) -> str:
        """The keys with dots between them, for display."""
        return ".".join(self.path)

    @property
    def runs(self) -> bool:
        """Whether it could run a program."""
        return self.shown.startswith("runs ") or self.risk.startswith("starts ")


def restrict(node: Node, known: Known, folder: str, *, refused: bool) -> tuple[Node, list[Skipped]]:
    """The allowed part of a layer, and everything else in it.

    Args:
        node: The layer, in our schema.
        known: What the trusted layers define.
        folder: The folder that would have to be trusted.
        refused: Whether the user decided not to.
    """
    skipped: list[Skipped] = []

    def note(item: Node, path: tuple[str, ...], shown: str, risk: str) -> None:
        skipped.append(Skipped(path, item.where, shown, risk, folder, refused))

    def is_own(path: tuple[str, ...]) -> bool:
        """A server is left out as a whole, unless a trusted file defines it."""
        return path[0] != "servers" or path[1] in known.servers

    def keep(item: Node, shape: Any, path: tuple[str, ...]) -> Node | None:
        """The allowed part of one value; None if nothing of it is. Values of a wrong type are reported elsewhere."""
        if item.value is None:
            return None
        if isinstance(shape, Leaf):
            if shape.allow is not None and is_own(path) and shape.allow(item, path, known):
                return item
            note(item, path, _shown(item, secret=shape.read in _SECRET), shape.risk)
            return None
        if not isinstance(item.value, dict):
            return None
        if isinstance(shape, Free):
            for inner, at in _leaves(item, path):
                note(inner, at, _shown(inner, secret=is_secret_name(at[-1])), shape.risk)
            return None
        kept: dict[str, Node] = {}
        for key, inner in item.value.items():
            name, below = (key, shape.shape) if isinstance(shape, Named) else _known_key(key, shape)
            if below is not None and (found := keep(inner, below, (*path, name))) is not None:
                kept[key] = found
        return Node(kept, item.where) if kept else None

    return keep(node, root(), ()) or Node({}, node.where), skipped


def _known_key(key: str, shape: Section) -> tuple[str, Any]:
    name = shape.synonyms.get(key, key)
    return name, shape.keys.get(name)


def _leaves(node: Node, path: tuple[str, ...]) -> list[tuple[Node, tuple[str, ...]]]:
    if not isinstance(node.value, dict) or len(path) > _MAX_DEPTH:
        return [(node, path)]
    return [leaf for key, item in node.value.items() for leaf in _leaves(item, (*path, key))]


def _shown(node: Node, *, secret: bool) -> str:
    """A value for display. Of a secret only what it refers to."""
    value = node.value
    if isinstance(value, Secret):
        return "a value that is not shown"
    if not secret:
        return _plain(value)
    if not isinstance(value, str):
        return "a value that is not shown"
    try:
        reference = parse(value)
    except BadReferenceError:
        return "an invalid reference"
    match reference.kind:
        case "cmd":
            return f"runs {reference.argument}"
        case "keyring":
            return f"reads the keyring entry {reference.argument}"
        case "env":
            return f"reads {', '.join(dict.fromkeys(reference.variables))}"
    return "a value that is not shown"


def _plain(value: Any) -> str:
    match value:
        case dict():
            return "{…}"
        case list():
            return f"[{', '.join(_plain(item.value) for item in value)}]"
        case bool():
            return str(value).lower()
        case Secret():
            return "a value that is not shown"
    return str(value)
