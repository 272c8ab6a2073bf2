"""Turns without a sentence: wishes tapped away, steps back and forward, taps on what is gone, older conversations."""

import json
import re

import pytest

from shopping_assistant.assistant import steps, taps
from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.assistant.language.leanings import Leaning
from shopping_assistant.assistant.language.understanding import Before
from shopping_assistant.assistant.state import before
from shopping_assistant.tools.attribute_filter import Constraint
from tests.assistant.openai_server import perfect_caller, serving

BLACK = Constraint("color", "in", ("black",), "black")
BOOTS = Constraint("category", "in", ("ankle boots",), "ankle boots")


def shown(turn) -> set[str]:
    return {p["product_id"] for p in turn["products"]}


def wish(turn, attribute: str) -> dict:
    return next(w for w in turn["constraints"] if w["attribute"] == attribute)


def about(turn) -> set[str]:
    return {w["attribute"] for w in turn["constraints"]}


def test_a_wish_tapped_away_is_searched_without(assistant, thread):
    first = assistant.turn(thread, "black ankle boots under 120", user_id="ada")
    *pieces, last = assistant.stream(thread, tap={"drop": wish(first, "color")})
    turn = last["turn"]
    assert "".join(p["text"] for p in pieces).strip() == turn["reply"]
    assert turn["shopper"] == "" and turn["tapped"] == {"drop": wish(first, "color")} and turn["act"] == "refine"
    assert about(turn) == {"category", "price"} and shown(turn) == {"ab2", "ab3", "ab4", "ab5"}
    assert re.search("colour (?:no longer matters|will do)", turn["reply"], re.I)
    assert assistant.history(thread)[-1] == json.loads(json.dumps(turn))


def test_the_log_has_what_a_search_in_words_would_have_left(assistant, thread):
    first = assistant.turn(thread, "black ankle boots under 120")
    assistant.turn(thread, tap={"drop": wish(first, "color")})
    assistant.turn(thread, tap={"undo": True})
    events = assistant.events(thread)
    assert events["action"].to_list() == ["search"] * 3
    assert events["query"].to_list() == [
        "black ankle boots under 120",
        "ankle boots under 120",
        "black ankle boots under 120",
    ]
    assert events["shown"].to_list()[2] == events["shown"].to_list()[0]


def test_each_undo_goes_one_further_back_tapped_or_said(assistant, thread):
    said = ("boots", "black ones", "not leather", "under 120")
    turns = [assistant.turn(thread, s) for s in said]
    for back, how in ((2, "tap"), (1, "word"), (0, "tap")):
        undone = assistant.turn(thread, tap={"undo": True}) if how == "tap" else assistant.turn(thread, "undo")
        assert undone["constraints"] == turns[back]["constraints"] and shown(undone) == shown(turns[back])
        assert undone["act"] == "undo"
    assert assistant.turn(thread, tap={"undo": True})["constraints"] == []
    nothing = assistant.turn(thread, tap={"undo": True})
    assert nothing["tools"] == [] and "nothing" in nothing["reply"]
    for forward in range(4):
        assert assistant.turn(thread, tap={"redo": True})["constraints"] == turns[forward]["constraints"]
    assert "nothing" in assistant.turn(thread, tap={"redo": True})["reply"].lower()


def test_a_new_wish_ends_what_could_be_brought_back(assistant, thread):
    for said in ("ankle boots", "black ones", "undo", "red ones"):
        assistant.turn(thread, said)
    turn = assistant.turn(thread, tap={"redo": True})
    assert turn["tools"] == [] and wish(turn, "color")["values"] == ["red"]


def test_questions_and_the_bag_are_no_steps(assistant, thread):
    first = assistant.turn(thread, "black ankle boots")
    assistant.turn(thread, "not leather")
    for said in ("how much is the first one?", "add it to my bag", "thanks!", "what is in my bag?"):
        assistant.turn(thread, said)
    assert assistant.turn(thread, tap={"undo": True})["constraints"] == first["constraints"]
    assert len(assistant.bag(thread)) == 1


def test_undo_outlives_a_restart_and_a_new_beginning(store, thread):
    opened = Assistant.open(store.path)
    first = opened.turn(thread, "black ankle boots, not leather")
    assert opened.turn(thread, "let's start over")["constraints"] == []
    opened.close()
    again = Assistant.open(store.path)
    turn = again.turn(thread, tap={"undo": True})
    assert turn["constraints"] == first["constraints"] and shown(turn) == shown(first)
    again.close()


def test_a_chip_that_is_gone_changes_nothing(assistant, thread):
    first = assistant.turn(thread, "red ankle boots")
    held = assistant.turn(thread, "rather black")
    turn = assistant.turn(thread, tap={"drop": wish(first, "color")})
    assert turn["tools"] == [] and turn["constraints"] == held["constraints"]
    assert "red" in turn["reply"] and "black" in turn["reply"]
    assert assistant.turn(thread, "the first one, what is it made of?")["targets"] == [
        held["products"][0]["product_id"]
    ]


def test_the_last_wish_tapped_away_leaves_something_to_look_at(assistant, thread):
    turn = assistant.turn(thread, tap={"drop": wish(assistant.turn(thread, "pumps"), "category")})
    assert turn["constraints"] == [] and turn["products"]
    assert "“" in turn["reply"] or "?" in turn["reply"]  # says what can be asked


def test_a_tap_in_a_conversation_of_nothing_is_answered(assistant, thread):
    for tap in ({"undo": True}, {"redo": True}, {"drop": BLACK.as_dict()}):
        turn = assistant.turn(thread, tap=tap)
        assert turn["reply"] and turn["products"] == [] and turn["tools"] == []
    assert [t["turn"] for t in assistant.history(thread)] == [1, 2, 3]


@pytest.mark.parametrize(
    "tap",
    [
        {},
        {"undo": False},
        {"undo": "yes"},
        {"drop": True},
        {"drop": {}},
        {"drop": {"attribute": "color", "op": "almost", "values": ["red"]}},
        {"drop": {"attribute": "length", "direction": "sideways"}},
        {"undo": True, "redo": True},
        {"buy": True},
        "undo",
    ],
    ids=str,
)
def test_what_nobody_can_tap_is_refused(assistant, thread, tap):
    with pytest.raises(taps.TapError, match="tap"):
        assistant.turn(thread, tap=tap)
    assert assistant.history(thread) == []


def test_a_tap_and_a_sentence_at_once_are_refused(assistant, thread):
    with pytest.raises(taps.TapError, match="one after the other"):
        assistant.turn(thread, "red boots", tap={"undo": True})


def test_some_values_of_a_wish_can_go(vocabulary):
    both = Constraint("color", "not in", ("red", "navy"), "red, navy")
    u, there = taps.understood(taps.Tap("drop", Constraint("color", "not in", ("red",))), Before((BOOTS, both)))
    assert there and u.constraints == (BOOTS, Constraint("color", "not in", ("navy",), "navy"))


def test_a_leaning_goes_by_what_it_is_not_by_its_words():
    held = (Leaning("length", "more", (), "longer"), Leaning("", "like", (), "like the second", "ab2"))
    known = Before((BOOTS,), leanings=held)
    u, there = taps.understood(taps.Tap("drop", Leaning("length", "more")), known)
    assert there and u.leanings == held[1:] and u.constraints == (BOOTS,)
    assert not taps.understood(taps.Tap("drop", Leaning("length", "less")), known)[1]


def test_so_many_steps_are_kept_and_no_more(assistant, thread):
    colours = ("black", "red", "white", "navy")
    for n in range(steps.STEPS_KEPT + 5):
        assistant.turn(thread, f"{colours[n % 4]} shoes")
    undone = [assistant.turn(thread, tap={"undo": True}) for _ in range(steps.STEPS_KEPT + 1)]
    assert all(t["tools"] for t in undone[:-1]) and undone[-1]["tools"] == []
    assert undone[-1]["constraints"] == undone[-2]["constraints"]


def test_a_conversation_from_before_there_were_steps_can_be_taken_back_once():
    """The state as older files have it: what held a turn earlier, and no more."""
    old = {"constraints": [BOOTS.as_dict(), BLACK.as_dict()], "previous": [BOOTS.as_dict()], "previous_leanings": []}
    known = before(old, [], [], ())
    u, there = taps.understood(taps.Tap("undo"), known)
    assert there and u.constraints == (BOOTS,)
    kept = steps.after(known, u)
    assert kept["earlier"] == [] and [c["attribute"] for c in kept["undone"][0]["constraints"]] == ["category", "color"]


def test_a_hosted_model_is_told_what_was_tapped(store, thread):
    with serving(perfect_caller) as server:
        opened = Assistant.open(store.path, base_url=server.url)
        first = opened.turn(thread, "black ankle boots under 120")
        server.asked.clear()
        turn = opened.turn(thread, tap={"drop": wish(first, "color")})
        assert shown(turn) == {"ab2", "ab3", "ab4", "ab5"} and not [t for t in turn["tools"] if t["error"]]
        system, *_, last = server.asked[0]["messages"]
        assert last["role"] == "user" and "tapped away: color in black" in last["content"]
        assert '"tapped": {"drop"' in system["content"]
        assert opened.turn(thread, tap={"undo": True})["constraints"] == first["constraints"]
        opened.close()
