"""Fit feedback comes into a store: a shop's own file, and the public data set."""

from datetime import UTC, datetime

import polars as pl
import pytest

from shopping_assistant.tools.fit_feedback import FIT_SCHEMA, part_of
from shopping_assistant.tools.importers import ImportRefused, import_source
from shopping_assistant.tools.store import Store

PRODUCTS = "product_id,title,category,size\nd1,Red dress,dress,34|36|38\nd2,Blue dress,dress,34|36\n"
ANSWERS = (
    "user_id,product_id,size,fit,height_cm,weight_lbs,timestamp\n"
    "u1,d1,36,Too Small,170,132,2026-01-02\n"
    "u1,d2,34,fit,170,,2026-02-03T10:00:00Z\n"
    ",d1,38,runs large,,,\n"
)


@pytest.fixture
def files(tmp_path):
    """Writes a products file and fit feedback, and returns their paths."""

    def write(answers: str = ANSWERS, name: str = "answers.csv"):
        folder = tmp_path / "shop"
        folder.mkdir(exist_ok=True)
        (folder / "products.csv").write_text(PRODUCTS)
        (folder / name).write_text(answers)
        return folder / "products.csv", folder / name

    return write


def test_a_shops_own_answers(files, tmp_path):
    products, answers = files()
    report = import_source("csv", products, tmp_path / "store", fit_path=answers)
    assert any("3 answers on how a size fitted, of 2 shoppers on 2 products" in note for note in report.notes)
    store = Store.open(tmp_path / "store")
    told = store.fit_feedback()
    assert dict(told.schema) == FIT_SCHEMA
    assert told["fit"].to_list() == ["small", "fit", "large"]
    assert told["weight_kg"][0] == pytest.approx(59.87, abs=0.01) and told["weight_kg"][1] is None
    assert told["timestamp"][1] == datetime(2026, 2, 3, 10, tzinfo=UTC)
    assert told["user_id"][2] not in (None, "u1")
    assert store.damaged() == [] and "fit_feedback.parquet" in store.manifest["artefacts"]["fit_feedback"]["files"]


def test_a_folder_brings_its_fit_file_along(files, tmp_path):
    folder = files(name="fit.csv")[1].parent
    import_source("csv", folder, tmp_path / "store")
    assert len(Store.open(tmp_path / "store").fit_feedback()) == 3


def test_a_store_without_answers_has_an_empty_table(files, tmp_path):
    import_source("csv", files()[0], tmp_path / "store")
    store = Store.open(tmp_path / "store")
    assert not store.has_fit_feedback and store.fit_feedback().is_empty()


def test_columns_by_another_name(files, tmp_path):
    products, answers = files("sku,worn,how\nd1,36,true to size\n")
    columns = {"product_id": "sku", "size": "worn", "fit": "how"}
    import_source("csv", products, tmp_path / "store", fit_path=answers, fit_columns=columns)
    assert Store.open(tmp_path / "store").fit_feedback()["fit"].to_list() == ["fit"]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("u,d9,36,fit,170,", "answers.csv line 2, product_id: got 'd9', expected a product of this catalogue of 2"),
        ("u,d1,36,snug,170,", "fit: got 'snug', expected one of small, fit, large"),
        ("u,d1,,fit,170,", "size: got '', expected the size that was worn"),
        ("u,d1,36,fit,17,", "height_cm: got '17', expected a number between 60 and 230"),
        ("u,d1,36,fit,170,9000", "weight_lbs: got '9000', expected a number between"),
    ],
    ids=["product", "fit", "size", "height", "weight"],
)
def test_a_bad_row_is_refused_or_left_out(files, tmp_path, row, told):
    products, answers = files(f"user_id,product_id,size,fit,height_cm,weight_lbs\n{row}\nu,d1,36,fit,170,132\n")
    with pytest.raises(ImportRefused, match=told):
        import_source("csv", products, tmp_path / "store", fit_path=answers)
    assert not (tmp_path / "store").exists()
    report = import_source("csv", products, tmp_path / "store", fit_path=answers, skip_bad=True)
    assert report.skipped_rows == 1 and len(Store.open(tmp_path / "store").fit_feedback()) == 1


def test_what_cannot_be_meant_is_refused(files, tmp_path):
    products, answers = files("user_id,product_id,size\nu,d1,36\n")
    with pytest.raises(ImportRefused, match=r"answers\.csv has no column fit"):
        import_source("csv", products, tmp_path / "store", fit_path=answers)
    with pytest.raises(ImportRefused, match="does not exist"):
        import_source("csv", products, tmp_path / "store", fit_path=tmp_path / "none.csv")
    with pytest.raises(ImportRefused, match="--map-fit is about fit feedback, and there is none"):
        import_source("csv", products, tmp_path / "store", fit_columns={"size": "worn"})
    with pytest.raises(ImportRefused, match="--fit has no meaning for the source webshop"):
        import_source("webshop", products, tmp_path / "store", fit_path=answers)


def rentals() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "fit": ["fit", "small", "large"],
            "user_id": [1, 1, 2],
            "item_id": [10, 11, 10],
            "weight_lbs": [132.0, 132.0, None],
            "rating": [10.0, 6.0, None],
            "rented_for": ["party", "wedding", "party"],
            "body_type": ["athletic", None, None],
            "category": ["gown", "sheath", "gown"],
            "size": [8, 12, 4],
            "age": [30.0, 30.0, 117.0],
            "review_date": [datetime(2016, 1, 2), datetime(2016, 3, 4), datetime(2016, 1, 2)],
            "bust_size_num": [34.0, 34.0, None],
            "bust_size_letter": ["c", "c", None],
            "height_in": [66.0, 66.0, 64.0],
        }
    )


def test_renttherunway_rentals(tmp_path):
    folder = tmp_path / "renttherunway"
    folder.mkdir()
    rentals().write_parquet(folder / "rentals.parquet")
    report = import_source("renttherunway", folder, tmp_path / "store")
    store = Store.open(tmp_path / "store")
    gown = store.catalog().product("10")
    assert (gown.title, gown.category, gown.size, gown.occasion) == ("Gown 10", "gown", ("4", "8"), "party")
    assert gown.attributes["rating"] == 10.0
    told = store.fit_feedback()
    assert told.select("user_id", "product_id", "size", "fit").rows() == [
        ("1", "10", "8", "fit"), ("1", "11", "12", "small"), ("2", "10", "4", "large")
    ]  # fmt: skip
    assert told["height_cm"][0] == pytest.approx(167.6) and told["weight_kg"][0] == pytest.approx(59.9)
    assert told["bust_cm"][0] == pytest.approx(94.0) and told["age"].to_list() == [30.0, 30.0, None]
    assert store.events()["action"].unique().to_list() == ["purchase"] and report.sessions == 3
    assert any("1 figures" in note for note in report.notes)


def test_the_real_rentals(shared_data, tmp_path):
    report = import_source("renttherunway", shared_data / "renttherunway", tmp_path / "store")
    assert report.products == 5762 and report.events == 153_846 and not report.skipped_rows
    told = Store.open(tmp_path / "store").fit_feedback()
    assert dict(told["fit"].value_counts().rows()) == {"small": 20_526, "fit": 113_634, "large": 19_686}


def test_the_parts_of_shoppers_are_even_and_always_the_same():
    parts = [part_of(f"shopper {n}") for n in range(2000)]
    assert all(150 < parts.count(p) < 250 for p in range(10))
    # Written down: another hash would learn from those who were kept back so far.
    assert [part_of(u) for u in ("273551", "360448", "151944")] == [1, 2, 1]
