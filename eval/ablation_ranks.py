"""Ranks of a trained variant on its sessions, in every list an ablation looks at; kept, so that none is made twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from shopping_assistant.eval.baselines import open_rankers
from shopping_assistant.eval.metrics import target_ranks
from shopping_assistant.eval.protocol import Part, Protocol, questions
from shopping_assistant.tools import mixup
from shopping_assistant.tools.catalog import Catalog, write_parquet
from shopping_assistant.tools.mixup import MixupSettings
from shopping_assistant.tools.sessions import Event, Example, current_query
from shopping_assistant.tools.store import Store, write_json

if TYPE_CHECKING:
    from shopping_assistant.tools.recommender import Roads

# As published, and what the first ten places ask.
SPLITS = (0, 1, 2, 3, 4, 5, 6, 8, 10)
# Raised when a list or a sample comes out otherwise: ranks that were kept are then made again.
RECIPE = 1
# Scores of one batch: at 105,542 products 64 histories are 27 MB a list.
BATCH, BATCH_CELLS = 64, 8_000_000
MODELS = ("catalog", "events", "search", "titles", "ids", "recommender")
SWEEP, TEXT = "sweep", "text"


@dataclass(frozen=True)
class Job:
    """One variant and what it is asked; paths and plain values, so that another process can do it.

    Attributes:
        shop: the store whose sessions are asked, and whose mixup weights count.
        models: the store of the variant.
        asked: ``all`` sessions; ``domains``: as many of each kind of target, ranked within its kind; ``withheld``: as
            many whose target was withheld as of others.
        domains: of ``column``. products: those withheld.
        lists: of Falcon's answer, beside id, title and mixup: ``sweep`` (mixup by m), ``text`` (mixup with a general
            text encoder). baselines: systems trained on the variant's own log.
    """

    name: str
    shop: Path
    models: Path
    out: Path
    part: Part
    sample: int
    seed: int
    asked: str = "all"
    column: str = ""
    domains: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    baselines: tuple[str, ...] = ()


def rank(job: Job) -> pl.DataFrame:
    """One row a session: ``session_id``, ``user_id``, ``group``, and the target's rank in each list, 0 for none."""
    shop, models = Store.open(job.shop), Store.open(job.models)
    path, key = job.out / f"{job.name}.parquet", _key(job, shop, models)
    about = path.with_suffix(".json")
    if path.is_file() and about.is_file() and json.loads(about.read_text(encoding="utf-8"))["key"] == key:
        return pl.read_parquet(path)
    split = shop.split()
    protocol = Protocol(part=job.part, seed=job.seed)
    asked = questions(shop.events(), protocol, split.train, split).examples
    groups = _groups(job, shop.catalog(), asked)
    chosen = _sampled(groups, job.sample, job.seed)
    asked, groups = [asked[i] for i in chosen], [groups[i] for i in chosen]
    among = _Among(shop.catalog(), groups if job.asked == "domains" else None, job.column)
    ranks: dict[str, list[int]] = {}
    lists = _Lists(shop, models, job.lists)
    rankers = open_rankers(models, job.baselines, models.split().train) if job.baselines else []
    batch = max(1, min(BATCH, BATCH_CELLS // len(shop.catalog())))
    for at in range(0, len(asked), batch):
        examples = asked[at : at + batch]
        histories = [e.history for e in examples]
        targets, masks = among.targets(examples), among.masks(examples, groups[at : at + batch])
        writable = masks | ~masks.any(axis=1, keepdims=True)
        scored = (r.scores(histories, writable).items() for r in rankers)
        for name, scores in chain(lists.each(histories, writable), *scored):
            found = target_ranks(np.asarray(scores, dtype=np.float32), masks, targets)
            ranks.setdefault(name, []).extend(found.tolist())
    frame = pl.DataFrame(
        {
            "session_id": [e.session_id for e in asked],
            "user_id": [e.user_id for e in asked],
            "group": groups,
            **{name: pl.Series(found, dtype=pl.Int64) for name, found in ranks.items()},
        }
    )
    about.unlink(missing_ok=True)
    write_parquet(frame, path)
    write_json(about, {"key": key})
    return frame


def _key(job: Job, shop: Store, models: Store) -> str:
    described = {k: v for k, v in asdict(job).items() if k not in ("shop", "models", "out")}
    made_from = [shop.digest("catalog", "events", "mixup"), models.digest(*MODELS)]
    return hashlib.sha256(json.dumps([RECIPE, described, made_from], sort_keys=True).encode()).hexdigest()


def _groups(job: Job, catalog: Catalog, asked: Sequence[Example]) -> list[str | None]:
    """What each session counts as; None for one that is not asked."""
    if job.asked == "withheld":
        withheld = set(job.products)
        return ["cold items" if e.target in withheld else "warm items" for e in asked]
    if job.asked == "domains":
        of = dict(zip(catalog.ids, catalog.cells(job.column), strict=True))
        wanted = set(job.domains)
        found = [_plain(of.get(e.target)) for e in asked]
        return [value if value in wanted else None for value in found]
    return ["all"] * len(asked)


def _plain(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _sampled(groups: Sequence[str | None], most: int, seed: int) -> list[int]:
    """Rows of the sessions that are asked: ``most`` in all, as many of each group, in the order of the log."""
    names = sorted({g for g in groups if g is not None})
    chosen: list[int] = []
    for name in names:
        rows = [i for i, g in enumerate(groups) if g == name]
        drawn = np.random.default_rng(seed).permutation(len(rows))[: max(1, most // len(names))]
        chosen += [rows[i] for i in drawn]
    return sorted(chosen)


class _Among:
    """The candidates of each session: all products not bought before, or those of them in the target's domain."""

    def __init__(self, catalog: Catalog, domains: Sequence[str] | None, column: str):
        self._catalog = catalog
        self._of: dict[str, np.ndarray] = {}
        if domains is not None:
            values = np.array([_plain(v) for v in catalog.cells(column)])
            self._of = {name: values == name for name in set(domains)}

    def targets(self, examples: Sequence[Example]) -> np.ndarray:
        """``(b,)`` rows, -1 for a target that is not in the catalogue."""
        return np.array([self._row(e.target) for e in examples], dtype=np.int64)

    def masks(self, examples: Sequence[Example], groups: Sequence[str]) -> np.ndarray:
        """``(b, n)`` bool."""
        everything = [self._of.get(group, self._catalog.listed) for group in groups]
        masks = np.stack(everything) & self._catalog.listed
        for mask, example in zip(masks, examples, strict=True):
            bought = [self._row(e.product_id) for e in example.history if e.action == "purchase"]
            mask[[row for row in bought if row >= 0]] = False
        return masks

    def _row(self, product: str) -> int:
        return self._catalog.index(product) if product in self._catalog else -1


class _Lists:
    """Every list made of one answer of a variant's Falcon, with the shop's weights and as published."""

    def __init__(self, shop: Store, models: Store, lists: Sequence[str]):
        from shopping_assistant.tools.recommender import Recommender  # torch

        self._recommender = Recommender.open(models)
        self._weights = {"shop": MixupSettings.load(shop.model_dir("mixup")), "published": MixupSettings()}
        self._lists = lists
        self._text = _GeneralText(models) if TEXT in lists else None

    def each(self, histories: Sequence[tuple[Event, ...]], masks: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        """Name and scores ``(b, n)`` of every list, one after the other: all at once would fill the memory."""
        roads = self._recommender.roads(list(histories), list(masks))
        written = self._text.on(roads, histories) if self._text else None
        for name, s in self._weights.items():
            by_id, by_title = roads.by_id(s.session_weight), roads.by_title(s.query_weight)
            yield f"{name} id", by_id
            yield f"{name} title", by_title
            yield f"{name} mixup", mixup.mix(by_id, by_title, s.m, s.id_weight)
            for m in SPLITS if SWEEP in self._lists else ():
                yield f"{name} m={m}", mixup.mix(by_id, by_title, m, s.id_weight)
            if written:
                yield f"{name} text", mixup.mix(by_id, written.by_title(s.query_weight), s.m, s.id_weight)


class _GeneralText:
    """The title road by sentence vectors: the search index's of the titles, and the same encoder's of what is said."""

    def __init__(self, store: Store):
        from shopping_assistant.tools.search import load_vectors
        from shopping_assistant.tools.sentence_encoder import SentenceEncoder

        self._table = load_vectors(store.model_dir("search")).astype(np.float32)
        self._encoder = SentenceEncoder.load()
        self._known: dict[str, np.ndarray] = {}

    def on(self, roads: Roads, histories: Sequence[tuple[Event, ...]]) -> Roads:
        """The same answers on the way to the list of the general encoder."""
        queries = [current_query(h) or "" for h in histories]
        # Falcon writes the few thousand titles it knows again and again.
        unknown = sorted({*roads.written_titles, *(q for q in queries if q)} - self._known.keys())
        self._known.update(zip(unknown, self._encoder.encode(unknown), strict=True))
        nothing = np.zeros(self._table.shape[1], dtype=np.float32)
        return replace(
            roads,
            titles=np.stack([self._known[t] for t in roads.written_titles]),
            queries=np.stack([self._known[q] if q else nothing for q in queries]),
            title_table=self._table,
        )
