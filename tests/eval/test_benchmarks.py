"""Benchmarks as stores: the split and the store say the same, nothing withheld is known, and the table by hand."""

import gzip
import json

import numpy as np
import polars as pl
import pytest

from shopping_assistant.eval import benchmarks
from shopping_assistant.eval.benchmarks import (
    BENCHMARKS,
    BenchmarkError,
    prepare,
    rank,
    split_of,
    store_of,
    table,
)
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.sessions import by_user

ARTICLE = {
    "prod_name": "Strap top", "product_type_name": "Vest top", "product_group_name": "Garment Upper body",
    "graphical_appearance_name": "Solid", "colour_group_name": "Black", "perceived_colour_master_name": "Black",
    "perceived_colour_value_name": "Dark", "department_name": "Jersey", "index_name": "Ladieswear",
    "index_group_name": "Ladieswear", "section_name": "Womens Everyday", "garment_group_name": "Jersey Basic",
    "detail_desc": "A top.",
}  # fmt: skip
ARTICLES = [f"01000000{i:02d}" for i in range(12)]


@pytest.fixture
def data(tmp_path):
    """Beauty with four shoppers, and H&M with a week and a history: small, and invented."""
    beauty = tmp_path / "data" / "amazon_beauty"
    beauty.mkdir(parents=True)
    products = [{"product_id": f"b{i}", "title": f"Cream {i}", "price": 3.5} for i in range(8)]
    (beauty / "products.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, products)).encode()))
    bought = {"ann": "0 1 1 2 3", "bob": "1 2 4", "cyd": "5 6", "dan": "2 0 7 0 6"}
    lines = ["session_id,user_id,timestamp,action,product_id"]
    for user, items in bought.items():
        lines += [f"{user},{user},2014-01-{day:02d}T00:00:00Z,purchase,b{i}" for day, i in enumerate(items.split(), 1)]
    (beauty / "events.csv.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    hm = tmp_path / "data" / "hm"
    hm.mkdir()
    pl.DataFrame([{"article_id": a, **ARTICLE} for a in ARTICLES]).write_parquet(hm / "articles.parquet")
    columns = ["t_dat", "customer_id", "article_id", "price"]
    week = [("2020-09-22", c, ARTICLES[i], 0.02) for c, items in {"w1": (0, 1, 2), "w2": (3, 4)}.items() for i in items]
    pl.DataFrame(week, schema=columns, orient="row").write_parquet(hm / "transactions_week.parquet")
    history = [f"2019-0{1 + i % 9}-01,h1,{ARTICLES[5 + i]},0.01" for i in range(4)]
    history += [f"2019-01-01,h2,{ARTICLES[0]},0.01", f"2019-01-02,h2,{ARTICLES[10]},0.01"]
    text = "\n".join([",".join(columns), *history]) + "\n"
    (hm / "transactions_history.csv.gz").write_bytes(gzip.compress(text.encode()))
    return tmp_path / "data"


def sequences(frame: pl.DataFrame) -> dict[str, list[str]]:
    return dict(frame.select("user_id", "items").iter_rows())


def test_beauty_as_a_store_and_as_a_split_file(data, tmp_path):
    store = prepare("beauty", data, tmp_path / "runs")
    split = pl.read_parquet(tmp_path / "runs" / "beauty" / "split.parquet")
    # Each product once, by its first purchase; who bought fewer than three is left out.
    expected = {"ann": ["b0", "b1", "b2", "b3"], "bob": ["b1", "b2", "b4"], "dan": ["b2", "b0", "b7", "b6"]}
    assert sequences(split) == expected and split["evaluated"].all()
    assert sequences(split_of(store)) == expected
    made = store.split()
    assert {e.user_id: e.target for e in made.test} == {u: items[-1] for u, items in expected.items()}
    assert {e.user_id: e.target for e in made.validation} == {u: items[-2] for u, items in expected.items()}
    for example in made.test:
        assert [e.product_id for e in example.history] == expected[example.user_id][:-1]
    trained = {user: [e.product_id for e in events] for user, events in by_user(made.train)}
    assert trained == {u: items[:-2] for u, items in expected.items()}
    assert len(store.catalog()) == 8  # the whole catalogue is ranked


def test_what_is_prepared_stays(data, tmp_path):
    first = prepare("beauty", data, tmp_path / "runs")
    again = prepare("beauty", tmp_path / "nowhere", tmp_path / "runs")
    assert again.path == first.path and again.manifest == first.manifest
    other = prepare("beauty", data, tmp_path / "runs", seed=2)
    assert other.path == store_of(tmp_path / "runs" / "beauty", 2) != first.path
    assert other.events().equals(first.events())


def test_the_week_ranks_what_somebody_bought(data, tmp_path):
    store = prepare("hm-week", data, tmp_path / "runs")
    assert store.catalog().ids == ARTICLES[:3]
    assert sequences(split_of(store)) == {"w1": ARTICLES[:3]}


def test_the_history_has_the_week_behind_it(data, tmp_path):
    store = prepare("hm-history", data, tmp_path / "runs")
    split = pl.read_parquet(tmp_path / "runs" / "hm-history" / "split.parquet")
    evaluated = dict(split.select("user_id", "evaluated").iter_rows())
    assert evaluated == {"h1": True, "h2": False, "w1": False, "w2": False}
    assert len(store.catalog()) == 12 and len(store.split().test) == 1
    trained = {user: [e.product_id for e in events] for user, events in by_user(store.split().train)}
    assert trained == {u: i[:-2] if evaluated[u] else i for u, i in sequences(split).items()}


def test_no_price_tells_what_is_bought_later(data, tmp_path):
    for name in BENCHMARKS:
        assert np.isnan(prepare(name, data, tmp_path / "runs").catalog().numbers("price")).all()


def test_what_cannot_be_prepared_is_told(data, tmp_path):
    with pytest.raises(BenchmarkError, match="benchmark 'ugliness': expected one of beauty, hm-week, hm-history"):
        prepare("ugliness", data, tmp_path / "runs")
    with pytest.raises(ShopError):
        prepare("beauty", tmp_path / "nowhere", tmp_path / "other")
    assert not (tmp_path / "other" / "beauty" / "store").exists()


def ranked(folder, name: str, ranks: list[int], users=("ann", "bob", "dan")) -> None:
    (folder / "ranks").mkdir(exist_ok=True)
    pl.DataFrame({"user_id": list(users), "rank": ranks}).write_parquet(folder / "ranks" / f"{name}.parquet")


def test_the_table_by_hand(data, tmp_path):
    out = tmp_path / "runs"
    prepare("beauty", data, out)
    folder = out / "beauty"
    ranked(folder, "fused.seed1.test", [1, 2, 0])
    ranked(folder, "fused.seed2.test", [1, 1, 0])
    ranked(folder, "sasrec.seed1.test", [12, 0, 1], ("bob", "dan", "ann"))
    ranked(folder, "fused.seed1.validation", [1, 1, 1])
    ranked(folder, "notes", [1, 1, 1])
    found = table("beauty", "test", out)
    # Trained on are b0, b1 of ann, b1 of bob, b2, b0 of dan: all three test targets are cold.
    assert (found["sessions"], found["cold targets"]) == (3, 3) and set(found["systems"]) == {"fused", "sasrec"}
    fused, sasrec = found["systems"]["fused"], found["systems"]["sasrec"]
    # A session's score is its mean over the seeds: ann 1, bob the mean of the second place's and the first's, dan 0.
    second = 1 / np.log2(3)
    assert fused["recall@10"] == pytest.approx(2 / 3) and sasrec["recall@10"] == pytest.approx(1 / 3)
    assert fused["ndcg@10"] == pytest.approx((1 + (second + 1) / 2) / 3) == fused["cold"]["ndcg@10"]
    assert {n: own["ndcg@10"] for n, own in fused["seeds"].items()} == pytest.approx(
        {"1": (1 + second) / 3, "2": 2 / 3}
    )
    against = sasrec["fused against it"]["ndcg@10"]
    # Paired by shopper, whatever the order of a file: ann 1 against 1, bob 2 or 1 against 12, dan neither.
    assert against["all"]["difference"] == pytest.approx((second + 1) / 2 / 3)
    assert "fused against it" not in fused
    assert table("beauty", "validation", out)["systems"].keys() == {"fused"}
    json.dumps(found)


def test_ranks_of_other_shoppers_or_none_are_refused(data, tmp_path):
    out = tmp_path / "runs"
    prepare("beauty", data, out)
    with pytest.raises(BenchmarkError, match="holds no ranks"):
        table("beauty", "test", out)
    ranked(out / "beauty", "fused.seed1.test", [1, 2], ("ann", "bob"))
    with pytest.raises(BenchmarkError, match="ranks of 2 shoppers, expected the 3 of the split"):
        table("beauty", "test", out)


def test_the_peers_are_ranked_before_the_models_are_asked_for(data, tmp_path):
    out = tmp_path / "runs"
    prepare("beauty", data, out)
    with pytest.raises(ShopError, match="shop build"):
        rank("beauty", "test", out=out)
    made = sorted(path.name for path in (out / "beauty" / "ranks").iterdir())
    assert made == [f"{peer}.seed1.test.parquet" for peer in ("item-knn-colors", "item-knn", "popularity")]
    found = table("beauty", "test", out)["systems"]["popularity"]
    # By purchases in training b0 and b1 (two each), b2, then the rest by row. ann has b0 b1 b2: b3 is first. bob has
    # b1 b2: b4 is behind b0 b3. dan has b2 b0 b7: b6 is behind b1 b3 b4 b5.
    assert found["ndcg@10"] == pytest.approx((1 + 1 / np.log2(4) + 1 / np.log2(6)) / 3)


def test_the_table_is_printed_under_the_name_of_its_set(data, tmp_path, capsys):
    prepare("beauty", data, tmp_path)
    ranked(tmp_path / "beauty", "fused.seed1.test", [1, 2, 0])
    assert benchmarks.main(["table", "beauty", "--out", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Amazon Beauty, test: 3 sessions, 3 with a cold target" and lines[4].startswith("| fused |")


def test_the_command_says_what_is_wrong(tmp_path, capsys):
    assert benchmarks.main(["table", "--out", str(tmp_path)]) == 2
    assert "holds no ranks" in capsys.readouterr().err
    assert benchmarks.main(["table", "ugliness", "--out", str(tmp_path)]) == 2
    assert "'ugliness'" in capsys.readouterr().err


def test_beauty_has_the_sizes_its_description_gives(shared_data, tmp_path):
    store = prepare("beauty", shared_data, tmp_path / "runs")
    split = pl.read_parquet(tmp_path / "runs" / "beauty" / "split.parquet")
    assert (len(store.catalog()), len(split), len(store.events())) == (12_101, 22_363, 198_502)
    assert split["evaluated"].all() and split["items"].list.len().min() >= 5
