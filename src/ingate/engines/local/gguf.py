"""The header of a GGUF file: to recognise files that are not GGUF, and to know what a model can do.

The layout is fixed and little-endian: magic, version, two counts, then key–value pairs. Arrays (the vocabulary) are
skipped, so that a header of several megabytes takes tens of milliseconds.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MAGIC: Final = b"GGUF"
_VERSIONS: Final = frozenset({2, 3})
_STRING: Final = 8
_ARRAY: Final = 9
_SCALARS: Final[Mapping[int, struct.Struct]] = {
    kind: struct.Struct("<" + code)
    for kind, code in {
        0: "B",
        1: "b",
        2: "H",
        3: "h",
        4: "I",
        5: "i",
        6: "f",
        7: "?",
        10: "Q",
        11: "q",
        12: "d",
    }.items()
}
_U32: Final = struct.Struct("<I")
_U64: Final = struct.Struct("<Q")


class InvalidGgufError(ValueError):
    """The file is not a GGUF file, or its header is truncated or damaged."""


@dataclass(frozen=True, slots=True)
class GgufHead:
    """The header of a model file.

    Attributes:
        metadata: Every key whose value is a number, a boolean or a string; arrays are omitted.
        tensors: How many tensors follow.
    """

    metadata: Mapping[str, Any]
    tensors: int

    @property
    def architecture(self) -> str:
        """llama.cpp's name of the architecture (`"llama"`, `"qwen3"`, `"bert"`); empty if the file has none."""
        return str(self.metadata.get("general.architecture", ""))

    @property
    def chat_template(self) -> str:
        """The Jinja template that renders a conversation; empty if the file has none."""
        return str(self.metadata.get("tokenizer.chat_template", ""))

    @property
    def knows_tools(self) -> bool:
        """Whether the chat template supports tools."""
        return "tools" in self.chat_template

    @property
    def is_embedding_model(self) -> bool:
        """Whether the model is an embedding model: its file names a pooling type (0 is "none")."""
        return bool(self.metadata.get(f"{self.architecture}.pooling_type", 0))


def read_head(path: Path) -> GgufHead:
    """Read the header of the file at `path`.

    Raises:
        InvalidGgufError: It is not GGUF, has an unknown version, or ends within its header.
        OSError: It cannot be opened or read.
    """
    with path.open("rb") as file:
        if file.read(4) != _MAGIC:
            raise InvalidGgufError("it does not begin with the letters GGUF")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                return _parse(data)
            except (struct.error, IndexError, OverflowError, RecursionError):
                raise InvalidGgufError("it ends within its own header, like an incomplete download") from None


def _parse(data: mmap.mmap) -> GgufHead:
    (version,) = _U32.unpack_from(data, 4)
    if version not in _VERSIONS:
        raise InvalidGgufError(f"its GGUF version is {version}; 2 and 3 are supported")
    tensors, pairs = struct.unpack_from("<QQ", data, 8)
    metadata: dict[str, Any] = {}
    at = 24
    for _ in range(pairs):
        key, at = _string(data, at)
        (kind,) = _U32.unpack_from(data, at)
        at += 4
        if kind == _ARRAY:
            at = _after_array(data, at)
        elif kind == _STRING:
            metadata[key], at = _string(data, at)
        else:
            scalar = _scalar(kind)
            (metadata[key],) = scalar.unpack_from(data, at)
            at += scalar.size
    if at > len(data):
        raise IndexError(at)
    return GgufHead(metadata, tensors)


def _string(data: mmap.mmap, at: int) -> tuple[str, int]:
    (length,) = _U64.unpack_from(data, at)
    start, end = at + 8, at + 8 + length
    return data[start:end].decode(errors="replace"), end


def _after_array(data: mmap.mmap, at: int) -> int:
    (kind,) = _U32.unpack_from(data, at)
    (count,) = _U64.unpack_from(data, at + 4)
    at += 12
    if kind == _STRING:
        unpack = _U64.unpack_from
        for _ in range(count):
            at += 8 + unpack(data, at)[0]
        return at
    if kind == _ARRAY:
        for _ in range(count):
            at = _after_array(data, at)
        return at
    return at + count * _scalar(kind).size


def _scalar(kind: int) -> struct.Struct:
    if kind not in _SCALARS:
        raise InvalidGgufError(f"its header contains a value of an unknown type ({kind})")
    return _SCALARS[kind]
