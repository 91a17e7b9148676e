"""`ingate proxy check` against a proxy that says what a test tells it to: which deployments are called, and what is told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ingate import Gateway
from ingate.errors import AuthenticationError, MissingCredentialsError, UnavailableError
from ingate.proxy.check import Checked, check, deployments
from support.fake_proxy import Proxy, serving
from support.upstream import completion


@pytest.fixture
def proxy() -> Proxy:
    return Proxy()


async def checked(proxy: Proxy, **options: Any) -> dict[str, Checked]:
    with serving(proxy) as url:
        async with Gateway({"litellm": {"api_base": url, "api_key": "sk-master"}}) as gateway:
            return {one.deployment: one async for one in check(gateway, **options)}


def model(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "object": "model", **more}


def info(name: str, number: str, **facts: Any) -> dict[str, Any]:
    return {"model_name": name, "model_info": {"id": number, **facts}}


async def test_each_deployment_is_called_once_and_alone(proxy: Proxy) -> None:
    proxy.listed = [model("one"), model("two")]
    proxy.headers = {"x-litellm-model-group": "one"}
    found = await checked(proxy)
    assert {name: one.state for name, one in found.items()} == {"one": "ready", "two": "ready"}
    assert sorted(body["model"] for body in proxy.asked) == ["one", "two"]
    for body in proxy.asked:
        assert body["disable_fallbacks"] is True
        assert body["num_retries"] == 0
        assert body["max_tokens"] == 16
        assert [message["role"] for message in body["messages"]] == ["user"]
    assert found["one"].detail == "Ready."
    assert found["one"].fix == ""
    assert found["one"].latency_s is not None
    assert 0 < found["one"].latency_s < 60
    assert proxy.paths[0] == "/models?return_wildcard_routes=true"


async def test_a_failing_deployment_is_told_with_its_own_words_and_not_called_again(proxy: Proxy) -> None:
    proxy.listed = [model("good"), model("bad"), model("busy")]
    proxy.answers["bad"] = 401, {"error": {"message": "Missing API Key\nfor groq " + "x" * 200}}
    proxy.answers["busy"] = 429, {"error": {"message": "slow down"}}
    found = await checked(proxy)
    assert {name: one.state for name, one in found.items()} == {"good": "ready", "bad": "missing", "busy": "missing"}
    assert found["bad"].detail.startswith("Missing API Key for groq xxx")
    assert found["bad"].detail.endswith("…")
    assert len(found["bad"].detail) == 100
    assert found["bad"].fix
    assert found["bad"].latency_s is None
    assert "slow down" in found["busy"].detail
    assert len(proxy.asked) == 3


async def test_a_deployment_that_does_not_answer_in_time_is_told(proxy: Proxy) -> None:
    proxy.listed = [model("slow")]
    with serving(proxy) as url:
        async with Gateway({"litellm": {"api_base": url, "api_key": "sk-master"}}) as gateway:
            await deployments(gateway)
            proxy.delay_s = 1.0
            running = check(gateway, timeout_s=0.2)
            # The lists themselves have the gateway's own limit.
            found = [one async for one in running]
    assert [(one.deployment, one.state) for one in found] == [("slow", "missing")]
    assert "0.2 s" in found[0].detail


async def test_at_most_four_are_called_at_once(proxy: Proxy) -> None:
    proxy.listed = [model(f"m{number}") for number in range(9)]
    proxy.delay_s = 0.05
    assert len(await checked(proxy)) == 9
    assert 1 < proxy.most_at_once <= 4


async def test_leaving_early_waits_for_no_other_deployment(proxy: Proxy) -> None:
    proxy.listed, proxy.held = [model("quick"), model("held")], "held"
    with serving(proxy) as url:
        async with Gateway({"litellm": {"api_base": url, "api_key": "sk-master"}}) as gateway:
            running = check(gateway)
            first = await anext(running)
            await asyncio.wait_for(running.aclose(), 50)  # ty: ignore[unresolved-attribute]
        proxy.let_go.set()
    assert first.deployment == "quick"


async def test_wildcards_and_other_modes_are_told_and_not_called(proxy: Proxy) -> None:
    proxy.listed = [
        model("chatty", mode="chat"),
        model("old", mode="completion"),
        model("new", mode="responses"),
        model("embed", mode="embedding"),
        model("groq/*"),
        model("groq/expanded"),
    ]
    found = await checked(proxy)
    assert {name: (one.state, one.detail) for name, one in found.items() if one.state == "attention"} == {
        "embed": ("attention", "for embedding, not called"),
        "groq/*": ("attention", "a wildcard, not called"),
    }
    assert sorted(body["model"] for body in proxy.asked) == ["chatty", "new", "old"]


async def test_the_proxys_own_information_tells_what_a_wildcard_stands_for(proxy: Proxy) -> None:
    proxy.listed = [model("plain"), model("xai/*"), model("xai/grok")]
    proxy.info = [
        info("plain", "1", mode="chat"),
        info("painter", "2", mode="image_generation"),
        info("xai/*", "3"),
        info("xai/grok", "3", mode="chat"),
        "nonsense",
    ]
    found = await checked(proxy)
    assert {name: one.state for name, one in found.items()} == {
        "plain": "ready",
        "painter": "attention",
        "xai/*": "attention",
    }


async def test_a_key_that_may_not_read_the_information_is_enough(proxy: Proxy) -> None:
    proxy.listed, proxy.info = [model("plain", mode="chat")], None
    assert list(await checked(proxy)) == ["plain"]


async def test_an_answer_without_text_says_so(proxy: Proxy) -> None:
    proxy.listed = [model("m")]
    proxy.answers["m"] = 200, completion("")
    assert (await checked(proxy))["m"].detail == "(no text)"


async def test_the_model_behind_a_deployment_is_told(proxy: Proxy) -> None:
    proxy.listed = [model("quick")]
    proxy.headers = {"x-litellm-model-id": "7", "x-litellm-model-name": "groq/llama"}
    found = await checked(proxy)
    assert found["quick"].model == "groq/llama"


async def test_without_a_proxy_it_says_what_to_set() -> None:
    async with Gateway({}) as gateway:
        with pytest.raises(MissingCredentialsError) as caught:
            await deployments(gateway)
    assert "LITELLM_API_BASE" in caught.value.fix


@pytest.mark.parametrize(("status", "error"), [(401, AuthenticationError), (503, UnavailableError)])
async def test_a_proxy_that_refuses_is_one_error(proxy: Proxy, status: int, error: type[Exception]) -> None:
    proxy.answer = lambda path, body: (status, {"error": {"message": "no"}})  # ty: ignore[invalid-assignment]
    with pytest.raises(error):
        await checked(proxy)
