"""Values that must never be printed: a wrapper that hides its value, and functions that mask secrets in text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, Self, SupportsIndex, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MASK = "***"


class Revealed(str):
    """A revealed secret: a string like any other, except that its `repr` is masked.

    Libraries receive keys in this form, so that a traceback that shows the locals of their frames, and of ours, does not
    show the key. Formatting it, or any other operation than those below, gives a plain string: do so in the expression
    that passes the result on, and keep no such result in a variable.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(MASK)

    def __getitem__(self, key: SupportsIndex | slice) -> Revealed:
        return Revealed(super().__getitem__(key))  # rich shortens a string before it takes its repr

    def strip(self, chars: str | None = None, /) -> Revealed:
        """The same without surrounding white space (or `chars`)."""
        return Revealed(super().strip(chars))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a revealed secret cannot be pickled: it would leave the process")


class RevealedBytes(bytes):
    """The same for bytes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(MASK.encode())


class Secret:
    """A credential that reveals its value only through `reveal()`.

    `repr`, `str`, f-strings, logging, tracebacks with locals, and JSON encoders all see `***`. Pickling raises
    `TypeError`, so that a secret cannot leave the process by accident. Call `reveal()` only when the value is sent.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = Revealed(value)

    def reveal(self) -> str:
        """The value itself; its `repr` is still masked."""
        return self._value

    def strip(self) -> Secret:
        """The same secret without surrounding white space."""
        value = str.strip(self._value)
        return self if len(value) == len(self._value) else Secret(value)

    def after(self, prefix: str) -> Secret:
        """`prefix` followed by this secret, as in `Bearer KEY`."""
        return Secret(f"{prefix}{self._value}")

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        import hmac  # imported here because it loads OpenSSL

        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, format_spec: str) -> str:
        return format(MASK, format_spec)

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a Secret cannot be pickled: it would leave the process")


E = TypeVar("E", bound=BaseException)


def detached(error: E) -> E:
    """`error` without the exceptions that caused it: the frames of their tracebacks are those of HTTP libraries, which hold
    the key that was sent. `raise … from None` only hides them."""
    error.__cause__ = error.__context__ = None
    error.__suppress_context__ = True
    return error


def revealed(values: Mapping[str, str | Secret]) -> dict[str, str]:
    """A mapping with its secrets revealed, to be passed to a library; the `repr` of the values is still masked."""
    return {name: value.reveal() if isinstance(value, Secret) else value for name, value in values.items()}


def scrub(text: str, secrets: Iterable[Secret | None]) -> str:
    """`text` with every occurrence of each secret's value masked.

    Providers echo keys in their error bodies; every provider message passes through here before it is shown. Values
    shorter than six characters are not masked, because they may be part of ordinary words.
    """
    for secret in secrets:
        if secret is not None and len(value := secret.reveal()) >= 6:
            text = text.replace(value, MASK)
    return text


def scrub_bytes(content: bytes, secrets: Iterable[Secret | None]) -> bytes:
    """`content` with every occurrence of each secret's value masked, like `scrub` for text."""
    for secret in secrets:
        if secret is not None and len(value := secret.reveal()) >= 6:
            content = content.replace(value.encode(), MASK.encode())
    return content
