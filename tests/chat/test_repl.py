"""The whole chat, with a pipe for a keyboard and a scripted engine for a model."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import signal
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from ingate.chat.app import Chat, Options
from ingate.chat.commands import COMMANDS
from ingate.chat.markdown import visible
from ingate.chat.mcp_servers import parse_server
from ingate.chat.prompt import Prompt
from ingate.chat.repl import Begin, _log, converse, run
from ingate.chat.services import GatewayServices
from ingate.chat.store import Log, load
from ingate.chat.tools import Tool
from ingate.errors import ClosedError, IngateError, MissingCredentialsError, RateLimitError, UnavailableError
from support.chat import SPEC, console_of, log_of, scripted_gateway

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingate.engines.scripted import ScriptedEngine

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
SERVER = shlex.join([sys.executable, str(Path(__file__).parent / "mcp_server_for_tests.py")])


class Typed:
    """A chat at which `typed` was typed, over."""

    def __init__(self, chat: Chat, text: str, engine: ScriptedEngine) -> None:
        self.chat, self.text, self.engine = chat, text, engine

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [body for _, body in self.engine.requests]


async def typed(
    text: str,
    *answers: Any,
    log: Log | None = None,
    options: Options | None = None,
    config: dict[str, Any] | None = None,
    prepare: Callable[[ScriptedEngine], None] | None = None,
) -> Typed:
    gateway, engine = scripted_gateway(config)
    for answer in answers:
        engine.enqueue(answer)
    if prepare is not None:
        prepare(engine)
    console, file = console_of(width=300)
    with create_pipe_input() as keyboard:
        prompt = Prompt(models=lambda: [SPEC], sessions=list, status=lambda: "", input=keyboard, output=DummyOutput())
        chat = Chat(gateway, log or log_of(kept=True), console, options or Options(), prompt=prompt)
        keyboard.send_text(text + "\x04")
        async with asyncio.timeout(60):
            assert await run(chat) == 0  # an exit code is that of the first message, and only if nothing follows
    await gateway.aclose()
    return Typed(chat, file.getvalue(), engine)


async def test_a_message_is_answered_and_the_total_shown() -> None:
    done = await typed("Hello\r", "Good day.")
    assert done.bodies[0]["messages"] == [{"role": "user", "content": "Hello"}]
    assert ("Good day." in done.text and "tokens/s" in done.text) or "first token" in done.text
    assert "1 answer · " in done.text
    assert f"ingate go --continue resumes it ({done.chat.log.session.id})" in done.text
    assert len(load(done.chat.log.path).entries) == 2


async def test_lines_are_typed_with_alt_enter_and_ctrl_j() -> None:
    done = await typed("one\x1b\rtwo\nthree\r", "ok")
    assert done.bodies[0]["messages"][0]["content"] == "one\ntwo\nthree"


async def test_a_paste_is_not_sent_before_enter() -> None:
    done = await typed("\x1b[200~first\r\nsecond\r\n/quit\x1b[201~ end\r", "ok")
    assert done.bodies[0]["messages"][0]["content"] == "first\nsecond\n/quit end"


async def test_history_is_kept_for_the_next_run_and_private(clean_environment: Path) -> None:
    await typed("remember me\r", "ok")
    done = await typed("\x1b[A\r", "ok")
    assert done.bodies[0]["messages"][0]["content"] == "remember me"
    path = clean_environment / ".local" / "state" / "ingate" / "history"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_another_model_gets_the_history() -> None:
    done = await typed("Hello\r/model scripted/other\rAnd now?\r", "One.", "Two.")
    assert [route.model for route, _ in done.engine.requests] == ["any", "other"]
    assert [one["content"] for one in done.bodies[1]["messages"]] == ["Hello", "One.", "And now?"]
    assert load(done.chat.log.path).model == "scripted/other"


async def test_the_picker_opens_in_the_middle() -> None:
    seen: list[str] = []

    async def pick(current: str) -> str | None:
        seen.append(current)
        return "scripted/picked" if len(seen) == 1 else None

    done = await typed("/model\rHello\r/model\r", "One.", options=Options(pick=pick))
    assert seen == [SPEC, "scripted/picked"]
    assert done.engine.requests[0][0].model == "picked"
    assert "Still using scripted/picked" in done.text


async def test_a_wrong_model_changes_nothing() -> None:
    done = await typed("/model noprovider/x\rHello\r", "One.")
    assert "noprovider" in done.text
    assert done.engine.requests[0][0].model == "any"


async def test_models_are_listed_by_a_filter() -> None:
    done = await typed("/model cap:vision claude\r/model zzzzqq\r")
    assert "claude" in done.text
    assert "No model matches" in done.text


async def test_retry_asks_again_without_the_old_answer() -> None:
    done = await typed("Hello\r/retry\r", "One.", "Two.")
    assert [one["content"] for one in done.bodies[1]["messages"]] == ["Hello"]
    assert [entry.message["content"] for entry in done.chat.log.session.entries] == ["Hello", "Two."]


async def test_edit_puts_the_message_back_into_the_prompt() -> None:
    done = await typed("Helo\r/edit\r world\r", "One.", "Two.")
    assert done.bodies[1]["messages"] == [{"role": "user", "content": "Helo world"}]


async def test_edit_in_an_editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nenv > "$0.env"\nprintf "Edited" > "$1"\n')
    editor.chmod(0o700)
    monkeypatch.setenv("EDITOR", str(editor))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted")
    done = await typed("Hello\r/edit editor\r", "One.", "Two.")
    assert done.bodies[1]["messages"] == [{"role": "user", "content": "Edited"}]
    assert "sk-planted" not in (tmp_path / "editor.env").read_text()


async def test_system_message_and_clear() -> None:
    done = await typed("/system Be short.\rHello\r/clear\rAgain\r/system off\rOnce more\r", "1", "2", "3")
    assert done.bodies[0]["messages"][0] == {"role": "system", "content": "Be short."}
    assert [one["content"] for one in done.bodies[1]["messages"]] == ["Be short.", "Again"]
    assert done.bodies[2]["messages"][0]["role"] == "user"


async def test_a_file_is_attached_to_the_next_message_only(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("alpha")
    (tmp_path / "cat.png").write_bytes(PNG)
    done = await typed(
        f"/attach {tmp_path}/notes.txt\r/attach '{tmp_path}/cat.png'\rRead it\rAnd?\r/attach {tmp_path}/none\r",
        "1",
        "2",
    )
    content = done.bodies[0]["messages"][0]["content"]
    assert [part["type"] for part in content] == ["text", "image_url", "text"]
    assert "alpha" in content[0]["text"]
    assert all("attached" not in part for part in content)
    assert done.bodies[1]["messages"][-1]["content"] == "And?"
    assert "there is no file" in done.text


async def test_an_image_is_refused_for_a_model_that_takes_none(tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(PNG)
    done = await typed(f"/model local/smollm2\r/attach {tmp_path}/cat.png\r")
    assert "local/smollm2 does not accept images" in done.text


async def test_save_load_and_export(tmp_path: Path) -> None:
    first = await typed(f"Hello\r/save {tmp_path}/kept\r/save {tmp_path}/kept\r/export md {tmp_path}/out.md\r", "One.")
    assert "exists" in first.text
    assert "## You" in (tmp_path / "out.md").read_text()
    assert stat.S_IMODE((tmp_path / "kept.jsonl").stat().st_mode) == 0o600
    again = await typed(f"/load {tmp_path}/kept.jsonl\rMore\r/load nothing\r/export pdf\r", "Two.")
    assert [one["content"] for one in again.bodies[0]["messages"]] == ["Hello", "One.", "More"]
    assert "there is no conversation 'nothing'" in again.text
    assert "only Markdown is supported" in again.text
    by_id = await typed(f"/load {first.chat.log.session.id}\rMore\r", "Two.")
    assert by_id.chat.log.path == first.chat.log.path
    assert again.chat.log.path != first.chat.log.path, "a file that was saved is continued in a session of its own"
    for done in (again, by_id):
        loaded = done.text.partition("Switched")[0].index("Hello")
        assert loaded < done.text.index("One.") < done.text.index("Two."), "the last exchange is shown"
    assert f"Saved as {tmp_path}/kept.jsonl; /load opens it again." in first.text
    assert f"Written to {tmp_path}/out.md." in first.text


async def test_cost_help_explain_and_unknown_commands() -> None:
    options = Options(explain=lambda spec: [f"explained {spec}"])
    done = await typed("Hello\r/cost\r/help\r/explain\r/mdoel\r/zzzz\r/retry now\r", "One.", "Two.", options=options)
    assert "\x1b[1m/retry" in done.text
    for said in ("2 in", "/attach", f"explained {SPEC}", "Did you mean /model?", "/help lists all commands"):
        assert said in done.text


async def test_a_slash_at_the_beginning_of_a_message() -> None:
    done = await typed("//model is a command\r/usr/bin/env is a path\r", "1", "2")
    assert done.bodies[0]["messages"][0]["content"] == "/model is a command"
    assert done.bodies[1]["messages"][-1]["content"] == "/usr/bin/env is a path"


async def test_reasoning_is_shown_on_demand() -> None:
    done = await typed(
        "Hello\r/reasoning\r/reasoning\r", prepare=lambda engine: engine.enqueue("One.", reasoning="Deep thought.")
    )
    assert "reasoned for" in done.text
    assert done.text.count("Deep thought.") >= 1
    assert "folded" in done.text


@pytest.mark.parametrize("error", [RateLimitError("slow down", fix="wait a minute"), UnavailableError("down")])
async def test_an_error_is_shown_and_the_chat_continues(error: IngateError) -> None:
    done = await typed("Hello\r/retry\r", error, "Better.")
    assert str(error) in done.text
    assert "Better." in done.text
    assert [one["content"] for one in done.bodies[1]["messages"]] == ["Hello"]


async def test_a_broken_stream_offers_retry() -> None:
    done = await typed(
        "Hello\r", prepare=lambda engine: engine.enqueue("Half of", breaks_with=UnavailableError("connection lost"))
    )
    assert "Half of" in done.text
    assert "/retry" in done.text
    assert done.chat.log.session.entries[-1].message["content"] == "Half of"


async def test_ctrl_c_stops_the_answer_and_not_the_chat() -> None:
    def prepare(engine: ScriptedEngine) -> None:
        def stop(body: Any) -> list[str]:
            asyncio.get_running_loop().call_later(0.3, os.kill, os.getpid(), signal.SIGINT)
            return ["word "] * 1000

        engine.enqueue(stop, delay_s=0.01)
        engine.enqueue("Next.")

    done = await typed("Hello\rGo on\r", prepare=prepare)
    entries = done.chat.log.session.entries
    assert entries[1].stopped
    assert entries[1].message["content"].startswith("word word")
    assert "Stopped" in done.text
    assert entries[-1].message["content"] == "Next."


async def test_ctrl_c_clears_the_line_first() -> None:
    done = await typed("half a thought\x03\x03Hello\r", "One.")
    assert done.bodies[0]["messages"][0]["content"] == "Hello"
    assert "Ctrl-D leaves" in done.text


async def test_a_first_message_and_leave() -> None:
    gateway, engine = scripted_gateway()
    engine.enqueue("One.")
    engine.enqueue(RateLimitError("slow down"))
    console, file = console_of()
    assert await run(Chat(gateway, log_of(), console, Options(message="Hello", leave=True))) == 0
    assert "One." in file.getvalue()
    assert await run(Chat(gateway, log_of(), console, Options(message="Hello", leave=True))) == RateLimitError.exit_code
    assert await run(Chat(gateway, log_of(), console, Options(leave=True))) == 0
    await gateway.aclose()


async def test_tools_of_a_server_are_asked_for_and_used() -> None:
    pytest.importorskip("mcp")

    def prepare(engine: ScriptedEngine) -> None:
        engine.enqueue_tool_call("add", {"a": 2, "b": 3})
        engine.enqueue_tool_call("add", {"a": 4, "b": 5})
        engine.enqueue("Five and nine.")

    options = Options(servers=(parse_server(SERVER),))
    done = await typed("/mcp\rAdd\rxa/mcp remove nobody\r", options=options, prepare=prepare)
    assert [one["content"] for one in done.bodies[2]["messages"] if one["role"] == "tool"] == ["5", "9"]
    assert "Add two numbers." in done.text
    assert "add(a=2, b=3)" in done.text
    assert "there is no server" in done.text


async def test_no_is_an_answer() -> None:
    pytest.importorskip("mcp")

    def prepare(engine: ScriptedEngine) -> None:
        engine.enqueue_tool_call("add", {"a": 2, "b": 3})
        engine.enqueue("Then not.")

    done = await typed("/mcp\rAdd\rn", options=Options(servers=(parse_server(SERVER),)), prepare=prepare)
    assert "user denied" in done.bodies[1]["messages"][-1]["content"]


async def test_a_server_that_does_not_start_is_reported_and_the_chat_continues() -> None:
    pytest.importorskip("mcp")
    options = Options(servers=(parse_server(f"{SERVER} --broken"),))
    done = await typed("Hello\r/cost\rMore\r", "One.", "Two.", options=options)
    assert done.text.count("cannot find its database") == 1
    assert "One." in done.text
    assert "tools" not in done.bodies[0]


async def test_continuing_shows_the_last_exchange() -> None:
    first = await typed("Hello\rMore\r", "One.", "Two.")
    again = await typed("Even more\r", "Three.", log=Log.reopen(first.chat.log.path))
    assert "2 earlier messages" in again.text
    assert "Two." in again.text
    assert "One." not in again.text
    assert [one["content"] for one in again.bodies[0]["messages"]] == ["Hello", "One.", "More", "Two.", "Even more"]


async def test_no_key_is_in_a_session(monkeypatch: pytest.MonkeyPatch) -> None:
    done = await typed("Hello\r", "One.", config={"openai": {"api_key": "sk-planted-key"}})
    assert "sk-planted" not in done.chat.log.path.read_text()


async def test_the_first_message_has_the_tools_of_a_server_that_is_still_starting() -> None:
    pytest.importorskip("mcp")
    options = Options(servers=(parse_server(SERVER),), message="Add")
    done = await typed("", "3", options=options)
    assert "add" in {tool["function"]["name"] for tool in done.bodies[0]["tools"]}


async def test_an_unknown_price_is_not_shown_as_zero() -> None:
    log = log_of()
    log.record("turn", spec=SPEC, cost_usd=None, input_tokens=3, output_tokens=2)
    done = await typed("", log=log)
    assert done.chat._status().endswith(" · 5 tokens · cost unknown")
    log.session.apply({"type": "turn", "spec": SPEC, "cost_usd": 0.5})
    assert done.chat._status().endswith(" · $0.5000 + unknown")


async def test_the_model_is_looked_up_once_when_it_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    from ingate.gateway import Gateway

    asked: list[str] = []
    explain = Gateway.explain

    def counting(self: Gateway, spec: str) -> Any:
        asked.append(spec)
        return explain(self, spec)

    monkeypatch.setattr(Gateway, "explain", counting)
    await typed("One\rTwo\r/model scripted/other\rThree\r/retry\r", "1", "2", "3", "4")
    assert asked == [SPEC, "scripted/other"]


async def test_a_problem_of_the_new_model_is_shown_with_what_helps() -> None:
    done = await typed("/model groq/openai/gpt-oss-120b\r")
    switched = done.text.partition("Switched to")[2]
    assert "GROQ_API_KEY" in switched
    assert "fix:" in switched
    ready = await typed("/model scripted/other\r")
    assert "fix:" not in ready.text


async def test_the_new_model_says_what_it_will_not_see(tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(PNG)
    done = await typed(f"/attach {tmp_path}/cat.png\rWhat is it?\r/model local/smollm2\r", "A cat.")
    assert "Images are left out: this model does not accept them." in done.text.partition("Switched to")[2]


async def test_attachments_can_be_listed_and_removed(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("alpha")
    done = await typed(f"/attach\r/attach {tmp_path}/notes.txt\r/attach\r/attach off\rHello\r", "One.")
    assert done.text.count("Nothing is attached.") == 2
    assert done.text.count("notes.txt (text, 5 B)") == 2
    assert done.text.count("Sent with your next message.") == 2
    assert done.bodies[0]["messages"] == [{"role": "user", "content": "Hello"}]


async def test_a_model_outside_the_catalog_is_sent_a_file_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(PNG)
    (tmp_path / "notes.txt").write_text("alpha")
    done = await typed(f"/attach {tmp_path}/cat.png\r")
    assert f"{SPEC} is not in the catalog, so it may or may not accept this file." in done.text
    assert "not in the catalog" not in (await typed(f"/attach {tmp_path}/notes.txt\r")).text


async def test_edit_brings_its_attachments_back(tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(PNG)
    done = await typed(f"/attach {tmp_path}/cat.png\rWhat?\r/edit\r is it\r", "A cat.", "Still a cat.")
    parts = done.bodies[1]["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["image_url", "text"]
    assert parts[1]["text"] == "What? is it"
    assert len(done.bodies[1]["messages"]) == 1


async def test_an_editor_that_returns_nothing_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nprintf "  " > "$1"\n')
    editor.chmod(0o700)
    monkeypatch.setenv("EDITOR", str(editor))
    done = await typed("Hello\r/edit editor\r", "One.")
    assert "the message is unchanged" in done.text
    assert len(done.bodies) == 1
    assert len(done.chat.log.session.entries) == 2


@pytest.mark.parametrize("editor", ["/nowhere/editor", "false", "'unclosed"])
async def test_an_editor_that_fails_is_an_error_and_keeps_the_message(
    editor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", "vi")
    monkeypatch.setenv("VISUAL", editor)
    done = await typed("Hello\r/edit editor\r", "One.")
    assert f"the editor {editor!r} failed" in done.text
    assert len(done.chat.log.session.entries) == 2


async def test_what_a_command_cannot_do_says_what_would() -> None:
    done = await typed(
        "/retry\r/edit\r/model\r/load\r/save\r/mcp frob x\r/explain\r/edit twice\rHello\r/edit twice\r", "One."
    )
    for said in (
        "there is no message yet",
        "the picker is not available here",
        "no conversation was named",
        "no file was named",
        "unknown argument 'frob x' for /mcp",
        "unknown argument 'twice' for /edit",
    ):
        assert said in done.text
    assert done.text.count("there is no message yet") == 3
    assert len(done.chat.log.session.entries) == 2


async def test_system_says_what_it_is_and_mcp_that_there_is_nothing() -> None:
    done = await typed("/system\r/system Be short.\r/system off\r/mcp\r")
    assert done.text.count("There is no system message.") == 2
    assert "system:" in done.text
    assert "Be short." in done.text
    assert "No MCP server is connected." in done.text


async def test_clear_names_the_old_conversation_and_lists_at_most_twelve_models() -> None:
    done = await typed("Hello\r/clear\r/model cap:tools\r/model llama-3.3-70b provider:groq\r", "One.")
    assert "goes back to it" in done.text
    assert "Started a new conversation." in done.text
    assert " more" in done.text
    assert "… 0 more" not in done.text
    assert "goes back to it" not in (await typed("/clear\r")).text


async def test_the_conversation_that_is_open_is_not_loaded_again() -> None:
    log = log_of(kept=True)
    done = await typed(f"Hello\r/load {log.session.id}\r", "One.", log=log)
    assert "open already" in done.text


async def test_reasoning_that_is_not_there_is_said_to_be() -> None:
    done = await typed("/reasoning\r/reasoning\r")
    assert "There is no reasoning yet." in done.text
    assert "Reasoning is shown in full from now on." in done.text
    assert "Reasoning is folded from now on." in done.text


async def test_reasoning_of_a_loaded_conversation_is_found() -> None:
    log = log_of()
    for text in ("First thought.", "Second thought."):
        log.record("user", content="Go on")
        log.record("assistant", message={"content": "Yes.", "reasoning_content": text}, provider="x")
    log.record("assistant", message={"content": "No."}, provider="x")
    done = await typed("/reasoning\r", log=log)
    assert "Second thought." in done.text
    assert "First thought." not in done.text


async def test_an_error_shows_the_providers_message_the_key_and_the_fix_once() -> None:
    error = RateLimitError("slow down", fix="wait a minute", provider_message="quota of 5", credential_source="env X")
    done = await typed("Hello\r", error)
    for said in ("slow down", "the provider's message: quota of 5", "the key: env X", "wait a minute"):
        assert done.text.count(said) == 1
    same = RateLimitError("quota of 5, env X", provider_message="quota of 5", credential_source="env X")
    again = await typed("Hello\r", same)
    assert "the provider's message" not in again.text
    assert "the key" not in again.text


async def test_a_copy_of_an_open_conversation_says_so() -> None:
    log = log_of(kept=True)
    log.record("user", content="Hello")
    done = await typed("", log=Log.reopen(log.path))
    assert f"{log.session.id} is open in another terminal, so this is a copy of it." in done.text
    log.close()


async def test_a_conversation_that_cannot_be_saved_says_so_once(clean_environment: Path) -> None:
    (clean_environment / ".local").mkdir()
    (clean_environment / ".local" / "state").write_text("in the way")
    done = await typed("Hello\rMore\r", "One.", "Two.")
    assert done.text.count("is not being saved") == 1
    assert "resumes it" not in done.text


async def test_an_unknown_model_does_not_touch_the_conversation_that_would_continue() -> None:
    from ingate.errors import UnknownProviderError

    gateway, _ = scripted_gateway()
    log = log_of(kept=True)
    begin = Begin(
        config=None, log=log, spec="noprovider/x", system="Changed", message="", leave=False, servers=(), yes=False,
        data=None, screen=None, explain=lambda _: [],
    )  # fmt: skip
    with pytest.raises(UnknownProviderError):
        await converse(gateway, begin)
    assert (log.session.model, log.session.system) == (SPEC, "")


@pytest.mark.parametrize("kept", [True, False])
async def test_a_new_conversation_is_kept_if_the_old_one_was_and_waits_for_no_attachment(
    tmp_path: Path, kept: bool
) -> None:
    (tmp_path / "notes.txt").write_text("alpha")
    log = log_of(kept=kept, system="Be short.")
    done = await typed(f"/attach {tmp_path}/notes.txt\r/clear\rHello\r", "One.", log=log)
    assert done.bodies[0]["messages"] == [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "Hello"},
    ]
    assert done.chat.log is not log
    assert (done.chat.log.path is not None) is kept


async def test_a_changed_system_message_is_saved() -> None:
    done = await typed("/system Be short.\rHello\r", "One.")
    assert load(done.chat.log.path).system == "Be short."
    again = await typed("/system off\r", log=Log.reopen(done.chat.log.path))
    assert load(again.chat.log.path).system == ""


async def test_edit_brings_attachments_back_as_what_they_were(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("alpha")
    (tmp_path / "cat.png").write_bytes(PNG)
    (tmp_path / "doc.pdf").write_bytes(b"%PDF-1.7")
    files = "".join(f"/attach {tmp_path}/{name}\r" for name in ("notes.txt", "cat.png", "doc.pdf"))
    done = await typed(f"{files}Read\r/edit\r\x03/attach\r", "One.")
    listed = visible(done.text).partition("One.")[2]
    assert [line.split(",")[0] for line in listed.splitlines() if line.startswith("  ")] == [
        "  notes.txt (text",
        "  cat.png (image",
        "  doc.pdf (pdf",
    ]
    assert done.chat.log.session.entries == []


async def test_ctrl_d_is_mentioned_once_until_something_is_typed() -> None:
    done = await typed("\x03\x03\x03 \r\x03")
    assert done.text.count("Ctrl-D leaves.") == 2


async def test_each_answer_is_listed_with_its_cost() -> None:
    log = log_of()
    for cost in (0.5, None):
        log.record("turn", spec="a/b", input_tokens=3, output_tokens=2, cost_usd=cost)
    done = await typed("/cost\r", log=log)
    assert visible(done.text).splitlines()[1:4] == [
        "  1  a/b  3 in · 2 out · $0.5000",
        "  2  a/b  3 in · 2 out · cost unknown",
        "2 answers · 6 in · 4 out · $0.5000 + unknown",
    ]


async def test_the_exchange_that_is_continued_is_shown_with_its_tools_and_what_is_incomplete() -> None:
    log = log_of()
    log.record("user", content="Add")
    log.record("assistant", message={"content": None, "tool_calls": [{"id": "c"}]}, provider="x")
    log.record("tool", tool_call_id="c", name="add", content="5")
    log.record("tool", tool_call_id="d", content="6")
    log.record("assistant", message={"content": "**Five**"}, provider="x", stopped="stopped")
    done = await typed("", log=log)
    assert [line for line in visible(done.text).splitlines() if line] == [
        f"{SPEC} · /help lists the commands, Ctrl-D leaves",
        "› Add",
        "⚙ add",
        "⚙ tool",
        "Five",
        "Incomplete: stopped. /retry asks again.",
    ]


async def test_what_tab_offers_are_the_models_and_conversations_there_are(clean_environment: Path) -> None:
    kept = log_of(kept=True)
    kept.record("user", content="Hi")
    kept.close()
    gateway, _ = scripted_gateway(
        {"aliases": {"fast": "groq/m"}, "servers": {"box": {"base_url": "http://127.0.0.1:9/v1"}}}
    )
    chat = Chat(gateway, log_of(), console_of()[0], Options())
    offered = list(chat._models())
    catalog = gateway.catalog()
    rest = [*(row.spec for row in catalog.curated()), *(row.key for row in catalog.visible())]
    at = offered.index("fast")
    assert offered[at + 1 :] == rest
    assert "box/" in offered[:at]
    assert not [one for one in offered if one.endswith("*")]
    assert list(chat._sessions()) == [kept.session.id]
    assert chat._status() == SPEC
    await gateway.aclose()


async def test_a_conversation_without_a_model_is_continued_with_the_present_one(tmp_path: Path) -> None:
    file = tmp_path / "old.jsonl"
    file.write_text('{"type":"session","id":"old","created_at":1}\n{"type":"user","content":"Hi"}\n')
    done = await typed(f"/load {file}\r")
    assert done.chat.log.session.model == SPEC
    assert load(done.chat.log.path).model == SPEC
    assert done.chat.log.session.id != "old"
    assert visible(done.text).splitlines()[1:] == [SPEC, "› Hi"]
    unkept = await typed(f"/load {file}\r", log=log_of())
    assert unkept.chat.log.path is None


@pytest.mark.parametrize(
    ("spec", "system", "model", "text"),
    [
        (SPEC, None, SPEC, "Be short."),
        ("scripted/other", None, "scripted/other", "Be short."),
        (SPEC, "", SPEC, ""),
        (SPEC, "Be kind.", SPEC, "Be kind."),
    ],
)
async def test_a_continued_conversation_has_the_named_model_and_system_message(
    spec: str, system: str | None, model: str, text: str
) -> None:
    log = log_of(kept=True, system="Be short.")
    log.record("user", content="Hi")
    begin = Begin(
        config=None, log=log, spec=spec, system=system, message="", leave=False, servers=(), yes=False,
        data=None, screen=None, explain=lambda _: [],
    )  # fmt: skip
    assert _log(begin, spec) is log
    log.close()
    assert log.path is not None
    saved = load(log.path)
    assert (saved.model, saved.system) == (model, text)
    fresh = _log(msgspec.structs.replace(begin, log=None), spec)
    assert (fresh.session.model, fresh.session.system, fresh.session.entries) == (model, system or "", [])


async def test_an_answer_that_is_cancelled_from_outside_is_kept_and_the_cancellation_goes_on() -> None:
    gateway, engine = scripted_gateway()
    engine.enqueue(["word "] * 1000, delay_s=0.01)
    console, file = console_of()
    log = log_of()
    chat = Chat(gateway, log, console, Options())
    task = asyncio.create_task(chat.send("Hello"))
    while not log.session.entries or "word" not in visible(file.getvalue()):
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log.session.entries[-1].stopped == "stopped"
    assert log.session.entries[-1].message["content"].startswith("word ")
    assert "what arrived is kept" not in file.getvalue()
    await gateway.aclose()


async def test_an_alias_and_a_curated_name_are_models_and_other_words_a_filter() -> None:
    gateway, _ = scripted_gateway()
    (row, *_) = gateway.catalog().curated()
    await gateway.aclose()
    done = await typed(f"/model fast\r/model {row.model}\r/model fas\r", config={"aliases": {"fast": SPEC}})
    assert "Switched to \x1b[1mfast\x1b[0m." in done.text
    assert f"Switched to \x1b[1m{row.model}\x1b[0m." in done.text
    assert done.chat.log.session.model == row.model


async def test_ctrl_c_at_the_question_about_a_tool_stops_the_answer() -> None:
    gateway, engine = scripted_gateway()
    engine.enqueue_tool_call("add", {})
    console, file = console_of()

    async def run_tool(arguments: dict[str, Any]) -> tuple[str, bool]:
        raise AssertionError(arguments)

    with create_pipe_input() as keyboard:
        prompt = Prompt(models=list, sessions=list, status=str, kept=False, input=keyboard, output=DummyOutput())
        chat = Chat(gateway, log_of(), console, Options(), prompt=prompt)
        chat.toolbox.replace([Tool("calc", "add", "Adds.", {"type": "object"}, run_tool)])
        keyboard.send_text("\x03")
        assert await chat.send("Add") == 130
    assert "Stopped; what arrived is kept. /retry asks again." in visible(file.getvalue())
    assert [entry.role for entry in chat.log.session.entries] == ["user", "assistant"]
    await gateway.aclose()


async def test_every_command_answers_something() -> None:
    answers = {
        "model": "the picker is not available here",
        "retry": "there is no message yet",
        "edit": "there is no message yet",
        "system": "There is no system message.",
        "clear": "Started a new conversation.",
        "attach": "Nothing is attached.",
        "save": "no file was named",
        "load": "no conversation was named",
        "export": "only Markdown is supported",
        "explain": f"explained {SPEC}",
        "cost": "0 answers",
        "mcp": "No MCP server is connected.",
        "reasoning": "There is no reasoning yet.",
        "help": "Show this list.",
    }
    assert {*answers, "quit"} == set(COMMANDS)
    options = Options(explain=lambda spec: [f"explained {spec}"])
    done = await typed("".join(f"/{name}\r" for name in answers) + "/quit\r/cost\r", options=options)
    text = visible(done.text)
    places = [text.find(answer) for answer in dict.fromkeys(answers.values())]
    assert places == sorted(places)
    assert places[0] > 0
    assert text.count("there is no message yet") == 2
    assert text.count("0 answers") == 1, "nothing is read after /quit"


async def test_an_error_after_an_incomplete_answer_still_says_what_helps() -> None:
    log = log_of()
    log.record("user", content="Hi")
    log.record("assistant", message={"content": "Half"}, provider="x", stopped="stopped")
    done = await typed("/model noprovider/x\r", log=log)
    assert "fix:" in done.text


@pytest.mark.parametrize(
    ("spec", "code", "warmed"), [("litellm.groq/m", MissingCredentialsError.exit_code, 1), (SPEC, 0, 0)]
)
async def test_litellm_is_loaded_while_the_first_message_is_typed_if_the_model_needs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], spec: str, code: int, warmed: int
) -> None:
    calls: list[object] = []
    monkeypatch.setattr(GatewayServices, "warm", lambda services: calls.append(services))
    gateway, engine = scripted_gateway()
    engine.enqueue("One.")
    begin = Begin(
        config=None, log=None, spec=spec, system="Be short.", message="Hello", leave=True, servers=(), yes=False,
        data=None, screen=None, explain=lambda _: [],
    )  # fmt: skip
    assert await converse(gateway, begin) == code
    assert len(calls) == warmed
    assert "› Hello" in capsys.readouterr().out
    with pytest.raises(ClosedError):
        await gateway.complete({"model": SPEC, "messages": []})
    if spec == SPEC:
        assert engine.requests[0][1]["messages"] == [
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": "Hello"},
        ]


async def test_models_that_are_ready_are_listed_first_and_at_most_twelve() -> None:
    done = await typed("/model gpt-oss provider:groq,cerebras\r", config={"groq": {"api_key": "gsk-planted"}})
    listed = [line.split() for line in visible(done.text).splitlines() if line.startswith("  ") and "/" in line]
    providers = [key.partition("/")[0] for _, key in listed]
    assert providers == sorted(providers, reverse=True)
    assert set(providers) == {"groq", "cerebras"}
    assert {(mark, key.partition("/")[0]) for mark, key in listed} == {("✓", "groq"), ("✗", "cerebras")}
    assert "/model SPEC switches to one of them." in done.text
    assert "more" not in done.text
    many = visible((await typed("/model cap:tools\r")).text)
    assert len([line for line in many.splitlines() if line.startswith("  ") and "/" in line]) == 12
    assert re.search(r"^  … [\d,]+ more$", many, re.MULTILINE)


async def test_files_are_named_as_they_are_typed(tmp_path: Path, clean_environment: Path) -> None:
    done = await typed(
        f"Hello\r/save '{tmp_path}/a b'\r/export md\r/save ~/x.txt\r/export md ~/y\r/export md ~/y\r", "1"
    )
    assert (tmp_path / "a b.jsonl").is_file()
    assert (clean_environment / f"{done.chat.log.session.id}.md").is_file()
    assert (clean_environment / "x.txt").is_file()
    assert (clean_environment / "y.md").is_file()
    text = visible(done.text)
    assert f"{clean_environment}/y.md exists" in text
    assert "fix: choose another name" in text
    again = await typed(f"/load '{tmp_path}/a b.jsonl'\r/save\r/export txt\r/export\r/load\r")
    assert again.chat.log.session.entries[0].message["content"] == "Hello"
    fixes = [line.strip() for line in visible(again.text).splitlines() if "fix:" in line]
    assert fixes == [
        "fix: /save FILE",
        "fix: /export md FILE",
        "fix: /export md FILE",
        "fix: /load ID; Tab lists them, and so does `ingate sessions`",
    ]


async def test_a_server_is_added_listed_and_removed() -> None:
    pytest.importorskip("mcp")
    done = await typed(f"/mcp add {SERVER}\r/mcp remove mcp_server_for_tests\r/mcp add\r/mcp remove x\r")
    lines = visible(done.text).splitlines()
    assert lines[1] == f"mcp_server_for_tests {SERVER}"
    assert "  add  Add two numbers." in lines
    assert [line for line in lines if not line.startswith("  ")][2:] == [
        'No MCP server is connected. /mcp add COMMAND, or `ingate go --mcp "COMMAND"`.',
        "error: unknown argument 'add' for /mcp",
        "error: there is no server 'x'; connected: none",
    ]
    assert done.chat.toolbox.named == {}
