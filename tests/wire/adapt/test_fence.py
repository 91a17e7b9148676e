"""A code fence around an answer is removed, and however the text is divided, the same is left."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingate.wire.adapt.fence import FenceRemover, unfenced

BODY = '{"a": "`x`",\n "b": "```"}'


def _streamed(text: str, cuts: list[int]) -> str:
    remover = FenceRemover()
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    return "".join(remover.feed(text[one:two]) for one, two in itertools.pairwise(places)) + remover.finish()


@pytest.mark.parametrize("opening", ["```json\n", "```\n", "\n ```JSON \n", "```json\r\n"])
@pytest.mark.parametrize("closing", ["\n```", "```", "\n```\n", "\n  ``` \n\n", "\r\n```", ""])
def test_a_fence_is_removed(opening: str, closing: str):
    text = f"{opening}{BODY}{closing}"
    assert unfenced(text) == BODY
    assert _streamed(text, list(range(len(text)))) == BODY


@pytest.mark.parametrize(
    "text",
    [
        BODY,
        "",
        "``",
        "```",
        "```json",
        "`` `\nx",
        "Sure:\n```json\n{}\n```",
        '"```\\n1\\n```"',
        "```json {}\n```",
        "\n\n{}\n",
    ],
)
def test_another_text_stays(text: str):
    assert unfenced(text) == text
    assert _streamed(text, list(range(len(text)))) == text


def test_what_follows_the_fence_stays():
    assert unfenced("```\n{}\n```\nDone.") == "{}\n```\nDone."


def test_text_that_cannot_be_a_fence_is_not_held_back():
    remover = FenceRemover()
    assert remover.feed("{") == "{"
    assert remover.feed("`") == "`"
    fenced = FenceRemover()
    assert [fenced.feed(piece) for piece in ("``", "`js", "on", "\n", "{", "\n", "}", "\n``", "x")] == [
        "", "", "", "", "{", "", "\n}", "", "\n``x",
    ]  # fmt: skip


@given(st.text("`a\n\r \t{}", max_size=30), st.lists(st.integers(0, 30), max_size=8))
def test_however_it_is_divided_the_same_is_left(text: str, cuts: list[int]):
    assert _streamed(text, cuts) == unfenced(text)
    assert _streamed(f"```json\n{text}", cuts) == unfenced(f"```json\n{text}")


@given(st.text("`a\n ", max_size=30))
def test_what_is_left_is_part_of_the_text(text: str):
    assert unfenced(text) in text


def test_a_long_text_takes_linear_time():
    text = "```\n" + " " * 200_000 + "x" + "`" * 200_000 + "y" + "\n" * 200_000
    assert unfenced(text).endswith("y" + "\n" * 200_000)
