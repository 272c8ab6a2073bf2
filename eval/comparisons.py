"""Systems beside each other: how sure each figure is, and every difference somebody could act on, tested.

Over all sessions any two systems are compared. Within the main cohorts every system is compared with one reference, the
best baseline. p values are corrected by Holm's method, those over all sessions among themselves and those within
cohorts among themselves: what is decided for everybody must not depend on how many cohorts were looked at.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from shopping_assistant.eval.baselines import AGENT, RECOMMENDER
from shopping_assistant.eval.metrics import metric_names, scores_of_ranks
from shopping_assistant.eval.significance import FEWEST, Comparison, Resampled, holm
from shopping_assistant.eval.tally import SystemRuns

MAIN_COHORTS = ("cold items", "warm items", "new shoppers", "known shoppers", "with query", "without query")

Intervals = dict[str, dict[str | None, dict[str, list[float]] | None]]


def is_baseline(system: str) -> bool:
    """Whether a system is none of the recommender's own lists, their variants (``fused-without-…``) or the agent."""
    return not any(system == own or system.startswith(f"{own}-") for own in (*RECOMMENDER, AGENT))


def intervals_and_comparisons(systems: Mapping[str, SystemRuns], k: int, seed: int) -> tuple[Intervals, list[dict]]:
    """Both come from the same resamples: the systems of one panel are drawn together.

    Returns:
        ``{system: {cohort, or None for all sessions: {metric: [low, high]}}}``, with None in place of the metrics where
        a cohort has too few shoppers; and the comparisons as JSON, first over all sessions, then by cohort.
    """
    panels = _panels(systems, k)
    tests = _Tests(systems, k)
    intervals: Intervals = {name: {} for name in systems}
    for panel in panels:
        for cohort, rows in ((None, np.arange(len(panel.keys))), *panel.cohorts.items()):
            if cohort is not None and _few(panel.shoppers[rows]):
                intervals |= {name: intervals[name] | {cohort: None} for name in panel.names}
                continue
            drawn = panel.resampled(rows, seed)
            bounds = drawn.intervals().reshape(len(panel.names), -1, 2).tolist()
            for name, own in zip(panel.names, bounds, strict=True):
                intervals[name][cohort] = dict(zip(metric_names(k), own, strict=True))
            if cohort is None or tests.wanted(cohort, rows, panel):
                tests.add(drawn, panel.names, itertools.combinations(panel.names, 2), cohort)
    for one, other in itertools.combinations(panels, 2):
        shared = one.beside(other)
        pairs = [*itertools.product(one.names, other.names)]
        for cohort, rows in ((None, np.arange(len(shared.keys))), *shared.cohorts.items()):
            if len(rows) and (cohort is None or tests.wanted(cohort, rows, shared)):
                tests.add(shared.resampled(rows, seed), shared.names, pairs, cohort)
    return intervals, tests.corrected()


@dataclass(frozen=True)
class _Panel:
    """Systems that ranked the same sessions.

    ``values`` is ``(sessions, systems · metrics)``: the metrics of the first system, then those of the second, …;
    ``cohorts`` holds the rows of each cohort's sessions.
    """

    names: tuple[str, ...]
    keys: np.ndarray
    shoppers: np.ndarray
    cohorts: Mapping[str, np.ndarray]
    values: np.ndarray

    def resampled(self, rows: np.ndarray, seed: int) -> Resampled:
        return Resampled(self.values[rows], self.shoppers[rows], seed=seed)

    def beside(self, other: _Panel) -> _Panel:
        """Both panels' systems on the sessions they share, in the cohorts of this one."""
        keys, own, others = np.intersect1d(self.keys, other.keys, assume_unique=True, return_indices=True)
        cohorts = {name: np.flatnonzero(np.isin(own, rows)) for name, rows in self.cohorts.items()}
        values = np.concatenate([self.values[own], other.values[others]], axis=1)
        return _Panel((*self.names, *other.names), keys, self.shoppers[own], cohorts, values)


def _panels(systems: Mapping[str, SystemRuns], k: int) -> list[_Panel]:
    alike: dict[tuple[bytes, bytes], list[str]] = {}
    for name, runs in systems.items():
        alike.setdefault((runs.keys.tobytes(), runs.groups.tobytes()), []).append(name)
    panels = []
    for names in alike.values():
        runs = systems[names[0]]
        scores = [column for name in names for column in scores_of_ranks(systems[name].ranks, metric_names(k)).values()]
        panels.append(_Panel(tuple(names), runs.keys, runs.shoppers, runs.rows_of_cohorts(), np.stack(scores, axis=1)))
    return panels


class _Tests:
    """The comparisons made so far, on ``recall@k`` and ``ndcg@k``."""

    def __init__(self, systems: Mapping[str, SystemRuns], k: int):
        self._metrics = metric_names(k)
        self._tested = (f"recall@{k}", f"ndcg@{k}")
        ndcg = {name: float(scores_of_ranks(s.ranks, self._tested)[f"ndcg@{k}"].mean()) for name, s in systems.items()}
        self._reference = max((name for name in ndcg if is_baseline(name)), key=ndcg.get, default=None)
        # The better system stands first, and the reference is what others are held against.
        self._order = sorted(ndcg, key=lambda name: (name == self._reference, -ndcg[name], name))
        self._found: list[tuple[str, str, str, str | None, Comparison]] = []

    def wanted(self, cohort: str, rows: np.ndarray, panel: _Panel) -> bool:
        """Whether to test within a cohort: a main one, of enough shoppers, that is not all sessions over again."""
        return cohort in MAIN_COHORTS and len(rows) < len(panel.keys) and not _few(panel.shoppers[rows])

    def add(self, drawn: Resampled, names: tuple[str, ...], pairs, cohort: str | None) -> None:
        """Compare the pairs; within a cohort only those with the reference."""
        for pair in pairs:
            first, second = sorted(pair, key=self._order.index)
            if cohort is not None and second != self._reference:
                continue
            for metric in self._tested:
                column = self._metrics.index(metric)
                one, other = (names.index(name) * len(self._metrics) + column for name in (first, second))
                self._found.append((first, second, metric, cohort, drawn.compare(one, other)))

    def corrected(self) -> list[dict]:
        out = []
        for within in (False, True):
            family = [found for found in self._found if (found[3] is not None) == within]
            for (first, second, metric, cohort, test), p in zip(family, holm([f[4].p for f in family]), strict=True):
                out.append(
                    {
                        "first": first,
                        "second": second,
                        "metric": metric,
                        "cohort": cohort,
                        "difference": test.difference,
                        "ci95": list(test.ci95),
                        "p": test.p,
                        "p_adjusted": p,
                        "sessions": test.sessions,
                    }
                )
        return out


def _few(shoppers: np.ndarray) -> bool:
    return len(np.unique(shoppers)) < FEWEST
