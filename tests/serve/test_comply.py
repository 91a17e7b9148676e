"""llm-comply's conformance tests, run against `ingate serve` with a translation behind it."""

from __future__ import annotations

import asyncio
import json
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.proxy import address, serve_process
from support.simulators import PROVIDERS, simulated

if TYPE_CHECKING:
    from collections.abc import Mapping

pytest.importorskip("llm_comply")
pytestmark = pytest.mark.timeout(180)

COMMAND = Path(sysconfig.get_path("scripts")) / "llm-comply"
# The tests of reasoning are left out unless the model's name looks like one that reasons.
MODEL = "mine/gpt-5-claude-sonnet-4"


async def comply(base: str, form: str) -> dict[str, Any]:
    """The results of one of its suites."""
    arguments = ("--base-url", f"{base}/v1", "--api-key", "none", "--model", MODEL, "--format", form, "--json")
    process = await asyncio.create_subprocess_exec(
        COMMAND, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, problems = await process.communicate()
    assert out, problems.decode()
    return json.loads(out)


@pytest.mark.parametrize(
    ("form", "behind", "wire_format"),
    [
        ("open-responses", "openai", "chat"),
        ("open-responses", "anthropic", "messages"),
        ("anthropic", "openai", "chat"),
        ("openai-chat", "anthropic", "messages"),
    ],
)
async def test_a_translated_api_has_no_failure(form: str, behind: str, wire_format: str, tmp_path: Path) -> None:
    async with simulated(PROVIDERS[behind], any_path=True) as provider:
        server: Mapping[str, Any] = {"base_url": f"{provider.base}/v1", "wire_format": wire_format, "api_key": "none"}
        process = serve_process(tmp_path, config=json.dumps({"servers": {"mine": server}}))
        process.start()
        try:
            await asyncio.to_thread(process.wait)
            results = await comply(address(process), form)
        finally:
            await asyncio.to_thread(process.stop)
    assert provider.refused == []
    assert provider.taken
    failed = [(one["id"], one["errors"]) for one in results["results"] if one["status"] != "passed"]
    assert failed == []
    assert results["summary"]["passed"] == results["summary"]["total"] >= 9
