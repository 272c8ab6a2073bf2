"""Catalogue search: BM25 over the words of a product, and sentence vectors over its title."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np

from shopping_assistant.tools.catalog import Catalog, Product, split_values
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.mixup import Scored, top_k
from shopping_assistant.tools.sentence_encoder import SentenceEncoder
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


class CatalogSearch:
    """Scores of every product for a query, in the catalogue's row order."""

    def __init__(self, catalog: Catalog, bm25, vectors: np.ndarray):
        self._catalog = catalog
        self._bm25 = bm25
        self.vectors = vectors

    @cached_property
    def _encoder(self) -> SentenceEncoder:
        return SentenceEncoder.load()

    @classmethod
    def build(cls, store: Store, progress: Callable[[int, int], None] | None = None) -> dict:
        """Index the catalogue into ``models/search``; returns what was indexed."""
        import bm25s
        from safetensors.numpy import save_file

        catalog = store.catalog()
        vectors = SentenceEncoder.load().encode(catalog.titles, progress=progress).astype(np.float16)
        bm25 = bm25s.BM25()
        words = [words_of(searchable_text(catalog.at(row))) for row in range(len(catalog))]
        bm25.index(words, show_progress=False)
        with store.replacing("search") as folder:
            save_file({"vectors": vectors}, folder / "vectors.safetensors")
            save_file({k: np.ascontiguousarray(bm25.scores[k]) for k in ("data", "indices", "indptr")},
                      folder / "bm25.safetensors")  # fmt: skip
            vocabulary = {str(word): int(i) for word, i in bm25.vocab_dict.items()}
            write_json(folder / "bm25.json", {"documents": len(catalog), "vocabulary": vocabulary})
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
        if not (folder / "bm25.json").is_file():
            raise SearchError(f"{store.path} has no search index; make it with `shop build --store {store.path}`")
        described = json.loads((folder / "bm25.json").read_text(encoding="utf-8"))
        catalog = store.catalog()
        if described["documents"] != len(catalog):
            raise SearchError(
                f"the search index of {store.path} knows {described['documents']} products, the catalogue has "
                f"{len(catalog)}; run `shop build --store {store.path}`"
            )
        bm25 = bm25s.BM25()
        bm25.scores = {**load_file(folder / "bm25.safetensors"), "num_docs": described["documents"]}
        bm25.vocab_dict = described["vocabulary"]
        bm25.nonoccurrence_array = None  # only BM25L and BM25+ score absent words; the default (Lucene's) does not
        return cls(catalog, bm25, load_vectors(folder))

    def word_scores(self, query: str) -> np.ndarray:
        """BM25 of the query's words, ``(n,)`` float32; 0 where no word is shared."""
        known = [w for w in words_of(query) if w in self._bm25.vocab_dict]
        if not known:
            return np.zeros(len(self._catalog), dtype=np.float32)
        return self._bm25.get_scores(known).astype(np.float32)

    def scores(self, query: str) -> np.ndarray:
        """``(n,)`` float32: cosine of the sentence vectors plus the weighted BM25 score relative to the best one."""
        words = self.word_scores(query)
        best = float(words.max(initial=0.0))
        cosine = self.vectors @ self._encoder.encode([query])[0]
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


def load_vectors(folder: Path) -> np.ndarray:
    """The catalogue's title vectors ``(n, dim)`` float32 from a built search index."""
    from safetensors.numpy import load_file

    return load_file(folder / "vectors.safetensors")["vectors"].astype(np.float32)
