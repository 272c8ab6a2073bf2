"""`fused` on a shop by hand whose tiny models have random weights: what they say is noise, but always the same."""

import json
import shutil

import numpy as np
import pytest

from shopping_assistant.tools.attribute_filter import Constraint
from shopping_assistant.tools.bought_together import BoughtTogetherError
from shopping_assistant.tools.candidate_scoring import CandidateScorer
from shopping_assistant.tools.candidates import LEAST_LIKELIHOOD, PARTS
from shopping_assistant.tools.decoding import AnswerWriter
from shopping_assistant.tools.fused import CHOICE, Fused
from shopping_assistant.tools.fusion import FusionError
from shopping_assistant.tools.recommender import Recommender, RecommenderError
from shopping_assistant.tools.session_encoder import SessionEncoderError
from shopping_assistant.tools.sessions import Event
from shopping_assistant.tools.store import Store
from tests.tools.fused_shop import START, N, buys, lay_down
from tests.tools.recommender_contract import RecommenderContract

HISTORIES = [buys("a", 3, 70, 9), (), buys("b", 440)]


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    return lay_down(tmp_path_factory.mktemp("fused") / "shop")


@pytest.fixture(scope="module")
def recommender(store) -> Recommender:
    return Recommender.open(store)


@pytest.fixture(scope="module")
def fused(recommender) -> Fused:
    return recommender.fused


@pytest.fixture(scope="module")
def writer(recommender) -> AnswerWriter:
    return recommender.models().writer


class TestFused(RecommenderContract):
    @pytest.fixture
    def score(self, recommender):
        return lambda histories, masks: recommender.scores(histories, ("fused",), masks)["fused"]

    def histories(self, store, count=8):
        return [buys("a", i, 40 + i, 9) for i in range(count)]


def feature(fused: Fused, made, name: str) -> np.ndarray:
    return made.features[..., fused.maker.names.index(name)]


def test_the_language_model_reads_every_candidate(store, fused, writer):
    made = fused.candidates(HISTORIES, [None] * 3)
    prompts = [writer.prompt_writer(store.catalog()).input(h, []) for h in HISTORIES]
    lists = [rows[rows >= 0] for rows in made.rows]
    for b, likely in enumerate(CandidateScorer(writer).score(prompts, lists)):
        own = feature(fused, made, "falcon: log-likelihood")[b, : len(lists[b])]
        assert own == pytest.approx(np.maximum(likely, LEAST_LIKELIHOOD), abs=1e-3)
        below = feature(fused, made, "falcon: log-likelihood below the best")[b, : len(lists[b])]
        assert below.max() == pytest.approx(0, abs=1e-6)


def test_what_the_language_model_writes_is_a_candidate_in_its_order(store, fused, writer):
    made = fused.candidates(HISTORIES, [None] * 3)
    ranks = feature(fused, made, "falcon: 1 / (1 + rank)")
    prompts = [writer.prompt_writer(store.catalog()).input(h, []) for h in HISTORIES]
    for b, beam in enumerate(writer.write(prompts, beams=20)):
        written = [row for row, _ in beam.candidates]
        assert made.rows[b][np.argsort(-ranks[b])[: len(written)]].tolist() == written
        bit = 1 << PARTS.index("falcon")
        assert set(made.rows[b][(made.sources[b] & bit) > 0].tolist()) == set(written)


def test_without_the_language_model_it_is_not_heard(fused):
    made = fused.candidates(HISTORIES, [None] * 3, with_falcon=False)
    here = made.rows >= 0
    assert not (made.sources & (1 << PARTS.index("falcon"))).any()
    assert (feature(fused, made, "falcon: log-likelihood")[here] == LEAST_LIKELIHOOD).all()
    assert not feature(fused, made, "falcon: 1 / (1 + rank)").any()


def test_written_products_may_be_given(fused):
    made = fused.candidates(HISTORIES[:1], [None], written=[[17, 300]])
    rank = dict(zip(made.rows[0].tolist(), feature(fused, made, "falcon: 1 / (1 + rank)")[0].tolist(), strict=True))
    assert (rank[17], rank[300]) == pytest.approx((1 / 2, 1 / 3))
    assert sum(r > 0 for r in rank.values()) == 2


def test_the_best_are_those_with_the_highest_scores(fused):
    mask = np.ones(N, bool)
    mask[[3, 9, 70]] = False
    written = [5, 80]
    found = fused.best(fused.weighed(HISTORIES[0], mask, written), 12)
    made = fused.candidates(HISTORIES[:1], [mask], [written])
    scores = fused.scorer.scores(made.features, made.rows, made.sources)[0]
    best = np.argsort(-scores, kind="stable")[:12]
    assert [row for row, _, _ in found] == made.rows[0][best].tolist()
    assert [score for _, score, _ in found] == pytest.approx(scores[best].tolist(), abs=1e-4)
    everyone = {row: route for row, _, route in fused.best(fused.weighed(HISTORIES[0], mask, written), N)}
    assert everyone[5]["id"] == 1 and everyone[80]["id"] == 2
    assert sum(route["id"] is not None for route in everyone.values()) == 2
    assert min(route["title"] for route in everyone.values() if route["title"]) == 1
    assert all(route["memory"] is None and route["search"] is None for route in everyone.values())


def test_candidates_stand_before_all_others(fused):
    (scores,) = fused.scores(HISTORIES[:1], [None])
    made = fused.candidates(HISTORIES[:1], [None])
    rows = made.rows[0]
    assert scores[rows].min() > np.delete(scores, rows).max()
    own = fused.scorer.scores(made.features, made.rows, made.sources)[0]
    assert np.argsort(-scores[rows], kind="stable").tolist() == np.argsort(-own, kind="stable").tolist()


def test_it_is_what_a_shopper_gets_where_validation_chose_it(store, recommender):
    assert recommender.system == "fused"
    found = recommender.recommend(HISTORIES[0], k=10)
    assert {"write", "candidates", "likelihoods", "features"} <= found.parts_ms.keys()
    catalog = store.catalog()
    mask = catalog.available.copy()
    mask[[3, 70, 9]] = False
    (scores,) = recommender.scores(HISTORIES[:1], ("fused",), [mask])["fused"]
    assert [s.product_id for s in found.products] == [catalog.ids[r] for r in np.argsort(-scores, kind="stable")[:10]]


@pytest.mark.parametrize("most", [19.0, 47.0])
def test_constraints_and_exclusions_hold_with_few_and_with_many_left(store, recommender, most):
    catalog = store.catalog()
    wish = [Constraint("price", "<=", (most,)), Constraint("category", "not in", ("boots",))]
    if most > 40:
        wish = wish[:1]  # more than 400 are left
    first = recommender.recommend(HISTORIES[0], 8, wish)
    gone = {s.product_id for s in first.products[:3]}
    again = recommender.recommend(HISTORIES[0], 8, wish, exclude=gone)
    for found in (first.products, again.products):
        assert len(found) == len({s.product_id for s in found}) == 8
        assert not {"p3", "p70", "p9"} & {s.product_id for s in found}
        for s in found:
            product = catalog.product(s.product_id)
            assert product.available and product.price <= most and (len(wish) == 1 or product.category != "boots")
    # Without the first three the others move up, in the order they had.
    assert not gone & {s.product_id for s in again.products}
    assert recommender.recommend((), constraints=[Constraint("price", "<=", (0.5,))]).products == ()


def test_who_did_nothing_yet_is_served(recommender):
    found = recommender.recommend((), k=20)
    assert len({s.product_id for s in found.products}) == 20 and found.written_id


def test_what_the_search_showed_is_a_candidate(store, fused):
    shown = ("p401", "p402", "gone", "p403")
    before = Event("old", "u", START, "search", "boots", shown=("p300",))
    searched = Event("s", "u", START, "search", "boots", shown=shown)
    history = (before, searched, Event("s", "u", START, "click", None, "p402"))
    made = fused.candidates([history], [None], with_falcon=False)
    place = dict(
        zip(made.rows[0].tolist(), feature(fused, made, "memory: shown at 1 / (1 + position)")[0], strict=True)
    )
    assert {row: round(1 / p) - 1 for row, p in place.items() if p} == {401: 1, 402: 2, 403: 3}
    assert (feature(fused, made, "popularity: asked something") == 1).all()
    assert feature(fused, made, "titles: to the query").any()


@pytest.mark.parametrize(
    "name, error",
    [
        ("sessions/session_encoder.json", SessionEncoderError),
        ("fused/bought_together.safetensors", BoughtTogetherError),
        ("fused/fusion.json", FusionError),
        ("fused/choice.json", RecommenderError),
    ],
)
def test_a_missing_file_is_told_with_its_remedy(store, tmp_path, name, error):
    shutil.copytree(store.path, tmp_path / "shop")
    (tmp_path / "shop" / "models" / name).unlink()
    with pytest.raises(error, match="shop build --only"):
        _ = Recommender.open(Store.open(tmp_path / "shop")).fused


def test_a_choice_that_is_no_system_is_refused(store, tmp_path):
    shutil.copytree(store.path, tmp_path / "shop")
    (tmp_path / "shop" / "models" / "fused" / CHOICE).write_text(json.dumps({"default": "best"}))
    with pytest.raises(RecommenderError, match="'best', expected one of"):
        Recommender.open(Store.open(tmp_path / "shop"))


def test_without_weights_the_mixed_list_is_given_and_fused_is_refused(store, tmp_path):
    shutil.copytree(store.path, tmp_path / "shop")
    shutil.rmtree(tmp_path / "shop" / "models" / "fused")
    bare = Recommender.open(Store.open(tmp_path / "shop"))
    assert bare.system == "mixup" and len(bare.recommend(HISTORIES[0], 5).products) == 5
    with pytest.raises(RecommenderError, match="shop build"):
        bare.scores([()], ("fused",))


def test_what_a_click_did_is_seen_without_it(fused):
    """The history itself moves nothing; one without its clicks is another list among the same candidates."""
    history = HISTORIES[0]
    weighed = fused.weighed(history, np.ones(N, bool), [5, 80])
    bare = tuple(e for e in history if e.product_id is None)
    rows, ranks = fused.without(weighed, [history, bare])
    assert rows.tolist() == [row for row, _, _ in fused.best(weighed, len(rows))]
    assert ranks.shape == (3, len(rows))
    assert ranks[0].tolist() == sorted(ranks[0].tolist())
    np.testing.assert_array_equal(ranks[1], ranks[0])
    assert (ranks[2] != ranks[0]).any()
