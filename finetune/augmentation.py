"""A log's histories as they might have been as well: baskets in another order, products in the place of their kin."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.sessions import Event

# Products whose nearest titles are looked for at once: 0.5 GB of scores in a catalogue of 100,000.
BLOCK = 1024


class Kin:
    """The products with the nearest titles to those that a log names.

    Args:
        vectors: ``(n, d)`` unit title vectors.
        histories: whose products' kin are looked for.
        count: how many each has; a catalogue of fewer others gives them all.
    """

    def __init__(self, catalog: Catalog, vectors: np.ndarray, histories: Sequence[Sequence[Event]], count: int = 8):
        named = {e.product_id for events in histories for e in events if e.product_id in catalog}
        rows = np.array(sorted(catalog.index(product) for product in named), dtype=np.int64)
        count = min(count, len(catalog) - 1)
        self._near: dict[str, list[str]] = {}
        for start in range(0, len(rows) if count else 0, BLOCK):
            part = rows[start : start + BLOCK]
            scores = vectors[part] @ vectors.T
            scores[np.arange(len(part)), part] = -np.inf
            near = np.argpartition(-scores, count - 1, axis=1)[:, :count]
            # In the catalogue's order: which is drawn must not hang on how the processor sorted them.
            for row, own in zip(part.tolist(), np.sort(near).tolist(), strict=True):
                self._near[catalog.ids[row]] = [catalog.ids[other] for other in own]

    def of(self, product: str) -> list[str]:
        """Product ids, none for a product that the log does not name."""
        return self._near.get(product, [])


def augmented(
    histories: Sequence[Sequence[Event]], kin: Kin | None, kin_share: float, shuffled: bool, seed: int
) -> Sequence[Sequence[Event]]:
    """The histories of one epoch; the same seed gives the same ones.

    Args:
        kin_share: share of the items that one of their kin stands for.
        shuffled: what was bought in one session on one day comes in an order of chance.
    """
    if not shuffled and not kin_share:
        return histories
    chance = random.Random(seed)
    out = []
    for events in histories:
        written = in_any_order(events, chance) if shuffled else events
        out.append([_or_kin(e, kin, kin_share, chance) for e in written] if kin_share else written)
    return out


def in_any_order(events: Sequence[Event], chance: random.Random) -> list[Event]:
    """Purchases of one session and day that follow one another, in an order of chance; all else where it was."""
    out = []
    for key, run in itertools.groupby(events, key=lambda e: (e.action, e.session_id, e.timestamp.date())):
        part = list(run)
        if key[0] == "purchase":
            chance.shuffle(part)
        out += part
    return out


def _or_kin(event: Event, kin: Kin, share: float, chance: random.Random) -> Event:
    if event.product_id is None or chance.random() >= share:
        return event
    near = kin.of(event.product_id)
    return replace(event, product_id=chance.choice(near)) if near else event
