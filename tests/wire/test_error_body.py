"""Error bodies in the formats of many providers, and the parts that are read from each."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from ingate.wire.error_body import ErrorBody, read_body

EMPTY = asdict(ErrorBody())
BODIES: list[tuple[Any, dict[str, Any]]] = [
    (None, {}),
    ("", {}),
    (b"", {}),
    (b"\xff", {"message": "\ufffd"}),
    ("plain text", {"message": "plain text"}),
    ('data: {"error": {"message": "m"}}\n\ndata: x', {"message": "m"}),
    ("<html><head><TITLE a=1> Bad\n gateway </TITLE>", {"message": "Bad gateway", "is_html": True}),
    ("<html>", {"message": "a web page", "is_html": True}),
    (
        {"error": {"message": "m", "type": "t", "code": "c", "param": "p"}, "request_id": "r"},
        {"message": "m", "kind": "t", "code": "c", "param": "p", "request_id": "r"},
    ),
    ({"error": {"error": {"message": "m"}}, "requestId": "r"}, {"message": "m", "request_id": "r"}),
    ({"code": True, "message": "m"}, {"message": "m"}),
    ({"code": "", "message": "m"}, {"message": "m"}),
    ({"code": 3}, {"code": 3}),
    ({"type": "error", "error": {"type": "t", "message": "m"}}, {"message": "m", "kind": "t"}),
    ({"__type": "a.b#Kind", "Message": "m"}, {"message": "m", "kind": "Kind"}),
    ({"status": "S", "msg": "m"}, {"message": "m", "kind": "S"}),
    ({"error_message": "m"}, {"message": "m"}),
    ({"errorMessage": "m"}, {"message": "m"}),
    ({"error_description": "m", "error": "invalid_grant"}, {"message": "m"}),
    ({"reason": "m"}, {"message": "m"}),
    ({"detail": "m"}, {"message": "m"}),
    ({"detail": [{"loc": ["body", "x", 0], "msg": "bad"}, {"msg": "worse"}, "z"]}, {"message": "body.x.0: bad; worse"}),
    ({"errors": [{"message": ""}, {"message": "m"}]}, {"message": "m"}),
    ({"title": "m"}, {"message": "m"}),
    ({"message": {"detail": "m"}}, {"message": "m"}),
    (["", {"message": "m"}], {"message": "m"}),
    ([1, "m"], {"message": "m"}),
    ({"a": {"error": 1}}, {}),
    ({"error": {"error": {"error": {"error": {"error": {"error": {"error": {"message": "deep"}}}}}}}}, {}),
    ({"error": {"message": "m", "metadata": {"raw": '{"error":{"message":"behind"}}'}}}, {"message": "m: behind"}),
    ({"error": {"message": "m", "metadata": {"raw": {"message": "behind"}}}}, {"message": "m: behind"}),
    ({"error": {"metadata": {"raw": "plain"}}}, {"message": "plain"}),
    ({"error": {"message": "m behind", "metadata": {"raw": "behind"}}}, {"message": "m behind"}),
    ({"metadata": {"raw": ""}, "message": "m"}, {"message": "m"}),
    ({"metadata": "x", "message": "m"}, {"message": "m"}),
    (
        {
            "error": {
                "code": 400,
                "message": "m",
                "details": [
                    {"retryDelay": "34.5s"},
                    {"reason": "API_KEY_INVALID"},
                    "z",
                    {"retryDelay": "soon", "reason": 3},
                ],
            }
        },
        {"message": "m", "code": "API_KEY_INVALID", "retry_after_s": 34.5},
    ),
    ({"error": {"code": "own", "details": [{"reason": "R"}]}}, {"code": "own"}),
    (
        {"error": {"message": "m"}, "message": "outer", "code": "o", "type": "k", "param": "q"},
        {"message": "m", "kind": "k", "code": "o", "param": "q"},
    ),
]


@pytest.mark.parametrize(("body", "parts"), BODIES)
def test_the_parts_of_an_error_body(body: Any, parts: dict[str, Any]) -> None:
    assert asdict(read_body(body)) == {**EMPTY, **parts}


def test_long_messages_are_cut() -> None:
    assert read_body({"message": "x" * 2001}).message == "x" * 2000
    assert read_body("y" * 2001).message == "y" * 2000
    assert read_body(f"<title>{'t' * 201}</title>").message == "t" * 200
    assert read_body({"message": "m", "failed_generation": "f" * 301}).message == f"m (the model's output: {'f' * 300})"
