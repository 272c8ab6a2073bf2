"""Which products are one thing to a shopper: the colours of a style, and sizes that a catalogue lists one by one."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from weakref import WeakKeyDictionary

from shopping_assistant.assistant.language.degree_words import HUES, LIGHTNESS, SHADES
from shopping_assistant.tools.catalog import Catalog, Product

# Attributes that name a style in catalogues that have one: the demo shop's, H&M's.
_NAMED_BY = ("style", "product_code")
# A style comes in so many colours and sizes at most; an attribute shared by more on average is a look ("casual").
_MOST_OF_A_STYLE = 24
# Two colours of one style cost about the same; what costs more is another product of the same plain title.
_PRICE_APART = 1.3
_COLOR_WORDS = frozenset({*LIGHTNESS, *SHADES, *(word for hue in HUES for word in hue), "multi", "multicolor"})
_LETTER_SIZES = frozenset("xxs xs s m l xl xxl xxxl 2xl 3xl 4xl small medium large".split())
_SIZE_AT_END = re.compile(
    r"(?:[,(/–-]|\b(?:size|eu|uk|us|w))\s*\d{1,3}(?:[.,]5)?\s*(?:eu|uk|us)?\)?\s*$", re.IGNORECASE
)
_WORD = re.compile(r"[^\W_]+")
_OF_CATALOG: WeakKeyDictionary[Catalog, Styles] = WeakKeyDictionary()


def styles_of(catalog: Catalog) -> Styles:
    """The styles of a catalogue, read once."""
    if catalog not in _OF_CATALOG:
        _OF_CATALOG[catalog] = Styles(catalog)
    return _OF_CATALOG[catalog]


class Styles:
    """Groups of products of one style: by an attribute that names it, else by the title without colours and sizes."""

    def __init__(self, catalog: Catalog):
        self._catalog = catalog
        self._named_by = next((a for a in _NAMED_BY if self._names_styles(a)), None)
        self._rows: dict[tuple, list[int]] = {}
        if self._named_by is None:
            for row, title in enumerate(catalog.titles):
                self._rows.setdefault(_key(title), []).append(row)

    def _names_styles(self, attribute: str) -> bool:
        values = self._catalog.values(attribute)
        return bool(values) and sum(values.values()) <= _MOST_OF_A_STYLE / 2 * len(values)

    def key(self, product: Product) -> Hashable:
        """The same for all products of one style."""
        return product.get(self._named_by) if self._named_by else (_key(product.title), product.brand)

    def others(self, product: Product) -> tuple[list[str], list[str]]:
        """Products of the same style: in other colours, one of each, and in the same one (sizes, doubles).

        Those that were removed from the shop are left out; of a colour that is listed several times the one that can
        be bought stands for it.
        """
        rows = self._style_rows(product)
        alike = [self._catalog.at(r) for r in rows if self._catalog.listed[r]]
        alike = [p for p in alike if p.product_id != product.product_id and _same_maker(p, product)]
        own = color_of(product)
        same = [p.product_id for p in alike if (color_of(p), p.material) == (own, product.material)]
        colors: dict[str, Product] = {}
        for p in sorted(alike, key=lambda p: not p.available):
            if own and color_of(p) and color_of(p) != own and (self._named_by or _about_the_price(p, product)):
                colors.setdefault(color_of(p), p)
        return [p.product_id for p in sorted(colors.values(), key=lambda p: not p.available)], same

    def _style_rows(self, product: Product) -> Sequence[int]:
        if self._named_by is None:
            rows = self._rows.get(_key(product.title), [])
        else:
            style = product.get(self._named_by)
            rows = self._catalog.rows_with(self._named_by, style).tolist() if isinstance(style, str) else []
        return rows[: _MOST_OF_A_STYLE * 2] if self._named_by else (rows if len(rows) <= _MOST_OF_A_STYLE else [])


def color_of(product: Product) -> str:
    """Its colour in lower case: the cell, else the colour words of the title; "" where neither says."""
    if product.color:
        return product.color.strip().lower()
    return " ".join(w for w in _words(product.title) if w in _COLOR_WORDS)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _key(title: str) -> tuple:
    """A title without colours, sizes and what follows " in " ("… in White Leather")."""
    head = title.split(" in ")[0]
    words = _words(_SIZE_AT_END.sub("", head))
    return tuple(w for w in words if w not in _COLOR_WORDS and w not in _LETTER_SIZES)


def _same_maker(a: Product, b: Product) -> bool:
    return (a.brand, a.category, a.department) == (b.brand, b.category, b.department)


def _about_the_price(a: Product, b: Product) -> bool:
    return not a.price or not b.price or max(a.price, b.price) <= _PRICE_APART * min(a.price, b.price)
