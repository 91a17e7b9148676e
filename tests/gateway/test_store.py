"""The store itself: turns, items, histories and conversations, what deleting leaves, and what goes when it is full."""

from __future__ import annotations

import stat
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from ingate.engines.base import Route
from ingate.errors import InvalidRequestError
from ingate.gateway.continuation import Continuations
from ingate.gateway.stored import ResponseStore
from ingate.spec import parse_one
from ingate.wire.passthrough import ApiRequest

if TYPE_CHECKING:
    from pathlib import Path


def _message(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": text, **more}


def _response(name: str, *output: dict[str, Any]) -> dict[str, Any]:
    return {"id": name, "object": "response", "output": list(output)}


def _keep(
    store: ResponseStore, name: str, given: list[Any], *output: Any, previous: str | None = None, provider: str = ""
) -> None:
    store.keep(_response(name, *output), given, spec="acme/m", provider=provider, previous=previous)


def test_a_turn_is_found_by_its_id_with_its_items() -> None:
    store = ResponseStore()
    _keep(store, "r1", ["Hi", _message("x", id="own")], _message("Hello", id="out"), provider="acme")
    turn = store.turn("r1")
    assert turn is not None
    assert (turn.id, turn.spec, turn.provider, turn.previous) == ("r1", "acme/m", "acme", None)
    first, second = turn.input
    assert (first["role"], first["content"], first["type"]) == ("user", "Hi", "message")
    assert first["id"].startswith("msg_ingate")
    assert second == _message("x", id="own")
    assert store.item("own") == (second, "acme")
    assert store.item("out") == (_message("Hello", id="out"), "acme")
    assert store.item(first["id"]) == (first, "acme")
    assert store.item("none") is None
    assert store.turn("none") is None


def test_a_response_without_an_id_is_not_kept() -> None:
    store = ResponseStore()
    _keep(store, "", [_message("x", id="own")])
    assert store.item("own") is None


@pytest.mark.parametrize(
    ("kind", "prefix"),
    [
        ("function_call", "fc"),
        ("function_call_output", "fco"),
        ("reasoning", "rs"),
        ("message", "msg"),
        ("other", "item"),
    ],
)
def test_items_get_ids_of_their_type(kind: str, prefix: str) -> None:
    store = ResponseStore()
    _keep(store, "r", [{"type": kind}])
    turn = store.turn("r")
    assert turn is not None
    assert turn.input[0]["id"].partition("_")[0] == prefix
    assert turn.input[0]["type"] == kind


def test_a_history_is_oldest_first_and_includes_the_answers() -> None:
    store = ResponseStore()
    _keep(store, "r1", [_message("1", id="a")], _message("2", id="b"))
    _keep(store, "r2", [_message("3", id="c")], _message("4", id="d"), previous="r1")
    history = store.history("r2")
    assert history is not None
    assert [item["id"] for item in history] == ["a", "b", "c", "d"]
    assert [item["id"] for item in store.history("r1") or ()] == ["a", "b"]
    assert store.history("none") is None


def test_a_deleted_response_is_gone_with_its_items() -> None:
    store = ResponseStore()
    _keep(store, "r1", [_message("1", id="a")])
    _keep(store, "r2", [_message("2", id="b")])
    assert store.forget("r1") is True
    assert store.forget("r1") is False
    assert (store.turn("r1"), store.item("a")) == (None, None)
    assert store.turn("r2") is not None
    assert store.item("b") is not None


def test_an_expired_response_is_not_found() -> None:
    store = ResponseStore(max_age_s=60.0)
    _keep(store, "r1", [_message("1", id="a")])
    assert store.turn("r1") is not None
    store._max_age_s = 0.0
    assert (store.turn("r1"), store.item("a"), store.history("r1")) == (None, None, None)


def test_only_as_many_of_the_oldest_go_as_the_limit_requires() -> None:
    store = ResponseStore(max_bytes=100_000)
    for number in range(9):
        _keep(store, f"r{number}", [_message("x" * 10_000, id=f"i{number}")])
        store._db.execute("UPDATE turns SET at = ? WHERE id = ?", (time.time() - 100 + number, f"r{number}"))
    store._prune()
    assert [store.turn(f"r{number}") is not None for number in range(9)] == [True] * 9
    store._max_bytes = 75_000
    store._prune()
    assert [store.turn(f"r{number}") is not None for number in range(9)] == [False] * 2 + [True] * 7
    assert store.item("i1") is None
    assert store.item("i2") is not None


def test_a_conversation_keeps_its_items_in_order() -> None:
    store = ResponseStore()
    made = store.open_conversation([_message("1", id="a"), "2"], {"topic": "x"})
    name = made["id"]
    assert name.startswith("conv_")
    assert (made["object"], made["metadata"]) == ("conversation", {"topic": "x"})
    assert abs(made["created_at"] - time.time()) < 60
    added = store.extend(name, [_message("3")])
    assert added[0]["id"].startswith("msg_ingate")
    items = store.conversation_items(name)
    assert [item["content"] for item in items] == ["1", "2", "3"]
    assert store.item("a") == (_message("1", id="a"), "")
    other = store.open_conversation([], {})
    assert store.conversation_items(other["id"]) == []
    assert store.close_conversation(name) is True
    assert store.close_conversation(name) is False
    assert store.conversation(name) is None
    assert store.conversation_items(name) == []
    assert store.conversation(other["id"]) is not None


def test_a_conversation_is_described_anew() -> None:
    store = ResponseStore()
    name = store.open_conversation([], {"topic": "x"})["id"]
    store.describe_conversation(name, {"topic": "y"})
    found = store.conversation(name)
    assert found is not None
    assert found["metadata"] == {"topic": "y"}


def test_threads_share_a_store_in_a_folder_that_it_creates(tmp_path: Path) -> None:
    store = ResponseStore(tmp_path / "a" / "b" / "store.sqlite3")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: _keep(store, f"r{number}", [_message("x")]), range(8)))
    assert all(store.turn(f"r{number}") is not None for number in range(8))
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
    store.close()


def test_expired_conversations_are_deleted_with_their_items() -> None:
    store = ResponseStore(max_age_s=60.0)
    old, new = (store.open_conversation([_message(name, id=name)], {})["id"] for name in ("old", "new"))
    store._db.execute("UPDATE conversations SET at = ? WHERE id = ?", (time.time() - 61, old))
    store._prune()
    assert (store.conversation(old), store.conversation_items(old)) == (None, [])
    assert store.conversation(new) is not None
    assert [item["id"] for item in store.conversation_items(new)] == ["new"]


def _route(provider: str = "acme") -> Route:
    return Route(spec=parse_one(f"{provider}/m"), engine="native", provider=provider, model="m")


def _request(**body: Any) -> ApiRequest:
    return ApiRequest(api="responses", body={"model": "m", **body}, content=b"{}", headers={})


def _kept(provider: str = "") -> Continuations:
    made = Continuations()
    store = made.store
    assert store is not None
    _keep(store, "r1", [_message("1", id="a")], _message("2", id="b"), provider=provider)
    return made


def test_a_request_that_refers_to_nothing_is_unchanged() -> None:
    for request in (
        _request(input="Hi"),
        _request(input=[_message("x", id="a")]),
        ApiRequest(api="chat", body={"previous_response_id": "r1"}, content=None, headers={}),
    ):
        assert _kept().resolve(request, _route(), passed_through=False) is request


def test_a_previous_response_is_filled_in_before_the_input() -> None:
    request = _request(input="3", previous_response_id="r1")
    translated = _kept().resolve(request, _route(), passed_through=False)
    assert [item["content"] for item in translated.history] == ["1", "2"]
    assert translated.body["input"] == "3"
    assert translated.content is None
    passed = _kept().resolve(request, _route(), passed_through=True)
    assert [item["content"] for item in passed.body["input"]] == ["1", "2", "3"]
    assert passed.body["input"][-1] == {"role": "user", "content": "3"}
    assert "previous_response_id" not in passed.body
    assert passed.content is None
    assert request.body["input"] == "3"


def test_a_reference_is_replaced_by_its_item() -> None:
    for reference in ({"type": "item_reference", "id": "b"}, {"id": "b"}, {"type": None, "id": "b"}):
        request = _request(input=[reference, _message("3")])
        found = _kept().resolve(request, _route(), passed_through=False)
        assert found.body["input"] == [_message("2", id="b"), _message("3")]
        assert found.content is None


def test_what_the_provider_stores_is_referred_to_as_the_client_did() -> None:
    request = _request(input=[{"type": "item_reference", "id": "b"}], previous_response_id="r1")
    assert _kept("openai").resolve(request, _route("openai"), passed_through=True).body == request.body
    elsewhere = _kept("openai").resolve(request, _route("openai"), passed_through=False)
    assert elsewhere.body["input"] == [_message("2", id="b")]
    assert [item["content"] for item in elsewhere.history] == ["1", "2"]
    unknown = _request(input="x", previous_response_id="theirs")
    assert _kept().resolve(unknown, _route("openai"), passed_through=True) is unknown


@pytest.mark.parametrize(
    ("body", "param", "status", "code"),
    [
        ({"input": "x", "previous_response_id": "gone"}, "previous_response_id", 400, "previous_response_not_found"),
        ({"input": "x", "conversation": "gone"}, "conversation", 404, "conversation_not_found"),
        ({"input": "x", "conversation": {"id": "gone"}}, "conversation", 404, "conversation_not_found"),
        ({"input": [_message("x"), {"type": "item_reference", "id": "gone"}]}, "input[1]", 404, "item_not_found"),
    ],
)
def test_what_is_not_stored_is_an_error_that_names_the_field(body: Any, param: str, status: int, code: str) -> None:
    for kept in (_kept(), Continuations(enabled=False)):
        with pytest.raises(InvalidRequestError, match="'gone' not found") as caught:
            kept.resolve(_request(**body), _route(), passed_through=False)
        assert (caught.value.param, caught.value.status, caught.value.code) == (param, status, code)


def test_an_answer_is_kept_unless_the_caller_forbids_it() -> None:
    made = Continuations()
    made.keep(_request(input="Hi"), _response("r1", _message("2", id="b")), _route(), passed_through=True)
    made.keep(_request(input="Hi", store=False), _response("r2"), _route(), passed_through=True)
    made.keep(_request(input="Hi"), _response("r3"), _route("openai"), passed_through=True)
    made.keep(_request(input="Hi"), _response("r4"), _route("openai"), passed_through=False)
    made.keep(
        _request(input=[_message("x")], previous_response_id="r1"), _response("r5"), _route(), passed_through=False
    )
    store = made.store
    assert store is not None
    turns = {name: store.turn(name) for name in ("r1", "r2", "r3", "r4", "r5")}
    assert {name: turn.provider for name, turn in turns.items() if turn} == {
        "r1": "",
        "r3": "openai",
        "r4": "",
        "r5": "",
    }
    assert turns["r5"] is not None
    assert turns["r5"].previous == "r1"
    assert [item["content"] for item in store.history("r5") or ()] == ["Hi", "2", "x"]


def test_an_answer_in_a_conversation_extends_it() -> None:
    made = Continuations()
    store = made.store
    assert store is not None
    name = store.open_conversation([_message("0")], {})["id"]
    made.keep(
        _request(input="1", conversation=name), _response("r1", _message("2", id="b")), _route(), passed_through=False
    )
    made.keep(_request(input="x", conversation="none"), _response("r2"), _route(), passed_through=False)
    assert [item["content"] for item in store.conversation_items(name)] == ["0", "1", "2"]
    found = made.resolve(_request(input="3", conversation={"id": name}), _route(), passed_through=False)
    assert [item["content"] for item in found.history] == ["0", "1", "2"]
    assert ["id" in item for item in found.history] == [False, False, True]


def test_nothing_is_kept_if_the_store_is_off() -> None:
    made = Continuations(enabled=False)
    made.keep(_request(input="Hi"), _response("r1"), _route(), passed_through=True)
    assert made.store is None
    made.close()
