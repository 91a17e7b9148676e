"""OpenAI requests in Gemini's words, detail by detail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ingate.errors import BadRequestError, IngateError
from ingate.wire.gemini.codec import CODEC
from support.conversations import CONVERSATIONS, PDF, PNG, WAV, assistant, call, result, user
from support.native import target

if TYPE_CHECKING:
    from ingate.wire.codec import WireRequest

MODEL = "gemini-2.5-flash"
HI = [user("Hi")]
VERTEX = {"vertex_project": "p", "vertex_location": "europe-west4"}


def ask(body: dict[str, Any], model: str = MODEL, **more: Any) -> WireRequest:
    return CODEC.request(body, target(model, **more))


def made(body: dict[str, Any], model: str = MODEL, **more: Any) -> dict[str, Any]:
    return json.loads(ask(body, model, **more).body)


@pytest.mark.parametrize(
    ("base", "model", "params", "url"),
    [
        (
            "https://generativelanguage.googleapis.com",
            "m",
            {},
            "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent",
        ),
        (
            "https://generativelanguage.googleapis.com/v1beta",
            "models/m",
            {},
            "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent",
        ),
        (
            "https://generativelanguage.googleapis.com/v1",
            "tunedModels/m",
            {},
            "https://generativelanguage.googleapis.com/v1/tunedModels/m:generateContent",
        ),
        ("http://127.0.0.1:9/some-case", "m", {}, "http://127.0.0.1:9/some-case/v1beta/models/m:generateContent"),
        (
            "http://127.0.0.1:9/x",
            "m",
            VERTEX,
            "http://127.0.0.1:9/x/v1/projects/p/locations/europe-west4/publishers/google/models/m:generateContent",
        ),
        (
            "https://h/v1beta1",
            "m",
            VERTEX,
            "https://h/v1beta1/projects/p/locations/europe-west4/publishers/google/models/m:generateContent",
        ),
        (
            "https://h/v1/projects/q/locations/l",
            "m",
            VERTEX,
            "https://h/v1/projects/q/locations/l/publishers/google/models/m:generateContent",
        ),
        (
            "https://h/v1",
            "123456",
            VERTEX,
            "https://h/v1/projects/p/locations/europe-west4/endpoints/123456:generateContent",
        ),
        (
            "",
            "publishers/meta/models/m",
            VERTEX,
            "https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/europe-west4/publishers/meta/models/m:generateContent",
        ),
    ],
)
def test_the_address_is_complete_for_any_base_url(base: str, model: str, params: dict[str, str], url: str) -> None:
    sent = ask({"messages": HI}, model, api_base=base, params=params)
    assert sent.url == url
    streamed = ask({"messages": HI}, model, api_base=base, params=params, stream=True)
    assert streamed.url == url.replace(":generateContent", ":streamGenerateContent?alt=sse")
    assert streamed.body == sent.body


def test_claude_on_vertex_speaks_its_own_format() -> None:
    sent = ask({"messages": HI}, "claude-sonnet-4-5", params=VERTEX)
    assert sent.url.endswith("/publishers/anthropic/models/claude-sonnet-4-5:rawPredict")
    assert json.loads(sent.body)["anthropic_version"] == "vertex-2023-10-16"
    answer = b'{"type":"message","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn"}'
    decoder = CODEC.decoder(model="claude-sonnet-4-5", content_type="application/json")
    assert decoder.feed(answer) == []
    assert decoder.close()[0]["choices"][0]["delta"]["content"] == "Hi"
    assert CODEC.response(answer, model="claude-sonnet-4-5")["choices"][0]["message"]["content"] == "Hi"


def test_system_messages_become_the_instruction_or_the_first_words() -> None:
    asked = CONVERSATIONS["system and developer messages"]
    assert made(asked)["systemInstruction"] == {"parts": [{"text": "Be brief."}, {"text": "Answer in Italian."}]}
    gemma = made(asked, "gemma-3-4b-it")
    assert "systemInstruction" not in gemma
    assert [part["text"] for part in gemma["contents"][0]["parts"]] == ["Be brief.", "Answer in Italian.", "Hello"]


def test_media_go_inline_or_by_address() -> None:
    parts = made(
        {
            "messages": [
                user(
                    [
                        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                        {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PDF}"}},
                        {"type": "input_audio", "input_audio": {"data": WAV, "format": "mp3"}},
                        {"type": "video_url", "video_url": {"url": "gs://bucket/film.webm"}},
                        {
                            "type": "file",
                            "file": {"file_id": "https://generativelanguage.googleapis.com/v1beta/files/a"},
                        },
                    ]
                )
            ]
        }
    )["contents"][0]["parts"]
    assert parts[:3] == [
        {"inlineData": {"mimeType": "image/png", "data": PNG}},
        {"inlineData": {"mimeType": "application/pdf", "data": PDF}},
        {"inlineData": {"mimeType": "audio/mpeg", "data": WAV}},
    ]
    assert parts[3] == {"fileData": {"mimeType": "video/webm", "fileUri": "gs://bucket/film.webm"}}
    assert parts[4]["fileData"]["fileUri"].endswith("/files/a")


def test_results_are_named_by_their_calls_and_wrapped_where_they_are_no_object() -> None:
    turns = made(CONVERSATIONS["parallel calls answered"])["contents"]
    assert [part["functionResponse"] for part in turns[2]["parts"]] == [
        {"name": "get_weather", "response": {"celsius": 21}, "id": "call_1"},
        {"name": "get_time", "response": {"output": "noon"}, "id": "call_2"},
    ]
    failed = [*HI, assistant(None, call("a", "go", {})), result("a", "boom", is_error=True)]
    assert made({"messages": failed})["contents"][2]["parts"][0]["functionResponse"]["response"] == {"error": "boom"}


def test_a_result_that_answers_no_call_is_refused() -> None:
    with pytest.raises(BadRequestError, match="call_7"):
        ask({"messages": [*HI, result("call_7", "x")]})


def test_ids_that_were_made_up_here_stay_here() -> None:
    messages = [*HI, assistant(None, call("call_gem_x_0_0", "go", {})), result("call_gem_x_0_0", "x")]
    assert "id" not in made({"messages": messages})["contents"][1]["parts"][0]["functionCall"]
    assert "id" not in made({"messages": messages})["contents"][2]["parts"][0]["functionResponse"]


def test_an_image_from_a_tool_is_in_the_response_or_after_it() -> None:
    asked = CONVERSATIONS["a tool gives an image"]
    assert made(asked, "gemini-3-pro-preview")["contents"][2]["parts"][0]["functionResponse"]["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": PNG}}
    ]
    assert made(asked)["contents"][2]["parts"][1] == {"inlineData": {"mimeType": "image/png", "data": PNG}}


def test_signatures_go_back_and_a_foreign_history_says_it_has_none() -> None:
    signed = made(CONVERSATIONS["reasoning after a tool call"], "gemini-3-pro-preview")
    assert signed["contents"][1]["parts"][0]["thoughtSignature"] == "c2lnbmVk"
    foreign = made(CONVERSATIONS["parallel calls answered"], "gemini-3-pro-preview")["contents"][1]["parts"]
    assert foreign[0]["thoughtSignature"] == "skip_thought_signature_validator"
    assert "thoughtSignature" not in foreign[1]
    assert "thoughtSignature" not in made(CONVERSATIONS["parallel calls answered"])["contents"][1]["parts"][0]
    said = assistant("Yes", extra_content={"google": {"thought_signature": "c2ln"}})
    assert made({"messages": [*HI, said, *HI]})["contents"][1]["parts"] == [{"text": "Yes", "thoughtSignature": "c2ln"}]


@pytest.mark.parametrize(
    ("name", "calling"),
    [
        ("tools on offer", None),
        ("a tool must be called", {"mode": "ANY"}),
        ("one tool must be called", {"mode": "ANY", "allowedFunctionNames": ["get_time"]}),
        ("no tool may be called", {"mode": "NONE"}),
    ],
)
def test_tool_choice(name: str, calling: dict[str, Any] | None) -> None:
    assert made(CONVERSATIONS[name]).get("toolConfig", {}).get("functionCallingConfig") == calling


def test_one_call_at_a_time_cannot_be_had() -> None:
    assert ask(CONVERSATIONS["one call at a time"]).dropped == ["parallel_tool_calls"]


def test_schemas_are_json_schema_or_the_older_form() -> None:
    asked = CONVERSATIONS["an answer by schema"]
    new = made(asked)["generationConfig"]
    assert new["responseMimeType"] == "application/json"
    assert new["responseJsonSchema"]["properties"]["role"] == {"enum": ["admin"]}
    assert new["responseJsonSchema"]["$defs"]["Place"]["required"] == ["city"]
    old = made(asked, "gemini-2.0-flash")["generationConfig"]["responseSchema"]
    assert old["properties"]["home"]["properties"]["city"] == {"type": "STRING"}
    assert old["properties"]["email"]["nullable"] is True
    assert old["properties"]["role"] == {"enum": ["admin"], "type": "STRING"}


@pytest.mark.parametrize(
    ("model", "effort", "config"),
    [
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0}),
        ("gemini-2.5-pro", "none", {"thinkingBudget": 128}),
        ("gemini-2.5-pro", "max", {"includeThoughts": True, "thinkingBudget": 32768}),
        ("gemini-2.5-flash", "max", {"includeThoughts": True, "thinkingBudget": 24576}),
        ("gemini-2.5-flash-lite", "minimal", {"includeThoughts": True, "thinkingBudget": 1024}),
        ("gemini-3-pro-preview", "medium", {"includeThoughts": True, "thinkingLevel": "HIGH"}),
        ("gemini-3.1-pro-preview", "medium", {"includeThoughts": True, "thinkingLevel": "MEDIUM"}),
        ("gemini-3.5-flash", "minimal", {"includeThoughts": True, "thinkingLevel": "MINIMAL"}),
        ("gemini-3.7-flash", "minimal", {"includeThoughts": True, "thinkingLevel": "LOW"}),
        ("gemini-3.8-flash", "none", {"includeThoughts": False, "thinkingLevel": "LOW"}),
        ("gemini-2.0-flash", "none", None),
        ("gemini-2.0-flash", "high", None),
    ],
)
def test_effort_turns_each_models_own_knob(model: str, effort: str, config: dict[str, Any] | None) -> None:
    sent = ask({"messages": HI, "reasoning_effort": effort}, model)
    assert json.loads(sent.body).get("generationConfig", {}).get("thinkingConfig") == config
    assert sent.dropped == (["reasoning_effort"] if config is None and effort != "none" else [])


def test_a_thinking_budget_is_kept_within_the_models_bounds() -> None:
    given = {"type": "enabled", "budget_tokens": 50}
    assert made({"messages": HI, "thinking": given}, "gemini-2.5-pro")["generationConfig"]["thinkingConfig"] == {
        "includeThoughts": True,
        "thinkingBudget": 128,
    }
    level = made({"messages": HI, "thinking": given}, "gemini-3.5-flash")["generationConfig"]["thinkingConfig"]
    assert level["thinkingLevel"] == "MINIMAL"


def test_sampling_and_limits_keep_their_meaning() -> None:
    config = made(
        {
            **CONVERSATIONS["sampling"],
            "n": 2,
            "logprobs": True,
            "top_logprobs": 3,
            "presence_penalty": 0.5,
            "frequency_penalty": -0.5,
        },
        "gemini-2.0-flash",
    )["generationConfig"]
    assert config == {
        "temperature": 0.2,
        "topP": 0.9,
        "topK": 20,
        "seed": 7,
        "candidateCount": 2,
        "frequencyPenalty": -0.5,
        "presencePenalty": 0.5,
        "maxOutputTokens": 50,
        "responseLogprobs": True,
        "logprobs": 3,
        "stopSequences": ["END", "\n"],
    }
    assert ask(CONVERSATIONS["sampling"], "gemini-3.8-flash").dropped == ["temperature", "top_p", "top_k"]
    many = ask({"messages": HI, "stop": list("abcdefg")})
    assert len(json.loads(many.body)["generationConfig"]["stopSequences"]) == 5
    assert many.warnings


def test_googles_own_keys_find_their_place() -> None:
    body = made(
        {
            "messages": HI,
            "safety_settings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
            "media_resolution": "MEDIA_RESOLUTION_LOW",
            "cached_content": "cachedContents/x",
            "tools": [{"codeExecution": {}}],
        }
    )
    assert body["safetySettings"][0]["threshold"] == "BLOCK_NONE"
    assert body["generationConfig"] == {"mediaResolution": "MEDIA_RESOLUTION_LOW"}
    assert body["cachedContent"] == "cachedContents/x"
    assert body["tools"] == [{"codeExecution": {}}]


@pytest.mark.parametrize(
    ("base", "model", "params", "url"),
    [
        ("https://h/v1beta/models", "m", {}, "https://h/v1beta/models/m:generateContent"),
        ("https://h/v1beta/models", "models/m", {}, "https://h/v1beta/models/m:generateContent"),
        ("https://h/v1alpha", "m", {}, "https://h/v1alpha/models/m:generateContent"),
        ("https://h/v1beta2", "m", {}, "https://h/v1beta2/models/m:generateContent"),
        ("https://h/v2", "m", {}, "https://h/v2/v1beta/models/m:generateContent"),
        ("https://h?key=k", "m x", {}, "https://h/v1beta/models/m%20x:generateContent?key=k"),
        ("https://h/v1", "endpoints/7", VERTEX, "https://h/v1/projects/p/locations/europe-west4/endpoints/7:generateContent"),
        ("https://h/v1", "google/m", VERTEX, "https://h/v1/projects/p/locations/europe-west4/publishers/google/models/m:generateContent"),
        ("https://h/v1", "models/m", VERTEX, "https://h/v1/projects/p/locations/europe-west4/publishers/google/models/m:generateContent"),
    ],
)  # fmt: skip
def test_more_addresses(base: str, model: str, params: dict[str, str], url: str) -> None:
    assert CODEC.url(target(model, api_base=base, params=params)) == url


def test_embeddings_are_asked_for_and_read_exactly() -> None:
    studio = target("models/e")
    sent = CODEC.embeddings_request({"input": "a", "taskType": "X", "encoding_format": "base64", "user": "u"}, studio)
    assert json.loads(sent.body) == {
        "requests": [{"model": "models/e", "taskType": "X", "content": {"parts": [{"text": "a"}]}}]
    }
    assert sent.headers == {"content-type": "application/json"}
    assert sent.warnings == ["Google returns embeddings as numbers; they are encoded as base64 here"]
    vertex = target("e", api_base="https://h/v1", params=VERTEX)
    sent = CODEC.embeddings_request({"input": ["a", "b"], "dimensions": 3, "autoTruncate": True}, vertex)
    assert json.loads(sent.body) == {
        "instances": [{"content": "a"}, {"content": "b"}],
        "parameters": {"outputDimensionality": 3, "autoTruncate": True},
    }
    sent = CODEC.embeddings_request({"input": ["a"]}, vertex)
    assert json.loads(sent.body) == {"instances": [{"content": "a"}], "parameters": {}}
    for malformed in ([], None, 3, [1], ["a", 1]):
        with pytest.raises(BadRequestError, match="a text or a list of texts"):
            CODEC.embeddings_request({"input": malformed}, studio)


@pytest.mark.parametrize(
    ("answer", "tokens"),
    [
        ({"embeddings": [{"values": [1, 2]}, {"values": [3]}]}, 0),
        ({"embeddings": [{"values": [1, 2]}, {"values": [3]}], "usageMetadata": {"promptTokenCount": 4}}, 4),
        (
            {
                "predictions": [
                    {"embeddings": {"values": [1, 2], "statistics": {"token_count": 2}}},
                    {"embeddings": {"values": [3], "statistics": {"token_count": 3}}},
                ]
            },
            5,
        ),
    ],
)
def test_embeddings_become_openais_list(answer: dict[str, Any], tokens: int) -> None:
    assert CODEC.embeddings_response(json.dumps(answer).encode(), model="e") == {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [1, 2]},
            {"object": "embedding", "index": 1, "embedding": [3]},
        ],
        "model": "e",
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


@pytest.mark.parametrize("answer", [{"error": {"code": 429, "message": "x"}}, {"ok": 1}, {"embeddings": [{}]}])
def test_embeddings_that_are_none_are_an_error(answer: dict[str, Any]) -> None:
    with pytest.raises(IngateError) as caught:
        CODEC.embeddings_response(json.dumps(answer).encode(), model="e")
    assert caught.value.status == (429 if "error" in answer else 502)


def test_embeddings_on_ai_studio_and_on_vertex() -> None:
    sent = CODEC.embeddings_request({"input": ["a", "b"], "dimensions": 3}, target("e-1"))
    assert sent.url == "https://far/v1beta/models/e-1:batchEmbedContents"
    assert json.loads(sent.body)["requests"][1] == {
        "model": "models/e-1",
        "outputDimensionality": 3,
        "content": {"parts": [{"text": "b"}]},
    }
    listed = CODEC.embeddings_response(b'{"embeddings":[{"values":[1,2]},{"values":[3]}]}', model="e-1")
    assert [one["embedding"] for one in listed["data"]] == [[1, 2], [3]]
    sent = CODEC.embeddings_request({"input": "a"}, target("e-1", api_base="https://h/v1", params=VERTEX))
    assert sent.url.endswith("/publishers/google/models/e-1:predict")
    assert json.loads(sent.body)["instances"] == [{"content": "a"}]
    answer = b'{"predictions":[{"embeddings":{"values":[1],"statistics":{"token_count":4}}}]}'
    assert CODEC.embeddings_response(answer, model="e-1")["usage"] == {"prompt_tokens": 4, "total_tokens": 4}
    with pytest.raises(BadRequestError):
        CODEC.embeddings_request({"input": [[1, 2]]}, target("e-1"))
