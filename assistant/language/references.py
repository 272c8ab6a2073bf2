"""Which products a shopper means: "the second one", "the first two", "the red one", "it", "both", "the cheapest"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shopping_assistant.assistant.language.vocabulary import Match, Token, Vocabulary
from shopping_assistant.tools.catalog import Product, split_values

_NUMBERS = "one two three four five six seven eight nine ten".split()
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth".split()
_PLACE = {w: i for i, w in enumerate(_ORDINALS, 1)} | {
    f"{i}{s}": i for i in range(1, 31) for s in ("st", "nd", "rd", "th")
}
_COUNT = {w: i for i, w in enumerate(_NUMBERS, 1)} | {str(i): i for i in range(1, 11)} | {"couple": 2, "few": 3}
_ORDINAL = "|".join(sorted(_PLACE, key=len, reverse=True))
_FIRST_N = re.compile(rf"\b(?:the\s+)?(first|last|top)\s+({'|'.join(_COUNT)})\b(?!\s+hundred)")
_NTH = re.compile(r"(?:\b(?:number|no\.?|nr\.?|item|option|product)\s*#?|#)(\d{1,2})\b")
_ORDINAL_ONE = re.compile(
    rf"\b({_ORDINAL}|last|latter|former|middle)\b(?!\s+(?:time|of all|name|week|month|year|night|season|minute"
    rf"|question|i\b|let|show))"
)
_BOTH = re.compile(
    r"\b(both|the two|all of (?:them|these|those)|them all|all (?:three|four|five)|each of (?:them|these|those)"
    r"|either)\b"
)
_MANY = re.compile(r"\b(them|those|these|they|their|theirs)\b")
_ONE = re.compile(r"\b(it|its|this|that|this one|that one)\b")
_SUPERLATIVES = (
    (re.compile(r"\b(?:cheapest|least expensive|lowest[- ]priced?|most affordable)\b"), "price", min),
    (re.compile(r"\b(?:most expensive|priciest|dearest|highest[- ]priced?)\b"), "price", max),
    (re.compile(r"\b(?:best|highest|top)[- ](?:rated|reviewed|rating|reviews?)\b"), "rating", max),
)
_POINTS = frozenset("the that this those these my your same".split())


@dataclass(frozen=True)
class Scene:
    """What the shopper can point at: product ids in the order shown, the bag, what was last talked of, all seen."""

    shown: tuple[str, ...] = ()
    bag: tuple[str, ...] = ()
    focus: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reference:
    """``targets``: the products meant; ``vague``: the shopper pointed at something that is not there or not single."""

    targets: tuple[str, ...] = ()
    vague: bool = False
    described: tuple[Match, ...] = ()
    groups: int = 0
    best: bool = False


def has(product: Product, match: Match) -> bool:
    """Whether a product is what these words name, in any of their meanings."""
    for meaning in match.meanings:
        cell = product.get(meaning.attribute)
        if (
            cell is not None
            and not isinstance(cell, (bool, int, float))
            and set(split_values(cell)) & set(meaning.values)
        ):
            return True
    return False


def positions(text: str, count: int) -> list[int]:
    """1-based places named in the text, in the order named: "the second and the last" of 5 is [2, 5]."""
    found: list[tuple[int, int]] = []
    for m in _FIRST_N.finditer(text):
        n = min(_COUNT[m[2]], count)
        if n == 1 and m[2] == "one":
            found.append((m.start(), count if m[1] == "last" else 1))
            continue
        places = range(count - n + 1, count + 1) if m[1] == "last" else range(1, n + 1)
        found += [(m.start(), p) for p in places]
    covered = [m.span() for m in _FIRST_N.finditer(text)]
    for m in _NTH.finditer(text):
        found.append((m.start(), int(m[1])))
    for m in _ORDINAL_ONE.finditer(text):
        if any(a <= m.start() < b for a, b in covered):
            continue
        word = m[1]
        place = {"last": count, "latter": count, "former": 1, "middle": (count + 1) // 2}.get(word) or _PLACE[word]
        found.append((m.start(), place))
    return list(dict.fromkeys(p for _, p in sorted(found)))


def _described(tokens: Sequence[Token], matches: Sequence[Match]) -> list[list[Match]]:
    """Groups of values that stand behind a pointing word: "the black boots and the grey one" are two groups."""
    by_start = {m.start: m for m in matches}
    groups: list[list[Match]] = []
    at, pointing, group = 0, False, []
    while at < len(tokens):
        word = tokens[at].text
        if at in by_start:
            if pointing:
                group.append(by_start[at])
            at = by_start[at].end
            continue
        if word in _POINTS:
            if group:
                groups.append(group)
            pointing, group = True, []
        elif word in ("one", "ones", "pair", "and", "two", "three", "other", ",", "or", "in"):
            if word in ("and", "or", ",") and group and _next_is_noun(tokens, at, by_start):
                groups.append(group)
                group = []
        elif word in ("from", "by", "of", "with") and group and at + 1 in by_start:
            pass  # "the suede one from Norrvik" is still one product
        elif pointing and not _is_ordinal(word):
            if group:
                groups.append(group)
            pointing, group = False, []
        at += 1
    return [*groups, group] if group else groups


def _next_is_noun(tokens: Sequence[Token], at: int, by_start: dict[int, Match]) -> bool:
    """ "the red and white dress" is one product, "the red one and white one" two: one ends before the "and"."""
    return tokens[at - 1].text in ("one", "ones", "pair") or (at - 1 >= 0 and _ends_noun(tokens, at, by_start))


def _ends_noun(tokens: Sequence[Token], at: int, by_start: dict[int, Match]) -> bool:
    ending = next((m for m in by_start.values() if m.end == at), None)
    return bool(ending and ending.means("category"))


def _is_ordinal(word: str) -> bool:
    return word in _PLACE or word in ("first", "last", "of")


def resolve(
    text: str, tokens: Sequence[Token], matches: Sequence[Match], scene: Scene, vocabulary: Vocabulary
) -> Reference:
    """The products a sentence (lower case) points at, in the order named."""
    catalog = vocabulary.catalog
    shown = scene.shown
    places = positions(text, len(shown)) if shown else []
    groups = _described(tokens, matches)
    if places:
        good = [shown[p - 1] for p in places if 1 <= p <= len(shown)]
        if groups:
            # "the second red one" counts among the red ones
            among = [p for p in shown if all(has(catalog.product(p), m) for m in groups[0])]
            counted = [among[p - 1] for p in positions(text, len(among)) if 1 <= p <= len(among)] if among else []
            good = counted or good
        return Reference(tuple(good), vague=not good)
    for pattern, attribute, best in _SUPERLATIVES:
        name = vocabulary.rating if attribute == "rating" else attribute
        if shown and name and pattern.search(text):
            priced = [(catalog.product(p).get(name), p) for p in shown]
            priced = [(v, p) for v, p in priced if isinstance(v, (int, float))]
            if priced and re.search(r"\b(?:the|which)\b", text):
                value = best(v for v, _ in priced)
                return Reference((next(p for v, p in priced if v == value),), best=True)
    if groups:
        found = _find_described(groups, scene, catalog)
        if found:
            return Reference(tuple(dict.fromkeys(found)), False, tuple(m for g in groups for m in g), len(groups))
        return Reference((), bool(shown), tuple(m for g in groups for m in g), len(groups))
    if _BOTH.search(text):
        pool = scene.focus if len(scene.focus) > 1 else shown
        asked_two = re.search(r"\b(?:both|the two|either)\b", text)
        return Reference(tuple(pool[:2] if asked_two else pool), vague=not pool)
    if _MANY.search(text):
        return Reference(scene.focus or shown, vague=not (scene.focus or shown))
    if _ONE.search(text) or re.search(r"\b(?:the|that|this) one\b", text):
        if scene.focus:
            return Reference(scene.focus[:1])
        return Reference(shown[:1] if len(shown) == 1 else (), vague=len(shown) != 1)
    return Reference()


def _find_described(groups: list[list[Match]], scene: Scene, catalog) -> list[str]:
    """For each group the products that have all its values: among those shown, else in the bag or seen before."""
    found = []
    for group in groups:
        for pool in (scene.shown, scene.bag, scene.seen):
            hits = [p for p in pool if p in catalog and all(has(catalog.product(p), m) for m in group)]
            if hits:
                found += hits if pool is scene.shown else hits[:1]
                break
    return found
