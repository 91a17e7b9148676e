"""Run the command of a `cmd:` reference; imported only then, since `subprocess` is expensive to import."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Final

from ingate import children

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MAX_OUTPUT_BYTES: Final = 64 * 1024
_ASSIGNMENT: Final = re.compile(r"([A-Za-z_]\w*)=(?:\$(\w+)|\$\{(\w+)\}|(.*))\Z", re.DOTALL)
# What the programs that people keep keys in need: agents, sessions and where their files are.
_MANAGERS: Final = (
    "SSH_AUTH_SOCK", "GNUPGHOME", "GPG_TTY", "GPG_AGENT_INFO", "PASSWORD_STORE_*", "OP_*", "BW_*", "BITWARDENCLI_*",
    "VAULT_*", "DOPPLER_*", "INFISICAL_*", "KEEPASS*", "LPASS_*", "GOPASS_*", "AWS_PROFILE", "AWS_REGION",
    "AWS_DEFAULT_REGION", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "CLOUDSDK_*", "AZURE_CONFIG_DIR", "KUBECONFIG",
)  # fmt: skip


class CommandFailedError(Exception):
    """A command returned no value; the message completes "the command …" and repeats none of its output."""


def output_of(command: str, environ: Mapping[str, str], timeout_s: float, folder: Path | None = None) -> str:
    """The standard output of `command`, without surrounding whitespace.

    It gets what every child process gets, the variables of the usual password managers, and those that the command line
    assigns before the program: `VAULT_ROLE=reader TOKEN=$TOKEN get-key` passes on `TOKEN`.

    No shell is involved, standard input is empty and error output is discarded. The command runs in a session of its
    own, so that it cannot prompt on the terminal, and so that its children end with it on a timeout.

    Args:
        command: The command line.
        environ: The environment from which variables are chosen.
        timeout_s: The time limit, in seconds.
        folder: Where a relative path to the program starts; None: the working directory.

    Raises:
        CommandFailedError: It cannot be started, fails, takes longer than `timeout_s`, prints more than 64 KiB, or prints
            something that is not UTF-8 text.
    """
    words, assigned = _assignments(shlex.split(command), environ)
    child = {**children.for_child(environ, _MANAGERS), **assigned}
    if not words:
        raise CommandFailedError("names no program")
    try:
        process = subprocess.Popen(
            children.program(words, child, folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=child,
            start_new_session=True,
        )
    except FileNotFoundError:
        raise CommandFailedError("names a program that is not found") from None
    except (OSError, ValueError) as problem:
        reason = os.strerror(problem.errno) if isinstance(problem, OSError) and problem.errno else "bad characters"
        raise CommandFailedError(f"cannot be started ({reason})") from None
    output: list[bytes] = []
    stdout = process.stdout
    assert stdout is not None
    deadline = time.monotonic() + timeout_s
    # A thread, since a child of the command may keep the pipe open after the timeout.
    reader = threading.Thread(
        target=lambda: output.append(stdout.read(_MAX_OUTPUT_BYTES + 1)), name="ingate-cmd", daemon=True
    )
    reader.start()
    try:
        reader.join(timeout_s)
        if reader.is_alive():
            raise CommandFailedError(f"did not finish within {timeout_s:g} s")
        if len(output[0]) > _MAX_OUTPUT_BYTES:
            raise CommandFailedError(f"printed more than {_MAX_OUTPUT_BYTES // 1024} KiB")
        status = process.wait(max(0.0, deadline - time.monotonic()))
    except (CommandFailedError, subprocess.TimeoutExpired) as problem:
        _kill(process)
        if isinstance(problem, subprocess.TimeoutExpired):
            raise CommandFailedError(f"did not finish within {timeout_s:g} s") from None
        raise
    finally:
        reader.join(1.0)
        if not reader.is_alive():
            stdout.close()
    if status != 0:
        raise CommandFailedError(f"failed with exit status {status}")
    try:
        return output[0].decode().strip()
    except UnicodeDecodeError:
        raise CommandFailedError("printed something that is not UTF-8 text") from None


def _assignments(words: list[str], environ: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """The words from the program on, and the variables that are assigned before it; `$NAME` is a variable of `environ`."""
    assigned: dict[str, str] = {}
    while words and (found := _ASSIGNMENT.match(words[0])):
        name, variable, other, text = found.groups()
        assigned[name] = environ.get(variable or other, "") if variable or other else text
        words = words[1:]
    return words, assigned


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the command and its children. It has not been waited for yet, so its process id is still its own."""
    try:
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except ProcessLookupError:
        pass
    process.wait()
