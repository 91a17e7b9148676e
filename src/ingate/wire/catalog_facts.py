"""What litellm's catalog says a model accepts, in a text short enough for every row of the catalog's index.

A text is words: `forced_tool_use` for `supports_forced_tool_use: true`, `-forced_tool_use` for false, and
`levels=low,high` for a field that is not a yes or no. `statements` reads it again; `add_statements` applies it to facts.
"""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

# The catalog's yes-or-no fields that are kept → the word for each.
_FLAGS: Final[Mapping[str, str]] = {
    "supports_forced_tool_use": "forced_tool_use",
    "supports_tool_choice": "tool_choice",
    "thinking_always_on": "always_thinks",
    "supports_adaptive_thinking": "adaptive",
    "supports_legacy_thinking": "legacy_thinking",
    **{f"supports_{effort}_reasoning_effort": effort for effort in EFFORTS},
    "supports_sampling_params": "sampling",
    "supports_assistant_prefill": "prefill",
    "supports_native_structured_output": "native_schema",
    "supports_response_schema": "schema",
    "supports_mid_conversation_system": "later_system",
    "bedrock_converse_supports_strict_tools": "strict_tools",
    "supports_bedrock_converse_tool_result_images": "media_results",
}
# What most entries have, and what says nothing that would be assumed otherwise.
_ASSUMED: Final = {"supports_tool_choice": True, "supports_response_schema": True}
# The fields with other values → the word for each.
_VALUES: Final[Mapping[str, str]] = {
    "reasoning_effort_levels": "levels",
    "default_reasoning_effort": "default",
    "bedrock_output_config_effort_ceiling": "ceiling",
}
_NAMES: Final = {word: name for name, word in (*_FLAGS.items(), *_VALUES.items())}
_NONE_LISTED: Final = "-"


def text_of(entry: Mapping[str, Any]) -> str:
    """The text for one entry of litellm's catalog file; empty if it says nothing that facts depend on."""
    words = []
    for name, word in _FLAGS.items():
        value = entry.get(name)
        if isinstance(value, bool) and _ASSUMED.get(name) is not value:
            words.append(word if value else f"-{word}")
    for name, word in _VALUES.items():
        value = entry.get(name)
        if isinstance(value, list):
            words.append(f"{word}={','.join(level for level in EFFORTS if level in value) or _NONE_LISTED}")
        elif value in EFFORTS:
            words.append(f"{word}={value}")
    return " ".join(words)


@lru_cache(maxsize=512)
def statements(text: str) -> Mapping[str, Any]:
    """The fields of litellm's catalog that a text stands for; an unknown word is ignored."""
    found: dict[str, Any] = {}
    for word in text.split():
        key, has_value, value = word.partition("=")
        name = _NAMES.get(key.removeprefix("-"))
        if name is None:
            continue
        if not has_value:
            found[name] = not word.startswith("-")
        elif name == "reasoning_effort_levels":
            found[name] = [] if value == _NONE_LISTED else value.split(",")
        else:
            found[name] = value
    return MappingProxyType(found)


def add_statements(facts: dict[str, Any], said: Mapping[str, Any], wire_format: str) -> None:
    """Override facts by what the catalog says of the model.

    Args:
        facts: The facts of `data/model_facts.json`; changed in place.
        said: Fields of litellm's catalog (`supports_forced_tool_use`, …); other keys are facts by their own names.
        wire_format: The format in which the model is called; some fields are about Bedrock's alone.
    """
    is_bedrock = wire_format.startswith("bedrock")
    for name, value in said.items():
        if value is None:
            continue
        if (apply := _APPLIED.get(name)) is not None:
            apply(facts, value)
        elif name not in _FLAGS and name not in _VALUES:
            facts[name] = value
    _efforts(facts, said)
    if is_bedrock:
        _bedrock(facts, said)


def _forced(facts: dict[str, Any], value: Any) -> None:
    if value is False or facts.get("forced_tools") is False:
        facts["forced_tools"] = value is not False


def _sampling(facts: dict[str, Any], value: Any) -> None:
    if value is False or facts.get("sampling") is False:
        facts["sampling"] = bool(value)


def _prefill(facts: dict[str, Any], value: Any) -> None:
    # True is no news where the file knows how: with `prefix`, or on another endpoint.
    if value is False or facts.get("final_assistant") is False:
        facts["final_assistant"] = bool(value)


def _native_schema(facts: dict[str, Any], value: Any) -> None:
    facts["structured"] = "schema" if value else False


def _schema(facts: dict[str, Any], value: Any) -> None:
    if value is False:  # true means any kind of JSON answer in the catalog
        facts["structured"] = False


def _default(facts: dict[str, Any], value: Any) -> None:
    facts["reasons_by_default"] = value != "none"


def _always_thinks(facts: dict[str, Any], value: Any) -> None:
    types = facts.get("thinking")
    if isinstance(types, list):
        kept = [one for one in types if one != "disabled"]
        facts["thinking"] = kept if value else [*kept, "disabled"]
    facts["always_reasons"] = bool(value)
    if value:
        facts["reasons_by_default"] = True
        facts.pop("reasoning_off", None)
        if isinstance(levels := facts.get("efforts"), list):
            facts["efforts"] = [level for level in levels if level != "none"]


def _adaptive(facts: dict[str, Any], value: Any) -> None:
    _thinking_type(facts, "adaptive", has=bool(value))


def _legacy(facts: dict[str, Any], value: Any) -> None:
    _thinking_type(facts, "enabled", has=bool(value))


def _thinking_type(facts: dict[str, Any], name: str, *, has: bool) -> None:
    types = facts.get("thinking")
    if isinstance(types, list) and types and (name in types) != has:
        facts["thinking"] = [name, *types] if has else [one for one in types if one != name]


_APPLIED: Final[Mapping[str, Callable[[dict[str, Any], Any], None]]] = {
    "supports_forced_tool_use": _forced,
    "supports_tool_choice": lambda facts, value: _forced(facts, value) if value is False else None,
    "thinking_always_on": _always_thinks,
    "supports_adaptive_thinking": _adaptive,
    "supports_legacy_thinking": _legacy,
    "supports_sampling_params": _sampling,
    "supports_assistant_prefill": _prefill,
    "supports_native_structured_output": _native_schema,
    "supports_response_schema": _schema,
    "default_reasoning_effort": _default,
    "supports_mid_conversation_system": lambda facts, value: facts.update(later_system=bool(value)),
}


def _efforts(facts: dict[str, Any], said: Mapping[str, Any]) -> None:
    """The levels: those listed, or else those known with what is said of single levels."""
    listed = said.get("reasoning_effort_levels")
    if isinstance(listed, list):
        facts["efforts"] = [level for level in EFFORTS if level in listed]
        return
    known = facts.get("efforts")
    if not isinstance(known, list) or not known:
        return
    levels = set(known)
    for effort in EFFORTS:
        value = said.get(f"supports_{effort}_reasoning_effort")
        if value is True:
            levels.add(effort)
        elif value is False:
            levels.discard(effort)
    if levels != set(known):
        facts["efforts"] = [level for level in EFFORTS if level in levels]


def _bedrock(facts: dict[str, Any], said: Mapping[str, Any]) -> None:
    for name, fact in (
        ("bedrock_converse_supports_strict_tools", "strict_tools"),
        ("supports_bedrock_converse_tool_result_images", "media_results"),
    ):
        if isinstance(value := said.get(name), bool):
            facts[fact] = value
    ceiling, levels = said.get("bedrock_output_config_effort_ceiling"), facts.get("efforts")
    if ceiling in EFFORTS and isinstance(levels, list):
        facts["efforts"] = [level for level in levels if EFFORTS.index(level) <= EFFORTS.index(ceiling)]
