"""A rejected parameter is left out once, reported, and not sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ingate import Gateway
from ingate.errors import BadRequestError, UnavailableError
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
NO_STOP = _rejection("Argument not supported on this model: stop")


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


async def test_only_one_more_attempt_is_made_for_each_call_and_both_rejections_are_remembered(box: Upstream):
    async with _gateway(box) as gateway:
        box.say(NO_TEMPERATURE, NO_SEED)
        with pytest.raises(BadRequestError, match="seed") as caught:
            await gateway.complete(BODY)
        assert [("temperature" in seen.body, "seed" in seen.body) for seen in box.seen] == [(True, True), (False, True)]
        assert caught.value.fix == "call again: ingate will leave out seed"
        box.seen.clear()
        answer = await gateway.complete(BODY)
        assert [("temperature" in seen.body, "seed" in seen.body) for seen in box.seen] == [(False, False)]
        assert sorted(answer["ingate"]["dropped"]) == ["seed", "temperature"]


async def test_of_three_rejections_the_second_call_meets_the_third(box: Upstream):
    async with _gateway(box) as gateway:
        box.say(NO_TEMPERATURE, NO_SEED, NO_STOP)
        with pytest.raises(BadRequestError, match="seed"):
            await gateway.complete({**BODY, "stop": ["x"]})
        answer = await gateway.complete({**BODY, "stop": ["x"]})
        assert sorted(answer["ingate"]["dropped"]) == ["seed", "stop", "temperature"]
        assert len(box.seen) == 4


async def test_a_rejection_of_several_parameters_takes_one_attempt(box: Upstream):
    async with _gateway(box) as gateway:
        box.say(_rejection("Unrecognized request arguments supplied: temperature, seed"))
        answer = await gateway.complete(BODY)
        assert len(box.seen) == 2
        assert answer["ingate"]["dropped"] == ["temperature", "seed"]


async def test_what_was_learned_is_kept_though_the_second_attempt_failed_for_another_reason(box: Upstream):
    async with _gateway(box) as gateway:
        box.say(NO_TEMPERATURE, Reply(status=503, body={"error": {"message": "overloaded"}}))
        with pytest.raises(UnavailableError):
            await gateway.complete(BODY)
        box.seen.clear()
        await gateway.complete(BODY)
        assert ["temperature" in seen.body for seen in box.seen] == [False]


async def test_a_retry_after_a_rejection_reports_each_change_once(box: Upstream):
    async with _gateway(box) as gateway:
        box.say(NO_TEMPERATURE, Reply(status=503, headers={"retry-after-ms": "1"}, body={"error": {"message": "busy"}}))
        answer = await gateway.complete(BODY, retries=1)
        assert ["temperature" in seen.body for seen in box.seen] == [True, False, False]
        assert answer["ingate"]["dropped"] == ["temperature"]
        assert len(answer["ingate"]["warnings"]) == 1


async def test_other_gateways_of_the_process_know_it_but_not_another_server_of_the_name(box: Upstream):
    async with _gateway(box) as gateway:
        box.say(NO_TEMPERATURE)
        await gateway.complete(BODY)
    box.seen.clear()
    async with _gateway(box) as gateway:
        await gateway.complete(BODY)
    assert ["temperature" in seen.body for seen in box.seen] == [False]
    with upstream() as other:
        async with _gateway(other) as gateway:
            await gateway.complete(BODY)
        assert ["temperature" in seen.body for seen in other.seen] == [True]


async def test_a_fallback_is_rejected_and_repeated_as_well(box: Upstream):
    async with _gateway(box) as gateway:
        box.say(Reply(status=503, body={"error": {"message": "down"}}), NO_TEMPERATURE)
        answer = await gateway.complete({**BODY, "model": "box/first, box/second"})
        assert [(seen.body["model"], "temperature" in seen.body) for seen in box.seen] == [
            ("first", True),
            ("second", True),
            ("second", False),
        ]
        assert answer["ingate"]["spec"] == "box/second"
        assert answer["ingate"]["dropped"] == ["temperature"]


@pytest.mark.parametrize(
    ("message", "given", "sent"),
    [
        (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
            {"max_tokens": 50},
            {"max_completion_tokens": 50},
        ),
        ("Unknown parameter: 'max_completion_tokens'", {"max_completion_tokens": 50}, {"max_tokens": 50}),
        (
            "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
            {"temperature": 0.3, "top_p": 0.5},
            {"temperature": 0.3},
        ),
        ("Reasoning is mandatory for this endpoint.", {"reasoning_effort": "none"}, {"reasoning_effort": "low"}),
        ("reasoning_effort `max` is not supported", {"reasoning_effort": "max"}, {"reasoning_effort": "high"}),
        ("json mode is not supported", {"response_format": {"type": "json_object"}}, {}),
    ],
)
async def test_the_closest_accepted_request_follows(
    box: Upstream, message: str, given: dict[str, Any], sent: dict[str, Any]
):
    plain = {"model": "box/new-model", "messages": BODY["messages"]}
    async with _gateway(box) as gateway:
        box.say(_rejection(message))
        answer = await gateway.complete({**plain, **given})
    assert len(box.seen) == 2
    assert {
        name: value for name, value in box.seen[1].body.items() if name not in {"model", "messages", "stream"}
    } == sent
    assert answer["choices"][0]["message"]["content"] == "Hello there"


async def test_ids_of_calls_are_replaced_where_they_are_rejected(box: Upstream):
    call = {"id": "call_" + "x" * 60, "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": "1"},
    ]
    error = _rejection(
        "Invalid 'messages[1].tool_calls[0].id': string too long. Expected a string with maximum length 40.",
        param="messages[1].tool_calls[0].id",
        code="string_above_max_length",
    )
    async with _gateway(box) as gateway:
        box.say(error)
        await gateway.complete({"model": "box/new-model", "messages": messages})
    _, made, result = box.seen[1].body["messages"]
    assert len(made["tool_calls"][0]["id"]) == 40
    assert made["tool_calls"][0]["id"] == result["tool_call_id"]


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
