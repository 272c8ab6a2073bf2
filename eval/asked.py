"""The sessions of a replay, whatever the size of its log: found a few shoppers at a time, kept as an index on disk.

What is asked, and in which order, is what `protocol.questions` finds in the whole log at once.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl

from shopping_assistant.eval.log_parts import AT, LogParts, blocks_of, part_files, split_by_shopper, store_log
from shopping_assistant.eval.protocol import (
    Found,
    Protocol,
    cut_between,
    found_in,
    nothing_to_replay,
    refuse_leak,
    sampled,
)
from shopping_assistant.tools.sessions import EVENT_SCHEMA, Example, Split, leave_one_out
from shopping_assistant.tools.store import Store

INDEX = {
    "user_id": pl.String,
    "session_id": pl.String,
    "nth": pl.Int32,
    "digest": pl.UInt64,
    "in_training": pl.Boolean,
}


@dataclass(frozen=True)
class Training:
    """What a store's models may learn from, on disk: the log without what is withheld, and the background."""

    folder: Path
    store: Path

    def add(self, part: int, frames: list[pl.DataFrame]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        pl.concat(frames).write_parquet(self.folder / f"{part:06d}.parquet", compression="lz4")

    @property
    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("*.parquet"))

    def lazy(self) -> pl.LazyFrame:
        """To be read as a stream, in no order that means anything."""
        own = [pl.scan_parquet(self._files).select(list(EVENT_SCHEMA))] if self._files else []
        return pl.concat([store_log(Store.open(self.store), "background"), *own])

    def frame(self) -> pl.DataFrame:
        """In memory, as `Store.split` has it: for systems that learn from the whole of it."""
        background = Store.open(self.store).background()
        if not self._files:
            return background
        own = pl.concat([pl.read_parquet(file) for file in self._files]).sort(AT).select(list(EVENT_SCHEMA))
        return pl.concat([background, own]) if len(background) else own

    @classmethod
    def withheld_from(cls, log: LogParts, folder: Path, store: Store) -> Training:
        """The training log of a store whose own log is not the one that is replayed."""
        training = cls(folder, store.path)
        for part in range(len(log)):
            frames = [leave_one_out(events).train for events in log.slices(part)]
            if frames:
                training.add(part, frames)
        return training


@dataclass(frozen=True)
class Batch:
    """Sessions that are ranked together, always the same ones, and by which systems.

    Attributes:
        part: where their shoppers' events lie.
        keys: session and shopper of each.
        nth: which of the shopper's sessions each is.
    """

    part: int
    keys: tuple[tuple[str, str], ...]
    nth: tuple[int, ...]
    systems: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True)
class Asked:
    """The sessions to replay, what was left out and why, and how much of the answers the models were trained on.

    Attributes:
        chosen: ``(sessions,)`` places among all that qualify, ascending.
        starts: ``(parts + 1,)`` the place of each part's first.
        digest: changes when any question does.
    """

    folder: Path
    chosen: np.ndarray
    starts: np.ndarray
    left_out: dict[str, int]
    trained_on: bool
    targets_in_training: int
    digest: str

    def __len__(self) -> int:
        return len(self.chosen)

    def batches(self, size: int, only: np.ndarray | None = None) -> Iterator[Batch]:
        """All sessions, or those at the places ``only`` among them, in order.

        What stands in a batch depends on nothing but the log and the protocol: neither on what was done before an
        interruption nor on who ranks it. Scores are computed for a batch at once, and their last bits may depend on it.
        """
        chosen = self.chosen if only is None else self.chosen[only]
        for part in range(len(self.starts) - 1):
            low, high = np.searchsorted(chosen, self.starts[part : part + 2])
            if low == high:
                continue
            rows = pl.read_parquet(self.folder / f"{part:06d}.parquet")[chosen[low:high] - self.starts[part]]
            for at in range(0, len(rows), size):
                some = rows[at : at + size]
                keys = zip(some["session_id"].to_list(), some["user_id"].to_list(), strict=True)
                yield Batch(part, tuple(keys), tuple(some["nth"].to_list()))


def ask(log: LogParts, protocol: Protocol, training: Training, folder: Path, own: bool) -> Asked:
    """Find the sessions to replay.

    Args:
        training: what the models may have learned from. It is written along the way where the log is the store's own.
        own: whether the log is the store's own.

    Raises:
        LeakError: a history holds its own target, or lies after it.
        ReplayError: no session qualifies.
    """
    folder.mkdir(parents=True)
    cut = cut_of(log, protocol)
    known = None if own else _known_purchases(log, training, folder / "known")
    left_out, starts, targets = Counter(), [0], 0
    for part in range(len(log)):
        rows, trained = [], []
        pairs = _pairs(known, part)
        for events in log.slices(part):
            withheld: Split | None = leave_one_out(events) if own else None
            if withheld:
                trained.append(withheld.train)
                pairs = _purchases(withheld.train)
            found = found_in(events, protocol, cut, withheld)
            rows += _indexed(found, pairs)
            left_out.update(found.left_out)
            targets += found.targets
        if trained:
            training.add(part, trained)
        pl.DataFrame(rows, schema=INDEX, orient="row").write_parquet(folder / f"{part:06d}.parquet")
        starts.append(starts[-1] + len(rows))
    if not starts[-1]:
        raise nothing_to_replay(protocol, log.events, targets)
    chosen = sampled(starts[-1], protocol)
    if len(chosen) < starts[-1]:
        left_out["not in the sample"] = starts[-1] - len(chosen)
    return _closed(log, protocol, training, folder, chosen, np.array(starts), dict(left_out))


def _closed(
    log: LogParts, protocol: Protocol, training: Training, folder: Path, chosen: np.ndarray, starts: np.ndarray,
    left_out: dict[str, int],
) -> Asked:  # fmt: skip
    digest, in_training = hashlib.sha256(), 0
    for part in range(len(log)):
        low, high = np.searchsorted(chosen, starts[part : part + 2])
        rows = pl.read_parquet(folder / f"{part:06d}.parquet", columns=["digest", "in_training"])
        rows = rows[chosen[low:high] - starts[part]]
        digest.update(rows["digest"].to_numpy().tobytes())
        in_training += int(rows["in_training"].sum())
    future = False
    if protocol.split == "temporal":
        latest = training.lazy().select(pl.col("timestamp").max()).collect(engine="streaming").item()
        future = latest is not None and latest >= cut_of(log, protocol)
    return Asked(
        folder, chosen, starts, {why: n for why, n in left_out.items() if n}, bool(in_training or future), in_training,
        digest.hexdigest(),
    )  # fmt: skip


def cut_of(log: LogParts, protocol: Protocol) -> datetime | None:
    """Where the future of the temporal split begins; None for the other splits."""
    return cut_between(log.first, log.last) if protocol.split == "temporal" and log.events else None


def examples_of(frame: pl.DataFrame, batch: Batch, protocol: Protocol, cut: datetime | None) -> list[Example]:
    """A batch's examples out of its part's events, made anew.

    Raises:
        LeakError: a history holds its own target, or lies after it.
    """
    shoppers = {user for _, user in batch.keys}
    events = frame.filter(pl.col("user_id").is_in(shoppers))
    made = {(e.user_id, nth): e for nth, e in _numbered(found_in(events, protocol, cut).kept)}
    examples = [made[user, nth] for (_, user), nth in zip(batch.keys, batch.nth, strict=True)]
    for example in examples:
        refuse_leak(example)
    return examples


def _numbered(examples: list[Example]) -> Iterator[tuple[int, Example]]:
    """Each with its number among its shopper's."""
    user, number = None, 0
    for example in examples:
        number = number + 1 if example.user_id == user else 0
        user = example.user_id
        yield number, example


def _indexed(found: Found, pairs: set[tuple[str, str]]) -> list[tuple]:
    rows = []
    for nth, e in _numbered(found.kept):
        refuse_leak(e)
        told = repr((e.session_id, e.user_id, e.target, len(e.history), e.timestamp)).encode()
        digest = int.from_bytes(hashlib.blake2b(told, digest_size=8).digest(), "little")
        rows.append((e.user_id, e.session_id, nth, digest, (e.user_id, e.target) in pairs))
    return rows


def _purchases(train: pl.DataFrame) -> set[tuple[str, str]]:
    return set(train.filter(pl.col("action") == "purchase").select("user_id", "product_id").iter_rows())


def _known_purchases(log: LogParts, training: Training, folder: Path) -> Path:
    """Who bought what in training, cut as the log is."""
    train = training.lazy().select("user_id", "product_id", "action")
    blocks = blocks_of(train, train.select(pl.len()).collect(engine="streaming").item())
    bought = (block.filter(pl.col("action") == "purchase").select("user_id", "product_id") for block in blocks)
    split_by_shopper(bought, folder, log.borders)
    return folder


def _pairs(known: Path | None, part: int) -> set[tuple[str, str]]:
    files = part_files(known, part) if known else []
    return {pair for file in files for pair in pl.read_parquet(file).iter_rows()}
