"""Values that must never be printed: a wrapper that hides its value, and functions that mask secrets in text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK = "***"


class Secret:
    """A credential that reveals its value only through `reveal()`.

    `repr`, `str`, f-strings, logging, tracebacks with locals, and JSON encoders all see `***`. Pickling raises
    `TypeError`, so that a secret cannot leave the process by accident. Call `reveal()` only when the value is sent.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself."""
        return self._value

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
