"""Engines that are passed to a gateway, under the name of a built-in engine or under one of their own."""

from __future__ import annotations

from typing import Any

import pytest

from ingate import CallReport, Gateway, Route, ScriptedEngine, UnknownProviderError

HI: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}]}


async def test_an_engine_with_a_name_of_its_own_serves_the_specs_of_that_name() -> None:
    engine = ScriptedEngine()
    async with Gateway({}, engines={"faq": engine}) as gateway:
        [route] = gateway.routes("faq/support:v1?temperature=0.5&timeout=3")
        assert (route.engine, route.provider, route.model, route.timeout_s) == ("faq", "faq", "support:v1", 3.0)
        assert not route.credential.secrets()
        answer = await gateway.complete({**HI, "model": "faq/support:v1?temperature=0.5"})
        assert answer["ingate"]["engine"] == answer["ingate"]["provider"] == "faq"
        assert answer["ingate"]["cost_usd"] is None
        [explained] = gateway.explain("faq/support")
        assert (explained.state, explained.engine, explained.display_name) == ("ready", "faq", "faq")
        assert [chunk async for chunk in gateway.stream({**HI, "model": "faq/support"})]
        assert (await gateway.embed({"model": "faq/support", "input": "hi"}))["data"]
    [(_, body), *_] = engine.requests
    assert body == {**HI, "temperature": 0.5}
    assert engine.closed


async def test_a_reload_keeps_it() -> None:
    async with Gateway({}, engines={"faq": ScriptedEngine()}) as gateway:
        gateway.reload({})
        assert gateway.routes("faq/any")[0].engine == "faq"


async def test_it_may_be_a_fallback_and_have_an_alias() -> None:
    engine = ScriptedEngine()
    async with Gateway({"aliases": {"help": "groq/m, faq/support"}}, engines={"faq": engine}) as gateway:
        answer = await gateway.complete({**HI, "model": "help"})
    assert answer["ingate"]["spec"] == "faq/support"
    assert "GROQ_API_KEY" in answer["ingate"]["warnings"][0]


async def test_one_named_after_a_provider_serves_its_models_and_litellm_still_does() -> None:
    settings = {"groq": {"api_key": "gsk-test"}}
    async with Gateway(settings, engines={"groq": ScriptedEngine()}) as gateway:
        assert gateway.routes("groq/m")[0].engine == "groq"
        assert gateway.routes("litellm.groq/m")[0].engine == "litellm"


async def test_one_named_after_a_built_in_engine_replaces_it() -> None:
    class Recording(ScriptedEngine):
        async def complete(self, route: Route, body: Any, report: CallReport) -> dict[str, Any]:
            report.headers["x-request-id"] = "abc"
            return await super().complete(route, body, report)

    engine = Recording()
    async with Gateway({"groq": {"api_key": "gsk-test"}}, engines={"native": engine}) as gateway:
        answer = await gateway.complete({**HI, "model": "groq/m"})
    assert (answer["ingate"]["engine"], answer["ingate"]["headers"]) == ("native", {"x-request-id": "abc"})
    [(route, _)] = engine.requests
    assert route.credential.secrets()[0].reveal() == "gsk-test"
    with pytest.raises(UnknownProviderError):
        Gateway({}, engines={"native": engine}).routes("native/m")


def test_a_misspelt_name_is_told_the_engines_that_there_are() -> None:
    with pytest.raises(UnknownProviderError, match="did you mean faqs") as caught:
        Gateway({}, engines={"faqs": ScriptedEngine()}).routes("faq/support")
    assert caught.value.nearest[0] == "faqs"
    with pytest.raises(UnknownProviderError, match="test double") as caught:
        Gateway({}, engines={"faqs": ScriptedEngine()}).routes("scripted/any")
    assert "ScriptedEngine" in caught.value.fix
