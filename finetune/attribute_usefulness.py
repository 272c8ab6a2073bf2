"""Which attributes a prompt should spend its tokens on: what each says of the next purchase, in the shop's own log.

For each purchase of the training log: how many of the items before it share the attribute's value with what was bought,
against how many share it with a product drawn by popularity. How far these two distributions lie apart, in bits, is
what a reader of the values gains in telling the one from the other (Kullback and Leibler 1951). Titles are written
anyway: what their words tell counts as known, and a value they say is not written. The cost is counted in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from shopping_assistant.tools.catalog import AttributeValue, Catalog
from shopping_assistant.tools.prompts import (
    ATTRIBUTES,
    VALUE_WORDS,
    PromptStyle,
    attribute_key,
    short_title,
    value_words,
    word_list,
)

# Enough that a hundredth of a bit stands out; the whole measurement stays within seconds.
EXAMPLES, DRAWS, SHUFFLES = 8_000, 24, 4
# Fewer purchases say nothing of attributes: the usual ones are taken.
FEWEST_EXAMPLES = 50
# Written for fewer of the items, an attribute is not worth one of the few places.
SMALLEST_COVERAGE = 0.02
# Bits an attribute must add, and how far (in standard deviations) above the same values dealt out at random.
SMALLEST_GAIN, ABOVE_CHANCE = 0.008, 4.0
NUMBER_BINS = 8
# Titles that begin with the same words are often one style in several colours.
GROUP_WORDS = 3
# Values of a list that are told apart, the most frequent ones.
LIST_VALUES = 128


@dataclass(frozen=True)
class Usefulness:
    """What one attribute is worth in this shop.

    Attributes:
        bits: what it says of the next purchase beyond the titles, in bits a purchase; chance subtracted.
        added: what it says beyond the titles and the attributes chosen before it.
        coverage: share of the purchases with an item before them for which it would be written.
        words: what it costs: words of name and value where it is written; digits count for more.
        chosen: whether it is among those to be written.
    """

    name: str
    bits: float
    added: float
    coverage: float
    words: float
    chosen: bool

    @property
    def per_word(self) -> float:
        return self.added / self.words if self.words else 0.0


def choose(catalog: Catalog, train: pl.DataFrame, most: int = 8, seed: int = 0) -> tuple[str, ...]:
    """The attributes worth writing, most useful for its cost first; ``ATTRIBUTES`` where the log is too short to say.

    Args:
        train: the training part of the log in ``EVENT_SCHEMA``.
    """
    found = scores(catalog, train, most, seed)
    return tuple(u.name for u in found if u.chosen) if found else ATTRIBUTES


def settled(style: PromptStyle, catalog: Catalog, train: pl.DataFrame, seed: int = 0) -> PromptStyle:
    """The style with its attributes named: those it names, else those this shop's data choose."""
    if style.attributes is not None:
        return style
    return replace(style, attributes=choose(catalog, train, seed=seed))


def scores(
    catalog: Catalog, train: pl.DataFrame, most: int = 8, seed: int = 0, items: int = 6
) -> tuple[Usefulness, ...]:
    """Every attribute of the catalogue, those chosen first and in that order; empty where the log is too short.

    One after the other is chosen: what it adds to those before, for each word it costs. Then the drawn products are
    weighted by what that attribute says, so that the next one gains nothing by saying it again.

    Args:
        items: how many of the latest items before a purchase are looked at.
    """
    chance = np.random.default_rng([seed, 11])
    log = _read(catalog, train, items, chance)
    if log is None:
        return ()
    titles = [set(word_list(short_title(catalog.titles[row]))) for row in log.rows]
    columns = [_column(catalog, name, log.rows, titles) for name in catalog.attribute_names if attribute_key(name)]
    waiting = [c for c in (_compared(column, log, chance) for column in columns) if c]
    weights = _reweighted(log.weights, *_title_cells(log, titles))
    for column in columns:
        weights = _reweighted(weights, *_cells(column, log, column.said))
    alone = {c.name: max(0.0, c.gain(weights)[0]) for c in waiting}
    out: list[Usefulness] = []
    while waiting:
        gains = [c.gain(weights) for c in waiting]
        able = [i for i, (added, above) in enumerate(gains) if added >= SMALLEST_GAIN and above >= ABOVE_CHANCE]
        if not able or len(out) == most:
            break
        best = max(able, key=lambda i: (gains[i][0] / waiting[i].words, waiting[i].name))
        picked = waiting.pop(best)
        out.append(picked.as_usefulness(alone[picked.name], gains[best][0], chosen=True))
        weights = _reweighted(weights, picked.bought, picked.drawn)
    rest = [c.as_usefulness(alone[c.name], max(0.0, c.gain(weights)[0]), chosen=False) for c in waiting]
    return (*out, *sorted(rest, key=lambda u: (-u.per_word, u.name)))


@dataclass(frozen=True)
class _Log:
    """Purchases with the items before them, as places in ``rows``.

    ``rows``: the catalogue rows that occur; ``before``: ``(n, items)``, -1 where there are fewer; ``target``: ``(n,)``;
    ``drawn``: ``(n, draws)``; with ``weights``, as if drawn by how often they are bought.
    """

    rows: np.ndarray
    before: np.ndarray
    target: np.ndarray
    drawn: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class _Column:
    """One attribute over the products of a log.

    ``sets``: ``(products, w)`` uint64, a bit a value for lists; or ``(products, 1)`` the value's number for the rest,
    0 for none. ``written``, ``said``: where there is a value that the title leaves to be written, or says. ``words``:
    what writing it costs.
    """

    name: str
    sets: np.ndarray
    is_list: bool
    written: np.ndarray
    said: np.ndarray
    words: np.ndarray


@dataclass(frozen=True)
class _Compared:
    """Cells (items written, of these shared) for what was bought, what was drawn, and for values dealt out anew."""

    name: str
    bought: np.ndarray  # (n,)
    drawn: np.ndarray  # (n, draws)
    shuffled: tuple[tuple[np.ndarray, np.ndarray], ...]
    coverage: float
    words: float

    def gain(self, weights: np.ndarray) -> tuple[float, float]:
        """Bits a purchase beyond chance, and how many standard deviations of chance that is.

        Chance is the larger of two: what the same values give when dealt out to the products at random, and the bias of
        the bits themselves, which is that of a chi-square with one degree of freedom a cell (Miller 1955).
        """
        found, free = _bits(self.bought, self.drawn, weights)
        dealt = [_bits(bought, drawn, weights)[0] for bought, drawn in self.shuffled]
        a_case = (1 / len(self.bought) + (weights**2).sum() / weights.sum() ** 2) / (2 * np.log(2))
        added = found - max(np.mean(dealt), free * a_case)
        spread = max(np.std(dealt, ddof=1), np.sqrt(2 * free) * a_case)
        return float(added), float(added / spread)

    def as_usefulness(self, bits: float, added: float, chosen: bool) -> Usefulness:
        return Usefulness(self.name, bits, added, self.coverage, self.words, chosen)


def _read(catalog: Catalog, train: pl.DataFrame, items: int, chance: np.random.Generator) -> _Log | None:
    known = pl.DataFrame({"product_id": catalog.ids, "row": np.arange(len(catalog), dtype=np.int64)})
    events = (
        train.filter(pl.col("action") != "search")
        .with_row_index("place")
        .join(known, on="product_id", how="inner")
        .sort("user_id", "timestamp", "place")
        .with_columns(bought=pl.col("action") == "purchase")
        .with_columns(new=pl.col("bought") & pl.struct("user_id", "row", "bought").is_first_distinct())
    )
    row, user = events["row"].to_numpy(), events["user_id"].rank("dense").to_numpy()
    targets = np.flatnonzero(events["new"].to_numpy())
    before = _items_before(row, user, targets, items)
    targets, before = targets[before[:, 0] >= 0], before[before[:, 0] >= 0]
    if len(targets) < FEWEST_EXAMPLES:
        return None
    kept = np.sort(chance.permutation(len(targets))[:EXAMPLES])
    target, before = row[targets[kept]], before[kept]
    drawn, weights = _draw(catalog, row[targets], before, chance)
    rows = np.unique(np.concatenate([target, before[before >= 0], drawn.ravel()]))
    at = np.full(len(catalog) + 1, -1)
    at[rows] = np.arange(len(rows))
    return _Log(rows, at[before], at[target], at[drawn], weights)


def _draw(
    catalog: Catalog, bought: np.ndarray, before: np.ndarray, chance: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Products to compare with, ``(n, draws)``, and their weights: how often bought, over how often drawn here.

    Half are drawn by how often they are bought, half among those whose title begins like that of an item before: of
    all products too few are as near as what shoppers buy.
    """
    number: dict[str, int] = {}
    group = np.array([number.setdefault(short_title(t, GROUP_WORDS), len(number)) for t in catalog.titles])
    by_group = bought[np.argsort(group[bought], kind="stable")]
    size = np.bincount(group[bought], minlength=len(number))
    start = np.cumsum(size) - size
    n, draws = len(before), (len(before), DRAWS)
    drawn = chance.choice(bought, draws)
    items = (before >= 0).sum(1)
    near = group[before[np.arange(n)[:, None], (chance.random(draws) * items[:, None]).astype(np.int64)]]
    taken = (chance.random(draws) < 0.5) & (size[near] > 0)
    place = start[near] + (chance.random(draws) * size[near]).astype(np.int64)
    drawn[taken] = by_group[place[taken]]
    groups = np.where(before >= 0, group[before], -1)  # (n, items)
    empty = ((groups >= 0) & (size[groups] == 0)).sum(1) / items
    alike = (groups[:, None, :] == group[drawn][:, :, None]).sum(2) / items[:, None]
    often = 0.5 + 0.5 * (empty[:, None] + alike * len(bought) / size[group[drawn]])
    return drawn, 1 / often


def _items_before(row: np.ndarray, user: np.ndarray, targets: np.ndarray, items: int) -> np.ndarray:
    """``(n, items)``: the latest distinct items before each target, without the target itself; -1 for none."""
    look_back = 2 * items  # the same item is often met again: looked at, searched again, looked at
    places = targets[:, None] - np.arange(1, look_back + 1)
    found = np.where((places >= 0) & (user[places] == user[targets][:, None]), row[places], -1)
    found[found == row[targets][:, None]] = -1
    for lag in range(1, look_back):
        found[(found[:, lag : lag + 1] == found[:, :lag]).any(1), lag] = -1
    order = np.argsort(found < 0, axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1)[:, :items]


def _column(catalog: Catalog, name: str, rows: np.ndarray, titles: Sequence[set[str]]) -> _Column:
    cells = catalog.cells(name)
    cells = [cells[row] for row in rows]
    name_words = len(attribute_key(name).split())
    if catalog.is_numeric(name):
        numbers = np.array([np.nan if cell is None else float(cell) for cell in cells])
        sets = _number_bins(numbers)
        return _Column(
            name, sets, False, sets[:, 0] > 0, np.zeros(len(cells), bool), np.full(len(cells), name_words + 1.0)
        )
    # Lists are not hashable; a value's words are found once, not once a product.
    keys = [tuple(cell) if isinstance(cell, list) else cell for cell in cells]
    words = {key: value_words(key) for key in set(keys)}
    given = np.array([bool(words[key]) for key in keys])
    said = np.array([title.issuperset(words[key]) for key, title in zip(keys, titles, strict=True)])
    costs = {key: name_words + sum(map(_word_cost, found[:VALUE_WORDS])) for key, found in words.items()}
    cost = np.array([costs[key] for key in keys], dtype=float)
    values = {key: _values(key) for key in words}
    is_list = any(len(v) > 1 for v in values.values())
    return _Column(
        name, (_list_sets if is_list else _numbered)(keys, values), is_list, given & ~said, given & said, cost
    )


def _word_cost(word: str) -> int:
    """A word of letters is about a token; what holds digits is cut into threes at best."""
    return -(-len(word) // 3) if any(c.isdigit() for c in word) else 1


def _values(cell: AttributeValue | None) -> tuple[str, ...]:
    """What a cell names: "spring, summer" is both."""
    if cell is None or isinstance(cell, (int, float)):
        return ()
    parts = cell.split(",") if isinstance(cell, str) else cell
    return tuple(dict.fromkeys(p.strip().lower() for p in parts if p.strip()))


def _number_bins(numbers: np.ndarray) -> np.ndarray:
    """``(n, 1)`` uint64: bins that hold alike many products, from 1; 0 for no number."""
    given = numbers[np.isfinite(numbers)]
    if not len(given):
        return np.zeros((len(numbers), 1), np.uint64)
    distinct = np.unique(given)
    edges = (
        distinct[1:]
        if len(distinct) <= NUMBER_BINS
        else np.unique(np.quantile(given, np.arange(1, NUMBER_BINS) / NUMBER_BINS))
    )
    bins = 1 + np.searchsorted(edges, np.nan_to_num(numbers), side="right")
    return np.where(np.isfinite(numbers), bins, 0).astype(np.uint64)[:, None]


def _numbered(keys: Sequence, values: dict) -> np.ndarray:
    number: dict[tuple[str, ...], int] = {(): 0}
    return np.array([number.setdefault(values[key], len(number)) for key in keys], np.uint64)[:, None]


def _list_sets(keys: Sequence, values: dict) -> np.ndarray:
    count: dict[str, int] = {}
    for key in keys:
        for value in values[key]:
            count[value] = count.get(value, 0) + 1
    place = {v: i for i, v in enumerate(sorted(count, key=lambda v: (-count[v], v))[:LIST_VALUES])}
    sets = np.zeros((len(keys), LIST_VALUES // 64), np.uint64)
    for at, key in enumerate(keys):
        for value in values[key]:
            if (bit := place.get(value)) is not None:
                sets[at, bit // 64] |= np.uint64(1 << bit % 64)
    return sets


def _compared(column: _Column, log: _Log, chance: np.random.Generator) -> _Compared | None:
    seen = (log.before >= 0) & column.written[log.before]
    coverage = float(seen.any(1).mean())
    if coverage < SMALLEST_COVERAGE:
        return None
    words = float(column.words[log.before[seen]].mean())
    bought, drawn = _cells(column, log, column.written)
    shuffled = []
    for _ in range(SHUFFLES):
        order = chance.permutation(len(log.rows))
        dealt = replace(column, sets=column.sets[order], written=column.written[order])
        shuffled.append(_cells(dealt, log, dealt.written))
    return _Compared(column.name, bought, drawn, tuple(shuffled), coverage, words)


def _cells(column: _Column, log: _Log, read: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each purchase and each draw: items before it that are ``read``, and how many share a value, as one number."""
    told = (log.before >= 0) & read[log.before]
    ours = column.sets[log.before]

    def cell(product: np.ndarray) -> np.ndarray:
        other = told & (log.before != product[:, None])
        theirs = column.sets[product][:, None]
        shared = (ours & theirs).any(-1) if column.is_list else (ours == theirs)[..., 0] & (theirs != 0)[..., 0]
        written, alike = other.sum(1), (other & shared).sum(1)
        # None, fewer than half, half or more, all: finer cells would hold too few cases.
        share = (alike > 0).astype(np.int64) + (2 * alike >= np.maximum(1, written)) + (alike == written)
        return np.where(written == 0, 0, 1 + 4 * (written > 2) + share)

    return cell(log.target), np.stack([cell(log.drawn[:, draw]) for draw in range(log.drawn.shape[1])], 1)


def _title_cells(log: _Log, titles: Sequence[set[str]]) -> tuple[np.ndarray, np.ndarray]:
    """For each purchase and each draw: the tenths of words its title shares with the most alike title before it."""

    def tenths(before: np.ndarray, product: int) -> int:
        ours = titles[product]
        others = [titles[b] for b in before if b >= 0 and b != product]
        return max((10 * len(ours & o) // max(1, len(ours | o)) for o in others), default=0)

    bought = np.array([tenths(b, t) for b, t in zip(log.before, log.target, strict=True)])
    return bought, np.array([[tenths(b, d) for d in draws] for b, draws in zip(log.before, log.drawn, strict=True)])


def _reweighted(weights: np.ndarray, bought: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """The drawn products' weights once these cells are known: those that share what a purchase shares, more."""
    p, q = _shares(bought, drawn, weights)
    new = weights * (p / q)[drawn]
    return np.clip(new / new.mean(), 1e-6, 1e3)


def _shares(bought: np.ndarray, drawn: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How purchases and weighted draws are spread over the cells; half a case more in each, so that none is empty."""
    size = int(max(bought.max(), drawn.max())) + 1
    p = np.bincount(bought, minlength=size) + 0.5
    q = np.bincount(drawn.ravel(), weights.ravel(), minlength=size) * (len(bought) / weights.sum()) + 0.5
    return p / p.sum(), q / q.sum()


def _bits(bought: np.ndarray, drawn: np.ndarray, weights: np.ndarray) -> tuple[float, int]:
    """How far apart purchases and weighted draws lie, and in how many cells besides the first."""
    p, q = _shares(bought, drawn, weights)
    cells = len(np.union1d(bought, drawn))
    return float((p * np.log2(p / q)).sum()), max(1, cells - 1)
