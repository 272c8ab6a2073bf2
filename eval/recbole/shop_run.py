"""RecBole's baselines on one store, by `make baselines STORE=DIR`: trained, ranked, and laid where a replay finds them.

    python eval/recbole/shop_run.py stores/demo/baselines/recbole --budget 3

Runs in the same environment as `run` and imports nothing of this project; what it reads was written by ``python -m
shopping_assistant.eval.sequence_baselines export``. A model that was trained on this very split with this budget is
not trained again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from run import MODELS, replace_file, system, write_weights
from sequences import SplitError, ndcg, recall, target_ranks
from shop_split import PARTS, VIEWS, Shop, first, read

TOP = 100  # as many as a replay keeps
LONGEST = 50
SEED = 1


def record_file(folder: Path, model: str) -> Path:
    """How a model was trained; it is written last, so that it stands for all of its files."""
    return folder / f"{system(model)}.json"


def run_model(folder: Path, shop: Shop, model: str, given: dict) -> dict:
    """Search, train, rank both parts, write; returns the record.

    Args:
        given: what the result depends on beside the split: view, longest, seed, and budget_minutes of processor time
            for search and training together.
    """
    from training import BATCH, DEFAULT_BATCH, fit, scored, search_space

    def say(line: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {model} {line}", flush=True)

    began, began_cpu = time.time(), time.process_time()
    seconds = given["budget_minutes"] * 60
    training, tried = fit(model, shop.split, given["longest"], search_space(model), given["seed"], seconds, say)
    # From here on the files of an older training are replaced one by one; without its record they are nobody's.
    record_file(folder, model).unlink(missing_ok=True)
    ranked = {}
    for part in PARTS:
        answers = scored(training.baseline, getattr(shop.split, part), shop.split.counts)
        ranked[part] = rank_part(shop, part, answers)
        replace_file(folder / f"{system(model)}.{part}.parquet", ranked[part].write_parquet)
    write_weights(folder / f"{system(model)}.npz", training.state)
    of_validation = ranked["validation"]["rank"].to_numpy()
    record = {
        "system": system(model),
        "split": shop.digest,
        **given,
        "settings": training.setting,
        "searched": tried,
        "batch_events": BATCH.get(model, DEFAULT_BATCH),
        "vocabulary": len(shop.split.vocabulary),
        "training_minutes": training.spent / 60,
        "minutes": (time.process_time() - began_cpu) / 60,
        "wall_minutes": (time.time() - began) / 60,
        "epochs": training.epochs,
        "best_epoch": training.best_epoch,
        "stopped_early": training.finished,
        "validation": {"ndcg@10": ndcg(of_validation), "recall@10": recall(of_validation)},
    }
    replace_file(record_file(folder, model), lambda path: path.write_text(json.dumps(record, indent=1) + "\n"))
    say(f"validation {record['validation']}, {record['minutes']:.1f} minutes of processor time")
    return record


def rank_part(shop: Shop, part: str, answers: Iterable[tuple[np.ndarray, np.ndarray]]):
    """The part's questions with ``rank`` and ``top``, the catalogue's rows of the first products.

    Args:
        answers: rows of the part's histories and their scores ``(some rows, vocabulary)``, until each row had its own;
            what is no candidate is put at -inf in them.
    """
    import polars as pl

    histories = getattr(shop.split, part)
    ranks, tops = np.zeros(len(histories), dtype=np.int64), [[]] * len(histories)
    for rows, scores in answers:
        ranks[rows] = target_ranks(scores, histories, rows)
        for row, best in zip(rows, first(scores, TOP), strict=True):
            tops[row] = shop.rows[best].tolist()
    return shop.asked[part].with_columns(pl.Series("rank", ranks), pl.Series("top", tops, dtype=pl.List(pl.Int32)))


def kept(folder: Path, model: str, wanted: dict) -> bool:
    """Whether the model was trained on this split, with these settings."""
    path = record_file(folder, model)
    if not path.is_file():
        return False
    there = json.loads(path.read_text(encoding="utf-8"))
    return all(there.get(name) == value for name, value in wanted.items())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="STORE/baselines/recbole, with the split in it")
    parser.add_argument("--model", action="append", choices=MODELS, help="only these; all by default")
    parser.add_argument("--budget", type=float, default=6, help="minutes of processor time a model")
    parser.add_argument("--longest", type=int, default=LONGEST, help="how many of the latest items a model reads")
    parser.add_argument("--view", choices=VIEWS, default=VIEWS[1], help="what a model reads and learns")
    options = parser.parse_args()
    del sys.argv[1:]  # RecBole reads it too, and warns of what it does not know
    given = {
        "view": options.view,
        "longest": options.longest,
        "budget_minutes": options.budget,
        "seed": SEED,
    }
    try:
        shop = read(options.folder, options.longest, options.view)
        todo = [m for m in options.model or MODELS if not kept(options.folder, m, {"split": shop.digest, **given})]
        if todo:
            import torch

            torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
        for model in todo:
            run_model(options.folder, shop, model, given)
    except SplitError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
