"""LangGraph's checkpoints of the conversations: those of guests in memory, all others in the file of conversations."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.sqlite import SqliteSaver

from shopping_assistant.assistant.compact import PackedSerializer
from shopping_assistant.assistant.guests import is_guest
from shopping_assistant.assistant.kept_file import (
    DAMAGED,
    ConversationsError,
    await_rewriting,
    connect,
    reopens,
    trouble,
)


@dataclass
class _Link:
    """The connection of a saver and of the copies that LangGraph makes of it: when it is opened anew, it is for all."""

    conn: sqlite3.Connection
    is_setup: bool = False
    doubted: bool = False


def _of_link(name: str) -> property:
    return property(lambda saver: getattr(saver._link, name), lambda saver, value: setattr(saver._link, name, value))


class _Saver(SqliteSaver):
    """Checkpoints read back as plain values and LangChain messages only: no other type is revived from the file."""

    # What `SqliteSaver` has as its own.
    conn, is_setup, _doubted = _of_link("conn"), _of_link("is_setup"), _of_link("doubted")

    def __init__(self, path: Path | None):
        self._path, self._link = path, _Link(connect(path))
        super().__init__(self._link.conn, serde=PackedSerializer(allowed_msgpack_modules=None))
        try:
            self.setup()
        except sqlite3.Error as error:
            self.conn.close()
            raise trouble(error) from error

    @contextmanager
    def cursor(self, transaction: bool = True) -> Iterator[sqlite3.Cursor]:
        """See `SqliteSaver.cursor`.

        Raises:
            ConversationsError: the database cannot be read or written.
        """
        if transaction:
            await_rewriting(self._path)
        try:
            if self._doubted and self._path is not None:
                self._reopen()
            with super().cursor(transaction) as cursor:
                yield cursor
        except sqlite3.Error as error:
            self._doubted = self._doubted or reopens(error)
            with self.lock:
                self.conn.rollback()  # what is begun keeps everybody else from writing
            raise trouble(error) from error
        except zlib.error as error:  # pages have no checksum: what is packed in them has
            self._doubted = True
            raise ConversationsError(DAMAGED) from error

    def doubt(self) -> None:
        """See `KeptFile.doubt`."""
        self._doubted = True

    def _reopen(self) -> None:
        """Take a new connection, after trouble with the file that the old one has open."""
        fresh = connect(self._path)
        with self.lock:
            if not self._doubted:  # another thread was here first
                fresh.close()
                return
            before, self.conn = self.conn, fresh
            self.is_setup, self._doubted = False, False
        before.close()

    def forget_older(self, thread_id: str) -> None:
        """Only the last checkpoint of a conversation is ever needed again."""
        last = "(SELECT MAX(checkpoint_id) FROM checkpoints WHERE thread_id = ?)"
        with self.cursor() as cursor:
            for table in ("checkpoints", "writes"):
                cursor.execute(
                    f"DELETE FROM {table} WHERE thread_id = ? AND checkpoint_id < {last}", (thread_id, thread_id)
                )

    def close(self) -> None:
        with self.lock:
            self.conn.close()


class Checkpoints(_Saver):
    """One saver for the graph; the id of a conversation says where its checkpoints are."""

    def __init__(self, path: Path):
        super().__init__(path)
        self._guests = _Saver(None)

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return self._guests.get_tuple(config) if _of_guest(config) else super().get_tuple(config)

    def list(self, config: RunnableConfig | None, **kwargs: Any) -> Iterator[CheckpointTuple]:
        return self._guests.list(config, **kwargs) if _of_guest(config) else super().list(config, **kwargs)

    def put(
        self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:  # fmt: skip
        put = self._guests.put if _of_guest(config) else super().put
        return put(config, checkpoint, metadata, new_versions)

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        put_writes = self._guests.put_writes if _of_guest(config) else super().put_writes
        put_writes(config, writes, task_id, task_path)

    def delete_thread(self, thread_id: str) -> None:
        delete = self._guests.delete_thread if is_guest(thread_id) else super().delete_thread
        delete(thread_id)

    def forget_older(self, thread_id: str) -> None:
        forget = self._guests.forget_older if is_guest(thread_id) else super().forget_older
        forget(thread_id)

    def close(self) -> None:
        self._guests.close()
        super().close()


def _of_guest(config: RunnableConfig | None) -> bool:
    return config is not None and is_guest(config["configurable"]["thread_id"])
