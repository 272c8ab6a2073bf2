"""A sentence taken apart into clauses that do one thing each: "no leather, | and which of these is cheapest?"."""

from __future__ import annotations

import re
from itertools import pairwise

from shopping_assistant.assistant.language.act_forms import UNDO_FIRST

# A full stop of an abbreviation or of a number ends nothing: "no. 4", "max. 100".
_END = re.compile(r"(?<!\bno)(?<!\bnr)(?<!\bmax)(?<!\bmin)(?<!\bca)(?<!\bvs)(?<!\bapprox)[.!?;]+(?=\s|$)|\n+")
# What a clause of its own can open with: a request, a question, or the shopper and a verb.
_REQUESTS = (
    "show|add|put|tell me|compare|find|remove|take|delete|forget|search|recommend|suggest|explain|undo|drop|throw|toss"
    r"|pop|stick|chuck|place|save|keep|order|buy|get|grab|pick|bring|swap|ignore|skip|never ?mind|make (?:it|that"
    r"|them|the)"
    r"|let me|let'?s|let us|please|give me|give us|describe|bag|check out|exchange|replace|switch"
)
_QUESTIONS = (
    r"what(?:'s| is| are| does| do| would| can| about| else| size| sizes| color| colors| colour| colours| brand| brands"
    r"| material| shoes?| bags?| kind)?|which|how|who|who's|is (?:it|that|this|there|the)|are (?:they|these|those|there"
    r"|the)|does|do (?:you|they|these|those|the)|can|could|would (?:you|it|they|that)|will (?:you|it|they)|why|where"
    r"|have you|has (?:it|that)|may i|any other"
)
_SHOPPER = (
    r"i (?:want|need|would|will|like|love|also|really|think|am|do|can|could|prefer|hate|take|don'?t|wear|guess|was"
    r"|have)"
    r"|i'd|i'll|i'm|we need|we want|we're|it (?:should|must|needs|has to|can't|shouldn't)|they (?:should|must|need)"
)
_OPENER = (
    r"(?:(?:also|then|maybe|perhaps|instead|now|just|oh|please|ok(?:ay)?|actually)[\s,]+)*"
    rf"(?:{_REQUESTS}|{_QUESTIONS}|{_SHOPPER})\b"
)
_JOINT = re.compile(
    rf"\s*(?:,|\s-\s)\s*(?:(?:and|but|then|so|plus|or|also)\s+)*(?={_OPENER})|\s+(?:and|but|then|so"
    rf"|plus)\s+(?={_OPENER})"
)
# One verb, two words: "go ahead and add", "try and find". And a request that only opens another: "please, can you".
_ONE_VERB = re.compile(r"\b(?:ahead|go|try|come|sure|wait|nice|good)$")
_NO_CLAUSE = re.compile(
    r"^\W*(?:(?:please|ok(?:ay)?|yes|yeah|yep|no|nope|nah|well|oh|hm+|so|and|but|also|then|actually|now|great|perfect"
    r"|cool|nice"
    r"|lovely|awesome|right|alright|sure|sorry|hey|um+|hi|hello|that'?s (?:ok(?:ay)?|fine|alright|great|good)|if so"
    r"|for now"
    r"|in that case|too|as well|instead|let'?s see|let me (?:see|think)|you know|tell me|wait|hold on|one (?:sec"
    r"|second|moment)|i see|got it)\W*)*$"
)
# "Of the two you showed me, which is better": what opens with a preposition leans on what follows.
_LEANS = re.compile(
    r"\W*(?:(?:ok(?:ay)?|and|so|well|now|then|hm+)\W+)*(?:of|out of|between|among|in terms of|as for|regarding"
    r"|concerning|for|with|when it comes to|on|in|if|since|because|as|while|before|after|although|though)\b"
)
_ASKS = re.compile(rf"\b(?:{_REQUESTS}|{_SHOPPER})\b")
# The joint that is left behind where a sentence was cut.
_HANGING = re.compile(r"[\s,]+(?:(?:and|but|then|so|plus|or)\s*)*$", re.I)


def clauses(text: str, low: str) -> list[str]:
    """The clauses of a text, in order; together they hold all its words.

    Args:
        text: as typed.
        low: the same in lower case, every character in its place (`vocabulary.plain`).

    Returns:
        At least one clause. An interjection ("ok", "please") stays with the clause behind it, or before it at the end.
    """
    cuts = [m.end() for m in _END.finditer(low)]
    cuts += [m.end() for m in _JOINT.finditer(low) if not _ONE_VERB.search(low[: m.start()])]
    if undo := UNDO_FIRST.match(low):
        cuts.append(undo.end())
    edges = [0, *sorted({c for c in cuts if 0 < c < len(low)}), len(low)]
    pieces = [(a, b) for a, b in pairwise(edges) if low[a:b].strip()]
    joined: list[tuple[int, int]] = []
    waiting: int | None = None
    for a, b in pieces:
        start = a if waiting is None else waiting
        # "Ok. Show me" is one clause; what a thank-you or a greeting says stands alone.
        ended = low[start:b].rstrip().endswith((".", "!", "?", ";"))
        if (_NO_CLAUSE.match(low[start:b]) and "?" not in low[start:b]) or (
            not ended and _LEANS.match(low[start:b]) and not _ASKS.search(low[start:b])
        ):
            waiting = start
            continue
        joined.append((start, b))
        waiting = None
    if waiting is not None:
        if joined:
            joined[-1] = (joined[-1][0], pieces[-1][1])
        else:
            joined = [(waiting, pieces[-1][1])]
    return [_HANGING.sub("", text[a:b]).strip() for a, b in joined] or [text]
