"""One turn: the model's answer as it streams, its tool calls, and the answers after them."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final, Protocol

from ingate.chat.convert import request_messages
from ingate.chat.model import ModelInfo, model_info
from ingate.chat.session import Turn
from ingate.chat.tools import CallObserver, Toolbox
from ingate.errors import IngateError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.chat.store import Log
    from ingate.chat.tools import Call, Result
    from ingate.gateway import Gateway

MOST_ROUNDS: Final = 25
STOPPED: Final = "stopped"
_NOT_SENT: Final = frozenset({"provider_tool_calls", "annotations", "audio"})


class View(CallObserver, Protocol):
    """Shows a turn."""

    def begin(self, spec: str) -> None:
        """A turn begins, answered by `spec`."""
        ...

    def reasoning(self, text: str) -> None:
        """A piece of reasoning."""
        ...

    def text(self, text: str) -> None:
        """A piece of the answer."""
        ...

    def settle(self) -> None:
        """The current message is complete: show everything that is still buffered."""
        ...

    def note(self, text: str) -> None:
        """One line to the user."""
        ...

    def end(self, turn: Turn) -> None:
        """The turn is over."""
        ...


class Talk:
    """Gets answers to a session's history and writes them into it.

    Args:
        gateway: Makes the calls.
        log: The session and its file.
        view: Shows the turn.
        toolbox: The tools the model may call.
        model: What is known about the session's model; looked up if None.
    """

    def __init__(
        self,
        gateway: Gateway,
        log: Log,
        view: View,
        toolbox: Toolbox | None = None,
        *,
        model: ModelInfo | None = None,
    ) -> None:
        self.gateway = gateway
        self.log = log
        self.view = view
        self.toolbox = toolbox if toolbox is not None else Toolbox()  # an empty one may be filled later
        self.model = model if model is not None else model_info(gateway, log.session.model)
        self._noted: set[str] = set()

    async def answer(self) -> Turn:
        """Answer the history, calling tools for at most `MOST_ROUNDS` rounds.

        If it is cancelled or fails, the session keeps the part of the answer that arrived.

        Raises:
            IngateError: There was no answer, or an incomplete one; its `partial_text` is in the session.
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
                self.view.note(f"Stopped after {MOST_ROUNDS} rounds of tool calls. Send a message to continue.")
        finally:
            self.view.settle()
            if turn.first_token_s is not None:
                self.log.record("turn", **{name: getattr(turn, name) for name in Turn.__struct_fields__})
            self.log.sync()
        self.view.end(turn)
        return turn

    def body(self) -> dict[str, Any]:
        """The next request."""
        session = self.log.session
        notes: list[str] = []
        messages = request_messages(session, self.model, notes)
        for note in notes:
            self._note(note)
        body: dict[str, Any] = {"model": session.model, "messages": messages}
        if len(self.toolbox):
            body["tools"] = self.toolbox.schemas()
        return body

    async def _round(self, turn: Turn) -> dict[str, Any]:
        """Make one request, and add its answer to the session."""
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
            self._keep_partial(chunks, STOPPED if isinstance(error, asyncio.CancelledError) else str(error))
            if turn.first_token_s is not None:
                turn.add(None, None)
            raise
        finally:
            if first is not None:
                turn.seconds += time.perf_counter() - first
        message, metadata, usage = _assembled(chunks, turn.spec)
        turn.add(usage, metadata.get("cost_usd"))
        self.log.record("assistant", message=message, provider=metadata.get("provider") or self.model.provider)
        for note in metadata.get("warnings") or ():
            self._note(note)
        if dropped := metadata.get("dropped"):
            self._note(f"Left out, since the model does not support it: {', '.join(dropped)}")
        return message

    def _show(self, chunk: Mapping[str, Any]) -> bool:
        """Show a chunk's pieces; returns whether it had any."""
        has_content = False
        for choice in chunk.get("choices") or ():
            if choice.get("index"):
                continue
            delta = choice.get("delta") or {}
            if piece := delta.get("reasoning_content"):
                self.log.piece(reasoning=piece)
                self.view.reasoning(piece)
                has_content = True
            if piece := delta.get("content") or delta.get("refusal"):
                self.log.piece(text=piece)
                self.view.text(piece)
                has_content = True
            has_content = has_content or bool(delta.get("tool_calls"))
        return has_content

    def _keep_partial(self, chunks: list[dict[str, Any]], why: str) -> None:
        """Keep the text of an answer that did not complete. Its tool calls may be cut off and are dropped."""
        try:
            message, metadata, _ = _assembled(chunks, self.log.session.model)
        except IngateError:
            self.log.flush()
            return
        message.pop("tool_calls", None)
        if message.get("content") or message.get("reasoning_content"):
            # Signed reasoning is rejected without the rest of its message.
            message.pop("thinking_blocks", None)
            message.pop("reasoning_items", None)
            provider = metadata.get("provider") or self.model.provider
            self.log.record("assistant", message=message, provider=provider, stopped=why)

    async def _call(self, raw: list[dict[str, Any]], turn: Turn) -> None:
        self.view.settle()
        calls = [self.toolbox.read(one) for one in raw]
        turn.tool_calls += len(calls)

        def done(call: Call, result: Result) -> None:
            self.log.record("tool", tool_call_id=call.id, name=call.name, content=result.text, error=result.error)

        await self.toolbox.run(calls, self.view, done)

    def _note(self, note: str) -> None:
        """Show a note once per turn."""
        if note not in self._noted:
            self._noted.add(note)
            self.view.note(note)


def _assembled(chunks: list[dict[str, Any]], spec: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any] | None]:
    """The message, the gateway's metadata and the usage of a list of chunks.

    Raises:
        UnavailableError: The list is empty.
    """
    from ingate.wire.completion import assemble

    if not chunks:
        raise UnavailableError(f"{spec} returned an empty answer", fix="/retry asks again")
    completion = assemble(chunks)
    message = completion["choices"][0]["message"]
    kept = {name: value for name, value in message.items() if name not in _NOT_SENT and value is not None}
    if not kept.get("content") and kept.get("refusal"):
        kept["content"] = kept.pop("refusal")
    kept.setdefault("content", "" if not kept.get("tool_calls") else None)
    return kept, completion.get("ingate") or {}, completion.get("usage")
