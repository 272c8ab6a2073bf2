"""Size advice in conversation: over a shop whose shoppers told how sizes fit, and over one where nobody did."""

import polars as pl
import pytest

from shopping_assistant.assistant.agent_tools.size_advice import shopper_of
from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.assistant.language.measures import EVERYTHING, about_self, updated
from shopping_assistant.tools.fit import Worn
from shopping_assistant.tools.importers import import_source
from shopping_assistant.tools.store import Store
from tests.fit_answers import BAG, NEW, SMALL, TRUE, feedback, lay_out
from tests.shared_folder import made_once


@pytest.fixture
def told_shop(tmp_path_factory):
    opened = Assistant.open(made_once(tmp_path_factory, "fit-shop", lay_out))
    yield opened
    opened.close()


@pytest.fixture
def thread(request):
    """The tests share a store, and so its conversations."""
    return request.node.name


def measures(turn):
    return {m["measure"]: m["value"] for m in turn.get("measures", [])}


def advice_of(assistant, thread, product_id, *sentences):
    """The last turn after clicking a product of the shop."""
    assistant.turn(thread, "show me wrap dresses and tote bags")
    assistant.click(thread, product_id)
    return [assistant.turn(thread, s) for s in sentences][-1]


@pytest.mark.parametrize(
    ("text", "known", "rest"),
    [
        ("I'm 170 cm and weigh 60 kg", {"height": 170.0, "weight": 60.0}, ""),
        ("5 ft 3, nine stone 4", {"height": 160.0, "weight": 59.0}, ""),
        ("she's five foot nine and takes a UK 12", {"height": 175.3, "usual size": "uk 12"}, "takes a UK 12"),
        ("a parka for a 1m92 man", {"height": 192.0}, "a parka for man"),
        ("hips 98 cm, waist 29 inches, any skirts?", {"hips": 98.0, "waist": 73.7}, "any skirts?"),
        ("I wear a 75B", {"bust": 90.0}, ""),
        ("normally XL, show me parkas", {"usual size": "xl"}, "show me parkas"),
        ("most brands come up small on me", {"tendency": "small"}, ""),
        ("I usually go down a size", {"tendency": "large"}, ""),
        # Figures of things, prices and counts.
        ("a scarf of 180 cm", {}, "a scarf of 180 cm"),
        ("boots with a 10 cm heel under 150 pounds", {}, "boots with a 10 cm heel under 150 pounds"),
        ("chinos with a 32 waist", {}, "chinos with a 32 waist"),
        ("a duffel of less than 3 kg", {}, "a duffel of less than 3 kg"),
        ("I usually like black", {}, "I usually like black"),
        ("do I need to size down?", {}, "do I need to size down?"),
        ("150 pounds", {}, "150 pounds"),
    ],
)  # fmt: skip
def test_what_is_said_of_oneself(text, known, rest):
    told = about_self(text)
    assert {m.measure: m.value for m in told.said} == known
    assert " ".join(told.rest.split()) == rest
    assert len(told.rest) == len(text), "what is left keeps its place"


def test_the_newest_counts_and_what_is_taken_back_is_gone():
    known = updated([], about_self("I'm 168 cm and usually take an M"))
    known = updated(known, about_self("in shoes I usually wear a 39"))
    assert [m["value"] for m in known] == [168.0, "m", "39"], "one usual size a scale"
    known = updated(known, about_self("sorry, I'm 166 cm"))
    assert sorted(str(m["value"]) for m in known) == ["166.0", "39", "m"]
    known = updated(known, about_self("please delete my height"))
    assert [m["measure"] for m in known] == ["usual size", "usual size"]
    assert about_self("don't store my measurements").forgot == (EVERYTHING,)
    assert updated(known, about_self("don't store my measurements")) == []


def test_a_usual_size_counts_on_its_own_scale_only():
    said = updated([], about_self("I usually take an M and I always size up"))
    assert shopper_of(said, ["36", "38"]).worn == (Worn(None, "small"),)
    assert shopper_of(said, ["S", "M"]).worn == (Worn("m", "fit"), Worn(None, "small"))


def test_advice_with_its_counts(told_shop, thread):
    turn = advice_of(told_shop, thread, SMALL, "I'm 165 cm and 62 kg, which size should I take?")
    assert turn["act"] == "size_advice" and [t["name"] for t in turn["tools"]] == ["size_advice"]
    assert measures(turn) == {"height": 165.0, "weight": 62.0} and turn["constraints"]
    own = feedback().filter(feedback()["product_id"] == SMALL)
    small = (own["fit"] == "small").sum()
    assert f"runs small: {small} of {len(own)} said" in turn["reply"] and "I would take" in turn["reply"]
    near = own.filter(((own["height_cm"] - 165).abs() <= 4) & ((own["weight_kg"] - 62).abs() <= 4))
    assert f"Of {len(near)} shoppers of about your height and weight" in turn["reply"]


def test_measures_are_asked_for_once(told_shop, thread):
    first = advice_of(told_shop, thread, TRUE, "which size should I take?")
    again = told_shop.turn(thread, "does it run small?")
    assert "Tell me your height and weight" in first["reply"] and "Tell me" not in again["reply"]
    told = told_shop.turn(thread, "I'm usually a 38")
    assert told["act"] == "size_advice" and "I would take 38" in told["reply"] and "Tell me" not in told["reply"]


def test_a_size_that_is_asked_about(told_shop, thread):
    turn = advice_of(told_shop, thread, TRUE, "I'm 165 cm and 53 kg", "would a 42 fit me?")
    assert "it comes in 42" in turn["reply"] and "too large" in turn["reply"]
    assert "size" not in {c["attribute"] for c in turn["constraints"]}
    assert "does not come in 48" in told_shop.turn(thread, "will a size 48 fit me?")["reply"]


def test_what_nobody_told_goes_by_its_kind_and_a_bag_by_nothing(told_shop, thread):
    turn = advice_of(told_shop, thread, NEW, "I weigh 62 kg", "which size should I get?")
    assert "Not enough feedback on this one (nobody told); going by wrap dresses" in turn["reply"]
    assert "one size" in advice_of(told_shop, f"{thread}b", BAG, "what size do I need?")["reply"]


def test_measures_belong_to_one_conversation_and_can_be_taken_back(told_shop, thread):
    advice_of(told_shop, thread, TRUE, "my height is 171 cm")
    assert "171" in told_shop.turn(thread, "what do you know about my measurements?")["reply"]
    other = told_shop.turn(f"{thread}-other", "which dresses do you have?")
    assert "measures" not in other
    turn = told_shop.turn(thread, "forget my measurements")
    assert turn["act"] == "undo" and "measures" not in turn and turn["constraints"]
    assert "171" not in told_shop.turn(thread, "what do you know about my measurements?")["reply"]


def test_a_shop_where_nobody_told_says_so(assistant, thread):
    assistant.turn(thread, "show me ankle boots")
    turn = assistant.turn(thread, "I'm 170 cm, which size should I take in the first?")
    assert turn["targets"] and "37, 38 and 39" in turn["reply"]
    assert "I do not know" in turn["reply"] or "no feedback" in turn["reply"]
    assert measures(turn) == {"height": 170.0}


def test_a_shopper_that_the_shop_knows_is_advised_by_their_own_answers(told_shop, thread):
    told_shop.turn(thread, "wrap dresses", user_id="u3")
    told_shop.click(thread, TRUE)
    turn = told_shop.turn(thread, "which size should I take?", user_id="u3")
    assert "I would take" in turn["reply"]


def test_on_the_real_rentals(shared_data, tmp_path_factory, thread):
    from shopping_assistant.finetune.build import build

    def make(folder):
        # A part of them: all would take half a minute to learn from.
        some = pl.read_parquet(shared_data / "renttherunway" / "rentals.parquet").head(12_000)
        some.write_parquet(folder.parent / "rentals.parquet")
        import_source("renttherunway", folder.parent / "rentals.parquet", folder)
        build(Store.open(folder), only=("fit",))

    opened = Assistant.open(made_once(tmp_path_factory, "rented", make))
    try:
        opened.turn(thread, "show me gowns")
        turn = opened.turn(thread, "I'm 170 cm and 60 kg, which size should I take in the first one?")
        assert turn["act"] == "size_advice" and turn["targets"] and not turn["tools"][0]["error"]
        assert "I would take" in turn["reply"] and " said " in turn["reply"]
    finally:
        opened.close()
