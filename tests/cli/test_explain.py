"""The lines of `ingate explain`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from ingate.cli.explain import lines_of
from ingate.gateway.explain import Explanation
from support.cli import run


def explained(**more: Any) -> list[str]:
    basis: dict[str, Any] = {
        "spec": "groq/m",
        "engine": "native",
        "provider": "groq",
        "display_name": "Groq",
        "model": "m",
        "lane": "native",
        "why": "groq speaks it",
        "url": "https://api.groq.example/v1",
        "state": "ready",
        "credential_source": "env GROQ_API_KEY",
        "drop_params": "warn",
        "timeouts": {"connect_timeout": 10.0, "first_token_timeout": 1800.5, "timeout": 60.0},
    }
    return [click.unstyle(line) for line in lines_of(Explanation(**{**basis, **more}))]


HEAD = [
    "groq/m",
    "  lane        native: groq speaks it",
    "  engine      native",
    "  provider    Groq (groq)",
    "  model       m",
    "  address     https://api.groq.example/v1",
]
READY = "  credential  ✓ ready: env GROQ_API_KEY"
LIMITS = "  time limits connect 10 s · first token 1800.5 s · timeout 60 s"


def test_a_model_that_is_not_in_the_catalog() -> None:
    unknown = "  price       ? (not in the catalog, but it can be called)"
    tail = [LIMITS, "  parameters  none set", "              unsupported parameters are dropped with a warning"]
    assert explained() == [*HEAD, READY, unknown, *tail]
    assert explained(fix="nothing to fix", docs_url="https://docs.example") == [*HEAD, READY, unknown, *tail]


def test_a_model_of_the_catalog_with_prices_limits_and_parameters() -> None:
    facts = {"in_catalog": True, "input_usd_per_mtok": 0.15, "output_usd_per_mtok": 0.6, "context_tokens": 131_072}
    assert explained(
        **facts,
        max_output_tokens=65_536,
        cache_read_usd_per_mtok=0.05,
        caps=("tools", "json"),
        deprecated_on="2027-01-01",
        drop_params="strict",
        params={"temperature": 0.2, "seed": 1},
    ) == [
        *HEAD,
        READY,
        "  price       0.15 in · 0.6 out · 0.05 cached (dollars per million tokens; ? is unknown)",
        "  limits      131k context · 66k output",
        "  features    tools json",
        "  deprecated  2027-01-01",
        LIMITS,
        "  parameters  temperature=0.2, seed=1",
        "              unsupported parameters are an error",
    ]
    assert explained(**facts, drop_params="drop")[7:] == [
        "  price       0.15 in · 0.6 out (dollars per million tokens; ? is unknown)",
        "  limits      131k context · ? output",
        "  features    text",
        LIMITS,
        "  parameters  none set",
        "              unsupported parameters are dropped",
    ]


def test_what_is_missing_comes_with_the_fix_and_the_page() -> None:
    missing: dict[str, Any] = {
        "state": "missing",
        "credential_source": "",
        "detail": "no key",
        "near_misses": ("GROK_KEY is set", ""),
        "fix": "set GROQ_API_KEY",
    }
    credential = ["  credential  ✗ missing", "              no key", "              GROK_KEY is set"]
    assert explained(**missing, docs_url="https://docs.example")[6:11] == [
        *credential,
        "  fix         set GROQ_API_KEY",
        "  docs        https://docs.example",
    ]
    assert explained(**missing)[6:11] == [
        *credential,
        "  fix         set GROQ_API_KEY",
        "  price       ? (not in the catalog, but it can be called)",
    ]


@pytest.mark.parametrize(
    ("engine", "address", "priced"),
    [
        ("local", "none: the model runs in this process", False),
        ("scripted", "none: responses come from this process", False),
        ("tensorzero", "chosen by TensorZero's configuration", False),
        ("litellm", "chosen by litellm", True),
    ],
)
def test_an_engine_without_an_address_of_its_own(engine: str, address: str, priced: bool) -> None:
    lines = explained(engine=engine, url=None)
    assert lines[5] == f"  address     {address}"
    assert any(line.startswith("  price") for line in lines) is priced


def test_the_spec_is_bold() -> None:
    assert run("explain", "groq/m", terminal=True).out.startswith("\x1b[1mgroq/m\x1b[0m\n  lane  ")


def test_it_asks_nothing_even_on_a_terminal() -> None:
    Path("ingate.yaml").write_text("openai: {base_url: 'http://gateway.example/v1'}\n")
    assert "Trust it?" not in run("explain", "groq/m", terminal=True, stdin="y\n").err


def test_a_price_that_rises_with_the_prompt_shows_each_step() -> None:
    lines = explained(
        in_catalog=True,
        input_usd_per_mtok=2.0,
        output_usd_per_mtok=10.0,
        price_tiers=(
            {"above_tokens": 200_000, "input_usd_per_mtok": 4.0, "output_usd_per_mtok": 15.0},
            {"above_tokens": 1_000_000, "cache_read_usd_per_mtok": 0.5},
        ),
    )
    assert lines[7:10] == [
        "  price       from 2 in · from 10 out (dollars per million tokens; ? is unknown)",
        "              4 in · 15 out if the prompt is longer than 200k",
        "              0.5 cached if the prompt is longer than 1M",
    ]
