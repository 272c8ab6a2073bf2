"""Amazon reviews with their metadata (2014, 2018, 2023) into a store."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from shopping_assistant.tools.amazon_products import PRODUCT_COLUMNS, MetadataReader, cell, parse_line
from shopping_assistant.tools.catalog import CATALOG_SCHEMA
from shopping_assistant.tools.sessions import EVENT_SCHEMA, empty_events
from shopping_assistant.tools.table_checks import Findings, moments_of, note_duplicates, refuse_bad
from shopping_assistant.tools.table_files import (
    LINE,
    ImportRefused,
    Progress,
    Table,
    columns_of,
    format_of,
    read_table,
    require_columns,
    stem_of,
)
from shopping_assistant.tools.table_import import ImportReport, check_target, hashes, lay_down, report_of

REVIEW_PARTS = ("all", "reviewed")
UNKNOWN_TITLE = "Unknown"  # as the public sequence sets call a product of which only the id is known
# The downloads of 2023 keep reviews and metadata in two folders side by side.
REVIEW_FOLDER, METADATA_FOLDER = "review_categories", "meta_categories"
ONLY_2014 = {"imUrl", "salesRank", "related", "categories", "helpful"}


@dataclass(frozen=True)
class _Columns:
    """What the columns of one kind of reviews are called; ``time`` is in seconds or milliseconds since 1970."""

    user: str
    product: str
    time: str
    verified: str

    def take(self, row: dict) -> dict:
        """The cells of a review that an event needs. The 2023 page's own sample calls the time sort_timestamp."""
        taken = {name: cell(row.get(name)) for name in (self.user, self.product)}
        at = row.get(self.time, row.get(f"sort_{self.time}"))
        return {**taken, self.time: cell(at), "verified": cell(row.get(self.verified))}


OLD_REVIEWS = _Columns("reviewerID", "asin", "unixReviewTime", "verified")
NEW_REVIEWS = _Columns("user_id", "parent_asin", "timestamp", "verified_purchase")


@dataclass(frozen=True)
class _Files:
    """What was found at a path: metadata, the reviews if there are any, and the year of the edition."""

    metadata: Path
    reviews: Path | None
    columns: _Columns
    year: int


def import_amazon_reviews(
    path: Path | str, store: Path | str, *, part: str = "all", name: str | None = None, skip_bad: bool = False,
    replace: bool = False, progress: Progress | None = None,
) -> ImportReport:  # fmt: skip
    """Amazon reviews of 2014, 2018 or 2023 and their metadata into a new store.

    A review is a purchase at its time, a reviewer's day is a session. The 2023 ids are parent ids, as its publishers
    ask for. Reviewed products without metadata, and products without a title, are called "Unknown".

    Args:
        path: the reviews (``reviews_NAME_5.json.gz``, ``NAME_5.json.gz``, ``NAME.jsonl``, or the ratings
            ``NAME.csv`` of 2023), the metadata beside them being ``meta_NAME``; the metadata alone; or their folder.
        part: "all" products of the metadata, or only the "reviewed" ones.

    Raises:
        ImportRefused: a file is missing, or a row breaks the schema.
    """
    start = time.perf_counter()
    path, store = Path(path), Path(store)
    check_target(store, replace)
    if part not in REVIEW_PARTS:
        raise ImportRefused(f"--part {part!r}: expected one of {', '.join(REVIEW_PARTS)}")
    files = _find_files(path)
    if part == "reviewed" and files.reviews is None:
        raise ImportRefused(f"--part reviewed needs the reviews of {files.metadata.name}, and there are none at {path}")
    log, log_found, notes = empty_events(), [], ["no reviews: the shop has a catalogue only"]
    if files.reviews:
        log, found, notes = _review_events(files.reviews, files.columns, progress)
        refuse_bad([found], skip_bad)
        log_found = [found]
    reviewed = log["product_id"].unique(maintain_order=True)
    catalog, found, more_notes = _metadata(files, reviewed, part, progress)
    refuse_bad([found], skip_bad)
    catalog, unknown = with_unknown(catalog, reviewed)
    findings = [found, *log_found]
    used = [f for f in (files.metadata, files.reviews) if f]
    made_by = {"source": "amazon-reviews", "year": files.year, "part": part, "files": hashes(used),
               "rows left out": sum(f.count for f in findings)}  # fmt: skip
    lay_down(
        store, catalog, log, name=name or _shop_name(used[-1]), currency="USD", made_by=made_by, findings=findings,
        replace=replace,
    )  # fmt: skip
    notes = [*unknown_note(unknown, "the metadata"), *more_notes, *notes]
    return report_of(store, f"Amazon reviews of {files.year} ({used[-1].name})", catalog, log, findings, notes, start)


def _shop_name(file: Path) -> str:
    return f"Amazon {_category(file).replace('_', ' ')}"


def _category(file: Path) -> str:
    """``Beauty`` of reviews_Beauty_5.json.gz, meta_Beauty.json.gz, Beauty.jsonl and Beauty.csv."""
    return stem_of(file).removeprefix("reviews_").removeprefix("meta_").removesuffix("_5")


def _find_files(path: Path) -> _Files:
    if not path.exists():
        raise ImportRefused(f"{path} does not exist; give the path of a reviews file or of the folder that holds it")
    folder = path if path.is_dir() else path.parent
    folders = [folder, *(folder / name for name in (REVIEW_FOLDER, METADATA_FOLDER))]
    if folder.name == REVIEW_FOLDER:
        folders.append(folder.parent / METADATA_FOLDER)
    kinds: dict[Path, frozenset[str]] = {}
    for place in [f for f in folders if f.is_dir()]:
        for file in sorted(place.iterdir()):
            if file.is_file() and (file == path or path.is_dir() or "meta" in file.name.lower()):
                names = _names_in(file, needed=file == path)
                kinds |= {file: names} if names is not None else {}
    reviews = [f for f, names in kinds.items() if names & {OLD_REVIEWS.user, NEW_REVIEWS.user}]
    metadata = [
        f for f, names in kinds.items()
        if f not in reviews and format_of(f) == "jsonl" and names & {OLD_REVIEWS.product, NEW_REVIEWS.product}
    ]  # fmt: skip
    if path in metadata:
        return _Files(path, None, *_edition(kinds[path], kinds[path]))
    if path.is_file() and path not in reviews:
        raise ImportRefused(
            f"{path} holds neither reviews nor metadata of Amazon's: expected JSON lines with {OLD_REVIEWS.user} (2014 "
            f"and 2018), {NEW_REVIEWS.user} (2023) or asin, or the ratings of 2023 as CSV with their header"
        )
    if len(reviews) > 1:
        raise ImportRefused(f"{path} holds several logs ({', '.join(f.name for f in reviews)}); give one of them")
    strange = [f.name for f in kinds if f not in metadata]
    if not reviews and len(metadata) == 1 and not strange:
        return _Files(metadata[0], None, *_edition(kinds[metadata[0]], kinds[metadata[0]]))
    if not reviews:
        held = ", ".join(sorted(f.name for f in path.iterdir())) or "nothing"
        alone = f"; for the catalogue alone give {metadata[0].name}" if metadata else ""
        raise ImportRefused(
            f"{path} has no reviews of Amazon's (as NAME_5.json.gz, NAME.jsonl.gz); it holds {held}{alone}"
        )
    columns, _ = _edition(kinds[reviews[0]], frozenset())
    meta = _metadata_of(reviews[0], [f for f in metadata if columns.product in kinds[f]])
    return _Files(meta, reviews[0], *_edition(kinds[reviews[0]], kinds[meta]))


def _names_in(file: Path, needed: bool) -> frozenset[str] | None:
    """The names in a file's first rows; None for a file of another kind, unless it is the one that was given."""
    try:
        format = format_of(file)
        return columns_of(file, format, parse_line) if format in ("jsonl", "csv") else None
    except ImportRefused:
        if needed:
            raise
        return None


def _metadata_of(reviews: Path, metadata: Sequence[Path]) -> Path:
    fitting = [f for f in metadata if _category(f).lower() == _category(reviews).lower()]
    found = fitting or metadata
    if len(found) == 1:
        return found[0]
    if found:
        raise ImportRefused(
            f"beside {reviews} lie several metadata files ({', '.join(f.name for f in found)}); name the one that "
            f"belongs to it meta_{_category(reviews)}"
        )
    raise ImportRefused(
        f"beside {reviews} lies no metadata; put meta_{_category(reviews)} (.json.gz, .jsonl.gz) of its edition there"
    )


def _edition(first: frozenset[str], metadata: frozenset[str]) -> tuple[_Columns, int]:
    """The columns of the reviews, and the year. The reviews of 2014 and 2018 are alike; the metadata tells."""
    if "parent_asin" in first:
        return NEW_REVIEWS, 2023
    return OLD_REVIEWS, 2014 if metadata & ONLY_2014 else 2018


def _review_events(
    file: Path, columns: _Columns, progress: Progress | None
) -> tuple[pl.DataFrame, Findings, list[str]]:
    """The reviews as purchases, in the file's order, and what to know of them."""
    needed = (columns.user, columns.product, columns.time)
    table = read_table(file, format_of(file), progress, parse=parse_line, take=columns.take)
    frame = require_columns(table, needed).frame
    sources = {"user_id": columns.user, "product_id": columns.product, "timestamp": columns.time}
    found = Findings(table, sources)
    users, products = (stripped(frame[c]) for c in (columns.user, columns.product))
    found.note(users.is_null(), "user_id", "the reviewer's id")
    found.note(products.is_null(), "product_id", "the id of the reviewed product")
    # As numbers: reading millions of them as text with every form a time can have would take ten times the memory.
    moments = moments_of(found, frame[columns.time].cast(pl.Int64, strict=False))
    log = found.good(pl.DataFrame({"user_id": users, "timestamp": moments, "product_id": products}))
    events = log.unique(maintain_order=True, keep="first")
    times = "to the millisecond" if columns is NEW_REVIEWS else "days, in a day the file's order holds"
    notes = [f"every review counts as a purchase, a session is a reviewer's day, times are {times}"]
    if len(log) > len(events):
        notes.append(f"{len(log) - len(events):,} reviews by the same reviewer of the same product at the same time "
                     "stand there more than once; each counts once")  # fmt: skip
    unverified = (frame["verified"] == "false").sum() if "verified" in frame.columns else 0
    if unverified:
        notes.append(f"{unverified:,} reviews are not of verified purchases; they count too")
    notes.append("not taken: ratings, texts, votes and pictures of the reviews, and the chosen style")
    return _purchases(events), found, notes


def stripped(cells: pl.Series) -> pl.Series:
    """Trimmed texts; empty is null."""
    text = cells.str.strip_chars()
    return text.set(text == "", None)


def _purchases(log: pl.DataFrame) -> pl.DataFrame:
    """``user_id, timestamp, product_id`` as events in ``EVENT_SCHEMA``; a session is a shopper's day (UTC)."""
    day = pl.col("timestamp").dt.date().cast(pl.String)
    return purchases_of(log.with_columns((pl.col("user_id") + "-" + day).alias("session_id")))


def purchases_of(log: pl.DataFrame) -> pl.DataFrame:
    """``session_id, user_id, timestamp, product_id`` as purchases in ``EVENT_SCHEMA``."""
    rest = [pl.lit(None, dtype=kind).alias(c) for c, kind in EVENT_SCHEMA.items() if c not in (*log.columns, "action")]
    return log.with_columns(pl.lit("purchase").alias("action"), *rest).select(list(EVENT_SCHEMA)).cast(EVENT_SCHEMA)


def _metadata(
    files: _Files, reviewed: pl.Series, part: str, progress: Progress | None
) -> tuple[pl.DataFrame, Findings, list[str]]:
    """The products in ``CATALOG_SCHEMA``, in the file's order, and what to know of them."""
    id_column = files.columns.product
    reader = MetadataReader(id_column)
    wanted = reviewed.implode()
    rows = 0

    def keep(batch: pl.DataFrame) -> pl.DataFrame:
        nonlocal rows
        rows += len(batch)
        return batch.filter(pl.col(id_column).str.strip_chars().is_in(wanted) | pl.col(id_column).is_null())

    table = read_table(
        files.metadata, "jsonl", progress, parse=parse_line, take=reader, keep=keep if part == "reviewed" else None
    )
    without_line = pl.all().exclude(LINE)
    different = table.frame.filter(pl.struct(without_line).is_first_distinct())
    repeated = len(table.frame) - len(different)
    table = Table(table.name, different, table.unit, table.text_only, table.bad)
    found = Findings(table, {"product_id": id_column})
    ids = stripped(different[id_column])
    found.note(ids.is_null(), "product_id", "the product's id")
    note_duplicates(found, ids)
    prices = different["price"].cast(pl.Float64)
    products = found.good(
        different.select(PRODUCT_COLUMNS).with_columns(
            ids.alias("product_id"),
            prices,
            pl.when(prices.is_not_null()).then(pl.lit("USD")).alias("currency"),
            pl.col("size").str.json_decode(pl.List(pl.String)),
            pl.lit(True).alias("available"),
        )
    )
    notes = []
    if part == "reviewed":
        notes.append(f"{rows - repeated - len(different):,} products without reviews left out (--part reviewed)")
    if repeated:
        notes.append(f"{repeated:,} lines of the metadata say again what an earlier line says; each counts once")
    nameless = products["title"].null_count()
    if nameless:
        code = (
            f" (in the whole file {reader.page_code:,} titles are pieces of the page's code)"
            if reader.page_code
            else ""
        )
        notes.append(f'{nameless:,} products have no title in the metadata and are called "{UNKNOWN_TITLE}"{code}')
    if reader.unreadable_prices:
        notes.append(f"{reader.unreadable_prices:,} prices of the file cannot be read and are left empty, for "
                     f"example {reader.unreadable_price!r}")  # fmt: skip
    if reader.ranges:
        notes.append(
            f"{reader.ranges:,} prices of the file are ranges and count as their lower end, price_to is the upper one"
        )
    notes.append(
        "not taken: also-bought and also-viewed links, sales ranks, packing and trade numbers, videos; ratings and "
        "prices are of the day the pages were read, after the reviews"
    )
    titled = products.with_columns(pl.col("title").fill_null(UNKNOWN_TITLE))
    return titled.select(list(CATALOG_SCHEMA)).cast(CATALOG_SCHEMA), found, notes


def with_unknown(catalog: pl.DataFrame, bought: pl.Series) -> tuple[pl.DataFrame, int]:
    """The catalogue with a nameless product at its end for every id in ``bought`` that it lacks, and their number."""
    ids = bought.filter(~bought.is_in(catalog["product_id"].implode()))
    known = {"product_id": ids, "title": [UNKNOWN_TITLE] * len(ids), "available": True, "attributes": "{}"}
    unknown = pl.DataFrame(known, schema={c: CATALOG_SCHEMA[c] for c in known})
    return pl.concat([catalog, unknown], how="diagonal"), len(ids)


def unknown_note(unknown: int, where: str) -> list[str]:
    """What a report says of them."""
    return [f'{unknown:,} products of the log are not in {where}; they are called "{UNKNOWN_TITLE}"'] if unknown else []
