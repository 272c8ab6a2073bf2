"""Runs on disk and what they score: no model is needed to score a run again.

    python -m shopping_assistant.eval.score RUNS [--compare mixup popularity]

A runs folder holds ``protocol.json`` and ``runs.jsonl``, one line a session and system; while a replay is under way
the lines stand in ``runs.partial.jsonl``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from shopping_assistant.eval.metrics import metric_names, scores_of_ranks
from shopping_assistant.eval.significance import Comparison, ci95, paired_bootstrap
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.store import write_json

PROTOCOL, RUNS, PARTIAL = "protocol.json", "runs.jsonl", "runs.partial.jsonl"


class RunError(ShopError):
    """A runs folder that cannot be read, continued or trusted."""


@dataclass(frozen=True)
class Run:
    """One session ranked by one system.

    ``rank`` is 1-based, None where the target was not ranked. ``top`` are the first product ids, ``ms`` the session's
    share of the time its batch took.
    """

    session_id: str
    user_id: str
    system: str
    target: str
    rank: int | None
    cohorts: tuple[str, ...]
    ms: float
    top: tuple[str, ...] = ()
    error: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.session_id, self.user_id

    def as_line(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_line(cls, line: str, where: str) -> Run:
        """
        Raises:
            RunError: not a run, or its rank contradicts its list.
        """
        try:
            given = json.loads(line)
            run = cls(**{**given, "cohorts": tuple(given["cohorts"]), "top": tuple(given["top"])})
        except (ValueError, TypeError, KeyError) as error:
            raise RunError(f"{where}: not a run ({error}); expected a line as `shop replay --out` writes it") from error
        if run.rank is not None and (not isinstance(run.rank, int) or run.rank < 1):
            raise RunError(f"{where}, rank: got {run.rank!r}, expected a whole number from 1, or null")
        if run.top and run.rank is not None and run.rank <= len(run.top) and run.top[run.rank - 1] != run.target:
            raise RunError(
                f"{where}, rank: says {run.rank}, but the list has {run.top[run.rank - 1]!r} there and the target is "
                f"{run.target!r}; the file was changed after the replay"
            )
        return run


def read_runs(path: Path) -> list[Run]:
    with path.open(encoding="utf-8") as file:
        return [Run.from_line(line, f"{path} line {number}") for number, line in enumerate(file, 1) if line.strip()]


class RunsFolder:
    """Where a replay writes. It can be interrupted at any moment and continued with the same protocol.

    Raises:
        RunError: the folder holds the runs of another protocol, log or store.
    """

    def __init__(self, path: Path | str, about: dict):
        self.path, self._about = Path(path), about
        protocol = self.path / PROTOCOL
        if protocol.is_file():
            there = _read_about(protocol)
            other = [key for key in about if there.get(key) != about[key]]
            if other:
                raise RunError(
                    f"{self.path} holds runs that differ in {', '.join(other)}; continue with the same settings and "
                    "store, or choose another folder"
                )
        elif self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise RunError(f"{self.path} exists and holds no {PROTOCOL}; choose another folder for the runs")

    def done(self) -> list[Run]:
        """The runs written so far. A last line that an interruption cut is taken off; it will be run again."""
        runs, partial = self.path / RUNS, self.path / PARTIAL
        if runs.is_file() and not partial.is_file():
            return read_runs(runs)
        if not partial.is_file():
            return []
        whole = partial.read_bytes()
        if not whole.endswith(b"\n"):
            with partial.open("r+b") as file:
                file.truncate(whole.rfind(b"\n") + 1)
        return read_runs(partial)

    def append(self, runs: Iterable[Run]) -> None:
        """Add runs; the folder is made with the first ones, so that a replay which cannot start leaves nothing."""
        if not (self.path / PROTOCOL).is_file():
            self.path.mkdir(parents=True, exist_ok=True)
            write_json(self.path / PROTOCOL, self._about)
        final = self.path / RUNS
        if final.is_file():  # another system joins a finished replay
            final.rename(self.path / PARTIAL)
        with (self.path / PARTIAL).open("a", encoding="utf-8") as file:
            file.writelines(run.as_line() + "\n" for run in runs)

    def finish(self) -> None:
        partial = self.path / PARTIAL
        if partial.is_file():
            with partial.open("rb") as file:
                os.fsync(file.fileno())
            partial.replace(self.path / RUNS)


def _read_about(path: Path) -> dict:
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        about["protocol"]["k"], about["store"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path} cannot be read ({error}); expected a folder that `shop replay --out` wrote") from error
    return about


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
    about, runs = _open(Path(folder))
    return figures(about, runs)


def _open(folder: Path) -> tuple[dict, list[Run]]:
    if not (folder / RUNS).is_file():
        unfinished = (folder / PARTIAL).is_file()
        raise RunError(
            f"{folder} holds an unfinished replay; run the same `shop replay --out {folder}` again to finish it"
            if unfinished
            else f"{folder} holds no {RUNS}; write one with `shop replay --out {folder}`"
        )
    return _read_about(folder / PROTOCOL), read_runs(folder / RUNS)


def compare(folder: Path | str, first: str, second: str) -> dict[str, Comparison]:
    """Paired bootstrap test of two systems over the sessions both have run.

    Raises:
        RunError: a system is not in the folder, or they share no session.
    """
    about, runs = _open(Path(folder))
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
