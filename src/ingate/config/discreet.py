"""Structs that may be printed, logged and shown in a traceback without giving away what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator


class Discreet(msgspec.Struct):
    """A struct whose `repr` names the fields that are set and shows none of their values."""

    def __repr__(self) -> str:
        fields = msgspec.structs.fields(type(self))
        names = [field.name for field in fields if getattr(self, field.name) not in (None, field.default, {}, [], ())]
        return f"{type(self).__name__}({', '.join(names)})"

    def __rich_repr__(self) -> Iterator[Any]:
        """For rich, which would otherwise go through the fields itself."""
        return iter(())
