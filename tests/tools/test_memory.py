from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from shopping_assistant.tools.memory import MemoryUnavailable, QueryProductMemory, organic_lists
from shopping_assistant.tools.sessions import Event, frame_of
from shopping_assistant.tools.store import Store

START = datetime(2025, 1, 1, tzinfo=UTC)


def search(session: int, query: str, *shown: str) -> Event:
    return Event(f"s{session}", "u", START + timedelta(hours=session), "search", query, None, shown)


LOG = frame_of(
    [
        search(1, "black ankle boots", "b1", "b2", "b3"),
        search(2, "Black  ankle boots", "b2", "b1"),
        search(3, "ankle boots in black", "b4", "b1"),
        search(4, "floral summer dress", "d1", "d2"),
    ]
)


@pytest.fixture
def store(tmp_path) -> Store:
    return Store.create(tmp_path / "shop", name="Shop")


def test_a_query_keeps_its_products_by_organic_position():
    assert organic_lists(LOG)["black ankle boots"] == ["b1", "b2", "b3"]


def test_without_displays_what_followed_a_search_counts():
    click = Event("s1", "u", START + timedelta(hours=1, minutes=1), "click", None, "b9")
    assert organic_lists(frame_of([search(1, "boots"), click])) == {"boots": ["b9"]}


def test_near_queries_answer_for_a_new_one(store):
    assert QueryProductMemory.build(store, LOG) == {"queries": 3}
    memory = QueryProductMemory.open(store)
    boots, dress, none = memory.products(["black booties for the ankle", "dress with flowers for summer", ""], k=3)
    assert boots[0] == "b1" and set(boots) <= {"b1", "b2", "b3", "b4"}
    assert dress == ["d1", "d2"]
    assert none == []


def test_a_rebuilt_memory_is_seen_at_once(store):
    QueryProductMemory.build(store, LOG)
    assert QueryProductMemory.open(store).size == 3
    QueryProductMemory.build(store, LOG[:1])
    assert QueryProductMemory.open(store).size == 1


def test_it_is_opened_by_several_threads_at_once(tmp_path):
    # Built elsewhere: what this process has built, Chroma has started already.
    store = Store.create(tmp_path / "shop", name="Shop")
    QueryProductMemory.build(store, LOG)
    with ThreadPoolExecutor(4) as threads:
        opened = [threads.submit(QueryProductMemory.open, store) for _ in range(4)]
        assert [memory.result().size for memory in opened] == [3] * 4


def test_a_log_without_searches_gives_an_empty_memory(store):
    assert QueryProductMemory.build(store, LOG[:0]) == {"queries": 0}
    assert QueryProductMemory.open(store).products(["boots"]) == [[]]


def test_a_damaged_memory_names_the_remedy(store):
    (store.memory_dir / "x").mkdir(parents=True)
    (store.memory_dir / "x" / "chroma.sqlite3").write_text("not a database")
    with pytest.raises(MemoryUnavailable, match="--only memory"):
        QueryProductMemory.open(store)
