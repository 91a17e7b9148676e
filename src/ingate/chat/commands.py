"""The slash commands: names, help, and what Tab completes. `actions` runs them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

Completes = Literal["", "model", "path", "session", "words"]


class Command(msgspec.Struct, frozen=True):
    """One command.

    Attributes:
        name: Its name, without the slash.
        arguments: Its arguments, as `/help` shows them.
        help: One line.
        completes: What Tab completes after it.
        words: The words to complete if `completes` is `"words"`.
    """

    name: str
    arguments: str
    help: str
    completes: Completes = ""
    words: tuple[str, ...] = ()


_ALL: Final = (
    Command("model", "[SPEC or filter]", "Switch to another model; without a spec, open the picker.", "model"),
    Command("retry", "", "Get another answer to your last message."),
    Command(
        "edit", "[editor]", "Change your last message, here or in $EDITOR, and send it again.", "words", ("editor",)
    ),
    Command("system", "[TEXT | off]", "Show, set or remove the system message.", "words", ("off",)),
    Command("clear", "", "Start a new conversation with the same model."),
    Command("attach", "[FILE | off]", "Send a file with your next message: an image, a PDF or text.", "path"),
    Command("save", "FILE", "Save a copy of the conversation to a file.", "path"),
    Command("load", "ID or FILE", "Continue another conversation.", "session"),
    Command("export", "md [FILE]", "Write the conversation as Markdown.", "words", ("md",)),
    Command("explain", "[SPEC]", "Show where a call goes, which key it uses, and what it costs.", "model"),
    Command("cost", "", "Show tokens and cost, per answer and in total."),
    Command(
        "mcp", "[add COMMAND or URL | remove NAME]", "List, add or remove MCP servers.", "words", ("add", "remove")
    ),
    Command("reasoning", "", "Show the last reasoning, and all reasoning in full from now on; again to fold it."),
    Command("help", "", "Show this list."),
    Command("quit", "", "Leave; so does Ctrl-D."),
)

COMMANDS: Final[Mapping[str, Command]] = {command.name: command for command in _ALL}
_COMMAND: Final = re.compile(r"/[^\s/]+(?!\S)")
_OTHER_NAMES: Final[Mapping[str, str]] = {"exit": "quit", "q": "quit", "?": "help", "h": "help", "new": "clear"}


def is_command(text: str) -> bool:
    """Whether a line is a command: a slash and a word. A path is not, nor is text after a space or a second slash."""
    return _COMMAND.match(text) is not None and "\n" not in text.strip()


def parse(text: str) -> tuple[str, str]:
    """The name and the arguments of a command line; other names for a command are replaced by its own."""
    word, _, rest = text[1:].strip().partition(" ")
    return _OTHER_NAMES.get(word, word), rest.strip()


def nearest(name: str) -> list[str]:
    """At most three commands with names similar to `name`, the most similar first."""
    from rapidfuzz import process

    begins = [known for known in COMMANDS if known.startswith(name)]
    similar = [known for known, score, _ in process.extract(name, list(COMMANDS), limit=3) if score >= 60]
    return list(dict.fromkeys([*begins, *similar]))[:3]


def help_lines() -> list[tuple[str, str]]:
    """Pairs of a command and what it does, then pairs of a key and what it does."""
    lines = [(f"/{command.name} {command.arguments}".rstrip(), command.help) for command in _ALL]
    return [
        *lines,
        ("Enter", "Send; Alt-Enter or Ctrl-J inserts a line break."),
        ("Ctrl-C", "Stop an answer and keep what has arrived; at the prompt, clear the line."),
        ("Up, Ctrl-R", "Go through, or search, what was typed before."),
        ("Ctrl-D", "Leave; the conversation is saved."),
    ]
