"""The demo shop: an invented catalogue and the sessions of simulated shoppers, the same for the same seed."""

from __future__ import annotations

import numpy as np
import polars as pl

from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.demo_catalog import make_assortment
from shopping_assistant.tools.demo_shoppers import simulate

SEED, PRODUCTS, SHOPPERS = 7, 3_000, 20_000


def generate(seed: int = SEED, products: int = PRODUCTS, shoppers: int = SHOPPERS) -> tuple[Catalog, pl.DataFrame]:
    """The catalogue and a year of events in ``EVENT_SCHEMA``, in time order.

    The catalogue and the log draw from streams of their own: the same seed and number of products give the same
    catalogue whatever the number of shoppers.
    """
    shop = make_assortment(np.random.default_rng([seed, 1]), products)
    events = simulate(np.random.default_rng([seed, 2]), shop, shoppers)
    return Catalog.from_products(shop.products), events
