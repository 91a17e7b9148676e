"""fast-agent is not started where it would believe files that nobody has trusted. Needs no fast-agent."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ingate.config import trees, trust
from ingate.errors import ConfigError
from ingate.integrations.fast_agent.command import resumes
from ingate.integrations.fast_agent.workspace import read_by_fast_agent, refuse_untrusted

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project" / "inside"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def environ(**more: str) -> dict[str, str]:
    return {"HOME": os.environ["HOME"], **more}


def test_a_folder_without_its_files_is_no_obstacle(project: Path) -> None:
    (project / "ingate.yaml").write_text("openai: {base_url: 'http://x'}\n")
    refuse_untrusted(environ())


@pytest.mark.parametrize(
    "place",
    [
        "fastagent.config.yaml",
        "fast-agent.config.yaml",
        "fast-agent.yaml",
        "fast-agent.secrets.yaml",
        "../fastagent.config.yaml",
        ".fast-agent/agent-cards/a.md",
        ".env",
    ],
)
def test_it_is_not_started_where_its_files_are_not_trusted(project: Path, place: str) -> None:
    file = project / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("default_model: sonnet\n")
    with pytest.raises(ConfigError, match="fast-agent would run") as caught:
        refuse_untrusted(environ())
    assert "ingate trust" in caught.value.fix
    refuse_untrusted(environ(INGATE_TRUST_WORKSPACE="1"))
    for folder in read_by_fast_agent(environ()):
        trust.remember(folder.path, folder.files)
    refuse_untrusted(environ())
    file.write_text("default_model: haiku\n")
    with pytest.raises(ConfigError):
        refuse_untrusted(environ())


def test_a_refusal_is_an_error_too_since_fast_agent_leaves_nothing_out(project: Path) -> None:
    (project / "fast-agent.yaml").write_text("default_model: sonnet\n")
    trust.decline(str(project.resolve()))
    with pytest.raises(ConfigError):
        refuse_untrusted(environ())


def test_a_configuration_that_is_named_is_trusted_but_not_the_folder_of_cards(project: Path) -> None:
    (project / "fast-agent.yaml").write_text("default_model: sonnet\n")
    refuse_untrusted(environ(), named=True)
    (project / ".fast-agent").mkdir()
    (project / ".fast-agent" / "card.md").write_text("x")
    with pytest.raises(ConfigError):
        refuse_untrusted(environ(), named=True)


def test_a_session_that_came_with_the_folder_is_not_resumed(project: Path) -> None:
    (project / ".fast-agent" / "sessions" / "1").mkdir(parents=True)
    (project / ".fast-agent" / "sessions" / "1" / "session.json").write_text("{}")
    assert resumes(["go", "--resume"])
    assert resumes(["go", "--resume=1"])
    assert not resumes(["go", "--message", "x"])
    refuse_untrusted(environ())
    with pytest.raises(ConfigError, match=r"\.fast-agent"):
        refuse_untrusted(environ(), resumes=True)
    for folder in read_by_fast_agent(environ(), resumes=True):
        trust.remember(folder.path, folder.files)
    (project / ".fast-agent" / "sessions" / "1" / "session.json").write_text("{'by': 'fast-agent'}")
    refuse_untrusted(environ(), resumes=True)


def test_what_fast_agent_itself_writes_is_not_asked_about(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / ".fast-agent" / "sessions" / "1").mkdir(parents=True)
    (project / ".fast-agent" / "sessions" / "1" / "session.json").write_text("{}")
    refuse_untrusted(environ())
    (project / ".fast-agent" / "agent.md").write_text("x")
    with pytest.raises(ConfigError):
        refuse_untrusted(environ())
    monkeypatch.setenv("HOME", str(project))  # the user's own
    refuse_untrusted(environ())


def test_every_file_of_its_folder_counts_but_what_it_writes_itself(project: Path) -> None:
    tree = project / ".fast-agent"
    (tree / "plugins" / "sessions").mkdir(parents=True)
    (tree / "sessions").mkdir()
    seen = [trees.digest(tree)]
    (tree / "sessions" / "1.json").write_text("{}")
    assert trees.digest(tree) == seen[0]
    for change in (
        lambda: (tree / "plugins" / "a.py").write_text("1"),
        lambda: (tree / "plugins" / "a.py").write_text("2"),
        lambda: (tree / "plugins" / "a.py").rename(tree / "plugins" / "b.py"),
        lambda: (tree / "plugins" / "sessions" / "x.py").write_text("1"),
        lambda: (tree / "link").symlink_to("/etc"),
        lambda: (tree / "other").symlink_to("plugins/b.py"),
        lambda: os.mkfifo(tree / "pipe"),
    ):
        change()
        seen.append(trees.digest(tree))
    assert len(set(seen)) == len(seen)


def test_the_module_refuses_with_an_error_and_no_traceback(project: Path) -> None:
    (project / ".env").write_text("OPENAI__BASE_URL=http://x\n")
    done = subprocess.run(
        [sys.executable, "-m", "ingate.integrations.fast_agent", "go"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == ConfigError.exit_code
    assert done.stderr.startswith("error: fast-agent would run what .env")
    assert "fix: `ingate trust`" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("first", ["command", "registration", "overlays"])
def test_the_packages_functions_are_what_they_are_called_whatever_was_imported_before(first: str) -> None:
    code = (
        f"import ingate.integrations.fast_agent.{first}; import ingate.integrations.fast_agent as fa; "
        "print(callable(fa.register), callable(fa.main), isinstance(fa.Registration, type))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True True True\n"
