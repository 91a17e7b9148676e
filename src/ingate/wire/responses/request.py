"""A chat request as a request of OpenAI's Responses API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.errors import BadRequestError, InvalidRequestError
from ingate.wire.efforts import fitted_effort
from ingate.wire.facts import effort_of_budget, facts_of, takes_sampling
from ingate.wire.params import ParamTracker, deep_merge
from ingate.wire.parts import format_of
from ingate.wire.responses.items import Conversation
from ingate.wire.responses.providers import responses_provider
from ingate.wire.responses.tools import add_tools

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.codec import Target
    from ingate.wire.responses.providers import ResponsesProvider

ENCRYPTED: Final = "reasoning.encrypted_content"
LOGPROBS: Final = "message.output_text.logprobs"
# Parameters that both APIs have, with the same meaning and values.
_SAME: Final = (
    "metadata", "user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options",
    "service_tier", "moderation",
)  # fmt: skip
# What is meant for OpenAI's platform: nothing is lost if another provider is not sent it.
_UNMISSED: Final = frozenset(
    {"metadata", "user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options"}
)
# What a model accepts although it has no sampling parameters: the value that applies anyway.
_NEUTRAL: Final[Mapping[str, float]] = {"temperature": 1, "top_p": 1}


def responses_request(body: Mapping[str, Any], target: Target) -> tuple[dict[str, Any], ParamTracker]:
    """The request body without `stream`, and what became of the parameters.

    Raises:
        BadRequestError: The request is malformed, cannot be expressed in this API, or has a parameter that the provider
            does not accept while `drop_params` is `strict`.
    """
    row = responses_provider(target.provider)
    tracker = ParamTracker(body, policy=target.drop_params, model=target.model)
    known = facts_of(target, "responses")
    store = _store(tracker, row)
    wanted, _ = format_of(body)
    conversation = Conversation(tracker, row, provider=target.provider, store=store, json_mode=wanted == "json_object")
    out: dict[str, Any] = _named(target.model, row)
    if conversation.instructions:
        out["instructions"] = conversation.instructions
    out["input"] = conversation.items
    if row.store:
        out["store"] = store
    add_tools(tracker, out, row)
    _text(tracker, out, row)
    effort = _reasoning(tracker, out, row, known)
    _limit(tracker, out, row)
    include = tracker.take("include")
    include = list(include) if isinstance(include, list) else []
    _sampling(tracker, out, row, known, effort=effort, include=include)
    if row.encrypted and _reasons(target, known, effort) and ENCRYPTED not in include:
        include.append(ENCRYPTED)
    if include:
        out["include"] = include
    for name in (*_SAME, *sorted(row.takes)):
        if (value := tracker.take(name)) is not None:
            out[name] = value
    out.update(tracker.rest())
    for name in sorted(row.refused & out.keys()):
        if name not in _UNMISSED:
            tracker.drop(name, f"{target.provider} does not support it")
        del out[name]
    return deep_merge(out, tracker.extra_body), tracker


def _named(model: str, row: ResponsesProvider) -> dict[str, Any]:
    """The model, or the preset that goes by a model's name."""
    if row.preset_prefix and model.startswith(row.preset_prefix):
        return {"preset": model.removeprefix(row.preset_prefix)}
    return {"model": model}


def _store(tracker: ParamTracker, row: ResponsesProvider) -> bool:
    given = tracker.take("store")
    if given is True and not row.stores:
        tracker.drop("store", "the provider does not store responses")
        return False
    return given is True


def _text(tracker: ParamTracker, out: dict[str, Any], row: ResponsesProvider) -> None:
    """The answer's format and verbosity."""
    wanted, schema = format_of(tracker.body)
    given = tracker.take("response_format")
    text: dict[str, Any] = {}
    if row.chat_format:
        if wanted != "text":
            out["response_format"] = given
    elif wanted == "json_object":
        text["format"] = {"type": "json_object"}
    elif schema is not None:
        wrapper = given.get("json_schema") if isinstance(given.get("json_schema"), dict) else given
        more = {name: wrapper[name] for name in ("description", "strict") if wrapper.get(name) is not None}
        text["format"] = {"type": "json_schema", "name": wrapper.get("name") or "answer", "schema": schema, **more}
    verbosity = tracker.take("verbosity")
    if verbosity is not None and "text" in row.refused:
        tracker.drop("verbosity", "the provider does not support it")
    elif verbosity is not None:
        text["verbosity"] = verbosity
    if text:
        out["text"] = text


def _reasoning(
    tracker: ParamTracker, out: dict[str, Any], row: ResponsesProvider, known: Mapping[str, Any]
) -> str | None:
    """Set `reasoning` from `reasoning`, `reasoning_effort`, `reasoning_summary` and `thinking`; the effort that results."""
    nested, given = tracker.take("reasoning"), tracker.take("reasoning_effort")
    thinking, summary = tracker.take("thinking"), tracker.take("reasoning_summary")
    reasoning: dict[str, Any] = dict(nested) if isinstance(nested, dict) else {}
    if isinstance(given, dict):  # litellm's form of the same: {"effort": …, "summary": …}
        reasoning, given = {**given, **reasoning}, None
    if isinstance(thinking, dict) and given is None and "effort" not in reasoning:
        budget = thinking.get("budget_tokens")
        if thinking.get("type") == "disabled":
            given = "none"
        elif isinstance(budget, int) and not isinstance(budget, bool):
            given = effort_of_budget(budget)
    effort = reasoning.get("effort") or given
    if effort is not None and not isinstance(effort, str):
        raise BadRequestError(f"reasoning_effort is {effort!r}, not a string", code="invalid_parameter")
    levels = row.efforts if row.efforts is not None else known.get("efforts")
    if effort is not None:
        effort = fitted_effort(tracker, effort, levels)
    if effort is not None:
        reasoning["effort"] = effort
    if isinstance(summary, str):
        reasoning["summary"] = summary
    elif row.summary and effort not in {None, "none"} and not isinstance(nested, dict):
        reasoning.setdefault("summary", "auto")
    reasoning = {key: value for key, value in reasoning.items() if value is not None}
    if reasoning:
        out["reasoning"] = reasoning
    return effort


def _reasons(target: Target, known: Mapping[str, Any], effort: str | None) -> bool:
    """Whether the model reasons. OpenAI refuses to encrypt the reasoning of a model that has none."""
    if (levels := known.get("efforts")) is not None:
        return bool(levels)
    return "reasoning" in (target.facts.get("caps") or ()) or effort not in {None, "none"}


def _limit(tracker: ParamTracker, out: dict[str, Any], row: ResponsesProvider) -> None:
    given = tracker.take("max_output_tokens", "max_completion_tokens", "max_tokens")
    if given is None:
        return
    if not isinstance(given, int) or isinstance(given, bool) or given < 0:
        raise InvalidRequestError(
            f"max_tokens is {given!r}, not a number of tokens", param="max_tokens", code="invalid_parameter"
        )
    if given < row.min_output_tokens:
        tracker.adapt(
            "max_tokens", f"max_tokens is {row.min_output_tokens}, the least this API accepts, instead of {given}"
        )
    out["max_output_tokens"] = max(given, row.min_output_tokens)


def _sampling(
    tracker: ParamTracker,
    out: dict[str, Any],
    row: ResponsesProvider,
    known: Mapping[str, Any],
    *,
    effort: str | None,
    include: list[Any],
) -> None:
    refuses = not takes_sampling(known, effort)
    for name in ("temperature", "top_p"):
        value = tracker.number(name)
        if value is None:
            continue
        if not refuses:
            out[name] = value
        elif value != _NEUTRAL[name]:
            tracker.drop(name, "this model has no sampling parameters")
    logprobs, most = tracker.take("logprobs"), tracker.number("top_logprobs")
    if logprobs is not True and not most:
        return
    if refuses:
        tracker.drop("logprobs", "this model reports no probabilities")
    elif "include" in row.refused:
        tracker.drop("logprobs", "the provider reports no probabilities")
    else:
        if LOGPROBS not in include:
            include.append(LOGPROBS)
        if most:
            out["top_logprobs"] = most
