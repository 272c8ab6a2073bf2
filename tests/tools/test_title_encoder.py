"""The title encoder as an encoder: the same vector alone and in a batch, saved and loaded, and honest about damage."""

import json

import numpy as np
import pytest
import torch

from shopping_assistant.tools.title_encoder import (
    TitleEncoder,
    TitleModelError,
    TitleNet,
    load_title_table,
    save_title_table,
    train_tokenizer,
    unit_rows,
)

TITLES = [
    "Norla black ankle boots", "Vesk navy A-line dress", "Red sneaker", "Café crème tote", "black dress",
    "size 38 boots",
] * 2  # fmt: skip


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    tokenizer = train_tokenizer(TITLES * 3, vocabulary=120)
    return TitleEncoder(tokenizer, TitleNet(tokenizer.get_vocab_size(), 16, 24, 12), max_tokens=8)


def test_vectors_have_unit_length_and_equal_texts_equal_vectors(encoder):
    vectors = encoder.encode(TITLES)
    assert vectors.shape == (12, 12) and vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(12), abs=1e-5)
    assert (vectors[:6] == vectors[6:]).all()
    assert encoder.encode([]).shape == (0, 12)


def test_a_text_has_the_same_vector_alone_as_beside_longer_ones(encoder):
    together = encoder.encode(TITLES, batch=3)
    for title, vector in zip(TITLES, together, strict=True):
        assert encoder.encode([title])[0] == pytest.approx(vector, abs=1e-5)


def test_the_backward_half_reads_the_words_from_the_end(encoder):
    """Against torch's own bidirectional packed LSTM with the same weights."""
    net = encoder.net
    both = torch.nn.LSTM(16, 24, batch_first=True, bidirectional=True)
    state = {name: w for name, w in net.forwards.state_dict().items()}
    state |= {f"{name}_reverse": w for name, w in net.backwards.state_dict().items()}
    both.load_state_dict(state)
    numbers = encoder.token_numbers(["black dress", "Norla black ankle boots"])
    for n in numbers:
        states = both(net.tokens(torch.tensor([n])))[0][0]
        pooled = torch.cat([states.mean(0), states.amax(0)])
        expected = torch.nn.functional.normalize(net.projection(pooled), dim=-1)
        got = net(torch.tensor([n + [0] * 5]), torch.tensor([len(n)]))[0]
        assert torch.allclose(got, expected, atol=1e-5)


def test_order_of_words_matters_case_accents_and_spaces_do_not(encoder):
    vectors = encoder.encode(["black dress", "dress black", "  BLACK   dréss ", "black dress"])
    assert vectors[0] == pytest.approx(vectors[2], abs=1e-5)
    assert abs(float(vectors[0] @ vectors[1])) < 0.9999


@pytest.mark.parametrize("text", ["", "   ", "日本語", "\x00", "boots " * 500])
def test_any_text_has_a_vector(encoder, text):
    vector = encoder.encode([text])[0]
    assert np.isfinite(vector).all() and np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_saved_and_loaded_it_gives_the_same_vectors_up_to_half_precision(encoder, tmp_path):
    encoder.save(tmp_path)
    loaded = TitleEncoder.load(tmp_path)
    assert loaded.dim == 12 and loaded.max_tokens == 8
    assert loaded.encode(TITLES) == pytest.approx(encoder.encode(TITLES), abs=5e-3)
    loaded.save(tmp_path)
    assert (TitleEncoder.load(tmp_path).encode(TITLES) == loaded.encode(TITLES)).all()


def test_the_title_table_is_read_back_and_made_again_when_absent_or_of_other_titles(encoder, tmp_path):
    encoder.save(tmp_path)
    loaded = TitleEncoder.load(tmp_path)
    made_again = load_title_table(tmp_path, TITLES)
    assert made_again == pytest.approx(unit_rows(loaded.encode(TITLES)), abs=2e-3)
    save_title_table(tmp_path, TITLES, loaded.encode(TITLES))
    assert (load_title_table(tmp_path, TITLES) == made_again).all()
    others = TITLES[::-1][:5]
    assert load_title_table(tmp_path, others) == pytest.approx(loaded.encode(others), abs=2e-3)


def test_a_missing_or_damaged_model_is_named_with_its_remedy(encoder, tmp_path):
    with pytest.raises(TitleModelError, match="shop build --only titles"):
        TitleEncoder.load(tmp_path / "nowhere")
    encoder.save(tmp_path)
    path = tmp_path / "title_encoder.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    with pytest.raises(TitleModelError, match="format 99"):
        TitleEncoder.load(tmp_path)
    encoder.save(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"\x00" * 40)
    with pytest.raises(TitleModelError, match="no readable title model"):
        TitleEncoder.load(tmp_path)
