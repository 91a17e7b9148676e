"""Runs inside the sandbox's Python: a process that has imported what all tests need, and forks for each run of pytest.

Importing pytest and the libraries takes most of the time of a short run. ingate itself is imported by each run, since each has
another mutant.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import sys
import time
from typing import Any

# Not litellm: what ingate sets before its import, and hooks into it afterwards, belongs to what is tested.
_LIBRARIES = (
    "_pytest.assertion.rewrite", "aiohttp", "click", "httpx", "hypothesis", "jsonschema", "mcp", "msgspec", "openai",
    "prompt_toolkit.application", "prompt_toolkit.shortcuts", "pygments.lexers", "rapidfuzz.process", "rich.console", "rich.markdown",
    "tenacity", "uvicorn", "yaml",
)  # fmt: skip


def main() -> None:
    """Read a job per line, `{"arguments", "folder", "output", "timeout_s"}`; answer with pytest's exit status, null if it was killed."""
    import pytest

    for name in _LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.freeze()
    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(pytest, job)
        status = _waited(child, job["timeout_s"])
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)  # and what it started
        if status is None:
            os.waitpid(child, 0)
        print(json.dumps(status), flush=True)


def _run(pytest: Any, job: dict[str, Any]) -> None:
    os.setsid()
    output = os.open(job["output"], os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 -- for the life of the process
    os.chdir(job["folder"])
    sys.path.insert(0, job["folder"])
    status = 3
    try:
        status = int(pytest.main(job["arguments"]))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _waited(child: int, timeout_s: float) -> int | None:
    end = time.monotonic() + timeout_s
    while (left := end - time.monotonic()) > 0:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        select.select([], [], [], min(left, 0.02))
    return None


if __name__ == "__main__":
    main()
