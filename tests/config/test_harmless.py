"""What a single setting may hold in a file that nobody has trusted."""

from __future__ import annotations

import pytest

from ingate.config import harmless
from ingate.config.harmless import Known
from ingate.config.tree import Node, Where

NOBODY = Known()
KNOWN = Known(frozenset({"box"}), frozenset({"fast"}), frozenset({"mine"}))


def node(value: object) -> Node:
    where = Where()
    return Node([Node(item, where) for item in value] if isinstance(value, list) else value, where)


@pytest.mark.parametrize(
    ("value", "allowed"),
    [
        ("llama-3.3:70b@2026", True),
        ("openai/gpt-oss", True),
        ("arn:aws:x", False),
        ("a b", False),
        ("", False),
        ("/etc/passwd", False),
        ("https://evil/m", False),
        ("${KEY}", False),
        ("env:KEY", False),
        (" cmd:touch", False),
        ("keyring:a/b", False),
        ("os.environ/KEY", False),
        (5, False),
        (None, False),
    ],
)
def test_a_models_name_is_a_plain_name(value: object, allowed: bool) -> None:
    assert harmless.model(node(value), ("groq", "default_model"), NOBODY) is allowed


@pytest.mark.parametrize(
    ("value", "allowed"), [(1, True), (0.5, True), (True, False), ("1", False), ("${X}", False), (None, False)]
)
def test_a_number_is_written_as_one(value: object, allowed: bool) -> None:
    assert harmless.number(node(value), ("timeout",), NOBODY) is allowed


@pytest.mark.parametrize(
    ("value", "allowed"),
    [(True, True), (False, True), ("strict", True), ("warn", True), ("drop", True), ("${X}", False), (1, False)],
)
def test_a_policy_is_a_word_or_a_switch(value: object, allowed: bool) -> None:
    assert harmless.policy(node(value), ("litellm", "drop_params"), NOBODY) is allowed


@pytest.mark.parametrize(
    ("value", "to_nobody", "to_known"),
    [
        ("groq/m", True, True),
        ("litellm.groq/m?temperature=0.5&reasoning=high", True, True),
        ("litellm/deployment", True, True),
        ("any-alias", True, True),
        ("local/smollm2", True, True),
        ("local/mine", False, True),
        ("local/other", False, False),
        ("box/m", False, True),
        ("litellm.box/m", False, False),
        ("litellm.local/mine", False, False),
        ("litellm.local/smollm2", False, False),
        ("groq/m?user=x", False, False),
        ("groq/m?temperature=" + "a" * 40, True, True),
        ("groq/m?temperature=" + "a" * 41, False, False),
        ("groq/m, box/m", False, True),
        ("groq/", False, False),
        ("groq/m?seed=${X}", False, False),
        (5, False, False),
    ],
)
def test_a_spec_is_of_a_provider_or_of_what_trusted_files_define(
    value: object, to_nobody: bool, to_known: bool
) -> None:
    path = ("default_model",)
    assert (harmless.spec(node(value), path, NOBODY), harmless.spec(node(value), path, KNOWN)) == (to_nobody, to_known)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("quick", "groq/m", True),
        ("quick", ["groq/m", "box/m"], True),
        ("quick", ["groq/m", "evil/m"], False),
        ("quick", [], True),
        ("fast", "groq/m", False),
        ("a\x1b[2J", "groq/m", False),
        ("quick", 5, False),
    ],
)
def test_an_alias_has_a_printable_name_that_is_not_taken(name: str, value: object, allowed: bool) -> None:
    assert harmless.alias(node(value), ("aliases", name), KNOWN) is allowed
