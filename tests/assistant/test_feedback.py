"""Thumbs on products and replies: kept, taken back, and what the answers after them make of it."""

import pytest

from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.assistant.feedback import FeedbackError
from shopping_assistant.tools.catalog import CatalogError


def shown(turn) -> list[str]:
    return [p["product_id"] for p in turn["products"]]


def test_a_verdict_stands_until_it_is_changed_or_taken_back(assistant, thread):
    assistant.turn(thread, "black ankle boots")
    assert assistant.judged(thread) == {"products": {}, "turns": {}}
    assert assistant.judge(thread, "up", product_id="ab1", turn=1, position=1)
    assert assistant.judge(thread, "down", product_id="ab2")
    assert assistant.judge(thread, "down", turn=1)
    assert not assistant.judge(thread, "down", turn=1), "said twice is said once"
    assert assistant.judged(thread) == {"products": {"ab1": "up", "ab2": "down"}, "turns": {1: "down"}}
    assistant.judge(thread, "up", product_id="ab2")
    assistant.judge(thread, None, product_id="ab1")
    assistant.judge(thread, None, turn=1)
    assert assistant.judged(thread) == {"products": {"ab2": "up"}, "turns": {}}
    assert not assistant.judge(thread, None, turn=1), "nothing is left to take back"


def test_verdicts_survive_a_restart_and_are_of_one_conversation(store, thread):
    with_thumbs = Assistant.open(store.path)
    with_thumbs.turn(thread, "black ankle boots")
    with_thumbs.judge(thread, "down", product_id="ab2")
    with_thumbs.close()
    again = Assistant.open(store.path)
    assert again.judged(thread)["products"] == {"ab2": "down"}
    assert again.judged(f"{thread}-other") == {"products": {}, "turns": {}}
    again.close()


def test_thumbs_are_no_events_to_learn_from(assistant, thread):
    assistant.turn(thread, "black ankle boots")
    before = assistant.events(thread)
    assistant.judge(thread, "up", product_id="ab1")
    assistant.judge(thread, "down", turn=1)
    assert assistant.events(thread).equals(before)


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"verdict": "meh", "product_id": "ab1"}, FeedbackError, "expected up, down"),
        ({"verdict": "up"}, FeedbackError, "nothing is judged"),
        ({"verdict": "up", "turn": 7}, FeedbackError, "no reply 7 in this conversation; it has replies 1 to 1"),
        ({"verdict": "up", "product_id": "nosuch"}, CatalogError, "nosuch"),
    ],
    ids=["verdict", "nothing", "turn", "product"],
)
def test_what_cannot_be_judged_is_refused_with_the_remedy(assistant, thread, given, error, says):
    assistant.turn(thread, "black ankle boots")
    with pytest.raises(error, match=says):
        assistant.judge(thread, **given)
    assert assistant.judged(thread) == {"products": {}, "turns": {}}
