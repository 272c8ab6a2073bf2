import pytest

from shopping_assistant.eval.baselines import ItemKnn, Popularity, Search, open_rankers
from shopping_assistant.tools.search import CatalogSearch
from shopping_assistant.tools.sessions import Event, frame_of, leave_one_out
from shopping_assistant.tools.store import Store
from tests.tools.recommender_contract import NOW, RecommenderContract


@pytest.fixture(scope="module")
def store(searchable_store) -> Store:
    return searchable_store


@pytest.fixture(scope="module", params=["popularity", "item-knn", "search"])
def score(store, request):
    (ranker,) = open_rankers(store, [request.param], leave_one_out(store.events()).train)
    return lambda histories, masks: ranker.scores(histories, masks)[request.param]


class TestBaselines(RecommenderContract):
    """The fixtures are above."""


def test_popularity_counts_purchases_alone(shop, buys, event):
    log = [*buys("ann", "p1", "p2"), *buys("bob", "p1"), *(event("cyd", m, "click", "p4") for m in range(9))]
    scores = Popularity(shop(log).catalog(), frame_of(log)).scores([(), ()], None)["popularity"]
    assert scores.shape == (2, 12)
    assert scores[0, :5].tolist() == [0, 2, 1, 0, 0]


def test_item_knn_by_hand(shop, buys):
    log = [*buys("ann", "p1", "p2"), *buys("bob", "p1", "p2", "p3"), *buys("cyd", "p1", "p1", "p4")]
    knn = ItemKnn(shop(log).catalog(), frame_of(log))
    (scores,) = knn.scores([tuple(buys("dan", "p2", "p4"))], None)["item-knn"]
    # p4, the newer: bought with p1 once, 1/√(3·1). p2 weighs 0.7: with p1 twice, 2/√(3·2), and with p3 once, 1/√(2·1).
    assert scores[1] == pytest.approx(1 / 3**0.5 + 0.7 * 2 / 6**0.5, abs=1e-5)
    assert scores[3] == pytest.approx(0.7 / 2**0.5, abs=1e-5)
    assert scores[[0, 5, 6]] == pytest.approx(0, abs=1e-5)


def test_search_ranks_by_the_current_query_alone(store):
    catalog = store.catalog()
    train = leave_one_out(store.events()).train
    search = Search(catalog, train, CatalogSearch.open(store))
    category = next(iter(catalog.values("category")))
    history = (Event("s", "new", NOW, "search", category),)
    best = search.scores([history], None)["search"][0].argmax()
    assert catalog.at(best).category.lower() == category
    assert (search.scores([()], None)["search"] == Popularity(catalog, train).scores([()], None)["popularity"]).all()
