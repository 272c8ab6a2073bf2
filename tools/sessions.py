"""What shoppers did: search, click and purchase events, their sequences, and the leave-one-out split."""

from __future__ import annotations

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


def by_user(frame: pl.DataFrame) -> Iterator[tuple[str, tuple[Event, ...]]]:
    """Each user's events in time order; events of one moment keep the order of the log."""
    if not len(frame):
        return
    ordered = frame.with_row_index("_row").sort("user_id", "timestamp", "_row").drop("_row")
    starts = [*(ordered["user_id"] != ordered["user_id"].shift(1)).fill_null(True).arg_true().to_list(), len(ordered)]
    for start, end in zip(starts, starts[1:], strict=False):
        events = tuple(events_of(ordered[start:end]))
        yield events[0].user_id, events


def without_clicks_on(events: Sequence[Event], products: set[str]) -> tuple[Event, ...]:
    return tuple(e for e in events if not (e.action == "click" and e.product_id in products))


def _first_purchases(events: Sequence[Event]) -> tuple[Event, ...]:
    """The events without purchases of what this user had bought before: a target can only be new."""
    seen: set[str] = set()
    kept = []
    for e in events:
        if e.action == "purchase":
            if e.product_id in seen:
                continue
            seen.add(e.product_id)
        kept.append(e)
    return tuple(kept)


def _example(events: Sequence[Event], at: int) -> Example:
    bought = events[at]
    history = without_clicks_on(events[:at], {bought.product_id})
    return Example(bought.user_id, bought.session_id, history, bought.product_id, bought.timestamp)


def leave_one_out(frame: pl.DataFrame) -> Split:
    """Withhold each user's last two distinct purchases and all that came after the first of them.

    The last is the test target, the one before the validation target; ``train`` keeps the events before, without
    clicks on either. A user with a single purchase cannot be tested on anything and stays in ``train`` whole.
    """
    train: list[pl.DataFrame] = []
    validation, test = [], []
    drop_rows: list[int] = []
    ordered = frame.with_row_index("_row").sort("user_id", "timestamp", "_row")
    rows = ordered["_row"].to_list()
    at_row = 0
    for _, events in by_user(frame):
        row_of = dict(zip(map(id, events), rows[at_row : at_row + len(events)], strict=True))
        at_row += len(events)
        kept = _first_purchases(events)
        bought = [i for i, e in enumerate(kept) if e.action == "purchase"]
        if len(bought) < 2:
            continue
        first, last = bought[-2], bought[-1]
        validation.append(_example(kept, first))
        test.append(_example(kept, last))
        withheld = {kept[first].product_id, kept[last].product_id}
        staying = {id(e) for e in without_clicks_on(kept[:first], withheld)}
        drop_rows.extend(row_of[id(e)] for e in events if id(e) not in staying)
    train = frame.with_row_index("_row").filter(~pl.col("_row").is_in(drop_rows)).drop("_row")
    return Split(train, validation, test)


def training_examples(train: pl.DataFrame) -> list[Example]:
    """One example for each first purchase in the training log."""
    out = []
    for _, events in by_user(train):
        kept = _first_purchases(events)
        out.extend(_example(kept, i) for i, e in enumerate(kept) if e.action == "purchase")
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
