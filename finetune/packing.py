"""Several examples in one row of tokens, each as if it were alone: what one sees, where it stands, what it learns.

Positions start anew with each example and a token sees only what is before it in its own example. Restarting positions
alone would not do: Falcon's forward makes its causal mask without them.
"""

from __future__ import annotations

import random
from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from shopping_assistant.finetune.sft_data import Pair

# A CPU's products keep memory for every shape they ever met: lengths and answers come in few sizes.
LENGTHS, RESPONSES = 64, 128


def pack(lengths: Sequence[int], window: int, seed: int) -> list[list[int]]:
    """Indices in rows of at most ``window`` tokens, the longest first into the row it fills best; rows shuffled.

    A row is open to whatever still fits, so no example is ever cut. Equal lengths are dealt out by the seed.

    Raises:
        ValueError: one is longer than the window.
    """
    chance = random.Random(seed)
    order = list(range(len(lengths)))
    chance.shuffle(order)
    order.sort(key=lambda i: -lengths[i])
    if order and lengths[order[0]] > window:
        raise ValueError(f"{lengths[order[0]]} tokens do not fit a window of {window}")
    rows: list[list[int]] = []
    room: list[tuple[int, int]] = []  # (tokens left, row), ascending
    for i in order:
        at = bisect_left(room, (lengths[i], -1))
        if at < len(room):
            left, row = room.pop(at)
        else:
            left, row = window, len(rows)
            rows.append([])
        rows[row].append(i)
        insort(room, (left - lengths[i], row))
    chance.shuffle(rows)
    return rows


def grouped(rows: Sequence[Sequence[int]], lengths: Sequence[int], tokens: int) -> list[list[Sequence[int]]]:
    """Rows in steps of at most ``tokens`` tokens, in order; a step has one row at least."""
    out: list[list[Sequence[int]]] = []
    held = 0
    for row in rows:
        size = sum(lengths[i] for i in row)
        if not out or held + size > tokens:
            out.append([])
            held = 0
        out[-1].append(row)
        held += size
    return out


@dataclass(frozen=True)
class Packed:
    """Rows of examples as tensors.

    Attributes:
        tokens, positions: ``(rows, length)``, padded on the right.
        example: ``(rows, length)``, which example of its row a token belongs to; -1 is padding.
        at: ``(2, responses)``, row and column of the token before each response token.
        pair: ``(responses,)``, which pair each response token belongs to, counted through the rows.
    """

    tokens: torch.Tensor
    positions: torch.Tensor
    example: torch.Tensor
    at: torch.Tensor
    pair: torch.Tensor


def packed(rows: Sequence[Sequence[Pair]], device: torch.device, lengths: int = 1) -> Packed:
    """The rows as tensors on the device; their length a multiple of ``lengths``."""
    longest = max(sum(map(len, row)) for row in rows)
    shape = len(rows), -(-longest // lengths) * lengths
    tokens, positions = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    example = torch.full(shape, -1)
    before: list[tuple[int, int]] = []
    owners: list[int] = []
    count = 0
    for r, row in enumerate(rows):
        start = 0
        for e, pair in enumerate(row):
            end = start + len(pair)
            tokens[r, start:end] = torch.as_tensor((*pair.prompt, *pair.response))
            positions[r, start:end] = torch.arange(len(pair))
            example[r, start:end] = e
            first = start + len(pair.prompt) - 1
            before += [(r, first + i) for i in range(len(pair.response))]
            owners += [count] * len(pair.response)
            start, count = end, count + 1
    made = (tokens, positions, example, torch.tensor(before).T, torch.tensor(owners))
    return Packed(*(tensor.to(device) for tensor in made))


def visible(batch: Packed) -> torch.Tensor:
    """``(rows, 1, length, length)`` bool: what each token sees, itself included."""
    length = batch.tokens.shape[1]
    same = batch.example[:, :, None] == batch.example[:, None, :]
    causal = torch.ones((length, length), dtype=torch.bool, device=same.device).tril()
    return (same & causal)[:, None]


def response_losses(
    model, rows: Sequence[Sequence[Pair]], compute: torch.dtype = torch.bfloat16
) -> tuple[torch.Tensor, torch.Tensor]:
    """Nats of each response token given its own prompt, flat, and which pair (counted through the rows) it belongs to.

    Logits are computed for the responses alone: prompts are read, never predicted.
    """
    inner = model.get_base_model() if hasattr(model, "peft_config") else model
    device = inner.get_input_embeddings().weight.device
    attention = inner.config._attn_implementation
    if attention == "flash_attention_2":
        # Its kernel for sequences of several lengths takes one row without padding and reads where they start.
        rows = [[pair for row in rows for pair in row]]
    batch = packed(rows, device, 1 if attention == "flash_attention_2" else LENGTHS)
    count = len(batch.pair)
    row, column = torch.nn.functional.pad(batch.at, (0, -count % RESPONSES))
    with torch.autocast(device.type, compute, enabled=compute != torch.float32):
        logits = inner.get_output_embeddings()(_hidden(inner, batch, attention)[row, column])
    losses = torch.nn.functional.cross_entropy(logits.float(), batch.tokens[row, column + 1], reduction="none")
    return losses[:count], batch.pair


def _hidden(inner, batch: Packed, attention: str) -> torch.Tensor:
    """Last hidden states ``(rows, length, hidden)``."""
    mask = None
    # A row of one example needs none: padding comes after all that is used.
    if attention != "flash_attention_2" and int(batch.example.max()) > 0:
        mask = visible(batch)
        if attention == "eager":
            mask = torch.zeros_like(mask, dtype=torch.float32).masked_fill(~mask, torch.finfo(torch.float32).min)
        if getattr(inner.config, "alibi", False):
            _mind_masks_with_alibi()
    model = getattr(inner, inner.base_model_prefix)
    return model(
        input_ids=batch.tokens, attention_mask=mask, position_ids=batch.positions, use_cache=False
    ).last_hidden_state


def _mind_masks_with_alibi() -> None:
    """Teach Falcon's alibi to read a mask of what each token sees; it knows only masks of what is padding."""
    from transformers.models.falcon import modeling_falcon

    original = modeling_falcon.build_alibi_tensor
    if getattr(original, "reads_what_is_seen", False):
        return

    def build(attention_mask: torch.Tensor, num_heads: int, dtype: torch.dtype) -> torch.Tensor:
        if attention_mask.ndim != 4:
            return original(attention_mask, num_heads, dtype)
        batch, _, queries, keys = attention_mask.shape
        if queries == keys and attention_mask.dtype == torch.bool:
            # Where a key stands is how many it sees itself. Its column would do too, were the bias not rounded.
            place = attention_mask[:, 0].sum(-1) - 1
        else:
            place = torch.arange(keys, device=attention_mask.device).expand(batch, keys)
        # Given as a mask whose running sum is the place wanted.
        ones = torch.ones_like(place)
        bias = original(ones, num_heads, torch.float32).view(batch, num_heads, keys)
        return bias.gather(2, place[:, None].expand_as(bias)).reshape(batch * num_heads, 1, keys).to(dtype)

    build.reads_what_is_seen = True
    modeling_falcon.build_alibi_tensor = build
