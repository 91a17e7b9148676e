"""Providers' error answers to the error tree, and the tree to OpenAI's statuses and error JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingate._errors import IngateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingate._secret import Secret


def error_from_response(
    status: int,
    headers: Mapping[str, str],
    body: bytes | dict[str, Any] | str,
    *,
    backing: str | None,
    spec: str | None = None,
    secrets: Iterable[Secret | None] = (),
    credential_source: str | None = None,
) -> IngateError:
    """The error an answer means."""
    return IngateError(f"{backing} answered {status}", backing=backing, spec=spec, status=status)
