from functools import partial

import pytest

from shopping_assistant.tools.attribute_filter import Constraint
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.recommender import SYSTEMS, Recommender, RecommenderError
from shopping_assistant.tools.sessions import Event
from shopping_assistant.tools.store import Store
from tests.tools.recommender_contract import NOW, RecommenderContract


@pytest.fixture(scope="module")
def store(demo_store) -> Store:
    return Store.open(demo_store)


@pytest.fixture(scope="module")
def recommender(store) -> Recommender:
    return Recommender.open(store)


class TestSystems(RecommenderContract):
    @pytest.fixture(scope="class", params=SYSTEMS)
    def score(self, recommender, request):
        def score(system, histories, masks):
            return recommender.scores(histories, (system,), masks)[system]

        return partial(score, request.param)


def looked_at(*product_ids: str, query: str = "") -> tuple[Event, ...]:
    searched = (Event("s", "new", NOW, "search", query),) if query else ()
    return (*searched, *(Event("s", "new", NOW, "click", None, p) for p in product_ids))


def of_category(store, category: str) -> list[str]:
    catalog = store.catalog()
    return [catalog.ids[row] for row in catalog.rows_with("category", category)]


def test_what_is_searched_and_looked_at_is_what_is_recommended(store, recommender):
    boots = of_category(store, "ankle boots")
    seen = recommender.recommend(looked_at(*boots[:3], query="ankle boots"), k=10)
    categories = [store.catalog().product(s.product_id).category for s in seen.products]
    assert categories.count("ankle boots") >= 5


def test_a_recommendation_holds_constraints_and_exclusions(store, recommender):
    boots = of_category(store, "ankle boots")
    wish = [Constraint("category", "in", ("ankle boots",)), Constraint("material", "not in", ("leather",))]
    first = recommender.recommend(looked_at(*boots[:2]), 5, wish)
    again = recommender.recommend(looked_at(*boots[:2]), 5, wish, exclude=[first.products[0].product_id])
    assert first.products[0].product_id not in {s.product_id for s in again.products}
    for s in (*first.products, *again.products):
        product = store.catalog().product(s.product_id)
        assert product.category == "ankle boots" and product.material != "leather" and product.available


def test_routes_tell_where_a_product_came_from(recommender, monkeypatch):
    monkeypatch.setattr(recommender, "system", "mixup")
    found = recommender.recommend((), k=20)
    assert found.written_id and found.written_title
    assert all(s.route["id"] >= 1 and s.route["title"] >= 1 for s in found.products)


def test_nothing_left_to_choose_gives_an_empty_list(recommender):
    assert recommender.recommend((), constraints=[Constraint("price", "<=", (0.5,))]).products == ()


def test_an_unknown_system_is_named(recommender):
    with pytest.raises(RecommenderError, match="'best'"):
        recommender.scores([()], ("best",))


def test_a_store_without_models_names_the_remedy(tmp_path):
    store = Store.create(tmp_path / "bare", name="Bare")
    store.write_catalog(Catalog.from_products([Product("a", "A")]))
    with pytest.raises(RecommenderError, match="shop build"):
        Recommender.open(store)
