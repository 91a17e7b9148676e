"""Rejections as providers word them, from the error's body to the facts that they teach.

The bodies are those of public issue threads, shortened.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingate.errors import BadRequestError
from ingate.wire.errors import error_from_response
from ingate.wire.rejection import read_rejection

TOOL = {"type": "function", "function": {"name": "a.b", "parameters": {}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "a.b", "arguments": "{}"}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
CHAT: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": "x"},
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "x"},
    ],
    "temperature": 0.2,
    "top_p": 0.5,
    "top_k": 4,
    "stop": ["x"],
    "n": 2,
    "logprobs": True,
    "top_logprobs": 3,
    "logit_bias": {"1": 1},
    "presence_penalty": 1,
    "frequency_penalty": 1,
    "reasoning_effort": "none",
    "tool_choice": "required",
    "parallel_tool_calls": False,
    "response_format": SCHEMA,
    "tools": [TOOL],
    "seed": 4,
    "user": "ada",
    "store": True,
    "metadata": {"a": "b"},
    "max_tokens": 100,
    "verbosity": "low",
    "service_tier": "flex",
    "prompt_cache_key": "k",
}


def _openai(message: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}


def _anthropic(message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": "invalid_request_error", "message": message}, "request_id": "req_1"}


def _gemini(message: str) -> list[dict[str, Any]]:
    return [{"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}]


def _refused(*names: str) -> dict[str, Any]:
    return {"refused": list(names)}


NO_FIELD = "Invalid JSON payload received. Unknown name \"{}\" at 'generation_config': Cannot find field."


def _extra(*path: str | int) -> dict[str, Any]:
    return {"type": "extra_forbidden", "loc": ["body", *path], "msg": "Extra inputs are not permitted", "input": None}


NAMES = {"chars": "a-zA-Z0-9_-", "max": 64}

WORDINGS: list[tuple[str, int, Any, dict[str, Any] | None]] = [
    # OpenAI and Azure, Chat Completions and Responses
    ("openai", 400, _openai("Unsupported parameter: 'temperature' is not supported with this model.", "temperature", "unsupported_parameter"), _refused("temperature")),
    ("openai", 400, _openai("Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported.", "temperature", "unsupported_value"), _refused("temperature")),
    ("openai", 400, _openai("Unsupported parameter: 'parallel_tool_calls' is not supported with this model.", "parallel_tool_calls", "unsupported_parameter"), _refused("parallel_tool_calls")),
    ("openai", 400, _openai("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", "max_tokens", "unsupported_parameter"), {"max_tokens_name": "max_completion_tokens"}),
    ("openai", 400, _openai("Unsupported value: 'reasoning_effort' does not support 'none' with this model. Supported values are: 'minimal', 'low', 'medium', and 'high'.", "reasoning_effort", "unsupported_value"), {"efforts": ["minimal", "low", "medium", "high"]}),
    ("openai", 400, _openai("Unsupported parameter: 'reasoning.effort' is not supported with this model.", "reasoning.effort", "unsupported_parameter"), _refused("reasoning_effort")),
    ("openai", 400, _openai("Unrecognized request argument supplied: reasoning_effort"), _refused("reasoning_effort")),
    ("openai", 400, _openai("Unrecognized request arguments supplied: top_k, seed"), _refused("top_k", "seed")),
    ("openai", 400, _openai("Unknown parameter: 'prompt_cache_key'.", "prompt_cache_key", "unknown_parameter"), _refused("prompt_cache_key")),
    ("openai", 400, _openai("Invalid 'messages[1].tool_calls[0].id': string too long. Expected a string with maximum length 40, but got a string with length 64 instead.", "messages[1].tool_calls[0].id", "string_above_max_length"), {"call_id": {"chars": "a-zA-Z0-9_-", "max": 40}}),
    ("openai", 400, _openai("Invalid 'tools[0].function.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.", "tools[0].function.name", "invalid_value"), {"tool_name": NAMES}),
    ("openai", 400, _openai("Invalid type for 'temperature': expected a decimal, but got a string instead.", "temperature", "invalid_type"), None),
    ("openai", 400, _openai("Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead.", "temperature", "decimal_above_max_value"), None),
    ("openai", 400, _openai("Invalid value: 'user'. Supported values are: 'system', 'assistant'.", "messages[0].role", "invalid_value"), None),
    # Anthropic, also behind other clouds
    ("anthropic", 400, _anthropic("`temperature` is deprecated for this model."), _refused("temperature")),
    ("anthropic", 400, _anthropic("`temperature` and `top_p` cannot both be specified for this model. Please use only one."), {"one_sampling": True}),
    ("anthropic", 400, _anthropic("top_k: Extra inputs are not permitted"), _refused("top_k")),
    ("anthropic", 400, _anthropic("metadata.user_id: Extra inputs are not permitted"), _refused("user")),
    ("anthropic", 400, _anthropic("This model does not support the effort parameter."), _refused("reasoning_effort")),
    ("anthropic", 400, _anthropic("This model does not support effort level 'none'. Supported levels: high, low, medium."), {"efforts": ["low", "medium", "high"]}),
    ("anthropic", 400, _anthropic('"thinking.type.disabled" is not supported for this model.'), {"thinking_always_on": True}),
    ("anthropic", 400, _anthropic("Thinking may not be enabled when tool_choice forces tool use."), {"forced_tools": False}),
    ("anthropic", 400, _anthropic("tool_choice: type `any` is not supported with this model"), {"forced_tools": False}),
    ("anthropic", 400, _anthropic("tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'"), {"tool_name": {**NAMES, "max": 128}}),
    ("anthropic", 400, _anthropic("messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"), {"call_id": NAMES}),
    ("anthropic", 400, _anthropic("messages.65.content.1.tool_use.text: Extra inputs are not permitted"), None),
    ("anthropic", 400, _anthropic("`max_tokens` must be greater than `thinking.budget_tokens`."), None),
    ("anthropic", 400, _anthropic("temperature: Input should be less than or equal to 1"), None),
    # Gemini and Vertex AI
    ("gemini", 400, _gemini(NO_FIELD.format("topP")), _refused("top_p")),
    ("gemini", 400, _gemini(f"{NO_FIELD.format('seed')}\n{NO_FIELD.format('topK')}"), _refused("seed", "top_k")),
    ("gemini", 400, _gemini("Invalid JSON payload received. Unknown name \"metadata\" at 'contents[7].parts[0]': Cannot find field."), None),
    ("gemini", 400, _gemini("Penalty is not enabled for models/gemini-2.5-flash-preview-05-20"), _refused("presence_penalty", "frequency_penalty")),
    ("gemini", 400, _gemini("Logprobs is not enabled for models/gemini-2.5-pro"), _refused("logprobs", "top_logprobs")),
    ("gemini", 400, _gemini("Unable to submit request because Logprobs is not supported for this model."), _refused("logprobs", "top_logprobs")),
    ("gemini", 400, _gemini("Thinking level is not supported for this model."), _refused("reasoning_effort")),
    ("gemini", 400, _gemini("Budget 0 is invalid. This model only works in thinking mode."), {"thinking_always_on": True}),
    ("vertex_ai", 400, _gemini("Unable to submit request because The model does not support setting thinking_budget to 0."), {"thinking_always_on": True}),
    ("vertex_ai", 400, _gemini("Unable to submit request because the model does not support the stopSequences parameter. Remove it and try again."), _refused("stop")),
    ("gemini", 400, _gemini("Function calling with a response mime type: 'application/json' is unsupported"), {"structured_refused": ["tools"]}),
    # Bedrock
    ("bedrock", 400, {"message": "This model doesn't support the stopSequences field. Remove stopSequences and try again."}, _refused("stop")),
    ("bedrock", 400, {"message": "This model doesn't support the toolConfig.toolChoice.any field. Remove toolConfig.toolChoice.any and try again."}, {"forced_tools": False}),
    ("bedrock", 400, {"message": "The model returned the following errors: Malformed input request: #: extraneous key [top_k] is not permitted#: extraneous key [seed] is not permitted, please reformat your input and try again."}, _refused("top_k", "seed")),
    ("bedrock", 400, {"message": "The model returned the following errors: Malformed input request: #/toolConfig/tools/1/toolSpec/inputSchema/json: extraneous key [metadata] is not permitted, please reformat your input and try again."}, None),
    ("bedrock", 400, {"message": "The model returned the following errors: `temperature` and `top_p` cannot both be specified for this model. Please use only one."}, {"one_sampling": True}),
    ("bedrock", 400, {"message": "1 validation error detected: Value 'a.b' at 'toolConfig.tools.1.member.toolSpec.name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+"}, {"tool_name": NAMES}),
    # Cohere
    ("cohere_chat", 422, {"message": "unknown field: parameter 'logit_bias' is not a valid field. For proper usage, please refer to https://docs.cohere.com/reference/chat"}, _refused("logit_bias")),
    ("cohere_chat", 422, {"message": "unknown field: parameter 'strict' is not a valid field."}, None),
    # Mistral
    ("mistral", 422, {"object": "error", "message": {"detail": [_extra("n")]}, "type": "invalid_request_error"}, _refused("n")),
    ("mistral", 422, {"object": "Error", "detail": [_extra("logit_bias"), _extra("user")]}, _refused("logit_bias", "user")),
    ("mistral", 422, {"object": "error", "message": json.dumps({"detail": [_extra("frequency_penalty")]}), "type": "internal_error_proxy", "code": "1000"}, _refused("frequency_penalty")),
    ("mistral", 422, {"detail": [_extra("messages", 0, "user", "metadata")]}, None),
    ("mistral", 400, {"message": "Unexpected role 'user' after role 'tool'", "type": "invalid_request_message_order", "code": "3230"}, None),
    ("mistral", 400, {"message": "Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9.", "type": "invalid_function_call"}, {"call_id": {"chars": "a-zA-Z0-9", "min": 9, "max": 9}}),
    ("mistral", 400, {"message": "reasoning_effort 'none' is not supported by this model. Supported values are: ['low', 'high', 'max']", "type": "invalid_request_error"}, {"efforts": ["low", "high", "max"]}),
    # DeepSeek
    ("deepseek", 400, _openai("This response_format type is unavailable now"), {"structured": "json_object"}),
    ("deepseek", 422, _openai("Failed to deserialize the JSON body into the target type: response_format: response_format.type `json_schema` is unavailable now at line 1 column 4225"), {"structured": "json_object"}),
    ("deepseek", 400, _openai("deepseek-reasoner does not support this tool_choice"), {"forced_tools": False}),
    # Groq, xAI, Moonshot, Cerebras, Fireworks, Together, OpenRouter
    ("groq", 400, _openai("property 'store' is unsupported, did you mean 'stop'?"), _refused("store")),
    ("groq", 400, _openai("property 'verbosity' is unsupported"), _refused("verbosity")),
    ("groq", 400, _openai("json mode cannot be combined with tool/function calling"), {"structured_refused": ["tools"]}),
    ("groq", 400, _openai("`logprobs` is not supported with this model"), _refused("logprobs", "top_logprobs")),
    ("groq", 400, _openai("'n' : number must be at most 1"), _refused("n")),
    ("groq", 400, _openai("`reasoning_effort` must be one of `low`, `medium`, or `high`"), {"efforts": ["low", "medium", "high"]}),
    ("groq", 400, _openai("reasoning_effort `none` is not supported with this model"), {"efforts": ["low", "medium", "high", "xhigh", "max"]}),
    ("xai", 400, {"code": "Client specified an invalid argument", "error": "Argument not supported on this model: presencePenalty"}, _refused("presence_penalty")),
    ("xai", 400, {"code": "invalid-argument", "error": "Model grok-4.20-0309-reasoning does not support parameter reasoningEffort."}, _refused("reasoning_effort")),
    ("xai", 400, {"code": "Client specified an invalid argument", "error": "Argument not supported on this model: stop"}, _refused("stop")),
    ("moonshot", 400, _openai("invalid temperature: only 1 is allowed for this model"), _refused("temperature")),
    ("moonshot", 400, _openai("tool_choice 'required' is incompatible with thinking enabled"), {"forced_tools": False}),
    ("cerebras", 400, {"message": "messages.1.assistant.metadata: property 'messages.1.assistant.metadata' is unsupported", "type": "invalid_request_error", "param": "validation_error", "code": "wrong_api_format"}, None),
    ("cerebras", 400, {"message": "body.top_k: property 'top_k' is unsupported", "type": "invalid_request_error", "param": "validation_error", "code": "wrong_api_format"}, _refused("top_k")),
    ("fireworks_ai", 400, _openai("Extra inputs are not permitted, field: 'store', value: True"), _refused("store")),
    ("fireworks_ai", 400, _openai("2 request validation errors: Extra inputs are not permitted, field: 'store', value: True; Extra inputs are not permitted, field: 'verbosity', value: 'stop'"), _refused("store", "verbosity")),
    ("together_ai", 400, _openai("Input validation error"), None),
    ("openrouter", 400, {"error": {"message": "Reasoning is mandatory for this endpoint and cannot be disabled.", "code": 400, "metadata": {"provider_name": None}}}, {"thinking_always_on": True}),
    ("openrouter", 400, {"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": json.dumps(_openai("Unsupported parameter: 'top_p' is not supported with this model.", "top_p", "unsupported_parameter")), "provider_name": "Azure"}}}, _refused("top_p")),
    # servers of one's own
    ("hosted_vllm", 400, {"object": "error", "message": "[{'type': 'extra_forbidden', 'loc': ('body', 'seed'), 'msg': 'Extra inputs are not permitted', 'input': 4}, {'type': 'extra_forbidden', 'loc': ('body', 'store'), 'msg': 'Extra inputs are not permitted', 'input': True}]", "type": "BadRequestError", "code": 400}, _refused("seed", "store")),
    ("hosted_vllm", 400, {"object": "error", "message": "[{'type': 'extra_forbidden', 'loc': ('body', 'messages', 0, 'typed-dict', 'metadata'), 'msg': 'Extra inputs are not permitted', 'input': \"stop 'store' and 'seed'\"}]", "type": "BadRequestError", "code": 400}, None),
    ("hosted_vllm", 400, {"object": "error", "message": "1 validation error:\n  {'type': 'literal_error', 'loc': ('body', 'reasoning_effort'), 'msg': \"Input should be 'low', 'medium' or 'high'\", 'input': 'none', 'ctx': {'expected': \"'low', 'medium' or 'high'\"}}", "type": "Bad Request", "code": 400}, {"efforts": ["low", "medium", "high"]}),
    ("hosted_vllm", 400, _openai("1 validation error for ChatCompletionRequest\nmessages.0.user.metadata\n  Extra inputs are not permitted [type=extra_forbidden, input_value='stop', input_type=str]"), None),
    ("hosted_vllm", 400, _openai("1 validation error for ChatCompletionRequest\nlogit_bias\n  Extra inputs are not permitted [type=extra_forbidden, input_value={}, input_type=dict]"), _refused("logit_bias")),
    ("azure_ai", 422, {"detail": "Validation error at #/seed: Extra inputs are not permitted"}, _refused("seed")),
    ("ollama", 400, {"error": '"llama3.2:1b" does not support thinking'}, _refused("reasoning_effort")),
    ("ollama", 400, {"error": "registry.ollama.ai/library/gemma3n:e4b does not support thinking"}, _refused("reasoning_effort")),
    ("litellm_proxy", 400, _openai("litellm.UnsupportedParamsError: openai does not support parameters: ['temperature', 'user'], for model=x. To drop these, set `litellm.drop_params=True` or for proxy: `litellm_settings: drop_params: true`"), _refused("temperature", "user")),
    ("github_copilot", 400, _openai("temperature and top_p cannot both be specified for this model. Please use only one. (tid: 2025)", ""), {"one_sampling": True}),
]  # fmt: skip


@pytest.mark.parametrize(("provider", "status", "body", "facts"), WORDINGS)
def test_a_rejection_teaches_what_it_says_about_the_model_and_nothing_else(
    provider: str, status: int, body: Any, facts: dict[str, Any] | None
):
    error = error_from_response(status, {}, json.dumps(body), provider=provider)
    assert isinstance(error, BadRequestError), error
    found = read_rejection(error, CHAT)
    assert (found.facts if found is not None else None) == facts


def test_a_level_that_is_rejected_without_the_others_is_taken_from_those_known():
    error = error_from_response(400, {}, _openai("reasoning_effort `high` is not supported"), provider="x")
    assert isinstance(error, BadRequestError)
    found = read_rejection(error, {**CHAT, "reasoning_effort": "high"}, {"efforts": ["low", "high"]})
    assert found is not None
    assert found.facts == {"efforts": ["low"]}


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_the_other_name_of_a_limit_is_learned(name: str):
    other = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}[name]
    error = error_from_response(400, {}, _openai(f"Unknown parameter: '{name}', use '{other}'"), provider="x")
    assert isinstance(error, BadRequestError)
    found = read_rejection(error, {"messages": [], name: 5})
    assert found is not None
    assert found.facts == {"max_tokens_name": other}
    assert read_rejection(BadRequestError("x", provider_message="max_tokens is not valid"), {"max_tokens": 5}) is None
