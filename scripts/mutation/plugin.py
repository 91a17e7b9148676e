"""Runs inside the sandbox's Python: records which test covers which line, or selects the tests to run.

The sandbox's site-packages holds this module, and its `.pth` file imports it in every Python process there. It starts
coverage if the sandbox has a `recording` file, also in the processes that tests start, whatever environment they are given.
pytest loads it a second time as a plugin (`-p _mutation`).
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

SANDBOX = Path(sys.prefix).parent
RECORDING = SANDBOX / "recording"  # exists while coverage is recorded; its text is the test that is running
SELECTED = SANDBOX / "selected.json"  # the tests to run, in order
RESULT = SANDBOX / "result.json"  # seconds of every test that ran, and the tests that failed
_MEMORY_BYTES = 8 << 30  # a mutant may loop and append for ever

_coverage: Any = None


def start() -> None:
    """Begin to record, if the sandbox asks for it."""
    global _coverage
    if _coverage is not None or not RECORDING.exists():
        return
    import atexit

    import coverage

    _coverage = coverage.Coverage(
        data_file=str(SANDBOX / "coverage" / "data"),
        data_suffix=True,
        source=[str(SANDBOX / "project" / "src" / "ingate")],
        config_file=False,
        messages=False,
        check_preimported=False,
        context=RECORDING.read_text(),
    )
    _coverage._warn_no_data = False
    _coverage.start()
    atexit.register(_save)


def _save() -> None:
    _coverage.stop()
    _coverage.save()


def function_of(node_id: str) -> str:
    """A test's node id without its parameters."""
    return node_id.partition("[")[0]


class Plugin:
    """pytest's hooks."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.failed: list[str] = []

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Coverage from here on belongs to this test."""
        if RECORDING.exists():
            RECORDING.write_text(function_of(nodeid))
            _coverage.switch_context(function_of(nodeid))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how long a test took and whether it failed."""
        name = function_of(report.nodeid)
        self.seconds[name] = self.seconds.get(name, 0.0) + report.duration
        if report.failed and name not in self.failed:
            self.failed.append(name)

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Keep the selected tests, in the order in which they were selected."""
        if not SELECTED.exists():
            return
        rank = {name: place for place, name in enumerate(json.loads(SELECTED.read_text()))}
        kept = [item for item in items if function_of(item.nodeid) in rank]
        config.hook.pytest_deselected(items=[item for item in items if function_of(item.nodeid) not in rank])
        items[:] = sorted(kept, key=lambda item: rank[function_of(item.nodeid)])

    def pytest_sessionfinish(self) -> None:
        """Leave the result for the runner."""
        RESULT.write_text(json.dumps({"seconds": self.seconds, "failed": self.failed}))


def pytest_configure(config: pytest.Config) -> None:
    """Register the hooks, and limit the memory of this process and those it starts."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    config.pluginmanager.register(Plugin(), "mutation")


def read(folder: Path, sources: Path) -> Iterator[tuple[str, str, list[int]]]:
    """Test, file relative to `sources`, and lines: everything recorded in `folder`."""
    import sqlite3

    from coverage.numbits import numbits_to_nums

    query = (
        "select context.context, file.path, line_bits.numbits from line_bits"
        " join context on context.id = line_bits.context_id join file on file.id = line_bits.file_id"
    )
    for data in folder.iterdir():
        with sqlite3.connect(data) as connection:
            try:
                for context, path, numbits in connection.execute(query):
                    yield context, os.path.relpath(path, sources), numbits_to_nums(numbits)
            except sqlite3.DatabaseError:  # a process that was killed while it wrote
                continue
        connection.close()


start()
