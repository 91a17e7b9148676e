"""A rejected parameter is left out once, reported, and not sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ingate import Gateway
from ingate.errors import BadRequestError
from ingate.wire.passthrough import ApiRequest
from support.upstream import Reply, Upstream, chunks, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

BODY: dict[str, Any] = {
    "model": "box/new-model",
    "messages": [{"role": "user", "content": "hi"}],
    "temperature": 0.3,
    "seed": 5,
}


def _rejection(message: str, **error: Any) -> Reply:
    return Reply(status=400, body={"error": {"message": message, "type": "invalid_request_error", **error}})


NO_TEMPERATURE = _rejection(
    "Unsupported parameter: 'temperature' is not supported with this model.", param="temperature"
)
NO_SEED = _rejection("property 'seed' is unsupported")


@pytest.fixture
def box() -> Iterator[Upstream]:
    with upstream() as server:
        yield server


def _gateway(box: Upstream, **settings: Any) -> Gateway:
    return Gateway({"servers": {"box": {"base_url": box.url}}, **settings}, retries=0)


async def test_a_call_is_repeated_once_without_the_rejected_parameter_and_later_calls_lack_it(box: Upstream):
    async with _gateway(box) as gateway:
        box.say(NO_TEMPERATURE)
        answer = await gateway.complete(BODY)
        assert [("temperature" in seen.body, seen.body["seed"]) for seen in box.seen] == [(True, 5), (False, 5)]
        assert answer["choices"][0]["message"]["content"] == "Hello there"
        assert answer["ingate"]["dropped"] == ["temperature"]
        assert "temperature" in answer["ingate"]["warnings"][0]
        box.seen.clear()
        later = await gateway.complete(BODY)
        assert ["temperature" in seen.body for seen in box.seen] == [False]
        assert later["ingate"]["dropped"] == ["temperature"]
        await gateway.complete({**BODY, "model": "box/other-model"})
        assert "temperature" in box.seen[-1].body, "another model may accept it"


async def test_a_stream_is_repeated_too(box: Upstream):
    async with _gateway(box) as gateway:
        box.say(NO_TEMPERATURE, Reply(events=chunks("Hel", "lo")))
        got = [chunk async for chunk in gateway.stream(BODY)]
        text = "".join(choice["delta"].get("content") or "" for chunk in got for choice in chunk["choices"])
        assert text == "Hello"
        assert got[0]["ingate"]["dropped"] == ["temperature"]
        assert ["temperature" in seen.body for seen in box.seen] == [True, False]


async def test_only_one_more_attempt_is_made_and_each_call_learns_one_thing(box: Upstream):
    async with _gateway(box) as gateway:
        box.say(NO_TEMPERATURE, NO_SEED)
        with pytest.raises(BadRequestError, match="seed"):
            await gateway.complete(BODY)
        assert len(box.seen) == 2


async def test_what_did_not_help_is_not_remembered(box: Upstream):
    async with _gateway(box) as gateway:
        box.say(NO_TEMPERATURE, NO_TEMPERATURE)
        with pytest.raises(BadRequestError):
            await gateway.complete(BODY)
        box.seen.clear()
        await gateway.complete(BODY)
        assert "temperature" in box.seen[0].body


async def test_under_the_strict_policy_the_fix_says_what_would_be_changed_and_nothing_is_sent_again(box: Upstream):
    async with _gateway(box) as gateway:
        box.say(NO_TEMPERATURE)
        with pytest.raises(BadRequestError) as caught:
            await gateway.complete({**BODY, "model": "box/new-model?drop_params=strict"})
        assert len(box.seen) == 1
        assert "leave out temperature" in caught.value.fix
        assert "drop_params" in caught.value.fix
        assert caught.value.param == "temperature"


async def test_a_silent_policy_reports_no_warning(box: Upstream):
    async with _gateway(box) as gateway:
        box.say(NO_TEMPERATURE)
        answer = await gateway.complete({**BODY, "model": "box/new-model?drop_params=drop"})
        assert answer["ingate"]["dropped"] == ["temperature"]
        assert answer["ingate"]["warnings"] == []


@pytest.mark.parametrize(
    "reply",
    [
        _rejection("the messages are invalid"),
        _rejection("max_tokens must be at most 100"),
        _rejection("This model's maximum context length is 8 tokens, and temperature is not supported"),
        Reply(status=401, body={"error": {"message": "temperature is not supported"}}),
        Reply(status=500, body={"error": {"message": "temperature is not supported"}}),
    ],
)
async def test_other_errors_are_raised_at_once(box: Upstream, reply: Reply):
    async with _gateway(box) as gateway:
        box.say(reply)
        with pytest.raises(Exception, match=r"box|new-model"):
            await gateway.complete(BODY)
        assert len(box.seen) == 1


async def test_efforts_that_the_message_lists_are_used(box: Upstream):
    async with _gateway(box) as gateway:
        box.say(_rejection("`reasoning_effort` must be one of `low` or `high`"))
        await gateway.complete({**BODY, "reasoning_effort": "none"})
        assert [seen.body.get("reasoning_effort") for seen in box.seen] == ["none", "low"]


async def test_a_rule_for_names_of_tools_is_learned_and_the_answer_has_the_callers_names(box: Upstream):
    tool = {"type": "function", "function": {"name": "read-file", "parameters": {"type": "object", "properties": {}}}}
    call = {"id": "c1", "type": "function", "function": {"name": "read_file", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    box.say(
        _rejection("tools[0].function.name: must match the pattern ^[a-zA-Z0-9_]{1,64}$"),
        Reply(body={"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}),
    )
    async with _gateway(box) as gateway:
        answer = await gateway.complete({**BODY, "tools": [tool]})
    assert [seen.body["tools"][0]["function"]["name"] for seen in box.seen] == ["read-file", "read_file"]
    assert answer["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "read-file"


async def test_the_rejection_of_a_request_that_was_passed_through_is_explained(box: Upstream):
    config = {"servers": {"box": {"base_url": box.url, "wire_format": "responses"}}}
    async with Gateway(config, retries=0) as gateway:
        box.say(NO_TEMPERATURE)
        body = {"model": "box/new-model", "input": "hi", "temperature": 0.3}
        with pytest.raises(BadRequestError) as caught:
            await gateway.respond(ApiRequest(api="responses", body=body, headers={}))
    assert len(box.seen) == 1
    assert box.seen[0].body["temperature"] == 0.3
    assert "passed through unchanged" in caught.value.fix
    assert "leave out temperature" in caught.value.fix
