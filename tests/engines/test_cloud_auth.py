"""AWS's signature, Google's and Entra's tokens: checked by a far side that knows the secret too."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote

import pytest

from ingate.engines import auth, auth_aws, auth_azure, auth_google
from ingate.engines.base import Route
from ingate.engines.http import Call, Connections
from ingate.errors import AuthenticationError, MissingCredentialsError, MissingExtraError, UnavailableError
from ingate.providers.credential import Credential
from ingate.secret import Secret, revealed
from ingate.spec import parse_one
from support.http import Conversation, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY_ID, KEY = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


def route(provider: str, wire_format: str, **params: str) -> Route:
    return Route(
        spec=parse_one(f"{provider}/m"),
        engine="native",
        provider=provider,
        model="m",
        wire_format=wire_format,
        credential=Credential(params={name: Secret(value) for name, value in params.items()}, source="a test"),
    )


def call_to(url: str, body: bytes = b"{}") -> Call:
    return Call(url=url, body=body, headers={"content-type": "application/json"}, timeout_s=5)


def expected_signature(conversation: Conversation, region: str) -> str:
    """Signature Version 4 by its specification, from what arrived."""
    headers = conversation.headers
    method, target, _ = conversation.head.split("\r\n")[0].split(" ")
    path, _, query = target.partition("?")
    stated = headers["authorization"].split("SignedHeaders=")[1].split(",")[0]
    canonical_headers = "".join(f"{name}:{headers[name].strip()}\n" for name in stated.split(";"))
    canonical = "\n".join(
        [
            method,
            quote(path, safe="/-_.~"),
            query,
            canonical_headers,
            stated,
            hashlib.sha256(conversation.body).hexdigest(),
        ]
    )
    date = headers["x-amz-date"]
    scope = f"{date[:8]}/{region}/bedrock/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{KEY}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, text.encode(), "sha256").hexdigest()


async def sent(base_route: Route, path: str, seen: list[Conversation]) -> None:
    async def answer(conversation: Conversation) -> None:
        seen.append(conversation)
        await conversation.answer(b"{}")

    connections = Connections()
    async with serving(answer) as far:
        call = call_to(far.base.removesuffix("/v1") + path, b'{"messages": []}')
        await auth.sign(base_route, call)
        async with connections.send(call) as response:
            assert response.status == 200
            await response.read()
    await connections.aclose()


@pytest.mark.parametrize("path", ["/model/plain/converse", "/model/arn%3Aaws%3Abedrock%3A1%2Fx%20y/converse-stream"])
async def test_the_signature_is_the_one_aws_computes(path: str) -> None:
    seen: list[Conversation] = []
    keys = {"aws_access_key_id": KEY_ID, "aws_secret_access_key": KEY, "aws_region_name": "eu-west-1"}
    await sent(route("bedrock", "bedrock", **keys), path, seen)
    (conversation,) = seen
    authorization = conversation.headers["authorization"]
    assert f"Credential={KEY_ID}/" in authorization
    assert authorization.endswith(f"Signature={expected_signature(conversation, 'eu-west-1')}")


async def test_a_session_token_goes_along_and_the_region_is_read_from_the_host() -> None:
    keys = {"aws_access_key_id": KEY_ID, "aws_secret_access_key": KEY, "aws_session_token": "the-session-token"}
    call = call_to("https://bedrock-runtime.ap-southeast-2.amazonaws.com/model/m/converse")
    headers = revealed(await auth_aws.headers(route("bedrock", "bedrock", **keys), call))
    assert headers["x-amz-security-token"] == "the-session-token"
    assert "/ap-southeast-2/bedrock/aws4_request" in headers["authorization"]


async def test_a_profile_is_read_from_the_shared_file(clean_environment: Path) -> None:
    folder = clean_environment / ".aws"
    folder.mkdir()
    (folder / "credentials").write_text(f"[work]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {KEY}\n")
    auth_aws._known.clear()
    headers = await auth_aws.headers(
        route("bedrock", "bedrock", aws_profile_name="work"),
        call_to("https://bedrock-runtime.us-east-1.amazonaws.com/x"),
    )
    assert f"Credential={KEY_ID}/" in revealed(headers)["authorization"]


async def test_a_profile_that_is_not_there_is_told_as_such(clean_environment: Path) -> None:
    auth_aws._known.clear()
    with pytest.raises(AuthenticationError, match="ProfileNotFound"):
        await auth_aws.headers(route("bedrock", "bedrock", aws_profile_name="gone"), call_to("https://x/y"))


async def test_nothing_at_all_names_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    auth_aws._known.clear()
    with pytest.raises(MissingCredentialsError) as caught:
        await auth_aws.headers(route("bedrock", "bedrock"), call_to("https://x/y"))
    assert ("AWS_PROFILE",) in caught.value.alternatives


def service_account(token_uri: str) -> dict[str, Any]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "1",
        "private_key": pem,
        "client_email": "robot@p.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": token_uri,
    }


async def test_a_service_account_becomes_a_token_once(tmp_path: Path) -> None:
    asked: list[Conversation] = []

    async def answer(conversation: Conversation) -> None:
        asked.append(conversation)
        await conversation.answer(b'{"access_token": "ya29.token", "expires_in": 3600, "token_type": "Bearer"}')

    async with serving(answer) as far:
        account = service_account(far.base + "/token")
        for given in (json.dumps(account), str(tmp_path / "key.json")):
            (tmp_path / "key.json").write_text(json.dumps(account))
            asked.clear()
            vertex = route("vertex_ai", "gemini", vertex_credentials=given)
            for _ in range(2):
                headers = revealed(await auth_google.headers(vertex, call_to("https://x/y")))
                assert headers["authorization"] == "Bearer ya29.token"
            (conversation,) = asked
            assert "assertion" in parse_qs(conversation.body.decode())


async def test_a_service_account_that_google_refuses_is_an_authentication_error() -> None:
    async def answer(conversation: Conversation) -> None:
        await conversation.answer(b'{"error": "invalid_grant", "error_description": "gone"}', status="400 Bad Request")

    async with serving(answer) as far:
        vertex = route("vertex_ai", "gemini", vertex_credentials=json.dumps(service_account(far.base + "/token")))
        with pytest.raises(AuthenticationError) as caught:
            await auth_google.headers(vertex, call_to("https://x/y"))
    assert "PRIVATE KEY" not in repr(vars(caught.value))


@pytest.mark.parametrize("given", ['{"type": "nonsense"}', "{", "/no/such/file.json"])
async def test_what_is_no_google_credential_says_so(given: str) -> None:
    with pytest.raises(MissingCredentialsError) as caught:
        await auth_google.headers(route("vertex_ai", "gemini", vertex_credentials=given), call_to("https://x/y"))
    assert "GOOGLE_APPLICATION_CREDENTIALS" in caught.value.fix


async def test_an_entra_token_is_asked_for_with_the_right_scope(monkeypatch: pytest.MonkeyPatch) -> None:
    scopes: list[str] = []

    class Token:
        token = "entra-token"

    class FakeCredential:  # Entra itself answers over the internet only
        def __init__(self, tenant: str, client: str, secret: str) -> None:
            assert (tenant, client, secret) == ("t", "c", "s")

        def get_token(self, scope: str) -> Token:
            scopes.append(scope)
            return Token()

    from azure import identity

    monkeypatch.setattr(identity, "ClientSecretCredential", FakeCredential)
    auth_azure._known.clear()
    azure = route("azure", "azure", tenant_id="t", client_id="c", client_secret="s")
    assert revealed(await auth_azure.headers(azure, call_to("https://x/y"))) == {"authorization": "Bearer entra-token"}
    assert scopes == ["https://cognitiveservices.azure.com/.default"]
    auth_azure._known.clear()


@pytest.mark.parametrize("half", [{"aws_access_key_id": KEY_ID}, {"aws_secret_access_key": KEY}])
async def test_half_a_pair_of_keys_is_not_used(clean_environment: Path, half: dict[str, str]) -> None:
    folder = clean_environment / ".aws"
    folder.mkdir()
    (folder / "credentials").write_text(f"[work]\naws_access_key_id = AKIDOFPROFILE\naws_secret_access_key = {KEY}\n")
    auth_aws._known.clear()
    headers = await auth_aws.headers(
        route("bedrock", "bedrock", aws_profile_name="work", **half),
        call_to("https://bedrock-runtime.us-east-1.amazonaws.com/x"),
    )
    assert "Credential=AKIDOFPROFILE/" in revealed(headers)["authorization"]


async def test_a_users_name_and_password_sign_in_at_entra(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []

    class FakeCredential:  # Entra itself answers over the internet only
        def __init__(self, client: str, user: str, password: str, tenant_id: str | None = None) -> None:
            made.append((client, user, password, tenant_id))

        def get_token(self, scope: str) -> Any:
            return type("Token", (), {"token": "entra-token", "expires_on": 4_000_000_000})()

    from azure import identity

    monkeypatch.setattr(identity, "UsernamePasswordCredential", FakeCredential, raising=False)
    auth_azure._known.clear()
    keys = {"client_id": "c", "azure_username": "ann", "azure_password": "p4ss"}
    headers = await auth_azure.headers(route("azure", "azure", **keys), call_to("https://x/y"))
    auth_azure._known.clear()
    assert made == [("c", "ann", "p4ss", None)]
    assert revealed(headers)["authorization"] == "Bearer entra-token"


async def test_the_signature_covers_what_a_proxy_does_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    call = call_to("https://bedrock-runtime.us-east-1.amazonaws.com/x")
    call.headers |= {"accept": "application/json", "x-own": "1", "anthropic-beta": Secret("b")}
    keys = {"aws_access_key_id": KEY_ID, "aws_secret_access_key": KEY}
    headers = revealed(await auth_aws.headers(route("bedrock", "bedrock", **keys), call))
    assert "SignedHeaders=accept;content-type;host;x-amz-date," in headers["authorization"]
    assert headers.keys() <= {"authorization", "x-amz-date", "x-amz-content-sha256"}
    assert headers.keys() >= {"authorization", "x-amz-date"}


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://bedrock-runtime.eu-central-1.amazonaws.com/x", "eu-central-1"),
        ("https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com/x", "us-gov-west-1"),
        ("https://bedrock.us-east-2.amazonaws.com/x", "us-east-2"),
        ("https://gateway.example/x", "us-west-2"),
    ],
)
async def test_without_a_configured_region_the_host_decides_and_then_litellms_default(url: str, region: str) -> None:
    keys = {"aws_access_key_id": KEY_ID, "aws_secret_access_key": KEY}
    headers = revealed(await auth_aws.headers(route("bedrock", "bedrock", **keys), call_to(url)))
    assert f"/{region}/bedrock/aws4_request" in headers["authorization"]
    named = route("bedrock", "bedrock", aws_region_name="sa-east-1", **keys)
    headers = revealed(await auth_aws.headers(named, call_to(url)))
    assert "/sa-east-1/bedrock/aws4_request" in headers["authorization"]


async def test_a_profile_is_loaded_once_and_looked_for_again_after_a_failure(clean_environment: Path) -> None:
    auth_aws._known.clear()
    call = call_to("https://bedrock-runtime.us-east-1.amazonaws.com/x")
    work = route("bedrock", "bedrock", aws_profile_name="work")
    folder = clean_environment / ".aws"
    folder.mkdir()
    profiles = folder / "credentials"
    with pytest.raises(AuthenticationError, match="ProfileNotFound"):
        await auth_aws.headers(work, call)
    profiles.write_text(f"[work]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {KEY}\n")
    for _ in range(2):
        headers = revealed(await auth_aws.headers(work, call))
        assert f"Credential={KEY_ID}/" in headers["authorization"]
        assert "x-amz-security-token" not in headers
        profiles.unlink(missing_ok=True)
    assert KEY not in repr(auth_aws._credentials(work))
    auth_aws._known.clear()


async def test_the_default_profile_is_looked_for_again_once_it_may_be_there(
    clean_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    auth_aws._known.clear()
    call = call_to("https://bedrock-runtime.us-east-1.amazonaws.com/x")
    with pytest.raises(MissingCredentialsError):
        await auth_aws.headers(route("bedrock", "bedrock"), call)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
    headers = revealed(await auth_aws.headers(route("bedrock", "bedrock"), call))
    assert f"Credential={KEY_ID}/" in headers["authorization"]
    assert headers["x-amz-security-token"] == "session"
    auth_aws._known.clear()


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [
        (auth_aws, "botocore.auth", "bedrock"),
        (auth_azure, "azure.core.exceptions", "azure"),
        (auth_google, "google.auth", "google"),
    ],
)
async def test_a_clouds_library_that_is_not_installed_is_named_by_its_extra(
    module: Any, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError) as caught:
        await module.headers(route("acme", ""), call_to("https://x/y"))
    assert (caught.value.extra, caught.value.provider) == (extra, "acme")


class Entra:
    """Entra's credentials, which answer over the internet only: each issues a token or fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from azure import identity

        self.made: list[tuple[str, tuple[str, ...], dict[str, Any]]] = []
        self.asked: list[str] = []
        self.error: Exception | None = None
        for name in ("ClientSecretCredential", "UsernamePasswordCredential", "DefaultAzureCredential"):
            monkeypatch.setattr(identity, name, self._kind(name), raising=False)
        auth_azure._known.clear()

    def _kind(self, name: str) -> Any:
        entra = self

        class Credential:
            def __init__(self, *args: str, **more: Any) -> None:
                entra.made.append((name, args, more))

            def get_token(self, scope: str) -> Any:
                if entra.error is not None:
                    raise entra.error
                entra.asked.append(scope)
                return type("Token", (), {"token": f"token-{len(entra.made)}"})()

        return Credential


@pytest.fixture
def entra(monkeypatch: pytest.MonkeyPatch) -> Iterator[Entra]:
    yield Entra(monkeypatch)
    auth_azure._known.clear()


SECRET = {"tenant_id": "t", "client_id": "c", "client_secret": "s"}
USER = {"client_id": "c", "azure_username": "ann", "azure_password": "p", "tenant_id": "t"}


async def token(**params: str) -> str:
    headers = revealed(await auth_azure.headers(route("azure", "azure", **params), call_to("https://x/y")))
    assert headers.keys() == {"authorization"}
    return headers["authorization"]


async def test_each_kind_of_entra_login_has_its_own_credential(entra: Entra) -> None:
    assert await token(**SECRET, azure_scope="https://own/.default") == "Bearer token-1"
    auth_azure._known.clear()
    assert await token(**USER) == "Bearer token-2"
    auth_azure._known.clear()
    assert await token() == "Bearer token-3"
    assert entra.made == [
        ("ClientSecretCredential", ("t", "c", "s"), {}),
        ("UsernamePasswordCredential", ("c", "ann", "p"), {"tenant_id": "t"}),
        ("DefaultAzureCredential", (), {"exclude_interactive_browser_credential": True}),
    ]
    default = "https://cognitiveservices.azure.com/.default"
    assert entra.asked == ["https://own/.default", default, default]


async def test_an_entra_credential_is_kept_for_its_tenant_client_and_user(entra: Entra) -> None:
    logins = [
        SECRET,
        {**SECRET, "tenant_id": "t2"},
        {**SECRET, "client_id": "c2"},
        {**SECRET, "azure_username": "bob"},
        {},
    ]
    first = [await token(**login) for login in logins]
    assert first == [f"Bearer token-{number}" for number in range(1, 6)]
    for login in logins:
        await token(**login)
    assert len(entra.made) == 5


@pytest.mark.parametrize("kind", ["AzureError", "ValueError"])
async def test_an_entra_login_that_failed_is_made_anew(entra: Entra, kind: str) -> None:
    from azure.core.exceptions import AzureError

    entra.error = (AzureError if kind == "AzureError" else ValueError)("AADSTS7000215: wrong secret\nTrace ID: 1")
    with pytest.raises(AuthenticationError) as caught:
        await token(**SECRET)
    assert (caught.value.provider, caught.value.credential_source) == ("azure", "a test")
    assert caught.value.provider_message == "AADSTS7000215: wrong secret"
    entra.error = None
    assert await token(**SECRET) == "Bearer token-2"


@pytest.fixture
async def token_service() -> Any:
    """Google's token service on loopback: `answer` decides, `asked` counts."""

    class Service:
        base, asked = "", 0
        body, how = b'{"access_token": "ya29.token", "expires_in": 3600, "token_type": "Bearer"}', {}

        async def __call__(self, conversation: Conversation) -> None:
            self.asked += 1
            await conversation.answer(self.body, **self.how)

    service = Service()
    async with serving(service) as far:
        service.base = far.base
        yield service


async def google(given: str | None = None) -> dict[str, str]:
    params = {} if given is None else {"vertex_credentials": given}
    return revealed(await auth_google.headers(route("vertex_ai", "gemini", **params), call_to("https://x/y")))


async def test_a_google_credential_that_names_a_project_bills_it(token_service: Any) -> None:
    account = service_account(token_service.base + "/token")
    assert await google(" " + json.dumps(account)) == {"authorization": "Bearer ya29.token"}
    billed = {**account, "quota_project_id": "billed", "private_key_id": "2"}
    user = {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}
    user |= {"quota_project_id": "billed", "token_uri": billed["token_uri"]}
    auth_google._known[Secret("user")] = credentials = auth_google._load(Secret(json.dumps(user)))
    credentials._token_uri = billed["token_uri"]
    assert await google("user") == {"authorization": "Bearer ya29.token", "x-goog-user-project": "billed"}


async def test_without_a_credential_googles_own_order_applies(
    token_service: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key.json"
    file.write_text(json.dumps(service_account(token_service.base + "/token")))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    auth_google._known.clear()
    assert await google() == {"authorization": "Bearer ya29.token"}
    assert await google() == {"authorization": "Bearer ya29.token"}
    assert token_service.asked == 1
    assert list(auth_google._known) == [Secret("")]
    auth_google._known.clear()


async def test_a_google_credential_that_was_rejected_is_read_again(token_service: Any, tmp_path: Path) -> None:
    good, file = token_service.body, tmp_path / "key.json"
    file.write_text(json.dumps(service_account(token_service.base + "/token")))
    token_service.body, token_service.how = b'{"error": "invalid_grant"}', {"status": "400 Bad Request"}
    with pytest.raises(AuthenticationError) as caught:
        await google(str(file))
    assert (caught.value.provider, caught.value.credential_source) == ("vertex_ai", "a test")
    assert caught.value.provider_message.startswith("invalid_grant")
    assert Secret(str(file)) not in auth_google._known
    token_service.body, token_service.how = good, {}
    assert await google(str(file)) == {"authorization": "Bearer ya29.token"}


async def test_googles_token_service_out_of_reach_is_not_a_wrong_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("google.auth._exponential_backoff._DEFAULT_INITIAL_INTERVAL_SECONDS", 0.001)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        account = service_account(f"http://127.0.0.1:{closed.getsockname()[1]}/token")
    with pytest.raises(UnavailableError, match="token service does not respond") as caught:
        await google(json.dumps(account))
    assert caught.value.provider == "vertex_ai"


async def test_a_token_request_follows_a_redirect_within_its_origin_only(token_service: Any) -> None:
    import asyncio

    session = auth_google.one_origin_session("the token service of vertex_ai")
    seen: list[str] = []

    async def redirect(conversation: Conversation) -> None:
        seen.append(conversation.head.split(" ")[1])
        target = {"/away": f"{token_service.base}/x", "/here": "/there"}.get(seen[-1])
        more = f"location: {target}\r\n" if target else ""
        await conversation.answer(
            b"{}", status="307 Temporary" if target else "200 OK", more=more + "connection: close\r\n"
        )

    async with serving(redirect) as far:
        root = far.base.removesuffix("/v1")
        responses: list[Any] = []
        session.hooks["response"].append(lambda response, **_: responses.append(response))
        with session:
            assert (await asyncio.to_thread(session.get, f"{root}/here")).url == f"{root}/there"
            with pytest.raises(UnavailableError, match="the token service of vertex_ai redirects") as caught:
                await asyncio.to_thread(session.get, f"{root}/away")
    assert caught.value.code == "redirected"
    assert [response.raw.closed for response in responses] == [True] * 3  # no connection is left open
    assert token_service.asked == 0
