"""A running chat: what commands act on, how a message is answered, and what is shown besides the answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from ingate.chat import mcp_servers
from ingate.chat.markdown import lines_of, markdown
from ingate.chat.model import ModelInfo, model_info
from ingate.chat.screen import Screen
from ingate.chat.session import text_of
from ingate.chat.store import paths
from ingate.chat.summary import cost_of, counted
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
    from ingate.chat.tools import Call, Permission
    from ingate.gateway import Gateway


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How a chat starts.

    Attributes:
        message: The first message, empty to wait for one.
        leave: Whether to leave after its answer.
        allow_all: Whether tools are called without asking.
        servers: MCP servers besides the configured ones.
        pick: Opens the picker, given the current spec; returns None if the user leaves it.
        explain: Returns where a call of a spec would go, as lines for the terminal.
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
        gateway: Makes the calls. The caller closes it.
        log: The session and its file.
        console: Where to write.
        options: How the chat starts.
        model: What is known about the session's model; looked up when first needed if None.
        prompt: Reads messages and commands; created when first needed if None.

    Attributes:
        attached: Files to send with the next message.
        draft: Text that the next prompt begins with.
        leaving: Whether the user has asked to leave.
    """

    def __init__(
        self,
        gateway: Gateway,
        log: Log,
        console: Console,
        options: Options,
        *,
        model: ModelInfo | None = None,
        prompt: Prompt | None = None,
    ) -> None:
        self.gateway = gateway
        self.log = log
        self.console = console
        self.options = options
        self.toolbox = Toolbox(allow_all=options.allow_all)
        self.servers = mcp_servers.Servers()
        self.screen = Screen(console, before_show=self._before_show, ask=self._ask)
        self.attached: list[Attachment] = []
        self.draft = ""
        self.leaving = False
        self._model = model
        self._prompt = prompt
        self._turn: asyncio.Task[Any] | None = None
        self._shown_problem = ""

    @property
    def model(self) -> ModelInfo:
        """What is known about the session's model. Looked up once, when the session switches to it.

        Raises:
            IngateError: Its spec cannot be parsed, or names an unknown provider.
        """
        spec = self.log.session.model
        if self._model is None or self._model.spec != spec:
            self._model = model_info(self.gateway, spec)
        return self._model

    def use(self, spec: str) -> ModelInfo:
        """Switch to another model; the session stays as it is if that fails.

        Raises:
            IngateError: The spec cannot be parsed, or names an unknown provider.
        """
        self._model = model_info(self.gateway, spec)
        self.log.record("model", spec=spec)
        return self._model

    async def send(self, text: str) -> int:
        """Add a message, with the attached files, and get it answered; returns an exit code."""
        content: Any = text
        if self.attached:
            content = [*(one.part for one in self.attached), {"type": "text", "text": text}]
            self.attached = []
        self.log.record("user", content=content)
        return await self.answer()

    async def answer(self) -> int:
        """Get the history answered. Errors are shown, and the chat continues; returns an exit code."""
        task = self._turn = asyncio.create_task(self._answer())
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
                self.say("[yellow]Stopped; what arrived is kept. /retry asks again.[/]")
                return 130
            except IngateError as error:
                self.screen.stop()
                self.show_error(error)
                if self._is_partial():
                    self.say("[yellow]The part that arrived is kept. /retry asks again.[/]")
                return error.exit_code
            finally:
                self._turn = None
                self.screen.stop()
                self._show_problem()
        return 0

    async def _answer(self) -> None:
        if self.servers.connections:
            self.screen.begin(self.log.session.model)
            await self.tools_ready()
        await Talk(self.gateway, self.log, self.screen, self.toolbox, model=self.model).answer()

    async def tools_ready(self) -> None:
        """Wait until every server has connected or failed, and offer their tools. Failures are shown."""
        await self.servers.ready()
        for connection in list(self.servers.connections):
            if connection.problem is not None:
                self.screen.stop()
                self.show_error(connection.problem)
                await self.servers.remove(connection)
        self.toolbox.replace(self.servers.tools())

    def say(self, line: str) -> None:
        """Show a line of rich markup."""
        self.console.print(line, highlight=False)

    def show_error(self, error: IngateError) -> None:
        """Show what happened and what to do next."""
        self.say(f"[bold red]error:[/] {escaped(str(error))}")
        if error.provider_message and error.provider_message not in str(error):
            self.say(f"  the provider's message: {escaped(error.provider_message)}")
        if isinstance(error, StreamInterruptedError) and self._is_partial():
            return  # the key is not at fault, and the next line mentions /retry, which helps
        if error.credential_source and error.credential_source not in str(error):
            self.say(f"  the key: {escaped(error.credential_source)}")
        for note in (*getattr(error, "near_misses", ()), *getattr(error, "__notes__", ())):
            self.say(f"  {escaped(note)}")
        if error.fix:
            self.say(f"  [bold]fix:[/] {escaped(error.fix)}")

    def show_last(self) -> None:
        """Show the last exchange of a conversation that is continued."""
        session = self.log.session
        begin = session.last_user() or 0
        if begin:
            self.say(f"[dim]… {counted(begin, 'earlier message')}[/]")
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
                self.say(f"[yellow]Incomplete: {escaped(entry.stopped)}. /retry asks again.[/]")

    @property
    def prompt(self) -> Prompt:
        """Reads messages and commands."""
        if self._prompt is None:
            from ingate.chat.prompt import Prompt

            self._prompt = Prompt(models=self._models, sessions=self._sessions, status=self._status)
        return self._prompt

    def _show_problem(self) -> None:
        """Say once why the conversation cannot be saved, and when it is saved again."""
        if self.log.problem != self._shown_problem:
            self._shown_problem = self.log.problem
            self.screen.notice(self.log.problem or "the conversation is being saved again")

    def _before_show(self) -> None:
        """Write what is about to be shown, and say first if that is not possible."""
        self.log.flush()
        self._show_problem()

    async def _ask(self, call: Call) -> Permission:
        try:
            return await self.prompt.ask(call)
        except (KeyboardInterrupt, EOFError):
            if self._turn is not None:
                self._turn.cancel()
            raise asyncio.CancelledError from None

    def _is_partial(self) -> bool:
        entries = self.log.session.entries
        return bool(entries and entries[-1].stopped)

    def _status(self) -> str:
        session = self.log.session
        parts = [session.model]
        if session.turns:
            total = session.totals()
            tokens = (total.input_tokens or 0) + (total.output_tokens or 0)
            parts += [counted(tokens, "token"), cost_of(session)]
        if len(self.toolbox):
            parts.append(counted(len(self.toolbox), "tool"))
        return " · ".join(parts)

    def _models(self) -> Sequence[str]:
        from ingate.gateway.models import ANY, configured_rows

        catalog = self.gateway.catalog()
        own = [row.key.removesuffix(ANY) for row in configured_rows(self.gateway)]
        curated = [row.spec for row in catalog.curated()]
        return [*own, *self.gateway.config.settings.aliases, *curated, *(row.key for row in catalog.visible())]

    def _sessions(self) -> Sequence[str]:
        return [path.stem for path in paths()]

    def _write(self, text: str) -> None:
        self.console.file.write(text)
        self.console.file.flush()
