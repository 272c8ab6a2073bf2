"""Candidates for what a shopper will want next: several sources name them, and each is described by what all say of it.

The parts, by name: ``falcon`` (what the language model writes, and how likely it finds what others name), ``session``
(the session encoder), ``titles`` (products and queries of alike words), ``attributes`` (the same product in another
colour, the same brand, what is worn together), ``together`` (bought by the same shoppers), ``memory`` (what past
searches showed, and what this shopper's own search showed) and ``popularity``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from shopping_assistant.tools.bought_together import BoughtTogether
from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.session_encoder import QUERY, SessionEncoder, Token, tokens_of
from shopping_assistant.tools.sessions import Event
from shopping_assistant.tools.vector_index import VectorIndex, VectorIndexError

PARTS = ("falcon", "session", "titles", "attributes", "together", "memory", "popularity")
# How many candidates each source names.
BEAMS, BY_SESSION, BY_TITLE, BY_KIN, BY_PURCHASE, POPULAR = 20, 200, 20, 20, 80, 20
# The latest products of a history that are compared with candidates; an older one counts 0.8 times the next.
RECENT, AGE_WEIGHT = 10, 0.8
# Products whose kin and neighbours are candidates.
LATEST = 5
# A value that so many products or fewer share says "the same product in another colour or size".
MOST_KIN = 40
# With so few products to choose from all are candidates.
FEW = 400
# Attributes compared value by value, the ones the catalogue uses most.
COMPARED = 16
LEAST_LIKELIHOOD = -30.0
BY_SESSION_FILE, BY_TITLE_FILE = "by_session.safetensors", "by_title.safetensors"


@dataclass(frozen=True)
class Candidates:
    """The candidates of a batch of histories.

    Attributes:
        rows: ``(b, c)`` int64 product rows, -1 behind the last of each history.
        sources: ``(b, c)`` uint8, bit ``i`` set where part ``i`` named the candidate.
        features: ``(b, c, f)`` float32, 0 behind the last.
    """

    rows: np.ndarray
    sources: np.ndarray
    features: np.ndarray


@dataclass(frozen=True)
class Said:
    """What the language model and the memory say of one history.

    ``written`` are the beam's product rows, best first; ``remembered`` and ``shown`` rows by organic position.
    """

    written: Sequence[int]
    remembered: Sequence[int]
    shown: Sequence[int]


class CandidateMaker:
    """One store's sources. Nothing in it is linear in the catalogue but the masks it is given.

    Args:
        titles: ``(n, d)`` unit title vectors of the title model.
        prices: ``(n,)``, NaN where unknown.
        folder: where `save` wrote the indexes; they are made anew without it.
    """

    def __init__(
        self,
        encoder: SessionEncoder,
        together: BoughtTogether,
        titles: np.ndarray,
        prices: np.ndarray,
        folder: Path | None = None,
    ):
        self.encoder, self.together, self.values, self.titles = encoder, together, together.values, titles
        known = np.isfinite(prices) & (prices > 0)
        self._log_price = np.where(known, np.log(np.where(known, prices, 1.0)), np.nan).astype(np.float32)
        self._by_session, self._by_title = (
            _index(folder / name if folder else None, table)
            for name, table in ((BY_SESSION_FILE, encoder.table), (BY_TITLE_FILE, titles))
        )
        self._attributes = list(encoder.attributes.values)
        self._kin = [_Groups(self.values[:, i]) for i in range(self.values.shape[1])]
        self._popular = np.argsort(-together.count, kind="stable")[: 10 * POPULAR]
        self._compared = range(min(COMPARED, len(self._attributes))) if self._attributes else range(0)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Each feature's name, ``part: what``."""
        compared = [self._attributes[i] for i in self._compared]
        lifted = [self._attributes[i] for i in self._compared if i in self.together.lifts]
        return (
            "falcon: log-likelihood", "falcon: log-likelihood below the best",
            "falcon: log-likelihood of the first code", "falcon: 1 / (1 + rank)",
            "session: score", "session: score below the best", "session: log rank",
            "titles: to the last product", "titles: to all products", "titles: nearest", "titles: to the query",
            *(f"attributes: same {a}" for a in compared),
            *(f"attributes: {a} worn together" for a in lifted),
            *(f"attributes: {a} worn together, best" for a in lifted),
            "attributes: price apart",
            "together: cosine", "together: log cosine", "together: best",
            "memory: 1 / (1 + position)", "memory: shown at 1 / (1 + position)", "memory: shown",
            "popularity: log count", "popularity: never bought", "popularity: log length of the history",
            "popularity: asked something",
        )  # fmt: skip

    def save(self, folder: Path) -> None:
        """Keep the indexes: making them takes half a minute for a million products."""
        self._by_session.save(folder / BY_SESSION_FILE)
        self._by_title.save(folder / BY_TITLE_FILE)

    def tokens(self, histories: Sequence[Sequence[Event]], catalog: Catalog) -> list[list[Token]]:
        return [tokens_of(h, catalog) for h in histories]

    def named(
        self,
        sessions: Sequence[Sequence[Token]],
        said: Sequence[Said],
        query_vectors: dict[str, np.ndarray],
        title_queries: np.ndarray,
        masks: Sequence[np.ndarray | None],
    ) -> Named:
        """Who names which products, without features.

        Args:
            sessions: each history's tokens.
            query_vectors: sentence vector of every query among them.
            title_queries: the current query in the title model's space, ``(b, d)``, zeros where there is none.
            masks: ``(n,)`` bool for each history, the products that may be named.
        """
        vectors = self.encoder.encode(sessions, query_vectors)
        lists = []
        for b, (session, words, mask) in enumerate(zip(sessions, said, masks, strict=True)):
            lists.append(self._sources(session, words, vectors[b], title_queries[b], mask))
        return Named(sessions, said, vectors, title_queries, *_merged(lists))

    def _sources(self, session, words: Said, vector, title_query, mask) -> list[np.ndarray]:
        """Rows of each part, in the order of ``PARTS``; repeated ones and ones left out are dropped later."""
        if mask is not None and np.count_nonzero(mask) <= FEW:
            return [np.flatnonzero(mask)] * len(PARTS)
        latest = _latest(session)
        by_session = self._by_session.nearest(vector[None], BY_SESSION, mask)[0][0]
        towards = [self.titles[row] for row in latest[:2]] + ([title_query] if title_query.any() else [])
        titles = self._by_title.nearest(np.stack(towards), BY_TITLE, mask)[0].ravel() if towards else ()
        kin = [
            g.members(self.values[row, i])[:BY_KIN]
            for row in latest
            for i, g in enumerate(self._kin)
            if g.small(self.values[row, i])
        ]
        together = [self.together.near(row)[0][: BY_PURCHASE // (1 + age)] for age, row in enumerate(latest)]
        lists = (words.written, by_session, titles, _joined(kin), _joined(together), [*words.shown, *words.remembered],
                 self._popular[:POPULAR] if mask is None else self._popular[mask[self._popular]][:POPULAR])  # fmt: skip
        arrays = [np.asarray(part, dtype=np.int64) for part in lists]
        arrays = [part[part >= 0] for part in arrays]
        return arrays if mask is None else [part[mask[part]] for part in arrays]

    def described(self, named: Named, likelihoods: Sequence[np.ndarray] | None) -> Candidates:
        """The candidates with their features.

        Args:
            likelihoods: the language model's log-probability of each code of each history's candidates,
                ``(m, levels)`` in the order of ``named.lists()``.
        """
        rows, here = named.rows, named.rows >= 0
        at = np.where(here, rows, 0)
        history, weight = _recent(named.sessions)
        columns = [
            *_falcon(named, likelihoods, here),
            *self._session(named, at, here),
            *self._titles(named, at, history, weight),
            *self._worn(at, history, weight),
            *self._bought(rows, named.sessions),
            *_memory(named),
            *self._known(named, at),
        ]
        features = np.stack(columns, axis=-1).astype(np.float32)
        features[~here] = 0.0
        return Candidates(rows, named.sources, features)

    def _session(self, named: Named, at: np.ndarray, here: np.ndarray) -> list[np.ndarray]:
        scores = np.einsum("bcd,bd->bc", self.encoder.table[at], named.vectors)
        best = np.max(scores, axis=1, where=here, initial=-1e9, keepdims=True)
        # Stable: twins keep the order of their rows, whatever stands beside them in a batch.
        best_first = np.argsort(np.where(here, -scores, np.inf), axis=1, kind="stable")
        order = np.argsort(best_first, axis=1)
        return [scores, scores - best, np.log1p(order)]

    def _titles(self, named: Named, at, history, weight) -> list[np.ndarray]:
        there = history >= 0
        own = self.titles[np.where(there, history, 0)] * there[..., None]  # (b, r, d)
        candidates = self.titles[at]
        alike = np.matmul(candidates, own.transpose(0, 2, 1))  # (b, c, r)
        nearest = np.where(there[:, None, :], alike, -1.0).max(axis=2)
        asked = np.matmul(candidates, named.title_queries[:, :, None])[..., 0]
        return [alike[:, :, 0], (alike * weight[:, None, :]).sum(axis=2), nearest, asked]

    def _worn(self, at, history, weight) -> list[np.ndarray]:
        there = history >= 0
        before, same, mean, best = np.where(there, history, 0), [], [], []
        for i in self._compared:
            own, theirs = self.values[before, i][:, None, :], self.values[at, i][:, :, None]
            same.append((((own == theirs) & (own > 0)) * weight[:, None, :]).sum(axis=2))
            if i in self.together.lifts:
                lift = self.together.lifts[i][own, theirs].astype(np.float32)
                mean.append((lift * weight[:, None, :]).sum(axis=2))
                best.append(np.where(there[:, None, :], lift, -5.0).max(axis=2))
        prices = np.where(there, self._log_price[before], np.nan)
        given = np.isfinite(prices)
        total = np.where(given, weight, 0.0).sum(axis=1)
        usual = np.where(given, prices * weight, 0.0).sum(axis=1) / np.maximum(total, 1e-9)
        apart = np.abs(self._log_price[at] - usual[:, None])
        return [*same, *mean, *best, np.where(np.isfinite(apart) & (total > 0)[:, None], apart, 0.0)]

    def _bought(self, rows: np.ndarray, sessions: Sequence[Sequence[Token]]) -> list[np.ndarray]:
        total, best = np.zeros(rows.shape, np.float32), np.zeros(rows.shape, np.float32)
        # No candidate at all: nowhere to look them up.
        for b, session in enumerate(sessions if rows.size else ()):
            order = np.argsort(rows[b], kind="stable")
            ranked = rows[b][order]
            for age, row in enumerate(_latest(session, RECENT)):
                others, cosines = self.together.near(row)
                place = np.minimum(np.searchsorted(ranked, others), len(ranked) - 1)
                found = ranked[place] == others
                where = order[place[found]]
                total[b, where] += AGE_WEIGHT**age * cosines[found]
                best[b, where] = np.maximum(best[b, where], cosines[found])
        return [total, np.log1p(100 * total), best]

    def _known(self, named: Named, at: np.ndarray) -> list[np.ndarray]:
        count = self.together.count[at]
        lengths = np.log1p([sum(t.row >= 0 for t in s) for s in named.sessions])[:, None]
        asked = np.array([any(t.kind == QUERY for t in s[-3:]) for s in named.sessions])[:, None]
        return [np.log1p(count), count == 0, np.broadcast_to(lengths, at.shape), np.broadcast_to(asked, at.shape)]


@dataclass(frozen=True)
class Named:
    """Candidates by name only: what `CandidateMaker.described` needs besides the language model's likelihoods."""

    sessions: Sequence[Sequence[Token]]
    said: Sequence[Said]
    vectors: np.ndarray
    title_queries: np.ndarray
    rows: np.ndarray
    sources: np.ndarray

    def lists(self) -> list[np.ndarray]:
        """Each history's candidates, ``(m,)`` rows."""
        return [own[own >= 0] for own in self.rows]


def _index(path: Path | None, table: np.ndarray) -> VectorIndex:
    if path is not None and path.is_file():
        # Titles may have changed since: then the cells are no longer theirs.
        with contextlib.suppress(VectorIndexError):
            return VectorIndex.load(path, table)
    return VectorIndex.build(table)


class _Groups:
    """The products of each value of one attribute."""

    def __init__(self, numbers: np.ndarray):
        self._order = np.argsort(numbers, kind="stable").astype(np.int32)
        self._starts = np.searchsorted(numbers[self._order], np.arange(int(numbers.max(initial=0)) + 2))

    def members(self, value: int) -> np.ndarray:
        return self._order[self._starts[value] : self._starts[value + 1]]

    def small(self, value: int) -> bool:
        return value > 0 and self._starts[value + 1] - self._starts[value] <= MOST_KIN


def _latest(session: Sequence[Token], most: int = LATEST) -> list[int]:
    """The latest products of a session, the last one first, each once."""
    return list(dict.fromkeys(t.row for t in reversed(session) if t.row >= 0))[:most]


def _joined(parts: Iterable[np.ndarray]) -> np.ndarray:
    parts = list(parts)
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _merged(lists: Sequence[Sequence[np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Each history's rows once, padded, with the parts that named them as bits."""
    merged = []
    for parts in lists:
        rows = np.concatenate(parts)
        bits = np.concatenate([np.full(len(part), 1 << i, np.uint8) for i, part in enumerate(parts)])
        unique, inverse = np.unique(rows, return_inverse=True)
        sources = np.zeros(len(unique), np.uint8)
        np.bitwise_or.at(sources, inverse, bits)
        merged.append((unique, sources))
    width = max((len(rows) for rows, _ in merged), default=0)
    rows = np.full((len(merged), width), -1, dtype=np.int64)
    sources = np.zeros((len(merged), width), dtype=np.uint8)
    for b, (own, bits) in enumerate(merged):
        rows[b, : len(own)], sources[b, : len(own)] = own, bits
    return rows, sources


def _recent(sessions: Sequence[Sequence[Token]]) -> tuple[np.ndarray, np.ndarray]:
    """The latest products ``(b, RECENT)``, -1 where there are fewer, and what each counts, summing to 1 or 0."""
    rows = np.full((len(sessions), RECENT), -1, dtype=np.int64)
    for b, session in enumerate(sessions):
        latest = _latest(session, RECENT)
        rows[b, : len(latest)] = latest
    weight = (rows >= 0) * np.float32(AGE_WEIGHT) ** np.arange(RECENT, dtype=np.float32)
    return rows, weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-9)


def _falcon(named: Named, likelihoods: Sequence[np.ndarray] | None, here: np.ndarray) -> list[np.ndarray]:
    likely = np.full(here.shape, LEAST_LIKELIHOOD, np.float32)
    first = np.full(here.shape, LEAST_LIKELIHOOD, np.float32)
    rank = np.zeros(here.shape, np.float32)
    for b, words in enumerate(named.said):
        own = named.rows[b][here[b]]
        if likelihoods is not None:
            likely[b, : len(own)] = np.maximum(likelihoods[b].sum(axis=1), LEAST_LIKELIHOOD)
            first[b, : len(own)] = np.maximum(likelihoods[b][:, 0], LEAST_LIKELIHOOD)
        rank[b, : len(own)] = _reciprocal(own, words.written)
    best = np.max(likely, axis=1, where=here, initial=LEAST_LIKELIHOOD, keepdims=True)
    # The first code stands for a family of products: it says something of those nobody has bought yet, too.
    return [likely, likely - best, first, rank]


def _reciprocal(rows: np.ndarray, ranked: Sequence[int]) -> np.ndarray:
    """1 / (1 + rank) of each of ``rows`` in a list, rank from 1; 0 for one that is not in it."""
    at: dict[int, int] = {}
    for place, row in enumerate(ranked, 1):
        at.setdefault(int(row), place)
    return np.array([1 / (1 + at[r]) if r in at else 0.0 for r in rows.tolist()], dtype=np.float32)


def _memory(named: Named) -> list[np.ndarray]:
    remembered, shown = np.zeros(named.rows.shape, np.float32), np.zeros(named.rows.shape, np.float32)
    for b, words in enumerate(named.said):
        if len(words.remembered) or len(words.shown):
            own = named.rows[b][named.rows[b] >= 0]
            remembered[b, : len(own)] = _reciprocal(own, words.remembered)
            shown[b, : len(own)] = _reciprocal(own, words.shown)
    return [remembered, shown, shown > 0]


def all_of(scores: np.ndarray, rows: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """Scores of every product, ``(b, n)``: candidates ``(b, c)`` above the others, which keep ``floor``'s order."""
    out = (floor - floor.max(axis=1, keepdims=True) - 1.0).astype(np.float32)  # all below 0
    counted = np.isfinite(scores)
    lowest = np.min(np.where(counted, scores, np.inf), axis=1, initial=0.0, keepdims=True)
    b, c = np.nonzero(counted)
    out[b, rows[b, c]] = (scores - lowest)[b, c] + 1.0
    return out
