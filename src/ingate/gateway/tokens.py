"""Token counts of requests: the provider's own count if available, else an estimate marked as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.engines.base import PassThroughEngine
from ingate.errors import IngateError
from ingate.gateway.formats import passed_through
from ingate.wire.codec import Target
from ingate.wire.downstream import translate
from ingate.wire.passthrough import pass_through
from ingate.wire.request_check import check_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.engines.base import Route
    from ingate.gateway.gateway import Gateway
    from ingate.wire.passthrough import ApiRequest

# Providers that count tokens, by API, and the path below the endpoint.
# https://platform.claude.com/docs/en/build-with-claude/token-counting, https://platform.openai.com/docs/api-reference/responses/input-tokens
_COUNTS: Final[Mapping[str, Mapping[str, str]]] = {
    "messages": {"anthropic": "/count_tokens", "litellm_proxy": "/count_tokens"},
    "responses": {"openai": "/input_tokens"},
}
_BYTES_PER_TOKEN: Final = 3.6  # of JSON, measured as an average over English text and code; providers differ by a third
_IMAGE_TOKENS: Final = 1_600  # Claude's count for the largest image that it does not scale down
# The fields that Anthropic's token count accepts; it rejects all others.
_COUNTED: Final = frozenset(
    {"messages", "model", "system", "tools", "tool_choice", "thinking", "mcp_servers", "context_management"}
    | {"output_config", "cache_control"}
)

_encode = msgspec.json.Encoder().encode


async def count_tokens(gateway: Gateway, request: ApiRequest) -> dict[str, Any]:
    """The tokens of a request, in its API's format; `ingate.estimated` is true for an estimate.

    Raises:
        InvalidRequestError: The request is malformed.
        IngateError: The model cannot be reached, or the provider rejects the request.
    """
    check_request(request)
    spec = gateway.specs(request.body)[0]
    route = await gateway.route(spec)
    counted = await _counted(gateway, route, request)
    if counted is not None:
        return counted
    translation = translate(
        request.api, {"max_tokens": 1, **request.body} if request.api == "messages" else request.body
    )
    count = estimate(translation.chat)
    shape = {"object": "response.input_tokens"} if request.api == "responses" else {}
    return {**shape, "input_tokens": count, "ingate": {"spec": str(spec), "estimated": True}}


def estimate(chat: Mapping[str, Any]) -> int:
    """The approximate tokens of a chat request: by the length of its JSON, with a fixed number for each image."""
    images = 0

    def shortened(value: Any) -> Any:
        nonlocal images
        if isinstance(value, dict):
            if value.get("type") in {"image_url", "input_image", "image"}:
                images += 1
                return {}
            return {name: shortened(one) for name, one in value.items() if name not in {"signature", "data"}}
        return [shortened(one) for one in value] if isinstance(value, list) else value

    text = {name: shortened(chat[name]) for name in ("messages", "tools", "response_format") if chat.get(name)}
    return max(1, round(len(_encode(text)) / _BYTES_PER_TOKEN)) + images * _IMAGE_TOKENS


async def _counted(gateway: Gateway, route: Route, request: ApiRequest) -> dict[str, Any] | None:
    direct = passed_through(route, request)
    path = _COUNTS.get(request.api, {}).get(route.provider)
    engine = gateway.engine(route.engine)
    if direct is None or path is None or not isinstance(engine, PassThroughEngine):
        return None
    target = Target(model=direct.model, api_base=direct.api_base or "", provider=direct.provider)
    dropped = [name for name in request.body if request.api == "messages" and name not in _COUNTED]
    content = request.encoded({"model": target.model}, dropped=dropped)
    headers = pass_through(direct.wire_format).prepare(request, target, {})[1]
    answer = await engine.relay(direct, path, method="POST", content=content, headers=headers)
    if answer.status in {404, 405, 501}:  # a server that speaks the API but does not count tokens
        return None
    if answer.status >= 400:
        error = IngateError(
            f"{route.provider} refused to count tokens ({answer.status})", status=answer.status, provider=route.provider
        )
        error.response = answer
        raise error
    return msgspec.json.decode(answer.content)
