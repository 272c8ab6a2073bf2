"""Answers to a question back that are no sentence."""

import pytest

from shopping_assistant.assistant.language.answering import completed, declines, refused


@pytest.mark.parametrize(
    ("text", "attribute"),
    [
        ("I don't mind", "color"), ("no preference", "fit"), ("Up to you!", "price"), ("any colour is fine", "color"),
        ("whatever", "material"), ("not sure", "size"), ("doesn't matter to me", "brand"), ("both", "color"),
        ("you choose", "color"), ("no idea honestly", "heel height"), ("either works", "department"), ("nope", "price"),
        ("I couldn't care less, any brand", "brand"),
    ],
)  # fmt: skip
def test_who_leaves_it_open_declines(text, attribute):
    assert declines(text, attribute)


@pytest.mark.parametrize(
    ("text", "attribute"),
    [
        ("black", "color"), ("any black ones?", "color"), ("no leather please", "material"),
        ("both black and navy", "color"),
        ("I don't know, maybe red", "color"), ("any other ones", "color"), ("no heels", "heel height"),
        ("anything cheaper?", "price"), ("I don't like these", "color"), ("the second one", "color"),
    ],
)  # fmt: skip
def test_who_says_something_declines_nothing(text, attribute):
    assert not declines(text, attribute)


COLORS, SIZES = ("black", "camel", "light blue"), ("m", "40", "41")


@pytest.mark.parametrize(
    ("text", "attribute", "values", "whole"),
    [
        ("the black ones", "color", COLORS, "black"),
        ("hmm, camel or light blue I guess", "color", COLORS, "camel or light blue"),
        ("40", "size", SIZES, "size 40"),
        ("an M please", "size", SIZES, "size m"),
        ("boho", "look", ("boho", "street"), "boho look"),
        ("the cheaper ones", "color", COLORS, "cheaper"),
        ("about 80 euros", "price", (), "under 80"),
        ("the second one", "color", COLORS, "the second one"),
        ("put the black one into my bag", "color", COLORS, "put the black one into my bag"),
        ("black ones, not too high, with a zip at the side please", "color", COLORS, None),
    ],
)
def test_a_short_answer_is_completed(text, attribute, values, whole):
    assert completed(text, attribute, values) == (text if whole is None else whole)


def test_a_wish_is_given_up_by_its_name():
    assert refused("ok, any colour", {"color", "category"}) == ("color",)
    assert refused("the budget doesn't matter", {"price", "color"}) == ("price",)
    assert refused("any black ones?", {"color"}) == ()
    assert refused("whatever", {"color"}) == ()
