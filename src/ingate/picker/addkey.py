"""The add-key dialog: which variables, what was typed, whether it works, where to save it. Pure; never shows a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from ingate.picker.cells import clean, cut, wrap
from ingate.picker.items import readiness_of
from ingate.secret import Secret

if TYPE_CHECKING:
    from ingate.picker.data import PickerData
    from ingate.picker.items import Item
    from ingate.picker.save import Place
    from ingate.providers import Provider

Step = Literal["info", "group", "enter", "checking", "failed", "place", "saving"]
# What the dialog requests: a trial call, saving, choosing the model without a key, or to be closed.
Request = Literal["", "verify", "save", "choose", "close"]

_LONGEST: Final = 20_000
_DOTS: Final = 12
_KEYS: Final = {
    "info": "Enter uses the model anyway · Esc back",
    "group": "↑ ↓ choose · Enter · Esc back",
    "enter": "Enter tests it with a real call · Tab skips the test · Esc back",
    "checking": "testing … · Esc back",
    "failed": "Enter keeps it anyway · Esc to type it again",
    "place": "↑ ↓ choose · Enter saves · Esc back",
    "saving": "saving …",
}


class AddKey(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes:
    provider: The provider's name.
    title: The provider's display name.
    spec: The model that the dialog was opened on.
    step: What the dialog is waiting for; `"info"` if there is nothing to type.
    detail, fix, near_misses: What is missing, and what would help.
    key_url: Where to create a key, empty if unknown.
    docs_url: The provider's documentation, empty if unknown.
    groups: The alternatives that can be typed, each a group of variables.
    shown: Variables that hold an address, which is shown as it is typed.
    group: The index of the chosen alternative.
    values: What has been entered so far, by variable.
    typed: What is being typed.
    places: Where it can be saved.
    place: The index of the chosen place.
    file: The secrets file, as it is shown.
    message: The result of the last trial call or save.
    checked: Whether the trial call succeeded.
    """

    provider: str
    title: str
    spec: str
    step: Step
    detail: str = ""
    fix: str = ""
    near_misses: tuple[str, ...] = ()
    key_url: str = ""
    docs_url: str = ""
    groups: tuple[tuple[str, ...], ...] = ()
    shown: frozenset[str] = frozenset()
    group: int = 0
    values: tuple[tuple[str, Secret], ...] = ()
    typed: Secret = Secret("")
    places: tuple[Place, ...] = ("file",)
    place: int = 0
    file: str = ""
    message: str = ""
    checked: bool = False

    @property
    def variable(self) -> str:
        """The variable that is being typed, empty if none is."""
        group = self.groups[self.group] if self.groups else ()
        return group[len(self.values)] if len(self.values) < len(group) else ""

    @property
    def is_plain(self) -> bool:
        """Whether what is being typed is not a secret."""
        return self.variable in self.shown

    @property
    def where(self) -> Place:
        """The chosen place."""
        return self.places[self.place]


def opened(data: PickerData, item: Item) -> AddKey:
    """The dialog for what an item is missing."""
    name = item.row.provider
    known = data.providers.get(name)
    now = readiness_of(data, item)
    # If a credential is set, something else is missing.
    groups = _groups(known) if known is not None and item.lane != "proxy" and not now.has_credential else ()
    return AddKey(
        provider=name,
        title=known.display_name if known is not None else name,
        spec=item.spec,
        step="info" if not groups else "group" if len(groups) > 1 else "enter",
        detail=now.reason,
        fix=now.fix,
        near_misses=now.near_misses,
        key_url=known.key_url if known is not None else "",
        docs_url=known.docs_url if known is not None else "",
        groups=groups,
        shown=frozenset(known.api_base_env) if known is not None else frozenset(),
        places=("keyring", "file") if data.keyring else ("file",),
        place=1 if data.keyring else 0,
        file=data.secrets_file,
    )


def _groups(known: Provider) -> tuple[tuple[str, ...], ...]:
    """The alternatives that a configuration file can hold. Some variables are read only by a cloud's own package."""
    return tuple(
        group
        for group in known.env
        if group and all(targets := [known.target(name) for name in group]) and len(set(targets)) == len(group)
    )


def press(dialog: AddKey, action: str, text: str = "") -> tuple[AddKey, Request]:
    """The dialog after a key, and what it requests.

    Args:
        dialog: The dialog before.
        action: One of the names in `keys`: `"up"`, `"enter"`, `"escape"`, `"type"`…
        text: What was typed or pasted.
    """
    if action == "escape":
        return _back(dialog)
    match dialog.step:
        case "info":
            return dialog, "choose" if action == "enter" else ""
        case "group":
            return _in_group(dialog, action)
        case "enter":
            return _in_enter(dialog, action, text)
        case "failed":
            return (_with(dialog, step="place", message=""), "") if action == "enter" else (dialog, "")
        case "place":
            return _in_place(dialog, action)
    return dialog, ""


def verified(dialog: AddKey, text: str) -> AddKey:
    """The dialog after a trial call succeeded with the result `text`."""
    return _with(dialog, step="place", message=text, checked=True)


def rejected(dialog: AddKey, text: str) -> AddKey:
    """The dialog after a trial call failed with the error `text`."""
    return _with(dialog, step="failed", message=text)


def not_saved(dialog: AddKey, text: str) -> AddKey:
    """The dialog after saving failed with the error `text`."""
    return _with(dialog, step="place", message=text)


def _with(dialog: AddKey, **changes: object) -> AddKey:
    return msgspec.structs.replace(dialog, **changes)


def _back(dialog: AddKey) -> tuple[AddKey, Request]:
    """Go back one step, or close the dialog from its first step. What was typed is discarded."""
    if dialog.step in {"info", "group"} or (dialog.step == "enter" and len(dialog.groups) == 1):
        return dialog, "close"
    if dialog.step == "saving":
        return dialog, ""
    step: Step = "group" if dialog.step == "enter" else "enter"
    return _with(dialog, step=step, values=(), typed=Secret(""), message="", checked=False), ""


def _in_group(dialog: AddKey, action: str) -> tuple[AddKey, Request]:
    if action == "enter":
        return _with(dialog, step="enter", values=(), typed=Secret(""), message=""), ""
    step = {"up": -1, "down": 1}.get(action, 0)
    return _with(dialog, group=(dialog.group + step) % len(dialog.groups)), ""


def _in_enter(dialog: AddKey, action: str, text: str) -> tuple[AddKey, Request]:
    typed = dialog.typed.reveal()
    if action == "type":
        clean = "".join(letter for letter in text if letter.isprintable()).strip(" ")
        return _with(dialog, typed=Secret((typed + clean)[:_LONGEST]), message=""), ""
    if action == "erase":
        return _with(dialog, typed=Secret(typed[:-1])), ""
    if action in {"clear", "erase_word"}:
        return _with(dialog, typed=Secret("")), ""
    if action not in {"enter", "tab"}:
        return dialog, ""
    if not typed:
        if action == "enter" and not dialog.values:
            return dialog, "choose"
        return _with(dialog, message=f"{dialog.variable} is empty"), ""
    if dialog.is_plain and not typed.startswith(("http://", "https://")):
        return _with(dialog, message=f"{dialog.variable} is an address that begins with http:// or https://"), ""
    dialog = _with(
        dialog, values=(*dialog.values, (dialog.variable, dialog.typed)), typed=Secret(""), message="", checked=False
    )
    if dialog.variable:
        return dialog, ""
    if action == "tab":
        return _with(dialog, step="place"), ""
    return _with(dialog, step="checking"), "verify"


def _in_place(dialog: AddKey, action: str) -> tuple[AddKey, Request]:
    if action == "enter":
        return _with(dialog, step="saving", message=""), "save"
    step = {"up": -1, "down": 1}.get(action, 0)
    return _with(dialog, place=(dialog.place + step) % len(dialog.places)), ""


def dialog_lines(dialog: AddKey, columns: int, rows: int) -> list[list[tuple[str, str]]]:
    """The dialog on the whole screen. What has to be typed or chosen is visible however small the screen is."""
    fix = ("", dialog.fix and f"→ {dialog.fix}")
    url, label = (dialog.key_url, "Get a key: ") if dialog.key_url else (dialog.docs_url, "Documentation: ")
    page = ("dim", url and f"{label * (columns >= 60)}{url}")
    near = [("warn", miss) for miss in dialog.near_misses]
    problem: list[tuple[str, str]] = []
    # A small screen cuts off the last of these: if a key can be typed, how to set it elsewhere matters least.
    for style, text in (("", dialog.detail), *((page, *near, fix) if dialog.groups else (fix, *near, page))):
        problem += [(style, line) for line in wrap(clean(text), columns)] if text else []
    fields = _fields(dialog)
    if dialog.message:
        style = "ok" if dialog.checked else "bad"
        fields += [(style, line) for line in wrap(clean(dialog.message), columns)]
    hint = _KEYS[dialog.step]
    if dialog.step == "enter" and not dialog.values:
        hint = f"{hint} · empty: use the model anyway"
    keys = [("dim", line) for line in (wrap(hint, columns) if rows >= 8 else [hint])] if rows > 1 else []
    title = [("head", f"{dialog.title}: what is missing")] if rows >= 3 else []
    room = max(0, rows - len(keys))
    lines = [*title, *problem[: max(0, room - len(title) - len(fields))]]
    if fields and len(lines) + len(fields) + 3 <= room:
        lines.append(("", ""))
    lines = [*lines, *fields]
    lines = lines[-room:] if len(lines) > room else lines
    lines += [("", "")] * (room - len(lines)) + keys
    return [[(style, cut(clean(line), columns))] for style, line in lines]


def _fields(dialog: AddKey) -> list[tuple[str, str]]:
    """What is being typed or chosen."""
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
            return [("", "Save it in")] + [
                ("sel" if at == dialog.place else "", f"{'▸' if at == dialog.place else ' '} {names[place]}")
                for at, place in enumerate(dialog.places)
            ]
    return []
