"""Recorded provider answers as test cases, and the comparison of what a lane made of one with what it must say."""

from __future__ import annotations

import contextlib
import importlib.util
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

# The case's word for a count → where an OpenAI usage object has it.
_USAGE = ("prompt", "completion", "cached", "cache_write", "reasoning", "total")


@dataclass(frozen=True, slots=True)
class Case:
    """One recorded answer."""

    id: str
    provider: str
    wire: str
    family: str
    model: str
    stream: bool
    http_status: int
    features: tuple[str, ...]
    expected: Mapping[str, Any]
    drive: Mapping[str, Any]
    request: Mapping[str, Any]
    response: Mapping[str, Any]


@dataclass(slots=True)
class Outcome:
    """What a lane gave. Tool calls are `{"name", "arguments" (parsed), "id"}`; usage has the counts of `_USAGE`."""

    text: str = ""
    reasoning: str = ""
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    finish_reason: str | None = None
    usage: dict[str, int] = field(default_factory=dict)
    error_status: int | None = None


def load_cases(folder: Path, wires: Iterable[str]) -> list[Case]:
    """The cases of `folder` (the one that holds `cases/`) in these wire formats, by id."""
    wanted = set(wires)
    cases = []
    for file in sorted((folder / "cases").glob("*.json")):
        raw = json.loads(file.read_text(encoding="utf-8"))
        if raw["wire"] not in wanted:
            continue
        cases.append(
            Case(
                id=raw["id"],
                provider=raw["provider"],
                wire=raw["wire"],
                family=raw.get("family") or "",
                model=raw.get("model") or "model",
                stream=bool(raw["stream"]),
                http_status=raw["response"]["status"],
                features=tuple(raw.get("features") or ()),
                expected=raw["expected"],
                drive=raw.get("drive") or {},
                request=raw.get("request") or {},
                response=raw["response"],
            )
        )
    return cases


@contextlib.contextmanager
def replaying(folder: Path) -> Iterator[str]:
    """The replay server over `folder`'s cases, on loopback; gives its address. Put `/<case id>` (and `/v1`) after it."""
    file = folder / "replay_server.py"
    if not file.is_file():  # the Responses recordings share the other folder's
        file = folder.parent / "traffic" / "replay_server.py"
    found = importlib.util.spec_from_file_location("replay_server", file)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    server = module.start([str(folder / "cases")])
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _parsed(arguments: object) -> object:
    if not isinstance(arguments, str):
        return arguments
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments


def usage_of(usage: Mapping[str, Any] | None) -> dict[str, int]:
    """An OpenAI usage object in the cases' words; absent counts stay absent."""
    if not usage:
        return {}
    prompt = usage.get("prompt_tokens_details") or {}
    completion = usage.get("completion_tokens_details") or {}
    counts = {
        "prompt": usage.get("prompt_tokens"),
        "completion": usage.get("completion_tokens"),
        "cached": prompt.get("cached_tokens"),
        "cache_write": prompt.get("cache_creation_tokens"),
        "reasoning": completion.get("reasoning_tokens"),
        "total": usage.get("total_tokens"),
    }
    return {name: count for name, count in counts.items() if count is not None}


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    """A call in the cases' words: a custom tool's text is its argument `input`."""
    if isinstance(custom := call.get("custom"), dict):
        return {"name": custom["name"], "arguments": {"input": custom["input"]}, "id": call.get("id")}
    function = call["function"]
    return {"name": function["name"], "arguments": _parsed(function["arguments"]), "id": call.get("id")}


def outcome_of_completion(completion: Mapping[str, Any]) -> Outcome:
    """What the first choice of a completion says."""
    choice = completion["choices"][0]
    message = choice["message"]
    return Outcome(
        text=message.get("content") or message.get("refusal") or "",
        reasoning=message.get("reasoning_content") or "",
        tool_calls=[_call(call) for call in message.get("tool_calls") or []],
        finish_reason=choice.get("finish_reason"),
        usage=usage_of(completion.get("usage")),
    )


def outcome_of_chunks(chunks: Iterable[Mapping[str, Any]]) -> Outcome:
    """What the first choice of a stream says, put together as OpenAI's own clients do: by index, concatenating."""
    outcome = Outcome()
    calls: dict[int, dict[str, Any]] = {}
    for chunk in chunks:
        if chunk.get("usage"):
            outcome.usage = usage_of(chunk["usage"])
        for choice in chunk.get("choices") or []:
            if choice.get("index", 0) != 0:
                continue
            delta = choice.get("delta") or {}
            outcome.text += (delta.get("content") or "") + (delta.get("refusal") or "")
            outcome.reasoning += delta.get("reasoning_content") or ""
            for piece in delta.get("tool_calls") or []:
                call = calls.setdefault(piece["index"], {"name": "", "arguments": "", "id": ""})
                is_custom = "custom" in piece
                function = piece.get("custom" if is_custom else "function") or {}
                call["custom"] = is_custom
                call["id"] += piece.get("id") or ""
                call["name"] += function.get("name") or ""
                call["arguments"] += function.get("input" if is_custom else "arguments") or ""
            outcome.finish_reason = choice.get("finish_reason") or outcome.finish_reason
    for _, call in sorted(calls.items()):
        arguments = {"input": call["arguments"]} if call.pop("custom") else _parsed(call["arguments"])
        outcome.tool_calls.append({**call, "arguments": arguments})
    return outcome


def outcome_of_error(error: BaseException, partial: Mapping[str, Any] | None = None) -> Outcome:
    """An error's status, with what came before it (`partial`, a completion dict, or the error's own)."""
    partial = partial or getattr(error, "partial", None)
    outcome = outcome_of_completion(partial) if partial else Outcome()
    outcome.error_status = getattr(error, "status", None) or 500
    return outcome


def compare(outcome: Outcome, case: Case) -> list[str]:
    """Each way in which `outcome` is not what `case` must say; empty where it is."""
    expected = case.expected
    wrong: list[str] = []
    error = expected.get("error")
    if error or outcome.error_status is not None:
        status = error["status"] if error else None
        if outcome.error_status != status:
            wrong.append(f"error status {outcome.error_status}, expected {status}")
        if not error or outcome.error_status is None:
            return wrong
        if expected.get("text") and outcome.text != expected["text"]:
            wrong.append(f"text before the error {outcome.text[:80]!r}, expected {expected['text'][:80]!r}")
        return wrong
    wrong += _compare_text(outcome, expected)
    wrong += _compare_calls(outcome, expected)
    # Null: the provider never said why it ended; then any finish reason that fits is right.
    if expected.get("finish_reason") and outcome.finish_reason != expected["finish_reason"]:
        wrong.append(f"finish_reason {outcome.finish_reason!r}, expected {expected['finish_reason']!r}")
    return wrong + _compare_usage(outcome, expected)


def _compare_text(outcome: Outcome, expected: Mapping[str, Any]) -> list[str]:
    text, reasoning = expected.get("text") or "", expected.get("reasoning_text") or ""
    if (outcome.text, outcome.reasoning) == (text, reasoning):
        return []
    alternative = expected.get("alt")
    if alternative and (outcome.text.strip(), outcome.reasoning.strip()) == (
        (alternative.get("text") or "").strip(),
        (alternative.get("reasoning_text") or "").strip(),
    ):
        return []
    wrong = []
    if outcome.text != text:
        wrong.append(f"text {outcome.text[:120]!r}, expected {text[:120]!r}")
    if outcome.reasoning != reasoning:
        wrong.append(f"reasoning {outcome.reasoning[:120]!r}, expected {reasoning[:120]!r}")
    return wrong


def _compare_calls(outcome: Outcome, expected: Mapping[str, Any]) -> list[str]:
    calls = expected.get("tool_calls") or []
    names = [call["name"] for call in outcome.tool_calls]
    if names != [call["name"] for call in calls]:
        return [f"tool calls {names}, expected {[call['name'] for call in calls]}"]
    wrong = []
    for number, (got, wanted) in enumerate(zip(outcome.tool_calls, calls, strict=True)):
        if got["arguments"] != wanted["arguments"]:
            wrong.append(f"arguments of call {number} {got['arguments']!r}, expected {wanted['arguments']!r}")
        if wanted.get("id") and got["id"] != wanted["id"]:
            wrong.append(f"id of call {number} {got['id']!r}, expected {wanted['id']!r}")
        if not got["id"]:
            wrong.append(f"call {number} has no id")
    ids = [call["id"] for call in outcome.tool_calls]
    if len(set(ids)) != len(ids):
        wrong.append(f"ids are not distinct: {ids}")
    return wrong


def _compare_usage(outcome: Outcome, expected: Mapping[str, Any]) -> list[str]:
    usage = expected.get("usage")
    if not usage:
        return []
    billed = usage.get("billed") or {}
    wrong = []
    for name in _USAGE:
        if name == "total" and not (usage.get("total") and not billed):
            continue
        got, wanted = outcome.usage.get(name) or 0, usage.get(name) or 0
        if got != wanted and got != billed.get(name, wanted):
            wrong.append(f"usage.{name} {got}, expected {wanted}")
    return wrong
