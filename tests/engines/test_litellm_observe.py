"""What is observed of an HTTP exchange below litellm, and what is changed in it, with a real httpx client."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import pytest

from ingate._version import __version__
from ingate.engines import accept
from ingate.engines.litellm_ import observe
from ingate.engines.litellm_.observe import Observation
from ingate.errors import UnavailableError

httpx = pytest.importorskip("httpx")

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

URL = "https://far.example/v1/chat?key=k"


class Pieces(httpx.AsyncByteStream):
    """A body in pieces; an exception among them is raised."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self.pieces, self.closed = pieces, 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    async def aclose(self) -> None:
        self.closed += 1


async def exchange(
    observation: Observation | None, response: Any = None, sent: dict[str, str] | None = None, **timeout: Any
) -> Any:
    """Send one request through the hooks; the response, still unread, with its `request`."""
    client = httpx.AsyncClient(
        transport=httpx.MockTransport(lambda _: response or httpx.Response(200)),
        event_hooks={"request": [observe.on_request], "response": [observe.on_response]},
    )
    client.headers.clear()
    request = client.build_request("POST", URL, headers=sent or {}, **timeout)
    if observation is None:
        return await client.send(request, stream=True)
    with observation.watching():
        return await client.send(request, stream=True)


ENCODINGS = {"accept-encoding": "gzip, deflate"}


@pytest.mark.parametrize(
    ("sent", "arrived"),
    [
        ({}, {}),
        ({"user-agent": "litellm/1.80.0"}, {"user-agent": f"ingate/{__version__}"}),
        ({"user-agent": "LiteLLM"}, {"user-agent": f"ingate/{__version__}"}),
        ({"user-agent": "an-app/1"}, {"user-agent": "an-app/1"}),
        ({"http-referer": "https://litellm.ai"}, {"http-referer": "https://github.com/ingate/ingate"}),
        ({"http-referer": "https://an-app.example"}, {"http-referer": "https://an-app.example"}),
        ({"x-title": "liteLLM"}, {"x-title": "ingate"}),
        ({"x-title": "an app"}, {"x-title": "an app"}),
        ({"x-api-key": "k"}, {"x-api-key": "k"}),
        ({"accept-encoding": "gzip, deflate, br, zstd"}, {}),
    ],
)
async def test_litellms_name_and_encodings_are_replaced_and_nothing_else(
    sent: dict[str, str], arrived: dict[str, str]
) -> None:
    request = (await exchange(Observation(), sent=sent)).request
    assert {name: request.headers[name] for name in request.headers if name not in {"host", "content-length"}} == {
        **ENCODINGS,
        **arrived,
    }


async def test_a_request_of_another_program_part_is_left_alone() -> None:
    sent = {"user-agent": "litellm/1", "http-referer": "https://litellm.ai", "x-title": "liteLLM"}
    headers = (await exchange(None, sent=sent)).request.headers
    assert {name: headers.get(name) for name in (*sent, "accept-encoding")} == {**sent, "accept-encoding": None}


async def test_a_token_is_sent_as_a_bearer_and_not_as_a_key() -> None:
    headers = (await exchange(Observation(bearer=True), sent={"x-api-key": "t"})).request.headers
    assert (headers.get("authorization"), headers.get("x-api-key")) == ("Bearer t", None)
    headers = (await exchange(Observation(bearer=True), sent={"authorization": "Bearer own"})).request.headers
    assert headers["authorization"] == "Bearer own"


async def test_the_limit_for_the_connection_is_the_routes_and_the_others_stay() -> None:
    request = (await exchange(Observation(3.0), timeout=60.0)).request
    assert request.extensions["timeout"] == {"connect": 3.0, "read": 60.0, "write": 60.0, "pool": 60.0}
    request = (await exchange(Observation(), timeout=60.0)).request
    assert request.extensions["timeout"]["connect"] == 60.0


def blocking(observation: Observation | None, response: Any = None, **timeout: Any) -> Any:
    client = httpx.Client(
        transport=httpx.MockTransport(lambda _: response or httpx.Response(200)),
        event_hooks={"request": [observe.on_blocking_request], "response": [observe.on_blocking_response]},
    )
    if observation is None:
        return client.get(URL, **timeout)
    with observation.watching():
        return client.get(URL, **timeout)


def test_a_request_that_blocks_the_loop_waits_ten_seconds_at_most() -> None:
    given = httpx.Timeout(connect=3.0, read=600.0, write=None, pool=10.0)
    limits = blocking(Observation(), timeout=given).request.extensions["timeout"]
    assert limits == {"connect": 3.0, "read": 10.0, "write": 10.0, "pool": 10.0}
    assert blocking(None, timeout=given).request.extensions["timeout"]["read"] == 600.0


def test_a_request_that_blocks_is_not_redirected() -> None:
    away = httpx.Response(302, headers={"location": "https://elsewhere.example/x"})
    observation = Observation(provider="groq")
    with pytest.raises(UnavailableError) as caught:
        blocking(observation, away)
    assert observation.refused is caught.value
    assert (caught.value.code, caught.value.provider) == ("redirected", "groq")
    assert blocking(None, away).status_code == 302


async def test_a_response_is_recorded_as_it_is_read() -> None:
    observation = Observation()
    assert (observation.status, observation.headers, observation.url) == (None, {}, "")
    assert not await observation.read_on()
    pieces = Pieces(b"one", b"two")
    response = await exchange(observation, httpx.Response(201, headers={"X-Request-ID": "r"}, stream=pieces))
    assert (observation.status, observation.url) == (201, "https://far.example/v1/chat")
    assert observation.headers == {"x-request-id": "r"}
    assert (observation.content(), observation.complete) == (b"", False)
    read = aiter(response.aiter_raw())
    assert await anext(read) == b"one"
    assert (observation.content(), observation.since(1), observation.since(3)) == (b"one", b"ne", b"")
    assert await observation.read_on()
    assert (observation.content(), observation.complete) == (b"onetwo", False)
    assert not await observation.read_on()
    assert (observation.complete, observation.failure, observation.refused) == (True, None, None)
    await observation.aclose()
    assert pieces.closed == 1
    await observation.aclose()
    assert pieces.closed == 1


async def test_the_next_response_of_a_call_replaces_the_one_before() -> None:
    observation = Observation()
    broken = await exchange(observation, httpx.Response(500, stream=Pieces(b"oops", httpx.ReadError("reset"))))
    with pytest.raises(httpx.ReadError):
        await broken.aread()
    assert (observation.content(), observation.complete) == (b"oops", False)
    assert isinstance(observation.failure, httpx.ReadError)
    whole = await exchange(observation, httpx.Response(200, stream=Pieces(b"fine")))
    assert (observation.status, observation.failure, observation.content()) == (200, None, b"")
    assert await whole.aread() == b"fine"
    assert (observation.complete, observation.content()) == (True, b"fine")
    await exchange(observation, httpx.Response(200, stream=Pieces(b"third")))
    assert (observation.complete, observation.content()) == (False, b"")


@pytest.mark.parametrize("encoding", ["gzip", " GZIP "])
async def test_a_compressed_body_is_uncompressed_once(encoding: str) -> None:
    packed, observation = gzip.compress(b"an answer"), Observation()
    response = httpx.Response(200, headers={"content-encoding": encoding}, stream=Pieces(packed[:1], packed[1:]))
    assert await (await exchange(observation, response)).aread() == b"an answer"
    assert observation.content() == b"an answer"


@pytest.mark.parametrize("encoding", ["identity", "Identity"])
async def test_a_body_that_is_not_compressed_stays_as_it_is(encoding: str) -> None:
    observation = Observation()
    response = httpx.Response(200, headers={"content-encoding": encoding}, stream=Pieces(b"plain"))
    assert await (await exchange(observation, response)).aread() == b"plain"


@pytest.mark.parametrize(
    ("status", "headers", "code"),
    [
        (300, {}, "redirected"),
        (399, {"location": "/x"}, "redirected"),
        (200, {"content-encoding": "br"}, "unavailable"),
    ],
)
async def test_a_response_no_lane_accepts_is_refused_by_its_head(
    status: int, headers: dict[str, str], code: str
) -> None:
    observation = Observation(provider="groq")
    with pytest.raises(UnavailableError) as caught:
        await exchange(observation, httpx.Response(status, headers=headers))
    assert observation.refused is caught.value
    assert (caught.value.code, caught.value.provider, caught.value.retryable) == (code, "groq", False)


async def test_damaged_compression_is_refused() -> None:
    observation = Observation(provider="groq")
    response = httpx.Response(200, headers={"content-encoding": "gzip"}, stream=Pieces(b"not gzip at all"))
    with pytest.raises(UnavailableError, match="damaged") as caught:
        await (await exchange(observation, response)).aread()
    assert observation.refused is observation.failure is caught.value


async def test_a_body_may_be_as_large_as_the_limit_and_no_larger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accept, "_MAX_BODY", 10)
    observation = Observation(provider="groq")
    assert await (await exchange(observation, httpx.Response(200, stream=Pieces(b"12345", b"67890")))).aread()
    assert (observation.refused, observation.complete) == (None, True)
    with pytest.raises(UnavailableError, match="larger than"):
        await (await exchange(observation, httpx.Response(200, stream=Pieces(b"12345", b"67890", b"1")))).aread()
    assert observation.refused is not None


@pytest.mark.parametrize("status", [400, 503])
async def test_no_more_of_an_error_is_read_than_is_reported(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accept, "_MAX_ERROR", 10)
    observation = Observation()
    response = httpx.Response(status, stream=Pieces(b"12345", b"67890", b"not read"))
    assert await (await exchange(observation, response)).aread() == b"1234567890"
    assert (observation.complete, observation.refused) == (True, None)
    response = httpx.Response(status, stream=Pieces(b"12345", b"678901"))
    assert await (await exchange(observation, response)).aread() == b"12345678901"
    assert observation.refused is None


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("application/json; charset=utf-8", True),
        ("application/problem+json", True),
        ("application/x-ndjson", False),
        ("application/stream+json", False),
        ("text/event-stream", False),
        ("", False),
    ],
)
def test_one_json_document_is_told_from_a_stream(kind: str, expected: bool) -> None:
    observation = Observation()
    observation.headers = {"content-type": kind} if kind else {}
    assert observation.is_json is expected


def test_the_headers_of_interest_are_returned_and_no_other() -> None:
    kept = (
        "x-request-id", "request-id", "x-ratelimit-limit-tokens", "ratelimit-reset", "anthropic-ratelimit-tokens-limit",
        "retry-after", "retry-after-ms", "x-litellm-model-id", "llm_provider-x", "openai-processing-ms", "x-amzn-requestid",
        "apim-request-id", "cf-ray", "x-groq-region", "server-timing",
    )  # fmt: skip
    observation = Observation()
    observation.headers = dict.fromkeys((*kept, "set-cookie", "authorization", "content-type", "x-other"), "v")
    assert observation.kept_headers() == dict.fromkeys(kept, "v")
