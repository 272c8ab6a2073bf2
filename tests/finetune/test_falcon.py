"""The Falcon recipe: it learns a planted pattern, on the response alone, and goes on where it was stopped."""

import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import torch

from shopping_assistant.finetune import config, falcon, falcon_base
from shopping_assistant.finetune.config import ConfigError
from shopping_assistant.finetune.falcon import FalconConfig, Lora, Pretraining, Shape
from shopping_assistant.finetune.fitting import Checkpoint, Plan, Step, fit
from shopping_assistant.finetune.sft_data import Pair
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.decoding import load_writer
from shopping_assistant.tools.prompts import PromptStyle
from shopping_assistant.tools.sessions import Event, frame_of, leave_one_out
from shopping_assistant.tools.store import Store

COLORS = "black white red blue".split()
KINDS = "boots scarf dress".split()
PRODUCTS = [Product(f"p{i}", f"{COLORS[i % 4]} {KINDS[i // 4]}", color=COLORS[i % 4]) for i in range(12)]
TINY = FalconConfig(
    shape=Shape(hidden=64, layers=2, heads=2, vocabulary=400, positions=512),
    pretraining=Pretraining(max_tokens=180_000, minutes=2, epochs=30, window=128, batch_tokens=512, rate=1e-2),
    lora=Lora(rank=8, alpha=8, rate=1e-3, max_examples=300, minutes=1, batch_tokens=1024),
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
    assert (folder / "adapter" / "adapter_model.safetensors").is_file()
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


def test_the_loss_is_on_the_response_alone(trained):
    writer = load_writer(trained[0].model_dir("recommender"))
    model = writer.model
    pairs = [Pair((5, 6, 7, 8), (9, 10)), Pair((5, 6), (9, 10, 11))]
    losses, rows = falcon.response_losses(model, pairs, torch.device("cpu"))
    assert rows.tolist() == [0, 0, 1, 1, 1]
    for pair, mine in ((pairs[0], losses[:2]), (pairs[1], losses[2:])):
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            logits = model(input_ids=torch.tensor([[*pair.prompt, *pair.response]])).logits[0].float().log_softmax(-1)
        expected = [-logits[len(pair.prompt) - 1 + i, token] for i, token in enumerate(pair.response)]
        assert mine.tolist() == pytest.approx([float(e) for e in expected], abs=0.1)


def test_a_phase_goes_on_where_it_was_stopped(tmp_path):
    def run(checkpoint: Checkpoint, until: int, save_minutes: float) -> torch.Tensor:
        torch.manual_seed(0)
        layer = torch.nn.Linear(4, 1)
        data = torch.randn(40, 4)

        def steps():
            for at in range(until):
                yield Step((0, at), 1, lambda at=at: (layer(data[at]) - data[at].sum()).square().mean())

        plan = Plan(rate=0.05, total=40, minutes=10)
        fitted = fit("phase", dict(layer.named_parameters()), steps(), plan, checkpoint, save_minutes)
        assert fitted.steps == until
        return torch.cat([p.detach().flatten() for p in layer.parameters()])

    whole = run(Checkpoint(tmp_path / "a", "key"), 40, 10)
    run(Checkpoint(tmp_path / "b", "key"), 25, 0.0)
    assert torch.allclose(run(Checkpoint(tmp_path / "b", "key"), 40, 10), whole, atol=1e-6)
    Checkpoint(tmp_path / "b", "another key")
    assert not (tmp_path / "b").exists()


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
    figures = falcon.train(store, replace(TINY, base=str(tmp_path), lora=lora, validation=20, code_base=16))
    assert "pretraining" not in figures
    assert figures["finetuning"]["examples"] == 60
    assert figures["validation"]["examples"] == 20


def test_a_base_that_is_not_there_is_said(planted, tmp_path):
    with pytest.raises(falcon_base.BaseModelError, match="cannot be loaded"):
        falcon.train(planted, replace(TINY, base=str(tmp_path / "nowhere")))


def test_every_published_run_loads_and_says_what_was_published():
    for name in ("falcon-demo", "falcon-shop", "falcon-7b"):
        assert isinstance(config.load(config.packaged_config(name), FalconConfig), FalconConfig)
    published = config.load(config.packaged_config("falcon-7b"), FalconConfig)
    assert published.base == "tiiuae/falcon-7b"
    lora = published.lora
    assert (lora.rank, lora.alpha, lora.dropout, lora.rate, lora.epochs) == (16, 16, 0.05, 2e-5, 1)
    assert lora.quantize == "nf4"


def test_unknown_quantisation_is_refused(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("lora: {quantize: int3}")
    with pytest.raises(ConfigError, match="expected nf4 or null"):
        config.load(path, FalconConfig)
