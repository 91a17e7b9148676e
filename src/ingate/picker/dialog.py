"""How the add-key dialog looks. A key is dots, and never more than a few of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ingate.picker.cells import clean, cut, wrap

if TYPE_CHECKING:
    from ingate.picker.addkey import AddKey

_DOTS: Final = 12
_KEYS: Final = {
    "info": "Enter takes the model all the same · Esc back",
    "group": "↑ ↓ which one · Enter · Esc back",
    "enter": "Enter tries it with a real call · Tab skips that · Esc back",
    "checking": "trying it … · Esc back",
    "failed": "Enter keeps it all the same · Esc types it again",
    "place": "↑ ↓ where · Enter saves · Esc back",
    "saving": "saving …",
}


def dialog_lines(dialog: AddKey, columns: int, rows: int) -> list[list[tuple[str, str]]]:
    """The dialog over the whole screen; what is asked stays visible however few rows there are."""
    about: list[tuple[str, str]] = []
    for style, said in (
        ("", dialog.detail),
        ("", dialog.fix and f"→ {dialog.fix}"),
        *(("warn", miss) for miss in dialog.near_misses),
    ):
        about += [(style, line) for line in wrap(clean(said), columns)] if said else []
    if dialog.docs_url:
        about += [("dim", line) for line in wrap(f"Get a key: {dialog.docs_url}", columns)]
    asked = _asked(dialog)
    if dialog.message:
        style = "ok" if dialog.checked else "bad"
        asked += [(style, line) for line in wrap(clean(dialog.message), columns)]
    keys = ("dim", _KEYS[dialog.step])
    if dialog.step == "enter" and not dialog.values:
        keys = ("dim", f"{_KEYS['enter']} · empty: takes the model all the same")
    title = ("head", f"{dialog.title}: what is missing")
    room = rows - 1 - len(asked) - (rows >= 3)
    lines = [*([title] if rows >= 3 else []), *about[: max(0, room)]]
    if len(lines) + len(asked) + 3 <= rows and asked:
        lines.append(("", ""))
    lines += asked
    lines = lines[: max(0, rows - 1)] if rows > 1 else asked[-1:] or [title]
    if rows > 1:
        lines += [("", "")] * (rows - 1 - len(lines)) + [keys]
    return [[(style, cut(clean(line), columns))] for style, line in lines]


def _asked(dialog: AddKey) -> list[tuple[str, str]]:
    match dialog.step:
        case "group":
            return [
                ("sel" if at == dialog.group else "", f"{'▸' if at == dialog.group else ' '} {' and '.join(group)}")
                for at, group in enumerate(dialog.groups)
            ]
        case "enter":
            typed = dialog.typed.reveal()
            shown = clean(typed) if dialog.is_plain else "•" * min(len(typed), _DOTS)
            done = [("ok", f"✓ {variable}") for variable, _ in dialog.values]
            return [*done, ("bold", f"{dialog.variable}: "), ("", f"  {shown}█")]
        case "place":
            names = {"keyring": "the system's keyring", "file": f"{dialog.file} (only you can read it)"}
            return [("", "Keep it in")] + [
                ("sel" if at == dialog.place else "", f"{'▸' if at == dialog.place else ' '} {names[place]}")
                for at, place in enumerate(dialog.places)
            ]
    return []
