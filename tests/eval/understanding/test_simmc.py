"""Dialogues held and scored: acts, wishes, what is asked, and which of the shown products are meant."""

import pytest

from shopping_assistant.eval.understanding.record import half_of
from shopping_assistant.eval.understanding.scratch import DataMissing
from shopping_assistant.eval.understanding.simmc import failures_of, hold, measure
from shopping_assistant.eval.understanding.simmc_records import (
    Scenery,
    expected_slots,
    read_dialogues,
    understood_slots,
    was_typed,
)
from shopping_assistant.tools.attribute_filter import Constraint
from shopping_assistant.tools.catalog import Catalog, Product


@pytest.fixture(scope="module")
def measured(simmc_data, scratch):
    return measure(simmc_data, scratch, full=True)


def test_what_is_plainly_said_is_scored_as_right(measured):
    figures = measured[0].figures
    assert figures["act_recall_search"] == figures["act_recall_ask"] == figures["act_recall_add_to_bag"] == 1.0
    assert figures["slots_search_f1"] == 1.0 and figures["full/slots_search_f1"] == 1.0
    assert figures["asked_f1"] == 1.0


def test_products_are_meant_by_the_colours_that_the_shop_named(measured):
    """The blue jacket is object 7 and the red and white one object 9, which only the shop's sentence tells."""
    assert measured[0].figures["targets_exact_all_colors_known"] == 1.0


def test_every_figure_has_its_halves_and_an_interval_around_it(measured):
    figures, ci = measured[0].figures, measured[0].ci95
    names = [f"simmc2-{n}" for n in range(1, 7)]
    assert {half_of(n) for n in names} == {"development", "held_back"}
    assert {"development/act_accuracy", "held_back/act_accuracy"} <= set(figures)
    assert all(low - 1e-9 <= figures[name] <= high + 1e-9 for name, (low, high) in ci.items())
    assert measured[0].n == 30


def test_failures_come_from_the_development_half_alone(simmc_data, scratch, tmp_path):
    dialogues = read_dialogues(simmc_data / "fashion_dev.jsonl.gz")
    store = next(scratch.glob("simmc2-*"))
    heard = hold(store, dialogues[:1])[0]
    wrong = [type(h)(**{**vars(h), "act": "greet", "slots": frozenset()}) for h in heard]
    kinds = {k for f in failures_of(dialogues[0], wrong) for k in f.kinds}
    assert {"search heard as greet", "brand: missed", "category: missed"} <= kinds
    _, failures = measure(simmc_data, scratch)
    assert {half_of(f.seen["dialogue"]) for f in failures} <= {"development"}


def test_the_same_run_twice_gives_the_same_figures(measured, simmc_data, scratch):
    again, _ = measure(simmc_data, scratch)
    same = {n: v for n, v in again.figures.items() if not n.startswith("ms_")}
    assert same == {n: measured[0].figures[n] for n in same}


def test_slots_in_our_words():
    slots = {"type": "jacket", "color": "Gray and white", "price": "cheap", "availableSizes": ["S", "M"], "brand": ""}
    expected = expected_slots(slots)
    assert expected == {
        ("category", "jacket"), ("color", "grey"), ("color", "white"), ("price", "*"), ("size", "s"), ("size", "m"),
    }  # fmt: skip
    wishes = [
        Constraint("category", "in", ("jacket", "coat")),
        Constraint("price", "<=", (40.0,)),
        Constraint("color", "not in", ("red",)),
        Constraint("size", "in", ("xl",)),
    ]
    assert understood_slots(wishes, expected) == {("category", "jacket"), ("price", "*"), ("size", "xl")}
    # Another kind than the one meant is a wrong prediction, each value of it.
    assert ("category", "dress") in understood_slots([Constraint("category", "in", ("jacket", "dress"))], expected)


def test_the_oracle_credits_only_what_was_typed():
    assert was_typed(("category", "tshirt"), ["any T-shirts?"]) and was_typed(("size", "xl"), ["in extra large"])
    assert was_typed(("price", "*"), ["something affordable"]) and not was_typed(("price", "*"), ["something red"])
    assert not was_typed(("brand", "north lodge"), ["of the same brand"])


def test_scenes_are_read_from_what_the_shop_says():
    colors = ("blue, white", "brown", "grey", "dark blue", "blue")
    scenery = Scenery(Catalog.from_products([Product(f"p{i}", c, "shirt", color=c) for i, c in enumerate(colors)]))
    assert scenery.colors_in("a blue and white, a brown, and a gray one", (1, 2, 3)) == ["blue, white", "brown", "grey"]
    assert scenery.colors_in("two in dark blue and one in brown", (1, 2, 3)) == ["dark blue", "dark blue", "brown"]
    assert scenery.colors_in("these blue ones", (1, 2)) == ["blue", "blue"]
    assert scenery.colors_in("a brown one and something", (1, 2, 3)) == ["brown"] * 3
    assert scenery.colors_in("a brown and a blue one", (1, 2, 3)) == [None] * 3
    assert scenery.stand_in({"category": "shirt", "color": "blue"}, set()) == ("p4", True)
    assert scenery.stand_in({"category": "shirt", "color": "blue"}, {"p4"})[1] is False
    assert scenery.stand_in({"category": "hat"}, set()) is None


def test_missing_data_are_named(tmp_path, scratch):
    with pytest.raises(DataMissing, match=r"catalogue\.jsonl\.gz does not exist"):
        measure(tmp_path, scratch)


def test_on_the_real_dialogues(real_set, tmp_path, first_rows):
    for name, rows in (("catalogue.jsonl.gz", 200), ("fashion_dev.jsonl.gz", 12)):
        first_rows(real_set("simmc2") / name, tmp_path / name, rows)
    result, failures = measure(tmp_path, tmp_path / "scratch")
    assert result.figures["act_accuracy"] > 0.7 and result.figures["oracle_typed_slots_search_f1"] > 0.8
    assert result.n > 60 and failures and result.kinds
