"""A test double: an engine that returns scripted answers."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ingate.errors import IngateError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence

    from ingate.engines.base import CallReport, Route

    Scripted = (
        str | Sequence[str | Mapping[str, Any]] | Mapping[str, Any] | IngateError | Callable[[Mapping[str, Any]], Any]
    )

_ECHO = "This is the scripted engine. You said: "
_WORD = re.compile(r"\s*\S+|\s+")
_DIMENSIONS = 8


@dataclass(slots=True)
class _Reply:
    """One queued answer."""

    answer: Any
    delay_s: float = 0.0
    reasoning: str = ""
    tool_calls: list[tuple[str, str]] = field(default_factory=list)
    usage: Mapping[str, Any] | None = None
    breaks_with: IngateError | None = None


class ScriptedEngine:
    """Returns answers from a queue, word by word, and records the requests.

    Pass it to a gateway in place of any engine. If the queue is empty, it repeats the last user message after a fixed
    sentence. Nothing is random: the same script gives the same bytes.

    >>> import asyncio
    >>> from ingate.engines.base import CallReport, Route
    >>> from ingate.spec import parse_one
    >>> route = Route(spec=parse_one("scripted/any"), engine="scripted", provider="scripted", model="any")
    >>> engine = ScriptedEngine()
    >>> engine.enqueue("Blue light scatters most.")
    >>> engine.enqueue_tool_call("get_weather", {"city": "Paris"})
    >>> body = {"messages": [{"role": "user", "content": "Why is the sky blue?"}]}
    >>> answer = asyncio.run(engine.complete(route, body, CallReport()))
    >>> answer["choices"][0]["message"]["content"]
    'Blue light scatters most.'
    >>> answer = asyncio.run(engine.complete(route, body, CallReport()))
    >>> answer["choices"][0]["message"]["tool_calls"][0]["function"]
    {'name': 'get_weather', 'arguments': '{"city": "Paris"}'}
    >>> asyncio.run(engine.complete(route, body, CallReport()))["choices"][0]["message"]["content"]
    'This is the scripted engine. You said: Why is the sky blue?'
    >>> len(engine.requests)
    3

    Attributes:
        requests: Every request so far, as (route, body).
        closed: Whether `aclose()` was called.
        cancelled: How many streams were closed before their end.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[Route, dict[str, Any]]] = []
        self.closed = False
        self.cancelled = 0
        self._queue: deque[_Reply] = deque()

    def enqueue(
        self,
        answer: Scripted,
        *,
        delay_s: float = 0.0,
        reasoning: str = "",
        usage: Mapping[str, Any] | None = None,
        breaks_with: IngateError | None = None,
    ) -> None:
        """Add one answer to the queue.

        Args:
            answer: A text, streamed word by word; a list of text pieces or of whole chunk dicts, streamed as they are; a
                `chat.completion` dict; an error to raise at once; or a function of the request's body that returns
                any of these.
            delay_s: Seconds to wait before the first piece and between pieces.
            reasoning: Reasoning before the text.
            usage: The usage to report instead of a count of words.
            breaks_with: An error to raise after the last piece, in place of a finish reason.
        """
        self._queue.append(_Reply(answer, delay_s, reasoning, usage=usage, breaks_with=breaks_with))

    def enqueue_tool_call(self, name: str, arguments: Mapping[str, Any] | str = "{}", **details: Any) -> None:
        """Add an answer that calls one tool; `details` are those of `enqueue_tool_calls`."""
        self.enqueue_tool_calls((name, arguments), **details)

    def enqueue_tool_calls(
        self,
        *calls: tuple[str, Mapping[str, Any] | str],
        text: str = "",
        delay_s: float = 0.0,
        reasoning: str = "",
        usage: Mapping[str, Any] | None = None,
        breaks_with: IngateError | None = None,
    ) -> None:
        """Add an answer that calls several tools at once.

        Args:
            *calls: Each tool's name and arguments; arguments given as a string are sent as they are, valid JSON or not.
            text: Text before the calls.
            delay_s, reasoning, usage, breaks_with: As for `enqueue`.
        """
        encoded = [(name, given if isinstance(given, str) else json.dumps(given)) for name, given in calls]
        self._queue.append(_Reply(text, delay_s, reasoning, encoded, usage, breaks_with))

    async def complete(self, route: Route, body: Mapping[str, Any], report: CallReport) -> dict[str, Any]:
        """Return the next answer, whole."""
        from ingate.wire.completion import assemble
        from ingate.wire.normaliser import StreamNormaliser

        normaliser = StreamNormaliser(route.model)
        chunks = [out async for piece in self.stream(route, body, report) for out in normaliser.feed(piece)]
        return assemble([*chunks, *normaliser.finish()])

    async def stream(
        self,
        route: Route,
        body: Mapping[str, Any],
        report: CallReport,
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the next answer as chunks."""
        del report
        self.requests.append((route, dict(body)))
        reply = self._queue.popleft() if self._queue else _Reply(_ECHO + _last_user_text(body))
        answer = reply.answer(body) if callable(reply.answer) else reply.answer
        base = {
            "id": f"chatcmpl-scripted-{len(self.requests)}",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": route.model,
        }
        try:
            if isinstance(answer, IngateError):
                await asyncio.sleep(reply.delay_s)
                raise answer
            for piece in _pieces(answer, reply, body):
                await asyncio.sleep(reply.delay_s)
                yield {**base, **piece}
            if reply.breaks_with is not None:
                raise reply.breaks_with
        except (GeneratorExit, asyncio.CancelledError):
            self.cancelled += 1
            raise

    async def embed(self, route: Route, body: Mapping[str, Any], report: CallReport) -> dict[str, Any]:
        """Return a vector of eight numbers and length 1 for each input, the same for the same text."""
        del report
        self.requests.append((route, dict(body)))
        given = body.get("input", "")
        texts = [given] if isinstance(given, str) else list(given)
        data = [{"object": "embedding", "index": at, "embedding": _vector(str(text))} for at, text in enumerate(texts)]
        tokens = sum(len(str(text).split()) for text in texts)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {"object": "list", "model": route.model, "data": data, "usage": usage}

    async def aclose(self) -> None:
        """Set `closed`."""
        self.closed = True


def _pieces(answer: Any, reply: _Reply, body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if isinstance(answer, dict):
        from ingate.wire.completion import completion_chunks

        yield from completion_chunks(answer)
        return
    if isinstance(answer, str):
        pieces: list[Any] = _words(answer)
    else:
        pieces = list(answer)
        if any(not isinstance(piece, str) for piece in pieces):
            yield from (_delta(content=piece) if isinstance(piece, str) else dict(piece) for piece in pieces)
            return
    yield _delta(role="assistant")
    yield from (_delta(reasoning_content=word) for word in _words(reply.reasoning))
    yield from (_delta(content=piece) for piece in pieces)
    yield from _call_deltas(reply.tool_calls)
    if reply.breaks_with is not None:
        return
    yield _finish("tool_calls" if reply.tool_calls else "stop")
    tokens = len(pieces) + len(_words(reply.reasoning)) + sum(len(_halves(text)) for _, text in reply.tool_calls)
    yield {"choices": [], "usage": dict(reply.usage) if reply.usage is not None else _usage(body, tokens)}


def _call_deltas(calls: Sequence[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    """Each call in three deltas: its name, then its arguments in two halves, as providers split them."""
    for index, (name, arguments) in enumerate(calls):
        head = {"index": index, "id": f"call_{index}", "type": "function", "function": {"name": name, "arguments": ""}}
        yield _delta(tool_calls=[head])
        for half in _halves(arguments):
            yield _delta(tool_calls=[{"index": index, "function": {"arguments": half}}])


def _delta(**delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


def _finish(reason: str) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}


def _usage(body: Mapping[str, Any], completion: int) -> dict[str, Any]:
    prompt = sum(len(_text(message).split()) for message in body.get("messages") or ())
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _words(text: str) -> list[str]:
    return _WORD.findall(text)


def _halves(text: str) -> list[str]:
    middle = len(text) // 2
    return [half for half in (text[:middle], text[middle:]) if half]


def _last_user_text(body: Mapping[str, Any]) -> str:
    messages = [message for message in body.get("messages") or () if message.get("role") == "user"]
    return _text(messages[-1]) if messages else ""


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content if isinstance(part, dict))


def _vector(text: str) -> list[float]:
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).digest()
    raw = [digest[at] / 127.5 - 1.0 for at in range(_DIMENSIONS)]
    length = math.hypot(*raw) or 1.0
    return [round(value / length, 6) for value in raw]
