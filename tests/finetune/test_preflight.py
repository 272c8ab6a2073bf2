"""What would stop a run later is said first, in one sentence; and the estimates are those of a real run."""

import json
import os
import subprocess
import sys
from collections import namedtuple
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import torch

from shopping_assistant.finetune import falcon_base, item_ids, needs, preflight
from shopping_assistant.finetune.falcon_settings import FalconConfig, ItemIds, Lora, Pretraining, Shape
from shopping_assistant.finetune.needs import estimate
from shopping_assistant.finetune.packing import response_losses
from shopping_assistant.finetune.preflight import PreflightError, check
from shopping_assistant.finetune.sft_data import Pair
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.item_codes import CodesError
from shopping_assistant.tools.sessions import Event, frame_of
from shopping_assistant.tools.store import Store

TINY = FalconConfig(
    shape=Shape(hidden=64, layers=2, heads=2, vocabulary=400, positions=512),
    pretraining=Pretraining(window=128, batch_tokens=512),
    lora=Lora(window=256, batch_tokens=1024),
    prompt_tokens=128,
    title_tokens=8,
)
START = datetime(2025, 3, 1, tzinfo=UTC)
CPU = torch.device("cpu")


def bought(user: int, products: str) -> list[Event]:
    """One shopper who buys these products in this order, a day between them."""
    return [
        Event(f"s{user}", f"u{user}", START + timedelta(days=i), "purchase", product_id=product)
        for i, product in enumerate(products)
    ]


def store_of(path, events: list[Event], titles: tuple[str, ...] = ("red scarf", "blue boots", "black dress", "hat")):
    store = Store.create(path / "store", name="Shop")
    store.write_catalog(Catalog.from_products([Product("abcdefgh"[i], title) for i, title in enumerate(titles)]))
    if events:
        store.write_events(frame_of(events))
    return store


@pytest.fixture
def store(tmp_path) -> Store:
    return store_of(tmp_path, [e for user in range(3) for e in bought(user, "abcd")])


def refusal(store: Store, config: FalconConfig = TINY, kind: type[ShopError] = PreflightError) -> str:
    with pytest.raises(kind) as caught:
        check(store, config)
    told = str(caught.value)
    assert "\n" not in told and len(told) < 420
    return told


def test_a_shop_that_can_be_learned_passes(store):
    check(store, TINY)
    check(store, replace(TINY, lora=replace(TINY.lora, gradient_checkpointing=True, train_codes=True)))


def test_a_catalogue_is_needed(tmp_path):
    told = refusal(Store.create(tmp_path / "empty", name="Empty"), kind=ShopError)
    assert "catalog" in told and "shop import" in told


def test_a_log_is_needed(tmp_path):
    assert "no logged events" in refusal(store_of(tmp_path, []))


def test_titles_of_which_nothing_can_be_written_are_named(tmp_path):
    told = refusal(store_of(tmp_path, bought(1, "abcd"), titles=("scarf", "<br>", "dress", "<p><i>")))
    assert "'b'" in told and "'<br>'" in told and "2 such products" in told


def test_products_that_the_catalogue_does_not_know_are_counted(tmp_path):
    told = refusal(store_of(tmp_path, bought(1, "abcd") + bought(2, "axyb")))
    assert "2 of 8 events" in told and "'x'" in told


@pytest.mark.parametrize("histories", [["a", "b"], ["ab", "cd"], ["aaa"]])
def test_without_a_purchase_after_something_there_is_nothing_to_learn(tmp_path, histories):
    """Two purchases of a shopper are withheld, and a first one has no history."""
    events = [e for user, products in enumerate(histories) for e in bought(user, products)]
    assert "0 purchases to learn from" in refusal(store_of(tmp_path, events))


def test_without_a_second_purchase_there_is_nothing_to_validate_on(tmp_path):
    searched = Event("s1", "u1", START - timedelta(hours=1), "search", query="scarf")
    assert "0 purchases to validate on" in refusal(store_of(tmp_path, [searched, *bought(1, "a")]))


def test_one_good_shopper_after_many_without_a_history_is_found(tmp_path):
    many = [e for user in range(2 * preflight.FIRST_USERS) for e in bought(user, "aa")]
    check(store_of(tmp_path, many + bought(10**6, "abcd")), TINY)


def test_a_large_shop_s_ids_need_room_in_the_window(store, monkeypatch):
    tight = replace(TINY, lora=replace(TINY.lora, window=128 + 2 + 8 + 1))
    check(store, tight)
    monkeypatch.setattr(item_ids, "shape_for", lambda products: (4, 8))  # as for millions of products
    assert "lora.window: got 139" in refusal(store, tight)


def test_more_products_than_ids(store):
    assert "4 products do not fit 1 codes of 2" in refusal(
        store, replace(TINY, ids=ItemIds(levels=1, base=2)), CodesError
    )


@pytest.mark.parametrize(("levels", "base"), [(27, 2), (9, 1000)])
def test_ids_that_no_letter_or_number_tells_apart(store, levels, base):
    told = refusal(store, replace(TINY, ids=ItemIds(levels=levels, base=base)), CodesError)
    assert f"{levels} codes of {base}: expected at most 26 codes" in told


def test_an_attribute_that_no_product_has_is_named(store):
    check(store, replace(TINY, style=replace(TINY.style, attributes=("color",))))
    assert "got 'colour', expected attributes" in refusal(
        store, replace(TINY, style=replace(TINY.style, attributes=("colour",)))
    )


# The base ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> str:
    """A tiny Falcon with its tokenizer, as it would be published."""
    from tokenizers import Tokenizer, models
    from transformers import FalconConfig as Architecture
    from transformers import FalconForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("base")
    PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"a": 0}, "a"))).save_pretrained(folder)
    shape = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 160}
    FalconForCausalLM(Architecture(vocab_size=300, **shape)).save_pretrained(folder)
    return str(folder)


@pytest.fixture
def changed_base(base, tmp_path):
    """The base with some of its config.json changed, or files left out."""
    import shutil

    def change(without: str = "", **settings) -> str:
        folder = tmp_path / "changed"
        shutil.copytree(base, folder, ignore=shutil.ignore_patterns(without) if without else None)
        path = folder / "config.json"
        if path.is_file():
            path.write_text(json.dumps(json.loads(path.read_text()) | settings))
        return str(folder)

    return change


def test_a_good_base_passes(store, base):
    check(store, replace(TINY, base=base))


def test_a_base_that_is_not_there(store, tmp_path):
    told = refusal(store, replace(TINY, base=str(tmp_path / "nowhere")), falcon_base.BaseModelError)
    assert "nowhere" in told and "base: null" in told


@pytest.mark.parametrize("missing", ["config.json", "tokenizer*"])
def test_a_base_without_its_small_files(store, changed_base, missing):
    assert "cannot be loaded" in refusal(
        store, replace(TINY, base=changed_base(without=missing)), falcon_base.BaseModelError
    )


def test_a_base_without_weights(store, changed_base):
    assert "no weights" in refusal(store, replace(TINY, base=changed_base(without="*.safetensors")))


@pytest.mark.parametrize(
    "settings",
    [{"architectures": ["FalconForSequenceClassification"]}, {"model_type": "vit", "architectures": ["ViTModel"]}],
)
def test_a_base_that_writes_nothing(store, changed_base, settings):
    assert "expected a causal language model" in refusal(store, replace(TINY, base=changed_base(**settings)))


def test_a_base_that_reads_less_than_a_prompt_with_its_answer(store, base, changed_base):
    told = refusal(store, replace(TINY, base=base, prompt_tokens=150))
    assert "prompt_tokens: got 150" in told and "160 tokens" in told
    check(store, replace(TINY, base=changed_base(alibi=True), prompt_tokens=150))  # its positions have no end


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("setting", [{"compute": "fp16"}, {"attention": "flash_attention_2"}])
def test_what_needs_a_gpu_is_refused_without_one(store, base, setting):
    told = refusal(store, replace(TINY, base=base, lora=replace(TINY.lora, **setting)))
    assert next(iter(setting.values())) in told and "needs a GPU" in told


def test_quantising_needs_its_package(store, base, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "bitsandbytes" in refusal(store, replace(TINY, base=base, lora=replace(TINY.lora, quantize="nf4")))


# Memory and disk --------------------------------------------------------------------------------------------------


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_too_little_memory_is_said_with_what_would_help(store, base, monkeypatch):
    free = namedtuple("Memory", "available")
    monkeypatch.setattr("psutil.virtual_memory", lambda: free(300_200_000))
    check_passes_with = replace(TINY, base=base, lora=replace(TINY.lora, rows_at_once=1, gradient_checkpointing=True))
    told = refusal(store, replace(TINY, base=base, lora=replace(TINY.lora, batch_tokens=65536)))
    assert "0.3 GB" in told and "gradient_checkpointing" in told and "rows_at_once" in told
    monkeypatch.setattr("psutil.virtual_memory", lambda: free(400_000_000))
    check(store, check_passes_with)
    huge = replace(TINY, shape=Shape(hidden=4096, layers=40, heads=32, positions=512))
    assert "smaller pretraining.batch_tokens or shape" in refusal(store, huge)


def test_too_little_disk_is_said(store, monkeypatch):
    usage = namedtuple("Usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(10**9, 10**9, 1000))
    told = refusal(store)
    assert "0.0 GB that are free" in told and "make room" in told


def test_a_container_s_limit_counts(tmp_path):
    root, own = tmp_path / "cgroup", tmp_path / "own"
    inner = root / "jobs" / "mine"
    inner.mkdir(parents=True)
    own.write_text("0::/jobs/mine\n")
    assert needs.cgroup_free(root, own) == float("inf")
    for folder, limit in ((inner, "max"), (root / "jobs", "5000")):
        (folder / "memory.max").write_text(limit)
        (folder / "memory.current").write_text("3000\n")
        (folder / "memory.stat").write_text("anon 2000\ninactive_file 700\n")
    assert needs.cgroup_free(root, own) == 2700
    assert needs.cgroup_free(root, tmp_path / "nowhere") == float("inf")
    version_1 = root / "memory" / "job"
    version_1.mkdir(parents=True)
    own.write_text("5:cpu:/job\n4:memory:/job\n")
    (version_1 / "memory.limit_in_bytes").write_text("900")
    (version_1 / "memory.usage_in_bytes").write_text("100")
    (version_1 / "memory.stat").write_text("inactive_file 50")
    assert needs.cgroup_free(root, own) == 850


# The estimates against real models --------------------------------------------------------------------------------

ROW = [Pair(tuple(range(1, 119)), tuple(range(3, 13)))] * 2  # 256 tokens, two examples


def built(kind: str, attention: str, **more):
    """(architecture, model) of a small Falcon or Llama, weights random, in the precision a base is loaded in."""
    from transformers import AutoModelForCausalLM, LlamaConfig
    from transformers import FalconConfig as Architecture

    common = {
        "hidden_size": 128,
        "num_hidden_layers": 3,
        "num_attention_heads": 8,
        "vocab_size": 300,
        "use_cache": False,
    }
    llama = {"intermediate_size": 384, "num_key_value_heads": 4}
    architecture = LlamaConfig(**common, **llama) if kind == "llama" else Architecture(**common, **more)
    model = AutoModelForCausalLM.from_config(architecture, dtype=torch.bfloat16, attn_implementation=attention)
    if attention == "sdpa":
        falcon_base.give_every_head_its_key(model)  # as a base is loaded
    return architecture, model.train()


def adapted(model):
    from peft import LoraConfig, get_peft_model

    head = model.get_output_embeddings()
    names = {n.rsplit(".", 1)[-1] for n, m in model.named_modules() if isinstance(m, torch.nn.Linear) and m is not head}
    return get_peft_model(model, LoraConfig(r=16, lora_dropout=0.05, target_modules=sorted(names))).train()


def saved_bytes(model, loss_of) -> int:
    """What autograd keeps between a forward and its backward, besides the model itself."""
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.untyped_storage().data_ptr() not in own:
            kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss_of()
    return sum(t.untyped_storage().nbytes() for t in kept.values())


@pytest.mark.parametrize(
    ("kind", "attention", "more"),
    [
        ("falcon", "sdpa", {}),
        ("falcon", "eager", {}),
        ("falcon", "sdpa", {"new_decoder_architecture": True, "num_kv_heads": 4}),
        ("falcon", "sdpa", {"alibi": True, "multi_query": False, "parallel_attn": False, "bias": True}),
        ("falcon", "eager", {"alibi": True, "multi_query": False, "parallel_attn": False, "bias": True}),
        ("llama", "sdpa", {}),
        ("llama", "eager", {}),
    ],
)
def test_activations_are_those_that_autograd_keeps(kind, attention, more):
    architecture, model = built(kind, attention, **more)
    lora = Lora(window=256, batch_tokens=1024, rows_at_once=4, attention=attention)
    need = estimate(FalconConfig(base="b", lora=lora, prompt_tokens=118, title_tokens=8), 0, architecture)
    model = adapted(model)
    real = saved_bytes(model, lambda: response_losses(model, [ROW] * 4)[0].mean())
    trained = [p for p in model.parameters() if p.requires_grad]
    assert need.trained == sum(p.numel() for p in trained)
    assert need.parameters == sum(p.numel() for p in model.parameters()) - need.trained
    assert 0.9 < need.activations / real < 1.5


def test_gradient_checkpointing_keeps_what_is_estimated():
    architecture, model = built("falcon", "sdpa")
    lora = Lora(window=256, batch_tokens=1024, rows_at_once=4)
    config = FalconConfig(base="b", lora=lora, prompt_tokens=118, title_tokens=8)
    whole = estimate(config, 0, architecture)
    need = estimate(replace(config, lora=replace(lora, gradient_checkpointing=True)), 0, architecture)
    model = adapted(model)
    everything = saved_bytes(model, lambda: response_losses(model, [ROW] * 4)[0].mean())
    falcon_base.checkpoint_gradients(model)
    inputs = saved_bytes(model, lambda: response_losses(model, [ROW] * 4)[0].mean())
    # In the backward one of the three layers is there whole, beside the inputs of all.
    assert 0.9 < need.activations / (inputs + everything / 3) < 1.5
    assert need.activations < whole.activations / 2


@pytest.mark.parametrize("train_codes", [False, True])
def test_learned_code_tokens_cost_what_is_estimated(train_codes):
    from peft import LoraConfig, get_peft_model

    architecture, model = built("falcon", "sdpa")
    model.resize_token_embeddings(300 + 20, mean_resizing=False)
    lora = Lora(window=256, batch_tokens=1024, rows_at_once=4, train_codes=train_codes)
    need = estimate(FalconConfig(base="b", lora=lora, prompt_tokens=118, title_tokens=8), 20, architecture)
    tokens = list(range(300, 320)) if train_codes else None
    names = ["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"]
    model = get_peft_model(model, LoraConfig(r=16, target_modules=names, trainable_token_indices=tokens))
    assert need.trained == sum(p.numel() for p in model.parameters() if p.requires_grad)


def test_four_bits_weigh_what_is_estimated(base):
    architecture = preflight.base_architecture(base)
    lora = replace(TINY.lora, quantize="nf4")
    need = estimate(replace(TINY, base=base, lora=lora), 0, architecture)
    model = falcon_base.load(base, 300, lora, CPU)
    held = sum(p.untyped_storage().nbytes() for p in model.parameters())
    for layer in falcon_base.quantized_layers(model):
        state = layer.weight.quant_state
        held += state.absmax.nbytes + state.state2.absmax.nbytes
    assert need.weights == pytest.approx(held, rel=0.02)


def test_pretraining_needs_what_is_estimated():
    from transformers import AutoModelForCausalLM
    from transformers import FalconConfig as Architecture

    from shopping_assistant.finetune.falcon_pretraining import language_model_loss

    config = replace(TINY, shape=Shape(hidden=128, layers=3, heads=4, vocabulary=1000, positions=512))
    need = estimate(config, 83)  # with the markers and the instruction 1,100 tokens
    shape = {"hidden_size": 128, "num_hidden_layers": 3, "num_attention_heads": 4, "vocab_size": 1100}
    model = AutoModelForCausalLM.from_config(Architecture(**shape), attn_implementation="eager").train()
    assert need.parameters == sum(p.numel() for p in model.parameters())
    rows = [list(range(128))] * 4
    kept = saved_bytes(model, lambda: language_model_loss(model, rows, CPU))
    layers = saved_bytes(model, lambda: model.transformer(torch.tensor(rows)).last_hidden_state.sum())
    logits = 512 * 1100 * 4  # their gradient is made in the backward, and so is what two of the three layers kept
    assert 0.9 < need.pretraining / (need.parameters * 16 + kept + logits + layers * 2 / 3) < 1.4


def test_checkpoints_and_weights_take_the_disk_that_is_estimated(tmp_path):
    from shopping_assistant.finetune.fitting import Checkpoint, Plan, Step, fit

    architecture, model = built("falcon", "sdpa")
    lora = Lora(window=256, batch_tokens=1024)
    need = estimate(FalconConfig(base="b", lora=lora, prompt_tokens=118, title_tokens=8), 0, architecture)
    model = adapted(model)
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    seen = []

    def steps():
        for at in range(2):
            yield Step((0, at), 1, lambda: [response_losses(model, [ROW])[0].mean()])
        seen.extend(f.stat().st_size for f in tmp_path.glob("checkpoint/*.safetensors"))

    plan = Plan(rate=1e-3, total=3, minutes=5)
    fit("phase", trained, steps(), plan, Checkpoint(tmp_path / "checkpoint", "key"), save_minutes=0.0)
    model.save_pretrained(tmp_path / "adapter")
    model.merge_and_unload().save_pretrained(tmp_path / "merged")
    written = 2 * seen[0] + sum(f.stat().st_size for part in ("adapter", "merged") for f in (tmp_path / part).iterdir())
    assert need.disk == pytest.approx(written, rel=0.05)


def test_a_name_that_cannot_be_downloaded_is_told_at_once():
    """In a process of its own: where models come from is read once, as the hub's client is imported."""
    code = "from shopping_assistant.finetune.preflight import base_architecture; base_architecture('tiiuae/falcon-7b')"
    nowhere = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0", "HF_HOME": os.devnull}
    run = subprocess.run([sys.executable, "-c", code], env=nowhere, capture_output=True, text=True, timeout=60)
    told = run.stderr.strip().splitlines()[-1]
    assert "base model 'tiiuae/falcon-7b' is not on this machine and http://127.0.0.1:9 cannot be reached" in told
