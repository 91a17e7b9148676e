"""Which key means what. Names of keys are prompt_toolkit's, which is not needed to know them."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Mode = Literal["list", "filter", "help", "dialog"]


class Action(NamedTuple):
    """What a key asks for, with the text it brings."""

    name: str
    text: str = ""


_MOVES: Final = {
    "up": "up",
    "down": "down",
    "left": "left",
    "right": "right",
    "pageup": "page_up",
    "pagedown": "page_down",
    "home": "home",
    "end": "end",
    "c-p": "up",
    "c-n": "down",
    "c-i": "tab",
    "s-tab": "tab",
    "c-m": "enter",
    "c-j": "enter",
    "escape": "escape",
    "c-c": "leave",
    "c-d": "leave",
    "c-l": "redraw",
}
_LINE: Final = {"c-h": "erase", "delete": "erase", "c-w": "erase_word", "c-u": "clear"}
# While letters are typed, the commands are on Ctrl.
_CONTROL: Final = {
    "c-o": "scope",
    "c-f": "favourite",
    "c-s": "sort",
    "c-r": "ready",
    "c-t": "test",
    "c-y": "copy",
    "c-a": "add",
    "f1": "help",
}
COMMANDS: Final = {
    "c": "scope",
    "f": "favourite",
    "s": "sort",
    "r": "ready",
    "t": "test",
    "y": "copy",
    "a": "add",
    "D": "deprecated",
    "?": "help",
    "q": "leave",
    "/": "filter",
}
PASTE: Final = "<bracketed-paste>"

HELP: Final = (
    ("↑ ↓ PgUp PgDn Home End", "move"),
    ("Tab ← →", "the other column"),
    ("Enter", "take this model"),
    ("/ or any other letter", "filter; Esc leaves it"),
    ("c", "curated models or all of them"),
    ("f", "favourite: stands above"),
    ("s", "sort: best, name, price, context, date"),
    ("r", "only what is ready"),
    ("a", "add the key that is missing"),
    ("t", "one short call to see that it answers"),
    ("y", "copy the spec"),
    ("D", "show deprecated models too"),
    ("q  Ctrl-C", "leave"),
    ("", ""),
    ("while filtering", "Ctrl with o f s r t y a does the same"),
    ("cap:vision,tools", "what it can do"),
    ("cost:<1 out:<10", "dollars per million tokens"),
    ("ctx:>200k", "context"),
    ("ready: provider:groq", "with a key; of a provider"),
    ("", ""),
    ("✓ ready  ○ something missing", "the details say what"),
    ("✗ no credential  ★ favourite  ↻ recent", ""),
)


def action_for(mode: Mode, key: str, data: str = "") -> Action | None:
    """What `key` asks for in a mode; None where it means nothing.

    Args:
        mode: What the person is in.
        key: prompt_toolkit's name of the key, or the character typed.
        data: What was pasted, for `PASTE`.
    """
    if (name := _MOVES.get(key)) is not None:
        return Action(name)
    if mode == "help":
        return Action("escape") if key in {"q", "?", "f1", " "} else None
    if (name := _LINE.get(key)) is not None:
        return Action(name)
    text = data.strip("\r\n") if key == PASTE else key if len(key) == 1 and key.isprintable() else ""
    if mode == "dialog":
        return Action("type", text) if text else None
    if (name := _CONTROL.get(key)) is not None:
        return Action(name)
    if mode == "list" and key in COMMANDS:
        return Action(COMMANDS[key])
    if mode == "list" and key == " ":
        return None
    first = " ".join(text.split("\n", 1)[0].split("\r", 1)[0].split("\t")) if key == PASTE else text
    return Action("type", first) if first else None
