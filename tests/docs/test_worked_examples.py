"""The worked examples in the manual run as they are printed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
FILE = re.compile(r"^```python\n# (\w+\.py)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", ["writing-an-engine.md", "testing-agents.md"])
def test_the_tests_on_the_page_pass(page: str, tmp_path: Path) -> None:
    files = dict(FILE.findall((DOCS / page).read_text(encoding="utf-8")))
    assert len(files) == 2
    for name, code in files.items():
        (tmp_path / name).write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=prepend", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    wanted = len(re.findall(r"^(?:async )?def test_", "\n".join(files.values()), re.MULTILINE))
    assert f"{wanted} passed" in done.stdout


@pytest.mark.parametrize("page", ["writing-an-engine.md", "testing-agents.md"])
def test_its_links_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\((?!https:)([^)#]+)", (DOCS / page).read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (DOCS / link).exists()] == []
