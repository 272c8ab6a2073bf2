"""A quantised Falcon base: really in 4 bits, its gradients right, its adapter merged without loss."""

import pytest
import torch
from peft import LoraConfig, get_peft_model

from shopping_assistant.finetune import falcon_base
from shopping_assistant.finetune.falcon_settings import Lora
from shopping_assistant.finetune.packing import response_losses
from shopping_assistant.finetune.sft_data import Pair
from shopping_assistant.tools.item_codes import ItemCodes

CPU = torch.device("cpu")
NF4 = Lora(quantize="nf4")
PAIRS = [Pair(tuple(range(10, 40)), (305, 310, 3)), Pair(tuple(range(50, 70)), (306, 311, 4))]


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> str:
    from transformers import FalconConfig, FalconForCausalLM

    folder = tmp_path_factory.mktemp("base")
    torch.manual_seed(0)
    shape = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    model = FalconForCausalLM(FalconConfig(vocab_size=300, eos_token_id=0, initializer_range=0.05, **shape))
    model.save_pretrained(folder)
    return str(folder)


@pytest.fixture
def adapted(base):
    model = falcon_base.load(base, 320, NF4, CPU)
    torch.manual_seed(1)
    targets = ["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"]
    settings = LoraConfig(
        r=4, lora_alpha=8, target_modules=targets, trainable_token_indices=list(range(300, 320)), task_type="CAUSAL_LM"
    )
    return get_peft_model(model, settings)


def gradients(model) -> torch.Tensor:
    model.train()
    response_losses(model, [[p] for p in PAIRS])[0].mean().backward()
    found = [p.grad.flatten() for p in model.parameters() if p.requires_grad and p.grad is not None]
    model.zero_grad()
    return torch.cat(found)


def test_every_linear_layer_is_in_4_bits_and_the_codes_have_rows(base):
    model = falcon_base.load(base, 320, NF4, CPU)
    assert len(falcon_base.quantized_layers(model)) == 2 * 4
    assert model.get_input_embeddings().num_embeddings == 320
    assert model.lm_head.weight is model.transformer.word_embeddings.weight


def test_a_forward_in_evaluation_mode_spoils_no_gradient(adapted):
    before = gradients(adapted)
    adapted.eval()
    with torch.no_grad():
        adapted(input_ids=torch.tensor([list(range(40))]))
    after = gradients(adapted)
    assert torch.nn.functional.cosine_similarity(before, after, dim=0) > 0.999


def test_it_learns_and_the_merged_model_is_the_trained_one(adapted, base, tmp_path):
    from transformers import AutoModelForCausalLM

    trained = [p for p in adapted.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-2)
    adapted.train()
    losses = []
    for _ in range(12):
        loss = response_losses(adapted, [[p] for p in PAIRS])[0].mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]
    ids = torch.tensor([[*PAIRS[0].prompt, *PAIRS[0].response]])
    adapted.eval()
    with torch.no_grad():
        expected = adapted(input_ids=ids).logits.float()
    adapted.save_pretrained(tmp_path / "adapter")
    merged = falcon_base.merge(adapted, tmp_path / "adapter", base, 320, "nf4")
    merged.save_pretrained(tmp_path)
    served = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    assert not falcon_base.quantized_layers(served)
    with torch.no_grad():
        # Rounding to bfloat16 is what may differ, not a part of the adapter.
        assert (served(input_ids=ids).logits - expected).abs().max() < 0.02 * expected.abs().max()


def test_codes_become_single_tokens_of_a_tokenizer_that_never_saw_them():
    import numpy as np

    from shopping_assistant.finetune.tokenizer import add_codes, train_tokenizer

    few, many = ItemCodes(np.array([[0, 0]]), 2), ItemCodes(np.array([[0, 0], [5, 7]]), 8)
    tokenizer = train_tokenizer(["a red scarf"], few, 300)
    assert add_codes(tokenizer, many) == 16 - 4
    assert len(tokenizer(many.text(1) + " a red scarf")["input_ids"]) == 2 + len(tokenizer(" a red scarf")["input_ids"])
