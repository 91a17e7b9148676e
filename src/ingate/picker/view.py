"""From a state and a terminal's size to a frame: lines of styled text. Pure; only visible rows are formatted.

The styles are `head`, `dim`, `bold`, `ok`, `warn`, `bad`, `cursor`, and `sel` for the selected line of the active column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ingate.catalog.format import features, price_pair, tokens
from ingate.picker.addkey import dialog_lines
from ingate.picker.cells import clean, cut, fit, width, wrap
from ingate.picker.data import LISTED, PROXY, age
from ingate.picker.detail import detail
from ingate.picker.items import Item
from ingate.picker.keys import HELP
from ingate.picker.rows import LITELLM, Marks

if TYPE_CHECKING:
    from ingate.picker.data import PickerData
    from ingate.picker.rows import Provider
    from ingate.picker.state import Size, State

Fragment = tuple[str, str]
Line = list[Fragment]
Frame = list[Line]

MARKS: Final = {"ready": ("ok", "✓"), "attention": ("warn", "○"), "missing": ("bad", "✗"), "": ("", " ")}
TWO_COLUMNS: Final = 70
DETAIL: Final = 110
_BAR: Final[Fragment] = ("dim", " │ ")
_HINTS: Final = (
    "Enter choose  / filter  Tab column  c all/curated  a add key  r ready  s sort  f favourite  t test  y copy  ? help  q quit",
    "Enter choose  / filter  Tab column  c all/curated  a add key  r ready  s sort  f star  t test  y copy  ? help  q quit",
    "Enter choose  / filter  c all  a key  r ready  s sort  t test  ? help  q quit",
    "Enter choose  / filter  c all  a key  r ready  ? help  q quit",
    "Enter choose  / filter  c all  ? help  q",
    "/ filter  ? help  q quit",
    "? help",
)
_FILTER_HINTS: Final = (
    "words, cap:vision  cost:<1  ctx:>200k  ready:   Enter choose  Tab column  Esc closes the filter",
    "cap:vision cost:<1 ctx:>200k ready:  Esc closes",
    "cap: cost: ctx: ready:  Esc",
)


def view(state: State, size: Size) -> Frame:
    """The frame of `state` on a terminal of `size`: exactly as many lines as it has rows, none too wide."""
    columns, rows = size
    if columns < 1 or rows < 1:
        return []
    if state.dialog is not None:
        frame = dialog_lines(state.dialog, columns, rows)
    elif state.help is not None:
        frame = _help(state.help, columns, rows)
    else:
        frame = _list(state, columns, rows)
    return (frame + [[] for _ in range(rows)])[:rows]


def text(frame: Frame) -> str:
    """The frame as plain text, without trailing spaces."""
    return "\n".join("".join(piece for _, piece in line).rstrip() for line in frame)


def body_rows(state: State, rows: int) -> int:
    """How many lines of the lists fit on a terminal with `rows` rows."""
    return max(1, rows - (rows >= 5) - len(_footer(state, 80, rows)))


def _list(state: State, columns: int, rows: int) -> Frame:
    footer = _footer(state, columns, rows)
    height = body_rows(state, rows)
    show_detail = columns >= DETAIL
    left = _left_width(state) if columns >= TWO_COLUMNS else 0
    right = max(38, min(60, columns * 3 // 10)) if show_detail else 0
    middle = columns - (left + 3 if left else 0) - (right + 3 if right else 0)
    frame: Frame = []
    lefts = _providers(state, left or columns, height)
    if not left:
        if rows >= 5:
            frame.append(_heading(state, columns, state.column))
        return frame + (lefts if state.column == "providers" else _models(state, columns, height)) + footer
    models = _models(state, middle, height)
    details = detail(state, right, height) if right else []
    if rows >= 5:
        head = [*_heading(state, left, "providers"), _BAR, *_heading(state, middle, "models")]
        frame.append([*head, _BAR, ("head", fit("Details", right))] if right else head)
    for at in range(height):
        line = [*lefts[at], _BAR, *models[at]]
        if right:
            line += [_BAR, *(details[at] if at < len(details) else [])]
        frame.append(line)
    return frame + footer


def _left_width(state: State) -> int:
    return max(34, min(38, width(state.providers[0].title) + 2 if state.providers else 0))


def _heading(state: State, cells: int, column: str) -> Line:
    style = "head" if state.column == column else "dim"
    if column == "providers":
        return [(style, fit("Providers", cells))]
    return [(style, fit(f"Models  {_count(state, cells - 8)}", cells))]


def _count(state: State, cells: int) -> str:
    """How many rows are shown and hidden, and why, as far as it fits."""
    shown = state.shown
    brief = f"{len(shown.items):,} shown · {shown.hidden:,} hidden"
    notes = []
    if shown.deprecated:
        notes.append(f"{shown.deprecated:,} deprecated")
    if state.ready_only:
        notes.append("ready only")
    if state.sort != "best":
        notes.append(f"by {state.sort}")
    for many in range(len(notes), -1, -1):
        text = " · ".join([brief, *notes[:many]])
        if width(text) <= cells:
            return text
    return brief


def _window(at: int, count: int, height: int) -> range:
    """The visible part of a list: around the selected line, without empty lines at the end."""
    top = max(0, min(at - height // 2, count - height))
    return range(top, min(count, top + height))


def _providers(state: State, cells: int, height: int) -> Frame:
    at = state.provider_at
    frame: Frame = []
    for place in _window(at, len(state.providers), height):
        frame.append(
            _provider(state.providers[place], cells, selected=place == at, focused=state.column == "providers")
        )
    return frame + [[("", " " * cells)] for _ in range(height - len(frame))]


def _provider(one: Provider, cells: int, *, selected: bool, focused: bool) -> Line:
    lead = "▸ " if selected else "  "
    if one.name == LITELLM:
        return [("sel" if selected and focused else "bold", fit(lead + one.title, cells))]
    style, mark = MARKS[one.mark]
    tail = " ".join(part for part in ("" if one.count is None else f"{one.count:,}", one.note) if part)
    tail = f" {tail}" if tail else ""
    room = cells - 4 - width(tail)
    if room < 6:
        tail, room = "", cells - 4
    name = fit(clean(one.title), room)
    if selected and focused:
        return [("sel", cut(f"{lead}{mark} {name}{tail}", cells))]
    return _cut([("", lead), (style, mark), ("bold" if selected else "", f" {name}"), ("dim", tail)], cells)


def _models(state: State, cells: int, height: int) -> Frame:
    items = state.shown.items
    frame: Frame = []
    if not items:
        reasons = [line for one in _why_empty(state) for line in wrap(one, cells)]
        frame = [[("dim", fit(line, cells))] for line in reasons[:height]]
    at = min(state.cursor, len(items) - 1)
    for place in _window(at, len(items), height):
        frame.append(_model(state, items[place], cells, selected=place == at))
    return frame + [[("", " " * cells)] for _ in range(height - len(frame))]


def _why_empty(state: State) -> tuple[str, ...]:
    """Why the list has no models, and what would help."""
    if state.shown.deprecated:
        return (f"Only deprecated models: {state.shown.deprecated:,}.", "D shows them.")
    if state.filter:
        return ("No model matches.", "Esc closes the filter.")
    if state.ready_only:
        return ("No model here is ready.", "r shows the others, a adds a key.")
    data, name = state.data, state.provider
    listed = data.lives.get(name)
    if listed is not None and listed.problem:
        return ("The list could not be fetched:", clean(listed.problem))
    if listed is None and (name in LISTED or name in data.servers or name == PROXY):
        return ("The list is being fetched …",)
    return ("No models are listed here.", "Choose one by name: --model SPEC.")


def _model(state: State, item: Item, cells: int, *, selected: bool) -> Line:
    style, mark = MARKS[state.marks.of(item)]
    spec = item.spec
    memory = state.data.memory
    flag = "★" if spec in memory.favourites else "↻" if spec in memory.recents[:5] else " "
    row = item.row
    side: list[Fragment] = []
    if cells >= 40:
        side.append(("dim", f" {fit(tokens(row.context_tokens), 5, right=True)}"))
    if cells >= 54:
        side.append(("dim", f" {fit(price_pair(row), 12, right=True)}"))
    if cells >= 78:
        until = f"until {row.deprecated_on} " if row.deprecated_on else ""
        side.append(("dim", f"  {fit(until + ' '.join(row.caps), min(40, cells - 58))}"))
    room = cells - 4 - sum(width(piece) for _, piece in side)
    first, after = _name(state, item)
    if row.mode == "completion":
        after = f"{after}  text completion".strip()
    first = cut(clean(first), room)
    after = fit(f"  {after}" if after else "", room - width(first))
    lead = f"{'▸' if selected else ' '}{flag}"
    if selected and state.column == "models":
        return [("sel", cut(f"{lead}{mark} {first}{after}{''.join(piece for _, piece in side)}", cells))]
    name = "bold" if selected else ""
    return _cut([("", lead), (style, mark), (name, f" {first}"), ("dim", after), *side], cells)


def _name(state: State, item: Item) -> tuple[str, str]:
    """A model's name in this list, and the dimmed text after it."""
    row = item.row
    if state.provider != LITELLM:
        return row.model, ""
    if state.filter is None and state.scope == "curated" and item.lane == "litellm" and row.key in state.index.names:
        return state.index.names[row.key], row.provider
    return (row.key if item.lane == "litellm" or state.filter is not None else item.spec), ""


def _footer(state: State, columns: int, rows: int) -> Frame:
    """The lines below the list: the filter, the selected spec, and a message or the keys."""
    item = state.item
    spec = item.spec if item is not None else ""
    lines: Frame = []
    if state.filter is not None and rows >= 2:
        lines.append(_filter_line(state.filter, columns))
    if rows >= 3:
        if rows < 5:
            count = f"{len(state.shown.items):,}/{state.shown.hidden:,}"
            spec = f"{count} {spec}"
        line = state.message if state.message and rows < 4 else spec
        lines.append([("bold", cut(clean(line), columns))])
    if rows >= 4 and (state.filter is None or rows >= 6):
        lines.append(_last_line(state, columns))
    return lines


def _filter_line(typed: str, columns: int) -> Line:
    room = columns - 3
    shown = clean(typed)
    while shown and width(shown) > room:
        shown = shown[1:]
    return _cut([("head", "/ "), ("", shown), ("cursor", " ")], columns)


def _last_line(state: State, columns: int) -> Line:
    if state.message:
        return [("bold", cut(clean(state.message), columns))]
    if state.filter:
        from ingate.catalog import parse_query

        problems = parse_query(state.filter).problems
        if problems:
            return [("warn", cut(clean(problems[0]), columns))]
    hints = _HINTS if state.filter is None else _FILTER_HINTS
    return [("dim", cut(next((hint for hint in hints if width(hint) <= columns), hints[-1]), columns))]


def _help(top: int, columns: int, rows: int) -> Frame:
    frame: Frame = [[("head", cut("Keys   (Esc closes, ↑ ↓ scroll)", columns))]]
    if columns < 60:
        for keys, what in HELP[top:]:
            frame += [[("", line)] for line in wrap(f"{keys}: {what}" if what else keys, columns, "  ")]
        return frame[:rows]
    top = min(top, max(0, len(HELP) - (rows - 1)))
    for keys, what in HELP[top:]:
        frame.append(_cut([("bold", fit(keys, 28) if what else keys), ("", f" {what}")], columns))
    return frame[:rows]


def _cut(line: Line, cells: int) -> Line:
    """A line no wider than `cells`."""
    kept: Line = []
    for style, piece in line:
        taken = width(piece)
        if taken > cells:
            kept.append((style, cut(piece, cells)))
            break
        kept.append((style, piece))
        cells -= taken
    return [fragment for fragment in kept if fragment[1]]


def plain_list(data: PickerData, *, now: float = 0.0) -> str:
    """The picker without a terminal: local models, the proxy's deployments and curated models, with their marks.

    Args:
        data: What there is to pick from.
        now: Seconds since the epoch, for the age of the proxy's list; 0 to leave it out.
    """
    marks = Marks(data)
    items = [Item(row, "auto") for row in data.local]
    listed = data.lives.get("litellm_proxy")
    if data.proxy is not None and listed is not None:
        items += [Item(row, "proxy") for row in listed.rows]
    items += [Item(entry.row, LITELLM) for entry in data.curated]
    wide = max((width(clean(item.spec)) for item in items), default=0)
    lines = []
    for item in items:
        row = item.row
        line = (
            f"{MARKS[marks.of(item)][1]} {fit(clean(item.spec), wide)}  {fit(tokens(row.context_tokens), 5, right=True)}"
            f"  {fit(price_pair(row), 11)}  {features(row)}"
        )
        lines.append(line.rstrip())
    shown = {item.row.key for item in items}
    hidden = sum(1 for row in data.rows if row.key not in shown)
    when = f", the proxy's list is from {age(now - listed.fetched_at)}" if now and listed and listed.fetched_at else ""
    lines += [
        "",
        f"{len(items)} shown, {hidden:,} more: `ingate models WORDS` finds them{when}.",
        "Picking a model needs a terminal; pass --model SPEC instead.",
    ]
    return "\n".join(lines)
