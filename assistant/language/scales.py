"""What one shop's products have more or less of: where each stands between short and long, light and dark."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from shopping_assistant.assistant.language import degree_words as words
from shopping_assistant.assistant.language.degree_words import DEGREES, Degree
from shopping_assistant.assistant.language.vocabulary import Vocabulary, key_of, phrase_key

# Numbers become steps that a shopper notices: a quarter more litres, a season, a shade.
RATIO, DAYS, SHADE = 1.25, 120.0, 12.0
# A kind states what so many of its products state.
STATED = 0.5
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?$")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")


@dataclass(frozen=True)
class Scale:
    """A `Degree` in one catalogue: ``attribute`` that states it, or "text" where only titles do."""

    degree: Degree
    attribute: str

    @property
    def word(self) -> str:
        """What the more of it is called."""
        return self.degree.more[0]


class Scales:
    """The scales of one catalogue. Positions are worked out when first asked for."""

    def __init__(self, vocabulary: Vocabulary):
        self.vocabulary = vocabulary
        self.catalog = vocabulary.catalog
        by_key = {phrase_key(a): a for a in reversed(vocabulary.attributes)}
        self.scales = tuple(
            Scale(d, next((by_key[phrase_key(a)] for a in d.attributes if phrase_key(a) in by_key), "text"))
            for d in DEGREES
        )
        # One attribute states one thing: what comes later in the list only borrows its name.
        taken: set[str] = set()
        self.scales = tuple(
            s
            if s.attribute == "text" or not (s.attribute in taken or taken.add(s.attribute))
            else Scale(s.degree, "text")
            for s in self.scales
        )
        self._positions: dict[str, np.ndarray] = {}
        self._stated: dict[tuple[str, str], float] = {}
        self.adjectives = {key_of(w): None for d in DEGREES for w in (*d.more, *d.less)}
        self.nouns = {key_of(n) for d in DEGREES for n in d.nouns}

    def of(self, adjective: str, noun: str | None, categories: Sequence[str]) -> tuple[Scale, int] | None:
        """The scale an adjective (base form) is about, and +1 or -1; None for no scale.

        Args:
            noun: what it is said of, as `key_of` has it.
            categories: what is talked of, in the catalogue's words.
        """
        key = key_of(adjective)
        found = []
        for s in self.scales:
            sign = 1 if key in map(key_of, s.degree.more) else -1 if key in map(key_of, s.degree.less) else 0
            if sign:
                found.append((s, sign))
        if not found:
            return None
        if noun:
            named = [(s, sign) for s, sign in found if noun in map(key_of, s.degree.nouns)]
            if named:
                return max(named, key=lambda f: self._share(f[0], categories))
        found = [f for f in found if not f[0].degree.with_noun] or found
        stated = [f for f in found if self._share(f[0], categories) >= STATED]
        if stated:
            return stated[0]
        # Of what no attribute states: the plain sense of the word, which is the one without a noun of its own first.
        plainly = [f for f in found if f[0].degree.name in _PLAIN]
        return (plainly or found)[0]

    def suits(self, adjective: str, noun: str) -> bool:
        """Whether a noun is said to be so: heels are low, sleeves are not."""
        key = key_of(adjective)
        of_it = [s.degree for s in self.scales if key in map(key_of, (*s.degree.more, *s.degree.less))]
        return any(noun in map(key_of, d.nouns) for d in of_it)

    def by_attribute(self, attribute: str, word: str = "") -> Scale | None:
        """The scale of a leaning: by the catalogue's attribute, or for "text" by its word."""
        if attribute != "text":
            return next((s for s in self.scales if s.attribute == attribute), None)
        return next((s for s in self.scales if s.attribute == "text" and s.degree.name == word), None)

    def named(self, noun: str) -> Scale | None:
        """The scale a noun speaks of: "length", "neckline"."""
        for s in self.scales:
            if (
                noun == key_of(s.degree.name)
                or noun in phrase_key(s.degree.name).split()
                or noun in map(key_of, s.degree.nouns)
            ):
                return s
        return None

    def _share(self, scale: Scale, categories: Sequence[str]) -> float:
        """How many of the products of these kinds state it."""
        if scale.attribute == "text":
            return 0.0
        key = (scale.attribute, "|".join(categories))
        if key not in self._stated:
            rows = self._rows(categories)
            stated = np.zeros(len(self.catalog), dtype=bool)
            for value in self.vocabulary.values.get(scale.attribute, {}):
                stated[self.catalog.rows_with(scale.attribute, value)] = True
            if not self.vocabulary.values.get(scale.attribute):
                stated = np.array([c not in (None, "", []) for c in self.catalog.cells(scale.attribute)])
            self._stated[key] = float(stated[rows].mean()) if len(rows) else 0.0
        return self._stated[key]

    def _rows(self, categories: Sequence[str]) -> np.ndarray:
        if not categories:
            return np.arange(len(self.catalog))
        return np.concatenate([self.catalog.rows_with("category", c) for c in categories])

    def positions(self, scale: Scale) -> np.ndarray:
        """Where each product stands, in steps, ``(n,)`` float32; NaN where nothing says it."""
        name = scale.degree.name
        if name not in self._positions:
            self._positions[name] = self._worked_out(scale)
        return self._positions[name]

    def _worked_out(self, scale: Scale) -> np.ndarray:
        if scale.degree.name == "color":
            return self._from_values(scale.attribute, _darkness)
        if scale.attribute != "text" and not scale.degree.steps:
            return self._from_numbers(scale)
        if scale.attribute != "text":
            return self._from_values(scale.attribute, lambda value: _step(scale.degree, value))
        return self._from_titles(scale.degree)

    def _from_values(self, attribute: str, position) -> np.ndarray:
        total, count = np.zeros(len(self.catalog)), np.zeros(len(self.catalog))
        for value in self.vocabulary.values.get(attribute, {}):
            at = None if "," in value else position(phrase_key(value))
            if at is not None:
                rows = self.catalog.rows_with(attribute, value)
                total[rows] += at
                count[rows] += 1
        with np.errstate(invalid="ignore", divide="ignore"):
            return (total / count).astype(np.float32)

    def _from_numbers(self, scale: Scale) -> np.ndarray:
        out = np.full(len(self.catalog), np.nan, dtype=np.float32)
        for row, cell in enumerate(self.catalog.cells(scale.attribute)):
            out[row] = _measured(cell)
        return out

    def _from_titles(self, degree: Degree) -> np.ndarray:
        """From the words of titles: the mean of the steps that stand in one."""
        titles = self.catalog.frame["title"].str.to_lowercase().str.replace_all(r"[-_/]", " ")
        total, count = np.zeros(len(self.catalog)), np.zeros(len(self.catalog))
        for at, step in enumerate(degree.steps):
            phrases = [
                re.escape(p.strip().replace("-", " ").replace("/", " "))
                for p in step.split(",")
                if not p.strip().startswith("~")
            ]
            if phrases:
                says = titles.str.contains(rf"\b(?:{'|'.join(phrases)})(?:s|es)?\b").fill_null(False).to_numpy()
                total[says] += at
                count[says] += 1
        with np.errstate(invalid="ignore", divide="ignore"):
            return (total / count).astype(np.float32)

    def values_beyond(self, scale: Scale, sign: int, than: float | None) -> tuple[str, ...]:
        """The catalogue's values further up (``sign`` 1) or down the scale than a position, the nearest first."""
        if scale.attribute == "text" or not self.vocabulary.values.get(scale.attribute):
            return ()
        place = _darkness if scale.degree.name == "color" else lambda v: _step(scale.degree, v)
        placed = [(place(phrase_key(v)), v) for v in self.vocabulary.values[scale.attribute] if "," not in v]
        beyond = [(sign * p, v) for p, v in placed if p is not None and (than is None or sign * p > sign * than)]
        return tuple(v for _, v in sorted(beyond, reverse=than is None))[:6]


# Said without a noun of clothes whose attributes say nothing, these are meant.
_PLAIN = ("length", "color", "fit", "formality", "pattern", "heel height")


def _step(degree: Degree, key: str) -> int | None:
    """The step of a value (`phrase_key`): the longest of the scale's phrases that it has."""
    best: tuple[int, int] | None = None
    for at, step in enumerate(degree.steps):
        for phrase in step.split(","):
            wanted = phrase_key(phrase.strip().removeprefix("~"))
            if wanted and f" {wanted} " in f" {key} " and (best is None or len(wanted) > best[0]):
                best = (len(wanted), at)
    return None if best is None else best[1]


def _darkness(key: str) -> float | None:
    """How dark a colour's name is, in shades; None for a word that is no colour."""
    parts = key.split()
    base = [words.LIGHTNESS[p] for p in parts if p in words.LIGHTNESS]
    if not base:
        return None
    moved = sum(words.SHADES.get(p, 0) for p in parts if p not in words.LIGHTNESS)
    return (100 - min(100, max(0, sum(base) / len(base) + moved))) / SHADE


def _measured(cell) -> float:
    """A number or a date in steps; NaN for neither."""
    if isinstance(cell, bool) or cell is None:
        return float("nan")
    text = cell if isinstance(cell, str) else str(cell)
    if (m := _DATE.match(text.strip())) and 1900 < int(m[1]) < 2200:
        return date(int(m[1]), int(m[2] or 1), min(int(m[3] or 1), 28)).toordinal() / DAYS
    m = _NUMBER.search(text)
    number = float(m[0].replace(",", ".")) if m else 0.0
    return float(np.log(number) / np.log(RATIO)) if number > 0 else float("nan")
