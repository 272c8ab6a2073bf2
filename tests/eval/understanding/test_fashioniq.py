"""Feedback towards a product: does it rise?"""

import numpy as np
import pytest

from shopping_assistant.eval.understanding.fashioniq import measure, mid_rank
from shopping_assistant.eval.understanding.fashioniq_records import feedback_of, read_wanted, read_words


def test_words_of_several_listings_are_joined_by_kind(fashioniq_data):
    words = read_words(fashioniq_data / "asin2attr.json.gz")
    assert words["d4"]["pattern"] == ("dots",) and words["d4"]["fabric"] == ("denim", "lace")


def test_captions_become_what_a_shopper_types():
    assert (
        feedback_of(["Is strapless.", "has the same length"])
        == "I want one that is strapless and that has the same length"
    )
    assert feedback_of(["more colorful", "more colorful"]) == "I want one more colorful"


def test_a_list_that_says_nothing_is_worth_half():
    assert mid_rank(np.zeros(5), 2) == 3.0
    assert mid_rank(np.array([3.0, 2.0, 1.0]), 0) == 1.0


def test_the_target_rises_when_its_words_are_said(fashioniq_data, scratch):
    result, failures = measure(fashioniq_data, scratch)
    counted = {"products": 3, "conversations": 2, "played": 2, "left out, a product without words": 1}
    assert result.n == 2 and result.protocol["dress"] == counted
    assert result.figures["oracle_words/percentile_turn_1"] == 1.0
    assert result.figures["text/percentile_turn_1"] == 1.0
    assert 0 <= result.figures["assistant/percentile_turn_1"] <= 1
    assert sum(v for n, v in result.figures.items() if n.startswith("feedback_heard_as/")) == pytest.approx(1.0)
    assert all(f.kinds for f in failures)


def test_on_the_real_feedback(real_set):
    wanted = read_wanted(real_set("fashioniq_multiturn") / "dress.train.json.gz", "dress")
    words = read_words(real_set("fashioniq_multiturn") / "asin2attr.json.gz")
    assert len(wanted) > 3_000 and all(len(w.steps) >= 2 for w in wanted)
    assert sum(w.target in words for w in wanted) / len(wanted) > 0.9
