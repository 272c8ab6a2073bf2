"""Which words of a sentence stand under a negation: "not leather or suede, but red" excludes two of the three."""

from __future__ import annotations

from collections.abc import Container, Sequence

from shopping_assistant.assistant.language.vocabulary import Match, Token

_NEGATIONS = frozenset(
    "not no without except excluding avoid avoiding hate dislike nothing isn't isnt aren't arent non minus".split()
)
_NEGATIVE_PAIRS = {
    ("anything", "but"),
    ("everything", "but"),
    ("all", "but"),
    ("other", "than"),
    ("apart", "from"),
    ("rather", "than"),
    ("brand", "than"),
    ("leave", "out"),
    ("leaving", "out"),
    ("instead", "of"),
    ("don't", "want"),
    ("dont", "want"),
    ("don't", "like"),
    ("dont", "like"),
    ("don't", "need"),
    ("don't", "wear"),
    ("dont", "wear"),
    ("don't", "show"),
    ("dont", "show"),
    ("can't", "wear"),
    ("cannot", "wear"),
    ("not", "want"),
    ("not", "like"),
    ("never", "wear"),
    ("none", "in"), ("none", "with"), ("none", "by"), ("none", "from"), ("none", "of"), ("none", "that"),
    ("can't", "stand"), ("cant", "stand"), ("cannot", "stand"), ("don't", "fancy"), ("dont", "fancy"),
    ("don't", "care"), ("never", "liked"), ("no", "more"), ("dont", "like"), ("don't", "love"),
    ("allergic", "to"),
    ("tired", "of"),
    ("sick", "of"),
}
# After these "no" and "not" negate nothing that follows.
_NOT_BEFORE = frozenset(
    "too so very sure bad only just yet exactly really thanks thank i that's problem worries more less over under "
    "above sorry wait actually rather make sry oops".split()
)
# "I have nothing to wear to a wedding", "I've got no shoes for it": what is lacking is wanted.
_OWNING = frozenset("have has had got own owns haven't i've".split())
_NO_WISH = frozenset("use interest need time wish desire intention reason love".split())
_BREAKS = frozenset(
    "; . ! ? but show want need looking prefer please i i'd i'm give find make something under over".split()
)
# Said after a value: "suede is not for me", "black isn't my colour".
_REFUSED_AFTER = (("is", "not"), ("are", "not"), ("isn't",), ("isnt",), ("aren't",), ("arent",))
_REFUSED_END = (("for", "me"), ("for", "us"), ("my",), ("me",), ("what", "i"))
_REFUSED_BETWEEN = frozenset("really quite exactly so much very particularly at all is 's ".split())
# Behind "and" these go on with what is wanted: "not velvet and that is black", "no belt and the dress is grey".
_GOES_ON = frozenset("that which is has with it".split())
_VERBS_OF_IT = frozenset("is are has have was were should looks comes".split())
_SOFT_BREAKS = frozenset("in with for by from".split())


def negated(
    tokens: Sequence[Token], matches: Sequence[Match], neutral: Container[int] = ()
) -> tuple[list[bool], frozenset[int]]:
    """For each match whether it stands under a negation, and the other words that do.

    Args:
        neutral: tokens that refuse nothing, nor are refused: "non-slip", the "no" of "no boots over 100".
    """
    starts = {m.start: i for i, m in enumerate(matches)}
    ends = {m.start: m.end for m in matches}
    out = [False] * len(matches)
    scope, seen, at = False, False, 0
    words: set[int] = set()
    while at < len(tokens):
        word = tokens[at].text
        following = tokens[at + 1].text if at + 1 < len(tokens) else ""
        if at in starts:
            out[starts[at]] = scope
            seen = scope
            at = ends[at]
            if (at < len(tokens) and tokens[at].text == "free") or _refused_after(tokens, at):
                out[starts[next(s for s in starts if ends[s] == at)]] = True
            continue
        if at in neutral:
            at += 1
            continue
        if word in ("no", "nothing") and at and tokens[at - 1].text in _OWNING and following not in _NO_WISH:
            at += 1
            continue
        if (word, following) == ("nothing", "but") or (word == "why" and following in ("not", "no")):
            at += 2
            continue
        if (word, following) in _NEGATIVE_PAIRS:
            scope, seen = True, False
            at += 2
            continue
        if word in _NEGATIONS and following not in _NOT_BEFORE and not (word == "no" and following in (",", ".", "!")):
            scope, seen = True, False
        elif (
            word in _BREAKS
            or (word == "and" and _goes_on(tokens, at))
            or (seen and word in _SOFT_BREAKS)
            or (word == "," and not _list_goes_on(tokens, at))
        ):
            scope = False
        elif scope:
            words.add(at)
        at += 1
    return out, frozenset(words)


def _refused_after(tokens: Sequence[Token], at: int) -> bool:
    """Whether what ends at ``at`` is refused behind it: "acetate is not for me"."""
    following = [t.text for t in tokens[at : at + 6]]
    for verb in _REFUSED_AFTER:
        if tuple(following[: len(verb)]) == verb:
            rest = following[len(verb) :]
            while rest and rest[0] in _REFUSED_BETWEEN:
                rest = rest[1:]
            return any(tuple(rest[: len(end)]) == end for end in _REFUSED_END)
    return False


def _goes_on(tokens: Sequence[Token], at: int) -> bool:
    """ "No belt and the dress is grey" says something new; "no belt and the usual buttons" does not."""
    following = [t.text for t in tokens[at + 1 : at + 5]]
    if not following:
        return False
    return following[0] in _GOES_ON or (following[0] in ("the", "its") and bool(_VERBS_OF_IT & set(following[2:])))


def _list_goes_on(tokens: Sequence[Token], comma: int) -> bool:
    """ "no leather, suede or nubuck" goes on excluding; "not leather, suede please" does not."""
    for t in tokens[comma + 1 : comma + 6]:
        if t.text in ("or", "nor"):
            return True
        if t.text in _BREAKS or t.text == ",":
            return False
    return False
