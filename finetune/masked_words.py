"""BERT's pre-training task: words hidden in a text are told from the rest of it (Devlin et al., NAACL 2019)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from shopping_assistant.tools.recformer import CLS, Batch, Encoder, Piece

# Of the words chosen to be foretold, those that are masked and those that another takes the place of.
MASKED, EXCHANGED = 0.8, 0.1


class MaskedWords(nn.Module):
    """The head that tells hidden words, over the words of this shop's texts alone; no saved model has it."""

    def __init__(self, encoder: Encoder, products: Sequence[Piece], sequences: Sequence[Sequence[Piece]], mask: int):
        super().__init__()
        dim = encoder.sizes["dim"]
        pieces = [*products, *(piece for pieces in sequences for piece in pieces)]
        used = torch.tensor(sorted({i for piece in set(pieces) for i in piece.ids}))
        place = torch.zeros(encoder.sizes["vocabulary"], dtype=torch.int64)
        place[used] = torch.arange(len(used))
        self.register_buffer("used", used)
        self.register_buffer("place", place)
        self.dense, self.norm = nn.Linear(dim, dim), nn.LayerNorm(dim, eps=1e-12)
        self.bias = nn.Parameter(torch.zeros(len(used)))
        self._mask = mask

    def forward(self, encoder: Encoder, states: torch.Tensor) -> torch.Tensor:
        """States of tokens ``(m, dim)`` to scores of the used words ``(m, used)``."""
        read = self.norm(functional.gelu(self.dense(states)))
        return read @ encoder.words.weight[self.used].T + self.bias

    def masked(self, batch: Batch, share: float, rng: np.random.Generator) -> tuple[Batch, torch.Tensor]:
        """The batch with a share of its words masked, exchanged or left as they are; which they are, ``(b, t)``."""
        draw = torch.from_numpy(rng.random((2, *batch.ids.shape)))
        chosen = batch.real & (batch.types != CLS) & (draw[0] < share)
        if not chosen.any():  # there is always something to foretell
            chosen[0, 1] = True
        others = self.used[torch.from_numpy(rng.integers(len(self.used), size=tuple(batch.ids.shape)))]
        ids = batch.ids.masked_fill(chosen & (draw[1] < MASKED), self._mask)
        ids = torch.where(chosen & (draw[1] >= MASKED) & (draw[1] < MASKED + EXCHANGED), others, ids)
        return dataclasses.replace(batch, ids=ids), chosen
