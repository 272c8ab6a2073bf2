"""What was put into a shop and taken out of it since its import: a list of changes beside the catalogue.

A product's row never moves. New products take the rows after the last one, a product that is added again changes on its
own row, a removed one keeps its row without being listed. Each change is a folder under ``stock/`` and counts once the
manifest names it: whoever opens the store sees all of a change or nothing. Writing them is ``stock_changes.py``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from shopping_assistant.tools.catalog import CATALOG_SCHEMA, Catalog, CatalogError
from shopping_assistant.tools.errors import ShopError

# Beside the catalogue's columns: the product's row, and the number of the change that gave it these values.
ROW, CHANGE = "__row__", "__change__"
PRODUCTS, REMOVED, VECTORS, KIN = "products.parquet", "removed.parquet", "vectors.safetensors", "kin.safetensors"
MADE_AT = "stock.json"


class StockError(ShopError):
    """A change of the stock that cannot be made, or tables that know other products than the catalogue."""


@dataclass(frozen=True)
class Change:
    """One folder of changes: its name, its number (of the last one in it), and each file's checksum."""

    name: str
    number: int
    files: dict[str, str]


@dataclass(frozen=True)
class Kin:
    """Rows of the imported catalogue that stand in for added products, nearest first.

    Attributes:
        rows: ``(m,)`` int64, the added products, ascending.
        seen: ``(m, s)`` int64, products with events whose titles are nearest; ``closeness`` ``(m, s)`` float32 is
            their cosine.
        alike: ``(m, a)`` int64, the products whose written ids are taken as an example.
    """

    rows: np.ndarray
    seen: np.ndarray
    closeness: np.ndarray
    alike: np.ndarray

    @classmethod
    def none(cls) -> Kin:
        nobody = np.zeros((0, 1), dtype=np.int64)
        return cls(np.zeros(0, np.int64), nobody, np.zeros((0, 1), np.float32), nobody)


class Stock:
    """A store's changes as they were when it was opened."""

    def __init__(self, folder: Path, changes: tuple[Change, ...] = ()):
        self.folder = folder
        self.changes = changes

    @classmethod
    def of(cls, store: Path, manifest: dict) -> Stock:
        return cls(store / "stock", tuple(Change(**c) for c in manifest.get("stock", {}).get("changes", ())))

    @property
    def generation(self) -> int:
        """The number of the last change, 0 before the first."""
        return self.changes[-1].number if self.changes else 0

    def _tables(self, name: str) -> list[pl.DataFrame]:
        return [pl.read_parquet(self.folder / c.name / name) for c in self.changes if name in c.files]

    @cached_property
    def products(self) -> pl.DataFrame:
        """Every product that was added or updated, as it is now: ``CATALOG_SCHEMA``, ``ROW`` and ``CHANGE``, by row."""
        tables = self._tables(PRODUCTS)
        if not tables:
            return pl.DataFrame(schema={ROW: pl.Int64, CHANGE: pl.Int64, **CATALOG_SCHEMA})
        whole = pl.concat(tables) if len(tables) > 1 else tables[0]
        return whole.unique(ROW, keep="last", maintain_order=True).sort(ROW)

    @cached_property
    def removals(self) -> pl.DataFrame:
        """Products that were taken out and not put back: ``ROW`` and ``CHANGE``, by row."""
        tables = self._tables(REMOVED)
        if not tables:
            return pl.DataFrame(schema={ROW: pl.Int64, CHANGE: pl.Int64})
        out = pl.concat(tables).group_by(ROW).agg(pl.col(CHANGE).max())
        back = self.products.select(ROW, pl.col(CHANGE).alias("back"))
        gone = out.join(back, on=ROW, how="left").filter(pl.col("back").is_null() | (pl.col("back") < pl.col(CHANGE)))
        return gone.select(ROW, CHANGE).sort(ROW)

    @property
    def removed_rows(self) -> np.ndarray:
        """The rows of those, ascending, ``(r,)`` int64."""
        return self.removals[ROW].to_numpy()

    def applied(self, frame: pl.DataFrame) -> Catalog:
        """The catalogue as imported, ``frame``, with all changes.

        Raises:
            CatalogError: the changes belong to another catalogue.
        """
        if not self.changes:
            return Catalog(frame)
        rows, changed = self.products[ROW].to_numpy(), self.products.select(list(CATALOG_SCHEMA))
        old, count = len(frame), int((rows >= len(frame)).sum())
        if count and not np.array_equal(rows[-count:], np.arange(old, old + count)):
            raise CatalogError(f"{self.folder}: products were added to another catalogue than these {old} products")
        frame = pl.concat([frame.select(list(CATALOG_SCHEMA)), changed])
        # Where each row is to be read: its own place, or that of its latest version behind the catalogue.
        place = np.arange(old + count)
        place[rows] = old + np.arange(len(rows))
        frame = frame[place] if len(rows) != count else frame
        removed = np.zeros(len(frame), dtype=bool)
        removed[self.removed_rows] = True
        return Catalog(frame, removed)

    def since(self, generation: int) -> np.ndarray:
        """Rows that were added or updated after that generation, ascending, ``(k,)`` int64."""
        return self.products.filter(pl.col(CHANGE) > generation)[ROW].to_numpy()

    def sentence_vectors(self, rows: np.ndarray) -> np.ndarray | None:
        """The sentence vectors of these added or updated rows' titles, ``(k, dim)`` float16; None where one lacks."""
        from safetensors.numpy import load_file

        found = [load_file(self.folder / c.name / VECTORS) for c in self.changes if VECTORS in c.files]
        if not found:
            return None
        held, vectors = np.concatenate([f["rows"] for f in found]), np.concatenate([f["vectors"] for f in found])
        # The latest version of a row counts.
        last = {int(row): place for place, row in enumerate(held.tolist())}
        if any(int(row) not in last for row in rows):
            return None
        return vectors[[last[int(row)] for row in rows]]

    @cached_property
    def kin(self) -> Kin:
        """The kin of every added product that has some."""
        from safetensors.numpy import load_file

        found = [load_file(self.folder / c.name / KIN) for c in self.changes if KIN in c.files]
        if not found:
            return Kin.none()
        joined = {name: _side_by_side([f[name] for f in found]) for name in ("rows", "seen", "closeness", "alike")}
        return Kin(**joined)

    def kin_from(self, count: int, n: int) -> Kin:
        """The kin of the rows ``count`` to ``n - 1``, which a table of ``count`` products lacks.

        Raises:
            StockError: products were added, and not all of them have kin.
        """
        if not self.changes:
            return Kin.none()
        kin = self.kin
        keep = kin.rows >= count
        if not np.array_equal(kin.rows[keep], np.arange(count, n)):
            raise StockError(
                f"the models know {count} products, the catalogue has {n}, and {int(keep.sum())} were added with their "
                "kin, expected all to be; train the models again with `shop build --only titles,ids,recommender`"
            )
        return Kin(kin.rows[keep], kin.seen[keep], kin.closeness[keep], kin.alike[keep])


def _side_by_side(arrays: list[np.ndarray]) -> np.ndarray:
    """Arrays one below the other; narrower ones repeat their last column, the farthest kin."""
    width = max((a.shape[1] for a in arrays if a.ndim == 2), default=0)
    return np.concatenate([a if a.ndim == 1 else np.pad(a, ((0, 0), (0, width - a.shape[1])), "edge") for a in arrays])


def made_at(folder: Path) -> int:
    """The generation that a folder of models was made of: what changed later is not in it."""
    path = folder / MADE_AT
    return int(json.loads(path.read_text(encoding="utf-8"))["generation"]) if path.is_file() else 0


def extended(table: np.ndarray, n: int, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """A table ``(t, d)`` of one row a product with the rows that changed since: ``(n, d)`` float32.

    Args:
        rows: ``(k,)``, which rows ``values`` ``(k, d)`` are; all from ``t`` on must be among them.

    Raises:
        StockError: the table belongs to another catalogue.
    """
    if len(table) + int((rows >= len(table)).sum()) != n:
        raise StockError(
            f"a table of {len(table)} products with {int((rows >= len(table)).sum())} added ones, the catalogue has "
            f"{n}; run `shop build`"
        )
    if not len(rows):
        return table.astype(np.float32, copy=False)
    out = np.empty((n, table.shape[1]), dtype=np.float32)
    out[: len(table)] = table
    out[rows] = values
    return out
