"""The native engine against a server that misbehaves in every way a network can."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from ingate import errors
from ingate.engines.base import CallReport, Route
from ingate.engines.native import NativeEngine
from ingate.providers.credential import Credential
from ingate.secret import Secret
from support.acme import KEY, acme_route
from support.http import Conversation, serving
from support.wire import chunk, sse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_BODY = {"messages": [{"role": "user", "content": "hi"}]}
_ANSWER = {"id": "x", "choices": [{"index": 0, "message": {"content": "hé"}, "finish_reason": "stop"}]}
_STREAM = sse(chunk({"role": "assistant", "content": "é"}), chunk({"content": "✓"}), chunk({}, "stop"))


@pytest.fixture
async def engine() -> AsyncIterator[NativeEngine]:
    engine = NativeEngine()
    yield engine
    await engine.aclose()


async def _collect(
    engine: NativeEngine, route: Route, into: list[dict[str, Any]] | None = None
) -> list[dict[str, Any]]:
    got: list[dict[str, Any]] = [] if into is None else into
    async for piece in engine.stream(route, _BODY, CallReport()):
        got.append(piece)
    return got


async def test_a_completion_goes_out_with_its_key_and_comes_back(engine: NativeEngine):
    async def answer(talk: Conversation) -> None:
        await talk.answer(json.dumps(_ANSWER).encode(), more="X-Request-Id: r1\r\nset-cookie: a=b\r\n")

    report = CallReport()
    async with serving(answer) as server:
        route = acme_route(server.base, headers={"X-Title": "t"})
        assert await engine.complete(route, _BODY, report) == _ANSWER
    [talk] = server.asked
    assert talk.head.startswith("POST /v1/chat/completions HTTP/1.1")
    assert talk.headers["authorization"] == f"Bearer {KEY}"
    assert talk.headers["x-title"] == "t"
    assert talk.headers["user-agent"].startswith("ingate/")
    assert json.loads(talk.body) == {"model": "m", **_BODY}
    assert report.headers == {"x-request-id": "r1"}


async def test_a_stream_comes_as_it_is_sent(engine: NativeEngine):
    first_read = asyncio.Event()

    async def answer(talk: Conversation) -> None:
        await talk.begin()
        await talk.piece(sse(chunk({"content": "a"}), done=False))
        await first_read.wait()  # the rest waits until the first chunk has arrived
        await talk.piece(sse(chunk({"content": "b"}), chunk({}, "stop")))
        await talk.piece(b"")

    async with serving(answer) as server:
        got = []
        async for piece in engine.stream(acme_route(server.base), _BODY, CallReport()):
            got.append(piece["choices"][0]["delta"].get("content"))
            first_read.set()
    assert got == ["a", "b", None]
    assert json.loads(server.asked[0].body)["stream_options"] == {"include_usage": True}


async def test_a_connection_serves_again_after_a_stream(engine: NativeEngine):
    async def answer(talk: Conversation) -> None:
        await talk.begin()
        await talk.piece(_STREAM)
        await talk.piece(b"")

    async with serving(answer) as server:
        for _ in range(5):
            await _collect(engine, acme_route(server.base))
        assert (len(server.asked), server.closed) == (5, 0)
        assert len({talk.writer for talk in server.asked}) == 1


async def test_one_byte_at_a_time_is_the_same_stream(engine: NativeEngine):
    async def answer(talk: Conversation) -> None:
        await talk.begin()
        for place in range(len(_STREAM)):
            await talk.piece(_STREAM[place : place + 1])
        await talk.piece(b"")

    async with serving(answer) as server:
        got = await _collect(engine, acme_route(server.base))
    assert [piece["choices"][0]["delta"].get("content") for piece in got] == ["é", "✓", None]


@pytest.mark.parametrize("length", [*range(0, len(_STREAM), 17), len(_STREAM) - 1])
async def test_a_stream_cut_anywhere_is_whole_or_a_typed_error(engine: NativeEngine, length: int):
    async def answer(talk: Conversation) -> None:
        await talk.begin()
        if length:
            await talk.piece(_STREAM[:length])
        talk.writer.close()

    got: list[dict[str, Any]] = []
    failed: errors.IngateError | None = None
    async with serving(answer) as server:
        try:
            await _collect(engine, acme_route(server.base), got)
        except errors.IngateError as error:
            failed = error
    if len(got) == 3:
        assert failed is None
    else:
        assert isinstance(failed, errors.StreamInterruptedError if got else errors.UnavailableError)
        assert failed.provider == "acme"
        assert failed.retryable


async def test_an_error_in_the_stream_comes_after_what_came_before_it(engine: NativeEngine):
    async def answer(talk: Conversation) -> None:
        await talk.begin()
        bad = {"error": {"message": f"no more for {KEY}", "code": 429}}
        await talk.piece(sse(chunk({"content": "a"}), bad, done=False))
        await talk.gone()

    got: list[dict[str, Any]] = []
    async with serving(answer) as server:
        with pytest.raises(errors.RateLimitError) as caught:
            await _collect(engine, acme_route(server.base), got)
    assert len(got) == 1
    assert caught.value.provider == "acme"
    assert KEY not in str(caught.value) + caught.value.provider_message + caught.value.fix


async def test_a_key_that_the_server_echoes_is_masked(engine: NativeEngine):
    async def answer(talk: Conversation) -> None:
        await talk.answer(json.dumps({"error": {"message": f"bad key {KEY}"}}).encode(), status="401 Unauthorized")

    async with serving(answer) as server:
        for ask in (
            engine.complete(acme_route(server.base), _BODY, CallReport()),
            _collect(engine, acme_route(server.base)),
        ):
            with pytest.raises(errors.AuthenticationError) as caught:
                await ask
            assert KEY not in str(vars(caught.value)) + str(caught.value) + repr(caught.value)
            assert "env ACME_API_KEY" in caught.value.fix
            assert caught.value.__cause__ is None
            assert caught.value.spec == "acme/m"


async def test_a_limit_says_when_to_come_back(engine: NativeEngine):
    async def answer(talk: Conversation) -> None:
        await talk.answer(b"{}", status="429 Too Many Requests", more="retry-after: 3\r\n")

    async with serving(answer) as server:
        with pytest.raises(errors.RateLimitError) as caught:
            await _collect(engine, acme_route(server.base))
    assert caught.value.retry_after_s == 3.0


async def test_a_web_page_is_no_answer(engine: NativeEngine):
    async def answer(talk: Conversation) -> None:
        await talk.answer(b"<html>Welcome</html>", kind="text/html; charset=utf-8")

    async with serving(answer) as server:
        for ask in (
            engine.complete(acme_route(server.base), _BODY, CallReport()),
            _collect(engine, acme_route(server.base)),
        ):
            with pytest.raises(errors.UnavailableError, match="web page") as caught:
                await ask
            assert "/v1" in caught.value.fix


async def test_a_redirect_is_told_and_not_followed(engine: NativeEngine):
    async def answer(talk: Conversation) -> None:
        await talk.answer(b"", status="307 Temporary Redirect", more="location: https://example.com/v2?key=x\r\n")

    async with serving(answer) as server:
        with pytest.raises(errors.UnavailableError, match=r"redirects.*'https://example\.com'") as caught:
            await engine.complete(acme_route(server.base), _BODY, CallReport())
    assert len(server.asked) == 1
    assert not caught.value.retryable
    assert "key=x" not in str(caught.value)


async def test_a_line_of_ten_megabytes_is_one_chunk(engine: NativeEngine):
    text = "x" * (10 * 2**20)

    async def answer(talk: Conversation) -> None:
        await talk.begin()
        await talk.piece(sse(chunk({"content": text}), chunk({}, "stop")))
        await talk.piece(b"")

    async with serving(answer) as server:
        got = await _collect(engine, acme_route(server.base))
    assert got[0]["choices"][0]["delta"]["content"] == text


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"ok": 1}'])
async def test_an_answer_that_is_no_completion_is_unavailable(engine: NativeEngine, body: bytes):
    async def answer(talk: Conversation) -> None:
        await talk.answer(body)

    async with serving(answer) as server:
        with pytest.raises(errors.UnavailableError):
            await engine.complete(acme_route(server.base), _BODY, CallReport())


async def test_a_compressed_answer_is_read(engine: NativeEngine):
    async def answer(talk: Conversation) -> None:
        await talk.answer(gzip.compress(json.dumps(_ANSWER).encode()), more="content-encoding: gzip\r\n")

    async with serving(answer) as server:
        assert await engine.complete(acme_route(server.base), _BODY, CallReport()) == _ANSWER


async def test_an_answer_that_breaks_off_is_unavailable(engine: NativeEngine):
    async def answer(talk: Conversation) -> None:
        await talk.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{")
        talk.writer.close()

    async with serving(answer) as server:
        with pytest.raises(errors.UnavailableError, match="broke before"):
            await engine.complete(acme_route(server.base), _BODY, CallReport())


async def test_a_server_that_hangs_up_or_speaks_no_http_is_unavailable(engine: NativeEngine):
    async def hang_up(talk: Conversation) -> None:
        talk.writer.close()

    async def babble(talk: Conversation) -> None:
        await talk.send(b"SSH-2.0-OpenSSH\r\n\r\n")
        talk.writer.close()

    for behaviour in (hang_up, babble):
        async with serving(behaviour) as server:
            with pytest.raises(errors.UnavailableError):
                await _collect(engine, acme_route(server.base))


async def test_nothing_listening_says_so(engine: NativeEngine):
    async def answer(talk: Conversation) -> None: ...

    async with serving(answer) as server:
        base = server.base
    with pytest.raises(
        errors.UnavailableError, match=r"nothing listens at http://127\.0\.0\.1:\d+: is the server running\?"
    ) as e:
        await _collect(engine, acme_route(base))
    assert e.value.retryable


@pytest.mark.parametrize(
    "base", [None, "", "ftp://x/v1", "example.com/v1", "http://{region}.example.com/v1", "http://"]
)
async def test_a_base_url_that_is_none_is_told_before_anything_leaves(engine: NativeEngine, base: str | None):
    with pytest.raises(errors.UnavailableError) as caught:
        await engine.complete(acme_route(base), _BODY, CallReport())
    assert not caught.value.retryable
    assert caught.value.fix


@pytest.mark.parametrize("key", ["sk-abc\ndef", "sk-äöü"])
async def test_a_key_that_cannot_be_sent_names_its_source(engine: NativeEngine, key: str):
    with pytest.raises(errors.AuthenticationError) as caught:
        await engine.complete(
            acme_route("http://127.0.0.1:9/v1", credential=Credential(Secret(key), source="env X_KEY")),
            _BODY,
            CallReport(),
        )
    assert "env X_KEY" in str(caught.value)
    assert key not in str(vars(caught.value))


async def test_silence_is_timed_out(engine: NativeEngine):
    async def answer(talk: Conversation) -> None:
        await talk.gone()

    async with serving(answer) as server:
        with pytest.raises(errors.RequestTimeoutError) as caught:
            await _collect(engine, acme_route(server.base, timeout_s=0.2))
    assert caught.value.timeout_s == 0.2


async def test_silence_in_the_middle_interrupts(engine: NativeEngine):
    async def answer(talk: Conversation) -> None:
        await talk.begin()
        await talk.piece(sse(chunk({"content": "a"}), done=False))
        await talk.gone()

    got: list[dict[str, Any]] = []
    async with serving(answer) as server:
        with pytest.raises(errors.StreamInterruptedError, match=r"0\.2 s"):
            await _collect(engine, acme_route(server.base, timeout_s=0.2), got)
    assert len(got) == 1


@pytest.mark.parametrize("how", ["close", "cancel", "break"])
async def test_leaving_a_stream_closes_its_connection_within_a_second(engine: NativeEngine, how: str):
    gone, begun = asyncio.Event(), asyncio.Event()

    async def answer(talk: Conversation) -> None:
        await talk.begin()
        await talk.piece(sse(chunk({"content": "a"}), done=False))
        await talk.gone()
        gone.set()
        raise ConnectionError

    async def read(route: Route) -> None:
        async with contextlib.aclosing(engine.stream(route, _BODY, CallReport())) as stream:
            async for _ in stream:
                begun.set()
                if how == "break":
                    break

    async with serving(answer) as server:
        began = time.perf_counter()
        if how == "close":
            stream = engine.stream(acme_route(server.base), _BODY, CallReport())
            await anext(stream)
            await stream.aclose()
        else:
            task = asyncio.create_task(read(acme_route(server.base)))
            await begun.wait()
            if how == "cancel":
                task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await asyncio.wait_for(gone.wait(), 1.0)
    assert time.perf_counter() - began < 2.0


async def test_sixty_four_streams_run_at_once(engine: NativeEngine):
    waiting = 0
    all_there = asyncio.Event()

    async def answer(talk: Conversation) -> None:
        nonlocal waiting
        waiting += 1
        if waiting == 64:
            all_there.set()
        await all_there.wait()
        await talk.begin()
        await talk.piece(_STREAM)
        await talk.piece(b"")

    async with serving(answer) as server:
        results = await asyncio.gather(*(_collect(engine, acme_route(server.base)) for _ in range(64)))
    assert [len(got) for got in results] == [3] * 64


async def test_embeddings_and_model_lists(engine: NativeEngine):
    async def answer(talk: Conversation) -> None:
        if talk.head.startswith("GET /v1/models"):
            await talk.answer(b'{"data": [{"id": "a"}, {"name": "b"}, {}]}')
        else:
            await talk.answer(b'{"object": "list", "data": [{"embedding": [0.5]}]}')

    async with serving(answer) as server:
        assert [row["id"] for row in await engine.list_models(acme_route(server.base))] == ["a", "b"]
        found = await engine.embed(acme_route(server.base), {"input": "x"}, CallReport())
        assert found["data"][0]["embedding"] == [0.5]
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
    assert server.asked[1].head.startswith("POST /v1/embeddings")


async def test_extra_kwargs_reach_the_proxy_alone(engine: NativeEngine):
    async def answer(talk: Conversation) -> None:
        await talk.answer(json.dumps(_ANSWER).encode())

    extra = {"metadata": {"tags": ["x"]}}
    async with serving(answer) as server:
        await engine.complete(acme_route(server.base, extra_kwargs=extra), _BODY, CallReport())
        await engine.complete(
            acme_route(server.base, provider="litellm_proxy", extra_kwargs=extra), _BODY, CallReport()
        )
    assert "metadata" not in json.loads(server.asked[0].body)
    assert json.loads(server.asked[1].body)["metadata"] == {"tags": ["x"]}


async def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch):
    async def answer(talk: Conversation) -> None:
        await talk.answer(json.dumps(_ANSWER).encode())

    engine = NativeEngine()
    async with serving(answer) as server:
        monkeypatch.setenv("HTTP_PROXY", server.base.removesuffix("/v1").replace("//", "//user:pass@"))
        assert await engine.complete(acme_route("http://model.example/v1"), _BODY, CallReport()) == _ANSWER
        await engine.aclose()
    assert server.asked[0].head.startswith("POST http://model.example/v1/chat/completions")
    assert server.asked[0].headers["proxy-authorization"].startswith("Basic ")


async def test_a_netrc_file_is_not_sent(engine: NativeEngine, clean_environment: Any):
    (clean_environment / ".netrc").write_text("machine 127.0.0.1 login me password hush\n")

    async def answer(talk: Conversation) -> None:
        await talk.answer(json.dumps(_ANSWER).encode())

    async with serving(answer) as server:
        await engine.complete(acme_route(server.base, credential=Credential()), _BODY, CallReport())
    assert "authorization" not in server.asked[0].headers


@pytest.mark.parametrize(
    ("status", "kind"), [("400 Bad Request", errors.BadRequestError), ("401 No", errors.AuthenticationError)]
)
async def test_every_error_status_is_an_error_of_every_call(
    engine: NativeEngine, status: str, kind: type[errors.IngateError]
):
    async def answer(talk: Conversation) -> None:
        await talk.answer(json.dumps({"error": {"message": "no"}, **_ANSWER, "data": []}).encode(), status=status)

    async with serving(answer) as server:
        route = acme_route(server.base)
        for call in (
            engine.complete(route, _BODY, CallReport()),
            _collect(engine, route),
            engine.embed(route, {"input": "x"}, CallReport()),
            engine.list_models(route),
        ):
            with pytest.raises(kind) as caught:
                await call
            assert (caught.value.provider, caught.value.spec) == ("acme", "acme/m")
            assert caught.value.credential_source == "env ACME_API_KEY"


async def test_a_bare_array_is_a_list_of_models(engine: NativeEngine):
    """Together AI lists its models so."""

    async def answer(talk: Conversation) -> None:
        await talk.answer(b' [{"id": "a"}, "?", {"name": "b", "x": 1}]')

    async with serving(answer) as server:
        found = await engine.list_models(acme_route(server.base), query="?all=1")
    assert found == [{"id": "a"}, {"id": "b", "name": "b", "x": 1}]
    assert server.asked[0].head.startswith("GET /v1/models?all=1 ")
    assert server.asked[0].headers["accept"] == "application/json"


async def test_ollamas_list_of_models_is_read_too(engine: NativeEngine):
    async def answer(talk: Conversation) -> None:
        await talk.answer(b'{"models": [{"name": "llama3"}]}')

    async with serving(answer) as server:
        assert await engine.list_models(acme_route(server.base)) == [{"id": "llama3", "name": "llama3"}]


@pytest.mark.parametrize("body", [b"{}", b'{"data": {"a": 1}}', b'{"data": "x"}'])
async def test_what_is_not_a_list_of_models_is_unavailable(engine: NativeEngine, body: bytes):
    async def answer(talk: Conversation) -> None:
        await talk.answer(body)

    async with serving(answer) as server:
        with pytest.raises(errors.UnavailableError, match="no list of models") as caught:
            await engine.list_models(acme_route(server.base))
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("info", "status", "expected"),
    [
        (b'{"data": [{"model_name": "gpt", "model_info": {"max_input_tokens": 5}}]}', "200 OK", {"context_length": 5}),
        (b'{"data": {"model_name": "gpt"}}', "200 OK", {}),
        (b"{}", "403 Forbidden", {}),
    ],
    ids=["info", "not a list", "forbidden"],
)
async def test_deployments_are_listed_even_if_the_key_may_not_read_their_info(
    engine: NativeEngine, info: bytes, status: str, expected: dict[str, Any]
):
    async def answer(talk: Conversation) -> None:
        if "/model/info" in talk.head:
            await talk.answer(info, status=status)
        else:
            await talk.answer(b'{"data": [{"id": "gpt"}]}', more="x-litellm-version: 1\r\n")

    async with serving(answer) as server:
        found = await engine.list_deployments(acme_route(server.base, provider="litellm_proxy"))
    assert found == [{"id": "gpt", **expected}]


async def test_a_stream_is_not_compressed_and_the_routes_headers_win(engine: NativeEngine):
    async def answer(talk: Conversation) -> None:
        await talk.begin()
        await talk.piece(_STREAM)
        await talk.piece(b"")

    async with serving(answer) as server:
        await _collect(engine, acme_route(server.base))
        await _collect(engine, acme_route(server.base, headers={"Accept-Encoding": "br", "Authorization": "own"}))
    assert server.asked[0].headers["accept-encoding"] == "identity"
    assert server.asked[1].headers["accept-encoding"] == "br"
    assert server.asked[1].headers["authorization"] == "own"


async def test_a_url_with_a_placeholder_is_never_called(engine: NativeEngine):
    with pytest.raises(errors.UnavailableError, match="placeholder") as caught:
        await engine.complete(acme_route("https://{region}.example/v1"), _BODY, CallReport())
    assert not caught.value.retryable
    assert "section acme" in caught.value.fix


async def test_items_that_a_provider_signed_carry_its_name(engine: NativeEngine):
    blocks = [{"type": "thinking", "thinking": "t", "signature": "s"}]
    message = {"role": "assistant", "content": "a", "thinking_blocks": blocks}

    async def answer(talk: Conversation) -> None:
        if b'"stream"' in talk.body:
            await talk.begin()
            await talk.piece(sse(chunk({"content": "a", "thinking_blocks": blocks}), chunk({}, "stop")))
            await talk.piece(b"")
        else:
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            await talk.answer(json.dumps({"id": "x", "choices": [choice]}).encode())

    async with serving(answer) as server:
        whole = await engine.complete(acme_route(server.base), _BODY, CallReport())
        got = await _collect(engine, acme_route(server.base))
    expected = [{**blocks[0], "provider": "acme"}]
    assert whole["choices"][0]["message"]["thinking_blocks"] == expected
    deltas = [choice["delta"] for piece in got for choice in piece["choices"]]
    assert [delta["thinking_blocks"] for delta in deltas if "thinking_blocks" in delta] == [expected]


async def test_a_path_below_the_endpoint_is_called_with_the_key_and_any_status_is_returned(engine: NativeEngine):
    async def answer(talk: Conversation) -> None:
        await talk.answer(f'{{"echo": "{KEY}"}}'.encode(), status="404 Not Found")

    async with serving(answer) as server:
        found = await engine.relay(
            acme_route(server.base), "/x/items", method="POST", content=b"{}", headers={"x-a": "b"}
        )
    assert (found.status, found.content_type, found.content) == (404, "application/json", b'{"echo": "***"}')
    [asked] = server.asked
    assert asked.head.startswith("POST /v1/chat/completions/x/items ")
    assert (asked.headers["x-a"], asked.headers["content-type"]) == ("b", "application/json")
    assert asked.headers["authorization"] == f"Bearer {KEY}"


async def test_a_web_page_in_place_of_the_proxy_is_named(engine: NativeEngine):
    async def answer(talk: Conversation) -> None:
        await talk.answer(b"Welcome", kind="text/html")

    async with serving(answer) as server:
        with pytest.raises(errors.UnavailableError, match="not a LiteLLM proxy"):
            await engine.complete(acme_route(server.base, provider="litellm_proxy"), _BODY, CallReport())


async def test_json_that_is_labelled_html_is_an_answer(engine: NativeEngine):
    async def answer(talk: Conversation) -> None:
        await talk.answer(json.dumps(_ANSWER).encode(), kind="text/html")

    async with serving(answer) as server:
        assert await engine.complete(acme_route(server.base), _BODY, CallReport()) == _ANSWER


async def test_the_message_names_the_provider(engine: NativeEngine):
    async def answer(talk: Conversation) -> None:
        await talk.answer(b"oops", status="500 Oops")

    async with serving(answer) as server:
        with pytest.raises(errors.UnavailableError) as caught:
            await engine.complete(acme_route(server.base), _BODY, CallReport())
    assert "acme" in str(caught.value)
    assert "the provider" not in str(caught.value) + caught.value.fix
