"""What may be typed after a slash: names, help, completion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

Completes = Literal["", "model", "path", "session", "words"]


class Command(msgspec.Struct, frozen=True):
    """One command.

    Attributes:
        name: Without the slash.
        arguments: What follows, for people.
        help: One line.
        completes: What Tab offers after it.
        words: What it offers where `completes` is `words`.
    """

    name: str
    arguments: str
    help: str
    completes: Completes = ""
    words: tuple[str, ...] = ()


_ALL: Final = (
    Command("model", "[SPEC or filter]", "Go on with another model; without a spec, the picker.", "model"),
    Command("retry", "", "Ask for the last answer again."),
    Command("edit", "[editor]", "Change your last message, here or in $EDITOR, and ask again.", "words", ("editor",)),
    Command("system", "[TEXT | off]", "Show, set or take away the system message.", "words", ("off",)),
    Command("clear", "", "Begin a new conversation with the same model."),
    Command("attach", "[FILE | off]", "Send a file along: an image, a PDF or text.", "path"),
    Command("save", "FILE", "Keep a copy of the conversation in a file of yours.", "path"),
    Command("load", "ID or FILE", "Go on with another conversation.", "session"),
    Command("export", "md [FILE]", "Write the conversation as Markdown.", "words", ("md",)),
    Command("explain", "[SPEC]", "Where a call goes, with whose key, at what price.", "model"),
    Command("cost", "", "Tokens and cost of each answer and of all."),
    Command("mcp", "[add COMMAND or URL | remove NAME]", "The tools at hand.", "words", ("add", "remove")),
    Command("reasoning", "", "Show the last reasoning, and reasoning in full from here on; again to fold it."),
    Command("help", "", "This list."),
    Command("quit", "", "Leave; Ctrl-D does too."),
)

COMMANDS: Final[Mapping[str, Command]] = {command.name: command for command in _ALL}
_OTHER_NAMES: Final[Mapping[str, str]] = {"exit": "quit", "q": "quit", "?": "help", "h": "help", "new": "clear"}


def is_command(text: str) -> bool:
    """Whether a line is a command: a slash and a word. A path, or text after a blank or a second slash, is not."""
    word = text.split(maxsplit=1)[0] if text.startswith("/") else ""
    return len(word) > 1 and "/" not in word[1:] and "\n" not in text.strip()


def parse(text: str) -> tuple[str, str]:
    """A command line's name, by its full word, and what follows it."""
    word, _, rest = text[1:].strip().partition(" ")
    return _OTHER_NAMES.get(word, word), rest.strip()


def nearest(name: str) -> list[str]:
    """The commands most like `name`, at most three, the nearest first; none where none is like it."""
    from rapidfuzz import process

    begins = [known for known in COMMANDS if known.startswith(name)]
    like = [known for known, score, _ in process.extract(name, list(COMMANDS), limit=3) if score >= 60]
    return list(dict.fromkeys([*begins, *like]))[:3]


def help_lines() -> list[tuple[str, str]]:
    """Command with its arguments → what it does; then the keys."""
    lines = [(f"/{command.name} {command.arguments}".rstrip(), command.help) for command in _ALL]
    return [
        *lines,
        ("Enter", "sends; Alt-Enter or Ctrl-J begins a new line"),
        ("Ctrl-C", "stops an answer and keeps what came; on a line, clears it"),
        ("Up, Ctrl-R", "what was typed before, and a search in it"),
        ("Ctrl-D", "leaves; the conversation is kept"),
    ]
