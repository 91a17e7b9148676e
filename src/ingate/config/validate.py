"""One layer's nodes checked against the schema: typed values by key path, and everything that is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.config import fields
from ingate.config.schema import Leaf, Named, ProviderSettings, Section, root, section_of
from ingate.config.tree import Node, Redacted, Where, kind_of, show_key
from ingate.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ingate.config.fields import Context, KeyPath, Problem

_SHOWN_PROBLEMS: Final = 10


class Value(Redacted, msgspec.Struct, frozen=True):
    """A typed value and its place."""

    value: Any
    where: Where


class Checked(Redacted, msgspec.Struct):
    """A layer that has been checked.

    Attributes:
        values: Key path → value. No path is the beginning of another.
        sections: Key path → place of each section, including empty ones.
    """

    values: dict[KeyPath, Value] = {}
    sections: dict[KeyPath, Where] = {}


def check(node: Node, context: Context) -> Checked:
    """Check a layer. What is wrong is added to `context.problems`; what is right is returned nevertheless."""
    checked = Checked()
    _read_section(node, root(), (), context, checked)
    return checked


def raise_problems(problems: Sequence[Problem]) -> None:
    """Raise the first problem, if any, as a `ConfigError` whose message lists the others too.

    Raises:
        ConfigError: There is a problem.
    """
    if not problems:
        return
    first, *others = problems
    lines = [first.message]
    lines += [f"also {other.where}: {other.message}" for other in others[:_SHOWN_PROBLEMS]]
    if len(others) > _SHOWN_PROBLEMS:
        lines.append(f"and {len(others) - _SHOWN_PROBLEMS} more")
    raise first.where.error("\n  ".join(lines), fix=first.fix)


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `word` was most likely meant to be; None if none is close."""
    from rapidfuzz import fuzz, process, utils

    found = process.extractOne(
        word, list(candidates), scorer=fuzz.ratio, processor=utils.default_process, score_cutoff=65
    )
    return found[0] if found else None


def _read(node: Node, shape: Any, path: KeyPath, context: Context, checked: Checked) -> None:
    if node.value is None:
        checked.sections.setdefault(path, node.where)
    elif isinstance(shape, Leaf):
        value = shape.read(node, path, context)
        if value is not None:
            checked.values[path] = Value(value, node.where)
    elif not isinstance(node.value, dict):
        context.report(
            node, path, f"must be a section, but is {kind_of(node.value)}", "write its keys below it, indented"
        )
    elif isinstance(shape, Section):
        _read_section(node, shape, path, context, checked)
    elif isinstance(shape, Named):
        _read_named(node, shape, path, context, checked)
    else:
        checked.sections[path] = node.where
        _read_free(node, path, context, checked)


def _read_section(node: Node, shape: Section, path: KeyPath, context: Context, checked: Checked) -> None:
    checked.sections[path] = node.where
    seen: dict[str, str] = {}
    for key, item in node.value.items():
        name = shape.synonyms.get(key, key)
        inner = shape.keys.get(name)
        if inner is None:
            if not context.foreign:
                _unknown_key(key, item, shape, path, context)
        elif name in seen:
            context.report(
                item, (*path, key), f"means the same as {seen[name]}, which is also set", "keep one of the two"
            )
        else:
            seen[name] = key
            _read(item, inner, (*path, name), context, checked)


def _read_named(node: Node, shape: Named, path: KeyPath, context: Context, checked: Checked) -> None:
    checked.sections[path] = node.where
    for name, item in node.value.items():
        if wrong := shape.check(name):
            context.problems.append(fields.Problem(item.where, f"{'.'.join(path)}: {show_key(name)} {wrong}"))
        else:
            _read(item, shape.shape, (*path, name), context, checked)


def _read_free(node: Node, path: KeyPath, context: Context, checked: Checked) -> None:
    for key, item in node.value.items():
        below = (*path, key)
        if isinstance(item.value, dict) and item.value:
            _read_free(item, below, context, checked)
        else:
            checked.values[below] = Value(_plain(item, below, context), item.where)


def _plain(node: Node, path: KeyPath, context: Context) -> Any:
    match node.value:
        case dict() as section:
            return {key: _plain(item, (*path, key), context) for key, item in section.items()}
        case list() as items:
            return [_plain(item, path, context) for item in items]
        case str() as text if "${" in text:
            return fields.template(node, path, context)
        case Secret() as given:
            return str(given.reveal())
    return node.value


def _unknown_key(key: str, node: Node, shape: Section, path: KeyPath, context: Context) -> None:
    at = f" in {'.'.join(path)}" if path else ""
    provider = section_of(ProviderSettings)
    if not path and (key in provider.keys or key in provider.synonyms):
        message, fix = f"{show_key(key)} is at the top level", f"put {key} under the provider it is for, like groq:"
    elif (near := nearest(key, [*shape.keys, *shape.synonyms])) is not None:
        message, fix = f"unknown key {show_key(key)}{at}; did you mean {near!r}?", f"write {near}"
    elif path:
        known = ", ".join([name for name in shape.keys if name in provider.keys] or shape.keys)
        message, fix = f"unknown key {show_key(key)}{at}", f"keys here are {known}"
    else:
        message, fix = f"unknown section {show_key(key)}", "docs/config.md lists the sections"
    context.problems.append(fields.Problem(node.where, message, fix))
