"""How llama.cpp is opened, and what the engine makes of what it sends: a stand-in for its server object, and a tiny file."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import stat
import struct
import tempfile
import threading
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ingate import errors
from ingate.engines.base import CallReport
from ingate.engines.local import LocalEngine, server
from ingate.engines.local.server import ModelKey, head_of, open_server
from support.local import QUESTION, local_route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

xllamacpp: Any = pytest.importorskip("xllamacpp")

_USAGE = {"choices": [], "usage": {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4}}


def _model(path: Path, **numbers: int) -> Path:
    """A GGUF file without tensors."""
    pairs = [(b"general.architecture", struct.pack("<IQ", 8, 4) + b"bert")]
    pairs += [(name.encode(), struct.pack("<II", 4, value)) for name, value in numbers.items()]
    body = b"".join(struct.pack("<Q", len(name)) + name + value for name, value in pairs)
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + body)
    return path


class Server:
    """Stands in for `xllamacpp.Server`: sends what the test scripted, and keeps what it got."""

    opened: list[Server]
    on_open: Callable[[Any], None] | None
    pieces: list[Any]
    embeddings: dict[str, Any]

    def __init__(self, params: Any) -> None:
        self.params = params
        self.requests: list[dict[str, Any]] = []
        self.stopped: list[bool] = []
        if Server.on_open is not None:
            Server.on_open(params)
        Server.opened.append(self)

    def handle_chat_completions(self, request: dict[str, Any], receive: Callable[[dict[str, Any]], bool]) -> None:
        self.requests.append(request)
        for piece in Server.pieces:
            if isinstance(piece, Exception):
                raise piece
            if callable(piece):
                piece()
                continue
            self.stopped.append(receive(dict(piece)))
            if self.stopped[-1]:
                return

    def handle_embeddings(self, request: dict[str, Any]) -> dict[str, Any]:
        self.requests.append(request)
        return Server.embeddings


@pytest.fixture(autouse=True)
def _llama(monkeypatch: pytest.MonkeyPatch) -> None:
    Server.opened, Server.on_open, Server.pieces, Server.embeddings = [], None, [], {}
    monkeypatch.setattr(xllamacpp, "Server", Server)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(8), raising=False)


@pytest.fixture
async def engine() -> AsyncIterator[LocalEngine]:
    engine = LocalEngine()
    yield engine
    await engine.aclose()


def _settings(params: Any) -> dict[str, Any]:
    plain = (
        "n_ctx", "verbosity", "warmup", "n_parallel", "cache_ram_mib", "ui", "endpoint_slots", "endpoint_props",
        "n_threads_http", "fit_params", "n_batch", "n_ubatch", "embedding",
    )  # fmt: skip
    threads = (params.cpuparams.n_threads, params.cpuparams_batch.n_threads)
    return {"path": params.model.path, "threads": threads, **{name: getattr(params, name) for name in plain}}


_DEFAULTS = {
    "threads": (4, 4),
    "n_ctx": 8192,
    "verbosity": -1,
    "warmup": False,
    "n_parallel": 1,
    "cache_ram_mib": 256,
    "ui": False,
    "endpoint_slots": False,
    "endpoint_props": False,
    "n_threads_http": 1,
    "fit_params": False,
    "n_batch": 64,
    "n_ubatch": 64,
    "embedding": False,
}


@pytest.mark.parametrize(
    ("key", "verbose", "changed"),
    [
        ({}, False, {}),
        ({}, True, {"verbosity": 3}),
        ({"threads": 3, "context_tokens": 512}, False, {"threads": (3, 3), "n_ctx": 512}),
        (
            {"embedding": True, "context_tokens": 300},
            False,
            {"embedding": True, "n_ctx": 300, "n_batch": 300, "n_ubatch": 300},
        ),
    ],
    ids=["default", "verbose", "own", "embedding"],
)
def test_a_model_is_opened_with_one_slot_small_batches_and_no_log(
    tmp_path: Path, key: dict[str, Any], verbose: bool, changed: dict[str, Any]
) -> None:
    path = _model(tmp_path / "m.gguf")
    opened, head = open_server(ModelKey(path, **key), verbose=verbose)
    assert _settings(opened.params) == {**_DEFAULTS, "path": str(path), **changed}
    assert head.architecture == "bert"


def test_with_an_accelerator_llama_cpp_chooses_the_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    types = xllamacpp.ggml_backend_dev_type
    devices = [{"type": types.GGML_BACKEND_DEVICE_TYPE_CPU}, {"type": types.GGML_BACKEND_DEVICE_TYPE_GPU}]
    monkeypatch.setattr(xllamacpp, "get_device_info", lambda: devices)
    opened, _ = open_server(ModelKey(_model(tmp_path / "m.gguf")), verbose=False)
    untouched = xllamacpp.CommonParams()
    assert {name: getattr(opened.params, name) for name in ("fit_params", "n_batch", "n_ubatch")} == {
        name: getattr(untouched, name) for name in ("fit_params", "n_batch", "n_ubatch")
    }


@pytest.mark.parametrize(("processors", "threads"), [(1, 1), (2, 1), (3, 2), (4, 3), (6, 3), (8, 4), (16, 8)])
def test_llama_cpp_leaves_a_processor_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processors: int, threads: int
) -> None:
    key = ModelKey(_model(tmp_path / "m.gguf"))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(processors), raising=False)
    assert _settings(open_server(key, verbose=False)[0].params)["threads"] == (threads, threads)
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    assert _settings(open_server(key, verbose=False)[0].params)["threads"] == (threads, threads)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert _settings(open_server(key, verbose=False)[0].params)["threads"] == (1, 1)


def test_its_listener_is_a_socket_in_a_private_folder_that_is_gone_once_it_is_up(tmp_path: Path) -> None:
    seen: list[tuple[str, str, int]] = []

    def look(params: Any) -> None:
        [address], [key] = params.hostnames, params.api_keys
        seen.append((address, key, stat.S_IMODE(Path(address).parent.stat().st_mode)))

    Server.on_open = look
    for _ in range(2):
        open_server(ModelKey(_model(tmp_path / "m.gguf")), verbose=False)
    assert [mode for _, _, mode in seen] == [0o700, 0o700]
    assert [Path(address).name for address, _, _ in seen] == ["llama.sock"] * 2
    assert not any(Path(address).parent.exists() for address, _, _ in seen)
    assert len({key for _, key, _ in seen}) == 2
    assert all(len(key) >= 43 for _, key, _ in seen)


@pytest.mark.parametrize(("length", "on_a_port"), [(100, False), (101, True)])
def test_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int, on_a_port: bool) -> None:
    """A path too long for a Unix socket: a loopback port with a random key instead. (The name is part of the path.)"""
    parent = length - len("/ingate-12345678/llama.sock")
    folder = tmp_path / ("x" * (parent - len(str(tmp_path)) - 1))
    folder.mkdir()
    assert len(str(folder)) == parent
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    opened, _ = open_server(ModelKey(_model(tmp_path / "m.gguf")), verbose=False)
    assert (opened.params.hostnames == ["127.0.0.1"]) is on_a_port
    assert opened.params.port == 0
    assert len(opened.params.api_keys) == 1
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="signals of the C library")
@pytest.mark.parametrize("fails", [False, True])
def test_the_process_keeps_its_own_signal_handlers(tmp_path: Path, fails: bool) -> None:
    libc = ctypes.CDLL(None)

    def handlers() -> list[bytes]:
        found = []
        for number in (signal.SIGINT, signal.SIGTERM):
            buffer = ctypes.create_string_buffer(1024)
            libc.sigaction(int(number), None, buffer)
            found.append(buffer.raw[:8])  # the handler; what follows differs by platform
        return found

    def install(_: Any) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            libc.signal(int(number), ctypes.c_void_p(1))  # ignored
        assert handlers() != before
        if fails:
            raise RuntimeError("no")

    before = handlers()
    Server.on_open = install
    key = ModelKey(_model(tmp_path / "m.gguf"))
    if fails:
        with pytest.raises(errors.MissingModelFileError):
            open_server(key, verbose=False)
    else:
        open_server(key, verbose=False)
    assert handlers() == before


def test_a_file_that_llama_cpp_cannot_load_is_named(tmp_path: Path) -> None:
    def fail(_: Any) -> None:
        raise RuntimeError("failed to load model")

    Server.on_open = fail
    path = _model(tmp_path / "m.gguf")
    with pytest.raises(errors.MissingModelFileError) as caught:
        open_server(ModelKey(path), verbose=False)
    error = caught.value
    assert error.message == (
        f"the model file {str(path)!r} cannot be used: "
        "llama.cpp cannot load it: truncated, damaged, or of an unknown architecture"
    )
    assert (error.path, error.provider, error.code) == (str(path), "local", "invalid_model_file")
    assert error.fix == "download the file again, or name another one under local.models in ingate.yaml"


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(errors.MissingModelFileError, match="cannot be used: No such file"):
        head_of(tmp_path / "gone.gguf")
    with pytest.raises(errors.MissingModelFileError, match="cannot be used: Is a directory"):
        head_of(tmp_path)


def _delta(text: str | None, reason: str | None = None) -> dict[str, Any]:
    return {"model": "m.gguf", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": reason}]}


def _route(tmp_path: Path, name: str = "m.gguf", **facts: Any) -> Any:
    path = tmp_path / name
    if not path.exists():
        _model(path)
    return local_route("mine", facts={"path": str(path), **facts})


async def _stream(engine: LocalEngine, route: Any, **body: Any) -> list[dict[str, Any]]:
    return [piece async for piece in engine.stream(route, {"messages": QUESTION, **body}, CallReport())]


async def test_chunks_come_with_the_models_name_and_without_progress_and_timings(
    engine: LocalEngine, tmp_path: Path
) -> None:
    progress = {"choices": [], "prompt_progress": {"processed": 64}}
    Server.pieces = [progress, _delta("a"), {**_delta("b", "stop"), "timings": {}}, _USAGE]
    got = await _stream(engine, _route(tmp_path), temperature=0)
    named = [{**_delta("a"), "model": "mine"}, {**_delta("b", "stop"), "model": "mine"}, {**_USAGE, "model": "mine"}]
    assert got == named
    whole = await engine.complete(_route(tmp_path), {"messages": QUESTION}, CallReport())
    assert whole["choices"][0]["message"]["content"] == "ab"
    assert (whole["model"], whole["usage"]["total_tokens"]) == ("mine", 4)
    [opened] = Server.opened
    always = {"stream": True, "stream_options": {"include_usage": True}, "return_progress": True}
    assert opened.requests == [{"messages": QUESTION, "temperature": 0, **always}, {"messages": QUESTION, **always}]
    assert opened.stopped == [False] * 8


@pytest.mark.parametrize(
    ("piece", "kind", "words"),
    [
        ({"error": {"code": 400, "message": "bad"}}, errors.BadRequestError, "rejected the request: bad"),
        (RuntimeError("bad role"), errors.BadRequestError, "rejected the request: bad role"),
        (KeyError("x"), errors.UnavailableError, "failed: KeyError"),
    ],
)
async def test_an_error_ends_its_own_answer_only(
    engine: LocalEngine, tmp_path: Path, piece: Any, kind: type[Exception], words: str
) -> None:
    Server.pieces = [_delta("a"), piece, _delta("b")]
    got: list[dict[str, Any]] = []

    async def read() -> None:
        async for one in engine.stream(_route(tmp_path), {"messages": QUESTION}, CallReport()):
            got.append(one)

    with pytest.raises(errors.IngateError, match=words) as caught:
        await read()
    assert type(caught.value) is kind
    assert (caught.value.provider, caught.value.spec, len(got)) == ("local", "local/mine", 1)
    Server.pieces = [_delta("b", "stop")]
    assert len(await _stream(engine, _route(tmp_path))) == 1
    assert len(Server.opened) == 1


async def test_an_answer_that_nobody_reads_is_stopped_and_one_that_waits_is_not_begun(
    engine: LocalEngine, tmp_path: Path
) -> None:
    go = threading.Event()
    Server.pieces = [_delta("a"), lambda: go.wait(10), _delta("b"), _delta("c")]
    async with aclosing(engine.stream(_route(tmp_path), {"messages": QUESTION}, CallReport())) as first:
        await anext(first)
        waiting = asyncio.create_task(_stream(engine, _route(tmp_path)))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    go.set()
    Server.pieces = [_delta("d", "stop")]
    assert [one["choices"][0]["delta"]["content"] for one in await _stream(engine, _route(tmp_path))] == ["d"]
    [opened] = Server.opened
    assert opened.stopped[-2:] == [
        True,
        False,
    ]  # the first answer may be left before or after its first chunk was taken
    assert opened.stopped.count(True) == 1
    assert len(opened.requests) == 2


async def test_closing_ends_the_answer_in_progress_and_those_that_wait(engine: LocalEngine, tmp_path: Path) -> None:
    go, begun = threading.Event(), threading.Event()
    Server.pieces = [begun.set, _delta("a"), lambda: go.wait(10), _delta("b"), _delta("c")]
    asking = [asyncio.create_task(_stream(engine, _route(tmp_path))) for _ in range(2)]
    await asyncio.to_thread(begun.wait, 10)
    closing = asyncio.create_task(engine.aclose())
    [model] = engine._models.values()
    while not model._closing.is_set():
        await asyncio.sleep(0.001)
    go.set()
    await closing
    for task in asking:
        with pytest.raises(errors.UnavailableError, match="this engine has been closed") as caught:
            await task
        assert (caught.value.provider, caught.value.retryable) == ("local", False)
    with pytest.raises(errors.UnavailableError, match="this engine has been closed") as caught:
        await _stream(engine, _route(tmp_path))
    assert (caught.value.provider, caught.value.retryable) == ("local", False)
    assert [len(opened.requests) for opened in Server.opened] == [1]
    assert model._server is None


async def test_requests_share_a_model_that_is_loaded_in_the_same_way(engine: LocalEngine, tmp_path: Path) -> None:
    Server.pieces = [_delta("a", "stop")]
    for facts in ({}, {}, {"context_tokens": None}, {"context_tokens": 99}, {"threads": 2}, {"threads": 2}):
        await _stream(engine, _route(tmp_path, **facts))
    await _stream(engine, _route(tmp_path, "other.gguf"))
    found = [_settings(opened.params) for opened in Server.opened]
    assert [(one["n_ctx"], one["threads"], Path(one["path"]).name) for one in found] == [
        (8192, (4, 4), "m.gguf"),
        (99, (4, 4), "m.gguf"),
        (8192, (2, 2), "m.gguf"),
        (8192, (4, 4), "other.gguf"),
    ]
    assert [one["verbosity"] for one in found] == [-1] * 4


async def test_a_verbose_engine_lets_llama_cpp_write_its_log(tmp_path: Path) -> None:
    engine = LocalEngine(verbose=True)
    Server.pieces = [_delta("a", "stop")]
    await _stream(engine, _route(tmp_path))
    await engine.aclose()
    assert Server.opened[0].params.verbosity == 3


async def test_silence_says_how_long_it_lasted(engine: LocalEngine, tmp_path: Path) -> None:
    go = threading.Event()
    Server.pieces = [lambda: go.wait(10), _delta("a")]
    _model(tmp_path / "m.gguf")
    route = local_route("mine", facts={"path": str(tmp_path / "m.gguf")}, timeout_s=0.05)
    with pytest.raises(errors.RequestTimeoutError) as caught:
        await _stream(engine, route)
    go.set()
    error = caught.value
    assert error.message == "local/mine produced no token within 0.05 s"
    assert (error.timeout_s, error.provider, error.spec) == (0.05, "local", "local/mine")
    await engine.aclose()
    assert Server.opened[0].stopped == [True]


async def test_embeddings_come_as_a_list_from_a_model_loaded_for_them(engine: LocalEngine, tmp_path: Path) -> None:
    path = _model(tmp_path / "e.gguf", **{"bert.pooling_type": 1})
    route = local_route("mine", facts={"path": str(path), "context_tokens": 128})
    Server.embeddings = {"model": "e.gguf", "data": [{"index": 0, "embedding": [1.0]}], "usage": {"total_tokens": 1}}
    got = await engine.embed(route, {"input": ["a"], "dimensions": 3}, CallReport())
    assert got == {**Server.embeddings, "model": "mine", "object": "list"}
    [opened] = Server.opened
    assert opened.requests == [{"input": ["a"], "encoding_format": "float"}]
    assert (opened.params.embedding, opened.params.n_batch) == (True, 128)
    Server.embeddings = {"error": {"code": 400, "message": "too long"}}
    with pytest.raises(errors.BadRequestError, match="too long") as caught:
        await engine.embed(route, {"input": ["a"]}, CallReport())
    assert caught.value.spec == "local/mine"


async def test_a_chat_model_has_no_embeddings_and_is_not_loaded_for_them(engine: LocalEngine, tmp_path: Path) -> None:
    with pytest.raises(errors.NotSupportedError) as caught:
        await engine.embed(_route(tmp_path), {"input": "a"}, CallReport())
    error = caught.value
    assert error.message == "local/mine has no embeddings: its file is a chat model"
    assert (error.provider, error.spec) == ("local", "local/mine")
    assert Server.opened == []


async def test_a_model_abandoned_by_a_fork_is_loaded_again(engine: LocalEngine, tmp_path: Path) -> None:
    Server.pieces = [_delta("a", "stop")]
    await _stream(engine, _route(tmp_path))
    [model] = engine._models.values()
    assert (model.orphaned, model.orphan(), model.orphaned) == (False, True, True)
    await _stream(engine, _route(tmp_path))
    assert len(Server.opened) == 2
    model.close()
    assert model._thread.is_alive()
    model.orphaned = False
    model.close()
    assert not model._thread.is_alive()


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(server, "find_spec", lambda _: None)
    with pytest.raises(errors.MissingExtraError) as caught:
        open_server(ModelKey(_model(tmp_path / "m.gguf")), verbose=False)
    assert caught.value.extra == "local"
