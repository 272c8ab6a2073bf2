"""Sizes as numbers on the scale they belong to: "M" and "XL" on one, "38" and "39" on another, "W32" on a third."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

LETTERS = "letters"
NUMBERS = "numbers"
_WORDS = {"small": "s", "medium": "m", "large": "l", "sm": "s", "med": "m", "lg": "l"}
_LETTER = re.compile(r"(?:(?P<times>[2-9])|(?P<x>x+))?(?P<end>[sl])|m")
_NUMBER = re.compile(
    r"(?P<before>[a-z]{0,3})\.?\s*(?P<low>\d{1,3}(?:[.,]\d)?)(?:\s*[-/]\s*(?P<high>\d{1,3}(?:[.,]\d)?))?\s*(?P<after>[a-z]{0,3})"
)
# Of trousers only the waist is the size; the length that follows fits or does not by itself.
_LENGTH = re.compile(r"(?<=\d)\s*[/x-]?\s*l\d{2}$")


@dataclass(frozen=True)
class SizeMark:
    """Where a size stands: ``number`` grows with the garment; only marks of one ``scale`` can be compared."""

    scale: str
    number: float


@lru_cache(maxsize=4096)
def size_mark(text: str) -> SizeMark | None:
    """A size's place on its scale; None for "one size" and whatever is no size that grows.

    "S/M" lies between S and M, "98/104" between the two; "EU 38", "UK 10" and "US 6" are scales of their own.
    """
    said = " ".join(text.lower().replace("-", " ").split()) if not any(c.isdigit() for c in text) else text.lower()
    said = _LENGTH.sub("", said.strip())
    parts = [p.strip() for p in said.split("/")] if not any(c.isdigit() for c in said) else [said]
    letters = [_letter(p) for p in parts]
    if all(n is not None for n in letters):
        return SizeMark(LETTERS, sum(letters) / len(letters))
    found = _letter(said)
    if found is not None:
        return SizeMark(LETTERS, found)
    m = _NUMBER.fullmatch(said)
    if not m or (m["before"] and m["after"]):
        return None
    low = float(m["low"].replace(",", "."))
    high = float(m["high"].replace(",", ".")) if m["high"] else low
    return SizeMark(m["before"] or m["after"] or NUMBERS, (low + high) / 2)


def _letter(said: str) -> float | None:
    """M is 0, each step 1: "xs" -2, "extra large" and "1x" 2, "3xl" 4."""
    words = [_WORDS.get(w, w) for w in said.split()]
    joined = re.sub(r"(?:extra|x)(?=[sxl]|extra)", "x", "".join(words))
    if re.fullmatch(r"[1-6]x", joined):
        return float(joined[0]) + 1
    joined = re.sub(r"^([2-9])x(?=[sl])", r"\1", joined)
    m = _LETTER.fullmatch(joined)
    if not m:
        return None
    if joined == "m":
        return 0.0
    steps = 1 + (int(m["times"]) if m["times"] else len(m["x"] or ""))
    return float(steps if m["end"] == "l" else -steps)
