"""A shop whose products have pictures, drawn, and a model that sees them."""

import io
from pathlib import Path

from shopping_assistant.finetune import images
from shopping_assistant.finetune.build import build
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.store import Store
from tests.tools.tiny_pictures import COLOURS, KINDS, drawing

# Each kind in each colour three times, at three prices.
PRICES = (25.0, 60.0, 140.0)


def make_shop(folder: Path, clip: Path) -> None:
    store = Store.create(folder / "store", name="Drawn", currency="EUR")
    products, pictures = [], folder / "pictures"
    pictures.mkdir()
    for kind in KINDS:
        for colour in COLOURS:
            for n, price in enumerate(PRICES):
                pid = f"{kind}-{colour}-{n}"
                material = ("cotton", "leather", "wool")[n]
                name = {"boot": "boots"}.get(kind, kind)
                title = f"{('Alma', 'Bela', 'Cora')[n]} {colour.title()} {name.title()}"
                products.append(
                    Product(pid, title, category=name, color=colour, price=price, currency="EUR", material=material)
                )
                drawing(kind, colour, 100 + n).save(pictures / f"{pid}.png")
    store.write_catalog(Catalog.from_products(products))
    images.choose(store, str(clip), pictures)
    build(Store.open(store.path), only=("search", "images"))


def photo(kind: str, colour: str, seed: int = 300) -> bytes:
    """A JPEG of such a product that no model has seen."""
    out = io.BytesIO()
    drawing(kind, colour, seed, side=400).save(out, "JPEG")
    return out.getvalue()
