"""Which scheme authenticates a route, what it sends, and how its failures are reported."""

from __future__ import annotations

import asyncio
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from ingate.engines import auth, auth_copilot
from ingate.engines.base import Route
from ingate.engines.http import Call, Connections
from ingate.engines.timeouts import Timeouts
from ingate.errors import AuthenticationError, BadRequestError, RequestTimeoutError
from ingate.providers.credential import Credential
from ingate.secret import Secret, revealed
from ingate.spec import parse_one

if TYPE_CHECKING:
    from collections.abc import Callable


def route(provider: str, wire: str = "chat", key: str | None = None, *, source: str = "env X", **more: Any) -> Route:
    params = {name: Secret(value) for name, value in more.pop("params", {}).items()}
    return Route(
        spec=parse_one(f"{provider}/m"),
        engine="native",
        provider=provider,
        model="m",
        wire_format=wire,
        api_base="http://x",
        credential=Credential(Secret(key) if key else None, params, source),
        **more,
    )


def call(body: bytes = b"", **headers: Any) -> Call:
    return Call(url="http://x", body=body, headers={k.replace("_", "-"): v for k, v in headers.items()}, timeout_s=1)


@pytest.mark.parametrize(
    ("provider", "wire", "key", "params", "scheme"),
    [
        ("github_copilot", "chat", "k", {}, "copilot"),
        ("bedrock", "bedrock", "k", {}, "bearer"),
        ("bedrock", "bedrock", None, {}, "aws"),
        ("acme", "bedrock", None, {}, "aws"),
        ("acme", "bedrock_invoke", None, {}, "aws"),
        ("bedrock_mantle", "chat", None, {}, "aws"),
        ("vertex_ai", "messages", None, {}, "google"),
        ("vertex_ai", "gemini", "k", {}, "goog_key"),
        ("azure", "azure", "k", {}, "azure_key"),
        ("acme", "azure", "k", {}, "azure_key"),
        ("azure", "chat", "k", {}, "azure_key"),
        ("azure_ai", "chat", "k", {}, "azure_key"),
        ("azure_ai", "messages", "k", {}, "anthropic"),
        ("azure", "azure", None, {"azure_ad_token": "t"}, "azure_token"),
        ("azure", "azure", None, {}, "azure"),
        ("azure_ai", "messages", None, {}, "azure"),
        ("anthropic", "messages", None, {}, "anthropic"),
        ("gemini", "gemini", "k", {}, "goog_key"),
        ("gemini", "gemini", None, {}, "none"),
        ("snowflake", "chat", "k", {}, "snowflake"),
        ("groq", "chat", "k", {}, "bearer"),
        ("ollama", "ollama", None, {}, "none"),
    ],
)
def test_the_scheme_follows_from_provider_format_and_credential(
    provider: str, wire: str, key: str | None, params: dict[str, str], scheme: str
) -> None:
    assert auth.scheme_of(route(provider, wire, key, params=params)) == scheme


@pytest.mark.parametrize(
    ("given", "headers"),
    [
        (route("snowflake"), {}),
        (
            route("snowflake", key="jwt"),
            {"authorization": "Bearer jwt", "x-snowflake-authorization-token-type": "KEYPAIR_JWT"},
        ),
        (route("anthropic", "messages"), {"anthropic-version": "2023-06-01"}),
        (route("openai", key="k", params={"organization": " o\n"}), {"authorization": "Bearer k", "openai-organization": "o"}),
        (route("openai", key="k", params={"project": " p\n"}), {"authorization": "Bearer k", "openai-project": "p"}),
        (route("groq", key="k", params={"organization": "o", "project": "p"}), {"authorization": "Bearer k"}),
        (
            route("anthropic", "messages", "k", params={"auth_token": " t\n"}),
            {"anthropic-version": "2023-06-01", "authorization": "Bearer t", "anthropic-beta": "oauth-2025-04-20"},
        ),
        (route("azure", "azure", params={"azure_ad_token": " t\n"}), {"authorization": "Bearer t"}),
        (route("groq", key="k", headers={"X-Other": "1"}), {"authorization": "Bearer k"}),
        (route("groq", key="k", headers={"AUTHORIZATION": "Basic x"}), {}),
    ],
)  # fmt: skip
async def test_the_headers_are_those_of_the_scheme(given: Route, headers: dict[str, str]) -> None:
    assert revealed(await auth.apply(given, call())) == headers


@pytest.mark.parametrize("key", ["line\nbreak", "ключ", "a\x7fb"])
async def test_a_key_that_no_header_can_hold_is_refused_with_its_source(key: str) -> None:
    with pytest.raises(AuthenticationError) as caught:
        await auth.apply(route("groq", key=key), call())
    assert (caught.value.provider, caught.value.credential_source) == ("groq", "env X")
    assert caught.value.message.startswith("the key from env X contains a character")
    assert key not in repr(vars(caught.value))
    with pytest.raises(AuthenticationError, match="the key from the configured credential") as caught:
        await auth.apply(route("groq", key=key, source=""), call())
    assert caught.value.credential_source is None


async def test_what_the_client_sent_of_anthropics_headers_is_kept() -> None:
    one = call(anthropic_beta="files-api", anthropic_version="2024-01-01")
    await auth.sign(route("anthropic", "messages", "sk-ant-oat01-x"), one)
    assert revealed(one.headers) == {
        "anthropic-beta": "files-api,oauth-2025-04-20",
        "anthropic-version": "2024-01-01",
        "authorization": "Bearer sk-ant-oat01-x",
    }
    secret = call(anthropic_beta=Secret("configured"))
    await auth.sign(route("anthropic", "messages", "sk-ant-oat01-x"), secret)
    assert secret.headers["anthropic-beta"] == "configured,oauth-2025-04-20"
    empty = call(anthropic_beta="")
    await auth.sign(route("anthropic", "messages", "sk-ant-oat01-x"), empty)
    assert empty.headers["anthropic-beta"] == "oauth-2025-04-20"


async def test_every_other_header_of_a_scheme_is_set_although_one_is_kept() -> None:
    one = call(anthropic_version="2024-01-01", x_api_key="the client's")
    await auth.sign(route("anthropic", "messages", "k"), one)
    assert revealed(one.headers) == {"anthropic-version": "2024-01-01", "x-api-key": "k"}


@pytest.fixture
def scheme(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Replaces the module that authenticates to AWS by one with the given function."""

    def install(headers: Any) -> None:
        module: Any = ModuleType("a_scheme")
        module.headers = headers
        monkeypatch.setitem(sys.modules, "a_scheme", module)
        monkeypatch.setattr(auth, "_MODULES", {"aws": "a_scheme"})

    return install


@pytest.mark.parametrize("source", ["env X", ""])
async def test_a_fault_of_a_clouds_library_is_a_failed_authentication_without_its_words(
    scheme: Callable[[Any], None], source: str
) -> None:
    async def headers(*_: Any) -> Any:
        raise KeyError("the secret")

    scheme(headers)
    with pytest.raises(AuthenticationError) as caught:
        await auth.apply(route("bedrock", "bedrock", source=source), call())
    assert caught.value.message == "bedrock cannot be authenticated: KeyError"
    assert (caught.value.provider, caught.value.credential_source) == ("bedrock", source or None)
    assert "the secret" not in repr(vars(caught.value))
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("error", [BadRequestError("own"), ImportError("a package")])
async def test_errors_with_words_of_their_own_keep_them(scheme: Callable[[Any], None], error: Exception) -> None:
    async def headers(*_: Any) -> Any:
        raise error

    scheme(headers)
    with pytest.raises(type(error)) as caught:
        await auth.apply(route("bedrock", "bedrock"), call())
    assert caught.value is error


@pytest.mark.parametrize("source", ["env X", ""])
async def test_a_token_service_that_is_silent_is_a_timeout_of_the_connection(
    scheme: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    async def headers(*_: Any) -> Any:
        await asyncio.Event().wait()

    scheme(headers)
    monkeypatch.setattr(auth, "_TOKEN_S", 0.01)
    with pytest.raises(RequestTimeoutError) as caught:
        await auth.apply(route("bedrock", "bedrock", source=source), call())
    assert (caught.value.limit, caught.value.timeout_s, caught.value.provider) == ("connect", 0.01, "bedrock")
    assert caught.value.credential_source == (source or None)


async def test_a_scheme_whose_own_import_fails_names_the_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "half_a_scheme.py").write_text("import no_such_package\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(auth, "_MODULES", {"aws": "half_a_scheme"})
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        await auth.apply(route("bedrock", "bedrock"), call())


async def test_only_a_stored_login_is_exchanged() -> None:
    given, connections = route("groq", key="k"), Connections()
    assert await auth.opened(given, connections) is given
    await connections.aclose()


def test_a_rejected_key_that_was_not_exchanged_changes_nothing() -> None:
    error = AuthenticationError("the token expired")
    auth.rejected(route("groq", key="k", params={auth_copilot.LOGIN: "l"}), error)
    assert not error.retryable
    auth.rejected(route("github_copilot", key="k"), error)  # no login was exchanged
    assert not error.retryable
    auth.rejected(route("github_copilot", key="k", params={auth_copilot.LOGIN: "l"}), error)
    assert error.retryable
    other = AuthenticationError("no", provider_message="token expired", retryable=False)
    auth.rejected(route("github_copilot", key="k", params={auth_copilot.LOGIN: "l"}), other)
    assert other.retryable
    other = AuthenticationError("no", provider_message="bad", retryable=True)
    auth.rejected(route("github_copilot", key="k", params={auth_copilot.LOGIN: "l"}), other)
    assert not other.retryable


EDITOR = {
    "copilot-integration-id": "vscode-chat",
    "editor-version": "vscode/1.95.0",
    "editor-plugin-version": "copilot-chat/0.26.7",
    "user-agent": "GitHubCopilotChat/0.26.7",
}
CHAT = {"openai-intent": "conversation-panel", "x-github-api-version": "2025-04-01"}
IMAGE = b'{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:,"}}]}]}'


@pytest.mark.parametrize(
    ("wire", "body", "more"),
    [
        ("chat", b'{"messages": [{"role": "user", "content": "Hi"}]}', {**CHAT, "x-initiator": "user"}),
        ("chat", IMAGE, {**CHAT, "x-initiator": "user", "copilot-vision-request": "true"}),
        ("chat", b'{"messages": [{"role": "tool", "content": "1"}]}', {**CHAT, "x-initiator": "agent"}),
        ("chat", b"", CHAT),
        ("chat", b"not JSON", CHAT),
        ("chat", b"[]", CHAT),
        (
            "messages",
            b"",
            {
                "anthropic-version": "2023-06-01",
                "openai-intent": "messages-proxy",
                "x-interaction-type": "messages-proxy",
                "x-github-api-version": "2026-06-01",
            },
        ),
    ],
)
async def test_copilot_is_told_the_editor_the_api_and_who_began_the_turn(
    wire: str, body: bytes, more: dict[str, str]
) -> None:
    headers = revealed(await auth_copilot.headers(route("github_copilot", wire, "k"), call(body)))
    assert len(headers.pop("x-request-id")) == 36
    assert headers == {"authorization": "Bearer k", **EDITOR, **more}


@pytest.mark.parametrize(
    ("found", "lifetime_s"),
    [
        ({"refresh_in": 1500, "expires_at": 5000}, 1500.0),
        ({"refresh_in": 0, "expires_at": 5000}, 3940.0),
        ({"refresh_in": "soon", "expires_at": 5000.5}, 3940.5),
        ({"refresh_in": 0.5}, 0.5),
        ({"expires_at": 1030}, 0.0),
        ({"expires_at": "late"}, 0.0),
        ({}, 0.0),
    ],
)
def test_a_token_is_used_for_as_long_as_github_says(found: dict[str, Any], lifetime_s: float) -> None:
    assert auth_copilot._lifetime_s(found, 1000.0) == lifetime_s


@pytest.mark.parametrize(
    ("found", "base"),
    [
        ({"endpoints": {"api": "https://api.individual.example"}}, "https://api.individual.example"),
        ({"endpoints": {"api": "http://127.0.0.1:1"}}, "http://127.0.0.1:1"),
        ({"endpoints": {"api": "file:///etc"}}, ""),
        ({"endpoints": {"api": 1}}, ""),
        ({"endpoints": {}}, ""),
        ({"endpoints": "https://x"}, ""),
        ({}, ""),
    ],
)
def test_the_base_url_of_a_token_is_an_http_one(found: dict[str, Any], base: str) -> None:
    assert auth_copilot._api_base(found) == base


@pytest.mark.parametrize(
    ("status", "found", "kind", "message", "fix"),
    [
        (403, {"error_details": {"message": "A", "url": "https://a"}, "message": "B"}, "PermissionDeniedError", "A", "https://a"),
        (403, {"error_details": {"message": "", "url": "javascript:x"}, "message": "B"}, "PermissionDeniedError", "B", "https://github.com/settings/copilot"),
        (403, {"error_details": "text", "message": 7}, "PermissionDeniedError", "", "https://github.com/settings/copilot"),
        (402, {"message": "pay"}, "AuthenticationError", "pay", "rm env X && "),
        (500, {"message": "down"}, "UnavailableError", "down", "try again"),
        (499, {"message": "odd"}, "AuthenticationError", "odd", "rm env X && "),
        (429, {"message": "slow"}, "RateLimitError", "slow", ""),
        (403, {"message": "API rate limit exceeded"}, "RateLimitError", "API rate limit exceeded", ""),
        (401, {"message": "it was the-login"}, "AuthenticationError", "it was ***", "rm env X && "),
    ],
)  # fmt: skip
def test_what_github_says_of_a_login_is_passed_on(
    status: int, found: dict[str, Any], kind: str, message: str, fix: str
) -> None:
    error = auth_copilot._refusal(status, found, route("github_copilot", key="k"), Secret("the-login"))
    assert (type(error).__name__, error.provider_message, error.provider) == (kind, message, "github_copilot")
    assert fix in error.fix
    if kind in {"PermissionDeniedError", "AuthenticationError"}:
        assert error.credential_source == "env X"


def test_a_route_with_other_limits_waits_for_the_longer_of_them() -> None:
    given = route("groq")
    assert given.with_timeouts(Timeouts()) is given
    for limits in (Timeouts(first_token_s=5, between_tokens_s=2), Timeouts(first_token_s=2, between_tokens_s=5)):
        changed = given.with_timeouts(limits)
        assert (changed.timeouts, changed.timeout_s, changed.provider) == (limits, 5, "groq")


def test_secret_headers_are_among_the_secrets_of_a_route() -> None:
    given = route("groq", key="k", headers={"x-a": Secret("s"), "x-b": "plain"}, params={"region": "r", "a_token": "t"})
    assert [secret.reveal() for secret in given.secrets()] == ["k", "t", "s"]
    assert given.header_values() == {"x-a": "s", "x-b": "plain"}
