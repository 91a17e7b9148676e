"""The list of names against what it stands for."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from ingate.config import load, provider_names
from ingate.config.names import RESERVED


def test_the_names_are_the_providers_of_the_credential_map() -> None:
    from ingate.providers import providers

    assert set(provider_names().names) == set(providers())
    assert len(provider_names().names) == 118


def test_aliases_lead_to_providers_and_hide_none() -> None:
    names = provider_names()
    assert set(names.aliases.values()) <= set(names.names)
    assert not set(names.aliases) & (set(names.names) | RESERVED)
    assert names.canonical("google") == "gemini"
    assert names.canonical("groq") == "groq"
    assert names.canonical("nonsense") is None


def test_every_name_and_alias_is_a_section() -> None:
    names = provider_names()
    for name in (*names.names, *names.aliases):
        config = load({name: {"timeout": 3}}, environ={})
        assert config.provider(name).timeout_s == 3


def test_every_credential_value_is_an_argument_of_litellms() -> None:
    spec = find_spec("litellm")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("litellm is not installed")
    folder = Path(spec.submodule_search_locations[0])
    files = [folder / "main.py", *(folder / "types").rglob("*.py"), *(folder / "llms").rglob("*.py")]
    words = set(re.findall(r"\w+", " ".join(path.read_text(encoding="utf-8") for path in files)))
    assert set(provider_names().params) <= words
