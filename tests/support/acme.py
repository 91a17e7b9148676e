"""What the tests of the native engine share: a Route to a provider on loopback."""

from __future__ import annotations

from typing import Any

from ingate.engines.base import Route
from ingate.providers.credential import Credential
from ingate.secret import Secret
from ingate.spec import parse_one

KEY = "sk-loopback-0123456789"


def acme_route(base: str | None, **more: Any) -> Route:
    """The Route of `acme/m`, an OpenAI-like provider with a key, and `more` of its fields."""
    settings: dict[str, Any] = {
        "spec": parse_one("acme/m"),
        "engine": "native",
        "provider": "acme",
        "model": "m",
        "wire_format": "chat",
        "api_base": base,
        "credential": Credential(api_key=Secret(KEY), source="env ACME_API_KEY"),
        "timeout_s": 5.0,
    }
    return Route(**{**settings, **more})
