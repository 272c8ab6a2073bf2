"""The ids of a catalogue as a prefix tree in a few flat arrays: which codes may follow a prefix, and whose id it is."""

from __future__ import annotations

import numpy as np

from shopping_assistant.tools.item_codes import ItemCodes

# Products looked at below a prefix at first, to see whether one is allowed, and how many times more at each new look.
LOOK, WIDER = 16, 4


class PrefixTable:
    """Prefixes level by level, each level in ascending order of its codes.

    A prefix is a number, its place on its level; the root is 0. A prefix of the last level is a whole id. The children
    of one prefix lie side by side on the next level, so that a level is three flat arrays: each prefix's last code,
    in the smallest type that holds it; where each parent's children begin; and, on the last level, the product rows.
    """

    def __init__(self, codes: ItemCodes):
        order = _ascending(codes.codes, codes.base)
        self._rows = order.astype(np.int32)
        self._codes: list[np.ndarray] = []
        self._first: list[np.ndarray] = []  # level → (parents + 1,): where each parent's children begin
        starts = np.zeros(1, dtype=np.int64)  # the first whole id below each prefix of the level before
        new = np.zeros(len(order), dtype=bool)
        new[0] = True
        for level in range(codes.levels):
            column = codes.codes[order, level]
            new[1:] |= column[1:] != column[:-1]
            found = np.flatnonzero(new)
            self._codes.append(column[found].astype(np.min_scalar_type(codes.base - 1)))
            first = np.append(np.searchsorted(found, starts), len(found))
            self._first.append(first.astype(np.int32))
            starts = found

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def levels(self) -> int:
        return len(self._codes)

    @property
    def nbytes(self) -> int:
        """Memory of the arrays, in bytes."""
        return sum(a.nbytes for a in (self._rows, *self._codes, *self._first))

    def children(self, level: int, parents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The prefixes of ``level`` that extend these ``(k,)`` prefixes of the level before.

        Args:
            parents: ``(k,)``; the root, 0, before the first level.

        Returns:
            ``(m,)`` which of ``parents`` each child extends, by place in it, and ``(m,)`` the children.
        """
        first = self._first[level]
        starts = first[parents]
        counts = first[parents + 1] - starts
        parent = np.repeat(np.arange(len(parents)), counts)
        return parent, np.arange(len(parent)) + np.repeat(starts - (np.cumsum(counts) - counts), counts)

    def allowed(self, level: int, prefixes: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Which of these ``(k,)`` prefixes of ``level`` lead to a product that the mask ``(n,)`` keeps: ``(k,)`` bool.

        Looks at a few products below each prefix, then at more below those that have shown none. At worst, where
        hardly any is allowed, every product below them is looked at once: 5 ms for all of 1.4 million.
        """
        starts, ends = prefixes.copy(), prefixes + 1
        for first in self._first[level + 1 :]:
            starts, ends = first[starts], first[ends]
        found = np.zeros(len(prefixes), dtype=bool)
        unknown, width = np.arange(len(prefixes)), LOOK
        while len(unknown):
            # Whole ids side by side: one stretch of `rows` a prefix, cut at its end.
            begin, end = starts[unknown], np.minimum(starts[unknown] + width, ends[unknown])
            bounds = np.append(0, np.cumsum(end - begin))
            places = np.arange(bounds[-1]) + np.repeat(begin - bounds[:-1], end - begin)
            found[unknown] = np.logical_or.reduceat(mask[self._rows[places]], bounds[:-1])
            starts[unknown] = end
            unknown = unknown[~found[unknown] & (end < ends[unknown])]
            width *= WIDER
        return found

    def codes(self, level: int, prefixes: np.ndarray) -> np.ndarray:
        """The last code of each prefix of ``level``, ``(k,)`` int64."""
        return self._codes[level][prefixes].astype(np.int64)

    def rows(self, prefixes: np.ndarray) -> np.ndarray:
        """The product rows of whole ids, which are the prefixes of the last level, ``(k,)``."""
        return self._rows[prefixes]


def _ascending(codes: np.ndarray, base: int) -> np.ndarray:
    """Rows of ``(n, levels)`` codes in ascending order."""
    # One key a row, dropped here: it would weigh more than the whole table. Six levels of 1,024 fit.
    keys = np.zeros(len(codes), dtype=np.int64)
    for level in range(codes.shape[1]):
        keys *= base
        keys += codes[:, level]
    return np.argsort(keys, kind="stable")
