"""What each key does. The names of keys are prompt_toolkit's, which is not imported for them."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Mode = Literal["list", "filter", "help", "dialog"]


class Action(NamedTuple):
    """The action of a key, with the text it inserts."""

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
# While the filter is open, letters are text and the commands are on Ctrl.
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
    ("Enter", "choose this model"),
    ("/ or any other letter", "filter; Esc closes it"),
    ("c", "curated models or all models"),
    ("f", "favourite: listed first"),
    ("s", "sort: best, name, price, context, date"),
    ("r", "only ready models"),
    ("a", "add the missing key"),
    ("t", "test the model with one short call"),
    ("y", "copy the spec"),
    ("D", "show deprecated models too"),
    ("1.25+/10+", "dollars per M tokens in/out; + is more for long prompts"),
    ("q  Ctrl-C", "quit"),
    ("", ""),
    ("while filtering", "Ctrl with o f s r t y a does the same"),
    ("cap:vision,tools", "features"),
    ("cost:<1 out:<10", "dollars per million tokens"),
    ("ctx:>200k", "context window"),
    ("ready: provider:groq", "only ready; only of one provider"),
    ("", ""),
    ("✓ ready  ○ something missing", "the details say what"),
    ("✗ no credential  ★ favourite  ↻ recent", ""),
)


def action_for(mode: Mode, key: str, data: str = "") -> Action | None:
    """The action of `key`, None if it has none.

    Args:
        mode: The picker's mode.
        key: prompt_toolkit's name of the key, or the character typed.
        data: The pasted text, for `PASTE`.
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
