"""What each part of `fused` is worth: every session ranked with all parts, without each one, and by each one alone.

    python -m shopping_assistant.eval.parts --store DIR [--part validation] [--out FOLDER] [--json]

The weights of every variant are learned on validation sessions by ``shop build`` where `FusionConfig.ablations` is set;
candidates are made once for all of them. Ranks beyond the candidates count as not ranked.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from shopping_assistant.eval.protocol import Candidates, Protocol, questions
from shopping_assistant.eval.tables import FUSED, as_text, table_of_ranks
from shopping_assistant.tools.catalog import write_parquet
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.store import Store, write_json

BATCH = 64


class PartsError(ShopError):
    """A store without the weights that are to be compared."""


def ranks_of_variants(
    store: Store, part: str, sample: int | None = None, progress: Callable[[int, int], None] | None = None
) -> pl.DataFrame:
    """One row a session: ``user_id``, ``cold`` (the target occurs in no training event), and a rank for each variant.

    Raises:
        PartsError: the store has no weights of variants.
    """
    from shopping_assistant.tools.recommender import Recommender  # torch

    protocol = Protocol(part=part, sample=sample)
    split = store.split()
    asked = questions(store.events(), protocol, split.train, split)
    trained = set(split.train["product_id"].drop_nulls().to_list())
    among = Candidates(store.catalog(), protocol, store.events())
    fused = Recommender.open(store).fused
    scorers = {FUSED: fused.scorer, **fused.variants()}
    if len(scorers) == 1:
        raise PartsError(
            f"{store.path} has weights of all parts together only; set `ablations: true` in the settings of fused and "
            "run `shop build --only fused`"
        )
    ranks: dict[str, list[int]] = {name: [] for name in scorers}
    for at in range(0, len(asked.examples), BATCH):
        batch = asked.examples[at : at + BATCH]
        targets, masks = among.targets(batch), among.masks(batch)
        made = fused.candidates([e.history for e in batch], list(masks))
        hit = made.rows == targets[:, None]
        column = hit.argmax(axis=1)[:, None]
        for name, scorer in scorers.items():
            scores = scorer.scores(made.features, made.rows, made.sources)
            own = np.take_along_axis(scores, column, axis=1)
            # Rows ascend within a session's candidates: of equal scores the lower row is ahead.
            ahead = (scores > own) | ((scores == own) & (np.arange(scores.shape[1]) < column))
            ranked = hit.any(axis=1) & np.isfinite(own[:, 0])
            ranks[name] += np.where(ranked, 1 + (ahead & np.isfinite(scores)).sum(axis=1), 0).tolist()
        if progress:
            progress(min(at + BATCH, len(asked.examples)), len(asked.examples))
    cold = [e.target not in trained for e in asked.examples]
    return pl.DataFrame({"user_id": [e.user_id for e in asked.examples], "cold": cold, **ranks})


def table(ranks: pl.DataFrame, seed: int = 1) -> dict:
    """`tables.table_of_ranks` of every variant."""
    variants = {name: {1: ranks[name].to_numpy()} for name in ranks.columns if name not in ("user_id", "cold")}
    return table_of_ranks(variants, ranks["cold"].to_numpy(), seed)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--part", choices=("validation", "test"), default="validation")
    parser.add_argument("--sample", type=int)
    parser.add_argument(
        "--out", type=Path, help="a folder for the ranks and the table; what lies there is scored again"
    )
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    try:
        path = given.out / f"parts.{given.part}.parquet" if given.out else None
        if path and path.is_file():
            ranks = pl.read_parquet(path)
        else:
            ranks = ranks_of_variants(Store.open(given.store), given.part, given.sample, _say)
            if path:
                write_parquet(ranks, path)
        found = table(ranks)
        if path:
            write_json(path.with_suffix(".json"), found)
    except ShopError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(json.dumps(found, indent=1) if given.json else as_text(found))
    return 0


def _say(done: int, total: int) -> None:
    print(f"\r{done:,} of {total:,} sessions", end="" if done < total else "\n", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
