"""What each turn did, failures included. The turn object has the arguments; no log file sees a shopper's words."""

from __future__ import annotations

import errno
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
    #: What it failed with, for who words it for the shopper.
    failure: Exception | None = field(default=None, repr=False)

    def as_dict(self) -> dict:
        return {"name": self.name, "arguments": self.arguments, "ms": round(self.ms, 1), "error": self.error}


def cause(error: BaseException) -> str:
    """An error in one line: its type and what it says, and the same of what caused it."""
    return "; caused by ".join(_said(e) for e in _chain(error))[:600]


def kind(error: BaseException) -> str:
    """An error for the log file: types and codes alone, as what it says may hold a shopper's words."""
    return " from ".join(_coded(e) for e in _chain(error))


def _chain(error: BaseException) -> list[BaseException]:
    causes = [error]
    while causes[-1].__cause__ is not None and len(causes) < 4:
        causes.append(causes[-1].__cause__)
    return causes


def _said(error: BaseException) -> str:
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said}"[:400] if said else type(error).__name__


def _coded(error: BaseException) -> str:
    code = getattr(error, "sqlite_errorname", None)
    if code is None and isinstance(error, OSError) and error.errno is not None:
        code = errno.errorcode.get(error.errno)
    return f"{type(error).__name__} ({code})" if code else type(error).__name__


@contextmanager
def traced(name: str, arguments: dict) -> Iterator[ToolTrace]:
    """Time a tool call. An error is kept in the trace and logged by type only; it does not leave the block."""
    entry = ToolTrace(name, arguments)
    start = time.perf_counter()
    try:
        yield entry
    except Exception as error:  # whatever a tool can raise: the chat goes on
        entry.error, entry.failure = cause(error), error
        log.warning("tool %s failed with %s", name, kind(error))
    finally:
        entry.ms = (time.perf_counter() - start) * 1000
