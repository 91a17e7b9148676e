from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingate.errors import UnavailableError
from ingate.wire.completion import assemble, normalise_completion
from ingate.wire.normaliser import StreamNormaliser
from support.wire import call, chunk, tools

_USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def _run(*pieces: dict[str, Any], include_usage: bool = True) -> list[dict[str, Any]]:
    normaliser = StreamNormaliser("asked-for", include_usage)
    out = [told for piece in pieces for told in normaliser.feed(piece)]
    return out + normaliser.finish()


def _message(*pieces: dict[str, Any]) -> dict[str, Any]:
    return assemble(_run(*pieces))["choices"][0]["message"]


def _deltas(chunks: list[dict[str, Any]], index: int = 0) -> list[dict[str, Any]]:
    return [choice["delta"] for told in chunks for choice in told["choices"] if choice["index"] == index]


def test_a_plain_stream_is_role_text_finish_usage():
    chunks = _run(
        chunk({"role": "assistant", "content": ""}), chunk({"content": "Hi"}), chunk({}, "stop"), chunk(usage=_USAGE)
    )
    assert _deltas(chunks) == [{"role": "assistant", "content": ""}, {"content": "Hi"}, {}]
    assert [choice["finish_reason"] for told in chunks for choice in told["choices"]] == [None, None, "stop"]
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["total_tokens"] == 5


def test_the_role_is_said_once_though_each_delta_repeats_it():
    pieces = [chunk({"role": "assistant", "content": text}) for text in "abc"]
    assert _deltas(_run(*pieces)) == [{"role": "assistant", "content": "a"}, {"content": "b"}, {"content": "c"}, {}]


def test_a_role_is_given_where_none_came():
    assert _deltas(_run(chunk({"content": "a"})))[0] == {"role": "assistant", "content": "a"}


def test_each_choice_has_its_own_role_and_finish_reason():
    chunks = _run(
        chunk({"content": "a"}),
        chunk({"content": "b"}, index=1),
        chunk({"content": "a"}, "length"),
        chunk({"content": "b"}, "stop", index=1),
    )
    assert _deltas(chunks, 1)[0]["role"] == "assistant"
    finishes = {choice["index"]: choice["finish_reason"] for told in chunks for choice in told["choices"]}
    assert finishes == {0: "length", 1: "stop"}
    assert [choice["message"]["content"] for choice in assemble(chunks)["choices"]] == ["aa", "bb"]


def test_the_envelope_is_the_same_in_all_chunks():
    pieces = [
        {"id": "", "model": "", "created": 0, "choices": [], "prompt_filter_results": [{"prompt_index": 0}]},
        chunk({"content": "a"}, id="first", created=5, model="real"),
        chunk({"content": "b"}, id="second", created=6, model="other"),
        {"choices": [{"index": 0, "delta": {"content": "c"}, "finish_reason": None}]},
    ]
    chunks = _run(*pieces)
    assert {(told["id"], told["created"], told["model"], told["object"]) for told in chunks} == {
        ("first", 5, "real", "chat.completion.chunk")
    }
    assert chunks[0]["prompt_filter_results"] == [{"prompt_index": 0}]


def test_an_envelope_is_made_up_where_there_is_none():
    told = _run({"choices": [{"delta": {"content": "a"}}]})[0]
    assert told["id"].startswith("chatcmpl-")
    assert told["model"] == "asked-for"
    assert told["created"] > 1_600_000_000


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("stop", "stop"),
        ("eos", "stop"),
        ("end_turn", "stop"),
        ("STOP", "stop"),
        ("stop_sequence", "stop"),
        ("model_length", "length"),
        ("MAX_TOKENS", "length"),
        ("content_filter", "content_filter"),
        ("SAFETY", "content_filter"),
        ("something new", "stop"),
        (None, "stop"),
    ],
)
def test_finish_reasons_are_openais(said: str | None, meant: str):
    chunks = _run(chunk({"content": "a"}), chunk({}, said))
    assert chunks[-2]["choices"][0]["finish_reason"] == meant
    if said and said != meant:
        assert chunks[-2]["choices"][0]["native_finish_reason"] == said


@pytest.mark.parametrize("said", ["stop", "function_call", "tool_use", None])
def test_after_tool_calls_an_ordinary_end_is_tool_calls(said: str | None):
    chunks = _run(tools(call(0, "a", "f", "{}")), chunk({}, said))
    assert chunks[-2]["choices"][0]["finish_reason"] == "tool_calls"


def test_an_end_by_length_stays_one_after_tool_calls():
    assert _run(tools(call(0, "a", "f", '{"a')), chunk({}, "length"))[-2]["choices"][0]["finish_reason"] == "length"


def test_a_finish_reason_on_each_chunk_is_told_once():
    chunks = _run(*(chunk({"content": text}, "stop") for text in "abc"))
    assert [choice["finish_reason"] for told in chunks for choice in told["choices"]] == [None, None, None, "stop"]
    assert _message(chunk({"content": "a"}, "stop"))["content"] == "a"


def test_what_came_with_the_finish_reason_is_told_with_it():
    last = chunk({}, "stop", choice={"content_filter_results": {"hate": {"filtered": False}}})
    assert "content_filter_results" in _run(chunk({"content": "a"}), last)[-2]["choices"][0]


@pytest.mark.parametrize(
    "pieces",
    [
        [chunk({"content": "a"}), chunk({}, "stop", usage=_USAGE)],
        [chunk({"content": "a"}), chunk({}, "stop"), {"choices": [], "usage": _USAGE}],
        [chunk({"content": "a"}, x_groq={"id": "r", "usage": _USAGE})],
        [chunk({"content": "a"}, usage={**_USAGE, "total_tokens": 4}), chunk({}, "stop", usage=_USAGE)],
        [chunk({}, usage=_USAGE), {"choices": [], "usage": _USAGE}],
        [chunk({"content": "a"}, usage=_USAGE), {"choices": [], "usage": {"prompt_tokens": 0, "completion_tokens": 0}}],
        [{"usage": _USAGE}, chunk({"content": "a"}, usage=None)],
    ],
)
def test_usage_comes_once_and_last_wherever_it_was(pieces: list[dict[str, Any]]):
    chunks = _run(*pieces)
    assert [told.get("usage") for told in chunks if "usage" in told] == [_USAGE]
    assert chunks[-1]["usage"] == _USAGE
    assert not any("usage" in told for told in _run(*pieces, include_usage=False))


def test_usage_that_nobody_counted_is_null_and_not_zero():
    assert _run(chunk({"content": "a"}))[-1]["usage"] is None


@pytest.mark.parametrize("key", ["reasoning", "reasoning_content", "thinking", "reasoning_text"])
def test_reasoning_has_one_name(key: str):
    message = _message(chunk({key: "I "}), chunk({key: "think", "content": None}), chunk({"content": "so"}))
    assert message == {"role": "assistant", "reasoning_content": "I think", "content": "so"}


def test_reasoning_under_two_names_is_told_once():
    assert _message(chunk({"reasoning": "a", "reasoning_content": "a"}))["reasoning_content"] == "a"


def test_content_parts_are_joined_and_their_thinking_set_apart():
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    parts = [thinking, {"type": "text", "text": "yes"}, {"type": "reference", "reference_ids": [1]}]
    message = _message(chunk({"content": parts}))
    assert (message["reasoning_content"], message["content"]) == ("hm", "yes")
    assert message["content_parts"] == [{"type": "reference", "reference_ids": [1]}]


def test_nulls_and_empty_deltas_are_left_out():
    empty = {"content": None, "refusal": None, "tool_calls": None, "function_call": None, "audio": None}
    assert _deltas(_run(chunk({"content": "a"}), chunk(empty), chunk({"content": ""}), chunk({"refusal": ""}))) == [
        {"role": "assistant", "content": "a"},
        {},
    ]


def test_refusals_logprobs_annotations_and_citations_are_kept():
    note = {"type": "url_citation", "url_citation": {"url": "https://example.com", "title": "t"}}
    logprob = {"token": "a", "logprob": -0.1, "bytes": None, "top_logprobs": []}
    chunks = _run(
        chunk({"content": "a"}, choice={"logprobs": {"content": [logprob], "refusal": None}}),
        chunk({"content": "a"}, choice={"logprobs": {"content": [logprob], "refusal": None}}),
        chunk({"refusal": "no"}),
        chunk({"annotations": [note]}),
        chunk({}, citations=["https://example.com"]),
    )
    completion = assemble(chunks)
    choice = completion["choices"][0]
    assert choice["message"]["refusal"] == "no"
    assert choice["message"]["annotations"] == [note]
    assert choice["logprobs"]["content"] == [logprob, logprob]
    assert completion["citations"] == ["https://example.com"]


def test_thinking_blocks_and_reasoning_details_come_together():
    details = {"type": "reasoning.encrypted", "data": "x", "index": 0}
    message = _message(
        chunk({"thinking_blocks": [{"type": "thinking", "thinking": "a", "signature": None}]}),
        chunk({"thinking_blocks": [{"type": "thinking", "thinking": "b"}], "reasoning_details": [details]}),
        chunk({"thinking_blocks": [{"type": "thinking", "thinking": "", "signature": "s1"}]}),
        chunk({"thinking_blocks": [{"type": "redacted_thinking", "data": "zz"}]}),
        chunk({"thinking_blocks": [{"type": "thinking", "thinking": "c", "signature": "s2"}]}),
    )
    assert message["thinking_blocks"] == [
        {"type": "thinking", "thinking": "ab", "signature": "s1"},
        {"type": "redacted_thinking", "data": "zz"},
        {"type": "thinking", "thinking": "c", "signature": "s2"},
    ]
    assert message["reasoning_details"] == [details]


def test_tools_the_provider_ran_stand_apart():
    ran = {"type": "browser", "arguments": "{}", "output": "…"}
    assert _message(chunk({"executed_tools": [ran]}), chunk({"content": "a"}))["provider_tool_calls"] == [ran]


def test_a_message_that_grows_in_each_chunk_is_told_by_its_pieces():
    def piece(text: str) -> dict[str, Any]:
        return {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": None}]}

    assert _deltas(_run(piece("a"), piece("ab"), piece("abc"))) == [
        {"role": "assistant", "content": "a"},
        {"content": "b"},
        {"content": "c"},
        {},
    ]


def test_a_message_beside_the_delta_is_ignored():
    both = chunk({"content": "b"}, choice={"message": {"role": "assistant", "content": "ab"}})
    assert _message(chunk({"content": "a"}), both)["content"] == "ab"


def test_text_and_partial_tell_what_came_so_far():
    normaliser = StreamNormaliser("m")
    assert normaliser.partial() is None
    normaliser.feed(chunk({"role": "assistant", "content": ""}))
    assert normaliser.partial() is None
    normaliser.feed(chunk({"reasoning": "hm", "content": "one "}))
    normaliser.feed(chunk({"content": "two"}))
    normaliser.feed(tools(call(0, "a", "f", '{"x":1}'), call(1, "b", "g", '{"x":')))
    partial = normaliser.partial()
    assert normaliser.text == "one two"
    assert partial is not None
    message = partial["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("one two", "hm")
    assert [found["function"]["name"] for found in message["tool_calls"]] == ["f"]
    assert partial["choices"][0]["finish_reason"] is None


def test_what_is_fed_is_left_as_it_is():
    normaliser = StreamNormaliser("m")
    piece = chunk({"role": "assistant", "content": "a"}, id="x", extra=1)
    copy = chunk({"role": "assistant", "content": "a"}, id="x", extra=1)
    normaliser.feed(piece)
    normaliser.feed(piece)
    assert piece == copy


def test_fields_of_a_chunk_without_choices_are_told_once():
    extra = {"choices": [], "citations": ["x"]}
    told = _run(chunk({"content": "a"}), extra, chunk({"reasoning_content": "b"}), chunk({"reasoning_content": "c"}))
    assert [piece.get("citations") for piece in told] == [None, ["x"], None, None, None]
    told = _run(chunk({"content": "a"}), extra, chunk({"content": "b"}))
    assert [piece.get("citations") for piece in told] == [None, None, ["x"], None]


def test_the_fast_path_sends_what_the_slow_one_would():
    plain = chunk({"content": "b"}, id="other", created=7, model="other", system_fingerprint="fp", usage=None)
    told = _run(
        chunk({"content": "a"}), plain, {"choices": [{"index": 0, "delta": {"content": "c"}, "finish_reason": None}]}
    )
    head = {"id": "c-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "m-1"}
    assert told[1] == {**head, "system_fingerprint": "fp", "choices": plain["choices"]}
    assert told[2] == {**head, "choices": [{"index": 0, "delta": {"content": "c"}, "finish_reason": None}]}
    assert plain["usage"] is None


@pytest.mark.parametrize(
    "piece",
    [
        chunk({"content": "b"}, "stop"),
        chunk({"content": "b"}, usage=_USAGE),
        chunk({"content": "b", "role": "assistant"}),
        chunk({"content": [{"type": "text", "text": "b"}]}),
        chunk({"content": "b"}, choice={"message": {"content": "ab"}}),
        {"choices": [{"index": 0, "delta": {"content": "b"}}]},
    ],
)
def test_text_that_is_not_an_ordinary_piece_is_sent_all_the_same(piece: dict[str, Any]):
    told = _run(chunk({"content": "a"}), piece)
    assert _deltas(told)[1] == {"content": "b"}
    assert told[1]["choices"][0]["finish_reason"] is None
    assert "usage" not in told[1]


def test_text_of_a_choice_that_has_not_begun_gets_a_role():
    told = _run(chunk({"content": "a"}), chunk({"content": "b"}, index=1))
    assert _deltas(told, 1)[0] == {"role": "assistant", "content": "b"}


def test_chunks_that_only_identify_the_server_are_not_sent():
    idle = chunk({}, system_fingerprint="fp", service_tier="s", provider="p", x_groq={"id": "r"})
    told = _run(chunk({"content": "a"}), idle, chunk({"reasoning_content": "b"}))
    assert len(told) == 4
    assert not {"system_fingerprint", "service_tier", "provider", "x_groq"} & told[1].keys()


def test_fields_of_an_empty_chunk_are_sent_with_the_next():
    told = _run(chunk({"content": "a"}), chunk({}, citations=["x"]), chunk({"reasoning_content": "b"}))
    assert [piece.get("citations") for piece in told] == [None, ["x"], None, None]


def test_fields_that_follow_the_end_are_dropped():
    normaliser = StreamNormaliser("m")
    normaliser.feed(chunk({"content": "a"}))
    assert len(normaliser.finish()) == 2
    assert normaliser.feed({"choices": [], "citations": ["x"]}) == []


def test_log_probabilities_alone_are_sent_and_empty_ones_are_not():
    full = chunk({}, choice={"logprobs": {"content": [{"token": "a"}], "refusal": None}})
    empty = chunk({}, choice={"logprobs": {"content": None, "refusal": []}})
    told = _run(chunk({"content": "a"}), full, empty)
    assert [choice.get("logprobs") for piece in told for choice in piece["choices"]] == [
        None,
        {"content": [{"token": "a"}], "refusal": None},
        None,
    ]


def test_a_message_in_place_of_a_delta_is_reduced_to_its_new_part():
    def piece(**message: Any) -> dict[str, Any]:
        return {"choices": [{"index": 0, "message": message, "finish_reason": None}]}

    told = _run(piece(content="a", reasoning="x"), piece(content="ab", reasoning="xy"), piece(content="abc"))
    assert _deltas(told)[:3] == [
        {"role": "assistant", "content": "a", "reasoning_content": "x"},
        {"content": "b", "reasoning_content": "y"},
        {"content": "c"},
    ]


def test_text_completions_are_deltas_too():
    told = _run({"choices": [{"index": 0, "text": "a"}]}, {"choices": [{"index": 0, "text": None}]})
    assert _deltas(told) == [{"role": "assistant", "content": "a"}, {}]


def test_the_partial_answer_has_all_that_arrived():
    normaliser = StreamNormaliser("m")
    normaliser.feed(chunk({"content": "a", "refusal": "n", "annotations": [{"type": "x"}]}, index=1))
    normaliser.feed(chunk({"refusal": "o", "reasoning_items": [{"id": "r"}]}, index=1, usage=_USAGE))
    normaliser.feed(chunk({"content": ""}, index=0))
    normaliser.feed(chunk({}, "length", index=1))
    partial = normaliser.partial()
    assert partial is not None
    assert partial == {
        "id": "c-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "m-1",
        "choices": [
            {
                "index": 1,
                "message": {
                    "role": "assistant",
                    "content": "a",
                    "refusal": "no",
                    "annotations": [{"type": "x"}],
                    "reasoning_items": [{"id": "r"}],
                },
                "finish_reason": "length",
            }
        ],
        "usage": _USAGE,
    }
    assert normaliser.text == ""


def test_a_partial_answer_of_reasoning_alone_counts():
    normaliser = StreamNormaliser("m")
    assert normaliser.text == ""
    normaliser.feed(chunk({"reasoning_content": "hm"}))
    partial = normaliser.partial()
    assert partial is not None
    assert partial["choices"][0]["message"] == {"role": "assistant", "content": None, "reasoning_content": "hm"}
    assert partial["usage"] is None


def test_entries_of_lists_get_an_index_unless_they_have_one():
    told = _run(
        chunk({"annotations": [{"type": "a"}, "noise"]}),
        chunk({"annotations": [{"type": "b", "index": 9}, {"type": "c"}]}),
        chunk({"annotations": []}),
        chunk(
            {"images": [{"type": "image_url"}], "reasoning_items": [{"id": "r"}], "provider_tool_calls": [{"id": "p"}]}
        ),
    )
    lists = [choice["delta"] for piece in told for choice in piece["choices"]]
    assert lists[0]["annotations"] == [{"type": "a", "index": 0}, "noise"]
    assert lists[1]["annotations"] == [{"type": "b", "index": 9}, {"type": "c", "index": 3}]
    assert lists[2]["images"] == [{"type": "image_url", "index": 0}]
    assert lists[2]["reasoning_items"] == [{"id": "r", "index": 0}]
    assert lists[2]["provider_tool_calls"] == [{"id": "p", "index": 0}]
    assert lists[3] == {}


def test_the_finish_reason_keeps_its_company_and_the_first_specific_one_wins():
    told = _run(
        chunk({"content": "a"}, "stop", choice={"stop_reason": 7}),
        chunk({}, "MAX_TOKENS", choice={"native_finish_reason": "given"}),
        chunk({}, "content_filter"),
    )
    assert told[-2]["choices"] == [
        {"index": 0, "delta": {}, "finish_reason": "length", "stop_reason": 7, "native_finish_reason": "given"}
    ]


def test_choices_are_finished_in_order():
    told = _run(chunk({"content": "b"}, index=1), chunk({"content": "a"}, index=0))
    assert [piece["choices"][0]["index"] for piece in told[2:4]] == [0, 1]


def test_a_choice_without_an_index_is_the_first():
    told = _run({"choices": [{"delta": {"content": "a"}}]}, {"choices": [{"index": "x", "delta": {"content": "b"}}]})
    assert _deltas(told) == [{"role": "assistant", "content": "a"}, {"content": "b"}, {}]


@pytest.mark.parametrize("choices", [None, "x", [], ["x"], [None]])
def test_malformed_choices_are_ignored(choices: Any):
    assert _deltas(_run({"choices": choices})) == [{"role": "assistant", "content": ""}, {}]


def test_finishing_twice_tells_nothing_twice():
    normaliser = StreamNormaliser("m")
    normaliser.feed(chunk({"content": "a"}))
    assert normaliser.finish()
    assert normaliser.finish() == []


def test_an_empty_stream_is_an_empty_answer():
    assert _message() == {"role": "assistant", "content": ""}


def test_a_completion_without_choices_is_no_answer():
    for answer in ({}, {"choices": []}, {"choices": None}):
        with pytest.raises(UnavailableError):
            normalise_completion(answer, "m")


def test_a_completion_is_put_in_the_one_shape():
    answer = normalise_completion(
        {
            "choices": [{"message": {"content": None, "reasoning": "hm"}, "finish_reason": "eos"}],
            "usage": {"input_tokens": 3, "output_tokens": 2},
            "search_results": [1],
        },
        "asked-for",
    )
    assert answer["object"] == "chat.completion"
    assert answer["model"] == "asked-for"
    assert answer["choices"][0]["index"] == 0
    assert answer["choices"][0]["message"] == {"reasoning_content": "hm", "role": "assistant", "content": None}
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["usage"] == _USAGE
    assert answer["search_results"] == [1]


_TEXT = st.text(max_size=5)
_DELTA = st.fixed_dictionaries(
    {},
    optional={
        "role": st.just("assistant"),
        "content": st.one_of(st.none(), _TEXT, st.just([{"type": "text", "text": "p"}])),
        "reasoning": st.one_of(st.none(), _TEXT),
        "refusal": st.one_of(st.none(), st.just("")),
        "tool_calls": st.one_of(
            st.none(),
            st.lists(
                st.builds(
                    call,
                    st.one_of(st.none(), st.integers(0, 2)),
                    st.one_of(st.none(), st.sampled_from(["", "a", "b"])),
                    st.one_of(st.none(), st.sampled_from(["", "f", "g"])),
                    st.one_of(st.none(), st.sampled_from(["", "{}", '{"a":', "1}"])),
                ),
                max_size=2,
            ),
        ),
        "unknown": st.integers(),
    },
)
_CHUNK = st.builds(
    lambda delta, finish, index, usage: chunk(delta, finish, index=index, usage=usage),
    _DELTA,
    st.one_of(st.none(), st.sampled_from(["stop", "length", "tool_calls", "eos"])),
    st.integers(0, 1),
    st.one_of(st.none(), st.just(_USAGE)),
)


@given(st.lists(_CHUNK, max_size=10))
def test_the_invariants_hold_for_whatever_comes(pieces: list[dict[str, Any]]):
    chunks = _run(*pieces)
    assert len({(told["id"], told["created"], told["model"]) for told in chunks}) == 1
    assert chunks[-1]["choices"] == []
    assert not any("usage" in told for told in chunks[:-1])
    for index in {choice["index"] for told in chunks for choice in told["choices"]}:
        choices = [choice for told in chunks for choice in told["choices"] if choice["index"] == index]
        assert ["role" in choice["delta"] for choice in choices] == [True] + [False] * (len(choices) - 1)
        assert [bool(choice["finish_reason"]) for choice in choices] == [False] * (len(choices) - 1) + [True]
        seen: set[int] = set()
        for choice in choices:
            for delta in choice["delta"].get("tool_calls") or []:
                assert ("id" in delta) == (delta["index"] not in seen)
                seen.add(delta["index"])
        said = "".join(
            part if isinstance(part := piece["choices"][0]["delta"].get("content") or "", str) else "p"
            for piece in pieces
            if piece["choices"][0]["index"] == index
        )
        assert "".join(choice["delta"].get("content") or "" for choice in choices) == said
    whole = assemble(chunks)
    calls = [found for choice in whole["choices"] for found in choice["message"].get("tool_calls") or []]
    if not all(found["function"]["name"] for found in calls):
        return  # a call without a name is told last, so that a second pass may put it elsewhere
    again = StreamNormaliser("asked-for")
    twice = [told for piece in chunks for told in again.feed(piece)] + again.finish()
    assert assemble(twice) == whole


def test_lists_that_come_in_pieces_can_be_joined_by_their_index():
    normaliser = StreamNormaliser("m")
    pieces = [
        {"thinking_blocks": [{"type": "thinking", "thinking": "I "}]},
        {"thinking_blocks": [{"type": "thinking", "thinking": "look."}]},
        {"thinking_blocks": [{"type": "thinking", "thinking": "I look.", "signature": "s"}]},
        {"thinking_blocks": [{"type": "redacted_thinking", "data": "r"}], "annotations": [{"type": "a"}]},
        {"annotations": [{"type": "b"}, {"type": "c"}]},
    ]
    told = [one for piece in pieces for one in normaliser.feed(chunk(piece))] + normaliser.finish()
    blocks = [b for one in told for c in one["choices"] for b in c["delta"].get("thinking_blocks", ())]
    assert [(block["index"], block.get("thinking")) for block in blocks] == [
        (0, "I "),
        (0, "look."),
        (0, ""),
        (1, None),
    ]
    notes = [n for one in told for c in one["choices"] for n in c["delta"].get("annotations", ())]
    assert notes == [{"type": "a", "index": 0}, {"type": "b", "index": 1}, {"type": "c", "index": 2}]
    message = assemble(told)["choices"][0]["message"]
    assert message["thinking_blocks"] == [
        {"type": "thinking", "thinking": "I look.", "signature": "s"},
        {"type": "redacted_thinking", "data": "r"},
    ]
    assert message["annotations"] == [{"type": "a"}, {"type": "b"}, {"type": "c"}]
