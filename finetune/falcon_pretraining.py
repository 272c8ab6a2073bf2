"""A small Falcon from nothing: every token of the shop's own sequences and descriptions predicted from those before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch

from shopping_assistant.finetune import sft_data
from shopping_assistant.finetune.falcon_settings import FalconConfig, Shape
from shopping_assistant.finetune.fitting import Checkpoint, Fitted, Plan, Step, fit
from shopping_assistant.finetune.processes import Processes
from shopping_assistant.tools.prompts import PromptWriter
from shopping_assistant.tools.sessions import Event


def small_falcon(shape: Shape, tokenizer, seed: int):
    """A Falcon with random weights for this tokenizer; the same seed gives the same weights."""
    from transformers import FalconConfig as Architecture
    from transformers import FalconForCausalLM

    torch.manual_seed(seed)
    model = FalconForCausalLM(
        Architecture(
            vocab_size=len(tokenizer),
            hidden_size=shape.hidden,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            max_position_embeddings=shape.positions,
            multi_query=True,
            alibi=False,
            new_decoder_architecture=False,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            use_cache=False,
        )
    )
    # Rows are short: on a CPU plain attention trains a fifth faster than the fused one, which masks padding with care.
    model.set_attn_implementation("eager")
    return model


def pretrain(
    model,
    tokenizer,
    users: Sequence[tuple[Event, ...]],
    wording: PromptWriter,
    results: sft_data.Results,
    config: FalconConfig,
    checkpoint: Checkpoint,
    told: Callable[[float], None],
    us: Processes,
) -> tuple[dict, Fitted]:
    """Train the model in place; figures and what was done."""
    settings = config.pretraining
    facts = len(wording.catalog) if settings.facts is None else settings.facts

    def rows_of(epoch: int) -> list[list[int]]:
        return sft_data.pretraining_rows(
            users, wording, results, tokenizer, settings.window, settings.full_share, facts, config.seed + epoch
        )

    def parts(rows: list[list[int]], mine: Sequence[list[int]]) -> Iterator[torch.Tensor]:
        learned = sum(len(row) - 1 for row in rows)
        if mine:
            yield language_model_loss(model, mine, us.device) / learned

    def steps() -> Iterator[Step]:
        for epoch in range(settings.epochs):
            rows = first if epoch == 0 else rows_of(epoch)
            order = sft_data.batches([len(r) for r in rows], settings.batch_tokens, config.seed + epoch)
            for at, chosen in enumerate(order):
                part = [rows[i] for i in chosen]
                yield Step((epoch, at), sum(map(len, part)), lambda part=part: parts(part, us.part(part)))

    first = rows_of(0)
    tokens = sum(map(len, first))
    model.train()
    total = min(settings.max_tokens, tokens * settings.epochs)
    plan = Plan(settings.rate, total, settings.minutes, settings.weight_decay, seed=config.seed + 1000)
    named = dict(model.named_parameters())
    fitted = fit("pretraining", named, steps(), plan, checkpoint, config.save_minutes, told, us)
    return {**fitted.as_figures(), "users": len(users), "tokens_an_epoch": tokens, "facts": facts}, fitted


def language_model_loss(model, rows: Sequence[Sequence[int]], device: torch.device) -> torch.Tensor:
    """Nats of all tokens but the first of each row, summed; padding on the right is neither seen nor counted."""
    tokens, real = _padded(rows, device)
    with torch.autocast(device.type, torch.bfloat16):
        read = getattr(model, model.base_model_prefix)(input_ids=tokens, use_cache=False).last_hidden_state
        logits = model.get_output_embeddings()(read[:, :-1][real[:, 1:]])
    return torch.nn.functional.cross_entropy(logits.float(), tokens[:, 1:][real[:, 1:]], reduction="sum")


def _padded(rows: Sequence[Sequence[int]], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    longest = max(map(len, rows))
    tokens = torch.zeros((len(rows), longest), dtype=torch.long)
    real = torch.zeros((len(rows), longest), dtype=torch.bool)
    for b, row in enumerate(rows):
        tokens[b, : len(row)] = torch.as_tensor(row)
        real[b, : len(row)] = True
    return tokens.to(device), real.to(device)
