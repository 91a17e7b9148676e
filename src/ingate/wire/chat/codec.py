"""OpenAI's chat-completions format, which most providers and every local server support."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from ingate.errors import StreamInterruptedError, UnavailableError
from ingate.wire.answers import read_json
from ingate.wire.chat.fit import fit
from ingate.wire.chat.messages import REASONING, is_strict, messages_for, tools_for
from ingate.wire.chat.quirks import quirks_of
from ingate.wire.codec import BaseCodec, WireRequest, encode_body
from ingate.wire.decoding import Decoder, empty_response, incomplete_response
from ingate.wire.errors import error_from_response
from ingate.wire.facts import facts_of
from ingate.wire.parts import choice_of
from ingate.wire.sse import SSEParser

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.codec import Target
    from ingate.wire.sse import SSEEvent

# Keys meant for the gateway, not for the provider.
_NOT_SENT: Final = frozenset({"model", "stream", "extra_body", "extra_headers", "extra_query", "timeout"})
_ENDPOINTS: Final = ("/chat/completions", "/embeddings", "/models", "/responses", "/completions")
# Providers that accept only text in tool messages.
_TEXT_RESULTS: Final = frozenset({"openai", "github_copilot"})
_MAX_TEXT: Final = 300


def endpoint(api_base: str, path: str, prefix: str = "") -> str:
    """The address of `path` under a base URL, which may have a trailing slash, an endpoint's path or a query.

    Args:
        api_base: The base URL.
        path: The endpoint's path.
        prefix: A path to insert if the base URL does not end in it, or in `/v1`.
    """
    parts = urlsplit(api_base.strip())
    base = parts.path.rstrip("/")
    for known in _ENDPOINTS:
        base = base.removesuffix(known)
    if prefix and not base.endswith(prefix) and not base.endswith("/v1"):
        base += prefix
    return urlunsplit((parts.scheme, parts.netloc, base + path, parts.query, ""))


class ChatCodec(BaseCodec):
    """OpenAI's own format."""

    name = "chat"

    def url(self, target: Target) -> str:
        """`/chat/completions` under the base URL."""
        return endpoint(target.api_base, "/chat/completions", quirks_of(target.provider).path)

    def request(self, body: Mapping[str, Any], target: Target) -> WireRequest:
        """An OpenAI request, changed only where the provider is known to reject what OpenAI accepts."""
        provider = target.provider
        quirks = quirks_of(provider)
        wire: dict[str, Any] = {"model": target.model}
        wire.update((key, value) for key, value in body.items() if key not in _NOT_SENT)
        strict = is_strict(provider, target.api_base)
        if isinstance(messages := wire.get("messages"), list):
            facts = facts_of(target, self.name)
            wire["messages"] = messages_for(
                messages,
                replace(quirks, accepts=quirks.accepts | REASONING) if facts.get("reasoning_back") else quirks,
                strict=strict or facts.get("unknown_fields", True) is False,
                text_results=strict or provider in _TEXT_RESULTS,
            )
        if strict and isinstance(tools := wire.get("tools"), list):
            wire["tools"] = tools_for(tools)
        if not (strict or provider == "openai"):
            _offer_allowed(wire)
        request = WireRequest(
            url=self.url(target),
            body=b"",
            headers={
                "content-type": "application/json",
                "accept": "text/event-stream" if target.stream else "application/json",
            },
        )
        if isinstance(headers := body.get("extra_headers"), dict):
            request.headers.update({str(name).lower(): str(value) for name, value in headers.items()})
        params = fit(wire, target, self.name, strict=strict)
        request.dropped, request.warnings = params.dropped, params.warnings
        if target.stream:
            wire["stream"] = True
            if quirks.no_stream_options:
                wire.pop("stream_options", None)
            else:
                wire["stream_options"] = {**(wire.get("stream_options") or {}), "include_usage": True}
        else:
            wire.pop("stream_options", None)
        if not wire.get("tools", True):
            del wire["tools"]
        if not wire.get("tools"):
            for name in ("tool_choice", "parallel_tool_calls"):  # rejected without tools
                wire.pop(name, None)
        if isinstance(extra := body.get("extra_body"), dict):
            wire.update(extra)
        request.body = encode_body(wire)
        return request

    def response(self, content: bytes, *, model: str) -> dict[str, Any]:
        """The response unchanged, after a check that it is a completion."""
        value = decode_json(content, model)
        _raise_error(value)
        if not isinstance(value.get("choices"), list):
            raise UnavailableError(
                f"the response for {model!r} is JSON but not a chat completion: {_excerpt(content)}",
                fix="check the base URL: it should end where /chat/completions begins",
            )
        if not value["choices"]:
            raise UnavailableError(
                f"the response for {model!r} has no choices", fix="try again, or name a fallback model after a comma"
            )
        for choice in value["choices"]:
            if isinstance(choice, dict):
                _raise_choice_error(choice)
                check_message(choice, model)
        return value

    def decoder(self, *, model: str, content_type: str) -> ChatDecoder:
        """A decoder for one stream."""
        return ChatDecoder(model, content_type)

    def embeddings_request(self, body: Mapping[str, Any], target: Target) -> WireRequest:
        """OpenAI's embeddings request, unchanged."""
        wire = {"model": target.model, **{key: value for key, value in body.items() if key not in _NOT_SENT}}
        if isinstance(extra := body.get("extra_body"), dict):
            wire.update(extra)
        return WireRequest(
            url=endpoint(target.api_base, "/embeddings"),
            body=encode_body(wire),
            headers={"content-type": "application/json", "accept": "application/json"},
        )

    def embeddings_response(self, content: bytes, *, model: str) -> dict[str, Any]:
        """The list of embeddings unchanged, after a check that it is one."""
        value = decode_json(content, model)
        _raise_error(value)
        if not isinstance(value.get("data"), list):
            raise UnavailableError(
                f"the response for {model!r} is JSON but not a list of embeddings: {_excerpt(content)}",
                fix="check that the model makes embeddings, and the base URL",
            )
        return {"object": "list", "model": model, **value}


class ChatDecoder(Decoder):
    """The chunks of one stream of server-sent events, or of one JSON response if a server does not stream."""

    def __init__(self, model: str, content_type: str) -> None:
        super().__init__()
        self._model = model
        self._parser = SSEParser()
        self._whole: list[bytes] | None = [] if "json" in content_type and "event-stream" not in content_type else None
        self._has_choices = False
        self._has_finished = False

    def _feed(self, data: bytes, out: list[dict[str, Any]]) -> None:
        if self._whole is not None:
            self._whole.append(data)
        else:
            self._events(self._parser.feed(data), out, last=False)

    def _close(self, out: list[dict[str, Any]]) -> None:
        if self._whole is not None:
            self._read_whole(b"".join(self._whole), out)
        else:
            self._events(self._parser.close(), out, last=True)
        if not self._has_choices:
            raise empty_response()
        if not (self.done or self._has_finished):
            raise incomplete_response()

    def _read_whole(self, body: bytes, out: list[dict[str, Any]]) -> None:
        if body.lstrip()[:1] != b"{" or b"\n{" in body:  # events or JSON lines with the wrong content type
            self._events(self._parser.feed(body) + self._parser.close(), out, last=True)
            return
        value = decode_json(body, self._model)
        _raise_error(value)
        self._note(value)
        for choice in value.get("choices") or ():
            if isinstance(choice, dict):
                check_message(choice, self._model)
        self.done = True
        out.append(value)

    def _events(self, events: list[SSEEvent], out: list[dict[str, Any]], *, last: bool) -> None:
        for event in events:
            if self.done:
                break
            if (chunk := self._chunk(event, last=last)) is not None:
                out.append(chunk)

    def _chunk(self, event: SSEEvent, *, last: bool) -> dict[str, Any] | None:
        data = event.data
        if data.startswith("[DONE]"):
            self.done = True
            return None
        if not data.strip():
            return None
        try:
            value = read_json(data)
        except ValueError:
            if last:  # the last event is incomplete
                return None
            if event.event == "error":
                raise error_from_response(200, {}, data, provider=None) from None
            raise StreamInterruptedError(
                f"the stream of {self._model!r} contains an event that is not JSON: {data[:_MAX_TEXT]!r}",
                fix="try again; what has arrived is kept",
            ) from None
        if not isinstance(value, dict):
            return None
        if "error" in value or event.event == "error":
            _raise_error(value, certain=event.event == "error")
        self._note(value)
        return value

    def _note(self, chunk: dict[str, Any]) -> None:
        choices = chunk.get("choices")
        if not isinstance(choices, list):
            if chunk.get("object") == "error" or ("message" in chunk and "usage" not in chunk):
                raise error_from_response(200, {}, chunk, provider=None)
            return
        for choice in choices:
            if isinstance(choice, dict):
                self._has_choices = True
                if choice.get("finish_reason"):
                    _raise_choice_error(choice)
                    self._has_finished = True


def decode_json(body: bytes, model: str) -> dict[str, Any]:
    """A body as a JSON object. Raises `UnavailableError` for anything else."""
    try:
        value = read_json(body)
    except ValueError:
        value = None
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = value[0]
    if not isinstance(value, dict):
        what = "a web page" if body.lstrip()[:1] == b"<" else "not a JSON object"
        raise UnavailableError(
            f"the response for {model!r} is {what}: {_excerpt(body)}",
            fix="check the base URL: it should end where /chat/completions begins (often in /v1)",
        )
    return value


def _excerpt(body: bytes) -> str:
    return repr(body[:_MAX_TEXT].decode(errors="replace")) if body.strip() else "it is empty"


def check_message(choice: Mapping[str, Any], model: str) -> None:
    """Check that a choice of a whole completion has an answer.

    Raises:
        UnavailableError: It has neither a message nor, in the older form, a text.
    """
    has_answer = isinstance(choice.get("message") or choice.get("delta"), dict) or isinstance(choice.get("text"), str)
    if not has_answer and choice.get("finish_reason") != "content_filter":  # Azure leaves the message out then
        raise UnavailableError(
            f"the response for {model!r} has a choice without a message",
            fix="try again, or name a fallback model after a comma",
        )


def _raise_error(value: dict[str, Any], *, certain: bool = False) -> None:
    """Raise the error that an error object in a successful response means; `certain` if the event says it is one."""
    error = value.get("error")
    if error or certain:
        raise error_from_response(200, {}, value if not isinstance(error, dict) else {"error": error}, provider=None)
    if value.get("object") == "error":
        raise error_from_response(200, {}, value, provider=None)


def _raise_choice_error(choice: dict[str, Any]) -> None:
    """Raise the error that a choice reports, as OpenRouter and Mistral do."""
    if choice.get("finish_reason") == "error" or choice.get("error"):
        error = choice.get("error") or {"message": "the model ended its response with an error"}
        raise error_from_response(200, {}, {"error": error}, provider=None)


def _offer_allowed(wire: dict[str, Any]) -> None:
    """Offer only the allowed tools to a server that does not know `allowed_tools`, which is OpenAI's alone."""
    choice, tools = wire.get("tool_choice"), wire.get("tools")
    if not isinstance(choice, dict) or choice.get("type") != "allowed_tools" or not isinstance(tools, list):
        return
    read = choice_of({"tool_choice": choice})
    wire["tool_choice"] = read.mode
    wire["tools"] = [tool for tool in tools if _name_of(tool) in (read.allowed or ())]


def _name_of(tool: Any) -> Any:
    inner = (tool.get("function") or tool.get("custom") or tool) if isinstance(tool, dict) else None
    return inner.get("name") if isinstance(inner, dict) else None


CODEC: Final = ChatCodec()
