"""The provider and model of an entry in litellm's catalog, and the entries that are not a model that can be called.

An entry's key may or may not begin with litellm's provider name, and several of litellm's providers are one provider here.
`place` returns what `litellm.acompletion(model="<provider>/<model>")` accepts.
"""

from __future__ import annotations

import re
from typing import Final

from ingate.config.names import provider_names

# litellm's providers that have the same name here.
_SAME: Final = frozenset(
    """
    abliteration aihubmix aiml amazon_nova anthropic apertis assemblyai azure azure_ai baseten bedrock
    bedrock_mantle bytez cerebras charity_engine chatgpt chutes clarifai cloudflare codestral cognition
    cohere_chat cometapi compactifai cortecs crusoe custom_openai darkbloom dashscope databricks datarobot
    deepinfra deepseek docker_model_runner edenai empiriolabs empower featherless_ai fireworks_ai friendliai
    galadriel gemini gigachat github github_copilot gmi gradient_ai groq helicone heroku hosted_vllm huggingface
    hyperbolic inception lambda_ai lemonade libertai litellm_proxy llamafile llamagate lm_studio maritalk meta
    meta_llama minimax mistral modelscope moonshot morph nadir nano-gpt nebius neosantara nlp_cloud novita
    nscale nvidia_nim oci ollama openai openrouter ovhcloud parasail perplexity pinstripes poe predibase prism
    publicai qwen_ai_platform qwencloud reka replicate sagemaker sail sambanova sap sarvam scaleway scx-ai
    snowflake synthetic tencent tensormesh together_ai v0 veniceai vercel_ai_gateway vertex_ai volcengine wandb
    watsonx xai xiaomi_mimo xinference zai
    """.split()  # noqa: SIM905 - a hundred quoted names are harder to read
)

# litellm's providers that have other names here.
_OTHER: Final[dict[str, tuple[str, ...]]] = {
    "ai21": ("ai21_chat",),
    "azure_text": ("azure",),
    "bedrock_converse": ("bedrock",),
    "cohere": ("cohere_chat",),
    "ollama": ("ollama", "ollama_chat"),
    "text-completion-codestral": ("codestral",),
    "text-completion-openai": ("openai",),
    "text-completion-inception": ("inception",),
}

# Prefixes of keys that are neither the litellm_provider's name nor the provider's.
_HEADS: Final = {"amazon_nova": "amazon-nova/"}

# Models that only continue text, at endpoints other than OpenAI's: deployments, fill-in-the-middle, edits.
_NOT_OPENAI_COMPLETIONS: Final = frozenset({"azure_text", "text-completion-codestral", "text-completion-inception"})

NO_PROVIDER: Final = "unknown provider"
TEXT_ONLY: Final = "text completions only"
AZURE_REGION: Final = "Azure regional price"
COMMITMENT: Final = "Bedrock commitment price"
FINE_TUNED: Final = "fine-tuning price"
SIZE_BRACKET: Final = "price by model size"

REASONS: Final = {
    NO_PROVIDER: "litellm itself has no such provider",
    TEXT_ONLY: "it only continues text, and not through OpenAI's completions endpoint at the provider's own address",
    AZURE_REGION: "a price by data zone (`azure/eu/…`); Azure is called by the name of the user's own deployment",
    COMMITMENT: "the hourly price of provisioned throughput; the model is listed by its own name",
    FINE_TUNED: "a price for fine-tuned models in general; a call needs the name of a particular one",
    SIZE_BRACKET: "a price for all models of a size, not a model",
    "no chat": "has no input or output tokens: an embedding model that is listed as chat",
    "duplicate": "the same provider and model twice; the entry whose key has the provider's name is kept",
    "malformed": "the entry is not a JSON object",
}
"""Why an entry of a chat mode is left out, by the reason's short name."""

_COMMITMENT: Final = re.compile(r"(?:^|/)\d+-month-commitment/")
_SIZE_BRACKET: Final = re.compile(r"together-ai-(?:[\d.]+b-[\d.]+b|up-to-[\d.]+b|embedding-.*)\Z")


def providers_of(litellm_provider: str) -> tuple[str, ...]:
    """The providers here that serve the models of one of litellm's providers; empty if there is none."""
    if litellm_provider in _OTHER:
        return _OTHER[litellm_provider]
    if litellm_provider.startswith("vertex_ai-"):
        return ("vertex_ai",)
    return (litellm_provider,) if litellm_provider in _SAME or litellm_provider in provider_names().unmapped else ()


def litellm_providers() -> frozenset[str]:
    """Every litellm_provider named here, without Vertex AI's families (`vertex_ai-*`), which are matched by prefix."""
    return _SAME | _OTHER.keys()


def place(litellm_provider: str, key: str) -> tuple[tuple[str, ...], str] | str:
    """The providers and the model of a key in the catalog, or the reason why it is left out."""
    providers = providers_of(litellm_provider)
    if not providers:
        return NO_PROVIDER
    if litellm_provider in _NOT_OPENAI_COMPLETIONS:
        return TEXT_ONLY
    model = key
    for head in (f"{providers[0]}/", f"{litellm_provider}/", _HEADS.get(litellm_provider)):
        if head and key.startswith(head):
            model = key[len(head) :]
            break
    if litellm_provider == "azure" and "/" in model:
        return AZURE_REGION
    if _COMMITMENT.search(model):
        return COMMITMENT
    if model.startswith("ft:"):
        return FINE_TUNED
    if _SIZE_BRACKET.match(model):
        return SIZE_BRACKET
    return providers, model
