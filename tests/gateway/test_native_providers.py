"""Each native provider as a configuration mapping sets it up: the address, the headers that authenticate, the answer."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from ingate import Gateway
from ingate.errors import AuthenticationError
from support.http import Conversation, serving

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY = "sk-native-0123456789"
OPENAI = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}
ANTHROPIC = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "output_tokens": 2},
}
GEMINI = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "Hello"}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
}
CONVERSE = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5},
}
COHERE = {
    "id": "1",
    "message": {"role": "assistant", "content": [{"type": "text", "text": "Hello"}]},
    "finish_reason": "COMPLETE",
    "usage": {"tokens": {"input_tokens": 3, "output_tokens": 2}},
}
OLLAMA = {
    "model": "m",
    "message": {"role": "assistant", "content": "Hello"},
    "done": True,
    "done_reason": "stop",
    "prompt_eval_count": 3,
    "eval_count": 2,
}
HI: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}]}


async def asked(
    model: str, section: Mapping[str, Any], answer: Mapping[str, Any], base: str = "", **more: Any
) -> tuple[Conversation, dict[str, Any]]:
    """The request that arrived and the completion it became; `base` is put after the loopback address."""

    async def provider(conversation: Conversation) -> None:
        await conversation.answer(json.dumps(answer).encode())

    async with serving(provider) as far:
        url = far.base.removesuffix("/v1") + base
        async with Gateway({model.partition("/")[0]: {"base_url": url, **section}}, retries=0) as gateway:
            completion = await gateway.complete({"model": model, **HI, **more})
        (conversation,) = far.asked
    assert completion["choices"][0]["message"]["content"] == "Hello"
    assert completion["usage"]["total_tokens"] == 5
    assert completion["ingate"]["engine"] == "native"
    return conversation, completion


def target(conversation: Conversation) -> str:
    return conversation.head.split(" ")[1]


@pytest.mark.parametrize(
    ("key", "header", "value"),
    [
        ({"api_key": KEY}, "x-api-key", KEY),
        ({"api_key": "sk-ant-oat-1234567890"}, "authorization", "Bearer sk-ant-oat-1234567890"),
    ],
)
async def test_anthropic_by_key_and_by_oauth_token(key: dict[str, str], header: str, value: str) -> None:
    conversation, _ = await asked("anthropic/claude-opus-4-8", key, ANTHROPIC)
    assert target(conversation) == "/v1/messages"
    assert conversation.headers[header] == value
    assert conversation.headers["anthropic-version"] == "2023-06-01"
    assert ("x-api-key" in conversation.headers) == (header == "x-api-key")


async def test_anthropics_oauth_token_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "a-token")
    conversation, _ = await asked("anthropic/claude-opus-4-8", {}, ANTHROPIC)
    assert conversation.headers["authorization"] == "Bearer a-token"


async def test_gemini_has_its_key_in_a_header_and_never_in_the_address() -> None:
    conversation, _ = await asked("gemini/gemini-2.5-flash", {"api_key": KEY}, GEMINI)
    assert target(conversation) == "/v1beta/models/gemini-2.5-flash:generateContent"
    assert conversation.headers["x-goog-api-key"] == KEY
    assert KEY not in conversation.head.partition("\r\n")[0]


async def test_vertex_by_key() -> None:
    conversation, _ = await asked("vertex_ai/gemini-2.5-flash", {"api_key": KEY}, GEMINI)
    assert target(conversation) == "/v1/publishers/google/models/gemini-2.5-flash:generateContent"
    assert conversation.headers["x-goog-api-key"] == KEY


@pytest.mark.parametrize(
    ("model", "path", "answer"),
    [
        ("gemini-2.5-flash", "google/models/gemini-2.5-flash:generateContent", GEMINI),
        ("claude-opus-4-8", "anthropic/models/claude-opus-4-8:rawPredict", ANTHROPIC),
    ],
)
async def test_vertex_by_a_service_account(model: str, path: str, answer: dict[str, Any]) -> None:
    pytest.importorskip("google.auth")
    tokens: list[Conversation] = []

    async def token(conversation: Conversation) -> None:
        tokens.append(conversation)
        await conversation.answer(b'{"access_token": "ya29.loopback", "expires_in": 3600, "token_type": "Bearer"}')

    async with serving(token) as google:
        account = service_account(google.base)
        section = {"vertex_credentials": account, "vertex_project": "mine", "vertex_location": "europe-west4"}
        conversation, _ = await asked(f"vertex_ai/{model}", section, answer)
    assert target(conversation) == f"/v1/projects/mine/locations/europe-west4/publishers/{path}"
    assert conversation.headers["authorization"] == "Bearer ya29.loopback"
    assertion = parse_qs(tokens[0].body.decode())["assertion"][0].split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(assertion + "=="))["iss"] == "me@carried.iam.gserviceaccount.com"


def service_account(token_uri: str) -> str:
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    from cryptography.hazmat.primitives.asymmetric import rsa

    pem = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "carried",
            "private_key_id": "1",
            "private_key": pem.decode(),
            "client_email": "me@carried.iam.gserviceaccount.com",
            "client_id": "1",
            "token_uri": token_uri,
        }
    )


AWS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": KEY, "aws_region_name": "eu-west-1"}


async def test_bedrock_signed_for_its_region_and_by_bearer_token() -> None:
    conversation, _ = await asked("bedrock/us.amazon.nova-lite-v1:0", AWS, CONVERSE)
    assert target(conversation) == "/model/us.amazon.nova-lite-v1%3A0/converse"
    signed = conversation.headers["authorization"]
    assert "Credential=AKIDEXAMPLE/" in signed
    assert "/eu-west-1/bedrock/aws4_request" in signed
    assert KEY not in conversation.head
    conversation, _ = await asked("bedrock/us.amazon.nova-lite-v1:0", {"api_key": KEY}, CONVERSE)
    assert conversation.headers["authorization"] == f"Bearer {KEY}"


async def test_bedrocks_session_token_goes_along() -> None:
    conversation, _ = await asked("bedrock/m", {**AWS, "aws_session_token": "of-the-session"}, CONVERSE)
    assert conversation.headers["x-amz-security-token"] == "of-the-session"


@pytest.mark.parametrize("base", ["", "/v1", "/v2", "/v2/chat", "/v1/chat", "/compatibility/v1"])
async def test_cohere(base: str) -> None:
    for provider in ("cohere_chat", "cohere"):
        conversation, _ = await asked(f"{provider}/command-a-03-2025", {"api_key": KEY}, COHERE, base)
        assert target(conversation) == "/v2/chat"
        assert conversation.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("provider", ["ollama", "ollama_chat"])
@pytest.mark.parametrize("base", ["", "/v1", "/api"])
async def test_ollama_without_a_key_and_with_one(provider: str, base: str) -> None:
    conversation, _ = await asked(f"{provider}/llama3.2:1b", {}, OLLAMA, base)
    assert target(conversation) == "/api/chat"
    assert "authorization" not in conversation.headers
    conversation, _ = await asked(f"{provider}/llama3.2:1b", {"api_key": KEY}, OLLAMA, base)
    assert conversation.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("base", "section", "wanted"),
    [
        ("", {}, "/openai/deployments/mine/chat/completions?api-version=2024-10-21"),
        (
            "/",
            {"api_version": "2025-04-01-preview"},
            "/openai/deployments/mine/chat/completions?api-version=2025-04-01-preview",
        ),
        ("/openai", {}, "/openai/deployments/mine/chat/completions?api-version=2024-10-21"),
        ("/openai/deployments/other", {}, "/openai/deployments/other/chat/completions?api-version=2024-10-21"),
        ("/openai/v1", {}, "/openai/v1/chat/completions"),
        ("/openai/v1/", {"api_version": "preview"}, "/openai/v1/chat/completions?api-version=preview"),
    ],
)
async def test_azures_deployments_and_its_v1_surface(base: str, section: dict[str, str], wanted: str) -> None:
    conversation, _ = await asked("azure/mine", {"api_key": KEY, **section}, OPENAI, base)
    assert target(conversation) == wanted
    assert conversation.headers["api-key"] == KEY
    assert "authorization" not in conversation.headers


@pytest.mark.parametrize("provider", ["azure", "azure_ai"])
async def test_azure_by_an_entra_token(provider: str) -> None:
    conversation, _ = await asked(f"{provider}/mine", {"azure_ad_token": "of-entra"}, OPENAI)
    assert conversation.headers["authorization"] == "Bearer of-entra"
    assert "api-key" not in conversation.headers


async def test_azures_content_filter_annotations_stay() -> None:
    safe = {"hate": {"filtered": False, "severity": "safe"}}
    answer = {**OPENAI, "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": safe}]}
    answer["choices"] = [{**OPENAI["choices"][0], "content_filter_results": safe}]
    _, completion = await asked("azure/mine", {"api_key": KEY}, answer)
    assert completion["prompt_filter_results"][0]["content_filter_results"] == safe
    assert completion["choices"][0]["content_filter_results"] == safe


async def test_azures_content_filter_annotations_stay_in_a_stream() -> None:
    safe = {"hate": {"filtered": False, "severity": "safe"}}
    head = {"id": "", "object": "", "created": 0, "model": "", "choices": []}
    events = [
        {**head, "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": safe}]},
        {
            **head,
            "id": "1",
            "choices": [
                {"index": 0, "delta": {"role": "assistant", "content": "Hello"}, "content_filter_results": safe}
            ],
        },
        {**head, "id": "1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    ]

    async def provider(conversation: Conversation) -> None:
        await conversation.begin()
        for event in events:
            await conversation.piece(b"data: " + json.dumps(event).encode() + b"\n\n")
        await conversation.piece(b"data: [DONE]\n\n")
        await conversation.piece(b"")

    async with serving(provider) as far, Gateway({"azure": {"api_key": KEY, "base_url": far.base}}) as gateway:
        chunks = [chunk async for chunk in gateway.stream({"model": "azure/mine", **HI})]
    assert any(chunk.get("prompt_filter_results") for chunk in chunks)
    assert any(choice.get("content_filter_results") == safe for chunk in chunks for choice in chunk["choices"])


@pytest.mark.parametrize(("base", "wanted"), [
    ("/models", "/models/chat/completions?api-version=2024-05-01-preview"),
    ("/openai/v1", "/openai/v1/chat/completions"),
])  # fmt: skip
async def test_foundrys_model_inference(base: str, wanted: str) -> None:
    conversation, _ = await asked("azure_ai/grok-4", {"api_key": KEY}, OPENAI, base)
    assert target(conversation) == wanted
    assert conversation.headers["api-key"] == KEY


@pytest.mark.parametrize("base", ["", "/models", "/anthropic", "/anthropic/v1/messages"])
async def test_claude_on_foundry(base: str) -> None:
    conversation, completion = await asked("azure_ai/claude-opus-4-8", {"api_key": KEY}, ANTHROPIC, base)
    assert target(conversation) == "/anthropic/v1/messages"
    assert conversation.headers["x-api-key"] == KEY
    assert json.loads(conversation.body)["model"] == "claude-opus-4-8"
    assert completion["ingate"]["provider"] == "azure_ai"


async def test_claude_on_foundry_by_an_entra_token() -> None:
    conversation, _ = await asked("azure_ai/claude-opus-4-8", {"azure_ad_token": "of-entra"}, ANTHROPIC)
    assert conversation.headers["authorization"] == "Bearer of-entra"
    assert conversation.headers["anthropic-version"] == "2023-06-01"


@pytest.mark.parametrize(
    ("model", "section", "answer"),
    [
        ("anthropic/m", {"api_key": KEY}, {"type": "error", "error": {"type": "authentication_error", "message": KEY}}),
        ("gemini/m", {"api_key": KEY}, {"error": {"code": 401, "status": "UNAUTHENTICATED", "message": f"bad {KEY}"}}),
        ("bedrock/m", {"api_key": KEY}, {"message": f"bad {KEY}"}),
        ("cohere_chat/m", {"api_key": KEY}, {"message": f"invalid api token {KEY}"}),
        ("azure/m", {"api_key": KEY}, {"error": {"code": "401", "message": f"bad {KEY}"}}),
    ],
)
async def test_a_refused_key_is_told_with_its_source_and_never_shown(
    model: str, section: dict[str, str], answer: dict[str, Any]
) -> None:
    async def provider(conversation: Conversation) -> None:
        await conversation.answer(json.dumps(answer).encode(), status="401 Unauthorized")

    name = model.partition("/")[0]
    async with serving(provider) as far, Gateway({name: {"base_url": far.base, **section}}, retries=0) as gateway:
        with pytest.raises(AuthenticationError) as caught:
            await gateway.complete({"model": model, **HI})
    assert caught.value.provider == name
    assert f"{name}.api_key" in (caught.value.credential_source or "")
    assert KEY not in repr(caught.value) + str(caught.value) + str(vars(caught.value))
