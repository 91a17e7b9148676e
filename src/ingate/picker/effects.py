"""Background work of the picker: polling readiness, fetching lists, trial calls, saving. Keys never wait for it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from ingate.errors import AuthenticationError, IngateError
from ingate.picker import addkey, memory
from ingate.picker.actions import is_listed, with_data
from ingate.picker.data import LISTED, PROXY, Live, keep_list, key_of, rows_of
from ingate.picker.filter import index_of
from ingate.picker.state import with_
from ingate.secret import scrub

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from pathlib import Path

    from ingate.catalog import ModelRow
    from ingate.gateway.readiness import Readiness, ReadinessChecker
    from ingate.picker.actions import Effect
    from ingate.picker.data import PickerData
    from ingate.picker.filter import Index
    from ingate.picker.save import Place
    from ingate.picker.state import State
    from ingate.secret import Secret

POLL_S: Final = 1.0
_LIST_S: Final = 15.0
_CALL_S: Final = 90.0
_FRESH_S: Final = 60.0


class Services(Protocol):
    """Everything with a side effect. An exception from any of these is shown in one line; the picker continues.

    `readiness` and `save` are called on a worker thread, the others on the event loop.
    """

    def warm(self) -> None:
        """Start loading in the background what the first answer will need. Called once, after the first frame."""
        ...

    def readiness(self) -> ReadinessChecker:
        """Which models would answer now, files read again if they changed. Called once a second."""
        ...

    async def deployments(self) -> Sequence[Mapping[str, Any]]:
        """The proxy's list of OpenAI model objects (`{"id": …}`). Called only if a proxy is configured."""
        ...

    async def live(self, name: str) -> Sequence[Mapping[str, Any]]:
        """The same for a provider or server. `context_length` and OpenRouter's `pricing` are read if present."""
        ...

    async def test(self, spec: str) -> str:
        """Make one short call; returns a line to show (`"answered in 0.8 s: Hello!"`)."""
        ...

    async def verify(self, provider: str, values: Mapping[str, Secret]) -> str:
        """Make one real call with credentials that are not saved yet.

        Args:
            provider: The provider's name.
            values: Variable's name → what was typed for it.

        Returns:
            A line to show.

        Raises:
            Exception: The provider rejects them or cannot be reached.
        """
        ...

    def save(self, provider: str, values: Mapping[str, Secret], where: Place) -> str:
        """Save credentials, for example with `ingate.picker.save`; returns the place, to show."""
        ...

    def copy(self, text: str) -> bool:
        """Copy `text` to the clipboard; returns False if the terminal should do it (OSC 52)."""
        ...


class EffectRunner:
    """Runs effects in the background and applies their results to the state.

    Args:
        services: Does the work.
        state: Returns the current state.
        change: Applies a function from state to state, and shows the result.
        state_dir: Where favourites are saved (default: the user's state folder).
        cache_dir: Where lists are saved (default: the user's cache folder).
    """

    def __init__(
        self,
        services: Services,
        state: Callable[[], State],
        change: Callable[[Callable[[State], State]], None],
        *,
        state_dir: Path | None = None,
        cache_dir: Path | None = None,
    ) -> None:
        self._services = services
        self._state = state
        self._change = change
        self._state_dir = state_dir
        self._cache_dir = cache_dir
        self._tasks: set[asyncio.Task[None]] = set()
        self._writes: set[asyncio.Task[None]] = set()
        self._writing = asyncio.Lock()
        self._fetched_at: dict[str, float] = {}
        self._new_lists: dict[str, Live] = {}
        self._indexing = False
        self._snapshot: tuple[Readiness, ...] | None = None
        self._poll_now = asyncio.Event()

    def start(self) -> None:
        """Prepare the search index, warm up, fetch lists, and begin to poll."""
        self._run(self._begin())
        self._run(self._poll())

    def do(self, effect: Effect) -> None:
        """Start the work of an effect."""
        match effect.kind:
            case "fetch":
                self._fetch(effect.text)
            case "remember":
                self._run(self._remember(), self._writes)
            case "test":
                self._run(self._test(effect.text))
            case "verify":
                self._run(self._verify(effect.provider, effect.values))
            case "save":
                self._run(self._save(effect))

    async def aclose(self) -> None:
        """Cancel what is running, and wait for files that are being written."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *self._writes, return_exceptions=True)

    def _run(self, work: Coroutine[Any, Any, None], among: set[asyncio.Task[None]] | None = None) -> None:
        tasks = self._tasks if among is None else among
        task = asyncio.get_running_loop().create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def _begin(self) -> None:
        await asyncio.to_thread(self._state().index.prepare)
        try:
            self._services.warm()
        except Exception as error:  # noqa: BLE001 -- only a head start
            self._show(_in_one_line(error))
        for name in _lists_to_fetch(self._state().data):
            self._fetch(name)
        provider = self._state().provider
        if is_listed(self._state().data, provider):
            self._fetch(provider)

    async def _poll(self) -> None:
        while True:
            try:
                async with asyncio.timeout(POLL_S):
                    await self._poll_now.wait()
            except TimeoutError:
                pass
            self._poll_now.clear()
            now = time.time()
            try:
                found = await asyncio.to_thread(self._look)
            except Exception as error:  # noqa: BLE001 -- such as a file that is broken while it is being edited
                self._show(_in_one_line(error))
                continue
            if found is not None:
                self._change(lambda state, now=now, found=found: with_data(with_(state, now=now), readiness=found))
            else:
                self._change(lambda state, now=now: with_(state, now=now))

    def _look(self) -> ReadinessChecker | None:
        """Check again which models would answer; None if nothing has changed. Runs on a worker thread."""
        found = self._services.readiness()
        snapshot = found.snapshot()
        if self._snapshot is None:
            self._snapshot = self._state().data.readiness.with_lists({}).snapshot()
        if snapshot == self._snapshot:
            return None
        self._snapshot = snapshot
        return found

    def _fetch(self, name: str) -> None:
        now = time.monotonic()
        if now - self._fetched_at.get(name, -_FRESH_S) >= _FRESH_S:
            self._fetched_at[name] = now
            self._run(self._list(name))

    async def _list(self, name: str) -> None:
        data = self._state().data
        try:
            async with asyncio.timeout(_LIST_S):
                models = await (self._services.deployments() if name == PROXY else self._services.live(name))
        except Exception as error:  # noqa: BLE001 -- shown instead of the list
            known = data.lives.get(name) or Live()
            problem = f"no response within {_LIST_S:g} s" if isinstance(error, TimeoutError) else _in_one_line(error)
            self._new_lists[name] = msgspec.structs.replace(known, problem=problem)
        else:
            listed = Live(rows_of(name, models, _known(data)), time.time())
            self._new_lists[name] = listed
            base = data.proxy if name == PROXY else data.servers.get(name) or _base(data, name)
            self._run(self._keep(key_of(name, base), listed), self._writes)
        await self._reindex()

    async def _keep(self, key: str, listed: Live) -> None:
        async with self._writing:
            await asyncio.to_thread(keep_list, self._cache(), key, listed)

    async def _reindex(self) -> None:
        """Put the lists that have arrived into the data; the search index is rebuilt in a thread."""
        if self._indexing:
            return
        self._indexing = True
        try:
            while self._new_lists:
                new, self._new_lists = self._new_lists, {}
                old = self._state().data
                lives = {**old.lives, **new}
                index = None
                if any(old.lives.get(name, Live()).rows != one.rows or not one.problem for name, one in new.items()):
                    index = await asyncio.to_thread(_prepared, msgspec.structs.replace(old, lives=lives))
                self._change(lambda state, index=index, lives=lives: with_data(state, index=index, lives=lives))
        finally:
            self._indexing = False

    async def _remember(self) -> None:
        async with self._writing:
            await asyncio.to_thread(memory.write, self._folder(), self._state().data.memory)

    async def _test(self, spec: str) -> None:
        try:
            async with asyncio.timeout(_CALL_S):
                result = await self._services.test(spec)
        except Exception as error:  # noqa: BLE001 -- shown
            self._show(f"✗ {spec}: {_in_one_line(error)}")
        else:
            self._show(f"✓ {spec}: {result}")

    async def _verify(self, provider: str, values: tuple[tuple[str, Secret], ...]) -> None:
        try:
            async with asyncio.timeout(_CALL_S):
                text, outcome = await self._services.verify(provider, dict(values)), addkey.verified
        except AuthenticationError as error:
            # Without the fix, which is about a variable: the key has just been typed.
            text, outcome = " ".join(str(error).split()), addkey.rejected
        except Exception as error:  # noqa: BLE001 -- shown
            text, outcome = _in_one_line(error), addkey.rejected
        text = scrub(text, (secret for _, secret in values))

        def change(state: State) -> State:
            dialog = state.dialog
            if dialog is None or dialog.step != "checking" or dialog.values != values:
                return state
            return with_(state, dialog=outcome(dialog, text))

        self._change(change)

    async def _save(self, effect: Effect) -> None:
        secrets = [secret for _, secret in effect.values]
        try:
            where = await asyncio.to_thread(self._services.save, effect.provider, dict(effect.values), effect.where)
        except Exception as error:  # noqa: BLE001 -- shown
            problem = scrub(_in_one_line(error), secrets)
            self._change(
                lambda state: with_(state, dialog=addkey.not_saved(state.dialog, problem)) if state.dialog else state
            )
            return
        self._change(lambda state: with_(state, dialog=None, message=f"saved in {scrub(where, secrets)}"))
        self._poll_now.set()

    def _show(self, message: str) -> None:
        self._change(lambda state: with_(state, message=message))

    def _folder(self) -> Path:
        if self._state_dir is None:
            from ingate.paths import state_dir

            self._state_dir = state_dir()
        return self._state_dir

    def _cache(self) -> Path:
        if self._cache_dir is None:
            from ingate.paths import cache_dir

            self._cache_dir = cache_dir()
        return self._cache_dir


def _lists_to_fetch(data: PickerData) -> list[str]:
    """The lists to fetch at the start: of the proxy, the configured servers, and the listed providers with a key."""
    names = [PROXY] if data.proxy is not None else []
    names += data.servers
    for name in data.providers:
        if name in LISTED and name != "ollama_chat" and data.readiness.provider(name).has_credential:
            names.append(name)
    return names


def _prepared(data: PickerData) -> Index:
    index = index_of(data)
    index.prepare()
    return index


def _known(data: PickerData) -> Callable[[str, str], ModelRow | None]:
    rows = {(row.provider, row.model): row for row in data.rows}
    return lambda provider, model: rows.get((provider, model))


def _base(data: PickerData, name: str) -> str | None:
    return data.readiness.provider(name).api_base


def _in_one_line(error: Exception) -> str:
    """An error in one line, with its fix."""
    text = " ".join(str(error).split()) or type(error).__name__
    fix = error.fix if isinstance(error, IngateError) else ""
    return f"{text} → {fix}" if fix else text
