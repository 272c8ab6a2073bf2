"""Which item ids suit a shop: one recommender each, all else equal, on the same validation purchases.

    python -m shopping_assistant.finetune.compare_ids --store DIR --config falcon-demo.yaml --tokens 2000000 --out DIR

A comparison that was interrupted goes on: what is in ``--out`` is not trained again; what was made there with other
settings, or from other data, is refused.
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
    """A comparison that cannot be made as asked."""


def variant(text: str):
    """``semantic`` or ``semantic:3x32`` (levels and base) as the setting it stands for.

    Raises:
        ComparisonError: it is of another form, of a kind that there is none of, or of a shape that nothing has.
    """
    from shopping_assistant.finetune.falcon import ItemIds

    found = FORM.fullmatch(text)
    if not found or found[1] not in KINDS:
        raise ComparisonError(f"ids {text!r}: expected one of {', '.join(KINDS)}, with a shape as in semantic:3x32")
    kind, levels, base = found.groups()
    try:
        return ItemIds(kind, int(levels) if levels else None, int(base) if base else None)
    except ValueError as error:
        raise ComparisonError(f"ids {text!r}, {error}") from error


def compare(store: Store, config, names: Sequence[str], out: Path) -> dict[str, dict]:
    """Train each variant in a copy of the store under ``out``; variant → figures of its run.

    Raises:
        ComparisonError: ``out`` lies in the store, or holds figures of other settings or data.
    """
    from shopping_assistant.finetune.falcon import train

    if out.resolve().is_relative_to(store.path.resolve()):
        raise ComparisonError(f"--out {out}: lies in the store, expected a folder outside: the store is copied into it")
    variants = {name: variant(name) for name in names}
    out.mkdir(parents=True, exist_ok=True)
    files = {name: out / f"{name.replace(':', '-')}.json" for name in variants}
    made_from = {
        name: {"config": configs.described(replace(config, ids=ids)), "data": store.digest("catalog", "events")}
        for name, ids in variants.items()
    }
    found = {name: _kept(files[name], made_from[name]) for name in variants if files[name].is_file()}
    for name, ids in variants.items():
        if name not in found:
            print(f"{name} …", file=sys.stderr, flush=True)
            place = _copied(store, out / f"{files[name].stem}-store")
            found[name] = train(Store.open(place), replace(config, ids=ids))
            write_json(files[name], {**made_from[name], "figures": found[name]})
            shutil.rmtree(place)
    return {name: found[name] for name in variants}


def _kept(file: Path, made_from: dict) -> dict:
    """The figures of an earlier run, which must be one of the same settings and data."""
    kept = json.loads(file.read_text(encoding="utf-8"))
    if {name: kept.get(name) for name in made_from} != json.loads(json.dumps(made_from)):
        raise ComparisonError(
            f"{file}: was made with other settings or from other data, expected these; give another --out, or remove it"
        )
    return kept["figures"]


def _copied(store: Store, place: Path) -> Path:
    """A copy of what a run reads, whole or not there; one that an interrupted run left is taken if it is the same."""
    inputs = ("catalog", "events")
    if not place.exists() or Store.open(place).digest(*inputs) != store.digest(*inputs):
        shutil.rmtree(place, ignore_errors=True)
        partial = place.with_name(f".{place.name}.tmp")
        shutil.rmtree(partial, ignore_errors=True)
        left = shutil.ignore_patterns("recommender", "mixup", "checkpoints", "conversations.sqlite*")
        shutil.copytree(store.path, partial, ignore=left)
        partial.rename(place)
    return place


def _shortened(config, tokens: int | None, examples: int | None):
    """The settings with fewer tokens of pre-training and fewer examples, where they are given."""
    try:
        if tokens is not None:
            config = replace(config, pretraining=replace(config.pretraining, max_tokens=tokens))
        if examples is not None:
            config = replace(config, lora=replace(config.lora, max_examples=examples))
    except ValueError as error:
        raise ComparisonError(f"--tokens or --examples, {error}") from error
    return config


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
    of_any_shop = [kind for kind in KINDS if kind != "family"]
    parser.add_argument("--ids", nargs="+", default=of_any_shop, metavar="KIND[:LEVELSxBASE]")
    parser.add_argument("--tokens", type=int, help="tokens of pre-training, in place of the settings'")
    parser.add_argument("--examples", type=int, help="examples of fine-tuning, in place of the settings'")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    try:
        from shopping_assistant.finetune.falcon import FalconConfig

        path = Path(given.config)
        config = configs.load(path if path.is_file() else configs.packaged_config(given.config), FalconConfig)
        config = _shortened(config, given.tokens, given.examples)
        print_table(compare(Store.open(given.store), config, given.ids, given.out))
    except ShopError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
