"""The id model: CORE's item table and session encoder, trained on the shop's log by ``finetune/core_ids.py``.

Source: Hou, Hu, Zhang, Zhao, *CORE: Simple and Effective Session-based Recommendation within Consistent Representation
Space*, SIGIR 2022 (arXiv 2204.11067), the variant with transformer weights.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional

from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.kin import mean_of_kin
from shopping_assistant.tools.sessions import Event
from shopping_assistant.tools.store import write_json

FORMAT = 1


class IdModelError(ShopError):
    """An id model that is missing, cannot be read, or was asked about an item it does not have."""


class _Layer(nn.Module):
    """Causal self-attention and a feed-forward part, each added to its input and normalised."""

    def __init__(self, dim: int, heads: int, inner: int, dropout: float):
        super().__init__()
        self.heads = heads
        self.attention_in = nn.Linear(dim, 3 * dim)
        self.attention_out = nn.Linear(dim, dim)
        self.widen, self.narrow = nn.Linear(dim, inner), nn.Linear(inner, dim)
        self.norm_attention, self.norm_inner = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, t, d = x.shape
        q, k, v = self.attention_in(x).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        rate = self.dropout.p if self.training else 0.0
        attended = functional.scaled_dot_product_attention(q, k, v, dropout_p=rate, is_causal=True)
        attended = self.attention_out(attended.transpose(1, 2).reshape(b, t, d))
        x = self.norm_attention(x + self.dropout(attended))
        return self.norm_inner(x + self.dropout(self.narrow(functional.gelu(self.widen(x)))))


class Core(nn.Module):
    """Items and sessions in one space: a session is a weighted mean of its items' embeddings and nothing else.

    A causal transformer gives each item a weight; it never touches the embeddings themselves (the representation-
    consistent encoder of the paper). Scores are cosines over a temperature.
    """

    def __init__(
        self,
        items: int,
        dim: int = 64,
        layers: int = 2,
        heads: int = 2,
        inner: int = 256,
        length: int = 50,
        dropout: float = 0.2,
        item_dropout: float = 0.2,
        temperature: float = 0.07,
    ):
        super().__init__()
        self.sizes = {
            "items": items, "dim": dim, "layers": layers, "heads": heads, "inner": inner, "length": length,
        }  # fmt: skip
        self.length, self.temperature = length, temperature
        self.items = nn.Embedding(items, dim)
        self.positions = nn.Embedding(length, dim)
        self.norm = nn.LayerNorm(dim)
        self.layers = nn.ModuleList(_Layer(dim, heads, inner, dropout) for _ in range(layers))
        self.weight = nn.Linear(dim, 1)
        self.dropout, self.item_dropout = nn.Dropout(dropout), nn.Dropout(item_dropout)
        bound = dim**-0.5
        nn.init.uniform_(self.items.weight, -bound, bound)
        nn.init.normal_(self.positions.weight, std=0.02)
        nn.init.zeros_(self.weight.weight)  # every item of a session counts the same at first

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """The session vector after each item: rows ``(b, t)``, anything after the end, to unit ``(b, t, dim)``.

        Position ``i`` holds the session of the items up to and including ``i``: the weights are causal, so every
        prefix of a sequence is encoded in one pass exactly as it would be alone.
        """
        embedded = self.item_dropout(self.items(rows))
        x = self.dropout(self.norm(embedded + self.positions.weight[: rows.shape[1]]))
        for layer in self.layers:
            x = layer(x)
        later = torch.ones(rows.shape[1], rows.shape[1], dtype=torch.bool, device=rows.device).triu(1)
        logits = self.weight(x).transpose(1, 2).masked_fill(later, -torch.inf)
        return functional.normalize(logits.softmax(-1) @ embedded, dim=-1)

    def table(self) -> torch.Tensor:
        """What sessions are compared with, ``(items, dim)`` unit rows: the score is the cosine over ``temperature``."""
        return functional.normalize(self.item_dropout(self.items.weight), dim=-1)


class IdModel:
    """A trained `Core` over a whole catalogue.

    ``table`` holds one unit row a product, ``(n, dim + 1)`` float32. The last column keeps products that the log says
    little of at a distance: with certainty ``c`` a row is ``(c * item, sqrt(1 - c * c))``. Sessions have 0 there, so
    the cosine with any session, and with any product of certainty 1, is the item's own times ``c``.

    Args:
        certainty: ``(n,)`` from above 0 to 1; 1 everywhere by default.
    """

    def __init__(self, core: Core, certainty: np.ndarray | None = None):
        self._core = core.eval()
        items = core.table().detach().numpy()
        self.certainty = np.ones(len(items), np.float32) if certainty is None else np.asarray(certainty, np.float32)
        if self.certainty.shape != (len(items),):
            raise IdModelError(f"{len(self.certainty)} certainties for {len(items)} products, expected one each")
        apart = np.sqrt(np.maximum(0, 1 - self.certainty**2))
        self.table: np.ndarray = np.column_stack([items * self.certainty[:, None], apart])

    def with_kin(self, at: np.ndarray, closeness: np.ndarray, certainty: float) -> IdModel:
        """The model with further products after its own, none of which the log has met.

        Each is the similarity-weighted mean of its kin's items, as `finetune.core_ids.with_every_product` makes it.

        Args:
            at: ``(m, k)`` rows of its kin; ``closeness``: ``(m, k)`` the cosines of their titles.
            certainty: of a product without events.
        """
        own = self._core.items.weight.detach()
        items = torch.cat([own, torch.from_numpy(mean_of_kin(own.numpy(), at, closeness))])
        core = Core(**{**self._core.sizes, "items": 1})
        core.load_state_dict({**self._core.state_dict(), "items.weight": items[:1]})
        core.items = nn.Embedding.from_pretrained(items)
        core.sizes["items"] = len(items)
        added = np.full(len(at), certainty, dtype=np.float32)
        return IdModel(core, np.concatenate([self.certainty, added]))

    @property
    def length(self) -> int:
        """How many items of a session count: the last ones."""
        return self._core.length

    @torch.inference_mode()
    def encode_sessions(self, sessions: Sequence[Sequence[int]], batch: int = 512) -> np.ndarray:
        """Sessions of product rows, oldest first, to unit vectors in the space of ``table``: ``(b, dim + 1)`` float32.

        An empty session is a row of zeros: it is equally far from everything.

        Raises:
            IdModelError: a row is not in the table.
        """
        vectors = np.zeros((len(sessions), self.table.shape[1]), dtype=np.float32)
        cut = [list(s)[-self.length :] for s in sessions]
        by_length = sorted((i for i, s in enumerate(cut) if s), key=lambda i: len(cut[i]))
        for at in range(0, len(by_length), batch):
            part = by_length[at : at + batch]
            rows, last = padded_rows([cut[i] for i in part])
            if int(rows.min()) < 0 or int(rows.max()) >= len(self.table):
                wrong = next(r for i in part for r in cut[i] if not 0 <= r < len(self.table))
                raise IdModelError(f"product row {wrong}: the id model has rows 0 to {len(self.table) - 1}")
            vectors[part, :-1] = self._core(rows)[torch.arange(len(part)), last].numpy()
        return vectors

    def save(self, folder: Path | str) -> None:
        """Write ``id_model.json`` and ``model.safetensors`` (half precision)."""
        folder = Path(folder)
        weights = {name: w.half().contiguous() for name, w in self._core.state_dict().items()}
        save_file({**weights, "certainty": torch.from_numpy(self.certainty).half()}, folder / "model.safetensors")
        write_json(folder / "id_model.json", {"format": FORMAT, "sizes": self._core.sizes})

    @classmethod
    def load(cls, folder: Path | str) -> IdModel:
        """Read what `save` wrote; the weights are single precision in memory.

        Raises:
            IdModelError: there is none, or it is damaged or of another format.
        """
        folder = Path(folder)
        try:
            described = json.loads((folder / "id_model.json").read_text(encoding="utf-8"))
            if described["format"] != FORMAT:
                raise IdModelError(
                    f"{folder}: id model of format {described['format']!r}, expected {FORMAT}; train it again with "
                    "`shop build --only ids`"
                )
            core = Core(**described["sizes"])
            weights = {k: w.float() for k, w in load_file(folder / "model.safetensors").items()}
            certainty = weights.pop("certainty", torch.ones(described["sizes"]["items"])).numpy()
            core.load_state_dict(weights)
        except ShopError:
            raise
        except Exception as error:  # safetensors and torch raise errors of their own kinds
            raise IdModelError(
                f"{folder} holds no readable id model ({type(error).__name__}: {error}); train one with "
                "`shop build --only ids`"
            ) from error
        return cls(core, certainty)


def history_rows(history: Sequence[Event], catalog: Catalog) -> list[int]:
    """The product rows of a history as the id model reads it: clicks and purchases, oldest first.

    Clicks on a product that was bought later, repeats in a row and unknown products are left out, as in training.
    """
    rows: list[int] = []
    bought_later: set[str] = set()
    for event in reversed(history):
        if event.product_id is None or event.product_id not in catalog:
            continue
        if event.action == "purchase":
            bought_later.add(event.product_id)
        elif event.product_id in bought_later:
            continue
        row = catalog.index(event.product_id)
        if not rows or rows[-1] != row:
            rows.append(row)
    return rows[::-1]


def padded_rows(sessions: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Sessions of one item or more as ``(b, t)``, padded with row 0 at the end, and the place of each last item."""
    rows = torch.zeros(len(sessions), max(map(len, sessions)), dtype=torch.int64)
    for i, session in enumerate(sessions):
        rows[i, : len(session)] = torch.as_tensor(session)
    return rows, torch.tensor([len(s) - 1 for s in sessions])
