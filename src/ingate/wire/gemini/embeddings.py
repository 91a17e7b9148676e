"""Google's embeddings: `batchEmbedContents` on AI Studio, `predict` on Vertex AI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingate.errors import BadRequestError
from ingate.wire.address import is_vertex
from ingate.wire.answers import count, format_errors, items, mapping, parse_object
from ingate.wire.gemini.answer import error_of
from ingate.wire.params import ParamTracker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.wire.codec import Target


def embeddings_request(body: Mapping[str, Any], target: Target) -> tuple[dict[str, Any], ParamTracker]:
    """The request body, and the tracker that lists the dropped parameters.

    Raises:
        BadRequestError: The input is not text, or there is a parameter that Google does not have while `drop_params`
            is `strict`.
    """
    params = ParamTracker(body, policy=target.drop_params, model=target.model)
    given = params.take("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(one, str) for one in texts):
        raise BadRequestError("Google's embeddings accept a text or a list of texts")
    size = params.take("dimensions")
    if params.take("encoding_format") == "base64":
        params.warn("Google returns embeddings as numbers; they are encoded as base64 here")
    extras = {**params.rest("Google's embeddings have no such parameter"), **params.extra_body}
    if is_vertex(target):
        parameters = {"outputDimensionality": size} if size else {}
        return {"instances": [{"content": one} for one in texts], "parameters": {**parameters, **extras}}, params
    name = target.model if target.model.startswith("models/") else f"models/{target.model}"
    shared = {"model": name, **({"outputDimensionality": size} if size else {}), **extras}
    return {"requests": [{**shared, "content": {"parts": [{"text": one}]}} for one in texts]}, params


def embeddings_of(body: bytes, *, model: str) -> dict[str, Any]:
    """The embeddings as an OpenAI list."""
    answer = parse_object(body)
    if "error" in answer:
        raise error_of(answer)
    with format_errors():
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
