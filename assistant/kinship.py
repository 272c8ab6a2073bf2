"""How alike two products are to somebody who likes one of them, or does not."""

from __future__ import annotations

import numpy as np

from shopping_assistant.assistant.language.vocabulary import Vocabulary
from shopping_assistant.tools.catalog import Catalog, split_values

# Two dear coats are not alike for what they cost, nor for coming in the same sizes.
_NO_LIKENESS = frozenset({"price", "size", "department"})
# What nearly nobody else has tells two of them apart from all others, but it is one thing they share, not many.
MOST_TELLING = 5.0


class Kinship:
    """Likeness among one shop's products: values they share, the rarer the more, and titles.

    Args:
        vectors: unit title vectors ``(n, d)``, None where there are none.
    """

    def __init__(self, catalog: Catalog, vocabulary: Vocabulary, vectors: np.ndarray | None):
        self._catalog, self._vocabulary, self._vectors = catalog, vocabulary, vectors
        self._attributes = [
            a for a in catalog.attribute_names if a not in _NO_LIKENESS and not catalog.is_numeric(a)
        ]  # fmt: skip

    def of(self, product_id: str, mask: np.ndarray | None = None) -> np.ndarray:
        """How much each product is like this one, ``(n,)`` float32 in [-1, 1], 0 on the average of its kind.

        What all products of ``mask`` share makes none of them more alike; another kind of thing is neither like nor
        unlike: who does not want a red dress has said nothing about red shoes.

        Args:
            mask: the products that are compared ``(n,)``.
        """
        catalog, product = self._catalog, self._catalog.product(product_id)
        among = np.ones(len(catalog), dtype=bool) if mask is None else mask.copy()
        if product.category:
            kind = np.zeros(len(catalog), dtype=bool)
            for category in self._vocabulary.same_place(product.category.lower()):
                kind[catalog.rows_with("category", category)] = True
            among &= kind
        likeness = np.zeros(len(catalog), dtype=np.float32)
        if not among.any():
            return likeness
        of_values = self._shared_values(catalog.index(product_id), among)
        parts = [of_values] if of_values is not None else []
        if self._vectors is not None:
            parts.append(self._vectors[among] @ self._vectors[catalog.index(product_id)])
        for part in parts:
            likeness[among] += (part - part.mean()) / len(parts)
        return likeness

    def _shared_values(self, row: int, among: np.ndarray) -> np.ndarray | None:
        """The share of a product's telling values that each of ``among`` has, None where it has none."""
        catalog, many = self._catalog, int(among.sum())
        shared, most = np.zeros(len(catalog), dtype=np.float32), 0.0
        for attribute in self._attributes:
            cell = catalog.cells(attribute)[row]
            for value in split_values(cell) if not isinstance(cell, (bool, int, float)) else ():
                rows = catalog.rows_with(attribute, value)
                rows = rows[among[rows]]
                if not len(rows):
                    continue
                telling = min(float(np.log(many / len(rows))), MOST_TELLING)
                shared[rows] += telling
                most += telling
        return shared[among] / most if most > 0 else None
