"""What a recommender has to beat, and the one place where a replay's systems are named.

A ranker scores every product for a batch of histories; several systems that share work (the Falcon writes once for
``id``, ``title`` and ``mixup``) are one ranker.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import polars as pl

from shopping_assistant.eval.allowed import Allowed
from shopping_assistant.eval.log_parts import store_log
from shopping_assistant.eval.protocol import ReplayError
from shopping_assistant.eval.ranking import ItemTable, Vectors
from shopping_assistant.eval.sequence_baselines import SYSTEMS as RECBOLE
from shopping_assistant.eval.sequence_baselines import KeptRanks, kept_for
from shopping_assistant.tools.attribute_values import title_stem
from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.mixup import moved
from shopping_assistant.tools.search import CatalogSearch
from shopping_assistant.tools.sentence_encoder import SentenceEncoder
from shopping_assistant.tools.sessions import Event, Example, current_query
from shopping_assistant.tools.store import Store

BASELINES = ("popularity", "item-knn", "item-knn-colors", "bm25", "vectors", "search")
TEXT_SEQUENCES = ("recformer", "recformer-query")
RECOMMENDER = ("id", "title", "mixup", "fused")
AGENT = "agent"  # plays the session through the conversation; see replay_agent
ALL_SYSTEMS = (*BASELINES, *RECBOLE, *TEXT_SEQUENCES, *RECOMMENDER, AGENT)
# An older purchase says less about the next one; 0.7 is what the published peers of the H&M week use.
AGE_WEIGHT = 0.7
# What the same product in another colour counts in those peers, and what each of its purchases adds.
COLOR_WEIGHT, COLOR_POPULARITY = 0.5, 0.01
# More texts at once and the encoder goes over to half precision: the batch would show in the ranks.
ENCODED_TOGETHER = 8
MOST_QUERIES = 50_000  # vectors of so many queries are kept, 77 MB


class Ranker(Protocol):
    """Scores for a batch of histories under each of its names."""

    names: tuple[str, ...]

    def scores(self, histories: Sequence[tuple[Event, ...]], masks: np.ndarray) -> dict[str, np.ndarray]:
        """``{name: (b, n)}``, higher is better; ``masks`` ``(b, n)`` are the products that will be ranked."""
        ...


class RankedBefore(Protocol):
    """Ranks that were made elsewhere, in place of scores."""

    names: tuple[str, ...]

    def ranked(self, examples: Sequence[Example], among: Allowed) -> dict[str, tuple[np.ndarray, list[np.ndarray]]]:
        """For each name ``(b,)`` ranks from 1, 0 for a target without one, and the rows of the first places."""
        ...


def purchase_counts(catalog: Catalog, train: pl.DataFrame | pl.LazyFrame) -> np.ndarray:
    """``(n,)`` float64: training purchases of each product, repeats included; the log is read as a stream."""
    bought = train.lazy().filter(pl.col("action") == "purchase", pl.col("product_id").is_not_null())
    counted = bought.group_by("product_id").len().collect(engine="streaming")
    counts = np.zeros(len(catalog))
    for product, count in counted.iter_rows():
        if product in catalog:
            counts[catalog.index(product)] = count
    return counts


def _rows(catalog: Catalog, product_ids: Sequence[str | None]) -> np.ndarray:
    return np.array([catalog.index(p) for p in product_ids if p is not None and p in catalog], dtype=np.int64)


class Popularity:
    """Every shopper gets the products bought most often in training."""

    names = ("popularity",)

    def __init__(self, catalog: Catalog, train: pl.DataFrame):
        self._counts = purchase_counts(catalog, train).astype(np.float32)

    def scores(self, histories: Sequence[tuple[Event, ...]], masks: np.ndarray) -> dict[str, np.ndarray]:
        return {"popularity": np.broadcast_to(self._counts, (len(histories), len(self._counts)))}


class ItemKnn:
    """Products bought by the same shoppers: cosine of co-purchases, newer purchases weighing more.

    Scores are Σ 0.7^age · together(a, b) / √(count(a) · count(b)) over the history's purchases; a popularity term too
    small to reorder them fills the places behind.
    """

    names = ("item-knn",)

    def __init__(self, catalog: Catalog, train: pl.DataFrame):
        self._catalog = catalog
        self._counts = purchase_counts(catalog, train)
        rows = pl.DataFrame({"product_id": catalog.ids, "row": np.arange(len(catalog))})
        bought = (
            train.filter(pl.col("action") == "purchase").select("user_id", "product_id").unique(maintain_order=True)
        )
        bought = bought.join(rows, on="product_id").select("user_id", "row")
        counts = np.bincount(bought["row"].to_numpy(), minlength=len(catalog)).astype(np.float64)
        together = bought.join(bought, on="user_id", suffix="_b").filter(pl.col("row") != pl.col("row_b"))
        pairs = together.group_by("row", "row_b").len().sort("row", "row_b")
        first, second = pairs["row"].to_numpy(), pairs["row_b"].to_numpy()
        self._other = second
        self._cosine = pairs["len"].to_numpy() / np.sqrt(counts[first] * counts[second])
        self._start = np.searchsorted(first, np.arange(len(catalog) + 1))
        self._fill = counts / (counts.sum() + 1) * 1e-6

    def scores(self, histories: Sequence[tuple[Event, ...]], masks: np.ndarray) -> dict[str, np.ndarray]:
        out = np.repeat(self._fill.astype(np.float32)[None], len(histories), axis=0)
        # Sums are taken in double precision, in one row for all histories: each touches few products of it.
        sums = self._fill.copy()
        for scores, history in zip(out, histories, strict=True):
            bought = _rows(self._catalog, [e.product_id for e in history if e.action == "purchase"])
            touched = []
            for age, row in enumerate(reversed(bought)):
                near = slice(self._start[row], self._start[row + 1])
                sums[self._other[near]] += AGE_WEIGHT**age * self._cosine[near]
                alike = self._alike(row)
                sums[alike] += AGE_WEIGHT**age * COLOR_WEIGHT * (1 + COLOR_POPULARITY * self._counts[alike])
                touched += [self._other[near], alike]
            if touched:
                rows = np.concatenate(touched)
                scores[rows] = sums[rows]
                sums[rows] = self._fill[rows]
        return {self.names[0]: out}

    def _alike(self, row: int) -> np.ndarray:
        """Rows of products that count as the same one."""
        return np.zeros(0, dtype=np.int64)


class ItemKnnColors(ItemKnn):
    """`ItemKnn`, and the same product in its other colours: Σ 0.7^age · 0.5 · (1 + 0.01 · count).

    Products are the same by the catalogue's ``product_code``, and where it has none by their titles without colours and
    numbers.
    """

    names = ("item-knn-colors",)

    def __init__(self, catalog: Catalog, train: pl.DataFrame):
        super().__init__(catalog, train)
        if "product_code" in catalog.attribute_names:
            same = [str(c or "") for c in catalog.cells("product_code")]
        else:
            same = [title_stem(t, c) for t, c in zip(catalog.titles, catalog.cells("color"), strict=True)]
        groups: dict[str, list[int]] = {}
        for row, name in enumerate(same):
            groups.setdefault(name or f"row {row}", []).append(row)
        self._group = [np.array(groups[name or f"row {row}"]) for row, name in enumerate(same)]

    def _alike(self, row: int) -> np.ndarray:
        return self._group[row]


class Queried:
    """Products for the current query: the last one of the session the history ends in.

    A session without one is ranked by popularity, so that every session is answered.
    """

    def __init__(self, name: str, catalog: Catalog, train: pl.DataFrame):
        self.names = (name,)
        self._counts = purchase_counts(catalog, train).astype(np.float32)

    def scores(self, histories: Sequence[tuple[Event, ...]], masks: np.ndarray) -> dict[str, np.ndarray]:
        queries = [current_query(history) for history in histories]
        different = sorted({q for q in queries if q})
        row = {query: i for i, query in enumerate(different)}
        found = self._of_queries(different)
        out = np.empty((len(queries), len(self._counts)), dtype=np.float32)
        for scores, query in zip(out, queries, strict=True):
            scores[:] = found[row[query]] if query else self._counts
        return {self.names[0]: out}

    def _of_queries(self, queries: Sequence[str]) -> Sequence[np.ndarray]:
        """Scores ``(n,)`` for each of these different queries."""
        raise NotImplementedError


class QueryVectors:
    """Sentence vectors of queries. Shoppers ask the same again and again: what was encoded is kept for a while."""

    def __init__(self):
        self._encoder = SentenceEncoder.load()
        self.dim = self._encoder.dim
        self._known: dict[str, np.ndarray] = {}

    def of(self, queries: Sequence[str]) -> dict[str, np.ndarray]:
        """``(dim,)`` for each of these different queries."""
        new = [q for q in queries if q not in self._known]
        if len(self._known) + len(new) > MOST_QUERIES:
            self._known.clear()
            new = list(queries)
        self._known.update(zip(new, self._encoder.encode(new, batch=ENCODED_TOGETHER), strict=True))
        return {q: self._known[q] for q in queries}


class Search(Queried):
    """The catalogue's own search: BM25 and sentence vectors together."""

    def __init__(self, catalog: Catalog, train: pl.DataFrame, search: CatalogSearch, encoded: QueryVectors):
        super().__init__("search", catalog, train)
        self._search = search
        self._encoded = encoded

    def _of_queries(self, queries: Sequence[str]) -> Sequence[np.ndarray]:
        return [self._search.scores(query, vector) for query, vector in self._encoded.of(queries).items()]


class Words(Queried):
    """BM25 over all words of a product, as the catalogue's search counts them, by itself."""

    def __init__(self, catalog: Catalog, train: pl.DataFrame, search: CatalogSearch):
        super().__init__("bm25", catalog, train)
        self._search = search

    def _of_queries(self, queries: Sequence[str]) -> Sequence[np.ndarray]:
        return [self._search.word_scores(query) for query in queries]


class TitleVectors:
    """Cosine of the sentence vectors of query and title, by itself; popularity for a session without a query."""

    names = ("vectors",)

    def __init__(self, catalog: Catalog, train: pl.DataFrame, search: CatalogSearch, encoded: QueryVectors):
        counts = purchase_counts(catalog, train)
        # One more place in every vector, where a session without a query finds what products were sold.
        sold = (counts / max(counts.max(initial=0), 1.0)).astype(np.float32)
        self._items = ItemTable.of(np.concatenate([search.vectors, sold[:, None]], axis=1))
        self._encoded = encoded

    def scores(self, histories: Sequence[tuple[Event, ...]], masks: np.ndarray) -> dict[str, np.ndarray]:
        rows = np.arange(len(self._items.vectors))
        scores = [self._items.scores(rows, query) for query in self._queries(histories)]
        return {"vectors": np.array(scores, dtype=np.float32).reshape(len(histories), len(rows))}

    def lists(self, histories: Sequence[tuple[Event, ...]], masks: np.ndarray) -> dict[str, Vectors]:
        """`scores` as vectors: ranked in double precision, so that neither batch nor block shows in a rank."""
        return {"vectors": Vectors(self._queries(histories), self._items)}

    def _queries(self, histories: Sequence[tuple[Event, ...]]) -> np.ndarray:
        """``(b, dim + 1)``: the query's vector, or 1 in the last place."""
        queries = [current_query(history) for history in histories]
        vectors = self._encoded.of(sorted({q for q in queries if q}))
        out = np.zeros((len(queries), self._encoded.dim + 1), dtype=np.float32)
        for vector, query in zip(out, queries, strict=True):
            if query:
                vector[:-1] = vectors[query]
            else:
                vector[-1] = 1.0
        return out


class TextSequence:
    """Recformer: the text of the shopper's latest items, with the searches or without; else popularity."""

    def __init__(self, store: Store, name: str, train: pl.DataFrame):
        from shopping_assistant.tools.recformer import TextSequences  # torch

        self.names = (name,)
        self._sequences = TextSequences.open(store, name)
        self._counts = purchase_counts(store.catalog(), train).astype(np.float32)

    def scores(self, histories: Sequence[tuple[Event, ...]], masks: np.ndarray) -> dict[str, np.ndarray]:
        scores = self._sequences.scores(histories)
        scores[np.isnan(scores[:, 0])] = self._counts
        return {self.names[0]: scores}


class Recommended:
    """The trained recommender's own lists. One answer of the Falcon serves every name asked for."""

    def __init__(self, store: Store, names: Sequence[str]):
        from shopping_assistant.tools.recommender import Recommender  # torch

        self.names = tuple(names)
        self._recommender = Recommender.open(store)
        self._tables: dict[str, ItemTable] = {}

    def scores(self, histories: Sequence[tuple[Event, ...]], masks: np.ndarray) -> dict[str, np.ndarray]:
        return self._recommender.scores(list(histories), systems=self.names, masks=list(masks))

    def lists(self, histories: Sequence[tuple[Event, ...]], masks: np.ndarray) -> dict[str, np.ndarray | Vectors]:
        """`scores`, with vectors in place of the two lists that are nothing but nearness: ``id`` and ``title``."""
        if not any(name in self.names for name in ("id", "title")):
            return self.scores(histories, masks)
        roads, settings = self._recommender.roads(histories, list(masks)), self._recommender.settings
        near = {
            "id": lambda: Vectors(
                moved(roads.ids, roads.sessions, settings.session_weight),
                self._table("id", roads.id_table),
                None if settings.session_weight else roads.rows,
            ),
            "title": lambda: Vectors(
                moved(roads.titles, roads.queries, settings.query_weight), self._table("title", roads.title_table)
            ),
        }
        rest = [name for name in self.names if name not in near]
        dense = self._recommender.scores(list(histories), rest, list(masks), roads) if rest else {}
        return {name: near[name]() if name in near else dense[name] for name in self.names}

    def _table(self, name: str, vectors: np.ndarray) -> ItemTable:
        if name not in self._tables:
            self._tables[name] = ItemTable.of(vectors)
        return self._tables[name]


def usual_systems(store: Store) -> tuple[str, ...]:
    """What a replay of this store compares when it is not told."""
    fused = store.has("sessions") and store.has("fused")
    return ("popularity", *(name for name in RECOMMENDER if fused or name != "fused"))


def systems_at_hand(store: Store) -> tuple[str, ...]:
    """Every system that this store has what it takes for, in the order of `ALL_SYSTEMS`.

    Those that rank by the current query are left out of a log without searches: they would be popularity again.
    """
    searches = store_log(store).filter(pl.col("action") == "search").head(1)
    searched = store.has("search") and len(searches.collect()) > 0
    missing = {name for name in ("bm25", "vectors", "search") if not searched}
    missing |= set(RECBOLE) - set(kept_for(store))
    missing |= {name for name in TEXT_SEQUENCES if not store.has(name)}
    recommends = all(store.has(name) for name in ("titles", "ids", "recommender"))
    missing |= {name for name in (*RECOMMENDER, AGENT) if not recommends}
    missing |= {"fused"} - set(usual_systems(store))
    return tuple(name for name in ALL_SYSTEMS if name not in missing)


def refuse_unknown(names: Sequence[str]) -> None:
    """
    Raises:
        ReplayError: no name, an unknown one, or one given twice.
    """
    wrong = [name for i, name in enumerate(names) if name not in ALL_SYSTEMS or name in names[:i]]
    if wrong or not names:
        raise ReplayError(
            f"system {', '.join(map(repr, wrong)) or '(none)'}: expected each at most once of "
            f"{', '.join(ALL_SYSTEMS)}; or all, alone, for those the store has what it takes for"
        )


def open_rankers(store: Store, names: Sequence[str], train: pl.DataFrame) -> list[Ranker | RankedBefore]:
    """The rankers that produce these systems, each opened once; ``agent`` is none.

    Raises:
        ShopError: a model is not there; the message says which command makes it.
    """
    catalog = store.catalog()
    rankers: list[Ranker | RankedBefore] = []
    if "popularity" in names:
        rankers.append(Popularity(catalog, train))
    if "item-knn" in names:
        rankers.append(ItemKnn(catalog, train))
    if "item-knn-colors" in names:
        rankers.append(ItemKnnColors(catalog, train))
    if any(n in names for n in ("bm25", "vectors", "search")):
        search = CatalogSearch.open(store)
        if "bm25" in names:
            rankers.append(Words(catalog, train, search))
        if "vectors" in names or "search" in names:
            encoded = QueryVectors()
            for name, ranker in (("vectors", TitleVectors), ("search", Search)):
                if name in names:
                    rankers.append(ranker(catalog, train, search, encoded))
    if wanted := [n for n in RECBOLE if n in names]:
        rankers.append(KeptRanks(store, wanted))
    rankers += [TextSequence(store, name, train) for name in TEXT_SEQUENCES if name in names]
    if wanted := [n for n in RECOMMENDER if n in names]:
        rankers.append(Recommended(store, wanted))
    return rankers
