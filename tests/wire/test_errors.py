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


_FIXES = {
    "KEY": "groq rejected the key from env K; check it for typos and expiry, or set another one",
    "ACCESS": "ask groq for access to this model or region with the key from env K, or choose another model",
    "BALANCE": "check the balance and billing of the groq account that env K belongs to",
    "MODELS": "run `ingate models --provider groq` to list its models; the base URL may also be wrong",
    "PAGE": "the address returns a web page: check the base URL of groq (it often ends in /v1)",
    "RETRY": "try again, or name a fallback model after a comma",
    "WAIT": "wait and try again, or name a fallback model after a comma",
    "PLAN": "check the plan and billing of the groq account that env K belongs to",
    "REPHRASE": "rephrase the request, or choose another model",
    "CHANGE": "change the parameter that the message names, or set drop_params to drop what the model does not accept",
    "SHORTEN": "shorten the conversation, or choose a model with more context (`ingate models 'ctx:>200k'`)",
}
_WHOLE: list[tuple[int, dict[str, str], Any, type[errors.IngateError], int, str, bool, float | None, str, str]] = [
    (
        401,
        {},
        {"error": {"message": "bad key"}},
        errors.AuthenticationError,
        401,
        "invalid_api_key",
        False,
        None,
        "groq rejected the key (401): bad key",
        "KEY",
    ),
    (
        403,
        {},
        {"error": {"message": "no api key provided"}},
        errors.AuthenticationError,
        403,
        "invalid_api_key",
        False,
        None,
        "groq rejected the key (403): no api key provided",
        "KEY",
    ),
    (
        403,
        {},
        {"error": {"message": "api key has no permission; invalid api key"}},
        errors.PermissionDeniedError,
        403,
        "permission_denied",
        False,
        None,
        "groq does not allow this (403): api key has no permission; invalid api key",
        "ACCESS",
    ),
    (
        403,
        {},
        {"error": {"message": "x"}},
        errors.PermissionDeniedError,
        403,
        "permission_denied",
        False,
        None,
        "groq does not allow this (403): x",
        "ACCESS",
    ),
    (
        402,
        {},
        {"error": {"message": "credit balance"}},
        errors.PermissionDeniedError,
        402,
        "permission_denied",
        False,
        None,
        "groq does not allow this (402): credit balance",
        "BALANCE",
    ),
    (
        404,
        {},
        {"error": {"message": "x"}},
        errors.ModelNotFoundError,
        404,
        "model_not_found",
        False,
        None,
        "groq has no such model (404): x",
        "MODELS",
    ),
    (
        410,
        {},
        {},
        errors.ModelNotFoundError,
        410,
        "model_not_found",
        False,
        None,
        "groq has no such model (410)",
        "MODELS",
    ),
    (
        404,
        {},
        "<html><title>Gone</title>",
        errors.ModelNotFoundError,
        404,
        "model_not_found",
        False,
        None,
        "groq has no such model (404): Gone",
        "PAGE",
    ),
    (
        503,
        {},
        "<html>",
        errors.UnavailableError,
        503,
        "unavailable",
        True,
        None,
        "groq failed (503): a web page",
        "PAGE",
    ),
    (
        401,
        {},
        "<html>",
        errors.AuthenticationError,
        401,
        "invalid_api_key",
        False,
        None,
        "groq rejected the key (401): a web page",
        "KEY",
    ),
    (408, {}, {}, errors.RequestTimeoutError, 408, "timeout", True, None, "groq took too long (408)", "RETRY"),
    (504, {}, {}, errors.RequestTimeoutError, 504, "timeout", True, None, "groq took too long (504)", "RETRY"),
    (524, {}, {}, errors.RequestTimeoutError, 524, "timeout", True, None, "groq took too long (524)", "RETRY"),
    (598, {}, {}, errors.RequestTimeoutError, 598, "timeout", True, None, "groq took too long (598)", "RETRY"),
    (599, {}, {}, errors.RequestTimeoutError, 599, "timeout", True, None, "groq took too long (599)", "RETRY"),
    (
        498,
        {},
        {},
        errors.RateLimitError,
        498,
        "rate_limit_exceeded",
        True,
        None,
        "groq reports too many requests (498)",
        "WAIT",
    ),
    (
        429,
        {},
        {"error": {"message": "quota", "code": "insufficient_quota"}},
        errors.RateLimitError,
        429,
        "insufficient_quota",
        False,
        None,
        "groq reports too many requests (429): quota",
        "PLAN",
    ),
    (
        429,
        {"retry-after": "3"},
        {"error": {"message": "x", "code": "insufficient_quota"}},
        errors.RateLimitError,
        429,
        "insufficient_quota",
        False,
        3.0,
        "groq reports too many requests (429): x",
        "PLAN",
    ),
    (
        429,
        {},
        {"error": {"message": "out of credits"}},
        errors.RateLimitError,
        429,
        "rate_limit_exceeded",
        False,
        None,
        "groq reports too many requests (429): out of credits",
        "PLAN",
    ),
    (
        429,
        {},
        {"error": {"message": "slow"}},
        errors.RateLimitError,
        429,
        "rate_limit_exceeded",
        True,
        None,
        "groq reports too many requests (429): slow",
        "WAIT",
    ),
    (499, {}, {}, errors.UnavailableError, 499, "unavailable", True, None, "groq failed (499)", "RETRY"),
    (500, {}, {}, errors.UnavailableError, 500, "unavailable", True, None, "groq failed (500)", "RETRY"),
    (501, {}, {}, errors.UnavailableError, 501, "unavailable", False, None, "groq failed (501)", "RETRY"),
    (
        502,
        {"retry-after": "2"},
        {},
        errors.UnavailableError,
        502,
        "unavailable",
        True,
        2.0,
        "groq failed (502)",
        "RETRY",
    ),
    (409, {}, {}, errors.UnavailableError, 409, "unavailable", True, None, "groq failed (409)", "RETRY"),
    (423, {}, {}, errors.UnavailableError, 423, "unavailable", True, None, "groq failed (423)", "RETRY"),
    (424, {}, {}, errors.UnavailableError, 424, "unavailable", True, None, "groq failed (424)", "RETRY"),
    (425, {}, {}, errors.UnavailableError, 425, "unavailable", True, None, "groq failed (425)", "RETRY"),
    (
        400,
        {},
        {"error": {"code": "content_filter", "message": "context length"}},
        errors.ContentFilterError,
        400,
        "content_filter",
        False,
        None,
        "groq rejected the request because of its content (400): context length",
        "REPHRASE",
    ),
    (
        400,
        {},
        {"error": {"code": "content_policy_violation", "message": "x"}},
        errors.ContentFilterError,
        400,
        "content_filter",
        False,
        None,
        "groq rejected the request because of its content (400): x",
        "REPHRASE",
    ),
    (
        413,
        {},
        {"error": {"message": "x"}},
        errors.BadRequestError,
        413,
        "bad_request",
        False,
        None,
        "groq rejected the request (413): x",
        "CHANGE",
    ),
    (
        413,
        {},
        {"error": {"message": "prompt is too long"}},
        errors.ContextTooLongError,
        413,
        "context_length_exceeded",
        False,
        None,
        "groq reports that the conversation is too long for the model (413): prompt is too long",
        "SHORTEN",
    ),
    (
        400,
        {},
        {"error": {"message": "prompt is too long"}},
        errors.ContextTooLongError,
        400,
        "context_length_exceeded",
        False,
        None,
        "groq reports that the conversation is too long for the model (400): prompt is too long",
        "SHORTEN",
    ),
    (
        400,
        {},
        {"error": {"message": "invalid api key"}},
        errors.AuthenticationError,
        400,
        "invalid_api_key",
        False,
        None,
        "groq rejected the key (400): invalid api key",
        "KEY",
    ),
    (
        400,
        {},
        {"error": {"message": "model not found"}},
        errors.ModelNotFoundError,
        400,
        "model_not_found",
        False,
        None,
        "groq has no such model (400): model not found",
        "MODELS",
    ),
    (
        400,
        {},
        {"error": {"message": "content policy"}},
        errors.ContentFilterError,
        400,
        "content_filter",
        False,
        None,
        "groq rejected the request because of its content (400): content policy",
        "REPHRASE",
    ),
    (
        422,
        {},
        {"error": {"message": "insufficient balance"}},
        errors.PermissionDeniedError,
        422,
        "permission_denied",
        False,
        None,
        "groq does not allow this (422): insufficient balance",
        "BALANCE",
    ),
    (
        422,
        {},
        {"detail": "x"},
        errors.BadRequestError,
        422,
        "bad_request",
        False,
        None,
        "groq rejected the request (422): x",
        "CHANGE",
    ),
    (
        400,
        {"retry-after": "9"},
        {"error": {"code": "unsupported_value", "message": "x"}},
        errors.BadRequestError,
        400,
        "unsupported_value",
        False,
        None,
        "groq rejected the request (400): x",
        "CHANGE",
    ),
    (
        300,
        {},
        {"error": {"code": "429", "message": "x"}},
        errors.RateLimitError,
        429,
        "rate_limit_exceeded",
        True,
        None,
        "groq reports too many requests (429): x",
        "WAIT",
    ),
    (
        200,
        {},
        {"error": {"code": "399", "message": "x"}},
        errors.UnavailableError,
        500,
        "unavailable",
        True,
        None,
        "groq failed (500): x",
        "RETRY",
    ),
    (
        200,
        {},
        {"error": {"code": "600", "message": "x"}},
        errors.UnavailableError,
        500,
        "unavailable",
        True,
        None,
        "groq failed (500): x",
        "RETRY",
    ),
    (
        200,
        {},
        {"error": {"message": "prompt is too long"}},
        errors.ContextTooLongError,
        400,
        "context_length_exceeded",
        False,
        None,
        "groq reports that the conversation is too long for the model (400): prompt is too long",
        "SHORTEN",
    ),
    (
        200,
        {},
        {"error": {"message": "flagged"}},
        errors.ContentFilterError,
        400,
        "content_filter",
        False,
        None,
        "groq rejected the request because of its content (400): flagged",
        "REPHRASE",
    ),
    (
        200,
        {},
        {"error": {"type": "not-found error", "message": "x"}},
        errors.ModelNotFoundError,
        404,
        "model_not_found",
        False,
        None,
        "groq has no such model (404): x",
        "MODELS",
    ),
    (
        200,
        {},
        {"error": {"type": "access denied", "message": "x"}},
        errors.PermissionDeniedError,
        403,
        "permission_denied",
        False,
        None,
        "groq does not allow this (403): x",
        "ACCESS",
    ),
]


@pytest.mark.parametrize(
    ("status", "headers", "body", "cls", "own_status", "code", "retryable", "wait_s", "message", "fix"), _WHOLE
)
def test_every_part_of_an_error(
    status: int,
    headers: dict[str, str],
    body: Any,
    cls: type[errors.IngateError],
    own_status: int,
    code: str,
    retryable: bool,
    wait_s: float | None,
    message: str,
    fix: str,
):
    error = _error(status, body, headers, credential_source="env K")
    assert (type(error), error.status, error.code) == (cls, own_status, code)
    assert (error.retryable, error.retry_after_s) == (retryable, wait_s)
    assert str(error) == message
    assert error.fix == _FIXES[fix]


def test_an_error_of_an_unknown_provider_and_credential():
    error = error_from_response(401, {}, {}, provider=None)
    assert str(error) == "the provider rejected the key (401)"
    assert "the configured credential" in error.fix
    assert error.provider is None


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("try again in 1h2m3s", 3723.0),
        ("try again in 2h", 7200.0),
        ("retry after 5m", 300.0),
        ("Try again in 1.5 seconds", 1.5),
        ("try again in 1.2.3s", None),
        ("try again in a moment", None),
        ("retry in 500ms", 0.5),
    ],
)
def test_how_long_to_wait_is_read_from_the_message(message: str, seconds: float | None):
    assert _error(429, {"error": {"message": message}}).retry_after_s == seconds


def test_headers_come_before_details_and_details_before_words():
    body = {"error": {"message": "try again in 9s", "details": [{"retryDelay": "8s"}]}}
    assert _error(429, body, {"x-ms-retry-after-ms": "7000"}).retry_after_s == 7.0
    assert _error(429, body, {"retry-after": "soon"}).retry_after_s == 8.0
    assert _error(429, {"error": {"message": "try again in 9s"}}).retry_after_s == 9.0


def test_a_date_in_the_past_is_no_wait():
    earlier = format_datetime(datetime.now(UTC) - timedelta(seconds=90), usegmt=True)
    assert _error(503, {}, {"retry-after": earlier}).retry_after_s == 0.0


def test_headers_of_a_response_are_only_what_they_may_be():
    error = errors.UnavailableError("x", status=700, request_id="line\nbreak")
    status, headers, _ = error_to_response(error)
    assert status == 500
    assert "x-request-id" not in headers
    assert "x-request-id" not in error_to_response(errors.UnavailableError("x", request_id="é"))[1]
    assert error_to_response(errors.UnavailableError("x", status=599))[0] == 599
    assert error_to_response(errors.UnavailableError("x", status=600))[0] == 500
    assert error_to_response(errors.UnavailableError("x", status=400))[0] == 400
    assert error_to_response(errors.UnavailableError("x", status=399))[0] == 500


def test_a_wrong_method_names_the_right_ones():
    error = errors.MethodNotAllowedError("no", allowed=("GET", "HEAD"))
    assert error_to_response(error)[1]["allow"] == "GET, HEAD"
    assert "allow" not in error_to_response(errors.BadRequestError("no"))[1]


def test_an_error_names_its_field_and_keeps_what_arrived():
    error = errors.StreamInterruptedError("broke", partial_text="so far")
    assert error_to_response(error)[2]["error"]["partial_text"] == "so far"
    assert "param" in error_to_response(error)[2]["error"]
    assert "provider" not in error_to_response(error)[2]["error"]


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


_MONTH_S = 30 * 86_400.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "1e308"}, _MONTH_S),
        ({"retry-after-ms": "1e308"}, _MONTH_S),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "-inf"}, None),
        ({"retry-after": "-1e308"}, 0.0),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, _MONTH_S),
        ({"retry-after": "Wed, 99 Foo 99999 99:99:99 GMT"}, None),
        ({"retry-after": ""}, None),
    ],
)
def test_an_extreme_wait_is_at_most_a_month_and_never_an_error(headers: dict[str, str], seconds: float | None) -> None:
    error = _error(429, {"error": {"message": "m"}}, headers)
    assert error.retry_after_s == seconds
    assert error_to_response(error)[0] == 429


@pytest.mark.parametrize("delay", ["1e400s", "1.2.3s", "9" * 400 + "s", "-5s", "s", "999999999s", "3.5s"])
def test_googles_delay_may_hold_anything(delay: str) -> None:
    error = _error(429, {"error": {"message": "m", "details": [{"retryDelay": delay}]}})
    assert error.retry_after_s in (None, 3.5, _MONTH_S)
    assert (error.retry_after_s == 3.5) == (delay == "3.5s")


@pytest.mark.parametrize(
    "message", ["try again in " + "9" * 6000 + "h", "retry after 999999999h", "try again in " + "9" * 400 + "s"]
)
def test_a_wait_in_words_may_be_of_any_length(message: str) -> None:
    wait_s = _error(429, {"error": {"message": message}}).retry_after_s
    assert wait_s is None or 0 <= wait_s <= _MONTH_S


@pytest.mark.parametrize("wait_s", [float("inf"), float("nan"), -1.0, 1e308])
def test_an_error_of_an_engine_with_an_extreme_wait_is_a_response_like_any_other(wait_s: float) -> None:
    _, headers, _ = error_to_response(errors.RateLimitError("slow", retry_after_s=wait_s))
    assert headers.get("retry-after") in (None, str(int(_MONTH_S)))
