"""The weights of the shop's search, fitted on judged products: what they are, and how they do on queries not fitted on.

    python -m shopping_assistant.eval.understanding.search_weights --data ../shared/data --out DIR

Prints weights for `shopping_assistant.tools.search.Weights`, and ndcg@10 with those in use, with the fitted ones, and
by cross-validation: folds of whole queries, each ranked by weights fitted on the others. Only CrowdFlower has judged
orders; that the weights also hold for long requests is for `shopping_assistant.eval.understanding webshop` to say.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from shopping_assistant.eval.metrics import scores_of_ranking
from shopping_assistant.eval.understanding import crowdflower
from shopping_assistant.eval.understanding.crowdflower import METRIC, Judged
from shopping_assistant.eval.understanding.record import means_with_ci
from shopping_assistant.eval.understanding.scratch import existing, scratch_store
from shopping_assistant.tools.search import SIGNALS, WEIGHTS, CatalogSearch
from shopping_assistant.tools.store import Store

FOLDS, DRAWS = 5, 5
# Keeps two signals that say the same from growing against each other.
RIDGE = 1e-2


def signals_of(store: Path, queries: Sequence[Judged]) -> list[np.ndarray]:
    """Each query's judged products, rows ascending: ``(products, len(SIGNALS))``."""
    opened = Store.open(store)
    catalog, search = opened.catalog(), CatalogSearch.open(opened)
    return [search.signals(q.query, np.sort([catalog.index(p) for p in q.relevance])) for q in queries]


def fitted(signals: Sequence[np.ndarray], gains: Sequence[np.ndarray]) -> np.ndarray:
    """Weights ``(signals,)`` by which each query's gains are likeliest, the first of them 1.

    The loss is ListNet's (Cao et al., ICML 2007): cross-entropy of the gains' shares and the softmax of the scores.
    """
    spread = np.concatenate([x - x.mean(0) for x in signals]).std(0) + 1e-9
    scaled = [(x - x.mean(0)) / spread for x in signals]
    shares = [g / g.sum() for g in gains]

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        total, slope = 0.0, np.zeros_like(w)
        for x, share in zip(scaled, shares, strict=True):
            scores = x @ w
            e = np.exp(scores - scores.max())
            total -= float(share @ np.log(e / e.sum() + 1e-12))
            slope -= x.T @ (share - e / e.sum())
        return total / len(scaled) + RIDGE * float(w @ w), slope / len(scaled) + 2 * RIDGE * w

    weights = minimize(loss, np.zeros(len(spread)), jac=True, method="L-BFGS-B").x / spread
    return weights / weights[0]


def ndcg(signals: np.ndarray, weights: np.ndarray, gains: np.ndarray) -> float:
    order = np.argsort(-(signals @ weights), kind="stable")
    relevant = {str(i): float(g) for i, g in enumerate(gains) if g > 0}
    return scores_of_ranking([str(i) for i in order], relevant, (METRIC,))[METRIC]


def cross_validated(signals: Sequence[np.ndarray], gains: Sequence[np.ndarray]) -> np.ndarray:
    """``(queries,)``: the mean over `DRAWS` divisions into `FOLDS` folds."""
    scores = np.zeros((DRAWS, len(signals)))
    for draw in range(DRAWS):
        shuffled = np.random.default_rng(draw).permutation(len(signals))
        for fold in range(FOLDS):
            held = shuffled[fold::FOLDS]
            rest = np.setdiff1d(shuffled, held)
            weights = fitted([signals[i] for i in rest], [gains[i] for i in rest])
            for i in held:
                scores[draw, i] = ndcg(signals[i], weights, gains[i])
    return scores.mean(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    file = existing(arguments.data / "crowdflower_search" / "train.csv.gz")
    rows = crowdflower.read_rows(file)
    queries = [q for q in crowdflower.judged_of(rows) if q.gains]
    scratch = arguments.out / "understanding" / "stores"
    store = scratch_store(crowdflower.NAME, [file], scratch, lambda path: crowdflower.lay_down(rows, path))
    catalog = store.catalog()
    signals = signals_of(store.path, queries)
    gains = [np.array([q.gains.get(p, 0.0) for p in sorted(q.relevance, key=catalog.index)]) for q in queries]
    best, used = fitted(signals, gains), np.array(WEIGHTS.of_signals)
    scores = {
        "in use": np.array([ndcg(x, used, g) for x, g in zip(signals, gains, strict=True)]),
        "fitted on all": np.array([ndcg(x, best, g) for x, g in zip(signals, gains, strict=True)]),
        "cross-validated": cross_validated(signals, gains),
    }
    figures, intervals = means_with_ci(scores)
    weights = {name: round(float(w), 3) for name, w in zip(SIGNALS, best, strict=True)}
    print(json.dumps({"weights": weights, METRIC: figures, "ci95": intervals}, indent=1))


if __name__ == "__main__":
    main()
