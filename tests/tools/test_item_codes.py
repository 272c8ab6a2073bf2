"""Item codes: distinct, balanced, alike for products that are alike, and read back as written."""

import numpy as np
import pytest

from shopping_assistant.tools.item_codes import CodesError, ItemCodes, shape_for


@pytest.fixture(scope="module")
def clusters() -> np.ndarray:
    """Eight far-apart groups of 30 vectors, in mixed order: ``(240, 16)``."""
    draw = np.random.default_rng(1)
    centres = np.eye(16)[:8] * 10
    return (centres[np.arange(240) % 8] + draw.normal(0, 0.1, (240, 16))).astype(np.float32)


def test_every_product_has_its_own_codes_and_all_codes_are_used_alike(clusters):
    codes = ItemCodes.from_vectors(clusters, levels=2, base=16)
    assert codes.codes.shape == (240, 2)
    assert len({tuple(row) for row in codes.codes.tolist()}) == 240
    counts = np.bincount(codes.codes[:, 0], minlength=16)
    assert counts.min() == counts.max() == 15
    assert codes.free == 16 * 16 - 240


def test_products_that_are_alike_share_their_first_code(clusters):
    codes = ItemCodes.from_vectors(clusters, levels=3, base=8)
    for group in range(8):
        assert len(set(codes.codes[group::8, 0].tolist())) == 1
    assert ItemCodes.from_vectors(clusters, levels=3, base=8).codes.tolist() == codes.codes.tolist()


def test_equal_vectors_still_get_distinct_codes():
    codes = ItemCodes.from_vectors(np.ones((50, 4), dtype=np.float32))
    assert len(np.unique(codes.keys)) == 50


def test_the_shape_follows_the_size_of_the_catalogue():
    assert shape_for(3_000) == (2, 64)
    assert shape_for(105_542) == (2, 512)
    assert shape_for(2_000_000)[0] == 3


def test_ids_are_read_back_as_written(clusters):
    codes = ItemCodes.from_vectors(clusters, levels=2, base=16)
    for row in (0, 17, 239):
        assert codes.row_of(codes.text(row)) == row
    assert set(codes.text(5).replace("><", "> <").split()) <= set(codes.tokens)
    unused = next(k for k in range(256) if k not in set(codes.keys.tolist()))
    for wrong in (f"<a{unused // 16}><b{unused % 16}>", "<a1>", "<b1><a1>", "<a1><b99>", "boots", "<a1><b2><b3>"):
        assert codes.row_of(wrong) is None


def test_saved_codes_are_the_same(tmp_path, clusters):
    codes = ItemCodes.from_vectors(clusters, levels=2, base=16)
    codes.save(tmp_path)
    loaded = ItemCodes.load(tmp_path)
    assert loaded.base == 16
    assert (loaded.codes == codes.codes).all()
    with pytest.raises(CodesError, match="shop build"):
        ItemCodes.load(tmp_path / "nowhere")


def test_what_cannot_be_codes_is_refused(clusters):
    with pytest.raises(CodesError, match="240 products do not fit"):
        ItemCodes.from_vectors(clusters, levels=1, base=128)
    with pytest.raises(CodesError, match="power of two"):
        ItemCodes.from_vectors(clusters, levels=2, base=20)
    with pytest.raises(CodesError, match="same item codes"):
        ItemCodes(np.array([[1, 2], [1, 2]]), 8)
