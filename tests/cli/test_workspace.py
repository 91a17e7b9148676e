"""The question whether to trust a folder, as commands ask it on a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click
import pytest

from ingate import environment
from ingate.cli.workspace import _short, ask_about, can_ask, describe, open_config, open_gateway, require_default
from ingate.config import load, trust
from ingate.config.trust import Folder
from ingate.errors import ConfigError
from support.cli import Stream

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ingate.config.restrict import Skipped

RISKY = "groq: {base_url: 'http://gateway.example/v1'}\n"
QUESTION = "Trust it? (y)es, (n)o: leave this out now, ne(v)er: do not ask again"


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Stream]:
    """Makes standard input a terminal where a text is typed; returns standard error, a terminal too."""

    def typing(text: str, *, terminal: bool = True) -> Stream:
        err = Stream(terminal=terminal)
        monkeypatch.setattr(sys, "stdin", Stream(text, terminal=terminal))
        monkeypatch.setattr(sys, "stdout", Stream(terminal=terminal))
        monkeypatch.setattr(sys, "stderr", err)
        return err

    return typing


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "ingate.yaml").write_text(RISKY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(trust, "_declined", set())
    return tmp_path


def state(folder: Path) -> str:
    return load(environ=environment.snapshot(), cwd=folder).folders[0].state


def left_out(config: Any) -> list[str]:
    return [one.name for one in config.skipped]


def test_yes_trusts_these_files_and_uses_them_at_once(project: Path, typed: Callable[[str], Stream]) -> None:
    err = typed("y\n")
    assert left_out(open_config(None)) == []
    lines = click.unstyle(err.written).splitlines()
    assert lines[0] == f"The configuration in {project} is not trusted yet. It would be allowed to do this:"
    assert lines[1] == "  ingate.yaml"
    assert lines[2].endswith("ingate.yaml:1  groq.base_url: http://gateway.example/v1")
    assert err.written.count(QUESTION) == 1
    assert "note:" not in err.written
    assert state(project) == "trusted"


def test_no_leaves_it_out_now_and_never_from_now_on(project: Path, typed: Callable[[str], Stream]) -> None:
    err = typed("\n")
    assert left_out(open_config(None)) == ["groq.base_url"]
    assert err.written.count(QUESTION) == 1
    assert "note:" not in err.written, "the user has just been asked"
    again = typed("y\n")
    assert left_out(open_config(None)) == ["groq.base_url"], "declined for this process"
    assert QUESTION not in again.written
    trust._declined.clear()
    assert state(project) == "untrusted"
    never = typed("V\n")
    config = open_config(None)
    assert left_out(config) == ["groq.base_url"]
    assert "note:" not in never.written
    assert state(project) == "refused"
    later = typed("y\n")
    open_config(None)
    assert later.written == ""


def test_a_command_that_only_shows_something_or_has_no_terminal_does_not_ask(
    project: Path, typed: Callable[[str], Stream]
) -> None:
    for ask, terminal in ((False, True), (True, False)):
        err = typed("y\n", terminal=terminal)
        assert left_out(open_config(None, ask=ask)) == ["groq.base_url"]
        assert click.unstyle(err.written).splitlines() == [
            "note: ingate.yaml is not trusted: groq.base_url left out (`ingate trust` shows and trusts it)"
        ]
    assert left_out(open_gateway(None, ask=False).config) == ["groq.base_url"]


def test_a_file_that_needs_no_trust_is_not_asked_about(project: Path, typed: Callable[[str], Stream]) -> None:
    (project / "ingate.yaml").write_text("default_model: groq/m\n")
    err = typed("y\n")
    assert open_config(None).settings.default_model == "groq/m"
    assert err.written == ""


def test_a_named_file_is_used_as_it_is_and_options_reach_the_gateway(
    project: Path, typed: Callable[[str], Stream]
) -> None:
    err = typed("y\n")
    gateway = open_gateway(str(project / "ingate.yaml"), retries=7)
    assert (left_out(gateway.config), err.written) == ([], "")


@pytest.mark.parametrize(("stdin", "stderr", "asks"), [(True, True, True), (False, True, False), (True, False, False)])
def test_a_question_needs_a_terminal_on_both_sides(
    monkeypatch: pytest.MonkeyPatch, stdin: bool, stderr: bool, asks: bool
) -> None:
    monkeypatch.setattr(sys, "stdin", Stream(terminal=stdin))
    monkeypatch.setattr(sys, "stderr", Stream(terminal=stderr))
    assert can_ask() is asks


def test_closed_streams_ask_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = Stream(terminal=True)
    closed.close()
    for name in ("stdin", "stderr"):
        for stream in (None, closed):
            with monkeypatch.context() as patch:
                patch.setattr(sys, "stdin", Stream(terminal=True))
                patch.setattr(sys, "stderr", Stream(terminal=True))
                assert can_ask()
                patch.setattr(sys, name, stream)
                assert not can_ask()


def test_an_untrusted_default_model_is_an_error_and_a_trusted_one_is_not(project: Path) -> None:
    (project / "ingate.yaml").write_text(
        "default_model: mine/m\nservers: {mine: {base_url: 'http://gateway.example/v1'}}\n"
    )
    with pytest.raises(ConfigError, match="not trusted"):
        require_default(load(environ={}, cwd=project))
    require_default(load(environ={"INGATE_TRUST_WORKSPACE": "1"}, cwd=project))


def skipped(folder: Path, text: str) -> tuple[Folder, tuple[Skipped, ...]]:
    (folder / "ingate.yaml").write_text(text)
    config = load(environ={}, cwd=folder, review=True)
    return config.folders[0], config.skipped


def test_what_a_folder_may_do_is_described_programs_first_and_in_red(project: Path) -> None:
    folder, found = skipped(project, RISKY + "xai: {api_key: 'cmd:get key'}\n")
    lines = list(describe(folder, found))
    plain = [click.unstyle(line) for line in lines]
    assert plain[0] == "  ingate.yaml"
    assert [line.partition("ingate.yaml:")[2] for line in plain[1::2]] == [
        "2  xai.api_key: runs get key",
        "1  groq.base_url: http://gateway.example/v1",
    ]
    assert len(lines) == 5
    assert "\x1b[31m\x1b[1mxai.api_key\x1b[0m" in lines[1]
    assert "\x1b[1mgroq.base_url\x1b[0m" in lines[3]
    assert all(line.startswith("\x1b[2m      ") for line in lines[2::2]), "the risk, dimmed"


def test_files_that_others_can_change_are_marked() -> None:
    folder = Folder(
        "/project",
        "untrusted",
        {"a.yaml": "1", "b.yaml": "2", "c.yaml": "3"},
        changed=("a.yaml", "b.yaml"),
        foreign=("b.yaml",),
        shared=("b.yaml",),
    )
    assert list(describe(folder, ())) == [
        "  a.yaml (changed since it was trusted)",
        "  b.yaml (changed since it was trusted, owned by another user, other users can write it)",
        "  c.yaml",
        "    nothing that ingate itself needs trust for; fast-agent, if it is started here, reads all of its own files",
    ]


def test_what_only_fast_agent_reads_is_named() -> None:
    agents = "    .fast-agent: agents, tools, plugins and sessions that fast-agent loads, if it is started here"
    variables = "    .env: addresses, keys and programs that fast-agent takes from it, if it is started here"
    for names, lines in (((".fast-agent",), [agents]), ((".env",), [variables])):
        assert list(describe(Folder("/project", "untrusted", dict.fromkeys(names, "1")), ())) == [
            *(f"  {name}" for name in names),
            *lines,
        ]


def test_a_limit_shortens_the_list_and_long_values(project: Path) -> None:
    aliases = "".join(f"  a{number}: evil/x\n" for number in range(4))
    folder, found = skipped(project, f"aliases:\n{aliases}groq: {{base_url: 'http://x/{'y' * 300}'}}\n")
    assert not any(line.startswith("    and ") for line in describe(folder, found, limit=len(found)))
    assert list(describe(folder, found, limit=len(found) - 2))[-1] == "    and 2 more: `ingate trust` lists them all"
    assert any("y" * 300 in line for line in describe(folder, found))
    assert not any("y" * 300 in line for line in describe(folder, found, limit=len(found)))
    other = Folder("/elsewhere", "untrusted", {"ingate.yaml": "1"})
    assert len(list(describe(other, found))) == 2, "settings of another folder are not its own"


def test_a_long_value_keeps_its_beginning_and_its_end() -> None:
    assert _short("a  b\n c") == "a b c"
    assert _short("x" * 160) == "x" * 160
    assert _short("a" * 80 + "b" * 7 + "c" * 80) == f"{'a' * 80} … 7 characters … {'c' * 80}"


def test_several_folders_are_asked_about_one_by_one(tmp_path: Path, typed: Callable[[str], Stream]) -> None:
    one, two = (Folder(str(tmp_path / name), "untrusted", {"ingate.yaml": "1"}) for name in ("one", "two"))
    err = typed("v\ny\n")
    ask_about([one, two])
    assert err.written.count(QUESTION) == 2
    assert {decision.folder: decision.state for decision in trust.decisions()} == {
        one.path: "refused",
        two.path: "trusted",
    }


def test_a_gateway_is_asked_about_by_default(project: Path, typed: Callable[[str], Stream]) -> None:
    err = typed("y\n")
    assert left_out(open_gateway(None).config) == []
    assert err.written.count(QUESTION) == 1
