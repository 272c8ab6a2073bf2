"""Retrieval with mixup: what the language model wrote, an id and a title, into one ranked list of products.

Source: *Sequential LLM Framework for Fashion Recommendation* (EMNLP industry track, 2024), retrieval with mixup. Three
weights go beyond it and are 0 as published: the id road may look from the whole session too, which CORE places among
the items, the title road for the current query too, which the title model places among the titles, and the rest of the
list may be ranked by both roads.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.store import write_json

# The published text lost the value of m; its ablation table fits 1 best.
DEFAULT_M = 1
FILE = "mixup.json"


class MixupError(ShopError):
    """Scores that cannot be ranked."""


@dataclass(frozen=True)
class Scored:
    """A ranked product. ``route`` gives its 1-based rank on each road that led to it, None where none did."""

    product_id: str
    score: float
    route: dict[str, int | None]


@dataclass(frozen=True)
class MixupSettings:
    """How the two roads are joined; a shop's own are chosen on its validation sessions. The defaults are the published.

    Attributes:
        m: how many products the id list places first.
        session_weight: weight of the session's vector beside the written product's, which has 1.
        query_weight: weight of the current query's vector beside the written title's, which has 1.
        id_weight: share of the id road in the scores of the rest of the list, from 0 to below 1.
    """

    m: int = DEFAULT_M
    session_weight: float = 0.0
    query_weight: float = 0.0
    id_weight: float = 0.0

    def __post_init__(self):
        if self.m < 0:
            raise MixupError(f"m = {self.m}, expected 0 or more: how many products the id list may place first")
        for name in ("session_weight", "query_weight"):
            if not getattr(self, name) >= 0:
                raise MixupError(f"{name} {getattr(self, name)}: expected 0 or more")
        if not 0 <= self.id_weight < 1:
            raise MixupError(f"id_weight {self.id_weight}: expected 0 or more, and below 1")

    @classmethod
    def load(cls, folder: Path) -> MixupSettings:
        """The settings of a shop, the published ones where none were chosen.

        Raises:
            MixupError: the file is damaged.
        """
        path = folder / FILE
        if not path.is_file():
            return cls()
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise MixupError(f"{path} cannot be read ({error}); choose again with `shop build --only mixup`") from error

    def save(self, folder: Path) -> None:
        write_json(folder / FILE, asdict(self))


def _keys(scores: np.ndarray) -> np.ndarray:
    """Unsigned integers, smaller is better, that order by score downwards and then by column upwards.

    ``(..., n)`` float32 to ``(..., n)`` uint64; the column stands in the low 32 bits. Sorting integers makes ties exact
    and is several times faster than a stable sort of floats.
    """
    scores = np.asarray(scores, dtype=np.float32) + np.float32(0)  # -0.0 and 0.0 are one score
    if np.isnan(scores).any():
        raise MixupError("a score is not a number (NaN), expected finite scores, or -inf for a product left out")
    bits = scores.view(np.uint32)
    # IEEE floats order like integers once the sign is folded in: all bits flip for negatives, the sign for the rest.
    rising = np.where(bits >> 31, ~bits, bits | np.uint32(0x80000000))
    columns = np.arange(scores.shape[-1], dtype=np.uint64)
    return (~rising).astype(np.uint64) << np.uint64(32) | columns


def _columns(keys: np.ndarray) -> np.ndarray:
    return (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)


def order(scores: np.ndarray) -> np.ndarray:
    """Rows from best to worst, ``(..., n)`` int64; equal scores keep the lower row first."""
    return _columns(np.sort(_keys(scores), axis=-1))


def top_k(scores: np.ndarray, k: int, mask: np.ndarray | None = None) -> np.ndarray:
    """The best ``k`` rows of ``scores`` ``(n,)``, best first; equal scores keep the lower row first.

    Rows that ``mask`` ``(n,)`` leaves out, or whose score is -inf, are never returned: there may be fewer than ``k``.
    """
    keys = _keys(scores)
    allowed = np.asarray(scores) > -np.inf
    if mask is not None:
        allowed &= mask
    keys = keys[allowed]
    if 0 < k < len(keys):
        keys = np.partition(keys, k - 1)[:k]
    return _columns(np.sort(keys)[: max(k, 0)])


def id_scores(table: np.ndarray, rows: Sequence[int] | np.ndarray) -> np.ndarray:
    """Cosine of each written product to every product in the id table: ``(n, d)`` unit rows, ``(b,)`` to ``(b, n)``."""
    return table[np.asarray(rows, dtype=np.int64)] @ table.T


def title_scores(title_table: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Cosine of each written title to every product's title: ``(n, d)`` and ``(b, d)`` unit rows to ``(b, n)``."""
    return vectors @ title_table.T


def moved(written: np.ndarray, towards: np.ndarray, weight: float) -> np.ndarray:
    """Where a road looks from: what was written ``(b, d)``, moved towards the shopper's own ``(b, d)``, unit rows.

    A shopper who did or asked nothing has a row of zeros there.
    """
    vectors = written + np.float32(weight) * towards
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def mix(id_scores: np.ndarray, title_scores: np.ndarray, m: int = DEFAULT_M, id_weight: float = 0.0) -> np.ndarray:
    """Positions 1 to m are the top of the id list, the rest the title list without those.

    ``(b, n)`` and ``(b, n)`` to ``(b, n)`` float32. The rest keeps its title scores, or with an ``id_weight`` w the sum
    (1 - w) · title + w · id; the m products of the id list are set above the best of them, in their order. Products at
    -inf on the id road are never among those; a product at -inf on the title road that is not among them is left out.
    ``m = 0`` without weight gives the title list.

    Raises:
        MixupError: ``m`` is negative, the shapes differ, or a score is NaN.
    """
    if m < 0:
        raise MixupError(f"m = {m}, expected 0 or more: how many products the id list may place first")
    if id_scores.shape != title_scores.shape:
        raise MixupError(
            f"id scores have shape {id_scores.shape}, title scores {title_scores.shape}; expected the same"
        )
    if np.isnan(title_scores).any():
        raise MixupError("a title score is not a number (NaN), expected finite scores, or -inf for one left out")
    mixed = np.array(title_scores, dtype=np.float32)
    if id_weight:
        # The written product's lead on its own list belongs to the head; here it is a cosine like the others.
        mixed = np.float32(1 - id_weight) * mixed + np.float32(id_weight) * np.clip(id_scores, -1, 1)
    if m:
        id_keys = _keys(id_scores)
        m = min(m, id_keys.shape[-1])
        # Only the head is sorted: in a large catalogue a sort of everything would cost more than the scores did.
        head = _columns(np.sort(np.partition(id_keys, m - 1, axis=-1)[..., :m], axis=-1))
        best = np.max(mixed, axis=-1, keepdims=True, where=np.isfinite(mixed), initial=0)
        above = best + np.arange(m, 0, -1, dtype=np.float32)
        listed = np.take_along_axis(id_scores, head, axis=-1) > -np.inf
        np.put_along_axis(mixed, head, np.where(listed, above, np.take_along_axis(mixed, head, axis=-1)), axis=-1)
    return mixed


def ranks_of(scores: np.ndarray, rows: Sequence[int] | np.ndarray) -> np.ndarray:
    """The 1-based rank of each of ``rows`` ``(r,)`` in the list that ``scores`` ``(n,)`` give."""
    keys = _keys(scores)
    return 1 + (keys[None, :] < keys[np.asarray(rows, dtype=np.int64)][:, None]).sum(axis=1)


def route_ranks(
    id_scores: np.ndarray, title_scores: np.ndarray, rows: Sequence[int] | np.ndarray
) -> list[dict[str, int]]:
    """Where each of ``rows`` stands on both roads for one answer, ``(n,)`` scores each: ``{"id": 1, "title": 4}``."""
    pairs = zip(ranks_of(id_scores, rows).tolist(), ranks_of(title_scores, rows).tolist(), strict=True)
    return [{"id": by_id, "title": by_title} for by_id, by_title in pairs]
