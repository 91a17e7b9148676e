"""Every way in which a provider streams tool calls gives the same calls."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingate.wire.completion import assemble, normalise_completion
from ingate.wire.normaliser import StreamNormaliser
from support.traffic import outcome_of_chunks
from support.wire import call, chunk, tools


def _run(*pieces: dict[str, Any]) -> list[dict[str, Any]]:
    normaliser = StreamNormaliser("m")
    out = [told for piece in pieces for told in normaliser.feed(piece)]
    return out + normaliser.finish()


def _calls(*pieces: dict[str, Any]) -> list[tuple[str, Any]]:
    """Names and arguments that the stream adds up to, once it keeps the rules."""
    chunks = _run(*pieces)
    heads: dict[int, dict[str, Any]] = {}
    for told in chunks:
        for choice in told["choices"]:
            for delta in choice["delta"].get("tool_calls") or []:
                assert isinstance(delta["index"], int)
                if delta["index"] not in heads:
                    assert delta["id"]
                    assert delta["type"] == "function"
                    assert "name" in delta["function"]
                    heads[delta["index"]] = delta
                else:
                    assert not {"id", "type"} & delta.keys()
                    assert "name" not in delta["function"]
    assert list(heads) == list(range(len(heads)))
    outcome = outcome_of_chunks(chunks)
    assert len({call["id"] for call in outcome.tool_calls}) == len(outcome.tool_calls)
    assert outcome.finish_reason == "tool_calls"
    assert assemble(chunks)["choices"][0]["message"]["tool_calls"][0]["id"] == outcome.tool_calls[0]["id"]
    return [(found["name"], found["arguments"]) for found in outcome.tool_calls]


_A, _B = ("look", {"at": "sea"}), ("look", {"at": "sky"})

_WAYS: dict[str, list[dict[str, Any]]] = {
    "as OpenAI does": [
        tools(call(0, "a", "look", "", type="function")),
        tools(call(0, arguments='{"at":')),
        tools(call(0, arguments='"sea"}')),
        tools(call(1, "b", "look", "")),
        tools(call(1, arguments='{"at":"sky"}')),
    ],
    "whole calls at once": [
        tools(call(0, "a", "look", '{"at":"sea"}'), call(1, "b", "look", '{"at":"sky"}')),
    ],
    "index 0 for all, with ids": [
        tools(call(0, "a", "look", '{"at":"sea"}')),
        tools(call(0, "b", "look", '{"at":"sky"}')),
    ],
    "index 0 for all, without ids": [
        tools(call(0, None, "look", '{"at":"sea"}')),
        tools(call(0, "", "look", '{"at":"sky"}')),
    ],
    "no index": [tools(call(None, "a", "look", '{"at":"sea"}')), tools(call(None, "b", "look", '{"at":"sky"}'))],
    "no index, in pieces": [
        tools(call(None, "a", "look")),
        tools(call(None, None, None, '{"at":')),
        tools(call(None, None, None, '"sea"}')),
        tools(call(None, "b", "look", "")),
        tools(call(None, None, None, '{"at":"sky"}')),
    ],
    "neither index nor id": [
        tools(call(name="look", arguments={"at": "sea"}), call(name="look", arguments={"at": "sky"}))
    ],
    "id and name in each piece": [
        tools(call(0, "a", "look", '{"at":')),
        tools(call(0, "a", "look", '"sea"}')),
        tools(call(1, "b", "look", '{"at":')),
        tools(call(1, "b", "look", '"sky"}')),
    ],
    "a new id in each piece": [
        tools(call(0, "a1", "look", '{"at":')),
        tools(call(0, "a2", None, '"sea"}')),
        tools(call(1, "b1", "look", '{"at":')),
        tools(call(1, "b2", None, '"sky"}')),
    ],
    "id first, then the name": [
        tools(call(0, "a")),
        tools(call(0, None, "look")),
        tools(call(0, None, None, '{"at":"sea"}')),
        tools(call(1, "b")),
        tools(call(1, None, "look", '{"at":"sky"}')),
    ],
    "name first, then the id": [
        tools(call(0, None, "look")),
        tools(call(0, "a", None, '{"at":"sea"}')),
        tools({**call(1, "", "look", ""), "id": None}),
        tools(call(1, "b", "", '{"at":"sky"}')),
    ],
    "interleaved": [
        tools(call(0, "a", "look", ""), call(1, "b", "look", "")),
        tools(call(1, arguments='{"at":"sky"')),
        tools(call(0, arguments='{"at":"sea"}')),
        tools(call(1, arguments="}")),
    ],
    "an empty object before the arguments": [
        tools(call(0, "a", "look", "{}")),
        tools(call(0, arguments='{"at":"sea"}')),
        tools(call(1, "b", "look", "{}")),
        tools(call(1, arguments='{"at":')),
        tools(call(1, arguments='"sky"}')),
    ],
    "the whole sent again at the end": [
        tools(call(0, "a", "look", '{"at":')),
        tools(call(0, arguments='"sea"}')),
        tools(call(0, "a", "look", '{"at":"sea"}')),
        tools(call(1, "b", "look", '{"at":"sky"}')),
        tools(call(1, "b", "look", '{"at":"sky"}')),
    ],
    "the function's name as id": [
        tools(call(0, "look", "look", '{"at":"sea"}')),
        tools(call(0, "look", "look", '{"at":"sky"}')),
    ],
    "nulls where nothing is said": [
        tools({"index": 0, "id": "a", "type": "function", "function": {"name": "look", "arguments": None}}),
        tools({"index": 0, "id": None, "type": None, "function": {"name": None, "arguments": '{"at":"sea"}'}}),
        tools({"index": 1, "id": "b", "type": "function", "function": {"name": "look", "arguments": None}}),
        tools({"index": 1, "id": None, "type": None, "function": {"name": None, "arguments": '{"at":"sky"}'}}),
    ],
    "indices that begin at 1": [
        tools(call(1, "a", "look", '{"at":"sea"}')),
        tools(call(2, "b", "look", '{"at":"sky"}')),
    ],
    "a message in place of a delta": [
        {
            "choices": [
                {
                    "index": 0,
                    "message": {
                        "role": "assistant",
                        "tool_calls": [
                            call(None, "a", "look", '{"at":"sea"}'),
                            call(None, "b", "look", '{"at":"sky"}'),
                        ],
                    },
                    "finish_reason": "stop",
                }
            ]
        }
    ],
}


_MORE_WAYS: dict[str, list[dict[str, Any]]] = {
    "the id after a whole call of the same name is another call's": [
        tools(call(0, None, "look", '{"at":"sea"}')),
        tools(call(0, "b", "look", '{"at":"sky"}')),
    ],
    "the id after a whole call without a name is that call's": [
        tools(call(0, None, "look", '{"at":"sea"}')),
        tools(call(0, "a")),
        tools(call(1, "b", "look", '{"at":"sky"}')),
    ],
    "another id in the middle of the arguments, with the name": [
        tools(call(0, "a1", "look", '{"at":')),
        tools(call(0, "a2", "look", '"sea"}')),
        tools(call(0, "b1", "look", '{"at":"sky"}')),
    ],
    "the name in each piece, without ids": [
        tools(call(None, None, "look", '{"at":')),
        tools(call(None, None, "look", '"sea"}')),
        tools(call(None, None, "look", '{"at":')),
        tools(call(None, None, "look", '"sky"}')),
    ],
    "the id alone and without an index, then the call at one": [
        tools(call(None, "a")),
        tools(call(0, None, "look", '{"at":"sea"}')),
        tools(call(1, "b", "look", '{"at":"sky"}')),
    ],
    "the same id for both, at their own indices": [
        tools(call(0, "same", "look", '{"at":"sea"}')),
        tools(call(1, "same", "look", '{"at":"sky"}')),
    ],
    "an empty string of arguments between the pieces": [
        tools(call(0, "a", "look", "{}"), call(0, None, None, "  ")),
        tools(call(0, None, None, '{"at":"sea"}'), call(0, None, None, "")),
        tools(call(1, "b", "look", '{"at":"sky"}')),
    ],
}
_WAYS |= _MORE_WAYS


def test_a_call_of_another_tool_begins_though_the_first_is_not_whole():
    pieces = [
        tools(call(0, None, "look", '{"at":"sea"}')),
        tools(call(0, None, "listen", '{"to":')),
    ]
    assert _calls(*pieces, tools(call(0, None, None, '"sky"}'))) == [("look", {"at": "sea"}), ("listen", {"to": "sky"})]


def test_another_id_before_any_arguments_is_another_call():
    assert _calls(tools(call(0, "a", "now")), tools(call(0, "b", "now", '{"x":1}'))) == [("now", {}), ("now", {"x": 1})]


def test_another_id_and_name_are_another_call_though_the_first_is_not_whole():
    told = _run(tools(call(0, "a", "look", '{"at":')), tools(call(0, "b", "listen", '{"to":"sky"}')))
    first, second = assemble(told)["choices"][0]["message"]["tool_calls"]
    assert first["function"] == {"name": "look", "arguments": '{"at":'}
    assert second["function"] == {"name": "listen", "arguments": '{"to":"sky"}'}


def test_only_calls_with_whole_arguments_are_part_of_a_broken_answer():
    normaliser = StreamNormaliser("m")
    normaliser.feed(tools(call(0, "a", "f", '{"x":1}'), call(1, "b", "g", '{"x":'), call(2, "c", "h", "")))
    custom = {"index": 3, "id": "d", "type": "custom", "custom": {"name": "sql", "input": "sel"}}
    normaliser.feed(tools(custom, {"index": 4, "function": {"arguments": ""}}))
    answer = normaliser.partial()
    assert answer is not None
    assert [one["id"] for one in answer["choices"][0]["message"]["tool_calls"]] == ["a", "c", "d"]


def test_a_piece_that_says_nothing_is_no_call():
    assert outcome_of_chunks(_run(tools({"index": 0, "type": "function", "function": {}}))).tool_calls == []


def test_one_digit_twice_is_a_number_of_two_digits():
    told = _run(tools(call(0, "a", "f", "1")), tools(call(0, arguments="1")))
    assert assemble(told)["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == "11"


def test_a_custom_input_that_repeats_itself_is_kept():
    pieces = [{"index": 0, "custom": {"input": "12"}}, {"index": 0, "custom": {"input": "12"}}]
    told = _run(tools({"index": 0, "id": "a", "type": "custom", "custom": {"name": "sql", "input": ""}}, *pieces))
    assert assemble(told)["choices"][0]["message"]["tool_calls"][0]["custom"]["input"] == "1212"
    assert _run(tools({"index": 0, "id": "a", "type": "custom", "custom": {"name": "sql", "input": "{}"}}))[0]


@pytest.mark.parametrize("way", _WAYS)
def test_each_way_of_streaming_calls_gives_the_calls(way: str):
    assert _calls(*_WAYS[way]) == [_A, _B]
    assert _calls(*_WAYS[way], chunk({}, "stop")) == [_A, _B]


def _deltas(*pieces: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """The tool-call deltas of each chunk, with ids that were generated as `made`."""
    found = [told["choices"][0]["delta"].get("tool_calls", []) for told in _run(*pieces) if told["choices"]]
    for delta in (one for deltas in found for one in deltas):
        if str(delta.get("id", "")).startswith("call_"):
            delta["id"] = "made"
    return [deltas for deltas in found if deltas]


def test_a_call_is_sent_as_soon_as_its_name_and_id_or_arguments_are_known():
    head = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}
    assert _deltas(tools(call(0, "a", "f")), tools(call(0, arguments='{"x":')), tools(call(0, arguments="1}"))) == [
        [head],
        [{"index": 0, "function": {"arguments": '{"x":'}}],
        [{"index": 0, "function": {"arguments": "1}"}}],
    ]
    assert _deltas(tools(call(0, "a")), tools(call(0, None, "f")), tools(call(0, arguments="{} "))) == [
        [head],
        [{"index": 0, "function": {"arguments": "{} "}}],
    ]
    named = {"index": 0, "id": "made", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
    assert _deltas(tools(call(0, None, "f")), tools(call(0, None, None, '{"x":1}'))) == [[named]]


def test_a_call_that_waits_for_its_id_is_sent_before_the_next_one():
    first = {"index": 0, "id": "made", "type": "function", "function": {"name": "f", "arguments": ""}}
    second = {"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": '{"x":1}'}}
    end = {"index": 0, "function": {"arguments": "{}"}}
    assert _deltas(tools(call(0, None, "f")), tools(call(1, "b", "g", '{"x":1}'))) == [[first, second], [end]]


def test_an_empty_object_is_held_until_it_is_known_to_be_all():
    head = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}
    assert _deltas(tools(call(0, "a", "f", "{}"))) == [[head], [{"index": 0, "function": {"arguments": "{}"}}]]
    assert _deltas(tools(call(0, "a", "f", "{}")), tools(call(0, arguments='{"x":1}'))) == [
        [head],
        [{"index": 0, "function": {"arguments": '{"x":1}'}}],
    ]


def test_fields_that_follow_a_call_are_sent_alone():
    head = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}, "extra": 1}
    assert _deltas(tools(call(0, "a", "f", '{"x":1}', extra=1)), tools(call(0, late=2, none=None))) == [
        [head],
        [{"index": 0, "function": {"arguments": ""}, "late": 2}],
    ]


def test_fields_of_a_call_that_is_not_sent_yet_are_sent_with_it():
    assert _deltas(tools(call(0, "a", extra=1)), tools(call(0, None, "f", "{} "))) == [
        [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{} "}, "extra": 1}]
    ]


def test_a_call_without_a_name_is_sent_at_the_end():
    told = [{"index": 0, "id": "a", "type": "function", "function": {"name": "", "arguments": '{"x":1}'}}]
    assert _deltas(tools(call(0, "a", None, '{"x":1}'))) == [told]


def test_the_whole_sent_again_is_not_sent_twice():
    head = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
    assert _deltas(tools(call(0, "a", "f", '{"x":1}')), tools(call(0, "a", "f", '{"x":1}'))) == [[head]]


def test_a_duplicate_id_of_a_call_in_a_stream_is_replaced():
    told = _deltas(tools(call(0, "a", "f", '{"x":1}')), tools(call(1, "a", "f", '{"x":2}')))
    assert [[one.get("id") for one in deltas] for deltas in told] == [["a"], ["made"]]
    late = _deltas(tools(call(0, "a", "f", '{"x":1}')), tools(call(1, None, "g", '{"x":2}')), tools(call(1, "a")))
    assert [[one.get("id") for one in deltas] for deltas in late] == [["a"], ["made"]]


def test_pieces_go_to_the_call_at_their_index():
    told = _run(
        tools(call(5, "a", "f", '{"x":'), call(7, "b", "g", '{"y":')),
        tools(call(7, arguments="2}"), call(5, arguments="1}")),
    )
    made = assemble(told)["choices"][0]["message"]["tool_calls"]
    assert [(one["id"], one["function"]["arguments"]) for one in made] == [("a", '{"x":1}'), ("b", '{"y":2}')]


@pytest.mark.parametrize("arguments", [None, "", "{}", {}])
def test_a_call_without_arguments_has_an_empty_object(arguments: Any):
    assert _calls(tools(call(0, "a", "now", arguments))) == [("now", {})]
    assert _calls(tools(call(0, "a", "now", arguments), call(1, "b", "now", arguments))) == [("now", {}), ("now", {})]


def test_ids_are_kept_where_given_and_made_up_where_not():
    calls = outcome_of_chunks(_run(tools(call(0, "given", "f", "{}")), tools(call(1, None, "g", "{}")))).tool_calls
    assert calls[0]["id"] == "given"
    assert calls[1]["id"].startswith("call_")


def test_arguments_that_are_no_json_are_kept_as_they_are():
    calls = outcome_of_chunks(_run(tools(call(0, "a", "f", '{"a": ')), tools(call(0, arguments="oops")))).tool_calls
    assert calls[0]["arguments"] == '{"a": oops'


def test_the_old_function_call_becomes_a_tool_call():
    pieces = [
        chunk({"function_call": {"name": "f", "arguments": ""}}),
        chunk({"function_call": {"arguments": '{"a":1}'}}),
    ]
    assert _calls(*pieces, chunk({}, "function_call")) == [("f", {"a": 1})]


def test_tools_that_the_provider_ran_are_no_calls_of_the_client():
    search = {"index": 0, "id": "ws", "type": "web_search_call", "function": {"name": "web_search", "arguments": "{}"}}
    told = _run(tools(search), chunk({"content": "found"}), chunk({}, "stop"))
    message = assemble(told)["choices"][0]["message"]
    assert "tool_calls" not in message
    assert message["provider_tool_calls"] == [{key: value for key, value in search.items() if key != "index"}]
    assert outcome_of_chunks(told).finish_reason == "stop"


def test_custom_tools_stream_their_input():
    told = _run(
        tools({"index": 0, "id": "a", "type": "custom", "custom": {"name": "sql", "input": ""}}),
        tools({"index": 0, "custom": {"input": "select 1"}}),
    )
    assert assemble(told)["choices"][0]["message"]["tool_calls"] == [
        {"id": "a", "type": "custom", "custom": {"name": "sql", "input": "select 1"}}
    ]


def test_what_else_a_call_carries_survives():
    extra = {"google": {"thought_signature": "abc"}}
    told = _run(tools(call(0, "a", "f", "{}", extra_content=extra)))
    assert assemble(told)["choices"][0]["message"]["tool_calls"][0]["extra_content"] == extra


def test_whole_answers_get_ids_types_and_text_for_arguments():
    message = {
        "content": "",
        "tool_calls": [call(name="f", arguments={"a": 1}), call(0, "", "g"), call(0, "x", "h", " ")],
    }
    answer = normalise_completion({"choices": [{"message": message, "finish_reason": "stop"}]}, "m")["choices"][0]
    calls = answer["message"]["tool_calls"]
    assert [found["function"] for found in calls] == [
        {"name": "f", "arguments": '{"a":1}'},
        {"name": "g", "arguments": "{}"},
        {"name": "h", "arguments": "{}"},
    ]
    assert [found["type"] for found in calls] == ["function"] * 3
    assert len({found["id"] for found in calls}) == 3
    assert calls[2]["id"] == "x"
    assert answer["finish_reason"] == "tool_calls"
    assert answer["message"]["content"] is None


_ARGUMENTS = st.dictionaries(st.text(max_size=4), st.one_of(st.integers(), st.text(max_size=6)), max_size=3)


@given(
    calls=st.lists(st.tuples(st.sampled_from(["f", "g"]), _ARGUMENTS), min_size=1, max_size=4),
    cuts=st.lists(st.integers(0, 60), max_size=6),
    with_index=st.booleans(),
    repeats_id=st.booleans(),
    repeats_name=st.booleans(),
)
def test_calls_do_not_depend_on_how_they_are_cut(
    calls: list[tuple[str, dict]], cuts: list[int], with_index: bool, repeats_id: bool, repeats_name: bool
):
    pieces = []
    for number, (name, arguments) in enumerate(calls):
        text = json.dumps(arguments)
        edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
        parts = [text[start:stop] for start, stop in itertools.pairwise(edges)]
        for place, part in enumerate(parts):
            is_first = place == 0
            pieces.append(
                tools(
                    call(
                        number if with_index else None,
                        f"id{number}" if is_first or repeats_id else None,
                        name if is_first or (repeats_name and repeats_id) else None,
                        part,
                    )
                )
            )
    assert _calls(*pieces) == [(name, arguments) for name, arguments in calls]


_NAMES = st.lists(st.text("ab_", min_size=1, max_size=6), min_size=1, max_size=4, unique=True)


@st.composite
def _split_names(draw: st.DrawFn) -> tuple[list[str], list[str], list[dict[str, Any]]]:
    """Tools, the names of the calls, and a stream in which each name arrives in pieces before the arguments."""
    offered = draw(_NAMES)
    called = draw(st.lists(st.sampled_from(offered), min_size=1, max_size=3))
    pieces = []
    for at, name in enumerate(called):
        cuts = sorted(draw(st.sets(st.integers(1, max(1, len(name) - 1)), max_size=3)))
        parts = [name[one:two] for one, two in itertools.pairwise([0, *cuts, len(name)]) if one < two]
        ids = [f"c{at}"] * len(parts) if draw(st.booleans()) else [f"c{at}", *[None] * (len(parts) - 1)]
        pieces += [tools(call(at, one, part)) for one, part in zip(ids, parts, strict=True)]
        pieces += [tools(call(at, arguments=part)) for part in draw(st.sampled_from([(), ("{}",), ('{"n"', ":1}")]))]
    return offered, called, pieces


@given(_split_names())
def test_a_name_in_pieces_is_put_together(made: tuple[list[str], list[str], list[dict[str, Any]]]):
    """Names in which a piece is a tool's name, too, are read as far as they can be told from a repeated name."""
    offered, called, pieces = made
    told = StreamNormaliser("m", names=frozenset(offered))
    chunks = [one for piece in pieces for one in told.feed(piece)] + told.finish()
    assembled = assemble(chunks)["choices"][0]["message"]["tool_calls"]
    deltas = [one for chunk in chunks for choice in chunk["choices"] for one in choice["delta"].get("tool_calls") or ()]
    assert [one["function"]["name"] for one in deltas if "name" in one["function"]] == [
        one["function"]["name"] for one in assembled
    ], "a name is told once"
    if not any(one != two and two.startswith(one) for one in offered for two in offered):
        assert [one["function"]["name"] for one in assembled] == called


@pytest.mark.parametrize(
    ("pieces", "names"),
    [
        (["files", "_read"], ["files_read"]),
        (["files", "_read"], ["files", "files_read"]),
        (["files_", "files_"], ["files_files_"]),
        (["f", "i", "l", "e"], ["file", "other"]),
        (["not_", "offered"], ["file"]),
    ],
)
def test_a_name_in_pieces_is_whole_when_the_arguments_begin(pieces: list[str], names: list[str]):
    told = StreamNormaliser("m", names=frozenset(names))
    early = [one for at, piece in enumerate(pieces) for one in told.feed(tools(call(0, None if at else "a", piece)))]
    late = told.feed(tools(call(0, arguments='{"n":')))
    assert [one for chunk in early for choice in chunk["choices"] for one in choice["delta"].get("tool_calls", ())] in (
        [],
        [{"index": 0, "id": "a", "type": "function", "function": {"name": "".join(pieces), "arguments": ""}}],
    )
    assert "".join(pieces) in repr([*early, *late])


def test_a_whole_name_is_told_at_once():
    told = StreamNormaliser("m", names=frozenset({"look", "other"}))
    assert "look" in repr(told.feed(tools(call(0, "a", "look"))))


@pytest.mark.parametrize("again", [call(0, None, "look"), call(0, "a", "look")])
def test_a_name_that_is_repeated_is_not_put_together(again: dict[str, Any]):
    told = StreamNormaliser("m", names=frozenset({"look", "looks"}))
    chunks = [*told.feed(tools(call(0, "a", "look"))), *told.feed(tools(again)), *told.finish()]
    assert [one["function"]["name"] for one in assemble(chunks)["choices"][0]["message"]["tool_calls"]] == ["look"]


def test_calls_without_ids_and_arguments_stay_two():
    told = StreamNormaliser("m", names=frozenset({"a", "b", "ab"}))
    chunks = [*told.feed(tools(call(0, None, "a"))), *told.feed(tools(call(0, None, "b"))), *told.finish()]
    assert [one["function"]["name"] for one in assemble(chunks)["choices"][0]["message"]["tool_calls"]] == ["a", "b"]
