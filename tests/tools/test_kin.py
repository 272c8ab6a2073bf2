"""The nearest of a large table without an index are those of an exact comparison, nearly always."""

import numpy as np
import pytest

from shopping_assistant.tools import kin


@pytest.fixture(scope="module")
def table() -> np.ndarray:
    """Titles as shops have them: 400 kinds of product, many alike within each; ``(12000, 32)`` unit rows."""
    draw = np.random.default_rng(2)
    vectors = draw.normal(size=(400, 32))[np.arange(12_000) % 400] + draw.normal(0, 0.3, (12_000, 32))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def asked(table: np.ndarray, count: int = 60) -> np.ndarray:
    draw = np.random.default_rng(3)
    vectors = table[draw.choice(len(table), count)] + draw.normal(0, 0.02, (count, table.shape[1]))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_a_small_table_is_compared_whole(table):
    rows, close = kin.nearest(asked(table), table.astype(np.float16), 8)
    exact = np.sort(asked(table) @ table.T, axis=1)[:, ::-1][:, :8]
    assert close == pytest.approx(exact, abs=2e-3)
    assert rows.shape == (60, 8) and kin.nearest(asked(table)[:1], table[:3], 8)[0].shape == (1, 3)


def test_a_large_table_is_searched_by_cells(table, monkeypatch):
    exact, _ = kin.nearest(asked(table), table, 16)
    monkeypatch.setattr(kin, "EXACT_COMPARISONS", 0)
    found, close = kin.nearest(asked(table), table, 16)
    assert (found[:, 0] == exact[:, 0]).all()
    shared = [len(set(a) & set(b)) / 16 for a, b in zip(found.tolist(), exact.tolist(), strict=True)]
    assert np.mean(shared) > 0.95
    assert (np.diff(close, axis=1) <= 0).all()
    assert (kin.nearest(asked(table), table, 16)[0] == found).all()


def test_the_mean_leans_to_the_nearest():
    learned = np.eye(3, dtype=np.float32)
    mean = kin.mean_of_kin(learned, np.array([[0, 1], [1, 2]]), np.array([[0.9, 0.3], [-0.5, -0.2]]))
    assert mean == pytest.approx(np.array([[0.75, 0.25, 0], [0, 0.5, 0.5]]))
