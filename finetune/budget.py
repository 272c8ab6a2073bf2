"""How long a training may take, on a machine that does other work too."""

from __future__ import annotations

import time

# Beyond this many times the budget by the clock on the wall it is over, however little of a processor there was.
PATIENCE = 3.0


class Budget:
    """``minutes`` of the calling thread's processor time: what the wall clock shows on a machine with nothing else to
    do. A busy machine takes longer, up to three times, and trains as far; only then it stops early."""

    def __init__(self, minutes: float):
        self._seconds = 60 * minutes
        self._thread, self._wall = time.thread_time(), time.perf_counter()

    def spent(self) -> float:
        """The share that is used up: 1 or more when it is over."""
        worked = time.thread_time() - self._thread
        waited = time.perf_counter() - self._wall
        return max(worked, waited / PATIENCE) / self._seconds

    def passed(self, done: int, planned: int) -> float:
        """The share of a training that is over: of its steps, or of its time where that is a step or more ahead.

        A training that keeps up takes the same course whatever the clock says.
        """
        spent = self.spent()
        return min(1.0, spent if spent >= (done + 1) / planned else done / planned)
