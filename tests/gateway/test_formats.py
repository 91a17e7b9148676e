"""In which format a call reaches its model, for each API that clients speak and by what the request asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ingate import Gateway
from ingate.catalog import ModelRow
from ingate.errors import SpecError
from ingate.gateway.formats import endpoints, passed_through, responses_route, translated_route
from ingate.wire.passthrough import ApiRequest

KEY = {"api_key": "sk-none"}
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]


async def route(spec: str, **config: Any) -> Any:
    provider = spec.partition("/")[0]
    async with Gateway({provider: {**KEY, **config}}) as gateway:
        return gateway.routes(spec)[0]


def request(api: Any, **body: Any) -> ApiRequest:
    return ApiRequest(api=api, body={"model": "m", "messages": [{"role": "user", "content": "hi"}], **body})


@pytest.mark.parametrize(
    ("spec", "formats"),
    [
        ("openai/gpt-5.1", ["chat", "responses"]),
        ("openai/gpt-5.4-pro", ["responses"]),
        ("openai/not-in-the-catalog", ["chat", "responses"]),
        ("groq/some-model", ["chat", "responses"]),
        ("mistral/some-model", ["chat"]),
        ("anthropic/claude-opus-4-8", ["messages"]),
        ("deepseek/deepseek-chat", ["chat", "responses", "messages"]),
        ("openrouter/anthropic/claude-sonnet-4.5", ["chat", "responses", "messages"]),
        ("moonshot/kimi-k2", ["chat", "messages"]),
        ("gemini/gemini-3-pro", ["gemini"]),
    ],
)
async def test_every_way_to_reach_a_model_is_listed_best_first(spec: str, formats: list[str]) -> None:
    assert [one.wire_format for one in (await route(spec)).endpoints] == formats


@pytest.mark.parametrize(
    ("spec", "base"),
    [
        ("deepseek/m", "https://api.deepseek.com/anthropic"),
        ("moonshot/m", "https://api.moonshot.ai/anthropic"),
        ("zai/m", "https://api.z.ai/api/anthropic"),
        ("minimax/m", "https://api.minimax.io/anthropic"),
        ("dashscope/m", "https://dashscope.aliyuncs.com/apps/anthropic"),
        ("openrouter/m", "https://openrouter.ai/api"),
        ("vercel_ai_gateway/m", "https://ai-gateway.vercel.sh"),
    ],
)
async def test_messages_endpoints_are_where_the_providers_document_them(spec: str, base: str) -> None:
    assert passed_through(await route(spec), request("messages")).api_base == base  # ty: ignore


async def test_a_configured_base_url_leads_to_the_messages_endpoint_beside_it() -> None:
    found = passed_through(await route("deepseek/m", base_url="http://127.0.0.1:1/x/v1"), request("messages"))
    assert found is not None
    assert found.api_base == "http://127.0.0.1:1/x/anthropic"


@pytest.mark.parametrize(
    ("model", "effort", "wire_format"),
    [
        ("gpt-5.1", "high", "chat"),
        ("gpt-5.4", None, "chat"),
        ("gpt-5.4", "none", "chat"),
        ("gpt-5.4", "high", "responses"),
        ("gpt-5.4-mini", "low", "responses"),
        ("gpt-5.5", None, "responses"),
        ("gpt-5.5", "none", "chat"),
        ("gpt-5.6", "none", "responses"),
        ("gpt-6-sol", None, "responses"),
        ("gpt-99-newest", None, "responses"),
        ("gpt-4o", None, "chat"),
        ("o3", "high", "chat"),
    ],
)
async def test_tools_go_to_responses_where_chat_completions_refuse_them(
    model: str, effort: str | None, wire_format: str
) -> None:
    found = await route(f"openai/{model}")
    asked = {"tools": TOOLS, **({"reasoning_effort": effort} if effort else {})}
    assert translated_route(found, asked).wire_format == wire_format
    assert (passed_through(found, request("chat", **asked)) is None) == (wire_format == "responses" or model == "x")
    assert translated_route(found, {}).wire_format == "chat"


async def test_a_provider_that_translates_itself_gets_tools_on_chat_completions() -> None:
    assert translated_route(await route("openrouter/openai/gpt-5.6"), {"tools": TOOLS}).wire_format == "chat"


@pytest.mark.parametrize(
    ("spec", "api", "passed"),
    [
        ("openai/gpt-5.1", "chat", True),
        ("openai/gpt-5.1", "responses", True),
        ("openai/gpt-5.1", "messages", False),
        ("anthropic/claude-opus-4-8", "messages", True),
        ("anthropic/claude-opus-4-8", "responses", False),
        ("groq/m", "chat", False),  # its answers are normalised
        ("groq/m", "responses", True),
        ("litellm.groq/m", "responses", False),
    ],
)
async def test_a_request_is_passed_through_if_the_provider_speaks_its_api(spec: str, api: str, passed: bool) -> None:
    provider = spec.partition("/")[0].removeprefix("litellm.")
    async with Gateway({provider: KEY}) as gateway:
        assert (passed_through(gateway.routes(spec)[0], request(api)) is not None) is passed


@pytest.mark.parametrize(
    "body",
    [
        {"temperature": 0.2, "reasoning_effort": "high"},
        {"max_tokens": 5},
        {"top_k": 3},
        {"reasoning_effort": "ultra"},
        {"messages": [{"role": "assistant", "content": "x", "reasoning_content": "y"}]},
    ],
)
async def test_a_chat_request_that_openai_would_refuse_is_adapted_rather_than_passed_through(body: Any) -> None:
    found = await route("openai/gpt-5.1")
    assert passed_through(found, request("chat", **body)) is None


async def test_translated_clients_get_responses_where_the_provider_prefers_them() -> None:
    found = await route("openai/gpt-5.1")
    assert translated_route(found, {}, "messages").wire_format == "responses"
    assert translated_route(await route("groq/m"), {}, "messages").wire_format == "chat"


async def test_the_format_can_be_forced() -> None:
    assert (await route("openai/gpt-5.1?api=responses")).wire_format == "responses"
    assert (await route("openai/gpt-5.4-pro?api=chat")).wire_format == "chat"
    assert (await route("openai/gpt-5.1", wire_format="responses")).wire_format == "responses"
    with pytest.raises(SpecError, match="api='grpc'"):
        await route("openai/gpt-5.1?api=grpc")


async def test_explain_shows_the_endpoint_that_the_model_has() -> None:
    async with Gateway({"openai": KEY}) as gateway:
        (told,) = gateway.explain("openai/gpt-5.4-pro")
        assert told.url == "https://api.openai.com/v1/responses"
        assert "Responses" in told.why


async def test_no_catalog_row_is_routed_to_an_endpoint_that_the_model_does_not_have() -> None:
    async with Gateway({}) as gateway:
        wrong = []
        for row in gateway.catalog().rows:
            if not row.formats:
                continue
            found = gateway.router.route(__import__("ingate").ModelSpec("auto", row.provider, row.model), dry=True)
            spoken = {"azure": "chat", "bedrock_invoke": "messages"}.get(found.wire_format, found.wire_format)
            if (
                found.engine == "native"
                and spoken in {"chat", "responses", "completions"}
                and spoken not in row.formats
            ):
                wrong.append((row.key, found.wire_format, row.formats))
    assert wrong == []


def _row(*formats: str) -> ModelRow:
    return ModelRow("openai", "m", formats=formats)


@pytest.mark.parametrize(
    ("provider", "wire_format", "model", "row", "forced", "expected"),
    [
        ("vertex_ai", "gemini", "claude-sonnet-5", None, None, ["messages"]),
        ("vertex_ai", "gemini", "gemini-3", None, None, ["gemini"]),
        ("bedrock", "bedrock", "anthropic.Claude-x", None, None, ["bedrock", "bedrock_invoke"]),
        ("bedrock", "bedrock", "amazon.nova", None, None, ["bedrock"]),
        ("mistral", "chat", "m", _row("chat", "completions"), None, ["chat"]),
        ("mistral", "chat", "m", _row("completions"), None, ["completions"]),
        ("mistral", "chat", "m", _row("chat", "responses"), None, ["chat", "responses"]),
        ("mistral", "chat", "m", _row("responses"), None, ["responses"]),
        ("mistral", "chat", "m", _row("gemini"), None, ["chat"]),
        ("mistral", "gemini", "m", _row("responses", "gemini", "chat"), None, ["gemini"]),
        ("mistral", "chat", "m", None, "responses", ["responses"]),
        ("mistral", "azure", "m", None, "chat", ["azure"]),
        ("bedrock_x", "bedrock_invoke", "m", None, "messages", ["bedrock_invoke"]),
        ("openai", "chat", "m", None, "responses", ["responses"]),
    ],
)
def test_the_formats_of_a_model_follow_provider_catalog_and_choice(
    provider: str, wire_format: str, model: str, row: ModelRow | None, forced: str | None, expected: list[str]
) -> None:
    found = endpoints(provider, wire_format, model, "https://far/v1", row, forced)
    assert [one.wire_format for one in found] == expected
    assert {one.api_base for one in found} == {"https://far/v1"}


def test_only_claude_has_messages_at_a_provider_that_says_so() -> None:
    for model, expected in (("claude-x", True), ("gpt-x", False)):
        found = endpoints("github_copilot", "chat", model, "https://far/v1", None)
        assert ("messages" in [one.wire_format for one in found]) is expected


def test_copilot_serves_claude_with_messages_first_where_the_catalog_lists_them() -> None:
    for row, expected in (
        (None, ["messages", "copilot"]),
        (_row("chat", "messages"), ["messages", "copilot"]),
        (_row("chat"), ["copilot"]),
    ):
        found = endpoints("github_copilot", "copilot", "claude-x", "https://far", row)
        assert [one.wire_format for one in found] == expected
    found = endpoints("github_copilot", "copilot", "gpt-x", "https://far", _row("responses"))
    assert [one.wire_format for one in found] == ["responses"]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-5.5", "responses"),
        ("gpt-5.10-mini", "responses"),
        ("gpt-7", "responses"),
        ("gpt-10", "responses"),
        ("gpt-5.2-codex", "responses"),
        ("gpt-5.4", "copilot"),
        ("gpt-4.1", "copilot"),
        ("gpt-41-copilot", "copilot"),
        ("gemini-9", "copilot"),
    ],
)
def test_copilots_models_that_the_catalog_does_not_know_get_the_endpoint_of_the_newest(
    model: str, expected: str
) -> None:
    found = endpoints("github_copilot", "copilot", model, "https://far", None)
    assert [one.wire_format for one in found] == [expected]
    listed = endpoints("github_copilot", "copilot", model, "https://far", _row("chat"))
    assert [one.wire_format for one in listed] == ["copilot"]
    forced = endpoints("github_copilot", "copilot", model, "https://far", None, "chat")
    assert [one.wire_format for one in forced] == ["copilot"]


async def test_a_route_of_another_engine_is_never_passed_through() -> None:
    found = await route("anthropic/m?lane=native")
    assert passed_through(found, request("messages")) is not None
    assert passed_through(replace(found, engine="litellm"), request("messages")) is None


async def test_requests_below_the_responses_endpoint_go_to_it_if_there_is_one() -> None:
    assert responses_route(await route("openai/gpt-5.1")).wire_format == "responses"
    only_chat = await route("mistral/m")
    assert responses_route(only_chat) is only_chat
