"""Forwarding a request to a provider that speaks the client's own API, and returning its response unchanged."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from ingate.engines import auth
from ingate.engines.accept import ascii_text, kept_headers, limit_for, too_large
from ingate.engines.base import Forwarded
from ingate.engines.http import Call, describe, read_body
from ingate.errors import IngateError, StreamInterruptedError, UnavailableError, UpstreamResponse
from ingate.secret import scrub_bytes
from ingate.wire.passthrough import PROTOCOL_HEADERS, pass_through

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    import aiohttp

    from ingate.engines.base import CallReport, Route
    from ingate.engines.http import Connections
    from ingate.secret import Secret
    from ingate.wire.codec import Codec, Target
    from ingate.wire.passthrough import ApiRequest, Meter

_STREAMS: Final = ("text/event-stream", "application/vnd.amazon.eventstream")
_MAX_HELD: Final = 2**20  # bytes before the first event with content; no provider sends this much


async def forward(
    connections: Connections,
    codec: Codec,
    route: Route,
    target: Target,
    request: ApiRequest,
    report: CallReport,
    *,
    check: Callable[[aiohttp.ClientResponse, bytes], None],
) -> Forwarded:
    """Send `request` unchanged except for the model's name and the spec's parameters.

    Args:
        connections: The engine's connections.
        codec: The codec of the route's format, which is the request's API.
        route: Where the call goes.
        target: The same for the codec.
        request: The client's request.
        report: Receives the response's headers, dropped parameters, and warnings.
        check: Raises the error for an error status or a web page.

    Raises:
        IngateError: The provider's error, with its own body in `response`; or the reason why there was no response.
    """
    call = await _call(codec, route, target, request, report)
    meter = pass_through(route.wire_format).meter(request, target)
    async with contextlib.AsyncExitStack() as connection:
        response = await connection.enter_async_context(connections.send(call))
        report.headers.update(kept_headers(response.headers))
        kind = ascii_text(response.headers.get("content-type", ""))
        if response.status >= 400 or not request.stream or not kind.startswith(_STREAMS):
            return _whole(meter, response, await read_body(response, call), kind, route, check)
        forwarded, first = await _opened(meter, response, call, kind, route)
        # A stream outlives this function: its generator closes the connection.
        forwarded.pieces = _rest(forwarded, meter, first, response, call, route, connection.pop_all())
        return forwarded


async def _call(codec: Codec, route: Route, target: Target, request: ApiRequest, report: CallReport) -> Call:
    how = pass_through(route.wire_format)
    changes, dropped = how.params(request, route.params)
    for name in dropped:
        report.dropped.append(name)
        report.warnings.append(f"{name} was dropped: {request.api} has no such parameter")
    opened, warnings = how.history(request, target)
    changes.update(opened)
    report.warnings += warnings
    limit, most = how.output_limit({**request.body, **changes}), route.facts.get("max_output_tokens")
    if limit is not None and isinstance(most, int) and limit[1] > most > 0:
        changes[limit[0]] = most
        report.warnings.append(f"{limit[0]} was lowered from {limit[1]} to {most}, the most that {route.model} returns")
    body, own = how.prepare(request, target, changes)
    headers: dict[str, str | Secret] = {
        "content-type": "application/json",
        "accept": "text/event-stream" if request.stream else "application/json",
        **{name: value for name, value in own.items() if name in PROTOCOL_HEADERS},
    }
    if request.stream:
        headers["accept-encoding"] = "identity"  # a compressor may delay tokens
    headers |= {name.lower(): value for name, value in route.headers.items()}
    call = Call(
        url=codec.url(target),
        body=body,
        headers=headers,
        timeout_s=route.timeout_s,
        connect_s=route.timeouts.connect_s,
        provider=route.provider,
        spec=str(route.spec),
    )
    await auth.sign(route, call)
    return call


def _whole(
    meter: Meter,
    response: aiohttp.ClientResponse,
    content: bytes,
    kind: str,
    route: Route,
    check: Callable[[aiohttp.ClientResponse, bytes], None],
) -> Forwarded:
    try:
        check(response, content)
        content = meter.whole(content)
    except IngateError as error:
        if "html" not in kind:
            error.response = _upstream(response.status, kind, content, route.secrets())
        raise
    return Forwarded(content=content, content_type=kind or "application/json", usage=meter.usage)


async def _opened(
    meter: Meter, response: aiohttp.ClientResponse, call: Call, kind: str, route: Route
) -> tuple[Forwarded, bytes]:
    """The stream, read up to its first event with content, and those bytes."""
    held: list[bytes] = []
    async for data in _pieces(response, call):
        if piece := meter.feed(data):
            held.append(piece)
        elif len(meter.held) > _MAX_HELD:
            raise UnavailableError(
                f"{route.provider} sent {len(meter.held)} bytes without an answer",
                retryable=False,
                fix=f"check the base URL of {route.provider}",
            )
        if meter.begun or meter.done or meter.error is not None:
            break
    else:
        held.append(meter.close())
    if meter.error is not None and meter.failed_early:
        content = meter.held + await _remainder(response, call)
        meter.error.response = _upstream(response.status, kind, content, route.secrets())
        raise meter.error
    first = b"".join(held)
    if meter.error is not None:
        first = scrub_bytes(first, route.secrets())
    if not first.strip():
        raise UnavailableError(
            f"the response of {route.provider} was empty", fix="try again, or name a fallback model after a comma"
        )
    return Forwarded(content_type=meter.content_type or kind, usage=meter.usage), first


async def _rest(
    forwarded: Forwarded,
    meter: Meter,
    first: bytes,
    response: aiohttp.ClientResponse,
    call: Call,
    route: Route,
    connection: contextlib.AsyncExitStack,
) -> AsyncGenerator[bytes, None]:
    """The whole stream, beginning with `first`; closing it closes the connection."""
    broken: IngateError | None = None
    data = b""
    async with connection:
        yield first
        try:
            async for data in _pieces(response, call):
                piece = meter.feed(data)
                if meter.error is not None:
                    piece = scrub_bytes(piece, route.secrets())
                forwarded.usage = meter.usage
                if piece:
                    yield piece
        except IngateError as error:
            broken = error
        data = b""  # an error that follows must not show what it held: a provider may quote the key
        if piece := meter.close():
            yield piece
        forwarded.usage, forwarded.response = meter.usage, meter.response
        if meter.error is None and (broken is not None or not meter.ended):
            raise StreamInterruptedError(
                f"the stream from {route.provider} was interrupted" + (f": {broken}" if broken else ""),
                provider=route.provider,
                spec=str(route.spec),
                fix="try again; the partial answer is kept",
            )


async def _remainder(response: aiohttp.ClientResponse, call: Call) -> bytes:
    """The rest of the body after an error event, as far as it arrives within a second."""
    import asyncio

    rest: list[bytes] = []
    try:
        async with asyncio.timeout(1):
            async for data in _pieces(response, call):
                rest.append(data)
    except (TimeoutError, IngateError):
        pass
    return b"".join(rest)


async def _pieces(response: aiohttp.ClientResponse, call: Call) -> AsyncGenerator[bytes, None]:
    import aiohttp

    try:
        total = 0
        async for data in response.content.iter_any():
            total += len(data)
            if total > limit_for(response.status):
                raise too_large(call.provider)
            yield data
    except (aiohttp.ClientError, OSError) as error:
        raise describe(error, call) from None


def _upstream(status: int, kind: str, content: bytes, secrets: tuple[Secret, ...]) -> UpstreamResponse:
    return UpstreamResponse(status, kind or "application/json", scrub_bytes(content, secrets))


async def relay(
    connections: Connections,
    route: Route,
    url: str,
    *,
    method: str = "GET",
    content: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> UpstreamResponse:
    """Send a request that is not a model call, and return the response with keys masked.

    Raises:
        IngateError: There was no response.
    """
    call = Call(
        url=url,
        body=content,
        headers={
            "accept": "application/json",
            **({"content-type": "application/json"} if content else {}),
            **(headers or {}),
            **{name.lower(): value for name, value in route.headers.items()},
        },
        timeout_s=route.timeout_s,
        connect_s=route.timeouts.connect_s,
        method=method,
        provider=route.provider,
        spec=str(route.spec),
    )
    await auth.sign(route, call)
    async with connections.send(call) as response:
        body = await read_body(response, call)
        return _upstream(response.status, ascii_text(response.headers.get("content-type", "")), body, route.secrets())
