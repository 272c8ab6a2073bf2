"""What a sentence thinks of products it points at: "I don't like the second one", "not that one", "love the first".

Only clauses that say this and nothing else count: "I don't like the colour of the second" is a wish, and so is "I like
it loose".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from shopping_assistant.assistant.language.understood import Before, Understood
from shopping_assistant.assistant.language.vocabulary import plain

_ORDINAL = (
    r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last|middle|\d{1,2}(?:st|nd|rd|th)?"
    r"|one|two|three|four|five|six|seven|eight|nine|ten)"
)
_THE_NTH = rf"(?:(?:the |number |no\.? |nr\.? |# ?){{1,2}}{_ORDINAL}(?: (?:ones?|two|three|pair|[a-z-]+))?)"
# All that was shown, and what nobody says which of.
_ALL = r"(?:(?:any|either|all|none) of (?:these|them|those|the lot)|these|those|them|they)"
_IT = r"(?:it|this|that)"
_WHICH = (
    rf"(?P<which>{_THE_NTH}(?:,? (?:and|or) {_THE_NTH}| (?:and|or) {_ORDINAL}(?: one)?)*"
    rf"|{_ALL}|(?:this|that) one|(?:the|these|those|this|that) (?:[a-z-]+ ){{1,3}}ones?|(?:these|those) (?:two|three)"
    rf"|{_IT})"
)
_HOW = (
    r"(?:really |so |just |rather |quite |pretty |absolutely |totally |kind of |kinda |actually |very |truly |simply )*"
)
_IS = r"(?: is|'s| are|'re| looks?| look)"
_NICE = (
    r"(?:nice|lovely|gorgeous|beautiful|great|perfect|pretty|cute|stunning|amazing|fantastic|wonderful|fab|fabulous"
    r"|(?:one of )?my favou?rites?|just right|(?:exactly )?my (?:style|taste|thing)|so me)"
)
_UGLY = r"(?:ugly|hideous|awful|horrible|terrible|horrid|dreadful|boring|dull|meh|a no(?: for me)?|not nice)"
_MINE = r"(?:me|for (?:me|us)|my (?:style|thing|taste|cup of tea|kind of thing)|nice|pretty|great|good)"
_LIKING = r"(?:like|love|fancy|want|care for)(?: the look of)?"
_REFUSALS = (
    rf"(?:i |we )?(?:really |just |honestly )?(?:don't|dont|do not)(?: really| much| quite)? {_LIKING} {_WHICH}",
    rf"(?:i |we )?{_HOW}(?:hate|dislike|loathe|can't stand|cant stand|cannot stand)(?: the look of)? {_WHICH}",
    rf"(?:i'm |im |i am )?not (?:so |too |really |very |that |a |big |huge )*"
    rf"(?:keen on|fond of|into|fan of|crazy about|mad about|convinced by|sold on) {_WHICH}",
    rf"(?:definitely |certainly |just |and )?not {_WHICH}",
    rf"(?:thumbs? down (?:for|to|on)|no to|hide|ditch|skip) {_WHICH}",
    rf"(?:don't|dont|do not|never) show (?:me )?{_WHICH}(?: again| any ?more)",
    rf"{_WHICH}{_IS} {_HOW}{_UGLY}",
    rf"{_WHICH}{_IS} not {_HOW}{_MINE}",
    rf"{_WHICH} (?:isn't|isnt|aren't|arent) {_HOW}{_MINE}",
    rf"(?:it's |its |that's |they're )?not {_HOW}(?:for me|my (?:style|thing|taste|cup of tea))",
    r"none of (?:these|them|those)(?: please)?",
)
_PRAISES = (
    # "Like the first" asks for similar ones, "I'd like the first" takes it.
    rf"(?:i|we) (?:really |do |just |quite |absolutely |rather |kind of |also |actually )*(?:like|love|adore)"
    rf"(?: the look of)? {_WHICH}",
    rf"(?:really |just |absolutely )*(?:love|adore|loving)(?: the look of)? {_WHICH}",
    rf"(?:i'm )?(?:a )?(?:big |huge )?(?:fan of|thumbs? up (?:for|to)) {_WHICH}",
    rf"{_WHICH}{_IS} {_HOW}{_NICE}",
)
_FORMS = [("down", re.compile(p)) for p in _REFUSALS] + [("up", re.compile(p)) for p in _PRAISES]
_PIECES = re.compile(
    r"[.,;!]+(?!\d)|(?<!\S)[-–—](?!\S)|\bbut\b|\b(?:and|so) (?=(?:i|show|give|find|something|what|add|put)\b)"
)
_BEFORE = re.compile(
    r"^(?:(?:no+|nah|nope|yes|yeah|yep|h+m+|oh|ooh|aw+|ok|okay|well|actually|wow|m+|ah|ugh|sorry|so|then|and|honestly"
    r"|please|now|fine) )+"
)
_AFTER = re.compile(
    r"(?: (?:please|thanks|thank you|then|after all|at all|though|actually|a lot|so much|very much|really|either|tbh"
    r"|to be honest|best|much))+$"
)
_OTHERS = (
    r"(?:show me |give me |find me |have you |do you have |any |see )*"
    r"(?:some )?(?:something|anything|others?|other ones?|more|another one)(?: else)?"
)
_NOTHING_MORE = re.compile(rf"(?:{_OTHERS}|thanks|thank you|sorry|please)?")
# What else a sentence may be about when its thumb is heard besides; taking back is no judgement of products.
_NEVER_BESIDE = ("remove_from_bag", "undo", "reset")
_DEEDS = (
    *_NEVER_BESIDE, "add_to_bag", "show_bag", "save", "compare", "explain", "size_advice", "outfit", "recommend",
)  # fmt: skip


@dataclass(frozen=True)
class Spoken:
    """A thumb that was said.

    Args:
        products: those judged; none where ``whole``, the last reply with all its cards, is.
        alone: nothing else was said, or only that others are wanted.
    """

    verdict: Literal["up", "down"]
    products: tuple[str, ...] = ()
    whole: bool = False
    alone: bool = True


def spoken(text: str, u: Understood, before: Before, understand: Callable[[str, Before], Understood]) -> Spoken | None:
    """The thumb in a sentence, None for none.

    Args:
        u: what the whole sentence was understood as.
        understand: reads one clause; which products it points at.
    """
    if "?" in text or not before.scene.shown or before.was_open:
        return None
    pieces = [_bare(piece) for piece in _PIECES.split(plain(text))]
    for at, piece in enumerate(pieces):
        verdict, which = _verdict(piece)
        if verdict is None:
            continue
        others = [p for i, p in enumerate(pieces) if i != at]
        alone = all(_NOTHING_MORE.fullmatch(p) for p in others)
        if u.act in (_DEEDS if alone else _NEVER_BESIDE):
            return None
        products = understand(piece, before).targets if which not in ("", "it", "this", "that") else ()
        scene = before.scene
        if which in ("", "it", "this", "that", "this one", "that one"):
            products = scene.focus[:1] or (scene.shown if len(scene.shown) == 1 else products)
        whole = _is_all(products, scene.shown, which)
        if not products and not whole:
            return None
        return Spoken(verdict, () if whole else tuple(dict.fromkeys(products)), whole, alone)
    return None


def alone(u: Understood, thumb: Spoken) -> Understood:
    """A sentence that gives a thumb and says nothing else: others in place of what is refused, and "it" is what is
    liked.
    """
    act = "refine" if thumb.verdict == "down" else "disambiguate" if thumb.products else "other"
    return replace(u, act=act, targets=thumb.products, vague=False, singular=len(thumb.products) == 1)


def beside(u: Understood, thumb: Spoken, before: Before) -> Understood:
    """A sentence that says more: to point at what is refused is no wish for the like of it."""
    if thumb.verdict == "up":
        return u
    kept = [w for w in u.leanings if w.attribute or w.than not in thumb.products or w in before.leanings]
    return replace(u, leanings=tuple(kept))


def _bare(piece: str) -> str:
    piece = " ".join(piece.split())
    return _AFTER.sub("", _BEFORE.sub("", f"{piece} ").strip())


def _verdict(piece: str) -> tuple[Literal["up", "down"] | None, str]:
    for verdict, form in _FORMS:
        if found := form.fullmatch(piece):
            return verdict, found.groupdict().get("which") or ""
    return None, ""


def _is_all(products: Sequence[str], shown: Sequence[str], which: str) -> bool:
    """Whether the reply as a whole is meant: all of its cards, or "not my style" with none of them talked of."""
    if re.fullmatch(_ALL, which) and (not products or set(products) == set(shown)):
        return len(shown) > 1
    return not products and which in ("", "it", "this", "that")
