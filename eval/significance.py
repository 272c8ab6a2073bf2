"""How sure a figure is: bootstrap intervals, paired tests between systems, and Holm's correction for many of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from shopping_assistant.tools.errors import ShopError

RESAMPLES = 2000  # 2.5 % percentiles move by less than a twentieth of the interval from seed to seed
# Above this many, shoppers are drawn in random groups. The standard error that groups give is off by 1 / √(2 · groups),
# 0.3 %, and the time stays that of 50,000 sessions.
MOST_DRAWN = 50_000
FEWEST = 10  # shoppers in a cohort that gets an interval or a test; an interval from fewer is mostly luck


class SignificanceError(ShopError):
    """Values that cannot be compared."""


@dataclass(frozen=True)
class Comparison:
    """Paired: mean of (first - second), its 95 % interval, and the two-sided p of no difference."""

    difference: float
    ci95: tuple[float, float]
    p: float
    sessions: int


class Resampled:
    """Several columns of values over the same sessions, resampled together, so that any two can be compared.

    Args:
        values: ``(sessions, columns)``.
        shoppers: ``(sessions,)`` who each session is of; by default every session is another shopper's. Sessions of one
            shopper are alike, so shoppers are drawn, with all their sessions: drawing sessions would take ten sessions
            of one shopper for ten witnesses (cluster bootstrap, Field and Welsh 2007).

    Raises:
        SignificanceError: no sessions, no resamples, or a value that is not finite.
    """

    def __init__(
        self, values: np.ndarray, shoppers: np.ndarray | None = None, resamples: int = RESAMPLES, seed: int = 1
    ):
        self._values = np.asarray(values, dtype=np.float64)
        self._shoppers = shoppers
        self._means = bootstrap_means(self._values, resamples, seed, shoppers)

    def intervals(self) -> np.ndarray:
        """``(columns, 2)``: the 95 % interval of each column's mean."""
        return interval(self._means)

    def compare(self, first: int, second: int) -> Comparison:
        """Column ``first`` minus column ``second``."""
        differences = self._values[:, first] - self._values[:, second]
        low, high = interval((self._means[:, first] - self._means[:, second])[:, None])[0]
        p = _p_of_no_difference(differences, self._shoppers)
        return Comparison(float(differences.mean()), (float(low), float(high)), p, len(differences))


def bootstrap_means(
    values: np.ndarray, resamples: int = RESAMPLES, seed: int = 1, shoppers: np.ndarray | None = None
) -> np.ndarray:
    """Means over sessions drawn again with replacement; see `Resampled` for ``shoppers``.

    Args:
        values: ``(sessions, metrics)``; every metric is resampled by the same sessions.

    Returns:
        ``(resamples, metrics)`` float64. 20,000 sessions and 2,000 resamples take under a second: how often each
        session was drawn is counted, and the counts are multiplied with the values, a block at a time.

    Raises:
        SignificanceError: no sessions, no resamples, or a value that is not finite.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or not len(values) or resamples < 1 or not np.isfinite(values).all():
        raise SignificanceError(
            f"bootstrap of values with shape {values.shape}, {resamples} resamples: expected finite "
            "(sessions, metrics) with at least one session, and at least one resample"
        )
    random = np.random.default_rng(seed)
    sums, sizes = _by_shopper(values, shoppers)
    if len(sums) > MOST_DRAWN:
        sums, sizes = _summed(sums, sizes, random.permutation(len(sums)) % MOST_DRAWN)
    drawable = len(sums)
    block = max(1, 4_000_000 // drawable)  # 32 MB of counts at a time, whatever the log's size
    means = np.empty((resamples, values.shape[1]))
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        drawn = random.integers(0, drawable, size=(size, drawable), dtype=np.int32)
        counts = np.stack([np.bincount(row, minlength=drawable) for row in drawn]).astype(np.float64)
        means[start : start + size] = counts @ sums / (counts @ sizes)[:, None]
    return means


def interval(means: np.ndarray, level: float = 0.95) -> np.ndarray:
    """Percentile interval (Efron and Tibshirani 1993, chapter 13): ``(resamples, metrics)`` → ``(metrics, 2)``."""
    rest = (1 - level) / 2 * 100
    return np.percentile(means, [rest, 100 - rest], axis=0).T


def ci95(
    scores: dict[str, np.ndarray], resamples: int = RESAMPLES, seed: int = 1, shoppers: np.ndarray | None = None
) -> dict[str, list[float]]:
    """``{metric: (sessions,) values}`` → ``{metric: [low, high]}``."""
    means = bootstrap_means(np.stack(list(scores.values()), axis=1), resamples, seed, shoppers)
    return {name: [float(low), float(high)] for name, (low, high) in zip(scores, interval(means), strict=True)}


def paired_test(
    first: np.ndarray, second: np.ndarray, resamples: int = RESAMPLES, seed: int = 1, shoppers: np.ndarray | None = None
) -> Comparison:
    """Is ``first`` better than ``second`` on the same sessions, in the same order?

    The interval is the bootstrap's. The p value is that of the paired t-test, with the standard error that holds where
    shoppers have several sessions (Liang and Zeger 1986), and never below what an exact sign test of the shoppers with
    a difference could reach. On ranking metrics the t-test errs least and agrees with the bootstrap and the permutation
    test (Smucker, Allan and Carterette 2007; Urbano, Lima and Hanjalic 2019); unlike theirs its p value is not
    bounded by the number of resamples, which a correction for hundreds of comparisons would run into.

    Args:
        first, second: ``(sessions,)`` values of one metric.

    Raises:
        SignificanceError: the two do not have the same sessions, or there are none.
    """
    first, second = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if first.shape != second.shape or first.ndim != 1:
        raise SignificanceError(f"paired test of {first.shape} against {second.shape}: both need the same sessions")
    return Resampled(np.stack([first, second], axis=1), shoppers, resamples, seed).compare(0, 1)


def holm(p: Sequence[float]) -> list[float]:
    """p values adjusted so that the chance of even one false claim among them stays at the level they are read at.

    The i-th smallest of m is multiplied by m - i + 1, and none is smaller than the one before it (Holm 1979). It holds
    however the tests depend on each other; those here share sessions and systems. Benjamini and Hochberg's correction
    would bound the *share* of false claims instead, which suits a screening: here a single claim decides what a shop
    ships.

    Raises:
        SignificanceError: a value outside 0…1.
    """
    given = np.asarray(p, dtype=np.float64)
    if given.ndim != 1 or not ((given >= 0) & (given <= 1)).all():
        raise SignificanceError(f"p values {given.tolist()}: expected numbers in a row from 0 to 1")
    order = np.argsort(given, kind="stable")
    adjusted = np.empty(len(given))
    factors = np.arange(len(given), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(given[order] * factors), 1)
    return adjusted.tolist()


def _p_of_no_difference(differences: np.ndarray, shoppers: np.ndarray | None) -> float:
    sums, sizes = _by_shopper(differences[:, None], shoppers)
    drawn, mean = len(sums), float(differences.mean())
    differing = int((np.abs(sums) > 1e-12).sum())
    if drawn < 2 or not differing:
        return 1.0
    off = sums[:, 0] - sizes * mean
    error = np.sqrt(drawn / (drawn - 1) * float(off @ off)) / len(differences)
    p = 2 * float(stdtr(drawn - 1, -abs(mean) / error)) if error else 0.0
    return min(max(p, 2.0 ** (1 - min(differing, 1000))), 1.0)


def _by_shopper(values: np.ndarray, shoppers: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Each shopper's ``(shoppers, columns)`` sums and ``(shoppers,)`` sessions, float64.

    Raises:
        SignificanceError: not one shopper for each session.
    """
    ones = np.ones(len(values))
    if shoppers is None:
        return values, ones
    if len(shoppers) != len(values):
        raise SignificanceError(f"{len(shoppers)} shoppers for {len(values)} sessions: expected one for each")
    found, which = np.unique(shoppers, return_inverse=True)
    return (values, ones) if len(found) == len(values) else _summed(values, ones, which)


def _summed(values: np.ndarray, sizes: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    columns = [np.bincount(groups, weights=column) for column in values.T]
    return np.stack(columns, axis=1), np.bincount(groups, weights=sizes)
