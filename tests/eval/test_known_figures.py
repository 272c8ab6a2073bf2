"""The whole protocol against figures that another program computed on real data."""

import polars as pl
import pytest

from shopping_assistant.eval.replay import replay
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.store import Store

# hm-week, leave-one-out among its 14,439 articles, 20,945 shoppers: what the data set's own peers print.
# They break ties by first sight in the log and we by catalogue row, so the last digit may differ.
PEERS = {
    "popularity": {"recall@10": 0.0171, "ndcg@10": 0.0075, "mrr@10": 0.0047},
    "item-knn": {"recall@10": 0.0537, "ndcg@10": 0.0324, "mrr@10": 0.0260},
}


def test_hm_week_gives_the_figures_of_its_peers(shared_data, tmp_path):
    week = pl.read_parquet(shared_data / "hm/transactions_week.parquet").select("t_dat", "customer_id", "article_id")
    distinct = week.group_by("customer_id").agg(pl.col("article_id").n_unique())
    week = week.join(distinct.filter(pl.col("article_id") >= 3), on="customer_id", how="semi", maintain_order="left")
    store = Store.create(tmp_path / "hm-week", name="H&M week")
    articles = sorted(week["article_id"].unique().to_list())
    store.write_catalog(Catalog.from_products([Product(a, a) for a in articles]))
    store.write_events(
        week.select(
            session_id=pl.col("customer_id") + pl.col("t_dat"),
            user_id="customer_id",
            timestamp=pl.col("t_dat").str.to_datetime("%Y-%m-%d", time_unit="us", time_zone="UTC"),
            action=pl.lit("purchase"),
            product_id="article_id",
        )
    )
    out = replay(store, list(PEERS))
    assert (out["sessions"], len(articles)) == (20_945, 14_439)
    for system, figures in PEERS.items():
        for metric, value in figures.items():
            assert out["systems"][system][metric] == pytest.approx(value, abs=0.0007)
