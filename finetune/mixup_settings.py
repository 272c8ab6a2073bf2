"""How the id road and the title road are joined, chosen on validation sessions."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import asdict, astuple

import numpy as np

from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.mixup import MixupSettings, mix
from shopping_assistant.tools.recommender import Recommender
from shopping_assistant.tools.sessions import Example, current_query
from shopping_assistant.tools.store import Store

# The published sweep of m, and the grid beyond it; a shop without searches has no query to look for.
PUBLISHED_M = (0, 1, 2, 3, 4, 5, 6, 8, 10)
M = (0, 1)
SESSION_WEIGHTS = (0.0, 0.5, 1.0, 2.0, 4.0)
QUERY_WEIGHTS = (0.0, 1.0, 2.0, 4.0, 8.0)
ID_WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
SESSIONS = 2_000
SEED = 11
K = 10


def choose(store: Store, progress: Callable[[int, int], None] | None = None) -> dict:
    """Write the settings with the best validation ndcg@10 to ``models/mixup``; returns the figures of the choice."""
    found = validate(store, SESSIONS, progress)
    # The simplest among equals: as published where nothing is gained.
    best = max(found, key=lambda s: (round(found[s], 6), *(-w for w in astuple(s)))) if found else None
    with store.replacing("mixup") as folder:
        (best or MixupSettings()).save(folder)
    if best is None:
        return {"sessions": 0}
    published = {str(m): round(found[MixupSettings(m)], 6) for m in PUBLISHED_M}
    return {
        **asdict(best),
        f"ndcg@{K}": round(found[best], 6),
        "sessions": len(validation_sessions(store, SESSIONS)),
        f"ndcg@{K} of the published list by m": published,
    }


def validate(
    store: Store, sessions: int, progress: Callable[[int, int], None] | None = None
) -> dict[MixupSettings, float]:
    """ndcg@10 of every setting on the first ``sessions`` validation sessions of a fixed shuffle."""
    examples = validation_sessions(store, sessions)
    if not examples:
        return {}
    recommender, catalog = Recommender.open(store), store.catalog()
    query_weights = QUERY_WEIGHTS if any(current_query(e.history) for e in examples) else (0.0,)
    grid = [
        MixupSettings(m, s, q, w) for s, q, m, w in itertools.product(SESSION_WEIGHTS, query_weights, M, ID_WEIGHTS)
    ]
    grid += [MixupSettings(m) for m in PUBLISHED_M if m not in M]
    gains = dict.fromkeys(grid, 0.0)
    for start in range(0, len(examples), recommender.batch):
        part = examples[start : start + recommender.batch]
        roads = recommender.roads([e.history for e in part], [new_to(e, catalog) for e in part])
        targets = np.array([catalog.index(e.target) for e in part])[:, None]
        for weights, settings in itertools.groupby(grid, key=lambda s: (s.session_weight, s.query_weight)):
            by_id, by_title = roads.by_id(weights[0]), roads.by_title(weights[1])
            for setting in settings:
                mixed = mix(by_id, by_title, setting.m, setting.id_weight)
                ranks = 1 + (mixed > np.take_along_axis(mixed, targets, axis=1)).sum(axis=1)
                gains[setting] += float((1 / np.log2(ranks[ranks <= K] + 1)).sum())
        if progress:
            progress(min(start + recommender.batch, len(examples)), len(examples))
    return {setting: gain / len(examples) for setting, gain in gains.items()}


def validation_sessions(store: Store, most: int) -> list[Example]:
    """Validation purchases of shoppers who had bought before, as in the replay."""
    examples = [e for e in store.split().validation if any(x.action == "purchase" for x in e.history)]
    random.Random(SEED).shuffle(examples)
    return examples[:most]


def new_to(example: Example, catalog: Catalog) -> np.ndarray:
    """Everything this shopper has not bought yet, ``(n,)`` bool."""
    new = np.ones(len(catalog), dtype=bool)
    new[[catalog.index(e.product_id) for e in example.history if e.action == "purchase"]] = False
    return new
