"""How providers with an OpenAI-compatible API deviate from OpenAI's: data, each row with its source.

Everything else is sent as OpenAI defines it. A row lists what a provider rejects or would misread; what it ignores
needs no row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """How one provider differs.

    Attributes:
        source: The documentation of these facts.
        path: Inserted between a base URL without it and `/chat/completions`.
        renamed: Parameters that have another name.
        refused: Parameters with which the provider rejects the request.
        no_stream_options: Whether it rejects `stream_options`; it sends usage anyway.
        accepts: Message fields beyond OpenAI's that it accepts (`reasoning_content`, `reasoning_details`).
        reasoning_field: The name under which it expects reasoning text.
        developer_role: Whether it accepts the role `developer`; otherwise `system` is sent.
        web_search: Whether it takes `web_search_options`, for the models that have a web search.
    """

    source: str = ""
    path: str = ""
    renamed: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    refused: frozenset[str] = frozenset()
    no_stream_options: bool = False
    accepts: frozenset[str] = frozenset()
    reasoning_field: str = "reasoning_content"
    developer_role: bool = False
    web_search: bool = False


_OLD_LIMIT: Final = MappingProxyType({"max_completion_tokens": "max_tokens"})
_REASONING: Final = frozenset({"reasoning_content"})

DEFAULT: Final = Quirks()

PROVIDERS: Final[Mapping[str, Quirks]] = {
    "openai": Quirks(source="https://platform.openai.com/docs/api-reference/chat", developer_role=True),
    "azure": Quirks(
        source="https://learn.microsoft.com/azure/ai-foundry/openai/how-to/reasoning",
        developer_role=True,
    ),
    "github_copilot": Quirks(
        # One answer may come as several choices, so that `n` has no meaning.
        source="https://github.com/microsoft/vscode-copilot-chat/blob/main/src/platform/networking/common/openai.ts",
        refused=frozenset({"n", "service_tier", "store"}),
        accepts=frozenset({"reasoning_content", "reasoning_opaque"}),
        reasoning_field="reasoning_text",
    ),
    "github": Quirks(source="https://docs.github.com/en/rest/models/inference"),
    "litellm_proxy": Quirks(
        source="https://docs.litellm.ai/docs/reasoning_content",
        developer_role=True,
        web_search=True,
        accepts=frozenset({"reasoning_content", "thinking_blocks", "reasoning_details", "provider_specific_fields"}),
    ),
    "openrouter": Quirks(
        source="https://openrouter.ai/docs/use-cases/reasoning-tokens",
        developer_role=True,
        web_search=True,
        accepts=frozenset({"reasoning_details"}),
        reasoning_field="reasoning",
    ),
    "vercel_ai_gateway": Quirks(
        source="https://vercel.com/docs/ai-gateway/openai-compat",
        developer_role=True,
        accepts=frozenset({"reasoning_details"}),
    ),
    "mistral": Quirks(
        # Extra fields are rejected with 422: BerriAI/litellm#8978 (stream_options), editor-code-assistant/eca#231.
        source="https://docs.mistral.ai/api/endpoint/chat",
        renamed=MappingProxyType({"max_completion_tokens": "max_tokens", "seed": "random_seed"}),
        refused=frozenset(
            {"logprobs", "top_logprobs", "logit_bias", "user", "store", "service_tier", "verbosity", "modalities"}
            | {"web_search_options", "top_k", "min_p", "repetition_penalty", "thinking", "cache_control", "reasoning"}
        ),
        no_stream_options=True,
    ),
    "codestral": Quirks(
        source="https://docs.mistral.ai/api/endpoint/chat",
        renamed=MappingProxyType({"max_completion_tokens": "max_tokens", "seed": "random_seed"}),
        refused=frozenset(
            {"logprobs", "top_logprobs", "logit_bias", "user", "store", "service_tier", "verbosity", "modalities"}
            | {"web_search_options", "top_k", "min_p", "repetition_penalty", "thinking", "cache_control", "reasoning"}
        ),
        no_stream_options=True,
    ),
    "groq": Quirks(
        source="https://console.groq.com/docs/openai",
        refused=frozenset({"logprobs", "top_logprobs", "logit_bias", "web_search_options"}),
        accepts=_REASONING,
        reasoning_field="reasoning",
    ),
    "cerebras": Quirks(
        source="https://inference-docs.cerebras.ai/resources/openai",
        refused=frozenset({"frequency_penalty", "presence_penalty", "logit_bias"}),
        accepts=_REASONING,
        reasoning_field="reasoning",
    ),
    "deepseek": Quirks(
        source="https://api-docs.deepseek.com/guides/thinking_mode", renamed=_OLD_LIMIT, accepts=_REASONING
    ),
    "moonshot": Quirks(
        source="https://platform.moonshot.ai/docs/guide/use-kimi-k2-thinking-model",
        renamed=_OLD_LIMIT,
        accepts=_REASONING,
    ),
    "zai": Quirks(source="https://docs.z.ai/guides/capabilities/thinking-mode", renamed=_OLD_LIMIT, accepts=_REASONING),
    "minimax": Quirks(
        source="https://platform.minimax.io/docs/guides/text-m2-function-call",
        accepts=frozenset({"reasoning_content", "reasoning_details"}),
    ),
    "xai": Quirks(source="https://docs.x.ai/docs/guides/reasoning", accepts=_REASONING),
    "perplexity": Quirks(
        source="https://docs.perplexity.ai/api-reference/chat-completions-post", renamed=_OLD_LIMIT, web_search=True
    ),
    "together_ai": Quirks(
        source="https://docs.together.ai/reference/chat-completions-1",
        renamed=_OLD_LIMIT,
        reasoning_field="reasoning",
    ),
    "ai21_chat": Quirks(source="https://docs.ai21.com/reference/jamba-1-6-api-ref", renamed=_OLD_LIMIT),
    "lm_studio": Quirks(source="https://lmstudio.ai/docs/developer/openai-compat", renamed=_OLD_LIMIT),
    "hosted_vllm": Quirks(source="https://docs.vllm.ai/en/latest/features/reasoning_outputs.html", accepts=_REASONING),
    "llamafile": Quirks(
        source="https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md", accepts=_REASONING
    ),
    "huggingface": Quirks(source="https://huggingface.co/docs/inference-providers", path="/v1"),
    "gradient_ai": Quirks(source="https://docs.digitalocean.com/products/gradient-ai-platform", path="/v1"),
    "bedrock_mantle": Quirks(
        source="https://docs.aws.amazon.com/bedrock/latest/userguide/bedrock-mantle.html", path="/v1"
    ),
    "docker_model_runner": Quirks(source="https://docs.docker.com/ai/model-runner/api-reference", path="/v1"),
    "datarobot": Quirks(
        source="https://docs.datarobot.com/en/docs/gen-ai/genai-code/dr-llm-gateway.html", path="/api/v2/genai/llmgw"
    ),
    "snowflake": Quirks(
        source="https://docs.snowflake.com/en/user-guide/snowflake-cortex/cortex-rest-api", path="/cortex/v1"
    ),
    "databricks": Quirks(
        source="https://docs.databricks.com/aws/en/machine-learning/model-serving/query-chat-models",
        path="/serving-endpoints",
    ),
}

# Parameters that a reasoning model rejects.
SAMPLING: Final = frozenset(
    {"temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias"}
)

# Parameters that other providers accept and OpenAI's own servers reject.
UNKNOWN_TO_OPENAI: Final = frozenset({"top_k", "min_p", "repetition_penalty", "thinking", "cache_control"})

# The default of a rejected parameter: at this value it can be left out silently.
NEUTRAL: Final[Mapping[str, Any]] = {
    "temperature": 1,
    "top_p": 1,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "logprobs": False,
    "n": 1,
    "store": False,
}


def quirks_of(provider: str) -> Quirks:
    """How `provider` differs; an unknown one does not."""
    return PROVIDERS.get(provider, DEFAULT)
