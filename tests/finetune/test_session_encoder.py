"""Training the session encoder on planted patterns, and what a shopper's events become before."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from shopping_assistant.finetune.session_encoder import (
    SessionsConfig,
    SessionTrainingError,
    Window,
    fit,
    sequences_of,
    shuffled,
    train,
    validate,
    validation_sample,
)
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.session_encoder import CLICK, PURCHASE, QUERY, Token
from shopping_assistant.tools.sessions import Event, Example
from shopping_assistant.tools.store import Store

START = datetime(2026, 1, 1, tzinfo=UTC)
COLORS = "red blue green black white pink grey navy".split()
TINY = SessionsConfig(
    dim=16, length=8, epochs=25, batch=128, learning_rate=0.01, negatives=0, patience=25, max_minutes=60
)


def purchases(*rows: int, gap: float = 600.0) -> list[Event]:
    return [Event("s", "u", START + timedelta(seconds=gap * i), "purchase", None, f"p{r}") for i, r in enumerate(rows)]


def things(count: int) -> Catalog:
    return Catalog.from_products([Product(f"p{i}", f"thing {i}", color=COLORS[i % 8]) for i in range(count)])


def test_what_follows_what_is_learned():
    """40 products in a secret ring: whoever buys one buys the one after it next."""
    catalog, draw = things(40), np.random.default_rng(1)
    ring = draw.permutation(40)

    def walk(at: int, steps: int) -> list[int]:
        return [int(ring[(at + i) % 40]) for i in range(steps)]

    sequences = sequences_of([purchases(*walk(at, 5)) for at in draw.integers(0, 40, 150)], catalog, TINY)
    examples = [([Token(PURCHASE, r) for r in walk(at, 3)], walk(at + 3, 1)[0], walk(at, 3)) for at in range(40)]
    texts = draw.standard_normal((40, 6)).astype(np.float32)
    model, course = fit(catalog, texts, sequences, examples, {}, TINY)
    found = validate(model, examples, {})
    assert found["ndcg@10"] > 0.85  # 0.12 by chance
    assert course["best_epoch"] >= 1 and len(course["course"]) == course["epochs"]
    again, _ = fit(catalog, texts, sequences, examples, {}, TINY)
    assert (again.table == model.table).all()


def test_what_is_worn_together_is_learned_of_products_nobody_bought():
    """Tops go with trousers of their colour. Half of the trousers are new: colour and kind alone speak for them."""
    kinds, draw = ("top", "trousers"), np.random.default_rng(2)
    catalog = Catalog.from_products(
        [Product(f"p{i}", f"piece {i}", category=kinds[i % 2], color=COLORS[i // 2 % 8]) for i in range(192)]
    )
    tops, worn = [r for r in range(192) if r % 2 == 0], [r for r in range(96) if r % 2]
    new = [r for r in range(96, 192) if r % 2]
    by_color = {c: [r for r in worn if r // 2 % 8 == c] for c in range(8)}
    log = [purchases(top, int(draw.choice(by_color[top // 2 % 8]))) for top in draw.choice(tops, 300)]
    config = replace(TINY, id_dropout=0.5, batch=32, epochs=30)
    titles = np.zeros((192, 6), np.float32)  # they say nothing
    model, _ = fit(catalog, titles, sequences_of(log, catalog, config), [], {}, config)
    scores = model.encode([[Token(PURCHASE, top)] for top in tops], {}) @ model.table.T
    cold = np.array(new)[np.argsort(-scores[:, new], axis=1)[:, :6]]  # there are six new trousers of each colour
    right = (cold // 2 % 8 == np.array(tops)[:, None] // 2 % 8).mean()
    assert right > 0.8  # 0.125 by chance
    # Among all the catalogue, the tops included, a top's new trousers stand far ahead of the middle.
    places = (-scores).argsort(axis=1).argsort(axis=1)
    own = [places[i, [r for r in new if r // 2 % 8 == top // 2 % 8]].mean() for i, top in enumerate(tops)]
    assert np.mean(own) < 60  # 95 by chance


def test_a_query_says_what_is_looked_for():
    catalog, draw = things(32), np.random.default_rng(3)
    words = {color: vector for color, vector in zip(COLORS, np.eye(8, dtype=np.float32), strict=True)}
    windows = []
    for _ in range(250):
        row = int(draw.integers(32))
        tokens = [Token(CLICK, int(draw.integers(32))), Token(QUERY, query=COLORS[row % 8]), Token(PURCHASE, row)]
        windows.append(Window(tokens, np.array([0, 0, 1], np.float32), np.arange(3)))
    texts = np.zeros((32, 8), np.float32)
    model, _ = fit(catalog, texts, windows, [], words, TINY)
    sessions = [[Token(CLICK, 9), Token(QUERY, query=color)] for color in COLORS]
    best = np.argsort(-(model.encode(sessions, words) @ model.table.T), axis=1)[:, :4]
    assert (best % 8 == np.arange(8)[:, None]).mean() > 0.9  # 0.125 by chance


def test_every_prediction_counts_once_in_one_window():
    catalog, config = things(40), SessionsConfig(length=6, click_weight=0.25)
    draw = np.random.default_rng(4)
    for count in (2, 6, 7, 8, 10, 13, 40):
        events = purchases(*draw.permutation(40)[:count].tolist())
        windows = sequences_of([events], catalog, config)
        predicted = [t.row for w in windows for t, worth in zip(w.tokens, w.worth, strict=True) if worth]
        assert sorted(predicted) == sorted(catalog.index(e.product_id) for e in events[1:])
        # With at least half a window before it, wherever there is so much.
        for window in windows:
            assert len(window.tokens) <= config.length + 1 and window.worth[0] == 0
            first = window.tokens[0].row == catalog.index(events[0].product_id)
            assert first or np.flatnonzero(window.worth).min() >= config.length // 2
    clicked = [Event("s", "u", START, "click", None, "p1"), Event("s", "u", START, "click", None, "p2"), *purchases(3)]
    (window,) = sequences_of([clicked], catalog, config)
    assert window.worth.tolist() == [0, 0.25, 1]
    assert sequences_of([purchases(5), []], catalog, config) == []


def test_a_basket_comes_in_any_order_and_nothing_else_does():
    catalog = things(40)
    events = [*purchases(1, 2, 3, gap=20.0), *(e for e in purchases(4, 5, 6, gap=20.0))]
    late = [Event("s", "u", e.timestamp + timedelta(hours=2), "purchase", None, e.product_id) for e in events[3:]]
    (window,) = sequences_of([[*events[:3], Event("s", "u", START + timedelta(hours=1), "click", None, "p9"), *late]],
                             catalog, TINY)  # fmt: skip
    assert len(set(window.basket.tolist())) == 3
    draw, orders, predicted = np.random.default_rng(5), set(), set()
    for _ in range(60):
        other = shuffled(window, draw)
        rows = tuple(t.row for t in other.tokens)
        orders.add(rows)
        assert set(rows[:3]) == {1, 2, 3} and rows[3] == 9 and set(rows[4:]) == {4, 5, 6}
        # As many predictions as before: whoever stood first can now be predicted, whoever does cannot.
        assert other.worth[0] == 0 and sorted(other.worth) == sorted(window.worth)
        assert [w for t, w in zip(other.tokens, other.worth, strict=True) if t.row == 9] == [np.float32(0.2)]
        predicted |= {t.row for t, w in zip(other.tokens, other.worth, strict=True) if w == 1}
    assert len(orders) > 20 and predicted == {1, 2, 3, 4, 5, 6}
    apart = sequences_of([purchases(1, 2, 3)], catalog, TINY)[0]
    assert all(shuffled(apart, draw) is apart for _ in range(5))


def test_a_sample_of_validation_has_something_to_go_by():
    catalog = things(10)
    history = (*purchases(1, 2), Event("s", "u", START, "click", None, "p3"))
    examples = [Example(f"u{i}", "s", history if i % 2 else (), f"p{i}", START) for i in range(10)]
    sample = validation_sample(examples, catalog, SessionsConfig(validation_examples=4))
    assert len(sample) == 4
    assert all(target % 2 and bought == [1, 2] and len(tokens) == 3 for tokens, target, bought in sample)
    assert sample == validation_sample(examples, catalog, SessionsConfig(validation_examples=4))


def test_a_shop_without_a_log_is_told(tmp_path):
    store = Store.create(tmp_path / "bare", name="Bare")
    store.write_catalog(things(5))
    with pytest.raises(SessionTrainingError, match="expected sequences of two events or more"):
        train(store, TINY)
    assert not store.has("sessions")
