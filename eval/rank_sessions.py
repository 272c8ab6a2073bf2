"""Sessions ranked by systems: what a replay's worker does with a batch."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Protocol as Interface

import numpy as np
import polars as pl

from shopping_assistant.eval.allowed import Allowed
from shopping_assistant.eval.asked import Batch, Training, examples_of
from shopping_assistant.eval.baselines import AGENT, RECBOLE, RECOMMENDER, RankedBefore, Ranker, open_rankers
from shopping_assistant.eval.log_parts import LogParts
from shopping_assistant.eval.metrics import target_ranks
from shopping_assistant.eval.protocol import Candidates, Protocol
from shopping_assistant.eval.ranking import Vectors, ranked
from shopping_assistant.eval.runs import Run
from shopping_assistant.tools.mixup import top_k
from shopping_assistant.tools.sessions import Example, empty_events
from shopping_assistant.tools.store import Store

# Scores and masks of one batch: at 105,542 products 64 histories × 4 systems are 110 MB.
BATCH, BATCH_CELLS = 64, 8_000_000
# Systems that read the training log as a stream or not at all; for the others it is brought into memory.
LIGHT = ("popularity", "bm25", "vectors", "search", *RECBOLE, *RECOMMENDER)

Placed = tuple[np.ndarray, Sequence[np.ndarray]]  # ranks (b,), and the rows of each list's first places


class OfLists(Interface):
    """Figures of a list that need the catalogue; `beyond_accuracy.BeyondAccuracy` is one."""

    def of_list(self, rows: np.ndarray) -> dict[str, float]: ...


def rank_sessions(
    ranker: Ranker | RankedBefore,
    examples: Sequence[Example],
    cohorts: Sequence[tuple[str, ...]],
    among: Candidates,
    *,
    top: int = 0,
    skip: Collection[tuple[str, str]] = (),
) -> Iterator[tuple[int, list[Run]]]:
    """Rank every session's target under each of the ranker's names, a batch at a time.

    Args:
        top: how many product ids to keep of each list.
        skip: (session, shopper) that are ranked already.

    Yields:
        How many sessions are done with this batch, and its runs, session by session.
    """
    todo = [i for i, e in enumerate(examples) if (e.session_id, e.user_id) not in skip]
    if len(todo) < len(examples):
        yield len(examples) - len(todo), []
    size = max(1, min(BATCH, BATCH_CELLS // len(among.catalog)))
    for start in range(0, len(todo), size):
        rows = todo[start : start + size]
        runs = rank_batch(ranker, [examples[i] for i in rows], [cohorts[i] for i in rows], among, top=top)
        yield len(rows), runs


def rank_batch(
    ranker: Ranker | RankedBefore,
    examples: Sequence[Example],
    cohorts: Sequence[tuple[str, ...]],
    among: Candidates,
    *,
    top: int = 0,
    k: int = 10,
    of_lists: OfLists | None = None,
) -> list[Run]:
    """One batch's runs under each of the ranker's names, session by session.

    Args:
        k: how many first places ``list_figures`` are about.
        of_lists: where given, they are made.
    """
    began = time.perf_counter()
    allowed = among.of(examples)
    placed = _placed(ranker, examples, allowed, top)
    ms = round((time.perf_counter() - began) * 1000 / len(examples), 3)
    runs = []
    for b, (e, groups) in enumerate(zip(examples, cohorts, strict=True)):
        for name in ranker.names:
            ranks, tops = placed[name]
            rows = np.asarray(tops[b][:top] if top else (), dtype=np.int64)
            ids = tuple(among.catalog.ids[r] for r in rows)
            told = {} if of_lists is None else list_figures(rows[:k], b, allowed, of_lists, k)
            rank = int(ranks[b]) or None
            runs.append(Run(e.session_id, e.user_id, name, e.target, rank, groups, ms, ids, list_figures=told))
    return runs


def _placed(
    ranker: Ranker | RankedBefore, examples: Sequence[Example], allowed: Allowed, top: int
) -> dict[str, Placed]:
    if hasattr(ranker, "ranked"):
        return ranker.ranked(examples, allowed)
    masks = allowed.masks()
    # A language model that may write nothing cannot write: such a session's target has no rank in any case.
    writable = masks | ~masks.any(axis=1, keepdims=True)
    lists = getattr(ranker, "lists", ranker.scores)([e.history for e in examples], writable)
    placed: dict[str, Placed] = {}
    for name in ranker.names:
        if isinstance(lists[name], Vectors):
            placed[name] = ranked(lists[name], allowed, allowed.targets, top)
        else:
            scores = np.asarray(lists[name], dtype=np.float32)
            tops = [top_k(s, top, m) for s, m in zip(scores, masks, strict=True)] if top else [()] * len(masks)
            placed[name] = target_ranks(scores, masks, allowed.targets), tops
    return placed


def list_figures(rows: np.ndarray, session: int, allowed: Allowed, of_lists: OfLists, k: int) -> dict[str, float]:
    """Figures of one list's first k ``rows``; it broke a constraint when a row is no candidate of its session."""
    told = {name: float(value) for name, value in of_lists.of_list(rows).items()}
    if len(rows):
        fine = allowed.has(np.full(len(rows), session), rows) & ~np.isin(rows, allowed.excluded[session])
        told[f"broke_constraint@{k}"] = float(not fine.all())
    return told


@dataclass(frozen=True)
class ReplayJob:
    """What a worker needs to rank any batch of a replay; small, so that it can be sent to other processes.

    Attributes:
        products: where `allowed.log_products` of the logs lies, where the candidates depend on it.
        top: product ids kept of each list.
        opened: the store, in the process that has opened it.
    """

    store: Path
    protocol: Protocol
    log: LogParts
    cut: datetime | None
    training: Training
    products: Path | None
    top: int
    opened: Store | None = field(default=None, compare=False)

    def __getstate__(self) -> dict:
        return {**self.__dict__, "opened": None}

    def log_products(self) -> pl.DataFrame:
        return pl.read_parquet(self.products) if self.products else empty_events()

    def open(self) -> SessionRanker:
        return SessionRanker(self)


class SessionRanker:
    """One process's worker. A system's models are opened at the first batch that asks for it."""

    def __init__(self, job: ReplayJob):
        from shopping_assistant.eval.beyond_accuracy import BeyondAccuracy
        from shopping_assistant.eval.cohorts import Cohorts

        self._job = job
        self._store = job.opened or Store.open(job.store)
        catalog = self._store.catalog()
        train = job.training.lazy()
        self._among = Candidates(catalog, job.protocol, job.log_products())
        self._cohorts = Cohorts(catalog, train)
        self._of_lists = BeyondAccuracy(catalog, train, job.protocol.k)
        self._rankers: dict[tuple[str, ...], list[Ranker | RankedBefore]] = {}
        self._part: tuple[int, pl.DataFrame] | None = None

    @cached_property
    def _train(self) -> pl.DataFrame:
        return self._job.training.frame()

    def rank(self, batch: Batch) -> list[Run]:
        """All runs of a batch's systems, session by session."""
        job = self._job
        if self._part is None or self._part[0] != batch.part:
            self._part = batch.part, job.log.frame(batch.part)
        examples = examples_of(self._part[1], batch, job.protocol, job.cut)
        cohorts = [self._cohorts.of(e) for e in examples]
        if batch.systems == (AGENT,):
            from shopping_assistant.eval.replay_agent import play_sessions  # LangGraph

            return [run for _, runs in play_sessions(self._store, self._train, examples, cohorts) for run in runs]
        runs: dict[str, list[Run]] = {}
        for ranker in self._open(batch.systems):
            made = rank_batch(
                ranker, examples, cohorts, self._among, top=job.top, k=job.protocol.k, of_lists=self._of_lists
            )
            for run in made:
                runs.setdefault(run.system, []).append(run)
        return [run for session in zip(*(runs[name] for name in batch.systems), strict=True) for run in session]

    def _open(self, systems: tuple[str, ...]) -> list[Ranker | RankedBefore]:
        if systems not in self._rankers:
            train = self._job.training.lazy() if set(systems) <= set(LIGHT) else self._train
            self._rankers = {systems: open_rankers(self._store, systems, train)}
        return self._rankers[systems]
