"""Every recipe there is, one real step of each: the packaged settings with sizes shrunk, on a tiny base of the kind."""

from dataclasses import asdict, fields, replace

import pytest
import torch
import yaml

from shopping_assistant.finetune import config, core_ids, falcon, fusion, recformer, session_encoder, title_triplet
from shopping_assistant.finetune.build import STEPS, BuildConfig, build
from shopping_assistant.finetune.falcon import FalconConfig, Shape
from shopping_assistant.finetune.tokenizer import train_tokenizer
from shopping_assistant.tools import demo_shop
from shopping_assistant.tools.decoding import load_writer
from shopping_assistant.tools.item_codes import ItemCodes
from shopping_assistant.tools.sessions import leave_one_out
from shopping_assistant.tools.store import Store

YAMLS = sorted(p.name for p in config.CONFIGS.glob("*.yaml"))
RECIPES = {
    "falcon": (FalconConfig, falcon.train),
    "fused": (fusion.FusionConfig, fusion.train),
    "ids": (core_ids.CoreConfig, core_ids.train),
    # A baseline of the evaluation: one step of it stands in test_recformer.py.
    "recformer": (recformer.RecformerConfig, recformer.train),
    "sessions": (session_encoder.SessionsConfig, session_encoder.train),
    "titles": (title_triplet.TitleConfig, title_triplet.train),
}
SMALL = {"hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4}
# What each published base is built like, at a size that trains in a moment.
SHAPES = {
    "tiiuae/falcon-7b": {"multi_query": True, "alibi": False, "parallel_attn": True, "bias": False},
    "tiiuae/falcon-rw-1b": {"multi_query": False, "alibi": True, "parallel_attn": False, "bias": True},
    "tiiuae/falcon-40b": {"new_decoder_architecture": True, "num_kv_heads": 2, "alibi": False},
    "tiiuae/Falcon3-1B-Base": None,  # a Llama
}


@pytest.fixture(scope="module")
def shop():
    return demo_shop.generate(seed=5, products=40, shoppers=60)


@pytest.fixture
def store(shop, tmp_path) -> Store:
    store = Store.create(tmp_path / "store", name="Tiny", currency="EUR")
    store.write_catalog(shop[0])
    store.write_events(shop[1])
    return store


@pytest.fixture(scope="module")
def bases(tmp_path_factory) -> dict[str, str]:
    """A tiny model of each shape with a tokenizer that never saw this shop's codes, and has no padding token."""
    import numpy as np
    from transformers import FalconConfig as Falcon
    from transformers import FalconForCausalLM, LlamaConfig, LlamaForCausalLM

    texts = ["You recommend fashion. Write the id of the product, then its title, nothing else.", "a red wool scarf"]
    tokenizer = train_tokenizer(texts, ItemCodes(np.array([[0]]), 1), 300)
    tokenizer.pad_token = None
    found = {}
    for name, shape in SHAPES.items():
        torch.manual_seed(0)
        ends = {"vocab_size": len(tokenizer), "eos_token_id": tokenizer.eos_token_id, "bos_token_id": None}
        if shape is None:
            made = LlamaConfig(**SMALL, **ends, intermediate_size=128, num_key_value_heads=2)
            model = LlamaForCausalLM(made)
        else:
            model = FalconForCausalLM(Falcon(**SMALL, **ends, **shape))
        folder = tmp_path_factory.mktemp("base")
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        found[name] = str(folder)
    return found


def shrunk(settings, bases: dict[str, str]):
    """The same recipe on next to nothing: what it does stays, how much of it goes."""
    if isinstance(settings, FalconConfig):
        tiny = Shape(hidden=32, layers=1, heads=2, vocabulary=300, positions=settings.shape.positions)
        # One step of each phase: half of four prompts in a row or two each.
        lora = replace(
            settings.lora, rank=2, max_examples=4, hard_share=settings.lora.hard_share and 0.5, hard_epochs=1
        )
        pretraining = replace(settings.pretraining, max_tokens=1, users=8, facts=4)
        base = settings.base and bases[settings.base]
        return replace(settings, base=base, shape=tiny, pretraining=pretraining, lora=lora, validation=2)
    few = {"epochs": 1, "batch": 4096, "vocabulary": 300, "max_pairs": 200, "max_title_views": 100, "mining_pool": 200}
    return replace(settings, **{k: v for k, v in few.items() if k in {f.name for f in fields(settings)}})


def recipe_of(name: str):
    return next(recipe for kind, recipe in RECIPES.items() if name.startswith(kind))


def test_every_settings_file_belongs_to_a_recipe():
    assert all(name.startswith((*RECIPES, "build", "ablations")) for name in YAMLS)


@pytest.mark.parametrize("name", [name for name in YAMLS if name.startswith("falcon")])
def test_one_step_of_each_falcon_recipe(name, store, bases):
    published = config.load(config.packaged_config(name), FalconConfig)
    settings = shrunk(published, bases)
    figures = falcon.train(store, settings)
    phases = ["pretraining"] * (published.base is None) + ["finetuning"]
    assert all(figures[phase]["steps"] == 1 for phase in phases)
    assert ("hard_rounds" in figures["finetuning"]) == (published.lora.hard_share > 0)
    folder = store.model_dir("recommender")
    assert (folder / "adapter").is_dir() == (published.base is not None)
    writes(store)


def test_one_step_on_a_base_of_the_new_decoder_saves_an_adapter_that_names_it(store, bases):
    published = config.load(config.packaged_config("falcon-7b-24gb"), FalconConfig)
    base = bases["tiiuae/falcon-40b"]
    figures = falcon.train(store, replace(shrunk(published, bases), base=base))
    assert figures["finetuning"]["steps"] == 1 and figures["base"] == base
    adapter = yaml.safe_load((store.model_dir("recommender") / "adapter" / "adapter_config.json").read_text())
    assert adapter["base_model_name_or_path"] == base
    writes(store)


def writes(store: Store) -> None:
    """What was saved answers with a product of this shop."""
    writer = load_writer(store.model_dir("recommender"))
    catalog = store.catalog()
    history = leave_one_out(store.events()).test[0].history
    written = writer.write([writer.prompt_writer(catalog).input(history)], beams=3)
    assert len(written[0].candidates) == 3 and 0 <= written[0].index < len(catalog)


@pytest.mark.parametrize("name", [name for name in YAMLS if name.startswith(("ids", "titles"))])
def test_one_epoch_of_each_embedding_recipe(name, store, bases):
    settings, train = recipe_of(name)
    if name.startswith("ids"):  # products without events stand where their titles do
        title_triplet.train(store, shrunk(title_triplet.TitleConfig(), bases))
    assert train(store, shrunk(config.load(config.packaged_config(name), settings), bases))
    assert any(f.suffix == ".safetensors" for f in store.model_dir(name.split("-")[0].split(".")[0]).iterdir())


@pytest.mark.parametrize("name", [name for name in YAMLS if name.startswith("build")])
def test_a_whole_build_with_the_recipes_it_names(name, store, bases, tmp_path):
    chosen = config.load(config.packaged_config(name), BuildConfig)
    for file in asdict(chosen).values():
        settings = shrunk(config.load(config.packaged_config(file), recipe_of(file)[0]), bases)
        (tmp_path / file).write_text(yaml.safe_dump(plain(asdict(settings))))
    (tmp_path / name).write_text(config.packaged_config(name).read_text())
    reports = {r.name: r.outcome for r in build(store, config_path=tmp_path / name)}
    assert reports == dict.fromkeys(STEPS, "made") | {"fit": "skipped", "images": "skipped"}


def plain(value):
    """Tuples as the lists that YAML has."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, tuple | list) else value


def test_shrinking_leaves_what_a_recipe_does(bases):
    settings = config.load(config.packaged_config("falcon-7b-24gb"), FalconConfig)
    small = shrunk(settings, bases).lora
    for name in ("quantize", "gradient_checkpointing", "window", "rows_at_once", "attention", "compute", "train_codes"):
        assert getattr(small, name) == getattr(settings.lora, name)
