"""What the configuration says of local models, waiting times and headers is on the Route, and on no other provider's."""

from __future__ import annotations

import pytest

from ingate import Gateway

KEY = "sk-secret-0123456789"


def test_the_settings_of_local_models_are_on_their_routes() -> None:
    gateway = Gateway({"local": {"models": {"mine": "/models/mine.gguf"}, "context_tokens": 4096, "threads": 3}})
    (route,) = gateway.routes("local/mine")
    assert dict(route.facts) == {"path": "/models/mine.gguf", "context_tokens": 4096, "threads": 3}
    (bundled,) = gateway.routes("local/smollm2")
    assert dict(bundled.facts) == {"context_tokens": 4096, "threads": 3}


def test_without_settings_the_engine_decides_for_local_models() -> None:
    (route,) = Gateway({}).routes("local/smollm2")
    assert dict(route.facts) == {}


SECTIONS = {
    "groq": {"api_key": KEY},
    "openai": {"api_key": KEY, "timeout": 7, "headers": {"x-own": "1"}},
    "servers": {"box": {"base_url": "http://box.test/v1", "timeout": 8}, "bare": {"base_url": "http://bare.test/v1"}},
    "litellm": {
        "api_base": "http://proxy.test",
        "api_key": KEY,
        "timeout": 9,
        "default_headers": {"x-litellm-team": "blue"},
    },
}


@pytest.mark.parametrize(
    ("spec", "timeout_s"),
    [
        ("groq/m", 5),
        ("openai/m", 7),
        ("box/m", 8),
        ("bare/m", 5),
        ("litellm/m", 9),
        ("litellm.groq/m", 9),
        ("litellm.openai/m", 7),
        ("groq/m?timeout=1", 1),
        ("litellm/m?timeout=1", 1),
        ("local/smollm2", 5),
    ],
)
def test_the_nearest_timeout_counts_and_litellms_own_only_through_litellm(spec: str, timeout_s: float) -> None:
    (route,) = Gateway({**SECTIONS, "timeout": 5}).routes(spec)
    assert route.timeout_s == timeout_s


@pytest.mark.parametrize("spec", ["groq/m", "bare/m"])
def test_litellms_timeout_does_not_reach_a_native_route(spec: str) -> None:
    without = {name: section for name, section in SECTIONS.items() if name != "litellm"}
    (route,), (other,) = Gateway(SECTIONS).routes(spec), Gateway(without).routes(spec)
    assert route.timeout_s == other.timeout_s != 9


@pytest.mark.parametrize(
    ("spec", "headers"),
    [
        ("groq/m", {}),
        ("openai/m", {"x-own": "1"}),
        ("litellm/m", {"x-litellm-team": "blue"}),
        ("litellm.openai/m", {"x-litellm-team": "blue", "x-own": "1"}),
    ],
)
def test_litellms_headers_are_sent_only_through_litellm(spec: str, headers: dict[str, str]) -> None:
    (route,) = Gateway(SECTIONS).routes(spec)
    shown = {
        name: value.reveal() if hasattr(value, "reveal") else value  # ty: ignore[call-non-callable]
        for name, value in route.headers.items()
    }
    assert shown == headers
