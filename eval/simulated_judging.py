"""Which cards a simulated shopper gives a thumb: those nearest to the hidden wish, and those farthest from it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shopping_assistant.eval.hidden_wish import Wish, has
from shopping_assistant.tools.catalog import Product

# At an answer: how often a shopper judges at all, and how many cards at most.
JUDGE_RATE, MOST_UP, MOST_DOWN = 0.7, 1, 2
# What is insisted on weighs as much more than what would be nice, for and against.
MUST, NICE, UNWANTED = 2.0, 1.0, 2.0


class CardJudge:
    """Judges what is shown by the wish alone, the part not yet said included; it knows no target.

    Args:
        rng: chance of its own, so that the shopper decides and speaks as one who judges nothing.
    """

    def __init__(self, wish: Wish, rng: np.random.Generator):
        self._wish, self._rng = wish, rng
        self._judged: set[str] = set()

    def thumbs(self, shown: Sequence[Product]) -> list[tuple[str, str, int]]:
        """``(product_id, verdict, position)`` of the cards judged now; a card is judged once."""
        worth = [self._worth(p) for p in shown]
        if not shown or min(worth) == max(worth) or self._rng.random() >= JUDGE_RATE:
            return []
        order = sorted(range(len(shown)), key=lambda i: -worth[i])
        up = [i for i in order if worth[i] == max(worth)][:MOST_UP]
        middle = float(np.median(worth))
        down = [i for i in reversed(order) if worth[i] < middle or worth[i] == min(worth)][:MOST_DOWN]
        given = [(i, "up") for i in up] + [(i, "down") for i in down]
        new = [(i, verdict) for i, verdict in given if shown[i].product_id not in self._judged]
        self._judged |= {shown[i].product_id for i, _ in new}
        return [(shown[i].product_id, verdict, i + 1) for i, verdict in new]

    def _worth(self, product: Product) -> float:
        wish = self._wish
        worth = sum((MUST if t.must else NICE) * has(product, t) for t in wish.traits)
        worth -= UNWANTED * sum(has(product, t) for t in wish.unwanted)
        if wish.price is not None and product.price is not None and product.price > wish.price:
            worth -= MUST if wish.price_must else NICE
        return float(worth)
