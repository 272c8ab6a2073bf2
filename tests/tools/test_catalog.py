import pytest

from shopping_assistant.tools.catalog import Catalog, CatalogError, Product, split_values

BOOTS = Product("b1", "Camden Boots", category="Ankle Boots", color="Black", size=("38", "39"), price=99.0)
SHIRT = Product(
    "s1", "Vegan Baker Shirt", color="yellow, white", available=False, attributes={"rating": 3.5, "sleeve": "full"}
)
PLAIN = Product("p1", "Only a title")


def test_what_is_written_is_read_back(tmp_path):
    catalog = Catalog.from_products([BOOTS, SHIRT, PLAIN])
    catalog.write(tmp_path / "catalog.parquet")
    again = Catalog.read(tmp_path / "catalog.parquet")
    assert [again.product(p) for p in again.ids] == [BOOTS, SHIRT, PLAIN]
    assert again.available.tolist() == [True, False, True]
    assert list(tmp_path.iterdir()) == [tmp_path / "catalog.parquet"]


def test_attributes_beyond_the_columns_are_filterable():
    catalog = Catalog.from_products([BOOTS, SHIRT, PLAIN])
    assert catalog.attribute_names == ["category", "color", "size", "price", "rating", "sleeve"]
    assert catalog.is_numeric("rating") and catalog.is_numeric("price") and not catalog.is_numeric("sleeve")
    assert SHIRT.get("rating") == 3.5 and SHIRT.get("nothing") is None


def test_a_cell_may_hold_several_values():
    assert split_values("Yellow, White") == ("yellow, white", "yellow", "white")
    catalog = Catalog.from_products([BOOTS, SHIRT])
    assert catalog.rows_with("color", "WHITE").tolist() == [1]
    assert catalog.values("size") == {"38": 1, "39": 1}


def test_an_id_may_stand_once():
    with pytest.raises(CatalogError, match="'b1' stands more than once"):
        Catalog.from_products([BOOTS, BOOTS])


def test_an_unknown_product_is_named():
    with pytest.raises(CatalogError, match="'x9'"):
        Catalog.from_products([BOOTS]).index("x9")
