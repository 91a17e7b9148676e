"""`GET /v1/models` and `GET /v1/models/{id}`; ids contain slashes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingate.errors import ModelNotFoundError

if TYPE_CHECKING:
    from ingate.serve.call import Call


async def list_models(call: Call) -> None:
    """Every model that would answer now."""
    await call.reply({"object": "list", "data": await call.gateway.models()})


async def retrieve_model(call: Call) -> None:
    """One of them, by its id."""
    wanted = call.endpoint.removeprefix("/models/")
    models = await call.gateway.models()
    for model in models:
        if model.get("id") == wanted:
            await call.reply(model)
            return
    raise ModelNotFoundError(f"no model {wanted!r} is ready", fix="ingate models --ready lists those that are")
