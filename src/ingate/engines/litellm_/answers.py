"""litellm's answer objects → plain dicts."""

from __future__ import annotations

from typing import Any


def plain(value: Any) -> Any:
    """A litellm object as dicts and lists, without what is None; far cheaper than `model_dump`."""
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    fields = getattr(value, "__dict__", None)
    if fields is None:
        return str(value)
    extra = getattr(value, "__pydantic_extra__", None) or {}
    return {
        name: plain(item)
        for name, item in {**fields, **extra}.items()
        if item is not None and not name.startswith("_")
    }
