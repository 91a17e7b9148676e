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
from ingate.picker.cells import width
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
SIZES = (Size(40, 8), Size(80, 24), Size(120, 30), Size(200, 16), Size(70, 5), Size(60, 4), Size(54, 12))


@pytest.mark.parametrize("scene", SCENES)
def test_frame_is_the_golden_one(scene: str) -> None:
    """What the user sees, at several sizes."""
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


def lines_of(state: State, columns: int, rows: int = 24) -> list[str]:
    return text(view(state, Size(columns, rows))).splitlines()


def test_columns_appear_as_the_terminal_gets_wider() -> None:
    state = start()
    assert "│" not in lines_of(state, 69)[0]
    assert lines_of(state, 70)[0].count("│") == 1
    assert lines_of(state, 109)[0].count("│") == 1
    assert lines_of(state, 110)[0].count("│") == 2
    providers = press(state, "left")
    assert lines_of(providers, 60)[0] == "Providers"
    assert lines_of(state, 60)[0].startswith("Models")


def test_what_a_model_line_shows_at_each_width() -> None:
    state = press(start(), "left", "down", "down", "down", "right")
    assert state.provider == "groq"

    def line(columns: int) -> str:
        return next(one for one in lines_of(state, columns) if "bulk-00" in one)

    assert "8.2k" not in line(39)
    assert "8.2k" in line(40)
    assert "free/free" not in line(53)
    assert "free/free" in line(54)
    shown = next(one for one in lines_of(state, 200) if "gpt-oss" in one)
    assert "tools reasoning json" in shown
    until = press(start(), "left", *["down"] * 8, "right")
    assert until.provider == "openai"
    assert "until 2027-03-01 tools" in "\n".join(lines_of(until, 200))


def test_marks_of_favourites_and_of_the_last_five() -> None:
    recents = tuple(f"groq/bulk-{number:02}" for number in range(6))
    state = press(start(memory=Memory(("groq/bulk-11",), recents)), "left", "down", "down", "down")
    shown = "\n".join(lines_of(state, 80, 30))
    assert "★✓ bulk-11" in shown
    assert "↻✓ bulk-04" in shown
    assert "↻✓ bulk-05" not in shown


def test_counts_give_their_reasons_if_there_is_room() -> None:
    state = press(start(), "c", "r", "s")
    assert (
        lines_of(state, 200)[0].split("│")[1].strip()
        == "Models  16 shown · 7 hidden · 1 deprecated · ready only · by name"
    )
    assert lines_of(state, 70)[0].split("│")[1].strip() == "Models  16 shown · 7 hidden"


def test_a_message_replaces_the_hints_or_the_spec() -> None:
    state = with_(start(), message="something happened")
    assert lines_of(state, 80)[-1] == "something happened"
    assert lines_of(state, 80)[-2].startswith("litellm.groq/")
    assert lines_of(state, 80, 3)[-1] == "something happened"
    assert lines_of(start(), 80, 3)[-1].endswith("litellm.groq/openai/gpt-oss-120b")


def test_a_problem_of_the_filter_is_shown_while_typing() -> None:
    state = press(start(), "/cost:cheap")
    assert "cost:" in lines_of(state, 100)[-1]
    assert "Esc closes" not in lines_of(state, 100)[-1]


def test_a_long_filter_shows_its_end() -> None:
    state = press(start(), "/" + "abcdefghij" * 10)
    line = next(one for one in lines_of(state, 40, 10) if one.startswith("/ "))
    assert line.endswith("abcdefghij")
    assert len(line) == 39


def test_a_provider_line_gives_up_its_count_before_its_name() -> None:
    lives = {"litellm_proxy": Live((ModelRow("litellm_proxy", "team-gpt"),), NOW - 4000)}
    state = press(start(lives=lives), "left")
    wide, narrow = ("\n".join(lines_of(state, columns)) for columns in (69, 12))
    assert "LiteLLM proxy" in wide
    assert "1 1 h ago" in wide
    assert "LiteLLM" in narrow
    assert "h ago" not in narrow


def test_details_of_an_unlisted_model_and_of_a_server_with_a_list() -> None:
    state = start(current="litellm.groq/brand-new")
    shown = "\n".join(lines_of(state, 160, 40))
    assert "Features     ?" in shown
    assert "Context      ?" in shown
    assert "? per M tokens" in shown
    proxy = press(start(), "left", "down", "down", "right")
    assert "listed 42 s ago" in "\n".join(lines_of(proxy, 160, 40))


def test_details_put_what_is_missing_first_on_a_small_screen() -> None:
    state = press(start(), "/gpt-6.1-sol provider:openai")
    tall, small = ("\n".join(lines_of(state, 160, rows)) for rows in (40, 14))
    assert tall.index("Context ") < tall.index("openai needs a key")
    assert small.index("openai needs a key") < (small.index("Context ") if "Context " in small else 10**6)


def test_details_show_cache_reasoning_and_tiers() -> None:
    row = ModelRow("groq", "priced", "chat", 1000, 10, 1.0, 2.0, 0.1, None, ("tools",), None, 5.0)
    shown = "\n".join(lines_of(press(start(rows=(*ROWS, row)), "/priced"), 160, 40))
    assert "Cache        read $0.1, write ?" in shown
    assert "Reasoning    $5" in shown
    tiered = "\n".join(lines_of(press(start(), "/gpt-6.1-sol provider:openai"), 160, 40))
    assert "> 272k       in $4, out $15" in tiered
    assert "Reasoning " not in tiered


def test_help_is_a_list_on_a_narrow_screen_and_two_columns_on_a_wide_one() -> None:
    state = press(start(), "?")
    assert "Enter: choose this model" in lines_of(state, 59, 60)
    wide = lines_of(state, 60, 60)
    assert any(line.startswith("Enter  ") and line.endswith("choose this model") for line in wide)
    end = press(state, "end")
    assert lines_of(end, 80, 10)[-1].startswith("✗ no credential")
    assert len(lines_of(end, 80, 10)) == 10
