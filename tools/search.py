"""Catalogue search: BM25 over the words of a product, and sentence vectors over its title."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from shopping_assistant.tools.catalog import Catalog, Product, split_values
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.mixup import Scored, top_k
from shopping_assistant.tools.sentence_encoder import SentenceEncoder
from shopping_assistant.tools.stock import extended, made_at
from shopping_assistant.tools.store import Store, write_json

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


class SearchError(ShopError):
    """The search index of a store is missing."""


def words_of(text: str) -> list[str]:
    """Lower-cased words without accents and stop words, stemmed (Porter 2)."""
    plain = unicodedata.normalize("NFKD", text.lower())
    plain = "".join(c for c in plain if not unicodedata.combining(c)).replace("’", "'").replace("'s", "")
    plain = plain.replace("t-shirt", "tshirt")
    return _stemmer().stemWords([w for w in WORD.findall(plain) if w not in STOP_WORDS])


_loaded_stemmer = None


def _stemmer():
    global _loaded_stemmer
    if _loaded_stemmer is None:
        import Stemmer

        _loaded_stemmer = Stemmer.Stemmer("english")
    return _loaded_stemmer


def searchable_text(product: Product) -> str:
    """The words by which a product can be found: its title twice, its attributes, its description."""
    values = (product.category, product.brand, product.color, product.material, product.season, product.occasion)
    more = [v for value in product.attributes.values() for v in split_values(value)]
    title = [product.title] * TITLE_REPEATS
    return " ".join([*title, *(v for v in values if v), product.department or "", *more, product.description or ""])


# bm25s's own defaults: its "lucene" method (Kamphuis et al., ECIR 2020).
K1, B = 1.5, 0.75
# Products whose words are counted to estimate a mean length that an index made earlier did not keep.
SAMPLE = 2_000


class CatalogSearch:
    """Scores of every product for a query, in the catalogue's row order."""

    def __init__(self, catalog: Catalog, bm25, vectors: np.ndarray, later: _LaterWords):
        self._catalog = catalog
        self._bm25 = bm25
        self._later = later
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
        with store.replacing("search") as folder:
            save_file({"vectors": vectors}, folder / "vectors.safetensors")
            save_file({k: np.ascontiguousarray(bm25.scores[k]) for k in ("data", "indices", "indptr")},
                      folder / "bm25.safetensors")  # fmt: skip
            vocabulary = {str(word): int(i) for word, i in bm25.vocab_dict.items()}
            mean = sum(map(len, words)) / len(words)
            described = {"documents": len(catalog), "mean_length": mean, "vocabulary": vocabulary}
            write_json(folder / "bm25.json", described)
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
        return cls(catalog, bm25, vectors, _LaterWords(catalog, changed, bm25, described))

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Sentence vectors ``(len(texts), dim)`` as the titles have them."""
        return self._encoder.encode(texts)

    def word_scores(self, query: str) -> np.ndarray:
        """BM25 of the query's words, ``(n,)`` float32; 0 where no word is shared."""
        words = words_of(query)
        known = [w for w in words if w in self._bm25.vocab_dict]
        scores = np.zeros(len(self._catalog), dtype=np.float32)
        if known:
            indexed = self._bm25.get_scores(known)
            scores[: len(indexed)] = indexed
        self._later.put(words, scores)
        return scores

    def scores(self, query: str, vector: np.ndarray | None = None) -> np.ndarray:
        """``(n,)`` float32: cosine of the sentence vectors plus the weighted BM25 score relative to the best one.

        Args:
            vector: the query's sentence vector ``(dim,)`` where it is known already.
        """
        words = self.word_scores(query)
        best = float(words.max(initial=0.0))
        cosine = self.vectors @ (self._encoder.encode([query])[0] if vector is None else vector)
        return cosine + (WORD_WEIGHT / best) * words if best > 0 else cosine

    def search(self, query: str, k: int = 10, mask: np.ndarray | None = None) -> list[Scored]:
        """The best ``k`` products for a query, among those that ``mask`` ``(n,)`` keeps."""
        scores = self.scores(query)
        rows = top_k(scores, k, mask)
        unranked = {"id": None, "title": None, "memory": None}
        return [
            Scored(self._catalog.ids[row], float(scores[row]), {**unranked, "search": rank})
            for rank, row in enumerate(rows, 1)
        ]


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

    def put(self, words: Sequence[str], scores: np.ndarray) -> None:
        """Set the scores of the changed products in ``scores`` ``(n,)`` for a query's words."""
        scores[self._rows] = 0.0
        for word in words:
            rows, values = self._of_word.get(word, ((), ()))
            if len(rows):
                scores[rows] += values


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
