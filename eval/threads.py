"""How many processor threads the libraries of one process may use for a matrix product."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController

# Read by the libraries that would otherwise take every core, when they are loaded.
VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS")


@cache
def _numpy_threads() -> ThreadpoolController:
    import numpy  # noqa: F401 - its library has to be there to be found

    return ThreadpoolController()


def matrix_threads() -> int:
    """How many threads numpy uses for a large matrix product."""
    pools = _numpy_threads().select(user_api="blas").info()
    return max([pool["num_threads"] for pool in pools], default=1)


@contextmanager
def loaded_with(threads: int) -> Iterator[None]:
    """Libraries that are loaded within the block, here or by processes started there, use so many threads for good."""
    before = {name: os.environ.get(name) for name in VARIABLES}
    os.environ.update(dict.fromkeys(VARIABLES, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def limited(threads: int) -> Iterator[None]:
    """Numpy's matrix products and torch use so many threads within the block; torch that is loaded there keeps them.

    Sums are taken in another order by another number of threads, and the last bit of a score may differ: what is to
    come out the same on every machine is computed with the same number.
    """
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0
    try:
        if torch:
            torch.set_num_threads(threads)
        with loaded_with(threads), _numpy_threads().limit(limits=threads, user_api="blas"):
            yield
    finally:
        if torch:
            torch.set_num_threads(before)
