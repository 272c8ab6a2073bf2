"""Logged sessions through the recommender: each session's target ranked among its candidates."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from shopping_assistant.eval.baselines import AGENT, Ranker, open_rankers, refuse_unknown, usual_systems
from shopping_assistant.eval.cohorts import cohorts_of
from shopping_assistant.eval.metrics import target_ranks
from shopping_assistant.eval.protocol import (
    Candidates,
    Part,
    Protocol,
    Questions,
    SplitName,
    questions,
    read_log,
)
from shopping_assistant.eval.runs import Run, RunsFolder
from shopping_assistant.eval.score import figures
from shopping_assistant.tools.mixup import top_k
from shopping_assistant.tools.sessions import Example
from shopping_assistant.tools.store import Store

TOP = 100  # product ids kept for each session in a runs folder
# Scores and masks of one batch: at 105,542 products 64 histories × 4 systems are 110 MB.
BATCH, BATCH_CELLS = 64, 8_000_000
MADE_FROM = ("catalog", "events", "search", "titles", "ids", "recommender", "mixup", "sessions", "fused")
AGENT_SAMPLE = 50  # a conversation a session takes seconds; `sample` asks for more

Progress = Callable[[int, int], None]


def replay(
    store: Store,
    systems: Sequence[str] | None = None,
    *,
    events: pl.DataFrame | Path | str | None = None,
    split: SplitName = "leave-one-out",
    candidates: str = "all",
    exclude_history: bool = True,
    min_items: int = 3,
    sample: int | None = None,
    seed: int = 1,
    part: Part = "test",
    out: Path | str | None = None,
    progress: Progress | None = None,
    k: int = 10,
) -> dict:
    """Replay a log and score it.

    Args:
        systems: names of `baselines.ALL_SYSTEMS`; by default `baselines.usual_systems`.
        events: another log to replay against this store (a frame, csv, jsonl, parquet, or a conversations.sqlite); by
            default the store's own.
        candidates: all, bought, available, category, or a file with one product id a line.
        min_items: shoppers with fewer distinct products bought are left out, and counted in the protocol.
        out: a folder for the runs; an interrupted replay continues there.
        progress: called with (rankings done, rankings in all).

    Returns:
        ``{"store", "sessions", "systems": {name: {metric: mean, "ci95", "cohorts", "sessions_per_second", …}},
        "protocol"}``. ``protocol["trained_on"]`` says whether the models may have seen the answers: the store's
        training withholds the leave-one-out purchases only.

    Raises:
        ReplayError: settings that make no sense, or nothing to replay.
        LeakError: a history that holds its own answer.
        RunError: ``out`` holds the runs of another replay.
    """
    systems = usual_systems(store) if systems is None else systems
    refuse_unknown(systems)
    protocol = Protocol(split, part, str(candidates), exclude_history, min_items, sample, k, seed)
    own = store.events()
    log = own if events is None else read_log(events, store.catalog())
    withheld = store.split()
    train = withheld.train
    asked = questions(log, protocol, train, withheld if events is None else None)
    about = _about(store, protocol, asked, log, events)
    folder = RunsFolder(out, about) if out is not None else None

    trained = set(train["product_id"].drop_nulls().to_list())
    cohorts = [cohorts_of(example, trained) for example in asked.examples]
    among = Candidates(store.catalog(), protocol, log)
    played = agent_sample(asked.examples, sample, seed) if AGENT in systems else []
    runs = folder.done() if folder else []
    by_system = {name: {run.key for run in runs if run.system == name} for name in systems}
    # What a finished folder holds is scored without opening a model.
    rankers = open_rankers(store, [n for n in systems if len(by_system[n]) < len(asked.examples)], train)
    total = len(asked.examples) * len(rankers) + len(played)

    def steps() -> Iterator[tuple[int, list[Run]]]:
        for ranker in rankers:
            skip = set.intersection(*(by_system[name] for name in ranker.names))
            yield from rank_sessions(ranker, asked.examples, cohorts, among, top=TOP if folder else 0, skip=skip)
        if played:
            from shopping_assistant.eval.replay_agent import play_sessions  # LangGraph

            examples, names = [asked.examples[i] for i in played], [cohorts[i] for i in played]
            yield from play_sessions(store, train, examples, names, skip=by_system[AGENT])

    done = 0
    for sessions, batch in steps():
        done += sessions
        new = [run for run in batch if run.key not in by_system[run.system]]
        if folder and new:
            folder.append(new)
        runs += new
        if progress:
            progress(done, total)
    if folder:
        folder.finish()
    return figures(about, [run for name in systems for run in runs if run.system == name])


def rank_sessions(
    ranker: Ranker,
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
        batch = [examples[i] for i in rows]
        began = time.perf_counter()
        targets, masks = among.targets(batch), among.masks(batch)
        # A language model that may write nothing cannot write: such a session's target has no rank in any case.
        writable = masks | ~masks.any(axis=1, keepdims=True)
        scored = ranker.scores([e.history for e in batch], writable)
        scored = {name: np.asarray(scored[name], dtype=np.float32) for name in ranker.names}
        ranks = {name: target_ranks(scores, masks, targets).tolist() for name, scores in scored.items()}
        ms = round((time.perf_counter() - began) * 1000 / len(batch), 3)
        runs: list[Run] = []
        for b, (row, e) in enumerate(zip(rows, batch, strict=True)):
            for name, scores in scored.items():
                best = top_k(scores[b], top, masks[b]) if top else ()
                ids = tuple(among.catalog.ids[r] for r in best)
                runs.append(Run(e.session_id, e.user_id, name, e.target, ranks[name][b] or None, cohorts[row], ms, ids))
        yield len(batch), runs


def agent_sample(examples: Sequence[Example], sample: int | None, seed: int) -> list[int]:
    """Which sessions the agent plays: all of an explicit sample, else `AGENT_SAMPLE` of them."""
    if sample is not None or len(examples) <= AGENT_SAMPLE:
        return list(range(len(examples)))
    return sorted(np.random.default_rng(seed).permutation(len(examples))[:AGENT_SAMPLE].tolist())


def _about(
    store: Store, protocol: Protocol, asked: Questions, log: pl.DataFrame, events: pl.DataFrame | Path | str | None
) -> dict:
    """What a runs folder says of itself; runs continue only where all of this is the same."""
    questions_asked = hashlib.sha256()
    for e in asked.examples:
        questions_asked.update(repr((e.session_id, e.user_id, e.target, len(e.history), e.timestamp)).encode())
    return {
        "store": str(store.path),
        "sessions": len(asked.examples),
        "protocol": {
            **protocol.as_dict(),
            "events": "the store's" if events is None else "given" if isinstance(events, pl.DataFrame) else str(events),
            "left_out": asked.left_out,
            "trained_on": asked.trained_on,
            "targets_in_training": asked.targets_in_training,
        },
        "made_from": store.digest(*MADE_FROM),
        "questions": questions_asked.hexdigest(),
    }
