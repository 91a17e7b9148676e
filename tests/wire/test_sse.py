from __future__ import annotations

import itertools

from hypothesis import example, given
from hypothesis import strategies as st

from ingate.wire.sse import DONE, SSEEvent, SSEParser, encode_chunk

_LINES = st.lists(
    st.one_of(
        st.builds("data: {}".format, st.text(st.characters(blacklist_characters="\r\n", codec="utf-8"), max_size=12)),
        st.sampled_from(
            ["", "", ":keep-alive", "event: x", "id: 7", "data", "retry: 10", "nonsense", "data:é✓😀", "{}"]
        ),
    ),
    max_size=14,
)
_ENDS = st.sampled_from(["\n", "\r\n", "\r"])


def _parse(pieces: list[bytes]) -> list[SSEEvent]:
    parser = SSEParser()
    events = [event for piece in pieces for event in parser.feed(piece)]
    return events + parser.close()


@given(lines=_LINES, end=_ENDS, cuts=st.lists(st.integers(0, 400), max_size=12))
@example(lines=["data: a", "", "data: b", ""], end="\r\n", cuts=[8, 9, 10])
def test_events_do_not_depend_on_where_the_bytes_are_cut(lines: list[str], end: str, cuts: list[int]):
    whole = "".join(line + end for line in lines).encode()
    edges = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    pieces = [whole[start:stop] for start, stop in itertools.pairwise(edges)]
    assert _parse(pieces) == _parse([whole])
    assert _parse([whole[place : place + 1] for place in range(len(whole))]) == _parse([whole])


@given(lines=_LINES)
def test_every_line_ending_reads_the_same(lines: list[str]):
    assert len({tuple(_parse([(end.join(lines) + end).encode()])) for end in ("\n", "\r\n", "\r")}) == 1


def test_a_character_cut_in_its_bytes_is_whole():
    data = "data: ✓😀\n\n".encode()
    assert _parse([data[:7], data[7:9], data[9:]]) == [SSEEvent("", "✓😀")]


def test_fields_comments_and_several_data_lines():
    text = b": hello\nevent: error\nid: 4\ndata: one\ndata:two\n\ndata\n\n"
    assert _parse([text]) == [SSEEvent("error", "one\ntwo", "4"), SSEEvent("", "", "4")]


def test_a_last_event_without_its_empty_line_counts():
    assert _parse([b"data: 1\n\ndata: 2"]) == [SSEEvent("", "1"), SSEEvent("", "2")]


def test_a_byte_order_mark_is_no_part_of_the_first_line():
    assert _parse([b"\xef\xbb\xbfdata: 1\n\n"]) == [SSEEvent("", "1")]


def test_bare_json_in_a_stream_is_an_event():
    assert _parse([b'data: 1\n\n{"error": "no"}\n']) == [SSEEvent("", "1"), SSEEvent("", '{"error": "no"}')]


def test_bytes_that_are_no_utf8_are_replaced():
    assert _parse([b"data: \xff\n\n"]) == [SSEEvent("", "\ufffd")]


def test_pieces_of_a_long_line_are_not_copied_until_it_ends():
    parser = SSEParser()
    pieces = [b"data: ", *(b"x" * 1024 for _ in range(10 * 1024))]
    for piece in pieces:
        assert parser.feed(piece) == []
    kept = parser._partial
    assert len(kept) == len(pieces)
    assert all(one is other for one, other in zip(kept, pieces, strict=True))
    [event] = parser.feed(b"\n\n")
    assert len(event.data) == 10 * 2**20


def test_the_id_of_an_event_holds_for_those_after_it_and_its_type_does_not():
    text = b"event: a\nid: 1\ndata: x\n\ndata: y\n\nid: 2\n\nid: a\0b\nevent: c\n\ndata: z\n\n"
    assert _parse([text]) == [SSEEvent("a", "x", "1"), SSEEvent("", "y", "1"), SSEEvent("", "z", "2")]


def test_fields_may_have_no_value_no_space_and_one_space_of_their_own():
    text = b"data:  two\nevent:b\n\nevent\ndata\ndata:\n\nother: x\nid: 5\ndata: y\n\n"
    assert _parse([text]) == [SSEEvent("b", " two"), SSEEvent("", "\n"), SSEEvent("", "y", "5")]


def test_bare_json_ends_the_event_before_it():
    assert _parse([b'event: a\ndata: 1\n{"x": 1}\ndata: 2\n\n']) == [
        SSEEvent("a", "1"),
        SSEEvent("", '{"x": 1}'),
        SSEEvent("", "2"),
    ]


def test_a_line_ending_may_be_split():
    assert _parse([b"data: 1\r", b"\n", b"\r", b"\ndata: 2\r", b"", b"\r"]) == [SSEEvent("", "1"), SSEEvent("", "2")]
    assert _parse([b"data: 1\r", b"data: 2\n\n"]) == [SSEEvent("", "1\n2")]
    assert _parse([b"data: 1\n", b"\n", b"data: 2"]) == [SSEEvent("", "1"), SSEEvent("", "2")]


def test_a_byte_order_mark_is_removed_once_and_only_at_the_start():
    mark = b"\xef\xbb\xbf"
    assert _parse([mark + b"data: 1"]) == [SSEEvent("", "1")]
    assert _parse([b"data: 1\n\n" + mark + b"data: 2\n\n"]) == [SSEEvent("", "1")]
    assert _parse([mark, b"data: 1\n", b"\n"]) == [SSEEvent("", "1")]


def test_an_end_without_data_is_no_event():
    assert _parse([b"event: x\nid: 4\n"]) == []
    assert _parse([b": comment"]) == []
    assert _parse([]) == []


def test_chunks_are_written_as_events():
    assert encode_chunk({"a": "é"}) == 'data: {"a":"é"}\n\n'.encode()
    assert DONE == b"data: [DONE]\n\n"
