"""The title model learns what shoppers mean by words that stand in no title, and finds a title by a short version."""

import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from shopping_assistant.finetune.config import load, packaged_config
from shopping_assistant.finetune.title_texts import noisy, pseudo_queries, queried
from shopping_assistant.finetune.title_triplet import (
    TitleConfig,
    TitleTrainingError,
    closest,
    train,
    training_pairs,
)
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.sessions import Event, empty_events, frame_of
from shopping_assistant.tools.store import Store
from shopping_assistant.tools.title_encoder import TitleEncoder, load_title_table

# What shoppers say, and what the titles call it: no word is shared, so only the log can teach it.
COLORS = {"scarlet": "red", "ebony": "black", "azure": "blue", "emerald": "green", "ivory": "white", "golden": "yellow"}
KINDS = {
    "footwear": "pumps",
    "rucksack": "backpack",
    "gown": "dress",
    "trousers": "chinos",
    "jumper": "sweater",
    "anorak": "parka",
    "timepiece": "watch",
    "spectacles": "sunglasses",
}
BRANDS = ("Norla", "Vesk", "Ombrell", "Tadio", "Quenby")
QUICK = TitleConfig(
    vocabulary=400, embedding=48, hidden=48, dim=48, epochs=8, batch=128, learning_rate=0.005, held_back=0.2,
    max_minutes=1.0,
)  # fmt: skip


def catalog():
    products = [
        Product(f"p{c}{k}{b}", f"{brand} {color} {kind} no. {b}", category=kind, color=color, brand=brand)
        for c, color in enumerate(COLORS.values())
        for k, kind in enumerate(KINDS.values())
        for b, brand in enumerate(BRANDS)
    ]
    return Catalog.from_products(products)


def log(catalog, purchases=3000):
    """One session a purchase: an early search for something else, the search that counts, the purchase."""
    rng = random.Random(3)
    said = {(color, kind): (c, k) for c, color in COLORS.items() for k, kind in KINDS.items()}
    events, start = [], datetime(2025, 1, 6, tzinfo=UTC)
    for i in range(purchases):
        product = catalog.at(rng.randrange(len(catalog)))
        color, kind = said[product.color, product.category]
        extra = rng.choice(["", " please", " for me", " sale"])
        query = rng.choice([f"{color} {kind}{extra}", f"{kind} in {color}{extra}", f"{kind} {color}{extra}"])
        other = rng.choice(list(KINDS))
        for minute, what in enumerate([{"query": other}, {"query": query}, {"product_id": product.product_id}]):
            action = "search" if "query" in what else "purchase"
            at = start + timedelta(hours=i, minutes=minute)
            events.append(Event(f"s{i}", f"u{i}", at, action, **what))
    return frame_of(events)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    store = Store.create(tmp_path_factory.mktemp("shop") / "store", "planted")
    store.write_catalog(catalog())
    store.write_events(log(catalog()))
    steps = []
    figures = train(store, QUICK, progress=lambda done, planned: steps.append((done, planned)))
    return store, figures, steps


def test_held_back_queries_find_the_titles_that_were_bought_without_sharing_a_word(trained):
    """Five titles fit a query. Chance is 10 of 240 titles, 0.04."""
    _, figures, steps = trained
    assert figures["queries"] == "log"
    assert figures["held_back_pairs"] > 100
    assert figures["recall@10"] > 0.9
    # Brand and number both lost leave six titles and more that fit a short one equally well.
    assert figures["short_title_recall@10"] > 0.8
    assert steps[0][0] == 1 and steps[-1][0] <= steps[-1][1]


def test_a_new_wording_is_understood_by_the_loaded_model(trained):
    store, _, _ = trained
    titles = catalog().titles
    encoder = TitleEncoder.load(store.model_dir("titles"))
    table = load_title_table(store.model_dir("titles"), titles, encoder)
    right = 0
    for said_color, color in COLORS.items():
        for said_kind, kind in KINDS.items():
            best = titles[int((table @ encoder.encode([f"a {said_kind} {said_color}"])[0]).argmax())]
            right += color in best and kind in best
    assert right >= 0.9 * len(COLORS) * len(KINDS)


def test_what_was_made_is_recorded_and_loads_without_pickle(trained):
    store, figures, _ = trained
    names = {f.name for f in store.model_dir("titles").iterdir()}
    assert names == {
        "model.safetensors", "tokenizer.json", "title_encoder.json", "title_vectors.safetensors", "title_vectors.json",
    }  # fmt: skip
    made_by = store.made_by("titles")
    assert made_by["figures"] == figures
    assert made_by["config"]["hidden"] == 48 and made_by["seed"] == 1 and made_by["wall_seconds"] > 0
    assert "shop finetune titles" in made_by["command"]
    assert store.damaged() == []


def test_the_last_search_of_the_session_is_the_query():
    shop = catalog()
    pairs = queried(log(shop, purchases=50), shop)
    assert len(pairs) == 50
    assert not any(q in KINDS for q, _ in pairs)


def test_a_purchase_without_a_search_or_of_an_unknown_product_makes_no_pair():
    at = datetime(2025, 1, 6, tzinfo=UTC)
    shop = Catalog.from_products([Product("a", "red shoe"), Product("b", "blue shoe")])
    events = [
        Event("s1", "u1", at, "search", query="red  Thing"),
        Event("s2", "u1", at + timedelta(hours=1), "purchase", product_id="a"),
        Event("s3", "u2", at + timedelta(hours=2), "search", query="Blue  Thing"),
        Event("s3", "u2", at + timedelta(hours=3), "purchase", product_id="gone"),
        Event("s3", "u2", at + timedelta(hours=4), "purchase", product_id="b"),
    ]
    assert queried(frame_of(events), shop) == [("blue thing", 1)]


def test_no_held_back_query_is_trained_on():
    shop = catalog()
    used, held_back, source = training_pairs(shop, log(shop), QUICK)
    assert source == "log"
    assert held_back.queries and not set(held_back.queries) & set(used.queries)
    assert used.titles == held_back.titles and len(used.titles) == len(shop)
    again, _, _ = training_pairs(shop, log(shop), QUICK)
    assert again.queries == used.queries and (again.pairs == used.pairs).all()


def test_a_shop_without_searches_trains_on_marked_pseudo_queries(tmp_path):
    store = Store.create(tmp_path / "store", "no searches")
    store.write_catalog(catalog())
    figures = train(store, TitleConfig(vocabulary=300, embedding=24, hidden=24, dim=24, epochs=3, max_minutes=0.5))
    assert figures["queries"] == "pseudo"
    assert store.made_by("titles")["figures"]["queries"] == "pseudo"
    # A 24-wide model after three short epochs: far from good, far above the 0.04 of chance.
    assert figures["short_title_recall@10"] > 0.3


def test_pseudo_queries_are_words_of_the_product():
    shop = catalog()
    for query, row in pseudo_queries(shop, 2, seed=5):
        product = shop.at(row)
        known = f"{product.title} {product.color} {product.category} {product.brand}".lower().split()
        assert query and set(query.split()) <= set(known)


def test_noisy_titles_keep_at_least_one_word():
    rng = random.Random(1)
    views = [noisy("norla red pumps no. 4", rng) for _ in range(200)]
    assert all(views)
    assert len(set(views)) > 50


def test_a_shop_with_one_title_is_refused(tmp_path):
    store = Store.create(tmp_path / "store", "one")
    store.write_catalog(Catalog.from_products([Product("a", "Hat"), Product("b", "hat")]))
    with pytest.raises(TitleTrainingError, match="has 1 title"):
        train(store, QUICK)
    assert not store.model_dir("titles").exists()
    assert training_pairs(catalog(), empty_events(), QUICK)[2] == "pseudo"


@pytest.mark.parametrize("pool_size", [40, 17, 0])
def test_the_closest_non_match_is_the_one_a_plain_search_finds(pool_size):
    rng = np.random.default_rng(4)
    vectors, others = rng.normal(size=(25, 6)), rng.normal(size=(40, 6))
    pool = np.sort(rng.choice(40, pool_size, replace=False))
    matches = {(int(r), int(o)) for r, o in zip(rng.integers(0, 25, 300), rng.integers(0, 40, 300), strict=True)}
    matches |= {(3, o) for o in range(40)}  # one row matches everything
    match_of, match = (np.array(column) for column in zip(*sorted(matches), strict=True))
    found = closest(vectors, others, pool, match_of, match)
    for row in range(25):
        free = [o for o in pool.tolist() if (row, o) not in matches]
        assert found[row] == (max(free, key=lambda o: vectors[row] @ others[o]) if free else -1)


@pytest.mark.parametrize("name", ["titles.yaml", "titles-demo.yaml"])
def test_the_packaged_settings_load(name):
    assert load(packaged_config(name), TitleConfig).max_minutes > 0
