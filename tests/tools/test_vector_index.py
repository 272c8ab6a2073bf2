"""The vector index: the true answers while it is exact, nearly all of them when it is not, masks, growth and saving."""

from __future__ import annotations

import numpy as np
import pytest

from shopping_assistant.tools.vector_index import VectorIndex, VectorIndexError

ROWS, DIM = 60_000, 33
SMALL = 2_000


def families(rows: int, seed: int = 0) -> np.ndarray:
    """Unit rows in families of some fifty, the families around a few topics: as titles and sold items lie."""
    rng = np.random.default_rng(seed)
    topics = rng.standard_normal((20, DIM)).astype(np.float32)
    centres = topics[rng.integers(0, 20, rows // 50)] + rng.standard_normal((rows // 50, DIM)).astype(np.float32)
    table = centres[rng.integers(0, len(centres), rows)] + 0.5 * rng.standard_normal((rows, DIM)).astype(np.float32)
    return (table / np.linalg.norm(table, axis=1, keepdims=True)).astype(np.float32)


def asked(table: np.ndarray, number: int, seed: int = 1) -> np.ndarray:
    """Vectors between two rows: what a session of two products is."""
    rows = np.random.default_rng(seed).integers(0, len(table), (2, number))
    vectors = 2 * table[rows[0]] + table[rows[1]]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def truth(table: np.ndarray, vectors: np.ndarray, k: int, mask: np.ndarray | None = None) -> np.ndarray:
    scores = vectors @ table.T
    if mask is not None:
        scores[:, ~mask] = -np.inf
    return np.argsort(-scores, axis=1, kind="stable")[:, :k]


def recall(found: np.ndarray, true: np.ndarray) -> float:
    return float(np.mean([np.isin(t, f).mean() for f, t in zip(found, true, strict=True)]))


@pytest.fixture(scope="module")
def table() -> np.ndarray:
    return families(ROWS)


@pytest.fixture(scope="module")
def index(table) -> VectorIndex:
    return VectorIndex.build(table, exact_below=ROWS)


def test_a_small_table_is_answered_exactly():
    table = families(SMALL)
    small = VectorIndex.build(table)
    assert small.exact and len(small) == SMALL
    vectors = asked(table, 7)
    rows, scores = small.nearest(vectors, 100)
    np.testing.assert_array_equal(rows, truth(table, vectors, 100))
    np.testing.assert_allclose(scores, np.take_along_axis(vectors @ table.T, rows, 1), atol=1e-6)


def test_a_large_table_finds_nearly_all_of_the_true_hundred(index, table):
    vectors = asked(table, 50)
    rows, scores = index.nearest(vectors, 100)
    assert not index.exact
    assert recall(rows, truth(table, vectors, 100)) >= 0.97
    # What is found has the table's own scores, best first.
    np.testing.assert_allclose(scores, np.einsum("bd,bkd->bk", vectors, table[rows]), atol=1e-6)
    assert (np.diff(scores, axis=1) <= 0).all()


def test_a_mask_near_or_far_from_the_vector_is_held(index, table):
    vectors = asked(table, 20)
    likeness = table @ vectors[0]
    far = likeness < np.quantile(likeness, 0.75)
    some = np.random.default_rng(3).random(ROWS) < 0.8
    few = np.zeros(ROWS, dtype=bool)
    few[np.argsort(likeness)[:500]] = True
    for mask in (far, some, few):
        rows, _ = index.nearest(vectors, 100, mask)
        assert mask[rows].all()
        assert recall(rows, truth(table, vectors, 100, mask)) >= 0.97


def test_fewer_rows_than_asked_for_are_filled_up_with_nothing(index):
    for one in (index, VectorIndex.build(families(SMALL))):
        mask = np.zeros(len(one), dtype=bool)
        vectors = np.ones((2, DIM), dtype=np.float32)
        rows, scores = one.nearest(vectors, 5, mask)
        assert (rows == -1).all() and np.isneginf(scores).all()
        mask[[4, 9]] = True
        rows, scores = one.nearest(vectors, 5, mask)
        assert [sorted(r) for r in rows[:, :2].tolist()] == [[4, 9], [4, 9]]
        assert (rows[:, 2:] == -1).all() and np.isneginf(scores[:, 2:]).all() and np.isfinite(scores[:, :2]).all()


def test_equal_scores_keep_the_lower_row_first():
    twins = np.repeat(families(SMALL)[:300], 10, axis=0)
    for one in (VectorIndex.build(twins), VectorIndex.build(twins, exact_below=100)):
        rows, _ = one.nearest(twins[1230:1231], 10)
        assert rows[0].tolist() == list(range(1230, 1240))


def test_added_rows_are_found_at_once(table):
    new = families(1_000, seed=9)
    for before in (table, families(SMALL)):
        grown = VectorIndex.build(before, exact_below=ROWS)
        grown.add(new)
        assert len(grown) == len(before) + 1_000
        rows, scores = grown.nearest(new[:50], 1)
        assert rows[:, 0].tolist() == list(range(len(before), len(before) + 50))
        np.testing.assert_allclose(scores[:, 0], 1, atol=1e-5)


def test_the_same_table_gives_the_same_index(index, table):
    vectors = asked(table, 20)
    again = VectorIndex.build(table.copy(), exact_below=ROWS)
    for one, other in zip(index.nearest(vectors, 50), again.nearest(vectors, 50), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_saved_index_answers_as_before_and_takes_rows_added_since(index, table, tmp_path):
    index.save(tmp_path / "titles.safetensors")
    assert [f.name for f in tmp_path.iterdir()] == ["titles.safetensors"]
    vectors = asked(table, 20)
    loaded = VectorIndex.load(tmp_path / "titles.safetensors", table)
    for one, other in zip(index.nearest(vectors, 50), loaded.nearest(vectors, 50), strict=True):
        np.testing.assert_array_equal(one, other)
    new = families(100, seed=9)
    grown = VectorIndex.load(tmp_path / "titles.safetensors", np.concatenate([table, new]))
    assert grown.nearest(new[:5], 1)[0][:, 0].tolist() == list(range(ROWS, ROWS + 5))


def test_an_exact_index_is_saved_too(tmp_path):
    table = families(SMALL)
    VectorIndex.build(table).save(tmp_path / "few.safetensors")
    assert VectorIndex.load(tmp_path / "few.safetensors", table).exact


def test_another_table_or_a_damaged_file_is_refused(tmp_path):
    table = families(SMALL)
    path = tmp_path / "few.safetensors"
    with pytest.raises(VectorIndexError, match="cannot be read"):
        VectorIndex.load(path, table)
    VectorIndex.build(table, exact_below=100).save(path)
    for other in (families(SMALL, seed=5), table[:-1], np.ascontiguousarray(table[:, 1:])):
        with pytest.raises(VectorIndexError, match="belongs to 2000 rows of 33"):
            VectorIndex.load(path, other)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(VectorIndexError, match="cannot be read"):
        VectorIndex.load(path, table)


def test_what_does_not_fit_is_refused(index):
    broken = families(SMALL)
    broken[17, 3] = np.nan
    with pytest.raises(VectorIndexError, match="row 17"):
        VectorIndex.build(broken)
    with pytest.raises(VectorIndexError, match="float64"):
        VectorIndex.build(broken.astype(np.float64))
    with pytest.raises(VectorIndexError, match=r"\(2, 5\)"):
        index.nearest(np.zeros((2, 5), dtype=np.float32), 3)
    with pytest.raises(VectorIndexError, match="k = 0"):
        index.nearest(np.zeros((1, DIM), dtype=np.float32), 0)
    with pytest.raises(VectorIndexError, match="mask of shape"):
        index.nearest(np.zeros((1, DIM), dtype=np.float32), 3, np.ones(5, dtype=bool))
    with pytest.raises(VectorIndexError, match="5 numbers"):
        index.add(np.zeros((1, 5), dtype=np.float32))
