"""`ingate ask`: which model, which request, and what is printed where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ingate.cli.ask import _notes
from support.cli import run
from support.config import trust_here
from support.upstream import Reply, Upstream, chunks, completion, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def groq(monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstream]:
    with upstream() as told:
        monkeypatch.setenv("GROQ_API_KEY", "gsk-test-key")
        monkeypatch.setenv("GROQ_API_BASE", told.url)
        yield told


def write(name: str, content: Any) -> str:
    Path(name).write_text(content if isinstance(content, str) else json.dumps(content))
    return name


def test_an_answer_ends_with_one_line_end_however_it_arrives(groq: Upstream) -> None:
    for pieces, shown in ((("Hel", "lo"), "Hello\n"), (("Hel\n", "lo\n"), "Hel\nlo\n"), ((), "")):
        groq.say(Reply(events=chunks(*pieces)))
        assert run("ask", "x", "-m", "groq/m").out == shown
    for text, shown in (("Hello", "Hello\n"), (None, "\n")):
        groq.say(Reply(body=completion(text)))  # ty: ignore[invalid-argument-type]
        assert run("ask", "x", "-m", "groq/m", "--no-stream").out == shown
    assert ["stream" in one.body for one in groq.seen] == [True, True, True, False, False]


def test_a_blank_argument_is_no_question_and_joins_nothing(groq: Upstream) -> None:
    assert "There is no question" in run("ask", "  ", "-m", "groq/m", stdin="\n", code=2).err
    run("ask", " ", "-m", "groq/m", "--no-stream", stdin="piped")
    assert groq.seen[0].body["messages"] == [{"role": "user", "content": "piped"}]


def test_without_a_model_the_default_is_called_and_on_the_lane_that_is_asked_for(groq: Upstream) -> None:
    write("ingate.yaml", "default_model: groq/mine\n")
    trust_here()
    done = run("ask", "x", "--no-stream")
    assert (groq.seen[0].body["model"], done.err) == ("mine", "")
    answer = json.loads(run("ask", "x", "--json", "--lane", "native").out)
    assert answer["ingate"]["spec"] == "groq/mine?lane=native"


def test_without_any_default_the_first_ready_model_is_called_and_named(groq: Upstream) -> None:
    done = run("ask", "x", "--no-stream")
    assert done == (0, "Hello there\n", "(groq/openai/gpt-oss-120b)\n")
    assert groq.seen[0].body["model"] == "openai/gpt-oss-120b"


def test_a_default_model_that_is_not_trusted_is_not_replaced_by_another(groq: Upstream) -> None:
    write("ingate.yaml", "default_model: mine/m\nservers: {mine: {base_url: 'http://gateway.example/v1'}}\n")
    refused = run("ask", "x", code=2)
    assert "not trusted" in refused.err
    assert groq.seen == []
    assert run("ask", "x", "-m", "groq/m", "--no-stream").out == "Hello there\n"


def test_what_was_left_out_is_noted_once_on_standard_error(groq: Upstream) -> None:
    groq.say(Reply(events=chunks("Hi")), Reply(body=completion("Hi")))
    for more in ((), ("--no-stream",)):
        assert run("ask", "x", "-m", "groq/m?logit_bias={}", *more) == (
            0,
            "Hi\n",
            "note: logit_bias was left out: groq rejects it for this model\n",
        )


def test_each_warning_is_a_note_and_what_was_dropped_without_one_is_another() -> None:
    assert _notes({"warnings": ["one", "seed was left out"], "dropped": ["seed", "top_k", "n"]}) == [
        "one",
        "seed was left out",
        "left out, since the model does not support it: top_k, n",
    ]
    assert _notes({"warnings": [], "dropped": []}) == _notes({}) == []
    assert _notes({"dropped": ["n"]}) == ["left out, since the model does not support it: n"]


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ({"title": "Ein Wort/über_alle-9"}, "Ein_Wort__ber_alle-9"),
        ({"title": "x" * 70}, "x" * 64),
        ({"title": ""}, "my_file"),
        ({"title": 5}, "my_file"),
        ({}, "my_file"),
    ],
)
def test_a_schema_has_a_name_that_providers_accept(groq: Upstream, schema: dict[str, Any], name: str) -> None:
    groq.say(Reply(body=completion("{}")))
    run("ask", "x", "-m", "groq/m", "--schema", write("my file.json", schema), code=None)
    assert groq.seen[0].body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": name, "schema": schema},
    }
    assert "stream" not in groq.seen[0].body


def test_an_answer_that_does_not_conform_is_shown_and_is_an_error(groq: Upstream) -> None:
    file = write("s.json", {"type": "object", "properties": {"a": {"type": "integer"}}})
    groq.say(Reply(body=completion('{"a": "b"}')), Reply(body=completion("a")), Reply(body=completion('{"a": 1}')))
    wrong = run("ask", "x", "-m", "groq/m", "--schema", file, code=5)
    assert wrong.out == ""
    assert wrong.err.splitlines()[:2] == [
        '{"a": "b"}',
        "error: the answer does not conform to the schema: $.a: 'b' is not of type 'integer'",
    ]
    assert run("ask", "x", "-m", "groq/m", "--schema", file, code=5).err.splitlines()[:2] == [
        "a",
        "error: the answer is not JSON",
    ]
    right = json.loads(run("ask", "x", "-m", "groq/m", "--schema", file, "--json").out)
    assert right["choices"][0]["message"]["content"] == '{"a": 1}'


def test_a_schema_that_is_not_valid_or_refers_elsewhere_is_named(groq: Upstream) -> None:
    groq.otherwise = Reply(body=completion("{}"))
    bad = run("ask", "x", "-m", "groq/m", "--schema", write("s.json", {"minProperties": "many"}), code=2)
    assert "--schema: not a JSON Schema: 'many' is not " in bad.err
    away = write("s.json", {"$ref": "http://elsewhere.example/schema"})
    done = run("ask", "x", "-m", "groq/m", "--schema", away, code=2)
    assert "--schema: it refers to 'http://elsewhere.example/schema', which is not in it" in done.err
    assert "--schema: s.json is not JSON: " in run("ask", "x", "--schema", write("s.json", "{"), code=2).err
    listed = run("ask", "x", "--schema", write("s.json", "[]"), code=2)
    assert "--schema: s.json is not a JSON Schema: it must be an object" in listed.err
