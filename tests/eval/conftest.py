"""A hand-made shop whose every rank can be worked out on paper."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.search import CatalogSearch
from shopping_assistant.tools.sessions import Event, frame_of
from shopping_assistant.tools.store import Store

START = datetime(2026, 1, 1, tzinfo=UTC)


def make_event(user: str, minute: int, action: str, product=None, query=None, session: str = "1") -> Event:
    return Event(f"{user}-{session}", user, START + timedelta(minutes=minute), action, query, product)


@pytest.fixture
def event() -> Callable[..., Event]:
    return make_event


@pytest.fixture
def buys() -> Callable[..., list[Event]]:
    """One purchase a minute, in one session."""

    def of(user: str, *products: str, start: int = 0, session: str = "1") -> list[Event]:
        return [make_event(user, start + i, "purchase", p, session=session) for i, p in enumerate(products)]

    return of


@pytest.fixture
def shop(tmp_path) -> Callable[..., Store]:
    """A store with products p0, p1, …: the even ones are boots, the odd ones dresses, p3 cannot be bought."""

    def with_events(events: list[Event], products: int = 12) -> Store:
        store = Store.create(tmp_path / "by-hand", name="By hand", currency="EUR")
        rows = [
            Product(f"p{i}", f"Product {i}", category=("Boots", "Dresses")[i % 2], available=i != 3)
            for i in range(products)
        ]
        store.write_catalog(Catalog.from_products(rows))
        store.write_events(frame_of(events))
        return store

    return with_events


@pytest.fixture(scope="session")
def searchable_store(tmp_path_factory, small_shop) -> Store:
    """The small shop with its search index and no other model. Tests must not change it."""
    store = Store.create(tmp_path_factory.mktemp("searchable") / "small", name="Small", currency="EUR")
    store.write_catalog(small_shop[0])
    store.write_events(small_shop[1])
    store.record("search", CatalogSearch.build(store))
    return store


@pytest.fixture(scope="session")
def recbole_python() -> Path:
    """The interpreter that `make baselines` sets up, at RECBOLE_VENV or .venv-recbole."""
    root = Path(__file__).parent.parent.parent
    path = Path(os.environ.get("RECBOLE_VENV", root / ".venv-recbole")) / "bin" / "python"
    if not path.exists():
        pytest.skip("no RecBole environment: `make baselines` sets it up; RECBOLE_VENV says where it lies")
    return path
