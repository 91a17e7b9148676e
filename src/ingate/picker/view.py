"""From a state and a size to a frame: lines of styled text. Pure, and as quick as the screen is small.

Styles are words: `head`, `dim`, `bold`, `ok`, `warn`, `bad`, `sel` (the selected line of the column the arrows move in), `cursor`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ingate.catalog.format import price, tokens
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
    "Enter take  / filter  Tab column  c all/curated  a add key  r ready  s sort  f favourite  t test  y copy  ? help  q leave",
    "Enter take  / filter  Tab column  c all/curated  a add key  r ready  s sort  f star  t test  y copy  ? help  q leave",
    "Enter take  / filter  c all  a key  r ready  s sort  t test  ? help  q leave",
    "Enter take  / filter  c all  a key  r ready  ? help  q leave",
    "Enter take  / filter  c all  ? help  q",
    "/ filter  ? help  q leave",
    "? help",
)
_FILTER_HINTS: Final = (
    "words, cap:vision  cost:<1  ctx:>200k  ready:   Enter take  Tab column  Esc leaves the filter",
    "cap:vision cost:<1 ctx:>200k ready:  Esc leaves",
    "cap: cost: ctx: ready:  Esc",
)


def view(state: State, size: Size) -> Frame:
    """The frame of `state` on a terminal of `size`: exactly as many lines, none wider than the screen."""
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
    """The frame as plain text, without blanks at the ends of lines."""
    return "\n".join("".join(piece for _, piece in line).rstrip() for line in frame)


def body_rows(state: State, rows: int) -> int:
    """How many lines of the list a terminal of so many rows shows."""
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
    """How many rows are shown and hidden, and why, as much as there is room for."""
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
    """The part of a list that is shown: around the selected line, without empty lines at the end."""
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
    if one.kind == "litellm":
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
        said = [line for one in _nothing(state) for line in wrap(one, cells)]
        frame = [[("dim", fit(line, cells))] for line in said[:height]]
    at = min(state.cursor, len(items) - 1)
    for place in _window(at, len(items), height):
        frame.append(_model(state, items[place], cells, selected=place == at))
    return frame + [[("", " " * cells)] for _ in range(height - len(frame))]


def _nothing(state: State) -> tuple[str, ...]:
    if state.shown.deprecated:
        return (f"Nothing but {state.shown.deprecated:,} deprecated.", "D shows them.")
    if state.filter:
        return ("Nothing matches.", "Esc leaves the filter.")
    if state.ready_only:
        return ("Nothing here is ready.", "r shows the rest, a adds a key.")
    data, name = state.data, state.provider
    listed = data.lives.get(name)
    if listed is not None and listed.problem:
        return ("No list:", clean(listed.problem))
    if listed is None and (name in LISTED or name in data.servers or name == PROXY):
        return ("The list is being fetched …",)
    return ("No models are listed here.", "Take one by name: --model SPEC.")


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
        paid = f"{price(row.input_usd_per_mtok)}/{price(row.output_usd_per_mtok)}"
        side.append(("dim", f" {fit(paid, 12, right=True)}"))
    if cells >= 78:
        gone = f"until {row.deprecated_on} " if row.deprecated_on else ""
        side.append(("dim", f"  {fit(gone + ' '.join(row.caps), min(40, cells - 58))}"))
    room = cells - 4 - sum(width(piece) for _, piece in side)
    first, after = _name(state, item)
    first = cut(clean(first), room)
    after = fit(f"  {after}" if after else "", room - width(first))
    lead = f"{'▸' if selected else ' '}{flag}"
    if selected and state.column == "models":
        return [("sel", cut(f"{lead}{mark} {first}{after}{''.join(piece for _, piece in side)}", cells))]
    name = "bold" if selected else ""
    return _cut([("", lead), (style, mark), (name, f" {first}"), ("dim", after), *side], cells)


def _name(state: State, item: Item) -> tuple[str, str]:
    """What a model is called in this list, and what follows in a lighter voice."""
    row = item.row
    if state.provider != LITELLM:
        return row.model, ""
    if state.filter is None and state.scope == "curated" and item.lane == "litellm" and row.key in state.index.names:
        return state.index.names[row.key], row.provider
    return (row.key if item.lane == "litellm" or state.filter is not None else item.spec), ""


def _footer(state: State, columns: int, rows: int) -> Frame:
    """The lines below the list: what is typed, the selected spec, a message or the keys."""
    item = state.item
    spec = item.spec if item is not None else ""
    lines: Frame = []
    if state.filter is not None and rows >= 2:
        lines.append(_filter_line(state.filter, columns))
    if rows >= 3:
        if rows < 5:
            count = f"{len(state.shown.items):,}/{state.shown.hidden:,}"
            spec = f"{count} {spec}"
        said = state.message if state.message and rows < 4 else spec
        lines.append([("bold", cut(clean(said), columns))])
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
    for keys, what in HELP[top : top + rows - 1]:
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
    """The local models, the proxy's deployments and the curated models with their marks, as lines of plain text.

    Args:
        data: What there is.
        now: Seconds since the epoch, for the age of the proxy's list; 0 leaves it out.
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
        paid = f"{price(row.input_usd_per_mtok)}/{price(row.output_usd_per_mtok)}"
        line = (
            f"{MARKS[marks.of(item)][1]} {fit(clean(item.spec), wide)}  {fit(tokens(row.context_tokens), 5, right=True)}"
            f"  {fit(paid, 11)}  {' '.join(row.caps)}"
        )
        lines.append(line.rstrip())
    shown = {item.row.key for item in items}
    hidden = sum(1 for row in data.rows if row.key not in shown)
    when = f", the proxy's list is from {age(now - listed.fetched_at)}" if now and listed and listed.fetched_at else ""
    lines += [
        "",
        f"{len(items)} shown, {hidden:,} more: `ingate models WORDS` finds them{when}.",
        "This is not a terminal, so nothing can be picked here: pass --model SPEC.",
    ]
    return "\n".join(lines)
