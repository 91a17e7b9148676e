"""`make bench`: every benchmark, one after the other, or those named: `make bench ARGS="startup picker"`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> int:
    """Run them; the first failure's exit code, else 0."""
    known = sorted(file.stem for file in HERE.glob("*.py") if not file.stem.startswith("_"))
    chosen = sys.argv[1:] or known
    if unknown := [name for name in chosen if name not in known]:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    worst = 0
    for name in chosen:
        print(f"\n== {name}", flush=True)
        worst = worst or subprocess.run([sys.executable, HERE / f"{name}.py"], check=False).returncode
    return worst


if __name__ == "__main__":
    sys.exit(main())
