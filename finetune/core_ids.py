"""Train the id model: CORE on sequences of clicks and purchases, and a row for every product of the catalogue.

    shop finetune ids --store DIR --config finetune/configs/ids.yaml

Source: Hou, Hu, Zhang, Zhao, *CORE*, SIGIR 2022. Every prefix of a shopper's sequence predicts what comes after it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import polars as pl
import torch
from torch.nn import functional

from shopping_assistant.finetune.budget import Budget
from shopping_assistant.finetune.sequence_data import like_lengths, withheld_sample
from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.core_model import Core, IdModel, history_rows, padded_rows
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.kin import NEAREST_TITLES, mean_of_kin
from shopping_assistant.tools.sessions import Example
from shopping_assistant.tools.stocked import title_table
from shopping_assistant.tools.store import Store

# Scores held at once: 64 MB of float32 in the forward pass.
SCORES_AT_ONCE = 16_000_000
K = 10


@dataclass(frozen=True)
class CoreConfig:
    """How the id model is trained."""

    seed: int = 1
    dim: int = 64
    layers: int = 2
    heads: int = 2
    inner: int = 256
    length: int = 50  # interactions of a shopper that count, the last ones
    dropout: float = 0.2
    item_dropout: float = 0.2
    temperature: float = 0.07
    epochs: int = 15
    batch: int = 1024  # predictions a step, about
    learning_rate: float = 0.002
    # Products a prediction is told apart from: 0 for all of them as published, else a sample for each step.
    negatives: int = 0
    start_from_titles: bool = True  # a product's row starts at its title's vector, not at random
    click_weight: float = 0.2  # of a prediction whose target is a click; a purchase counts 1
    validation_examples: int = 2_000
    patience: int = 5
    # A product with few events leans on its neighbours by title as if they were this many events; the best is kept.
    blends: tuple[float, ...] = (0.0, 1.0, 3.0)
    # What certainty a product without events lacks; one with c events lacks 1 / (1 + c) of it. The best is kept.
    doubts: tuple[float, ...] = (0.0, 0.15, 0.3, 0.45, 0.6)
    max_minutes: float = 6.0  # see `Budget`


class CoreTrainingError(ShopError):
    """Nothing to train an id model on."""


@dataclass(frozen=True)
class Sequences:
    """Interactions in time order: ``rows[i]`` are product rows of one shopper, ``weights[i]`` what predicting each is
    worth; the first of a sequence is never predicted, and what an earlier window predicted weighs 0."""

    rows: list[np.ndarray]
    weights: list[np.ndarray]

    def predictions(self) -> int:
        return int(sum((w > 0).sum() for w in self.weights))


def train(store: Store, config: CoreConfig, progress: Callable[[int, int], None] | None = None) -> dict:
    """Train on the store's log, write ``models/ids``, and return what was used and reached.

    Raises:
        CoreTrainingError: no shopper has two interactions, or products without events lack a title model to stand in.
    """
    start = time.perf_counter()
    catalog, split = store.catalog(), store.split()
    interactions = interactions_of(split.train, catalog)
    sequences = sequences_of(interactions, config)
    if not sequences.predictions():
        raise CoreTrainingError(
            f"{store.path}: no shopper has two interactions in the training part of the log; import a log with "
            "clicks or repeated purchases, or leave the id model out"
        )
    events = np.bincount(interactions["row"].to_numpy(), minlength=len(catalog))
    seen = np.flatnonzero(events)
    if len(seen) < len(catalog) and not store.has("titles"):
        raise CoreTrainingError(
            f"{store.path}: {len(catalog) - len(seen)} of {len(catalog)} products have no events and take the place "
            "of their nearest titles, but there is no title model; run `shop build --only titles` first"
        )
    examples = validation_sample(split.validation, catalog, config)
    titles = title_table(store) if store.has("titles") else None
    core, course = fit(sequences, seen, len(catalog), titles, examples, config, progress)
    model, chosen = with_every_product(core, seen, events, titles, examples, config)
    with store.replacing("ids") as folder:
        model.save(folder)
        model = IdModel.load(folder)  # the figures are those of the weights as saved
    figures = {
        "sequences": len(sequences.rows),
        "predictions": sequences.predictions(),
        "products": len(catalog),
        "products_with_events": len(seen),
        **course,
        **chosen,
        "validation_examples": len(examples),
        **validate(model, examples),
    }
    made_by = {
        "command": f"shop finetune ids --store {store.path.name}",
        "config": asdict(config),
        "seed": config.seed,
        "figures": figures,
        "wall_seconds": round(time.perf_counter() - start, 1),
    }
    store.record("ids", made_by)
    return figures


def interactions_of(train: pl.DataFrame, catalog: Catalog) -> pl.DataFrame:
    """Clicks and purchases of known products in each shopper's time order: ``user_id, row, bought``.

    Clicks on a product that the shopper bought later are left out, as they are from every history that is ranked.
    """
    rows = pl.DataFrame({"product_id": catalog.ids, "row": np.arange(len(catalog))})
    kept = train.filter(pl.col("action") != "search").join(rows, on="product_id", maintain_order="left")
    kept = kept.sort("user_id", "timestamp", maintain_order=True).with_columns(
        bought=pl.col("action") == "purchase", at=pl.int_range(pl.len())
    )
    last = pl.col("at").filter(pl.col("bought")).max().over("user_id", "row")
    return kept.filter(pl.col("bought") | (pl.col("at") > last.fill_null(-1))).select("user_id", "row", "bought")


def sequences_of(interactions: pl.DataFrame, config: CoreConfig) -> Sequences:
    """One sequence a shopper, repeats in a row dropped; a long one is cut into windows that overlap by half."""
    again = (pl.col("row") == pl.col("row").shift(1)).over("user_id").fill_null(False)
    grouped = interactions.filter(~again).group_by("user_id", maintain_order=True).agg("row", "bought")
    rows, weights = [], []
    for of_user, bought in grouped.select("row", "bought").iter_rows():
        worth = np.where(bought, 1.0, config.click_weight).astype(np.float32)
        worth[0] = 0.0
        # A window is one longer than what the model reads: its last interaction is only predicted.
        step, done = max(1, config.length // 2), 0
        for first in range(0, max(1, len(of_user) - config.length - 1 + step), step):
            window = slice(first, first + config.length + 1)
            part = worth[window].copy()
            part[: max(0, done - first)] = 0.0
            done = first + len(part)
            if part.any():
                rows.append(np.array(of_user[window], dtype=np.int64))
                weights.append(part)
    return Sequences(rows, weights)


def validation_sample(
    examples: Sequence[Example], catalog: Catalog, config: CoreConfig
) -> list[tuple[list[int], int, list[int]]]:
    """A seeded sample of (history rows, target row, rows bought before) with a history to go by."""
    return withheld_sample(examples, catalog, history_rows, config.validation_examples, config.seed)


def fit(
    sequences: Sequences,
    seen: np.ndarray,
    products: int,
    titles: np.ndarray | None,
    examples: list[tuple[list[int], int, list[int]]],
    config: CoreConfig,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Core, dict]:
    """Train CORE over the products ``seen`` in the log, keeping the epoch that validates best; also how far it came.

    Args:
        seen: sorted product rows with events, ``(s,)``; row ``i`` of the returned model's table is product ``seen[i]``.
        titles: unit title vectors of all products to start from, ``(n, d)``, or None.
        progress: called with (steps done, steps planned).
    """
    budget = Budget(config.max_minutes)
    torch.manual_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    core = Core(
        len(seen), config.dim, config.layers, config.heads, config.inner, config.length, config.dropout,
        config.item_dropout, config.temperature,
    )  # fmt: skip
    if titles is not None and config.start_from_titles:
        core.items.weight.data = torch.from_numpy(principal_parts(titles, config.dim)[seen])
    place = np.full(products, -1)
    place[seen] = np.arange(len(seen))
    rows = [place[r] for r in sequences.rows]
    share = target_share(rows, sequences.weights, len(seen))
    known = [([int(place[r]) for r in rows if place[r] >= 0], int(place[target]), [int(place[r]) for r in bought])
             for rows, target, bought in examples]  # fmt: skip
    optimizer = torch.optim.Adam(core.parameters(), lr=config.learning_rate)
    planned = config.epochs * sum(1 for _ in batches(sequences, config, np.random.default_rng(config.seed)))
    best, best_weights, best_epoch, done, ended_by = -1.0, {}, 0, 0, "epochs"
    for epoch in range(1, config.epochs + 1):
        core.train()
        for batch in batches(sequences, config, rng):
            passed = budget.passed(done, planned)
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * (0.05 + 0.475 * (1 + float(np.cos(np.pi * passed))))
            optimizer.zero_grad()
            told_apart = sampled(share, config, rng) if 0 < config.negatives < len(seen) else None
            descend(core, [rows[i] for i in batch], [sequences.weights[i] for i in batch], told_apart)
            optimizer.step()
            done += 1
            if progress:
                progress(min(done, planned), planned)
        reached = validate(IdModel(core), known)[f"ndcg@{K}"] or 0.0
        if reached > best or not examples:
            best, best_epoch = reached, epoch
            best_weights = {name: w.clone() for name, w in core.state_dict().items()}
        if budget.spent() >= 1:
            ended_by = "max_minutes"
            break
        if epoch - best_epoch >= config.patience:
            ended_by = "patience"
            break
    core.load_state_dict(best_weights)
    return core, {"epochs": epoch, "best_epoch": best_epoch, "ended_by": ended_by}


def batches(sequences: Sequences, config: CoreConfig, rng: np.random.Generator) -> Iterator[list[int]]:
    """Numbers of sequences of similar length, about ``config.batch`` predictions together, in random order."""
    lengths = [len(r) for r in sequences.rows]
    yield from like_lengths(lengths, [int((w > 0).sum()) for w in sequences.weights], config.batch, rng)


def principal_parts(titles: np.ndarray, dim: int) -> np.ndarray:
    """Title vectors turned to their ``dim`` principal directions, ``(n, d)`` to ``(n, dim)`` float32, with the spread
    that CORE's random start has."""
    centred = titles - titles.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    parts = centred @ directions[:, ::-1][:, :dim]
    if parts.shape[1] < dim:
        parts = np.pad(parts, ((0, 0), (0, dim - parts.shape[1])))
    uniform_spread = (1 / (3 * dim)) ** 0.5
    return (parts * (uniform_spread / max(float(parts.std()), 1e-9))).astype(np.float32)


def target_share(rows: list[np.ndarray], weights: list[np.ndarray], items: int) -> np.ndarray:
    """How often each item is what is predicted, as a share of all predictions: ``(items,)``."""
    targets = np.concatenate([r[w > 0] for r, w in zip(rows, weights, strict=True)])
    return np.bincount(targets, minlength=items) / len(targets)


def sampled(share: np.ndarray, config: CoreConfig, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Items for one step's softmax beside its targets, and for each item of the table what its score is corrected by.

    The correction is minus the logarithm of the chance that the item takes part in the step at all, as a target or
    drawn: the sampled softmax then has the full one's optimum (Bengio and Senécal, 2008).
    """
    drawn = rng.choice(len(share), config.negatives, replace=False)
    absent = (1 - share) ** config.batch * (1 - config.negatives / len(share))
    return drawn, -np.log1p(-absent).astype(np.float32)


def descend(
    core: Core,
    rows: list[np.ndarray],
    weights: list[np.ndarray],
    told_apart: tuple[np.ndarray, np.ndarray] | None = None,
) -> float:
    """Add a batch's gradients to the model's and return its loss: weighted cross-entropy over all items.

    Args:
        told_apart: items and corrections from `sampled`, for a softmax over those and the batch's targets alone.
    """
    items, _ = padded_rows([r[:-1] for r in rows])
    sessions = core(items)
    predicted = torch.zeros(items.shape)
    targets = torch.zeros(items.shape, dtype=torch.int64)
    for i, (row, weight) in enumerate(zip(rows, weights, strict=True)):
        predicted[i, : len(row) - 1] = torch.from_numpy(weight[1:])
        targets[i, : len(row) - 1] = torch.from_numpy(row[1:])
    at = predicted > 0
    sessions, targets, predicted = sessions[at], targets[at], predicted[at] / predicted.sum()
    table, correction = core.table(), torch.zeros(())
    if told_apart is not None:
        chosen = torch.from_numpy(np.union1d(targets.numpy(), told_apart[0]))
        table, targets = table[chosen], torch.searchsorted(chosen, targets)
        correction = torch.from_numpy(told_apart[1])[chosen]
    # Scores of all items for all predictions may not fit: part by part, gradients meet at these two leaves.
    left, right = sessions.detach().requires_grad_(), table.detach().requires_grad_()
    size, total = max(1, SCORES_AT_ONCE // len(table)), 0.0
    for first in range(0, len(targets), size):
        part = slice(first, first + size)
        scores = left[part] @ right.T / core.temperature + correction
        loss = (functional.cross_entropy(scores, targets[part], reduction="none") * predicted[part]).sum()
        loss.backward()
        total += loss.item()
    torch.autograd.backward([sessions, table], [left.grad, right.grad])
    return total


def with_every_product(
    core: Core,
    seen: np.ndarray,
    events: np.ndarray,
    titles: np.ndarray | None,
    examples: list[tuple[list[int], int, list[int]]],
    config: CoreConfig,
) -> tuple[IdModel, dict]:
    """A model with a row for every product: a mean over the nearest titles stands in for what the log does not say.

    A product without events gets the similarity-weighted mean of the rows of its five nearest titles among products
    with events. One with ``c`` events moves towards its neighbours by ``blend / (c + blend)``. Its certainty is
    ``1 - doubt / (1 + c)``: a shop's catalogue holds many products that nobody buys any more, or not yet, and without
    it they crowd the lists of those they resemble. The ``blend`` and ``doubt`` that validate best are returned too.
    """
    learned = core.items.weight.detach().numpy()
    own = np.zeros((len(events), learned.shape[1]), dtype=np.float32)
    own[seen] = learned
    around = own if titles is None else neighbours_mean(titles, seen, learned)
    best: tuple[float, IdModel, dict] | None = None
    for blend in (0.0,) if titles is None else config.blends:
        share = (blend / np.maximum(events + blend, 1e-9))[:, None].astype(np.float32)
        whole = _with_table(core, np.where(events[:, None] == 0, around, share * around + (1 - share) * own))
        for doubt in config.doubts:
            model = IdModel(whole, 1 - doubt / (1 + events))
            reached = validate(model, examples)[f"ndcg@{K}"] or 0.0
            if best is None or reached > best[0]:
                best = (reached, model, {"blend": blend, "doubt": doubt})
    return best[1], best[2]


def neighbours_mean(titles: np.ndarray, seen: np.ndarray, learned: np.ndarray) -> np.ndarray:
    """For every product the similarity-weighted mean of ``learned`` over its nearest titles among ``seen``, itself
    left out: ``(n, d)`` unit title vectors and ``(s, k)`` rows to ``(n, k)`` float32."""
    out = np.empty((len(titles), learned.shape[1]), dtype=np.float32)
    place = np.full(len(titles), -1)
    place[seen] = np.arange(len(seen))
    pool = np.ascontiguousarray(titles[seen].T)
    nearest = min(NEAREST_TITLES, len(seen))
    size = max(1, SCORES_AT_ONCE // len(seen))
    for start in range(0, len(titles), size):
        similar = titles[start : start + size] @ pool
        itself = place[start : start + size]
        similar[np.flatnonzero(itself >= 0), itself[itself >= 0]] = -2.0
        closeness, at = (x.numpy() for x in torch.from_numpy(similar).topk(nearest, dim=1))
        out[start : start + size] = mean_of_kin(learned, at, closeness)
    return out


def _with_table(core: Core, table: np.ndarray) -> Core:
    whole = Core(**{**core.sizes, "items": len(table)})
    weights = {**core.state_dict(), "items.weight": torch.from_numpy(np.ascontiguousarray(table, dtype=np.float32))}
    whole.load_state_dict(weights)
    return whole


def validate(model: IdModel, examples: list[tuple[list[int], int, list[int]]]) -> dict:
    """recall@10 and ndcg@10 of the target among all products, what was bought before left out; None without examples.

    A target of -1 is one the model cannot know: it counts as missed.
    """
    hits, gain = 0, 0.0
    size = max(1, SCORES_AT_ONCE // len(model.table))
    for start in range(0, len(examples), size):
        part = examples[start : start + size]
        scores = model.encode_sessions([rows for rows, _, _ in part]) @ model.table.T
        for score, (_, target, bought) in zip(scores, part, strict=True):
            if target < 0:
                continue
            own = score[target]
            score[[r for r in bought if r >= 0]] = -np.inf
            score[target] = -np.inf
            rank = 1 + int((score >= own).sum())
            hits += rank <= K
            gain += 1 / np.log2(rank + 1) if rank <= K else 0.0
    if not examples:
        return {f"recall@{K}": None, f"ndcg@{K}": None}
    return {f"recall@{K}": round(hits / len(examples), 4), f"ndcg@{K}": round(float(gain) / len(examples), 4)}
