"""What a measurement leaves behind: figures with intervals, and the failures that say most."""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from shopping_assistant.eval.command_line import without_places
from shopping_assistant.eval.significance import bootstrap_means, holm, interval, paired_test
from shopping_assistant.tools.store import write_json

WORST = 20
Figures = dict[str, float]
Intervals = dict[str, list[float]]


@dataclass(frozen=True)
class Failure:
    """One thing that went wrong: its kinds in a few words each, and what a person needs to see why."""

    kinds: tuple[str, ...]
    seen: dict

    def as_dict(self) -> dict:
        return {"kinds": list(self.kinds), **self.seen}


@dataclass(frozen=True)
class Result:
    """One set measured. ``kinds`` counts the failures by kind, ``worst`` shows some of each."""

    set: str
    what: str
    figures: Figures
    ci95: Intervals
    n: int
    seconds: float
    protocol: dict
    comparisons: list[dict] = field(default_factory=list)
    kinds: dict[str, int] = field(default_factory=dict)
    worst: list[dict] = field(default_factory=list)

    def write(self, folder: Path, failures: Sequence[Failure]) -> Path:
        """``SET.json``, and every failure that may be looked at in ``SET-failures.jsonl``."""
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / f"{self.set}.json", {**asdict(self), "command": command()})
        lines = [json.dumps(f.as_dict(), ensure_ascii=False) + "\n" for f in failures]
        (folder / f"{self.set}-failures.jsonl").write_text("".join(lines), encoding="utf-8")
        return folder / f"{self.set}.json"


def command() -> list[str]:
    """The command line of this process, without where things lie on this machine."""
    return ["python", "-m", "shopping_assistant.eval.understanding", *without_places(sys.argv[1:])]


def processor_seconds() -> float:
    """Of this process and of those it started and waited for: what a busy machine does not lengthen."""
    of_children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + of_children.ru_utime + of_children.ru_stime


def half_of(name: str) -> str:
    """``development`` or ``held_back``, by a hash of the name alone: the same on every machine and in every run."""
    return ("development", "held_back")[hashlib.sha256(name.encode()).digest()[0] % 2]


def drawn(items: Sequence, sample: int | None, seed: int = 1) -> list:
    """So many of the items by a seeded draw, in their own order; all of them where no number is said."""
    if not sample or sample >= len(items):
        return list(items)
    chosen = np.random.default_rng(seed).choice(len(items), sample, replace=False)
    return [items[i] for i in sorted(chosen.tolist())]


def means_with_ci(
    scores: Mapping[str, np.ndarray], groups: np.ndarray | None = None
) -> tuple[Figures, Intervals]:  # fmt: skip
    """Means of ``{name: (n,) values}`` and their intervals over the n, or over groups of them; none where n is 0.

    Args:
        groups: ``(n,)`` what the n belong to, such as their target: those of one group are alike.
    """
    figures, intervals = {}, {}
    for name, values in scores.items():
        if len(values):
            figures[name] = float(np.mean(values))
            means = bootstrap_means(np.asarray(values, dtype=np.float64)[:, None], shoppers=groups)
            intervals[name] = interval(means)[0].tolist()
    return figures, intervals


def compared(
    scores: Mapping[str, np.ndarray], pairs: Sequence[tuple[str, str]], metrics: Sequence[str],
    groups: np.ndarray | None = None,
) -> list[dict]:  # fmt: skip
    """Paired tests of ``first/metric`` against ``second/metric``; the p values corrected for all of them (Holm)."""
    tests = [(f, s, m, paired_test(scores[f"{f}/{m}"], scores[f"{s}/{m}"], shoppers=groups))
             for f, s in pairs for m in metrics]  # fmt: skip
    adjusted = holm([t.p for *_, t in tests]) if tests else []
    return [
        {"first": f, "second": s, "metric": m, "cohort": None, "difference": t.difference, "ci95": list(t.ci95),
         "p": t.p, "p_adjusted": p, "sessions": t.sessions}
        for (f, s, m, t), p in zip(tests, adjusted, strict=True)
    ]  # fmt: skip


def share_with_ci(hits: np.ndarray, of: np.ndarray) -> tuple[float, list[float]]:
    """A share counted over conversations: ``(n,)`` hits and ``(n,)`` chances, whole conversations drawn again."""
    means = bootstrap_means(np.stack([hits, of], axis=1))
    low, high = interval((means[:, 0] / np.maximum(means[:, 1], 1e-12))[:, None])[0]
    return float(hits.sum() / max(of.sum(), 1e-12)), [float(low), float(high)]


def f1_with_ci(counts: np.ndarray, name: str) -> tuple[Figures, Intervals]:
    """Precision, recall and F1 over all, by whole conversations drawn again.

    Args:
        counts: ``(n, 3)``: right, predicted and expected values of each conversation.
        name: ``"slot"`` and ``"search"`` joined by the caller; gives ``{name}_f1`` and so on.
    """
    if not counts[:, 1:].sum():
        return {}, {}

    def scores(c: np.ndarray) -> np.ndarray:
        right, ours, gold = c[..., 0], np.maximum(c[..., 1], 1e-12), np.maximum(c[..., 2], 1e-12)
        return np.stack([right / ours, right / gold, 2 * right / (ours + gold)], axis=-1)

    names = [f"{name}_{kind}" for kind in ("precision", "recall", "f1")]
    middle, ends = scores(counts.sum(axis=0).astype(np.float64)), interval(scores(bootstrap_means(counts)))
    return (
        dict(zip(names, middle.tolist(), strict=True)),
        {n: [float(low), float(high)] for n, (low, high) in zip(names, ends, strict=True)},
    )


def kinds_of(failures: Sequence[Failure]) -> dict[str, int]:
    return dict(Counter(kind for f in failures for kind in f.kinds).most_common())


def most_telling(failures: Sequence[Failure], most: int = WORST) -> list[dict]:
    """One failure of each kind in turn, the most frequent kind first, until there are ``most``; none stands twice."""
    by_kind: dict[str, list[int]] = defaultdict(list)
    for i, failure in enumerate(failures):
        for kind in failure.kinds:
            by_kind[kind].append(i)
    order = sorted(by_kind, key=lambda kind: (-len(by_kind[kind]), kind))
    chosen: list[int] = []
    for place in range(max(map(len, by_kind.values()), default=0)):
        for kind in order:
            if place < len(by_kind[kind]) and by_kind[kind][place] not in chosen and len(chosen) < most:
                chosen.append(by_kind[kind][place])
    return [failures[i].as_dict() for i in chosen]
