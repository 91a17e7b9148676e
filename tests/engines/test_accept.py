"""Every lane accepts responses by the same rules: size, encoding, redirects, web pages, emptiness, errors in a 200."""

from __future__ import annotations

import asyncio
import gzip
import json
import subprocess
import sys
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from ingate.engines import accept
from ingate.engines.base import CallReport, Route
from ingate.engines.litellm_ import LitellmEngine
from ingate.engines.native import NativeEngine
from ingate.engines.stream import open_stream
from ingate.engines.unpack import Unpacker
from ingate.errors import IngateError, RateLimitError, UnavailableError
from ingate.providers.credential import Credential
from ingate.secret import Secret
from ingate.spec import parse_one
from support.http import Conversation, serving
from support.litellm import ANSWER, BODY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Engine = LitellmEngine | NativeEngine
    Answer = Callable[[Conversation], Awaitable[None]]

KEY = "sk-accept-0123456789"
GOOD = json.dumps(ANSWER).encode()
ROUTES = {
    "native": ("groq", "chat"),
    "native proxy": ("litellm_proxy", "chat"),
    "litellm.groq": ("groq", ""),
    "litellm.openai": ("openai", ""),
    "litellm.anthropic": ("anthropic", ""),
    "litellm.gemini": ("gemini", ""),
    "litellm.ollama": ("ollama", ""),
}


@pytest.fixture(params=list(ROUTES))
async def lane(request: pytest.FixtureRequest) -> AsyncIterator[Lane]:
    provider, wire = ROUTES[request.param]
    engine: Engine = NativeEngine() if wire else LitellmEngine()
    yield Lane(engine, provider, wire)
    await engine.aclose()


class Lane:
    """One way to a loopback server."""

    def __init__(self, engine: Engine, provider: str, wire: str) -> None:
        self.engine, self.provider, self.wire = engine, provider, wire

    def route(self, base: str) -> Route:
        return Route(
            spec=parse_one(f"litellm.{self.provider}/m"),
            engine="native" if self.wire else "litellm",
            provider=self.provider,
            model="m",
            wire_format=self.wire,
            api_base=base,
            credential=Credential(Secret(KEY), source="env A_KEY"),
            timeout_s=20.0,
        )

    async def complete(self, base: str) -> dict[str, Any]:
        return await self.engine.complete(self.route(base), BODY, CallReport())

    async def stream(self, base: str, **more: Any) -> str:
        chunks = await open_stream(self.engine, self.route(base), {**BODY, **more}, CallReport())
        parts = [choice["delta"].get("content") async for chunk in chunks for choice in chunk.get("choices") or ()]
        return "".join(part or "" for part in parts)

    async def embed(self, base: str) -> dict[str, Any]:
        return await self.engine.embed(self.route(base), {"input": "x"}, CallReport())


def answering(body: bytes, **how: Any) -> Answer:
    async def answer(talk: Conversation) -> None:
        await talk.answer(body, **how)

    return answer


def events(*data: str) -> bytes:
    return "".join(f"data: {one}\n\n" for one in data).encode()


SSE = "text/event-stream"
NO_ANSWER: dict[str, Answer] = {
    "a web page": answering(b"<html><body>Log in</body></html>", kind="text/html"),
    "a web page as JSON": answering(b"<html><body>Log in</body></html>"),
    "nothing": answering(b""),
    "no events": answering(b"", kind=SSE),
    "null": answering(b"null"),
    "a list": answering(b"[]"),
    "an object": answering(b"{}"),
    "a string": answering(b'"hello"'),
    "half an object": answering(b'{"choi'),
    "no choices": answering(b'{"choices": []}'),
    "message: null": answering(b'{"choices": [{"index": 0, "message": null, "finish_reason": "stop"}]}'),
    "an error": answering(b'{"error": {"message": "it broke", "type": "server_error", "code": 500}}'),
    "an error as text": answering(b'{"error": "it broke"}'),
    "an error event": answering(events('{"error": {"message": "it broke"}}'), kind=SSE),
    "a lone end mark": answering(events("[DONE]"), kind=SSE),
    "only pings": answering(b": ping\n\n: ping\n\n", kind=SSE),
    "brotli": answering(b"\x0b\x02\x80hello\x03", more="content-encoding: br\r\n"),
    "two encodings": answering(gzip.compress(gzip.compress(GOOD)), more="content-encoding: gzip, gzip\r\n"),
    "damaged gzip": answering(b"not gzip at all", more="content-encoding: gzip\r\n"),
}


@pytest.mark.parametrize("fault", list(NO_ANSWER))
@pytest.mark.parametrize("surface", ["complete", "stream"])
async def test_what_is_no_answer_is_an_error(lane: Lane, fault: str, surface: str) -> None:
    async with serving(NO_ANSWER[fault]) as server:
        with pytest.raises(IngateError) as caught:
            await getattr(lane, surface)(server.base)
    assert isinstance(caught.value, UnavailableError) or caught.value.retryable
    assert caught.value.provider == lane.provider
    assert caught.value.fix


@pytest.mark.parametrize("fault", ["a web page", "nothing", "null", "a list", "an object", "an error"])
async def test_nor_is_it_embeddings(lane: Lane, fault: str) -> None:
    if lane.provider in {"groq", "anthropic", "ollama"} and not lane.wire:
        pytest.skip("litellm has no embeddings for it, or looks at something else first")
    async with serving(NO_ANSWER[fault]) as server:
        with pytest.raises(IngateError) as caught:
            await lane.embed(server.base)
    assert caught.value.fix


async def test_an_error_in_a_200_is_of_its_own_kind(lane: Lane) -> None:
    error = {"error": {"message": "slow down", "type": "rate_limit_error", "code": "rate_limit_exceeded"}}
    async with serving(answering(json.dumps(error).encode())) as server:
        for call in (lane.complete, lane.stream):
            with pytest.raises(RateLimitError, match="slow down"):
                await call(server.base)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
async def test_no_lane_follows_a_redirect(lane: Lane, status: str) -> None:
    async with serving(answering(GOOD)) as other:

        async def redirect(talk: Conversation) -> None:
            target = other.base.replace("127.0.0.1", "localhost")
            await talk.answer(b"", status=status, more=f"location: {target}/elsewhere?key=k\r\n")

        async with serving(redirect) as server:
            for call in (lane.complete, lane.stream, lane.embed):
                with pytest.raises(IngateError) as caught:
                    await call(server.base)
                if "embeddings" in str(caught.value):  # a format without any
                    continue
                assert caught.value.code == "redirected"
                assert not caught.value.retryable
                assert server.base.removesuffix("/v1") in str(caught.value)
                assert other.base.removesuffix("/v1").replace("127.0.0.1", "localhost") in str(caught.value)
                assert "key=k" not in str(caught.value)
                assert "base URL" in caught.value.fix
    assert other.asked == []


async def test_a_header_with_bytes_beyond_ascii_leaves_the_answer_good(lane: Lane) -> None:
    if lane.provider == "ollama":
        pytest.skip("the answer is in another format")

    async def answer(talk: Conversation) -> None:
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(GOOD)}\r\n"
        await talk.send(head.encode() + b"x-ratelimit-remaining-requests: caf\xe9\r\nx-request-id: \xff\r\n\r\n" + GOOD)

    async with serving(answer) as server:
        report = CallReport()
        got = await lane.engine.complete(lane.route(server.base), BODY, report)
    assert got["choices"][0]["message"]["content"] == "Hello."
    assert report.headers["x-ratelimit-remaining-requests"] == "caf?"
    assert all(value.isascii() for value in report.headers.values())


async def test_such_a_header_on_an_error_leaves_the_error(lane: Lane) -> None:
    async def answer(talk: Conversation) -> None:
        await talk.send(b"HTTP/1.1 429 Slow\r\nx-request-id: \xe9\r\ncontent-length: 2\r\n\r\n{}")

    async with serving(answer) as server:
        with pytest.raises(RateLimitError) as caught:
            await lane.complete(server.base)
    assert (caught.value.request_id or "?").isascii()


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", _raw_deflate)]
)
@pytest.mark.parametrize("surface", ["complete", "stream"])
async def test_a_decompression_bomb_ends_at_the_limit(
    lane: Lane, encoding: str, pack: Callable[[bytes], bytes], surface: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accept, "_MAX_BODY", 2**20)
    bomb = pack(b'{"choices": [' + b" " * (8 * 2**20))
    async with serving(answering(bomb, more=f"content-encoding: {encoding}\r\n")) as server:
        with pytest.raises(UnavailableError, match="larger than") as caught:
            await getattr(lane, surface)(server.base)
    assert not caught.value.retryable


_BOMB = """
import asyncio, resource, zlib
from ingate import Gateway
from ingate.errors import UnavailableError

packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
piece = packer.compress(bytes(2**24)) + packer.flush(zlib.Z_FULL_FLUSH)

async def answer(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    writer.write(b"HTTP/1.1 200 OK\\r\\ncontent-type: application/json\\r\\ncontent-encoding: deflate\\r\\n\\r\\n" + piece * 90)
    await writer.drain()

async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    base = "http://127.0.0.1:%d/v1" % server.sockets[0].getsockname()[1]
    async with Gateway({"servers": {"far": {"base_url": base}}}, retries=0) as gateway:
        try:
            await gateway.complete({"model": "far/m", "messages": [{"role": "user", "content": "hi"}]})
        except UnavailableError as error:
            assert "larger than 256 MB" in str(error), error
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the unit of ru_maxrss differs")
def test_a_decompression_bomb_takes_no_more_memory_than_the_limit() -> None:
    done = subprocess.run([sys.executable, "-c", _BOMB], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    # 256 MB, once more while the buffer grows, and the interpreter; the whole body is 1.5 GB.
    assert int(done.stdout) < 640, "aiohttp uncompresses in pieces of any size"


async def test_a_stream_that_never_ends_ends_at_the_limit(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accept, "_MAX_BODY", 2**18)
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    text = events(
        json.dumps({**chunk, "choices": [{"index": 0, "delta": {"content": "x" * 1000}, "finish_reason": None}]})
    )

    async def answer(talk: Conversation) -> None:
        await talk.begin()
        for _ in range(4000):
            await talk.piece(text)

    async with serving(answer) as server, asyncio.timeout(60):
        with pytest.raises(IngateError):
            await lane.stream(server.base)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_compressed_answer_is_read(lane: Lane, encoding: str) -> None:
    if lane.provider == "ollama":
        pytest.skip("the answer is in another format")
    packed = gzip.compress(GOOD) if encoding == "gzip" else zlib.compress(GOOD)
    async with serving(answering(packed, more=f"content-encoding: {encoding}\r\n")) as server:
        assert (await lane.complete(server.base))["choices"][0]["message"]["content"] == "Hello."


async def test_a_large_error_body_is_read_as_far_as_needed(lane: Lane) -> None:
    async with serving(answering(b"x" * (3 * 2**20), status="500 Oops")) as server:
        with pytest.raises(UnavailableError, match="500"):
            await lane.complete(server.base)


@pytest.mark.parametrize("more", [{}, {"response_format": {"type": "json_object"}}])
@pytest.mark.parametrize("indent", [None, 2])
async def test_json_in_reply_to_a_stream_is_one_answer(lane: Lane, more: dict[str, Any], indent: int | None) -> None:
    if lane.provider in {"ollama", "gemini"}:
        pytest.skip("the answer is in another format")
    if lane.provider == "anthropic" and more:
        pytest.skip("litellm requests JSON through a tool of its own")
    body = json.dumps(ANSWER, indent=indent).encode()
    async with serving(answering(body)) as server:
        assert await lane.stream(server.base, **more) == "Hello."


@pytest.mark.parametrize("size", [1, 2, 7, 10_000])
@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, _raw_deflate])
def test_the_unpacker_reads_every_kind_in_pieces_of_any_size(size: int, pack: Callable[[bytes], bytes]) -> None:
    data = bytes(range(256)) * 20
    packed, unpacker = pack(data), Unpacker(len(data))
    out = b"".join(unpacker.feed(packed[at : at + size]) for at in range(0, len(packed), size))
    assert out == data


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_the_unpacker_reads_every_member_and_no_padding(size: int) -> None:
    data = bytes(range(256)) * 20
    packed = gzip.compress(data) + gzip.compress(b"") + gzip.compress(data) + bytes(8)
    unpacker = Unpacker(2 * len(data))
    assert b"".join(unpacker.feed(packed[at : at + size]) for at in range(0, len(packed), size)) == 2 * data


def test_members_count_together_toward_the_limit() -> None:
    unpacker = Unpacker(1000)
    assert len(unpacker.feed(gzip.compress(b"\0" * 900) * 50)) == 1001


def test_the_unpacker_stops_one_byte_after_its_limit() -> None:
    unpacker = Unpacker(1000)
    packed = gzip.compress(b"\0" * 10_000_000)
    assert len(b"".join(unpacker.feed(packed[at : at + 500]) for at in range(0, len(packed), 500))) == 1001


def test_the_unpacker_refuses_what_is_not_compressed() -> None:
    with pytest.raises(zlib.error):
        Unpacker(100).feed(b"\xff\xff\xff\xff not compressed")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://user:pass@far.example:8443/v1?key=k#f", "https://far.example:8443"),
        ("https://far.example/v1", "https://far.example"),
        ("http://[::1]:9/v1", "http://[::1]:9"),
        ("http://[::1]/v1", "http://[::1]"),
        ("https://far.example:port/v1", "https://far.example"),
        ("https:///v1", "https://"),
        ("/v1", "://"),
    ],
)
def test_the_origin_of_a_url_has_neither_user_nor_path(url: str, origin: str) -> None:
    assert accept.origin_of(url) == origin


@pytest.mark.parametrize(
    ("location", "away"),
    [
        ("/elsewhere", None),
        ("https://far.example/elsewhere", None),
        ("https://other.example/v1?key=k", "'https://other.example'"),
        ("http://far.example/v1", "'http://far.example'"),
        ("https://far.example:8443/v1", "'https://far.example:8443'"),
        ("https://[nonsense", "'an address that is not a URL'"),
    ],
)
def test_a_redirect_leads_away_if_it_leaves_the_origin(location: str, away: str | None) -> None:
    error = accept.leads_away("https://far.example/v1/chat", 307, location, provider="groq")
    assert (error is not None) is (away is not None)
    if error is not None:
        assert error.message.startswith(f"groq redirects (307) from https://far.example to {away}; ")
        assert (error.code, error.retryable, error.provider) == ("redirected", False, "groq")


def test_a_redirect_to_a_path_is_shown_by_its_origin() -> None:
    error = accept.redirect_error("https://far.example/v1", 301, "/x", provider=None, spec="groq/m")
    assert "the provider redirects (301) from https://far.example to 'https://far.example'; " in error.message
    assert error.spec == "groq/m"


def test_what_trying_again_cannot_mend_is_not_tried_again() -> None:
    assert {
        "size": accept.too_large("groq").retryable,
        "page": accept.web_page("https://x/v1", "groq").retryable,
        "encoding": accept.unknown_encoding("br", "groq").retryable,
        "damage": accept.damaged_encoding("groq").retryable,
    } == {"size": False, "page": False, "encoding": False, "damage": True}


def test_the_whole_of_an_answer_is_read_and_the_beginning_of_an_error() -> None:
    assert [accept.limit_for(status) for status in (200, 399, 400, 503)] == [2**28, 2**28, 2**20, 2**20]


def test_headers_of_interest_are_kept_in_lower_case_and_in_ascii() -> None:
    kept = (
        "Request-Id", "X-Request-Id", "X-Amzn-RequestId", "Apim-Request-Id", "X-MS-Region", "Retry-After", "Retry-After-MS",
        "OpenAI-Processing-MS", "OpenAI-Version", "CF-Ray", "X-Groq-Region", "X-Envoy-Upstream-Service-Time", "X-Should-Retry",
        "X-RateLimit-Limit", "RateLimit-Reset", "Anthropic-RateLimit-Tokens-Limit", "X-LiteLLM-Model-Id", "LLM_Provider-X",
    )  # fmt: skip
    headers = dict.fromkeys((*kept, "Set-Cookie", "Authorization", "Content-Type", "OpenAI-Organization"), "caf\xe9")
    assert accept.kept_headers(headers) == {name.lower(): "caf?" for name in kept}
