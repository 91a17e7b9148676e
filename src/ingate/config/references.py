"""The grammar of references: `${NAME}` inside a text, or `env:`, `cmd:` and `keyring:` as the whole text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from ingate.config.tree import Redacted

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["literal", "env", "cmd", "keyring"]

_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*"
_ENV: Final = re.compile(rf"(?:env:|os\.environ/)\s*({_NAME})\s*\Z")
_ENV_PREFIXES: Final = ("env:", "os.environ/")
_PART: Final = re.compile(r"\$\$\{|\$\{([^{}]*)(\}?)")
# `${NAME:-default}` as shells write it, `${NAME:default}` as fast-agent does.
_INSIDE: Final = re.compile(rf"({_NAME})(?::-?(.*))?\Z", re.DOTALL)
# The placeholder that templates have instead of a key: `<your-api-key-here>`.
_PLACEHOLDER: Final = re.compile(r"<[^<>]*>\Z")


class BadReferenceError(ValueError):
    """A text begins like a reference but is not a valid one; the message repeats none of it."""


class Variable(Redacted, msgspec.Struct, frozen=True):
    """`${NAME}` or `${NAME:-default}`."""

    name: str
    default: str | None = None

    def value(self, environ: Mapping[str, str]) -> str | None:
        """The variable's value, else the default; an empty variable counts as unset."""
        return environ.get(self.name) or self.default


class Reference(Redacted, msgspec.Struct, frozen=True):
    """A parsed text.

    Attributes:
        kind: How the value is obtained.
        parts: For `literal` and `env`: the text's pieces, in order.
        argument: For `cmd` the command line, for `keyring` the text after the colon.
    """

    kind: Kind
    parts: tuple[str | Variable, ...] = ()
    argument: str = ""

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the variables it reads."""
        return tuple(part.name for part in self.parts if isinstance(part, Variable))

    def missing(self, environ: Mapping[str, str]) -> tuple[str, ...]:
        """The variables that are unset or empty and have no default."""
        return tuple(part.name for part in self.parts if isinstance(part, Variable) and part.value(environ) is None)

    def expand(self, environ: Mapping[str, str]) -> str:
        """The text with its variables filled in; a missing variable is empty."""
        return "".join((part.value(environ) or "") if isinstance(part, Variable) else part for part in self.parts)


def parse(text: str) -> Reference:
    """Parse `text`.

    Raises:
        BadReferenceError: It begins like a reference but cannot be one.
    """
    stripped = text.strip()
    if stripped.startswith(_ENV_PREFIXES):
        found = _ENV.match(stripped)
        if found is None:
            raise BadReferenceError("env: takes the name of one variable, like env:GROQ_API_KEY")
        return Reference("env", (Variable(found.group(1)),))
    if stripped.startswith("cmd:"):
        return Reference("cmd", argument=_command(stripped[4:]))
    if stripped.startswith("keyring:"):
        service, slash, user = stripped[8:].strip().rpartition("/")
        if not (service and slash and user):
            raise BadReferenceError("keyring: takes a service and a user, like keyring:ingate/groq")
        return Reference("keyring", argument=f"{service}/{user}")
    return parse_template(text)


def parse_template(text: str) -> Reference:
    """Parse `text`, in which only `${NAME}` has a meaning; `$${` is a literal `${`.

    Raises:
        BadReferenceError: A `${` without its `}`, or without a variable's name between them.
    """
    parts: list[str | Variable] = []
    end = 0
    for found in _PART.finditer(text):
        parts.append(text[end : found.start()])
        end = found.end()
        if found.group() == "$${":
            parts.append("${")
            continue
        inside = _INSIDE.match(found.group(1))
        if inside is None or not found.group(2):
            raise BadReferenceError(
                "${ takes a variable's name and }, like ${GROQ_API_KEY}; write $${ for the text itself"
            )
        parts.append(Variable(inside.group(1), inside.group(2)))
    parts.append(text[end:])
    kept = tuple(part for part in parts if part != "")
    return Reference("env" if any(isinstance(part, Variable) for part in kept) else "literal", kept)


def is_placeholder(text: str) -> bool:
    """Whether `text` is a template's placeholder for a key, like `<your-api-key-here>`."""
    return bool(_PLACEHOLDER.match(text))


def _command(text: str) -> str:
    import shlex

    try:
        words = shlex.split(text)
    except ValueError:
        raise BadReferenceError("cmd: has a quote that is not closed") from None
    if not words:
        raise BadReferenceError("cmd: takes a command, like cmd:pass show groq")
    return text.strip()
