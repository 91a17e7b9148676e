"""Importing litellm: once, in a thread, silently, from nowhere but the disk."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from importlib import metadata
from typing import TYPE_CHECKING

import pytest

from ingate.engines.litellm_ import load
from ingate.errors import MissingExtraError

if TYPE_CHECKING:
    from pathlib import Path

needs_litellm = pytest.mark.skipif(load.version() is None, reason="litellm is not installed")

GUARDED = """
import logging, socket, sys, threading, asyncio, os

def refuse(*args, **kwargs):
    print("network", args)
    raise OSError("no network here")

socket.getaddrinfo = refuse
socket.socket.connect = refuse
before = dict(os.environ)
from ingate.engines.litellm_ import LitellmEngine, load
assert "litellm" not in sys.modules
main = threading.get_ident()
"""


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "default", "-c", GUARDED + code],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@needs_litellm
def test_the_import_is_silent_reads_no_dotenv_and_reaches_for_no_network(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("GROQ_API_KEY=sk-from-a-dotenv\n")
    done = run(
        """
asyncio.run(load.load())
import litellm
assert litellm.suppress_debug_info
added = set(os.environ) - set(before)
assert added <= {"LITELLM_LOCAL_MODEL_COST_MAP", "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS", "LITELLM_MODE"}, added
names = ["", "LiteLLM", "LiteLLM Router", "LiteLLM Proxy"]
assert not any(logging.getLogger(name).handlers for name in names)
logging.getLogger("LiteLLM").error("not for the terminal")
assert not litellm.drop_params and not litellm.callbacks
for thread in threading.enumerate():
    if thread.name == "ingate-litellm-import":
        thread.join()
assert threading.active_count() == 1, threading.enumerate()
""",
        tmp_path,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_litellm
@pytest.mark.parametrize("collects", [True, False])
def test_the_import_leaves_garbage_collection_as_it_was(tmp_path: Path, collects: bool) -> None:
    done = run(
        f"""
import gc
if not {collects}:
    gc.disable()
during = []
class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "litellm":
            during.append(gc.isenabled())
sys.meta_path.insert(0, Finder)
frozen = gc.get_freeze_count()
asyncio.run(load.load())
assert during == [False], during
assert gc.isenabled() is {collects}
assert gc.get_freeze_count() > frozen + 10_000
""",
        tmp_path,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_litellm
def test_a_failed_import_leaves_garbage_collection_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "litellm.py").write_text("raise ImportError('broken')\n")
    done = run(
        f"""
import gc
sys.path.insert(0, {str(tmp_path)!r})
from ingate.errors import MissingExtraError
try:
    asyncio.run(load.load())
except MissingExtraError as error:
    assert "cannot be imported: broken" in str(error), error
else:
    raise AssertionError("it was imported")
assert gc.isenabled()
""",
        tmp_path,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_litellm
def test_two_callers_and_a_preload_import_once(tmp_path: Path) -> None:
    done = run(
        """
count, real = [], load._import
def counting():
    count.append(threading.get_ident())
    return real()
load._import = counting

async def both():
    LitellmEngine().preload()
    ticks = 0
    first, second = asyncio.ensure_future(load.load()), asyncio.ensure_future(load.load())
    while not (first.done() and second.done()):
        await asyncio.sleep(0.01)
        ticks += 1
    assert first.result() is second.result()
    return ticks

assert asyncio.run(both()) > 5, "the loop stood still"
assert len(count) == 1 and count[0] != main
""",
        tmp_path,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# Stops a thread's import of httpx in its middle, until the main thread asks for httpx too.
HALF_IMPORTED = """
import builtins, importlib, threading

reached, go_on = threading.Event(), threading.Event()

def stop_in_httpx(name, globals=None, *rest, original=builtins.__import__):
    if name == "_config" and globals["__package__"] == "httpx" and threading.current_thread().name != "MainThread":
        reached.set()
        assert go_on.wait(10)
    return original(name, globals, *rest)

def wait_for(name, package=None, *, original=importlib.import_module):
    if name == "httpx" and threading.current_thread().name == "MainThread":
        go_on.set()
    return original(name, package)

builtins.__import__ = stop_in_httpx
importlib.import_module = wait_for
"""


@needs_litellm
@pytest.mark.parametrize("how", ["construct", "call"])
def test_a_client_is_made_and_used_while_another_thread_imports_httpx(tmp_path: Path, how: str) -> None:
    pytest.importorskip("openai")
    done = run(
        HALF_IMPORTED
        + f"""
import openai
from ingate import Gateway, Ingate
gateway = Gateway({{}})
client = Ingate(gateway=gateway) if {how!r} == "call" else None
threading.Thread(target=importlib.import_module, args=("httpx",), daemon=True).start()
assert "httpx" in sys.modules or reached.wait(10)
with client or Ingate(gateway=gateway) as client:
    try:
        client.chat.completions.create(model="nobody/x", messages=[], timeout=5)
    except openai.APIStatusError:
        pass
""",
        tmp_path,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_litellm
def test_in_a_program_with_openais_sdk_httpx_is_complete_before_the_thread_starts(tmp_path: Path) -> None:
    pytest.importorskip("openai")
    done = run(
        HALF_IMPORTED
        + """
import openai
load._import = lambda: importlib.import_module("httpx")
load.preload()
with openai.OpenAI(api_key="k", timeout=3) as client:
    assert client.with_options(timeout=5).timeout == 5
assert not reached.is_set()
""",
        tmp_path,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def _pretend(monkeypatch: pytest.MonkeyPatch, version: str | None) -> None:
    def answer(name: str) -> str:
        if version is None:
            raise metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(metadata, "version", answer)
    monkeypatch.setattr(load, "_loading", None)


async def test_without_litellm_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    _pretend(monkeypatch, None)
    with pytest.raises(MissingExtraError) as caught:
        await load.load()
    assert caught.value.extra == "litellm"
    assert "pip install '.[litellm]'" in caught.value.fix


@pytest.mark.parametrize("version", sorted(load.COMPROMISED))
async def test_a_compromised_release_is_not_imported(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    _pretend(monkeypatch, version)
    with pytest.raises(MissingExtraError, match="compromised") as caught:
        await load.load()
    assert version in str(caught.value)
    assert "replace every key" in caught.value.fix


async def test_a_failed_import_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    _pretend(monkeypatch, None)
    with pytest.raises(MissingExtraError):
        await load.load()
    first = load.preload()
    with pytest.raises(MissingExtraError):
        await asyncio.wrap_future(first)
    assert load.preload() is not first
