"""A small Falcon from nothing: the shop's own sequences and descriptions, each token predicted from those before.

What a shopper typed and what the shop showed for it is read, not predicted: no capacity goes into guessing queries, and
what follows the results is learned as a choice among them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch

from shopping_assistant.finetune import falcon_base, sft_data
from shopping_assistant.finetune.augmentation import Kin, augmented
from shopping_assistant.finetune.falcon_settings import FalconConfig, Shape
from shopping_assistant.finetune.fitting import Checkpoint, Fitted, Plan, Step, fit
from shopping_assistant.finetune.processes import Processes
from shopping_assistant.tools.prompts import MARKERS, QUERY, RESULTS, SEARCH, PromptWriter
from shopping_assistant.tools.sessions import Event

# A CPU's products keep memory for every shape they ever met: few shapes hold a training at 1.1 GB that grew to 5.4.
LENGTHS, LEARNED_AT_A_TIME = 16, 128
IGNORED = -100


def architecture(shape: Shape, vocabulary: int, **more):
    """The Falcon of this shape: one key for all heads, rotary positions; ``more`` goes to its configuration."""
    from transformers import FalconConfig as Architecture

    return Architecture(
        vocab_size=vocabulary,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        max_position_embeddings=shape.positions,
        multi_query=True,
        alibi=False,
        new_decoder_architecture=False,
        **more,
    )


def small_falcon(shape: Shape, tokenizer, seed: int, dropout: float = 0.0):
    """A Falcon with random weights for this tokenizer; the same seed gives the same weights."""
    from transformers import FalconForCausalLM

    torch.manual_seed(seed)
    ends = {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    model = FalconForCausalLM(architecture(shape, len(tokenizer), use_cache=False, hidden_dropout=dropout, **ends))
    # On a CPU plain attention trains 1.45 times as fast as the fused one, which is slow with the mask Falcon gives it.
    falcon_base.set_attention(model, "eager")
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
    kin: Kin | None = None,
) -> tuple[dict, Fitted]:
    """Train the model in place; figures and what was done.

    Args:
        kin: the products with the nearest titles, needed with a ``kin_share``.
    """
    settings = config.pretraining
    facts = len(wording.catalog) if settings.facts is None else settings.facts

    def rows_of(epoch: int) -> list[list[int]]:
        return sft_data.pretraining_rows(
            augmented(users, kin, settings.kin_share, settings.shuffled, config.seed + epoch),
            wording,
            results,
            tokenizer,
            settings.window,
            settings.full_share,
            settings.results_share,
            facts,
            config.seed + epoch,
            settings.asked_share,
            settings.answer_titles,
            settings.instruction_share,
        )

    given = Given(tokenizer, markers=not settings.learn_markers)

    def parts(rows: list[list[int]], mine: Sequence[list[int]]) -> Iterator[torch.Tensor]:
        learned = int(_learned(*_padded(rows), given).sum())
        if mine and learned:
            yield language_model_loss(model, mine, us.device, given) / learned

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


class Given:
    """Which tokens of a row are read and not predicted: a query's words, and the ids of its results.

    Args:
        markers: the tokens that open a line, and the end, are read and not predicted either.
    """

    def __init__(self, tokenizer, markers: bool = False):
        self._markers = markers
        self._opens = torch.zeros(len(tokenizer), dtype=torch.bool)
        self._opens[[*tokenizer.convert_tokens_to_ids(list(MARKERS)), tokenizer.eos_token_id]] = True
        self._given = torch.zeros(len(tokenizer), dtype=torch.bool)
        self._given[tokenizer.convert_tokens_to_ids([SEARCH, QUERY, RESULTS])] = True

    def __call__(self, tokens: torch.Tensor) -> torch.Tensor:
        """``(b, t)`` tokens to ``(b, t)`` bool; the markers themselves are predicted, unless they are given too."""
        opens = self._opens[tokens]
        line = torch.where(opens, torch.arange(tokens.shape[1]), 0).cummax(1).values
        given = self._given[tokens.gather(1, line)]
        return given | opens if self._markers else given & ~opens


def language_model_loss(
    model, rows: Sequence[Sequence[int]], device: torch.device, given: Given | None = None
) -> torch.Tensor:
    """Nats of what is predicted of each row, summed; padding on the right is neither seen nor counted."""
    tokens, real = _padded(rows)
    row, column = _learned(tokens, real, given).nonzero(as_tuple=True)
    spare = -len(row) % LEARNED_AT_A_TIME
    targets = torch.nn.functional.pad(tokens[row, column + 1], (0, spare), value=IGNORED).to(device)
    row, column = (torch.nn.functional.pad(where, (0, spare)).to(device) for where in (row, column))
    with torch.autocast(device.type, torch.bfloat16):
        read = getattr(model, model.base_model_prefix)(input_ids=tokens.to(device), use_cache=False).last_hidden_state
        logits = model.get_output_embeddings()(read[row, column])
    return torch.nn.functional.cross_entropy(logits.float(), targets, reduction="sum", ignore_index=IGNORED)


def _learned(tokens: torch.Tensor, real: torch.Tensor, given: Given | None) -> torch.Tensor:
    """Which tokens but the first of each row are predicted, ``(b, t - 1)`` bool."""
    return (real if given is None else real & ~given(tokens))[:, 1:]


def _padded(rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    longest = -(-max(map(len, rows)) // LENGTHS) * LENGTHS
    tokens = torch.zeros((len(rows), longest), dtype=torch.long)
    real = torch.zeros((len(rows), longest), dtype=torch.bool)
    for b, row in enumerate(rows):
        tokens[b, : len(row)] = torch.as_tensor(row)
        real[b, : len(row)] = True
    return tokens, real
