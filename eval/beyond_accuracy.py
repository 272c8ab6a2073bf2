"""What a ranked list is like beyond holding the target: how novel, how varied, and how much of the shop is shown.

No model is needed: novelty comes from the training log, diversity from the catalogue's attributes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl

from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.errors import ShopError

# What makes two products look different to a shopper. Identifiers (product codes, launch days) differ for any two, and
# sizes say what is in stock, so neither is counted.
ATTRIBUTES = ("category", "brand", "color", "material", "pattern", "season", "occasion", "department")
PRICE_BANDS = 5  # of equally many products: very cheap, cheap, middling, dear, very dear


class BeyondAccuracyError(ShopError):
    """Figures of lists that cannot be computed."""


class BeyondAccuracy:
    """Novelty and diversity of ranked lists.

    *Novelty* is the mean self-information -log2 p(i) of the products in a list (Zhou et al. 2010; the "free discovery"
    novelty of Vargas and Castells 2011), p(i) being product i's share of all clicks and purchases in training. A
    product never met there counts as met once. In bits: 0 for a product that is all that shoppers ever touched, log2 of
    the number of clicks and purchases at most.

    *Diversity* is the mean distance of all pairs in a list (Smyth and McClave 2001; Ziegler et al. 2005). Two products'
    distance is the share of the attributes known of both in which they differ (Gower 1971 with nominal attributes):
    `ATTRIBUTES`, and the fifth of the shop's prices each price falls into. Values are compared whole, whatever their
    case; an attribute with one value in the whole catalogue is not counted; a pair that shares no known attribute is
    left out.

    Args:
        train: the training log; only products of the catalogue count.
        k: how many places of a list are looked at.

    Raises:
        BeyondAccuracyError: ``k`` is below 1.
    """

    def __init__(self, catalog: Catalog, train: pl.DataFrame | pl.LazyFrame, k: int = 10):
        if k < 1:
            raise BeyondAccuracyError(f"k {k}: expected how many places of a list to look at, at least 1")
        self.k = k
        self._information = _self_information(catalog, train)
        self._codes = _attribute_codes(catalog)
        self._pairs = {n: np.triu_indices(n, 1) for n in range(2, k + 1)}

    def of_list(self, rows: np.ndarray) -> dict[str, float]:
        """One list's figures; tens of microseconds.

        Args:
            rows: product rows, best first; those behind place ``k`` do not count.

        Returns:
            ``{"novelty@k", "diversity@k"}``, without what is not defined: nothing for an empty list, no diversity for
            a single product or where no two products share a known attribute, no novelty without a training log.
        """
        rows = np.asarray(rows, dtype=np.int64)[: self.k]
        if not len(rows):
            return {}
        found = {}
        if self._information is not None:
            found[f"novelty@{self.k}"] = float(self._information[rows].mean())
        if len(rows) > 1 and self._codes.shape[1]:
            codes = self._codes[rows]
            first, second = self._pairs[len(rows)]
            one, other = codes[first], codes[second]
            known = (one >= 0) & (other >= 0)
            shared = known.sum(axis=1)
            differing = (known & (one != other)).sum(axis=1)
            told = shared > 0
            if told.any():
                found[f"diversity@{self.k}"] = float((differing[told] / shared[told]).mean())
        return found


def coverage(tops: Iterable[Sequence[str]], products: int, k: int) -> float:
    """Share of the candidate products that stand in somebody's first ``k`` ("catalogue coverage", Ge et al. 2010;
    "aggregate diversity", Adomavicius and Kwon 2012).

    Args:
        tops: product ids of each list, best first; only the first ``k`` count.
        products: how many candidate products there are.

    Raises:
        BeyondAccuracyError: there are no candidates, or more products were recommended than there are.
    """
    return covered({p for top in tops for p in top[:k]}, products)


def covered(recommended: set[str], products: int) -> float:
    """`coverage` of products that were gathered already."""
    if products < 1 or len(recommended) > products:
        raise BeyondAccuracyError(
            f"coverage of {len(recommended)} recommended products among {products} candidates: expected at least one "
            "candidate and no more products than that; give the number of candidates the lists were ranked among"
        )
    return len(recommended) / products


def _self_information(catalog: Catalog, train: pl.DataFrame | pl.LazyFrame) -> np.ndarray | None:
    """``(n,)`` float64 bits, None where the log holds no click on or purchase of a product of the catalogue."""
    touched = train.lazy().filter(pl.col("action").is_in(("click", "purchase")), pl.col("product_id").is_not_null())
    met = touched.group_by("product_id").len().collect(engine="streaming")
    counts = np.zeros(len(catalog))
    for product, count in met.iter_rows():
        if product in catalog:
            counts[catalog.index(product)] = count
    return np.log2(counts.sum()) - np.log2(np.maximum(counts, 1)) if counts.any() else None


def _attribute_codes(catalog: Catalog) -> np.ndarray:
    """``(n, attributes)`` int32: a number for each distinct value of each attribute, -1 where it is not known."""
    columns = []
    for name in ATTRIBUTES:
        cells = (" ".join(c).lower() if isinstance(c, tuple) else str(c or "").lower() for c in catalog.cells(name))
        numbers: dict[str, int] = {"": -1}
        columns.append([numbers.setdefault(cell.strip(), len(numbers) - 1) for cell in cells])
    prices = catalog.numbers("price")
    known = ~np.isnan(prices)
    bands = np.full(len(prices), -1)
    if known.any():
        inner = np.quantile(prices[known], np.arange(1, PRICE_BANDS) / PRICE_BANDS)
        bands[known] = np.searchsorted(inner, prices[known], side="left")
    codes = np.array([*columns, bands], dtype=np.int32).T.reshape(len(catalog), len(ATTRIBUTES) + 1)
    telling = [column for column in codes.T if len(np.unique(column[column >= 0])) > 1]
    return np.array(telling, dtype=np.int32).T.reshape(len(catalog), len(telling))
