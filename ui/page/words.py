"""The page's own words: one JSON file a language under ``languages/``, English where one lacks a word."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "languages"
DEFAULT = "en"


@dataclass(frozen=True)
class Words:
    """The words of one language; called with a word's name they give it, with its figures filled in."""

    language: str
    said: dict[str, str]

    def __call__(self, name: str, **figures: object) -> str:
        return self.said[name].format(**figures) if figures else self.said[name]


@cache
def words_in(language: str) -> Words:
    """The words of a language by its code (``de``); of the default language where there is no such file."""
    said = _read(DEFAULT)
    return Words(language, said | _read(language)) if language in languages() else Words(DEFAULT, said)


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
        code, _, weight = entry.strip().partition(";q=")
        try:
            weighted.append((-float(weight or 1), code.split("-")[0].strip().lower()))
        except ValueError:
            continue
    return next((code for _, code in sorted(weighted, key=lambda pair: pair[0]) if code in languages()), DEFAULT)
