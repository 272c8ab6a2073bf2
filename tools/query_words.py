"""What the words of a query stand for in one catalogue: spelling mistakes, and words run together or apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# More words than this say no more; it is also what the sentence encoder reads.
MOST_WORDS = 64
# A shorter word has too many neighbours one letter away.
SHORTEST_MISSPELT = 4
# Up to here one letter may be wrong, two in a longer word; two mistakes in seven letters leave another word.
LONGEST_WITH_ONE_MISTAKE = 7
# Words corrected in one query; a pasted page in another language would be compared with the catalogue word by word.
MOST_CORRECTED = 12
# A part of a run-together word; digits stand by themselves ("16gb").
SHORTEST_PART = 3
# What a corrected word counts beside one that was typed as the catalogue has it.
GUESSED = 0.9
_PARTS = re.compile(r"\d+|[^\W\d_]+")


@dataclass(frozen=True)
class Wanted:
    """One word of a query: the stems that would meet it, with their weights, 1 as typed and less if guessed."""

    typed: str
    stems: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Reading:
    """A query as one catalogue reads it; ``text`` is the query with its mistakes corrected, as typed if it has none."""

    wanted: tuple[Wanted, ...]
    text: str


class QueryReader:
    """Reads queries with one catalogue's words.

    Args:
        surfaces: stem → the word it mostly stands for in the catalogue; correction leads to these.
        counts: stem → products that have it; of equally near words the more frequent is meant.
        words: text to words, lower-cased and without stop words, as typed; ``stem`` gives one word's stem.
        known: whether a word that no title and no value has is a word nonetheless: "wedding" is no slip for "welding".
    """

    def __init__(
        self,
        surfaces: dict[str, str],
        counts: Callable[[str], int],
        words: Callable[[str], list[str]],
        stem: Callable[[str], str],
        known: Callable[[str], bool],
    ):
        self._surfaces, self._counts, self._words, self._stem, self._known = surfaces, counts, words, stem, known
        self._stem_of = {surface: stem for stem, surface in surfaces.items()}
        self._targets = sorted(w for w in self._stem_of if w.isalpha() and len(w) >= SHORTEST_MISSPELT)

    def read(self, query: str) -> Reading:
        """The words of ``query``, each once, the first `MOST_WORDS` of them."""
        typed = list(dict.fromkeys(self._words(query)))[:MOST_WORDS]
        corrected: dict[str, str] = {}
        out: list[Wanted] = []
        for place, word in enumerate(typed):
            stem = self._stem(word)
            stems = [(stem, 1.0)] + [(joined, 1.0) for joined in self._joined(typed, place)]
            if stem not in self._surfaces and len(stems) == 1 and not self._known(word):
                if parts := self._apart(word):
                    corrected[word] = " ".join(parts)
                    out += [Wanted(word, ((self._stem(part), 1.0),)) for part in parts]
                    continue
                meant = self._meant(word) if len(corrected) < MOST_CORRECTED else None
                if meant:
                    corrected[word] = meant
                    stems.append((self._stem_of[meant], GUESSED))
            out.append(Wanted(word, tuple(stems)))
        return Reading(tuple(out), _replaced(query, corrected))

    def _joined(self, typed: Sequence[str], place: int) -> list[str]:
        """Stems of this word written together with its neighbours: "back pack" is also "backpack"."""
        pairs = [typed[at : at + 2] for at in (place - 1, place) if at >= 0]
        stems = [(self._stem("".join(pair)), pair) for pair in pairs if len(pair) == 2]
        # A stem can swallow the second word: of "silverring" only "silver" is left.
        return [s for s, pair in stems if s in self._surfaces and s not in map(self._stem, pair)]

    def _apart(self, word: str) -> tuple[str, str] | None:
        """The two words of the catalogue that were run together, the pair whose rarer word is the most frequent."""
        ends = {m.end() for m in _PARTS.finditer(word)}
        found = []
        for cut in range(1, len(word)):
            pair = word[:cut], word[cut:]
            if cut in ends or min(map(len, pair)) >= SHORTEST_PART:
                counts = [self._counts(self._stem(part)) for part in pair]
                if min(counts) > 0:
                    found.append((min(counts), pair))
        return max(found)[1] if found else None

    def _meant(self, word: str) -> str | None:
        """The catalogue's word that ``word`` is a slip of, None if there is none."""
        if len(word) < SHORTEST_MISSPELT or not word.isalpha() or not self._targets:
            return None
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        allowed = 1 if len(word) <= LONGEST_WITH_ONE_MISTAKE else 2
        near = process.extract(word, self._targets, scorer=OSA.distance, score_cutoff=allowed, limit=None)
        if not near:
            return None
        # The first letter is hardly ever wrong.
        return min((far + 0.5 * (w[0] != word[0]), -self._counts(self._stem_of[w]), w) for w, far, _ in near)[2]


def _replaced(query: str, corrected: dict[str, str]) -> str:
    for word, meant in corrected.items():
        query = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", lambda _, meant=meant: meant, query, flags=re.IGNORECASE)
    return query
