"""`shop add-products` and `shop remove-products` as a person or a program uses them."""

import json

import pytest

from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.store import Store
from shopping_assistant.ui.page import keepsakes
from shopping_assistant.ui.page.words import words_in
from tests.ui.test_cli import refused, shop


@pytest.fixture
def store(tmp_path):
    made = Store.create(tmp_path / "store", name="Shop", currency="EUR")
    made.write_catalog(Catalog.from_products([Product("1", "Black Boots"), Product("2", "Red Sneakers")]))
    return made.path


def test_products_are_added_and_removed(store, tmp_path):
    (tmp_path / "new.csv").write_text("sku,title,price\n2,Scarlet Sneakers,59\n3,Blue Dress,49\n")
    done = shop("add-products", tmp_path / "new.csv", "--store", store, "--map", "product_id=sku")
    assert done.returncode == 0 and "1 added, 1 updated" in done.stderr and "3 products" in done.stderr
    done = shop("remove-products", "1", "2", "--store", store, "--json")
    report = json.loads(done.stdout)
    assert report["removed"] == 2 and report["products"] == 1
    catalog = Store.open(store).catalog()
    assert [p for p in catalog.ids if not catalog.has_removed(p)] == ["3"]
    assert catalog.product("3").currency == "EUR"


def test_mistakes_are_told_in_a_line(store, tmp_path):
    assert "'9' is not in" in refused("remove-products", "9", "--store", store)
    (tmp_path / "new.csv").write_text("product_id,title\n3,\n")
    assert "line 2, title" in refused("add-products", tmp_path / "new.csv", "--store", store)
    assert "is not a file" in refused("add-products", tmp_path / "none.csv", "--store", store)


def test_the_bag_says_what_is_no_longer_sold():
    boots = {**Product("1", "Black Boots", price=80.0, currency="EUR").as_dict()}
    panel = keepsakes.bag([boots, {**boots, "product_id": "2", "removed": True}], words_in("en"))
    assert panel.count("No longer sold") == 1
    assert "<span>Total</span><b>€80.00</b>" in panel
