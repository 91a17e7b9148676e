"""Files that go with a message: images, PDFs and text, where the model can take them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.errors import BadRequestError, IngateError

if TYPE_CHECKING:
    from pathlib import Path

    from ingate.gateway import Gateway
    from ingate.gateway.explain import Explanation

LARGEST_BYTES: Final = {"image": 20_000_000, "pdf": 32_000_000, "text": 2_000_000}
_CHARACTERS_PER_TOKEN: Final = 4
_IMAGES: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


class Takes(msgspec.Struct, frozen=True):
    """What a model takes besides text.

    Attributes:
        kinds: Of `image` and `pdf`, what it takes as far as is known.
        known: Whether that is known; a model the catalog does not know is let try.
        context_tokens: How much it reads at once, None where unknown.
        provider: Whose model it is; empty where the fallbacks are of several.
    """

    kinds: frozenset[str] = frozenset({"image", "pdf"})
    known: bool = False
    context_tokens: int | None = None
    provider: str = ""


class Attachment(msgspec.Struct, frozen=True):
    """A file that was read.

    Attributes:
        name: Its name without the folder.
        kind: `image`, `pdf` or `text`.
        bytes: Its size.
        part: The part of a message's content.
    """

    name: str
    kind: str
    bytes: int
    part: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.name} ({self.kind}, {_size(self.bytes)})"


def takes(gateway: Gateway, spec: str) -> Takes:
    """What `spec` takes: of a list of fallbacks, what all of them take. No network.

    Raises:
        IngateError: The spec cannot be read, or names no provider.
    """
    ways = gateway.explain(spec)
    kinds = frozenset({"image", "pdf"})
    for way in ways:
        kinds &= _kinds(way)
    contexts = [way.context_tokens for way in ways if way.context_tokens]
    providers = {way.provider for way in ways}
    return Takes(
        kinds=kinds,
        known=all(way.in_catalog or way.engine == "local" for way in ways),
        context_tokens=min(contexts) if contexts else None,
        provider=providers.pop() if len(providers) == 1 else "",
    )


def _kinds(way: Explanation) -> frozenset[str]:
    if way.engine == "local":
        return frozenset()
    if not way.in_catalog:
        return frozenset({"image", "pdf"})
    named = {"vision": "image", "pdf": "pdf"}
    return frozenset(kind for cap, kind in named.items() if cap in way.caps)


def read(path: Path, model: Takes, spec: str) -> Attachment:
    """Read a file for `spec`.

    Raises:
        BadRequestError: There is no such file, it is too large, it is of no kind that can be sent, or the model does not
            take it.
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
        raise BadRequestError(f"{spec} takes no {what}", fix=f"/model cap:{cap} ready: finds one that does")
    return Attachment(path.name, kind, len(data), _part(path, kind, media_type, data, model))


def _kind(path: Path, data: bytes) -> tuple[str, str]:
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
            f"{path.name} is neither an image (PNG, JPEG, GIF, WebP), a PDF nor text in UTF-8",
            fix="convert it to one of these",
        )
    return "text", "text/plain"


def _part(path: Path, kind: str, media_type: str, data: bytes, model: Takes) -> dict[str, Any]:
    if kind == "text":
        text = data.decode()
        about = len(text) // _CHARACTERS_PER_TOKEN
        if model.context_tokens and about > model.context_tokens:
            raise BadRequestError(
                f"{path.name} is about {about:,} tokens long, and the model reads {model.context_tokens:,} at once",
                fix=f"attach a part of it, or /model ctx:>{about // 1000}k",
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
    return BadRequestError(f"{path.name} has {_size(size)}; the largest {kind} that is sent is {_size(largest)}")


def _size(size: int) -> str:
    return f"{size} B" if size < 1000 else f"{size / 1000:.0f} kB" if size < 1_000_000 else f"{size / 1e6:.1f} MB"
