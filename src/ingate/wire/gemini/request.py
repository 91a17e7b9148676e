"""An OpenAI chat request as one of Gemini's generateContent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.errors import BadRequestError, InvalidRequestError
from ingate.wire.efforts import adapt_effort
from ingate.wire.facts import BUDGETS, effort_of_budget, facts_of, nearest_effort
from ingate.wire.gemini.contents import contents
from ingate.wire.params import ParamTracker, deep_merge, stops_of
from ingate.wire.parts import Choice, choice_of, format_of, tools_of
from ingate.wire.schema import gemini_json_schema, gemini_openapi_schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.codec import Target

_MAX_STOPS: Final = 5
_NEUTRAL: Final[Mapping[str, float]] = {"n": 1, "frequency_penalty": 0, "presence_penalty": 0}
_MODES: Final = {"auto": "AUTO", "none": "NONE", "required": "ANY", "named": "ANY"}
# Keys of the request that callers may also write in snake case.
_SNAKE: Final = {
    "safety_settings": "safetySettings",
    "cached_content": "cachedContent",
    "generation_config": "generationConfig",
    "tool_config": "toolConfig",
    "system_instruction": "systemInstruction",
}
# Keys that belong in generationConfig, even if the caller puts them elsewhere.
_GENERATION: Final = {
    "response_modalities": "responseModalities",
    "media_resolution": "mediaResolution",
    "speech_config": "speechConfig",
    "thinking_config": "thinkingConfig",
    "image_config": "imageConfig",
    "responseModalities": "responseModalities",
    "mediaResolution": "mediaResolution",
    "speechConfig": "speechConfig",
    "thinkingConfig": "thinkingConfig",
    "imageConfig": "imageConfig",
}


def generate_request(body: Mapping[str, Any], target: Target) -> tuple[dict[str, Any], ParamTracker]:
    """The request body, and the tracker that lists the dropped parameters.

    Raises:
        BadRequestError: The request cannot be expressed in this format, or has a parameter that the model does not
            accept while `drop_params` is `strict`.
    """
    known = facts_of(target, "gemini")
    params = ParamTracker(body, policy=target.drop_params, model=target.model)
    system, turns = contents(body, known)
    out: dict[str, Any] = {"contents": turns}
    if system is not None:
        out["systemInstruction"] = system
    choice = choice_of(body)
    _tools(params, out, choice, known)
    config: dict[str, Any] = {}
    _sampling(params, config, known)
    _form(params, config, known)
    _thinking(params, config, known)
    extras = {_SNAKE.get(key, key): value for key, value in params.rest().items()}
    for key in [key for key in extras if key in _GENERATION]:
        config = deep_merge(config, {_GENERATION[key]: extras.pop(key)})
    if config:
        out["generationConfig"] = config
    return deep_merge(deep_merge(out, extras), params.extra_body), params


def _tools(params: ParamTracker, out: dict[str, Any], choice: Choice, known: Mapping[str, Any]) -> None:
    params.take("tools", "tool_choice", "functions", "function_call")
    functions, native = tools_of(params.body, choice)
    tools: list[dict[str, Any]] = []
    if functions:
        as_json = known.get("json_schema", True)
        convert = gemini_json_schema if as_json else gemini_openapi_schema
        declarations: list[dict[str, Any]] = []
        lost: set[str] = set()
        for tool in functions:
            declared: dict[str, Any] = {"name": tool.name, "description": tool.description or tool.name}
            if tool.schema.get("properties") or as_json:
                key = "parametersJsonSchema" if as_json else "parameters"
                declared[key] = convert(tool.schema, lost)
            declarations.append(declared)
        params.report_keywords("tools", lost)
        tools.append({"functionDeclarations": declarations})
    tools += [{key: value for key, value in tool.items() if key != "type"} for tool in native]
    if isinstance(params.take("web_search_options"), dict):
        tools.append({"googleSearch": {}})
    if not tools:
        return
    out["tools"] = tools
    if params.take("parallel_tool_calls") is False and functions:
        params.drop("parallel_tool_calls", "Gemini cannot be limited to one tool call at a time")
    if functions and (choice.mode != "auto" or "tool_choice" in params.body):
        calling: dict[str, Any] = {"mode": _MODES[choice.mode]}
        if choice.mode == "named":
            calling["allowedFunctionNames"] = [choice.name]
        out["toolConfig"] = {"functionCallingConfig": calling}


def _sampling(params: ParamTracker, config: dict[str, Any], known: Mapping[str, Any]) -> None:
    refused = known.get("refused", ())
    for name, key in (("temperature", "temperature"), ("top_p", "topP"), ("top_k", "topK")):
        value = params.number(name)
        if value is None:
            continue
        if known.get("sampling", True):
            config[key] = value
        elif not (name == "temperature" and value == 1):
            params.drop(name, "this model does not accept sampling parameters")
    for name, key in (
        ("seed", "seed"),
        ("n", "candidateCount"),
        ("frequency_penalty", "frequencyPenalty"),
        ("presence_penalty", "presencePenalty"),
    ):
        value = params.number(name)
        if value is None or value == _NEUTRAL.get(name):
            continue
        if name in refused:
            params.drop(name, "this model does not accept it")
        else:
            config[key] = value
    limit = params.take("max_completion_tokens", "max_tokens")
    if limit is not None:
        if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
            raise InvalidRequestError(
                f"max_tokens is {limit!r}, not a positive number of tokens",
                param="max_tokens",
                code="invalid_parameter",
            )
        config["maxOutputTokens"] = limit
    if params.take("logprobs"):
        top = params.number("top_logprobs")
        if "logprobs" in refused:
            params.drop("logprobs", "this model does not accept it")
        else:
            config |= {"responseLogprobs": True, **({"logprobs": top} if top else {})}
    if stops := stops_of(params, blank=True):
        if len(stops) > _MAX_STOPS:
            params.adapt(
                "stop", f"only the first {_MAX_STOPS} of {len(stops)} stop sequences are sent: Gemini accepts no more"
            )
        config["stopSequences"] = stops[:_MAX_STOPS]


def _form(params: ParamTracker, config: dict[str, Any], known: Mapping[str, Any]) -> None:
    wanted, schema = format_of(params.body)
    params.take("response_format")
    if wanted != "text":
        config["responseMimeType"] = "application/json"
    if schema is not None:
        lost: set[str] = set()
        if known.get("json_schema", True):
            config["responseJsonSchema"] = gemini_json_schema(schema, lost)
        else:
            config["responseSchema"] = gemini_openapi_schema(schema, lost)
        params.report_keywords("response_format", lost)
    modalities = params.take("modalities")
    if isinstance(modalities, list) and modalities != ["text"]:
        config["responseModalities"] = [str(one).upper() for one in modalities]
    audio = params.take("audio")
    if isinstance(audio, dict) and isinstance(audio.get("voice"), str):
        voice = {"prebuiltVoiceConfig": {"voiceName": audio["voice"]}}
        config["speechConfig"] = {"voiceConfig": voice}


def _thinking(params: ParamTracker, config: dict[str, Any], known: Mapping[str, Any]) -> None:
    given, effort = params.take("thinking"), params.take("reasoning_effort")
    nested = params.take("reasoning")
    if effort is None and isinstance(nested, dict):
        effort = nested.get("effort")
    budget: int | None = None
    name = "reasoning_effort"
    if isinstance(given, dict):
        name = "thinking"
        tokens = given.get("budget_tokens")
        if given.get("type") == "disabled":
            effort = "none"
        elif isinstance(tokens, int) and not isinstance(tokens, bool):
            budget, effort = tokens, effort_of_budget(tokens)
        elif effort is None:
            config["thinkingConfig"] = {"includeThoughts": True}
            return
    if effort is None:
        return
    if effort in {"disable", "disabled"}:
        effort = "none"
    if effort != "none" and effort not in BUDGETS:
        raise BadRequestError(f"reasoning_effort is {effort!r}, not one of none, {', '.join(BUDGETS)}")
    kind = known.get("thinking", "none")
    if kind == "none":
        if effort != "none":
            params.drop(name, "this model does not support reasoning")
    elif kind == "budget":
        config["thinkingConfig"] = _budget(params, effort, budget, known)
    else:
        level = nearest_effort(effort, known.get("efforts", ()))
        if level not in (None, effort):
            adapt_effort(params, effort, level)
        config["thinkingConfig"] = {"includeThoughts": effort != "none"}
        if level is not None:
            config["thinkingConfig"]["thinkingLevel"] = level.upper()


def _budget(params: ParamTracker, effort: str, budget: int | None, known: Mapping[str, Any]) -> dict[str, Any]:
    least, most = known.get("thinking_budget", (1, 24576))
    if effort == "none":
        if known.get("thinking_off"):
            return {"thinkingBudget": 0}
        params.adapt("reasoning_effort", f"{params.model!r} always reasons; the lowest effort was requested")
        return {"thinkingBudget": least}
    wanted = BUDGETS[effort] if budget is None else budget
    return {"includeThoughts": True, "thinkingBudget": wanted if wanted == -1 else min(max(wanted, least), most)}
