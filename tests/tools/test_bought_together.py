"""What a log says of products bought by the same shoppers, against a count by hand."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import numpy as np
import pytest

from shopping_assistant.tools import bought_together
from shopping_assistant.tools.attribute_values import AttributeValues
from shopping_assistant.tools.bought_together import FILE, SMOOTHING, BoughtTogether, BoughtTogetherError
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.sessions import Event, frame_of

START = datetime(2026, 1, 1, tzinfo=UTC)
KINDS, COLORS = ("boots", "dress", "scarf"), ("red", "blue", "green", "black")


def product(i: int) -> Product:
    # The last product's colour is not given.
    return Product(f"p{i}", f"thing {i}", category=KINDS[i % 3], color=COLORS[i % 4] if i != 11 else None)


CATALOG = Catalog.from_products([product(i) for i in range(12)])
ATTRIBUTES = AttributeValues.learn(CATALOG)


def buys(user: str, *rows: int) -> list[Event]:
    return [Event(user, user, START + timedelta(minutes=i), "purchase", None, f"p{row}") for i, row in enumerate(rows)]


@pytest.fixture(scope="module")
def baskets() -> dict[str, set[int]]:
    draw = np.random.default_rng(5)
    return {f"u{i}": set(draw.integers(0, 12, draw.integers(1, 6)).tolist()) for i in range(40)}


@pytest.fixture(scope="module")
def together(baskets) -> BoughtTogether:
    events = [e for user, rows in baskets.items() for e in buys(user, *rows, *rows)]  # everything twice
    events += [Event("u1", "u1", START, "click", None, "p4"), *buys("stranger")]
    events.append(Event("u2", "u2", START, "purchase", None, "gone"))
    return BoughtTogether.learn(CATALOG, frame_of(events), ATTRIBUTES)


def test_counts_and_cosines_are_those_of_a_count_by_hand(together, baskets):
    count = np.array([sum(row in own for own in baskets.values()) for row in range(12)])
    assert together.count.tolist() == count.tolist()
    for row in range(12):
        expected = {
            other: sum({row, other} <= own for own in baskets.values()) / np.sqrt(count[row] * count[other])
            for other in range(12)
            if other != row and any({row, other} <= own for own in baskets.values())
        }
        others, cosines = together.near(row)
        assert dict(zip(others.tolist(), cosines.tolist(), strict=True)) == pytest.approx(expected, abs=1e-6)
        assert (np.diff(cosines) <= 0).all()


def test_lifts_are_those_of_a_count_by_hand(together, baskets):
    values = ATTRIBUTES.numbers(CATALOG)
    assert together.values.tolist() == values.tolist()
    assert set(together.lifts) == set(range(len(ATTRIBUTES.sizes)))
    for i, size in enumerate(ATTRIBUTES.sizes):
        seen = np.zeros((size, size))
        for own in baskets.values():
            for first, second in permutations(own, 2):
                seen[values[first, i], values[second, i]] += 1
        expected = seen.sum(axis=1)[:, None] * seen.sum(axis=1)[None] / seen.sum()
        lift = np.log((seen + SMOOTHING) / (expected + SMOOTHING))
        assert together.lifts[i][1:, 1:].astype(float) == pytest.approx(lift[1:, 1:], abs=2e-3)
        # What is not given goes with nothing.
        assert not together.lifts[i][0].any() and not together.lifts[i][:, 0].any()


def test_values_that_go_together_have_a_lift_above_others():
    # Boots always with a scarf, a dress always with a dress.
    events = [e for i in range(30) for e in (buys(f"a{i}", 0, 2 + 3 * (i % 3)) + buys(f"b{i}", 1, 4))]
    lifts = BoughtTogether.learn(CATALOG, frame_of(events), ATTRIBUTES).lifts
    boots, dress, scarf = (1 + list(ATTRIBUTES.values["category"]).index(k) for k in KINDS)
    table = lifts[list(ATTRIBUTES.values).index("category")]
    assert table[boots, scarf] > 0.5 and table[scarf, boots] > 0.5 and table[dress, dress] > 0.5
    assert table[boots, dress] < -0.5 and table[dress, scarf] < -0.5


def test_of_a_reseller_the_last_purchases_count(monkeypatch):
    monkeypatch.setattr(bought_together, "MOST_OF_A_SHOPPER", 3)
    together = BoughtTogether.learn(CATALOG, frame_of(buys("u", 0, 1, 2, 3, 4, 2)), ATTRIBUTES)
    assert together.count.tolist() == [0, 0, 1, 1, 1, *[0] * 7]
    assert sorted(together.near(2)[0].tolist()) == [3, 4]
    assert not len(together.near(0)[0])


def test_the_nearest_neighbours_are_kept(monkeypatch, baskets, together):
    monkeypatch.setattr(bought_together, "NEIGHBOURS", 2)
    events = [e for user, rows in baskets.items() for e in buys(user, *rows)]
    few = BoughtTogether.learn(CATALOG, frame_of(events), ATTRIBUTES)
    for row in range(12):
        assert few.near(row)[0].tolist() == together.near(row)[0][:2].tolist()


def test_a_log_without_purchases_says_nothing():
    nothing = BoughtTogether.learn(CATALOG, frame_of([Event("u", "u", START, "click", None, "p1")]), ATTRIBUTES)
    assert not nothing.count.any() and not len(nothing.near(1)[0])
    assert all((table == 0).all() for table in nothing.lifts.values())


def test_products_that_were_added_have_values_and_no_neighbours(together):
    more = Catalog.from_products([product(i) for i in range(14)])
    grown = together.grown(more, ATTRIBUTES)
    assert grown.count.tolist() == [*together.count.tolist(), 0, 0]
    assert grown.values[12:].tolist() == ATTRIBUTES.numbers(more, 12).tolist()
    assert not len(grown.near(13)[0]) and grown.near(3)[0].tolist() == together.near(3)[0].tolist()
    assert together.grown(CATALOG, ATTRIBUTES) is together


def test_saved_and_loaded_it_is_the_same(together, tmp_path):
    together.save(tmp_path)
    again = BoughtTogether.load(tmp_path)
    for name in ("values", "count", "starts", "others", "cosines"):
        assert np.array_equal(getattr(again, name), getattr(together, name))
    assert again.lifts.keys() == together.lifts.keys()
    assert all(np.array_equal(again.lifts[i], together.lifts[i]) for i in together.lifts)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(path.read_bytes()[:200]),
        lambda path: path.write_bytes(b"{}"),
    ],
)
def test_damage_is_told_with_its_remedy(together, tmp_path, damage):
    together.save(tmp_path)
    damage(tmp_path / FILE)
    with pytest.raises(BoughtTogetherError, match=r"cannot be read .*shop build --only fused"):
        BoughtTogether.load(tmp_path)
