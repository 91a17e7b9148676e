"""The native engine's calls: the exact request, what is read of the response, and what an error says."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from ingate import errors
from ingate.engines import accept, native
from ingate.engines.base import CallReport, Route
from ingate.engines.native import NativeEngine
from ingate.engines.timeouts import Timeouts
from ingate.providers.credential import Credential
from ingate.secret import Secret
from support.acme import KEY, acme_route
from support.http import Conversation, serving
from support.wire import chunk, sse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

_BODY: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}]}
_ANSWER = {"id": "x", "choices": [{"index": 0, "message": {"content": "a"}, "finish_reason": "stop"}]}
_MESSAGE = {
    "id": "m",
    "type": "message",
    "role": "assistant",
    "content": [{"type": "text", "text": "a"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


@pytest.fixture
async def engine() -> AsyncIterator[NativeEngine]:
    engine = NativeEngine()
    yield engine
    await engine.aclose()


def _json(value: Any, **more: Any) -> Callable[[Conversation], Awaitable[None]]:
    async def answer(talk: Conversation) -> None:
        await talk.answer(value if isinstance(value, bytes) else json.dumps(value).encode(), **more)

    return answer


async def _collect(
    engine: NativeEngine, route: Route, into: list[dict[str, Any]] | None = None
) -> list[dict[str, Any]]:
    got: list[dict[str, Any]] = [] if into is None else into
    async for piece in engine.stream(route, _BODY, CallReport()):
        got.append(piece)
    return got


def _texts(chunks: list[dict[str, Any]]) -> list[str | None]:
    return [piece["choices"][0]["delta"].get("content") for piece in chunks if piece["choices"]]


async def test_dropped_parameters_and_warnings_are_reported_and_strict_refuses_them(engine: NativeEngine) -> None:
    report = CallReport()
    body = {**_BODY, "seed": 3, "max_tokens": 5}
    async with serving(_json(_MESSAGE, more="request-id: r1\r\n")) as server:
        route = acme_route(server.base, wire_format="messages")
        await engine.complete(route, body, report)
        with pytest.raises(errors.BadRequestError, match="seed") as caught:
            await engine.complete(acme_route(server.base, wire_format="messages", drop_params="strict"), body, report)
    assert (caught.value.provider, caught.value.spec) == ("acme", "acme/m")
    assert len(server.asked) == 1
    assert report.dropped == ["seed"]
    assert report.headers == {"request-id": "r1"}
    assert body == {**_BODY, "seed": 3, "max_tokens": 5}


async def test_the_facts_about_a_model_reach_its_format(engine: NativeEngine) -> None:
    async with serving(_json(_MESSAGE)) as server:
        route = acme_route(server.base, wire_format="messages", facts={"max_output_tokens": 77})
        await engine.complete(route, _BODY, CallReport())
    assert json.loads(server.asked[0].body)["max_tokens"] == 77


async def test_the_open_parts_of_a_credential_reach_its_format(engine: NativeEngine) -> None:
    async with serving(_json(_ANSWER)) as server:
        credential = Credential(Secret(KEY), {"api_version": Secret("2031-01-01")}, "env X")
        route = acme_route(
            server.base.removesuffix("/v1"), wire_format="azure", provider="azure", credential=credential
        )
        await engine.complete(route, _BODY, CallReport())
        await engine.relay(route, "/x/y")
    first, second = (talk.head.split(" ")[1] for talk in server.asked)
    assert first.endswith("/chat/completions?api-version=2031-01-01")
    assert second == first.replace("?", "/x/y?")
    assert server.asked[1].head.startswith("GET ")


async def test_embeddings_report_headers_and_what_was_dropped(engine: NativeEngine) -> None:
    report = CallReport()
    answer = {"object": "list", "data": [{"index": 0, "object": "embedding", "embedding": [0.5]}], "model": "m"}
    async with serving(_json(answer, more="x-request-id: r1\r\n")) as server:
        found = await engine.embed(acme_route(server.base), {"input": "x"}, report)
    assert found["data"] == answer["data"]
    assert json.loads(server.asked[0].body) == {"model": "m", "input": "x"}
    assert report.headers == {"x-request-id": "r1"}


async def test_a_stream_reports_its_headers_before_its_first_chunk(engine: NativeEngine) -> None:
    async def answer(talk: Conversation) -> None:
        head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nX-Request-Id: r1\r\ntransfer-encoding: chunked\r\n\r\n"
        await talk.send(head.encode())
        await talk.piece(sse(chunk({"content": "a"}), chunk({}, "stop")))
        await talk.piece(b"")

    report = CallReport()
    async with serving(answer) as server:
        stream = engine.stream(acme_route(server.base), _BODY, report)
        await anext(stream)
        assert report.headers == {"x-request-id": "r1"}
        await stream.aclose()


async def test_json_in_reply_to_a_stream_is_one_answer(engine: NativeEngine) -> None:
    async with serving(_json(_ANSWER)) as server:
        got = await _collect(engine, acme_route(server.base))
    assert got == [{**_ANSWER, "model": got[0].get("model")}] if "model" in got[0] else [_ANSWER]


async def test_lists_are_asked_for_at_the_base_url_with_the_routes_headers(engine: NativeEngine) -> None:
    async with serving(_json({"data": [{"id": 5, "x": 1}, {"id": ""}, {"id": None, "name": "b"}, "c"]})) as server:
        route = acme_route(server.base + "/", headers={"X-Title": "t"}, wire_format="")
        assert await engine.list_models(route) == [{"id": "5", "x": 1}, {"id": "b", "name": "b"}]
        assert b'"id": 5' in await engine.get(route, "/health")
    heads = [talk.head.split("\r\n")[0] for talk in server.asked]
    assert heads == ["GET /v1/models HTTP/1.1", "GET /v1/health HTTP/1.1"]
    assert server.asked[0].headers["x-title"] == "t"
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
    assert server.asked[0].headers["accept"] == "application/json"


async def test_info_that_cannot_be_read_is_empty(engine: NativeEngine) -> None:
    for answer in (_json({"data": 5}), _json(b"?"), _json({}, status="403 Forbidden")):
        async with serving(answer) as server:
            assert await engine.list_info(acme_route(server.base)) == {}
        assert server.asked[0].head.startswith("GET /v1/model/info ")


async def test_what_is_not_a_list_names_the_base_url(engine: NativeEngine) -> None:
    async with serving(_json({"data": None, "models": []})) as server:
        with pytest.raises(errors.UnavailableError) as caught:
            await engine.list_models(acme_route(server.base))
    assert caught.value.message == "acme returned no list of models at /models"
    assert caught.value.fix == "check the base URL of acme: it often ends in /v1"
    assert not caught.value.retryable


@pytest.mark.parametrize("call", ["get", "relay"])
async def test_requests_that_are_not_model_calls_have_the_limits_of_an_answer(engine: NativeEngine, call: str) -> None:
    async def answer(talk: Conversation) -> None:
        await talk.gone()

    async with serving(answer) as server:
        route = acme_route(server.base, timeouts=Timeouts(first_token_s=0.05))
        with pytest.raises(errors.RequestTimeoutError, match=r"acme sent no answer within 0\.05 s") as caught:
            await (engine.get(route, "/models") if call == "get" else engine.relay(route, "/x"))
    assert (caught.value.spec, caught.value.credential_source) == ("acme/m", "env ACME_API_KEY")


@pytest.mark.parametrize("base", [None, "", "  ", "ftp://x/v1", "api.example/v1"])
async def test_a_base_url_without_http_is_named(engine: NativeEngine, base: str | None) -> None:
    with pytest.raises(errors.UnavailableError) as caught:
        await engine.complete(acme_route(base), _BODY, CallReport())
    error = caught.value
    assert error.message == f"the base URL {(base or '').strip()!r} of acme does not begin with http:// or https://"
    assert (error.provider, error.spec, error.retryable) == ("acme", "acme/m", False)
    assert error.fix == "set base_url in the section acme of ingate.yaml, or its environment variable"


async def test_spaces_around_a_base_url_do_not_matter(engine: NativeEngine) -> None:
    async with serving(_json(_ANSWER)) as server:
        assert await engine.complete(acme_route(f" {server.base} "), _BODY, CallReport()) == _ANSWER


async def test_a_placeholder_in_a_url_is_named_but_braces_in_its_query_are_sent(engine: NativeEngine) -> None:
    with pytest.raises(errors.UnavailableError) as caught:
        await engine.complete(acme_route("https://{region}.example/v1"), _BODY, CallReport())
    assert caught.value.message == (
        "the URL 'https://{region}.example/v1/chat/completions' of acme contains a placeholder that has no value"
    )
    assert (caught.value.provider, caught.value.retryable) == ("acme", False)
    async with serving(_json(_ANSWER)) as server:
        assert await engine.complete(acme_route(f"{server.base}?filter={{a}}"), _BODY, CallReport()) == _ANSWER
    assert "filter={a}" in server.asked[0].head


async def test_extra_arguments_are_merged_into_the_body_for_a_proxy(engine: NativeEngine) -> None:
    body = {**_BODY, "metadata": {"user": "u"}}
    extra = {"metadata": {"tags": ["x"]}}
    async with serving(_json(_ANSWER, more="x-litellm-version: 1\r\n")) as server:
        await engine.complete(acme_route(server.base, provider="litellm_proxy", extra_kwargs=extra), body, CallReport())
        await engine.complete(acme_route(server.base, provider="litellm_proxy"), body, CallReport())
    assert json.loads(server.asked[0].body) == {"model": "m", **_BODY, "metadata": {"user": "u", "tags": ["x"]}}
    assert json.loads(server.asked[1].body) == {"model": "m", **body}
    assert body["metadata"] == {"user": "u"}


async def test_comments_without_end_are_given_up(engine: NativeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(talk: Conversation) -> None:
        await talk.begin()
        for _ in range(3):
            await talk.piece(b": " + b"x" * 100 + b"\n\n")
            await talk.piece(sse(chunk({"content": "a"}), done=False))
            await asyncio.sleep(0.005)
        await opened.wait()
        for _ in range(20):
            await talk.piece(b": " + b"x" * 100 + b"\n\n")
        await talk.gone()

    opened = asyncio.Event()
    monkeypatch.setattr(native, "_MAX_QUIET", 1000)
    got: list[dict[str, Any]] = []

    async def read(route: Route) -> None:
        async for piece in engine.stream(route, _BODY, CallReport()):
            got.append(piece)
            if len(got) == 3:
                opened.set()

    async with serving(answer) as server:
        with pytest.raises(errors.StreamInterruptedError, match="acme sent 0 MB without a chunk") as caught:
            await read(acme_route(server.base))
    assert (_texts(got), caught.value.retryable) == (["a"] * 3, False)


async def test_a_stream_beyond_the_largest_body_is_ended(engine: NativeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    piece = sse(chunk({"content": "a"}), done=False)

    async def answer(talk: Conversation) -> None:
        await talk.begin()
        for _ in range(10):
            await talk.piece(piece)
        await talk.gone()

    async with serving(answer) as server:
        monkeypatch.setattr(accept, "_MAX_BODY", len(piece) * 10 - 1)
        with pytest.raises(errors.UnavailableError, match="the response of acme is larger than"):
            await _collect(engine, acme_route(server.base))


@pytest.mark.parametrize("body", [b"", sse(chunk({"role": "assistant"}), done=False)[:20]])
async def test_a_stream_that_breaks_before_its_first_chunk_is_unavailable(engine: NativeEngine, body: bytes) -> None:
    async def answer(talk: Conversation) -> None:
        await talk.begin()
        if body:
            await talk.piece(body)
        talk.writer.close()

    async with serving(answer) as server:
        with pytest.raises(errors.UnavailableError, match="broke before the response was complete") as caught:
            await _collect(engine, acme_route(server.base))
    assert caught.value.code == "connection_broken"


async def test_a_stream_that_breaks_after_a_chunk_is_interrupted_and_says_why(engine: NativeEngine) -> None:
    async def answer(talk: Conversation) -> None:
        await talk.begin()
        await talk.piece(sse(chunk({"content": "a"}), done=False))
        talk.writer.close()

    got: list[dict[str, Any]] = []
    async with serving(answer) as server:
        with pytest.raises(errors.StreamInterruptedError) as caught:
            await _collect(engine, acme_route(server.base), got)
    assert _texts(got) == ["a"]
    assert caught.value.message.startswith("the stream broke: the connection to http://127.0.0.1:")
    assert caught.value.fix == "try again; the partial answer is kept"


async def test_a_stream_that_just_ends_after_a_chunk_is_interrupted(engine: NativeEngine) -> None:
    async def answer(talk: Conversation) -> None:
        await talk.begin()
        await talk.piece(sse(chunk({"content": "a"}), done=False))
        await talk.piece(b"")

    async with serving(answer) as server:
        with pytest.raises(errors.StreamInterruptedError) as caught:
            await _collect(engine, acme_route(server.base))
    assert "the stream broke" not in caught.value.message


async def test_a_connection_that_breaks_after_the_end_of_the_answer_does_not_matter(engine: NativeEngine) -> None:
    async def answer(talk: Conversation) -> None:
        await talk.begin()
        await talk.piece(sse(chunk({"content": "a"}), chunk({}, "stop"), done=False))
        talk.writer.close()

    async with serving(answer) as server:
        assert _texts(await _collect(engine, acme_route(server.base))) == ["a", None]


async def test_what_follows_the_end_mark_at_once_is_read_so_that_the_connection_serves_again(
    engine: NativeEngine,
) -> None:
    async def answer(talk: Conversation) -> None:
        await talk.begin()
        await talk.piece(sse(chunk({"content": "a"}), chunk({}, "stop")))
        await asyncio.sleep(0)
        await talk.piece(b": bye\n\n")
        await talk.piece(b"")

    async with serving(answer) as server:
        for _ in range(3):
            await _collect(engine, acme_route(server.base))
        assert len({talk.writer for talk in server.asked}) == 1


async def test_an_error_status_of_the_proxy_is_refined_with_its_headers_and_type(engine: NativeEngine) -> None:
    keyless = Credential(source="env LITELLM_API_BASE")
    async with serving(_json(b"Internal Server Error", status="500 Oops", kind="text/plain")) as server:
        route = acme_route(server.base, provider="litellm_proxy", credential=keyless)
        with pytest.raises(errors.UnavailableError) as caught:
            await engine.complete(route, _BODY, CallReport())
    assert caught.value.fix.startswith("the proxy may require a key")
    for header, kind in (("x-litellm-version: 1\r\n", errors.ModelNotFoundError), ("", errors.UnavailableError)):
        async with serving(_json({"error": {"message": "no"}}, status="404 Not Found", more=header)) as server:
            with pytest.raises(errors.IngateError) as found:
                await engine.complete(acme_route(server.base, provider="litellm_proxy"), _BODY, CallReport())
        assert type(found.value) is kind


@pytest.mark.parametrize("provider", ["acme", "litellm_proxy"])
async def test_only_a_page_is_a_web_page_except_in_place_of_a_proxy(engine: NativeEngine, provider: str) -> None:
    expected = "not a LiteLLM proxy" if provider == "litellm_proxy" else "returned a web page"
    for body in (b"<html>", b" \n<!doctype html>"):
        async with serving(_json(body, kind="text/html")) as server:
            with pytest.raises(errors.UnavailableError, match=expected) as caught:
                await engine.complete(acme_route(server.base, provider=provider), _BODY, CallReport())
        assert not caught.value.retryable


def _quoting(**fields: Any) -> errors.IngateError:
    error = errors.UnavailableError(f"the provider quotes {KEY}", **fields)
    error.fix, error.provider_message = f"ask the provider about {KEY}", f"their {KEY}"
    return error


@pytest.mark.parametrize(
    ("fields", "message", "fix", "attributes"),
    [
        ({}, "acme quotes ***", "ask acme about ***", ("acme", "acme/m", "env ACME_API_KEY")),
        (
            {"provider": "other", "spec": "other/x", "credential_source": "env OTHER"},
            "the provider quotes ***",
            "ask the provider about ***",
            ("other", "other/x", "env OTHER"),
        ),
    ],
    ids=["bare", "attributed"],
)
def test_an_error_names_its_call_and_hides_the_key_everywhere(
    fields: dict[str, Any], message: str, fix: str, attributes: tuple[str, str, str]
) -> None:
    route = acme_route("http://x/v1")
    found = native._attribute_error(_quoting(**fields), route)
    assert (found.message, found.fix, found.provider_message) == (message, fix, "their ***")
    assert found.args == (message,)
    assert (found.provider, found.spec, found.credential_source) == attributes
    keyless = native._attribute_error(errors.UnavailableError("x"), acme_route("http://x/v1", credential=Credential()))
    assert keyless.credential_source is None


def test_only_a_proxy_that_cannot_be_reached_is_said_to_be_startable() -> None:
    for provider, startable in (("litellm_proxy", True), ("acme", False)):
        found = native._attribute_error(
            errors.UnavailableError("x", fix="wait"), acme_route("http://x", provider=provider)
        )
        assert ("ingate proxy up" in found.fix) is startable
