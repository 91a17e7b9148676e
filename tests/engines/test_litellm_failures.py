"""Which error an exception of litellm becomes, from what was seen of the exchange below it."""

from __future__ import annotations

from typing import Any

import pytest

from ingate.engines.litellm_ import errors as translation
from ingate.engines.litellm_.observe import Observation
from ingate.engines.timeouts import Timeouts
from ingate.errors import (
    AuthenticationError,
    BadRequestError,
    ContextTooLongError,
    IngateError,
    MissingCredentialsError,
    MissingExtraError,
    NotSupportedError,
    RateLimitError,
    RequestTimeoutError,
    StreamInterruptedError,
    UnavailableError,
)
from ingate.secret import Secret
from support import litellm as h

BASE = "http://127.0.0.1:9/v1"
ROUTE = h.route(BASE, timeouts=Timeouts(connect_s=3.0), timeout_s=77.0)


def seen(
    content: bytes = b"",
    status: int | None = 200,
    *,
    complete: bool = True,
    failure: Exception | None = None,
    **head: str,
) -> Observation:
    """What was observed of an exchange; `head` are response headers."""
    observation = Observation(provider="groq")
    observation.status, observation.url = status, f"{BASE}/chat/completions"
    observation.headers = {name.replace("_", "-"): value for name, value in head.items()}
    observation._note(content)
    observation.complete, observation.failure = complete, failure
    return observation


NOTHING = Observation()


def of_litellm(name: str, message: str = "it broke", /, **fields: Any) -> Exception:
    """An exception as one of litellm's own, with the fields that litellm sets."""
    kind = type(name, (Exception,), {"__module__": "litellm.exceptions"})
    error = kind(message)
    error.__dict__.update(fields)
    return error


class Response:
    """The part of a response that exceptions carry."""

    def __init__(self, **headers: str) -> None:
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def facts(error: IngateError) -> tuple[type[IngateError], str | None, str | None, str | None]:
    return type(error), error.provider, error.spec, error.credential_source


@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_the_providers_status_decides_with_all_that_is_known_of_the_call(status: int) -> None:
    expected = {400: BadRequestError, 401: AuthenticationError, 429: RateLimitError, 500: UnavailableError}[status]
    observation = seen(b'{"error": {"message": "of the provider"}}', status, x_request_id="req-1")
    error = translation.translate(of_litellm("APIError", "of litellm"), ROUTE, observation)
    assert facts(error) == (expected, "groq", "litellm.groq/m", "env A_KEY")
    assert (error.provider_message, error.request_id) == ("of the provider", "req-1")


def test_a_status_below_400_leaves_it_to_litellms_class() -> None:
    error = translation.translate(of_litellm("RateLimitError"), ROUTE, seen(status=399))
    assert facts(error) == (RateLimitError, "groq", "litellm.groq/m", "env A_KEY")


def test_a_route_without_a_credential_names_no_source() -> None:
    route = h.route(BASE, key=None)
    route = h.route(BASE, credential=type(route.credential)())
    assert translation.translate(of_litellm("RateLimitError"), route, NOTHING).credential_source is None


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (of_litellm("RateLimitError", message="said"), "said"),
        (of_litellm("RateLimitError", "shown", message=""), "shown"),
        (of_litellm("RateLimitError", "litellm.RateLimitError: GroqException - slow down"), "slow down"),
        (of_litellm("RateLimitError", f"wrong {h.KEY}"), "wrong ***"),
    ],
)
def test_the_message_is_litellms_without_its_prefixes_and_keys(error: Exception, expected: str) -> None:
    translated = translation.translate(error, ROUTE, NOTHING)
    assert (translated.message, translated.provider_message) == (f"groq: {expected}", expected)


def test_an_exception_without_a_message_says_that_the_request_was_rejected() -> None:
    translated = translation.translate(of_litellm("BadRequestError", ""), ROUTE, NOTHING)
    assert translated.message == "groq rejected the request"


@pytest.mark.parametrize("name", ["retry-after", "Retry-After"])
def test_how_long_to_wait_is_read_from_the_exceptions_response(name: str) -> None:
    error = of_litellm("RateLimitError", response=Response(**{name: "7"}))
    assert translation.translate(error, ROUTE, NOTHING).retry_after_s == 7.0
    assert translation.translate(of_litellm("RateLimitError", response=None), ROUTE, NOTHING).retry_after_s is None


@pytest.mark.parametrize(
    ("message", "extra"),
    [
        ("No module named 'mcp'", "litellm"),
        ("No module named 'google.auth'", "google"),
        ("No module named 'vertexai'", "google"),
        ("No module named 'azure.identity'", "azure"),
        ("No module named 'boto3'", "bedrock"),
        ("No module named 'botocore.auth'", "bedrock"),
        ("No module named 'something_else'", "litellm"),
        ("install google-cloud-aiplatform", "google"),
        ("pip install litellm[google]", "google"),
    ],
)
def test_a_missing_library_names_the_extra_that_has_it(message: str, extra: str) -> None:
    error = translation.translate(of_litellm("APIConnectionError", message), ROUTE, NOTHING)
    assert facts(error) == (MissingExtraError, "groq", "litellm.groq/m", "env A_KEY")
    assert isinstance(error, MissingExtraError)
    assert error.extra == extra


def test_a_missing_key_sends_the_user_to_doctor() -> None:
    error = translation.translate(of_litellm("InternalServerError", "Missing Groq API Key"), ROUTE, NOTHING)
    assert facts(error) == (MissingCredentialsError, "groq", "litellm.groq/m", "env A_KEY")
    assert (error.fix, error.provider_message) == ("ingate doctor groq", "Missing Groq API Key")


def test_a_connection_that_breaks_in_the_body_is_an_interruption_and_a_timeout_is_not() -> None:
    error = translation.translate(of_litellm("APIError"), ROUTE, seen(failure=ConnectionResetError()))
    assert facts(error) == (StreamInterruptedError, "groq", "litellm.groq/m", "env A_KEY")
    assert error.provider_message == "it broke"
    error = translation.translate(of_litellm("APIError"), ROUTE, seen(failure=TimeoutError()))
    assert facts(error) == (RequestTimeoutError, "groq", "litellm.groq/m", "env A_KEY")


def test_a_stream_without_a_finish_reason_is_an_interruption() -> None:
    error = translation.translate(
        of_litellm("InternalServerError", "The stream ended before a finish_reason"), ROUTE, NOTHING
    )
    assert facts(error) == (StreamInterruptedError, "groq", "litellm.groq/m", "env A_KEY")


def test_a_wait_for_a_connection_is_told_from_one_for_an_answer() -> None:
    timeout = of_litellm("Timeout", "too slow")
    answer = translation.translate(timeout, ROUTE, NOTHING)
    assert isinstance(answer, RequestTimeoutError)
    assert (answer.limit, answer.timeout_s, answer.provider_message) == ("first_token", 77.0, "too slow")
    timeout.__cause__ = type("ConnectTimeout", (Exception,), {})()
    connection = translation.translate(timeout, ROUTE, NOTHING)
    assert isinstance(connection, RequestTimeoutError)
    assert (connection.limit, connection.timeout_s) == ("connect", 3.0)


@pytest.mark.parametrize("name", ["ConnectError", "ConnectTimeout", "ClientConnectorError", "ProxyError", "gaierror"])
def test_a_failed_connection_names_the_address_and_the_way_to_check_it(name: str) -> None:
    error = of_litellm("APIConnectionError", "refused")
    middle = ValueError()
    error.__context__ = middle
    middle.__cause__ = type("Special", (type(name, (Exception,), {}),), {})()
    translated = translation.translate(error, ROUTE, NOTHING)
    assert translated.message == f"cannot connect to groq at {BASE}: refused"
    assert translated.fix == "check the base URL and the network: `ingate doctor`"
    assert facts(translated) == (UnavailableError, "groq", "litellm.groq/m", "env A_KEY")
    assert translation.translate(error, h.route(""), NOTHING).message == "cannot connect to groq: refused"
    middle.__cause__ = None
    other = translation.translate(error, ROUTE, NOTHING)
    assert (other.message, other.fix) == ("groq: refused", "try again, or name a fallback model after a comma")


def test_exceptions_that_refer_to_each_other_are_read_once() -> None:
    error, other = of_litellm("APIError"), ValueError()
    error.__context__, other.__context__ = other, error
    assert translation.translate(error, ROUTE, NOTHING).message == "groq: it broke"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (of_litellm("APIError", status_code=401), AuthenticationError),
        (of_litellm("MidStreamFallbackError", status_code="429"), RateLimitError),
        (of_litellm("MockException", status_code=400), BadRequestError),
        (of_litellm("APIError", status_code=399), UnavailableError),
        (of_litellm("APIError", status_code=500), UnavailableError),
        (of_litellm("APIError", status_code="soon"), UnavailableError),
        (of_litellm("APIError", status_code=None), UnavailableError),
        # litellm invents a status for these
        (of_litellm("InternalServerError", status_code=401), UnavailableError),
        (of_litellm("APIConnectionError", status_code=401), UnavailableError),
        (of_litellm("RateLimitError", status_code=401), RateLimitError),
    ],
)
def test_the_status_of_an_exception_counts_where_the_provider_reported_it(
    error: Exception, expected: type[IngateError]
) -> None:
    assert facts(translation.translate(error, ROUTE, NOTHING)) == (expected, "groq", "litellm.groq/m", "env A_KEY")


def test_an_exception_of_a_providers_own_class_has_the_providers_status() -> None:
    error = type("GroqError", (Exception,), {"__module__": "litellm.llms.groq"})("context_length_exceeded")
    error.__dict__.update(status_code=400, response=Response(x_request_id="req-1"))
    translated = translation.translate(error, ROUTE, NOTHING)
    assert isinstance(translated, ContextTooLongError)
    assert (translated.request_id, translated.provider_message) == ("req-1", "context_length_exceeded")


@pytest.mark.parametrize("name", ["TimeoutException", "TimeoutError", "APITimeoutError"])
def test_timeouts_of_other_libraries_are_timeouts(name: str) -> None:
    error = type("Slow", (type(name, (Exception,), {}),), {})("slow")
    assert type(translation.translate(error, ROUTE, NOTHING)) is RequestTimeoutError
    assert type(translation.translate(ValueError("x"), ROUTE, NOTHING)) is UnavailableError


def test_the_innermost_of_several_wrapped_exceptions_decides() -> None:
    inner = of_litellm("AuthenticationError")
    middle = of_litellm("APIError", original_exception=inner)
    outer = of_litellm("MidStreamFallbackError", original_exception=middle)
    assert type(translation.translate(outer, ROUTE, NOTHING)) is AuthenticationError
    inner.__dict__["original_exception"] = "not an exception"
    assert type(translation.translate(outer, ROUTE, NOTHING)) is AuthenticationError


PAGE, ERROR = b"<html>Log in</html>", b'{"error": {"message": "slow down", "code": "rate_limit_exceeded"}}'
EVENTS = {"content_type": "text/event-stream"}


@pytest.mark.parametrize(
    ("observation", "expected"),
    [
        (seen(PAGE), f"{BASE.removesuffix('/v1')} returned a web page, not a response of groq's API"),
        (seen(b" \n" + PAGE), f"{BASE.removesuffix('/v1')} returned a web page, not a response of groq's API"),
        (seen(b" "), "the provider's response was empty"),
        (seen(b"", 204, complete=False), "the provider's response was empty"),
        (seen(ERROR), "slow down"),
        (seen(b"data: " + ERROR + b"\n\n", **EVENTS), "slow down"),
        (seen(b"event: error\ndata: " + ERROR + b"\n\n", **EVENTS), "slow down"),
        (seen(b": ping\n\ndata: " + ERROR + b"\n\n", **EVENTS), "slow down"),
        (seen(b"data: " + ERROR + b"\n\n", complete=False), "slow down"),
    ],
)
def test_what_is_no_answer_is_named(observation: Observation, expected: str) -> None:
    with pytest.raises(IngateError) as caught:
        translation.check_body(observation, ROUTE)
    assert expected in caught.value.message


@pytest.mark.parametrize(
    "observation",
    [
        seen(b"", None),
        seen(PAGE, complete=False),
        seen(b"", complete=False),
        seen(ERROR[:9], complete=False),
        seen(b": ping\n\n", complete=False),
    ],
)
def test_what_has_not_arrived_is_not_judged(observation: Observation) -> None:
    translation.check_body(observation, ROUTE)


def test_a_stream_that_ended_without_an_answer_is_named_also_if_nothing_more_is_read_after_its_end_mark() -> None:
    for ended in (seen(b": ping\n\n"), seen(b"data: [DONE]\n\n", complete=False)):
        with pytest.raises(IngateError):
            translation.check_body(ended, ROUTE)


def test_embeddings_are_checked_once_they_have_arrived() -> None:
    for content in (PAGE, b"", ERROR, b"{}"):
        with pytest.raises(IngateError):
            translation.check_embeddings(seen(content), ROUTE)
        translation.check_embeddings(seen(content, complete=False), ROUTE)
        translation.check_embeddings(seen(content, None), ROUTE)
    translation.check_embeddings(
        seen(b'{"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}]}'), ROUTE
    )


def test_the_final_error_is_what_was_refused_then_what_was_read_then_litellms() -> None:
    raised = of_litellm("RateLimitError")
    raised.__cause__ = ValueError("frames with the key")
    observation, known = seen(ERROR, 200), UnavailableError("known")
    observation.refused = UnavailableError("refused", provider="groq")
    assert translation.final(raised, ROUTE, observation, known) is observation.refused
    observation.refused = None
    assert translation.final(raised, ROUTE, observation, known) is known
    read = translation.final(raised, ROUTE, observation, None)
    assert (type(read), read.provider_message) == (RateLimitError, "slow down")
    for other in (seen(ERROR, None), seen(b"{}", 300, complete=False), seen(b"", 200, complete=False)):
        last = translation.final(raised, ROUTE, other, None)
        assert (type(last), last.message) == (RateLimitError, "groq: it broke")
        assert (last.__cause__, last.__context__, last.__traceback__) == (None, None, None)
    own = BadRequestError("ingate's own")
    assert translation.final(own, ROUTE, seen(ERROR, 200), None) is own


def test_an_error_of_a_codec_learns_whose_it_is_and_loses_keys() -> None:
    error = UnavailableError(f"the provider sent {h.KEY}", fix="check the provider", provider_message=f"it was {h.KEY}")
    completed = translation.completed(error, ROUTE)
    assert completed is error
    assert facts(error) == (UnavailableError, "groq", "litellm.groq/m", "env A_KEY")
    assert (error.message, error.fix) == ("groq sent ***", "check groq")
    assert (error.provider_message, error.args) == ("it was ***", ("groq sent ***",))


def test_what_an_error_knows_of_its_call_stays() -> None:
    error = UnavailableError("the provider", provider="p", spec="s", credential_source="c", fix="ask the provider")
    translation.completed(error, ROUTE)
    assert facts(error) == (UnavailableError, "p", "s", "c")
    assert (error.message, error.fix) == ("the provider", "ask the provider")
    route = h.route(BASE, headers={"x-a": Secret("header-secret-1")}, credential=type(ROUTE.credential)())
    masked = translation.completed(UnavailableError("it is header-secret-1"), route)
    assert (masked.message, masked.credential_source) == ("it is ***", None)


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (ValueError("Unmapped LLM provider for this endpoint"), True),
        (ValueError("embeddings are not supported"), True),
        (ValueError("it broke"), False),
        (BadRequestError("embeddings are not supported"), False),
    ],
)
def test_a_provider_without_embeddings_is_recognised_by_litellms_words(error: Exception, found: bool) -> None:
    translated = translation.no_embeddings(error, ROUTE)
    assert (translated is not None) is found
    if translated is not None:
        assert facts(translated) == (NotSupportedError, "groq", "litellm.groq/m", None)


def test_an_interrupted_stream_names_its_call() -> None:
    error = translation.interrupted(ROUTE)
    assert facts(error) == (StreamInterruptedError, "groq", "litellm.groq/m", "env A_KEY")
    assert translation.interrupted(h.route(BASE, credential=type(ROUTE.credential)())).credential_source is None
