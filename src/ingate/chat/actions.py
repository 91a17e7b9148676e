"""What the slash commands do."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingate import children
from ingate.chat import attach, mcp_servers, store
from ingate.chat.commands import COMMANDS, help_lines, nearest, parse
from ingate.chat.convert import request_messages
from ingate.chat.session import Session, text_of
from ingate.chat.store import Log
from ingate.chat.summary import to_markdown, total_line, turn_line
from ingate.chat.terminal import escaped, normal_input
from ingate.errors import BadRequestError, IngateError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ingate.chat.app import Chat

_MOST_LISTED = 12


async def run_command(chat: Chat, text: str) -> None:
    """Run a command line. Errors are shown, and the chat continues."""
    name, rest = parse(text)
    if name not in COMMANDS:
        near = nearest(name)
        hint = f" Did you mean {' or '.join(f'/{one}' for one in near)}?" if near else " /help lists all commands."
        chat.say(f"[yellow]There is no command /{escaped(name)}.[/]{hint}")
        return
    try:
        await _ACTIONS[name](chat, rest)
    except IngateError as error:
        chat.show_error(error)
    except OSError as error:
        chat.say(f"[bold red]error:[/] {escaped(str(error))}")


async def _model(chat: Chat, rest: str) -> None:
    if not rest:
        if chat.options.pick is None:
            raise BadRequestError("the picker is not available here", fix="/model SPEC")
        spec = await chat.options.pick(chat.log.session.model)
        if spec is None:
            chat.say(f"[dim]Still using {escaped(chat.log.session.model)}.[/]")
            return
    elif _is_spec(chat, rest):
        spec = rest
    else:
        _list_models(chat, rest)
        return
    _switch(chat, spec)


def _switch(chat: Chat, spec: str) -> None:
    """Switch to another model, and say what it will not see of the history."""
    model = chat.use(spec)
    chat.say(f"Switched to [bold]{escaped(spec)}[/].")
    if model.problem:
        fix = f" fix: {escaped(model.fix)}" if model.fix else ""
        chat.say(f"[yellow]{escaped(model.problem)}[/]{fix}")
    notes: list[str] = []
    request_messages(chat.log.session, model, notes)
    for note in notes:
        chat.say(f"[yellow]{escaped(note)}[/]")


def _is_spec(chat: Chat, text: str) -> bool:
    """Whether the text names a model; if not, it is a filter."""
    if "/" in text:
        return True
    curated = {row.row.model for row in chat.gateway.catalog().curated()}
    return text in chat.gateway.config.settings.aliases or text in curated


def _list_models(chat: Chat, query: str) -> None:
    from ingate.catalog import search
    from ingate.gateway.models import configured_rows
    from ingate.gateway.readiness import MARKS

    checker = chat.gateway.readiness()
    every = (*configured_rows(chat.gateway), *chat.gateway.catalog().visible())
    rows = search(every, query, ready=lambda name: checker.provider(name).state == "ready")
    for row in rows[:_MOST_LISTED]:
        chat.say(f"  {MARKS[checker.state(row.provider, row.model)]} {escaped(row.key)}")
    if len(rows) > _MOST_LISTED:
        chat.say(f"[dim]  … {len(rows) - _MOST_LISTED:,} more[/]")
    chat.say("[dim]/model SPEC switches to one of them.[/]" if rows else "[yellow]No model matches.[/]")


async def _retry(chat: Chat, _: str) -> None:
    index = _last_user(chat)
    chat.log.record("keep", count=index + 1)
    await chat.answer()


async def _edit(chat: Chat, rest: str) -> None:
    index = _last_user(chat)
    message = chat.log.session.entries[index].message
    text = text_of(message)
    if rest == "editor":
        changed = await asyncio.to_thread(_in_editor, text)
        if not changed.strip():
            chat.say("[dim]The editor returned nothing; the message is unchanged.[/]")
            return
        _back_to(chat, index)
        await chat.send(changed)
        return
    if rest:
        raise BadRequestError(f"unknown argument {rest!r} for /edit", fix="/edit, or /edit editor")
    _back_to(chat, index)
    chat.draft = text


def _back_to(chat: Chat, index: int) -> None:
    """Remove a message and everything after it; its attachments wait for the next message."""
    content = chat.log.session.entries[index].message.get("content")
    if isinstance(content, list):
        parts = [part for part in content if part.get("attached")]
        kinds = {"image_url": "image", "file": "pdf"}
        chat.attached = [
            attach.Attachment(part["attached"], kinds.get(part["type"], "text"), len(str(part)), part) for part in parts
        ]
    chat.log.record("keep", count=index)


def _in_editor(text: str) -> str:
    environ = children.for_child(also=("VISUAL", "EDITOR", "VIMINIT", "EXINIT", "NVIM_APPNAME"))
    editor = environ.get("VISUAL") or environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="ingate-") as folder:
        path = Path(folder) / "message.md"
        path.write_text(text, encoding="utf-8")
        import shlex

        try:
            with normal_input():
                words = children.program([*shlex.split(editor), str(path)], environ, None)
                subprocess.run(words, env=environ, check=True)
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            raise BadRequestError(f"the editor {editor!r} failed: {error}", fix="set EDITOR, or use /edit") from None
        return path.read_text(encoding="utf-8", errors="replace").rstrip("\n")


async def _system(chat: Chat, rest: str) -> None:
    if rest:
        chat.log.record("system", text="" if rest == "off" else rest)
    system = chat.log.session.system
    chat.say(f"[dim]system:[/] {escaped(system)}" if system else "[dim]There is no system message.[/]")


async def _clear(chat: Chat, _: str) -> None:
    old = chat.log
    kept = old.path is not None
    if old.session.turns:
        chat.say(f"[dim]{total_line(old.session)} · /load {old.session.id} goes back to it[/]")
    chat.log = Log.fresh(model=old.session.model, system=old.session.system, kept=kept)
    chat.attached = []
    old.close()
    chat.say("[dim]Started a new conversation.[/]")


async def _attach(chat: Chat, rest: str) -> None:
    if rest == "off":
        chat.attached = []
    elif rest:
        model = chat.model
        file = await asyncio.to_thread(attach.read, _path(rest), model)
        if file.kind != "text" and not model.known:
            chat.say(f"[dim]{escaped(model.spec)} is not in the catalog, so it may or may not accept this file.[/]")
        chat.attached.append(file)
    for one in chat.attached:
        chat.say(f"  {escaped(str(one))}")
    chat.say("[dim]Sent with your next message.[/]" if chat.attached else "[dim]Nothing is attached.[/]")


async def _save(chat: Chat, rest: str) -> None:
    path = _target(rest, "/save FILE", ".jsonl")
    store.save(chat.log.session, path)
    chat.say(f"[dim]Saved as {escaped(str(path))}; /load opens it again.[/]")


async def _load(chat: Chat, rest: str) -> None:
    if not rest:
        raise BadRequestError(
            "no conversation was named", fix="/load ID; Tab lists them, and so does `ingate sessions`"
        )
    if (given := _file(rest)) is not None:
        session = store.load(given)
        session.id = store.new_id()
        log = Log(session, store.folder() / f"{session.id}.jsonl" if chat.log.path else None)
    else:
        path = store.find(rest)
        if path == chat.log.path:
            chat.say("[dim]This conversation is open already.[/]")
            return
        log = Log.reopen(path)
    spec = chat.log.session.model
    chat.log.close()
    chat.log, chat.attached = log, []
    if not log.session.model:
        log.record("model", spec=spec)
    chat.say(f"[bold]{escaped(log.session.model)}[/]")
    chat.show_last()


async def _export(chat: Chat, rest: str) -> None:
    kind, _, name = rest.partition(" ")
    if kind != "md":
        raise BadRequestError(f"unknown format {kind!r}: only Markdown is supported", fix="/export md FILE")
    path = _target(name.strip() or f"{chat.log.session.id}.md", "/export md FILE", ".md")
    path.write_text(to_markdown(chat.log.session), encoding="utf-8")
    chat.say(f"[dim]Written to {escaped(str(path))}.[/]")


def _path(text: str) -> Path:
    """A path as it is typed: it may have quotes around it, and `~`."""
    return Path(text.strip("'\"")).expanduser()


def _file(text: str) -> Path | None:
    path = _path(text)
    return path if path.is_file() else None


def _target(text: str, usage: str, suffix: str) -> Path:
    """The path of a new file, with `suffix` if it has none.

    Raises:
        BadRequestError: No name is given, or the file exists.
    """
    if not text:
        raise BadRequestError("no file was named", fix=usage)
    path = _path(text)
    if not path.suffix:
        path = path.with_name(path.name + suffix)
    if path.exists():
        raise BadRequestError(f"{path} exists", fix="choose another name")
    return path


async def _explain(chat: Chat, rest: str) -> None:
    if chat.options.explain is None:
        return
    from rich.text import Text

    for line in chat.options.explain(rest or chat.log.session.model):
        chat.console.print(Text.from_ansi(line))


async def _cost(chat: Chat, _: str) -> None:
    session = chat.log.session
    for number, turn in enumerate(session.turns, 1):
        chat.say(f"[dim]{number:>3}  {escaped(turn.spec)}  {escaped(turn_line(turn))}[/]")
    chat.say(total_line(session))


async def _mcp(chat: Chat, rest: str) -> None:
    word, _, what = rest.partition(" ")
    what = what.strip()
    if word == "add" and what:
        chat.servers.add(mcp_servers.parse_server(what))
    elif word == "remove" and what:
        known = [one for one in chat.servers.connections if one.server.name == what]
        if not known:
            names = ", ".join(one.server.name for one in chat.servers.connections) or "none"
            raise BadRequestError(f"there is no server {what!r}; connected: {names}")
        await chat.servers.remove(known[0])
    elif rest:
        raise BadRequestError(
            f"unknown argument {rest!r} for /mcp", fix="/mcp, /mcp add COMMAND or URL, /mcp remove NAME"
        )
    await chat.tools_ready()
    for connection in chat.servers.connections:
        chat.say(f"[bold]{escaped(connection.server.name)}[/] [dim]{escaped(str(connection.server))}[/]")
        names = {(tool.server, tool.name): name for name, tool in chat.toolbox.named.items()}
        for tool in connection.tools:
            first = tool.description.strip().splitlines()[0] if tool.description.strip() else ""
            chat.say(f"  {escaped(names.get((tool.server, tool.name), tool.name))}  [dim]{escaped(first[:90])}[/]")
    if not chat.servers.connections:
        chat.say('[dim]No MCP server is connected. /mcp add COMMAND, or `ingate go --mcp "COMMAND"`.[/]')


async def _reasoning(chat: Chat, _: str) -> None:
    chat.screen.unfolded = not chat.screen.unfolded
    if not chat.screen.unfolded:
        chat.say("[dim]Reasoning is folded from now on.[/]")
        return
    reasoning = chat.screen.last_reasoning or _last_reasoning(chat.log.session)
    if reasoning:
        chat.say(f"[dim italic]{escaped(reasoning)}[/]")
    else:
        chat.say("[dim]There is no reasoning yet.[/]")
    chat.say("[dim]Reasoning is shown in full from now on.[/]")


def _last_reasoning(session: Session) -> str:
    for entry in reversed(session.entries):
        if reasoning := entry.message.get("reasoning_content"):
            return str(reasoning)
    return ""


async def _help(chat: Chat, _: str) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    for left, right in help_lines():
        table.add_row(Text(left, style="bold"), right)
    chat.console.print(table)


async def _quit(chat: Chat, _: str) -> None:
    chat.leaving = True


def _last_user(chat: Chat) -> int:
    index = chat.log.session.last_user()
    if index is None:
        raise BadRequestError("there is no message yet", fix="type a message and press Enter")
    return index


_ACTIONS: dict[str, Callable[[Chat, str], Awaitable[Any]]] = {
    "model": _model,
    "retry": _retry,
    "edit": _edit,
    "system": _system,
    "clear": _clear,
    "attach": _attach,
    "save": _save,
    "load": _load,
    "export": _export,
    "explain": _explain,
    "cost": _cost,
    "mcp": _mcp,
    "reasoning": _reasoning,
    "help": _help,
    "quit": _quit,
}
