"""The lean forward against transformers' own, for every kind of Falcon there is."""

import pytest
import torch
from transformers import DynamicCache, FalconConfig, FalconForCausalLM, LlamaConfig, LlamaForCausalLM

from shopping_assistant.tools.falcon_forward import FalconForward, takes

# The published checkpoints' architectures, and what lies between them.
KINDS = {
    "falcon-7b": {"multi_query": True},
    "falcon-rw-1b": {"alibi": True, "multi_query": False, "parallel_attn": False, "bias": True},
    "falcon-40b": {"new_decoder_architecture": True, "num_kv_heads": 2},
    "falcon-11b": {"new_decoder_architecture": True, "num_kv_heads": 2, "num_ln_in_parallel_attn": 1},
    "new decoder, alibi, bias": {"new_decoder_architecture": True, "num_kv_heads": 2, "alibi": True, "bias": True},
    "multi-query, alibi": {"alibi": True},
    "multi-query, sequential, bias": {"parallel_attn": False, "bias": True},
    "multi-head, rotary": {"multi_query": False},
    "six heads, alibi": {"alibi": True, "num_attention_heads": 6, "hidden_size": 48},
    "scaled rotary": {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0}},
    "untied, relu": {"tie_word_embeddings": False, "activation": "relu"},
}


def falcon(seed: int = 0, **settings) -> FalconForCausalLM:
    torch.manual_seed(seed)
    shape = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "max_position_embeddings": 128}
    model = FalconForCausalLM(FalconConfig(vocab_size=97, initializer_range=0.2, **{**shape, **settings})).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("bias") or "layernorm" in name or "ln_" in name:
                weight.add_(torch.randn_like(weight) * 0.1)  # zeros and ones would hide a mix-up
    return model


@pytest.fixture(scope="module", params=KINDS)
def model(request) -> FalconForCausalLM:
    return falcon(**KINDS[request.param])


def causal(rows: int, cached: int, width: int) -> torch.Tensor:
    return torch.ones((rows, width, cached + width), dtype=torch.bool).tril(cached)


def places(rows: int, start: int, width: int) -> torch.Tensor:
    return torch.arange(start, start + width).expand(rows, width)


@torch.inference_mode()
def test_whole_texts_and_token_by_token(model):
    assert takes(model)
    tokens = torch.randint(97, (3, 20))
    expected = model(input_ids=tokens).logits
    lean = FalconForward(model)
    whole = lean(tokens, causal(3, 0, 20), places(3, 0, 20), lean.cache(3, 20))
    torch.testing.assert_close(whole, expected, atol=1e-4, rtol=1e-4)
    cache = lean.cache(3, 40)
    parts = [lean(tokens[:, :7], causal(3, 0, 7), places(3, 0, 7), cache)]
    for at in range(7, 20):
        parts.append(lean(tokens[:, at : at + 1], causal(3, at, 1), places(3, at, 1), cache))
    torch.testing.assert_close(torch.cat(parts, 1), expected, atol=1e-4, rtol=1e-4)
    last = lean(tokens, causal(3, 0, 20), places(3, 0, 20), lean.cache(3, 20), last=2)
    torch.testing.assert_close(last, expected[:, -2:], atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_padded_rows_that_share_a_beginning(model):
    before, texts = torch.randint(97, (1, 5)), [torch.randint(97, (length,)) for length in (4, 9, 1)]
    lean = FalconForward(model)
    beginning = lean.cache(1, 5)
    lean(before, causal(1, 0, 5), places(1, 0, 5), beginning)
    cache = lean.cache(3, 14)
    cache.begin_with(beginning)
    tokens, real = torch.zeros((3, 9), dtype=torch.long), torch.zeros((3, 9), dtype=torch.bool)
    for row, text in enumerate(texts):
        tokens[row, 9 - len(text) :], real[row, 9 - len(text) :] = text, True
    inside = (torch.ones((9, 9), dtype=torch.bool).tril() & real[:, None]) | torch.eye(9, dtype=torch.bool)
    sees = torch.cat([torch.ones((3, 9, 5), dtype=torch.bool), inside], 2)
    read = lean(tokens, sees, 5 + (real.cumsum(1) - 1).clamp_min(0), cache)
    for row, text in enumerate(texts):
        expected = model(input_ids=torch.cat([before[0], text])[None]).logits[0, 5:]
        torch.testing.assert_close(read[row, 9 - len(text) :], expected, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_alternatives_side_by_side_see_their_own_ancestors(model):
    text, first, second = torch.randint(97, (1, 6)), [11, 12, 13], [(2, 21), (0, 22), (2, 23)]
    lean = FalconForward(model)
    cache = lean.cache(1, 12)
    lean(text, causal(1, 0, 6), places(1, 0, 6), cache)
    eye = torch.eye(3, dtype=torch.bool)
    prompt = torch.ones((3, 6), dtype=torch.bool)
    lean(torch.tensor([first]), torch.cat([prompt, eye], 1)[None], torch.full((1, 3), 6), cache)
    parents = [parent for parent, _ in second]
    sees = torch.cat([prompt, eye[parents], eye], 1)[None]
    read = lean(torch.tensor([[token for _, token in second]]), sees, torch.full((1, 3), 7), cache)
    for place, (parent, token) in enumerate(second):
        branch = torch.cat([text, torch.tensor([[first[parent], token]])], 1)
        torch.testing.assert_close(read[0, place], model(input_ids=branch).logits[0, -1], atol=1e-4, rtol=1e-4)


@torch.inference_mode()
@pytest.mark.parametrize("kind", ["falcon-7b", "falcon-rw-1b", "falcon-40b"])
def test_half_precision_is_as_near_to_full_as_transformers_is(kind):
    model, tokens = falcon(**KINDS[kind]), torch.randint(97, (2, 16))
    exact = model(input_ids=tokens).logits
    model = model.bfloat16()
    theirs = model(input_ids=tokens, past_key_values=DynamicCache()).logits.float()
    lean = FalconForward(model)
    ours = lean(tokens, causal(2, 0, 16), places(2, 0, 16), lean.cache(2, 16)).float()
    assert (ours - exact).abs().mean() < 1.5 * (theirs - exact).abs().mean() + 1e-3


@torch.inference_mode()
def test_weights_changed_in_place_are_read_anew():
    model, tokens = falcon(), torch.randint(97, (1, 8))
    lean = FalconForward(model)
    model.load_state_dict(falcon(seed=1).state_dict())
    read = lean(tokens, causal(1, 0, 8), places(1, 0, 8), lean.cache(1, 8))
    torch.testing.assert_close(read, model(input_ids=tokens).logits, atol=1e-4, rtol=1e-4)


def test_what_is_not_plain_is_left_to_transformers():
    from peft import LoraConfig, get_peft_model

    adapted = get_peft_model(falcon(), LoraConfig(r=2, target_modules=["query_key_value"]))
    assert not takes(adapted) and not takes(adapted.get_base_model())
    llama = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    assert not takes(LlamaForCausalLM(LlamaConfig(vocab_size=20, **llama)))
    assert not takes(falcon(rope_parameters={"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}))
    mixed = falcon()
    mixed.transformer.ln_f.bfloat16()
    assert not takes(mixed)
    with pytest.raises(ValueError, match="takes"):
        FalconForward(mixed)
