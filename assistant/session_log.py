"""The chat as events: searches, clicks and bag additions in ``conversations.sqlite``, in the replay format."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from shopping_assistant.assistant.compact import packed, unpacked
from shopping_assistant.assistant.feedback import Judgement
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.sessions import Event, as_events, empty_events, frame_of

_SCHEMA = """
CREATE TABLE IF NOT EXISTS threads (thread_id TEXT PRIMARY KEY, user_id TEXT NOT NULL, started TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS events (
    session_id TEXT NOT NULL, user_id TEXT NOT NULL, timestamp TEXT NOT NULL, action TEXT NOT NULL,
    query TEXT, product_id TEXT, shown TEXT, position INTEGER);
CREATE INDEX IF NOT EXISTS events_of_session ON events (session_id);
CREATE INDEX IF NOT EXISTS events_of_user ON events (user_id);
CREATE TABLE IF NOT EXISTS turns (
    thread_id TEXT NOT NULL, turn INTEGER NOT NULL, at TEXT NOT NULL, body TEXT NOT NULL, trace TEXT NOT NULL,
    PRIMARY KEY (thread_id, turn));
CREATE TABLE IF NOT EXISTS judgements (
    thread_id TEXT NOT NULL, at TEXT NOT NULL, verdict TEXT, turn INTEGER, product_id TEXT, position INTEGER);
CREATE INDEX IF NOT EXISTS judgements_of_thread ON judgements (thread_id);
"""
# Folding the log of writes into the file waits for the disk: not more often than this.
_FOLD_SECONDS = 2.0
_COLUMNS = "session_id, user_id, timestamp, action, query, product_id, shown, position"


class ConversationsError(ShopError):
    """The file of conversations is damaged or cannot be written."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection several threads may use under a lock; written pages survive a killed process.

    Raises:
        ConversationsError: the file is no database, or the folder cannot be written to.
    """
    try:
        connection = sqlite3.connect(path, check_same_thread=False, timeout=10)
        # Counts for a new file only: a chat's rows are small, and each table starts with a page or two.
        connection.execute("PRAGMA page_size=1024")
        connection.execute("PRAGMA journal_mode=WAL")
        # A commit is safe against a crash of the process; only a power cut can lose the last one.
        connection.execute("PRAGMA synchronous=NORMAL")
    except sqlite3.Error as error:
        raise ConversationsError(
            f"{path} cannot be used as the conversations' database ({error}); if it is damaged, move it away: "
            "a new one is made, and the shop itself loses nothing"
        ) from error
    return connection


class SessionLog:
    """Events and turn objects of all conversations of one store. A session is a conversation.

    Args:
        clock: what time it is; a replay gives the time of the session it plays. Two readings must differ.
    """

    def __init__(self, path: Path, clock: Callable[[], datetime] | None = None):
        self.now = clock or _utc
        self._connection = connect(path)
        self._lock = threading.Lock()
        self._path, self._folding, self._folded_at = path, threading.Lock(), 0.0
        with self._lock, self._connection:
            self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        with self._folding, self._lock:  # the last to close the file folds the log of writes in and removes it
            self._connection.close()

    def fold(self) -> None:
        """Fold what was written lately into the file, in a thread of its own: no shopper waits for the disk.

        Left alone, the log of writes beside the file grows to 4 MB, more than a hundred long conversations take.
        """
        if time.monotonic() - self._folded_at > _FOLD_SECONDS and self._folding.acquire(blocking=False):
            self._folded_at = time.monotonic()
            threading.Thread(target=self._fold, name="fold-conversations", daemon=True).start()

    def _fold(self) -> None:
        try:
            with closing(connect(self._path)) as connection:
                # The first copies without keeping anybody from writing; the second finds little to do and cuts back.
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except (sqlite3.Error, ConversationsError):
            pass  # somebody is writing, or the file is gone with its store: a later turn folds
        finally:
            self._folding.release()

    def _moment(self) -> str:
        return self.now().isoformat(timespec="microseconds")

    def _write(self, statement: str, values: Sequence) -> int:
        with self._lock, self._connection:
            return self._connection.execute(statement, values).rowcount

    def _read(self, statement: str, values: Sequence = ()) -> list[tuple]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def know(self, thread_id: str, user_id: str | None = None) -> str:
        """The shopper of a conversation. A shopper who says who they are later is so for the whole conversation."""
        known = self._read("SELECT user_id FROM threads WHERE thread_id = ?", (thread_id,))
        if not known:
            values = (thread_id, user_id or thread_id, self._moment())
            self._write("INSERT OR IGNORE INTO threads VALUES (?, ?, ?)", values)
            return values[1]
        if user_id and known[0][0] != user_id:
            self._write("UPDATE threads SET user_id = ? WHERE thread_id = ?", (user_id, thread_id))
            self._write("UPDATE events SET user_id = ? WHERE session_id = ?", (user_id, thread_id))
            return user_id
        return known[0][0]

    def searched(self, thread_id: str, query: str, shown: Sequence[str]) -> None:
        self._event(thread_id, "search", query=query, shown=shown)

    def clicked(self, thread_id: str, product_id: str, position: int | None) -> None:
        self._event(thread_id, "click", product_id=product_id, position=position)

    def bagged(self, thread_id: str, product_id: str, position: int | None = None) -> None:
        self._event(thread_id, "purchase", product_id=product_id, position=position)

    def unbagged(self, thread_id: str, product_id: str) -> bool:
        """Take back what was put into the bag; whether it was in it."""
        where = "session_id = ? AND action = 'purchase' AND product_id = ?"
        return self._write(f"DELETE FROM events WHERE {where}", (thread_id, product_id)) > 0

    def _event(
        self, thread_id: str, action: str, query: str | None = None, product_id: str | None = None,
        shown: Sequence[str] = (), position: int | None = None,
    ) -> None:  # fmt: skip
        listed = json.dumps(list(shown)) if shown else None
        values = (thread_id, self.know(thread_id), self._moment(), action, query, product_id, listed, position)
        self._write(f"INSERT INTO events ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)

    def bag(self, thread_id: str) -> list[str]:
        """Product ids in the bag, oldest first."""
        statement = "SELECT product_id FROM events WHERE session_id = ? AND action = 'purchase' ORDER BY rowid"
        return list(dict.fromkeys(row[0] for row in self._read(statement, (thread_id,))))

    def clicks_since(self, thread_id: str, moment: str | None) -> list[str]:
        statement = (
            "SELECT product_id FROM events WHERE session_id = ? AND action = 'click' AND timestamp > ? ORDER BY rowid"
        )
        return [row[0] for row in self._read(statement, (thread_id, moment or ""))]

    def events(self, thread_id: str | None = None, user_id: str | None = None) -> list[Event]:
        """Events of one conversation, of one shopper, or of all, in the order they happened."""
        where, values = ("", ())
        if thread_id is not None:
            where, values = "WHERE session_id = ?", (thread_id,)
        elif user_id is not None:
            where, values = "WHERE user_id = ?", (user_id,)
        rows = self._read(f"SELECT {_COLUMNS} FROM events {where} ORDER BY rowid", values)
        return [
            Event(s, u, datetime.fromisoformat(t), a, q, p, tuple(json.loads(shown)) if shown else (), n)
            for s, u, t, a, q, p, shown, n in rows
        ]

    def frame(self, thread_id: str | None = None) -> pl.DataFrame:
        events = self.events(thread_id)
        return as_events(frame_of(events)) if events else empty_events()

    def judged(
        self, thread_id: str, verdict: str | None, turn: int | None = None, product_id: str | None = None,
        position: int | None = None,
    ) -> None:  # fmt: skip
        """Keep a thumb on a reply or a product; None takes the one before back. Nothing of it stands in the events."""
        self.know(thread_id)
        values = (thread_id, self._moment(), verdict, turn, product_id, position)
        self._write("INSERT INTO judgements VALUES (?, ?, ?, ?, ?, ?)", values)

    def judgements(self, thread_id: str) -> list[Judgement]:
        """All thumbs of a conversation in the order they were given, those taken back among them."""
        columns = "at, verdict, turn, product_id, position"
        rows = self._read(f"SELECT {columns} FROM judgements WHERE thread_id = ? ORDER BY rowid", (thread_id,))
        return [Judgement(*row) for row in rows]

    def threads_judged_by(self, user_id: str) -> list[str]:
        """The conversations in which a shopper gave a thumb."""
        statement = """SELECT DISTINCT t.thread_id FROM threads t JOIN judgements j ON j.thread_id = t.thread_id
                       WHERE t.user_id = ? ORDER BY t.started"""
        return [thread for (thread,) in self._read(statement, (user_id,))]

    def keep_turn(self, thread_id: str, turn: int, body: dict, trace: dict) -> None:
        # The trace has the tools as the turn has them: they are kept once.
        own = {k: v for k, v in trace.items() if k != "tools" or v != body.get("tools")}
        values = (thread_id, turn, self._moment(), packed(body), packed(own))
        self._write("INSERT OR REPLACE INTO turns VALUES (?, ?, ?, ?, ?)", values)

    def turns(self, thread_id: str) -> list[dict]:
        rows = self._read("SELECT body FROM turns WHERE thread_id = ? ORDER BY turn", (thread_id,))
        return [unpacked(body) for (body,) in rows]

    def traces(self, thread_id: str) -> list[dict]:
        rows = self._read("SELECT turn, body, trace FROM turns WHERE thread_id = ? ORDER BY turn", (thread_id,))
        return [{"turn": n, "tools": unpacked(body).get("tools", []), **unpacked(trace)} for n, body, trace in rows]

    def turn_times(self, thread_id: str) -> list[str]:
        """When each turn of a conversation ended, as `turns` orders them."""
        return [at for (at,) in self._read("SELECT at FROM turns WHERE thread_id = ? ORDER BY turn", (thread_id,))]

    def last_turn_at(self, thread_id: str) -> str | None:
        rows = self._read("SELECT at FROM turns WHERE thread_id = ? ORDER BY turn DESC LIMIT 1", (thread_id,))
        return rows[0][0] if rows else None

    def threads(self) -> list[dict]:
        """Conversations, the newest first: ``thread_id, user_id, started, turns``."""
        statement = """SELECT t.thread_id, t.user_id, t.started, COUNT(u.turn) FROM threads t
                       LEFT JOIN turns u ON u.thread_id = t.thread_id GROUP BY t.thread_id ORDER BY t.started DESC"""
        names = ("thread_id", "user_id", "started", "turns")
        return [dict(zip(names, row, strict=True)) for row in self._read(statement)]


def _utc() -> datetime:
    return datetime.now(UTC)
