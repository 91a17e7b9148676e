"""The picker in a real terminal, key by key, as `ingate go` opens it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.tmux,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]

KEY = "gsk_0123456789abcdef"
PICK = """
import asyncio
from ingate import environment
from ingate.catalog import load as load_catalog
from ingate.config import load
from ingate.gateway.models import local_rows
from ingate.gateway.readiness import ReadinessChecker
from ingate.gateway.routing import Router
from ingate.picker import PickerData, first_frame, pick, save
from ingate.picker.data import secrets_file

environ = environment.snapshot()
config = load(environ=environ)

def look(): return ReadinessChecker(Router(load(environ=environ), load_catalog))

class EffectRunner:
    def warm(self): pass
    def readiness(self): return look()
    async def deployments(self): return []
    async def live(self, name): raise ConnectionError("nothing answers")
    async def verify(self, provider, values): raise ConnectionError("no network here")
    def save(self, provider, values, where): return save(secrets_file(config), provider, values, where)
    def copy(self, text): return True

data = PickerData.gather(config, environ, load_catalog(), look(), local=local_rows(config))
print("PICKED", asyncio.run(pick(data, EffectRunner(), screen=first_frame(data))))
"""


class Tmux:
    """One terminal of its own server."""

    def __init__(self, home: Path) -> None:
        self.socket = f"ingate-{uuid.uuid4().hex[:8]}"
        self.home = home
        (home / "pick.py").write_text(PICK)
        self("new-session", "-d", "-x", "120", "-y", "24", "env", "-i", f"HOME={home}", "PATH=/usr/bin:/bin",
             "TERM=screen-256color", "PS1=$ ", "bash", "--norc", "--noprofile")  # fmt: skip

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self.socket, "-f", "/dev/null", *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout

    def keys(self, *keys: str) -> None:
        for key in keys:
            self("send-keys", key)

    def type(self, text: str) -> None:
        self("send-keys", "-l", text)

    def screen(self) -> str:
        return self("capture-pane", "-p")

    def until(self, said: str, *, gone: bool = False) -> str:
        """Wait until the screen shows something, or shows it no more."""
        limit = time.monotonic() + 20
        while (said in (screen := self.screen())) is gone:
            if time.monotonic() > limit:
                raise AssertionError(f"{said!r} is {'still' if gone else 'not'} on the screen:\n{screen}")
            time.sleep(0.05)
        return screen

    def run(self, command: str) -> None:
        self.type(command)
        self.keys("Enter")


@pytest.fixture
def tmux(clean_environment: Path) -> Iterator[Tmux]:
    terminal = Tmux(clean_environment)
    try:
        yield terminal
    finally:
        terminal("kill-server")


def opened(tmux: Tmux, before: str = "") -> None:
    tmux.run(f"cd; {before} {sys.executable} pick.py")
    tmux.until("LiteLLM [")


def test_a_model_is_picked_by_typing(tmux: Tmux) -> None:
    opened(tmux)
    tmux.type("/smoll")
    tmux.until("local/smollm2")
    tmux.keys("BSpace", "Escape")
    tmux.until("(20 curated)")
    tmux.type("openai/gpt-oss-120b provider:groq")
    tmux.until("litellm.groq/openai/gpt-oss-120b")
    tmux.keys("Enter")
    tmux.until("groq needs a key")
    tmux.keys("Enter")
    tmux.until("PICKED litellm.groq/openai/gpt-oss-120b")


def test_keys_typed_before_the_picker_is_ready_are_not_lost(tmux: Tmux) -> None:
    tmux.run(f"cd; GROQ_API_KEY={KEY} {sys.executable} pick.py")
    tmux.until("Providers")
    tmux.type("/gpt-oss-120b provider:groq")
    tmux.keys("Enter")
    tmux.until("PICKED litellm.groq/openai/gpt-oss-120b")


def test_c_swaps_the_scope_and_back(tmux: Tmux) -> None:
    opened(tmux)
    tmux.until("(20 curated)")
    tmux.keys("c")
    tmux.until(" all)")
    tmux.keys("c")
    tmux.until("(20 curated)")
    tmux.keys("q")
    tmux.until("PICKED None")


def test_marks_tell_whether_a_variable_is_set(tmux: Tmux) -> None:
    opened(tmux)
    assert "✗ GPT-OSS 120B (Groq)" in tmux.screen()
    tmux.keys("q")
    tmux.until("PICKED None")
    tmux("clear-history")
    opened(tmux, f"GROQ_API_KEY={KEY}")
    assert "✓ GPT-OSS 120B (Groq)" in tmux.screen()


def test_marks_change_while_it_is_open_when_a_key_is_saved(tmux: Tmux) -> None:
    """From outside, and through `a`, which does not show the key."""
    opened(tmux)
    secrets = tmux.home / ".config" / "ingate" / "ingate.secrets.yaml"
    secrets.parent.mkdir(parents=True)
    secrets.write_text("mistral: {api_key: abcdef123456}\n")
    secrets.chmod(0o600)
    tmux.until("✓ Mistral Large")
    tmux.type("/gpt-oss-120b provider:groq")
    tmux.until("✗ groq/openai/gpt-oss-120b")
    tmux.keys("C-a")
    tmux.until("GROQ_API_KEY")
    tmux.type(KEY)
    assert KEY[:6] not in tmux.until("••••")
    tmux.keys("Enter")
    tmux.until("no network here")
    tmux.keys("Enter")
    tmux.until("Save it in")
    tmux.keys("Enter")
    assert KEY[:6] not in tmux.until("✓ groq/openai/gpt-oss-120b")
    assert KEY in secrets.read_text()
    assert "abcdef123456" in secrets.read_text()
    assert secrets.stat().st_mode & 0o777 == 0o600


def test_resizing_while_open_redraws(tmux: Tmux) -> None:
    opened(tmux)
    for columns, rows in ((40, 8), (200, 50), (20, 3), (80, 24)):
        tmux("resize-window", "-x", str(columns), "-y", str(rows))
        tmux.until("Providers", gone=columns < 70)
        tmux.keys("Down")
    tmux.until("Enter choose")
    tmux.keys("C-c")
    tmux.until("PICKED None")


def test_the_terminal_is_as_it_was_afterwards(tmux: Tmux) -> None:
    tmux.run("echo before")
    tmux.until("before")
    opened(tmux)
    tmux.keys("q")
    screen = tmux.until("PICKED None")
    assert "before" in screen
    tmux.run("stty -a | grep -o ' echo ' && echo cooked")
    tmux.until("cooked")


def test_a_killed_picker_gives_the_terminal_back(tmux: Tmux) -> None:
    opened(tmux)
    child = tmux("display-message", "-p", "#{pane_pid}").strip()
    picker = subprocess.run(["pgrep", "-P", child], capture_output=True, text=True, check=True).stdout.split()[0]
    tmux.keys("/")  # answered by a running loop, which has its handlers by then
    tmux.until("Esc closes")
    subprocess.run(["kill", "-TERM", picker], check=True)
    tmux.until("Terminated")
    tmux.run("stty -a | grep -o ' echo ' && echo cooked")
    tmux.until("cooked")


def test_ingate_go_opens_it(tmux: Tmux) -> None:
    script = Path(sys.executable).with_name("ingate")
    if not script.exists():
        pytest.skip("the console script is not installed")
    tmux.run(f"cd; GROQ_API_KEY={KEY} {script} go")
    tmux.until("LiteLLM [")
    tmux.type("/gpt-oss-120b provider:groq")
    tmux.until("✓ groq/openai/gpt-oss-120b")
    tmux.keys("C-c")
    tmux.until("$ ")
