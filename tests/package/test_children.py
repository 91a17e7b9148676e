"""What a child process gets of the environment, and where its program is looked up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingate import children


def test_only_what_a_program_needs_is_passed_on() -> None:
    given = {
        "PATH": "/bin",
        "HOME": "/root",
        "LC_ALL": "C",
        "XDG_RUNTIME_DIR": "/run",
        "https_proxy": "http://proxy",
        "SSL_CERT_FILE": "/ca.pem",
        "OPENAI_API_KEY": "sk",
        "GITHUB_TOKEN": "ghp",
        "ANY_NAME": "x",
        "MY_A": "1",
        "MY_B": "2",
        "INGATE_TRUST_WORKSPACE": "1",
        "LD_PRELOAD": "/evil.so",
        "PYTHONPATH": "/evil",
        "PYTHONSTARTUP": "/evil.py",
    }
    kept = {"PATH", "HOME", "LC_ALL", "XDG_RUNTIME_DIR", "https_proxy", "SSL_CERT_FILE"}
    assert set(children.for_child(given)) == kept
    assert set(children.for_child(given, ("ANY_NAME", "MY_*", "ABSENT"))) == kept | {"ANY_NAME", "MY_A", "MY_B"}


def test_without_an_environment_this_processs_is_chosen_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk")
    monkeypatch.setenv("LC_ALL", "C")
    found = children.for_child()
    assert found["LC_ALL"] == "C"
    assert "OPENAI_API_KEY" not in found
    assert children.for_child({}) == {}
    assert children.for_child({"HOME": "/h"}) == {"HOME": "/h"}


def test_no_variable_on_the_list_is_a_providers() -> None:
    from ingate.providers import secret_variables

    assert not children.CHILD_VARIABLES & secret_variables()


@pytest.mark.skipif(os.name != "posix", reason="paths of POSIX")
@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/a:/b", "/a:/b"),
        (":/a", "/a"),
        ("/a:", "/a"),
        ("/a::/b", "/a:/b"),
        (".:/a:bin:../x", "/a"),
        ("", "/bin:/usr/bin"),
        (".", "/bin:/usr/bin"),
    ],
)
def test_the_working_directory_is_not_on_the_path(path: str, kept: str) -> None:
    assert children.absolute_path(path) == kept
    assert children.for_child({"PATH": path})["PATH"] == kept


def test_a_program_with_a_folder_starts_from_the_folder_that_is_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert children.program(["./run", "-x"], {}, Path("/own")) == [str(Path("/own/run")), "-x"]
    assert children.program(["/abs/run"], {}, Path("/own")) == [str(Path("/abs/run"))]
    assert children.program(["run", "./x"], {}, Path("/own")) == ["run", "./x"]
    assert children.program(["bin/run"], {}) == [str(tmp_path / "bin" / "run")]
