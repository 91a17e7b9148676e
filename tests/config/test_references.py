"""`${NAME}`, `env:`, `cmd:` and `keyring:`, for secrets and for other texts."""

from __future__ import annotations

import os
import pickle
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from ingate.config import SecretRef, Where, load
from ingate.config.command import CommandFailedError, output_of
from ingate.config.references import BadReferenceError
from ingate.errors import ConfigError, MissingExtraError
from support.config import load_text

if TYPE_CHECKING:
    from pathlib import Path

PLANTED = "planted-sekrit-4711"
HERE = Where("/x/ingate.yaml", 4, "ingate.yaml")
RUN = {"PATH": os.environ.get("PATH", "")}


def ref(text: str) -> SecretRef:
    return SecretRef(text, HERE, ("groq", "api_key"), single_line=True)


@pytest.mark.parametrize(
    ("text", "environ", "value"),
    [
        ("literal", {}, "literal"),
        ("  padded\n", {}, "padded"),
        ("env:A", {"A": "one"}, "one"),
        ("env: A ", {"A": " one\n"}, "one"),
        ("os.environ/A", {"A": "one"}, "one"),
        ("${A}", {"A": "one"}, "one"),
        ("x-${A}-${B}", {"A": "1", "B": "2"}, "x-1-2"),
        ("${A:-d}", {}, "d"),
        ("${A:-d}", {"A": ""}, "d"),
        ("${A:d}", {}, "d"),
        ("${A:-http://h:1/${B}", {}, None),
        ("$${A}", {}, "${A}"),
        ("$A", {"A": "no"}, "$A"),
    ],
)
def test_references_in_the_environment(text: str, environ: dict[str, str], value: str | None) -> None:
    if value is None:
        with pytest.raises(BadReferenceError):
            ref(text)
    else:
        assert ref(text).present(environ)
        assert ref(text).resolve(environ).reveal() == value


@pytest.mark.parametrize("environ", [{}, {"A": ""}])
@pytest.mark.parametrize("text", ["env:A", "${A}", "x${A}", "${A:-}"])
def test_a_missing_or_empty_variable_is_no_value(text: str, environ: dict[str, str]) -> None:
    reference = ref(text)
    assert not reference.present(environ)
    with pytest.raises(ConfigError) as caught:
        reference.resolve(environ)
    assert (caught.value.file, caught.value.line) == ("ingate.yaml", 4)
    assert "groq.api_key" in str(caught.value)


@pytest.mark.parametrize("text", ["", "   ", "<your-api-key-here>"])
def test_empty_text_and_placeholders_are_no_value(text: str) -> None:
    assert not ref(text).present({})
    with pytest.raises(ConfigError):
        ref(text).resolve({})


@pytest.mark.parametrize(
    "text",
    [
        "env:",
        "env:1A",
        f"env:{PLANTED}",
        "cmd:",
        "cmd: ' open",
        "keyring:",
        "keyring:a",
        "keyring:/b",
        "${",
        "${1}",
        "${}",
    ],
)
def test_what_begins_like_a_reference_and_is_none_is_refused_at_the_start(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"ingate.yaml:1: groq.api_key cannot be read") as caught:
        load_text(tmp_path, f'groq: {{api_key: "{text}"}}')
    assert PLANTED not in str(caught.value)


def test_kinds_and_descriptions() -> None:
    assert [ref(text).kind for text in ("k", "a${B}", "env:B", "cmd:x", "keyring:s/u")] == [
        "literal", "env", "env", "cmd", "keyring",
    ]  # fmt: skip
    assert ref("k").describe() == "ingate.yaml:4 groq.api_key"
    assert ref("env:B").describe() == "ingate.yaml:4 groq.api_key (env B)"
    assert ref("cmd:x").describe() == "ingate.yaml:4 groq.api_key (cmd:)"
    assert ref("${A}${B:-x}").variables == ("A", "B")


def test_nothing_shows_what_is_written() -> None:
    for text in (PLANTED, f"cmd:{PLANTED}", f"keyring:{PLANTED}/u", f"x{PLANTED}${{A}}"):
        reference = ref(text)
        assert PLANTED not in f"{reference!r} {reference} {reference.describe()}"
        with pytest.raises(TypeError):
            pickle.dumps(reference)


def test_equal_when_written_the_same() -> None:
    assert ref("a") == SecretRef("a", Where(), ())
    assert ref("a") != ref("b")
    assert ref("a") != "a"
    assert len({ref("a"), ref("a"), ref("b")}) == 2


class TestCommand:
    def python(self, code: str) -> SecretRef:
        return ref(f"cmd:{sys.executable} -c '{code}'")

    def test_its_output_is_the_value_without_blanks(self) -> None:
        assert self.python('print("  key ")').resolve(RUN).reveal() == "key"

    def test_it_is_present_without_being_run(self, tmp_path: Path) -> None:
        mark = tmp_path / "ran"
        reference = self.python(f'open("{mark}", "w")')
        assert reference.present({})
        assert not mark.exists()

    def test_it_runs_once(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        reference = self.python(f'open("{log}", "a").write("x"); print("k")')
        threads = [threading.Thread(target=reference.resolve, args=(RUN,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert reference.resolve(RUN).reveal() == "k"
        assert log.read_text() == "x"

    def test_no_shell_reads_it(self) -> None:
        reference = ref(f"cmd:{sys.executable} -c 'import sys; print(sys.argv[1:])' $HOME ; echo")
        assert reference.resolve(RUN).reveal() == "['$HOME', ';', 'echo']"

    def test_its_standard_input_is_empty_and_it_has_no_terminal(self) -> None:
        assert (
            self.python("import sys; print(len(sys.stdin.read()), sys.stdin.isatty())").resolve(RUN).reveal()
            == "0 False"
        )

    def test_it_sees_the_variables_that_are_assigned_and_those_of_password_managers(self) -> None:
        code = 'import os; print(sorted(name for name in os.environ if name.startswith(("A_", "VAULT_", "OPENAI"))), os.environ["A_B"])'
        given = RUN | {"A_SECRET": "s3", "A_OTHER": "no", "VAULT_ADDR": "v", "OPENAI_API_KEY": "sk-planted"}
        reference = ref(f"cmd:A_SECRET=$A_SECRET A_B=${{A_SECRET}} A_C= {sys.executable} -c '{code}'")
        assert reference.resolve(given).reveal() == "['A_B', 'A_C', 'A_SECRET', 'VAULT_ADDR'] s3"
        with pytest.raises(ConfigError, match="names no program"):
            ref("cmd:A=b").resolve(RUN)

    def test_a_relative_program_is_beside_the_file_that_names_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A `cmd:./key` of the user's own file must not run a `./key` of whatever folder ingate is started in."""
        for folder, says in (("own", "mine"), ("elsewhere", "theirs")):
            program = tmp_path / folder / "bin" / "key"
            program.parent.mkdir(parents=True)
            program.write_text(f"#!/bin/sh\necho {says}\n")
            program.chmod(0o755)
        monkeypatch.chdir(tmp_path / "elsewhere")
        where = Where(str(tmp_path / "own" / "ingate.yaml"), 4, "ingate.yaml")
        assert SecretRef("cmd:bin/key", where, ("groq", "api_key")).resolve(RUN).reveal() == "mine"

    def test_a_path_that_begins_in_the_working_directory_is_not_searched(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        program = tmp_path / "get-key"
        program.write_text("#!/bin/sh\necho theirs\n")
        program.chmod(0o755)
        monkeypatch.chdir(tmp_path)
        for path in (".", "", f":{RUN['PATH']}:."):
            with pytest.raises(ConfigError, match="is not found"):
                ref("cmd:get-key").resolve({"PATH": path})

    @pytest.mark.parametrize(
        ("code", "message"),
        [
            (f'import sys; print("{PLANTED}"); sys.exit("{PLANTED}")', "failed with exit status 1"),
            ("pass", "the value is empty"),
            (f'print("{PLANTED}\\n{PLANTED}")', "more than one line"),
            ('import sys; sys.stdout.buffer.write(b"\\xff\\xfe")', "not UTF-8"),
            (f'print("{PLANTED}" * 10000)', "more than 64 KiB"),
        ],
    )
    def test_a_failure_says_what_and_shows_nothing(self, code: str, message: str, capfd: pytest.CaptureFixture) -> None:
        with pytest.raises(ConfigError, match=message) as caught:
            self.python(code).resolve(RUN)
        assert (caught.value.file, caught.value.line) == ("ingate.yaml", 4)
        assert PLANTED not in f"{caught.value} {caught.value!r} {caught.value.fix}"
        assert capfd.readouterr() == ("", "")

    @pytest.mark.parametrize("command", ["no-such-program-here x", "/", "bad\0name"])
    def test_a_program_that_cannot_start(self, command: str) -> None:
        with pytest.raises(ConfigError, match=r"is not found|cannot be started"):
            ref(f"cmd:{command}").resolve(RUN)

    def test_an_endless_printer_is_stopped(self) -> None:
        with pytest.raises(ConfigError, match="64 KiB"):
            self.python('while True: print("x" * 4096)').resolve(RUN)

    @pytest.mark.skipif(os.name != "posix", reason="sh is POSIX's")
    @pytest.mark.parametrize(
        ("command", "message"),
        [
            ("sh -c 'exec >&-; sleep 60'", "did not finish within 0.2 s"),
            ("sh -c 'printf open; sleep 60'", "did not finish within 0.2 s"),
            ("sh -c 'kill -9 $$'", "failed with exit status -9"),
            ("sh -c 'printf key; exit 3'", "failed with exit status 3"),
            ("A=b C=", "names no program"),
            ("/no/such/program", "names a program that is not found"),
            ("/dev/null", "cannot be started (Permission denied)"),
            ("sh\0", "cannot be started (bad characters)"),
            ("head -c 65537 /dev/zero", "printed more than 64 KiB"),
        ],
    )
    def test_a_command_that_fails_says_how(self, command: str, message: str) -> None:
        with pytest.raises(CommandFailedError) as caught:
            output_of(command, RUN, 0.2 if "sleep" in command else 30.0)
        assert str(caught.value) == message

    @pytest.mark.skipif(os.name != "posix", reason="sh is POSIX's")
    @pytest.mark.parametrize(
        ("command", "output"),
        [
            ("sh -c 'echo $A-$B-$C-$D' ", "---"),
            ("A=1 B=$X C=${Y} D=$NONE sh -c 'echo $A-$B-$C-$D'", "1-x-y y-"),
            ("A='two words' sh -c 'echo \"$A\"'", "two words"),
            ("sh -c 'printf \" key \\n\"; printf wrong >&2'", "key"),
            ("head -c 65536 /dev/zero", "\0" * 65536),
        ],
    )
    def test_a_commands_variables_are_assigned_before_it(self, command: str, output: str) -> None:
        assert output_of(command, {**RUN, "X": "x", "Y": "y y", "A": "no", "D": "no"}, 30.0) == output

    @pytest.mark.skipif(os.name != "posix", reason="process groups are POSIX's")
    def test_time_is_limited_for_the_command_and_its_children(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr("ingate.config.secretref.COMMAND_TIMEOUT_S", 1.0)
        life = tmp_path / "life"
        os.mkfifo(life)
        # The child's child keeps both the output and this pipe open for a minute, unless it is ended too.
        grandchild = f'import time; life = open(\\"{life}\\", \\"w\\"); time.sleep(60)'
        code = f'import subprocess, sys; subprocess.run([sys.executable, "-c", "{grandchild}"])'
        with os.fdopen(os.open(life, os.O_RDONLY | os.O_NONBLOCK), "rb") as alive:
            began = time.monotonic()
            with pytest.raises(ConfigError, match="did not finish within 1 s"):
                self.python(code).resolve(RUN)
            os.set_blocking(alive.fileno(), True)
            assert alive.read() == b""
            assert time.monotonic() - began < 20
        assert "ingate-cmd" not in {thread.name for thread in threading.enumerate()}

    def test_a_failure_is_not_remembered(self, tmp_path: Path) -> None:
        flag = tmp_path / "flag"
        reference = self.python(f'print(open("{flag}").read())')
        with pytest.raises(ConfigError):
            reference.resolve(RUN)
        flag.write_text("now")
        assert reference.resolve(RUN).reveal() == "now"


class TestKeyring:
    @pytest.fixture
    def backend(self, monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], str]:
        """A real keyring backend that keeps its entries in memory."""
        keyring = pytest.importorskip("keyring")
        from keyring.backend import KeyringBackend

        entries: dict[tuple[str, str], str] = {}

        class InMemory(KeyringBackend):
            priority = 1

            def get_password(self, service: str, username: str) -> str | None:
                if service == "broken":
                    raise RuntimeError(PLANTED)
                return entries.get((service, username))

            def set_password(self, service: str, username: str, password: str) -> None:
                entries[service, username] = password

        before = keyring.get_keyring()
        keyring.set_keyring(InMemory())
        yield entries
        keyring.set_keyring(before)

    def test_an_entry_is_found(self, backend: dict[tuple[str, str], str]) -> None:
        backend["https://a/b", "me"] = " key\n"
        reference = ref("keyring:https://a/b/me")
        assert reference.present({})
        assert reference.resolve({}).reveal() == "key"
        backend.clear()
        assert reference.resolve({}).reveal() == "key"

    def test_an_absent_entry_is_an_error(self, backend: dict[tuple[str, str], str]) -> None:
        with pytest.raises(ConfigError, match="no such entry"):
            ref("keyring:a/b").resolve({})

    def test_a_backend_that_fails_says_nothing_of_what_it_said(self, backend: dict[tuple[str, str], str]) -> None:
        with pytest.raises(ConfigError, match=r"keyring failed \(RuntimeError\)") as caught:
            ref("keyring:broken/b").resolve({})
        assert PLANTED not in str(caught.value)

    def test_without_the_package_the_extra_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "keyring", None)
        with pytest.raises(MissingExtraError) as caught:
            ref("keyring:a/b").resolve({})
        assert caught.value.extra == "keyring"


class TestOtherTexts:
    def test_variables_are_filled_in_at_the_start(self, tmp_path: Path) -> None:
        config = load_text(
            tmp_path,
            """\
            default_model: ${MODEL:-groq/x}
            timeout: ${T}
            groq: {base_url: env:URL}
            litellm: {drop_params: "${DROP}", extra_kwargs: {tags: ["env:prod", "${STAGE}"], n: {deep: "a${STAGE}"}}}
            local: {threads: env:THREADS, models: {m: "${STAGE}/m.gguf"}}
            mcp: {m: {command: "${STAGE}", args: ["env:x", "cmd:y"]}}
            """,
            T="2.5", URL="https://u/v1", DROP="strict", STAGE="dev", THREADS="3",
        )  # fmt: skip
        settings = config.settings
        assert (settings.default_model, settings.timeout_s) == ("groq/x", 2.5)
        assert config.provider("groq").base_url == "https://u/v1"
        assert settings.litellm.drop_params == "strict"
        assert settings.litellm.extra_kwargs == {"tags": ["env:prod", "dev"], "n": {"deep": "adev"}}
        assert settings.local.threads == 3
        assert settings.local.models == {"m": f"{tmp_path}/dev/m.gguf"}
        assert (settings.mcp["m"].command, settings.mcp["m"].args) == ("dev", ["env:x", "cmd:y"])

    def test_white_space_of_a_variable_is_kept_only_for_other_programs(self, tmp_path: Path) -> None:
        config = load_text(
            tmp_path,
            "default_model: ${M}\ntimeout: ' ${T} '\ngroq: {base_url: env:U}\nmcp: {m: {command: '${C}', args: ['${C}', '']}}",
            M=" groq/x\n", T=" 3 ", U=" http://h\t", C=" run ",
        )  # fmt: skip
        assert (config.settings.default_model, config.settings.timeout_s) == ("groq/x", 3)
        assert config.provider("groq").base_url == "http://h"
        assert (config.settings.mcp["m"].command, config.settings.mcp["m"].args) == (" run ", [" run "])

    @pytest.mark.parametrize("key", ["timeout", "default_model"])
    def test_a_missing_variable_is_one_error_with_its_place(self, tmp_path: Path, key: str) -> None:
        with pytest.raises(ConfigError, match="needs GONE") as caught:
            load_text(tmp_path, f"\n{key}: ${{GONE}}")
        assert caught.value.line == 2
        assert "also" not in str(caught.value)
        assert "export GONE" in caught.value.fix

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("env:", "env: takes the name of one variable"),
            ("env:A B", "env: takes the name of one variable"),
            ("${", "${ takes a variable's name"),
            ("cmd:'", "cmd: has a quote that is not closed"),
            ("keyring:only", "keyring: takes a service and a user"),
        ],
    )
    @pytest.mark.parametrize("key", ["base_url", "default_model", "api_key"])
    def test_a_reference_that_cannot_be_read_is_an_error(
        self, tmp_path: Path, key: str, text: str, reason: str
    ) -> None:
        with pytest.raises(ConfigError) as caught:
            load_text(tmp_path, f'groq:\n  {key}: "{text}"')
        assert f"groq.{key} cannot be read: {reason}" in str(caught.value)
        assert caught.value.line == 2
        assert "also" not in str(caught.value)

    def test_an_empty_default_is_no_value(self, tmp_path: Path) -> None:
        config = load_text(tmp_path, "timeout: ${T:-}\ngroq: {base_url: '${U:-}'}")
        assert config.settings.timeout_s is None
        assert config.provider("groq").base_url is None

    @pytest.mark.parametrize("text", ["cmd:echo x", "keyring:a/b"])
    def test_nothing_is_run_for_them(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(ConfigError, match="is not resolved"):
            load_text(tmp_path, f"groq: {{base_url: '{text}'}}")

    def test_a_variables_wrong_value_is_not_shown(self) -> None:
        with pytest.raises(ConfigError) as caught:
            load({"groq": {"base_url": "${U}", "timeout": "${U}"}}, environ={"U": PLANTED})
        assert PLANTED not in str(caught.value)
        assert "groq.timeout must be a number" in str(caught.value)
