"""Files that go with a message, where the model takes them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from ingate.chat import attach
from ingate.chat.attach import Takes, read, takes
from ingate.errors import BadRequestError
from ingate.gateway import Gateway

if TYPE_CHECKING:
    from pathlib import Path

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
ANYTHING = Takes()
TEXT_ONLY = Takes(kinds=frozenset(), known=True, context_tokens=8000)


def write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("data", "kind", "begins"),
    [
        (PNG, "image", "data:image/png;base64,"),
        (b"\xff\xd8\xff\xe0abc", "image", "data:image/jpeg;base64,"),
        (b"GIF89a...", "image", "data:image/gif;base64,"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image", "data:image/webp;base64,"),
        (b"%PDF-1.7 ...", "pdf", "data:application/pdf;base64,"),
    ],
)
def test_images_and_pdfs_are_known_by_their_bytes(tmp_path: Path, data: bytes, kind: str, begins: str) -> None:
    file = read(write(tmp_path, "file.txt", data), ANYTHING, "x/y")
    assert file.kind == kind
    url = file.part["image_url"]["url"] if kind == "image" else file.part["file"]["file_data"]
    assert url.startswith(begins)
    assert base64.b64decode(url.partition(",")[2]) == data


def test_text_stands_in_a_fence_it_cannot_break(tmp_path: Path) -> None:
    file = read(write(tmp_path, "notes.md", "ä ```code```\n".encode()), TEXT_ONLY, "x/y")
    assert file.part["text"] == "notes.md:\n````\nä ```code```\n````"
    assert str(file) == "notes.md (text, 14 B)"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (PNG, "takes no images"),
        (b"%PDF-1.7", "takes no PDFs"),
        (b"\x00\x01\x02\xff", "neither an image"),
        (b"text with \0 inside", "neither an image"),
        ("ä".encode("latin-1") * 3, "neither an image"),
        (b"", "is empty"),
        (b"word " * 10_000, "tokens long"),
        (b"x" * 2_000_001, "largest text"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_a_reason(tmp_path: Path, data: bytes, said: str) -> None:
    with pytest.raises(BadRequestError, match=said):
        read(write(tmp_path, "file", data), TEXT_ONLY, "x/y")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(BadRequestError, match="there is no file"):
            read(path, ANYTHING, "x/y")


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.truncate(max(attach.LARGEST_BYTES.values()) + 1)
    with pytest.raises(BadRequestError, match="largest"):
        read(path, ANYTHING, "x/y")


async def test_what_a_model_takes_comes_from_the_catalog() -> None:
    async with Gateway({}) as gateway:
        vision = [row for row in gateway.catalog().rows if "vision" in row.caps and "pdf" in row.caps]
        blind = [row for row in gateway.catalog().rows if "vision" not in row.caps and "pdf" not in row.caps]
        assert takes(gateway, vision[0].spec).kinds == {"image", "pdf"}
        assert takes(gateway, blind[0].spec).kinds == frozenset()
        assert takes(gateway, f"{vision[0].spec}, {blind[0].spec}").kinds == frozenset()
        local = takes(gateway, "local/smollm2")
        assert local.kinds == frozenset()
        assert local.known
        assert local.provider == "local"
        unknown = takes(gateway, "groq/not-in-any-catalog")
        assert unknown.kinds == {"image", "pdf"}
        assert not unknown.known
