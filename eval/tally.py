"""Runs as arrays: some fifty bytes for each session and system, however long the lists were."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np

from shopping_assistant.eval.cohorts import SEASON
from shopping_assistant.eval.runs import Run, RunError


@dataclass(frozen=True)
class SystemRuns:
    """One system's runs, ordered by ``keys``, so that no figure depends on the order they were written in.

    Attributes:
        keys: ``(n,)`` uint64, a hash of session, shopper and target: equal keys are the same question.
        shoppers: ``(n,)`` uint64, a hash of the shopper.
        ranks: ``(n,)`` int64, 0 where the target was not ranked.
        groups: ``(n,)`` int64, index into ``cohorts``.
        cohorts: the different tuples of cohort names met.
        lists: for each figure of lists ``(n,)`` float64, NaN for a list it is not defined for.
        shown: the products in somebody's first k; None where no run kept its list.
        failed: runs that ended in an error.
        seconds: their time in all.
    """

    keys: np.ndarray
    shoppers: np.ndarray
    ranks: np.ndarray
    groups: np.ndarray
    cohorts: tuple[tuple[str, ...], ...]
    lists: Mapping[str, np.ndarray]
    shown: frozenset[str] | None
    failed: int
    seconds: float

    def __len__(self) -> int:
        return len(self.keys)

    def rows_of_cohorts(self) -> dict[str, np.ndarray]:
        """``{cohort: rows of its sessions}``, by name. A season that holds every session tells nothing: left out."""
        having: dict[str, list[int]] = {}
        for index, names in enumerate(self.cohorts):
            for name in names:
                having.setdefault(name, []).append(index)
        rows = {name: np.flatnonzero(np.isin(self.groups, indices)) for name, indices in sorted(having.items())}
        return {n: at for n, at in rows.items() if len(at) and not (n.startswith(SEASON) and len(at) == len(self))}


@dataclass
class _Growing:
    """What is known of a system while its runs come in."""

    keys: array = field(default_factory=lambda: array("Q"))
    shoppers: array = field(default_factory=lambda: array("Q"))
    ranks: array = field(default_factory=lambda: array("q"))
    groups: array = field(default_factory=lambda: array("q"))
    lists: dict[str, array] = field(default_factory=dict)
    shown: set[str] = field(default_factory=set)
    failed: int = 0
    ms: float = 0.0


def tally(runs: Iterable[Run], k: int) -> dict[str, SystemRuns]:
    """Take in runs one at a time; none of them is kept.

    Args:
        k: how many places of each list count as shown.

    Returns:
        By system, in the order the systems are first met.

    Raises:
        RunError: a system ranked the same session twice.
    """
    growing: dict[str, _Growing] = {}
    cohorts: dict[tuple[str, ...], int] = {}
    for run in runs:
        own = growing.setdefault(run.system, _Growing())
        own.keys.append(_hash(run.session_id, run.user_id, run.target))
        own.shoppers.append(_hash(run.user_id))
        own.ranks.append(run.rank or 0)
        own.groups.append(cohorts.setdefault(run.cohorts, len(cohorts)))
        told = run.list_figures
        for name in told.keys() - own.lists.keys():
            own.lists[name] = array("d", [float("nan")]) * (len(own.keys) - 1)
        for name, values in own.lists.items():
            values.append(told.get(name, float("nan")))
        own.shown.update(run.top[:k])
        own.failed += run.error is not None
        own.ms += run.ms
    return {name: _closed(name, own, tuple(cohorts)) for name, own in growing.items()}


def _closed(name: str, own: _Growing, cohorts: tuple[tuple[str, ...], ...]) -> SystemRuns:
    keys = np.array(own.keys, dtype=np.uint64)
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    twice = int((keys[1:] == keys[:-1]).sum())
    if twice:
        raise RunError(f"system {name!r}: {twice} sessions stand twice; each session is ranked once by each system")
    return SystemRuns(
        keys=keys,
        shoppers=np.array(own.shoppers, dtype=np.uint64)[order],
        ranks=np.array(own.ranks, dtype=np.int64)[order],
        groups=np.array(own.groups, dtype=np.int64)[order],
        cohorts=cohorts,
        lists={figure: np.array(values)[order] for figure, values in sorted(own.lists.items())},
        shown=frozenset(own.shown) if own.shown else None,
        failed=own.failed,
        seconds=own.ms / 1000,
    )


def _hash(*texts: str) -> int:
    """Eight bytes: two of ten million sessions fall together in one of some hundred thousand logs."""
    return int.from_bytes(blake2b("\x1f".join(texts).encode(), digest_size=8).digest(), "little")
