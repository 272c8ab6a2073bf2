"""Variants really trained on a tiny shop: what each reads and learns from, and that none is trained twice."""

import json
import re
from dataclasses import replace

import polars as pl
import pytest

from shopping_assistant.finetune import ablations, config, falcon_lora, sft_data
from shopping_assistant.finetune.ablation_logs import AblationError, Variant, domains
from shopping_assistant.finetune.falcon_settings import FalconConfig
from shopping_assistant.tools.decoding import load_writer
from shopping_assistant.tools.memory import QueryProductMemory
from shopping_assistant.tools.prompts import RESULTS, word_list
from shopping_assistant.tools.sessions import current_query
from shopping_assistant.tools.store import Store
from tests.finetune.tiny_ablations import settings

FALCONS = ("full", "without-memory", "without-attributes", "without-memory-attributes")
ALL = (*FALCONS, "share-40", "cold", "only-clothing", "only-footwear")


@pytest.fixture(scope="module")
def shop(ablated_shop) -> Store:
    return Store.open(ablated_shop / "shop")


def variant(folder, name: str) -> Store:
    return Store.open(folder / "variants" / name)


def about(folder, name: str) -> dict:
    return json.loads((folder / "variants" / name / ablations.VARIANT).read_text())


def prompts(store: Store) -> str:
    """What the store's Falcon is asked in use, for every withheld purchase that follows a search."""
    writer, memory = load_writer(store.model_dir("recommender")), QueryProductMemory.open(store)
    wording = writer.prompt_writer(store.catalog())
    histories = [e.history for e in store.split().validation if current_query(e.history)]
    found = memory.products([current_query(h) for h in histories], writer.style.memory_products)
    return "".join(wording.input(h, products) for h, products in zip(histories, found, strict=True))


def learned(store: Store) -> list[str]:
    """Lines of the text that the store's Falcon was pre-trained on, by the settings kept beside it."""
    chosen = config.load(store.path / "settings" / "falcon.yaml", FalconConfig)
    writer = load_writer(store.model_dir("recommender"))
    results = sft_data.Results(QueryProductMemory.open(store), chosen.style.memory_products)
    users = sft_data.histories(store.split().train, None, chosen.seed)
    results.learn(e.query for u in users for e in u if e.action == "search")
    p, wording = chosen.pretraining, writer.prompt_writer(store.catalog())
    rows = sft_data.pretraining_rows(
        users, wording, results, writer.tokenizer, p.window, p.full_share, p.results_share, 0, chosen.seed
    )
    return [line for row in rows for line in writer.tokenizer.decode(row).split("\n")]


def test_the_index_names_every_variant_and_how_it_was_trained(ablated_shop, shop):
    index = json.loads((ablated_shop / "variants" / ablations.INDEX).read_text())
    assert index["planned"] == list(index["stores"]) == list(ALL)
    assert index["made_from"] == shop.digest("catalog", "events") and index["budget"] == 60
    assert index["stores"]["share-40"]["share"] == 0.4 and index["stores"]["only-footwear"]["column"] == "group"
    assert all(a["figures"]["validation"]["examples"] and a["seconds"]["core"] >= 0 for a in index["stores"].values())


def test_the_published_ablations_train_alike_and_differ_in_what_they_read(ablated_shop, shop):
    tokens = [about(ablated_shop, name)["figures"]["pretraining"]["tokens"] for name in FALCONS]
    assert max(tokens) - min(tokens) < 1024  # one step: the same budget
    texts = {name: prompts(variant(ablated_shop, name)) for name in FALCONS}
    titles = {w for title in shop.catalog().titles for w in word_list(title)}
    for name, text in texts.items():
        items = re.findall(r"\n(?:click|buy): ?((?:<\w+>)+)([^\n]*)", text)
        words = {w for _, rest in items for w in word_list(rest)}
        assert items and bool(words & titles) == (name in ("full", "without-memory")), name
        assert ("look" in words) == (name in ("full", "without-memory")), name
        assert (RESULTS in text) == (name in ("full", "without-attributes")), name


def test_training_text_leaves_out_the_same(ablated_shop):
    lines = {name: learned(variant(ablated_shop, name)) for name in FALCONS}
    for name, found in lines.items():
        assert any(x.startswith("results:") for x in found) == ("memory" not in name), name
        items = [x for x in found if x.startswith(("click:", "buy:"))]
        described = [x for x in items if word_list(re.sub(r"<[^<>]*>", "", x.partition(":")[2]))]
        assert items and bool(described) == ("attributes" not in name), name
        # The answer has a title in every variant: without it the title road would have nothing to look for.
        assert any(word_list(re.sub(r"<[^<>]*>", "", x.partition(":")[2])) for x in found if x.startswith("recommend:"))


def test_no_variant_learns_what_is_withheld_from_the_shop(ablated_shop, shop):
    """Whatever a variant's store counts as training is training of the shop: its questions stay unseen."""
    own = set(shop.split().train.select("user_id", "timestamp", "action", "product_id").iter_rows())
    for name in ALL:
        train = variant(ablated_shop, name).split().train
        rows = set(train.select("user_id", "timestamp", "action", "product_id").iter_rows())
        assert rows and rows <= own, name
        assert (rows == own) == (name in FALCONS), name


def test_a_smaller_share_of_shoppers_is_part_of_a_larger_one(shop, ablated_shop):
    logs = ablations.ablation_logs.Logs(shop, seed=1, asked=0.3)
    shoppers = [set(logs.of(Variant("s", "low resource", share=s))[0]["user_id"]) for s in (0.1, 0.4, 0.7)]
    assert shoppers[0] < shoppers[1] < shoppers[2] < set(shop.events()["user_id"])
    assert shoppers[1] == set(variant(ablated_shop, "share-40").events()["user_id"])
    assert len(shoppers[0]) == round(0.1 * shop.events()["user_id"].n_unique())


def test_a_withheld_product_leaves_no_trace(ablated_shop, shop):
    withheld = set(about(ablated_shop, "cold")["products"])
    assert len(withheld) == 12
    cold = variant(ablated_shop, "cold")
    log = pl.concat([cold.events(), cold.background()])
    shown = {p for products in log["shown"].to_list() for p in products or ()}
    assert not withheld & (shown | set(log["product_id"])) and shown
    assert withheld & set(shop.split().train["product_id"])
    queries = [q for q in log["query"].unique().to_list() if q]
    remembered = QueryProductMemory.open(cold).products(queries, 10)
    assert any(remembered) and not withheld & {p for products in remembered for p in products}


def test_a_domain_is_learned_from_its_own_products_alone(ablated_shop, shop):
    of = domains(shop, "group")
    store = variant(ablated_shop, "only-footwear")
    log = pl.concat([store.events(), store.background()])
    products = {p for p in log["product_id"] if p} | {p for s in log["shown"].to_list() for p in s or ()}
    assert {of[p] for p in products} == {"footwear"}
    # A search stands only in sessions that clicked or bought one of them.
    with_item = set(log.filter(pl.col("product_id").is_not_null())["session_id"])
    assert set(log["session_id"]) == with_item


def test_what_does_not_differ_takes_no_room_but_the_memory_is_a_copy(ablated_shop, shop):
    store = variant(ablated_shop, "full")
    for name in ("events.parquet", "models/titles/model.safetensors", "models/search/vectors.safetensors"):
        assert (store.path / name).samefile(shop.path / name)
    (index,) = store.memory_dir.glob("*/chroma.sqlite3")
    assert not any(index.samefile(p) for p in shop.memory_dir.glob("*/chroma.sqlite3"))
    assert not variant(ablated_shop, "without-memory").has("memory")
    assert store.damaged() == variant(ablated_shop, "share-40").damaged() == []


def test_finished_variants_are_kept_and_an_interrupted_one_goes_on(ablated_shop, shop, tmp_path, monkeypatch):
    finetune, said = falcon_lora.finetune, []

    def stopped(*arguments, **more):
        raise KeyboardInterrupt

    def train(budget=None, only=("full", "share-40")):
        said.clear()
        return ablations.make(shop, tmp_path / "v", settings(ablated_shop), ablated_shop, budget, only, said.append)

    monkeypatch.setattr(falcon_lora, "finetune", stopped)
    with pytest.raises(KeyboardInterrupt):
        train()
    assert not json.loads((tmp_path / "v" / "full" / ablations.VARIANT).read_text()).get("finished")
    monkeypatch.setattr(falcon_lora, "finetune", finetune)

    def interrupted_between_steps(line):
        said.append(line)
        if line.startswith("share-40: memory"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ablations.make(
            shop, tmp_path / "v", settings(ablated_shop), ablated_shop, None, ["full", "share-40"],
            interrupted_between_steps,
        )  # fmt: skip
    record = json.loads((tmp_path / "v" / "full" / "models" / "recommender" / "run" / "record.json").read_text())
    assert record["resumed"] == 1  # pre-training was not done again
    assert record["figures"]["validation"]["nats_a_target"] == pytest.approx(
        about(ablated_shop, "full")["figures"]["validation"]["nats_a_target"], abs=2e-3
    )
    weights = tmp_path / "v" / "full" / "models" / "recommender" / "model.safetensors"
    made = weights.stat().st_mtime_ns
    index = train()
    assert list(index["stores"]) == ["full", "share-40"] and weights.stat().st_mtime_ns == made
    assert said[0] == "full: kept, trained before with the same settings"
    assert [line.split()[2] for line in said[1:]] == ["fresh", "fresh", "fresh", "made"]
    train()
    assert len(said) == 2 and all("kept" in line for line in said)
    # Another budget asks for another Falcon.
    index = train(budget=30.0, only=["full"])
    assert "full: recommender made" in said[0]
    assert index["stores"]["full"]["figures"]["pretraining"]["tokens"] < 3000 and index["budget"] == 30


def test_tokens_examples_and_minutes_follow_the_log_and_the_budget():
    whole = config.load(config.packaged_config("falcon-ablations"), FalconConfig)
    half = ablations.falcon_of(whole, Variant("v", "ablation", attributes=False, memory=False), 0.5)
    assert half.pretraining.max_tokens == whole.pretraining.max_tokens // 2
    assert half.pretraining.minutes == whole.pretraining.minutes / 2
    assert half.lora.max_examples == whole.lora.max_examples // 2
    assert (half.style.attributes, half.style.full_items, half.style.memory_products) == ((), 0, 0)
    assert (half.pretraining.full_share, half.pretraining.results_share) == (0.0, 0.0)
    assert ablations.falcon_of(whole, Variant("full", "ablation")) == whole


@pytest.mark.parametrize("name", ["ablations.yaml", "ablations-demo.yaml"])
def test_the_packaged_settings_are_read(name):
    found = config.load(config.packaged_config(name), ablations.AblationsConfig)
    assert found.shares == (0.1, 0.25, 0.5) and found.minutes == 60
    assert config.packaged_config(found.falcon).is_file()


def test_what_cannot_be_trained_is_told_with_its_remedy(shop, ablated_shop, tmp_path, capsys):
    chosen = settings(ablated_shop)
    with pytest.raises(AblationError, match="lies in the store"):
        ablations.make(shop, shop.path / "variants", chosen, ablated_shop)
    with pytest.raises(AblationError, match="'no-such': expected one of full"):
        ablations.make(shop, tmp_path / "v", chosen, ablated_shop, only=["no-such"])
    with pytest.raises(AblationError, match="no such column, expected one of category"):
        ablations.planned(shop, replace(chosen, domain="colour of the moon"))
    bare = Store.create(tmp_path / "bare", name="Bare")
    with pytest.raises(AblationError, match="shop build"):
        ablations.make(bare, tmp_path / "v", chosen, ablated_shop)
    with ablations._alone(tmp_path), pytest.raises(AblationError, match="another process"):
        ablations.make(shop, tmp_path, chosen, ablated_shop)
    assert ablations.main(["--store", str(tmp_path / "nowhere")]) == 2
    assert ablations.main(["--store", str(shop.path), "--budget", "0"]) == 2
    assert "no store at" in (told := capsys.readouterr().err) and "--budget 0: expected minutes" in told
    with pytest.raises(config.ConfigError, match="shares of 1"):
        config.from_mapping({"shares": [1.5]}, ablations.AblationsConfig, "ablations.yaml")
