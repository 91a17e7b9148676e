"""The real fast-agent in a real terminal, driven key by key through `ingate fast-agent go`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("fast_agent")

from support.config import trust_here
from support.fast_agent import write_server
from support.local import needs_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [
    pytest.mark.tmux,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
    pytest.mark.timeout(240),
]

INGATE = [str(Path(sys.executable).with_name("ingate")), "fast-agent"]
READY = re.compile(r"^❯\s*$", re.MULTILINE)
# What a stand-in for litellm's engine says; the local model stays real.
PLAY = """\
import sys

import ingate.integrations.fast_agent as fa
from ingate import Gateway, ScriptedEngine

engine = ScriptedEngine()
engine.enqueue_tool_call("shop__price", {"item": "apple"})
engine.enqueue(lambda body: f"The shop says: {body['messages'][-1]['content']}")
fa.main(sys.argv[1:], gateway=Gateway({"groq": {"api_key": "k"}}, engines={"litellm": engine}))
"""


class Terminal:
    """A tmux server of its own with one window, 130 by 45."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"ingate-fa-{os.getpid()}-{folder.name}"

    def tmux(self, *arguments: str) -> str:
        command = ["tmux", "-u", "-L", self.name, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout

    def start(self, command: list[str], **environ: str) -> None:
        """Run a command in the window, in the environment of the test and no other."""
        self.stop()
        self.name += "-"  # a server that was stopped may not have left yet
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
        variables = kept | {"TERM": "xterm-256color", "LANG": "C.UTF-8"} | environ
        line = ["env", "-i", *(f"{name}={value}" for name, value in variables.items()), *command]
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "130", "-y", "45", "-c", str(self.folder), *line)
        self.tmux("set-option", "-g", "remain-on-exit", "on")

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p", "-S", "-200")

    def keys(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def until(self, seen: str | re.Pattern[str] | Callable[[str], bool], within_s: float = 90) -> str:
        """The screen once it shows what is waited for."""
        end = time.monotonic() + within_s
        while True:
            screen = self.screen()
            if seen(screen) if callable(seen) else re.search(seen, screen):
                return screen
            if time.monotonic() > end:
                raise AssertionError(f"{seen!r} did not come within {within_s} s:\n{screen}")
            time.sleep(0.05)

    def ended(self, within_s: float = 60) -> str:
        """The last screen, once the program has left."""
        return self.until(lambda _: "1" in self.tmux("list-panes", "-F", "#{pane_dead}"), within_s)

    def stop(self) -> None:
        subprocess.run(["tmux", "-L", self.name, "kill-server"], capture_output=True, check=False)


@pytest.fixture
def terminal(clean_environment: Path) -> Iterator[Terminal]:
    started = Terminal(clean_environment)
    yield started
    started.stop()


@pytest.mark.model
@needs_model[1]
def test_the_picker_leads_to_an_answer_of_the_local_model(terminal: Terminal) -> None:
    terminal.start([*INGATE, "go"], GROQ_API_KEY="gsk-x")
    screen = terminal.until(r"Scope: curated")
    providers = [line for line in screen.splitlines() if "[" in line and "│" in line]
    assert re.search(r"❯ LiteLLM +\[available\] \(20 curated\)", providers[0])
    assert re.search(r"✓ GPT-OSS 120B \(Groq\)", screen)
    assert re.search(r"✗ Claude Opus 5\.5", screen)

    terminal.keys("c")
    screen = terminal.until(r"Scope: all catalog")
    assert int(re.search(r"Model: 1/(\d+)", screen)[1]) > 2_000  # ty: ignore[not-subscriptable]
    terminal.keys("c")
    terminal.until(r"Scope: curated")

    terminal.keys("Down")
    terminal.until(r"Provider: ingate \(available\)")
    terminal.keys("Right")
    terminal.until(r"❯ ✓ SmolLM2 135M")
    terminal.keys("Enter")
    terminal.until(READY)
    terminal.keys("Why is the sky blue? Tell me a long story about it.", "Enter")
    seen: set[str] = set()

    def at_prompt(screen: str) -> bool:
        return READY.search(screen.rpartition("◀ agent")[2]) is not None

    def growing(screen: str) -> bool:
        answer = screen.partition("◀ agent smollm2")[2]
        if len(re.findall(r"\w{2,}", answer)) >= 3:
            seen.add(answer)
        return len(seen) >= 5 or (bool(seen) and at_prompt(screen))

    screen = terminal.until(growing)
    assert len(seen) >= 3  # it grew before the eyes
    if not at_prompt(screen):
        terminal.keys("C-c")  # so small a model may never stop by itself
        terminal.until(at_prompt)
    terminal.keys("C-d")
    terminal.ended()

    # The choice is remembered, by the name that leads back to it.
    kept = [file.read_text() for file in (terminal.folder / ".fast-agent").rglob("*.yaml")]
    assert any("last_used: ingate.local/smollm2" in text for text in kept)
    terminal.start([*INGATE, "go"])
    terminal.until(r"❯ ✓ SmolLM2 135M")


def test_the_marks_follow_the_environment(terminal: Terminal) -> None:
    terminal.start([*INGATE, "go"], ANTHROPIC_API_KEY="sk-ant-x")
    screen = terminal.until(r"Scope: curated")
    assert re.search(r"✓ Claude Opus 5\.5", screen)
    assert re.search(r"✗ GPT-OSS 120B \(Groq\)", screen)
    terminal.keys("q")


def test_a_tool_of_a_stdio_mcp_server_is_called(terminal: Terminal) -> None:
    server = write_server(terminal.folder)
    (terminal.folder / "play.py").write_text(PLAY)
    (terminal.folder / "fastagent.config.yaml").write_text(
        f"mcp:\n  servers:\n    shop: {{command: {sys.executable}, args: [{server}]}}\n"
    )
    command = [sys.executable, "play.py", "go", "--model", "litellm.groq/m", "--servers", "shop"]
    terminal.start([*command, "--config-path", "fastagent.config.yaml"])
    terminal.until(READY)
    terminal.keys("What is an apple?", "Enter")
    screen = terminal.until(r"The shop says: .*apple costs 5 euros")
    assert re.search(r"tool \(MCP\) +shop price|shop[ _]+price", screen)


@pytest.mark.model
@needs_model[1]
def test_a_default_model_of_the_litellm_section_skips_the_picker(terminal: Terminal) -> None:
    (terminal.folder / "fastagent.config.yaml").write_text("litellm: {default_model: local/smollm2}\n")
    trust_here(terminal.folder)
    terminal.start([*INGATE, "go", "--message", "Say hello."])
    screen = terminal.ended()
    assert "smollm2" in screen
    assert "Providers" not in screen
