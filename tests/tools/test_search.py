import pytest

from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.search import CatalogSearch, SearchError, words_of
from shopping_assistant.tools.store import Store


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    store = Store.create(tmp_path_factory.mktemp("search") / "shop", name="Shop")
    store.write_catalog(
        Catalog.from_products(
            [
                Product("boots", "Camden Ankle Boots in Black Leather", category="ankle boots"),
                Product("sneaker", "Runaway Trainers in White", category="sneakers"),
                Product("coat", "Winter Parka in Green", category="coats", description="Padded and very warm."),
                Product("ring", "Silver Ring", category="rings", available=False),
            ]
        )
    )
    CatalogSearch.build(store)
    return store


def first(store: Store, query: str) -> str:
    return CatalogSearch.open(store).search(query, k=1)[0].product_id


def test_words_and_meaning_find_products(store):
    assert first(store, "black boot") == "boots"
    assert first(store, "something warm for the cold season") == "coat"
    assert first(store, "jewellery for a finger") == "ring"


def test_the_mask_holds_and_ranks_are_given(store):
    mask = store.catalog().available
    found = CatalogSearch.open(store).search("silver ring", k=10, mask=mask)
    assert [s.route["search"] for s in found] == [1, 2, 3]
    assert "ring" not in {s.product_id for s in found}


def test_a_query_of_unknown_words_still_ranks(store):
    assert len(CatalogSearch.open(store).search("qwxz", k=2)) == 2


def test_words_are_stemmed_and_plain():
    assert words_of("Women's Bôots and T-shirts") == words_of("women boot tshirt")


def test_an_index_of_another_catalogue_is_refused(store, tmp_path):
    other = Store.create(tmp_path / "other", name="Other")
    other.write_catalog(Catalog.from_products([Product("a", "A")]))
    with pytest.raises(SearchError, match="shop build"):
        CatalogSearch.open(other)
