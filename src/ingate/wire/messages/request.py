"""An OpenAI chat request as one of Anthropic's Messages API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.errors import BadRequestError, InvalidRequestError
from ingate.wire.facts import BUDGETS, effort_of_budget, facts_of, nearest_effort, takes_sampling
from ingate.wire.messages.binding import with_binding_controls
from ingate.wire.messages.history import conversation, lacks_thinking, uses_tools
from ingate.wire.params import ParamTracker, deep_merge, stops_of
from ingate.wire.parts import Choice, Tool, choice_of, format_of, tools_of
from ingate.wire.schema import anthropic_schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.codec import Target
    from ingate.wire.messages.history import LaterSystem

# The tool whose call is the answer, for models without structured outputs. `answer.py` and `stream.py` recognise it by
# its name and turn the call back into content.
ANSWER_TOOL: Final = "ingate_structured_answer"
# The same for a schema that is not an object: tool arguments always are one, so the answer is wrapped.
VALUE_TOOL: Final = "ingate_structured_value"
VALUE_KEY: Final = "answer"
_ANSWER: Final = "Call this with the final answer, and only with it. The answer is read from the arguments."
_JSON_ONLY: Final = "Answer with one JSON object and nothing else: no prose around it, no code fence."
_DEFAULT_MAX_TOKENS: Final = 8192
# Anthropic limits a request without a stream to ten minutes; longer responses must be streamed.
_UNSTREAMED_MAX_TOKENS: Final = 21_333
_MOST_STRICT_TOOLS: Final = 20
_LEAST_BUDGET: Final = 1024
_OFF: Final = frozenset({"disabled", "between_tools"})


def messages_request(
    body: Mapping[str, Any], target: Target, wire_format: str = "messages"
) -> tuple[dict[str, Any], ParamTracker]:
    """The request body without `model` and `stream`, and the tracker that lists the dropped parameters.

    Args:
        body: The chat request.
        target: Where the call goes.
        wire_format: The format in which it goes there: Bedrock's are written from this one.

    Raises:
        BadRequestError: The request cannot be expressed in this format, or has a parameter that the model does not
            accept while `drop_params` is `strict`.
    """
    known = facts_of(target, wire_format)
    params = ParamTracker(body, policy=target.drop_params, model=target.model)
    system, turns = conversation(
        params, prefill=bool(known.get("final_assistant", True)), later_system=_later_system(known)
    )
    out: dict[str, Any] = {"max_tokens": _max_tokens(params, known, stream=target.stream), "messages": turns}
    choice = choice_of(body)
    params.take("tools", "tool_choice", "functions", "function_call")
    tools, native = tools_of(body, choice)
    wanted, schema = format_of(body)
    params.take("response_format")
    tool_blocks = (
        _tools(params, tools, strict=known.get("structured") == "schema" and known.get("strict_tools", True))
        + native
        + _web_search(params)
    )
    if not tool_blocks and (called := uses_tools(turns)):
        # A history with tool calls is refused without the tools' definitions.
        tool_blocks = [{"name": name, "input_schema": {"type": "object"}} for name in called]
        choice = Choice(mode="none")
    if wanted != "text":
        choice = _structured(params, out, tool_blocks, choice, wanted, schema, known, system)
    _thinking(params, out, turns, choice, known)
    if tool_blocks:
        out["tools"] = tool_blocks
        _tool_choice(params, out, choice, known)
    if system:
        out["system"] = system[0]["text"] if len(system) == 1 and len(system[0]) == 2 else system
    _sampling(params, out, known)
    if stops := stops_of(params, blank=False):
        out["stop_sequences"] = stops
    _metadata(params, out)
    made = deep_merge(deep_merge(out, params.rest()), params.extra_body)
    return with_binding_controls(made, known, params, strict=target.drop_params == "strict"), params


def _later_system(known: Mapping[str, Any]) -> LaterSystem:
    """Where later system messages go: a prompt that changes makes the thinking invalid that is bound to it."""
    if not known.get("signature_binds"):
        return "hoist"
    return "keep" if known.get("later_system") else "user"


def _max_tokens(params: ParamTracker, known: Mapping[str, Any], *, stream: bool) -> int:
    given = params.take("max_completion_tokens", "max_tokens")
    limit = known.get("max_output_tokens")
    limit = limit if isinstance(limit, int) and limit > 0 else None
    if given is None:
        if limit is None:
            return _DEFAULT_MAX_TOKENS
        return limit if stream else min(limit, _UNSTREAMED_MAX_TOKENS)
    if not isinstance(given, int) or isinstance(given, bool) or given < 0:
        raise InvalidRequestError(
            f"max_tokens is {given!r}, not a number of tokens", param="max_tokens", code="invalid_parameter"
        )
    return given


def _tools(params: ParamTracker, tools: list[Tool], *, strict: bool) -> list[dict[str, Any]]:
    blocks = []
    lost: set[str] = set()
    strict = strict and sum(tool.strict for tool in tools) <= _MOST_STRICT_TOOLS
    for tool in tools:
        is_strict = strict and tool.strict
        block: dict[str, Any] = {"name": tool.name}
        if tool.description:
            block["description"] = tool.description
        block["input_schema"] = anthropic_schema(tool.schema, lost) if is_strict else tool.schema
        if is_strict:
            block["strict"] = True
        if tool.cache_control is not None:
            block["cache_control"] = tool.cache_control
        blocks.append(block)
    params.report_keywords("tools", lost)
    return blocks


def _web_search(params: ParamTracker) -> list[dict[str, Any]]:
    options = params.take("web_search_options")
    if not isinstance(options, dict):
        return []
    tool: dict[str, Any] = {"type": "web_search_20250305", "name": "web_search"}
    place = options.get("user_location")
    place = place.get("approximate") if isinstance(place, dict) else None
    if isinstance(place, dict):
        tool["user_location"] = {"type": "approximate", **{key: value for key, value in place.items() if value}}
    return [tool]


def _structured(
    params: ParamTracker,
    out: dict[str, Any],
    tools: list[dict[str, Any]],
    choice: Choice,
    wanted: str,
    schema: dict[str, Any] | None,
    known: Mapping[str, Any],
    system: list[dict[str, Any]],
) -> Choice:
    """Request the format of the answer. Returns the tool choice that it requires."""
    if schema is not None and known.get("structured") == "schema":
        lost: set[str] = set()
        out["output_config"] = {"format": {"type": "json_schema", "schema": anthropic_schema(schema, lost)}}
        params.report_keywords("response_format", lost)
        return choice
    if not known.get("forced_tools", True) or (wanted == "json_object" and tools):
        system.append({"type": "text", "text": _JSON_ONLY})
        return choice
    is_object = schema is None or (schema.get("type", "object") == "object" and "$ref" not in schema)
    name = ANSWER_TOOL if is_object else VALUE_TOOL
    answer = {"type": "object", **(schema or {})} if is_object else _wrapped(schema)
    tools.append({"name": name, "description": _ANSWER, "input_schema": answer})
    if choice.mode == "named":
        return choice
    if choice.mode == "none" or len(tools) == 1:
        return Choice(mode="named", name=name)
    return Choice(mode="required")


def _wrapped(schema: dict[str, Any] | None) -> dict[str, Any]:
    schema = dict(schema or {})
    definitions = {key: schema.pop(key) for key in ("$defs", "definitions") if key in schema}
    return {"type": "object", "properties": {VALUE_KEY: schema}, "required": [VALUE_KEY], **definitions}


def _tool_choice(params: ParamTracker, out: dict[str, Any], choice: Choice, known: Mapping[str, Any]) -> None:
    parallel = params.take("parallel_tool_calls")
    mode = {"auto": "auto", "none": "none", "required": "any", "named": "tool"}[choice.mode]
    if mode in {"any", "tool"} and not known.get("forced_tools", True):
        params.drop("tool_choice", "this model cannot be required to call a tool")
        mode = "auto"
    block: dict[str, Any] = {"type": mode}
    if mode == "tool":
        block["name"] = choice.name
    if parallel is False and mode != "none":
        block["disable_parallel_tool_use"] = True
    if mode != "auto" or len(block) > 1 or "tool_choice" in params.body:
        out["tool_choice"] = block


def _thinking(
    params: ParamTracker, out: dict[str, Any], turns: list[dict[str, Any]], choice: Choice, known: Mapping[str, Any]
) -> None:
    """Set `thinking` and `output_config.effort` from `thinking`, else `reasoning_effort`."""
    given, effort = params.take("thinking"), params.take("reasoning_effort")
    nested = params.take("reasoning")
    if effort is None and isinstance(nested, dict):
        effort = nested.get("effort")
    types = known.get("thinking", ("enabled", "disabled"))
    kind = given.get("type") if isinstance(given, dict) else None
    if not isinstance(given, dict):
        _effort(params, out, effort, turns, choice, known)
    elif not types:
        if kind not in _OFF:
            params.drop("thinking", "this model does not support reasoning")
    elif kind in types:
        out["thinking"] = given
        _set_effort(params, out, effort, known)
        if _make_room(out):
            budget = out["thinking"]["budget_tokens"]
            params.adapt("thinking", f"budget_tokens was lowered to {budget}: it must be less than max_tokens")
    elif kind in _OFF:
        _switch_off(params, out, effort, known, name="thinking")
    elif kind == "enabled":
        params.adapt("thinking", f"{params.model!r} does not accept a thinking budget; the effort was set instead")
        effort = effort or effort_of_budget(_int(given.get("budget_tokens")) or BUDGETS["medium"])
        _effort(params, out, effort, turns, choice, known)
    elif kind == "adaptive":
        params.adapt("thinking", f"{params.model!r} reasons within a budget, which the effort sets")
        _effort(params, out, effort or "medium", turns, choice, known)
    else:
        out["thinking"] = given
        _set_effort(params, out, effort, known)


def _effort(
    params: ParamTracker,
    out: dict[str, Any],
    effort: Any,
    turns: list[dict[str, Any]],
    choice: Choice,
    known: Mapping[str, Any],
) -> None:
    """Set `thinking` and `output_config.effort` from an effort, None if there is none."""
    if isinstance(effort, dict):  # litellm's form
        effort = effort.get("effort")
    types = known.get("thinking", ("enabled", "disabled"))
    if effort is None:
        return
    if effort in {"none", "disable", "disabled"}:
        if types:
            _switch_off(params, out, None, known, name="reasoning_effort")
    elif effort not in BUDGETS:
        raise BadRequestError(f"reasoning_effort is {effort!r}, not one of none, {', '.join(BUDGETS)}")
    elif not types:
        params.drop("reasoning_effort", "this model does not support reasoning")
    elif "adaptive" in types:
        out["thinking"] = {"type": "adaptive"}
        if known.get("thinking_display"):
            out["thinking"]["display"] = "summarized"
        _set_effort(params, out, effort, known)
    elif choice.mode in {"required", "named"}:
        params.drop("reasoning_effort", "this model does not reason when a tool call is required")
    elif lacks_thinking(turns):
        params.drop("reasoning_effort", "the tool call that is answered has no thinking_blocks")
    elif out["max_tokens"] <= _LEAST_BUDGET:
        params.drop("reasoning_effort", f"max_tokens leaves no room for {_LEAST_BUDGET} tokens of reasoning")
    else:
        out["thinking"] = {"type": "enabled", "budget_tokens": BUDGETS[effort]}
        _set_effort(params, out, effort, known)
        _make_room(out)


def _switch_off(params: ParamTracker, out: dict[str, Any], effort: Any, known: Mapping[str, Any], *, name: str) -> None:
    """Switch reasoning off as far as the model allows: off, only between tool calls, or at the lowest effort."""
    types = known.get("thinking", ("enabled", "disabled"))
    if kind := next((one for one in ("disabled", "between_tools") if one in types), None):
        out["thinking"] = {"type": kind}
        _set_effort(params, out, effort, known)
        if kind != "disabled":
            params.adapt(name, f"{params.model!r} always reasons between tool calls; it does not before them")
        return
    params.adapt(name, f"{params.model!r} always reasons; the lowest effort was requested")
    if low := next(iter(known.get("efforts", ())), None):
        _set_effort(params, out, low, known)


def _int(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _set_effort(params: ParamTracker, out: dict[str, Any], effort: Any, known: Mapping[str, Any]) -> None:
    levels = known.get("efforts", ())
    kind = out.get("thinking", {}).get("type")
    if kind in {"disabled", "between_tools"}:  # both are rejected at a higher effort
        levels = [level for level in levels if level in known.get("efforts_off", levels)]
    level = nearest_effort(effort, levels) if isinstance(effort, str) else None
    if level is None:
        return
    if level != effort and effort in BUDGETS:
        params.adapt("reasoning_effort", f"reasoning_effort is {level}: {params.model} does not accept {effort}")
    out.setdefault("output_config", {})["effort"] = level


def _make_room(out: dict[str, Any]) -> bool:
    """Lower a budget that is not less than max_tokens, which limits thinking and answer together.

    Returns:
        Whether it was lowered.
    """
    thinking, most = out["thinking"], out["max_tokens"]
    if _int(thinking.get("budget_tokens")) < most:
        return False
    out["thinking"] = {**thinking, "budget_tokens": max(_LEAST_BUDGET, most // 2)}
    return True


def _sampling(params: ParamTracker, out: dict[str, Any], known: Mapping[str, Any]) -> None:
    values = {name: params.number(name) for name in ("temperature", "top_p", "top_k")}
    given = {name: value for name, value in values.items() if value is not None}
    thinks = out.get("thinking", {}).get("type") in {"enabled", "adaptive"}
    for name, value in list(given.items()):
        if not takes_sampling(known, "high" if thinks else "none"):
            if not (name == "temperature" and value == 1):
                params.drop(name, "this model does not accept sampling parameters")
            del given[name]
        elif thinks and not (name == "temperature" and value == 1) and not (name == "top_p" and value >= 0.95):
            params.drop(name, "it cannot be set while the model reasons")
            del given[name]
    if known.get("one_sampling") and {"temperature", "top_p"} <= given.keys():
        params.drop("top_p", "this model accepts temperature or top_p, not both")
        del given["top_p"]
    if given.get("temperature", 0) > 1:
        params.adapt(
            "temperature", f"temperature {given['temperature']} was lowered to 1, the highest value this format accepts"
        )
        given["temperature"] = 1
    out.update(given)


def _metadata(params: ParamTracker, out: dict[str, Any]) -> None:
    metadata = params.take("metadata")
    user = metadata.get("user_id") if isinstance(metadata, dict) else None
    user = user or params.take("user", "safety_identifier")
    if isinstance(user, str) and user:
        out["metadata"] = {"user_id": user}
    tier = params.take("service_tier")
    if tier in {"auto", "standard_only"}:
        out["service_tier"] = tier
    elif tier == "default":
        out["service_tier"] = "standard_only"
    elif tier is not None:
        params.drop("service_tier", f"Anthropic has no tier {tier!r}")
