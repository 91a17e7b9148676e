"""YAML to nodes with line numbers.

Built on the parser's events, so that hostile input cannot recurse, expand or construct objects. Of the plain scalars,
`true`/`false`, `yes`/`no`, `on`/`off`, decimal numbers and `null` are not text; everything else is (also dates and
versions such as `2024-06-01`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ingate.config.tree import MAX_DEPTH, Node, show_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingate.config.tree import Where

_MAX_NODES: Final = 20_000
_INT: Final = re.compile(r"[-+]?[0-9]{1,18}\Z")
_FLOAT: Final = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]{1,3})?\Z")
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE: Final = frozenset({"true", "yes", "on"})
_FALSE: Final = frozenset({"false", "no", "off"})
_TAGS: Final = "tag:yaml.org,2002:"
_PLAIN_TAGS: Final = frozenset({f"{_TAGS}{name}" for name in ("null", "bool", "int", "float", "map", "seq")})
_QUOTED: Final = re.compile(r"(['\"]).{3,}\1", re.DOTALL)


def parse(text: str, where: Where) -> Node:
    """The one document in `text`; an empty one is an empty section.

    Raises:
        ConfigError: It is not YAML, or contains a key twice, several documents, tags, or excessive nesting. The message
            names the line and never repeats its content.
    """
    import yaml

    builder = _Builder(where)
    try:
        for event in _events(text):
            builder.take(event)
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        line = mark.line + 1 if mark is not None else _line_at(text, getattr(problem, "position", None))
        reason = _QUOTED.sub(
            "…", str(getattr(problem, "problem", None) or getattr(problem, "reason", None) or "bad syntax")
        )
        raise where.at(line).error(f"this is not YAML: {reason}", fix=_yaml_hint(reason)) from None
    root = builder.root
    if root is None or root.value is None:
        return Node({}, where.at(1))
    return root


def plain_value(text: str) -> Any:
    """The value of an unquoted scalar."""
    if text in _NULLS:
        return None
    lowered = text.lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    if _INT.match(text):
        return int(text)
    return float(text) if _FLOAT.match(text) else text


def _events(text: str) -> Iterator[Any]:
    import yaml

    # The C parser is ten times faster; wheels have it, some source builds do not.
    return yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _line_at(text: str, position: object) -> int:
    return text.count("\n", 0, position) + 1 if isinstance(position, int) else 1


def _yaml_hint(reason: str) -> str:
    if "tab" in reason or "\\t" in reason or "cannot start any token" in reason:
        return "indent with spaces, never with tabs; put text with special characters in quotes"
    return "check this line's indentation, colons and quotes"


@dataclass(slots=True)
class _Open:
    """A collection that has not ended yet."""

    node: Node
    anchor: str | None
    key: Node | None = None
    merges: list[Node] = field(default_factory=list)


class _Builder:
    """Builds the node tree from events, with a stack of its own."""

    def __init__(self, where: Where) -> None:
        self.root: Node | None = None
        self._where = where
        self._stack: list[_Open] = []
        self._anchors: dict[str, Node] = {}
        self._documents = 0
        self._nodes = 0

    def take(self, event: Any) -> None:
        match type(event).__name__:
            case "DocumentStartEvent":
                self._documents += 1
                if self._documents > 1:
                    raise self._at(event).error("a second document begins here", fix="keep one document, without ---")
            case "ScalarEvent":
                self._add(self._scalar(event), event.anchor)
            case "AliasEvent":
                self._alias(event)
            case "MappingStartEvent" | "SequenceStartEvent" as name:
                self._check_tag(event)
                if len(self._stack) >= MAX_DEPTH:
                    raise self._at(event).error(f"this is nested more than {MAX_DEPTH} levels deep")
                value: Any = {} if name == "MappingStartEvent" else []
                self._stack.append(_Open(Node(value, self._at(event)), event.anchor))
            case "MappingEndEvent" | "SequenceEndEvent":
                done = self._stack.pop()
                self._merge(done)
                self._add(done.node, done.anchor)

    def _at(self, event: Any) -> Where:
        return self._where.at(event.start_mark.line + 1)

    def _scalar(self, event: Any) -> Node:
        self._check_tag(event)
        text = event.value
        if event.tag in _PLAIN_TAGS or event.implicit[0]:
            value = plain_value(text)
            raw = text if not isinstance(value, str) and value is not None else None
            return Node(value, self._at(event), raw)
        return Node(text, self._at(event))

    def _check_tag(self, event: Any) -> None:
        tag = event.tag
        if tag not in {None, "!", f"{_TAGS}str"} and tag not in _PLAIN_TAGS:
            raise self._at(event).error(
                "a YAML tag (!…) has no meaning here", fix="put text that begins with ! in quotes"
            )

    def _alias(self, event: Any) -> None:
        node = self._anchors.get(event.anchor)
        if node is None:
            raise self._at(event).error(
                "*name refers to an &name that is not defined above", fix="put text that begins with * in quotes"
            )
        self._add(self._copy(node), None)

    def _copy(self, node: Node) -> Node:
        """A separate copy, counted again, so that aliases of aliases cannot grow without limit."""
        self._count(node)
        match node.value:
            case dict() as section:
                return Node({key: self._copy(item) for key, item in section.items()}, node.where)
            case list() as items:
                return Node([self._copy(item) for item in items], node.where)
        return Node(node.value, node.where, node.raw)

    def _count(self, node: Node) -> None:
        self._nodes += 1
        if self._nodes > _MAX_NODES:
            raise node.where.error(f"this contains more than {_MAX_NODES} values")

    def _add(self, node: Node, anchor: str | None) -> None:
        self._count(node)
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._stack:
            self.root = node
            return
        parent = self._stack[-1]
        if isinstance(parent.node.value, list):
            parent.node.value.append(node)
        elif parent.key is None:
            parent.key = self._key(node)
        else:
            key, parent.key = parent.key, None
            if key.value == "<<" and isinstance(node.value, (dict, list)):
                parent.merges.extend(node.value if isinstance(node.value, list) else [node])
            else:
                parent.node.value[key.value] = Node(node.value, key.where, node.raw)

    def _key(self, node: Node) -> Node:
        if isinstance(node.value, (dict, list)):
            raise node.where.error(
                "a key is text, not a section or a list", fix="put text that begins with { or [ in quotes"
            )
        name = node.raw if node.raw is not None else (node.value if node.value is not None else "null")
        earlier = self._stack[-1].node.value.get(name)
        if earlier is not None:
            raise node.where.error(
                f"{show_key(name)} is here a second time; the first is on line {earlier.where.line}",
                fix="keep one of the two",
            )
        return Node(name, node.where)

    def _merge(self, done: _Open) -> None:
        for node in done.merges:
            if not isinstance(node.value, dict):
                raise node.where.error("<< takes a section, or a list of them")
            for key, item in node.value.items():
                done.node.value.setdefault(key, item)
