"""Public sequences as stores: Amazon Beauty, the H&M week and the H&M history, each with its leave-one-out split.

    python -m shopping_assistant.eval.benchmarks prepare {beauty,hm-week,hm-history} --data DIR [--out runs/benchmarks]
    python -m shopping_assistant.eval.benchmarks rank {beauty,hm-week,hm-history} [--part test] [--seed 1]
    python -m shopping_assistant.eval.benchmarks table [NAME…] [--part test]

``OUT/NAME/store`` is a store like any other (``store-seedN`` for the models of another seed);
``OUT/NAME/split.parquet`` says the same for programs that know nothing of stores, such as the RecBole baselines:
``user_id``, ``items`` (distinct products in the order of their first purchase) and ``evaluated``. An evaluated
shopper's last item is the test target, the one before the validation target. A system's ranks, ``user_id`` and
``rank``, lie in ``OUT/NAME/ranks/SYSTEM.seedS.PART.parquet``: whoever writes such a file stands in the table.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from shopping_assistant.eval.baselines import open_rankers
from shopping_assistant.eval.parts import ranks_of_variants
from shopping_assistant.eval.protocol import Candidates, Protocol, questions
from shopping_assistant.eval.replay import rank_sessions
from shopping_assistant.eval.tables import FUSED, as_text, table_of_ranks
from shopping_assistant.tools.catalog import Catalog, write_parquet
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.importers import import_source
from shopping_assistant.tools.store import Store

OUT = Path("runs/benchmarks")
# Below three products there is nothing to train on once two are withheld.
LEAST_ITEMS = 3
PEERS = ("popularity", "item-knn", "item-knn-colors")
NAMED = re.compile(r"(?P<system>.+)\.seed(?P<seed>\d+)\.(validation|test)\.parquet")
Progress = Callable[[int, int], None]


class BenchmarkError(ShopError):
    """A benchmark that cannot be prepared."""


@dataclass(frozen=True)
class Benchmark:
    """How one set is made.

    Attributes:
        log, behind: the parts of the data whose shoppers are asked about, and those that are only trained on.
        whole_catalog: rank all products of the catalogue, or those that somebody bought.
    """

    name: str
    title: str
    read: Callable[[Path, str, Path], Store]
    folder: str
    log: str
    behind: str | None = None
    whole_catalog: bool = True


def _read_beauty(data: Path, part: str, store: Path) -> Store:
    import_source("jsonl", data / "products.jsonl.gz", store, events_path=data / "events.csv.gz", currency=None)
    return Store.open(store)


def _read_hm(data: Path, part: str, store: Path) -> Store:
    import_source("hm", data, store, part=part)
    return Store.open(store)


BENCHMARKS = {
    b.name: b
    for b in (
        Benchmark("beauty", "Amazon Beauty", _read_beauty, "amazon_beauty", "all"),
        Benchmark("hm-week", "H&M, one week", _read_hm, "hm", "week", whole_catalog=False),
        Benchmark("hm-history", "H&M, two years", _read_hm, "hm", "history", behind="week"),
    )
}


def prepare(name: str, data: Path | str, out: Path | str = OUT, seed: int = 1) -> Store:
    """Lay down one benchmark's store and split file; what stands there already is opened.

    Raises:
        BenchmarkError: no such benchmark.
        ImportRefused: the data are not there, or a row breaks the schema.
    """
    if name not in BENCHMARKS:
        raise BenchmarkError(f"benchmark {name!r}: expected one of {', '.join(BENCHMARKS)}")
    benchmark, folder = BENCHMARKS[name], Path(out) / name
    if (store_of(folder, seed) / "store.json").is_file() and (folder / "split.parquet").is_file():
        return Store.open(store_of(folder, seed))
    source = Path(data) / benchmark.folder
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        read = benchmark.read(source, benchmark.log, Path(scratch) / "log")
        log, behind = _first_purchases(read.events()), None
        if benchmark.behind:
            behind = _first_purchases(benchmark.read(source, benchmark.behind, Path(scratch) / "behind").events())
        catalog, currency = read.catalog().frame, read.currency
    enough = pl.len().over("user_id") >= LEAST_ITEMS
    if behind is None:
        log = log.filter(enough)
    else:
        log, behind = log.filter(enough), pl.concat([log.filter(~enough), behind])
    if not benchmark.whole_catalog:
        catalog = catalog.filter(pl.col("product_id").is_in(log["product_id"].unique().implode()))
    # What a product costs was read from the whole log, withheld purchases included: that it has a price would say
    # that somebody buys it.
    catalog = catalog.with_columns(price=pl.lit(None, pl.Float64))
    store = Store.create(store_of(folder, seed), name=benchmark.title, currency=currency)
    store.write_catalog(Catalog(catalog), {"benchmark": name})
    store.write_events(log, {"benchmark": name}, background=behind)
    write_parquet(split_of(store), folder / "split.parquet")
    return store


def split_of(store: Store) -> pl.DataFrame:
    """One row a shopper: ``user_id``, ``items`` (list), ``evaluated``; those of the background are not evaluated."""
    parts = []
    for events, evaluated in ((store.events(), True), (store.background(), False)):
        ordered = events.with_row_index("_row").sort("user_id", "timestamp", "_row")
        items = ordered.group_by("user_id", maintain_order=True).agg(items=pl.col("product_id"))
        parts.append(items.with_columns(evaluated=pl.lit(evaluated)))
    return pl.concat(parts)


def _first_purchases(events: pl.DataFrame) -> pl.DataFrame:
    """Purchases in time order, each product once a shopper: the published protocol of all three sets."""
    bought = events.filter(pl.col("action") == "purchase").with_row_index("_row")
    bought = bought.sort("user_id", "timestamp", "_row").drop("_row")
    return bought.unique(["user_id", "product_id"], keep="first", maintain_order=True)


def rank(name: str, part: str, seed: int = 1, out: Path | str = OUT, say: Progress | None = None) -> list[Path]:
    """Rank every session of a benchmark by the simple peers, by `fused` and by its variants; a file is made once.

    Raises:
        ShopError: the benchmark was not prepared, or its store not built.
    """
    folder = Path(out) / name
    store = Store.open(store_of(folder, seed))
    made = []

    def write(system: str, users: list[str], ranks: list[int]) -> None:
        path = folder / "ranks" / f"{system}.seed{seed}.{part}.parquet"
        write_parquet(pl.DataFrame({"user_id": users, "rank": ranks}, schema_overrides={"rank": pl.Int64}), path)
        made.append(path)

    def missing(system: str) -> bool:
        return not (folder / "ranks" / f"{system}.seed{seed}.{part}.parquet").is_file()

    peers = [system for system in PEERS if seed == 1 and missing(system)]
    if peers:
        protocol, split = Protocol(part=part), store.split()
        asked = questions(store.events(), protocol, split.train, split)
        among = Candidates(store.catalog(), protocol, store.events())
        for ranker in open_rankers(store, peers, split.train):
            cohorts = [()] * len(asked.examples)
            runs = [run for _, batch in rank_sessions(ranker, asked.examples, cohorts, among) for run in batch]
            write(ranker.names[0], [run.user_id for run in runs], [run.rank or 0 for run in runs])
    if missing(FUSED):
        found = ranks_of_variants(store, part, progress=say)
        for system in (c for c in found.columns if c not in ("user_id", "cold")):
            called = system if system == FUSED else f"{FUSED}-{system}"
            write(called, found["user_id"].to_list(), found[system].to_list())
    return made


def store_of(folder: Path, seed: int) -> Path:
    return folder / ("store" if seed == 1 else f"store-seed{seed}")


def table(name: str, part: str, out: Path | str = OUT, seed: int = 1) -> dict:
    """The figures of every system whose ranks lie there, and `fused` against each of them: `tables.table_of_ranks`.

    Sessions are paired by shopper.

    Raises:
        BenchmarkError: there are no ranks, or a file lacks shoppers.
    """
    folder = Path(out) / name
    split = pl.read_parquet(folder / "split.parquet")
    asked = split.filter(pl.col("evaluated"))
    kept = pl.col("items").list.head(pl.col("items").list.len() - 2)
    learned = pl.concat([asked.select(items=kept), split.filter(~pl.col("evaluated")).select("items")])
    trained = set(learned["items"].explode().drop_nulls().to_list())
    target = -1 if part == "test" else -2
    users = asked["user_id"].to_list()
    cold = np.array([items[target] not in trained for items in asked["items"].to_list()])
    ranks: dict[str, dict[int, np.ndarray]] = {}
    for path in sorted((folder / "ranks").glob(f"*.{part}.parquet")):
        found = NAMED.fullmatch(path.name)
        if found is None:
            continue
        own = dict(pl.read_parquet(path).select("user_id", "rank").iter_rows())
        if set(own) != set(users):
            raise BenchmarkError(f"{path}: ranks of {len(own)} shoppers, expected the {len(users)} of the split")
        ranks.setdefault(found["system"], {})[int(found["seed"])] = np.array([own[u] for u in users])
    if not ranks:
        raise BenchmarkError(f"{folder / 'ranks'} holds no ranks; make them with `rank {name}` and `make baselines`")
    return {"benchmark": name, "part": part, **table_of_ranks(ranks, cold, seed)}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    preparing = commands.add_parser("prepare", help="lay down a benchmark's store and split file")
    preparing.add_argument("name", choices=[*BENCHMARKS])
    preparing.add_argument("--data", type=Path, required=True, help="the folder that holds hm/ and amazon_beauty/")
    preparing.add_argument("--seed", type=int, default=1, help="whose models the store will hold")
    ranking = commands.add_parser("rank", help="rank every session, once its store is built")
    ranking.add_argument("name", choices=[*BENCHMARKS])
    ranking.add_argument("--seed", type=int, default=1)
    showing = commands.add_parser("table", help="set out what was ranked")
    showing.add_argument("names", nargs="*", metavar="NAME", help="all that have ranks, by default")
    showing.add_argument("--json", action="store_true")
    for command in (preparing, ranking, showing):
        command.add_argument("--out", type=Path, default=OUT)
    for command in (ranking, showing):
        command.add_argument("--part", choices=("validation", "test"), default="test")
    given = parser.parse_args(arguments)
    try:
        {"prepare": _prepare, "rank": _rank, "table": _table}[given.command](given)
    except ShopError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _prepare(given: argparse.Namespace) -> None:
    store = prepare(given.name, given.data, given.out, given.seed)
    split = store.split()
    print(
        f"{store.path}: {len(store.catalog()):,} products, {len(split.test):,} sessions asked about, "
        f"{len(split.train):,} events to train on"
    )


def _rank(given: argparse.Namespace) -> None:
    def say(done: int, total: int) -> None:
        print(f"\r{done:,} of {total:,} sessions", end="" if done < total else "\n", file=sys.stderr, flush=True)

    for path in rank(given.name, given.part, given.seed, given.out, say):
        print(path)


def _table(given: argparse.Namespace) -> None:
    names = given.names or [n for n in BENCHMARKS if (given.out / n / "ranks").is_dir()]
    if unknown := [n for n in names if n not in BENCHMARKS]:
        raise BenchmarkError(f"benchmark {unknown[0]!r}: expected one of {', '.join(BENCHMARKS)}")
    if not names:
        raise BenchmarkError(f"{given.out} holds no ranks; make them with `rank NAME` and `make baselines`")
    found = [table(name, given.part, given.out) for name in names]
    print(json.dumps(found, indent=1) if given.json else "\n\n".join(map(_as_text, found)))


def _as_text(found: dict) -> str:
    return as_text(found, f"{BENCHMARKS[found['benchmark']].title}, {found['part']}")


if __name__ == "__main__":
    sys.exit(main())
