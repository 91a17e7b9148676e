"""Cohere's and Ollama's formats, detail by detail."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingate.errors import IngateError, StreamInterruptedError
from ingate.wire.codec import codec_for
from ingate.wire.completion import assemble, normalise_completion
from ingate.wire.normaliser import StreamNormaliser
from support.conversations import CONVERSATIONS, PNG, assistant, call, result, user
from support.native import target


def ask(wire: str, body: dict[str, Any], model: str = "m", **more: Any) -> Any:
    return codec_for(wire).request(body, target(model, **more))


def made(wire: str, body: dict[str, Any], model: str = "m") -> dict[str, Any]:
    return json.loads(ask(wire, body, model).body)


def whole(wire: str, answer: dict[str, Any]) -> dict[str, Any]:
    return normalise_completion(codec_for(wire).response(json.dumps(answer).encode(), model="m"), "m")


def streamed(wire: str, data: bytes) -> dict[str, Any]:
    decoder, normaliser = codec_for(wire).decoder(model="m", content_type=""), StreamNormaliser("m")
    chunks = [one for chunk in decoder.feed(data) + decoder.close() for one in normaliser.feed(chunk)]
    return assemble(chunks + normaliser.finish())


@pytest.mark.parametrize(
    ("wire", "base", "url"),
    [
        ("cohere", "https://api.cohere.com", "https://api.cohere.com/v2/chat"),
        ("cohere", "https://api.cohere.com/v2", "https://api.cohere.com/v2/chat"),
        ("cohere", "https://api.cohere.com/v2/chat", "https://api.cohere.com/v2/chat"),
        ("cohere", "https://api.cohere.ai/compatibility/v1", "https://api.cohere.ai/v2/chat"),
        ("cohere", "https://api.cohere.ai/v1/chat", "https://api.cohere.ai/v2/chat"),
        ("ollama", "http://127.0.0.1:11434", "http://127.0.0.1:11434/api/chat"),
        ("ollama", "http://127.0.0.1:11434/api/", "http://127.0.0.1:11434/api/chat"),
        ("ollama", "http://127.0.0.1:11434/v1", "http://127.0.0.1:11434/api/chat"),
    ],
)
def test_the_address_is_complete_for_any_base_url(wire: str, base: str, url: str) -> None:
    assert ask(wire, {"messages": [user("Hi")]}, api_base=base).url == url


def test_cohere_has_its_own_names_for_parameters() -> None:
    body = made("cohere", {**CONVERSATIONS["sampling"], "frequency_penalty": 0.5})
    assert (body["p"], body["k"], body["stop_sequences"], body["max_tokens"]) == (0.9, 20, ["END", "\n"], 50)
    assert made("cohere", CONVERSATIONS["a tool must be called"])["tool_choice"] == "REQUIRED"
    one = made("cohere", CONVERSATIONS["one tool must be called"])
    assert [tool["function"]["name"] for tool in one["tools"]] == ["get_time"]
    assert one["tool_choice"] == "REQUIRED"
    form = made("cohere", CONVERSATIONS["an answer by schema"])["response_format"]
    assert (form["type"], form["json_schema"]["required"]) == ("json_object", ["name", "age", "home"])
    assert ask("cohere", CONVERSATIONS["an answer by schema, with tools"]).dropped == ["response_format"]


def test_cohere_thinks_where_the_model_does() -> None:
    asked = CONVERSATIONS["reasoning, low"]
    assert made("cohere", asked, "command-a-reasoning-08-2025")["thinking"] == {"type": "enabled", "token_budget": 2048}
    assert (
        made("cohere", {**asked, "reasoning_effort": "none"}, "command-a-reasoning-08-2025")["thinking"]["type"]
        == "disabled"
    )
    assert ask("cohere", asked, "command-r").dropped == ["reasoning_effort"]


def test_coheres_plan_goes_back_beside_its_calls() -> None:
    said = assistant(None, call("t", "go", {}), tool_plan="I will go.")
    body = made("cohere", {"messages": [user("Go."), said, result("t", "")]})
    assert body["messages"][1]["tool_plan"] == "I will go."
    assert body["messages"][2]["content"]


def test_coheres_answer_is_the_same_whole_and_streamed() -> None:
    tool = {"id": "t", "type": "function", "function": {"name": "add", "arguments": '{"a":1}'}}
    cited = {"start": 0, "end": 2, "text": "Hi", "sources": [{"type": "tool", "id": "x"}]}
    usage = {"tokens": {"input_tokens": 4, "output_tokens": 9, "reasoning_tokens": 2}, "cached_tokens": 1}
    parts = [{"type": "thinking", "thinking": "Hm"}, {"type": "text", "text": "Hi"}]
    message = {"content": parts, "tool_calls": [tool], "tool_plan": "I will", "citations": [cited]}
    one = whole("cohere", {"id": "c", "message": message, "finish_reason": "TOOL_CALL", "usage": usage})
    begun = {**tool, "function": {"name": "add", "arguments": ""}}
    events = [
        {"type": "message-start", "id": "c"},
        {
            "type": "content-start",
            "index": 0,
            "delta": {"message": {"content": {"type": "thinking", "thinking": "Hm"}}},
        },
        {"type": "content-delta", "index": 1, "delta": {"message": {"content": {"text": "Hi"}}}},
        {"type": "citation-start", "delta": {"message": {"citations": cited}}},
        {"type": "citation-start", "delta": {"message": {"citations": {**cited, "type": "PLAN"}}}},
        {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "I "}}},
        {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "will"}}},
        {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": begun}}},
        {
            "type": "tool-call-delta",
            "index": 0,
            "delta": {"message": {"tool_calls": {"function": {"arguments": '{"a":1}'}}}},
        },
        {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL", "usage": usage}},
    ]
    other = streamed("cohere", b"".join(b"data: %s\n\n" % json.dumps(event).encode() for event in events))
    assert one["choices"] == other["choices"]
    assert one["usage"] == other["usage"]
    assert one["usage"]["completion_tokens_details"]["reasoning_tokens"] == 2
    told = one["choices"][0]["message"]
    assert (told["reasoning_content"], told["tool_plan"], len(told["annotations"])) == ("Hm", "I will", 1)


def test_an_unusable_answer_of_coheres_is_told_as_what_it_is() -> None:
    end = {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "invalid tool generation", "usage": {}}}
    choice = streamed("cohere", b"data: %s\n\n" % json.dumps(end).encode())["choices"][0]
    assert (choice["finish_reason"], choice["native_finish_message"]) == ("error", "invalid tool generation")


def test_ollama_takes_images_as_base64_and_options_in_one_object() -> None:
    assert made("ollama", CONVERSATIONS["an image inline"])["messages"][0] == {
        "role": "user",
        "content": "What is this?",
        "images": [PNG],
    }
    body = made("ollama", CONVERSATIONS["sampling"])
    assert body["options"]["num_predict"] == 50
    assert body["options"]["stop"] == ["END", "\n"]
    assert made("ollama", CONVERSATIONS["any JSON"])["format"] == "json"
    assert made("ollama", CONVERSATIONS["an answer by schema"])["format"]["type"] == "object"
    assert made("ollama", CONVERSATIONS["reasoning, none"])["think"] is False
    assert made("ollama", CONVERSATIONS["reasoning, none"], "gpt-oss:20b")["think"] == "low"
    turns = made("ollama", CONVERSATIONS["parallel calls answered"])["messages"]
    assert [turn.get("tool_name") for turn in turns] == [None, None, "get_weather", "get_time"]
    assert turns[1]["tool_calls"][0] == {"function": {"name": "get_weather", "arguments": {"city": "Rome"}}}


def test_ollamas_answer_is_the_same_whole_and_streamed() -> None:
    calls = [
        {"function": {"name": "add", "arguments": {"a": 1}}},
        {"id": "own", "function": {"name": "add", "arguments": {}}},
    ]
    at = {"model": "llama", "created_at": "2026-01-01T00:00:00.123456789Z"}
    end = {"done": True, "done_reason": "stop", "prompt_eval_count": 4, "eval_count": 9}
    one = whole("ollama", {**at, "message": {"content": "Hi", "thinking": "Hm", "tool_calls": calls}, **end})
    lines = [
        {**at, "message": {"thinking": "Hm"}, "done": False},
        {**at, "message": {"content": "Hi"}},
        {**at, "message": {"tool_calls": calls[:1]}},
        {**at, "message": {"tool_calls": calls[1:]}},
        {**at, **end},
    ]
    other = streamed("ollama", b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    assert one["choices"] == other["choices"]
    assert one["usage"] == other["usage"]
    ids = [call["id"] for call in one["choices"][0]["message"]["tool_calls"]]
    assert ids[1] == "own"
    assert ids[0] not in {"", "own"}


def test_an_error_among_ollamas_lines_comes_after_what_came() -> None:
    decoder = codec_for("ollama").decoder(model="m", content_type="application/x-ndjson")
    assert decoder.feed(b'{"message":{"content":"Hi"}}\n{"error":"out of memory"}\n')
    with pytest.raises(IngateError, match="out of memory"):
        decoder.close()


@pytest.mark.parametrize("wire", ["cohere", "ollama"])
def test_a_stream_that_ends_early_is_interrupted(wire: str) -> None:
    with pytest.raises(StreamInterruptedError):
        streamed(
            wire, b'data: {"type":"message-start"}\n\n' if wire == "cohere" else b'{"message":{"content":"Hi"}}\n{"mess'
        )


def test_ollamas_embeddings_exactly() -> None:
    codec = codec_for("ollama")
    body = {"input": "a", "dimensions": 2, "encoding_format": "base64", "truncate": True, "user": "u"}
    sent = codec.embeddings_request(body, target("e"))
    assert json.loads(sent.body) == {"model": "e", "input": "a", "dimensions": 2, "truncate": True}
    assert sent.headers == {"content-type": "application/json"}
    assert json.loads(codec.embeddings_request({"input": "a"}, target("e")).body) == {"model": "e", "input": "a"}
    assert codec.embeddings_response(b'{"model":"e2","embeddings":[[1],[2]],"prompt_eval_count":3}', model="e") == {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [1]},
            {"object": "embedding", "index": 1, "embedding": [2]},
        ],
        "model": "e2",
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    }
    assert codec.embeddings_response(b'{"embeddings":[]}', model="e")["model"] == "e"
    for content, status in ((b'{"error":"x","status_code":404}', 404), (b'{"ok":1}', 502)):
        with pytest.raises(IngateError) as caught:
            codec.embeddings_response(content, model="e")
        assert caught.value.status == status


def test_ollamas_embeddings() -> None:
    codec = codec_for("ollama")
    sent = codec.embeddings_request({"input": ["a"], "dimensions": 2}, target("e", api_base="https://h"))
    assert sent.url == "https://h/api/embed"
    assert json.loads(sent.body) == {"model": "e", "input": ["a"], "dimensions": 2}
    listed = codec.embeddings_response(b'{"model":"e","embeddings":[[1,2]],"prompt_eval_count":3}', model="e")
    assert (listed["data"][0]["embedding"], listed["usage"]["total_tokens"]) == ([1, 2], 3)
