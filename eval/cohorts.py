"""The groups a session counts in, so that a figure can be read for whom it holds."""

from __future__ import annotations

from collections import Counter

import polars as pl

from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.sessions import Example, current_query

HISTORY_BANDS = ((0, 4), (5, 9), (10, 19), (20, 39), (40, None))
# More categories would have too few sessions each to say anything.
CATEGORIES = 12
# Meteorological seasons of the northern hemisphere, December first.
SEASONS = ("winter", "spring", "summer", "autumn")
SEASON = "season "


class Cohorts:
    """The groups of any session of one shop.

    * ``warm items`` / ``cold items``: whether the target occurs in a click or purchase of the training log.
    * ``known shoppers`` / ``new shoppers``: whether the history holds an event of a session before the target's. A log
      in which no shopper has two sessions does not tell, and its sessions are in neither group.
    * ``with query`` / ``without query``: whether there is a search in the session the history ends in.
    * ``category X``: the target's, for the `CATEGORIES` categories bought most often in training; the rest are
      ``other categories``, and a target of no known category is in ``no category``. None in a catalogue without any.
    * ``history 0-4`` …: events in the history.
    * ``season X``: of the purchase, by meteorological season of the northern hemisphere. None where the log's times
      only carry an order, that is, where all shoppers of the training log begin at the same moment.

    Args:
        train: the events the models may learn from.
    """

    def __init__(self, catalog: Catalog, train: pl.DataFrame | pl.LazyFrame):
        # As a stream: a log may be larger than memory.
        named = train.lazy().filter(pl.col("product_id").is_not_null())
        bought = (pl.col("action") == "purchase").sum()
        products = named.group_by("product_id").agg(bought=bought).collect(engine="streaming")
        self._trained = set(products["product_id"].to_list())
        self._category = _categories(catalog)
        often: Counter[str] = Counter()
        for product, count in products.filter(pl.col("bought") > 0).iter_rows():
            if (category := self._category.get(product)) is not None:
                often[category] += count
        largest = sorted(often, key=lambda name: (-often[name], name))[:CATEGORIES]
        self._largest = frozenset(largest)
        session = pl.col("session_id")
        shoppers = (
            train.lazy()
            .group_by("user_id")
            .agg(returned=session.min() != session.max(), begins=pl.col("timestamp").min())
        )
        told = shoppers.select(
            pl.len(), pl.col("returned").any(), first=pl.col("begins").min(), last=pl.col("begins").max()
        )
        count, returned, first, last = told.collect(engine="streaming").row(0)
        self._tells_sessions = bool(returned)
        self._tells_time = not (count > 1 and first == last)

    def of(self, example: Example) -> tuple[str, ...]:
        """The names of the example's groups."""
        names = ["warm items" if example.target in self._trained else "cold items"]
        if self._tells_sessions:
            known = any(e.session_id != example.session_id for e in example.history)
            names.append("known shoppers" if known else "new shoppers")
        names.append("with query" if current_query(example.history) else "without query")
        if self._category:
            category = self._category.get(example.target)
            if category is None:
                names.append("no category")
            else:
                names.append(f"category {category}" if category in self._largest else "other categories")
        length = len(example.history)
        low, high = next((lo, hi) for lo, hi in HISTORY_BANDS if hi is None or length <= hi)
        names.append(f"history {low}+" if high is None else f"history {low}-{high}")
        if self._tells_time:
            names.append(SEASON + SEASONS[example.timestamp.month % 12 // 3])
        return tuple(names)


def _categories(catalog: Catalog) -> dict[str, str]:
    """``{product id: category}`` as the catalogue writes it; products without one are not in it."""
    pairs = zip(catalog.ids, catalog.cells("category"), strict=True)
    return {product: str(name).strip() for product, name in pairs if name is not None and str(name).strip()}
