"""What goes with what: categories, departments aside, that are bought in one session oftener than by chance.

A session that buys a blazer and a tie says that ties go with blazers; one that buys two blazers says nothing. Colours
are learned in the same way: which two stand together in one session oftener than their share of all purchases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from shopping_assistant.tools.catalog import Catalog

# Fewer sessions are no evidence. On validation sessions of the demo shop 3 find 79 % of the second purchase's categories
# among ten, 1 finds 81 %, 8 find 70 %.
MIN_SESSIONS = 3
# Bought together less often than by chance, nothing goes with anything.
MIN_LIFT = 1.0
# A session with more purchases is a reseller's or a household's: its pairs say nothing of an outfit.
MOST_OF_A_SESSION = 12
# Pairs of colours that a log hardly has lean to independence by so many made-up pairs.
SMOOTHING = 5.0


@dataclass(frozen=True)
class Partner:
    """A category that goes with another one: in how many sessions both were bought, and how much oftener than chance."""

    category: str
    sessions: int
    lift: float


class Outfits:
    """Pairs of one log's sessions over a catalogue.

    Attributes:
        categories: names (lower case), in the order of the tables.
        together: ``(c, c)`` int32, sessions that bought both; symmetric, its diagonal is 0.
        lift: ``(c, c)`` float32, together over what independence would give; 0 where never.
        colors: names of colours, and ``harmony`` ``(colors, colors)`` float32, the logarithm of the smoothed lift.
    """

    def __init__(
        self, categories: Sequence[str], together: np.ndarray, lift: np.ndarray, colors: Sequence[str],
        harmony: np.ndarray,
    ):  # fmt: skip
        self.categories, self.together, self.lift = tuple(categories), together, lift
        self.colors, self.harmony = tuple(colors), harmony
        self._at = {c: i for i, c in enumerate(self.categories)}
        self._color_at = {c: i for i, c in enumerate(self.colors)}

    @classmethod
    def learn(cls, catalog: Catalog, log: pl.DataFrame | pl.LazyFrame) -> Outfits:
        """Count a log's purchases. An empty log, or one without a session of two purchases, knows no partners."""
        kinds = _named(catalog, "category")
        colors = _named(catalog, "color")
        bought = (
            log.lazy().filter(pl.col("action") == "purchase").select("session_id", "product_id").unique()
            .join(pl.LazyFrame({"product_id": catalog.ids, "category": kinds, "color": colors}), on="product_id")
            .drop_nulls("category")
            .filter(pl.len().over("session_id").is_between(2, MOST_OF_A_SESSION))
            .collect()
        )  # fmt: skip
        both = bought.join(bought, on="session_id", suffix="_2").filter(pl.col("category") != pl.col("category_2"))
        names, together, expected = _table(both, "category")
        with np.errstate(divide="ignore", invalid="ignore"):
            lift = np.where(expected > 0, together / expected, 0.0).astype(np.float32)
        hues, seen, by_chance = _table(both.drop_nulls(["color", "color_2"]), "color", per_session=False)
        harmony = np.log((seen + SMOOTHING) / (by_chance + SMOOTHING)).astype(np.float32)
        return cls(names, together.astype(np.int32), lift, hues, harmony)

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

    def harmony_with(self, color: str | None, others: Sequence[str | None]) -> np.ndarray:
        """How well each colour goes with this one, ``(others,)`` float32; 0 where nothing is known."""
        at = self._color_at.get((color or "").strip().lower())
        places = [self._color_at.get((o or "").strip().lower()) for o in others]
        return np.array([0.0 if at is None or p is None else self.harmony[at, p] for p in places], dtype=np.float32)


def _named(catalog: Catalog, column: str) -> pl.Series:
    return catalog.frame[column].str.strip_chars().str.to_lowercase()


def _table(pairs: pl.DataFrame, column: str, per_session: bool = True) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Names, how many ordered pairs there are of each two, and how many independence would give: ``(c, c)`` float64."""
    columns = [column, f"{column}_2"]
    if per_session:
        pairs = pairs.unique(["session_id", *columns])
    counted = pairs.group_by(columns).agg(n=pl.len())
    names = sorted(set(counted[column]) | set(counted[f"{column}_2"]))
    at = {name: i for i, name in enumerate(names)}
    seen = np.zeros((len(names), len(names)))
    for first, second, n in counted.iter_rows():
        seen[at[first], at[second]] = n
    of_each = seen.sum(axis=1)
    return names, seen, np.outer(of_each, of_each) / max(1.0, of_each.sum())
