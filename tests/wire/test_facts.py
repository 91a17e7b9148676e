"""Facts about models: the rules of the file, the catalog's statements over them, the caller's over both, and efforts."""

from __future__ import annotations

from typing import Any

import pytest

from ingate.wire.catalog_facts import statements, text_of
from ingate.wire.codec import Target
from ingate.wire.facts import (
    BUDGETS,
    EFFORTS,
    effort_of_budget,
    facts_file,
    facts_of,
    known_facts,
    nearest_effort,
    plain_name,
    reasons,
    takes_sampling,
    takes_stop,
    vendor_format,
)


def _facts(
    model: str, given: dict[str, Any] | None = None, *, provider: str = "anthropic", wire_format: str = "messages"
) -> Any:
    return facts_of(Target(model=model, api_base="", provider=provider, facts=given or {}), wire_format)


def test_later_rules_override_earlier_ones_and_the_callers_facts_override_both() -> None:
    assert _facts("claude-sonnet-9")["final_assistant"] is False
    assert _facts("Claude-Sonnet-4-5")["final_assistant"] is True
    assert _facts("claude-sonnet-4-5", {"final_assistant": False})["final_assistant"] is False
    assert _facts("claude-sonnet-4-5", {"final_assistant": None})["final_assistant"] is True


@pytest.mark.parametrize(
    ("field", "value", "fact", "expected"),
    [
        ("supports_forced_tool_use", True, "forced_tools", True),
        ("supports_assistant_prefill", True, "final_assistant", True),
        ("supports_native_structured_output", False, "structured", False),
        ("supports_response_schema", False, "structured", False),
        ("supports_mid_conversation_system", False, "later_system", False),
        ("thinking_always_on", False, "thinking", ["adaptive", "disabled"]),
        ("supports_legacy_thinking", True, "thinking", ["enabled", "adaptive"]),
        ("supports_adaptive_thinking", False, "thinking", []),
        ("supports_max_reasoning_effort", False, "efforts", ["low", "medium", "high", "xhigh"]),
        ("supports_none_reasoning_effort", True, "efforts", ["none", "low", "medium", "high", "xhigh", "max"]),
        ("reasoning_effort_levels", ["max", "low"], "efforts", ["low", "max"]),
        ("reasoning_effort_levels", [], "efforts", []),
        ("default_reasoning_effort", "none", "reasons_by_default", False),
        ("max_output_tokens", 7, "max_output_tokens", 7),
    ],
)
def test_what_the_catalog_says_overrides_the_file(field: str, value: Any, fact: str, expected: Any) -> None:
    assert _facts("claude-opus-9")[fact] != expected
    assert _facts("claude-opus-9", {field: value})[fact] == expected
    if field != "max_output_tokens":
        assert _facts("claude-opus-9", {"catalog": text_of({field: value})})[fact] == expected


def test_older_models_get_what_the_catalog_adds() -> None:
    said = {"supports_sampling_params": False, "supports_native_structured_output": True}
    before, after = _facts("claude-opus-4"), _facts("claude-opus-4", {"catalog": text_of(said)})
    assert (before["sampling"], before["structured"]) == (True, False)
    assert (after["sampling"], after["structured"]) == (False, "schema")


def test_a_model_that_always_thinks_according_to_the_catalog_keeps_what_is_between_tools() -> None:
    facts = _facts("claude-sonnet-5-5", {"catalog": text_of({"thinking_always_on": True})})
    assert facts["thinking"] == ["adaptive", "between_tools"]
    facts = _facts("glm-9", {"thinking_always_on": True, "efforts": ["none", "low"]}, provider="x", wire_format="chat")
    assert (facts["reasons_by_default"], facts["always_reasons"]) == (True, True)


def test_only_bedrock_reads_what_is_said_of_bedrock() -> None:
    said = {"bedrock_output_config_effort_ceiling": "high", "bedrock_converse_supports_strict_tools": False}
    said |= {"supports_bedrock_converse_tool_result_images": False}
    given = {"catalog": text_of(said)}
    facts = _facts("claude-opus-9", given, provider="bedrock", wire_format="bedrock")
    assert facts["efforts"] == ["low", "medium", "high"]
    assert (facts["strict_tools"], facts["structured"], facts["media_results"]) == (False, False, False)
    elsewhere = _facts("claude-opus-9", given)
    assert elsewhere["efforts"][-1] == "max"
    assert "strict_tools" not in elsewhere
    assert "media_results" not in elsewhere


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({}, ""),
        ({"supports_tool_choice": True, "supports_response_schema": True, "supports_vision": True}, ""),
        ({"supports_tool_choice": False, "supports_forced_tool_use": True}, "forced_tool_use -tool_choice"),
        ({"reasoning_effort_levels": ["high", "none", "?"], "default_reasoning_effort": "none"}, "levels=none,high default=none"),
        ({"reasoning_effort_levels": []}, "levels=-"),
        ({"thinking_always_on": "yes", "default_reasoning_effort": 3, "supports_max_reasoning_effort": None}, ""),
    ],
)  # fmt: skip
def test_an_entry_becomes_words(entry: dict[str, Any], text: str) -> None:
    assert text_of(entry) == text


def test_words_that_a_later_version_wrote_are_ignored() -> None:
    assert statements("brand_new -tool_choice =x levels=low,high other=1") == {
        "supports_tool_choice": False,
        "reasoning_effort_levels": ["low", "high"],
    }


def test_an_error_of_the_catalog_is_ignored_until_the_catalog_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    import ingate.wire.facts as module

    wrong = {"match": "^claude-opus-9$", "catalog": {"supports_forced_tool_use": True}, "sources": []}
    raw = {**facts_file(), "corrections": [{**wrong, "providers": ["anthropic"]}]}
    monkeypatch.setattr(module, "facts_file", lambda: raw)
    known_facts.cache_clear()
    try:
        said = {"catalog": text_of(wrong["catalog"])}
        assert _facts("claude-opus-9", said)["forced_tools"] is False
        assert _facts("claude-opus-9", said, provider="vertex_ai")["forced_tools"] is True
        assert _facts("claude-opus-8", said)["forced_tools"] is True
        changed = {"catalog": text_of({"supports_forced_tool_use": False})}
        assert _facts("claude-opus-9", changed)["forced_tools"] is False
    finally:
        known_facts.cache_clear()


def test_a_null_takes_a_fact_back_that_the_family_has() -> None:
    assert "chat_tools" in _facts("openai/gpt-6-sol", provider="openai", wire_format="responses")
    assert "chat_tools" not in _facts("openai/gpt-6-sol", provider="openrouter", wire_format="chat")


def test_a_model_of_no_known_family_has_no_facts_of_one() -> None:
    assert "thinking" not in _facts("nobody-knows-4")
    assert vendor_format("nobody-knows-4") == ""


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("GPT-6-Sol", "gpt-6-sol"),
        ("openai/gpt-5.5", "gpt-5.5"),
        ("databricks-gpt-5-5", "gpt-5.5"),
        ("databricks-gpt-5-mini", "gpt-5-mini"),
        ("us.anthropic.claude-opus-5-5", "claude-opus-5-5"),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/eu.anthropic.claude-sonnet-5", "claude-sonnet-5"),
        ("accounts/fireworks/models/glm-5p3", "glm-5.3"),
        ("FW-Kimi-K3", "kimi-k3"),
        ("publishers/google/models/gemini-4-argon", "gemini-4-argon"),
        ("claude-opus-5-5@default", "claude-opus-5-5@default"),
    ],
)
def test_names_are_read_as_their_vendor_writes_them(model: str, name: str) -> None:
    assert plain_name(model) == name


@pytest.mark.parametrize("model", ["claude-opus-5-5", "us.anthropic.claude-3-haiku-v1:0", "anthropic/claude-9:beta"])
def test_claude_speaks_messages_wherever_it_is_hosted(model: str) -> None:
    assert vendor_format(model) == "messages"


@pytest.mark.parametrize(
    ("facts", "effort", "taken"),
    [
        ({}, "high", True),
        ({"sampling": False}, "none", False),
        ({"sampling": "without_reasoning"}, None, True),
        ({"sampling": "without_reasoning", "reasons_by_default": True}, None, False),
        ({"sampling": "without_reasoning", "reasons_by_default": True}, "none", True),
        ({"sampling": "without_reasoning"}, "low", False),
    ],
)
def test_sampling_depends_on_whether_the_model_reasons(facts: dict[str, Any], effort: str | None, taken: bool) -> None:
    assert takes_sampling(facts, effort) is taken
    if "sampling" in facts:
        assert takes_stop({**facts, "stop": facts["sampling"]}, effort) is taken


def test_without_an_effort_a_model_reasons_as_its_facts_say() -> None:
    assert reasons({}, None) is False
    assert reasons({}, "minimal") is True
    assert reasons({"always_reasons": True}, "none") is True


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


@pytest.mark.parametrize(
    ("model", "native"),
    [
        ("gemini-4-argon", True),
        ("google/gemini-4-argon", True),
        ("publishers/google/models/gemini-99", True),
        ("claude-opus-9@20270101", True),
        ("publishers/anthropic/models/claude-opus-9", True),
        ("google/gemma-4-26b-a4b-it-maas", True),
        ("gemma-4-26b-a4b-it", False),
        ("meta/llama-4-maas", False),
        ("mistral-large-4", False),
        ("openai/gpt-oss-120b-maas", False),
    ],
)
def test_what_vertex_serves_in_a_format_of_ingates(model: str, native: bool) -> None:
    assert known_facts("vertex_ai", model, "gemini").get("native", True) is native


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("openai.gpt-5.5", "/openai/v1"),
        ("openai.o9", "/openai/v1"),
        ("openai.gpt-oss-120b", "/v1"),
        ("mistral.mistral-large-4", None),
    ],
)
def test_where_bedrock_serves_responses(model: str, path: str | None) -> None:
    assert known_facts("bedrock_mantle", model, "responses").get("responses_path") == path
