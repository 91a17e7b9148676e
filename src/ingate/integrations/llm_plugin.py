"""ingate's models in simonw's `llm`: `llm -m ingate/local/smollm2 "…"`.

A plugin, found by its entry point. `llm` must know a model's name before the call, so these are registered as `ingate/<spec>`:
local models, the configured aliases, and the catalog's models of every provider whose credentials are available. For any other,
there is the model `ingate` with the option `spec`. Registering does not use the network, and an invalid configuration does not
affect `llm`'s other models: a call to ingate's reports it.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import llm  # ty: ignore[import-not-found]
from llm.default_plugins.openai_models import AsyncChat, Chat  # ty: ignore[import-not-found]

from ingate.errors import IngateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ingate.gateway import Gateway

PREFIX = "ingate"


class _OverIngate:
    """`llm`'s OpenAI chat models with ingate's client."""

    model_id: str
    needs_key = None
    key_env_var = None

    def __str__(self) -> str:
        return f"ingate: {self.model_id}"

    def get_client(self, key: str | None, *, async_: bool = False) -> Any:
        """The in-process client, which needs no key."""
        del key
        return _client(asynchronous=async_)


class IngateChat(_OverIngate, Chat):
    """One model spec as a model of `llm`."""

    def __init__(self, spec: str, caps: frozenset[str]) -> None:
        super().__init__(**_arguments(spec, caps))


class AsyncIngateChat(_OverIngate, AsyncChat):
    """The same for event loops."""

    def __init__(self, spec: str, caps: frozenset[str]) -> None:
        super().__init__(**_arguments(spec, caps))


class AnySpecChat(IngateChat):
    """The model `ingate`: the option `spec` names the model; without it, the configured `default_model` is used."""

    def __init__(self) -> None:
        super().__init__("", _ALL)
        self.Options = _with_spec(self.Options)

    def build_kwargs(self, prompt: Any, stream: bool) -> dict[str, Any]:
        """The request, with the model of this prompt."""
        return _for_spec(super().build_kwargs(prompt, stream))


class AsyncAnySpecChat(AsyncIngateChat):
    """The same for event loops."""

    def __init__(self) -> None:
        super().__init__("", _ALL)
        self.Options = _with_spec(self.Options)

    def build_kwargs(self, prompt: Any, stream: bool) -> dict[str, Any]:
        return _for_spec(super().build_kwargs(prompt, stream))


_ALL = frozenset({"vision", "audio", "reasoning", "json", "tools"})
# Local models follow a JSON schema even if their template has no tools.
_LOCAL = frozenset({"json", "tools"})


@llm.hookimpl
def register_models(register: Callable[..., None]) -> None:
    """Called by `llm` when it looks for models."""
    register(AnySpecChat(), AsyncAnySpecChat())
    try:
        for spec, caps in _known():
            register(IngateChat(spec, caps), AsyncIngateChat(spec, caps))
    except IngateError:
        return


def _known() -> Iterator[tuple[str, frozenset[str]]]:
    """Every spec to register, with its model's capabilities."""
    from ingate.gateway.models import ANY, offered_rows

    gateway = _gateway()
    settings = gateway.config.settings
    for name in ("smollm2", *settings.local.models):
        yield f"local/{name}", _LOCAL
    for name in settings.aliases:
        yield name, _ALL
    for row in offered_rows(gateway, gateway.readiness()):
        if row.provider != "local" and row.model != ANY:
            known = gateway.catalog().get(row.provider, row.model) is not None
            yield row.key, frozenset(row.caps) if known else _ALL


def _arguments(spec: str, caps: frozenset[str]) -> dict[str, Any]:
    """The arguments of `llm`'s chat models."""
    return {
        "model_id": f"{PREFIX}/{spec}" if spec else PREFIX,
        "model_name": spec,
        "vision": "vision" in caps,
        "audio": "audio" in caps,
        "reasoning": "reasoning" in caps,
        "supports_schema": "json" in caps,
        "supports_tools": "tools" in caps,
    }


def _with_spec(options: Any) -> Any:
    """An options class with the additional option `spec`."""
    from pydantic import Field, create_model

    described = Field(default=None, description="The model spec (default: ingate's configured default_model).")
    return create_model("Options", __base__=options, spec=(str | None, described))


def _for_spec(kwargs: dict[str, Any]) -> dict[str, Any]:
    spec = kwargs.pop("spec", None) or _gateway().default_model
    if not spec:
        raise llm.ModelError("no model is named: pass -o spec PROVIDER/MODEL, or set default_model in ingate.yaml")
    return {**kwargs, "extra_body": {"model": spec}}


def _gateway() -> Gateway:
    from ingate.gateway import Gateway

    return Gateway()


@functools.cache
def _client(*, asynchronous: bool) -> Any:
    """One client for all of `llm`'s calls, closed when the interpreter exits."""
    from ingate.client import AsyncIngate, Ingate

    return AsyncIngate() if asynchronous else Ingate()
