"""Addresses: a base URL's own query is kept, and a codec's `url` is where its `request` goes."""

from __future__ import annotations

from typing import Any

import pytest

from ingate.errors import BadRequestError
from ingate.wire.address import base_path, is_vertex, join, vertex_url
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


RESOURCE = "publishers/google/models/m:generateContent"
HOST = "https://europe-west1-aiplatform.googleapis.com"


@pytest.mark.parametrize(
    ("base", "params", "url"),
    [
        ("https://h", {"vertex_project": "p"}, f"https://h/v1/projects/p/locations/us-central1/{RESOURCE}"),
        ("https://h/", {"project": "p", "location": "l"}, f"https://h/v1/projects/p/locations/l/{RESOURCE}"),
        (
            "https://h/v1beta1?k=1",
            {"vertex_project": "p", "project": "q", "vertex_location": "l", "location": "m"},
            f"https://h/v1beta1/projects/p/locations/l/{RESOURCE}?k=1",
        ),
        ("https://h/v1beta", {"vertex_project": "p"}, f"https://h/v1beta/projects/p/locations/us-central1/{RESOURCE}"),
        ("https://h/v2", {"vertex_project": "p"}, f"https://h/v2/v1/projects/p/locations/us-central1/{RESOURCE}"),
        ("https://h/v1/projects/q/locations/l", {}, f"https://h/v1/projects/q/locations/l/{RESOURCE}"),
        (
            "https://h/v1/projects/q/locations/l/publishers/google/",
            {},
            "https://h/v1/projects/q/locations/l/publishers/google/models/m:generateContent",
        ),
        ("https://h", {"vertex_express": "yes"}, f"https://h/v1/{RESOURCE}"),
        ("https://h/v1beta1", {"vertex_express": "yes"}, f"https://h/v1beta1/{RESOURCE}"),
        (
            "https://h",
            {"vertex_express": "yes", "vertex_project": "p"},
            f"https://h/v1/projects/p/locations/us-central1/{RESOURCE}",
        ),
        (
            "",
            {"vertex_project": "p", "vertex_location": "europe-west1"},
            f"{HOST}/v1/projects/p/locations/europe-west1/{RESOURCE}",
        ),
        (
            "",
            {"vertex_project": "p", "vertex_location": "global"},
            f"https://aiplatform.googleapis.com/v1/projects/p/locations/global/{RESOURCE}",
        ),
    ],
)
def test_models_on_vertex_are_in_a_project_and_a_location(base: str, params: dict[str, str], url: str) -> None:
    assert vertex_url(RESOURCE, target("m", api_base=base, params=params)) == url


@pytest.mark.parametrize("params", [{}, {"vertex_express": ""}, {"vertex_location": "l"}])
def test_vertex_needs_a_project(params: dict[str, str]) -> None:
    with pytest.raises(BadRequestError) as caught:
        vertex_url(RESOURCE, target("m", params=params))
    assert caught.value.code == "missing_vertex_project"


@pytest.mark.parametrize(
    ("fields", "meant"),
    [
        ({}, False),
        ({"provider": "gemini"}, False),
        ({"provider": "vertex_ai"}, True),
        ({"provider": "vertex_ai_beta"}, True),
        ({"params": {"vertex_project": "p"}}, True),
        ({"params": {"vertex_express": "yes"}}, True),
        ({"params": {"vertex_project": "", "vertex_location": "l"}}, False),
    ],
)
def test_a_call_goes_to_vertex_by_its_provider_or_its_project(fields: dict[str, Any], meant: bool) -> None:
    assert is_vertex(target("m", **fields)) is meant


def test_suffixes_are_removed_in_order_and_each_once() -> None:
    assert join("https://h/a/v1/chat?k=1", "/x", strip=("/chat", "/v1")) == "https://h/a/x?k=1"
    assert join("https://h/v1/chat", "/x", strip=("/v1", "/chat")) == "https://h/v1/x"
    assert join("https://h/v1/v1", "/x", strip=("/v1",)) == "https://h/v1/x"


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
