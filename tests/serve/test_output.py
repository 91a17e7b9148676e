"""The log is written by a thread: in order, without waiting, and without a storm of equal lines."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import time
from typing import TYPE_CHECKING

import pytest

from ingate.serve import output as module
from ingate.serve.output import Output, OutputHandler, Throttle

if TYPE_CHECKING:
    from collections.abc import Iterator


class Pipe:
    """A stream that writes into a pipe."""

    encoding = "ascii"

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()

    def fileno(self) -> int:
        return self.writer


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    for number in (made.reader, made.writer):
        with contextlib.suppress(OSError):
            os.close(number)


def test_lines_come_in_order_and_in_the_streams_encoding(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", pipe)  # in the test, because pytest replaces it between the phases
    output = Output()
    for number in range(100):
        output.say(f"{number} é", err=True)
    output.close(20)
    assert os.read(pipe.reader, 100_000).decode() == "".join(f"{number} ?\n" for number in range(100))


def test_nobody_waits_for_a_reader_and_what_was_dropped_is_counted(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", pipe)
    monkeypatch.setattr(module, "_MOST_WAITING", 10)
    os.set_blocking(pipe.writer, False)
    filled = 0
    try:
        while True:
            filled += os.write(pipe.writer, b"\n" * 4096)
    except BlockingIOError:
        pass
    os.set_blocking(pipe.writer, True)
    output = Output()
    for number in range(50):
        output.say(f"line {number}", err=True)
    while filled:
        filled -= len(os.read(pipe.reader, filled))
    output.close(20)
    text = os.read(pipe.reader, 100_000).decode()
    assert "line 0\n" in text
    assert "line 49\n" not in text
    assert "lines of the log were dropped because nobody read them" in text


@pytest.mark.parametrize("broken", ["closed", "none", "no file"])
def test_without_a_reader_nothing_is_raised(pipe: Pipe, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    monkeypatch.setattr("sys.stderr", pipe)
    if broken == "closed":
        os.close(pipe.reader)
    elif broken == "none":
        monkeypatch.setattr("sys.stderr", None)
    else:
        monkeypatch.setattr("sys.stderr", io.StringIO())
    output = Output()
    output.say("hello", err=True)
    output.close(20)
    assert not output._thread.is_alive()


def record(message: str, name: str = "uvicorn.error", *args: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.WARNING, "", 0, message, args, None)


def test_equal_records_are_counted_instead_of_written(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    throttle = Throttle()
    assert [throttle.filter(record("a %d", "x", number)) for number in range(30)] == [True] * 5 + [False] * 25
    assert throttle.filter(record("b"))
    assert throttle.filter(record("a %d", "y", 1))
    assert all(throttle.filter(record("a", "ingate.access")) for _ in range(100))
    now_s += 11
    late = record("a %d", "x", 30)
    assert throttle.filter(late)
    assert late.getMessage() == "a 30 (and 25 times more since)"


def test_kinds_of_records_do_not_pile_up() -> None:
    throttle = Throttle()
    for number in range(5000):
        throttle.filter(record(f"message {number}"))
    assert len(throttle._kinds) <= 1000


def test_a_message_that_does_not_fit_its_arguments_does_no_harm(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", pipe)
    monkeypatch.setattr(logging, "raiseExceptions", False)
    output = Output()
    handler = OutputHandler(output)
    handler.handle(record("%d", "x", "not a number"))
    handler.handle(record("fine"))
    output.close(20)
    assert os.read(pipe.reader, 1000) == b"fine\n"
