"""How well a product meets each word of a query: with the same word or one near in meaning, in its title or values.

Late interaction (Khattab and Zaharia, *ColBERT*, SIGIR 2020) with one vector a word of the catalogue instead of one a
token of every title: the table grows with the vocabulary, not with the catalogue, and a query compares its few words
with the few thousand words of the products that are looked at.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shopping_assistant.tools.query_words import Wanted
from shopping_assistant.tools.store import write_json

FILE, WORDS = "words.safetensors", "words.json"
# A title counts as this long at most: words that a seller adds beyond cannot make it look less like the query.
LONGEST_TITLE = 16


@dataclass(frozen=True)
class Met:
    """How ``(r,)`` products meet a query's words, from 0 to 1.

    ``mean`` and ``least`` are over the query's words: what every word finds, and what the one that finds least does.
    ``off`` is the mean over the title's own words of what they have to do with the query; beyond `LONGEST_TITLE` words
    it is their sum that grows.
    """

    mean: np.ndarray
    least: np.ndarray
    off: np.ndarray


@dataclass(frozen=True)
class ProductWords:
    """The words of products: of row ``r`` the numbers ``words[starts[r]:][:lengths[r]]``, each once, title words first.

    Args:
        stems: the words' stems; ``surfaces`` the form in which the catalogue mostly has each; ``counts`` how many rows
            have it.
        vectors: ``(v, dim)`` unit rows, zeros for a word with a digit: no number is near another one.
    """

    stems: list[str]
    surfaces: list[str]
    counts: np.ndarray
    vectors: np.ndarray
    words: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    title_lengths: np.ndarray

    @classmethod
    def of(
        cls,
        texts: Iterable[tuple[Sequence[str], Sequence[str]]],
        stem: Callable[[Sequence[str]], list[str]],
        encode: Callable[[Sequence[str]], np.ndarray],
        known: ProductWords | None = None,
    ) -> ProductWords:
        """Count words and embed them.

        Args:
            texts: each product's words in its title and in its values, as they stand, stop words left out.
            stem: stems of words, one each.
            encode: words to unit vectors.
            known: words embedded before; their vectors are taken over.
        """
        number: dict[str, int] = {}
        forms: list[Counter[str]] = []
        counts: list[int] = []
        flat: list[int] = []
        lengths, titles = [], []
        for title, values in texts:
            row: dict[int, None] = {}
            of_title = 0
            for part in (title, values):
                for word, stemmed in zip(part, stem(part), strict=True):
                    n = number.setdefault(stemmed, len(number))
                    if n == len(forms):
                        forms.append(Counter())
                        counts.append(0)
                    forms[n][word] += 1
                    row[n] = None
                of_title = of_title or len(row)
            for n in row:
                counts[n] += 1
            flat += row
            lengths.append(len(row))
            titles.append(min(of_title, len(row)) if title else 0)
        surfaces = [min(f, key=lambda w, f=f: (-f[w], w)) for f in forms]
        ends = np.cumsum(lengths, dtype=np.int64)
        starts = ends - np.array(lengths, dtype=np.int64)
        return cls(
            list(number), surfaces, np.array(counts, np.int32), _embedded(list(number), surfaces, encode, known),
            np.array(flat, np.int32), starts, np.array(lengths, np.int32), np.array(titles, np.int32),
        )  # fmt: skip

    def save(self, folder: Path) -> None:
        from safetensors.numpy import save_file

        arrays = {n: np.ascontiguousarray(getattr(self, n)) for n in _ARRAYS}
        save_file({**arrays, "vectors": self.vectors.astype(np.float16)}, folder / FILE)
        write_json(folder / WORDS, {"stems": self.stems, "surfaces": self.surfaces})

    @classmethod
    def load(cls, folder: Path) -> ProductWords | None:
        """The words of an index; None where it was made before there were any."""
        from safetensors.numpy import load_file

        if not (folder / FILE).is_file():
            return None
        words = json.loads((folder / WORDS).read_text(encoding="utf-8"))
        return cls(words["stems"], words["surfaces"], **load_file(folder / FILE))

    def extended(self, n: int, rows: np.ndarray, later: ProductWords) -> ProductWords:
        """Of ``n`` products, those of ``rows`` with the words of ``later``, which were counted by themselves."""
        number = {stem: i for i, stem in enumerate(self.stems)}
        new = [i for i, stem in enumerate(later.stems) if stem not in number]
        number |= {later.stems[i]: len(self.stems) + at for at, i in enumerate(new)}
        place = np.array([number[stem] for stem in later.stems], dtype=np.int32)
        counts = np.concatenate([self.counts, np.zeros(len(new), np.int32)])
        np.add.at(counts, place, later.counts)
        starts, lengths, titles = (_longer(getattr(self, a), n) for a in ("starts", "lengths", "title_lengths"))
        starts[rows] = len(self.words) + later.starts
        lengths[rows], titles[rows] = later.lengths, later.title_lengths
        return ProductWords(
            [*self.stems, *(later.stems[i] for i in new)], [*self.surfaces, *(later.surfaces[i] for i in new)], counts,
            np.concatenate([self.vectors, later.vectors[new].astype(self.vectors.dtype)]),
            np.concatenate([self.words, place[later.words]]), starts, lengths, titles,
        )  # fmt: skip


_ARRAYS = ("counts", "words", "starts", "lengths", "title_lengths")


def _longer(array: np.ndarray, n: int) -> np.ndarray:
    out = np.zeros(n, dtype=array.dtype)
    out[: len(array)] = array
    return out


def _embedded(
    stems: Sequence[str], surfaces: Sequence[str], encode: Callable[[Sequence[str]], np.ndarray], known
) -> np.ndarray:
    before = {key: i for i, key in enumerate(zip(known.stems, known.surfaces, strict=True))} if known else {}
    rows = [before.get(key) for key in zip(stems, surfaces, strict=True)]
    new = [i for i, row in enumerate(rows) if row is None and not _has_digit(surfaces[i])]
    made = encode([surfaces[i] for i in new])
    vectors = np.zeros((len(stems), made.shape[1]), dtype=np.float32)
    vectors[new] = made
    old = [i for i, row in enumerate(rows) if row is not None]
    if old:
        vectors[old] = known.vectors[[rows[i] for i in old]]
    return vectors


def _has_digit(word: str) -> bool:
    return any(c.isdigit() for c in word)


class WordMatch:
    """Compares the words of queries with those of products."""

    def __init__(self, products: ProductWords, encode: Callable[[Sequence[str]], np.ndarray]):
        self._of = products
        self._number = {stem: i for i, stem in enumerate(products.stems)}
        self._encode = encode

    def count(self, stem: str) -> int:
        """Products that have this word in their title or values."""
        number = self._number.get(stem)
        return int(self._of.counts[number]) if number is not None else 0

    def met(self, wanted: Sequence[Wanted], rows: np.ndarray, said: Callable[[str], np.ndarray]) -> Met:
        """How the products of ``rows`` ``(r,)`` meet the words wanted.

        Args:
            said: stem → how well the text outside title and values has it, ``(r,)`` from 0 to 1.
        """
        if not wanted:
            nothing = np.zeros(len(rows), dtype=np.float32)
            return Met(nothing, nothing, nothing)
        lengths = self._of.lengths[rows].astype(np.int64)
        ends = np.cumsum(lengths)
        offsets = ends - lengths
        within = np.arange(ends[-1] if len(ends) else 0, dtype=np.int64) - np.repeat(offsets, lengths)
        words = self._of.words[np.repeat(self._of.starts[rows], lengths) + within]
        distinct, at = np.unique(words, return_inverse=True)
        near = self._near(wanted, distinct)[at]
        # A zero row behind the last word: products without words end there.
        near = np.concatenate([near, np.zeros((1, len(wanted)), np.float32)])
        met = np.maximum.reduceat(near, offsets, axis=0)
        met[lengths == 0] = 0.0
        for column, word in enumerate(wanted):
            for stem, weight in word.stems:
                np.maximum(met[:, column], weight * said(stem), out=met[:, column])
        titles = self._of.title_lengths[rows]
        best = near.max(axis=1)
        best[:-1][within >= np.repeat(titles, lengths)] = 0.0
        off = np.add.reduceat(best, offsets) / np.clip(titles, 1, LONGEST_TITLE)
        off[lengths == 0] = 0.0
        return Met(met.mean(axis=1), met.min(axis=1), off)

    def _near(self, wanted: Sequence[Wanted], distinct: np.ndarray) -> np.ndarray:
        """``(len(distinct), len(wanted))`` float32: 1 for the same word, else the cosine of the words' vectors."""
        vectors = self._of.vectors[distinct].astype(np.float32)
        column, stems, weights = zip(
            *((c, stem, weight) for c, word in enumerate(wanted) for stem, weight in word.stems), strict=True
        )
        numbers = [self._number.get(stem) for stem in stems]
        asked = np.zeros((len(stems), vectors.shape[1]), dtype=np.float32)
        for i, number in enumerate(numbers):
            if number is not None:
                asked[i] = self._of.vectors[number]
        # A word that the catalogue lacks is embedded as it was typed, unless it is a number.
        unknown = [i for i, n in enumerate(numbers) if n is None and not _has_digit(wanted[column[i]].typed)]
        if unknown:
            asked[unknown] = self._encode([wanted[column[i]].typed for i in unknown])
        each = np.clip(vectors @ asked.T, 0.0, 1.0)
        out = np.zeros((len(distinct), len(wanted)), dtype=np.float32)
        for i, (c, number, weight) in enumerate(zip(column, numbers, weights, strict=True)):
            if number is not None:
                each[distinct == number, i] = 1.0
            np.maximum(out[:, c], weight * each[:, i], out=out[:, c])
        return out
