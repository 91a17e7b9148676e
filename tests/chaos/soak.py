"""`make soak`: 200 conversations at a time over every lane, with faults in one of twenty answers.

Every answer must fit its question and the whole history before it; every conversation must be in its file, each message once
and in order; and in the second half of the time memory and open files must not grow.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openai

from chaos.faults import FAULTS
from chaos.matrix import LANES, Chaos, UntypedError, chaos
from chaos.server import question
from ingate import AsyncIngate
from ingate.chat import store
from ingate.chat.session import Session
from ingate.chat.store import Log
from ingate.errors import IngateError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

TURNS = 12  # of each conversation, after which another takes its place
FAULTY = 0.05
_TRIES = 12
# Faults of an answer that a client sees as an error, or recovers from.
_USED = [name for name, fault in FAULTS.items() if fault.address is None and not fault.heavy]


class SoakError(AssertionError):
    """A message was lost, repeated or mixed up."""


@dataclass
class Soak:
    """A running soak.

    Attributes:
        running: The fault server and the gateways.
        folder: Where conversations are kept.
        until_s: When no further turn begins, on the event loop's clock.
        turns, errors: How many turns were answered, and the typed errors on the way, by their class.
    """

    running: Chaos
    folder: Path
    until_s: float
    chance: random.Random
    client: AsyncIngate
    pause_s: float
    turns: int = 0
    conversations: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    async def talk(self) -> None:
        """Hold one conversation after another."""
        loop = asyncio.get_running_loop()
        while loop.time() < self.until_s:
            self.conversations += 1
            number = self.conversations
            try:
                await self._conversation(number, loop)
            except SoakError as error:
                self.wrong.append(f"conversation {number}: {error}")

    async def _conversation(self, number: int, loop: asyncio.AbstractEventLoop) -> None:
        path = self.folder / f"{number}.jsonl"
        log = Log(Session(id=str(number), created_at=1.0, model="mixed"), path)
        expected: list[str] = []
        messages: list[dict[str, Any]] = []
        try:
            for turn in range(TURNS):
                if loop.time() >= self.until_s:
                    break
                asked = f"q{number}-{turn};"
                log.record("user", content=asked)
                messages.append({"role": "user", "content": asked})
                answer = await self._answered(messages, asked)
                wanted = f"a{number}-{turn}; of {turn + 1} questions."
                if answer != wanted:
                    raise SoakError(f"{answer!r} instead of {wanted!r}")
                messages.append({"role": "assistant", "content": answer})
                log.record("assistant", message={"content": answer}, provider="mixed")
                log.record("turn", spec="mixed", seconds=0.1)
                log.sync()
                expected += [asked, answer]
                self.turns += 1
                await asyncio.sleep(self.chance.uniform(0, 2 * self.pause_s))
        finally:
            log.close()
        kept = [entry.message["content"] for entry in store.load(path).entries]
        path.unlink()
        if kept[: len(expected)] != expected:
            raise SoakError(f"the file has {kept}, not {expected}")

    async def _answered(self, messages: list[dict[str, Any]], asked: str) -> str:
        """The answer to the last message, from one lane after another until one has it."""
        failure: Exception | None = None
        for attempt in range(_TRIES):
            spec, _ = LANES[self.chance.choice(list(LANES))]
            sent = messages
            if self.chance.random() < FAULTY:
                self.running.number += 1
                fault = question(self.chance.choice(_USED), self.running.number)
                sent = [*messages[:-1], {"role": "user", "content": f"{asked} {fault}"}]
            try:
                return await self.chance.choice(self._surfaces())({"model": spec, "messages": sent})
            except (openai.APIError, IngateError) as error:
                self.errors[type(error).__name__] += 1
                failure = error
                await asyncio.sleep(0.05 * attempt)
            except UntypedError as error:
                raise SoakError(str(error)) from None
        raise SoakError(f"no answer after {_TRIES} attempts: {failure!r}")

    def _surfaces(self) -> list[Callable[[dict[str, Any]], Awaitable[str]]]:
        return [self._complete, self._stream, self._sdk, self._serve]

    async def _complete(self, body: dict[str, Any]) -> str:
        answer = await self.running.gateways[""].complete(body, retries=1)
        return answer["choices"][0]["message"]["content"]

    async def _stream(self, body: dict[str, Any]) -> str:
        chunks = [chunk async for chunk in self.running.gateways[""].stream(body, retries=1)]
        return "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks if chunk["choices"])

    async def _sdk(self, body: dict[str, Any]) -> str:
        stream = await self.client.chat.completions.create(stream=True, **body)
        chunks = [chunk async for chunk in stream]
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)

    async def _serve(self, body: dict[str, Any]) -> str:
        return await self.running.post_stream("", {**body, "stream": True})


@dataclass
class Resources:
    """Memory in MB and open files, once a second; `files_at_rest` are those that stay open when no call runs any more."""

    memory_mb: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    files_at_rest: int = 0

    async def watch(self) -> None:
        """Note both until cancelled."""
        page = os.sysconf("SC_PAGE_SIZE")
        while True:
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            self.memory_mb.append(pages * page / 2**20)
            self.files.append(_open_files())
            await asyncio.sleep(1)

    async def settle(self) -> None:
        """Wait until connections that are kept for another call are closed, for at most a minute."""
        for _ in range(60):
            self.files_at_rest = _open_files()
            if self.files_at_rest <= self.files[0] + 10:
                break
            await asyncio.sleep(1)

    def growth(self) -> tuple[float, float]:
        """By how many MB and files the last quarter is above the third, on average."""
        quarter = max(1, len(self.files) // 4)

        def grown(values: list[Any]) -> float:
            return statistics.fmean(values[-quarter:]) - statistics.fmean(values[-2 * quarter : -quarter])

        return grown(self.memory_mb), grown(self.files)


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


async def soak(
    seconds: float, conversations: int, *, pause_s: float, seed: int, settle: bool = False
) -> tuple[Soak, Resources]:
    """Run conversations for a time, and with `settle` wait until the connections that are kept are closed."""
    resources = Resources()
    with tempfile.TemporaryDirectory() as folder:
        async with chaos(scale=4.0) as running, AsyncIngate(gateway=running.gateways[""], max_retries=1) as client:
            until_s = asyncio.get_running_loop().time() + seconds
            found = Soak(running, Path(folder), until_s, random.Random(seed), client, pause_s)
            watching = asyncio.create_task(resources.watch())
            await asyncio.gather(*(found.talk() for _ in range(conversations)))
            watching.cancel()
            if settle:
                await resources.settle()
    return found, resources


def main(arguments: list[str] | None = None) -> int:
    """Run the soak; exit status 1 if a message was lost or repeated, or memory or open files grew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="how long (default: %(default)s)")
    parser.add_argument("--conversations", type=int, default=200, help="how many at a time (default: %(default)s)")
    parser.add_argument("--pause", type=float, default=4.0, help="mean seconds between turns (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    given = parser.parse_args(arguments)
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory() as home:
        os.environ["HOME"] = home
        found, resources = asyncio.run(
            soak(given.seconds, given.conversations, pause_s=given.pause, seed=given.seed, settle=True)
        )
    memory_mb, files = resources.growth()
    print(
        f"{found.conversations} conversations, {found.turns} turns in {time.monotonic() - began_s:.0f} s (seed {given.seed}); "
        f"errors on the way: {dict(found.errors)}"
    )
    print(
        f"memory {resources.memory_mb[0]:.0f} → {resources.memory_mb[-1]:.0f} MB, {memory_mb:+.1f} MB from the third quarter "
        f"to the last; open files {resources.files[0]} → {resources.files[-1]}, {files:+.1f}, at rest {resources.files_at_rest}"
    )
    for line in found.wrong[:20]:
        print(line)
    # A busy machine has more calls under way at a time, and more files open; those of a leak are still open afterwards.
    margin = 0.1 * given.conversations + 10
    leaked = files > margin and resources.files_at_rest > resources.files[0] + margin
    grew = memory_mb > max(8.0, 0.03 * resources.memory_mb[-1]) or leaked
    print("memory or open files grew" if grew else f"{len(found.wrong)} wrong")
    return 1 if grew or found.wrong or not found.turns else 0


if __name__ == "__main__":
    sys.exit(main())
