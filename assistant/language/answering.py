"""Answers to the assistant's question that say less than a sentence: "the black ones", "40", "no idea", "up to you"."""

from __future__ import annotations

import re
from collections.abc import Collection

from shopping_assistant.assistant.language.fashion_words import ASKING_WORDS
from shopping_assistant.assistant.language.vocabulary import phrase_key, plain

_INDIFFERENT = re.compile(
    r"\b(?:no|not? (?:really )?an?y?|without) (?:\w+ )?(?:preferences?|idea|clue|opinion|wishes|favou?rites?)\b"
    r"|\b(?:i )?(?:do ?n'?t|do not|dont|doesn'?t|does not|wouldn'?t) (?:really |actually |much |particularly "
    r"|honestly )*"
    r"(?:mind|care|know|matter|have (?:a |any )?(?:preference|idea|favou?rite)\w*|want to (?:choose|decide|say))\b"
    r"|\b(?:makes?|is|are)(?: \w+)? (?:no(?:t any)? difference|all the same|not (?:so |that |very )?important"
    r"|irrelevant|unimportant"
    r"|n'?t (?:so |that )?important)\b|\bisn'?t (?:so |that |really |very )?(?:important|relevant)\b|\ball the same\b"
    r"|\b(?:up|over|leave (?:it|that)) to you\b|\byou (?:can )?(?:choose|decide|pick|tell me)\b|\byour (?:choice"
    r"|pick|call)\b"
    r"|\b(?:not sure|unsure|undecided|dunno|idk|no clue|whatever|whichever|anything|everything|surprise me|open to)\b"
    r"|\bno (?:upper |price |particular |more )?(?:limit|budget)\b|\bmoney(?:'s| is)? no (?:object|issue|problem)\b"
    r"|\bcould ?n'?t care less\b|\b(?:any|either|each|every)(?: (?:of (?:them|those|these)|one|\w+))?\b|\b(?:both"
    r"|all)\b(?: of (?:them|those|these))?(?=\W*$)"
    r"|\b(?:skip|pass|never ?mind)\b|^\W*(?:no|nope|nah|none|neither)\W*$"
)
# Nothing but these may stand beside it.
_BESIDE = frozenset(
    """i i'm im i'd me to really just honestly well hmm hm um oh uh er please thanks thank you the that it its it's is
        are be would will of a an fine ok okay good great works work do does goes with about for at yet so then here
        now too also very much though actually right all and or but my your one ones them those these there in on as
        long nice kind sort type which what any either both after anymore now longer these days today either after
        anymore any more longer truly true yeah yes sure maybe perhaps can could am was not no choose say way
    """.split()
)
# Words that ask for a price and wish for one as well.
_WISHING = frozenset("cheap cheaper expensive better deal much fit".split())
# Values of these stand alone; others need their noun.
_PLAINLY_SAID = frozenset(("category", "color", "material", "brand", "department", "season", "occasion", "pattern"))
_WORD = re.compile(r"[a-z']+")


_OWN = frozenset(
    """any either all both each every of them those these one no preference preferences idea clue opinion wishes
        favourite favorite favourites favorites don't dont do not doesn't does wouldn't mind care know matter have
        want choose decide say really actually much particularly honestly makes make is are difference the same
        important irrelevant unimportant isn't up over leave it that to you can pick tell me your choice call sure
        unsure undecided dunno idk whatever whichever anything everything surprise open skip pass never nevermind nope
        nah none neither kind kinds sort type without an so very relevant could couldn't less limit budget upper price
        particular more money money's object issue problem""".split()
)
# What a short answer has around the value: "I guess the black ones please".
_AROUND_BEFORE = re.compile(
    r"^\W*(?:(?:the|those|these|either|both|maybe|perhaps|probably|rather|preferably|i(?:'d| would)? (?:guess|think"
    r"|say|prefer|like"
    r"|suppose|want|go (?:for|with))|let'?s say|say|some|something|ok(?:ay)?|yes|yeah|yep|sure|oh|hmm?|um|well|then"
    r"|go (?:for|with)"
    r"|make it|in|with|for|by|of|a|an)\b[\s,]*)+"
)
_AROUND_AFTER = re.compile(r"(?:[\s,]*\b(?:ones?|please|then|thanks?|thank you|i (?:guess|think|suppose)|maybe"
    r"|probably|pair|would be (?:nice|great|good|better|best|fine|perfect|ideal|ok)|sounds? (?:nice|great"
    r"|good)))+\W*$|\W+$")
_CHEAPER = re.compile(r"(?:cheap(?:er|est)?|less expensive|more affordable|affordable|inexpensive|lower priced?)")
_JOINED = re.compile(r"\s*(?:,|/|&|\bor\b|\band\b)\s*")
_AMOUNT = re.compile(r"(?:about |around |roughly |max(?:imum)? |up to )?[€$£]?\s*(\d+(?:[.,]\d+)?)\s*(?:euros?|eur"
    r"|dollars?|usd|pounds?|bucks|€|\$|£)?")
# An answer is short; a longer sentence says for itself what it is about.
_LONGEST_ANSWER = 8


def declines(text: str, attribute: str) -> bool:
    """Whether a sentence answers the question about ``attribute`` by leaving it open, and says nothing else."""
    low = plain(" ".join(text.split()))
    found = _INDIFFERENT.search(low)
    if not found:
        return False
    named = set(_WORD.findall(f"{attribute} {ASKING_WORDS.get(attribute, '')}".lower())) - _WISHING
    named |= {"budget", "limit", "upper", "money", "object"} if attribute == "price" else set()
    named |= {f"{w}s" for w in named}
    left = _WORD.findall(_INDIFFERENT.sub(" ", low))
    if set(left) - _BESIDE - named:
        return False
    # "Any black ones" declines nothing: what stands after "any" must be the attribute's name or no word of its own.
    inside = set(_WORD.findall(" ".join(m[0] for m in _INDIFFERENT.finditer(low))))
    return not re.search(r"\b(?:any|either|each|every|no) ", low) or not (inside - _BESIDE - named - _OWN)


def completed(text: str, attribute: str, values: Collection[str]) -> str:
    """A short answer as a sentence of its own; any other text as it is.

    "the black ones" after a question about the colour points at no product, "40" is the size that was asked for,
    "street" the look, though alone they would be taken for something else or for nothing.

    Args:
        attribute: what was asked about.
        values: the catalogue's values of it, lower case; empty for the price.
    """
    low = plain(" ".join(text.split()))
    if len(low.split()) > _LONGEST_ANSWER:
        return text
    core = _AROUND_AFTER.sub("", _AROUND_BEFORE.sub("", low)).strip()
    if _CHEAPER.fullmatch(core):
        return "the cheapest one" if core == "cheapest" and re.search(r"\bones?\b", low) else "cheaper"
    if attribute == "price":
        amount = _AMOUNT.fullmatch(core)
        return f"under {amount[1]}" if amount else text
    by_key = {phrase_key(v): v for v in values}
    named = [by_key.get(phrase_key(part)) for part in _JOINED.split(core) if part]
    if not named or None in named:
        return text
    name = attribute.replace("_", " ")
    if attribute == "size":
        return " or ".join(f"size {v}" for v in named)
    if attribute in _PLAINLY_SAID:
        return " or ".join(named)
    return " or ".join(f"{v} {name}" if name not in v else v for v in named)


def refused(text: str, attributes: Collection[str]) -> tuple[str, ...]:
    """The attributes whose wish a whole sentence gives up by name: "ok, any colour", "the size doesn't matter"."""
    low = plain(text)
    named = [a for a in attributes if re.search(rf"\b(?:{'|'.join(map(re.escape, _names(a)))})s?\b", low)]
    return tuple(a for a in named if declines(text, a))


def _names(attribute: str) -> list[str]:
    asked = [p.strip() for p in ASKING_WORDS.get(attribute, "").split(",")]
    names = [attribute.replace("_", " "), *(p for p in asked if p and not set(p.split()) & _WISHING)]
    return [*names, "budget", "limit", "money"] if attribute == "price" else names
