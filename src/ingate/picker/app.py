"""The picker on a terminal: reads keys, paints frames, and leaves slow work to `effects`.

The only module of the picker that uses prompt_toolkit.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec

from ingate.errors import ConfigError
from ingate.picker import memory
from ingate.picker.actions import mode_of, update
from ingate.picker.effects import EffectRunner
from ingate.picker.keys import action_for
from ingate.picker.screen import ENTER, LEAVE, Painter, first_frame, usable
from ingate.picker.state import Size, opened
from ingate.picker.view import body_rows, view

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from prompt_toolkit.input import Input
    from prompt_toolkit.output import Output

    from ingate.picker.data import PickerData
    from ingate.picker.effects import Services
    from ingate.picker.memory import Memory
    from ingate.picker.screen import Screen
    from ingate.picker.state import State
    from ingate.picker.view import Frame

# How long to wait after an Esc for the rest of an arrow key's sequence.
_ESCAPE_S: Final = 0.06
# How long imports wait after a key.
PAUSE_S: Final = 0.15
# The longest wait for one module, so that imports continue even if keys never stop, and for all modules together.
_LONGEST_WAIT_S: Final = 0.4
_LONGEST_TOTAL_S: Final = 20.0
_SWITCH_S: Final = 0.0005


async def pick(
    data: PickerData,
    services: Services,
    *,
    input: Input | None = None,  # noqa: A002 -- prompt_toolkit's name
    output: Output | None = None,
    screen: Screen | None = None,
    after_frame: Callable[[Frame, State], None] | None = None,
    state_dir: Path | None = None,
    cache_dir: Path | None = None,
) -> str | None:
    """Let the user pick a model.

    Args:
        data: What there is to pick from; see `PickerData.gather`.
        services: Does everything with a side effect.
        input: Where keys come from (default: the terminal).
        output: Where frames go (default: the terminal).
        screen: What `first_frame` returned, to continue from it.
        after_frame: Called with each frame that was shown.
        state_dir: Where `picker.json` is (default: the user's state folder).
        cache_dir: Where fetched lists are saved (default: the user's cache folder).

    Returns:
        The spec, which is remembered as the last one; None if the user quit.

    Raises:
        ConfigError: There is no terminal.
    """
    if input is None and output is None and screen is None:
        if not usable():
            raise ConfigError("picking a model needs a terminal", fix="pass --model SPEC; `ingate models` lists them")
        screen = first_frame(data)
    state = screen.state if screen is not None else opened(data, now=time.time())
    with ExitStack() as stack:
        if screen is not None:
            stack.enter_context(screen)
        picker = _Picker(state, services, after_frame, state_dir, cache_dir)
        spec = await picker.run(stack, input, output, screen)
    remembered = picker.memory()
    if spec is not None:
        remembered = remembered.picked(spec)
    if remembered != data.memory:
        if state_dir is None:
            from ingate.paths import state_dir as default_state_dir

            state_dir = default_state_dir()
        memory.write(state_dir, remembered)
    return spec


class _Picker:
    """An open picker: its state, and the loop that turns keys into frames."""

    def __init__(
        self,
        state: State,
        services: Services,
        after_frame: Callable[[Frame, State], None] | None,
        state_dir: Path | None,
        cache_dir: Path | None,
    ) -> None:
        self._state = state
        self._services = services
        self._after_frame = after_frame
        self._effects = EffectRunner(
            services, lambda: self._state, self._change, state_dir=state_dir, cache_dir=cache_dir
        )
        self._throttle = ImportThrottle()
        self._done: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._flush: asyncio.TimerHandle | None = None

    async def run(
        self, stack: ExitStack, source: Input | None, output: Output | None, screen: Screen | None
    ) -> str | None:
        """Run until a model is chosen or the user quits."""
        if screen is not None and output is None:
            self._painter, self._size = screen.painter, screen.size
        else:
            self._use_output(stack, output)
        if source is None:
            from prompt_toolkit.input import create_input

            source = create_input()
            stack.callback(source.close)
        self._source = source
        stack.enter_context(source.raw_mode())
        stack.enter_context(source.attach(self._on_keys))
        self._watch_signals(stack)
        self._paint()
        stack.enter_context(self._throttle)
        self._effects.start()
        try:
            self._on_keys()  # what was typed while prompt_toolkit was being loaded
            return await self._done
        finally:
            if self._flush is not None:
                self._flush.cancel()
            await self._effects.aclose()

    def memory(self) -> Memory:
        """What to remember of how the picker was left."""
        state = self._state
        return msgspec.structs.replace(
            state.data.memory, sort=state.sort, scope=state.scope, ready_only=state.ready_only
        )

    def _use_output(self, stack: ExitStack, output: Output | None) -> None:
        """Draw through prompt_toolkit's output, which supports every platform's terminal."""
        if output is None:
            from prompt_toolkit.output import create_output

            output = create_output()
        out = output

        def write(text: str) -> None:
            out.write_raw(text)
            out.flush()

        def size() -> Size:
            found = out.get_size()
            return Size(found.columns, found.rows)

        from ingate import environment

        write(ENTER)
        stack.callback(write, LEAVE)
        self._painter, self._size = Painter(write, colour=not environment.snapshot().get("NO_COLOR")), size

    def _watch_signals(self, stack: ExitStack) -> None:
        """Repaint when the size changes, and restore the terminal before a signal ends the process, unless another
        handler is installed."""
        loop = asyncio.get_running_loop()
        # Works on the main thread only, and not on every platform. Without it, the next frame has the new size.
        with suppress(NotImplementedError, RuntimeError, ValueError, AttributeError):
            loop.add_signal_handler(signal.SIGWINCH, self._paint)
            stack.callback(loop.remove_signal_handler, signal.SIGWINCH)
            for ends in (signal.SIGTERM, signal.SIGHUP):
                if signal.getsignal(ends) is signal.SIG_DFL:
                    loop.add_signal_handler(ends, self._end, ends, stack)
                    stack.callback(loop.remove_signal_handler, ends)

    def _end(self, ends: signal.Signals, stack: ExitStack) -> None:
        stack.close()
        signal.raise_signal(ends)

    def _on_keys(self) -> None:
        if self._flush is not None:
            self._flush.cancel()
        source = self._source
        keys = [(press.key, press.data) for press in source.read_keys()]
        if keys:
            self._throttle.key()
        self._press(keys)
        if source.closed and not self._done.done():
            self._done.set_result(None)
        if not self._done.done():
            self._flush = asyncio.get_running_loop().call_later(_ESCAPE_S, self._on_pause)

    def _on_pause(self) -> None:
        """No more keys have arrived, so an Esc was not the beginning of an arrow key."""
        self._press([(press.key, press.data) for press in self._source.flush_keys()])

    def _press(self, keys: list[tuple[str, str]]) -> None:
        page = max(1, body_rows(self._state, self._size().rows) - 1)
        for key, data in keys:
            if self._done.done():
                return
            action = action_for(mode_of(self._state), getattr(key, "value", key), data)
            if action is None:
                continue
            self._state, effect = update(self._state, action.name, action.text, page=page)
            if effect is None:
                continue
            match effect.kind:
                case "choose":
                    self._done.set_result(effect.text)
                case "leave":
                    self._done.set_result(None)
                case "redraw":
                    self._painter.forget()
                case "copy":
                    self._copy(effect.text)
                case _:
                    self._effects.do(effect)
        if keys:
            self._paint()

    def _copy(self, text: str) -> None:
        copied = False
        with suppress(Exception):
            copied = self._services.copy(text)
        if not copied:
            import base64

            self._painter.raw(f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\x07")

    def _change(self, change: Callable[[State], State]) -> None:
        self._state = change(self._state)
        if not self._done.done():
            self._paint()

    def _paint(self) -> None:
        size = self._size()
        frame = view(self._state, size)
        self._painter.paint(frame, size)
        if self._after_frame is not None:
            self._after_frame(frame, self._state)


class ImportThrottle:
    """A context in which imports on other threads pause while the user is typing.

    Importing a large package holds the interpreter's lock for tens of milliseconds at a time, which no switch interval
    shortens, so imports pause between modules for as long as keys keep coming.
    """

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self._quiet_at = 0.0
        self._waited_s = 0.0
        self._interval_s = sys.getswitchinterval()

    def key(self) -> None:
        """A key has been pressed."""
        self._quiet_at = time.monotonic() + PAUSE_S

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Called by the import system before each module; finds nothing, but waits."""
        if threading.get_ident() == self._thread or self._waited_s > _LONGEST_TOTAL_S:
            return
        began = now = time.monotonic()
        while now < self._quiet_at and now - began < _LONGEST_WAIT_S:
            time.sleep(min(0.02, max(0.001, self._quiet_at - now)))
            now = time.monotonic()
        self._waited_s += now - began

    def __enter__(self) -> Self:
        self._interval_s = sys.getswitchinterval()
        sys.setswitchinterval(min(_SWITCH_S, self._interval_s))
        sys.meta_path.insert(0, self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._quiet_at = 0.0
        sys.meta_path.remove(self)
        sys.setswitchinterval(self._interval_s)
