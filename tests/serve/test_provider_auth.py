"""A provider's 401 is not the caller's: over HTTP it is a 502, in-process it stays an AuthenticationError."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from ingate import AsyncIngate, AuthenticationError, Gateway, MissingCredentialsError
from ingate.secret import Secret
from ingate.serve.guard import guarded
from support.serve import served
from support.upstream import Reply, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.upstream import Upstream

openai = pytest.importorskip("openai")
anthropic = pytest.importorskip("anthropic")

KEY = "sk-ingate-0123456789abcdef"
HI: list[Any] = [{"role": "user", "content": "hi"}]
REJECTED = {
    "error": {"message": "Incorrect API key provided", "type": "invalid_request_error", "code": "invalid_api_key"}
}


@pytest.fixture
def provider() -> Iterator[Upstream]:
    with upstream() as told:
        told.otherwise = Reply(401, REJECTED)
        yield told


def gateway(provider: Upstream) -> Gateway:
    sections = {name: {"api_key": "sk-of-the-provider", "base_url": provider.url} for name in ("openai", "anthropic")}
    return Gateway({**sections, "servers": {"mine": {"base_url": provider.url}}})


SPECS = ["mine/m", "openai/gpt-4.1-mini", "anthropic/claude-haiku-4-5"]


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("stream", [False, True])
async def test_the_openai_sdk_gets_a_502_that_it_does_not_retry(provider: Upstream, spec: str, stream: bool) -> None:
    async with (
        gateway(provider) as own,
        served(guarded(own.asgi, key=Secret(KEY))) as address,
        openai.AsyncOpenAI(base_url=f"{address}/v1", api_key=KEY) as client,
    ):
        calls = [
            client.chat.completions.create(model=spec, messages=HI, stream=stream),
            client.responses.create(model=spec, input="hi", stream=stream),
        ]
        for number, call in enumerate(calls, 1):
            with pytest.raises(openai.InternalServerError) as caught:
                await call
            assert caught.value.status_code == 502
            assert caught.value.code == "provider_authentication_error"
            assert caught.value.response.headers["x-should-retry"] == "false"
            assert caught.value.response.headers["x-ingate-provider"] == spec.partition("/")[0]
            assert "sk-of-the-provider" not in caught.value.response.text
            assert caught.value.body["fix"]
            assert len(provider.seen) == number  # neither the SDK nor the gateway tries again


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("stream", [False, True])
async def test_the_anthropic_sdk_gets_a_502_that_it_does_not_retry(provider: Upstream, spec: str, stream: bool) -> None:
    async with (
        gateway(provider) as own,
        served(guarded(own.asgi, key=Secret(KEY))) as address,
        anthropic.AsyncAnthropic(base_url=address, api_key=KEY) as client,
    ):
        with pytest.raises(anthropic.APIStatusError) as caught:
            await client.messages.create(model=spec, max_tokens=5, messages=HI, stream=stream)
    assert caught.value.status_code == 502
    assert not isinstance(caught.value, anthropic.AuthenticationError)
    error = caught.value.body["error"]
    assert (error["type"], error["code"]) == ("api_error", "provider_authentication_error")
    assert error["fix"]
    assert len(provider.seen) == 1


async def test_the_callers_own_key_is_the_only_401(provider: Upstream) -> None:
    async with gateway(provider) as own, served(guarded(own.asgi, key=Secret(KEY))) as address:
        async with openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="wrong") as client:
            with pytest.raises(openai.AuthenticationError) as caught:
                await client.chat.completions.create(model="mine/m", messages=HI)
        assert caught.value.code == "invalid_api_key"
        async with anthropic.AsyncAnthropic(base_url=address, api_key="wrong") as client:
            with pytest.raises(anthropic.AuthenticationError):
                await client.messages.create(model="mine/m", max_tokens=5, messages=HI)
    assert provider.seen == []


async def test_a_key_that_the_server_does_not_have_is_not_the_callers_either() -> None:
    async with Gateway({}) as own, served(guarded(own.asgi, key=None)) as address:
        async with openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="none") as client:
            with pytest.raises(openai.InternalServerError) as caught:
                await client.chat.completions.create(model="groq/some-model", messages=HI)
        assert (caught.value.status_code, caught.value.code) == (502, "missing_credentials")
        assert "GROQ_API_KEY" in caught.value.body["fix"]
        assert caught.value.response.headers["x-should-retry"] == "false"


async def test_mounted_in_an_application_it_is_a_502_too(provider: Upstream) -> None:
    async with gateway(provider) as own:
        application = Starlette(routes=[Mount("/ai", own.asgi)])
        async with (
            served(application) as address,
            openai.AsyncOpenAI(base_url=f"{address}/ai/v1", api_key="x") as client,
        ):
            with pytest.raises(openai.InternalServerError) as caught:
                await client.chat.completions.create(model="mine/m", messages=HI)
    assert caught.value.code == "provider_authentication_error"


async def test_in_process_it_stays_an_authentication_error(provider: Upstream) -> None:
    async with gateway(provider) as own, AsyncIngate(gateway=own) as client:
        for call in (
            client.chat.completions.create(model="mine/m", messages=HI),
            client.responses.create(model="mine/m", input="hi"),
            client.chat.completions.with_raw_response.create(model="mine/m", messages=HI),
            client.post("/chat/completions", body={"model": "mine/m", "messages": HI}, cast_to=object),
        ):
            with pytest.raises(openai.AuthenticationError) as caught:
                await call
            assert caught.value.status_code == 401
        with pytest.raises(AuthenticationError):
            await own.complete({"model": "mine/m", "messages": HI})
    async with Gateway({}) as bare, AsyncIngate(gateway=bare) as client:
        with pytest.raises(openai.AuthenticationError, match="groq"):
            await client.chat.completions.create(model="groq/some-model", messages=HI)
        with pytest.raises(MissingCredentialsError):
            await bare.complete({"model": "groq/some-model", "messages": HI})


async def test_other_errors_of_a_provider_keep_their_status(provider: Upstream) -> None:
    async with (
        gateway(provider) as own,
        served(guarded(own.asgi, key=None)) as address,
        openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client,
    ):
        for status, kind in (
            (403, openai.PermissionDeniedError),
            (404, openai.NotFoundError),
            (429, openai.RateLimitError),
        ):
            provider.say(Reply(status, {"error": {"message": "no"}}))
            with pytest.raises(kind) as caught:
                await client.chat.completions.create(model="mine/m", messages=HI)
            assert caught.value.response.headers["x-ingate-provider"] == "mine"


def test_a_program_in_node_is_not_taken_for_a_web_page(provider: Upstream) -> None:
    """Node's fetch sends `sec-fetch-mode`, and no `Origin`."""
    import asyncio

    if (node := shutil.which("node")) is None:
        pytest.skip("node is not installed")
    provider.otherwise = Reply(body={"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}]})  # fmt: skip
    program = """
    const [address] = process.argv.slice(1);
    const body = JSON.stringify({model: "mine/m", messages: [{role: "user", content: "hi"}]});
    const answer = await fetch(address + "/v1/chat/completions",
      {method: "POST", body, headers: {"content-type": "application/json"}});
    console.log(JSON.stringify([answer.status, (await answer.json()).choices[0].message.content]));
    """

    async def run() -> str:
        async with gateway(provider) as own, served(guarded(own.asgi, key=None)) as address:
            done = await asyncio.to_thread(
                subprocess.run, [node, "--input-type=module", "-e", program, address], capture_output=True, text=True,
                check=False, timeout=60,
            )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert json.loads(asyncio.run(run())) == [200, "Hello"]
