"""Catalogue search: BM25 over the words of a product, sentence vectors over its title, and its words one by one.

Every product is scored by the first two; the best few hundred are then ordered by how each word of the query is met
(`word_match`). A query's mistakes are corrected towards the catalogue's words first (`query_words`).
"""

from __future__ import annotations

import bisect
import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from shopping_assistant.tools.catalog import Catalog, Product, split_values
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.mixup import Scored, top_k
from shopping_assistant.tools.query_words import QueryReader, Reading, Wanted
from shopping_assistant.tools.sentence_encoder import SentenceEncoder
from shopping_assistant.tools.stock import extended, made_at
from shopping_assistant.tools.store import Store, write_json
from shopping_assistant.tools.word_match import ProductWords, WordMatch

# Words of a request that name no product.
STOP_WORDS = frozenset(
    """a an and any are as at be can could do find for from get give got have i im in is it like looking me my need of
    on or please show some something that the there these they this those to want we what with would you your""".split()
)
WORD = re.compile(r"[^\W_]+(?:[.'’][^\W_]+)*")
# Weight of the best BM25 score against a cosine of 1: words the shopper typed count, and so does their meaning.
WORD_WEIGHT = 0.6
# The title says what a product is; the description mentions many other things.
TITLE_REPEATS = 2
# Products ordered by their words one by one. In the sets of `docs/understanding.md` all that is relevant is among them,
# and they take a millisecond or two.
LOOKED_AT = 1_000
# A shorter beginning of a product id is a number or a word like any other.
SHORTEST_ID = 5


@dataclass(frozen=True)
class Weights:
    """What the signals count beside the cosine of query and title, which counts 1.

    Fitted on short queries by `eval/understanding/search_weights.py`, which prints how they do on others. Two of them
    grow with the number of words: the longer a request, the less one vector says of it and the more its words do.

    Args:
        words: BM25, relative to the best product's, for each word of the query.
        met: how well a word of the query is met, for each of them; ``least`` how the one is that is met least.
        off: how much the title's own words have to do with the query on average. It is taken away: a short title has a
            high cosine with whatever shares a word with it, and so has one that repeats itself.
        in_text: what a word counts that stands only outside title and values, beside one that stands in them.
    """

    words: float = 0.04
    met: float = 0.18
    least: float = 0.2
    off: float = 0.5
    in_text: float = 0.8

    @property
    def of_signals(self) -> tuple[float, ...]:
        """The weights in the order of `SIGNALS`."""
        return (1.0, self.words, self.met, self.least, -self.off)


WEIGHTS = Weights()
SIGNALS = ("cosine", "words", "met", "least", "off")


class SearchError(ShopError):
    """The search index of a store is missing."""


def words_of(text: str) -> list[str]:
    """Lower-cased words without accents and stop words, stemmed (Porter 2)."""
    return stems_of(plain_words(text))


def stems_of(words: Sequence[str]) -> list[str]:
    """The stem of each word."""
    return _stemmer().stemWords(list(words))


def plain_words(text: str) -> list[str]:
    """Lower-cased words without accents and stop words."""
    plain = unicodedata.normalize("NFKD", text.lower())
    plain = "".join(c for c in plain if not unicodedata.combining(c)).replace("’", "'").replace("'s", "")
    plain = plain.replace("t-shirt", "tshirt")
    return [w for w in WORD.findall(plain) if w not in STOP_WORDS]


_loaded_stemmer = None


def _stemmer():
    global _loaded_stemmer
    if _loaded_stemmer is None:
        import Stemmer

        _loaded_stemmer = Stemmer.Stemmer("english")
    return _loaded_stemmer


def searchable_text(product: Product) -> str:
    """The words by which a product can be found: its title twice, its attributes, its description."""
    return " ".join([*[product.title] * TITLE_REPEATS, values_of(product), product.description or ""])


def values_of(product: Product) -> str:
    """What the catalogue says of a product in words of its own: kind, brand, colour, all attributes."""
    values = (product.category, product.brand, product.color, product.material, product.season, product.occasion)
    more = [v for value in product.attributes.values() for v in split_values(value)]
    return " ".join([*(v for v in values if v), product.department or "", *more])


def _product_words(products: Sequence[Product], known: ProductWords | None = None, progress=None) -> ProductWords:
    texts = ((plain_words(p.title), plain_words(values_of(p))) for p in products)
    encoder = SentenceEncoder.load()
    return ProductWords.of(texts, stems_of, lambda words: encoder.encode(words, progress=progress), known)


# bm25s's own defaults: its "lucene" method (Kamphuis et al., ECIR 2020).
K1, B = 1.5, 0.75
# Products whose words are counted to estimate a mean length that an index made earlier did not keep.
SAMPLE = 2_000


@dataclass(frozen=True)
class _Asked:
    """A query's words, and every product's cosine with it and BM25 relative to the best one, ``(n,)`` both."""

    wanted: tuple[Wanted, ...]
    cosine: np.ndarray
    words: np.ndarray


class CatalogSearch:
    """Scores of every product for a query, in the catalogue's row order."""

    def __init__(
        self, catalog: Catalog, bm25, vectors: np.ndarray, later: _LaterWords, products: ProductWords | None = None
    ):
        self._catalog = catalog
        self._bm25 = bm25
        self._later = later
        self._products = products
        self.vectors = vectors

    @cached_property
    def _encoder(self) -> SentenceEncoder:
        return SentenceEncoder.load()

    @classmethod
    def build(cls, store: Store, progress: Callable[[int, int], None] | None = None) -> dict:
        """Index the catalogue into ``models/search``; returns what was indexed."""
        catalog = store.catalog()
        vectors = SentenceEncoder.load().encode(catalog.titles, progress=progress)
        return cls._write(store, catalog, vectors.astype(np.float16))

    @classmethod
    def consolidate(cls, store: Store) -> dict:
        """Make the index whole again after products were added, updated or removed; no title is read a second time.

        Raises:
            SearchError: there is no index of this catalogue.
        """
        return cls._write(store, store.catalog(), sentence_vectors(store).astype(np.float16))

    @staticmethod
    def _write(store: Store, catalog: Catalog, vectors: np.ndarray) -> dict:
        import bm25s
        from safetensors.numpy import save_file

        bm25 = bm25s.BM25(k1=K1, b=B)
        words = [words_of(searchable_text(catalog.at(row))) for row in range(len(catalog))]
        bm25.index(words, show_progress=False)
        products = _product_words([catalog.at(row) for row in range(len(catalog))], _known_words(store))
        with store.replacing("search") as folder:
            save_file({"vectors": vectors}, folder / "vectors.safetensors")
            save_file({k: np.ascontiguousarray(bm25.scores[k]) for k in ("data", "indices", "indptr")},
                      folder / "bm25.safetensors")  # fmt: skip
            vocabulary = {str(word): int(i) for word, i in bm25.vocab_dict.items()}
            mean = sum(map(len, words)) / len(words)
            described = {"documents": len(catalog), "mean_length": mean, "vocabulary": vocabulary}
            write_json(folder / "bm25.json", described)
            products.save(folder)
        return {"products": len(catalog), "words": len(vocabulary), "dim": int(vectors.shape[1])}

    @classmethod
    def open(cls, store: Store) -> CatalogSearch:
        """Open the index.

        Raises:
            SearchError: it was never built, or for another catalogue.
        """
        import bm25s
        from safetensors.numpy import load_file

        folder = store.model_dir("search")
        vectors = sentence_vectors(store)
        described = json.loads((folder / "bm25.json").read_text(encoding="utf-8"))
        bm25 = bm25s.BM25(k1=K1, b=B)
        bm25.scores = {**load_file(folder / "bm25.safetensors"), "num_docs": described["documents"]}
        bm25.vocab_dict = described["vocabulary"]
        bm25.nonoccurrence_array = None  # only BM25L and BM25+ score absent words; the default (Lucene's) does not
        catalog, changed = store.catalog(), store.stock.since(made_at(folder))
        products = ProductWords.load(folder)
        if products is not None and len(changed):
            later = _product_words([catalog.at(row) for row in changed.tolist()], products)
            products = products.extended(len(catalog), changed, later)
        return cls(catalog, bm25, vectors, _LaterWords(catalog, changed, bm25, described), products)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Sentence vectors ``(len(texts), dim)`` as the titles have them."""
        return self._encoder.encode(texts)

    @cached_property
    def _match(self) -> WordMatch | None:
        return WordMatch(self._products, self._encoder.encode) if self._products is not None else None

    @cached_property
    def _reader(self) -> QueryReader | None:
        if self._products is None:
            return None
        surfaces = dict(zip(self._products.stems, self._products.surfaces, strict=True))
        known = lambda word: stems_of([word])[0] in self._bm25.vocab_dict or self._encoder.knows(word)  # noqa: E731
        return QueryReader(surfaces, self._match.count, plain_words, lambda word: stems_of([word])[0], known)

    def word_scores(self, query: str) -> np.ndarray:
        """BM25 of the query's words, ``(n,)`` float32; 0 where no word is shared."""
        return self._bm25_scores(words_of(query))

    def _bm25_scores(self, stems: Sequence[str]) -> np.ndarray:
        known = [w for w in stems if w in self._bm25.vocab_dict]
        scores = np.zeros(len(self._catalog), dtype=np.float32)
        if known:
            indexed = self._bm25.get_scores(known)
            scores[: len(indexed)] = indexed
        self._later.put(stems, scores)
        return scores

    def scores(self, query: str, vector: np.ndarray | None = None, mask: np.ndarray | None = None) -> np.ndarray:
        """How well each product answers a query, ``(n,)`` float32; only the order of the best ones is exact.

        Cosine of the sentence vectors plus the weighted BM25 score relative to the best one, for all; the `LOOKED_AT`
        best are ordered among themselves by `Weights`, and stand above the others.

        Args:
            vector: the query's sentence vector ``(dim,)`` where it is known already.
            mask: ``(n,)`` bool, the products that can be shown at all: the best ones are sought among them.
        """
        asked = self._asked(query, vector)
        scores = asked.cosine + WORD_WEIGHT * asked.words
        if asked.wanted:
            rows = np.sort(top_k(scores, LOOKED_AT, mask))
            _put_above(scores, rows, self._signals(asked, rows) @ np.array(WEIGHTS.of_signals, dtype=np.float32))
        named = self._named(query)
        if len(named):
            scores[named] += 1 + scores.max() - scores.min()
        return scores

    def signals(self, query: str, rows: np.ndarray) -> np.ndarray:
        """What `Weights` weighs, ``(len(rows), len(SIGNALS))`` float32; ``rows`` ascend."""
        return self._signals(self._asked(query), rows)

    def _asked(self, query: str, vector: np.ndarray | None = None) -> _Asked:
        reading = self._reader.read(query) if self._reader is not None else Reading((), query)
        joined = [stem for word in reading.wanted for stem, weight in word.stems[1:] if weight == 1]
        words = self._bm25_scores(words_of(reading.text) + list(dict.fromkeys(joined)))
        best = float(words.max(initial=0.0))
        words *= 1 / best if best > 0 else 0.0
        if vector is None:
            vector = self._encoder.encode([reading.text])[0]
        return _Asked(reading.wanted, self.vectors @ vector, words)

    def _signals(self, asked: _Asked, rows: np.ndarray) -> np.ndarray:
        met = self._match.met(asked.wanted, rows, lambda stem: WEIGHTS.in_text * self._says(stem, rows))
        each = len(asked.wanted)
        return np.stack([asked.cosine[rows], each * asked.words[rows], each * met.mean, met.least, met.off], axis=1)

    def _says(self, stem: str, rows: np.ndarray) -> np.ndarray:
        """Which of ``rows`` ``(r,)``, ascending, have this word anywhere in their text."""
        says = np.zeros(len(self._catalog), dtype=bool)
        number = self._bm25.vocab_dict.get(stem)
        if number is not None:
            starts = self._bm25.scores["indptr"]
            says[self._bm25.scores["indices"][starts[number] : starts[number + 1]]] = True
        self._later.mark(stem, says)
        return says[rows]

    @cached_property
    def _ids(self) -> list[tuple[str, int]]:
        return sorted((product.casefold(), row) for row, product in enumerate(self._catalog.ids))

    def _named(self, query: str) -> np.ndarray:
        """Rows of the products whose id was typed, or the beginning of it, and nothing else."""
        typed = query.strip().casefold()
        if not typed or " " in typed or not any(c.isdigit() for c in typed):
            return np.zeros(0, dtype=np.int64)
        at, found = bisect.bisect_left(self._ids, (typed, -1)), []
        while at < len(self._ids) and (self._ids[at][0] == typed or len(typed) >= SHORTEST_ID):
            if not self._ids[at][0].startswith(typed):
                break
            found.append(self._ids[at][1])
            at += 1
        return np.array(found, dtype=np.int64)

    def search(self, query: str, k: int = 10, mask: np.ndarray | None = None) -> list[Scored]:
        """The best ``k`` products for a query, among those that ``mask`` ``(n,)`` keeps."""
        scores = self.scores(query, mask=mask)
        rows = top_k(scores, k, mask)
        unranked = {"id": None, "title": None, "memory": None}
        return [
            Scored(self._catalog.ids[row], float(scores[row]), {**unranked, "search": rank})
            for rank, row in enumerate(rows, 1)
        ]


def _put_above(scores: np.ndarray, rows: np.ndarray, better: np.ndarray) -> None:
    """Give ``rows`` ``(r,)`` the scores ``better`` and move all others below them, their order kept."""
    others = np.ones(len(scores), dtype=bool)
    others[rows] = False
    if len(rows) and others.any():
        scores[others] += min(0.0, float(better.min()) - float(scores[others].max()))
    scores[rows] = better


class _LaterWords:
    """BM25 of the products that changed after the index was made, by the index's own counts of products and words.

    Source of the score: Lucene's variant in Kamphuis et al., *Which BM25 Do You Mean?*, ECIR 2020.
    """

    def __init__(self, catalog: Catalog, rows: np.ndarray, bm25, described: dict):
        self._rows = rows
        self._of_word: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        if not len(rows):
            return
        texts = [Counter(words_of(searchable_text(catalog.at(row)))) for row in rows.tolist()]
        lengths = np.array([sum(t.values()) for t in texts])
        mean = described.get("mean_length") or _mean_length(catalog, described["documents"])
        places: dict[str, list[int]] = {}
        for place, text in enumerate(texts):
            for word in text:
                places.setdefault(word, []).append(place)
        starts, documents = bm25.scores["indptr"], described["documents"]
        for word, inside in places.items():
            number = bm25.vocab_dict.get(word)
            # A word that the index does not know stands in the later products alone.
            having = int(starts[number + 1] - starts[number]) if number is not None else len(inside)
            rarity = math.log(1 + (max(documents, having) - having + 0.5) / (having + 0.5))
            counts = np.array([texts[place][word] for place in inside], dtype=np.float32)
            norm = K1 * (1 - B + B * lengths[inside] / mean)
            self._of_word[word] = (rows[inside], (rarity * counts / (norm + counts)).astype(np.float32))

    def mark(self, word: str, says: np.ndarray) -> None:
        """Set which of the changed products have a word, in ``says`` ``(n,)`` bool."""
        says[self._rows] = False
        says[np.asarray(self._of_word.get(word, ((), ()))[0], dtype=np.int64)] = True

    def put(self, words: Sequence[str], scores: np.ndarray) -> None:
        """Set the scores of the changed products in ``scores`` ``(n,)`` for a query's words."""
        scores[self._rows] = 0.0
        for word in words:
            rows, values = self._of_word.get(word, ((), ()))
            if len(rows):
                scores[rows] += values


def _known_words(store: Store) -> ProductWords | None:
    """The words of the index that is there, whose vectors a new one takes over."""
    folder = store.model_dir("search")
    return ProductWords.load(folder) if (folder / "bm25.json").is_file() else None


def _mean_length(catalog: Catalog, documents: int) -> float:
    rows = np.random.default_rng(0).permutation(documents)[:SAMPLE]
    return float(np.mean([len(words_of(searchable_text(catalog.at(row)))) for row in rows.tolist()]))


def sentence_vectors(store: Store) -> np.ndarray:
    """The sentence vectors of all titles ``(n, dim)`` float32: those of the index, and of what changed since.

    Raises:
        SearchError: the index was never built, or for another catalogue.
    """
    folder, n = store.model_dir("search"), len(store.catalog())
    if not (folder / "bm25.json").is_file():
        raise SearchError(f"{store.path} has no search index; make it with `shop build --store {store.path}`")
    vectors, rows = load_vectors(folder), store.stock.since(made_at(folder))
    if len(vectors) + int((rows >= len(vectors)).sum()) != n:
        raise SearchError(
            f"the search index of {store.path} knows {len(vectors)} products, the catalogue has {n}; run "
            f"`shop build --store {store.path}`"
        )
    if not len(rows):
        return vectors
    later = store.stock.sentence_vectors(rows)
    if later is None:  # they were added before there was an index
        later = SentenceEncoder.load().encode([store.catalog().titles[row] for row in rows.tolist()])
    return extended(vectors, n, rows, later)


def load_vectors(folder: Path) -> np.ndarray:
    """The catalogue's title vectors ``(n, dim)`` float32 from a built search index."""
    from safetensors.numpy import load_file

    return load_file(folder / "vectors.safetensors")["vectors"].astype(np.float32)
