"""Which providers have a Responses endpoint, where it is, and how each departs from OpenAI's: data, each row with its source.

What a row does not mention is sent as OpenAI documents it. A row names what a provider refuses, or what it would
silently misread; what a provider merely ignores needs no entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Availability = Literal["all", "listed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsesProvider:
    """How one provider serves the Responses API.

    Attributes:
        source: The page or thread this is known from.
        models: `all` if every chat model of the provider has the endpoint; `listed` if only the models whose catalog
            entry says so (mode `responses`, or `/v1/responses` among its endpoints) have it.
        preferred: Whether the provider recommends the endpoint over Chat Completions, which it restricts or deprecates.
        path: The path between the provider's base URL and `/responses`, for base URLs that do not end in it already. Where
            it depends on the model, it is a fact (`responses_path` in `data/model_facts.json`).
        takes: Chat parameters beyond the API's own that the provider accepts under the same name.
        refused: Request fields (by their Responses names) that make the provider refuse the request, or that it has no
            use for and the caller would miss; they are dropped and reported.
        store: Whether `store` is sent. If it is not, the provider stores nothing anyway.
        stores: Whether the provider can store responses, so that `store: true` means something.
        encrypted: Whether reasoning is returned encrypted on request (`include: reasoning.encrypted_content`).
        summary: Whether `reasoning.summary: auto` is sent along with an effort, so that reasoning text is returned.
        reasoning_text: Whether reasoning text that comes without a reasoning item must be sent back as one.
        developer_role: Whether the role `developer` is known; it becomes `system` if not.
        phase: Whether a message's `phase` (commentary or final answer) is understood.
        output_ids: Whether an assistant's message that is a list of parts must have an `id` and a `status`.
        lasting_ids: Whether an item keeps its id, from event to event and into the next turn.
        call_fields: Fields of a function call that the provider wants back with it.
        media_results: Whether a function's output may hold images and files; they follow in a user message if not.
        custom_tools: Whether tools of the type `custom` are known; they become functions with one `input` if not.
        allowed_tools: Whether `tool_choice` may be a list of allowed tools; other tools are left out if not.
        web_search: Whether the tool `web_search` exists.
        search_options: The options of `web_search` that are understood.
        chat_format: Whether the answer's form is asked for as in Chat Completions (`response_format`).
        preset_prefix: How names of presets begin, which go into `preset` instead of `model`; empty for none.
        efforts: The values of `reasoning.effort` the provider accepts for any model; None if that depends on the model.
        min_output_tokens: The least `max_output_tokens` the provider accepts.
    """

    source: str
    models: Availability = "all"
    preferred: bool = False
    path: str = ""
    takes: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    store: bool = True
    stores: bool = True
    encrypted: bool = False
    summary: bool = False
    reasoning_text: bool = False
    developer_role: bool = False
    phase: bool = False
    output_ids: bool = False
    lasting_ids: bool = True
    call_fields: frozenset[str] = frozenset()
    media_results: bool = False
    custom_tools: bool = False
    allowed_tools: bool = False
    web_search: bool = False
    search_options: frozenset[str] = frozenset({"search_context_size", "user_location"})
    chat_format: bool = False
    preset_prefix: str = ""
    efforts: tuple[str, ...] | None = None
    min_output_tokens: int = 1


# Parameters of other providers, which OpenAI's own servers refuse by name.
_NOT_OPENAIS: Final = frozenset({"top_k", "min_p", "repetition_penalty", "cache_control"})

# Where tools may be grouped: a call must name its group when it goes back.
_NAMESPACE: Final = frozenset({"namespace"})

# A server nobody has described: what the published specification (https://www.openresponses.org/specification) has.
DEFAULT: Final = ResponsesProvider(source="https://www.openresponses.org/specification")

# Stateless, function tools only.
_OLLAMA: Final = ResponsesProvider(
    # https://github.com/ollama/ollama/blob/main/openai/responses.go
    source="https://docs.ollama.com/api/openai-compatibility#v1responses",
    path="/v1",
    refused=frozenset({"previous_response_id", "conversation", "background", "tool_choice"}),
    store=False,
    stores=False,
    media_results=True,
    efforts=("none", "low", "medium", "high", "max"),
)

PROVIDERS: Final[Mapping[str, ResponsesProvider]] = {
    "openai": ResponsesProvider(
        # No summary unasked: OpenAI refuses it to organisations that are not verified (BerriAI/litellm#16032,
        # continuedev/continue#12047). A request can ask for it with `reasoning_summary` or `reasoning`.
        source="https://platform.openai.com/docs/api-reference/responses/create",
        preferred=True,
        refused=_NOT_OPENAIS,
        encrypted=True,
        developer_role=True,
        phase=True,
        call_fields=_NAMESPACE,
        media_results=True,
        custom_tools=True,
        allowed_tools=True,
        web_search=True,
        min_output_tokens=16,
    ),
    "azure": ResponsesProvider(
        source="https://learn.microsoft.com/azure/ai-foundry/openai/how-to/responses",
        models="listed",
        preferred=True,
        path="/openai/v1",
        refused=_NOT_OPENAIS,
        encrypted=True,
        summary=True,
        developer_role=True,
        phase=True,
        call_fields=_NAMESPACE,
        media_results=True,
        custom_tools=True,
        allowed_tools=True,
        web_search=True,
        min_output_tokens=16,
    ),
    "azure_ai": ResponsesProvider(
        source="https://learn.microsoft.com/azure/ai-foundry/foundry-models/how-to/generate-responses",
        models="listed",
        path="/openai/v1",
        refused=_NOT_OPENAIS,
        encrypted=True,
        summary=True,
        developer_role=True,
        phase=True,
        call_fields=_NAMESPACE,
        media_results=True,
        custom_tools=True,
        allowed_tools=True,
        min_output_tokens=16,
    ),
    "xai": ResponsesProvider(
        # Chat Completions is deprecated there: https://docs.x.ai/developers/model-capabilities/text/comparison.
        source="https://docs.x.ai/developers/model-capabilities/text/generate-text",
        preferred=True,
        refused=frozenset({"metadata"}),
        encrypted=True,
        web_search=True,
        search_options=frozenset(),
    ),
    "groq": ResponsesProvider(
        source="https://console.groq.com/docs/responses-api#unsupported-features",
        refused=frozenset(
            {"previous_response_id", "truncation", "include", "safety_identifier", "prompt_cache_key", "prompt"}
        ),
        store=False,
        stores=False,
    ),
    "deepseek": ResponsesProvider(
        # Unknown fields are ignored; reasoning must come back with tools (lidge-jun/opencodex#1534). The web search is
        # in recordings of the API.
        source="https://api-docs.deepseek.com/guides/responses_api/",
        refused=frozenset({"previous_response_id", "conversation"}),
        stores=False,
        reasoning_text=True,
        web_search=True,
    ),
    "openrouter": ResponsesProvider(
        # https://github.com/OpenRouterTeam/typescript-sdk/blob/main/src/models/responsesrequest.ts
        source="https://openrouter.ai/docs/api/reference/responses/overview",
        takes=frozenset({"presence_penalty", "frequency_penalty", "modalities"}),
        refused=frozenset({"previous_response_id", "conversation"}),
        stores=False,
        encrypted=True,
        summary=True,
        developer_role=True,
        phase=True,
        output_ids=True,
        call_fields=_NAMESPACE,
        custom_tools=True,
        web_search=True,
    ),
    "perplexity": ResponsesProvider(
        # https://github.com/perplexityai/perplexity-py/blob/main/src/perplexity/types/response_create_params.py
        source="https://docs.perplexity.ai/docs/agent-api/openai-compatibility",
        models="listed",
        preferred=True,
        path="/v1",
        refused=frozenset(
            {
                "previous_response_id",
                "conversation",
                "metadata",
                "include",
                "text",
                "tool_choice",
                "parallel_tool_calls",
            }
        ),
        store=False,
        stores=False,
        call_fields=frozenset({"thought_signature"}),
        web_search=True,
        chat_format=True,
        preset_prefix="preset/",
    ),
    "databricks": ResponsesProvider(
        # OpenAI's models only.
        source="https://docs.databricks.com/aws/en/machine-learning/foundation-model-apis/api-reference#responses-api",
        models="listed",
        path="/serving-endpoints",
        refused=_NOT_OPENAIS,
        encrypted=True,
        summary=True,
        developer_role=True,
        call_fields=_NAMESPACE,
        media_results=True,
        custom_tools=True,
        min_output_tokens=16,
    ),
    "bedrock_mantle": ResponsesProvider(
        source="https://docs.aws.amazon.com/bedrock/latest/userguide/inference-responses-api.html",
        models="listed",
        path="/v1",
        refused=_NOT_OPENAIS,
        encrypted=True,
        summary=True,
        developer_role=True,
        call_fields=_NAMESPACE,
        media_results=True,
        custom_tools=True,
        web_search=True,
    ),
    "github_copilot": ResponsesProvider(
        # Item ids change from event to event, and what calls a tool may be enciphered until it is complete
        # (lidge-jun/opencodex#995); an id of an earlier turn is refused (NousResearch/hermes-agent#32725).
        source="https://github.com/microsoft/vscode-copilot-chat/blob/main/src/platform/endpoint/node/responsesApi.ts",
        models="listed",
        preferred=True,
        refused=_NOT_OPENAIS | {"previous_response_id", "service_tier"},
        stores=False,
        lasting_ids=False,
        encrypted=True,
        summary=True,
        developer_role=True,
        call_fields=_NAMESPACE,
        media_results=True,
        min_output_tokens=16,
    ),
    "ollama": _OLLAMA,
    "ollama_chat": _OLLAMA,
    "lm_studio": ResponsesProvider(source="https://lmstudio.ai/docs/developer/openai-compat/responses", path="/v1"),
    "hosted_vllm": ResponsesProvider(
        # https://github.com/vllm-project/vllm/blob/main/vllm/entrypoints/openai/responses/protocol.py
        source="https://docs.vllm.ai/en/latest/serving/online_serving/openai_compatible_server/",
        path="/v1",
        takes=frozenset({"stop", "seed", "logit_bias"}),
        refused=frozenset({"prompt"}),
    ),
    "litellm_proxy": ResponsesProvider(
        # Any model: what has no Responses endpoint itself is translated by the proxy, which drops what it cannot take.
        source="https://docs.litellm.ai/docs/response_api",
        encrypted=True,
        summary=True,
        developer_role=True,
        phase=True,
        call_fields=_NAMESPACE,
        media_results=True,
        custom_tools=True,
        allowed_tools=True,
        web_search=True,
    ),
}


def responses_providers() -> frozenset[str]:
    """The providers (by their names in the provider map) that have a Responses endpoint for at least some models."""
    return frozenset(PROVIDERS)


def responses_provider(provider: str) -> ResponsesProvider:
    """How `provider` serves the Responses API; by the published specification if nothing is known of it."""
    return PROVIDERS.get(provider, DEFAULT)
