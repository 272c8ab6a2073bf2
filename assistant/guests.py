"""Guests: shoppers who leave nothing behind. What is kept of them lives in memory, and only for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

PREFIX = "guest-"
# A guest who says nothing for so long has left.
GUEST_SECONDS = 3600.0


def is_guest(thread_id: str | None) -> bool:
    """Whether a conversation is one of which nothing may touch the disk."""
    return thread_id is not None and thread_id.startswith(PREFIX)


class Guests:
    """Who is here, and when each was last heard of.

    Args:
        leave: called in a thread of its own with a guest who has been silent for ``seconds``; False when it cannot be
            now, as a turn of theirs runs.
    """

    def __init__(self, leave: Callable[[str], bool], seconds: float = GUEST_SECONDS):
        self._leave, self._seconds = leave, seconds
        self._heard: dict[str, float] = {}
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._closed = False

    def heard(self, thread_id: str) -> None:
        """A guest did something; other conversations are passed over."""
        if not is_guest(thread_id):
            return
        with self._lock:
            self._heard[thread_id] = time.monotonic()
            self._wait()

    def gone(self, thread_id: str) -> None:
        with self._lock:
            self._heard.pop(thread_id, None)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()

    def _wait(self) -> None:
        """Come back when the first of them may have left; one timer serves all."""
        if self._timer is not None or self._closed or not self._heard:
            return
        first = min(self._heard.values()) + self._seconds - time.monotonic()
        # Never in a tight circle: one whose turn runs is asked again a little later.
        self._timer = threading.Timer(max(first, min(1.0, self._seconds)), self._see_who_left)
        self._timer.daemon = True
        self._timer.start()

    def _see_who_left(self) -> None:
        with self._lock:
            silent = [t for t, at in self._heard.items() if time.monotonic() - at >= self._seconds]
        for thread_id in silent:
            if not self._closed and self._leave(thread_id):
                self.gone(thread_id)
        with self._lock:
            self._timer = None
            self._wait()
