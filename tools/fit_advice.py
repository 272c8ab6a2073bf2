"""Which size to take, how sure that is, and what answers it rests on: counts are the shop's own, never estimates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.fit import LARGE, RIGHT, SMALL, FitModel, Shopper, Worn
from shopping_assistant.tools.fit_feedback import FITS, MEASURES
from shopping_assistant.tools.size_scale import size_mark
from shopping_assistant.tools.store import Store

# How near another body must be to count as "about yours", measure by measure.
ABOUT = {"height_cm": 4.0, "weight_kg": 4.0, "bust_cm": 4.0, "waist_cm": 4.0, "hips_cm": 4.0, "age": np.inf}
FEWEST_ALIKE = 3  # answers of such bodies; two people agree too easily
# Answers that the model's expectation counts as beside theirs. On shoppers kept out 4 to infinity found the size that
# fitted equally often (0.44); with this many the advice and the answers told beside it seldom contradict each other.
EXPECTED = 8.0
FEWEST_OF_PRODUCT = 8  # answers, below which its kind says more than it does
# A product runs small when those who say so outnumber the others by more than chance would (1.64: one in twenty), and
# are common enough that a shopper should know.
CHANCE, COMMON = 1.64, 0.15
WORN_KEPT = 20  # of a shopper's own answers, the latest


def _growing(chances: np.ndarray, sizes: Sequence[str], weights: np.ndarray) -> np.ndarray:
    """``(n, 3)`` made so that on each scale a larger size is never likelier small, nor a smaller one likelier large.

    People who take a size choose it with more in mind than they tell, so that the plain chances of sizes that this
    shopper would hardly take can run the wrong way; the likeliest sizes weigh most in the correction.
    """
    from scipy.optimize import isotonic_regression

    out = chances.copy()
    marks = [size_mark(s) for s in sizes]
    for scale in {m.scale for m in marks if m}:
        rows = [i for i, m in enumerate(marks) if m and m.scale == scale and np.isfinite(chances[i]).all()]
        rows.sort(key=lambda i: marks[i].number)
        if len(rows) > 1:
            weight = weights[rows] + 1e-3
            for column, increasing in ((SMALL, False), (LARGE, True)):
                out[rows, column] = isotonic_regression(chances[rows, column], weights=weight, increasing=increasing).x
    out[:, RIGHT] = 1 - out[:, SMALL] - out[:, LARGE]
    return out


@dataclass(frozen=True)
class Counts:
    """How many said what."""

    small: int = 0
    fit: int = 0
    large: int = 0

    @property
    def all(self) -> int:
        return self.small + self.fit + self.large

    @property
    def runs(self) -> str:
        """small, large, true, or nothing when too few told."""
        if self.all < FEWEST_OF_PRODUCT:
            return ""
        beyond = CHANCE * float(np.sqrt(self.small + self.large))
        if self.small - self.large > beyond and self.small >= COMMON * self.all:
            return "small"
        if self.large - self.small > beyond and self.large >= COMMON * self.all:
            return "large"
        return "true"


@dataclass(frozen=True)
class SizeChance:
    """One size on this shopper: chances of small, fit and large, and how likely it is the one they take."""

    size: str
    small: float
    fit: float
    large: float
    taken: float


@dataclass(frozen=True)
class Advice:
    """What can be said of a product's size.

    Attributes:
        size: the one to take; None where nothing is known that tells.
        chances: of each size that the feedback knows, in the catalogue's order.
        of_product, of_kind: answers on this product, and on its category.
        alike: answers "fits" of people about this body on this product, by size.
        alike_all: all answers of such people on this product.
        rests_on: what the advice for this shopper goes by: measures, worn sizes.
    """

    product_id: str
    size: str | None
    chances: tuple[SizeChance, ...] = ()
    of_product: Counts = field(default_factory=Counts)
    of_kind: Counts = field(default_factory=Counts)
    alike: tuple[tuple[str, int], ...] = ()
    alike_all: int = 0
    rests_on: tuple[str, ...] = ()

    def chance(self, size: str) -> SizeChance | None:
        return next((c for c in self.chances if c.size.lower() == size.lower()), None)


class SizeAdvisor:
    """A shop's fit model beside the answers it was learned from."""

    def __init__(self, model: FitModel, feedback: pl.DataFrame, catalog: Catalog):
        self.model = model
        self.feedback, self.catalog = feedback, catalog
        products, rows = np.unique(feedback["product_id"].to_numpy(), return_inverse=True)
        self._product = {p: i for i, p in enumerate(products.tolist())}
        self._order = np.argsort(rows, kind="stable")
        self._from = np.searchsorted(rows[self._order], np.arange(len(products) + 1))
        self._fit = feedback["fit"].replace_strict(list(FITS), range(3), return_dtype=pl.Int8).to_numpy()
        self._size = feedback["size"].to_list()
        self._body = feedback.select(MEASURES).to_numpy()
        categories = [c.lower() if c else "" for c in catalog.cells("category")]
        of_row = np.array([categories[catalog.index(p)] for p in products.tolist()])[rows] if len(products) else []
        self._kinds = {
            str(kind): Counts(*np.bincount(self._fit[of_row == kind], minlength=3).tolist())
            for kind in np.unique(of_row)
        }

    @classmethod
    def open(cls, store: Store) -> SizeAdvisor:
        """The advisor of a store that has feedback and the model ``fit``.

        Raises:
            FitError: the model cannot be read.
        """
        catalog, feedback = store.catalog(), store.fit_feedback()
        # Answers on a product that an import since then no longer has say nothing of what is sold.
        known = feedback.filter(pl.col("product_id").is_in(pl.Series(catalog.ids).implode()))
        return cls(FitModel.open(store), known, catalog)

    def worn_by(self, user_id: str) -> tuple[Worn, ...]:
        """A shopper's own answers, oldest first."""
        own = self.feedback.filter(pl.col("user_id") == user_id).sort("timestamp", nulls_last=False).tail(WORN_KEPT)
        return tuple(Worn(size, fit) for size, fit in own.select("size", "fit").rows())

    def advise(self, product: Product, shopper: Shopper, sizes: Sequence[str] | None = None) -> Advice:
        """The size of a product for a shopper.

        The best is the one that is likeliest to be taken by such a shopper *and* to fit: people choose sizes with more
        in mind than they tell, so the chance of a fit far from what their like take is not to be trusted.

        Args:
            sizes: those to choose from; all of the product's by default.
        """
        sizes = [s for s in (sizes if sizes is not None else product.size) if size_mark(s)]
        rows = self._rows(product.product_id)
        of_product = Counts(*np.bincount(self._fit[rows], minlength=3).tolist())
        of_kind = self._kinds.get((product.category or "").lower(), Counts())
        alike, alike_all = self._alike(rows, shopper)
        if not of_kind.all and not of_product.all:
            return Advice(product.product_id, None)
        chances = self.model.probabilities(product.product_id, product.category, sizes, shopper)
        taken = self.model.worn_sizes(product.product_id, product.category, sizes, shopper)
        known = np.isfinite(chances[:, RIGHT]) if len(sizes) else np.zeros(0, dtype=bool)
        chances = _growing(chances, sizes, taken)
        if taken.any() and alike:
            # What people of about this body took in this very product, against what the model expects of anybody's.
            counted = np.array([dict(alike).get(s, 0) for s in sizes], dtype=np.float64)
            taken = (EXPECTED * taken + counted) / (EXPECTED + counted.sum())
        told = tuple(
            SizeChance(s, *(round(float(chances[i, c]), 3) for c in (SMALL, RIGHT, LARGE)), round(float(taken[i]), 3))
            for i, s in enumerate(sizes) if known[i]
        )  # fmt: skip
        best = None
        if taken.any():
            best = sizes[int(np.argmax(np.where(known, taken * np.nan_to_num(chances[:, RIGHT]), -1)))]
        return Advice(
            product.product_id, best, told, of_product, of_kind, alike, alike_all,
            (*(m for m in MEASURES if m in shopper.measures), *(["worn"] if shopper.worn else [])),
        )  # fmt: skip

    def _rows(self, product_id: str) -> np.ndarray:
        at = self._product.get(product_id)
        return self._order[:0] if at is None else self._order[self._from[at] : self._from[at + 1]]

    def _alike(self, rows: np.ndarray, shopper: Shopper) -> tuple[tuple[tuple[str, int], ...], int]:
        """Sizes that people about this body said fit, most named first; and how many such people answered."""
        compared = [i for i, m in enumerate(MEASURES) if m in shopper.measures and np.isfinite(ABOUT[m])]
        if not compared or not len(rows):
            return (), 0
        bodies, mine = self._body[rows][:, compared], shopper.body[compared]
        near = np.abs(bodies - mine) <= [ABOUT[MEASURES[i]] for i in compared]
        some = rows[near.all(axis=1)]
        if len(some) < FEWEST_ALIKE:
            return (), len(some)
        counted: dict[str, int] = {}
        for row in some[self._fit[some] == RIGHT].tolist():
            counted[self._size[row]] = counted.get(self._size[row], 0) + 1
        return tuple(sorted(counted.items(), key=lambda item: (-item[1], item[0]))), len(some)
