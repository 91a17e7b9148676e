"""Text in terminal cells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingate.picker.cells import clean, cut, fit, width, wrap

TEXTS = st.text(st.sampled_from("ab ✓…通义é\u0301"), max_size=40)


def test_widths() -> None:
    assert width("abc") == 3
    assert width("通义") == 4
    assert width("✓○✗★↻▸│…") == 8
    assert width("e\u0301") == 1
    assert width("✓通") == 3


@pytest.mark.parametrize(
    ("text", "cells", "result"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("abc", 1, "…"),
        ("abc", 0, ""),
        ("abc", -1, ""),
        ("通义千问", 8, "通义千问"),
        ("通义千问", 7, "通义千…"),
        ("通义千问", 6, "通义…"),
        ("✓ab", 3, "✓ab"),
        ("✓abc", 3, "✓a…"),
    ],
)
def test_cutting(text: str, cells: int, result: str) -> None:
    assert cut(text, cells) == result


def test_fitting_pads_on_either_side() -> None:
    assert fit("ab", 4) == "ab  "
    assert fit("ab", 4, right=True) == "  ab"
    assert fit("通义千问", 5) == "通义…"
    assert fit("通义千问", 6) == "通义… "
    assert fit("ab", 2) == "ab"


@given(TEXTS, st.integers(0, 20))
def test_what_is_fitted_has_exactly_that_width(text: str, cells: int) -> None:
    assert width(fit(text, cells)) == cells
    assert width(cut(text, cells)) <= cells


def test_nothing_in_a_cleaned_text_moves_a_cursor() -> None:
    assert clean("a\x1b[31mb\x07\u202ec\x9b") == "a[31mbc"
    assert clean("two\nlines\tand\rmore") == "two lines and more"
    assert clean("✓\ufe0f é👩\u200d👧") == "✓ é👩👧"
    assert clean("plain") == "plain"
    assert clean("通义") == "通义"


@pytest.mark.parametrize(
    ("text", "cells", "indent", "lines"),
    [
        ("one two three", 7, "", ["one two", "three"]),
        ("one two three", 8, "  ", ["one two", "  three"]),
        ("abcdefghij", 4, "", ["abcd", "efgh", "ij"]),
        ("abcdefghij", 4, " ", ["abcd", " efg", " hij"]),
        ("a abcdefgh", 4, "", ["a", "abcd", "efgh"]),
        ("", 4, "", [""]),
        ("  spaced   out ", 10, "", ["spaced out"]),
        ("通义千问", 3, "", ["通", "义", "千", "问"]),
        ("ab", 2, "  ", ["ab"]),
        ("abc", 2, "  ", ["a…"]),
        ("abc", 0, "", [""]),
        ("abcd", 4, "", ["abcd"]),
        ("abcd e", 4, "", ["abcd", "e"]),
    ],
)
def test_wrapping(text: str, cells: int, indent: str, lines: list[str]) -> None:
    assert wrap(text, cells, indent) == lines


@given(TEXTS, st.integers(2, 20))
def test_wrapping_loses_no_letter_and_is_never_too_wide(text: str, cells: int) -> None:
    lines = wrap(text, cells)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(width(line) <= cells for line in lines)
