"""Item ids: every kind gives every product its own codes, and each kind keeps together what it promises to."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from shopping_assistant.finetune import item_ids
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.item_codes import CodesError
from shopping_assistant.tools.sessions import Event, empty_events, frame_of

N = 120
CATALOG = Catalog.from_products([Product(f"p{i}", f"thing {i}") for i in range(N)])
START = datetime(2025, 3, 1, tzinfo=UTC)


def titles_by(group: np.ndarray) -> np.ndarray:
    """Unit vectors that are near within a group, ``(n, 16)``."""
    found = np.eye(16, dtype=np.float32)[group] + np.random.default_rng(1).normal(0, 0.05, (N, 16)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def log_by(group: np.ndarray, products: int = N):
    """400 shoppers who each buy eight things of one group."""
    draw = np.random.default_rng(2)
    events = []
    for user in range(400):
        mine = np.flatnonzero(group[:products] == user % (group.max() + 1))
        for step, row in enumerate(draw.choice(mine, min(8, len(mine)), replace=False)):
            when = START + timedelta(days=int(step), minutes=user)
            events.append(Event(f"s{user}", f"u{user}", when, "purchase", product_id=f"p{row}"))
    return frame_of(events)


BY_TITLE, BY_LOG = np.arange(N) % 8, np.arange(N) // 15
VECTORS, LOG = titles_by(BY_TITLE), log_by(BY_LOG)


def kept_together(codes, group: np.ndarray) -> float:
    """Share of the pairs with one first code that are of one group."""
    first = codes.codes[:, 0]
    same = (first[:, None] == first[None]) & ~np.eye(N, dtype=bool)
    return float((group[:, None] == group[None])[same].mean())


# Without attributes there are no families.
OF_ANY_SHOP = [kind for kind in item_ids.KINDS if kind != "family"]


@pytest.mark.parametrize("kind", OF_ANY_SHOP)
@pytest.mark.parametrize("shape", [(None, None), (2, 16), (3, 8), (4, 4)])
def test_every_product_has_an_id_of_its_own_and_the_same_seed_gives_it_again(kind, shape):
    codes = item_ids.make(kind, CATALOG, LOG, VECTORS, *shape, seed=5)
    assert len(codes) == N and len(np.unique(codes.keys)) == N
    if shape[0]:
        assert (codes.levels, codes.base) == shape
    assert [codes.row_of(codes.text(row)) for row in range(N)] == list(range(N))
    again = item_ids.make(kind, CATALOG, LOG, VECTORS, *shape, seed=5)
    assert (again.codes == codes.codes).all()


@pytest.mark.parametrize("kind", ["semantic", "sequential", "random"])
def test_a_space_that_is_just_large_enough_is_filled(kind):
    codes = item_ids.make(kind, CATALOG, LOG, VECTORS, levels=3, base=5)
    assert (len(np.unique(codes.keys)), codes.free) == (N, 5)


def test_each_kind_keeps_together_what_it_is_made_from():
    made = {k: item_ids.make(k, CATALOG, LOG, VECTORS, levels=2, base=16, seed=3) for k in OF_ANY_SHOP}
    assert kept_together(made["balanced"], BY_TITLE) > 0.9
    assert kept_together(made["semantic"], BY_TITLE) > 0.9
    assert kept_together(made["collaborative"], BY_LOG) > 0.9
    assert kept_together(made["sequential"], BY_LOG) > 0.3
    for group in (BY_TITLE, BY_LOG):
        assert kept_together(made["random"], group) < 0.25


def test_joint_ids_keep_together_what_is_alike_by_title_and_by_log():
    by_title, by_log = np.arange(N) % 4, np.arange(N) // 30
    codes = item_ids.make("joint", CATALOG, log_by(by_log), titles_by(by_title), levels=2, base=16)
    # Either alone would leave the other to chance, one pair in four.
    assert kept_together(codes, by_title) > 0.7
    assert kept_together(codes, by_log) > 0.7


def test_joint_ids_heed_attributes_as_much_as_they_weigh():
    by_log = np.arange(N) // 30
    fabric = np.arange(N) // 2 % 4
    products = [Product(f"p{i}", f"thing {i}", material=f"m{fabric[i]}", attributes={"tags": ()}) for i in range(N)]
    catalog = Catalog.from_products(products)
    noise = titles_by(np.random.default_rng(7).integers(0, 16, N))

    def together(**weights) -> float:
        codes = item_ids.make("joint", catalog, log_by(by_log), noise, levels=2, base=16, **weights)
        return kept_together(codes, fabric)

    assert together(attributes=4.0) > together(attributes=1.0) - 0.05 > together() + 0.2
    for kind, bare in (("semantic", catalog), ("joint", CATALOG)):
        with pytest.raises(CodesError, match="attributes"):
            item_ids.make(kind, bare, log_by(by_log), noise, attributes=1.0)


COLORS = ("black", "white", "red", "blue", "green", "grey")
IN_COLORS = Catalog.from_products([
    Product(f"p{i}", f"thing {i // 6}", color=COLORS[i % 6], brand=f"b{i % 2}", attributes={"style": f"s{i // 6}"})
    for i in range(N)
])  # fmt: skip


@pytest.mark.parametrize("shape", [(None, None), (2, 32), (3, 16)])
def test_a_family_shares_all_codes_but_the_last_which_means_the_same_in_each(shape):
    codes = item_ids.make("family", IN_COLORS, LOG, VECTORS, *shape, attributes=1.0).codes
    family, color = np.arange(N) // 6, np.arange(N) % 6
    assert len(np.unique(np.c_[codes[:, :-1], family], axis=0)) == len(np.unique(codes[:, :-1], axis=0)) == N // 6
    assert len(np.unique(np.c_[codes[:, -1], color], axis=0)) == 6
    again = item_ids.make("family", IN_COLORS, LOG, VECTORS, *shape, attributes=1.0).codes
    assert (again == codes).all()


def test_two_of_a_family_in_one_color_still_have_ids_of_their_own():
    twins = Catalog.from_products(
        [
            Product(f"p{i}", f"thing {i}", color="red", attributes={"style": f"s{i // 4}", "fit": "slim"})
            for i in range(N)
        ]
    )
    codes = item_ids.make("family", twins, LOG, VECTORS)
    assert len(np.unique(codes.keys)) == N and len(np.unique(codes.codes[:, :-1], axis=0)) == N // 4


def test_families_that_do_not_fit_or_are_not_there_are_refused_with_a_remedy():
    with pytest.raises(CodesError, match="take `kind: joint`"):
        item_ids.make("family", CATALOG, LOG, VECTORS)
    with pytest.raises(CodesError, match="20 families do not fit 1 codes of 16"):
        item_ids.make("family", IN_COLORS, LOG, VECTORS, 2, 16)
    with pytest.raises(CodesError, match="a family of 6 products does not fit a code of 5"):
        item_ids.make("family", IN_COLORS, LOG, VECTORS, 3, 5)


def test_word_vectors_are_near_where_titles_share_words():
    kinds = ["ankle boots", "wool scarf", "evening dress", "rain coat"]
    catalog = Catalog.from_products([Product(f"p{i}", f"{kinds[i % 4]} colour{i // 4 % 5}") for i in range(N)])
    vectors = item_ids.word_vectors(catalog)
    alike = vectors @ vectors.T
    kind = np.arange(N) % 4
    same = kind[:, None] == kind[None]
    assert alike[same].min() > alike[~same].max()
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_residual_codes_put_equal_vectors_under_one_prefix_and_still_apart():
    vectors = np.repeat(np.eye(4, dtype=np.float32), N // 4, axis=0)
    codes = item_ids.residual_codes(vectors, levels=3, base=8)
    assert len(np.unique(codes, axis=0)) == N
    for group in range(4):
        assert len(np.unique(codes[group * 30 : group * 30 + 30, 0])) == 1


def test_products_that_the_log_does_not_know_stand_with_their_kin_by_title():
    # The last fifteen are never bought; by title they are like the first group of the log.
    kin = BY_LOG.copy()
    kin[-15:] = 0
    codes = item_ids.make("collaborative", CATALOG, log_by(BY_LOG, N - 15), titles_by(kin), levels=2, base=16)
    first = codes.codes[:, 0]
    shared = [np.isin(first[row], first[:15]) for row in range(N - 15, N)]
    assert np.mean(shared) > 0.7


def test_sequential_ids_are_spread_over_spaces_of_any_size():
    for levels in (3, 6):
        keys = np.sort(item_ids.make("sequential", CATALOG, LOG, VECTORS, levels, base=1024).keys)
        size = 1024**levels
        assert keys.tolist() == [rank * size // len(keys) for rank in range(len(keys))]


def test_wrong_kinds_and_shapes_are_refused_in_a_sentence():
    with pytest.raises(CodesError, match="expected one of joint, family, semantic"):
        item_ids.make("alphabetic", CATALOG, LOG, VECTORS)
    with pytest.raises(CodesError, match="120 products do not fit 2 codes of 8"):
        item_ids.make("random", CATALOG, LOG, VECTORS, levels=2, base=8)
    with pytest.raises(CodesError, match="9 codes of 1000: expected at most 26 codes"):
        item_ids.make("sequential", CATALOG, LOG, VECTORS, levels=9, base=1000)
    with pytest.raises(CodesError, match="take `kind: semantic`"):
        item_ids.make("collaborative", CATALOG, empty_events(), VECTORS)
