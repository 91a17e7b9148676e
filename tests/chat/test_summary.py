"""A conversation as text: lines of tokens and cost, and Markdown."""

from __future__ import annotations

import pytest

from ingate.chat.session import Session, Turn
from ingate.chat.summary import cost_of, counted, to_markdown, total_line, turn_line
from support.chat import log_of


def test_a_turn_in_one_line() -> None:
    turn = Turn(
        input_tokens=1234,
        output_tokens=100,
        cached_tokens=1000,
        reasoning_tokens=40,
        cost_usd=0.00123,
        first_token_s=0.412,
        seconds=2.0,
    )
    assert turn_line(turn) == (
        "1,234 in · 100 out · 1,000 cached · 40 reasoning · $0.0012 · first token 0.41 s · 50 tokens/s"
    )
    assert turn_line(Turn(cost_usd=None)) == "? in · ? out · cost unknown"
    assert turn_line(Turn(input_tokens=0, output_tokens=0)) == "0 in · 0 out · $0"


@pytest.mark.parametrize(
    ("seconds", "speed"),
    [(2.0, "50 tokens/s"), (10.0, "10 tokens/s"), (40.0, "2.5 tokens/s"), (0.05, "2,000 tokens/s")],
)
def test_a_slow_answer_has_a_decimal(seconds: float, speed: str) -> None:
    assert turn_line(Turn(input_tokens=1, output_tokens=100, seconds=seconds)).endswith(f" · {speed}")


@pytest.mark.parametrize(("output", "seconds"), [(None, 1.0), (0, 1.0), (1, 1.0), (100, 0.049), (100, 0.0)])
def test_too_little_has_no_speed(output: int | None, seconds: float) -> None:
    turn = Turn(output_tokens=output, seconds=seconds)
    assert turn.tokens_per_s is None
    assert "tokens/s" not in turn_line(turn)


def test_two_tokens_are_enough_for_a_speed() -> None:
    assert Turn(output_tokens=2, seconds=0.05).tokens_per_s == pytest.approx(40)


def test_totals_say_what_is_unknown() -> None:
    session = Session(id="x")
    assert total_line(session) == "0 answers · ? in · ? out · $0"
    session.turns = [Turn(input_tokens=10, output_tokens=4, cost_usd=0.5), Turn(input_tokens=None, cost_usd=None)]
    assert total_line(session) == "2 answers · 10 in · 4 out · $0.5000 + unknown"
    session.turns = [Turn(cost_usd=None)]
    assert total_line(session) == "1 answer · ? in · ? out · cost unknown"
    session.turns = [Turn(cost_usd=0.25), Turn(cost_usd=0.25)]
    assert cost_of(session) == "$0.5000"


def test_totals_add_up_everything() -> None:
    session = Session(id="x")
    one = Turn(input_tokens=1, output_tokens=2, cached_tokens=3, reasoning_tokens=4, cost_usd=5.0, seconds=6.0)
    one.tool_calls = 7
    session.turns = [one, one, Turn(cost_usd=None)]
    total = session.totals()
    assert (total.input_tokens, total.output_tokens, total.cached_tokens, total.reasoning_tokens) == (2, 4, 6, 8)
    assert (total.cost_usd, total.seconds, total.tool_calls) == (10.0, 12.0, 14)
    assert session.unpriced == 1


def test_a_round_without_usage_or_price() -> None:
    turn = Turn()
    turn.add({"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 2}}, 0.5)
    assert (turn.input_tokens, turn.output_tokens, turn.cached_tokens, turn.cost_usd) == (3, 0, 2, 0.5)
    turn.add({"completion_tokens": 4, "completion_tokens_details": {"reasoning_tokens": 1}}, 0.25)
    assert (turn.input_tokens, turn.output_tokens, turn.reasoning_tokens, turn.cost_usd) == (3, 4, 1, 0.75)
    turn.add(None, None)
    assert (turn.input_tokens, turn.output_tokens, turn.cost_usd) == (3, 4, None)
    turn.add({"prompt_tokens": 1}, 0.25)
    assert (turn.input_tokens, turn.cost_usd) == (4, None), "an unknown cost stays unknown"


def test_counts() -> None:
    assert counted(1, "message") == "1 message"
    assert counted(0, "message") == "0 messages"
    assert counted(1234, "message") == "1,234 messages"


def test_markdown_names_attachments_and_tool_calls() -> None:
    log = log_of(system="Be short.\nBe kind.")
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}, "attached": "cat.png"}
    log.record("user", content=[part, {"type": "text", "text": "What is this?"}])
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": '{"at": "cat"}'}}
    log.record("assistant", message={"content": None, "tool_calls": [call]}, provider="x")
    log.record("tool", tool_call_id="c", name="look", content="a ``` cat", error=False)
    log.record("tool", tool_call_id="d", content="plain", error=False)
    log.record("assistant", message={"content": "A cat."}, provider="x", stopped="stopped")
    text = to_markdown(log.session)
    assert "AAAA" not in text
    assert text.startswith("# What is this?\n\n")
    assert (
        "\n\n> System: Be short.\n> Be kind.\n\n## You\n\n*attached: cat.png*\n\nWhat is this?\n\n## Model\n\n" in text
    )
    assert 'Calls `look`:\n\n```\n{"at": "cat"}\n```\n\n`look` returned:\n\n````\na ``` cat\n````\n\n' in text
    assert (
        "`tool` returned:\n\n```\nplain\n```\n\n## Model\n\nA cat.\n\n*(incomplete: stopped)*\n\n---\n\n0 answers"
        in text
    )


def test_markdown_of_a_conversation_without_a_message() -> None:
    text = to_markdown(Session(id="x", model="a/b"))
    assert text.startswith("# Conversation\n\n")
    assert " · a/b\n\n---\n\n" in text


def test_what_a_damaged_file_may_hold_is_shown_all_the_same() -> None:
    records = (
        {"type": "user", "content": [{"text": 5}, {"attached": {"a": 1}}]},
        {
            "type": "assistant",
            "message": {"content": "Yes", "tool_calls": [{"function": 5}, {}, {"function": {"name": 1}}]},
        },
        {"type": "tool", "content": [{"text": ["x"]}]},
    )
    session = Session.replay(records, name="x")
    text = to_markdown(session)
    assert session.title == "5"
    assert all(part in text for part in ("## You", "Yes", "Calls `1`", "['x']"))
