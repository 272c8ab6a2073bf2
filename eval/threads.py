"""How many processor threads the libraries of one process may use for a matrix product."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController


@cache
def _numpy_threads() -> ThreadpoolController:
    import numpy  # noqa: F401 - its library has to be there to be found

    return ThreadpoolController()


def matrix_threads() -> int:
    """How many threads numpy uses for a large matrix product."""
    pools = _numpy_threads().select(user_api="blas").info()
    return max([pool["num_threads"] for pool in pools], default=1)


@contextmanager
def limited(threads: int) -> Iterator[None]:
    """Numpy's matrix products, and torch where it is loaded, use so many threads within the block.

    Sums are taken in another order by another number of threads, and the last bit of a score may differ: what is to
    come out the same on every machine is computed with the same number.
    """
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0
    try:
        if torch:
            torch.set_num_threads(threads)
        with _numpy_threads().limit(limits=threads, user_api="blas"):
            yield
    finally:
        if torch:
            torch.set_num_threads(before)
