"""Which ids the language model writes: seven ways to give every product a distinct sequence of codes.

``semantic`` quantises the title vectors and their residuals, ``collaborative`` vectors of what the log meets together,
``joint`` both side by side; ``family`` gives products that differ in colour or size only the same first codes, made as
joint ones are, and a last code that means the same in every family; ``balanced`` halves the catalogue by title vectors;
``sequential`` numbers the products as the log meets them; ``random`` is the control.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import polars as pl

from shopping_assistant.tools.catalog import FILTERABLE_COLUMNS, Catalog
from shopping_assistant.tools.item_codes import CodesError, ItemCodes, shape_for
from shopping_assistant.tools.prompts import word_list

Kind = Literal["joint", "family", "semantic", "balanced", "collaborative", "sequential", "random"]
KINDS = get_args(Kind)
# The kinds that are made of titles, the log and, if they are to weigh, attributes.
_OF_SEVERAL = ("joint", "family")
# A value that more products share is no family: a brand, a colour.
LARGEST_FAMILY = 40
# Products met at most so many steps apart in one shopper's log count as seen together.
REACH = 3
DIMENSIONS = 64
# K-means on more vectors than this, or than so many a centroid, moves no centroid that matters.
SAMPLE, SAMPLE_A_CENTROID = 20_000, 40
# Products with a known log among which a title's kin are looked for.
KNOWN = 100_000
# A level is written as a letter, and a sequence is sorted as one 64-bit number.
MOST_LEVELS, MOST_SEQUENCES = 26, 2**62


def make(
    kind: Kind,
    catalog: Catalog,
    train: pl.DataFrame,
    vectors: np.ndarray,
    levels: int | None = None,
    base: int | None = None,
    seed: int = 0,
    attributes: float = 0.0,
) -> ItemCodes:
    """The catalogue's ids.

    Args:
        train: the training part of the log; all but ``balanced``, ``semantic`` and ``random`` read it.
        vectors: ``(n, d)`` title vectors; all but ``sequential`` and ``random`` read them.
        levels, base: the codes' shape; None for what the catalogue's size asks.
        attributes: in ``joint`` and ``family`` ids, how much the attributes weigh where titles and the
            log weigh 1 each.

    Raises:
        CodesError: the kind is unknown, its attributes are to weigh and it has none or is not ``joint``, or the shape
            does not fit, see ``shape``.
    """
    if kind not in KINDS:
        raise CodesError(f"item ids {kind!r}: expected one of {', '.join(KINDS)}")
    if attributes and kind not in _OF_SEVERAL:
        raise CodesError(
            f"attributes weigh {attributes:g} in {kind} ids, expected 0: only joint and family ids are made of several"
        )
    if kind == "family" and levels is None:
        # One code more than the families need.
        levels, base = shape(int(families(catalog)[0].max()) + 1, None, base)
        levels += 1
    levels, base = shape(len(catalog), levels, base)
    if kind == "balanced":
        return ItemCodes.from_vectors(vectors, levels, base, seed)
    if kind in ("collaborative", *_OF_SEVERAL):
        together = seen_together(catalog, train, vectors, seed)
        # Centred: titles of one shop have much in common, and would otherwise weigh less than the log.
        parts = [together] if kind == "collaborative" else [_unit(vectors - vectors.mean(0)), together]
        if attributes:
            parts.append(attribute_vectors(catalog, seed) * np.sqrt(attributes))
        vectors = np.concatenate(parts, axis=1) / np.sqrt(len(parts))
    if kind == "family":
        return ItemCodes(family_codes(catalog, vectors, levels, base, seed), base)
    if kind in ("semantic", "collaborative", "joint"):
        return ItemCodes(residual_codes(vectors, levels, base, seed), base)
    if kind == "sequential":
        rank = np.empty(len(catalog), dtype=np.int64)
        rank[_as_met(catalog, train)] = np.arange(len(catalog))
        # Spread over all sequences: neighbours in the log are neighbours in their first codes. In two parts: the
        # product of a rank with all sequences may be no 64-bit number.
        whole, rest = divmod(base**levels, len(catalog))
        return _from_keys(rank * whole + rank * rest // len(catalog), levels, base)
    # Without replacement, drawn so that a space of billions costs no more than the products do.
    keys = np.random.default_rng(seed).choice(base**levels, len(catalog), replace=False, shuffle=True)
    return _from_keys(keys, levels, base)


def shape(products: int, levels: int | None = None, base: int | None = None) -> tuple[int, int]:
    """``(levels, base)`` of the ids of so many products; None for what their number asks.

    Raises:
        CodesError: there are more products than sequences, or more sequences than can be told apart.
    """
    fitting = shape_for(products)
    levels, base = levels or fitting[0], base or fitting[1]
    if products > base**levels:
        raise CodesError(f"{products} products do not fit {levels} codes of {base}; raise `levels` or `base`")
    if levels > MOST_LEVELS or base**levels > MOST_SEQUENCES:
        raise CodesError(
            f"{levels} codes of {base}: expected at most {MOST_LEVELS} codes and 2^62 sequences; lower `levels` or "
            f"`base` ({products} products need {fitting[0]} codes of {fitting[1]})"
        )
    return levels, base


def _from_keys(keys: np.ndarray, levels: int, base: int) -> ItemCodes:
    powers = base ** np.arange(levels - 1, -1, -1, dtype=np.int64)
    return ItemCodes(keys[:, None] // powers % base, base)


def _item_events(catalog: Catalog, train: pl.DataFrame) -> pl.DataFrame:
    """``user_id, row`` of every click and purchase of a known product, each shopper's in time order."""
    rows = pl.DataFrame({"product_id": catalog.ids, "row": np.arange(len(catalog))})
    return (
        train.filter(pl.col("action") != "search")
        .join(rows, on="product_id", how="inner")
        .sort("user_id", "timestamp", maintain_order=True)
        .select("user_id", "row")
    )


def _as_met(catalog: Catalog, train: pl.DataFrame) -> np.ndarray:
    """Rows in the order in which the shoppers' logs, one after another, first name them; the unseen come last.

    Source: "sequential indexing" of *How to Index Item IDs for Recommendation Foundation Models* (SIGIR-AP 2023).
    """
    met = _item_events(catalog, train)["row"].unique(maintain_order=True).to_numpy()
    return np.concatenate([met, np.setdiff1d(np.arange(len(catalog)), met)])


def seen_together(catalog: Catalog, train: pl.DataFrame, vectors: np.ndarray, seed: int = 0) -> np.ndarray:
    """``(n, d)`` unit vectors that are near for products met in the same shoppers' logs.

    The leading singular vectors of the positive pointwise mutual information of products at most ``REACH`` steps apart
    (Levy and Goldberg, NeurIPS 2014). A product that the log hardly knows leans on its nearest titles.
    """
    from scipy.sparse import coo_matrix
    from sklearn.utils.extmath import randomized_svd

    n = len(catalog)
    events = _item_events(catalog, train)
    pairs = [
        events.with_columns(other=pl.col("row").shift(-step).over("user_id")).drop_nulls().filter(
            pl.col("row") != pl.col("other")
        )
        for step in range(1, REACH + 1)
    ]  # fmt: skip
    both = pl.concat(pairs)
    a, b = both["row"].to_numpy(), both["other"].to_numpy()
    counts = coo_matrix((np.ones(2 * len(a), np.float32), (np.r_[a, b], np.r_[b, a])), (n, n)).tocsr()
    totals = np.asarray(counts.sum(1)).ravel()
    if not totals.any():
        raise CodesError("no shopper's log names two products, which these ids are made from; take `kind: semantic`")
    entries = counts.tocoo()
    information = np.log(entries.data * totals.sum() / (totals[entries.row] * totals[entries.col]))
    positive = coo_matrix((np.maximum(information, 0), (entries.row, entries.col)), (n, n)).tocsr()
    size = min(DIMENSIONS, n - 1)
    left, strength, _ = randomized_svd(positive, size, random_state=seed)
    found = _unit((left * np.sqrt(strength)).astype(np.float32))
    # Ten events speak for a product; one with fewer is placed among its kin by title as well.
    sure = np.minimum(totals / (2 * REACH * 10), 1.0).astype(np.float32)[:, None]
    return _unit(found * sure + (1 - sure) * _of_kin(found, np.flatnonzero(sure[:, 0] == 1), vectors))


def attribute_vectors(catalog: Catalog, seed: int = 0) -> np.ndarray:
    """``(n, d)`` unit vectors that are near for products with the same attribute values, rare values above all.

    Raises:
        CodesError: no product has an attribute that is not a number.
    """
    names = [name for name in catalog.attribute_names if not catalog.is_numeric(name)]
    said = [[] for _ in range(len(catalog))]
    for name in names:
        for row, cell in enumerate(catalog.cells(name)):
            said[row] += [f"{name}={value}" for value in _said(cell)]
    if not any(said):
        raise CodesError("no product has attributes, which these ids are made from; set `ids.attributes: 0`")
    told = _of_words(said, DIMENSIONS, seed)
    return _unit(told - told.mean(0))


def family_codes(catalog: Catalog, vectors: np.ndarray, levels: int, base: int, seed: int = 0) -> np.ndarray:
    """All codes but the last say which family, the last which of it: ``(n, levels)``.

    The model can then copy the family of a product that a shopper knows and write another colour of it, and a product
    that nobody bought yet is made of codes that stand in the log.

    Raises:
        CodesError: no attribute groups products into families, or they do not fit one code less.
    """
    family, variant = families(catalog)
    count = int(family.max()) + 1
    if levels < 2 or count > base ** (levels - 1):
        raise CodesError(f"{count} families do not fit {levels - 1} codes of {base}; raise `ids.levels` or `ids.base`")
    sums = np.zeros((count, vectors.shape[1]), dtype=np.float64)
    np.add.at(sums, family, vectors)
    means = (sums / np.bincount(family)[:, None]).astype(np.float32)
    first = residual_codes(means, levels - 1, base, seed)
    last = np.empty(len(vectors), dtype=np.int32)
    for rows in _groups(family.astype(np.int64)):
        if len(rows) > base:
            raise CodesError(f"a family of {len(rows)} products does not fit a code of {base}; raise `ids.base`")
        free = np.ones(base, dtype=bool)
        for row in rows:
            # Its own variant's code, or the next free one where two of a family are of one variant.
            code = int(variant[row] % base)
            code += int(np.argmax(np.roll(free, -code)))
            last[row] = code % base
            free[code % base] = False
    return np.concatenate([first[family], last[:, None]], axis=1)


def families(catalog: Catalog) -> tuple[np.ndarray, np.ndarray]:
    """Each product's family and, within it, its variant: two ``(n,)`` int64 arrays of numbers from 0.

    A family shares the value of the shop's own attribute that puts most products into groups of 2 to
    ``LARGEST_FAMILY``, the finest of those that put equally many; a product that is in none is a family of its own. The
    variant is the value, counted over the catalogue with the most frequent one first, of the attribute that differs
    most often within families.

    Raises:
        CodesError: no attribute has such groups.
    """
    cells = {name: [_joined(cell) for cell in catalog.cells(name)] for name in catalog.attribute_names}
    numbers = {name: _numbered(values) for name, values in cells.items()}

    def grouped(name: str) -> np.ndarray:
        sizes = np.bincount(numbers[name] + 1)[numbers[name] + 1]
        return (numbers[name] >= 0) & (sizes >= 2) & (sizes <= LARGEST_FAMILY)

    # The shop's own attributes: in a small shop a colour or brand has few products as well, and is no family.
    own = [name for name in numbers if name not in FILTERABLE_COLUMNS]
    by = max(own, key=lambda name: (int(grouped(name).sum()), int(numbers[name].max())), default=None)
    if by is None or not grouped(by).any():
        raise CodesError("no attribute says which products are one in several colours or sizes; take `kind: joint`")
    inside = grouped(by)
    family = np.where(inside, numbers[by], len(catalog) + np.arange(len(catalog)))
    family = np.unique(family, return_inverse=True)[1].astype(np.int64)

    def differing(name: str) -> int:
        """How many products have a value of their own in their family: of few values, or it says nothing of others."""
        if name == by or len(np.unique(numbers[name])) > LARGEST_FAMILY * LARGEST_FAMILY:
            return -1
        return len(np.unique(np.stack([family[inside], numbers[name][inside]]), axis=1).T)

    variant = numbers[max(numbers, key=differing)]
    return family, np.maximum(variant, 0)


def _joined(cell) -> str:
    return ", ".join(_said(cell))


def _numbered(values: Sequence[str]) -> np.ndarray:
    """Each value's number, the most frequent one 0, ``(n,)``; -1 where there is none."""
    texts = np.array(values, dtype=object).astype(str)
    distinct, at, counts = np.unique(texts, return_inverse=True, return_counts=True)
    place = np.empty(len(distinct), dtype=np.int64)
    named = distinct != ""
    order = np.argsort(-np.where(named, counts, -1), kind="stable")
    place[order] = np.arange(len(distinct))
    place[~named] = -1
    return place[at]


def word_vectors(catalog: Catalog, seed: int = 0) -> np.ndarray:
    """``(n, d)`` unit vectors that are near for products whose titles share words: what 100,000 titles cost a
    sentence encoder in minutes costs this seconds."""
    return _of_words([list(dict.fromkeys(word_list(title))) for title in catalog.titles], 2 * DIMENSIONS, seed)


def _of_words(texts: Sequence[Sequence[str]], size: int, seed: int) -> np.ndarray:
    """Latent semantic analysis: the leading singular vectors of the table of texts and words, ``(n, size)`` unit.

    Each word weighs the logarithm of how many texts there are to one that has it (Deerwester et al., *Indexing by
    Latent Semantic Analysis*, JASIS 1990; the weight is the inverse document frequency).
    """
    from scipy.sparse import csr_matrix
    from sklearn.utils.extmath import randomized_svd

    number: dict[str, int] = {}
    column = np.array([number.setdefault(word, len(number)) for text in texts for word in text], dtype=np.int64)
    row = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    weight = np.log1p(len(texts) / np.bincount(column))[column].astype(np.float32)
    table = csr_matrix((weight, (row, column)), (len(texts), len(number)))
    left, strength, _ = randomized_svd(table, min(size, *table.shape), random_state=seed)
    return _unit((left * strength).astype(np.float32))


def _said(cell) -> list[str]:
    """The values of one cell; of a list each one."""
    return [] if cell is None else [str(v) for v in dict.fromkeys(cell if isinstance(cell, (list, tuple)) else [cell])]


def _of_kin(found: np.ndarray, known: np.ndarray, vectors: np.ndarray, kin: int = 5) -> np.ndarray:
    """For each product the mean vector of the ``kin`` known products with the nearest titles, ``(n, d)``."""
    if not len(known):
        return found
    out = np.empty_like(found)
    known = known[:KNOWN]
    for start in range(0, len(found), 2048):
        near = vectors[start : start + 2048] @ vectors[known].T
        best = np.argpartition(-near, min(kin, len(known)) - 1, axis=1)[:, :kin]
        out[start : start + 2048] = found[known[best]].mean(1)
    return out


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def residual_codes(vectors: np.ndarray, levels: int, base: int, seed: int = 0) -> np.ndarray:
    """Residual quantisation: the nearest of ``base`` centroids, then the nearest to what is left; ``(n, levels)``.

    No two products share a sequence: a prefix takes no more products than there are sequences below it, and the last
    code is assigned within each prefix so that the squared distances sum up least. Source: *Recommender Systems with
    Generative Retrieval* (TIGER, NeurIPS 2023), k-means in place of its trained quantiser, this assignment in place of
    its extra code for those that collide.
    """
    from sklearn.cluster import KMeans

    n = len(vectors)
    left = vectors.astype(np.float32).copy()
    codes = np.zeros((n, levels), dtype=np.int32)
    prefix = np.zeros(n, dtype=np.int64)
    draw = np.random.default_rng(seed)
    for level in range(levels):
        most = max(SAMPLE, SAMPLE_A_CENTROID * base)
        sample = left if n <= most else left[draw.choice(n, most, replace=False)]
        distinct = len(np.unique(sample.round(6), axis=0))
        fitted = KMeans(min(base, distinct), n_init=1, max_iter=50, random_state=seed).fit(sample)
        centroids = np.zeros((base, vectors.shape[1]), dtype=np.float32)
        centroids[: len(fitted.cluster_centers_)] = fitted.cluster_centers_
        room = base ** (levels - 1 - level)
        for rows in _groups(prefix):
            codes[rows, level] = _assigned(left[rows], centroids, room)
        left -= centroids[codes[:, level]]
        prefix = prefix * base + codes[:, level]
    return codes


def _groups(prefix: np.ndarray) -> list[np.ndarray]:
    order = np.argsort(prefix, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(prefix[order])) + 1)


def _assigned(vectors: np.ndarray, centroids: np.ndarray, room: int) -> np.ndarray:
    """The nearest centroid of each vector, none taken by more than ``room``."""
    from scipy.optimize import linear_sum_assignment

    distance = (centroids**2).sum(1) - 2 * vectors @ centroids.T
    if room == 1:
        # Unused codes of an exhausted codebook are all at the origin: any of them is as good.
        return linear_sum_assignment(distance)[1]
    nearest = distance.argmin(1)
    while True:
        counts = np.bincount(nearest, minlength=len(centroids))
        full = np.flatnonzero(counts > room)
        if not len(full):
            return nearest
        for code in full:
            rows = np.flatnonzero(nearest == code)
            # Those that lose least by going elsewhere go; what was full stays closed to them.
            distance[rows[np.argsort(distance[rows, code], kind="stable")[room:]], code] = np.inf
        nearest = distance.argmin(1)
