"""CORE learns what follows what, gives products nobody touched a sensible place, and trains only on what it may."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import torch

from shopping_assistant.finetune.config import load, packaged_config
from shopping_assistant.finetune.core_ids import (
    CoreConfig,
    CoreTrainingError,
    descend,
    interactions_of,
    neighbours_mean,
    sampled,
    sequences_of,
    train,
)
from shopping_assistant.finetune.title_triplet import TitleConfig
from shopping_assistant.finetune.title_triplet import train as train_titles
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.core_model import Core, IdModel, history_rows
from shopping_assistant.tools.sessions import Event, events_of, frame_of, leave_one_out
from shopping_assistant.tools.store import Store

PRODUCTS = 120
NEW = ["blouse 7 b", "blouse 30 b", "blouse 55 b"]  # in the catalogue, in nobody's log
QUICK = CoreConfig(dim=32, inner=64, epochs=25, batch=256, learning_rate=0.01, max_minutes=1.0)


def catalog():
    known = [Product(f"p{i}", f"blouse {i}") for i in range(PRODUCTS)]
    return Catalog.from_products(known + [Product(f"new{i}", title) for i, title in enumerate(NEW)])


def goes_with(row):
    """A fixed partner, the other half of a pair that is bought together."""
    return row ^ 1


def log(shoppers=900):
    """Every second purchase is the partner of the one before; it is clicked first, which no history may show."""
    rng, start, events = random.Random(2), datetime(2025, 1, 6, tzinfo=UTC), []
    for user in range(shoppers):
        at = start + timedelta(hours=user)
        for visit in range(3):
            bought = rng.randrange(PRODUCTS)
            for action, row in (("purchase", bought), ("click", goes_with(bought)), ("purchase", goes_with(bought))):
                at += timedelta(minutes=1)
                events.append(Event(f"s{user}-{visit}", f"u{user}", at, action, product_id=f"p{row}"))
    return frame_of(events)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    store = Store.create(tmp_path_factory.mktemp("shop") / "store", "planted")
    store.write_catalog(catalog())
    store.write_events(log())
    train_titles(store, TitleConfig(vocabulary=200, embedding=24, hidden=32, dim=32, epochs=6, max_minutes=0.3))
    steps = []
    figures = train(store, QUICK, progress=lambda done, planned: steps.append((done, planned)))
    return store, figures, IdModel.load(store.model_dir("ids")), steps


def test_a_pair_that_always_follows_is_learned(trained):
    """The partner of the last purchase among 120 products: chance is 1 in 120."""
    _, figures, model, steps = trained
    found = sum(
        (scores := model.encode_sessions([[row]])[0] @ model.table.T)[goes_with(row)] == np.delete(scores, row).max()
        for row in range(PRODUCTS)
    )
    assert found >= 0.9 * PRODUCTS
    # A shopper's second last purchase opens a pair, and nothing in the log says which.
    assert figures["predictions"] > 2000 and figures["products_with_events"] == PRODUCTS
    assert steps[-1][0] <= steps[-1][1]


def test_partners_lie_near_each_other_in_the_table(trained):
    """The recommender ranks by this table around the written product."""
    *_, model, _ = trained
    similar = model.table @ model.table.T
    np.fill_diagonal(similar, -1)
    nearest = similar[:PRODUCTS].argmax(axis=1)
    assert (nearest == [goes_with(row) for row in range(PRODUCTS)]).mean() > 0.8


def test_a_sampled_softmax_learns_the_pairs_too(trained, tmp_path):
    """Told apart from 20 products a step instead of 120."""
    store, *_ = trained
    copy = Store.create(tmp_path / "store", "sampled")
    copy.write_catalog(Catalog.from_products([catalog().at(row) for row in range(PRODUCTS)]))
    copy.write_events(store.events())
    train(copy, replace(QUICK, negatives=20, batch=64))
    model = IdModel.load(copy.model_dir("ids"))
    scores = model.encode_sessions([[row] for row in range(PRODUCTS)]) @ model.table.T
    np.fill_diagonal(scores, -np.inf)
    assert (scores.argmax(axis=1) == [goes_with(row) for row in range(PRODUCTS)]).mean() > 0.8


def test_a_sample_of_everything_is_the_full_softmax():
    torch.manual_seed(0)
    core = Core(12, dim=8, inner=16, length=10).eval()
    rows, weights = [np.array([1, 2, 3]), np.array([5, 6])], [np.array([0, 1, 1.0], np.float32)] * 2
    weights[1] = weights[1][:2]
    share = np.full(12, 1 / 12)
    everything = sampled(share, replace(QUICK, negatives=12), np.random.default_rng(0))
    assert descend(core, rows, weights, everything) == pytest.approx(descend(core, rows, weights), rel=1e-5)
    # What is often a target takes part more often, and its score is lowered by that.
    often = np.array([0.5] + [0.5 / 11] * 11)
    drawn, correction = sampled(often, replace(QUICK, negatives=3, batch=8), np.random.default_rng(0))
    assert len(set(drawn.tolist())) == 3
    assert correction[0] == pytest.approx(-np.log(1 - 0.5**8 * 0.75), rel=1e-4)
    assert (correction[1:] > correction[0]).all()


def test_products_nobody_touched_are_doubted_when_validation_says_so(trained):
    _, figures, model, _ = trained
    assert figures["doubt"] in QUICK.doubts
    assert model.certainty[:PRODUCTS] == pytest.approx(np.ones(PRODUCTS), abs=0.1)
    assert model.certainty[PRODUCTS:] == pytest.approx(np.full(len(NEW), 1 - figures["doubt"]), abs=1e-3)


@pytest.mark.parametrize("name", ["ids.yaml", "ids-demo.yaml"])
def test_the_packaged_settings_load(name):
    assert load(packaged_config(name), CoreConfig).max_minutes > 0


def test_a_product_without_events_stands_where_its_nearest_titles_stand(trained):
    store, _, model, _ = trained
    titles = catalog().titles
    for row in range(PRODUCTS, PRODUCTS + len(NEW)):
        assert np.linalg.norm(model.table[row]) == pytest.approx(1, abs=1e-3)
        likes = int((model.table[row] @ model.table[:PRODUCTS].T).argmax())
        # One of the titles that share most of its words.
        assert set(titles[likes].split()) & set(titles[row].split())
    assert store.made_by("ids")["figures"]["products"] == PRODUCTS + len(NEW)


def test_the_record_holds_the_settings_and_the_figures_of_the_saved_weights(trained):
    store, figures, *_ = trained
    made_by = store.made_by("ids")
    assert made_by["figures"] == figures and made_by["config"]["dim"] == 32 and made_by["seed"] == 1
    assert {f.suffix for f in store.model_dir("ids").iterdir()} == {".json", ".safetensors"}
    assert store.damaged() == []


def test_neighbours_are_weighted_by_similarity_and_leave_the_product_itself_out():
    rng = np.random.default_rng(1)
    titles = rng.normal(size=(30, 8))
    titles /= np.linalg.norm(titles, axis=1, keepdims=True)
    seen = np.sort(rng.choice(30, 12, replace=False))
    learned = rng.normal(size=(12, 4)).astype(np.float32)
    got = neighbours_mean(titles.astype(np.float32), seen, learned)
    for row in range(30):
        others = [i for i in range(12) if seen[i] != row]
        best = sorted(others, key=lambda i: -titles[row] @ titles[seen[i]])[:5]
        worth = np.array([max(titles[row] @ titles[seen[i]], 1e-3) for i in best])
        assert got[row] == pytest.approx((worth / worth.sum()) @ learned[best], abs=1e-4)


def test_every_product_needs_events_or_a_title_model(tmp_path):
    store = Store.create(tmp_path / "store", "no titles")
    store.write_catalog(catalog())
    store.write_events(log(20))
    with pytest.raises(CoreTrainingError, match="shop build --only titles"):
        train(store, QUICK)
    assert not store.model_dir("ids").exists()


def test_a_log_without_sequences_is_refused(tmp_path):
    store = Store.create(tmp_path / "store", "lonely")
    store.write_catalog(catalog())
    at = datetime(2025, 1, 6, tzinfo=UTC)
    store.write_events(frame_of([Event(f"s{i}", f"u{i}", at, "purchase", product_id="p1") for i in range(5)]))
    with pytest.raises(CoreTrainingError, match="two interactions"):
        train(store, QUICK)


def random_log(users=40, seed=9):
    rng, events = random.Random(seed), []
    for user in range(users):
        at = datetime(2025, 1, 6, tzinfo=UTC) + timedelta(hours=user)
        for step in range(rng.randint(1, 30)):
            action = rng.choice(["search", "click", "click", "purchase"])
            what = {"query": "x"} if action == "search" else {"product_id": f"p{rng.randrange(8)}"}
            events.append(Event(f"s{user}-{step // 5}", f"u{user}", at + timedelta(minutes=step), action, **what))
    return frame_of(events)


def test_training_reads_a_history_exactly_as_serving_does():
    shop, frame = catalog(), random_log()
    interactions = interactions_of(frame, shop)
    whole = CoreConfig(length=1000)
    sequences = {tuple(s.tolist()) for s in sequences_of(interactions, whole).rows}
    served = set()
    for user in frame["user_id"].unique():
        history = events_of(frame.filter(frame["user_id"] == user).sort("timestamp"))
        rows = history_rows(history, shop)
        served.add(tuple(rows))
    assert sequences == {s for s in served if len(s) > 1}


@pytest.mark.parametrize("length", [2, 5, 8])
def test_windows_predict_every_interaction_once(length):
    interactions = interactions_of(random_log(), catalog())
    whole = sequences_of(interactions, CoreConfig(length=1000))
    cut = sequences_of(interactions, CoreConfig(length=length))
    assert max(len(r) for r in cut.rows) == length + 1
    assert all(w[0] == 0 for w in cut.weights)
    assert cut.predictions() == whole.predictions()
    targets = [
        np.sort(np.concatenate([r[w > 0] for r, w in zip(s.rows, s.weights, strict=True)])) for s in (whole, cut)
    ]
    assert (targets[0] == targets[1]).all()


def test_withheld_purchases_are_not_in_the_training_sequences():
    shop, split = catalog(), leave_one_out(log(50))
    of_user = dict(interactions_of(split.train, shop).group_by("user_id").agg("row").iter_rows())
    for example in [*split.validation, *split.test]:
        bought_before = [e.product_id for e in example.history]
        if example.target not in bought_before:
            assert shop.index(example.target) not in of_user.get(example.user_id, [])


def test_gradients_in_parts_are_those_of_the_whole(monkeypatch):
    from shopping_assistant.finetune import core_ids

    torch.manual_seed(0)
    core = Core(20, dim=8, inner=16, length=10).eval()
    rows = [np.array([1, 2, 3, 4]), np.array([5, 6]), np.array([7, 8, 9])]
    weights = [np.array(w, dtype=np.float32) for w in ([0, 1, 0.5, 1], [0, 1], [0, 0, 1])]
    losses, gradients = [], []
    for at_once in (10**6, 40):
        monkeypatch.setattr(core_ids, "SCORES_AT_ONCE", at_once)
        core.zero_grad()
        losses.append(descend(core, rows, weights))
        gradients.append([p.grad.clone() for p in core.parameters()])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    for whole, parts in zip(*gradients, strict=True):
        assert torch.allclose(whole, parts, atol=1e-5)
    # By hand: each prefix alone, weighted cross-entropy.
    by_hand, total = 0.0, 0.0
    for r, w in zip(rows, weights, strict=True):
        for end in range(1, len(r)):
            session = core(torch.from_numpy(r[None, :end]))[0, -1]
            scores = session @ core.table().T / core.temperature
            by_hand += float(w[end]) * torch.nn.functional.cross_entropy(scores, torch.tensor(int(r[end]))).item()
            total += float(w[end])
    assert losses[0] == pytest.approx(by_hand / total, rel=1e-4)
