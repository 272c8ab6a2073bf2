"""Which attributes a catalogue states well enough to be conditions, and which only now and then."""

from __future__ import annotations

from collections import Counter
from functools import cached_property

from shopping_assistant.tools.catalog import Catalog

# Where the kinds that have an attribute leave it out this often, silence says nothing, and a wish orders only.
LEAST, LEAST_OF_TAGS = 0.6, 0.9
# Cells of several values are tags, of which a seller gives those that come to mind.
TAGS = 0.25
# Never a matter of how often it is said: what a product is, what it costs, who makes it and whom for.
_ALWAYS = ("category", "price", "brand", "department")


class Stated:
    """What is said of the products of one catalogue, attribute by attribute; worked out when first asked for."""

    def __init__(self, catalog: Catalog):
        self._catalog = catalog
        self._filters: dict[str, bool] = {}

    @cached_property
    def _kinds(self) -> list[str]:
        return [k or "" for k in self._catalog.cells("category")]

    def can_filter(self, attribute: str) -> bool:
        """Whether a product without a value may be shut out: among tags "strapless" is often just not said."""
        if attribute in _ALWAYS or attribute not in self._catalog.attribute_names:
            return True
        if attribute not in self._filters:
            cells = self._catalog.cells(attribute)
            given = [c not in (None, "", [], ()) for c in cells]
            of_kind = Counter(self._kinds)
            those = {k for k, there in zip(self._kinds, given, strict=True) if there}
            share = sum(given) / max(sum(of_kind[k] for k in those), 1)
            several = sum(isinstance(c, (list, tuple)) and len(c) > 1 for c in cells) / max(sum(given), 1)
            self._filters[attribute] = share >= (LEAST_OF_TAGS if several >= TAGS else LEAST)
        return self._filters[attribute]
