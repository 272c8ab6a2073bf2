"""Keeping things for later by word: what is said of the list, and what only sounds like it."""

import pytest

from shopping_assistant.assistant.language.saving_forms import saving


def ids(products) -> list[str]:
    return [p["product_id"] for p in products]


@pytest.mark.parametrize(
    ("text", "does"),
    [
        ("save it for later", "keep"),
        ("save the second one", "keep"),
        ("can you save number 2?", "keep"),
        ("please bookmark the red pair", "keep"),
        ("put the third on my wish list", "keep"),
        ("add it to my favorites please", "keep"),
        ("keep the black ones in mind", "keep"),
        ("set both aside for me", "keep"),
        ("remember that one for me", "keep"),
        ("heart the last one", "keep"),
        ("the second one to my wishlist please", "keep"),
        ("put it on the list", "keep"),
        ("don't let me forget the second one", "keep"),
        ("show my saved things", "show"),
        ("what's on my wishlist?", "show"),
        ("my favourites", "show"),
        ("what have i saved so far?", "show"),
        ("let me see the ones i bookmarked", "show"),
        ("which ones did i save?", "show"),
        ("is there anything on my wish list", "show"),
        ("do you have a wish list?", "show"),
        ("back to my saved items", "show"),
        ("how many things are on my list?", "show"),
        ("take it off my list", "drop"),
        ("remove the first one from my saved items", "drop"),
        ("clear my wish list", "drop"),
        ("unsave the second", "drop"),
        ("i don't want it saved any more", "drop"),
        ("delete all my saved things", "drop"),
        ("move it to my bag", "to_bag"),
        ("put all my saved items in the bag", "to_bag"),
        ("i'll buy the ones i saved", "to_bag"),
        ("add what i saved to my basket", "to_bag"),
        ("move the coat from my bag to my wish list", "from_bag"),
    ],
)
def test_what_is_said_of_saved_things(text, does):
    assert saving(text) == does


@pytest.mark.parametrize(
    "text",
    [
        "keep it under 50",
        "keep the price down",
        "i want to save money",
        "how can i save?",
        "remember that i don't like leather",
        "remember i wear size 40",
        "hold the leather please",
        "a star print dress",
        "something for later this year",
        "show me a coat for later in the year",
        "what's your favourite?",
        "which one is your favourite dress",
        "any dress in my favourite colour",
        "do you have a list of brands?",
        "take leather off the list",
        "put the first in my bag",
        "take it out of my bag",
        "which ones should i keep?",
        "put it back",
        "what is in my bag?",
        "note that it must be warm",
        "pin stripes",
        "leave out the red ones",
    ],
)
def test_what_only_sounds_like_it(text):
    assert saving(text) == ""


def test_the_list_is_kept_shown_and_bought_from(assistant, thread):
    found = ids(assistant.turn(thread, "black ankle boots")["products"])
    turn = assistant.turn(thread, "save the first two for later")
    assert turn["act"] == "save" and turn["targets"] == found[:2] and ids(assistant.saved(thread)) == found[:2]
    assert assistant.events(thread)["action"].to_list() == ["search"], "what is saved was neither looked at nor bought"
    turn = assistant.turn(thread, "show my saved things")
    assert ids(turn["products"]) == found[:2] and turn["products"][0]["reason"] == "Saved by you"
    assert {"id", "title", "memory", "search"} == set(turn["products"][0]["route"])
    turn = assistant.turn(thread, "move the second one to my bag")
    assert ids(assistant.bag(thread)) == found[1:2] and ids(assistant.saved(thread)) == found[:1]
    assert turn["act"] == "add_to_bag" and "1 piece left" in turn["reply"]
    assistant.turn(thread, "clear my wish list")
    assert assistant.saved(thread) == [] and "saved anything" in assistant.turn(thread, "what did I save?")["reply"]


def test_a_list_is_the_same_in_the_next_conversation(assistant):
    found = ids(assistant.turn("one", "black ankle boots", user_id="ada")["products"])
    assistant.turn("one", "save the first one")
    assert ids(assistant.turn("two", "what's on my wish list?", user_id="ada")["products"]) == found[:1]
    assistant.turn("two", "take it off my list")
    assert assistant.saved("one") == []


def test_which_one_is_asked_when_it_is_not_clear(assistant, thread):
    assistant.turn(thread, "black ankle boots")
    turn = assistant.turn(thread, "save it")
    assert turn["tools"] == [] and "save for later" in turn["reply"] and assistant.saved(thread) == []
    turn = assistant.turn(thread, "the second one")
    assert ids(assistant.saved(thread)) == turn["targets"]


def test_what_was_saved_may_be_gone(store, catalog, thread):
    from shopping_assistant.assistant.conversation import Assistant
    from shopping_assistant.tools.stock_changes import remove_products

    assistant = Assistant.open(store.path)
    assistant.save(thread, "ab1")
    assistant.save(thread, "ab2")
    remove_products(["ab1"], store.path)
    turn = assistant.turn(thread, "show my saved things")
    assert ids(turn["products"]) == ["ab2"] and "no longer in this shop" in turn["reply"]
    assert [p.get("removed", False) for p in assistant.saved(thread)] == [True, False]
    assistant.close()
