"""Public sequences as stores: Amazon Beauty, the H&M week and the H&M history, each with its leave-one-out split.

    python -m shopping_assistant.eval.benchmarks prepare {beauty,hm-week,hm-history} --data DIR [--out runs/benchmarks]

``OUT/NAME/store`` is a store like any other; ``OUT/NAME/split.parquet`` says the same for programs that know nothing of
stores, such as the RecBole baselines: ``user_id``, ``items`` (distinct products in the order of their first purchase)
and ``evaluated``. An evaluated shopper's last item is the test target, the one before the validation target.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from shopping_assistant.tools.catalog import Catalog, write_parquet
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.importers import import_source
from shopping_assistant.tools.store import Store

OUT = Path("runs/benchmarks")
# Below three products there is nothing to train on once two are withheld.
LEAST_ITEMS = 3


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


def prepare(name: str, data: Path | str, out: Path | str = OUT) -> Store:
    """Lay down one benchmark's store and split file; what stands there already is opened.

    Raises:
        BenchmarkError: no such benchmark.
        ImportRefused: the data are not there, or a row breaks the schema.
    """
    if name not in BENCHMARKS:
        raise BenchmarkError(f"benchmark {name!r}: expected one of {', '.join(BENCHMARKS)}")
    benchmark, folder = BENCHMARKS[name], Path(out) / name
    if (folder / "store" / "store.json").is_file() and (folder / "split.parquet").is_file():
        return Store.open(folder / "store")
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
    store = Store.create(folder / "store", name=benchmark.title, currency=currency)
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


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    preparing = commands.add_parser("prepare", help="lay down a benchmark's store and split file")
    preparing.add_argument("name", choices=[*BENCHMARKS])
    preparing.add_argument("--data", type=Path, required=True, help="the folder that holds hm/ and amazon_beauty/")
    preparing.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args(arguments)
    try:
        store = prepare(given.name, given.data, given.out)
    except ShopError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    split = store.split()
    print(
        f"{store.path}: {len(store.catalog()):,} products, {len(split.test):,} sessions asked about, "
        f"{len(split.train):,} events to train on"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
