"""Ranks of many systems on the same sessions, set out as one table: means over seeds, intervals, and paired tests."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence

import numpy as np

from shopping_assistant.eval.metrics import scores_of_ranks
from shopping_assistant.eval.significance import Comparison, Resampled, holm
from shopping_assistant.tools.errors import ShopError

METRICS = ("recall@10", "ndcg@10", "mrr@10")
TESTED = ("recall@10", "ndcg@10")
FUSED = "fused"  # what the others are held against
LEVEL = 0.05
VARIANT = re.compile(rf"({FUSED}-)?(without|only)-.+")


class TableError(ShopError):
    """Ranks that do not belong to the same sessions."""


def table_of_ranks(ranks: Mapping[str, Mapping[int, np.ndarray]], cold: np.ndarray, seed: int = 1) -> dict:
    """Figures of each system, and `FUSED` against each other system on the same sessions.

    Where a system was trained with several seeds, a session's score is its mean over them: means, intervals and tests
    are of that score, and the spread of the seeds' own means stands beside it. An interval says how the figure would
    vary with other sessions, not with other seeds. p values are corrected by Holm's method over the tested metrics of
    all systems that answer one question: whether `FUSED` is better than others, or which of its parts it owes that to
    (``without-…``, ``only-…``); on all sessions and on cold targets apart.

    Args:
        ranks: ``{system: {seed of its training: (sessions,) ranks, 0 where the target was not ranked}}``.
        cold: ``(sessions,)`` bool, whether the target occurs in no training event.
        seed: of the bootstrap.

    Returns:
        ``{"sessions", "cold targets", "systems": {name: {metric: mean, "ci95", "seeds": {seed: {metric: mean}}}}}``.
        With several seeds a system also has ``"sd"`` ``{metric: their standard deviation}``, with cold targets
        ``"cold"`` ``{metric: mean}``, and beside `FUSED` the others have ``"fused against it": {metric: {"all" and
        "cold": {"difference", "ci95", "p", "p_adjusted"}}}``.

    Raises:
        TableError: a system's ranks are not one for each session.
    """
    for name, seeds in ranks.items():
        if wrong := [len(own) for own in seeds.values() if len(own) != len(cold)]:
            raise TableError(f"system {name!r}: {wrong[0]} ranks, expected one for each of {len(cold)} sessions")
    scored = {s: {n: _values(r) for n, r in sorted(seeds.items())} for s, seeds in ranks.items()}
    means = {system: np.mean([*seeds.values()], axis=0) for system, seeds in scored.items()}
    systems: dict[str, dict] = {}
    drawn = Resampled(np.concatenate([*means.values()], axis=1), seed=seed)
    bounds = drawn.intervals().reshape(len(means), len(METRICS), 2).tolist()
    for (system, seeds), own in zip(scored.items(), bounds, strict=True):
        row = systems[system] = _by_metric(means[system].mean(axis=0))
        row["ci95"] = dict(zip(METRICS, own, strict=True))
        row["seeds"] = {str(n): _by_metric(values.mean(axis=0)) for n, values in seeds.items()}
        if len(seeds) > 1:
            row["sd"] = _by_metric(np.std([v.mean(axis=0) for v in seeds.values()], axis=0, ddof=1))
        if cold.any():
            row["cold"] = _by_metric(means[system][cold].mean(axis=0))
    if FUSED in systems:
        _hold_against(systems, "all", drawn)
        if cold.any():
            only = Resampled(np.concatenate([own[cold] for own in means.values()], axis=1), seed=seed)
            _hold_against(systems, "cold", only)
    return {"sessions": len(cold), "cold targets": int(cold.sum()), "systems": systems}


def _values(ranks: np.ndarray) -> np.ndarray:
    return np.stack([*scores_of_ranks(ranks, METRICS).values()], axis=1)


def _by_metric(values: Sequence[float]) -> dict:
    return {metric: float(value) for metric, value in zip(METRICS, values, strict=True)}


def _hold_against(systems: dict[str, dict], group: str, drawn: Resampled) -> None:
    names = [*systems]
    for of_variants in (False, True):
        tested = [s for s in names if s != FUSED and bool(VARIANT.fullmatch(s)) == of_variants]
        found: list[tuple[str, str, Comparison]] = []
        for system, metric in itertools.product(tested, TESTED):
            own, other = (names.index(s) * len(METRICS) + METRICS.index(metric) for s in (FUSED, system))
            found.append((system, metric, drawn.compare(own, other)))
        for (system, metric, test), adjusted in zip(found, holm([f[2].p for f in found]), strict=True):
            entry = {"difference": test.difference, "ci95": list(test.ci95), "p": test.p, "p_adjusted": adjusted}
            systems[system].setdefault("fused against it", {}).setdefault(metric, {})[group] = entry


def as_text(found: dict, title: str = "") -> str:
    """The table as Markdown, best ndcg@10 first."""
    counted = f"{found['sessions']:,} sessions, {found['cold targets']:,} with a cold target"
    lines = [
        f"{title}: {counted}" if title else counted,
        "",
        "| | recall@10 | ndcg@10 [95 %] | seeds | fused minus it, ndcg@10 | p (ndcg, recall) | cold: recall@10 "
        "| ndcg@10 | p |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    ordered = sorted(found["systems"].items(), key=lambda item: -item[1]["ndcg@10"])
    lines += ["| " + " | ".join(_cells(system, row)) + " |" for system, row in ordered]
    against = {system: row["fused against it"] for system, row in ordered if "fused against it" in row}
    if against:
        alike = [s for s, metrics in against.items() if metrics["ndcg@10"]["all"]["p_adjusted"] >= LEVEL]
        lines += [
            "",
            f"p is each test's own. With Holm's correction, for others and for parts apart, ndcg@10 does not tell "
            f"{FUSED} at {LEVEL * 100:g} % from: {', '.join(alike) or 'none'}.",
        ]
    return "\n".join(lines)


def _cells(system: str, row: dict) -> list[str]:
    low, high = row["ci95"]["ndcg@10"]
    spread = f"{row['ndcg@10']:.4f} ± {row['sd']['ndcg@10']:.4f} ({len(row['seeds'])})" if "sd" in row else "1"
    cells = [system, f"{row['recall@10']:.4f}", f"{row['ndcg@10']:.4f} [{low:.4f}, {high:.4f}]", spread]
    against, cold = row.get("fused against it"), row.get("cold")
    if against:
        ndcg, recall = against["ndcg@10"]["all"], against["recall@10"]["all"]
        cells += [f"{ndcg['difference']:+.4f}", f"{_p(ndcg)}, {_p(recall)}"]
    else:
        cells += ["", ""]
    cells += [f"{cold['recall@10']:.4f}", f"{cold['ndcg@10']:.4f}"] if cold else ["", ""]
    return [*cells, _p(against["ndcg@10"]["cold"]) if against and cold else ""]


def _p(test: dict) -> str:
    return f"{test['p']:.4f}" if test["p"] >= 0.0001 else "< 0.0001"
