"""Wishes by degree: what they are read as, and where products stand because of them."""

import numpy as np
import pytest

from shopping_assistant.assistant.language.leanings import Leaning
from shopping_assistant.assistant.language.relative import base_of
from shopping_assistant.assistant.language.scales import Scales
from shopping_assistant.assistant.language.stated import Stated
from shopping_assistant.assistant.shelf import Shelf
from shopping_assistant.tools.catalog import Catalog, Product


@pytest.fixture(scope="module")
def scales(vocabulary):
    return Scales(vocabulary)


def leaned(understood):
    return {(w.direction, w.attribute) for w in understood.leanings if w.attribute}


@pytest.mark.parametrize(
    ("word", "base"),
    [
        ("longer", "long"),
        ("bigger", "big"),
        ("looser", "loose"),
        ("dressier", "dressy"),
        ("paler", "pale"),
        ("tighter", "tight"),
    ],
)
def test_the_base_of_a_comparative(scales, word, base):
    assert base_of(word, scales) == base


@pytest.mark.parametrize(
    "word", ["leather", "flower", "zipper", "sweater", "other", "under", "number", "trainer", "summer"]
)
def test_words_that_only_look_like_comparatives(scales, word):
    assert base_of(word, scales) is None


@pytest.mark.parametrize(
    ("text", "direction", "attribute"),
    [
        ("a much higher heel", "more", "heel height"),
        ("the heel should be lower", "less", "heel height"),
        ("lower", "less", "heel height"),
        ("too high", "less", "heel height"),
        ("not high enough", "more", "heel height"),
        ("something darker", "more", "color"),
        ("not as dark", "less", "color"),
        ("lighter in colour", "less", "color"),
    ],
)
def test_what_a_wish_by_degree_is_about(said, text, direction, attribute):
    said.show("ab2", "ab4")
    said("ankle boots")
    assert (direction, attribute) in leaned(said(text))


@pytest.mark.parametrize(
    ("text", "attribute"),
    [
        ("longer sleeves", "sleeve length"),
        ("less plain", "pattern"),
        ("a busier print", "pattern"),
        ("more casual", "occasion"),
    ],
)
def test_each_of_a_dress(said, text, attribute):
    said.show("dr3", focus=("dr3",))
    found = said(text)
    assert attribute in {a for _, a in leaned(found)}
    assert found.act == "refine"
    assert not any(c.attribute == attribute for c in found.constraints), "less plain is not plain"
    assert [w.than for w in found.leanings if not w.attribute] == ["dr3"], "and near what is looked at"


def test_an_earlier_condition_gives_way_and_an_exclusion_does_not(said, wishes):
    said("black ankle boots, no suede")
    said.show("ab1", "ab2")
    found = wishes(said("lighter in colour"))
    assert ("color", "in") not in found
    assert found["material", "not in"] == {"suede"}


def test_the_same_of_what_is_looked_at_is_kept(said):
    said.show("dr1", focus=("dr1",))
    found = said("I want one with the same sleeves but in black")
    assert Leaning("sleeve length", "like", ("long",), "same sleeves", "dr1") in found.leanings
    assert ("color", ("black",)) in {(c.attribute, c.values) for c in found.constraints}


def test_colours_stand_from_light_to_dark(scales):
    at = scales.positions(scales.by_attribute("color"))
    order = [float(at[scales.catalog.index(p)]) for p in ("ts1", "tb1", "cb2", "ab1")]  # white, tan, brown, black
    assert order == sorted(order)


def test_what_moves_and_what_does_not(store):
    shelf = Shelf(store)
    boots = shelf.understanding.understand("ankle boots").constraints
    higher = [Leaning("heel height", "more", (), "higher", "ab4")]
    found = shelf.search("ankle boots", 10, boots, (), higher)
    assert [p.product_id for p in found.products][:2] in (["ab2", "ab1"], ["ab1", "ab2"])
    assert {p.product_id for p in found.products} == {f"ab{n}" for n in range(1, 6)}, "nothing is shut out"
    near = shelf.search("", 10, boots, (), [Leaning("", "like", (), "like it", "ab5")])
    assert [p.product_id for p in near.products][-1] == "ab5", "who wants another one has seen this one"
    assert near.products[0].product_id == "ab3", "the other flat suede one"


def test_scores_of_unlike_are_those_of_like_turned_round(store):
    order = Shelf(store).leaning_order
    like, unlike = (order.scores([Leaning("pattern", d, ("floral",), "floral")]) for d in ("like", "unlike"))
    assert np.array_equal(like, -unlike)
    assert like.any()


def test_an_attribute_stated_now_and_then_orders_only():
    rows = [Product(f"p{n}", f"Dress {n}", "dress", attributes={"cut": "straight"}) for n in range(8)]
    rows += [
        Product(f"q{n}", f"Dress {n}", "dress", attributes={"cut": "straight", "tags": ("strapless", "pretty")})
        for n in range(4)
    ]
    stated = Stated(Catalog.from_products(rows))
    assert stated.can_filter("cut")
    assert not stated.can_filter("tags")
    assert stated.can_filter("price")


def test_a_chat_shows_takes_back_and_explains(assistant, thread):
    assistant.turn(thread, "ankle boots with a low heel")
    turn = assistant.turn(thread, "a higher heel please")
    assert [(w["direction"], w["attribute"]) for w in turn["leanings"] if w["attribute"]] == [("more", "heel height")]
    assert turn["products"][0]["attributes"]["heel height"] in ("mid", "high")
    assert "higher in the heel than" in turn["products"][0]["reason"].lower()
    lower = [p for p in turn["products"] if p["attributes"].get("heel height") in ("flat", "low")]
    assert not any("higher" in p["reason"].lower() for p in lower), "a reason by degree is true of its product"
    assert "leanings" not in assistant.turn(thread, "forget that")
    assistant.turn(thread, "a higher heel please")
    assert "leanings" not in assistant.turn(thread, "now show me backpacks")
