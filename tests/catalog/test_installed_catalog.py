"""What holds of the catalog that the installed litellm brings."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from ingate.catalog import CAPS, FORMATS, Catalog, load
from ingate.catalog import source as source_module
from ingate.catalog.curated import checked_with, entries
from ingate.catalog.litellm_names import NO_PROVIDER, REASONS, litellm_providers, providers_of
from ingate.catalog.schema import MODES
from ingate.config import provider_names

if source_module.find() is None:
    pytest.skip("litellm is not installed", allow_module_level=True)

DOCS = Path(__file__).parents[2] / "docs" / "catalog.md"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return load(cache_dir=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def entries_of_file() -> dict[str, dict]:
    found = source_module.find()
    assert found is not None
    return json.loads(found.path.read_text(encoding="utf-8"))


def installed() -> tuple[int, ...]:
    found = source_module.find()
    assert found is not None
    return tuple(int(part) for part in found.version.split(".")[:3])


def test_it_holds_some_three_thousand_models(catalog):
    assert len(catalog) >= (3_000 if installed() >= (1, 109) else 2_900)
    assert catalog.source == f"litellm {catalog.version}"
    assert date.fromisoformat(catalog.dated or "") <= date.today()  # noqa: DTZ011


def test_every_key_is_there_once(catalog):
    keys = [row.key for row in catalog.rows]
    assert len(keys) == len(set(keys))
    assert all(row.spec == f"litellm.{row.key}" and row.model and row.provider for row in catalog.rows)


def test_every_fact_is_in_its_range(catalog):
    for row in catalog.rows:
        prices = [getattr(row, name) for name in row.__struct_fields__ if name.endswith("_usd_per_mtok")]
        assert all(price is None or 0 <= price < 1000 for price in prices), row
        assert row.mode in MODES
        assert [cap for cap in CAPS if cap in row.caps] == list(row.caps)
        assert [name for name in FORMATS if name in row.formats] == list(row.formats)
        assert row.context_tokens is None or row.context_tokens > 0
        assert row.max_output_tokens is None or row.max_output_tokens > 0
        assert row.deprecated_on is None or date.fromisoformat(row.deprecated_on)
        limits = [tier.above_tokens for tier in row.tiers]
        assert limits == sorted(set(limits))


def test_every_capability_is_somebodys(catalog):
    assert {cap for row in catalog.rows for cap in row.caps} == set(CAPS)


def test_models_that_offer_responses_alone_are_known(catalog):
    codex = catalog.get("openai", "gpt-5.2-codex")
    assert codex is not None
    assert codex.formats == ("responses",)
    assert {name for row in catalog.rows for name in row.formats} == set(FORMATS)
    assert sum("responses" in row.formats for row in catalog.rows) > 300


def test_no_entry_is_lost_without_a_reason(catalog, entries_of_file):
    chat = [entry for entry in entries_of_file.values() if entry.get("mode") in MODES]
    twice = sum(
        len(providers_of(entry["litellm_provider"])) - 1 for entry in chat if providers_of(entry["litellm_provider"])
    )
    assert len(catalog) + sum(catalog.left_out.values()) == len(chat) + twice
    assert set(catalog.left_out) <= set(REASONS)
    assert sum(catalog.no_provider.values()) == catalog.left_out.get(NO_PROVIDER, 0)


def test_the_page_names_every_provider_and_reason_that_is_left_out(catalog):
    page = DOCS.read_text(encoding="utf-8")
    assert [name for name in catalog.no_provider if f"`{name}`" not in page] == []
    assert [name for name in REASONS if name not in page] == []


def test_providers_are_mapped_as_the_credentials_room_maps_them():
    from ingate import providers

    theirs = {(provider, name) for name, one in providers.providers().items() for provider in one.catalog_providers}
    ours = {
        (provider, name)
        for provider in litellm_providers() | {pair[0] for pair in theirs}
        for name in providers_of(provider)
    }
    assert ours == theirs


def test_rows_past_their_date_are_hidden(catalog):
    today = date(2026, 11, 22)
    hidden = set(catalog.rows) - set(catalog.visible(today))
    assert hidden
    assert all((row.deprecated_on or "9") < "2026-11-22" for row in hidden)
    assert set(catalog.visible(date(1990, 1, 1))) == set(catalog.rows)


def test_rows_are_grouped_and_found_by_provider(catalog):
    groups = catalog.by_provider()
    assert sum(map(len, groups.values())) == len(catalog)
    assert all(catalog.get(provider, rows[0].model) is rows[0] for provider, rows in groups.items())
    assert catalog.get("groq", "no/such-model") is None


def test_a_bedrock_model_is_found_behind_its_route_and_region(catalog):
    plain = catalog.get("bedrock", "amazon.nova-pro-v1:0")
    assert plain is not None
    assert catalog.get("bedrock", "converse/us-east-1/amazon.nova-pro-v1:0") is plain
    assert catalog.get("bedrock", "us-east-1/amazon.nova-pro-v1:0") is plain


@pytest.mark.parametrize(
    ("provider", "model", "left_out"),
    [
        ("openai", "gpt-4o", False),
        ("anthropic", "claude-sonnet-5-5", False),
        ("gemini", "gemini-4-argon", False),
        ("vertex_ai", "gemini-4-argon", False),
        ("bedrock", "global.anthropic.claude-sonnet-5-5", False),
        ("cohere_chat", "command-a-03-2025", False),
        ("amazon_nova", "nova-micro-v1", False),
        ("groq", "openai/gpt-oss-120b", False),
        ("ollama_chat", "llama3", False),
        ("ai21_chat", "jamba-large-1.7", False),
        ("azure", "eu/gpt-5.1", True),
        ("openai", "ft:gpt-4o-2024-08-06", True),
        ("bedrock", "us-east-1/1-month-commitment/anthropic.claude-v1", True),
        ("together_ai", "together-ai-21.1b-41b", True),
        ("azure", "gpt-35-turbo-instruct", True),
    ],
)
def test_a_key_becomes_what_litellm_takes(catalog, provider, model, left_out):
    assert (catalog.get(provider, model) is None) is left_out


def test_the_curated_models_are_in_the_catalog_and_agree_with_it(catalog):
    curated = catalog.curated()
    assert len(curated) == 20
    assert len({row.provider for row in curated}) == 16
    for entry, shown in zip(entries(), curated, strict=True):
        row = catalog.get(entry.provider, entry.model)
        assert row is shown.row, f"{entry.model} is not in the catalog"
        assert row.context_tokens == entry.context_tokens
        assert shown.spec == row.spec
        assert row.deprecated_on is None or row.deprecated_on > "2027-06"
        assert set(shown.tags) <= {"fast", "cheap", *CAPS}
        assert {tag for tag in shown.tags if tag in CAPS} <= set(row.caps)


def test_the_curated_models_facts_are_those_of_the_litellm_they_were_checked_with(catalog):
    assert re.fullmatch(r"\d+\.\d+\.\d+", checked_with())
    if catalog.version != checked_with():
        pytest.skip(f"their prices are litellm {checked_with()}'s; {catalog.version} is installed")
    assert [entry.row() for entry in entries()] == [catalog.get(entry.provider, entry.model) for entry in entries()]


def test_a_zero_that_nobody_entered_is_unknown(catalog):
    row = catalog.get("cohere_chat", "command-a-plus-05-2026")
    assert row is not None
    assert row.input_usd_per_mtok is None
    assert row.output_usd_per_mtok is None
    assert catalog.get("ollama", "llama3").input_usd_per_mtok == 0


def test_loading_imports_neither_litellm_nor_anything_heavy(tmp_path):
    code = """
import sys
from pathlib import Path
from ingate.catalog import Searcher, load
catalog = load(cache_dir=Path(sys.argv[1]))
Searcher(catalog.rows).search("gpt cap:tools")
heavy = {"litellm", "openai", "aiohttp", "pydantic", "rich", "prompt_toolkit", "yaml", "rapidfuzz"}
print(sorted(heavy & set(sys.modules)), len(catalog) > 1000)
"""
    for _ in ("cold", "cached"):
        done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
        assert done.stdout.split() == ["[]", "True"]


def test_litellm_itself_reads_each_key_as_that_provider_and_model(catalog, tmp_path):
    """litellm is asked in a process of its own; the two providers left out would start a login."""
    rows = [[row.provider, row.model] for row in catalog.rows if row.provider not in {"github_copilot", "chatgpt"}]
    listed = tmp_path / "rows.json"
    listed.write_text(json.dumps(rows), encoding="utf-8")
    code = """
import json, sys
import litellm
wrong = []
has = {getattr(name, "value", name) for name in litellm.provider_list}
for ours, model in json.load(open(sys.argv[1], encoding="utf-8")):
    if ours in sys.argv[2].split() and ours not in has:
        continue  # an older litellm lists models of providers that it does not have yet
    name, provider, *_ = litellm.get_llm_provider(model=f"{ours}/{model}", api_key="none")
    if provider != ours or not (model == name or provider == "bedrock_mantle" and model.endswith(name)):
        wrong.append([ours, model, provider])
print("RESULT" + json.dumps(wrong))
"""
    environ = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(listed), " ".join(provider_names().unmapped)],
        capture_output=True,
        text=True,
        check=True,
        env=environ,
    )
    wrong = json.loads(done.stdout.rpartition("RESULT")[2])
    # Azure's own Mistral deployment speaks OpenAI's format under azure_ai's rules.
    assert wrong == [["azure", "mistral-large-latest", "openai"]]
