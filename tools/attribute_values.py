"""The attributes that group a catalogue's products, as numbers: each value of each attribute has one."""

from __future__ import annotations

import re

import numpy as np

from shopping_assistant.tools.catalog import Catalog

# An attribute with fewer values says nothing, one with more is a description.
LEAST_VALUES, MOST_VALUES = 2, 60_000
# Made of the title: many catalogues name the brand first, and say a product's colour and size in its title only.
OPENING, STEM = "title's opening", "title's stem"
NUMBER = re.compile(r"\d+")


class AttributeValues:
    """The values of a catalogue's attributes as numbers; 0 is a value that is not given or not known.

    Args:
        values: attribute → its known values, in the order of their numbers from 1.
    """

    def __init__(self, values: dict[str, list[str]]):
        self.values = values
        self._numbers = {name: {v: i for i, v in enumerate(known, 1)} for name, known in values.items()}

    @classmethod
    def learn(cls, catalog: Catalog) -> AttributeValues:
        """The attributes of a catalogue that group its products: text with values that two products or more share."""
        kept = {}
        for name in (*catalog.attribute_names, OPENING, STEM):
            if name in ("size", "available") or catalog.is_numeric(name):
                continue
            count: dict[str, int] = {}
            for value in _texts(catalog, name):
                if value:
                    count[value] = count.get(value, 0) + 1
            shared = sorted(v for v, c in count.items() if c > 1)
            if LEAST_VALUES <= len(shared) <= MOST_VALUES:
                kept[name] = shared
        return cls(kept)

    def numbers(self, catalog: Catalog, first: int = 0) -> np.ndarray:
        """Every product's values from row ``first`` on, ``(n - first, attributes)`` int64."""
        columns = []
        for name, known in self._numbers.items():
            columns.append([known.get(v, 0) for v in _texts(catalog, name, first)])
        rows = len(catalog) - first
        # In the order of its rows: safetensors writes an array's memory as it lies.
        return np.ascontiguousarray(np.array(columns, dtype=np.int64).reshape(len(columns), rows).T)

    @property
    def sizes(self) -> list[int]:
        return [len(v) + 1 for v in self.values.values()]


def _texts(catalog: Catalog, name: str, first: int = 0) -> list[str]:
    """One attribute of every product from a row on, as one lower-cased text; empty where it is not given."""
    if name in (OPENING, STEM):
        colors = catalog.cells("color")[first:]
        return [
            (title_opening if name == OPENING else title_stem)(t, c)
            for t, c in zip(catalog.titles[first:], colors, strict=True)
        ]
    cells = catalog.cells(name)[first:]
    return [
        "" if c is None else ", ".join(map(str, c)).lower() if isinstance(c, tuple | list) else str(c).lower()
        for c in cells
    ]


def title_opening(title: str, color: str | None) -> str:
    return title.split()[0].lower() if title.split() else ""


def title_stem(title: str, color: str | None) -> str:
    """The title without numbers and colour: what the sizes and colours of one product have in common."""
    said = set((color or "").lower().split())
    return " ".join(w for w in NUMBER.sub("", title.lower()).split() if w.strip(",.()") not in said)
