"""The local engine: runs GGUF models inside the process."""

from __future__ import annotations

import asyncio
import threading
import weakref
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any

from ingate.engines.local.answers import own_chunk
from ingate.engines.local.files import model_path
from ingate.engines.local.request import check, prepare
from ingate.engines.local.server import DEFAULT_CONTEXT_TOKENS, ModelKey, check_installed, head_of
from ingate.errors import IngateError, NotSupportedError, RequestTimeoutError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from ingate.engines.base import CallReport, Route
    from ingate.engines.local.model import Answer, LocalModel


class LocalEngine:
    """Answers with GGUF models in this process, through llama.cpp.

    A model is loaded at its first request and kept until `aclose()`. Each has one thread and answers one request at a
    time, in order; any number of event loops may share an engine. Cancelling a request stops the model at the next token,
    or at the next batch of 64 tokens while it processes the prompt.

    A Route's `facts` may contain `path` (the GGUF file), `context_tokens` (default 8192, limited to the model's own
    maximum) and `threads` (default: half of the processors, and at least all but one of the first four).

    Args:
        verbose: Whether llama.cpp writes its log to standard error.
    """

    def __init__(self, *, verbose: bool = False) -> None:
        self._verbose = verbose
        self._models: dict[ModelKey, LocalModel] = {}
        self._lock = threading.Lock()
        self._closed = False
        # C++ threads that outlive the interpreter crash it, so an engine that was not closed is closed when it is
        # garbage-collected, or at exit.
        weakref.finalize(self, _close_all, self._models)

    async def complete(self, route: Route, body: Mapping[str, Any], report: CallReport) -> dict[str, Any]:
        """Return one answer. The model streams here too, so that cancelling stops it."""
        from ingate.wire.completion import assemble
        from ingate.wire.normaliser import StreamNormaliser

        normaliser = StreamNormaliser(route.model)
        chunks: list[dict[str, Any]] = []
        async with aclosing(self.stream(route, body, report)) as raw:
            async for piece in raw:
                chunks.extend(normaliser.feed(piece))
        return assemble([*chunks, *normaliser.finish()])

    async def stream(
        self, route: Route, body: Mapping[str, Any], report: CallReport
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the answer token by token, with usage at its end.

        Raises:
            BadRequestError: The model does not support the request.
            ContextTooLongError: The conversation is longer than the model's context.
            MissingExtraError: xllamacpp is not installed.
            MissingModelFileError: The model's file does not exist, or is not a model.
            ModelNotFoundError: There is no such local model.
            RequestTimeoutError: No token within the route's `timeout_s`.
        """
        check(route, body)
        answer = self._model(route).ask(partial(prepare, route, body, report))
        async with aclosing(_pieces(answer, route)) as pieces:
            async for piece in pieces:
                yield own_chunk(piece, route.model)

    async def embed(self, route: Route, body: Mapping[str, Any], report: CallReport) -> dict[str, Any]:
        """Return embeddings as an OpenAI `list` dict.

        Raises:
            NotSupportedError: The file is a chat model.
        """
        path = model_path(route)
        if not (await asyncio.to_thread(head_of, path)).is_embedding_model:
            raise NotSupportedError(
                f"local/{route.model} has no embeddings: its file is a chat model",
                provider=route.provider,
                spec=str(route.spec),
                fix="name the GGUF file of an embedding model under local.models in ingate.yaml",
            )
        answer = self._model(route, embedding=True).embed({"input": body.get("input"), "encoding_format": "float"})
        async with aclosing(_pieces(answer, route)) as pieces:
            async for result in pieces:
                return {**own_chunk(result, route.model), "object": "list"}
        raise UnavailableError(f"local/{route.model} returned no embeddings", provider=route.provider)

    async def aclose(self) -> None:
        """Free every model and end its thread. Later requests raise `UnavailableError`. May be called twice."""
        with self._lock:
            self._closed = True
        await asyncio.to_thread(_close_all, self._models)

    def _model(self, route: Route, *, embedding: bool = False) -> LocalModel:
        check_installed()
        from ingate.engines.local.model import LocalModel

        key = ModelKey(
            model_path(route),
            context_tokens=route.facts.get("context_tokens") or DEFAULT_CONTEXT_TOKENS,
            threads=route.facts.get("threads"),
            embedding=embedding,
        )
        with self._lock:
            if self._closed:
                raise UnavailableError("this engine has been closed", provider=route.provider, retryable=False)
            model = self._models.get(key)
            if model is None or model.orphaned:
                model = self._models[key] = LocalModel(key, verbose=self._verbose)
            return model


async def _pieces(answer: Answer, route: Route) -> AsyncGenerator[dict[str, Any], None]:
    try:
        async with aclosing(answer.pieces(route.timeout_s)) as pieces:
            async for piece in pieces:
                yield piece
    except TimeoutError:
        raise RequestTimeoutError(
            f"local/{route.model} produced no token within {route.timeout_s:g} s",
            timeout_s=route.timeout_s,
            provider=route.provider,
            spec=str(route.spec),
            fix="try again when it is less busy, or set a longer timeout",
        ) from None
    except IngateError as error:
        error.spec = str(route.spec)
        raise
    finally:
        answer.cancel()


def _close_all(models: dict[ModelKey, LocalModel]) -> None:
    while models:
        models.popitem()[1].close()
