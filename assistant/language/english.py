"""How common a word is in plain English, so that no everyday word is taken for a misspelt or a hidden value.

The counts are those that the package pyspellchecker carries (spoken English, 160,000 words). Its own correction is not
used: it knows no catalogue, and would turn a shop's names into words.
"""

from __future__ import annotations

import functools
import gzip
import json
from importlib.resources import files

# Words rarer than this are left out: they are names and oddities, and cost memory.
_KEPT = 80_000
# Up to here a word is typed on purpose far more often than by a slip.
EVERYDAY = 20_000


@functools.cache
def _ranked() -> dict[str, int]:
    packed = files("spellchecker").joinpath("resources", "en.json.gz").read_bytes()
    counts: dict[str, int] = json.loads(gzip.decompress(packed))
    common = sorted(counts, key=lambda word: (-counts[word], word))[:_KEPT]
    return {word: rank for rank, word in enumerate(common)}


def rank(word: str) -> int | None:
    """The word's place by frequency, 0 for the most frequent; None for a word that is none."""
    return _ranked().get(word)


def is_everyday(word: str, below: int = EVERYDAY) -> bool:
    """Whether a word is among the ``below`` most frequent ones."""
    found = rank(word)
    return found is not None and found < below
