"""What is said about settings that are left out: which, of which files, and the command that shows them."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import pytest

from ingate.config import load, notice, trust
from ingate.config.restrict import Skipped
from ingate.config.tree import Where
from support.config import write

if TYPE_CHECKING:
    from pathlib import Path

    from ingate.config import Config


@pytest.fixture
def project(clean_environment: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = clean_environment / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(notice, "_logged", set())
    return folder


def found() -> Config:
    return load(environ={"HOME": os.environ["HOME"]})


def test_nothing_is_said_if_nothing_is_left_out(project: Path) -> None:
    write(project / "ingate.yaml", "timeout: 3\n")
    assert notice.notice(found()) == ""


def test_one_file_is_named_with_the_settings_by_ingates_own_names(project: Path) -> None:
    write(
        project / "ingate.yaml",
        "openai: {api_key: k, headers: {X-A: b, X-C: d}}\nservers: {mine: {base_url: http://b, api_key: k}}\n",
    )
    assert notice.notice(found()) == (
        "ingate.yaml is not trusted: openai.api_key, openai.headers, servers left out "
        "(`ingate trust` shows and trusts it)"
    )


def test_of_many_settings_four_are_named_and_of_several_files_each_once(project: Path) -> None:
    write(project / "ingate.yaml", "openai: {api_key: k, base_url: http://b}\nmcp: {m: {command: x}}\n")
    write(project / "ingate.secrets.yaml", "groq: {api_key: k}\naliases: {a: evil/m}\n")
    assert notice.notice(found()) == (
        "ingate.secrets.yaml, ingate.yaml are not trusted: groq.api_key, aliases, openai.api_key, openai.base_url "
        "and 1 more left out (`ingate trust` shows and trusts them)"
    )
    write(project / "ingate.yaml", "openai: {api_key: k, base_url: http://b}\n")
    assert "more left out" not in notice.notice(found())


def test_folders_elsewhere_are_named_in_the_command(project: Path) -> None:
    write(project.parent / "ingate.yaml", "openai: {api_key: k}\n")
    assert notice.notice(found()).endswith(f"(`ingate trust {project.parent}` shows and trusts it)")
    write(project / "fast-agent.yaml", "groq: {api_key: k}\n")
    assert notice.notice(found()).endswith(
        f"(`ingate trust {project.parent}` and `ingate trust` shows and trusts them)"
    )


def test_nothing_is_said_once_the_user_has_decided(project: Path) -> None:
    write(project / "ingate.yaml", "openai: {api_key: k}\n")
    trust.remember(str(project.resolve()), {}, "refused")
    assert found().skipped
    assert notice.notice(found()) == ""


def test_the_same_line_is_logged_once(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(project / "ingate.yaml", "openai: {api_key: k}\n")
    config = found()
    notice.log_notice(load({}, environ={}))
    assert caplog.records == []
    for _ in range(2):
        notice.log_notice(config)
    assert [(one.name, one.levelno, one.message) for one in caplog.records] == [
        ("ingate.config", logging.WARNING, notice.notice(config))
    ]


def test_what_was_shown_is_not_logged(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(project / "ingate.yaml", "openai: {api_key: k}\n")
    notice.was_shown(load({}, environ={}))
    notice.was_shown(found())
    notice.log_notice(found())
    assert caplog.records == []


def test_the_command_is_as_short_as_it_can_be(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert notice.trust_command(str(project.resolve())) == "ingate trust"
    assert notice.trust_command("/else where") == "ingate trust '/else where'"
    assert notice.trust_command("/a\x1b[2J") == "ingate trust"
    assert notice.trust_command("/") == "ingate trust /"
    away = project / "away"
    away.mkdir()
    monkeypatch.chdir(away)
    away.rmdir()
    assert notice.trust_command(str(project)) == f"ingate trust {project}"


def test_what_to_do_about_a_call_that_needs_what_is_left_out() -> None:
    skipped = [Skipped(("mcp",), Where(), "x", "y", folder) for folder in ("/a", "/b", "/a")]
    assert notice.how_to_trust(skipped) == (
        "`ingate trust /a` and `ingate trust /b` shows what the file may do and trusts it; "
        "in CI and containers set INGATE_TRUST_WORKSPACE=1"
    )


def test_a_name_that_the_file_chose_cannot_steer_the_terminal() -> None:
    assert notice.printable("a\x1b[2J\u202eb ä") == "a?[2J?b ä"
