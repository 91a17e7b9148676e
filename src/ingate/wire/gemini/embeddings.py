"""Google's embeddings: `batchEmbedContents` on AI Studio, `predict` on Vertex AI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingate.errors import BadRequestError
from ingate.wire.answers import count, items, mapping, parse_object, reading
from ingate.wire.gemini.answer import FAR_SIDE, error_of
from ingate.wire.params import ParamTracker

if TYPE_CHECKING:
    from collections.abc import Mapping


def embeddings_request(model: str, body: Mapping[str, Any], *, on_vertex: bool) -> tuple[dict[str, Any], ParamTracker]:
    """The request body and what became of the parameters. Raises `BadRequestError` where the input is not text."""
    asked = ParamTracker(body, policy="warn", model=model)
    given = asked.take("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(one, str) for one in texts):
        raise BadRequestError("Google's embeddings take text, or a list of texts")
    size = asked.take("dimensions")
    if asked.take("encoding_format") == "base64":
        asked.warn("Google gives embeddings as numbers; base64 is made of them here")
    extras = asked.rest("Google's embeddings have no such parameter")
    if on_vertex:
        parameters = {"outputDimensionality": size} if size else {}
        return {"instances": [{"content": one} for one in texts], "parameters": {**parameters, **extras}}, asked
    name = model if model.startswith("models/") else f"models/{model}"
    shared = {"model": name, **({"outputDimensionality": size} if size else {}), **extras}
    return {"requests": [{**shared, "content": {"parts": [{"text": one}]}} for one in texts]}, asked


def embeddings_of(body: bytes, *, model: str) -> dict[str, Any]:
    """The embeddings as an OpenAI list."""
    answer = parse_object(body, far_side=FAR_SIDE)
    if "error" in answer:
        raise error_of(answer)
    with reading(FAR_SIDE):
        if "predictions" in answer:
            found = [mapping(one["embeddings"]) for one in items(answer["predictions"])]
        else:
            found = items(answer["embeddings"])
        tokens = sum(count(mapping(one.get("statistics")).get("token_count")) for one in found)
        tokens = tokens or count(mapping(answer.get("usageMetadata")).get("promptTokenCount"))
        return {
            "object": "list",
            "data": [{"object": "embedding", "index": at, "embedding": one["values"]} for at, one in enumerate(found)],
            "model": model,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
