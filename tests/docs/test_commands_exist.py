"""Every command and option that a message, a help text or a page mentions exists."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from ingate.cli.main import cli

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
SOURCES = sorted((ROOT / "src" / "ingate").rglob("*.py"))
# `ingate …` in code, and the lines of an indented example.
MENTION = re.compile(
    r"`\$? ?(?:[A-Z_]+=\S+ )*(ingate [^`]+)`|^ {2}\$? ?(?:[A-Z_]+=\S+ )*(ingate [a-z-].*)$", re.MULTILINE
)
FENCE = re.compile(r"^```(?:console|sh|bash|text|)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def mentions(text: str) -> Iterator[str]:
    for found in MENTION.finditer(text):
        yield found[1] or found[2]


def of_page(page: Path) -> Iterator[str]:
    text = page.read_text(encoding="utf-8")
    yield from (found[1] for found in re.finditer(r"`(ingate [^`\n]+)`", text))
    for fenced in FENCE.findall(text):
        block = fenced
        if re.search(r"^\$ ", fenced, re.MULTILINE):  # the other lines are output
            block = "\n".join(line for line in fenced.splitlines() if line.startswith("$ "))
        yield from (
            found[1] for found in re.finditer(r"^\$? ?(?:[A-Z_]+=\S+ )*(ingate [a-z-].*)$", block, re.MULTILINE)
        )
        yield from (found[1] for found in re.finditer(r"\| (ingate [a-z-].*)$", block, re.MULTILINE))


def text_of(node: ast.AST) -> str:
    """A text in the source; in an f-string, a word stands for each `{…}`."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "word" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def of_source(source: Path) -> Iterator[str]:
    """What a module's texts mention, and the `fix` of its errors."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        yield from mentions(text_of(node))
        if isinstance(node, ast.keyword) and node.arg == "fix" and text_of(node.value).startswith("ingate "):
            yield text_of(node.value)


def problem(line: str) -> str:
    """What is wrong with a command line; empty if its commands and options exist."""
    line = re.split(r"\s{3,}|\s#|\s\|\s|\s&&\s|\s>\s?|\s<|;|…", line)[0].rstrip("\\").rstrip(".,:)")
    try:
        words = shlex.split(line)[1:]
    except ValueError:
        words = line.split()[1:]
    command: click.Command = cli
    options = {name for parameter in cli.params for name in (*parameter.opts, *parameter.secondary_opts)} | {
        "-h",
        "--help",
    }
    for place, word in enumerate(words):
        if word == "--":
            return ""
        if word.startswith("-"):
            if word.partition("=")[0] not in options and not command.context_settings.get("ignore_unknown_options"):
                return f"{line!r}: {command.name} has no option {word}"
            continue
        if not isinstance(command, click.Group) or (place and words[place - 1] == "--config"):
            continue
        inner = command.get_command(click.Context(command), word)
        if inner is None:
            alternatives = [name for name in re.split(r"[|,/]", word) if name]
            if len(alternatives) > 1 and all(
                command.get_command(click.Context(command), name) for name in alternatives
            ):
                return ""
            return f"{line!r}: there is no command {word}"
        command = inner
        options |= {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_tells_to_type_exists(page: Path) -> None:
    assert [wrong for line in of_page(page) if (wrong := problem(line))] == []


def test_what_a_message_tells_to_type_exists() -> None:
    found = {(source.name, line) for source in SOURCES for line in of_source(source)}
    assert len(found) > 40
    assert sorted(f"{name}: {wrong}" for name, line in found if (wrong := problem(line))) == []


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("ingate doctor anthropic", ""),
        ("ingate models --all", ""),
        ("ingate proxy check --jsno", "no option --jsno"),
        ("ingate docter", "no command docter"),
        ("ingate proxy chekc", "no command chekc"),
    ],
)
def test_what_does_not_exist_is_noticed(line: str, wrong: str) -> None:
    assert wrong in problem(line)
    assert bool(problem(line)) is bool(wrong)
