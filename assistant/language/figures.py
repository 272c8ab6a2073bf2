"""Numbers written as words, turned into figures without moving anything else: "two hundred and fifty" is "250"."""

from __future__ import annotations

import re

_UNITS = {w: i for i, w in enumerate(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen".split())}  # fmt: skip
_TENS = {w: 10 * i for i, w in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)} | {
    "fourty": 40
}
_SCALES = {"hundred": 100, "thousand": 1000, "grand": 1000}
_SMALL = "|".join(sorted((*_UNITS, *_TENS), key=len, reverse=True))
_BIG = "|".join(_SCALES)
_RUN = re.compile(
    rf"\b(?:(?:an?|{_SMALL}|\d{{1,3}}(?:\.\d)?)[ -](?={_BIG}))?(?:{_SMALL}|{_BIG})"
    rf"(?:(?:(?<=hundred) and |(?<=thousand) and |[ -])(?:{_SMALL}|{_BIG}))*\b(?! ?(?:percent|%))"
)
_COMMA = re.compile(r"(?<![\w.,])(\d{1,3}),(\d{3})(?![\w,]|\.\d{3})")
# "One" and "two" mostly count or point; what costs money or measures a body is more.
_LEAST = 10


def in_figures(text: str) -> str:
    """The text (lower case) with its number words as figures, filled up with blanks to the same length.

    Our own, since every character must keep its place: what libraries for this return can no longer be matched with the
    words of the sentence.
    """
    text = _COMMA.sub(lambda m: f"{m[1]}{m[2]} ", text)
    return _RUN.sub(_figure, text)


def _figure(m: re.Match) -> str:
    value = _value(re.split(r"[ -]+", m[0]))
    if value is None or value < _LEAST:
        return m[0]
    figure = f"{value:g}" if value < 1e6 else str(int(value))
    return figure.ljust(len(m[0])) if len(figure) <= len(m[0]) else m[0]


def _value(words: list[str]) -> float | None:
    """The number that the words say; "one fifty" is 150."""
    total, part = 0.0, 0.0
    for i, word in enumerate(words):
        if word in _UNITS:
            part += _UNITS[word]
        elif word in _TENS:
            part = part * 100 + _TENS[word] if 0 < part < 10 and i == 1 else part + _TENS[word]
        elif word == "hundred":
            part = (part or 1) * 100
        elif word in _SCALES:
            total, part = total + (part or 1) * _SCALES[word], 0.0
        elif re.fullmatch(r"[\d.]+", word):
            part += float(word)
        elif word not in ("and", "a", "an"):
            return None
    return total + part
