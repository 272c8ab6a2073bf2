"""Which products a target is ranked among, and since when each of them could be bought."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np
import polars as pl

from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.errors import ShopError

# Columns of a catalogue that say when a product can be bought; without them its first appearance in the log counts.
AVAILABLE_FROM, AVAILABLE_UNTIL = "available_from", "available_until"
NEVER = np.iinfo(np.int64).max


class CandidateError(ShopError):
    """A catalogue that does not say when its products could be bought in a way that can be read."""


def log_products(log: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """What a log says of products, a row for each it names, sorted: ``product_id``, ``first_seen`` and ``bought``.

    ``first_seen`` is the first time a product was shown, clicked or bought. The log is read as a stream.
    """
    events = log.lazy().select("timestamp", "product_id", "shown", bought=pl.col("action") == "purchase")
    shown = events.select("timestamp", pl.col("shown").alias("product_id"), bought=False).explode("product_id")
    named = pl.concat([events.select("timestamp", "product_id", "bought"), shown]).filter(
        pl.col("product_id").is_not_null()
    )
    grouped = named.group_by("product_id").agg(first_seen=pl.col("timestamp").min(), bought=pl.col("bought").any())
    return grouped.collect(engine="streaming").sort("product_id")


@dataclass(frozen=True)
class Allowed:
    """Which products each session of a batch is ranked among.

    Attributes:
        base: ``(n,)`` bool, candidates of every session as far as the rest allows.
        targets: ``(b,)`` rows, -1 for a product the catalogue does not have.
        excluded: for each session the rows that its shopper has bought.
        groups: ``(n,)`` and ``(b,)``: candidates are those of the same number; -1 for a session without one.
        times: ``(n,)`` and ``(n,)``, from and until when a product can be bought, and ``(b,)`` the targets' moments,
            all in microseconds. The target is there when it is bought, whatever the catalogue says.
    """

    base: np.ndarray
    targets: np.ndarray
    excluded: list[np.ndarray]
    groups: tuple[np.ndarray, np.ndarray] | None = None
    times: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.targets)

    @cached_property
    def _whole(self) -> bool:
        return bool(self.base.all())

    def block(self, start: int, stop: int) -> np.ndarray | None:
        """The candidates of rows start to stop before exclusions, ``(rows, 1)`` or ``(rows, b)``; None for all."""
        base = None if self._whole else self.base[start:stop, None]
        if self.groups is not None:
            of_products, own = self.groups
            same = (of_products[start:stop, None] == own) | (own < 0)
            return same if base is None else same & base
        if self.times is None:
            return base
        since, until, moments = self.times
        there = since[start:stop, None] <= moments
        there &= until[start:stop, None] >= moments
        here = np.flatnonzero((self.targets >= start) & (self.targets < stop))
        there[self.targets[here] - start, here] = True
        return there if base is None else there & base

    def has(self, sessions: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Which of these pairs of session and row ``(p,)`` are candidates, before exclusions."""
        found = self.base[rows].copy()
        if self.groups is not None:
            of_products, own = self.groups
            found &= (of_products[rows] == own[sessions]) | (own[sessions] < 0)
        if self.times is not None:
            since, until, moments = self.times
            there = (since[rows] <= moments[sessions]) & (until[rows] >= moments[sessions])
            found &= there | (rows == self.targets[sessions])
        return found

    def part(self, sessions: slice) -> Allowed:
        """The same for some of the sessions."""
        groups = self.groups and (self.groups[0], self.groups[1][sessions])
        times = self.times and (self.times[0], self.times[1], self.times[2][sessions])
        part = Allowed(self.base, self.targets[sessions], self.excluded[sessions], groups, times)
        part.__dict__["_whole"] = self._whole
        return part

    def masks(self) -> np.ndarray:
        """All of it at once: ``(b, n)`` bool."""
        found = self.block(0, len(self.base))
        shape = (len(self), len(self.base))
        masks = np.ones(shape, dtype=bool) if found is None else np.array(np.broadcast_to(found.T, shape), order="C")
        for mask, rows in zip(masks, self.excluded, strict=True):
            mask[rows] = False
        return masks


def products_of(log: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """`log_products` of a log, or what was given where that is it already."""
    given = isinstance(log, pl.DataFrame) and "first_seen" in log.columns
    return log if given else log_products(log)


def microseconds(moment: datetime) -> int:
    """Since 1970, as polars counts them."""
    since = moment - datetime.fromtimestamp(0, UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def availability(catalog: Catalog, seen: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """From and until when each product can be bought, ``(n,)`` microseconds; `NEVER` where it never appears.

    Raises:
        CandidateError: a date of the catalogue cannot be read.
    """
    first = dict(seen.select("product_id", pl.col("first_seen").dt.epoch("us")).iter_rows())
    since = np.array([first.get(p, NEVER) for p in catalog.ids], dtype=np.int64)
    until = np.full(len(catalog), NEVER, dtype=np.int64)
    for name, times, end in ((AVAILABLE_FROM, since, False), (AVAILABLE_UNTIL, until, True)):
        for row, cell in enumerate(catalog.cells(name)):
            if cell is not None:
                times[row] = _date(catalog.ids[row], name, cell, end)
    return since, until


def _date(product: str, column: str, cell: object, end: bool) -> int:
    """A catalogue's date as microseconds; a day without a time lasts to its end where it is the last."""
    try:
        moment = datetime.fromisoformat(str(cell).strip())
    except ValueError:
        raise CandidateError(
            f"product {product!r}, {column}: got {cell!r}, expected a day or a time as ISO 8601 (2026-01-31); correct "
            "the catalogue, or choose other candidates than available-then"
        ) from None
    if end and len(str(cell).strip()) <= len("2026-01-31"):
        moment += timedelta(days=1, microseconds=-1)
    return microseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
