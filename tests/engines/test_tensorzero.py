"""Where `tensorzero/…` goes: a gateway over HTTP, or one inside this process."""

from __future__ import annotations

import asyncio
import json
import sys
import warnings
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from ingate import Gateway
from ingate.engines.base import CallReport, Route
from ingate.engines.tensorzero import TensorZeroEngine
from ingate.errors import ConfigError, MissingExtraError, ModelNotFoundError, NotSupportedError
from ingate.providers.lanes import tensorzero_base, tensorzero_model
from ingate.spec import parse_one
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


class Package:
    """Stands in for the tensorzero package: its gateways are the loopback server of the test."""

    def __init__(self, base: str = "", error: Exception | None = None) -> None:
        self.base, self.error = base, error
        self.started: list[tuple[str, bool]] = []
        self.stopped: list[Any] = []

    def patch_openai_client(self, client: Any, *, config_file: str, async_setup: bool) -> Any:
        warnings.warn("use the gateway", DeprecationWarning, stacklevel=1)
        self.started.append((config_file, async_setup))
        if self.error is not None:
            raise self.error
        client.base_url = self.base
        return client

    def close_patched_openai_client_gateway(self, client: Any) -> None:
        self.stopped.append(client)


def _route(file: Path) -> Route:
    return Route(
        spec=parse_one("tensorzero/greet"),
        engine="tensorzero",
        provider="tensorzero",
        model="tensorzero::function_name::greet",
        wire_format="chat",
        facts={"config_file": file},
    )


def _installed(monkeypatch: pytest.MonkeyPatch, package: Any) -> None:
    monkeypatch.setitem(sys.modules, "tensorzero", package)


@pytest.mark.filterwarnings("error::DeprecationWarning")
async def test_each_file_has_one_gateway_from_its_first_call_until_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(conversation: Conversation) -> None:
        if b'"input"' in conversation.body:
            row = {"object": "embedding", "index": 0, "embedding": [0.5]}
            await conversation.answer(json.dumps({"object": "list", "data": [row]}).encode())
        elif b'"stream"' in conversation.body:
            await conversation.begin()
            for delta, reason in (({"content": "Hel"}, None), ({"content": "lo"}, "stop")):
                choice = {"index": 0, "delta": delta, "finish_reason": reason}
                await conversation.piece(b"data: " + json.dumps({"id": "1", "choices": [choice]}).encode() + b"\n\n")
            await conversation.piece(b"data: [DONE]\n\n")
            await conversation.piece(b"")
        else:
            await conversation.answer(json.dumps(ANSWER).encode())

    one, two = tmp_path / "one.toml", tmp_path / "two.toml"
    for file in (one, two):
        file.write_text("")
    engine = TensorZeroEngine()
    async with serving(answer) as far:
        package = Package(far.base)
        _installed(monkeypatch, package)
        calls = [engine.complete(_route(one), HI, CallReport()) for _ in range(4)]
        assert await asyncio.gather(*calls) == [ANSWER] * 4
        got = [piece async for piece in engine.stream(_route(two), HI, CallReport())]
        assert [piece["choices"][0]["delta"]["content"] for piece in got] == ["Hel", "lo"]
        assert (await engine.embed(_route(two), {"input": "a"}, CallReport()))["data"][0]["embedding"] == [0.5]
        assert package.started == [(str(one), False), (str(two), False)]
        stream = engine.stream(_route(two), HI, CallReport())
        await anext(stream)
        await stream.aclose()
        assert package.stopped == []
        await engine.aclose()
        await engine.aclose()
        assert len({id(client) for client in package.stopped}) == len(package.stopped) == 2
        assert await engine.complete(_route(one), HI, CallReport()) == ANSWER
        assert package.started[2:] == [(str(one), False)]
        await engine.aclose()
    assert [conversation.head.split(" ")[1] for conversation in far.asked[:4]] == ["/v1/chat/completions"] * 4


async def test_a_gateway_that_cannot_start_names_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text("")
    _installed(monkeypatch, Package(error=RuntimeError("unknown type")))
    engine = TensorZeroEngine()
    for _ in range(2):
        with pytest.raises(ConfigError) as caught:
            await engine.complete(_route(file), HI, CallReport())
        assert caught.value.message == f"TensorZero cannot start with {str(file)!r}: unknown type"
        assert caught.value.fix == "correct that file"
    file.unlink()
    with pytest.raises(ConfigError, match="which is not a file") as caught:
        await engine.complete(_route(file), HI, CallReport())
    assert caught.value.fix == "correct the path"
    await engine.aclose()


@pytest.mark.parametrize(("package", "kind"), [(None, MissingExtraError), (SimpleNamespace(), NotSupportedError)])
async def test_a_package_that_is_missing_or_too_new_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: Any, kind: type[Exception]
) -> None:
    _installed(monkeypatch, package)
    with pytest.raises((MissingExtraError, NotSupportedError)) as caught:
        await TensorZeroEngine().complete(_route(tmp_path / "t.toml"), HI, CallReport())
    assert type(caught.value) is kind
    assert caught.value.provider == "tensorzero"
    assert getattr(caught.value, "extra", "tensorzero") == "tensorzero"
    assert "tensorzero" in caught.value.fix
