"""The native engine: HTTP to a provider in its own wire format, with nothing in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingate.engines import auth, proxy
from ingate.engines.http import Call, Connections, describe, kept_headers, origin_of, read_body
from ingate.engines.passthrough import forward, relay
from ingate.errors import (
    IngateError,
    RequestTimeoutError,
    StreamInterruptedError,
    UnavailableError,
    UpstreamResponse,
)
from ingate.secret import scrub
from ingate.wire.chat.codec import decode_json, endpoint
from ingate.wire.codec import Target, codec_for
from ingate.wire.params import deep_merge

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    import aiohttp

    from ingate.engines.base import CallReport, Forwarded, Route
    from ingate.wire.codec import Codec, StreamDecoder, WireRequest
    from ingate.wire.passthrough import ApiRequest

_MAX_QUIET: Final = 256 * 2**20  # bytes that may come without one chunk, before a stream is given up


class NativeEngine:
    """Sends OpenAI requests to providers through their codecs, and hands back OpenAI answers.

    One instance serves any number of event loops and threads' loops; connections are kept for each.
    """

    def __init__(self) -> None:
        self._connections = Connections()

    async def complete(self, route: Route, body: Mapping[str, Any], report: CallReport) -> dict[str, Any]:
        """One answer as a `chat.completion` dict."""
        codec = codec_for(route.wire_format)
        call = await self._prepare(codec, route, body, report, stream=False)
        try:
            async with self._connections.send(call) as response:
                report.headers.update(kept_headers(response.headers))
                content = await read_body(response, call)
                self._check(codec, route, response, content)
                answer = codec.response(content, model=route.model)
        except IngateError as error:
            raise _own(error, route) from None
        for choice in answer.get("choices") or ():
            _stamp_origin(choice.get("message"), route.provider)
        return answer

    async def forward(self, route: Route, request: ApiRequest, report: CallReport) -> Forwarded:
        """Send a request in the provider's own API as it is, and return the response as it comes."""
        codec = codec_for(route.wire_format)
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
            raise _own(error, route) from None

    async def stream(
        self, route: Route, body: Mapping[str, Any], report: CallReport
    ) -> AsyncGenerator[dict[str, Any], None]:
        """The answer as chunks, as they come. Closing the iterator closes the connection."""
        codec = codec_for(route.wire_format)
        call = await self._prepare(codec, route, body, report, stream=True)
        try:
            async with self._connections.send(call) as response:
                report.headers.update(kept_headers(response.headers))
                kind = response.headers.get("content-type", "")
                if response.status >= 400 or "html" in kind:
                    self._check(codec, route, response, await read_body(response, call))
                decoder = codec.decoder(model=route.model, content_type=kind)
                async for chunk in _chunks(response, decoder, call):
                    for choice in chunk.get("choices") or ():
                        _stamp_origin(choice.get("delta"), route.provider)
                    yield chunk
        except IngateError as error:
            raise _own(error, route) from None

    async def embed(self, route: Route, body: Mapping[str, Any], report: CallReport) -> dict[str, Any]:
        """Embeddings as an OpenAI `list` dict; raises `NotSupportedError` where the wire format has none."""
        codec = codec_for(route.wire_format)
        try:
            wire = codec.embeddings_request(body, _target(route))
            call = await self._call(route, wire, report)
            async with self._connections.send(call) as response:
                report.headers.update(kept_headers(response.headers))
                content = await read_body(response, call)
                self._check(codec, route, response, content)
                return codec.embeddings_response(content, model=route.model)
        except IngateError as error:
            raise _own(error, route) from None

    async def list_models(self, route: Route, *, query: str = "") -> list[dict[str, Any]]:
        """What `<api_base>/models` lists now, each with its `id`: OpenAI's format only.

        Raises:
            UnavailableError: The answer is no list of models.
        """
        return _model_list(await self.get(route, "/models" + query), route)

    async def list_deployments(self, route: Route) -> list[dict[str, Any]]:
        """A LiteLLM proxy's chat models, with limits and prices where the key may read them."""
        return proxy.deployments(await self.list_models(route), await self.list_info(route))

    async def list_info(self, route: Route) -> dict[str, dict[str, Any]]:
        """A LiteLLM proxy's deployments by name, with what it knows of each; empty where the key may not read it."""
        try:
            entries = decode_json(await self.get(route, "/model/info"), "model info").get("data")
        except IngateError:  # not every key may, and the names are what matters
            return {}
        return proxy.info_of(entries if isinstance(entries, list) else [])

    async def get(self, route: Route, path: str) -> bytes:
        """What a GET of `<api_base><path>` answers, for what is no call of a model: lists, health."""
        codec = codec_for(route.wire_format or "chat")
        call = Call(
            url=endpoint(_api_base(route), path),
            body=b"",
            headers={"accept": "application/json", **_lower(route.header_values())},
            timeout_s=route.timeout_s,
            method="GET",
            provider=route.provider,
            spec=str(route.spec),
        )
        try:
            await auth.sign(route, call)
            async with self._connections.send(call) as response:
                content = await read_body(response, call)
                self._check(codec, route, response, content)
                return content
        except IngateError as error:
            raise _own(error, route) from None

    async def relay(
        self,
        route: Route,
        path: str,
        *,
        method: str = "GET",
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> UpstreamResponse:
        """A request to what is below the route's endpoint (`/count_tokens`), and whatever the provider answers.

        Raises:
            IngateError: There was no response.
        """
        address, mark, query = codec_for(route.wire_format).url(_target(route)).partition("?")
        url = f"{address}{path}{mark}{query}"
        try:
            return await relay(self._connections, route, url, method=method, content=content, headers=headers)
        except IngateError as error:
            raise _own(error, route) from None

    async def aclose(self) -> None:
        """Close every connection, of this event loop and of others. May be called twice."""
        await self._connections.aclose()

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
            raise _own(error, route) from None

    async def _call(self, route: Route, wire: WireRequest, report: CallReport) -> Call:
        report.dropped.extend(wire.dropped)
        report.warnings.extend(wire.warnings)
        if "{" in wire.url.partition("?")[0]:
            raise UnavailableError(
                f"the address {wire.url!r} of {route.provider} still has a place to fill in",
                retryable=False,
                fix=f"set base_url in the section {route.provider} of ingate.yaml",
            )
        headers = _lower(wire.headers)
        if "event-stream" in headers.get("accept", ""):
            headers["accept-encoding"] = "identity"  # a compressor may hold tokens back
        headers.update(_lower(route.header_values()))
        call = Call(
            url=wire.url,
            body=wire.body,
            headers=headers,
            timeout_s=route.timeout_s,
            method=wire.method,
            provider=route.provider,
            spec=str(route.spec),
        )
        await auth.sign(route, call)
        return call

    def _check(self, codec: Codec, route: Route, response: aiohttp.ClientResponse, content: bytes) -> None:
        """Raise what an error status, or a web page in place of an answer, means."""
        if response.status >= 400:
            error = codec.error(
                response.status,
                response.headers,
                content,
                provider=route.provider,
                secrets=route.secrets(),
                credential_source=route.credential.source or None,
            )
            if route.provider == proxy.PROVIDER:
                kind = response.headers.get("content-type", "")
                error = proxy.refine_error(error, route, status=response.status, headers=response.headers, kind=kind)
            raise error
        if "html" in response.headers.get("content-type", "") and route.provider == proxy.PROVIDER:
            raise proxy.not_a_proxy(route)
        if "html" in response.headers.get("content-type", "") and content.lstrip()[:1] == b"<":
            raise UnavailableError(
                f"{origin_of(str(response.url))} answers with a web page, not with the API of {route.provider}",
                retryable=False,
                fix=f"check the base URL of {route.provider}: it often ends in /v1",
            )


async def _chunks(
    response: aiohttp.ClientResponse, decoder: StreamDecoder, call: Call
) -> AsyncGenerator[dict[str, Any], None]:
    """The chunks of one answer, up to its end mark or the end of its body."""
    import aiohttp

    begun = False
    quiet = 0
    broken: IngateError | None = None
    content = response.content
    try:
        async for data in content.iter_any():
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
                    f"{call.provider} sent {quiet // 2**20} MB without one chunk", retryable=False
                )
    except (aiohttp.ClientError, OSError) as error:
        broken = describe(error, call)
    try:
        chunks = decoder.close()
    except (StreamInterruptedError, UnavailableError):
        if broken is None:
            raise
        chunks = []
        if begun or not isinstance(broken, (UnavailableError, RequestTimeoutError)):
            broken = _interrupted(broken)
        raise broken from None
    for chunk in chunks:
        yield chunk
    if (failed := decoder.failed) is not None:
        raise _interrupted(broken) if broken is not None else failed
    if broken is None and not content.at_eof():
        await _drain(content)


# What a provider signs or encrypts: only its maker takes it back.
_SIGNED: Final = ("reasoning_items", "thinking_blocks")


def _stamp_origin(message: Any, provider: str) -> None:
    """Name the provider on what it signed or encrypted."""
    if isinstance(message, dict):
        for name in _SIGNED:
            for item in message.get(name) or ():
                if isinstance(item, dict):
                    item["provider"] = provider


def _interrupted(error: IngateError) -> StreamInterruptedError:
    return StreamInterruptedError(f"the stream broke: {error}", fix="try again; what came is kept")


async def _drain(content: aiohttp.StreamReader) -> None:
    """After the end mark: the body's own end is mostly there already, and lets the connection serve again."""
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
            f"the base URL {base!r} of {route.provider} is no http:// or https:// address",
            provider=route.provider,
            retryable=False,
            fix=f"set base_url in the section {route.provider} of ingate.yaml, or its environment variable",
        )
    return base


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _own(error: IngateError, route: Route) -> IngateError:
    """`error` with whom it is about, and without the credential in its words."""
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
    return error


def _model_list(content: bytes, route: Route) -> list[dict[str, Any]]:
    stripped = content.lstrip()
    if stripped[:1] == b"[":  # Together lists them bare
        content = b'{"data":' + stripped + b"}"
    value = decode_json(content, route.model or "models")
    data = value.get("data", value.get("models"))
    if not isinstance(data, list):
        raise UnavailableError(f"{route.provider} lists no models at its /models", retryable=False)
    out = []
    for item in data:
        if isinstance(item, dict) and (name := item.get("id") or item.get("name")):
            out.append({**item, "id": str(name)})
    return out
