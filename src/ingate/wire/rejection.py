"""What a provider's rejection says about its model, as a fact that `wire/adapt` and the codecs act on.

A model that is newer than the facts may reject what its predecessors accepted. Its error names the parameter, in the
words of its own API. If ingate knows what to do without that parameter, the rejection is as good as a fact of the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ingate.wire.facts import EFFORTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.errors import BadRequestError

# A chat parameter without which a request still means the same → the names that APIs give it. The first that a message
# contains decides, so that a longer name stands before one that is part of it.
_PARAMS: Final[Mapping[str, tuple[str, ...]]] = {
    "top_logprobs": ("top_logprobs",),
    "logprobs": ("logprobs", "responseLogprobs"),
    "temperature": ("temperature",),
    "top_p": ("top_p", "topP"),
    "top_k": ("top_k", "topK"),
    "min_p": ("min_p",),
    "stop": ("stop", "stop_sequences", "stopSequences"),
    "presence_penalty": ("presence_penalty", "presencePenalty"),
    "frequency_penalty": ("frequency_penalty", "frequencyPenalty"),
    "repetition_penalty": ("repetition_penalty",),
    "logit_bias": ("logit_bias",),
    "seed": ("seed", "random_seed"),
    "parallel_tool_calls": ("parallel_tool_calls", "disable_parallel_tool_use"),
    "tool_choice": ("tool_choice", "toolChoice", "tool choice", "function_calling_config", "functionCallingConfig"),
    "response_format": (
        "response_format", "json_schema", "output_config.format", "output_format", "responseJsonSchema", "responseSchema",
        "text.format",
    ),
    "reasoning_effort": (
        "reasoning_effort", "reasoning.effort", "output_config.effort", "thinking_level", "thinkingLevel", "thinkingBudget",
        "thinking_budget", "thinkingConfig", "thinking.type", "thinking", "enable_thinking", "reasoning", "effort", "think",
    ),
    "service_tier": ("service_tier", "serviceTier"),
    "verbosity": ("verbosity", "text.verbosity"),
    "prompt_cache_key": ("prompt_cache_key",),
    "prompt_cache_retention": ("prompt_cache_retention",),
    "safety_identifier": ("safety_identifier",),
    "metadata": ("metadata",),
    "user": ("user",),
    "store": ("store",),
    "n": ("n",),
}  # fmt: skip
# Other parameters of a chat request from which one of these is made.
_SOURCES: Final[Mapping[str, tuple[str, ...]]] = {
    "reasoning_effort": ("reasoning_effort", "thinking", "reasoning"),
    "stop": ("stop",),
}
# Names that are also plain English words count only if the message quotes them, or the API names the parameter apart.
_WORDS: Final = frozenset(
    {"stop", "user", "store", "n", "seed", "reasoning", "thinking", "effort", "think", "metadata"}
)
_REJECTS: Final = re.compile(
    r"unsupported|not support|n.t support|not permitted|not allowed|not accept|deprecat|unexpected|unknown|unrecogni|invalid|"
    r"cannot|can ?not|can't|may not|must|only|not available|incompatible|not valid|should match|extra inputs|"
    r"does not have|no longer|mandatory|required|expected",
    re.IGNORECASE,
)
_EFFORT_WORD: Final = re.compile(r"['\"`](" + "|".join(EFFORTS) + r")['\"`]")
# Where a message goes from the value that it rejects to those that it accepts.
_ACCEPTED: Final = re.compile(
    r"supported values|must be|one of|expected|allowed|accepts|valid values|supports", re.IGNORECASE
)
_PATTERN: Final = re.compile(r"(\[[^\]\s]*-[^\]\s]*\])(\[[^\]\s]+\])?(?:\{(\d*),(\d+)\}|\{(\d+)\}|[+*])?")
_NAME_FIELD: Final = re.compile(
    r"(?:tools?|functions?|toolspec|function_declarations)\S*name|(?:tool|function) name", re.IGNORECASE
)
_MAX_NAME: Final = re.compile(
    r"(?:at most|maximum(?: length)?(?: of)?|no longer than|length)\D{0,20}(\d{2,3})", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Rejection:
    """A rejection that ingate can avoid the next time.

    Attributes:
        param: The chat parameter at fault.
        facts: What it says about the model, as in `data/model_facts.json`.
        change: What ingate does instead, after "ingate would …".
    """

    param: str
    facts: dict[str, Any]
    change: str


def read_rejection(error: BadRequestError, chat: Mapping[str, Any]) -> Rejection | None:
    """What `error` says about the model; None if it names nothing that the request has and that ingate could change.

    Args:
        error: The provider's rejection.
        chat: The chat request that led to it.
    """
    message = error.provider_message
    named = f"{error.param or ''}"
    if not _REJECTS.search(message):
        return None
    if (rejection := _tool_name(named, message, chat)) is not None:
        return rejection
    for param, aliases in _PARAMS.items():
        given = [name for name in _SOURCES.get(param, (param,)) if chat.get(name) is not None]
        if given and any(_names(alias, named, message) for alias in aliases):
            return _rejection(param, given, message, chat)
    return None


def _names(alias: str, named: str, message: str) -> bool:
    """Whether the error is about a parameter by the name `alias`."""
    if named == alias or named.endswith(f".{alias}"):
        return True
    if alias in _WORDS:
        return re.search(rf"['\"`]{re.escape(alias)}['\"`.]|^{re.escape(alias)}\b\s*:", message) is not None
    return re.search(rf"(?<![\w.]){re.escape(alias)}(?!\w)|\.{re.escape(alias)}\b", message) is not None


def _rejection(param: str, given: list[str], message: str, chat: Mapping[str, Any]) -> Rejection:
    if param == "reasoning_effort" and (levels := _levels(message)):
        return Rejection(param, {"efforts": levels}, f"ask for the nearest effort of {', '.join(levels)}")
    if param == "tool_choice" and chat.get("tool_choice") not in ("auto", "none"):
        return Rejection(param, {"forced_tools": False}, "leave the choice of a tool to the model")
    if param == "response_format" and _is_schema(chat.get("response_format")):
        return Rejection(param, {"structured": "json_object"}, "ask for JSON and put the schema into the prompt")
    if param == "logprobs":
        given = [*given, "top_logprobs"]
    return Rejection(param, {"refused": given}, f"leave out {' and '.join(name for name in given if name in chat)}")


def _is_schema(given: Any) -> bool:
    return isinstance(given, dict) and given.get("type") == "json_schema"


def _levels(message: str) -> list[str]:
    """The efforts that a message lists as accepted, least first."""
    accepted = _ACCEPTED.split(message, maxsplit=1)
    found = set(_EFFORT_WORD.findall(accepted[1])) if len(accepted) > 1 else set()
    return [effort for effort in EFFORTS if effort in found]


def _tool_name(named: str, message: str, chat: Mapping[str, Any]) -> Rejection | None:
    """A rule for the names of tools, if the message is about one and says which are accepted."""
    if not (chat.get("tools") or chat.get("functions")) or not _NAME_FIELD.search(f"{named} {message}"):
        return None
    if (found := _PATTERN.search(message)) is None:
        if (most := _MAX_NAME.search(message)) is None or not 16 <= int(most.group(1)) <= 256:
            return None
        rule: dict[str, Any] = {"chars": "a-zA-Z0-9_-", "max": int(most.group(1))}
    else:
        first, second, _, most_chars, exact = found.groups()
        rule = {"chars": (second or first)[1:-1].replace("\\w", "a-zA-Z0-9_"), "max": int(most_chars or exact or 64)}
        if second is not None:
            rule |= {"first": first[1:-1], "max": rule["max"] + (1 if most_chars else 0)}
    try:
        re.compile(f"[{rule['chars']}]")
    except re.error:
        return None
    return Rejection("tools", {"tool_name": rule}, "send the tools under names that the provider accepts")
