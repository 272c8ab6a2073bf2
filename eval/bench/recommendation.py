"""How long one recommendation takes against its own matrix products and memory reads, and where the rest goes.

    python -m shopping_assistant.eval.bench.recommendation --store DIR [-n 60] [--json]

The whole path for one shopper, the prompt included, on histories of the store's own log. Each call's products are
written down as it makes them: every matrix product, attention, recurrent layer and table read of all its models. Then
the same products are computed back to back on the same memory, with nothing between them. Calls and products take
turns in one process, so that a busy machine slows both alike.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.recommender import Recommender
from shopping_assistant.tools.sessions import Event, leave_one_out
from shopping_assistant.tools.store import Store

CALLS = 60
WARM_UP = 8  # models load and caches fill at the first calls
K = 10
# What counts as a product or a memory read, by its name in torch without the overload; a composite one is seen as
# itself under inference mode, else as the ones below it, never as both.
PRODUCTS = {
    "mm", "addmm", "addmm_", "bmm", "baddbmm", "addbmm", "mv", "addmv", "dot", "matmul", "linear", "einsum",
    "mkldnn_linear", "_mkl_linear", "_linear_pointwise", "lstm", "mkldnn_rnn_layer", "embedding",
    "scaled_dot_product_attention", "_scaled_dot_product_attention_math", "_scaled_dot_product_flash_attention",
    "_scaled_dot_product_flash_attention_for_cpu", "_scaled_dot_product_efficient_attention",
    "_scaled_dot_product_cudnn_attention",
}  # fmt: skip


class Products(TorchDispatchMode):
    """Writes down every product made while it is on: the operation and its arguments, which stay alive."""

    def __init__(self):
        super().__init__()
        self.made: list[tuple[Callable, tuple, dict]] = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function.overloadpacket.__name__ in PRODUCTS:
            self.made.append((function, args, kwargs or {}))
        return function(*args, **(kwargs or {}))

    @torch.inference_mode()
    def again(self) -> None:
        """Compute them all once more."""
        for function, args, kwargs in self.made:
            function(*args, **kwargs)


@dataclass(frozen=True)
class Timed:
    """One recommendation: its milliseconds and those of its parts, and of its products back to back."""

    ms: float
    products_ms: float
    products: int
    parts_ms: dict[str, float]


def histories(store: Store, calls: int, seed: int) -> list[tuple[Event, ...]]:
    """What shoppers did before a purchase, from the store's log: so many, a shopper each.

    Raises:
        ShopError: the log holds none.
    """
    found = [example.history for example in leave_one_out(store.events()).test]
    if not found:
        raise ShopError(f"{store.path}: the log has no shopper with two purchases, expected some to recommend to")
    random.Random(seed).shuffle(found)
    return [found[i % len(found)] for i in range(calls)]


def table_products(recommender: Recommender) -> Callable[[], None]:
    """The products with the id and the title table, which are numpy's, as one call that makes both."""
    roads = recommender.roads([()])
    tables = (roads.id_table, roads.title_table)
    vectors = [np.ones((1, table.shape[1]), dtype=table.dtype) for table in tables]
    out = [np.empty((1, len(table)), dtype=table.dtype) for table in tables]

    def again() -> None:
        for vector, table, scores in zip(vectors, tables, out, strict=True):
            np.matmul(vector, table.T, out=scores)

    return again


def time_calls(store: Store, calls: int, seed: int) -> list[Timed]:
    """Recommend for each history, and compute its products, in turn; the first ones are not counted."""
    # Two of them: one is timed, the other written down. A memory keeps its answers, so that the same one asked twice
    # would do less the second time.
    timed, written_down = Recommender.open(store), Recommender.open(store)
    tables = table_products(timed)
    out = []
    for number, history in enumerate(histories(store, calls + WARM_UP, seed)):
        products = Products()
        with products:
            written_down.recommend(history, k=K)
        start = time.perf_counter()
        found = timed.recommend(history, k=K)
        done = time.perf_counter()
        products.again()
        tables()
        end = time.perf_counter()
        if number >= WARM_UP:
            made = len(products.made) + 2
            out.append(Timed((done - start) * 1000, (end - done) * 1000, made, found.parts_ms))
    return out


def measure(store: Store, calls: int = CALLS, seed: int = 1) -> dict:
    """Median and 95th percentile of recommendations and of their products, the ratio of the medians, and the parts."""
    timed = time_calls(store, calls, seed)
    whole, products = _spread([t.ms for t in timed]), _spread([t.products_ms for t in timed])
    names = sorted({name for t in timed for name in t.parts_ms})
    return {
        "store": str(store.path),
        "calls": len(timed),
        "threads": torch.get_num_threads(),
        "recommendation": whole,
        "products": {**products, "number": round(float(np.median([t.products for t in timed])))},
        "ratio": round(whole["median_ms"] / products["median_ms"], 2),
        "parts": {name: _spread([t.parts_ms[name] for t in timed if name in t.parts_ms]) for name in names},
    }


def _spread(ms: Sequence[float]) -> dict[str, float]:
    return {"median_ms": round(float(np.median(ms)), 2), "p95_ms": round(float(np.percentile(ms, 95)), 2)}


def print_table(result: dict) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="{calls} recommendations, {threads} threads, {store}".format(**result))
    for column in ("", "median ms", "95 % ms"):
        table.add_column(column, justify="right" if column else "left")
    rows = {
        "one recommendation": result["recommendation"],
        f"its {result['products']['number']} products alone": result["products"],
        **{f"  {name}": spread for name, spread in result["parts"].items()},
    }
    for name, spread in rows.items():
        table.add_row(name, f"{spread['median_ms']:.1f}", f"{spread['p95_ms']:.1f}")
    table.add_section()
    table.add_row("ratio of the medians", f"{result['ratio']:.2f}", "")
    Console(width=None if sys.stdout.isatty() else 100).print(table)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m shopping_assistant.eval.bench.recommendation",
        description="How long one recommendation takes, against its own matrix products.",
    )
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("-n", "--calls", type=int, default=CALLS, help="recommendations that are timed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    if given.calls < 1:
        parser.error(f"--calls {given.calls}: expected 1 or more")
    try:
        result = measure(Store.open(given.store), given.calls, given.seed)
    except ShopError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        print_table(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
