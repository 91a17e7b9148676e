"""What goes on beside the picker: states asked again, lists fetched, calls tried. Nothing here is waited for."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from ingate.errors import AuthenticationError, IngateError
from ingate.picker import addkey, memory
from ingate.picker.actions import is_listed, learned, told
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
    """Everything with a side effect. An error of any of these is shown in one line and ends nothing.

    `readiness` and `save` are called on a worker thread, the others on the event loop.
    """

    def warm(self) -> None:
        """Start loading, in the background, what the first answer will need. Called once, after the first frame."""
        ...

    def readiness(self) -> ReadinessChecker:
        """Which models would answer now, files read again if they changed. Called once a second."""
        ...

    async def deployments(self) -> Sequence[Mapping[str, Any]]:
        """The proxy's list: OpenAI model objects (`{"id": …}`). Asked only where a proxy is configured."""
        ...

    async def live(self, name: str) -> Sequence[Mapping[str, Any]]:
        """What a provider or server lists now, likewise; `context_length` and OpenRouter's `pricing` are understood."""
        ...

    async def test(self, spec: str) -> str:
        """Make one short call; returns a line for the person (`"answered in 0.8 s: Hello!"`) or raises."""
        ...

    async def verify(self, provider: str, values: Mapping[str, Secret]) -> str:
        """Make one real call with credentials that are not saved yet.

        Args:
            provider: The provider's name.
            values: Environment variable's name → what was typed for it.

        Returns:
            A line for the person. Raises where the provider refuses them or cannot be reached.
        """
        ...

    def save(self, provider: str, values: Mapping[str, Secret], where: Place) -> str:
        """Keep credentials; returns where, for people. `ingate.picker.save` does it."""
        ...

    def copy(self, text: str) -> bool:
        """Put `text` on the clipboard by means of its own; False leaves it to the terminal (OSC 52)."""
        ...


class EffectRunner:
    """Runs what a state asks for, and brings back what was learned.

    Args:
        services: Who does it.
        state: Tells the state as it is now.
        change: Takes a function from state to state, and shows the result.
        state_dir: Where favourites are kept (default: the user's state folder).
        cache_dir: Where lists are kept (default: the user's cache folder).
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
        self._asked: dict[str, float] = {}
        self._news: dict[str, Live] = {}
        self._indexing = False
        self._snapshot: tuple[Readiness, ...] | None = None
        self._poll_now = asyncio.Event()

    def start(self) -> None:
        """Begin: make searching ready, then let the caller warm up, then ask who is there."""
        self._run(self._begin())
        self._run(self._poll())

    def do(self, effect: Effect) -> None:
        """Begin what an effect asks for."""
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
        """Stop everything that still runs; a file that is being written is waited for."""
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
        except Exception as error:  # noqa: BLE001 -- an optional head start
            self._tell(_said(error))
        for name in _to_ask(self._state().data):
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
            except Exception as error:  # noqa: BLE001 -- a broken file while it is being edited
                self._tell(_said(error))
                continue
            if found is not None:
                self._change(lambda state, now=now, found=found: learned(with_(state, now=now), readiness=found))
            else:
                self._change(lambda state, now=now: with_(state, now=now))

    def _look(self) -> ReadinessChecker | None:
        """A new look at what would answer; None if it found what the last one did. On a worker thread."""
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
        if now - self._asked.get(name, -_FRESH_S) >= _FRESH_S:
            self._asked[name] = now
            self._run(self._list(name))

    async def _list(self, name: str) -> None:
        data = self._state().data
        try:
            async with asyncio.timeout(_LIST_S):
                asked = self._services.deployments() if name == PROXY else self._services.live(name)
                models = await asked
        except Exception as error:  # noqa: BLE001 -- shown in the list's place
            known = data.lives.get(name) or Live()
            said = "no answer in time" if isinstance(error, TimeoutError) else _said(error)
            self._news[name] = msgspec.structs.replace(known, problem=said)
        else:
            listed = Live(rows_of(name, models, _known(data)), time.time())
            self._news[name] = listed
            base = data.proxy if name == PROXY else data.servers.get(name) or _base(data, name)
            self._run(self._keep(key_of(name, base), listed), self._writes)
        await self._reindex()

    async def _keep(self, key: str, listed: Live) -> None:
        async with self._writing:
            await asyncio.to_thread(keep_list, self._cache(), key, listed)

    async def _reindex(self) -> None:
        """Put all lists that came into the data at once; searching is made ready again in a thread."""
        if self._indexing:
            return
        self._indexing = True
        try:
            while self._news:
                news, self._news = self._news, {}
                old = self._state().data
                lives = {**old.lives, **news}
                index = None
                if any(old.lives.get(name, Live()).rows != one.rows or not one.problem for name, one in news.items()):
                    index = await asyncio.to_thread(_prepared, msgspec.structs.replace(old, lives=lives))
                self._change(lambda state, index=index, lives=lives: learned(state, index=index, lives=lives))
        finally:
            self._indexing = False

    async def _remember(self) -> None:
        async with self._writing:
            await asyncio.to_thread(memory.write, self._folder(), self._state().data.memory)

    async def _test(self, spec: str) -> None:
        try:
            async with asyncio.timeout(_CALL_S):
                said = await self._services.test(spec)
        except Exception as error:  # noqa: BLE001 -- shown
            self._tell(f"✗ {spec}: {_said(error)}")
        else:
            self._tell(f"✓ {spec}: {said}")

    async def _verify(self, provider: str, values: tuple[tuple[str, Secret], ...]) -> None:
        try:
            async with asyncio.timeout(_CALL_S):
                said = await self._services.verify(provider, dict(values))
        except AuthenticationError as error:
            # What to do about it speaks of a variable; here the key has just been typed.
            text, outcome = " ".join(str(error).split()), addkey.refused
        except Exception as error:  # noqa: BLE001 -- shown
            text, outcome = _said(error), addkey.refused
        else:
            text, outcome = said, addkey.verified
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
            said = scrub(_said(error), secrets)
            self._change(
                lambda state: with_(state, dialog=addkey.not_saved(state.dialog, said)) if state.dialog else state
            )
            return
        self._change(lambda state: told(with_(state, dialog=None), f"saved in {scrub(where, secrets)}"))
        self._poll_now.set()

    def _tell(self, message: str) -> None:
        self._change(lambda state: told(state, message))

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


def _to_ask(data: PickerData) -> list[str]:
    """Whose list is fetched at once: the proxy's, the configured servers', and that of listed providers with a credential."""
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


def _said(error: Exception) -> str:
    """An error in one line, with what to do about it."""
    text = " ".join(str(error).split()) or type(error).__name__
    fix = error.fix if isinstance(error, IngateError) else ""
    return f"{text} → {fix}" if fix else text
