"""A real LiteLLM proxy between ingate and real answers: SmolLM2 behind `ingate serve`, and recorded providers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

import ingate
from ingate import Gateway
from ingate.picker.data import rows_of
from support.proxy import INGATE, MASTER, Process, address, plain_environment, proxy_process, serve_process
from support.traffic import load_cases, replaying

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.model, pytest.mark.traffic, pytest.mark.timeout(300)]

HI: list[Any] = [{"role": "user", "content": "Say hi."}]


class Stack:
    """The proxy, what it calls, and the recorded text of each deployment."""

    def __init__(self, proxy: Process, texts: dict[str, str]) -> None:
        self.proxy = proxy
        self.texts = texts

    def config(self, **more: Any) -> dict[str, Any]:
        return {"litellm": {"api_base": address(self.proxy), "api_key": MASTER, **more}}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Stack]:
    pytest.importorskip("xllamacpp")
    traffic = pytestconfig.rootpath.parent / "shared" / "traffic"
    if not traffic.is_dir():
        pytest.skip("the recorded traffic is not beside this checkout")
    home = tmp_path_factory.mktemp("proxy")
    plain = [c for c in load_cases(traffic, ["openai_chat"]) if c.http_status == 200 and c.provider == "openai"]
    texts = [c for c in plain if c.expected.get("text") and not c.expected.get("tool_calls")]
    whole = next(c for c in texts if not c.stream)
    single = [c for c in texts if c.stream and '"index":1' not in c.response["body"]]
    stream = max(single, key=lambda c: len(c.response["body"]))
    serve = serve_process(home).start()
    with replaying(traffic) as replay:

        def deployment(name: str, model: str, base: str) -> dict[str, Any]:
            return {"model_name": name, "litellm_params": {"model": model, "api_base": base, "api_key": "none"}}

        config = {
            "model_list": [
                deployment("small", "openai/local/smollm2", f"{address(serve)}/v1"),
                deployment("recorded", f"openai/{whole.model}", f"{replay}/{whole.id}/v1"),
                deployment("streamed", f"openai/{stream.model}", f"{replay}/{stream.id}/v1"),
                deployment("slow", f"openai/{stream.model}", f"{replay}/{stream.id}@delay=100/v1"),
                deployment("groq/*", f"openai/{whole.model}", f"{replay}/{whole.id}/v1"),
                deployment("dead", "openai/gone", "http://127.0.0.1:9/v1"),
                deployment("guarded", "openai/gone", "http://127.0.0.1:9/v1"),
            ],
            "router_settings": {"num_retries": 0, "fallbacks": [{"guarded": ["recorded"]}]},
            "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
        }
        proxy = proxy_process(config, home).start()
        try:
            serve.wait()
            proxy.wait()
            yield Stack(proxy, {"recorded": whole.expected["text"], "streamed": stream.expected["text"]})
        finally:
            proxy.stop()
            serve.stop()


def text_of(chunks: list[dict[str, Any]]) -> str:
    return "".join(c["delta"].get("content") or "" for chunk in chunks for c in chunk["choices"])


async def test_the_local_model_answers_through_a_deployment(stack: Stack) -> None:
    async with Gateway(stack.config()) as gateway:
        answer = await gateway.complete({"model": "litellm/small", "messages": HI, "max_tokens": 8})
        streamed = [c async for c in gateway.stream({"model": "litellm/small", "messages": HI, "max_tokens": 8})]
    assert answer["choices"][0]["message"]["content"]
    assert answer["usage"]["completion_tokens"] == 8
    assert answer["ingate"]["provider"] == "litellm_proxy"
    assert text_of(streamed)
    assert streamed[-1]["usage"]["completion_tokens"] == 8


async def test_recorded_answers_arrive_as_they_were_and_the_headers_are_told(stack: Stack) -> None:
    async with Gateway(stack.config()) as gateway:
        answer = await gateway.complete({"model": "litellm/recorded", "messages": HI})
        streamed = [c async for c in gateway.stream({"model": "litellm/streamed", "messages": HI})]
    assert answer["choices"][0]["message"]["content"] == stack.texts["recorded"]
    assert text_of(streamed) == stack.texts["streamed"]
    for about in (answer["ingate"], streamed[-1]["ingate"]):
        assert about["proxy"]["deployment"] in {"recorded", "streamed"}
        assert about["proxy"]["model"].startswith("openai/")
        assert about["proxy"]["model_id"]
        assert about["proxy"]["cached"] is False
        assert about["headers"]["x-litellm-version"]
    assert answer["ingate"]["cost_usd"] is None or answer["ingate"]["cost_usd"] > 0


async def test_a_wrong_key_is_401_and_says_which_key(stack: Stack) -> None:
    for wrong in ("sk-wrong-key-0123456789", "no-proxy-key-at-all"):
        async with Gateway(stack.config(api_key=wrong)) as gateway:
            for spec in ("litellm/small", "litellm/nothing-of-the-kind"):
                with pytest.raises(ingate.AuthenticationError) as caught:
                    await gateway.complete({"model": spec, "messages": HI})
                assert caught.value.status == 401
                assert "litellm.api_key" in caught.value.fix
                assert wrong not in f"{caught.value!r} {caught.value.fix} {caught.value.provider_message}"
            with pytest.raises(ingate.AuthenticationError):
                await gateway.proxy_deployments()


async def test_an_unknown_deployment_names_the_nearest(stack: Stack) -> None:
    async with Gateway(stack.config()) as gateway:
        with pytest.raises(ingate.ModelNotFoundError) as caught:
            await gateway.complete({"model": "litellm/recordd", "messages": HI})
    assert caught.value.nearest[0] == "recorded"
    assert "litellm/recorded" in caught.value.fix


async def test_the_picker_gets_the_deployments(stack: Stack) -> None:
    async with Gateway(stack.config()) as gateway:
        models = await gateway.proxy_deployments()
        rows = rows_of("litellm_proxy", models, lambda *_: None)
        listed = [model["id"] for model in await gateway.models()]
    assert {"small", "recorded", "streamed", "guarded"} <= {row.model for row in rows}
    assert "litellm/small" in listed


async def test_a_provider_without_a_key_falls_to_the_proxy_that_lists_it_by_a_wildcard(stack: Stack) -> None:
    async with Gateway(stack.config()) as gateway:
        answer = await gateway.complete({"model": "groq/a-model-nobody-heard-of", "messages": HI})
        assert answer["choices"][0]["message"]["content"] == stack.texts["recorded"]
        assert answer["ingate"]["provider"] == "litellm_proxy"
        with pytest.raises(ingate.MissingCredentialsError):
            await gateway.complete({"model": "mistral/a-model-nobody-heard-of", "messages": HI})


async def test_a_dead_deployment_falls_back_in_the_proxy_and_in_ingate(stack: Stack) -> None:
    async with Gateway(stack.config()) as gateway:
        there = await gateway.complete({"model": "litellm/guarded", "messages": HI})
        here = await gateway.complete({"model": "litellm/dead, litellm/recorded", "messages": HI}, retries=0)
        with pytest.raises(ingate.UnavailableError):
            await gateway.complete({"model": "litellm/dead", "messages": HI}, retries=0)
    assert there["choices"][0]["message"]["content"] == stack.texts["recorded"]
    assert there["ingate"]["proxy"]["fallbacks"] == 1
    assert here["choices"][0]["message"]["content"] == stack.texts["recorded"]
    assert here["ingate"]["warnings"]


async def test_the_sdk_over_the_proxy_gets_its_own_error_classes(stack: Stack) -> None:
    openai = pytest.importorskip("openai")
    async with ingate.AsyncIngate(stack.config(api_key="sk-wrong-key-0123456789")) as client:
        with pytest.raises(openai.AuthenticationError):
            await client.chat.completions.create(model="litellm/small", messages=HI)


def test_check_tells_which_deployments_answer(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "ingate.yaml"
    file.write_text(json.dumps(stack.config()))
    environ = plain_environment(tmp_path)
    done = subprocess.run(
        [str(INGATE), "--config", str(file), "proxy", "check", "--json", "--timeout", "60"],
        capture_output=True, text=True, env=environ, cwd=tmp_path, check=False, timeout=200,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    states = {one["deployment"]: one for one in json.loads(done.stdout)}
    assert {name: one["state"] for name, one in states.items()} == {
        "small": "ready",
        "recorded": "ready",
        "streamed": "missing",  # a recorded stream is no answer to a call without one
        "slow": "missing",
        "groq/*": "attention",
        "dead": "missing",
        "guarded": "missing",  # its fallback answers, and that is another deployment
    }
    assert states["small"]["latency_s"] > 0


def test_list_tells_what_there_is(stack: Stack, tmp_path: Path) -> None:
    named = tmp_path / "ingate.yaml"
    named.write_text(json.dumps(stack.config()))
    done = subprocess.run(
        [str(INGATE), "--config", str(named), "proxy", "list"], capture_output=True, text=True, env=plain_environment(tmp_path), cwd=tmp_path,
        check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "litellm/small" in done.stdout
    none = subprocess.run(
        [str(INGATE), "proxy", "list"], capture_output=True, text=True, env=plain_environment(tmp_path), cwd="/",
        check=False, timeout=60,
    )  # fmt: skip
    assert none.returncode == 3
    assert "LITELLM_API_BASE" in none.stderr


async def test_killing_the_proxy_mid_stream_keeps_what_came_and_a_new_one_is_used_at_once(stack: Stack) -> None:
    async with Gateway(stack.config()) as gateway:
        got: list[dict[str, Any]] = []

        async def read() -> None:
            async for chunk in gateway.stream({"model": "litellm/slow", "messages": HI}):
                got.append(chunk)
                if len(text_of(got)) > 10 and stack.proxy.running and stack.proxy.running.poll() is None:
                    await asyncio.to_thread(stack.proxy.kill)

        with pytest.raises(ingate.StreamInterruptedError) as caught:
            await read()
        said = text_of(got)
        assert said
        assert stack.texts["streamed"].startswith(said)
        assert caught.value.partial_text == said
        with pytest.raises(ingate.UnavailableError) as down:
            await gateway.complete({"model": "litellm/recorded", "messages": HI}, retries=0)
        assert "ingate proxy up" in down.value.fix
        stack.proxy.start()
        await asyncio.to_thread(stack.proxy.wait)
        answer = await gateway.complete({"model": "litellm/recorded", "messages": HI})
        assert answer["choices"][0]["message"]["content"] == stack.texts["recorded"]


async def test_what_is_no_litellm_proxy_is_told_so(stack: Stack) -> None:
    from support.upstream import Reply, upstream

    with upstream() as other:
        other.say(Reply(404, {"detail": "Not Found"}), Reply(200, b"<html>hello</html>", content_type="text/html"))
        async with Gateway({"litellm": {"api_base": other.url, "api_key": "sk-any-key-000"}}) as gateway:
            for _ in range(2):
                with pytest.raises(ingate.UnavailableError, match="not a LiteLLM proxy") as caught:
                    await gateway.complete({"model": "litellm/small", "messages": HI}, retries=0)
                assert not caught.value.retryable
    with contextlib.suppress(ingate.IngateError):
        async with Gateway({"litellm": {"api_base": "http://127.0.0.1:9"}, "groq": {}}) as gateway:
            with pytest.raises(ingate.MissingCredentialsError) as missing:
                await gateway.complete({"model": "groq/m", "messages": HI})
            assert "could not be read" in missing.value.__notes__[0]
