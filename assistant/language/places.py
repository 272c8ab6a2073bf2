"""Where on the body a kind is worn, which decides what is worn together: no second pair of shoes, no top on a dress."""

from __future__ import annotations

import re
from collections.abc import Iterable

from shopping_assistant.assistant.language.vocabulary import Vocabulary, tokens_of

# Worn instead of a top and a bottom at once. Heads of category names.
WHOLE_BODY = frozenset("dress dresses gown jumpsuit playsuit romper suit overalls saree kaftan nightdress".split())
# In which order an outfit is put together where no log says so, by the covering words of the catalogue's vocabulary.
GENERAL_ORDER = ("tops", "bottoms", "shoes", "outerwear", "bag", "jewelry", "hat", "accessories")


class Places:
    """The places of one catalogue's categories."""

    def __init__(self, vocabulary: Vocabulary):
        self._vocabulary = vocabulary
        self._all = tuple(vocabulary.values.get("category", {}))
        self._of = {word: frozenset(self._covered(word)) for word in (*GENERAL_ORDER, "trousers", "luggage")}
        self._whole = frozenset(c for c in self._all if set(re.findall(r"[a-z]+", c)) & WHOLE_BODY)

    def _covered(self, word: str) -> tuple[str, ...]:
        found = self._vocabulary.matches(tokens_of(word), word)
        return next((m.values for match in found for m in match.meanings if m.attribute == "category"), ())

    def taken_by(self, category: str) -> tuple[str, ...]:
        """Categories worn in place of this one, itself among them: with boots no other shoes, with a dress no skirt."""
        taken = set(self._vocabulary.same_place(category)) | {category}
        bottoms = self._of["bottoms"] | self._of["trousers"]
        if category in self._whole:
            taken |= self._whole | bottoms | self._of["tops"]
        elif category in bottoms:
            taken |= bottoms | self._whole
        elif category in self._of["tops"]:
            taken |= self._of["tops"] | self._whole
        return tuple(sorted(taken))

    def in_order(self, without: Iterable[str]) -> list[tuple[str, ...]]:
        """Groups of categories that complete an outfit, in general order, without some categories."""
        left_out = set(without)
        groups = [tuple(c for c in self._all if c in self._of[word] and c not in left_out) for word in GENERAL_ORDER]
        return [g for g in groups if g]
