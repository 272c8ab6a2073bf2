"""What a simulated shopper wants: a few values of the product bought in a logged session, never the product itself.

A `Wish` is all the words are made from. It holds attribute values that several products share, a price idea and
values that are not wanted; there is no field in which an id or a title could travel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopping_assistant.eval.broken_constraints import cell_values
from shopping_assistant.tools.catalog import FILTERABLE_COLUMNS, Catalog, Product
from shopping_assistant.tools.errors import ShopError

# A value that fewer products have could tell which product is meant.
SHARED_BY = 5
# An attribute of more values than this, or than a tenth of the products, names product lines and dates, not what a
# shopper could ask for.
MOST_VALUES, MOST_SHARE = 60, 0.1
# What nobody asks for by this name.
UNSPOKEN = frozenset({"solid", "plain", "other", "others", "unknown", "undefined", "none", "n/a", "one size", "multi"})
UNISEX = "unisex"
# Budgets people name.
ROUND = (10, 15, 20, 25, 30, 40, 50, 60, 70, 80, 100, 120, 150, 180, 200, 250, 300, 350, 400, 500, 600, 800, 1000)
MUST_SHARE = 0.5  # of the wishes beside the category; the rest is nice to have
PRICE_SHARE, PRICE_MUST_SHARE = 0.5, 0.7
SIZE_SHARE, DEPARTMENT_SHARE = 0.3, 0.4
# How many values beside the category a shopper cares about, and how many they do not want.
CARES = ((3, 0.3), (4, 0.4), (5, 0.3))
UNWANTED = ((0, 0.3), (1, 0.5), (2, 0.2))
# People name a colour or material more readily than a neckline.
WEIGHT = {"color": 4.0, "material": 2.5, "brand": 1.2, "occasion": 1.5, "pattern": 1.5, "season": 0.6}


class WishError(ShopError):
    """A catalogue or product that no wish can be made of."""


@dataclass(frozen=True)
class Trait:
    """One value of one attribute, lower case. A ``must`` is insisted on; otherwise it is nice to have."""

    attribute: str
    value: str
    must: bool = True


@dataclass(frozen=True)
class Wish:
    """What a shopper is after. ``traits`` starts with the category where the catalogue has any."""

    traits: tuple[Trait, ...]
    unwanted: tuple[Trait, ...] = ()
    price: float | None = None
    price_must: bool = False

    @property
    def musts(self) -> int:
        """How many conditions are insisted on, the price and what is not wanted among them."""
        return sum(t.must for t in self.traits) + len(self.unwanted) + bool(self.price is not None and self.price_must)

    def of(self, attribute: str) -> tuple[Trait, ...]:
        return tuple(t for t in self.traits if t.attribute == attribute)

    def as_dict(self) -> dict:
        return {
            "traits": [[t.attribute, t.value, "must" if t.must else "nice"] for t in self.traits],
            "unwanted": [[t.attribute, t.value] for t in self.unwanted],
            "price": self.price,
            "price_must": self.price_must,
        }

    @classmethod
    def from_dict(cls, given: dict) -> Wish:
        return cls(
            tuple(Trait(a, v, strength == "must") for a, v, strength in given["traits"]),
            tuple(Trait(a, v) for a, v in given["unwanted"]),
            given["price"],
            given["price_must"],
        )


def has(product: Product, trait: Trait) -> bool:
    values = cell_values(product, trait.attribute)
    return trait.value in values or (trait.attribute == "department" and UNISEX in values)


def meets_musts(product: Product, wish: Wish) -> bool:
    """Whether a shopper with this wish could live with the product: nothing they insist on is missing."""
    too_dear = wish.price_must and wish.price is not None and (product.price is None or product.price > wish.price)
    return (
        product.available is not False
        and not too_dear
        and all(has(product, t) for t in wish.traits if t.must)
        and not any(has(product, t) for t in wish.unwanted)
    )


def meets_all(product: Product, wish: Wish) -> bool:
    """Whether it is all the shopper hoped for, the price idea included."""
    dear = wish.price is not None and (product.price is None or product.price > wish.price)
    return meets_musts(product, wish) and not dear and all(has(product, t) for t in wish.traits)


class Wishes:
    """Makes wishes from one catalogue's products.

    Raises:
        WishError: the catalogue has no value that `SHARED_BY` products share.
    """

    def __init__(self, catalog: Catalog):
        self.catalog = catalog
        self.shared = {a: self._shared_values(a) for a in catalog.attribute_names if self._is_spoken_of(a)}
        self.shared = {a: values for a, values in self.shared.items() if values}
        if not self.shared:
            raise WishError(
                f"no attribute of this catalogue of {len(catalog)} products has a value that {SHARED_BY} products "
                "share; a simulated shopper has nothing to ask for"
            )

    def _is_spoken_of(self, attribute: str) -> bool:
        if attribute == "price" or self.catalog.is_numeric(attribute):
            return False
        if attribute in FILTERABLE_COLUMNS:
            return True
        if len(self.catalog.values(attribute)) > min(MOST_VALUES, MOST_SHARE * len(self.catalog)):
            return False
        # What the category settles ("footwear") is no wish beside it.
        of_category: dict[object, set[object]] = {}
        for category, cell in zip(self.catalog.cells("category"), self.catalog.cells(attribute), strict=True):
            if cell is not None:
                of_category.setdefault(category, set()).add(cell)
        return any(len(cells) > 1 for category, cells in of_category.items() if category is not None)

    def _shared_values(self, attribute: str) -> frozenset[str]:
        figures = attribute == "size"
        return frozenset(
            value for value, n in self.catalog.values(attribute).items()
            if n >= SHARED_BY and "," not in value and value not in UNSPOKEN
            and (figures or not any(c.isdigit() for c in value))
        )  # fmt: skip

    def of(self, product: Product, rng: np.random.Generator) -> Wish:
        """A wish that this product fulfils.

        Raises:
            WishError: the product shares no value with `SHARED_BY` others.
        """
        values = {a: sorted(cell_values(product, a) & shared) for a, shared in self.shared.items()}
        values = {a: v for a, v in values.items() if v}
        if not values:
            raise WishError(f"product {product.product_id!r} shares no value with {SHARED_BY} others; leave it out")
        traits = [Trait("category", _one(rng, values.pop("category")))] if "category" in values else []
        if UNISEX in values.get("department", ()) or rng.random() >= DEPARTMENT_SHARE:
            values.pop("department", None)
        if rng.random() >= SIZE_SHARE:
            values.pop("size", None)
        for attribute in _some(rng, [a for a in values if a not in ("department", "size")], _drawn(rng, CARES)):
            traits.append(Trait(attribute, _one(rng, values[attribute]), bool(rng.random() < MUST_SHARE)))
        # Who it is for and which size it must be is no matter of taste.
        traits += [Trait(a, _one(rng, values[a])) for a in ("department", "size") if a in values]
        price, price_must = None, False
        if product.price is not None and rng.random() < PRICE_SHARE:
            least = product.price * (1 + 0.3 * rng.random())
            price = float(next((r for r in ROUND if r >= least), np.ceil(least / 100) * 100))
            price_must = bool(rng.random() < PRICE_MUST_SHARE)
        return Wish(tuple(traits), self._unwanted(product, traits, rng), price, price_must)

    def _unwanted(self, product: Product, traits: list[Trait], rng: np.random.Generator) -> tuple[Trait, ...]:
        """Values that products of this kind have and the target does not, of attributes it is not chosen by."""
        chosen = {t.attribute for t in traits}
        kin = self.catalog.rows_with("category", product.category or "")
        found: dict[tuple[str, str], int] = {}
        for attribute in ("color", "material", "pattern", "brand"):
            if attribute in chosen or attribute not in self.shared:
                continue
            cells = self.catalog.cells(attribute)
            # Who looks for denim jackets does not ask for them without denim.
            own = cell_values(product, attribute) | cell_values(product, "category")
            for row in kin:
                value = str(cells[row] or "").strip().lower()
                if value in self.shared[attribute] and not _alike(value, own):
                    found[attribute, value] = found.get((attribute, value), 0) + 1
        if not found:
            return ()
        keys = sorted(found)
        weights = np.array([found[k] for k in keys], dtype=np.float64)
        many = min(_drawn(rng, UNWANTED), len(keys))
        chosen_keys = rng.choice(len(keys), size=many, replace=False, p=weights / weights.sum())
        return tuple(Trait(*keys[i]) for i in chosen_keys)


def _alike(value: str, others: frozenset[str]) -> bool:
    """Whether one name stands in another: whoever does not want wool cannot want merino wool."""
    words = set(value.split())
    return any(words & set(o.split()) for o in others)


def _one(rng: np.random.Generator, values: list[str]) -> str:
    return values[int(rng.integers(len(values)))]


def _some(rng: np.random.Generator, attributes: list[str], many: int) -> list[str]:
    weights = np.array([WEIGHT.get(a, 1.0) for a in attributes])
    many = min(many, len(attributes))
    return (
        [attributes[i] for i in rng.choice(len(attributes), size=many, replace=False, p=weights / weights.sum())]
        if many
        else []
    )


def _drawn(rng: np.random.Generator, shares: tuple[tuple[int, float], ...]) -> int:
    numbers, weights = zip(*shares, strict=True)
    return int(rng.choice(numbers, p=weights))
