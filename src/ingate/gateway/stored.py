"""Stored responses and conversations, for `previous_response_id`, `conversation` and `item_reference`.

Each entry has the new items of one turn and the id of the previous turn, so that a conversation grows linearly. Requests
with `store: false` are never stored.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import uuid
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingate.wire.json_text import encode_answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_AGE_S: Final = 30 * 86_400.0  # as OpenAI: https://platform.openai.com/docs/guides/conversation-state
MAX_BYTES: Final = 256 * 2**20
MEMORY_MAX_BYTES: Final = 64 * 2**20
_PRUNE_EVERY: Final = 64  # writes

_decode = msgspec.json.Decoder().decode

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS turns (
    id TEXT PRIMARY KEY, at REAL NOT NULL, spec TEXT NOT NULL, provider TEXT NOT NULL, previous TEXT,
    input BLOB NOT NULL, response BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS items (id TEXT PRIMARY KEY, turn TEXT NOT NULL, item BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS items_turn ON items (turn);
CREATE TABLE IF NOT EXISTS conversations (
    id TEXT PRIMARY KEY, made REAL NOT NULL, at REAL NOT NULL, metadata BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS conversation_items (
    position INTEGER PRIMARY KEY AUTOINCREMENT, conversation TEXT NOT NULL, id TEXT NOT NULL, item BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS conversation_items_of ON conversation_items (conversation);
"""


@dataclass(frozen=True, slots=True)
class Turn:
    """One stored response.

    Attributes:
        id: The response's id.
        spec: The model spec it was made with.
        provider: The provider that stores it too; empty if only ingate has it.
        previous: The id of the response before it, None for the first.
        input: The new input items of this turn, each with an `id`.
        response: The response object.
    """

    id: str
    spec: str
    provider: str
    previous: str | None
    input: list[dict[str, Any]]
    response: dict[str, Any]


class ResponseStore:
    """Responses and conversations, in memory or in a file.

    Args:
        path: An SQLite file, made readable by its owner only; None keeps everything in memory.
        max_age_s: How long an entry is kept, in seconds.
        max_bytes: How much is kept altogether; the oldest entries go first.

    Several threads may use one store. A store that cannot be opened or written raises `sqlite3.Error`.
    """

    def __init__(self, path: Path | None = None, *, max_age_s: float = MAX_AGE_S, max_bytes: int | None = None) -> None:
        self._max_age_s = max_age_s
        self._max_bytes = max_bytes if max_bytes is not None else MEMORY_MAX_BYTES if path is None else MAX_BYTES
        self._lock = threading.Lock()
        self._writes = 0
        if path is not None:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            Path(path).chmod(0o600)
        self._db = sqlite3.connect(path or ":memory:", timeout=5.0, check_same_thread=False, isolation_level=None)
        weakref.finalize(self, self._db.close)  # for a gateway that nobody closes
        if path is not None:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)
        self._prune()

    def close(self) -> None:
        """Close the file. May be called twice."""
        with self._lock:
            self._db.close()

    def keep(
        self, response: Mapping[str, Any], given: Iterable[Any], *, spec: str, provider: str, previous: str | None
    ) -> None:
        """Keep one turn.

        Args:
            response: The response object.
            given: The new input items of the turn.
            spec: The model spec it was made with.
            provider: The provider that stores it too; empty if only ingate does.
            previous: The id of the response it continues.
        """
        turn = str(response.get("id") or "")
        if not turn:
            return
        own = [_with_id(item) for item in given]
        items = [*own, *(item for item in response.get("output") or () if isinstance(item, dict))]
        with self._lock, self._transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO turns VALUES (?, ?, ?, ?, ?, ?, ?)",
                (turn, time.time(), spec, provider, previous, encode_answer(own), encode_answer(response)),
            )
            self._db.executemany(
                "INSERT OR REPLACE INTO items VALUES (?, ?, ?)",
                [(str(item["id"]), turn, encode_answer(item)) for item in items if item.get("id")],
            )
        self._writes += 1
        if self._writes % _PRUNE_EVERY == 0:
            self._prune()

    def turn(self, response_id: str) -> Turn | None:
        """A stored response; None if it is not stored, or has expired."""
        with self._lock:
            row = self._db.execute(
                "SELECT id, spec, provider, previous, input, response FROM turns WHERE id = ? AND at > ?",
                (response_id, time.time() - self._max_age_s),
            ).fetchone()
        return None if row is None else Turn(*row[:4], _decode(row[4]), _decode(row[5]))

    def history(self, response_id: str) -> list[dict[str, Any]] | None:
        """All items up to and including a response, oldest first; None if a turn of it is not stored."""
        turns: list[Turn] = []
        wanted: str | None = response_id
        seen: set[str] = set()
        while wanted is not None:
            turn = self.turn(wanted)
            if turn is None or wanted in seen:
                return None
            seen.add(wanted)
            turns.append(turn)
            wanted = turn.previous
        return [item for turn in reversed(turns) for item in (*turn.input, *turn.response.get("output", ()))]

    def item(self, item_id: str) -> tuple[dict[str, Any], str] | None:
        """An item by its id, and the provider that stores it too; None if it is not stored."""
        with self._lock:
            row = self._db.execute(
                "SELECT item, provider FROM items JOIN turns ON turns.id = items.turn WHERE items.id = ? AND at > ?",
                (item_id, time.time() - self._max_age_s),
            ).fetchone()
            if row is None:
                row = self._db.execute(
                    "SELECT item, '' FROM conversation_items WHERE id = ? LIMIT 1", (item_id,)
                ).fetchone()
        return None if row is None else (_decode(row[0]), row[1])

    def forget(self, response_id: str) -> bool:
        """Delete a response. Returns whether it existed."""
        with self._lock, self._transaction():
            self._db.execute("DELETE FROM items WHERE turn = ?", (response_id,))
            return self._db.execute("DELETE FROM turns WHERE id = ?", (response_id,)).rowcount > 0

    def open_conversation(self, items: Iterable[Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
        """A new conversation, as a conversation object."""
        made = f"conv_{uuid.uuid4().hex}"
        with self._lock, self._transaction():
            now = time.time()
            self._db.execute("INSERT INTO conversations VALUES (?, ?, ?, ?)", (made, now, now, encode_answer(metadata)))
        self.extend(made, items)
        found = self.conversation(made)
        assert found is not None
        return found

    def conversation(self, conversation_id: str) -> dict[str, Any] | None:
        """A conversation object; None if it does not exist."""
        with self._lock:
            row = self._db.execute(
                "SELECT made, metadata FROM conversations WHERE id = ?", (conversation_id,)
            ).fetchone()
        if row is None:
            return None
        return {
            "id": conversation_id,
            "object": "conversation",
            "created_at": int(row[0]),
            "metadata": _decode(row[1]),
        }

    def conversation_items(self, conversation_id: str) -> list[dict[str, Any]]:
        """A conversation's items, oldest first."""
        with self._lock:
            rows = self._db.execute(
                "SELECT item FROM conversation_items WHERE conversation = ? ORDER BY position", (conversation_id,)
            ).fetchall()
        return [_decode(row[0]) for row in rows]

    def extend(self, conversation_id: str, items: Iterable[Any]) -> list[dict[str, Any]]:
        """Add items to a conversation, and return them with their ids."""
        added = [_with_id(item) for item in items]
        with self._lock, self._transaction():
            self._db.executemany(
                "INSERT INTO conversation_items (conversation, id, item) VALUES (?, ?, ?)",
                [(conversation_id, str(item["id"]), encode_answer(item)) for item in added],
            )
            self._db.execute("UPDATE conversations SET at = ? WHERE id = ?", (time.time(), conversation_id))
        return added

    def remove_item(self, conversation_id: str, item_id: str) -> bool:
        """Delete one item of a conversation. Returns whether it was there."""
        with self._lock, self._transaction():
            done = self._db.execute(
                "DELETE FROM conversation_items WHERE conversation = ? AND id = ?", (conversation_id, item_id)
            )
            return done.rowcount > 0

    def describe_conversation(self, conversation_id: str, metadata: Mapping[str, Any]) -> None:
        """Replace a conversation's metadata."""
        with self._lock, self._transaction():
            self._db.execute(
                "UPDATE conversations SET metadata = ? WHERE id = ?", (encode_answer(metadata), conversation_id)
            )

    def close_conversation(self, conversation_id: str) -> bool:
        """Delete a conversation. Returns whether it existed."""
        with self._lock, self._transaction():
            self._db.execute("DELETE FROM conversation_items WHERE conversation = ?", (conversation_id,))
            return self._db.execute("DELETE FROM conversations WHERE id = ?", (conversation_id,)).rowcount > 0

    def _transaction(self) -> _Transaction:
        return _Transaction(self._db)

    def _prune(self) -> None:
        """Delete expired entries, and the oldest ones beyond the size limit."""
        with self._lock, self._transaction():
            oldest = time.time() - self._max_age_s
            self._db.execute("DELETE FROM turns WHERE at <= ?", (oldest,))
            self._db.execute(
                "DELETE FROM conversation_items WHERE conversation IN (SELECT id FROM conversations WHERE at <= ?)",
                (oldest,),
            )
            self._db.execute("DELETE FROM conversations WHERE at <= ?", (oldest,))
            size = "length(input) + 2 * length(response)"  # output items are also stored separately, by their ids
            over = self._db.execute(f"SELECT sum({size}) FROM turns").fetchone()[0] or 0  # noqa: S608 -- a constant
            over -= self._max_bytes
            if over > 0:
                gone, freed = [], 0
                for turn, held in self._db.execute(f"SELECT id, {size} FROM turns ORDER BY at"):  # noqa: S608
                    gone.append((turn,))
                    freed += held
                    if freed >= over:
                        break
                self._db.executemany("DELETE FROM turns WHERE id = ?", gone)
            self._db.execute("DELETE FROM items WHERE turn NOT IN (SELECT id FROM turns)")


class _Transaction:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")


def _with_id(item: Any) -> dict[str, Any]:
    """An input item as it is listed: an object with a type and an id."""
    made = dict(item) if isinstance(item, dict) else {"role": "user", "content": str(item)}
    made.setdefault("type", "message")
    if not made.get("id"):
        prefix = {"message": "msg", "function_call": "fc", "function_call_output": "fco", "reasoning": "rs"}
        made["id"] = f"{prefix.get(str(made['type']), 'item')}_ingate{uuid.uuid4().hex}"
    return made
