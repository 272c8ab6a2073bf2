"""Public data sets: small files of the same form, and the real ones where they lie beside the checkout."""

import gzip
import json

import polars as pl
import pytest

from shopping_assistant.tools.dataset_importers import hm_title
from shopping_assistant.tools.importers import ImportRefused, import_hm, import_myntra, import_table, import_webshop
from shopping_assistant.tools.sessions import by_user
from shopping_assistant.tools.store import Store

ARTICLE = {
    "prod_name": "Strap top (1)", "product_type_name": "Vest top", "product_group_name": "Garment Upper body",
    "graphical_appearance_name": "Solid", "colour_group_name": "Black", "perceived_colour_master_name": "Black",
    "perceived_colour_value_name": "Dark", "department_name": "Jersey Basic", "index_name": "Ladieswear",
    "index_group_name": "Ladieswear", "section_name": "Womens Everyday Basics", "garment_group_name": "Jersey Basic",
    "detail_desc": "Jersey top with narrow straps.",
}  # fmt: skip


@pytest.fixture
def hm(tmp_path):
    folder = tmp_path / "hm"
    folder.mkdir()
    articles = [
        {"article_id": "0108775015", **ARTICLE},
        {"article_id": "0108775044", **ARTICLE, "colour_group_name": "Unknown", "detail_desc": None},
        {"article_id": "0200000001", **ARTICLE, "index_group_name": "Sport", "section_name": "Men H&M Sport"},
    ]
    pl.DataFrame(articles).write_parquet(folder / "articles.parquet")
    week = [("2020-09-22", "b", "0108775044", 0.02), ("2020-09-22", "a", "0108775015", 0.01),
            ("2020-09-22", "b", "0108775015", 0.03)]  # fmt: skip
    columns = ["t_dat", "customer_id", "article_id", "price"]
    pl.DataFrame(week, schema=columns, orient="row").write_parquet(folder / "transactions_week.parquet")
    # As a CSV reader that took ids for numbers would write it: the leading zero is gone.
    history = "t_dat,customer_id,article_id,price\n2018-09-20,c,108775015,0.05\n2018-09-21,c,200000001,0.07\n"
    (folder / "transactions_history.csv.gz").write_bytes(gzip.compress(history.encode()))
    return folder


def test_hm_articles_and_purchases(hm, tmp_path):
    report = import_hm(hm, tmp_path / "store")
    store = Store.open(tmp_path / "store")
    top = store.catalog().product("0108775015")
    assert top.title == "Strap top Vest top Black" and top.category == "Vest top" and top.department == "Women"
    assert top.price == pytest.approx(0.03) and top.currency is None and "scale" in report.notes[0]
    assert top.attributes["pattern"] == "Solid" and top.attributes["product_code"] == "0108775"
    nameless_color = store.catalog().product("0108775044")
    assert nameless_color.color is None and nameless_color.title == "Strap top Vest top"
    assert store.catalog().product("0200000001").department == "Men"
    bought = {user: [e.product_id for e in events] for user, events in by_user(store.events())}
    assert bought == {"a": ["0108775015"], "b": ["0108775044", "0108775015"], "c": ["0108775015", "0200000001"]}
    assert report.sessions == 4, "a session is a customer's day"


def test_hm_parts(hm, tmp_path):
    assert import_hm(hm, tmp_path / "week", part="week").events == 3
    assert import_hm(hm, tmp_path / "history", part="history").events == 2
    with pytest.raises(ImportRefused, match="expected one of week, history, all"):
        import_hm(hm, tmp_path / "x", part="month")
    (hm / "transactions_week.parquet").unlink()
    with pytest.raises(ImportRefused, match="has no transactions_week"):
        import_hm(hm, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_hm_refuses_a_purchase_of_an_unknown_article(hm, tmp_path):
    row = [("2020-09-22", "a", "0999999999", 0.01)]
    schema = ["t_dat", "customer_id", "article_id", "price"]
    pl.DataFrame(row, schema=schema, orient="row").write_parquet(hm / "transactions_week.parquet")
    with pytest.raises(ImportRefused, match=r"transactions_week.parquet row 1, product_id: got '0999999999'"):
        import_hm(hm, tmp_path / "x")
    assert import_hm(hm, tmp_path / "x", skip_bad=True).skipped_rows == 1


@pytest.mark.parametrize(
    ("parts", "title"),
    [
        (("Strap top", "Vest top", "Black"), "Strap top Vest top Black"),
        (("Wilma dress", "Dress", "Light Pink"), "Wilma dress Light Pink"),
        (("AURORA beanie", "Hat/beanie", "Other Pink"), "AURORA beanie Pink"),
        (("SKINNY BLACK", "Trousers", "Black"), "SKINNY BLACK Trousers"),
        (("Shelley (2)", None, None), "Shelley"),
        ((None, "Dress", "Red"), None),
    ],
)
def test_hm_titles_say_nothing_twice(parts, title):
    assert hm_title(*parts) == title


def test_myntra_names_may_hold_commas_and_may_be_missing(tmp_path):
    header = "id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,productDisplayName\n"
    rows = (
        "7,Men,Apparel,Topwear,Shirts,Navy Blue,Fall,2011.0,Casual,Turtle Shirt, slim, checked\n"
        "8,Women,Apparel,Topwear,Tops,Black,NA,,NA,\n"
    )
    (tmp_path / "styles.csv").write_text(header + rows)
    report = import_myntra(tmp_path, tmp_path / "store")
    shirt, top = (Store.open(tmp_path / "store").catalog().product(pid) for pid in "78")
    assert shirt.title == "Turtle Shirt, slim, checked" and shirt.attributes["year"] == 2011
    assert (shirt.department, shirt.category, shirt.color, shirt.season, shirt.occasion) == (
        "Men", "Shirts", "Navy Blue", "Fall", "Casual",
    )  # fmt: skip
    assert top.title == "Women Black Tops" and top.season is None and top.occasion is None
    assert any("1 products have no name" in note for note in report.notes)


def test_webshop_options_and_price_ranges(tmp_path):
    row = {
        "asin": "B1", "Title": "Cargo pants", "product_category": "Clothing, Shoes & Jewelry › Men › Clothing › Pants",
        "category": "fashion", "Description": "Comfortable.", "BulletPoints": ["Elastic waist ", ""],
        "Price": "$16.79 to $1,020.50", "MainImage": "https://x/y.jpg", "Attributes": ["slim fit"],
        "options": {"color": ["black", "orange"], "size": ["small", "3x-large"], "fit type": ["men"]},
        "average_rating": 4.5, "model": None, "query": "men's pants",
        "instructions": [{"instruction": "find me orange pants"}],
    }  # fmt: skip
    (tmp_path / "products.jsonl").write_text(json.dumps(row) + "\n")
    import_webshop(tmp_path / "products.jsonl", tmp_path / "store")
    pants = Store.open(tmp_path / "store").catalog().product("B1")
    assert (pants.category, pants.department, pants.color) == ("Pants", "Men", "black, orange")
    assert (pants.price, pants.currency, pants.size) == (16.79, "USD", ("small", "3x-large"))
    assert pants.description == "Comfortable.\nElastic waist"
    assert pants.attributes["features"] == ("slim fit",) and pants.attributes["price_to"] == 1020.5
    assert pants.attributes["fit type"] == ("men",) and pants.attributes["rating"] == 4.5
    assert "find me" not in str(pants), "what an evaluation asks must not be in the catalogue"


@pytest.mark.parametrize(
    ("importer", "folder", "products", "events"),
    [
        (import_hm, "hm", 105_542, 191_210),
        (import_myntra, "myntra", 44_446, 0),
        (import_webshop, "webshop", 1_000, 0),
        (lambda path, store: import_table(path, store, format="jsonl"), "amazon_beauty", 12_101, 198_502),
    ],
    ids=["hm", "myntra", "webshop", "amazon_beauty"],
)
def test_the_real_data_set_comes_in_whole(shared_data, tmp_path, importer, folder, products, events):
    report = importer(shared_data / folder, tmp_path / "store")
    assert (report.products, report.events, report.skipped_rows) == (products, events, 0)
    assert report.seconds < 60


def test_hm_week_keeps_the_order_of_the_file(shared_data, tmp_path):
    """The benchmark's sequences: repeats dropped, in file order."""
    import_hm(shared_data / "hm", tmp_path / "store", part="week")
    events = Store.open(tmp_path / "store").events().sort("user_id", "timestamp", maintain_order=True)
    ours: dict[str, dict] = {}
    for user, article in events.select("user_id", "product_id").iter_rows():
        ours.setdefault(user, {})[article] = None
    week = pl.read_parquet(shared_data / "hm" / "transactions_week.parquet")
    truth: dict[str, dict] = {}
    for user, article in week.select("customer_id", "article_id").iter_rows():
        truth.setdefault(user, {})[article] = None
    assert {user: list(articles) for user, articles in ours.items()} == {u: list(a) for u, a in truth.items()}
    assert sum(len(a) >= 3 for a in ours.values()) == 20_945
