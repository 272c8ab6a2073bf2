"""What thumbs on cards are worth to shoppers who say little: they name a kind of thing and page on, with or without.

    python -m shopping_assistant.eval.thumbs --store stores/demo --sample 150 --seed 5

The shopper of a logged session says what kind of thing it is about, looks at five pages of cards, and asks what the
assistant would recommend. In one conversation nothing is judged, in one the cards are judged by a hidden wish made of
the target (`simulated_judging`), in one by chance: what thumbs do that say nothing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shopping_assistant.eval.hidden_wish import Wish, WishError, Wishes
from shopping_assistant.eval.replay_agent import REQUEST, known_before, lay_out
from shopping_assistant.eval.sampled_sessions import measured
from shopping_assistant.eval.significance import ci95, holm, paired_test
from shopping_assistant.eval.simulated_conversation import AgentPartner, Stage, chances, wish_of
from shopping_assistant.eval.simulated_judging import CardJudge
from shopping_assistant.tools.catalog import Product
from shopping_assistant.tools.sessions import Example
from shopping_assistant.tools.store import Store

PAGES = 5
NONE, WISH, CHANCE = "no thumbs", "thumbs by the wish", "thumbs by chance"
JUDGES = (NONE, WISH, CHANCE)
METRICS = ("found@2", "found@5", "cards", "recommend/recall@10", "recommend/mrr@10")


@dataclass(frozen=True)
class Asked:
    """One session, the wish its target fulfils, and the kind of thing that is said."""

    example: Example
    wish: Wish
    kind: str


class _ByChance(CardJudge):
    """As many thumbs, on cards of no meaning."""

    def _worth(self, product: Product) -> float:
        return float(self._rng.random())


def report(store: Store, part: str, sample: int, seed: int) -> dict:
    """Figures of each way of judging over the same shoppers, with intervals, and each against no thumbs."""
    split = store.split()
    stage = Stage(store.catalog(), Wishes(store.catalog()))
    asked = _chosen(stage, split.validation if part == "validation" else split.test, sample, seed)
    with tempfile.TemporaryDirectory(prefix="thumbs-") as folder:
        lay_out(store, Path(folder), known_before(split.train, [a.example for a in asked]))
        values = {}
        for judge in JUDGES:
            (own := Path(folder) / judge.replace(" ", "-")).mkdir()
            for entry in ("store.json", "catalog.parquet", "events.parquet", "models", "memory"):
                if (Path(folder) / entry).exists():
                    (own / entry).symlink_to(Path(folder) / entry)
            partner = AgentPartner(own, asked[0].example.timestamp, judged=True)
            try:
                values[judge] = np.array([_scores(stage, partner, a, judge, seed) for a in asked])
            finally:
                partner.close()
    figures = {
        judge: {
            **{m: float(rows[:, i].mean()) for i, m in enumerate(METRICS)},
            "ci95": ci95({m: rows[:, i] for i, m in enumerate(METRICS)}, seed=seed),
        } for judge, rows in values.items()
    }  # fmt: skip
    tests = [
        (judge, metric, paired_test(values[judge][:, i], values[NONE][:, i], seed=seed))
        for judge in JUDGES[1:] for i, metric in enumerate(METRICS)
    ]  # fmt: skip
    corrected = holm([made.p for *_, made in tests])
    return {
        "store": store.name, "part": part, "sessions": len(asked), "seed": seed, "judges": figures,
        "against_no_thumbs": [
            {"judge": judge, "metric": metric, "difference": made.difference, "ci95": list(made.ci95), "p": p}
            for (judge, metric, made), p in zip(tests, corrected, strict=True)
        ],
    }  # fmt: skip


def _chosen(stage: Stage, sessions: Sequence[Example], sample: int, seed: int) -> list[Asked]:
    chosen = []
    for i in np.random.default_rng(seed).permutation(len(sessions)).tolist():
        example = sessions[i]
        if len(chosen) == sample:
            break
        if example.target not in stage.catalog or not stage.catalog.product(example.target).available:
            continue
        try:
            wish = wish_of(stage, example, seed)
        except WishError:
            continue
        if wish.of("category"):
            chosen.append(Asked(example, wish, wish.of("category")[0].value))
    return chosen


def _scores(stage: Stage, partner: AgentPartner, asked: Asked, judge: str, seed: int) -> list[float]:
    """One conversation's values of `METRICS`."""
    target, rng = asked.example.target, chances(asked.example, seed)[3]
    cards = {NONE: None, WISH: CardJudge(asked.wish, rng), CHANCE: _ByChance(asked.wish, rng)}[judge]
    partner.meet(f"{asked.example.session_id}-{asked.example.user_id}", asked.example)
    found, looked = None, 0
    for page in range(1, PAGES + 1):
        shown = partner.say(f"show me {asked.kind}" if page == 1 else "show me more").products
        if target in shown:
            found, looked = page, looked + shown.index(target) + 1
            break
        looked += len(shown)
        for thumb in cards.thumbs([stage.catalog.product(p) for p in shown]) if cards else ():
            partner.judge(*thumb)
    advised = partner.say(REQUEST).products
    rank = advised.index(target) + 1 if target in advised else None
    return [
        float(found is not None and found <= 2), float(found is not None), float(looked), float(rank is not None),
        1 / rank if rank else 0.0,
    ]  # fmt: skip


def main() -> None:
    made = measured(__doc__, report, part="validation", sample=150, seed=5)
    if made is None:
        return
    print(f"{made['sessions']} sessions of {made['store']} ({made['part']}, seed {made['seed']})")
    for judge, figures in made["judges"].items():
        print(f"{judge:20} " + "  ".join(f"{m} {figures[m]:.3f}" for m in METRICS))
    for t in made["against_no_thumbs"]:
        low, high = t["ci95"]
        print(f"{t['judge']:20} {t['metric']:20} {t['difference']:+.3f} [{low:+.3f}, {high:+.3f}] p {t['p']:.2g}")


if __name__ == "__main__":
    main()
