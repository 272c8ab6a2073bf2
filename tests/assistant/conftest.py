"""A shop small enough to know by heart: every expected answer below can be worked out from this table."""

import itertools

import pytest

from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.assistant.language.understanding import Before, Scene, Understanding
from shopping_assistant.assistant.language.vocabulary import Vocabulary
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.store import Store

SHOES, CLOTHES = ("37", "38", "39"), ("S", "M", "L")
# id, category, brand, colour, material, price, department, more
ROWS = (
    ("ab1", "ankle boots", "Corvelle", "black", "leather", 149.0, "women", {"heel height": "high"}),
    ("ab2", "ankle boots", "Corvelle", "black", "leather", 99.0, "women", {"heel height": "mid"}),
    ("ab3", "ankle boots", "Brackley & Fenn", "black", "suede", 119.0, "women", {"heel height": "flat"}),
    ("ab4", "ankle boots", "Brackley & Fenn", "black", "faux leather", 89.0, "women", {"heel height": "low"}),
    ("ab5", "ankle boots", "Norrvik", "red", "suede", 79.0, "women", {"heel height": "flat"}),
    ("cb1", "chelsea boots", "Norrvik", "black", "suede", 109.0, "men", {}),
    ("cb2", "chelsea boots", "Norrvik", "brown", "leather", 139.0, "men", {}),
    ("sn1", "sneakers", "Norrvik", "white", "canvas", 59.0, "unisex", {}),
    ("sn2", "sneakers", "Corvelle", "navy", "suede", 69.0, "women", {}),
    ("pu1", "pumps", "Corvelle", "red", "satin", 99.0, "women", {"heel height": "high"}),
    ("dr1", "maxi dress", "Corvelle", "red", "silk", 180.0, "women", {"sleeve length": "long", "pattern": "solid"}),
    ("dr2", "maxi dress", "Norrvik", "navy", "cotton", 60.0, "women", {"sleeve length": "short", "pattern": "floral"}),
    (
        "dr3",
        "wrap dress",
        "Norrvik",
        "black",
        "viscose",
        80.0,
        "women",
        {"sleeve length": "long", "pattern": "striped"},
    ),
    ("dr4", "wrap dress", "Corvelle", "light blue", "cotton", 45.0, "women", {"sleeve length": "short"}),
    ("ts1", "t-shirt", "Norrvik", "white", "organic cotton", 20.0, "unisex", {}),
    ("ts2", "t-shirt", "Norrvik", "black", "cotton", 25.0, "men", {}),
    ("sw1", "sweater", "Corvelle", "grey", "merino wool", 95.0, "women", {}),
    ("tb1", "tote bag", "Brackley & Fenn", "tan", "leather", 130.0, "unisex", {}),
    ("bp1", "backpack", "Norrvik", "olive", "recycled nylon", 90.0, "unisex", {}),
)


def product(row) -> Product:
    pid, category, brand, color, material, price, department, more = row
    shoe, bag = category.endswith(("boots", "sneakers", "pumps")), category in ("tote bag", "backpack")
    return Product(
        pid,
        f"{brand} {category.title()} in {color.title()} {material.title()}",
        category,
        brand,
        color,
        ("one size",) if bag else SHOES if shoe else CLOTHES,
        price,
        "EUR",
        material,
        "autumn, winter" if shoe else None,
        "casual, work",
        department,
        f"A fine {category}. Rubber sole, water-repellent." if shoe else None,
        attributes=more,
    )


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog.from_products([product(r) for r in ROWS])


@pytest.fixture(scope="session")
def vocabulary(catalog) -> Vocabulary:
    return Vocabulary(catalog)


@pytest.fixture
def store(tmp_path, catalog) -> Store:
    made = Store.create(tmp_path / "shop", name="Corner shop", currency="EUR")
    made.write_catalog(catalog)
    return made


@pytest.fixture
def assistant(store):
    """The whole agent over a shop that has a catalogue and nothing else."""
    opened = Assistant.open(store.path)
    yield opened
    opened.close()


@pytest.fixture
def said(vocabulary):
    """A conversation without a shop around it: call it with each sentence; ``said.show(ids)`` is what was shown."""

    class Conversation:
        def __init__(self):
            self.understanding, self.before = Understanding(vocabulary), Before()

        def show(self, *ids: str, bag: tuple[str, ...] = (), focus: tuple[str, ...] = ()):
            self.before = Before(self.before.constraints, (), Scene(ids, bag, focus, ids), last_act="search")
            return self

        def __call__(self, text: str):
            u = self.understanding.understand(text, self.before)
            scene = self.before.scene
            focus = u.targets or scene.focus
            self.before = Before(
                u.constraints,
                (*self.before.earlier, self.before.held),
                Scene(scene.shown, scene.bag, focus, scene.seen),
                u.words,
                u.act,
                u.asked,
            )
            return u

    return Conversation()


@pytest.fixture
def wishes():
    """Constraints as ``{(attribute, op): values}``."""
    return lambda understood: {(c.attribute, c.op): set(c.values) for c in understood.constraints}


@pytest.fixture
def thread():
    count = itertools.count()
    return f"thread-{next(count)}"
