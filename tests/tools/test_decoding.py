"""Decoding: the beam against brute force, masks, batches, titles."""

import numpy as np
import pytest
import torch

from shopping_assistant.finetune.tokenizer import train_tokenizer
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.decoding import AnswerWriter, DecodingError, load_writer, save_prompt_settings
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.item_codes import ItemCodes
from shopping_assistant.tools.prompts import INSTRUCTION, PromptStyle

COLORS = "black white red blue green grey navy beige".split()
KINDS = "boots scarf dress shirt coat".split()
CATALOG = Catalog.from_products(
    [Product(f"p{i}", f"{COLORS[i % 8]} {KINDS[i % 5]} number {i}", color=COLORS[i % 8]) for i in range(40)]
)
PROMPTS = [
    "\nsearch: black boots\nclick:<a1><b2>\nrecommend:",
    "\nrecommend:",
    "\nsession: may\nsearch: a red scarf\nclick:<a3><b1>\nbuy:<a0><b3> blue dress number 3\nquery: coat\nrecommend:",
]


def tiny_falcon(vocabulary: int, seed: int = 0, **settings):
    from transformers import FalconConfig, FalconForCausalLM

    torch.manual_seed(seed)
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 512}
    # Large random weights: the likeliest tokens then differ clearly from prompt to prompt.
    return FalconForCausalLM(FalconConfig(vocab_size=vocabulary, initializer_range=0.4, **shape, **settings)).eval()


@pytest.fixture(scope="module", params=[2, 3])
def writer(request) -> AnswerWriter:
    vectors = np.random.default_rng(3).standard_normal((40, 8)).astype(np.float32)
    codes = ItemCodes.from_vectors(vectors, levels=request.param, base=8 if request.param == 2 else 4)
    tokenizer = train_tokenizer(CATALOG.titles, codes, 400)
    return AnswerWriter(tiny_falcon(len(tokenizer)), tokenizer, codes, title_tokens=6)


@torch.inference_mode()
def brute_force(writer: AnswerWriter, prompt: str) -> np.ndarray:
    """Log-probability of every product's codes, each by a forward pass of its own over the whole text."""
    out = []
    for row in range(40):
        before = writer.tokenizer(INSTRUCTION + prompt)["input_ids"]
        after = writer.tokenizer(writer.codes.text(row))["input_ids"]
        assert len(after) == writer.codes.levels
        logits = writer.model(input_ids=torch.tensor([before + after])).logits[0].log_softmax(-1)
        out.append(sum(float(logits[len(before) - 1 + i, token]) for i, token in enumerate(after)))
    return np.array(out)


def test_a_wide_beam_ranks_every_product_as_brute_force_does(writer):
    for prompt, written in zip(PROMPTS, writer.write(PROMPTS, beams=64), strict=True):
        expected = brute_force(writer, prompt)
        rows = [row for row, _ in written.candidates]
        assert rows == np.argsort(-expected, kind="stable").tolist()
        assert [s for _, s in written.candidates] == pytest.approx(expected[rows], abs=1e-3)
        assert written.index == rows[0]


def test_only_allowed_products_are_written(writer):
    draw = np.random.default_rng(5)
    for share in (0.5, 0.1):
        masks = [draw.random(40) < share for _ in PROMPTS]
        for mask in masks:
            mask[7] = True
        for prompt, mask, written in zip(PROMPTS, masks, writer.write(PROMPTS, masks, beams=64), strict=True):
            expected = np.where(mask, brute_force(writer, prompt), -np.inf)
            assert [row for row, _ in written.candidates] == np.argsort(-expected, kind="stable")[: mask.sum()].tolist()


def test_a_narrow_beam_gives_few_candidates_with_their_true_scores(writer):
    for prompt, written in zip(PROMPTS, writer.write(PROMPTS, beams=3), strict=True):
        expected = brute_force(writer, prompt)
        rows, scores = zip(*written.candidates, strict=True)
        assert len(set(rows)) == 3
        assert scores == pytest.approx(expected[list(rows)], abs=1e-3)
        assert list(scores) == sorted(scores, reverse=True)


def test_fewer_allowed_products_than_beams_and_none_at_all(writer):
    only = np.zeros(40, dtype=bool)
    only[13] = True
    (written,) = writer.write(PROMPTS[:1], [only])
    assert [row for row, _ in written.candidates] == [13]
    with pytest.raises(DecodingError, match="no product is allowed") as refused:
        writer.write(PROMPTS, [None, np.zeros(40, dtype=bool), None])
    assert isinstance(refused.value, ShopError)


def test_a_batch_answers_as_each_prompt_alone(writer):
    many = [PROMPTS[i % 3] + ("" if i % 2 else "<a1>") for i in range(40)]
    together = writer.write(many, beams=5)
    assert [writer.write([p], beams=5)[0].index for p in many[:6]] == [w.index for w in together[:6]]
    assert [writer.write([p], beams=5)[0].title for p in many[:6]] == [w.title for w in together[:6]]
    assert together == writer.write(many, beams=5)
    assert writer.write([]) == []


@torch.inference_mode()
def test_the_title_is_the_likeliest_continuation(writer):
    for prompt, written in zip(PROMPTS, writer.write(PROMPTS), strict=True):
        ids = writer.tokenizer(INSTRUCTION + prompt + writer.codes.text(written.index))["input_ids"]
        title = []
        while len(title) < 6:
            token = int(writer.model(input_ids=torch.tensor([ids + title])).logits[0, -1].argmax())
            text = writer.tokenizer.decode([token])
            if token == writer.tokenizer.eos_token_id or "\n" in text or text in writer.codes.tokens:
                break
            title.append(token)
        assert written.title == writer.tokenizer.decode(title, skip_special_tokens=True).strip()


def test_a_prompt_over_the_budget_is_cut_and_a_saved_writer_says_the_same(writer, tmp_path):
    assert writer.write([PROMPTS[0] * 60])[0].candidates
    writer.model.save_pretrained(tmp_path)
    writer.tokenizer.save_pretrained(tmp_path)
    writer.codes.save(tmp_path)
    save_prompt_settings(tmp_path, PromptStyle(full_items=3), budget=320, title_tokens=6)
    loaded = load_writer(tmp_path)
    assert loaded.style.full_items == 3
    assert [w.index for w in loaded.write(PROMPTS)] == [w.index for w in writer.write(PROMPTS)]
    assert loaded.prompt_writer(CATALOG).input(()) == "\nrecommend:"
    with pytest.raises(DecodingError, match="shop build"):
        loaded.prompt_writer(Catalog.from_products([Product("x", "one thing")]))


def test_what_cannot_be_loaded_is_said(writer, tmp_path):
    with pytest.raises(DecodingError, match=r"config\.json is missing"):
        load_writer(tmp_path)
    model = tiny_falcon(len(writer.tokenizer), alibi=True)
    with pytest.raises(DecodingError, match="alibi"):
        AnswerWriter(model, writer.tokenizer, writer.codes)
