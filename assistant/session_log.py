"""What is kept of shoppers in ``conversations.sqlite``: their events, in the replay format, turns, bag, saved items."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from shopping_assistant.assistant.compact import packed, unpacked
from shopping_assistant.assistant.feedback import Judgement
from shopping_assistant.assistant.guests import is_guest
from shopping_assistant.assistant.kept_file import KeptFile
from shopping_assistant.assistant.unkept import Turn, Unkept
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.sessions import Event, as_events, empty_events, frame_of

# Each step brings a file to the next version (`KeptFile`): add new ones at the end, never change one.
_FIRST = (
    "CREATE TABLE IF NOT EXISTS threads (thread_id TEXT PRIMARY KEY, user_id TEXT NOT NULL, started TEXT NOT NULL)",
    """CREATE TABLE IF NOT EXISTS events (
    session_id TEXT NOT NULL, user_id TEXT NOT NULL, timestamp TEXT NOT NULL, action TEXT NOT NULL,
    query TEXT, product_id TEXT, shown TEXT, position INTEGER)""",
    "CREATE INDEX IF NOT EXISTS events_of_session ON events (session_id)",
    "CREATE INDEX IF NOT EXISTS events_of_user ON events (user_id)",
    """CREATE TABLE IF NOT EXISTS turns (
    thread_id TEXT NOT NULL, turn INTEGER NOT NULL, at TEXT NOT NULL, body TEXT NOT NULL, trace TEXT NOT NULL,
    PRIMARY KEY (thread_id, turn))""",
    """CREATE TABLE IF NOT EXISTS judgements (
    thread_id TEXT NOT NULL, at TEXT NOT NULL, verdict TEXT, turn INTEGER, product_id TEXT, position INTEGER)""",
    "CREATE INDEX IF NOT EXISTS judgements_of_thread ON judgements (thread_id)",
    # Files without a version end here: the bag was what a conversation had bought, and deleted rows left their bytes.
    "ALTER TABLE threads ADD COLUMN title TEXT",
    "CREATE INDEX threads_of_user ON threads (user_id)",
    """CREATE TABLE bag (
    user_id TEXT NOT NULL, product_id TEXT NOT NULL, at TEXT NOT NULL, UNIQUE (user_id, product_id))""",
    """CREATE TABLE saved (
    user_id TEXT NOT NULL, product_id TEXT NOT NULL, at TEXT NOT NULL, thread_id TEXT, position INTEGER,
    UNIQUE (user_id, product_id))""",
    """INSERT OR IGNORE INTO bag SELECT COALESCE(user_id, session_id), product_id, timestamp FROM events
    WHERE action = 'purchase' AND product_id IS NOT NULL ORDER BY rowid""",
    "INSERT INTO to_scrub SELECT datetime('now') WHERE EXISTS (SELECT 1 FROM threads)",
)
_STEPS = (_FIRST,)
# What is deleted with a conversation, each table with the column that names it.
_OF_CONVERSATION = {"turns": "thread_id", "events": "session_id", "judgements": "thread_id", "threads": "thread_id"}
_COLUMNS = "session_id, user_id, timestamp, action, query, product_id, shown, position"
# A title made of what was looked for stands in a narrow list; one that is given may be a little longer.
_TITLE_MADE, LONGEST_TITLE = 42, 80


class ConversationNotFound(ShopError):
    """There is no such conversation, or it is another shopper's."""


class SessionLog:
    """Events and turn objects of all conversations of one store. A session is a conversation.

    Bag and saved items are the shopper's, over all their conversations. Conversations of guests are kept in memory and
    are never among those of others.

    Args:
        clock: what time it is; a replay gives the time of the session it plays. Two readings must differ.
    """

    def __init__(self, path: Path, clock: Callable[[], datetime] | None = None):
        self.now = clock or _utc
        self._disk, self._memory = KeptFile(path, _STEPS), KeptFile(None, _STEPS)
        self._unkept = Unkept()
        self._disk.fold()  # what a process that ended early, or an older program, left to do

    def close(self) -> None:
        self._memory.close()
        self._disk.close()

    def fold(self) -> None:
        """Fold what was written lately into the file, see `KeptFile.fold`."""
        self._disk.fold()

    def doubt(self) -> None:
        """See `KeptFile.doubt`."""
        self._disk.doubt()

    def _at(self, of: str | None) -> KeptFile:
        """Where a conversation, or a shopper, is kept."""
        return self._memory if is_guest(of) else self._disk

    def _rows(self, thread_id: str, statement: str) -> list[tuple]:
        """The rows of a query about one conversation, whose id is its only value."""
        return self._at(thread_id).read(statement, (thread_id,))

    def _moment(self) -> str:
        return self.now().isoformat(timespec="microseconds")

    def know(self, thread_id: str, user_id: str | None = None) -> str:
        """The shopper of a conversation; a new one begins. A shopper who says who they are later is so for all of it.

        A guest is nobody else, whatever is said.

        Raises:
            ConversationNotFound: it is another shopper's.
        """
        user_id = thread_id if is_guest(thread_id) else user_id
        known = self.owner(thread_id)
        if known is None:
            if is_guest(user_id) and not is_guest(thread_id):
                raise ConversationNotFound("A guest's conversation is kept nowhere: begin one as a guest")
            values = (thread_id, user_id or thread_id, self._moment())
            statement = "INSERT OR IGNORE INTO threads (thread_id, user_id, started) VALUES (?, ?, ?)"
            if self._at(thread_id).write(statement, values):
                return values[1]
            known = self.owner(thread_id)  # another thread was here first
        if user_id in (None, "", known):
            return known
        if known != thread_id:
            raise ConversationNotFound("There is no such conversation among yours: please begin a new one")
        self._hand_over(thread_id, user_id)
        return user_id

    def _hand_over(self, thread_id: str, user_id: str) -> None:
        """A conversation of nobody known becomes this shopper's, with its bag and saved items."""
        with self._at(thread_id).together() as connection:
            connection.execute("UPDATE threads SET user_id = ? WHERE thread_id = ?", (user_id, thread_id))
            connection.execute("UPDATE events SET user_id = ? WHERE session_id = ?", (user_id, thread_id))
            for table in ("bag", "saved"):
                connection.execute(f"UPDATE OR IGNORE {table} SET user_id = ? WHERE user_id = ?", (user_id, thread_id))
                connection.execute(f"DELETE FROM {table} WHERE user_id = ?", (thread_id,))

    def owner(self, thread_id: str) -> str | None:
        """The shopper of a conversation; None where there is none."""
        known = self._rows(thread_id, "SELECT user_id FROM threads WHERE thread_id = ?")
        return known[0][0] if known else None

    def rename(self, thread_id: str, title: str | None) -> None:
        """Give a conversation a title; None has one made again of what was looked for."""
        self._at(thread_id).write("UPDATE threads SET title = ? WHERE thread_id = ?", (title, thread_id))

    def delete(self, thread_id: str) -> None:
        """Delete all of a conversation. Its bytes are overwritten by `scrub`, for several at once."""
        file = self._at(thread_id)
        self._unkept.forget(thread_id)
        with file.together() as connection:
            for table, column in _OF_CONVERSATION.items():
                connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (thread_id,))
            connection.execute("UPDATE saved SET thread_id = NULL WHERE thread_id = ?", (thread_id,))
            # The belongings of nobody known go with their only conversation.
            for table in ("bag", "saved"):
                connection.execute(
                    f"DELETE FROM {table} WHERE user_id = ?1 AND NOT EXISTS (SELECT 1 FROM threads WHERE user_id = ?1)",
                    (thread_id,),
                )
            file.deleted(connection, self._moment())

    def empty(self, user_id: str) -> None:
        """Delete a shopper's bag and saved items, and what events are left under that name."""
        file = self._at(user_id)
        with file.together() as connection:
            for table in ("bag", "saved", "events"):
                connection.execute(f"DELETE FROM {table} WHERE user_id = ?", (user_id,))
            file.deleted(connection, self._moment())

    def scrub(self) -> None:
        """Overwrite what was deleted, see `KeptFile.scrub`."""
        self._disk.scrub()

    def searched(self, thread_id: str, query: str, shown: Sequence[str]) -> None:
        self._event(thread_id, "search", query=query, shown=shown)

    def clicked(self, thread_id: str, product_id: str, position: int | None) -> None:
        self._event(thread_id, "click", product_id=product_id, position=position)

    def bagged(self, thread_id: str, product_id: str, position: int | None = None) -> None:
        self._event(thread_id, "purchase", product_id=product_id, position=position)

    def unbagged(self, thread_id: str, product_id: str) -> bool:
        """Take back what was put into the bag; whether it was in it. It counts as bought in no conversation then."""
        mine = (self._user(thread_id), product_id)
        with self._at(thread_id).together() as connection:
            where = "user_id = ? AND product_id = ?"
            connection.execute(f"DELETE FROM events WHERE action = 'purchase' AND {where}", mine)
            return connection.execute(f"DELETE FROM bag WHERE {where}", mine).rowcount > 0

    def save(self, thread_id: str, product_id: str, position: int | None = None) -> bool:
        """Keep a product for later; False when it was kept already."""
        values = (self.know(thread_id), product_id, self._moment(), thread_id, position)
        return self._at(thread_id).write("INSERT OR IGNORE INTO saved VALUES (?, ?, ?, ?, ?)", values) > 0

    def unsave(self, thread_id: str, product_id: str) -> bool:
        """Keep it no longer; False when it was not kept."""
        mine = (self._user(thread_id), product_id)
        return self._at(thread_id).write("DELETE FROM saved WHERE user_id = ? AND product_id = ?", mine) > 0

    def saved(self, thread_id: str) -> list[str]:
        """Product ids that the shopper keeps for later, oldest first."""
        statement = "SELECT product_id FROM saved WHERE user_id = ? ORDER BY rowid"
        return [p for (p,) in self._at(thread_id).read(statement, (self._user(thread_id),))]

    def saved_in(self, thread_id: str) -> list[tuple[str, str, int | None]]:
        """What was saved in this conversation and still is: product id, when, and its place among the cards."""
        statement = "SELECT product_id, at, position FROM saved WHERE thread_id = ? ORDER BY rowid"
        return self._rows(thread_id, statement)

    def _user(self, thread_id: str) -> str:
        """The shopper, without beginning a conversation where there is none."""
        return self.owner(thread_id) or thread_id

    def _event(
        self, thread_id: str, action: str, query: str | None = None, product_id: str | None = None,
        shown: Sequence[str] = (), position: int | None = None,
    ) -> None:  # fmt: skip
        """Keep an event; what is bought is in the bag."""
        listed = json.dumps(list(shown)) if shown else None
        user_id, at = self.know(thread_id), self._moment()
        values = (thread_id, user_id, at, action, query, product_id, listed, position)
        with self._at(thread_id).together() as connection:
            connection.execute(f"INSERT INTO events ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
            if action == "purchase":
                connection.execute("INSERT OR IGNORE INTO bag VALUES (?, ?, ?)", (user_id, product_id, at))

    def bag(self, thread_id: str) -> list[str]:
        """Product ids in the shopper's bag, oldest first."""
        statement = "SELECT product_id FROM bag WHERE user_id = ? ORDER BY rowid"
        return [p for (p,) in self._at(thread_id).read(statement, (self._user(thread_id),))]

    def clicks_since(self, thread_id: str, moment: str | None) -> list[str]:
        statement = (
            "SELECT product_id FROM events WHERE session_id = ? AND action = 'click' AND timestamp > ? ORDER BY rowid"
        )
        return [row[0] for row in self._at(thread_id).read(statement, (thread_id, moment or ""))]

    def events(self, thread_id: str | None = None, user_id: str | None = None) -> list[Event]:
        """Events of one conversation, of one shopper, or of all but guests, in the order they happened."""
        where, values = ("", ())
        if thread_id is not None:
            where, values = "WHERE session_id = ?", (thread_id,)
        elif user_id is not None:
            where, values = "WHERE user_id = ?", (user_id,)
        file = self._at(thread_id or user_id)
        rows = file.read(f"SELECT {_COLUMNS} FROM events {where} ORDER BY rowid", values)
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
        self._at(thread_id).write("INSERT INTO judgements VALUES (?, ?, ?, ?, ?, ?)", values)

    def judgements(self, thread_id: str) -> list[Judgement]:
        """All thumbs of a conversation in the order they were given, those taken back among them."""
        columns = "at, verdict, turn, product_id, position"
        rows = self._rows(thread_id, f"SELECT {columns} FROM judgements WHERE thread_id = ? ORDER BY rowid")
        return [Judgement(*row) for row in rows]

    def threads_judged_by(self, user_id: str) -> list[str]:
        """The conversations in which a shopper gave a thumb."""
        statement = """SELECT DISTINCT t.thread_id FROM threads t JOIN judgements j ON j.thread_id = t.thread_id
                       WHERE t.user_id = ? ORDER BY t.started"""
        return [thread for (thread,) in self._at(user_id).read(statement, (user_id,))]

    def keep_turn(self, thread_id: str, turn: int, body: dict, trace: dict, later: bool = False) -> None:
        """Keep a turn for good. One that cannot be written waits in memory, and is written with a later one.

        Args:
            later: do not try now: writing failed a moment ago.

        Raises:
            ConversationsError: it could not be written; `turns` has it all the same.
        """
        # The trace has the tools as the turn has them: they are kept once.
        own = {k: v for k, v in trace.items() if k != "tools" or v != body.get("tools")}
        self._unkept.add(thread_id, Turn(turn, self._moment(), body, own))
        if not later:
            self.write_unkept(thread_id)

    def write_unkept(self, thread_id: str) -> None:
        """Write what waits of a conversation.

        Raises:
            ConversationsError: that is still not possible.
        """
        for turn in self._unkept.of(thread_id):
            # Its number may be taken: it was counted while nothing could be read.
            number = max(turn.number, self._last_number(thread_id) + 1)
            values = (thread_id, number, turn.at, packed({**turn.body, "turn": number}), packed(turn.trace))
            self._at(thread_id).write("INSERT INTO turns VALUES (?, ?, ?, ?, ?)", values)
            self._unkept.written(thread_id, turn)

    def next_turn(self, thread_id: str) -> int:
        """The number of a conversation's next turn, 1 for its first. What waits is written first.

        Raises:
            ConversationsError: that is still not possible.
        """
        self.write_unkept(thread_id)
        return self._last_number(thread_id) + 1

    def number_unkept(self, thread_id: str) -> int:
        """The number of a turn that will wait, too."""
        return max((t.number for t in self._unkept.of(thread_id)), default=0) + 1

    def _last_number(self, thread_id: str) -> int:
        ((last,),) = self._rows(thread_id, "SELECT MAX(turn) FROM turns WHERE thread_id = ?")
        return last or 0

    def _kept(self, thread_id: str) -> list[Turn]:
        """All turns in their order, those that wait to be written among them."""
        rows = self._rows(thread_id, "SELECT turn, at, body, trace FROM turns WHERE thread_id = ? ORDER BY turn")
        return [
            *(Turn(n, at, unpacked(body), unpacked(trace)) for n, at, body, trace in rows), *self._unkept.of(thread_id)
        ]  # fmt: skip

    def turns(self, thread_id: str) -> list[dict]:
        return [turn.body for turn in self._kept(thread_id)]

    def traces(self, thread_id: str) -> list[dict]:
        return [{"turn": t.number, "tools": t.body.get("tools", []), **t.trace} for t in self._kept(thread_id)]

    def turn_times(self, thread_id: str) -> list[str]:
        """When each turn of a conversation ended, as `turns` orders them."""
        rows = self._rows(thread_id, "SELECT at FROM turns WHERE thread_id = ? ORDER BY turn")
        return [*(at for (at,) in rows), *(t.at for t in self._unkept.of(thread_id))]

    def last_turn_at(self, thread_id: str) -> str | None:
        if waiting := self._unkept.of(thread_id):
            return waiting[-1].at
        rows = self._rows(thread_id, "SELECT at FROM turns WHERE thread_id = ? ORDER BY turn DESC LIMIT 1")
        return rows[0][0] if rows else None

    def threads(self, user_id: str | None = None) -> list[dict]:
        """Conversations of a shopper or of all but guests: ``thread_id, user_id, title, started, last, turns``.

        The one with the newest activity comes first.
        """
        where, values = ("", ()) if user_id is None else ("WHERE t.user_id = ?", (user_id,))
        rows = self._at(user_id).read(
            f"""SELECT t.thread_id, t.user_id, t.title, t.started,
            MAX(t.started, COALESCE((SELECT MAX(at) FROM turns WHERE thread_id = t.thread_id), ''),
                COALESCE((SELECT MAX(timestamp) FROM events WHERE session_id = t.thread_id), '')) AS last,
            (SELECT COUNT(*) FROM turns WHERE thread_id = t.thread_id),
            (SELECT query FROM events WHERE session_id = t.thread_id AND action = 'search' ORDER BY rowid LIMIT 1)
            FROM threads t {where} ORDER BY last DESC, t.rowid DESC""",
            values,
        )
        names = ("thread_id", "user_id", "title", "started", "last", "turns")
        return [
            dict(zip(names, (thread_id, user, given or self._title(thread_id, n, looked_for), started, last, n),
                     strict=True))
            for thread_id, user, given, started, last, n, looked_for in rows
        ]  # fmt: skip

    def _title(self, thread_id: str, turns: int, looked_for: str | None) -> str:
        """A short title of what was first looked for, else of what was first said; "" where there is neither."""
        if looked_for is None and turns:
            first = "SELECT body FROM turns WHERE thread_id = ? ORDER BY turn LIMIT 1"
            ((body,),) = self._rows(thread_id, first)
            looked_for = unpacked(body)["shopper"]
        made = textwrap.shorten(looked_for or "", _TITLE_MADE, placeholder=" …")
        return made[:1].upper() + made[1:]


def _utc() -> datetime:
    return datetime.now(UTC)
