"""Figures of a saved recommender on withheld validation purchases."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from shopping_assistant.finetune.sft_data import Results
from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.decoding import load_writer
from shopping_assistant.tools.prompts import INSTRUCTION, parse_response
from shopping_assistant.tools.sessions import Example, current_query

K = 10
# Free answers are slower to write and their share of malformed ones needs no more.
FREE_ANSWERS = 300


def validate(folder: Path, catalog: Catalog, examples: Sequence[Example], results: Results) -> dict:
    """Recall and NDCG of the beam's candidates among all products not bought before, and how well-formed answers are.

    ``nats_a_target`` is the negative log-probability of the target's whole id.
    """
    examples = [e for e in examples if e.target in catalog]
    if not examples:
        return {"examples": 0}
    writer = load_writer(folder)
    wording = writer.prompt_writer(catalog)
    inputs = [wording.input(e.history, results(current_query(e.history) or "")) for e in examples]
    targets = [catalog.index(e.target) for e in examples]
    masks = [_not_bought(e, catalog) for e in examples]
    start = time.perf_counter()
    written = writer.write(inputs, masks, beams=K)
    seconds = time.perf_counter() - start
    ranks = [_rank([row for row, _ in w.candidates], t) for w, t in zip(written, targets, strict=True)]
    free = writer.write_freely(inputs[:FREE_ANSWERS])
    malformed = sum(parse_response(text, writer.codes)[0] is None for text in free)
    nats = _nats_of_targets(writer, inputs, targets)
    return {
        "examples": len(examples),
        "recall@10": round(float(np.mean([r <= K for r in ranks])), 4),
        "ndcg@10": round(float(np.mean([1 / np.log2(r + 1) if r <= K else 0.0 for r in ranks])), 4),
        "exact_id": round(float(np.mean([r == 1 for r in ranks])), 4),
        "malformed": round(malformed / len(free), 4),
        "nats_a_target": round(float(np.mean(nats)), 4),
        "answers_a_second": round(len(examples) / seconds, 1),
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
def _nats_of_targets(writer, inputs: Sequence[str], targets: Sequence[int]) -> list[float]:
    """Teacher-forced: what the model gives to the codes of the product that was bought."""
    from shopping_assistant.finetune.falcon import response_losses
    from shopping_assistant.finetune.sft_data import Pair, batches

    read = writer.tokenizer(list(inputs), add_special_tokens=False)["input_ids"]
    before = writer.tokenizer(INSTRUCTION, add_special_tokens=False)["input_ids"]
    pairs = [
        Pair((*before, *ids), tuple(writer.tokenizer.convert_tokens_to_ids(_tokens(writer.codes.text(target)))))
        for ids, target in zip(read, targets, strict=True)
    ]
    nats = np.zeros(len(pairs))
    for part in batches([len(p) for p in pairs], 8192, seed=0):
        losses, rows = response_losses(writer.model, [pairs[i] for i in part], writer.device)
        np.add.at(nats, np.array(part)[rows.cpu().numpy()], losses.cpu().numpy())
    return nats.tolist()


def _tokens(code_text: str) -> list[str]:
    return [f"<{piece}" for piece in code_text.split("<")[1:]]
