"""What pass-through keeps besides the bytes: accounting, typed errors, key scrubbing, fallbacks, and an end for every stream."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from ingate import Gateway
from ingate.errors import InvalidRequestError, RateLimitError, UnavailableError
from ingate.gateway.reply import translated
from ingate.wire.passthrough import ApiRequest
from support.client import ask
from support.http import Conversation, serving

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

KEY = "sk-ant-canary-0123456789"
MESSAGE = {
    "model": "claude-opus-4-8-20260101",
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "content": [{"type": "text", "text": 'a "model": "x" in the text'}],
    "stop_reason": "end_turn",
    "future_field": {"kept": True},
    "usage": {"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 7},
}
USER = {"role": "user", "content": "Hi"}
HI: dict[str, Any] = {"max_tokens": 8, "messages": [USER]}


def sse(*events: dict[str, Any]) -> bytes:
    return b"".join(b"event: %b\ndata: %b\n\n" % (one["type"].encode(), json.dumps(one).encode()) for one in events)


START = {
    "type": "message_start",
    "message": {**MESSAGE, "content": [], "usage": {"input_tokens": 10, "output_tokens": 1}},
}
BLOCK = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
DELTA = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}}
STOP = {"type": "content_block_stop", "index": 0}
END = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}
LAST = {"type": "message_stop"}


def config(base: str, **more: Any) -> dict[str, Any]:
    return {"anthropic": {"api_key": KEY, "base_url": base}, **more}


def whole(body: Any, status: str = "200 OK", **more: Any) -> Callable[[Conversation], Awaitable[None]]:
    async def answer(talk: Conversation) -> None:
        await talk.answer(body if isinstance(body, bytes) else json.dumps(body).encode(), status=status, **more)

    return answer


def pieces(*data: bytes, end: bool = True) -> Callable[[Conversation], Awaitable[None]]:
    async def answer(talk: Conversation) -> None:
        await talk.begin()
        for piece in data:
            await talk.piece(piece)
            await asyncio.sleep(0)
        if end:
            await talk.piece(b"")
        else:
            talk.writer.close()

    return answer


async def test_fields_that_do_not_exist_yet_pass_both_ways_with_the_clients_protocol_headers() -> None:
    body = {**HI, "model": "anthropic/claude-opus-4-8", "tomorrow": [{"cache_control": {"ttl": "9h"}}]}
    headers = {"content-type": "application/json", "anthropic-beta": "b1,b2", "anthropic-version": "2030-01-01"}
    async with serving(whole(MESSAGE)) as server, Gateway(config(server.base)) as gateway:
        answer = await ask(gateway.asgi, "POST", "/v1/messages", body, headers={**headers, "cookie": "a=b"})
    [talk] = server.asked
    assert json.loads(talk.body) == {**body, "model": "claude-opus-4-8"}
    assert talk.headers["anthropic-beta"] == "b1,b2"
    assert talk.headers["anthropic-version"] == "2030-01-01"
    assert talk.headers["x-api-key"] == KEY
    assert "cookie" not in talk.headers
    assert answer.json() == {**MESSAGE, "model": "anthropic/claude-opus-4-8"}
    assert answer.headers["x-ingate-provider"] == "anthropic"


async def test_numbers_and_escapes_keep_their_spelling() -> None:
    raw = (
        b'{"model":"anthropic/m", "max_tokens":8,"temperature":1.0e0,"messages":[{"role":"user","content":"\\u00e9"}]}'
    )
    async with serving(whole(MESSAGE)) as server, Gateway(config(server.base)) as gateway:
        await ask(gateway.asgi, "POST", "/v1/messages", raw)
    assert b'"temperature":1.0e0' in server.asked[0].body
    assert b'"content":"\\u00e9"' in server.asked[0].body


async def test_the_dict_api_gives_the_message_with_metadata_and_cost() -> None:
    async with serving(whole(MESSAGE)) as server, Gateway(config(server.base)) as gateway:
        body = {**HI, "model": "anthropic/claude-opus-4-8"}
        answer = await gateway.complete(body, api="messages", headers={"Anthropic-Beta": "x"})
    assert answer["future_field"] == {"kept": True}
    assert answer["ingate"]["provider"] == "anthropic"
    assert answer["ingate"]["cost_usd"] > 0
    assert server.asked[0].headers["anthropic-beta"] == "x"


async def test_the_dict_api_streams_events_with_metadata_first_and_last() -> None:
    stream = pieces(sse(START), sse(BLOCK, DELTA), sse(STOP, END, LAST))
    async with serving(stream) as server, Gateway(config(server.base)) as gateway:
        body = {**HI, "model": "anthropic/claude-opus-4-8"}
        events = [event async for event in gateway.stream(body, api="messages")]
    assert [event["type"] for event in events] == [one["type"] for one in (START, BLOCK, DELTA, STOP, END, LAST)]
    assert events[0]["message"]["model"] == "anthropic/claude-opus-4-8"
    assert events[0]["ingate"]["cost_usd"] is None or events[0]["ingate"]["cost_usd"] >= 0
    assert events[-1]["ingate"]["cost_usd"] > 0
    assert "ingate" not in events[2]


async def test_a_specs_parameters_are_put_in_the_apis_own_words() -> None:
    async with serving(whole(MESSAGE)) as server, Gateway(config(server.base)) as gateway:
        spec = "anthropic/claude-opus-4-8?temperature=0.5&max_tokens=3&reasoning=low&seed=4"
        answer = await gateway.complete({**HI, "model": spec}, api="messages")
    sent = json.loads(server.asked[0].body)
    assert (sent["temperature"], sent["max_tokens"], sent["output_config"]) == (0.5, 3, {"effort": "low"})
    assert "seed" not in sent
    assert answer["ingate"]["dropped"] == ["seed"]


async def test_a_limit_above_the_models_is_lowered_and_reported() -> None:
    async with serving(whole(MESSAGE)) as server, Gateway(config(server.base)) as gateway:
        row = gateway.catalog().get("anthropic", "claude-opus-4-8")
        assert row is not None
        assert row.max_output_tokens
        body = {**HI, "model": "anthropic/claude-opus-4-8", "max_tokens": row.max_output_tokens + 1}
        answer = await gateway.complete(body, api="messages")
    assert json.loads(server.asked[0].body)["max_tokens"] == row.max_output_tokens
    assert any("max_tokens was lowered" in warning for warning in answer["ingate"]["warnings"])


async def test_an_error_is_the_providers_own_without_the_key() -> None:
    error = {"type": "error", "error": {"type": "authentication_error", "message": f"invalid x-api-key {KEY}"}}
    async with serving(whole(error, "401 Unauthorized")) as server, Gateway(config(server.base)) as gateway:
        body = {**HI, "model": "anthropic/m"}
        answer = await ask(gateway.asgi, "POST", "/v1/messages", body, in_process=True)
        over_http = await ask(gateway.asgi, "POST", "/v1/messages", body)  # there a 401 is the caller's own key
    assert (over_http.status, over_http.json()["error"]["code"]) == (502, "provider_authentication_error")
    assert KEY not in over_http.body.decode()
    assert answer.status == 401
    assert answer.json()["error"]["type"] == "authentication_error"
    assert KEY not in answer.body.decode()
    assert "***" in answer.body.decode()
    assert answer.headers["x-ingate-fix"]


async def test_an_error_in_the_dict_api_is_typed() -> None:
    error = {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}
    more = "retry-after: 7\r\n"
    async with serving(whole(error, "429 Too Many", more=more)) as server, Gateway(config(server.base)) as gateway:
        with pytest.raises(RateLimitError) as caught:
            await gateway.complete({**HI, "model": "anthropic/m"}, api="messages", retries=0)
    assert caught.value.retry_after_s == 7
    assert caught.value.provider == "anthropic"


@pytest.mark.parametrize("body", [b"", b"<html>hello</html>", b"null", b"[]"])
async def test_what_is_not_a_response_is_an_error_of_ours(body: bytes) -> None:
    async with serving(whole(body)) as server, Gateway(config(server.base)) as gateway:
        with pytest.raises(UnavailableError):
            await gateway.complete({**HI, "model": "anthropic/m"}, api="messages", retries=0)


OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


@pytest.mark.parametrize("before", [(), (START,), (START, {"type": "ping"})])
async def test_an_error_before_the_first_token_is_retried(before: tuple[Any, ...]) -> None:
    calls = 0

    async def answer(talk: Conversation) -> None:
        nonlocal calls
        calls += 1
        await pieces(*((sse(*before, OVERLOADED),) if calls == 1 else (sse(START, BLOCK, DELTA, STOP, END, LAST),)))(
            talk
        )

    async with serving(answer) as server, Gateway(config(server.base), retries=1) as gateway:
        events = [event async for event in gateway.stream({**HI, "model": "anthropic/m"}, api="messages")]
    assert calls == 2
    assert events[-1]["type"] == "message_stop"


async def test_a_model_that_fails_falls_back_to_one_that_needs_translation() -> None:
    chat = {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    }
    async with serving(whole(OVERLOADED, "529 Overloaded")) as down, serving(whole(chat)) as up:
        servers = {"mine": {"base_url": up.base}}
        async with Gateway(config(down.base, servers=servers), retries=0) as gateway:
            answer = await gateway.complete({**HI, "model": "anthropic/m, mine/m"}, api="messages")
    assert answer["content"][0]["text"] == "Hello"
    assert answer["ingate"]["provider"] == "mine"
    assert any("anthropic/m" in warning for warning in answer["ingate"]["warnings"])


async def test_an_error_inside_a_stream_is_handed_on_without_the_key() -> None:
    error = {"type": "error", "error": {"type": "api_error", "message": f"key {KEY} failed"}}
    async with serving(pieces(sse(START, BLOCK, DELTA), sse(error))) as server, Gateway(config(server.base)) as gateway:
        answer = await ask(gateway.asgi, "POST", "/v1/messages", {**HI, "model": "anthropic/m", "stream": True})
    assert answer.status == 200
    assert answer.body.count(b"event: error") == 1
    assert KEY.encode() not in answer.body


@pytest.mark.parametrize("cut", [b"", b'event: content_block_delta\ndata: {"type":"content_b'])
@pytest.mark.parametrize("end", [True, False])
async def test_a_stream_that_breaks_ends_with_the_apis_own_error(cut: bytes, end: bool) -> None:
    stream = pieces(sse(START, BLOCK), sse(DELTA), *([cut] if cut else []), end=end)
    async with serving(stream) as server, Gateway(config(server.base)) as gateway:
        answer = await ask(gateway.asgi, "POST", "/v1/messages", {**HI, "model": "anthropic/m", "stream": True})
    last = json.loads(answer.body.decode().rsplit("data: ", 1)[1])
    assert last["type"] == "error"
    assert "was interrupted" in last["error"]["message"]


async def test_leaving_a_stream_closes_the_connection() -> None:
    gone = asyncio.Event()

    async def answer(talk: Conversation) -> None:
        await talk.begin()
        await talk.piece(sse(START, BLOCK, DELTA))
        await talk.gone()
        gone.set()

    async with serving(answer) as server, Gateway(config(server.base)) as gateway:
        request = ApiRequest(api="messages", body={**HI, "model": "anthropic/m", "stream": True})
        reply = await gateway.respond(request)
        stream = reply.pieces()
        assert b"Hello" in await anext(stream)
        await stream.aclose()
        await asyncio.wait_for(gone.wait(), 2)


async def test_the_first_token_does_not_wait_for_the_second() -> None:
    more = asyncio.Event()

    async def answer(talk: Conversation) -> None:
        await talk.begin()
        await talk.piece(sse(START, BLOCK, DELTA))
        await more.wait()
        await talk.piece(sse(STOP, END, LAST))
        await talk.piece(b"")

    async with serving(answer) as server, Gateway(config(server.base)) as gateway:
        reply = await gateway.respond(ApiRequest(api="messages", body={**HI, "model": "anthropic/m", "stream": True}))
        stream = reply.pieces()
        assert b"Hello" in await anext(stream)
        more.set()
        assert b"message_stop" in b"".join([piece async for piece in stream])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"messages": "hi"}, "messages"),
        ({"model": 7}, "model"),
        ({"max_tokens": "8"}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"stream": "yes"}, "stream"),
        ({"tools": {}}, "tools"),
    ],
)
async def test_a_malformed_request_is_refused_before_anything_is_sent(body: Any, field: str) -> None:
    async with serving(whole(MESSAGE)) as server, Gateway(config(server.base)) as gateway:
        request = {**HI, "model": "anthropic/m", **body}
        answer = await ask(gateway.asgi, "POST", "/v1/messages", request)
        assert answer.status == 400
        assert answer.json()["type"] == "error"
        assert field in answer.json()["error"]["message"]
        with pytest.raises(InvalidRequestError) as caught:
            await gateway.respond(ApiRequest(api="messages", body=request))
        assert caught.value.param == field
    assert server.asked == []


async def test_a_bare_name_goes_to_the_one_ready_provider_that_offers_it() -> None:
    async with Gateway({"openai": {"api_key": KEY}}) as gateway:
        assert gateway.routes("gpt-5.1")[0].provider == "openai"
    async with Gateway({"openai": {"api_key": KEY}, "azure": {"api_key": KEY, "base_url": "https://x"}}) as gateway:
        with pytest.raises(Exception, match=r"several providers: .*openai/gpt-5\.1") as caught:
            gateway.routes("gpt-5.1")
        assert "azure/gpt-5.1" in str(caught.value)


async def test_a_whole_response_without_a_content_type_is_json() -> None:
    async def answer(talk: Conversation) -> None:
        body = json.dumps(MESSAGE).encode()
        await talk.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)

    async with serving(answer) as up, Gateway(config(up.base), retries=0) as gateway:
        reply = await gateway.respond(
            ApiRequest(api="messages", body={"model": "anthropic/claude-opus-4-8", **HI}, headers={})
        )
        assert reply.content_type == "application/json"


async def test_a_fault_inside_a_translated_stream_is_logged_with_its_request(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(chat: dict[str, Any]) -> Any:
        yield {
            "id": "c",
            "choices": [{"index": 0, "delta": {"role": "assistant", "content": "a"}, "finish_reason": None}],
        }
        raise ZeroDivisionError("sk-secret")

    request = ApiRequest(api="messages", body={"model": "a/b", "stream": True, **HI}, headers={})
    reply = await translated(request, None, broken, request_id="req-7")  # ty: ignore[invalid-argument-type]
    sent = b"".join([piece async for piece in reply.pieces()])
    assert b"ZeroDivisionError" in sent
    assert b"sk-secret" not in sent
    [record] = caplog.records
    assert record.getMessage() == "request req-7 failed inside a stream"


@pytest.mark.parametrize(
    ("path", "model", "body", "param"),
    [
        ("/v1/chat/completions", "openai/gpt-4.1", {"messages": [USER], "temperature": "hot"}, "temperature"),
        ("/v1/responses", "openai/gpt-4.1", {"input": [5]}, "input[0]"),
        ("/v1/messages", "anthropic/claude-opus-4-8", {"max_tokens": 8, "messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ("/v1/messages", "anthropic/claude-opus-4-8", {"max_tokens": 8}, "messages"),
    ],
)  # fmt: skip
async def test_a_malformed_request_is_refused_in_the_format_of_its_api_and_not_sent(
    path: str, model: str, body: dict[str, Any], param: str
) -> None:
    async with serving(whole(MESSAGE)) as server:
        settings = config(server.base, openai={"api_key": KEY, "base_url": server.base})
        async with Gateway(settings, retries=0) as gateway:
            answer = await ask(gateway.asgi, "POST", path, {"model": model, **body})
    assert server.asked == []
    assert answer.status == 400
    found = answer.json()
    assert found["error"]["type"] == "invalid_request_error"
    assert param in found["error"]["message"]
    if path == "/v1/messages":
        assert found["type"] == "error"
    else:
        assert found["error"]["param"] == param


SPEC = "anthropic/claude-opus-4-8"


def as_asked(events: bytes) -> bytes:
    """The events with the name that the client gave the model."""
    return events.replace(MESSAGE["model"].encode(), SPEC.encode())


async def test_an_event_that_is_cut_off_is_not_handed_on() -> None:
    """A client parses every event it gets, so a part of one would be an error without a type."""
    events = sse(START, BLOCK, DELTA)

    async def answer(talk: Conversation) -> None:
        await talk.begin()
        await talk.piece(events + sse(DELTA)[:40])
        talk.writer.close()

    async with serving(answer) as server, Gateway(config(server.base)) as gateway:
        body = {**HI, "model": SPEC, "stream": True}
        reply = await gateway.respond(ApiRequest(api="messages", body=body), retries=0)
        got = b"".join([piece async for piece in reply.pieces()])
    expected = as_asked(events)
    begun, error = got[: len(expected)], got[len(expected) :]
    assert begun == expected
    assert error.strip().startswith(b"event: error\ndata: ")
    assert json.loads(error.partition(b"data: ")[2])["type"] == "error"


@pytest.mark.parametrize("end", [b"", b"\n", b"\n\n", b"\n\n: bye\n"])
async def test_the_last_event_needs_no_blank_line_after_it(end: bytes) -> None:
    events = sse(START, BLOCK, DELTA, STOP, END, LAST).rstrip() + end
    async with serving(pieces(events)) as server, Gateway(config(server.base)) as gateway:
        body = {**HI, "model": SPEC, "stream": True}
        reply = await gateway.respond(ApiRequest(api="messages", body=body), retries=0)
        assert b"".join([piece async for piece in reply.pieces()]) == as_asked(events)


@pytest.mark.parametrize("content", [b"{}", b'{"status":"ok","version":3}', b'{"id":"\xff","content":[],"output":[]}'])
@pytest.mark.parametrize("api", ["messages", "responses"])
async def test_an_object_that_is_no_answer_of_the_api_is_an_error(api: Any, content: bytes) -> None:
    async with serving(whole(content)) as server:
        sections = {
            "anthropic": {"api_key": KEY, "base_url": server.base},
            "openai": {"api_key": KEY, "base_url": server.base},
        }
        model = "anthropic/claude-opus-4-8" if api == "messages" else "openai/gpt-5.1"
        body = {**HI, "model": model} if api == "messages" else {"input": "Hi", "model": model}
        async with Gateway(sections) as gateway:
            with pytest.raises(UnavailableError):
                await gateway.respond(ApiRequest(api=api, body=body), retries=0)
