"""The prompt: multi-line editing, history and completion."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings

from ingate.chat.commands import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from prompt_toolkit.input import Input
    from prompt_toolkit.output import Output

    from ingate.chat.tools import Call, Permission

_MOST_OFFERED = 60
_ANSWERS: dict[Permission, str] = {"once": "yo", "always": "a", "no": "n"}


class Prompt:
    """Reads messages and commands.

    Args:
        models: Returns the specs that Tab offers after `/model`.
        sessions: Returns the ids that Tab offers after `/load`.
        status: Returns the line below the prompt.
        kept: Whether history is saved for the next run.
        input, output: A terminal other than the process's own.
    """

    def __init__(
        self,
        *,
        models: Callable[[], Sequence[str]],
        sessions: Callable[[], Sequence[str]],
        status: Callable[[], str],
        kept: bool = True,
        input: Input | None = None,  # noqa: A002 -- prompt_toolkit's name
        output: Output | None = None,
    ) -> None:
        self._terminal: dict[str, Any] = {"input": input, "output": output}
        self._session: PromptSession[str] = PromptSession(
            history=_history() if kept else InMemoryHistory(),
            completer=CommandCompleter(models, sessions),
            complete_while_typing=Condition(self._at_command),
            key_bindings=_keys(),
            multiline=True,
            prompt_continuation="  ",
            bottom_toolbar=lambda: FormattedText([("noreverse fg:ansibrightblack", status())]),
            enable_open_in_editor=True,
            **self._terminal,
        )

    async def read(self, *, default: str = "", attached: Sequence[str] = ()) -> str:
        """Read a message or a command.

        Args:
            default: Text to begin with.
            attached: Names of the files that will be sent with it.

        Raises:
            EOFError: Ctrl-D on an empty line.
            KeyboardInterrupt: Ctrl-C on an empty line.
        """
        files = "".join(f"[{name}] " for name in attached)
        message = FormattedText([("fg:ansiyellow", files), ("bold fg:ansicyan", "› ")])
        return await self._session.prompt_async(message, default=default)

    async def ask(self, call: Call) -> Permission:
        """Ask whether a tool may be called; answered with one key.

        Raises:
            KeyboardInterrupt: Ctrl-C.
        """
        keys = KeyBindings()

        def take(answer: Permission) -> Callable[[Any], None]:
            def taken(event: Any) -> None:
                event.current_buffer.insert_text(answer)  # the answer stays on the screen
                event.app.exit(result=answer)

            return taken

        for answer, letters in _ANSWERS.items():
            for letter in letters:
                keys.add(letter)(take(answer))
        keys.add("escape", eager=True)(take("no"))
        keys.add("c-d")(take("no"))
        keys.add("enter")(_ignore)
        keys.add("<any>")(_ignore)
        session: PromptSession[str] = PromptSession(key_bindings=keys, **self._terminal)
        message = FormattedText(
            [
                ("bold fg:ansiyellow", f"Allow the model to call {call.server} · {call.name}"),
                ("", f"({call.raw[:300]})"),
                ("bold fg:ansiyellow", "? [y] once  [a] always  [n] no "),
            ]
        )
        return await session.prompt_async(message, handle_sigint=False)  # ty: ignore[invalid-explicit-return]

    def _at_command(self) -> bool:
        return self._session.default_buffer.document.text.startswith("/")


class CommandCompleter(Completer):
    """Completes commands and their arguments."""

    def __init__(self, models: Callable[[], Sequence[str]], sessions: Callable[[], Sequence[str]]) -> None:
        self._models = models
        self._sessions = sessions
        self._paths = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """The completions at the cursor."""
        text = document.text_before_cursor
        if not text.startswith("/") or "\n" in text:
            return
        word, blank, rest = text[1:].partition(" ")
        if not blank:
            for command in COMMANDS.values():
                if command.name.startswith(word):
                    name = f"/{command.name}{' ' if command.arguments else ''}"
                    yield Completion(name, -len(text), f"/{command.name}", display_meta=command.help)
            return
        command = COMMANDS.get(word)
        if command is None:
            return
        match command.completes:
            case "path":
                yield from self._paths.get_completions(Document(rest, len(rest)), complete_event)
            case "model":
                yield from _matching(self._models(), rest)
            case "session":
                yield from _matching(self._sessions(), rest)
                yield from self._paths.get_completions(Document(rest, len(rest)), complete_event)
            case "words":
                yield from _matching(command.words, rest)


def _matching(offered: Sequence[str], typed: str) -> Iterable[Completion]:
    """The choices that begin with what is typed, then those that contain all of its words."""
    words = typed.lower().split()
    begins = [one for one in offered if one.lower().startswith(typed.lower())]
    contain = [one for one in offered if words and all(word in one.lower() for word in words)]
    for one in list(dict.fromkeys([*begins, *contain]))[:_MOST_OFFERED]:
        yield Completion(one, -len(typed))


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def _(event: Any) -> None:
        buffer = event.current_buffer
        state = buffer.complete_state
        if state is not None and state.current_completion is not None:
            buffer.apply_completion(state.current_completion)
            return
        buffer.validate_and_handle()

    @keys.add("escape", "enter")
    @keys.add("c-j")
    def _(event: Any) -> None:
        event.current_buffer.insert_text("\n")

    @keys.add("c-c")
    def _(event: Any) -> None:
        if event.current_buffer.text:
            event.current_buffer.reset()
        else:
            event.app.exit(exception=KeyboardInterrupt)

    return keys


def _history() -> History:
    """History in the state folder, readable only by its owner; in memory if the file cannot be written."""
    from ingate.paths import state_dir

    path = state_dir() / "history"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    except OSError:
        return InMemoryHistory()
    return FileHistory(path)


def _ignore(_: Any) -> None:
    """For keys that are not an answer."""
