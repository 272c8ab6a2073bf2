"""Products of one shop: ids, titles and filterable attributes, as columns."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from shopping_assistant.tools.errors import ShopError

AttributeValue = str | float | tuple[str, ...]

# The product object of every JSON answer always has these.
ALWAYS_SHOWN = (
    "product_id", "title", "brand", "category", "color", "material", "size", "price", "currency", "available",
)  # fmt: skip
TEXT_COLUMNS = (
    "product_id", "title", "category", "brand", "color", "currency", "material", "season", "occasion", "department",
    "description", "image_url",
)  # fmt: skip
FILTERABLE_COLUMNS = ("category", "brand", "color", "size", "price", "material", "season", "occasion", "department")
CATALOG_SCHEMA = {
    **{name: pl.String for name in TEXT_COLUMNS},
    "size": pl.List(pl.String),
    "price": pl.Float64,
    "available": pl.Boolean,
    "attributes": pl.String,  # a JSON object: catalogues differ in what they have beyond the columns
}


class CatalogError(ShopError):
    """A catalogue, or a request to it, that cannot be honoured."""


@dataclass(frozen=True)
class Product:
    """One product. ``attributes`` holds whatever the catalogue has beyond the columns."""

    product_id: str
    title: str
    category: str | None = None
    brand: str | None = None
    color: str | None = None
    size: tuple[str, ...] = ()
    price: float | None = None
    currency: str | None = None
    material: str | None = None
    season: str | None = None
    occasion: str | None = None
    department: str | None = None
    description: str | None = None
    image_url: str | None = None
    available: bool = True
    attributes: dict[str, AttributeValue] = field(default_factory=dict)

    def get(self, name: str) -> AttributeValue | bool | None:
        """The column or attribute of that name, None where the catalogue does not say."""
        return getattr(self, name) if name in _COLUMN_NAMES else self.attributes.get(name)

    def as_dict(self) -> dict:
        """JSON-ready: every column, and ``attributes``."""
        out = {name: getattr(self, name) for name in _COLUMN_NAMES}
        out["size"] = list(self.size)
        out["attributes"] = {k: list(v) if isinstance(v, tuple) else v for k, v in self.attributes.items()}
        return out


_COLUMN_NAMES = tuple(f.name for f in fields(Product) if f.name != "attributes")


def split_values(cell: AttributeValue | None) -> tuple[str, ...]:
    """The lower-cased values one cell stands for: "Black, White" is both black and white, and the whole as written."""
    if cell is None or isinstance(cell, (int, float)):
        return ()
    if not isinstance(cell, str):
        return tuple(v.strip().lower() for v in cell if v.strip())
    whole = cell.strip().lower()
    if not whole:
        return ()
    parts = [p.strip() for p in whole.split(",")]
    return (whole,) if len(parts) == 1 else (whole, *(p for p in parts if p))


class Catalog:
    """A catalogue as a polars frame (``CATALOG_SCHEMA``), with row numbers as the products' indices everywhere.

    A product that was taken out of the shop keeps its row, so that the events on it still mean something: it is known
    and can be looked up, but not available, and its values are nobody's.

    Args:
        removed: which rows were taken out, ``(n,)`` bool; none by default.

    Raises:
        CatalogError: a product_id stands twice, or an id or title is empty.
    """

    def __init__(self, frame: pl.DataFrame, removed: np.ndarray | None = None):
        self.frame = frame.select(list(CATALOG_SCHEMA)).cast(CATALOG_SCHEMA)
        self.ids: list[str] = self.frame["product_id"].to_list()
        self._row = {pid: row for row, pid in enumerate(self.ids)}
        if len(self._row) != len(self.ids):
            twice = self.frame["product_id"].value_counts().filter(pl.col("count") > 1)["product_id"][0]
            raise CatalogError(f"product_id {twice!r} stands more than once; every product needs an id of its own")
        for name in ("product_id", "title"):
            empty = self.frame[name].is_null() | (self.frame[name].str.strip_chars() == "")
            if empty.any():
                row = int(empty.arg_true()[0])
                raise CatalogError(f"catalogue row {row + 1}, {name}: empty, expected text; fill it in or drop the row")
        self.listed = np.ones(len(self.ids), dtype=bool) if removed is None else ~removed
        self._all_listed = bool(self.listed.all())

    @classmethod
    def from_products(cls, products: list[Product]) -> Catalog:
        rows = {name: [getattr(p, name) for p in products] for name in CATALOG_SCHEMA if name != "attributes"}
        rows["size"] = [list(p.size) for p in products]
        rows["attributes"] = [json.dumps(p.attributes, ensure_ascii=False) for p in products]
        return cls(pl.DataFrame(rows, schema=CATALOG_SCHEMA))

    @classmethod
    def read(cls, path: Path | str) -> Catalog:
        return cls(pl.read_parquet(path))

    def write(self, path: Path | str) -> None:
        """Parquet, written beside ``path`` and renamed over it, so that a crash leaves the old file whole."""
        write_parquet(self.frame, Path(path))

    def __len__(self) -> int:
        """Rows, those of removed products included; `products` counts what the shop has."""
        return len(self.ids)

    @property
    def products(self) -> int:
        """How many products the shop has."""
        return int(self.listed.sum())

    def __contains__(self, product_id: str) -> bool:
        return product_id in self._row

    def has_removed(self, product_id: str) -> bool:
        """Whether this product was in the shop once and was taken out."""
        row = self._row.get(product_id)
        return row is not None and not self.listed[row]

    def index(self, product_id: str) -> int:
        """The product's row.

        Raises:
            CatalogError: no such product.
        """
        try:
            return self._row[product_id]
        except KeyError:
            raise CatalogError(f"product {product_id!r} is not in this catalogue of {len(self)} products") from None

    def at(self, row: int) -> Product:
        values = self.frame.row(int(row), named=True)
        values["size"] = tuple(values["size"] or ())
        values["attributes"] = _read_attributes(values["attributes"])
        if not self.listed[int(row)]:
            values["available"] = False
        return Product(**values)

    def product(self, product_id: str) -> Product:
        return self.at(self.index(product_id))

    @cached_property
    def titles(self) -> list[str]:
        return self.frame["title"].to_list()

    @cached_property
    def available(self) -> np.ndarray:
        """Which products can be bought, ``(n,)`` bool; unknown counts as available."""
        return self.frame["available"].fill_null(True).to_numpy() & self.listed

    @cached_property
    def _attributes(self) -> list[dict[str, AttributeValue]]:
        return [_read_attributes(text) for text in self.frame["attributes"].to_list()]

    @cached_property
    def attribute_names(self) -> list[str]:
        """What can be filtered by: the columns in use, then the catalogue's own attributes, most used first."""
        columns = [c for c in FILTERABLE_COLUMNS if any(v not in (None, []) for v in self.cells(c))]
        count: dict[str, int] = {}
        for attributes in self._of_the_listed(self._attributes, {}):
            for name in attributes:
                count[name] = count.get(name, 0) + 1
        return columns + sorted((n for n in count if n not in _COLUMN_NAMES), key=lambda n: (-count[n], n))

    def cells(self, name: str) -> list[AttributeValue | None]:
        """The raw value of one column or attribute for every product; None for a removed one."""
        if name in _COLUMN_NAMES:
            return self._of_the_listed(self.frame[name].to_list(), None)
        return [a.get(name) for a in self._of_the_listed(self._attributes, {})]

    def _of_the_listed(self, values: list, otherwise) -> list:
        if self._all_listed:
            return values
        return [v if there else otherwise for v, there in zip(values, self.listed.tolist(), strict=True)]

    def is_numeric(self, name: str) -> bool:
        """Whether every value given for it is a number."""
        if name in _COLUMN_NAMES:
            return name == "price"
        given = [v for v in self.cells(name) if v is not None]
        return bool(given) and all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in given)

    def numbers(self, name: str) -> np.ndarray:
        """``(n,)`` float64, NaN where the catalogue gives no number."""
        cells = self.cells(name)
        return np.array([float(v) if isinstance(v, (int, float)) else np.nan for v in cells], dtype=np.float64)

    def values(self, name: str) -> dict[str, int]:
        """Each distinct value, lower-cased, with the number of products that have it, most frequent first."""
        count: dict[str, int] = {}
        for cell in self.cells(name):
            for value in split_values(cell):
                count[value] = count.get(value, 0) + 1
        return dict(sorted(count.items(), key=lambda item: (-item[1], item[0])))

    @cached_property
    def _rows_of_value(self) -> dict[str, dict[str, np.ndarray]]:
        return {}

    def rows_with(self, name: str, value: str) -> np.ndarray:
        """Rows whose cell has this value (any case); the index of a column is made at its first use."""
        if name not in self._rows_of_value:
            rows: dict[str, list[int]] = {}
            for row, cell in enumerate(self.cells(name)):
                for v in split_values(cell):
                    rows.setdefault(v, []).append(row)
            self._rows_of_value[name] = {v: np.array(r, dtype=np.int64) for v, r in rows.items()}
        return self._rows_of_value[name].get(value.strip().lower(), np.array([], dtype=np.int64))


def _read_attributes(text: str | None) -> dict[str, AttributeValue]:
    values = json.loads(text) if text else {}
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}


def write_parquet(frame: pl.DataFrame, path: Path) -> None:
    """Write beside ``path``, flush to disk, rename: readers see the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            frame.write_parquet(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
