"""Addresses: a base URL's own query is kept, and a codec's `url` is where its `request` goes."""

from __future__ import annotations

from typing import Any

import pytest

from ingate.wire.address import base_path, join
from ingate.wire.codec import codec_for, formats
from support.native import target

HI = {"messages": [{"role": "user", "content": "Hi"}]}
VERTEX = {"vertex_project": "p"}


@pytest.mark.parametrize(
    ("base", "path", "url"),
    [
        ("https://h", "/a", "https://h/a"),
        (" https://h/v1/ ", "/a", "https://h/v1/a"),
        ("https://h/v1?key=1", "/a", "https://h/v1/a?key=1"),
        ("https://h/v1?key=1", "/a?alt=sse", "https://h/v1/a?key=1&alt=sse"),
        ("https://h/v1", "/a?alt=sse", "https://h/v1/a?alt=sse"),
        ("https://h/v1/", "", "https://h/v1"),
        ("https://h/v1#part", "/a", "https://h/v1/a"),
    ],
)
def test_a_path_is_joined_before_the_query(base: str, path: str, url: str) -> None:
    assert join(base, path) == url


def test_a_base_path_has_no_query_and_no_slash_at_its_end() -> None:
    assert base_path(" https://h/v1/?key=1#x ") == "https://h/v1"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("m", {}),
        ("m", {"params": VERTEX}),
        ("claude-sonnet-4-5", {"params": VERTEX}),
        ("claude-sonnet-4-5", {"provider": "vertex_ai", "params": VERTEX}),
    ],
)
@pytest.mark.parametrize("wire", formats())
def test_a_request_goes_to_the_codecs_url(wire: str, model: str, options: dict[str, Any], stream: bool) -> None:
    where = target(model, stream=stream, **options)
    codec = codec_for(wire)
    assert codec.request(HI, where).url == codec.url(where)


@pytest.mark.parametrize(
    ("wire", "base", "url"),
    [
        ("ollama", "https://h/v1?k=1", "https://h/api/chat?k=1"),
        ("ollama", "https://h/api?k=1", "https://h/api/chat?k=1"),
        ("cohere", "https://h/compatibility/v1?k=1", "https://h/v2/chat?k=1"),
        ("cohere", "https://h/chat", "https://h/chat/v2/chat"),
    ],
)
def test_a_base_url_of_a_neighbouring_api_is_corrected(wire: str, base: str, url: str) -> None:
    assert codec_for(wire).url(target("m", api_base=base)) == url


@pytest.mark.parametrize("wire", formats())
def test_a_query_in_the_base_url_stays_at_the_end(wire: str) -> None:
    url = codec_for(wire).url(target("m", api_base="https://far/base?tenant=7"))
    path, _, query = url.partition("?")
    assert path.startswith("https://far/base/")
    assert "tenant=7" in query.split("&")


@pytest.mark.parametrize("wire", formats())
def test_a_decoder_declares_that_it_is_neither_done_nor_failed(wire: str) -> None:
    decoder = codec_for(wire).decoder(model="m", content_type="")
    assert decoder.done is False
    assert decoder.failed is None
