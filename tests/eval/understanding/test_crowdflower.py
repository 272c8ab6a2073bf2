"""Judged products in the order of a search."""

import math

import pytest

from shopping_assistant.eval.understanding.crowdflower import measure


def test_the_judged_products_are_ranked_with_graded_gains(crowdflower_data, scratch):
    result, _ = measure(crowdflower_data, scratch)
    # The query without a relevant product has no best order; it is counted and left out.
    assert result.n == 2 and result.protocol["queries without a relevant product"] == 1
    assert result.figures["bm25/ndcg@10"] == pytest.approx(1.0)
    assert result.figures["one judge/ndcg@10"] == pytest.approx(1.0)
    # In any order: of "toaster" the relevant one of two stands first or second.
    assert result.figures["any order/ndcg@10"] < 1.0
    assert result.ci95["any order/ndcg@10"][0] > (1 / math.log2(4)) - 0.3


def test_on_the_real_judgements(real_set, scratch, tmp_path):
    """The first queries' rows only: to index all of them takes a minute."""
    import csv
    import gzip
    import io

    with gzip.open(real_set("crowdflower_search") / "train.csv.gz") as file:
        rows = list(csv.DictReader(io.TextIOWrapper(file, encoding="utf-8", newline="")))
    chosen = list(dict.fromkeys(r["query"] for r in rows))[:6]
    with gzip.open(tmp_path / "train.csv.gz", "wt", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(r for r in rows if r["query"] in chosen)
    result, _ = measure(tmp_path, tmp_path / "scratch")
    assert result.n == 6 and 0.7 < result.figures["search/ndcg@10"] < 1.0
    assert result.figures["one judge/ndcg@10"] > result.figures["any order/ndcg@10"]
