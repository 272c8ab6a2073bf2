"""The nearest products of products that no model was trained on: what stands in for them until the next training."""

from __future__ import annotations

import numpy as np
import torch

# A product without events is the mean of so many products with events.
NEAREST_TITLES = 5
# Products looked through at once for one part of those asked about: 64 MB of float32 similarities.
SCORES_AT_ONCE = 16_000_000
# Up to so many comparisons everything is compared; above, the table is first cut into cells.
EXACT_COMPARISONS = 100_000_000
CELLS, PROBED = 256, 24
# Rows compared with the cells' centres at once.
CHUNK = 65_536


def mean_of_kin(learned: np.ndarray, at: np.ndarray, closeness: np.ndarray) -> np.ndarray:
    """The similarity-weighted mean of ``learned`` ``(s, d)`` over its rows ``at`` ``(m, k)``: ``(m, d)`` float32.

    Args:
        closeness: ``(m, k)`` cosines.
    """
    # A floor keeps the sum positive where no title is alike at all.
    worth = np.maximum(closeness, 1e-3)
    worth = worth / worth.sum(axis=1, keepdims=True)
    return (worth[:, None, :] @ learned[at])[:, 0]


def nearest(asked: np.ndarray, table: np.ndarray, k: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The ``k`` rows of ``table`` nearest to each of ``asked``: rows and cosines, ``(m, min(k, n))``, nearest first.

    Exact for a small table. A large one is cut into the cells of 256 of its rows, drawn at random, and each vector is
    compared with the rows of its 24 nearest cells: a pass over the table and a tenth of the comparisons, without an
    index to be kept.

    Args:
        asked: ``(m, d)`` unit rows.
        table: ``(n, d)`` unit rows, float32 or float16.
    """
    k = min(k, len(table))
    if len(asked) * len(table) <= EXACT_COMPARISONS:
        return _compared(asked, table, k)
    drawn = np.sort(np.random.default_rng(seed).choice(len(table), CELLS, replace=False))
    centres = np.ascontiguousarray(table[drawn].astype(np.float32).T)
    cell = np.empty(len(table), dtype=np.int16)
    for start in range(0, len(table), CHUNK):
        part = torch.from_numpy(table[start : start + CHUNK].astype(np.float32))
        cell[start : start + CHUNK] = (part @ torch.from_numpy(centres)).argmax(dim=1).numpy()
    members = np.argsort(cell, kind="stable")
    bounds = np.searchsorted(cell[members], np.arange(CELLS + 1))
    rows = np.zeros((len(asked), k), dtype=np.int64)
    scores = np.full((len(asked), k), -np.inf, dtype=np.float32)
    probed = torch.from_numpy(asked @ centres).topk(PROBED, dim=1).indices.numpy()
    for number in range(CELLS):
        who, inside = np.flatnonzero((probed == number).any(axis=1)), members[bounds[number] : bounds[number + 1]]
        if not len(who) or not len(inside):
            continue
        at, close = _compared(asked[who], table[inside], min(k, len(inside)))
        both_rows = np.concatenate([rows[who], inside[at]], axis=1)
        both = np.concatenate([scores[who], close], axis=1)
        best = np.argsort(-both, axis=1, kind="stable")[:, :k]
        rows[who], scores[who] = np.take_along_axis(both_rows, best, 1), np.take_along_axis(both, best, 1)
    return rows, scores


def _compared(asked: np.ndarray, table: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    rows = np.empty((len(asked), k), dtype=np.int64)
    scores = np.empty((len(asked), k), dtype=np.float32)
    pool = torch.from_numpy(np.ascontiguousarray(table, dtype=np.float32).T)
    size = max(1, SCORES_AT_ONCE // len(table))
    for start in range(0, len(asked), size):
        close, at = (torch.from_numpy(asked[start : start + size]) @ pool).topk(k, dim=1)
        rows[start : start + size], scores[start : start + size] = at.numpy(), close.numpy()
    return rows, scores
