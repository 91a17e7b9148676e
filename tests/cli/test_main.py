"""The console script: exit codes, errors in one line, the list of commands, and `ingate init`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from ingate.cli.main import COMMANDS, cli, main
from ingate.errors import RateLimitError
from ingate.paths import config_dir
from support.cli import Done, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[], object]], None]]:
    """Puts a command named `probe` among the others, which does what a test tells it to."""
    module = type(sys)("ingate.cli.probe")
    monkeypatch.setitem(sys.modules, "ingate.cli.probe", module)
    monkeypatch.setitem(COMMANDS, "probe", ("ingate.cli.probe", "Test."))

    def doing(what: Callable[[], object]) -> None:
        module.command = click.Command("probe", callback=what)  # ty: ignore[unresolved-attribute]

    return doing


def raising(error: BaseException) -> Callable[[], object]:
    def probe() -> None:
        raise error

    return probe


@pytest.mark.parametrize(
    ("error", "done"),
    [
        (RateLimitError("slow down", fix="wait"), Done(6, "", "error: slow down\n  fix: wait\n")),
        (KeyboardInterrupt(), Done(130, "", "\nStopped.\n")),
        (click.Abort(), Done(130, "", "Stopped.\n")),
        (click.exceptions.Exit(9), Done(9, "", "")),
        (click.ClickException("no"), Done(1, "", "Error: no\n")),
        (OSError(28, "No space left on device"), Done(1, "", "error: No space left on device\n")),
        (FileNotFoundError(2, "No such file", "a/b"), Done(1, "", "error: No such file: 'a/b'\n")),
        (OSError("odd"), Done(1, "", "error: odd\n")),
        (BrokenPipeError(), Done(0, "", "")),
    ],
)
def test_an_error_is_a_line_and_an_exit_code(
    command: Callable[[Callable[[], object]], None], error: BaseException, done: Done
) -> None:
    command(raising(error))
    assert run("probe", code=None) == done


def test_an_error_of_the_system_is_red_on_a_terminal(command: Callable[[Callable[[], object]], None]) -> None:
    command(raising(OSError("odd")))
    assert run("probe", terminal=True, code=1).err == "\x1b[31m\x1b[1merror:\x1b[0m odd\n"


def test_a_number_that_a_command_returns_is_its_exit_code(command: Callable[[Callable[[], object]], None]) -> None:
    for returned, code in ((3, 3), (None, 0), ("text", 0)):
        command(lambda returned=returned: returned)
        assert run("probe", code=None).code == code
    command(lambda: 4)
    with pytest.raises(SystemExit) as ended:
        main(["probe"])
    assert ended.value.code == 4


def test_the_script_takes_its_arguments_from_the_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["/bin/ingate", "--version"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("ingate 0.")
    with pytest.raises(SystemExit) as ended:
        main(["nonsense"])
    assert ended.value.code == 2


def test_colours_are_for_terminals_that_want_them(
    command: Callable[[Callable[[], object]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    command(lambda: click.echo(click.style("x", bold=True)))
    assert run("probe", terminal=True).out == "\x1b[1mx\x1b[0m\n"
    assert run("probe").out == "x\n"
    monkeypatch.setenv("NO_COLOR", "1")
    assert run("probe", terminal=True).out == "x\n"


def test_help_lists_every_command_with_its_line_in_order() -> None:
    out = run("--help").out
    assert out == run("-h").out
    listed = out.partition("Commands:\n")[2].partition("\n\n")[0]
    assert listed.split() == " ".join(f"{name} {line}" for name, (_, line) in COMMANDS.items()).split()
    assert list(COMMANDS) == cli.list_commands(click.Context(cli))


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help_and_a_line_of_its_own(name: str) -> None:
    out = run(name, "--help").out
    assert out.startswith(f"Usage: ingate {name} ")
    assert f"\n    ingate {name}" in out, "an example"


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("docter", "There is no command 'docter'. Did you mean doctor?"),
        ("model", "There is no command 'model'. Did you mean models?"),
        ("int", "There is no command 'int'. Did you mean init or explain?"),
        ("xyzzy", "There is no command 'xyzzy'."),
        ("--nonsense", "No such option '--nonsense'."),
    ],
)
def test_an_unknown_command_names_those_that_look_like_it(typed: str, message: str) -> None:
    done = run(typed, code=2)
    assert f"Error: {message}" in done.err
    assert done.err.rstrip().endswith(message.rpartition(" ")[2])
    assert done.out == ""


def test_the_named_configuration_is_used_and_must_be_a_file(tmp_path: Path) -> None:
    file = tmp_path / "other.yaml"
    file.write_text("default_model: groq/from-the-file\n")
    assert "default model: groq/from-the-file" in run("--config", str(file), "doctor").out
    assert "--config" in run("--config", str(tmp_path), "doctor", code=2).err


def test_init_names_the_file_it_wrote_and_where_keys_go(tmp_path: Path) -> None:
    def lines(target: str | Path) -> str:
        secrets = Path(target).with_name("ingate.secrets.yaml")
        return f"Wrote {target}. Put keys into {secrets} or the environment.\nNext: ingate doctor\n"

    assert run("init").out == lines("ingate.yaml")
    assert run("init", "--user").out == lines(config_dir() / "ingate.yaml")
    assert run("init", str(tmp_path)).out == lines(tmp_path / "ingate.yaml")
    assert run("init", str(tmp_path / "own.yaml")).out == lines(tmp_path / "own.yaml")
    (tmp_path / "own.yaml").write_text("")
    assert "already exists" in run("init", str(tmp_path / "own.yaml"), code=2).err
    assert (tmp_path / "own.yaml").read_text() == ""
    run("init", "--force", str(tmp_path / "own.yaml"))
    assert (tmp_path / "own.yaml").read_bytes() == (tmp_path / "ingate.yaml").read_bytes()
