"""Sample mutants of each package, run the tests that cover them, and report how many the tests notice.

    scripts/mutate                                 10 mutants of every package
    scripts/mutate --package config --sample 40    one package
    scripts/mutate --package src/ingate/spec.py    one file
    scripts/mutate --map                           only record which test covers which line

The score is the share of mutants that make a test fail, crash or hang. A mutant on a line that no test runs counts as
unnoticed. Files that no test runs in this environment (those tested by scripts/hosts) are left out. Mutants that a reader has
judged equivalent are listed in scripts/mutation/equivalent.txt and are not sampled.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import queue
import random
import signal
import sys
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mutants import mutants
from sandbox import Sandbox
from testmap import TestMap

if TYPE_CHECKING:
    from mutants import Mutant

_EQUIVALENT: Final = Path(__file__).with_name("equivalent.txt")
_START_S: Final = 60.0  # pytest itself, the imports, and a busy machine
_SLOWDOWN: Final = 4.0  # a mutant may be so much slower than the recorded run before it counts as hanging

KILLED: Final = "killed"
SURVIVED: Final = "survived"
UNCOVERED: Final = "uncovered"
# Their tests need the host itself, which `scripts/hosts` installs apart; here they are imported at most.
_TESTED_ELSEWHERE: Final = ("src/ingate/integrations/fast_agent/",)


def main(arguments: list[str]) -> int:
    """Run the command line; the exit status is 1 if a score is below `--fail-under`."""
    options = _options(arguments)
    if importlib.util.find_spec("coverage") is None:
        print("mutate: this needs the coverage package: run scripts/setup", file=sys.stderr)
        return 2
    known = TestMap.load() if not options.remap else TestMap()
    with Sandbox() as sandbox:
        if not options.no_update:
            known.update(sandbox, options.only_tests)
        if options.map:
            return 0
        known.prepare(sandbox.project)
        sample = _sample(options, known, sandbox.project)
        total = sum(len(chosen) for chosen in sample.values())
        print(f"seed {options.seed}, {total} mutants", flush=True)
        results = _run(sample, known, sandbox, options)
    return _report(results, options)


def _options(arguments: list[str]) -> argparse.Namespace:
    head, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="scripts/mutate", description=head, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--package", action="append", default=[], help="a package of src/ingate or a path; repeatable")
    parser.add_argument(
        "--sample", type=int, default=10, metavar="N", help="mutants per package (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=None, help="repeat the sample of an earlier run")
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="of tests per mutant, the nearest first (%(default)s)"
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="mutants at a time (default: %(default)s)")
    parser.add_argument("--fail-under", type=float, default=0.0, metavar="PERCENT", help="the lowest accepted score")
    parser.add_argument("--line", type=int, metavar="N", help="with a file as --package: the mutants of this line only")
    parser.add_argument("--map", action="store_true", help="record which test covers which line, and stop")
    parser.add_argument("--remap", action="store_true", help="record all tests again")
    parser.add_argument(
        "--no-update", action="store_true", help="use the map as it is, without recording changed tests"
    )
    parser.add_argument(
        "--only-tests", action="append", metavar="FOLDER", help="record changed tests of this folder only"
    )
    options = parser.parse_args(arguments)
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(100_000)
    return options


def _package(path: str) -> str:
    """The package of a source file; modules directly in `ingate` are one package, `ingate`."""
    parts = path.split("/")
    return parts[2] if len(parts) > 3 else "ingate"


def _sample(options: argparse.Namespace, known: TestMap, project: Path) -> dict[str, list[Mutant]]:
    """Package → its mutants: lines are drawn evenly, then one mutant of each. `project` is the sandbox's copy."""
    equivalent = _equivalent()
    found: dict[str, dict[tuple[str, int], list[Mutant]]] = defaultdict(dict)
    unmeasured: list[str] = []
    for file in sorted((project / "src" / "ingate").rglob("*.py")):
        path = str(file.relative_to(project))
        package = _package(path)
        if options.package and package not in options.package and path not in options.package:
            continue
        for mutant in mutants(file, project):
            if options.line not in {None, mutant.line}:
                continue
            if path.startswith(_TESTED_ELSEWHERE) or known.tests_for(mutant) is None:
                unmeasured.append(path)
                break
            if (path, mutant.function, mutant.before, mutant.after) not in equivalent:
                found[package].setdefault((path, mutant.line), []).append(mutant)
    for path in unmeasured:
        print(f"not measured: its tests do not run in this environment: {path}", flush=True)
    draw = random.Random(options.seed)
    sample: dict[str, list[Mutant]] = {}
    for package, lines in sorted(found.items()):
        if options.line is not None:
            sample[package] = [mutant for line in lines.values() for mutant in line]
            continue
        chosen = draw.sample(sorted(lines), min(options.sample, len(lines)))
        sample[package] = [draw.choice(lines[line]) for line in chosen]
    return sample


def _equivalent() -> set[tuple[str, ...]]:
    """Path, function, line and mutated line of each entry in equivalent.txt."""
    lines = _EQUIVALENT.read_text(encoding="utf-8").splitlines()
    return {tuple(line.split(" | ")[:4]) for line in lines if line and not line.startswith("#")}


def _select(mutant: Mutant, known: TestMap, budget_s: float) -> list[str]:
    """The tests to run, those of the mutant's own package first, then the quickest, within the budget."""
    package = _package(mutant.path)
    covering = known.tests_for(mutant) or []
    stem = Path(mutant.path).stem.strip("_")
    ranked = sorted(
        covering,
        key=lambda test: (
            not test.startswith(f"tests/{package}/"),
            f"test_{stem}" not in test,
            known.seconds(test),
            test,
        ),
    )
    chosen: list[str] = []
    for test in ranked:
        if chosen and known.seconds(test) > budget_s:
            continue
        budget_s -= known.seconds(test)
        chosen.append(test)
    return chosen


def _run(
    sample: dict[str, list[Mutant]], known: TestMap, sandbox: Sandbox, options: argparse.Namespace
) -> list[tuple[str, Mutant, str, str]]:
    """Package, mutant, outcome and what noticed it."""
    boxes: queue.Queue[Sandbox] = queue.Queue()
    boxes.put(sandbox)
    others = [Sandbox(sandbox.project) for _ in range(options.jobs - 1)]
    for other in others:
        boxes.put(other)
    # Tests are selected first: the selection reads the files that are changed later.
    work = [
        (package, mutant, _select(mutant, known, options.seconds))
        for package, chosen in sample.items()
        for mutant in chosen
    ]

    def one(item: tuple[str, Mutant, list[str]]) -> tuple[str, Mutant, str, str]:
        package, mutant, tests = item
        box = boxes.get()
        try:
            outcome, by = _try(mutant, tests, known, box)
        finally:
            boxes.put(box)
        print(f"{outcome:9} {mutant}{f'  [{by}]' if by else ''}", flush=True)
        return package, mutant, outcome, by

    pool = ThreadPoolExecutor(options.jobs)
    try:
        results = list(pool.map(one, work))
        return _confirmed(results, known, sandbox, options)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for box in (sandbox, *others):
            box.stop()
        pool.shutdown()
        for other in others:
            other.__exit__()


def _try(mutant: Mutant, tests: list[str], known: TestMap, sandbox: Sandbox) -> tuple[str, str]:
    if not tests:
        return UNCOVERED, ""
    source = sandbox.read(mutant.path)
    sandbox.write(mutant.path, mutant.applied(source))
    try:
        files = list(dict.fromkeys(test.partition("::")[0] for test in tests))
        limit_s = _START_S + _SLOWDOWN * sum(known.seconds(test) for test in tests)
        outcome = sandbox.run(files, tests=tests, timeout_s=limit_s)
    finally:
        sandbox.write(mutant.path, source)
    if outcome.status is None:
        return KILLED, "timeout"
    if outcome.status in {0, 5}:
        return SURVIVED, ""
    return KILLED, outcome.failed[0] if outcome.failed else f"pytest exit status {outcome.status}"


def _confirmed(
    results: list[tuple[str, Mutant, str, str]], known: TestMap, sandbox: Sandbox, options: argparse.Namespace
) -> list[tuple[str, Mutant, str, str]]:
    """The results without the kills of tests that also fail without a mutant."""
    killers = sorted({by for _, _, outcome, by in results if outcome == KILLED and "::" in by})
    if not killers:
        return results
    files = list(dict.fromkeys(test.partition("::")[0] for test in killers))
    clean = sandbox.run(files, tests=killers, timeout_s=3600.0, one=False)
    confirmed = []
    for package, mutant, outcome, by in results:
        if by in clean.failed:
            print(f"flaky: {by} fails without a mutant", flush=True)
            known.files[by.partition("::")[0]]["failed"].append(by)
            known.prepare(sandbox.project)
            outcome, by = _try(mutant, _select(mutant, known, options.seconds), known, sandbox)
        confirmed.append((package, mutant, outcome, by))
    return confirmed


def _report(results: list[tuple[str, Mutant, str, str]], options: argparse.Namespace) -> int:
    missed = [(mutant, outcome) for _, mutant, outcome, _ in results if outcome != KILLED]
    if missed:
        print("\nUnnoticed:")
        for mutant, outcome in missed:
            print(f"  {mutant}{'  (no test runs this line)' if outcome == UNCOVERED else ''}")
    print(f"\n{'package':14} mutants  killed  score")
    lowest = 100.0
    for package in [*sorted({package for package, *_ in results}), ""]:
        own = [outcome for name, _, outcome, _ in results if package in {name, ""}]
        killed = own.count(KILLED)
        score = 100 * killed / len(own) if own else 100.0
        lowest = min(lowest, score)
        print(f"{package or 'all':14} {len(own):7} {killed:7} {score:5.0f}%")
    return int(lowest < options.fail_under)


if __name__ == "__main__":
    began = time.monotonic()
    os.nice(10)
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell lets its background jobs ignore SIGINT
        signal.signal(number, lambda *_: sys.exit(130))
    status = main(sys.argv[1:])
    print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
    sys.exit(status)
