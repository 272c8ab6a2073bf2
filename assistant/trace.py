"""What each turn did, failures included. The turn object has the arguments; no log file sees a shopper's words."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

log = logging.getLogger("shopping_assistant.assistant")


@dataclass
class ToolTrace:
    """One tool call as it happened."""

    name: str
    arguments: dict
    ms: float = 0.0
    error: str | None = None
    parts_ms: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict:
        return {"name": self.name, "arguments": self.arguments, "ms": round(self.ms, 1), "error": self.error}


def cause(error: BaseException) -> str:
    """An error in one line: its type and what it says."""
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said}"[:400] if said else type(error).__name__


@contextmanager
def traced(name: str, arguments: dict) -> Iterator[ToolTrace]:
    """Time a tool call. An error is kept in the trace and logged by type only; it does not leave the block."""
    entry = ToolTrace(name, arguments)
    start = time.perf_counter()
    try:
        yield entry
    except Exception as error:  # whatever a tool can raise: the chat goes on
        entry.error = cause(error)
        log.warning("tool %s failed with %s", name, type(error).__name__)
    finally:
        entry.ms = (time.perf_counter() - start) * 1000
