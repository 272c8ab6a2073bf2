"""How the time of one recommendation grows with the catalogue.

    python -m shopping_assistant.eval.bench.scale --like stores/demo --folder DIR [--products 100000 1400000] [--json]

A store of each size is invented under ``--folder``, or taken from there when a run before left it. All are opened in
one process and recommend in turn, one shopper at a time, so that a busy machine slows all alike; beside the time on the
wall stands the processor's, which other processes hardly change. The ratio is that of the last size to the first.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from shopping_assistant.eval.bench.large_store import make_store
from shopping_assistant.tools.attribute_filter import Constraint
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.recommender import Recommender
from shopping_assistant.tools.sessions import Event, leave_one_out
from shopping_assistant.tools.store import Store

PRODUCTS = (100_000, 1_400_000)
CALLS = 100
WARM_UP = 5  # indexes and columns are made at the first calls
THREADS = 2
K = 10
SYSTEMS = ("fused", "mixup")
# One product in fifteen: what a shopper who says "black, navy or white, up to 80" leaves.
WISHES = (Constraint("color", "in", ("black", "navy", "white")), Constraint("price", "<=", (80.0,)))
CASES = {"everything": (), "constrained": WISHES}


@dataclass
class Timed:
    """The recommendations of one store, system and case: milliseconds on the wall, of the processor, and of parts."""

    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    parts: dict[str, list[float]] = field(default_factory=dict)

    def add(self, wall: float, processor: float, parts: dict[str, float]) -> None:
        self.wall.append(1000 * wall)
        self.processor.append(1000 * processor)
        # What a recommendation does before its clock starts: finding out which products are allowed.
        for name, ms in {"rest": 1000 * wall - sum(parts.values()), **parts}.items():
            self.parts.setdefault(name, []).append(ms)

    def summary(self) -> dict:
        return {
            "median_ms": _median(self.wall),
            "p95_ms": round(float(np.percentile(self.wall, 95)), 2),
            "processor_ms": _median(self.processor),
            "parts": {name: _median(ms) for name, ms in self.parts.items()},
        }


def _median(ms: Sequence[float]) -> float:
    return round(float(np.median(ms)), 2)


def histories(store: Store, calls: int, seed: int) -> list[tuple[Event, ...]]:
    """What shoppers of an invented store did before their last purchase: so many, a shopper each as far as they go."""
    found = [example.history for example in leave_one_out(store.events()).test]
    random.Random(seed).shuffle(found)
    return [found[i % len(found)] for i in range(calls)]


def stores(folder: Path, like: Store, sizes: Sequence[int], seed: int, say=print) -> list[Store]:
    """A store of each size; those that are there already are taken as they are."""
    out = []
    for products in sizes:
        path = folder / f"{products}-products"
        if not (path / "store.json").is_file():
            say(f"{path}: inventing {products:,} products")
            make_store(path, like, products, seed, say=lambda part: say(f"  {part}"))
        out.append(Store.open(path))
    return out


def measure(
    opened: Sequence[Store], calls: int = CALLS, seed: int = 1, systems: Sequence[str] = SYSTEMS, say=print
) -> dict:
    """Time every system in every case on every store; see ``main`` for what is printed of it."""
    recommenders, asked, opening = [], [], []
    for store in opened:
        start = time.perf_counter()
        recommenders.append(Recommender.open(store))
        asked.append(histories(store, calls + WARM_UP, seed))
        opening.append(round(time.perf_counter() - start, 1))
        say(f"{store.path}: opened in {opening[-1]} s")
    timed = {(system, case, at): Timed() for system in systems for case in CASES for at in range(len(opened))}
    for number in range(calls + WARM_UP):
        for (system, case, at), found in timed.items():
            recommenders[at].system = system
            wall, processor = time.perf_counter(), time.process_time()
            made = recommenders[at].recommend(asked[at][number], K, CASES[case])
            processor, wall = time.process_time() - processor, time.perf_counter() - wall
            if number >= WARM_UP:
                found.add(wall, processor, made.parts_ms)
        if number == WARM_UP - 1:
            say("warmed up")
    rows = [
        {"system": system, "case": case, "products": len(opened[at].catalog()), **found.summary()}
        for (system, case, at), found in timed.items()
    ]
    return {
        "calls": calls,
        "threads": torch.get_num_threads(),
        "stores": [
            {"products": len(store.catalog()), "opening_seconds": seconds}
            for store, seconds in zip(opened, opening, strict=True)
        ],
        "recommendations": rows,
        "ratios": _ratios(rows, len(opened)),
    }


def _ratios(rows: Sequence[dict], sizes: int) -> list[dict]:
    """Largest store over smallest, for each system and case."""
    out = []
    for first in range(0, len(rows), sizes):
        small, large = rows[first], rows[first + sizes - 1]
        parts = {name: _over(large["parts"][name], ms) for name, ms in small["parts"].items() if name in large["parts"]}
        whole = {name: _over(large[f"{name}_ms"], small[f"{name}_ms"]) for name in ("median", "p95", "processor")}
        out.append({"system": small["system"], "case": small["case"], **whole, "parts": parts})
    return out


def _over(large: float, small: float) -> float:
    return round(large / max(small, 0.01), 2)


def print_table(result: dict) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="{calls} recommendations a row, {threads} threads".format(**result))
    for column in ("", "products", "median ms", "95 % ms", "processor ms", "of it"):
        table.add_column(column, justify="left" if column in ("", "of it") else "right")
    for row in result["recommendations"]:
        parts = ", ".join(f"{name} {ms:.1f}" for name, ms in row["parts"].items())
        figures = (f"{row[name]:.1f}" for name in ("median_ms", "p95_ms", "processor_ms"))
        table.add_row(f"{row['system']}, {row['case']}", f"{row['products']:,}", *figures, parts)
    table.add_section()
    for row in result["ratios"]:
        figures = (f"{row[name]:.2f}" for name in ("median", "p95", "processor"))
        table.add_row(f"{row['system']}, {row['case']}", "ratio", *figures)
    Console(width=None if sys.stdout.isatty() else 180).print(table)
    for store in result["stores"]:
        print(f"{store['products']:,} products: opened in {store['opening_seconds']} s")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m shopping_assistant.eval.bench.scale",
        description="How the time of one recommendation grows with the catalogue.",
    )
    parser.add_argument("--like", type=Path, required=True, help="a trained store whose models' shapes are taken")
    parser.add_argument("--folder", type=Path, required=True, help="where the invented stores lie, or go")
    parser.add_argument("--products", type=int, nargs="+", default=list(PRODUCTS))
    parser.add_argument("-n", "--calls", type=int, default=CALLS, help="recommendations a row")
    parser.add_argument("--system", choices=SYSTEMS, action="append", help="again for several; all by default")
    parser.add_argument("--threads", type=int, default=THREADS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    for name in ("calls", "threads"):
        if getattr(given, name) < 1:
            parser.error(f"--{name} {getattr(given, name)}: expected 1 or more")
    torch.set_num_threads(given.threads)

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    try:
        opened = stores(given.folder, Store.open(given.like), given.products, given.seed, say)
        result = measure(opened, given.calls, given.seed, given.system or SYSTEMS, say)
    except ShopError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps(result))
    else:
        print_table(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
