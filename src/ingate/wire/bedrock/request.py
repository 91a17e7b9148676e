"""OpenAI chat requests as Bedrock's: Converse for every model, InvokeModel for Claude and Nova.

Both are built from the request for Anthropic's API: Converse has the same blocks under other names.
"""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.errors import BadRequestError
from ingate.wire.efforts import adapt_effort
from ingate.wire.facts import facts_of, nearest_effort, vendor_format
from ingate.wire.messages.request import messages_request
from ingate.wire.params import deep_merge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.codec import Target
    from ingate.wire.params import ParamTracker

INVOKE_VERSION: Final = "bedrock-2023-05-31"
_NO_WEB_SEARCH: Final = "on Bedrock only some of Amazon's own models can search the web"
_INFERENCE: Final = {
    "max_tokens": "maxTokens",
    "temperature": "temperature",
    "top_p": "topP",
    "stop_sequences": "stopSequences",
}
_CACHE_POINT: Final = {"cachePoint": {"type": "default"}}
# Converse's own keys, which a caller may set in addition to OpenAI's.
_OWN: Final = frozenset(
    {"guardrailConfig", "additionalModelRequestFields", "additionalModelResponseFieldPaths", "requestMetadata"}
    | {"performanceConfig", "promptVariables", "outputConfig", "inferenceConfig", "serviceTier"}
)


def is_claude(model: str) -> bool:
    """Whether a model's id or ARN names one that is served in Anthropic's format, too."""
    return vendor_format(model) == "messages"


def converse_request(body: Mapping[str, Any], target: Target) -> tuple[dict[str, Any], ParamTracker]:
    """The Converse request, and the tracker that lists the dropped parameters.

    Raises:
        BadRequestError: The request cannot be expressed in this format, or has a parameter that the model does not
            accept while `drop_params` is `strict`.
    """
    known = facts_of(target, "bedrock")
    claude = is_claude(target.model)
    given = {key: value for key, value in body.items() if key != "extra_body" and key not in _OWN}
    effort = None
    if not claude:
        target = replace(target, facts={**target.facts, "thinking": (), "efforts": ()})
        effort = given.pop("reasoning_effort", None)
    searches = isinstance(given.pop("web_search_options", None), dict)
    made, params = messages_request(given, target, "bedrock")
    params.body = body
    if searches:
        _web_search(params, made, known)
    out: dict[str, Any] = {"messages": [_turn(turn) for turn in made.pop("messages")]}
    if system := made.pop("system", None):
        blocks = [{"type": "text", "text": system}] if isinstance(system, str) else system
        out["system"] = [part for block in blocks for part in _block(block)]
    out["inferenceConfig"] = _inference(
        made, has_limit=claude or bool(params.take("max_tokens", "max_completion_tokens"))
    )
    _tools(params, out, made)
    more: dict[str, Any] = {}
    config = dict(made.pop("output_config", {}))
    if form := config.pop("format", None):
        schema = msgspec.json.encode(form["schema"]).decode()
        structure = {"jsonSchema": {"name": "answer", "schema": schema}}
        out["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": structure}}
    if config:
        more["output_config"] = config
    if effort is not None:
        _effort(params, out, more, str(effort), known)
    for name in ("metadata", "service_tier"):
        made.pop(name, None)
    more.update(made)  # thinking, top_k, and parameters of the model itself
    if more:
        out["additionalModelRequestFields"] = more
    out = deep_merge(deep_merge(out, {key: body[key] for key in _OWN & body.keys()}), params.extra_body)
    if not out["inferenceConfig"]:
        del out["inferenceConfig"]
    return out, params


def invoke_request(body: Mapping[str, Any], target: Target) -> tuple[dict[str, Any], ParamTracker]:
    """The InvokeModel request: Anthropic's format for Claude, Nova's (Converse's with a version) for other models."""
    if is_claude(target.model):
        made, params = messages_request({**body, "web_search_options": None}, target, "bedrock_invoke")
        if isinstance(body.get("web_search_options"), dict):
            params.drop("web_search_options", _NO_WEB_SEARCH)
        return {"anthropic_version": INVOKE_VERSION, **made}, params
    made, params = converse_request(body, target)
    return {"schemaVersion": "messages-v1", **made}, params


def _web_search(params: ParamTracker, made: dict[str, Any], known: Mapping[str, Any]) -> None:
    if name := known.get("search_tool"):
        made.setdefault("tools", []).append({"systemTool": {"name": name}})
    else:
        params.drop("web_search_options", _NO_WEB_SEARCH)


def _inference(made: dict[str, Any], *, has_limit: bool) -> dict[str, Any]:
    config = {key: made.pop(name) for name, key in _INFERENCE.items() if name in made}
    if not has_limit:  # only Claude requires a limit
        config.pop("maxTokens", None)
    return config


def _effort(
    params: ParamTracker, out: dict[str, Any], more: dict[str, Any], effort: str, known: Mapping[str, Any]
) -> None:
    level = nearest_effort(effort, known.get("bedrock_efforts", ()))
    knob = known.get("effort_knob")
    if level is None or knob is None:
        if effort != "none":
            params.drop("reasoning_effort", "the reasoning of this model cannot be configured")
        return
    if knob == "reasoning_effort":
        more["reasoning_effort"] = level
    elif effort != "none":
        more["reasoningConfig"] = {"type": "enabled", "maxReasoningEffort": level}
    else:
        return
    if level != effort:
        adapt_effort(params, effort, level)
    for name in known.get("refused_at", {}).get(level, ()):
        if out["inferenceConfig"].pop(_INFERENCE[name], None) is not None:
            params.drop(name, f"this model does not accept it at the effort {level}")


def _turn(turn: dict[str, Any]) -> dict[str, Any]:
    content = [part for block in turn["content"] for part in _block(block)]
    if any("document" in part for part in content) and not any("text" in part for part in content):
        content.append({"text": "See the document."})  # Converse rejects a document without text
    return {"role": turn["role"], "content": content}


def _block(block: dict[str, Any]) -> list[dict[str, Any]]:
    kind = block["type"]
    made: dict[str, Any]
    if kind == "text":
        made = {"text": block["text"]}
    elif kind == "image":
        made = {"image": _media(block["source"], "image")}
    elif kind == "document":
        made = {"document": {**_media(block["source"], "document"), "name": _name(block.get("title"))}}
        if block.get("citations", {}).get("enabled"):
            made["document"]["citations"] = {"enabled": True}
    elif kind == "tool_use":
        made = {"toolUse": {"toolUseId": block["id"][:64], "name": block["name"], "input": block["input"]}}
    elif kind == "tool_result":
        given = block.get("content", "")
        parts = [{"type": "text", "text": given}] if isinstance(given, str) else given
        content = [made for part in parts for made in _block(part)]
        status = "error" if block.get("is_error") else "success"
        made = {"toolResult": {"toolUseId": block["tool_use_id"][:64], "content": content, "status": status}}
    elif kind == "thinking":
        reasoning = {"text": block["thinking"], "signature": block["signature"]}
        made = {"reasoningContent": {"reasoningText": reasoning}}
    elif kind == "redacted_thinking":
        made = {"reasoningContent": {"redactedContent": block["data"]}}
    else:
        raise BadRequestError(f"Bedrock's Converse does not accept a content block of the type {kind!r}")
    return [made, dict(_CACHE_POINT)] if block.get("cache_control") else [made]


def _media(source: Mapping[str, Any], kind: str) -> dict[str, Any]:
    if source["type"] == "url":
        url = source["url"]
        if not url.startswith("s3://"):
            raise BadRequestError(
                f"Bedrock does not accept {kind} URLs: send the content as a data URL, or put it on S3"
            )
        suffix = url.rsplit(".", 1)[-1].lower()
        return {"format": {"jpg": "jpeg"}.get(suffix, suffix), "source": {"s3Location": {"uri": url}}}
    if source["type"] == "text":
        return {"format": "txt", "source": {"bytes": base64.b64encode(source["data"].encode()).decode()}}
    if source["type"] != "base64":
        raise BadRequestError(f"Bedrock does not accept {kind}s by file id")
    form = source["media_type"].rsplit("/", 1)[-1]
    return {"format": form, "source": {"bytes": source["data"]}}


def _name(title: Any) -> str:
    """A document's name: Bedrock accepts letters, digits, single spaces, hyphens, parentheses and brackets, no dots."""
    name = re.sub(r"[^A-Za-z0-9\-()\[\]]+", " ", str(title or "")).strip()
    return name[:200] or "document"


def _tools(params: ParamTracker, out: dict[str, Any], made: dict[str, Any]) -> None:
    tools, choice = made.pop("tools", []), made.pop("tool_choice", {"type": "auto"})
    if choice.pop("disable_parallel_tool_use", False):
        params.drop("parallel_tool_calls", "Converse cannot be limited to one tool call at a time")
    used = any("toolUse" in part for turn in out["messages"] for part in turn["content"])
    if not tools or (choice["type"] == "none" and not used):
        return
    specs: list[dict[str, Any]] = []
    for tool in tools:
        if "input_schema" not in tool:
            specs.append({key: value for key, value in tool.items() if key != "type"})
            continue
        spec = {"name": tool["name"], "inputSchema": {"json": tool["input_schema"]}}
        if tool.get("description"):
            spec["description"] = tool["description"]
        if tool.get("strict"):
            spec["strict"] = True
        specs.append({"toolSpec": spec})
        if tool.get("cache_control"):
            specs.append(dict(_CACHE_POINT))
    config: dict[str, Any] = {"tools": specs}
    out["toolConfig"] = config
    if choice["type"] == "any":
        config["toolChoice"] = {"any": {}}
    elif choice["type"] == "tool":
        config["toolChoice"] = {"tool": {"name": choice["name"]}}
    elif choice["type"] == "none" and "tool_choice" in params.body:
        params.adapt("tool_choice", "Converse cannot forbid tool calls after earlier ones; the tools are still offered")
