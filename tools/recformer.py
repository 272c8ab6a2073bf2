"""Recformer: a shopper's next product by language alone (Li et al., "Text Is All You Need", KDD 2023).

A product is the text of its attributes, key after value; a shopper is the texts of the latest products, newest first,
behind a [CLS] whose last state stands for the whole. A product is encoded the same way, as a sequence of itself, and
products are ranked by the cosine of the two. No product has an id here, so one that nobody bought yet is ranked too.

Trained by ``finetune/recformer.py``; a baseline of the evaluation. Where it leaves the paper: the weights start from
MiniLM and not from Longformer, and every token sees every other, which 512 tokens at most allow; with `queries` the
shopper's searches stand in the sequence as items of their own kind.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional

from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.prompts import query_text
from shopping_assistant.tools.session_encoder import QUERY, tokens_of
from shopping_assistant.tools.sessions import Event, current_query
from shopping_assistant.tools.stock import made_at
from shopping_assistant.tools.store import Store, write_json

FORMAT = 1
WEIGHTS, DESCRIBED, TOKENIZER = "model.safetensors", "recformer.json", "tokenizer.json"
# The names of the two models in a store, without the shopper's queries and with them.
PLAIN, WITH_QUERIES = "recformer", "recformer-query"
# What a token is (the paper's token type embedding); [CLS] has the item position 0, the newest item 1.
CLS, KEY, VALUE = range(3)
TAU = 0.05  # the temperature of the cosine, the paper's
ATTRIBUTE_TOKENS = 32  # of one attribute, the paper's
AT_ONCE = 64  # sequences of like length that are encoded together
WIDTHS = 16  # lengths that sequences are filled up to, in multiples


class RecformerError(ShopError):
    """A Recformer that is missing or cannot be read."""


@dataclass(frozen=True)
class Piece:
    """One item's tokens: ids and types, ``(t,)`` each."""

    ids: tuple[int, ...]
    types: tuple[int, ...]


class Wording:
    """Products and queries as key-value text in tokens.

    Args:
        keys: the attributes a product's text is made of, in their order; what a product lacks is left out, and so is a
            value whose words the title has all: an item costs its tokens in every sequence it stands in.
        item_tokens: of one item at most.
    """

    def __init__(self, tokenizer: Tokenizer, keys: Sequence[str], item_tokens: int):
        self.tokenizer, self.keys, self.item_tokens = tokenizer, tuple(keys), item_tokens
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.cls, self.mask = (tokenizer.token_to_id(t) for t in ("[CLS]", "[MASK]"))
        self._keys = dict(zip((*self.keys, "query"), self._tokens([*self.keys, "query"]), strict=True))

    def _tokens(self, texts: Sequence[str]) -> list[list[int]]:
        found = self.tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [e.ids[:ATTRIBUTE_TOKENS] for e in found]

    def _piece(self, said: Sequence[tuple[str, list[int]]]) -> Piece:
        ids: list[int] = []
        types: list[int] = []
        for key, value in said:
            ids += [*self._keys[key], *value]
            types += [KEY] * len(self._keys[key]) + [VALUE] * len(value)
        return Piece(tuple(ids[: self.item_tokens]), tuple(types[: self.item_tokens]))

    def products(self, catalog: Catalog) -> list[Piece]:
        """The text of every product, by row."""
        said = _said(catalog, self.keys)
        distinct = list(dict.fromkeys(value for pairs in said for _, value in pairs))
        tokens = dict(zip(distinct, self._tokens(distinct), strict=True))
        return [self._piece([(key, tokens[value]) for key, value in pairs]) for pairs in said]

    def query(self, text: str) -> Piece:
        return self._piece([("query", self._tokens([text])[0])])


def _said(catalog: Catalog, keys: Sequence[str]) -> list[list[tuple[str, str]]]:
    """Key and value of what a product's text is made of, by row."""
    columns = {key: catalog.titles if key == "title" else catalog.cells(key) for key in keys}
    out = []
    for row, title in enumerate(catalog.titles):
        known = set(title.lower().split()) if "title" in keys else set()
        pairs = []
        for key in keys:
            cell = columns[key][row]
            text = ", ".join(map(str, cell)) if isinstance(cell, tuple | list) else "" if cell is None else str(cell)
            if text and (key == "title" or not known.issuperset(text.lower().split())):
                pairs.append((key, text))
        out.append(pairs)
    return out


def items_of(history: Sequence[Event], catalog: Catalog, queries: bool, most: int) -> list[int | str]:
    """What a shopper did, newest first: rows of products clicked or bought and, with ``queries``, texts of searches.

    The order is the paper's: a sequence that is cut loses its oldest items. The search the shopper is in stands first
    of all, whatever was clicked since. Clicks on what was bought later and repeats in a row are left out.
    """
    items: list[int | str] = []
    for token in reversed(tokens_of(history, catalog)):
        item = token.query if token.kind == QUERY else token.row
        if (queries or token.kind != QUERY) and (not items or items[-1] != item):
            items.append(item)
    asked = query_text(current_query(history) or "") if queries else ""
    if asked:
        items.remove(asked)  # the newest of its kind
        items.insert(0, asked)
    return items[:most]


@dataclass(frozen=True)
class Batch:
    """Sequences side by side, ``(b, t)`` int64 each: token ids, types, item positions; ``real`` is no padding."""

    ids: torch.Tensor
    types: torch.Tensor
    places: torch.Tensor
    real: torch.Tensor

    @classmethod
    def of(cls, sequences: Sequence[Sequence[Piece]], wording: Wording, most: int, width: int = 0) -> Batch:
        """[CLS] and the pieces in their order, cut after ``most`` tokens, filled up to ``width`` and to the longest."""
        rows = []
        for pieces in sequences:
            ids, types, places = [wording.cls], [CLS], [0]
            for place, piece in enumerate(pieces, 1):
                ids += piece.ids
                types += piece.types
                places += [place] * len(piece.ids)
            rows.append((ids[:most], types[:most], places[:most]))
        made = np.zeros((4, len(rows), max(width, *(len(ids) for ids, _, _ in rows))), dtype=np.int64)
        for b, row in enumerate(rows):
            made[:3, b, : len(row[0])] = row
            made[3, b, : len(row[0])] = 1
        ids, types, places, real = torch.from_numpy(made)
        return cls(ids, types, places, real.bool())


class Encoder(nn.Module):
    """The network: four embeddings summed (word, position, type, item position), then BERT's layers.

    Args:
        positions: tokens of the longest sequence.
        items: of the longest sequence.
    """

    def __init__(
        self, vocabulary: int, dim: int = 384, layers: int = 6, heads: int = 12, inner: int = 1536,
        positions: int = 512, items: int = 50, dropout: float = 0.1,
    ):  # fmt: skip
        super().__init__()
        self.sizes = {"vocabulary": vocabulary, "dim": dim, "layers": layers, "heads": heads, "inner": inner,
                      "positions": positions, "items": items}  # fmt: skip
        self.words, self.positions = nn.Embedding(vocabulary, dim), nn.Embedding(positions, dim)
        self.types, self.places = nn.Embedding(3, dim), nn.Embedding(items + 1, dim)
        self.norm = nn.LayerNorm(dim, eps=1e-12)
        self.layers = nn.ModuleList(_Layer(dim, heads, inner, dropout) for _ in range(layers))
        self.dropout = nn.Dropout(dropout)
        for table in (self.words, self.positions, self.types, self.places):
            nn.init.normal_(table.weight, std=0.02)

    @classmethod
    def from_bert(cls, folder: Path | str, items: int, dropout: float = 0.1) -> Encoder:
        """A BERT's weights; the item positions, which it has not, start at zero, so that an item alone is encoded as
        the BERT encodes its text.

        Raises:
            RecformerError: the folder holds no BERT in safetensors.
        """
        folder = Path(folder)
        try:
            c = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            given = load_file(folder / WEIGHTS)
            encoder = cls(
                c["vocab_size"], c["hidden_size"], c["num_hidden_layers"], c["num_attention_heads"],
                c["intermediate_size"], c["max_position_embeddings"], items, dropout,
            )  # fmt: skip
            encoder.load_state_dict(_from_bert(given, len(encoder.layers)) | _new(encoder, given))
        except (OSError, KeyError, ValueError, RuntimeError) as error:
            raise RecformerError(
                f"{folder} holds no BERT in safetensors ({type(error).__name__}: {error}); give a folder with "
                f"config.json and {WEIGHTS}"
            ) from error
        return encoder

    def forward(self, batch: Batch) -> torch.Tensor:
        """The last state of every token, ``(b, t, dim)``."""
        at = torch.arange(batch.ids.shape[1])
        x = self.words(batch.ids) + self.positions(at) + self.types(batch.types) + self.places(batch.places)
        x = self.dropout(self.norm(x))
        seen = batch.real[:, None, None, :]
        for layer in self.layers:
            x = layer(x, seen)
        return x


def unit_cls(states: torch.Tensor) -> torch.Tensor:
    """What stands for the whole sequence: the last state of [CLS], ``(b, t, dim)`` to unit ``(b, dim)`` float32."""
    return functional.normalize(states[:, 0].float(), dim=-1)


class _Layer(nn.Module):
    """BERT's: attention and two linear maps, each added to what it read and then normed."""

    def __init__(self, dim: int, heads: int, inner: int, dropout: float):
        super().__init__()
        self.heads, self._dropped = heads, dropout
        self.read, self.mixed = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.wide, self.narrow = nn.Linear(dim, inner), nn.Linear(inner, dim)
        self.norm_mixed, self.norm_out = nn.LayerNorm(dim, eps=1e-12), nn.LayerNorm(dim, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        b, t, dim = x.shape
        q, k, v = self.read(x).view(b, t, 3, self.heads, dim // self.heads).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(
            q, k, v, attn_mask=seen, dropout_p=self._dropped if self.training else 0.0
        )
        x = self.norm_mixed(x + self.dropout(self.mixed(mixed.transpose(1, 2).reshape(b, t, dim))))
        return self.norm_out(x + self.dropout(self.narrow(functional.gelu(self.wide(x)))))


def _from_bert(given: dict[str, torch.Tensor], layers: int) -> dict[str, torch.Tensor]:
    """A BERT's tensors by our names."""
    out = {"words.weight": given["embeddings.word_embeddings.weight"],
           "positions.weight": given["embeddings.position_embeddings.weight"]}  # fmt: skip
    for part in ("weight", "bias"):
        out[f"norm.{part}"] = given[f"embeddings.LayerNorm.{part}"]
        for i in range(layers):
            theirs, ours = f"encoder.layer.{i}", f"layers.{i}"
            read = [given[f"{theirs}.attention.self.{name}.{part}"] for name in ("query", "key", "value")]
            out[f"{ours}.read.{part}"] = torch.cat(read)
            for here, there in (
                ("mixed", "attention.output.dense"), ("norm_mixed", "attention.output.LayerNorm"),
                ("wide", "intermediate.dense"), ("narrow", "output.dense"), ("norm_out", "output.LayerNorm"),
            ):  # fmt: skip
                out[f"{ours}.{here}.{part}"] = given[f"{theirs}.{there}.{part}"]
    return out


def _new(encoder: Encoder, given: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """What a BERT has not: its one type of token is all three at first, and no item position says anything yet."""
    kind = given["embeddings.token_type_embeddings.weight"][0]
    return {"types.weight": kind.repeat(3, 1), "places.weight": torch.zeros_like(encoder.places.weight)}


class Recformer:
    """A trained `Encoder` over a catalogue: ``table`` ``(n, dim)`` float32 holds the products as unit vectors."""

    def __init__(self, encoder: Encoder, wording: Wording, queries: bool, tokens: int, table: np.ndarray | None = None):
        self.encoder, self.wording, self.queries, self.tokens = encoder.eval(), wording, queries, tokens
        self.table = np.empty((0, encoder.sizes["dim"]), np.float32) if table is None else table

    @property
    def items(self) -> int:
        """Of the longest sequence."""
        return self.encoder.sizes["items"]

    @torch.inference_mode()
    def encode(self, sequences: Sequence[Sequence[Piece]]) -> np.ndarray:
        """Sequences of pieces, newest first, to unit vectors ``(b, dim)`` float32.

        A sequence gets the same vector to the last bit whatever it is encoded with, and equal ones are encoded once:
        products of one text are tied, and a replay's ranks do not depend on its batches.
        """
        self.encoder.eval()
        distinct = list(dict.fromkeys(map(tuple, sequences)))
        of_width: dict[int, list[int]] = {}
        for i, pieces in enumerate(distinct):
            of_width.setdefault(self._width(pieces), []).append(i)
        out = np.zeros((len(distinct), self.encoder.sizes["dim"]), dtype=np.float32)
        for width, numbers in of_width.items():
            for start in range(0, len(numbers), AT_ONCE):
                part = numbers[start : start + AT_ONCE]
                batch = Batch.of([distinct[i] for i in part], self.wording, self.tokens, width)
                # Half precision takes half the time; it moves a cosine by 0.00002.
                with torch.autocast("cpu", torch.bfloat16):
                    states = self.encoder(batch)
                out[part] = unit_cls(states).numpy()
        place = {pieces: i for i, pieces in enumerate(distinct)}
        return out[[place[tuple(pieces)] for pieces in sequences]] if len(sequences) else out

    def _width(self, pieces: Sequence[Piece]) -> int:
        """How long a sequence is when it is encoded, [CLS] and padding included: its own words alone decide that."""
        tokens = min(self.tokens, 1 + sum(len(p.ids) for p in pieces))
        return min(self.encoder.sizes["positions"], -(-tokens // WIDTHS) * WIDTHS)

    def read(self, items: Sequence[int | str], products: Sequence[Piece]) -> list[Piece]:
        """`items_of` a shopper as pieces."""
        return [self.wording.query(i) if isinstance(i, str) else products[i] for i in items[: self.items]]

    def save(self, folder: Path | str) -> None:
        """Write ``recformer.json``, ``tokenizer.json`` and ``model.safetensors`` (half precision)."""
        folder = Path(folder)
        weights = {name: w.half().contiguous() for name, w in self.encoder.state_dict().items()}
        save_file({**weights, "table": torch.from_numpy(self.table).half()}, folder / WEIGHTS)
        self.wording.tokenizer.save(str(folder / TOKENIZER))
        wording = {"keys": list(self.wording.keys), "item_tokens": self.wording.item_tokens}
        described = {"format": FORMAT, "sizes": self.encoder.sizes, "queries": self.queries, "tokens": self.tokens}
        write_json(folder / DESCRIBED, described | {"wording": wording})

    @classmethod
    def load(cls, folder: Path | str) -> Recformer:
        """Read what `save` wrote; single precision in memory.

        Raises:
            RecformerError: there is none, or it is damaged or of another format.
        """
        folder = Path(folder)
        remedy = f"train one with `shop finetune {folder.name}`"
        try:
            described = json.loads((folder / DESCRIBED).read_text(encoding="utf-8"))
            if described["format"] != FORMAT:
                raise RecformerError(f"{folder}: format {described['format']!r}, expected {FORMAT}; {remedy}")
            wording = Wording(Tokenizer.from_file(str(folder / TOKENIZER)), **described["wording"])
            encoder = Encoder(**described["sizes"])
            weights = {k: w.float() for k, w in load_file(folder / WEIGHTS).items()}
            table = functional.normalize(weights.pop("table"), dim=-1).numpy()
            encoder.load_state_dict(weights)
            return cls(encoder, wording, described["queries"], described["tokens"], table)
        except ShopError:
            raise
        except Exception as error:  # safetensors, tokenizers and torch raise errors of their own kinds
            raise RecformerError(
                f"{folder} holds no readable Recformer ({type(error).__name__}: {error}); {remedy}"
            ) from error


class TextSequences:
    """A store's Recformer: histories to scores of its products."""

    def __init__(self, model: Recformer, catalog: Catalog):
        self._model, self._catalog = model, catalog
        self._products = model.wording.products(catalog)
        # One line of the matrix product for all products of a text: they score alike to the last bit.
        place: dict[Piece, int] = {}
        self._text_of = np.array([place.setdefault(piece, len(place)) for piece in self._products], dtype=np.int64)
        self._firsts = np.unique(self._text_of, return_index=True)[1]

    @classmethod
    def open(cls, store: Store, name: str) -> TextSequences:
        """The model of that name; products that were added or updated since its training are encoded now.

        Args:
            name: `PLAIN` or `WITH_QUERIES`.

        Raises:
            RecformerError: the store has none.
        """
        if not store.has(name):
            raise RecformerError(
                f"{store.path} has no {name} model; train it with `shop finetune {name} --store {store.path} "
                "--config recformer.yaml`"
            )
        folder = store.model_dir(name)
        opened = cls(Recformer.load(folder), store.catalog())
        opened._take_in(store.stock.since(made_at(folder)))
        return opened

    def _take_in(self, rows: np.ndarray) -> None:
        if not len(rows):
            return
        table = np.zeros((len(self._catalog), self._model.table.shape[1]), dtype=np.float32)
        table[: len(self._model.table)] = self._model.table
        table[rows] = self._model.encode([[self._products[row]] for row in rows.tolist()])
        self._model.table = table

    def scores(self, histories: Sequence[Sequence[Event]]) -> np.ndarray:
        """``(b, n)`` float32 cosines; NaN all along the row of a shopper who did nothing that can be read."""
        read = [items_of(h, self._catalog, self._model.queries, self._model.items) for h in histories]
        out = np.full((len(read), len(self._catalog)), np.nan, dtype=np.float32)
        some = [i for i, items in enumerate(read) if items]
        if some:
            encoded = self._model.encode([self._model.read(read[i], self._products) for i in some])
            out[some] = (encoded @ self._model.table[self._firsts].T)[:, self._text_of]
        return out
