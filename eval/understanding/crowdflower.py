"""CrowdFlower's search relevance: does the shop's search put what people judged relevant first?"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shopping_assistant.eval.metrics import scores_of_ranking
from shopping_assistant.eval.understanding.rankings import SYSTEMS, order_of, scores_of
from shopping_assistant.eval.understanding.record import (
    Failure,
    Result,
    compared,
    drawn,
    kinds_of,
    means_with_ci,
    most_telling,
)  # fmt: skip
from shopping_assistant.eval.understanding.scratch import DataMissing, existing, reading, scratch_store, spread
from shopping_assistant.tools.importers import import_source
from shopping_assistant.tools.search import CatalogSearch, words_of
from shopping_assistant.tools.sentence_encoder import SentenceEncoder
from shopping_assistant.tools.store import Store

NAME = "crowdflower"
METRIC = "ndcg@10"
COLUMNS = ("id", "query", "product_title", "product_description", "median_relevance", "relevance_variance")
# Orders drawn for the two yardsticks that are drawn.
DRAWS = 20
POOR = 0.7


@dataclass(frozen=True)
class Judged:
    """One query and its judged products: id → median relevance 1 to 4, and how far the judges lay apart.

    The data's column ``relevance_variance`` holds standard deviations: its most frequent value is 0.471, that of three
    judges of whom one differs by one.
    """

    query: str
    relevance: dict[str, int]
    deviation: dict[str, float]

    @property
    def gains(self) -> dict[str, float]:
        """2^(relevance - 1) - 1 (Burges et al., ICML 2005): 0, 1, 3, 7. Those of no gain are left out."""
        return {p: 2.0 ** (r - 1) - 1 for p, r in self.relevance.items() if r > 1}


@dataclass(frozen=True)
class Ranked:
    """One query's judged products in each system's order, and milliseconds of the search over all products."""

    orders: dict[str, tuple[str, ...]]
    ms: float


def measure(
    data: Path, scratch: Path, *, sample: int | None = None, workers: int = 1
) -> tuple[Result, list[Failure]]:  # fmt: skip
    """Rank each query's judged products by the shop's search over all of them, and by its two halves.

    Raises:
        DataMissing: the file is not there or holds something else.
    """
    start = time.perf_counter()
    file = existing(data / "train.csv.gz")
    rows = read_rows(file)
    every = judged_of(rows)
    queries = drawn([q for q in every if q.gains], sample)
    store = scratch_store(NAME, [file], scratch, lambda path: lay_down(rows, path))
    ranked = spread(rank, store.path, queries, workers)
    scores = {s: np.array([_ndcg(r.orders[s], q) for r, q in zip(ranked, queries, strict=True)]) for s in SYSTEMS}
    scores |= _yardsticks(queries)
    figures, intervals = means_with_ci({f"{name}/{METRIC}": values for name, values in scores.items()})
    figures["search/ms_median"] = float(np.median([r.ms for r in ranked]))
    pairs = (("search", "bm25"), ("search", "vectors"), ("vectors", "bm25"))
    comparisons = compared({f"{name}/{METRIC}": values for name, values in scores.items()}, pairs, (METRIC,))
    failures = _failures(queries, ranked, scores, {r["id"]: r["product_title"] for r in rows})
    protocol = {
        "queries": len(queries), "queries without a relevant product": len(every) - sum(bool(q.gains) for q in every),
        "judged products": sum(len(q.relevance) for q in queries), "gain": "2^(relevance - 1) - 1",
        "any order": f"mean of {DRAWS} seeded orders: the figure of knowing nothing",
        "one judge": f"mean of {DRAWS} orders by relevance drawn about the median with the judges' deviation",
    }  # fmt: skip
    what = "queries and judged products of shops: the order of each query's judged products"
    result = Result(NAME, what, figures, intervals, len(queries), time.perf_counter() - start, protocol, comparisons,
                    kinds_of(failures), most_telling(failures))  # fmt: skip
    return result, failures


def read_rows(file: Path) -> list[dict[str, str]]:
    with reading(file) as opened:
        rows = list(csv.DictReader(opened))
    missing = [c for c in COLUMNS if not rows or c not in rows[0]]
    if missing:
        raise DataMissing(f"{file}: no column {missing[0]}; expected {', '.join(COLUMNS)}")
    return rows


def judged_of(rows: Sequence[dict[str, str]]) -> list[Judged]:
    """The rows by query, in the file's order."""
    found: dict[str, Judged] = {}
    for row in rows:
        judged = found.setdefault(row["query"], Judged(row["query"], {}, {}))
        judged.relevance[row["id"]] = int(float(row["median_relevance"]))
        judged.deviation[row["id"]] = float(row["relevance_variance"])
    return list(found.values())


def lay_down(rows: Sequence[dict[str, str]], store: Path) -> None:
    """A judged row is a product: the same product judged for two queries stands twice."""
    products = [
        {"product_id": r["id"], "title": r["product_title"], "description": r["product_description"] or None}
        for r in rows
    ]
    listed = store.with_name(f"{store.name}.jsonl")
    try:
        listed.write_text("".join(json.dumps(p) + "\n" for p in products), encoding="utf-8")
        import_source("jsonl", listed, store)
    finally:
        listed.unlink(missing_ok=True)


def rank(store: Path, queries: list[Judged]) -> list[Ranked]:
    """All products scored for each query; then the judged ones in that order."""
    opened = Store.open(store)
    catalog, searcher, encoder = opened.catalog(), CatalogSearch.open(opened), SentenceEncoder.load()
    searcher.scores("a first query loads what is needed")
    out = []
    for q in queries:
        rows = np.array([catalog.index(p) for p in q.relevance])
        orders, ms, start = {}, 0.0, time.perf_counter()
        for system, scores in scores_of(searcher, encoder, q.query):
            ms = ms or (time.perf_counter() - start) * 1000
            orders[system] = tuple(catalog.ids[r] for r in order_of(scores, rows))
        out.append(Ranked(orders, ms))
    return out


def _ndcg(order: Sequence[str], q: Judged) -> float:
    return scores_of_ranking(order, q.gains, (METRIC,))[METRIC]


def _yardsticks(queries: Sequence[Judged]) -> dict[str, np.ndarray]:
    """What any order gets, and what one gets that follows a single judge: the data have the median of several."""
    rng = np.random.default_rng(1)
    blind, single = [], []
    for q in queries:
        ids = list(q.relevance)
        blind.append(np.mean([_ndcg([ids[i] for i in rng.permutation(len(ids))], q) for _ in range(DRAWS)]))
        middle = np.array([q.relevance[p] for p in ids], dtype=np.float64)
        apart = np.array([q.deviation[p] for p in ids])
        drawn_orders = [np.argsort(-rng.normal(middle, apart), kind="stable") for _ in range(DRAWS)]
        single.append(np.mean([_ndcg([ids[i] for i in order], q) for order in drawn_orders]))
    return {"any order": np.array(blind), "one judge": np.array(single)}


def _failures(
    queries: Sequence[Judged], ranked: Sequence[Ranked], scores: dict[str, np.ndarray], titles: dict[str, str]
) -> list[Failure]:
    out = []
    for at, (q, r) in enumerate(zip(queries, ranked, strict=True)):
        mine = float(scores["search"][at])
        if mine >= POOR:
            continue
        best = max(("bm25", "vectors"), key=lambda s: scores[s][at])
        wanted = set(words_of(q.query))
        top = r.orders["search"][:10]
        literal = [p for p in top[:3] if q.relevance[p] == 1 and wanted <= set(words_of(titles[p]))]
        kinds = [f"{best} alone does better by 0.1"] if scores[best][at] > mine + 0.1 else []
        kinds += ["all words of the query stand in an irrelevant title"] if literal else []
        first = {p: q.relevance[p] for p in sorted(q.relevance, key=lambda p: -q.relevance[p])}
        lost = [p for p, relevance in first.items() if relevance == 4 and p not in top]
        kinds += ["relevant titles share no word with the query"] * any(
            not wanted & set(words_of(titles[p])) for p in lost
        )
        seen = {
            "said": q.query, METRIC: round(mine, 3), "any order": round(float(scores["any order"][at]), 3),
            "understood": [f"{q.relevance[p]} {titles[p]}" for p in top],
            "expected": [f"{q.relevance[p]} {titles[p]}" for p in list(first)[:10]],
        }  # fmt: skip
        out.append(Failure(tuple(kinds) or ("no one cause",), seen))
    return sorted(out, key=lambda f: f.seen[METRIC])
