"""The native engine: calls providers over HTTP in their own wire formats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.engines import auth, proxy
from ingate.engines.accept import ascii_text, kept_headers, limit_for, too_large, web_page
from ingate.engines.http import Call, Connections, describe, read_body
from ingate.engines.passthrough import forward, relay
from ingate.engines.timeouts import within_first_token
from ingate.errors import IngateError, StreamInterruptedError, UnavailableError, UpstreamResponse
from ingate.secret import Secret, detached, scrub
from ingate.wire.chat.codec import decode_json, endpoint
from ingate.wire.codec import Target, codec_for
from ingate.wire.params import deep_merge

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    import aiohttp

    from ingate.engines.base import CallReport, Forwarded, Route
    from ingate.wire.codec import Codec, StreamDecoder, WireRequest
    from ingate.wire.passthrough import ApiRequest

_MAX_QUIET: Final = 256 * 2**20  # bytes a stream may send without a chunk before it is abandoned


class NativeEngine:
    """Sends OpenAI requests to providers through their codecs, and returns OpenAI responses.

    One instance serves any number of event loops, in any thread; each has connections of its own.
    """

    def __init__(self) -> None:
        self._connections = Connections()

    async def complete(self, route: Route, body: Mapping[str, Any], report: CallReport) -> dict[str, Any]:
        """Return one answer as a `chat.completion` dict."""
        codec = codec_for(route.wire_format)
        route = await self._opened(route)
        call = await self._prepare(codec, route, body, report, stream=False)
        try:
            answer = codec.response(await self._read(codec, route, call, report), model=route.model)
        except IngateError as error:
            raise _attribute_error(error, route) from None
        for choice in answer.get("choices") or ():
            _stamp_origin(choice.get("message"), route.provider)
        return answer

    async def forward(self, route: Route, request: ApiRequest, report: CallReport) -> Forwarded:
        """Forward a request in the provider's own API, and return the response unchanged."""
        codec = codec_for(route.wire_format)
        route = await self._opened(route)
        try:
            return await forward(
                self._connections,
                codec,
                route,
                _target(route, stream=request.stream),
                request,
                report,
                check=lambda response, content: self._check(codec, route, response, content),
            )
        except IngateError as error:
            raise _attribute_error(error, route) from None

    async def stream(
        self, route: Route, body: Mapping[str, Any], report: CallReport
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the answer as chunks. Closing the iterator closes the connection."""
        codec = codec_for(route.wire_format)
        route = await self._opened(route)
        call = await self._prepare(codec, route, body, report, stream=True)
        try:
            async with self._connections.send(call) as response:
                report.headers.update(kept_headers(response.headers))
                kind = response.headers.get("content-type", "")
                if response.status >= 400 or "html" in kind:
                    self._check(codec, route, response, await read_body(response, call))
                # The decoder is in no variable here: it holds what a provider sent, which may quote the key.
                async for chunk in _chunks(response, codec.decoder(model=route.model, content_type=kind), call):
                    for choice in chunk.get("choices") or ():
                        _stamp_origin(choice.get("delta"), route.provider)
                    yield chunk
        except IngateError as error:
            raise _attribute_error(error, route) from None

    async def embed(self, route: Route, body: Mapping[str, Any], report: CallReport) -> dict[str, Any]:
        """Return embeddings as an OpenAI `list` dict; raises `NotSupportedError` if the wire format has none."""
        codec = codec_for(route.wire_format)
        route = await self._opened(route)
        try:
            wire = codec.embeddings_request(body, _target(route))
            call = await self._call(route, wire, report)
            return codec.embeddings_response(await self._read(codec, route, call, report), model=route.model)
        except IngateError as error:
            raise _attribute_error(error, route) from None

    async def list_models(self, route: Route, *, query: str = "") -> list[dict[str, Any]]:
        """Return the models that `<api_base>/models` lists, each with its `id`: OpenAI's format only.

        Raises:
            UnavailableError: The response is not a list of models.
        """
        try:
            return _model_list(await self.get(route, "/models" + query), route)
        except IngateError as error:  # a body that is not a list may quote the key
            raise _attribute_error(error, route) from None

    async def list_deployments(self, route: Route) -> list[dict[str, Any]]:
        """Return a LiteLLM proxy's chat models, with limits and prices if the key may read them."""
        return proxy.deployments(await self.list_models(route), await self.list_info(route))

    async def list_info(self, route: Route) -> dict[str, dict[str, Any]]:
        """Return a LiteLLM proxy's model info by deployment; empty if the key may not read it."""
        try:
            entries = decode_json(await self.get(route, "/model/info"), "model info").get("data")
        except IngateError:  # some keys may not read this, and the names suffice
            return {}
        return proxy.info_of(entries if isinstance(entries, list) else [])

    async def get(self, route: Route, path: str) -> bytes:
        """Return the body of `<api_base><path>`, for requests that are not model calls: lists, health."""
        codec = codec_for(route.wire_format or "chat")
        route = await self._opened(route)
        call = Call(
            url=endpoint(_api_base(route), path),
            body=b"",
            headers={"accept": "application/json", **_lower(route.headers)},
            timeout_s=route.timeout_s,
            connect_s=route.timeouts.connect_s,
            method="GET",
            provider=route.provider,
            spec=str(route.spec),
        )
        try:
            async with within_first_token(route):
                await auth.sign(route, call)
                return await self._read(codec, route, call)
        except IngateError as error:
            raise _attribute_error(error, route) from None

    async def relay(
        self,
        route: Route,
        path: str,
        *,
        method: str = "GET",
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> UpstreamResponse:
        """Send a request to a path below the route's endpoint (`/count_tokens`), and return the response.

        Raises:
            IngateError: There was no response.
        """
        route = await self._opened(route)
        address, mark, query = codec_for(route.wire_format).url(_target(route)).partition("?")
        url = f"{address}{path}{mark}{query}"
        try:
            async with within_first_token(route):
                return await relay(self._connections, route, url, method=method, content=content, headers=headers)
        except IngateError as error:
            raise _attribute_error(error, route) from None

    async def aclose(self) -> None:
        """Close the connections of every event loop. May be called twice."""
        await self._connections.aclose()

    async def _opened(self, route: Route) -> Route:
        try:
            return await auth.opened(route, self._connections)
        except IngateError as error:
            raise _attribute_error(error, route) from None

    async def _prepare(
        self, codec: Codec, route: Route, body: Mapping[str, Any], report: CallReport, *, stream: bool
    ) -> Call:
        merged = dict(body)
        if route.provider == proxy.PROVIDER and route.extra_kwargs:
            merged = deep_merge(merged, route.extra_kwargs)
        try:
            wire = codec.request(merged, _target(route, stream=stream))
            return await self._call(route, wire, report)
        except IngateError as error:
            raise _attribute_error(error, route) from None

    async def _call(self, route: Route, wire: WireRequest, report: CallReport) -> Call:
        report.dropped.extend(wire.dropped)
        report.warnings.extend(wire.warnings)
        if "{" in wire.url.partition("?")[0]:
            raise UnavailableError(
                f"the URL {wire.url!r} of {route.provider} contains a placeholder that has no value",
                retryable=False,
                fix=f"set base_url in the section {route.provider} of ingate.yaml",
            )
        headers = _lower(wire.headers)
        if "event-stream" in wire.headers.get("accept", ""):
            headers["accept-encoding"] = "identity"  # a compressor may delay tokens
        headers.update(_lower(route.headers))
        call = Call(
            url=wire.url,
            body=wire.body,
            headers=headers,
            timeout_s=route.timeout_s,
            connect_s=route.timeouts.connect_s,
            method=wire.method,
            provider=route.provider,
            spec=str(route.spec),
        )
        await auth.sign(route, call)
        return call

    async def _read(self, codec: Codec, route: Route, call: Call, report: CallReport | None = None) -> bytes:
        """Send `call`, and return the body of its response."""
        async with self._connections.send(call) as response:
            if report is not None:
                report.headers.update(kept_headers(response.headers))
            content = await read_body(response, call)
            self._check(codec, route, response, content)
            return content

    def _check(self, codec: Codec, route: Route, response: aiohttp.ClientResponse, content: bytes) -> None:
        """Raise an error if the response has an error status or is a web page."""
        if response.status >= 400:
            error = codec.error(
                response.status,
                {name: ascii_text(value) for name, value in response.headers.items()},
                content,
                provider=route.provider,
                secrets=route.secrets(),
                credential_source=route.credential.source or None,
            )
            if route.provider == proxy.PROVIDER:
                kind = response.headers.get("content-type", "")
                error = proxy.refine_error(error, route, status=response.status, headers=response.headers, kind=kind)
            if response.status == 401:
                auth.rejected(route, error)
            raise error
        if "html" in response.headers.get("content-type", "") and route.provider == proxy.PROVIDER:
            raise proxy.not_a_proxy(route)
        if "html" in response.headers.get("content-type", "") and content.lstrip()[:1] == b"<":
            raise web_page(str(response.url), route.provider)


async def _chunks(
    response: aiohttp.ClientResponse, decoder: StreamDecoder, call: Call
) -> AsyncGenerator[dict[str, Any], None]:
    """The chunks of one response, up to its end marker or the end of its body."""
    import aiohttp

    begun = False
    quiet = total = 0
    broken: IngateError | None = None
    content = response.content
    try:
        async for data in content.iter_any():
            total += len(data)
            if total > limit_for(response.status):
                raise too_large(call.provider)
            chunks = decoder.feed(data)
            quiet = 0 if chunks else quiet + len(data)
            for chunk in chunks:
                begun = True
                yield chunk
            if (failed := decoder.failed) is not None:
                raise failed
            if decoder.done:
                break
            if quiet > _MAX_QUIET:
                raise StreamInterruptedError(
                    f"{call.provider} sent {quiet // 2**20} MB without a chunk", retryable=False
                )
    except (aiohttp.ClientError, OSError) as error:
        broken = describe(error, call)
    try:
        chunks = decoder.close()
    except (StreamInterruptedError, UnavailableError):
        if broken is None:
            raise
        raise (_interrupted(broken) if begun else broken) from None
    for chunk in chunks:
        yield chunk
    if (failed := decoder.failed) is not None:
        raise _interrupted(broken) if broken is not None else failed
    if broken is None and not content.at_eof():
        await _drain(content)


# Items that a provider signs or encrypts, so that no other provider accepts them.
_SIGNED: Final = ("reasoning_items", "thinking_blocks")


def _stamp_origin(message: Any, provider: str) -> None:
    """Add the provider's name to items that it signed or encrypted."""
    if isinstance(message, dict):
        for name in _SIGNED:
            for item in message.get(name) or ():
                if isinstance(item, dict):
                    item["provider"] = provider


def _interrupted(error: IngateError) -> StreamInterruptedError:
    return StreamInterruptedError(f"the stream broke: {error}", fix="try again; the partial answer is kept")


async def _drain(content: aiohttp.StreamReader) -> None:
    """Read to the end of the body after the end marker, if it arrives at once, so that the connection can be reused."""
    import asyncio

    import aiohttp

    try:
        async with asyncio.timeout(0.02):
            while not content.at_eof():
                await content.readany()
    except (aiohttp.ClientError, OSError):
        return


def _target(route: Route, *, stream: bool = False) -> Target:
    return Target(
        model=route.model,
        api_base=_api_base(route),
        provider=route.provider,
        stream=stream,
        facts=route.facts,
        drop_params=route.drop_params,
        params=route.credential.open_params(),
    )


def _api_base(route: Route) -> str:
    base = (route.api_base or "").strip()
    if not base.startswith(("http://", "https://")):
        raise UnavailableError(
            f"the base URL {base!r} of {route.provider} does not begin with http:// or https://",
            provider=route.provider,
            retryable=False,
            fix=f"set base_url in the section {route.provider} of ingate.yaml, or its environment variable",
        )
    return base


def _lower(headers: Mapping[str, str | Secret]) -> dict[str, str | Secret]:
    return {name.lower(): value for name, value in headers.items()}


def _attribute_error(error: IngateError, route: Route) -> IngateError:
    """`error` with the route's provider, spec and credential source, and with the credential masked.

    It loses its traceback so far: those frames hold the provider's response, which may quote the key.
    """
    secrets = route.secrets()
    if route.provider == proxy.PROVIDER:
        error = proxy.unreachable(error, route)
    if error.provider is None:
        error.provider = route.provider
        for name in ("message", "fix"):
            setattr(error, name, getattr(error, name).replace("the provider", route.provider))
    if error.credential_source is None:
        error.credential_source = route.credential.source or None
    error.spec = error.spec or str(route.spec)
    error.message = scrub(error.message, secrets)
    error.provider_message = scrub(error.provider_message, secrets)
    error.fix = scrub(error.fix, secrets)
    error.args = (error.message,)
    return detached(error).with_traceback(None)


def _model_list(content: bytes, route: Route) -> list[dict[str, Any]]:
    stripped = content.lstrip()
    if stripped[:1] == b"[":  # Together returns a bare array
        content = b'{"data":' + stripped + b"}"
    value = decode_json(content, route.model or "models")
    data = value.get("data", value.get("models"))
    if not isinstance(data, list):
        raise UnavailableError(
            f"{route.provider} returned no list of models at /models",
            retryable=False,
            fix=f"check the base URL of {route.provider}: it often ends in /v1",
        )
    out = []
    for item in data:
        if isinstance(item, dict) and (name := item.get("id") or item.get("name")):
            out.append({**item, "id": str(name)})
    return out
