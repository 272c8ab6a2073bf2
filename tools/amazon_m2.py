"""The shopping sessions of Amazon-M2, the KDD Cup of 2023, into a store.

Format: https://www.aicrowd.com/challenges/amazon-kdd-cup-23-multilingual-recommendation-challenge
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from shopping_assistant.tools.amazon_importers import (
    UNKNOWN_TITLE,
    purchases_of,
    stripped,
    unknown_note,
    with_unknown,
)
from shopping_assistant.tools.amazon_products import words
from shopping_assistant.tools.table_checks import Findings, check_products, refuse_bad
from shopping_assistant.tools.table_files import (
    LINE,
    ImportRefused,
    Progress,
    Table,
    find_table,
    read_table,
    require_columns,
)
from shopping_assistant.tools.table_import import ImportReport, check_target, hashes, lay_down, report_of

PRODUCTS_FILE, SESSIONS_FILE = "products_train", "sessions_train"
PRODUCT_COLUMNS = (
    "id", "locale", "title", "price", "brand", "color", "size", "model", "material", "author", "desc",
)  # fmt: skip
START = datetime(2023, 1, 1, tzinfo=UTC)  # the data say no times; any would do
CURRENCIES = {"DE": "EUR", "ES": "EUR", "FR": "EUR", "IT": "EUR", "JP": "JPY", "UK": "GBP"}  # locale → currency
# Numpy prints an array over several lines, and without commas; a list has them.
PRINTED_ITEMS = r"^\[(?:\s*'[^'\[\]]+',?)+\s*\]$"


def import_amazon_m2(
    path: Path | str, store: Path | str, *, part: str = "all", name: str | None = None, skip_bad: bool = False,
    replace: bool = False, progress: Progress | None = None,
) -> ImportReport:  # fmt: skip
    """The multilingual sessions of KDD Cup 2023, Amazon-M2 (``products_train.csv``, ``sessions_train.csv``).

    A session is a shopper of its own, its items and then its next item are its purchases, so that leave-one-out asks
    for the next item, as the cup does; which of them were clicks the data does not say. It gives no times either:
    events are a second apart, sessions as they follow in the file. The same ASIN is another product in another
    locale; so with one locale ids are ASINs, with several ``ASIN-LOCALE``.

    Args:
        path: the folder of the two files, or the sessions' file.
        part: "all", or locales as in ``DE`` or ``DE,JP``.

    Raises:
        ImportRefused: a file is missing, or a row breaks the schema.
    """
    start = time.perf_counter()
    path, store = Path(path), Path(store)
    check_target(store, replace)
    locales = _locales(part)
    chosen = "all" if part == "all" else ",".join(locales)
    sessions_path = find_table(path, "csv", (SESSIONS_FILE,))
    products_path = find_table(sessions_path.parent, "csv", (PRODUCTS_FILE,))
    products = _table(products_path, PRODUCT_COLUMNS, locales, progress)
    catalog, products_found, nameless = _catalog(products, locales)
    refuse_bad([products_found], skip_bad)
    sessions = _table(sessions_path, ("prev_items", "next_item", "locale"), locales, progress)
    log, sessions_found = _events(sessions, locales)
    findings = [products_found, sessions_found]
    refuse_bad(findings, skip_bad)
    catalog, unknown = with_unknown(catalog, log["product_id"].unique(maintain_order=True))
    made_by = {"source": "amazon-m2", "part": chosen, "files": hashes([products_path, sessions_path]),
               "rows left out": sum(f.count for f in findings)}  # fmt: skip
    lay_down(
        store, catalog, log, name=name or f"Amazon-M2 {chosen}", currency=None, made_by=made_by, findings=findings,
        replace=replace,
    )  # fmt: skip
    notes = [
        *unknown_note(unknown, products_path.name),
        "every item of a session counts as a purchase, the next item is the last; times carry the order only",
        "ids are ASIN-LOCALE: an ASIN is another product in another locale" if len(locales) > 1 else "ids are ASINs",
    ]
    if nameless:
        notes.append(f'{nameless:,} products have no title and are called "{UNKNOWN_TITLE}"')
    return report_of(store, f"Amazon-M2 ({chosen})", catalog, log, findings, notes, start)


def _locales(part: str) -> list[str]:
    """The locales that ``part`` names."""
    locales = list(CURRENCIES) if part == "all" else [p.strip().upper() for p in part.split(",")]
    unknown = next((p for p in locales if p not in CURRENCIES), None)
    if unknown is not None:
        raise ImportRefused(f"--part {part!r}: expected all, or locales of {', '.join(CURRENCIES)}, as in --part DE,JP")
    return list(dict.fromkeys(locales))


def _table(path: Path, columns: Sequence[str], locales: Sequence[str], progress: Progress | None) -> Table:
    """The rows of these locales, and, when all are meant, those of none that is known, so that they are told."""

    def keep(rows: pl.DataFrame) -> pl.DataFrame:
        if "locale" not in rows.columns:
            return rows
        rows = rows.with_columns(pl.col("locale").str.strip_chars().str.to_uppercase())
        return rows if len(locales) == len(CURRENCIES) else rows.filter(pl.col("locale").is_in(locales))

    return require_columns(read_table(path, "csv", progress, keep=keep), columns)


def _ids(ids: pl.Expr, locales: Sequence[str]) -> pl.Expr:
    """Product ids: ASINs in one locale, with the locale where there are several; null where there is none."""
    ids = ids.str.strip_chars()
    ids = pl.when(ids != "").then(ids)
    return ids + "-" + pl.col("locale") if len(locales) > 1 else ids


def _note_locales(found: Findings, locales: pl.Series) -> None:
    found.note(~locales.is_in(list(CURRENCIES)), "locale", f"one of {', '.join(CURRENCIES)}")


def _catalog(table: Table, locales: Sequence[str]) -> tuple[pl.DataFrame, Findings, int]:
    """The products in ``CATALOG_SCHEMA``, and how many of them have no title."""
    titles = _without_markup(table.frame["title"])
    given = pl.col("size").str.strip_chars()
    columns = [LINE, "locale", "price", "brand", "color", "material", "model", "author"]
    frame = table.frame.select(
        *columns,
        _ids(pl.col("id"), locales).alias("product_id"),
        titles.fill_null(UNKNOWN_TITLE).alias("title"),
        _without_markup(table.frame["desc"]).alias("description"),
        pl.col("locale").replace_strict(CURRENCIES, default=None).alias("currency"),
        # A list of one: sizes such as "3,5 cm" must not be taken apart.
        pl.when(given != "").then(pl.concat_list(given)).alias("size"),
        *([pl.col("id").alias("asin")] if len(locales) > 1 else []),
    )
    if len(locales) == 1:
        frame = frame.drop("locale")
    every_text = frozenset(c for c in frame.columns if c not in (LINE, "price"))
    catalog, found = check_products(Table(table.name, frame, table.unit, every_text, table.bad))
    if len(locales) > 1:
        lines = found.good(frame)[LINE]
        _note_locales(found, frame["locale"])
        catalog = catalog.filter(~lines.is_in(list(found.lines)))
    return catalog, found, titles.null_count()


def _without_markup(cells: pl.Series) -> pl.Series:
    """Texts without tags and entities; most have none and are only trimmed."""
    marked = cells.str.contains("[<&]").fill_null(False)
    cleaned = cells.filter(marked).map_elements(words, return_dtype=pl.String)
    return stripped(cells.scatter(marked.arg_true(), cleaned))


def _events(table: Table, locales: Sequence[str]) -> tuple[pl.DataFrame, Findings]:
    """Each session's items, then its next item, in ``EVENT_SCHEMA``."""
    frame, found = table.frame, Findings(table)
    _note_locales(found, frame["locale"])
    written = frame["prev_items"].str.strip_chars().str.contains(PRINTED_ITEMS).fill_null(False)
    found.note(~written, "prev_items", "ids in quotes between [ and ], none of them left out")
    following = frame.select(pl.when(pl.col("next_item").str.strip_chars() != "").then(pl.col("next_item"))).to_series()
    found.note(following.is_null(), "next_item", "the id of the next item")
    before = pl.col("prev_items").str.extract_all(r"'[^']+'").list.eval(pl.element().str.strip_chars("'"))
    sessions = found.good(frame).select(
        (pl.col("locale") + "-" + pl.col(LINE).cast(pl.String)).alias("session_id"),
        "locale",
        pl.concat_list(before, "next_item").alias("item"),
    )
    log = sessions.explode("item").select(
        "session_id",
        pl.col("session_id").alias("user_id"),
        (pl.lit(START) + pl.duration(seconds=pl.int_range(pl.len()))).alias("timestamp"),
        _ids(pl.col("item"), locales).alias("product_id"),
    )
    return purchases_of(log), found
