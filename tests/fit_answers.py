"""A shop whose shoppers told how sizes fit: what is right follows from the weight alone, and one dress runs small."""

import numpy as np
import polars as pl

from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.fit_feedback import FIT_SCHEMA
from shopping_assistant.tools.store import Store

SIZES = ("34", "36", "38", "40", "42", "44")
TRUE, SMALL, NEW, BAG = "true-dress", "small-dress", "new-dress", "bag"


def catalog() -> Catalog:
    dresses = [
        Product(p, f"{p} in red", "wrap dress", "Norrvik", "red", SIZES, 60.0, "EUR", "cotton")
        for p in (TRUE, SMALL, NEW)
    ]
    return Catalog.from_products(
        [*dresses, Product(BAG, "bag in red", "tote bag", "Norrvik", "red", ("one size",), 90.0, "EUR", "leather")]
    )


def right_size(weight: float, product: str) -> float:
    """34 at 50 kg, a size for every 6 kg; the small dress asks for one more."""
    return 34 + 2 * (weight - 50) / 6 + (2 if product == SMALL else 0)


def feedback(shoppers: int = 400, seed: int = 1) -> pl.DataFrame:
    """Two answers a shopper: the size that they take for the right one of a true dress, give or take one."""
    random = np.random.default_rng(seed)
    rows = []
    for n in range(shoppers):
        weight = float(random.uniform(50, 80))
        # Either may be the first: what was worn before must not stand for the product.
        for turn, product in enumerate((TRUE, SMALL) if n % 2 else (SMALL, TRUE)):
            worn = float(np.clip(2 * round((right_size(weight, TRUE) + random.normal(0, 1.2)) / 2), 34, 44))
            off = worn - right_size(weight, product)
            fit = "small" if off < -1.6 else "large" if off > 1.6 else "fit"
            rows.append(
                {"user_id": f"u{n}", "product_id": product, "size": f"{worn:g}", "fit": fit,
                 "timestamp": f"2026-01-{1 + turn:02d}T10:00:00", "height_cm": 165.0 + random.normal(0, 5),
                 "weight_kg": weight}
            )  # fmt: skip
    frame = pl.DataFrame(rows).with_columns(pl.col("timestamp").str.to_datetime(time_zone="UTC"))
    missing = [pl.lit(None, dtype=kind).alias(name) for name, kind in FIT_SCHEMA.items() if name not in frame.columns]
    return frame.with_columns(missing).select(list(FIT_SCHEMA)).cast(FIT_SCHEMA)


def lay_out(folder) -> None:
    """A store with feedback and what is learned of it."""
    from shopping_assistant.finetune.build import build

    store = Store.create(folder, name="Fits", currency="EUR")
    store.write_catalog(catalog())
    store.write_fit_feedback(feedback())
    assert [r.outcome for r in build(store, only=("fit",))] == ["made"]
