"""A running chat: what commands act on, how a message is answered, and what is shown besides the answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from ingate.chat import mcp_servers
from ingate.chat.markdown import lines_of, markdown
from ingate.chat.screen import Screen
from ingate.chat.session import text_of
from ingate.chat.store import paths
from ingate.chat.summary import cost_of
from ingate.chat.talk import Talk
from ingate.chat.terminal import ctrl_c_cancels, escape_control_chars, escaped
from ingate.chat.tools import Toolbox
from ingate.errors import IngateError, StreamInterruptedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from rich.console import Console

    from ingate.chat.attach import Attachment
    from ingate.chat.prompt import Prompt
    from ingate.chat.store import Log
    from ingate.chat.tools import Answer, Call
    from ingate.gateway import Gateway


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How a chat is begun.

    Attributes:
        message: The first message, empty to wait for one.
        leave: Whether to leave after its answer.
        allow_all: Whether tools are called unasked.
        servers: MCP servers, beside the configured ones.
        pick: Opens the picker, given the current spec; None where the person leaves it.
        explain: Tells where a call of a spec goes, as lines.
    """

    message: str = ""
    leave: bool = False
    allow_all: bool = False
    servers: tuple[mcp_servers.Server, ...] = ()
    pick: Callable[[str], Awaitable[str | None]] | None = None
    explain: Callable[[str], list[str]] | None = None


class Chat:
    """A running chat.

    Args:
        gateway: Whom to ask; it stays the caller's to close.
        log: The session and its file.
        console: Where to write.
        options: How it is begun.
        prompt: Reads lines, made when first needed where None.
    """

    def __init__(
        self, gateway: Gateway, log: Log, console: Console, options: Options, *, prompt: Prompt | None = None
    ) -> None:
        self.gateway = gateway
        self.log = log
        self.console = console
        self.options = options
        self.toolbox = Toolbox(allow_all=options.allow_all)
        self.servers = mcp_servers.Servers(gateway.config)
        self.screen = Screen(console, before_show=self._before_show, ask=self._ask)
        self.attached: list[Attachment] = []
        self.draft = ""
        self.leaving = False
        self._prompt = prompt
        self._turn: asyncio.Task[Any] | None = None
        self._told_problem = ""

    async def send(self, text: str) -> int:
        """Say something, with what is attached, and have it answered; returns an exit code."""
        content: Any = text
        if self.attached:
            content = [*(one.part for one in self.attached), {"type": "text", "text": text}]
            self.attached = []
        self.log.record("user", content=content)
        return await self.answer()

    async def answer(self) -> int:
        """Have the history answered; whatever happens, the chat goes on. Returns an exit code."""
        talk = Talk(self.gateway, self.log, self.screen, self.toolbox)
        task = self._turn = asyncio.create_task(self._with_tools(talk))
        with ctrl_c_cancels(task):
            try:
                await task
            except asyncio.CancelledError:
                self.screen.stop()
                current = asyncio.current_task()
                if current is not None and current.cancelling():
                    task.cancel()
                    await asyncio.wait([task])
                    raise
                self.say("[yellow]Stopped; what came is kept. /retry asks again.[/]")
                return 130
            except IngateError as error:
                self.screen.stop()
                self.show_error(error)
                if self._is_partial():
                    self.say("[yellow]What came of the answer is kept. /retry asks again.[/]")
                return error.exit_code
            finally:
                self._turn = None
                self.screen.stop()
                self.tell_problem()
        return 0

    def say(self, line: str) -> None:
        """A line of rich markup to the person."""
        self.console.print(line, highlight=False)

    def show_error(self, error: IngateError) -> None:
        """An error: what happened, what to do next."""
        self.say(f"[bold red]error:[/] {escaped(str(error))}")
        if error.provider_message and error.provider_message not in str(error):
            self.say(f"  it said: {escaped(error.provider_message)}")
        if isinstance(error, StreamInterruptedError) and self._is_partial():
            return  # no key is to blame, and /retry, of which the person is told next, is what helps
        if error.credential_source and error.credential_source not in str(error):
            self.say(f"  the key: {escaped(error.credential_source)}")
        for note in (*getattr(error, "near_misses", ()), *getattr(error, "__notes__", ())):
            self.say(f"  {escaped(note)}")
        if error.fix:
            self.say(f"  [bold]fix:[/] {escaped(error.fix)}")

    def tell_problem(self) -> None:
        """Say once what keeps the conversation from being saved."""
        if self.log.problem != self._told_problem:
            self._told_problem = self.log.problem
            self.say(f"[yellow]{escaped(self.log.problem)}[/]")

    async def tools_ready(self) -> None:
        """Wait until every server has connected or failed, and have their tools."""
        await self.servers.ready()
        for connection in list(self.servers.connections):
            if connection.problem is not None:
                self.screen.stop()
                self.show_error(connection.problem)
                await self.servers.remove(connection)
        self.toolbox.replace(self.servers.tools())

    @property
    def prompt(self) -> Prompt:
        """What reads lines."""
        if self._prompt is None:
            from ingate.chat.prompt import Prompt

            self._prompt = Prompt(models=self._models, sessions=self._sessions, status=self._status)
        return self._prompt

    async def _with_tools(self, talk: Talk) -> None:
        if self.servers.connections:
            self.screen.begin(self.log.session.model)
            await self.tools_ready()
        await talk.answer()

    def _before_show(self) -> None:
        self.log.flush()

    async def _ask(self, call: Call) -> Answer:
        try:
            return await self.prompt.ask(call)
        except (KeyboardInterrupt, EOFError):
            if self._turn is not None:
                self._turn.cancel()
            raise asyncio.CancelledError from None

    def show_last(self) -> None:
        """The last exchange of a conversation that goes on."""
        session = self.log.session
        begin = session.last_user() or 0
        if begin:
            self.say(f"[dim]… {begin} earlier messages[/]")
        for entry in session.entries[begin:]:
            text = text_of(entry.message)
            match entry.role:
                case "user":
                    self.say(f"[bold cyan]›[/] {escaped(text)}")
                case "tool":
                    self.say(f"[dim]⚙ {escaped(str(entry.message.get('name') or 'tool'))}[/]")
                case _ if text:
                    self._write("\n".join(lines_of(self.console, markdown(escape_control_chars(text)))) + "\n")
            if entry.stopped:
                self.say(f"[yellow]Not whole: {escaped(entry.stopped)}. /retry asks again.[/]")

    def _is_partial(self) -> bool:
        entries = self.log.session.entries
        return bool(entries and entries[-1].stopped)

    def _status(self) -> str:
        session = self.log.session
        parts = [session.model]
        if session.turns:
            total = session.totals()
            parts += [f"{(total.input_tokens or 0) + (total.output_tokens or 0):,} tokens", cost_of(session)]
        if len(self.toolbox):
            parts.append(f"{len(self.toolbox)} tools")
        return " · ".join(parts)

    def _models(self) -> Sequence[str]:
        catalog = self.gateway.catalog()
        settings = self.gateway.config.settings
        local = ["local/smollm2", *(f"local/{name}" for name in settings.local.models)]
        return [*local, *settings.aliases, *(row.spec for row in catalog.curated()), *_keys(catalog)]

    def _sessions(self) -> Sequence[str]:
        return [path.stem for path in paths()]

    def _write(self, text: str) -> None:
        self.console.file.write(text)
        self.console.file.flush()


def _keys(catalog: Any) -> list[str]:
    return [row.key for row in catalog.visible()]
