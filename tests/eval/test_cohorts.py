"""Which groups a session counts in."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shopping_assistant.eval.cohorts import CATEGORIES, Cohorts
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.sessions import Example, frame_of

SHOP = Catalog.from_products(
    [
        Product("b1", "Boot", category="Boots"),
        Product("b2", "Boot", category="Boots"),
        Product("d1", "Dress", category="Dresses"),
        Product("x", "Something"),
    ]
)


@pytest.fixture
def train(buys):
    return frame_of(
        [*buys("ann", "b1", "d1", session="1"), *buys("ann", "b1", start=9, session="2"), *buys("bob", "b1", start=5)]
    )


def asked(target: str, *history, month: int = 1, user: str = "cyd", session: str = "now") -> Example:
    return Example(user, f"{user}-{session}", history, target, datetime(2026, month, 15, tzinfo=UTC))


def test_every_group_by_hand(train, event):
    cohorts = Cohorts(SHOP, train)
    bare = asked("b1", event("cyd", 0, "click", "d1", session="now"))
    assert set(cohorts.of(bare)) == {
        "warm items", "new shoppers", "without query", "category Boots", "history 0-4", "season winter",
    }  # fmt: skip
    history = [event("cyd", i, "click", "d1", session="before") for i in range(11)]
    history.append(event("cyd", 20, "search", query="boots", session="now"))
    full = asked("b2", *history, month=9)
    assert set(cohorts.of(full)) == {
        "cold items", "known shoppers", "with query", "category Boots", "history 10-19", "season autumn",
    }  # fmt: skip
    assert "no category" in cohorts.of(asked("x")) and "no category" in cohorts.of(asked("not in the catalogue"))


@pytest.mark.parametrize(
    ("month", "season"),
    [*enumerate(["winter"] * 2 + ["spring"] * 3 + ["summer"] * 3 + ["autumn"] * 3 + ["winter"], 1)],
)
def test_seasons_of_the_northern_hemisphere(train, month, season):
    assert cohorts_starting("season", Cohorts(SHOP, train).of(asked("b1", month=month))) == [f"season {season}"]


def cohorts_starting(word: str, names: tuple[str, ...]) -> list[str]:
    return [name for name in names if name.startswith(word)]


def test_times_that_only_carry_an_order_have_no_season(buys):
    """Logs without dates are given made-up ones: every shopper begins at the same moment."""
    ordered = frame_of([*buys("ann", "b1", "d1"), *buys("bob", "b1"), *buys("cyd", "d1", "b2")])
    assert cohorts_starting("season", Cohorts(SHOP, ordered).of(asked("b1"))) == []
    dated = frame_of([*buys("ann", "b1", "d1"), *buys("bob", "b1", start=1)])
    assert cohorts_starting("season", Cohorts(SHOP, dated).of(asked("b1"))) == ["season winter"]
    one = frame_of(buys("ann", "b1", "d1"))  # a single shopper begins when anybody would
    assert cohorts_starting("season", Cohorts(SHOP, one).of(asked("b1"))) == ["season winter"]


def test_a_log_without_sessions_does_not_call_its_shoppers_new(buys):
    one_each = frame_of([*buys("ann", "b1", "d1"), *buys("bob", "b1", start=3)])
    names = Cohorts(SHOP, one_each).of(asked("b1"))
    assert not {"new shoppers", "known shoppers"} & set(names)


def test_the_categories_bought_most_are_named_and_the_rest_stand_together(buys):
    shop = Catalog.from_products([Product(f"p{i}", "P", category=f"C{i:02d}") for i in range(CATEGORIES + 3)])
    often = [f"p{i}" for i in range(CATEGORIES + 3) for _ in range(1 + (i > 2))]  # C00, C01, C02 once, the others twice
    cohorts = Cohorts(shop, frame_of(buys("ann", *often)))
    named = {n for i in range(CATEGORIES + 3) for n in cohorts.of(asked(f"p{i}")) if "categor" in n}
    assert named == {f"category C{i:02d}" for i in range(3, CATEGORIES + 3)} | {"other categories"}
    bare = Catalog.from_products([replace(SHOP.product(p), category=None) for p in SHOP.ids])
    assert not [n for n in Cohorts(bare, frame_of(buys("ann", "b1"))).of(asked("b1")) if "categor" in n]
