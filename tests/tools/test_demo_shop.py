"""The demo shop: honest, reproducible, and with something to learn in it."""

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from datetime import date

import numpy as np
import polars as pl
import pytest

from shopping_assistant.tools.demo_catalog import make_assortment
from shopping_assistant.tools.demo_shop import SEED, generate
from shopping_assistant.tools.demo_words import BRANDS, HUES, KINDS, LINES, OCCASIONS
from shopping_assistant.tools.sessions import EVENT_SCHEMA, by_user, leave_one_out


@pytest.fixture(scope="module")
def small():
    return generate(products=150, shoppers=200)


@pytest.fixture(scope="module")
def shop():
    """Wide enough for the shoppers' structure to show."""
    return generate(products=1200, shoppers=1500)


def digest(catalog, events) -> str:
    text = json.dumps(catalog.frame.to_dicts(), sort_keys=True)
    return hashlib.sha256((text + events.write_ndjson()).encode()).hexdigest()


def test_tables_name_only_what_exists():
    names = {k.name for k in KINDS}
    hues = {h.name for h in HUES}
    for kind in KINDS:
        assert set(kind.follows) <= names and set(kind.occasions) <= set(OCCASIONS)
    for hue in HUES:
        assert hue.harmony and set(hue.near) | set(hue.harmony) <= hues - {hue.name}
    assert len({b.code for b in BRANDS}) == len(BRANDS) and len(set(LINES)) == len(LINES)


def test_same_seed_same_shop_another_seed_another(small):
    assert digest(*generate(products=150, shoppers=200)) == digest(*small)
    assert digest(*generate(seed=8, products=150, shoppers=200)) != digest(*small)


def test_the_shop_is_frozen(small):
    """The shipped models were trained on this shop. Whoever changes the generator must train them again."""
    assert digest(*small) == "8a7bbc4506622bc0f2aff7ff217678263cb4cfcb43d2e95e07c5f3120519f7bf"


def test_no_dependence_on_the_hash_seed(small):
    """Sets of strings iterate differently in every process; none of that may reach the shop."""
    code = (
        "from shopping_assistant.tools.demo_shop import generate; c, e = generate(products=150, shoppers=200);"
        "print(e.hash_rows(1).sum(), c.frame.hash_rows(1).sum())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(outputs) == 1


def test_the_catalogue_does_not_depend_on_the_number_of_shoppers(small):
    catalog, _ = generate(products=150, shoppers=5)
    assert catalog.frame.equals(small[0].frame)


def test_every_product_is_complete_and_unlike_the_others(shop):
    catalog, _ = shop
    assert len(catalog) == 1200 and len(set(catalog.titles)) == 1200
    styles: dict[str, set] = {}
    for row in range(len(catalog)):
        p = catalog.at(row)
        assert all(
            p.get(c) for c in ("category", "brand", "color", "material", "season", "occasion", "department", "size")
        )
        assert p.brand in p.title and p.color.lower() in p.title.lower() and p.currency == "EUR" and 5 < p.price < 1500
        assert p.description.count(".") == 2 and "{" not in p.description
        date.fromisoformat(p.attributes["launched"])
        styles.setdefault(p.attributes["style"], set()).add(p.color)
    assert all(2 <= len(colors) <= 5 for colors in styles.values())
    assert len(catalog.values("category")) >= 40 and set(catalog.values("department")) == {
        "women",
        "men",
        "kids",
        "unisex",
    }


def test_new_products_arrive_every_week_and_few_run_out(shop):
    catalog, _ = shop
    launched = [date.fromisoformat(d) for d in catalog.cells("launched")]
    opening = date(2025, 1, 6)
    assert 0.5 < np.mean([d < opening for d in launched]) < 0.7
    weeks = {(d - opening).days // 7 for d in launched if d >= opening}
    assert len(weeks) >= 48
    assert 1 - catalog.available.mean() == pytest.approx(0.04, abs=0.001)


@pytest.mark.parametrize("size", ["small", "shop"])
def test_events_are_a_possible_log(size, request):
    catalog, events = request.getfixturevalue(size)
    assert events.schema == pl.Schema(EVENT_SCHEMA)
    assert events["timestamp"].is_sorted()
    launched = dict(zip(catalog.ids, catalog.cells("launched"), strict=True))
    for _, user_events in by_user(events):
        shown, clicked, sessions = (), set(), []
        for e in user_events:
            if not sessions or sessions[-1] != e.session_id:
                assert e.session_id not in sessions, "sessions of one shopper must not interleave"
                sessions.append(e.session_id)
                shown, clicked = (), set()
            if e.action == "search":
                assert e.query == e.query.strip().lower() != "" and len(set(e.shown)) == len(e.shown) <= 12
                assert all(launched[p] <= e.timestamp.date().isoformat() for p in e.shown)
                shown, clicked = e.shown, set()
                continue
            assert shown[e.position - 1] == e.product_id
            if e.action == "click":
                clicked.add(e.product_id)
            else:
                assert e.product_id in clicked


def test_what_ran_out_sold_until_the_end(shop):
    catalog, events = shop
    gone = make_assortment(np.random.default_rng([SEED, 1]), 1200).gone
    days = {p: int(day) for p, day, there in zip(catalog.ids, gone, catalog.available, strict=True) if not there}
    shown = events.explode("shown").filter(pl.col("shown").is_in(list(days)))
    on = (shown["timestamp"].dt.date() - date(2025, 1, 6)).dt.total_days().to_list()
    assert len(on) and max(on) > min(days.values()) - 30
    assert all(day < days[p] for p, day in zip(shown["shown"], on, strict=True))


def test_shoppers_behave_like_shoppers(shop):
    _, events = shop
    bought = events.filter(pl.col("action") == "purchase")
    sessions = events.group_by("session_id").agg(
        clicks=(pl.col("action") == "click").sum(), bought=(pl.col("action") == "purchase").sum()
    )
    assert 2 <= bought["position"].median() <= 4
    assert 0.08 < (sessions["bought"] == 0).mean() < 0.17 and (sessions["bought"] > 1).any()
    assert 2 < sessions["clicks"].mean() < 5
    visits = events.group_by("user_id").agg(pl.col("session_id").n_unique())["session_id"]
    assert 2.9 < visits.mean() < 3.5 and visits.min() == 1 and visits.max() == 8


def test_one_category_is_asked_for_in_many_words(shop):
    _, events = shop
    queries = Counter(events.filter(pl.col("action") == "search")["query"].to_list())
    for word in ("booties", "trainers", "gown", "rucksack"):
        assert any(word in q for q in queries), word
    assert any(" under " in q for q in queries) and any(q.startswith("something ") for q in queries)
    assert len(queries) > 1500


def test_the_last_purchase_tells_of_the_next(shop):
    """Planted: brands, partner lines and styles that go together follow each other far above chance."""
    catalog, events = shop
    made = make_assortment(np.random.default_rng([SEED, 1]), 1200)
    bought = events.filter(pl.col("action") == "purchase").sort("user_id", "timestamp")
    rows = np.array([catalog.index(p) for p in bought["product_id"]])
    users = bought["user_id"].to_numpy()
    follows = users[1:] == users[:-1]
    before, after = rows[:-1][follows], rows[1:][follows]
    shuffled = np.random.default_rng(0).permutation(after)

    def share(then: np.ndarray, related) -> float:
        return float(np.mean([related(a, b) for a, b in zip(before, then, strict=True)]))

    def same_brand(a, b):
        return made.brand[a] == made.brand[b]

    def goes_with(a, b):
        return made.style[b] in made.goes_with[made.style[a]]

    def partner_line(a, b):
        return made.line[b] in made.line_partners[made.line[a]]

    assert share(after, same_brand) > 2.5 * share(shuffled, same_brand)
    assert share(after, partner_line) > 2 * share(shuffled, partner_line)
    assert share(after, goes_with) > 0.15 > 5 * share(shuffled, goes_with)


def test_neither_popularity_nor_the_shop_order_solves_it(shop):
    _, events = shop
    split = leave_one_out(events)
    count = Counter(split.train.filter(pl.col("action") == "purchase")["product_id"].to_list())
    top = {p for p, _ in count.most_common(10)}
    assert np.mean([e.target in top for e in split.test]) < 0.08
    first = []
    for e in split.test:
        searches = [x for x in e.history if x.action == "search" and x.session_id == e.session_id]
        first.append(searches[-1].shown[0] == e.target)
    assert np.mean(first) < 0.35
