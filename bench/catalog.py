"""How long the catalog takes to load, cold and from its index, and how long one keystroke takes to search it.

python bench/catalog.py [--json]
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

TYPED = (
    "claude sonnet",
    "gpt-6.1",
    "gpt oss 120b cap:tools",
    "llama 70b cost:<1",
    "cap:vision cost:<1 ctx:>200k ready:",
    "provider:groq",
    "cladue opsu",
    "gemni flahs",
    "deepseek-v4 out:<2",
    "zzzzzzzz",
    "e a i o",
)
IN_PROCESS = """
import sys, time
from pathlib import Path
start = time.perf_counter()
from ingate.catalog import load
imported = time.perf_counter()
catalog = load(cache_dir=Path(sys.argv[1]))
done = time.perf_counter()
assert not {"litellm", "openai", "yaml", "rapidfuzz", "rich"} & set(sys.modules)
print((imported - start) * 1000, (done - imported) * 1000, len(catalog))
"""


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def load_ms(folder: Path) -> tuple[float, float, int]:
    out = subprocess.run([sys.executable, "-c", IN_PROCESS, str(folder)], capture_output=True, text=True, check=True)
    imported, loaded, count = out.stdout.split()
    return float(imported), float(loaded), int(count)


def measure() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _, cold, count = load_ms(folder)
        runs = [load_ms(folder) for _ in range(9)]
        index_kib = next(folder.glob("catalog-*.bin")).stat().st_size / 1024

        from ingate.catalog import Searcher, load

        gc.collect()
        tracemalloc.start()
        catalog = load(cache_dir=folder)
        rows_mib = tracemalloc.get_traced_memory()[0] / 2**20
        tracemalloc.stop()
    start = time.perf_counter()
    searcher = Searcher(catalog.rows)
    searcher.prepare()
    prepared = (time.perf_counter() - start) * 1000
    start = time.perf_counter()
    searcher.prepare(spelling=True)
    spelling = (time.perf_counter() - start) * 1000
    keystrokes: list[float] = []
    for _ in range(5):
        searcher = Searcher(catalog.rows)
        searcher.prepare(spelling=True)
        for text in TYPED:
            for end in range(1, len(text) + 1):
                start = time.perf_counter()
                searcher.search(text[:end], ready=lambda provider: provider < "m")
                keystrokes.append((time.perf_counter() - start) * 1000)
    return {
        "models": count,
        "import_ms": percentile([run[0] for run in runs], 0.5),
        "load_cold_ms": cold,
        "load_cached_ms": percentile([run[1] for run in runs], 0.5),
        "index_kib": index_kib,
        "rows_mib": rows_mib,
        "prepare_search_ms": prepared,
        "prepare_spelling_ms": spelling,
        "keystroke_p50_ms": percentile(keystrokes, 0.5),
        "keystroke_p99_ms": percentile(keystrokes, 0.99),
        "keystroke_max_ms": max(keystrokes),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    found = measure() if (options := parser.parse_args()) else {}
    if options.json:
        print(json.dumps(found))
    else:
        for label, value in found.items():
            print(f"{label:24}{value:10.2f}")
