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
    fix = ("", dialog.fix and f"→ {dialog.fix}")
    url, label = (dialog.key_url, "Get a key: ") if dialog.key_url else (dialog.docs_url, "Read on: ")
    page = ("dim", url and f"{label * (columns >= 60)}{url}")
    near = [("warn", miss) for miss in dialog.near_misses]
    about: list[tuple[str, str]] = []
    # On a small screen the last of these are cut off: where a key can be typed, how to set it elsewhere matters least.
    for style, said in (("", dialog.detail), *((page, *near, fix) if dialog.groups else (fix, *near, page))):
        about += [(style, line) for line in wrap(clean(said), columns)] if said else []
    asked = _asked(dialog)
    if dialog.message:
        style = "ok" if dialog.checked else "bad"
        asked += [(style, line) for line in wrap(clean(dialog.message), columns)]
    hint = _KEYS[dialog.step]
    if dialog.step == "enter" and not dialog.values:
        hint = f"{hint} · empty: goes on without"
    keys = [("dim", line) for line in (wrap(hint, columns) if rows >= 8 else [hint])] if rows > 1 else []
    title = [("head", f"{dialog.title}: what is missing")] if rows >= 3 else []
    room = max(0, rows - len(keys))
    lines = [*title, *about[: max(0, room - len(title) - len(asked))]]
    if asked and len(lines) + len(asked) + 3 <= room:
        lines.append(("", ""))
    lines = [*lines, *asked]
    lines = lines[-room:] if len(lines) > room else lines
    lines += [("", "")] * (room - len(lines)) + keys
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
