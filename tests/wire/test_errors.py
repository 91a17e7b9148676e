from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingate import errors
from ingate.secret import Secret
from ingate.wire.errors import error_from_response, error_to_response


def _error(status: int, body: Any = b"", headers: dict[str, str] | None = None, **more: Any) -> errors.IngateError:
    raw = body if isinstance(body, (bytes, str)) else json.dumps(body).encode()
    return error_from_response(status, headers or {}, raw, provider="groq", **more)


_SHAPES: list[tuple[str, Any]] = [
    ("OpenAI", {"error": {"message": "words", "type": "t", "param": None, "code": None}}),
    ("a string", {"error": "words"}),
    ("FastAPI", {"detail": "words"}),
    ("FastAPI's list", {"detail": [{"type": "missing", "loc": [], "msg": "words"}]}),
    ("top level", {"message": "words"}),
    ("Anthropic", {"type": "error", "error": {"type": "invalid_request_error", "message": "words"}}),
    ("Google", {"error": {"code": 400, "message": "words", "status": "INVALID_ARGUMENT", "details": []}}),
    ("Google in a list", [{"error": {"code": 400, "message": "words", "status": "INVALID_ARGUMENT"}}]),
    ("AWS", {"Message": "words"}),
    ("Cohere", {"id": "x", "message": "words"}),
    ("Mistral", {"object": "error", "message": {"detail": [{"loc": [], "msg": "words"}]}, "type": "x"}),
    ("a list of errors", {"errors": [{"message": "words"}]}),
    ("nested", {"error": {"error": {"message": "words"}}}),
    ("a JSON string", '"words"'),
    ("plain text", b"words"),
    ("an error event", b'data: {"error": {"message": "words"}}\n\n'),
]


@pytest.mark.parametrize(("name", "body"), _SHAPES)
def test_the_providers_words_are_found_in_each_shape(name: str, body: Any):
    error = _error(400, body)
    assert type(error) is errors.BadRequestError
    assert error.provider_message == "words"
    assert error.status == 400
    assert str(error) == "groq rejected the request (400): words"


def test_validation_errors_name_the_field():
    body = {"detail": [{"loc": ["body", "messages", 0], "msg": "field required"}]}
    assert _error(422, body).provider_message == "body.messages.0: field required"


def test_what_the_provider_behind_a_gateway_said_is_told():
    body = {"error": {"code": 429, "message": "Provider returned error", "metadata": {"raw": "slow down"}}}
    assert _error(429, body).provider_message == "Provider returned error: slow down"


_MEANING: list[tuple[int, Any, type[errors.IngateError]]] = [
    (401, {"error": {"message": "x"}}, errors.AuthenticationError),
    (402, {"error": {"message": "Insufficient Balance"}}, errors.PermissionDeniedError),
    (403, {"error": {"message": "no access to this region"}}, errors.PermissionDeniedError),
    (404, {"error": {"message": "x"}}, errors.ModelNotFoundError),
    (408, {}, errors.RequestTimeoutError),
    (409, {}, errors.UnavailableError),
    (413, {"message": "Request too large: 90000 bytes"}, errors.ContextTooLongError),
    (413, {}, errors.BadRequestError),
    (422, {"detail": "nope"}, errors.BadRequestError),
    (429, {}, errors.RateLimitError),
    (498, {}, errors.RateLimitError),
    (499, {}, errors.UnavailableError),
    (500, {}, errors.UnavailableError),
    (502, b"<html><title>502 Bad Gateway</title></html>", errors.UnavailableError),
    (503, {}, errors.UnavailableError),
    (504, {}, errors.RequestTimeoutError),
    (524, {}, errors.RequestTimeoutError),
    (529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, errors.UnavailableError),
    (400, {"error": {"message": "x", "code": "context_length_exceeded"}}, errors.ContextTooLongError),
    (400, {"error": "This model's maximum context length is 8192 tokens."}, errors.ContextTooLongError),
    (400, {"error": "prompt is too long: 210000 tokens > 200000 maximum"}, errors.ContextTooLongError),
    (
        400,
        {"error": "The input token count (9) exceeds the maximum number of tokens allowed (8)."},
        errors.ContextTooLongError,
    ),
    (400, {"error": "Input is too long for requested model."}, errors.ContextTooLongError),
    (400, {"message": "the request exceeds the available context size"}, errors.ContextTooLongError),
    (400, {"error": "Please reduce the length of the messages or completion."}, errors.ContextTooLongError),
    (400, {"error": {"message": "max_tokens is too large: 99999"}}, errors.BadRequestError),
    (400, {"error": {"message": "x", "code": "content_filter"}}, errors.ContentFilterError),
    (400, {"error": {"message": "triggering Azure OpenAI's content management policy"}}, errors.ContentFilterError),
    (400, {"error": {"message": "x", "code": "data_inspection_failed"}}, errors.ContentFilterError),
    (400, {"error": "Incorrect API key provided: ab***yz."}, errors.AuthenticationError),
    (
        400,
        {
            "error": {
                "code": 400,
                "message": "API key not valid. Please pass a valid API key.",
                "status": "INVALID_ARGUMENT",
            }
        },
        errors.AuthenticationError,
    ),
    (400, {"error": {"message": "Invalid token at position 3 of the JSON"}}, errors.BadRequestError),
    (
        400,
        {"error": {"message": "The model `x-1` does not exist", "code": "model_not_found"}},
        errors.ModelNotFoundError,
    ),
    (400, {"error": {"message": "Model Not Exist"}}, errors.ModelNotFoundError),
    (400, {"error": {"message": "acme/x-1 is not a valid model ID"}}, errors.ModelNotFoundError),
    (400, {"message": "The provided model identifier is invalid."}, errors.ModelNotFoundError),
    (
        400,
        {"error": {"message": "The model `x` has been decommissioned", "code": "model_decommissioned"}},
        errors.ModelNotFoundError,
    ),
    (400, {"error": {"message": "The model called a tool that was not found"}}, errors.BadRequestError),
    (400, {"error": {"message": "Your credit balance is too low"}}, errors.PermissionDeniedError),
    (400, {"error": {"message": "temperature must be at most 2"}}, errors.BadRequestError),
]


@pytest.mark.parametrize(("status", "body", "cls"), _MEANING)
def test_the_status_decides_and_the_words_refine(status: int, body: Any, cls: type[errors.IngateError]):
    error = _error(status, body)
    assert type(error) is cls
    assert error.status == status
    assert error.provider == "groq"
    assert error.fix


@pytest.mark.parametrize(
    ("body", "cls", "status"),
    [
        ({"error": {"code": 400, "message": "Token limit reached"}}, errors.ContextTooLongError, 400),
        ({"error": {"code": "429", "message": "x"}}, errors.RateLimitError, 429),
        ({"error": {"type": "overloaded_error", "message": "x"}}, errors.UnavailableError, 529),
        ({"error": {"type": "rate_limit_error", "message": "x"}}, errors.RateLimitError, 429),
        ({"error": {"type": "authentication_error", "message": "x"}}, errors.AuthenticationError, 401),
        ({"error": {"type": "invalid_request_error", "message": "x"}}, errors.BadRequestError, 400),
        ({"error": {"status": "RESOURCE_EXHAUSTED", "message": "x"}}, errors.RateLimitError, 429),
        ({"__type": "com.amazon#ThrottlingException", "message": "x"}, errors.RateLimitError, 429),
        ({"__type": "ValidationException", "message": "x"}, errors.BadRequestError, 400),
        ({"error": "the server is overloaded"}, errors.RateLimitError, 429),
        ({"error": "something broke"}, errors.UnavailableError, 500),
    ],
)
def test_an_error_in_a_good_answer_has_the_status_it_means(body: Any, cls: type[errors.IngateError], status: int):
    error = _error(200, body)
    assert (type(error), error.status) == (cls, status)


def test_awss_error_type_may_be_in_a_header():
    error = _error(200, {"message": "x"}, {"x-amzn-ErrorType": "AccessDeniedException:http://…"})
    assert type(error) is errors.PermissionDeniedError


@pytest.mark.parametrize(
    ("status", "body", "retryable"),
    [
        (429, {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}, False),
        (429, {"error": {"message": "Rate limit reached. Try again in 7m3.5s. Upgrade at /billing"}}, True),
        (429, {"error": {"message": "You exceeded your current quota", "details": [{"retryDelay": "34s"}]}}, True),
        (429, {}, True),
        (500, {}, True),
        (501, {}, False),
        (400, {}, False),
        (401, {}, False),
        (408, {}, True),
    ],
)
def test_only_what_waiting_mends_is_retryable(status: int, body: Any, retryable: bool):
    error = _error(status, body)
    assert error.retryable is retryable
    assert error_to_response(error)[1]["x-should-retry"] == str(retryable).lower()


@pytest.mark.parametrize(
    ("headers", "message", "seconds"),
    [
        ({"Retry-After": "7"}, "", 7.0),
        ({"retry-after": "0.5"}, "", 0.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, "", 0.25),
        ({"retry-after": "-4"}, "", 0.0),
        ({"retry-after": "soon"}, "", None),
        ({"retry-after": "nan"}, "", None),
        ({}, "Please try again in 2m3.5s.", 123.5),
        ({}, "Please try again in 20ms.", 0.02),
        ({}, "Please retry after 20 seconds.", 20.0),
        ({}, "", None),
    ],
)
def test_how_long_to_wait_is_read_from_headers_and_words(headers: dict[str, str], message: str, seconds: float | None):
    assert _error(429, {"error": {"message": message}}, headers).retry_after_s == seconds


def test_a_date_to_come_back_at_is_seconds_from_now():
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    seconds = _error(503, {}, {"retry-after": later}).retry_after_s
    assert seconds is not None
    assert 80 < seconds <= 90


def test_a_refused_key_names_its_source_and_never_itself():
    key = Secret("sk-very-secret-0123456789")
    body = {"error": {"message": f"Incorrect API key provided: {key.reveal()}", "code": "invalid_api_key"}}
    error = _error(401, body, secrets=(key, None), credential_source="env GROQ_API_KEY")
    assert "env GROQ_API_KEY" in error.fix
    assert error.credential_source == "env GROQ_API_KEY"
    told = json.dumps(error_to_response(error)) + repr(error) + str(vars(error))
    assert key.reveal() not in told
    assert "***" in error.provider_message


def test_a_web_page_hints_at_the_base_url():
    error = _error(404, b"<!doctype html><html><head><title>Not\n Found</title></head></html>")
    assert error.provider_message == "Not Found"
    assert "base URL" in error.fix


def test_the_providers_request_id_is_kept():
    assert _error(500, {}, {"X-Request-Id": "r1"}).request_id == "r1"
    assert _error(500, {"request_id": "r2"}).request_id == "r2"


def test_errors_are_told_as_openai_tells_them():
    error = errors.RateLimitError("slow", provider="groq", spec="groq/x", fix="wait", retry_after_s=1.2, request_id="r")
    status, headers, body = error_to_response(error)
    assert status == 429
    assert headers == {
        "content-type": "application/json",
        "x-should-retry": "true",
        "retry-after": "2",
        "retry-after-ms": "1200",
        "x-request-id": "r",
    }
    assert body == {
        "error": {
            "message": "slow",
            "type": "rate_limit_error",
            "param": None,
            "code": "rate_limit_exceeded",
            "fix": "wait",
            "provider": "groq",
            "spec": "groq/x",
        }
    }


def test_what_is_not_served_is_501_and_not_retried():
    status, headers, body = error_to_response(errors.NotSupportedError("no /v1/fine_tuning here"))
    assert (status, headers["x-should-retry"]) == (501, "false")
    assert body["error"]["message"] == "no /v1/fine_tuning here"


def test_the_code_of_a_used_up_quota_and_of_a_bad_request_is_the_providers():
    def code(status: int, body: dict[str, Any]) -> Any:
        return error_from_response(status, {}, {"error": {"message": "x", **body}}, provider="p").code

    assert code(429, {"code": "insufficient_quota"}) == "insufficient_quota"
    assert code(429, {"code": "rate_limit_exceeded"}) == errors.RateLimitError("x").code
    assert code(400, {"code": "unsupported_value"}) == "unsupported_value"
    assert code(400, {"code": 400}) == errors.BadRequestError("x").code
    assert code(400, {}) == errors.BadRequestError("x").code
    assert code(500, {"code": "boom"}) == errors.UnavailableError("x").code


def test_an_unexpected_exception_is_told_without_its_words():
    status, _, body = error_to_response(RuntimeError("sk-secret"))
    assert status == 500
    assert "sk-secret" not in json.dumps(body)


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["error", "message", "detail", "code", "type", "status", "details", "metadata", "raw", "msg"]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@given(status=st.integers(100, 999), body=_JSON)
def test_no_body_breaks_the_reading_of_an_error(status: int, body: Any):
    error = _error(status, body)
    assert isinstance(error, errors.IngateError)
    assert 400 <= error_to_response(error)[0] <= 599


@given(st.binary(max_size=40))
def test_no_bytes_break_the_reading_of_an_error(body: bytes):
    assert isinstance(_error(400, body), errors.IngateError)
