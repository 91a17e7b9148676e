"""The grammar of model specs."""

from __future__ import annotations

import doctest
import importlib.util
import json
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ingate.spec as spec_module
from ingate.errors import SpecError
from ingate.spec import ModelSpec, parse, parse_one, with_lane


@pytest.mark.parametrize(
    ("text", "lane", "provider", "model"),
    [
        ("groq/llama-3.3-70b-versatile", "auto", "groq", "llama-3.3-70b-versatile"),
        ("litellm.groq/openai/gpt-oss-120b", "litellm", "groq", "openai/gpt-oss-120b"),
        (
            "litellm.bedrock/global.anthropic.claude-sonnet-5-5",
            "litellm",
            "bedrock",
            "global.anthropic.claude-sonnet-5-5",
        ),
        ("ollama/llama3.2:1b", "auto", "ollama", "llama3.2:1b"),
        ("litellm/my deployment", "proxy", "", "my deployment"),
        ("litellm/team/gpt", "proxy", "", "team/gpt"),
        ("local/smollm2", "auto", "local", "smollm2"),
        ("tensorzero/my_function", "auto", "tensorzero", "my_function"),
        ("fast", "alias", "", "fast"),
        ("  fast  ", "alias", "", "fast"),
        ("vertex_ai/claude@20260101", "auto", "vertex_ai", "claude@20260101"),
    ],
)
def test_each_form_reads_as_the_manual_says(text: str, lane: str, provider: str, model: str) -> None:
    spec = parse_one(text)
    assert (spec.lane, spec.provider, spec.model, dict(spec.params)) == (lane, provider, model, {})
    assert parse(str(spec)) == (spec,)


def test_parameters_become_request_parameters_with_their_types() -> None:
    (spec,) = parse("groq/m?reasoning=high&temperature=0.2&max_tokens=64&timeout=30&logprobs=true&stop=null&user='7'")
    assert dict(spec.params) == {
        "reasoning_effort": "high",
        "temperature": 0.2,
        "max_tokens": 64,
        "timeout": 30,
        "logprobs": True,
        "stop": None,
        "user": "7",
    }


def test_a_list_is_the_fallbacks_in_order() -> None:
    specs = parse("groq/a?temperature=0, litellm.openai/b ,fast")
    assert [str(spec) for spec in specs] == ["groq/a?temperature=0", "litellm.openai/b", "fast"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        ",",
        "a,,b",
        "a,",
        "groq/",
        "litellm./x",
        "/x",
        "groq/m?",
        "groq/m?x",
        "groq/m?=1",
        "groq/m?a=1&",
        "?a=1",
    ],
)
def test_what_cannot_be_read_says_so_and_what_to_write(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(text)
    assert caught.value.fix
    assert caught.value.status == 400


def test_the_class_parses_one_spec_or_a_list() -> None:
    text = "groq/openai/gpt-oss-120b?reasoning=high, litellm.xai/grok, fast"
    specs = ModelSpec.parse_list(text)
    assert specs == parse(text)
    assert [(one.lane, one.provider, one.model) for one in specs] == [
        ("auto", "groq", "openai/gpt-oss-120b"),
        ("litellm", "xai", "grok"),
        ("alias", "", "fast"),
    ]
    assert ModelSpec.parse(" groq/a%2Cb ").model == "a,b"
    with pytest.raises(SpecError, match="3 specs") as caught:
        ModelSpec.parse(text)
    assert "parse_list" in caught.value.fix
    assert caught.value.spec == text
    with pytest.raises(SpecError, match="2 specs"):
        ModelSpec.parse("groq/a, groq/b")
    for read in (ModelSpec.parse, ModelSpec.parse_list):
        for wrong in ("", " ", "groq/", "a,,b", None, 7):
            with pytest.raises(SpecError):
                read(wrong)  # ty: ignore[invalid-argument-type]


def test_the_docstrings_examples_hold() -> None:
    assert doctest.testmod(spec_module) == doctest.TestResults(failed=0, attempted=3)


def test_something_that_is_no_text_is_refused() -> None:
    with pytest.raises(SpecError):
        parse(None)  # ty: ignore[invalid-argument-type]


def test_defaults_fill_in_only_what_the_spec_leaves_open() -> None:
    spec = parse_one("groq/m?temperature=0").with_params({"temperature": 1.0, "top_p": 0.5})
    assert dict(spec.params) == {"temperature": 0, "top_p": 0.5}


names = st.text(min_size=1).map(str.strip).filter(bool)
values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
providers = st.from_regex(r"[a-z0-9_][a-z0-9_.-]{0,20}", fullmatch=True).filter(
    lambda name: name != "litellm" and not name.startswith("litellm.")
)
surrogates_free = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(
    providers,
    surrogates_free,
    st.dictionaries(surrogates_free, values, max_size=4),
    st.sampled_from(["auto", "litellm"]),
)
def test_printing_and_parsing_round_trips(provider: str, model: str, params: dict, lane: str) -> None:
    if not model.strip():
        return
    spec = ModelSpec(lane, provider, model, {**params})  # ty: ignore[invalid-argument-type]
    renamed = {"reasoning", "effort", "top-p", "max-tokens"}
    if renamed & params.keys():
        return
    (again,) = parse(str(spec))
    assert again.target == spec.target
    assert again.model == spec.model
    assert dict(again.params) == dict(spec.params)
    assert {k: type(v) for k, v in again.params.items()} == {k: type(v) for k, v in spec.params.items()}


@given(st.text())
def test_any_text_is_read_or_refused_with_a_spec_error(text: str) -> None:
    try:
        specs = parse(text)
    except SpecError:
        return
    assert parse(",".join(map(str, specs))) == specs


def test_every_name_in_litellms_catalog_round_trips() -> None:
    found = importlib.util.find_spec("litellm")
    assert found is not None
    assert found.origin is not None
    catalog = json.loads(Path(found.origin).with_name("model_prices_and_context_window_backup.json").read_bytes())
    assert len(catalog) > 3000
    for key, row in catalog.items():
        if key == "sample_spec":
            continue
        provider = str(row.get("litellm_provider") or "openai")
        for text in (f"litellm.{provider}/{key}", f"{provider}/{key}", f"litellm/{key}"):
            spec = ModelSpec(parse_one("x/y").lane, provider, key)
            assert parse_one(str(spec)) == spec
            if "," not in text and "?" not in text:
                assert parse_one(text).model == key
                assert str(parse_one(text)) == str(parse_one(str(parse_one(text))))


def test_a_spec_is_hashable_and_pickles() -> None:
    spec = parse_one("groq/m?temperature=0.2")
    assert {spec: 1}[parse_one("groq/m?temperature=0.2")] == 1
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_a_lane_is_set_on_every_spec_of_a_list() -> None:
    assert with_lane("groq/m?lane=native&seed=7, fast", "litellm") == "groq/m?lane=litellm&seed=7, fast?lane=litellm"
    assert with_lane("groq/m, fast", None) == "groq/m, fast"
    with pytest.raises(SpecError):
        with_lane("", "native")


@pytest.mark.parametrize("text", ["a/b,", ",a/b", "a/b,,c/d"])
def test_an_empty_fallback_is_reported_as_a_stray_comma(text: str) -> None:
    with pytest.raises(SpecError, match="empty entry in its list of fallbacks") as caught:
        parse(text)
    assert "comma" in caught.value.fix


@pytest.mark.parametrize(
    ("text", "target", "printed"),
    [
        ("groq/m?effort=low", "groq/m", "groq/m?reasoning_effort=low"),
        ("groq/m?reasoning=low", "groq/m", "groq/m?reasoning_effort=low"),
        ("groq/m?top-p=0.5&max-tokens=5", "groq/m", "groq/m?top_p=0.5&max_tokens=5"),
        ("litellm.groq/a%2Cb?x=1", "litellm.groq/a%2Cb", "litellm.groq/a%2Cb?x=1"),
        ("litellm/my deployment", "litellm/my%20deployment", "litellm/my%20deployment"),
        ("fast%3f?a%3Db=c%26d", "fast%3F", "fast%3F?a%3Db=c%26d"),
        ("m?a='1'&b=1&c=1.5&d=true&e=null&f='&g=01", "m", "m?a='1'&b=1&c=1.5&d=true&e=null&f='&g=01"),
        ("m?a=''x''&b='x&c=''&d='''", "m", "m?a=''x''&b='x&c=&d='"),
        ("m?a=%zz&b=%E4", "m", "m?a=%25zz&b=\N{REPLACEMENT CHARACTER}"),
        ("m?a=x&a=y", "m", "m?a=y"),
        ("m?a=", "m", "m?a="),
        ("m?a=b=c", "m", "m?a=b=c"),
        ("a/b?lane=native", "a/b", "a/b?lane=native"),
    ],
)
def test_a_spec_is_printed_as_it_would_be_read_again(text: str, target: str, printed: str) -> None:
    spec = parse_one(text)
    assert (spec.target, str(spec)) == (target, printed)
    assert parse_one(printed) == spec


@pytest.mark.parametrize(
    ("text", "message", "fix"),
    [
        ("", "the model spec is empty", "write <provider>/<model>, for example local/smollm2"),
        ("/x", "'/x' has no provider before its first '/'", "write <provider>/<model>, like groq/llama-3.3"),
        ("groq/", "'groq/' has no model name", "write <provider>/<model>; `ingate models` lists them"),
        ("?a=1", "'?a=1' has no model name", "write <provider>/<model>; `ingate models` lists them"),
        ("litellm/ ", "'litellm/ ' has no model name", "write <provider>/<model>; `ingate models` lists them"),
        ("m?a=1&b", "'b' in 'm?a=1&b' is not key=value", "write parameters as ?key=value&key=value"),
        ("m?=1", "'=1' in 'm?=1' is not key=value", "write parameters as ?key=value&key=value"),
    ],
)
def test_each_mistake_says_where_it_is_and_what_to_write(text: str, message: str, fix: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(text)
    assert (str(caught.value), caught.value.fix) == (message, fix)
    assert caught.value.spec == (text or None)


def test_parameters_cannot_be_changed() -> None:
    for spec in (parse_one("groq/m"), parse_one("groq/m?seed=1"), parse_one("groq/m").with_params({"seed": 1})):
        assert (spec.lane, spec.provider, spec.model) == ("auto", "groq", "m")
        with pytest.raises(TypeError):
            spec.params["seed"] = 2  # ty: ignore[invalid-assignment]
