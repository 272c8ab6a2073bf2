"""Do the reasons hold? Each click or purchase told under a card is taken away, and the whole list made again.

    python -m shopping_assistant.eval.reasons --store stores/demo [--part test] [--sample 200] [--seed 1] [--json]

A reason fails when its product keeps its place, or rises, without what the reason cites. Beside the assistant's reasons
those of a plain rule: the latest product clicked or bought that shares something with the one recommended.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shopping_assistant.assistant.answers.reasons import shared, told_of
from shopping_assistant.assistant.evidence import FOR_ONE, deeds, without
from shopping_assistant.assistant.shelf import Shelf
from shopping_assistant.eval.sampled_sessions import measured
from shopping_assistant.eval.significance import ci95
from shopping_assistant.tools.sessions import Event
from shopping_assistant.tools.store import Store

K = 10
Deed = tuple[str, str]


def told(shelf: Shelf, history: Sequence[Event]) -> dict[str, list[tuple[int, Deed | None]]]:
    """For each rule the rows recommended and what each is said to follow from."""
    catalog = shelf.catalog
    ranked = shelf.recommend(history, K, (), with_evidence=True)
    done = deeds(history, FOR_ONE)
    out: dict[str, list] = {"assistant": [], "latest that shares something": []}
    for scored in ranked.products:
        row, product = catalog.index(scored.product_id), catalog.product(scored.product_id)
        e = told_of(product, catalog, ranked.evidence.get(scored.product_id, ()))
        out["assistant"].append((row, (e.kind, e.product_id) if e else None))
        alike = (d for d in done if d[1] != scored.product_id and shared(product, catalog.product(d[1])))
        out["latest that shares something"].append((row, next(alike, None)))
    return out


def falls(
    shelf: Shelf, history: Sequence[Event], given: Sequence[tuple[int, Deed | None]], known: dict
) -> list[bool]:  # fmt: skip
    """Whether each product with a reason falls without it, by the whole path; ``known``: scores by deed."""
    able = shelf.catalog.available.copy()
    bought = {e.product_id for e in history if e.action == "purchase" and e.product_id in shelf.catalog}
    able[[shelf.catalog.index(p) for p in bought]] = False
    wanted = [None, *dict.fromkeys(d for _, d in given if d)]
    missing = [d for d in wanted if d not in known]
    if missing:
        histories = [tuple(history) if d is None else without(history, d) for d in missing]
        system = shelf.recommender.system
        scores = shelf.recommender.scores(histories, (system,), masks=[able] * len(histories))[system]
        known |= dict(zip(missing, scores, strict=True))

    def rank(deed: Deed | None, row: int) -> int:
        return int((known[deed] > known[deed][row]).sum())

    return [rank(deed, row) > rank(None, row) for row, deed in given if deed]


def report(store: Store, part: str, sample: int, seed: int) -> dict:
    """How many products have a reason, and how many of the reasons fail, with intervals over sessions."""
    split, shelf = store.split(), Shelf(store)
    examples = [e for e in (split.validation if part == "validation" else split.test) if deeds(e.history, 2)[1:]]
    chosen = np.random.default_rng(seed).permutation(len(examples))[:sample]
    counts: dict[str, list[tuple[float, float, float]]] = {}
    for i in chosen.tolist():
        known: dict = {}
        for rule, given in told(shelf, examples[i].history).items():
            held = falls(shelf, examples[i].history, given, known)
            counts.setdefault(rule, []).append((len(given), len(held), held.count(False)))
    out = {}
    for rule, rows in counts.items():
        values = np.array(rows, dtype=np.float64)
        products, reasons, failed = values.sum(axis=0)
        some = values[values[:, 1] > 0]
        share = {"fails": some[:, 2] / some[:, 1]}
        out[rule] = {
            "products": int(products), "reasons": int(reasons), "fails": failed / max(reasons, 1),
            "of_a_session": float(share["fails"].mean()), "ci95": ci95(share, seed=seed)["fails"],
        }  # fmt: skip
    return {"store": store.name, "part": part, "sessions": len(chosen), "seed": seed, "rules": out}


def main() -> None:
    made = measured(__doc__, report, part="test", sample=200)
    if made is None:
        return
    print(f"{made['sessions']} sessions of {made['store']} ({made['part']})")
    for rule, f in made["rules"].items():
        low, high = f["ci95"]
        print(
            f"{rule:30} {f['reasons']} reasons for {f['products']} products, {f['fails']:.1%} fail; "
            f"mean of a session {f['of_a_session']:.1%} [{low:.1%}, {high:.1%}]"
        )


if __name__ == "__main__":
    main()
