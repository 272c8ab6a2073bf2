"""Thumbs on products and replies: kept, taken back, and what the answers after them make of it."""

import pytest

from shopping_assistant.assistant.agent_tools.desk import Desk
from shopping_assistant.assistant.context import Settings
from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.assistant.feedback import FeedbackError, Judged, orders, put_away
from shopping_assistant.assistant.session_log import SessionLog
from shopping_assistant.assistant.shelf import Shelf
from shopping_assistant.tools.attribute_filter import Constraint
from shopping_assistant.tools.catalog import CatalogError
from shopping_assistant.tools.store import Store


def shown(turn) -> list[str]:
    return [p["product_id"] for p in turn["products"]]


def history_of(store, assistant, thread, user):
    """What the tools of a conversation know this shopper did."""
    log = SessionLog(store.conversations_path)
    try:
        return Desk(assistant.shelf, log, Settings(), thread, user, (), (), (), ()).history()
    finally:
        log.close()


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


def test_a_product_judged_down_is_never_offered_again_and_no_wish_changes(assistant, thread):
    first = assistant.turn(thread, "black ankle boots")
    assert "ab2" in shown(first)
    assistant.judge(thread, "down", product_id="ab2")
    for text in ("black ankle boots", "under 150", "what would you recommend?", "what do people buy most?"):
        turn = assistant.turn(thread, text)
        assert "ab2" not in shown(turn), text
        assert turn["constraints"][: len(first["constraints"])] == first["constraints"]
    assert "ab2" in shown(assistant.turn(f"{thread}-other", "black ankle boots")), "of one conversation alone"


def test_taking_a_judgement_back_undoes_its_effect(assistant, thread):
    before = assistant.turn(thread, "black ankle boots")
    assistant.judge(thread, "down", product_id="ab2")
    assistant.judge(thread, "up", product_id="ab4")
    changed = assistant.turn(thread, "black ankle boots")
    assert shown(changed) != shown(before)
    assistant.judge(thread, None, product_id="ab2")
    assistant.judge(thread, None, product_id="ab4")
    assert shown(assistant.turn(thread, "black ankle boots")) == shown(before)


def test_who_names_a_product_judged_down_is_shown_it(assistant, thread):
    assistant.turn(thread, "black ankle boots")
    assistant.judge(thread, "down", product_id="ab3")
    title = assistant.product("ab3")["title"]
    assert "ab3" in shown(assistant.turn(thread, f"show me the {title}"))
    assistant.turn(thread, "start over")
    assert "ab3" not in shown(assistant.turn(thread, "black ankle boots"))
    assert put_away(Judged({"ab3": "down"}), {"ab3": title}, "AB3") == ()


def test_what_is_like_a_product_judged_moves_and_nothing_is_filtered_out(demo_store):
    """A liked dress brings its own line and brand up, a refused one down, among dresses that all meet the wish."""
    shelf = Shelf(Store.open(demo_store))
    dresses = [Constraint("category", "in", tuple(shelf.vocabulary.same_place("wrap dress")), "dress")]

    def places(**verdicts):
        found = shelf.search("dress", 500, dresses, (), orders(Judged(verdicts), {}))
        return {p.product_id: place for place, p in enumerate(found.products)}

    before = places()
    judged = shelf.catalog.product(list(before)[20])
    kin = [p for p in before if shelf.catalog.product(p).brand == judged.brand and p != judged.product_id]

    def mean(found):
        return sum(found[p] for p in kin) / len(kin)

    liked, refused = places(**{judged.product_id: "up"}), places(**{judged.product_id: "down"})
    assert len(kin) > 5 and mean(liked) < mean(before) < mean(refused)
    assert set(liked) == set(refused) == set(before)
    assert liked[judged.product_id] < before[judged.product_id]


def test_a_thumb_says_nothing_of_other_kinds(demo_store):
    shelf = Shelf(Store.open(demo_store))
    shoes = [Constraint("category", "in", ("sneakers",), "sneakers")]
    dress = shelf.catalog.ids[int(shelf.catalog.rows_with("category", "wrap dress")[0])]
    thumbs = orders(Judged({dress: "down"}), {})
    assert shelf.search("white sneakers", 10, shoes).products == shelf.search(
        "white sneakers", 10, shoes, (), thumbs
    ).products  # fmt: skip


def test_what_was_asked_for_wins_over_what_was_liked(assistant, thread):
    assistant.turn(thread, "boots")
    assistant.judge(thread, "up", product_id="ab5")  # red suede
    turn = assistant.turn(thread, "black leather ankle boots")
    assert set(shown(turn)) == {"ab1", "ab2"}
    assert shown(assistant.turn(thread, "canvas sneakers"))[0] == "sn1"


def test_the_cards_of_a_reply_judged_down_come_last(assistant, thread):
    assert shown(assistant.turn(thread, "black suede ankle boots")) == ["ab3"]
    assert shown(assistant.turn(thread, "ankle boots, any material, black"))[0] == "ab3"
    assistant.judge(thread, "down", turn=1)
    assert shown(assistant.turn(thread, "black ankle boots"))[-1] == "ab3", "last, and not gone"
    assistant.judge(thread, None, turn=1)
    assert shown(assistant.turn(thread, "black ankle boots"))[0] == "ab3"


def test_what_was_liked_counts_as_interest_and_what_was_refused_does_not(store, assistant, thread):
    assistant.turn(thread, "black ankle boots", user_id="ada")
    assistant.click(thread, "ab1", 1)
    assistant.judge(thread, "down", product_id="ab1")
    assistant.judge(thread, "up", product_id="ab3", position=2)
    history = history_of(store, assistant, thread, "ada")
    assert [(e.action, e.product_id) for e in history if e.product_id] == [("click", "ab3")]
    assert [e.timestamp for e in history] == sorted(e.timestamp for e in history)
    # The shopper's later conversations know it too; taken back it is nobody's interest any more.
    assistant.turn(f"{thread}-later", "pumps", user_id="ada")
    later = history_of(store, assistant, f"{thread}-later", "ada")
    assert [e.product_id for e in later if e.product_id] == ["ab3"]
    assistant.judge(thread, None, product_id="ab3")
    assistant.judge(thread, None, product_id="ab1")
    assert [e.product_id for e in history_of(store, assistant, thread, "ada") if e.product_id] == ["ab1"]


@pytest.mark.parametrize(
    ("sentence", "verdicts"),
    [
        ("I don't like the second one", {1: "down"}),
        ("not number 1", {0: "down"}),
        ("hmm, the first isn't really me", {0: "down"}),
        ("nah, not the second one, something else", {1: "down"}),
        ("love the first!", {0: "up"}),
        ("I like the first and the second", {0: "up", 1: "up"}),
        ("the second one is gorgeous", {1: "up"}),
        ("I love the second one but in red", {1: "up"}),
        ("I don't like the first, add the second to my bag", {0: "down"}),
        ("do you like the first?", {}),
        ("like the first one", {}),
        ("I don't like the colour of the first one", {}),
        ("I like it loose", {}),
        ("not leather", {}),
    ],
)
def test_a_thumb_that_is_said_is_one(assistant, thread, sentence, verdicts):
    before = shown(assistant.turn(thread, "black ankle boots"))
    turn = assistant.turn(thread, sentence)
    said = {before[place]: verdict for place, verdict in verdicts.items()}
    assert assistant.judged(thread)["products"] == said == turn.get("judged", {"products": {}})["products"]
    assert not set(shown(turn)) & {p for p, verdict in said.items() if verdict == "down"}


def test_who_likes_none_of_them_refuses_the_reply_and_sees_others(assistant, thread):
    before = shown(assistant.turn(thread, "ankle boots or chelsea boots"))
    turn = assistant.turn(thread, "I don't like any of these")
    assert assistant.judged(thread) == {"products": {}, "turns": {1: "down"}}
    assert turn["judged"] == {"products": {}, "turns": {"1": "down"}} == assistant.history(thread)[-1]["judged"]
    assert not set(shown(turn)) & set(before)


def test_a_thumb_said_changes_no_wish_and_is_taken_back_on_the_page(assistant, thread):
    first = assistant.turn(thread, "black ankle boots")
    turn = assistant.turn(thread, "I don't like the second one")
    assert turn["constraints"] == first["constraints"] and "leanings" not in turn
    assistant.judge(thread, None, product_id=turn["targets"][0])
    assert shown(assistant.turn(thread, "black ankle boots")) == shown(first)
