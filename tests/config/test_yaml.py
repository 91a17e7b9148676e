"""YAML as configurations are written, and YAML as attackers write it."""

from __future__ import annotations

import pytest

from ingate.config.tree import Node, Where
from ingate.config.yaml_ import parse
from ingate.errors import ConfigError

WHERE = Where("/x/a.yaml", None, "a.yaml")


def plain(node: Node) -> object:
    if isinstance(node.value, dict):
        return {key: plain(item) for key, item in node.value.items()}
    return [plain(item) for item in node.value] if isinstance(node.value, list) else node.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True), ("No", False), ("ON", True), ("null", None), ("~", None), ("12", 12), ("-3", -3), ("1.5", 1.5),
        ("1e3", 1000.0), (".5", 0.5), ("2024-10-21", "2024-10-21"), ("12:30:45", "12:30:45"), ("0x1f", "0x1f"),
        ("1_000", "1_000"), (".inf", ".inf"), ("1.2.3", "1.2.3"), ("'12'", "12"), ('"true"', "true"), ("!!str 12", "12"),
        ("y", "y"), ("'null'", "null"), ("9" * 30, "9" * 30), ("[1, a]", [1, "a"]), ("|\n  two\n  lines\n", "two\nlines\n"),
        (">-\n  one\n  line\n", "one line"), ("a # comment", "a"), ("a#b", "a#b"), ("'it''s'", "it's"), ("=", "="),
    ],
)  # fmt: skip
def test_scalars_mean_what_people_expect(text: str, value: object) -> None:
    assert plain(parse(f"k: {text}", WHERE)) == {"k": value}


def test_unquoted_numbers_keep_how_they_were_written() -> None:
    assert parse("k: 0012", WHERE).value["k"].raw == "0012"
    assert parse("k: '0012'", WHERE).value["k"].raw is None


def test_every_value_knows_the_line_of_its_key() -> None:
    node = parse("a:\n  b: |\n    x\n    y\n  c:\n    - one\n    - two\n", WHERE).value["a"]
    assert node.where.line == 1
    assert node.value["b"].where.line == 2
    assert [item.where.line for item in node.value["c"].value] == [6, 7]
    assert str(node.value["b"].where) == "a.yaml:2"


def test_anchors_aliases_and_merges() -> None:
    text = "a: &x {b: 1, c: 2}\nd: *x\ne:\n  <<: *x\n  b: 3\nf:\n  <<: [*x, {g: 4, b: 9}]\n"
    assert plain(parse(text, WHERE)) == {
        "a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 2}, "e": {"b": 3, "c": 2}, "f": {"b": 1, "c": 2, "g": 4},
    }  # fmt: skip


def test_aliases_are_copies() -> None:
    node = parse("a: &x {b: 1}\nc: *x\n", WHERE)
    node.value["a"].value.clear()
    assert plain(node.value["c"]) == {"b": 1}


def test_keys_are_text_whatever_they_look_like() -> None:
    assert plain(parse("on: 1\n12: 2\nnull: 3\n'x y': 4", WHERE)) == {"on": 1, "12": 2, "null": 3, "x y": 4}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: 2\na: 3", 3, "'a' is here a second time; the first is on line 1"),
        ("x:\n  a: 1\n  a: 1", 3, "a second time"),
        ("a: 1\n---\nb: 2", 2, "a second document"),
        ("a: b: c", 1, "not YAML"),
        ("a:\n\t- b", 2, "not YAML"),
        ("a: 'open", 1, "not YAML"),
        ("a: [1, 2", 1, "not YAML"),
        ("a: 1\n b: 2", 2, "not YAML"),
        ("a\nb: 1", 2, "not YAML"),
        ("a: @b", 1, "not YAML"),
        ("a: 1\nb: \x00", 2, "not YAML"),
        ("%YAML 9.9.9\n---\na: 1", 1, "not YAML"),
        ("a: *gone", 1, "*name refers to an &name that is not defined above"),
        ("a: &a [*a]", 1, "*name refers to an &name that is not defined above"),
        ("\na: !custom b", 2, "tag"),
        ("a: !!python/object/apply:os.system ['id']", 1, "tag"),
        ("a: !!binary aGk=", 1, "tag"),
        ("? [a]\n: b", 1, "a key is text"),
        ("a: {{b}}", 1, "a key is text"),
        ("a:\n  <<: text", 2, None),
        ("a:\n  <<: [text]", 2, "<< takes a section"),
    ],
)
def test_what_is_refused_names_its_line(text: str, line: int, message: str | None) -> None:
    if message is None:
        assert plain(parse(text, WHERE)) == {"a": {"<<": "text"}}
        return
    with pytest.raises(ConfigError) as caught:
        parse(text, WHERE)
    assert message in str(caught.value)
    assert abs((caught.value.line or 0) - line) <= 1
    assert caught.value.file == "a.yaml"


def bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "{a: " * 100_000, "- " * 50_000, bomb(), "\n".join(f"k{n}: 1" for n in range(30_000))],
    ids=["lists", "sections", "items", "aliases of aliases", "many keys"],
)  # fmt: skip
def test_hostile_sizes_end_at_once(text: str) -> None:
    with pytest.raises(ConfigError, match=r"nested more than|contains more than|not YAML"):
        parse(text, WHERE)


def test_it_reads_without_the_c_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    import yaml

    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    assert plain(parse("a: {b: [1, 'x']}", WHERE)) == {"a": {"b": [1, "x"]}}
    for text in ("a: 'open-sekrit", "a: b: sekrit", "a: @sekrit", "\x00", "a:\n\tb: sekrit"):
        with pytest.raises(ConfigError) as caught:
            parse(text, WHERE)
        assert "sekrit" not in str(caught.value)


def test_twenty_thousand_values_are_the_limit() -> None:
    """Every key, value, list and section counts, and what an alias repeats counts again."""
    assert len(parse(f"[{'x, ' * 19_998}x]", WHERE).value) == 19_999
    with pytest.raises(ConfigError, match="contains more than 20000 values"):
        parse(f"[{'x, ' * 19_999}x]", WHERE)
    half = f"[&a [{'x, ' * 9_997}x], *a]"  # twice a list of 9,998, and the list around them: 19,999
    assert parse(half, WHERE)
    with pytest.raises(ConfigError, match="contains more than 20000 values"):
        parse(half.replace("[x", "[x, x", 1), WHERE)


def test_fifty_levels_are_the_limit() -> None:
    assert parse("[" * 50 + "]" * 50, WHERE)
    with pytest.raises(ConfigError, match="nested more than 50 levels"):
        parse("[" * 51 + "]" * 51, WHERE)


@pytest.mark.parametrize(
    ("text", "line", "tabs"),
    [
        ("a:\n\t- b", 2, True),
        ("a: @b", 1, True),
        ("a: `b", 1, True),
        ("a: b: c", 1, False),
        ("a: 'open", 1, False),
        ("a: [1, 2", 1, False),
        ("a: 1\nb: \x00", 2, False),
    ],
)
def test_what_is_not_yaml_says_what_is_likely_wrong(text: str, line: int, tabs: bool) -> None:
    with pytest.raises(ConfigError, match=r"^a\.yaml:[0-9]+: this is not YAML: ") as caught:
        parse(text, WHERE)
    assert caught.value.fix == (
        "indent with spaces, never with tabs; put text with special characters in quotes"
        if tabs
        else "check this line's indentation, colons and quotes"
    )
    assert abs((caught.value.line or 0) - line) <= 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: b: c", "mapping values are not allowed in this context"),
        ("a: \x00", "control characters are not allowed"),
        ("a: [1, 2", "did not find expected …"),
    ],
)
def test_the_parsers_reason_is_repeated_without_what_it_quotes(text: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, WHERE)
    assert caught.value.message == f"this is not YAML: {reason}"


@pytest.mark.parametrize(
    ("text", "line", "fix"),
    [
        ("a: 1\na: 2", 2, "keep one of the two"),
        ("a: 1\n---\nb: 2", 2, "keep one document, without ---"),
        ("\na: !x b", 2, "put text that begins with ! in quotes"),
        ("a: *gone", 1, "put text that begins with * in quotes"),
        ("\n? [a]\n: b", 2, "put text that begins with { or [ in quotes"),
    ],
)
def test_what_is_refused_says_what_to_write(text: str, line: int, fix: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, WHERE)
    assert (caught.value.line, caught.value.fix) == (line, fix)


def test_a_character_that_yaml_does_not_allow_is_on_its_line() -> None:
    for text, line in (("\x00", 1), ("a: 1\nb: 2\nc: \x00\nd: 3", 3)):
        with pytest.raises(ConfigError) as caught:
            parse(text, WHERE)
        assert caught.value.line == line
