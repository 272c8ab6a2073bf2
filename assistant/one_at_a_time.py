"""One thing at a time in each conversation."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class _Gate:
    lock: threading.Lock = field(default_factory=threading.Lock)
    wanted_by: int = 0


class OneAtATime:
    """Locks by name. One lives as long as somebody holds it or waits for it, so that a busy shop's do not pile up."""

    def __init__(self):
        self._gates: dict[str, _Gate] = {}
        self._lock = threading.Lock()

    @contextmanager
    def in_turn(self, name: str, seconds: float = -1) -> Iterator[bool]:
        """Alone with ``name`` for a while; whether it came to that within so many seconds, -1 waits for good.

        A generator may enter it in one thread and be closed in another.
        """
        with self._lock:
            gate = self._gates.setdefault(name, _Gate())
            gate.wanted_by += 1
        mine = False
        try:
            mine = gate.lock.acquire(timeout=seconds) if seconds else gate.lock.acquire(blocking=False)
            yield mine
        finally:
            with self._lock:
                if mine:
                    gate.lock.release()
                gate.wanted_by -= 1
                if not gate.wanted_by:
                    del self._gates[name]
