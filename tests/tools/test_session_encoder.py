"""The session encoder: a session alone or beside others, products that nobody bought, saved, loaded and damaged."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import torch

from shopping_assistant.tools.attribute_values import AttributeValues
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.session_encoder import (
    CLICK,
    PAD,
    PURCHASE,
    QUERY,
    Encoder,
    SessionEncoder,
    SessionEncoderError,
    Token,
    tokens_of,
)
from shopping_assistant.tools.sessions import Event

KINDS, COLORS = ("boots", "dress", "scarf"), ("red", "blue", "green", "black")
CATALOG = Catalog.from_products(
    [
        Product(f"p{i}", f"{COLORS[i % 4]} {KINDS[i % 3]} {i}", category=KINDS[i % 3], color=COLORS[i % 4])
        for i in range(24)
    ]
)
TEXT, LENGTH = 6, 5
ASKED = {"warm boots": np.linspace(-1, 1, TEXT, dtype=np.float32), "red": np.eye(TEXT, dtype=np.float32)[2]}


@pytest.fixture(scope="module")
def network() -> Encoder:
    """Random weights everywhere: those of a beginning would make every session the mean of its products."""
    torch.manual_seed(4)
    made = Encoder(AttributeValues.learn(CATALOG).sizes, TEXT, dim=8, layers=2, heads=2, length=LENGTH)
    with torch.no_grad():
        for weights in made.parameters():
            weights.normal_(std=0.4)
        for table in made.values:
            table.weight[0] = 0.0
    return made.eval()


@pytest.fixture(scope="module")
def encoder(network) -> SessionEncoder:
    table = np.random.default_rng(1).standard_normal((24, 8)).astype(np.float32)
    table /= np.linalg.norm(table, axis=1, keepdims=True)
    counts = np.log1p(np.arange(24, dtype=np.float32))
    return SessionEncoder(network, AttributeValues.learn(CATALOG), np.column_stack([table, counts]))


def bought(*rows: int) -> list[Token]:
    return [Token(PURCHASE, row) for row in rows]


SESSIONS = [
    [Token(CLICK, 3), Token(QUERY, query="warm boots"), Token(CLICK, 7), Token(PURCHASE, 1)],
    bought(5),
    [],
    [Token(QUERY, query="red")],
    bought(2, 9, 4, 11, 6),
]


def test_a_session_is_encoded_alone_as_beside_longer_ones(encoder):
    together = encoder.encode(SESSIONS, ASKED)
    assert together.shape == (5, 9) and together.dtype == np.float32
    for session, vector in zip(SESSIONS, together, strict=True):
        assert encoder.encode([session], ASKED)[0] == pytest.approx(vector, abs=1e-5)
    assert encoder.encode(SESSIONS, ASKED, batch=2) == pytest.approx(together, abs=1e-5)


@torch.inference_mode()
def test_what_comes_later_changes_no_prefix(network, encoder):
    tokens = [(CLICK, 3), (CLICK, 7), (PURCHASE, 1), (CLICK, 20)]
    given = torch.from_numpy(encoder.table[[row for _, row in tokens], :-1])[None]
    whole = network(given, torch.tensor([[kind for kind, _ in tokens]]))[0].numpy() / network.temperature
    for end in range(1, 5):
        alone = encoder.encode([[Token(*t) for t in tokens[:end]]], {})[0, :-1]
        assert alone == pytest.approx(whole[end - 1], abs=1e-4)


@torch.inference_mode()
def test_padding_behind_a_session_changes_nothing(network, encoder):
    given = torch.from_numpy(encoder.table[[3, 7, 0, 0], :-1])[None]
    padded = network(given, torch.tensor([[CLICK, PURCHASE, PAD, PAD]]))[0, :2]
    assert padded.numpy() == pytest.approx(
        network(given[:, :2], torch.tensor([[CLICK, PURCHASE]]))[0].numpy(), abs=1e-5
    )


def test_order_and_kind_matter_and_only_the_last_tokens_count(encoder):
    ahead, back, clicked = encoder.encode([bought(1, 2), bought(2, 1), [Token(CLICK, 1), Token(CLICK, 2)]], {})
    assert not np.allclose(ahead, back, atol=1e-3) and not np.allclose(ahead, clicked, atol=1e-3)
    long, cut = encoder.encode([bought(20, 21, 1, 2, 3, 4, 5), bought(1, 2, 3, 4, 5)], {})
    assert long == pytest.approx(cut, abs=1e-5)


def test_who_did_nothing_gets_what_is_bought_most(encoder):
    scores = encoder.encode([[]], {}) @ encoder.table.T
    assert scores[0].argsort()[::-1].tolist() == list(range(23, -1, -1))
    assert encoder.encode([], {}).shape == (0, 9)


@pytest.mark.parametrize("row", [24, -1])
def test_an_unknown_row_is_named(encoder, row):
    with pytest.raises(SessionEncoderError, match=f"product row {row}: the session encoder has rows 0 to 23"):
        encoder.encode([bought(1), [Token(CLICK, row)]], {})


def test_a_product_without_events_has_a_place_by_what_it_is(encoder):
    numbers = encoder.attributes.numbers(CATALOG)
    texts = np.random.default_rng(2).standard_normal((24, TEXT)).astype(np.float16)
    made = encoder.products(numbers[[0, 12, 5]], texts[[0, 0, 5]])
    assert made.shape == (3, 9) and (made[:, -1] == 0).all()
    assert np.linalg.norm(made[:, :-1], axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    # Products 0 and 12 are red boots: of the same words they are the same to the encoder.
    assert made[0] == pytest.approx(made[1], abs=1e-6)
    assert not np.allclose(made[0], made[2], atol=1e-2)


def test_saved_and_loaded_it_is_the_same_up_to_half_precision(encoder, tmp_path):
    encoder.save(tmp_path)
    again = SessionEncoder.load(tmp_path)
    assert again.attributes.values == encoder.attributes.values
    assert again.table == pytest.approx(encoder.table, rel=1e-3, abs=1e-3)
    found = again.encode(SESSIONS, ASKED) - encoder.encode(SESSIONS, ASKED)
    assert np.abs(found).max() < 0.01 / 0.07  # of vectors of length 1 / temperature
    # Saved again nothing more is lost.
    (tmp_path / "again").mkdir()
    again.save(tmp_path / "again")
    assert (SessionEncoder.load(tmp_path / "again").table == again.table).all()


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("file", ["session_encoder.json", "model.safetensors"])
@pytest.mark.parametrize("damage", [lambda p: p.unlink(), truncate, lambda p: p.write_text("{}")])
def test_damage_is_told_with_its_remedy(encoder, tmp_path, file, damage):
    encoder.save(tmp_path)
    damage(tmp_path / file)
    with pytest.raises(SessionEncoderError, match=r"no readable session encoder .*shop build --only sessions"):
        SessionEncoder.load(tmp_path)


def test_another_format_is_named(encoder, tmp_path):
    encoder.save(tmp_path)
    path = tmp_path / "session_encoder.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 7'))
    with pytest.raises(SessionEncoderError, match="format 7, expected 1"):
        SessionEncoder.load(tmp_path)


def test_weights_of_another_size_are_refused(encoder, tmp_path):
    encoder.save(tmp_path)
    path = tmp_path / "session_encoder.json"
    path.write_text(path.read_text().replace('"dim": 8', '"dim": 10'))
    with pytest.raises(SessionEncoderError, match="no readable session encoder"):
        SessionEncoder.load(tmp_path)


def test_a_history_as_tokens():
    start = datetime(2026, 1, 1, tzinfo=UTC)
    said = [("search", "  Warm  boots "), ("click", "p1"), ("click", "p2"), ("click", "p2"), ("purchase", "p1"),
            ("click", "gone"), ("search", ""), ("click", "p3"), ("search", "red")]  # fmt: skip
    history = [
        Event("s", "u", start + timedelta(minutes=i), action, **{"query" if action == "search" else "product_id": what})
        for i, (action, what) in enumerate(said)
    ]
    tokens = tokens_of(history, CATALOG)
    # The click on p1 goes, p1 was bought; p2 twice in a row is once; an unknown product says nothing, nor does
    # an empty search.
    assert [(t.kind, t.row) for t in tokens] == [(QUERY, -1), (CLICK, 2), (PURCHASE, 1), (CLICK, 3), (QUERY, -1)]
    assert tokens[-1].query == "red" and "boots" in tokens[0].query
    assert tokens_of([], CATALOG) == []
