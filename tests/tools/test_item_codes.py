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


def test_further_products_are_written_beside_their_kin(clusters):
    codes = ItemCodes.from_vectors(clusters, levels=2, base=16)  # 15 of 16 codes below every prefix are taken
    grown = codes.with_kin(np.array([[7, 8], [7, 8], [100, 7]]))
    assert len(grown) == 243 and (grown.codes[:240] == codes.codes).all()
    assert len(np.unique(grown.keys)) == 243
    assert grown.codes[240, 0] == codes.codes[7, 0]
    assert grown.codes[241, 0] == codes.codes[8, 0]  # the first kin's prefix is full by then
    assert grown.codes[242, 0] == codes.codes[100, 0]
    assert (codes.with_kin(np.array([[7, 8], [7, 8], [100, 7]])).codes == grown.codes).all()


def test_a_product_whose_kin_have_no_room_goes_to_the_nearest_prefix_that_has_and_none_is_left_over():
    codes = ItemCodes(np.array([[1, 0], [1, 1], [1, 2], [1, 3], [3, 0]]), base=4)
    grown = codes.with_kin(np.array([[0], [2]] * 5 + [[4]]))
    assert len(grown) == 16 and len(np.unique(grown.keys)) == 16
    assert set(grown.codes[5:7, 0].tolist()) <= {0, 2}
    with pytest.raises(CodesError, match="0 of 16 ids are free"):
        grown.with_kin(np.array([[0]]))


def test_the_free_code_nearest_to_the_kins_is_taken():
    codes = ItemCodes(np.array([[0, 5], [0, 6], [0, 4]]), base=8)
    assert codes.with_kin(np.array([[0]])).codes[3].tolist() == [0, 3]
