"""Errors carry what they were given, and say what to do if they were given nothing."""

from __future__ import annotations

from typing import Any

import pytest

from ingate import errors

NOTHING: dict[str, Any] = {
    "message": "broken",
    "provider": None,
    "spec": None,
    "credential_source": None,
    "provider_message": "",
    "retry_after_s": None,
    "request_id": None,
    "partial_text": "",
    "partial": None,
    "response": None,
}
TREE = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.IngateError)]


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_an_error_of_a_message_alone_has_its_classes_defaults(kind: type[errors.IngateError]) -> None:
    error = kind("broken")
    own = {"status": kind.status, "retryable": kind.retryable, "code": kind.default_code, "fix": kind.default_fix}
    assert {name: value for name, value in vars(error).items() if name in NOTHING or name in own} == {**NOTHING, **own}
    assert (str(error), error.args) == ("broken", ("broken",))
    assert error.fix


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_an_error_keeps_every_detail_that_it_is_given(kind: type[errors.IngateError]) -> None:
    details: dict[str, Any] = {
        "provider": "groq",
        "spec": "groq/m",
        "status": 418,
        "retryable": not kind.retryable,
        "fix": "drink tea",
        "credential_source": "env GROQ_API_KEY",
        "code": "teapot",
        "provider_message": "I am a teapot",
        "retry_after_s": 0.0,
        "request_id": "req_1",
    }
    error = kind("broken", **details)
    assert {name: getattr(error, name) for name in details} == details
    assert kind("broken", code="").code == ""


@pytest.mark.parametrize(
    ("kind", "empty", "given"),
    [
        (errors.ConfigError, {"file": None, "line": None}, {"file": "ingate.yaml", "line": 0}),
        (errors.UnknownProviderError, {"nearest": ()}, {"nearest": ("groq",)}),
        (errors.MissingExtraError, {"extra": ""}, {"extra": "mcp"}),
        (errors.MissingModelFileError, {"path": ""}, {"path": "/models/m.gguf"}),
        (
            errors.MissingCredentialsError,
            {"alternatives": (), "near_misses": (), "docs_url": ""},
            {"alternatives": (("A", "B"),), "near_misses": ("A_ is set",), "docs_url": "https://docs"},
        ),
        (errors.ModelNotFoundError, {"nearest": ()}, {"nearest": ("gpt-6",)}),
        (errors.BadRequestError, {"param": None}, {"param": "messages[0].role"}),
        (errors.InvalidRequestError, {"param": None}, {"param": "seed"}),
        (errors.RequestTimeoutError, {"timeout_s": None, "limit": ""}, {"timeout_s": 0.0, "limit": "total"}),
        (
            errors.StreamInterruptedError,
            {"partial_text": "", "partial": None},
            {"partial_text": "Hel", "partial": {"id": "c"}},
        ),
        (errors.MethodNotAllowedError, {"allowed": ()}, {"allowed": ("GET",)}),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_an_errors_own_details_are_empty_unless_given(
    kind: type[errors.IngateError], empty: dict[str, Any], given: dict[str, Any]
) -> None:
    assert {name: getattr(kind("broken"), name) for name in empty} == empty
    assert {name: getattr(kind("broken", **given), name) for name in given} == given


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ({}, "bad key"),
        ({"line": 3}, "bad key"),
        ({"file": "ingate.yaml"}, "ingate.yaml: bad key"),
        ({"file": "ingate.yaml", "line": 3}, "ingate.yaml:3: bad key"),
    ],
)
def test_a_configuration_error_begins_with_its_place(place: dict[str, Any], text: str) -> None:
    error = errors.ConfigError("bad key", **place)
    assert (str(error), error.message) == (text, "bad key")


def test_a_missing_extra_is_fixed_by_installing_it() -> None:
    assert errors.MissingExtraError("x", extra="mcp").fix == "pip install '.[mcp]' in ingate's folder"
    assert errors.MissingExtraError("x", extra="mcp", fix="pip install mcp").fix == "pip install mcp"
    assert errors.MissingExtraError("x").fix == errors.IngateError.default_fix
