"""`python -m ingate.integrations.fast_agent …`: fast-agent's command line with ingate's providers."""

from __future__ import annotations

import sys
from pathlib import Path

# `python -m` looks for modules in the working directory first, which may be a folder that somebody else wrote.
if not sys.flags.safe_path and sys.path and Path(sys.path[0] or ".").resolve() == Path.cwd():
    del sys.path[0]

from ingate.errors import IngateError
from ingate.integrations.fast_agent.command import main

try:
    main()
except IngateError as error:
    print(f"error: {error.message}\n  fix: {error.fix}", file=sys.stderr)
    raise SystemExit(error.exit_code) from None
