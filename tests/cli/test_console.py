"""What commands share: tables, errors, marks, and input and output that are terminals, pipes, closed or broken."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Any

import click
import pytest

from ingate.cli.console import (
    any_encoding,
    mark,
    on_terminal,
    piped_text,
    settle_output,
    show_answer,
    show_error,
    show_json,
    table,
)
from ingate.errors import BadRequestError, MissingCredentialsError
from support.cli import Stream

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("state", "shown"),
    [("ready", "\x1b[32m✓\x1b[0m"), ("attention", "\x1b[33m○\x1b[0m"), ("missing", "\x1b[31m✗\x1b[0m")],
)
def test_each_state_has_its_mark_and_colour(state: str, shown: str) -> None:
    assert mark(state) == shown


def test_columns_are_aligned_by_cells_and_numbers_to_the_right() -> None:
    rows = [
        ("", click.style("model", bold=True), click.style("price", bold=True)),
        (mark("ready"), "short", "2"),
        ("○", "通义千问", "0.15"),
        ("✓", "a-long-name", ""),
    ]
    assert [click.unstyle(line) for line in table(rows, right=frozenset({2}))] == [
        "   model        price",
        "✓  short            2",
        "○  通义千问      0.15",
        "✓  a-long-name",
    ]
    assert table([("ab", "c"), ("d", "ef")]) == ["ab  c", "d   ef"]
    assert table([("é", "c"), ("dd", "e")]) == ["é   c", "dd  e"]
    assert table([("\x07é", "c"), ("dd", "e")])[1] == "dd  e"  # a control character has no width


def test_an_error_is_red_its_fix_bold_and_nothing_in_it_moves_the_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    err = Stream(terminal=True)
    monkeypatch.setattr(sys, "stderr", err)
    show_error(BadRequestError("bad \x1b[2Jname\n  fix: not this", provider_message="error: 5", fix="use another"))
    assert err.written == (
        "\x1b[31m\x1b[1merror:\x1b[0m bad ␛[2Jname\n  \x1b[1mfix:\x1b[0m not this\n"
        "  the provider's message: error: 5\n  fix: use another\n"
    )


def test_only_missing_credentials_name_the_page_of_keys(capsys: pytest.CaptureFixture[str]) -> None:
    show_error(MissingCredentialsError("no key", fix="set X"))
    other = BadRequestError("no", fix="x")
    other.docs_url = "https://docs.example"  # ty: ignore[unresolved-attribute]
    show_error(other)
    assert capsys.readouterr().err.splitlines() == ["error: no key", "  fix: set X", "error: no", "  fix: x"]


def test_an_answer_is_unchanged_in_a_pipe_and_safe_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for terminal, shown in ((False, "a\x1b[2Jb\x1b[31mc\n"), (True, "a␛[2Jb␛[31mc\n")):
        out = Stream(terminal=terminal)
        monkeypatch.setattr(sys, "stdout", out)
        assert on_terminal() is terminal
        show_answer("a\x1b[2J", nl=False)
        show_answer("b\x1b[31mc")
        assert out.written == shown


def test_a_closed_output_is_not_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    out = Stream(terminal=True)
    monkeypatch.setattr(sys, "stdout", out)
    assert on_terminal()
    out.close()
    assert not on_terminal()
    monkeypatch.setattr(sys, "stdout", None)
    assert not on_terminal()


def test_piped_text_is_what_a_pipe_holds_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def given(stream: Any) -> str:
        monkeypatch.setattr(sys, "stdin", stream)
        return piped_text()

    assert given(Stream(" \n one\ntwo \n")) == "one\ntwo"
    assert given(Stream("typed", terminal=True)) == ""
    assert given(None) == ""
    closed = Stream("x")
    closed.close()
    assert given(closed) == ""
    assert given(io.TextIOWrapper(io.BytesIO(b"a\xffb"), encoding="utf-8")) == "a\ufffdb"


def test_json_is_indented(capsys: pytest.CaptureFixture[str]) -> None:
    show_json({"a": [1, "é"]})
    assert capsys.readouterr().out == '{\n  "a": [\n    1,\n    "é"\n  ]\n}\n'


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "a✓○✗·…–—→▶é漢z"),
        ("latin-1", "avox·...--->>é?z"),
        ("ascii", "avox-...--->>??z"),
    ],
)
def test_a_character_that_the_output_lacks_becomes_a_similar_one(
    monkeypatch: pytest.MonkeyPatch, encoding: str, shown: str
) -> None:
    out, err = Stream(encoding=encoding), Stream(encoding=encoding)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    any_encoding()
    for stream in (out, err):
        stream.write("a✓○✗·…–—→▶é漢z")
        assert stream.written == shown


def test_a_stream_that_handles_its_errors_or_is_not_text_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    err = Stream(encoding="ascii")
    err.reconfigure(errors="backslashreplace")
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "stderr", err)
    any_encoding()
    err.write("✓")
    assert err.written == "\\u2713"
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("ascii", errors="ingate-plain")


def test_output_that_nobody_reads_is_settled_once_and_for_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    with open(writer, "w", encoding="utf-8") as out:
        monkeypatch.setattr(sys, "stdout", out)
        out.write("lost")
        settle_output()
        out.write("also lost")
        out.flush()
        if before:
            assert len(os.listdir("/proc/self/fd")) == before, "no descriptor is left open"
    kept = tmp_path / "kept"
    with kept.open("w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        out.write("kept")
        settle_output()
        assert kept.read_text() == "kept"
    monkeypatch.setattr(sys, "stdout", None)
    settle_output()
