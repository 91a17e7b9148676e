"""A folder of another program's files: which there are, and one hash over all of them."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ingate.config import trees
from ingate.config.trees import digest, has_fast_agent_files, with_fast_agent_files
from ingate.config.trust import Folder
from ingate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable


def fill(folder: Path) -> Path:
    """A `.fast-agent` folder with a card, and what fast-agent writes itself."""
    tree = folder / ".fast-agent"
    for name in ("agent-cards/a.md", "sessions/1/x.json", "logs/y.log", "cards/sessions/z.md", "b.yaml"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(f"text of {name}")
    return tree


def test_the_hash_is_over_the_names_and_contents_in_order(tmp_path: Path) -> None:
    tree = fill(tmp_path)
    expected = sha256()
    for name in ("b.yaml", "agent-cards/a.md", "cards/sessions/z.md"):
        content = b"file " + sha256(f"text of {name}".encode()).digest()
        for part in (name.encode(), content):
            expected.update(len(part).to_bytes(8, "big") + part)
    assert digest(tree) == expected.hexdigest()


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        (lambda tree: (tree / "b.yaml").write_text("other"), True),
        (lambda tree: (tree / "b.yaml").rename(tree / "c.yaml"), True),
        (lambda tree: (tree / "agent-cards" / "new.md").write_text(""), True),
        (lambda tree: (tree / "cards" / "sessions" / "new.md").write_text(""), True),
        (lambda tree: (tree / "link").symlink_to("b.yaml"), True),
        (lambda tree: (tree / "folder").symlink_to("cards"), True),
        (lambda tree: os.mkfifo(tree / "pipe"), True),
        (lambda tree: (tree / "sessions" / "2.json").write_text("new"), False),
        (lambda tree: (tree / "logs" / "y.log").write_text("more"), False),
        (lambda tree: (tree / "empty").mkdir(), False),
        (lambda tree: os.utime(tree / "b.yaml", (1, 1)), False),
    ],
    ids=["content", "name", "new", "sessions further down", "link", "folder link", "pipe", "sessions", "logs", "folder", "time"],
)  # fmt: skip
def test_the_hash_changes_with_what_could_run_and_not_with_what_fast_agent_writes(
    tmp_path: Path, change: Callable[[Path], object], differs: bool
) -> None:
    tree = fill(tmp_path)
    before = digest(tree)
    change(tree)
    assert (digest(tree) != before) is differs


def test_each_kind_of_entry_has_a_hash_of_its_own(tmp_path: Path) -> None:
    found = []
    for number, make in enumerate(
        (
            lambda path: path.write_text("x"),
            lambda path: path.symlink_to("x"),
            lambda path: path.symlink_to("y"),
            os.mkfifo,
        )
    ):
        tree = tmp_path / str(number)
        tree.mkdir()
        make(tree / "x")
        found.append(digest(tree))
    assert len(set(found)) == 4


def test_what_a_link_leads_to_counts(tmp_path: Path) -> None:
    tree = fill(tmp_path)
    (tmp_path / "outside" / "sessions").mkdir(parents=True)
    (tmp_path / "card.md").write_text("one")
    (tree / "folder").symlink_to(tmp_path / "outside")
    (tree / "card").symlink_to("../card.md")
    found = [digest(tree)]
    for name in ("outside/new.md", "outside/sessions/x.md", "card.md"):
        (tmp_path / name).write_text("other")
        found.append(digest(tree))
    (tree / "folder").unlink()
    (tree / "folder").symlink_to("../outside")
    found.append(digest(tree))
    assert len(set(found)) == 5
    (tmp_path / "link").symlink_to(tree)
    assert digest(tmp_path / "link") != digest(tree)
    before = digest(tmp_path / "link")
    (tree / "b.yaml").write_text("other")
    assert digest(tmp_path / "link") != before


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    tree = fill(tmp_path)
    (tree / "up").symlink_to("..")
    (tree / "self").symlink_to("self")
    (tree / "cards" / "back").symlink_to("../agent-cards")
    (tree / "agent-cards" / "forth").symlink_to("../cards")
    before = digest(tree)
    (tree / "cards" / "new.md").write_text("x")
    assert digest(tree) != before


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_cannot_be_read_is_part_of_the_hash(tmp_path: Path) -> None:
    tree = fill(tmp_path)
    before = digest(tree)
    (tree / "b.yaml").chmod(0)
    assert digest(tree) != before


def test_a_large_file_is_hashed_whole(tmp_path: Path) -> None:
    tree = fill(tmp_path)
    (tree / "b.yaml").write_bytes(b"x" * (1 << 20) + b"y")
    before = digest(tree)
    (tree / "b.yaml").write_bytes(b"x" * (1 << 20) + b"z")
    assert digest(tree) != before


def test_the_files_of_fast_agent_are_trusted_with_the_folder(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path), "untrusted", {"ingate.yaml": "hash"})
    assert with_fast_agent_files(folder) is folder
    tree = fill(tmp_path)
    assert with_fast_agent_files(folder) == Folder(
        str(tmp_path), "untrusted", {"ingate.yaml": "hash", ".fast-agent": digest(tree)}
    )


def test_its_env_file_is_trusted_with_the_folder(tmp_path: Path, clean_environment: Path) -> None:
    folder = Folder(str(tmp_path), "untrusted", {})
    (tmp_path / ".env").write_text("OPENAI__BASE_URL=http://x\n")
    assert has_fast_agent_files(str(tmp_path))
    assert with_fast_agent_files(folder).files == {".env": digest(tmp_path / ".env")}
    (clean_environment / ".env").write_text("x")
    assert not has_fast_agent_files(os.path.realpath(clean_environment)), "the home folder is the user's"


def test_a_folder_with_sessions_only_counts_when_one_is_resumed(tmp_path: Path) -> None:
    (tmp_path / ".fast-agent" / "sessions").mkdir(parents=True)
    (tmp_path / ".fast-agent" / "fast-agent-log.jsonl").write_text("{}")
    (tmp_path / ".fast-agent" / "processes").mkdir()
    (tmp_path / ".fast-agent" / "processes" / ".capacity.lock").write_text("")
    folder = Folder(str(tmp_path), "untrusted", {})
    assert with_fast_agent_files(folder) is folder
    assert has_fast_agent_files(str(tmp_path), sessions=True)
    counted = with_fast_agent_files(folder, sessions=True)
    (tmp_path / ".fast-agent" / "sessions" / "2.json").write_text("{}")
    assert with_fast_agent_files(folder, sessions=True) == counted, "sessions change with every use"


def test_what_fast_agent_writes_itself_is_nothing_to_trust(tmp_path: Path, clean_environment: Path) -> None:
    assert not has_fast_agent_files(str(tmp_path))
    (tmp_path / ".fast-agent" / "sessions").mkdir(parents=True)
    (tmp_path / ".fast-agent" / "sessions" / "1.json").write_text("{}")
    assert not has_fast_agent_files(str(tmp_path))
    (tmp_path / ".fast-agent" / "card.md").write_text("x")
    assert has_fast_agent_files(str(tmp_path))
    fill(clean_environment)
    assert not has_fast_agent_files(os.path.realpath(clean_environment)), "the home folder is the user's"


def test_a_dangling_link_in_its_place_is_something_to_trust(tmp_path: Path) -> None:
    (tmp_path / ".fast-agent").symlink_to(tmp_path / "nowhere")
    assert has_fast_agent_files(str(tmp_path))


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="/proc is Linux's")
def test_a_link_to_a_file_system_without_end_is_an_error_and_no_wait(tmp_path: Path) -> None:
    tree = fill(tmp_path)
    (tree / "processes").mkdir()
    (tree / "processes" / "all").symlink_to("/proc")
    with pytest.raises(ConfigError, match="too large to be trusted") as caught:
        digest(tree)
    assert caught.value.fix.startswith("remove the links")
    assert has_fast_agent_files(str(tmp_path))  # which needs no hash


@pytest.mark.parametrize("limit", ["_MAX_FILES", "_MAX_BYTES"])
def test_the_limits_count_what_links_lead_to(tmp_path: Path, limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = fill(tmp_path)
    (tmp_path / "outside").mkdir()
    for number in range(4):
        (tmp_path / "outside" / f"{number}.md").write_text("x" * 100)
    monkeypatch.setattr(trees, limit, 7 if limit == "_MAX_FILES" else 400)
    digest(tree)  # three files
    (tree / "folder").symlink_to(tmp_path / "outside")
    with pytest.raises(ConfigError, match="too large to be trusted"):
        digest(tree)


def test_links_that_multiply_end(tmp_path: Path) -> None:
    tree = fill(tmp_path)
    for place in range(12):
        (tree / str(place)).mkdir()
        for other in range(12):
            (tree / str(place) / str(other)).symlink_to(f"../{other}")
    with pytest.raises(ConfigError, match="too large to be trusted"):
        digest(tree)
