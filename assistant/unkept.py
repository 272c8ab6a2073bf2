"""Turns that could not be written down, in memory until they can: a full disk takes no word back."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import Any, NamedTuple

# Of all conversations together: a disk that stays full must not fill the memory, too.
MOST_KEPT = 1_000


class Turn(NamedTuple):
    """A turn as `SessionLog` keeps it, ``at`` being when it ended."""

    number: int
    at: str
    body: dict[str, Any]
    trace: dict[str, Any]


class Unkept:
    """The waiting turns of all conversations, each in its order. Safe for several threads."""

    def __init__(self):
        self._waiting: dict[str, list[Turn]] = defaultdict(list)
        self._lock = threading.Lock()

    def add(self, thread_id: str, turn: Turn) -> None:
        """Keep a turn; beyond `MOST_KEPT` the oldest of the conversation that waits longest is given up."""
        with self._lock:
            self._waiting[thread_id].append(turn)
            if sum(map(len, self._waiting.values())) > MOST_KEPT:
                longest = next(iter(self._waiting))
                self._waiting[longest].pop(0)
                if not self._waiting[longest]:
                    del self._waiting[longest]

    def of(self, thread_id: str) -> list[Turn]:
        with self._lock:
            return list(self._waiting.get(thread_id, ()))

    def written(self, thread_id: str, turn: Turn) -> None:
        """This one is kept now."""
        with self._lock:
            left = [t for t in self._waiting.get(thread_id, ()) if t is not turn]
            if left:
                self._waiting[thread_id] = left
            else:
                self._waiting.pop(thread_id, None)

    def forget(self, thread_id: str) -> None:
        """Give up all of a conversation, which is deleted."""
        with self._lock:
            self._waiting.pop(thread_id, None)
