"""Public fashion data sets into a store: H&M, Myntra, WebShop."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from shopping_assistant.tools.sessions import EVENT_SCHEMA
from shopping_assistant.tools.table_checks import Findings, check_events, check_products, refuse_bad
from shopping_assistant.tools.table_files import (
    LINE,
    ImportRefused,
    Progress,
    Table,
    find_table,
    format_of,
    read_table,
    require_columns,
)
from shopping_assistant.tools.table_import import ImportReport, check_target, hashes, lay_down, report_of

HM_PARTS = {
    "week": ("transactions_week",),
    "history": ("transactions_history",),
    "all": ("transactions_history", "transactions_week"),
}
HM_WHOLE = "transactions_train"  # the file of the original publication, two years of all customers
HM_ATTRIBUTES = {
    "pattern": "graphical_appearance_name",
    "product_group": "product_group_name",
    "garment_group": "garment_group_name",
    "perceived_color": "perceived_colour_master_name",
    "color_shade": "perceived_colour_value_name",
    "index": "index_name",
    "index_group": "index_group_name",
    "section": "section_name",
    "hm_department": "department_name",
}
HM_COLUMNS = ("article_id", "prod_name", "product_type_name", "colour_group_name", "detail_desc")
UNKNOWN = ("unknown", "undefined", "na", "n/a")

MYNTRA_COLUMNS = {
    "id": "product_id",
    "productDisplayName": "title",
    "articleType": "category",
    "baseColour": "color",
    "gender": "department",
    "season": "season",
    "usage": "occasion",
    "masterCategory": "master_category",
    "subCategory": "sub_category",
    "year": "year",
}
AUDIENCES = ("Women", "Men", "Girls", "Boys", "Baby")  # as Amazon's category paths name them


def import_hm(
    path: Path | str, store: Path | str, *, part: str = "all", name: str | None = None, skip_bad: bool = False,
    replace: bool = False, progress: Progress | None = None,
) -> ImportReport:  # fmt: skip
    """The H&M catalogue and purchases (``articles``, ``transactions_*``; CSV or Parquet) into a new store.

    Every transaction is a purchase, a customer's day is a session. An event's time is its day plus its row within that
    day of the file, in microseconds: the true time is unknown, the order of the file is kept. Prices are medians of
    what was paid, in the data set's own scale.

    Raises:
        ImportRefused: a file is missing, or a row breaks the schema.
    """
    start = time.perf_counter()
    folder, store = Path(path), Path(store)
    check_target(store, replace)
    if part not in HM_PARTS:
        raise ImportRefused(f"--part {part!r}: expected one of {', '.join(HM_PARTS)}")
    if not folder.is_dir():
        raise ImportRefused(f"{folder} is not a folder; give the one that holds articles.parquet and transactions_*")
    articles_path = _one_of(folder, ("articles",))
    articles = require_columns(read_table(articles_path, format_of(articles_path), progress), HM_COLUMNS)
    logs = [_hm_log(p, progress) for p in _hm_logs(folder, part)]
    catalog, products_found = _hm_catalog(articles, [frame for _, frame in logs])
    findings, events = [products_found], []
    for source, frame in logs:
        checked, found = _hm_events(source, frame, catalog["product_id"])
        events.append(checked)
        findings.append(found)
    refuse_bad(findings, skip_bad)
    log = pl.concat(events)
    made_by = {"source": "hm", "part": part, "files": hashes([articles_path, *_hm_logs(folder, part)]),
               "price": "median of the scaled transaction prices; not a currency",
               "rows left out": sum(f.count for f in findings)}  # fmt: skip
    lay_down(
        store, catalog, log, name=name or "H&M", currency=None, made_by=made_by, findings=findings, replace=replace
    )
    notes = [
        f"prices are in the data set's own scale, no currency; {catalog['price'].count():,} articles were bought and "
        "have one",
        "the log has purchases only, no searches and no clicks; a session is a customer's day",
        "not taken: sales_channel_id, and the numbers that stand beside the names of the catalogue",
    ]
    return report_of(store, f"H&M ({part})", catalog, log, findings, notes, start)


def _one_of(folder: Path, stems: Sequence[str]) -> Path:
    for format in ("parquet", "csv"):
        found = [p for p in folder.iterdir() if p.name.split(".")[0] in stems and p.is_file() and _is(p, format)]
        if found:
            return sorted(found)[0]
    here = ", ".join(sorted(p.name for p in folder.iterdir())) or "nothing"
    raise ImportRefused(f"{folder} has no {' or '.join(stems)} (parquet, csv, csv.gz); it holds {here}")


def _is(path: Path, format: str) -> bool:
    try:
        return format_of(path) == format
    except ImportRefused:
        return False


def _hm_logs(folder: Path, part: str) -> list[Path]:
    if part == "all" and any(p.name.startswith(f"{HM_WHOLE}.") for p in folder.iterdir()):
        return [_one_of(folder, (HM_WHOLE,))]
    return [_one_of(folder, (stem,)) for stem in HM_PARTS[part]]


def _hm_log(path: Path, progress: Progress | None) -> tuple[Table, pl.DataFrame]:
    """The file and its rows with ids of ten digits and prices as numbers."""
    table = require_columns(
        read_table(path, format_of(path), progress), ("t_dat", "customer_id", "article_id", "price")
    )
    frame = table.frame.with_columns(
        pl.col("article_id").cast(pl.String).str.zfill(10),
        # Cut to what single precision holds: one of the files has been rounded to it, and prices should agree.
        pl.col("price").cast(pl.Float32, strict=False).cast(pl.Float64).round_sig_figs(6),
    )
    return table, frame


def _hm_catalog(articles: Table, logs: Sequence[pl.DataFrame]) -> tuple[pl.DataFrame, Findings]:
    names = [c for c in articles.columns if articles.frame[c].dtype == pl.String]
    unknown = pl.col(names).str.to_lowercase().is_in(UNKNOWN)
    frame = articles.frame.with_columns(pl.when(~unknown).then(pl.col(names)).name.keep())
    ids = frame["article_id"].cast(pl.String).str.zfill(10)
    paid = pl.concat([log.select("article_id", "price") for log in logs])
    medians = paid.group_by("article_id").agg(pl.col("price").median())
    index_group, section = (frame[c] if c in frame.columns else None for c in ("index_group_name", "section_name"))
    there = {ours: theirs for ours, theirs in HM_ATTRIBUTES.items() if theirs in frame.columns}
    products = frame.select(LINE, "article_id").with_columns(
        ids.alias("product_id"),
        _hm_titles(frame).alias("title"),
        frame["product_type_name"].alias("category"),
        frame["colour_group_name"].alias("color"),
        pl.lit("H&M").alias("brand"),
        _hm_departments(index_group, section).alias("department") if section is not None and index_group is not None
        else pl.lit(None, dtype=pl.String).alias("department"),
        frame["detail_desc"].alias("description"),
        ids.str.head(7).alias("product_code"),
        *(frame[theirs].alias(ours) for ours, theirs in there.items()),
    )  # fmt: skip
    priced = products.drop("article_id").join(
        medians.rename({"article_id": "product_id"}), on="product_id", how="left", maintain_order="left"
    )
    every_text = frozenset(c for c in priced.columns if c not in (LINE, "price"))
    return check_products(Table(articles.name, priced, articles.unit, every_text, articles.bad))


def hm_title(name: str | None, kind: str | None, color: str | None) -> str | None:
    """ "Strap top" of type "Vest top" in black is "Strap top Vest top Black"; nothing is said twice."""
    if not name:
        return None
    name = re.sub(r"\s*\(\d+\)|[\s.]+$", "", name.strip()) or name.strip()  # (1), (2): the shop's own variants
    parts = [name]
    said = set(re.findall(r"\w+", name.lower()))
    # A type like Hat/beanie is said when the name says either.
    if kind and not any(set(re.findall(r"\w+", way.lower())) <= said for way in kind.split("/")):
        parts.append(kind)
    if color:
        color = color.removeprefix("Other ")
        if not set(color.lower().split()) <= said:
            parts.append(color)
    return " ".join(parts)


def _hm_titles(frame: pl.DataFrame) -> pl.Series:
    rows = frame.select("prod_name", "product_type_name", "colour_group_name").rows()
    return pl.Series([hm_title(*row) for row in rows], dtype=pl.String)


def _hm_departments(index_group: pl.Series, section: pl.Series) -> pl.Series:
    """Whom an article is for. Divided is the young women's line; sport is told apart by its section."""
    frame = pl.DataFrame({"group": index_group, "section": section.fill_null("")})
    section_has = pl.col("section").str.contains
    department = (
        pl.when(pl.col("group").is_in(["Ladieswear", "Divided"]) | section_has("^Ladies")).then(pl.lit("Women"))
        .when((pl.col("group") == "Menswear") | section_has("^Men")).then(pl.lit("Men"))
        .when(section_has("Baby Girl")).then(pl.lit("Baby girls"))
        .when(section_has("Baby Boy")).then(pl.lit("Baby boys"))
        .when(section_has("^Baby")).then(pl.lit("Baby"))
        .when(section_has("Girl")).then(pl.lit("Girls"))
        .when(section_has("Boy")).then(pl.lit("Boys"))
        .when((pl.col("group") == "Baby/Children") | section_has("^Kids")).then(pl.lit("Kids"))
    )  # fmt: skip
    return frame.select(department.alias("department")).to_series()


def _hm_events(source: Table, frame: pl.DataFrame, products: pl.Series) -> tuple[pl.DataFrame, Findings]:
    day = pl.col("t_dat").cast(pl.String).str.strip_chars().str.to_date("%Y-%m-%d", strict=False)
    row_of_day = pl.int_range(pl.len()).over("t_dat")
    events = frame.select(
        LINE,
        (pl.col("customer_id") + "-" + pl.col("t_dat").cast(pl.String)).alias("session_id"),
        pl.col("customer_id").alias("user_id"),
        (day.cast(pl.Datetime("us", "UTC")) + pl.duration(microseconds=row_of_day)).alias("timestamp"),
        pl.lit("purchase").alias("action"),
        pl.col("article_id").alias("product_id"),
    )
    named = Table(source.name, events, source.unit, frozenset(), source.bad)
    checked, found = check_events(named, products)
    return checked, found


def import_myntra(
    path: Path | str, store: Path | str, *, name: str | None = None, skip_bad: bool = False, replace: bool = False,
    progress: Progress | None = None,
) -> ImportReport:  # fmt: skip
    """The Myntra catalogue (``styles.csv``) into a new store. It has no prices and no log.

    Raises:
        ImportRefused: the file is missing, or a row breaks the schema.
    """
    start = time.perf_counter()
    store = Path(store)
    check_target(store, replace)
    file = find_table(Path(path), "csv", ("styles",))
    # Some names hold commas without quotes: what follows the last column belongs to it.
    table = require_columns(read_table(file, "csv", progress, overflow="productDisplayName"), list(MYNTRA_COLUMNS))
    frame = table.frame.with_columns(pl.col(list(MYNTRA_COLUMNS)).str.strip_chars()).with_columns(
        pl.when(~pl.col(list(MYNTRA_COLUMNS)).str.to_lowercase().is_in([*UNKNOWN, ""]))
        .then(pl.col(list(MYNTRA_COLUMNS))).name.keep()
    )  # fmt: skip
    nameless = frame["productDisplayName"].is_null()
    described = pl.concat_str("gender", "baseColour", "articleType", separator=" ", ignore_nulls=True)
    frame = frame.with_columns(pl.col("productDisplayName").fill_null(described))
    renamed = Table(table.name, frame.rename(MYNTRA_COLUMNS), table.unit, table.text_only, table.bad)
    catalog, found = check_products(renamed)
    refuse_bad([found], skip_bad)
    notes = ["no log and no prices: the shop has a catalogue only"]
    if nameless.any():
        notes.append(f"{nameless.sum()} products have no name; they are titled by gender, colour and type")
    return _catalogue_alone(file, store, name or "Myntra", "myntra", catalog, found, notes, replace, start)


def import_webshop(
    path: Path | str, store: Path | str, *, name: str | None = None, skip_bad: bool = False, replace: bool = False,
    progress: Progress | None = None,
) -> ImportReport:  # fmt: skip
    """The WebShop catalogue (JSON lines or the published JSON array) into a new store. It has no log.

    People's requests that stand beside some products are left out: they are what an evaluation asks.

    Raises:
        ImportRefused: the file is missing, or a row breaks the schema.
    """
    start = time.perf_counter()
    store = Path(store)
    check_target(store, replace)
    file = find_table(Path(path), "jsonl", ("products_1000", "products", "items_shuffle_1000", "items_shuffle"))
    table = require_columns(
        read_table(file, "jsonl", progress), ("asin", "Title", "product_category", "Price", "options")
    )
    lines, rows = table.frame[LINE].to_list(), table.frame.drop(LINE).to_dicts()
    products = [{LINE: line, **_webshop_product(row)} for line, row in zip(lines, rows, strict=True)]
    frame = pl.DataFrame(products, infer_schema_length=None)
    renamed = Table(table.name, frame, table.unit, frozenset(frame.columns), table.bad)
    catalog, found = check_products(renamed)
    refuse_bad([found], skip_bad)
    nameless = table.frame["Title"].fill_null("").str.strip_chars() == ""
    filled_in = table.frame["Price"] == "$100.0"
    notes = [
        "no log: the shop has a catalogue only",
        "a price range counts as its lower end, price_to is the upper one; "
        f"{filled_in.sum()} products cost $100.0, which WebShop writes where it knows no price",
        "not taken: people's requests (instructions), the crawler's own query, reviews",
    ]
    if nameless.any():
        notes.append(f"{nameless.sum()} products have no title; they are titled by model, category or features")
    return _catalogue_alone(file, store, name or "WebShop", "webshop", catalog, found, notes, replace, start, "USD")


def _catalogue_alone(
    file: Path, store: Path, name: str, source: str, catalog: pl.DataFrame, found: Findings, notes: Sequence[str],
    replace: bool, start: float, currency: str | None = None,
) -> ImportReport:  # fmt: skip
    made_by = {"source": source, "files": hashes([file]), "rows left out": found.count}
    none = pl.DataFrame(schema=EVENT_SCHEMA)
    lay_down(store, catalog, none, name=name, currency=currency, made_by=made_by, findings=[found], replace=replace)
    return report_of(store, name, catalog, none, [found], notes, start)


def _webshop_product(row: dict[str, str | None]) -> dict:
    options = {k: [v for v in values if v] for k, values in _json(row["options"], {}).items() if values}
    trail = [p.strip() for p in (row["product_category"] or "").split("›") if p.strip()]
    bullets = _json(row.get("BulletPoints"), [])
    described = [row.get("Description"), *(bullets if isinstance(bullets, list) else [bullets])]
    low, _, high = (row["Price"] or "").partition(" to ")
    features = _json(row.get("Attributes"), [])
    model = (row.get("model") or "").strip("\u200e\u200f ") or None
    category = trail[-1] if trail else None
    attributes = {
        "section": row.get("category"),
        "category_path": trail,
        "features": features,
        "rating": _number(row.get("average_rating")),
        "price_to": _number(high.strip().lstrip("$").replace(",", "")),
        "model": model,
        **{k: v for k, v in options.items() if k not in ("color", "size")},
    }
    return {
        "product_id": row["asin"],
        "title": (row["Title"] or "").strip() or model or category or ", ".join(features) or None,
        "category": category,
        "department": next((a for a in AUDIENCES if a in trail), None),
        "color": ", ".join(options.get("color", [])) or None,
        "size": options.get("size"),
        "price": low.strip() or None,
        "description": "\n".join(d.strip() for d in described if d and d.strip()) or None,
        "image_url": row.get("MainImage"),
        "attributes": json.dumps({k: v for k, v in attributes.items() if v not in (None, [], "")}, ensure_ascii=False),
    }


def _json(text: str | None, otherwise):
    """What a cell holds; cells that were JSON text themselves come as their own text."""
    if not text:
        return otherwise
    try:
        return json.loads(text)
    except ValueError:
        return text


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
