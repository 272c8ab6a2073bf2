"""What people typed, through the assistant's understanding and search.

python -m shopping_assistant.eval.understanding {simmc2,webshop,crowdflower,fashioniq,all}
    --data DIR --out DIR [--sample N] [--workers N] [--full] [--json]
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from dataclasses import asdict, replace
from pathlib import Path

from shopping_assistant.eval.understanding.record import Result, processor_seconds
from shopping_assistant.tools.errors import ShopError

# The set's name, its folder of the data, and its module here.
SETS = {
    "simmc2": ("simmc2", "simmc"),
    "webshop": ("webshop", "webshop"),
    "crowdflower": ("crowdflower_search", "crowdflower"),
    "fashioniq": ("fashioniq_multiturn", "fashioniq"),
}


def main(given: list[str] | None = None) -> int:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    parser = argparse.ArgumentParser(prog="python -m shopping_assistant.eval.understanding", description=__doc__)
    parser.add_argument("set", choices=[*SETS, "all"])
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds simmc2/, webshop/ and so on")
    parser.add_argument("--out", type=Path, required=True, help="figures go to OUT/understanding")
    parser.add_argument("--sample", type=int, help="measure only so many conversations, queries or requests of a set")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--full", action="store_true", help="simmc2 also through the whole assistant")
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object")
    args = parser.parse_args(given)
    for option in ("sample", "workers"):
        if (value := getattr(args, option)) is not None and value < 1:
            parser.error(f"--{option} {value}: expected at least 1")
    folder, printed = args.out / "understanding", {}
    try:
        for name in SETS if args.set == "all" else [args.set]:
            part, module = SETS[name]
            more = {"full": args.full} if name == "simmc2" else {}
            measure = importlib.import_module(f"shopping_assistant.eval.understanding.{module}").measure
            before = processor_seconds()
            result, failures = measure(
                args.data / part, folder / "stores", sample=args.sample, workers=args.workers, **more
            )
            used = {"processor_seconds": round(processor_seconds() - before, 1), "workers": args.workers}
            result = replace(result, protocol=result.protocol | used)
            result.write(folder, failures)
            printed[name] = asdict(result)
            if not args.json:
                _print(result)
    except ShopError as error:
        print(error, file=sys.stderr)
        return 1
    if args.json:
        print(json.dumps(printed, ensure_ascii=False))
    return 0


def _print(result: Result) -> None:
    print(f"\n{result.set}: {result.what} (n = {result.n}, {result.seconds:.0f} s)")
    for name, value in result.figures.items():
        low_high = "  [{:.4f}, {:.4f}]".format(*result.ci95[name]) if name in result.ci95 else ""
        print(f"  {name:48} {value:10.4f}{low_high}")
    for c in result.comparisons:
        low, high = c["ci95"]
        print(
            f"  {c['first']} - {c['second']}, {c['metric']}: {c['difference']:+.4f} [{low:+.4f}, {high:+.4f}], "
            f"p {c['p_adjusted']:.4f}"
        )
    for kind, count in list(result.kinds.items())[:25]:
        print(f"  {count:5}  {kind}")


if __name__ == "__main__":
    sys.exit(main())
