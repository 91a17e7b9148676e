"""The picker as it runs: keys through a pipe, frames out, services beside it. Waits are for frames, never for a clock."""

from __future__ import annotations

import asyncio
import base64
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from prompt_toolkit.data_structures import Size as PtSize
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from ingate.errors import AuthenticationError, ConfigError
from ingate.picker import memory, pick
from ingate.picker.data import read_lists
from ingate.picker.effects import EffectRunner, _lists_to_fetch
from ingate.picker.screen import Painter, first_frame
from ingate.picker.state import Size
from ingate.picker.view import text, view
from support.picker import ENVIRON, FakeServices, data, readiness, start

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

KEY = "sk-very-secret-0123456789"


class Recorder(DummyOutput):
    """An output of a given size that keeps what is written."""

    def __init__(self) -> None:
        self.size = PtSize(rows=30, columns=120)
        self.written = ""

    def get_size(self) -> PtSize:
        return self.size

    def write_raw(self, data: str) -> None:
        self.written += data


class Running:
    """A picker that runs, and its last frame."""

    def __init__(self, folder: Path, services: FakeServices, **changes: Any) -> None:
        self.output = Recorder()
        self.services = services
        self.frame = ""
        self.state: Any = None
        self._news = asyncio.Event()
        self._folder = folder
        self._data = data(**changes)

    def _saw(self, frame: Any, state: Any) -> None:
        self.frame, self.state = text(frame), state
        self._news.set()

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for the frame after which something holds."""
        async with asyncio.timeout(10):
            while self.state is None or not true():
                self._news.clear()
                await self._news.wait()

    async def shows(self, said: str) -> None:
        await self.until(lambda: said in self.frame)

    async def press(self, keys: str, shows: str) -> None:
        self.pipe.send_text(keys)
        await self.shows(shows)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[asyncio.Task[str | None]]:
        with create_pipe_input() as self.pipe:
            task = asyncio.create_task(
                pick(
                    self._data, self.services, input=self.pipe, output=self.output, after_frame=self._saw,
                    state_dir=self._folder / "state", cache_dir=self._folder / "cache",
                )
            )  # fmt: skip
            try:
                await self.shows("LiteLLM [available]")
                yield task
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def services() -> FakeServices:
    return FakeServices()


@pytest.fixture
def running(tmp_path: Path, services: FakeServices) -> Running:
    return Running(tmp_path, services)


async def test_enter_takes_the_selected_model_and_remembers_it(running: Running, tmp_path: Path) -> None:
    async with running.open() as picked:
        await running.press("\x1b[B", "▸ ✓ 通义千问 最大")
        running.pipe.send_text("\r")
        assert await picked == "litellm.qwen/通义千问-最大-2026-05-01"
    assert memory.read(tmp_path / "state").last == "litellm.qwen/通义千问-最大-2026-05-01"


async def test_typing_filters_letter_by_letter(running: Running) -> None:
    async with running.open() as picked:
        for end in range(1, 6):
            await running.press("smoll"[end - 1] if end > 1 else "/s", f"/ {'smoll'[:end]}")
        await running.shows("▸ ✓ local/smollm2")
        running.pipe.send_text("\r")
        assert await picked == "local/smollm2"


async def test_escape_alone_leaves_the_filter_and_an_arrow_does_not(running: Running, services: FakeServices) -> None:
    services.gate = asyncio.Event()  # no list comes that would change the order
    async with running.open():
        await running.press("/gpt", "All providers (5 match)")
        await running.press("\x1b[B\x1b[B", "▸ ○ azure/gpt-6.1-sol")
        await running.press("\x1b", "LiteLLM [available] (6 curated)")


async def test_q_and_control_c_leave_without_a_model(running: Running) -> None:
    for key in ("q", "\x03"):
        async with running.open() as picked:
            running.pipe.send_text(key)
            assert await picked is None


async def test_a_terminal_that_goes_away_ends_the_picker(running: Running) -> None:
    async with running.open() as picked:
        running.pipe.close()
        assert await picked is None


async def test_marks_change_when_a_key_appears(running: Running, services: FakeServices) -> None:
    async with running.open():
        await running.shows("✗ GPT-6.1 Sol")
        services.found = readiness({**ENVIRON, "OPENAI_API_KEY": "k"})
        await running.shows("✓ GPT-6.1 Sol")


async def test_keys_are_answered_while_nothing_else_is(running: Running, services: FakeServices) -> None:
    """Lists that never come hold nothing up."""
    services.gate = asyncio.Event()
    async with running.open():
        await running.until(lambda: ("live", "litellm_proxy") in services.calls)
        await running.press("c", "(22 all)")
        await running.press("/claude", "claude-haiku-5-5")


async def test_a_list_that_arrives_is_shown_and_kept(running: Running, services: FakeServices, tmp_path: Path) -> None:
    from ingate.picker.data import read_lists

    services.lists["ollama"] = [{"id": "mine:latest"}, {"id": "evil\x1b[2J"}, {"no": "id"}, {"id": 7}]
    async with running.open():
        await running.until(lambda: "ollama" in running.state.data.lives)
        await running.press("/mine", "litellm.ollama/mine:latest")
    kept = read_lists(tmp_path / "cache")["ollama http://localhost:11434"]
    assert [row.model for row in kept.rows] == ["mine:latest", "evil[2J"]


async def test_a_proxy_that_fails_is_reported_and_keeps_its_old_list(running: Running, services: FakeServices) -> None:
    services.lists["litellm_proxy"] = ConnectionError("refused")
    async with running.open():
        await running.shows("○ LiteLLM proxy")
        assert len(running.state.data.lives["litellm_proxy"].rows) == 2
        assert running.state.data.lives["litellm_proxy"].problem == "refused"


async def test_litellm_is_warmed_once_after_the_first_frame(running: Running, services: FakeServices) -> None:
    async with running.open():
        await running.until(lambda: ("warm",) in services.calls)
        assert services.calls.count(("warm",)) == 1
        assert services.calls[0] == ("warm",)


async def test_t_makes_a_call_and_shows_its_outcome(running: Running, services: FakeServices) -> None:
    async with running.open():
        await running.press("t", "✓ litellm.groq/openai/gpt-oss-120b: answered")
        services.verdict = AuthenticationError("401: refused", fix="check GROQ_API_KEY")
        await running.press("t", "401: refused → check GROQ_API_KEY")


async def test_y_copies_through_the_terminal(running: Running) -> None:
    async with running.open():
        await running.press("y", "copied litellm.groq/openai/gpt-oss-120b")
        encoded = base64.b64encode(b"litellm.groq/openai/gpt-oss-120b").decode()
        assert f"\x1b]52;c;{encoded}\x07" in running.output.written


async def test_a_key_is_added_and_never_written_to_the_screen(running: Running, services: FakeServices) -> None:
    services.verdict = "answered"
    async with running.open():
        await running.press("/claude\r", "ANTHROPIC_API_KEY:")
        running.pipe.send_text(f"\x1b[200~{KEY}\x1b[201~")
        await running.shows("•")
        await running.press("\r", "Save it in")
        await running.press("\r", "saved in the file")
    assert ("verify", "anthropic", {"ANTHROPIC_API_KEY": KEY}) in services.calls
    assert ("save", "anthropic", {"ANTHROPIC_API_KEY": KEY}, "file") in services.calls
    assert KEY[:8] not in running.output.written


async def test_a_provider_that_echoes_the_key_does_not_reveal_it(running: Running, services: FakeServices) -> None:
    services.verdict = AuthenticationError(f"bad key {KEY}", fix="unset the variable")
    async with running.open():
        await running.press("/claude\r", "ANTHROPIC_API_KEY:")
        running.pipe.send_text(KEY)
        await running.press("\r", "bad key ***")
    assert "unset the variable" not in running.output.written  # it has been typed here
    assert KEY[:8] not in running.output.written


async def test_a_broken_configuration_is_reported_and_the_picker_continues(
    running: Running, services: FakeServices
) -> None:
    def broken() -> Any:
        raise ConfigError("unknown key 'gorq'", file="ingate.yaml", line=3)

    services.readiness = broken  # ty: ignore[invalid-assignment]
    async with running.open():
        await running.shows("ingate.yaml:3: unknown key 'gorq'")
        await running.press("c", "(22 all)")


async def test_a_new_size_is_drawn_anew(running: Running) -> None:
    async with running.open():
        running.output.size = PtSize(rows=8, columns=40)
        await running.press("\x1b[B", "Models  6 shown · 17 hidden\n")
        assert max(len(line) for line in running.frame.splitlines()) <= 40
        assert "\x1b[2J" in running.output.written[100:]


async def test_the_terminal_is_restored(running: Running) -> None:
    async with running.open() as picked:
        running.pipe.send_text("q")
        await picked
    assert running.output.written.endswith("\x1b[?25h\x1b[?1049l")


async def test_how_it_was_left_is_remembered(running: Running, tmp_path: Path) -> None:
    async with running.open() as picked:
        await running.press("c", "(22 all)")
        await running.press("s", "sorted by name")
        await running.press("f", "is now a favourite")
        running.pipe.send_text("q")
        await picked
    left = memory.read(tmp_path / "state")
    assert (left.scope, left.sort, len(left.favourites), left.recents) == ("all", "name", 1, ())


async def test_without_a_terminal_it_says_what_to_do() -> None:
    with pytest.raises(ConfigError) as caught:
        await pick(data(), FakeServices())
    assert "--model" in caught.value.fix
    assert first_frame(data()) is None


async def test_importing_waits_while_keys_come(running: Running) -> None:
    import sys

    from ingate.picker.app import ImportThrottle

    interval = sys.getswitchinterval()
    async with running.open() as picked:
        assert any(isinstance(finder, ImportThrottle) for finder in sys.meta_path)
        running.pipe.send_text("q")
        await picked
    assert not any(isinstance(finder, ImportThrottle) for finder in sys.meta_path)
    assert sys.getswitchinterval() == interval


def test_other_threads_imports_pause_for_a_key_and_the_own_ones_do_not() -> None:
    """Bounded, so that nothing hangs where keys never stop."""
    import threading
    import time

    from ingate.picker.app import PAUSE_S, ImportThrottle

    courtesy = ImportThrottle()
    took: list[float] = []

    def ask() -> None:
        began = time.monotonic()
        courtesy.find_spec("a_module")
        took.append(time.monotonic() - began)

    courtesy.key()
    ask()
    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert took[0] < PAUSE_S / 2
    assert took[1] >= PAUSE_S / 2


def test_painting_writes_only_the_lines_that_changed() -> None:
    from support.picker import press, start

    written: list[str] = []
    painter, size = Painter(written.append), Size(100, 20)
    state = start()
    painter.paint(view(state, size), size)
    painter.paint(view(state, size), size)
    assert len(written) == 1
    painter.paint(view(press(state, "down"), size), size)
    assert written[1].count("H\x1b[K") == 3  # two rows, and the line with the spec


def test_without_colour_no_colour_is_sent() -> None:
    from support.picker import start

    for colour in (True, False):
        written: list[str] = []
        size = Size(120, 30)
        Painter(written.append, colour=colour).paint(view(start(), size), size)
        assert ("\x1b[32m" in written[0]) is colour
        assert "\x1b[7m" in written[0]


async def test_nothing_is_written_if_nothing_was_changed(running: Running, tmp_path: Path) -> None:
    async with running.open() as picked:
        await running.press("\x1b[B", "▸ ✓ 通义千问 最大")
        running.pipe.send_text("q")
        assert await picked is None
    assert not (tmp_path / "state" / "picker.json").exists()


async def test_a_clipboard_of_the_desktop_needs_no_escape_sequence(running: Running, services: FakeServices) -> None:
    services.copy = lambda text: True  # ty: ignore[invalid-assignment]
    async with running.open():
        await running.press("y", "copied litellm.groq/openai/gpt-oss-120b")
    assert "\x1b]52" not in running.output.written


async def test_a_clipboard_that_fails_leaves_it_to_the_terminal(running: Running, services: FakeServices) -> None:
    def broken(text: str) -> bool:
        raise OSError("no display")

    services.copy = broken  # ty: ignore[invalid-assignment]
    async with running.open():
        await running.press("y", "copied litellm.groq/openai/gpt-oss-120b")
    assert "\x1b]52;c;" in running.output.written


async def test_a_head_start_that_fails_is_shown_and_the_lists_are_still_fetched(
    running: Running, services: FakeServices
) -> None:
    def broken() -> None:
        raise RuntimeError("no  litellm\nhere")

    services.warm = broken  # ty: ignore[invalid-assignment]
    async with running.open():
        await running.shows("no litellm here")
        await running.until(lambda: ("live", "litellm_proxy") in services.calls)


async def test_lists_are_fetched_at_the_start_only_if_they_can_be_read(
    running: Running, services: FakeServices
) -> None:
    async with running.open():
        await running.until(lambda: {"litellm_proxy", "ollama"} <= running.state.data.lives.keys())
    fetched = [name for kind, name, *_ in (call for call in services.calls if call[0] == "live")]
    assert sorted(fetched) == sorted(set(fetched))
    assert "ollama_chat" not in fetched
    assert "openrouter" not in fetched, "its key is missing"
    assert "groq" not in fetched, "its models are the catalog's"


async def test_a_list_is_not_fetched_again_within_a_minute(running: Running, services: FakeServices) -> None:
    async with running.open():
        await running.until(
            lambda: (
                "litellm_proxy" in running.state.data.lives and running.state.data.lives["litellm_proxy"].problem != ""
            )
        )
        for _ in range(3):
            running.pipe.send_text("\x1b[D\x1b[B\x1b[B\x1b[A\x1b[A")
        await running.until(lambda: running.state.column == "providers" and running.state.provider == "litellm")
        await running.press("\x1b[B\x1b[B", "▸ ○ LiteLLM proxy")
    assert services.calls.count(("live", "litellm_proxy")) == 1


async def test_a_key_that_could_not_be_saved_can_be_saved_again(running: Running, services: FakeServices) -> None:
    def full(provider: str, values: Any, where: str) -> str:
        raise OSError(f"no space for {KEY}")

    save, services.save = services.save, full  # ty: ignore[invalid-assignment]
    async with running.open():
        await running.press("/claude\r", "ANTHROPIC_API_KEY:")
        running.pipe.send_text(KEY)
        await running.press("\r", "Save it in")
        await running.press("\r", "no space for ***")
        services.save = save  # ty: ignore[invalid-assignment]
        await running.press("\r", "saved in the file")
    assert KEY[:8] not in running.output.written


async def test_an_answer_for_a_key_that_was_given_up_changes_nothing(running: Running, services: FakeServices) -> None:
    gate = asyncio.Event()

    async def slow(provider: str, values: Any) -> str:
        await gate.wait()
        return "answered too late"

    services.verify = slow  # ty: ignore[invalid-assignment]
    async with running.open():
        await running.press("/claude\r", "ANTHROPIC_API_KEY:")
        running.pipe.send_text(KEY)
        await running.press("\r", "testing …")
        await running.press("\x1b", "ANTHROPIC_API_KEY:")
        gate.set()
        await running.press("x", "  •█")
        assert "too late" not in running.frame
        assert running.state.dialog.step == "enter"


async def test_an_error_without_words_is_named_by_its_class(running: Running, services: FakeServices) -> None:
    services.verdict = ZeroDivisionError()
    async with running.open():
        await running.press("t", "✗ litellm.groq/openai/gpt-oss-120b: ZeroDivisionError")


async def test_the_age_of_lists_is_kept_up_to_date(running: Running, services: FakeServices) -> None:
    async with running.open():
        before = running.state.now
        await running.until(lambda: running.state.now > before)


def test_a_frame_is_painted_completely_after_it_was_forgotten() -> None:
    written: list[str] = []
    painter = Painter(written.append)
    frame = [[("bold", "one")], [("", "two")]]
    painter.paint(frame, Size(10, 2))
    painter.paint(frame, Size(10, 2))
    assert len(written) == 1, "nothing has changed"
    assert "\x1b[1;1H\x1b[K\x1b[1mone\x1b[0m" in written[0]
    assert "\x1b[2;1H\x1b[Ktwo" in written[0]
    painter.forget()
    painter.paint(frame, Size(10, 2))
    assert "\x1b[2J" in written[1]
    assert "one" in written[1]
    painter.paint([[("bold", "one")]], Size(10, 1))
    assert "\x1b[2J" in written[2]
    painter.raw("\x07")
    assert written[3] == "\x07"


async def test_control_l_draws_the_whole_screen_again(running: Running) -> None:
    async with running.open():
        before = len(running.output.written)
        running.pipe.send_text("\x0c")
        async with asyncio.timeout(10):
            while "\x1b[2J" not in running.output.written[before:]:
                await asyncio.sleep(0.005)
        assert "LiteLLM [available]" in running.output.written[before:]


async def test_a_favourite_is_kept_before_the_picker_closes(running: Running, tmp_path: Path) -> None:
    async with running.open():
        await running.press("f", "is now a favourite")
        async with asyncio.timeout(10):
            while memory.read(tmp_path / "state").favourites != ("litellm.groq/openai/gpt-oss-120b",):
                await asyncio.sleep(0.005)


async def test_marks_change_once_a_broken_configuration_is_repaired(
    running: Running, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingate.picker.effects.POLL_S", 0.05)

    def broken() -> Any:
        services.readiness = lambda: readiness({**ENVIRON, "ANTHROPIC_API_KEY": "key"})  # ty: ignore[invalid-assignment]
        raise ConfigError("ingate.yaml: it is not YAML", fix="repair it")

    services.readiness = broken  # ty: ignore[invalid-assignment]
    async with running.open():
        await running.shows("ingate.yaml: it is not YAML → repair it")
        await running.shows("✓ Claude Opus 5.5")


async def test_a_list_that_takes_too_long_is_given_up(
    running: Running, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingate.picker.effects._LIST_S", 0.01)
    services.gate = asyncio.Event()
    async with running.open():
        await running.until(lambda: "litellm_proxy" in running.state.data.lives and
                            running.state.data.lives["litellm_proxy"].problem != "")  # fmt: skip
        proxy = running.state.data.lives["litellm_proxy"]
        assert proxy.problem == "no response within 0.01 s"
        assert [row.model for row in proxy.rows] == ["team-gpt", "要約モデル"], "the earlier list stays"


async def test_a_list_that_arrives_can_be_searched_at_once_and_keeps_what_the_catalog_knows(
    running: Running, services: FakeServices, tmp_path: Path
) -> None:
    services.lists["openrouter"] = []
    services.lists["litellm_proxy"] = [{"id": "new-one"}]
    services.lists["ollama"] = [{"id": "llama3.2:1b"}, {"id": "fresh"}]
    async with running.open():
        await running.until(lambda: running.state.data.lives.get("ollama") is not None)
        await running.until(
            lambda: [row.model for row in running.state.data.lives["litellm_proxy"].rows] == ["new-one"]
        )
        index = running.state.index
        assert [row.model for row in index.groups["litellm_proxy"]] == ["new-one"]
        assert index._places, "prepared on another thread"
        known, fresh = running.state.data.lives["ollama"].rows
        assert (known.context_tokens, fresh.context_tokens) == (131_072, None)
        await running.press("/fresh", "fresh")
    kept = read_lists(tmp_path / "cache")
    assert set(kept) == {"litellm_proxy http://localhost:4000", "ollama http://localhost:11434"}


def test_lists_are_fetched_of_the_proxy_the_servers_and_listed_providers_with_a_key() -> None:
    there = data(servers={"mine": "http://127.0.0.1:9/v1"})
    assert _lists_to_fetch(there) == ["litellm_proxy", "mine", "ollama"]
    assert _lists_to_fetch(data(proxy=None)) == ["ollama"]


async def test_the_list_of_the_selected_line_is_fetched_at_the_start_even_without_a_key(
    tmp_path: Path, services: FakeServices
) -> None:
    running = Running(tmp_path, services, current="openrouter/a/model")
    async with running.open():
        await running.until(lambda: "openrouter" in running.state.data.lives)
    assert services.calls.count(("live", "openrouter")) == 1


async def test_a_key_is_shown_at_once_and_not_with_the_next_news(
    running: Running, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingate.picker.effects.POLL_S", 60.0)
    async with running.open():
        await running.until(lambda: {"litellm_proxy", "ollama"} <= running.state.data.lives.keys())
        await running.until(lambda: running.state.data.lives["litellm_proxy"].problem != "")
        await running.press("?", "Keys   (Esc closes")
        await running.press("\x1b", "Enter choose")


async def test_a_change_of_what_would_answer_is_news_once(services: FakeServices) -> None:
    runner = EffectRunner(services, start, lambda change: None)
    assert runner._look() is None
    services.found = changed = readiness({**ENVIRON, "ANTHROPIC_API_KEY": "key"})
    assert runner._look() is changed
    assert runner._look() is None
    services.found = before = readiness()
    assert runner._look() is before
