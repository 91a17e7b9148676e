"""A temporary copy of the project with a Python environment of its own, so that nothing else ever sees a mutant."""

from __future__ import annotations

import compileall
import contextlib
import json
import os
import py_compile
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

ROOT: Final = Path(__file__).resolve().parents[2]
_COPIED: Final = ("src", "tests", "scripts", "docs", "examples", "bench", "requirements", ".ci")
_SKIPPED: Final = shutil.ignore_patterns("__pycache__", ".*_cache")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one run of pytest.

    Attributes:
        status: pytest's exit status (0 all passed, 1 some failed, 5 none ran); None if the run was stopped.
        seconds: Test function → its duration, all parameters together.
        failed: The test functions that failed.
        output: The end of pytest's output.
    """

    status: int | None
    seconds: dict[str, float]
    failed: list[str]
    output: str


class Sandbox:
    """One copy; a context manager that removes it.

    Args:
        origin: The project to copy, by default the working tree.
    """

    def __init__(self, origin: Path = ROOT) -> None:
        self._origin = origin
        self._process: subprocess.Popen[bytes] | None = None
        self._worker: subprocess.Popen[str] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="ingate-mutate-")
        self.folder = Path(self._folder.name)
        self.project = self.folder / "project"
        self.python = self.folder / "venv" / "bin" / "python"
        self._recording = self.folder / "recording"
        self._copy()
        self._make_environment()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
        self._folder.cleanup()

    def _copy(self) -> None:
        self.project.mkdir()
        for name in _COPIED:
            if (self._origin / name).is_dir():
                shutil.copytree(self._origin / name, self.project / name, ignore=_SKIPPED, symlinks=True)
        for file in self._origin.iterdir():
            if file.is_file() and not file.name.startswith(".coverage"):
                shutil.copy2(file, self.project / file.name)
        for beside in (ROOT.parent / "shared", ROOT / ".venv-proxy"):
            target = self.folder / "shared" if beside.name == "shared" else self.project / beside.name
            if beside.is_dir():
                target.symlink_to(beside.resolve())
        # Validated by content: a mutant may have the size and the second of the file it replaces.
        compileall.compile_dir(
            self.project / "src", quiet=2, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH
        )

    def _make_environment(self) -> None:
        """A virtual environment in which `ingate` is the copy and everything else is this environment's."""
        base = Path(sys._base_executable).resolve()
        self.python.parent.mkdir(parents=True)
        self.python.symlink_to(base)
        (self.folder / "venv" / "pyvenv.cfg").write_text(
            f"home = {base.parent}\ninclude-system-site-packages = false\n"
        )
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        packages = self.folder / "venv" / "lib" / version / "site-packages"
        packages.mkdir(parents=True)
        shutil.copy2(Path(__file__).with_name("plugin.py"), packages / "_mutation.py")
        own = sysconfig.get_path("purelib")
        lines = [str(self.project / "src"), f"import site; site.addsitedir({own!r})", "import _mutation"]
        (packages / "mutation.pth").write_text("\n".join(lines) + "\n")
        for script in Path(sys.executable).parent.iterdir():
            if script.name == "ingate":
                text = script.read_text().partition("\n")[2]
                copy = self.python.with_name(script.name)
                copy.write_text(f"#!{self.python}\n{text}")
                copy.chmod(0o755)

    def read(self, path: str) -> bytes:
        """A file of the copy."""
        return (self.project / path).read_bytes()

    def write(self, path: str, content: bytes) -> None:
        """Replace a file of the copy."""
        (self.project / path).write_bytes(content)

    def stop(self) -> None:
        """Kill the run and everything it started."""
        for process in (self._process, self._worker):
            if process is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._process = self._worker = None

    def run(
        self,
        files: list[str],
        *,
        tests: list[str] | None = None,
        record: bool = False,
        timeout_s: float,
        one: bool = True,
    ) -> Outcome:
        """Run pytest in the copy.

        Args:
            files: Test files or folders, relative to the project.
            tests: The test functions to run, in order; None: all.
            record: Whether to record coverage, in `coverage/`.
            timeout_s: The run and everything it started is killed after so many seconds.
            one: Whether to stop at the first failure.
        """
        for name in ("selected.json", "result.json", "recording"):
            (self.folder / name).unlink(missing_ok=True)
        if tests is not None:
            (self.folder / "selected.json").write_text(json.dumps(tests))
        if record:
            shutil.rmtree(self.folder / "coverage", ignore_errors=True)
            (self.folder / "coverage").mkdir()
            self._recording.write_text("")
        arguments = ["-q", "--tb=line", "-p", "_mutation", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
        arguments += [f"--basetemp={self.folder / 'tmp'}", *(["-x"] if one else []), *files]
        status = self._recorded(arguments, timeout_s) if record else self._forked(arguments, timeout_s)
        text = (self.folder / "output").read_text(errors="replace")[-4000:]
        self._recording.unlink(missing_ok=True)
        try:
            result = json.loads((self.folder / "result.json").read_text())
        except (OSError, ValueError):
            result = {"seconds": {}, "failed": []}
        return Outcome(status, result["seconds"], result["failed"], text)

    def _recorded(self, arguments: list[str], timeout_s: float) -> int | None:
        """Run pytest in a process of its own, which records coverage from its start."""
        with (self.folder / "output").open("wb") as output:
            self._process = process = subprocess.Popen(
                [str(self.python), "-m", "pytest", *arguments],
                cwd=self.project,
                env={**_environment(), "COVERAGE_CORE": "ctrace"},  # other cores do not know contexts
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            return process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None
        finally:
            self.stop()

    def _forked(self, arguments: list[str], timeout_s: float) -> int | None:
        """Run pytest in a fork of the worker, which has imported the libraries."""
        if self._worker is None:
            self._worker = subprocess.Popen(
                [str(self.python), str(Path(__file__).with_name("worker.py"))],
                env=_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
            )
        worker = self._worker
        assert worker.stdin is not None
        assert worker.stdout is not None
        job = {
            "arguments": arguments,
            "folder": str(self.project),
            "output": str(self.folder / "output"),
            "timeout_s": timeout_s,
        }
        worker.stdin.write(json.dumps(job) + "\n")
        worker.stdin.flush()
        return json.loads(worker.stdout.readline())


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
