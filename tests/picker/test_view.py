"""Frames that are compared whole: small screens, help, and the list without a terminal."""

from __future__ import annotations

import pytest

from ingate.picker.keys import HELP
from ingate.picker.screen import Painter
from ingate.picker.state import Size
from ingate.picker.view import plain_list, text, view
from support.picker import NOW, data, press, start

HEADING = "Models  6 shown · 17 hidden"
ROWS = [
    "▸ ✓ GPT-OSS 120B (Groq)  groq              131k     0.15/0.6",
    "  ✓ 通义千问 最大  qwen                    262k        1.2/6",
    "  ○ GPT-6.1 Sol (Azure)  azure             922k         2/10",
    "  ✗ GPT-6.1 Sol  openai                    922k       2+/10+",
]
SPEC = "litellm.groq/openai/gpt-oss-120b"
HINT = "Enter choose  / filter  c all  ? help  q"


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        (1, ROWS[:1]),
        (2, ROWS[:2]),
        (3, [*ROWS[:2], f"6/17 {SPEC}"]),
        (4, [*ROWS[:2], f"6/17 {SPEC}", HINT]),
        (5, [HEADING, *ROWS[:2], SPEC, HINT]),
        (6, [HEADING, *ROWS[:3], SPEC, HINT]),
        (7, [HEADING, *ROWS[:4], SPEC, HINT]),
    ],
)
def test_a_small_screen_gives_up_the_hints_the_spec_and_the_heading(rows: int, lines: list[str]) -> None:
    assert text(view(start(), Size(60, rows))).splitlines() == lines


FOUND = [
    "▸ ✓ groq/openai/gpt-oss-120b               131k     0.15/0.6",
    "  ✓ litellm_proxy/team-gpt                    ?          ?/?",
    "  ○ azure/gpt-6.1-sol                      922k         2/10",
]
COUNT = "Models  5 shown · 22 hidden · 1 deprecated"
FILTER_HINT = "cap:vision cost:<1 ctx:>200k ready:  Esc closes"


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        (1, FOUND[:1]),
        (2, [*FOUND[:1], "/ gpt"]),
        (3, [*FOUND[:1], "/ gpt", f"5/22 {SPEC}"]),
        (4, [*FOUND[:2], "/ gpt", f"5/22 {SPEC}"]),
        (5, [COUNT, *FOUND[:2], "/ gpt", SPEC]),
        (6, [COUNT, *FOUND[:2], "/ gpt", SPEC, FILTER_HINT]),
        (7, [COUNT, *FOUND[:3], "/ gpt", SPEC, FILTER_HINT]),
    ],
)
def test_the_filter_stays_visible_on_a_small_screen(rows: int, lines: list[str]) -> None:
    assert text(view(press(start(), "/gpt"), Size(60, rows))).splitlines() == lines


def test_a_message_takes_the_place_of_the_hints_or_on_a_tiny_screen_of_the_spec() -> None:
    state = press(start(), "r")
    assert text(view(state, Size(60, 5))).splitlines()[-2:] == [SPEC, "only ready models"]
    assert text(view(state, Size(60, 4))).splitlines()[-1] == "only ready models"
    assert text(view(state, Size(60, 3))).splitlines()[-1] == "only ready models"


def test_the_providers_have_the_whole_width_of_a_narrow_screen() -> None:
    assert text(view(press(start(), "left"), Size(60, 16))).splitlines() == [
        "Providers",
        "▸ LiteLLM [available] (6 curated)",
        "  ✓ Local models                                           2",
        "  ✓ LiteLLM proxy                                 2 42 s ago",
        "  ✓ Groq                                                  14",
        "  ✓ 通义千问 Qwen                                          2",
        "  ○ Azure OpenAI                                           1",
        "  ○ Ollama                                                 1",
        "  ○ GitHub Copilot",
        "  ✗ OpenAI                                                 2",
        "  ✗ Anthropic                                              2",
        "  ✗ OpenRouter",
        "",
        "",
        "litellm.groq/openai/gpt-oss-120b",
        "Enter choose  / filter  c all  ? help  q",
    ]


def test_no_frame_for_no_screen() -> None:
    for size in (Size(0, 5), Size(5, 0)):
        assert view(start(), size) == []
    assert len(view(start(), Size(1, 1))) == 1


def test_help_is_whole_on_a_tall_screen_wherever_it_was_scrolled() -> None:
    state = press(start(), "?", "pagedown")
    lines = text(view(state, Size(100, 40))).splitlines()
    assert lines[0] == "Keys   (Esc closes, ↑ ↓ scroll)"
    assert lines[1].startswith(HELP[0][0])
    assert len([line for line in lines if line]) == 1 + len([keys for keys, _ in HELP if keys])
    small = text(view(state, Size(100, 6))).splitlines()
    assert [line.split("  ")[0] for line in small[1:]] == [keys.split("  ")[0] for keys, _ in HELP[5:10]]
    end = text(view(press(state, "end"), Size(100, 6))).splitlines()
    assert end[-1].startswith(HELP[-1][0])
    narrow = text(view(state, Size(50, 6))).splitlines()
    assert narrow[1] == f"{HELP[5][0]}: {HELP[5][1]}"


@pytest.mark.parametrize(
    ("litellm", "title"), [(True, "LiteLLM [available] (6 curated)"), (False, "LiteLLM [not installed] (6 curated)")]
)
def test_the_first_line_has_room_for_its_title(litellm: bool, title: str) -> None:
    frame = text(view(start(litellm=litellm), Size(120, 10))).splitlines()
    assert frame[1].startswith(f"▸ {title}")
    assert frame[1].index("│") == max(34, len(title) + 2) + 1


def test_the_list_without_a_terminal() -> None:
    lines = [
        "✓ local/smollm2                           8.2k  free/free",
        "✗ local/большая                              ?  ?/?",
        "✓ litellm/team-gpt                           ?  ?/?",
        "✓ litellm/要約モデル                         ?  ?/?",
        "✗ litellm.openai/gpt-6.1-sol              922k  2+/10+       tools vision reasoning json",
        "✗ litellm.anthropic/claude-opus-5-5         1M  4/20         tools vision reasoning pdf",
        "✗ litellm.anthropic/claude-haiku-5-5        1M  0.1/0.5      tools vision",
        "✓ litellm.groq/openai/gpt-oss-120b        131k  0.15/0.6     tools reasoning json",
        "✓ litellm.qwen/通义千问-最大-2026-05-01   262k  1.2/6        tools reasoning",
        "○ litellm.azure/gpt-6.1-sol               922k  2/10         tools vision",
        "",
        "10 shown, 17 more: `ingate models WORDS` finds them, the proxy's list is from 42 s ago.",
        "Picking a model needs a terminal; pass --model SPEC instead.",
    ]
    assert plain_list(data(), now=NOW).splitlines() == lines
    assert plain_list(data()).splitlines() == [
        line.replace(", the proxy's list is from 42 s ago", "") for line in lines
    ]
    without = plain_list(data(proxy=None, lives={}), now=NOW).splitlines()
    assert without[-2] == "8 shown, 17 more: `ingate models WORDS` finds them."


@pytest.mark.parametrize(
    ("style", "coloured", "plain"),
    [
        ("", "x", "x"),
        ("head", "\x1b[1;4mx\x1b[0m", "\x1b[1;4mx\x1b[0m"),
        ("bold", "\x1b[1mx\x1b[0m", "\x1b[1mx\x1b[0m"),
        ("dim", "\x1b[2mx\x1b[0m", "\x1b[2mx\x1b[0m"),
        ("sel", "\x1b[7mx\x1b[0m", "\x1b[7mx\x1b[0m"),
        ("cursor", "\x1b[7mx\x1b[0m", "\x1b[7mx\x1b[0m"),
        ("ok", "\x1b[32mx\x1b[0m", "x"),
        ("warn", "\x1b[35mx\x1b[0m", "x"),
        ("bad", "\x1b[31mx\x1b[0m", "x"),
    ],
)
def test_each_style_has_its_sequence_and_only_some_a_colour(style: str, coloured: str, plain: str) -> None:
    for painter, shown in ((Painter, coloured), (lambda write: Painter(write, colour=False), plain)):
        written: list[str] = []
        painter(written.append).paint([[(style, "x")]], Size(10, 1))
        assert written == [f"\x1b[?2026h\x1b[0m\x1b[2J\x1b[1;1H\x1b[K{shown}\x1b[?2026l"]
