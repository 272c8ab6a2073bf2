"""Stores that tests share: a small shop, and the demo shop with the models that travel along."""

import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Two threads that wait for each other on a busy machine take twenty times as long as one; tiny models gain nothing.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

import pytest

from shopping_assistant.tools.store import Store
from tests.shared_folder import made_once

SHARED_DATA = Path(__file__).parent.parent.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data to measure on; it is not part of the project."""
    if not SHARED_DATA.is_dir():
        pytest.skip("no real data beside this checkout (../shared/data)")
    return SHARED_DATA


@pytest.fixture(scope="session")
def demo_store(tmp_path_factory) -> Path:
    """The whole demo shop with its trained models, as `shop demo` lays it down. Tests must not change it."""
    from shopping_assistant.finetune.demo import lay_down

    return made_once(tmp_path_factory, "demo-shop", lay_down)


@pytest.fixture(scope="session")
def small_shop():
    """A small invented shop: (catalogue, events)."""
    from shopping_assistant.tools import demo_shop

    return demo_shop.generate(seed=3, products=150, shoppers=200)


@pytest.fixture
def small_store(tmp_path, small_shop) -> Store:
    """The small shop as a store, without models: each test has its own."""
    store = Store.create(tmp_path / "small", name="Small", currency="EUR")
    store.write_catalog(small_shop[0])
    store.write_events(small_shop[1])
    return store


@pytest.fixture(scope="session")
def ablated_shop(tmp_path_factory) -> Path:
    """A tiny shop in ``shop`` with every variant of its ablations trained in ``variants``. Tests must not change it."""
    from tests.finetune.tiny_ablations import make

    def laid_out(folder: Path) -> None:
        folder.mkdir()
        make(folder)

    return made_once(tmp_path_factory, "ablated-shop", laid_out)


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory) -> Path:
    """A folder with a CLIP that learned from drawings of ``tests/tools/tiny_pictures.py``. Tests must not change it."""
    from tests.tools.tiny_pictures import make_model

    return made_once(tmp_path_factory, "tiny-clip", make_model)


@pytest.fixture(scope="session")
def drawn_shop(tmp_path_factory, tiny_clip) -> Path:
    """A folder with a ``store`` of drawn products and a model that sees them. Tests must not change it."""
    from tests.drawn_shop import make_shop

    def laid_out(folder: Path) -> None:
        folder.mkdir()
        make_shop(folder, tiny_clip)

    return made_once(tmp_path_factory, "drawn-shop", laid_out)
