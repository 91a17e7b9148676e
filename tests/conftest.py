"""Every test gets a clean environment, a home of its own, and no network but loopback."""

from __future__ import annotations

import functools
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ingate.catalog import build

if TYPE_CHECKING:
    from collections.abc import Iterator

try:
    from hypothesis import HealthCheck, settings
except ImportError:  # the environments of the hosts have no property tests
    pass
else:
    # A busy machine is slow at making examples, which says nothing about what they test. Other checks stay on.
    settings.register_profile("ingate", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("ingate")

SHARED = Path(__file__).resolve().parents[2] / "shared"
KEPT = {"PATH", "LANG", "LC_ALL", "TMPDIR", "PYTHONDONTWRITEBYTECODE", "PYTEST_CURRENT_TEST", "SSL_CERT_FILE"}


@pytest.fixture(scope="session", autouse=True)
def _one_catalog() -> Iterator[None]:
    """Thousands of tests make a gateway in a new home; the same catalog file is read once for all of a process's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "build", functools.lru_cache(maxsize=8)(build.build))
        yield


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """No variable but the few a process needs, a new empty home, and that home as working directory."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name not in KEPT and not name.startswith(("PYTEST_", "COV_")):
            monkeypatch.delenv(name)
    for name, value in {"HOME": home, "USERPROFILE": home, "TERM": "dumb"}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.chdir(home)
    return home


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that would leave this machine fails the test that makes it."""
    connect, resolve = socket.socket.connect, socket.getaddrinfo

    def is_local(host: object) -> bool:
        return host in {"127.0.0.1", "localhost", "::1", "", None, b"localhost", b"127.0.0.1"}

    def guarded_connect(self: socket.socket, address: object) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not is_local(address[0]):  # ty: ignore[not-subscriptable]
            raise AssertionError(f"a test tried to reach {address!r}")
        connect(self, address)  # ty: ignore[invalid-argument-type]

    def guarded_resolve(host: object, *args: object, **kwargs: object) -> object:
        if not is_local(host):
            raise socket.gaierror(socket.EAI_NONAME, f"a test tried to look up {host!r}")
        return resolve(host, *args, **kwargs)  # ty: ignore[invalid-argument-type]

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_resolve)


@pytest.fixture
def shared_traffic() -> Path:
    """The folder of recorded provider answers; the test is skipped where it is not at hand."""
    folder = SHARED / "traffic"
    if not folder.is_dir():
        pytest.skip("the recorded traffic is not beside this checkout")
    return folder


@pytest.fixture
def shared_responses() -> Path:
    """The folder of recorded answers of Responses endpoints; the test is skipped if it is not available."""
    folder = SHARED / "traffic-responses"
    if not folder.is_dir():
        pytest.skip("the recorded Responses traffic is not beside this checkout")
    return folder
