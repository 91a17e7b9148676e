"""What a LiteLLM proxy's lists and response headers report, as ingate's models and metadata."""

from __future__ import annotations

from typing import Any

import pytest

from ingate.engines import proxy
from ingate.engines.base import Route
from ingate.errors import (
    AuthenticationError,
    BadRequestError,
    IngateError,
    ModelNotFoundError,
    RequestTimeoutError,
    UnavailableError,
)
from ingate.providers.credential import Credential
from ingate.secret import Secret
from ingate.spec import parse_one

LISTED = {"id": "gpt", "object": "model", "created": 5, "owned_by": "openai"}


def _route(**fields: Any) -> Route:
    given: dict[str, Any] = {
        "api_base": "http://host:4000",
        "credential": Credential(source="env LITELLM_API_BASE"),
        **fields,
    }
    return Route(
        spec=parse_one("litellm/gpt"),
        engine="native",
        provider=proxy.PROVIDER,
        model="gpt",
        **given,
    )


def test_a_deployment_has_the_limits_prices_and_features_of_its_info() -> None:
    info = {
        "mode": "chat",
        "max_input_tokens": 1000,
        "max_output_tokens": 200,
        "input_cost_per_token": 0.1,
        "output_cost_per_token": 0.2,
        "supports_function_calling": True,
        "supports_reasoning": False,
        "supports_response_schema": True,
        "supports_vision": True,
        "supports_audio_input": None,
        "supports_pdf_input": True,
    }
    assert proxy.deployments([LISTED], {"gpt": info}) == [
        {
            **LISTED,
            "context_length": 1000,
            "top_provider": {"max_completion_tokens": 200},
            "pricing": {"prompt": 0.1, "completion": 0.2},
            "supported_parameters": ["tools", "structured_outputs"],
            "architecture": {"input_modalities": ["text", "image", "file"]},
        }
    ]


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("supports_function_calling", {"supported_parameters": ["tools"]}),
        ("supports_reasoning", {"supported_parameters": ["reasoning"]}),
        ("supports_response_schema", {"supported_parameters": ["structured_outputs"]}),
        ("supports_vision", {"architecture": {"input_modalities": ["text", "image"]}}),
        ("supports_audio_input", {"architecture": {"input_modalities": ["text", "audio"]}}),
        ("supports_pdf_input", {"architecture": {"input_modalities": ["text", "file"]}}),
    ],
)
def test_each_feature_is_reported_on_its_own(name: str, fact: dict[str, Any]) -> None:
    assert proxy.deployments([LISTED], {"gpt": {name: True}}) == [{**LISTED, **fact}]


def test_what_the_proxy_does_not_report_is_not_made_up() -> None:
    assert proxy.deployments([LISTED], {"gpt": {"input_cost_per_token": 0, "output_cost_per_token": 0}}) == [LISTED]


def test_one_known_price_is_kept_without_the_other() -> None:
    [found] = proxy.deployments([LISTED], {"gpt": {"input_cost_per_token": 0.1, "output_cost_per_token": None}})
    assert found["pricing"] == {"prompt": 0.1}


def test_limits_in_the_list_itself_are_used_without_info() -> None:
    [found] = proxy.deployments([{**LISTED, "max_input_tokens": 7, "max_output_tokens": 3}], {})
    assert (found["context_length"], found["top_provider"]) == (7, {"max_completion_tokens": 3})


@pytest.mark.parametrize(
    ("listed", "info", "kept"),
    [
        (None, None, True),
        ("chat", None, True),
        ("completion", None, True),
        ("responses", None, True),
        (None, "completion", True),
        (None, "responses", True),
        ("embedding", None, False),
        (None, "image_generation", False),
        ("chat", "embedding", True),
    ],
)
def test_only_models_that_answer_chat_are_deployments(listed: str | None, info: str | None, kept: bool) -> None:
    model = LISTED if listed is None else {**LISTED, "mode": listed}
    known = {} if info is None else {"gpt": {"mode": info}}
    assert bool(proxy.deployments([model], known)) is kept


def test_a_deployment_in_the_info_alone_is_listed_if_it_answers_chat() -> None:
    known = {
        "gpt": {},
        "other": {"mode": "chat", "max_input_tokens": 9},
        "vectors": {"mode": "embedding"},
        "old": {"mode": "completion"},
        "new": {"mode": "responses"},
        "unknown": {},
    }
    own = {"object": "model", "created": 0, "owned_by": "litellm_proxy"}
    assert proxy.deployments([LISTED], known) == [
        LISTED,
        {"id": "other", **own, "context_length": 9},
        {"id": "old", **own},
        {"id": "new", **own},
        {"id": "unknown", **own},
    ]


@pytest.mark.parametrize("name", [None, "", 3])
def test_an_entry_without_a_name_is_not_a_deployment(name: Any) -> None:
    assert proxy.deployments([{"id": name}], {}) == []


def test_of_several_replicas_the_first_counts_and_entries_that_are_not_objects_are_skipped() -> None:
    entries = [
        "?",
        {"model_name": 4, "model_info": {}},
        {"model_name": "gpt", "model_info": {"mode": "chat"}},
        {"model_name": "gpt", "model_info": {"mode": "embedding"}},
        {"model_name": "bare"},
    ]
    assert proxy.info_of(entries) == {"gpt": {"mode": "chat"}, "bare": {}}


def test_the_headers_of_an_answer_name_deployment_cost_and_limits() -> None:
    headers = {
        "x-litellm-model-group": "gpt",
        "x-litellm-model-name": "openai/gpt-5.4",
        "x-litellm-model-id": "abc",
        "x-litellm-response-cost": "0.25",
        "x-litellm-attempted-fallbacks": "2",
        "x-ratelimit-remaining-requests": "9",
        "x-litellm-key-remaining-requests": "4",
        "x-ratelimit-model_per_key-remaining-tokens": "70",
        "x-ratelimit-remaining-tokens": "many",
    }
    assert proxy.answer_details(headers) == {
        "deployment": "gpt",
        "model": "openai/gpt-5.4",
        "model_id": "abc",
        "cached": False,
        "cost_usd": 0.25,
        "fallbacks": 2,
        "remaining_requests": 4,
        "remaining_tokens": 70,
    }


def test_headers_that_report_nothing_are_none() -> None:
    assert proxy.answer_details({}) == {
        "deployment": None,
        "model": None,
        "model_id": None,
        "cached": False,
        "cost_usd": None,
        "fallbacks": 0,
        "remaining_requests": None,
        "remaining_tokens": None,
    }


@pytest.mark.parametrize(
    ("headers", "cached"),
    [
        ({"x-litellm-cache-hit": "True"}, True),
        ({"x-litellm-cache-hit": "False"}, False),
        ({"x-litellm-cache-key": "k"}, True),
    ],
)
def test_a_cached_answer_is_recognised_by_either_header(headers: dict[str, str], cached: bool) -> None:
    assert proxy.answer_details(headers)["cached"] is cached


@pytest.mark.parametrize(("value", "cost"), [("0.5", 0.5), ("0", None), ("None", None)])
def test_a_cost_of_zero_means_that_no_price_is_known(value: str, cost: float | None) -> None:
    assert proxy.cost_usd({"x-litellm-response-cost": value}) == cost


def test_a_failed_connection_says_how_to_start_the_proxy() -> None:
    error = proxy.unreachable(UnavailableError("nothing listens", fix="start it"), _route())
    assert "ingate proxy up" in error.fix
    assert "env LITELLM_API_BASE" in error.fix


@pytest.mark.parametrize(
    "error",
    [
        UnavailableError("overloaded", status=529, fix="wait"),
        UnavailableError("redirected", code="redirected", fix="wait"),
        RequestTimeoutError("slow", fix="wait"),
    ],
    ids=["status", "code", "timeout"],
)
def test_other_failures_keep_their_fix(error: Any) -> None:
    assert proxy.unreachable(error, _route()).fix == "wait"


_KEY_FIX = "correct the key (env LITELLM_API_BASE), or set LITELLM_API_KEY to a key that the proxy issued"


def _refined(error: IngateError, status: int, **more: Any) -> IngateError:
    given: dict[str, Any] = {
        "route": _route(),
        "headers": {"X-LiteLLM-Version": "1"},
        "kind": "application/json",
        **more,
    }
    return proxy.refine_error(error, given.pop("route"), status=status, **given)


@pytest.mark.parametrize("status", [400, 401, 403, 500])
@pytest.mark.parametrize("where", ["message", "provider_message", "code"])
@pytest.mark.parametrize("phrase", ["no_db_connection", "No connected DB"])
def test_a_proxy_without_a_database_rejects_the_key_in_an_error_of_any_status(
    status: int, where: str, phrase: str
) -> None:
    details: dict[str, Any] = {"message": "it failed", "provider_message": "their words", where: phrase}
    error = UnavailableError(details.pop("message"), request_id="r-1", **details)
    found = _refined(error, status)
    assert type(found) is AuthenticationError
    assert str(found).startswith("the LiteLLM proxy at http://host:4000 does not know the key")
    assert (found.fix, found.provider_message, found.request_id) == (_KEY_FIX, error.provider_message, "r-1")


def test_other_statuses_do_not_mean_an_unknown_key() -> None:
    error = UnavailableError("no_db_connection", status=503, fix="wait")
    assert _refined(error, 503) is error
    assert error.fix == "wait"


def test_a_rejected_key_says_where_it_came_from() -> None:
    error = AuthenticationError("no", fix="their fix")
    assert _refined(error, 401) is error
    assert error.fix == _KEY_FIX
    keyless = AuthenticationError("no", fix="their fix")
    _refined(keyless, 401, route=_route(credential=Credential()))
    assert keyless.fix.startswith("correct the key (no key configured), or")


@pytest.mark.parametrize("kind", [BadRequestError, ModelNotFoundError])
@pytest.mark.parametrize(
    "phrase",
    ["No healthy deployments for this model", "Invalid model name passed in x", "team not allowed to access model"],
)
def test_a_missing_deployment_names_the_command_that_lists_them(kind: type[IngateError], phrase: str) -> None:
    found = _refined(kind("400", provider_message=phrase, request_id="r-2"), 400)
    assert type(found) is ModelNotFoundError
    assert str(found).startswith("the LiteLLM proxy at http://host:4000 has no deployment 'gpt'")
    assert "`ingate proxy list`" in found.fix
    assert (found.provider_message, found.request_id) == (phrase, "r-2")


@pytest.mark.parametrize(
    "error",
    [
        BadRequestError("temperature is too high", fix="lower it"),
        UnavailableError("no healthy deployments for this model", fix="lower it"),
    ],
    ids=["other words", "other class"],
)
def test_any_other_rejection_is_kept(error: Any) -> None:
    assert _refined(error, 400) is error
    assert error.fix == "lower it"


@pytest.mark.parametrize("status", [404, 405])
def test_a_missing_path_without_the_proxys_headers_is_another_server(status: int) -> None:
    error = ModelNotFoundError("no such page")
    found = _refined(error, status, headers={"server": "nginx"})
    assert type(found) is UnavailableError
    assert (found.code, found.retryable) == ("not_a_proxy", False)
    assert str(found).startswith("the server at http://host:4000 is not a LiteLLM proxy")
    assert _refined(error, status, headers={"server": "uvicorn", "X-LiteLLM-Call-Id": "c"}) is error


def test_another_status_without_the_proxys_headers_is_not_another_server() -> None:
    error = BadRequestError("no")
    assert _refined(error, 400, headers={}) is error


@pytest.mark.parametrize(
    ("status", "key", "kind", "asks"),
    [
        (500, None, "text/plain", True),
        (500, None, "", True),
        (500, None, "application/json", False),
        (500, "sk-1", "text/plain", False),
        (503, None, "text/plain", False),
    ],
)
def test_a_bare_500_without_a_key_asks_for_one(status: int, key: str | None, kind: str, asks: bool) -> None:
    error = UnavailableError("Internal Server Error", fix="wait")
    route = _route(credential=Credential(api_key=Secret(key) if key else None, source="x"))
    assert _refined(error, status, route=route, kind=kind) is error
    assert error.fix == (
        "the proxy may require a key: set LITELLM_API_KEY, or litellm.api_key in ingate.yaml" if asks else "wait"
    )
