"""What goes with what: categories, departments aside, that are bought in one session oftener than by chance.

A session that buys a blazer and a tie says that ties go with blazers; one that buys two blazers says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from shopping_assistant.tools.catalog import Catalog

# Fewer sessions are no evidence. On validation sessions of the demo shop 3 find 79 % of the second purchase's
# categories among ten, 1 finds 81 %, 8 find 70 %.
MIN_SESSIONS = 3
# Bought together less often than by chance, nothing goes with anything.
MIN_LIFT = 1.0
# A session with more purchases is a reseller's or a household's: its pairs say nothing of an outfit.
MOST_OF_A_SESSION = 12


@dataclass(frozen=True)
class Partner:
    """A category that goes with another one: in how many sessions both were bought, how much oftener than by chance."""

    category: str
    sessions: int
    lift: float


class Outfits:
    """Pairs of one log's sessions over a catalogue.

    Attributes:
        categories: names (lower case), in the order of the tables.
        together: ``(c, c)`` int32, sessions that bought both; symmetric, its diagonal is 0.
        lift: ``(c, c)`` float32, together over what independence would give; 0 where never.
    """

    def __init__(self, categories: Sequence[str], together: np.ndarray, lift: np.ndarray):
        self.categories, self.together, self.lift = tuple(categories), together, lift
        self._at = {c: i for i, c in enumerate(self.categories)}

    @classmethod
    def learn(cls, catalog: Catalog, log: pl.DataFrame | pl.LazyFrame) -> Outfits:
        """Count a log's purchases. An empty log, or one without a session of two purchases, knows no partners."""
        kinds = catalog.frame["category"].str.strip_chars().str.to_lowercase()
        bought = (
            log.lazy().filter(pl.col("action") == "purchase").select("session_id", "product_id").unique()
            .join(pl.LazyFrame({"product_id": catalog.ids, "category": kinds}), on="product_id")
            .drop_nulls("category")
            .filter(pl.len().over("session_id").is_between(2, MOST_OF_A_SESSION))
            .select("session_id", "category").unique().collect()
        )  # fmt: skip
        both = bought.join(bought, on="session_id", suffix="_2").filter(pl.col("category") != pl.col("category_2"))
        counted = both.group_by("category", "category_2").agg(n=pl.len())
        names = sorted(set(counted["category"]))
        at = {name: i for i, name in enumerate(names)}
        together = np.zeros((len(names), len(names)), dtype=np.int32)
        for first, second, n in counted.iter_rows():
            together[at[first], at[second]] = n
        of_each = together.sum(axis=1).astype(np.float64)
        expected = np.outer(of_each, of_each) / max(1.0, of_each.sum())
        with np.errstate(divide="ignore", invalid="ignore"):
            lift = np.where(expected > 0, together / expected, 0.0).astype(np.float32)
        return cls(names, together, lift)

    def partners(self, category: str, without: Sequence[str] = ()) -> list[Partner]:
        """Categories that go with this one, those of the most sessions first.

        Args:
            without: categories that will not do, such as those worn in the same place.
        """
        at = self._at.get(category.strip().lower())
        if at is None:
            return []
        left_out = {c.lower() for c in without}
        found = [
            Partner(name, int(self.together[at, i]), float(self.lift[at, i])) for i, name in enumerate(self.categories)
            if i != at and self.together[at, i] >= MIN_SESSIONS and self.lift[at, i] > MIN_LIFT and name not in left_out
        ]  # fmt: skip
        return sorted(found, key=lambda p: (-p.sessions, -p.lift, p.category))
