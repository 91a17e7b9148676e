"""A configured secret: its place and how to obtain it, without its value."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from ingate.config.references import is_placeholder, parse
from ingate.errors import ConfigError, MissingExtraError
from ingate.secret import Revealed, Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.config.references import Kind
    from ingate.config.tree import Where

COMMAND_TIMEOUT_S: Final = 10.0


class SecretRef:
    """A value that may be a reference, resolved when a call needs it and not before.

    A literal, `${NAME}` inside text, `env:NAME`, `cmd:command` or `keyring:service/user`. Two are equal if they are
    written the same. Neither `repr`, `str` nor any error shows the text or what it resolves to.

    Attributes:
        kind: `"literal"`, `"env"` (also text with `${NAME}` in it), `"cmd"` or `"keyring"`.
        where: Its place.
        path: Its keys, from the top (`("groq", "api_key")`).
        variables: The environment variables it reads; empty for the other kinds.
    """

    __slots__ = ("_cached", "_lock", "_reference", "_single_line", "_text", "kind", "path", "variables", "where")

    def __init__(
        self, text: str | Secret, where: Where, path: tuple[str, ...] = (), *, single_line: bool = False
    ) -> None:
        """Read `text`; with `single_line`, resolving to several lines is an error.

        Raises:
            BadReferenceError: `text` begins like a reference but cannot be one.
        """
        self._text = text if isinstance(text, Secret) else Secret(text)
        self._reference = parse(self._text.reveal())
        self.kind: Kind = self._reference.kind
        self.variables: tuple[str, ...] = self._reference.variables
        self.where = where
        self.path = path
        self._single_line = single_line
        self._lock = threading.Lock()
        self._cached: Secret | None = None

    def present(self, environ: Mapping[str, str]) -> bool:
        """Whether there seems to be a value. Commands and keyrings are not consulted and count as present."""
        if self.kind in {"cmd", "keyring"}:
            return True
        if self._reference.missing(environ):
            return False
        value = self._reference.expand(environ).strip()
        return bool(value) and not is_placeholder(value)

    def resolve(self, environ: Mapping[str, str]) -> Secret:
        """The value, without surrounding whitespace.

        A command or a keyring is consulted once per object. May take up to `COMMAND_TIMEOUT_S` seconds for those two
        kinds, and must then not be called on an event loop's thread.

        Raises:
            ConfigError: A variable is unset, a command fails or takes too long, a keyring has no such entry, or the
                value is empty. The message names the place and never the value.
            MissingExtraError: `keyring:` is used and the `keyring` package is not installed.
        """
        match self.kind:
            case "cmd":
                return self._once(self._run, environ)
            case "keyring":
                return self._once(self._ask_keyring, environ)
        if missing := self._reference.missing(environ):
            names = " and ".join(missing)
            self._fail(f"{names} {'is' if len(missing) == 1 else 'are'} unset or empty", f"export {missing[0]}")
        value = Revealed(self._reference.expand(environ)).strip()
        if is_placeholder(value):
            self._fail("this is still a template's placeholder", "put the key itself here, or env:NAME")
        return self._checked(value)

    def describe(self) -> str:
        """For tables and errors: the place, the key path, and how it is obtained unless it is a literal."""
        how = {"literal": "", "env": f" (env {', '.join(self.variables)})"}.get(self.kind, f" ({self.kind}:)")
        return f"{self.where} {'.'.join(self.path)}".strip() + how

    def _once(self, get: Any, environ: Mapping[str, str]) -> Secret:
        with self._lock:
            if self._cached is None:
                self._cached = self._checked(Revealed(get(environ)))
            return self._cached

    def _checked(self, value: str) -> Secret:
        if not value:
            self._fail("the value is empty", "give it a value, or remove the key")
        if self._single_line and len(value.splitlines()) > 1:
            self._fail("the value has more than one line", "give only the key itself")
        return Secret(value)

    def _run(self, environ: Mapping[str, str]) -> str:
        from ingate.config.command import CommandFailedError, output_of

        try:
            folder = Path(self.where.file).parent if self.where.file else None
            return output_of(self._reference.argument, environ, COMMAND_TIMEOUT_S, folder)
        except CommandFailedError as problem:
            self._fail(f"the command after cmd: {problem}", "run the command in a terminal to see its output")

    def _ask_keyring(self, environ: Mapping[str, str]) -> str:
        try:
            import keyring
        except ImportError:
            raise MissingExtraError(f"{self.describe()} needs the keyring package", extra="keyring") from None
        service, _, user = self._reference.argument.rpartition("/")
        try:
            value = keyring.get_password(service, user)
        except Exception as problem:  # noqa: BLE001 -- backends raise errors of their own
            kind = type(problem).__name__
            self._fail(f"the keyring failed ({kind})", "unlock it, or give the key through env:NAME")
        if value is None:
            self._fail("the keyring has no such entry", "store it with: keyring set SERVICE USER")
        return value.strip()

    def _fail(self, message: str, fix: str) -> NoReturn:
        """Raise without a context: another error's text might hold the value."""
        name = ".".join(self.path) or "this value"
        error: ConfigError = self.where.error(f"{name}: {message}", fix=fix)
        raise error from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretRef) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return f"SecretRef({self.describe()!r})"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a SecretRef cannot be pickled: it may hold a secret")
