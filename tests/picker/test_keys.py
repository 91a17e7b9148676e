"""What each key does in each mode."""

from __future__ import annotations

import pytest

from ingate.picker.keys import COMMANDS, HELP, PASTE, Action, Mode, action_for

MODES = ("list", "filter", "help", "dialog")


@pytest.mark.parametrize("mode", MODES)
def test_moving_and_leaving_work_everywhere(mode: str) -> None:
    for key, name in {"up": "up", "c-n": "down", "pagedown": "page_down", "c-i": "tab", "c-m": "enter", "c-j": "enter",
                      "escape": "escape", "c-c": "leave", "c-d": "leave", "c-l": "redraw", "home": "home"}.items():  # fmt: skip
        assert action_for(mode, key) == Action(name)  # ty: ignore[invalid-argument-type]


def test_letters_are_commands_in_the_list_and_text_elsewhere() -> None:
    for letter, name in COMMANDS.items():
        assert action_for("list", letter) == Action(name)
        assert action_for("filter", letter) == Action("type", letter)
        assert action_for("dialog", letter) == Action("type", letter)
    assert action_for("list", "x") == Action("type", "x")
    assert action_for("list", " ") is None
    assert action_for("filter", " ") == Action("type", " ")
    assert action_for("dialog", " ") == Action("type", " ")


def test_commands_are_on_ctrl_and_not_in_the_dialog() -> None:
    for key, name in {"c-o": "scope", "c-f": "favourite", "c-a": "add", "f1": "help", "c-y": "copy"}.items():
        assert action_for("filter", key) == Action(name)
        assert action_for("list", key) == Action(name)
        assert action_for("dialog", key) is None
        assert action_for("help", key) == (Action("escape") if key == "f1" else None)


def test_help_is_closed_by_a_few_keys_and_ignores_the_others() -> None:
    for key in ("q", "?", "f1", " "):
        assert action_for("help", key) == Action("escape")
    for key in ("x", "c-h", "/", PASTE):
        assert action_for("help", key, "text") is None


def test_erasing_is_possible_wherever_one_types() -> None:
    for mode in ("list", "filter", "dialog"):
        for key, name in {"c-h": "erase", "delete": "erase", "c-w": "erase_word", "c-u": "clear"}.items():
            assert action_for(mode, key) == Action(name)


def test_a_paste_is_one_line_in_the_filter_and_whole_in_the_dialog() -> None:
    pasted = "one\ttwo \nthree\r\n"
    assert action_for("filter", PASTE, pasted) == Action("type", "one two ")
    assert action_for("list", PASTE, "c") == Action("type", "c"), "pasted text is never a command"
    assert action_for("list", PASTE, "one\rtwo") == Action("type", "one")
    assert action_for("dialog", PASTE, pasted) == Action("type", "one\ttwo \nthree")
    for mode in ("list", "filter", "dialog"):
        assert action_for(mode, PASTE, "\r\n") is None


def test_unknown_keys_do_nothing() -> None:
    for key in ("f5", "c-x", "insert", "\x00"):
        for mode in MODES:
            assert action_for(mode, key) is None


def test_the_help_names_every_command() -> None:
    text = " ".join(keys for keys, _ in HELP)
    assert all(letter in text for letter in COMMANDS if letter != "?")


MOVES = {
    "up": "up", "down": "down", "left": "left", "right": "right", "pageup": "page_up", "pagedown": "page_down",
    "home": "home", "end": "end", "c-p": "up", "c-n": "down", "c-i": "tab", "s-tab": "tab", "c-m": "enter",
    "c-j": "enter", "escape": "escape", "c-c": "leave", "c-d": "leave", "c-l": "redraw",
}  # fmt: skip
LINE = {"c-h": "erase", "delete": "erase", "c-w": "erase_word", "c-u": "clear"}
CONTROL = {
    "c-o": "scope", "c-f": "favourite", "c-s": "sort", "c-r": "ready", "c-t": "test", "c-y": "copy", "c-a": "add",
    "f1": "help",
}  # fmt: skip
LETTERS = {
    "c": "scope", "f": "favourite", "s": "sort", "r": "ready", "t": "test", "y": "copy", "a": "add", "D": "deprecated",
    "?": "help", "q": "leave", "/": "filter",
}  # fmt: skip


def test_every_key_in_every_mode() -> None:
    def meant(mode: Mode) -> dict[str, tuple[str, str]]:
        found = {key: action_for(mode, key) for key in (*MOVES, *LINE, *CONTROL, *LETTERS)}
        return {key: (action.name, action.text) for key, action in found.items() if action is not None}

    def named(names: dict[str, str]) -> dict[str, tuple[str, str]]:
        return {key: (name, "") for key, name in names.items()}

    typed = {letter: ("type", letter) for letter in LETTERS}
    closing = {"?": ("escape", ""), "q": ("escape", ""), "f1": ("escape", "")}
    assert meant("list") == named({**MOVES, **LINE, **CONTROL, **LETTERS})
    assert meant("filter") == {**named({**MOVES, **LINE, **CONTROL}), **typed}
    assert meant("dialog") == {**named({**MOVES, **LINE}), **typed}
    assert meant("help") == {**named(MOVES), **closing}
    assert COMMANDS == LETTERS
