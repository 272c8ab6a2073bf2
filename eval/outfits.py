"""What goes with it: does an outfit around the first purchase of a session hold what the session bought next?

    python -m shopping_assistant.eval.outfits --store stores/demo [--part test] [--sample 300] [--seed 1] [--json]

Sessions whose withheld purchase follows another one in the same session. What was searched and clicked in between is
not told: the question comes right after the first purchase.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shopping_assistant.assistant.outfitting import outfit
from shopping_assistant.assistant.shelf import Shelf
from shopping_assistant.eval.replay_agent import lay_out
from shopping_assistant.eval.sampled_sessions import measured
from shopping_assistant.eval.significance import ci95, holm, paired_test
from shopping_assistant.tools.attribute_filter import Constraint
from shopping_assistant.tools.sessions import Event, Example
from shopping_assistant.tools.store import Store

K = 10
METRICS = ("category recall@10", "recall@10", "ndcg@10", "kinds")


@dataclass(frozen=True)
class Second:
    """One session: what was known right after its first purchase, and what was bought next."""

    user_id: str
    history: tuple[Event, ...]
    first: str
    target: str


def second_purchases(examples: Sequence[Example]) -> list[Second]:
    """Sessions with a purchase before the withheld one, as they stood after the last such purchase."""
    out = []
    for e in examples:
        bought = [
            i for i, event in enumerate(e.history)
            if event.session_id == e.session_id and event.action == "purchase" and event.product_id != e.target
        ]  # fmt: skip
        if bought:
            known = e.history[: bought[-1] + 1]
            out.append(Second(e.user_id, known, known[-1].product_id, e.target))
    return out


def systems(shelf: Shelf) -> dict[str, Callable[[Second], list[str]]]:
    """The outfit, and what to measure it against: the recommender with other kinds shut out, and what sells most."""

    def by_outfit(s: Second) -> list[str]:
        made = outfit(shelf, shelf.catalog.product(s.first), _asked(s), K, ())
        return [p.product_id for p in made.ranked.products]

    def by_recommender(s: Second) -> list[str]:
        return [p.product_id for p in shelf.recommend(_asked(s), K, _others(shelf, s), [s.first]).products]

    def by_sales(s: Second) -> list[str]:
        return [p.product_id for p in shelf.popular(K + 1, _others(shelf, s)).products if p.product_id != s.first][:K]

    return {"outfit": by_outfit, "recommender, other kinds": by_recommender, "popularity, other kinds": by_sales}


def _asked(s: Second) -> tuple[Event, ...]:
    """As the tool asks: searches are done with, and the product in question is what was looked at last."""
    last = s.history[-1]
    looked = Event(last.session_id, last.user_id, last.timestamp, "click", product_id=s.first)
    return (*(e for e in s.history if e.action != "search"), looked)


def _others(shelf: Shelf, s: Second) -> list[Constraint]:
    category = (shelf.catalog.product(s.first).category or "").strip().lower()
    return [Constraint("category", "not in", shelf.vocabulary.same_place(category), "")] if category else []


def scored(shelf: Shelf, seconds: Sequence[Second]) -> dict[str, np.ndarray]:
    """``(sessions, metrics)`` for each system, in the order of `METRICS`."""
    catalog = shelf.catalog
    out = {}
    for name, ask in systems(shelf).items():
        rows = []
        for s in seconds:
            shown = ask(s)
            kinds = [catalog.product(p).category for p in shown]
            rank = shown.index(s.target) + 1 if s.target in shown else None
            gain = 1 / np.log2(1 + rank) if rank else 0.0
            rows.append([catalog.product(s.target).category in kinds, rank is not None, gain, len(set(kinds))])
        out[name] = np.array(rows, dtype=np.float64)
    return out


def report(store: Store, part: str, sample: int, seed: int) -> dict:
    """Figures with their intervals, and the outfit against each of the others, corrected together."""
    split = store.split()
    examples = split.validation if part == "validation" else split.test
    seconds = second_purchases(examples)
    all_of_them = len(seconds)
    if sample < all_of_them:
        chosen = np.sort(np.random.default_rng(seed).permutation(all_of_them)[:sample])
        seconds = [seconds[i] for i in chosen.tolist()]
    with tempfile.TemporaryDirectory(prefix="outfits-") as folder:
        # The log that kinds are learned from holds no withheld purchase.
        lay_out(store, Path(folder), split.train)
        values = scored(Shelf(Store.open(folder)), seconds)
    shoppers = np.unique([s.user_id for s in seconds], return_inverse=True)[1]
    figures = {}
    for name, rows in values.items():
        by_metric = {m: rows[:, i] for i, m in enumerate(METRICS)}
        figures[name] = {m: float(v.mean()) for m, v in by_metric.items()}
        figures[name]["ci95"] = ci95(by_metric, seed=seed, shoppers=shoppers)
    tests = []
    for name in values:
        for i, metric in enumerate(METRICS[:3]):
            if name != "outfit":
                made = paired_test(values["outfit"][:, i], values[name][:, i], seed=seed, shoppers=shoppers)
                tests.append((name, metric, made))
    corrected = holm([made.p for *_, made in tests])
    return {
        "store": store.name, "part": part, "sessions": len(seconds), "of": all_of_them, "seed": seed,
        "systems": figures,
        "outfit_against": [
            {"system": name, "metric": metric, "difference": made.difference, "ci95": list(made.ci95), "p": p}
            for (name, metric, made), p in zip(tests, corrected, strict=True)
        ],
    }  # fmt: skip


def main() -> None:
    made = measured(__doc__, report, part="test", sample=300)
    if made is None:
        return
    print(f"{made['sessions']} of {made['of']} sessions of {made['store']} ({made['part']})")
    for name, figures in made["systems"].items():
        cells = [f"{m} {figures[m]:.3f} [{figures['ci95'][m][0]:.3f}, {figures['ci95'][m][1]:.3f}]" for m in METRICS]
        print(f"{name:26} {'  '.join(cells)}")
    for t in made["outfit_against"]:
        low, high = t["ci95"]
        gain = f"{t['difference']:+.3f} [{low:+.3f}, {high:+.3f}]"
        print(f"outfit - {t['system']:26} {t['metric']:20} {gain} p {t['p']:.2g}")


if __name__ == "__main__":
    main()
