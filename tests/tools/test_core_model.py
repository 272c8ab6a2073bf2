"""CORE's promises: sessions live among the items, prefixes are encoded as if alone, damage is named."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import torch

from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.core_model import Core, IdModel, IdModelError, history_rows
from shopping_assistant.tools.sessions import Event


@pytest.fixture
def core():
    torch.manual_seed(0)
    core = Core(30, dim=16, inner=32, length=6)
    torch.nn.init.normal_(core.weight.weight)  # as after training: items weigh differently
    return core


@pytest.fixture
def model(core):
    return IdModel(core)


def test_the_table_has_unit_rows(model):
    assert model.table.shape == (30, 17) and model.table.dtype == np.float32
    assert np.linalg.norm(model.table, axis=1) == pytest.approx(np.ones(30), abs=1e-5)


def test_a_session_of_one_item_is_that_item(model):
    """The representation-consistent encoder: a session is a mean of its items, so one item is itself."""
    sessions = model.encode_sessions([[4], [29]])
    assert sessions == pytest.approx(model.table[[4, 29]], abs=1e-5)
    assert model.encode_sessions([[7, 7, 7]])[0] == pytest.approx(model.table[7], abs=1e-5)


def test_a_session_lies_in_the_cone_of_its_items(model, core):
    session = model.encode_sessions([[1, 5, 9]])[0]
    raw = np.pad(core.items.weight.detach().numpy()[[1, 5, 9]], ((0, 0), (0, 1)))
    weights, *_ = np.linalg.lstsq(raw.T, session, rcond=None)
    assert (weights > 0).all()
    assert raw.T @ weights == pytest.approx(session, abs=1e-4)


def test_a_session_is_encoded_the_same_alone_and_beside_others(model):
    sessions = [[1, 2, 3, 4, 5], [6], [7, 8], [9, 10, 11], [12, 13]]
    together = model.encode_sessions(sessions, batch=2)
    for session, vector in zip(sessions, together, strict=True):
        assert model.encode_sessions([session])[0] == pytest.approx(vector, abs=1e-5)


def test_every_prefix_in_one_pass_is_the_prefix_alone(model, core):
    with torch.inference_mode():
        prefixes = np.pad(core(torch.tensor([[3, 1, 4, 15, 9]]))[0].numpy(), ((0, 0), (0, 1)))
    for end in range(1, 6):
        assert model.encode_sessions([[3, 1, 4, 15, 9][:end]])[0] == pytest.approx(prefixes[end - 1], abs=1e-5)


def test_order_matters_and_only_the_last_items_count(model):
    ahead, back = model.encode_sessions([[1, 2, 3], [3, 2, 1]])
    assert not np.allclose(ahead, back, atol=1e-4)
    long, cut = model.encode_sessions([[20, 21, 1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6]])
    assert long == pytest.approx(cut, abs=1e-6)


def test_an_empty_session_is_equally_far_from_everything(model):
    vectors = model.encode_sessions([[], [2]])
    assert not vectors[0].any() and vectors[1].any()
    assert model.encode_sessions([]).shape == (0, 17)


@pytest.mark.parametrize("row", [30, -1])
def test_an_unknown_row_is_named(model, row):
    with pytest.raises(IdModelError, match=f"product row {row}: the id model has rows 0 to 29"):
        model.encode_sessions([[1], [2, row]])


def test_saved_and_loaded_it_is_the_same_up_to_half_precision(model, tmp_path):
    model.save(tmp_path)
    loaded = IdModel.load(tmp_path)
    assert loaded.length == 6
    assert loaded.table == pytest.approx(model.table, abs=2e-3)
    assert loaded.encode_sessions([[1, 2, 3]]) == pytest.approx(model.encode_sessions([[1, 2, 3]]), abs=5e-3)


def test_what_the_log_says_little_of_keeps_its_distance(core, model, tmp_path):
    certainty = np.where(np.arange(30) < 10, 0.6, 1.0)
    doubted = IdModel(core, certainty)
    assert np.linalg.norm(doubted.table, axis=1) == pytest.approx(np.ones(30), abs=1e-5)
    session = doubted.encode_sessions([[1, 20, 25]])[0]
    assert session == pytest.approx(model.encode_sessions([[1, 20, 25]])[0], abs=1e-6)
    assert doubted.table @ session == pytest.approx(certainty * (model.table @ session), abs=1e-5)
    assert doubted.table @ doubted.table[20] == pytest.approx(certainty * (model.table @ model.table[20]), abs=1e-5)
    doubted.save(tmp_path)
    assert IdModel.load(tmp_path).table == pytest.approx(doubted.table, abs=2e-3)
    with pytest.raises(IdModelError, match="3 certainties for 30 products"):
        IdModel(core, np.ones(3))


def test_a_missing_or_damaged_model_is_named_with_its_remedy(model, tmp_path):
    with pytest.raises(IdModelError, match="shop build --only ids"):
        IdModel.load(tmp_path / "nowhere")
    model.save(tmp_path)
    (tmp_path / "id_model.json").write_text('{"format": 9, "sizes": {}}')
    with pytest.raises(IdModelError, match="format 9"):
        IdModel.load(tmp_path)
    model.save(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"\x00" * 40)
    with pytest.raises(IdModelError, match="no readable id model"):
        IdModel.load(tmp_path)


def test_a_history_is_read_without_clicks_on_what_was_bought_later():
    shop = Catalog.from_products([Product(p, f"thing {p}") for p in "abcd"])
    start = datetime(2025, 1, 6, tzinfo=UTC)
    said = [("click", "a"), ("click", "b"), ("click", "b"), ("purchase", "a"), ("click", "a"), ("purchase", "gone"),
            ("click", "c"), ("click", "d"), ("purchase", "c")]  # fmt: skip
    history = [Event("s", "u", start, "search", query="thing")]
    history += [Event("s", "u", start + timedelta(minutes=i), a, product_id=p) for i, (a, p) in enumerate(said, 1)]
    # b twice in a row is once; a bought, then clicked again, is once in a row; the click on c goes, c was bought.
    assert [shop.ids[r] for r in history_rows(history, shop)] == ["b", "a", "d", "c"]


def test_products_without_events_stand_for_their_kin(model):
    at, closeness = np.array([[3, 9], [4, 4]]), np.array([[0.8, 0.2], [1.0, 1.0]], dtype=np.float32)
    grown = model.with_kin(at, closeness, certainty=0.6)
    assert grown.table.shape == (32, 17) and (grown.table[:30] == model.table).all()
    assert grown.table[31] @ model.table[4] == pytest.approx(0.6, abs=1e-5)
    assert grown.table[30] @ model.table[3] > grown.table[30] @ model.table[9]
    assert grown.encode_sessions([[31]])[0] == pytest.approx(model.table[4], abs=1e-5)
    assert grown.encode_sessions([[1, 2]]) == pytest.approx(model.encode_sessions([[1, 2]]), abs=1e-5)
