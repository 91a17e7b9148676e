"""Requests and answers of the local engine, without a model: tool calls as JSON, dropped parameters, errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingate import errors
from ingate.engines.base import CallReport, Route
from ingate.engines.local import tools
from ingate.engines.local.answers import error_from, error_from_exception, own_chunk
from ingate.engines.local.gguf import GgufHead
from ingate.engines.local.request import check, prepare
from ingate.spec import parse_one

MESSAGES = [{"role": "user", "content": "Weather?"}]
WEATHER = {
    "type": "function",
    "function": {"name": "weather", "description": "Of a city.", "parameters": {"type": "object"}},
}
TIME = {"type": "function", "function": {"name": "time"}}
PLAIN = GgufHead({"tokenizer.chat_template": "{{ messages }}"}, 0)
WITH_TOOLS = GgufHead({"tokenizer.chat_template": "{{ tools }}"}, 0)


def _route(model: str = "mine", **fields: Any) -> Route:
    return Route(spec=parse_one(f"local/{model}"), engine="local", provider="local", model=model, **fields)


def _prepared(body: dict[str, Any], head: GgufHead = PLAIN, **route: Any) -> tuple[dict[str, Any], CallReport, Any]:
    report = CallReport()
    made = prepare(_route(**route), {"messages": MESSAGES, **body}, report, head)
    return made.request, report, made.read


def _piece(content: str | None = None, reason: str | None = None) -> dict[str, Any]:
    return {"id": "x", "choices": [{"index": 0, "delta": {"content": content}, "finish_reason": reason}]}


@pytest.mark.parametrize("messages", [None, [], "Hello", {"role": "user"}])
def test_a_request_without_messages_is_rejected_before_a_model_loads(messages: Any) -> None:
    with pytest.raises(errors.BadRequestError, match="no messages") as caught:
        check(_route(), {"messages": messages})
    assert (caught.value.provider, caught.value.spec) == ("local", "local/mine")
    check(_route(), {"messages": MESSAGES})
    check(_route(), {"messages": tuple(MESSAGES)})


def test_every_request_is_streamed_with_usage_and_progress() -> None:
    request, report, read = _prepared({"temperature": 0.5, "seed": None, "n": 1})
    assert request == {
        "messages": MESSAGES,
        "temperature": 0.5,
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,
    }
    assert (report.dropped, report.warnings) == ([], [])
    assert read({"a": 1}) == [{"a": 1}]


_ALWAYS = {"stream": True, "stream_options": {"include_usage": True}, "return_progress": True}


def test_the_default_model_has_defaults_that_a_request_overrides() -> None:
    request, _, _ = _prepared({"temperature": 1.0}, model="smollm2")
    assert request == {
        "messages": MESSAGES,
        "temperature": 1.0,
        "top_p": 0.9,
        "repeat_penalty": 1.1,
        "max_completion_tokens": 1024,
        **_ALWAYS,
    }
    assert _prepared({}, model="smollm2")[0]["temperature"] == 0.2
    replaced, _, _ = _prepared({}, model="smollm2", facts={"path": "/other.gguf"})
    assert replaced == {"messages": MESSAGES, **_ALWAYS}


@pytest.mark.parametrize(
    "name", ["audio", "modalities", "prediction", "reasoning_effort", "verbosity", "web_search_options"]
)
def test_each_unsupported_parameter_is_dropped(name: str) -> None:
    request, report, _ = _prepared({name: "x", "seed": 3})
    assert request == {"messages": MESSAGES, "seed": 3, **_ALWAYS}
    assert report.dropped == [name]


def test_both_names_of_the_length_are_one() -> None:
    assert _prepared({"max_tokens": 5})[0] == {"messages": MESSAGES, "max_completion_tokens": 5, **_ALWAYS}
    request, _, _ = _prepared({"max_tokens": 5, "max_completion_tokens": 7})
    assert request["max_completion_tokens"] == 7
    assert "max_tokens" not in request


def test_unsupported_parameters_are_dropped_and_reported() -> None:
    request, report, _ = _prepared({"reasoning_effort": "low", "audio": {}, "n": 2})
    assert report.dropped == ["audio", "reasoning_effort", "n"]
    assert request.keys().isdisjoint(report.dropped)
    assert report.warnings == []


def test_unsupported_parameters_are_an_error_if_the_policy_is_strict() -> None:
    with pytest.raises(errors.BadRequestError, match="does not support reasoning_effort") as caught:
        _prepared({"reasoning_effort": "low", "n": 3}, drop_params="strict")
    error = caught.value
    assert "does not support reasoning_effort, n" in str(error)
    assert (error.provider, error.spec) == ("local", "local/mine")
    assert "drop_params: true" in error.fix
    assert _prepared({"seed": 1}, drop_params="strict")[0]["seed"] == 1


def test_tools_reach_a_model_whose_template_supports_them() -> None:
    request, report, _ = _prepared({"tools": [WEATHER], "tool_choice": "required"}, WITH_TOOLS)
    assert (request["tools"], request["tool_choice"]) == ([WEATHER], "required")
    assert report.dropped == []


@pytest.mark.parametrize(("choice", "dropped"), [(None, ["tools"]), ("auto", ["tools"]), ("none", [])])
def test_tools_without_a_required_call_are_dropped_if_the_template_lacks_them(
    choice: str | None, dropped: list[str]
) -> None:
    body = {"tools": [WEATHER], "tool_choice": choice, "parallel_tool_calls": False}
    request, report, read = _prepared(body)
    assert request.keys().isdisjoint({"tools", "tool_choice", "parallel_tool_calls", "response_format"})
    assert report.dropped == dropped
    assert [("required" in warning) for warning in report.warnings] == [True] * len(dropped)
    assert read({"a": 1}) == [{"a": 1}]


def _call_format(*calls: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    schemas = [
        {
            "type": "object",
            "properties": {"name": {"const": name}, "arguments": parameters},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for name, parameters in calls
    ]
    return {"type": "json_schema", "json_schema": {"name": "call", "schema": {"anyOf": schemas}}}


_LISTED_WEATHER = '- weather: Of a city. Arguments: {"type": "object"}'
_LISTED_TIME = '- time:  Arguments: {"type": "object", "properties": {}}'
_WEATHER_SCHEMA = ("weather", {"type": "object"})
_TIME_SCHEMA = ("time", {"type": "object", "properties": {}})


@pytest.mark.parametrize(
    ("given", "choice", "listed", "schemas"),
    [
        ([WEATHER, TIME], "required", [_LISTED_WEATHER, _LISTED_TIME], [_WEATHER_SCHEMA, _TIME_SCHEMA]),
        ([WEATHER, TIME], {"type": "function", "function": {"name": "time"}}, [_LISTED_TIME], [_TIME_SCHEMA]),
        ([{"function": WEATHER["function"]}], "required", [_LISTED_WEATHER], [_WEATHER_SCHEMA]),
        ([{"type": "custom", "function": {"name": "sql"}}, TIME], "required", [_LISTED_TIME], [_TIME_SCHEMA]),
    ],
    ids=["any", "named", "without a type", "other types"],
)
def test_a_required_call_is_requested_as_json_of_one_of_the_functions(
    given: list[Any], choice: Any, listed: list[str], schemas: list[Any]
) -> None:
    body = {"tools": given, "tool_choice": choice, "parallel_tool_calls": False, "seed": 3}
    request, report, _ = _prepared(body)
    intro = "Answer by calling one of these functions, as JSON with its name and arguments."
    assert request == {
        "messages": [{"role": "system", "content": "\n".join([intro, *listed])}, *MESSAGES],
        "seed": 3,
        "response_format": _call_format(*schemas),
        **_ALWAYS,
    }
    assert (report.dropped, report.warnings) == ([], [])


@pytest.mark.parametrize("choice", [{"type": "function", "function": {"name": "none"}}, {"type": "function"}])
def test_a_choice_of_none_of_the_tools_is_rejected(choice: dict[str, Any]) -> None:
    name = (choice.get("function") or {}).get("name")
    with pytest.raises(errors.BadRequestError, match=f"tool_choice names {name!r}, which is none") as caught:
        _prepared({"tools": [WEATHER], "tool_choice": choice})
    assert caught.value.provider == "local"


def test_json_becomes_one_call_when_it_is_complete() -> None:
    reader = tools.CallReader()
    text = json.dumps({"name": "weather", "arguments": {"city": "Köln"}}, ensure_ascii=False)
    assert reader.read(_piece(text[:9])) == []
    assert reader.read(_piece(text[9:])) == []
    [ended] = reader.read(_piece(None, "stop"))
    choice = ended["choices"][0]
    [call] = choice["delta"]["tool_calls"]
    assert (ended["id"], choice["finish_reason"], choice["delta"]["role"]) == ("x", "tool_calls", "assistant")
    assert call["function"] == {"name": "weather", "arguments": '{"city": "Köln"}'}
    assert (call["index"], call["type"], call["id"][:5], len(call["id"])) == (0, "function", "call_", 29)
    assert ended == {
        "id": "x",
        "choices": [{"index": 0, "delta": {"role": "assistant", "tool_calls": [call]}, "finish_reason": "tool_calls"}],
    }


def test_a_chunk_without_a_delta_adds_nothing_to_the_call() -> None:
    reader = tools.CallReader()
    assert reader.read({"choices": [{"index": 0}]}) == []
    assert reader.read({"choices": [{"index": 0, "delta": None, "finish_reason": None}]}) == []
    assert reader.read(_piece('{"name": "time", "arguments": {}}')) == []
    [ended] = reader.read({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    [call] = ended["choices"][0]["delta"]["tool_calls"]
    assert call["function"] == {"name": "time", "arguments": "{}"}


def test_a_chunk_without_choices_passes() -> None:
    usage = {"choices": [], "usage": {"total_tokens": 3}}
    assert tools.CallReader().read(usage) == [usage]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"name": "weather", "argu', "length"),
        ('{"name": "weather", "arguments": {}}', "length"),
        ("{}", "stop"),
        ("[1]", "stop"),
        ("?", "stop"),
    ],
)
def test_an_incomplete_call_ends_with_its_own_reason_and_no_call(text: str, reason: str) -> None:
    reader = tools.CallReader()
    assert reader.read(_piece(text)) == []
    [ended] = reader.read(_piece("", reason))
    assert ended["choices"][0]["delta"] == {"role": "assistant"}
    assert ended["choices"][0]["finish_reason"] == reason


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (
            {"type": "exceed_context_size_error", "n_prompt_tokens": 9, "n_ctx": 4, "message": "m"},
            errors.ContextTooLongError,
            "has 9 tokens; the local model accepts 4",
        ),
        ({"message": "exceeds the Context Size"}, errors.ContextTooLongError, "Context Size"),
        ({"code": 400, "message": "bad"}, errors.BadRequestError, "rejected the request: bad"),
        ({"code": 500, "message": "boom"}, errors.UnavailableError, "failed: boom"),
        ({}, errors.UnavailableError, "no reason"),
    ],
)
def test_errors_of_llama_cpp_become_ingates(body: dict[str, Any], kind: type[Exception], words: str) -> None:
    error = error_from(body)
    assert type(error) is kind
    assert words in str(error)
    assert (error.provider, error.provider_message) == ("local", body.get("message", "llama.cpp gave no reason"))
    if kind is errors.ContextTooLongError:
        assert "local.context_tokens" in error.fix


@pytest.mark.parametrize("kind", [ValueError, TypeError, RuntimeError])
def test_an_exception_for_a_request_is_the_requests_fault(kind: type[Exception]) -> None:
    error = error_from_exception(kind("bad role"))
    assert type(error) is errors.BadRequestError
    assert (error.provider_message, error.provider) == ("bad role", "local")


def test_any_other_exception_is_not_retried() -> None:
    error = error_from_exception(KeyError("x"))
    assert type(error) is errors.UnavailableError
    assert str(error).startswith("the local model failed: KeyError('x')")
    assert (error.retryable, error.provider) == (False, "local")


def test_a_chunk_has_the_models_name_and_no_extras() -> None:
    extras = {"timings": {}, "system_fingerprint": "b1", "prompt_progress": {}, "__verbose": {}}
    piece = {"model": "file.gguf", "choices": [], "usage": {}, **extras}
    assert own_chunk(piece, "mine") == {"model": "mine", "choices": [], "usage": {}}
    assert piece["model"] == "file.gguf"
