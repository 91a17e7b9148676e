"""The parts of a provider's rejection: one complaint for each field that its message is about.

Providers word a rejection as a sentence (`Unsupported parameter: 'temperature' …`), as a path and a text
(`tool_choice.type: …`), or as a list of both, some as JSON or as Python's notation of it inside the message.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Complaint(NamedTuple):
    """One complaint.

    Attributes:
        field: The path of the field if the message names it apart from its text, as dotted steps; empty if it does not.
        text: What is wrong.
        details: Where else the message may say more about it, such as the values that are accepted.
    """

    field: str
    text: str
    details: str


class Token(NamedTuple):
    """A word or a path in a complaint.

    Attributes:
        steps: Its steps, in lower case and without underscores, so that `topP`, `top_p` and `top-p` are one name.
        before: The text before it.
        after: The text after it.
    """

    steps: tuple[str, ...]
    before: str
    after: str


# Pydantic's list of errors: {"loc": ["body", "n"], "msg": "Extra inputs are not permitted"}, with its other keys around.
_LOC: Final = re.compile(r"""["']loc["']\s*:\s*[\[(]([^\])]*)[\])]""")
_MSG: Final = re.compile(r"""["']msg["']\s*:\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')""")
# Pydantic's text: the path in a line, and what is wrong in the next, which is indented.
_INDENTED: Final = re.compile(r"(?:\A|\n)([A-Za-z_][\w.]*)\n[ \t]+([^\n]+)")
# Bedrock writes a path as `#/messages/0/content`.
_POINTER: Final = re.compile(r"#(/[\w/]*)?:\s*")
_ENDS: Final = re.compile(r"\n+|;\s+|(?<=[.!?])\s+(?=[A-Z`'\"])")
_PATH: Final = re.compile(r"(?:.{0,200}?:\s)??['\"`]?([A-Za-z_][\w.\[\]]*)['\"`]?\s?:\s(.+)", re.DOTALL)
_TOKEN: Final = re.compile(r"[A-Za-z_]\w*(?:-[a-z]+)*(?:\[\d*\]|\.\w+)*")
_STEP: Final = re.compile(r"[.\[\]]+")
# What a sentence says beside its complaint: a condition, or what would be accepted instead.
_CONDITION: Final = re.compile(r"^(?:when|if|while|with|for|in)\b[^,]{0,200},\s*", re.IGNORECASE)
_ASIDE: Final = re.compile(
    r"\b(?:did you mean|when|if|unless|while|because|due to|instead of|please|use|try|such as|since|to drop these)\b|"
    r",\s*value:|\b(?:supported|valid|allowed|available|accepted) (?:values|parameters|types|levels|options|fields|models)\b",
    re.IGNORECASE,
)


def complaints(message: str, is_field: Callable[[tuple[str, ...]], bool]) -> list[Complaint]:
    """The complaints of a message, in its order.

    Args:
        message: The message.
        is_field: Whether the steps of what stands before a colon are those of a field, rather than other words.
    """
    text = message.replace('\\"', '"')
    if located := list(_located(text)):
        return located
    found = []
    for sentence in _ENDS.split(_POINTER.sub(_dotted, _INDENTED.sub(r"\n\1: \2", text))):
        path = _PATH.match(sentence)
        if path is not None and is_field(steps(path[1])):
            found.append(Complaint(path[1], path[2], text))
        else:
            found.append(Complaint("", sentence, text))
    return found


def subject(sentence: str) -> str:
    """A sentence without its conditions, and without what it says would be accepted instead."""
    return _ASIDE.split(_CONDITION.sub("", sentence), maxsplit=1)[0]


def tokens(text: str) -> Iterator[Token]:
    """The words and paths of a text."""
    for found in _TOKEN.finditer(text):
        yield Token(steps(found[0]), text[: found.start()], text[found.end() :])


def steps(path: str) -> tuple[str, ...]:
    """The steps of a path, without the request itself (`body.`)."""
    made = [plain(step) for step in _STEP.split(path) if step]
    return tuple(made[1:] if len(made) > 1 and made[0] in {"body", "request"} else made)


def plain(name: str) -> str:
    """A name as all spellings of it have it."""
    return name.replace("_", "").replace("-", "").lower()


def _located(text: str) -> Iterator[Complaint]:
    places = list(_LOC.finditer(text))
    ends = [place.start() for place in places[1:]] + [len(text)]
    for place, end in zip(places, ends, strict=False):
        said = _MSG.search(text, place.end(), end)
        path = ".".join(step.strip().strip("'\"") for step in place[1].split(",") if step.strip())
        message = (said[1] or said[2] or "") if said is not None else ""
        yield Complaint(path, message, message)


def _dotted(found: re.Match[str]) -> str:
    path = (found[1] or "").strip("/").replace("/", ".")
    return f"\n{path}: " if path else "\n"
