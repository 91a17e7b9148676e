"""Start-up side by side: ingate's commands and imports against `import openai` and `import litellm`, in one run.

    .venv/bin/python bench/startup.py [--rounds 9]

Whole processes, interleaved, so that a busy machine slows all alike; read the ratios, not the milliseconds.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

INGATE = str(Path(sys.executable).with_name("ingate"))
PYTHON = sys.executable
BASE = "import openai"
CASES: dict[str, list[str]] = {
    "python, nothing": [PYTHON, "-c", "pass"],
    BASE: [PYTHON, "-c", "import openai"],
    "import litellm": [PYTHON, "-c", "import litellm"],
    "import ingate": [PYTHON, "-c", "import ingate"],
    "ingate.Gateway()": [PYTHON, "-c", "import ingate; ingate.Gateway({})"],
    "ingate --help": [INGATE, "--help"],
    "ingate models": [INGATE, "models"],
    "ingate models claude": [INGATE, "models", "claude"],
    "ingate explain": [INGATE, "explain", "groq/openai/gpt-oss-120b"],
    "ingate doctor": [INGATE, "doctor"],
}


def once(command: list[str], home: str) -> tuple[float, float]:
    """Seconds and peak megabytes of one process."""
    environment = {**os.environ, "HOME": home, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    begun_s = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0
    return time.perf_counter() - begun_s, used.ru_maxrss / 1024


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in CASES}
    with tempfile.TemporaryDirectory() as home:
        for command in CASES.values():
            once(command, home)
        for _ in range(rounds):
            for name, command in CASES.items():
                taken[name].append(once(command, home))
    base_s = statistics.median(seconds for seconds, _ in taken[BASE])
    print(f"{rounds} interleaved rounds, medians; memory of this process {_own_mb():.0f} MB")
    print(f"{'':24} {'ms':>7} {'x openai':>9} {'MB':>6}")
    for name, runs in taken.items():
        seconds = statistics.median(seconds for seconds, _ in runs)
        megabytes = statistics.median(mb for _, mb in runs)
        print(f"{name:24} {seconds * 1000:7.0f} {seconds / base_s:9.2f} {megabytes:6.0f}")


def _own_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
