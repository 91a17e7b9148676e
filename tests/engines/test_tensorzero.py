"""Where `tensorzero/…` goes: a gateway over HTTP, or one inside this process."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ingate import Gateway
from ingate.errors import ConfigError, MissingExtraError, ModelNotFoundError
from ingate.providers.lanes import tensorzero_base, tensorzero_model
from support.http import Conversation, serving

if TYPE_CHECKING:
    from pathlib import Path

ANSWER = {
    "id": "1",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}],
    "created": 1,
    "model": "tensorzero::function_name::greet::variant_name::one",
    "object": "chat.completion",
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}
HI = {"messages": [{"role": "user", "content": "Hi"}]}


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("greet", "tensorzero::function_name::greet"),
        ("function_name::greet", "tensorzero::function_name::greet"),
        ("model_name::small", "tensorzero::model_name::small"),
        ("small", "tensorzero::model_name::small"),
        ("openai::gpt-5", "tensorzero::model_name::openai::gpt-5"),
        ("tensorzero::model_name::small", "tensorzero::model_name::small"),
    ],
)
def test_functions_and_models_are_told_apart(written: str, sent: str) -> None:
    assert tensorzero_model(written, frozenset({"small"})) == sent


@pytest.mark.parametrize("written", ["http://t", "http://t/", "http://t/openai", "http://t/openai/v1", " http://t "])
def test_the_address_may_be_written_in_any_form(written: str) -> None:
    assert tensorzero_base(written) == "http://t/openai/v1"


async def test_a_gateway_over_http_gets_the_request_and_the_key() -> None:
    async def answer(conversation: Conversation) -> None:
        seen.append(conversation)
        await conversation.answer(json.dumps(ANSWER).encode())

    seen: list[Conversation] = []
    async with serving(answer) as far:
        section = {"gateway_url": far.base.removesuffix("/v1"), "api_key": "sk-t0-key"}
        async with Gateway({"tensorzero": section}) as gateway:
            completion = await gateway.complete({"model": "tensorzero/greet", **HI})
    (conversation,) = seen
    assert conversation.head.startswith("POST /openai/v1/chat/completions ")
    assert conversation.headers["authorization"] == "Bearer sk-t0-key"
    assert json.loads(conversation.body)["model"] == "tensorzero::function_name::greet"
    assert completion["choices"][0]["message"]["content"] == "Hello"
    assert completion["ingate"]["provider"] == "tensorzero"


async def test_a_function_that_is_not_there_is_a_missing_model() -> None:
    async def answer(conversation: Conversation) -> None:
        await conversation.answer(b'{"error":{"message":"Unknown function: nope"}}', status="404 Not Found")

    async with serving(answer) as far, Gateway({"tensorzero": {"gateway_url": far.base}}) as gateway:
        with pytest.raises(ModelNotFoundError, match="nope"):
            await gateway.complete({"model": "tensorzero/nope", **HI})


async def test_variables_win_over_the_section(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENSORZERO_GATEWAY_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("TENSORZERO_API_KEY", "sk-t0-from-the-environment")
    async with Gateway({"tensorzero": {"gateway_url": "http://127.0.0.1:8", "api_key": "sk-other"}}) as gateway:
        (route,) = gateway.routes("tensorzero/greet")
    assert route.api_base == "http://127.0.0.1:9/openai/v1"
    assert route.credential.api_key.reveal() == "sk-t0-from-the-environment"
    assert route.credential.source == "env TENSORZERO_API_KEY"


async def test_without_a_section_its_documented_address_is_taken() -> None:
    async with Gateway({}) as gateway:
        (route,) = gateway.routes("tensorzero/greet")
    assert (route.engine, route.api_base) == ("native", "http://localhost:3000/openai/v1")


async def test_a_configuration_file_means_a_gateway_in_this_process(tmp_path: Path) -> None:
    file = tmp_path / "tensorzero.toml"
    file.write_text("[models.small]\nrouting = []\n[functions.greet]\ntype = 'chat'\n")
    async with Gateway({"tensorzero": {"config_file": str(file)}}) as gateway:
        routes = gateway.routes("tensorzero/greet, tensorzero/small, tensorzero/new")
        (told, *_) = gateway.explain("tensorzero/greet")
    assert [route.engine for route in routes] == ["tensorzero"] * 3
    assert [route.model for route in routes] == [
        "tensorzero::function_name::greet",
        "tensorzero::model_name::small",
        "tensorzero::function_name::new",
    ]
    assert "inside this process" in told.why


async def test_without_the_package_or_the_file_it_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "absent.toml"
    async with Gateway({"tensorzero": {"config_file": str(file)}}) as gateway:
        with pytest.raises((MissingExtraError, ConfigError)) as caught:
            await gateway.complete({"model": "tensorzero/greet", **HI})
    assert caught.value.fix
