"""How long a turn of the assistant takes, and where the time goes.

    python -m shopping_assistant.eval.bench.turns --store DIR [--turns N] [--json]

Holds mixed conversations (search, refine, ask, click, recommend, compare, bag) made of the catalogue's own words, over
a copy of the store's chats: nothing is left in the store.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.eval.replay_agent import lay_out
from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.store import Store

TURNS = 120
WARM_UP = 4  # turns before the clock counts: models load and caches fill at the first use
COMMON = 30  # a shopper names what a shop has much of


@dataclass(frozen=True)
class Step:
    """What a shopper does next: says ``text``, or acts on the product at ``position`` of the last answer."""

    kind: str
    text: str = ""
    position: int = 0


@dataclass(frozen=True)
class Timed:
    """One turn: what kind, the wall milliseconds with its checkpoint, the turn object, and its parts as traced."""

    kind: str
    ms: float
    turn: dict
    parts_ms: dict[str, float]


def conversations(catalog: Catalog, seed: int) -> Iterator[list[Step]]:
    """Conversations without end, each about one product of this catalogue, in its own values."""
    choose = random.Random(seed)
    categories = _common(catalog, "category")
    materials = _common(catalog, "material")
    rows = defaultdict(list)
    for row, cell in enumerate(catalog.cells("category")):
        if cell:
            rows[str(cell).lower()].append(row)
    while True:
        row = choose.choice(rows[choose.choice(categories)]) if categories else choose.randrange(len(catalog))
        yield _conversation(catalog, row, materials, choose)


def _common(catalog: Catalog, name: str) -> list[str]:
    return [value for value in catalog.values(name) if "," not in value][:COMMON]


def _conversation(catalog: Catalog, row: int, materials: Sequence[str], choose: random.Random) -> list[Step]:
    product = catalog.at(row)
    wish = " ".join(w for w in (product.color, product.category or product.title) if w).lower()
    limit = f" under {round(product.price * 1.3)}" if product.price else ""
    unwanted = [m for m in materials if m != (product.material or "").lower()]
    middle = [
        Step("refine", f"not {choose.choice(unwanted)}" if unwanted else "something else"),
        Step("refine", f"by {product.brand}" if product.brand else "other brands please"),
        Step("ask", "what is the second one made of?"),
        Step("ask", "how much is the first one?"),
        Step("compare", "compare the first two"),
        Step("similar", "show me something similar to the first one"),
        Step("refine", "something cheaper" if product.price else "another color"),
    ]
    choose.shuffle(middle)
    return [
        Step("search", f"{choose.choice(('show me', 'i am looking for', 'do you have'))} {wish}{limit}"),
        *middle[:2],
        Step("click", position=1),
        Step("recommend", "what would you recommend for me?"),
        *middle[2:4],
        Step("bag", "add the first one to my bag"),
        Step("recommend", "can you recommend something else?"),
        Step("bag", "what is in my bag?"),
        Step("talk", "thanks"),
    ]


def hold(assistant: Assistant, catalog: Catalog, turns: int, seed: int = 1) -> Iterator[Timed]:
    """Hold conversations until ``turns`` turns are done; clicks happen in between and are no turns."""
    done = 0
    for number, steps in enumerate(conversations(catalog, seed)):
        thread, shown = f"bench-{seed}-{number}", []
        for step in steps:
            if step.kind == "click":
                if shown:
                    assistant.click(thread, shown[min(step.position, len(shown) - 1)], step.position + 1)
                continue
            start = time.perf_counter()
            turn = assistant.turn(thread, step.text)
            ms = (time.perf_counter() - start) * 1000
            yield Timed(step.kind, ms, turn, assistant.trace(thread)[-1]["parts_ms"])
            shown = [p["product_id"] for p in turn["products"]] or shown
            done += 1
            if done == turns:
                return


def summary(timed: Sequence[Timed]) -> dict:
    """Median and 95th percentile in milliseconds of every kind of turn and of every part, with their numbers."""
    recommending = [t for t in timed if any(tool["name"] == "recommend" for tool in t.turn["tools"])]
    parts: dict[str, list[float]] = defaultdict(list)
    for t in timed:
        for name, ms in t.parts_ms.items():
            parts[name].append(ms)
        # A part with a dot is inside the tool before the dot; what no part explains is the graph and its checkpoints.
        parts["graph and checkpoint"].append(t.ms - sum(ms for name, ms in t.parts_ms.items() if "." not in name))
    kinds: dict[str, list[float]] = defaultdict(list)
    for t in timed:
        kinds[t.kind].append(t.ms)
    return {
        "all turns": _spread([t.ms for t in timed]),
        "turns that recommend": _spread([t.ms for t in recommending]),
        "kinds": {name: _spread(ms) for name, ms in sorted(kinds.items())},
        "parts": {name: _spread(ms) for name, ms in sorted(parts.items())},
        "failed_tools": sum(tool["error"] is not None for t in timed for tool in t.turn["tools"]),
    }


def _spread(ms: Sequence[float]) -> dict:
    if not ms:
        return {"n": 0, "median_ms": None, "p95_ms": None}
    return {"n": len(ms), "median_ms": round(float(np.median(ms)), 1), "p95_ms": round(float(np.percentile(ms, 95)), 1)}


def measure(store: Store, turns: int = TURNS, seed: int = 1) -> dict:
    """Open the assistant on a copy of the store's chats and time ``turns`` turns after the warm-up."""
    catalog = store.catalog()
    with tempfile.TemporaryDirectory(prefix="bench-turns-") as folder:
        lay_out(store, Path(folder), store.events())
        start = time.perf_counter()
        assistant = Assistant.open(folder)
        opened = time.perf_counter()
        try:
            first = list(hold(assistant, catalog, WARM_UP, seed + 1))
            timed = list(hold(assistant, catalog, turns, seed))
        finally:
            assistant.close()
    return {
        "store": str(store.path),
        "products": len(catalog),
        "open_ms": round((opened - start) * 1000, 1),
        "first_turns_ms": [round(t.ms, 1) for t in first],
        **summary(timed),
    }


def print_table(result: dict) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{result['store']}: {result['products']:,} products, opened in {result['open_ms']:.0f} ms")
    for column in ("", "n", "median ms", "95 % ms"):
        table.add_column(column, justify="right" if column else "left")
    groups = (
        {name: result[name] for name in ("all turns", "turns that recommend")},
        {f"  {name}": spread for name, spread in result["kinds"].items()},
        {f"  {name}": spread for name, spread in result["parts"].items()},
    )
    for group in groups:
        for name, s in group.items():
            figures = ("–", "–") if not s["n"] else (f"{s['median_ms']:.1f}", f"{s['p95_ms']:.1f}")
            table.add_row(name, str(s["n"]), *figures)
        table.add_section()
    Console(width=None if sys.stdout.isatty() else 100).print(table)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m shopping_assistant.eval.bench.turns", description="How long a turn takes, and its parts."
    )
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    try:
        result = measure(Store.open(given.store), given.turns, given.seed)
    except ShopError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        print_table(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
