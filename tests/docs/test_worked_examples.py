"""The worked examples in the manual run as they are printed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import ingate

DOCS = Path(__file__).resolve().parents[2] / "docs"
FILE = re.compile(r"^```python\n# (\w+\.py)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", ["writing-an-engine.md", "testing-agents.md", "adding-a-model.md"])
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


async def test_everything_that_the_page_queues_can_be_queued() -> None:
    rows = re.findall(
        r"^\| .*? \| (`enqueue.*) \|$", (DOCS / "testing-agents.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    calls = [code for row in rows for code in re.findall(r"`(enqueue[^`]*)`", row) if "{...}" not in code]
    assert len(calls) >= 10
    for call in calls:
        engine = ingate.ScriptedEngine()
        eval(f"engine.{call}", {"engine": engine, "ingate": ingate})
        async with ingate.Gateway({}, engines={"scripted": engine}, retries=0) as gateway:
            body = {"model": "scripted/any", "messages": [{"role": "user", "content": "hi"}]}
            if "Error(" in call:
                with pytest.raises(ingate.IngateError):
                    await gateway.complete(body)
            else:
                assert "You said" not in str(await gateway.complete(body)), call


@pytest.mark.parametrize("page", ["writing-an-engine.md", "testing-agents.md", "adding-a-model.md"])
def test_its_links_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\((?!https:)([^)#]+)", (DOCS / page).read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (DOCS / link).exists()] == []
