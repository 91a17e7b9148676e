"""The file of models' rules is whole, and each of its mechanisms refuses what it is about and nothing else."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest

from support.rules import KINDS, Rule, RuleBroken, all_rules, check_rules, error_body, rules_for
from support.rules.history import prefix_parts, signature
from support.rules.kinds import holds
from support.rules.view import view_of
from support.simulators.table import CURATED, HOSTS


def _breaks(kind: str, wire: str, body: dict[str, Any], headers: dict[str, str] | None = None, **rule: Any) -> bool:
    made = Rule({"id": "r", "providers": ["p"], "kind": kind, "message": "no {name}", **rule})
    view = view_of(wire, "p", "claude-opus-5-5", body, headers or {})
    try:
        if holds(made, view):
            KINDS[kind](made, view)
    except RuleBroken:
        return True
    return False


def _said(*roles: str, **last: Any) -> dict[str, Any]:
    turns: list[dict[str, Any]] = []
    for role in roles:
        turns.append({"role": role, "content": "x"})
        if role == "calls":
            function = {"name": "go", "arguments": "{}"}
            turns[-1] = {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": function}]}
        elif role == "tool":
            turns[-1]["tool_call_id"] = "c1"
    turns[-1].update(last)
    return {"messages": turns}


def _tools(*names: str, schema: Any = None) -> dict[str, Any]:
    return {"messages": [], "tools": [{"function": {"name": name, "parameters": schema or {}}} for name in names]}


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.id)
def test_a_rule_has_a_name_a_mechanism_a_source_and_a_date(rule: Rule) -> None:
    assert re.fullmatch("[a-z0-9.-]+", rule.id)
    assert sum(one.id == rule.id for one in all_rules()) == 1
    assert rule["kind"] in KINDS
    for source in [rule["source"], *rule.get("also", ())]:
        assert source.startswith("https://")
    assert dt.date(2024, 1, 1) < dt.date.fromisoformat(rule["date"]) <= dt.date(2026, 11, 30)
    for pattern in (rule.get("models", ""), rule.get("not_models", ""), rule.get("pattern", "")):
        re.compile(pattern)


@pytest.mark.parametrize("spec", [spec for spec in CURATED if not spec.startswith(("deepinfra", "cerebras"))])
def test_every_curated_model_has_rules(spec: str) -> None:
    host = HOSTS[spec]
    found = [
        rule for endpoint in host.endpoints.values() for rule in rules_for(host.provider, host.model, endpoint.wire)
    ]
    assert found


def test_a_rule_is_about_its_providers_models_and_formats_only() -> None:
    rule = Rule({"providers": ["a"], "models": "^m", "not_models": "-old$", "formats": ["chat"]})
    assert rule.applies("a", "m-new", "chat")
    for other in (("b", "m-new", "chat"), ("a", "x-m", "chat"), ("a", "m-old", "chat"), ("a", "m-new", "responses")):
        assert not rule.applies(*other)


@pytest.mark.parametrize(
    ("kind", "rule", "refused", "accepted"),
    [
        ("forbidden", {"paths": ["a.b"], "except": [1]}, {"a": {"b": 0.5}}, {"a": {"b": 1}}),
        ("forbidden", {"paths": ["a"], "except": [0]}, {"a": False}, {"a": 0}),
        ("allowed", {"paths": ["a"], "values": ["x"]}, {"a": "y"}, {}),
        ("allowed", {"paths": ["a"], "values": ["x"], "required": True}, {}, {"a": "x"}),
        ("together", {"paths": ["a", "b"]}, {"a": 1, "b": 2}, {"a": 1}),
        ("count", {"paths": ["a"], "most": 2}, {"a": [1, 2, 3]}, {"a": [1, 2]}),
        ("bounds", {"paths": ["a"], "least": 0, "most": 1}, {"a": 1.5}, {"a": 0}),
        ("bounds", {"paths": ["a"], "above": 0, "most": 1}, {"a": 0}, {"a": 1}),
        ("schema_flavour", {}, _tools("a", schema={"type": "object", "anyOf": []}), _tools("a", schema={"anyOf": []})),
        (
            "schema_flavour", {}, _tools("a", schema={"properties": {"x": {"enum": ["y"]}}}),
            _tools("a", schema={"properties": {"x": {"enum": ["y"], "type": "string"}}}),
        ),
        ("schema_flavour", {}, _tools("a", schema={"$ref": "https://a/b"}), _tools("a", schema={"$ref": "#/$defs/b"})),
        ("keys", {"of": "request", "forbids": ["a"]}, {"a": None}, {"b": 1}),
        ("keys", {"of": "messages", "forbids": ["a"]}, _said("user", a=1), _said("user")),
        ("roles", {"refused": ["developer"]}, _said("developer"), _said("system")),
        ("no_tools", {}, _tools("a"), _said("user")),
        ("choice", {"refused": ["any"]}, {"tool_choice": "required"}, {"tool_choice": "auto"}),
        ("choice", {"refused": ["named"]}, {"tool_choice": {"type": "function"}}, {"tool_choice": "required"}),
        ("tool_name", {"pattern": "[a-z]+"}, _tools("a.b"), _tools("ab")),
        (
            "property_name",
            {"pattern": "[a-z]+", "param": "input_schema"},
            _tools("f", schema={"properties": {"a b": {}}}),
            _tools("f", schema={"properties": {"ab": {"properties": {"a b": {}}}}}),
        ),
        ("unique_tools", {}, _tools("a", "a"), _tools("a", "b")),
        ("call_id", {"pattern": "[a-z]1"}, _said("calls", "tool", tool_call_id="zz"), _said("calls", "tool")),
        ("schema_root", {"keywords": ["anyOf"]}, _tools("a", schema={"anyOf": []}), _tools("a", schema={"items": {}})),
        ("schema_root", {"keywords": [], "object": True}, _tools("a", schema={"title": "x"}), _tools("a")),
        (
            "schema_keywords", {"keywords": ["not"]}, _tools("a", schema={"properties": {"x": {"not": {}}}}),
            _tools("a", schema={"properties": {"not": {}}}),
        ),
        ("form", {"refused": ["json_object"]}, {"response_format": {"type": "json_object"}}, {}),
        (
            "json_word", {}, {"response_format": {"type": "json_object"}, **_said("user")},
            {"response_format": {"type": "json_object"}, **_said("user", content="JSON!")},
        ),
        ("no_user_after_tool", {}, _said("calls", "tool", "user"), _said("calls", "tool", "assistant", "user")),
        ("system_order", {"after": ["tool"]}, _said("calls", "tool", "system"), _said("user", "system")),
        ("last_assistant", {"mark": "prefix"}, _said("user", "assistant"), _said("user", "assistant", prefix=True)),
        ("first_user", {}, _said("system", "assistant"), _said("system", "user")),
        ("alternate", {}, _said("system", "user", "user"), _said("system", "user", "assistant", "user")),
        ("alternate", {}, _said("user", "system"), _said("user")),
        ("answered", {}, _said("calls", "user"), _said("calls", "tool")),
        ("answered", {}, _said("user", "tool"), _said("user")),
        ("blank_text", {"roles": ["user"]}, _said("user", content=" "), _said("assistant", content=" ")),
        ("empty_content", {"roles": ["assistant"]}, _said("assistant", content=""), _said("calls", "tool")),
        (
            "image_urls", {}, _said("user", content=[{"type": "image_url", "image_url": {"url": "https://a/b"}}]),
            _said("user", content=[{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}]),
        ),
        ("reasoning_back", {}, _said("calls"), _said("calls", reasoning_content="")),
    ],
)  # fmt: skip
def test_a_mechanism_refuses_what_it_is_about(
    kind: str, rule: dict[str, Any], refused: dict[str, Any], accepted: dict[str, Any]
) -> None:
    assert _breaks(kind, "chat", refused, **rule)
    assert not _breaks(kind, "chat", accepted, **rule)


def test_every_mechanism_is_tested_here_or_below() -> None:
    below = {"header_needed", "unique_calls", "system_turns", "signed_thinking", "thought_signature", "encrypted_items"}
    below |= {"reasoning_without_text"}
    (marked,) = test_a_mechanism_refuses_what_it_is_about.pytestmark  # ty: ignore[unresolved-attribute]
    assert {one[0] for one in marked.args[1]} | below == set(KINDS)


def test_a_condition_limits_a_rule() -> None:
    body = {"tool_choice": "required", "thinking": {"type": "disabled"}}
    when = {"not_thinking": ["disabled"]}
    assert not _breaks("choice", "chat", body, refused=["any"], when=when)
    assert _breaks("choice", "chat", {"tool_choice": "required"}, refused=["any"], when=when)


def test_a_parameter_may_need_a_header() -> None:
    body = {"thinking": {"block_binding": {}}}
    rule = {"path": "thinking.block_binding", "header": "anthropic-beta", "value": "binding-1"}
    assert _breaks("header_needed", "messages", body, **rule)
    assert not _breaks("header_needed", "messages", body, {"anthropic-beta": "a,binding-1"}, **rule)


def _claude(*turns: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"system": "Be brief.", "messages": list(turns), "tools": [{"name": "go", "input_schema": {}}], **more}


_ASKED = {"role": "user", "content": "Go."}


def _thought(signed: str, text: str = "") -> dict[str, Any]:
    use = {"type": "tool_use", "id": "t1", "name": "go", "input": {}}
    return {"role": "assistant", "content": [{"type": "thinking", "thinking": text, "signature": signed}, use]}


_DONE = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "ok"}]}


@pytest.mark.parametrize(
    "changed",
    [
        {"system": "Be brief. Now in French."},
        {"tools": [{"name": "go", "input_schema": {}}, {"name": "stop", "input_schema": {}}]},
        {"tools": []},
    ],
)
def test_signed_thinking_is_bound_to_the_system_message_and_the_tools(changed: dict[str, Any]) -> None:
    signed = signature("claude-opus-5-5", _claude(_ASKED), bound=True)
    rule = {"bound": True, "detail": ""}
    assert not _breaks("signed_thinking", "messages", _claude(_ASKED, _thought(signed), _DONE), **rule)
    assert _breaks("signed_thinking", "messages", {**_claude(_ASKED, _thought(signed), _DONE), **changed}, **rule)
    drops = {"thinking": {"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "drop_block"}}}
    body = {**_claude(_ASKED, _thought(signed), _DONE), **changed, **drops}
    assert not _breaks("signed_thinking", "messages", body, **rule)


def test_signed_thinking_is_bound_to_what_was_said_before_and_cache_marks_do_not_count() -> None:
    signed = signature("claude-opus-5-5", _claude(_ASKED), bound=True)
    rule = {"bound": True, "detail": ""}
    other = {"role": "user", "content": "Stop."}
    assert _breaks("signed_thinking", "messages", _claude(other, _thought(signed), _DONE), **rule)
    marked = {"role": "user", "content": [{"type": "text", "text": "Go.", "cache_control": {"type": "ephemeral"}}]}
    assert not _breaks("signed_thinking", "messages", _claude(marked, _thought(signed), _DONE), **rule)


def test_a_signature_that_nobody_made_is_refused_and_another_models_is_left_out() -> None:
    assert _breaks("signed_thinking", "messages", _claude(_ASKED, _thought("c2ln"), _DONE))
    other = signature("claude-sonnet-5-5", _claude({"role": "user", "content": "Other."}), bound=True)
    assert not _breaks("signed_thinking", "messages", _claude(_ASKED, _thought(other), _DONE), bound=True, detail="")


def test_the_parts_of_a_prefix_are_told_apart() -> None:
    one, other = prefix_parts(_claude(_ASKED), 1, 0), prefix_parts({**_claude(_ASKED), "system": "x"}, 1, 0)
    assert {name for name in one if one[name] != other[name]} == {"system"}


def test_ids_of_calls_are_unique_in_a_message_or_in_the_request() -> None:
    twice = _claude(_ASKED, _thought("s"), _DONE, _thought("s"), _DONE)
    assert _breaks("unique_calls", "messages", twice, scope="request")
    assert not _breaks("unique_calls", "messages", twice)


@pytest.mark.parametrize(
    ("roles", "is_refused"),
    [
        (("user", "system"), False),
        (("user", "system", "assistant"), False),
        (("system", "user"), True),
        (("user", "assistant", "system"), True),
        (("user", "system", "user"), True),
    ],
)
def test_a_system_message_among_the_others_has_its_places(roles: tuple[str, ...], is_refused: bool) -> None:
    body = {"messages": [{"role": role, "content": "x"} for role in roles]}
    assert _breaks("system_turns", "messages", body, allowed=True) == is_refused
    assert _breaks("system_turns", "messages", body)


def test_a_call_of_gemini_needs_its_signature_or_a_dummy() -> None:
    def body(**more: Any) -> dict[str, Any]:
        return {"contents": [{"role": "model", "parts": [{"functionCall": {"name": "go", "args": {}}, **more}]}]}

    for accepted in ("skip_it", "CiQBsigned1"):
        assert not _breaks("thought_signature", "gemini", body(thoughtSignature=accepted), dummies=["skip_it"])
    for refused in ({}, {"thoughtSignature": "c2ln"}):
        assert _breaks("thought_signature", "gemini", body(**refused), dummies=["skip_it"])


def test_reasoning_items_are_the_providers_own() -> None:
    def body(content: str) -> dict[str, Any]:
        return {"input": [{"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": content}]}

    assert not _breaks("encrypted_items", "responses", body("gAAAAopenai1"), by="openai")
    assert _breaks("encrypted_items", "responses", body("gAAAAxai1"), by="openai")


def test_reasoning_items_have_no_text_of_their_own() -> None:
    def body(content: list[Any]) -> dict[str, Any]:
        return {"input": [{"type": "reasoning", "id": "rs_1", "summary": [], "content": content}]}

    assert not _breaks("reasoning_without_text", "responses", body([]))
    assert _breaks("reasoning_without_text", "responses", body([{"type": "reasoning_text", "text": "Hm."}]))


@pytest.mark.parametrize(
    ("provider", "model", "wire", "body", "said"),
    [
        (
            "openai", "gpt-6-luna", "chat", {**_tools("a", schema={"type": "object"}), "reasoning_effort": "low"},
            "Function tools with reasoning_effort are not supported for gpt-6-luna in /v1/chat/completions.",
        ),
        ("mistral", "mistral-large-4", "chat", _said("calls", "tool"), '"code": "3280"'),
        ("mistral", "mistral-large-4", "chat", _said("user", reasoning_content="x"), '"type": "extra_forbidden"'),
        ("xai", "grok-4.7", "chat", {**_said("user"), "stop": ["x"]}, '"Client specified an invalid argument"'),
        ("zai", "glm-5.3", "chat", {**_said("user"), "reasoning_effort": "none"}, '"code": "1210"'),
        ("anthropic", "claude-opus-5-5", "messages", _claude(_ASKED, tool_choice={"type": "any"}), '"type": "error"'),
        ("gemini", "gemini-4-argon", "gemini", {"contents": [], "tools": [{"functionDeclarations": [{"name": "a b"}]}]},
         '"status": "INVALID_ARGUMENT"'),
    ],
)  # fmt: skip
def test_an_error_is_in_its_providers_own_shape(
    provider: str, model: str, wire: str, body: dict[str, Any], said: str
) -> None:
    import json

    with pytest.raises(RuleBroken) as broken:
        check_rules(provider, model, wire, body)
    assert said in json.dumps(error_body(provider, wire, broken.value), ensure_ascii=False)
