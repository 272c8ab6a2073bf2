"""What a log says about products that are bought by the same shoppers: product by product, and value by value.

The second half generalises the first: that black tops go with black trousers is known of products nobody has bought.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from shopping_assistant.tools.attribute_values import AttributeValues
from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.sessions import by_user

FILE = "bought_together.safetensors"
# Products of one shopper that are paired: a reseller's thousand purchases say little and cost their square.
MOST_OF_A_SHOPPER = 60
# Neighbours kept for each product.
NEIGHBOURS = 100
# Attributes with more values have too few purchases for each pair of them.
MOST_VALUES = 700
# Pairs of values that a log hardly has lean to independence by so many made-up pairs.
SMOOTHING = 5.0


class BoughtTogetherError(ShopError):
    """The counts of a log are missing or damaged."""


class BoughtTogether:
    """Counts of one training log over a catalogue of ``n`` products.

    Attributes:
        values: ``(n, attributes)`` int32, the number of each product's value of each attribute.
        count: ``(n,)`` float32, shoppers who bought each product.
        starts, others, cosines: the neighbours of product ``i`` are ``others[starts[i]:starts[i + 1]]``, best first,
            with together(i, j) / √(count(i) · count(j)).
        lifts: number of an attribute → ``(values, values)`` float16, the logarithm of how much oftener products with
            two values are bought by one shopper than by chance.
    """

    def __init__(
        self,
        values: np.ndarray,
        count: np.ndarray,
        starts: np.ndarray,
        others: np.ndarray,
        cosines: np.ndarray,
        lifts: dict,
    ):
        self.values, self.count, self.starts, self.others, self.cosines = values, count, starts, others, cosines
        self.lifts: dict[int, np.ndarray] = lifts

    @classmethod
    def learn(cls, catalog: Catalog, train: pl.DataFrame, attributes: AttributeValues) -> BoughtTogether:
        """Count a training log."""
        values = attributes.numbers(catalog).astype(np.int32)
        n = len(catalog)
        rows, shoppers = _bought(catalog, train)
        count = np.bincount(rows, minlength=n).astype(np.float32)
        pairs = _pairs(rows, shoppers)
        starts, others, cosines = _neighbours(pairs, count)
        first, second = pairs["a"].to_numpy(), pairs["b"].to_numpy()
        lifts = {
            i: _lift(values[first, i], values[second, i], pairs["n"].to_numpy(), size)
            for i, size in enumerate(attributes.sizes)
            if size <= MOST_VALUES
        }
        return cls(values, count, starts, others, cosines, lifts)

    def grown(self, catalog: Catalog, attributes: AttributeValues) -> BoughtTogether:
        """The same for a catalogue that has grown since: nobody has bought the new products."""
        more = len(catalog) - len(self.count)
        if more <= 0:
            return self
        values = np.concatenate([self.values, attributes.numbers(catalog, len(self.count)).astype(np.int32)])
        count = np.concatenate([self.count, np.zeros(more, np.float32)])
        starts = np.concatenate([self.starts, np.full(more, self.starts[-1])])
        return BoughtTogether(values, count, starts, self.others, self.cosines, self.lifts)

    def near(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """The products bought with this one, and their cosines, best first."""
        part = slice(self.starts[row], self.starts[row + 1])
        return self.others[part], self.cosines[part]

    def save(self, folder: Path) -> None:
        tables = {
            "values": self.values,
            "count": self.count,
            "starts": self.starts,
            "others": self.others,
            "cosines": self.cosines,
        }
        save_file({**tables, **{f"lift {i}": table for i, table in self.lifts.items()}}, folder / FILE)

    @classmethod
    def load(cls, folder: Path) -> BoughtTogether:
        """
        Raises:
            BoughtTogetherError: there are none, or the file is damaged.
        """
        try:
            tables = load_file(folder / FILE)
            lifts = {int(name.removeprefix("lift ")): t for name, t in tables.items() if name.startswith("lift ")}
            return cls(*(tables[name] for name in ("values", "count", "starts", "others", "cosines")), lifts)
        except (OSError, KeyError, ValueError, SafetensorError) as error:
            raise BoughtTogetherError(
                f"{folder / FILE} cannot be read ({error}); make it again with `shop build --only fused`"
            ) from error


def _bought(catalog: Catalog, train: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Every shopper's distinct purchases, the last ones: product rows and numbers of shoppers."""
    rows, shoppers = [], []
    for number, (_, events) in enumerate(by_user(train.filter(pl.col("action") == "purchase"))):
        own = list(dict.fromkeys(catalog.index(e.product_id) for e in reversed(events) if e.product_id in catalog))
        own = own[:MOST_OF_A_SHOPPER]
        rows += own
        shoppers += [number] * len(own)
    return np.array(rows, dtype=np.int64), np.array(shoppers, dtype=np.int64)


def _pairs(rows: np.ndarray, shoppers: np.ndarray) -> pl.DataFrame:
    """How many shoppers bought both, for every ordered pair of different products: ``a, b, n``."""
    bought = pl.DataFrame({"a": rows, "shopper": shoppers})
    both = bought.join(bought.rename({"a": "b"}), on="shopper").filter(pl.col("a") != pl.col("b"))
    return both.group_by("a", "b").agg(n=pl.len()).sort("a", "b")


def _neighbours(pairs: pl.DataFrame, count: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    cosine = pairs["n"].to_numpy() / np.sqrt(count[pairs["a"].to_numpy()] * count[pairs["b"].to_numpy()])
    ranked = pairs.with_columns(cosine=cosine.astype(np.float32)).sort(
        "a", "cosine", "b", descending=[False, True, False]
    )
    ranked = ranked.group_by("a", maintain_order=True).head(NEIGHBOURS)
    starts = np.searchsorted(ranked["a"].to_numpy(), np.arange(len(count) + 1))
    return starts, ranked["b"].to_numpy().astype(np.int32), ranked["cosine"].to_numpy()


def _lift(first: np.ndarray, second: np.ndarray, weight: np.ndarray, size: int) -> np.ndarray:
    """log of (pairs seen + s) / (pairs expected + s) for every pair of values; 0 where one of them is not known."""
    seen = np.bincount(first * size + second, weights=weight, minlength=size * size).reshape(size, size)
    of_each = seen.sum(axis=1)
    expected = np.outer(of_each, of_each) / max(1.0, of_each.sum())
    lift = np.log((seen + SMOOTHING) / (expected + SMOOTHING))
    lift[0, :] = lift[:, 0] = 0.0
    return lift.astype(np.float16)
