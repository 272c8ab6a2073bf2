"""Turns that are finished and kept, also when nobody waits for them any more."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from shopping_assistant.assistant.chat_models import (
    ShopError,  # the page knows the tools' errors through the assistant only
)

# More turns at once than AT_ONCE wait; with more than MOST_WAITING waiting the next shopper is told to try again.
AT_ONCE, MOST_WAITING = 8, 64
Pieces = Iterator[dict[str, Any]]
_END = object()
_CLOSING = "the shop is closing; please try again in a minute"


class TooBusy(ShopError):
    """More turns wait already than will be answered soon."""


class Turns:
    """Runs turns in threads of its own and hands on what they write.

    A generator that is closed in the middle of a turn would lose the turn. Here whoever reads may go away: the thread
    runs to the end, and the turn stands in the conversation.
    """

    def __init__(self, at_once: int = AT_ONCE, most_waiting: int = MOST_WAITING):
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="turn")
        self._places = threading.BoundedSemaphore(at_once + most_waiting)

    def _start(self, pieces: Callable[[], Pieces], put: Callable[[Any], None]) -> None:
        if not self._places.acquire(blocking=False):
            raise TooBusy("too many shoppers are being answered at this moment; please try again in a few seconds")

        def run() -> None:
            try:
                for piece in pieces():
                    put(piece)
                put(_END)
            except BaseException as error:
                put(error)
            finally:
                self._places.release()

        def given_up(future: Future) -> None:
            if future.cancelled():
                self._places.release()
                put(TooBusy(_CLOSING))

        try:
            self._threads.submit(run).add_done_callback(given_up)
        except RuntimeError as error:  # the page is being closed
            self._places.release()
            raise TooBusy(_CLOSING) from error

    def read(self, pieces: Callable[[], Pieces]) -> Pieces:
        """What ``pieces()`` yields, or its exception; the turn has begun when this returns.

        Raises:
            TooBusy: too many wait already.
        """
        written: queue.SimpleQueue = queue.SimpleQueue()
        self._start(pieces, written.put)
        return iter(_raising(written.get), _END)

    def read_async(self, pieces: Callable[[], Pieces]) -> AsyncIterator[dict[str, Any]]:
        """As `read`, for a coroutine: no thread waits while nothing is written."""
        loop, written = asyncio.get_running_loop(), asyncio.Queue()

        def put(piece: Any) -> None:
            with suppress(RuntimeError):  # the server was closed meanwhile: the turn is kept all the same
                loop.call_soon_threadsafe(written.put_nowait, piece)

        self._start(pieces, put)

        async def reading() -> AsyncIterator[dict[str, Any]]:
            while (piece := await written.get()) is not _END:
                if isinstance(piece, BaseException):
                    raise piece
                yield piece

        return reading()

    def close(self) -> None:
        """Wait for the turns that run; those that only wait are given up."""
        self._threads.shutdown(wait=True, cancel_futures=True)


def _raising(get: Callable[[], Any]) -> Callable[[], Any]:
    def got() -> Any:
        piece = get()
        if isinstance(piece, BaseException):
            raise piece
        return piece

    return got
