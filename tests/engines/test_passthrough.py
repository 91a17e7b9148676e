"""Forwarding a request unchanged: what is sent, what is returned, and what each failure becomes."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from ingate import errors
from ingate.engines import accept, passthrough
from ingate.engines.base import CallReport, Forwarded, Route
from ingate.engines.native import NativeEngine
from ingate.engines.timeouts import Timeouts
from ingate.errors import UpstreamResponse
from ingate.providers.credential import Credential
from ingate.secret import Secret
from ingate.spec import parse_one
from ingate.wire.passthrough import ApiRequest
from ingate.wire.thinking import seal
from support.http import Conversation, serving

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

_KEY = "sk-canary-0123456789"
_HI: dict[str, Any] = {"model": "acme/m", "max_tokens": 8, "messages": [{"role": "user", "content": "Hi"}]}
_MESSAGE: dict[str, Any] = {
    "model": "acme/m",
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 10, "output_tokens": 5},
}
_START = {"type": "message_start", "message": {**_MESSAGE, "content": [], "usage": {"input_tokens": 10}}}
_BLOCK = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
_DELTA = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}}
_END = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}
_LAST = {"type": "message_stop"}
_FAILED = {"type": "error", "error": {"type": "overloaded_error", "message": f"Overloaded {_KEY}"}}


def _sse(*events: dict[str, Any]) -> bytes:
    return b"".join(b"event: %b\ndata: %b\n\n" % (one["type"].encode(), json.dumps(one).encode()) for one in events)


def _masked(data: bytes) -> bytes:
    assert _KEY.encode() in data
    return data.replace(_KEY.encode(), b"***")


def _route(base: str, **more: Any) -> Route:
    settings: dict[str, Any] = {
        "spec": parse_one("acme/m"),
        "engine": "native",
        "provider": "acme",
        "model": "m",
        "wire_format": "messages",
        "api_base": base,
        "credential": Credential(api_key=Secret(_KEY), source="env ACME_API_KEY"),
        "timeout_s": 5.0,
    }
    return Route(**{**settings, **more})


def _request(*, stream: bool = False, **body: Any) -> ApiRequest:
    return ApiRequest(api="messages", body={**_HI, **body, **({"stream": True} if stream else {})})


@pytest.fixture
async def engine() -> AsyncIterator[NativeEngine]:
    engine = NativeEngine()
    yield engine
    await engine.aclose()


def _whole(body: Any, **more: Any) -> Callable[[Conversation], Awaitable[None]]:
    async def answer(talk: Conversation) -> None:
        await talk.answer(body if isinstance(body, bytes) else json.dumps(body).encode(), **more)

    return answer


def _stream(
    *data: bytes, end: bool = True, kind: str = "text/event-stream"
) -> Callable[[Conversation], Awaitable[None]]:
    async def answer(talk: Conversation) -> None:
        await talk.begin(kind)
        for piece in data:
            await talk.piece(piece)
            await asyncio.sleep(0)
        if end:
            await talk.piece(b"")
        else:
            talk.writer.close()

    return answer


def _pieces(forwarded: Forwarded) -> AsyncGenerator[bytes, None]:
    assert forwarded.pieces is not None
    assert forwarded.content is None
    return forwarded.pieces


async def _read(forwarded: Forwarded) -> bytes:
    return b"".join([piece async for piece in _pieces(forwarded)])


def _sent_headers(talk: Conversation) -> dict[str, str]:
    return {name: value for name, value in talk.headers.items() if name not in {"host", "user-agent", "content-length"}}


async def test_a_request_goes_out_as_it_came_but_for_the_name_of_the_model(engine: NativeEngine) -> None:
    report = CallReport()
    async with serving(_whole({**_MESSAGE, "model": "m"}, more="X-Request-Id: r1\r\nset-cookie: a=b\r\n")) as server:
        route = _route(server.base, headers={"X-Title": "t", "Accept": "application/vnd.x"})
        headers = {"anthropic-beta": "b1", "cookie": "c", "x-api-key": "sk-client"}
        request = ApiRequest(api="messages", body={**_HI, "later": 1}, headers=headers)
        forwarded = await engine.forward(route, request, report)
        assert server.closed == 0
    [talk] = server.asked
    assert talk.head.startswith("POST /v1/messages HTTP/1.1")
    assert json.loads(talk.body) == {**_HI, "later": 1, "model": "m"}
    assert _sent_headers(talk) == {
        "content-type": "application/json",
        "accept": "application/vnd.x",
        "accept-encoding": talk.headers["accept-encoding"],
        "anthropic-beta": "b1",
        "anthropic-version": talk.headers["anthropic-version"],
        "x-title": "t",
        "x-api-key": _KEY,
    }
    assert talk.headers["accept-encoding"] != "identity"
    usage = forwarded.usage
    assert usage is not None
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (10, 5)
    content = forwarded.content
    assert content is not None
    assert json.loads(content) == _MESSAGE
    assert (forwarded.pieces, forwarded.content_type, forwarded.response) == (None, "application/json", None)
    assert report == CallReport(headers={"x-request-id": "r1"})


@pytest.mark.parametrize(
    ("stream", "accepts"), [(False, ("application/json", False)), (True, ("text/event-stream", True))]
)
async def test_only_a_stream_is_asked_for_as_events_and_uncompressed(
    engine: NativeEngine, stream: bool, accepts: tuple[str, bool]
) -> None:
    answer = _stream(_sse(_START, _BLOCK, _DELTA, _END, _LAST)) if stream else _whole(_MESSAGE)
    async with serving(answer) as server:
        forwarded = await engine.forward(_route(server.base), _request(stream=stream), CallReport())
        if stream:
            await _read(forwarded)
    headers = server.asked[0].headers
    assert headers["accept"] == accepts[0]
    assert (headers["accept-encoding"] == "identity") is accepts[1]


async def test_the_specs_parameters_are_set_and_those_without_a_place_are_dropped_with_a_warning(
    engine: NativeEngine,
) -> None:
    report = CallReport()
    async with serving(_whole(_MESSAGE)) as server:
        route = _route(server.base, params={"temperature": 0.5, "seed": 4, "n": 2})
        await engine.forward(route, _request(temperature=1.0), report)
    assert json.loads(server.asked[0].body) == {**_HI, "model": "m", "temperature": 0.5}
    assert report.dropped == ["seed", "n"]
    assert report.warnings == [
        "seed was dropped: messages has no such parameter",
        "n was dropped: messages has no such parameter",
    ]


@pytest.mark.parametrize(
    ("most", "given", "sent"),
    [
        (100, 101, 100),
        (1, 5, 1),
        (100, 100, 100),
        (100, 5, 5),
        (0, 5, 5),
        (-1, 5, 5),
        ("4", 5, 5),
        (None, 5, 5),
        (1, None, None),
    ],
)
async def test_a_limit_above_the_models_own_is_lowered_with_a_warning(
    engine: NativeEngine, most: Any, given: int | None, sent: int | None
) -> None:
    report = CallReport()
    async with serving(_whole(_MESSAGE)) as server:
        route = _route(server.base, facts={"max_output_tokens": most})
        body = {**_HI, "max_tokens": given} if given is not None else {"model": "m", "messages": _HI["messages"]}
        await engine.forward(route, ApiRequest(api="messages", body=body), report)
    assert json.loads(server.asked[0].body).get("max_tokens") == sent
    warning = f"max_tokens was lowered from {given} to {sent}, the most that m returns"
    assert report.warnings == ([] if given == sent else [warning])


async def test_reasoning_of_another_provider_is_left_out_of_the_conversation_with_a_warning(
    engine: NativeEngine,
) -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "g"}
    sealed = {"type": "thinking", "thinking": "h", "signature": seal("openai", {"reasoning_items": [item]})}
    text = {"type": "text", "text": "x"}
    turns = [_HI["messages"][0], {"role": "assistant", "content": [sealed, text]}, _HI["messages"][0]]
    report = CallReport()
    async with serving(_whole(_MESSAGE)) as server:
        await engine.forward(_route(server.base), _request(messages=turns), report)
    sent = [turns[0], {"role": "assistant", "content": [text]}, turns[2]]
    assert json.loads(server.asked[0].body)["messages"] == sent
    assert report.warnings == ["reasoning of an earlier turn was left out: only openai can read it"]


async def test_an_error_status_keeps_the_providers_body_with_the_key_masked(engine: NativeEngine) -> None:
    body = json.dumps(_FAILED).encode()
    async with serving(_whole(body, status="529 Overloaded", kind="application/problem+json")) as server:
        with pytest.raises(errors.UnavailableError) as caught:
            await engine.forward(_route(server.base), _request(), CallReport())
    error = caught.value
    assert error.response == UpstreamResponse(529, "application/problem+json", _masked(body))
    assert (error.status, error.provider, error.spec) == (529, "acme", "acme/m")
    assert _KEY not in str(error)


@pytest.mark.parametrize("status", [400, 529])
async def test_an_error_status_in_answer_to_a_stream_is_the_same_error(engine: NativeEngine, status: int) -> None:
    async with serving(_whole(_FAILED, status=f"{status} No", kind="text/event-stream")) as server:
        with pytest.raises(errors.IngateError) as caught:
            await engine.forward(_route(server.base), _request(stream=True), CallReport())
    response = caught.value.response
    assert response is not None
    assert (response.status, response.content_type) == (status, "text/event-stream")


@pytest.mark.parametrize(
    ("head", "kind"),
    [(b"", "application/json"), (b"content-type: text/\xfcx\r\n", "text/?x")],
    ids=["none", "not ASCII"],
)
async def test_the_content_type_of_an_error_is_text_that_a_header_can_hold(
    engine: NativeEngine, head: bytes, kind: str
) -> None:
    async def answer(talk: Conversation) -> None:
        await talk.send(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n" + head + b"\r\n{}")

    async with serving(answer) as server:
        with pytest.raises(errors.BadRequestError) as caught:
            await engine.forward(_route(server.base), _request(), CallReport())
    assert caught.value.response == UpstreamResponse(400, kind, b"{}")


@pytest.mark.parametrize(("head", "kind"), [(b"", "application/json"), (b"content-type: a/b\r\n", "a/b")])
async def test_a_whole_response_without_a_content_type_is_json(engine: NativeEngine, head: bytes, kind: str) -> None:
    async def answer(talk: Conversation) -> None:
        body = json.dumps(_MESSAGE).encode()
        await talk.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n%b\r\n" % (len(body), head) + body)

    async with serving(answer) as server:
        forwarded = await engine.forward(_route(server.base), _request(), CallReport())
    assert forwarded.content_type == kind


async def test_a_web_page_is_an_error_without_a_body_to_hand_on(engine: NativeEngine) -> None:
    async with serving(_whole(b"<html>", kind="text/html")) as server:
        with pytest.raises(errors.UnavailableError, match="web page") as caught:
            await engine.forward(_route(server.base), _request(), CallReport())
    assert caught.value.response is None


async def test_a_body_that_is_not_an_answer_is_an_error_with_that_body(engine: NativeEngine) -> None:
    async with serving(_whole(b"[1]")) as server:
        with pytest.raises(errors.UnavailableError, match="not a JSON object") as caught:
            await engine.forward(_route(server.base), _request(), CallReport())
    assert caught.value.response == UpstreamResponse(200, "application/json", b"[1]")


async def test_a_whole_answer_to_a_stream_is_returned_whole(engine: NativeEngine) -> None:
    async with serving(_whole(_MESSAGE)) as server:
        forwarded = await engine.forward(_route(server.base), _request(stream=True), CallReport())
    assert forwarded.pieces is None
    assert json.loads(forwarded.content or b"") == _MESSAGE


async def test_events_in_answer_to_a_whole_request_are_not_a_stream(engine: NativeEngine) -> None:
    async with serving(_stream(_sse(_START, _BLOCK, _DELTA, _END, _LAST))) as server:
        with pytest.raises(errors.UnavailableError, match="not a JSON object"):
            await engine.forward(_route(server.base), _request(), CallReport())


async def test_a_connection_is_used_again_after_a_whole_response_and_after_a_stream(engine: NativeEngine) -> None:
    async def answer(talk: Conversation) -> None:
        whole, stream = _whole(_MESSAGE), _stream(_sse(_START, _BLOCK, _DELTA, _END, _LAST))
        await (stream if b'"stream"' in talk.body else whole)(talk)

    async with serving(answer) as server:
        for stream in (False, True, False):
            forwarded = await engine.forward(_route(server.base), _request(stream=stream), CallReport())
            if stream:
                await _read(forwarded)
        assert (len(server.asked), server.closed) == (3, 0)
        assert len({talk.writer for talk in server.asked}) == 1


async def test_a_stream_is_returned_at_its_first_content_with_the_usage_so_far(engine: NativeEngine) -> None:
    opened, more = asyncio.Event(), asyncio.Event()

    async def answer(talk: Conversation) -> None:
        await talk.begin("text/event-stream; charset=utf-8")
        await talk.piece(_sse(_START))
        await talk.piece(_sse(_BLOCK, _DELTA)[:30])
        await talk.piece(_sse(_BLOCK, _DELTA)[30:])
        await opened.wait()
        await talk.piece(_sse(_DELTA))
        await more.wait()
        await talk.piece(_sse(_END, _LAST))
        await talk.piece(b"")

    report = CallReport()
    async with serving(answer) as server:
        forwarded = await engine.forward(_route(server.base), _request(stream=True), report)
        assert forwarded.content_type == "text/event-stream; charset=utf-8"
        usage = forwarded.usage
        assert usage is not None
        assert (usage["prompt_tokens"], usage["completion_tokens"]) == (10, 0)
        pieces = _pieces(forwarded)
        assert await anext(pieces) == _sse(_START, _BLOCK, _DELTA)
        opened.set()
        assert await anext(pieces) == _sse(_DELTA)
        more.set()
        assert await anext(pieces) == _sse(_END, _LAST)
        usage = forwarded.usage
        assert usage is not None
        assert usage["completion_tokens"] == 5
        assert [piece async for piece in pieces] == []


async def test_the_usage_grows_while_a_stream_is_read(engine: NativeEngine) -> None:
    async with serving(_stream(_sse(_START, _BLOCK, _DELTA), _sse(_END), _sse(_LAST))) as server:
        forwarded = await engine.forward(_route(server.base), _request(stream=True), CallReport())
        assert await _read(forwarded) == _sse(_START, _BLOCK, _DELTA, _END, _LAST)
    usage = forwarded.usage
    assert usage is not None
    assert (usage["prompt_tokens"], usage["completion_tokens"], forwarded.response) == (10, 5, None)


async def test_the_object_that_ends_a_responses_stream_is_kept(engine: NativeEngine) -> None:
    response = {"id": "resp_1", "object": "response", "status": "completed", "model": "m", "output": []}
    created = {"type": "response.created", "response": {**response, "status": "in_progress"}}
    delta = {"type": "response.output_text.delta", "item_id": "i", "output_index": 0, "content_index": 0, "delta": "a"}
    done = {"type": "response.completed", "response": response}
    async with serving(_stream(_sse(created, delta), _sse(done))) as server:
        request = ApiRequest(api="responses", body={"model": "acme/m", "input": "Hi", "stream": True})
        forwarded = await engine.forward(_route(server.base, wire_format="responses"), request, CallReport())
        assert forwarded.response is None
        await _read(forwarded)
    assert forwarded.response is not None
    assert (forwarded.response["id"], forwarded.response["status"]) == ("resp_1", "completed")


@pytest.mark.parametrize("end", [True, False])
async def test_an_error_before_the_content_is_raised_with_everything_that_came(engine: NativeEngine, end: bool) -> None:
    more = _sse({"type": "ping"})
    async with serving(_stream(_sse(_START), _sse(_FAILED), more, end=end)) as server:
        with pytest.raises(errors.UnavailableError, match="Overloaded") as caught:
            await engine.forward(_route(server.base), _request(stream=True), CallReport())
        await asyncio.sleep(0)
    response = caught.value.response
    assert response is not None
    assert (response.status, response.content_type) == (200, "text/event-stream")
    assert response.content.startswith(_masked(_sse(_START, _FAILED)))
    if end:
        assert response.content == _masked(_sse(_START, _FAILED)) + more
    assert _KEY not in str(caught.value)


async def test_an_error_event_after_the_content_is_handed_on_with_the_key_masked(engine: NativeEngine) -> None:
    async with serving(_stream(_sse(_START, _BLOCK, _DELTA), _sse(_FAILED))) as server:
        forwarded = await engine.forward(_route(server.base), _request(stream=True), CallReport())
        assert await _read(forwarded) == _sse(_START, _BLOCK, _DELTA) + _masked(_sse(_FAILED))


async def test_an_error_event_right_behind_the_content_is_masked_too(engine: NativeEngine) -> None:
    async with serving(_stream(_sse(_START, _BLOCK, _DELTA, _FAILED))) as server:
        forwarded = await engine.forward(_route(server.base), _request(stream=True), CallReport())
        assert await _read(forwarded) == _masked(_sse(_START, _BLOCK, _DELTA, _FAILED))


@pytest.mark.parametrize("body", [b"", b"\n\n"])
async def test_a_stream_without_anything_is_unavailable(engine: NativeEngine, body: bytes) -> None:
    async with serving(_stream(*([body] if body else []))) as server:
        with pytest.raises(errors.UnavailableError, match="the response of acme was empty") as caught:
            await engine.forward(_route(server.base), _request(stream=True), CallReport())
    assert caught.value.retryable


async def test_a_stream_that_ends_without_content_is_handed_on(engine: NativeEngine) -> None:
    async with serving(_stream(_sse(_START), _sse(_END, _LAST)[:-2])) as server:
        forwarded = await engine.forward(_route(server.base), _request(stream=True), CallReport())
        assert await _read(forwarded) == _sse(_START, _END, _LAST)[:-2]


async def test_pings_without_end_are_given_up(engine: NativeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    ping = _sse({"type": "ping"})
    monkeypatch.setattr(passthrough, "_MAX_HELD", 3 * len(ping))
    for count in (3, 4):
        async with serving(_stream(*[ping] * count, _sse(_START, _BLOCK, _DELTA, _END, _LAST))) as server:
            opening = engine.forward(_route(server.base), _request(stream=True), CallReport())
            if count == 3:
                # The events with content arrive together with the third ping or after it, but not as one that is held.
                await _read(await opening)
                continue
            with pytest.raises(errors.UnavailableError, match="bytes without an answer") as caught:
                await opening
            assert not caught.value.retryable
            assert caught.value.fix == "check the base URL of acme"


@pytest.mark.parametrize("end", [True, False])
async def test_a_stream_that_ends_in_the_middle_is_interrupted(engine: NativeEngine, end: bool) -> None:
    async with serving(_stream(_sse(_START, _BLOCK, _DELTA), _sse(_DELTA), end=end)) as server:
        forwarded = await engine.forward(_route(server.base), _request(stream=True), CallReport())
        got: list[bytes] = []

        async def read() -> None:
            async for piece in _pieces(forwarded):
                got.append(piece)

        with pytest.raises(errors.StreamInterruptedError) as caught:
            await read()
    error = caught.value
    assert b"".join(got) == _sse(_START, _BLOCK, _DELTA, _DELTA)
    assert error.message.startswith("the stream from acme was interrupted")
    assert (": the connection to http://127.0.0.1" in error.message) is not end
    assert (error.provider, error.spec, error.fix) == ("acme", "acme/m", "try again; the partial answer is kept")


async def test_a_stream_that_breaks_before_its_content_is_unavailable_and_closed(engine: NativeEngine) -> None:
    async with serving(_stream(_sse(_START), end=False)) as server:
        with pytest.raises(errors.UnavailableError, match="broke before the response was complete") as caught:
            await engine.forward(_route(server.base), _request(stream=True), CallReport())
    assert (caught.value.code, caught.value.provider) == ("connection_broken", "acme")


async def test_a_stream_beyond_the_largest_body_is_ended(engine: NativeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _sse(_START, _BLOCK, _DELTA)
    monkeypatch.setattr(accept, "_MAX_BODY", len(first) + 250)
    comment = b": " + b"x" * 100 + b"\n\n"
    opened, gone = asyncio.Event(), asyncio.Event()

    async def answer(talk: Conversation) -> None:
        await talk.begin()
        await talk.piece(first)
        await opened.wait()
        for _ in range(20):
            await talk.piece(comment)
        await talk.gone()
        gone.set()

    async with serving(answer) as server:
        forwarded = await engine.forward(_route(server.base), _request(stream=True), CallReport())
        opened.set()
        with pytest.raises(errors.StreamInterruptedError, match="the response of acme is larger than"):
            await _read(forwarded)
        await asyncio.wait_for(gone.wait(), 5)


@pytest.mark.parametrize("begun", [True, False])
async def test_whoever_leaves_a_stream_closes_its_connection(engine: NativeEngine, begun: bool) -> None:
    gone, sent = asyncio.Event(), asyncio.Event()

    async def answer(talk: Conversation) -> None:
        await talk.begin()
        await talk.piece(_sse(_START, _BLOCK, _DELTA) if begun else _sse(_START))
        sent.set()
        await talk.gone()
        gone.set()

    async with serving(answer) as server:
        opening = asyncio.create_task(engine.forward(_route(server.base), _request(stream=True), CallReport()))
        if begun:
            pieces = _pieces(await opening)
            assert await anext(pieces) == _sse(_START, _BLOCK, _DELTA)
            await pieces.aclose()
        else:
            await sent.wait()
            await asyncio.sleep(0.01)
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
        await asyncio.wait_for(gone.wait(), 5)


@pytest.mark.parametrize(
    ("sent", "method", "headers"),
    [
        ({}, "GET", {"accept": "application/json"}),
        (
            {"method": "POST", "content": b'{"a":1}', "headers": {"anthropic-beta": "b"}},
            "POST",
            {"accept": "application/json", "content-type": "application/json", "anthropic-beta": "b"},
        ),
        ({"headers": {"accept": "text/plain"}}, "GET", {"accept": "text/plain"}),
    ],
)
async def test_a_request_below_the_endpoint_is_sent_with_the_key_and_returned_as_it_is(
    engine: NativeEngine, sent: dict[str, Any], method: str, headers: dict[str, str]
) -> None:
    body = json.dumps({"error": f"no {_KEY}"}).encode()
    async with serving(_whole(body, status="404 Not Found", kind="application/x")) as server:
        route = _route(server.base, headers={"X-Title": "t"})
        found = await engine.relay(route, "/count_tokens", **sent)
    [talk] = server.asked
    assert talk.head.startswith(f"{method} /v1/messages/count_tokens HTTP/1.1")
    assert talk.body == sent.get("content", b"")
    own = {"x-title": "t", "x-api-key": _KEY, "accept-encoding": talk.headers["accept-encoding"]}
    version = {"anthropic-version": talk.headers["anthropic-version"]} if "anthropic-version" in talk.headers else {}
    assert _sent_headers(talk) == {**headers, **own, **version}
    assert found == UpstreamResponse(404, "application/x", _masked(body))


async def test_a_request_below_the_endpoint_without_a_content_type_is_json(engine: NativeEngine) -> None:
    async def answer(talk: Conversation) -> None:
        await talk.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

    async with serving(answer) as server:
        assert await engine.relay(_route(server.base), "/x") == UpstreamResponse(200, "application/json", b"{}")


async def test_the_time_limits_of_the_route_hold_for_forwarded_requests(engine: NativeEngine) -> None:
    async def answer(talk: Conversation) -> None:
        await talk.gone()

    async with serving(answer) as server:
        route = _route(server.base, timeout_s=0.05, timeouts=Timeouts(connect_s=3))
        for call in (engine.forward(route, _request(), CallReport()), engine.relay(route, "/x")):
            with pytest.raises(errors.RequestTimeoutError, match=r"acme sent nothing for 0\.05 s") as caught:
                await call
            assert caught.value.spec == "acme/m"
