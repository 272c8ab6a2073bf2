"""A product's id as the language model writes it: a few code tokens, alike for products that are alike."""

from __future__ import annotations

import itertools
import re
import string
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from shopping_assistant.tools.errors import ShopError

# The level's letter, then its code: "<a12><b3>".
CODE = re.compile(r"<([a-z])(\d+)>")
SMALLEST_BASE, LARGEST_BASE = 8, 1024
# Codes in use, at most: what is free can be given to new products without training anew.
FULL = 0.85
# Power iterations for a leading direction: the split needs a good direction, not an exact one.
ITERATIONS = 12


class CodesError(ShopError):
    """Codes that cannot be made, read or belong to another catalogue."""


def shape_for(products: int) -> tuple[int, int]:
    """``(levels, base)`` for a catalogue of this size: two levels where a base up to 1,024 is enough, else more."""
    for levels in (2, 3, 4):
        base = SMALLEST_BASE
        while base <= LARGEST_BASE:
            if base**levels * FULL >= products:
                return levels, base
            base *= 2
    raise CodesError(f"{products} products: expected at most {int(LARGEST_BASE**4 * FULL)}")


class ItemCodes:
    """One distinct sequence of codes a product row.

    Args:
        codes: ``(n, levels)`` int32, each in 0 … base - 1, no row twice.
    """

    def __init__(self, codes: np.ndarray, base: int):
        self.codes = np.ascontiguousarray(codes, dtype=np.int32)
        self.base = int(base)
        if self.codes.ndim != 2 or not len(self.codes):
            raise CodesError(f"item codes of shape {self.codes.shape}: expected (products, levels)")
        if self.codes.min() < 0 or self.codes.max() >= self.base:
            raise CodesError(f"item codes from {self.codes.min()} to {self.codes.max()}: expected 0 to {base - 1}")
        if len(np.unique(self.keys)) != len(self.codes):
            raise CodesError("two products have the same item codes; every product needs its own")

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def levels(self) -> int:
        return self.codes.shape[1]

    @property
    def free(self) -> int:
        """How many code sequences are not in use: room for products to come."""
        return self.base**self.levels - len(self)

    @property
    def keys(self) -> np.ndarray:
        """Each row's codes as one number, ``(n,)`` int64: sorts as the sequences do. Made when asked, and not kept."""
        powers = self.base ** np.arange(self.levels - 1, -1, -1, dtype=np.int64)
        return self.codes.astype(np.int64) @ powers

    @property
    def tokens(self) -> list[str]:
        """Every code token there can be, level by level."""
        return [f"<{string.ascii_lowercase[level]}{code}>" for level in range(self.levels) for code in range(self.base)]

    def text(self, row: int) -> str:
        """The product's id as written: ``<a12><b3>``."""
        letters = string.ascii_lowercase
        return "".join(f"<{letters[level]}{code}>" for level, code in enumerate(self.codes[row].tolist()))

    def row_of(self, text: str) -> int | None:
        """The product row whose id this is, None when it is nobody's or no id at all."""
        found = CODE.findall(text)
        wanted = list(string.ascii_lowercase[: self.levels])
        if [letter for letter, _ in found] != wanted or any(int(code) >= self.base for _, code in found):
            return None
        rows = np.flatnonzero((self.codes == [int(code) for _, code in found]).all(axis=1))
        return int(rows[0]) if len(rows) else None

    @classmethod
    def from_vectors(
        cls, vectors: np.ndarray, levels: int | None = None, base: int | None = None, seed: int = 0
    ) -> ItemCodes:
        """Codes from ``(n, d)`` vectors: halve the products along their leading direction, again and again.

        Every halving is balanced, so all codes of a level are used alike and no two products meet in one sequence;
        products that share the first codes are near each other. The base must be a power of two.

        Raises:
            CodesError: there are more products than sequences.
        """
        n = len(vectors)
        if levels is None or base is None:
            chosen = shape_for(n)
            levels, base = levels or chosen[0], base or chosen[1]
        bits = base.bit_length() - 1
        if base < 2 or base != 1 << bits:
            raise CodesError(f"base {base}: expected a power of two")
        if not 0 < n <= base**levels:
            raise CodesError(f"{n} products do not fit {levels} codes of {base}; raise `levels` or `base`")
        start = np.random.default_rng(seed).standard_normal(vectors.shape[1]).astype(np.float32)
        paths = np.zeros(n, dtype=np.int64)
        groups = [np.arange(n)]
        for _ in range(levels * bits):
            halves = []
            for rows in groups:
                low, high = _halve(vectors, rows, start)
                paths[low] *= 2
                paths[high] = 2 * paths[high] + 1
                halves += [part for part in (low, high) if len(part)]
            groups = halves
        powers = base ** np.arange(levels - 1, -1, -1, dtype=np.int64)
        return cls(paths[:, None] // powers % base, base)

    def with_kin(self, alike: np.ndarray) -> ItemCodes:
        """The ids with those of further products after them: each has all codes but the last of its nearest kin.

        The last one is the free code nearest to the kin's. Where a kin's prefix has none free, the next kin's is
        taken, and where no kin's has, the nearest prefix that does. The same products in the same order get the same
        ids.

        Args:
            alike: ``(m, k)`` rows of each new product's kin, nearest first.

        Raises:
            CodesError: there are more products than sequences.
        """
        if len(alike) > self.free:
            raise CodesError(
                f"{len(alike)} further products, and {self.free} of {self.base**self.levels} ids are free; train the "
                "recommender on the whole catalogue, with more codes"
            )
        keys = self.keys
        used = np.sort(keys)
        given: dict[int, set[int]] = {}

        def free_below(prefix: int) -> np.ndarray:
            first, last = np.searchsorted(used, [prefix * self.base, (prefix + 1) * self.base])
            taken = np.zeros(self.base, dtype=bool)
            taken[used[first:last] - prefix * self.base] = True
            taken[list(given.get(prefix, ()))] = True
            return np.flatnonzero(~taken)

        new = np.empty(len(alike), dtype=np.int64)
        for place, kin in enumerate(keys[alike].tolist()):
            prefixes = [key // self.base for key in kin]
            for prefix, last in zip(
                itertools.chain(prefixes, self._around(prefixes[0])),
                itertools.chain((key % self.base for key in kin), itertools.repeat(kin[0] % self.base)),
                strict=False,
            ):
                free = free_below(prefix)
                if len(free):
                    code = int(free[np.argmin(np.abs(free - last))])
                    given.setdefault(prefix, set()).add(code)
                    new[place] = prefix * self.base + code
                    break
        powers = self.base ** np.arange(self.levels - 1, -1, -1, dtype=np.int64)
        return ItemCodes(np.concatenate([self.codes, new[:, None] // powers % self.base]), self.base)

    def _around(self, prefix: int) -> Iterator[int]:
        """All prefixes, the nearest to this one first: most of their codes are the same."""
        most = self.base ** (self.levels - 1)
        for distance in range(1, most):
            for other in (prefix - distance, prefix + distance):
                if 0 <= other < most:
                    yield other

    def save(self, folder: Path | str) -> None:
        from safetensors.numpy import save_file

        save_file(
            {"codes": self.codes, "base": np.array([self.base], dtype=np.int32)}, Path(folder) / "codes.safetensors"
        )

    @classmethod
    def load(cls, folder: Path | str) -> ItemCodes:
        """Read ``codes.safetensors``.

        Raises:
            CodesError: there is none.
        """
        from safetensors.numpy import load_file

        path = Path(folder) / "codes.safetensors"
        if not path.is_file():
            raise CodesError(f"{path} is missing: no recommender was trained there; make it with `shop build`")
        saved = load_file(path)
        return cls(saved["codes"], int(saved["base"][0]))


def _halve(vectors: np.ndarray, rows: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows in two halves along the direction in which they differ most; equal ones keep their order."""
    if len(rows) == 1:
        return rows, rows[:0]
    part = vectors[rows].astype(np.float32)
    part -= part.mean(0)
    direction = start
    for _ in range(ITERATIONS):
        direction = part.T @ (part @ direction)
        length = float(np.linalg.norm(direction))
        if length < 1e-12:  # all the same: any split is as good
            return rows[: (len(rows) + 1) // 2], rows[(len(rows) + 1) // 2 :]
        direction /= length
    # Rounded: the last bits differ between processors, and would swap neighbours.
    ranked = rows[np.argsort(np.round(part @ direction, 5), kind="stable")]
    middle = (len(rows) + 1) // 2
    return np.sort(ranked[:middle]), np.sort(ranked[middle:])
