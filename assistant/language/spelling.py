"""Slips of the finger: a word that nobody knows becomes the shop's word it was meant to be, or stays as it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from rapidfuzz import process
from rapidfuzz.distance import OSA

from shopping_assistant.assistant.language import english

# A rare English word gives way only to one that is typed this many places more often: "bots" to "boots".
_FAR_MORE_COMMON = 4
_SHORTEST = 4
# Words of a sentence that are typed so often that two letters the other way round must be one of them: "mcuh", "oen".
_OFTEN_TYPED = 600
_CANDIDATES = 24
_KEPT = 4096
# Slips in the words that carry a sentence: they are no shop's words, and next to them may stand one that is ("wick").
EVERYDAY_SLIPS = dict(
    pair.split("=")
    for pair in """wich=which whcih=which whihc=which wihch=which waht=what hwat=what wht=what shoud=should shold=should
    shuold=should sould=should woud=would wuold=would wold=would coud=could cuold=could frist=first fisrt=first
    firts=first secound=second secnd=second seocnd=second thrid=third tihrd=third runing=running becuase=because
    becasue=because thier=their teh=the adn=and taht=that tht=that thsi=this htis=this thta=that liek=like
    lik=like somthing=something somethign=something anythign=anything shwo=show sohw=show hsow=show fnd=find
    fidn=find loking=looking lookign=looking serch=search nedd=need neeed=need recomend=recommend
    reccomend=recommend reccommend=recommend sugest=suggest simmilar=similar similiar=similar diffrent=different
    differnt=different cheeper=cheaper chepaer=cheaper expencive=expensive expensiv=expensive ocassion=occasion
    occassion=occasion availible=available avaliable=available dont=don't doesnt=doesn't isnt=isn't
    wheres=where's whta=what abuot=about baout=about befor=before""".split()
)


class Spelling:
    """Corrects single words towards a shop's words.

    Args:
        targets: word → how soon it is believed, 0 soonest; names come last, however near they are.
        knows: whether a word means something as it stands.
    """

    def __init__(self, targets: Mapping[str, int], knows: Callable[[str], bool]):
        self._targets, self._knows = dict(targets), knows
        self._words = sorted(self._targets)
        self._done: dict[str, str | None] = {}

    def corrected(self, word: str, typed: str) -> str | None:
        """The word meant, None where it stands as it is.

        Args:
            word: what is looked up (singular, one spelling); ``typed`` as it was typed, lower case.
        """
        if word not in self._done:
            if len(self._done) > _KEPT:
                self._done.clear()
            self._done[word] = self._nearest(word, typed)
        return self._done[word]

    def _nearest(self, word: str, typed: str) -> str | None:
        if typed in EVERYDAY_SLIPS and not self._knows(typed):
            return EVERYDAY_SLIPS[typed]
        if (meant := self._swapped(typed) or self._without_vowels(typed)) is not None:
            return meant
        if len(typed) < _SHORTEST or not word.isalpha() or self._knows(word) or self._knows(typed):
            return None
        if english.is_everyday(word) or english.is_everyday(typed):
            return None
        rare = english.rank(typed)
        # A word there is, if a rare one, was hardly mistyped twice: "inexpensive" is not expensive.
        allowed = 1 if len(word) < 7 or rare is not None else 2
        near = process.extract(
            word, self._words, scorer=OSA.distance, processor=None, score_cutoff=2, limit=_CANDIDATES
        )
        near = [
            (w, distance, at) for w, distance, at in near
            if distance <= allowed or (rare is None and len(word) > 4 and self._sounds_like(word, w))
        ]  # fmt: skip
        believed = [
            (distance + self._doubt(word, w), self._targets[w], w) for w, distance, _ in near
            if (len(word) > 4 or w[0] == word[0]) and (rare is None or self._more_common(w, rare))
        ]  # fmt: skip
        return min(believed)[2] if believed else None

    def _swapped(self, typed: str) -> str | None:
        """The everyday word of which two neighbouring letters are the other way round."""
        if len(typed) < 3 or not typed.isalpha() or self._knows(typed) or english.is_everyday(typed):
            return None
        turned = {typed[:i] + typed[i + 1] + typed[i] + typed[i + 2 :] for i in range(len(typed) - 1)}
        meant = [(english.rank(w), w) for w in turned if english.is_everyday(w, _OFTEN_TYPED)]
        return min(meant)[1] if meant else None

    def _without_vowels(self, typed: str) -> str | None:
        """The kind, colour or material written without its vowels: "nvy", "lthr jckt"."""
        if len(typed) < 3 or not typed.isalpha() or re.search(r"[aeiou]", typed):
            return None
        if self._knows(typed) or english.is_everyday(typed):
            return None
        meant = [
            w for w in self._words
            if w[0] == typed[0] and self._targets[w] == 0
            and typed in (re.sub(r"[aeiou]", "", w), _consonants(w), _consonants(w).replace("ck", "k"))
        ]  # fmt: skip
        return meant[0] if len(meant) == 1 else None

    def _doubt(self, word: str, target: str) -> float:
        """The first letter is hardly ever wrong, a name hardly ever meant; swapped letters and a lost vowel often."""
        doubt = 0.5 * (word[0] != target[0]) + 0.4 * (self._targets[target] > 2)
        return doubt - 0.2 * (sorted(word) == sorted(target) or _consonants(word) == _consonants(target))

    def _sounds_like(self, word: str, target: str) -> bool:
        """Vowels are what one hears least: sandles are sandals."""
        return word[0] == target[0] and _consonants(word) == _consonants(target) and self._targets[target] < 2

    def _more_common(self, target: str, rare: int) -> bool:
        rank = english.rank(target)
        return rank is not None and rank * _FAR_MORE_COMMON < rare and self._targets[target] <= 2


def _consonants(word: str) -> str:
    return re.sub(r"(.)\1", r"\1", re.sub(r"[aeiou]", "", word))
