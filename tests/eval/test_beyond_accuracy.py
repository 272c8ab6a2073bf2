"""Novelty, diversity and coverage worked out on paper."""

import math

import numpy as np
import pytest

from shopping_assistant.eval.beyond_accuracy import BeyondAccuracy, BeyondAccuracyError, coverage
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.sessions import empty_events, frame_of

SHOP = Catalog.from_products(
    [
        Product("a", "A", category="Boots", color="black", brand="Only", price=10.0),
        Product("b", "B", category="boots ", color="red", brand="Only", price=10.0),
        Product("c", "C", category="Dress", color="red", brand="Only", price=90.0),
        Product("d", "D", category="Dress", brand="Only"),
        Product("e", "E", brand="Only", attributes={"pattern": "dots"}),
        Product("f", "F", brand="Only", attributes={"pattern": "plain", "code": "77"}),
    ]
)


@pytest.fixture
def train(event, buys):
    """a four times (once clicked), b twice, c once; a search, and a product the shop does not have."""
    events = [*buys("u", "a", "a", "a", "b", "b", "c", "gone"), event("u", 20, "click", "a")]
    return frame_of([*events, event("u", 30, "search", query="boots")])


def rows(*ids: str) -> np.ndarray:
    return np.array([SHOP.index(i) for i in ids])


def test_novelty_is_what_the_products_tell_in_bits(train):
    lists = BeyondAccuracy(SHOP, train)
    # Seven clicks and purchases of the shop's products; d was never met and counts as met once, as c does.
    assert lists.of_list(rows("a"))["novelty@10"] == pytest.approx(math.log2(7 / 4))
    assert lists.of_list(rows("a", "b"))["novelty@10"] == pytest.approx((math.log2(7 / 4) + math.log2(7 / 2)) / 2)
    assert lists.of_list(rows("c")) == lists.of_list(rows("d")) == {"novelty@10": pytest.approx(math.log2(7))}


def test_diversity_is_the_share_of_known_attributes_that_differ(train):
    lists = BeyondAccuracy(SHOP, train)
    # Of category, color and price band: a and b differ in the colour, a and c in all, b and c in category and price.
    apart = {"ab": 1 / 3, "ac": 1, "bc": 2 / 3}
    for pair, distance in apart.items():
        assert lists.of_list(rows(*pair))["diversity@10"] == pytest.approx(distance)
    assert lists.of_list(rows(*"cab"))["diversity@10"] == pytest.approx(sum(apart.values()) / 3)
    # d says its category only. e and f say their pattern only, which none of the others does: ae, af, … do not count.
    assert lists.of_list(rows(*"cd"))["diversity@10"] == 0
    assert lists.of_list(rows(*"ef"))["diversity@10"] == 1
    assert lists.of_list(rows(*"abe"))["diversity@10"] == pytest.approx(1 / 3)
    assert "diversity@10" not in lists.of_list(rows(*"ae"))


def test_only_the_first_k_places_count(train):
    lists = BeyondAccuracy(SHOP, train, k=2)
    assert lists.of_list(rows(*"abcd")) == lists.of_list(rows(*"ab"))
    assert lists.of_list(rows(*"ab")).keys() == {"novelty@2", "diversity@2"}


def test_what_is_not_defined_is_not_given(train):
    assert BeyondAccuracy(SHOP, train).of_list(np.array([], dtype=np.int64)) == {}
    assert BeyondAccuracy(SHOP, empty_events()).of_list(rows(*"ab")).keys() == {"diversity@10"}
    plain = Catalog.from_products([Product("a", "A"), Product("b", "B")])
    assert BeyondAccuracy(plain, train).of_list(np.array([0, 1])).keys() == {"novelty@10"}
    with pytest.raises(BeyondAccuracyError, match="k 0"):
        BeyondAccuracy(SHOP, train, k=0)


def test_a_catalogue_of_real_size_by_a_slow_but_plain_loop(small_shop):
    catalog, events = small_shop
    lists = BeyondAccuracy(catalog, events)
    names = ("category", "brand", "color", "material", "pattern", "season", "occasion", "department")
    prices = catalog.numbers("price")
    fifths = np.quantile(prices, [0.2, 0.4, 0.6, 0.8])
    top = np.random.default_rng(0).choice(len(catalog), 10, replace=False)
    apart = []
    for i, one in enumerate(top):
        for other in top[i + 1 :]:
            a, b = catalog.at(one), catalog.at(other)
            pairs = [(a.get(n), b.get(n)) for n in names if len(catalog.values(n)) > 1]
            pairs.append(((fifths < a.price).sum(), (fifths < b.price).sum()))
            known = [(x, y) for x, y in pairs if x is not None and y is not None]
            apart.append(sum(x != y for x, y in known) / len(known))
    assert lists.of_list(top)["diversity@10"] == pytest.approx(np.mean(apart))


def test_coverage_is_the_share_of_products_that_anybody_was_shown():
    tops = [("a", "b", "c"), ("a", "d"), ()]
    assert coverage(iter(tops), 8, 2) == 3 / 8
    assert coverage(tops, 8, 10) == 4 / 8 and coverage([], 8, 10) == 0
    with pytest.raises(BeyondAccuracyError, match="4 recommended products among 3"):
        coverage(tops, 3, 10)
