"""Structs that may be printed, logged and shown in a traceback without giving away what they hold."""

from __future__ import annotations

from typing import Any, ClassVar


class Redacted:
    """Mixed into a struct, before `msgspec.Struct`: its `repr` names the fields that are set and shows no values."""

    __slots__ = ()
    __struct_fields__: ClassVar[tuple[str, ...]]

    def __repr__(self) -> str:
        values = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return f"{type(self).__name__}({', '.join(name for name, value in values if value not in (None, {}, [], ()))})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """For rich, which would otherwise go through the fields itself."""
        return []
