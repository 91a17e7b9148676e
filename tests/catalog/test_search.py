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
        ("ctx:922k", {"openai/gpt-4.1", "openai/gpt-6", "openai/gpt-6.1"}),
        ("ctx:?  claude-opus-4-5", {"anthropic/claude-opus-4-5"}),
        ("out:free", {"ollama/llama3.2:1b"}),
        ("mode:resp", {"openai/gpt-6.1"}),
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


@pytest.mark.parametrize("word", ["cap:pdf", "mode:chat", "cost:free", "out:?", "ctx:>1k", "provider:groq"])
def test_a_condition_keeps_its_name_and_what_was_typed(word):
    (found,) = parse_query(f"gpt {word.upper()}").filters
    assert (found.name, found.text) == (word.partition(":")[0], word)


def test_a_query_is_read_to_its_end_in_any_order():
    found = parse_query("Big ready:no cost:<1 model provider:Groq zzz:top")
    assert found.terms == ("big", "model", "zzz:top")
    assert found.ready is False
    assert [(one.name, one.text) for one in found.filters] == [("cost", "cost:<1"), ("provider", "provider:groq")]
    assert len(found.problems) == 1
    assert not found.empty
    assert parse_query("").empty
    assert [parse_query(text).empty for text in ("ready:", "gpt", "cap:pdf", "cap:")] == [False, False, False, True]


def test_a_term_that_only_rows_filtered_out_have_finds_nothing():
    assert keys("groq pdf") == []
    assert keys("cost:<0.2 vision") == []


def test_the_nearest_spelling_wins_over_a_farther_one():
    rows = (row("a/mistral-small"), row("a/mistrel-large"))
    assert keys("mistrel", rows) == ["a/mistrel-large"]
    assert set(keys("mistrael", rows)) == {"a/mistrel-large", "a/mistral-small"}, "both are one error away"


def test_newer_versions_are_first_whoever_offers_them():
    newest_first = [
        "d/model-30-2",
        "b/model-5",
        "b/model-4.1.2",
        "b/model-4.1",
        "a/model-4",
        "b/model-4",
        "a/model-4-20250514",
        "b/model-3.5.1",
        "a/model-35",
        "b/model-3p5",
        "c/model-3.3",
        "c/model-30",
        "a/model-70b",
        "b/org-9/model",
        "a/model-08-2024",
    ]
    rows = [row(key) for key in sorted(newest_first)]
    assert [one.key for one in Searcher(rows).newest()] == newest_first
    assert keys("model", rows) == newest_first


def test_a_query_without_terms_keeps_the_order_with_ready_rows_first():
    rows = (row("a/x"), row("b/z"), row("a/y"), row("b/w"))
    assert keys("", rows, ready={"b"}.__contains__) == ["b/z", "b/w", "a/x", "a/y"]
    assert keys("", rows) == ["a/x", "b/z", "a/y", "b/w"]


def test_a_row_without_further_words_is_found_by_none():
    assert keys("z") == []
    assert keys("@") == []


def test_the_match_counts_before_readiness_and_readiness_before_age():
    rows = (row("a/pro-2"), row("b/pro-1"), row("c/prophet-9"), row("b/prophet-8"))
    assert keys("pro", rows, ready={"b"}.__contains__) == ["b/pro-1", "a/pro-2", "b/prophet-8", "c/prophet-9"]
    assert keys("pro", rows, ready={"c"}.__contains__) == ["a/pro-2", "b/pro-1", "c/prophet-9", "b/prophet-8"]


def test_the_terms_matches_are_added():
    rows = (row("a/prophet-mini"), row("a/pro-minimal"), row("a/pro-mini"), row("a/xpro-mini"))
    assert keys("pro mini", rows) == ["a/pro-mini", "a/pro-minimal", "a/prophet-mini", "a/xpro-mini"]


def test_a_name_inside_a_row_that_is_filtered_out_is_no_misspelling_of_another():
    rows = (row("a/xxpro"), row("b/zpro"))
    assert keys("xpro", rows) == ["a/xxpro"]
    assert keys("provider:b xpro", rows) == []
    assert keys("provider:b wpro", rows) == ["b/zpro"]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("gpx", True),  # one error in three letters
        ("gx", False),  # too short
        ("claxde", True),
        ("claxxe", True),  # two errors in six letters
        ("claxx", False),  # two errors in five
        ("clxxxe", False),  # three in six
        ("clauqe", True),
        ("anthrpoic", True),  # letters swapped
        ("anthrooic", True),
        ("claude-opus-5-5-5-5", False),
    ],
)
def test_a_term_may_have_one_error_or_two_if_it_is_long(typed, found):
    rows = (row("anthropic/claude-opus-5-5"), row("anthropic/gpt"))
    assert bool(keys(typed, rows)) is found


def test_a_misspelling_may_be_of_the_beginning_of_a_name():
    rows = (row("a/mistralized"), row("a/other"))
    assert keys("mistrel", rows) == ["a/mistralized"]
    assert keys("a mistrel", rows) == ["a/mistralized"]
    assert keys("other mistrel", rows) == []


def test_a_providers_name_and_a_part_of_its_models_must_both_fit():
    rows = (row("groq/openai/gpt-oss"), row("groq/llama"), row("azure/openai/gpt-oss"))
    assert keys("groq/gpt-oss", rows) == ["groq/openai/gpt-oss"]
    assert keys("provider:azure groq/gpt-oss", rows) == []


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        ("cap:vison", f"'vison' is not one of {', '.join(CAPS)}"),
        ("cap:v", "'v' may be vision or video"),
        ("cap:", FILTERS["cap"]),
        ("cap:,", FILTERS["cap"]),
        ("mode:x", "'x' is not one of chat, responses, completion"),
        ("provider:,", FILTERS["provider"]),
        ("cost:cheap", FILTERS["cost"]),
        ("out:1g", FILTERS["out"]),
        ("ctx:free", FILTERS["ctx"]),
        ("ready:soon", "write ready: or ready:no"),
    ],
)
def test_a_filter_that_is_ignored_says_what_to_write(word, problem):
    assert parse_query(f"gpt {word} free").terms == ("gpt", "free")
    assert parse_query(f"gpt {word} free").problems == (f"{word!r} is ignored: {problem}",)


@pytest.mark.parametrize(
    ("word", "reported"),
    [
        ("price:low", True),
        ("llama:8b", False),
        ("model:free", False),
        ("gpt:", False),
        ("llama3:x", False),
        (":x", False),
    ],
)
def test_a_colon_in_a_models_name_is_no_problem(word, reported):
    asked = parse_query(f"{word} last")
    assert asked.terms == (word, "last")
    assert bool(asked.problems) is reported


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        *((word, True) for word in ("", "yes", "y", "true", "1", "on", "YES")),
        *((word, False) for word in ("no", "n", "false", "0", "off")),
    ],
)
def test_ready_is_said_in_any_usual_word(value, wanted):
    asked = parse_query(f"ready:{value} gpt")
    assert (asked.ready, asked.terms, asked.problems) == (wanted, ("gpt",), ())


def test_a_price_in_thousands_is_read_and_an_empty_part_is_left_out():
    assert keys("cost:<.001k ctx:<131.073k") == ["groq/openai/gpt-oss-120b"]
    assert keys("cap:,pdf, provider:,bedrock,") == ["bedrock/us.anthropic.claude-opus-5-5"]
