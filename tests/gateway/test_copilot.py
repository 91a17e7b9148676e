"""GitHub Copilot on the native lane: its login, its headers, its three endpoints, and how its answers differ."""

from __future__ import annotations

import asyncio
import json
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from ingate import Gateway
from ingate.engines import auth_copilot
from ingate.errors import (
    AuthenticationError,
    IngateError,
    MissingCredentialsError,
    PermissionDeniedError,
    RateLimitError,
    UnavailableError,
)
from support.copilot import CHAT, LOGIN, MESSAGE, RESPONSE, chunks, copilot, sse, store_login, turn_by_turn

if TYPE_CHECKING:
    from pathlib import Path

    from support.copilot import Copilot

USER = {"role": "user", "content": "Hi"}
HI: dict[str, Any] = {"model": "github_copilot/gpt-4.1", "messages": [USER]}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
LOGIN_COMMAND = "litellm.llms.github_copilot.authenticator"
NO_SUBSCRIPTION = {
    "can_signup_for_limited": True,
    "error_details": {
        "message": "No access to GitHub Copilot found. You are currently logged in as someone.",
        "notification_id": "no_copilot_access",
        "title": "Signup for GitHub Copilot",
        "url": "https://github.com/features/copilot",
    },
    "message": "Resource not accessible by integration",
}


def text_of(answer: dict[str, Any]) -> Any:
    return answer["choices"][0]["message"]["content"]


# The login


async def test_a_stored_login_is_exchanged_once_and_calls_go_where_the_token_belongs(
    monkeypatch: pytest.MonkeyPatch, clean_environment: Path
) -> None:
    async with copilot(monkeypatch, clean_environment) as far, Gateway({}, retries=0) as gateway:
        for _ in range(3):
            answer = await gateway.complete(HI)
            assert text_of(answer) == "Hello"
        assert answer["ingate"]["engine"] == "native"
        assert far.exchanges == 1
        assert [path for path, _ in far.bodies] == ["/individual/chat/completions"] * 3
        assert len({talk.headers["x-request-id"] for talk in far.calls}) == 3
        assert far.calls[0].headers["x-initiator"] == "user"


async def test_a_base_url_of_ones_own_comes_before_the_tokens(
    monkeypatch: pytest.MonkeyPatch, clean_environment: Path
) -> None:
    async with copilot(monkeypatch, clean_environment) as far:
        monkeypatch.setenv("GITHUB_COPILOT_API_BASE", f"{far.root}/mine/")
        async with Gateway({}, retries=0) as gateway:
            await gateway.complete(HI)
        async with Gateway({"github_copilot": {"headers": {"X-Initiator": "agent"}}}, retries=0) as gateway:
            await gateway.complete(HI)
        assert [path for path, _ in far.bodies] == ["/mine/chat/completions"] * 2
        assert [talk.headers["x-initiator"] for talk in far.calls] == ["user", "agent"]


async def test_calls_of_many_event_loops_wait_for_one_exchange(
    monkeypatch: pytest.MonkeyPatch, clean_environment: Path
) -> None:
    async with copilot(monkeypatch, clean_environment) as far:
        far.gate.clear()
        answers: list[Any] = []

        async def ask(count: int) -> None:
            async with Gateway({}, retries=0) as gateway:
                answers.extend(await asyncio.gather(*(gateway.complete(HI) for _ in range(count))))

        threads = [threading.Thread(target=lambda: asyncio.run(ask(10))) for _ in range(3)]
        for thread in threads:
            thread.start()
        own = asyncio.create_task(ask(10))
        while not far.exchanges:
            await asyncio.sleep(0)
        await asyncio.sleep(0.2)  # time for a second exchange, if there were one
        assert far.exchanges == 1
        far.gate.set()
        await own
        for thread in threads:
            await asyncio.to_thread(thread.join)
        assert len(answers) == 40
        assert far.exchanges == 1


async def test_a_token_is_replaced_when_github_says_so_whatever_this_clock_shows(
    monkeypatch: pytest.MonkeyPatch, clean_environment: Path
) -> None:
    now = SimpleNamespace(time=lambda: 5000.0)
    monkeypatch.setattr(auth_copilot, "time", now)
    async with copilot(monkeypatch, clean_environment, refresh_in=100) as far, Gateway({}, retries=0) as gateway:
        await gateway.complete(HI)  # expires_at is long past by this clock
        now.time = lambda: 5099.0
        await gateway.complete(HI)
        assert far.exchanges == 1
        now.time = lambda: 5101.0
        await gateway.complete(HI)
        assert far.exchanges == 2
        tokens = [talk.headers["authorization"] for talk in far.calls]
        assert tokens[0] == tokens[1] != tokens[2]


async def test_without_refresh_in_a_token_is_used_until_shortly_before_it_expires(
    monkeypatch: pytest.MonkeyPatch, clean_environment: Path
) -> None:
    monkeypatch.setattr(auth_copilot, "time", SimpleNamespace(time=lambda: -1000.0))  # expires_at is 1
    async with copilot(monkeypatch, clean_environment, refresh_in=None) as far, Gateway({}, retries=0) as gateway:
        await gateway.complete(HI)
        await gateway.complete(HI)
        assert far.exchanges == 1
        monkeypatch.setattr(auth_copilot, "time", SimpleNamespace(time=lambda: -50.0))
        await gateway.complete(HI)
        assert far.exchanges == 2


async def test_a_cancelled_call_does_not_take_the_token_from_the_others(
    monkeypatch: pytest.MonkeyPatch, clean_environment: Path
) -> None:
    async with copilot(monkeypatch, clean_environment) as far, Gateway({}, retries=0) as gateway:
        far.gate.clear()
        first = asyncio.create_task(gateway.complete(HI))
        while not far.exchanges:
            await asyncio.sleep(0)
        others = [asyncio.create_task(gateway.complete(HI)) for _ in range(3)]
        await asyncio.sleep(0.05)
        first.cancel()
        others[0].cancel()
        far.gate.set()
        results = await asyncio.gather(first, *others, return_exceptions=True)
        assert [type(one) for one in results[:2]] == [asyncio.CancelledError] * 2
        assert [text_of(one) for one in results[2:] if isinstance(one, dict)] == ["Hello", "Hello"]
        assert far.exchanges == 2


async def test_no_login_is_an_error_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, clean_environment: Path
) -> None:
    async with copilot(monkeypatch, clean_environment) as far:
        file = store_login(clean_environment, "  \n")
        async with Gateway({}, retries=0) as gateway:
            with pytest.raises(MissingCredentialsError, match="holds no login") as blank:
                await gateway.complete(HI)
            file.unlink()
        async with Gateway({}, retries=0) as gateway:
            with pytest.raises(MissingCredentialsError, match="github_copilot needs a login") as none:
                await gateway.complete(HI)
            assert gateway.readiness().check("github_copilot/gpt-4.1").state == "attention"
        for error in (blank.value, none.value):
            assert LOGIN_COMMAND in error.fix
        assert (far.exchanges, far.calls) == (0, [])


@pytest.mark.parametrize(
    ("status", "body", "kind", "words", "fix"),
    [
        (401, {"message": "Bad credentials", "status": "401"}, AuthenticationError, "does not accept", LOGIN_COMMAND),
        (404, {"message": "Not Found"}, AuthenticationError, "does not accept", "rm ~/.config/litellm"),
        (403, NO_SUBSCRIPTION, PermissionDeniedError, "No access to GitHub Copilot", "github.com/features/copilot"),
        (403, NO_SUBSCRIPTION, PermissionDeniedError, "no access to Copilot", LOGIN_COMMAND),
        (403, {}, PermissionDeniedError, "no subscription", "https://github.com/settings/copilot"),
        (403, {"message": "API rate limit exceeded for user ID 1."}, RateLimitError, "limits the requests", ""),
        (429, {"message": f"slow down {LOGIN}"}, RateLimitError, "limits the requests", ""),
        (503, {}, UnavailableError, "failed (503)", ""),
        (200, {"message": "hello"}, UnavailableError, "returned no token", "try again"),
        (200, ["hello"], UnavailableError, "returned no token", "try again"),
    ],
)
async def test_each_refusal_of_the_exchange_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
    clean_environment: Path,
    status: int,
    body: Any,
    kind: type[IngateError],
    words: str,
    fix: str,
) -> None:
    async with (
        copilot(monkeypatch, clean_environment, token_status=status, token_body=body) as far,
        Gateway({}, retries=0) as gateway,
    ):
        with pytest.raises(kind) as found:
            await gateway.complete(HI)
        error = found.value
        assert type(error) is kind
        assert words in str(error)
        assert fix in error.fix
        assert error.provider == "github_copilot"
        assert LOGIN not in f"{error!r} {error.fix} {error.provider_message}"
        assert far.calls == []


async def test_every_waiting_call_gets_the_refusal_and_the_next_one_tries_again(
    monkeypatch: pytest.MonkeyPatch, clean_environment: Path
) -> None:
    async with (
        copilot(monkeypatch, clean_environment, token_status=403, token_body=NO_SUBSCRIPTION) as far,
        Gateway({}, retries=0) as gateway,
    ):
        far.gate.clear()
        calls = [asyncio.create_task(gateway.complete(HI)) for _ in range(4)]
        while not far.exchanges:
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)
        far.gate.set()
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(one) for one in results] == [PermissionDeniedError] * 4
        assert len({id(one) for one in results}) == 4
        assert far.exchanges == 1
        far.token_status, far.token_body = 200, None
        assert text_of(await gateway.complete(HI)) == "Hello"


async def test_github_out_of_reach_is_named(monkeypatch: pytest.MonkeyPatch, clean_environment: Path) -> None:
    store_login(clean_environment)
    monkeypatch.setenv("GITHUB_COPILOT_API_KEY_URL", "http://127.0.0.1:9/token")
    async with Gateway({}, retries=0) as gateway:
        with pytest.raises(UnavailableError, match="nothing listens at http") as found:
            await gateway.complete(HI)
    assert found.value.provider == "github_copilot"


async def test_a_token_that_copilot_no_longer_accepts_is_replaced(
    monkeypatch: pytest.MonkeyPatch, clean_environment: Path
) -> None:
    async with copilot(monkeypatch, clean_environment) as far:
        async with Gateway({}, retries=0) as gateway:
            await gateway.complete(HI)
            far.good.clear()
            with pytest.raises(AuthenticationError) as found:
                await gateway.complete(HI)
            assert found.value.retryable
            assert "canary" not in f"{found.value} {found.value.provider_message}"
        far.good.clear()
        async with Gateway({}, retries=1) as gateway:
            assert text_of(await gateway.complete(HI)) == "Hello"
        assert far.exchanges == 2
        far.good.clear()
        async with Gateway({}, retries=1) as gateway:
            assert text_of(await gateway.complete(HI)) == "Hello"
        assert far.exchanges == 3


async def test_the_litellm_lane_still_reads_the_login_itself(
    monkeypatch: pytest.MonkeyPatch, clean_environment: Path
) -> None:
    store_login(clean_environment)
    async with Gateway({}) as gateway:
        (spec,) = gateway.router.specs("litellm.github_copilot/gpt-4.1")
        route = gateway.router.route(spec)
        assert (route.engine, route.credential.api_key, route.api_base) == ("litellm", None, None)


# Headers that depend on the content


@pytest.mark.parametrize(
    ("messages", "initiator"),
    [
        ([USER], "user"),
        ([USER, {"role": "assistant", "content": "Hello"}, USER], "user"),
        ([USER, {"role": "assistant", "content": None, "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "call_1", "content": "x"}], "agent"),
        ([USER, {"role": "assistant", "content": "Hel"}], "agent"),
        ([{"role": "user", "content": [{"type": "text", "text": "See"}, IMAGE]}], "user"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("model", ["gpt-4.1", "gpt-5.5", "claude-sonnet-4.6"])
async def test_translated_requests_say_who_started_the_turn_and_whether_there_are_images(
    monkeypatch: pytest.MonkeyPatch, clean_environment: Path, messages: list[Any], initiator: str, model: str
) -> None:
    async with copilot(monkeypatch, clean_environment) as far, Gateway({}, retries=0) as gateway:
        answer = await gateway.complete({"model": f"github_copilot/{model}", "messages": messages})
        assert text_of(answer) == "Hello"
        (talk,) = far.calls
        end = {"gpt-4.1": "/chat/completions", "gpt-5.5": "/responses", "claude-sonnet-4.6": "/v1/messages"}[model]
        assert far.bodies[0][0] == f"/individual{end}"
        # Claude's newer models refuse a conversation that ends with an answer, so that a user's turn may follow it.
        if not (model.startswith("claude") and messages[-1]["role"] == "assistant"):
            assert talk.headers["x-initiator"] == initiator
        assert ("copilot-vision-request" in talk.headers) is ("image_url" in json.dumps(messages))


# Passed through


async def test_responses_are_passed_through_as_they_are(
    monkeypatch: pytest.MonkeyPatch, clean_environment: Path
) -> None:
    body = {
        "model": "github_copilot/gpt-5.5",
        "tomorrow": {"x": 1},
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "abc"},
            {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_1", "output": "x"},
        ],
    }
    async with copilot(monkeypatch, clean_environment) as far, Gateway({}, retries=0) as gateway:
        answer = await gateway.complete(body, api="responses")
        assert {name: value for name, value in answer.items() if name != "ingate"} == RESPONSE
        assert far.bodies == [("/individual/responses", {**body, "model": "gpt-5.5"})]
        assert far.calls[0].headers["x-initiator"] == "agent"
        assert far.calls[0].headers["openai-intent"] == "conversation-panel"


async def test_ids_of_an_earlier_turn_stay_behind_because_copilot_refuses_them(
    monkeypatch: pytest.MonkeyPatch, clean_environment: Path
) -> None:
    earlier = [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "abc"},
        {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "Hello"}]},
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "x"},
    ]
    async with copilot(monkeypatch, clean_environment) as far, Gateway({}, retries=0) as gateway:
        await gateway.complete({"model": "github_copilot/gpt-5.5", "input": earlier}, api="responses")
        sent = far.bodies[0][1]["input"]
        bare = [{name: value for name, value in item.items() if name != "id"} for item in earlier]
        assert sent == [earlier[0], *bare[1:]]


async def test_messages_are_passed_through_as_they_are(
    monkeypatch: pytest.MonkeyPatch, clean_environment: Path
) -> None:
    body = {
        "model": "github_copilot/claude-opus-5",
        "max_tokens": 64,
        "tomorrow": [1],
        "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "look", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "x"}]},
        ],
    }
    async with copilot(monkeypatch, clean_environment) as far, Gateway({}, retries=0) as gateway:
        answer = await gateway.complete(body, api="messages", headers={"anthropic-beta": "b1,b2"})
        assert {**answer, "model": "claude-opus-5"} == {**MESSAGE, "ingate": answer["ingate"]}
        assert answer["model"] == "github_copilot/claude-opus-5"
        assert far.bodies == [("/individual/v1/messages", {**body, "model": "claude-opus-5"})]
        headers = far.calls[0].headers
        assert (headers["anthropic-beta"], headers["x-initiator"]) == ("b1,b2", "agent")
        assert (headers["openai-intent"], headers["x-interaction-type"]) == ("messages-proxy", "messages-proxy")
        assert "x-api-key" not in headers


async def test_a_claude_model_whose_entry_has_only_chat_is_translated(
    monkeypatch: pytest.MonkeyPatch, clean_environment: Path
) -> None:
    body = {"model": "github_copilot/claude-haiku-4.5", "max_tokens": 4096, "messages": [USER]}
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 2048}}
    async with copilot(monkeypatch, clean_environment) as far, Gateway({}, retries=0) as gateway:
        answer = await gateway.complete({**body, **thinking}, api="messages")
        assert [block["text"] for block in answer["content"]] == ["Hello"]
        await gateway.complete({**body, "reasoning_effort": "max"})
        (first, sent), (_, most) = far.bodies
        assert first == "/individual/chat/completions"
        assert sent["thinking_budget"] == 2048
        assert most["thinking_budget"] == 15_999  # below the 16,000 tokens that the model writes
        assert not {"reasoning_effort", "thinking"} & {*sent, *most}


def rotating(*, enciphered: bool) -> tuple[dict[str, Any], ...]:
    """A stream as Copilot sends it: every id anew in every event, and arguments that cannot be read before their end."""
    numbers = iter(range(1000))

    def new(kind: str) -> str:
        return f"{kind}-{next(numbers)}"

    def item(kind: str, **more: Any) -> dict[str, Any]:
        return {"type": kind, "id": new("item"), **more}

    deltas = ["QUJD", "REVG"] if enciphered else ['{"a"', ":1}"]
    arguments = '{"a":1}'
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": {**RESPONSE, "id": new("resp"), "output": [], "status": "in_progress"}},
        {"type": "response.output_item.added", "output_index": 0, "item": item("reasoning", summary=[])},
        {"type": "response.output_item.done", "output_index": 0, "item": item("reasoning", summary=[], encrypted_content="e0")},
        {"type": "response.output_item.added", "output_index": 1, "item": item("message", role="assistant", status="in_progress", content=[])},
        {"type": "response.content_part.added", "output_index": 1, "item_id": new("item"), "content_index": 0, "part": {"type": "output_text", "text": "", "annotations": []}},
        *({"type": "response.output_text.delta", "output_index": 1, "item_id": new("item"), "content_index": 0, "delta": piece} for piece in ("Hel", "lo")),
        {"type": "response.output_text.done", "output_index": 1, "item_id": new("item"), "content_index": 0, "text": "Hello"},
        {"type": "response.output_item.done", "output_index": 1, "item": item("message", role="assistant", status="completed", content=[{"type": "output_text", "text": "Hello", "annotations": []}])},
        {"type": "response.output_item.added", "output_index": 2, "item": item("function_call", call_id="call_1", name="look", arguments="", status="in_progress")},
        *({"type": "response.function_call_arguments.delta", "output_index": 2, "item_id": new("item"), "delta": piece, "obfuscation": "x"} for piece in deltas),
        {"type": "response.function_call_arguments.done", "output_index": 2, "item_id": new("item"), "arguments": arguments},
        {"type": "response.output_item.done", "output_index": 2, "item": item("function_call", call_id="call_1", name="look", arguments=arguments, status="completed")},
        {"type": "response.tomorrow", "x": {"id": "kept"}},
    ]  # fmt: skip
    output = [
        item("reasoning", summary=[], encrypted_content="e0"),
        item(
            "message",
            role="assistant",
            status="completed",
            content=[{"type": "output_text", "text": "Hello", "annotations": []}],
        ),
        item("function_call", call_id="call_1", name="look", arguments=arguments, status="completed"),
    ]
    events.append({"type": "response.completed", "response": {**RESPONSE, "id": new("resp"), "output": output}})
    return tuple({**event, "sequence_number": place} for place, event in enumerate(events))


def of_place(events: list[dict[str, Any]], place: int) -> list[str]:
    """Every id that events give to one item."""
    found = []
    for event in events:
        if event.get("output_index") == place:
            found += [event[key] for key in ("item_id",) if key in event]
            found += [event["item"]["id"]] if "item" in event else []
        if event["type"] == "response.completed":
            found.append(event["response"]["output"][place]["id"])
    return found


@pytest.mark.parametrize("enciphered", [False, True])
async def test_a_streamed_response_has_one_id_for_each_item_and_readable_arguments(
    monkeypatch: pytest.MonkeyPatch, clean_environment: Path, enciphered: bool
) -> None:
    sent = rotating(enciphered=enciphered)
    body = {"model": "github_copilot/gpt-5.5", "input": "Hi", "stream": True}
    async with (
        copilot(monkeypatch, clean_environment, answers={"/responses": sse(*sent)}) as far,
        Gateway({}, retries=0) as gateway,
    ):
        got = [event async for event in gateway.stream(body, api="responses")]
        assert far.bodies[0][1] == {**body, "model": "gpt-5.5"}
    events = [{name: value for name, value in event.items() if name != "ingate"} for event in got]
    for place in range(3):
        assert len(set(of_place(events, place))) == 1, place
    assert len({event["response"]["id"] for event in events if "response" in event}) == 1
    assert events[-2] == sent[-2]  # an event of tomorrow
    deltas = [event for event in events if event["type"] == "response.function_call_arguments.delta"]
    assert "".join(event["delta"] for event in deltas) == '{"a":1}'
    assert len(deltas) == (1 if enciphered else 2)
    numbers = [event["sequence_number"] for event in events]
    assert numbers == sorted(numbers)
    rest = [event["type"] for event in sent if not event["type"].endswith("arguments.delta")]
    assert [event["type"] for event in events if not event["type"].endswith("arguments.delta")] == rest


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_a_stream_in_pieces_is_repaired_alike(size: int) -> None:
    from ingate.wire.codec import Target
    from ingate.wire.passthrough import ApiRequest, pass_through

    raw = sse(*rotating(enciphered=True))
    request = ApiRequest(api="responses", body={"model": "m", "input": "Hi", "stream": True})
    target = Target(model="m", api_base="https://far", provider="github_copilot", stream=True)

    def repaired(step: int) -> bytes:
        meter = pass_through("responses").meter(request, target)
        out = b"".join(meter.feed(raw[at : at + step]) for at in range(0, len(raw), step)) + meter.close()
        assert meter.done
        assert meter.usage is not None
        return out

    assert repaired(size) == repaired(len(raw))


def test_events_that_need_no_change_keep_their_bytes() -> None:
    from ingate.wire.responses.copilot import CopilotMeter

    raw = b'event: response.created\r\ndata: {"type": "response.created",  "response": {"id": "r"}}\r\n\r\n'
    raw += b': a comment\n\ndata: not JSON\n\ndata: {"type":"response.output_text.delta","delta":"\\u00e9"}\n\n'
    meter = CopilotMeter("github_copilot")
    assert meter.feed(raw) + meter.close() == raw


def test_the_input_of_a_custom_tool_comes_whole() -> None:
    from ingate.wire.responses.copilot import CopilotMeter

    stem = "response.custom_tool_call_input"
    raw = sse(
        {"type": f"{stem}.delta", "output_index": 0, "item_id": "a", "delta": "QUJD"},
        {"type": f"{stem}.delta", "output_index": 0, "item_id": "b", "delta": "REVG"},
        {"type": f"{stem}.done", "output_index": 0, "item_id": "c", "input": "*** Begin Patch"},
        {"type": f"{stem}.delta", "output_index": 1, "item_id": "d", "delta": "as it is"},
        {"type": f"{stem}.done", "output_index": 1, "item_id": "d", "input": "as it is"},
    )
    meter = CopilotMeter("github_copilot")
    out = meter.feed(raw) + meter.close()
    events = [json.loads(line[6:]) for line in out.decode().splitlines() if line.startswith("data: ")]
    assert [event.get("delta", event.get("input")) for event in events] == [
        "*** Begin Patch",
        "*** Begin Patch",
        "as it is",
        "as it is",
    ]
    assert {event["item_id"] for event in events[:2]} == {"a"}


# Chat completions


async def test_one_answer_in_several_choices_becomes_one_choice(
    monkeypatch: pytest.MonkeyPatch, clean_environment: Path
) -> None:
    split = {
        **CHAT,
        "choices": [
            {"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", "content": "I look"}},
            {
                "index": 1,
                "finish_reason": "tool_calls",
                "message": {"role": "assistant", "content": None, "tool_calls": [CALL]},
            },
        ],
    }
    streamed = chunks(
        {"id": "1", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "I "}}]},
        {"id": "1", "choices": [
            {"index": 0, "delta": {"content": "look"}},
            {"index": 1, "delta": {"role": "assistant", "tool_calls": [{**CALL, "index": 0}]}},
        ]},
        {"id": "1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"id": "1", "choices": [{"index": 1, "delta": {}, "finish_reason": "tool_calls"}], "usage": USAGE_TOP},
    )  # fmt: skip
    body = {**HI, "model": "github_copilot/claude-haiku-4.5", "tools": [TOOL], "n": 2}
    answers = {"/chat/completions": lambda sent: streamed if sent.get("stream") else split}
    async with (
        copilot(monkeypatch, clean_environment, answers=answers) as far,
        Gateway({}, retries=0) as gateway,
    ):
        whole = await gateway.complete(body)
        got = [chunk async for chunk in gateway.stream(body)]
        assert "n" in whole["ingate"]["dropped"]
        assert not any("n" in sent for _, sent in far.bodies)
    (choice,) = whole["choices"]
    assert (choice["index"], choice["finish_reason"], choice["message"]["content"]) == (0, "tool_calls", "I look")
    assert choice["message"]["tool_calls"] == [CALL]
    pieces = [choice for chunk in got for choice in chunk["choices"]]
    assert {piece["index"] for piece in pieces} == {0}
    assert "".join(piece["delta"].get("content") or "" for piece in pieces) == "I look"
    assert [piece["finish_reason"] for piece in pieces if piece["finish_reason"]] == ["tool_calls"]
    calls = [call for piece in pieces for call in piece["delta"].get("tool_calls", ())]
    assert [call["id"] for call in calls if "id" in call] == ["call_1"]
    assert got[-1]["usage"]["completion_tokens_details"]["reasoning_tokens"] == 1


USAGE_TOP = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 6, "reasoning_tokens": 1}


async def test_a_message_of_anthropics_in_place_of_choices_is_read(
    monkeypatch: pytest.MonkeyPatch, clean_environment: Path
) -> None:
    answers = {"/chat/completions": {**MESSAGE, "stop_reason": "max_tokens"}}
    body = {**HI, "model": "github_copilot/claude-haiku-4.5"}
    async with copilot(monkeypatch, clean_environment, answers=answers), Gateway({}, retries=0) as gateway:
        answer = await gateway.complete(body)
    assert (text_of(answer), answer["choices"][0]["finish_reason"]) == ("Hello", "length")
    assert answer["usage"]["total_tokens"] == 5


THOUGHT: dict[str, Any] = {
    **CHAT,
    "choices": [
        {
            "index": 0,
            "finish_reason": "tool_calls",
            "message": {
                "role": "assistant",
                "content": None,
                "reasoning_text": "I should look.",
                "reasoning_opaque": "b3BhcXVl+/=",
                "tool_calls": [CALL],
            },
        }
    ],
}
THOUGHT_STREAM = chunks(
    {"id": "1", "choices": [{"index": 0, "delta": {"role": "assistant", "content": None, "reasoning_text": "I should "}}]},
    {"id": "1", "choices": [{"index": 0, "delta": {"role": "assistant", "content": None, "reasoning_text": "look."}}]},
    {"id": "1", "choices": [{"index": 0, "delta": {"role": "assistant", "content": None, "reasoning_opaque": "b3BhcXVl+/=", "tool_calls": [{**CALL, "index": 0}]}}]},
    {"id": "1", "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}], "usage": USAGE_TOP},
)  # fmt: skip


def second_turn(far: Copilot) -> dict[str, Any]:
    """The assistant message that the second request carried."""
    return next(message for message in far.bodies[1][1]["messages"] if message["role"] == "assistant")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("api", ["chat", "responses", "messages"])
async def test_encrypted_reasoning_survives_a_tool_turn_of_every_api(
    monkeypatch: pytest.MonkeyPatch, clean_environment: Path, api: Any, stream: bool
) -> None:
    model = "github_copilot/gemini-4-argon"
    answers = {"/chat/completions": turn_by_turn(THOUGHT_STREAM if stream else THOUGHT, CHAT)}
    async with copilot(monkeypatch, clean_environment, answers=answers) as far, Gateway({}, retries=0) as gateway:
        if api == "chat":
            body: dict[str, Any] = {"model": model, "messages": [USER], "tools": [TOOL]}
            message = await one_message(gateway, body, stream=stream)
            result = {"role": "tool", "tool_call_id": "call_1", "content": "x"}
            await gateway.complete({**body, "messages": [USER, message, result]})
        elif api == "responses":
            tool = {"type": "function", **TOOL["function"]}
            body = {"model": model, "input": [USER], "tools": [tool], "store": False}
            output = await one_output(gateway, body, stream=stream)
            result = {"type": "function_call_output", "call_id": "call_1", "output": "x"}
            await gateway.complete({**body, "input": [USER, *output, result]}, api="responses")
        else:
            tool = {"name": "look", "input_schema": TOOL["function"]["parameters"]}
            body = {"model": model, "max_tokens": 100, "messages": [USER], "tools": [tool]}
            content = await one_content(gateway, body, stream=stream)
            result = {"type": "tool_result", "tool_use_id": "call_1", "content": "x"}
            turns = [USER, {"role": "assistant", "content": content}, {"role": "user", "content": [result]}]
            await gateway.complete({**body, "messages": turns}, api="messages")
        sent = second_turn(far)
        assert sent["reasoning_opaque"] == "b3BhcXVl+/="
        assert sent["reasoning_text"] == "I should look."
        assert sent["tool_calls"][0]["id"] == "call_1"
        assert "reasoning_content" not in sent
        assert far.calls[1].headers["x-initiator"] == "agent"


async def one_message(gateway: Gateway, body: dict[str, Any], *, stream: bool) -> dict[str, Any]:
    from ingate.wire.completion import assemble

    if not stream:
        return (await gateway.complete(body))["choices"][0]["message"]
    return assemble([chunk async for chunk in gateway.stream(body)])["choices"][0]["message"]


async def one_output(gateway: Gateway, body: dict[str, Any], *, stream: bool) -> list[Any]:
    if not stream:
        return (await gateway.complete(body, api="responses"))["output"]
    events = [event async for event in gateway.stream(body, api="responses")]
    return events[-1]["response"]["output"]


async def one_content(gateway: Gateway, body: dict[str, Any], *, stream: bool) -> list[Any]:
    if not stream:
        return (await gateway.complete(body, api="messages"))["content"]
    blocks: dict[int, dict[str, Any]] = {}
    async for event in gateway.stream(body, api="messages"):
        if event["type"] == "content_block_start":
            blocks[event["index"]] = {**event["content_block"], "json": ""}
        elif event["type"] == "content_block_delta":
            delta, block = event["delta"], blocks[event["index"]]
            for key in ("thinking", "signature", "text"):
                if key in delta:
                    block[key] = (block.get(key) or "") + delta[key]
            block["json"] += delta.get("partial_json", "")
    made = []
    for _, block in sorted(blocks.items()):
        text = block.pop("json")
        made.append({**block, "input": json.loads(text or "{}")} if block["type"] == "tool_use" else block)
    return made


async def test_reasoning_of_copilots_other_models_is_not_sent_to_claude(
    monkeypatch: pytest.MonkeyPatch, clean_environment: Path
) -> None:
    message = THOUGHT["choices"][0]["message"]
    history = [USER, {**message, "reasoning_content": "I should look."}]
    history.append({"role": "tool", "tool_call_id": "call_1", "content": "x"})
    async with copilot(monkeypatch, clean_environment) as far, Gateway({}, retries=0) as gateway:
        body = {"model": "github_copilot/claude-sonnet-4.6", "messages": history, "tools": [TOOL]}
        answer = await gateway.complete(body)
        assert "b3BhcXVl" not in json.dumps(far.bodies)
        assert any("left out" in warning for warning in answer["ingate"]["warnings"])


async def test_an_assistants_text_is_sent_in_one_piece_and_foreign_reasoning_is_not(
    monkeypatch: pytest.MonkeyPatch, clean_environment: Path
) -> None:
    parts = [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]
    history = [USER, {"role": "assistant", "content": parts, "reasoning_content": "hm"}, USER]
    async with copilot(monkeypatch, clean_environment) as far, Gateway({}, retries=0) as gateway:
        await gateway.complete({**HI, "messages": history})
        assert far.bodies[0][1]["messages"][1] == {"role": "assistant", "content": "Hello"}


async def test_embeddings_are_asked_for_in_a_list(monkeypatch: pytest.MonkeyPatch, clean_environment: Path) -> None:
    vectors = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "model": "e"}
    async with (
        copilot(monkeypatch, clean_environment, answers={"/embeddings": vectors}) as far,
        Gateway({}, retries=0) as gateway,
    ):
        found = await gateway.embed({"model": "github_copilot/text-embedding-3-small", "input": "Hi"})
        assert found["data"][0]["embedding"] == [0.5]
        assert far.bodies == [("/individual/embeddings", {"model": "text-embedding-3-small", "input": ["Hi"]})]


async def test_the_openai_sdk_follows_a_stream_of_copilots(
    monkeypatch: pytest.MonkeyPatch, clean_environment: Path
) -> None:
    pytest.importorskip("openai")
    from ingate import AsyncIngate

    answers = {"/responses": sse(*rotating(enciphered=True))}
    async with (
        copilot(monkeypatch, clean_environment, answers=answers),
        Gateway({}, retries=0) as gateway,
        AsyncIngate(gateway=gateway) as client,
        client.responses.stream(model="github_copilot/gpt-5.5", input="Hi") as stream,
    ):
        done = [event async for event in stream if event.type == "response.function_call_arguments.done"]
        final = await stream.get_final_response()
    assert final.output_text == "Hello"
    assert [item.type for item in final.output] == ["reasoning", "message", "function_call"]
    assert [event.arguments for event in done] == ['{"a":1}']


async def test_a_response_is_continued_by_its_id_although_copilot_stores_none(
    monkeypatch: pytest.MonkeyPatch, clean_environment: Path
) -> None:
    thought = {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "e0"}
    answers = {"/responses": {**RESPONSE, "output": [thought, *RESPONSE["output"]]}}
    async with copilot(monkeypatch, clean_environment, answers=answers) as far, Gateway({}, retries=0) as gateway:
        body = {"model": "github_copilot/gpt-5.5", "input": "I am Ann."}
        first = await gateway.complete(body, api="responses")
        await gateway.complete({**body, "input": "Who am I?", "previous_response_id": first["id"]}, api="responses")
        sent = far.bodies[1][1]
        assert "previous_response_id" not in sent
        assert [item.get("role") or item["type"] for item in sent["input"]] == [
            "user",
            "reasoning",
            "assistant",
            "user",
        ]
        assert sent["input"][1] == thought
        assert [item for item in sent["input"] if "id" in item] == [thought]
        assert far.calls[1].headers["x-initiator"] == "user"
