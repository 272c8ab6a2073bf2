"""The replay of trained variants: every list against its own definition, the JSON that a report reads, what is kept."""

import json
import shutil

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from shopping_assistant.eval import ablations
from shopping_assistant.eval.ablation_ranks import SPLITS
from shopping_assistant.eval.ablations import ABLATIONS, AblationReplayError, replay_ablations
from shopping_assistant.eval.metrics import scores_of_ranks
from shopping_assistant.eval.protocol import Protocol, questions
from shopping_assistant.tools.mixup import MixupSettings, mix
from shopping_assistant.tools.recommender import Recommender
from shopping_assistant.tools.search import load_vectors
from shopping_assistant.tools.sentence_encoder import SentenceEncoder
from shopping_assistant.tools.sessions import current_query
from shopping_assistant.tools.store import Store
from shopping_assistant.ui.cli import app
from tests.finetune.tiny_ablations import WEIGHTS

METRICS = {"recall@10", "ndcg@10", "mrr@10", "mrr"}


@pytest.fixture(scope="module")
def shop(ablated_shop) -> Store:
    return Store.open(ablated_shop / "shop")


@pytest.fixture(scope="module")
def replayed(ablated_shop, shop, tmp_path_factory):
    """(what a replay returned, its folder)"""
    out = tmp_path_factory.mktemp("results")
    return replay_ablations(shop, out, ablated_shop / "variants", part="validation", sample=24), out


def ranks(replayed, name: str) -> pl.DataFrame:
    return pl.read_parquet(replayed[1] / "ablations" / "ranks" / f"{name}.parquet")


def test_the_table_has_every_published_variant_in_both_retrievals(replayed):
    table = json.loads((replayed[1] / "ablations" / "ablations.json").read_text())
    assert table == json.loads(json.dumps(replayed[0]["ablations"]))
    assert table["missing"] == [] and table["protocol"]["part"] == "validation" and table["seconds"] >= 0
    for key in ("variants", "variants_published_list"):
        assert list(table[key]) == [a.name for a in ABLATIONS] and len(table[key]) == 8
        for name, row in table[key].items():
            assert METRICS | {"ci95", "sessions"} == set(row["figures"]) and row["says"]
            assert row["figures"]["sessions"] == table["sessions"] == 24
            if name == "full":
                assert row["difference"] is row["p"] is row["published"] is None
                continue
            whole = table[key]["full"]["figures"]["ndcg@10"]
            assert row["published"] == "worse" and row["moved"] in ("worse", "better", "same")
            assert row["difference"] == pytest.approx(row["figures"]["ndcg@10"] - whole)
            assert row["p"] <= row["p_adjusted"] <= 1
    assert table["retrieval"]["published"]["m"] == 1 and table["retrieval"]["shop"]["query_weight"] == 2
    for key in ("mixup_sweep", "mixup_sweep_shop"):
        assert [point["m"] for point in table[key]] == list(SPLITS)
        assert all(set(point) >= METRICS and set(point["ci95"]) == METRICS for point in table[key])
    assert set(table["trained"]) == {a.store for a in ABLATIONS}


def test_the_figures_are_those_of_the_ranks_kept(replayed):
    table = replayed[0]["ablations"]
    for key, lists in (("variants", "shop"), ("variants_published_list", "published")):
        for a in ABLATIONS:
            found = scores_of_ranks(ranks(replayed, a.store)[f"{lists} {a.road}"].to_numpy())
            assert {m: float(v.mean()) for m, v in found.items()}.items() <= table[key][a.name]["figures"].items()


def test_every_variant_is_asked_the_same_sessions_of_the_shop(replayed, shop):
    split = shop.split()
    asked = questions(shop.events(), Protocol(part="validation"), split.train, split).examples
    known = {(e.session_id, e.user_id) for e in asked}
    first = ranks(replayed, "full").select("session_id", "user_id")
    assert set(first.iter_rows()) <= known and len(first) == 24
    for name in ("without-memory", "without-attributes", "without-memory-attributes", "share-40"):
        assert ranks(replayed, name).select("session_id", "user_id").equals(first)


def test_each_list_is_what_its_name_says(replayed, shop, ablated_shop):
    """Ranks by sorting all scores of the recommender and of the encoder, one session after the other."""
    kept = ranks(replayed, "full")
    split = shop.split()
    asked = {
        e.session_id: e for e in questions(shop.events(), Protocol(part="validation"), split.train, split).examples
    }
    catalog = shop.catalog()
    recommender = Recommender.open(Store.open(ablated_shop / "variants" / "full"))
    sentences, table = SentenceEncoder.load(), load_vectors(shop.model_dir("search"))
    differs = 0
    for row in kept.head(8).iter_rows(named=True):
        example = asked[row["session_id"]]
        bought = [catalog.index(e.product_id) for e in example.history if e.action == "purchase"]
        mask = np.ones(len(catalog), dtype=bool)
        mask[bought] = False
        target = catalog.index(example.target)
        roads = recommender.roads([example.history], [mask])
        query = current_query(example.history)
        looked = sentences.encode([roads.written_titles[0]])
        for name, s in (("shop", WEIGHTS), ("published", MixupSettings())):
            by_id, by_title = roads.by_id(s.session_weight), roads.by_title(s.query_weight)
            vector = looked + (s.query_weight * sentences.encode([query]) if query else 0)
            by_text = np.where(mask, vector / np.linalg.norm(vector) @ table.T, -np.inf).astype(np.float32)
            expected = {"id": by_id, "title": by_title, "mixup": mix(by_id, by_title, s.m, s.id_weight)}
            expected |= {f"m={m}": mix(by_id, by_title, m, s.id_weight) for m in (0, 3)}
            for road, scores in expected.items():
                order = sorted(range(len(catalog)), key=lambda i, of=scores[0]: (-of[i], i))
                assert order.index(target) + 1 == row[f"{name} {road}"], (name, road)
            by_rank = np.argsort(-mix(by_id, by_text, s.m, s.id_weight)[0], kind="stable").tolist()
            assert abs(by_rank.index(target) + 1 - row[f"{name} text"]) <= 1  # batches of one length round otherwise
            differs += row[f"{name} text"] != row[f"{name} mixup"]
    assert differs


def test_the_sweep_runs_from_the_title_list_to_the_id_list(replayed):
    kept = ranks(replayed, "full")
    assert kept["published m=0"].to_list() == kept["published title"].to_list()
    assert kept["published m=1"].to_list() == kept["published mixup"].to_list()
    first_ten = kept.filter(pl.col("published id") <= 10)
    assert first_ten["published m=10"].to_list() == first_ten["published id"].to_list()


def test_the_settings_have_what_a_report_draws(replayed, shop, ablated_shop):
    found = json.loads((replayed[1] / "ablations" / "settings.json").read_text())
    assert [row["share"] for row in found["low_resource"]] == [0.4, 1.0]
    names = {"mixup", "id", "title", "mixup-published", "popularity", "item-knn"}
    assert all(set(row["systems"]) == names for row in found["low_resource"])
    pairs = {(row["trained_on"], row["tested_on"]): row["systems"] for row in found["zero_shot"]}
    sources = ("clothing", "footwear", "all", "none")
    assert set(pairs) == {(a, b) for a in sources for b in ("clothing", "footwear")}
    assert set(pairs["none", "footwear"]) == {"search"} and set(pairs["clothing", "footwear"]) == names
    asked = {(row["tested_on"], f["sessions"]) for row in found["zero_shot"] for f in row["systems"].values()}
    assert asked == {("clothing", 12), ("footwear", 7)}  # half of the sample, and all there are
    cold = found["cold_start"]
    assert cold["withheld_products"] == 12 and {"mixup", "search", "mixup, trained on all"} <= set(cold["systems"])
    assert all(set(groups) == {"cold items", "warm items"} for groups in cold["systems"].values())
    assert found["trained"]["cold"]["proportion"] < 1


def test_zero_shot_ranks_within_the_targets_kind_and_cold_targets_are_withheld_ones(replayed, shop, ablated_shop):
    split = shop.split()
    asked = {
        e.session_id: e for e in questions(shop.events(), Protocol(part="validation"), split.train, split).examples
    }
    groups = dict(zip(shop.catalog().ids, shop.catalog().cells("group"), strict=True))
    kept = ranks(replayed, "only-clothing")
    for row in kept.iter_rows(named=True):
        target = asked[row["session_id"]].target
        assert groups[target] == row["group"]
        assert 1 <= row["shop mixup"] <= sum(g == row["group"] for g in groups.values())
    about = json.loads((ablated_shop / "variants" / "cold" / "variant.json").read_text())
    for row in ranks(replayed, "cold").iter_rows(named=True):
        assert (asked[row["session_id"]].target in about["products"]) == (row["group"] == "cold items")
    # Nobody bought a withheld product in that training: popularity knows nothing of it.
    cold = ranks(replayed, "cold").filter(pl.col("group") == "cold items")
    assert cold["popularity"].min() > 30


def test_ranks_that_are_there_are_scored_again_and_others_made(replayed, shop, ablated_shop, tmp_path):
    out = tmp_path / "again"
    shutil.copytree(replayed[1], out)
    kept = out / "ablations" / "ranks"
    (kept / "cold.parquet").unlink()  # an interruption before this one was whole
    times = {p.name: p.stat().st_mtime_ns for p in kept.glob("*.parquet")}
    told = []
    again = replay_ablations(
        shop, out, ablated_shop / "variants", part="validation", sample=24, progress=lambda *at: told.append(at)
    )
    assert {p.name: p.stat().st_mtime_ns for p in kept.glob("*.parquet") if p.name in times} == times
    assert (kept / "cold.parquet").is_file() and told[-1][0] == told[-1][1]
    for name in ("ablations", "settings"):
        left = ("seconds", "command")
        assert {k: v for k, v in again[name].items() if k not in left} == {
            k: v for k, v in replayed[0][name].items() if k not in left
        }


def test_what_is_not_trained_yet_is_said_and_the_rest_replayed(replayed, shop, ablated_shop, tmp_path):
    variants = tmp_path / "variants"
    variants.mkdir()
    for name in ("full", "share-40"):
        (variants / name).symlink_to(ablated_shop / "variants" / name)
    index = json.loads((ablated_shop / "variants" / "ablations.json").read_text())
    index["stores"] = {name: about for name, about in index["stores"].items() if name in ("full", "share-40")}
    (variants / "ablations.json").write_text(json.dumps(index))
    found = replay_ablations(shop, tmp_path / "out", variants, part="validation", sample=10)
    table = found["ablations"]
    assert list(table["variants"]) == [
        "full",
        "without-title-embedding",
        "without-id-embedding",
        "general-text-encoder",
    ]
    assert "cold" in table["missing"] and found["settings"]["zero_shot"] == []
    assert found["settings"]["cold_start"] == {"systems": {}, "withheld_products": 0}
    assert "not trained yet: without-memory," in ablations.as_text(found)


def test_variants_of_nothing_or_of_another_log_are_refused(shop, ablated_shop, small_store, tmp_path):
    with pytest.raises(AblationReplayError, match="make ablations STORE="):
        replay_ablations(shop, tmp_path / "out", tmp_path)
    with pytest.raises(AblationReplayError, match="another catalogue or log"):
        replay_ablations(small_store, tmp_path / "out", ablated_shop / "variants")
    index = json.loads((ablated_shop / "variants" / "ablations.json").read_text())
    (tmp_path / "ablations.json").write_text(json.dumps({**index, "stores": {}}))
    with pytest.raises(AblationReplayError, match="no finished variant 'full'"):
        replay_ablations(shop, tmp_path / "out", tmp_path)
    assert not (tmp_path / "out").exists()


def test_the_command_prints_the_table_and_refuses_what_contradicts(replayed, shop, ablated_shop):
    asked = ["replay", "--store", str(shop.path), "--ablations", "--variants", str(ablated_shop / "variants")]
    more = ["--part", "validation", "--sample", "24", "--out", str(replayed[1])]
    told = CliRunner().invoke(app, [*asked, *more])
    assert told.exit_code == 0, told.output
    assert "| without-memory-id-attributes |" in told.output and "| clothing → footwear |" in told.output
    refused = CliRunner().invoke(app, [*asked, *more, "--candidates", "category", "--system", "id"])
    assert isinstance(refused.exception, AblationReplayError)
    assert "--ablations with --system, --candidates" in str(refused.exception)
    assert "--out" in str(CliRunner().invoke(app, asked).exception)
