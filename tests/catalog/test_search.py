"""Search: what is found, in which order, and that no query is an error."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingate.catalog import CAPS, FILTERS, ModelRow, Searcher, parse_query, search


def row(key: str, **facts) -> ModelRow:
    provider, _, model = key.partition("/")
    return ModelRow(provider, model, **facts)


ROWS = (
    row("openai/gpt-4.1", context_tokens=1_047_576, input_usd_per_mtok=2.0, caps=("tools", "vision")),
    row("openai/gpt-6", context_tokens=922_000, input_usd_per_mtok=1.0, output_usd_per_mtok=5.0, caps=("tools",)),
    row("openai/gpt-6.1", mode="responses", context_tokens=922_000, input_usd_per_mtok=2.0),
    row("openai/gpt-6.1-2026-08-01", input_usd_per_mtok=2.0),
    row("groq/openai/gpt-oss-120b", context_tokens=131_072, input_usd_per_mtok=0.15, caps=("tools", "reasoning")),
    row("ollama/llama3.2:1b", input_usd_per_mtok=0.0, output_usd_per_mtok=0.0),
    row("anthropic/claude-opus-4-20250514", caps=("vision",)),
    row("anthropic/claude-opus-4-5", caps=("vision", "pdf")),
    row("anthropic/claude-opus-5-5", caps=("vision", "pdf"), input_usd_per_mtok=4.0),
    row("bedrock/us.anthropic.claude-opus-5-5", caps=("vision", "pdf")),
    row("cohere_chat/command-r-08-2024"),
)


def keys(query: str, rows=ROWS, **options) -> list[str]:
    return [found.key for found in search(rows, query, **options)]


def test_an_empty_query_keeps_all_rows_and_their_order():
    assert search(ROWS, "") == list(ROWS)
    assert search((), "gpt") == []


def test_every_term_must_match():
    assert keys("groq 120b") == ["groq/openai/gpt-oss-120b"]
    assert keys("groq claude") == []


def test_case_does_not_matter():
    assert keys("GPT-OSS") == keys("gpt-oss") == ["groq/openai/gpt-oss-120b"]


def test_capabilities_are_found_as_plain_words():
    assert keys("pdf openai") == []
    assert set(keys("reasoning")) == {"groq/openai/gpt-oss-120b"}


def test_the_whole_name_comes_first():
    assert keys("gpt-6")[0] == "openai/gpt-6"
    assert keys("openai/gpt-6.1")[0] == "openai/gpt-6.1"


def test_a_segment_comes_before_a_beginning_before_an_inside():
    rows = (row("a/xxpro"), row("a/professional"), row("a/big-pro"), row("a/pro"))
    assert keys("pro", rows) == ["a/pro", "a/big-pro", "a/professional", "a/xxpro"]


def test_newer_versions_come_first_and_names_without_a_date_before_those_with_one():
    assert [key for key in keys("claude") if key.startswith("anthropic/")] == [
        "anthropic/claude-opus-5-5",
        "anthropic/claude-opus-4-5",
        "anthropic/claude-opus-4-20250514",
    ]
    assert keys("gpt openai/gpt")[:4] == [
        "openai/gpt-6.1",
        "openai/gpt-6.1-2026-08-01",
        "openai/gpt-6",
        "openai/gpt-4.1",
    ]


def test_a_size_is_no_version():
    rows = (row("a/llama-70b"), row("a/llama-3.1-8b"), row("a/mixtral-8x7b"), row("a/mixtral-2"))
    assert keys("llama", rows) == ["a/llama-3.1-8b", "a/llama-70b"]
    assert keys("mixtral", rows) == ["a/mixtral-2", "a/mixtral-8x7b"]


def test_punctuation_between_segments_does_not_matter():
    assert keys("opus 5.5") == ["anthropic/claude-opus-5-5", "bedrock/us.anthropic.claude-opus-5-5"]
    assert "openai/gpt-6.1" in keys("gpt61")


def test_a_provider_and_a_models_own_name_find_it_where_its_maker_stands_between():
    assert keys("groq/gpt-oss") == ["groq/openai/gpt-oss-120b"]
    assert keys("groq/claude") == []


def test_a_misspelling_finds_the_nearest_names_but_only_where_nothing_matches():
    assert set(keys("cluade")) == set(keys("claude"))
    assert keys("comand")[0] == "cohere_chat/command-r-08-2024"
    assert keys("qqqqqqq") == []
    assert keys("zz") == []


@pytest.mark.parametrize("query", ["cos", "cost", "ctx", "read", "provid"])
def test_a_filters_name_still_being_typed_empties_no_list(query):
    assert set(keys(query)) == {one.key for one in ROWS}


def test_what_is_prepared_ahead_changes_no_answer():
    searcher = Searcher(ROWS)
    searcher.prepare(spelling=True)
    for query in ("", "cluade", "gpt61", "opus cap:pdf"):
        assert searcher.search(query) == search(ROWS, query)


def test_ready_rows_come_first_among_equals():
    ready = {"bedrock"}.__contains__
    assert keys("claude-opus-5-5", ready=ready)[0] == "anthropic/claude-opus-5-5"  # the whole name still wins
    assert keys("opus", ready=ready)[0] == "bedrock/us.anthropic.claude-opus-5-5"
    assert keys("", ready=ready)[0] == "bedrock/us.anthropic.claude-opus-5-5"


def test_readiness_is_asked_once_for_each_provider():
    asked: list[str] = []

    def ready(provider: str) -> bool:
        asked.append(provider)
        return True

    search(ROWS, "o ready:", ready=ready)
    assert sorted(asked) == sorted({one.provider for one in ROWS})


def test_further_words_find_a_row():
    searcher = Searcher(ROWS, {"groq/openai/gpt-oss-120b": "GPT-OSS 120B (Groq) fast cheap"})
    assert [found.key for found in searcher.search("cheap")] == ["groq/openai/gpt-oss-120b"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            "cap:vision,pdf",
            {"anthropic/claude-opus-4-5", "anthropic/claude-opus-5-5", "bedrock/us.anthropic.claude-opus-5-5"},
        ),
        ("cap:rea", {"groq/openai/gpt-oss-120b"}),
        ("cost:<1", {"groq/openai/gpt-oss-120b", "ollama/llama3.2:1b"}),
        ("cost:<=1", {"groq/openai/gpt-oss-120b", "ollama/llama3.2:1b", "openai/gpt-6"}),
        ("cost:1", {"groq/openai/gpt-oss-120b", "ollama/llama3.2:1b", "openai/gpt-6"}),
        ("cost:>$2", {"anthropic/claude-opus-5-5"}),
        ("cost:=.15", {"groq/openai/gpt-oss-120b"}),
        ("cost:free", {"ollama/llama3.2:1b"}),
        ("out:<10 out:>0", {"openai/gpt-6"}),
        ("ctx:>200k", {"openai/gpt-4.1", "openai/gpt-6", "openai/gpt-6.1"}),
        ("ctx:>=1m", {"openai/gpt-4.1"}),
        ("ctx:<0.2m", {"groq/openai/gpt-oss-120b"}),
        ("provider:groq", {"groq/openai/gpt-oss-120b"}),
        ("provider:gro,olla", {"groq/openai/gpt-oss-120b", "ollama/llama3.2:1b"}),
        ("mode:responses", {"openai/gpt-6.1"}),
        ("CAP:TOOLS cost:<1 gpt", {"groq/openai/gpt-oss-120b"}),
        ("llama3.2:1b", {"ollama/llama3.2:1b"}),
    ],
)
def test_filters_narrow_the_rows(query, expected):
    assert set(keys(query)) == expected
    assert parse_query(query).problems == ()


def test_an_unknown_price_or_limit_meets_no_bound():
    assert not {"cohere_chat/command-r-08-2024"} & {
        *keys("cost:<999"),
        *keys("cost:>0"),
        *keys("ctx:>0"),
        *keys("ctx:<9m"),
    }
    assert "cohere_chat/command-r-08-2024" in keys("cost:?")


def test_the_ready_filter_wants_one_side():
    ready = {"groq"}.__contains__
    assert keys("ready:", ready=ready) == ["groq/openai/gpt-oss-120b"]
    assert len(keys("ready:no", ready=ready)) == len(ROWS) - 1
    assert len(keys("ready:")) == len(ROWS)


@pytest.mark.parametrize(
    "query",
    [
        "cap:",
        "cap:vison",
        "cost:",
        "cost:<",
        "cost:cheap",
        "ctx:>200q",
        "mode:x",
        "ready:soon",
        "provider:",
        "cap:v",
        "ctx:free",
    ],
)
def test_an_incomplete_filter_is_ignored_and_reported(query):
    assert search(ROWS, query) == list(ROWS)
    (problem,) = parse_query(query).problems
    assert problem.startswith(f"{query!r} is ignored: ")


def test_an_unknown_filter_is_named_and_searched_as_text():
    asked = parse_query("price:low")
    assert asked.terms == ("price:low",)
    assert "'price' is not a filter" in asked.problems[0]
    assert all(name in asked.problems[0] for name in FILTERS)


TERMS = ["gpt", "claude", "6.1", "opus", "cluade", "-", "/", ":", "a"]
CONDITIONS = [
    "ready:",
    "ready:no",
    "cost:<1",
    "cost:>=0.5",
    "out:<9",
    "ctx:>200k",
    "ctx:<1m",
    "provider:openai",
    "mode:chat",
]
WORDS = st.sampled_from([*TERMS, *CONDITIONS, *(f"cap:{cap}" for cap in CAPS)])


@given(st.text(max_size=40))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_text_is_an_error(text):
    found = search(ROWS, text, ready=lambda provider: provider == "groq")
    assert len(set(found)) == len(found)
    assert set(found) <= set(ROWS)


@given(st.lists(WORDS, max_size=4), WORDS)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_results_meet_each_filter_and_another_word_only_narrows(words, another):
    ready = {"groq", "anthropic"}.__contains__
    text = " ".join(words)
    asked = parse_query(text)
    found = search(ROWS, asked, ready=ready)
    assert found == search(ROWS, text, ready=ready)
    assert all(condition.test(one) for one in found for condition in asked.filters)
    if asked.ready is not None:
        assert all(ready(one.provider) is asked.ready for one in found)
    if not another.startswith("ready:"):
        assert set(search(ROWS, f"{text} {another}", ready=ready)) <= set(found)


def test_a_query_is_read_to_its_end_in_any_order():
    found = parse_query("Big ready:no cost:<1 model provider:Groq zzz:top")
    assert found.terms == ("big", "model", "zzz:top")
    assert found.ready is False
    assert [(one.name, one.text) for one in found.filters] == [("cost", "cost:<1"), ("provider", "provider:groq")]
    assert len(found.problems) == 1
    assert not found.empty
    assert parse_query("").empty
    assert not parse_query("ready:").empty


def test_a_term_that_only_rows_filtered_out_have_finds_nothing():
    assert keys("groq pdf") == []
    assert keys("cost:<0.2 vision") == []


def test_the_nearest_spelling_wins_over_a_farther_one():
    rows = (row("a/mistral-small"), row("a/mistrel-large"))
    assert keys("mistrel", rows) == ["a/mistrel-large"]
    assert set(keys("mistrael", rows)) == {"a/mistrel-large", "a/mistral-small"}, "both are one error away"
