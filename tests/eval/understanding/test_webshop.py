"""Requests for one of many products: the reward by its published definition, and the places."""

import pytest

from shopping_assistant.eval.understanding.webshop import measure
from shopping_assistant.eval.understanding.webshop_reward import (
    Goal,
    has_attribute,
    read_goals,
    read_products,
    reward,
    type_reward,
)


@pytest.fixture(scope="module")
def products(webshop_data):
    return read_products(webshop_data / "products_1000.jsonl.gz")


def test_the_reward_counts_type_attributes_options_and_price(products):
    goal = Goal("boots", "w1", ("rubber sole", "memory foam"), ("red",), 50.0)
    # type 1, of (2 attributes, 1 option, price): w1 has both attributes, no red, and costs 10.
    assert reward(goal, products["w1"], products["w1"]) == pytest.approx(3 / 4)
    # w2 has one attribute and costs 80: too much.
    assert reward(goal, products["w1"], products["w2"]) == pytest.approx(1 / 4)
    table = Goal("table", "w3", ("easy to assemble",), ("Dark Oak",), None)
    assert reward(table, products["w3"], products["w3"]) == 1.0


def test_the_type_is_worth_less_the_less_titles_share(products):
    assert type_reward(products["w1"], products["w2"]) == 1.0
    assert type_reward(products["w1"], products["w3"]) == 0.0
    # A third of the words in common, which is more than a fifth: of the right type whatever the category.
    assert type_reward(products["w3"], products["w4"]) == 1.0


def test_attributes_are_whole_words(products):
    assert has_attribute(products["w3"], "Easy to assemble") and not has_attribute(products["w3"], "to ass")


def test_only_requests_for_products_that_are_there_count(webshop_data, products):
    assert [g.target for g in read_goals(webshop_data / "items_ins_v2_dev.json.gz", products)] == ["w1", "w3"]


def test_what_is_asked_for_by_its_words_is_found(webshop_data, scratch):
    result, failures = measure(webshop_data, scratch)
    assert result.n == 2 and result.figures["search/recall@1"] == result.figures["bm25/recall@1"] == 1.0
    assert result.figures["search/reward@1"] == 1.0
    assert result.figures["free/act_search"] == pytest.approx(1.0)
    # Only w1 has memory foam; of solid wood is w3 alone.
    assert result.figures["oracle/recall@1"] == 1.0
    assert {c["metric"] for c in result.comparisons} == {"recall@10", "mrr@10", "reward@1"}
    assert all(f.kinds for f in failures)


def test_on_the_real_requests(real_set, tmp_path, first_rows):
    folder = real_set("webshop")
    first_rows(folder / "products_1000.jsonl.gz", tmp_path / "products_1000.jsonl.gz", 80)
    for name in ("items_ins_v2_dev.json.gz", "human_goals_dev.json.gz"):
        (tmp_path / name).symlink_to(folder / name)
    result, _ = measure(tmp_path, tmp_path / "scratch", sample=8)
    assert result.n == 8 and result.figures["search/recall@10"] > 0.8
    assert result.figures["search/best_reward@10"] >= result.figures["search/reward@1"]
