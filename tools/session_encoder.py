"""Sessions and products in one space, products by what they are: attributes, title and, where the log knows it, the id.

Trained by ``finetune/session_encoder.py``. A session is a weighted mean of its products and queries (CORE: Hou et al.,
SIGIR 2022) plus what a causal transformer adds to it (SASRec: Kang and McAuley, ICDM 2018). A product that nobody has
bought yet has a place in the space too, from its attributes and its title alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional

from shopping_assistant.tools.attribute_values import AttributeValues
from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.prompts import query_text
from shopping_assistant.tools.sessions import Event
from shopping_assistant.tools.store import write_json

FORMAT = 1
# What a token of a session is.
PAD, CLICK, PURCHASE, QUERY = range(4)


class SessionEncoderError(ShopError):
    """A session encoder that is missing, cannot be read, or was asked about an unknown product."""


@dataclass(frozen=True)
class Token:
    """One thing a shopper did: the product's row for a click or a purchase, the text for a search."""

    kind: int
    row: int = -1
    query: str = ""


def tokens_of(history: Sequence[Event], catalog: Catalog) -> list[Token]:
    """A history as the encoder reads it, oldest first: searches, clicks and purchases of known products.

    Clicks on what was bought later and repeats in a row are left out, as in training.
    """
    tokens: list[Token] = []
    bought_later: set[str] = set()
    for event in reversed(history):
        if event.action == "search":
            text = query_text(event.query or "")
            token = Token(QUERY, query=text) if text else None
        elif event.product_id not in catalog or (event.action == "click" and event.product_id in bought_later):
            token = None
        else:
            if event.action == "purchase":
                bought_later.add(event.product_id)
            token = Token(PURCHASE if event.action == "purchase" else CLICK, catalog.index(event.product_id))
        repeated = token is not None and tokens and (token.row, token.query) == (tokens[-1].row, tokens[-1].query)
        if token is not None and not repeated:
            tokens.append(token)
    return tokens[::-1]


class Encoder(nn.Module):
    """The network. Its products are given by number of each attribute's value, by text vector, and by an id vector.

    Args:
        attributes: how many values each attribute has, the unknown one included.
        text: dimensions of the text vectors.
    """

    def __init__(
        self, attributes: Sequence[int], text: int, dim: int = 64, layers: int = 1, heads: int = 2, length: int = 50,
        dropout: float = 0.2, temperature: float = 0.07,
    ):  # fmt: skip
        super().__init__()
        self.sizes = {"attributes": list(attributes), "text": text, "dim": dim, "layers": layers, "heads": heads,
                      "length": length, "temperature": temperature}  # fmt: skip
        self.length, self.temperature = length, temperature
        self.values = nn.ModuleList(nn.Embedding(size, dim, padding_idx=0) for size in attributes)
        self.title, self.query = nn.Linear(text, dim, bias=False), nn.Linear(text, dim, bias=False)
        self.positions, self.kinds = nn.Embedding(length, dim), nn.Embedding(4, dim)
        self.norm = nn.LayerNorm(dim)
        layer = nn.TransformerEncoderLayer(dim, heads, 4 * dim, dropout, "gelu", batch_first=True, norm_first=True)
        self.layers = nn.ModuleList(nn.TransformerEncoder(layer, 1, enable_nested_tensor=False) for _ in range(layers))
        self.weight, self.added = nn.Linear(dim, 1), nn.Linear(dim, dim)
        self.popularity = nn.Parameter(torch.zeros(()))
        self.dropout = nn.Dropout(dropout)
        for table in self.values:
            nn.init.normal_(table.weight, std=0.05)
            nn.init.zeros_(table.weight[0])
        for table in (self.positions, self.kinds):
            nn.init.normal_(table.weight, std=0.02)
        # At first a session is the plain mean of what is in it.
        for linear in (self.weight, self.added):
            nn.init.zeros_(linear.weight)
            nn.init.zeros_(linear.bias)

    def content(self, values: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
        """What products are without their ids: ``(m, attributes)`` and ``(m, text)`` to ``(m, dim)``."""
        made = self.title(texts)
        for i, table in enumerate(self.values):
            made = made + table(values[:, i])
        return made

    def forward(self, given: torch.Tensor, kinds: torch.Tensor) -> torch.Tensor:
        """The session after each token: vectors ``(b, t, dim)`` and kinds ``(b, t)`` to unit ``(b, t, dim)``.

        Position ``i`` sees tokens up to ``i`` alone, so every prefix is encoded as it would be by itself.
        """
        t = given.shape[1]
        # Counted from the first token, as a session grows; the window is cut before.
        x = self.dropout(self.norm(given) + self.positions.weight[:t] + self.kinds(kinds))
        later = torch.ones(t, t, dtype=torch.bool, device=given.device).triu(1)
        for layer in self.layers:
            x = layer(x, mask=later, is_causal=True)
        itself = torch.eye(t, dtype=torch.bool, device=given.device)
        weights = self.weight(x).transpose(1, 2).masked_fill(later, -torch.inf)
        weights = weights.masked_fill((kinds == PAD)[:, None, :] & ~itself, -torch.inf)
        return functional.normalize(weights.softmax(-1) @ given + self.added(x), dim=-1)


class SessionEncoder:
    """A trained `Encoder` over a whole catalogue.

    ``table`` ``(n, dim + 1)`` float32 holds the products: a unit vector and the weighted logarithm of how often the log
    has it. A session's score of a product is their inner product.
    """

    def __init__(self, encoder: Encoder, attributes: AttributeValues, table: np.ndarray):
        self._encoder, self.attributes = encoder.eval(), attributes
        self.table = table

    @property
    def dim(self) -> int:
        return self.table.shape[1]

    @torch.inference_mode()
    def products(self, values: np.ndarray, texts: np.ndarray) -> np.ndarray:
        """Rows of ``table`` for products without events: ``(m, attributes)`` and ``(m, text)`` to ``(m, dim + 1)``."""
        made = self._encoder.content(
            torch.from_numpy(values.astype(np.int64)), torch.from_numpy(texts.astype(np.float32))
        )
        unit = functional.normalize(made, dim=-1).numpy()
        return np.column_stack([unit, np.zeros(len(unit), np.float32)])

    @torch.inference_mode()
    def encode(
        self, sessions: Sequence[Sequence[Token]], query_vectors: dict[str, np.ndarray], batch: int = 256
    ) -> np.ndarray:
        """Sessions to ``(b, dim + 1)`` float32 in the space of ``table``; scores are ``encode(…) @ table.T``.

        An empty session is a zero but for its last column: everything is ranked by how often it was bought.

        Args:
            query_vectors: the text vector of every query among the tokens.

        Raises:
            SessionEncoderError: a product row is not in the table.
        """
        out = np.zeros((len(sessions), self.dim), dtype=np.float32)
        out[:, -1] = 1.0
        cut = [list(s)[-self._encoder.length :] for s in sessions]
        by_length = sorted((i for i, s in enumerate(cut) if s), key=lambda i: len(cut[i]))
        for at in range(0, len(by_length), batch):
            part = by_length[at : at + batch]
            given, kinds = self._read([cut[i] for i in part], query_vectors)
            last = torch.tensor([len(cut[i]) - 1 for i in part])
            out[part, :-1] = self._encoder(given, kinds)[torch.arange(len(part)), last].numpy()
        out[:, :-1] /= self._encoder.temperature
        return out

    def _read(
        self, sessions: list[list[Token]], query_vectors: dict[str, np.ndarray]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        longest = max(map(len, sessions))
        given = np.zeros((len(sessions), longest, self.dim - 1), dtype=np.float32)
        kinds = np.zeros((len(sessions), longest), dtype=np.int64)
        asked: list[tuple[int, int, str]] = []
        for b, session in enumerate(sessions):
            for t, token in enumerate(session):
                kinds[b, t] = token.kind
                if token.kind == QUERY:
                    asked.append((b, t, token.query))
                elif not 0 <= token.row < len(self.table):
                    raise SessionEncoderError(
                        f"product row {token.row}: the session encoder has rows 0 to {len(self.table) - 1}"
                    )
                else:
                    given[b, t] = self.table[token.row, :-1]
        if asked:
            texts = torch.from_numpy(np.stack([query_vectors[text] for _, _, text in asked]).astype(np.float32))
            made = functional.normalize(self._encoder.query(texts), dim=-1).numpy()
            for vector, (b, t, _) in zip(made, asked, strict=True):
                given[b, t] = vector
        return torch.from_numpy(given), torch.from_numpy(kinds)

    def save(self, folder: Path | str) -> None:
        """Write ``session_encoder.json`` and ``model.safetensors`` (half precision)."""
        folder = Path(folder)
        weights = {name: w.half().contiguous() for name, w in self._encoder.state_dict().items()}
        save_file({**weights, "table": torch.from_numpy(self.table).half()}, folder / "model.safetensors")
        described = {"format": FORMAT, "sizes": self._encoder.sizes, "attributes": self.attributes.values}
        write_json(folder / "session_encoder.json", described)

    @classmethod
    def load(cls, folder: Path | str) -> SessionEncoder:
        """Read what `save` wrote; single precision in memory.

        Raises:
            SessionEncoderError: there is none, or it is damaged or of another format.
        """
        folder = Path(folder)
        try:
            described = json.loads((folder / "session_encoder.json").read_text(encoding="utf-8"))
            if described["format"] != FORMAT:
                raise SessionEncoderError(
                    f"{folder}: session encoder of format {described['format']!r}, expected {FORMAT}; train it again "
                    "with `shop build --only sessions`"
                )
            encoder = Encoder(**described["sizes"])
            weights = {k: w.float() for k, w in load_file(folder / "model.safetensors").items()}
            table = weights.pop("table").numpy()
            encoder.load_state_dict(weights)
            return cls(encoder, AttributeValues(described["attributes"]), table)
        except ShopError:
            raise
        except Exception as error:  # safetensors and torch raise errors of their own kinds
            raise SessionEncoderError(
                f"{folder} holds no readable session encoder ({type(error).__name__}: {error}); train one with "
                "`shop build --only sessions`"
            ) from error
