"""Packed rows: every example learns in its row exactly what it would learn alone, on every kind of base."""

import random

import pytest
import torch
from peft import LoraConfig, get_peft_model

from shopping_assistant.finetune import falcon_base
from shopping_assistant.finetune.packing import grouped, pack, packed, response_losses, visible
from shopping_assistant.finetune.sft_data import Pair

SMALL = {"vocab_size": 120, "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
# falcon-7b: one key and value head, rotary; falcon-rw: alibi, biases, attention before the MLP; falcon-40b: the new
# decoder; Falcon3 is a Llama.
FALCONS = {
    "falcon-7b": {"multi_query": True, "alibi": False, "bias": False, "parallel_attn": True},
    "falcon-rw": {"multi_query": False, "alibi": True, "bias": True, "parallel_attn": False},
    "new decoder": {"new_decoder_architecture": True, "num_kv_heads": 2, "alibi": False},
}
BASES = [*FALCONS, "falcon3"]
draw = random.Random(4)
PAIRS = [
    Pair(tuple(draw.choices(range(120), k=prompt)), tuple(draw.choices(range(120), k=answer)))
    for prompt, answer in ((9, 3), (14, 4), (5, 2), (20, 5), (7, 1))
]
ROWS = [[PAIRS[0], PAIRS[1], PAIRS[2]], [PAIRS[3], PAIRS[4]]]


def model_of(base: str, attention: str = "sdpa"):
    from transformers import FalconConfig, FalconForCausalLM, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    if base == "falcon3":
        shape = LlamaConfig(**SMALL, num_key_value_heads=2, intermediate_size=96, initializer_range=0.2)
        model = LlamaForCausalLM(shape)
    else:
        model = FalconForCausalLM(FalconConfig(**SMALL, **FALCONS[base], initializer_range=0.2))
    falcon_base.set_attention(model, attention)
    names = {n.rsplit(".", 1)[-1] for n, m in model.named_modules() if isinstance(m, torch.nn.Linear)} - {"lm_head"}
    torch.manual_seed(1)
    adapted = get_peft_model(model, LoraConfig(r=2, target_modules=sorted(names), task_type="CAUSAL_LM"))
    for name, p in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(p, std=0.2)
    return adapted


def learned(model, rows) -> tuple[torch.Tensor, torch.Tensor]:
    """Losses, and the gradients of their sum."""
    losses, _ = response_losses(model, rows, torch.float32)
    model.zero_grad()
    losses.sum().backward()
    return losses.detach(), torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("base", BASES)
def test_losses_and_gradients_are_those_of_each_example_alone(base, attention):
    if base == "falcon-rw" and attention == "eager":
        pytest.skip("refused: this library's plain attention adds alibi twice")
    model = model_of(base, attention)
    losses, gradients = learned(model, ROWS)
    alone = [learned(model, [[pair]]) for pair in PAIRS]
    assert torch.allclose(losses, torch.cat([found for found, _ in alone]), atol=1e-4)
    total = sum(found for _, found in alone)
    assert (gradients - total).norm() < 1e-4 * total.norm()


@pytest.mark.parametrize("base", BASES)
def test_no_example_sees_another(base):
    model = model_of(base)
    before, owner = response_losses(model, ROWS, torch.float32)
    for changed in range(3):
        other = Pair(tuple((t + 7) % 120 for t in PAIRS[changed].prompt), PAIRS[changed].response)
        row = [other if i == changed else pair for i, pair in enumerate(ROWS[0])]
        after, _ = response_losses(model, [row, ROWS[1]], torch.float32)
        moved = (after - before).abs() > 1e-5
        assert moved[owner == changed].any() and not moved[owner != changed].any()


def test_one_key_for_all_heads_trains_by_the_fused_kernel_and_learns_the_same():
    from torch.nn.attention import SDPBackend, sdpa_kernel

    model = model_of("falcon-7b").train()
    plain = learned(model, ROWS)
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION), pytest.raises(RuntimeError, match="No available kernel"):
        learned(model, ROWS)
    falcon_base.give_every_head_its_key(model)
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        fused = learned(model, ROWS)
    assert torch.allclose(fused[0], plain[0], atol=1e-4)
    assert (fused[1] - plain[1]).norm() < 1e-4 * plain[1].norm()
    # The cache of a model that writes keeps one head.
    with torch.no_grad():
        read = model.eval()(input_ids=torch.tensor([[1, 2, 3]]), use_cache=True)
    assert read.past_key_values.layers[0].keys.shape[1] == 1


@pytest.mark.parametrize("base", ["falcon-7b", "falcon3"])
def test_attention_is_of_the_kind_that_was_set(base, monkeypatch):
    fused = torch.nn.functional.scaled_dot_product_attention
    calls = []
    monkeypatch.setattr(
        torch.nn.functional, "scaled_dot_product_attention", lambda *a, **k: calls.append(1) or fused(*a, **k)
    )
    for attention, expected in (("eager", 0), ("sdpa", SMALL["num_hidden_layers"])):
        calls.clear()
        response_losses(model_of(base, attention), ROWS)
        assert len(calls) == expected


def test_positions_alone_would_not_isolate():
    """Why there is a mask: with restarting positions and no mask, an example's losses follow its neighbours."""
    model = model_of("falcon-7b").get_base_model()
    batch = packed([ROWS[0]], torch.device("cpu"))
    seen = [
        model(input_ids=batch.tokens, attention_mask=mask, position_ids=batch.positions).logits[0, -1]
        for mask in (None, visible(batch))
    ]
    alone = model(input_ids=torch.tensor([[*PAIRS[2].prompt, *PAIRS[2].response]])).logits[0, -1]
    assert torch.allclose(seen[1], alone, atol=1e-4) and not torch.allclose(seen[0], alone, atol=1e-2)


def test_the_loss_is_on_the_responses_alone():
    model = model_of("falcon-7b")
    losses, owner = response_losses(model, ROWS, torch.float32)
    assert owner.tolist() == [0] * 3 + [1] * 4 + [2] * 2 + [3] * 5 + [4]
    pair = PAIRS[3]
    logits = model(input_ids=torch.tensor([[*pair.prompt, *pair.response]])).logits[0].log_softmax(-1)
    expected = [-logits[len(pair.prompt) - 1 + i, token].item() for i, token in enumerate(pair.response)]
    assert losses[owner == 3].tolist() == pytest.approx(expected, abs=1e-4)


def test_a_varlen_batch_is_one_row_without_padding_and_with_positions_that_restart(monkeypatch):
    """What flash attention is given; its kernels need a GPU."""
    from shopping_assistant.finetune import packing

    given = []
    monkeypatch.setattr(packing, "_hidden", lambda inner, batch, attention: given.append(batch) or stop())
    model = model_of("falcon-7b")
    model.get_base_model().config._attn_implementation = "flash_attention_2"
    with pytest.raises(StopIteration):
        response_losses(model, ROWS)
    assert given[0].tokens.shape == (1, sum(map(len, PAIRS)))
    assert int((given[0].positions == 0).sum()) == len(PAIRS) and int(given[0].example.min()) == 0


def stop():
    raise StopIteration


def test_rows_hold_every_example_once_and_waste_little():
    lengths = [draw.randrange(40, 340) for _ in range(800)]
    rows = pack(lengths, 512, seed=1)
    assert sorted(i for row in rows for i in row) == list(range(800))
    assert max(sum(lengths[i] for i in row) for row in rows) <= 512
    assert sum(lengths) > 0.95 * 512 * len(rows)
    assert rows == pack(lengths, 512, seed=1) != pack(lengths, 512, seed=2)
    # No order by length is left: the first rows of an epoch are like the last.
    means = [sum(lengths[i] for row in part for i in row) / sum(map(len, part)) for part in (rows[:100], rows[-100:])]
    assert abs(means[0] - means[1]) < 40


def test_steps_keep_the_order_and_the_tokens():
    lengths = [draw.randrange(40, 340) for _ in range(300)]
    rows = pack(lengths, 512, seed=1)
    steps = grouped(rows, lengths, 2048)
    assert [row for step in steps for row in step] == rows
    sizes = [sum(lengths[i] for row in step for i in row) for step in steps]
    assert max(sizes) <= 2048 and min(sizes[:-1]) > 2048 - 512


def test_an_example_longer_than_the_window_is_refused():
    with pytest.raises(ValueError, match="600 tokens do not fit a window of 512"):
        pack([20, 600], 512, seed=0)
