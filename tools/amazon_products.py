"""Products as Amazon's pages gave them, in the lines of the 2014, 2018 and 2023 review data: names, prices, attributes.

Formats: https://jmcauley.ucsd.edu/data/amazon/ (2014), https://nijianmo.github.io/amazon/ (2018) and
https://amazon-reviews-2023.github.io/ (2023).
"""

from __future__ import annotations

import ast
import html
import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shopping_assistant.tools.catalog import CATALOG_SCHEMA
from shopping_assistant.tools.cell_values import price_of
from shopping_assistant.tools.dataset_importers import AUDIENCES

PRODUCT_COLUMNS = (
    "title", "category", "brand", "color", "material", "season", "occasion", "department", "size", "price",
    "description", "image_url", "attributes",
)  # fmt: skip
TAG = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->|</?[a-zA-Z][^<>]*>", re.DOTALL | re.IGNORECASE)
# Some titles of 2018 are the page's own script; its publishers' notebook tells them by this word.
PAGE_CODE = "getTime"
NO_PRICE = ("", "none", "null", "nan", "-", "–", "—")
COLUMN_OF_DETAIL = {
    "brand": "brand", "color": "color", "colour": "color", "size": "size", "material": "material",
    "material type": "material", "fabric type": "material", "department": "department", "season": "season",
    "seasons": "season", "occasion": "occasion", "occasion type": "occasion",
}  # fmt: skip
# Numbers of packing and trade: they tell products apart and nobody asks for them.
TRADE_DETAIL = re.compile(
    r"\b(upc|ean|gtin|asin|isbn.*|item model number|model number|part number|manufacturer|.*dimensions|.*weight|"
    r".*shipping|rank|best ?sellers? rank|customer reviews|date first (available|listed).*|is discontinued.*)\b"
)
DEPARTMENTS = {
    "womens": "Women", "women": "Women", "mens": "Men", "men": "Men", "girls": "Girls", "boys": "Boys", "baby": "Baby",
    "baby-girls": "Baby girls", "baby-boys": "Baby boys", "unisex-adult": "Unisex", "unisex": "Unisex",
}  # fmt: skip


def parse_line(text: str) -> object:
    """What one line holds: JSON, or, as the metadata of 2014 is written, a Python literal, which is read and never run.

    Raises:
        ValueError: it is neither.
    """
    try:
        return json.loads(text)
    except ValueError:
        if not text.lstrip().startswith(("{'", '{"', "{u'")):
            raise
    try:
        value = ast.literal_eval(text.strip())
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
        cause = error.msg if isinstance(error, SyntaxError) else error
        raise ValueError(f"neither JSON nor a Python literal: {cause}") from error
    if isinstance(value, dict) and not all(isinstance(name, str) for name in value):
        raise ValueError("a Python literal with names that are no text")
    return value


def cell(value: object) -> str | float | None:
    """A value that JSON can write; a Python literal may be of other types."""
    return value if value is None or isinstance(value, (str, int, float)) else repr(value)


def words(text: object) -> str | None:
    """Text without tags, entities and doubled spaces; None when nothing is left of it, or it was no text.

    Entities are read twice, as in ``&amp;quot;``: some pages were escaped once more when they were stored.
    """
    if not isinstance(text, str):
        return None
    text = html.unescape(text)
    if "<" in text:
        text = TAG.sub(" ", text)
    if "&" in text:
        text = html.unescape(text)
    return " ".join(text.split()) or None


def _texts(value: object) -> Iterator[str]:
    """The texts in a value: itself, or those of its lists, however deep."""
    if isinstance(value, list):
        for part in value:
            yield from _texts(part)
    elif (text := words(value)) is not None:
        yield text


@dataclass
class MetadataReader:
    """A metadata file: every line's object becomes a product's cells; what a page left unclear is counted.

    The result of a call holds ``id_column`` and ``PRODUCT_COLUMNS``, lists and objects as JSON text. Whatever type a
    value has, it is taken or left out, nothing is raised.
    """

    id_column: str
    page_code: int = 0
    ranges: int = 0
    unreadable_prices: int = 0
    unreadable_price: str = ""  # one of them

    def __call__(self, row: dict) -> dict[str, str | float | None]:
        return {self.id_column: cell(row.get(self.id_column)), **self._cells(row)}

    def _cells(self, row: dict) -> dict[str, str | float | None]:
        path = _category_path(row.get("category") or row.get("categories"))
        columns, attributes = _details(row.get("details"))
        low, high = self._price(row.get("price"))
        section = words(row.get("main_category") or row.get("main_cat"))
        more = {
            **attributes,
            "section": section,
            "category_path": path,
            "rating": _number(row.get("average_rating")),
            "rating_count": _number(row.get("rating_number")),
            "price_to": high,
        }
        described = [*_texts(row.get("description")), *_texts(row.get("feature") or row.get("features"))]
        size = columns.get("size")
        return {
            "title": self._title(row.get("title")),
            "category": path[-1] if path else section,
            "brand": words(row.get("brand")) or columns.get("brand") or words(row.get("store")),
            **{name: columns.get(name) for name in ("color", "material", "season", "occasion")},
            "department": columns.get("department") or next((a for a in AUDIENCES if a in path), None),
            "size": json.dumps([size], ensure_ascii=False) if size else None,
            "price": low,
            "description": "\n".join(dict.fromkeys(described)) or None,
            "image_url": _image(row),
            "attributes": json.dumps({k: v for k, v in more.items() if v not in (None, [])}, ensure_ascii=False),
        }

    def _title(self, given: object) -> str | None:
        title = words(given)
        if title and PAGE_CODE in title:
            self.page_code += 1
            return None
        return title

    def _price(self, given: object) -> tuple[float | None, float | None]:
        """The price, of a range the lower end, and the upper end of a range; dollars."""
        if isinstance(given, (int, float)) and not isinstance(given, bool):
            prices = [float(given)]
        elif given is None or (isinstance(given, str) and given.strip().lower() in NO_PRICE):
            return None, None
        else:
            ends = (
                re.split(r"\s+-\s+|-(?=\s*\$)", given.strip().removeprefix("from ")) if isinstance(given, str) else []
            )
            read = [price_of(end) for end in ends]
            dollars = len(read) <= 2 and all(p and p[1] in (None, "USD") for p in read)
            prices = [amount for amount, _ in read] if dollars else []
        if not prices or not all(math.isfinite(p) and p >= 0 for p in prices):
            self.unreadable_prices += 1
            self.unreadable_price = self.unreadable_price or str(given)[:30]
            return None, None
        self.ranges += len(prices) > 1
        return min(prices), max(prices) if len(prices) > 1 else None


def _category_path(value: object) -> list[str]:
    """The names from the widest category to the narrowest. 2014 gives several paths, of which the first is taken."""
    if isinstance(value, list) and value and all(isinstance(path, list) for path in value):
        value = next((path for path in value if path), [])
    path = []
    for name in value if isinstance(value, list) else [value]:
        clean = words(name)
        if clean is None:
            break  # a piece of markup stands where the path ends and something else of the page begins
        path.append(clean)
    return list(dict.fromkeys(path))


def _details(value: object) -> tuple[dict[str, str], dict[str, str]]:
    """A page's table of details as (our columns, further attributes); some copies hold it as JSON text."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    columns: dict[str, str] = {}
    attributes: dict[str, str] = {}
    for name, given in value.items() if isinstance(value, dict) else ():
        label = (words(name) or "").rstrip(": ").lower()
        text = str(given) if type(given) in (int, float) else ", ".join(_texts(given))
        if not label or not text or TRADE_DETAIL.search(label):
            continue
        if label in COLUMN_OF_DETAIL:
            column = COLUMN_OF_DETAIL[label]
            columns.setdefault(column, DEPARTMENTS.get(text.lower(), text) if column == "department" else text)
        elif (attribute := re.sub(r"\W+", "_", label).strip("_")) not in CATALOG_SCHEMA:
            attributes[attribute] = text
    return columns, attributes


def _image(row: dict) -> str | None:
    """The first large picture. 2023 has a list of pictures, or, in some copies, a list of each size."""
    pictures = row.get("images")
    if isinstance(pictures, dict):
        return next(_addresses([pictures.get("large"), pictures.get("hi_res")]), None)
    if isinstance(pictures, list):
        first = next((p for p in pictures if isinstance(p, dict)), {})
        return next(_addresses([first.get("large"), first.get("hi_res"), first.get("thumb")]), None)
    return next(_addresses([row.get(name) for name in ("imageURLHighRes", "imageURL", "image", "imUrl")]), None)


def _addresses(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        yield from (v for v in (value if isinstance(value, list) else [value]) if isinstance(v, str) and v)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if math.isfinite(value) else None
