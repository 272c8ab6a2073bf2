import time

import numpy as np
import pytest

from shopping_assistant.eval.significance import (
    SignificanceError,
    bootstrap_means,
    ci95,
    interval,
    paired_bootstrap,
)


def test_the_interval_is_the_one_scipy_finds():
    stats = pytest.importorskip("scipy.stats")
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


def test_a_big_log_takes_seconds():
    values = np.random.default_rng(0).random((20_000, 4))
    start = time.perf_counter()
    assert bootstrap_means(values, 1000).shape == (1000, 4)
    assert time.perf_counter() - start < 10  # about half a second on an idle core


def test_a_real_difference_is_found_and_a_chance_one_is_not():
    random = np.random.default_rng(0)
    base = random.random(500)
    better = paired_bootstrap(base + 0.05 + random.normal(0, 0.1, 500), base)
    assert better.p < 0.01 and better.ci95[0] > 0 and better.sessions == 500
    same = paired_bootstrap(base + random.normal(0, 0.1, 500), base)
    assert same.p > 0.05 and same.ci95[0] < 0 < same.ci95[1]
    assert paired_bootstrap(base, base).p == 1


def test_chance_alone_is_called_significant_as_often_as_it_should_be():
    random = np.random.default_rng(1)
    p = [paired_bootstrap(random.normal(size=60), random.normal(size=60), 400, seed).p for seed in range(200)]
    assert 0.01 <= np.mean(np.array(p) < 0.05) <= 0.10


def test_values_that_cannot_be_compared_are_refused():
    with pytest.raises(SignificanceError, match="same sessions"):
        paired_bootstrap(np.zeros(3), np.zeros(4))
    with pytest.raises(SignificanceError, match="at least one session"):
        bootstrap_means(np.zeros((0, 2)))
