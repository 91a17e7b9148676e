"""A turn: answers, tools, cancelled and broken answers, with a scripted engine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from ingate.chat.model import ModelInfo
from ingate.chat.talk import MOST_ROUNDS, STOPPED, Talk
from ingate.chat.tools import LONGEST_RESULT, Tool, Toolbox
from ingate.errors import RateLimitError, StreamInterruptedError, UnavailableError
from support.chat import SPEC, Recorder, log_of, scripted_gateway

if TYPE_CHECKING:
    from ingate.chat.store import Log

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}


def tool(name: str, run: Any, server: str = "calc") -> Tool:
    return Tool(server, name, f"Does {name}.", SCHEMA, run)


def box(*tools: Tool, allow_all: bool = True) -> Toolbox:
    toolbox = Toolbox(allow_all=allow_all)
    toolbox.replace(tools)
    return toolbox


def asked(text: str = "Hello") -> Log:
    log = log_of()
    log.record("user", content=text)
    return log


async def echo(arguments: dict[str, Any]) -> tuple[str, bool]:
    return f"got {arguments}", False


async def test_an_answer_is_shown_kept_and_counted() -> None:
    gateway, engine = scripted_gateway()
    usage = {
        "prompt_tokens": 12,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    engine.enqueue("Blue light scatters.", reasoning="I recall.", usage=usage)
    log, view = asked(), Recorder()
    turn = await Talk(gateway, log, view).answer()
    assert "".join(view.texts) == "Blue light scatters."
    assert "".join(view.reasonings) == "I recall."
    assert (turn.input_tokens, turn.output_tokens, turn.cached_tokens, turn.reasoning_tokens) == (12, 5, 8, 2)
    assert turn.cost_usd == 0.0
    assert turn.first_token_s is not None
    assert log.session.entries[-1].message["content"] == "Blue light scatters."
    assert log.session.turns == [turn]
    assert view.ended == [turn]
    await gateway.aclose()


async def test_a_tool_is_called_and_its_result_answered() -> None:
    gateway, engine = scripted_gateway()
    engine.enqueue_tool_call("add", {"a": 2})
    engine.enqueue("It is four.")
    log, view = asked(), Recorder()
    turn = await Talk(gateway, log, view, box(tool("add", echo))).answer()
    (_, first), (_, second) = engine.requests
    assert first["tools"][0]["function"]["name"] == "add"
    assert second["messages"][-1] == {"role": "tool", "tool_call_id": "call_0", "content": "got {'a': 2}"}
    assert turn.tool_calls == 1
    assert "".join(view.texts) == "It is four."
    assert [entry.role for entry in log.session.entries] == ["user", "assistant", "tool", "assistant"]


async def test_parallel_calls_run_side_by_side() -> None:
    gateway, engine = scripted_gateway()
    engine.enqueue_tool_calls(("one", {}), ("two", {}))
    engine.enqueue("Done.")
    here = asyncio.Barrier(2)

    async def meet(arguments: dict[str, Any]) -> tuple[str, bool]:
        async with asyncio.timeout(5):
            await here.wait()  # one after the other would never meet
        return "met", False

    view = Recorder()
    await Talk(gateway, asked(), view, box(tool("one", meet), tool("two", meet))).answer()
    assert [result.text for _, result in view.results] == ["met", "met"]


async def test_whatever_goes_wrong_with_a_tool_is_reported_to_the_model() -> None:
    gateway, engine = scripted_gateway()

    async def fails(arguments: dict[str, Any]) -> tuple[str, bool]:
        raise RuntimeError("no disk")

    async def talks(arguments: dict[str, Any]) -> tuple[str, bool]:
        return "x" * (LONGEST_RESULT + 1), False

    engine.enqueue_tool_calls(("fails", {}), ("missing", {}), ("echo", "[1, 2]"), ("talks", {}), ("echo", '{"a": '))
    engine.enqueue("I see.")
    await Talk(
        gateway, asked(), Recorder(), box(tool("fails", fails), tool("echo", echo), tool("talks", talks))
    ).answer()
    results = {
        one["tool_call_id"]: one["content"] for one in engine.requests[1][1]["messages"] if one["role"] == "tool"
    }
    assert "RuntimeError: no disk" in results["call_0"]
    assert "There is no tool 'missing'" in results["call_1"]
    assert "fails" in results["call_1"]
    assert "not a JSON object" in results["call_2"]
    assert "not a JSON object" in results["call_4"]
    assert results["call_3"].endswith(f"[truncated: the whole result has {LONGEST_RESULT + 1:,} characters]")


async def test_the_user_is_asked_once_a_tool_or_always_or_refuses() -> None:
    gateway, engine = scripted_gateway()
    for _ in range(2):
        engine.enqueue_tool_call("add", {})
    engine.enqueue("Done.")
    view = Recorder("once")
    await Talk(gateway, asked(), view, box(tool("add", echo), allow_all=False)).answer()
    assert view.asked == ["add", "add"]

    for _ in range(2):
        engine.enqueue_tool_call("add", {})
    engine.enqueue("Done.")
    view = Recorder("always")
    await Talk(gateway, asked(), view, box(tool("add", echo), allow_all=False)).answer()
    assert view.asked == ["add"]

    engine.enqueue_tool_call("add", {})
    engine.enqueue("Then not.")
    view = Recorder("no")
    await Talk(gateway, asked(), view, box(tool("add", echo), allow_all=False)).answer()
    assert view.started == []
    assert "user denied" in engine.requests[-1][1]["messages"][-1]["content"]


async def test_endless_tool_calls_end() -> None:
    gateway, engine = scripted_gateway()
    for _ in range(MOST_ROUNDS + 5):
        engine.enqueue_tool_call("add", {})
    view = Recorder()
    await Talk(gateway, asked(), view, box(tool("add", echo))).answer()
    assert len(engine.requests) == MOST_ROUNDS
    assert "rounds" in view.notes[-1]


async def test_tools_of_the_same_name_get_different_names() -> None:
    toolbox = box(tool("look", echo, "sea"), tool("look", echo, "land"), tool("get.all/now", echo, "sea"))
    assert list(toolbox.named) == ["sea_look", "land_look", "get_all_now"]
    assert toolbox.named["land_look"].server == "land"
    same = box(*(tool("look", echo, "sea") for _ in range(3)))
    assert len(same.named) == 3


async def test_a_stopped_answer_keeps_what_came() -> None:
    gateway, engine = scripted_gateway()
    engine.enqueue(["One ", "two ", "three "] * 100, delay_s=0.01)
    log, view = asked(), Recorder()
    task = asyncio.create_task(Talk(gateway, log, view).answer())
    while len(view.texts) < 3:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    entry = log.session.entries[-1]
    assert entry.stopped == STOPPED
    assert entry.message["content"].startswith("One two three")
    assert engine.cancelled == 1
    engine.enqueue("Four.")
    log.record("user", content="Go on")
    await Talk(gateway, log, Recorder()).answer()
    assert [one["role"] for one in engine.requests[-1][1]["messages"]] == ["user", "assistant", "user"]


async def test_a_stopped_tool_leaves_a_history_that_can_be_sent() -> None:
    gateway, engine = scripted_gateway()
    engine.enqueue_tool_call("wait", {})
    started = asyncio.Event()

    async def wait(arguments: dict[str, Any]) -> tuple[str, bool]:
        started.set()
        await asyncio.Event().wait()
        return "", False

    log = asked()
    task = asyncio.create_task(Talk(gateway, log, Recorder(), box(tool("wait", wait))).answer())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    log.record("user", content="Never mind")
    await Talk(gateway, log, Recorder()).answer()
    messages = engine.requests[-1][1]["messages"]
    assert messages[2]["role"] == "tool"
    assert "stopped" in messages[2]["content"]


async def test_a_broken_stream_keeps_the_partial_answer() -> None:
    gateway, engine = scripted_gateway()
    engine.enqueue("Half an answer", breaks_with=UnavailableError("connection lost"))
    log = asked()
    with pytest.raises(StreamInterruptedError):
        await Talk(gateway, log, Recorder()).answer()
    assert log.session.entries[-1].message["content"] == "Half an answer"
    assert "was interrupted" in log.session.entries[-1].stopped
    assert log.session.entries[-1].provider == "scripted"
    assert log.session.turns[0].cost_usd is None, "what a broken answer cost is unknown"


async def test_an_error_before_the_first_token_leaves_the_question_alone() -> None:
    gateway, engine = scripted_gateway()
    engine.enqueue(RateLimitError("slow down"))
    log = asked()
    with pytest.raises(RateLimitError):
        await Talk(gateway, log, Recorder()).answer()
    assert [entry.role for entry in log.session.entries] == ["user"]
    assert log.session.turns == []


async def test_reasoning_with_a_signature_goes_back_with_the_tool_turn() -> None:
    gateway, engine = scripted_gateway()
    block = {"type": "thinking", "thinking": "hm", "signature": "sig"}
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    delta = {"role": "assistant", "reasoning_content": "hm", "thinking_blocks": [block], "tool_calls": [call]}
    engine.enqueue(
        [
            {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
        ]
    )
    engine.enqueue("Done.")
    await Talk(gateway, asked(), Recorder(), box(tool("add", echo))).answer()
    assert engine.requests[1][1]["messages"][1]["thinking_blocks"] == [block]


class Clock:
    """Seconds that pass only if a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr("ingate.chat.talk.time.perf_counter", lambda: self.now)


class ChunkGateway:
    """A gateway that streams what it is given: seconds that pass, dicts, or an error."""

    def __init__(self, clock: Clock, *answers: list[Any]) -> None:
        self.clock = clock
        self.answers = list(answers)
        self.bodies: list[dict[str, Any]] = []

    async def stream(self, body: dict[str, Any]) -> Any:
        self.bodies.append(body)
        for one in self.answers.pop(0):
            if isinstance(one, float):
                self.clock.now += one
            elif isinstance(one, Exception):
                raise one
            else:
                yield one


def piece(delta: dict[str, Any], index: int = 0, finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": delta, "finish_reason": finish}], **more}


async def talked(gateway: ChunkGateway, *tools: Tool, log: Log | None = None) -> tuple[Any, Recorder, Log]:
    log, view = log or asked(), Recorder()
    talk = Talk(gateway, log, view, box(*tools), model=ModelInfo(spec="a/b", provider="a"))  # ty: ignore[invalid-argument-type]
    return await talk.answer(), view, log


async def test_time_is_counted_from_the_request_and_from_the_first_token(monkeypatch: pytest.MonkeyPatch) -> None:
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    first = [1.0, piece({"role": "assistant"}), 2.0, piece({"tool_calls": [call]}), 3.0, piece({}, finish="tool_calls")]
    second = [10.0, piece({"role": "assistant", "content": "Done."}), 4.0, piece({}, finish="stop")]
    turn, _, log = await talked(ChunkGateway(Clock(monkeypatch), first, second), tool("add", echo))
    assert turn.first_token_s == pytest.approx(3.0), "a role is not a token, and a tool call is"
    assert turn.seconds == pytest.approx(3.0 + 4.0), "the wait for the second answer is not writing"
    assert log.session.turns == [turn]


async def test_only_the_first_choice_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    two = {"choices": [{"index": 1, "delta": {"content": "other"}}, {"index": 0, "delta": {"content": "mine"}}]}
    chunks = [two, piece({"content": " other"}, index=1), piece({"content": "!"}), piece({}, finish="stop")]
    _, view, log = await talked(ChunkGateway(Clock(monkeypatch), chunks))
    assert view.texts == ["mine", "!"]
    assert log.session.entries[-1].message["content"] == "mine!"


async def test_a_refusal_is_shown_and_kept_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    chunks = [piece({"role": "assistant", "refusal": "I will not."}), piece({}, finish="stop")]
    turn, view, log = await talked(ChunkGateway(Clock(monkeypatch), chunks))
    assert view.texts == ["I will not."]
    assert log.session.entries[-1].message == {"role": "assistant", "content": "I will not."}
    assert turn.first_token_s is not None


async def test_the_provider_that_answered_is_kept_with_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a fallback it is another one than the first model's."""
    metadata = {"provider": "groq", "cost_usd": 0.5, "warnings": ["careful", "careful"], "dropped": ["seed", "n"]}
    chunks = [piece({"content": "Hi"}), piece({}, finish="stop"), {"choices": [], "usage": {}, "ingate": metadata}]
    turn, view, log = await talked(ChunkGateway(Clock(monkeypatch), chunks))
    assert log.session.entries[-1].provider == "groq"
    assert turn.cost_usd == 0.5
    assert view.notes == ["careful", "Left out, since the model does not support it: seed, n"]
    _, _, plain = await talked(ChunkGateway(Clock(monkeypatch), [piece({"content": "Hi"}), piece({}, finish="stop")]))
    assert plain.session.entries[-1].provider == "a"


async def test_a_stream_without_chunks_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    log = asked()
    with pytest.raises(UnavailableError, match="empty answer"):
        await talked(ChunkGateway(Clock(monkeypatch), []), log=log)
    assert [entry.role for entry in log.session.entries] == ["user"]


async def test_tools_are_offered_only_if_there_are_some(monkeypatch: pytest.MonkeyPatch) -> None:
    chunks = [piece({"content": "Hi"}), piece({}, finish="stop")]
    gateway = ChunkGateway(Clock(monkeypatch), chunks, chunks)
    await talked(gateway)
    await talked(gateway, tool("add", echo))
    assert "tools" not in gateway.bodies[0]
    assert gateway.bodies[1]["tools"] == [
        {"type": "function", "function": {"name": "add", "description": "Does add.", "parameters": SCHEMA}}
    ]


async def test_a_stopped_answer_keeps_no_tool_call_and_no_signature() -> None:
    gateway, engine = scripted_gateway()
    delta = {"role": "assistant", "content": "Let me add.", "reasoning_content": "hm"}
    signed = {**delta, "thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "sig"}]}
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    engine.enqueue(
        [
            {"choices": [{"index": 0, "delta": signed, "finish_reason": None}]},
            {"choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}]},
        ],
        breaks_with=UnavailableError("connection lost"),
    )
    log = asked()
    with pytest.raises(StreamInterruptedError):
        await Talk(gateway, log, Recorder()).answer()
    entry = log.session.entries[-1]
    assert entry.message == {"role": "assistant", "content": "Let me add.", "reasoning_content": "hm"}
    assert entry.stopped
    await gateway.aclose()


class Events(Recorder):
    """Everything that a view is told, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[str] = []

    def begin(self, spec: str) -> None:
        self.events.append(f"begin {spec}")

    def reasoning(self, text: str) -> None:
        self.events.append(f"reasoning {text}")

    def text(self, text: str) -> None:
        self.events.append(f"text {text}")

    def settle(self) -> None:
        self.events.append("settle")

    def note(self, text: str) -> None:
        self.events.append(f"note {text}")

    def end(self, turn: Any) -> None:
        self.events.append(f"end {turn.spec}")

    async def allow(self, call: Any) -> Any:
        self.events.append(f"allow {call.name}")
        return "once"

    def tool_started(self, call: Any) -> None:
        self.events.append(f"started {call.name}")

    def tool_ended(self, call: Any, result: Any) -> None:
        self.events.append(f"ended {call.name} {result.text}")


async def test_a_turn_is_told_in_the_order_in_which_it_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    first = [
        piece({"role": "assistant", "reasoning_content": "Hm."}),
        piece({"content": "I add."}),
        piece({"tool_calls": [call]}),
        piece({}, finish="tool_calls"),
    ]
    gateway = ChunkGateway(Clock(monkeypatch), first, [piece({"content": "5."}), piece({}, finish="stop")])
    log, view = asked(), Events()
    talk = Talk(
        gateway,  # ty: ignore[invalid-argument-type]
        log,
        view,
        box(tool("add", echo), allow_all=False),
        model=ModelInfo(spec="a/b", provider="a"),
    )
    turn = await talk.answer()
    assert view.events == [
        f"begin {SPEC}",
        "reasoning Hm.",
        "text I add.",
        "settle",
        "allow add",
        "started add",
        "ended add got {}",
        "text 5.",
        "settle",
        f"end {SPEC}",
    ]
    assert (turn.tool_calls, log.session.turns) == (1, [turn])
    assert log.session.entries[2].message == {
        "role": "tool",
        "tool_call_id": "c",
        "content": "got {}",
        "name": "add",
    }


async def test_what_the_model_cannot_be_sent_is_noted_once_and_the_turn_ends_even_if_it_fails() -> None:
    gateway, engine = scripted_gateway()
    engine.enqueue(RateLimitError("slow down"))
    log, view = log_of(), Events()
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}, "attached": "cat.png"}
    log.record("user", content=[image])
    talk = Talk(gateway, log, view, model=ModelInfo(spec=SPEC, kinds=frozenset()))
    with pytest.raises(RateLimitError):
        await talk.answer()
    talk.body()
    assert view.events == [
        f"begin {SPEC}",
        "note Images are left out: this model does not accept them.",
        "settle",
    ]


async def test_reasoning_alone_is_kept_of_a_broken_answer_and_nothing_of_an_empty_one() -> None:
    for delta, kept in (({"reasoning_content": "Hm."}, 1), ({"role": "assistant"}, 0)):
        gateway, engine = scripted_gateway()
        engine.enqueue(
            [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}], breaks_with=UnavailableError("lost")
        )
        log = asked()
        with pytest.raises((StreamInterruptedError, UnavailableError)):
            await Talk(gateway, log, Recorder()).answer()
        answers = [entry for entry in log.session.entries if entry.role == "assistant"]
        assert [entry.message["reasoning_content"] for entry in answers] == ["Hm."] * kept
        await gateway.aclose()


@pytest.mark.parametrize(("metadata", "provider"), [({"provider": "groq"}, "groq"), ({}, "a")])
async def test_a_partial_answer_is_the_providers_that_wrote_it(
    monkeypatch: pytest.MonkeyPatch, metadata: dict[str, str], provider: str
) -> None:
    chunks = [piece({"content": "Half"}), {"choices": [], "ingate": metadata}, UnavailableError("lost")]
    log = asked()
    with pytest.raises(UnavailableError):
        await talked(ChunkGateway(Clock(monkeypatch), chunks), log=log)
    entry = log.session.entries[-1]
    assert (entry.message["content"], entry.provider, entry.stopped) == ("Half", provider, "lost")
