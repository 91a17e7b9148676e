"""Files attached to a message."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from ingate.chat import attach
from ingate.chat.attach import read
from ingate.chat.model import ModelInfo
from ingate.errors import BadRequestError

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
ANYTHING = ModelInfo(spec="x/y")
TEXT_ONLY = ModelInfo(spec="x/y", kinds=frozenset(), known=True, context_tokens=8000)


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
        (b"GIF87a...", "image", "data:image/gif;base64,"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image", "data:image/webp;base64,"),
        (b"%PDF-1.7 ...", "pdf", "data:application/pdf;base64,"),
    ],
)
def test_images_and_pdfs_are_known_by_their_bytes(tmp_path: Path, data: bytes, kind: str, begins: str) -> None:
    file = read(write(tmp_path, "file.txt", data), ANYTHING)
    assert file.kind == kind
    url = file.part["image_url"]["url"] if kind == "image" else file.part["file"]["file_data"]
    assert url.startswith(begins)
    assert base64.b64decode(url.partition(",")[2]) == data


def test_a_file_is_one_part_of_the_message(tmp_path: Path) -> None:
    found = [
        read(write(tmp_path, name, data), ANYTHING).part
        for name, data in (("a.png", PNG), ("b.pdf", b"%PDF-1.7"), ("c.txt", b"text\n\n"))
    ]
    png = base64.b64encode(PNG).decode()
    assert found == [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{png}"}, "attached": "a.png"},
        {
            "type": "file",
            "file": {"filename": "b.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjc="},
            "attached": "b.pdf",
        },
        {"type": "text", "text": "c.txt:\n```\ntext\n```", "attached": "c.txt"},
    ]


@pytest.mark.parametrize("data", [b"RIFF1234WAVE", b"RIF 1234WEBP", b"12345678WEBP", b"GIF90a", b" %PDF-1.7"])
def test_what_only_resembles_an_image_is_text(tmp_path: Path, data: bytes) -> None:
    assert read(write(tmp_path, "file.png", data), TEXT_ONLY).kind == "text"


@pytest.mark.parametrize(
    ("size", "shown"), [(1, "1 B"), (999, "999 B"), (1000, "1 kB"), (1500, "2 kB"), (1_000_000, "1.0 MB")]
)
def test_a_size_is_shown_in_three_units(tmp_path: Path, size: int, shown: str) -> None:
    assert str(read(write(tmp_path, "a.txt", b"x" * size), ANYTHING)) == f"a.txt (text, {shown})"


@pytest.mark.parametrize(
    ("data", "what", "kind"),
    [(PNG, "an image", "image"), (b"%PDF-1.7", "a PDF", "pdf"), (b"some text", "a text file", "text")],
)
def test_each_kind_has_a_limit_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, what: str, kind: str
) -> None:
    monkeypatch.setitem(attach.LARGEST_BYTES, kind, len(data))
    path = write(tmp_path, "file", data)
    assert read(path, ANYTHING).bytes == len(data)
    path.write_bytes(data + b" ")
    with pytest.raises(BadRequestError, match=f"^file has {len(data) + 1} B; the limit for {what} is {len(data)} B$"):
        read(path, ANYTHING)


def test_a_text_may_be_as_long_as_the_context_window(tmp_path: Path) -> None:
    assert read(write(tmp_path, "file", b"x" * 32_003), TEXT_ONLY).kind == "text"
    with pytest.raises(BadRequestError, match=r"file has about 8,001 tokens; .* is 8,000") as caught:
        read(write(tmp_path, "file", b"x" * 32_004), TEXT_ONLY)
    assert caught.value.fix == "attach a part of it, or /model ctx:>8k"


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="a file that cannot be read, even by root, is Linux's")
def test_a_file_that_cannot_be_read_is_refused_with_the_systems_reason() -> None:
    with pytest.raises(BadRequestError) as caught:
        read(Path("/proc/self/mem"), ANYTHING)
    assert str(caught.value) == "'/proc/self/mem' cannot be read: Input/output error"


@pytest.mark.parametrize(("data", "cap", "what"), [(PNG, "vision", "images"), (b"%PDF-1.7", "pdf", "PDFs")])
def test_a_model_that_accepts_the_file_is_a_filter_away(tmp_path: Path, data: bytes, cap: str, what: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        read(write(tmp_path, "file", data), TEXT_ONLY)
    assert str(caught.value) == f"x/y does not accept {what}"
    assert caught.value.fix == f"/model cap:{cap} ready: lists models that do"


def test_text_stands_in_a_fence_it_cannot_break(tmp_path: Path) -> None:
    file = read(write(tmp_path, "notes.md", "ä ```code```\n".encode()), TEXT_ONLY)
    assert file.part["text"] == "notes.md:\n````\nä ```code```\n````"
    assert str(file) == "notes.md (text, 14 B)"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (PNG, "x/y does not accept images"),
        (b"%PDF-1.7", "x/y does not accept PDFs"),
        (b"\x00\x01\x02\xff", "not an image"),
        (b"text with \0 inside", "not an image"),
        ("ä".encode("latin-1") * 3, "not an image"),
        (b"", "is empty"),
        (b"word " * 10_000, "about 12,500 tokens"),
        (b"x" * 2_000_001, "limit for a text file is 2.0 MB"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_a_reason(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(BadRequestError, match=message):
        read(write(tmp_path, "file", data), TEXT_ONLY)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(BadRequestError, match="there is no file"):
            read(path, ANYTHING)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.truncate(max(attach.LARGEST_BYTES.values()) + 1)
    with pytest.raises(BadRequestError, match=r"limit for a file is 32\.0 MB"):
        read(path, ANYTHING)
