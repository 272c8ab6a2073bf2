"""Products come and go without training: rows stay, every part knows at once, a crash leaves one state or the other."""

import json
import multiprocessing
import shutil
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from shopping_assistant.tools import attribute_filter, stock_changes
from shopping_assistant.tools.attribute_filter import Constraint
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.kin import mean_of_kin
from shopping_assistant.tools.recommender import Recommender
from shopping_assistant.tools.search import CatalogSearch
from shopping_assistant.tools.sessions import Event
from shopping_assistant.tools.stock import StockError
from shopping_assistant.tools.stock_changes import add_products, named_products, remove_products
from shopping_assistant.tools.store import Store, StoreError
from shopping_assistant.tools.table_files import ImportRefused
from tests.tools.recommender_contract import NOW

BASE = (
    Product("boots", "Camden Ankle Boots in Black Leather", "ankle boots", "Camden", "black", price=120.0),
    Product("sneaker", "Runaway Sneakers in White Canvas", "sneakers", "Runaway", "white", price=60.0),
    Product("coat", "Winter Parka in Green Nylon", "coats", "Camden", "green", price=200.0),
    Product("ring", "Silver Ring with a Moonstone", "rings", "Halden", "silver", price=40.0),
)
NEW = {
    "product_id": "hat",
    "title": "Felt Fedora in Burgundy Wool",
    "category": "hats",
    "color": "burgundy",
    "price": 30,
}


@pytest.fixture
def shop(tmp_path) -> Store:
    """Four products and nothing else."""
    store = Store.create(tmp_path / "shop", name="Shop", currency="EUR")
    store.write_catalog(Catalog.from_products(list(BASE)))
    return store


def file_of(folder, *rows: dict):
    path = folder / f"new{len(list(folder.iterdir()))}.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def opened(shop: Store) -> Store:
    return Store.open(shop.path)


def test_rows_never_move_and_the_report_says_what_happened(shop, tmp_path):
    report = add_products(file_of(tmp_path, NEW, {"product_id": "coat", "title": "Winter Parka in Red"}), shop.path)
    assert (report.added, report.updated, report.revived, report.products) == (1, 1, 0, 5)
    catalog = opened(shop).catalog()
    assert catalog.ids == ["boots", "sneaker", "coat", "ring", "hat"]
    assert catalog.titles[2] == "Winter Parka in Red" and catalog.product("coat").price is None
    assert catalog.product("hat").currency == "EUR"
    assert opened(shop).stock.generation == 1 and not opened(shop).damaged()


def test_a_removed_product_is_known_and_nowhere_to_be_found(shop):
    report = remove_products(["ring", "sneaker"], shop.path)
    assert (report.removed, report.products) == (2, 2)
    catalog = opened(shop).catalog()
    assert "ring" in catalog and catalog.index("ring") == 3 and catalog.has_removed("ring")
    assert not catalog.product("ring").available and catalog.products == 2 and len(catalog) == 4
    assert catalog.available.tolist() == [True, False, True, False]
    assert "rings" not in catalog.values("category") and not len(catalog.rows_with("brand", "halden"))
    assert np.isnan(catalog.numbers("price")[3])
    for available_only in (True, False):
        kept = attribute_filter.mask(catalog, [Constraint("brand", "not in", ("camden",))], available_only)
        assert not kept.any()


def test_a_removed_product_comes_back_with_its_new_values(shop, tmp_path):
    remove_products(["ring"], shop.path)
    report = add_products(file_of(tmp_path, {"product_id": "ring", "title": "Golden Ring"}), shop.path)
    assert (report.added, report.updated, report.revived, report.products) == (0, 0, 1, 4)
    catalog = opened(shop).catalog()
    assert catalog.index("ring") == 3 and catalog.available.all() and catalog.titles[3] == "Golden Ring"
    again = remove_products(["ring", "ring"], shop.path)
    assert again.removed == 1 and opened(shop).catalog().has_removed("ring")
    assert remove_products(["ring"], shop.path).removed == 0


def test_what_cannot_be_done_changes_nothing(shop, tmp_path):
    with pytest.raises(StockError, match=r"'belt'.*nothing was removed"):
        remove_products(["ring", "belt"], shop.path)
    with pytest.raises(StockError, match="expected one to stay"):
        remove_products(["boots", "sneaker", "coat", "ring"], shop.path)
    bad = file_of(tmp_path, NEW, {"product_id": "belt", "title": None})
    with pytest.raises(ImportRefused, match="title"):
        add_products(bad, shop.path)
    assert not opened(shop).stock.changes and opened(shop).catalog().products == 4
    report = add_products(bad, shop.path, skip_bad=True)
    assert report.added == 1 and len(report.skipped) == 1


def test_products_to_remove_are_named_one_by_one_or_in_a_file(tmp_path):
    assert named_products(["a", "b"]) == ["a", "b"]
    (tmp_path / "gone.txt").write_text("a\n\n b \n")
    assert named_products([str(tmp_path / "gone.txt")]) == ["a", "b"]
    (tmp_path / "gone.csv").write_text("product_id,title\n7,Boots\n8,Hat\n")
    assert named_products([str(tmp_path / "gone.csv")]) == ["7", "8"]
    with pytest.raises(StockError, match="no product id"):
        named_products([""])


def test_many_changes_put_together_are_the_same_shop(shop, tmp_path):
    CatalogSearch.build(shop)
    shop.record("search", {})
    add_products(file_of(tmp_path, NEW), shop.path)
    remove_products(["hat", "ring"], shop.path)
    add_products(
        file_of(tmp_path, {"product_id": "hat", "title": "Straw Hat"}, {**NEW, "product_id": "cap"}), shop.path
    )
    before = opened(shop)
    held = before.catalog(), CatalogSearch.open(before).scores("straw hat")
    assert stock_changes.consolidate(shop.path) == 3
    after = opened(shop)
    assert len(after.stock.changes) == 1 and after.stock.generation == 3 and not after.damaged()
    assert after.catalog().frame.equals(held[0].frame)
    assert after.catalog().listed.tolist() == held[0].listed.tolist() == [True, True, True, False, True, True]
    assert CatalogSearch.open(after).scores("straw hat").tolist() == held[1].tolist()
    assert remove_products(["cap"], shop.path).removed == 1 and opened(shop).stock.generation == 4


def test_search_knows_new_titles_and_forgets_old_ones(shop, tmp_path):
    CatalogSearch.build(shop)
    shop.record("search", {})
    rows = (NEW, {"product_id": "sneaker", "title": "Rosewood Clogs", "category": "clogs"})
    add_products(file_of(tmp_path, *rows), shop.path)
    store = opened(shop)
    search = CatalogSearch.open(store)
    assert search.search("burgundy fedora", 1)[0].product_id == "hat"
    assert search.search("clogs", 1)[0].product_id == "sneaker"
    assert search.word_scores("white canvas runaway").tolist() == [0.0] * 5
    assert search.word_scores("black leather")[0] > 0

    # The next build makes the index whole: the same vectors, and words counted over all products.
    CatalogSearch.consolidate(store)
    store.record("search", {})
    whole = CatalogSearch.open(opened(shop))
    assert whole.vectors == pytest.approx(search.vectors, abs=1e-3)
    for query in ("burgundy fedora", "clogs", "parka", "boots in wool"):
        now, later = whole.word_scores(query), search.word_scores(query)
        assert (now > 0).tolist() == (later > 0).tolist() and now.argmax() == later.argmax()
    # By the counts that the index was made with, a word of an old product weighs what it weighed.
    assert search.word_scores("parka")[2] == pytest.approx(whole.word_scores("parka")[2], rel=0.2)


CRASHES = """
import os, sys
from shopping_assistant.tools import stock_changes
stock_changes.write_json = lambda *_: os._exit(7)
stock_changes.remove_products(["ring"], sys.argv[1])
"""


def test_a_process_that_dies_before_the_manifest_leaves_the_shop_as_it_was(shop, tmp_path):
    done = subprocess.run([sys.executable, "-c", CRASHES, str(shop.path)], capture_output=True)
    assert done.returncode == 7, done.stderr
    assert list((shop.path / "stock").iterdir()) and opened(shop).catalog().products == 4
    assert add_products(file_of(tmp_path, NEW), shop.path).products == 5
    assert opened(shop).catalog().available.all() and not opened(shop).damaged()


def add_one(path, store):
    add_products(path, store)


def test_changes_at_once_wait_for_each_other_or_are_refused(shop, tmp_path):
    files = [file_of(tmp_path, {"product_id": f"p{i}", "title": f"Scarf {i}"}) for i in range(3)]
    context = multiprocessing.get_context("spawn")
    adding = [context.Process(target=add_one, args=(f, shop.path)) for f in files]
    for process in adding:
        process.start()
    for process in adding:
        process.join()
    assert sorted(opened(shop).catalog().ids[4:]) == ["p0", "p1", "p2"]
    with shop.locked(), pytest.raises(StoreError, match="another process"), opened(shop).locked(patience=0.1):
        pass


def test_recording_an_artefact_keeps_what_was_added_meanwhile(shop, tmp_path):
    add_products(file_of(tmp_path, NEW), shop.path)
    shop.record("catalog", {"products": 4})  # by a process that opened the store before
    assert opened(shop).stock.generation == 1 and len(opened(shop).catalog()) == 5
    with pytest.raises(StoreError, match="--replace"):
        opened(shop).write_catalog(Catalog.from_products(list(BASE)))


# With the demo shop's trained models.

INVENTED = [
    {
        "product_id": f"new-{color}", "title": f"Norrvik Quillon Chelsea Ankle Boots in {color.title()} Suede",
        "category": "ankle boots", "brand": "Norrvik", "color": color, "material": "suede", "department": "women",
        "price": 120.0, "line": "Quillon",
    }
    for color in ("black", "green", "red")
]  # fmt: skip


@pytest.fixture(scope="module")
def demo(demo_store, tmp_path_factory) -> Store:
    """The demo shop with three products that came after its training, of which one was taken out again."""
    folder = tmp_path_factory.mktemp("stocked")
    shutil.copytree(demo_store, folder / "store")
    assert add_products(file_of(folder, *INVENTED), folder / "store").added == 3
    remove_products(["new-red"], folder / "store")
    return Store.open(folder / "store")


@pytest.fixture(scope="module")
def recommender(demo) -> Recommender:
    return Recommender.open(demo)


def looked_at(demo: Store, query: str) -> tuple[Event, ...]:
    kin = demo.catalog().ids[int(demo.stock.kin.seen[0, 0])]
    return (Event("s", "new", NOW, "search", query), Event("s", "new", NOW, "click", None, kin))


def test_added_products_have_kin_of_their_own_kind(demo):
    kin, catalog = demo.stock.kin, demo.catalog()
    assert kin.rows.tolist() == [3000, 3001, 3002] and kin.seen.max() < 3000
    categories = {catalog.product(catalog.ids[row]).category for row in kin.seen.ravel().tolist()}
    assert "ankle boots" in categories and all(c.endswith("boots") for c in categories)
    assert (np.diff(kin.closeness, axis=1) <= 1e-6).all()


def test_an_added_product_is_ranked_by_every_road_at_once(demo, recommender):
    history = looked_at(demo, "green suede chelsea ankle boots")
    scores = recommender.scores([history], ("id", "title", "mixup"))
    for system, ranked in scores.items():
        assert ranked.shape == (1, 3003) and np.isfinite(ranked[0, 3001]), system
        assert ranked[0, 3002] == -np.inf, system  # it was removed
    better = (scores["title"][0] > scores["title"][0, 3001]).sum()
    assert better < 30
    wish = [Constraint("line", "in", ("quillon",))]
    found = [s.product_id for s in recommender.recommend(history, 10, wish).products]
    assert sorted(found) == ["new-black", "new-green"]


def test_an_added_product_can_be_written_and_a_removed_one_cannot(demo, recommender):
    codes = recommender._writer.codes
    assert len(codes) == 3003 and codes.row_of(codes.text(3001)) == 3001
    kin = demo.stock.kin.alike[1].tolist()
    assert codes.codes[3001, 0] in codes.codes[kin, 0]
    only = np.zeros(3003, dtype=bool)
    only[[3001, 3002]] = True
    (written,) = recommender.write([looked_at(demo, "ankle boots")], [only])
    assert [row for row, _ in written.candidates] == [3001]


def test_an_added_product_stands_for_the_mean_of_its_kin(demo, recommender):
    kin, ids = demo.stock.kin, recommender._ids
    items = ids._core.items.weight.detach().numpy()
    mean = mean_of_kin(items[:3000], kin.seen[:1], kin.closeness[:1])[0]
    assert items[3000] == pytest.approx(mean, abs=1e-6)
    assert ids.certainty[3000] == pytest.approx(1 - demo.made_by("ids")["figures"]["doubt"])


def test_a_change_takes_over_the_language_model(demo, recommender, tmp_path):
    again = Recommender.open(Store.open(demo.path), before=recommender)
    history = looked_at(demo, "ankle boots")
    assert again._writer.model is recommender._writer.model
    assert again.recommend(history, 5).products == recommender.recommend(history, 5).products


def test_more_products_than_ids_are_refused(demo, tmp_path):
    shutil.copytree(demo.path, tmp_path / "store")
    many = [{"product_id": f"n{i}", "title": f"Plain Scarf {i}"} for i in range(1_200)]
    with pytest.raises(StockError, match="ids are free"):
        add_products(file_of(tmp_path, *many), tmp_path / "store")
    assert len(Store.open(tmp_path / "store").catalog()) == 3003


def test_parts_of_the_catalogue_are_read_as_one_frame(demo):
    frame = demo.catalog().frame
    assert frame["product_id"][3000:].to_list() == [p["product_id"] for p in INVENTED]
    assert frame[:3000].equals(pl.read_parquet(demo.path / "catalog.parquet").select(frame.columns))
