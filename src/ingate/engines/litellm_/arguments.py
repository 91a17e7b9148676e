"""A Route and an OpenAI request → the keyword arguments of `litellm.acompletion` and `litellm.aembedding`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.engines.litellm_.parameters import fit, responses_prefix, write_answer_form, write_cohere, write_messages
from ingate.errors import BadRequestError, IngateError, MissingCredentialsError, UnknownProviderError
from ingate.wire.codec import encode_body
from ingate.wire.params import deep_merge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.engines.base import CallReport, Route

# Providers whose tool calls carry a thought signature.
GEMINI: Final = frozenset({"gemini", "vertex_ai", "vertex_ai_beta"})
# Providers whose look-up inside litellm starts a login.
OAUTH: Final = frozenset({"github_copilot", "chatgpt"})
# Sent to an OpenAI-like server that needs no key, because litellm's client requires one.
NO_KEY: Final = "no-key-needed"
# Parameters that configure litellm rather than the model. They are never accepted from a request, which is untrusted: one
# that could set `api_base` could redirect the key.
_STEERING_PREFIXES: Final = ("aws_", "vertex_", "azure_", "litellm_", "mock_", "oci_", "watsonx_", "_")
_STEERING: Final = frozenset(
    {
        "api_base", "api_key", "api_type", "api_version", "base_url", "client", "custom_llm_provider", "deployment_id",
        "drop_params", "additional_drop_params", "allowed_openai_params", "extra_headers", "headers", "max_retries", "num_retries",
        "model", "model_list", "organization", "region_name", "shared_session", "ssl_verify", "stream", "timeout", "token",
        "use_litellm_proxy", "acompletion",
    }
)  # fmt: skip
# In litellm's list of its own parameters, but allowed in a request.
_REQUEST_FIELDS: Final = frozenset(
    {
        "metadata",
        "store",
        "thinking",
        "modalities",
        "cache_control",
        "max_tokens",
        "user",
        "n",
        "seed",
        "prompt_cache_key",
    }
)
# Providers that accept OpenAI's `metadata` field; litellm uses a `metadata` argument for its own callbacks.
_METADATA_FIELD: Final = frozenset({"openai", "azure"})
# Provider → the parameter with which litellm asks for a whole answer and splits it itself; it would send `stream_options`
# all the same, which the provider rejects (`_should_fake_stream` in litellm/llms/groq/chat/transformation.py).
_FAKED_WITH: Final[Mapping[str, str]] = {"groq": "response_format"}
# Parameters that are never reported as unsupported.
_NOT_DROPPABLE: Final = frozenset(
    {"messages", "model", "stream", "stream_options", "extra_headers", "metadata", "max_retries", "api_version", "custom_llm_provider",
     "drop_params", "additional_drop_params", "allowed_openai_params"}
)  # fmt: skip


# A key that is sent as `Authorization: Bearer`, not as the provider's key: litellm has no argument for one, and reads it from
# the environment alone. `Observation` moves it.
BEARER: Final = "auth_token"


def for_completion(
    litellm: Any, route: Route, body: Mapping[str, Any], report: CallReport, *, stream: bool
) -> dict[str, Any]:
    """The arguments of `acompletion`.

    Raises:
        MissingCredentialsError: The provider requires a key and the Route has none.
        BadRequestError: The request cannot be written as JSON; or the policy is `strict` and the request sets a parameter that
            only the configuration may set.
        UnknownProviderError: litellm does not know the provider, and the Route has no base URL of an OpenAI-like server.
    """
    encode_body(body)  # litellm would report a fault of the provider
    call = _request_params(litellm, route, body, report)
    if route.wire_format == "cohere":
        write_cohere(call, route, report)
    write_messages(call, route)
    write_answer_form(call, route)
    fit(call, route, report)
    provider, slash, model = model_name(litellm, route).partition("/")
    call["model"] = f"{provider}{slash}{responses_prefix(call, route)}{model}"
    call.setdefault("messages", [])
    if stream:
        call["stream"] = True
        call["stream_options"] = {**(call.get("stream_options") or {}), "include_usage": True}
        if _FAKED_WITH.get(route.provider) in call:
            del call["stream_options"]
    else:
        call.pop("stream_options", None)
    call["drop_params"] = route.drop_params != "strict"
    _connect(call, route)
    if route.drop_params != "strict" and route.provider not in OAUTH:
        report.dropped.extend(name for name in _unsupported(litellm, call) if name not in report.dropped)
    return own_copy(deep_merge(call, route.extra_kwargs))


def for_embedding(litellm: Any, route: Route, body: Mapping[str, Any], report: CallReport) -> dict[str, Any]:
    """The arguments of `aembedding`; raises the errors of `for_completion`."""
    call = _request_params(litellm, route, body, report)
    call["model"] = model_name(litellm, route)
    call["drop_params"] = route.drop_params != "strict"
    _connect(call, route)
    return own_copy(deep_merge(call, route.extra_kwargs))


def own_copy(value: Any) -> Any:
    """`value` with copies of its dicts and lists: litellm changes its arguments, which belong to the caller and the configuration.

    Anything else (a callback, a masked dict of secrets) is passed as it is.
    """
    if type(value) is dict:
        return {name: own_copy(item) for name, item in value.items()}
    if type(value) is list:
        return [own_copy(item) for item in value]
    return value


def model_name(litellm: Any, route: Route) -> str:
    """litellm's name for the Route's model: `<provider>/<model>`; an unknown server is treated as OpenAI-like."""
    if route.provider in set(map(_text, litellm.provider_list)) or _is_json_provider(route.provider):
        return f"{route.provider}/{route.model}"
    if route.api_base:
        return f"openai/{route.model}"
    raise UnknownProviderError(
        f"the installed litellm has no provider {route.provider!r}",
        provider=route.provider,
        fix="set a base_url for it, or install a newer litellm",
    )


def _request_params(litellm: Any, route: Route, body: Mapping[str, Any], report: CallReport) -> dict[str, Any]:
    steering = [name for name in body if _steers(litellm, name)]
    if steering and route.drop_params == "strict":
        raise BadRequestError(
            f"a request may not set {', '.join(map(repr, steering))}, which configure the gateway",
            provider=route.provider,
            spec=str(route.spec),
            fix="set them in the configuration's section of this provider",
        )
    report.dropped.extend(steering)
    call = {name: value for name, value in body.items() if value is not None and name not in steering}
    if not call.get("tools", True):
        for name in ("tools", "tool_choice", "parallel_tool_calls"):
            call.pop(name, None)
    metadata = call.pop("metadata", None)
    if metadata is not None:
        if route.provider in _METADATA_FIELD:
            call["extra_body"] = {"metadata": metadata, **(call.get("extra_body") or {})}
        else:
            report.dropped.append("metadata")
    return call


def _steers(litellm: Any, name: str) -> bool:
    if name in _REQUEST_FIELDS:
        return False
    return name in _STEERING or name.startswith(_STEERING_PREFIXES) or name in litellm.types.utils.all_litellm_params


def _connect(call: dict[str, Any], route: Route) -> None:
    """Set key, base URL, headers and timeout explicitly, so that no environment variable decides."""
    for name, secret in route.credential.params.items():
        call["api_key" if name == BEARER else name] = secret.reveal()
    if route.credential.api_key is not None:
        call["api_key"] = route.credential.api_key.reveal()
    elif not route.credential.params and (key := _without_key(route)) is not None:
        call["api_key"] = key
    if route.api_base:
        call["api_base"] = _api_base(route)
    if route.headers:
        call["extra_headers"] = route.header_values()
    call["timeout"] = route.timeout_s
    call["num_retries"] = call["max_retries"] = 0


def _without_key(route: Route) -> str | None:
    auth = _auth(route.provider)
    if auth in {"cloud", "oauth_device", "litellm"}:
        return None
    if auth == "api_key" and not route.api_base:
        raise MissingCredentialsError(
            f"{route.provider} has no key",
            provider=route.provider,
            spec=str(route.spec),
            fix=f"ingate doctor {route.provider}",
        )
    return NO_KEY


def _auth(provider: str) -> str:
    from ingate.providers.registry import provider as look_up

    try:
        return look_up(provider).auth
    except IngateError:
        return "base_url"  # a configured server


def _api_base(route: Route) -> str:
    """The base URL in the form that litellm expects for this provider."""
    base = route.api_base or ""
    if route.provider in {"cohere", "cohere_chat"} and not base.endswith("/chat"):
        return f"{base}/chat" if base.endswith(("/v1", "/v2")) else f"{base}/v2/chat"
    return base


def _unsupported(litellm: Any, call: Mapping[str, Any]) -> list[str]:
    known = litellm.constants.DEFAULT_CHAT_COMPLETION_PARAM_VALUES
    kept = _NOT_DROPPABLE.union(call.get("allowed_openai_params") or ())
    given = [name for name in call if name in known and name not in kept]
    if not given:
        return []
    provider, _, model = call["model"].partition("/")
    try:
        supported = litellm.get_supported_openai_params(model=model, custom_llm_provider=provider)
    except Exception:  # noqa: BLE001 -- without the look-up, only a warning is missing
        return []
    return [name for name in given if supported and name not in supported]


def _text(provider: Any) -> str:
    return getattr(provider, "value", provider)


def _is_json_provider(name: str) -> bool:
    try:
        from litellm.llms.openai_like.json_loader import JSONProviderRegistry
    except ImportError:
        return False
    return bool(JSONProviderRegistry.exists(name))
