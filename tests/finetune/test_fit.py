"""Learning how sizes fit: it learns the planted pattern, a build makes it where there is something to learn."""

import numpy as np
import polars as pl
import pytest

from shopping_assistant.finetune import fit as learning
from shopping_assistant.finetune.build import build
from shopping_assistant.tools.fit import Shopper, Worn
from shopping_assistant.tools.fit_feedback import FITS
from shopping_assistant.tools.store import Store
from tests.fit_answers import NEW, SIZES, SMALL, TRUE, catalog, feedback


@pytest.fixture(scope="module")
def model():
    return learning.learn(feedback().with_columns(pl.lit("wrap dress").alias("category")))


def test_the_planted_pattern_is_learned(model):
    others = feedback(150, seed=9)
    foretold = []
    for size, product, height, weight in others.select("size", "product_id", "height_cm", "weight_kg").rows():
        shopper = Shopper({"height_cm": height, "weight_kg": weight})
        foretold.append(int(model.decide(model.probabilities(product, "wrap dress", [size], shopper))[0]))
    answers = np.array([FITS.index(f) for f in others["fit"].to_list()])
    # The likeliest answer alone gives 0.25, the size alone 0.4.
    assert learning.macro_f1(answers, np.array(foretold)) > 0.7


def test_a_dress_that_runs_small_is_small_on_the_same_body(model):
    shopper = Shopper({"height_cm": 165.0, "weight_kg": 62.0})
    small, true = (model.probabilities(p, "wrap dress", ["38"], shopper)[0, 0] for p in (SMALL, TRUE))
    assert small > true + 0.2


def test_chances_are_chances_and_unknown_sizes_have_none(model):
    chances = model.probabilities(TRUE, "wrap dress", [*SIZES, "M", "one size"], Shopper({"weight_kg": 60.0}))
    assert np.allclose(chances[: len(SIZES)].sum(axis=1), 1)
    assert np.isnan(chances[len(SIZES) :]).all()


def test_the_expected_size_grows_with_the_weight_and_follows_what_fitted(model):
    def likeliest(shopper):
        return float(SIZES[int(model.worn_sizes(TRUE, "wrap dress", SIZES, shopper).argmax())])

    by_weight = [likeliest(Shopper({"height_cm": 165.0, "weight_kg": w})) for w in (52.0, 62.0, 76.0)]
    assert by_weight == sorted(by_weight) and by_weight[0] < by_weight[-1]
    assert likeliest(Shopper({}, (Worn("42", "fit"),))) == 42
    assert not model.worn_sizes(TRUE, "wrap dress", SIZES, Shopper()).any()
    # Another scale says nothing of this one.
    assert not model.worn_sizes(TRUE, "wrap dress", SIZES, Shopper({}, (Worn("M", "fit"),))).any()


def test_a_product_and_a_category_that_nobody_told_of_are_served(model):
    chances = model.probabilities(NEW, "no such kind", ["38"], Shopper({"weight_kg": 60.0}))
    assert np.allclose(chances.sum(), 1)


def test_the_same_answers_give_the_same_model(model, tmp_path):
    again = learning.learn(feedback().with_columns(pl.lit("wrap dress").alias("category")))
    for made, folder in ((model, tmp_path / "a"), (again, tmp_path / "b")):
        folder.mkdir()
        made.save(folder)
    assert (tmp_path / "a/fit.safetensors").read_bytes() == (tmp_path / "b/fit.safetensors").read_bytes()
    read = type(model).read(tmp_path / "a")
    shopper = Shopper({"weight_kg": 60.0})
    assert np.array_equal(
        read.probabilities(TRUE, "wrap dress", SIZES, shopper), model.probabilities(TRUE, "wrap dress", SIZES, shopper)
    )


@pytest.mark.parametrize("kinds", [("fit",), ("fit", "small")], ids=["one answer", "two answers"])
def test_shops_where_not_all_answers_were_given(kinds):
    some = feedback(60).filter(pl.col("fit").is_in(kinds)).with_columns(pl.lit("wrap dress").alias("category"))
    chances = learning.learn(some).probabilities(TRUE, "wrap dress", SIZES, Shopper({"weight_kg": 60.0}))
    assert np.allclose(chances.sum(axis=1), 1)
    assert chances[:, FITS.index("large")].max() < 1e-3


def test_a_build_skips_it_with_a_reason_and_makes_it_once(tmp_path):
    store = Store.create(tmp_path / "shop", name="Fits")
    store.write_catalog(catalog())
    report = build(store, only=("fit",))[0]
    assert (report.outcome, "--fit FILE" in report.why) == ("skipped", True)
    store.write_fit_feedback(feedback(10))
    assert "only 20 answers" in build(store, only=("fit",))[0].why
    store.write_fit_feedback(feedback(60))
    assert [build(store, only=("fit",))[0].outcome for _ in range(2)] == ["made", "fresh"]
    assert Store.open(store.path).damaged() == []
