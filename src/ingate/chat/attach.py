"""Files attached to a message: images, PDFs and text, if the model accepts them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.errors import BadRequestError, IngateError

if TYPE_CHECKING:
    from pathlib import Path

    from ingate.chat.model import ModelInfo

LARGEST_BYTES: Final = {"image": 20_000_000, "pdf": 32_000_000, "text": 2_000_000}
_CHARACTERS_PER_TOKEN: Final = 4
_IMAGES: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


class Attachment(msgspec.Struct, frozen=True):
    """A file that has been read.

    Attributes:
        name: Its name without the folder.
        kind: `image`, `pdf` or `text`.
        bytes: Its size.
        part: The content part for the message. Its extra key `attached`, the file's name, is removed before sending.
    """

    name: str
    kind: str
    bytes: int
    part: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.name} ({self.kind}, {_size(self.bytes)})"


def read(path: Path, model: ModelInfo) -> Attachment:
    """Read a file to send to `model`.

    Raises:
        BadRequestError: The file does not exist, is empty, too large or of an unsupported type, or the model does not
            accept it.
    """
    try:
        if not path.is_file():
            raise BadRequestError(f"there is no file {str(path)!r}", fix="check the path; Tab completes it")
        size = path.stat().st_size
        if size > max(LARGEST_BYTES.values()):
            raise _too_large(path, "file", size, max(LARGEST_BYTES.values()))
        data = path.read_bytes()
    except OSError as error:
        raise BadRequestError(f"{str(path)!r} cannot be read: {error.strerror or error}") from None
    kind, media_type = _kind(path, data)
    if len(data) > LARGEST_BYTES[kind]:
        raise _too_large(path, kind, len(data), LARGEST_BYTES[kind])
    if not data:
        raise BadRequestError(f"{path.name} is empty")
    if kind != "text" and kind not in model.kinds:
        what, cap = ("images", "vision") if kind == "image" else ("PDFs", "pdf")
        raise BadRequestError(
            f"{model.spec} does not accept {what}", fix=f"/model cap:{cap} ready: lists models that do"
        )
    return Attachment(path.name, kind, len(data), _part(path, kind, media_type, data, model))


def _kind(path: Path, data: bytes) -> tuple[str, str]:
    """The kind and the media type, by the file's content."""
    for begins, media_type in _IMAGES:
        if data.startswith(begins):
            return "image", media_type
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image", "image/webp"
    if data.startswith(b"%PDF-"):
        return "pdf", "application/pdf"
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise BadRequestError(
            f"{path.name} is not an image (PNG, JPEG, GIF, WebP), a PDF or UTF-8 text",
            fix="convert it to one of these",
        )
    return "text", "text/plain"


def _part(path: Path, kind: str, media_type: str, data: bytes, model: ModelInfo) -> dict[str, Any]:
    if kind == "text":
        text = data.decode()
        estimated = len(text) // _CHARACTERS_PER_TOKEN
        if model.context_tokens and estimated > model.context_tokens:
            raise BadRequestError(
                f"{path.name} has about {estimated:,} tokens; the model's context window is {model.context_tokens:,}",
                fix=f"attach a part of it, or /model ctx:>{estimated // 1000}k",
            )
        fence = "```"
        while fence in text:
            fence += "`"
        return {"type": "text", "text": f"{path.name}:\n{fence}\n{text.rstrip()}\n{fence}", "attached": path.name}
    url = f"data:{media_type};base64,{base64.b64encode(data).decode()}"
    if kind == "image":
        return {"type": "image_url", "image_url": {"url": url}, "attached": path.name}
    return {"type": "file", "file": {"filename": path.name, "file_data": url}, "attached": path.name}


def _too_large(path: Path, kind: str, size: int, largest: int) -> IngateError:
    return BadRequestError(f"{path.name} has {_size(size)}; the limit for {_ARTICLES[kind]} is {_size(largest)}")


_ARTICLES: Final = {"image": "an image", "pdf": "a PDF", "text": "a text file", "file": "a file"}


def _size(size: int) -> str:
    return f"{size} B" if size < 1000 else f"{size / 1000:.0f} kB" if size < 1_000_000 else f"{size / 1e6:.1f} MB"
