"""Figures of a recommender on withheld validation purchases: the constrained beam's, and of answers written freely."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from shopping_assistant.finetune.packing import response_losses
from shopping_assistant.finetune.sft_data import Pair, Results, batches
from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.decoding import AnswerWriter, load_writer
from shopping_assistant.tools.item_codes import ItemCodes
from shopping_assistant.tools.prompts import INSTRUCTION, parse_response
from shopping_assistant.tools.sessions import Example, current_query

K = 10
# Free answers are slower to write and their share of malformed ones needs no more.
FREE_ANSWERS = 300
# As published: at most so many new tokens.
FREE_TOKENS = 64
BATCH = 32


def validate(
    recommender: Path | AnswerWriter, catalog: Catalog, examples: Sequence[Example], results: Results, sample: int = 0
) -> dict:
    """Recall and NDCG of the beam's candidates among all products not bought before, and how well-formed answers are.

    ``nats_a_target`` is the negative log-probability of the target's whole id. ``malformed`` is the share of the
    constrained answers that do not read back as a product with a title.

    Args:
        recommender: a saved one's folder, or one that writes already.
        sample: figures of the first so many examples come under ``sample``.
    """
    examples = [e for e in examples if e.target in catalog]
    if not examples:
        return {"examples": 0}
    writer = recommender if isinstance(recommender, AnswerWriter) else load_writer(recommender)
    wording = writer.prompt_writer(catalog)
    inputs = [wording.input(e.history, results(current_query(e.history) or "")) for e in examples]
    targets = [catalog.index(e.target) for e in examples]
    start = time.perf_counter()
    written = writer.write(inputs, [_not_bought(e, catalog) for e in examples], beams=K)
    seconds = time.perf_counter() - start
    ranks = [_rank([row for row, _ in w.candidates], t) for w, t in zip(written, targets, strict=True)]
    answers = [f"{writer.codes.text(w.index)} {w.title}" for w in written]
    found = {
        "examples": len(examples),
        "recall@10": round(float(np.mean([r <= K for r in ranks])), 4),
        **_of_ranks(ranks),
        "malformed": malformed_share(answers, writer.codes),
        "nats_a_target": round(float(np.mean(_nats_of_targets(writer, inputs, targets))), 4),
        "answers_a_second": round(len(examples) / seconds, 1),
    }
    return {**found, "sample": {"examples": len(ranks[:sample]), **_of_ranks(ranks[:sample])}} if sample else found


def malformed_share(answers: Sequence[str], codes: ItemCodes) -> float | None:
    """The share of answers whose id is no product's or that have no title; None without any answer."""
    if not answers:
        return None
    read = [parse_response(text, codes) for text in answers]
    return round(float(np.mean([row is None or not title for row, title in read])), 4)


@torch.inference_mode()
def free_answers(model, tokenizer, prompts: Sequence[Sequence[int]], compute: torch.dtype) -> list[str]:
    """What the model writes to each prompt by itself: greedy, no id ruled out, at most ``FREE_TOKENS`` tokens.

    Args:
        prompts: token ids, the instruction included.
        compute: precision for weights that are not in float32.
    """
    training = model.training
    model.eval()
    weights = model.get_input_embeddings().weight
    end, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    out: dict[int, str] = {}
    # Prompts of similar length together: padding is work for nothing.
    by_length = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    for start in range(0, len(by_length), BATCH):
        part = by_length[start : start + BATCH]
        longest = max(len(prompts[i]) for i in part)
        tokens = torch.full((len(part), longest), end if pad is None else pad)
        real = torch.zeros((len(part), longest), dtype=torch.long)
        for row, i in enumerate(part):
            tokens[row, longest - len(prompts[i]) :] = torch.as_tensor(prompts[i])
            real[row, longest - len(prompts[i]) :] = 1
        with torch.autocast(weights.device.type, compute, enabled=weights.dtype != torch.float32):
            written = model.generate(
                input_ids=tokens.to(weights.device), attention_mask=real.to(weights.device), use_cache=True,
                do_sample=False, max_new_tokens=FREE_TOKENS, pad_token_id=end if pad is None else pad, eos_token_id=end,
            )[:, longest:].tolist()  # fmt: skip
        for i, ids in zip(part, written, strict=True):
            ids = ids[: ids.index(end)] if end in ids else ids
            out[i] = tokenizer.decode(ids, clean_up_tokenization_spaces=False)
    model.train(training)
    return [out[i] for i in range(len(prompts))]


def _of_ranks(ranks: Sequence[float]) -> dict[str, float]:
    return {
        "ndcg@10": round(float(np.mean([1 / np.log2(r + 1) if r <= K else 0.0 for r in ranks])), 4),
        "exact_id": round(float(np.mean([r == 1 for r in ranks])), 4),
    }


def _not_bought(example: Example, catalog: Catalog) -> np.ndarray:
    mask = np.ones(len(catalog), dtype=bool)
    mask[
        [catalog.index(e.product_id) for e in example.history if e.action == "purchase" and e.product_id in catalog]
    ] = 0
    return mask


def _rank(rows: Sequence[int], target: int) -> float:
    return rows.index(target) + 1 if target in rows else np.inf


@torch.inference_mode()
def _nats_of_targets(writer: AnswerWriter, inputs: Sequence[str], targets: Sequence[int]) -> list[float]:
    """Teacher-forced: what the model gives to the codes of the product that was bought."""
    read = writer.tokenizer(list(inputs), add_special_tokens=False)["input_ids"]
    before = writer.tokenizer(INSTRUCTION, add_special_tokens=False)["input_ids"]
    pairs = [
        Pair((*before, *ids), tuple(writer.tokenizer.convert_tokens_to_ids(_tokens(writer.codes.text(target)))))
        for ids, target in zip(read, targets, strict=True)
    ]
    nats = np.zeros(len(pairs))
    for part in batches([len(p) for p in pairs], 8192, seed=0):
        losses, owner = response_losses(writer.model, [[pairs[i]] for i in part])
        np.add.at(nats, np.array(part)[owner.cpu().numpy()], losses.cpu().numpy())
    return nats.tolist()


def _tokens(code_text: str) -> list[str]:
    return [f"<{piece}" for piece in code_text.split("<")[1:]]
