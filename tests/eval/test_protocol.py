from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from shopping_assistant.eval.allowed import CandidateError
from shopping_assistant.eval.protocol import Candidates, LeakError, Protocol, ReplayError, questions, refuse_leak
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.sessions import Example, empty_events, frame_of, leave_one_out
from shopping_assistant.tools.store import Store
from tests.eval.conftest import make_event

NOTHING = empty_events()


def asked(events, train=NOTHING, **settings):
    return questions(frame_of(events), Protocol(**settings), train)


def test_leave_one_out_asks_for_the_last_purchase_of_shoppers_with_enough(buys):
    log = [*buys("ann", "p1", "p2", "p3"), *buys("bob", "p1", "p2")]
    found = asked(log)
    assert [(e.user_id, e.target) for e in found.examples] == [("ann", "p3")]
    assert found.left_out == {"by shoppers who bought fewer than 3 products": 1}
    assert [(e.user_id, e.target) for e in asked(log, part="validation").examples] == [("ann", "p2")]
    assert [e.target for e in asked(log, min_items=2).examples] == ["p3", "p2"]


def test_a_shopper_who_bought_one_thing_three_times_has_bought_one_thing(buys):
    with pytest.raises(ReplayError, match="lower min_items"):
        asked(buys("ann", "p1", "p1", "p1", "p2"))


def test_the_session_split_asks_for_each_sessions_last_purchase(buys, event):
    log = [
        *buys("ann", "p1", "p2"),
        event("ann", 10, "search", query="boots", session="2"),
        event("ann", 11, "click", "p4", session="2"),
        event("ann", 12, "click", "p6", session="2"),
        event("ann", 13, "purchase", "p4", session="2"),
        event("ann", 14, "purchase", "p1", session="2"),  # bought before: no target
        *buys("ann", "p8", start=20, session="3"),
    ]
    found = asked(log, split="session")
    assert [(e.session_id, e.target) for e in found.examples] == [("ann-1", "p2"), ("ann-2", "p4")]
    assert [e.product_id for e in found.examples[1].history] == [None, "p6"], "its own session, without the target"
    assert found.left_out == {"nothing before the purchase": 1}


def test_the_temporal_split_asks_for_the_first_purchase_after_the_cut(buys):
    log = [*buys("ann", "p1", "p2"), *buys("ann", "p4", "p6", start=95), *buys("bob", "p1", "p2", "p4", start=97)]
    found = asked(log, split="temporal")  # 100 minutes: the cut is at minute 89.1
    assert [(e.user_id, e.target) for e in found.examples] == [("ann", "p4")]
    assert found.left_out == {"nothing before the purchase": 1}


def test_what_the_models_were_trained_on_is_said(buys):
    log = [*buys("ann", "p1", "p2", "p3", session="1"), *buys("ann", "p5", "p6", "p7", start=50, session="2")]
    train = leave_one_out(frame_of(log)).train
    withheld = questions(frame_of(log), Protocol(), train)
    assert (withheld.trained_on, withheld.targets_in_training) == (False, 0)
    seen = questions(frame_of(log), Protocol(split="session"), train)
    assert (seen.trained_on, seen.targets_in_training) == (True, 1), "p3 was trained on, p7 was withheld"


def test_a_sample_is_seeded_and_counted(buys):
    log = [e for user in range(50) for e in buys(f"u{user:02d}", "p1", "p2", "p4")]
    first, again, other = (asked(log, sample=10, seed=seed) for seed in (1, 1, 2))
    assert first.examples == again.examples != other.examples
    assert len(first.examples) == 10 and first.left_out == {"not in the sample": 40}
    assert len(asked(log, sample=80).examples) == 50


@pytest.mark.parametrize("action", ["purchase", "click"])
def test_a_target_planted_in_the_history_is_caught(buys, event, action):
    history = (*buys("ann", "p1", "p2"), event("ann", 5, action, "p4"))
    leaking = Example("ann", "ann-1", history, "p4", history[-1].timestamp + timedelta(minutes=1))
    with pytest.raises(LeakError, match=f"a {action} of the target 'p4'"):
        refuse_leak(leaking)


def test_an_event_of_the_future_in_the_history_is_caught(buys):
    history = tuple(buys("ann", "p1", "p2"))
    with pytest.raises(LeakError, match="must not look ahead"):
        refuse_leak(Example("ann", "ann-1", history, "p4", history[0].timestamp))


def test_candidates(shop, buys, tmp_path):
    log = [*buys("ann", "p0", "p2", "p4"), *buys("bob", "p0", "p2", "p5")]
    store = shop(log)
    ids = tmp_path / "ids.txt"
    ids.write_text("p2\np4\n\nunknown\n")

    def products(candidates, exclude_history=False, user=0):
        protocol = Protocol(candidates=str(candidates), exclude_history=exclude_history)
        examples = questions(frame_of(log), protocol, NOTHING).examples
        mask = Candidates(store.catalog(), protocol, frame_of(log)).masks(examples)[user]
        return np.flatnonzero(mask).tolist()

    assert products("all") == list(range(12))
    assert products("all", exclude_history=True) == [1, *range(3, 12)]
    assert products("bought") == [0, 2, 4, 5]
    assert products("available") == [0, 1, 2, *range(4, 12)]
    assert products("category") == [0, 2, 4, 6, 8, 10]
    assert products("category", user=1) == [1, 3, 5, 7, 9, 11]
    assert products(ids) == [2, 4]


def available_then(store, log, user, minute):
    """The candidates of a purchase of p4 at that minute."""
    target = make_event(user, minute, "purchase", "p4")
    example = Example(user, target.session_id, (), "p4", target.timestamp)
    among = Candidates(store.catalog(), Protocol(candidates="available-then"), log)
    return np.flatnonzero(among.masks([example])[0]).tolist()


def test_what_could_be_bought_then_is_what_was_seen_by_then(shop, buys):
    shown = replace(make_event("ann", 2, "search", query="boots"), shown=("p6", "p8"))
    log = frame_of([*buys("ann", "p0", "p1"), shown, make_event("bob", 5, "click", "p9"), *buys("bob", "p4", start=7)])
    store = shop([])
    assert available_then(store, log, "bob", 1) == [0, 1, 4], "the target is there when it is bought"
    assert available_then(store, log, "bob", 2) == [0, 1, 4, 6, 8]
    assert available_then(store, log, "bob", 7) == [0, 1, 4, 6, 8, 9]
    assert Candidates(store.catalog(), Protocol(candidates="available-then"), log).products == 6


def test_the_catalogues_own_dates_say_when_a_product_can_be_bought(tmp_path, buys):
    dates = {
        "p1": {"available_from": "2026-01-01T00:06:00Z"},
        "p2": {"available_from": "2025-12-01", "available_until": "2025-12-31"},
        "p3": {"available_until": "2026-01-01"},
        "p4": {"available_from": "2027-01-01"},
    }
    store = Store.create(tmp_path / "dated", name="Dated")
    products = [Product(f"p{i}", f"Product {i}", attributes=dates.get(f"p{i}", {})) for i in range(6)]
    store.write_catalog(Catalog.from_products(products))
    log = frame_of(buys("ann", "p0", "p1", "p2", "p3"))
    # p1 was bought before its date: the catalogue's word counts. p5 was never seen and has no date.
    assert available_then(store, log, "bob", 5) == [0, 3, 4]
    assert available_then(store, log, "bob", 6) == [0, 1, 3, 4]
    dates["p3"]["available_until"] = "soon"
    again = Catalog.from_products([Product("p3", "Product 3", attributes=dates["p3"])])
    with pytest.raises(CandidateError, match="product 'p3', available_until: got 'soon', expected a day or a time"):
        Candidates(again, Protocol(candidates="available-then"), log)


@pytest.mark.parametrize("candidates", ["all", "bought", "available", "available-then", "category"])
def test_candidates_kept_sparsely_are_the_masks(shop, buys, candidates):
    log = [*buys("ann", "p0", "p2", "p4"), *buys("bob", "p0", "p2", "p5"), *buys("cyd", "p1", "p7", "gone", start=1)]
    examples = questions(frame_of(log), Protocol(), NOTHING).examples
    allowed = Candidates(shop(log).catalog(), Protocol(candidates=candidates), frame_of(log)).of(examples)
    masks = allowed.masks()
    assert allowed.targets.tolist() == [4, 5, -1] and masks.shape == (3, 12)
    sessions, rows = (grid.ravel() for grid in np.indices(masks.shape))
    excluded = np.array([row in allowed.excluded[b] for b, row in zip(sessions, rows, strict=True)])
    assert masks.ravel().tolist() == (allowed.has(sessions, rows) & ~excluded).tolist()
    for start, stop in ((0, 5), (5, 12)):
        block = allowed.block(start, stop)
        whole = np.ones((stop - start, 3), bool) if block is None else np.broadcast_to(block, (stop - start, 3))
        assert whole.T.tolist() == allowed.has(sessions, rows).reshape(masks.shape)[:, start:stop].tolist()
    assert allowed.part(slice(1, 3)).masks().tolist() == masks[1:].tolist()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"split": "random"}, "expected one of leave-one-out, session, temporal"),
        ({"part": "validation", "split": "session"}, "only leave-one-out withholds"),
        ({"candidates": "no/such/file"}, "a file with one product id a line"),
        ({"sample": 0}, "sample 0: expected at least 1"),
    ],
)
def test_settings_that_contradict_are_refused(settings, message):
    with pytest.raises(ReplayError, match=message):
        Protocol(**settings)
