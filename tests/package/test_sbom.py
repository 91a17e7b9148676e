"""`make sbom` lists exactly what is locked. Skipped where its tool has not been set up."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / ".venv-sbom" / "bin" / "cyclonedx-py"


@pytest.mark.skipif(not TOOL.is_file(), reason="`make sbom` has not been run here")
def test_the_bill_of_materials_lists_what_is_locked_with_its_hashes(tmp_path: Path) -> None:
    out = tmp_path / "sbom.json"
    done = subprocess.run([ROOT / "scripts" / "sbom", out], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    bill = json.loads(out.read_text())
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "ingate"
    lock = (ROOT / "requirements" / "dev.txt").read_text()
    pinned = set(re.findall(r"^([A-Za-z0-9][\w.-]*)==([\w.+!]+)", lock, re.MULTILINE))
    assert {(one["name"], one["version"]) for one in bill["components"]} == pinned
    assert all(one["externalReferences"][0]["hashes"] for one in bill["components"])
