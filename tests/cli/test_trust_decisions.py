"""`ingate trust` on a terminal: which question, which answer, which exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest

from ingate.config import trust
from support.cli import run
from support.config import trust_here

if TYPE_CHECKING:
    from pathlib import Path

RISKY = "groq: {base_url: 'http://gateway.example/v1'}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "ingate.yaml").write_text(RISKY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def decided() -> dict[str, str]:
    return {one.folder: one.state for one in trust.decisions()}


def test_on_a_terminal_it_asks_and_no_is_an_exit_code(project: Path) -> None:
    refused = run("trust", terminal=True, stdin="n\n", code=1)
    assert refused.err.count("Trust it?") == 1
    assert "Nothing was decided" not in refused.err
    assert decided() == {}
    agreed = run("trust", terminal=True, stdin="y\n")
    assert agreed.out.splitlines()[-1] == "It is trusted now, until one of these files changes."
    assert decided() == {str(project): "trusted"}
    assert "Trust it?" not in run("trust", terminal=True, stdin="n\n").err, "it is trusted already"


def test_in_a_pipe_nothing_is_asked_and_nothing_decided(project: Path) -> None:
    done = run("trust", code=1)
    assert done.err == "Nothing was decided: `ingate trust --yes` trusts it without asking.\n"
    assert decided() == {}
    trust_here()
    again = run("trust")
    assert again.err == ""
    assert again.out.startswith(f"{project}: trusted\n")


def test_never_is_kept_and_listed(project: Path) -> None:
    assert run("trust", "--never").out.splitlines()[-1] == "It is not trusted, and nothing will ask again."
    assert decided() == {str(project): "refused"}
    (line,) = run("trust", "--list").out.splitlines()
    assert line.startswith(f"not trusted, and not asked about  {project}  20")
    assert run("trust", code=1).out.startswith(f"{project}: not trusted, and not asked about\n")


def test_an_unchanged_folder_is_listed_without_a_note_and_a_changed_one_with_its_files(project: Path) -> None:
    (project / ".env").write_text("A=1\n")
    (project / "fastagent.config.yaml").write_text("groq: {api_key: 'cmd:x'}\n")
    run("trust", "--yes")
    (line,) = run("trust", "--list").out.splitlines()
    assert line.startswith(f"trusted  {project}  20")
    assert "(changed since" not in line
    (project / ".env").write_text("A=2\n")
    (line,) = run("trust", "--list").out.splitlines()
    assert line.endswith(" (changed since: .env)")
    (project / "ingate.yaml").write_text("not: [valid\n")
    (line,) = run("trust", "--list").out.splitlines()
    assert line.endswith((".env, ingate.yaml)", "ingate.yaml, .env)"))


def test_files_that_only_fast_agent_reads_can_be_trusted_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("trust") == (0, "", "There is no configuration here that needs trust.\n")
    (tmp_path / ".env").write_text("A=1\n")
    done = run("trust", "--yes")
    assert done.out.startswith(f"{tmp_path}: not trusted\n  .env\n")
    assert decided() == {str(tmp_path): "trusted"}


def test_revoking_forgets_this_folder_or_the_nearest_above(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trust_here()
    (project / "sub").mkdir()
    assert run("trust", "--revoke", "sub").err == "There was no decision about it.\n"
    monkeypatch.chdir(project / "sub")
    assert run("trust", "--revoke") == (0, f"Forgotten: {project}\n", "")
    assert decided() == {}
    assert run("trust", "--revoke") == (0, "", "There was no decision about it.\n")


def test_a_named_folder_is_meant_alone(project: Path) -> None:
    inner = project / "inner"
    inner.mkdir()
    (inner / "ingate.yaml").write_text(RISKY)
    run("trust", "inner", "--yes")
    assert decided() == {str(inner): "trusted"}
    run("trust", "ingate.yaml", "--yes")
    assert decided() == {str(inner): "trusted", str(project): "trusted"}


def test_a_link_means_the_folder_it_points_to(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    link = tmp_path_factory.mktemp("links") / "link"
    link.symlink_to(project)
    run("trust", str(link), "--yes")
    assert decided() == {str(project): "trusted"}


@pytest.mark.parametrize(
    "options", [("--yes", "--list"), ("--never", "--revoke"), ("--list", "--revoke"), ("-y", "--never")]
)
def test_two_choices_at_once_are_refused(project: Path, options: tuple[str, ...]) -> None:
    done = run("trust", *options, code=2)
    assert "--yes, --never, --list and --revoke exclude each other." in click.unstyle(done.err)
    assert decided() == {}
