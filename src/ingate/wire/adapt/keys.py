"""Other names for the keys of a JSON object, whose text may arrive in pieces; everything else stays as it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class KeyRewriter:
    """Renames the keys of one object, not those of the objects in it.

    Args:
        names: The keys to rename, with their new names.
    """

    __slots__ = ("_at_key", "_depth", "_escaped", "_held", "_in_string", "_is_object", "_names")

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        self._depth = 0
        self._is_object = False
        self._at_key = False  # whether the next string is a key of the outermost object
        self._in_string = False
        self._escaped = False
        self._held: list[str] | None = None  # a key as far as it has arrived

    def feed(self, text: str) -> str:
        """The next piece of the text with the keys renamed that are complete; a key is held back until it is."""
        out: list[str] = []
        for char in text:
            if self._in_string:
                self._in_key_or_value(char, out)
            elif char == '"':
                self._in_string = True
                if self._at_key:
                    self._held = [char]
                    continue
                out.append(char)
            else:
                self._between(char)
                out.append(char)
        return "".join(out)

    def finish(self) -> str:
        """What was held back of a text that broke off in a key."""
        held, self._held = self._held, None
        return "".join(held or ())

    def _in_key_or_value(self, char: str, out: list[str]) -> None:
        ends = char == '"' and not self._escaped
        self._escaped = char == "\\" and not self._escaped
        if self._held is None:
            out.append(char)
        else:
            self._held.append(char)
        if not ends:
            return
        self._in_string = False
        if self._held is not None:
            out.append(self._renamed("".join(self._held)))
            self._held, self._at_key = None, False

    def _between(self, char: str) -> None:
        if char in "{[":
            self._depth += 1
            if self._depth == 1:
                self._is_object = self._at_key = char == "{"
            else:
                self._at_key = False
        elif char in "}]":
            self._depth -= 1
        elif char == "," and self._depth == 1:
            self._at_key = self._is_object

    def _renamed(self, text: str) -> str:
        try:
            name = self._names.get(json.loads(text))
        except ValueError:
            return text
        return text if name is None else json.dumps(name, ensure_ascii=False)


def with_keys(text: str, names: Mapping[str, str]) -> str:
    """A whole object's text with its keys renamed."""
    rewriter = KeyRewriter(names)
    return rewriter.feed(text) + rewriter.finish()
