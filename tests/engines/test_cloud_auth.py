"""AWS's signature, Google's and Entra's tokens: checked by a far side that knows the secret too."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote

import pytest

from ingate.engines import auth, auth_aws, auth_azure, auth_google
from ingate.engines.base import Route
from ingate.engines.http import Call, Connections
from ingate.errors import AuthenticationError, MissingCredentialsError
from ingate.providers.credential import Credential
from ingate.secret import Secret, revealed
from ingate.spec import parse_one
from support.http import Conversation, serving

if TYPE_CHECKING:
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
