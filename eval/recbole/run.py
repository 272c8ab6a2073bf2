"""RecBole's baselines on the benchmarks, by `make baselines`: trained, ranked, kept, and set out as a table.

    python eval/recbole/run.py all --runs runs/benchmarks --budget 6
    python eval/recbole/run.py table --runs runs/benchmarks

Runs in an environment of its own (eval/recbole/constraints.txt) and imports nothing of this project.
A (benchmark, model, seed) whose result lies there already is not run again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import traceback
from pathlib import Path

import numpy as np
from sequences import ndcg, read, recall

# In this order: should time run out, the models that are strongest in published comparisons are there.
MODELS = ("SASRec", "CORE", "GRU4Rec", "NextItNet", "BERT4Rec")
# Name → how many of the latest items are read. A week holds few.
BENCHMARKS = {"beauty": 50, "hm-week": 20, "hm-history": 50}
PARTS = ("validation", "test")


def system(model: str) -> str:
    return f"recbole-{model.lower()}"


def result_file(runs: Path, benchmark: str, model: str, seed: int) -> Path:
    """The record of a finished run; it is written last, so that it stands for all of its files."""
    return runs / benchmark / "ranks" / f"{system(model)}.seed{seed}.json"


def run_one(runs: Path, benchmark: str, model: str, seed: int, budget: float) -> None:
    """Search, train, rank and write one (benchmark, model, seed).

    Seed 1 searches; the others take over the setting that seed 1 chose, and the time it had.

    Args:
        budget: minutes of processor time for search and training together.
    """
    import torch
    from training import BATCH, DEFAULT_BATCH, fit, rank_all, search_space

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    out = result_file(runs, benchmark, model, seed)
    began, began_cpu = time.time(), time.process_time()
    split = read(runs / benchmark / "split.parquet", BENCHMARKS[benchmark])
    settings, minutes = search_space(model), budget
    if seed != 1:
        first = json.loads(result_file(runs, benchmark, model, 1).read_text())
        settings, minutes = [first["settings"]], first["training_minutes"]

    def say(line: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {benchmark} {model} seed {seed} {line}", flush=True)

    training, tried = fit(model, split, BENCHMARKS[benchmark], settings, seed, minutes * 60, say)
    ranks = {part: rank_all(training.baseline, getattr(split, part), split.counts) for part in PARTS}
    out.parent.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        _write_ranks(out.with_suffix(f".{part}.parquet"), split.users, ranks[part])
    write_weights(runs / benchmark / "models" / f"{out.stem}.npz", training.state)
    record = {
        "system": system(model),
        "benchmark": benchmark,
        "seed": seed,
        "settings": training.setting,
        "searched": tried,
        "batch_events": BATCH.get(model, DEFAULT_BATCH),
        "longest": BENCHMARKS[benchmark],
        "vocabulary": len(split.vocabulary),
        "budget_minutes": budget,
        "training_minutes": training.spent / 60,
        "minutes": (time.process_time() - began_cpu) / 60,
        "wall_minutes": (time.time() - began) / 60,
        "epochs": training.epochs,
        "best_epoch": training.best_epoch,
        "stopped_early": training.finished,
        "validation": {"ndcg@10": ndcg(ranks["validation"]), "recall@10": recall(ranks["validation"])},
        "users": len(split.users),
    }
    replace_file(out, lambda path: path.write_text(json.dumps(record, indent=1) + "\n"))
    say(f"validation {record['validation']}, {record['minutes']:.1f} minutes of processor time")


def run_all(runs: Path, benchmarks: list[str], models: list[str], seeds: int, budget: float, hours: float) -> int:
    """Every model on every benchmark, then more seeds of the best by validation; what is there already is kept.

    Returns:
        How many runs failed or were not started for want of time.
    """
    end, missed = time.time() + hours * 3600, 0

    def attempt(benchmark: str, model: str, seed: int) -> int:
        if result_file(runs, benchmark, model, seed).exists():
            return 0
        if time.time() > end:
            print(f"not started, {hours} hours are over: {benchmark} {model} seed {seed}", flush=True)
            return 1
        try:
            run_one(runs, benchmark, model, seed, budget)
        except Exception:  # the other runs do not depend on this one
            traceback.print_exc()
            return 1
        return 0

    for model in models:
        missed += sum(attempt(benchmark, model, 1) for benchmark in benchmarks)
    for seed in range(2, seeds + 1):
        for benchmark in benchmarks:
            done = [r for r in records(runs, benchmark) if r["seed"] == 1]
            if done:
                best = max(done, key=lambda r: r["validation"]["ndcg@10"])
                missed += attempt(benchmark, next(m for m in MODELS if system(m) == best["system"]), seed)
    return missed


def records(runs: Path, benchmark: str) -> list[dict]:
    """What has been run on a benchmark, in the order of `MODELS`, then seeds."""
    found = (runs / benchmark / "ranks").glob("recbole-*.seed*.json")
    order = [system(m) for m in MODELS]
    return sorted((json.loads(f.read_text()) for f in found), key=lambda r: (order.index(r["system"]), r["seed"]))


def print_table(runs: Path, benchmarks: list[str], as_json: bool) -> None:
    """Validation and test figures of every finished run; the test part is ranked once, by the setting chosen."""
    import polars

    rows = []
    for benchmark in benchmarks:
        for record in records(runs, benchmark):
            name = f"{record['system']}.seed{record['seed']}.test.parquet"
            ranks = polars.read_parquet(runs / benchmark / "ranks" / name)["rank"].to_numpy()
            rows.append({**record, "test": {"ndcg@10": ndcg(ranks), "recall@10": recall(ranks)}})
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    columns = ["benchmark", "system", "seed", *(f"{p} ndcg@10 / recall@10" for p in PARTS)]
    columns += ["minutes", "best epoch", "stopped early", "setting"]
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    for r in rows:
        figures = [f"{r[p]['ndcg@10']:.4f} / {r[p]['recall@10']:.4f}" for p in PARTS]
        setting = ", ".join(f"{k} {v:g}" for k, v in r["settings"].items())
        print(
            f"| {r['benchmark']} | {r['system']} | {r['seed']} | {figures[0]} | {figures[1]} | {r['minutes']:.1f} "
            f"| {r['best_epoch']:.1f} of {r['epochs']:.1f} | {'yes' if r['stopped_early'] else 'no'} | {setting} |"
        )


def _write_ranks(path: Path, users: list[str], ranks: np.ndarray) -> None:
    import polars

    replace_file(path, polars.DataFrame({"user_id": users, "rank": ranks}).write_parquet)


def write_weights(path: Path, state: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {name: tensor.numpy() for name, tensor in state.items()}
    replace_file(path, lambda p: np.savez(p.open("wb"), **arrays))


def replace_file(path: Path, write) -> None:
    """A reader sees the old file or the whole new one."""
    part = path.with_name(f"{path.name}.part")
    write(part)
    part.replace(path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("all", "table"))
    parser.add_argument("--runs", type=Path, default=Path("runs/benchmarks"), help="folder of the benchmarks")
    parser.add_argument("--benchmark", action="append", choices=BENCHMARKS, help="only these; all by default")
    parser.add_argument("--model", action="append", choices=MODELS, help="only these; all by default")
    parser.add_argument("--seeds", type=int, default=3, help="of the best model of each benchmark")
    parser.add_argument("--budget", type=float, default=6, help="minutes of processor time a model and benchmark")
    parser.add_argument("--hours", type=float, default=12, help="start nothing after so many hours")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    del sys.argv[1:]  # RecBole reads it too, and warns of what it does not know
    benchmarks = given.benchmark or list(BENCHMARKS)
    if given.what == "table":
        print_table(given.runs, benchmarks, given.json)
        return 0
    missed = run_all(given.runs, benchmarks, given.model or list(MODELS), given.seeds, given.budget, given.hours)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
