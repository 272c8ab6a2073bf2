"""The shop's search on one query beside its two halves: words alone (BM25), and sentence vectors alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from shopping_assistant.tools.search import CatalogSearch
from shopping_assistant.tools.sentence_encoder import SentenceEncoder

SYSTEMS = ("search", "bm25", "vectors")


def scores_of(searcher: CatalogSearch, encoder: SentenceEncoder, query: str) -> Iterator[tuple[str, np.ndarray]]:
    """``(system, (products,) scores)``."""
    yield "search", searcher.scores(query)
    yield "bm25", searcher.word_scores(query)
    yield "vectors", searcher.vectors @ encoder.encode([query])[0]


def order_of(scores: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
    """Rows by falling score, equal ones in row order, as `metrics.target_ranks` counts; of ``rows`` if given."""
    among = np.arange(len(scores)) if rows is None else np.sort(rows)
    return among[np.argsort(-scores[among], kind="stable")]
