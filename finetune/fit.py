"""Learns how sizes fit from a shop's fit feedback: levels by empirical Bayes, a multinomial regression over them.

The effect of a product, category or size is the share of its answers beyond the level above, drawn towards nothing by
as many answers as its spread among its like calls for (empirical Bayes, Efron and Morris 1975). Where a row is learned
from, its effects come from other shoppers' answers, so that no row sees its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from shopping_assistant.tools import fit as fits
from shopping_assistant.tools.fit import Asked, FitModel, Names, Past, Regression, Tables, expected_size, features
from shopping_assistant.tools.fit_feedback import FITS, MEASURES, part_of
from shopping_assistant.tools.size_scale import size_mark
from shopping_assistant.tools.store import Store

FOLDS = 5
FEWEST = 30  # answers that a spread or a shift is taken from; fewer are mostly luck
# A shop whose bodies are hardly known gives few rows to a measure: a ridge keeps its weight near none.
BODY_RIDGE = 5.0
INVERSE_L2 = 1.0  # of the regression, on standardised features; 0.01 to 10 differ by less than 0.001 macro-F1
# Spreads of the scale from a small size to the right one: half a step of the rented dresses. 0.15 to 0.5 were tried:
# the more, the oftener advice goes up where a size was small, and the seldomer it is the size that fitted.
BEYOND = 0.3
NEIGHBOURS = 0.3  # of a scale's spread: how far the sizes around one reach; half of how far a body's size is off
WEIGHTS_TRIED = np.exp(np.linspace(0.0, np.log(8.0), 25))
# Of a level's answers that its shrinkage is estimated from moments, within these bounds.
SHRINK_BOUNDS = (2.0, 300.0)
Progress = Callable[[int, int], None]


@dataclass
class Rows:
    """Answers as arrays ``(n,)``: indices, sizes in spreads of their scale, what was answered, and earlier answers."""

    asked: Asked
    answer: np.ndarray
    shopper: np.ndarray
    number: np.ndarray  # sizes as their own scale counts them


def train(store: Store, progress: Progress | None = None) -> dict:
    """Learn from all of the store's feedback, write the model, and return its figures on shoppers kept out."""
    model = learn(with_categories(store.fit_feedback(), store), progress)
    with store.replacing("fit") as folder:
        model.save(folder)
    return model.figures


def with_categories(feedback: pl.DataFrame, store: Store) -> pl.DataFrame:
    """The feedback with each product's category, lower-cased."""
    catalog = store.catalog().frame.select("product_id", pl.col("category").str.to_lowercase())
    return feedback.join(catalog, on="product_id", how="left", maintain_order="left")


def learn(feedback: pl.DataFrame, progress: Progress | None = None) -> FitModel:
    """The model of ``FIT_SCHEMA`` rows with ``category``.

    The weights of the three answers are chosen on a tenth of the shoppers, learned without; then all is learned again
    with everyone.
    """
    tell = progress or (lambda done, of: None)
    tell(0, 2)
    shoppers = feedback["user_id"].to_list()
    held = np.array([part_of(u, salt="validation ") == 0 for u in shoppers])
    weights, figures = np.ones(3), {"answers": len(feedback)}
    if held.any() and not held.all() and (~held).sum() >= FEWEST:
        first = _learn(feedback, ~held)
        rows = rows_of(feedback, first.names, first.tables)
        probabilities = first.regression.probabilities(features(take(rows.asked, held), first.tables))
        weights, best = choose_weights(probabilities, rows.answer[held])
        figures |= {"validation answers": int(held.sum()), "macro-f1": round(best, 4)}
    tell(1, 2)
    model = _learn(feedback, np.ones(len(feedback), dtype=bool))
    tell(2, 2)
    return FitModel(model.tables, model.regression, model.names, weights, figures)


def _learn(feedback: pl.DataFrame, used: np.ndarray) -> FitModel:
    from sklearn.linear_model import LogisticRegression

    part = feedback.filter(used)
    names = _names(part)
    scales = _scales(part, names)
    rows = rows_of(part, names, scales)
    folds = np.array([part_of(u, FOLDS, "fold ") for u in part["user_id"].to_list()])
    everyone = np.ones(len(part), dtype=bool)
    tables = _tables(rows, everyone, scales)
    rows = rows_of(part, names, tables)  # earlier answers again, with what a small or large one shifts
    _worn(rows, tables)
    x = np.empty((len(part), features(take(rows.asked, everyone[:1].nonzero()[0]), tables).shape[1]))
    for fold in range(FOLDS):
        mine = folds == fold
        if mine.any():
            others = _tables(rows, ~mine, tables) if (~mine).any() else tables
            x[mine] = features(take(rows.asked, mine), others)
    center, spread = x.mean(axis=0), x.std(axis=0)
    spread[spread < 1e-9] = 1.0
    z = np.clip((x - center) / spread, -8, 8)
    there = np.unique(rows.answer)
    weights, bias = np.zeros((x.shape[1], 3)), np.full(3, -20.0)  # an answer nobody gave is not expected
    if len(there) == 1:
        bias[there[0]] = 0.0
    else:
        fitted = LogisticRegression(C=INVERSE_L2, max_iter=400, tol=1e-4).fit(z, rows.answer)
        if len(there) == 2:  # one vector of weights stands for both
            weights[:, there[1]], bias[there] = fitted.coef_[0], [0.0, fitted.intercept_[0]]
        else:
            weights, bias = fitted.coef_.T.copy(), fitted.intercept_
    return FitModel(tables, Regression(center, spread, weights, bias), names, np.ones(3))


def choose_weights(probabilities: np.ndarray, answers: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights of small, right and large under which the likeliest answer has the best macro-F1; right counts one."""
    best = (np.ones(3), -1.0)
    for small in WEIGHTS_TRIED:
        for large in WEIGHTS_TRIED:
            weights = np.array([small, 1.0, large])
            score = macro_f1(answers, (probabilities * weights).argmax(axis=1))
            if score > best[1]:
                best = (weights, score)
    return best


def macro_f1(answers: np.ndarray, decided: np.ndarray) -> float:
    """Mean over small, right and large of 2 · both / (answered + decided)."""
    both = np.bincount(answers[answers == decided], minlength=3)
    either = np.bincount(answers, minlength=3) + np.bincount(decided, minlength=3)
    return float(np.mean(2 * both / np.maximum(either, 1)))


def _names(part: pl.DataFrame) -> Names:
    marks = {s: size_mark(s) for s in part["size"].unique().to_list()}
    known = [m for m in marks.values() if m is not None]
    index = lambda values: {v: i for i, v in enumerate(sorted(set(values)))}  # noqa: E731
    return Names(
        products=index(part["product_id"].to_list()),
        categories=index(part["category"].drop_nulls().to_list()),
        scales=index(m.scale for m in known),
        sizes=index(Names.size_key(m) for m in known),
    )


def _scales(part: pl.DataFrame, names: Names) -> Tables:
    """Tables that know the scales and the bodies' averages, and nothing else yet."""
    marks = {s: size_mark(s) for s in part["size"].unique().to_list()}
    number = np.array([marks[s].number if marks[s] else np.nan for s in part["size"].to_list()])
    scale = np.array([names.scales[marks[s].scale] if marks[s] else -1 for s in part["size"].to_list()])
    n = len(names.scales)
    center, spread = np.zeros(n + 1), np.ones(n + 1)
    for s in range(n):
        center[s], spread[s] = number[scale == s].mean(), max(number[scale == s].std(), 1e-3)
    body = part.select(MEASURES).to_numpy().astype(np.float64)
    known = np.isfinite(body).any(axis=0)
    means = np.array([np.nanmean(body[:, i]) if known[i] else 0.0 for i in range(body.shape[1])])
    spreads = np.array([np.nanstd(body[:, i]) if known[i] else 1.0 for i in range(body.shape[1])])
    width = 1 + fits.body_features(body[:1], means, np.ones_like(means)).shape[1]
    counts = {"category": len(names.categories), "product": len(names.products), "size": len(names.sizes)}
    return Tables(
        scale_center=center, scale_spread=spread, body_center=means, body_spread=np.maximum(spreads, 1e-3),
        body_weights=np.zeros((n + 1, width)), body_error=np.ones((n + 1, 4)),
        category_offset=np.zeros(counts["category"] + 1), product_offset=np.zeros(counts["product"] + 1),
        category_rates=np.zeros((counts["category"] + 1, 2)), product_rates=np.zeros((counts["product"] + 1, 2)),
        size_rates=np.zeros((counts["size"] + 1, 2)), product_count=np.zeros(counts["product"] + 1),
        size_weight=_size_weights(part, names, center, spread),
        worn_shift=np.zeros(3), worn_share=np.ones(1), worn_error=np.ones(1),
    )  # fmt: skip


def _size_weights(part: pl.DataFrame, names: Names, center: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """A size's answers over those of the sizes around it: 9 between 8 and 10 may be hardly ever sold."""
    weight = np.ones(len(names.sizes) + 1)
    of_size = {s: Names.size_key(m) for s in part["size"].unique().to_list() if (m := size_mark(s))}
    counted = part.with_columns(pl.col("size").replace_strict(of_size, default=None)).drop_nulls("size")
    count = dict(counted.group_by("size").len().rows())
    keys = list(names.sizes)
    scale = np.array([names.scales[k.rsplit(" ", 1)[0]] for k in keys])
    at = (np.array([float(k.rsplit(" ", 1)[1]) for k in keys]) - center[scale]) / spread[scale]
    n = np.array([count.get(k, 0) for k in keys], dtype=np.float64)
    for i, key in enumerate(keys):
        near = (scale == scale[i]) * np.exp(-0.5 * ((at - at[i]) / NEIGHBOURS) ** 2)
        weight[names.sizes[key]] = (n[i] + 1) / (near @ n + 1)
    return weight


def rows_of(feedback: pl.DataFrame, names: Names, tables: Tables) -> Rows:
    """The answers as arrays; a size without a place on a scale stands at its centre."""
    marks = {s: size_mark(s) for s in feedback["size"].unique().to_list()}
    sizes = [marks[s] for s in feedback["size"].to_list()]
    scale = np.array([names.scales.get(m.scale, -1) if m else -1 for m in sizes])
    number = np.array([m.number if m else np.nan for m in sizes])
    at = np.nan_to_num((number - tables.scale_center[scale]) / tables.scale_spread[scale])
    answer = np.array([FITS.index(f) for f in feedback["fit"].to_list()])
    index = lambda known, values: np.array([known.get(v, -1) for v in values])  # noqa: E731
    asked = Asked(
        scale=scale,
        category=index(names.categories, feedback["category"].to_list()),
        product=index(names.products, feedback["product_id"].to_list()),
        size=index(names.sizes, [Names.size_key(m) if m else "" for m in sizes]),
        at=at,
        body=feedback.select(MEASURES).to_numpy().astype(np.float64),
        past=_past(feedback, at, scale, answer, tables.worn_shift),
    )
    shopper = feedback["user_id"].rank("dense").to_numpy().astype(np.int64)
    return Rows(asked, answer, shopper, number)


def _past(feedback: pl.DataFrame, at: np.ndarray, scale: np.ndarray, answer: np.ndarray, shift: np.ndarray) -> Past:
    """Earlier answers of the same shopper on the same scale; those of the same moment are not earlier."""
    frame = pl.DataFrame(
        {"row": np.arange(len(feedback)), "user": feedback["user_id"], "when": feedback["timestamp"], "scale": scale,
         "at": at, "fit": answer, "suggested": at + shift[answer]}
    ).filter(pl.col("when").is_not_null())  # fmt: skip
    is_fit = {f: pl.col("fit") == i for i, f in enumerate(FITS)}
    own = ["user", "scale"]
    of_moment = frame.group_by([*own, "when"]).agg(
        pl.len().alias("count"), is_fit["small"].sum().alias("small"), is_fit["large"].sum().alias("large"),
        is_fit["fit"].sum().alias("rights"), pl.col("at").sum().alias("size"), pl.col("suggested").sum(),
        pl.col("at").filter(is_fit["fit"]).sum().alias("right"),
        pl.col("at").filter(is_fit["small"]).max().alias("biggest_small"),
        pl.col("at").filter(is_fit["large"]).min().alias("smallest_large"),
    ).sort([*own, "when"])  # fmt: skip
    summed = ("count", "small", "large", "rights", "size", "suggested", "right")
    before = of_moment.with_columns(
        *(pl.col(c).cum_sum().shift(1).over(own) for c in summed),
        pl.col("biggest_small").fill_null(-np.inf).cum_max().shift(1).over(own),
        pl.col("smallest_large").fill_null(np.inf).cum_min().shift(1).over(own),
    )
    found = frame.join(before, on=[*own, "when"], how="left", suffix="_before").sort("row")
    rows = found["row"].to_numpy()

    def column(name: str, otherwise: float) -> np.ndarray:
        out = np.full(len(feedback), otherwise)
        out[rows] = found[name].cast(pl.Float64).fill_null(otherwise).to_numpy()
        return out

    count = column("count", 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return Past(
            count, column("small", 0.0), column("large", 0.0), column("size", np.nan) / count,
            column("right", np.nan) / column("rights", 0.0), column("suggested_before", np.nan) / count,
            column("biggest_small", -np.inf), column("smallest_large", np.inf),
        )  # fmt: skip


def _tables(rows: Rows, used: np.ndarray, known: Tables) -> Tables:
    """Offsets and rates of all levels from the answers ``used`` ``(n,)``; scales and bodies as ``known`` has them."""
    a, answer = rows.asked, rows.answer
    t = Tables(**{name: np.array(value) for name, value in vars(known).items()})
    t.category_offset[:], t.product_offset[:] = 0.0, 0.0
    right = used & (answer == fits.RIGHT) & (a.scale >= 0)
    if not known.body_weights.any():
        _bodies(rows, right, t)
    # Where a size was small the right one lies above it, and of those who say so a product may have many.
    told = used & (a.scale >= 0)
    rest = a.at + BEYOND * ((answer == fits.SMALL).astype(float) - (answer == fits.LARGE)) - expected_size(a, t)
    t.category_offset = _offsets(a.category, len(t.category_offset), rest, told)
    rest -= t.category_offset[a.category]
    t.product_offset = _offsets(a.product, len(t.product_offset), rest, told)
    share = np.stack([(answer == fits.SMALL), (answer == fits.LARGE)], axis=1).astype(np.float64)
    base = share[used].mean(axis=0)
    t.size_rates = _rates(a.size, len(t.size_rates), share - base, used, base)
    t.category_rates = _rates(a.category, len(t.category_rates), share - base, used, base)
    of_category = share - base - t.category_rates[a.category]
    t.product_rates = _rates(a.product, len(t.product_rates), of_category, used, base)
    t.product_count = np.bincount(a.product[used], minlength=len(t.product_count)).astype(np.float64)
    t.product_count[-1] = 0.0
    return t


def _bodies(rows: Rows, right: np.ndarray, t: Tables) -> None:
    """The expected size of a body, a ridge a scale over answers that said it fits; and how far it is off."""
    x = fits.body_features(rows.asked.body, t.body_center, t.body_spread)
    what = fits.knowledge(rows.asked.body)
    for scale in range(len(t.scale_center) - 1):
        mine = right & (rows.asked.scale == scale)
        if not mine.any():
            continue
        design = np.hstack([np.ones((mine.sum(), 1)), x[mine]])
        penalty = np.eye(design.shape[1]) * BODY_RIDGE
        penalty[0, 0] = 1e-6
        t.body_weights[scale] = np.linalg.solve(design.T @ design + penalty, design.T @ rows.asked.at[mine])
        off = rows.asked.at[mine] - design @ t.body_weights[scale]
        whole = max(float(off.std()), 1e-2)
        for k in range(t.body_error.shape[1]):
            some = off[what[mine] == k]
            t.body_error[scale, k] = max(float(some.std()), 1e-2) if len(some) >= FEWEST else whole


def _worn(rows: Rows, t: Tables) -> None:
    """How a size that was worn before tells the right one, from answers that said it fits after others."""
    a = rows.asked
    expected = expected_size(a, t) + t.product_offset[a.product]
    after = (rows.answer == fits.RIGHT) & np.isfinite(a.past.size) & (a.scale >= 0)
    for fit, only in ((fits.SMALL, a.past.small), (fits.LARGE, a.past.large)):
        said = after & (a.past.count == 1) & (only == 1)
        if said.sum() >= FEWEST:
            shift = float((a.at - a.past.size)[said].mean())
            # Of the rented dresses it was the other way round: who said small went down with the next product, as the
            # answer was the product's. To a shopper that would be absurd advice.
            t.worn_shift[fit] = max(shift, 0.0) if fit == fits.SMALL else min(shift, 0.0)
    if after.sum() < FEWEST:
        t.worn_share[0], t.worn_error[0] = 0.7, 0.6  # of a spread: what the rented dresses gave
        return
    shifts = a.past.small * t.worn_shift[fits.SMALL] + a.past.large * t.worn_shift[fits.LARGE]
    a.past.suggested = a.past.size + shifts / np.maximum(a.past.count, 1)
    known = after & np.isfinite(a.body[:, :3]).any(axis=1)
    difference = (a.past.suggested - expected)[known]
    share = float(difference @ (a.at - expected)[known] / max(float(difference @ difference), 1e-9))
    t.worn_share[0] = min(max(share, 0.0), 1.0)
    both = t.worn_share[0] * a.past.suggested + (1 - t.worn_share[0]) * expected
    t.worn_error[0] = max(float((a.at - both)[after].std()), 1e-2)


def _offsets(level: np.ndarray, n: int, values: np.ndarray, used: np.ndarray) -> np.ndarray:
    """``(n,)`` means of ``values`` a level, drawn towards none; the last, of what is unknown, is zero."""
    spread = float(values[used].var()) if used.any() else 1.0
    return _drawn(level, n, values[:, None], used, np.array([spread]))[:, 0]


def _rates(level: np.ndarray, n: int, values: np.ndarray, used: np.ndarray, base: np.ndarray) -> np.ndarray:
    return _drawn(level, n, values, used, base * (1 - base))


def _drawn(level: np.ndarray, n: int, values: np.ndarray, used: np.ndarray, within: np.ndarray) -> np.ndarray:
    """``(n, columns)``: sums a level over counts and the answers' worth of spread, estimated from moments.

    Args:
        within: ``(columns,)`` the variance of one answer around its level.
    """
    mine = used & (level >= 0)
    count = np.bincount(level[mine], minlength=n).astype(np.float64)
    out = np.zeros((n, values.shape[1]))
    for c in range(values.shape[1]):
        total = np.bincount(level[mine], weights=values[mine, c], minlength=n)
        several = count > 1
        mean = np.divide(total, count, out=np.zeros(n), where=count > 0)
        surplus = float((count[several] * (mean[several] ** 2 - within[c] / count[several])).sum())
        between = surplus / max(float(count[several].sum()), 1.0)
        shrink = float(np.clip(within[c] / max(between, 1e-9), *SHRINK_BOUNDS))
        out[:, c] = total / (count + shrink)
    out[-1] = 0.0
    return out


def take(asked: Asked, which: np.ndarray) -> Asked:
    """Some rows: ``which`` is a mask or indices."""
    values = {name: value[which] for name, value in vars(asked).items() if name != "past"}
    return Asked(**values, past=Past(**{name: value[which] for name, value in vars(asked.past).items()}))
