"""Runs on disk and what they score: no model is needed to score a run again.

python -m shopping_assistant.eval.score RUNS [--compare mixup popularity]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from shopping_assistant.eval.baselines import AGENT
from shopping_assistant.eval.beyond_accuracy import covered
from shopping_assistant.eval.comparisons import intervals_and_comparisons
from shopping_assistant.eval.metrics import metric_names, scores_of_ranks
from shopping_assistant.eval.runs import Run, RunError, open_runs
from shopping_assistant.eval.significance import Comparison, ci95, paired_test
from shopping_assistant.eval.tally import SystemRuns, tally
from shopping_assistant.tools.errors import ShopError

BROKE = "broke_constraint@"


def session_scores(runs: Sequence[Run], k: int = 10) -> dict[str, np.ndarray]:
    """``{metric: (sessions,)}`` of one system's runs, in their order."""
    return scores_of_ranks(np.array([run.rank or 0 for run in runs], dtype=np.int64), metric_names(k))


def system_figures(runs: Sequence[Run], k: int, seed: int, products: int | None = None) -> dict:
    """Means, 95 % intervals, cohorts and list figures of one system."""
    systems = tally(runs, k)
    intervals, _ = intervals_and_comparisons(systems, k, seed)
    ((name, own),) = systems.items()
    return _figures_of(own, intervals[name], k, seed, products)


def figures(about: dict, runs: Iterable[Run]) -> dict:
    """The JSON of a replay from its runs, which are taken in one by one and not kept.

    Args:
        about: what the runs folder says of itself. Without ``products``, the number of candidate products, no coverage
            is given.

    Raises:
        RunError: a system ranked a session twice.
    """
    protocol = about["protocol"]
    k, seed, products = protocol["k"], protocol["seed"], about.get("products")
    systems = tally(runs, k)
    intervals, comparisons = intervals_and_comparisons(systems, k, seed)
    # The agent shows what the shop has, not what a protocol ranks among: of fewer candidates it covers no share.
    own_choice = {AGENT} if protocol.get("candidates", "all") != "all" else set()
    return {
        "store": about["store"],
        "sessions": about["sessions"],
        "systems": {
            name: _figures_of(own, intervals[name], k, seed, None if name in own_choice else products)
            for name, own in systems.items()
        },
        "comparisons": comparisons,
        "protocol": protocol,
    }


def _figures_of(runs: SystemRuns, intervals: Mapping, k: int, seed: int, products: int | None) -> dict:
    scores = scores_of_ranks(runs.ranks, metric_names(k))
    means, bounds, checked = _list_figures(runs, k, seed, products)
    return {
        **{name: float(values.mean()) for name, values in scores.items()},
        **means,
        "ci95": intervals[None] | bounds,
        "cohorts": {
            cohort: {
                "sessions": len(rows),
                **{m: float(values[rows].mean()) for m, values in scores.items()},
                **{m: mean for m, values in runs.lists.items() if (mean := _mean(values[rows])) is not None},
                "ci95": intervals[cohort],
            }
            for cohort, rows in runs.rows_of_cohorts().items()
        },
        "sessions": len(runs),
        "not_ranked": int((runs.ranks == 0).sum()),
        **({"failed": runs.failed} if runs.failed else {}),
        **checked,
        "sessions_per_second": round(len(runs) / runs.seconds, 2) if runs.seconds else 0.0,
    }


def _list_figures(runs: SystemRuns, k: int, seed: int, products: int | None) -> tuple[dict, dict, dict]:
    """Means over the lists a figure is defined for, their intervals, and how many answers were checked and failed."""
    means, bounds, checked = {}, {}, {}
    if products and runs.shown is not None:
        means[f"coverage@{k}"] = covered(runs.shown, products)
    for name, values in runs.lists.items():
        told = ~np.isnan(values)
        if not told.any():
            continue
        means[name] = float(values[told].mean())
        if name.startswith(BROKE):
            checked = {"answers_checked": int(told.sum()), "answers_broke": int((values[told] > 0).sum())}
        else:
            bounds |= ci95({name: values[told]}, seed=seed, shoppers=runs.shoppers[told])
    return means, bounds, checked


def _mean(values: np.ndarray) -> float | None:
    told = values[~np.isnan(values)]
    return float(told.mean()) if len(told) else None


def score_runs(folder: Path | str) -> dict:
    """Score a runs folder again: the same JSON as the replay that wrote it.

    Raises:
        RunError: no finished runs there, or a line that contradicts itself.
    """
    about, runs = open_runs(Path(folder))
    return figures(about, runs)


def compare(folder: Path | str, first: str, second: str) -> dict[str, Comparison]:
    """Paired test of two systems over the sessions both have run.

    Raises:
        RunError: a system is not in the folder, or they share no session.
    """
    about, runs = open_runs(Path(folder))
    k, seed = about["protocol"]["k"], about["protocol"]["seed"]
    systems = tally(runs, k)
    for name in (first, second):
        if name not in systems:
            raise RunError(f"system {name!r}: {folder} holds {', '.join(systems)}")
    one, other = systems[first], systems[second]
    _, at, beside = np.intersect1d(one.keys, other.keys, assume_unique=True, return_indices=True)
    if not len(at):
        raise RunError(f"{first} and {second} share no session in {folder}; replay both on the same sample")
    a, b = scores_of_ranks(one.ranks[at], metric_names(k)), scores_of_ranks(other.ranks[beside], metric_names(k))
    return {metric: paired_test(a[metric], b[metric], seed=seed, shoppers=one.shoppers[at]) for metric in a}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m shopping_assistant.eval.score", description="Score a runs folder again."
    )
    parser.add_argument("runs", type=Path, help="a folder that `shop replay --out` wrote")
    parser.add_argument("--compare", nargs=2, metavar=("FIRST", "SECOND"), help="paired test of two systems")
    given = parser.parse_args(arguments)
    try:
        if given.compare:
            out = {name: asdict(comparison) for name, comparison in compare(given.runs, *given.compare).items()}
        else:
            out = score_runs(given.runs)
    except ShopError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(json.dumps(out, indent=1, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
