"""What is specific to a LiteLLM proxy as the provider: its errors, its model lists, and its response headers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.errors import AuthenticationError, BadRequestError, IngateError, ModelNotFoundError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingate.engines.base import Route

PROVIDER: Final = "litellm_proxy"
_CAPS: Final[Mapping[str, str]] = {
    "supports_function_calling": "tools",
    "supports_reasoning": "reasoning",
    "supports_response_schema": "structured_outputs",
}
_INPUTS: Final[Mapping[str, str]] = {
    "supports_vision": "image",
    "supports_audio_input": "audio",
    "supports_pdf_input": "file",
}
# A proxy without a database reports these for an unknown key.
_NO_DATABASE: Final = ("no_db_connection", "no connected db")
_NO_DEPLOYMENT: Final = (
    "no healthy deployments for this model",
    "invalid model name passed in",
    "team not allowed to access model",
)


def refine_error(
    error: IngateError, route: Route, *, status: int, headers: Mapping[str, str], kind: str
) -> IngateError:
    """A more precise error for a proxy's response than its status gives; `error` itself if there is none.

    Args:
        error: The error that this status and body would be from any OpenAI-compatible server.
        route: The call.
        status: The HTTP status.
        headers: The response's headers.
        kind: The response's content type.
    """
    text = f"{error.message} {error.provider_message} {error.code or ''}".lower()
    source = route.credential.source or "no key configured"
    if status in {400, 401, 403, 500} and any(phrase in text for phrase in _NO_DATABASE):
        return AuthenticationError(
            f"the LiteLLM proxy at {route.api_base} does not know the key",
            fix=f"correct the key ({source}), or set LITELLM_API_KEY to a key that the proxy issued",
            provider_message=error.provider_message,
            request_id=error.request_id,
        )
    if isinstance(error, AuthenticationError):
        error.fix = f"correct the key ({source}), or set LITELLM_API_KEY to a key that the proxy issued"
        return error
    if isinstance(error, (BadRequestError, ModelNotFoundError)) and any(phrase in text for phrase in _NO_DEPLOYMENT):
        return ModelNotFoundError(
            f"the LiteLLM proxy at {route.api_base} has no deployment {route.model!r}",
            fix="`ingate proxy list` shows its deployments; if this one is missing, add it to the proxy's model_list",
            provider_message=error.provider_message,
            request_id=error.request_id,
        )
    if status in {404, 405} and not _signed(headers):
        return not_a_proxy(route)
    if status == 500 and route.credential.api_key is None and "json" not in kind:
        error.fix = "the proxy may require a key: set LITELLM_API_KEY, or litellm.api_key in ingate.yaml"
    return error


def unreachable(error: IngateError, route: Route) -> IngateError:
    """`error`, with the fix for a proxy if the connection failed."""
    if (
        isinstance(error, UnavailableError)
        and error.status == UnavailableError.status
        and error.code in {None, "unavailable"}
    ):
        error.fix = (
            f"start the proxy (`ingate proxy up` starts one here), or correct its URL: {route.credential.source}"
        )
    return error


def not_a_proxy(route: Route) -> UnavailableError:
    """The error for a server that responds at the proxy's URL but is not a LiteLLM proxy."""
    return UnavailableError(
        f"the server at {route.api_base} is not a LiteLLM proxy",
        retryable=False,
        code="not_a_proxy",
        fix="correct litellm.api_base or LITELLM_API_BASE: the URL of the proxy itself, like http://host:4000",
    )


def _signed(headers: Mapping[str, str]) -> bool:
    return any(name.lower().startswith("x-litellm-") for name in headers)


def info_of(entries: Iterable[Any]) -> dict[str, dict[str, Any]]:
    """The `data` of `/model/info` by deployment; the first of several replicas counts."""
    known: dict[str, dict[str, Any]] = {}
    for entry in entries:
        if isinstance(entry, dict) and isinstance(name := entry.get("model_name"), str):
            facts = entry.get("model_info")
            known.setdefault(name, facts if isinstance(facts, dict) else {})
    return known


def deployments(listed: Iterable[Mapping[str, Any]], known: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The proxy's chat models as OpenAI model objects, with limits, prices and features if the proxy reports them.

    Args:
        listed: The entries of `/v1/models`.
        known: `info_of` the entries of `/model/info`; empty if the key may not read them.
    """
    found: dict[str, dict[str, Any]] = {}
    for model in listed:
        if isinstance(name := model.get("id"), str) and name:
            mode = model.get("mode") or known.get(name, {}).get("mode")
            if mode in {None, "chat", "completion", "responses"}:
                found[name] = {**model, **_facts(known.get(name) or _own_facts(model))}
    for name, facts in known.items():
        if name not in found and facts.get("mode") in {None, "chat", "completion", "responses"}:
            found[name] = {"id": name, "object": "model", "created": 0, "owned_by": PROVIDER, **_facts(facts)}
    return list(found.values())


def _own_facts(model: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: model.get(name) for name in ("max_input_tokens", "max_output_tokens")}


def _facts(info: Mapping[str, Any]) -> dict[str, Any]:
    """`/model/info` with the field names of OpenRouter's list, which others have adopted."""
    facts: dict[str, Any] = {}
    if info.get("max_input_tokens"):
        facts["context_length"] = info["max_input_tokens"]
    if info.get("max_output_tokens"):
        facts["top_provider"] = {"max_completion_tokens": info["max_output_tokens"]}
    prices = {"prompt": info.get("input_cost_per_token"), "completion": info.get("output_cost_per_token")}
    if any(price for price in prices.values()):  # the proxy reports 0 for both if it knows no price
        facts["pricing"] = {name: price for name, price in prices.items() if price is not None}
    if caps := [cap for name, cap in _CAPS.items() if info.get(name)]:
        facts["supported_parameters"] = caps
    if inputs := [medium for name, medium in _INPUTS.items() if info.get(name)]:
        facts["architecture"] = {"input_modalities": ["text", *inputs]}
    return facts


def answer_details(headers: Mapping[str, str]) -> dict[str, Any]:
    """What a proxy's response headers report about an answer.

    Returns:
        `deployment` (its name in the model_list), `model` (the model behind it), `model_id` (which of several
        replicas), `cached`, `cost_usd` (None if not reported), `fallbacks` (how many were tried), and
        `remaining_requests` and `remaining_tokens` (None if there is no limit).
    """
    cached = str(headers.get("x-litellm-cache-hit")).lower() == "true" or bool(headers.get("x-litellm-cache-key"))
    return {
        "deployment": headers.get("x-litellm-model-group"),
        "model": headers.get("x-litellm-model-name"),
        "model_id": headers.get("x-litellm-model-id"),
        "cached": cached,
        "cost_usd": cost_usd(headers),
        "fallbacks": _number(headers, "x-litellm-attempted-fallbacks", int) or 0,
        "remaining_requests": _least(headers, "requests"),
        "remaining_tokens": _least(headers, "tokens"),
    }


def cost_usd(headers: Mapping[str, str]) -> float | None:
    """The cost of an answer as the proxy reports it; None if it reports none, or 0, which means no known price."""
    return _number(headers, "x-litellm-response-cost", float) or None


def _least(headers: Mapping[str, str], what: str) -> int | None:
    names = (
        f"x-ratelimit-remaining-{what}",
        f"x-litellm-key-remaining-{what}",
        f"x-ratelimit-model_per_key-remaining-{what}",
    )
    left = [number for name in names if (number := _number(headers, name, int)) is not None]
    return min(left) if left else None


def _number(headers: Mapping[str, str], name: str, kind: type) -> Any:
    try:
        return kind(headers[name])
    except (KeyError, ValueError):
        return None
