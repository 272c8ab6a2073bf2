import numpy as np
import pytest

from shopping_assistant.eval.baselines import (
    BASELINES,
    ItemKnn,
    ItemKnnColors,
    Popularity,
    open_rankers,
    systems_at_hand,
)
from shopping_assistant.eval.metrics import target_ranks
from shopping_assistant.eval.protocol import Candidates, Protocol
from shopping_assistant.eval.ranking import ranked
from shopping_assistant.tools.mixup import top_k
from shopping_assistant.tools.search import CatalogSearch
from shopping_assistant.tools.sessions import Event, current_query, frame_of, leave_one_out
from shopping_assistant.tools.store import Store
from tests.tools.recommender_contract import NOW, RecommenderContract


@pytest.fixture(scope="module")
def store(searchable_store) -> Store:
    return searchable_store


@pytest.fixture(scope="module")
def rankers(store) -> dict:
    opened = open_rankers(store, BASELINES, leave_one_out(store.events()).train)
    assert [name for ranker in opened for name in ranker.names] == [*BASELINES]
    return {ranker.names[0]: ranker for ranker in opened}


@pytest.fixture(scope="module", params=BASELINES)
def ranker(rankers, request):
    return rankers[request.param]


@pytest.fixture(scope="module")
def score(ranker):
    return lambda histories, masks: ranker.scores(histories, masks)[ranker.names[0]]


class TestBaselines(RecommenderContract):
    """What every recommender promises, and what a replay needs of a ranker besides. The fixtures are above."""

    def test_scores_are_not_those_of_another_session(self, store, score, ranker):
        histories = self.histories(store)
        scores = score(histories, None)
        for own, alone in zip(scores, (score([h], None)[0] for h in histories), strict=True):
            np.testing.assert_allclose(own, alone, rtol=1e-5, atol=1e-6)
        assert np.isfinite(scores).all(), "each places every product"
        alike = (np.abs(scores - scores[:1]) < 1e-6).all()
        assert alike == (ranker.names == ("popularity",)), "all but popularity read the session"


def test_vectors_give_the_ranks_of_the_scores(store, rankers):
    """A replay ranks by the vectors themselves; sessions without a query are among them."""
    examples = leave_one_out(store.events()).test[:60]
    among = Candidates(store.catalog(), Protocol(), store.events()).of(examples)
    histories = [() if i % 5 == 0 else e.history for i, e in enumerate(examples)]
    ranks, tops = ranked(rankers["vectors"].lists(histories, None)["vectors"], among, among.targets, top=30)
    scores, masks = rankers["vectors"].scores(histories, None)["vectors"], among.masks()
    assert ranks.tolist() == target_ranks(scores, masks, among.targets).tolist()
    assert [t.tolist() for t in tops] == [top_k(s, 30, m).tolist() for s, m in zip(scores, masks, strict=True)]


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


def test_item_knn_puts_the_same_product_in_other_colours_beside_it(small_store):
    catalog = small_store.catalog()
    knn = ItemKnnColors(catalog, small_store.split().train)
    row, others = next((row, alike) for row, alike in enumerate(knn._group) if len(alike) > 1)
    bought = Event("s", "new", NOW, "purchase", None, catalog.ids[row])
    (scores,) = knn.scores([(bought,)], None)["item-knn-colors"]
    assert set(others) <= set(top_k(scores, len(others)).tolist())
    assert knn.scores([()], None)["item-knn-colors"].max() < 1e-6


def asked(query: str) -> tuple[Event, ...]:
    return (Event("s", "new", NOW, "search", query),)


@pytest.mark.parametrize("name", ["search", "bm25", "vectors"])
def test_search_ranks_by_the_current_query_alone(store, rankers, name):
    catalog = store.catalog()
    category = next(iter(catalog.values("category")))
    older = Event("another", "new", NOW, "search", "a long summer dress"), *asked(category)
    scores = rankers[name].scores([asked(category), older], None)[name]
    assert catalog.at(scores[0].argmax()).category.lower() == category
    assert (scores[0] == scores[1]).all()


@pytest.mark.parametrize("name", ["search", "bm25", "vectors"])
def test_a_session_without_a_query_is_ranked_by_popularity(rankers, name):
    silent = (Event("s", "new", NOW, "click", None, "nothing of ours"),)
    searched_before = (*asked("boots"), Event("later", "new", NOW, "click", None, "nothing of ours"))
    for history in ((), silent, searched_before):
        assert current_query(history) is None
        popularity = rankers["popularity"].scores([history], None)["popularity"][0]
        assert top_k(rankers[name].scores([history], None)[name][0], 150).tolist() == top_k(popularity, 150).tolist()


def test_words_are_all_that_bm25_goes_by(store, rankers):
    title = store.catalog().titles[7]
    known, unknown = rankers["bm25"].scores([asked(title), asked("xylophone")], None)["bm25"]
    assert known[7] == known.max() > 0
    assert (unknown == 0).all(), "a word that no product has places none above another"
    np.testing.assert_array_equal(known, CatalogSearch.open(store).word_scores(title))


def test_search_is_the_catalogues_own(store, rankers):
    """The ranker encodes the queries of a batch together; the shop encodes each when it comes."""
    queries = ["black boots", "a summer dress", "xylophone"]
    scores = rankers["search"].scores([asked(q) for q in queries], None)["search"]
    search = CatalogSearch.open(store)
    np.testing.assert_allclose(scores, [search.scores(q) for q in queries], atol=1e-5)


def test_vectors_are_cosines_of_titles(store, rankers):
    (scores,) = rankers["vectors"].scores([asked(store.catalog().titles[7])], None)["vectors"]
    assert scores[7] == scores.max() == pytest.approx(1, abs=2e-3), "titles are kept in half precision"


def test_queries_are_encoded_alike_alone_and_among_many(store, rankers):
    """Texts in a large batch are encoded in half precision: the ranker must not let that show."""
    catalog = store.catalog()
    train = leave_one_out(store.events()).train
    queries = sorted({q for e in leave_one_out(store.events()).test if (q := current_query(e.history))})[:24]
    many = rankers["vectors"].scores([asked(q) for q in queries], None)["vectors"]
    (other,) = open_rankers(store, ["vectors"], train)
    alone = np.concatenate([other.scores([asked(q)], None)["vectors"] for q in queries])
    assert many.shape == (len(queries), len(catalog)) and len(queries) > 16
    np.testing.assert_allclose(many, alone, atol=1e-5)


def test_all_systems_are_those_the_store_has_what_it_takes_for(store, small_store, demo_store):
    assert systems_at_hand(small_store) == ("popularity", "item-knn", "item-knn-colors")  # there is no search index
    assert {"bm25", "vectors", "search"} <= set(systems_at_hand(store))
    of_the_demo = systems_at_hand(Store.open(demo_store))
    assert {"search", "mixup", "fused", "agent"} <= set(of_the_demo)
    assert not [name for name in of_the_demo if name.startswith(("recbole", "recformer"))]
