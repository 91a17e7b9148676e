"""`ingate models`: which rows, in which order, and what is printed of each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ingate.catalog import Catalog
from ingate.catalog.schema import ModelRow
from ingate.cli.models import Entries, _chosen, _print
from support.cli import run
from support.picker import ROWS, readiness
from support.upstream import upstream

if TYPE_CHECKING:
    import pytest

OWN = ModelRow("mine", "own", context_tokens=4096)
CATALOG = Catalog(ROWS, source="litellm 1.109.1")


def entries(lane: Any = "litellm") -> Entries:
    return Entries(readiness(proxy=None, servers={"mine": "http://127.0.0.1:9/v1"}), lane, frozenset({("mine", "own")}))


def keys(query: str = "", *, all_: bool = False, provider: str | None = None) -> list[str]:
    rows, problems = _chosen(CATALOG, [OWN], entries(), query, all_=all_, provider=provider)
    assert problems == ()
    return [row.key for row in rows]


def test_a_row_of_the_catalog_is_called_on_its_lane_and_an_own_one_as_configured() -> None:
    known = entries()
    groq, anthropic = ROWS[5], ROWS[3]
    assert [known.spec(row) for row in (groq, OWN)] == ["litellm.groq/openai/gpt-oss-120b", "mine/own"]
    assert [entries("auto").spec(row) for row in (groq, OWN)] == ["groq/openai/gpt-oss-120b", "mine/own"]
    assert [known.lane(row) for row in (groq, OWN)] == ["litellm", "auto"]
    assert [known.is_own(row) for row in (groq, OWN)] == [False, True]
    assert [known.is_ready(row) for row in (groq, anthropic)] == [True, False]
    assert [known.is_provider_ready(name) for name in ("groq", "anthropic")] == [True, False]
    assert [known.mark(row)[5] for row in (groq, anthropic)] == ["✓", "✗"]


def test_json_has_everything_that_is_known_of_a_row() -> None:
    row = ModelRow("groq", "m", "chat", 8192, 1024, 0.15, 0.6, 0.05, caps=("tools", "json"), deprecated_on="2027-01-01")
    assert entries().record(row) == {
        "spec": "litellm.groq/m",
        "provider": "groq",
        "model": "m",
        "state": "ready",
        "credential_source": "env GROQ_API_KEY",
        "reason": "",
        "fix": "",
        "mode": "chat",
        "context_tokens": 8192,
        "max_output_tokens": 1024,
        "input_usd_per_mtok": 0.15,
        "output_usd_per_mtok": 0.6,
        "cache_read_usd_per_mtok": 0.05,
        "caps": ["tools", "json"],
        "deprecated_on": "2027-01-01",
    }
    missing = entries().record(ROWS[3])
    assert (missing["state"], missing["credential_source"]) == ("missing", "")
    assert "ANTHROPIC_API_KEY" in missing["fix"]
    assert missing["reason"]


def test_rows_are_a_table_with_numbers_to_the_right(capsys: pytest.CaptureFixture[str]) -> None:
    _print([ROWS[5], ROWS[2], ROWS[10], OWN], entries())
    # The last one has neither a price nor features; Ollama was not checked.
    assert capsys.readouterr().out.splitlines() == [
        "   model                             context  $/M in  $/M out  features",
        "✓  litellm.groq/openai/gpt-oss-120b     131k    0.15      0.6  tools reasoning json",
        "✗  litellm.openai/gpt-5-mini            400k    0.25        2  tools (until 2027-03-01)",
        "○  litellm.ollama/llama3.2:1b           131k    free     free",
        f"{entries().mark(OWN)[5]}  mine/own                             4.1k       ?        ?",
    ]
    _print([], entries())
    assert capsys.readouterr().out == ""


def test_what_is_listed_without_a_query() -> None:
    curated = [row.row.key for row in CATALOG.curated()]
    assert keys() == ["mine/own", *curated]
    assert keys(all_=True) == ["mine/own", *(row.key for row in ROWS)]
    assert keys(provider="openai") == [row.key for row in CATALOG.visible() if row.provider == "openai"]
    assert keys(provider="openai", all_=True) == ["openai/gpt-6.1-sol", "openai/gpt-4o", "openai/gpt-5-mini"]
    assert keys(provider="mine") == ["mine/own"]


def test_a_query_searches_own_models_and_the_catalogs() -> None:
    assert keys("own") == ["mine/own"]
    assert keys("claude haiku") == ["anthropic/claude-haiku-5-5"]
    assert keys("claude", provider="groq") == []
    assert set(keys("claude ready:")) == set()
    assert keys("gpt-oss ready:") == ["groq/openai/gpt-oss-120b"]
    _rows, problems = _chosen(CATALOG, [], entries(), "cost:cheap", all_=False, provider=None)
    assert len(problems) == 1


def test_the_counts_say_what_more_there_is() -> None:
    rows = json.loads(run("models", "--all", "--json").out)
    mine = sum(row["provider"] == "local" for row in rows)  # one if the local model is installed
    total, own = f"{len(rows) - mine:,}", f" and {mine} from the configuration" if mine else ""
    assert run("models").err.startswith(f"20 of {total} shown{own}; --all shows every one · catalog: ")
    assert run("models", "--all").err.startswith(f"{total} of {total} shown{own} · catalog: ")
    assert run("models", "claude", "haiku").err.partition(" shown")[2].startswith(" · catalog: ")
    assert "--all" not in run("models", "--ready").err
    assert "--all" not in run("models", "claude").err
    assert "--all" not in run("models", "--provider", "groq").err


def test_configured_models_are_counted_apart(tmp_path: Any) -> None:
    file = tmp_path / "own.yaml"
    with upstream() as told:
        file.write_text(f"servers: {{mine: {{base_url: '{told.url}'}}}}\naliases: {{best: mine/large}}\n")
        rows = json.loads(run("--config", str(file), "models", "--json").out)
        table = run("--config", str(file), "models")
        own = [row["spec"] for row in rows if row["provider"] in {"mine", "local"}]
        assert "mine/large" in own
        assert table.err.startswith(f"{len(rows) - len(own)} of ")
        assert f" shown and {len(own)} from the configuration; --all " in table.err
        only = json.loads(run("--config", str(file), "models", "--provider", "mine", "--json").out)
        assert [row["spec"] for row in only] == ["mine/large"]


def test_what_to_do_when_nothing_is_shown() -> None:
    matched = len(json.loads(run("models", "claude", "--json").out))
    assert run("models", "claude", "--ready").err.splitlines()[-1] == (
        f"{matched:,} match, and none is ready: leave out --ready to see them."
    )
    nothing = run("models", "no-such-model-anywhere")
    assert nothing.out == ""
    assert nothing.err.splitlines()[-1] == (
        "No model matches. A model that is not in the catalog can be called too, by its spec."
    )
    assert "note: " in run("models", "cost:cheap", code=None).err
    assert "No model matches" not in run("models", "claude").err


def test_only_ready_rows_are_shown_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "gsk-key")
    rows = json.loads(run("models", "--ready", "--json").out)
    assert {row["state"] for row in rows} == {"ready"}
    assert {"groq"} <= {row["provider"] for row in rows}
    assert all(row["spec"].startswith("litellm.") for row in rows if row["provider"] == "groq")


def test_an_unknown_provider_is_named_with_the_nearest() -> None:
    assert "groq" in run("models", "--provider", "gorq", code=2).err


def test_without_litellm_a_search_finds_what_can_be_called_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from ingate import providers

    monkeypatch.setenv("GROQ_API_KEY", "gsk-key")
    installed = providers.is_installed
    monkeypatch.setattr(providers, "is_installed", lambda module: module != "litellm" and installed(module))
    (row,) = json.loads(run("models", "gpt-oss-120b", "--provider", "groq", "--json").out)
    assert (row["spec"], row["state"]) == ("groq/openai/gpt-oss-120b", "ready")
    curated = [row["spec"] for row in json.loads(run("models", "--json").out) if row["provider"] == "groq"]
    assert curated == ["litellm.groq/openai/gpt-oss-120b"]
