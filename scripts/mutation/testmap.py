"""Which tests cover which line: recorded once per test file and kept in `.mutate/`, and looked up for a mutant.

A line is known by its file, its function and its text, so that the map stays right when lines move. Test files that are new
or have changed since they were recorded are recorded again.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from mutants import functions
from plugin import read
from sandbox import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mutants import Mutant
    from sandbox import Sandbox

FILE: Final = ROOT / ".mutate" / "map.json.gz"
_RECORD_TIMEOUT_S: Final = 3600.0


@dataclass
class TestMap:
    """The map.

    Attributes:
        files: Test file → `{"sha", "seconds": {test: s}, "failed": [test], "cover": {source: {key: [test index]}}}`.
        lines: Source → the keys of all lines it had when tests were recorded, covered or not.
        index: Source → key → tests, for look-ups; tests that failed while they were recorded are left out.
    """

    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    lines: dict[str, list[str]] = field(default_factory=dict)
    index: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    _project: Path = ROOT

    @classmethod
    def load(cls) -> TestMap:
        """The kept map; an empty one if there is none."""
        try:
            kept = json.loads(gzip.decompress(FILE.read_bytes()))
            return cls(kept["files"], kept["lines"])
        except (OSError, ValueError, KeyError):
            return cls()

    def save(self) -> None:
        """Keep the map."""
        FILE.parent.mkdir(exist_ok=True)
        FILE.write_bytes(gzip.compress(json.dumps({"files": self.files, "lines": self.lines}).encode(), 5))

    def update(self, sandbox: Sandbox, only: Sequence[str] | None = None) -> None:
        """Record the test files that are new or have changed, a folder at a time.

        Args:
            sandbox: Where to run them.
            only: Folders of `tests/`; None: all.
        """
        folder = sandbox.project / "tests"
        hashes = {str(path.relative_to(sandbox.project)): _sha(path) for path in sorted(folder.rglob("test_*.py"))}
        self.files = {name: known for name, known in self.files.items() if name in hashes}
        groups: dict[str, list[str]] = {}
        wanted = tuple(f"tests/{folder}" for folder in only or ())
        for name, sha in hashes.items():
            group = name.rpartition("/")[0]
            if self.files.get(name, {}).get("sha") != sha and (only is None or group.startswith(wanted)):
                groups.setdefault(group, []).append(name)
        for group, names in groups.items():
            print(f"mutate: recording {len(names)} test files of {group}", file=sys.stderr, flush=True)
            self._record(sandbox, names, hashes)
            self.save()

    def _record(self, sandbox: Sandbox, names: list[str], hashes: dict[str, str]) -> None:
        outcome = sandbox.run(names, record=True, timeout_s=_RECORD_TIMEOUT_S, one=False)
        if outcome.status not in {0, 1, 5}:
            print(f"mutate: pytest ended with {outcome.status}\n{outcome.output}", file=sys.stderr)
            raise SystemExit(1)
        for name in names:
            tests = {test: round(s, 3) for test, s in outcome.seconds.items() if test.partition("::")[0] == name}
            failed = [test for test in outcome.failed if test in tests]
            self.files[name] = {"sha": hashes[name], "seconds": tests, "failed": failed, "cover": {}}
            for test in failed:
                print(f"mutate: {test} fails without a mutant and is left out", file=sys.stderr)
        places: dict[str, dict[int, str]] = {}
        found: dict[tuple[str, str], dict[str, set[int]]] = {}
        order = {name: {test: at for at, test in enumerate(self.files[name]["seconds"])} for name in names}
        for test, source, lines in read(sandbox.folder / "coverage", sandbox.project):
            name = test.partition("::")[0]
            if name not in order or test not in order[name]:
                continue
            keys = places.setdefault(source, _keys((sandbox.project / source).read_bytes()))
            covered = found.setdefault((name, source), {})
            for line in lines:
                if line in keys:
                    covered.setdefault(keys[line], set()).add(order[name][test])
        for file in (sandbox.project / "src").rglob("*.py"):
            source = str(file.relative_to(sandbox.project))
            keys = places.get(source) or _keys(file.read_bytes())
            self.lines[source] = sorted({*self.lines.get(source, ()), *keys.values()})
        for (name, source), covered in found.items():
            self.files[name]["cover"][source] = {key: sorted(tests) for key, tests in covered.items()}

    def prepare(self, project: Path) -> None:
        """Make the index for look-ups of mutants of the files in `project`."""
        self._project = project
        self.index = {}
        for known in self.files.values():
            tests, failed = list(known["seconds"]), set(known["failed"])
            for source, covered in known["cover"].items():
                keys = self.index.setdefault(source, {})
                for key, places in covered.items():
                    keys.setdefault(key, []).extend(tests[at] for at in places if tests[at] not in failed)

    def tests_for(self, mutant: Mutant) -> list[str] | None:
        """The tests that execute the mutant's statement, empty if none does; None if no test runs its file at all.

        Module and class level, which run at import, count as covered by every test that runs a function of the file; a
        line that was changed since the tests were recorded, by every test that runs its function, or else its file.
        """
        keys = self.index.get(mutant.path)
        if keys is None or not any(keys.values()):
            return None
        if not mutant.function:
            return sorted({test for tests in keys.values() for test in tests})
        lines = (self._project / mutant.path).read_text(encoding="utf-8").splitlines()
        wanted = {_key(mutant.function, lines[line - 1]) for line in range(mutant.lines[0], mutant.lines[1] + 1)}
        found = {test for key in wanted for test in keys.get(key, ())}
        if not found and not wanted & set(self.lines.get(mutant.path, ())):
            own = [tests for key, tests in keys.items() if key.startswith(f"{mutant.function}\t")]
            found = {test for tests in own or keys.values() for test in tests}
        return sorted(found)

    def seconds(self, test: str) -> float:
        """How long a test took when it was recorded."""
        return self.files[test.partition("::")[0]]["seconds"][test]


def _keys(source: bytes) -> dict[int, str]:
    names = functions(source)
    lines = source.decode().splitlines()
    return {line: _key(names[line], lines[line - 1]) for line in names}


def _key(function: str, line: str) -> str:
    return f"{function}\t{line.strip()}"


def _sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
