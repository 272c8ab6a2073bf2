"""A turn's cards found once more, each time without one thing: what a card hangs on, as of that turn.

The list is made again for all cards at once, so that eight of them cost what one costs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np

from shopping_assistant.assistant.evidence import FOR_ONE, Evidence, deeds, of_recommended, without
from shopping_assistant.assistant.language.leanings import JUDGED, PHOTO, Leaning
from shopping_assistant.assistant.leaning_order import than
from shopping_assistant.assistant.shelf import LEANED_FROM, Ranked, Shelf
from shopping_assistant.tools import attribute_filter
from shopping_assistant.tools.attribute_filter import Constraint
from shopping_assistant.tools.search import words_of
from shopping_assistant.tools.sessions import Event

# Searches and wishes ask the language model again, each as much as a recommendation: so many at most.
ASKED_AGAIN = 6
# Words of one search, and wishes that order: each is a search more.
WORDS, ORDERING = 8, 8

Found = dict[str, list[Evidence]]


@dataclass(frozen=True)
class Making:
    """How the cards of a turn were found, as `ToolResult.made` tells it in plain values.

    Args:
        by: search, words, recommender, popular or listed, see `Ranked`; saved for a shopper's own list.
        at: the moment, ISO 8601.
        constraints: the wishes that were met, without those set aside.
        leanings: what ordered the products, thumbs among it.
        exclude: what was left out: seen before, or refused.
        like, goes_with: the product they are like, or to be worn with.
        chosen: products that were in the bag by then, and when each was put there; they may be out of it by now.
    """

    by: str
    at: str
    constraints: tuple[Constraint, ...] = ()
    leanings: tuple[Leaning, ...] = ()
    query: str = ""
    exclude: tuple[str, ...] = ()
    like: str | None = None
    goes_with: str | None = None
    chosen: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_dict(cls, made: dict[str, Any]) -> Self:
        return cls(
            made["by"],
            made.get("at", ""),
            tuple(Constraint.from_dict(c) for c in made.get("constraints", ())),
            tuple(Leaning.from_dict(w) for w in made.get("leanings", ())),
            made.get("query") or "",
            tuple(made.get("exclude", ())),
            made.get("like"),
            made.get("goes_with"),
            tuple((p, at) for p, at in made.get("chosen", ())),
        )


def of_cards(
    shelf: Shelf, making: Making, history: Sequence[Event], cards: Sequence[str], shown: int
) -> dict[str, list[Evidence]]:
    """For each card what it hangs on, the strongest first; nothing where it keeps its place without any one thing.

    Args:
        history: what the shopper had done until that moment.
        shown: how many cards an answer has at most.
    """
    there = [p for p in cards if p in shelf.catalog]
    if making.goes_with in shelf.catalog:
        found = {p: _combined(shelf, making.goes_with, p, place) for place, p in enumerate(there, 1)}
    elif making.by == "saved":
        found = {}
    elif making.by == "recommender":
        found = _of_recommended(shelf, making, history, there, shown) if shelf.can_recommend else {}
    else:
        found = _of_found(shelf, making, there)
    return {p: sorted((e for e in found.get(p, ()) if e.fall > 0), key=lambda e: -e.fall) for p in there}


def _combined(shelf: Shelf, beside: str, card: str, place: int) -> list[Evidence]:
    """For a product of an outfit: the sessions that bought its kind with the other's; none where nobody did."""
    own, other = ((shelf.catalog.product(p).category or "").strip().lower() for p in (card, beside))
    count = next((p.sessions for p in shelf.outfits.partners(other) if p.category == own), 0)
    return [Evidence("goes_with", place, None, product_id=beside, categories=(own, other), count=count)]


def _of_recommended(
    shelf: Shelf, making: Making, history: Sequence[Event], cards: Sequence[str], shown: int
) -> Found:  # fmt: skip
    """Searches and wishes, for which the language model is asked again; clicks and purchases, for which it is not."""
    catalog, recommender = shelf.catalog, shelf.recommender
    rows = [catalog.index(p) for p in cards]
    gone = {*making.exclude, *(e.product_id for e in history if e.action == "purchase" and e.product_id)}
    gone = [catalog.index(p) for p in gone if p in catalog]

    def mask(kept: Sequence[Constraint]) -> np.ndarray:
        able = shelf.mask(kept)
        able[gone] = False
        able[rows] = True
        return able

    said = [c for c in making.constraints if c.said and not c.is_exclusion]
    searched = deeds(history, ASKED_AGAIN, ("search",))
    said = said[: max(ASKED_AGAIN - len(searched), 2)]
    searched = searched[: ASKED_AGAIN - len(said)]
    histories = [tuple(history), *(without(history, d) for d in searched), *[tuple(history)] * len(said)]
    masks = [mask(making.constraints)] * (1 + len(searched))
    masks += [mask([o for o in making.constraints if o is not c]) for c in said]
    system = recommender.system
    scores = recommender.scores(histories, (system,), masks=masks)[system]
    ranks = 1 + (scores[:, None, :] > scores[:, rows, None]).sum(axis=2)  # (histories, cards)
    found: Found = {}
    for i, card in enumerate(cards):
        base, *less = ranks[:, i].tolist()
        queries = [Evidence("query", base, r, words=d[1]) for d, r in zip(searched, less, strict=False)]
        wishes = [
            Evidence("attribute", base, r, attribute=c.attribute, words=c.said)
            for c, r in zip(said, less[len(searched) :], strict=True)
        ]
        found[card] = queries + wishes
    in_text = attribute_filter.mask(catalog, making.constraints) & ~mask(making.constraints)
    out = [catalog.ids[r] for r in np.flatnonzero(in_text)]
    made = recommender.recommend(tuple(history), len(catalog), making.constraints, out)
    for card, of_it in of_recommended(recommender, made, history, FOR_ONE).items():
        if card in found:
            found[card] += of_it
    for card, of_it in _of_order(shelf, making, made.products[: LEANED_FROM * shown], masks[0], cards).items():
        found[card] += of_it
    return found


def _of_order(shelf: Shelf, making: Making, products: Sequence, mask: np.ndarray, cards: Sequence[str]) -> Found:
    """Wishes that order and thumbs, on a recommended list."""

    def places(leanings: Sequence[Leaning]) -> dict[str, int]:
        return {s.product_id: i for i, s in enumerate(shelf.leaned(products, leanings, mask), 1)}

    taken = making.leanings[-ORDERING:]
    base = places(making.leanings) if taken else {}
    found: Found = {card: [] for card in cards}
    for wish in taken:
        less = places([w for w in making.leanings if w is not wish])
        for card in cards:
            if card in base:
                found[card].append(_ordering(shelf, wish, card, base[card], less.get(card)))
    return found


def _of_found(shelf: Shelf, making: Making, cards: Sequence[str]) -> Found:
    """For a search, products like one, or the most bought: wishes, words and what orders, each left out once."""
    find = _finder(shelf, making)
    row = {p: shelf.catalog.index(p) for p in cards}

    def places(query: str, constraints: Sequence[Constraint], leanings: Sequence[Leaning]) -> dict[str, int | None]:
        ranked = find(query, constraints, leanings)
        at = {r: i for i, r in enumerate(ranked.pool.tolist(), 1)} if ranked.pool is not None else {}
        return {p: at.get(row[p]) for p in cards}

    query, constraints, leanings = making.query, making.constraints, making.leanings
    base = {p: place for p, place in places(query, constraints, leanings).items() if place is not None}
    found: Found = {p: _ground(shelf, making, p, place) for p, place in base.items()}

    def add(told: Callable[[str, int, int | None], Evidence], *left) -> None:
        less = places(*left)
        for p, place in base.items():
            found[p].append(told(p, place, less[p]))

    of_wishes: set[str] = set()
    for c in constraints:
        own = set(words_of(c.said))
        of_wishes |= own
        rest = " ".join(w for w in query.split() if not set(words_of(w)) <= own) if own else query
        wish = partial(Evidence, "attribute", attribute=c.attribute, words=c.said or None)
        add(lambda p, *ranks, wish=wish: wish(*ranks), rest, [o for o in constraints if o is not c], leanings)
    for leant in leanings[-ORDERING:]:
        told = partial(_ordering, shelf, leant)
        add(told, query, constraints, [w for w in leanings if w is not leant])
    for word in list(dict.fromkeys(query.split()))[:WORDS]:
        if not set(words_of(word)) <= of_wishes:
            rest = " ".join(w for w in query.split() if w != word)
            add(lambda p, *ranks, word=word: Evidence("query", *ranks, words=word), rest, constraints, leanings)
    return found


def _finder(shelf: Shelf, making: Making) -> Callable[[str, Sequence[Constraint], Sequence[Leaning]], Ranked]:
    if making.like in shelf.catalog:
        return lambda query, kept, leaned: shelf.similar(making.like, 1, kept, leaned, making.exclude)
    if making.by in ("popular", "listed"):
        return lambda query, kept, leaned: shelf.popular(1, kept, leaned, making.exclude)
    return lambda query, kept, leaned: shelf.search(query, 1, kept, making.exclude, leaned)


def _ground(shelf: Shelf, making: Making, card: str, place: int) -> list[Evidence]:
    """What the whole list is there for, if it is no search."""
    if making.like in shelf.catalog:
        return [Evidence("like", place, None, product_id=making.like)]
    bought = int(shelf.popularity[shelf.catalog.index(card)])
    return [Evidence("popular", place, None, count=bought)] if making.by == "popular" and bought else []


def _ordering(shelf: Shelf, wish: Leaning, card: str, place: int, less: int | None) -> Evidence:
    """A thumb, a photo, "more like that one", or a wish by degree."""
    if wish.attribute == JUDGED:
        verdict = "up" if wish.direction == "like" else "down"
        return Evidence("judged", place, less, product_id=wish.than, verdict=verdict)
    if wish.attribute == PHOTO:
        return Evidence("photo", place, less)
    if not wish.attribute:
        if wish.direction == "like":
            return Evidence("like", place, less, product_id=wish.than)
        return Evidence("judged", place, less, product_id=wish.than, verdict="down")
    how = than(wish, shelf.understanding.scales, card) or wish.said or None
    return Evidence("leaning", place, less, product_id=wish.than, attribute=wish.attribute, words=how)
