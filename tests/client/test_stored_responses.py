"""The SDK's stored responses, conversations and token counts over the in-process transport."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import openai
import pytest

import ingate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MODEL = "scripted/any"
WEATHER: Any = {"type": "function", "name": "get_weather", "parameters": {"type": "object", "properties": {}}}


@pytest.fixture
def engine() -> ingate.ScriptedEngine:
    return ingate.ScriptedEngine()


@pytest.fixture
async def client(engine: ingate.ScriptedEngine) -> AsyncIterator[ingate.AsyncIngate]:
    async with (
        ingate.Gateway({}, engines={"scripted": engine}) as gateway,
        ingate.AsyncIngate(gateway=gateway, max_retries=0) as made,
    ):
        yield made


def asked(engine: ingate.ScriptedEngine) -> list[tuple[str, Any]]:
    """The last request's messages."""
    return [(message["role"], message.get("content")) for message in engine.requests[-1][1]["messages"]]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_a_response_is_continued_by_its_id(
    client: ingate.AsyncIngate, engine: ingate.ScriptedEngine, streamed: bool
) -> None:
    engine.enqueue("Blue.")
    engine.enqueue("Air.")
    if streamed:
        async with client.responses.stream(model=MODEL, input="What colour is the sky?") as stream:
            first: Any = await stream.get_final_response()
    else:
        first = await client.responses.create(model=MODEL, input="What colour is the sky?")
    second = await client.responses.create(model=MODEL, input="Why?", previous_response_id=first.id)
    assert second.output_text == "Air."
    assert second.previous_response_id == first.id
    assert asked(engine) == [("user", "What colour is the sky?"), ("assistant", "Blue."), ("user", "Why?")]


async def test_a_tool_result_alone_continues_a_response(
    client: ingate.AsyncIngate, engine: ingate.ScriptedEngine
) -> None:
    engine.enqueue_tool_call("get_weather", {"city": "Ghent"})
    engine.enqueue("Warm.")
    first: Any = await client.responses.create(model=MODEL, input="Weather?", tools=[WEATHER])
    result: Any = {"type": "function_call_output", "call_id": first.output[0].call_id, "output": "21"}
    second = await client.responses.create(model=MODEL, input=[result], tools=[WEATHER], previous_response_id=first.id)
    assert second.output_text == "Warm."
    assert [role for role, _ in asked(engine)] == ["user", "assistant", "tool"]


async def test_a_response_is_read_listed_and_deleted(client: ingate.AsyncIngate) -> None:
    made = await client.responses.create(model=MODEL, input="hi")
    read = await client.responses.retrieve(made.id)
    assert (read.id, read.output_text) == (made.id, made.output_text)
    items = [item async for item in await client.responses.input_items.list(made.id)]
    assert len(items) == 1
    await client.responses.delete(made.id)
    for call in (
        client.responses.retrieve(made.id),
        client.responses.create(model=MODEL, input="more", previous_response_id=made.id),
    ):
        with pytest.raises(openai.APIStatusError, match=made.id) as caught:
            await call
        assert caught.value.status_code in {400, 404}


async def test_what_is_not_to_be_stored_is_not(client: ingate.AsyncIngate) -> None:
    made = await client.responses.create(model=MODEL, input="hi", store=False)
    with pytest.raises(openai.NotFoundError):
        await client.responses.retrieve(made.id)


async def test_a_conversation_grows_with_its_responses(
    client: ingate.AsyncIngate, engine: ingate.ScriptedEngine
) -> None:
    conversation = await client.conversations.create()
    engine.enqueue("Blue.")
    await client.responses.create(model=MODEL, input="What colour is the sky?", conversation=conversation.id)
    await client.responses.create(model=MODEL, input="Why?", conversation=conversation.id)
    assert asked(engine) == [("user", "What colour is the sky?"), ("assistant", "Blue."), ("user", "Why?")]


async def test_a_conversation_and_its_items_are_read_changed_and_deleted(client: ingate.AsyncIngate) -> None:
    turns: Any = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
    conversation = await client.conversations.create(items=turns, metadata={"topic": "a"})
    place = {"conversation_id": conversation.id}
    listed: list[Any] = [item async for item in await client.conversations.items.list(**place, order="asc")]
    assert [(item.type, item.role, item.status, item.content[0].type, item.content[0].text) for item in listed] == [
        ("message", "user", "completed", "input_text", "hi"),
        ("message", "assistant", "completed", "output_text", "hello"),
    ]
    read: Any = await client.conversations.items.retrieve(listed[1].id, **place)
    assert (read.id, read.content[0].text) == (listed[1].id, "hello")
    assert (await client.conversations.items.delete(listed[0].id, **place)).id == conversation.id
    assert [item.id async for item in await client.conversations.items.list(**place)] == [listed[1].id]
    with pytest.raises(openai.NotFoundError, match=listed[0].id):
        await client.conversations.items.retrieve(listed[0].id, **place)
    assert (await client.conversations.update(conversation.id, metadata={"topic": "b"})).metadata == {"topic": "b"}
    assert (await client.conversations.retrieve(conversation.id)).metadata == {"topic": "b"}
    with pytest.raises(openai.BadRequestError, match="metadata"):
        await client.conversations.update(conversation.id, metadata="b")  # ty: ignore[invalid-argument-type]
    assert (await client.conversations.delete(conversation.id)).deleted
    with pytest.raises(openai.NotFoundError, match=conversation.id):
        await client.conversations.retrieve(conversation.id)


async def test_clients_of_one_gateway_share_what_is_stored_and_others_do_not(engine: ingate.ScriptedEngine) -> None:
    async with ingate.Gateway({}, engines={"scripted": engine}) as gateway:
        made = await ingate.AsyncIngate(gateway=gateway).responses.create(model=MODEL, input="hi")
        assert (await ingate.AsyncIngate(gateway=gateway).responses.retrieve(made.id)).id == made.id
    async with ingate.Gateway({}, engines={"scripted": engine}) as gateway:
        with pytest.raises(openai.NotFoundError):
            await ingate.AsyncIngate(gateway=gateway).responses.retrieve(made.id)


async def test_tokens_are_counted_without_a_call(client: ingate.AsyncIngate, engine: ingate.ScriptedEngine) -> None:
    few = await client.responses.input_tokens.count(model=MODEL, input="hi")
    many = await client.responses.input_tokens.count(model=MODEL, input="hi " * 500, tools=[WEATHER])
    assert 0 < few.input_tokens < 50 < many.input_tokens
    assert few.model_extra is not None
    assert few.model_extra["ingate"]["estimated"] is True
    assert engine.requests == []


def test_the_sync_client_continues_a_response(engine: ingate.ScriptedEngine) -> None:
    engine.enqueue("Blue.")
    with ingate.Ingate(gateway=ingate.Gateway({}, engines={"scripted": engine})) as client:
        first = client.responses.create(model=MODEL, input="What colour is the sky?")
        client.responses.create(model=MODEL, input="Why?", previous_response_id=first.id)
        assert [item.type for item in client.responses.input_items.list(first.id)] == ["message"]
    assert asked(engine) == [("user", "What colour is the sky?"), ("assistant", "Blue."), ("user", "Why?")]
