from datetime import timedelta

import numpy as np
import pytest

from shopping_assistant.eval.protocol import Candidates, LeakError, Protocol, ReplayError, questions, refuse_leak
from shopping_assistant.tools.sessions import Example, empty_events, frame_of, leave_one_out

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
