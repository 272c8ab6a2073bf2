"""Train the title model: triplet loss on (query, purchased title) with two hard negatives for each pair.

    shop finetune titles --store DIR --config finetune/configs/titles.yaml

Source: *Sequential LLM Framework for Fashion Recommendation* (EMNLP industry track, 2024): the negatives of a pair are
the closest title that is no match of the query and the closest query that is no match of the title.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import polars as pl
import torch

from shopping_assistant.finetune.budget import Budget
from shopping_assistant.finetune.title_texts import noisy, pseudo_queries, queried, spaced
from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.store import Store
from shopping_assistant.tools.title_encoder import TitleEncoder, TitleNet, padded, save_title_table, train_tokenizer

# Similarities held at once while mining: 32 MB of float32.
MINING_CHUNK = 8_000_000
# A batch is encoded in this many parts of similar length: measured 1.7 times faster than as one padded block.
LENGTH_PARTS = 4
WARM_UP_STEPS = 50
VALIDATION_TITLES = 1_000


@dataclass(frozen=True)
class TitleConfig:
    """How the title model is trained."""

    seed: int = 1
    vocabulary: int = 4000
    embedding: int = 96
    hidden: int = 128
    dim: int = 128
    max_tokens: int = 32
    dropout: float = 0.1
    epochs: int = 20
    batch: int = 256
    learning_rate: float = 0.002
    margin: float = 0.1
    clicks_match: bool = True  # a title clicked after a query is no negative of it: the shopper found it fitting
    in_batch_weight: float = 1.0  # a softmax over the batch beside the triplets; 0 is the published loss alone
    temperature: float = 0.05
    epochs_before_mining: int = 1  # the hardest negatives pull an untrained model together into one point
    mining_pool: int = 20_000  # texts of a side that take part as negatives in an epoch: mining costs their product
    max_pairs: int = 60_000
    max_title_views: int = 20_000
    pseudo_queries_a_product: int = 1
    held_back: float = 0.05  # share of the query texts kept for validation
    patience: int = 4
    max_minutes: float = 5.0  # see `Budget`


class TitleTrainingError(ShopError):
    """Nothing to train a title model on."""


@dataclass(frozen=True)
class Pairs:
    """Matches of texts: pair ``i`` says that ``queries[pairs[i, 0]]`` led to ``titles[pairs[i, 1]]``; repeats count.

    The first ``said`` queries are shoppers' words, those after them noisy views of titles. ``clicked`` are pairs that
    are not trained on and are no negatives either.
    """

    queries: list[str]
    titles: list[str]
    pairs: np.ndarray
    said: int
    clicked: np.ndarray

    def matches(self) -> np.ndarray:
        """Every match once, as sorted numbers ``query * len(titles) + title``."""
        known = np.concatenate([self.pairs, self.clicked])
        return np.unique(known[:, 0] * len(self.titles) + known[:, 1])


@dataclass(frozen=True)
class Negatives:
    """Hard negatives by text number, -1 where there is none: ``title_of_query``, ``query_of_title`` for pairs of a
    shopper's query, ``view_of_title`` for pairs of a noisy title."""

    title_of_query: np.ndarray
    query_of_title: np.ndarray
    view_of_title: np.ndarray


def train(store: Store, config: TitleConfig, progress: Callable[[int, int], None] | None = None) -> dict:
    """Train on the store's catalogue and log, write ``models/titles``, and return what was used and reached.

    Raises:
        TitleTrainingError: the catalogue has fewer than two different titles.
    """
    start = time.perf_counter()
    catalog = store.catalog()
    used, held_back, source = training_pairs(catalog, store.split().train, config)
    encoder, course = fit(used, held_back, config, progress)
    with store.replacing("titles") as folder:
        encoder.save(folder)
        encoder = TitleEncoder.load(folder)  # the figures are those of the weights as saved
        save_title_table(folder, catalog.titles, encoder.encode(catalog.titles))
    figures = {
        "queries": source,
        "training_pairs": len(used.pairs),
        "training_queries": len(used.queries),
        "titles": len(used.titles),
        **course,
        **validate(encoder, held_back, config.seed),
    }
    made_by = {
        "command": f"shop finetune titles --store {store.path.name}",
        "config": asdict(config),
        "seed": config.seed,
        "figures": figures,
        "wall_seconds": round(time.perf_counter() - start, 1),
    }
    store.record("titles", made_by)
    return figures


def training_pairs(catalog: Catalog, log: pl.DataFrame, config: TitleConfig) -> tuple[Pairs, Pairs, str]:
    """The pairs to train on, those of the held-back queries, and where the queries come from: "log" or "pseudo".

    Held back is a seeded share of the query texts, with all their pairs: none of them is seen in training.

    Raises:
        TitleTrainingError: the catalogue has fewer than two different titles.
    """
    texts = [spaced(t) for t in catalog.titles]
    titles = list(dict.fromkeys(texts))
    if len(titles) < 2:
        raise TitleTrainingError(f"the catalogue has {len(titles)} title; a title model needs two or more to compare")
    found = queried(log, catalog)
    source = "log" if found else "pseudo"
    found = found or pseudo_queries(catalog, config.pseudo_queries_a_product, config.seed)
    queries = sorted({q for q, _ in found})
    query_at, title_at = {q: i for i, q in enumerate(queries)}, {t: i for i, t in enumerate(titles)}
    clicks = queried(log, catalog, "click") if config.clicks_match else []

    def numbered(said: list[tuple[str, int]]) -> np.ndarray:
        return np.array([(query_at[q], title_at[texts[r]]) for q, r in said if q in query_at], np.int64).reshape(-1, 2)

    pairs, clicked = numbered(found), numbered(clicks)
    rng = np.random.default_rng(config.seed)
    if len(pairs) > config.max_pairs:
        pairs = pairs[np.sort(rng.choice(len(pairs), config.max_pairs, replace=False))]
    held = (rng.random(len(queries)) < config.held_back)[pairs[:, 0]]
    used, held_back = (_of_pairs(queries, titles, pairs[part], clicked) for part in (~held, held))
    return used, held_back, source


def _of_pairs(queries: list[str], titles: list[str], pairs: np.ndarray, clicked: np.ndarray) -> Pairs:
    """These pairs with the queries that occur in them and what was clicked for those, and all titles."""
    present, renumbered = np.unique(pairs[:, 0], return_inverse=True)
    pairs = np.column_stack([renumbered, pairs[:, 1]]).astype(np.int64)
    clicked = np.unique(clicked[np.isin(clicked[:, 0], present)], axis=0)
    clicked = np.column_stack([np.searchsorted(present, clicked[:, 0]), clicked[:, 1]])
    return Pairs([queries[i] for i in present], titles, pairs, len(present), clicked)


def fit(
    used: Pairs, held_back: Pairs, config: TitleConfig, progress: Callable[[int, int], None] | None = None
) -> tuple[TitleEncoder, dict]:
    """Train an encoder, keeping the epoch that validates best; also says how far it came.

    Args:
        progress: called with (steps done, steps planned).
    """
    budget = Budget(config.max_minutes)
    torch.manual_seed(config.seed)
    rng = random.Random(config.seed)
    tokenizer = train_tokenizer([*used.titles, *used.queries], config.vocabulary)
    net = TitleNet(tokenizer.get_vocab_size(), config.embedding, config.hidden, config.dim, config.dropout)
    encoder = TitleEncoder(tokenizer, net, config.max_tokens)
    optimizer = torch.optim.AdamW(net.parameters(), lr=config.learning_rate, weight_decay=0.01)
    views = min(len(used.titles), config.max_title_views)
    steps = config.epochs * -(-(len(used.pairs) + views) // config.batch)
    best, best_weights, best_epoch, done, ended_by = -1.0, {}, 0, 0, "epochs"
    for epoch in range(1, config.epochs + 1):
        seen = with_title_views(used, rng.sample(range(len(used.titles)), views), rng)
        negatives = hard_negatives(encoder, seen, config, epoch) if epoch > config.epochs_before_mining else None
        batches = _Batches(encoder, seen, negatives, config)
        order = torch.randperm(len(seen.pairs)).numpy()
        for at in range(0, len(order), config.batch):
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * _schedule(done, budget.passed(done, steps))
            loss = batches.loss(seen.pairs[order[at : at + config.batch]])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            done += 1
            if progress:
                progress(done, steps)
        reached = validate(encoder, held_back, config.seed)
        if (score := sum(reached[name] or 0.0 for name in ("recall@10", "short_title_recall@10"))) > best:
            best, best_epoch = score, epoch
            best_weights = {name: w.clone() for name, w in net.state_dict().items()}
        if budget.spent() >= 1:
            ended_by = "max_minutes"
            break
        if epoch - best_epoch >= config.patience:
            ended_by = "patience"
            break
    net.load_state_dict(best_weights)
    return encoder, {"epochs": epoch, "best_epoch": best_epoch, "ended_by": ended_by}


def _schedule(done: int, passed: float) -> float:
    """Factor on the learning rate: a warm-up, then a cosine over the steps or the time, whichever ends first."""
    return min(1.0, (done + 1) / WARM_UP_STEPS) * (0.05 + 0.475 * (1 + float(np.cos(np.pi * min(1.0, passed)))))


def with_title_views(used: Pairs, views: Sequence[int], rng: random.Random) -> Pairs:
    """The pairs, and one noisy version of each of these titles as a query that its title alone matches."""
    extra = np.column_stack([np.arange(len(views)) + used.said, np.array(views, dtype=np.int64)])
    queries = [*used.queries, *(noisy(used.titles[i], rng) for i in views)]
    return replace(used, queries=queries, pairs=np.concatenate([used.pairs, extra]))


def hard_negatives(encoder: TitleEncoder, seen: Pairs, config: TitleConfig, epoch: int) -> Negatives:
    """The closest text of the other side that is no match, by the encoder as it is now.

    Looked for among a fresh sample of ``mining_pool`` texts, so that the cost is bounded in a shop of any size.
    """
    rng = np.random.default_rng((config.seed, epoch))
    queries, titles = encoder.encode(seen.queries), encoder.encode(seen.titles)
    matches = seen.matches()
    query_of, title_of = matches // len(titles), matches % len(titles)

    def pool(first: int, last: int) -> np.ndarray:
        size = min(last - first, config.mining_pool)
        return first + np.sort(rng.choice(last - first, size, replace=False))

    said, views = pool(0, seen.said), pool(seen.said, len(queries))
    return Negatives(
        closest(queries, titles, pool(0, len(titles)), query_of, title_of),
        closest(titles, queries, said, title_of, query_of),
        closest(titles, queries, views, title_of, query_of),
    )


def closest(
    vectors: np.ndarray, others: np.ndarray, pool: np.ndarray, match_of: np.ndarray, match: np.ndarray
) -> np.ndarray:
    """For each of ``vectors`` ``(r, d)`` the closest of ``others[pool]`` that is no match of it, ``(r,)``; -1 if none.

    Args:
        pool: sorted row numbers of ``others`` ``(o, d)``.
        match_of, match: the matches, as row numbers of ``vectors`` and of ``others``.
    """
    found = np.full(len(vectors), -1, dtype=np.int64)
    if not len(pool):
        return found
    place = np.searchsorted(pool, match)
    inside = np.take(pool, place, mode="clip") == match
    by_row = np.argsort(match_of[inside], kind="stable")
    match_of, place = match_of[inside][by_row], place[inside][by_row]
    candidates = np.ascontiguousarray(others[pool].T)
    size = max(1, MINING_CHUNK // len(pool))
    for start in range(0, len(vectors), size):
        similar = vectors[start : start + size] @ candidates
        first, last = np.searchsorted(match_of, [start, start + size])
        similar[match_of[first:last] - start, place[first:last]] = -np.inf
        nearest = similar.argmax(axis=1)
        is_negative = similar[np.arange(len(nearest)), nearest] > -np.inf
        found[start : start + size] = np.where(is_negative, pool[nearest], -1)
    return found


class _Batches:
    """The loss of one epoch's batches: its texts as token numbers, its matches and its hard negatives."""

    def __init__(self, encoder: TitleEncoder, seen: Pairs, negatives: Negatives | None, config: TitleConfig):
        self.net, self.config, self.seen, self.negatives = encoder.net, config, seen, negatives
        self.query_tokens = encoder.token_numbers(seen.queries)
        self.title_tokens = encoder.token_numbers(seen.titles)
        self.matches = seen.matches()
        self.net.train()

    def loss(self, pairs: np.ndarray) -> torch.Tensor:
        """Of a batch of pairs ``(b, 2)``: the two triplet terms, and the softmax over the batch in both directions."""
        query, title = pairs[:, 0], pairs[:, 1]
        hard_title, hard_query = self._hard(query, title)
        # Every text of the batch is encoded once, however many pairs it stands in.
        queries, query_at = np.unique(np.concatenate([query, hard_query]), return_inverse=True)
        titles, title_at = np.unique(np.concatenate([title, hard_title]), return_inverse=True)
        vectors = self._embed([self.query_tokens[i] for i in queries] + [self.title_tokens[i] for i in titles])
        similar = vectors[: len(queries)] @ vectors[len(queries) :].T
        q, t = query_at[: len(pairs)], title_at[: len(pairs)]
        positive = similar[q, t]
        margin = self.config.margin - positive
        # A pair without a hard negative has itself in that place, which cannot be a negative.
        is_title, is_query = torch.from_numpy(hard_title != title), torch.from_numpy(hard_query != query)
        loss = (torch.relu(margin + similar[q, title_at[len(pairs) :]]) * is_title).mean()
        loss = loss + (torch.relu(margin + similar[query_at[len(pairs) :], t]) * is_query).mean()
        if self.config.in_batch_weight:
            numbers = queries[:, None] * len(self.seen.titles) + titles[None, :]
            at = np.searchsorted(self.matches, numbers)
            matching = torch.from_numpy(np.take(self.matches, at, mode="clip") == numbers)
            logits = (similar / self.config.temperature).masked_fill(matching, -torch.inf)
            own = positive / self.config.temperature
            to_titles = torch.logaddexp(own, logits[q].logsumexp(1)) - own
            to_queries = torch.logaddexp(own, logits[:, t].logsumexp(0)) - own
            loss = loss + self.config.in_batch_weight * 0.5 * (to_titles.mean() + to_queries.mean())
        return loss

    def _hard(self, query: np.ndarray, title: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.negatives is None:
            return title, query
        of_view = query >= self.seen.said
        hard_title = self.negatives.title_of_query[query]
        hard_query = np.where(of_view, self.negatives.view_of_title[title], self.negatives.query_of_title[title])
        return np.where(hard_title < 0, title, hard_title), np.where(hard_query < 0, query, hard_query)

    def _embed(self, numbers: list[list[int]]) -> torch.Tensor:
        by_length = sorted(range(len(numbers)), key=lambda i: len(numbers[i]))
        size = -(-len(numbers) // LENGTH_PARTS)
        with torch.autocast("cpu", torch.bfloat16):
            parts = [
                self.net(*padded([numbers[i] for i in by_length[at : at + size]]))
                for at in range(0, len(numbers), size)
            ]
        back = np.argsort(by_length)
        return torch.cat(parts).float()[back]


def validate(encoder: TitleEncoder, held_back: Pairs, seed: int) -> dict:
    """recall@10 of the purchased title for the held-back queries (None when there are none), and of a title for its
    noisy version, each among all titles."""
    rng = random.Random(seed)
    chosen = rng.sample(range(len(held_back.titles)), min(len(held_back.titles), VALIDATION_TITLES))
    titles = encoder.encode(held_back.titles)
    views = encoder.encode([noisy(held_back.titles[i], rng) for i in chosen])
    recall = None
    if len(held_back.pairs):
        queries = encoder.encode(held_back.queries)
        recall = recall_at_10(queries, titles, held_back.pairs[:, 0], held_back.pairs[:, 1])
    short = recall_at_10(views, titles, np.arange(len(chosen)), np.array(chosen))
    return {"recall@10": recall, "held_back_pairs": len(held_back.pairs), "short_title_recall@10": short}


def recall_at_10(queries: np.ndarray, titles: np.ndarray, query: np.ndarray, title: np.ndarray) -> float:
    """Share of the pairs whose title is among the ten closest to their query; equal similarity counts against it."""
    hits = 0
    size = max(1, MINING_CHUNK // len(titles))
    for at in range(0, len(query), size):
        similar = queries[query[at : at + size]] @ titles.T
        own = similar[np.arange(len(similar)), title[at : at + size]]
        hits += int(((similar >= own[:, None]).sum(axis=1) <= 10).sum())
    return round(hits / len(query), 4)
