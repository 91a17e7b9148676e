"""AWS's event-stream framing: binary messages of headers and a payload, each with two checksums.

https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html
A message consists of its length and the length of its headers (4 bytes each, big-endian), a CRC of these 8 bytes, the
headers, the payload, and a CRC of everything before it.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Final, NamedTuple

from ingate.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PRELUDE: Final = struct.Struct(">III")
_LEAST: Final = _PRELUDE.size + 4
_MOST: Final = 32 * 2**20  # AWS allows 16 MB of payload; anything longer is not an event stream
# Header value types: the number of bytes of a value, None if its length precedes it.
_SIZES: Final = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 6: None, 7: None, 8: 8, 9: 16}


class Message(NamedTuple):
    """One message.

    Attributes:
        headers: Its text headers; those of other types are left out.
        payload: Its payload.
    """

    headers: dict[str, str]
    payload: bytes


class EventStreamParser:
    """Reads messages from bytes, however they are split."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def waits(self) -> bool:
        """Whether the end of a message is still missing."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that `data` completes. Raises `UnavailableError` if the bytes are not an event stream."""
        self._buffer += data
        buffer, at = self._buffer, 0
        while len(buffer) - at >= _PRELUDE.size:
            length, headers_length, checksum = _PRELUDE.unpack_from(buffer, at)
            if zlib.crc32(buffer[at : at + 8]) != checksum or not _LEAST + headers_length <= length <= _MOST:
                raise UnavailableError(
                    "the provider's response is not an AWS event stream, or was damaged in transit", status=502
                )
            if len(buffer) - at < length:
                break
            message = bytes(buffer[at : at + length])
            if zlib.crc32(message[:-4]) != int.from_bytes(message[-4:], "big"):
                raise UnavailableError(
                    "the provider's response was damaged in transit: a checksum is wrong", status=502
                )
            body = _PRELUDE.size + headers_length
            yield Message(_headers(message[_PRELUDE.size : body]), message[body:-4])
            at += length
        del buffer[:at]


def _headers(data: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    at = 0
    while at < len(data):
        name_length = data[at]
        name = data[at + 1 : at + 1 + name_length].decode("utf-8", "replace")
        at += 1 + name_length
        kind = data[at] if at < len(data) else -1
        if kind not in _SIZES:
            raise UnavailableError(
                "the provider's response is not an AWS event stream: a header has an unknown type", status=502
            )
        at += 1
        size = _SIZES[kind]
        if size is None:
            size = int.from_bytes(data[at : at + 2], "big")
            at += 2
        if kind == 7:
            headers[name] = data[at : at + size].decode("utf-8", "replace")
        at += size
    return headers


def encode_message(headers: dict[str, str], payload: bytes) -> bytes:
    """One message as bytes, for simulators."""
    block = b"".join(
        bytes([len(name.encode())]) + name.encode() + b"\x07" + len(value.encode()).to_bytes(2, "big") + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack(">II", _LEAST + len(block) + len(payload), len(block))
    message = prelude + zlib.crc32(prelude).to_bytes(4, "big") + block + payload
    return message + zlib.crc32(message).to_bytes(4, "big")
