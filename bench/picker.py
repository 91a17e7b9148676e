"""How soon the picker is there, how much memory it takes, and how long a keystroke takes to become a frame.

python bench/picker.py [--json] [--runs N]

Everything is measured from outside, on a pseudo-terminal of 120 × 40: from the start of the process, or from the byte of a
key, to the end of the frame that answers it. The yardstick is `python -c "import openai"`, run in turn with the picker.
`go_` is `ingate go` as it is started by a person; the rest is the picker with services that do nothing.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

FRAME_END = b"\x1b[?2026l"
SIZE = (40, 120)
TYPED = ("claude sonnet", "gpt-oss 120b cap:tools", "llama 70b cost:<1", "cladue opsu", "deepseek v4", "gemni flahs")
DRIVER = """
import sys
from ingate import environment
from ingate.catalog import load as load_catalog
from ingate.config import load
from ingate.gateway.models import local_rows
from ingate.gateway.readiness import ReadinessChecker
from ingate.gateway.routing import Router
from ingate.picker import PickerData, first_frame
environ = environment.snapshot()
config = load(environ=environ)
catalog = load_catalog()
router = Router(config, lambda: catalog)
data = PickerData.gather(config, environ, catalog, ReadinessChecker(router), local=local_rows(config))
screen = first_frame(data)
import asyncio
from ingate.picker import pick

class EffectRunner:
    def warm(self):
        if "warm" in sys.argv:
            from ingate.engines.litellm_.load import preload
            from pathlib import Path
            preload().add_done_callback(lambda _: Path(sys.argv[-1]).touch())
            Path(sys.argv[-1] + ".begun").touch()
    def readiness(self):
        return ReadinessChecker(router)
    async def deployments(self):
        return []
    async def live(self, name):
        raise ConnectionError(name)
    def copy(self, text):
        return True

asyncio.run(pick(data, EffectRunner(), screen=screen))
"""


class Terminal:
    """A picker on a pseudo-terminal."""

    def __init__(self, home: str, *arguments: str, go: bool = False) -> None:
        environ = {"HOME": home, "PATH": os.environ["PATH"], "TERM": "xterm-256color", "GROQ_API_KEY": "x"}
        self.began = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            what = ["-c", "from ingate.cli.main import main; main()", "go"] if go else ["-c", DRIVER, *arguments]
            os.execve(sys.executable, [sys.executable, *what], environ)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
        self.seen = b""

    def frame(self, timeout_s: float = 20.0) -> float:
        """Wait for the end of a frame; when it came."""
        limit = time.perf_counter() + timeout_s
        while FRAME_END not in self.seen:
            if not select.select([self.fd], [], [], max(0.0, limit - time.perf_counter()))[0]:
                raise TimeoutError(self.seen[-500:])
            self.seen += os.read(self.fd, 1 << 16)
        came = time.perf_counter()
        self.seen = self.seen.partition(FRAME_END)[2]
        return came

    def quiet(self, for_s: float) -> None:
        """Read until nothing has come for so long."""
        while select.select([self.fd], [], [], for_s)[0]:
            os.read(self.fd, 1 << 16)
        self.seen = b""

    def key(self, text: str) -> float:
        """Type one key; milliseconds until a frame is there."""
        began = time.perf_counter()
        os.write(self.fd, text.encode())
        return (self.frame() - began) * 1000

    def memory_mb(self) -> float:
        """The most memory it has held, in MB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1000

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def openai_ms() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import openai"], check=True)
    return (time.perf_counter() - began) * 1000


def startup(home: str, runs: int) -> dict[str, float]:
    first, answered, memory, yardstick, whole, whole_memory = [], [], [], [], [], []
    for _ in range(runs):
        yardstick.append(openai_ms())
        terminal = Terminal(home, go=True)
        whole.append((terminal.frame() - terminal.began) * 1000)
        whole_memory.append(terminal.memory_mb())
        terminal.close()
        terminal = Terminal(home)
        first.append((terminal.frame() - terminal.began) * 1000)
        terminal.key("\x1b[B")
        answered.append((time.perf_counter() - terminal.began) * 1000)
        terminal.quiet(1.3)
        memory.append(terminal.memory_mb())
        terminal.close()
    found = {
        "openai_import_ms": statistics.median(yardstick),
        "go_first_frame_ms": statistics.median(whole),
        "go_first_frame_ratio": statistics.median(
            frame / openai for frame, openai in zip(whole, yardstick, strict=True)
        ),
        "go_memory_at_first_frame_mb": max(whole_memory),
        "first_frame_ms": statistics.median(first),
        "first_key_answered_ms": statistics.median(answered),
    }
    ratios = [frame / openai for frame, openai in zip(first, yardstick, strict=True)]
    return {**found, "first_frame_ratio": statistics.median(ratios), "memory_mb": max(memory)}


def typed(terminal: Terminal, until: Path | None, least: int) -> list[float]:
    """Type and erase words, a key every 25 ms, until the file is there (or once through)."""
    found: list[float] = []
    while True:
        for word in TYPED:
            for letter in ("/", *word, "\x15"):
                found.append(terminal.key(letter))
                time.sleep(0.025)
                if until is not None and until.exists() and len(found) >= least:
                    return found
            terminal.quiet(0.1)
            os.write(terminal.fd, b"\x1b")
            terminal.quiet(0.2)
        if until is None:
            return found


def keystrokes(home: str, *, warm: bool) -> list[float]:
    marker = Path(home) / "loaded"
    marker.unlink(missing_ok=True)
    terminal = Terminal(home, *(["warm", str(marker)] if warm else []))
    try:
        terminal.frame()
        if warm:
            begun = Path(f"{marker}.begun")
            while not begun.exists():
                time.sleep(0.005)
            begun.unlink()
            terminal.quiet(0.01)
            return typed(terminal, marker, 5)
        terminal.quiet(1.0)
        return [one for _ in range(3) for one in typed(terminal, None, 0)]
    finally:
        terminal.close()


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def measure(runs: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as home:
        openai_ms()
        terminal = Terminal(home)  # writes the catalog's index and the byte code
        terminal.frame()
        terminal.close()
        found = startup(home, runs)
        idle = keystrokes(home, warm=False)
        loading = [one for _ in range(3) for one in keystrokes(home, warm=True)]
    for name, values in (("keystroke", idle), ("keystroke_loading", loading)):
        found |= {f"{name}s": len(values)}
        found |= {f"{name}_p{int(share * 100)}_ms": percentile(values, share) for share in (0.5, 0.9, 0.99)}
        found |= {f"{name}_max_ms": max(values)}
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--runs", type=int, default=9, help="how many starts (default 9)")
    options = parser.parse_args()
    result = measure(options.runs)
    if options.json:
        print(json.dumps(result))
    else:
        for label, value in result.items():
            print(f"{label:28}{value:10.2f}")
        print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
