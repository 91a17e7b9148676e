"""Strict checkers of requests by the providers' published schemas: unknown keys, wrong types and broken turns fail.

Sources: https://platform.claude.com/docs/en/api/messages, https://ai.google.dev/api/generate-content.
They also back the provider simulators of the contract suite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support.checks import anything, arr, base64_text, by_type, either, flag, mapping, number, obj, one_of, refuse, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

# ---- Anthropic ------------------------------------------------------------------------------------------------

_CACHE = obj({"type": one_of("ephemeral")}, {"ttl": one_of("5m", "1h")})
_TYPE = {"type": anything}
_A_IMAGE_SOURCE = by_type(
    {
        "base64": obj(
            {**_TYPE, "media_type": one_of("image/jpeg", "image/png", "image/gif", "image/webp"), "data": base64_text}
        ),
        "url": obj({**_TYPE, "url": text("https?://.+")}),
        "file": obj({**_TYPE, "file_id": text(blank=False)}),
    }
)
_A_DOCUMENT_SOURCE = by_type(
    {
        "base64": obj({**_TYPE, "media_type": one_of("application/pdf"), "data": base64_text}),
        "text": obj({**_TYPE, "media_type": one_of("text/plain"), "data": text(blank=False)}),
        "url": obj({**_TYPE, "url": text("https?://.+")}),
        "file": obj({**_TYPE, "file_id": text(blank=False)}),
    }
)
_A_TEXT = obj({**_TYPE, "text": text(blank=False)}, {"cache_control": _CACHE, "citations": anything})
_A_IMAGE = obj({**_TYPE, "source": _A_IMAGE_SOURCE}, {"cache_control": _CACHE})
_A_DOCUMENT = obj(
    {**_TYPE, "source": _A_DOCUMENT_SOURCE},
    {"cache_control": _CACHE, "title": text(), "context": text(), "citations": obj({}, {"enabled": flag})},
)
_A_ID = text(r"[a-zA-Z0-9_-]+")
_A_RESULT = obj(
    {**_TYPE, "tool_use_id": _A_ID},
    {
        "content": either(
            text(blank=False), arr(by_type({"text": _A_TEXT, "image": _A_IMAGE, "document": _A_DOCUMENT}), 1)
        ),
        "is_error": flag,
        "cache_control": _CACHE,
    },
)
_A_USER = {"text": _A_TEXT, "image": _A_IMAGE, "document": _A_DOCUMENT, "tool_result": _A_RESULT}
_A_ASSISTANT = {
    "text": _A_TEXT,
    "thinking": obj({**_TYPE, "thinking": text(), "signature": text(blank=False)}),
    "redacted_thinking": obj({**_TYPE, "data": text(blank=False)}),
    "tool_use": obj(
        {**_TYPE, "id": _A_ID, "name": text(r"[a-zA-Z0-9_-]{1,128}"), "input": mapping},
        {"cache_control": _CACHE, "caller": mapping},
    ),
}
_SCHEMA_KEYS = (
    "properties required additionalProperties $defs definitions description title anyOf allOf $schema default"
)
_A_SCHEMA = obj({"type": one_of("object")}, dict.fromkeys(_SCHEMA_KEYS.split(), anything))
_A_TOOL = obj(
    {"name": text(r"[a-zA-Z0-9_-]{1,128}"), "input_schema": _A_SCHEMA},
    {"description": text(blank=False), "strict": flag, "cache_control": _CACHE, "type": one_of("custom")},
)
_A_SEARCH = obj(
    {"type": text(r"web_search_\d{8}"), "name": one_of("web_search")},
    {"max_uses": number(1, 100, whole=True), "user_location": mapping, "allowed_domains": arr(text())},
)
_PARALLEL = {"disable_parallel_tool_use": flag}
_A_CHOICE = by_type(
    {
        "auto": obj(_TYPE, _PARALLEL),
        "any": obj(_TYPE, _PARALLEL),
        "none": obj(_TYPE),
        "tool": obj({**_TYPE, "name": text(blank=False)}, _PARALLEL),
    }
)
_DISPLAY = {"display": one_of("summarized", "omitted")}
_BINDING = {"block_binding": obj({"prefix_mismatch_behavior": one_of("error", "drop_block")})}
_A_THINKING = by_type(
    {
        "enabled": obj({**_TYPE, "budget_tokens": number(1024, 200_000, whole=True)}, _DISPLAY),
        "adaptive": obj(_TYPE, {**_DISPLAY, **_BINDING}),
        "between_tools": obj(_TYPE, _BINDING),
        "disabled": obj(_TYPE),
    }
)
_A_FORMAT = obj({"type": one_of("json_schema"), "schema": mapping})
_A_REQUEST = obj(
    {"model": text(blank=False), "max_tokens": number(1, 128_000, whole=True), "messages": arr(mapping, 1)},
    {
        "system": either(text(blank=False), arr(_A_TEXT, 1)),
        "stream": flag,
        "temperature": number(0, 1),
        "top_p": number(0, 1),
        "top_k": number(0, 500, whole=True),
        "stop_sequences": arr(text(blank=False), 1),
        "tools": arr(either(_A_TOOL, _A_SEARCH), 1),
        "tool_choice": _A_CHOICE,
        "thinking": _A_THINKING,
        "output_config": obj({}, {"effort": one_of("low", "medium", "high", "xhigh", "max"), "format": _A_FORMAT}),
        "metadata": obj({}, {"user_id": text()}),
        "service_tier": one_of("auto", "standard_only"),
        "cache_control": _CACHE,
        "container": anything,
        "context_management": mapping,
    },
)


def check_anthropic(body: Any) -> None:
    """Raises `Refused` where Anthropic's Messages API would answer 400."""
    _A_REQUEST(body, "request")
    _anthropic_turns(body)
    thinking = body.get("thinking", {}).get("type")
    if thinking == "enabled":
        if body["thinking"]["budget_tokens"] >= body["max_tokens"]:
            refuse("thinking", "budget_tokens must be less than max_tokens")
        if body.get("tool_choice", {}).get("type") in {"any", "tool"}:
            refuse("thinking", "tool_choice forces tool use")
    sampled = body.get("temperature", 1) != 1 or "top_k" in body or body.get("top_p", 1) < 0.95
    if thinking in {"enabled", "adaptive"} and sampled:
        refuse("thinking", "sampling parameters cannot be set")
    if "tool_choice" in body and "tools" not in body:
        refuse("tool_choice", "there are no tools")
    names = [tool["name"] for tool in body.get("tools", ())]
    if len(set(names)) != len(names):
        refuse("tools", "names must be unique")
    if body.get("tool_choice", {}).get("type") == "tool" and body["tool_choice"]["name"] not in names:
        refuse("tool_choice", "names no tool")
    for tool in body.get("tools", ()):
        if tool.get("strict"):
            closed(tool["input_schema"], f"tools.{tool['name']}")
    form = body.get("output_config", {}).get("format")
    if form is not None:
        closed(form["schema"], "output_config.format.schema")
    marks = _marks(body)
    if marks > 4:
        refuse("cache_control", f"{marks} marks; at most 4")


def _anthropic_turns(body: Mapping[str, Any]) -> None:
    open_ids: set[str] = set()
    before = None
    uses_tools = False
    for at, turn in enumerate(body["messages"]):
        where = f"messages[{at}]"
        obj({"role": one_of("user", "assistant", "system"), "content": arr(mapping, 1)})(turn, where)
        if turn["role"] == "system":
            if before != "user":
                refuse(where, "a system turn must follow a user's")
            arr(by_type({"text": _A_USER["text"]}), 1)(turn["content"], f"{where}.content")
            before = "system"
            continue
        if before == "system" and turn["role"] != "assistant":
            refuse(where, "a system turn must be last or precede an assistant's")
        if turn["role"] == before:
            refuse(where, "roles must alternate")
        if at == 0 and turn["role"] != "user":
            refuse(where, "the first turn must be the user's")
        before = turn["role"]
        arr(by_type(_A_USER if before == "user" else _A_ASSISTANT), 1)(turn["content"], f"{where}.content")
        kinds = [block["type"] for block in turn["content"]]
        if before == "user":
            answered = [block["tool_use_id"] for block in turn["content"] if block["type"] == "tool_result"]
            if kinds[: len(answered)] != ["tool_result"] * len(answered):
                refuse(where, "tool results must come first")
            if set(answered) != open_ids or len(answered) != len(open_ids):
                refuse(where, f"tool_use ids {sorted(open_ids)} were answered by {answered}")
        else:
            open_ids = {block["id"] for block in turn["content"] if block["type"] == "tool_use"}
            uses_tools = uses_tools or bool(open_ids)
            thought = [at for at, kind in enumerate(kinds) if kind.endswith("thinking")]
            if thought and thought != list(range(len(thought))):
                refuse(where, "thinking must come first")
    if open_ids and before == "assistant":
        refuse("messages", "tool_use blocks are not answered")
    if uses_tools and "tools" not in body:
        refuse("tools", "tool_use blocks need tools")
    last = body["messages"][-1]
    if last["role"] == "assistant" and last["content"][-1].get("text", "x")[-1].isspace():
        refuse("messages", "the last assistant turn ends in white space")


def closed(schema: Any, where: str) -> None:
    """A schema as structured outputs take it: closed objects, no bounds."""
    if isinstance(schema, list):
        for item in schema:
            closed(item, where)
    if not isinstance(schema, dict):
        return
    for key in (
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "multipleOf",
        "maxItems",
        "pattern",
        "oneOf",
        "$schema",
    ):
        if key in schema and not isinstance(schema[key], dict):
            refuse(where, f"{key} is not supported")
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        refuse(where, "additionalProperties must be false")
    for key, value in schema.items():
        if key in {"properties", "$defs", "definitions"}:
            for name, child in value.items():
                closed(child, f"{where}.{name}")
        elif key in {"items", "anyOf", "allOf"}:
            closed(value, f"{where}.{key}")


def _marks(value: Any) -> int:
    if isinstance(value, list):
        return sum(_marks(item) for item in value)
    if isinstance(value, dict):
        return ("cache_control" in value) + sum(_marks(item) for key, item in value.items() if key != "cache_control")
    return 0


# ---- Gemini ---------------------------------------------------------------------------------------------------

_MIME = text(r"[a-z]+/[a-zA-Z0-9.+-]+")
_G_BLOB = obj({"mimeType": _MIME, "data": base64_text}, {"displayName": text()})
_G_FILE = obj({"fileUri": text(blank=False)}, {"mimeType": _MIME})
_G_RESPONSE = obj(
    {"name": text(blank=False), "response": mapping},
    {"id": text(blank=False), "parts": arr(either(obj({"inlineData": _G_BLOB}), obj({"fileData": _G_FILE})), 1)},
)
_G_SIGNED = {"thoughtSignature": text(r"[A-Za-z0-9+/_=-]+")}
_G_NAME = text(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}")
_G_USER_PART = either(
    obj({"text": text(r"(?s).+")}),
    obj({"inlineData": _G_BLOB}),
    obj({"fileData": _G_FILE}),
    obj({"functionResponse": _G_RESPONSE}),
)
_G_MODEL_PART = either(
    obj({"text": text()}, {**_G_SIGNED, "thought": flag}),
    obj({"functionCall": obj({"name": _G_NAME, "args": mapping}, {"id": text(blank=False)})}, _G_SIGNED),
)
_JSON_KEYS = {
    "$id", "$defs", "$ref", "$anchor", "type", "format", "title", "description", "enum", "items", "prefixItems",
    "minItems", "maxItems", "minimum", "maximum", "anyOf", "oneOf", "properties", "additionalProperties", "required",
    "propertyOrdering",
}  # fmt: skip
_OPENAPI_KEYS = {
    "type", "format", "title", "description", "nullable", "enum", "maxItems", "minItems", "properties", "required",
    "minProperties", "maxProperties", "minLength", "maxLength", "pattern", "example", "anyOf", "propertyOrdering",
    "default", "items", "minimum", "maximum",
}  # fmt: skip


def schema_of(keys: Iterable[str], types: Iterable[str]) -> Callable[[Any, str], None]:
    known, kinds = set(keys), set(types)

    def check(value: Any, where: str) -> None:
        if isinstance(value, bool):
            return
        mapping(value, where)
        for key, item in value.items():
            if key not in known:
                refuse(where, f"unknown schema keyword {key!r}")
            if key in {"properties", "$defs"}:
                for name, child in item.items():
                    check(child, f"{where}.{name}")
            elif key in {"items", "additionalProperties"}:
                check(item, f"{where}.{key}")
            elif key in {"anyOf", "oneOf", "prefixItems"}:
                arr(check)(item, f"{where}.{key}")
            elif key == "type":
                for kind in item if isinstance(item, list) else [item]:
                    one_of(*kinds)(kind, f"{where}.type")
            elif key == "enum" and "STRING" in kinds:
                arr(text())(item, f"{where}.enum")

    return check


_G_JSON = schema_of(_JSON_KEYS, ("object", "array", "string", "number", "integer", "boolean", "null"))
_G_OPENAPI = schema_of(_OPENAPI_KEYS, ("OBJECT", "ARRAY", "STRING", "NUMBER", "INTEGER", "BOOLEAN"))
_G_DECLARATION = either(
    obj({"name": _G_NAME, "description": text(blank=False)}),
    obj({"name": _G_NAME, "description": text(blank=False), "parameters": _G_OPENAPI}),
    obj({"name": _G_NAME, "description": text(blank=False), "parametersJsonSchema": _G_JSON}),
)
_G_TOOL = either(
    obj({"functionDeclarations": arr(_G_DECLARATION, 1)}),
    obj({"googleSearch": obj()}),
    obj({"codeExecution": obj()}),
    obj({"urlContext": obj()}),
)
_G_THINKING = obj(
    {},
    {
        "includeThoughts": flag,
        "thinkingBudget": number(-1, 32768, whole=True),
        "thinkingLevel": one_of("MINIMAL", "LOW", "MEDIUM", "HIGH", "minimal", "low", "medium", "high"),
    },
)
_G_CONFIG = obj(
    {},
    {
        "temperature": number(0, 2),
        "topP": number(0, 1),
        "topK": number(1, 1000),
        "candidateCount": number(1, 8, whole=True),
        "maxOutputTokens": number(1, 2_000_000, whole=True),
        "stopSequences": arr(text("(?s).+"), 1),
        "seed": number(-(2**31), 2**31, whole=True),
        "presencePenalty": number(-2, 2),
        "frequencyPenalty": number(-2, 2),
        "responseLogprobs": flag,
        "logprobs": number(0, 20, whole=True),
        "responseMimeType": one_of("text/plain", "application/json"),
        "responseSchema": _G_OPENAPI,
        "responseJsonSchema": _G_JSON,
        "responseModalities": arr(one_of("TEXT", "IMAGE", "AUDIO"), 1),
        "speechConfig": mapping,
        "mediaResolution": text(),
        "thinkingConfig": _G_THINKING,
    },
)
_G_REQUEST = obj(
    {"contents": arr(mapping, 1)},
    {
        "systemInstruction": obj({"parts": arr(obj({"text": text(r"(?s).+")}), 1)}, {"role": text()}),
        "generationConfig": _G_CONFIG,
        "tools": arr(_G_TOOL, 1),
        "toolConfig": obj(
            {},
            {
                "functionCallingConfig": obj(
                    {"mode": one_of("AUTO", "ANY", "NONE", "VALIDATED")}, {"allowedFunctionNames": arr(_G_NAME, 1)}
                )
            },
        ),
        "safetySettings": arr(obj({"category": text(), "threshold": text()})),
        "cachedContent": text(),
        "labels": mapping,
        "serviceTier": text(),
    },
)


def check_gemini(body: Any, *, signatures: bool = False) -> None:
    """Raises `Refused` where generateContent would answer 400.

    Args:
        body: The request.
        signatures: Whether the model asks for thought signatures on function calls.
    """
    _G_REQUEST(body, "request")
    before, calls = None, []
    for at, turn in enumerate(body["contents"]):
        where = f"contents[{at}]"
        obj({"role": one_of("user", "model"), "parts": arr(mapping, 1)})(turn, where)
        if turn["role"] == before:
            refuse(where, "roles must alternate")
        if at == 0 and turn["role"] != "user":
            refuse(where, "the first turn must be the user's")
        before = turn["role"]
        arr(_G_USER_PART if before == "user" else _G_MODEL_PART, 1)(turn["parts"], f"{where}.parts")
        if before == "user":
            answered = [part["functionResponse"]["name"] for part in turn["parts"] if "functionResponse" in part]
            if sorted(answered) != sorted(calls):
                refuse(where, f"function calls {calls} were answered by {answered}")
            calls = []
        else:
            parts = [part for part in turn["parts"] if "functionCall" in part]
            calls = [part["functionCall"]["name"] for part in parts]
            if signatures and parts and "thoughtSignature" not in parts[0]:
                refuse(where, "a function call is missing its thought_signature")
    config = body.get("generationConfig", {})
    if {"responseSchema", "responseJsonSchema"} <= config.keys():
        refuse("generationConfig", "two schemas")
    if config.keys() & {"responseSchema", "responseJsonSchema"} and "responseMimeType" not in config:
        refuse("generationConfig", "a schema needs responseMimeType")
    if {"thinkingBudget", "thinkingLevel"} <= config.get("thinkingConfig", {}).keys():
        refuse("thinkingConfig", "a budget and a level")
    if "logprobs" in config and not config.get("responseLogprobs"):
        refuse("generationConfig", "logprobs needs responseLogprobs")
    calling = body.get("toolConfig", {}).get("functionCallingConfig", {})
    if "allowedFunctionNames" in calling and calling["mode"] not in {"ANY", "VALIDATED"}:
        refuse("toolConfig", "allowedFunctionNames needs ANY")
