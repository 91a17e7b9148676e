"""A caller's request prepared for an engine, the estimate of its tokens, and the metadata of its answer."""

from __future__ import annotations

from typing import Any

import pytest

from ingate.catalog import ModelRow
from ingate.engines.base import CallReport, Route
from ingate.errors import BadRequestError
from ingate.gateway.metadata import answer_metadata
from ingate.gateway.proxy_list import is_listed
from ingate.gateway.requests import api_request, chat_request, with_own_reasoning
from ingate.gateway.tokens import estimate
from ingate.spec import parse_one

HI = [{"role": "user", "content": "Hi"}]
USAGE = {"prompt_tokens": 1_000_000, "completion_tokens": 0, "total_tokens": 1_000_000}


def _route(**fields: Any) -> Route:
    settings: dict[str, Any] = {"spec": parse_one("acme/m"), "engine": "native", "provider": "acme", "model": "m"}
    return Route(**{**settings, **fields})


def test_an_engine_gets_the_request_without_model_and_stream() -> None:
    body = {"model": "acme/m", "stream": True, "messages": HI, "top_p": 0.5}
    assert chat_request(_route(), body, CallReport()) == {"messages": HI, "top_p": 0.5}
    assert body["stream"] is True


def test_the_specs_parameters_win_over_the_requests() -> None:
    body = {"messages": HI, "temperature": 0.1, "seed": 4}
    assert chat_request(_route(params={"temperature": 0.9}), body, CallReport()) == {
        "messages": HI,
        "temperature": 0.9,
        "seed": 4,
    }


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize(
    ("asked", "most", "sent", "warned"),
    [(9, 5, 5, 1), (5, 5, 5, 0), (6, 5, 5, 1), (9, 0, 9, 0), (9, None, 9, 0), ("9", 5, "9", 0)],
)
def test_a_length_above_the_models_limit_is_lowered_with_a_warning(
    name: str, asked: Any, most: Any, sent: Any, warned: int
) -> None:
    report = CallReport()
    made = chat_request(_route(facts={"max_output_tokens": most}), {"messages": HI, name: asked}, report)
    assert made == {"messages": HI, name: sent}
    assert len(report.warnings) == warned
    if warned:
        assert report.warnings == [f"{name} was lowered from {asked} to 5, the most that m returns"]


def test_reasoning_of_another_provider_is_left_out_with_a_warning() -> None:
    block = {"type": "thinking", "thinking": "t", "signature": "s", "provider": "other"}
    chat = {"messages": [{"role": "assistant", "content": "a", "thinking_blocks": [block]}, *HI]}
    report = CallReport()
    made = with_own_reasoning(_route(wire_format="messages"), chat, report)
    assert not made["messages"][0].get("thinking_blocks")
    assert chat["messages"][0]["thinking_blocks"] == [block]
    assert len(report.warnings) == 1
    assert with_own_reasoning(_route(), {"messages": HI}, report) == {"messages": HI}
    assert with_own_reasoning(_route(), {"messages": "?"}, report) == {"messages": "?"}
    assert len(report.warnings) == 1


def test_a_request_in_another_api_says_whether_it_streams() -> None:
    body = {"model": "m", "input": "Hi", "stream": True}
    whole = api_request("responses", body, None, stream=False)
    assert (whole.api, whole.body, whole.headers) == ("responses", {"model": "m", "input": "Hi"}, {})
    streamed = api_request("messages", {"model": "m"}, {"Anthropic-Beta": "b"}, stream=True)
    assert streamed.body == {"model": "m", "stream": True}
    assert streamed.headers == {"anthropic-beta": "b"}
    made: Any = "soap"
    with pytest.raises(BadRequestError, match="'soap' is not one of chat, responses, messages"):
        api_request(made, body, None, stream=False)


def test_an_estimate_counts_text_by_length_and_images_by_number() -> None:
    def tokens(*content: Any, **more: Any) -> int:
        return estimate({"messages": [{"role": "user", "content": list(content)}], **more})

    text = {"type": "text", "text": "x" * 3600}
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 90_000}}
    assert 1000 <= tokens(text) <= 1030
    assert 1600 <= tokens(image) <= 1630
    assert 3200 <= tokens(image, image) <= 3230
    assert 2600 <= tokens(text, image) <= 2640
    assert tokens(text, tools=[{"x": "y" * 360}]) - tokens(text) in range(100, 112)
    assert tokens(text, response_format={"x": "y" * 360}) - tokens(text) in range(100, 115)
    assert tokens(text, user="y" * 360) == tokens(text)
    signed = {"type": "thinking", "thinking": "t", "signature": "s" * 3600, "data": "d" * 3600}
    assert tokens(signed) < 50
    assert estimate({}) == 1


class _Catalog:
    def __init__(self, *rows: ModelRow) -> None:
        self.asked: list[tuple[str, str]] = []
        self._rows = {(row.provider, row.model): row for row in rows}

    def get(self, provider: str, model: str) -> ModelRow | None:
        self.asked.append((provider, model))
        return self._rows.get((provider, model))


def _metadata(route: Route, usage: Any, *rows: ModelRow, headers: dict[str, str] | None = None) -> dict[str, Any]:
    catalog: Any = _Catalog(*rows)
    report = CallReport(headers=headers or {}, dropped=["seed"], warnings=["w"])
    return answer_metadata(route, report, usage, lambda: catalog)


def _row(provider: str, model: str) -> ModelRow:
    return ModelRow(provider, model, input_usd_per_mtok=2.0, output_usd_per_mtok=4.0)


def test_an_answer_says_what_served_it_and_what_it_cost() -> None:
    assert _metadata(_route(), USAGE, _row("acme", "m")) == {
        "spec": "acme/m",
        "engine": "native",
        "provider": "acme",
        "dropped": ["seed"],
        "warnings": ["w"],
        "headers": {},
        "cost_usd": 2.0,
    }


def test_a_cost_is_unknown_without_usage_or_price_and_nothing_for_a_local_model() -> None:
    assert _metadata(_route(), None, _row("acme", "m"))["cost_usd"] is None
    assert _metadata(_route(), USAGE)["cost_usd"] is None
    for engine in ("local", "scripted"):
        assert _metadata(_route(engine=engine), None)["cost_usd"] == 0.0


def test_a_proxys_answer_has_its_own_cost_or_that_of_the_model_behind_it() -> None:
    route = _route(provider="litellm_proxy", model="team")
    name = {"x-litellm-model-name": "acme/m/x"}
    found = _metadata(route, USAGE, headers={"x-litellm-response-cost": "0.5", **name})
    assert (found["cost_usd"], found["proxy"]["model"]) == (0.5, "acme/m/x")
    assert _metadata(route, USAGE, _row("acme", "m/x"), headers=name)["cost_usd"] == 2.0
    assert _metadata(route, USAGE, _row("litellm_proxy", "team"))["cost_usd"] is None
    assert "proxy" not in _metadata(_route(), USAGE)


@pytest.mark.parametrize(
    ("name", "expected"), [("gpt", True), ("groq/a", True), ("groq/", True), ("groq", False), ("gpt2", False)]
)
def test_a_wildcard_of_the_proxy_lists_what_begins_like_it(name: str, expected: bool) -> None:
    assert is_listed(frozenset({"gpt", "groq/*"}), name) is expected


def test_positions_of_streamed_thinking_blocks_are_not_sent_back() -> None:
    block = {"type": "thinking", "thinking": "t", "signature": "s"}
    message = {"role": "assistant", "content": "a", "thinking_blocks": [{**block, "index": 0}]}
    made = chat_request(_route(), {"messages": [message, *HI]}, CallReport())
    assert made["messages"] == [{**message, "thinking_blocks": [block]}, *HI]
    assert message["thinking_blocks"] == [{**block, "index": 0}]
