"""Lists fetched from where the models run: read into rows, and kept between runs with their age."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.catalog.schema import ModelRow
from ingate.picker.data import Live

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

_FILE: Final = "picker-live.json"
_MOST: Final = 5_000
# What OpenRouter calls a capability, and what the catalog does.
_PARAMETERS: Final = {"tools": "tools", "reasoning": "reasoning", "structured_outputs": "json"}
_INPUTS: Final = {"image": "vision", "audio": "audio", "video": "video", "file": "pdf"}

# Providers whose own list says more than the catalog: hubs that change daily, and servers that have what was put there.
LISTED: Final = frozenset(
    {"openrouter", "ollama", "ollama_chat", "lm_studio", "hosted_vllm", "llamafile", "lemonade", "docker_model_runner", "xinference"}
)  # fmt: skip


class _Kept(msgspec.Struct):
    rows: tuple[ModelRow, ...]
    fetched_at: float


def rows_of(
    provider: str, models: Iterable[Mapping[str, Any]], known: Callable[[str, str], ModelRow | None]
) -> tuple[ModelRow, ...]:
    """Rows from OpenAI model objects, in their order; what has no usable id is left out.

    Args:
        provider: Whose models these are.
        models: As the far side lists them, which may be anything.
        known: The catalog's row of a provider and model.
    """
    rows: dict[str, ModelRow] = {}
    for model in models:
        name = model.get("id") or model.get("name") if isinstance(model, dict) else None
        if not isinstance(name, str) or not (name := printable(name)) or name in rows:
            continue
        rows[name] = known(provider, name) or _row(provider, name, model)
        if len(rows) >= _MOST:
            break
    return tuple(rows.values())


def printable(text: str) -> str:
    """`text` without what would move a cursor, change a colour or turn the reading direction."""
    return text if text.isprintable() else "".join(letter for letter in text if letter.isprintable())


def _row(provider: str, name: str, model: Mapping[str, Any]) -> ModelRow:
    pricing = _section(model, "pricing")
    top = _section(model, "top_provider")
    takes = _words(model, "supported_parameters")
    inputs = _words(_section(model, "architecture"), "input_modalities")
    caps = [cap for word, cap in _PARAMETERS.items() if word in takes]
    caps += [cap for word, cap in _INPUTS.items() if word in inputs]
    return ModelRow(
        provider,
        name,
        context_tokens=_count(model.get("context_length") or model.get("max_model_len")),
        max_output_tokens=_count(top.get("max_completion_tokens")),
        input_usd_per_mtok=_per_mtok(pricing.get("prompt")),
        output_usd_per_mtok=_per_mtok(pricing.get("completion")),
        caps=tuple(caps),
    )


def _section(model: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = model.get(name)
    return found if isinstance(found, dict) else {}


def _words(model: Mapping[str, Any], name: str) -> frozenset[str]:
    found = model.get(name)
    return frozenset(word for word in found if isinstance(word, str)) if isinstance(found, list) else frozenset()


def _count(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e12 else None


def _per_mtok(value: Any) -> float | None:
    """OpenRouter's dollars per token, as text; a negative one means that it varies."""
    try:
        price = float(value) * 1e6
    except (TypeError, ValueError):
        return None
    return round(price, 6) if 0 <= price < 1e6 else None


def key_of(name: str, base: str | None) -> str:
    """Under which key a list is kept: another proxy or server has another list."""
    return f"{name} {base}" if base else name


def read(folder: Path) -> dict[str, Live]:
    """The lists of earlier runs by `key_of`; empty where there is no file or it cannot be read."""
    try:
        kept = msgspec.json.decode((folder / _FILE).read_bytes(), type=dict[str, _Kept])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return {}
    return {key: Live(one.rows, one.fetched_at) for key, one in kept.items()}


def keep(folder: Path, key: str, live: Live) -> bool:
    """Add a fetched list to the kept ones. False where the folder cannot be written."""
    from ingate.paths import write_private

    kept = {**read(folder), key: live}
    newest = sorted(kept.items(), key=lambda entry: -entry[1].fetched_at)[:12]
    try:
        write_private(
            folder / _FILE, msgspec.json.encode({name: _Kept(one.rows, one.fetched_at) for name, one in newest})
        )
    except OSError:
        return False
    return True


def age(seconds: float) -> str:
    """How long ago, short: `"now"`, `"40 s ago"`, `"5 min ago"`, `"3 h ago"`, `"2 days ago"`."""
    if seconds < 5:
        return "now"
    for limit, unit_s, name in ((60, 1, "s"), (3600, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds // unit_s)} {name} ago"
    return f"{int(seconds // 86_400)} days ago"
