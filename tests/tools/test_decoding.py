"""Decoding: the beam against brute force, masks, batches, titles, whatever forward the model is read with."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from shopping_assistant.finetune.tokenizer import train_tokenizer
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.decoding import AnswerWriter, DecodingError, load_writer, save_prompt_settings
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.item_codes import ItemCodes
from shopping_assistant.tools.prompts import INSTRUCTION, PromptStyle, parse_response, response
from shopping_assistant.tools.sessions import Event

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
    settings = {"vocab_size": vocabulary, "initializer_range": 0.4, **shape, **settings}
    return FalconForCausalLM(FalconConfig(**settings)).eval()


def tiny_llama(vocabulary: int):
    """The architecture of Falcon3, which goes through transformers' own forward."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    return LlamaForCausalLM(LlamaConfig(vocab_size=vocabulary, initializer_range=0.4, **shape)).eval()


def adapted_falcon(vocabulary: int):
    from peft import LoraConfig, get_peft_model

    settings = LoraConfig(r=2, target_modules=["query_key_value"], init_lora_weights=False)
    return get_peft_model(tiny_falcon(vocabulary), settings).eval()


RW = {"alibi": True, "multi_query": False, "parallel_attn": False, "bias": True}
KINDS = {
    "two levels": (2, 8, tiny_falcon),
    "three levels": (3, 4, tiny_falcon),
    "alibi": (2, 8, lambda vocabulary: tiny_falcon(vocabulary, **RW)),
    "five levels, adapter": (5, 4, adapted_falcon),
    "llama": (3, 4, tiny_llama),
}


def codes_of(levels: int, base: int) -> ItemCodes:
    draw = np.random.default_rng(3)
    if levels < 5:
        return ItemCodes.from_vectors(draw.standard_normal((40, 8)).astype(np.float32), levels, base)
    keys = draw.choice(base**levels, 40, replace=False)  # far more sequences than products
    return ItemCodes(keys[:, None] // base ** np.arange(levels - 1, -1, -1) % base, base)


@pytest.fixture(scope="module", params=KINDS)
def writer(request) -> AnswerWriter:
    levels, base, make = KINDS[request.param]
    codes = codes_of(levels, base)
    tokenizer = train_tokenizer(CATALOG.titles, codes, 400)
    return AnswerWriter(make(len(tokenizer)), tokenizer, codes, title_tokens=6)


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


def ends_a_title(writer: AnswerWriter, token: int) -> bool:
    text = writer.tokenizer.decode([token])
    return token == writer.tokenizer.eos_token_id or "\n" in text or text in writer.codes.tokens


@torch.inference_mode()
def test_no_title_is_empty_however_much_the_model_wants_to_end_it(writer):
    output = writer.model.get_output_embeddings().weight
    kept = output.clone()
    read = writer.model(input_ids=torch.tensor([writer.tokenizer(INSTRUCTION + PROMPTS[0])["input_ids"]]))
    # The end is now likelier than anything else wherever that was the likeliest.
    output[writer.tokenizer.eos_token_id] = 4 * output[int(read.logits[0, -1].argmax())]
    try:
        ending = AnswerWriter(writer.model, writer.tokenizer, writer.codes, title_tokens=6)
        written = ending.write(PROMPTS) + ending.write(PROMPTS, titles=CATALOG.titles)
        assert all(w.title for w in written)
    finally:
        output.copy_(kept)


@torch.inference_mode()
def test_the_title_is_the_likeliest_continuation(writer):
    for prompt, written in zip(PROMPTS, writer.write(PROMPTS), strict=True):
        ids = writer.tokenizer(INSTRUCTION + prompt + writer.codes.text(written.index))["input_ids"]
        title = []
        while len(title) < 6:
            ranked = writer.model(input_ids=torch.tensor([ids + title])).logits[0, -1].argsort(descending=True)
            # Nothing but the end may end it, and not before its first token.
            token = int(ranked[0]) if title else next(t for t in ranked.tolist() if not ends_a_title(writer, t))
            if ends_a_title(writer, token):
                break
            title.append(token)
        assert written.title == writer.tokenizer.decode(title, skip_special_tokens=True).strip()


def test_what_a_catalogue_drafts_changes_no_title_of_a_random_model(writer):
    plain = writer.write(PROMPTS)
    assert writer.write(PROMPTS, titles=CATALOG.titles) == plain
    assert writer.write(PROMPTS, titles=["\n<a0> " * 20] * 40) == plain
    assert writer.write(PROMPTS, titles=[""] * 40) == plain


@pytest.fixture(scope="module")
def taught() -> AnswerWriter:
    """A writer whose model has learned to write each product's title after its id."""
    codes = codes_of(2, 8)
    tokenizer = train_tokenizer(CATALOG.titles, codes, 400)
    model = tiny_falcon(len(tokenizer), hidden_size=64, initializer_range=0.05)
    answers = [response(codes.text(row), CATALOG.titles[row]) for row in range(40)]
    texts = [f"{INSTRUCTION}\nrecommend:{answer}{tokenizer.eos_token}" for answer in answers]
    read = tokenizer(texts, padding=True, return_tensors="pt", return_token_type_ids=False)
    labels = read["input_ids"].masked_fill(read["attention_mask"] == 0, -100)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, betas=(0.9, 0.95))
    for _ in range(140):
        optimizer.zero_grad()
        model(**read, labels=labels).loss.backward()
        optimizer.step()
    return AnswerWriter(model, tokenizer, codes, title_tokens=12)


class Reads(TorchDispatchMode):
    """Counts how often tokens are looked up: once a forward."""

    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += function is torch.ops.aten.embedding.default
        return function(*args, **(kwargs or {}))


def reads_of(writer: AnswerWriter, titles: Sequence[str], masks) -> tuple[list, int]:
    with Reads() as reads:
        return writer.write(["\nrecommend:"] * len(masks), masks, titles=titles), reads.count


def one_each(rows: Sequence[int]) -> list[np.ndarray]:
    return [np.arange(40) == row for row in rows]


def test_a_title_that_is_as_the_catalogue_says_is_verified_in_one_reading(taught):
    masks = one_each([3, 17, 22])
    plain, without = reads_of(taught, [""] * 40, masks)
    assert [w.title for w in plain] == [CATALOG.titles[row] for row in (3, 17, 22)]
    verified, reads = reads_of(taught, CATALOG.titles, masks)
    assert verified == plain
    # The prompt, the first code, and the last code with the whole title.
    assert reads == 3 < without


def test_wrong_drafts_are_dropped_where_they_go_wrong(taught):
    masks = one_each(range(40))
    plain, without = reads_of(taught, [""] * 40, masks)
    draw = np.random.default_rng(0)
    shuffled = draw.permutation(CATALOG.titles).tolist()
    halves = [" ".join(title.split()[:2]) for title in CATALOG.titles]
    longer = [f"{title} and more" for title in CATALOG.titles]
    stops = [f"{title.split()[0]}\n{title}" for title in CATALOG.titles]
    for drafts in (shuffled, halves, longer, stops, CATALOG.titles[::-1]):
        written, reads = reads_of(taught, drafts, masks)
        assert written == plain
        assert reads <= without
    # Each prompt of a batch keeps its own part of its own draft.
    mixed = [(CATALOG.titles[i], shuffled[i], halves[i], "")[i % 4] for i in range(40)]
    assert reads_of(taught, mixed, masks)[0] == plain


@pytest.mark.parametrize("most", [1, 2, 3, 12])
def test_drafts_are_cut_where_titles_are(taught, most):
    short = AnswerWriter(taught.model, taught.tokenizer, taught.codes, title_tokens=most)
    masks = one_each([3, 17])
    plain, _ = reads_of(short, [""] * 40, masks)
    assert reads_of(short, CATALOG.titles, masks)[0] == plain
    full, _ = reads_of(taught, CATALOG.titles, masks)
    assert all(whole.title.startswith(cut.title) for whole, cut in zip(full, plain, strict=True))


def test_the_catalogue_of_the_prompts_is_the_draft(taught):
    again = AnswerWriter(taught.model, taught.tokenizer, taught.codes, title_tokens=12)
    masks = one_each([3, 17])
    with Reads() as before:
        plain = again.write(["\nrecommend:"] * 2, masks)
    again.prompt_writer(CATALOG)
    with Reads() as after:
        assert again.write(["\nrecommend:"] * 2, masks) == plain
    assert after.count == 3 < before.count


def test_what_the_model_writes_freely_is_its_greedy_continuation(taught):
    (text,) = taught.write_freely(["\nrecommend:"])
    row, title = parse_response(text, taught.codes)
    assert title == CATALOG.titles[row]


def test_a_prompt_over_the_budget_is_refused(writer):
    with pytest.raises(DecodingError, match=r"a prompt of \d+ tokens: expected 1 to \d+, .*prompt_writer"):
        writer.write([PROMPTS[1], PROMPTS[0] * 60])
    wording = writer.prompt_writer(CATALOG)
    when = datetime(2026, 5, 1, tzinfo=UTC)
    long = [Event("s", "u", when, "click", None, f"p{i % 40}") for i in range(200)]
    assert writer.write([wording.input(long)])[0].candidates


def test_a_mask_of_another_catalogue_is_refused(writer):
    with pytest.raises(DecodingError, match="a mask over 39 products: expected one over all 40"):
        writer.write(PROMPTS[:1], [np.ones(39, dtype=bool)])


@pytest.mark.parametrize("kind", ["two levels", "alibi", "llama"])
def test_a_saved_writer_says_the_same(kind, tmp_path):
    levels, base, make = KINDS[kind]
    codes = codes_of(levels, base)
    tokenizer = train_tokenizer(CATALOG.titles, codes, 400)
    writer = AnswerWriter(make(len(tokenizer)), tokenizer, codes, title_tokens=6)
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


def test_what_cannot_be_loaded_is_said(tmp_path):
    with pytest.raises(DecodingError, match=r"config\.json is missing"):
        load_writer(tmp_path)
    codes = codes_of(2, 8)
    tokenizer = train_tokenizer(CATALOG.titles, codes, 400)
    model = tiny_falcon(len(tokenizer), alibi=True)
    model.transformer.h[0].mlp.dense_h_to_4h = torch.nn.Sequential(model.transformer.h[0].mlp.dense_h_to_4h)
    with pytest.raises(DecodingError, match="alibi"):
        AnswerWriter(model, tokenizer, codes)
    with pytest.raises(DecodingError, match="every code"):
        AnswerWriter(tiny_falcon(len(tokenizer)), tokenizer, codes_of(3, 4))
