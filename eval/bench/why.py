"""What "why these?" and a product's view cost beside the turn before them: ratios of one run, not milliseconds.

    python -m shopping_assistant.eval.bench.why --store DIR [--runs 5] [--json]

Works on a copy of the store, so that no conversation is left in it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from shopping_assistant.assistant.conversation import Assistant

# One visit: what is said, and the card that is clicked afterwards.
VISIT = (
    ("ankle boots, no leather", 3),
    ("what would you recommend?", 2),
    ("more like the first", None),
    ("what goes with it?", None),
    ("blue dresses under 80", 1),
    ("a bit longer than the first", None),
)


def timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1000


def report(store: Path, runs: int) -> list[dict]:
    """For each sentence that is answered with cards the medians over ``runs`` visits: of the turn ``turn_ms``, and as
    multiples of it ``why`` and ``view``.
    """
    with tempfile.TemporaryDirectory() as folder:
        assistant = Assistant.open(shutil.copytree(store, Path(folder) / "store"))
        assistant.warm()
        _visit(assistant, "unmeasured")
        visits = [_visit(assistant, f"run-{n}") for n in range(runs)]
        assistant.close()
    keys = ("cards", "turn_ms", "why", "view")
    return [
        {"sentence": sentence, **{key: round(statistics.median(v[sentence][key] for v in visits), 2) for key in keys}}
        for sentence, _ in VISIT if all(sentence in v for v in visits)
    ]  # fmt: skip


def _visit(assistant: Assistant, thread: str) -> dict[str, dict]:
    out = {}
    for sentence, click in VISIT:
        turn = assistant.turn(thread, sentence)
        shown = [p["product_id"] for p in turn["products"]]
        if not shown:
            continue
        why = timed(lambda turn=turn: assistant.why(thread, turn["turn"]))
        view = timed(lambda shown=shown: assistant.view(thread, shown[0]))
        ms = turn["ms"]
        out[sentence] = {"cards": len(shown), "turn_ms": ms, "why": why / ms, "view": view / ms}
        if click and click <= len(shown):
            assistant.click(thread, shown[click - 1], click)
    return out


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(argv)
    rows = report(given.store, given.runs)
    if given.json:
        print(json.dumps(rows, indent=1))
        return 0
    for r in rows:
        ratios = f"why {r['why']:.1f}  view {r['view']:.1f}  of {r['turn_ms']:.0f} ms"
        print(f"{r['sentence']:30} {r['cards']:2.0f} cards  {ratios}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
