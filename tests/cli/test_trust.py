"""`ingate trust` as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ingate.cli.workspace import describe
from ingate.config import load, trust
from ingate.config.notice import notice, trust_command
from support.cli import run as run_here

INGATE = Path(sys.executable).with_name("ingate")
RISKY = "openai: {base_url: 'http://gateway.example/v1'}\nxai: {api_key: 'cmd:get key'}\n"


def run(*arguments: str, code: int = 0, **environ: str) -> subprocess.CompletedProcess[str]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        found, out, err = run_here(*arguments, code=code)
    assert "Traceback" not in err, err
    return subprocess.CompletedProcess(arguments, found, out, err)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "ingate.yaml").write_text(RISKY)
    monkeypatch.chdir(folder)
    return folder


def test_it_shows_what_the_files_may_do_programs_first_and_decides_nothing(project: Path) -> None:
    done = run("trust", code=1)
    lines = done.stdout.splitlines()
    assert lines[0] == f"{project}: not trusted"
    assert done.stdout.index("runs get key") < done.stdout.index("http://gateway.example/v1")
    assert "ingate.yaml:1" in done.stdout
    assert "--yes" in done.stderr
    assert "no decision" in run("trust", "--revoke").stderr


def test_trusting_listing_changing_and_revoking(project: Path) -> None:
    assert "is trusted now" in run("trust", "--yes").stdout
    assert run("trust").stdout.startswith(f"{project}: trusted")
    assert run("models").stderr.count("not trusted") == 0
    assert f"trusted  {project}" in run("trust", "--list").stdout
    (project / "ingate.yaml").write_text(RISKY + "timeout: 3\n")
    assert "(changed since: ingate.yaml)" in run("trust", "--list").stdout
    shown = run("trust", code=1).stdout
    assert "not trusted" in shown
    assert "ingate.yaml (changed since it was trusted)" in shown
    assert run("models").stderr.count("not trusted") == 1
    assert "Forgotten" in run("trust", "--revoke").stdout
    assert "No folder" in run("trust", "--list").stderr


def test_a_folder_or_a_file_can_be_named(project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    run("trust", "project/ingate.yaml", "--yes")
    assert [one.folder for one in trust.decisions()] == [str(project)]
    run("trust", "project", "--revoke")
    assert trust.decisions() == []
    assert "nothing" not in run("trust", "project", code=1).stdout
    (tmp_path / "empty").mkdir()
    assert "no configuration here" in run("trust", "empty").stderr
    assert run("trust", "gone", code=2).stderr


def test_never_leaves_it_out_without_a_word(project: Path) -> None:
    run("trust", "--never")
    (project / "ingate.yaml").write_text(RISKY + "servers: {mine: {base_url: 'http://x'}}\n")
    assert run("models").stderr.count("trust") == 0
    refused = run("ask", "x", "-m", "mine/m", code=2).stderr
    assert "not trusted" in refused
    # What a provider's own key serves is called as if the section were not there.
    assert run("explain", "openai/gpt-4o", OPENAI_API_KEY="sk-x").stdout.count("✓ ready") == 1
    assert "as you decided" in run("doctor", code=0).stdout


def test_the_choices_exclude_each_other(project: Path) -> None:
    assert "exclude each other" in run("trust", "--yes", "--never", code=2).stderr


def test_a_file_with_a_mistake_cannot_be_trusted(project: Path) -> None:
    (project / "ingate.yaml").write_text("openai: {base_ulr: x}\n")
    assert "base_url" in run("trust", "--yes", code=2).stderr
    assert trust.decisions() == []


def test_a_variable_that_is_not_set_does_not_keep_a_file_from_being_reviewed(project: Path) -> None:
    (project / "ingate.yaml").write_text("openai: {base_url: '${GATEWAY_URL}'}\n")
    assert "${GATEWAY_URL}" in run("trust", "--yes").stdout


def test_a_malformed_listing_does_not_wait(project: Path) -> None:
    run("trust", "--yes")
    (project / "ingate.yaml").unlink()
    os.mkfifo(project / "ingate.yaml")
    assert "changed since" in run("trust", "--list").stdout


def test_doctor_shows_the_state_and_models_one_line(project: Path) -> None:
    out = run("doctor").stdout
    assert f"{project}  not trusted · left out: openai.base_url, xai.api_key · fix: ingate trust" in out
    assert run("models").stderr.count("ingate.yaml is not trusted: openai.base_url, xai.api_key left out") == 1
    run("trust", "--yes")
    assert f"{project}  trusted" in run("doctor").stdout


def test_explain_and_ask_name_the_command(project: Path) -> None:
    for arguments, code in ((("explain", "openai/gpt-4o"), 0), (("ask", "x", "-m", "openai/gpt-4o"), 2)):
        done = run(*arguments, code=code, OPENAI_API_KEY="sk-x")
        assert "`ingate trust`" in done.stdout + done.stderr
        assert "openai needs openai.base_url of a file that is not trusted" in done.stdout + done.stderr


def test_the_environment_takes_precedence_over_what_is_left_out(project: Path) -> None:
    done = run("explain", "openai/gpt-4o", OPENAI_API_KEY="sk-x", OPENAI_API_BASE="http://127.0.0.1:9/v1")
    assert "http://127.0.0.1:9/v1/chat/completions" in done.stdout
    assert "✓ ready" in done.stdout


def test_the_variable_is_enough(project: Path) -> None:
    assert "gateway.example" in run("explain", "openai/gpt-4o", INGATE_TRUST_WORKSPACE="1", OPENAI_API_KEY="k").stdout


def test_nothing_in_it_reaches_the_terminal_as_it_is(project: Path) -> None:
    """A file must not be able to rewrite the question about it."""
    name = "x\\u001b[2J\\u202eevil"
    (project / "ingate.yaml").write_text(
        f'aliases: {{"{name}": "openai/\\u001b[2Ax"}}\nopenai: {{base_url: "http://x/\\u009b\\u001b]0;owned\\u0007"}}\n'
    )
    for arguments in (("trust",), ("models",), ("doctor",), ("ask", "x", "-m", "openai/y")):
        done = subprocess.run([INGATE, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert not set("\x1b\x9b\x07\u202e") & set(done.stdout + done.stderr), arguments


def test_nothing_in_an_error_reaches_the_terminal_as_it_is(project: Path) -> None:
    (project / "ingate.yaml").write_text('aliases: {"x\\u001b[2J\\u202e": 5, "y\\u001b[2J": groq/m}\n')
    done = run("models", code=2)
    assert "must be text" in done.stderr
    assert not set("\x1b\u202e") & set(done.stdout + done.stderr)
    assert "fix:" in done.stderr


def test_an_export_does_not_write_through_a_link(project: Path, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    (project / "out").mkdir()
    (project / "out" / "docker-compose.yaml").symlink_to(target)
    names = {"GROQ_API_KEY": "k"}
    run("proxy", "export", "--out", "out", "--model", "groq/m", **names, code=2)
    run("proxy", "export", "--out", "out", "--model", "groq/m", "--force", **names)
    assert not target.exists()


def test_a_long_value_shows_its_end(project: Path) -> None:
    (project / "ingate.yaml").write_text(f"xai: {{api_key: 'cmd:pass show {' ' * 500}x; curl evil'}}\n")
    config = load(environ={}, review=True)
    shown = "\n".join(describe(config.folders[0], config.skipped, limit=12))
    assert "curl evil" in shown
    (project / "ingate.yaml").write_text(f"xai: {{api_key: 'cmd:pass show {'y' * 500} curl evil'}}\n")
    config = load(environ={}, review=True)
    shown = "\n".join(describe(config.folders[0], config.skipped, limit=12))
    assert "curl evil" in shown
    assert "characters" in shown
    assert max(map(len, shown.splitlines())) < 300


def test_many_settings_do_not_push_a_program_out_of_sight(project: Path) -> None:
    aliases = "".join(f"  a{number}: evil/x\n" for number in range(100))
    (project / "ingate.yaml").write_text(f"aliases:\n{aliases}mcp: {{m: {{command: evil-program}}}}\n")
    config = load(environ={}, review=True)
    shown = list(describe(config.folders[0], config.skipped, limit=12))
    assert any("evil-program" in line for line in shown)
    assert "and 89 more" in shown[-1]
    assert notice(config).endswith("aliases, mcp left out (`ingate trust` shows and trusts it)")


def test_the_command_is_quoted_and_short(project: Path) -> None:
    assert trust_command(str(project)) == "ingate trust"
    assert trust_command("/a b/c") == "ingate trust '/a b/c'"
    assert trust_command("/a\x1b/c") == "ingate trust"


def test_the_start_does_not_load_a_hash_where_there_is_no_file(tmp_path: Path) -> None:
    code = (
        "import sys; from ingate.config import load; load(environ={})\n"
        "print(sorted({'hashlib', 'ingate.config.restrict', 'ingate.config.harmless.x'} & sys.modules.keys()))"
    )
    environ = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environ, cwd=tmp_path, check=True
    )
    assert done.stdout.strip() == "[]"
