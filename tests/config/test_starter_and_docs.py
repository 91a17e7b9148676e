"""What users copy from must work: the starter file and the documented example."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from ingate.config import load, provider_names, write_starter
from ingate.config.schema import Section, root
from ingate.errors import ConfigError

DOCS = Path(__file__).resolve().parents[2] / "docs" / "config.md"


def test_the_starter_changes_nothing_as_it_is_written(tmp_path: Path) -> None:
    path = write_starter(tmp_path / "new" / "ingate.yaml")
    config = load(path, environ={})
    assert config.settings == load({}, environ={}).settings
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600


def test_every_setting_in_the_starter_works_when_its_mark_is_taken_away(tmp_path: Path) -> None:
    path = write_starter(tmp_path)
    assert path.name == "ingate.yaml"
    text = re.sub(r"^# ", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    path.write_text(text, encoding="utf-8")
    settings = load(path, environ={}).settings
    assert settings.default_model == "local/smollm2"
    assert set(settings.providers) == {"groq", "openai", "azure", "bedrock", "vertex_ai"}
    assert settings.litellm.api_base == "http://localhost:4000"
    assert set(settings.servers) == {"mybox"}
    assert set(settings.mcp) == {"files", "search"}
    assert settings.local.threads == 4


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "ingate.yaml"
    path.write_text("timeout: 3")
    with pytest.raises(ConfigError, match="already exists"):
        write_starter(path)
    assert path.read_text() == "timeout: 3"
    write_starter(path, force=True)
    assert "timeout: 3\n" not in path.read_text()


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"the file cannot be written \((Not a directory|File exists)\)"):
        write_starter(tmp_path / "file" / "ingate.yaml")


def test_the_documented_example_is_read_whole(tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    path = tmp_path / "ingate.yaml"
    path.write_text(example.group(1), encoding="utf-8")
    config = load(path, environ={"STAGE": "prod"})
    settings = config.settings
    assert settings.aliases["careful"] == ["anthropic/claude-sonnet-4-6", "openai/gpt-4o"]
    assert set(settings.providers) == {"groq", "anthropic", "openai", "gemini", "azure", "bedrock"}
    assert settings.litellm.extra_kwargs == {"metadata": {"tags": ["my-app", "prod"]}}
    kinds = {name: section.api_key.kind for name, section in settings.providers.items() if section.api_key}
    assert kinds == {"groq": "env", "anthropic": "cmd", "openai": "keyring", "gemini": "env", "azure": "env"}


def test_the_docs_name_every_key() -> None:
    text = DOCS.read_text(encoding="utf-8")
    names = provider_names()
    missing = [name for name in (*names.params, *names.aliases) if f"`{name}`" not in text]
    for key, shape in root().keys.items():
        if key not in names.names:
            missing += [] if f"`{key}`" in text else [key]
            missing += (
                [] if not isinstance(shape, Section) else [inner for inner in shape.keys if f"`{inner}`" not in text]
            )
    assert missing == []
