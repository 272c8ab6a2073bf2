"""Which products a shopper means: "the second one", "the first two", "the red one", "it", "both", "the cheapest"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

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
_NTH = re.compile(
    rf"(?:\b(?:number|no\.?|nr\.?|item|option|product)\s*#?|#)(\d{{1,2}})\b|\b(?:number"
    rf"|option)\s+({'|'.join(_NUMBERS)})\b"
)
# "The difference between 1 and 4", "these two: 1 and 4".
_PAIR = re.compile(
    r"\b(?:between|compare|these two|those two|the two)\b\W*(\d{1,2}) ?(?:and|&|or|vs\.?|with) ?#?(\d{1,2})\b"
)
_ORDINAL_ONE = re.compile(
    rf"(?<!\bat )\b({_ORDINAL}|last|latter|former|middle)\b(?!\s+(?:time|of all|name|week|month|year|night|season"
    rf"|minute"
    rf"|question|i\b|let|show|thoughts?|hand|chance|impression|date|glance))"
)
_BOTH = re.compile(
    r"\b(both|the two|all of (?:them|these|those)|them all|all (?:three|four|five)|each of (?:them|these|those)"
    r"|either)\b"
)
_MANY = re.compile(r"\b(them|those|these|they|their|theirs)\b")
_ONE = re.compile(r"\b(it|its|this|that|this one|that one)\b")
_SUPERLATIVES = (
    (
        re.compile(
            r"\b(?:cheapest|least expensive|lowest[- ](?:priced?|cost)|most affordable|best value|best deal|(?:costs?"
            r"|cost me) (?:me )?(?:the )?least"
            r"|least pricey|lowest in price)\b"
        ), "price", min,
    ),
    (
        re.compile(r"\b(?:most expensive|priciest|dearest|highest[- ]priced?|costs? (?:the )?most|most costly)\b"),
        "price", max,
    ),
    (
        re.compile(
            r"\b(?:best|highest|top)[- ](?:rated|reviewed|rating|reviews?)\b"
            r"|\b(?:rated|reviewed) (?:the )?(?:best|highest)\b"
        ),
        "rating", max,
    ),
)  # fmt: skip
# "Cheapest one?": with nothing else, one of those shown is meant.
_SUPERLATIVE_ALONE = re.compile(
    r"\W*(?:(?:and|so|ok(?:ay)?|just|then|hm+)\W+)*(?:cheapest|least expensive|most expensive|priciest|best rated"
    r"|top rated)(?: (?:one|ones|pair|of (?:them|these|those)))?(?: (?:please|pls|then))?\W*$"
)
# Of two, the one that has more or less of it.
_OF_TWO = (
    (re.compile(r"\bthe (?:cheaper|cheap(?= one\b|\W*$)|less expensive|more affordable|lower priced)\b"), "price", min),
    (re.compile(r"\bthe (?:pricier|dearer|more expensive|higher priced)\b"), "price", max),
    (re.compile(r"\bthe (?:better|higher)[- ](?:rated|reviewed)\b"), "rating", max),
)
# Not among what is shown now but shown before it.
_EARLIER = re.compile(
    r"\b(?:from (?:before|earlier)|(?:saw|seen|showed|shown|suggested|mentioned|talked about|discussed|looked at"
    r"|had)(?: (?:me|us|to me))? (?:\w+ )?(?:before|earlier|previously|at first|first|at the"
    r" (?:start|beginning))|you (?:first )?(?:showed|suggested|recommended|mentioned)(?: me| us)?|earlier"
    r"|previous(?:ly)?|from the (?:start|beginning)|(?:go(?:ing)?|come|get) back to (?:the|that|those))\b"
)
_OTHER = re.compile(
    r"\b(?:the|that) other(?: one| pair)?\b(?! (?:ones|options?|products?|items?|brands?|colou?rs?|styles?|sizes?"
    r"|customers?|people|shoppers))"
)
_ALONE = re.compile(
    r"\W*(?:(?:yes|yeah|yep|ok(?:ay)?|um+|uh|er|well|oh|so|just|the|number|no|nr|option|item|product|choice|make it"
    r"|i mean|i meant|it'?s|let's say|say|that would be|i'?ll (?:take|have|go with))\W+)*"
    r"(?:no\.?|nr\.?|number|#)?\s*(?P<n>\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten)(?:\W+(?:please|then"
    r"|thanks|thank you|pls|i think|i guess|it is|cheers))*\W*"
)
# "Which of these": of all that are shown; "two of those" goes on about what was talked of.
_AMONG = re.compile(
    r"\b(?:which|what|any|anything|the \w+|one|none|some)(?: (?:one|ones|\w+))? (?:of|among|from|between"
    r"|out of) (?:these|those|them|all)\b"
)
# "Anything that comes in medium": this one points at nothing.
_RELATIVE = re.compile(
    r"(?<!\bis)(?<!\bwas)(?<!\bdoes)(?<!\bdid)(?<!\bdo)(?<!\bhas)(?<!\bcan)(?<!\bwill)(?<!\bwould)(?<!\band)(?<!\bbut"
    r")(?<!\bof)(?<!\bin)(?<!\bfor)(?<!\bwith)(?<!\blike)"
    r"(?<!\babout)(?<!\bif)(?<!\bthink)(?<![,.;!?])(?<=\w)\s+that(?=\s+(?:comes?|has|have|is|are|isn'?t|aren'?t"
    r"|costs?|goes|go|looks?|i|you|we|will|would|can|could|should|fits?|doesn'?t|don'?t|match(?:es)?|suits?"
    r"|works?|was|were|makes?|might|won'?t)\b)"
)
_POINTS = frozenset("the that this those these my your same".split())


@dataclass(frozen=True)
class Scene:
    """What the shopper can point at: product ids in the order shown, the bag, what was talked of, seen, saved."""

    shown: tuple[str, ...] = ()
    bag: tuple[str, ...] = ()
    focus: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()
    saved: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reference:
    """``targets``: the products meant; ``vague``: the shopper pointed at something that is not there or not single.

    Args:
        described: the values that say which products are meant; they are no wishes.
        groups: how many products or groups of products were described.
        best: a superlative picked one of several.
        number: a place said outright: "the second", "4".
        alone: nothing was said but the place.
        variant: beside a place stand values that the product there has not: it is to be had like it, but so.
        superlative: the attribute and "min" or "max" of "the cheapest", also where nothing is shown to choose from.
    """

    targets: tuple[str, ...] = ()
    vague: bool = False
    described: tuple[Match, ...] = ()
    groups: int = 0
    best: bool = False
    number: bool = False
    alone: bool = False
    variant: bool = False
    superlative: tuple[str, str] | None = None


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
    if count < 1:
        return []
    for m in _FIRST_N.finditer(text):
        n = min(_COUNT[m[2]], count)
        if n == 1 and m[2] == "one":
            found.append((m.start(), count if m[1] == "last" else 1))
            continue
        places = range(count - n + 1, count + 1) if m[1] == "last" else range(1, n + 1)
        found += [(m.start(), p) for p in places]
    covered = [m.span() for m in _FIRST_N.finditer(text)]
    for m in _NTH.finditer(text):
        found.append((m.start(), int(m[1] or _COUNT[m[2]])))
    if not found and (pair := _PAIR.search(text)):
        found += [(pair.start(1), int(pair[1])), (pair.start(2), int(pair[2]))]
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
        elif word == "in" and _points_alone(tokens, at):
            pointing = False  # "do you have that in blue", "jackets like this, in blue": it, but blue
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


def _points_alone(tokens: Sequence[Token], at: int) -> bool:
    """Whether a pointing word stands before a token, with at most a comma between."""
    before = at - 2 if at > 1 and tokens[at - 1].text == "," else at - 1
    return before >= 0 and tokens[before].text in _POINTS


def _next_is_noun(tokens: Sequence[Token], at: int, by_start: dict[int, Match]) -> bool:
    """ "the red and white dress" is one product, "the red one and white one" two: one ends before the "and"."""
    return tokens[at - 1].text in ("one", "ones", "pair") or (at - 1 >= 0 and _ends_noun(tokens, at, by_start))


def _ends_noun(tokens: Sequence[Token], at: int, by_start: dict[int, Match]) -> bool:
    ending = next((m for m in by_start.values() if m.end == at), None)
    return bool(ending and ending.means("category"))


def _is_ordinal(word: str) -> bool:
    return word in _PLACE or word in ("first", "last", "of")


def resolve(
    text: str, tokens: Sequence[Token], matches: Sequence[Match], scene: Scene, vocabulary: Vocabulary,
    was_open: bool = False,
) -> Reference:  # fmt: skip
    """The products a clause (lower case) points at, in the order named.

    Args:
        was_open: products were talked of, or the assistant asked which one is meant: a bare figure is a place.
    """
    catalog = vocabulary.catalog
    groups = _described(tokens, matches)
    placed = _at_places(text, matches, groups, scene, catalog, was_open)
    if placed is not None:
        return placed
    best = _superlative(text, groups, scene, vocabulary)
    if best is not None:
        return best
    if _OTHER.search(text) and (other := _the_other(scene)):
        return Reference((other,), described=tuple(m for g in groups for m in g), groups=len(groups))
    if groups:
        found = _find_described(groups, scene, catalog, bool(_EARLIER.search(text)))
        described = tuple(m for g in groups for m in g)
        if found:
            return Reference(tuple(dict.fromkeys(found)), False, described, len(groups))
        return Reference((), bool(scene.shown), described, len(groups))
    meant = _by_pronoun(text, scene)
    products = [catalog.product(p) for p in meant.targets] if len(meant.targets) == 1 else []
    if products and matches and _is_variant(text, matches, products):
        return replace(meant, variant=True)
    return meant


def _by_pronoun(text: str, scene: Scene) -> Reference:
    shown = scene.shown
    text = _RELATIVE.sub(" which", text)
    if _BOTH.search(text):
        pool = scene.focus if len(scene.focus) > 1 else shown
        asked_two = re.search(r"\b(?:both|the two|either)\b", text)
        return Reference(tuple(pool[:2] if asked_two else pool), vague=not pool)
    if _AMONG.search(text) and len(scene.focus) < 2:
        return Reference(shown, vague=not shown)
    if _MANY.search(text):
        return Reference(scene.focus or shown, vague=not (scene.focus or shown))
    if _ONE.search(text) or re.search(r"\b(?:the|that|this) (?:one|same)\b", text):
        if scene.focus:
            return Reference(scene.focus[:1])
        return Reference(shown[:1] if len(shown) == 1 else (), vague=len(shown) != 1)
    return Reference()


def _at_places(
    text: str, matches: Sequence[Match], groups: list[list[Match]], scene: Scene, catalog, was_open: bool
) -> Reference | None:
    """What is pointed at by its place: "the second", "the second red one" among the red ones, "the third in black"."""
    shown = scene.shown
    alone = _ALONE.fullmatch(text) if was_open and shown else None
    places = [_COUNT.get(alone["n"]) or int(alone["n"])] if alone else positions(text, len(shown)) if shown else []
    if not places:
        return None
    described = tuple(m for g in groups for m in g)
    earlier = bool(_EARLIER.search(text))
    kinds = [m for m in described if m.means("category")]
    if groups and (earlier or (kinds and not any(has(catalog.product(p), m) for p in shown for m in kinds))):
        pool = [p for p in scene.seen if p in catalog and all(has(catalog.product(p), m) for m in groups[0])]
        counted = [pool[n - 1] for n in positions(text, len(pool)) if 1 <= n <= len(pool)]
        return Reference(tuple(counted), not counted, described, len(groups), number=True)
    good = [shown[p - 1] for p in places if 1 <= p <= len(shown)]
    if good and _is_variant(text, matches, [catalog.product(p) for p in good]):
        kept = tuple(m for m in described if all(has(catalog.product(p), m) for p in good))
        return Reference(tuple(good), False, kept, len(groups), number=True, variant=True)
    if not groups:
        return Reference(tuple(good), vague=not good, number=True, alone=bool(alone))
    # "The second red one" counts among the red ones.
    among = [p for p in shown if all(has(catalog.product(p), m) for m in groups[0])]
    counted = [among[p - 1] for p in positions(text, len(among)) if 1 <= p <= len(among)] if among else []
    return Reference(tuple(counted or good), not (counted or good), described, len(groups), number=True)


def _is_variant(text: str, matches: Sequence[Match], products: Sequence[Product]) -> bool:
    """Whether values said behind a place are not what stands there: "the third but in black" where it is blue."""
    lacking = [m for m in matches if not all(has(p, m) for p in products)]
    joint = r"\b(?:but|only|in|with|without)(?:\s+(?:in|with|a|an|the|one|it|more|also|is|not|no))*\s+"
    return any(re.search(joint + re.escape(m.said), text) for m in lacking)


def _superlative(text: str, groups: list[list[Match]], scene: Scene, vocabulary: Vocabulary) -> Reference | None:
    catalog = vocabulary.catalog
    for pattern, attribute, best in (*_SUPERLATIVES, *_OF_TWO):
        meant = re.search(r"\b(?:the|which|what|whichever)\b", text) or _SUPERLATIVE_ALONE.match(text)
        if not (pattern.search(text) and meant):
            continue
        name = vocabulary.rating if attribute == "rating" else attribute
        direction = "min" if best is min else "max"
        of_two = (pattern, attribute, best) in _OF_TWO
        pool = scene.focus if of_two and len(scene.focus) > 1 else scene.shown
        described = tuple(m for g in groups for m in g)
        among = [p for p in pool if all(has(catalog.product(p), m) for m in described)]
        priced = [(catalog.product(p).get(name), p) for p in (among or pool)] if name else []
        priced = [(v, p) for v, p in priced if isinstance(v, (int, float))]
        if not pool and name:
            return Reference(superlative=(name, direction))  # of what this sentence will bring
        if priced:
            value = best(v for v, _ in priced)
            chosen = next(p for v, p in priced if v == value)
            return Reference(
                (chosen,), False, described if among else (), len(groups), True, superlative=(name, direction)
            )
    return None


def _the_other(scene: Scene) -> str | None:
    """Of two, the one that was not talked of last."""
    for pool in (scene.focus if len(scene.focus) == 2 else (), scene.shown if len(scene.shown) == 2 else ()):
        rest = [p for p in pool if p not in scene.focus[:1]]
        if len(rest) == 1:
            return rest[0]
    return None


def _find_described(groups: list[list[Match]], scene: Scene, catalog, earlier: bool) -> list[str]:
    """For each group the products that have all its values: among those shown, else in the bag or seen before."""
    before = tuple(p for p in scene.seen if p not in scene.shown)
    pools = (before, scene.shown, scene.bag) if earlier else (scene.shown, scene.bag, scene.seen)
    found = []
    for group in groups:
        for pool in pools:
            hits = [p for p in pool if p in catalog and all(has(catalog.product(p), m) for m in group)]
            if hits:
                found += hits if pool is scene.shown else hits[:1]
                break
    return found
