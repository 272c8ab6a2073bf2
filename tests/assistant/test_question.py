"""The question back: what it is worth, what it may be about, and that every choice means what it says."""

from dataclasses import replace

import numpy as np
import pytest

from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.assistant.language.understanding import Before, Understanding
from shopping_assistant.assistant.language.vocabulary import Vocabulary
from shopping_assistant.assistant.question import Questions
from shopping_assistant.assistant.shelf import Shelf
from shopping_assistant.tools.attribute_filter import Constraint
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.store import Store

SCARVES = Constraint("category", "in", ("scarf",), "scarves")


def scarves(**columns) -> Catalog:
    """Sixteen scarves; a column gives each of them its value in turn."""
    return Catalog.from_products(
        [
            Product(f"s{i}", f"Scarf {i}", "scarf", **{a: values[i % len(values)] for a, values in columns.items()})
            for i in range(16)
        ]
    )


def asked(catalog: Catalog, searches=(), constraints=(SCARVES,), unasked=()):
    questions = Questions(Understanding(Vocabulary(catalog)), "EUR", lambda: searches)
    return questions.best(np.arange(len(catalog)), constraints, unasked)


def test_the_attribute_that_splits_most_evenly_is_asked_about():
    catalog = scarves(color=("red", "blue", "green", "white"), material=("silk",) * 15 + ("wool",))
    question = asked(catalog)
    assert question.attribute == "color"
    assert {c.label for c in question.choices[:-1]} == {"red", "blue", "green", "white"}
    assert question.bits == pytest.approx(2, abs=0.05)


def test_who_names_the_material_in_this_shop_is_asked_about_the_material():
    catalog = scarves(color=("red", "blue", "green", "white"), material=("silk", "silk", "wool", "linen", "wool"))
    assert asked(catalog).attribute == "color"
    assert asked(catalog, ["silk scarf", "wool scarf", "linen scarf", "scarf in wool"] * 40).attribute == "material"


def test_a_size_that_nearly_all_come_in_is_worth_no_question():
    sizes = ("s", "m", "l")
    catalog = scarves(color=("red", "red", "red", "blue"), size=(sizes, sizes, sizes, ("one size",)))
    assert asked(catalog) is None


def test_what_the_catalogue_seldom_states_is_not_asked_about():
    assert asked(scarves(color=("red", None, None, "blue", None))) is None


@pytest.mark.parametrize("taken", ["wish", "exclusion", "asked before"])
def test_nobody_is_asked_about_what_they_said_or_were_asked(taken):
    catalog = scarves(color=("red", "blue", "green", "white"))
    ops = {"wish": "in", "exclusion": "not in"}
    wishes = [Constraint("color", ops[taken], ("red",))] if taken in ops else []
    assert asked(catalog).attribute == "color"
    unasked = ["color"] if taken == "asked before" else []
    assert asked(catalog, constraints=(SCARVES, *wishes), unasked=unasked) is None


def test_prices_are_asked_about_in_round_bands_that_are_understood():
    catalog = scarves(price=tuple(float(p) for p in range(13, 13 + 16 * 7, 7)))
    question = asked(catalog)
    assert question.attribute == "price" and 4 <= len(question.choices) <= 5
    assert question.choices[0].label.startswith("under €") and question.choices[-2].label.startswith("over €")


def test_a_value_that_cannot_be_said_is_no_choice():
    """What would be understood as something else is left out; with too few choices left there is no question."""
    assert asked(scarves(attributes=({"trend": "19"}, {"trend": "20"}, {"trend": "21"}))) is None


@pytest.fixture(scope="module")
def shelf(demo_store):
    return Shelf(Store.open(demo_store))


def test_every_choice_of_a_walk_over_the_demo_shop_means_what_it_says(shelf):
    seen = 0
    for category in list(shelf.vocabulary.values["category"])[::3]:
        wishes = shelf.understanding.understand(category).constraints
        for step in range(2):
            found = shelf.search(category, 10, wishes)
            question = shelf.questions.best(found.pool, wishes, (), step)
            if question is None:
                break
            before = Before(wishes, question=question.attribute)
            *choices, without = question.choices
            assert 2 <= len(choices) <= 4, question
            for choice in choices:
                u = shelf.understanding.understand(choice.say, before)
                assert {c.attribute for c in u.added} == {question.attribute}, (question, choice)
                assert [c for c in u.constraints if c.attribute != question.attribute] == list(wishes), choice
                assert shelf.mask(u.constraints).any() and not u.words, choice
                seen += 1
            u = shelf.understanding.understand(without.say, before)
            assert u.declined == question.attribute and u.constraints == wishes, without
            wishes = shelf.understanding.understand(choices[0].say, before).constraints
    assert seen > 100


@pytest.fixture
def many(tmp_path):
    """A shop of forty scarves that vary in colour, price and maker."""
    colors, brands = ("red", "blue", "green", "white"), ("Aster", "Brook", "Cedar", "Dahlia", "Elm")
    products = [
        Product(f"s{i}", f"{brands[i % 5]} Scarf", "scarf", brands[i % 5], colors[i % 4], price=10.0 + 5 * (i % 7))
        for i in range(40)
    ]
    store = Store.create(tmp_path / "shop", name="Scarves", currency="EUR")
    store.write_catalog(Catalog.from_products(products))
    opened = Assistant.open(store.path)
    yield opened
    opened.close()


def test_a_question_comes_with_the_products_and_is_never_put_twice(many, thread):
    asked_about = []
    for text in ("a scarf", "no preference", "scarves", "up to you", "do you have scarves?", "more", "a scarf please"):
        turn = many.turn(thread, text)
        if "question" in turn:
            assert turn["products"] and turn["reply"].endswith(turn["question"]["text"])
            assert 3 <= len(turn["question"]["choices"]) <= 5
            asked_about.append(turn["question"]["attribute"])
    assert asked_about and len(asked_about) == len(set(asked_about))


def test_a_tapped_choice_narrows_the_search(many, thread):
    question = many.turn(thread, "a scarf")["question"]
    choice = question["choices"][0]
    turn = many.turn(thread, choice["say"])
    assert {c["attribute"] for c in turn["constraints"]} == {"category", question["attribute"]}
    assert turn["act"] == "refine" and turn["products"]


def test_who_passes_over_two_questions_is_left_in_peace(many, thread):
    many.turn(thread, "a scarf")
    many.turn(thread, "scarves that are soft")
    many.turn(thread, "scarves please")
    assert "question" not in many.turn(thread, "show me scarves")


def test_few_products_need_no_question(many, thread):
    assert "question" not in many.turn(thread, "a red scarf under 20")


def test_an_assistant_that_does_not_ask_back(many, thread):
    quiet = Assistant.open(many.store.path, settings=replace(many.settings, asks_back=False))
    assert "question" not in quiet.turn(thread, "a scarf")
    quiet.close()
