"""What `ingate doctor` prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ingate.cli.doctor import _lines, _provider_lines
from ingate.gateway.doctor import Conflict, Line, Problem, Report
from ingate.gateway.provider_report import Alternative, LaneReport, ProviderReport, Value
from support.cli import run
from support.config import trust_here

if TYPE_CHECKING:
    import pytest


def report(**more: Any) -> Report:
    nothing: dict[str, Any] = {
        "version": "1.2",
        "python": "3.13 at /python",
        "files": (),
        "trust": (),
        "conflicts": (),
        "default_model": None,
        "catalog": "litellm 1.109.1",
        "models": 3215,
        "proxy": None,
        "extras": (),
        "local": (),
        "servers": (),
        "providers": (),
        "missing": 118,
        "problems": (),
    }
    return Report(**{**nothing, **more})


def lines(shown: Report) -> list[str]:
    return click.unstyle("\n".join(_lines(shown))).splitlines()


def test_an_empty_set_up_says_what_to_do_first() -> None:
    assert lines(report()) == [
        "ingate 1.2 · Python 3.13 at /python",
        "",
        "Configuration",
        "  no file found; `ingate init` writes one, but keys in the environment are enough",
        "",
        "Catalog",
        "  3,215 chat models · litellm 1.109.1",
        "",
        "Optional packages",
        "",
        "Local models",
        "",
        "LiteLLM proxy",
        "  none configured",
        "",
        "Providers",
        "  no provider's key is set; `ingate explain <provider>/<model>` names the variable to set",
        "  118 without a credential",
    ]


def test_everything_that_is_set_up_is_shown_with_its_source_and_what_would_help() -> None:
    shown = report(
        files=(("ingate.yaml", "project"), ("ingate.secrets.yaml", "project, secrets")),
        trust=(Line("/project", "attention", "not trusted", "left out: aliases", "ingate trust"),),
        conflicts=(Conflict("groq.base_url", "ingate.yaml:2", ("a.yaml:1", "b.yaml:3")),),
        default_model="groq/m",
        extras=(Line("mcp", "ready", "mcp 1.2", "tools", "never shown, since it is ready"),),
        local=(Line("local/smollm2", "ready", "a file"),),
        proxy=Line("http://proxy:4000", "attention", "", "not checked", "ingate proxy check"),
        servers=(Line("mine", "ready", "no key needed"),),
        providers=(
            Line("groq", "ready", "env GROQ_API_KEY"),
            Line("openai", "missing", "", "no key", "set OPENAI_API_KEY", ("OPENAI_KEY is set",)),
        ),
        missing=117,
        problems=(Problem("a file is readable by others", "chmod 600 it"),),
    )
    assert lines(shown) == [
        "ingate 1.2 · Python 3.13 at /python",
        "",
        "Configuration",
        "  ingate.yaml  (project)",
        "  ingate.secrets.yaml  (project, secrets)",
        "  ○  /project  not trusted · left out: aliases · fix: ingate trust",
        "  groq.base_url: ingate.yaml:2 wins over a.yaml:1, b.yaml:3",
        "  default model: groq/m",
        "",
        "Catalog",
        "  3,215 chat models · litellm 1.109.1",
        "",
        "Optional packages",
        "  ✓  mcp  mcp 1.2 · tools",
        "",
        "Local models",
        "  ✓  local/smollm2  a file",
        "",
        "LiteLLM proxy",
        "  ○  http://proxy:4000  not checked · fix: ingate proxy check",
        "",
        "Servers",
        "  ✓  mine  no key needed",
        "",
        "Providers",
        "  ✓  groq    env GROQ_API_KEY",
        "  ✗  openai  no key · OPENAI_KEY is set · fix: set OPENAI_API_KEY",
        "  117 without a credential",
        "",
        "Problems",
        "  ✗ a file is readable by others",
        "    fix: chmod 600 it",
    ]


def test_headings_are_bold_and_a_problem_is_red() -> None:
    shown = list(_lines(report(problems=(Problem("bad", "mend it"),))))
    assert "\n\x1b[1mCatalog\x1b[0m" in shown
    assert "  \x1b[31m✗\x1b[0m bad" in shown


def test_json_is_the_report_and_a_problem_is_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "gsk-key")
    found = json.loads(run("doctor", "--json").out)
    assert found["problems"] == []
    assert [one["name"] for one in found["providers"] if one["state"] == "ready" and "GROQ" in one["source"]] == [
        "groq"
    ]
    secrets = Path("ingate.secrets.yaml")
    secrets.write_text("groq: {api_key: gsk-in-a-file}\n")
    secrets.chmod(0o644)
    trust_here()
    assert len(json.loads(run("doctor", "--json", code=1).out)["problems"]) == 1
    assert "Problems" in run("doctor", code=1).out


def test_it_asks_nothing_even_on_a_terminal() -> None:
    Path("ingate.yaml").write_text("groq: {base_url: 'http://gateway.example/v1'}\n")
    done = run("doctor", terminal=True, stdin="y\n")
    assert "Trust it?" not in done.err
    assert "not trusted" in done.out


def provider_lines(shown: ProviderReport) -> list[str]:
    return click.unstyle("\n".join(_provider_lines(shown))).splitlines()


def test_a_ready_provider_is_shown_with_all_that_was_read_and_would_be_sent() -> None:
    assert provider_lines(
        ProviderReport(
            name="big",
            display_name="Big Cloud",
            state="ready",
            source="env BIG_KEY",
            notes="Regions matter.",
            fix="never shown, since it is ready",
            docs_url="https://docs.example",
            models=1234,
            alternatives=(
                Alternative((Value("BIG_KEY", "env BIG_KEY"),), True, True),
                Alternative((Value("BIG_ID", "env BIG_ID"), Value("BIG_SECRET", "")), False, False),
                Alternative((Value("BIG_TOKEN", ""),), False, False),
            ),
            files=("~/.big", "~/.other"),
            file="~/.big (profile x)",
            optional=(Value("BIG_REGION", "env BIG_REGION"),),
            near_misses=("BIGKEY is set",),
            lanes=(
                LaneReport("native", "ready", "https://big.example/v1", "authorization: Bearer <env BIG_KEY>"),
                LaneReport("litellm", "attention", "", "", "litellm is not installed", "install it"),
            ),
        )
    ) == [
        "✓ Big Cloud (big)",
        "  env BIG_KEY",
        "  Regions matter.",
        "  docs: https://docs.example",
        "  1,234 models in the catalog: ingate models big/",
        "",
        "Credentials, any one of",
        "  ✓ BIG_KEY (env BIG_KEY) · in use",
        "  ○ BIG_ID (env BIG_ID) + BIG_SECRET (not set)",
        "  ✗ BIG_TOKEN",
        "  ✓ ~/.big · in use",
        "  ✗ ~/.other",
        "",
        "Also set",
        "  BIG_REGION (env BIG_REGION)",
        "",
        "Set, but not read",
        "  BIGKEY is set",
        "",
        "What would be sent where",
        "  ✓ native: https://big.example/v1",
        "      authorization: Bearer <env BIG_KEY>",
        "  ○ litellm: litellm's own address",
        "      litellm is not installed; fix: install it",
    ]


def test_a_missing_provider_is_shown_with_its_fix_once() -> None:
    lanes = (LaneReport("native", "missing", reason="no key"), LaneReport("litellm", "missing", reason="no extra"))
    shown = ProviderReport(
        name="small", display_name="Small", state="missing", reason="no key", fix="set SMALL_KEY", lanes=lanes
    )
    assert provider_lines(shown) == [
        "✗ Small (small)",
        "  no key",
        "  fix: set SMALL_KEY",
        "",
        "What would be sent where",
        "  ✗ native: no address is known",
        "  ✗ litellm: litellm's own address",
        "      no extra",
    ]
    files = ProviderReport(name="x", display_name="X", state="missing", files=("~/.x",))
    assert provider_lines(files)[2:4] == ["Credentials, any one of", "  ✗ ~/.x"]


def test_named_providers_are_each_shown_once_and_must_all_be_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "gsk-key")
    ready = run("doctor", "groq").out
    assert ready.startswith("✓ Groq (groq)\n  env GROQ_API_KEY\n")
    both = run("doctor", "groq", "anthropic", "groq", code=1).out
    assert both.startswith(f"{ready}\n✗ Anthropic (anthropic)\n")
    assert both.count("Groq (groq)") == 1
    found = json.loads(run("doctor", "groq", "anthropic", "--json", code=1).out)
    assert [(one["name"], one["state"]) for one in found] == [("groq", "ready"), ("anthropic", "missing")]
    assert run("doctor", "groq", terminal=True).out.startswith("\x1b[32m✓\x1b[0m \x1b[1mGroq\x1b[0m (groq)")
