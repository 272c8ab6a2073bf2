"""Kinds that go together, counted over a log small enough to count by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.outfits import MIN_SESSIONS, MOST_OF_A_SESSION, Outfits
from shopping_assistant.tools.sessions import Event, empty_events, frame_of

KINDS = ("blazer", "Tie", "tie", "shirt", "boots", None)
CATALOG = Catalog.from_products([Product(f"p{i}", f"Product {i}", kind) for i, kind in enumerate(KINDS)])
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def log(*sessions):
    """One session for each tuple of product numbers bought in it."""
    events = [
        Event(f"s{n}", f"u{n}", NOON + timedelta(minutes=60 * n + i), "purchase", product_id=f"p{p}")
        for n, bought in enumerate(sessions) for i, p in enumerate(bought)
    ]  # fmt: skip
    return frame_of(events)


@pytest.fixture
def outfits():
    """Blazers with ties in four sessions, with shirts in three; boots alone, but for one session with a shirt."""
    return Outfits.learn(CATALOG, log(*[(0, 1)] * 3, (0, 2, 2), *[(0, 3)] * 3, *[(4,)] * 5, (4, 3)))


def test_the_kinds_most_often_bought_in_one_session_come_first(outfits):
    assert [(p.category, p.sessions) for p in outfits.partners("Blazer")] == [("tie", 4), ("shirt", 3)]
    assert outfits.partners("tie")[0].lift > 1


def test_one_session_is_no_evidence(outfits):
    assert MIN_SESSIONS > 1
    assert outfits.partners("boots") == []


def test_kinds_that_will_not_do_are_left_out(outfits):
    assert [p.category for p in outfits.partners("blazer", without=("Tie",))] == ["shirt"]


def test_two_of_a_kind_are_no_outfit():
    assert Outfits.learn(CATALOG, log(*[(1, 2)] * 9)).partners("tie") == []


def test_what_is_bought_together_less_than_by_chance_does_not_go_together():
    often_apart = log(*[(0, 1)] * 20, *[(3, 4)] * 20, *[(0, 3)] * 3)
    assert [p.category for p in Outfits.learn(CATALOG, often_apart).partners("blazer")] == ["tie"]


def test_a_resellers_session_says_nothing():
    many = Catalog.from_products([Product(f"p{i}", "x", f"kind {i}") for i in range(MOST_OF_A_SESSION + 1)])
    assert Outfits.learn(many, log(*[tuple(range(MOST_OF_A_SESSION + 1))] * 9)).categories == ()


def test_an_empty_log_knows_no_partners():
    assert Outfits.learn(CATALOG, empty_events()).partners("blazer") == []
