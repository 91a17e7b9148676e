"""`make kill`: chats that are killed with SIGKILL at any moment, also while the disk fills up and has room again.

Each round continues the same conversation in a child process, kills it, and compares what it has shown with what is in the
file. What was shown must be there, unless the chat said before that the conversation is not being saved.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from ingate import Gateway
from ingate.chat import store
from ingate.chat.app import Chat, Options
from ingate.chat.session import Session, text_of
from ingate.chat.store import Log
from ingate.engines.scripted import ScriptedEngine

_SHOWN: Final = re.compile(r"(w\d+-\d+-\d+;)|(is not being saved)|(is being saved again)")
_LONGEST_S: Final = 0.8


def _child(path: Path, number: int, pipe: int, *, full: bool, seed: int) -> None:
    """Chat until killed, on the pipe."""
    chance = random.Random(seed)
    if full:
        _fill_up(path, chance)
    log = Log.reopen(path)
    engine = ScriptedEngine()
    with os.fdopen(pipe, "w", encoding="utf-8") as out:
        console = Console(file=out, force_terminal=True, width=100, height=40)
        asyncio.run(_chat(log, engine, console, number, chance))


def _fill_up(path: Path, chance: random.Random) -> None:
    """Let the kernel refuse to extend files beyond a little more than the conversation has now, for a while."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + chance.randrange(1500), hard))
    if chance.random() < 0.5:

        def again(*_: object) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))

        signal.signal(signal.SIGALRM, again)
        signal.setitimer(signal.ITIMER_REAL, 0.05 + chance.random() * 0.3)


async def _warm_up() -> None:
    """Import everything that a chat imports, so that the children need not."""
    engine = ScriptedEngine()
    async with Gateway({}, engines={"scripted": engine}) as gateway:
        console = Console(file=io.StringIO(), force_terminal=True)
        await Chat(gateway, Log.fresh(model="scripted/any", kept=False), console, Options()).send("Hello")


async def _chat(log: Log, engine: ScriptedEngine, console: Console, number: int, chance: random.Random) -> None:
    async with Gateway({}, engines={"scripted": engine}, retries=0) as gateway:
        chat = Chat(gateway, log, console, Options())
        for turn in range(100_000):
            words = [f"w{number}-{turn}-{at}; " for at in range(chance.randrange(2, 40))]
            engine.enqueue(words, delay_s=chance.choice((0.0, 0.002, 0.01)))
            await chat.send(f"u{number}-{turn};")


def _round(path: Path, number: int, *, full: bool, seed: int) -> tuple[int, list[str]]:
    """Chat, kill, compare: how many words were shown, and which are missing."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.close(read)
        try:
            _child(path, number, write, full=full, seed=seed)
        finally:
            os._exit(9)
    os.close(write)
    shown = bytearray()
    deadline_s = time.monotonic() + random.Random(seed + 1).uniform(0.05, _LONGEST_S)
    os.set_blocking(read, False)
    while time.monotonic() < deadline_s:
        try:
            shown += os.read(read, 2**16)
        except BlockingIOError:
            time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.set_blocking(read, True)
    while data := os.read(read, 2**16):
        shown += data
    os.close(read)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"the chat ended by itself: {shown.decode(errors='replace')[-2000:]}"
    return _compared(shown.decode(errors="replace"), store.load(path))


def _compared(shown: str, session: Session) -> tuple[int, list[str]]:
    kept = "\n".join(text_of(entry.message) for entry in session.entries)
    saved = set(re.findall(r"[uw][\d-]+;", kept))
    due: list[str] = []
    unsaved: list[str] = []
    is_saved = True
    for word, refused, again in _SHOWN.findall(shown):
        if word:
            (due if is_saved else unsaved).append(word)
        elif refused:
            is_saved = False
        elif again:
            is_saved = True
            due += unsaved
            unsaved = []
    due += [f"u{word[1:].rpartition('-')[0]};" for word in due]  # the question of every answer
    return len(set(due) | set(unsaved)), sorted(set(due) - saved)


def main(arguments: list[str] | None = None) -> int:
    """Run the rounds; exit status 1 if something that was shown is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="how often to kill (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as home:
        os.environ["HOME"] = home
        path = Path(home) / "conversation.jsonl"
        log = Log(Session(id="conversation", created_at=1.0, model="scripted/any"), path)
        log.record("model", spec="scripted/any")
        log.close()
        asyncio.run(_warm_up())
        words = failures = 0
        for number in range(given.rounds):
            full = number % 2 == 1
            count, missing = _round(path, number, full=full, seed=given.seed + number)
            words += count
            if missing:
                failures += 1
                print(f"round {number}{' (full disk)' if full else ''}: missing {missing[:5]}")
        kept: list[Any] = store.load(path).entries
        print(
            f"killed {given.rounds} times (seed {given.seed}), half of them with a full disk: {words} words shown, "
            f"{len(kept)} messages kept, {failures} rounds with something missing"
        )
    return 1 if failures or not words else 0


if __name__ == "__main__":
    sys.exit(main())
