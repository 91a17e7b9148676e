"""Compressed bodies: gzip, zlib and raw deflate in pieces of any size, and no more than the limit."""

from __future__ import annotations

import gzip
import zlib

import pytest

from ingate.engines.unpack import Unpacker

_TEXT = b"Why is the sky blue? " * 50


def _raw(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


_PACKED = {"gzip": gzip.compress(_TEXT), "zlib": zlib.compress(_TEXT), "raw": _raw(_TEXT)}


@pytest.mark.parametrize("kind", list(_PACKED))
@pytest.mark.parametrize("step", [1, 2, 7, 10_000])
@pytest.mark.parametrize("limit", [len(_TEXT), 10**6])
def test_each_encoding_is_uncompressed_in_pieces_of_any_size(kind: str, step: int, limit: int) -> None:
    packed, unpacker = _PACKED[kind], Unpacker(limit)
    pieces = [unpacker.feed(packed[at : at + step]) for at in range(0, len(packed), step)]
    assert b"".join(pieces) == _TEXT
    assert unpacker.feed(b"") == b""


@pytest.mark.parametrize("kind", list(_PACKED))
@pytest.mark.parametrize("step", [3, 10_000])
def test_one_byte_more_than_the_limit_is_returned_and_nothing_after_it(kind: str, step: int) -> None:
    packed, unpacker = _PACKED[kind], Unpacker(100)
    pieces = [unpacker.feed(packed[at : at + step]) for at in range(0, len(packed), step)]
    assert b"".join(pieces) == _TEXT[:101]
    assert unpacker.feed(packed) == b""


@pytest.mark.parametrize("data", [b"\xff" * 20, b"<html>" * 5])
def test_what_is_not_compressed_is_damaged(data: bytes) -> None:
    with pytest.raises(zlib.error):
        Unpacker(1000).feed(data)


def test_damage_after_the_first_output_is_an_error_and_not_another_encoding() -> None:
    packed = zlib.compress(bytes(range(256)) * 200, 0)  # stored, so that output comes with the first piece
    unpacker = Unpacker(10**6)
    assert unpacker.feed(packed[:1000])
    with pytest.raises(zlib.error):
        unpacker.feed(b"\xff" * len(packed))
