"""Titles and queries as vectors: an LSTM over sub-word tokens, trained on the shop by ``finetune/title_triplet.py``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from safetensors.torch import load_file as load_weights
from safetensors.torch import save_file as save_weights
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch import nn

from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.store import write_json

PADDING, UNKNOWN = "[pad]", "[unk]"
FORMAT = 1
TITLE_VECTORS = "title_vectors.safetensors"


class TitleModelError(ShopError):
    """A title model that is missing or cannot be read."""


def train_tokenizer(texts: Sequence[str], vocabulary: int) -> Tokenizer:
    """Byte-pair tokens learned from ``texts``: lower case, no accents, words and single digits apart.

    A piece inside a word is the same token as a word of its own, so that "boots" shares "boot" with "boot".
    """
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKD(), normalizers.Lowercase(), normalizers.StripAccents()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        special_tokens=[PADDING, UNKNOWN],
        limit_alphabet=200,  # a few stray scripts in a big catalogue must not fill the vocabulary
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


class TitleNet(nn.Module):
    """Token numbers to unit vectors: embedding, bidirectional LSTM, mean and maximum over the tokens, projection."""

    def __init__(self, vocabulary: int, embedding: int, hidden: int, dim: int, dropout: float = 0.0):
        super().__init__()
        self.sizes = {"vocabulary": vocabulary, "embedding": embedding, "hidden": hidden, "dim": dim}
        self.tokens = nn.Embedding(vocabulary, embedding, padding_idx=0)
        self.forwards = nn.LSTM(embedding, hidden, batch_first=True)
        self.backwards = nn.LSTM(embedding, hidden, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.projection = nn.Linear(4 * hidden, dim)

    def forward(self, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """``(b, t)`` token numbers padded with 0 at the end and ``(b,)`` lengths of 1 or more, to ``(b, dim)``."""
        places = torch.arange(tokens.shape[1], device=tokens.device)[None, :]
        real = places < lengths[:, None]
        # Two one-way LSTMs over the sequence and its reverse: with the padding last in both, no packing is needed,
        # which on a CPU costs more than the padding it saves once batches hold texts of similar length.
        mirror = torch.where(real, lengths[:, None] - 1 - places, places)
        embedded = self.dropout(self.tokens(tokens))
        ahead, _ = self.forwards(embedded)
        back, _ = self.backwards(_rows_at(embedded, mirror))
        states = torch.cat([ahead, _rows_at(back, mirror)], dim=-1)
        mean = (states * real[..., None]).sum(1) / lengths[:, None]
        highest = states.masked_fill(~real[..., None], -torch.inf).amax(1)
        pooled = self.dropout(torch.cat([mean, highest], dim=-1))
        return nn.functional.normalize(self.projection(pooled), dim=-1)


def _rows_at(states: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """``(b, t, d)`` with the rows of each sequence in the order of ``places`` ``(b, t)``."""
    return states.gather(1, places[..., None].expand(-1, -1, states.shape[-1]))


class TitleEncoder:
    """Texts to unit vectors: ``encode(texts)`` gives ``(len(texts), dim)`` float32."""

    def __init__(self, tokenizer: Tokenizer, net: TitleNet, max_tokens: int = 32):
        self.tokenizer = tokenizer
        self.net = net.eval()
        self.max_tokens = max_tokens

    @property
    def dim(self) -> int:
        return self.net.sizes["dim"]

    def token_numbers(self, texts: Sequence[str]) -> list[list[int]]:
        """At most ``max_tokens`` token numbers a text; a text without a token is one unknown token."""
        unknown = self.tokenizer.token_to_id(UNKNOWN)
        encoded = self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [e.ids[: self.max_tokens] or [unknown] for e in encoded]

    @torch.inference_mode()
    def encode(
        self, texts: Sequence[str], batch: int = 512, progress: Callable[[int, int], None] | None = None
    ) -> np.ndarray:
        """Unit vectors; equal texts are encoded once.

        Args:
            progress: called with (texts done, texts in all) after each batch.
        """
        distinct = list(dict.fromkeys(texts))
        vectors = np.empty((len(distinct), self.dim), dtype=np.float32)
        numbers = self.token_numbers(distinct)
        by_length = sorted(range(len(distinct)), key=lambda i: len(numbers[i]))
        self.net.eval()
        for start in range(0, len(distinct), batch):
            rows = by_length[start : start + batch]
            vectors[rows] = self.net(*padded([numbers[i] for i in rows])).numpy()
            if progress:
                progress(start + len(rows), len(distinct))
        place = {text: i for i, text in enumerate(distinct)}
        return vectors[[place[t] for t in texts]]

    def save(self, folder: Path | str) -> None:
        """Write ``tokenizer.json``, ``title_encoder.json`` and ``model.safetensors`` (half precision)."""
        folder = Path(folder)
        self.tokenizer.save(str(folder / "tokenizer.json"))
        write_json(
            folder / "title_encoder.json",
            {"format": FORMAT, "sizes": self.net.sizes, "max_tokens": self.max_tokens},
        )
        weights = {name: w.detach().half().contiguous() for name, w in self.net.state_dict().items()}
        save_weights(weights, folder / "model.safetensors")

    @classmethod
    def load(cls, folder: Path | str) -> TitleEncoder:
        """Read what `save` wrote; the weights are single precision in memory.

        Raises:
            TitleModelError: there is none, or it is damaged or of another format.
        """
        folder = Path(folder)
        try:
            described = json.loads((folder / "title_encoder.json").read_text(encoding="utf-8"))
            if described["format"] != FORMAT:
                raise TitleModelError(
                    f"{folder}: title model of format {described['format']!r}, expected {FORMAT}; train it again with "
                    "`shop build --only titles`"
                )
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            net = TitleNet(**described["sizes"])
            net.load_state_dict({k: w.float() for k, w in load_weights(folder / "model.safetensors").items()})
        except ShopError:
            raise
        except Exception as error:  # tokenizers and safetensors raise errors of their own kinds
            raise TitleModelError(
                f"{folder} holds no readable title model ({type(error).__name__}: {error}); train one with "
                "`shop build --only titles`"
            ) from error
        return cls(tokenizer, net, described["max_tokens"])


def padded(numbers: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Token numbers as a batch: ``(b, t)`` padded with 0, and ``(b,)`` lengths."""
    lengths = np.array([len(n) for n in numbers])
    tokens = np.zeros((len(numbers), int(lengths.max(initial=1))), dtype=np.int64)
    tokens[np.arange(tokens.shape[1])[None, :] < lengths[:, None]] = np.concatenate(numbers)
    return torch.from_numpy(tokens), torch.from_numpy(lengths)


def _digest(titles: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(titles).encode()).hexdigest()


def save_title_table(folder: Path | str, titles: Sequence[str], vectors: np.ndarray) -> None:
    """Keep the vectors of a catalogue's titles, ``(n, dim)``, in half precision beside the model."""
    table = {"vectors": np.ascontiguousarray(vectors, dtype=np.float16)}
    save_file(table, Path(folder) / TITLE_VECTORS)
    write_json(Path(folder) / "title_vectors.json", {"titles_sha256": _digest(titles)})


def load_title_table(folder: Path | str, titles: Sequence[str], encoder: TitleEncoder | None = None) -> np.ndarray:
    """The vectors of a catalogue's titles, ``(n, dim)`` float32 unit rows.

    They are encoded anew (and not written) when the folder has none or those of other titles.
    """
    folder = Path(folder)
    path, described = folder / TITLE_VECTORS, folder / "title_vectors.json"
    if path.is_file() and described.is_file():
        of_titles = json.loads(described.read_text(encoding="utf-8")).get("titles_sha256")
        if of_titles == _digest(titles):
            return unit_rows(load_file(path)["vectors"].astype(np.float32))
    return as_stored((encoder or TitleEncoder.load(folder)).encode(titles))


def as_stored(vectors: np.ndarray) -> np.ndarray:
    """Vectors as they come back from a table that was kept: unit rows, rounded to half precision before."""
    return unit_rows(vectors.astype(np.float16).astype(np.float32))


def unit_rows(table: np.ndarray) -> np.ndarray:
    """The rows scaled to length 1; a row of zeros stays."""
    return table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-12)
