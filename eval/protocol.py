"""The protocol of a replay: which purchases are to be foretold, from which history, among which candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import polars as pl

from shopping_assistant.eval.allowed import NEVER, Allowed, availability, microseconds, products_of
from shopping_assistant.tools import importers
from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.sessions import (
    Event,
    Example,
    Split,
    as_events,
    by_user,
    leave_one_out,
    without_clicks_on,
)

SplitName = Literal["leave-one-out", "session", "temporal"]
Part = Literal["test", "validation"]
CANDIDATES = ("all", "bought", "available", "available-then", "category")
TEMPORAL_SHARE = 0.1  # the last tenth of the log's time span is the future of the temporal split


class ReplayError(ShopError):
    """A replay that cannot be run as asked."""


class LeakError(ReplayError):
    """The answer stands in the question: figures from it would mean nothing."""


@dataclass(frozen=True)
class Protocol:
    """What was asked for, as it is echoed. ``candidates`` is one of `CANDIDATES` or a file of product ids."""

    split: SplitName = "leave-one-out"
    part: Part = "test"
    candidates: str = "all"
    exclude_history: bool = True
    min_items: int = 3
    sample: int | None = None
    k: int = 10
    seed: int = 1

    def __post_init__(self):
        if self.split not in get_args(SplitName):
            raise ReplayError(f"split {self.split!r}: expected one of {', '.join(get_args(SplitName))}")
        if self.part not in get_args(Part):
            raise ReplayError(f"part {self.part!r}: expected one of {', '.join(get_args(Part))}")
        if self.part == "validation" and self.split != "leave-one-out":
            raise ReplayError(
                f"part 'validation' with split {self.split!r}: only leave-one-out withholds a validation part"
            )
        for name, least in (("min_items", 1), ("k", 1), ("sample", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ReplayError(f"{name} {value}: expected at least {least}")
        if self.candidates not in CANDIDATES and not Path(self.candidates).is_file():
            raise ReplayError(
                f"candidates {self.candidates!r}: expected one of {', '.join(CANDIDATES)}, "
                "or a file with one product id a line"
            )

    def as_dict(self) -> dict:
        # Every candidate is ranked; nothing is ranked against a sample of negatives (Krichene and Rendle 2020).
        return {**asdict(self), "ranking": "full"}


@dataclass(frozen=True)
class Questions:
    """The sessions to replay, what was left out and why, and how much of the answers the models were trained on."""

    examples: list[Example]
    left_out: dict[str, int]
    trained_on: bool
    targets_in_training: int


def read_log(source: pl.DataFrame | Path | str, catalog: Catalog) -> pl.DataFrame:
    """A log in ``EVENT_SCHEMA`` from a frame, or from a file as `importers.read_log` reads and checks it."""
    return as_events(source) if isinstance(source, pl.DataFrame) else importers.read_log(source, catalog)


def questions(log: pl.DataFrame, protocol: Protocol, train: pl.DataFrame, withheld: Split | None = None) -> Questions:
    """The examples a protocol asks for, sampled with its seed, in a fixed order.

    Args:
        log: the events to replay.
        train: the events the store's models were given.
        withheld: the log's leave-one-out split, where it is made already.

    Raises:
        LeakError: a history holds its own target, or lies after it.
        ReplayError: no session qualifies.
    """
    found = found_in(log, protocol, temporal_cut(log) if protocol.split == "temporal" and len(log) else None, withheld)
    kept, left_out = found.kept, dict(found.left_out)
    if not kept:
        raise nothing_to_replay(protocol, len(log), found.targets)
    chosen = sampled(len(kept), protocol)
    if len(chosen) < len(kept):
        left_out["not in the sample"] = len(kept) - len(chosen)
        kept = [kept[i] for i in chosen]
    for example in kept:
        refuse_leak(example)
    known = set(train.filter(pl.col("action") == "purchase").select("user_id", "product_id").iter_rows())
    in_training = sum((e.user_id, e.target) in known for e in kept)
    future = protocol.split == "temporal" and len(train) and train["timestamp"].max() >= temporal_cut(log)
    return Questions(kept, {why: n for why, n in left_out.items() if n}, bool(in_training or future), in_training)


@dataclass(frozen=True)
class Found:
    """The examples that some shoppers' events hold, in the order of the shoppers' ids, and what was left out."""

    kept: list[Example]
    left_out: dict[str, int]
    targets: int


def found_in(events: pl.DataFrame, protocol: Protocol, cut: datetime | None, withheld: Split | None = None) -> Found:
    """What a protocol asks for in these events, which must hold all that these shoppers did; nothing is sampled.

    Args:
        cut: where the future of the temporal split begins, in the whole log.
        withheld: the leave-one-out split of the events, where it is made already.
    """
    if protocol.split == "leave-one-out":
        split = withheld or leave_one_out(events)
        found, left_out = (split.test if protocol.part == "test" else split.validation), {}
    else:
        examples = _last_of_session(events) if protocol.split == "session" else _after_cut(events, cut)
        found = [e for e in examples if e.history]
        left_out = {"nothing before the purchase": len(examples) - len(found)}
    bought = events.filter(pl.col("action") == "purchase").group_by("user_id").agg(pl.col("product_id").n_unique())
    enough = set(bought.filter(pl.col("product_id") >= protocol.min_items)["user_id"].to_list())
    kept = [e for e in found if e.user_id in enough]
    left_out[f"by shoppers who bought fewer than {protocol.min_items} products"] = len(found) - len(kept)
    return Found(kept, left_out, len(found))


def sampled(sessions: int, protocol: Protocol) -> np.ndarray:
    """Which of so many sessions are replayed, ``(s,)`` int64 ascending."""
    if protocol.sample is None or protocol.sample >= sessions:
        return np.arange(sessions)
    return np.sort(np.random.default_rng(protocol.seed).permutation(sessions)[: protocol.sample])


def nothing_to_replay(protocol: Protocol, events: int, targets: int) -> ReplayError:
    return ReplayError(
        f"no session to replay: {events} events hold {targets} {protocol.split} targets, none by a shopper "
        f"who bought {protocol.min_items} products or more; lower min_items, or give a log with purchases"
    )


def refuse_leak(example: Example) -> None:
    """
    Raises:
        LeakError: the history holds a click on or a purchase of the target, or an event after the target's purchase.
    """
    for event in example.history:
        if event.product_id == example.target:
            raise LeakError(
                f"shopper {example.user_id!r}: the history holds a {event.action} of the target {example.target!r}; "
                "a replay must foretell a purchase from what came before it, without the target"
            )
        if event.timestamp > example.timestamp:
            raise LeakError(
                f"shopper {example.user_id!r}: the history holds an event of {event.timestamp}, after the target's "
                f"purchase at {example.timestamp}; a replay must not look ahead"
            )


def _last_of_session(log: pl.DataFrame) -> list[Example]:
    """Each session's last purchase of a product not bought before, from the session's own earlier events."""
    examples = []
    for _, events in by_user(log):
        sessions: dict[str, list[Event]] = {}
        for event in events:
            sessions.setdefault(event.session_id, []).append(event)
        owned: set[str] = set()
        for session in sessions.values():
            new = [i for i, e in enumerate(session) if e.action == "purchase" and _first(session, i, owned)]
            owned.update(e.product_id for e in session if e.action == "purchase")
            examples += [_example(session, new[-1])] if new else []
    return examples


def _first(session: Sequence[Event], at: int, owned: set[str]) -> bool:
    product = session[at].product_id
    return product not in owned and all(e.action != "purchase" or e.product_id != product for e in session[:at])


def temporal_cut(log: pl.DataFrame) -> datetime:
    return cut_between(log["timestamp"].min(), log["timestamp"].max())


def cut_between(first: datetime, last: datetime) -> datetime:
    """Where the last tenth of a log's time begins."""
    return last - (last - first) * TEMPORAL_SHARE


def _after_cut(log: pl.DataFrame, cut: datetime | None) -> list[Example]:
    """Each user's first purchase in the last tenth of the log's time, of a product not bought before."""
    examples = []
    for _, events in by_user(log):
        for at, event in enumerate(events):
            if event.action == "purchase" and event.timestamp >= cut and _first(events, at, set()):
                examples.append(_example(events, at))
                break
    return examples


def _example(events: Sequence[Event], at: int) -> Example:
    bought = events[at]
    history = without_clicks_on(events[:at], {bought.product_id})
    return Example(bought.user_id, bought.session_id, history, bought.product_id, bought.timestamp)


def _lines_of(file: Path) -> list[str]:
    try:
        return [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise ReplayError(f"candidates {file} cannot be read ({error}); expected UTF-8, a product id a line") from error


class Candidates:
    """Which products each session's target is ranked among.

    ``bought`` are the products bought anywhere in the replayed log, targets included: leaving them out would make
    every new item impossible. ``available`` is the catalogue's own word of today; ``available-then`` are the products
    that could be bought at the target's time: by the catalogue's dates where it has them, else from their first
    appearance in a log. ``category`` is the target's category, as published; products without one are ranked among
    each other.

    Args:
        log: the replayed events, or what `log_products` says of all that the shop knows and of the replayed ones.
    """

    def __init__(self, catalog: Catalog, protocol: Protocol, log: pl.DataFrame | pl.LazyFrame):
        self.catalog = catalog
        self.exclude_history = protocol.exclude_history
        self.base = catalog.listed.copy()
        self.category: np.ndarray | None = None
        self.times: tuple[np.ndarray, np.ndarray] | None = None
        if protocol.candidates == "category":
            names = catalog.frame["category"].fill_null("").str.to_lowercase()
            self.category = names.rank("dense").to_numpy().astype(np.int64)
        elif protocol.candidates == "available":
            self.base = catalog.available.copy()
        elif protocol.candidates == "available-then":
            self.times = availability(catalog, products_of(log))
            self.base &= self.times[0] < NEVER
        elif protocol.candidates == "bought":
            self.base = self._among(products_of(log).filter(pl.col("bought"))["product_id"].to_list())
        elif protocol.candidates != "all":
            ids = _lines_of(Path(protocol.candidates))
            self.base = self._among([i for i in ids if i])
            if not self.base.any():
                raise ReplayError(
                    f"candidates {protocol.candidates}: none of its {len(ids)} lines is a product of this catalogue"
                )

    def _among(self, ids: Sequence[str]) -> np.ndarray:
        mask = np.zeros(len(self.catalog), dtype=bool)
        mask[[self.catalog.index(i) for i in ids if i in self.catalog]] = True
        return mask & self.catalog.listed

    @property
    def products(self) -> int:
        """How many products are a candidate of some session, as far as their targets do not narrow it."""
        return int(self.base.sum())

    def targets(self, examples: Sequence[Example]) -> np.ndarray:
        """``(b,)`` int64 rows, -1 for a target that is not in the catalogue."""
        rows = [self.catalog.index(e.target) if e.target in self.catalog else -1 for e in examples]
        return np.array(rows, dtype=np.int64)

    def of(self, examples: Sequence[Example]) -> Allowed:
        """The candidates of a batch, without what the shoppers bought when history is excluded."""
        targets = self.targets(examples)
        groups = times = None
        if self.category is not None:
            groups = (self.category, np.where(targets >= 0, self.category[targets], -1))
        if self.times is not None:
            moments = np.array([microseconds(e.timestamp) for e in examples], dtype=np.int64)
            times = (*self.times, moments)
        excluded = [self._owned(e) if self.exclude_history else np.zeros(0, dtype=np.int64) for e in examples]
        return Allowed(self.base, targets, excluded, groups, times)

    def _owned(self, example: Example) -> np.ndarray:
        owned = {e.product_id for e in example.history if e.action == "purchase"}
        return np.array(sorted(self.catalog.index(p) for p in owned if p in self.catalog), dtype=np.int64)

    def masks(self, examples: Sequence[Example]) -> np.ndarray:
        """``(b, n)`` bool; without the shopper's purchases when history is excluded."""
        return self.of(examples).masks()
