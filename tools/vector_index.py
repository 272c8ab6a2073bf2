"""The nearest rows of a table of vectors by inner product: exact while the table is small, cell by cell when it grows.

A large table is divided into cells around centroids, and a query is compared with the rows of the nearest cells alone
(an inverted file, as in Jégou, Douze and Schmid, *Product Quantization for Nearest Neighbor Search*, 2011, without the
quantization). Placing a new row takes one comparison with the centroids: nothing is trained when products come in.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from shopping_assistant.tools.errors import ShopError

FORMAT = "1"
# Up to here a product with the whole table takes 2 ms, and nothing is gained by missing a row now and then.
EXACT_BELOW = 50_000
# Cells looked at for a query. Recall@100 is 0.99 from 100,000 to 1.4 million rows; at 32 it is 0.96.
PROBES = 64
# Where a mask leaves fewer rows than this in them, cells are added until there are as many, or no cell is left: what a
# shopper asks for may lie far from what the vector says. Twice as many cost twice the time for a few more of the true.
LEAST_ROWS = 25_000
# The same where more results are asked than usual, for each of them.
ROWS_A_RESULT = 64
# Rows that a mask may leave to be compared one by one.
FEW_ROWS = 40_000
# Points that k-means sees a cell, and its rounds: what the recall above was measured with.
POINTS_A_CELL, ROUNDS = 64, 10
# The index reads 16 numbers at a time, rows of 65 four times slower than rows of 128: zeros are put behind them.
WIDTH = 16
# Rows handled at once where a copy is made.
BLOCK = 100_000
# Scores held at once by exact search, 32 MB.
SCORES = 1 << 23


class VectorIndexError(ShopError):
    """Vectors that cannot be searched, or a saved index of another table."""


class VectorIndex:
    """A table ``(n, d)`` and its cells. Make one with `build` or `load`.

    The table is kept, not copied: an index adds half its size. Scores are always those of the table's own numbers.
    Searching from several threads is safe; `add` is not while others search.
    """

    def __init__(self, table: np.ndarray, centroids: np.ndarray | None = None, cells: np.ndarray | None = None):
        self._table = table
        self._centroids = centroids
        self._cells = np.zeros(0, np.uint16)
        self._index = None
        if centroids is not None:
            self._index = _empty_index(centroids)
            self._place(table[: len(cells)], cells)
            if len(cells) < len(table):
                self._place(table[len(cells) :])

    @classmethod
    def build(cls, table: np.ndarray, exact_below: int = EXACT_BELOW, seed: int = 0) -> VectorIndex:
        """Divide ``(n, d)`` float32 rows into cells; a table of fewer than ``exact_below`` rows stays whole.

        The same table and seed give the same index. Some 15 s for 1.4 million rows of 128 on one core.

        Raises:
            VectorIndexError: the table is no finite float32 table.
        """
        table = _checked(table)
        if len(table) < max(exact_below, 2):
            return cls(table)
        import faiss

        # As many cells as rows in a cell: then the two comparisons, with centroids and with rows, cost alike.
        number = 1 << round(np.log2(np.sqrt(len(table))))
        some = np.random.default_rng(seed).permutation(len(table))[: POINTS_A_CELL * number]
        kmeans = faiss.Kmeans(
            table.shape[1], number, niter=ROUNDS, seed=seed, spherical=True, min_points_per_centroid=1
        )
        kmeans.train(table[np.sort(some)])
        centroids = np.ascontiguousarray(kmeans.centroids, dtype=np.float32)
        return cls(table, centroids, np.zeros(0, np.uint16))

    def __len__(self) -> int:
        return len(self._table)

    @property
    def exact(self) -> bool:
        """Whether every answer is the true one: the table was too small to be divided."""
        return self._index is None

    def nearest(self, vectors: np.ndarray, k: int, mask: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The ``k`` rows with the highest inner product for each of ``(b, d)`` vectors.

        Args:
            mask: ``(n,)`` bool, the rows that may be found, the same for all vectors; None for all rows.

        Returns:
            ``(b, k)`` int64 rows, best first, and ``(b, k)`` float32 scores; of equal scores the lower row comes first.
            Where fewer rows are left than ``k``, the rest is -1 and -inf.

        Raises:
            VectorIndexError: a shape does not fit the table.
        """
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        if vectors.ndim != 2 or vectors.shape[1] != self._table.shape[1]:
            raise VectorIndexError(f"vectors of shape {vectors.shape}: expected (any number, {self._table.shape[1]})")
        if k < 1:
            raise VectorIndexError(f"k = {k}: expected 1 or more")
        if mask is not None:
            mask = np.asarray(mask, dtype=bool)
            if mask.shape != (len(self),):
                raise VectorIndexError(f"a mask of shape {mask.shape}: expected ({len(self)},), one value a row")
        allowed = len(self) if mask is None else int(np.count_nonzero(mask))
        rows = np.full((len(vectors), k), -1, dtype=np.int64)
        scores = np.full((len(vectors), k), -np.inf, dtype=np.float32)
        if not allowed or not len(vectors):
            return rows, scores
        if self._index is None or allowed <= FEW_ROWS:
            found = self._compared(vectors, k, None if allowed == len(self) else np.flatnonzero(mask))
        else:
            found = self._probed(vectors, k, None if allowed == len(self) else mask, allowed)
        for place, (own, score) in enumerate(found):
            rows[place, : len(own)], scores[place, : len(own)] = own, score
        return rows, scores

    def _compared(self, vectors: np.ndarray, k: int, rows: np.ndarray | None):
        """Rows and scores for each vector, from a product with all of ``rows`` (None: with the whole table)."""
        # A few rows are copied out; of many it is cheaper to score all and drop some.
        copied = rows is not None and 2 * len(rows) < len(self)
        table = self._table[rows] if copied else self._table
        step = max(1, SCORES // len(table))
        for start in range(0, len(vectors), step):
            for scores in vectors[start : start + step] @ table.T:
                if rows is None:
                    best = _best(scores, k)
                    yield best, scores[best]
                else:
                    own = scores if copied else scores[rows]
                    best = _best(own, k)
                    yield rows[best], own[best]

    def _probed(self, vectors: np.ndarray, k: int, mask: np.ndarray | None, allowed: int):
        """Rows and scores for each vector from the nearest cells, as many of them as hold enough allowed rows."""
        import faiss

        # The selector only points to the bits: they are kept by name until the search is over.
        bits = None if mask is None else np.packbits(mask, bitorder="little")
        selector = None if mask is None else faiss.IDSelectorBitmap(bits)
        wanted = max(LEAST_ROWS, ROWS_A_RESULT * k)
        probes = np.full(len(vectors), len(self._sizes))
        if wanted < allowed:
            nearest_first = np.argsort(-(vectors @ self._centroids.T), axis=1, kind="stable")
            reached = np.cumsum(self._allowed_in_cells(mask, allowed)[nearest_first], axis=1)
            probes = np.maximum(1 + (reached < wanted).sum(axis=1), min(PROBES, len(self._sizes)))
        # Stored halves decide who comes near; a few more than asked, so that rounding loses nobody at the end.
        most = k + k // 8 + 8
        rows = np.full((len(vectors), most), -1, dtype=np.int64)
        for number in np.unique(probes).tolist():
            at = np.flatnonzero(probes == number)
            settings = faiss.SearchParametersIVF(sel=selector, nprobe=number)
            rows[at] = self._index.search(_filled_up(vectors[at]), most, params=settings)[1]
        for vector, own in zip(vectors, rows, strict=True):
            own = np.sort(own[own >= 0])
            scores = self._table[own] @ vector
            best = _best(scores, k)
            yield own[best], scores[best]

    def _allowed_in_cells(self, mask: np.ndarray | None, allowed: int) -> np.ndarray:
        """How many rows of each cell a mask keeps, ``(cells,)``; counted on its smaller side."""
        if mask is None:
            return self._sizes
        few = 2 * allowed <= len(self)
        counted = np.bincount(self._cells[np.flatnonzero(mask if few else ~mask)], minlength=len(self._sizes))
        return counted if few else self._sizes - counted

    def add(self, vectors: np.ndarray) -> None:
        """Append ``(m, d)`` rows. Each goes into the cell of its nearest centroid; the cells stay as they are.

        Raises:
            VectorIndexError: they do not fit the table.
        """
        vectors = _checked(vectors)
        if vectors.shape[1] != self._table.shape[1]:
            raise VectorIndexError(
                f"vectors of {vectors.shape[1]} numbers: the table has rows of {self._table.shape[1]}"
            )
        self._table = np.concatenate([self._table, vectors])
        if self._index is not None:
            self._place(vectors)

    def _place(self, vectors: np.ndarray, cells: np.ndarray | None = None) -> None:
        """Put rows that follow those already placed into their cells, which are computed where they are not given."""
        import faiss

        for start in range(0, len(vectors), BLOCK):
            part = _filled_up(vectors[start : start + BLOCK])
            if cells is None:
                own = self._index.quantizer.search(part, 1)[1][:, 0]
            else:
                own = cells[start : start + BLOCK].astype(np.int64)
            numbers = np.arange(len(self._cells), len(self._cells) + len(part))
            self._index.add_core(len(part), *map(faiss.swig_ptr, (part, numbers, own)))
            self._cells = np.concatenate([self._cells, own.astype(np.uint16)])
        self._sizes = np.bincount(self._cells, minlength=len(self._centroids))

    def save(self, path: Path | str) -> None:
        """Write the centroids and each row's cell, 2 bytes a row, as safetensors; the table is not in it.

        An exact index has nothing to save: the file says so.
        """
        path = Path(path)
        centroids = np.zeros((0, self._table.shape[1]), np.float32) if self.exact else self._centroids
        of_table = {"format": FORMAT, "rows": str(len(self)), "sample": _sample(self._table, len(self))}
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            save_file({"centroids": centroids, "cells": self._cells}, temporary, metadata=of_table)
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path | str, table: np.ndarray) -> VectorIndex:
        """Read what `save` wrote, for the table it was made of or that table with rows appended.

        Raises:
            VectorIndexError: there is none, it is damaged, or it belongs to another table.
        """
        path, table = Path(path), _checked(table)
        again = "make it again from this table with `VectorIndex.build`"
        try:
            with safe_open(path, framework="numpy") as saved:
                of_table, centroids, cells = saved.metadata(), saved.get_tensor("centroids"), saved.get_tensor("cells")
            rows, sample, written = int(of_table["rows"]), of_table["sample"], of_table["format"]
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise VectorIndexError(f"{path} cannot be read ({type(error).__name__}: {error}); {again}") from error
        if written != FORMAT:
            raise VectorIndexError(f"{path}: index of format {written!r}, expected {FORMAT!r}; {again}")
        if rows > len(table) or centroids.shape[1] != table.shape[1] or sample != _sample(table, rows):
            raise VectorIndexError(
                f"{path} belongs to {rows} rows of {centroids.shape[1]} numbers, not to the first ones of this table "
                f"of {len(table)} rows of {table.shape[1]}; {again}"
            )
        if not len(centroids):
            return cls(table)
        if len(cells) != rows or int(cells.max()) >= len(centroids):
            raise VectorIndexError(f"{path}: its cells do not fit its {rows} rows; {again}")
        return cls(table, np.ascontiguousarray(centroids), cells)


def _empty_index(centroids: np.ndarray):
    import faiss

    centroids = _filled_up(centroids)
    quantizer = faiss.IndexFlatIP(centroids.shape[1])
    quantizer.add(centroids)
    # Half precision: half the memory to read, and as fast; what comes near is scored again from the table.
    index = faiss.IndexIVFScalarQuantizer(
        quantizer, centroids.shape[1], len(centroids), faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT, False
    )
    index.is_trained = True
    return index


def _filled_up(vectors: np.ndarray) -> np.ndarray:
    """``(b, d)`` rows with zeros behind them up to a multiple of `WIDTH`: no inner product changes."""
    return np.ascontiguousarray(np.pad(vectors, ((0, 0), (0, -vectors.shape[1] % WIDTH))))


def _best(scores: np.ndarray, k: int) -> np.ndarray:
    """Places of the ``k`` highest of ``(m,)`` scores, best first, the lower place first where they are equal."""
    near = np.arange(len(scores))
    if len(scores) > k:
        # Sorting a few instead of all; whoever ties with the last one kept is among them.
        near = np.flatnonzero(scores >= np.partition(scores, -k)[-k])
    return near[np.argsort(-scores[near], kind="stable")][:k]


def _checked(table: np.ndarray) -> np.ndarray:
    if table.ndim != 2 or table.dtype != np.float32:
        raise VectorIndexError(f"a table of shape {table.shape} and type {table.dtype}: expected (n, d) of float32")
    for start in range(0, len(table), BLOCK):
        if not np.isfinite(table[start : start + BLOCK]).all():
            row = start + int(np.flatnonzero(~np.isfinite(table[start : start + BLOCK]).all(axis=1))[0])
            raise VectorIndexError(f"table row {row} holds a number that is not finite; encode that product again")
    return table


def _sample(table: np.ndarray, rows: int) -> str:
    """A checksum over up to 1,000 of the first ``rows`` rows: another table is noticed without reading all of it."""
    some = np.linspace(0, max(rows - 1, 0), min(rows, 1_000)).astype(np.int64)
    return hashlib.sha256(np.ascontiguousarray(table[some], dtype=np.float32).tobytes()).hexdigest()
