"""Histories of one epoch: baskets in another order, products in the place of their kin, nothing else changed."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from shopping_assistant.finetune.augmentation import Kin, augmented
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.sessions import Event

# Five groups of eight: titles within a group are near.
CATALOG = Catalog.from_products([Product(f"p{i}", f"thing {i}") for i in range(40)])
VECTORS = np.eye(8, dtype=np.float32)[np.arange(40) // 8] + np.random.default_rng(0).normal(0, 0.02, (40, 8))
START = datetime(2026, 5, 1, tzinfo=UTC)


def bought(day: int, *rows: int, user: str = "u") -> list[Event]:
    when = START + timedelta(days=day)
    return [Event(f"{user}{day}", user, when, "purchase", product_id=f"p{row}") for row in rows]


HISTORY = [
    *bought(0, 0, 9, 17, 25),
    Event("u3", "u", START + timedelta(days=3), "search", query="boots"),
    Event("u3", "u", START + timedelta(days=3), "click", product_id="p1"),
    *bought(3, 1, 2),
    *bought(5, 30),
]
MANY = [HISTORY] * 50


def products(events) -> list[str | None]:
    return [e.product_id for e in events]


def test_a_basket_comes_in_every_order_and_stays_one_basket():
    found = augmented(MANY, None, 0.0, shuffled=True, seed=1)
    assert len({tuple(products(events)[:4]) for events in found}) > 10
    for events in found:
        assert sorted(products(events)[:4]) == sorted(products(HISTORY)[:4])
        assert events[4:6] == HISTORY[4:6]
        assert sorted(products(events)[6:8]) == ["p1", "p2"]
        assert events[8] == HISTORY[8]


def test_kin_are_the_nearest_titles_and_stand_for_the_share_that_was_asked():
    kin = Kin(CATALOG, VECTORS, [HISTORY], count=7)
    for row in (0, 9, 17, 25, 1, 2, 30):
        group = row // 8
        assert kin.of(f"p{row}") == [f"p{i}" for i in range(8 * group, 8 * group + 8) if i != row]
    assert kin.of("p39") == []  # the log does not name it
    changed = [
        (old, new)
        for events in augmented(MANY * 4, kin, 0.25, shuffled=False, seed=2)
        for old, new in zip(HISTORY, events, strict=True)
        if old != new
    ]
    assert 0.2 < len(changed) / (200 * 8) < 0.3
    for old, new in changed:
        assert int(new.product_id[1:]) // 8 == int(old.product_id[1:]) // 8
        assert (new.timestamp, new.action, new.session_id) == (old.timestamp, old.action, old.session_id)
    # Products that nobody bought come in, which is what this is for.
    assert {new.product_id for _, new in changed} - set(products(HISTORY))


def test_the_same_seed_gives_the_same_histories_and_nothing_asked_changes_nothing():
    kin = Kin(CATALOG, VECTORS, MANY)
    once = augmented(MANY, kin, 0.3, shuffled=True, seed=4)
    assert once == augmented(MANY, kin, 0.3, shuffled=True, seed=4) != augmented(MANY, kin, 0.3, shuffled=True, seed=5)
    assert augmented(MANY, None, 0.0, shuffled=False, seed=4) is MANY


@pytest.mark.parametrize("products", [1, 3])
def test_a_catalogue_with_fewer_products_than_kin(products):
    catalog = Catalog.from_products([Product(f"p{i}", f"thing {i}") for i in range(products)])
    history = [bought(0, *range(products))]
    kin = Kin(catalog, VECTORS[:products], history)
    assert kin.of("p0") == [f"p{i}" for i in range(1, products)]
    assert len(augmented(history, kin, 0.9, shuffled=True, seed=0)[0]) == products
