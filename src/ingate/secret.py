"""Values that must never be printed: a wrapper that hides itself, and a scrubber for other people's text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK = "***"


class Secret:
    """A credential that shows itself only when asked by name.

    `repr`, `str`, f-strings, logging, tracebacks with locals, and JSON encoders all see `***`. Pickling is
    refused, so that a secret cannot leave the process by accident. Use `reveal()` at the last moment, where the
    value goes on the wire.
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
        import hmac  # here, since it loads OpenSSL

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
        raise TypeError("a Secret is not pickled: it would leave the process")


def scrub(text: str, secrets: Iterable[Secret | None]) -> str:
    """`text` with every occurrence of each secret's value masked.

    Providers echo keys in their error bodies; whatever they say goes through here before anyone sees it. Values
    shorter than six characters are left alone: masking them would tear ordinary words apart.
    """
    for secret in secrets:
        if secret is not None and len(value := secret.reveal()) >= 6:
            text = text.replace(value, MASK)
    return text


def scrub_bytes(content: bytes, secrets: Iterable[Secret | None]) -> bytes:
    """`content` with every occurrence of each secret's value masked, as `scrub` does with text."""
    for secret in secrets:
        if secret is not None and len(value := secret.reveal()) >= 6:
            content = content.replace(value.encode(), MASK.encode())
    return content
