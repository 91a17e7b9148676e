"""The pane on the right, whole: which lines, in which order and style."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from ingate.catalog.schema import ModelRow
from ingate.picker.detail import detail
from support.picker import LIVES, NOW, ROWS, data, press, start

if TYPE_CHECKING:
    from ingate.picker.state import State

READY = [
    ("bold", "GPT-OSS 120B (Groq)"),
    ("dim", "litellm.groq/openai/gpt-oss-120b"),
    ("", ""),
    ("", "Context      131k"),
    ("", "Output limit 66k"),
    ("", "Input        $0.15 per M tokens"),
    ("", "Output       $0.6"),
    ("", "Features     tools reasoning json"),
    ("", ""),
    ("ok", "✓ Groq: env GROQ_API_KEY"),
]
MISSING = [
    ("bold", "GPT-6.1 Sol"),
    ("dim", "litellm.openai/gpt-6.1-sol"),
    ("", ""),
    ("", "Context      922k"),
    ("", "Output limit 128k"),
    ("", "Input        from $2 per M tokens"),
    ("", "Output       from $10"),
    ("", "Cache        read $0.1, write $2.5"),
    ("", "> 272k       in $4, out $15"),
    ("", "Features     tools vision reasoning json"),
    ("", ""),
    ("bad", "✗ OpenAI: missing"),
    ("", "openai needs a key: set OPENAI_API_KEY"),
    ("", "→ export OPENAI_API_KEY=…, or set"),
    ("", "  openai.api_key in ingate.yaml"),
    ("warn", "OPENAI_KEY is set; this provider reads"),
    ("warn", "OPENAI_API_KEY"),
    ("dim", "https://platform.openai.com/api-keys"),
    ("bold", "Press a to add it."),
]


def pane(state: State, cells: int = 40, height: int = 30) -> list[tuple[str, str]]:
    lines = detail(state, cells, height)
    assert all(len(line) == 1 for line in lines)
    return [line[0] for line in lines]


def on(row: ModelRow, **changes: object) -> State:
    """The state with a row of the catalog selected, on its provider's own line."""
    return start(rows=(*ROWS, row), current=row.key, **changes)


def test_a_ready_model_shows_its_facts_and_then_its_credential() -> None:
    assert pane(start()) == READY
    assert pane(start(), height=13) == READY
    # On a small screen the spec is below the list only, and what answers comes before the facts.
    assert pane(start(), height=12) == [READY[0], READY[2], *READY[3:9], READY[9]]
    assert pane(start(), height=7) == [READY[0], READY[9], *READY[3:8]]
    assert pane(start(), height=2) == [READY[0], READY[9]]


def test_a_missing_model_shows_what_would_help() -> None:
    state = press(start(), "down", "down", "down")
    assert pane(state) == MISSING
    small = [MISSING[0], MISSING[1], *MISSING[11:], *MISSING[3:10]]
    assert pane(state, height=18) == small[:18]
    assert pane(state, height=14) == small[:14]
    facts = [("dim", "alias best, large")]
    with_alias = press(start(aliases={ROWS[0].key: ("best", "large")}), "down", "down", "down")
    assert pane(with_alias)[:3] == [*MISSING[:2], *facts]


def test_a_documentation_page_stands_in_for_a_page_of_keys() -> None:
    there = data()
    known = msgspec.structs.replace(there.providers["openai"], key_url="", docs_url="https://docs.example")
    state = press(start(providers={**there.providers, "openai": known}), "down", "down", "down")
    assert ("dim", "https://docs.example") in pane(state)
    none = msgspec.structs.replace(known, docs_url="")
    without = press(start(providers={**there.providers, "openai": none}), "down", "down", "down")
    assert pane(without) == [line for line in MISSING if line[0] != "dim" or "https" not in line[1]]


@pytest.mark.parametrize(
    ("row", "facts"),
    [
        (
            ModelRow("groq", "z", "responses", cache_read_usd_per_mtok=0.5),
            [
                ("", "Context      ?"),
                ("", "Output limit ?"),
                ("", "Input        ? per M tokens"),
                ("", "Output       ?"),
                ("", "Cache        read $0.5, write ?"),
                ("", "API          Responses"),
                ("", "Features     ?"),
            ],
        ),
        (
            ModelRow(
                "groq", "z", "completion", 512, 64, 0.0, 0.0, cache_write_usd_per_mtok=1.0, reasoning_usd_per_mtok=3.0
            ),
            [
                ("", "Context      512"),
                ("", "Output limit 64"),
                ("", "Input        free per M tokens"),
                ("", "Output       free"),
                ("", "Cache        read ?, write $1"),
                ("", "Reasoning    $3"),
                ("", "API          text completion"),
                ("", "Features     ?"),
            ],
        ),
        (
            ModelRow(
                "groq", "z", "other", caps=("tools", "vision", "reasoning", "json", "pdf"), deprecated_on="2027-05-01"
            ),
            [
                ("", "Context      ?"),
                ("", "Output limit ?"),
                ("", "Input        ? per M tokens"),
                ("", "Output       ?"),
                ("", "API          other"),
                ("", "Features     tools vision reasoning json"),
                ("", "             pdf"),
                ("warn", "Retired on   2027-05-01"),
            ],
        ),
    ],
)
def test_facts_are_those_that_are_known(row: ModelRow, facts: list[tuple[str, str]]) -> None:
    lines = pane(on(row))
    assert lines[:3] == [("bold", "z"), ("dim", "groq/z"), ("", "")]
    assert lines[3 : 3 + len(facts)] == facts
    assert lines[3 + len(facts) :] == [("", ""), ("ok", "✓ Groq: env GROQ_API_KEY")]


def test_the_age_of_the_list_that_a_model_comes_from_is_shown() -> None:
    state = start(current="litellm/team-gpt")
    assert pane(state)[-1] == ("dim", "listed 42 s ago")
    unfetched = {"litellm_proxy": msgspec.structs.replace(LIVES["litellm_proxy"], fetched_at=0.0)}
    assert pane(start(current="litellm/team-gpt", lives=unfetched))[-1][1] != "listed 42 s ago"
    assert state.now == NOW


def test_without_a_model_there_is_nothing_to_show() -> None:
    assert detail(press(start(), "/zzzzzz"), 40, 30) == []
