"""A LiteLLM proxy's errors: which are the proxy's own, and which say that the address is not a proxy's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ingate import Gateway
from ingate.errors import AuthenticationError, BadRequestError, IngateError, ModelNotFoundError, UnavailableError
from support.upstream import Reply, Upstream, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

ASK: dict[str, Any] = {"model": "litellm/gpt", "messages": [{"role": "user", "content": "Hello"}]}
SIGNED = {"x-litellm-version": "1.109.1"}
NOT_FOUND = {"detail": "Not Found"}


@pytest.fixture
def proxy() -> Iterator[Upstream]:
    with upstream() as far:
        yield far


async def failure(proxy: Upstream, reply: Reply, **litellm: Any) -> IngateError:
    proxy.say(reply)
    section = {"api_base": proxy.url, "api_key": "sk-master-key", **litellm}
    async with Gateway({"litellm": section}, retries=0) as gateway:
        with pytest.raises(IngateError) as caught:
            await gateway.complete(ASK)
    return caught.value


@pytest.mark.parametrize("status", [404, 405])
async def test_an_unsigned_404_is_not_a_proxys(proxy: Upstream, status: int) -> None:
    error = await failure(proxy, Reply(status, NOT_FOUND))
    assert isinstance(error, UnavailableError)
    assert (error.code, error.retryable) == ("not_a_proxy", False)
    assert "litellm.api_base" in error.fix


@pytest.mark.parametrize("name", ["x-litellm-version", "X-LiteLLM-Call-Id"])
async def test_a_signed_404_is_the_proxys_own(proxy: Upstream, name: str) -> None:
    error = await failure(proxy, Reply(404, {"error": {"message": "no such thing"}}, headers={name: "1"}))
    assert isinstance(error, ModelNotFoundError)
    assert error.code != "not_a_proxy"
    assert "no such thing" in f"{error} {error.provider_message}"


@pytest.mark.parametrize("headers", [SIGNED, {}], ids=["signed", "unsigned"])
@pytest.mark.parametrize("status", [400, 404])
async def test_an_unknown_deployment_names_the_proxy_and_the_list(
    proxy: Upstream, headers: dict[str, str], status: int
) -> None:
    message = "/chat/completions: Invalid model name passed in model=gpt. Call `/v1/models` to view available models"
    error = await failure(proxy, Reply(status, {"error": {"message": message}}, headers=headers))
    assert isinstance(error, ModelNotFoundError)
    assert "'gpt'" in str(error)
    assert "ingate proxy list" in error.fix


async def test_another_wrong_request_is_the_deployments(proxy: Upstream) -> None:
    error = await failure(proxy, Reply(400, {"error": {"message": "temperature is too high"}}, headers=SIGNED))
    assert isinstance(error, BadRequestError)
    assert "temperature is too high" in f"{error} {error.provider_message}"


async def test_a_web_page_is_not_a_proxys(proxy: Upstream) -> None:
    error = await failure(proxy, Reply(200, b"<html>hello</html>", content_type="text/html"))
    assert error.code == "not_a_proxy"


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_is_named_by_its_source(proxy: Upstream, status: int) -> None:
    error = await failure(proxy, Reply(status, {"error": {"message": "no"}}, headers=SIGNED))
    if status == 401:
        assert isinstance(error, AuthenticationError)
        assert "litellm.api_key" in error.fix
    assert "sk-master-key" not in f"{error} {error.fix}"


async def test_a_crash_without_a_key_suggests_one(proxy: Upstream) -> None:
    error = await failure(proxy, Reply(500, b"Internal Server Error", content_type="text/plain"), api_key=None)
    assert "LITELLM_API_KEY" in error.fix


@pytest.mark.parametrize(
    ("reply", "key"),
    [
        (Reply(500, {"error": {"message": "boom"}}, headers=SIGNED), None),
        (Reply(500, b"Internal Server Error", content_type="text/plain"), "sk-master-key"),
        (Reply(503, b"Unavailable", content_type="text/plain"), None),
    ],
    ids=["its own words", "with a key", "another status"],
)
async def test_another_crash_does_not(proxy: Upstream, reply: Reply, key: str | None) -> None:
    assert "LITELLM_API_KEY" not in (await failure(proxy, reply, api_key=key)).fix


async def test_a_proxy_that_is_not_there_can_be_started(proxy: Upstream) -> None:
    error = await failure(proxy, Reply(), api_base="http://127.0.0.1:9")
    assert isinstance(error, UnavailableError)
    assert "ingate proxy up" in error.fix
    assert "litellm.api_base" in error.fix
