"""Query-product memory: past queries as vectors in Chroma, each with the products that topped its results."""

from __future__ import annotations

import math
import secrets
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl

from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.first_load import ALONE
from shopping_assistant.tools.sentence_encoder import SentenceEncoder
from shopping_assistant.tools.store import Store

COLLECTION = "queries"
# Chroma takes at most 5,461 rows a batch.
BATCH = 5_000
# A process that serves for months must not keep every query it ever saw.
REMEMBERED_ANSWERS = 50_000
PRODUCTS_A_QUERY = 10
NEAREST_QUERIES = 5
# The nearest queries count by how near they are; below this cosine they speak of something else.
LEAST_SIMILARITY = 0.5
# ef and M at which recall@10 against exact search was 1.0 up to 500,000 queries.
INDEX = {"hnsw": {"space": "cosine", "ef_search": 200, "ef_construction": 200, "max_neighbors": 32}}


class MemoryUnavailable(ShopError):
    """The memory's folder cannot be read as a Chroma index."""


def _client(folder: Path):
    import chromadb
    from chromadb.config import Settings

    return chromadb.PersistentClient(str(folder), Settings(anonymized_telemetry=False, allow_reset=False))


def organic_lists(train: pl.DataFrame) -> dict[str, list[str]]:
    """Each query's products by organic position: gain 1 / log2(position + 1) a showing, summed over the showings.

    A log without displays still says what followed a search: the clicks and purchases until the next one count as
    shown at the top.
    """
    gains: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    shown = train.filter((pl.col("action") == "search") & (pl.col("shown").list.len() > 0)).select("query", "shown")
    for query, products in shown.iter_rows():
        for position, product in enumerate(products[: 2 * PRODUCTS_A_QUERY], 1):
            gains[_key(query)][product] += 1 / math.log2(position + 1)
    if not len(shown):
        ordered = train.sort("session_id", "timestamp", maintain_order=True)
        session, query = None, None
        for s, action, q, product in ordered.select("session_id", "action", "query", "product_id").iter_rows():
            session, query = (session, query) if s == session else (s, None)
            if action == "search":
                query = _key(q)
            elif query:
                gains[query][product] += 1.0
    best = ((q, sorted(g.items(), key=lambda item: (-item[1], item[0]))[:PRODUCTS_A_QUERY]) for q, g in gains.items())
    return {q: [p for p, _ in ranked] for q, ranked in best if q}


def _key(query: str | None) -> str:
    return " ".join((query or "").lower().split())


class QueryProductMemory:
    """Look-up by cosine distance to the nearest past queries. Empty when the shop's log has no searches."""

    def __init__(self, collection, encoder: SentenceEncoder | None):
        self._collection = collection
        self._encoder = encoder
        self.size: int = collection.count() if collection is not None else 0
        self._answers: dict[tuple[str, int], list[str]] = {}

    @classmethod
    def build(
        cls,
        store: Store,
        train: pl.DataFrame,
        encoder: SentenceEncoder | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> dict:
        """Embed the distinct queries of a training log into ``memory/``; returns what is in it."""
        lists = organic_lists(train)
        queries = list(lists)
        with store.replacing("memory") as folder:
            # Chroma keeps one system a path for the life of a process: a new name makes readers see the new index.
            client = _client(folder / secrets.token_hex(4))
            collection = client.create_collection(COLLECTION, embedding_function=None, configuration=INDEX)
            if queries:
                vectors = (encoder or SentenceEncoder.load()).encode(queries, progress=progress)
                for start in range(0, len(queries), BATCH):
                    part = slice(start, start + BATCH)
                    collection.add(
                        ids=[f"q{i}" for i in range(len(queries))[part]],
                        embeddings=vectors[part],
                        documents=queries[part],
                        metadatas=[{"products": "\t".join(lists[q])} for q in queries[part]],
                    )
            client.close()
        return {"queries": len(queries)}

    @classmethod
    def open(cls, store: Store, encoder: SentenceEncoder | None = None) -> QueryProductMemory:
        """Open a store's memory; a store without one has an empty memory.

        Raises:
            MemoryUnavailable: the index is there but damaged; deleting it loses nothing.
        """
        index = next(store.memory_dir.glob("*/chroma.sqlite3"), None)
        if index is None:
            return cls(None, None)
        try:
            with ALONE:
                collection = _client(index.parent).get_collection(COLLECTION, embedding_function=None)
                return cls(collection, encoder)
        except Exception as error:  # Chroma raises errors of many kinds, some from its Rust core
            raise MemoryUnavailable(
                f"the query memory in {store.memory_dir} cannot be read ({type(error).__name__}); it is only a cache: "
                f"make it again with `shop build --store {store.path} --only memory`"
            ) from error

    def products(self, queries: Sequence[str], k: int = 5) -> list[list[str]]:
        """The products that topped the results of the nearest past queries: one list of at most ``k`` ids a query.

        Each nearest query gives its products similarity^4 / log2(position + 1): what several of them show rises.
        """
        keys = [_key(q) for q in queries]
        if len(self._answers) > REMEMBERED_ANSWERS:
            self._answers.clear()
        unknown = sorted({q for q in keys if q and (q, k) not in self._answers})
        if self.size and unknown:
            if self._encoder is None:
                self._encoder = SentenceEncoder.load()
            vectors = self._encoder.encode(unknown)
            for start in range(0, len(unknown), 256):
                part = slice(start, start + 256)
                found = self._collection.query(
                    query_embeddings=vectors[part],
                    n_results=min(NEAREST_QUERIES, self.size),
                    include=["metadatas", "distances"],
                )
                for query, metadatas, distances in zip(
                    unknown[part], found["metadatas"], found["distances"], strict=True
                ):
                    self._answers[query, k] = _merged(metadatas, distances, k)
        return [self._answers.get((q, k), []) for q in keys]


def _merged(metadatas: list[dict], distances: list[float], k: int) -> list[str]:
    gains: dict[str, float] = defaultdict(float)
    for metadata, distance in zip(metadatas, distances, strict=True):
        similarity = 1 - distance
        if similarity < LEAST_SIMILARITY:
            continue
        for position, product in enumerate(metadata["products"].split("\t"), 1):
            gains[product] += similarity**4 / math.log2(position + 1)
    return [p for p, _ in sorted(gains.items(), key=lambda item: (-item[1], item[0]))[:k]]
