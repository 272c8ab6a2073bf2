"""What one cell of a shop's file means: text, lists, prices, times, attribute values."""

from __future__ import annotations

import ast
import json
import re

import polars as pl

FIXED_CURRENCIES = {
    "€": "EUR", "$": "USD", "us$": "USD", "£": "GBP", "¥": "JPY", "₹": "INR", "rs": "INR", "kr": None, "zł": "PLN",
    "₽": "RUB", "₩": "KRW", "₺": "TRY", "a$": "AUD", "c$": "CAD", "r$": "BRL",
}  # fmt: skip
CURRENCY_CODES = frozenset(
    """AED ARS AUD BGN BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR ISK JPY KRW MAD MXN MYR NGN NOK
    NZD PEN PHP PKR PLN QAR RON RSD RUB SAR SEK SGD THB TRY TWD UAH USD VND ZAR""".split()
)
PLAIN_NUMBER = r"^(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$"


def plain_text(cells: pl.Series) -> pl.Series:
    """Cells of any type as trimmed text, empty is null; 123.0 is "123", as it was before a data frame read it."""
    kind = cells.dtype
    if kind.is_float():
        whole = (cells == cells.round()) & (cells.abs() < 2**53)
        integers = cells.cast(pl.Int64, strict=False).cast(pl.String)
        text = integers.zip_with(whole.fill_null(False), cells.cast(pl.String))
    elif kind.is_nested() or kind in (pl.Duration, pl.Binary):
        text = pl.Series([None if c is None else _as_json(c) for c in cells.to_list()], dtype=pl.String)
    elif isinstance(kind, pl.Datetime):
        text = cells.dt.strftime("%Y-%m-%dT%H:%M:%S%.f")
    else:
        text = cells.cast(pl.String)
    text = text.str.strip_chars()
    return text.set(text == "", None)


def _as_json(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return json.dumps(value, ensure_ascii=False, default=str)


def text_lists(cells: pl.Series) -> pl.Series:
    """A column of lists as lists of trimmed text, without what is null or empty in them."""
    lists = [None if c is None else [plain(v) for v in c if v is not None and plain(v)] for c in cells.to_list()]
    return pl.Series(lists, dtype=pl.List(pl.String))


def plain(value: object) -> str:
    return value.strip() if isinstance(value, str) else _as_json(value)


def as_text(cells: pl.Series) -> pl.Series:
    """As `plain_text`, but a list, also one that is written as JSON, is joined by commas."""
    if isinstance(cells.dtype, (pl.List, pl.Array)):
        joined = text_lists(cells).list.join(", ")
        return joined.set(joined == "", None)
    cells = plain_text(cells)
    listed = cells.str.starts_with("[") & cells.str.ends_with("]")
    if listed.any():
        texts = {t: _joined(t) for t in cells.filter(listed).unique().to_list()}
        cells = cells.replace(texts)
    return cells


def _joined(text: str) -> str | None:
    values = list_of(text)
    return text if values is None else ", ".join(values) or None


def list_of(text: str) -> list[str] | None:
    """The values of '["S", "M"]', "['S', 'M']" (as Python prints it), "S|M" or "S, M"; None when it is not closed."""
    if not text.startswith("["):
        return [v.strip() for v in text.split("|" if "|" in text else ",") if v.strip()]
    for read in (json.loads, ast.literal_eval):
        try:
            values = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(values, list) and not any(isinstance(v, (dict, list)) for v in values):
            return [str(v).strip() for v in values if v is not None and str(v).strip()]
    return None


def price_of(text: str) -> tuple[float, str | None] | None:
    """The amount and, where a sign or code says it, the currency of "49.90", "€49,90", "$1,299.00" or "1 299 kr"."""
    match = re.fullmatch(r"([^\d\s.,'+-]{0,3}\.?)\s*(\d[\d.,'’\s]*?)\s*([^\d\s.,'+-]{0,3}\.?)", text.strip())
    if not match:
        return None
    amount = _amount(re.sub(r"(?<=\d)['’\s](?=\d{3}(?!\d))", "", match[2]))
    signs = [s.rstrip(".").lower() for s in (match[1], match[3]) if s.rstrip(".")]
    if amount is None or len(signs) > 1:
        return None
    if not signs:
        return amount, None
    if signs[0] in FIXED_CURRENCIES:
        return amount, FIXED_CURRENCIES[signs[0]]
    return (amount, signs[0].upper()) if signs[0].upper() in CURRENCY_CODES else None


def _amount(digits: str) -> float | None:
    """A number with a point or a comma before its decimals and, perhaps, the other one between thousands."""
    if re.fullmatch(r"\d+(\.\d+)?", digits):
        return float(digits)
    if re.fullmatch(r"\d{1,3}(,\d{2,3})*,\d{3}(\.\d+)?", digits):  # also 1,29,900.00 as written in India
        return float(digits.replace(",", ""))
    if re.fullmatch(r"\d+,\d{1,2}|\d{1,3}(\.\d{3})+(,\d+)?", digits):
        return float(digits.replace(".", "").replace(",", "."))
    return None


def as_moments(cells: pl.Series) -> pl.Series:
    """UTC times of ISO 8601 or seconds, milli- or microseconds since 1970; no zone means UTC, null neither."""
    kind = pl.Datetime("us", "UTC")
    if cells.dtype == pl.Date or isinstance(cells.dtype, pl.Datetime):
        zone = getattr(cells.dtype, "time_zone", None)
        moments = cells.cast(pl.Datetime("us", zone))
        moments = moments.dt.convert_time_zone("UTC") if zone else moments.dt.replace_time_zone("UTC")
    elif cells.dtype.is_numeric():
        moments = _since_1970(cells.cast(pl.Float64) if cells.dtype.is_float() else cells)
    else:
        text = as_text(cells)
        part = text.str.extract_groups(
            r"^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2})?(\.\d{1,9})?)?\s?(Z|z|UTC|[+-]\d{2}(?::?\d{2})?)?$"
        ).struct.unnest()
        day, minute, second, fraction, zone = (part[c] for c in part.columns)
        zone = zone.replace({"Z": "+0000", "z": "+0000", "UTC": "+0000"}).str.replace(":", "", literal=True)
        zone = zone.fill_null("+0000").str.pad_end(5, "0")
        iso = day + "T" + minute.fill_null("00:00") + second.fill_null(":00") + fraction.fill_null(".0") + zone
        moments = iso.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", strict=False, time_unit="us", time_zone="UTC")
        number = text.set(~text.str.contains(r"^\d{9,17}(\.\d+)?$").fill_null(False), None)
        whole = number.cast(pl.Int64, strict=False)
        broken = number.set(whole.is_not_null(), None).cast(pl.Float64)
        moments = moments.fill_null(_since_1970(whole)).fill_null(_since_1970(broken))
    return moments.cast(kind)


def _since_1970(numbers: pl.Series) -> pl.Series:
    """Seconds below 10¹¹ (the year 5138), milliseconds below 10¹⁴, microseconds above."""
    scale = pl.when(pl.col("n") < 10**11).then(10**6).when(pl.col("n") < 10**14).then(10**3).otherwise(1)
    micro = numbers.rename("n").to_frame().select((pl.col("n") * scale).cast(pl.Int64, strict=False)).to_series()
    return micro.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def attribute_value(value: object) -> str | float | list[str] | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return [str(v).strip() for v in value if v is not None and str(v).strip()] or None
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return value.strip() or None if isinstance(value, str) else value


def typed_values(cells: pl.Series, text_only: bool) -> list:
    """A further column's values: numbers where all are, a list where the cell is one, text otherwise."""
    kind = cells.dtype
    if isinstance(kind, (pl.List, pl.Array)):
        return [c or None for c in text_lists(cells).to_list()]
    if kind.is_numeric():
        cells = cells.cast(pl.Float64).fill_nan(None)
        return _whole(cells) if cells.drop_nulls().is_finite().all() else plain_text(cells).to_list()
    text = plain_text(cells)
    given = text.drop_nulls()
    # A leading zero or very many digits make a code, not a number; nor is text a number where the source calls it text.
    if not text_only and len(given) and given.str.contains(r"^-?(0|[1-9]\d{0,14})(\.\d+)?([eE][+-]?\d{1,2})?$").all():
        return _whole(text.cast(pl.Float64))
    listed = given.str.contains(r"^\[.*\]$|\S\|\S")
    if not listed.any():
        return text.to_list()
    values = {t: _cell_list(t) for t in given.unique().to_list()}
    return [None if t is None else values[t] for t in text.to_list()]


def _cell_list(text: str) -> str | list[str] | None:
    if text.startswith("[") or re.search(r"\S\|\S", text):
        values = list_of(text)
        return text if values is None else values or None
    return text


def _whole(numbers: pl.Series) -> list[float | int | None]:
    """As integers when all are: a year is 2012, not 2012.0."""
    given = numbers.drop_nulls()
    integers = ((given == given.round()) & (given.abs() < 2**53)).all()
    return numbers.cast(pl.Int64).to_list() if integers else numbers.to_list()
