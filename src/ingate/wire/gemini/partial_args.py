"""Function calls whose arguments Vertex AI streams in pieces, each with the JSON path it belongs to."""

from __future__ import annotations

import re
from typing import Any, Final

from ingate.wire.answers import items, mapping, text

_STEP: Final = re.compile(r"\.([A-Za-z_][\w-]*)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\[\"((?:[^\"\\]|\\.)*)\"\]")
_MOST_ITEMS: Final = 10_000
_VALUES: Final = ("stringValue", "numberValue", "boolValue")


class PartialCall:
    """One call as far as it has arrived."""

    def __init__(self) -> None:
        self.signature = ""
        self._id = ""
        self._name = ""
        self._args: dict[str, Any] = {}

    def add(self, call: dict[str, Any], signature: str) -> bool:
        """Add one piece. Returns whether the call is complete."""
        self.signature = self.signature or signature
        self._id = self._id or text(call.get("id"))
        self._name = self._name or text(call.get("name"))
        self._args.update(mapping(call.get("args")))
        for piece in items(call.get("partialArgs")):
            steps = [
                name or quoted or double or int(at)
                for name, at, quoted, double in _STEP.findall(text(piece.get("jsonPath")))
            ]
            if not steps or not isinstance(steps[0], str):
                continue
            value = next((piece[key] for key in _VALUES if key in piece), None)
            _set(self._args, steps, value)
        return call.get("willContinue") is not True

    def whole(self) -> dict[str, Any]:
        """The call as if it had arrived in one piece."""
        return {"id": self._id, "name": self._name, "args": self._args}


def _set(root: Any, steps: list[str | int], value: Any) -> None:
    """Set `value` at the path `steps`; a string is appended to the one already there."""
    node = root
    for at, step in enumerate(steps):
        last = at == len(steps) - 1
        empty: Any = None if last else [] if isinstance(steps[at + 1], int) else {}
        if isinstance(step, int):
            if not isinstance(node, list) or step > min(len(node), _MOST_ITEMS):
                return
            if step == len(node):
                node.append(empty)
        elif isinstance(node, dict):
            node.setdefault(step, empty)
        else:
            return
        if last:
            before = node[step]
            node[step] = before + value if isinstance(before, str) and isinstance(value, str) else value
            return
        node = node[step]
