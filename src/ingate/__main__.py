"""`python -m ingate`: the command line, where the console script is not on the path."""

from __future__ import annotations

import sys
from pathlib import Path

# `python -m` looks for modules in the working directory first, which may be a folder that somebody else wrote.
if not sys.flags.safe_path and sys.path and Path(sys.path[0] or ".").resolve() == Path.cwd():
    del sys.path[0]

from ingate.cli.main import main

if __name__ == "__main__":
    main()
