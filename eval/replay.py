"""Logged sessions through the recommender: each session's target ranked among its candidates.

However long the log is, it is read as a stream, cut by shopper into parts on disk, and ranked a batch of sessions at a
time; each batch's runs are written when it is done.
"""

from __future__ import annotations

import hashlib
import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from shopping_assistant.eval import engines
from shopping_assistant.eval.allowed import log_products
from shopping_assistant.eval.asked import Asked, Batch, Training, ask, cut_of
from shopping_assistant.eval.baselines import AGENT, TEXT_SEQUENCES, refuse_unknown, usual_systems
from shopping_assistant.eval.log_parts import LogParts, LogSource, open_log, store_log
from shopping_assistant.eval.protocol import CANDIDATES, Candidates, Part, Protocol, SplitName
from shopping_assistant.eval.rank_sessions import BATCH, BATCH_CELLS, ReplayJob, rank_sessions
from shopping_assistant.eval.runs import Done, Run, RunsFolder, alone, make_folder
from shopping_assistant.eval.score import figures
from shopping_assistant.eval.sequence_baselines import kept_digest, refuse_other_questions
from shopping_assistant.tools.sessions import Example
from shopping_assistant.tools.store import Store

__all__ = ["agent_sample", "rank_sessions", "replay"]

TOP = 100  # product ids kept for each session in a runs folder
MADE_FROM = ("catalog", "events", "search", "titles", "ids", "recommender", "mixup", "sessions", "fused")
# What not every store has; one without them is described as it was before they came.
MADE_FROM_TOO = TEXT_SEQUENCES
# A conversation a session takes seconds; `sample` asks for more. Each batch of them opens an assistant of its own.
AGENT_SAMPLE, AGENT_BATCH = 50, 25

Progress = Callable[[int, int], None]


def replay(
    store: Store,
    systems: Sequence[str] | None = None,
    *,
    events: LogSource = None,
    split: SplitName = "leave-one-out",
    candidates: str = "all",
    exclude_history: bool = True,
    min_items: int = 3,
    sample: int | None = None,
    seed: int = 1,
    part: Part = "test",
    out: Path | str | None = None,
    workers: int = 1,
    engine: str = "processes",
    progress: Progress | None = None,
    k: int = 10,
    agent_sessions: int | None = None,
) -> dict:
    """Replay a log and score it.

    Args:
        systems: names of `baselines.ALL_SYSTEMS`; by default `baselines.usual_systems`.
        events: another log to replay against this store (a frame, csv, jsonl, parquet, or a conversations.sqlite); by
            default the store's own.
        candidates: all, bought, available, available-then, category, or a file with one product id a line.
        min_items: shoppers with fewer distinct products bought are left out, and counted in the protocol.
        out: a folder for the runs; an interrupted replay continues there.
        workers: how many processes rank; the figures are the same for any number of them.
        engine: ``processes`` of this machine, or ``ray``.
        progress: called with (rankings done, rankings in all).
        agent_sessions: how many of the sessions the agent plays, a second or two each; by default all of an explicit
            ``sample``, else `AGENT_SAMPLE`.

    Returns:
        ``{"store", "sessions", "systems": {name: {metric: mean, "ci95", "cohorts", "sessions_per_second", …}},
        "comparisons", "protocol"}``. ``protocol["trained_on"]`` says whether the models may have seen the answers: the
        store's training withholds the leave-one-out purchases only.

    Raises:
        ReplayError: settings that make no sense, nothing to replay, or a worker that died.
        LeakError: a history that holds its own answer.
        RunError: ``out`` holds the runs of another replay.
    """
    systems = usual_systems(store) if systems is None else systems
    refuse_unknown(systems)
    engines.refuse_engine(engine, workers)
    protocol = Protocol(split, part, str(candidates), exclude_history, min_items, sample, k, seed)
    refuse_other_questions(protocol, systems, own_log=events is None)
    with _scratch(out) as scratch:
        job, asked = _prepare(store, protocol, events, scratch, top=max(TOP, k) if out else k)
        about = _about(store, protocol, asked, job, events)
        folder = RunsFolder(scratch / "runs" if out is None else out, about)
        done = folder.done()
        # The agent comes last, as it does in a runs folder.
        names = sorted(systems, key=lambda name: name == AGENT)
        played = agent_sample(len(asked), sample, seed, agent_sessions) if AGENT in names else []
        total = len(asked) * sum(name != AGENT for name in names) + len(played)
        made = sum(done.count(name) for name in names)
        for runs in engines.run(job, _todo(asked, job, names, played, done), engine, workers):
            new = _new(runs, done)
            folder.append(new)
            made += len(new)
            if progress:
                progress(made, total)
        folder.finish()
        return figures(about, itertools.chain.from_iterable(folder.runs(name) for name in names))


def _prepare(store: Store, protocol: Protocol, events: LogSource, scratch: Path, top: int) -> tuple[ReplayJob, Asked]:
    """Cut the log into parts, find its sessions, and say what a worker needs."""
    own = events is None
    opened = open_log(events, store, scratch / "rows")
    log = LogParts.cut(opened, scratch / "log")
    training = Training(scratch / "training", store.path)
    if not own:
        its_own = LogParts.cut(store_log(store), scratch / "own")
        training = Training.withheld_from(its_own, training.folder, store)
    asked = ask(log, protocol, training, scratch / "asked", own)
    products = None
    if protocol.candidates in ("bought", "available-then"):
        known = [opened]
        if protocol.candidates == "available-then":
            known += [] if own else [store_log(store)]
            known.append(store_log(store, "background"))
        products = scratch / "products.parquet"
        log_products(pl.concat(known)).write_parquet(products)
    cut = cut_of(log, protocol)
    return ReplayJob(store.path, protocol, log, cut, training, products, top, opened=store), asked


def _todo(asked: Asked, job: ReplayJob, names: Sequence[str], played: Sequence[int], done: Done) -> Iterator[Batch]:
    """The batches in which a system has not ranked a session yet, with those systems."""
    size = max(1, min(BATCH, BATCH_CELLS // len(job.opened.catalog())))
    groups = [(asked.batches(size), [name for name in names if name != AGENT])]
    if len(played):
        groups.append((asked.batches(AGENT_BATCH, np.array(played)), [AGENT]))
    for batches, among in groups:
        for batch in batches:
            missing = tuple(name for name in among if done.missing(name, batch.keys))
            if missing:
                yield replace(batch, systems=missing)


def _new(runs: list[Run], done: Done) -> list[Run]:
    """Those that an interrupted replay has not written already."""
    of_system: dict[str, set] = {}
    for name in {run.system for run in runs}:
        of_system[name] = set(done.missing(name, [run.key for run in runs if run.system == name]))
    return [run for run in runs if run.key in of_system[run.system]]


def agent_sample(
    sessions: int | Sequence[Example], sample: int | None, seed: int, most: int | None = None
) -> list[int]:
    """Which sessions the agent plays, ascending: ``most`` of them, else all of an explicit sample or `AGENT_SAMPLE`."""
    count = sessions if isinstance(sessions, int) else len(sessions)
    if most is None:
        most = AGENT_SAMPLE if sample is None else count
    if count <= most:
        return list(range(count))
    return sorted(np.random.default_rng(seed).permutation(count)[:most].tolist())


@contextmanager
def _scratch(out: Path | str | None) -> Iterator[Path]:
    """A folder for the parts of the log: beside the runs, where there is room for them, else a temporary one.

    What a killed replay left beside its runs is removed by the one that continues it.
    """
    if out is None:
        with tempfile.TemporaryDirectory(prefix="replay-") as folder:
            yield Path(folder)
        return
    beside = Path(out).absolute()
    missing = [p for p in (beside.parent, *beside.parent.parents) if not p.exists()]
    folder = beside.with_name(f".{beside.name}.log")
    try:
        with alone(beside):
            shutil.rmtree(folder, ignore_errors=True)
            make_folder(folder)
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    finally:
        for parent in missing:  # a replay that could not start leaves nothing
            if parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()


def _about(store: Store, protocol: Protocol, asked: Asked, job: ReplayJob, events: LogSource) -> dict:
    """What a runs folder says of itself; runs continue only where all of this is the same."""
    return {
        "store": str(store.path),
        "sessions": len(asked),
        "protocol": {
            **protocol.as_dict(),
            "events": "the store's" if events is None else "given" if isinstance(events, pl.DataFrame) else str(events),
            "left_out": asked.left_out,
            "trained_on": asked.trained_on,
            "targets_in_training": asked.targets_in_training,
        },
        **_candidates_file(protocol),
        "products": Candidates(store.catalog(), protocol, job.log_products()).products,
        "made_from": _made_from(store),
        "questions": asked.digest,
    }


def _candidates_file(protocol: Protocol) -> dict:
    """What a file of candidates says; its name alone would let ranks among other products be continued."""
    if protocol.candidates in CANDIDATES:
        return {}
    return {"candidates_file": hashlib.sha256(Path(protocol.candidates).read_bytes()).hexdigest()}


def _made_from(store: Store) -> str:
    """Changes when anything does that a system of this store answers from."""
    made = store.digest(*MADE_FROM, *(name for name in MADE_FROM_TOO if store.has(name)))
    ranks = kept_digest(store)
    return hashlib.sha256(f"{made} {ranks}".encode()).hexdigest() if ranks else made
