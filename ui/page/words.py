"""The page's own words and figures: one JSON file a language under ``languages/``, English where one lacks a word."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "languages"
DEFAULT = "en"

_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "INR": "₹", "JPY": "¥"}
# ISO 4217: currencies that have no smaller unit in use.
_WHOLE = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split())


@dataclass(frozen=True)
class Words:
    """The words of one language; called with a word's name they give it, with its figures filled in."""

    language: str
    said: dict[str, str]
    any_language: bool = False  # the assistant understands and answers in the shopper's language, not English alone

    def __call__(self, name: str, **figures: object) -> str:
        return self.said[name].format(**figures) if figures else self.said[name]

    def counted(self, name: str, n: int, **figures: object) -> str:
        """A word with a number in it: ``NAME_one`` for one thing, ``NAME`` for any other number."""
        return self(f"{name}_one" if n == 1 else name, n=self.number(n), **figures)

    def column(self, name: str) -> str:
        """What a column of every catalogue is called; an attribute that only this shop has keeps its name."""
        return self.said.get(f"column_{name}") or name.replace("_", " ")

    def number(self, value: float, decimals: int | None = None, grouped: bool = True) -> str:
        """A figure as the language writes it, ``1.109,9``.

        Args:
            decimals: exactly so many places; as many as there are when None.
            grouped: set thousands apart; not for what may be a year or a number of a model.
        """
        comma = "," if grouped else ""
        figure = f"{value:{comma}.{decimals}f}" if decimals is not None else f"{round(value, 6):{comma}}"
        figure = figure if decimals is not None else figure.removesuffix(".0")
        return figure.translate({ord(","): self.said["thousands_mark"], ord("."): self.said["decimal_mark"]})

    def money(self, amount: float, currency: str = "") -> str:
        """An amount with its currency, ``€109.90`` or ``109,90 €``; yen and such without decimals."""
        figure = self.number(amount, 0 if currency in _WHOLE else 2)
        if currency in _SIGNS:
            return self("money", figure=figure, sign=_SIGNS[currency])
        return f"{figure} {currency}".strip()


@cache
def words_in(language: str, any_language: bool = False) -> Words:
    """The words of a language by its code (``de``); of the default language where there is no such file.

    Args:
        any_language: the shopper need not write English: ``NAME_any`` is said where there is one, for ``NAME``.
    """
    language = language if language in languages() else DEFAULT
    said = _read(DEFAULT) | _read(language)
    if any_language:
        said |= {name.removesuffix("_any"): word for name, word in said.items() if name.endswith("_any")}
    return Words(language, said, any_language)


@cache
def languages() -> dict[str, str]:
    """The codes of the languages there are, each with its own name for itself, in alphabetical order."""
    return {path.stem: _read(path.stem)["language"] for path in sorted(FOLDER.glob("*.json"))}


@cache
def _read(language: str) -> dict[str, str]:
    return json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))


def chosen(wanted: str | None, accepted: str = "") -> str:
    """The language to speak: the one chosen, else the first that the browser accepts and the page has.

    Args:
        accepted: the header ``Accept-Language``, ``de-CH,de;q=0.9,en;q=0.8``: taken in the order of its weights.
    """
    if wanted in languages():
        return wanted
    weighted = []
    for entry in accepted.split(","):
        code, *parameters = (part.strip() for part in entry.split(";"))
        weights = [p[2:] for p in parameters if p.startswith("q=")]
        try:
            weight = float(weights[0]) if weights else 1.0
        except ValueError:
            continue
        if weight > 0:  # 0 says: not this one
            weighted.append((-weight, code.split("-")[0].lower()))
    return next((code for _, code in sorted(weighted, key=lambda pair: pair[0]) if code in languages()), DEFAULT)
