"""Several acts in one sentence, carried out in one turn: their tools, their replies, and what "it" is afterwards."""

import pytest


def tools(turn) -> list[str]:
    return [t["name"] for t in turn["tools"]]


def test_both_acts_are_carried_out_and_told(assistant, thread):
    shown = assistant.turn(thread, "ankle boots")["products"]
    turn = assistant.turn(thread, "add the second to my bag and show me red pumps")
    assert tools(turn) == ["add_to_bag", "search_products"] and turn["act"] == "add_to_bag"
    assert [p["product_id"] for p in assistant.bag(thread)] == [shown[1]["product_id"]] == turn["targets"]
    assert [p["product_id"] for p in turn["products"]] == ["pu1"]
    assert [t["act"] for t in turn["then"]] == ["search"]
    assert shown[1]["title"] in turn["reply"] and "pumps" in turn["reply"]


@pytest.mark.parametrize("asked", ["and put the cheapest in my bag", "and add the least expensive one to my basket"])
def test_what_waits_for_the_search_is_chosen_from_it(assistant, thread, asked):
    turn = assistant.turn(thread, f"show me sneakers {asked}")
    assert tools(turn) == ["search_products", "add_to_bag"]
    assert [p["product_id"] for p in assistant.bag(thread)] == ["sn1"]


def test_it_is_what_the_last_act_was_about(assistant, thread):
    first = assistant.turn(thread, "ankle boots")["products"]
    assistant.turn(thread, "compare the first two, then put the cheaper one in my bag")
    cheaper = min(first[:2], key=lambda p: p["price"])["product_id"]
    assert [p["product_id"] for p in assistant.bag(thread)] == [cheaper]
    assert assistant.turn(thread, "what is it made of?")["targets"] == [cheaper]


def test_an_act_that_cannot_be_carried_out_is_asked_back_beside_one_that_can(assistant, thread):
    assistant.turn(thread, "ankle boots")
    turn = assistant.turn(thread, "show me dresses and put it in my bag")
    assert turn["products"] and not assistant.bag(thread) and "?" in turn["reply"]


def test_a_place_answers_for_the_act_that_was_left_open(assistant, thread):
    shown = assistant.turn(thread, "ankle boots")["products"]
    assistant.turn(thread, "add it to my bag")
    assistant.turn(thread, "the third")
    assert [p["product_id"] for p in assistant.bag(thread)] == [shown[2]["product_id"]]


def test_a_wish_replaced_is_told(assistant, thread):
    assistant.turn(thread, "black boots")
    turn = assistant.turn(thread, "make that brown")
    assert [(c["old"]["values"], c["new"]["values"]) for c in turn["conflicts"]] == [(["black"], ["brown"])]
    assert "conflicts" not in assistant.turn(thread, "under 150")
