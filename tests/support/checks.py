"""The pieces that strict request checkers are made of."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Refused(AssertionError):
    """The provider would answer 400; the message says where and why."""


def refuse(where: str, why: str) -> None:
    raise Refused(f"{where}: {why}")


def obj(
    required: Mapping[str, Any] | None = None, optional: Mapping[str, Any] | None = None
) -> Callable[[Any, str], None]:
    """An object with these keys and no others."""
    needs, may = dict(required or {}), dict(optional or {})

    def check(value: Any, where: str) -> None:
        if not isinstance(value, dict):
            refuse(where, f"{type(value).__name__} is no object")
        for key in needs.keys() - value.keys():
            refuse(where, f"{key} is missing")
        for key, item in value.items():
            if key not in needs and key not in may:
                refuse(where, f"unknown key {key!r}")
            (needs.get(key) or may[key])(item, f"{where}.{key}")

    return check


def arr(item: Callable[[Any, str], None], least: int = 0) -> Callable[[Any, str], None]:
    def check(value: Any, where: str) -> None:
        if not isinstance(value, list) or len(value) < least:
            refuse(where, f"{value!r:.60} is no list of at least {least}")
        for at, one in enumerate(value):
            item(one, f"{where}[{at}]")

    return check


def text(pattern: str | None = None, *, blank: bool = True) -> Callable[[Any, str], None]:
    def check(value: Any, where: str) -> None:
        if not isinstance(value, str):
            refuse(where, f"{type(value).__name__} is no string")
        if not blank and not value.strip():
            refuse(where, "text must be more than white space")
        if pattern is not None and not re.fullmatch(pattern, value):
            refuse(where, f"{value!r} does not match {pattern}")

    return check


def number(least: float, most: float, *, whole: bool = False) -> Callable[[Any, str], None]:
    def check(value: Any, where: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            refuse(where, f"{value!r} is no number")
        if not least <= value <= most:
            refuse(where, f"{value} is not in {least}..{most}")

    return check


def one_of(*values: Any) -> Callable[[Any, str], None]:
    def check(value: Any, where: str) -> None:
        if value not in values:
            refuse(where, f"{value!r} is none of {values}")

    return check


def flag(value: Any, where: str) -> None:
    if not isinstance(value, bool):
        refuse(where, f"{value!r} is no boolean")


def anything(value: Any, where: str) -> None:
    """No rule."""


def mapping(value: Any, where: str) -> None:
    if not isinstance(value, dict):
        refuse(where, f"{type(value).__name__} is no object")


def base64_text(value: Any, where: str) -> None:
    text(blank=False)(value, where)
    try:
        base64.b64decode(value, validate=True)
    except ValueError:
        refuse(where, "is no base64")


def by_type(kinds: Mapping[str, Callable[[Any, str], None]]) -> Callable[[Any, str], None]:
    """An object whose `type` says which of these it is."""

    def check(value: Any, where: str) -> None:
        mapping(value, where)
        kind = value.get("type")
        if kind not in kinds:
            refuse(where, f"unknown type {kind!r}")
        kinds[kind](value, f"{where}({kind})")

    return check


def either(*checks: Callable[[Any, str], None]) -> Callable[[Any, str], None]:
    def check(value: Any, where: str) -> None:
        said = []
        for one in checks:
            try:
                one(value, where)
            except Refused as error:
                said.append(str(error))
            else:
                return
        refuse(where, " / ".join(said))

    return check
