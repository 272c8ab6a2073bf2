"""Texts read into a key-value cache, and alternatives tried side by side after each of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from transformers import DynamicCache, PreTrainedModel

from shopping_assistant.tools import falcon_forward
from shopping_assistant.tools.falcon_forward import FalconForward


class TransformersForward:
    """transformers' own forward, called as ``FalconForward`` is: for adapters, 4-bit weights, other architectures."""

    def __init__(self, model: PreTrainedModel):
        self._model = model

    def cache(self, rows: int, capacity: int) -> _GrowingCache:
        return _GrowingCache(rows)

    @torch.inference_mode()
    def __call__(
        self, tokens: torch.Tensor, sees: torch.Tensor, positions: torch.Tensor, cache: _GrowingCache, last: int = 0
    ) -> torch.Tensor:
        device = self._model.get_input_embeddings().weight.device
        read = self._model(
            input_ids=tokens.to(device),
            attention_mask=sees[:, None].to(device),
            position_ids=positions.to(device),
            past_key_values=cache.kept,
            use_cache=True,
            logits_to_keep=last,
        )
        return read.logits


class _GrowingCache:
    """A ``DynamicCache`` with what ``FalconCache`` has for a reading."""

    def __init__(self, rows: int):
        self.kept, self._rows = DynamicCache(), rows

    @property
    def length(self) -> int:
        return self.kept.get_seq_length()

    def begin_with(self, before: _GrowingCache) -> None:
        pairs = [(layer.keys, layer.values) for layer in before.kept.layers]
        self.kept = DynamicCache([tuple(m.expand(self._rows, *m.shape[1:]) for m in pair) for pair in pairs])


def forward_for(model: PreTrainedModel) -> FalconForward | TransformersForward:
    """The fastest forward this model can be read with."""
    return FalconForward(model) if falcon_forward.takes(model) else TransformersForward(model)


class Beginning:
    """What every text begins with, read once."""

    def __init__(self, forward: FalconForward | TransformersForward, ids: Sequence[int]):
        self.forward = forward
        self.cache = forward.cache(1, len(ids))
        width = len(ids)
        forward(
            torch.tensor([ids]),
            torch.ones((1, width, width), dtype=torch.bool).tril(),
            torch.arange(width)[None],
            self.cache,
            last=1,
        )

    def __len__(self) -> int:
        return self.cache.length


class TreeReading:
    """A batch of texts, each after the same beginning, and what is tried after them.

    Alternatives of one text stand side by side in its row of the cache: a mask lets each token see its text and its
    own ancestors, so that no cache is ever copied or reordered.

    Args:
        ids: at least one token a text.
        room: how many tokens a row will be read after the text at most.

    Attributes:
        sees: ``(b, cached)`` bool, what a token right after the text may look at.
        lengths: ``(b,)``, the position of that token.
        logits: ``(b, vocabulary)`` of it.
    """

    def __init__(self, beginning: Beginning, ids: Sequence[Sequence[int]], room: int):
        rows, longest, before = len(ids), max(len(i) for i in ids), len(beginning)
        self._forward = beginning.forward
        self._cache = self._forward.cache(rows, before + longest + room)
        self._cache.begin_with(beginning.cache)
        tokens = np.zeros((rows, longest), dtype=np.int64)
        real = np.zeros((rows, longest), dtype=bool)
        for row, i in enumerate(ids):
            tokens[row, longest - len(i) :] = i
            real[row, longest - len(i) :] = True
        # Padding sees itself alone: a token that sees nothing would come out as not-a-number and spread.
        inside = (np.tri(longest, dtype=bool) & real[:, None]) | np.eye(longest, dtype=bool)
        sees = np.concatenate([np.ones((rows, longest, before), dtype=bool), inside], 2)
        positions = before + np.maximum(real.cumsum(1) - 1, 0)
        self.sees = sees[:, -1]
        self.lengths = before + real.sum(1)
        self.logits = self._read(tokens, sees, positions, last=1)[:, 0]

    def read(
        self, tokens: np.ndarray, sees: np.ndarray, after: np.ndarray | int, chain: bool = False
    ) -> tuple[torch.Tensor, np.ndarray]:
        """Read ``(b, k)`` tokens after what was read already.

        Args:
            sees: ``(b, k, cached)`` bool, or ``(b, 1, cached)`` where all see the same.
            after: how many tokens stand between the text's end and the first, ``(b,)`` or one for all.
            chain: the k tokens follow one another; else they are alternatives of one place.

        Returns:
            logits ``(b, k, vocabulary)`` and what each token sees, itself included, ``(b, k, cached)``.
        """
        rows, width = tokens.shape
        among = np.tri(width, dtype=bool) if chain else np.eye(width, dtype=bool)
        before = np.broadcast_to(sees, (rows, width, sees.shape[2]))
        sees = np.concatenate([before, np.broadcast_to(among, (rows, width, width))], 2)
        positions = (self.lengths + after)[:, None] + (np.arange(width) if chain else np.zeros(width, dtype=np.int64))
        return self._read(tokens, sees, positions), sees

    def _read(self, tokens: np.ndarray, sees: np.ndarray, positions: np.ndarray, last: int = 0) -> torch.Tensor:
        return self._forward(*map(torch.from_numpy, (tokens, sees, positions)), self._cache, last)
