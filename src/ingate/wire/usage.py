"""Token counts in one form, from every place where providers put them.

`prompt_tokens` is all input including cache reads and writes, `completion_tokens` is all output including reasoning. If
a provider counts one of these separately, its own `total_tokens` shows it: nothing is added that the total does not
confirm.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROMPT_DETAILS: Final = ("prompt_tokens_details", "input_tokens_details", "prompt_token_details")
_COMPLETION_DETAILS: Final = ("completion_tokens_details", "output_tokens_details", "completion_token_details")
# Names of cache reads, cache writes and reasoning next to the counts (`usage.…`): DeepSeek, Moonshot and Together,
# Mistral, Anthropic-like gateways, and servers without a details object.
_CACHED: Final = ("cached_tokens", "prompt_cache_hit_tokens", "num_cached_tokens", "cache_read_input_tokens")
_WRITTEN: Final = ("cache_creation_tokens", "cache_write_tokens", "cache_creation_input_tokens")
_COUNTS: Final = ("prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "total_tokens")
_REASONING: Final = ("reasoning_tokens", "thoughts_token_count")


def _count(value: object) -> int | None:
    """`value` as a count of tokens, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        return None
    return int(value)


def _first(usage: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    for name in names:
        if (count := _count(usage.get(name))) is not None:
            return count
    return None


def _largest(usage: Mapping[str, Any], details: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    """The largest of several counts: a gateway may set one place to 0 and another to the real value."""
    counts = [count for source in (details, usage) for name in names if (count := _count(source.get(name))) is not None]
    return max(counts, default=None)


def _details(usage: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    for name in names:
        if isinstance(found := usage.get(name), dict):
            return {key: value for key, value in found.items() if value is not None}
    return {}


def normalise_usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    """A provider's usage object as OpenAI's; other fields are kept."""
    prompt_details, completion_details = _details(usage, _PROMPT_DETAILS), _details(usage, _COMPLETION_DETAILS)
    prompt = _first(usage, ("prompt_tokens", "input_tokens"))
    completion = _first(usage, ("completion_tokens", "output_tokens"))
    total = _first(usage, ("total_tokens",))
    cached = _largest(usage, prompt_details, _CACHED)
    written = _largest(usage, prompt_details, _WRITTEN)
    reasoning = _largest(usage, completion_details, _REASONING)
    if prompt is None:
        prompt = max(total - completion, 0) if total is not None and completion is not None else 0
    if completion is None:
        completion = max(total - prompt, 0) if total is not None else 0
    if total is not None and (uncounted := total - prompt - completion) > 0:
        if reasoning and uncounted == reasoning:
            completion += reasoning
        elif uncounted == (cached or 0) + (written or 0):
            prompt += uncounted
    if cached is not None:
        prompt_details["cached_tokens"] = cached
    if written is not None:
        prompt_details["cache_creation_tokens"] = written
    if reasoning is not None:
        completion_details["reasoning_tokens"] = reasoning
    known = {*_PROMPT_DETAILS, *_COMPLETION_DETAILS, *_COUNTS}
    result: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": total or prompt + completion,
    }
    if prompt_details:
        result["prompt_tokens_details"] = prompt_details
    if completion_details:
        result["completion_tokens_details"] = completion_details
    result.update({key: value for key, value in usage.items() if key not in known and value is not None})
    return result


def merge_usage(earlier: Mapping[str, Any] | None, later: Mapping[str, Any]) -> dict[str, Any]:
    """The later of two usage objects of a stream (counts are cumulative), unless it is empty or zero."""
    if not earlier:
        return dict(later)
    if not any(later.get(name) for name in _COUNTS):
        return dict(earlier)
    merged = dict(earlier)
    for key, value in later.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = {**merged[key], **{name: count for name, count in value.items() if count is not None}}
        elif value is not None:
            merged[key] = value
    return merged
