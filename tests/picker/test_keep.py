"""What outlives a run: the memory, fetched lists, and keys in the secrets file or the keyring."""

from __future__ import annotations

import stat
import sys
import types
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ingate import providers
from ingate.catalog import load as load_catalog
from ingate.catalog.schema import ModelRow
from ingate.config import load
from ingate.errors import ConfigError, MissingExtraError
from ingate.gateway.models import local_rows
from ingate.gateway.readiness import ReadinessChecker
from ingate.gateway.routing import Router
from ingate.picker import PickerData, memory, plain_list, save
from ingate.picker.data import Live, age, aliases_of, keep_list, read_lists, rows_of
from ingate.picker.memory import Memory
from ingate.picker.rows import Marks
from ingate.picker.rows import providers as left_column
from ingate.picker.state import opened
from ingate.secret import Secret
from support.credentials import resolve, status

if TYPE_CHECKING:
    from pathlib import Path

KEY = "sk-very-secret-0123456789"
GROQ = {"GROQ_API_KEY": Secret(KEY)}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_memory_comes_back_and_is_private(tmp_path: Path) -> None:
    kept = Memory(("a/b",), ("c/d",), "price", "all", True)
    assert memory.write(tmp_path / "new", kept)
    assert memory.read(tmp_path / "new") == kept
    assert mode(tmp_path / "new" / "picker.json") == 0o600


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"favourites": 3}', b"\xff\xfe\x00", b'{"recents": [1]}'])
def test_a_broken_file_is_ignored(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "picker.json").write_bytes(content)
    (tmp_path / "picker-live.json").write_bytes(content)
    assert memory.read(tmp_path) == Memory()
    assert read_lists(tmp_path) == {}


def test_a_folder_that_cannot_be_written_is_not_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert not memory.write(tmp_path / "file", Memory())
    assert not keep_list(tmp_path / "file", "x", Live())


def test_recents_are_the_last_twenty_each_once() -> None:
    left = Memory()
    for number in range(30):
        left = left.picked(f"groq/{number}")
    left = left.picked("groq/20")
    assert left.recents[:3] == ("groq/20", "groq/29", "groq/28")
    assert len(left.recents) == len(set(left.recents)) == 20


def test_lists_come_back_with_their_time(tmp_path: Path) -> None:
    assert keep_list(tmp_path, "ollama http://a", Live((ModelRow("ollama", "m"),), 5.0))
    assert keep_list(tmp_path, "openrouter", Live((), 6.0))
    assert read_lists(tmp_path)["ollama http://a"] == Live((ModelRow("ollama", "m"),), 5.0, checked=False)
    assert mode(tmp_path / "picker-live.json") == 0o600


def test_openrouters_prices_and_features_are_read() -> None:
    listed = {
        "id": "maker/model",
        "context_length": 200_000,
        "pricing": {"prompt": "0.0000025", "completion": "-1"},
        "top_provider": {"max_completion_tokens": 8192},
        "supported_parameters": ["tools", "structured_outputs", 3],
        "architecture": {"input_modalities": ["text", "image"]},
    }
    (row,) = rows_of("openrouter", [listed], lambda *_: None)
    assert (row.context_tokens, row.max_output_tokens) == (200_000, 8192)
    assert (row.input_usd_per_mtok, row.output_usd_per_mtok) == (2.5, None)
    assert row.caps == ("tools", "json", "vision")


@pytest.mark.parametrize(
    "listed",
    [{"id": "m", "pricing": "free", "context_length": "big"}, {"id": "m", "pricing": {"prompt": None}, "top_provider": 3},
     {"id": "m", "context_length": True, "supported_parameters": {"a": 1}}, {"id": "m", "context_length": 1e300}],
)  # fmt: skip
def test_a_list_that_is_not_as_it_should_be_still_names_its_models(listed: dict[str, Any]) -> None:
    (row,) = rows_of("openrouter", [listed, {"id": "m"}, {}, 3, None], lambda *_: None)  # ty: ignore[invalid-argument-type]
    assert row == ModelRow("openrouter", "m")


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "now"), (42, "42 s ago"), (300, "5 min ago"), (7200, "2 h ago"), (400_000, "4 days ago")]
)
def test_ages_in_words(seconds: float, said: str) -> None:
    assert age(seconds) == said


def test_a_key_is_written_privately_and_read_back_by_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "conf" / "ingate.secrets.yaml"
    assert save(path, "groq", GROQ) == str(path)
    assert mode(path) == 0o600
    path.with_name("ingate.yaml").write_text("")
    config = load(path.with_name("ingate.yaml"), environ={})
    found = status("groq", environ={}, config=config)
    assert found.state == "ready"
    credential, _ = resolve("groq", environ={}, config=config)
    assert credential.api_key is not None
    assert credential.api_key.reveal() == KEY


BEFORE = [
    "",
    "# only a comment\n",
    "openai:\n  api_key: old   # mine\n# end\n",
    "groq:\n",
    "groq:\nopenai: {api_key: x}\n",
    "groq: ~\n# kept\nopenai:\n  api_key: x\n",
    "groq: {}\n",
    "groq: {base_url: 'https://x'}\n",
    "groq:\n  base_url: https://x   # the mirror\n  api_key: old\nopenai:\n  api_key: y",
    "groq:\n    headers:\n        a: b\n\nopenai:\n  api_key: |-\n    y\n",
    'openai: {"api_key": "x"}',
    "groq:\n  api_key: >-\n    folded\n    key\nopenai:\n  api_key: z\n",
    "---\ngroq:\n  api_key: old\n",
    "'groq':\n  'api_key': 'old'\n",
]


@pytest.mark.parametrize("before", BEFORE)
def test_everything_else_in_the_file_stays(tmp_path: Path, before: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(before)
    save(path, "groq", GROQ)
    after = path.read_text()
    wanted = yaml.safe_load(before) or {}
    wanted["groq"] = {**(wanted.get("groq") or {}), "api_key": KEY}
    assert yaml.safe_load(after) == wanted
    for comment in ("# only a comment", "# mine", "# end", "# kept", "# the mirror"):
        assert (comment in after) == (comment in before)


@pytest.mark.parametrize(
    "before",
    [
        "- a\n- b\n",
        "groq: text\n",
        "groq: [1]\n",
        "a: [unclosed",
        "just text",
        "groq:\n  api_key: &k old\nopenai:\n  api_key: *k\n",
    ],
)
def test_a_file_that_cannot_be_added_to_stays_as_it_is(tmp_path: Path, before: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(before)
    with pytest.raises(ConfigError) as caught:
        save(path, "groq", GROQ)
    assert KEY not in str(caught.value)
    assert path.read_text() == before


@pytest.mark.parametrize("value", ['quo"te', "back\\slash", "a: b # c", "ключ", "${HOME}", "'", "  x", "%-{}[]"])
def test_any_key_is_read_back_as_it_was_typed(tmp_path: Path, value: str) -> None:
    path = tmp_path / "ingate.yaml"
    save(path, "groq", {"GROQ_API_KEY": Secret(value)})
    ref = load(path, environ={"HOME": "/x"}).provider("groq").api_key
    assert ref is not None
    assert ref.resolve({"HOME": "/x"}).reveal() == value.strip()


@pytest.mark.parametrize("value", ["cmd:rm -rf ~", "env:HOME", "keyring:a/b", " cmd:x"])
def test_what_would_be_read_as_a_reference_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(ConfigError):
        save(tmp_path / "s.yaml", "groq", {"GROQ_API_KEY": Secret(value)})
    assert not (tmp_path / "s.yaml").exists()


def test_every_variable_goes_to_its_own_setting(tmp_path: Path) -> None:
    path = tmp_path / "ingate.yaml"
    save(path, "azure", {"AZURE_API_KEY": Secret(KEY), "AZURE_API_BASE": Secret("https://x.openai.azure.com")})
    assert yaml.safe_load(path.read_text()) == {"azure": {"api_key": KEY, "base_url": "https://x.openai.azure.com"}}
    assert status("azure", environ={}, config=load(path, environ={})).source.endswith("azure.api_key")


def test_a_section_under_another_of_its_names_is_used(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("google:\n  base_url: https://x\n")
    save(path, "gemini", {"GEMINI_API_KEY": Secret(KEY)})
    assert yaml.safe_load(path.read_text()) == {"google": {"base_url": "https://x", "api_key": KEY}}


def test_a_link_to_the_secrets_file_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text("")
    (tmp_path / "link.yaml").symlink_to(tmp_path / "real.yaml")
    save(tmp_path / "link.yaml", "groq", GROQ)
    assert (tmp_path / "link.yaml").is_symlink()
    assert KEY in (tmp_path / "real.yaml").read_text()


def test_the_keyring_gets_the_key_and_the_file_a_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[tuple[str, str], str] = {}
    ring = types.ModuleType("keyring")
    ring.set_password = lambda service, user, value: kept.__setitem__((service, user), value)  # ty: ignore[unresolved-attribute]
    ring.get_password = lambda service, user: kept.get((service, user))  # ty: ignore[unresolved-attribute]
    monkeypatch.setitem(sys.modules, "keyring", ring)
    path = tmp_path / "ingate.yaml"
    save(path, "groq", GROQ, "keyring")
    assert kept == {("ingate", "groq"): KEY}
    assert KEY not in path.read_text()
    ref = load(path, environ={}).provider("groq").api_key
    assert ref is not None
    assert ref.resolve({}).reveal() == KEY


def test_a_keyring_that_refuses_leaves_the_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: str) -> None:
        raise RuntimeError(KEY)

    ring = types.ModuleType("keyring")
    ring.set_password = refuse  # ty: ignore[unresolved-attribute]
    monkeypatch.setitem(sys.modules, "keyring", ring)
    with pytest.raises(ConfigError) as caught:
        save(tmp_path / "s.yaml", "groq", GROQ, "keyring")
    assert KEY not in str(caught.value)
    assert not (tmp_path / "s.yaml").exists()
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(MissingExtraError):
        save(tmp_path / "s.yaml", "groq", GROQ, "keyring")


def gathered(config: Any = None, environ: dict[str, str] | None = None) -> PickerData:
    environ = environ or {}
    settings, catalog = load(config or {}, environ=environ), load_catalog()
    look = ReadinessChecker(Router(settings, lambda: catalog))
    return PickerData.gather(settings, environ, catalog, look, local=local_rows(settings))


def test_the_real_first_line_is_the_one_that_was_promised() -> None:
    if not providers.is_installed("litellm"):
        pytest.skip("litellm is not installed")
    state = opened(gathered())
    assert state.providers[0].title == "LiteLLM [available] (20 curated)"
    assert len(state.shown.items) == 20
    assert len({item.row.provider for item in state.shown.items}) == 16


def test_every_provider_has_a_line() -> None:
    found = gathered()
    state = opened(found)
    shown = {one.name for one in left_column(found, state.index, Marks(found), "curated", None, 0.0)}
    assert set(providers.providers()) <= shown


def test_gather_reads_aliases_by_the_model_they_name_first() -> None:
    config = {
        "aliases": {
            "速い": "groq/openai/gpt-oss-120b?temperature=0",
            "team": ["litellm/gpt", "openai/gpt-6-luna"],
            "again": "速い",
        }
    }
    assert gathered(config).aliases == {"groq/openai/gpt-oss-120b": ("速い",), "litellm_proxy/gpt": ("team",)}


def test_an_alias_in_use_is_the_model_it_names() -> None:
    config = {"aliases": {"team": ["litellm/gpt", "openai/gpt-6-luna"], "again": "team"}}
    assert gathered({**config, "default_model": "again"}).current == "litellm/gpt"
    assert gathered({**config, "default_model": "groq/other"}).current == "groq/other"


def test_gather_reads_proxy_servers_local_models_and_the_default(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"")
    found = gathered(
        {
            "litellm": {"api_base": "http://localhost:4000", "default_model": "litellm/team"},
            "servers": {"mybox": {"base_url": "http://mybox/v1"}},
            "local": {"models": {"mine": str(tmp_path / "m.gguf"), "gone": str(tmp_path / "gone.gguf")}},
        },
        {"GROQ_API_KEY": KEY},
    )
    assert found.proxy == "http://localhost:4000"
    assert dict(found.servers) == {"mybox": "http://mybox/v1"}
    assert [row.model for row in found.local] == ["smollm2", "mine", "gone"]
    assert found.readiness.check("local/gone").state != "ready"
    assert found.current == "litellm/team"
    assert found.readiness.provider("groq").state == "ready"
    assert KEY not in repr(found)


def test_the_last_model_wins_over_the_default(clean_environment: Path) -> None:
    from ingate.paths import state_dir

    memory.write(state_dir(), Memory(recents=("groq/last",)))
    assert gathered({"default_model": "openai/x"}).current == "groq/last"


def test_keys_go_beside_a_named_configuration_else_to_the_users_own(tmp_path: Path) -> None:
    from ingate.paths import config_dir
    from ingate.picker.data import secrets_file

    (tmp_path / "mine.yaml").write_text("")
    assert secrets_file(load(tmp_path / "mine.yaml", environ={})) == tmp_path / "mine.secrets.yaml"
    assert secrets_file(load(environ={})) == config_dir() / "ingate.secrets.yaml"


def test_without_a_terminal_there_is_a_list_and_a_hint() -> None:
    found = plain_list(gathered(environ={"GROQ_API_KEY": KEY}))
    assert "✓ litellm.groq/openai/gpt-oss-120b" in found
    assert "✗ litellm.openai/" in found
    assert "--model SPEC" in found
    assert KEY not in found


def test_the_picker_costs_no_heavy_import() -> None:
    import subprocess

    script = """
import sys
from ingate.config import load
from ingate.catalog import load as catalog
from ingate.gateway.models import local_rows
from ingate.gateway.readiness import ReadinessChecker
from ingate.gateway.routing import Router
from ingate.picker import PickerData, plain_list
from ingate.picker.state import opened, Size
from ingate.picker.view import view
config, rows = load({}, environ={}), catalog()
look = ReadinessChecker(Router(config, lambda: rows))
state = opened(PickerData.gather(config, {}, rows, look, local=local_rows(config)))
view(state, Size(120, 40))
heavy = {"litellm", "openai", "aiohttp", "pydantic", "rich", "prompt_toolkit", "asyncio", "yaml", "wcwidth"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_aliases_are_found_by_the_first_model_they_name_and_broken_ones_are_left_out() -> None:
    configured = {
        "broken": "",
        "one": "groq/m",
        "several": ["groq/m?temperature=0", "openai/n"],
        "deployment": "litellm/team",
        "other": "one",
        "lane": "litellm.anthropic/c",
    }
    assert aliases_of(configured) == {
        "groq/m": ("one", "several"),
        "litellm_proxy/team": ("deployment",),
        "anthropic/c": ("lane",),
    }
