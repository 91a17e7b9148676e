"""Loading: the index, what it survives, and what comes when litellm's file is not to be used."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
from pathlib import Path

import msgspec
import pytest

from ingate.catalog import FORMATS, Catalog, ModelRow, PriceTier, load
from ingate.catalog import index as index_module
from ingate.catalog import source as source_module
from ingate.catalog.build import build
from ingate.catalog.catalog import load_from
from ingate.catalog.litellm_names import REASONS, place
from ingate.catalog.source import FILE, Source

MODELS = {
    "sample_spec": {"mode": "one of: chat, embedding", "litellm_provider": "one of", "max_input_tokens": "max"},
    "gpt-x": {"mode": "chat", "litellm_provider": "openai", "input_cost_per_token": 2e-06, "max_input_tokens": 1000},
    "groq/a/b-1": {"mode": "chat", "litellm_provider": "groq", "supports_vision": True},
    "groq/embed": {"mode": "embedding", "litellm_provider": "groq"},
}


def package(folder: Path, content: bytes | dict = MODELS, version: str = "9.9.9") -> Source:
    """A litellm package with this catalog, as an installer would leave it."""
    home = folder / "litellm"
    home.mkdir(parents=True, exist_ok=True)
    (folder / f"litellm-{version}.dist-info").mkdir(exist_ok=True)
    (home / FILE).write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    found = source_module.at(home)
    assert found is not None
    return found


def keys(catalog: Catalog) -> list[str]:
    return [row.key for row in catalog.rows]


def test_models_of_chat_modes_are_rows_and_others_are_not(tmp_path):
    catalog = load_from(package(tmp_path), cache_dir=tmp_path / "cache")
    assert keys(catalog) == ["groq/a/b-1", "openai/gpt-x"]
    assert catalog.version == "9.9.9"
    assert catalog.get("openai", "gpt-x").input_usd_per_mtok == 2.0


def test_a_catalog_made_of_rows_alone_has_no_source():
    catalog = Catalog((ModelRow("groq", "m"),))
    assert (catalog.version, catalog.source, catalog.dated) == ("", "", None)
    assert (catalog.left_out, catalog.no_provider) == ({}, {})
    assert repr(Catalog((), source="a test")) == "<Catalog of 0 models from a test>"


def test_the_second_load_reads_the_index_alone(tmp_path):
    found = package(tmp_path)
    first = load_from(found, cache_dir=tmp_path / "cache")
    found.path.write_bytes(b"\x00" * found.size)
    os.utime(found.path, ns=(found.mtime_ns, found.mtime_ns))
    second = load_from(found, cache_dir=tmp_path / "cache")
    assert second.rows == first.rows
    assert second.left_out == first.left_out


@pytest.mark.parametrize("change", ["version", "size", "mtime_ns"])
def test_another_litellm_makes_a_new_index(tmp_path, change):
    found = package(tmp_path)
    load_from(found, cache_dir=tmp_path / "cache")
    more = {**MODELS, "gpt-y": MODELS["gpt-x"]}
    found.path.write_bytes(json.dumps(more).encode())
    values = {"path": found.path, "version": found.version, "size": found.size, "mtime_ns": found.mtime_ns}
    values[change] = "10.0" if change == "version" else values[change] + 1
    assert "openai/gpt-y" in keys(load_from(Source(**values), cache_dir=tmp_path / "cache"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: b"something else entirely",
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: data[:20] + b"\xff" * (len(data) - 20),
        lambda data: b"ingate-catalog-0" + data[16:],
        lambda data: b"ingate-catalog-1" + data[16:],
    ],
    ids=["empty", "cut", "foreign", "one bit", "overwritten", "older format", "format without endpoints"],
)
def test_a_damaged_index_is_made_again(tmp_path, damage):
    found, folder = package(tmp_path), tmp_path / "cache"
    load_from(found, cache_dir=folder)
    path = index_module.path_for(found, folder)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert keys(load_from(found, cache_dir=folder)) == ["groq/a/b-1", "openai/gpt-x"]
    assert path.read_bytes() == whole


def test_an_index_made_by_other_code_is_made_again(tmp_path, monkeypatch):
    found, folder = package(tmp_path), tmp_path / "cache"
    monkeypatch.setattr(index_module, "_made_by", lambda: "another ingate")
    load_from(found, cache_dir=folder)
    monkeypatch.undo()
    assert index_module.read(found, folder) is None
    load_from(found, cache_dir=folder)
    assert index_module.read(found, folder) is not None


@pytest.mark.parametrize("name", index_module._RULES)
@pytest.mark.parametrize("change", ["time", "size"])
def test_an_index_is_made_again_when_a_module_that_makes_rows_changes(tmp_path, monkeypatch, name, change):
    own = Path(index_module.__file__).parent
    shutil.copytree(own, tmp_path / "catalog")
    for other in ("wire/catalog_facts.py", "data/provider_names.json"):
        (tmp_path / other).parent.mkdir()
        shutil.copy2(own.parent / other, tmp_path / other)
    monkeypatch.setattr(index_module, "__file__", str(tmp_path / "catalog" / "index.py"))
    found, folder = package(tmp_path), tmp_path / "cache"
    load_from(found, cache_dir=folder)
    assert index_module.read(found, folder) is not None
    module = tmp_path / "catalog" / name
    before = module.stat()
    if change == "size":
        module.write_bytes(module.read_bytes() + b"\n")
    os.utime(module, ns=(before.st_atime_ns, before.st_mtime_ns + (change == "time")))
    assert index_module.read(found, folder) is None


def test_an_index_that_cannot_be_replaced_leaves_no_other_file(tmp_path):
    found, folder = package(tmp_path), tmp_path / "cache"
    index_module.path_for(found, folder).mkdir(parents=True)
    assert len(load_from(found, cache_dir=folder)) == 2
    assert list(folder.iterdir()) == [index_module.path_for(found, folder)]


def test_the_index_keeps_every_field_of_a_row(tmp_path):
    entry = {
        "mode": "chat",
        "litellm_provider": "openai",
        "max_input_tokens": 1000,
        "max_output_tokens": 100,
        "input_cost_per_token": 1e-06,
        "input_cost_per_token_above_200k_tokens": 2e-06,
        "output_cost_per_token": 3e-06,
        "output_cost_per_reasoning_token": 4e-06,
        "cache_read_input_token_cost": 1e-07,
        "cache_creation_input_token_cost": 2e-07,
        "supports_vision": True,
        "deprecation_date": "2099-01-31",
        "supported_endpoints": ["/v1/responses"],
        "supports_forced_tool_use": False,
    }
    found = package(tmp_path, {"gpt-x": entry})
    (row,) = load_from(found, cache_dir=tmp_path / "cache").rows
    assert index_module.read(found, tmp_path / "cache")[0] == (row,)
    tier = PriceTier(200_000, input_usd_per_mtok=2.0)
    expected = ("openai", "gpt-x", "chat", 1000, 100, 1.0, 3.0, 0.1, 0.2, ("vision",), "2099-01-31", 4.0, (tier,))
    assert msgspec.structs.astuple(row) == (*expected, ("responses",), "-forced_tool_use")


@pytest.mark.parametrize(
    ("mode", "endpoints", "formats"),
    [
        ("chat", ["/v1/chat/completions"], ("chat",)),
        ("chat", ["/v1/messages", "/v1/batch", "/v1/responses", "/v1/chat/completions"], FORMATS[:3]),
        ("chat", ["/v1/completions", "/v1/chat/completions"], ("chat", "completions")),
        ("chat", ["/v1/responses"], ("responses",)),
        ("responses", ["/v1/chat/completions", "/v1/responses"], ("chat", "responses")),
        ("responses", ["/v1/chat/completions"], ("chat",)),
        ("completion", ["/v1/chat/completions"], ("chat",)),
        ("chat", None, ()),
        ("responses", None, ("responses",)),
        ("completion", None, ("completions",)),
        ("chat", ["/v1/realtime"], ()),
        ("responses", ["/v1/batch"], ("responses",)),
        ("completion", [], ("completions",)),
        ("responses", "/v1/chat/completions", ("responses",)),
        ("responses", {"/v1/chat/completions": True}, ("responses",)),
        ("chat", [None, 5, ["/v1/responses"], {}, "/v1/messages"], ("messages",)),
        ("chat", ["/v1/responses", "/v1/responses", "/V1/MESSAGES", "chat"], ("responses",)),
    ],
)
def test_a_rows_formats_are_its_endpoints_or_what_its_mode_implies(tmp_path, mode, endpoints, formats):
    entry = {"mode": mode, "litellm_provider": "openai", "supported_endpoints": endpoints}
    if endpoints is None:
        del entry["supported_endpoints"]
    assert build(json.dumps({"gpt-x": entry}).encode()).rows[0].formats == formats


@pytest.mark.parametrize(
    ("flag", "cap"),
    [
        ("supports_function_calling", "tools"),
        ("supports_vision", "vision"),
        ("supports_image_input", "vision"),
        ("supports_reasoning", "reasoning"),
        ("supports_response_schema", "json"),
        ("supports_native_structured_output", "json"),
        ("supports_audio_input", "audio"),
        ("supports_audio_output", "speech"),
        ("supports_video_input", "video"),
        ("supports_pdf_input", "pdf"),
        ("supports_web_search", "search"),
        ("supports_prompt_caching", "cache"),
        ("supports_computer_use", "computer"),
        ("supports_system_messages", None),
    ],
)
def test_a_capability_is_a_flag_that_is_true(flag, cap):
    entry = {"mode": "chat", "litellm_provider": "openai"}
    models = {str(value): {**entry, flag: value} for value in (True, False, None, "true", 1)}
    caps = {row.model: row.caps for row in build(json.dumps(models).encode()).rows}
    assert caps == {"True": (cap,) if cap else (), "False": (), "None": (), "true": (), "1": ()}


def test_rows_of_equal_formats_and_capabilities_share_one_tuple():
    entry = {"mode": "responses", "litellm_provider": "openai", "supports_vision": True}
    first, second = build(json.dumps({"gpt-x": entry, "gpt-y": entry}).encode()).rows
    assert first.formats is second.formats
    assert first.caps is second.caps


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path):
    (tmp_path / "cache").write_text("a file where a folder should be")
    found = package(tmp_path)
    for _ in range(2):
        assert len(load_from(found, cache_dir=tmp_path / "cache")) == 2


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_cache_is_done_without(tmp_path):
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o500)
    assert len(load_from(package(tmp_path), cache_dir=folder)) == 2


def test_many_writers_at_once_leave_one_whole_index(tmp_path):
    found, folder = package(tmp_path), tmp_path / "cache"
    barrier = threading.Barrier(8)
    counts: list[int] = []

    def run() -> None:
        barrier.wait()
        counts.append(len(load_from(found, cache_dir=folder)))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [2] * 8
    assert [path.name for path in folder.iterdir()] == [index_module.path_for(found, folder).name]
    assert index_module.read(found, folder) is not None


def test_old_indexes_do_not_pile_up(tmp_path):
    folder = tmp_path / "cache"
    found = [package(tmp_path / str(number), version=f"1.{number}") for number in range(12)]
    for age, source in enumerate(found):
        load_from(source, cache_dir=folder)
        os.utime(index_module.path_for(source, folder), ns=(age, age))
    # The file that was just written is the newest, and then the five before it.
    assert set(folder.iterdir()) == {index_module.path_for(source, folder) for source in found[6:]}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", json.dumps(MODELS).encode()[:-30], b"[]", b"null", b'"text"', b"{}", b"\xff\xfe\x00", b'{"a": 1}'],
)
def test_a_broken_file_gives_the_built_in_list_and_says_so(tmp_path, content):
    catalog = load_from(package(tmp_path, content), cache_dir=tmp_path / "cache")
    assert len(catalog) == 20
    assert catalog.source.startswith("built-in list of 20 (the catalog of litellm 9.9.9 cannot be read: ")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    "entry",
    [
        None,
        [],
        "text",
        {"mode": "chat"},
        {"mode": "chat", "litellm_provider": 5},
        {"mode": ["chat"], "litellm_provider": "openai"},
    ],
)
def test_a_broken_entry_costs_no_other(tmp_path, entry):
    catalog = load_from(package(tmp_path, {"broken": entry, **MODELS}), cache_dir=tmp_path / "cache")
    assert keys(catalog) == ["groq/a/b-1", "openai/gpt-x"]


@pytest.mark.parametrize("value", ["soon", "", 20250101, None, "2025-13-45", "0000-00-00", [], {}])
def test_a_wrong_date_hides_no_model(tmp_path, value):
    models = {"gpt-x": {**MODELS["gpt-x"], "deprecation_date": value}}
    catalog = load_from(package(tmp_path, models), cache_dir=tmp_path / "cache")
    assert catalog.rows[0].deprecated_on is None
    assert len(catalog.visible()) == 1


@pytest.mark.parametrize("value", ["1e-6", -1e-6, True, None, [], {}, 0, 0.0032])
def test_a_price_that_makes_no_sense_is_unknown(tmp_path, value):
    models = {"gpt-x": {**MODELS["gpt-x"], "input_cost_per_token": value}}
    catalog = load_from(package(tmp_path, models), cache_dir=tmp_path / "cache")
    assert catalog.rows[0].input_usd_per_mtok is None


@pytest.mark.parametrize("value", ["1000", -5, 0, True, None, []])
def test_a_limit_that_makes_no_sense_is_unknown(tmp_path, value):
    models = {"gpt-x": {**MODELS["gpt-x"], "max_input_tokens": value}}
    catalog = load_from(package(tmp_path, models), cache_dir=tmp_path / "cache")
    assert catalog.rows[0].context_tokens is None


def test_of_two_entries_the_one_with_the_providers_name_is_kept(tmp_path):
    bare, named = ({"mode": "chat", "litellm_provider": "deepseek", "max_input_tokens": tokens} for tokens in (1, 2))
    for models in ({"v4": bare, "deepseek/v4": named}, {"deepseek/v4": named, "v4": bare}):
        catalog = load_from(package(tmp_path, models), cache_dir=tmp_path / "cache")
        assert [(row.key, row.context_tokens) for row in catalog.rows] == [("deepseek/v4", 2)]
        assert catalog.left_out == {"duplicate": 1}


def test_a_zero_price_is_free_on_the_users_own_server_and_unknown_elsewhere():
    models = {
        f"{provider}/m": {"mode": "chat", "litellm_provider": provider, "input_cost_per_token": 0}
        for provider in ("hosted_vllm", "groq")
    }
    rows = build(json.dumps(models).encode()).rows
    assert [(row.key, row.input_usd_per_mtok) for row in rows] == [("groq/m", None), ("hosted_vllm/m", 0.0)]


@pytest.mark.parametrize(("value", "limit"), [(1, 1), (0.5, None), (1.5, 1), (2e6, 2_000_000)])
def test_a_limit_is_a_whole_number_of_at_least_one(value, limit):
    entry = {"mode": "chat", "litellm_provider": "openai", "max_input_tokens": value}
    assert build(json.dumps({"gpt-x": entry}).encode()).rows[0].context_tokens == limit


def test_of_two_bare_entries_the_first_is_kept_and_each_providers_second_is_counted():
    entry = {"mode": "chat", "litellm_provider": "ollama"}
    built = build(json.dumps({"ollama/m": {**entry, "max_tokens": 1}, "m": {**entry, "max_tokens": 2}}).encode())
    assert [(row.key, row.context_tokens) for row in built.rows] == [("ollama/m", 1), ("ollama_chat/m", 1)]
    assert built.left_out == {"duplicate": 2}


def test_without_litellm_the_curated_models_are_the_catalog(tmp_path, monkeypatch):
    monkeypatch.setattr(source_module, "find", lambda: None)
    catalog = load(cache_dir=tmp_path)
    assert catalog.source == "built-in list of 20 (litellm is not installed)"
    assert catalog.version == ""
    assert catalog.dated is None
    assert {row.row for row in catalog.curated()} == set(catalog.rows)


@pytest.mark.parametrize("error", [ValueError, ImportError])
def test_a_litellm_that_cannot_be_found_is_none(monkeypatch, error):
    def refuse(name: str) -> None:
        raise error(name)

    monkeypatch.setattr("importlib.util.find_spec", refuse)
    assert source_module.find() is None


def test_a_folder_that_is_merely_called_litellm_is_no_litellm(tmp_path, monkeypatch):
    (tmp_path / "litellm").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "litellm", raising=False)
    assert source_module.find() is None


def test_a_package_without_metadata_has_an_unknown_version(tmp_path):
    home = tmp_path / "litellm"
    home.mkdir()
    (home / FILE).write_text("{}")
    (tmp_path / "litellm_proxy_extras-1.2.dist-info").mkdir()
    (tmp_path / "litellm-9.9.egg").mkdir()
    assert source_module.at(home) == Source(home / FILE, "unknown", 2, (home / FILE).stat().st_mtime_ns)
    (tmp_path / "litellm-1.2.3.dist-info").mkdir()
    assert source_module.at(home).version == "1.2.3"
    assert source_module.at(tmp_path) is None


def test_a_folder_that_cannot_be_listed_leaves_the_version_unknown(tmp_path, monkeypatch):
    found = package(tmp_path)

    def refuse(path):
        raise PermissionError(path)

    monkeypatch.setattr(os, "listdir", refuse)
    assert source_module.at(found.path.parent).version == "unknown"


def test_two_installations_have_indexes_of_their_own(tmp_path):
    first, second = package(tmp_path / "a"), package(tmp_path / "b")
    paths = {index_module.path_for(found, tmp_path).name for found in (first, second)}
    assert len(paths) == 2
    odd = Source(first.path, "1.0/../x y", 1, 1)
    assert index_module.path_for(odd, tmp_path).name.startswith("catalog-1.0_.._x_y-")


def test_only_models_that_answer_in_text_of_known_providers_are_rows():
    def entry(**fields):
        return {"mode": "chat", "litellm_provider": "groq", **fields}

    built = build(
        json.dumps(
            {
                "groq/kept": entry(max_tokens=5),
                "groq/both": entry(max_tokens=5, max_input_tokens=9),
                "groq/no-output": entry(max_input_tokens=0, max_output_tokens=0),
                "groq/no-input": entry(max_input_tokens=0, max_output_tokens=7),
                "groq/image": entry(mode="image_generation"),
                "elsewhere/m": entry(litellm_provider="elsewhere"),
                "elsewhere/n": entry(litellm_provider="elsewhere"),
                "broken": 5,
            }
        ).encode()
    )
    limits = {row.model: (row.context_tokens, row.max_output_tokens) for row in built.rows}
    assert limits == {"kept": (5, None), "both": (9, 5), "no-input": (None, 7)}
    assert built.left_out == {"no chat": 1, "unknown provider": 2, "malformed": 1}
    assert built.no_provider == {"elsewhere": 2}


def test_one_entry_of_two_providers_is_two_rows():
    rows = build(json.dumps({"ollama/m": {"mode": "chat", "litellm_provider": "ollama"}}).encode()).rows
    assert [(row.key, row.spec) for row in rows] == [
        ("ollama/m", "litellm.ollama/m"),
        ("ollama_chat/m", "litellm.ollama_chat/m"),
    ]


@pytest.mark.parametrize(
    ("litellm_provider", "key", "expected"),
    [
        ("groq", "groq/openai/gpt-oss-120b", (("groq",), "openai/gpt-oss-120b")),
        ("groq", "gpt-oss", (("groq",), "gpt-oss")),
        ("groq", "groq/groq/m", (("groq",), "groq/m")),
        ("cohere", "cohere_chat/cohere/m", (("cohere_chat",), "cohere/m")),
        ("cohere", "cohere/m", (("cohere_chat",), "m")),
        ("ollama", "ollama/m", (("ollama", "ollama_chat"), "m")),
        ("ai21", "ai21/jamba", (("ai21_chat",), "jamba")),
        ("amazon_nova", "amazon-nova/nova-micro-v1", (("amazon_nova",), "nova-micro-v1")),
        ("groq", "amazon-nova/nova", (("groq",), "amazon-nova/nova")),
        ("bedrock_converse", "us.anthropic.claude", (("bedrock",), "us.anthropic.claude")),
        ("vertex_ai-anthropic_models", "vertex_ai/claude", (("vertex_ai",), "claude")),
        ("vertex_ai-anthropic_models", "claude", (("vertex_ai",), "claude")),
        ("text-completion-openai", "davinci-002", (("openai",), "davinci-002")),
        ("elsewhere", "elsewhere/m", "unknown provider"),
        ("vertex", "m", "unknown provider"),
        ("azure_text", "azure/gpt-35-turbo-instruct", "text completions only"),
        ("text-completion-codestral", "text-completion-codestral/m", "text completions only"),
        ("text-completion-inception", "m", "text completions only"),
        ("azure", "azure/gpt-6", (("azure",), "gpt-6")),
        ("azure", "azure/eu/gpt-6", "Azure regional price"),
        ("azure_ai", "azure_ai/meta/llama", (("azure_ai",), "meta/llama")),
        ("bedrock", "bedrock/us-east-1/1-month-commitment/anthropic.claude-v1", "Bedrock commitment price"),
        ("bedrock", "6-month-commitment/m", "Bedrock commitment price"),
        ("openai", "ft:gpt-4o", "fine-tuning price"),
        ("openai", "gpt-ft:4o", (("openai",), "gpt-ft:4o")),
        ("together_ai", "together-ai-21.1b-41b", "price by model size"),
        ("together_ai", "together-ai-up-to-4b", "price by model size"),
        ("together_ai", "together_ai/m-21b-41b", (("together_ai",), "m-21b-41b")),
    ],
)
def test_a_key_is_a_model_of_its_providers_or_is_left_out_for_a_reason(litellm_provider, key, expected):
    assert place(litellm_provider, key) == expected
    assert isinstance(expected, tuple) or expected in REASONS


def test_the_reasons_have_the_names_that_the_counts_have():
    entry = {"mode": "chat", "litellm_provider": "groq"}
    models = {
        "broken": 5,
        "none": {**entry, "max_input_tokens": 0, "max_output_tokens": 0},
        "m": entry,
        "groq/m": entry,
    }
    left_out = build(json.dumps(models).encode()).left_out
    assert left_out == {"malformed": 1, "no chat": 1, "duplicate": 1}
    assert set(left_out) <= set(REASONS)


def test_the_default_cache_is_in_the_users_cache_folder(clean_environment):
    load()
    if source_module.find():
        assert list(clean_environment.rglob("catalog-*.bin"))


def test_a_program_without_source_files_has_an_index_too(tmp_path, monkeypatch):
    monkeypatch.setattr(index_module, "__file__", str(tmp_path / "bundle" / "index.pyc"))
    found, folder = package(tmp_path), tmp_path / "cache"
    assert len(load_from(found, cache_dir=folder)) == 2
    assert index_module.read(found, folder) is not None
