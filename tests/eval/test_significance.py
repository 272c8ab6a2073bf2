"""Intervals and p values beside scipy's, sessions of one shopper, and the correction for many tests."""

import numpy as np
import pytest
from scipy import stats

from shopping_assistant.eval import significance
from shopping_assistant.eval.significance import (
    Resampled,
    SignificanceError,
    bootstrap_means,
    ci95,
    holm,
    interval,
    paired_test,
)


def test_the_interval_is_the_one_scipy_finds():
    values = np.random.default_rng(0).exponential(size=400)
    reference = stats.bootstrap((values,), np.mean, n_resamples=5000, method="percentile", rng=1).confidence_interval
    low, high = interval(bootstrap_means(values[:, None], 5000))[0]
    width = reference.high - reference.low
    assert low == pytest.approx(reference.low, abs=0.05 * width)
    assert high == pytest.approx(reference.high, abs=0.05 * width)


def test_the_same_seed_gives_the_same_interval():
    scores = {"mrr": np.random.default_rng(0).random(100)}
    assert ci95(scores, seed=3) == ci95(scores, seed=3) != ci95(scores, seed=4)


def test_equal_values_have_an_interval_of_no_width():
    assert ci95({"mrr": np.full(50, 0.25)})["mrr"] == pytest.approx([0.25, 0.25])


def test_a_log_drawn_in_groups_has_the_interval_of_its_sessions(monkeypatch):
    """Above `MOST_DRAWN` shoppers; here the shoppers of 4,000 sessions in 500 groups."""
    random = np.random.default_rng(0)
    shoppers = random.integers(0, 3000, 4000)
    values = random.normal(size=(4000, 1)) + random.normal(size=3000)[shoppers][:, None]
    one_by_one = interval(bootstrap_means(values, shoppers=shoppers))[0]
    monkeypatch.setattr(significance, "MOST_DRAWN", 500)
    grouped = interval(bootstrap_means(values, shoppers=shoppers))[0]
    assert np.diff(grouped) == pytest.approx(np.diff(one_by_one), rel=0.12)
    assert grouped.mean() == pytest.approx(one_by_one.mean(), abs=0.1 * float(np.diff(one_by_one)[0]))


def test_a_real_difference_is_found_and_a_chance_one_is_not():
    random = np.random.default_rng(0)
    base = random.random(500)
    better = paired_test(base + 0.05 + random.normal(0, 0.1, 500), base)
    assert better.p < 0.01 and better.ci95[0] > 0 and better.sessions == 500
    same = paired_test(base + random.normal(0, 0.1, 500), base)
    assert same.p > 0.05 and same.ci95[0] < 0 < same.ci95[1]
    assert paired_test(base, base).p == 1


def test_p_is_the_paired_t_tests_and_near_the_permutation_tests():
    random = np.random.default_rng(2)
    first, second = random.random(80), random.random(80) + 0.07
    p = paired_test(first, second).p
    assert p == pytest.approx(stats.ttest_rel(first, second).pvalue, rel=1e-9)
    permuted = stats.permutation_test(
        (first, second), lambda a, b: np.mean(a - b), permutation_type="samples", n_resamples=4000, rng=1
    )
    assert p == pytest.approx(permuted.pvalue, abs=0.02)


def test_chance_alone_is_called_significant_as_often_as_it_should_be():
    random = np.random.default_rng(1)
    p = [paired_test(random.normal(size=60), random.normal(size=60), 10, seed).p for seed in range(400)]
    assert 0.02 <= np.mean(np.array(p) < 0.05) <= 0.09


def test_no_p_is_smaller_than_the_sessions_that_differ_allow():
    """Three sessions of a thousand differ: they could all have fallen on one side by chance, one time in four."""
    first = np.zeros(1000)
    first[:3] = 1
    assert paired_test(first, np.zeros(1000)).p == 0.25
    # A difference that never varies leaves the t-test without a standard error.
    assert paired_test(np.ones(12), np.zeros(12)).p == 2.0**-11
    assert paired_test(np.ones(1), np.zeros(1)).p == 1


def test_a_shopper_asked_three_times_is_one_witness():
    random = np.random.default_rng(0)
    first, second = random.random(40), random.random(40)
    once = paired_test(first, second)
    shoppers = np.repeat(np.arange(40), 3)
    thrice = paired_test(np.repeat(first, 3), np.repeat(second, 3), shoppers=shoppers)
    assert thrice.p == pytest.approx(once.p) and thrice.sessions == 120
    assert thrice.ci95 == pytest.approx(once.ci95)
    as_if_independent = paired_test(np.repeat(first, 3), np.repeat(second, 3))
    assert as_if_independent.p < once.p
    assert np.diff(as_if_independent.ci95) < 0.7 * np.diff(once.ci95)


def test_shoppers_with_more_sessions_weigh_more_however_they_are_drawn():
    shoppers = np.repeat(np.arange(6), [1, 1, 1, 2, 5, 30])
    assert np.ptp(bootstrap_means(np.ones((40, 1)), shoppers=shoppers)) == 0
    means = bootstrap_means((shoppers == 5)[:, None], 4000, shoppers=shoppers)
    assert means.min() == 0 and means.max() > 0.95  # the one with most of the sessions is drawn never, or nearly alone


def test_alike_sessions_do_not_make_chance_significant():
    random = np.random.default_rng(3)
    wrong = {"by shopper": 0, "by session": 0}
    for _ in range(200):
        shoppers = random.integers(0, 30, 150)
        differences = random.normal(size=30)[shoppers] + 0.3 * random.normal(size=150)
        wrong["by shopper"] += paired_test(differences, np.zeros(150), 10, shoppers=shoppers).p < 0.05
        wrong["by session"] += paired_test(differences, np.zeros(150), 10).p < 0.05
    assert wrong["by shopper"] <= 24 and wrong["by session"] > 60


def test_columns_resampled_together_compare_as_two_alone():
    values = np.random.default_rng(0).random((60, 3))
    drawn = Resampled(values)
    assert drawn.compare(2, 0) == paired_test(values[:, 2], values[:, 0])
    assert drawn.intervals()[1].tolist() == pytest.approx(ci95({"x": values[:, 1]})["x"])


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1, 1] and holm([]) == [] and holm([0.2]) == [0.2]
    with pytest.raises(SignificanceError, match="from 0 to 1"):
        holm([0.1, 1.2])


def test_holm_holds_back_the_best_of_many_chance_differences():
    random = np.random.default_rng(4)
    families = [random.random(20) for _ in range(300)]
    assert np.mean([min(p) < 0.05 for p in families]) > 0.5
    assert np.mean([min(holm(p)) < 0.05 for p in families]) < 0.09


def test_values_that_cannot_be_compared_are_refused():
    with pytest.raises(SignificanceError, match="same sessions"):
        paired_test(np.zeros(3), np.zeros(4))
    with pytest.raises(SignificanceError, match="at least one session"):
        bootstrap_means(np.zeros((0, 2)))
    with pytest.raises(SignificanceError, match="2 shoppers for 3 sessions"):
        bootstrap_means(np.zeros((3, 1)), shoppers=np.zeros(2))
