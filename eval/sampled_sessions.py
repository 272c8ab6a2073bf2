"""The command line of a measurement over sampled sessions of a store."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from shopping_assistant.tools.store import Store

Report = Callable[[Store, str, int, int], dict]


def measured(told: str, report: Report, part: str, sample: int, seed: int = 1) -> dict | None:
    """The figures that the command line asks for; None where it wants them as JSON, which is printed then.

    Args:
        told: what is measured, a module's docstring.
        report: makes the figures of a store, its part, how many sessions, and a seed.
        part, sample, seed: what is taken where the command line does not say.
    """
    parser = argparse.ArgumentParser(description=told.splitlines()[0])
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--part", choices=("validation", "test"), default=part)
    parser.add_argument("--sample", type=int, default=sample)
    parser.add_argument("--seed", type=int, default=seed)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    made = report(Store.open(given.store), given.part, given.sample, given.seed)
    if not given.json:
        return made
    print(json.dumps(made, indent=1))
    return None
