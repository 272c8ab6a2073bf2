"""How likely a size is small, right or large on a shopper: by their body, what fitted them before, and the product."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.fit_feedback import FITS, MEASURES
from shopping_assistant.tools.size_scale import SizeMark, size_mark
from shopping_assistant.tools.store import Store, write_json

FORMAT = 1
SMALL, RIGHT, LARGE = range(3)
UNKNOWN = -1  # index of a product, category, size or scale that the feedback does not have


class FitError(ShopError):
    """A fit model that is missing, damaged, or of another format."""


@dataclass(frozen=True)
class Worn:
    """A size that a shopper had on before, and how it was; ``size`` None where only the feeling is known."""

    size: str | None
    fit: str


@dataclass(frozen=True)
class Shopper:
    """What is known of who asks: ``measures`` by the names of `fit_feedback.MEASURES`, and what was worn before."""

    measures: dict[str, float] = field(default_factory=dict)
    worn: tuple[Worn, ...] = ()

    @property
    def body(self) -> np.ndarray:
        """``(6,)`` in the order of ``MEASURES``, NaN where unknown."""
        return np.array([self.measures.get(name, np.nan) for name in MEASURES], dtype=np.float64)


@dataclass
class Tables:
    """What is known of levels, as offsets and rates; every table ends in a row of zeros for what is unknown.

    Sizes are counted in spreads of their scale around its centre; the "expected" size of a body is on that measure.

    Attributes:
        scale_center, scale_spread: ``(scales + 1,)``.
        body_center, body_spread: ``(6,)``. body_weights: ``(scales + 1, 1 + body features)`` → the expected size.
        body_error: ``(scales + 1, 4)``: how far it is off, with weight and height known, one of them, another, none.
        category_offset, product_offset: ``(n + 1,)``: the size found right there, beyond the expected one.
        category_rates, product_rates, size_rates: ``(n + 1, 2)``: shares of small and large beyond those one level up.
        product_count: ``(products + 1,)`` answers.
        size_weight: ``(sizes + 1,)``: how much commoner a size is than its neighbours on the scale.
        worn_shift: ``(3,)``: the right size, beyond one that was small, right or large before.
        worn_share, worn_error: how much what was worn counts beside the body, and how far off the two together are.
    """

    scale_center: np.ndarray
    scale_spread: np.ndarray
    body_center: np.ndarray
    body_spread: np.ndarray
    body_weights: np.ndarray
    body_error: np.ndarray
    category_offset: np.ndarray
    product_offset: np.ndarray
    category_rates: np.ndarray
    product_rates: np.ndarray
    size_rates: np.ndarray
    product_count: np.ndarray
    size_weight: np.ndarray
    worn_shift: np.ndarray
    worn_share: np.ndarray
    worn_error: np.ndarray


@dataclass
class Past:
    """Earlier answers of each row's shopper, ``(n,)`` each; sizes in spreads of the scale, NaN where there is none."""

    count: np.ndarray
    small: np.ndarray
    large: np.ndarray
    size: np.ndarray  # mean of all sizes worn
    right: np.ndarray  # mean of those that fitted
    suggested: np.ndarray  # mean of what each says the right size is
    biggest_small: np.ndarray
    smallest_large: np.ndarray


@dataclass
class Asked:
    """What is asked of the model, a row each: indices into the tables, sizes in spreads, bodies ``(n, 6)``."""

    scale: np.ndarray
    category: np.ndarray
    product: np.ndarray
    size: np.ndarray
    at: np.ndarray
    body: np.ndarray
    past: Past


def body_features(body: np.ndarray, center: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """``(n, 6)`` measures with NaN → ``(n, 21)``: each standardised, its square, whether it is missing; three products.

    What is missing counts as average, and that it is missing is told beside.
    """
    missing = np.isnan(body)
    z = np.clip(np.where(missing, 0.0, (body - center) / spread), -5, 5)
    height, weight, bust = z[:, 0], z[:, 1], z[:, 2]
    products = np.stack([height * weight, weight * bust, height * bust], axis=1)
    return np.hstack([z, z**2, missing.astype(np.float64), products])


def expected_size(asked: Asked, t: Tables) -> np.ndarray:
    """``(n,)``: the size that such a body wears in this category, in spreads of the scale."""
    x = body_features(asked.body, t.body_center, t.body_spread)
    weights = t.body_weights[asked.scale]
    return weights[:, 0] + (x * weights[:, 1:]).sum(axis=1) + t.category_offset[asked.category]


def features(asked: Asked, t: Tables) -> np.ndarray:
    """``(n, f)``: what the regression weighs."""
    body = body_features(asked.body, t.body_center, t.body_spread)
    off = asked.at - expected_size(asked, t)
    beyond = off - t.product_offset[asked.product]
    past, has = asked.past, asked.past.count > 0
    from_worn = np.nan_to_num(asked.at - past.size)
    from_right = np.nan_to_num(asked.at - past.right)
    from_suggested = np.nan_to_num(asked.at - past.suggested)
    columns = [
        asked.at, asked.at**2, off, off**2, np.maximum(off, 0), beyond, beyond**2, np.maximum(beyond, 0),
        *t.size_rates[asked.size].T, *t.category_rates[asked.category].T, *t.product_rates[asked.product].T,
        np.log1p(t.product_count[asked.product]),
        has, np.log1p(past.count), past.small / (past.count + 2), past.large / (past.count + 2),
        from_worn, np.abs(from_worn), from_right, np.isfinite(past.right),
        from_suggested, np.maximum(from_suggested, 0), has * off,
        np.nan_to_num(asked.at <= past.biggest_small), np.nan_to_num(asked.at >= past.smallest_large),
    ]  # fmt: skip
    return np.hstack([np.stack([np.asarray(c, dtype=np.float64) for c in columns], axis=1), body])


@dataclass
class Regression:
    """Multinomial logistic: ``center``, ``spread`` ``(f,)``, ``weights`` ``(f, 3)``, ``bias`` ``(3,)``."""

    center: np.ndarray
    spread: np.ndarray
    weights: np.ndarray
    bias: np.ndarray

    def probabilities(self, x: np.ndarray) -> np.ndarray:
        """``(n, f)`` → ``(n, 3)``: small, right, large."""
        z = np.clip((x - self.center) / self.spread, -8, 8) @ self.weights + self.bias
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)


@dataclass
class Names:
    """Which index is which: products, categories, scales, and sizes as (scale, number)."""

    products: dict[str, int]
    categories: dict[str, int]
    scales: dict[str, int]
    sizes: dict[str, int]

    @staticmethod
    def size_key(mark: SizeMark) -> str:
        return f"{mark.scale} {mark.number:g}"


class FitModel:
    """Predicts fit and expected sizes; numpy only, so that one product takes well under a millisecond."""

    def __init__(
        self,
        tables: Tables,
        regression: Regression,
        names: Names,
        class_weights: np.ndarray,
        figures: dict | None = None,
    ):
        self.tables, self.regression, self.names = tables, regression, names
        self.class_weights, self.figures = class_weights, figures or {}

    def probabilities(
        self, product_id: str, category: str | None, sizes: Sequence[str], shopper: Shopper
    ) -> np.ndarray:
        """``(sizes, 3)``: small, right, large on this shopper; NaN for a size whose scale nobody has told of."""
        marks = [self._known(size_mark(s)) for s in sizes]
        out = np.full((len(sizes), 3), np.nan)
        rows = [i for i, m in enumerate(marks) if m is not None]
        if rows:
            asked = self._asked(product_id, category, [marks[i] for i in rows], shopper)
            out[rows] = self.regression.probabilities(features(asked, self.tables))
        return out

    def decide(self, probabilities: np.ndarray) -> np.ndarray:
        """``(n, 3)`` → ``(n,)``: the answer that serves macro-F1 best, by weights chosen on validation."""
        return (probabilities * self.class_weights).argmax(axis=1)

    def worn_sizes(self, product_id: str, category: str | None, sizes: Sequence[str], shopper: Shopper) -> np.ndarray:
        """``(sizes,)``: how likely each is the one that such a shopper takes; zeros where nothing tells.

        A normal density around the size that body and worn sizes let expect, over the sizes there are.
        """
        marks = [self._known(size_mark(s)) for s in sizes]
        rows = [i for i, m in enumerate(marks) if m is not None]
        out = np.zeros(len(sizes))
        if not rows:
            return out
        asked = self._asked(product_id, category, [marks[i] for i in rows], shopper)
        t, body = self.tables, asked.body[0]
        center = expected_size(asked, t) + t.product_offset[asked.product]
        known = knowledge(asked.body)[0]
        error = t.body_error[asked.scale, known]
        suggested = asked.past.suggested
        if np.isfinite(suggested).any():
            share = t.worn_share[0] if np.isfinite(body[:3]).any() else 1.0
            center = np.where(np.isfinite(suggested), share * suggested + (1 - share) * center, center)
            error = np.where(np.isfinite(suggested), t.worn_error[0], error)
        elif not np.isfinite(body).any():
            return out
        density = np.exp(-0.5 * ((asked.at - center) / error) ** 2) * t.size_weight[asked.size]
        out[rows] = density / density.sum() if density.sum() else 0.0
        return out

    def _known(self, mark: SizeMark | None) -> SizeMark | None:
        return mark if mark is not None and mark.scale in self.names.scales else None

    def _asked(self, product_id: str, category: str | None, marks: Sequence[SizeMark], shopper: Shopper) -> Asked:
        n, names, t = len(marks), self.names, self.tables
        scale = np.array([names.scales[m.scale] for m in marks])
        at = (np.array([m.number for m in marks]) - t.scale_center[scale]) / t.scale_spread[scale]
        pasts = {s: self._past(shopper.worn, s) for s in dict.fromkeys(m.scale for m in marks)}
        return Asked(
            scale=scale,
            category=np.full(n, names.categories.get((category or "").lower(), UNKNOWN)),
            product=np.full(n, names.products.get(product_id, UNKNOWN)),
            size=np.array([names.sizes.get(Names.size_key(m), UNKNOWN) for m in marks]),
            at=at,
            body=np.tile(shopper.body, (n, 1)),
            past=Past(*(np.array([pasts[m.scale][f.name] for m in marks]) for f in fields(Past))),
        )

    def _past(self, worn: Sequence[Worn], scale: str) -> dict[str, float]:
        """`Past` of one shopper on one scale: sizes of another one tell their feeling, not a size."""
        t, which = self.tables, self.names.scales[scale]
        spread = lambda m: (m.number - t.scale_center[which]) / t.scale_spread[which]  # noqa: E731
        every = [(size_mark(w.size) if w.size else None, FITS.index(w.fit)) for w in worn]
        marked = [(m, fit) for m, fit in every if m is None or m.scale == scale]
        sizes = [(spread(m), fit) for m, fit in marked if m is not None]
        by_fit = {f: [z for z, fit in sizes if fit == f] for f in range(3)}
        mean = lambda values: float(np.mean(values)) if values else np.nan  # noqa: E731
        return {
            "count": float(len(marked)),
            "small": float(sum(f == SMALL for _, f in marked)),
            "large": float(sum(f == LARGE for _, f in marked)),
            "size": mean([z for z, _ in sizes]),
            "right": mean(by_fit[RIGHT]),
            "suggested": mean([z + t.worn_shift[f] for z, f in sizes]),
            "biggest_small": max(by_fit[SMALL], default=np.nan),
            "smallest_large": min(by_fit[LARGE], default=np.nan),
        }

    def save(self, folder: Path) -> None:
        """Write ``fit.safetensors`` and ``fit.json``."""
        tensors = {f"tables.{f.name}": np.asarray(getattr(self.tables, f.name), np.float64) for f in fields(Tables)}
        tensors |= {f"regression.{f.name}": getattr(self.regression, f.name) for f in fields(Regression)}
        tensors["class_weights"] = self.class_weights
        save_file({n: np.ascontiguousarray(v) for n, v in tensors.items()}, folder / "fit.safetensors")
        names = {f.name: list(getattr(self.names, f.name)) for f in fields(Names)}
        write_json(folder / "fit.json", {"format": FORMAT, "figures": self.figures, "names": names})

    @classmethod
    def read(cls, folder: Path) -> FitModel:
        """Read what `save` wrote.

        Raises:
            FitError: files are missing, damaged, or of another format.
        """
        try:
            content = json.loads((folder / "fit.json").read_text(encoding="utf-8"))
            tensors = load_file(folder / "fit.safetensors")
            if content["format"] != FORMAT:
                raise FitError(
                    f"{folder}: format {content['format']!r}, expected {FORMAT}; run `shop build --only fit`"
                )
            return cls(
                Tables(**{f.name: tensors[f"tables.{f.name}"] for f in fields(Tables)}),
                Regression(**{f.name: tensors[f"regression.{f.name}"] for f in fields(Regression)}),
                Names(**{f.name: {n: i for i, n in enumerate(content["names"][f.name])} for f in fields(Names)}),
                tensors["class_weights"],
                content["figures"],
            )
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise FitError(f"{folder} holds no readable fit model ({error}); run `shop build --only fit`") from error

    @classmethod
    def open(cls, store: Store) -> FitModel:
        return cls.read(store.model_dir("fit"))


def knowledge(body: np.ndarray) -> np.ndarray:
    """``(n, 6)`` → ``(n,)``: 0 height and weight are known, 1 the weight, 2 something else, 3 nothing."""
    known = np.isfinite(body)
    height, weight = known[:, 0], known[:, 1]
    return np.where(weight & height, 0, np.where(weight, 1, np.where(known.any(axis=1), 2, 3)))
