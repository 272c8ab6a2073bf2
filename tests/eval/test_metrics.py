import math

import numpy as np
import pytest

from shopping_assistant.eval.metrics import (
    MetricError,
    metric_names,
    parse_name,
    scores_of_ranking,
    scores_of_ranks,
    target_ranks,
)


def test_values_by_hand():
    scores = scores_of_ranks([1, 2, 10, 11, 0])
    assert list(scores) == ["recall@10", "ndcg@10", "mrr@10", "mrr"]
    assert scores["recall@10"].tolist() == [1, 1, 1, 0, 0]
    assert scores["ndcg@10"] == pytest.approx([1, 1 / math.log2(3), 1 / math.log2(11), 0, 0])
    assert scores["mrr@10"] == pytest.approx([1, 0.5, 0.1, 0, 0])
    assert scores["mrr"] == pytest.approx([1, 0.5, 0.1, 1 / 11, 0])


def test_the_printed_name_is_the_code():
    assert metric_names(5) == ("recall@5", "ndcg@5", "mrr@5", "mrr")
    assert [parse_name(n) for n in metric_names(5)] == [("recall", 5), ("ndcg", 5), ("mrr", 5), ("mrr", None)]
    assert scores_of_ranks([3], ["ndcg"])["ndcg"][0] == pytest.approx(0.5)
    for wrong in ("recall", "recall@0", "precision@10", "mrr@"):
        with pytest.raises(MetricError, match="expected recall@K"):
            parse_name(wrong)


def test_ranks_that_make_no_sense_are_refused():
    with pytest.raises(MetricError, match="rank -1"):
        scores_of_ranks([1, -1])
    with pytest.raises(MetricError, match="whole numbers"):
        scores_of_ranks([1.5])


def test_a_ranked_list_scores_as_its_rank_does():
    ranked = [f"p{i}" for i in range(30)]
    for rank in (1, 7, 10, 11, 30):
        by_rank = {name: values[0] for name, values in scores_of_ranks([rank]).items()}
        assert scores_of_ranking(ranked, {f"p{rank - 1}"}) == pytest.approx(by_rank)
    assert scores_of_ranking(ranked, ["absent"]) == {"recall@10": 0, "ndcg@10": 0, "mrr@10": 0, "mrr": 0}


def test_several_relevant_products_by_hand():
    scores = scores_of_ranking(
        ["a", "b", "c", "d"], {"b", "d", "x"}, ["recall@3", "recall@4", "ndcg@4", "mrr@4", "mrr@1"]
    )
    assert scores["recall@3"] == pytest.approx(1 / 3)
    assert scores["recall@4"] == pytest.approx(2 / 3)
    assert scores["mrr@4"] == 0.5 and scores["mrr@1"] == 0
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert scores["ndcg@4"] == pytest.approx((1 / math.log2(3) + 1 / math.log2(5)) / ideal)


def test_graded_ndcg_agrees_with_scikit_learn():
    reference = pytest.importorskip("sklearn.metrics").ndcg_score
    random = np.random.default_rng(0)
    for _ in range(20):
        gains, order = random.integers(1, 5, 15).astype(float), random.permutation(15)
        ours = scores_of_ranking(
            [f"p{i}" for i in order], {f"p{i}": g for i, g in enumerate(gains)}, ["ndcg@5", "ndcg"]
        )
        predicted = np.empty(15)
        predicted[order] = np.arange(15, 0, -1)
        assert ours["ndcg@5"] == pytest.approx(reference([gains], [predicted], k=5))
        assert ours["ndcg"] == pytest.approx(reference([gains], [predicted]))


def test_a_product_listed_twice_is_refused():
    with pytest.raises(MetricError, match="'a' stands twice"):
        scores_of_ranking(["a", "b", "a"], {"b"})


def test_target_ranks_agree_with_a_full_sort():
    random = np.random.default_rng(0)
    scores = random.integers(0, 6, (200, 40)).astype(np.float32)  # few values: many ties
    scores[random.random(scores.shape) < 0.1] = -np.inf
    masks = random.random(scores.shape) < 0.7
    targets = random.integers(0, 40, 200)
    expected = []
    for row, mask, target in zip(scores, masks, targets, strict=True):
        # What scores -inf was not returned: it stands nowhere in the list.
        order = [i for i in sorted(range(40), key=lambda i, row=row: (-row[i], i)) if mask[i] and row[i] > -np.inf]
        expected.append(order.index(target) + 1 if target in order else 0)
    assert target_ranks(scores, masks, targets).tolist() == expected


def test_a_target_outside_the_catalogue_has_no_rank():
    assert target_ranks(np.zeros((1, 3)), np.ones((1, 3), bool), np.array([-1])).tolist() == [0]


def test_scores_that_are_not_numbers_are_refused():
    with pytest.raises(MetricError, match="1 scores are NaN"):
        target_ranks(np.array([[1.0, np.nan]]), np.ones((1, 2), bool), np.array([0]))
