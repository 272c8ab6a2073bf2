"""Logged sessions played through the agent itself: its searches are typed, its clicks clicked, then it is asked."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.eval.baselines import AGENT
from shopping_assistant.eval.beyond_accuracy import BeyondAccuracy
from shopping_assistant.eval.broken_constraints import first_broken
from shopping_assistant.eval.runs import Run
from shopping_assistant.tools.judgements import VERDICT_OF
from shopping_assistant.tools.sessions import Event, Example, frame_of, write_events
from shopping_assistant.tools.store import Store

# One sentence for everybody. Asking for advice on the shopper's own query again ("red boots, what would you …") showed
# the target a little more often and much lower: docs/experiments.md, 21 November 2026.
REQUEST = "What would you recommend for me?"


class Clock:
    """The time in a played conversation: each reading is a second later, so that no two events share a moment."""

    def __init__(self, start: datetime):
        self.at = start

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


def play_sessions(
    store: Store,
    train: pl.DataFrame,
    examples: Sequence[Example],
    cohorts: Sequence[tuple[str, ...]],
    *,
    skip: Collection[tuple[str, str]] = (),
) -> Iterator[tuple[int, list[Run]]]:
    """Play each session and see where the agent shows its target.

    The events of the target's own session are played in a conversation, at the times they were logged: a search is
    typed, a click is clicked, a purchase goes into the bag. What the shopper did in earlier sessions stands in the
    shop's log, where the agent finds it for a returning shopper. The rank is the target's place among the products
    shown in answer to `REQUEST`; a target that is not shown has none. A turn that fails is a session without a
    rank, and its cause is kept. ``broke_constraint@k`` is 1 where a product of that answer breaks a constraint which
    the turn itself states and does not say it set aside.

    Thumbs on products that the store keeps of a session (`Store.judgements`) are given again at their times, but for
    those on the target: a like would tell it. Those on replies are not: only the searches of a session are said again,
    so that its replies have other numbers.

    The store's own conversations are not touched, and the log the agent sees holds no withheld purchase.

    Yields:
        1 and the run, for each session.
    """
    played = [e for e in examples if (e.session_id, e.user_id) not in skip]
    if len(played) < len(examples):
        yield len(examples) - len(played), []
    if not played:
        return
    cohort_of = {(e.session_id, e.user_id): names for e, names in zip(examples, cohorts, strict=True)}
    catalog = store.catalog()
    beyond = BeyondAccuracy(catalog, train)
    thumbs = thumbs_of(store)
    with tempfile.TemporaryDirectory(prefix="replay-agent-") as folder:
        lay_out(store, Path(folder), known_before(train, played))
        clock = Clock(played[0].timestamp)
        assistant = Assistant.open(folder, clock=clock)
        try:
            for number, example in enumerate(played):
                began = time.perf_counter()
                given = thumbs.get((example.session_id, example.user_id), ())
                shown, broken, error = _play(assistant, clock, f"replay-{number}", example, given)
                ms = round((time.perf_counter() - began) * 1000, 3)
                rank = shown.index(example.target) + 1 if example.target in shown else None
                run = Run(
                    example.session_id, example.user_id, AGENT, example.target, rank,
                    cohort_of[example.session_id, example.user_id], ms, shown, error,
                    {
                        **beyond.of_list(np.array([catalog.index(p) for p in shown], dtype=np.int64)),
                        f"broke_constraint@{assistant.settings.shown}": float(broken),
                    },
                )  # fmt: skip
                yield 1, [run]
        finally:
            assistant.close()


def known_before(train: pl.DataFrame, examples: Sequence[Example]) -> pl.DataFrame:
    """The log of a shop that has not seen the sessions to be played: training, and these shoppers' earlier sessions."""
    shoppers = [e.user_id for e in examples]
    earlier = [event for e in examples for event in e.history if event.session_id != e.session_id]
    return pl.concat([train.filter(~pl.col("user_id").is_in(shoppers)), frame_of(earlier)])


def lay_out(store: Store, folder: Path, log: pl.DataFrame) -> None:
    """A store in ``folder`` that shares catalogue, models and memory with ``store`` and has its own log and chats."""
    (folder / "store.json").write_bytes((store.path / "store.json").read_bytes())
    for name in ("catalog.parquet", "models", "memory"):
        if (store.path / name).exists():
            (folder / name).symlink_to((store.path / name).resolve())
    write_events(log, folder / "events.parquet")


@dataclass(frozen=True)
class Thumb:
    """A verdict on a product in a logged session."""

    timestamp: datetime
    product_id: str
    verdict: str | None
    position: int | None = None


def thumbs_of(store: Store) -> dict[tuple[str, str], list[Thumb]]:
    """Those on products the shop still has, of each session and shopper, in the order they were given."""
    found: dict[tuple[str, str], list[Thumb]] = {}
    ours = store.judgements().filter(pl.col("product_id").is_in(store.catalog().ids))
    for j in ours.sort("timestamp", maintain_order=True).iter_rows(named=True):
        thumb = Thumb(j["timestamp"], j["product_id"], VERDICT_OF[j["action"]], j["position"])
        found.setdefault((j["session_id"], j["user_id"]), []).append(thumb)
    return found


def played(example: Example, thumbs: Sequence[Thumb]) -> list[Event | Thumb]:
    """What is done in the target's own session before it is bought, in time order; no thumb on the target."""
    session: list[Event | Thumb] = [e for e in example.history if e.session_id == example.session_id]
    session += [t for t in thumbs if t.product_id != example.target and t.timestamp < example.timestamp]
    return sorted(session, key=lambda done: done.timestamp)


def _play(
    assistant: Assistant, clock: Clock, thread: str, example: Example, thumbs: Sequence[Thumb] = ()
) -> tuple[tuple[str, ...], bool, str | None]:
    """The product ids shown in the end, whether one of them breaks a stated constraint, and what went wrong."""
    session = played(example, thumbs)
    clock.at = session[0].timestamp if session else example.timestamp
    try:
        for event in session:
            clock.at = max(clock.at, event.timestamp)  # a turn reads the clock several times
            if isinstance(event, Thumb):
                assistant.judge(thread, event.verdict, product_id=event.product_id, position=event.position)
            elif event.action == "search":
                assistant.turn(thread, event.query, user_id=example.user_id)
            elif event.action == "click":
                assistant.click(thread, event.product_id, event.position)
            else:
                assistant.add_to_bag(thread, event.product_id)
        clock.at = max(clock.at, example.timestamp)
        turn = assistant.turn(thread, REQUEST, user_id=example.user_id)
    except Exception as error:  # whatever a conversation can raise is a result of the replay, not its end
        return (), False, f"{type(error).__name__}: {error}"
    shown = tuple(p["product_id"] for p in turn["products"])
    broken = first_broken(assistant.shelf.catalog, shown, turn["constraints"], turn.get("relaxed", ())) is not None
    failed = [f"{tool['name']}: {tool['error']}" for tool in turn["tools"] if tool["error"]]
    return shown, broken, "; ".join(failed) or None
