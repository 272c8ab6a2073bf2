"""What a product's place in a list hangs on: each click, purchase, search, wish and word is taken away in turn.

What can be taken away without the product falling is no reason for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shopping_assistant.assistant.language.leanings import Leaning
from shopping_assistant.assistant.leaning_order import than
from shopping_assistant.tools.attribute_filter import Constraint
from shopping_assistant.tools.search import words_of
from shopping_assistant.tools.sessions import Event

if TYPE_CHECKING:  # the shelf gives evidence with what it recommends
    from shopping_assistant.assistant.shelf import Shelf
    from shopping_assistant.tools.recommender import Recommendation, Recommender

# The latest things that a shopper did are looked at: on the demo shop 8 find hardly more than 4 (docs/answers.md).
FOR_A_LIST, FOR_ONE = 4, 8
# Searches and wishes ask the language model again, each as much as a recommendation: so many at most.
ASKED_AGAIN = 6


@dataclass(frozen=True)
class Evidence:
    """One thing without which a product would stand lower: ``rank`` is its place, ``rank_without`` the one it falls to.

    ``kind``: click or purchase (of ``product_id``), query (``words``), attribute (a wish: ``attribute``, ``words``).
    ``rank_without`` is None where it would not be among those looked at at all.
    """

    kind: str
    rank: int
    rank_without: int | None
    product_id: str | None = None
    attribute: str | None = None
    words: str | None = None

    @property
    def fall(self) -> float:
        return np.inf if self.rank_without is None else self.rank_without - self.rank

    def as_dict(self) -> dict:
        told = {"kind": self.kind, "product_id": self.product_id, "attribute": self.attribute, "words": self.words}
        return {k: v for k, v in told.items() if v is not None} | {
            "rank": self.rank, "rank_without": self.rank_without
        }  # fmt: skip


def deeds(history: Sequence[Event], most: int, actions: Sequence[str] = ("click", "purchase")) -> list[tuple[str, str]]:
    """The latest distinct things done, ``(action, product or query)``, the last one first."""
    done = [(e.action, e.product_id or e.query or "") for e in reversed(history) if e.action in actions]
    return list(dict.fromkeys(done))[:most]


def without(history: Sequence[Event], deed: tuple[str, str]) -> tuple[Event, ...]:
    return tuple(e for e in history if (e.action, e.product_id or e.query or "") != deed)


def of_recommended(
    recommender: Recommender, made: Recommendation, history: Sequence[Event], most: int = FOR_A_LIST
) -> dict[str, tuple[Evidence, ...]]:
    """For each product recommended the clicks and purchases without which it would stand lower, the strongest first."""
    done = deeds(history, most)
    ranks = recommender.without(made, [without(history, deed) for deed in done])
    out = {}
    for product_id, of_it in ranks.items():
        found = [
            Evidence(action, int(of_it[0]), int(rank), product_id=other)
            for (action, other), rank in zip(done, of_it[1:].tolist(), strict=True)
            if rank > of_it[0] and other != product_id
        ]
        out[product_id] = tuple(sorted(found, key=lambda e: -e.fall))
    return out


def of_one_recommended(
    shelf: Shelf, product_id: str, history: Sequence[Event], constraints: Sequence[Constraint], exclude: Sequence[str]
) -> list[Evidence]:
    """The same for one product, searches and wishes included, whatever it costs: the language model is asked again.

    Clicks and purchases as in a list, but more of them.
    """
    recommender, row = shelf.recommender, shelf.catalog.index(product_id)
    gone = [*exclude, *(e.product_id for e in history if e.action == "purchase" and e.product_id)]

    def mask(kept: Sequence[Constraint]) -> np.ndarray:
        able = shelf.mask(kept)
        able[[shelf.catalog.index(p) for p in set(gone) if p in shelf.catalog]] = False
        able[row] = True
        return able

    said = [c for c in constraints if c.said and not c.is_exclusion]
    searched = deeds(history, ASKED_AGAIN, ("search",))
    said = said[: max(ASKED_AGAIN - len(searched), 2)]
    searched = searched[: ASKED_AGAIN - len(said)]
    histories = [tuple(history), *(without(history, d) for d in searched), *[tuple(history)] * len(said)]
    masks = [mask(constraints)] * (1 + len(searched)) + [mask([o for o in constraints if o is not c]) for c in said]
    system = recommender.system
    scores = recommender.scores(histories, (system,), masks=masks)[system]
    ranks = [1 + int((own > own[row]).sum()) for own in scores]
    found = [Evidence("query", ranks[0], rank, words=d[1]) for d, rank in zip(searched, ranks[1:], strict=False)]
    found += [
        Evidence("attribute", ranks[0], rank, attribute=c.attribute, words=c.said)
        for c, rank in zip(said, ranks[1 + len(searched) :], strict=True)
    ]
    found = [e for e in found if e.rank_without is not None and e.rank_without > e.rank]
    others = [p for p in exclude if p != product_id]
    made = recommender.recommend(tuple(history), len(shelf.catalog), constraints, others)
    found += of_recommended(recommender, made, history, FOR_ONE).get(product_id, ())
    return sorted(found, key=lambda e: -e.fall)


def of_one_found(
    shelf: Shelf, product_id: str, query: str, constraints: Sequence[Constraint], leanings: Sequence[Leaning] = ()
) -> list[Evidence]:
    """For a search: the wishes, those by degree among them, and words without which a product would stand lower."""
    row = shelf.catalog.index(product_id)

    def rank(words: str, kept: Sequence[Constraint], leaned: Sequence[Leaning] = leanings) -> int | None:
        ranked = shelf.search(words, 1, kept, (), leaned)
        rows = ranked.pool if ranked.pool is not None else [shelf.catalog.index(p.product_id) for p in ranked.products]
        place = np.flatnonzero(np.asarray(rows) == row)
        return int(place[0]) + 1 if len(place) else None

    base = rank(query, constraints)
    if base is None:
        return []
    found, of_wishes = [], set()
    for c in constraints:
        own = set(words_of(c.said))
        of_wishes |= own
        rest = " ".join(w for w in query.split() if not set(words_of(w)) <= own) if own else query
        place = rank(rest, [o for o in constraints if o is not c])
        found.append(Evidence("attribute", base, place, attribute=c.attribute, words=c.said or None))
    for wish in leanings:
        if wish.attribute and wish.said:
            place = rank(query, constraints, [w for w in leanings if w is not wish])
            how = than(wish, shelf.understanding.scales, product_id) or wish.said
            found.append(Evidence("attribute", base, place, attribute=wish.attribute, words=how))
    for word in dict.fromkeys(query.split()):
        if not set(words_of(word)) <= of_wishes:
            place = rank(" ".join(w for w in query.split() if w != word), constraints)
            found.append(Evidence("query", base, place, words=word))
    return sorted((e for e in found if e.fall > 0), key=lambda e: -e.fall)


def before(history: Sequence[Event], moment: str) -> tuple[Event, ...]:
    """The events until a moment, ISO 8601."""
    return tuple(e for e in history if e.timestamp.isoformat(timespec="microseconds") <= moment)


