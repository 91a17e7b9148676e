from __future__ import annotations

from typing import Any

import pytest

from ingate.engines import auth
from ingate.engines.base import Route
from ingate.engines.http import Call
from ingate.errors import NotSupportedError
from ingate.providers.credential import Credential
from ingate.secret import Secret, revealed
from ingate.spec import parse_one


async def _headers(provider: str, wire: str = "chat", key: str | None = "k-123456", **more: Any) -> dict[str, str]:
    params = {name: Secret(value) for name, value in more.pop("params", {}).items()}
    route = Route(
        spec=parse_one(f"{provider}/m"),
        engine="native",
        provider=provider,
        model="m",
        wire_format=wire,
        api_base="http://x",
        credential=Credential(Secret(key) if key else None, params, "env X"),
        **more,
    )
    call = Call(url="http://x", body=b"", headers=more.get("headers", {}), timeout_s=1)
    return revealed(await auth.apply(route, call))


@pytest.mark.parametrize(
    ("provider", "wire", "key", "params", "headers"),
    [
        ("groq", "chat", "k", {}, {"authorization": "Bearer k"}),
        ("groq", "chat", " k\n", {}, {"authorization": "Bearer k"}),
        ("llamafile", "chat", None, {}, {}),
        (
            "openai",
            "chat",
            "k",
            {"organization": "o", "project": "p"},
            {"authorization": "Bearer k", "openai-organization": "o", "openai-project": "p"},
        ),
        ("anthropic", "messages", "k", {}, {"anthropic-version": "2023-06-01", "x-api-key": "k"}),
        (
            "anthropic",
            "messages",
            "sk-ant-oat01-x",
            {},
            {
                "anthropic-version": "2023-06-01",
                "authorization": "Bearer sk-ant-oat01-x",
                "anthropic-beta": "oauth-2025-04-20",
            },
        ),
        (
            "anthropic",
            "messages",
            None,
            {"auth_token": "t"},
            {"anthropic-version": "2023-06-01", "authorization": "Bearer t", "anthropic-beta": "oauth-2025-04-20"},
        ),
        ("gemini", "gemini", "k", {}, {"x-goog-api-key": "k"}),
        ("vertex_ai", "gemini", "k", {}, {"x-goog-api-key": "k"}),
        ("azure", "azure", "k", {}, {"api-key": "k"}),
        ("azure", "azure", None, {"azure_ad_token": "t"}, {"authorization": "Bearer t"}),
        ("bedrock", "bedrock", "k", {}, {"authorization": "Bearer k"}),
        ("bedrock_mantle", "chat", "k", {}, {"authorization": "Bearer k"}),
        ("ollama", "ollama", None, {}, {}),
        ("cohere_chat", "cohere", "k", {}, {"authorization": "Bearer k"}),
        (
            "snowflake",
            "chat",
            "pat/k",
            {},
            {"authorization": "Bearer k", "x-snowflake-authorization-token-type": "PROGRAMMATIC_ACCESS_TOKEN"},
        ),
    ],
)
async def test_each_provider_is_authenticated_its_own_way(
    provider: str, wire: str, key: str | None, params: dict[str, str], headers: dict[str, str]
):
    assert await _headers(provider, wire, key, params=params) == headers


async def test_a_header_that_the_route_sets_wins():
    assert await _headers("groq", headers={"Authorization": "Basic x"}) == {}


async def test_a_scheme_that_is_not_built_says_what_to_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(auth, "_MODULES", {"aws": "ingate.engines.no_such_module"})
    with pytest.raises(NotSupportedError, match="bedrock"):
        await _headers("bedrock", "bedrock", None)
