"""The reducer: from a state and an action to the next state and an effect, if the action needs one. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.picker import addkey
from ingate.picker.data import LISTED, PROXY
from ingate.picker.items import item_of, readiness_of
from ingate.picker.keys import HELP
from ingate.picker.rows import LITELLM, SORTS, Marks
from ingate.picker.state import derived, with_

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingate.picker.data import PickerData
    from ingate.picker.filter import Index
    from ingate.picker.keys import Mode
    from ingate.picker.save import Place
    from ingate.picker.state import State
    from ingate.secret import Secret


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """A side effect that an action needs.

    Attributes:
        kind: `choose`, `leave`, `test`, `copy`, `fetch`, `remember`, `verify`, `save` or `redraw`.
        text: The spec; for `fetch`, the provider or server.
        provider: The provider of the credentials, for `verify` and `save`.
        values: The credentials, by variable.
        where: Where to save them.
    """

    kind: str
    text: str = ""
    provider: str = ""
    values: tuple[tuple[str, Secret], ...] = ()
    where: Place = "file"


Next = tuple["State", Effect | None]


def mode_of(state: State) -> Mode:
    """The mode that decides what the next key means."""
    if state.dialog is not None:
        return "dialog"
    if state.help is not None:
        return "help"
    return "list" if state.filter is None else "filter"


def update(state: State, action: str, text: str = "", *, page: int = 10) -> Next:
    """The state after an action of the user.

    Args:
        state: The state before.
        action: One of the names in `keys`.
        text: What was typed.
        page: The number of lines per page.
    """
    if action == "leave":
        return state, Effect(kind="leave")
    if action == "redraw":
        return state, Effect(kind="redraw")
    if state.dialog is not None:
        return _in_dialog(state, action, text)
    if state.help is not None:
        return _in_help(state, action, page), None
    if state.message:
        state = with_(state, message="")
    if action in _MOVES:
        return _moved(state, action, page)
    if action in _DO:
        return _DO[action](state, text)
    return state, None


def _moved(state: State, action: str, page: int) -> Next:
    last = (len(state.providers) if state.column == "providers" else len(state.shown.items)) - 1
    at = state.provider_at if state.column == "providers" else state.cursor
    step = {"up": -1, "down": 1, "page_up": -page, "page_down": page, "home": -at, "end": last}[action]
    to = max(0, min(last, at + step))
    if state.column == "models":
        return with_(state, cursor=to), None
    if to == at or not state.providers:
        return state, None
    name = state.providers[to].name
    state = derived(with_(state, provider=name), keep=False)
    return state, Effect(kind="fetch", text=name) if is_listed(state.data, name) else None


def is_listed(data: PickerData, name: str) -> bool:
    """Whether the models of a provider or server come from a fetched list."""
    return name in LISTED or name in data.servers or (name == PROXY and data.proxy is not None)


def _column(state: State, _: str) -> Next:
    return with_(state, column="models" if state.column == "providers" else "providers"), None


def _left(state: State, _: str) -> Next:
    return with_(state, column="providers"), None


def _right(state: State, _: str) -> Next:
    return with_(state, column="models"), None


def _enter(state: State, _: str) -> Next:
    if state.column == "providers":
        return with_(state, column="models"), None
    item = state.item
    if item is None:
        return with_(state, message="no model is selected"), None
    now = readiness_of(state.data, item)
    if now.state == "ready" or (now.state == "attention" and is_listed(state.data, item.row.provider)):
        return state, Effect(kind="choose", text=item.spec)
    return with_(state, dialog=addkey.opened(state.data, item)), None


def _escape(state: State, _: str) -> Next:
    if state.filter is None:
        return with_(state, message="q quits"), None
    provider, spec = state.before
    item = item_of(spec, state.data) if spec else None
    state = derived(with_(state, filter=None, provider=provider or LITELLM))
    at = next((at for at, one in enumerate(state.shown.items) if one == item), 0)
    return with_(state, cursor=at, column="models"), None


def _open_filter(state: State, text: str) -> Next:
    if state.filter is None:
        item = state.item
        state = with_(state, filter="", before=(state.provider, item.spec if item else ""), provider=LITELLM)
    typed = ((state.filter or "") + text).lstrip()
    return derived(with_(state, filter=typed, column="models"), keep=False), None


def _erase(state: State, _: str) -> Next:
    if state.filter is None:
        return state, None
    if not state.filter:
        return _escape(state, "")
    return derived(with_(state, filter=state.filter[:-1]), keep=False), None


def _erase_word(state: State, _: str) -> Next:
    if not state.filter:
        return state, None
    rest = state.filter.rstrip().rpartition(" ")
    return derived(with_(state, filter=rest[0] + rest[1]), keep=False), None


def _clear(state: State, _: str) -> Next:
    return (derived(with_(state, filter=""), keep=False), None) if state.filter else (state, None)


def _scope(state: State, _: str) -> Next:
    scope = "all" if state.scope == "curated" else "curated"
    state = derived(with_(state, scope=scope))
    if state.filter:
        message = "the filter searches all models"
    elif state.provider != LITELLM:
        message = f"the LiteLLM line now shows {'all models' if scope == 'all' else 'the curated models'}"
    else:
        message = ""
    return with_(state, message=message), None


def _favourite(state: State, _: str) -> Next:
    item = state.item
    if item is None:
        return state, None
    data = state.data
    memory = data.memory.toggled(item.spec)
    state = derived(with_(state, data=msgspec.structs.replace(data, memory=memory)))
    change = "now" if item.spec in memory.favourites else "no longer"
    return with_(state, message=f"{item.spec} is {change} a favourite"), Effect(kind="remember")


def _sort(state: State, _: str) -> Next:
    sort = SORTS[(SORTS.index(state.sort) + 1) % len(SORTS)]
    return with_(derived(with_(state, sort=sort)), message=f"sorted by {_SORTED[sort]}"), None


_SORTED: Final = {
    "best": "readiness, then best-known provider",
    "name": "name",
    "price": "input price, cheapest first",
    "context": "context, longest first",
    "date": "version and date, newest first",
}


def _ready(state: State, _: str) -> Next:
    state = derived(with_(state, ready_only=not state.ready_only))
    return with_(state, message="only ready models" if state.ready_only else "all models, ready or not"), None


def _deprecated(state: State, _: str) -> Next:
    state = derived(with_(state, deprecated=not state.deprecated))
    return with_(state, message="deprecated models shown" if state.deprecated else "deprecated models hidden"), None


def _test(state: State, _: str) -> Next:
    item = state.item
    if item is None:
        return state, None
    return with_(state, message=f"calling {item.spec} …"), Effect(kind="test", text=item.spec)


def _copy(state: State, _: str) -> Next:
    item = state.item
    if item is None:
        return state, None
    return with_(state, message=f"copied {item.spec}"), Effect(kind="copy", text=item.spec)


def _add(state: State, _: str) -> Next:
    item = state.item
    if item is None:
        return state, None
    now = readiness_of(state.data, item)
    if now.state == "ready":
        return with_(state, message=f"ready: {now.source}"), None
    return with_(state, dialog=addkey.opened(state.data, item)), None


def _help(state: State, _: str) -> Next:
    return with_(state, help=0), None


def _in_help(state: State, action: str, page: int) -> State:
    if action in {"escape", "enter", "help"}:
        return with_(state, help=None)
    step = {"up": -1, "down": 1, "page_up": -page, "page_down": page, "home": -len(HELP), "end": len(HELP)}.get(
        action, 0
    )
    return with_(state, help=max(0, min(len(HELP) - 1, (state.help or 0) + step)))


def _in_dialog(state: State, action: str, text: str) -> Next:
    assert state.dialog is not None
    dialog, request = addkey.press(state.dialog, action, text)
    match request:
        case "close":
            return with_(state, dialog=None), None
        case "choose":
            return with_(state, dialog=None), Effect(kind="choose", text=dialog.spec)
        case "verify" | "save":
            return with_(state, dialog=dialog), Effect(
                kind=request, provider=dialog.provider, values=dialog.values, where=dialog.where
            )
    return with_(state, dialog=dialog), None


_MOVES: Final = frozenset({"up", "down", "page_up", "page_down", "home", "end"})
_DO: Final[dict[str, Callable[[State, str], Next]]] = {
    "tab": _column,
    "left": _left,
    "right": _right,
    "enter": _enter,
    "escape": _escape,
    "type": _open_filter,
    "filter": _open_filter,
    "erase": _erase,
    "erase_word": _erase_word,
    "clear": _clear,
    "scope": _scope,
    "favourite": _favourite,
    "sort": _sort,
    "ready": _ready,
    "deprecated": _deprecated,
    "test": _test,
    "copy": _copy,
    "add": _add,
    "help": _help,
}


def with_data(state: State, *, index: Index | None = None, **changes: Any) -> State:
    """The state with changed data: `readiness`, `lives` or `memory`.

    Args:
        state: The state before.
        index: The new search index, if the rows have changed.
        changes: Fields of `PickerData`.
    """
    data = msgspec.structs.replace(state.data, **changes)
    data = msgspec.structs.replace(data, readiness=data.readiness.with_lists(data.lives))
    return derived(with_(state, data=data, marks=Marks(data), index=index or state.index))
