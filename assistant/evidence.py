"""What a product's place in a list hangs on: each click, purchase, search, wish and word is taken away in turn.

What can be taken away without the product falling is no reason for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shopping_assistant.tools.sessions import Event

if TYPE_CHECKING:  # the shelf gives evidence with what it recommends
    from shopping_assistant.tools.recommender import Recommendation, Recommender

# The latest things that a shopper did are looked at: on the demo shop 8 find hardly more than 4 (docs/answers.md).
FOR_A_LIST, FOR_ONE = 4, 8


@dataclass(frozen=True)
class Evidence:
    """One thing without which a product would stand lower: ``rank`` is its place, ``rank_without`` the one it falls to.

    ``rank_without`` is None where it would not be among those looked at at all. The rest depends on ``kind``:

    * click, purchase: of ``product_id``, by this shopper;
    * judged: the thumb (``verdict``) on ``product_id``;
    * query: ``words`` that were searched for, all of a search or one word of this one;
    * attribute: a wish (``attribute``, ``words``);
    * leaning: a wish by degree (``attribute``, ``words``), compared with ``product_id`` if with anything;
    * photo: the one that was shown;
    * like: the product (``product_id``) that it was to be like;
    * goes_with: the product it is to be worn with, both ``categories``, and in how many sessions (``count``) they were
      bought together;
    * popular: how often it was bought (``count``).
    """

    kind: str
    rank: int
    rank_without: int | None
    product_id: str | None = None
    attribute: str | None = None
    words: str | None = None
    verdict: str | None = None
    categories: tuple[str, str] | None = None
    count: int | None = None

    @property
    def fall(self) -> float:
        return np.inf if self.rank_without is None else self.rank_without - self.rank

    def as_dict(self) -> dict:
        told = {name: getattr(self, name) for name in ("kind", *_TOLD_WHERE_GIVEN)}
        if self.categories is not None:
            told["categories"] = list(self.categories)
        return {k: v for k, v in told.items() if v is not None} | {
            "rank": self.rank, "rank_without": self.rank_without
        }  # fmt: skip


_TOLD_WHERE_GIVEN = ("product_id", "attribute", "words", "verdict", "categories", "count")


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
