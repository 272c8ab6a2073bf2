"""The SQLite database that conversations are kept in: on disk, or in memory for who leaves nothing behind."""

from __future__ import annotations

import itertools
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from shopping_assistant.assistant import trace
from shopping_assistant.tools.errors import ShopError

# Folding the log of writes into the file waits for the disk: not more often than this.
_FOLD_SECONDS = 2.0
# How long a write waits for somebody else's.
_PATIENCE_SECONDS = 5.0
# Deletions whose bytes are still to be overwritten; kept in the file, so that a killed process leaves the task behind.
_TO_SCRUB = "CREATE TABLE IF NOT EXISTS to_scrub (at TEXT NOT NULL)"
DAMAGED = "The file of this shop's conversations is damaged, so this could not be kept: please tell the shop"
_NOT_KEPT = "so this could not be kept. Nothing said before is lost"
_TROUBLES = {
    sqlite3.SQLITE_FULL: f"The disk of this shop is full, {_NOT_KEPT}: please try again in a little while",
    sqlite3.SQLITE_IOERR: f"The disk of this shop takes nothing more, {_NOT_KEPT}: please try again in a little while",
    sqlite3.SQLITE_READONLY: f"This shop's conversations may only be read, {_NOT_KEPT}: please tell the shop",
    sqlite3.SQLITE_CANTOPEN: f"This shop's conversations cannot be opened, {_NOT_KEPT}: please tell the shop",
    sqlite3.SQLITE_BUSY: f"Too much is being written at once, {_NOT_KEPT}: please try again in a moment",
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
}
# After these the file at the path may be another one by now: mended, or a new one where the damaged was moved away.
_REOPENED_AFTER = (
    sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
)  # fmt: skip
_UNKNOWN_TROUBLE = f"This shop's conversations cannot be used just now, {_NOT_KEPT}: please try again in a little while"


# Files that are being rewritten by this process: who would write waits for that, and not for SQLite's patience to end.
_AT_REST: dict[Path, threading.Event] = {}
_REWRITING_SECONDS = 60.0


class ConversationsError(ShopError):
    """The file of conversations is damaged, full or cannot be written."""


def trouble(error: sqlite3.Error) -> ConversationsError:
    """What a failing database means, in a sentence for a shopper; the cause stays with the error it is raised from."""
    return ConversationsError(_TROUBLES.get(_code(error), _UNKNOWN_TROUBLE))


def reopens(error: sqlite3.Error) -> bool:
    """Whether a connection that failed so is to be opened anew before it is used again."""
    return _code(error) in _REOPENED_AFTER


def await_rewriting(path: Path | None) -> None:
    """Wait while a deletion of this process has the file rewritten, which takes seconds where it is large."""
    if path is not None and (at_rest := _AT_REST.get(path)) is not None:
        at_rest.wait(_REWRITING_SECONDS)


def _code(error: sqlite3.Error) -> int:
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def connect(path: Path | None) -> sqlite3.Connection:
    """A connection several threads may use under a lock; written pages survive a killed process.

    Args:
        path: None is a database in memory that nobody else sees, and that is gone with its connection.

    Raises:
        ConversationsError: the file is no database, or the folder cannot be written to.
    """
    try:
        connection = sqlite3.connect(path or ":memory:", check_same_thread=False, timeout=_PATIENCE_SECONDS)
        # Counts for a new file only: a chat's rows are small, and each table starts with a page or two.
        connection.execute("PRAGMA page_size=1024")
        if path is None:
            # A large sort would otherwise go through a file.
            connection.execute("PRAGMA temp_store=MEMORY")
        else:
            connection.execute("PRAGMA journal_mode=WAL")
        # A commit is safe against a crash of the process; only a power cut can lose the last one.
        connection.execute("PRAGMA synchronous=NORMAL")
    except sqlite3.Error as error:
        raise ConversationsError(
            f"{path} cannot be used as the conversations' database ({error}); if it is damaged, move it away: "
            "a new one is made, and the shop itself loses nothing"
        ) from error
    return connection


def _inode(path: Path | None) -> int | None:
    """Which file stands at a path, None for none."""
    try:
        return path.stat().st_ino if path is not None else None
    except OSError:
        return None


class KeptFile:
    """One database with its lock; `read` and `write` may be called from several threads.

    Args:
        path: None keeps everything in memory.
        steps: statements that bring a file from each version to the next: the first make a new one. A file that is
            older gets those it lacks, in one transaction; what older programs left readable is overwritten then.
    """

    def __init__(self, path: Path | None, steps: Sequence[Sequence[str]]):
        self._path, self._connection, self._lock = path, connect(path), threading.Lock()
        self._steps, self._doubted, self._inode = steps, False, _inode(path)
        self._folding, self._folded_at = threading.Lock(), 0.0
        try:
            with self._lock:
                self._bring_up(steps)
        except sqlite3.Error as error:
            self._connection.close()
            raise ConversationsError(
                f"{path} cannot be brought up to date ({error}); it must be a file that can be written, on a disk with "
                "room left"
            ) from error

    def _bring_up(self, steps: Sequence[Sequence[str]]) -> None:
        with self._connection:
            version = self._version()
            if version > len(steps):
                raise ConversationsError(
                    f"{self._path} was written by a newer version of this program (version {version} of the file, this "
                    f"one knows {len(steps)}): use that one"
                )
            if version == len(steps):
                return
            self._connection.execute("BEGIN IMMEDIATE")
            version = self._version()  # another process may have been here first
            for statement in (_TO_SCRUB, *itertools.chain(*steps[version:])):
                self._connection.execute(statement)
            self._connection.execute(f"PRAGMA user_version={len(steps)}")

    def _version(self) -> int:
        return self._connection.execute("PRAGMA user_version").fetchone()[0]

    def close(self) -> None:
        with self._folding, self._lock:  # the last to close the file folds the log of writes in and removes it
            self._connection.close()

    def read(self, statement: str, values: Sequence = ()) -> list[tuple]:
        """All rows of a query.

        Raises:
            ConversationsError: the file cannot be read.
        """
        with self._used() as connection:
            return connection.execute(statement, values).fetchall()

    def write(self, statement: str, values: Sequence = ()) -> int:
        """How many rows a statement changed.

        Raises:
            ConversationsError: it could not be kept; all that was kept before is as it was.
        """
        with self.together() as connection:
            return connection.execute(statement, values).rowcount

    @contextmanager
    def together(self) -> Iterator[sqlite3.Connection]:
        """Several statements of which all count, or none.

        Raises:
            ConversationsError: they could not be kept.
        """
        await_rewriting(self._path)
        with self._used() as connection, connection:
            yield connection

    @contextmanager
    def _used(self) -> Iterator[sqlite3.Connection]:
        """The connection, alone with it. After trouble with the file it is opened anew first, if it can be."""
        try:
            with self._lock:
                if self._doubted and self._path is not None:
                    self._reopen()
                try:
                    yield self._connection
                except sqlite3.Error as error:
                    self._doubted = reopens(error)
                    raise
        except sqlite3.Error as error:
            raise trouble(error) from error

    def doubt(self) -> None:
        """Have the file opened anew before it is used again: it may be damaged, or another one by now."""
        self._doubted = True

    def _reopen(self) -> None:
        before = self._connection
        try:
            self._connection = connect(self._path)
            self._bring_up(self._steps)
        except (sqlite3.Error, ConversationsError) as error:
            if self._connection is not before:
                self._connection.close()
                self._connection = before
            cause = error.__cause__ if isinstance(error, ConversationsError) else error
            raise cause if isinstance(cause, sqlite3.Error) else error from None
        self._doubted, self._inode = False, _inode(self._path)
        before.close()

    def fold(self) -> None:
        """Fold what was written lately into the file, in a thread of its own: no shopper waits for the disk.

        Left alone, the log of writes beside the file grows to 4 MB, more than a hundred long conversations take.
        """
        if self._path is None:
            return
        if time.monotonic() - self._folded_at > _FOLD_SECONDS and self._folding.acquire(blocking=False):
            self._folded_at = time.monotonic()
            threading.Thread(target=self._fold, name="fold-conversations", daemon=True).start()

    def _fold(self) -> None:
        try:
            if _inode(self._path) != self._inode:
                # To open it now would make an empty one in its place; the one that is open serves until the end.
                trace.log.warning("the file of conversations was removed or replaced while it is in use")
                return
            with closing(connect(self._path)) as connection:
                # The first copies without keeping anybody from writing; the second finds little to do and cuts back.
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self._scrub(connection)
        except (sqlite3.Error, ConversationsError):
            pass  # somebody is writing, or the file is gone with its store: a later turn folds
        finally:
            self._folding.release()

    def deleted(self, connection: sqlite3.Connection, at: str) -> None:
        """Note, among the statements of a deletion, that its bytes are to be overwritten; `scrub` does it."""
        if self._path is not None:
            connection.execute("INSERT INTO to_scrub VALUES (?)", (at,))

    def scrub(self) -> None:
        """Overwrite what was deleted, in the file and in its log of writes. It waits for others who write.

        Raises:
            ConversationsError: it could not be done now. It is tried again after later turns and when the file is
                opened.
        """
        if self._path is None:
            return
        try:
            with self._folding, closing(connect(self._path)) as connection:
                done = self._scrub(connection)
        except sqlite3.Error as error:
            trace.log.warning("deleted conversations could not be overwritten: %s", type(error).__name__)
            done = False
        if not done:
            raise ConversationsError(
                "It is deleted. Its last traces could not be overwritten yet, because the disk is full or the file is "
                "in use elsewhere; that will be done as soon as it can be"
            )

    def _scrub(self, connection: sqlite3.Connection) -> bool:
        """Whether nothing deleted is left in the file or beside it.

        SQLite's own ``secure_delete`` is not enough: a row that moved to another page when a page was split leaves its
        bytes in the gap of the old one (3 of 300 random histories, docs/experiments.md). VACUUM writes
        every page anew.
        """
        (newest,) = connection.execute("SELECT MAX(rowid) FROM to_scrub").fetchone()
        if newest is None:
            return True
        at_rest = _AT_REST.setdefault(self._path, threading.Event())
        at_rest.clear()
        try:
            connection.execute("VACUUM")
            # A turn that was reading when this began keeps the log of writes: it is done in a moment.
            busy = all(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] for _ in range(3))
        finally:
            at_rest.set()
        if busy:  # somebody reads the file as it was
            return False
        with connection:
            connection.execute("DELETE FROM to_scrub WHERE rowid <= ?", (newest,))
        return True
