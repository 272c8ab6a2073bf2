"""Texts the title model learns from: queries that led to a purchase, pseudo-queries, and noisy titles."""

from __future__ import annotations

import random
from collections.abc import Sequence

import polars as pl

from shopping_assistant.tools.catalog import Catalog, Product, split_values

# What shoppers name together, as attributes of the product they look for; "title" stands for words out of its title.
COMBINATIONS = (
    ("color", "category"),
    ("material", "category"),
    ("color", "material", "category"),
    ("department", "category"),
    ("occasion", "category"),
    ("season", "category"),
    ("brand", "category"),
    ("attribute", "category"),
    ("color", "title"),
    ("title",),
)


def spaced(text: str) -> str:
    """Lower case, single spaces: texts that differ in neither are one text."""
    return " ".join(text.lower().split())


def queried(log: pl.DataFrame, catalog: Catalog, action: str = "purchase") -> list[tuple[str, int]]:
    """(query, product row) for each purchase (or click) whose session had a search before it: the last one counts."""
    ordered = log.sort("session_id", "timestamp", maintain_order=True)
    query = pl.when(pl.col("action") == "search").then(pl.col("query")).forward_fill().over("session_id")
    acted = ordered.with_columns(said=query).filter((pl.col("action") == action) & pl.col("said").is_not_null())
    pairs = ((spaced(q), p) for q, p in acted.select("said", "product_id").iter_rows())
    return [(q, catalog.index(p)) for q, p in pairs if q and p in catalog]


def pseudo_queries(catalog: Catalog, a_product: int, seed: int) -> list[tuple[str, int]]:
    """(made-up query, product row) for a shop without searches: attribute words of each product, some left out."""
    rng = random.Random(seed)
    pairs = []
    for row in range(len(catalog)):
        product = catalog.at(row)
        for _ in range(a_product):
            query = _pseudo_query(product, rng)
            if query:
                pairs.append((query, row))
    return pairs


def _pseudo_query(product: Product, rng: random.Random) -> str:
    words: list[str] = []
    for name in rng.choice(COMBINATIONS):
        for word in _words_for(product, name, rng):
            if word not in words:
                words.append(word)
    words = [w for w in words if rng.random() > 0.1] or words
    if rng.random() < 0.2:
        rng.shuffle(words)
    return " ".join(words) or spaced(product.title)


def _words_for(product: Product, name: str, rng: random.Random) -> list[str]:
    if name == "title":
        words = spaced(product.title).split()
        kept = sorted(rng.sample(range(len(words)), min(len(words), rng.randint(1, 4))))
        return [words[i] for i in kept]
    if name == "attribute":
        values = [v for value in product.attributes.values() for v in split_values(value)]
    else:
        values = list(split_values(product.get(name)))
    return rng.choice(values).split() if values else []


def noisy(title: str, rng: random.Random) -> str:
    """A short or careless version of a title, as a language model or a shopper may write it."""
    words = title.split()
    if len(words) > 2 and rng.random() < 0.3:
        words = words[: rng.randint(2, len(words))]
    words = [w for w in words if rng.random() > 0.2] or words
    if rng.random() < 0.2:
        rng.shuffle(words)
    return " ".join(_misspelt(w, rng) if rng.random() < 0.05 else w for w in words)


def _misspelt(word: str, rng: random.Random) -> str:
    """One letter lost, doubled, or two swapped; the first letter stays."""
    if len(word) < 4:
        return word
    at = rng.randrange(1, len(word) - 1)
    return rng.choice(
        (word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:], _swapped(word, at)),
    )


def _swapped(word: Sequence[str], at: int) -> str:
    return "".join([*word[:at], word[at + 1], word[at], *word[at + 2 :]])
