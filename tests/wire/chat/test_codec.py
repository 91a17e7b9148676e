from __future__ import annotations

import contextlib
import itertools
import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingate import errors
from ingate.providers import providers
from ingate.wire.chat import quirks
from ingate.wire.chat.azure import azure_endpoint
from ingate.wire.chat.codec import CODEC, endpoint
from ingate.wire.codec import codec_for
from support.native import target
from support.wire import chunk, sse

_MESSAGES = [{"role": "user", "content": "hi"}]


def _sent(body: dict[str, Any], *, model: str = "m", provider: str = "", stream: bool = False, drop: Any = "warn"):
    request = CODEC.request(
        {"messages": _MESSAGES, **body},
        target(model, api_base="http://x/v1", provider=provider, stream=stream, drop_params=drop),
    )
    return json.loads(request.body), request


@pytest.mark.parametrize(
    ("base", "address"),
    [
        ("https://x/v1", "https://x/v1/chat/completions"),
        ("https://x/v1/", "https://x/v1/chat/completions"),
        ("https://x/v1/chat/completions", "https://x/v1/chat/completions"),
        ("https://x/v1/chat/completions/", "https://x/v1/chat/completions"),
        ("https://x", "https://x/chat/completions"),
        ("https://x/v1?key=1", "https://x/v1/chat/completions?key=1"),
        (" http://[::1]:8080/v1 ", "http://[::1]:8080/v1/chat/completions"),
    ],
)
def test_the_address_stands_for_any_way_of_writing_the_base(base: str, address: str):
    assert endpoint(base, "/chat/completions") == address


@pytest.mark.parametrize(
    ("base", "prefix", "url"),
    [
        ("https://x", "", "https://x/chat/completions"),
        ("https://x/api", "/v1", "https://x/api/v1/chat/completions"),
        ("https://x/v1", "/api/v2", "https://x/v1/chat/completions"),
        ("https://x/api/v2", "/api/v2", "https://x/api/v2/chat/completions"),
        ("https://x/api/v2/chat/completions", "/api/v2", "https://x/api/v2/chat/completions"),
        ("https://x/v1/embeddings", "/v1", "https://x/v1/chat/completions"),
        ("https://x/v1/models", "/v1", "https://x/v1/chat/completions"),
        ("https://x/v1/responses", "/v1", "https://x/v1/chat/completions"),
        ("https://x/v1/completions", "/v1", "https://x/v1/chat/completions"),
    ],
)
def test_a_path_is_inserted_unless_it_is_there(base: str, prefix: str, url: str):
    assert endpoint(base, "/chat/completions", prefix) == url


def test_azures_embeddings_have_any_base():
    assert azure_endpoint("https://r.openai.azure.com/openai/v1/embeddings", "/embeddings", "d") == (
        "https://r.openai.azure.com/openai/v1/embeddings"
    )
    assert azure_endpoint("https://r.inference.ai.azure.com", "/embeddings", "d", "v9") == (
        "https://r.inference.ai.azure.com/embeddings?api-version=v9"
    )
    assert azure_endpoint("https://r.services.ai.azure.com/models", "/embeddings", "d") == (
        "https://r.services.ai.azure.com/models/embeddings?api-version=2024-05-01-preview"
    )
    assert azure_endpoint("https://r/x?a=b", "/embeddings", "d/e", "v9") == (
        "https://r/x/openai/deployments/d%2Fe/embeddings?a=b&api-version=v9"
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b" <html>", "is a web page: ' <html>'"),
        (b"[1]", "is not a JSON object: '[1]'"),
        (b" ", "is not a JSON object: it is empty"),
        (b'{"ok":1}', "is JSON but not a chat completion"),
        (b"x" * 400, "'" + "x" * 300 + "'"),
    ],
)
def test_what_came_instead_of_a_completion_is_shown(content: bytes, words: str):
    with pytest.raises(errors.UnavailableError) as caught:
        CODEC.response(content, model="m")
    assert words in str(caught.value)
    assert "base URL" in caught.value.fix


def test_a_whole_response_in_place_of_a_stream_ends_it():
    decoder = CODEC.decoder(model="m", content_type="application/json")
    decoder.feed(b'{"choices":[{"message":{"content":"a"}}]}')
    assert len(decoder.close()) == 1
    assert decoder.done


def test_embeddings_have_headers_and_malformed_ones_are_unavailable():
    sent = CODEC.embeddings_request({"input": "a", "timeout": 3, "extra_body": {"x": 1}}, target("m"))
    assert sent.headers == {"content-type": "application/json", "accept": "application/json"}
    assert json.loads(sent.body) == {"model": "m", "input": "a", "x": 1}
    with pytest.raises(errors.UnavailableError, match="not a list of embeddings"):
        CODEC.embeddings_response(b'{"ok":1}', model="m")


def test_a_provider_whose_default_base_has_no_version_gets_it():
    assert endpoint("https://x", "/chat/completions", "/v1") == "https://x/v1/chat/completions"
    assert endpoint("https://x/v1", "/chat/completions", "/v1") == "https://x/v1/chat/completions"


@pytest.mark.parametrize(
    ("base", "version", "address"),
    [
        (
            "https://r.openai.azure.com",
            "",
            "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21",
        ),
        (
            "https://r.openai.azure.com/",
            "v9",
            "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=v9",
        ),
        (
            "https://r.openai.azure.com/openai",
            "v9",
            "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=v9",
        ),
        ("https://r.openai.azure.com/openai/v1", "", "https://r.openai.azure.com/openai/v1/chat/completions"),
        (
            "https://r.openai.azure.com/openai/deployments/e/chat/completions?api-version=v8",
            "v9",
            "https://r.openai.azure.com/openai/deployments/e/chat/completions?api-version=v8",
        ),
        (
            "https://r.services.ai.azure.com",
            "v9",
            "https://r.services.ai.azure.com/models/chat/completions?api-version=v9",
        ),
        ("https://r.eastus.models.ai.azure.com", "", "https://r.eastus.models.ai.azure.com/chat/completions"),
    ],
)
def test_azures_addresses(base: str, version: str, address: str):
    assert azure_endpoint(base, "/chat/completions", "d", version) == address


def test_azures_codec_speaks_openais_format_at_azures_address():
    codec = codec_for("azure")
    base = "https://r.openai.azure.com"
    request = codec.request(
        {"messages": _MESSAGES}, target("d", api_base=base, provider="azure", params={"api_version": "v9"})
    )
    assert request.url.endswith("/openai/deployments/d/chat/completions?api-version=v9")
    assert codec.embeddings_request({"input": "x"}, target("d", api_base=base)).url.endswith(
        "/openai/deployments/d/embeddings?api-version=2024-10-21"
    )


def test_a_stream_asks_for_usage():
    wire, request = _sent({"stream_options": {"x": 1}}, stream=True)
    assert wire["stream"] is True
    assert wire["stream_options"] == {"x": 1, "include_usage": True}
    assert request.headers["accept"] == "text/event-stream"
    wire, request = _sent({"stream_options": {"include_usage": True}})
    assert "stream" not in wire
    assert "stream_options" not in wire


def test_a_provider_that_refuses_stream_options_is_not_sent_any():
    assert "stream_options" not in _sent({}, provider="mistral", stream=True)[0]


def test_empty_tools_and_what_needs_tools_are_left_out():
    wire, _ = _sent({"tools": [], "tool_choice": "auto", "parallel_tool_calls": False})
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & wire.keys()
    wire, _ = _sent({"tools": [{"type": "function"}], "tool_choice": "auto"})
    assert wire["tool_choice"] == "auto"


def test_extra_body_is_laid_over_and_what_steers_the_gateway_stays_here():
    body = {"extra_body": {"enable_thinking": False, "model": "other"}, "extra_headers": {"X-A": "1"}, "timeout": 3}
    wire, request = _sent(body)
    assert wire == {"model": "other", "messages": _MESSAGES, "enable_thinking": False}
    assert request.headers["x-a"] == "1"


def test_the_request_is_left_as_it_is():
    body = {"messages": [{"role": "developer", "content": "x", "reasoning_content": "y"}], "seed": 1, "max_tokens": 2}
    before = json.dumps(body)
    CODEC.request(body, target("o3", api_base="http://x", provider="mistral", stream=True, drop_params="drop"))
    assert json.dumps(body) == before


@pytest.mark.parametrize(
    ("provider", "model", "given", "name"),
    [
        ("openai", "o3-mini", "max_tokens", "max_completion_tokens"),
        ("openai", "gpt-5.1", "max_tokens", "max_completion_tokens"),
        ("openrouter", "openai/gpt-5-mini", "max_tokens", "max_completion_tokens"),
        ("openai", "gpt-4o", "max_tokens", "max_tokens"),
        ("openai", "gpt-5-chat-latest", "max_tokens", "max_tokens"),
        ("groq", "openai/gpt-oss-120b", "max_tokens", "max_tokens"),
        ("mistral", "any", "max_completion_tokens", "max_tokens"),
        ("deepseek", "any", "max_completion_tokens", "max_tokens"),
        ("mistral", "any", "seed", "random_seed"),
        ("my-server", "o3", "max_tokens", "max_tokens"),
    ],
)
def test_a_parameter_goes_by_the_name_the_model_knows(provider: str, model: str, given: str, name: str):
    wire, request = _sent({given: 7}, provider=provider, model=model)
    assert wire.get(name) == 7
    assert len(wire) == 3
    assert not request.dropped


def test_a_parameter_that_would_be_refused_is_dropped_told_or_refused_by_policy():
    body = {"temperature": 0.2, "top_p": 1}
    wire, request = _sent(body, provider="openai", model="o3")
    assert "temperature" not in wire
    assert request.dropped == ["temperature"]
    assert "temperature" in request.warnings[0]
    assert _sent(body, provider="openai", model="o3", drop="drop")[1].warnings == []
    with pytest.raises(errors.BadRequestError, match="temperature"):
        _sent(body, provider="openai", model="o3", drop="strict")
    assert _sent(body, provider="openai", model="gpt-5.2")[0]["temperature"] == 0.2


def test_message_fields_go_only_to_those_who_take_them():
    message = {
        "role": "assistant",
        "content": None,
        "reasoning_content": "hm",
        "reasoning_details": [{"type": "x"}],
        "thinking_blocks": [{"type": "thinking"}],
        "provider_tool_calls": [{}],
        "tool_calls": [{"id": "a"}],
        "name": "kept",
    }
    plain = {"role": "assistant", "content": None, "tool_calls": [{"id": "a"}], "name": "kept"}

    def to(provider: str) -> dict[str, Any]:
        return _sent({"messages": [message]}, provider=provider)[0]["messages"][0]

    assert to("openai") == to("mistral") == to("my-server") == plain
    assert to("deepseek") == {**plain, "reasoning_content": "hm"}
    assert to("groq") == {**plain, "reasoning": "hm"}
    assert to("openrouter") == {**plain, "reasoning_details": [{"type": "x"}]}
    assert to("litellm_proxy")["thinking_blocks"] == [{"type": "thinking"}]


def test_the_developer_role_is_system_where_it_is_not_known():
    messages = [{"role": "developer", "content": "x"}]
    assert _sent({"messages": messages}, provider="openai")[0]["messages"] == messages
    assert _sent({"messages": messages}, provider="groq")[0]["messages"] == [{"role": "system", "content": "x"}]


def test_a_value_that_json_has_not_is_a_bad_request():
    with pytest.raises(errors.BadRequestError):
        _sent({"metadata": {"x": object()}})


def _read(pieces: list[bytes], content_type: str = "text/event-stream") -> list[dict[str, Any]]:
    decoder = CODEC.decoder(model="m", content_type=content_type)
    out: list[dict[str, Any]] = []
    for piece in pieces:
        out += decoder.feed(piece)
    return out + decoder.close()


_STREAM = sse(chunk({"role": "assistant", "content": "é"}), chunk({"content": "✓"}), chunk({}, "stop"))


@given(st.lists(st.integers(0, len(_STREAM)), max_size=8))
def test_chunks_do_not_depend_on_where_the_bytes_are_cut(cuts: list[int]):
    edges = sorted({0, len(_STREAM), *cuts})
    pieces = [_STREAM[start:stop] for start, stop in itertools.pairwise(edges)]
    assert _read(pieces) == _read([_STREAM])


@pytest.mark.parametrize("length", range(len(_STREAM)))
def test_a_stream_cut_anywhere_is_whole_or_an_error_with_all_that_came(length: int):
    decoder = CODEC.decoder(model="m", content_type="text/event-stream")
    got = decoder.feed(_STREAM[:length])
    try:
        got += decoder.close()
        failed = decoder.failed
    except errors.IngateError as error:
        failed = error
    texts = [piece["choices"][0]["delta"].get("content") for piece in got]
    assert texts == ["é", "✓", None][: len(texts)]
    if len(texts) == 3:
        assert failed is None
    elif texts:
        assert isinstance(failed, errors.StreamInterruptedError)
    else:
        assert isinstance(failed, errors.UnavailableError)


def test_an_error_event_follows_the_chunks_before_it():
    decoder = CODEC.decoder(model="m", content_type="text/event-stream")
    got = decoder.feed(sse(chunk({"content": "a"}), {"error": {"message": "no", "code": 429}}, done=False))
    assert len(got) == 1
    with pytest.raises(errors.RateLimitError):
        decoder.feed(b"")


@pytest.mark.parametrize(
    ("data", "cls"),
    [
        (b'data: {"error": {"message": "x", "type": "invalid_request_error"}}\n\n', errors.BadRequestError),
        (b'event: error\ndata: {"message": "x", "code": 401}\n\n', errors.AuthenticationError),
        (b"event: error\ndata: boom\n\n", errors.UnavailableError),
        (b'data: {"error": "overloaded"}\n\n', errors.RateLimitError),
        (b'{"error": {"message": "x", "code": 400}}\n', errors.BadRequestError),
        (
            b'data: {"choices": [{"delta": {}, "finish_reason": "error", "error": {"code": 502, "message": "x"}}]}\n\n',
            errors.UnavailableError,
        ),
        (b'data: {"object": "error", "message": "x", "code": 404}\n\n', errors.ModelNotFoundError),
        (b"data: {broken\n\n", errors.StreamInterruptedError),
        (b"data: [DONE]\n\n", errors.UnavailableError),
        (b": nothing\n\n", errors.UnavailableError),
        (b"", errors.UnavailableError),
    ],
)
def test_errors_in_a_stream_have_their_class(data: bytes, cls: type[errors.IngateError]):
    with pytest.raises(cls):
        _read([data])


def test_nothing_after_the_end_mark_counts():
    assert len(_read([sse(chunk({"content": "a"})) + b"data: {nonsense\n\n"])) == 1


def test_a_stream_without_an_end_mark_is_whole_after_a_finish_reason():
    assert len(_read([sse(chunk({"content": "a"}), chunk({}, "stop"), done=False)])) == 2


def test_an_answer_in_one_piece_where_a_stream_was_asked_for_is_taken():
    answer = {"id": "x", "choices": [{"index": 0, "message": {"content": "a"}, "finish_reason": "stop"}]}
    assert _read([json.dumps(answer).encode()], "application/json") == [answer]
    assert _read([json.dumps(answer).encode()], "text/event-stream") == [answer]
    with pytest.raises(errors.RateLimitError):
        _read([b'{"error": {"message": "x", "code": 429}}'], "application/json")


def test_events_under_a_wrong_content_type_are_read():
    assert _read([_STREAM], "application/json") == _read([_STREAM])


def test_odd_json_is_borne_with():
    text = b'data: {"choices": [{"index": 0, "delta": {"content": "\\ud83d"}, "logprobs": {"x": NaN}, "finish_reason": "stop"}]}\n\n'
    [got] = _read([text])
    assert got["choices"][0]["delta"]["content"] == "\ufffd"
    assert got["choices"][0]["logprobs"] == {"x": None}


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"not json", b"[]", b"3", b'{"ok": true}', b"\xff\xfe", b"[" * 100_000]
)
def test_an_answer_that_is_none_is_unavailable(body: bytes):
    with pytest.raises(errors.UnavailableError):
        CODEC.response(body, model="m")


def test_an_error_in_a_good_answer_is_raised():
    with pytest.raises(errors.ModelNotFoundError):
        CODEC.response(b'{"error": {"message": "no", "code": 404}}', model="m")
    with pytest.raises(errors.UnavailableError):
        CODEC.response(b'{"choices": [{"message": {}, "finish_reason": "error"}]}', model="m")
    with pytest.raises(errors.RateLimitError):
        CODEC.embeddings_response(b'{"error": {"message": "no", "code": 429}}', model="m")


def test_embeddings_go_and_come_as_they_are():
    request = CODEC.embeddings_request({"input": ["a"], "dimensions": 3}, target("m", api_base="http://x/v1/"))
    assert request.url == "http://x/v1/embeddings"
    assert json.loads(request.body) == {"model": "m", "input": ["a"], "dimensions": 3}
    assert CODEC.embeddings_response(b'{"data": []}', model="m") == {"object": "list", "model": "m", "data": []}


def test_an_unknown_wire_format_is_not_served():
    with pytest.raises(errors.NotSupportedError):
        codec_for("telegraph")


@given(st.binary(max_size=60))
def test_no_bytes_break_the_decoder(data: bytes):
    with contextlib.suppress(errors.IngateError):
        _read([data])


def test_the_table_of_differences_names_providers_that_exist():
    known = providers()
    assert not set(quirks.PROVIDERS) - set(known) - {"litellm_proxy"}
    assert all(row.source.startswith("https://") for row in quirks.PROVIDERS.values())


@pytest.mark.parametrize(
    ("model", "asked", "sent"),
    [
        ("gpt-5", "none", "minimal"),
        ("gpt-5-mini", "xhigh", "high"),
        ("gpt-5.1", "minimal", "low"),
        ("gpt-5.6", "xhigh", "xhigh"),
        ("o4-mini", "max", "high"),
        ("gpt-4o", "high", None),
        ("a-model-of-mine", "max", "max"),
        ("gpt-5", "heroic", "heroic"),
    ],
)
def test_an_effort_the_model_does_not_take_becomes_the_nearest_one(model: str, asked: str, sent: str | None):
    wire, request = _sent({"messages": [], "reasoning_effort": asked}, provider="openai", model=model)
    assert wire.get("reasoning_effort") == sent
    assert bool(request.warnings) == (sent != asked)
    assert request.dropped == ([] if sent else ["reasoning_effort"])


@pytest.mark.parametrize(
    ("model", "effort", "kept"),
    [
        ("gpt-5", None, False),
        ("gpt-5.2", None, True),
        ("gpt-5.2", "none", True),
        ("gpt-5.2", "high", False),
        ("o3", None, False),
        ("gpt-5-chat-latest", None, True),
        ("gpt-4o", None, True),
    ],
)
def test_sampling_is_left_to_models_that_take_it(model: str, effort: str | None, kept: bool):
    body = {"messages": [], "temperature": 0.2, **({"reasoning_effort": effort} if effort else {})}
    wire, request = _sent(body, provider="openai", model=model)
    assert ("temperature" in wire) == kept
    assert request.dropped == ([] if kept else ["temperature"])


def test_every_rule_of_the_model_facts_names_its_sources_and_known_fields():
    import importlib.resources

    raw = json.loads((importlib.resources.files("ingate") / "data" / "model_facts.json").read_bytes())
    groups = [family["rules"] for family in raw["families"].values()]
    groups += [*raw["formats"].values(), *raw["providers"].values()]
    assert len(groups) > 10
    for name, source in raw["sources"].items():
        assert set(source) == {"url", "date"}, name
        assert source["url"].startswith("https://"), name
        assert date.fromisoformat(source["date"]) >= date(2026, 1, 1), name
    for rules in groups:
        for rule in rules:
            assert set(rule) == {"match", "sources", "facts"}, rule
            assert set(rule["sources"]) <= set(raw["sources"]), rule
            assert set(rule["facts"]) <= set(raw["fields"]), rule


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_allowed_tools_are_the_only_ones_offered_where_only_openai_knows_the_choice(mode: str):
    tools = [{"type": "function", "function": {"name": name}} for name in ("a", "b")]
    tools.append({"type": "custom", "custom": {"name": "c"}})
    allowed = [{"type": "function", "function": {"name": "b"}}, {"type": "custom", "custom": {"name": "c"}}]
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": allowed}}
    body, _ = _sent({"tools": tools, "tool_choice": choice}, provider="groq")
    assert (body["tools"], body["tool_choice"]) == (tools[1:], mode)
    body, _ = _sent({"tools": tools, "tool_choice": choice}, provider="openai")
    assert (body["tools"], body["tool_choice"]) == (tools, choice)
