"""Ranking metrics. A metric's printed name is its code: ``recall@10``, ``ndcg@10``, ``mrr@10``, ``mrr``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from shopping_assistant.tools.errors import ShopError

_NAME = re.compile(r"(recall|ndcg|mrr)(?:@([1-9][0-9]*))?")


class MetricError(ShopError):
    """A metric that does not exist, or ranks it cannot be computed from."""


def metric_names(k: int = 10) -> tuple[str, ...]:
    """The metrics every replay prints. MRR stands twice, cut at k and full: published tables mix the two."""
    return (f"recall@{k}", f"ndcg@{k}", f"mrr@{k}", "mrr")


def parse_name(name: str) -> tuple[str, int | None]:
    """``"recall@10"`` → ``("recall", 10)``; without a cut-off the whole list counts.

    Raises:
        MetricError: no such metric, or recall without a cut-off (it would always be 1).
    """
    found = _NAME.fullmatch(name)
    if not found or (found[1] == "recall" and found[2] is None):
        raise MetricError(f"metric {name!r}: expected recall@K, ndcg, ndcg@K, mrr or mrr@K with K at least 1")
    return found[1], int(found[2]) if found[2] else None


def scores_of_ranks(ranks: Sequence[int] | np.ndarray, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Per-session values where every session has one target.

    Args:
        ranks: ``(sessions,)``, 1-based rank of the target; 0 where it was not ranked at all, which scores 0.
        names: metric names; by default `metric_names`.

    Returns:
        For each name ``(sessions,)`` float64 in 0…1. With one target the ideal DCG is 1, so NDCG is
        1 / log2(rank + 1) (Järvelin and Kekäläinen 2002).

    Raises:
        MetricError: a rank below 0 or not whole, or an unknown name.
    """
    given = np.asarray(ranks)
    if given.ndim != 1 or (given.size and not np.issubdtype(given.dtype, np.integer)):
        raise MetricError(
            f"ranks: got an array of {given.dtype} with shape {given.shape}, expected whole numbers in a row"
        )
    if (given < 0).any():
        raise MetricError(f"rank {given.min()}: expected 1 for the first place, or 0 for a target that was not ranked")
    out = {}
    for name in metric_names() if names is None else names:
        kind, k = parse_name(name)
        hit = (given > 0) if k is None else (given > 0) & (given <= k)
        place = np.where(hit, given, 1).astype(np.float64)
        value = {"recall": np.ones_like(place), "ndcg": 1 / np.log2(place + 1), "mrr": 1 / place}[kind]
        out[name] = np.where(hit, value, 0.0)
    return out


def scores_of_ranking(
    ranked: Sequence[str], truth: Mapping[str, float] | Sequence[str] | set[str], names: Sequence[str] | None = None
) -> dict[str, float]:
    """The same metrics for one ranked list and any number of relevant products.

    Args:
        ranked: product ids, best first, each at most once.
        truth: the relevant ids, or id → gain (above 0) for graded relevance.

    Returns:
        recall@k is the share of the relevant products among the first k; ndcg uses gain / log2(rank + 1) over the
        best possible order; mrr is one over the rank of the first relevant product.

    Raises:
        MetricError: a product stands twice, nothing is relevant, or a gain is not above 0.
    """
    gains = dict(truth) if isinstance(truth, Mapping) else dict.fromkeys(truth, 1.0)
    if not gains or min(gains.values()) <= 0:
        raise MetricError(f"truth {gains!r}: expected at least one relevant product, each with a gain above 0")
    if len(set(ranked)) != len(ranked):
        twice = next(p for i, p in enumerate(ranked) if p in ranked[:i])
        raise MetricError(f"product {twice!r} stands twice in a ranking; a product has one rank")
    gain_at = np.array([gains.get(p, 0.0) for p in ranked], dtype=np.float64)
    best = np.sort(np.array(list(gains.values()), dtype=np.float64))[::-1]
    out = {}
    for name in metric_names() if names is None else names:
        kind, k = parse_name(name)
        if kind == "recall":
            out[name] = float((gain_at[:k] > 0).sum() / len(gains))
        elif kind == "ndcg":
            out[name] = _dcg(gain_at[:k]) / _dcg(best[:k])
        else:
            places = np.flatnonzero(gain_at[:k] > 0)
            out[name] = 1.0 / (int(places[0]) + 1) if len(places) else 0.0
    return out


def _dcg(gains: np.ndarray) -> float:
    return float((gains / np.log2(np.arange(len(gains)) + 2)).sum())


def target_ranks(scores: np.ndarray, masks: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Where each session's target stands among its candidates.

    Args:
        scores: ``(sessions, products)``, higher is better.
        masks: ``(sessions, products)`` bool, the candidates.
        targets: ``(sessions,)`` product rows; -1 for a product the catalogue does not have.

    Returns:
        ``(sessions,)`` int64: 1 + the candidates that score higher + the candidates of the same score in a lower row;
        0 where the target is no candidate, or its score is -inf: the system did not return it. Counting ties in row
        order, not in the target's favour, keeps a system that scores everything alike from looking perfect.

    Raises:
        MetricError: a score is NaN: it has no place in an order.
    """
    if np.isnan(scores).any():
        raise MetricError(
            f"{int(np.isnan(scores).sum())} scores are NaN and cannot be ranked; use -inf for what is not returned"
        )
    session = np.arange(len(targets))
    known = targets >= 0
    at = np.where(known, targets, 0)
    of_target = scores[session, at][:, None]
    lower_row = np.arange(scores.shape[1])[None, :] < at[:, None]
    ahead = (scores > of_target) | ((scores == of_target) & lower_row)
    ranks = 1 + (ahead & masks).sum(axis=1, dtype=np.int64)
    return np.where(known & masks[session, at] & (of_target[:, 0] > -np.inf), ranks, 0)
