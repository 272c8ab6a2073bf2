"""The whole path: a shopper's events → prompt → Falcon writes an id and a title → mixup → a ranked list."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from shopping_assistant.tools import mixup
from shopping_assistant.tools.attribute_filter import Constraint
from shopping_assistant.tools.attribute_filter import mask as constraint_mask
from shopping_assistant.tools.candidates import BEAMS
from shopping_assistant.tools.core_model import IdModel, history_rows
from shopping_assistant.tools.decoding import AnswerWriter, Written, load_writer
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.fused import CHOICE, Fused, Models, Weighed
from shopping_assistant.tools.memory import QueryProductMemory
from shopping_assistant.tools.mixup import MixupSettings, Scored
from shopping_assistant.tools.sessions import Event, current_query
from shopping_assistant.tools.stocked import id_model, item_codes, title_table
from shopping_assistant.tools.store import Store
from shopping_assistant.tools.title_encoder import TitleEncoder

SYSTEMS = ("id", "title", "mixup", "fused")


class RecommenderError(ShopError):
    """A store whose recommender is missing, or a request it cannot serve."""


@dataclass(frozen=True)
class Recommendation:
    """Ranked products, what the language model wrote for them, and the milliseconds of each part."""

    products: tuple[Scored, ...]
    written_id: str
    written_title: str
    parts_ms: dict[str, float]
    #: What `Recommender.without` needs; None where the system weighs no candidates.
    weighed: Weighed | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Roads:
    """One batch of answers on the way to both lists.

    ``ids`` and ``sessions`` ``(b, d)`` lie in the space of ``id_table`` ``(n, d)``, ``titles`` and ``queries`` in that
    of ``title_table``; who did or asked nothing has a row of zeros. ``rows`` ``(b,)`` are the written products,
    ``written_titles`` the ``b`` titles as they were written, ``left_out`` ``(b, n)`` what a mask takes away.
    """

    rows: np.ndarray
    written_titles: tuple[str, ...]
    ids: np.ndarray
    sessions: np.ndarray
    titles: np.ndarray
    queries: np.ndarray
    id_table: np.ndarray
    title_table: np.ndarray
    left_out: np.ndarray | None

    def by_id(self, session_weight: float) -> np.ndarray:
        """Scores of the id road, ``(b, n)``; -inf for what is left out."""
        scores = mixup.moved(self.ids, self.sessions, session_weight) @ self.id_table.T
        if not session_weight:
            # The written product leads its own list, whatever rounding says about a twin.
            scores[np.arange(len(self.rows)), self.rows] = 2.0
        return self._masked(scores)

    def by_title(self, query_weight: float) -> np.ndarray:
        """Scores of the title road, ``(b, n)``; -inf for what is left out."""
        vectors = mixup.moved(self.titles, self.queries, query_weight)
        return self._masked(mixup.title_scores(self.title_table, vectors))

    def _masked(self, scores: np.ndarray) -> np.ndarray:
        if self.left_out is not None:
            scores[self.left_out] = -np.inf
        return scores


class Recommender:
    """One store's recommender. `scores` serves evaluation in batches, `recommend` one shopper."""

    # Histories written for together: large enough to fill the cores, small enough that scores of 105,542 products
    # for one batch stay under 30 MB a system.
    batch = 64

    def __init__(self, store: Store, writer: AnswerWriter, titles: TitleEncoder, ids: IdModel, memory, settings):
        self._store = store
        self._catalog = store.catalog()
        self._writer = writer
        self._prompt_writer = writer.prompt_writer(self._catalog)
        self._titles = titles
        self._ids = ids
        self._memory = memory
        self.settings: MixupSettings = settings
        self._has_fused = all(store.has(name) for name in ("sessions", "fused"))
        #: What `recommend` ranks by: the better one on this shop's validation sessions.
        self.system = _default_system(store) if self._has_fused else "mixup"

    @classmethod
    def open(cls, store: Store, before: Recommender | None = None) -> Recommender:
        """Load the trained models.

        Args:
            before: a recommender of the same store whose language and title models are still the store's: they are
                taken over, and what depends on the products is made anew.

        Raises:
            RecommenderError: the store has none.
        """
        for name in ("titles", "ids", "recommender"):
            if not store.has(name):
                raise RecommenderError(
                    f"{store.path} has no trained {name} model; make it with `shop build --store {store.path}`"
                )
        return cls(
            store,
            before._writer.with_codes(item_codes(store))
            if before
            else load_writer(store.model_dir("recommender"), item_codes(store)),
            before._titles if before else TitleEncoder.load(store.model_dir("titles")),
            id_model(store),
            QueryProductMemory.open(store),
            MixupSettings.load(store.model_dir("mixup")),
        )

    @cached_property
    def _title_vectors(self) -> np.ndarray:
        """Every product's title, ``(n, d)`` unit rows."""
        return title_table(self._store, self._titles)

    def models(self) -> Models:
        """What `Fused` shares with this recommender."""
        return Models(self._writer, self._titles, self._memory, self._title_vectors)

    @cached_property
    def fused(self) -> Fused:
        """
        Raises:
            RecommenderError: the store has no weights for it.
        """
        if not self._has_fused:
            raise RecommenderError(
                f"{self._store.path} has no trained session encoder and weights for the system fused; make them with "
                f"`shop build --store {self._store.path}`"
            )
        return Fused.open(self._store, self.models())

    def _prompts(self, histories: Sequence[Sequence[Event]]) -> list[str]:
        queries = [current_query(h) or "" for h in histories]
        remembered = self._memory.products(queries, self._writer.style.memory_products)
        return [self._prompt_writer.input(h, r) for h, r in zip(histories, remembered, strict=True)]

    def write(
        self, histories: Sequence[Sequence[Event]], masks: Sequence[np.ndarray | None] | None = None
    ) -> list[Written]:
        """What the language model answers for each history, among the products its mask ``(n,)`` keeps."""
        masks = self._listed_only(masks, len(histories))
        return self._writer.write(self._prompts(histories), list(masks) if masks else [None] * len(histories))

    def _listed_only(self, masks: Sequence[np.ndarray | None] | None, count: int) -> Sequence[np.ndarray | None] | None:
        """The masks, without the products that were removed from the shop."""
        listed = self._catalog.listed
        if listed.all():
            return masks
        return [listed if mask is None else mask & listed for mask in masks or [None] * count]

    def scores(
        self,
        histories: Sequence[Sequence[Event]],
        systems: Iterable[str] = ("mixup",),
        masks: Sequence[np.ndarray | None] | None = None,
        roads: Roads | None = None,
    ) -> dict[str, np.ndarray]:
        """Scores of every product under each system, ``(b, n)`` float32, higher is better.

        The language model writes once for all systems: ``id`` ranks by the id table around the written id and the
        session, ``title`` by the title model around the written title and the current query, ``mixup`` joins them.
        ``fused`` ranks the candidates of all parts by what they say together; it asks for several written products.

        Args:
            roads: what the language model wrote for these histories, where it has been asked already.
        """
        unknown = [x for x in systems if x not in SYSTEMS]
        if unknown:
            raise RecommenderError(f"system {unknown[0]!r}: expected one of {', '.join(SYSTEMS)}")
        out = {}
        if any(s != "fused" for s in systems):
            by_id, by_title = self._lists(roads or self.roads(histories, masks))
            made = {"id": lambda: by_id, "title": lambda: by_title, "mixup": lambda: self._mix(by_id, by_title)}
            out = {s: made[s]() for s in systems if s != "fused"}
        if "fused" in systems:
            listed = self._listed_only(masks, len(histories)) or [None] * len(histories)
            out["fused"] = self.fused.scores(histories, listed)
        return {s: out[s] for s in systems}

    def roads(self, histories: Sequence[Sequence[Event]], masks: Sequence[np.ndarray | None] | None = None) -> Roads:
        """What the language model writes for each history, ready to be looked for on both roads."""
        return self._roads(self.write(histories, masks), histories, masks)

    def _roads(self, written: Sequence[Written], histories, masks) -> Roads:
        queries = [current_query(h) or "" for h in histories]
        vectors = self._titles.encode([*(w.title for w in written), *queries])
        asked = np.array([bool(q) for q in queries], dtype=np.float32)[:, None]
        rows = np.array([w.index for w in written])
        left_out = None
        masks = self._listed_only(masks, len(histories))
        if masks:
            everything = np.ones(len(self._catalog), dtype=bool)
            left_out = ~np.stack([everything if mask is None else mask for mask in masks])
        return Roads(
            rows=rows,
            written_titles=tuple(w.title for w in written),
            ids=self._ids.table[rows],
            sessions=self._ids.encode_sessions([history_rows(h, self._catalog) for h in histories]),
            titles=vectors[: len(rows)],
            queries=vectors[len(rows) :] * asked,
            id_table=self._ids.table,
            title_table=self._title_vectors,
            left_out=left_out,
        )

    def _lists(self, roads: Roads) -> tuple[np.ndarray, np.ndarray]:
        return roads.by_id(self.settings.session_weight), roads.by_title(self.settings.query_weight)

    def _mix(self, by_id: np.ndarray, by_title: np.ndarray) -> np.ndarray:
        return mixup.mix(by_id, by_title, self.settings.m, self.settings.id_weight)

    def recommend(
        self,
        history: Sequence[Event],
        k: int = 10,
        constraints: Iterable[Constraint] = (),
        exclude: Iterable[str] = (),
    ) -> Recommendation:
        """The next ``k`` products for one shopper: available, meeting every constraint, not bought and not excluded.

        There may be fewer than ``k``, and none when nothing is left to choose from.
        """
        allowed = constraint_mask(self._catalog, constraints)
        gone = {e.product_id for e in history if e.action == "purchase"} | set(exclude)
        allowed[[self._catalog.index(p) for p in gone if p in self._catalog]] = False
        if not allowed.any():
            return Recommendation((), "", "", {})
        clock = _Clock()
        (prompt,) = self._prompts([history])
        clock.lap("prompt")
        (written,) = self._writer.write([prompt], [allowed], beams=BEAMS if self.system == "fused" else 10)
        clock.lap("write")
        weighed = None
        if self.system == "fused":
            beam = [row for row, _ in written.candidates]
            weighed = self.fused.weighed(history, allowed, beam, clock.lap)
            found = self.fused.best(weighed, k)
            products = tuple(Scored(self._catalog.ids[row], score, route) for row, score, route in found)
        else:
            products = self._mixed_list(written, history, k, allowed)
        clock.lap("retrieval")
        return Recommendation(products, self._catalog.ids[written.index], written.title, clock.parts, weighed)

    def without(self, made: Recommendation, reduced: Sequence[Sequence[Event]]) -> dict[str, np.ndarray]:
        """Ranks of the products recommended, had the shopper not done one thing or another: see `Fused.without`.

        Returns:
            product id → ``(1 + len(reduced),)`` ranks among the candidates, first the rank as it is. Empty where the
            system weighs no candidates.
        """
        if made.weighed is None or not reduced:
            return {}
        rows, ranks = self.fused.without(made.weighed, reduced)
        return {self._catalog.ids[row]: ranks[:, i] for i, row in enumerate(rows.tolist())}

    def _mixed_list(self, written: Written, history, k: int, allowed: np.ndarray) -> tuple[Scored, ...]:
        by_id, by_title = self._lists(self._roads([written], [history], [allowed]))
        mixed = self._mix(by_id, by_title)[0]
        rows = mixup.top_k(mixed, k, allowed)
        ranks = mixup.route_ranks(by_id[0], by_title[0], rows)
        return tuple(
            Scored(self._catalog.ids[row], float(mixed[row]), {**route, "memory": None, "search": None})
            for row, route in zip(rows, ranks, strict=True)
        )


def _default_system(store: Store) -> str:
    """What validation chose; see ``finetune/fusion.py``."""
    try:
        chosen = json.loads((store.model_dir("fused") / CHOICE).read_text(encoding="utf-8"))["default"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecommenderError(
            f"{store.model_dir('fused') / CHOICE} cannot be read ({error}); run `shop build --only fused`"
        ) from error
    if chosen not in SYSTEMS:
        raise RecommenderError(f"{store.model_dir('fused') / CHOICE}: system {chosen!r}, expected one of {SYSTEMS}")
    return chosen


class _Clock:
    def __init__(self):
        self.parts: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.parts[name] = round(self.parts.get(name, 0.0) + (now - self._last) * 1000, 2)
        self._last = now
