"""What the chat's commands do."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingate import environment
from ingate.chat import attach, mcp_servers, store
from ingate.chat.commands import COMMANDS, help_lines, nearest, parse
from ingate.chat.session import Session, text_of
from ingate.chat.store import Log
from ingate.chat.summary import dollars, to_markdown, total_line, turn_line
from ingate.chat.terminal import escaped, usual_input
from ingate.errors import BadRequestError, IngateError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ingate.chat.app import Chat

_MOST_LISTED = 12


async def run_command(chat: Chat, text: str) -> None:
    """Do what a command line says; an error is told and ends nothing."""
    name, rest = parse(text)
    if name not in COMMANDS:
        near = nearest(name)
        hint = f" Did you mean {' or '.join(f'/{one}' for one in near)}?" if near else " /help lists them."
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
            raise BadRequestError("there is no picker here", fix="/model SPEC")
        spec = await chat.options.pick(chat.log.session.model)
        if spec is None:
            chat.say(f"[dim]Still {escaped(chat.log.session.model)}.[/]")
            return
    elif _is_spec(chat, rest):
        spec = rest
    else:
        _list_models(chat, rest)
        return
    _switch(chat, spec)


def _switch(chat: Chat, spec: str) -> None:
    """Go on with another model, and say what it will not see of the history."""
    model = attach.takes(chat.gateway, spec)
    chat.log.record("model", spec=spec)
    chat.say(f"[bold]{escaped(spec)}[/] answers from here on.")
    for way in chat.gateway.explain(spec)[:1]:
        if way.state != "ready":
            chat.say(
                f"[yellow]{escaped(way.detail or f'it is {way.state}')}[/]"
                + (f" fix: {escaped(way.fix)}" * bool(way.fix))
            )
    from ingate.chat.convert import request_messages

    notes: list[str] = []
    request_messages(chat.log.session, provider=model.provider, takes=model.kinds, notes=notes)
    for note in notes:
        chat.say(f"[yellow]{escaped(note)}[/]")


def _is_spec(chat: Chat, text: str) -> bool:
    """Whether it names a model rather than describing one."""
    if "/" in text:
        return True
    curated = {row.row.model for row in chat.gateway.catalog().curated()}
    return text in chat.gateway.config.settings.aliases or text in curated


def _list_models(chat: Chat, query: str) -> None:
    from ingate import providers
    from ingate.catalog import search

    states = providers.statuses(chat.gateway.config.environ, chat.gateway.config)
    rows = search(chat.gateway.catalog().visible(), query, ready=lambda name: states[name].state == "ready")
    for row in rows[:_MOST_LISTED]:
        chat.say(f"  {providers.mark(states[row.provider].state)} {escaped(row.key)}")
    if len(rows) > _MOST_LISTED:
        chat.say(f"[dim]  … {len(rows) - _MOST_LISTED:,} more[/]")
    chat.say("[dim]/model SPEC takes one of them.[/]" if rows else "[yellow]No model is like that.[/]")


async def _retry(chat: Chat, _: str) -> None:
    place = _last_user(chat)
    chat.log.record("keep", count=place + 1)
    await chat.answer()


async def _edit(chat: Chat, rest: str) -> None:
    place = _last_user(chat)
    message = chat.log.session.entries[place].message
    text = text_of(message)
    if rest == "editor":
        changed = await asyncio.to_thread(_in_editor, text)
        if not changed.strip():
            chat.say("[dim]Nothing was kept of it; the message stays.[/]")
            return
        _back_to(chat, place)
        await chat.send(changed)
        return
    if rest:
        raise BadRequestError(f"/edit {rest!r} is not understood", fix="/edit, or /edit editor")
    _back_to(chat, place)
    chat.draft = text


def _back_to(chat: Chat, place: int) -> None:
    """Take back a message and what followed it; its files wait for the next one."""
    content = chat.log.session.entries[place].message.get("content")
    if isinstance(content, list):
        parts = [part for part in content if part.get("attached")]
        kinds = {"image_url": "image", "file": "pdf"}
        chat.attached = [
            attach.Attachment(part["attached"], kinds.get(part["type"], "text"), len(str(part)), part) for part in parts
        ]
    chat.log.record("keep", count=place)


def _in_editor(text: str) -> str:
    from ingate.providers import secret_variables

    environ = environment.without(secret_variables())
    editor = environ.get("VISUAL") or environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="ingate-") as folder:
        path = Path(folder) / "message.md"
        path.write_text(text, encoding="utf-8")
        import shlex

        try:
            with usual_input():
                subprocess.run([*shlex.split(editor), str(path)], env=environ, check=True)
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            raise BadRequestError(
                f"the editor {editor!r} did not work: {error}", fix="set EDITOR, or use /edit"
            ) from None
        return path.read_text(encoding="utf-8", errors="replace").rstrip("\n")


async def _system(chat: Chat, rest: str) -> None:
    if rest:
        chat.log.record("system", text="" if rest == "off" else rest)
    now = chat.log.session.system
    chat.say(f"[dim]system:[/] {escaped(now)}" if now else "[dim]There is no system message.[/]")


async def _clear(chat: Chat, _: str) -> None:
    old = chat.log
    kept = old.path is not None
    if old.session.turns:
        chat.say(f"[dim]{total_line(old.session)} · /load {old.session.id} goes back[/]")
    chat.log = Log.fresh(model=old.session.model, system=old.session.system, kept=kept)
    chat.attached = []
    old.close()
    chat.say("[dim]A new conversation.[/]")


async def _attach(chat: Chat, rest: str) -> None:
    if rest == "off":
        chat.attached = []
    elif rest:
        spec = chat.log.session.model
        model = attach.takes(chat.gateway, spec)
        file = await asyncio.to_thread(attach.read, _path(rest), model, spec)
        if file.kind != "text" and not model.known:
            chat.say(f"[dim]The catalog does not know {escaped(spec)}: whether it takes this will show.[/]")
        chat.attached.append(file)
    for one in chat.attached:
        chat.say(f"  {escaped(str(one))}")
    chat.say("[dim]Sent with your next message.[/]" if chat.attached else "[dim]Nothing is attached.[/]")


async def _save(chat: Chat, rest: str) -> None:
    path = _target(rest, "/save FILE", ".jsonl")
    store.save(chat.log.session, path)
    chat.say(f"[dim]Saved as {escaped(str(path))}; /load brings it back.[/]")


async def _load(chat: Chat, rest: str) -> None:
    if not rest:
        raise BadRequestError("which conversation?", fix="/load ID; Tab lists them, and `ingate sessions` too")
    if (given := _file(rest)) is not None:
        session = store.load(given)
        session.id = store.new_id()
        log = Log(session, store.folder() / f"{session.id}.jsonl" if chat.log.path else None)
    else:
        path = store.find(rest)
        if path == chat.log.path:
            chat.say("[dim]That is this conversation.[/]")
            return
        log = Log.reopen(path)
    model = chat.log.session.model
    chat.log.close()
    chat.log, chat.attached = log, []
    if not log.session.model:
        log.record("model", spec=model)
    chat.say(f"[bold]{escaped(log.session.model)}[/]")
    chat.show_last()


async def _export(chat: Chat, rest: str) -> None:
    kind, _, name = rest.partition(" ")
    if kind != "md":
        raise BadRequestError(f"/export {rest!r}: Markdown is the one form there is", fix="/export md FILE")
    path = _target(name.strip() or f"{chat.log.session.id}.md", "/export md FILE", ".md")
    path.write_text(to_markdown(chat.log.session), encoding="utf-8")
    chat.say(f"[dim]Written to {escaped(str(path))}.[/]")


def _path(text: str) -> Path:
    """A path as people type it: with quotes, with `~`."""
    return Path(text.strip("'\"")).expanduser()


def _file(text: str) -> Path | None:
    path = _path(text)
    return path if path.is_file() else None


def _target(text: str, usage: str, suffix: str) -> Path:
    """A file to write, with a suffix where it has none, never over another one."""
    if not text:
        raise BadRequestError("which file?", fix=usage)
    path = _path(text)
    if not path.suffix:
        path = path.with_name(path.name + suffix)
    if path.exists():
        raise BadRequestError(f"{path} exists", fix="give another name")
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
    if session.unpriced:
        chat.say(f"[dim]{dollars(None)} stands for answers whose price the catalog does not know.[/]")


async def _mcp(chat: Chat, rest: str) -> None:
    word, _, what = rest.partition(" ")
    what = what.strip()
    if word == "add" and what:
        chat.servers.add(mcp_servers.parse_server(what))
    elif word == "remove" and what:
        known = [one for one in chat.servers.connections if one.server.name == what]
        if not known:
            names = ", ".join(one.server.name for one in chat.servers.connections) or "none"
            raise BadRequestError(f"there is no server {what!r}; there are: {names}")
        await chat.servers.remove(known[0])
    elif rest:
        raise BadRequestError(f"/mcp {rest!r} is not understood", fix="/mcp, /mcp add COMMAND or URL, /mcp remove NAME")
    await chat.tools_ready()
    for connection in chat.servers.connections:
        chat.say(f"[bold]{escaped(connection.server.name)}[/] [dim]{escaped(str(connection.server))}[/]")
        names = {(tool.server, tool.name): name for name, tool in chat.toolbox.named.items()}
        for tool in connection.tools:
            first = tool.description.strip().splitlines()[0] if tool.description.strip() else ""
            chat.say(f"  {escaped(names.get((tool.server, tool.name), tool.name))}  [dim]{escaped(first[:90])}[/]")
    if not chat.servers.connections:
        chat.say('[dim]There are no tools. /mcp add COMMAND, or `ingate go --mcp "COMMAND"`.[/]')


async def _reasoning(chat: Chat, _: str) -> None:
    chat.screen.unfolded = not chat.screen.unfolded
    if not chat.screen.unfolded:
        chat.say("[dim]Reasoning is folded from here on.[/]")
        return
    reasoning = chat.screen.last_reasoning or _kept_reasoning(chat.log.session)
    if reasoning:
        chat.say(f"[dim italic]{escaped(reasoning)}[/]")
    chat.say(f"[dim]{'Reasoning' if reasoning else 'No reasoning so far; it'} is shown in full from here on.[/]")


def _kept_reasoning(session: Session) -> str:
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
    place = chat.log.session.last_user()
    if place is None:
        raise BadRequestError("nothing was said yet", fix="type a message and press Enter")
    return place


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
