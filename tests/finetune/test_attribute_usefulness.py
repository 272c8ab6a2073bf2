"""Attributes chosen by usefulness: the planted one is found, and what says nothing is left out."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from shopping_assistant.finetune.attribute_usefulness import choose, scores, settled
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.prompts import ATTRIBUTES, PromptStyle
from shopping_assistant.tools.sessions import EVENT_SCHEMA, as_events

START = datetime(2025, 3, 1, tzinfo=UTC)
KINDS = ("scarf", "boots", "hat", "coat", "shirt")
CUTS = ("slim", "loose", "boxy", "cropped")
PRODUCTS = 240


def planted(place: str) -> Catalog:
    """Products of four hidden groups (row % 4) that nothing but the attribute ``place`` tells."""
    chance = np.random.default_rng(5)
    out = []
    for row in range(PRODUCTS):
        group, kind = row % 4, KINDS[chance.integers(5)]
        attributes = {
            "noise": f"n{chance.integers(4)}",
            "loud": float(chance.integers(1000)),
            "always": "yes",
            "serial": f"s{row}",
            "kind": kind,
        }
        more = {
            "text": {"attributes": attributes | {"cut": CUTS[group]}},
            "number": {"attributes": attributes, "price": 10.0 * 2**group + float(chance.random())},
            "list": {"attributes": attributes, "size": (f"x{group}", f"y{group}")},
            "several": {"attributes": attributes, "season": f"{CUTS[group]}, {CUTS[group]} too"},
            "said": {"attributes": attributes | {"cut": CUTS[group]}},
            "nothing": {"attributes": attributes},
        }[place]
        words = f"{CUTS[group]} " if place == "said" else ""
        out.append(Product(f"p{row}", f"{words}{kind} model {chance.integers(10**6)}", **more))
    return Catalog.from_products(out)


def log(users: int = 150) -> pl.DataFrame:
    """Each user keeps to one hidden group, four times in five."""
    chance = np.random.default_rng(6)
    rows = []
    for user in range(users):
        for n in range(12):
            group = user % 4 if chance.random() < 0.8 else chance.integers(4)
            product = f"p{4 * chance.integers(PRODUCTS // 4) + group}"
            at = START + timedelta(hours=user, minutes=n)
            action = "purchase" if n % 3 == 2 else "click"
            rows.append((f"s{user}-{n // 3}", f"u{user}", at, action, product))
    names = ("session_id", "user_id", "timestamp", "action", "product_id")
    return as_events(pl.DataFrame(rows, schema={name: EVENT_SCHEMA[name] for name in names}, orient="row"))


@pytest.mark.parametrize(
    ("place", "found"), [("text", "cut"), ("number", "price"), ("list", "size"), ("several", "season")]
)
def test_the_planted_attribute_is_chosen_and_nothing_else(place, found):
    assert choose(planted(place), log()) == (found,)


@pytest.mark.parametrize("place", ["nothing", "said"])
def test_where_no_attribute_says_more_than_the_titles_none_is_chosen(place):
    assert choose(planted(place), log()) == ()


def test_the_record_says_what_each_is_worth_and_costs():
    found = {u.name: u for u in scores(planted("text"), log())}
    assert set(found) == {"cut", "noise", "loud", "always", "serial"}  # every title says its kind
    cut = found["cut"]
    # A purchase of the own group four times in five, told by up to six items: more than half a bit of a quarter's two.
    assert cut.bits > 0.5 and cut.bits == cut.added and cut.words == 2 and cut.coverage == 1
    assert cut.per_word == cut.added / 2
    for name in ("noise", "loud", "always", "serial"):
        assert found[name].bits < 0.02 and not found[name].chosen


def test_of_two_that_say_the_same_the_one_with_fewer_words_is_chosen():
    catalog = planted("text")
    products = [catalog.at(row) for row in range(len(catalog))]
    for p in products:
        p.attributes["the same at length"] = f"{p.attributes['cut']} and again"
    assert choose(Catalog.from_products(products), log()) == ("cut",)


def test_no_more_than_asked_and_the_same_for_the_same_seed():
    catalog = planted("text")
    products = [catalog.at(row) for row in range(len(catalog))]
    for row, p in enumerate(products):
        del p.attributes["cut"]
        p.attributes.update(half="left" if row % 4 < 2 else "right", odd="odd" if row % 2 else "even")
    catalog = Catalog.from_products(products)
    assert set(choose(catalog, log(), seed=3)) == {"half", "odd"}
    assert len(choose(catalog, log(), most=1)) == 1 and choose(catalog, log(), most=0) == ()
    assert scores(catalog, log(), seed=3) == scores(catalog, log(), seed=3)


def test_a_log_too_short_to_say_takes_the_usual_ones():
    assert choose(planted("text"), log(users=3)) == ATTRIBUTES
    assert choose(planted("text"), log(users=0)) == ATTRIBUTES


def test_a_style_is_settled_once():
    assert settled(PromptStyle(full_items=3), planted("text"), log()) == PromptStyle(("cut",), full_items=3)
    assert settled(PromptStyle(("brand",)), planted("text"), log()) == PromptStyle(("brand",))
