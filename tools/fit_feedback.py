"""What shoppers said of how a size fitted them, with what they said of their body: a table of its own in a store."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal, get_args

import polars as pl

from shopping_assistant.tools.cell_values import as_moments, as_text
from shopping_assistant.tools.table_checks import Findings, match_columns
from shopping_assistant.tools.table_files import LINE, Table

Fit = Literal["small", "fit", "large"]
FITS: tuple[str, ...] = get_args(Fit)
MEASURES = ("height_cm", "weight_kg", "bust_cm", "waist_cm", "hips_cm", "age")
FIT_SCHEMA = {
    "user_id": pl.String,
    "product_id": pl.String,
    "size": pl.String,
    "fit": pl.String,
    "timestamp": pl.Datetime("us", "UTC"),
    **dict.fromkeys(MEASURES, pl.Float64),
    "body_type": pl.String,
    "occasion": pl.String,
    "rating": pl.Float64,
}
REQUIRED = ("product_id", "size", "fit")
# Beyond these a figure is a slip or another unit, and one such row would bend what is learned of all bodies.
SENSIBLE = {
    "height_cm": (60.0, 230.0), "weight_kg": (8.0, 300.0), "bust_cm": (40.0, 200.0), "waist_cm": (35.0, 200.0),
    "hips_cm": (40.0, 220.0), "age": (1.0, 110.0),
}  # fmt: skip
CM_PER_INCH, KG_PER_POUND = 2.54, 0.45359237
# Inches that a cup adds to the band, as bra sizes are counted.
CUP_INCHES = {
    "aa": 0.5, "a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0, "dd": 5.0, "e": 5.0, "ddd/e": 6.0, "dd/e": 5.0, "f": 6.0,
    "g": 7.0, "h": 8.0, "i": 9.0, "j": 10.0,
}  # fmt: skip
# Centimetres that a cup adds to a band counted in them.
CUP_CM = {"aa": 11, "a": 13, "b": 15, "c": 17, "d": 19, "dd": 21, "e": 21, "f": 23, "g": 25, "h": 27, "i": 29, "j": 31}
# Our column → (how a file in other units calls it, what makes ours of it).
OTHER_UNITS = {
    "height_cm": ("height_in", CM_PER_INCH), "weight_kg": ("weight_lbs", KG_PER_POUND),
    "bust_cm": ("bust_in", CM_PER_INCH), "waist_cm": ("waist_in", CM_PER_INCH), "hips_cm": ("hips_in", CM_PER_INCH),
}  # fmt: skip
SAID = {
    "small": ("small", "too small", "runs small", "tight", "too tight", "-1"),
    "fit": ("fit", "fits", "true to size", "true", "just right", "perfect", "0"),
    "large": ("large", "too large", "runs large", "too big", "big", "loose", "+1", "1"),
}
FIT_FILES = ("fit", "fit_feedback")


def empty_feedback() -> pl.DataFrame:
    return pl.DataFrame(schema=FIT_SCHEMA)


def check_fit(
    table: Table, products: pl.Series, mapping: dict[str, str] | None = None
) -> tuple[pl.DataFrame, Findings]:
    """The rows as fit feedback in ``FIT_SCHEMA``, without the bad ones, and what was bad.

    A column in inches or pounds (``height_in``, ``weight_lbs``, ``bust_in`` …) stands in for ours.

    Args:
        products: the catalogue's product ids, ``(n,)``.
        mapping: our column → the file's.

    Raises:
        ImportRefused: a required column is missing, or the mapping names one that is not there.
    """
    in_other_units = [theirs for theirs, _ in OTHER_UNITS.values()]
    matched = match_columns(table, mapping or {}, [*FIT_SCHEMA, *in_other_units], REQUIRED, "--map-fit")
    found, frame = Findings(table, matched), table.frame
    nothing = pl.Series([None], dtype=pl.String).new_from_index(0, len(frame))
    columns = {
        name: as_text(frame[matched[name]]) if name in matched else nothing
        for name in ("user_id", "product_id", "size", "fit", "body_type", "occasion")
    }
    known = pl.Series(products, dtype=pl.String).implode()
    there = columns["product_id"].is_in(known).fill_null(False)
    found.note(
        ~there, "product_id", f"a product of this catalogue of {len(products):,}",
        "add the product to the catalogue or correct the row",
    )  # fmt: skip
    found.note(columns["size"].is_null(), "size", "the size that was worn, as the catalogue writes it")
    words = {word: fit for fit, ways in SAID.items() for word in ways}
    columns["fit"] = columns["fit"].str.to_lowercase().replace_strict(words, default=None, return_dtype=pl.String)
    found.note(columns["fit"].is_null(), "fit", f"one of {', '.join(FITS)}: how that size was on the shopper")
    columns["timestamp"] = _moments(found, frame, matched.get("timestamp"))
    for name in (*MEASURES, "rating"):
        columns[name] = _numbers(found, frame, matched, name)
    ready = pl.DataFrame({name: columns[name] for name in FIT_SCHEMA}).cast(FIT_SCHEMA)
    # Who gave no name may be anybody: taken for a shopper of their own.
    nameless = pl.concat_str(pl.lit("line "), frame[LINE].cast(pl.String))
    return found.good(ready.with_columns(pl.col("user_id").fill_null(nameless))), found


def _moments(found: Findings, frame: pl.DataFrame, source: str | None) -> pl.Series:
    if source is None:
        return pl.Series([None], dtype=FIT_SCHEMA["timestamp"]).new_from_index(0, len(frame))
    moments = as_moments(frame[source])
    found.note(as_text(frame[source]).is_not_null() & moments.is_null(), "timestamp", "ISO 8601 or seconds since 1970")
    return moments


def _numbers(found: Findings, frame: pl.DataFrame, matched: dict[str, str], name: str) -> pl.Series:
    """A measure ``(n,)`` float64 in our unit, null where nothing is said."""
    theirs, factor = OTHER_UNITS.get(name, (None, 1.0))
    column, scale = (name, 1.0) if name in matched else (theirs, factor)
    if column not in matched:
        return pl.Series([None], dtype=pl.Float64).new_from_index(0, len(frame))
    text = as_text(frame[matched[column]])
    numbers = text.cast(pl.Float64, strict=False) * scale
    low, high = SENSIBLE.get(name, (0.0, float("inf")))
    wrong = text.is_not_null() & ~numbers.is_between(low, high).fill_null(False)
    unit = f" between {low / scale:g} and {high / scale:g}" if name in SENSIBLE else " ≥ 0"
    found.note(wrong, column, f"a number{unit}", "correct the row or leave the cell empty")
    return numbers.set(wrong, None)


def part_of(user_id: str, parts: int = 10, salt: str = "") -> int:
    """Which of ``parts`` a shopper belongs to: the first four bytes of the SHA-256 of ``salt`` and the id.

    Part 0 of ten, without salt, is kept back from training when size advice is measured.
    """
    return int.from_bytes(hashlib.sha256((salt + user_id).encode()).digest()[:4], "big") % parts


def read_feedback(path: Path) -> pl.DataFrame:
    """A store's table in ``FIT_SCHEMA``."""
    return pl.read_parquet(path).select(list(FIT_SCHEMA)).cast(FIT_SCHEMA)
