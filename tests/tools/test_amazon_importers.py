"""Amazon's reviews of three editions and the sessions of Amazon-M2: small files of the published forms, and damage."""

import csv
import gzip
import io
import json
from datetime import UTC, datetime

import pytest

from shopping_assistant.tools.amazon_products import parse_line, words
from shopping_assistant.tools.importers import ImportRefused, import_amazon_m2, import_amazon_reviews, import_source
from shopping_assistant.tools.sessions import by_user, leave_one_out
from shopping_assistant.tools.store import Store

DAY = 1_370_044_800  # 2013-06-01, seconds as 2014 and 2018 write them
MOMENT = 1_588_687_728_923  # 2020-05-05, milliseconds as 2023 writes them

META_2014 = {
    "asin": "B0001", "title": "L&#39;Or&eacute;al <b>Mascara</b> &amp;quot;Black&amp;quot;", "price": 12.99,
    "description": "Won't smudge.<br />Black.", "imUrl": "http://x/1.jpg", "brand": "L'Oreal",
    "related": {"also_bought": ["B0002"]}, "salesRank": {"Beauty": 612379},
    "categories": [["Beauty", "Makeup", "Eyes"], ["Beauty", "Women"]],
}  # fmt: skip
META_2018 = {
    "category": ["Clothing, Shoes & Jewelry", "Women", "Dresses", "</span></span></span>", "Imported"], "tech1": "",
    "description": ["A dress.", ""], "fit": "", "title": "Floral Dress", "also_buy": ["B0002"], "brand": "Anna",
    "feature": ["100% Cotton", "A dress."], "rank": [">#2,623 in Clothing (See Top 100)"], "date": "",
    "main_cat": '<img src="fashion.png" alt="Fashion" />', "price": "$12.99", "asin": "B0001",
    "details": {"\n    Product Dimensions: \n    ": "2 x 2 inches", "Department: ": "womens", "ASIN:": "B0001"},
    "imageURL": ["https://x/1._SS40_.jpg"], "imageURLHighRes": ["https://x/1.jpg"],
}  # fmt: skip
META_2023 = {
    "main_category": "All Beauty", "title": "Press-on Nails, 100 pieces", "average_rating": 3.7, "rating_number": 35,
    "features": ["Durable.", "Easy to trim."], "description": ["Nails."], "price": 6.99, "store": "Lurrose",
    "images": [{"hi_res": None, "thumb": "https://x/t.jpg", "large": "https://x/l.jpg", "variant": "MAIN"}],
    "videos": [], "categories": ["Beauty", "Nails"], "bought_together": None, "parent_asin": "B0001",
    "details": {"Color": "As Shown", "Size": "3,5 cm", "Material": "ABS", "Brand": "Lurrose Nails", "Skin Type": "All",
                "UPC": "799768026253", "Package Dimensions": "5.6 x 3 inches", "Best Sellers Rank": {"Nails": 3}},
}  # fmt: skip


def review_2014(user, product, time=DAY, **more):
    return {"reviewerID": user, "asin": product, "helpful": [0, 0], "overall": 5.0, "reviewText": "\ud83d",
            "unixReviewTime": time, "reviewTime": "06 1, 2013", **more}  # fmt: skip


def review_2023(user, product, time=MOMENT, **more):
    return {"rating": 5.0, "title": "Nice", "text": "…", "images": [], "asin": "CHILD", "parent_asin": product,
            "user_id": user, "timestamp": time, "helpful_vote": 0, "verified_purchase": True, **more}  # fmt: skip


OLD_REVIEWS, NEW_REVIEWS = [review_2014("A1", "B0001")], [review_2023("A1", "B0001")]


def as_lines(rows, write=json.dumps):
    return "".join((row if isinstance(row, str) else write(row)) + "\n" for row in rows)


def lay(folder, **files):
    """``lay(folder, **{"name.json.gz": text})``: files in a folder, gzipped where their name says so."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        data = text.encode("utf-8")
        (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return folder


def data_2014(folder, reviews=OLD_REVIEWS, products=(META_2014,), stem="Beauty"):
    files = {f"reviews_{stem}_5.json.gz": as_lines(reviews), f"meta_{stem}.json.gz": as_lines(products, repr)}
    return lay(folder, **files)


def data_2018(folder, reviews=OLD_REVIEWS, products=(META_2018,), stem="AMAZON_FASHION"):
    return lay(folder, **{f"{stem}_5.json": as_lines(reviews), f"meta_{stem}.json.gz": as_lines(products)})


def data_2023(folder, reviews=NEW_REVIEWS, products=(META_2023,), stem="All_Beauty"):
    return lay(folder, **{f"{stem}.jsonl": as_lines(reviews), f"meta_{stem}.jsonl": as_lines(products)})


@pytest.fixture
def shop(tmp_path):
    """``shop(folder, **options)`` imports and gives the store's catalogue, events and the report."""

    def make(path, **options):
        report = import_amazon_reviews(path, tmp_path / "store", replace=True, **options)
        store = Store.open(tmp_path / "store")
        return store.catalog(), store.events(), report

    return make


def test_2014_metadata_are_python_literals(shop, tmp_path):
    catalog, events, report = shop(data_2014(tmp_path / "data"))
    mascara = catalog.product("B0001")
    assert mascara.title == 'L\'Oréal Mascara "Black"' and mascara.brand == "L'Oreal"
    assert (mascara.price, mascara.currency, mascara.image_url) == (12.99, "USD", "http://x/1.jpg")
    assert mascara.category == "Eyes" and mascara.attributes == {"category_path": ("Beauty", "Makeup", "Eyes")}
    assert mascara.description == "Won't smudge. Black."
    assert events["timestamp"].to_list() == [datetime(2013, 6, 1, tzinfo=UTC)]
    assert events.select("session_id", "user_id", "action").row(0) == ("A1-2013-06-01", "A1", "purchase")
    store = Store.open(tmp_path / "store")
    made_by = store.made_by("catalog")
    assert (made_by["year"], store.name) == (2014, "Amazon Beauty")
    assert set(made_by["files"]) == {"reviews_Beauty_5.json.gz", "meta_Beauty.json.gz"}
    assert "2014" in report.source and report.skipped_rows == 0


def test_a_python_literal_is_read_and_never_run(shop, tmp_path):
    line = "{'asin': 'B0001', 'title': __import__('os').system('touch ran'), 'imUrl': ''}"
    with pytest.raises(ImportRefused, match=r"meta_Beauty.json.gz line 2, \(row\).*neither JSON nor a Python literal"):
        shop(data_2014(tmp_path / "data", products=[META_2014, line]))
    with pytest.raises(ValueError):
        parse_line("__import__('os')")
    assert parse_line("{'a': u'\\xe9', \"b\": [1, None, True]}") == {"a": "é", "b": [1, None, True]}
    for line in ("{'a': " + "[" * 100_000, "{1: 2}"):
        with pytest.raises(ValueError):
            parse_line(line)


def test_2018_metadata(shop, tmp_path):
    catalog, _, report = shop(data_2018(tmp_path / "data"))
    dress = catalog.product("B0001")
    assert (dress.title, dress.brand, dress.price, dress.currency) == ("Floral Dress", "Anna", 12.99, "USD")
    assert dress.category == "Dresses", "what stands behind a piece of markup is no category"
    assert dress.department == "Women" and dress.image_url == "https://x/1.jpg"
    assert dress.description == "A dress.\n100% Cotton", "a feature that repeats the description is not said twice"
    assert set(dress.attributes) == {"category_path"}, "no numbers of packing, no section made of markup"
    assert "2018" in report.source


def test_2023_metadata_and_parent_ids(shop, tmp_path):
    catalog, events, report = shop(data_2023(tmp_path / "data"))
    nails = catalog.product("B0001")
    assert (nails.brand, nails.color, nails.material, nails.size) == ("Lurrose Nails", "As Shown", "ABS", ("3,5 cm",))
    assert nails.category == "Nails" and nails.image_url == "https://x/l.jpg"
    assert nails.attributes == {
        "skin_type": "All", "section": "All Beauty", "category_path": ("Beauty", "Nails"), "rating": 3.7,
        "rating_count": 35,
    }  # fmt: skip
    assert nails.description == "Nails.\nDurable.\nEasy to trim."
    assert events["product_id"].to_list() == ["B0001"], "the parent's id, not the variant's"
    assert events["timestamp"][0] == datetime(2020, 5, 5, 14, 8, 48, 923000, tzinfo=UTC)
    assert "2023" in report.source


def test_2023_copies_with_details_as_text_and_pictures_by_size(shop, tmp_path):
    copied = {**META_2023, "details": json.dumps(META_2023["details"]), "price": "None",
              "images": {"hi_res": [None], "large": ["https://x/l.jpg"], "thumb": [], "variant": ["MAIN"]}}  # fmt: skip
    nails = shop(data_2023(tmp_path / "data", products=[copied]))[0].product("B0001")
    assert (nails.color, nails.image_url, nails.price, nails.currency) == ("As Shown", "https://x/l.jpg", None, None)


def test_2023_ratings_alone(shop, tmp_path):
    text = f"user_id,parent_asin,rating,timestamp\nA1,B0001,4.0,{MOMENT}\nA1,B0009,5.0,{MOMENT + 1}\n"
    folder = lay(tmp_path / "data", **{"All_Beauty.csv": text, "meta_All_Beauty.jsonl.gz": as_lines([META_2023])})
    catalog, events, _ = shop(folder)
    assert events["product_id"].to_list() == ["B0001", "B0009"] and catalog.product("B0009").title == "Unknown"


def test_2023_reviews_and_metadata_in_two_folders(shop, tmp_path):
    lay(tmp_path / "raw" / "review_categories", **{"All_Beauty.jsonl": as_lines([review_2023("A1", "B0001")])})
    lay(tmp_path / "raw" / "meta_categories",
        **{"meta_All_Beauty.jsonl": as_lines([META_2023]), "meta_Books.jsonl": as_lines([META_2023] * 2)})  # fmt: skip
    for path in (tmp_path / "raw", tmp_path / "raw" / "review_categories" / "All_Beauty.jsonl"):
        assert len(shop(path)[0]) == 1


@pytest.mark.parametrize("data", [data_2014, data_2018, data_2023])
def test_reviewed_products_without_metadata_are_unknown_and_others_stay(data, shop, tmp_path):
    review = review_2023 if data is data_2023 else review_2014
    product = {data_2014: META_2014, data_2018: META_2018, data_2023: META_2023}[data]
    column = "parent_asin" if data is data_2023 else "asin"
    products = [{**product, column: "B0002"}, {**product, column: "B0003", "title": None}]
    folder = data(tmp_path / "data", [review("A1", "B0009"), review("A1", "B0003"), review("A2", "B0009")], products)
    catalog, events, report = shop(folder)
    assert catalog.ids == ["B0002", "B0003", "B0009"] and len(events) == 3
    assert catalog.product("B0003").title == catalog.product("B0009").title == "Unknown"
    assert any(n.startswith("1 products of the log are not in the metadata") for n in report.notes)
    assert any(n.startswith("1 products have no title in the metadata") for n in report.notes)
    catalog, events, report = shop(folder, part="reviewed")
    assert catalog.ids == ["B0003", "B0009"] and len(events) == 3
    assert "1 products without reviews left out (--part reviewed)" in report.notes


@pytest.mark.parametrize(
    ("given", "price", "price_to"),
    [
        ("$12.99", 12.99, None), ("$5 - $9", 5.0, 9.0), ("$5.00-$9.50", 5.0, 9.5), ("$1,299.00", 1299.0, None),
        (7, 7.0, None), ("", None, None), (None, None, None), ("None", None, None), ("—", None, None),
        ("from 14.99", 14.99, None), ("0", 0.0, None),
    ],
)  # fmt: skip
def test_prices(given, price, price_to, shop, tmp_path):
    catalog, _, report = shop(data_2018(tmp_path / "data", products=[{**META_2018, "price": given}]))
    product = catalog.product("B0001")
    assert (product.price, product.attributes.get("price_to")) == (price, price_to)
    assert product.currency == (None if price is None else "USD")
    assert not any("cannot be read" in note for note in report.notes)


@pytest.mark.parametrize(
    "given", [".a-box-inner{background-color:#fff}", "$5 - €9", "-3", -3.0, [1], True, "1 - 2 - 3"]
)
def test_a_price_that_is_none_is_left_empty_and_told(given, shop, tmp_path):
    catalog, _, report = shop(data_2018(tmp_path / "data", products=[{**META_2018, "price": given}]))
    assert catalog.product("B0001").price is None
    assert any(
        n.startswith("1 prices of the file cannot be read and are left empty, for example") for n in report.notes
    )


def test_titles_made_of_the_pages_code_are_unknown(shop, tmp_path):
    code = "var aPageStart = (new Date()).getTime();"
    catalog, _, report = shop(data_2018(tmp_path / "data", products=[{**META_2018, "title": code}]))
    assert catalog.product("B0001").title == "Unknown"
    assert any("1 titles are pieces of the page's code" in n for n in report.notes)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("A &amp; B", "A & B"), ("<b>Bold</b>  text\n", "Bold text"), ("&amp;quot;x&amp;quot;", '"x"'),
        ("size < 5 and > 3", "size < 5 and > 3"), ("<script>var a = '<b>';</script>Boots", "Boots"),
        ("a<br/>b", "a b"), ("<i></i>", None), ("  ", None), (None, None), (5, None), ("<!-- x -->y", "y"),
    ],
)  # fmt: skip
def test_words_without_markup(text, clean):
    assert words(text) == clean


def test_values_of_unexpected_types_raise_nothing(shop, tmp_path):
    odd = {"asin": "B0001", "title": ["x"], "brand": 7, "category": {"a": 1}, "description": {"b": [None]}, "price": {},
           "feature": [[["deep"]], 3, None], "details": [1], "imageURLHighRes": 5, "main_cat": None,
           "average_rating": "4"}  # fmt: skip
    product = shop(data_2018(tmp_path / "data", products=[odd]))[0].product("B0001")
    assert (product.title, product.brand, product.category, product.description) == ("Unknown", None, None, "deep")


def test_repeated_lines_count_once(shop, tmp_path):
    """The metadata of 2018 hold whole lines twice, and its reviews stand there once for every style."""
    reviews = [review_2014("A1", "B0001"), review_2014("A1", "B0001"), review_2014("A1", "B0001", DAY + 86_400)]
    changed_where_nothing_is_taken = {**META_2018, "also_buy": []}
    catalog, events, report = shop(
        data_2018(tmp_path / "data", reviews, [META_2018, META_2018, changed_where_nothing_is_taken])
    )
    assert len(catalog) == 1 and len(events) == 2 and report.sessions == 2
    assert any(n.startswith("2 lines of the metadata say again") for n in report.notes)
    assert any(
        n.startswith("1 reviews by the same reviewer of the same product at the same time") for n in report.notes
    )


def test_unverified_reviews_count_and_are_told(shop, tmp_path):
    reviews = [review_2023("A1", "B0001"), review_2023("A2", "B0001", verified_purchase=False)]
    _, events, report = shop(data_2023(tmp_path / "data", reviews))
    assert len(events) == 2 and any(n.startswith("1 reviews are not of verified purchases") for n in report.notes)


DAMAGE_2018 = [
    ("{bad", "line 2, (row): got '{bad', expected one JSON object"),
    (review_2014(None, "B0001"), "line 2, reviewerID (user_id): got nothing, expected the reviewer's id"),
    (review_2014(" ", "B0001"), "line 2, reviewerID (user_id): got ' '"),
    (review_2014("A1", None), "line 2, asin (product_id): got nothing, expected the id of the reviewed product"),
    (review_2014("A1", "B0001", None), "line 2, unixReviewTime (timestamp): got nothing, expected ISO 8601"),
    (review_2014("A1", "B0001", "soon"), "line 2, unixReviewTime (timestamp): got 'soon'"),
    ("[1]", "line 2, (row): got [1], expected one JSON object"),
]


@pytest.mark.parametrize(("row", "told"), DAMAGE_2018)
def test_a_bad_review_is_refused_or_left_out_and_listed(row, told, shop, tmp_path):
    folder = data_2018(tmp_path / "data", [review_2014("A1", "B0001"), row, review_2014("A2", "B0001")])
    with pytest.raises(ImportRefused) as caught:
        shop(folder)
    assert told in str(caught.value) and str(caught.value).startswith("AMAZON_FASHION_5.json ")
    assert not (tmp_path / "store").exists()
    _, events, report = shop(folder, skip_bad=True)
    assert len(events) == 2 and report.skipped_rows == 1
    assert Store.open(tmp_path / "store").made_by("events")["rows left out"] == 1


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("{'asin':", "line 2, (row): got \"{'asin':\""),
        ({**META_2014, "asin": None}, "line 2, asin (product_id): got nothing, expected the product's id"),
        ({**META_2014, "title": "Other"}, "line 2, asin (product_id): got 'B0001', expected an id of its own, line 1"),
    ],
)
def test_bad_metadata_are_refused_or_left_out_and_listed(row, told, shop, tmp_path):
    folder = data_2014(tmp_path / "data", products=[META_2014, row])
    with pytest.raises(ImportRefused) as caught:
        shop(folder)
    assert told in str(caught.value) and "pass --skip-bad" in str(caught.value)
    catalog, _, report = shop(folder, skip_bad=True)
    assert catalog.ids == ["B0001"] and catalog.product("B0001").brand == "L'Oreal" and report.skipped_rows == 1
    assert len(shop(folder, skip_bad=True, part="reviewed")[0]) == 1


def test_metadata_alone_make_a_catalogue(shop, tmp_path):
    folder = data_2018(tmp_path / "data")
    (folder / "AMAZON_FASHION_5.json").unlink()
    for path in (folder, folder / "meta_AMAZON_FASHION.json.gz"):
        catalog, events, report = shop(path)
        assert (len(catalog), len(events)) == (1, 0) and any("no reviews" in n for n in report.notes)
    with pytest.raises(ImportRefused, match="--part reviewed needs the reviews"):
        shop(folder, part="reviewed")
    lay(folder, **{"ratings.csv": "A1,B0001,5.0,1369699200\n"})
    with pytest.raises(ImportRefused, match=r"has no reviews of Amazon's .* for the catalogue alone give meta_AMAZON"):
        shop(folder)


def test_files_that_cannot_be_told_apart_are_refused(shop, tmp_path):
    folder = data_2018(tmp_path / "data")
    with pytest.raises(ImportRefused, match="--part 'half': expected one of all, reviewed"):
        shop(folder, part="half")
    with pytest.raises(ImportRefused, match="does not exist"):
        shop(tmp_path / "nowhere")
    lay(folder, **{"Books_5.json": as_lines([review_2014("A1", "B0001")])})
    with pytest.raises(ImportRefused, match=r"several logs \(AMAZON_FASHION_5.json, Books_5.json\)"):
        shop(folder)
    assert len(shop(folder / "Books_5.json")[0]) == 1, "the only metadata there are taken"
    lay(folder, **{"meta_Toys.json": as_lines([META_2018])})
    with pytest.raises(ImportRefused, match=r"several metadata files .*; name the one that belongs to it meta_Books"):
        shop(folder / "Books_5.json")
    newer = lay(tmp_path / "mixed", **{"X.jsonl": as_lines(NEW_REVIEWS), "meta_X.jsonl": as_lines([META_2018])})
    with pytest.raises(ImportRefused, match=r"lies no metadata; put meta_X .* of its edition there"):
        shop(newer)
    alone = lay(tmp_path / "alone", **{"Books_5.json": as_lines([review_2014("A1", "B0001")]), "notes.txt": "x"})
    with pytest.raises(ImportRefused, match="lies no metadata; put meta_Books"):
        shop(alone)
    with pytest.raises(ImportRefused, match="cannot tell its format"):
        shop(alone / "notes.txt")
    ratings = lay(tmp_path / "old", **{"ratings_Beauty.csv": "A1,B0001,5.0,1369699200\n"})
    with pytest.raises(ImportRefused, match="neither reviews nor metadata of Amazon's"):
        shop(ratings / "ratings_Beauty.csv")
    with pytest.raises(ImportRefused, match="has no reviews of Amazon's"):
        shop(ratings)


def test_options_that_mean_nothing_are_refused(tmp_path):
    folder = data_2018(tmp_path / "data")
    for options in ({"currency": "EUR"}, {"events_path": folder}, {"product_columns": {"title": "x"}}):
        with pytest.raises(ImportRefused, match="has no meaning for the source amazon-reviews"):
            import_source("amazon-reviews", folder, tmp_path / "store", **options)
    with pytest.raises(ImportRefused, match="--part has no meaning for the source myntra"):
        import_source("myntra", folder, tmp_path / "store", part="reviewed")
    assert import_source("amazon-reviews", folder, tmp_path / "store", part="reviewed").products == 1


M2_HEADER = ("id", "locale", "title", "price", "brand", "color", "size", "model", "material", "author", "desc")
M2_PRODUCTS = [
    ("B1", "DE", "Stiefel &amp; Schuhe", "24.99", "Acme", "Schwarz", "3,5 cm", "501", "Leder", "", "Warm,<br>weich"),
    ("B1", "UK", "Boots", "19.5", "", "", "", "", "", "J. K. Rowling", ""),
    ("B2", "UK", "", "", "", "", "", "", "", "", ""),
    ("B3", "JP", "靴", "1980.0", "", "", "", "", "", "", ""),
]
M2_SESSIONS = [
    ("['B1' 'B2']", "B7", "UK"),
    ("['B1'\n 'B3'  'B4']", "B2", "DE"),
    ("['B3', 'B5']", "B6", "JP"),
]


def m2(folder, products=M2_PRODUCTS, sessions=M2_SESSIONS, ending=""):
    def table(header, rows):
        out = io.StringIO()
        csv.writer(out).writerows([header, *rows])
        return out.getvalue()

    files = {"products_train.csv": table(M2_HEADER, products),
             "sessions_train.csv": table(("prev_items", "next_item", "locale"), sessions)}  # fmt: skip
    return lay(folder, **{name + ending: text for name, text in files.items()})


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_m2_all_locales(ending, tmp_path):
    report = import_amazon_m2(m2(tmp_path / "m2", ending=ending), tmp_path / "store")
    store = Store.open(tmp_path / "store")
    catalog = store.catalog()
    boots = catalog.product("B1-DE")
    assert (boots.title, boots.price, boots.currency, boots.size) == ("Stiefel & Schuhe", 24.99, "EUR", ("3,5 cm",))
    assert (boots.brand, boots.color, boots.material, boots.description) == ("Acme", "Schwarz", "Leder", "Warm, weich")
    assert boots.attributes == {"locale": "DE", "model": "501", "asin": "B1"}
    assert catalog.product("B1-UK").attributes["author"] == "J. K. Rowling"
    assert (catalog.product("B3-JP").currency, catalog.product("B3-JP").price) == ("JPY", 1980.0)
    assert catalog.product("B2-UK").title == catalog.product("B7-UK").title == "Unknown"
    bought = {user: [e.product_id for e in events] for user, events in by_user(store.events())}
    assert bought == {
        "UK-2": ["B1-UK", "B2-UK", "B7-UK"],
        "DE-3": ["B1-DE", "B3-DE", "B4-DE", "B2-DE"],
        "JP-5": ["B3-JP", "B5-JP", "B6-JP"],
    }
    assert [e.target for e in leave_one_out(store.events()).test] == ["B2-DE", "B6-JP", "B7-UK"], "the cup's next items"
    assert (report.sessions, report.users, report.products, report.skipped_rows) == (3, 3, 10, 0)
    assert any(n.startswith("6 products of the log are not in products_train.csv") for n in report.notes)
    assert any(n.startswith("1 products have no title") for n in report.notes)


def test_m2_one_locale_and_some(tmp_path):
    folder = m2(tmp_path / "m2")
    report = import_source("amazon-m2", folder, tmp_path / "de", part="de")
    store = Store.open(tmp_path / "de")
    assert store.catalog().ids == ["B1", "B3", "B4", "B2"] and report.sessions == 1, "ids are ASINs in one locale"
    assert store.catalog().product("B1").attributes == {"model": "501"}
    assert (store.currency, store.name) == ("EUR", "Amazon-M2 DE")
    import_amazon_m2(folder / "sessions_train.csv", tmp_path / "some", part="DE, JP")
    assert set(Store.open(tmp_path / "some").events()["session_id"]) == {"DE-3", "JP-5"}
    with pytest.raises(ImportRefused, match="--part 'XX': expected all, or locales of DE, ES, FR, IT, JP, UK"):
        import_amazon_m2(folder, tmp_path / "x", part="XX")
    with pytest.raises(ImportRefused, match="no product is left"):
        import_amazon_m2(folder, tmp_path / "x", part="FR")


@pytest.mark.parametrize(
    ("session", "told"),
    [
        (("['B1' ... 'B2']", "B2", "UK"), "prev_items: got \"['B1' ... 'B2']\", expected ids in quotes between"),
        (("B1 B2", "B2", "UK"), "prev_items: got 'B1 B2'"),
        (("[]", "B2", "UK"), "prev_items: got '[]'"),
        (("", "B2", "UK"), "prev_items: got ''"),
        (("['B1']", " ", "UK"), "next_item: got ' ', expected the id of the next item"),
        (("['B1']", "B2", "XX"), "locale: got 'XX', expected one of DE, ES"),
        (("['B1']", "B2", ""), "locale: got ''"),
    ],
)
def test_m2_bad_sessions(session, told, tmp_path):
    folder = m2(tmp_path / "m2", sessions=[*M2_SESSIONS, session])
    with pytest.raises(ImportRefused) as caught:
        import_amazon_m2(folder, tmp_path / "store")
    assert f"sessions_train.csv line 6, {told}" in str(caught.value)
    assert not (tmp_path / "store").exists()
    report = import_amazon_m2(folder, tmp_path / "store", skip_bad=True)
    assert (report.sessions, report.skipped_rows) == (3, 1)


@pytest.mark.parametrize(
    ("product", "told"),
    [
        (M2_PRODUCTS[0], "product_id: got 'B1-DE', expected an id of its own, line 2 has it already"),
        (("", "UK", *M2_PRODUCTS[1][2:]), "product_id: got nothing, expected text that names the product"),
        (("B8", "XX", *M2_PRODUCTS[1][2:]), "locale: got 'XX', expected one of DE, ES"),
        (("B8", "UK", "Boots", "cheap", *[""] * 7), "price: got 'cheap', expected a number ≥ 0"),
        (("B8", "UK", "Boots"), "(row): got 3 fields, expected 11 fields"),
    ],
)
def test_m2_bad_products(product, told, tmp_path):
    folder = m2(tmp_path / "m2", products=[*M2_PRODUCTS, product])
    with pytest.raises(ImportRefused) as caught:
        import_amazon_m2(folder, tmp_path / "store")
    assert f"products_train.csv line 6, {told}" in str(caught.value)
    report = import_amazon_m2(folder, tmp_path / "store", skip_bad=True)
    assert report.skipped_rows == 1 and "B8-XX" not in Store.open(tmp_path / "store").catalog()


def test_m2_files_of_another_form_are_refused(tmp_path):
    with pytest.raises(ImportRefused, match=r"holds no csv file; expected sessions_train.csv"):
        import_amazon_m2(lay(tmp_path / "empty", **{"a.txt": "x"}), tmp_path / "store")
    other = lay(tmp_path / "other", **{"sessions_train.csv": "prev_items,next_item\nx,y\n",
                                       "products_train.csv": "id,title\n1,Boots\n"})  # fmt: skip
    with pytest.raises(
        ImportRefused, match=r"products_train.csv has no column locale; expected the data set's own file"
    ):
        import_amazon_m2(other, tmp_path / "store")
