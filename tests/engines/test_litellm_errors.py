"""Each of litellm's exceptions has its place in the tree."""

from __future__ import annotations

import inspect

import pytest

from ingate import errors
from ingate.engines.litellm_ import load
from ingate.engines.litellm_.errors import CLASSES, readable, translate
from ingate.engines.litellm_.observe import Observation
from support import litellm as h

if load.version() is None:
    pytest.skip("litellm is not installed", allow_module_level=True)
exceptions = load.preload().result().exceptions

PUBLIC = sorted(
    name
    for name, found in vars(exceptions).items()
    if inspect.isclass(found) and issubclass(found, BaseException) and not name.startswith("_")
)
ROUTE = h.route("http://127.0.0.1:9/v1")


def test_every_public_exception_of_litellm_is_mapped() -> None:
    assert not [name for name in PUBLIC if name not in CLASSES]


@pytest.mark.parametrize("name", PUBLIC)
def test_an_exception_becomes_the_class_it_is_mapped_to(name: str) -> None:
    kind = getattr(exceptions, name)
    error = kind.__new__(kind)
    error.message = "it went wrong"
    translated = translate(error, ROUTE, Observation())
    assert type(translated) is CLASSES[name]
    assert translated.provider == "groq"
    assert translated.credential_source == "env A_KEY"
    assert "it went wrong" in f"{translated} {translated.provider_message}"


@pytest.mark.parametrize(
    ("message", "expected", "shown"),
    [
        ("litellm.APIConnectionError: No module named 'mcp'", errors.MissingExtraError, "mcp"),
        ("No module named 'botocore.auth'", errors.MissingExtraError, "botocore"),
        ("google-auth is needed: pip install litellm[google]", errors.MissingExtraError, "google"),
        ("The api_key client option must be set either by passing api_key", errors.MissingCredentialsError, "no key"),
        ("Unable to locate credentials", errors.MissingCredentialsError, "no key"),
        ("Missing Anthropic API Key - A call is being made", errors.MissingCredentialsError, "no key"),
    ],
)
def test_what_litellm_puts_into_the_wrong_class_is_told_right(
    message: str, expected: type[errors.IngateError], shown: str
) -> None:
    error = exceptions.InternalServerError(message, llm_provider="groq", model="m")
    translated = translate(error, ROUTE, Observation())
    assert type(translated) is expected
    assert shown in str(translated)
    assert translated.fix


def test_the_providers_own_answer_decides_before_litellms_class() -> None:
    seen = Observation()
    seen.status, seen.headers = 429, {"retry-after": "7", "content-type": "application/json"}
    error = exceptions.InternalServerError("litellm thought otherwise", llm_provider="groq", model="m")
    translated = translate(error, ROUTE, seen)
    assert type(translated) is errors.RateLimitError
    assert translated.retry_after_s == 7


def test_an_error_wrapped_in_the_middle_of_a_stream_is_unwrapped() -> None:
    inner = exceptions.RateLimitError("slow down", llm_provider="groq", model="m")
    outer = exceptions.MidStreamFallbackError(
        message="litellm.MidStreamFallbackError: it broke", model="m", llm_provider="groq", original_exception=inner
    )
    assert type(translate(outer, ROUTE, Observation())) is errors.RateLimitError


def test_an_error_of_the_tree_stays_as_it_is() -> None:
    own = errors.MissingCredentialsError("no key")
    assert translate(own, ROUTE, Observation()) is own


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("litellm.BadRequestError: GroqException - the model is gone", "the model is gone"),
        ("litellm.APIConnectionError: APIConnectionError: OpenAIException - no route", "no route"),
        ("litellm.Timeout: Timeout - too slow", "too slow"),
        ("it broke\nTraceback (most recent call last):\n  File x", "it broke"),
        ("Error: 5 items: are left", "Error: 5 items: are left"),
    ],
)
def test_prefixes_and_tracebacks_are_taken_off_messages(message: str, shown: str) -> None:
    assert readable(message) == shown


def test_a_key_in_litellms_own_message_is_masked() -> None:
    error = exceptions.BadRequestError(f"wrong key {h.KEY}", llm_provider="groq", model="m")
    translated = translate(error, ROUTE, Observation())
    assert h.KEY not in f"{translated} {translated.provider_message}"


def test_an_error_that_wraps_itself_is_read_once() -> None:
    error = exceptions.RateLimitError("slow down", llm_provider="groq", model="m")
    error.original_exception = error
    assert type(translate(error, ROUTE, Observation())) is errors.RateLimitError
