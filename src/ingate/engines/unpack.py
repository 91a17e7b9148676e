"""Uncompressing a body piece by piece, up to a limit: a megabyte of gzip may hold a gigabyte of zeros."""

from __future__ import annotations

import zlib
from typing import Any, Final

_GZIP_OR_ZLIB: Final = 47
_GZIP_MARK: Final = b"\x1f"
_RAW: Final = -zlib.MAX_WBITS  # what some servers send as `deflate`


class Unpacker:
    """Uncompresses gzip, zlib and raw deflate.

    Args:
        limit: Bytes of output after which no more is uncompressed. One byte more is returned, which shows it.
    """

    def __init__(self, limit: int) -> None:
        self._inflate: Any = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._left = limit + 1
        self._head: bytes | None = b""  # before the first output

    def feed(self, piece: bytes) -> bytes:
        """The uncompressed bytes of the next piece.

        Raises:
            zlib.error: The data is damaged.
        """
        out = b""
        while piece and self._left:
            if self._inflate.eof:
                if not piece.startswith(_GZIP_MARK):
                    break  # padding after the end
                self._inflate, self._head = zlib.decompressobj(_GZIP_OR_ZLIB), None  # gzip may have several members
            made = self._once(piece)
            self._left -= len(made)
            out += made
            piece = self._inflate.unused_data if self._inflate.eof else b""
        return out

    def _once(self, piece: bytes) -> bytes:
        head = self._head
        try:
            out = self._inflate.decompress(piece, self._left)
        except zlib.error:
            if head is None:
                raise
            self._inflate = zlib.decompressobj(_RAW)
            out = self._inflate.decompress(head + piece, self._left)
        self._head = None if out or head is None else head + piece
        return out
