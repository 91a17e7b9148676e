"""Fill an environment with what is locked, once: the second half of `scripts/setup`, for any Python from 3.11.

Two stamps inside the environment say what it holds. Without them, as after a run that broke off, it is made anew; with
them there is nothing to do, and no network is asked for anything.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = {"newest": "requirements/dev.txt", "oldest": "requirements/oldest.txt"}
MODEL = "requirements/model.txt"
# The environments of scripts/hosts, by the names of their locks.
LOCKS |= {path.stem: f"requirements/{path.name}" for path in (ROOT / "requirements").glob("hosts-*.txt")}
# The LiteLLM proxy runs beside ingate, as a process of its own: no ingate and no model in there.
LOCKS["proxy"] = "requirements/proxy.txt"
# The tool that writes the bill of materials.
LOCKS["sbom"] = "requirements/sbom.txt"
NEEDED_BYTES = 2_000_000_000
# A pinned requirement at the beginning of a line of a lock file.
PIN = re.compile(r"^[A-Za-z0-9][\w.-]*==", re.MULTILINE)
OFFLINE = re.compile(
    r"NewConnectionError|NameResolutionError|connection broken|Connection (?:refused|reset|aborted)|ConnectTimeout"
    r"|Read timed out|Temporary failure|Network is unreachable|ProxyError|SSLError|MaxRetryError|Could not fetch URL",
    re.IGNORECASE,
)


class SetupError(Exception):
    """A step failed; the message is the one line that says what to do."""


class Environment:
    """One virtual environment and what belongs in it."""

    def __init__(self, kind: str, folder: str) -> None:
        self.kind = kind
        self.folder = ROOT / folder
        self.python = self.folder / "bin" / "python"
        self.log = self.folder / "setup.log"
        self.has_project = kind not in {"proxy", "sbom"}
        self.locks = [ROOT / LOCKS[kind], *([ROOT / MODEL] if self.has_project else [])]
        self.begun_s = time.monotonic()

    def packages_key(self, version: str) -> str:
        """What the installed packages depend on; the folder too, since scripts in it hold its path."""
        digest = hashlib.sha256(f"{version} {self.folder}".encode())
        for lock in self.locks:
            digest.update(lock.read_bytes())
        return digest.hexdigest()

    def project_key(self) -> str:
        """What the project's own installation depends on."""
        return hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()

    def has(self, stamp: str, key: str) -> bool:
        """Whether the environment bears this stamp."""
        try:
            return (self.folder / f".{stamp}").read_text() == key
        except OSError:
            return False

    def stamp(self, stamp: str, key: str) -> None:
        """Note that a step is done."""
        (self.folder / f".{stamp}").write_text(key)

    def say(self, text: str, *, end: str = "\n") -> None:
        """One line on how it goes."""
        lead = "\r\033[K" if sys.stderr.isatty() else ""
        print(f"{lead}setup: {text}", end=end, file=sys.stderr, flush=True)

    def elapsed(self) -> str:
        """Since the beginning."""
        return f"{time.monotonic() - self.begun_s:.0f} s"

    # The steps.

    def create(self) -> None:
        """An empty environment, in the place of whatever was there."""
        free = shutil.disk_usage(ROOT).free
        if free < NEEDED_BYTES:
            raise SetupError(
                f"the disk has {free / 1e9:.1f} GB left, and {NEEDED_BYTES / 1e9:.0f} GB are needed: free some room "
                f"on {ROOT} and run it again"
            )
        if self.folder.exists():
            self.say(f"{self.folder.name} is old or half-made: making it anew")
            shutil.rmtree(self.folder)
        self.say(f"making {self.folder.name} with Python {version()}")
        made = subprocess.run(
            [sys.executable, "-I", "-m", "venv", str(self.folder)], check=False, capture_output=True, text=True
        )
        if made.returncode:
            raise SetupError(f"Python's venv failed ({last_line(made.stdout + made.stderr)}): try PYTHON=… make setup")

    def install_packages(self) -> None:
        """Everything locked, by its hash. Without dependencies: the lock is whole, and the model's would compile."""
        total = sum(len(PIN.findall(lock.read_text())) for lock in self.locks)
        files = [part for lock in self.locks for part in ("-r", str(lock))]
        self.pip(["install", "--no-deps", "--require-hashes", "--no-compile", "--progress-bar", "off", *files], total)

    def compile(self) -> None:
        """Bytecode, on every core; also where PYTHONDONTWRITEBYTECODE is set, which `-I` leaves unread."""
        self.say(f"compiling bytecode ({self.elapsed()})", end="\n" if not sys.stderr.isatty() else "")
        packages = self.site_packages()
        # Its status is no use: some packages carry templates that are no Python.
        subprocess.run([str(self.python), "-I", "-m", "compileall", "-qq", "-j", "0", str(packages)], check=False)
        if next(packages.glob("*/__pycache__/*.pyc"), None) is None:
            raise SetupError(f"no bytecode appeared in {packages}: see that it can be written to, and run it again")

    def install_project(self) -> None:
        """The project itself, from this folder. Needs no network: what builds it is installed."""
        self.pip(["install", "--no-index", "--no-deps", "--no-build-isolation", "--no-compile", "-e", str(ROOT)], 0)

    def pip(self, arguments: list[str], total: int) -> None:
        """Run this environment's pip; its words go to the log, and a count of packages to the terminal."""
        command = [str(self.python), "-I", "-m", "pip", "--no-input", "--disable-pip-version-check", *arguments]
        seen, shown_s, said = 0, 0.0, []
        with self.log.open("a", encoding="utf-8") as log:
            running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)
            assert running.stdout is not None
            for line in running.stdout:
                log.write(line)
                said.append(line)
                seen += line.startswith(("Collecting ", "Ignoring "))
                every_s = 0.2 if sys.stderr.isatty() else 10
                if total and time.monotonic() - shown_s > every_s:
                    shown_s = time.monotonic()
                    installing = line.startswith("Installing collected")
                    doing = "unpacking all" if installing else f"fetched {seen} of"
                    self.say(f"{doing} {total} packages ({self.elapsed()})", end="" if sys.stderr.isatty() else "\n")
            if running.wait():
                raise SetupError(self.remedy("".join(said)))

    def remedy(self, said: str) -> str:
        """The one line for a pip that failed."""
        if "No space left" in said or "Errno 28" in said:
            return f"the disk is full: free {NEEDED_BYTES / 1e9:.0f} GB on {ROOT} and run it again"
        if "DO NOT MATCH THE HASHES" in said:
            return (
                "a package is not the one that was locked (a mirror gone wrong, or tampering): run it again, and if it "
                f"stays, look for 'Expected' in {self.log}; nothing of it was installed"
            )
        # pip tells a refused connection and an empty index alike: it knows no version at all.
        if OFFLINE.search(said) or "(from versions: none)" in said:
            return f"the package index cannot be reached: check the network or pip's settings, and run it again (log: {self.log})"
        if missing := re.search(r"No matching distribution found for (\S+)", said):
            return (
                f"the package index in use has no {missing[1]} for Python {version()} here: point pip at a full index, or "
                "choose another Python with PYTHON=…"
            )
        return f"pip failed ({last_line(said)}): the log is {self.log}"

    def site_packages(self) -> Path:
        """Where its packages are."""
        return self.folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def version() -> str:
    """This Python's, in three numbers."""
    return ".".join(map(str, sys.version_info[:3]))


def last_line(text: str) -> str:
    """What a program said last, errors first."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ["no reason given"]
    return next((line for line in reversed(lines) if line.startswith("ERROR")), lines[-1])


def compile_sources() -> None:
    """The project's own bytecode; only what has changed since is compiled."""
    subprocess.run([sys.executable, "-I", "-m", "compileall", "-qq", str(ROOT / "src")], check=False)


def main() -> int:
    """Bring the environment up to date; with `--if-done`, only say by the status whether it is."""
    kind, folder = sys.argv[1:3]
    environment = Environment(kind, folder)
    packages, project = environment.packages_key(version()), environment.project_key()
    has_packages = environment.has("packages", packages) and environment.python.exists()
    if has_packages and (environment.has("project", project) or not environment.has_project):
        compile_sources()
        return 0
    if "--if-done" in sys.argv:
        return 1
    try:
        if not has_packages:
            environment.create()
            environment.install_packages()
            environment.compile()
            environment.stamp("packages", packages)
        if environment.has_project:
            environment.say(f"installing ingate itself ({environment.elapsed()})")
            environment.install_project()
            environment.stamp("project", project)
            compile_sources()
    except SetupError as failure:
        environment.say(str(failure))
        return 1
    except OSError as error:
        environment.say(
            f"{error.strerror or error}: {error.filename or environment.folder}: mend that and run it again"
        )
        return 1
    except KeyboardInterrupt:
        environment.say("stopped; run it again to begin anew")
        return 130
    environment.say(f"{environment.folder.name} is ready: Python {version()}, {environment.elapsed()}")
    return 0


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
