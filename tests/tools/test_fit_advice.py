"""Advice on a size: the size, the counts it rests on, and silence where nothing is known."""

import pytest

from shopping_assistant.tools.fit import FitError, FitModel, Shopper, Worn
from shopping_assistant.tools.fit_advice import Counts, SizeAdvisor
from shopping_assistant.tools.store import Store
from tests.fit_answers import BAG, NEW, SIZES, SMALL, TRUE, feedback, lay_out
from tests.shared_folder import made_once


@pytest.fixture(scope="module")
def advisor(tmp_path_factory):
    return SizeAdvisor.open(Store.open(made_once(tmp_path_factory, "fit-shop", lay_out)))


def test_the_advised_size_follows_the_body_and_the_product(advisor):
    shopper = Shopper({"height_cm": 165.0, "weight_kg": 62.0})
    true, small = (advisor.advise(advisor.catalog.product(p), shopper) for p in (TRUE, SMALL))
    assert true.size == "38"
    assert float(small.size) >= float(true.size)
    assert small.chance("38").small > true.chance("38").small


def test_a_larger_size_is_never_likelier_small(advisor):
    for shopper in (Shopper({"weight_kg": 55.0}), Shopper({"weight_kg": 78.0}), Shopper({}, (Worn("40", "large"),))):
        chances = [advisor.advise(advisor.catalog.product(SMALL), shopper).chance(s) for s in SIZES]
        small, large = [c.small for c in chances], [c.large for c in chances]
        assert small == sorted(small, reverse=True) and large == sorted(large)


def test_counts_are_those_of_the_table(advisor):
    told = feedback()
    advice = advisor.advise(advisor.catalog.product(SMALL), Shopper({"height_cm": 165.0, "weight_kg": 62.0}))
    own = told.filter(told["product_id"] == SMALL)
    assert advice.of_product == Counts(*((own["fit"] == f).sum() for f in ("small", "fit", "large")))
    assert advice.of_product.runs == "small"
    near = own.filter(((own["height_cm"] - 165).abs() <= 4) & ((own["weight_kg"] - 62).abs() <= 4))
    assert advice.alike_all == len(near)
    assert sum(n for _, n in advice.alike) == (near["fit"] == "fit").sum()
    assert [n for _, n in advice.alike] == sorted((n for _, n in advice.alike), reverse=True)


def test_nothing_known_of_the_shopper_gives_no_size(advisor):
    advice = advisor.advise(advisor.catalog.product(TRUE), Shopper())
    assert advice.size is None and advice.of_product.all == 400


def test_a_product_nobody_told_of_goes_by_its_kind_and_an_unsized_one_by_nothing(advisor):
    new = advisor.advise(advisor.catalog.product(NEW), Shopper({"weight_kg": 62.0}))
    assert new.of_product.all == 0 and new.of_kind.all == 800 and new.size in SIZES
    bag = advisor.advise(advisor.catalog.product(BAG), Shopper({"weight_kg": 62.0}))
    assert bag.size is None and bag.chances == () and bag.of_kind.all == 0


def test_a_shoppers_own_answers_are_known(advisor):
    worn = advisor.worn_by("u3")
    assert len(worn) == 2 and advisor.worn_by("nobody") == ()


@pytest.mark.parametrize(
    ("counts", "runs"),
    [(Counts(2, 3, 0), ""), (Counts(31, 18, 1), "small"), (Counts(1, 18, 31), "large"), (Counts(5, 40, 4), "true"),
     (Counts(4, 60, 0), "true")],
    ids=["few", "small", "large", "even", "rare"],
)  # fmt: skip
def test_when_a_product_runs_small(counts, runs):
    assert counts.runs == runs


def test_a_damaged_model_says_what_to_do(tmp_path):
    with pytest.raises(FitError, match="shop build --only fit"):
        FitModel.read(tmp_path)
    (tmp_path / "fit.json").write_text("{}")
    (tmp_path / "fit.safetensors").write_bytes(b"nothing")
    with pytest.raises(FitError, match="shop build --only fit"):
        FitModel.read(tmp_path)
