"""Learn how much each part of `fused` counts: the candidates of validation sessions, and which of them was bought.

    shop build --store DIR --only fused [--config build.yaml]

The weights maximise the likelihood of the bought product among a session's candidates (a conditional logit; McFadden
1974). How large a network stands beside the weighted sum is chosen by cross-validation over those sessions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch.nn import functional

from shopping_assistant.finetune.mixup_settings import new_to, validation_sessions
from shopping_assistant.tools.bought_together import BoughtTogether
from shopping_assistant.tools.candidates import PARTS, Candidates
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.fused import CHOICE, VARIANTS, Fused, make_candidates
from shopping_assistant.tools.fusion import Scorer
from shopping_assistant.tools.recommender import Recommender
from shopping_assistant.tools.session_encoder import SessionEncoder
from shopping_assistant.tools.sessions import Example
from shopping_assistant.tools.store import Store, write_json

K = 10
BATCH = 64
MOST_EPOCHS = 40
# Sessions whose candidates say how a feature is spread.
STANDARDISED = 2_000


@dataclass(frozen=True)
class FusionConfig:
    """How the weights are learned."""

    seed: int = 1
    sessions: int = 30_000  # validation sessions at most
    hidden: tuple[int, ...] = (0, 24)  # units of the network beside the weighted sum; the best is kept
    folds: int = 4
    steps: int = 2_000
    batch: int = 128  # sessions a step
    learning_rate: float = 0.005
    weight_decay: float = 0.01
    # Weights without each part and of each part alone too, for `python -m shopping_assistant.eval.parts`.
    ablations: bool = False

    def __post_init__(self):
        for name, least in (("sessions", 1), ("folds", 2), ("steps", 1), ("batch", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}: got {getattr(self, name)}, expected {least} or more")
        if not self.hidden or min(self.hidden) < 0:
            raise ValueError(f"hidden: got {list(self.hidden)}, expected one number of units or more, 0 for none")


class FusionTrainingError(ShopError):
    """Nothing to learn weights from."""


@dataclass(frozen=True)
class Evidence:
    """The candidates of validation sessions, padded alike.

    Attributes:
        rows, sources, features: as in `Candidates`, for all sessions; the features in half precision, which twenty
            thousand sessions fit into memory with.
        targets: ``(s,)`` the column of the bought product, -1 where no part named it.
    """

    rows: np.ndarray
    sources: np.ndarray
    features: np.ndarray
    targets: np.ndarray

    def part(self, at: np.ndarray) -> Evidence:
        return Evidence(self.rows[at], self.sources[at], self.features[at], self.targets[at])


def train(store: Store, config: FusionConfig, progress: Callable[[int, int], None] | None = None) -> dict:
    """Count the log, learn the weights, write ``models/fused``; returns the figures of the choice."""
    start = time.perf_counter()
    recommender = Recommender.open(store)
    encoder = SessionEncoder.load(store.model_dir("sessions"))
    together = BoughtTogether.learn(store.catalog(), store.split().train, encoder.attributes)
    models = recommender.models()
    fused = Fused(store, models, make_candidates(store, models.title_vectors, together), None)
    examples = validation_sessions(store, config.sessions)
    if not examples:
        raise FusionTrainingError(
            f"{store.path}: no validation session, expected shoppers with two purchases or more and something done "
            "before; import a longer log"
        )
    evidence = evidence_of(fused, examples, store, progress)
    tried = {h: cross_validated(evidence, fused.maker.names, config, h) for h in config.hidden}
    hidden = max(tried, key=lambda h: (round(tried[h][f"ndcg@{K}"], 6), -h))
    scorer = fit(evidence, fused.maker.names, config, hidden)
    mixed = mixup_ndcg(recommender, examples, store)
    default = "fused" if tried[hidden][f"ndcg@{K}"] >= mixed else "mixup"
    with store.replacing("fused") as folder:
        together.save(folder)
        fused.maker.save(folder)
        scorer.save(folder)
        for name, parts in variants().items() if config.ablations else ():
            (folder / VARIANTS / name).mkdir(parents=True)
            fit(evidence, fused.maker.names, config, hidden, parts).save(folder / VARIANTS / name)
        write_json(folder / CHOICE, {"default": default})
    return {
        "sessions": len(examples),
        "named": round(float((evidence.targets >= 0).mean()), 4),
        "candidates": round(float((evidence.rows >= 0).sum(axis=1).mean()), 1),
        "hidden": hidden,
        **{k: round(v, 6) for k, v in tried[hidden].items()},
        f"ndcg@{K} by hidden units": {str(h): round(v[f"ndcg@{K}"], 6) for h, v in tried.items()},
        f"ndcg@{K} of mixup": round(mixed, 6),
        "default": default,
        "config": asdict(config),
        "seconds": round(time.perf_counter() - start, 1),
    }


def variants() -> dict[str, tuple[str, ...]]:
    """The ablations: all parts but one, and each part alone."""
    without = {f"without-{part}": tuple(p for p in PARTS if p != part) for part in PARTS}
    return {**without, **{f"only-{part}": (part,) for part in PARTS}}


def evidence_of(
    fused: Fused,
    examples: Sequence[Example],
    store: Store,
    progress: Callable[[int, int], None] | None = None,
    with_falcon: bool = True,
) -> Evidence:
    """The candidates of all examples, and where the bought product stands among them."""
    catalog, made = store.catalog(), []
    for at in range(0, len(examples), BATCH):
        part = examples[at : at + BATCH]
        found = fused.candidates([e.history for e in part], [new_to(e, catalog) for e in part], with_falcon=with_falcon)
        made.append(Candidates(found.rows, found.sources, found.features.astype(np.float16)))
        if progress:
            progress(min(at + BATCH, len(examples)), len(examples))
    width = max(m.rows.shape[1] for m in made)

    def joined(name: str, fill: int) -> np.ndarray:
        parts = [getattr(m, name) for m in made]
        return np.concatenate(
            [
                np.pad(p, [(0, 0), (0, width - p.shape[1])] + [(0, 0)] * (p.ndim - 2), constant_values=fill)
                for p in parts
            ]
        )

    rows = joined("rows", -1)
    hit = rows == np.array([catalog.index(e.target) for e in examples])[:, None]
    targets = np.where(hit.any(axis=1), hit.argmax(axis=1), -1)
    return Evidence(rows, joined("sources", 0), joined("features", 0), targets)


def fit(
    evidence: Evidence, names: Sequence[str], config: FusionConfig, hidden: int, parts: Sequence[str] = PARTS
) -> Scorer:
    """The weights under which the bought products are likeliest."""
    torch.manual_seed(config.seed)
    scorer = Scorer(names, hidden, parts)
    counts = scorer.counts(evidence.rows, evidence.sources)
    column = np.maximum(evidence.targets, 0)[:, None]
    usable = np.flatnonzero((evidence.targets >= 0) & np.take_along_axis(counts, column, axis=1)[:, 0])
    features, mask = torch.from_numpy(evidence.features), torch.from_numpy(counts)
    targets = torch.from_numpy(evidence.targets)
    rng = np.random.default_rng(config.seed)
    some = rng.permutation(len(features))[:STANDARDISED]
    scorer.standardise(features[some][mask[some]].float())
    optimizer = torch.optim.AdamW(scorer.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    # Few sessions are not gone over more than so often: the network would learn them by heart.
    steps = min(config.steps, MOST_EPOCHS * -(-len(usable) // config.batch))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, steps))
    for at in _drawn(usable, config.batch, steps, rng):
        scores = scorer(features[at].float()).masked_fill(~mask[at], -torch.inf)
        optimizer.zero_grad()
        functional.cross_entropy(scores, targets[at]).backward()
        optimizer.step()
        schedule.step()
    return scorer.eval()


def _drawn(usable: np.ndarray, batch: int, steps: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """``steps`` batches of sessions, each session once before any comes again."""
    left: list[np.ndarray] = []
    for _ in range(steps):
        left = left or np.array_split(rng.permutation(usable), -(-len(usable) // batch))
        yield left.pop()


def cross_validated(
    evidence: Evidence, names: Sequence[str], config: FusionConfig, hidden: int, parts: Sequence[str] = PARTS
) -> dict[str, float]:
    """recall@10 and ndcg@10 on sessions whose weights were learned from the other folds."""
    fold = np.random.default_rng(config.seed).permutation(len(evidence.rows)) % config.folds
    ranks = np.zeros(len(evidence.rows), dtype=np.int64)
    for f in range(config.folds):
        scorer = fit(evidence.part(np.flatnonzero(fold != f)), names, config, hidden, parts)
        held = np.flatnonzero(fold == f)
        ranks[held] = ranks_of(scorer, evidence.part(held))
    return figures(ranks)


def ranks_of(scorer: Scorer, evidence: Evidence) -> np.ndarray:
    """The 1-based rank of each session's bought product among its candidates, 0 where it is none."""
    parts = (
        evidence.part(np.arange(at, min(at + 512, len(evidence.rows))))
        for at in range(0, max(1, len(evidence.rows)), 512)
    )
    scores = np.concatenate([scorer.scores(p.features.astype(np.float32), p.rows, p.sources) for p in parts])
    own = np.take_along_axis(scores, np.maximum(evidence.targets, 0)[:, None], axis=1)
    ahead = (scores > own) | ((scores == own) & (evidence.rows < np.take_along_axis(
        evidence.rows, np.maximum(evidence.targets, 0)[:, None], axis=1)))  # fmt: skip
    ranks = 1 + (ahead & (evidence.rows >= 0)).sum(axis=1)
    return np.where((evidence.targets >= 0) & np.isfinite(own[:, 0]), ranks, 0)


def figures(ranks: np.ndarray) -> dict[str, float]:
    hit = (ranks > 0) & (ranks <= K)
    gain = np.where(hit, 1 / np.log2(np.maximum(ranks, 1) + 1), 0.0)
    return {f"recall@{K}": float(hit.mean()), f"ndcg@{K}": float(gain.mean())}


def mixup_ndcg(recommender: Recommender, examples: Sequence[Example], store: Store, most: int = 2_000) -> float:
    """ndcg@10 of the mixed list on the first ``most`` of these sessions; its own settings were chosen on them."""
    catalog, ranks = store.catalog(), []
    size = max(1, min(BATCH, 8_000_000 // len(catalog)))
    for at in range(0, min(most, len(examples)), size):
        part = examples[at : at + size]
        scores = recommender.scores([e.history for e in part], ("mixup",), [new_to(e, catalog) for e in part])["mixup"]
        own = scores[np.arange(len(part)), [catalog.index(e.target) for e in part]]
        ranks += (1 + (scores > own[:, None]).sum(axis=1)).tolist()
    return figures(np.array(ranks))[f"ndcg@{K}"]
