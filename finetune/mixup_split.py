"""Where the id list ends and the title list begins: the mixup split m, chosen on validation sessions."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np

from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.mixup import mix
from shopping_assistant.tools.recommender import Recommender
from shopping_assistant.tools.sessions import Example, leave_one_out
from shopping_assistant.tools.store import Store, write_json

# The published table fits m = 1 best; the rest of the grid covers a list of ten.
CANDIDATES = (0, 1, 2, 3, 4, 5, 6, 8, 10)
SESSIONS = 2_000
SEED = 11
K = 10


def _new_to(example: Example, catalog: Catalog) -> np.ndarray:
    """Everything this shopper has not bought yet, ``(n,)`` bool."""
    new = np.ones(len(catalog), dtype=bool)
    new[[catalog.index(e.product_id) for e in example.history if e.action == "purchase"]] = False
    return new


def choose(store: Store, progress: Callable[[int, int], None] | None = None) -> dict:
    """Write the m with the best validation ndcg@10 to ``models/mixup``; returns every m's figures.

    Only sessions whose shopper bought something before are used, as in the replay.
    """
    examples = [e for e in leave_one_out(store.events()).validation if any(x.action == "purchase" for x in e.history)]
    random.Random(SEED).shuffle(examples)
    examples = examples[:SESSIONS]
    recommender = Recommender.open(store)
    catalog = store.catalog()
    gains = dict.fromkeys(CANDIDATES, 0.0)
    for start in range(0, len(examples), recommender.batch):
        part = examples[start : start + recommender.batch]
        masks = [_new_to(e, catalog) for e in part]
        scores = recommender.scores([e.history for e in part], ("id", "title"), masks)
        targets = np.array([catalog.index(e.target) for e in part])
        for m in CANDIDATES:
            mixed = mix(scores["id"], scores["title"], m)
            ranks = 1 + (mixed > mixed[np.arange(len(part)), targets][:, None]).sum(axis=1)
            gains[m] += float((1 / np.log2(ranks[ranks <= K] + 1)).sum())
        if progress:
            progress(min(start + recommender.batch, len(examples)), len(examples))
    figures = {str(m): round(g / max(1, len(examples)), 6) for m, g in gains.items()}
    # The smallest m among equals: the title list then decides more, as published.
    m = min(CANDIDATES, key=lambda c: (-figures[str(c)], c)) if examples else 1
    with store.replacing("mixup") as folder:
        write_json(folder / "mixup.json", {"m": m})
    return {"m": m, "sessions": len(examples), f"ndcg@{K} by m": figures}
