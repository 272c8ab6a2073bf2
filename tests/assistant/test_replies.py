"""What the assistant says of what it did: what changed, what was set aside, what holds; never the same all over."""

import pytest

from shopping_assistant.assistant.answers.chat import _ANSWERS as KINDS
from shopping_assistant.assistant.answers.chat import answer


def replies(assistant, thread, *sentences):
    return [assistant.turn(thread, s)["reply"] for s in sentences]


def test_what_gave_way_to_a_newer_wish_is_said(assistant, thread):
    _, color, price, lower = replies(assistant, thread, "red maxi dresses", "in navy", "under 100", "no, 70 at most")
    assert "navy now instead of red" in color
    assert "instead" not in price
    assert "up to €70 now instead of €100" in lower.lower()


def test_an_exclusion_and_its_end_are_said(assistant, thread):
    _, out, back = replies(assistant, thread, "suede ankle boots", "no suede", "suede after all")
    assert "without suede" in out.lower()
    assert "suede after all" in back.lower()


def test_a_wish_set_aside_is_named_alone_and_may_come_first(assistant, thread):
    turn = assistant.turn(thread, "navy ankle boots under 160 for women")
    assert [w["attribute"] for w in turn["relaxed"]] == ["color"]
    assert "I set aside the colour (navy)" in turn["reply"] and "the colour" in turn["reply"].rsplit(". ", 1)[-1]


def test_undo_says_what_is_gone_and_what_holds(assistant, thread):
    _, _, undone = replies(assistant, thread, "black ankle boots", "in suede", "undo that")
    assert "the material (suede)" in undone.lower() and "black ankle boots" in undone
    assert replies(assistant, "another", "undo")[0].count("nothing") == 1


def test_one_product_is_said_as_one(assistant, thread):
    (reply,) = replies(assistant, thread, "red pumps")
    assert "one pair of red pumps" in reply.lower() and " 1 " not in reply
    which = replies(assistant, thread, "is the navy one any good?")[0]
    assert "1 to 1" not in which


def test_the_wishes_are_listed_with_the_words_they_came_from(assistant, thread):
    asking = ("what are my filters?", "boots up to 120, no leather", "show my filters")
    none, _, listed = replies(assistant, thread, *asking)
    assert "no" in none.lower()
    assert "€120" in listed and "“boots”" in listed and "leather" in listed
    assert assistant.history(thread)[-1]["tools"] == []


def test_small_talk_leads_back_and_changes_nothing(assistant, thread):
    before = assistant.turn(thread, "black ankle boots")
    turn = assistant.turn(thread, "how are you today?")
    assert turn["constraints"] == before["constraints"] and not turn["products"] and not turn["tools"]
    assert "black ankle boots" in turn["reply"]
    asked = assistant.turn(thread, "the second one, what does it cost?")
    assert asked["targets"] == [before["products"][1]["product_id"]]


def test_another_language_is_answered_in_it(assistant, thread):
    turn = assistant.turn(thread, "Guten Morgen, können Sie mir bitte helfen?")
    assert "Englisch" in turn["reply"] and not turn["tools"]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_kind_of_talk_is_answered_alike_three_times(kind):
    state = {"talk": {"kind": kind, "language": ""}, "wishes": [], "shown": []}
    said = [answer({**state, "turn": turn}) for turn in (1, 2, 3)]
    assert len(set(said)) > 1


def test_the_same_nonsense_is_not_answered_alike_three_times(assistant, thread):
    said = replies(assistant, thread, "blorp", "blorp", "blorp")
    assert len(set(said)) > 1
