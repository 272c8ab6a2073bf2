"""What a replay costs: ranks from vectors beside the bare matrix product, and the memory that a longer log takes.

    python -m shopping_assistant.eval.bench.replay [--products 105542] [--dim 65] [--sessions 1024] [--json]
    python -m shopping_assistant.eval.bench.replay --store DIR --events 200000 --events 2000000 [--json]

The first ranks invented sessions by `ranking.ranked`, as a replay does for the systems ``id`` and ``title``, and
computes the products of the same queries with the same table, a batch of each in turn, so that a busy machine slows
both alike. Scratch memory is the most that Python and numpy held beyond inputs and results; what the matrix library
packs for itself is not seen by either. The ranks are held against a full sort of all scores in double precision.

The second makes logs of so many events out of the store's own shoppers, again and again under other names, and replays
each by popularity in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from shopping_assistant.eval.allowed import Allowed
from shopping_assistant.eval.ranking import SESSIONS, ItemTable, Vectors, ranked
from shopping_assistant.eval.threads import matrix_threads
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.store import Store

PRODUCTS, DIM = 105_542, 65  # H&M's catalogue, and the demo shop's id table
OWNED = 10  # products that each session leaves out
CHECKED = 64  # sessions whose ranks are held against a full sort: it takes a second for 50
SIMILAR = 0.7  # how near a query lies to some product, as a cosine; written ids are at 1, sessions around a half


class RanksDiffer(ShopError):
    """Ranks that a full sort does not give."""


@dataclass(frozen=True)
class Sessions:
    """One batch: queries, what it is ranked among, and targets."""

    vectors: Vectors
    among: Allowed


def batches(products: int, dim: int, sessions: int, seed: int) -> list[Sessions]:
    """Invented sessions that look near some product for another one."""
    random = np.random.default_rng(seed)
    table = _unit(random.standard_normal((products, dim), dtype=np.float32))
    items = ItemTable.of(table)
    every = np.ones(products, dtype=bool)
    out = []
    for start in range(0, sessions, SESSIONS):
        count = min(SESSIONS, sessions - start)
        noise = _unit(random.standard_normal((count, dim), dtype=np.float32))
        near = table[random.integers(0, products, count)]
        queries = _unit(np.float32(SIMILAR) * near + np.float32((1 - SIMILAR**2) ** 0.5) * noise)
        targets = random.integers(0, products, count)
        owned = [np.setdiff1d(random.integers(0, products, OWNED), [t]) for t in targets]
        out.append(Sessions(Vectors(queries, items), Allowed(every, targets, owned)))
    return out


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def measure(products: int, dim: int, sessions: int, seed: int, top: int = 0) -> dict:
    """Seconds of ranks and of bare products, their ratio, and scratch memory beside the table's.

    Raises:
        RanksDiffer: a rank is not that of a full sort.
    """
    made = batches(products, dim, sessions, seed)
    table = made[0].vectors.items.vectors
    scores = np.empty((SESSIONS, products), dtype=np.float32)
    bare, own = np.zeros((len(made), 2)), np.zeros((len(made), 2))  # seconds of the clock, and of all processors
    checked = check(made[0], top)
    for number, batch in enumerate(made):
        queries = batch.vectors.queries
        bare[number] = _timed(lambda q=queries: np.matmul(q, table.T, out=scores[: len(q)]))
        own[number] = _timed(lambda b=batch: ranked(b.vectors, b.among, b.among.targets, top))
    scratch = scratch_bytes(made[0], top)
    return {
        "products": products,
        "dim": dim,
        "sessions": sessions,
        "threads": matrix_threads(),
        "ranks_seconds": round(float(own[:, 0].sum()), 6),
        "product_seconds": round(float(bare[:, 0].sum()), 6),
        "ratio": round(float(own[:, 0].sum() / bare[:, 0].sum()), 2),
        "processor_ratio": round(float(own[:, 1].sum() / bare[:, 1].sum()), 2),
        "scratch_bytes": scratch,
        "table_bytes": table.nbytes,
        "scratch_share": round(scratch / table.nbytes, 4),
        "all_scores_bytes": scores.nbytes,
        "sessions_checked": checked,
    }


def _timed(work) -> tuple[float, float]:
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - processor


def scratch_bytes(batch: Sessions, top: int = 0) -> int:
    """The most that ranking one batch holds at a time."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        ranked(batch.vectors, batch.among, batch.among.targets, top)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def check(batch: Sessions, top: int = 0) -> int:
    """Hold a batch's ranks and first places against a full sort; how many sessions that were.

    Raises:
        RanksDiffer: naming the session.
    """
    ranks, tops = ranked(batch.vectors, batch.among, batch.among.targets, top)
    rows = np.arange(len(batch.among.base))
    for session, (target, owned) in enumerate(zip(batch.among.targets, batch.among.excluded, strict=True)):
        if session == CHECKED:
            return session
        scores = batch.vectors.items.scores(rows, batch.vectors.queries[session])
        order = np.lexsort((rows, -scores))
        order = order[~np.isin(order, owned)]
        place = int(np.flatnonzero(order == target)[0]) + 1
        if place != ranks[session] or not np.array_equal(order[:top], tops[session]):
            raise RanksDiffer(f"session {session}: rank {ranks[session]}, a full sort says {place}")
    return len(ranks)


def longer_log(store: Store, events: int, path: Path) -> int:
    """Write a log of at least so many events: the store's shoppers again and again, each time as other people.

    Raises:
        ShopError: the store has no log.
    """
    log = pl.scan_parquet(store.path / "events.parquet")
    there = log.select(pl.len()).collect(engine="streaming").item()
    if not there:
        raise ShopError(f"{store.path} has no events to make a longer log of")
    times = -(-events // there)
    copies = [
        log.with_columns(
            pl.format("{}-{}", pl.col(name), pl.lit(copy)).alias(name) for name in ("user_id", "session_id")
        )
        for copy in range(times)
    ]
    if events < there:
        # Whole shoppers: the first ones by id, as many as have that many events.
        sizes = log.group_by("user_id").len().collect().sort("user_id").with_columns(pl.col("len").cum_sum())
        users = sizes.filter(pl.col("len") <= events)["user_id"]
        copies = [log.filter(pl.col("user_id").is_in(users.implode()))]
    pl.concat(copies).sink_parquet(path)
    return pl.scan_parquet(path).select(pl.len()).collect().item()


# Run in a process of its own: the most memory a process ever held does not go down again.
_REPLAY = """
import json, resource, sys, time
from shopping_assistant.eval.replay import replay
from shopping_assistant.tools.store import Store
began = time.perf_counter()
found = replay(Store.open(sys.argv[1]), ["popularity"], events=sys.argv[2])
print(json.dumps({"sessions": found["sessions"], "seconds": round(time.perf_counter() - began, 1),
                  "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)}))
"""


def memory(store: Store, events: Sequence[int]) -> list[dict]:
    """Peak memory of replaying logs of so many events by popularity.

    Raises:
        ShopError: the store has no log, or a replay failed.
    """
    out = []
    for wanted in events:
        with tempfile.TemporaryDirectory(prefix="longer-log-") as folder:
            path = Path(folder) / "events.parquet"
            made = longer_log(store, wanted, path)
            command = [sys.executable, "-c", _REPLAY, str(store.path), str(path)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise ShopError(f"the replay of {made:,} events failed: {done.stderr.strip().splitlines()[-1]}")
            out.append({"events": made, "log_mb": round(path.stat().st_size / 2**20, 1), **json.loads(done.stdout)})
    return out


def as_text(result: dict | list[dict]) -> str:
    if isinstance(result, list):
        return "\n".join(
            "{events:,} events ({log_mb} MB as Parquet), {sessions:,} sessions: at most {peak_mb} MB, "
            "{seconds} s".format(**run)
            for run in result
        )
    return (
        "{sessions:,} sessions, {products:,} products of {dim} numbers, {threads} threads\n"
        "  ranks from vectors   {ranks_seconds:8.3f} s\n"
        "  bare matrix product  {product_seconds:8.3f} s\n"
        "  ratio                {ratio:8.2f}     ({processor_ratio:.2f} in processor time)\n"
        "  scratch memory       {scratch_bytes:,} bytes, {scratch_share:.1%} of the table's {table_bytes:,} "
        "(all scores of a batch: {all_scores_bytes:,})\n"
        "  equal to a full sort in all of {sessions_checked} sessions"
    ).format(**result)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m shopping_assistant.eval.bench.replay", description="What a replay costs."
    )
    parser.add_argument("--products", type=int, default=PRODUCTS)
    parser.add_argument("--dim", type=int, default=DIM, help="numbers in a vector")
    parser.add_argument("--sessions", type=int, default=1024)
    parser.add_argument("--top", type=int, default=0, help="first places to find along the way")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", type=Path, help="a store whose log is made longer and replayed")
    parser.add_argument("--events", type=int, action="append", help="how long; again for several")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    for name in ("products", "dim", "sessions"):
        if getattr(given, name) < 1:
            parser.error(f"--{name} {getattr(given, name)}: expected 1 or more")
    if (given.store is None) != (given.events is None):
        parser.error("--store and --events go together: whose log is made how long")
    try:
        if given.store is not None:
            result = memory(Store.open(given.store), given.events)
        else:
            result = measure(given.products, given.dim, given.sessions, given.seed, given.top)
    except ShopError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(json.dumps(result) if given.json else as_text(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
