"""The gateway end to end over loopback: routes, answers, fallbacks, retries, broken streams."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

import ingate
from ingate import Gateway, ScriptedEngine
from support.upstream import Reply, Upstream, chunks, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

ASK: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture
def groq() -> Iterator[Upstream]:
    with upstream() as told:
        yield told


def config(told: Upstream, **more: Any) -> dict[str, Any]:
    return {"groq": {"base_url": told.url, "api_key": "gsk-test-key"}, **more}


async def test_a_completion_comes_back_with_usage_and_metadata(groq: Upstream) -> None:
    async with Gateway(config(groq)) as gateway:
        answer = await gateway.complete({**ASK, "model": "groq/openai/gpt-oss-120b?temperature=0.5"})
    assert answer["choices"][0]["message"]["content"] == "Hello there"
    assert answer["usage"]["total_tokens"] == 5
    assert answer["ingate"]["engine"] == "native"
    assert answer["ingate"]["provider"] == "groq"
    assert answer["ingate"]["cost_usd"] > 0
    (seen,) = groq.seen
    assert seen.path == "/v1/chat/completions"
    assert seen.headers["authorization"] == "Bearer gsk-test-key"
    assert seen.body["model"] == "openai/gpt-oss-120b"
    assert seen.body["temperature"] == 0.5


async def test_a_stream_begins_with_the_role_and_ends_with_usage(groq: Upstream) -> None:
    groq.say(Reply(events=chunks("Hel", "lo")))
    async with Gateway(config(groq)) as gateway:
        got = [chunk async for chunk in gateway.stream({**ASK, "model": "groq/m"})]
    assert got[0]["choices"][0]["delta"]["role"] == "assistant"
    assert got[0]["ingate"]["provider"] == "groq"
    assert "".join(c["delta"].get("content") or "" for chunk in got for c in chunk["choices"]) == "Hello"
    assert got[-1]["choices"] == []
    assert got[-1]["usage"]["completion_tokens"] == 2
    assert got[-1]["ingate"]["cost_usd"] is None
    assert groq.seen[0].body["stream_options"] == {"include_usage": True}


async def test_the_same_model_goes_through_litellm_when_it_says_so(groq: Upstream) -> None:
    async with Gateway(config(groq)) as gateway:
        answer = await gateway.complete({**ASK, "model": "litellm.groq/openai/gpt-oss-120b"})
    assert answer["choices"][0]["message"]["content"] == "Hello there"
    assert answer["ingate"]["engine"] == "litellm"
    assert groq.seen[0].headers["authorization"] == "Bearer gsk-test-key"


async def test_missing_credentials_are_told_before_any_request_leaves(groq: Upstream) -> None:
    async with Gateway({"groq": {"base_url": groq.url}}) as gateway:
        for spec in ("groq/m", "litellm.groq/m"):
            with pytest.raises(ingate.MissingCredentialsError) as caught:
                await gateway.complete({**ASK, "model": spec})
            assert caught.value.alternatives == (("GROQ_API_KEY",),)
            assert "GROQ_API_KEY" in caught.value.fix
            assert caught.value.spec == spec
    assert groq.seen == []


async def test_an_unknown_provider_names_the_nearest() -> None:
    async with Gateway({}) as gateway:
        with pytest.raises(ingate.UnknownProviderError) as caught:
            await gateway.complete({**ASK, "model": "gorq/m"})
    assert caught.value.nearest[0] == "groq"


async def test_a_model_the_catalog_does_not_know_is_called_all_the_same(groq: Upstream) -> None:
    async with Gateway(config(groq)) as gateway:
        await gateway.complete({**ASK, "model": "groq/released-this-morning"})
    assert groq.seen[0].body["model"] == "released-this-morning"


async def test_an_alias_stands_for_its_specs_and_keeps_its_parameters(groq: Upstream) -> None:
    aliases = {"fast": "groq/m?temperature=0.1", "best": ["gone", "fast?seed=1"], "gone": "groq/other"}
    groq.say(Reply(404, {"error": {"message": "no such model", "code": "model_not_found"}}))
    async with Gateway(config(groq, aliases=aliases)) as gateway:
        answer = await gateway.complete({**ASK, "model": "best?top_p=0.9"})
    assert [seen.body["model"] for seen in groq.seen] == ["other", "m"]
    assert {name: groq.seen[1].body[name] for name in ("temperature", "seed", "top_p")} == {
        "temperature": 0.1,
        "seed": 1,
        "top_p": 0.9,
    }
    assert answer["ingate"]["warnings"]


async def test_an_alias_that_leads_to_itself_is_an_error() -> None:
    with pytest.raises(ingate.ConfigError, match=r"aliases\.a leads back to itself"):
        Gateway({"aliases": {"a": "b", "b": "a"}})


async def test_fallbacks_pass_over_what_is_down_missing_or_refused(groq: Upstream) -> None:
    groq.say(Reply(401, {"error": {"message": "bad key"}}))
    spec = "cerebras/x, groq/refused, groq/m"
    async with Gateway(config(groq), retries=0) as gateway:
        answer = await gateway.complete({**ASK, "model": spec})
    assert answer["ingate"]["spec"] == "groq/m"
    assert len(answer["ingate"]["warnings"]) == 2


async def test_a_wrong_request_is_not_sent_to_the_next_model(groq: Upstream) -> None:
    groq.say(Reply(400, {"error": {"message": "messages must not be empty"}}))
    async with Gateway(config(groq)) as gateway:
        with pytest.raises(ingate.BadRequestError):
            await gateway.complete({**ASK, "model": "groq/a, groq/b"})
    assert len(groq.seen) == 1


async def test_the_last_error_tells_what_was_tried_before(groq: Upstream) -> None:
    async with Gateway(config(groq), retries=0) as gateway:
        groq.otherwise = Reply(500, {"error": {"message": "on fire"}})
        with pytest.raises(ingate.UnavailableError) as caught:
            await gateway.complete({**ASK, "model": "cerebras/x, groq/m"})
    assert any("cerebras/x" in note for note in caught.value.__notes__)


async def test_a_failure_before_the_first_token_is_retried_as_the_provider_asks(groq: Upstream) -> None:
    groq.say(Reply(429, {"error": {"message": "slow down"}}, headers={"retry-after": "0"}), Reply(events=chunks("ok")))
    async with Gateway(config(groq), retries=1) as gateway:
        got = [chunk async for chunk in gateway.stream({**ASK, "model": "groq/m"})]
    assert len(groq.seen) == 2
    assert got[-1]["usage"]["completion_tokens"] == 1


async def test_behind_the_asgi_face_nothing_is_retried(groq: Upstream) -> None:
    groq.otherwise = Reply(503, {"error": {"message": "busy"}}, headers={"retry-after": "0"})
    async with Gateway(config(groq), retries=5) as gateway:
        client = ingate.AsyncIngate(gateway=gateway, max_retries=1)
        with pytest.raises(Exception, match="busy"):
            await client.chat.completions.create(model="groq/m", messages=ASK["messages"])
        await client.close()
    assert len(groq.seen) == 2


async def test_a_stream_cut_in_the_middle_keeps_what_came(groq: Upstream) -> None:
    groq.say(Reply(events=chunks("Hel", "lo", finish=False), cut=True))
    async with Gateway(config(groq)) as gateway:
        with pytest.raises(ingate.StreamInterruptedError) as caught:
            [chunk async for chunk in gateway.stream({**ASK, "model": "groq/m, groq/other"})]
    assert caught.value.partial_text == "Hello"
    assert caught.value.partial is not None
    assert caught.value.partial["choices"][0]["message"]["content"] == "Hello"
    assert len(groq.seen) == 1


async def test_a_body_that_is_no_json_is_unavailable_not_a_crash(groq: Upstream) -> None:
    groq.otherwise = Reply(body=b"<html>it works</html>", content_type="text/html")
    async with Gateway(config(groq), retries=0) as gateway:
        with pytest.raises(ingate.UnavailableError):
            await gateway.complete({**ASK, "model": "groq/m"})


async def test_nothing_listening_says_where(unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}/v1"
    async with Gateway({"groq": {"base_url": url, "api_key": "k" * 20}}, retries=0) as gateway:
        with pytest.raises(ingate.UnavailableError, match=str(unused_tcp_port)):
            await gateway.complete({**ASK, "model": "groq/m"})


async def test_a_refused_key_says_which_one_it_was(groq: Upstream) -> None:
    groq.otherwise = Reply(401, {"error": {"message": "Incorrect API key provided: gsk-test-key"}})
    async with Gateway(config(groq)) as gateway:
        for spec in ("groq/m", "litellm.groq/m"):
            with pytest.raises(ingate.AuthenticationError) as caught:
                await gateway.complete({**ASK, "model": spec})
            assert "groq.api_key" in (caught.value.credential_source or "")
            assert "gsk-test-key" not in f"{caught.value!r}{caught.value}{caught.value.provider_message}"


async def test_a_server_of_ones_own_is_a_provider(groq: Upstream) -> None:
    async with Gateway({"servers": {"mybox": {"base_url": groq.url}}}) as gateway:
        answer = await gateway.complete({**ASK, "model": "mybox/qwen3:8b"})
    assert answer["ingate"]["provider"] == "mybox"
    assert "authorization" not in groq.seen[0].headers


async def test_the_configured_default_answers_where_no_model_is_named(groq: Upstream) -> None:
    async with Gateway(config(groq, default_model="groq/m")) as gateway:
        assert (await gateway.complete(ASK))["ingate"]["spec"] == "groq/m"
    async with Gateway({}) as gateway:
        with pytest.raises(ingate.SpecError, match="default_model"):
            await gateway.complete(ASK)


async def test_what_has_no_key_falls_to_a_proxy_that_lists_it(groq: Upstream) -> None:
    groq.say(Reply(body={"object": "list", "data": [{"id": "cerebras/*", "object": "model"}]}))
    proxied = {"litellm": {"api_base": groq.url, "api_key": "sk-master-key"}}
    async with Gateway(proxied) as gateway:
        answer = await gateway.complete({**ASK, "model": "cerebras/llama"})
        with pytest.raises(ingate.MissingCredentialsError):
            await gateway.complete({**ASK, "model": "groq/m"})
    assert answer["ingate"]["provider"] == "litellm_proxy"
    assert groq.seen[1].body["model"] == "cerebras/llama"
    assert groq.seen[1].headers["authorization"] == "Bearer sk-master-key"


async def test_a_deployment_without_a_proxy_says_how_to_name_one() -> None:
    async with Gateway({}) as gateway:
        with pytest.raises(ingate.MissingCredentialsError) as caught:
            await gateway.complete({**ASK, "model": "litellm/gpt"})
    assert "LITELLM_API_BASE" in caught.value.fix


async def test_the_litellm_section_reaches_the_proxy(groq: Upstream) -> None:
    proxied = {
        "litellm": {
            "api_base": groq.url,
            "api_key": "sk-master-key",
            "default_headers": {"x-team": "blue"},
            "extra_kwargs": {"metadata": {"tags": ["a"]}},
        }
    }
    async with Gateway(proxied) as gateway:
        await gateway.complete({**ASK, "model": "litellm/gpt", "metadata": {"run": "1"}})
    assert groq.seen[0].headers["x-team"] == "blue"
    assert groq.seen[0].body["metadata"] == {"run": "1", "tags": ["a"]}


async def test_a_timeout_in_the_spec_is_kept() -> None:
    from support.silent import silent_server

    with silent_server() as url:
        async with Gateway({"groq": {"base_url": url, "api_key": "k" * 20}}, retries=0) as gateway:
            with pytest.raises(ingate.RequestTimeoutError) as caught:
                await gateway.complete({**ASK, "model": "groq/m?timeout=0.2"})
    assert caught.value.timeout_s == 0.2


def test_twenty_event_loops_leave_nothing_behind(groq: Upstream) -> None:
    import os
    import threading

    gateway = Gateway(config(groq))

    async def once() -> str:
        answer = await gateway.complete({**ASK, "model": "groq/m"})
        return answer["choices"][0]["message"]["content"]

    asyncio.run(once())
    before, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    for _ in range(20):
        assert asyncio.run(once()) == "Hello there"
    assert len(os.listdir("/proc/self/fd")) <= before + 1
    assert threading.active_count() <= threads + 2  # the loopback server's own
    asyncio.run(gateway.aclose())


async def test_closing_twice_is_fine_and_a_scripted_engine_serves() -> None:
    engine = ScriptedEngine()
    engine.enqueue("from the script")
    gateway = Gateway({}, engines={"scripted": engine})
    answer = await gateway.complete({**ASK, "model": "scripted/x"})
    assert answer["choices"][0]["message"]["content"] == "from the script"
    assert answer["ingate"]["cost_usd"] == 0.0
    await gateway.aclose()
    await gateway.aclose()


async def test_embeddings_come_from_a_provider_that_has_them(groq: Upstream) -> None:
    vector = {"object": "list", "model": "e", "data": [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2]}]}
    groq.say(Reply(body={**vector, "usage": {"prompt_tokens": 1, "total_tokens": 1}}))
    async with Gateway(config(groq)) as gateway:
        answer = await gateway.embed({"model": "groq/e", "input": "hi"})
    assert answer["data"][0]["embedding"] == [0.1, 0.2]
    assert groq.seen[0].path == "/v1/embeddings"


async def test_models_lists_what_would_answer(groq: Upstream) -> None:
    async with Gateway(config(groq, aliases={"fast": "groq/m"})) as gateway:
        ids = {model["id"] for model in await gateway.models()}
    assert {"fast", "local/smollm2", "groq/openai/gpt-oss-120b"} <= ids
    assert not any(name.startswith("cerebras/") for name in ids)


async def test_explaining_shows_the_way_and_no_key(groq: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MISTRAL_API_KEY", "mistral-secret-key")
    async with Gateway(config(groq)) as gateway:
        direct, local = gateway.explain("groq/openai/gpt-oss-120b?temperature=0, local/smollm2")
        (mistral,) = gateway.explain("litellm.mistral/mistral-large-4")
        (cohere,) = gateway.explain("cohere_chat/command-a-plus-05-2026")
    assert (direct.engine, direct.state, direct.params) == ("native", "ready", {"temperature": 0})
    assert direct.url == f"{groq.url}/chat/completions"
    assert local.engine == "local"
    assert (mistral.engine, mistral.state) == ("litellm", "ready")
    assert "MISTRAL_API_KEY" in mistral.credential_source
    assert cohere.state == "missing"
    assert "COHERE_API_KEY" in cohere.fix
    shown = repr([direct, local, mistral, cohere])
    assert "gsk-test-key" not in shown
    assert "mistral-secret-key" not in shown


async def test_explaining_runs_no_command(tmp_path: Any) -> None:
    marker = tmp_path / "ran"
    async with Gateway({"groq": {"api_key": f"cmd:touch {marker}"}}) as gateway:
        (found,) = gateway.explain("groq/m")
    assert found.state == "ready"
    assert not marker.exists()


async def test_requests_are_never_changed_in_place(groq: Upstream) -> None:
    body = {**ASK, "model": "groq/m?temperature=0", "tools": [], "extra_body": {"x": 1}}
    before = json.dumps(body)
    async with Gateway(config(groq)) as gateway:
        await gateway.complete(body)
    assert json.dumps(body) == before
    assert "tools" not in groq.seen[0].body
    assert groq.seen[0].body["x"] == 1


@pytest.mark.parametrize("asked", ["max_tokens", "max_completion_tokens"])
async def test_a_specs_length_wins_by_either_name(groq: Upstream, asked: str) -> None:
    async with Gateway(config(groq)) as gateway:
        await gateway.complete({**ASK, asked: 500, "model": "groq/m?max_tokens=7"})
    sent = groq.seen[0].body
    assert [sent[name] for name in ("max_tokens", "max_completion_tokens") if name in sent] == [7]


@pytest.mark.parametrize("body", [None, "Hello", ["Hello"]])
async def test_a_request_that_is_no_mapping_is_refused(body: Any) -> None:
    async with Gateway({}) as gateway:
        with pytest.raises(ingate.BadRequestError, match="a request must be a mapping"):
            await gateway.complete(body)
        with pytest.raises(ingate.BadRequestError, match="a request must be a mapping"):
            await anext(aiter(gateway.stream(body)))
        with pytest.raises(ingate.BadRequestError, match="a request must be a mapping"):
            await gateway.embed(body)


@pytest.mark.parametrize("wrong", [5, [], b"ingate.yaml", True])
def test_a_configuration_of_a_wrong_type_is_told(wrong: Any) -> None:
    with pytest.raises(ingate.ConfigError, match="a configuration is a path or a mapping") as caught:
        Gateway(wrong)
    assert caught.value.fix
    with pytest.raises(ingate.ConfigError, match="is empty"):
        Gateway("")
