"""`fused`: candidates of all parts, each read by the language model too, ranked by weights learned on validation.

Beyond retrieval with mixup, which looks around the one product that was written: here several written products stand
beside those that the session encoder, the titles, the attributes, the log and the memory name, and what each part says
of every candidate is weighed. ``finetune/fusion.py`` learns the weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shopping_assistant.tools.bought_together import BoughtTogether
from shopping_assistant.tools.candidate_scoring import CandidateScorer
from shopping_assistant.tools.candidates import BEAMS, PARTS, CandidateMaker, Candidates, Named, Said, all_of
from shopping_assistant.tools.decoding import AnswerWriter
from shopping_assistant.tools.fusion import Scorer
from shopping_assistant.tools.memory import QueryProductMemory
from shopping_assistant.tools.mixup import top_k
from shopping_assistant.tools.sentence_encoder import SentenceEncoder
from shopping_assistant.tools.session_encoder import QUERY, SessionEncoder, Token
from shopping_assistant.tools.sessions import Event, current_query
from shopping_assistant.tools.store import Store
from shopping_assistant.tools.title_encoder import TitleEncoder

# Products of the last search's results that are candidates.
SHOWN = 40
# In the folder of the weights: the system that validation chose, and the weights of ablations.
CHOICE, VARIANTS = "choice.json", "variants"


@dataclass(frozen=True)
class Models:
    """What `fused` asks: the parts that a `Recommender` has open already."""

    writer: AnswerWriter
    titles: TitleEncoder
    memory: QueryProductMemory
    title_vectors: np.ndarray


@dataclass(frozen=True)
class Weighed:
    """One history's candidates by name, with their features, and weighed: ``scores`` ``(c,)``."""

    named: Named
    made: Candidates
    scores: np.ndarray


class Fused:
    """One store's fused ranking. `candidates` makes the evidence, ``scorer`` weighs it.

    Args:
        scorer: None while the weights are being learned.
    """

    def __init__(self, store: Store, models: Models, maker: CandidateMaker, scorer: Scorer | None):
        self._store, self._catalog = store, store.catalog()
        self._models, self.maker, self.scorer = models, maker, scorer
        self._reader = CandidateScorer(models.writer)
        self._prompts = models.writer.prompt_writer(self._catalog)
        self._sentences: SentenceEncoder | None = None

    @classmethod
    def open(cls, store: Store, models: Models) -> Fused:
        """Load the session encoder, the log's counts and the weights.

        Raises:
            SessionEncoderError, BoughtTogetherError, FusionError: one is missing or damaged.
        """
        folder = store.model_dir("fused")
        maker = make_candidates(store, models.title_vectors, BoughtTogether.load(folder))
        return cls(store, models, maker, Scorer.load(folder, maker.names))

    def candidates(
        self,
        histories: Sequence[Sequence[Event]],
        masks: Sequence[np.ndarray | None],
        written: Sequence[Sequence[int]] | None = None,
        with_falcon: bool = True,
        clock=None,
    ) -> Candidates:
        """The candidates of each history among the products its mask ``(n,)`` keeps, described by all parts.

        Args:
            written: the products that the language model wrote, where it has been asked already.
            with_falcon: False leaves the language model out: it is neither asked for products nor for likelihoods.
        """
        return self._described(histories, masks, written, with_falcon, clock)[1]

    def _described(
        self, histories, masks, written=None, with_falcon: bool = True, clock=None
    ) -> tuple[Named, Candidates]:
        clock = clock or (lambda part: None)
        queries = [current_query(h) or "" for h in histories]
        remembered = self._models.memory.products(queries, max(self._models.writer.style.memory_products, 10))
        prompts = None
        if with_falcon:
            few = self._models.writer.style.memory_products
            prompts = [self._prompts.input(h, r[:few]) for h, r in zip(histories, remembered, strict=True)]
            if written is None:
                found = self._reader.beams(prompts, masks, BEAMS)
                written = [beam.rows.tolist() for beam in found]
        written = written or [[] for _ in histories]
        said = [
            Said(w, self._rows(r), self._rows(_last_shown(h)[:SHOWN]))
            for w, r, h in zip(written, remembered, histories, strict=True)
        ]
        clock("write")
        sessions = self.maker.tokens(histories, self._catalog)
        title_queries = np.zeros((len(histories), self._models.title_vectors.shape[1]), np.float32)
        asking = [b for b, q in enumerate(queries) if q]
        if asking:
            title_queries[asking] = self._models.titles.encode([queries[b] for b in asking])
        named = self.maker.named(sessions, said, self._query_vectors(sessions), title_queries, masks)
        clock("candidates")
        likelihoods = self._reader.score_codes(prompts, named.lists()) if with_falcon else None
        clock("likelihoods")
        made = self.maker.described(named, likelihoods)
        clock("features")
        return named, made

    def variants(self) -> dict[str, Scorer]:
        """The weights of the ablations, where they were learned: ``without-PART`` and ``only-PART``."""
        folder = self._store.model_dir("fused") / VARIANTS
        return {f.name: Scorer.load(f, self.maker.names) for f in sorted(folder.glob("*-*"))}

    def scores(self, histories: Sequence[Sequence[Event]], masks: Sequence[np.ndarray | None]) -> np.ndarray:
        """Scores of every product, ``(b, n)`` float32: candidates first, the others as the session encoder ranks."""
        made = self.candidates(histories, masks)
        sessions = self.maker.tokens(histories, self._catalog)
        floor = self.maker.encoder.encode(sessions, self._query_vectors(sessions)) @ self.maker.encoder.table.T
        out = all_of(self.scorer.scores(made.features, made.rows, made.sources), made.rows, floor)
        for scores, mask in zip(out, masks, strict=True):
            if mask is not None:
                scores[~mask] = -np.inf
        return out

    def weighed(self, history: Sequence[Event], mask: np.ndarray, written: Sequence[int], clock=None) -> Weighed:
        """One shopper's candidates and their scores."""
        named, made = self._described([history], [mask], [written], clock=clock)
        return Weighed(named, made, self.scorer.scores(made.features, made.rows, made.sources)[0])

    def without(
        self, weighed: Weighed, reduced: Sequence[Sequence[Event]]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Where the candidates would stand had the shopper not done one thing or another.

        The language model is not asked again, nor are other candidates named: what it and the current query say of the
        candidates stays, all that depends on the products of the history is worked out anew. It takes a fraction of a
        recommendation's time and finds nearly what the whole path finds (docs/answers.md). A history without its
        last search needs the whole path.

        Args:
            reduced: histories that lack clicks or purchases of the one that was weighed.

        Returns:
            the candidates' rows ``(m,)``, best first, and their ranks ``(1 + len(reduced), m)``, first as they are.
        """
        made, named = weighed.made, weighed.named
        order = top_k(weighed.scores, int((made.rows[0] >= 0).sum()))
        rows, count = made.rows[0][order], len(reduced)
        sessions = self.maker.tokens(reduced, self._catalog)
        vectors = self.maker.encoder.encode(sessions, self._query_vectors(sessions))
        again = Named(
            sessions, [named.said[0]] * count, vectors, np.repeat(named.title_queries, count, axis=0),
            np.repeat(rows[None], count, axis=0), np.repeat(made.sources[:, order], count, axis=0),
        )  # fmt: skip
        features = self.maker.described(again, None).features.copy()
        kept = [i for i, name in enumerate(self.maker.names) if name.startswith("falcon:")]
        features[:, :, kept] = made.features[:, order][:, :, kept]
        scores = np.concatenate([weighed.scores[order][None], self.scorer.scores(features, again.rows, again.sources)])
        best_first = np.argsort(-scores, axis=1, kind="stable")
        return rows, 1 + np.argsort(best_first, axis=1)

    def best(self, weighed: Weighed, k: int) -> list[tuple[int, float, dict[str, int | None]]]:
        """The best ``k`` products for one shopper: row, score, and the rank that each road to it gave it.

        ``id`` is the place among the written products, ``title`` among the candidates by title, ``memory`` among what
        past searches for the current query showed.
        """
        made, scores = weighed.made, weighed.scores
        best = top_k(scores, k)
        name = {n: i for i, n in enumerate(self.maker.names)}
        roads = {"id": "falcon: 1 / (1 + rank)", "memory": "memory: 1 / (1 + position)"}
        alike = made.features[0, :, name["titles: nearest"]]
        out = []
        for at in best:
            places = {road: _place(float(made.features[0, at, name[column]])) for road, column in roads.items()}
            title = (
                1 + int((alike[made.rows[0] >= 0] > alike[at]).sum()) if _by(made.sources[0, at], "titles") else None
            )
            route = {"id": places["id"], "title": title, "memory": places["memory"], "search": None}
            out.append((int(made.rows[0, at]), float(scores[at]), route))
        return out

    def _rows(self, products: Sequence[str]) -> list[int]:
        return [self._catalog.index(p) for p in products if p in self._catalog]

    def _query_vectors(self, sessions: Sequence[Sequence[Token]]) -> dict[str, np.ndarray]:
        asked = sorted({t.query for s in sessions for t in s if t.kind == QUERY})
        if not asked:
            return {}
        if self._sentences is None:
            self._sentences = SentenceEncoder.load()
        return dict(zip(asked, self._sentences.encode(asked), strict=True))


def _place(reciprocal: float) -> int | None:
    """The place that 1 / (1 + place) stands for."""
    return round(1 / reciprocal) - 1 if reciprocal > 0 else None


def _by(sources: int, part: str) -> bool:
    return bool(int(sources) >> PARTS.index(part) & 1)


def make_candidates(store: Store, title_vectors: np.ndarray, together: BoughtTogether) -> CandidateMaker:
    """The sources of a store's candidates, products added since the training among them."""
    catalog, encoder = store.catalog(), SessionEncoder.load(store.model_dir("sessions"))
    together = together.grown(catalog, encoder.attributes)
    new = np.arange(len(encoder.table), len(catalog))
    if len(new):
        encoder.table = np.concatenate(
            [encoder.table, encoder.products(together.values[new], _title_texts(store, new))]
        )
    return CandidateMaker(encoder, together, title_vectors, catalog.numbers("price"), store.model_dir("fused"))


def _title_texts(store: Store, rows: np.ndarray) -> np.ndarray:
    """The sentence vectors of added products' titles, ``(k, dim)``."""
    kept = store.stock.sentence_vectors(rows)
    return SentenceEncoder.load().encode([store.catalog().titles[r] for r in rows.tolist()]) if kept is None else kept


def _last_shown(history: Sequence[Event]) -> tuple[str, ...]:
    """What the last search of the session the history ends in showed, in that order."""
    for event in reversed(history):
        if event.session_id != history[-1].session_id:
            break
        if event.action == "search":
            return event.shown
    return ()
