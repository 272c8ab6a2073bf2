"""Nearest meaning: what a phrase that no value is called comes closest to, by sentence vectors.

A catalogue's values are too short to compare with ("travel"), so that each is held by anchors: its own name and the
words known to mean it ("holiday", "city trip"). A phrase leans to the values of the nearest anchor. It is a guess, and
orders products only.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shopping_assistant.assistant.language import english
from shopping_assistant.assistant.language import fashion_words as words
from shopping_assistant.assistant.language.leanings import Leaning
from shopping_assistant.assistant.language.vocabulary import MOST_DESCRIBING, Token, Vocabulary
from shopping_assistant.tools.sentence_encoder import SentenceEncoder

# What a phrase can be guessed to be about: what for, when, and how it looks or feels. Never a kind, a size or a brand.
GUESSED = ("occasion", "season", "look", "style", "fit", "pattern", "material")
# Cosine from which a phrase counts as meant, for several words and for one: single words are near to much. Chosen on
# fifty phrases beside the demo shop's values ("board meeting" 0.68 to meeting; "delivery" 0.50 to flight).
CLOSE, CLOSE_OF_ONE = 0.55, 0.62
# Another attribute is meant as well when it is hardly further away.
AS_CLOSE = 0.08
_LONGEST, _MOST_PHRASES = 3, 2
_KEPT = 2000
# Times and persons are near to occasions ("Monday" to weekend) and mean none.
_NOTHING_MEANT = frozenset(
    """monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
    september october november december week weeks month months year years ago soon tomorrow tonight yesterday hour
    hours minutes delivery shipping order payment account password return refund question answer""".split()
)


@dataclass(frozen=True)
class _Anchors:
    """Unit vectors of all anchors ``(n, dim)``, and what each stands for."""

    vectors: np.ndarray
    meanings: list[tuple[str, tuple[str, ...]]]


class Nearest:
    """Guesses for one vocabulary. Anchors are embedded when a first phrase needs them; safe for several threads."""

    def __init__(self, vocabulary: Vocabulary):
        self._vocabulary = vocabulary
        self._lock = threading.Lock()
        self._made: _Anchors | None = None
        self._known: dict[str, tuple[Leaning, ...]] = {}

    def warm(self) -> None:
        """Embed the anchors, some hundred words: a first phrase that names nothing would wait for seconds."""
        self._anchors()

    def leanings(self, tokens: Sequence[Token], taken: Sequence[int]) -> tuple[Leaning, ...]:
        """What the phrases of a sentence that name nothing lean to.

        Args:
            taken: places of the tokens that are understood already, or negated.
        """
        phrases = self._phrases(tokens, frozenset(taken))
        new = [p for p in phrases if p not in self._known]
        if new:
            self._guess(new)
        return tuple(wish for p in phrases for wish in self._known.get(p, ()))

    def _phrases(self, tokens: Sequence[Token], taken: frozenset[int]) -> list[str]:
        """Runs of English words that titles do not have: words that titles have are searched for."""
        runs: list[list[str]] = [[]]
        for i, token in enumerate(tokens):
            if i in taken or not _may_mean(token):
                runs.append([])
            else:
                runs[-1].append(token.text)
        return [phrase for run in runs if run for phrase in self._worth_a_guess(run)][:_MOST_PHRASES]

    def _worth_a_guess(self, run: Sequence[str]) -> list[str]:
        phrase = " ".join(run[-_LONGEST:])
        known = all(word in self._vocabulary.known_words for word in run)
        return [] if known and phrase not in self._texts else [phrase]

    @functools.cached_property
    def _texts(self) -> frozenset[str]:
        return frozenset(self._anchor_texts()[0])

    def _guess(self, phrases: Sequence[str]) -> None:
        anchors = self._anchors()
        if len(self._known) > _KEPT:
            self._known.clear()
        if not len(anchors.vectors):
            self._known.update(dict.fromkeys(phrases, ()))
            return
        # One at a time: a phrase's vector must not depend on what else was said.
        for phrase in phrases:
            near = anchors.vectors @ SentenceEncoder.load().encode([phrase])[0]
            self._known[phrase] = _leaning_to(phrase, near, anchors.meanings)

    def _anchors(self) -> _Anchors:
        with self._lock:
            if self._made is None:
                texts, meanings = self._anchor_texts()
                vectors = SentenceEncoder.load().encode(texts) if texts else np.empty((0, 0), dtype=np.float32)
                self._made = _Anchors(vectors, meanings)
        return self._made

    def _anchor_texts(self) -> tuple[list[str], list[tuple[str, tuple[str, ...]]]]:
        values = self._vocabulary.values
        texts, meanings = [], []
        for attribute in GUESSED:
            single = [v for v in values.get(attribute, {}) if "," not in v]
            if not single or len(single) > MOST_DESCRIBING:
                continue
            for phrase, meant in self._vocabulary.phrases_of(attribute).items():
                if set(meant) <= set(single):
                    texts.append(phrase)
                    meanings.append((attribute, meant))
            for spoken, named in words.NEAR_WORDS.get(attribute, ()):
                meant = tuple(v for v in single if v in named or v.split()[-1] in named)
                if meant:
                    texts += spoken
                    meanings += [(attribute, meant)] * len(spoken)
        return texts, meanings


def _may_mean(token: Token) -> bool:
    word = token.text
    return (
        word.isalpha() and len(word) > 2 and word not in words.COMMON and token.key not in words.COMMON
        and word not in _NOTHING_MEANT and english.rank(word) is not None
    )  # fmt: skip


def _leaning_to(
    phrase: str, near: np.ndarray, meanings: Sequence[tuple[str, tuple[str, ...]]]
) -> tuple[Leaning, ...]:
    """The values of the nearest anchor, and those of another attribute's that is as near."""
    close = CLOSE if " " in phrase else CLOSE_OF_ONE
    found: dict[str, tuple[str, ...]] = {}
    best = float(near.max())
    for i in np.argsort(-near, kind="stable")[:8]:
        if near[i] < max(close, best - AS_CLOSE):
            break
        found.setdefault(*meanings[i])
    return tuple(Leaning(attribute, "like", values, phrase) for attribute, values in list(found.items())[:2])
