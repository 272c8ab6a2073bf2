"""What a recommender has to beat, and the one place where a replay's systems are named.

A ranker scores every product for a batch of histories; several systems that share work (the Falcon writes once for
``id``, ``title`` and ``mixup``) are one ranker.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import polars as pl

from shopping_assistant.eval.protocol import ReplayError
from shopping_assistant.tools.attribute_values import title_stem
from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.search import CatalogSearch
from shopping_assistant.tools.sessions import Event, current_query
from shopping_assistant.tools.store import Store

BASELINES = ("popularity", "item-knn", "item-knn-colors", "search")
RECOMMENDER = ("id", "title", "mixup", "fused")
AGENT = "agent"  # plays the session through the conversation; see replay_agent
ALL_SYSTEMS = (*BASELINES, *RECOMMENDER, AGENT)
# An older purchase says less about the next one; 0.7 is what the published peers of the H&M week use.
AGE_WEIGHT = 0.7
# What the same product in another colour counts in those peers, and what each of its purchases adds.
COLOR_WEIGHT, COLOR_POPULARITY = 0.5, 0.01


class Ranker(Protocol):
    """Scores for a batch of histories under each of its names."""

    names: tuple[str, ...]

    def scores(self, histories: Sequence[tuple[Event, ...]], masks: np.ndarray) -> dict[str, np.ndarray]:
        """``{name: (b, n)}``, higher is better; ``masks`` ``(b, n)`` are the products that will be ranked."""
        ...


def purchase_counts(catalog: Catalog, train: pl.DataFrame) -> np.ndarray:
    """``(n,)`` float64: training purchases of each product, repeats included."""
    rows = _rows(catalog, train.filter(pl.col("action") == "purchase")["product_id"].to_list())
    return np.bincount(rows, minlength=len(catalog)).astype(np.float64)


def _rows(catalog: Catalog, product_ids: Sequence[str | None]) -> np.ndarray:
    return np.array([catalog.index(p) for p in product_ids if p is not None and p in catalog], dtype=np.int64)


class Popularity:
    """Every shopper gets the products bought most often in training."""

    names = ("popularity",)

    def __init__(self, catalog: Catalog, train: pl.DataFrame):
        self._counts = purchase_counts(catalog, train)

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
        out = np.repeat(self._fill[None], len(histories), axis=0)
        for scores, history in zip(out, histories, strict=True):
            bought = _rows(self._catalog, [e.product_id for e in history if e.action == "purchase"])
            for age, row in enumerate(reversed(bought)):
                near = slice(self._start[row], self._start[row + 1])
                scores[self._other[near]] += AGE_WEIGHT**age * self._cosine[near]
                alike = self._alike(row)
                scores[alike] += AGE_WEIGHT**age * COLOR_WEIGHT * (1 + COLOR_POPULARITY * self._counts[alike])
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


class Search:
    """The catalogue's search on the current query; a session without one is ranked by popularity."""

    names = ("search",)

    def __init__(self, catalog: Catalog, train: pl.DataFrame, search: CatalogSearch):
        self._search = search
        self._counts = purchase_counts(catalog, train)

    def scores(self, histories: Sequence[tuple[Event, ...]], masks: np.ndarray) -> dict[str, np.ndarray]:
        queries = [current_query(history) for history in histories]
        return {"search": np.stack([self._search.scores(q) if q else self._counts for q in queries])}


class Recommended:
    """The trained recommender's own lists. One answer of the Falcon serves every name asked for."""

    def __init__(self, store: Store, names: Sequence[str]):
        from shopping_assistant.tools.recommender import Recommender  # torch

        self.names = tuple(names)
        self._recommender = Recommender.open(store)

    def scores(self, histories: Sequence[tuple[Event, ...]], masks: np.ndarray) -> dict[str, np.ndarray]:
        return self._recommender.scores(list(histories), systems=self.names, masks=list(masks))


def usual_systems(store: Store) -> tuple[str, ...]:
    """What a replay of this store compares when it is not told."""
    fused = store.has("sessions") and store.has("fused")
    return ("popularity", *(name for name in RECOMMENDER if fused or name != "fused"))


def refuse_unknown(names: Sequence[str]) -> None:
    """
    Raises:
        ReplayError: no name, an unknown one, or one given twice.
    """
    if not names or len(set(names)) != len(names) or any(n not in ALL_SYSTEMS for n in names):
        raise ReplayError(
            f"systems {', '.join(names) or '(none)'}: expected each at most once of {', '.join(ALL_SYSTEMS)}"
        )


def open_rankers(store: Store, names: Sequence[str], train: pl.DataFrame) -> list[Ranker]:
    """The rankers that produce these systems, each opened once; ``agent`` is none.

    Raises:
        ShopError: a model is not there; the message says which command makes it.
    """
    catalog = store.catalog()
    rankers: list[Ranker] = []
    if "popularity" in names:
        rankers.append(Popularity(catalog, train))
    if "item-knn" in names:
        rankers.append(ItemKnn(catalog, train))
    if "item-knn-colors" in names:
        rankers.append(ItemKnnColors(catalog, train))
    if "search" in names:
        rankers.append(Search(catalog, train, CatalogSearch.open(store)))
    if wanted := [n for n in RECOMMENDER if n in names]:
        rankers.append(Recommended(store, wanted))
    return rankers
