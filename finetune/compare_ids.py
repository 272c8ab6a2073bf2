"""Which item ids suit a shop: one recommender each, all else equal, on the same validation purchases.

    python -m shopping_assistant.finetune.compare_ids --store DIR --config falcon-demo.yaml --tokens 2000000 --out DIR

A comparison that was interrupted goes on: what is in ``--out`` is not trained again.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from shopping_assistant.finetune import config as configs
from shopping_assistant.finetune.item_ids import KINDS
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.store import Store, write_json

FORM = re.compile(r"([a-z]+)(?::(\d+)x(\d+))?")
FIGURES = ("nats_a_target", "exact_id", "recall@10", "ndcg@10")


class ComparisonError(ShopError):
    """A comparison that was asked for something that does not exist."""


def variant(text: str):
    """``semantic`` or ``semantic:3x32`` (levels and base) as the setting it stands for.

    Raises:
        ComparisonError: it is of another form, or of a kind that there is none of.
    """
    from shopping_assistant.finetune.falcon import ItemIds

    found = FORM.fullmatch(text)
    if not found or found[1] not in KINDS:
        raise ComparisonError(f"ids {text!r}: expected one of {', '.join(KINDS)}, with a shape as in semantic:3x32")
    kind, levels, base = found.groups()
    return ItemIds(kind, int(levels) if levels else None, int(base) if base else None)


def compare(store: Store, config, names: Sequence[str], out: Path) -> dict[str, dict]:
    """Train each variant in a copy of the store under ``out``; variant → figures of its run."""
    from shopping_assistant.finetune.falcon import train

    variants = {name: variant(name) for name in names}
    out.mkdir(parents=True, exist_ok=True)
    found = {}
    for name, ids in variants.items():
        kept = out / f"{name.replace(':', '-')}.json"
        settings = replace(config, ids=ids)
        if not kept.is_file():
            print(f"{name} …", file=sys.stderr, flush=True)
            place = out / f"{kept.stem}-store"
            if not place.exists():
                left = shutil.ignore_patterns("recommender", "mixup", "checkpoints", "conversations.sqlite*")
                shutil.copytree(store.path, place, ignore=left)
            write_json(kept, train(Store.open(place), settings))
            shutil.rmtree(place)
        found[name] = json.loads(kept.read_text(encoding="utf-8"))
    return found


def print_table(found: dict[str, dict]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for column in ("ids", "shape", "tokens", *FIGURES):
        table.add_column(column, justify="left" if column == "ids" else "right")
    best_first = sorted(found.items(), key=lambda pair: -pair[1]["validation"]["ndcg@10"])
    for name, figures in best_first:
        measured = figures["validation"]
        shape = f"{figures['levels']} × {figures['code_base']}"
        tokens = f"{figures['pretraining']['tokens']:,}" if "pretraining" in figures else "–"
        shown = [f"{measured[f]:.4f}" for f in FIGURES]
        # Recall is a share of sessions: its standard error is a coin's.
        error = math.sqrt(measured["recall@10"] * (1 - measured["recall@10"]) / measured["examples"])
        shown[2] += f" ± {1.96 * error:.3f}"
        table.add_row(name, shape, tokens, *shown)
    Console(width=None if sys.stdout.isatty() else 110).print(table)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m shopping_assistant.finetune.compare_ids", description="Which item ids suit a shop."
    )
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--config", default="falcon-demo.yaml", help="a packaged settings file, or a path")
    parser.add_argument("--ids", nargs="+", default=list(KINDS), metavar="KIND[:LEVELSxBASE]")
    parser.add_argument("--tokens", type=int, help="tokens of pre-training, in place of the settings'")
    parser.add_argument("--examples", type=int, help="examples of fine-tuning, in place of the settings'")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    try:
        from shopping_assistant.finetune.falcon import FalconConfig

        path = Path(given.config)
        config = configs.load(path if path.is_file() else configs.packaged_config(given.config), FalconConfig)
        if given.tokens:
            config = replace(config, pretraining=replace(config.pretraining, max_tokens=given.tokens))
        if given.examples:
            config = replace(config, lora=replace(config.lora, max_examples=given.examples))
        print_table(compare(Store.open(given.store), config, given.ids, given.out))
    except ShopError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
