"""The whole build on a small shop, and what it learns from conversations."""

import pytest

from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.finetune.build import STEPS, BuildError, build
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.importers import import_source
from shopping_assistant.tools.mixup import top_k
from shopping_assistant.tools.recommender import Recommender
from shopping_assistant.tools.sessions import Event
from shopping_assistant.tools.stock_changes import add_products
from shopping_assistant.tools.stocked import title_table
from shopping_assistant.tools.store import Store
from tests.tools.recommender_contract import NOW

TINY = {
    "titles.yaml": "{vocabulary: 400, embedding: 24, hidden: 32, dim: 32, epochs: 2, max_title_views: 1000}",
    "ids.yaml": "{dim: 16, layers: 1, heads: 2, inner: 32, epochs: 20, batch: 128, max_minutes: 1}",
    "falcon.yaml": """
shape: {hidden: 64, layers: 2, heads: 2, vocabulary: 700, positions: 512}
style: {full_items: 2, memory_products: 4}
prompt_tokens: 256
pretraining: {max_tokens: 700000, minutes: 1, epochs: 30, window: 256, batch_tokens: 1024, rate: 4e-3}
lora: {rate: 2e-3, minutes: 0.5, batch_tokens: 1024}
validation: 40
""",
    "sessions.yaml": "{dim: 16, epochs: 4, batch: 256, negatives: 0, max_minutes: 1}",
    "fused.yaml": "{sessions: 100, hidden: [0, 4], folds: 2, steps: 60}",
    "build.yaml": "{titles: titles.yaml, ids: ids.yaml, sessions: sessions.yaml, recommender: falcon.yaml, "
    "fused: fused.yaml}",
}


@pytest.fixture(scope="module")
def tiny_config(tmp_path_factory):
    folder = tmp_path_factory.mktemp("configs")
    for name, text in TINY.items():
        (folder / name).write_text(text)
    return folder / "build.yaml"


def ranked_after_looking_at(store: Store, product_id: str) -> list[str]:
    looked = (Event("s", "newcomer", NOW, "click", None, product_id),)
    scores = Recommender.open(store).scores([looked], ("mixup",))["mixup"][0]
    return [store.catalog().ids[row] for row in top_k(scores, len(scores))]


def test_a_shop_is_built_replayed_as_conversations_and_learns_from_them(small_store, tiny_config):
    made = build(small_store, config_path=tiny_config)
    without = {"fit": "skipped", "images": "skipped"}
    assert {r.name: r.outcome for r in made} == dict.fromkeys(STEPS, "made") | without
    again = {r.name: r.outcome for r in build(small_store, config_path=tiny_config)}
    assert again == dict.fromkeys(STEPS, "fresh") | without
    assert small_store.damaged() == []

    # Two products that nobody ever took together: whoever looks at the one in a chat now buys the other.
    catalog = small_store.catalog()
    together = small_store.events().group_by("session_id").agg("product_id")["product_id"].to_list()
    looked = catalog.ids[int(catalog.available.nonzero()[0][0])]
    beside = {p for products in together if looked in products for p in products}
    category = catalog.product(looked).category
    strangers = (p for p in catalog.ids if p not in beside and catalog.product(p).category != category)
    before = ranked_after_looking_at(small_store, looked)
    bought = max((p for p in strangers if catalog.product(p).available), key=before.index)
    assistant = Assistant.open(small_store.path)
    for chat in range(60):
        assistant.click(f"chat{chat}", looked)
        assistant.add_to_bag(f"chat{chat}", bought)
    assert len(assistant.events()) == 120
    assistant.close()

    report = import_source("chats", small_store.path, small_store.path)
    assert report.events == 120
    again = import_source("chats", small_store.path, small_store.path)
    assert again.events == 0

    store = Store.open(small_store.path)
    outcomes = {r.name: r.outcome for r in build(store, config_path=tiny_config)}
    assert outcomes["search"] == "fresh" and outcomes["recommender"] == "made"
    after = ranked_after_looking_at(store, looked)
    assert before.index(bought) >= 10
    assert after.index(bought) < 3, f"rank {before.index(bought) + 1} before, {after.index(bought) + 1} after"


def test_a_catalogue_alone_is_built_as_far_as_it_goes(tmp_path, tiny_config):
    store = Store.create(tmp_path / "bare", name="Bare")
    colors = ("red", "blue", "green", "black")
    store.write_catalog(Catalog.from_products([Product(c, f"{c} wool hat", category="hats", color=c) for c in colors]))
    outcomes = {r.name: r for r in build(store, config_path=tiny_config)}
    assert outcomes["search"].outcome == outcomes["titles"].outcome == "made"
    assert outcomes["memory"].figures == {"queries": 0} and "empty" in outcomes["memory"].why
    assert outcomes["recommender"].outcome == "skipped" and "no log" in outcomes["recommender"].why


def test_products_added_later_are_searched_after_a_build_and_trained_on_when_asked(tmp_path, tiny_config):
    store = Store.create(tmp_path / "bare", name="Bare")
    colors = ("red", "blue", "green", "black")
    store.write_catalog(Catalog.from_products([Product(c, f"{c} wool hat", category="hats", color=c) for c in colors]))
    build(store, config_path=tiny_config)
    for number, title in enumerate(("teal straw hat", "plum felt hat")):
        (tmp_path / "new.csv").write_text(f"product_id,title\nn{number},{title}\n")
        add_products(tmp_path / "new.csv", store.path)

    later = {r.name: r for r in build(Store.open(store.path), config_path=tiny_config)}
    assert later["search"].outcome == "made" and later["search"].figures["products"] == 6
    assert later["titles"].outcome == "fresh" and "not trained on 2 products" in later["titles"].why
    opened = Store.open(store.path)
    assert len(opened.stock.changes) == 1 and title_table(opened).shape == (6, 32)
    again = {r.name: r for r in build(opened, config_path=tiny_config)}
    assert again["search"].outcome == "fresh" and "not trained" not in again["search"].why
    asked = {r.name: r for r in build(opened, only=("titles",), config_path=tiny_config)}
    assert asked["titles"].outcome == "made" and asked["titles"].figures["titles"] == 6
    assert "nothing changed" in build(Store.open(store.path), only=("titles",), config_path=tiny_config)[0].why


def test_a_log_without_searches_is_trained_on(small_store, tiny_config):
    events = small_store.events()
    small_store.write_events(events.filter(events["action"] == "purchase"))
    outcomes = {r.name: r for r in build(small_store, config_path=tiny_config, only=("titles", "ids", "memory"))}
    assert [r.outcome for r in outcomes.values()] == ["made"] * 3
    assert "empty" in outcomes["memory"].why


def test_an_unknown_step_is_named(small_store):
    with pytest.raises(BuildError, match="'everything'"):
        build(small_store, only=("everything",))
