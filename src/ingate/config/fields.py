"""Readers of single values: each takes a node, returns the typed value, and reports what is wrong with it.

A reader returns None if there is no valid value. No report repeats the value: it may be a secret in the wrong place.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.config.references import BadReferenceError, parse, parse_template
from ingate.config.secretref import SecretRef
from ingate.config.tree import Redacted, kind_of
from ingate.errors import SpecError
from ingate.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.config.tree import Node, Where

KeyPath = tuple[str, ...]
Read = Callable[["Node", KeyPath, "Context"], Any]

WIRE_FORMATS: Final = ("chat", "responses", "messages")
_WIRE_FORMAT_ALIASES: Final = {"openai": "chat", "anthropic": "messages"}
_URL: Final = re.compile(r"https?://[^\s/?#]+[^\s]*\Z", re.IGNORECASE)
_BARE_NUMBER: Final = "write the bare number, without quotes or a unit"


def _as_text(node: Node) -> str:
    """The fix for a value that should be text."""
    return "write one value" if isinstance(node.value, (list, dict)) else "put the value in quotes"


class Problem(msgspec.Struct, frozen=True):
    """Something wrong in a configuration."""

    where: Where
    message: str
    fix: str = ""


class Context(Redacted, msgspec.Struct):
    """What readers know about the layer they read, and where they report problems.

    Attributes:
        environ: The environment for references.
        folder: The folder from which relative paths start.
        foreign: Whether the layer is another tool's file; its unknown keys and its grammar of model names are not checked.
        resolve: Whether variables may be read. If not, a text that refers to one has no value, which is not a problem.
        problems: The problems found so far.
    """

    environ: Mapping[str, str]
    folder: Path
    foreign: bool = False
    resolve: bool = True
    problems: list[Problem] = msgspec.field(default_factory=list)

    def report(self, node: Node, path: KeyPath, message: str, fix: str = "") -> None:
        """Record that the value of `path` is wrong; `message` completes "<path> …"."""
        self.problems.append(Problem(node.where, f"{'.'.join(path)} {message}", fix))


def secret(node: Node, path: KeyPath, context: Context) -> SecretRef | None:
    """Text that may be a reference, on one line."""
    return _secret(node, path, context, single_line=True)


def loose_secret(node: Node, path: KeyPath, context: Context) -> SecretRef | None:
    """The same; an unquoted number is taken as written (`account_id: 0123`), and several lines are allowed."""
    if node.raw is not None:
        return SecretRef(node.raw.replace("${", "$${"), node.where, path)
    return _secret(node, path, context, single_line=False)


def _secret(node: Node, path: KeyPath, context: Context, *, single_line: bool) -> SecretRef | None:
    value = node.value
    if not isinstance(value, (str, Secret)):
        context.report(node, path, f"must be text, but is {kind_of(value)}", _as_text(node))
        return None
    try:
        return SecretRef(value, node.where, path, single_line=single_line)
    except BadReferenceError as problem:
        context.report(node, path, f"cannot be read: {problem}")
        return None


def text(node: Node, path: KeyPath, context: Context) -> str | None:
    """Text that is not secret; its variables are filled in now. Empty text counts as no value."""
    if not isinstance(node.value, str):
        context.report(node, path, f"must be text, but is {kind_of(node.value)}", _as_text(node))
        return None
    try:
        reference = parse(node.value)
    except BadReferenceError as problem:
        context.report(node, path, f"cannot be read: {problem}")
        return None
    if reference.kind in {"cmd", "keyring"}:
        context.report(
            node, path, f"is read at start-up, when {reference.kind}: is not resolved", "use env:NAME or ${NAME}"
        )
        return None
    return _expanded(reference, node, path, context)


def template(node: Node, path: KeyPath, context: Context) -> str | None:
    """Text in which only `${NAME}` has a meaning, for values that other programs read."""
    if node.raw is not None:
        return node.raw
    if not isinstance(node.value, str):
        context.report(node, path, f"must be text, but is {kind_of(node.value)}", _as_text(node))
        return None
    try:
        return _expanded(parse_template(node.value), node, path, context, strip=False)
    except BadReferenceError as problem:
        context.report(node, path, f"cannot be read: {problem}")
        return None


def _expanded(reference: Any, node: Node, path: KeyPath, context: Context, *, strip: bool = True) -> str | None:
    if reference.variables and not context.resolve:
        return None
    if missing := reference.missing(context.environ):
        fix = f"export {missing[0]}, or write ${{{missing[0]}:-a default}}"
        context.report(node, path, f"needs {' and '.join(missing)}, which the environment does not define", fix)
        return None
    value = reference.expand(context.environ)
    return (value.strip() if strip else value) or None


def url(node: Node, path: KeyPath, context: Context) -> str | None:
    """An http or https URL."""
    value = text(node, path, context)
    if value is not None and not _URL.match(value):
        context.report(node, path, "is not a URL", "write it with its scheme, like http://localhost:4000")
        return None
    return value


def spec(node: Node, path: KeyPath, context: Context) -> str | None:
    """A model spec, or several separated by commas."""
    value = text(node, path, context)
    if value is not None and not context.foreign:
        from ingate.spec import parse as parse_spec

        try:
            parse_spec(value)
        except SpecError as problem:
            context.report(node, path, "is not a model spec", problem.fix)
            return None
    return value


def spec_or_list(node: Node, path: KeyPath, context: Context) -> str | list[str] | None:
    """A spec, or a list of specs."""
    if not isinstance(node.value, list):
        return spec(node, path, context)
    found = [spec(item, path, context) for item in node.value]
    return [item for item in found if item is not None] or None


def seconds(node: Node, path: KeyPath, context: Context) -> float | None:
    """A positive number of seconds."""
    value = _through_reference(node, path, context)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        context.report(node, path, f"must be a number of seconds, but is {kind_of(node.value)}", _BARE_NUMBER)
    elif not math.isfinite(value) or value <= 0:
        context.report(node, path, "must be a number of seconds above 0", f"write {path[-1]}: 30")
    else:
        return float(value)
    return None


def count(node: Node, path: KeyPath, context: Context) -> int | None:
    """A whole number above 0."""
    value = _through_reference(node, path, context)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        context.report(node, path, f"must be a whole number, but is {kind_of(node.value)}", _BARE_NUMBER)
    elif value <= 0:
        context.report(node, path, "must be a whole number above 0")
    else:
        return value
    return None


def _through_reference(node: Node, path: KeyPath, context: Context) -> Any:
    """The value; of text with a variable in it, the value that the filled-in text would have without quotes.

    None if the variable is missing, which is reported here, or empty.
    """
    if isinstance(node.value, str) and ("${" in node.value or node.value.startswith(("env:", "os.environ/"))):
        from ingate.config.yaml_ import plain_value

        filled = text(node, path, context)
        return plain_value(filled) if filled is not None else None
    return node.value


def drop_params(node: Node, path: KeyPath, context: Context) -> bool | str | None:
    """true, false, or one of the three policies."""
    value = _through_reference(node, path, context)
    if value is None or isinstance(value, bool) or value in ("strict", "warn", "drop"):
        return value
    context.report(node, path, "must be true, false, strict, warn or drop", f"write {path[-1]}: warn")
    return None


def wire_format(node: Node, path: KeyPath, context: Context) -> str | None:
    """A wire format; `openai` and `anthropic` are accepted as names of `chat` and `messages`."""
    value = _through_reference(node, path, context)
    if value is None:
        return None
    if isinstance(value, str) and (name := _WIRE_FORMAT_ALIASES.get(value, value)) in WIRE_FORMATS:
        return name
    context.report(node, path, f"must be one of {', '.join(WIRE_FORMATS)}", f"write {path[-1]}: chat")
    return None


def text_list(node: Node, path: KeyPath, context: Context) -> list[str] | None:
    """A list of texts in which only `${NAME}` has a meaning."""
    if not isinstance(node.value, list):
        context.report(node, path, f"must be a list, but is {kind_of(node.value)}", f"write {path[-1]}: [one, two]")
        return None
    found = [template(item, path, context) for item in node.value]
    return [item for item in found if item is not None]


def command(node: Node, path: KeyPath, context: Context) -> str | list[str] | None:
    """A program, or a list of the program and its arguments."""
    return text_list(node, path, context) or None if isinstance(node.value, list) else template(node, path, context)


def file_path(node: Node, path: KeyPath, context: Context) -> str | None:
    """A file's path: `~` is the home folder, and a relative path starts from the configuration's folder."""
    value = template(node, path, context)
    if not value:
        return None
    try:
        return str(context.folder / Path(value.strip()).expanduser())
    except RuntimeError:
        context.report(node, path, "begins with the home folder of a user who has none")
        return None
