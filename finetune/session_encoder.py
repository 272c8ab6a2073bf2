"""Train the session encoder: what a shopper did to what is bought next, products known by what they are.

    shop finetune sessions --store DIR --config finetune/configs/sessions.yaml

Every prefix of a shopper's events predicts the product that follows it, by cross-entropy over a sample of the catalogue
whose scores are corrected for their chance of being drawn (Bengio and Senécal, 2008).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from shopping_assistant.finetune.budget import Budget
from shopping_assistant.finetune.sequence_data import like_lengths, withheld_sample
from shopping_assistant.tools.attribute_values import AttributeValues
from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.search import sentence_vectors
from shopping_assistant.tools.sentence_encoder import SentenceEncoder
from shopping_assistant.tools.session_encoder import (
    CLICK,
    PURCHASE,
    QUERY,
    Encoder,
    SessionEncoder,
    Token,
    tokens_of,
)
from shopping_assistant.tools.sessions import Event, Example, by_user
from shopping_assistant.tools.store import Store

K = 10
# Purchases this near to one another are one basket: the log's order of them says nothing.
BASKET_SECONDS = 60
TABLE_ROWS = 20_000  # products embedded at once


@dataclass(frozen=True)
class SessionsConfig:
    """How the session encoder is trained."""

    seed: int = 1
    dim: int = 64
    layers: int = 1
    heads: int = 2
    length: int = 50  # events of a shopper that count, the last ones
    dropout: float = 0.2
    id_dropout: float = 0.3  # how often a product is known by its attributes and title alone
    temperature: float = 0.07
    epochs: int = 20
    batch: int = 1024  # predictions a step, about
    learning_rate: float = 0.003
    weight_decay: float = 0.01
    negatives: int = 4096  # products drawn for each step's softmax; 0 for all of them
    click_weight: float = 0.2  # of a prediction whose target is a click; a purchase counts 1
    validation_examples: int = 2_000
    patience: int = 3
    max_minutes: float = 8.0  # see `Budget`


class SessionTrainingError(ShopError):
    """Nothing to train a session encoder on."""


@dataclass(frozen=True)
class Window:
    """One window of a shopper's tokens.

    ``worth[i]`` is what predicting token ``i`` from those before it counts; ``basket[i]`` numbers the baskets.
    """

    tokens: list[Token]
    worth: np.ndarray
    basket: np.ndarray


def train(store: Store, config: SessionsConfig, progress: Callable[[int, int], None] | None = None) -> dict:
    """Train on the store's log, write ``models/sessions``, and return what was used and reached.

    Raises:
        SessionTrainingError: no shopper did anything before a click or a purchase.
        SearchError: the store has no search index, whose vectors say what the titles mean.
    """
    start = time.perf_counter()
    catalog, split = store.catalog(), store.split()
    sequences = sequences_of([events for _, events in by_user(split.train)], catalog, config)
    if not sequences:
        raise SessionTrainingError(
            f"{store.path}: no shopper did anything before a click or a purchase, expected sequences of two events or "
            "more; import a longer log"
        )
    examples = validation_sample(split.validation, catalog, config)
    queries = {t.query for s in sequences for t in s.tokens if t.kind == QUERY}
    queries |= {t.query for tokens, _, _ in examples for t in tokens if t.kind == QUERY}
    model, course = fit(catalog, sentence_vectors(store), sequences, examples, query_vectors(queries), config, progress)
    with store.replacing("sessions") as folder:
        model.save(folder)
        model = SessionEncoder.load(folder)  # the figures are those of the weights as saved
    figures = {
        "sequences": len(sequences),
        "predictions": int(sum((s.worth > 0).sum() for s in sequences)),
        "attributes": list(model.attributes.values),
        **course,
        "validation_examples": len(examples),
        **validate(model, examples, query_vectors({t.query for e in examples for t in e[0] if t.kind == QUERY})),
    }
    made_by = {
        "command": f"shop finetune sessions --store {store.path.name}",
        "config": asdict(config),
        "seed": config.seed,
        "figures": figures,
        "wall_seconds": round(time.perf_counter() - start, 1),
    }
    store.record("sessions", made_by)
    return figures


def query_vectors(queries: set[str]) -> dict[str, np.ndarray]:
    """The sentence vector of each query."""
    ordered = sorted(queries)
    return dict(zip(ordered, SentenceEncoder.load().encode(ordered), strict=True)) if ordered else {}


def sequences_of(shoppers: Sequence[Sequence[Event]], catalog: Catalog, config: SessionsConfig) -> list[Window]:
    """Windows of every shopper's tokens, overlapping by half; each prediction counts in one of them."""
    out = []
    for events in shoppers:
        tokens = tokens_of(events, catalog)
        if len(tokens) < 2:
            continue
        worth = np.array([{PURCHASE: 1.0, CLICK: config.click_weight}.get(t.kind, 0.0) for t in tokens], np.float32)
        worth[0] = 0.0
        basket = _baskets(events, tokens, catalog)
        step, done = max(1, config.length // 2), 0
        for first in range(0, max(1, len(tokens) - config.length - 1 + step), step):
            window = slice(first, first + config.length + 1)
            part = worth[window].copy()
            part[: max(0, done - first)] = 0.0
            done = first + len(part)
            if part.any():
                out.append(Window(tokens[window], part, basket[window]))
    return out


def _baskets(events: Sequence[Event], tokens: Sequence[Token], catalog: Catalog) -> np.ndarray:
    """The number of each token's basket, ``(tokens,)``; anything but a purchase stands alone."""
    times: dict[int, list] = {}
    for e in events:
        if e.action == "purchase" and e.product_id in catalog:
            times.setdefault(catalog.index(e.product_id), []).append(e.timestamp)
    out, last, number = [], None, 0
    for token in tokens:
        at = times[token.row].pop(0) if token.kind == PURCHASE and times.get(token.row) else None
        near = at is not None and last is not None and abs((at - last).total_seconds()) <= BASKET_SECONDS
        number += not near
        out.append(number)
        last = at
    return np.array(out)


def shuffled(sequence: Window, rng: np.random.Generator) -> Window:
    """The same events with each basket in another order."""
    order = np.lexsort((rng.random(len(sequence.basket)), sequence.basket))
    if (order == np.arange(len(order))).all():
        return sequence
    worth = sequence.worth[order]
    # Nothing stands before the first token, so it cannot be predicted; the one that stood there before now can be.
    worth[order == 0], worth[0] = worth[0], 0.0
    return Window([sequence.tokens[i] for i in order], worth, sequence.basket)


def validation_sample(
    examples: Sequence[Example], catalog: Catalog, config: SessionsConfig
) -> list[tuple[list[Token], int, list[int]]]:
    """A seeded sample of (history's tokens, target row, rows bought before) with a history to go by."""
    return withheld_sample(examples, catalog, tokens_of, config.validation_examples, config.seed)


def fit(
    catalog: Catalog,
    texts: np.ndarray,
    sequences: list[Window],
    examples: list[tuple[list[Token], int, list[int]]],
    asked: dict[str, np.ndarray],
    config: SessionsConfig,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[SessionEncoder, dict]:
    """Train, keeping the epoch that validates best; also how far it came.

    Args:
        texts: title vectors ``(n, text)``.
        asked: the sentence vector of every query.
        progress: called with (steps done, steps planned).
    """
    budget = Budget(config.max_minutes)
    torch.manual_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    attributes = AttributeValues.learn(catalog)
    products = _Products(catalog, attributes, texts, sequences, config)
    encoder = Encoder(
        attributes.sizes, texts.shape[1], config.dim, config.layers, config.heads, config.length, config.dropout,
        config.temperature,
    )  # fmt: skip
    optimizer = torch.optim.AdamW(
        [*encoder.parameters(), *products.parameters()], lr=config.learning_rate, weight_decay=config.weight_decay
    )
    steps = max(1, round(sum((s.worth > 0).sum() for s in sequences) / config.batch))
    planned, best, best_epoch, done, ended_by, model = config.epochs * steps, -1.0, 0, 0, "epochs", None
    course = []
    for epoch in range(1, config.epochs + 1):
        encoder.train()
        products.train()
        for batch in _batches([shuffled(s, rng) for s in sequences], config.batch, rng):
            passed = budget.passed(done, planned)
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * (0.02 + 0.49 * (1 + float(np.cos(np.pi * passed))))
            optimizer.zero_grad()
            _loss(encoder, products, batch, asked, config, rng).backward()
            optimizer.step()
            done += 1
            if progress:
                progress(min(done, planned), planned)
        reached = SessionEncoder(encoder, attributes, products.table(encoder))
        score = validate(reached, examples, asked)[f"ndcg@{K}"] or 0.0
        course.append(score)
        if score > best or not examples:
            best, best_epoch = score, epoch
            copied = Encoder(**encoder.sizes)
            copied.load_state_dict(encoder.state_dict())
            model = SessionEncoder(copied, attributes, reached.table)
        if budget.spent() >= 1:
            ended_by = "max_minutes"
            break
        if epoch - best_epoch >= config.patience:
            ended_by = "patience"
            break
    return model, {"epochs": epoch, "best_epoch": best_epoch, "ended_by": ended_by, "course": course}


class _Products(nn.Module):
    """The catalogue as the encoder sees it while it is trained: values, texts, and id vectors of what the log has."""

    def __init__(self, catalog: Catalog, attributes: AttributeValues, texts: np.ndarray, sequences, config):
        super().__init__()
        rows = [t.row for s in sequences for t in s.tokens if t.row >= 0]
        targets = [t.row for s in sequences for t, w in zip(s.tokens, s.worth, strict=True) if w > 0]
        n = len(catalog)
        self.register_buffer("values", torch.from_numpy(attributes.numbers(catalog)))
        self.register_buffer("texts", torch.from_numpy(texts.astype(np.float32)))
        self.count = np.bincount(rows, minlength=n)
        self.share = np.bincount(targets, minlength=n) / max(1, len(targets))
        self.logs = torch.from_numpy(np.log1p(self.count).astype(np.float32))
        seen = np.flatnonzero(self.count)
        self.place = torch.zeros(n, dtype=torch.int64)
        self.place[torch.from_numpy(seen)] = torch.arange(1, len(seen) + 1)
        self.ids = nn.Embedding(len(seen) + 1, config.dim, padding_idx=0)
        nn.init.normal_(self.ids.weight, std=0.05)
        nn.init.zeros_(self.ids.weight[0])
        self._dropout = config.id_dropout

    def forward(self, encoder: Encoder, rows: torch.Tensor) -> torch.Tensor:
        """Unit vectors of the products ``rows`` ``(m,)``, ``(m, dim)``; while training some without their id."""
        own = self.ids(self.place[rows])
        if self.training and self._dropout:
            own = own * (torch.rand(len(rows), 1) >= self._dropout)
        return functional.normalize(encoder.content(self.values[rows], self.texts[rows]) + own, dim=-1)

    @torch.inference_mode()
    def table(self, encoder: Encoder) -> np.ndarray:
        """`SessionEncoder.table`."""
        self.eval()
        rows = torch.arange(len(self.place)).split(TABLE_ROWS)
        unit = torch.cat([self(encoder, part) for part in rows]).numpy()
        return np.column_stack([unit, (encoder.popularity * self.logs).numpy()])


def _batches(sequences: list[Window], predictions: int, rng: np.random.Generator):
    """Sequences of similar length, about so many predictions together, in random order."""
    counts = [int((s.worth > 0).sum()) for s in sequences]
    for part in like_lengths([len(s.tokens) for s in sequences], counts, predictions, rng):
        yield [sequences[j] for j in part]


def _loss(
    encoder: Encoder, products: _Products, batch: list[Window], asked: dict, config: SessionsConfig, rng
) -> torch.Tensor:
    """Weighted cross-entropy of what follows each token, over the batch's targets and a sample of the catalogue."""
    longest = max(len(s.tokens) for s in batch) - 1
    rows = np.full((len(batch), longest), -1, dtype=np.int64)
    kinds, targets = np.zeros_like(rows), np.zeros_like(rows)
    worth = np.zeros(rows.shape, dtype=np.float32)
    queries: list[tuple[int, int]] = []
    texts: list[np.ndarray] = []
    for b, s in enumerate(batch):
        last = len(s.tokens) - 1
        rows[b, :last] = [t.row for t in s.tokens[:-1]]
        kinds[b, :last] = [t.kind for t in s.tokens[:-1]]
        targets[b, :last] = [max(t.row, 0) for t in s.tokens[1:]]
        worth[b, :last] = s.worth[1:]
        for t, token in enumerate(s.tokens[:-1]):
            if token.kind == QUERY:
                queries.append((b, t))
                texts.append(asked[token.query])
    known = rows >= 0
    read, at = np.unique(rows[known], return_inverse=True)
    given = torch.zeros(*rows.shape, config.dim)
    given[torch.from_numpy(known)] = products(encoder, torch.from_numpy(read))[torch.from_numpy(at)]
    if queries:
        place = tuple(torch.tensor(queries).T)
        given[place] = functional.normalize(encoder.query(torch.from_numpy(np.stack(texts))), dim=-1)
    counted = torch.from_numpy(worth > 0)
    sessions = encoder(encoder.dropout(given), torch.from_numpy(kinds))[counted]
    wanted, weights = targets[worth > 0], torch.from_numpy(worth[worth > 0])
    n = len(products.share)
    if 0 < config.negatives < n:
        drawn = rng.choice(n, config.negatives, replace=False)
        chosen = np.union1d(wanted, drawn)
        absent = (1 - products.share[chosen]) ** len(wanted) * (1 - config.negatives / n)
        correction = torch.from_numpy(-np.log1p(-absent).astype(np.float32))
    else:
        chosen, correction = np.arange(n), torch.zeros(n)
    rows_chosen = torch.from_numpy(chosen)
    scores = sessions @ products(encoder, rows_chosen).T / config.temperature
    scores = scores + (correction + encoder.popularity * products.logs[rows_chosen])
    losses = functional.cross_entropy(scores, torch.from_numpy(np.searchsorted(chosen, wanted)), reduction="none")
    return (losses * weights).sum() / weights.sum()


def validate(
    model: SessionEncoder, examples: list[tuple[list[Token], int, list[int]]], asked: dict[str, np.ndarray]
) -> dict:
    """recall@10 and ndcg@10 of the target among all products, purchases left out; None without examples."""
    if not examples:
        return {f"recall@{K}": None, f"ndcg@{K}": None}
    ranks = []
    size = max(1, 16_000_000 // len(model.table))
    for start in range(0, len(examples), size):
        part = examples[start : start + size]
        scores = model.encode([tokens for tokens, _, _ in part], asked) @ model.table.T
        for score, (_, target, bought) in zip(scores, part, strict=True):
            own = score[target]
            score[bought] = -np.inf
            score[target] = -np.inf
            ranks.append(1 + int((score >= own).sum()))
    found = np.array(ranks)
    hit = found <= K
    gain = np.where(hit, 1 / np.log2(found + 1), 0.0)
    return {f"recall@{K}": round(float(hit.mean()), 4), f"ndcg@{K}": round(float(gain.mean()), 4)}
