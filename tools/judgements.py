"""Thumbs as a shop keeps them: beside its log, never in it.

What was liked is no purchase and no click that a page drew, and what learns from a log must not have to know of it. So
judgements have a table of their own; who wants to learn from them reads it, and everybody else's figures stay as they
are.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import polars as pl

from shopping_assistant.tools.errors import ShopError

LIKE, DISLIKE, UNJUDGE = "like", "dislike", "unjudge"
ACTIONS = (LIKE, DISLIKE, UNJUDGE)
# As in `sessions.EVENT_SCHEMA`; ``turn`` is the reply judged, or the one whose card a product was.
JUDGEMENT_SCHEMA = {
    "session_id": pl.String, "user_id": pl.String, "timestamp": pl.Datetime("us", "UTC"), "action": pl.String,
    "product_id": pl.String, "turn": pl.Int32, "position": pl.Int32,
}  # fmt: skip
# What a conversation keeps of a thumb, by what it is called here; None is one taken back.
ACTION_OF = {"up": LIKE, "down": DISLIKE, None: UNJUDGE}
VERDICT_OF = {action: verdict for verdict, action in ACTION_OF.items()}


class JudgementError(ShopError):
    """A table that holds no judgements."""


def empty_judgements() -> pl.DataFrame:
    return pl.DataFrame(schema=JUDGEMENT_SCHEMA)


def as_judgements(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame in ``JUDGEMENT_SCHEMA``.

    Raises:
        JudgementError: a column is missing, an action is unknown, or a row judges nothing.
    """
    missing = [c for c in ("session_id", "timestamp", "action") if c not in frame.columns]
    if missing:
        raise JudgementError(f"judgements lack the column {missing[0]}; there are {', '.join(frame.columns)}")
    frame = frame.with_columns(pl.lit(None).alias(c) for c in JUDGEMENT_SCHEMA if c not in frame.columns)
    frame = frame.select(list(JUDGEMENT_SCHEMA)).cast(JUDGEMENT_SCHEMA)
    unknown = frame.filter(~pl.col("action").is_in(ACTIONS))
    if len(unknown):
        raise JudgementError(f"action {unknown['action'][0]!r}: expected one of {', '.join(ACTIONS)}")
    nothing = frame.filter(pl.col("product_id").is_null() & pl.col("turn").is_null())
    if len(nothing):
        session, action = nothing["session_id"][0], nothing["action"][0]
        raise JudgementError(f"session {session!r}: a {action} of nothing; expected a product_id, or a turn")
    return frame.with_columns(user_id=pl.col("user_id").fill_null(pl.col("session_id")))


def of_conversations(path: Path) -> pl.DataFrame:
    """The judgements in a ``conversations.sqlite``, in the order they were given; none in one from before thumbs."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)) as database:
        there = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not {"judgements", "threads"} <= there:
            return empty_judgements()
        rows = database.execute(
            "SELECT j.thread_id, t.user_id, j.at, j.verdict, j.product_id, j.turn, j.position FROM judgements j "
            "LEFT JOIN threads t ON t.thread_id = j.thread_id ORDER BY j.rowid"
        ).fetchall()
    if not rows:
        return empty_judgements()
    columns = ("session_id", "user_id", "timestamp", "verdict", "product_id", "turn", "position")
    given = {c: [row[i] for row in rows] for i, c in enumerate(columns)}
    given["action"] = [ACTION_OF.get(verdict, verdict) for verdict in given.pop("verdict")]
    strings = {c: pl.String for c in ("session_id", "user_id", "timestamp", "action", "product_id")}
    frame = pl.DataFrame(given, schema_overrides=strings)
    return as_judgements(frame.with_columns(pl.col("timestamp").str.to_datetime(time_unit="us", time_zone="UTC")))
