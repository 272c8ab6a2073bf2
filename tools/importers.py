"""The door to every source: public data sets, a shop's own files, and finished chats, into a store."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import polars as pl

from shopping_assistant.tools.amazon_importers import import_amazon_reviews
from shopping_assistant.tools.amazon_m2 import import_amazon_m2
from shopping_assistant.tools.cell_values import as_moments
from shopping_assistant.tools.dataset_importers import import_hm, import_myntra, import_webshop
from shopping_assistant.tools.judgements import (
    ACTIONS,
    JudgementError,
    as_judgements,
    empty_judgements,
    of_conversations,
)
from shopping_assistant.tools.renttherunway import import_renttherunway
from shopping_assistant.tools.sessions import EVENT_SCHEMA
from shopping_assistant.tools.store import Store
from shopping_assistant.tools.table_checks import check_events
from shopping_assistant.tools.table_files import LINE, BadRow, ImportRefused, Progress, Table, format_of, read_table
from shopping_assistant.tools.table_import import (
    ImportReport,
    import_table,
    read_conversations,
    read_log,
    report_of,
    write_skipped,
)

__all__ = [
    "BadRow", "ImportRefused", "ImportReport", "import_amazon_m2", "import_amazon_reviews", "import_chats", "import_hm",
    "import_myntra", "import_source", "import_table", "import_webshop", "read_log",
]  # fmt: skip

DATASETS = {
    "hm": import_hm,
    "amazon-reviews": import_amazon_reviews,
    "amazon-m2": import_amazon_m2,
    "myntra": import_myntra,
    "webshop": import_webshop,
    "renttherunway": import_renttherunway,
}
IN_PARTS = ("hm", "amazon-reviews", "amazon-m2")  # the sources that --part can choose a part of
TABLES = ("jsonl", "csv", "parquet")
SOURCES = (*TABLES, *DATASETS, "chats")


def import_source(
    source: str, path: Path | str, store: Path | str, *, events_path: Path | str | None = None,
    fit_path: Path | str | None = None, part: str = "all", name: str | None = None, currency: str | None = None,
    product_columns: dict[str, str] | None = None, event_columns: dict[str, str] | None = None,
    fit_columns: dict[str, str] | None = None, action_values: dict[str, str] | None = None, skip_bad: bool = False,
    replace: bool = False, progress: Progress | None = None,
) -> ImportReport:  # fmt: skip
    """Import ``path`` as one of ``SOURCES``; options that a source has no use for are refused.

    Raises:
        ImportRefused: something in the files, the target or the options.
    """
    own_log = {"--events": events_path, "--map-event": event_columns, "--action": action_values,
               "--fit": fit_path, "--map-fit": fit_columns}  # fmt: skip
    own_files = {**own_log, "--map": product_columns, "--currency": currency}
    if source in TABLES:
        _no_use(source, {"--part": part != "all"})
        return import_table(
            path, store, format=source, events_path=events_path, fit_path=fit_path,
            product_columns=product_columns, event_columns=event_columns, fit_columns=fit_columns,
            action_values=action_values, name=name, currency=currency, skip_bad=skip_bad, replace=replace,
            progress=progress,
        )  # fmt: skip
    if source == "chats":
        _no_use(source, {**own_files, "--part": part != "all", "--name": name, "--replace": replace})
        return import_chats(path, store, skip_bad=skip_bad, progress=progress)
    if source not in DATASETS:
        raise ImportRefused(f"source {source!r}: expected one of {', '.join(SOURCES)}")
    _no_use(source, {**own_files, "--part": source not in IN_PARTS and part != "all"})
    parts = {"part": part} if source in IN_PARTS else {}
    return DATASETS[source](path, store, **parts, name=name, skip_bad=skip_bad, replace=replace, progress=progress)


def _no_use(source: str, options: dict[str, object]) -> None:
    given = [option for option, value in options.items() if value]
    if given:
        raise ImportRefused(f"{given[0]} has no meaning for the source {source}; leave it out")


def import_chats(
    path: Path | str, store: Path | str, *, skip_bad: bool = False, progress: Progress | None = None
) -> ImportReport:
    """Append the events of finished conversations, those with a purchase, to a store's log.

    What the log has already is not added again, so that importing twice changes nothing; a conversation that went on
    since the last import gets its new events.

    Thumbs of these conversations are kept beside the log, in ``judgements.parquet``: nothing learns from them.

    Args:
        path: a store's folder, its conversations.sqlite, or a file of events (csv, jsonl, parquet), which may hold
            thumbs with the actions like, dislike and unjudge.
        store: the store that learns from them; it must exist.

    Raises:
        ImportRefused: a row breaks the schema, or names a product that this store does not have.
        StoreError: there is no store.
    """
    start = time.perf_counter()
    path, opened = Path(path), Store.open(store)
    if path.is_dir():
        path = path / "conversations.sqlite"
    if not path.exists():
        raise ImportRefused(f"{path} does not exist; expected a store with conversations, or a file of events")
    kind = format_of(path)
    if kind == "sqlite":
        table, judged = read_conversations(path), _judged_in(path)
    else:
        table, judged = _without_judgements(read_table(path, kind, progress))
    products = opened.catalog().frame["product_id"]
    events, found = check_events(table, products)
    if not skip_bad:
        found.refuse()
    log = opened.events()
    finished = events.filter((pl.col("action") == "purchase").any().over("session_id"))
    unfinished = events["session_id"].n_unique() - finished["session_id"].n_unique()
    # Shown lists cannot be compared null-safely in a join; a session's moment, action and object identify an event.
    key = [c for c in EVENT_SCHEMA if c not in ("shown", "position", "user_id")]
    new = finished.join(log, on=key, how="anti", nulls_equal=True, maintain_order="left")
    known = finished["session_id"].n_unique() - new["session_id"].n_unique()
    if len(new):
        made_by = {k: v for k, v in opened.made_by("events").items() if k not in ("at", "events")}
        made_by["chat events"] = made_by.get("chat events", 0) + len(new)
        opened.write_events(pl.concat([log, new]), made_by)
    thumbs, foreign = _take_in(opened, judged, finished["session_id"], products)
    write_skipped(opened.path, [found])
    notes = [f"{known:,} conversations were in the log already, {unfinished:,} hold no purchase yet and wait"]
    if thumbs or foreign:
        left = f", {foreign:,} on products that this store does not have were left out" if foreign else ""
        notes.append(f"{thumbs:,} new thumbs stand beside the log{left}")
    return report_of(opened.path, path.name, opened.catalog().frame.clear(), new, [found], notes, start)


def _judged_in(path: Path) -> pl.DataFrame:
    try:
        return of_conversations(path)
    except (sqlite3.DatabaseError, JudgementError, pl.exceptions.PolarsError) as error:
        raise ImportRefused(f"the thumbs in {path} cannot be read ({error})") from error


def _without_judgements(table: Table) -> tuple[Table, pl.DataFrame]:
    """A file's events, and its thumbs apart: of those a log knows nothing."""
    if "action" not in table.frame.columns:
        return table, empty_judgements()
    thumb = pl.col("action").cast(pl.String).str.to_lowercase().is_in(ACTIONS).fill_null(False)
    given = table.frame.filter(thumb).with_columns(pl.col("action").cast(pl.String).str.to_lowercase())
    if not len(given):
        return table, empty_judgements()
    try:
        given = given.with_columns(as_moments(given["timestamp"]).alias("timestamp"))
        judged = as_judgements(given.drop(LINE, strict=False))
    except (JudgementError, pl.exceptions.PolarsError) as error:
        raise ImportRefused(f"{table.name}: its thumbs cannot be read ({error})") from error
    return replace(table, frame=table.frame.filter(~thumb)), judged


def _take_in(store: Store, judged: pl.DataFrame, sessions: pl.Series, products: pl.Series) -> tuple[int, int]:
    """Keep the thumbs of these sessions; how many are new, and how many are on products the store does not have."""
    judged = judged.filter(pl.col("session_id").is_in(sessions.implode()))
    ours = judged.filter(pl.col("product_id").is_null() | pl.col("product_id").is_in(products.implode()))
    there = store.judgements()
    key = ["session_id", "timestamp", "action", "product_id", "turn"]
    new = ours.join(there, on=key, how="anti", nulls_equal=True, maintain_order="left")
    if len(new):
        store.write_judgements(pl.concat([there, new]))
    return len(new), len(judged) - len(ours)
