"""litellm's catalog file, converted to rows."""

from __future__ import annotations

import re
import sys
from collections import Counter
from datetime import date
from typing import Any, Final

import msgspec

from ingate.catalog.litellm_names import NO_PROVIDER, place
from ingate.catalog.prices import prices
from ingate.catalog.schema import CAPS, FORMATS, MODES, ModelRow
from ingate.wire.catalog_facts import text_of

_FLAGS: Final = {
    "tools": ("supports_function_calling",),
    "vision": ("supports_vision", "supports_image_input"),
    "reasoning": ("supports_reasoning",),
    "json": ("supports_response_schema", "supports_native_structured_output"),
    "audio": ("supports_audio_input",),
    "speech": ("supports_audio_output",),
    "video": ("supports_video_input",),
    "pdf": ("supports_pdf_input",),
    "search": ("supports_web_search",),
    "cache": ("supports_prompt_caching",),
    "computer": ("supports_computer_use",),
}
_ENDPOINTS: Final = {
    "/v1/chat/completions": "chat",
    "/v1/responses": "responses",
    "/v1/messages": "messages",
    "/v1/completions": "completions",
}
# What the mode implies for an entry without `supported_endpoints`. Mode "chat" implies nothing: litellm gives it to models
# of every API.
_MODE_FORMATS: Final[dict[str, tuple[str, ...]]] = {
    "chat": (),
    "responses": ("responses",),
    "completion": ("completions",),
}
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


class Built(msgspec.Struct, frozen=True, array_like=True):
    """The content of a catalog file.

    Attributes:
        rows: One row for each provider and model, sorted by provider and name.
        left_out: The number of entries of a chat mode that were left out, by reason (see `litellm_names.REASONS`).
        no_provider: The number of entries of each litellm_provider that is not a provider of ingate's.
    """

    rows: tuple[ModelRow, ...]
    left_out: dict[str, int]
    no_provider: dict[str, int]


def build(raw: bytes) -> Built:
    """Read a catalog file.

    Raises:
        ValueError: It is not a JSON object, or has no model of a known provider.
    """
    try:
        entries = msgspec.json.decode(raw)
    except msgspec.MsgspecError as error:
        raise ValueError(f"it is not JSON ({error})") from error
    if not isinstance(entries, dict):
        raise ValueError(f"it is a {type(entries).__name__}, not an object")  # noqa: TRY004 - bad data, not a bad call
    rows: dict[tuple[str, str], ModelRow] = {}
    left_out: Counter[str] = Counter()
    no_provider: Counter[str] = Counter()
    interned: dict[tuple[str, ...], tuple[str, ...]] = {}
    for key, entry in entries.items():
        if not isinstance(entry, dict):
            left_out["malformed"] += 1
            continue
        mode, litellm_provider = entry.get("mode"), entry.get("litellm_provider")
        if not isinstance(mode, str) or mode not in MODES:
            continue
        where = place(litellm_provider, key) if isinstance(litellm_provider, str) else NO_PROVIDER
        if isinstance(where, str):
            left_out[where] += 1
            if where == NO_PROVIDER:
                no_provider[str(litellm_provider)] += 1
            continue
        if entry.get("max_input_tokens") == 0 and entry.get("max_output_tokens") == 0:
            left_out["no chat"] += 1
            continue
        providers, model = where
        caps = _caps(entry)
        caps = interned.setdefault(caps, caps)
        formats = _formats(entry, mode)
        formats = interned.setdefault(formats, formats)
        for provider in providers:
            place_of = provider, model
            if place_of in rows:
                left_out["duplicate"] += 1
                if not key.startswith(f"{provider}/"):
                    continue
            rows[place_of] = _row(provider, model, mode, caps, formats, entry)
    if not rows:
        raise ValueError("it lists no model of a known provider")
    return Built(tuple(rows[place_of] for place_of in sorted(rows)), dict(left_out), dict(no_provider))


def _row(
    provider: str, model: str, mode: str, caps: tuple[str, ...], formats: tuple[str, ...], entry: dict[str, Any]
) -> ModelRow:
    limit, context, output = (_tokens(entry.get(f"max_{part}tokens")) for part in ("", "input_", "output_"))
    if context is None and output is None:
        # The older single limit means the output's if there is an input limit too, otherwise the context's.
        context = limit
    elif output is None:
        output = limit
    base, tiers = prices(provider, model, entry)
    return ModelRow(
        provider,
        model,
        mode,
        context,
        output,
        *base[:4],
        caps,
        _date(entry.get("deprecation_date")),
        base[4],
        tiers,
        formats,
        sys.intern(text_of(entry)),
    )


def _caps(entry: dict[str, Any]) -> tuple[str, ...]:
    return tuple(cap for cap in CAPS if any(entry.get(flag) is True for flag in _FLAGS[cap]))


def _formats(entry: dict[str, Any], mode: str) -> tuple[str, ...]:
    """The formats of the entry's endpoints; without endpoints of these formats, those that its mode implies."""
    listed = entry.get("supported_endpoints")
    if isinstance(listed, list):
        named = {_ENDPOINTS.get(endpoint) for endpoint in listed if isinstance(endpoint, str)}
        if found := tuple(name for name in FORMATS if name in named):
            return found
    return _MODE_FORMATS[mode]


def _tokens(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 1:
        return None
    return int(value)


def _date(value: Any) -> str | None:
    """The ISO date in `value`; None if there is no valid one, since an invalid date must not hide a model."""
    if not isinstance(value, str) or not (found := _DATE.match(value)):
        return None
    try:
        date.fromisoformat(found.group())
    except ValueError:
        return None
    return found.group()
