"""The SDK's own methods over the in-process transport, async and sync, on whichever openai is installed."""

from __future__ import annotations

import asyncio
import copy
import pickle
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from ingate import errors
from ingate.client import AsyncIngate, Ingate, async_http_client, http_client
from ingate.client.exchange import MAX_BUFFERED
from ingate.client.sdk import check_openai, sdk_defaults
from ingate.errors import MissingExtraError
from support.client import FakeGateway, completion, text_chunks, tool_call, tool_chunks

MODEL = "scripted/echo"
HI: list[Any] = [{"role": "user", "content": "hi"}]
WEATHER: Any = {
    "type": "function",
    "function": {"name": "weather", "strict": True, "parameters": {"type": "object", "properties": {}}},
}


@pytest.mark.parametrize(("kind", "base"), [(AsyncIngate, openai.AsyncOpenAI), (Ingate, openai.OpenAI)])
def test_it_is_the_sdks_client_and_a_class_of_its_own(kind: Any, base: Any) -> None:
    class Mine(kind):
        def __init__(self, *arguments: Any, greeting: str = "hi", **more: Any) -> None:
            super().__init__(*arguments, **more)
            self.greeting = greeting

    for made in (kind, Mine):
        client = made(gateway=FakeGateway())
        copies = [client.copy(), client.with_options(timeout=3), copy.copy(client), copy.deepcopy({"c": client})["c"]]
        assert all(one is not client for one in copies)
        for one in (client, *copies):
            assert isinstance(one, base)
            assert isinstance(one, kind)
            assert type(one) is made
            assert one._client is client._client
    assert not isinstance(base(api_key="x"), kind)
    assert Mine(gateway=FakeGateway(), greeting="hello").greeting == "hello"


@pytest.mark.parametrize("kind", [AsyncIngate, Ingate])
def test_a_client_shows_no_key_and_is_not_pickled(kind: Any) -> None:
    client = kind({"groq": {"api_key": "gsk-canary-0123456789"}}, default_headers={"x-key": "canary-header"})
    assert "canary" not in repr(client) + str(client)
    with pytest.raises(TypeError, match=f"{kind.__name__} holds credentials") as caught:
        pickle.dumps(client)
    assert "canary" not in str(caught.value)
    assert pickle.loads(pickle.dumps(kind)) is kind


@pytest.mark.parametrize(
    ("kind", "make", "other"),
    [
        (AsyncIngate, async_http_client, openai.DefaultAsyncHttpxClient),
        (Ingate, http_client, openai.DefaultHttpxClient),
    ],
)
def test_an_in_process_http_client_is_taken_and_any_other_is_refused(kind: Any, make: Any, other: Any) -> None:
    transport = make(gateway=FakeGateway())
    client = kind(http_client=transport)
    assert client._client is transport
    with pytest.raises(TypeError, match="leave the process"):
        client.with_options(http_client=other())
    for more in ({"config": {}}, {"gateway": FakeGateway()}):
        with pytest.raises(TypeError, match="only one of"):
            kind(http_client=transport, **more)


async def test_create_answers_with_usage_and_metadata() -> None:
    gateway = FakeGateway()
    async with AsyncIngate(gateway=gateway) as client:
        answer = await client.chat.completions.create(model=MODEL, messages=HI, temperature=0.5)
    assert answer.choices[0].message.content == "hello there"
    assert answer.usage is not None
    assert answer.usage.total_tokens == 5
    assert answer.model_extra is not None
    assert answer.model_extra["ingate"]["engine"] == "scripted"
    assert answer._request_id is not None
    assert gateway.bodies == [{"model": MODEL, "messages": HI, "temperature": 0.5}]


async def test_a_stream_comes_chunk_by_chunk() -> None:
    class Slow(FakeGateway):
        """Says the next word when the last one was read."""

        async def stream(self, body: Any) -> Any:
            async for piece in super().stream(body):
                yield piece
                await read.get()

    read: asyncio.Queue[None] = asyncio.Queue()
    seen = []
    async with AsyncIngate(gateway=Slow(chunks=text_chunks("a", "b", "c"))) as client:
        async for chunk in await client.chat.completions.create(model=MODEL, messages=HI, stream=True):
            seen.append(chunk.choices[0].delta.content)
            read.put_nowait(None)
            if len(seen) == 5:
                read.put_nowait(None)  # for the usage, which was not asked for
    assert seen == ["", "a", "b", "c", None]


async def test_a_reader_that_does_not_read_holds_the_model_back() -> None:
    gateway = FakeGateway(chunks=text_chunks(*("word",) * 500))
    async with AsyncIngate(gateway=gateway) as client:
        stream = await client.chat.completions.create(model=MODEL, messages=HI, stream=True)
        for _ in range(100):
            await asyncio.sleep(0)
        assert gateway.sent == MAX_BUFFERED + 1
        assert len([chunk async for chunk in stream]) == 502


async def test_a_streams_usage_comes_when_asked_for() -> None:
    async with AsyncIngate(gateway=FakeGateway()) as client:
        stream = await client.chat.completions.create(
            model=MODEL, messages=HI, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 5
    assert chunks[-1].model_extra is not None
    assert chunks[-1].model_extra["ingate"]["provider"] == "scripted"


async def test_the_stream_helper_gives_events_and_the_whole() -> None:
    kinds = []
    async with (
        AsyncIngate(gateway=FakeGateway()) as client,
        client.chat.completions.stream(model=MODEL, messages=HI) as stream,
    ):
        async for event in stream:
            kinds.append(event.type)
        final = await stream.get_final_completion()
    assert final.choices[0].message.content == "hello"
    assert {"chunk", "content.delta", "content.done"} <= set(kinds)


class City(BaseModel):
    name: str
    people: int


async def test_parse_gives_a_model() -> None:
    gateway = FakeGateway(completion('{"name": "Ghent", "people": 270000}'))
    async with AsyncIngate(gateway=gateway) as client:
        answer = await client.chat.completions.parse(model=MODEL, messages=HI, response_format=City)
    assert answer.choices[0].message.parsed == City(name="Ghent", people=270000)
    assert gateway.bodies[0]["response_format"]["type"] == "json_schema"


async def test_tool_calls_single_and_parallel() -> None:
    calls = [tool_call(0, "weather", '{"city":"Ghent"}'), tool_call(1, "weather", '{"city":"Lima"}')]
    for count in (1, 2):
        gateway = FakeGateway(completion(None, tool_calls=calls[:count]))
        async with AsyncIngate(gateway=gateway) as client:
            answer = await client.chat.completions.create(model=MODEL, messages=HI, tools=[WEATHER])
        found: Any = answer.choices[0].message.tool_calls
        assert [call.function.arguments for call in found] == [call["function"]["arguments"] for call in calls[:count]]
        assert gateway.bodies[0]["tools"] == [WEATHER]


async def test_streamed_parallel_tool_calls_are_put_together() -> None:
    chunks = tool_chunks(("weather", '{"city":"Ghent"}'), ("weather", '{"city":"Lima"}'))
    async with (
        AsyncIngate(gateway=FakeGateway(chunks=chunks)) as client,
        client.chat.completions.stream(model=MODEL, messages=HI, tools=[WEATHER]) as stream,
    ):
        final = await stream.get_final_completion()
    found: Any = final.choices[0].message.tool_calls
    assert [(call.id, call.function.arguments) for call in found] == [
        ("call_0", '{"city":"Ghent"}'),
        ("call_1", '{"city":"Lima"}'),
    ]


async def test_raw_responses_have_the_headers() -> None:
    async with AsyncIngate(gateway=FakeGateway()) as client:
        raw = await client.chat.completions.with_raw_response.create(model=MODEL, messages=HI)
        assert raw.headers["x-ingate-engine"] == "scripted"
        assert raw.parse().choices[0].message.content == "hello there"
        async with client.chat.completions.with_streaming_response.create(
            model=MODEL, messages=HI, stream=True
        ) as response:
            lines = [line async for line in response.iter_lines() if line]
    assert lines[-1] == "data: [DONE]"


async def test_models_and_embeddings() -> None:
    async with AsyncIngate(gateway=FakeGateway()) as client:
        ids = [model.id async for model in await client.models.list()]
        assert ids[1] == "litellm.bedrock/global.anthropic.claude-sonnet-5-5:1"
        assert (await client.models.retrieve(ids[1])).id == ids[1]
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve("no/such")
        vectors = await client.embeddings.create(model=MODEL, input=["a", "b"])
    assert [row.embedding for row in vectors.data] == [[0.5, -0.25]] * 2


async def test_the_rest_raises_loudly_and_is_not_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    async with AsyncIngate(gateway=FakeGateway(), max_retries=5) as client:
        monkeypatch.setattr(client, "_sleep_for_retry", None)
        with pytest.raises(openai.InternalServerError, match="does not serve GET /v1/files") as caught:
            await client.files.list()
        assert caught.value.status_code == 501
        with pytest.raises(openai.InternalServerError, match="/v1/audio/speech"):
            await client.audio.speech.create(model="x", input="x", voice="alloy")
        with pytest.raises(openai.InternalServerError, match="/v1/images/generations"):
            await client.images.generate(prompt="x")
        with pytest.raises(openai.InternalServerError, match="/v1/moderations"):
            await client.moderations.create(input="x")


def _classes(base: type[errors.IngateError]) -> list[type[errors.IngateError]]:
    return [base, *(found for child in base.__subclasses__() for found in _classes(child))]


BY_STATUS = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    405: openai.APIStatusError,
    429: openai.RateLimitError,
}


@pytest.mark.parametrize("kind", _classes(errors.IngateError), ids=lambda kind: kind.__name__)
async def test_every_error_class_becomes_the_sdks(kind: type[errors.IngateError]) -> None:
    error = kind("it did not work", fix="try the other one")
    async with AsyncIngate(gateway=FakeGateway(error, [error]), max_retries=0) as client:
        expected = BY_STATUS.get(error.status, openai.InternalServerError)
        for stream in (False, True):
            with pytest.raises(expected, match="it did not work") as caught:
                await client.chat.completions.create(model=MODEL, messages=HI, stream=stream)
            assert caught.value.status_code == error.status
            assert caught.value.code == error.code
            body: Any = caught.value.body
            assert body["fix"] == "try the other one"


async def test_the_sdk_retries_what_may_succeed_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(**_: Any) -> None:
        return None

    for error, tries in (
        (errors.RateLimitError("wait"), 3),
        (errors.UnavailableError("down"), 3),
        (errors.BadRequestError("no"), 1),
    ):
        gateway = FakeGateway(error)
        async with AsyncIngate(gateway=gateway) as client:
            monkeypatch.setattr(client, "_sleep_for_retry", at_once)
            with pytest.raises(openai.APIStatusError):
                await client.chat.completions.create(model=MODEL, messages=HI)
        assert len(gateway.bodies) == tries


async def test_an_error_inside_a_stream_raises_with_the_partial_text() -> None:
    broken = errors.StreamInterruptedError("the connection was lost", partial_text="hel")
    async with AsyncIngate(gateway=FakeGateway(chunks=[*text_chunks("hel")[:2], broken])) as client:
        stream = await client.chat.completions.create(model=MODEL, messages=HI, stream=True)
        assert [(await anext(stream)).choices[0].delta.content for _ in range(2)] == ["", "hel"]
        with pytest.raises(openai.APIError, match="the connection was lost") as caught:
            await anext(stream)
    body: Any = caught.value.body
    assert body["partial_text"] == "hel"


async def test_nothing_is_taken_from_the_sdks_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_KEY", "ADMIN_KEY", "BASE_URL", "ORG_ID", "PROJECT_ID"):
        monkeypatch.setenv(f"OPENAI_{name}", "https://leaked.example/v1")
    async with AsyncIngate(gateway=FakeGateway()) as client:
        for one in (client, client.with_options(timeout=3), client.copy()):
            kept = [one.api_key, getattr(one, "admin_api_key", None), str(one.base_url), one.organization, one.project]
            assert not [value for value in kept if value and "leaked" in value]
            answer = await one.chat.completions.create(model=MODEL, messages=HI)
            assert answer.choices[0].message.content == "hello there"


def test_an_sdk_that_lacks_an_argument_is_not_given_it() -> None:
    class Older:
        """The arguments of openai 2.20."""

        def __init__(self, *, api_key: Any = None, organization: Any = None, project: Any = None, base_url: Any = None):
            self.given = (api_key, organization, project, base_url)

    assert set(sdk_defaults(Older)) == {"api_key", "organization", "project", "base_url"}
    assert set(sdk_defaults(openai.OpenAI)) >= set(sdk_defaults(Older))


@pytest.mark.parametrize("kind", [AsyncIngate, Ingate])
def test_the_users_arguments_win_over_the_defaults(kind: Any) -> None:
    client = kind(gateway=FakeGateway(), api_key="mine", organization="org", base_url="http://other/v1")
    assert (client.api_key, client.organization, str(client.base_url)) == ("mine", "org", "http://other/v1/")


async def test_options_share_the_transport_and_the_users_arguments_hold() -> None:
    gateway = FakeGateway()
    async with AsyncIngate(gateway=gateway, timeout=7, max_retries=1, default_headers={"x-own": "1"}) as client:
        assert (client.timeout, client.max_retries, client.default_headers["x-own"]) == (7, 1, "1")
        other = client.with_options(max_retries=4)
        assert other._client is client._client


def test_http_client_and_both_config_and_gateway_are_refused() -> None:
    with pytest.raises(TypeError, match="http_client"):
        AsyncIngate(gateway=FakeGateway(), http_client=object())
    with pytest.raises(TypeError, match="not both"):
        AsyncIngate({}, gateway=FakeGateway())


@pytest.mark.parametrize("version", ["1.99.9", "2.19.0", "4.0.0", "5.1"])
def test_an_openai_that_would_not_work_is_named(version: str) -> None:
    with pytest.raises(MissingExtraError, match=f"openai {version} is installed") as caught:
        check_openai(version)
    assert caught.value.extra == "openai"


@pytest.mark.parametrize("version", ["2.20.0", "2.54.0", "3.0.0", "3.54.0", "3.60.0rc1"])
def test_an_openai_that_works_passes(version: str) -> None:
    check_openai(version)


def test_the_sync_client_does_the_same() -> None:
    gateway = FakeGateway()
    with Ingate(gateway=gateway) as client:
        assert client.chat.completions.create(model=MODEL, messages=HI).choices[0].message.content == "hello there"
        stream = client.chat.completions.create(model=MODEL, messages=HI, stream=True)
        assert [chunk.choices[0].delta.content for chunk in stream] == ["", "hel", "lo", None]
        with client.chat.completions.stream(model=MODEL, messages=HI) as events:
            assert events.get_final_completion().choices[0].message.content == "hello"
        raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=HI)
        assert raw.headers["x-ingate-provider"] == "scripted"
        assert next(model.id for model in client.models.list()) == "scripted/echo"
        assert client.embeddings.create(model=MODEL, input="a").data[0].embedding == [0.5, -0.25]
        with pytest.raises(openai.InternalServerError, match="does not serve"):
            client.files.list()
        gateway.answer = completion('{"name": "Ghent", "people": 1}')
        parsed = client.chat.completions.parse(model=MODEL, messages=HI, response_format=City)
        assert parsed.choices[0].message.parsed == City(name="Ghent", people=1)
        gateway.answer = errors.AuthenticationError("no")
        with pytest.raises(openai.AuthenticationError):
            client.chat.completions.create(model=MODEL, messages=HI)
