"""The header of a GGUF file: every type of value, arrays of arrays, and what a damaged one is."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from ingate.engines.local.gguf import GgufHead, InvalidGgufError, read_head

if TYPE_CHECKING:
    from pathlib import Path

_STRING, _ARRAY = 8, 9


def _text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def _array(kind: int, *items: bytes) -> bytes:
    return struct.pack("<IQ", kind, len(items)) + b"".join(items)


def _pair(key: str, kind: int, value: bytes) -> bytes:
    return _text(key) + struct.pack("<I", kind) + value


def _file(*pairs: bytes, version: int = 3, tensors: int = 272) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, len(pairs)) + b"".join(pairs)


def _read(path: Path, data: bytes) -> GgufHead:
    path = path / "m.gguf"
    path.write_bytes(data)
    return read_head(path)


@pytest.mark.parametrize("version", [2, 3])
def test_every_type_of_value_is_read_and_arrays_are_skipped(tmp_path: Path, version: int) -> None:
    data = _file(
        _pair("u8", 0, b"\xff"),
        _pair("words", _ARRAY, _array(_STRING, _text("a"), _text("bcd"), _text(""))),
        _pair("i8", 1, b"\xff"),
        _pair("u16", 2, b"\xff\xff"),
        _pair("numbers", _ARRAY, _array(2, b"\x01\x00", b"\x02\x00", b"\x03\x00")),
        _pair("i16", 3, b"\xfe\xff"),
        _pair("u32", 4, struct.pack("<I", 2**32 - 1)),
        _pair("nested", _ARRAY, _array(_ARRAY, _array(0, b"\x01", b"\x02"), _array(_STRING, _text("xy")))),
        _pair("i32", 5, struct.pack("<i", -70000)),
        _pair("f32", 6, struct.pack("<f", 0.5)),
        _pair("yes", 7, b"\x01"),
        _pair("empty", _ARRAY, _array(5)),
        _pair("name", _STRING, _text("Köln")),
        _pair("u64", 10, struct.pack("<Q", 2**64 - 1)),
        _pair("i64", 11, struct.pack("<q", -(2**40))),
        _pair("f64", 12, struct.pack("<d", 0.1)),
        version=version,
    )
    head = _read(tmp_path, data)
    assert head == GgufHead(
        {
            "u8": 255,
            "i8": -1,
            "u16": 65535,
            "i16": -2,
            "u32": 2**32 - 1,
            "i32": -70000,
            "f32": 0.5,
            "yes": True,
            "name": "Köln",
            "u64": 2**64 - 1,
            "i64": -(2**40),
            "f64": 0.1,
        },
        272,
    )
    assert head.metadata["yes"] is True


def test_a_damaged_text_is_read_as_far_as_possible(tmp_path: Path) -> None:
    broken = _text("k") + struct.pack("<I", _STRING) + struct.pack("<Q", 2) + b"a\xff"
    assert _read(tmp_path, _file(broken)).metadata == {"k": "a\ufffd"}


@pytest.mark.parametrize(
    "pair",
    [
        _text("k") + struct.pack("<IQ", _STRING, 10) + b"short",
        _text("k") + struct.pack("<I", 10) + b"\x01",
        _text("k") + struct.pack("<IIQ", _ARRAY, _STRING, 3) + _text("one"),
        _text("k") + struct.pack("<I", _ARRAY) + struct.pack("<IQ", _ARRAY, 1) * 5000,
        _pair("k", _ARRAY, struct.pack("<IQ", 0, 2**63)) + b"\0",
        b"",
    ],
    ids=["text", "number", "array", "nesting", "size", "no pair"],
)
@pytest.mark.parametrize("pairs", [1, 2])
def test_a_header_that_ends_early_is_an_incomplete_download(tmp_path: Path, pair: bytes, pairs: int) -> None:
    data = b"GGUF" + struct.pack("<IQQ", 3, 0, pairs) + pair
    with pytest.raises(InvalidGgufError, match="ends within its own header"):
        _read(tmp_path, data)


@pytest.mark.parametrize("data", [b"", b"GGU", b"GGML" + _file()[4:]])
def test_a_file_with_another_beginning_is_not_read(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InvalidGgufError, match="does not begin with the letters GGUF"):
        _read(tmp_path, data)


@pytest.mark.parametrize("version", [0, 1, 4])
def test_another_version_is_named(tmp_path: Path, version: int) -> None:
    with pytest.raises(InvalidGgufError, match=f"version is {version}; 2 and 3"):
        _read(tmp_path, _file(version=version))


@pytest.mark.parametrize("kind", [13, 255])
@pytest.mark.parametrize("in_array", [False, True])
def test_a_value_of_an_unknown_type_is_named(tmp_path: Path, kind: int, in_array: bool) -> None:
    pair = _pair("k", _ARRAY, _array(kind, b"\0")) if in_array else _pair("k", kind, b"\0")
    with pytest.raises(InvalidGgufError, match=rf"unknown type \({kind}\)"):
        _read(tmp_path, _file(pair))


@pytest.mark.parametrize(
    ("metadata", "architecture", "template", "tools", "embeds"),
    [
        ({}, "", "", False, False),
        ({"general.architecture": "llama"}, "llama", "", False, False),
        ({"general.architecture": "bert", "bert.pooling_type": 1}, "bert", "", False, True),
        ({"general.architecture": "bert", "bert.pooling_type": 0}, "bert", "", False, False),
        ({"general.architecture": "llama", "bert.pooling_type": 1}, "llama", "", False, False),
        ({"tokenizer.chat_template": "{% if tools %}"}, "", "{% if tools %}", True, False),
        ({"tokenizer.chat_template": "{{ messages }}"}, "", "{{ messages }}", False, False),
    ],
)
def test_a_header_tells_what_the_model_can_do(
    metadata: dict[str, str | int], architecture: str, template: str, tools: bool, embeds: bool
) -> None:
    head = GgufHead(metadata, 1)
    assert (head.architecture, head.chat_template) == (architecture, template)
    assert head.knows_tools is tools
    assert head.is_embedding_model is embeds
