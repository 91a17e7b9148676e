"""Which providers have a Messages endpoint beside their own format, and where: data, each row with its source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesProvider:
    """How one provider serves Anthropic's Messages.

    Attributes:
        source: The page this is known from.
        path: The path that takes the place of `strip` at the end of the base URL; `/v1/messages` follows it.
        strip: Endings of the provider's other base URLs, of which the first that fits is removed.
        claude_only: Whether only Claude models have it.
        listed: Whether a model that is in the catalog has it only if its entry says so.
        preferred: Whether it serves its models better than the provider's own format does.
    """

    source: str
    path: str = ""
    strip: tuple[str, ...] = ("/v1",)
    claude_only: bool = False
    listed: bool = False
    preferred: bool = False


PROVIDERS: Final[Mapping[str, MessagesProvider]] = {
    "deepseek": MessagesProvider(
        source="https://api-docs.deepseek.com/guides/anthropic_api", path="/anthropic", strip=("/beta", "/v1")
    ),
    "moonshot": MessagesProvider(
        source="https://platform.moonshot.ai/docs/guide/agent-support", path="/anthropic", strip=("/v1",)
    ),
    "zai": MessagesProvider(
        source="https://docs.z.ai/devpack/tool/claude",
        path="/api/anthropic",
        strip=("/api/coding/paas/v4", "/api/paas/v4", "/paas/v4", "/v1"),
    ),
    "minimax": MessagesProvider(
        source="https://platform.minimax.io/docs/api-reference/text-anthropic-api", path="/anthropic"
    ),
    "dashscope": MessagesProvider(
        source="https://www.alibabacloud.com/help/en/model-studio/anthropic-api-messages",
        path="/apps/anthropic",
        strip=("/compatible-mode/v1", "/v1"),
    ),
    "openrouter": MessagesProvider(source="https://openrouter.ai/docs/api/api-reference/anthropic-messages"),
    "vercel_ai_gateway": MessagesProvider(source="https://vercel.com/docs/ai-gateway/sdks-and-apis/anthropic-compat"),
    "github_copilot": MessagesProvider(
        # Chat completions of Claude lose its signed thinking there.
        source="https://github.com/microsoft/vscode-copilot-chat/blob/main/src/platform/endpoint/node/messagesApi.ts",
        claude_only=True,
        listed=True,
        preferred=True,
    ),
    "bedrock_mantle": MessagesProvider(
        source="https://docs.aws.amazon.com/bedrock/latest/userguide/bedrock-mantle.html",
        path="/anthropic",
        strip=("/openai/v1", "/v1"),
        claude_only=True,
    ),
    "ollama": MessagesProvider(source="https://docs.ollama.com/api/anthropic-compatibility"),
    "ollama_chat": MessagesProvider(source="https://docs.ollama.com/api/anthropic-compatibility"),
    "lm_studio": MessagesProvider(source="https://lmstudio.ai/docs/developer/anthropic-compat"),
    "hosted_vllm": MessagesProvider(
        source="https://docs.vllm.ai/en/latest/serving/online_serving/openai_compatible_server/"
    ),
    "llamafile": MessagesProvider(source="https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md"),
    "litellm_proxy": MessagesProvider(source="https://docs.litellm.ai/docs/anthropic_unified"),
}


def messages_base(provider: str, api_base: str) -> str | None:
    """The base URL of a provider's Messages endpoint, from the one of its own format; None if it has none."""
    row = PROVIDERS.get(provider)
    if row is None:
        return None
    parts = urlsplit(api_base)
    path = parts.path.rstrip("/")
    if not (row.path and path.endswith(row.path)):
        stripped = next((path.removesuffix(ending) for ending in row.strip if path.endswith(ending)), path)
        path = stripped + row.path
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))
