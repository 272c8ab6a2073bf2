"""Whether a product breaks what a shopper said, read from the product's own cells.

The assistant filters by `attribute_filter.mask` over columns. Here each product is read by itself, so that a fault in
the columns is not repeated in its own check.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from shopping_assistant.tools.attribute_filter import Constraint
from shopping_assistant.tools.catalog import Catalog, Product

TEXT = "text"  # a wish about words of the title and description; see `assistant.wishes`


def cell_values(product: Product, attribute: str) -> frozenset[str]:
    """The lower-cased values of one cell; of "Black, White" the whole and its parts."""
    cell = product.get(attribute)
    if cell is None or isinstance(cell, bool):
        return frozenset()
    if isinstance(cell, (int, float)):
        return frozenset({f"{cell:g}"})
    wholes = [cell] if isinstance(cell, str) else list(cell)
    parts = [p for whole in wholes for p in (whole, *(whole.split(",") if isinstance(cell, str) else ()))]
    return frozenset(p.strip().lower() for p in parts if p.strip())


def breaks(product: Product, c: Constraint) -> bool:
    """Whether ``product`` does not meet ``c``. What the catalogue does not say meets an exclusion and no wish."""
    if c.op in ("<=", ">="):
        number = product.get(c.attribute)
        if not isinstance(number, (int, float)) or isinstance(number, bool):
            return True
        return number > c.values[0] if c.op == "<=" else number < c.values[0]
    if c.attribute == TEXT:
        text = f"{product.title} {product.description or ''}".lower()
        has = any(re.search(rf"\b{re.escape(str(v).lower())}(?:s|es)?\b", text) for v in c.values)
    else:
        wanted = {str(v).strip().lower() if isinstance(v, str) else f"{v:g}" for v in c.values}
        has = bool(wanted & cell_values(product, c.attribute))
    return has if c.is_exclusion else not has


def first_broken(
    catalog: Catalog, products: Sequence[str], stated: Iterable[dict], relaxed: Iterable[dict] = ()
) -> tuple[str, Constraint] | None:
    """The first shown product that breaks a stated constraint, with that constraint; None when all are held.

    Args:
        stated: constraints as a turn object has them.
        relaxed: those the turn says it set aside for this answer. An exclusion is held all the same.
    """
    aside = [Constraint.from_dict(c) for c in relaxed]
    aside = [(c.attribute, c.op, c.values) for c in aside if not c.is_exclusion]
    held = [Constraint.from_dict(c) for c in stated]
    held = [c for c in held if (c.attribute, c.op, c.values) not in aside]
    for product_id in products:
        product = catalog.product(product_id)
        for c in held:
            if breaks(product, c):
                return product_id, c
    return None
