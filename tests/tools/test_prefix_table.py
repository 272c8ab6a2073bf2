"""The prefix table against plain sets of tuples, in every shape ids come in."""

import numpy as np
import pytest

from shopping_assistant.tools.item_codes import ItemCodes
from shopping_assistant.tools.prefix_table import PrefixTable


def some_codes(n: int, levels: int, base: int, seed: int = 0) -> ItemCodes:
    draw = np.random.default_rng(seed)
    rows: dict[tuple, None] = {}
    while len(rows) < n:
        rows.setdefault(tuple(draw.integers(0, base, levels).tolist()))
    return ItemCodes(np.array(list(rows)), base)


def walk(table: PrefixTable, mask=None) -> dict[tuple, int]:
    """Every whole id the table leads to, with its product row."""
    found, prefixes = [()], np.zeros(1, dtype=np.int64)
    for level in range(table.levels):
        parent, prefixes = table.children(level, prefixes)
        if mask is not None:
            kept = table.allowed(level, prefixes, mask)
            parent, prefixes = parent[kept], prefixes[kept]
        codes = table.codes(level, prefixes)
        found = [(*found[p], c) for p, c in zip(parent.tolist(), codes.tolist(), strict=True)]
    return dict(zip(found, table.rows(prefixes).tolist(), strict=True))


SHAPES = [(1, 2, 8), (40, 2, 8), (300, 3, 16), (500, 1, 1024), (700, 4, 1024), (200, 5, 300), (64, 3, 4)]


@pytest.mark.parametrize(("n", "levels", "base"), SHAPES)
def test_every_id_is_found_once_in_order_and_no_other(n, levels, base):
    codes = some_codes(n, levels, base)
    table = PrefixTable(codes)
    found = walk(table)
    assert found == {tuple(row): i for i, row in enumerate(codes.codes.tolist())}
    assert list(found) == sorted(found)
    assert (len(table), table.levels) == (n, levels)


@pytest.mark.parametrize(("n", "levels", "base"), SHAPES)
@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 1.0])
def test_a_mask_leaves_what_leads_to_an_allowed_product(n, levels, base, share):
    codes = some_codes(n, levels, base, seed=1)
    mask = np.random.default_rng(2).random(n) < share
    table = PrefixTable(codes)
    allowed = [tuple(row) for row, kept in zip(codes.codes.tolist(), mask, strict=True) if kept]
    assert sorted(walk(table, mask)) == sorted(allowed)


@pytest.mark.parametrize("only", [0, 7, 4000, 8191])
def test_one_allowed_product_among_many_is_found_and_nothing_beside_it(only):
    codes = some_codes(8192, 4, 32)
    table = PrefixTable(codes)
    mask = np.zeros(8192, dtype=bool)
    mask[only] = True
    prefixes = np.zeros(1, dtype=np.int64)
    for level in range(4):
        _, prefixes = table.children(level, prefixes)
        prefixes = prefixes[table.allowed(level, prefixes, mask)]
        assert table.codes(level, prefixes).tolist() == [codes.codes[only, level]]
    assert table.rows(prefixes).tolist() == [only]


def test_children_come_for_the_given_parents_in_their_order():
    codes = ItemCodes(np.array([[2, 0], [0, 3], [0, 1], [1, 2]]), 4)
    table = PrefixTable(codes)
    parent, child = table.children(1, np.array([2, 0]))  # the prefixes (2) and (0)
    assert parent.tolist() == [0, 1, 1]
    assert table.codes(1, child).tolist() == [0, 1, 3]
    assert table.rows(child).tolist() == [0, 2, 1]


def test_it_is_small_and_keeps_no_keys_alive():
    codes = some_codes(20_000, 3, 32)
    codes.__dict__.pop("keys", None)
    table = PrefixTable(codes)
    # A row number and a code a product; the prefixes above them are few.
    assert table.nbytes < 6 * len(codes)
    assert not {"keys", "order"} & codes.__dict__.keys()
    assert PrefixTable(some_codes(500, 3, 256)).nbytes < PrefixTable(some_codes(500, 3, 257)).nbytes
