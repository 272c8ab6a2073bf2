"""Mixup against a plain reading of its definition, ties and left-out products included."""

import numpy as np
import pytest

from shopping_assistant.tools.mixup import (
    MixupError,
    MixupSettings,
    id_scores,
    mix,
    moved,
    order,
    ranks_of,
    route_ranks,
    title_scores,
    top_k,
)


def plain_order(scores):
    return sorted(range(len(scores)), key=lambda row: (-scores[row], row))


def tied_scores(shape, seed):
    """Few distinct values, so that most comparisons are ties; negative ones and both zeros among them."""
    values = np.array([-1.5, -0.25, -0.0, 0.0, 1e-8, 0.25, 0.5, 1.0], dtype=np.float32)
    return np.random.default_rng(seed).choice(values, shape)


def unit(shape, seed):
    table = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return table / np.linalg.norm(table, axis=1, keepdims=True)


@pytest.mark.parametrize("m", [0, 1, 2, 5, 40])
def test_mix_is_the_top_of_the_id_list_then_the_title_list(m):
    by_id, by_title = tied_scores((6, 30), 1), tied_scores((6, 30), 2)
    mixed = mix(by_id, by_title, m)
    assert mixed.shape == (6, 30)
    for row in range(6):
        first = plain_order(by_id[row])[:m]
        expected = first + [p for p in plain_order(by_title[row]) if p not in first]
        assert plain_order(mixed[row]) == expected
        assert order(mixed[row]).tolist() == expected


def test_a_product_left_out_of_both_lists_is_in_neither_the_head_nor_the_tail():
    by_id, by_title = tied_scores((4, 20), 3), tied_scores((4, 20), 4)
    left_out = np.random.default_rng(5).random((4, 20)) < 0.5
    left_out[3] = True
    left_out[3, 7] = False
    by_id, by_title = np.where(left_out, -np.inf, by_id), np.where(left_out, -np.inf, by_title)
    mixed = mix(by_id, by_title, 2)
    assert np.isneginf(mixed[left_out]).all()
    assert np.isfinite(mixed[~left_out]).all()
    for row in range(4):
        kept = np.flatnonzero(~left_out[row])
        first = [p for p in plain_order(by_id[row]) if p in kept][:2]
        expected = first + [p for p in plain_order(by_title[row]) if p in kept and p not in first]
        assert top_k(mixed[row], 20).tolist() == expected


def test_the_head_stands_above_every_title_score_and_the_tail_keeps_its_own():
    by_id, by_title = np.random.default_rng(0).random((2, 1, 200_000), dtype=np.float32) * 100
    mixed = mix(by_id, by_title, 3)[0]
    head = top_k(by_id[0], 3)
    assert (mixed[head] > by_title.max()).all()
    assert (np.delete(mixed, head) == np.delete(by_title[0], head)).all()


def test_the_rest_can_be_ranked_by_both_roads():
    by_id = np.array([[2.0, -1.0, 0.9, -np.inf]], dtype=np.float32)
    by_title = np.array([[0.1, 0.5, 0.4, -np.inf]], dtype=np.float32)
    assert mix(by_id, by_title, 0, 0.5)[0, :3] == pytest.approx([0.55, -0.25, 0.65])
    assert np.isneginf(mix(by_id, by_title, 0, 0.5)[0, 3])
    assert top_k(mix(by_id, by_title, 1, 0.5)[0], 4).tolist() == [0, 2, 1]


def test_what_is_written_moves_towards_what_the_shopper_did():
    written, did = unit((2, 8), 1), unit((2, 8), 2)
    did[1] = 0
    vectors = moved(written, did, 1.0)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1])
    assert vectors[0] @ did[0] > written[0] @ did[0]
    assert vectors[1] == pytest.approx(written[1])
    assert moved(written, did, 0) == pytest.approx(written)


def test_settings_are_kept_and_checked(tmp_path):
    assert MixupSettings.load(tmp_path) == MixupSettings(1, 0.0, 0.0, 0.0)
    MixupSettings(2, 1.0, 4.0, 0.2).save(tmp_path)
    assert MixupSettings.load(tmp_path) == MixupSettings(2, 1.0, 4.0, 0.2)
    with pytest.raises(MixupError, match="id_weight 1"):
        MixupSettings(id_weight=1)
    (tmp_path / "mixup.json").write_text('{"m": 1, "unknown": 2}')
    with pytest.raises(MixupError, match="only mixup"):
        MixupSettings.load(tmp_path)


def test_a_product_off_the_title_list_is_ranked_only_where_the_id_list_puts_it():
    by_id = np.array([[3.0, 2.0, 1.0]], dtype=np.float32)
    by_title = np.array([[-np.inf, -np.inf, 0.5]], dtype=np.float32)
    assert top_k(mix(by_id, by_title, 1)[0], 3).tolist() == [0, 2]


@pytest.mark.parametrize("k", [0, 1, 3, 29, 30, 100])
def test_top_k_keeps_the_lower_row_of_a_tie_and_obeys_the_mask(k):
    scores, mask = tied_scores(30, 6), np.random.default_rng(7).random(30) < 0.6
    assert top_k(scores, k).tolist() == plain_order(scores)[:k]
    assert top_k(scores, k, mask).tolist() == [p for p in plain_order(scores) if mask[p]][:k]


def test_the_written_product_tops_its_own_id_list():
    table = unit((50, 16), 1)
    scores = id_scores(table, [4, 49])
    assert scores.shape == (2, 50)
    assert scores.argmax(axis=1).tolist() == [4, 49]
    assert top_k(mix(scores, title_scores(unit((50, 8), 2), unit((2, 8), 3)))[0], 1).tolist() == [4]


def test_title_scores_are_cosines():
    table, written = unit((7, 8), 1), unit((3, 8), 2)
    scores = title_scores(table, written)
    assert scores.shape == (3, 7)
    assert scores[1, 5] == pytest.approx(float(written[1] @ table[5]))


def test_ranks_on_both_routes():
    by_id, by_title = tied_scores(30, 8), tied_scores(30, 9)
    rows = [0, 29, 11]
    assert ranks_of(by_id, rows).tolist() == [plain_order(by_id).index(r) + 1 for r in rows]
    expected = [{"id": plain_order(by_id).index(r) + 1, "title": plain_order(by_title).index(r) + 1} for r in rows]
    assert route_ranks(by_id, by_title, rows) == expected


def test_what_cannot_be_ranked_is_refused():
    good = np.zeros((1, 3), dtype=np.float32)
    with pytest.raises(MixupError, match="m = -1"):
        mix(good, good, -1)
    with pytest.raises(MixupError, match=r"\(1, 3\).*\(1, 4\)"):
        mix(good, np.zeros((1, 4), dtype=np.float32))
    with pytest.raises(MixupError, match="NaN"):
        top_k(np.array([0.0, np.nan]), 1)
