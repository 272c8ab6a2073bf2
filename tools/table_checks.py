"""Rows of a shop's file as products and events: every cell is checked, and what is wrong is told with its place."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce

import polars as pl

from shopping_assistant.tools.catalog import CATALOG_SCHEMA, TEXT_COLUMNS
from shopping_assistant.tools.cell_values import (
    PLAIN_NUMBER,
    as_moments,
    as_text,
    attribute_value,
    list_of,
    plain_text,
    price_of,
    text_lists,
    typed_values,
)
from shopping_assistant.tools.sessions import ACTIONS, EVENT_SCHEMA
from shopping_assistant.tools.table_files import LINE, BadRow, ImportRefused, Table, shown

MOST_KEPT = 10_000  # rows are counted beyond this, their details are not kept: a wrong file can be wrong in every row
YES = ("true", "1", "1.0", "yes", "y", "in stock", "instock", "available")
NO = ("false", "0", "0.0", "no", "n", "out of stock", "outofstock", "sold out", "unavailable")
# What other shops call our columns, so that a refusal can name the --map that mends it.
OTHER_NAMES = {
    "product_id": ("id", "sku", "asin", "article_id", "item_id", "productid", "parent_asin", "variant_id", "handle"),
    "title": ("name", "product_name", "product_title", "prod_name", "productdisplayname", "item_name"),
    "session_id": ("session", "visit_id", "visit", "sessionid", "order_id", "basket_id", "user_id"),
    "timestamp": ("time", "date", "datetime", "ts", "event_time", "created_at", "t_dat", "unixreviewtime"),
    "action": ("event", "event_type", "type", "behavior", "behaviour"),
}  # fmt: skip


@dataclass
class Findings:
    """The bad rows of one table."""

    table: Table
    sources: dict[str, str] = field(default_factory=dict)  # our column → its name in the file
    bad: list[BadRow] = field(default_factory=list)
    lines: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.bad.extend(self.table.bad)
        self.unreadable = len(self.table.bad)

    @property
    def count(self) -> int:
        return len(self.lines) + self.unreadable

    def note(
        self,
        wrong: pl.Series,
        column: str,
        expected: str | Callable[[int], str],
        remedy: str = "correct the row",
        values: Sequence | None = None,
    ) -> None:
        """Mark the rows where ``wrong`` ``(n,)`` is true; ``expected`` may depend on the row's index."""
        rows = wrong.fill_null(False).arg_true().to_list()
        if not rows:
            return
        lines = self.table.frame[LINE]
        source = self.sources.get(column, column)
        name = source if source == column else f"{source} ({column})"
        given = values if values is not None else self._cells(source)
        for row in rows:
            self.lines.add(lines[row])
            if len(self.bad) < MOST_KEPT:
                told = expected(row) if callable(expected) else expected
                self.bad.append(
                    BadRow(self.table.name, lines[row], name, shown(given[row]), told, remedy, self.table.unit)
                )

    def _cells(self, source: str) -> Sequence:
        return self.table.frame[source] if source in self.table.frame.columns else [None] * len(self.table.frame)

    def good(self, frame: pl.DataFrame) -> pl.DataFrame:
        """``frame``, row for row that of the table, without the bad rows."""
        if not self.lines:
            return frame
        return frame.filter(~self.table.frame[LINE].is_in(pl.Series(sorted(self.lines), dtype=pl.Int64).implode()))

    def refuse(self, skippable: bool = True) -> None:
        """Raise when there is a bad row, naming the first, and how many there are."""
        if not self.bad:
            return
        first = min(self.bad, key=lambda b: b.line)
        way_out = " or pass --skip-bad" if skippable else ""
        more = f" ({self.count - 1:,} more bad rows in this file)" if self.count > 1 else ""
        raise ImportRefused(f"{first}{way_out}{more}")


def match_columns(table: Table, mapping: dict[str, str], known: Sequence[str], required: Sequence[str], option: str):
    """Our column → the file's, by ``mapping``, then by the same name in any case.

    Raises:
        ImportRefused: a mapping names a column that is not there, or a required column is missing.
    """
    there = ", ".join(table.columns)
    matched = {}
    for target, source in mapping.items():
        if target not in known:
            raise ImportRefused(f"{option} {target}={source}: no such column; expected one of {', '.join(known)}")
        if source not in table.columns:
            raise ImportRefused(f"{option} {target}={source}: {table.name} has no column {source!r}; it has {there}")
        matched[target] = source
    by_name = {re.sub(r"[\s-]+", "_", c.strip().lower()): c for c in reversed(table.columns)}
    for target in known:
        source = target if target in table.columns else by_name.get(target)
        if target not in matched and source is not None and source not in mapping.values():
            matched[target] = source
    for target in required:
        if target not in matched:
            guess = next((by_name[n] for n in OTHER_NAMES.get(target, ()) if n in by_name), "THEIR_NAME")
            raise ImportRefused(
                f"{table.name} has no column {target}; it has {there}. If one of them is meant, pass "
                f"{option} {target}={guess}"
            )
    return matched


def check_products(
    table: Table, mapping: dict[str, str] | None = None, currency: str | None = None
) -> tuple[pl.DataFrame, Findings]:
    """The rows as products in ``CATALOG_SCHEMA``, without the bad ones, and what was bad.

    Columns that a product does not have become its attributes.
    """
    mapping = mapping or {}
    matched = match_columns(table, mapping, list(CATALOG_SCHEMA), ("product_id", "title"), "--map")
    found = Findings(table, matched)
    frame = table.frame
    columns: dict[str, pl.Series] = {}
    for name in TEXT_COLUMNS:
        columns[name] = as_text(frame[matched[name]]) if name in matched else _nothing(frame, pl.String)
    columns["title"] = columns["title"].str.replace_all(r"\s+", " ")
    found.note(columns["product_id"].is_null(), "product_id", "text that names the product")
    found.note(columns["title"].is_null(), "title", "the product's title")
    note_duplicates(found, columns["product_id"])
    columns["price"], said = _prices(found, frame, matched.get("price"))
    stated = columns["currency"].str.to_uppercase()
    found.note((said != stated).fill_null(False), "price", lambda row: f"a price in {stated[row]}, its currency")
    by_default = pl.Series([currency], dtype=pl.String).new_from_index(0, len(frame))
    columns["currency"] = _first_given(stated, said, by_default)
    columns["currency"] = columns["currency"].set(columns["price"].is_null(), None)
    no_sizes = _nothing(frame, pl.List(pl.String))
    columns["size"] = as_lists(frame[matched["size"]], found, "size") if "size" in matched else no_sizes
    columns["available"] = _yes_or_no(found, frame, matched.get("available"))
    taken = {*matched.values(), LINE}
    extras = [c for c in table.columns if c not in taken and c not in CATALOG_SCHEMA]
    columns["attributes"] = _attributes(found, frame, extras, matched.get("attributes"), table.text_only)
    ready = pl.DataFrame({name: columns[name] for name in CATALOG_SCHEMA})
    return found.good(ready.cast(CATALOG_SCHEMA)), found


def check_events(
    table: Table,
    products: pl.Series,
    mapping: dict[str, str] | None = None,
    action_values: dict[str, str] | None = None,
) -> tuple[pl.DataFrame, Findings]:
    """The rows as events in ``EVENT_SCHEMA``, without the bad ones, and what was bad.

    Args:
        products: the catalogue's product ids, ``(n,)``.
    """
    matched = match_columns(
        table, mapping or {}, list(EVENT_SCHEMA), ("session_id", "timestamp", "action"), "--map-event"
    )
    found = Findings(table, matched)
    frame = table.frame
    text = {
        n: as_text(frame[matched[n]]) if n in matched else _nothing(frame, pl.String)
        for n in ("session_id", "user_id", "action", "query", "product_id")
    }
    found.note(text["session_id"].is_null(), "session_id", "text that names the session")
    action = _actions(found, text["action"], action_values or {})
    moment = moments_of(found, frame[matched["timestamp"]])
    found.note(
        (action == "search") & text["query"].is_null(), "query", "the words of the search, as its action is search"
    )
    about_product = action.is_in(["click", "purchase"])
    found.note(
        about_product & text["product_id"].is_null(), "product_id",
        lambda row: f"the product's id, as its action is {action[row]}",
    )  # fmt: skip
    known = pl.Series(products, dtype=pl.String).implode()
    unknown = text["product_id"].is_not_null() & ~text["product_id"].is_in(known)
    in_catalogue = f"a product of this catalogue of {len(products):,}"
    found.note(unknown, "product_id", in_catalogue, "add the product to the catalogue or correct the row")
    lists = as_lists(frame[matched["shown"]], found, "shown") if "shown" in matched else None
    if lists is not None:
        _note_unknown_shown(found, lists, known, in_catalogue)
    position = _positions(found, frame, matched.get("position"))
    ready = pl.DataFrame(
        {
            "session_id": text["session_id"],
            "user_id": _first_given(text["user_id"], text["session_id"]),
            "timestamp": moment,
            "action": action,
            "query": text["query"],
            "product_id": text["product_id"],
            "shown": lists if lists is not None else _nothing(frame, pl.List(pl.String)),
            "position": position,
        }
    )
    return found.good(ready.cast(EVENT_SCHEMA)), found


def _nothing(frame: pl.DataFrame, kind: pl.DataType) -> pl.Series:
    return pl.Series([None], dtype=kind).new_from_index(0, len(frame))


def _first_given(*series: pl.Series) -> pl.Series:
    return reduce(lambda a, b: a.fill_null(b), series)


def as_lists(cells: pl.Series, found: Findings, column: str) -> pl.Series:
    """Cells as lists of text; no value is null."""
    if isinstance(cells.dtype, (pl.List, pl.Array)):
        lists = text_lists(cells)
    else:
        text = plain_text(cells)
        values = {t: list_of(t) for t in text.drop_nulls().unique().to_list()}
        lists = pl.Series([None if t is None else values[t] for t in text.to_list()], dtype=pl.List(pl.String))
        found.note(text.is_not_null() & lists.is_null(), column, "a JSON list, or values separated by | or commas")
    return lists.set(lists.list.len() == 0, None) if len(lists) else lists


def _prices(found: Findings, frame: pl.DataFrame, source: str | None) -> tuple[pl.Series, pl.Series]:
    """Amounts ``(n,)``, null where there is none, and the currencies that the cells themselves say."""
    if source is None:
        return _nothing(frame, pl.Float64), _nothing(frame, pl.String)
    cells = frame[source]
    if cells.dtype.is_numeric():
        text, prices, said = cells.cast(pl.Float64), cells.cast(pl.Float64), _nothing(frame, pl.String)
    else:
        text = plain_text(cells)
        read = {t: price_of(t) or (None, None) for t in text.drop_nulls().unique().to_list()}
        plain = text.str.contains(PLAIN_NUMBER).fill_null(False)
        prices = pl.Series([None if t is None else read[t][0] for t in text.to_list()], dtype=pl.Float64)
        prices = text.cast(pl.Float64, strict=False).zip_with(plain, prices)
        said = pl.Series([None if t is None else read[t][1] for t in text.to_list()], dtype=pl.String)
    wrong = text.is_not_null() & ~(prices.is_finite() & (prices >= 0)).fill_null(False)
    found.note(wrong, "price", "a number ≥ 0")
    return prices.set(wrong, None), said


def refuse_bad(findings: Sequence[Findings], skip_bad: bool) -> None:
    """Raise for the first table with a bad row, unless bad rows are to be left out."""
    if not skip_bad:
        for found in findings:
            found.refuse()


def note_duplicates(found: Findings, ids: pl.Series) -> None:
    """Mark the rows whose id ``(n,)`` an earlier row has already."""
    again = ids.is_not_null() & ~ids.is_first_distinct()
    if again.any():
        lines = found.table.frame[LINE].to_list()
        first: dict[str, int] = {}
        for line, pid in zip(lines, ids.to_list(), strict=True):
            first.setdefault(pid, line)
        unit = found.table.unit
        found.note(again, "product_id", lambda row: f"an id of its own, {unit} {first[ids[row]]} has it already")


def _yes_or_no(found: Findings, frame: pl.DataFrame, source: str | None) -> pl.Series:
    if source is None:
        return pl.Series([True]).new_from_index(0, len(frame))
    text = as_text(frame[source]).str.to_lowercase()
    wrong = text.is_not_null() & ~text.is_in([*YES, *NO])
    found.note(wrong, "available", "true or false")
    return text.is_in(YES).fill_null(True)


def _actions(found: Findings, given: pl.Series, action_values: dict[str, str]) -> pl.Series:
    for theirs, ours in action_values.items():
        if ours not in ACTIONS:
            raise ImportRefused(f"--action {theirs}={ours}: expected one of {', '.join(ACTIONS)} after the =")
    ours = given.str.to_lowercase().replace({theirs.lower(): name for theirs, name in action_values.items()})
    known = ours.is_in(ACTIONS).fill_null(False)
    example = next((v for v in given.filter(~known).to_list() if v), "viewed")
    found.note(
        ~known, "action", f"one of {', '.join(ACTIONS)}", f"map it with --action {example}=click, correct the row"
    )
    return ours


def moments_of(found: Findings, cells: pl.Series) -> pl.Series:
    """UTC times ``(n,)`` of a table's timestamps; rows without a sensible one are marked."""
    moments = as_moments(cells)
    sensible = (moments.dt.year() > 1970) & (moments.dt.year() < 2100)
    expected = "ISO 8601 (2026-01-31T18:05:00Z) or seconds or milliseconds since 1970"
    found.note(~sensible.fill_null(False), "timestamp", expected)
    return moments


def _positions(found: Findings, frame: pl.DataFrame, source: str | None) -> pl.Series:
    if source is None:
        return _nothing(frame, pl.Int32)
    text = as_text(frame[source])
    whole = text.str.replace(r"\.0+$", "").cast(pl.Int32, strict=False)
    wrong = text.is_not_null() & (whole.is_null() | (whole < 1).fill_null(False))
    found.note(wrong, "position", "a whole number ≥ 1, the first position being 1")
    return whole


def _note_unknown_shown(found: Findings, lists: pl.Series, known: pl.Series, expected: str) -> None:
    each = lists.rename("shown").to_frame().with_row_index("row").drop_nulls().explode("shown")
    unknown = dict(each.filter(~pl.col("shown").is_in(known)).unique("row", keep="first").select("row", "shown").rows())
    if unknown:
        wrong = pl.Series([row in unknown for row in range(len(lists))])
        remedy = "add the product to the catalogue or correct the row"
        found.note(wrong, "shown", expected, remedy, [unknown.get(row) for row in range(len(lists))])


def _attributes(
    found: Findings, frame: pl.DataFrame, extras: list[str], own: str | None, text_only: frozenset[str]
) -> pl.Series:
    """Each product's attributes as a JSON object: the file's further columns, and what its own ``attributes`` hold."""
    names = [c.strip() for c in extras]
    columns = [typed_values(frame[c], c in text_only) for c in extras]
    objects = _objects(found, frame[own]) if own else [{}] * len(frame)
    rows = zip(*columns, strict=True) if columns else [()] * len(frame)
    out = [
        json.dumps(
            {**mine, **{n: v for n, v in zip(names, row, strict=True) if v is not None and n not in mine}},
            ensure_ascii=False,
        )
        for mine, row in zip(objects, rows, strict=True)
    ]
    return pl.Series(out, dtype=pl.String)


def _objects(found: Findings, cells: pl.Series) -> list[dict]:
    out, wrong = [], []
    for text in plain_text(cells).to_list():
        try:
            value = json.loads(text) if text else {}
        except ValueError:
            value = None
        wrong.append(not isinstance(value, dict))
        clean = {k: attribute_value(v) for k, v in value.items()} if isinstance(value, dict) else {}
        out.append({k: v for k, v in clean.items() if v is not None})
    found.note(pl.Series(wrong, dtype=pl.Boolean), "attributes", "a JSON object, name to value")
    return out
