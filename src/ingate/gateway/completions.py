"""One chat completion on one route: the request as the model accepts it, the answer normalised, with its metadata."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from ingate.gateway.formats import translated_route
from ingate.gateway.metadata import answer_metadata
from ingate.gateway.requests import accepted_request, chat_request, with_own_reasoning, with_own_search

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from ingate.engines.base import CallReport, Route
    from ingate.engines.watch import Watch
    from ingate.gateway.gateway import Gateway
    from ingate.wire.passthrough import Api


async def completed(
    gateway: Gateway, route: Route, body: Mapping[str, Any], report: CallReport, api: Api = "chat"
) -> dict[str, Any]:
    """A whole completion; `api` is the API that the client called."""
    from ingate.wire.completion import normalise_completion

    chat = chat_request(route, body, report)
    route = translated_route(route, chat, api)
    chat = with_own_search(route, with_own_reasoning(route, chat, report), report, api)
    engine = gateway.engine(route.engine)

    async def attempt(route: Route) -> dict[str, Any]:
        adapted = accepted_request(route, chat, report)
        answer = normalise_completion(await engine.complete(route, adapted.body, report), route.model)
        adapted.restore(answer)
        return answer

    answer = await gateway.rejections.without_rejected(route, chat, report, attempt)
    answer["ingate"] = answer_metadata(route, report, answer.get("usage"), gateway.catalog)
    return answer


async def streamed(
    gateway: Gateway, route: Route, body: Mapping[str, Any], report: CallReport, watch: Watch, api: Api = "chat"
) -> AsyncGenerator[dict[str, Any], None]:
    """The chunks of a completion, with its metadata on the first and the last; `api` is the API that the client called."""
    from ingate.engines.stream import open_stream

    chat = chat_request(route, body, report)
    route = translated_route(route, chat, api)
    chat = with_own_search(route, with_own_reasoning(route, chat, report), report, api)
    engine = gateway.engine(route.engine)

    async def attempt(route: Route) -> AsyncGenerator[dict[str, Any], None]:
        adapted = accepted_request(route, chat, report, stream=True)
        reader = adapted if adapted.reads_answer else None
        return await open_stream(engine, route, adapted.body, report, reader, watch)

    async with aclosing(await gateway.rejections.without_rejected(route, chat, report, attempt)) as chunks:
        begun = False
        async for chunk in chunks:
            if not begun or ("usage" in chunk and not chunk.get("choices")):
                chunk["ingate"] = answer_metadata(route, report, chunk.get("usage"), gateway.catalog)
                if not begun and report.usage is not None:
                    chunk["ingate"]["usage"] = report.usage
                begun = True
            yield chunk
