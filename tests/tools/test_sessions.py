from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from shopping_assistant.tools.sessions import (
    Event,
    SessionError,
    as_events,
    by_user,
    current_query,
    events_of,
    frame_of,
    leave_one_out,
    training_examples,
)

START = datetime(2025, 1, 1, tzinfo=UTC)


def log(*steps: str, user: str = "u") -> list[Event]:
    """Steps like "1 search boots", "1 click a", "2 purchase b": the first word is the session."""
    events = []
    for minute, step in enumerate(steps):
        session, action, what = step.split(" ", 2)
        query, product = (what, None) if action == "search" else (None, what)
        events.append(Event(f"{user}{session}", user, START + timedelta(minutes=minute), action, query, product))
    return events


def said(events) -> list[str]:
    return [f"{e.action} {e.query or e.product_id}" for e in events]


FULL = log(
    "1 search boots", "1 click a", "1 purchase b",
    "2 search dress", "2 click c", "2 click v", "2 click t", "2 purchase v",
    "3 search hat", "3 click v", "3 click t", "3 purchase t",
    "4 click late",
)  # fmt: skip


def test_the_last_two_purchases_and_what_came_after_are_withheld():
    split = leave_one_out(frame_of(FULL))
    assert said(events_of(split.train)) == ["search boots", "click a", "purchase b", "search dress", "click c"]
    (validation,), (test,) = split.validation, split.test
    assert (validation.target, test.target) == ("v", "t")
    assert said(validation.history) == ["search boots", "click a", "purchase b", "search dress", "click c", "click t"]
    assert said(test.history)[-3:] == ["purchase v", "search hat", "click v"]


def test_the_target_never_stands_in_its_history(small_shop):
    split = leave_one_out(small_shop[1])
    assert len(split.test) > 50
    for example in [*split.validation, *split.test, *training_examples(split.train)]:
        assert example.target not in {e.product_id for e in example.history}


def test_nothing_withheld_is_trained_on(small_shop):
    split = leave_one_out(small_shop[1])
    touched = {(u, p) for u, p in split.train.select("user_id", "product_id").iter_rows() if p}
    for example in [*split.validation, *split.test]:
        assert (example.user_id, example.target) not in touched


def test_a_product_bought_again_is_no_target():
    split = leave_one_out(frame_of(log("1 purchase a", "1 purchase b", "1 purchase c", "1 purchase c", "1 purchase a")))
    assert [e.target for e in split.validation + split.test] == ["b", "c"]
    assert said(events_of(split.train)) == ["purchase a"]


def test_a_single_purchase_stays_in_training():
    events = log("1 search hat", "1 purchase a", user="x")
    split = leave_one_out(frame_of(events))
    assert split.test == [] and len(split.train) == 2


def test_order_is_time_then_log():
    events = log("1 click a", "1 click b")
    same_moment = [Event("s", "u", START, "click", None, p) for p in "zyx"]
    ((_, ordered),) = by_user(frame_of([*reversed(events), *same_moment]))
    assert [e.product_id for e in ordered] == ["a", "z", "y", "x", "b"]


def test_the_current_query_is_of_the_current_session():
    assert current_query(FULL[:5]) == "dress"
    assert current_query(FULL) is None
    assert current_query(()) is None


def test_a_log_without_users_or_displays_is_read():
    frame = pl.DataFrame({"session_id": ["s"], "timestamp": [START], "action": ["purchase"], "product_id": ["a"]})
    (event,) = events_of(as_events(frame))
    assert event.user_id == "s" and event.shown == ()


def test_an_unknown_action_is_named():
    frame = pl.DataFrame({"session_id": ["s"], "timestamp": [START], "action": ["viewed"]})
    with pytest.raises(SessionError, match="'viewed'"):
        as_events(frame)
