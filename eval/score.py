"""Runs on disk and what they score: no model is needed to score a run again.

    python -m shopping_assistant.eval.score RUNS [--compare mixup popularity]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from shopping_assistant.eval.metrics import metric_names, scores_of_ranks
from shopping_assistant.eval.runs import Run, RunError, open_runs
from shopping_assistant.eval.significance import Comparison, ci95, paired_bootstrap
from shopping_assistant.tools.errors import ShopError


def session_scores(runs: Sequence[Run], k: int = 10) -> dict[str, np.ndarray]:
    """``{metric: (sessions,)}`` of one system's runs, in their order."""
    return scores_of_ranks(np.array([run.rank or 0 for run in runs], dtype=np.int64), metric_names(k))


def system_figures(runs: Sequence[Run], k: int, seed: int) -> dict:
    """Means, 95 % intervals and cohorts of one system."""
    scores = session_scores(runs, k)
    groups: dict[str, list[int]] = {}
    for i, run in enumerate(runs):
        for name in run.cohorts:
            groups.setdefault(name, []).append(i)
    seconds = sum(run.ms for run in runs) / 1000
    failed = sum(run.error is not None for run in runs)
    return {
        **{name: float(values.mean()) for name, values in scores.items()},
        "ci95": ci95(scores, seed=seed),
        "cohorts": {
            name: {"sessions": len(rows), **{m: float(values[rows].mean()) for m, values in scores.items()}}
            for name, rows in sorted(groups.items())
        },
        "sessions": len(runs),
        "not_ranked": sum(run.rank is None for run in runs),
        **({"failed": failed} if failed else {}),
        "sessions_per_second": round(len(runs) / seconds, 2) if seconds else 0.0,
    }


def figures(about: dict, runs: Iterable[Run]) -> dict:
    """The JSON of a replay from its runs."""
    of_system: dict[str, list[Run]] = {}
    for run in runs:
        of_system.setdefault(run.system, []).append(run)
    protocol = about["protocol"]
    return {
        "store": about["store"],
        "sessions": about["sessions"],
        "systems": {s: system_figures(r, protocol["k"], protocol["seed"]) for s, r in of_system.items()},
        "protocol": protocol,
    }


def score_runs(folder: Path | str) -> dict:
    """Score a runs folder again: the same JSON as the replay that wrote it.

    Raises:
        RunError: no finished runs there, or a line that contradicts itself.
    """
    about, runs = open_runs(Path(folder))
    return figures(about, runs)


def compare(folder: Path | str, first: str, second: str) -> dict[str, Comparison]:
    """Paired bootstrap test of two systems over the sessions both have run.

    Raises:
        RunError: a system is not in the folder, or they share no session.
    """
    about, runs = open_runs(Path(folder))
    by_system: dict[str, dict[tuple[str, str], Run]] = {}
    for run in runs:
        by_system.setdefault(run.system, {})[run.key] = run
    for name in (first, second):
        if name not in by_system:
            raise RunError(f"system {name!r}: {folder} holds {', '.join(by_system)}")
    shared = [key for key in by_system[first] if key in by_system[second]]
    if not shared:
        raise RunError(f"{first} and {second} share no session in {folder}; replay both on the same sample")
    k, seed = about["protocol"]["k"], about["protocol"]["seed"]
    a, b = (session_scores([by_system[name][key] for key in shared], k) for name in (first, second))
    return {metric: paired_bootstrap(a[metric], b[metric], seed=seed) for metric in a}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m shopping_assistant.eval.score", description="Score a runs folder again."
    )
    parser.add_argument("runs", type=Path, help="a folder that `shop replay --out` wrote")
    parser.add_argument("--compare", nargs=2, metavar=("FIRST", "SECOND"), help="paired bootstrap test of two systems")
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
