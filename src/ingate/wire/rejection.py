"""What a provider's rejection says about its model, as facts that `wire/adapt` and the codecs act on.

A model that is newer than the facts may reject what its predecessors accepted. Its error names the parameters, in the
words of its own API. If ingate knows what to do without them, the rejection is as good as a fact of the file. What is
wrong with one value (a number out of range, a wrong type) is the caller's mistake, and says nothing about the model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from ingate.errors import ContextTooLongError
from ingate.wire.complaints import complaints, plain, steps, subject, tokens
from ingate.wire.facts import EFFORTS
from ingate.wire.rejection_names import named_rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingate.errors import BadRequestError
    from ingate.wire.complaints import Complaint, Token

# A chat parameter without which a request still means the same → the names that APIs give it, in any spelling.
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "top_logprobs": ("top_logprobs",),
    "logprobs": ("logprobs", "response_logprobs"),
    "temperature": ("temperature",),
    "top_p": ("top_p",),
    "top_k": ("top_k",),
    "min_p": ("min_p",),
    "stop": ("stop", "stop_sequences"),
    "presence_penalty": ("presence_penalty", "penalty"),
    "frequency_penalty": ("frequency_penalty", "penalty"),
    "repetition_penalty": ("repetition_penalty",),
    "logit_bias": ("logit_bias",),
    "seed": ("seed", "random_seed"),
    "parallel_tool_calls": ("parallel_tool_calls", "disable_parallel_tool_use"),
    "tool_choice": ("tool_choice", "function_calling_config"),
    "response_format": (
        "response_format", "json_schema", "json_object", "json_mode", "output_config.format", "output_format",
        "response_json_schema", "response_schema", "text.format", "output_config.text_format", "structured_outputs",
        "response_mime", "response_mime_type",
    ),
    "reasoning_effort": (
        "reasoning_effort", "reasoning.effort", "output_config.effort", "thinking_level", "thinking_budget", "thinking_config",
        "thinking.type", "thinking", "enable_thinking", "reasoning", "effort", "think", "reasoning_config",
    ),
    "service_tier": ("service_tier",),
    "verbosity": ("verbosity", "text.verbosity"),
    "prompt_cache_key": ("prompt_cache_key",),
    "prompt_cache_retention": ("prompt_cache_retention",),
    "safety_identifier": ("safety_identifier",),
    "metadata": ("metadata",),
    "user": ("user", "metadata.user_id"),
    "store": ("store",),
    "n": ("n", "num_generations", "candidate_count"),
    "max_tokens": ("max_tokens",),
    "max_completion_tokens": ("max_completion_tokens",),
}  # fmt: skip
# The steps of a name → the parameters that it may stand for; the longest names first.
_PARAMS: Final[Mapping[tuple[str, ...], tuple[str, ...]]] = {
    alias: tuple(param for param, names in _NAMES.items() if any(steps(name) == alias for name in names))
    for alias in sorted({steps(name) for names in _NAMES.values() for name in names}, key=len, reverse=True)
}
# Names that are written as words, too.
_PHRASES: Final = re.compile(
    r"\b(tool|thinking|reasoning|response|json|structured) (choice|level|budget|effort|format|mode|mime|schema|outputs?)\b",
    re.IGNORECASE,
)
# Other parameters of a chat request from which one of these is made.
_SOURCES: Final[Mapping[str, tuple[str, ...]]] = {"reasoning_effort": ("reasoning_effort", "thinking", "reasoning")}
_LIMITS: Final = MappingProxyType(
    {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
)  # each other's names
# Names that are also plain English words count only where they stand as a name.
_WORDS: Final = frozenset(
    {"stop", "user", "store", "n", "seed", "reasoning", "thinking", "effort", "think", "metadata", "penalty"}
)
_LEADS: Final = re.compile(
    r"\b(?:(?P<name>parameters?|fields?|property|properties|arguments?|keys?|options?)|invalid|unsupported|unknown|unexpected|"
    r"(?:not|n.t) (?:support|accept|allow)\w*)[\s:]+\Z",
    re.IGNORECASE,
)
_FOLLOWS: Final = re.compile(r"\A\s+(?:parameter|param|field|option|argument|property|setting|level)\b", re.IGNORECASE)
_LISTED: Final = re.compile(r"(?:[:,]|\band)\s*\Z")
_ENDS: Final = re.compile(r"\A\s*(?:[,.:]|\band\b|\Z)")
_NO_NAME: Final = re.compile(r"\b(?:roles?|values?|got|received|type|be|to|or|after)\s*[:=]?\s*['\"`]\Z", re.IGNORECASE)
# The parts of a request that hold other things than parameters.
_CONTENT: Final = frozenset(
    {"messages", "input", "contents", "system", "instructions", "tools", "functions", "toolconfig"}
)
_REJECTS: Final = re.compile(
    r"unsupported|not support|n.t support|not (?:currently )?permitted|not allowed|not accept|deprecat|unexpected|unknown|"
    r"unrecogni|invalid|cannot|can ?not|can't|may not|must|only|unavailable|not available|not enabled|incompatible|not valid|"
    r"not a valid|should match|should be|extra inputs|does not have|no longer|mandatory|required|expected|at most 1\b",
    re.IGNORECASE,
)
# The value is wrong, rather than the parameter.
_BAD_VALUE: Final = re.compile(
    r"(?:greater|less|larger|smaller|higher|lower|more|fewer) than|at least|at most|between|out of range|range:|maximum|minimum|"
    r"exceed|too (?:long|large|small|many|high|low)|valid (?:number|integer|float|string|list|dictionary|boolean|json)|"
    r"invalid (?:type|json)|expected (?:type|an? |a list|integer|number|string|boolean|array|object)|wrong type|"
    r"must be (?:an? (?:number|integer|string|list|array|object|boolean)|positive|non-negative|[<>≤≥])",
    re.IGNORECASE,
)
_BAD_VALUE_CODES: Final = re.compile(r"invalid_type|\w*(?:above_max|below_min)\w*|string_too_\w+")
_BOTH: Final = re.compile(
    r"cannot both|can't both|only one of|mutually exclusive|at the same time|not both", re.IGNORECASE
)
_ALWAYS: Final = re.compile(
    r"(?:reasoning|thinking)\b.{0,40}\b(?:mandatory|cannot be (?:disabled|turned off)|can't be disabled|only type=enabled)|"
    r"(?:cannot|can't|not support) disabl\w+ (?:reasoning|thinking)|only works in thinking mode|"
    r"thinking_?budget to 0|thinking\.type[.=: ]*['\"`]?disabled",
    re.IGNORECASE,
)
_EFFORT: Final = re.compile(r"['\"`](" + "|".join(EFFORTS) + r")['\"`]")
_BARE_EFFORT: Final = re.compile(r"\b(" + "|".join(EFFORTS) + r")\b")
# Where a message goes from the value that it rejects to those that it accepts.
_ACCEPTED: Final = re.compile(
    r"supported (?:values|levels)|must be|should be|one of|expected|allowed|accepts|valid values|supports",
    re.IGNORECASE,
)
# Levels that models have together or not at all.
_PAIRS: Final = (frozenset({"none", "minimal"}), frozenset({"xhigh", "max"}))


@dataclass(frozen=True, slots=True)
class Rejection:
    """A rejection that ingate can avoid the next time.

    Attributes:
        params: The chat parameters at fault.
        facts: What it says about the model, as in `data/model_facts.json`.
        change: What ingate does instead, after "ingate would …".
    """

    params: tuple[str, ...]
    facts: dict[str, Any]
    change: str


def read_rejection(
    error: BadRequestError, chat: Mapping[str, Any], known: Mapping[str, Any] | None = None
) -> Rejection | None:
    """What `error` says about the model; None if it names nothing that the request has and that ingate could change.

    Args:
        error: The provider's rejection.
        chat: The chat request that led to it.
        known: What was known about the model before.
    """
    message, named = error.provider_message, error.param or ""
    if not _REJECTS.search(message):
        return None
    if (rule := named_rule(named, message, chat)) is not None:
        return Rejection((rule.param,), rule.facts, rule.change)
    if isinstance(error, ContextTooLongError) or _BAD_VALUE_CODES.fullmatch(error.code or ""):
        return None
    said = _params(named, message, chat)
    found = [one for param, text in said.items() if (one := _about(param, text, chat, known or {})) is not None]
    at_fault = {param for one in found for param in one.params}
    if at_fault >= {"temperature", "top_p"} and _BOTH.search(message):
        found = [Rejection(("top_p",), {"one_sampling": True}, "leave out top_p, since temperature is set")]
    return _together(found)


def _params(named: str, message: str, chat: Mapping[str, Any]) -> dict[str, str]:
    """The parameters that an error is about, as far as the request has them, and what is said about each."""
    given = {param for param in _NAMES if any(chat.get(name) is not None for name in _SOURCES.get(param, (param,)))}
    field = steps(named)
    if field[:1] and field[0] in _CONTENT and not _of_path(field):
        return {}
    spelt = _PHRASES.sub(lambda phrase: f"{phrase[1]}_{phrase[2]}", message)
    found: dict[str, str] = {}
    asides: dict[str, str] = {}
    if _ALWAYS.search(message):
        found["reasoning_effort"] = message
    for complaint in complaints(spelt, _is_field):
        if _is_about_content(complaint):
            continue
        bad_value = _BAD_VALUE.search(complaint.text) is not None
        if complaint.field:
            params = _of_path(steps(complaint.field))
        else:
            params = _mentioned(subject(complaint.text), given)
            if not bad_value:
                asides.update(dict.fromkeys(_mentioned(complaint.text, given), message))
        if _REJECTS.search(complaint.text):
            found.update({param: complaint.details for param in params if not bad_value or param == "n"})
    if (params := _of_path(field)) and not set(params) <= found.keys():
        found = {} if _BAD_VALUE.search(message) else dict.fromkeys(params, message)
    if not found:  # a parameter that is mentioned in passing only
        found = {param: asides[param] for param in [param for param in _NAMES if param in asides][:1]}
    return {param: text for param, text in found.items() if param in given}


def _is_about_content(complaint: Complaint) -> bool:
    """Whether a complaint is about the conversation or its tools, whose fields may have the names of parameters."""
    paths = [steps(complaint.field)] if complaint.field else [token.steps for token in tokens(complaint.text)]
    return any(path[:1] and path[0] in _CONTENT and len(path) > 1 and not _of_path(path) for path in paths)


def _mentioned(text: str, given: set[str]) -> list[str]:
    """The parameters whose names are in a text."""
    found: dict[str, None] = {}
    for token in tokens(text):
        if not set(params := _of_path(token.steps)).isdisjoint(given) and _is_name(token):
            found.update(dict.fromkeys(params))
    return list(found)


def _of_path(path: tuple[str, ...]) -> tuple[str, ...]:
    """The parameters that a path stands for: the longest name that is part of it."""
    if not path or path[0] in _CONTENT - {"toolconfig"}:
        return ()
    for alias, params in _PARAMS.items():
        if any(path[at : at + len(alias)] == alias for at in range(len(path) - len(alias) + 1)):
            return params
    return ()


def _is_field(path: tuple[str, ...]) -> bool:
    """Whether a path is one of a request."""
    return bool(path) and (path[0] in _CONTENT or bool(_of_path(path)))


def _is_name(token: Token) -> bool:
    """Whether a word stands in the text as a name rather than as English."""
    if len(token.steps) > 1 or token.steps[0] not in _WORDS:
        return True
    if token.before[-1:] in {"'", '"', "`", "["} and token.after[:1] in {"'", '"', "`", "]"}:
        return _NO_NAME.search(token.before) is None
    if _FOLLOWS.search(token.after):
        return True
    if leads := _LEADS.search(token.before):
        return bool(leads["name"]) or _ENDS.search(token.after) is not None
    if token.steps == ("penalty",):  # Gemini: "Penalty is not enabled for this model"
        return not token.before.strip()
    return _LISTED.search(token.before) is not None and _ENDS.search(token.after) is not None


def _about(param: str, message: str, chat: Mapping[str, Any], known: Mapping[str, Any]) -> Rejection | None:
    """What the rejection of one parameter says about the model."""
    given = [name for name in _SOURCES.get(param, (param,)) if chat.get(name) is not None]
    if param == "reasoning_effort" and (effort := _effort(message, chat, known)) is not None:
        return effort
    if param == "tool_choice" and chat.get("tool_choice") not in ("auto", "none"):
        return Rejection((param,), {"forced_tools": False}, "leave the choice of a tool to the model")
    if param == "response_format":
        if chat.get("tools") and re.search(r"\b(?:tools?|functions?)\b", message, re.IGNORECASE):
            cases = [*dict.fromkeys((*(known.get("structured_refused") or ()), "tools"))]
            return Rejection(
                (param,), {"structured_refused": cases}, "ask for JSON in the prompt where there are tools"
            )
        if _is_schema(chat["response_format"]):
            return Rejection((param,), {"structured": "json_object"}, "ask for JSON and put the schema into the prompt")
        return Rejection((param,), {"structured": False}, "ask for JSON in the prompt")
    if param in _LIMITS:
        other = _LIMITS[param]
        if plain(other) not in plain(message) and param == "max_tokens":
            return None  # without the newer name, the message is about the number
        return Rejection((param,), {"max_tokens_name": other}, f"send {param} as {other}")
    if param == "logprobs":
        given = [*given, "top_logprobs"]
    change = f"leave out {' and '.join(name for name in given if name in chat)}"
    return Rejection((param,), {"refused": given}, change)


def _is_schema(given: Any) -> bool:
    return isinstance(given, dict) and given.get("type") == "json_schema"


def _effort(message: str, chat: Mapping[str, Any], known: Mapping[str, Any]) -> Rejection | None:
    """The levels that a message says the model has; None if it takes none."""
    param = ("reasoning_effort",)
    if levels := _levels(message):
        return Rejection(param, {"efforts": levels}, f"ask for the nearest effort of {', '.join(levels)}")
    asked, thinking = chat.get("reasoning_effort"), chat.get("thinking")
    is_off = asked in ("none", "disable", "disabled") or (
        isinstance(thinking, dict) and thinking.get("type") == "disabled"
    )
    if is_off and _ALWAYS.search(message):
        return Rejection(param, {"thinking_always_on": True}, "ask for the least reasoning that the model has")
    if isinstance(asked, str) and asked in EFFORTS and asked in _EFFORT.findall(message):
        without = next((pair for pair in _PAIRS if asked in pair), frozenset({asked}))
        had = known.get("efforts") or EFFORTS
        if levels := [level for level in had if level not in without]:
            return Rejection(param, {"efforts": levels}, f"ask for the effort nearest to {asked}")
    return None


def _levels(message: str) -> list[str]:
    """The efforts that a message lists as accepted, least first."""
    accepted = _ACCEPTED.split(message, maxsplit=1)
    if len(accepted) < 2:
        return []
    found = set(_EFFORT.findall(accepted[1])) or set(_BARE_EFFORT.findall(accepted[1]))
    return [effort for effort in EFFORTS if effort in found] if len(found) > 1 else []


def _together(found: Iterable[Rejection]) -> Rejection | None:
    """Several rejections as one."""
    params: list[str] = []
    facts: dict[str, Any] = {}
    changes: dict[str, None] = {}
    for one in found:
        params += one.params
        refused = [*facts.get("refused", ()), *one.facts.get("refused", ())]
        facts |= one.facts
        if refused:
            facts["refused"] = [*dict.fromkeys(refused)]
        changes[one.change] = None
    return Rejection(tuple(params), facts, ", and ".join(changes)) if params else None
