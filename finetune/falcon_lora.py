"""LoRA on prompt and response: an adapter, the epochs over all prompts, the rounds over the hardest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from shopping_assistant.finetune.falcon_base import compute_dtype
from shopping_assistant.finetune.falcon_settings import FalconConfig, Lora
from shopping_assistant.finetune.fitting import Checkpoint, Fitted, Plan, Step, fit
from shopping_assistant.finetune.packing import grouped, pack, response_losses
from shopping_assistant.finetune.processes import Processes
from shopping_assistant.finetune.sft_data import Pair

ALL, HARD = "finetuning", "hard rounds"
STAGES = ("before_finetuning", "before_hard_rounds", "after_hard_rounds")
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.99)


def with_adapter(model, tokenizer, code_tokens: Sequence[str], lora: Lora, seed: int):
    """The model with a fresh adapter on every linear layer but the output embeddings; the base itself is frozen."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    output = model.get_output_embeddings()
    names = {
        n.rsplit(".", 1)[-1] for n, m in model.named_modules() if isinstance(m, torch.nn.Linear) and m is not output
    }
    codes = tokenizer.convert_tokens_to_ids(list(code_tokens)) if lora.train_codes else None
    tied = output.weight is model.get_input_embeddings().weight
    if codes and not tied:
        # Codes are read and written: where two tables hold them, one of them alone would not do.
        tables = {id(model.get_input_embeddings()), id(output)}
        codes = {name: codes for name, m in model.named_modules() if id(m) in tables}
    settings = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=sorted(names),
        trainable_token_indices=codes,
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, settings)


def finetune(
    model,
    learned: Sequence[Pair],
    config: FalconConfig,
    checkpoint: Checkpoint,
    told: Callable[[float], None],
    us: Processes,
    measured: Callable[[str], dict],
) -> tuple[dict, list[Fitted]]:
    """Train the adapter in place on the responses; figures and what each phase did.

    Args:
        measured: figures of the model as it is, asked at each of ``STAGES`` by its name; ``nats_a_target`` on
            validation purchases decides which adapter is kept, where the settings keep the best.
    """
    lora = config.lora
    every = list(range(len(learned)))
    tokens = sum(map(len, learned))
    again = lora.hard_epochs * lora.hard_share if len(learned) > 1 else 0.0
    # The time is shared out by the tokens of the two phases.
    first = lora.epochs / (lora.epochs + again)

    def phase(name: str, chosen: list[int], epochs: int, share: float, seed: int, told) -> Fitted:
        steps = _steps(model, learned, chosen, epochs, config, us, seed)
        total = sum(len(learned[i]) for i in chosen) * epochs
        scaled = compute_dtype(lora.compute, us.device) == torch.float16
        plan = Plan(lora.rate, total, lora.minutes * share, betas=(0.9, 0.999), seed=seed, scaled=scaled)
        model.train()
        return fit(name, trained, steps, plan, checkpoint, config.save_minutes, told, us)

    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    stages, adapters = {}, {}

    def reached(stage: str) -> None:
        stages[stage] = measured(stage)
        adapters[stage] = {n: p.detach().to("cpu", copy=True) for n, p in trained.items()}

    reached(STAGES[0])
    fitted = [phase(ALL, every, lora.epochs, first, config.seed + 2000, lambda share: told(first * share))]
    figures = {**fitted[0].as_figures(), "examples": len(learned), "tokens_an_epoch": tokens}
    figures["trained_parameters"] = sum(p.numel() for p in trained.values())
    reached(STAGES[1])
    if again:
        nats = _nats(model, learned, config, checkpoint, us)
        hardest = sorted(sorted(every, key=lambda i: -nats[i])[: max(1, int(lora.hard_share * len(learned)))])
        fitted.append(
            phase(HARD, hardest, lora.hard_epochs, 1 - first, config.seed + 3000,
                  lambda share: told(first + (1 - first) * share))
        )  # fmt: skip
        reached(STAGES[2])
        figures["hard_rounds"] = {
            **fitted[1].as_figures(),
            "examples": len(hardest),
            "perplexity": perplexity_quantiles(nats),
            "lowest_perplexity_taken": round(float(np.exp(min(nats[i] for i in hardest))), 4),
        }
    kept = _kept(stages, lora.keep)
    with torch.no_grad():
        for name, parameter in trained.items():
            parameter.copy_(adapters[kept][name])
    return {**figures, "stages": stages, "kept": kept}, fitted


def _kept(stages: dict[str, dict], keep: str) -> str:
    """The stage whose adapter is merged; a shop without validation purchases keeps the last."""
    nats = {stage: figures["nats_a_target"] for stage, figures in stages.items()}
    if keep == "last" or None in nats.values():
        return list(stages)[-1]
    return min(nats, key=nats.get)


def perplexity_quantiles(nats: Sequence[float]) -> dict[str, float]:
    """Of the examples' perplexities, each e to its mean nats a response token."""
    return {f"{q:g}": round(float(np.exp(np.quantile(nats, q))), 4) for q in QUANTILES}


def _steps(
    model, learned: Sequence[Pair], chosen: list[int], epochs: int, config: FalconConfig, us: Processes, seed: int
) -> Iterator[Step]:
    """Optimiser steps over packed rows, packed anew each epoch."""
    lengths = [len(learned[i]) for i in chosen]
    for epoch in range(epochs):
        rows = pack(lengths, config.lora.window, seed + epoch)
        for at, step in enumerate(grouped(rows, lengths, config.lora.batch_tokens)):
            pairs = [[learned[chosen[i]] for i in row] for row in step]
            size = sum(len(p) for row in pairs for p in row)
            yield Step((epoch, at), size, lambda pairs=pairs: _parts(model, pairs, config.lora, us))


def _parts(model, step: list[list[Pair]], lora: Lora, us: Processes) -> Iterator[torch.Tensor]:
    """This process's losses, a few rows at a time, each a share of the mean over the step's response tokens."""
    count = sum(len(p.response) for row in step for p in row)
    compute = compute_dtype(lora.compute, us.device)
    mine = us.part(step)
    at_once = lora.rows_at_once or max(1, len(mine))
    for start in range(0, len(mine), at_once):
        losses, _ = response_losses(model, mine[start : start + at_once], compute)
        yield losses.sum() / count


def _nats(model, learned: Sequence[Pair], config: FalconConfig, checkpoint: Checkpoint, us: Processes) -> list[float]:
    """Mean nats a response token of each example; found once in a run, however often it is resumed."""
    known = us.share(lambda: checkpoint.recall("nats"))
    if known is not None:
        return known
    lora = config.lora
    at_once = lora.rows_at_once or max(1, lora.batch_tokens // lora.window)
    nats = mean_nats(model, learned, lora.window, at_once, compute_dtype(lora.compute, us.device), us)
    return us.share(lambda: checkpoint.once("nats", lambda: nats))


@torch.no_grad()
def mean_nats(
    model, pairs: Sequence[Pair], window: int, at_once: int, compute: torch.dtype, us: Processes
) -> list[float]:
    """Mean nats a response token of each pair, in evaluation mode; every process scores its share of the rows.

    Args:
        window: tokens of a packed row. at_once: rows a forward.
    """
    if not pairs:
        return []
    training = model.training
    model.eval()
    rows = pack([len(p) for p in pairs], window, seed=0)
    mine = us.part(rows)
    sums = np.zeros(len(pairs))
    for start in range(0, len(mine), at_once):
        part = mine[start : start + at_once]
        losses, owner = response_losses(model, [[pairs[i] for i in row] for row in part], compute)
        np.add.at(sums, np.array([i for row in part for i in row])[owner.cpu().numpy()], losses.float().cpu().numpy())
    model.train(training)
    total = np.sum(us.gather(sums), axis=0)
    return (total / [len(p.response) for p in pairs]).tolist()
