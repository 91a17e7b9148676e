"""Where backings that speak OpenAI's wire format speak it differently: data, each row with its source.

What is not told here is sent as OpenAI has it. A row is for what a provider refuses, or for what it would silently
misread; what it ignores needs none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """How one backing differs.

    Attributes:
        source: Where this is known from.
        path: Put between a base URL without it and `/chat/completions`.
        renamed: Parameters that go by another name.
        refused: Parameters that make the provider refuse the request.
        no_stream_options: It refuses `stream_options`; it sends usage unasked.
        takes: Message fields beyond OpenAI's that it takes back (`reasoning_content`, `reasoning_details`).
        reasoning_field: The name it wants reasoning text back under.
        developer_role: Whether it knows the role `developer`; the role is `system` where not.
    """

    source: str = ""
    path: str = ""
    renamed: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    refused: frozenset[str] = frozenset()
    no_stream_options: bool = False
    takes: frozenset[str] = frozenset()
    reasoning_field: str = "reasoning_content"
    developer_role: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelQuirks:
    """How the models of some backings differ whose name `pattern` matches, with or without a vendor before a slash."""

    source: str
    backings: frozenset[str]
    pattern: re.Pattern[str]
    renamed: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    refused: frozenset[str] = frozenset()


_OLD_LIMIT: Final = MappingProxyType({"max_completion_tokens": "max_tokens"})
_REASONING: Final = frozenset({"reasoning_content"})

DEFAULT: Final = Quirks()

BACKINGS: Final[Mapping[str, Quirks]] = {
    "openai": Quirks(source="https://platform.openai.com/docs/api-reference/chat", developer_role=True),
    "azure": Quirks(source="https://learn.microsoft.com/azure/ai-foundry/openai/how-to/reasoning", developer_role=True),
    "litellm_proxy": Quirks(
        source="https://docs.litellm.ai/docs/reasoning_content",
        developer_role=True,
        takes=frozenset({"reasoning_content", "thinking_blocks", "reasoning_details", "provider_specific_fields"}),
    ),
    "openrouter": Quirks(
        source="https://openrouter.ai/docs/use-cases/reasoning-tokens",
        developer_role=True,
        takes=frozenset({"reasoning_details"}),
    ),
    "vercel_ai_gateway": Quirks(
        source="https://vercel.com/docs/ai-gateway/openai-compat",
        developer_role=True,
        takes=frozenset({"reasoning_details"}),
    ),
    "mistral": Quirks(
        # Extra fields are refused with 422: BerriAI/litellm#8978 (stream_options), editor-code-assistant/eca#231.
        source="https://docs.mistral.ai/api/endpoint/chat",
        renamed=MappingProxyType({"max_completion_tokens": "max_tokens", "seed": "random_seed"}),
        refused=frozenset(
            {"logprobs", "top_logprobs", "logit_bias", "user", "store", "service_tier", "verbosity", "modalities"}
        ),
        no_stream_options=True,
    ),
    "codestral": Quirks(
        source="https://docs.mistral.ai/api/endpoint/chat",
        renamed=MappingProxyType({"max_completion_tokens": "max_tokens", "seed": "random_seed"}),
        refused=frozenset(
            {"logprobs", "top_logprobs", "logit_bias", "user", "store", "service_tier", "verbosity", "modalities"}
        ),
        no_stream_options=True,
    ),
    "groq": Quirks(
        source="https://console.groq.com/docs/openai",
        refused=frozenset({"logprobs", "top_logprobs", "logit_bias"}),
        takes=_REASONING,
        reasoning_field="reasoning",
    ),
    "cerebras": Quirks(
        source="https://inference-docs.cerebras.ai/resources/openai",
        refused=frozenset({"frequency_penalty", "presence_penalty", "logit_bias"}),
        takes=_REASONING,
        reasoning_field="reasoning",
    ),
    "deepseek": Quirks(
        source="https://api-docs.deepseek.com/guides/thinking_mode", renamed=_OLD_LIMIT, takes=_REASONING
    ),
    "moonshot": Quirks(
        source="https://platform.moonshot.ai/docs/guide/use-kimi-k2-thinking-model",
        renamed=_OLD_LIMIT,
        takes=_REASONING,
    ),
    "zai": Quirks(source="https://docs.z.ai/guides/capabilities/thinking-mode", renamed=_OLD_LIMIT, takes=_REASONING),
    "minimax": Quirks(
        source="https://platform.minimax.io/docs/guides/text-m2-function-call",
        takes=frozenset({"reasoning_content", "reasoning_details"}),
    ),
    "xai": Quirks(source="https://docs.x.ai/docs/guides/reasoning", takes=_REASONING),
    "perplexity": Quirks(source="https://docs.perplexity.ai/api-reference/chat-completions-post", renamed=_OLD_LIMIT),
    "together_ai": Quirks(source="https://docs.together.ai/reference/chat-completions-1", renamed=_OLD_LIMIT),
    "ai21_chat": Quirks(source="https://docs.ai21.com/reference/jamba-1-6-api-ref", renamed=_OLD_LIMIT),
    "lm_studio": Quirks(source="https://lmstudio.ai/docs/developer/openai-compat", renamed=_OLD_LIMIT),
    "hosted_vllm": Quirks(source="https://docs.vllm.ai/en/latest/features/reasoning_outputs.html", takes=_REASONING),
    "llamafile": Quirks(
        source="https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md", takes=_REASONING
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

MODELS: Final[tuple[ModelQuirks, ...]] = (
    ModelQuirks(
        source="https://platform.openai.com/docs/guides/reasoning",
        backings=frozenset({"openai", "azure", "github", "openrouter", "vercel_ai_gateway"}),
        pattern=re.compile(r"(?:o[1-9](?:-|$)|gpt-[5-9](?!-chat)|codex)"),
        renamed=MappingProxyType({"max_tokens": "max_completion_tokens"}),
    ),
    ModelQuirks(
        # gpt-5.1 and later take sampling parameters again when they do not reason.
        source="https://platform.openai.com/docs/guides/latest-model",
        backings=frozenset({"openai", "azure", "github"}),
        pattern=re.compile(r"(?:o[1-9](?:-|$)|gpt-5(?:$|-(?:mini|nano|pro|codex|\d{4})))"),
        refused=frozenset(
            {"temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias"}
        ),
    ),
    ModelQuirks(
        source="https://docs.x.ai/docs/guides/reasoning",
        backings=frozenset({"xai"}),
        pattern=re.compile(r"grok-(?:3-mini|4(?!.*non-reasoning))"),
        refused=frozenset({"presence_penalty", "frequency_penalty", "stop"}),
    ),
)

# The value that a refused parameter may have anyway: it is what happens without it.
NEUTRAL: Final[Mapping[str, Any]] = {
    "temperature": 1,
    "top_p": 1,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "logprobs": False,
}


def quirks_of(backing: str) -> Quirks:
    """How `backing` differs; not at all for one that is not known."""
    return BACKINGS.get(backing, DEFAULT)


def model_quirks(backing: str, model: str) -> tuple[dict[str, str], frozenset[str]]:
    """What is renamed and what is refused for a model at a backing."""
    quirks = quirks_of(backing)
    renamed, refused = dict(quirks.renamed), quirks.refused
    name = model.rpartition("/")[2].lower()
    for row in MODELS:
        if backing in row.backings and row.pattern.match(name):
            renamed.update(row.renamed)
            refused |= row.refused
    return renamed, refused
