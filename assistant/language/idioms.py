"""Words that look like a wish or a refusal and are neither: "non-slip", "wrinkle-free", "let me check", "black tie"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from shopping_assistant.assistant.language.vocabulary import Match, Token

# "Non-slip" and "anti-chafing" are what a product can do; "no-iron" as well where a hyphen joins it.
_BEFORE = frozenset("non anti".split())
_BEFORE_WITH_HYPHEN = frozenset("no un".split())
_BEHIND = frozenset("free resistant proof repellent friendly".split())
# Before "free" no thing that could be missing: "delivery for free", "feel free".
_FOR_FREE = frozenset("for feel is are be am it a the of not so you i'm".split())
# Words that are a value as a noun and a deed as a verb.
_DEEDS = frozenset(
    "check leave match suit watch tie cap ring wrap slip dot print top pump tank belt boot spot flower patch fan lace"
    " button zip stretch cheer cuff stud drop scarf camp hike".split()
)
_DOERS = frozenset(
    "to i you we they he she who can could would should will might may must i'll you'll we'll they'll i'd you'd we'd"
    " they'd don't dont won't can't let's lets gotta gonna wanna".split()
)
_BETWEEN = frozenset("just also quickly really even please always only maybe".split())
_OF_OWN = frozenset("new old favorite favourite other best existing current own".split())
_DEED_GOES_ON = frozenset("out for if whether with it them this that these those up on me my your in".split())
# Behind goods these go on with what they are like or for: "scarf for women", "belt with a buckle", "tie in silk".
_GOODS_GO_ON = frozenset("for with in on".split())
# Names of ways to dress, and sayings, in which a kind or a colour stands for nothing of the sort.
_SAYINGS = re.compile(
    # A place in the list.
    r"\b(?:at|to|near) the (?:very )?top\b|"
    # "What shades does it come in" asks for colours, not for sunglasses.
    r"(?:(?<=\bwhat )|(?<=\bwhich )|(?<=\bother )|(?<=\bmany ))shades?\b|"
    r"(?<!\ba )(?<!\bthe )(?<!\bone )(?<!\bmy )\b(?:black|white)[ -]tie\b(?! (?:for|in|with|from|under))"
    r"|\b(?:hot|cold) off the\b|\bout of the blue\b|\bonce in a blue\b|\btickled pink\b|\bin the (?:pink|red|black)\b"
    r"|\bblack friday\b|\bred carpet\b|\bwhite lie\b|\b(?:pull|pulled|my|knock(?:ed)? my) socks (?:up|off)\b"
    r"|\bhats? off\b|\bbelt and braces\b|\bskirt(?:ing)? (?:the|around)\b|\bring a bell\b|\bbag of tricks\b"
    r"|\bfits? like a glove\b|\bin (?:my|your|his|her|their) shoes\b|\bdress(?:ing)? (?:up|code|down)\b|\bdressed\b"
    r"|\bover the top\b|\btop (?:notch|priority|of (?:the|my))\b|\bwell suited\b"
)


def qualities(tokens: Sequence[Token], text: str, matches: Sequence[Match]) -> frozenset[int]:
    """The tokens that make up a quality: in them nothing is refused."""
    taken = {i for m in matches for i in range(m.start, m.end)}
    found: set[int] = set()
    for i, (one, two) in enumerate(pairwise(tokens)):
        joined = text[one.end : two.start] == "-"
        if one.text in _BEFORE or (one.text in _BEFORE_WITH_HYPHEN and joined):
            if i + 1 not in taken:  # "non-leather" does refuse
                found |= {i, i + 1}
        elif two.text in _BEHIND and i not in taken and one.text.isalpha() and (joined or one.text not in _FOR_FREE):
            found |= {i, i + 1}
    return frozenset(found)


def are_deeds(tokens: Sequence[Token], matches: Sequence[Match]) -> set[int]:
    """Starts of the matches that are verbs here: "can I check", "before I leave"."""
    starts = {m.start for m in matches}
    found = set()
    for m in matches:
        word = tokens[m.start]
        if m.end - m.start != 1 or word.key not in _DEEDS:
            continue
        before = m.start - 1
        while before >= 0 and tokens[before].text in _BETWEEN:
            before -= 1
        done = before >= 0 and (
            tokens[before].text in _DOERS
            or (tokens[before].text == "me" and before > 0 and tokens[before - 1].text == "let")
        )
        following = tokens[m.end].text if m.end < len(tokens) else ""
        goes_on = following in _DEED_GOES_ON and not (m.means("category") and following in _GOODS_GO_ON)
        asked = before < 0 and goes_on and m.end not in starts
        if word.text == word.key and (done or asked):
            found.add(m.start)
    return found


def owned(tokens: Sequence[Token], matches: Sequence[Match]) -> set[int]:
    """Starts of the matches that name what the shopper has: "to go with my new blue jeans"."""
    starts = {m.start: m for m in matches}
    found: set[int] = set()
    for i, token in enumerate(tokens):
        if token.text not in ("my", "our"):
            continue
        at, chain = i + 1, []
        while at < len(tokens) and (at in starts or tokens[at].text in _OF_OWN):
            if at in starts:
                chain.append(starts[at])
            at = starts[at].end if at in starts else at + 1
        if chain and chain[-1].means("category"):
            found |= {m.start for m in chain}
    return found


def sayings(text: str) -> list[tuple[int, int]]:
    """Where in a sentence (lower case) words of products stand for no product."""
    return [m.span() for m in _SAYINGS.finditer(text)]
