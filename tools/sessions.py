"""What shoppers did: search, click and purchase events, their sequences, and the leave-one-out split."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, get_args

import polars as pl

from shopping_assistant.tools.catalog import write_parquet
from shopping_assistant.tools.errors import ShopError

Action = Literal["search", "click", "purchase"]
ACTIONS = get_args(Action)
EVENT_SCHEMA = {
    "session_id": pl.String,
    "user_id": pl.String,
    "timestamp": pl.Datetime("us", "UTC"),
    "action": pl.String,
    "query": pl.String,
    "product_id": pl.String,
    "shown": pl.List(pl.String),
    "position": pl.Int32,
}


class SessionError(ShopError):
    """A log that cannot be read as events."""


@dataclass(frozen=True)
class Event:
    """One thing a shopper did. ``shown`` and ``position`` are in display order, the first position is 1."""

    session_id: str
    user_id: str
    timestamp: datetime
    action: Action
    query: str | None = None
    product_id: str | None = None
    shown: tuple[str, ...] = ()
    position: int | None = None


@dataclass(frozen=True)
class Example:
    """A history and the product bought next. No click on the target stands in the history."""

    user_id: str
    session_id: str
    history: tuple[Event, ...]
    target: str
    timestamp: datetime


@dataclass(frozen=True)
class Split:
    """Leave-one-out by user: what may be trained on, and the two withheld purchases of each user."""

    train: pl.DataFrame
    validation: list[Example]
    test: list[Example]


def empty_events() -> pl.DataFrame:
    return pl.DataFrame(schema=EVENT_SCHEMA)


def as_events(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame in ``EVENT_SCHEMA``; optional columns that are missing are filled with nulls.

    Raises:
        SessionError: a required column is missing, or an action is unknown.
    """
    missing = [c for c in ("session_id", "timestamp", "action") if c not in frame.columns]
    if missing:
        raise SessionError(f"events lack the column {missing[0]}; there are {', '.join(frame.columns)}")
    if "user_id" not in frame.columns:
        frame = frame.with_columns(user_id=pl.col("session_id"))
    frame = frame.with_columns(pl.lit(None).alias(c) for c in EVENT_SCHEMA if c not in frame.columns)
    frame = frame.select(list(EVENT_SCHEMA)).cast(EVENT_SCHEMA)
    unknown = frame.filter(~pl.col("action").is_in(ACTIONS))
    if len(unknown):
        raise SessionError(f"action {unknown['action'][0]!r}: expected one of {', '.join(ACTIONS)}")
    return frame.with_columns(user_id=pl.col("user_id").fill_null(pl.col("session_id")))


def read_events(path: Path | str) -> pl.DataFrame:
    return as_events(pl.read_parquet(path))


def write_events(frame: pl.DataFrame, path: Path | str) -> None:
    write_parquet(as_events(frame), Path(path))


def events_of(frame: pl.DataFrame) -> list[Event]:
    columns = [frame[c].to_list() for c in EVENT_SCHEMA]
    return [Event(s, u, t, a, q, p, tuple(sh or ()), n) for s, u, t, a, q, p, sh, n in zip(*columns, strict=True)]


def frame_of(events: Sequence[Event]) -> pl.DataFrame:
    columns = {c: [getattr(e, c) for e in events] for c in EVENT_SCHEMA if c != "shown"}
    columns["shown"] = [list(e.shown) if e.shown else None for e in events]
    return pl.DataFrame(columns, schema_overrides=EVENT_SCHEMA).select(list(EVENT_SCHEMA))


def _user_rows(frame: pl.DataFrame) -> Iterator[tuple[list[int], tuple[Event, ...]]]:
    """Each user's row numbers in ``frame`` and events, in time order; equal times keep the order of the log."""
    ordered = frame.with_row_index("_row").sort("user_id", "timestamp", "_row")
    rows, ordered = ordered["_row"].to_list(), ordered.drop("_row")
    changes = (ordered["user_id"] != ordered["user_id"].shift(1)).fill_null(True).arg_true().to_list()
    events = events_of(ordered)  # at once: a slice of a frame costs more than a user's events
    for start, end in itertools.pairwise([*changes, len(events)]):
        yield rows[start:end], tuple(events[start:end])


def by_user(frame: pl.DataFrame) -> Iterator[tuple[str, tuple[Event, ...]]]:
    """Each user's events in time order; events of one moment keep the order of the log."""
    for _, events in _user_rows(frame):
        yield events[0].user_id, events


def without_clicks_on(events: Sequence[Event], products: set[str]) -> tuple[Event, ...]:
    return tuple(e for e in events if not (e.action == "click" and e.product_id in products))


def _new_purchases(events: Sequence[Event]) -> list[int]:
    """Where a product is bought that this user had not bought before: only those can be targets."""
    seen: set[str] = set()
    places = []
    for at, e in enumerate(events):
        if e.action == "purchase" and e.product_id not in seen:
            seen.add(e.product_id)
            places.append(at)
    return places


def _example(events: Sequence[Event], at: int) -> Example:
    bought = events[at]
    history = without_clicks_on(events[:at], {bought.product_id})
    return Example(bought.user_id, bought.session_id, history, bought.product_id, bought.timestamp)


def leave_one_out(frame: pl.DataFrame) -> Split:
    """Withhold each user's last two distinct purchases and all that came after the first of them.

    The last is the test target, the one before the validation target; ``train`` keeps the events before, without
    clicks on either. A user with a single purchase cannot be tested on anything and stays in ``train`` whole.
    """
    validation, test, kept_rows = [], [], []
    for rows, events in _user_rows(frame):
        bought = _new_purchases(events)
        if len(bought) < 2:
            kept_rows.extend(rows)
            continue
        first, last = bought[-2:]
        validation.append(_example(events, first))
        test.append(_example(events, last))
        withheld = {events[first].product_id, events[last].product_id}
        kept_rows.extend(
            row for row, e in zip(rows[:first], events[:first], strict=True) if e.product_id not in withheld
        )
    return Split(frame[sorted(kept_rows)], validation, test)


def training_examples(train: pl.DataFrame) -> list[Example]:
    """One example for each first purchase in the training log."""
    out = []
    for _, events in by_user(train):
        out.extend(_example(events, at) for at in _new_purchases(events))
    return out


def current_query(history: Sequence[Event]) -> str | None:
    """The last search of the session the history ends in; None when that session had none."""
    if not history:
        return None
    session = history[-1].session_id
    for e in reversed(history):
        if e.session_id != session:
            return None
        if e.action == "search" and e.query:
            return e.query
    return None
