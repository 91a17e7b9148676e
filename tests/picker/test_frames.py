"""Frames as text, at every width and in every state.

`INGATE_GOLDEN=write pytest tests/picker/test_frames.py` writes the files in `golden/` anew; read the difference before keeping it.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ingate import environment
from ingate.catalog.schema import ModelRow
from ingate.picker.cells import clean, cut, fit, width, wrap
from ingate.picker.data import Live
from ingate.picker.memory import Memory
from ingate.picker.state import Size, opened, with_
from ingate.picker.view import text, view
from support.picker import NOW, ROWS, data, press, start

if TYPE_CHECKING:
    from ingate.picker.state import State

GOLDEN = Path(__file__).parent / "golden"
# Read before the fixture that empties the environment.
WRITE = environment.snapshot().get("INGATE_GOLDEN") == "write"

REMEMBERED = Memory(("local/smollm2", "litellm.qwen/通义千问-最大-2026-05-01"), ("groq/openai/gpt-oss-120b",))
SCENES: dict[str, State] = {
    "opened": start(),
    "remembered": start(memory=REMEMBERED, current="litellm.anthropic/claude-opus-5-5"),
    "all": press(start(), "c"),
    "missing": press(start(), "end"),
    "filter": press(start(), "/gpt cap:tools"),
    "nothing": press(start(), "/zzzzzzzzzz"),
    "proxy": press(start(), "left", "down", "down", "right", "down"),
    "no-litellm": start(litellm=False),
    "add-key": press(start(), "home", "down", "down", "down", "a", "secret"),
    "choose-variables": press(start(), "home", "down", "down", "a"),
    "help": press(start(), "?"),
}
SIZES = (Size(40, 8), Size(80, 24), Size(120, 30), Size(200, 16))


@pytest.mark.parametrize("scene", SCENES)
def test_frame_is_the_golden_one(scene: str) -> None:
    """What a person sees, at four widths."""
    frames = [f"[{size.columns} x {size.rows}]\n{text(view(SCENES[scene], size))}\n" for size in SIZES]
    made = "\n".join(frames)
    path = GOLDEN / f"{scene}.txt"
    if WRITE:
        path.write_text(made, encoding="utf-8")
    assert made == path.read_text(encoding="utf-8")


def random_state(dice: random.Random) -> State:
    names = [
        "名前" * 20,
        "a" * 300,
        "x\x1b[31mred",
        "e\u0301\u0301\u0301",
        "👩‍👩‍👧‍👦 family",
        "\u202eevil",
        "\t\n",
        "?&,%",
        "العربية",
    ]
    rows = tuple(
        ModelRow(dice.choice(["openai", "groq", "unknown"]), dice.choice(names) + str(number), caps=("tools",) * dice.randrange(2))
        for number in range(dice.randrange(40))
    )  # fmt: skip
    state = opened(
        data(
            rows=ROWS[: dice.randrange(len(ROWS))] + rows,
            litellm=dice.random() < 0.5,
            proxy=None if dice.random() < 0.5 else "http://名前.example/\x1b]0;x\x07",
            lives={"litellm_proxy": Live(rows[:5], NOW - 9e5, dice.choice(["", "broken 名前 " * 9]))},
            current=dice.choice([None, "groq/名前", "nonsense", "a,b", "litellm/x?y=1"]),
            memory=Memory(tuple(dice.choice(names) for _ in range(3)), ("local/" + dice.choice(names),)),
        ),
        now=NOW,
    )
    keys = ["down", "up", "left", "right", "pagedown", "end", "home", "c-m", "escape", "c-h", "c-w", "c-u", "c-i", "f1"]
    for _ in range(dice.randrange(14)):
        state = press(state, dice.choice([*keys, *"cfsraDyt?/", "名", "gpt", "cap:", "ready:"]))
    return with_(state, message=dice.choice(["", "said 名前 " * 30, "\x1b[2J"]))


@pytest.mark.parametrize("seed", range(60))
def test_every_frame_fits_the_screen(seed: int) -> None:
    """As many lines as the screen has, none wider, and nothing a terminal would act on."""
    dice = random.Random(seed)
    state = random_state(dice)
    sizes = [Size(dice.randint(1, 250), dice.randint(1, 80)) for _ in range(12)]
    for size in [*sizes, Size(1, 1), Size(2, 2), Size(40, 8), Size(250, 80), Size(69, 5), Size(70, 3), Size(110, 4)]:
        frame = view(state, size)
        assert len(frame) == size.rows
        for line in frame:
            written = "".join(piece for _, piece in line)
            assert width(written) <= size.columns, (size, written)
            assert written.isprintable()


@pytest.mark.parametrize("size", [Size(40, 8), Size(80, 24), Size(120, 30), Size(200, 50), Size(40, 5)])
@pytest.mark.parametrize("scene", ["opened", "all", "filter", "nothing"])
def test_counts_are_always_there(scene: str, size: Size) -> None:
    state = SCENES[scene]
    assert f"{len(state.shown.items)} shown · {state.shown.hidden} hidden" in text(view(state, size))


@pytest.mark.parametrize("rows", [3, 4])
def test_counts_and_spec_are_there_on_a_sliver_of_a_screen(rows: int) -> None:
    frame = text(view(start(), Size(60, rows)))
    assert "6/17 litellm.groq/openai/gpt-oss-120b" in frame


@pytest.mark.parametrize("columns", [40, 69, 70, 80, 109, 110, 200])
def test_the_full_spec_of_the_selected_model_is_shown(columns: int) -> None:
    state = press(start(), "/通义千问")
    assert "litellm.qwen/通义千问-最大-2026-05-01" in text(view(state, Size(columns, 12)))


def test_details_come_at_110_columns() -> None:
    assert "Details" not in text(view(start(), Size(109, 30)))
    assert "Details" in text(view(start(), Size(110, 30)))


def test_details_say_what_is_missing_and_what_would_help() -> None:
    state = press(start(), "/gpt-6.1-sol provider:openai")
    shown = text(view(state, Size(160, 40)))
    for said in (
        "openai needs a key",
        "export OPENAI_API_KEY=",
        "OPENAI_KEY is set",
        "https://platform.openai.com/api-keys",
    ):
        assert said in shown
    for fact in ("922k", "128k", "$2 per M tokens", "> 272k", "reasoning"):
        assert fact in shown


def test_details_name_the_credential_that_serves() -> None:
    assert "Groq: env GROQ_API_KEY" in text(view(start(), Size(160, 40)))


def test_details_tell_the_retirement() -> None:
    state = press(start(), "/gpt-5-mini")
    assert "2027-03-01" in text(view(state, Size(120, 40)))


def test_rows_beyond_the_screen_scroll_into_view() -> None:
    state = press(start(), "c", "end")
    shown = text(view(state, Size(80, 10)))
    item = state.item
    assert item is not None
    assert "▸" in shown
    assert item.spec in shown


def test_widths_of_what_terminals_show() -> None:
    assert width("abc") == 3
    assert width("通义") == 4
    assert width("✓○✗★↻▸│…") == 8
    assert width("e\u0301") == 1
    assert fit("通义千问", 5) == "通义…"
    assert fit("通义千问", 6) == "通义… "
    assert fit("ab", 4, right=True) == "  ab"
    assert cut("abcdef", 1) == "…"
    assert cut("abc", 0) == ""


def test_text_from_afar_cannot_steer_the_terminal() -> None:
    assert clean("a\x1b[31mb\x07\u202ec\x9b") == "a[31mbc"
    assert clean("two\nlines") == "two lines"


def test_long_words_are_broken_and_short_ones_kept_together() -> None:
    assert wrap("one two three", 7) == ["one two", "three"]
    assert wrap("abcdefghij", 4) == ["abcd", "efgh", "ij"]
    assert wrap("", 4) == [""]
    assert wrap("通义千问", 3) == ["通", "义", "千", "问"]
