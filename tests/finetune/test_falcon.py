"""The Falcon recipe: it learns a planted pattern, on the response alone, and goes on where it was stopped."""

import csv
import json
import random
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import torch

from shopping_assistant.finetune import config, falcon, falcon_base, falcon_lora
from shopping_assistant.finetune.config import ConfigError
from shopping_assistant.finetune.falcon import FalconConfig, ItemIds, Lora, Pretraining, Shape
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.decoding import load_writer
from shopping_assistant.tools.prompts import PromptError, PromptStyle
from shopping_assistant.tools.sessions import Event, frame_of, leave_one_out
from shopping_assistant.tools.store import Store

COLORS = "black white red blue".split()
KINDS = "boots scarf dress".split()
PRODUCTS = [Product(f"p{i}", f"{COLORS[i % 4]} {KINDS[i // 4]}", color=COLORS[i % 4]) for i in range(12)]
TINY = FalconConfig(
    shape=Shape(hidden=64, layers=2, heads=2, vocabulary=400, positions=512),
    pretraining=Pretraining(
        max_tokens=120_000, minutes=2, epochs=30, window=128, batch_tokens=512, rate=1e-2, full_share=0.6
    ),
    lora=Lora(rank=8, alpha=8, rate=2e-3, epochs=4, max_examples=300, minutes=1, batch_tokens=1024, hard_share=0.2),
    style=PromptStyle(attributes=(), full_items=0),
    prompt_tokens=128,
    title_tokens=8,
    validation=100,
    seed=3,
)


def follows(product: int) -> int:
    """The planted pattern: what is bought after what."""
    return (product + 5) % 12


@pytest.fixture(scope="module")
def planted(tmp_path_factory) -> Store:
    """300 shoppers who buy along the planted pattern."""
    draw = random.Random(1)
    start = datetime(2025, 3, 1, tzinfo=UTC)
    events = []
    for user in range(300):
        product = draw.randrange(12)
        for step in range(draw.randrange(4, 10)):
            when = start + timedelta(days=step, minutes=user)
            events.append(Event(f"s{user}", f"u{user}", when, "purchase", product_id=f"p{product}"))
            product = follows(product)
    store = Store.create(tmp_path_factory.mktemp("planted") / "store", name="Planted")
    store.write_catalog(Catalog.from_products(PRODUCTS))
    store.write_events(frame_of(events))
    return store


@pytest.fixture(scope="module")
def trained(planted) -> tuple[Store, dict]:
    told = []
    figures = falcon.train(planted, TINY, progress=lambda done, total: told.append(done / total))
    assert told == sorted(told) and told[-1] == 1.0
    return planted, figures


def test_it_learns_a_planted_pattern(trained):
    figures = trained[1]["validation"]
    # One of 12 products by chance; the pattern decides every purchase.
    assert figures["exact_id"] > 0.6
    assert figures["ndcg@10"] > 0.75
    assert figures["malformed"] < 0.05
    assert figures["nats_a_target"] < 2.0


def test_what_is_saved_serves_alone_and_writes_the_title_of_its_id(trained):
    store, figures = trained
    folder = store.model_dir("recommender")
    saved = {f.name for f in folder.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "codes.safetensors", "prompt.json"} <= saved
    assert not (folder / "adapter").exists()  # without a base there is nothing to put it on
    assert not [f for f in folder.rglob("*") if f.suffix in (".bin", ".pt", ".pkl")]
    assert json.loads((folder / "config.json").read_text())["model_type"] == "falcon"
    writer = load_writer(folder)
    catalog = store.catalog()
    wording = writer.prompt_writer(catalog)
    withheld = leave_one_out(store.events()).test[:60]
    written = writer.write([wording.input(e.history) for e in withheld])
    right = sum(catalog.ids[w.index] == e.target for w, e in zip(written, withheld, strict=True))
    assert right > 36
    assert sum(w.title == catalog.titles[w.index] for w in written) > 50
    assert figures["codes_free"] == writer.codes.free
    assert store.made_by("recommender")["figures"] == figures


def test_bare_ids_learn_the_pattern_with_fewer_tokens_and_a_background_is_read_too(planted, tmp_path):
    log = planted.events()
    behind = log.filter(log["user_id"].str.strip_prefix("u").cast(int) >= 150)
    store = Store.create(tmp_path / "store", name="Planted")
    store.write_catalog(planted.catalog())
    store.write_events(log.join(behind, on="user_id", how="anti"), background=behind)
    bare = replace(
        TINY.pretraining, max_tokens=60_000, full_share=0.0, facts=0, asked_share=0.5, answer_titles=0.1,
        instruction_share=0.2, learn_markers=False, shuffled=True, kin_share=0.03, dropout=0.05, log_times=2,
    )  # fmt: skip
    ids = ItemIds(attributes=1.0, titles="words")
    config = replace(TINY, pretraining=bare, ids=ids, lora=replace(TINY.lora, max_examples=40, hard_share=0.0))
    figures = falcon.train(store, config)
    # 150 shoppers of the log twice, those of the background once and whole.
    assert figures["pretraining"]["users"] == 450
    assert figures["validation"]["examples"] == 100
    assert figures["validation"]["ndcg@10"] > 0.75


def test_what_each_part_of_the_run_did_is_measured(trained):
    figures = trained[1]
    assert set(figures["malformed"]) == {"before_finetuning", "before_hard_rounds", "after_hard_rounds"}
    assert all(0 <= share < 0.2 for share in figures["malformed"].values())
    stages = {stage: found["nats_a_target"] for stage, found in figures["finetuning"]["stages"].items()}
    assert figures["finetuning"]["kept"] == min(stages, key=stages.get)
    # What was saved is that stage: its figure comes out again from the merged weights, rounded to 16 bits.
    assert figures["validation"]["nats_a_target"] == pytest.approx(min(stages.values()), abs=0.05)
    hard = figures["finetuning"]["hard_rounds"]
    assert hard["examples"] == 60 and hard["tokens"] > 2 * 60
    # The fifth that is learned again is the one with the highest perplexity.
    assert hard["perplexity"]["0.75"] <= hard["lowest_perplexity_taken"] <= hard["perplexity"]["0.9"]
    before, after = figures["lora_adds"]["before"], figures["lora_adds"]["after"]
    assert before["examples"] == after["examples"] == 100
    assert after["ndcg@10"] > before["ndcg@10"] - 0.05


def test_the_run_leaves_its_record_beside_the_model(trained):
    store, figures = trained
    run = store.model_dir("recommender") / "run"
    record = json.loads((run / "record.json").read_text())
    assert record["figures"] == figures
    assert record["config"]["lora"]["rank"] == 8 and record["config"]["seed"] == 3
    assert record["data"] == {
        "digest": store.digest("catalog", "events"), "products": 12, "events": len(store.events()), "examples": 300
    }  # fmt: skip
    assert record["resumed"] == 0 and record["started"] <= record["ended"]
    assert list(record["tokens_per_second"]) == ["pretraining", "finetuning", "hard rounds"]
    points = curve_of(store)
    assert list(dict.fromkeys(p["phase"] for p in points)) == list(record["tokens_per_second"])
    assert sum(p["phase"] == "pretraining" for p in points) == figures["pretraining"]["steps"]
    assert (run / "loss.png").stat().st_size > 1000


def curve_of(store: Store) -> list[dict]:
    with (store.model_dir("recommender") / "run" / "loss.csv").open(newline="") as file:
        return list(csv.DictReader(file))


class Killed(Exception):
    pass


def kill_after(share: float):
    """A progress callback that ends the run as a crash would, at a step past this share of it."""

    def progress(done: int, total: int) -> None:
        if done / total > share:
            raise Killed

    return progress


def test_a_run_killed_in_every_phase_ends_as_one_that_was_not(planted, tmp_path):
    lora = Lora(rank=4, dropout=0.3, rate=1e-3, max_examples=80, minutes=1, batch_tokens=512, hard_share=0.5,
                hard_epochs=2)  # fmt: skip
    config = replace(
        TINY,
        shape=Shape(hidden=32, layers=1, heads=2, vocabulary=300, positions=512),
        pretraining=replace(TINY.pretraining, max_tokens=6000, minutes=1),
        lora=lora,
        validation=10,
        save_minutes=0.0,
    )
    stores = [Store.open(shutil.copytree(planted.path, tmp_path / name)) for name in ("whole", "killed")]
    falcon.train(stores[0], config)
    # The phases' shares of the run follow from their minutes: pre-training to 0.485, fine-tuning to 0.72.
    for share in (0.25, 0.6, 0.83):
        with pytest.raises(Killed):
            falcon.train(stores[1], config, progress=kill_after(share))
    falcon.train(stores[1], config)
    curves = [[{k: v for k, v in point.items() if k != "seconds"} for point in curve_of(s)] for s in stores]
    assert curves[0] == curves[1]
    assert {p["phase"] for p in curves[0]} == {"pretraining", "finetuning", "hard rounds"}
    weights = [(s.model_dir("recommender") / "model.safetensors").read_bytes() for s in stores]
    assert weights[0] == weights[1]
    record = json.loads((stores[1].model_dir("recommender") / "run" / "record.json").read_text())
    assert record["resumed"] == 3
    assert not list((stores[1].path / "checkpoints").glob("*"))


def test_a_published_base_by_folder_takes_the_same_road(trained, tmp_path):
    """A base that never saw the codes learns them as new tokens, through LoRA and their embeddings."""
    from transformers import FalconConfig as Architecture
    from transformers import FalconForCausalLM, PreTrainedTokenizerFast

    trained_by = load_writer(trained[0].model_dir("recommender")).tokenizer
    plain = PreTrainedTokenizerFast(
        tokenizer_object=type(trained_by.backend_tokenizer).from_str(trained_by.backend_tokenizer.to_str()),
        eos_token=trained_by.eos_token,
    )
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "eos_token_id": plain.eos_token_id}
    FalconForCausalLM(Architecture(vocab_size=len(plain), **shape)).save_pretrained(tmp_path)
    plain.save_pretrained(tmp_path)
    store = trained[0]
    lora = Lora(rate=1e-2, max_examples=60, train_codes=True, hard_share=0.2, minutes=0.2)
    config = replace(TINY, base=str(tmp_path), lora=lora, validation=20, ids=ItemIds("random", base=16))
    figures = falcon.train(store, config)
    assert figures["ids"] == "random" and figures["code_base"] == 16
    assert "pretraining" not in figures
    assert figures["finetuning"]["examples"] == 60
    assert figures["validation"]["examples"] == 20


def test_a_base_that_is_not_there_is_said(planted, tmp_path):
    with pytest.raises(falcon_base.BaseModelError, match="cannot be loaded"):
        falcon.train(planted, replace(TINY, base=str(tmp_path / "nowhere")))


def test_weights_that_cannot_be_read_are_said(trained, tmp_path):
    base = tmp_path / "base"
    shutil.copytree(trained[0].model_dir("recommender"), base)
    weights = base / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(falcon_base.BaseModelError, match="cannot be loaded"):
        falcon_base.load(str(base), 400, TINY.lora, torch.device("cpu"))


def test_a_budget_without_room_for_a_prompt_is_told_before_anything_is_trained(planted):
    told = []
    with pytest.raises(PromptError, match="prompt budget 3: expected at least"):
        falcon.train(planted, replace(TINY, prompt_tokens=3), progress=lambda done, total: told.append(done / total))
    assert max(told) < 0.1


CONTRADICTIONS = {
    "lora: {quantize: int3}": "expected nf4 or null",
    "lora: {quantize: nf4}": "name a base to quantise",
    "prompt_tokens: 500": "lora.window: got 512, expected at least 527",
    "lora: {window: 1024, batch_tokens: 512}": "at least one row of window",
    "lora: {window: 2048, batch_tokens: 4096}": "shape.positions: got 1024, expected at least the longest window, 2048",
    "lora: {attention: flash_attention_2}": "expected eager",
    "lora: {hard_share: 1.5}": "hard_share: got 1.5, expected 0 or more and less than 1",
    "validation: 0": "validation: got 0, expected 1 or more",
    "seed: -1": "seed: got -1, expected 0 or more",
    "seed: 9999999999": "seed: got 9999999999, expected at most 2147483648",
    "save_minutes: -1": "save_minutes: got -1",
    "pretraining: {users: -3}": "users: got -3, expected 1 or more",
    "pretraining: {log_times: 0}": "log_times: got 0, expected 1 or more",
    "pretraining: {answer_titles: 1.5}": "answer_titles: got 1.5, expected 0 to 1",
    "pretraining: {kin_share: 1}": "kin_share: got 1.0, expected 0 or more and less than 1",
    "ids: {attributes: -1}": "attributes: got -1.0, expected 0 or more",
    "pretraining: {facts: -1}": "facts: got -1, expected 0 or more",
    "pretraining: {weight_decay: -0.1}": "weight_decay: got -0.1, expected 0 or more",
    "lora: {attention: fast}": "expected one of eager, sdpa, flash_attention_2",
    "ids: {kind: best}": "expected one of joint, family, semantic, balanced",
    "shape: {hidden: 100, heads: 8}": "expected a multiple of 16",
}


@pytest.mark.parametrize("text", CONTRADICTIONS)
def test_settings_that_contradict_each_other_are_refused(tmp_path, text):
    path = tmp_path / "run.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=CONTRADICTIONS[text]):
        config.load(path, FalconConfig)


def test_the_last_adapter_is_kept_where_the_settings_say_so_and_without_validation():
    stages = {"before_finetuning": 3.0, "before_hard_rounds": 2.0, "after_hard_rounds": 2.5}
    measured = {stage: {"nats_a_target": nats} for stage, nats in stages.items()}
    assert falcon_lora._kept(measured, "best") == "before_hard_rounds"
    assert falcon_lora._kept(measured, "last") == "after_hard_rounds"
    assert falcon_lora._kept({s: {"nats_a_target": None} for s in stages}, "best") == "after_hard_rounds"
