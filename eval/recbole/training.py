"""One baseline on one split: a search by successive halving, early stopping on validation, the ranks of both parts.

Time is processor time of this process, so a busy machine does not shorten a training.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from models import Baseline
from sequences import Histories, Split, batches, ndcg, table, target_ranks

# Searched: the learning rate and the dropout. The rest stays at the published values.
_DROPOUT = {
    "SASRec": {"hidden_dropout_prob": 0.2, "attn_dropout_prob": 0.2},
    "CORE": {"hidden_dropout_prob": 0.2, "attn_dropout_prob": 0.2},
    "GRU4Rec": {"dropout_prob": 0.5},
    "BERT4Rec": {"hidden_dropout_prob": 0.1, "attn_dropout_prob": 0.1},
}
# Events read a step. The masked model learns a fifth of what it reads.
BATCH = {"BERT4Rec": 1536}
DEFAULT_BATCH = 512
PATIENCE = 8  # checks without a better validation figure before a training ends; SASRec stands still at first
SAMPLE = 2000  # users of a check; the figure kept with the ranks is of all
RUNG = 0.1  # share of the budget that a setting gets between two halvings


def search_space(name: str) -> list[dict]:
    """The settings that are tried: ``learning_rate`` and RecBole's own names."""
    space = [{"learning_rate": 1e-3}, {"learning_rate": 3e-3}]
    if name in _DROPOUT:
        space.append({"learning_rate": 3e-3, **_DROPOUT[name]})
    return space


@dataclass
class Training:
    """A model in training, which can be taken further: the best state so far is kept."""

    name: str
    split: Split
    longest: int
    setting: dict
    seed: int
    spent: float = 0.0
    epochs: float = 0.0
    best: float = -1.0
    best_epoch: float = 0.0
    stale: int = 0
    state: dict = field(default_factory=dict)

    def __post_init__(self):
        own = {k: v for k, v in self.setting.items() if k != "learning_rate"}
        self.baseline = Baseline(self.name, len(self.split.vocabulary), self.longest, own, self.seed)
        self.optimizer = torch.optim.Adam(
            self.baseline.model.parameters(), lr=self.setting["learning_rate"], fused=True
        )
        self.rng = np.random.default_rng(self.seed)
        self.stream = self._endless()
        # The same users at every check and in every setting.
        self.checked = self.split.validation.sample(SAMPLE, np.random.default_rng(0))

    @property
    def finished(self) -> bool:
        return self.stale >= PATIENCE

    def advance(self, seconds: float, say: Callable[[str], None]) -> None:
        """Train for `seconds` more of processor time, or until `PATIENCE` checks brought nothing.

        Checks the validation sample after each epoch, and at the end of the time.
        """
        end = self.spent + seconds
        while self.spent < end and not self.finished:
            began = time.process_time()
            left = end - self.spent
            whole_epoch = False
            self.baseline.model.train()
            while not whole_epoch and time.process_time() - began < left:
                rows, width, share, whole_epoch = next(self.stream)
                windows = self.split.training
                sequences, taught = windows.rows(rows, width)
                self.optimizer.zero_grad()
                self.baseline.loss(sequences, windows.first[rows], taught).backward()
                self.optimizer.step()
                self.epochs += share
            self._check()
            self.spent += time.process_time() - began
            say(f"{self.setting} epoch {self.epochs:.1f} cpu {self.spent:.0f} s: ndcg@10 of the sample {self.last:.4f}")

    def _check(self) -> None:
        self.last = ndcg(rank_all(self.baseline, self.checked, self.split.counts))
        if self.last > self.best:
            self.best, self.best_epoch, self.stale = self.last, self.epochs, 0
            self.state = copy.deepcopy(self.baseline.model.state_dict())
        else:
            self.stale += 1

    def _endless(self):
        windows = self.split.training
        while True:
            size = BATCH.get(self.name, DEFAULT_BATCH)
            epoch = list(batches(windows.lengths, size, self.longest + 1, self.rng))
            for n, (rows, width) in enumerate(epoch, start=1):
                yield rows, width, 1 / len(epoch), n == len(epoch)


def fit(
    name: str, split: Split, longest: int, settings: list[dict], seed: int, seconds: float, say: Callable[[str], None]
) -> tuple[Training, list[dict]]:
    """Train `settings` in turns and halve them, best first, until one is left; it gets the time that remains.

    Returns:
        The training that won, with its best state loaded, and a line for each setting: what it reached in what time.
    """
    trainings = [Training(name, split, longest, s, seed) for s in settings]
    left, running = seconds, list(trainings)
    while len(running) > 1:
        for training in running:
            before = training.spent
            training.advance(RUNG * seconds, say)
            left -= training.spent - before
        running = sorted(running, key=lambda t: -t.best)[: (len(running) + 1) // 2]
    running[0].advance(left, say)
    tried = [
        {"setting": t.setting, "ndcg@10 of the sample": t.best, "epochs": t.epochs, "minutes": t.spent / 60}
        for t in trainings
    ]
    running[0].baseline.model.load_state_dict(running[0].state)
    return running[0], tried


def scored(baseline: Baseline, histories: Histories, counts: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows and their scores ``(some rows, vocabulary)``, until all rows had theirs; users without a known item get the
    items in order of popularity."""
    baseline.model.eval()
    # 256 rows at a time for the longest histories: scores of all items for more would not stay in a small memory.
    for rows, width in batches(histories.lengths, 12800, baseline.longest):
        starts = histories.ends[rows] - histories.lengths[rows]
        read = table(histories.flat, starts, histories.lengths[rows], width)
        for at in range(0, len(rows), 256):
            some = rows[at : at + 256]
            yield some, baseline.scores(read[at : at + 256], histories.lengths[some])
    bare = np.flatnonzero(histories.lengths == 0)
    for at in range(0, len(bare), 256):
        some = bare[at : at + 256]
        yield some, np.repeat(counts[None].astype(np.float32), len(some), axis=0)


def rank_all(baseline: Baseline, histories: Histories, counts: np.ndarray) -> np.ndarray:
    """``(rows,)`` rank of each target, as `target_ranks` says."""
    ranks = np.zeros(len(histories), dtype=np.int64)
    for some, scores in scored(baseline, histories, counts):
        ranks[some] = target_ranks(scores, histories, some)
    return ranks
