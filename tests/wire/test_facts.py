"""Facts about models: the rules of the file, overridden by the caller's, and the nearest effort a model has."""

from __future__ import annotations

import pytest

from ingate.wire.facts import BUDGETS, EFFORTS, effort_of_budget, model_facts, nearest_effort


def test_later_rules_override_earlier_ones_and_the_callers_facts_override_both() -> None:
    assert model_facts("anthropic", "claude-sonnet-9")["final_assistant"] is False
    assert model_facts("anthropic", "Claude-Sonnet-4-5")["final_assistant"] is True
    assert model_facts("anthropic", "claude-sonnet-4-5", {"final_assistant": False})["final_assistant"] is False
    assert model_facts("anthropic", "claude-sonnet-4-5", {"final_assistant": None})["final_assistant"] is True


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("supports_sampling_params", "sampling"),
        ("supports_assistant_prefill", "final_assistant"),
        ("supports_native_structured_output", "structured"),
        ("max_output_tokens", "max_output_tokens"),
    ],
)
def test_the_catalogs_names_are_ours(name: str, ours: str) -> None:
    assert model_facts("no such format", "m", {name: 7}) == {ours: 7}


def test_a_model_of_no_known_family_has_no_facts() -> None:
    assert model_facts("anthropic", "llama-4") == {}
    assert model_facts("no such format", "claude") == {}


@pytest.mark.parametrize(
    ("effort", "levels", "nearest"),
    [
        ("low", ("low", "high"), "low"),
        ("medium", ("low", "high"), "high"),
        ("none", ("low", "high"), "low"),
        ("max", ("low", "high"), "high"),
        ("xhigh", ("medium", "max"), "max"),
        ("high", ("none",), "none"),
        ("high", (), None),
        ("high", ("unknown",), None),
        ("high", ("unknown", "low"), "low"),
        ("huge", ("low",), None),
    ],
)
def test_the_nearest_effort_is_the_higher_of_two(effort: str, levels: tuple[str, ...], nearest: str | None) -> None:
    assert nearest_effort(effort, levels) == nearest


@pytest.mark.parametrize(
    ("tokens", "effort"),
    [
        (-1, "minimal"),
        (1024, "minimal"),
        (1025, "low"),
        (2048, "low"),
        (2049, "medium"),
        (16384, "high"),
        (24577, "max"),
        (10**6, "max"),
    ],
)
def test_a_budget_is_the_lowest_effort_that_covers_it(tokens: int, effort: str) -> None:
    assert effort_of_budget(tokens) == effort


def test_every_effort_but_none_has_a_budget_and_they_rise() -> None:
    assert tuple(BUDGETS) == EFFORTS[1:]
    assert sorted(BUDGETS.values()) == list(BUDGETS.values())
