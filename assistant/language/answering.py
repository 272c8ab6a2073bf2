"""Who does not care to choose: "no preference", "any colour is fine", "up to you", "no idea" after a question."""

from __future__ import annotations

import re

from shopping_assistant.assistant.language.fashion_words import ASKING_WORDS
from shopping_assistant.assistant.language.vocabulary import plain

_INDIFFERENT = re.compile(
    r"\b(?:no|not? (?:really )?an?y?|without) (?:\w+ )?(?:preferences?|idea|clue|opinion|wishes|favou?rites?)\b"
    r"|\b(?:i )?(?:do ?n'?t|do not|dont|doesn'?t|does not|wouldn'?t) (?:really |actually |much |particularly |honestly )*"
    r"(?:mind|care|know|matter|have (?:a |any )?(?:preference|idea|favou?rite)\w*|want to (?:choose|decide|say))\b"
    r"|\b(?:makes?|is|are)(?: \w+)? (?:no(?:t any)? difference|all the same|not (?:so |that |very )?important|irrelevant|unimportant"
    r"|n'?t (?:so |that )?important)\b|\bisn'?t (?:so |that |really |very )?(?:important|relevant)\b|\ball the same\b"
    r"|\b(?:up|over|leave (?:it|that)) to you\b|\byou (?:can )?(?:choose|decide|pick|tell me)\b|\byour (?:choice|pick|call)\b"
    r"|\b(?:not sure|unsure|undecided|dunno|idk|no clue|whatever|whichever|anything|everything|surprise me|open to)\b"
    r"|\b(?:any|either|each|every)(?: (?:of (?:them|those|these)|one|\w+))?\b|\b(?:both|all)\b(?: of (?:them|those|these))?(?=\W*$)"
    r"|\b(?:skip|pass|never ?mind)\b|^\W*(?:no|nope|nah|none|neither)\W*$"
)
# Nothing but these may stand beside it.
_BESIDE = frozenset(
    """i i'm im i'd me to really just honestly well hmm hm um oh uh er please thanks thank you the that it its it's is are be would
    will of a an fine ok okay good great works work do does goes with about for at yet so then here now too also very much though
    actually right all and or but my your one ones them those these there in on as long nice kind sort type which what any either
    both truly true yeah yes sure maybe perhaps can could am was not no choose say way""".split()
)
# Words that ask for a price and wish for one as well.
_WISHING = frozenset("cheap cheaper expensive better deal much fit".split())
_WORD = re.compile(r"[a-z']+")


def declines(text: str, attribute: str) -> bool:
    """Whether a sentence answers the question about ``attribute`` by leaving it open, and says nothing else."""
    low = plain(" ".join(text.split()))
    found = _INDIFFERENT.search(low)
    if not found:
        return False
    named = set(_WORD.findall(f"{attribute} {ASKING_WORDS.get(attribute, '')}".lower())) - _WISHING
    named |= {f"{w}s" for w in named}
    left = _WORD.findall(_INDIFFERENT.sub(" ", low))
    if set(left) - _BESIDE - named:
        return False
    # "Any black ones" declines nothing: what stands after "any" must be the attribute's name or no word of its own.
    inside = set(_WORD.findall(" ".join(m[0] for m in _INDIFFERENT.finditer(low))))
    return not re.search(r"\b(?:any|either|each|every|no) ", low) or not (inside - _BESIDE - named - _OWN)


_OWN = frozenset(
    """any either all both each every of them those these one no preference preferences idea clue opinion wishes favourite favorite
    favourites favorites don't dont do not doesn't does wouldn't mind care know matter have want choose decide say really actually
    much particularly honestly makes make is are difference the same important irrelevant unimportant isn't up over leave it that
    to you can pick tell me your choice call sure unsure undecided dunno idk whatever whichever anything everything surprise open
    skip pass never nevermind nope nah none neither kind kinds sort type without an so very relevant""".split()
)
