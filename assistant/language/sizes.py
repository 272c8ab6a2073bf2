"""Sizes in a sentence: "size M", "in a 38", "M or L", "a 32 waist", and what looks like a size and is none."""

from __future__ import annotations

import re
from collections.abc import Sequence

from shopping_assistant.assistant.language.amounts import price_amounts
from shopping_assistant.assistant.language.fashion_words import COMMON
from shopping_assistant.assistant.language.figures import in_figures
from shopping_assistant.assistant.language.sentence import Sentence
from shopping_assistant.assistant.language.vocabulary import Vocabulary

_LETTER_SIZES = frozenset("xs s m l xl xxl xxxl".split())
_WORDS = frozenset("small medium large".split())
_CUES = frozenset("size sizes sized".split())
_MONEY = frozenset("euro euros dollars pounds quid bucks € $ £".split())
# Before a figure these say that it is a size, after it that it is something else.
_STANDS_IN = frozenset("in eu eur waist".split())
_OF_OTHER_THINGS = re.compile(
    r"\s*(?:different|other|more|colou?rs?|styles?|days|%|pairs?|pieces?|items?|people|guests|years?|yrs?|months?|weeks?"
    r"|hours?|minutes?|inch(?:es)?|cm|mm|litres?|liters?|ml|kg|st|nd|rd|th|stars?|options?|of)\b"
)
# Sizes of another country's scale: a figure after these is meant only where the catalogue writes them.
_SCALES = frozenset("uk us usa".split())
_LINKS = frozenset("or and , to - /".split())
# A child's height in cm by its age in years, the European sizes of children's clothes (EN 13402).
_HEIGHTS = {1: 80, 2: 92, 3: 98, 4: 104, 5: 110, 6: 116, 7: 122, 8: 128, 9: 134, 10: 140, 11: 146, 12: 152, 13: 158}
_YOUNG = {
    w: i for i, w in enumerate("one two three four five six seven eight nine ten eleven twelve thirteen".split(), 1)
}
_AGE = re.compile(
    rf"\b(?P<age>\d{{1,2}}|{'|'.join(_YOUNG)})(?:[ -](?:year|yr)s?[ -]?olds?|[ -]?y/?o\b)"
    rf"|\bage[ds]? (?P<aged>\d{{1,2}}|{'|'.join(_YOUNG)})\b(?! (?:and (?:up|over)|or (?:over|more)))"
)


def sizes_in(
    vocabulary: Vocabulary, sentence: Sentence, text: str, context: Sequence[str] = ()
) -> list[tuple[int, int, str]]:
    """(first token, last token + 1, size) for each size said.

    Args:
        context: the categories talked of before.
    """
    found: list[tuple[int, int, str]] = []
    tokens = sentence.tokens
    named = [v for m in sentence.matches if (kind := m.means("category")) for v in kind.values]
    kinds = tuple(named) or tuple(context)
    whole = {i for m in sentence.matches if m.end - m.start > 1 for i in range(m.start, m.end)}
    figures = _in_words(sentence)
    at = 0
    while at < len(tokens):
        for end in range(min(len(tokens), at + 3), at, -1):
            key = figures.get((at, end)) or " ".join(t.key for t in tokens[at:end])
            value = _value(vocabulary, key, kinds, tokens[at - 1].text if at else "")
            if not value or whole & set(range(at, end)):
                continue
            goes_on = bool(found) and _linked(sentence, found[-1][1], at) and _alike(found[-1][2], value)
            if goes_on or _is_size(vocabulary, sentence, at, end, key, text, kinds):
                found.append((at, end, value))
                at = end - 1
                break
        at += 1
    bounds = [p for p in price_amounts(sentence.text) if p.op == "<="] if len(found) > 1 else []
    # Of "size 32 under 60" the second figure is a price.
    of_sizes = [f for f in found if not any(p.start < tokens[f[0]].start < p.end for p in bounds)]
    return of_sizes or found


def _in_words(sentence: Sentence) -> dict[tuple[int, int], str]:
    """Numbers in words by the tokens that say them: "size fifty-six"."""
    figures = in_figures(sentence.text)
    found = {}
    for m in re.finditer(r"\d+ *", figures) if figures != sentence.text else ():
        inside = [i for i, t in enumerate(sentence.tokens) if m.start() <= t.start < m.end()]
        if inside and not sentence.tokens[inside[0]].text.isdigit():
            found[inside[0], inside[-1] + 1] = m[0].strip()
    return found


def age_in(text: str) -> tuple[int, str] | None:
    """A child's age in years and the words for it: "my six year old", "aged 8"."""
    m = _AGE.search(text)
    if not m:
        return None
    said = m["age"] or m["aged"]
    years = _YOUNG.get(said) or int(said)
    return (years, m[0]) if 0 < years <= max(_HEIGHTS) else None


def sizes_of_age(vocabulary: Vocabulary, years: int) -> tuple[str, ...]:
    """Sizes of this catalogue that children of an age mostly wear, the nearest one first."""
    height = _HEIGHTS[years]
    known = {int(v): v for v in vocabulary.values.get("size", {}) if v.isdigit() and int(v) >= min(_HEIGHTS.values())}
    near = sorted((h for h in known if abs(h - height) <= 6), key=lambda h: (abs(h - height), -h))
    return tuple(known[h] for h in near)


def _value(vocabulary: Vocabulary, key: str, kinds: Sequence[str], before: str) -> str | None:
    """The catalogue's size for these words; of "36" and "W36" the one that the kind talked of comes in."""
    if key.isdigit() and before in _SCALES:
        return vocabulary.sizes.get(f"{before} {key}")
    found = [v for k in (key, f"w{key}") if (v := vocabulary.sizes.get(k)) and (k == key or key.isdigit())]
    if len(found) > 1 and kinds:
        found = [v for v in found if _comes_in(vocabulary, kinds, v)] or found
    return found[0] if found else None


def _comes_in(vocabulary: Vocabulary, kinds: Sequence[str], size: str) -> bool:
    return bool(vocabulary.count_with("size", (size,), kinds))


def _linked(sentence: Sentence, end: int, at: int) -> bool:
    """Whether only "or", "and" and the like stand between a size and what may be another."""
    between = [t.text for t in sentence.tokens[end:at]]
    slash = sentence.text[sentence.tokens[end - 1].end : sentence.tokens[at].start].strip() in ("/", "-")
    return slash or bool(between and between[0] in _LINKS and all(w in _LINKS or w in ("a", "an") for w in between))


def _alike(one: str, other: str) -> bool:
    return one.isdigit() == other.isdigit() and one[:1].isdigit() == other[:1].isdigit()


def _is_size(
    vocabulary: Vocabulary, sentence: Sentence, at: int, end: int, key: str, text: str, kinds: Sequence[str]
) -> bool:
    tokens = sentence.tokens
    before = [t.text for t in tokens[max(0, at - 3) : at]]
    after = tokens[end].text if end < len(tokens) else ""
    if after in _MONEY or (before and before[-1] in _MONEY):
        return False
    if any(w in _CUES for w in before) or after in _CUES:
        return True
    in_kind = bool(kinds) and _comes_in(vocabulary, kinds, _value(vocabulary, key, kinds, "") or "")
    if re.fullmatch(r"\d+[a-z]?", key):
        return _figure_is_size(sentence, at, end, before, after, in_kind)
    if key in ("s", "m", "l"):
        if before and before[-1].isdigit():
            return False
        spoken = text[tokens[at].start].isupper() and not (at and tokens[at - 1].text.endswith("'"))
        return spoken or (bool(before) and before[-1] == "in" and (not after or after in (*_LINKS, "please", ".", "?")))
    if key in _LETTER_SIZES or re.fullmatch(r"w\d+", key):
        return True
    if key in _WORDS:
        return _word_is_size(vocabulary, sentence, at, end, before, in_kind)
    return " " in key or key in ("xlarge", "xsmall")


def _figure_is_size(sentence: Sentence, at: int, end: int, before: Sequence[str], after: str, in_kind: bool) -> bool:
    if _OF_OTHER_THINGS.match(sentence.text[sentence.tokens[end - 1].end :]):
        return False
    last = before[-1] if before else ""
    if last in _STANDS_IN or after == "waist" or before[-2:] in (["in", "a"], ["in", "an"], ["waist", "of"]):
        return True
    # "Between a 38 and a 39", "I'm a 40", "38 please": a figure that the kind talked of comes in.
    wears = last in ("a", "an") and any(w in ("i'm", "am", "wear", "take", "need", "between", "is") for w in before)
    return in_kind and (wears or _says_little(sentence, at, end))


def _word_is_size(
    vocabulary: Vocabulary, sentence: Sentence, at: int, end: int, before: Sequence[str], in_kind: bool
) -> bool:
    """A "large tote" is no size L: the kind that follows must come in letter sizes."""
    covering = [m for m in sentence.matches if m.start <= at < m.end]
    following = next((m for m in sentence.matches if m.start == end and m.means("category")), None)
    if following is not None:
        size = vocabulary.sizes[sentence.tokens[at].key]
        return not covering and _comes_in(vocabulary, following.means("category").values, size)
    if covering:
        return False
    return bool(before and before[-1] in ("in", "a", "an", "or", "need", "wear", "take", "i'm")) or (
        in_kind and _says_little(sentence, at, end)
    )


def _says_little(sentence: Sentence, at: int, end: int) -> bool:
    """Whether a short sentence holds nothing but a size and courtesies: "medium please", "and in 39?"."""
    taken = {i for m in sentence.matches for i in range(m.start, m.end)}
    others = [t for i, t in enumerate(sentence.tokens) if not at <= i < end and i not in taken]
    bound = any(t.text in ("under", "over", "around", "max", "up", "below", "than") for t in others)
    return len(others) <= 4 and not bound and all(t.text in COMMON or not t.text.isalnum() for t in others)
