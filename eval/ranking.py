"""Exact ranks and first places from vectors, a block of products at a time: no scores of all products are ever held.

A product's score is the dot product of its row with the query, in double precision. Blocks of it are computed in single
precision; a product that stands apart from the target by more than single precision can be wrong is counted from those,
and the few others are computed again in double. A rank therefore depends neither on the size of a batch or a block nor
on how a matrix product rounds. Of equal scores the product in the lower row is ahead, as everywhere.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from shopping_assistant.eval.threads import limited, matrix_threads
from shopping_assistant.tools.errors import ShopError

# Marks are counted eight at a time in the lanes of 64-bit integers; a lane holds 255 of them.
WIDEST_BLOCK = 8 * 255
# Scores and marks of the blocks at work, as a share of the products' table. With all else it stays below 5 %.
SCRATCH_SHARE = 0.035
LEAST_SCRATCH = 64 * 1024  # a small shop's table is small itself
SESSIONS = 64  # ranked together: more would make the blocks narrow
AGAIN = 128  # products computed in double precision at a time
MOST_THREADS = 4  # more would wait for the interpreter between blocks
LEAST_PRODUCTS = 10_000  # below this a second thread costs more than it saves
UNIT_ROUNDOFF = 2.0**-24  # of single precision, round to nearest


class RankingError(ShopError):
    """Vectors that cannot be ranked by."""


class Among(Protocol):
    """Which products each session of a batch is ranked among; `allowed.Allowed` is one."""

    excluded: list[np.ndarray]

    def block(self, start: int, stop: int) -> np.ndarray | None:
        """The candidates of rows start to stop before exclusions, ``(rows, 1)`` or ``(rows, b)``; None for all."""
        ...

    def has(self, sessions: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Which of these pairs of session and row ``(p,)`` are candidates, before exclusions."""
        ...

    def part(self, sessions: slice) -> Among:
        """The same for some of the sessions."""
        ...


@dataclass(frozen=True)
class ItemTable:
    """The products' vectors ``(n, d)`` float32, and the length of the longest: it bounds how wrong a score can be."""

    vectors: np.ndarray
    longest: float

    @classmethod
    def of(cls, vectors: np.ndarray) -> ItemTable:
        """
        Raises:
            RankingError: a value is not a finite number.
        """
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        longest = 0.0
        for start in range(0, len(vectors), WIDEST_BLOCK):
            lengths = np.linalg.norm(vectors[start : start + WIDEST_BLOCK].astype(np.float64), axis=1)
            if not np.isfinite(lengths).all():
                row = start + int(np.flatnonzero(~np.isfinite(lengths))[0])
                raise RankingError(f"product row {row}: its vector holds a value that is not a finite number")
            longest = max(longest, float(lengths.max(initial=0)))
        return cls(vectors, longest)

    def scores(self, rows: np.ndarray, queries: np.ndarray) -> np.ndarray:
        """Double-precision scores of ``rows`` ``(p,)`` for queries ``(p, d)`` or ``(d,)``: all by the same sum."""
        out = np.empty(len(rows))
        for start in range(0, len(rows), AGAIN):
            some = self.vectors[rows[start : start + AGAIN]].astype(np.float64)
            some *= queries if queries.ndim == 1 else queries[start : start + AGAIN]
            out[start : start + AGAIN] = some.sum(axis=1)
        return out


@dataclass(frozen=True)
class Vectors:
    """What a ranker may offer in place of scores of all products.

    Attributes:
        queries: ``(b, d)`` float32; a product's score is the dot product with its row of ``items``.
        first: ``(b,)`` rows that stand first whatever their score, where there are such.
    """

    queries: np.ndarray
    items: ItemTable
    first: np.ndarray | None = None

    def part(self, sessions: slice) -> Vectors:
        return Vectors(self.queries[sessions], self.items, None if self.first is None else self.first[sessions])


@dataclass(frozen=True)
class _Asked:
    """The sessions that are ranked together."""

    vectors: Vectors
    among: Among
    targets: np.ndarray
    top: int

    @cached_property
    def padded(self) -> int:
        """Sessions, filled up to a multiple of 8."""
        return -(-len(self.targets) // 8) * 8

    @cached_property
    def columns(self) -> np.ndarray:
        """The queries as ``(d, padded)``."""
        queries = self.vectors.queries
        columns = np.zeros((queries.shape[1], self.padded), dtype=np.float32)
        columns[:, : len(queries)] = queries.T
        return columns

    @cached_property
    def lengths(self) -> np.ndarray:
        return np.linalg.norm(self.vectors.queries.astype(np.float64), axis=1)

    @cached_property
    def silent(self) -> np.ndarray:
        """Queries of zeros: who did or asked nothing is equally far from everything, and rows alone decide."""
        return self.lengths == 0

    @cached_property
    def bound(self) -> np.ndarray:
        """How far a single-precision score can be from the double one, ``(b,)``.

        Higham, *Accuracy and Stability of Numerical Algorithms*, section 3.1: |fl(x·y) - x·y| ≤ γ |x|·|y| with
        γ = d u / (1 - d u), in whatever order the sum is taken. The tenth more covers the double-precision sum.
        """
        dim = self.vectors.queries.shape[1]
        gamma = dim * UNIT_ROUNDOFF / (1 - dim * UNIT_ROUNDOFF)
        return 1.1 * gamma * self.lengths * self.vectors.items.longest + dim * float(np.finfo(np.float32).tiny)

    @cached_property
    def own(self) -> np.ndarray:
        """The targets' scores in double precision, ``(b,)``."""
        return self.scores(np.arange(len(self.targets)), np.maximum(self.targets, 0))

    def scores(self, sessions: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Double-precision scores of pairs ``(p,)``."""
        return self.vectors.items.scores(rows, self.vectors.queries[sessions])

    def limits(self) -> tuple[np.ndarray, np.ndarray]:
        """Single-precision scores above the first are ahead for sure, those below the second behind: ``(padded,)``."""
        high, low = np.full((2, self.padded), np.inf, dtype=np.float32)
        count = len(self.targets)
        high[:count] = np.nextafter((self.own + self.bound).astype(np.float32), np.float32(np.inf))
        low[:count] = np.nextafter((self.own - self.bound).astype(np.float32), np.float32(-np.inf))
        high[:count][self.silent] = low[:count][self.silent] = np.inf
        return high, low

    def ahead(self, sessions: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Which of these pairs stand before the session's target, ``(p,)`` bool."""
        scores, own, targets = self.scores(sessions, rows), self.own[sessions], self.targets[sessions]
        return (rows != targets) & ((scores > own) | ((scores == own) & (rows < targets)))

    def count(self, pairs: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """How many of the pairs stand before their targets, ``(b,)`` int64."""
        return np.bincount(pairs[0][self.ahead(*pairs)], minlength=len(self.targets))

    def excluded_pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Excluded products that are candidates otherwise: they have been counted."""
        rows = np.concatenate([*self.among.excluded, np.zeros(0, dtype=np.int64)])
        sessions = np.repeat(np.arange(len(self.targets)), [len(e) for e in self.among.excluded])
        counted = self.among.has(sessions, rows)
        return sessions[counted], rows[counted]

    def ranks(self, ahead: np.ndarray) -> np.ndarray:
        """Ranks from 1 of the targets; 0 for one that is no candidate."""
        sessions = np.arange(len(self.targets))
        out = 1 + ahead - self.count(self.excluded_pairs())
        if self.vectors.first is not None:
            first = self.vectors.first
            leads = self._may_stand(sessions, first)
            out += leads & (first != self.targets) & ~self.ahead(sessions, first)
            out[leads & (first == self.targets)] = 1
        return np.where((self.targets >= 0) & self._may_stand(sessions, self.targets), out, 0)

    def _may_stand(self, sessions: np.ndarray, rows: np.ndarray) -> np.ndarray:
        own = np.array([row in self.among.excluded[b] for b, row in zip(sessions, rows, strict=True)], dtype=bool)
        return self.among.has(sessions, np.maximum(rows, 0)) & ~own

    def best(self, session: int, rows: np.ndarray) -> np.ndarray:
        """The first ``top`` of ``rows``, best first."""
        scores = self.vectors.items.scores(rows, self.vectors.queries[session])
        return rows[np.lexsort((rows, -scores))[: self.top]]

    def places(self, session: int, rows: np.ndarray) -> np.ndarray:
        """The session's first places out of ``rows``, which hold them."""
        best = self.best(session, rows)
        if self.vectors.first is None or not self._may_stand(np.array([session]), self.vectors.first[[session]])[0]:
            return best
        first = self.vectors.first[session]
        return np.concatenate([[first], best[best != first]])[: self.top]


class _Scan:
    """One thread's way through a range of the products."""

    def __init__(self, asked: _Asked, width: int):
        self.asked, self.width = asked, width
        count = len(asked.targets)
        self.ahead = np.zeros(count, dtype=np.int64)
        empty = np.zeros(0, dtype=np.int64)
        self.pools = [(empty, np.zeros(0, dtype=np.float32))] * count
        # Single-precision scores below this are not among the first places.
        self.least = np.full(asked.padded, np.inf, dtype=np.float32)
        self.least[:count] = np.where(asked.silent, np.inf, -np.inf)
        self.near: list[np.ndarray] = []

    def run(self, start: int, stop: int) -> _Scan:
        asked = self.asked
        table, columns, (high, low) = asked.vectors.items.vectors, asked.columns, asked.limits()
        scores = np.empty((self.width, asked.padded), dtype=np.float32)
        above, near = np.zeros((2, self.width, asked.padded), dtype=bool)
        for at in range(start, stop, self.width):
            rows = min(self.width, stop - at)
            above[rows:] = near[rows:] = False
            some = np.matmul(table[at : at + rows], columns, out=scores[:rows])
            np.greater(some, high, out=above[:rows])
            np.greater_equal(some, low, out=near[:rows])
            candidates = asked.among.block(at, at + rows)
            if candidates is not None:
                above[:rows, : len(asked.targets)] &= candidates
                near[:rows, : len(asked.targets)] &= candidates
            self.ahead += _marks_of_columns(above)[: len(asked.targets)]
            near ^= above
            self._again(at, np.flatnonzero(near))
            if asked.top:
                self._pool(some, candidates, at, near[:rows])
        self._again(0, np.zeros(0, dtype=np.int64), last=True)
        self._silent(start, stop)
        return self

    def _again(self, at: int, found: np.ndarray, last: bool = False) -> None:
        """Products too near the target for single precision are kept, and counted in double when there are enough."""
        if len(found):
            self.near.append(found + at * self.asked.padded)
        if self.near and (last or sum(map(len, self.near)) > AGAIN):
            rows, sessions = np.divmod(np.concatenate(self.near), self.asked.padded)
            self.near.clear()
            self.ahead += self.asked.count((sessions, rows))

    def _silent(self, start: int, stop: int) -> None:
        for session in np.flatnonzero(self.asked.silent):
            rows = np.arange(start, stop)
            rows = rows[self.asked.among.has(np.full(len(rows), session), rows)]
            self.ahead[session] += (rows < self.asked.targets[session]).sum()
            rows = rows[~np.isin(rows, self.asked.among.excluded[session])][: self.asked.top]
            self.pools[session] = rows, np.zeros(len(rows), dtype=np.float32)

    def _pool(self, scores: np.ndarray, candidates: np.ndarray | None, at: int, marks: np.ndarray) -> None:
        """Keep what may be among the first places; ``marks`` is memory to work in."""
        np.greater_equal(scores, self.least, out=marks)
        if candidates is not None:
            marks[:, : len(self.asked.targets)] &= candidates
        for session in np.flatnonzero(marks.any(axis=0)):
            places = np.flatnonzero(marks[:, session])
            found, places = scores[places, session], places + at
            kept = ~np.isin(places, self.asked.among.excluded[session])
            rows, pooled = self.pools[session]
            self.pools[session] = self._fewer(
                session, np.concatenate([rows, places[kept]]), np.concatenate([pooled, found[kept]])
            )

    def _fewer(self, session: int, rows: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        top = self.asked.top
        if len(rows) > 4 * top:
            least = np.float32(np.partition(scores, -top)[-top] - 2 * self.asked.bound[session])
            self.least[session] = np.nextafter(least, np.float32(-np.inf))
            kept = scores >= self.least[session]
            rows, scores = rows[kept], scores[kept]
            if len(rows) > 4 * top:  # many alike: only double precision tells them apart
                kept = np.isin(rows, self.asked.best(session, rows))
                rows, scores = rows[kept], scores[kept]
        return rows, scores


def _marks_of_columns(marks: np.ndarray) -> np.ndarray:
    """How many are True in each column: ``(w, b)`` bool, both multiples of 8, w up to `WIDEST_BLOCK`, to ``(b,)``."""
    lanes = marks.view(np.uint64).reshape(8, len(marks) // 8, -1).sum(axis=1)
    return lanes.view(np.uint8).reshape(8, -1).sum(axis=0, dtype=np.int64)


def block_width(products: int, dim: int, sessions: int, threads: int = 1) -> int:
    """Products in a block, a multiple of 8: scores and two marks of each stay within `SCRATCH_SHARE` of the table."""
    scratch = max(LEAST_SCRATCH, SCRATCH_SHARE * products * dim * 4)
    return max(8, min(WIDEST_BLOCK, int(scratch / (6 * max(sessions, 1) * threads))) // 8 * 8)


def ranked(
    vectors: Vectors, among: Among, targets: np.ndarray, top: int = 0, block: int | None = None
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Each session's target among its candidates, and the first places of each list.

    Args:
        targets: ``(b,)`` product rows; -1 for a product the catalogue does not have.
        top: how many rows of each list are wanted; there may be fewer.
        block: products in a block, a multiple of 8 up to `WIDEST_BLOCK`; by default what the scratch memory allows.
            It changes the time this takes and no rank.

    Returns:
        ``(b,)`` int64 ranks from 1, 0 where the target is no candidate, as `metrics.target_ranks` gives them; and for
        each session up to ``top`` rows, best first (empty arrays without ``top``).

    Raises:
        RankingError: shapes that do not fit, or a query that is not finite.
    """
    queries, targets = np.ascontiguousarray(vectors.queries, dtype=np.float32), np.asarray(targets, dtype=np.int64)
    count, dim = queries.shape
    products = len(vectors.items.vectors)
    if vectors.items.vectors.shape[1] != dim or len(targets) != count:
        raise RankingError(
            f"queries of shape {queries.shape}, products {vectors.items.vectors.shape}, {len(targets)} targets: "
            "expected vectors of one length, and a target for each query"
        )
    if not np.isfinite(queries).all():
        raise RankingError("a query holds a value that is not a finite number; give a row of zeros for no query")
    threads = min(MOST_THREADS, matrix_threads(), max(1, products // LEAST_PRODUCTS))
    width = block_width(products, dim, min(count, SESSIONS), threads) if block is None else block
    if width % 8 or not 8 <= width <= WIDEST_BLOCK:
        raise RankingError(f"block {width}: expected a multiple of 8 from 8 to {WIDEST_BLOCK}")
    ranks, tops = np.zeros(count, dtype=np.int64), []
    vectors = Vectors(queries, vectors.items, vectors.first)
    # A product of one block is too small to be shared between threads: each makes blocks of its own.
    with limited(1), ThreadPoolExecutor(threads) as pool:
        for start in range(0, count, SESSIONS):
            part = slice(start, min(start + SESSIONS, count))
            asked = _Asked(vectors.part(part), among.part(part), targets[part], top)
            ends = np.linspace(0, products, threads + 1).astype(int)
            scans = list(pool.map(lambda i, a=asked, e=ends: _Scan(a, width).run(e[i], e[i + 1]), range(threads)))
            ranks[part] = asked.ranks(sum(scan.ahead for scan in scans))
            for session in range(len(asked.targets)):
                rows = np.concatenate([scan.pools[session][0] for scan in scans])
                tops.append(asked.places(session, rows) if top else rows)
    return ranks, tops
