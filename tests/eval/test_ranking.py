"""Ranks from vectors: against a full sort in double precision, and the same whatever the blocks and batches are."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from shopping_assistant.eval.allowed import NEVER, Allowed
from shopping_assistant.eval.metrics import target_ranks
from shopping_assistant.eval.ranking import (
    SESSIONS,
    ItemTable,
    RankingError,
    Vectors,
    block_width,
    ranked,
)

N, D, B = 700, 16, 70
NO_ROWS = np.zeros(0, dtype=np.int64)


def unit(random, *shape):
    vectors = random.standard_normal(shape).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@pytest.fixture(scope="module")
def drawn():
    """Products with twins and near twins, which single precision cannot tell apart, and sessions that exclude some."""
    random = np.random.default_rng(4)
    table = unit(random, N, D)
    table[300:400] = table[100]
    table[400:450] = np.nextafter(table[100], np.float32(2))
    queries = unit(random, B, D)
    queries[0:9] = table[100] + np.float32(0.01) * queries[0:9]
    queries[9:12] = 0
    targets = random.integers(0, N, B)
    targets[0:12] = [100, 300, 350, 399, 400, 420, 449, 99, 500, 0, 350, 699]
    targets[12] = -1
    excluded = [np.unique(random.integers(0, N, 8)) for _ in range(B)]
    excluded[3] = np.array([300, 301, 410])
    excluded[13] = np.array([targets[13]])
    return Vectors(queries, ItemTable.of(table)), Allowed(np.ones(N, dtype=bool), targets, excluded)


def sorted_in_full(vectors, among, top):
    """Ranks and first places out of a sort of everything."""
    masks, ranks, tops = among.masks(), [], []
    for b, target in enumerate(among.targets):
        scores = vectors.items.vectors.astype(np.float64) * vectors.queries[b].astype(np.float64)
        scores = scores.sum(axis=1)
        if vectors.first is not None:
            scores[vectors.first[b]] = np.inf
        order = [row for row in np.lexsort((np.arange(len(scores)), -scores)).tolist() if masks[b, row]]
        ranks.append(order.index(target) + 1 if target in order else 0)
        tops.append(order[:top])
    return ranks, tops


def candidates_of_each_kind(among):
    random = np.random.default_rng(5)
    kinds = random.integers(0, 4, N)
    own = np.where(among.targets >= 0, kinds[among.targets], -1)
    since, until = random.integers(0, 100, N), np.full(N, NEVER)
    since[::7], until[::5] = NEVER, 60
    some = random.random(N) < 0.5
    return {
        "all": among,
        "some": replace(among, base=some),
        "category": replace(among, groups=(kinds, own)),
        "available-then": replace(among, base=some, times=(since, until, random.integers(0, 100, B))),
        "none": replace(among, base=np.zeros(N, dtype=bool)),
    }


@pytest.mark.parametrize("kind", ["all", "some", "category", "available-then", "none"])
@pytest.mark.parametrize("leads", [False, True])
def test_ranks_and_first_places_are_those_of_a_full_sort(drawn, kind, leads):
    vectors, among = drawn
    among = candidates_of_each_kind(among)[kind]
    if leads:
        first = np.random.default_rng(6).integers(0, N, B)
        first[20:30] = among.targets[20:30]
        vectors = replace(vectors, first=first)
    ranks, tops = ranked(vectors, among, among.targets, top=25)
    expected, lists = sorted_in_full(vectors, among, 25)
    assert ranks.tolist() == expected
    assert [rows.tolist() for rows in tops] == lists


def test_neither_batch_nor_block_shows_in_a_rank(drawn):
    vectors, among = drawn
    whole, tops = ranked(vectors, among, among.targets, top=10)
    for block in (8, 104, 2040):
        again, lists = ranked(vectors, among, among.targets, top=10, block=block)
        assert again.tolist() == whole.tolist()
        assert all((a == b).all() for a, b in zip(tops, lists, strict=True))
    one_by_one = [
        ranked(vectors.part(slice(b, b + 1)), among.part(slice(b, b + 1)), among.targets[b : b + 1])[0][0]
        for b in range(B)
    ]
    assert one_by_one == whole.tolist()
    assert B > SESSIONS, "more than are ranked together"


def test_they_agree_with_dense_scores_that_single_precision_tells_apart(drawn):
    """Whole numbers: every product and sum of them is exact, in whatever order it is taken."""
    random = np.random.default_rng(7)
    _, among = drawn
    vectors = Vectors(
        random.integers(-3, 4, (B, D)).astype(np.float32),
        ItemTable.of(random.integers(-3, 4, (N, D)).astype(np.float32)),
    )
    dense = vectors.queries @ vectors.items.vectors.T
    expected = target_ranks(dense, among.masks(), among.targets)
    assert ranked(vectors, among, among.targets)[0].tolist() == expected.tolist()


def test_scratch_memory_stays_below_a_twentieth_of_the_table():
    random = np.random.default_rng(8)
    products, dim = 60_000, 64
    vectors = Vectors(unit(random, SESSIONS, dim), ItemTable.of(unit(random, products, dim)))
    targets = random.integers(0, products, SESSIONS)
    among = Allowed(np.ones(products, dtype=bool), targets, [random.integers(0, products, 20)] * SESSIONS)
    ranked(vectors, among, targets)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        ranked(vectors, among, targets)
        scratch = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert scratch < 0.05 * vectors.items.vectors.nbytes


def test_a_block_fits_its_memory():
    assert block_width(105_542, 64, 64) == 2040
    assert 8 <= block_width(105_542, 8, 64) < 500
    assert block_width(10, 4, 64) >= 8 and block_width(105_542, 64, 64, threads=4) % 8 == 0


def test_what_cannot_be_ranked_is_refused(drawn):
    vectors, among = drawn
    with pytest.raises(RankingError, match="product row 5"):
        ItemTable.of(np.where(np.arange(N)[:, None] == 5, np.nan, vectors.items.vectors))
    with pytest.raises(RankingError, match="a query holds"):
        ranked(replace(vectors, queries=np.full((B, D), np.inf, np.float32)), among, among.targets)
    with pytest.raises(RankingError, match="vectors of one length"):
        ranked(replace(vectors, queries=vectors.queries[:, :4]), among, among.targets)
    with pytest.raises(RankingError, match="multiple of 8"):
        ranked(vectors, among, among.targets, block=100)
