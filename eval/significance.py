"""How sure a figure is: bootstrap over sessions, and the paired bootstrap test between two systems."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopping_assistant.tools.errors import ShopError

RESAMPLES = 2000  # 2.5 % percentiles move by less than a twentieth of the interval from seed to seed


class SignificanceError(ShopError):
    """Values that cannot be compared."""


@dataclass(frozen=True)
class Comparison:
    """Paired: mean of (first - second), its 95 % interval, and the two-sided p of no difference."""

    difference: float
    ci95: tuple[float, float]
    p: float
    sessions: int


def bootstrap_means(values: np.ndarray, resamples: int = RESAMPLES, seed: int = 1) -> np.ndarray:
    """Means over sessions drawn again with replacement.

    Args:
        values: ``(sessions, metrics)``; every metric is resampled by the same sessions.

    Returns:
        ``(resamples, metrics)`` float64. 20,000 sessions and 2,000 resamples take under a second: how often each
        session was drawn is counted, and the counts are multiplied with the values, a block at a time.

    Raises:
        SignificanceError: no sessions, no resamples, or a value that is not finite.
    """
    values = np.asarray(values, dtype=np.float64)
    sessions = len(values)
    if values.ndim != 2 or not sessions or resamples < 1 or not np.isfinite(values).all():
        raise SignificanceError(
            f"bootstrap of values with shape {values.shape}, {resamples} resamples: expected finite "
            "(sessions, metrics) with at least one session, and at least one resample"
        )
    random = np.random.default_rng(seed)
    block = max(1, 4_000_000 // sessions)  # 32 MB of counts at a time, whatever the log's size
    means = np.empty((resamples, values.shape[1]))
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        drawn = random.integers(0, sessions, size=(size, sessions), dtype=np.int32)
        counts = np.stack([np.bincount(row, minlength=sessions) for row in drawn])
        means[start : start + size] = counts.astype(np.float64) @ values / sessions
    return means


def interval(means: np.ndarray, level: float = 0.95) -> np.ndarray:
    """Percentile interval (Efron and Tibshirani 1993, chapter 13): ``(resamples, metrics)`` → ``(metrics, 2)``."""
    rest = (1 - level) / 2 * 100
    return np.percentile(means, [rest, 100 - rest], axis=0).T


def ci95(scores: dict[str, np.ndarray], resamples: int = RESAMPLES, seed: int = 1) -> dict[str, list[float]]:
    """``{metric: (sessions,) values}`` → ``{metric: [low, high]}``."""
    means = bootstrap_means(np.stack(list(scores.values()), axis=1), resamples, seed)
    return {name: [float(low), float(high)] for name, (low, high) in zip(scores, interval(means), strict=True)}


def paired_bootstrap(first: np.ndarray, second: np.ndarray, resamples: int = RESAMPLES, seed: int = 1) -> Comparison:
    """Is ``first`` better than ``second`` on the same sessions, in the same order?

    The p value is the share of resamples of the centred differences at least as far from 0 as the difference seen
    (Efron and Tibshirani 1993, chapter 16), counting the seen one in, so that it is never 0.

    Args:
        first, second: ``(sessions,)`` values of one metric.

    Raises:
        SignificanceError: the two do not have the same sessions.
    """
    first, second = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if first.shape != second.shape or first.ndim != 1:
        raise SignificanceError(f"paired test of {first.shape} against {second.shape}: both need the same sessions")
    differences = (first - second)[:, None]
    means = bootstrap_means(differences, resamples, seed)
    seen = float(differences.mean())
    low, high = interval(means)[0]
    # A tolerance for rounding: without it two equal systems would count as differing in half of the resamples.
    as_far = int((np.abs(means[:, 0] - seen) >= abs(seen) - 1e-12).sum())
    return Comparison(seen, (float(low), float(high)), (as_far + 1) / (resamples + 1), len(first))
