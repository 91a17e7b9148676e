"""Reading the fields of a client's request: wrong types are errors that name the field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

_KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    "a string": (str,),
    "a boolean": (bool,),
    "an integer": (int,),
    "a number": (int, float),
    "an array": (list,),
    "an object": (dict,),
}


def invalid(param: str, message: str, **details: Any) -> InvalidRequestError:
    """An error on one field (returned, not raised)."""
    return InvalidRequestError(message, param=param, **details)


def optional(source: Mapping[str, Any], name: str, kind: str, *, within: str = "") -> Any:
    """A field's value, None if it is absent or null.

    Args:
        source: The object that has the field.
        name: The field.
        kind: `"a string"`, `"a boolean"`, `"an integer"`, `"a number"`, `"an array"` or `"an object"`.
        within: The path of `source` in the request, for the error (`"input[0]"`).

    Raises:
        InvalidRequestError: The value has another type.
    """
    value = source.get(name)
    if value is None:
        return None
    if not isinstance(value, _KINDS[kind]) or (isinstance(value, bool) and kind != "a boolean"):
        param = f"{within}.{name}" if within else name
        raise invalid(param, f"{param!r} must be {kind}, not {json_type(value)}")
    return value


def required(source: Mapping[str, Any], name: str, kind: str, *, within: str = "") -> Any:
    """A field's value. Raises `InvalidRequestError` if it is absent, null, or of another type."""
    value = optional(source, name, kind, within=within)
    if value is None:
        param = f"{within}.{name}" if within else name
        raise invalid(param, f"{param!r} is missing; it must be {kind}")
    return value


def objects(values: list[Any], within: str) -> list[dict[str, Any]]:
    """The objects of an array. Raises `InvalidRequestError` if one of them is anything else."""
    for place, value in enumerate(values):
        if not isinstance(value, dict):
            where = f"{within}[{place}]"
            raise invalid(where, f"{where!r} must be an object, not {json_type(value)}")
    return values


def json_type(value: object) -> str:
    """The JSON type of a value, for error messages."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"


class Warnings(list[str]):
    """Sentences for the user, each at most once."""

    def add(self, sentence: str) -> None:
        """Add a sentence unless it is there."""
        if sentence not in self:
            self.append(sentence)
