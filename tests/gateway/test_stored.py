"""Stored responses and conversations: continued, listed, deleted, expired; and never kept where the caller says so."""

from __future__ import annotations

import gc
import json
import sqlite3
import stat
import warnings
from typing import TYPE_CHECKING, Any

from ingate import Gateway, ScriptedEngine
from ingate.gateway.stored import ResponseStore
from support.client import ask
from support.http import Conversation, serving

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

CONFIG = {"openai": {"api_key": "sk-none-of-yours"}}


def scripted(**more: Any) -> tuple[Gateway, ScriptedEngine]:
    engine = ScriptedEngine()
    return Gateway({}, engines={"scripted": engine}, **more), engine


async def respond(gateway: Gateway, text: Any, **more: Any) -> Any:
    body = {"model": "scripted/m", "input": text, **more}
    return await ask(gateway.asgi, "POST", "/v1/responses", body)


async def test_a_response_is_continued_by_its_id() -> None:
    gateway, engine = scripted()
    async with gateway:
        engine.enqueue("Hello, Ann.")
        first = (await respond(gateway, "I am Ann.")).json()
        engine.enqueue("Ann.")
        second = (await respond(gateway, "Who am I?", previous_response_id=first["id"])).json()
        engine.enqueue("Still Ann.")
        third = await respond(gateway, [{"role": "user", "content": "Sure?"}], previous_response_id=second["id"])
    assert third.status == 200
    assert third.json()["previous_response_id"] == second["id"]
    contents = [message["content"] for message in engine.requests[-1][1]["messages"]]
    assert [c if isinstance(c, str) else c[0]["text"] for c in contents] == [
        "I am Ann.", "Hello, Ann.", "Who am I?", "Ann.", "Sure?",
    ]  # fmt: skip


async def test_a_streamed_response_is_stored_too() -> None:
    gateway, engine = scripted()
    async with gateway:
        engine.enqueue("Hello.")
        streamed = await respond(gateway, "Hi", stream=True)
        completed = json.loads(streamed.body.decode().rstrip().rsplit("data: ", 1)[1])
        assert completed["type"] == "response.completed"
        found = await ask(gateway.asgi, "GET", f"/v1/responses/{completed['response']['id']}")
    assert found.json()["output"] == completed["response"]["output"]


async def test_items_are_referred_to_by_their_ids_as_vercels_client_does() -> None:
    gateway, engine = scripted()
    async with gateway:
        engine.enqueue("Hello.")
        first = (await respond(gateway, "Hi")).json()
        reference = {"type": "item_reference", "id": first["output"][0]["id"]}
        engine.enqueue("Yes.")
        again = await respond(
            gateway, [{"role": "user", "content": "Hi"}, reference, {"role": "user", "content": "And?"}]
        )
        unknown = await respond(gateway, [{"type": "item_reference", "id": "msg_gone"}])
    assert again.status == 200
    assert "Hello." in json.dumps(engine.requests[-1][1]["messages"])
    assert unknown.status == 404
    assert unknown.json()["error"]["param"] == "input[0]"
    assert len(engine.requests) == 2


async def test_what_is_not_to_be_stored_is_not() -> None:
    gateway, engine = scripted()
    async with gateway:
        engine.enqueue("Hello.")
        first = (await respond(gateway, "Hi", store=False)).json()
        second = await respond(gateway, "And?", previous_response_id=first["id"])
        found = await ask(gateway.asgi, "GET", f"/v1/responses/{first['id']}")
    assert second.status == 400
    assert second.json()["error"]["code"] == "previous_response_not_found"
    assert second.json()["error"]["param"] == "previous_response_id"
    assert found.status == 404
    assert len(engine.requests) == 1


async def test_a_gateway_without_a_store_keeps_nothing() -> None:
    gateway, engine = scripted(store=False)
    async with gateway:
        engine.enqueue("Hello.")
        first = (await respond(gateway, "Hi")).json()
        assert (await respond(gateway, "And?", previous_response_id=first["id"])).status == 400
        assert (await ask(gateway.asgi, "GET", f"/v1/responses/{first['id']}")).status == 501


async def test_a_response_is_read_listed_and_deleted() -> None:
    gateway, engine = scripted()
    async with gateway:
        engine.enqueue("Hello.")
        path = f"/v1/responses/{(await respond(gateway, 'Hi')).json()['id']}"
        items = (await ask(gateway.asgi, "GET", f"{path}/input_items")).json()
        assert [item["content"] for item in items["data"]] == [[{"type": "input_text", "text": "Hi"}]]
        assert items["first_id"] == items["last_id"] == items["data"][0]["id"]
        assert (await ask(gateway.asgi, "POST", f"{path}/cancel", {})).status == 400
        assert (await ask(gateway.asgi, "DELETE", path)).json()["deleted"] is True
        assert (await ask(gateway.asgi, "GET", path)).status == 404
        assert (await ask(gateway.asgi, "DELETE", path)).status == 404
        assert (await ask(gateway.asgi, "GET", f"{path}/unknown")).status == 501


async def test_a_conversation_grows_with_its_responses() -> None:
    gateway, engine = scripted()
    async with gateway:
        made = await ask(
            gateway.asgi, "POST", "/v1/conversations", {"items": [{"role": "user", "content": "I am Ann."}]}
        )
        conversation = made.json()["id"]
        engine.enqueue("Ann.")
        await respond(gateway, "Who am I?", conversation=conversation)
        engine.enqueue("Yes.")
        await respond(gateway, "Sure?", conversation={"id": conversation})
        items = (await ask(gateway.asgi, "GET", f"/v1/conversations/{conversation}/items")).json()
        assert [item.get("role") for item in items["data"]] == ["assistant", "user", "assistant", "user", "user"]
        added = await ask(
            gateway.asgi,
            "POST",
            f"/v1/conversations/{conversation}/items",
            {"items": [{"role": "user", "content": "x"}]},
        )
        assert added.json()["data"][0]["content"] == [{"type": "input_text", "text": "x"}]
        assert (
            await ask(gateway.asgi, "POST", f"/v1/conversations/{conversation}/items", {"items": "x"})
        ).status == 400
        assert (await ask(gateway.asgi, "DELETE", f"/v1/conversations/{conversation}")).json()["deleted"] is True
        gone = await respond(gateway, "Hi", conversation=conversation)
    assert "I am Ann." in json.dumps(engine.requests[-1][1]["messages"])
    assert gone.status == 404
    assert gone.json()["error"]["param"] == "conversation"


RESPONSE = {
    "id": "resp_up", "object": "response", "status": "completed", "model": "m", "error": None,
    "output": [{"type": "message", "id": "msg_up", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]}],
    "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
}  # fmt: skip


async def answer(talk: Conversation) -> None:
    await talk.answer(json.dumps(RESPONSE).encode())


async def test_what_the_provider_stores_is_left_to_it() -> None:
    async with (
        serving(answer) as server,
        Gateway({"openai": {"api_key": "k" * 20, "base_url": server.base}}) as gateway,
    ):
        ours = {"model": "openai/gpt-5.1", "input": "Hi"}
        await ask(gateway.asgi, "POST", "/v1/responses", ours)
        reference = {"type": "item_reference", "id": "msg_up"}
        more = {"model": "openai/gpt-5.1", "input": [reference], "previous_response_id": "resp_up"}
        await ask(gateway.asgi, "POST", "/v1/responses", more)
        await ask(gateway.asgi, "POST", "/v1/responses", {**more, "previous_response_id": "resp_of_another_day"})
        await ask(gateway.asgi, "DELETE", "/v1/responses/resp_up")
    sent = [json.loads(talk.body) if talk.body else talk.head.split("\r\n")[0] for talk in server.asked]
    assert sent[1]["previous_response_id"] == "resp_up"
    assert sent[1]["input"] == [reference]
    assert sent[2]["previous_response_id"] == "resp_of_another_day"
    assert sent[3].startswith("DELETE /v1/responses/resp_up ")


async def test_a_conversation_moves_to_a_provider_that_does_not_have_it() -> None:
    async with serving(answer) as server:
        config = {
            "openai": {"api_key": "k" * 20, "base_url": server.base},
            "groq": {"api_key": "g" * 20, "base_url": server.base},
        }
        async with Gateway(config) as gateway:
            await ask(gateway.asgi, "POST", "/v1/responses", {"model": "openai/gpt-5.1", "input": "I am Ann."})
            more = {"model": "groq/m", "input": "Who?", "previous_response_id": "resp_up"}
            assert (await ask(gateway.asgi, "POST", "/v1/responses", more)).status == 200
    sent = json.loads(server.asked[1].body)
    assert "previous_response_id" not in sent
    assert [item.get("content") for item in sent["input"]][::2] == ["I am Ann.", "Who?"]
    assert "id" not in sent["input"][0]


def test_the_file_is_private_survives_a_restart_and_is_pruned(tmp_path: Path) -> None:
    path = tmp_path / "state" / "responses.sqlite3"
    store = ResponseStore(path)
    store.keep({**RESPONSE, "id": "resp_1"}, [{"role": "user", "content": "x"}], spec="a/b", provider="", previous=None)
    store.close()
    store.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = ResponseStore(path)
    turn = again.turn("resp_1")
    assert turn is not None
    assert (turn.spec, turn.response["output"]) == ("a/b", RESPONSE["output"])
    again.close()
    assert ResponseStore(path, max_age_s=0.0).turn("resp_1") is None
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM turns").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM items").fetchone() == (0,)


def test_the_oldest_responses_go_first_when_there_are_too_many() -> None:
    store = ResponseStore(max_bytes=10_000)
    for number in range(200):
        store.keep({**RESPONSE, "id": f"resp_{number}"}, ["x" * 50], spec="a/b", provider="", previous=None)
    assert store.turn("resp_0") is None
    assert store.turn("resp_199") is not None


def test_a_history_with_a_gap_or_a_circle_is_no_history() -> None:
    store = ResponseStore()
    store.keep({**RESPONSE, "id": "a"}, ["x"], spec="a/b", provider="", previous="gone")
    store.keep({**RESPONSE, "id": "b"}, ["x"], spec="a/b", provider="", previous="b")
    assert store.history("a") is None
    assert store.history("b") is None


def test_a_store_that_nobody_closes_leaves_no_connection(recwarn: pytest.WarningsRecorder) -> None:
    gc.collect()  # what other tests left
    warnings.simplefilter("always", ResourceWarning)
    recwarn.clear()
    ResponseStore()
    gc.collect()
    assert [str(warning.message) for warning in recwarn] == []


async def test_a_store_that_cannot_be_opened_stores_nothing_and_answers(tmp_path: Path, caplog: Any) -> None:
    path = tmp_path / "responses.sqlite3"
    path.write_bytes(b"this is not a database, whatever its name says" * 50)
    gateway, engine = scripted(store=path)
    async with gateway:
        engine.enqueue("Hello.")
        assert (await respond(gateway, "Hi")).status == 200
        assert (await respond(gateway, "Hi")).status == 200
    assert caplog.text.count("responses are not stored") == 1


def test_a_conversation_keeps_the_time_at_which_it_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingate.gateway.stored.time.time", lambda: 1_000_000_000.0)
    store = ResponseStore(max_age_s=1e12)
    made = store.open_conversation([], {})
    monkeypatch.setattr("ingate.gateway.stored.time.time", lambda: 2_000_000_000.0)
    store.extend(made["id"], [{"role": "user", "content": "x"}])
    assert store.conversation(made["id"]) == made
    store.close()


async def test_a_request_whose_references_the_provider_has_keeps_its_bytes() -> None:
    raw = b'{"model":"openai/gpt-5.1","temperature":1.0e0,"input":[{"type":"item_reference","id":"msg_elsewhere"}]}'
    async with (
        serving(answer) as server,
        Gateway({"openai": {"api_key": "k" * 20, "base_url": server.base}}) as gateway,
    ):
        assert (await ask(gateway.asgi, "POST", "/v1/responses", raw)).status == 200
    assert b'"temperature":1.0e0' in server.asked[0].body


async def test_input_items_come_page_by_page() -> None:
    gateway, engine = scripted()
    async with gateway:
        engine.enqueue("Hello.")
        words = ["a", "b", "c", "d", "e"]
        path = f"/v1/responses/{(await respond(gateway, [{'role': 'user', 'content': word} for word in words])).json()['id']}"

        async def page(query: str) -> tuple[str, bool, str]:
            found = (await ask(gateway.asgi, "GET", f"{path}/input_items?{query}")).json()
            texts = "".join(item["content"][0]["text"] for item in found["data"])
            return texts, found["has_more"], found["last_id"]

        assert (await page("limit=5"))[:2] == ("edcba", False)
        first = await page("order=asc&limit=2")
        assert first[:2] == ("ab", True)
        second = await page(f"order=asc&limit=2&after={first[2]}")
        assert second[:2] == ("cd", True)
        assert (await page(f"order=asc&limit=2&after={second[2]}"))[:2] == ("e", False)
        unknown = (await ask(gateway.asgi, "GET", f"{path}/input_items?after=msg_none")).json()
        assert (unknown["data"], unknown["has_more"]) == ([], False)
        for limit in ("0", "101", "x"):
            refused = await ask(gateway.asgi, "GET", f"{path}/input_items?limit={limit}")
            assert (refused.status, refused.json()["error"]["param"]) == (400, "limit")


async def test_a_response_that_the_provider_does_not_delete_is_kept() -> None:
    async def refuse_to_delete(talk: Conversation) -> None:
        status = "409 Conflict" if talk.head.startswith("DELETE") else "200 OK"
        await talk.answer(json.dumps(RESPONSE).encode(), status=status)

    async with (
        serving(refuse_to_delete) as server,
        Gateway({"openai": {"api_key": "k" * 20, "base_url": server.base}}) as gateway,
    ):
        await ask(gateway.asgi, "POST", "/v1/responses", {"model": "openai/gpt-5.1", "input": "Hi"})
        refused = await ask(gateway.asgi, "DELETE", "/v1/responses/resp_up")
        assert refused.status == 409
        assert "did not delete" in refused.json()["error"]["message"]
        assert (await ask(gateway.asgi, "GET", "/v1/responses/resp_up")).status == 200


async def test_what_is_not_stored_is_an_invalid_request_of_the_api() -> None:
    gateway, engine = scripted()
    async with gateway:
        for method, path, param in (
            ("GET", "/v1/responses/resp_none", "response_id"),
            ("DELETE", "/v1/responses/resp_none", "response_id"),
            ("GET", "/v1/responses/resp_none/input_items", "response_id"),
            ("POST", "/v1/responses/resp_none/cancel", "response_id"),  # without a body, as OpenAI's client sends it
            ("GET", "/v1/conversations/conv_none", "conversation_id"),
        ):
            found = await ask(gateway.asgi, method, path)
            error = found.json()["error"]
            assert (found.status, error["type"], error["param"], error["code"]) == (
                404, "invalid_request_error", param, "not_found",
            ), path  # fmt: skip
        conversation = (await ask(gateway.asgi, "POST", "/v1/conversations", {})).json()["id"]
        missing = await ask(gateway.asgi, "GET", f"/v1/conversations/{conversation}/items/msg_none")
        assert (missing.status, missing.json()["error"]["param"]) == (404, "item_id")
        engine.enqueue("Hello.")
        first = (await respond(gateway, "Hi")).json()
        both = await respond(gateway, "Hi", previous_response_id=first["id"], conversation=conversation)
        assert (both.status, both.json()["error"]["param"]) == (400, "previous_response_id")
        assert len(engine.requests) == 1


async def test_curated_models_are_listed_with_the_name_to_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-none")
    gateway, _ = scripted()
    async with gateway:
        headers = {"anthropic-version": "2023-06-01"}
        page = await ask(gateway.asgi, "GET", "/v1/models?limit=1000", headers=headers)
        names = {model["id"]: model["display_name"] for model in page.json()["data"]}
        curated = [row for row in gateway.catalog().curated() if row.provider == "anthropic"]
        assert curated
        assert {names[row.row.key] for row in curated} == {row.display_name for row in curated}
