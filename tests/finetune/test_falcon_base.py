"""Published bases of every shape: really in 4 bits, their gradients right, their adapters merged without loss."""

import json

import pytest
import torch

from shopping_assistant.finetune import falcon_base
from shopping_assistant.finetune.falcon_base import BaseModelError
from shopping_assistant.finetune.falcon_lora import with_adapter
from shopping_assistant.finetune.falcon_settings import Lora
from shopping_assistant.finetune.packing import response_losses
from shopping_assistant.finetune.sft_data import Pair
from shopping_assistant.tools.item_codes import ItemCodes

CPU = torch.device("cpu")
PAIRS = [Pair(tuple(range(10, 40)), (305, 310, 3)), Pair(tuple(range(50, 70)), (306, 311, 4))]
ROWS = [PAIRS]
SMALL = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "initializer_range": 0.05}
# falcon-7b is made of 4 linear maps a layer, Falcon3 (a Llama with an output table of its own) of 7.
LINEAR = {"falcon": 4, "llama": 7}


class Codes:
    """A tokenizer as far as the adapter asks: the last twenty rows are codes."""

    def convert_tokens_to_ids(self, tokens):
        return list(range(300, 320))


@pytest.fixture(scope="module")
def bases(tmp_path_factory) -> dict[str, str]:
    from transformers import FalconConfig, FalconForCausalLM, LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("bases")
    torch.manual_seed(0)
    falcon = FalconForCausalLM(FalconConfig(vocab_size=300, eos_token_id=0, **SMALL))
    llama = LlamaForCausalLM(LlamaConfig(vocab_size=300, eos_token_id=0, intermediate_size=256, **SMALL))
    for name, model in (("falcon", falcon), ("llama", llama)):
        model.save_pretrained(folder / name)
    return {name: str(folder / name) for name in ("falcon", "llama")}


def adapted_to(base: str, **settings):
    lora = Lora(rank=4, alpha=8, dropout=0.0, train_codes=True, **settings)
    return with_adapter(falcon_base.load(base, 320, lora, CPU), Codes(), ["<a0>"], lora, seed=1)


def gradients(model) -> torch.Tensor:
    model.train()
    response_losses(model, ROWS)[0].mean().backward()
    found = [p.grad.flatten() for p in model.parameters() if p.requires_grad and p.grad is not None]
    model.zero_grad()
    return torch.cat(found)


def learn(model, steps: int = 12) -> list[float]:
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    model.train()
    losses = []
    for _ in range(steps):
        loss = response_losses(model, ROWS)[0].mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("kind", LINEAR)
def test_every_linear_layer_is_in_4_bits_and_the_codes_have_rows(bases, kind):
    model = falcon_base.load(bases[kind], 320, Lora(quantize="nf4"), CPU)
    assert len(falcon_base.quantized_layers(model)) == 2 * LINEAR[kind]
    assert model.get_input_embeddings().num_embeddings == model.get_output_embeddings().out_features == 320
    tied = model.get_output_embeddings().weight is model.get_input_embeddings().weight
    assert tied == (kind == "falcon")


def test_a_falcon_that_is_not_quantised_is_told(bases, monkeypatch):
    """Left alone, the library leaves Falcon's own linear layers as they are and says that all is in 4 bits."""
    from contextlib import nullcontext

    monkeypatch.setattr(falcon_base, "_plain_linear_layers", nullcontext)
    with pytest.raises(BaseModelError, match="0 of 8 layers are in 4 bits"):
        falcon_base.load(bases["falcon"], 320, Lora(quantize="nf4"), CPU)


@pytest.mark.parametrize("kind", LINEAR)
def test_a_forward_in_evaluation_mode_spoils_no_gradient(bases, kind, monkeypatch):
    from bitsandbytes.nn import modules

    monkeypatch.setattr(modules, "has_avx512bf16", lambda: True)
    model = adapted_to(bases[kind], quantize="nf4")
    held = [layer.weight.data.clone() for layer in falcon_base.quantized_layers(model)]
    before = gradients(model)
    model.eval()
    with torch.no_grad():
        model(input_ids=torch.tensor([list(range(40))]))
    assert all(
        torch.equal(a, layer.weight.data) for a, layer in zip(held, falcon_base.quantized_layers(model), strict=True)
    )
    assert torch.nn.functional.cosine_similarity(before, gradients(model), dim=0) > 0.999


def test_a_cpu_computes_in_bfloat16_whatever_is_asked(bases):
    assert falcon_base.compute_dtype("fp16", CPU) == torch.bfloat16
    assert falcon_base.compute_dtype("fp16", torch.device("cuda")) == torch.float16
    model = falcon_base.load(bases["falcon"], 320, Lora(quantize="nf4", compute="fp16"), CPU)
    assert {layer.compute_dtype for layer in falcon_base.quantized_layers(model)} == {torch.bfloat16}
    assert model.get_input_embeddings().weight.dtype == torch.bfloat16


@pytest.mark.parametrize("quantize", [None, "nf4"])
@pytest.mark.parametrize("kind", LINEAR)
def test_it_learns_and_the_merged_model_is_the_trained_one(bases, kind, quantize, tmp_path):
    from transformers import AutoModelForCausalLM

    model = adapted_to(bases[kind], quantize=quantize)
    losses = learn(model)
    assert losses[-1] < 0.3 * losses[0]
    ids = torch.tensor([[*PAIRS[0].prompt, *PAIRS[0].response]])
    model.eval()
    with torch.no_grad():
        expected = model(input_ids=ids).logits.float()
    model.save_pretrained(tmp_path / "adapter")
    assert (
        json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())["base_model_name_or_path"] == bases[kind]
    )
    merged = falcon_base.merge(model, tmp_path / "adapter", quantize)
    merged.save_pretrained(tmp_path)
    served = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    assert not falcon_base.quantized_layers(served)
    with torch.no_grad():
        # Rounding to bfloat16 is what may differ, not a part of the adapter.
        assert (served(input_ids=ids).logits - expected).abs().max() < 0.02 * expected.abs().max()


def test_merging_keeps_what_4_bits_would_lose(bases, tmp_path):
    """A layer's merged weights against the exact sum of its unpacked weights and the adapter."""
    import bitsandbytes as bnb

    model = adapted_to(bases["falcon"], quantize="nf4")
    learn(model, 3)
    layer = model.get_base_model().transformer.h[0].mlp.dense_h_to_4h
    unpacked = bnb.functional.dequantize_4bit(layer.weight.data, layer.weight.quant_state).float()
    change = (layer.scaling["default"] * layer.lora_B["default"].weight @ layer.lora_A["default"].weight).detach()
    in_4_bits = bnb.nn.Params4bit((unpacked + change).to(torch.bfloat16), quant_type="nf4", requires_grad=False).to(
        "cpu"
    )
    rounded = bnb.functional.dequantize_4bit(in_4_bits.data, in_4_bits.quant_state).float()
    model.save_pretrained(tmp_path)
    merged = falcon_base.merge(model, tmp_path, "nf4").transformer.h[0].mlp.dense_h_to_4h.weight.float()
    lost = [(found - unpacked - change).norm() / change.norm() for found in (merged, rounded)]
    assert lost[0] < 0.05 < 0.3 < lost[1]


@pytest.mark.parametrize("quantize", [None, "nf4"])
@pytest.mark.parametrize("kind", LINEAR)
def test_computing_the_forward_again_changes_no_gradient(bases, kind, quantize):
    kept = gradients(adapted_to(bases[kind], quantize=quantize))
    model = adapted_to(bases[kind], quantize=quantize, gradient_checkpointing=True)
    again = gradients(model)
    assert kept.shape == again.shape and kept.norm() > 0
    assert torch.nn.functional.cosine_similarity(kept, again, dim=0) > 0.999
    assert model.get_base_model().is_gradient_checkpointing


@pytest.mark.parametrize("kind", LINEAR)
def test_new_codes_are_learned_where_they_are_read_and_where_they_are_written(bases, kind):
    model = adapted_to(bases[kind])
    first = model.get_base_model().get_input_embeddings().weight[300:].float()
    # They start near the others' mean, no two alike.
    assert 0 < torch.cdist(first, first)[0, 1] < torch.cdist(first, first.mean(0, True)).max() * 3
    before = model(input_ids=torch.tensor([[305, 306]])).logits[0, -1, 300:].detach().float()
    learn(model, 4)
    tables = [p for n, p in model.named_parameters() if "trainable_tokens" in n and p.requires_grad]
    assert len(tables) == (1 if kind == "falcon" else 2)
    after = model(input_ids=torch.tensor([[305, 306]])).logits[0, -1, 300:].detach().float()
    assert (after - before).abs().max() > 0.1


def test_plain_attention_is_refused_with_alibi(tmp_path):
    from transformers import FalconConfig, FalconForCausalLM

    FalconForCausalLM(FalconConfig(vocab_size=300, alibi=True, **SMALL)).save_pretrained(tmp_path)
    with pytest.raises(BaseModelError, match="set `attention: sdpa`"):
        falcon_base.load(str(tmp_path), 320, Lora(attention="eager"), CPU)


def test_codes_become_single_tokens_of_a_tokenizer_that_never_saw_them():
    import numpy as np

    from shopping_assistant.finetune.tokenizer import add_codes, train_tokenizer

    few, many = ItemCodes(np.array([[0, 0]]), 2), ItemCodes(np.array([[0, 0], [5, 7]]), 8)
    tokenizer = train_tokenizer(["a red scarf"], few, 300)
    assert add_codes(tokenizer, many) == 16 - 4
    assert len(tokenizer(many.text(1) + " a red scarf")["input_ids"]) == 2 + len(tokenizer(" a red scarf")["input_ids"])
