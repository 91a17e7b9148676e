"""Gemini's answers, whole and streamed, in OpenAI's words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingate.errors import IngateError, StreamInterruptedError, UnavailableError
from ingate.wire.completion import assemble, normalise_completion
from ingate.wire.gemini.codec import CODEC
from ingate.wire.normaliser import StreamNormaliser

USAGE = {
    "promptTokenCount": 10,
    "candidatesTokenCount": 5,
    "thoughtsTokenCount": 4,
    "toolUsePromptTokenCount": 3,
    "cachedContentTokenCount": 2,
    "totalTokenCount": 22,
}


def piece(*parts: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": 0, **more}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "responseId": "r-1_x", "modelVersion": "gemini-x"}


def whole(answer: dict[str, Any]) -> dict[str, Any]:
    return normalise_completion(CODEC.response(json.dumps(answer).encode(), model="m"), "m")


def stream(data: bytes, content_type: str = "text/event-stream", size: int = 0) -> dict[str, Any]:
    decoder, normaliser = CODEC.decoder(model="m", content_type=content_type), StreamNormaliser("m")
    step = size or len(data)
    told = [chunk for at in range(0, len(data), step) for chunk in decoder.feed(data[at : at + step])]
    told += decoder.close()
    chunks = [one for chunk in told for one in normaliser.feed(chunk)]
    return assemble(chunks + normaliser.finish())


def sse(*pieces: dict[str, Any]) -> bytes:
    return b"".join(b"data: %s\r\n\r\n" % json.dumps(one, ensure_ascii=False).encode() for one in pieces)


def streamed(*pieces: dict[str, Any]) -> dict[str, Any]:
    """The answer, which is the same as events, as an array and as an indented array, in pieces of any size."""
    answer = stream(sse(*pieces))
    flat = b",\n".join(json.dumps(one, ensure_ascii=False).encode() for one in pieces)
    for data in (sse(*pieces), b"[" + flat + b"\n]\n", json.dumps(list(pieces), indent=2).encode()):
        for size in (1, 7, 0):
            other = stream(data, "application/json; charset=UTF-8", size)
            assert other["choices"] == answer["choices"]
            assert other["usage"] == answer["usage"]
    return answer


def test_text_and_usage() -> None:
    one = whole({**piece({"text": "Grüße 👋"}, finish="STOP"), "usageMetadata": USAGE})
    other = streamed(piece({"text": "Grü"}), {**piece({"text": "ße 👋"}, finish="STOP"), "usageMetadata": USAGE})
    assert one["choices"] == other["choices"]
    assert one["usage"] == other["usage"]
    choice, usage = one["choices"][0], one["usage"]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("Grüße 👋", "stop")
    assert choice["native_finish_reason"] == "STOP"
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (13, 9, 22)
    assert usage["prompt_tokens_details"]["cached_tokens"] == 2
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 4
    assert (one["id"], one["model"]) == ("r-1_x", "gemini-x")


def test_the_last_count_is_the_answers() -> None:
    first = {**piece({"text": "a"}), "usageMetadata": {"promptTokenCount": 99, "thoughtsTokenCount": 50}}
    last = {**piece(finish="STOP"), "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 1}}
    idle = {"usageMetadata": {"trafficType": "ON_DEMAND"}}
    usage = streamed(first, last, idle)["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (3, 1)


def test_thoughts_and_signatures() -> None:
    parts = [{"text": "Hmm", "thought": True}, {"text": "Yes", "thoughtSignature": "c2ln"}]
    one = whole(piece(*parts, finish="STOP"))["choices"]
    assert one == streamed(piece(parts[0]), piece(parts[1]), piece(finish="STOP"))["choices"]
    message = one[0]["message"]
    assert (message["reasoning_content"], message["content"]) == ("Hmm", "Yes")
    assert message["extra_content"] == {"google": {"thought_signature": "c2ln"}}


def test_tool_calls_get_ids_that_stay_the_same() -> None:
    parts = [
        {"functionCall": {"name": "add", "args": {"a": 2}}, "thoughtSignature": "c2ln"},
        {"functionCall": {"name": "now"}},
        {"functionCall": {"name": "own", "args": {}, "id": "given"}},
    ]
    one = whole(piece(*parts, finish="STOP"))["choices"]
    assert one == streamed(piece(parts[0]), piece(parts[1], parts[2], finish="STOP"))["choices"]
    calls = one[0]["message"]["tool_calls"]
    assert one[0]["finish_reason"] == "tool_calls"
    assert [call["function"]["name"] for call in calls] == ["add", "now", "own"]
    assert [call["function"]["arguments"] for call in calls] == ['{"a":2}', "{}", "{}"]
    assert len({call["id"] for call in calls}) == 3
    assert calls[2]["id"] == "given"
    assert calls[0]["extra_content"] == {"google": {"thought_signature": "c2ln"}}


def test_arguments_in_pieces_make_one_call() -> None:
    def args(path: str, **value: Any) -> dict[str, Any]:
        return {"functionCall": {"partialArgs": [{"jsonPath": path, **value}], "willContinue": True}}

    answer = streamed(
        piece({"functionCall": {"name": "add", "willContinue": True}, "thoughtSignature": "c2ln"}),
        piece(args("$.to.city", stringValue="Ro", willContinue=True)),
        piece(args("$.to.city", stringValue="me")),
        piece(
            args("$.tags[0]", stringValue="x"), args("$.tags[1]", numberValue=2), args("$['odd key']", boolValue=True)
        ),
        piece(args("$.none", nullValue="NULL_VALUE"), args("nonsense"), args("$.tags.city", stringValue="x")),
        piece({"functionCall": {}}),
        piece(finish="STOP"),
    )
    [call] = answer["choices"][0]["message"]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {
        "to": {"city": "Rome"},
        "tags": ["x", 2],
        "odd key": True,
        "none": None,
    }
    assert call["extra_content"]["google"]["thought_signature"] == "c2ln"


def test_a_call_whose_last_piece_never_came_is_not_lost() -> None:
    begun = {"functionCall": {"name": "add", "args": {"a": 1}, "willContinue": True}}
    [call] = streamed(piece(begun), piece(finish="STOP"))["choices"][0]["message"]["tool_calls"]
    assert call["function"] == {"name": "add", "arguments": '{"a":1}'}


def test_tools_that_google_ran_are_kept_apart() -> None:
    parts = [
        {"executableCode": {"language": "PYTHON", "code": "1+1", "id": "c"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2", "id": "c"}},
        {"toolCall": {"toolType": "FILE_SEARCH", "id": "f", "args": {"q": "x"}}},
        {"toolResponse": {"toolType": "FILE_SEARCH", "id": "f", "response": {"a": 1}}},
        {"text": "2"},
    ]
    grounding = {"webSearchQueries": ["x"]}
    one = whole(piece(*parts, finish="STOP", groundingMetadata=grounding))["choices"]
    assert one == streamed(piece(*parts[:2]), piece(*parts[2:], finish="STOP", groundingMetadata=grounding))["choices"]
    message = one[0]["message"]
    assert "tool_calls" not in message
    ran = message["provider_tool_calls"]
    assert [one["name"] for one in ran] == [
        "code_execution",
        "code_execution",
        "file_search",
        "file_search",
        "google_search",
    ]
    assert json.loads(ran[0]["arguments"])["code"] == "1+1"
    assert ran[1]["result"]["output"] == "2"


def test_grounding_becomes_annotations_counted_in_characters() -> None:
    grounding = {
        "groundingChunks": [
            {"web": {"uri": "https://e.org", "title": "E"}},
            {"retrievedContext": {"text": "t", "title": "D"}},
        ],
        "groundingSupports": [{"segment": {"startIndex": 3, "endIndex": 6}, "groundingChunkIndices": [0, 1, 9]}],
    }
    cited = {"citations": [{"startIndex": 0, "endIndex": 1, "uri": "https://c.org"}]}
    one = whole(piece({"text": "é abc"}, finish="STOP", groundingMetadata=grounding, citationMetadata=cited))["choices"]
    last = piece({"text": "abc"}, finish="STOP", groundingMetadata=grounding, citationMetadata=cited)
    assert one == streamed(piece({"text": "é "}), last)["choices"]
    web, document, citation = one[0]["message"]["annotations"]
    assert web["url_citation"] == {"start_index": 2, "end_index": 5, "url": "https://e.org", "title": "E"}
    assert document["type"] == "document_citation"
    assert citation["url_citation"]["url"] == "https://c.org"


def test_an_image_and_log_probabilities() -> None:
    result = {
        "chosenCandidates": [{"token": "Hi", "logProbability": -0.1}],
        "topCandidates": [
            {"candidates": [{"token": "Hi", "logProbability": -0.1}, {"token": "Ho", "logProbability": -2}]}
        ],
    }
    picture = {"inlineData": {"mimeType": "image/png", "data": "QQ=="}}
    answer = piece({"text": "Hi"}, picture, finish="STOP", logprobsResult=result)
    choice = whole(answer)["choices"][0]
    assert choice["logprobs"]["content"][0]["token"] == "Hi"
    assert [one["logprob"] for one in choice["logprobs"]["content"][0]["top_logprobs"]] == [-0.1, -2]
    assert choice["message"]["images"][0]["image_url"]["url"] == "data:image/png;base64,QQ=="
    assert streamed(answer)["choices"][0]["logprobs"]["content"] == choice["logprobs"]["content"]


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("MODEL_ARMOR", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "stop"),
        ("SOMETHING_NEW", "stop"),
    ],
)
def test_finish_reasons(reason: str, finish: str) -> None:
    answer = piece({"text": "Hi"}, finish=reason, finishMessage="Because.")
    one = whole(answer)["choices"]
    assert one == streamed(answer)["choices"]
    assert (one[0]["finish_reason"], one[0]["native_finish_reason"]) == (finish, reason)
    assert one[0]["native_finish_message"] == "Because."


def test_a_blocked_prompt_is_an_answer_with_nothing_in_it() -> None:
    blocked = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 4}}
    for answer in (whole(blocked), streamed(blocked)):
        choice = answer["choices"][0]
        assert (choice["finish_reason"], choice["native_finish_reason"]) == ("content_filter", "PROHIBITED_CONTENT")
        assert not choice["message"]["content"]
        assert answer["usage"]["prompt_tokens"] == 4


def test_no_candidate_is_an_empty_answer() -> None:
    choice = whole({"usageMetadata": {"promptTokenCount": 4}, "candidates": []})["choices"][0]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("stop", "")
    silent = whole({"candidates": [{"finishReason": "SAFETY"}]})["choices"][0]
    assert silent["finish_reason"] == "content_filter"


def test_several_candidates_are_several_choices() -> None:
    first, second = piece({"text": "a"}, finish="STOP"), piece({"text": "b"}, finish="MAX_TOKENS")
    second["candidates"][0]["index"] = 1
    answer = {**first, "candidates": first["candidates"] + second["candidates"]}
    assert whole(answer)["choices"] == streamed(answer)["choices"] == streamed(first, second)["choices"]
    assert [choice["message"]["content"] for choice in whole(answer)["choices"]] == ["a", "b"]


ERROR = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}


@pytest.mark.parametrize("data", [sse(ERROR), json.dumps([ERROR]).encode(), json.dumps(ERROR, indent=1).encode()])
def test_an_error_inside_a_stream_is_that_error(data: bytes) -> None:
    decoder = CODEC.decoder(model="m", content_type="")
    with pytest.raises(IngateError) as caught:
        decoder.feed(data + b"\n\n")
    assert caught.value.status == 503


def test_an_error_inside_a_200_is_that_error() -> None:
    with pytest.raises(IngateError) as caught:
        CODEC.response(b'{"error":{"code":429,"message":"Slow","status":"RESOURCE_EXHAUSTED"}}', model="m")
    assert caught.value.status == 429


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"a":1}', b'"x"', b"{" * 5000])
def test_what_is_no_answer_is_unavailable(body: bytes) -> None:
    with pytest.raises(UnavailableError):
        CODEC.response(body, model="m")


def test_junk_in_an_array_is_unavailable() -> None:
    decoder = CODEC.decoder(model="m", content_type="application/json")
    with pytest.raises(UnavailableError):
        decoder.feed(b"[oops")


def test_a_stream_that_ends_early_is_interrupted() -> None:
    unfinished = sse(piece({"text": "Hi"}))
    array = json.dumps([piece({"text": "Hi"}, finish="STOP")]).encode()
    for data in (unfinished, sse(piece({"text": "Hi"}, finish="STOP"))[:-30], array[:-40]):
        decoder = CODEC.decoder(model="m", content_type="text/event-stream")
        decoder.feed(data)
        with pytest.raises(StreamInterruptedError):
            decoder.close()
