"""Draw docs/pictures/*.svg from a real run of `ingate go` in tmux: what the README shows is what one sees.

    .venv/bin/python scripts/pictures.py

Needs tmux, and the local model of `make setup`. Every run starts from an empty home.
"""

from __future__ import annotations

import io
import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
COLUMNS, ROWS = 120, 30
DEADLINE_S = 90
# Keys that open nothing: marks in the picture are those of a person with two providers.
PRETENDED = {"ANTHROPIC_API_KEY": "not-a-key", "GROQ_API_KEY": "not-a-key"}


class Terminal:
    """A tmux server of its own, with one window."""

    def __init__(self, home: Path) -> None:
        self.socket = f"pictures-{home.name}"
        named = {"HOME": str(home), "TERM": "xterm-256color", "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin", **PRETENDED}
        environment = " ".join(f"{name}={shlex.quote(value)}" for name, value in named.items())
        command = f"cd {home}; env -i {environment} {ROOT / '.venv/bin/ingate'} go"
        self._tmux("new-session", "-d", "-x", str(COLUMNS), "-y", str(ROWS), command)

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(["tmux", "-L", self.socket, *arguments], capture_output=True, text=True, check=True)
        return done.stdout

    def keys(self, *keys: str) -> None:
        self._tmux("send-keys", *keys)

    def wait_for(self, pattern: str) -> None:
        """Until the screen shows `pattern`."""
        begun_s = time.monotonic()
        while not re.search(pattern, self._tmux("capture-pane", "-p"), re.MULTILINE):
            if time.monotonic() - begun_s > DEADLINE_S:
                sys.exit(f"the screen never showed {pattern!r}:\n{self._tmux('capture-pane', '-p')}")
            time.sleep(0.1)

    def draw(self, name: str, title: str) -> None:
        """Write the screen as it is to a picture."""
        screen = self._tmux("capture-pane", "-p", "-e").rstrip("\n")
        console = Console(record=True, width=COLUMNS, force_terminal=True, file=io.StringIO())
        console.print(Text.from_ansi(screen), end="")
        svg = console.export_svg(title=title, unique_id=name)
        # The viewer's own fixed-width font: a picture loads nothing from anywhere.
        svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
        svg = svg.replace("font-family: Fira Code, monospace", "font-family: monospace")
        (PICTURES / f"{name}.svg").write_text(svg)
        print(f"docs/pictures/{name}.svg")

    def close(self) -> None:
        subprocess.run(["tmux", "-L", self.socket, "kill-server"], check=False, capture_output=True)


def main() -> None:
    """Drive one run key by key and draw what it shows."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        terminal = Terminal(Path(home))
        try:
            terminal.wait_for(r"LiteLLM \[available\]")
            terminal.keys("Tab", "Home")
            terminal.keys("Tab")
            terminal.wait_for("Anthropic")
            terminal.draw("picker", "ingate go")
            terminal.keys("/")
            terminal.keys("smollm2")
            terminal.wait_for("local/smollm2")
            terminal.keys("Enter")
            terminal.wait_for("Ctrl-D leaves")
            terminal.keys("Write a short list of three things a gateway does, with one bold word in each.", "Enter")
            terminal.wait_for(r"tokens/s")
            terminal.draw("chat", "ingate go --model local/smollm2")
        finally:
            terminal.close()


if __name__ == "__main__":
    main()
