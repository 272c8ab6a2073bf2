"""A log on disk, cut by shopper into parts: whoever works on one part at a time needs memory for one part.

The parts follow each other in the order of the shoppers' ids, as `sessions.by_user` goes through a whole log.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import polars as pl

from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.importers import ImportRefused, read_log
from shopping_assistant.tools.sessions import EVENT_SCHEMA, as_events
from shopping_assistant.tools.store import Store
from shopping_assistant.tools.table_checks import Findings, check_events
from shopping_assistant.tools.table_files import LINE, Table, format_of, read_table

# A part is held as columns, a slice of it as Python objects, which take some thirty times as much.
PART_EVENTS, SLICE_EVENTS = 200_000, 10_000
MOST_PARTS, MOST_BLOCKS = 256, 200  # a block leaves a file in each part: fifty thousand at most
SAMPLED = 50_000  # events looked at to cut parts of equal size
AT = "_at"  # an event's place in the whole log

LogSource = pl.DataFrame | Path | str | None


@dataclass(frozen=True)
class LogParts:
    """The parts of one log.

    Attributes:
        borders: the first shopper of each part but the first.
        events: how many there are in all.
        first, last: the moments of the earliest and the latest event; None without events.
    """

    folder: Path
    borders: tuple[str, ...]
    events: int
    first: datetime | None
    last: datetime | None

    @classmethod
    def cut(cls, log: pl.LazyFrame, folder: Path) -> LogParts:
        """Write the parts of a log under ``folder``; the log is read as a stream."""
        times = pl.col("timestamp")
        events, first, last = (
            log.select(pl.len(), first=times.min(), last=times.max()).collect(engine="streaming").row(0)
        )
        wanted = min(MOST_PARTS, -(-events // PART_EVENTS))
        borders: list[str] = []
        if wanted > 1:
            some = log.select("user_id").gather_every(max(1, events // SAMPLED)).collect(engine="streaming")
            shoppers = some["user_id"].sort()
            # The first shopper seen begins the first part, whoever stands before.
            borders = sorted({shoppers[len(shoppers) * i // wanted] for i in range(1, wanted)} - {shoppers[0]})
        split_by_shopper(blocks_of(log, events), folder, borders)
        return cls(folder, tuple(borders), events, first, last)

    def __len__(self) -> int:
        return len(self.borders) + 1

    def frame(self, part: int) -> pl.DataFrame:
        """One part's events, shopper by shopper in time order, with their places in the log."""
        files = part_files(self.folder, part)
        if not files:
            return pl.DataFrame(schema={AT: pl.UInt32, **EVENT_SCHEMA})
        return pl.concat([pl.read_parquet(file) for file in files]).sort("user_id", "timestamp", AT)

    def slices(self, part: int) -> Iterator[pl.DataFrame]:
        """One part's events a few shoppers at a time, each shopper whole."""
        frame = self.frame(part)
        begins = (frame["user_id"] != frame["user_id"].shift(1)).fill_null(True).arg_true().to_list()
        cuts = [0] if begins else []
        for begin, end in itertools.pairwise([*begins, len(frame)]):
            if end - cuts[-1] > SLICE_EVENTS and begin > cuts[-1]:
                cuts.append(begin)
        for begin, end in itertools.pairwise([*cuts, len(frame)]):
            yield frame[begin:end]


def blocks_of(log: pl.LazyFrame, events: int) -> Iterator[pl.DataFrame]:
    """A log's events in its order, some at a time, with their places in it.

    One by one, by slices: a stream of blocks is read ahead of whoever takes them, up to the whole log.
    """
    size = max(PART_EVENTS, -(-events // MOST_BLOCKS))
    for start in range(0, events, size):
        yield log.slice(start, size).collect(engine="streaming").with_row_index(AT, offset=start)


def split_by_shopper(blocks: Iterable[pl.DataFrame], folder: Path, borders: Sequence[str]) -> None:
    """Write rows that have a ``user_id`` into a folder a part."""
    starts = pl.Series(borders, dtype=pl.String)
    for number, block in enumerate(blocks):
        parts = block.select(part=starts.search_sorted(block["user_id"], side="right")).to_series()
        for (part,), rows in block.with_columns(part=parts).partition_by("part", as_dict=True).items():
            target = folder / f"part={part}"
            target.mkdir(parents=True, exist_ok=True)
            rows.drop("part").write_parquet(target / f"{number:06d}.parquet", compression="lz4")


def part_files(folder: Path, part: int) -> list[Path]:
    return sorted((folder / f"part={part}").glob("*.parquet"))


def open_log(source: LogSource, store: Store, scratch: Path) -> pl.LazyFrame:
    """The events to replay, to be read as a stream: another log, every row of it checked, or the store's own.

    Args:
        scratch: a folder for what a text file turns into.

    Raises:
        ImportRefused: a row breaks the schema, or there are none.
    """
    if source is None:
        return store_log(store)
    if isinstance(source, pl.DataFrame):
        return as_events(source).lazy()
    return _checked(Path(source), store.catalog(), scratch)


def store_log(store: Store, name: str = "events") -> pl.LazyFrame:
    """The store's ``events`` or its ``background``; empty where it has none."""
    path = store.path / f"{name}.parquet"
    if not path.is_file():
        return pl.LazyFrame(schema=EVENT_SCHEMA)
    return pl.scan_parquet(path, glob=False).select(list(EVENT_SCHEMA)).cast(EVENT_SCHEMA)


def _checked(path: Path, catalog: Catalog, scratch: Path) -> pl.LazyFrame:
    """A file's events, checked a block of rows at a time and kept in ``scratch``."""
    if not path.exists():
        raise ImportRefused(f"{path} does not exist; give the path of a log (jsonl, csv, parquet)")
    kind = format_of(path)
    if kind == "sqlite":
        return read_log(path, catalog).lazy()
    scratch.mkdir(parents=True)
    blocks = _Blocks(path.name, catalog.frame["product_id"], scratch)
    unit, unreadable = "row", ()
    if kind == "parquet":
        try:
            rows = pl.scan_parquet(path, glob=False)
            for block in blocks_of(rows, rows.select(pl.len()).collect().item()):
                blocks.take(block.select((pl.col(AT) + 1).alias(LINE), pl.exclude(AT)))
        except pl.exceptions.PolarsError as error:
            reason = str(error).splitlines()[0]
            raise ImportRefused(f"{path} is not a readable Parquet file ({reason})") from error
    else:
        table = read_table(path, kind, keep=blocks.take)
        unit, unreadable = table.unit, table.bad
    return blocks.finished(path, unit, unreadable)


class _Blocks:
    """Blocks of a file's rows: what is good is written, what is bad is counted."""

    def __init__(self, name: str, products: pl.Series, folder: Path):
        self._name, self._products, self._folder = name, products, folder
        self._waiting: list[pl.DataFrame] = []
        self._bad: list[Findings] = []
        self._written = 0

    def take(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Check a block; what comes back is empty, so that a reader keeps nothing."""
        if len(rows):
            events, found = check_events(
                Table(self._name, rows.with_columns(pl.col(LINE).cast(pl.Int64))), self._products
            )
            if found.bad:
                self._bad.append(found)
            self._waiting.append(events)
            if sum(map(len, self._waiting)) >= PART_EVENTS:
                self._write()
        return rows.clear()

    def _write(self) -> None:
        if self._waiting:
            pl.concat(self._waiting).write_parquet(self._folder / f"{self._written:06d}.parquet", compression="lz4")
            self._written += 1
            self._waiting.clear()

    def finished(self, path: Path, unit: str, unreadable: Sequence) -> pl.LazyFrame:
        """
        Raises:
            ImportRefused: naming the first bad row, or there is none at all.
        """
        self._write()
        found = Findings(Table(self._name, pl.DataFrame(schema={LINE: pl.Int64}), unit, bad=tuple(unreadable)))
        for block in self._bad:
            found.bad += [replace(bad, unit=unit) for bad in block.bad]
            found.lines |= block.lines
        found.refuse(skippable=False)
        files = sorted(self._folder.glob("*.parquet"))
        events = pl.scan_parquet(files) if files else pl.LazyFrame(schema=EVENT_SCHEMA)
        if not files or not events.select(pl.len()).collect().item():
            raise ImportRefused(f"{path} holds no events")
        return events
