"""One turn: the model's answer as it comes, its tool calls, and the answers after them."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final, Protocol

from ingate.chat.attach import takes
from ingate.chat.convert import request_messages
from ingate.chat.session import Turn
from ingate.chat.tools import Toolbox, Watcher
from ingate.errors import IngateError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.chat.store import Log
    from ingate.chat.tools import Call, Result
    from ingate.gateway import Gateway

MOST_ROUNDS: Final = 25
STOPPED: Final = "stopped"
_NOT_SENT: Final = frozenset({"provider_tool_calls", "annotations", "audio"})


class View(Watcher, Protocol):
    """Who shows a turn."""

    def begin(self, spec: str) -> None: ...
    def reasoning(self, text: str) -> None: ...
    def text(self, text: str) -> None: ...
    def settle(self) -> None: ...
    def note(self, text: str) -> None: ...
    def end(self, turn: Turn) -> None: ...


class Talk:
    """Asks for answers to a session's history and writes them into it.

    Args:
        gateway: Whom to ask.
        log: The session and its file.
        view: Who shows it.
        toolbox: The tools the model may call.
    """

    def __init__(self, gateway: Gateway, log: Log, view: View, toolbox: Toolbox | None = None) -> None:
        self.gateway = gateway
        self.log = log
        self.view = view
        self.toolbox = toolbox if toolbox is not None else Toolbox()  # an empty one is one that fills yet
        self._told: set[str] = set()
        self._provider = ""

    async def answer(self) -> Turn:
        """Answer the history, calling tools for at most `MOST_ROUNDS` rounds.

        Cancelled, or broken off by an error, the session keeps what came of the answer.

        Raises:
            IngateError: No answer, or a broken one; its `partial_text` is in the session.
        """
        turn = Turn(spec=self.log.session.model)
        self.view.begin(turn.spec)
        try:
            for _ in range(MOST_ROUNDS):
                message = await self._round(turn)
                if not message.get("tool_calls"):
                    break
                await self._call(message["tool_calls"], turn)
            else:
                self.view.note(f"Stopped after {MOST_ROUNDS} rounds of tool calls. Say “go on” to continue.")
        finally:
            self.view.settle()
            if turn.first_token_s is not None:
                self.log.record("turn", **{name: getattr(turn, name) for name in Turn.__struct_fields__})
        self.view.end(turn)
        return turn

    def body(self) -> dict[str, Any]:
        """The next request."""
        session = self.log.session
        model = takes(self.gateway, session.model)
        self._provider = model.provider
        notes: list[str] = []
        messages = request_messages(session, provider=model.provider, takes=model.kinds, notes=notes)
        for note in notes:
            self._note(note)
        body: dict[str, Any] = {"model": session.model, "messages": messages}
        if len(self.toolbox):
            body["tools"] = self.toolbox.schemas()
        return body

    async def _round(self, turn: Turn) -> dict[str, Any]:
        """One request; its answer, which is in the session then."""
        chunks: list[dict[str, Any]] = []
        began = time.perf_counter()
        first: float | None = None
        try:
            async with aclosing(self.gateway.stream(self.body())) as stream:
                async for chunk in stream:
                    chunks.append(chunk)
                    if self._show(chunk) and first is None:
                        first = time.perf_counter()
                        if turn.first_token_s is None:
                            turn.first_token_s = first - began
        except (asyncio.CancelledError, IngateError) as error:
            self._keep(chunks, STOPPED if isinstance(error, asyncio.CancelledError) else str(error))
            if turn.first_token_s is not None:
                turn.add(None, None)
            raise
        finally:
            if first is not None:
                turn.seconds += time.perf_counter() - first
        message, about, usage = _whole(chunks, turn.spec)
        turn.add(usage, about.get("cost_usd"))
        self.log.record("assistant", message=message, provider=about.get("provider") or self._provider)
        for note in about.get("warnings") or ():
            self._note(note)
        if dropped := about.get("dropped"):
            self._note(f"left out, the model does not take it: {', '.join(dropped)}")
        return message

    def _show(self, chunk: Mapping[str, Any]) -> bool:
        """Show a chunk's pieces; whether it had any."""
        came = False
        for choice in chunk.get("choices") or ():
            if choice.get("index"):
                continue
            delta = choice.get("delta") or {}
            if piece := delta.get("reasoning_content"):
                self.log.piece(reasoning=piece)
                self.view.reasoning(piece)
                came = True
            if piece := delta.get("content") or delta.get("refusal"):
                self.log.piece(text=piece)
                self.view.text(piece)
                came = True
            came = came or bool(delta.get("tool_calls"))
        return came

    def _keep(self, chunks: list[dict[str, Any]], why: str) -> None:
        """Keep what came of an answer that was stopped; its tool calls may be cut off and are not."""
        try:
            message, about, _ = _whole(chunks, self.log.session.model)
        except IngateError:
            self.log.flush()
            return
        message.pop("tool_calls", None)
        if message.get("content") or message.get("reasoning_content"):
            # A signature that came is of no use without the rest of its message.
            message.pop("thinking_blocks", None)
            self.log.record("assistant", message=message, provider=about.get("provider") or self._provider, stopped=why)

    async def _call(self, raw: list[dict[str, Any]], turn: Turn) -> None:
        self.view.settle()
        calls = [self.toolbox.read(one) for one in raw]
        turn.tool_calls += len(calls)

        def done(call: Call, result: Result) -> None:
            self.log.record("tool", tool_call_id=call.id, name=call.name, content=result.text, error=result.error)

        await self.toolbox.run(calls, self.view, done)

    def _note(self, note: str) -> None:
        if note not in self._told:
            self._told.add(note)
            self.view.note(note)


def _whole(chunks: list[dict[str, Any]], spec: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any] | None]:
    """The message, the gateway's metadata and the usage that the chunks add up to."""
    from ingate.wire.completion import assemble

    if not chunks:
        raise UnavailableError(f"{spec} gave an empty answer", fix="/retry asks again")
    completion = assemble(chunks)
    message = completion["choices"][0]["message"]
    kept = {name: value for name, value in message.items() if name not in _NOT_SENT and value is not None}
    if not kept.get("content") and kept.get("refusal"):
        kept["content"] = kept.pop("refusal")
    kept.setdefault("content", "" if not kept.get("tool_calls") else None)
    return kept, completion.get("ingate") or {}, completion.get("usage")
