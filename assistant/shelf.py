"""One shop's products behind its models, each loaded when first needed: search, recommendations, popularity, memory."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from shopping_assistant.assistant.evidence import Evidence, of_recommended
from shopping_assistant.assistant.language.fashion_words import IMITATION
from shopping_assistant.assistant.language.leanings import JUDGED, Leaning
from shopping_assistant.assistant.language.places import Places
from shopping_assistant.assistant.language.understanding import Understanding
from shopping_assistant.assistant.language.vocabulary import Vocabulary
from shopping_assistant.assistant.language.wishes import TEXT, wished_category
from shopping_assistant.assistant.leaning_order import LeaningOrder, Words
from shopping_assistant.assistant.picture_search import PictureSearch, expected
from shopping_assistant.assistant.question import Questions
from shopping_assistant.tools import attribute_filter
from shopping_assistant.tools.attribute_filter import Constraint
from shopping_assistant.tools.first_load import ALONE
from shopping_assistant.tools.fit_advice import SizeAdvisor
from shopping_assistant.tools.memory import QueryProductMemory
from shopping_assistant.tools.mixup import Scored, top_k
from shopping_assistant.tools.outfits import Outfits
from shopping_assistant.tools.search import CatalogSearch, searchable_text, words_of
from shopping_assistant.tools.sessions import Event, as_events, current_query, empty_events, events_of
from shopping_assistant.tools.store import Store

# Attributes that a title often names when the cell is empty.
_IN_TITLES = ("material", "color", "category", "brand")
_TEXTS_KEPT = 200
NO_ROUTE = {"id": None, "title": None, "memory": None, "search": None}
# How far down the memory's list a product still counts as remembered.
REMEMBERED_PRODUCTS = 20
POOL = 1_000
# Recommended for one that is shown, when wishes that order them choose.
LEANED_FROM = 10
# Of so many logged searches so many are read for what this shop's shoppers name.
SEARCHES_READ, SEARCHES_KEPT = 20_000, 300
# Wishes are set aside in this order when nothing meets them all: what is easiest to do without goes first.
EASIEST_FIRST = (
    "look",
    "season",
    "occasion",
    "pattern",
    "fit",
    "brand",
    "size",
    "material",
    "price",
    "color",
    "department",
    "category",
)


@dataclass(frozen=True)
class Ranked:
    """Products found, best first; ``by`` says how: search, words, recommender, popular, newest.

    ``pool``: rows of all that would do, best first, as many as a question back looks at; None where nobody asks back.
    """

    products: tuple[Scored, ...]
    by: str
    count: int = 0
    relaxed: tuple[Constraint, ...] = ()
    parts_ms: dict[str, float] = field(default_factory=dict)
    pool: np.ndarray | None = field(default=None, compare=False, repr=False)
    #: product id → clicks and purchases without which it would stand lower, the strongest first.
    evidence: dict[str, tuple[Evidence, ...]] = field(default_factory=dict, compare=False, repr=False)


class Shelf:
    """What the tools of a conversation take products from. Safe for several threads."""

    def __init__(self, store: Store, before: Shelf | None = None):
        """Open a store's shelf.

        Args:
            before: the same shop's shelf until now; what has not changed since is taken over.
        """
        self.store = store
        self.catalog = store.catalog()
        same = before is not None and before.catalog is self.catalog
        self.vocabulary = before.vocabulary if same else Vocabulary(self.catalog)
        self.understanding = before.understanding if same else Understanding(self.vocabulary)
        self._earlier = before._recommender_for(store) if before is not None else None
        self._pictures_before = before._loaded.get("pictures") if before is not None else None
        self._loading = {
            name: threading.Lock()
            for name in (
                "search", "recommender", "memory", "popularity", "currency", "size_advisor", "questions", "outfits",
                "places", "leaning_order", "pictures",
            )
        }
        self._loaded: dict[str, object] = {}
        self._texts: dict[tuple, np.ndarray] = {}

    def _once(self, name: str, load):
        """Load a part at its first use. Only who needs this part waits for it."""
        if name not in self._loaded:
            with self._loading[name]:
                if name not in self._loaded:
                    self._loaded[name] = load()
        return self._loaded[name]

    @property
    def currency(self) -> str | None:
        """The shop's currency, or that of its first priced product."""

        def load():
            named = self.catalog.frame["currency"].drop_nulls()
            return self.store.currency or (named[0] if len(named) else None)

        return self._once("currency", load)

    @property
    def can_recommend(self) -> bool:
        return all(self.store.has(n) for n in ("titles", "ids", "recommender"))

    @property
    def searcher(self) -> CatalogSearch | _WordSearch:
        def load():
            if self.store.has("search"):
                return CatalogSearch.open(self.store)
            return _WordSearch([searchable_text(self.catalog.at(row)) for row in range(len(self.catalog))])

        return self._once("search", load)

    @property
    def recommender(self):
        def load():
            with ALONE:
                from shopping_assistant.tools.recommender import Recommender

            earlier, self._earlier = self._earlier, None
            return Recommender.open(self.store, earlier)

        return self._once("recommender", load)

    def _recommender_for(self, store: Store):
        """The recommender, if its language and title models are still that store's."""
        same = store.digest("titles", "recommender") == self.store.digest("titles", "recommender")
        return self._loaded.get("recommender", self._earlier) if same else None

    @property
    def size_advisor(self) -> SizeAdvisor | None:
        """None where nobody has told this shop how its sizes fit, or nothing was learned of it yet."""
        there = self.store.has_fit_feedback and self.store.has("fit")
        return self._once("size_advisor", lambda: SizeAdvisor.open(self.store)) if there else None

    @property
    def memory(self) -> QueryProductMemory:
        return self._once("memory", lambda: QueryProductMemory.open(self.store))

    @property
    def popularity(self) -> np.ndarray:
        """Purchases of each product in the shop's log, ``(n,)`` float32; zeros for a shop without one."""

        def load():
            counts = np.zeros(len(self.catalog), dtype=np.float32)
            if self.store.has_events:
                log = pl.scan_parquet(self.store.path / "events.parquet").filter(pl.col("action") == "purchase")
                for product, n in log.group_by("product_id").len().collect().iter_rows():
                    if product in self.catalog:
                        counts[self.catalog.index(product)] = n
            return counts

        return self._once("popularity", load)

    @property
    def questions(self) -> Questions:
        """What may be asked back when a wish is wide."""
        return self._once("questions", lambda: Questions(self.understanding, self.currency, self._some_searches))

    def _some_searches(self) -> list[str]:
        """Searches from all over the start of the shop's log, some hundred."""
        if not self.store.has_events:
            return []
        log = pl.scan_parquet(self.store.path / "events.parquet").filter(pl.col("action") == "search")
        words = log.select("query").head(SEARCHES_READ).collect()["query"].drop_nulls()
        return words.gather_every(max(len(words) // SEARCHES_KEPT, 1)).to_list()[:SEARCHES_KEPT]

    @property
    def outfits(self) -> Outfits:
        """What this shop's log says about kinds and colours that are bought in one session."""

        def load():
            if not self.store.has_events:
                return Outfits.learn(self.catalog, empty_events())
            return Outfits.learn(self.catalog, pl.scan_parquet(self.store.path / "events.parquet"))

        return self._once("outfits", load)

    @property
    def pictures(self) -> PictureSearch | None:
        """What looks like a photo; None where this shop names no model that sees, or has not got it."""
        return self._once("pictures", lambda: PictureSearch.open(self.store, self._pictures_before))

    @property
    def sees_pictures(self) -> bool:
        """Whether `pictures` is there; until it was loaded, whether it looks so."""
        return self._loaded["pictures"] is not None if "pictures" in self._loaded else expected(self.store)

    @property
    def places(self) -> Places:
        return self._once("places", lambda: Places(self.vocabulary))

    def warm(self) -> None:
        """Load what a turn can need, so that the first shopper does not wait for it."""
        self.understanding.warm()
        self.searcher.scores("warm")
        _ = self.pictures
        self.questions.warm()
        if self.can_recommend:
            self.recommender.recommend((), 1)
            if self.memory.size:
                self.memory.products(["warm"])
        self.understanding.nearest.warm()

    def mask(self, constraints: Sequence[Constraint]) -> np.ndarray:
        """Which products meet every wish and can be bought, ``(n,)`` bool.

        Beyond `attribute_filter.mask`, an exclusion is also read in the text: where the catalogue has no such attribute
        ("no zips"), and where a product's cell is empty but its title gives it away. A product without a department is
        for anyone.
        """
        for_whom = [c for c in constraints if c.attribute == "department" and not c.is_exclusion]
        keep = attribute_filter.mask(self.catalog, [c for c in constraints if c not in for_whom])
        if for_whom:
            unsaid = self.catalog.frame["department"].is_null().to_numpy()
            keep &= attribute_filter.mask(self.catalog, for_whom) | unsaid
        for c in constraints:
            if c.is_exclusion:
                for value in c.values:
                    if c.attribute == TEXT:
                        keep &= ~self._says(str(value), ("title", "description"))
                    elif isinstance(value, str) and c.attribute in _IN_TITLES:
                        keep &= ~(self.catalog.frame[c.attribute].is_null().to_numpy() & self._says(value, ("title",)))
        return keep

    def _says(self, word: str, columns: tuple[str, ...]) -> np.ndarray:
        """Which products' text has this word or phrase; "faux leather" does not say leather."""
        key = (word, columns)
        if key not in self._texts:
            if len(self._texts) > _TEXTS_KEPT:
                self._texts.clear()
            text = self.catalog.frame.select(
                pl.concat_str(columns, separator=" ", ignore_nulls=True).str.to_lowercase()
                .str.replace_all(rf"\b(?:{'|'.join(IMITATION)})[ -]{re.escape(word)}", " ")
                .str.contains(rf"\b{re.escape(word)}(?:s|es)?\b")
            ).to_series()  # fmt: skip
            self._texts[key] = text.fill_null(False).to_numpy()
        return self._texts[key]

    def log_of(self, user_id: str) -> list[Event]:
        """What this shopper did before in the shop's own log."""
        if not self.store.has_events:
            return []
        log = pl.scan_parquet(self.store.path / "events.parquet").filter(pl.col("user_id") == user_id)
        return events_of(as_events(log.collect()))

    def search(
        self, query: str, k: int, constraints: Sequence[Constraint], exclude: Sequence[str] = (),
        leanings: Sequence[Leaning] = (),
    ) -> Ranked:  # fmt: skip
        """The best products for a query that meet the wishes; wishes that leave nothing are set aside one by one.

        Args:
            leanings: move products up and down, and shut none out.
        """
        gone = self._rows(exclude)
        mask, relaxed = self._wide_enough(constraints, gone)
        if not query.strip() and not any(w.attribute != JUDGED for w in leanings):
            return self._by_popularity(k, mask, relaxed, leanings)
        by = "search" if isinstance(self.searcher, CatalogSearch) else "words"
        nothing_said = np.zeros(len(self.catalog), dtype=np.float32)
        scores = self.searcher.scores(query, mask=mask) if query.strip() else nothing_said
        if leanings:
            scores = scores + self.leaning_order.scores(leanings, mask)
        pool = top_k(scores, max(k, POOL), mask)
        if any(c.attribute == "price" for c in relaxed):
            # Nothing at that price: what comes nearest to it first.
            rows = self._nearest_in_price(pool[: 5 * k], relaxed)[:k]
        else:
            rows = pool[:k]
        products = tuple(
            Scored(self.catalog.ids[r], float(scores[r]), {**NO_ROUTE, "search": i}) for i, r in enumerate(rows, 1)
        )
        return Ranked(self._with_memory(products, query), by, int(mask.sum()), relaxed, pool=pool)

    def recommend(
        self, history: Sequence[Event], k: int, constraints: Sequence[Constraint], exclude: Sequence[str] = (),
        leanings: Sequence[Leaning] = (), with_evidence: bool = False,
    ) -> Ranked:  # fmt: skip
        """The next products for a shopper; without a trained recommender the most bought ones."""
        gone = self._rows([*exclude, *(e.product_id for e in history if e.action == "purchase" and e.product_id)])
        mask, relaxed = self._wide_enough(constraints, gone)
        if not self.can_recommend:
            return self._by_popularity(k, mask, relaxed, leanings)
        kept = [c for c in constraints if c not in relaxed]
        # The recommender knows attributes only: what the text gives away is excluded by name.
        in_text = attribute_filter.mask(self.catalog, kept) & ~self.mask(kept)
        exclude = [*exclude, *(self.catalog.ids[row] for row in np.flatnonzero(in_text))]
        made = self.recommender.recommend(tuple(history), LEANED_FROM * k if leanings else k, kept, exclude)
        products = self._with_memory(self.leaned(made.products, leanings, mask)[:k], current_query(history) or "")
        found, parts = {}, dict(made.parts_ms)
        if with_evidence:
            start = time.perf_counter()
            found = of_recommended(self.recommender, made, history)
            parts["evidence"] = round((time.perf_counter() - start) * 1000, 2)
        return Ranked(products, "recommender", int(mask.sum()), relaxed, parts, evidence=found)

    def leaned(
        self, products: Sequence[Scored], leanings: Sequence[Leaning], mask: np.ndarray
    ) -> Sequence[Scored]:
        """Recommended products in the order that the leanings give them: their places count as much as one wish."""
        if not leanings or not products:
            return products
        rows = [self.catalog.index(s.product_id) for s in products]
        said, thumbs = (tuple(w for w in leanings if (w.attribute == JUDGED) is judged) for judged in (False, True))
        scores = self.leaning_order.scores(said, mask)[rows] - np.arange(len(rows)) / len(rows)
        # The recommender knows already what was liked, as something looked at: a thumb moves a product a place or two.
        scores = scores + self.leaning_order.scores(thumbs, mask)[rows] / LEANED_FROM
        return [products[i] for i in np.argsort(-scores, kind="stable")]

    @property
    def leaning_order(self) -> LeaningOrder:
        """How leanings move this shop's products."""

        def load():
            searcher = self.searcher
            if isinstance(searcher, CatalogSearch):
                words = Words(searcher.scores, searcher.vectors, searcher.encode)
            else:
                words = Words(searcher.scores, None, None)
            return LeaningOrder(self.understanding.scales, words, self.pictures.likeness if self.pictures else None)

        return self._once("leaning_order", load)

    def similar(
        self, product_id: str, k: int, constraints: Sequence[Constraint], leanings: Sequence[Leaning] = (),
        exclude: Sequence[str] = (),
    ) -> Ranked:  # fmt: skip
        """Products nearest to one product: of its category, by what its title says."""
        product = self.catalog.product(product_id)
        wanted = wished_category(constraints)
        if product.category and (wanted is None or product.category.lower() in wanted.values):
            constraints = [c for c in constraints if c is not wanted]
            constraints.append(Constraint("category", "in", (product.category.lower(),), wanted.said if wanted else ""))
        # To be near it is the search itself.
        leanings = [w for w in leanings if w.attribute or w.than != product_id]
        return self.search(product.title, k, constraints, (product_id, *exclude), leanings)

    def popular(
        self, k: int, constraints: Sequence[Constraint], leanings: Sequence[Leaning] = (), exclude: Sequence[str] = ()
    ) -> Ranked:
        return self._by_popularity(k, *self._wide_enough(constraints, self._rows(exclude)), leanings)

    def _by_popularity(
        self, k: int, mask: np.ndarray, relaxed: tuple[Constraint, ...], leanings: Sequence[Leaning] = ()
    ) -> Ranked:
        scores = self.popularity
        if leanings:
            best = float(scores.max(initial=0.0))
            scores = (scores / best if best > 0 else scores) + self.leaning_order.scores(leanings, mask)
        pool = top_k(scores, max(k, POOL), mask)
        rows = pool[:k]
        by = "popular" if self.popularity.any() else "listed"
        products = tuple(Scored(self.catalog.ids[r], float(self.popularity[r]), dict(NO_ROUTE)) for r in rows)
        return Ranked(products, by, int(mask.sum()), relaxed, pool=pool)

    def _rows(self, products: Sequence[str]) -> np.ndarray:
        return np.array([self.catalog.index(p) for p in set(products) if p in self.catalog], dtype=np.int64)

    def _wide_enough(
        self, constraints: Sequence[Constraint], gone: np.ndarray
    ) -> tuple[np.ndarray, tuple[Constraint, ...]]:
        """A mask that leaves something, and the wishes set aside for it. Exclusions are never set aside.

        One wish alone is tried first, the easiest to do without; only when no single one is to blame do more go.
        """
        mask = self.mask(constraints)
        mask[gone] = False
        if mask.any():
            return mask, ()
        order = [c for c in constraints if not c.is_exclusion]
        order.sort(key=lambda c: EASIEST_FIRST.index(c.attribute) if c.attribute in EASIEST_FIRST else 2)
        for dropped in [[c] for c in order] + [order[: n + 1] for n in range(1, len(order))]:
            kept = [c for c in constraints if c not in dropped]
            category = next((c for c in dropped if c.attribute == "category"), None)
            # Ankle boots give way to other boots, then to other shoes, before they give way to anything.
            wider = self.vocabulary.wider_categories(category.values) if category else []
            for step in [*([replace(category, values=v)] for v in wider), []]:
                mask = self.mask([*kept, *step])
                mask[gone] = False
                if mask.any():
                    return mask, tuple(dropped)
        return mask, ()

    def _nearest_in_price(self, rows: np.ndarray, relaxed: Sequence[Constraint]) -> np.ndarray:
        bounds = [c.values[0] for c in relaxed if c.attribute == "price"]
        distance = np.min([np.abs(self.vocabulary.prices[rows] - b) for b in bounds], axis=0)
        return rows[np.argsort(np.nan_to_num(distance, nan=np.inf), kind="stable")]

    def _with_memory(self, products: Sequence[Scored], query: str) -> tuple[Scored, ...]:
        """Fill in where each product stands among what past shoppers were shown for such a query."""
        if not query or not self.store.has("memory") or not self.memory.size:
            return tuple(products)
        remembered = self.memory.products([query], REMEMBERED_PRODUCTS)[0]
        rank = {p: i for i, p in enumerate(remembered, 1)}
        return tuple(Scored(s.product_id, s.score, {**s.route, "memory": rank.get(s.product_id)}) for s in products)


class _WordSearch:
    """BM25 over the catalogue's words, made in memory for a shop whose search index was not built yet."""

    def __init__(self, texts: Sequence[str]):
        import bm25s

        self._bm25 = bm25s.BM25()
        self._bm25.index([words_of(t) for t in texts], show_progress=False)
        self._size = len(texts)

    def scores(self, query: str, mask: np.ndarray | None = None) -> np.ndarray:
        """BM25 of every product, ``(n,)`` float32, whatever ``mask`` keeps."""
        known = [w for w in words_of(query) if w in self._bm25.vocab_dict]
        return self._bm25.get_scores(known).astype(np.float32) if known else np.zeros(self._size, dtype=np.float32)
