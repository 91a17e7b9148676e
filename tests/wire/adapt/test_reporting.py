"""No change of a request is made without a report: every step and rule, under every drop policy."""

from __future__ import annotations

import ast
import copy
import inspect
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ingate.wire.adapt as package
from ingate.errors import BadRequestError
from ingate.wire.adapt import STEPS, Adapted, adapt, is_accepted
from ingate.wire.adapt.draft import Draft
from ingate.wire.codec import Target
from ingate.wire.facts import facts_file
from support.turns import CALL, IMAGE, RESULT, SAID, SYSTEM, USER

SCHEMA = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}
STRICT_LENGTH = {"type": "object", "properties": {"n": {"type": "string", "minLength": 1}}}


def _tool(**more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, **more}}


UNION = _tool(parameters={"anyOf": [{"type": "object", "properties": {"n": {}}}]})

# Fact → its value, and a request that is changed by it; what the report names: a parameter.
REPORTED: dict[str, list[tuple[Any, dict[str, Any], str]]] = {
    "refused": [(["seed"], {"messages": [USER], "seed": 1}, "seed")],
    "tools": [
        (False, {"messages": [USER], "tools": [_tool()]}, "tools"),
        (False, {"messages": [USER, CALL, RESULT]}, "messages"),
    ],
    "unique_tools": [(True, {"messages": [USER], "tools": [_tool(), _tool(description="other")]}, "tools")],
    "typed_schemas": [
        (True, {"messages": [USER], "tools": [_tool(parameters={"properties": {"n": {"not": {}}}})]}, "tools")
    ],
    "schema_root": [(["anyOf"], {"messages": [USER], "tools": [UNION]}, "tools")],
    "forced_tools": [
        (False, {"messages": [USER], "tools": [_tool()], "tool_choice": "required"}, "tool_choice"),
        (
            "without_reasoning",
            {"messages": [USER], "tools": [_tool()], "tool_choice": "required", "reasoning_effort": "low"},
            "tool_choice",
        ),
    ],
    "structured": [
        (False, {"messages": [USER], "response_format": SCHEMA}, "response_format"),
        ("json_object", {"messages": [USER], "response_format": SCHEMA}, "response_format"),
    ],
    "structured_refused": [
        (["tools"], {"messages": [USER], "tools": [_tool()], "response_format": SCHEMA}, "response_format")
    ],
    "json_word": [(True, {"messages": [USER], "response_format": {"type": "json_object"}}, "messages")],
    "paired_results": [
        (True, {"messages": [USER, CALL, USER]}, "messages"),
        (True, {"messages": [RESULT, USER]}, "messages"),
        (True, {"messages": [USER, CALL, USER, RESULT]}, "messages"),
    ],
    "url_images": [(False, {"messages": [{"role": "user", "content": [IMAGE]}, SAID, USER]}, "messages")],
    "empty_text": [
        (False, {"messages": [{"role": "user", "content": ""}]}, "messages"),
        (["assistant"], {"messages": [USER, {**SAID, "content": ""}, USER]}, "messages"),
    ],
    "later_system": [(False, {"messages": [USER, SAID, SYSTEM]}, "messages")],
    "first_user": [(True, {"messages": [SAID, USER]}, "messages"), (True, {"messages": [SYSTEM]}, "messages")],
    "alternation": [(True, {"messages": [USER, USER]}, "messages")],
    "user_after_tool": [(False, {"messages": [USER, CALL, RESULT, USER]}, "messages")],
    "final_assistant": [
        (False, {"messages": [USER, SAID]}, "messages"),
        ("prefix", {"messages": [USER, {**SAID, "content": ""}]}, "messages"),
    ],
    "reasoning_back": [(True, {"messages": [USER, SAID, USER]}, "messages")],
}
# Fact → its value, and a request that is changed by it without a loss: it means the same, or is undone in the answer.
UNDONE: dict[str, tuple[Any, dict[str, Any]]] = {
    "tool_name": (
        {"chars": "a-z", "max": 9},
        {"messages": [USER], "tools": [_tool(name="a.b")]},
    ),
    "property_name": (
        {"chars": "a-z", "max": 9},
        {"messages": [USER], "tools": [_tool(parameters={"type": "object", "properties": {"a b": {}}})]},
    ),
    "call_id": ({"chars": "0-9", "min": 9, "max": 9}, {"messages": [USER, CALL, RESULT]}),
    "unique_call_ids": (True, {"messages": [USER, CALL, RESULT, CALL, RESULT]}),
    "unknown_fields": (False, {"messages": [USER, {**SAID, "thinking": "x"}, USER]}),
    "answer_schema": (
        "anthropic",
        {
            "messages": [USER],
            "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"$schema": "x"}}},
        },
    ),
}
# Facts of which `adapt` reads only what others do, or that the codecs act on.
ELSEWHERE = frozenset({"always_reasons", "efforts", "reasoning_off", "reasons_by_default", "signature_binds"})


def _read_facts() -> set[str]:
    """The facts that the modules of the package read, by their source text."""
    found: set[str] = set()
    for file in Path(str(package.__file__)).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in facts_file()["fields"]:
                found.add(node.value)
    return found


def test_every_fact_that_adapt_reads_is_tested_here():
    """A new rule without a case fails; so does a case whose rule is gone."""
    read = _read_facts() - {"json_schema", "system", "thinking"}  # words of the API, too
    assert read - ELSEWHERE == REPORTED.keys() | UNDONE.keys()


def test_every_step_takes_a_draft_alone():
    for step in STEPS:
        assert list(inspect.signature(step).parameters) == ["draft", "facts"]


def test_a_request_is_changed_by_a_draft_alone():
    """No module of the package assigns to a request or reports by itself."""
    for file in Path(str(package.__file__)).parent.glob("*.py"):
        if file.name in {"draft.py", "litellm_lane.py"}:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            targets = node.targets if isinstance(node, ast.Assign | ast.Delete) else []
            for target in targets:
                assert not (isinstance(target, ast.Subscript) and ast.unparse(target.value).endswith("body")), file
            assert not (isinstance(node, ast.Name) and node.id == "ParamTracker"), file


# What is known about every provider, taken back.
OFF = {"tool_name": False, "schema_root": [], "unique_tools": False, "paired_results": False, "structured": "schema"}


def _adapted(fact: str, value: Any, body: dict[str, Any], policy: Any, **more: Any) -> Adapted:
    facts = {**OFF, fact: value}
    before = copy.deepcopy(body)
    target = Target(model="m", api_base="", drop_params=policy, facts=facts)
    made = adapt(body, target, "chat", **more)
    assert body == before
    return made


CASES = [(fact, *case) for fact, cases in REPORTED.items() for case in cases]


@pytest.mark.parametrize(("fact", "value", "body", "named"), CASES)
def test_a_change_is_reported_and_an_error_if_strict(fact: str, value: Any, body: dict[str, Any], named: str):
    made = _adapted(fact, value, body, "warn")
    assert made.body != body
    assert len(made.warnings) == 1
    dropped = _adapted(fact, value, body, "drop")
    assert dropped.body == made.body
    if named == "messages":
        assert dropped.warnings == made.warnings, "what becomes of the conversation is always told"
    with pytest.raises(BadRequestError, match=rf"'m' does not accept (these |this )?{named}: ") as error:
        _adapted(fact, value, body, "strict")
    assert error.value.fix


@pytest.mark.parametrize(("fact", "case"), UNDONE.items())
def test_a_change_that_loses_nothing_is_made_under_every_policy(fact: str, case: tuple[Any, dict[str, Any]]):
    value, body = case
    for policy in ("strict", "warn", "drop"):
        made = _adapted(fact, value, body, policy, by_litellm=True)
        assert made.body != body
        assert made.dropped == []


def test_what_an_answers_schema_loses_before_litellm_gets_it_is_reported_and_an_error_if_strict():
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": STRICT_LENGTH}}
    body = {"messages": [USER], "response_format": form}
    made = _adapted("answer_schema", "anthropic", body, "warn", by_litellm=True)
    assert made.body != body
    assert made.warnings == [
        "minLength in the answer's schema became part of descriptions: the provider does not enforce them"
    ]
    with pytest.raises(BadRequestError, match="does not accept this response_format: minLength"):
        _adapted("answer_schema", "anthropic", body, "strict", by_litellm=True)


@pytest.mark.parametrize(("fact", "value", "body", "named"), CASES)
def test_without_the_rule_nothing_is_changed(fact: str, value: Any, body: dict[str, Any], named: str):
    del value, named, fact
    assert _adapted("structured", "schema", body, "strict").body == body


MESSAGES = st.lists(
    st.sampled_from([USER, SYSTEM, SAID, CALL, RESULT, {**USER, "content": ""}, {**SAID, "content": " "}]), max_size=7
)


@given(st.lists(st.sampled_from(CASES), max_size=4, unique_by=lambda case: case[0]), MESSAGES)
def test_whatever_is_changed_is_reported(cases: list[tuple[str, Any, dict[str, Any], str]], messages: list[Any]):
    body: dict[str, Any] = {}
    facts: dict[str, Any] = dict(OFF)
    for fact, value, given_body, _ in cases:
        body |= given_body
        facts[fact] = value
    body["messages"] = [*messages, USER]
    target = Target(model="m", api_base="", facts=facts)
    made = adapt(body, target, "chat")
    reported = bool(made.warnings or made.dropped)
    try:
        adapt(body, Target(model="m", api_base="", facts=facts, drop_params="strict"), "chat")
    except BadRequestError:
        refused = True
    else:
        refused = False
    assert refused == reported
    if is_accepted(body, target, "chat"):
        assert not reported
        assert made.body == body


def test_a_draft_shares_what_it_does_not_change():
    body = {"messages": [USER], "tools": [_tool()], "seed": 1}
    draft = Draft(body, policy="strict", model="m", wire_format="chat")
    assert not draft.changed
    draft.respell("tools", body["tools"])
    draft.respell("stop", None)
    assert not draft.changed
    assert all(draft.finished()[name] is value for name, value in body.items())
    draft.respell("seed", 2, "seed is 2")
    assert draft.changed
    assert draft.warnings == ["seed is 2"]
    assert body["seed"] == 1


@pytest.mark.parametrize(
    ("provider", "model", "wire_format", "said"),
    [
        ("anthropic", "claude-haiku-4-5", "messages", "moved into the system prompt"),
        ("bedrock", "anthropic.claude-haiku-4-5", "bedrock", "moved into the system prompt"),
        ("gemini", "gemini-4-argon", "gemini", "moved into the system prompt"),
        ("anthropic", "claude-opus-5-5", "messages", ""),
    ],
)
def test_a_system_message_that_a_codec_moves_is_reported(provider: str, model: str, wire_format: str, said: str):
    body = {"messages": [SYSTEM, USER, SYSTEM, SAID, USER]}
    target = Target(model=model, api_base="", provider=provider)
    made = adapt(body, target, wire_format)
    assert made.body == body
    if not said:
        assert made.warnings == []
        return
    assert said in made.warnings[0]
    strict = Target(model=model, api_base="", provider=provider, drop_params="strict")
    with pytest.raises(BadRequestError, match="moved into the system prompt"):
        adapt(body, strict, wire_format)
    assert adapt({"messages": [SYSTEM, SYSTEM, USER]}, strict, wire_format).warnings == []
