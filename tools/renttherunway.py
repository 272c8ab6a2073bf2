"""The RentTheRunway fit data into a store: a product an article, a purchase a rental, and how its size fitted."""

from __future__ import annotations

import time
from pathlib import Path

import polars as pl

from shopping_assistant.tools.fit_feedback import CM_PER_INCH, CUP_INCHES, KG_PER_POUND, MEASURES, SENSIBLE, check_fit
from shopping_assistant.tools.sessions import empty_events
from shopping_assistant.tools.table_checks import check_events, check_products, refuse_bad
from shopping_assistant.tools.table_files import LINE, Progress, Table, find_table, read_table, require_columns
from shopping_assistant.tools.table_import import (
    ImportReport,
    check_target,
    hashes,
    lay_down,
    report_of,
    told_of_fit,
)

COLUMNS = ("fit", "user_id", "item_id", "category", "size")


def import_renttherunway(
    path: Path | str, store: Path | str, *, name: str | None = None, skip_bad: bool = False, replace: bool = False,
    progress: Progress | None = None,
) -> ImportReport:  # fmt: skip
    """RentTheRunway's rentals (``rentals.parquet``; Misra, Wan and McAuley, RecSys 2018) into a new store.

    The data name no product: its title is its category and number. Its sizes are those that somebody rented. A rental
    is a purchase at the time of its review, a shopper's day is a session. Bust is band and cup added up, in cm.

    Raises:
        ImportRefused: the file is missing, or a row breaks the schema.
    """
    start = time.perf_counter()
    store = Path(store)
    check_target(store, replace)
    file = find_table(Path(path), "parquet", ("rentals", "renttherunway"))
    table = require_columns(read_table(file, "parquet", progress), COLUMNS)
    rentals, dropped = _rentals(table.frame)
    catalog, products_found = check_products(Table(table.name, _products(rentals), "article", frozenset({"title"})))
    ids = catalog["product_id"]
    fit, fit_found = check_fit(Table(table.name, rentals, table.unit, frozenset(), table.bad), ids)
    findings = [products_found, fit_found]
    events = None
    if "review_date" in table.columns:
        events, events_found = check_events(Table(table.name, _events(rentals), table.unit), ids)
        findings.append(events_found)
    refuse_bad(findings, skip_bad)
    log = empty_events() if events is None else events
    made_by = {"source": "renttherunway", "files": hashes([file]), "rows left out": sum(f.count for f in findings)}
    lay_down(
        store, catalog, log, name=name or "RentTheRunway", currency=None, made_by=made_by, findings=findings,
        replace=replace, fit=fit,
    )  # fmt: skip
    notes = [
        told_of_fit(fit),
        "no prices and no names: a product is titled by its category and number; a rental is a purchase",
        *([f"set aside as no person's: {dropped:,} figures of height, weight, bust or age"] if dropped else []),
    ]
    return report_of(store, "RentTheRunway", catalog, log, findings, notes, start)


def _rentals(frame: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """The rows in `fit_feedback`'s columns, and how many measures no person has."""

    def column(name: str, kind: pl.DataType = pl.Float64) -> pl.Expr:
        return pl.col(name).cast(kind) if name in frame.columns else pl.lit(None, dtype=kind).alias(name)

    cups = column("bust_size_letter", pl.String).replace_strict(
        list(CUP_INCHES), list(CUP_INCHES.values()), default=None, return_dtype=pl.Float64
    )
    made = frame.select(
        LINE,
        pl.col("user_id").cast(pl.String),
        pl.col("item_id").cast(pl.String).alias("product_id"),
        pl.col("size").cast(pl.String),
        pl.col("fit").cast(pl.String),
        column("review_date", pl.Datetime("us")).alias("timestamp"),
        (column("height_in") * CM_PER_INCH).round(1).alias("height_cm"),
        (column("weight_lbs") * KG_PER_POUND).round(1).alias("weight_kg"),
        ((column("bust_size_num") + cups) * CM_PER_INCH).round(1).alias("bust_cm"),
        column("age"),
        column("body_type", pl.String),
        column("rented_for", pl.String).alias("occasion"),
        column("rating"),
        pl.col("category").cast(pl.String),
    )
    kept = made.with_columns(
        pl.when(pl.col(n).is_between(*SENSIBLE[n])).then(pl.col(n)).alias(n) for n in MEASURES if n in made.columns
    )
    here = [n for n in MEASURES if n in made.columns]
    lost = sum(made[n].count() - kept[n].count() for n in here)
    return kept, lost


def _products(rentals: pl.DataFrame) -> pl.DataFrame:
    by_item = rentals.group_by("product_id", maintain_order=True).agg(
        pl.col(LINE).first(),
        pl.col("category").mode().sort().first(),
        pl.col("size").unique().cast(pl.Int64, strict=False).sort().cast(pl.String).alias("size"),
        pl.col("occasion").drop_nulls().mode().sort().first(),
        pl.col("rating").mean().round(1),
    )
    title = pl.col("category").str.to_titlecase() + " " + pl.col("product_id")
    return by_item.with_columns(title.alias("title"), pl.lit("women").alias("department"))


def _events(rentals: pl.DataFrame) -> pl.DataFrame:
    day = pl.col("timestamp").dt.date().cast(pl.String)
    return rentals.filter(pl.col("timestamp").is_not_null()).select(
        LINE,
        (pl.col("user_id") + "-" + day).alias("session_id"),
        "user_id",
        "timestamp",
        pl.lit("purchase").alias("action"),
        "product_id",
    )
