"""A traceback that prints locals shows no key: every frame of every exception, as Sentry, rich, pytest and Python show it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ingate import Gateway
from ingate.engines import auth_azure, auth_google
from ingate.engines.base import CallReport, Route
from ingate.engines.http import Connections
from ingate.engines.litellm_ import LitellmEngine, load
from ingate.engines.native import NativeEngine
from ingate.errors import AuthenticationError, IngateError, UnavailableError
from ingate.providers.credential import Credential
from ingate.secret import Secret, revealed
from ingate.spec import parse_one
from support.frames import exceptions_of, leaks
from support.http import Conversation, serving

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    Answer = Callable[[Conversation], Awaitable[None]]

BODY: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}]}


def canaries() -> dict[str, str]:
    """In a function, so that no global of a test has them."""
    names = ("env", "file", "header", "aws-key", "aws-session", "entra", "login")
    return {name: f"sk-canary-{name}-0f1e2d3c4b" for name in names}


def broken(status: int) -> Answer:
    async def answer(talk: Conversation) -> None:
        sent = " ".join(talk.headers.values())
        await talk.answer(
            json.dumps({"error": {"message": f"no: {sent}", "code": sent}}).encode(), status=f"{status} No"
        )

    return answer


async def _web_page(talk: Conversation) -> None:
    await talk.answer(b"<p>Log in</p>", kind="text/html")


async def _error_event(talk: Conversation) -> None:
    await talk.answer(b'data: {"error": {"message": "no"}}\n\n', kind="text/event-stream")


async def _redirect(talk: Conversation) -> None:
    await talk.answer(b"", status="307 Go", more="location: http://elsewhere.example/x\r\n")


async def _quoting_json(talk: Conversation) -> None:
    sent = talk.headers.get("authorization") or " ".join(talk.headers.values())
    await talk.answer(f'{{"choices": "{sent}", "content": "{sent}'.encode())


async def _quoting_events(talk: Conversation) -> None:
    sent = talk.headers.get("authorization") or " ".join(talk.headers.values())
    await talk.answer(f'data: {{"choices": "{sent}", "content": "{sent}'.encode(), kind="text/event-stream")


async def _garbage(talk: Conversation) -> None:
    await talk.send(b"garbage\r\n\r\n")
    talk.writer.close()


async def _reset(talk: Conversation) -> None:
    talk.writer.transport.abort()


async def _cut(talk: Conversation) -> None:
    await talk.begin()
    await talk.send(b'20\r\ndata: {"cho')
    talk.writer.close()


async def _bad_gzip(talk: Conversation) -> None:
    await talk.answer(b"not gzip", more="content-encoding: gzip\r\n")


async def _silence(talk: Conversation) -> None:
    await talk.gone()


FAULTS: dict[str, Answer] = {
    **{str(status): broken(status) for status in (401, 429, 500)},
    "web page": _web_page,
    "error event": _error_event,
    "redirect": _redirect,
    "garbage": _garbage,
    "reset": _reset,
    "cut": _cut,
    "bad gzip": _bad_gzip,
    "quoting JSON": _quoting_json,
    "quoting events": _quoting_events,
}
SPECS = (
    "groq/m", "anthropic/m", "gemini/m", "openai/m", "azure/m", "bedrock/m", "cohere/m", "ollama/m", "litellm/m", "mybox/m",
    "litellm.groq/m", "litellm.anthropic/m", "litellm.gemini/m", "litellm.openai/m", "litellm.azure/m", "litellm.bedrock/m",
    "litellm.cohere/m",
)  # fmt: skip


def configuration(base: str) -> dict[str, Any]:
    """Keys in every place that a configuration has for one."""
    secret = canaries()
    headers = {"x-extra": secret["header"]}
    section = {"api_key": secret["file"], "headers": headers, "base_url": base}
    return {
        "groq": {"base_url": base, "headers": headers},
        **dict.fromkeys(("anthropic", "gemini", "openai", "azure", "cohere"), section),
        "bedrock": {
            "aws_access_key_id": "AKIDEXAMPLE",
            "aws_secret_access_key": secret["aws-key"],
            "aws_session_token": secret["aws-session"],
            "aws_region_name": "us-east-1",
            "base_url": base,
        },
        "ollama": {"base_url": base, "headers": headers},
        "litellm": {"api_key": secret["file"], "api_base": base.removesuffix("/v1"), "default_headers": headers},
        "servers": {"mybox": section},
    }


def assert_clean(error: BaseException) -> None:
    """No frame shows a key, and no exception of a library, whose frames would, can be reached."""
    assert leaks(error, canaries().values()) == []
    ours = IngateError | asyncio.CancelledError | TimeoutError
    assert [one for one in exceptions_of(error) if not isinstance(one, ours)] == []


async def attempts(gateway: Gateway, spec: str) -> list[IngateError]:
    """The errors of every way to call one model."""
    found = []

    async def stream() -> None:
        async for _ in gateway.stream({**BODY, "model": spec}, retries=0):
            pass

    others: list[Callable[[], Awaitable[Any]]] = [
        lambda: gateway.complete({**BODY, "model": spec, "max_tokens": 9}, api="messages", retries=0),
        lambda: gateway.complete({"model": spec, "input": "Hello"}, api="responses", retries=0),
        lambda: gateway.embed({"model": spec, "input": "Hello"}),
    ]
    calls: list[Callable[[], Awaitable[Any]]] = [lambda: gateway.complete({**BODY, "model": spec}, retries=0), stream]
    if not spec.startswith("litellm."):  # there, the rest goes the same way
        calls += others
    for call in calls:
        try:
            await call()
        except IngateError as error:
            found.append(error)
    return found


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, clean_environment: Path) -> Path:
    monkeypatch.setenv("GROQ_API_KEY", canaries()["env"])
    return clean_environment


@pytest.mark.parametrize("fault", list(FAULTS))
async def test_no_error_of_a_call_shows_a_key(environment: Path, fault: str) -> None:
    async with serving(FAULTS[fault]) as server, Gateway(configuration(server.base), retries=0) as gateway:
        for spec in SPECS:
            errors = await attempts(gateway, spec)
            assert errors, spec
            for error in errors:
                assert error.fix, (spec, error)
                assert_clean(error)


async def test_a_fallback_that_fails_too_shows_none(environment: Path) -> None:
    async with serving(broken(500)) as server, Gateway(configuration(server.base)) as gateway:
        for error in await attempts(gateway, "litellm.groq/m, anthropic/m, litellm.bedrock/m, groq/m"):
            assert_clean(error)


@pytest.mark.parametrize(
    "spec", ["groq/m", "bedrock/m", "litellm.groq/m", "litellm.anthropic/m", "litellm.bedrock/anthropic.claude-m"]
)
@pytest.mark.parametrize("how", ["complete", "stream"])
async def test_a_cancelled_call_shows_none(environment: Path, spec: str, how: str) -> None:
    async with serving(_silence) as server, Gateway(configuration(server.base)) as gateway:

        async def call() -> None:
            if how == "complete":
                await gateway.complete({**BODY, "model": spec})
            async for _ in gateway.stream({**BODY, "model": spec}):
                pass

        task = asyncio.create_task(call())
        while not server.asked and not task.done():
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
    assert leaks(caught.value, canaries().values()) == []


@pytest.mark.parametrize("spec", ["groq/m", "litellm.groq/m"])
async def test_a_time_limit_shows_none(environment: Path, spec: str) -> None:
    async with serving(_silence) as server, Gateway(configuration(server.base)) as gateway:
        for error in await attempts(gateway, f"{spec}?timeout=0.5"):
            assert_clean(error)


@pytest.mark.parametrize("spec", ["groq/m", "cohere/m", "litellm.cohere/m", "nosuch/m", "mistral/m"])
async def test_errors_before_a_call_show_none(environment: Path, spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", canaries()["env"] + "\nsecond line")
    config = {**configuration("http://127.0.0.1:9/v1"), "cohere": {"api_key": "env:NO_SUCH_VARIABLE"}}
    async with Gateway(config) as gateway:
        errors = await attempts(gateway, spec)
        assert errors
        for error in errors:
            assert_clean(error)


async def test_a_failing_http_proxy_shows_no_login(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    login = canaries()["login"]
    monkeypatch.setenv("HTTP_PROXY", f"http://me:{login}@127.0.0.1:9")
    monkeypatch.setenv("http_proxy", f"http://me:{login}@127.0.0.1:9")
    config = configuration("http://provider.example/v1")
    async with Gateway(config, retries=0) as gateway:
        for spec in ("groq/m", "litellm.groq/m", "anthropic/m"):
            errors = await attempts(gateway, spec)
            assert errors
            for error in errors:
                assert leaks(error, canaries().values()) == []


@pytest.mark.parametrize("body", ['{"error": "%s"}', '{"data": "%s"}', '{"data": [%s', "%s", '["%s"'])
async def test_a_list_of_models_that_is_none_shows_no_key(body: str) -> None:
    async def answer(talk: Conversation) -> None:
        await talk.answer((body % talk.headers["authorization"]).encode())

    engine = NativeEngine()
    async with serving(answer) as server:
        credential = Credential(Secret(canaries()["env"]), {}, "env X")
        route = replace(_route("groq", "chat", server.base), credential=credential)
        try:
            with pytest.raises(IngateError) as caught:
                await engine.list_models(route)
        finally:
            await engine.aclose()
    assert "authorization" in server.asked[0].headers
    assert_clean(caught.value)


def _route(provider: str, wire: str, base: str, **params: str) -> Route:
    credential = Credential(None, {name: Secret(value) for name, value in params.items()}, "env X")
    return Route(
        spec=parse_one(f"{provider}/m"), engine="native", provider=provider, model="m", wire_format=wire, api_base=base,
        credential=credential, timeout_s=10.0,
    )  # fmt: skip


def _service_account(token_uri: str) -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    account = {"type": "service_account", "project_id": "p", "private_key_id": "k", "private_key": pem}
    return json.dumps({**account, "client_email": "a@b.example", "client_id": "1", "token_uri": token_uri})


async def _refused(talk: Conversation) -> None:
    await talk.answer(b'{"error": "invalid_grant"}', status="400 Bad Request")


async def _no_token(talk: Conversation) -> None:
    await talk.answer(b"[]")


@pytest.mark.parametrize("answer", [_refused, _no_token, _redirect, _web_page, _reset, broken(500)])
async def test_a_google_token_that_is_not_issued_shows_no_key(answer: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("google.auth._exponential_backoff._DEFAULT_RETRY_TOTAL_ATTEMPTS", 1)
    async with serving(answer) as server:
        account = _service_account(server.base + "/token")
        engine = NativeEngine()
        try:
            with pytest.raises(IngateError) as caught:
                await engine.complete(
                    _route("vertex_ai", "gemini", server.base, vertex_credentials=account), BODY, CallReport()
                )
        finally:
            await engine.aclose()
    lines = json.loads(account)["private_key"].splitlines()
    assert leaks(caught.value, lines[1:3]) == []
    assert [one for one in exceptions_of(caught.value) if not isinstance(one, IngateError)] == []
    assert caught.value.fix


async def test_a_google_token_is_not_requested_from_another_origin() -> None:
    async def answer(talk: Conversation) -> None:
        await talk.answer(b'{"access_token": "t", "expires_in": 3600, "token_type": "Bearer"}')

    async with serving(answer) as other:

        async def redirect(talk: Conversation) -> None:
            target = other.base.replace("127.0.0.1", "localhost")
            await talk.answer(b"", status="307 Go", more=f"location: {target}/token\r\n")

        async with serving(redirect) as server:
            account = _service_account(server.base + "/token")
            with pytest.raises(UnavailableError, match="redirects") as caught:
                await auth_google.headers(
                    _route("vertex_ai", "gemini", server.base, vertex_credentials=account), _no_call()
                )
    assert other.asked == []
    assert caught.value.code == "redirected"


@pytest.mark.skipif(load.version() is None, reason="litellm is not installed")
@pytest.mark.parametrize("login", ["databricks", "vertex_ai"])
async def test_litellms_logins_stay_at_their_origin(login: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_CLIENT_ID", "client")
    monkeypatch.setenv("DATABRICKS_CLIENT_SECRET", secret := canaries()["env"])

    async def token(talk: Conversation) -> None:
        await talk.answer(b'{"access_token": "t", "expires_in": 3600, "token_type": "Bearer"}')

    async with serving(token) as other:

        async def redirect(talk: Conversation) -> None:
            target = other.base.replace("127.0.0.1", "localhost")
            await talk.answer(b"", status="307 Go", more=f"location: {target}/token\r\n")

        async with serving(redirect) as server:
            params = {"vertex_credentials": _service_account(server.base + "/token"), "vertex_project": "p"}
            route = replace(
                _route(login, "chat", server.base, **(params if login == "vertex_ai" else {})),
                engine="litellm",
                model="gemini-2.5-flash" if login == "vertex_ai" else "dbrx",
            )
            engine = LitellmEngine()
            try:
                with pytest.raises(UnavailableError, match="redirects") as caught:
                    await engine.complete(route, BODY, CallReport())
            finally:
                await engine.aclose()
    assert other.asked == []
    assert len(server.asked) == 1
    assert caught.value.code == "redirected"
    assert leaks(caught.value, [secret]) == []


def _no_call() -> Any:
    from ingate.engines.http import Call

    return Call(url="https://x/y", body=b"", headers={}, timeout_s=1)


@pytest.mark.parametrize("fault", [KeyError("access_token"), ValueError("tenant"), RuntimeError("the library failed")])
async def test_an_entra_token_that_is_not_issued_shows_no_key(
    fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FakeCredential:  # Entra itself answers over the internet only
        def __init__(self, tenant: str, client: str, secret: str) -> None:
            self.secret = secret

        def get_token(self, scope: str) -> None:
            posted = {"client_secret": str(self.secret)}
            raise fault.with_traceback(None) from RuntimeError(repr(len(posted)))

    from azure import identity

    monkeypatch.setattr(identity, "ClientSecretCredential", FakeCredential)
    auth_azure._known.clear()
    secret = canaries()["entra"]
    engine = NativeEngine()
    with pytest.raises(AuthenticationError) as caught:
        await engine.complete(
            _route("azure", "azure", "http://127.0.0.1:9", tenant_id="t", client_id="c", client_secret=secret),
            BODY,
            CallReport(),
        )
    auth_azure._known.clear()
    await engine.aclose()
    assert_clean(caught.value)


async def test_an_unexpected_fault_in_the_http_library_shows_none(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import aiohttp

    async def request(self: Any, method: str, url: Any, **how: Any) -> None:
        headers = dict(how["headers"])
        raise RuntimeError(len(headers))

    monkeypatch.setattr(aiohttp.ClientSession, "request", request)
    async with Gateway(configuration("http://127.0.0.1:9/v1")) as gateway:
        with pytest.raises(RuntimeError) as caught:
            await gateway.complete({**BODY, "model": "groq/m"})
    assert leaks(caught.value, canaries().values()) == []


async def test_the_sdk_shows_none(environment: Path) -> None:
    openai = pytest.importorskip("openai")
    from ingate import AsyncIngate

    async with serving(broken(401)) as server, AsyncIngate(config=configuration(server.base), max_retries=0) as client:
        for spec in SPECS:
            with pytest.raises(openai.APIError) as caught:
                await client.chat.completions.create(model=spec, messages=BODY["messages"])
            assert leaks(caught.value, canaries().values()) == [], spec
            with pytest.raises(openai.APIError) as caught:
                await streamed(client, spec)
            assert leaks(caught.value, canaries().values()) == [], spec


async def streamed(client: Any, spec: str) -> None:
    async for _ in await client.chat.completions.create(model=spec, messages=BODY["messages"], stream=True):
        pass


def test_what_is_passed_to_a_library_is_masked() -> None:
    secret = canaries()["file"]
    shown = repr(revealed({"authorization": Secret(secret).after("Bearer "), "accept": "x"}))
    assert secret not in shown
    assert "'accept': 'x'" in shown


async def test_a_call_holds_its_headers_as_secrets(environment: Path) -> None:
    seen: list[Any] = []

    class Watched(Connections):
        def send(self, call: Any) -> Any:
            seen.append(call)
            raise UnavailableError("not sent")

    engine = NativeEngine()
    engine._connections = Watched()
    key = canaries()["file"]
    params = {name: canaries()["aws-key"] for name in ("aws_access_key_id", "aws_secret_access_key")}
    for provider, wire in (("groq", "chat"), ("anthropic", "messages"), ("gemini", "gemini"), ("azure", "azure")):
        route = _route(provider, wire, "http://127.0.0.1:9")
        route = Route(**{**_fields(route), "credential": Credential(Secret(key))})
        with pytest.raises(UnavailableError):
            await engine.complete(route, BODY, CallReport())
    with pytest.raises(UnavailableError):
        await engine.complete(_route("bedrock", "bedrock", "http://127.0.0.1:9", **params), BODY, CallReport())
    assert len(seen) == 5
    for call in seen:
        assert any(isinstance(value, Secret) for value in call.headers.values())
        assert not any(canary in repr(call) for canary in canaries().values())
        assert "Signature=" not in repr(call)


def _fields(route: Route) -> dict[str, Any]:
    return {name: getattr(route, name) for name in route.__dataclass_fields__}


async def test_a_fault_behind_the_guard_of_a_server_shows_no_key() -> None:
    from ingate.serve.guard import guarded

    key = canaries()["file"]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert dict(scope["headers"])[b"x-api-key"] == key.encode()
        raise RuntimeError("a fault")

    async def nothing(message: Any = None) -> None: ...

    names = (b"authorization", b"x-api-key", b"cookie")
    values = (b"Bearer " + key.encode(), key.encode(), b"session=" + key.encode())
    scope = {"type": "http", "method": "GET", "path": "/v1/models", "headers": list(zip(names, values, strict=True))}
    with pytest.raises(RuntimeError) as caught:
        await guarded(app, key=Secret(key), log=False)(scope, nothing, nothing)
    assert leaks(caught.value, [key]) == []


async def test_an_mcp_servers_headers_stay_at_its_origin() -> None:
    pytest.importorskip("mcp")
    from ingate.chat.mcp_servers import Connection, Server

    async def other_answer(talk: Conversation) -> None:
        await talk.answer(b"{}")

    async with serving(other_answer) as other:

        async def redirect(talk: Conversation) -> None:
            target = other.base.replace("127.0.0.1", "localhost")
            await talk.answer(b"", status="307 Go", more=f"location: {target}/mcp\r\n")

        async with serving(redirect) as server:
            headers = {"x-api-key": Secret(canaries()["header"])}
            connection = Connection(Server(name="far", url=server.base + "/mcp", headers=headers))
            await asyncio.wait_for(connection.ready(), 30)
            await connection.aclose()
    assert server.asked
    assert other.asked == []
    assert connection.problem is not None
    assert leaks(connection.problem, canaries().values()) == []


def test_an_mcp_servers_variables_are_masked_in_the_packages_parameters() -> None:
    mcp = pytest.importorskip("mcp")
    secret = canaries()["env"]
    parameters = mcp.StdioServerParameters(command="x", args=[])
    parameters.env = revealed({"TOKEN": Secret(secret)})
    assert secret not in repr(parameters)
    assert parameters.env["TOKEN"] == secret
