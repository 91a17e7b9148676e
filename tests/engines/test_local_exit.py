"""A process that used the local model ends cleanly and silently, however it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from support.local import needs_model

pytestmark = needs_model

PROGRAM = """
import asyncio, sys
from support.local import LONG_QUESTION, QUESTION, local_route
from ingate.engines.base import CallReport
from ingate.engines.local import LocalEngine

engine = LocalEngine()
ending = sys.argv[1]

async def ask():
    messages = LONG_QUESTION if ending == "reading" else QUESTION
    stream = engine.stream(local_route(), {"messages": messages, "max_tokens": 3000, "ignore_eos": True}, CallReport())
    seen = 0
    async for _ in stream:
        seen += 1
        if seen == 5:
            print("speaking", flush=True)
            if ending == "return":
                await stream.aclose()
                return
            if ending == "exit":
                raise SystemExit(7)

async def leave_it():
    task = asyncio.create_task(ask())
    await asyncio.sleep(1)

if ending == "cycle":
    engine.itself = engine
    ending = "return"
if ending == "abandoned":
    loop = asyncio.new_event_loop()
    task = loop.create_task(ask())
    loop.run_until_complete(asyncio.sleep(1))
    loop.close()
elif ending == "reading":
    asyncio.run(leave_it())
else:
    asyncio.run(ask())
"""


def start(ending: str) -> subprocess.Popen[str]:
    program = [sys.executable, "-c", "import sys; sys.path.insert(0, sys.argv.pop()); " + PROGRAM, ending]
    folder = __file__.rsplit("/", 2)[0]
    return subprocess.Popen([*program, folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("ending", "status"), [("return", 0), ("cycle", 0), ("exit", 7), ("reading", 0)])
def test_it_ends_with_its_own_status_and_says_nothing(ending: str, status: int) -> None:
    for _ in range(2):
        running = start(ending)
        _, errors = running.communicate(timeout=60)
        assert running.returncode == status
        assert errors == ""


def test_a_loop_closed_in_the_middle_does_not_hold_the_process() -> None:
    running = start("abandoned")
    running.communicate(timeout=60)
    assert running.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once(number: signal.Signals) -> None:
    running = start("never")
    assert running.stdout is not None
    assert running.stdout.readline() == "speaking\n"
    begun = time.perf_counter()
    running.send_signal(number)
    running.communicate(timeout=60)
    assert running.returncode == -number
    assert time.perf_counter() - begun < 3


FORKS = """
import os, sys
from ingate import Ingate

client = Ingate(config={})

def ask():
    return client.chat.completions.create(
        model="local/smollm2?max_tokens=4&seed=1&timeout=30", messages=[{"role": "user", "content": "Say hi"}]
    ).choices[0].message.content

first = ask()
child = os.fork()
if child == 0:
    sys.exit(7 if ask() == first else 1)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 7, status
assert ask() == first
client.close()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the way out of a forked child is glibc's")
def test_a_forked_child_loads_the_model_anew_and_ends() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKS], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
