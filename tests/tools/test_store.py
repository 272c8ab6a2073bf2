import json
from datetime import UTC, datetime, timedelta

import pytest

from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.sessions import Event, empty_events, frame_of, leave_one_out
from shopping_assistant.tools.store import Store, StoreError


@pytest.fixture
def store(tmp_path) -> Store:
    store = Store.create(tmp_path / "shop", name="Shop", currency="EUR")
    store.write_catalog(Catalog.from_products([Product("a", "A")]))
    return store


def make(store: Store, name: str, text: str) -> None:
    with store.replacing(name) as folder:
        (folder / "weights.json").write_text(text)
    store.record(name, {"key": text})


def test_a_store_is_opened_again(store):
    again = Store.open(store.path)
    assert (again.name, again.currency) == ("Shop", "EUR")
    assert again.catalog().ids == ["a"]
    assert again.has_events is False and len(again.events()) == 0


def test_a_missing_store_names_the_remedy(tmp_path):
    with pytest.raises(StoreError, match="shop demo"):
        Store.open(tmp_path / "nowhere")


def test_a_damaged_manifest_is_said(store):
    (store.path / "store.json").write_text("{")
    with pytest.raises(StoreError, match="not a readable manifest"):
        Store.open(store.path)


def test_a_store_is_never_laid_over_something(store):
    with pytest.raises(StoreError, match="already"):
        Store.create(store.path, name="Other")


def test_an_artefact_is_replaced_whole_or_not_at_all(store):
    make(store, "ids", "one")
    with pytest.raises(RuntimeError), store.replacing("ids") as folder:
        (folder / "weights.json").write_text("half")
        raise RuntimeError("the machine stopped")
    assert (store.model_dir("ids") / "weights.json").read_text() == "one"
    assert [p.name for p in (store.path / "models").iterdir()] == ["ids"]
    make(store, "ids", "two")
    assert (store.model_dir("ids") / "weights.json").read_text() == "two"


def test_freshness_follows_the_key(store):
    make(store, "ids", "one")
    again = Store.open(store.path)
    assert again.fresh("ids", "one") and not again.fresh("ids", "two") and not again.fresh("titles", "one")


def test_damage_is_found_by_checksum(store):
    make(store, "ids", "one")
    assert store.damaged() == []
    (store.model_dir("ids") / "weights.json").write_text("changed")
    assert store.damaged() == ["models/ids/weights.json"]


def test_the_manifest_is_plain_json(store):
    make(store, "ids", "one")
    manifest = json.loads((store.path / "store.json").read_text())
    assert set(manifest["artefacts"]) == {"catalog", "ids"}


def test_two_processes_keep_each_others_records(store):
    other = Store.open(store.path)
    make(store, "ids", "one")
    make(other, "titles", "two")
    again = Store.open(store.path)
    assert again.fresh("ids", "one") and again.fresh("titles", "two")


def buys(user: str, *products: str) -> list[Event]:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return [Event(user, user, start + timedelta(minutes=i), "purchase", None, p) for i, p in enumerate(products)]


LOG = frame_of([*buys("ann", "a", "b", "c"), *buys("bob", "b", "a")])
BACKGROUND = frame_of([*buys("cyd", "c", "a", "b"), *buys("dan", "c")])


def test_a_background_is_trained_on_whole_and_asked_about_nowhere(store):
    store.write_events(LOG, background=BACKGROUND)
    again = Store.open(store.path)
    assert again.background().equals(BACKGROUND) and again.events().equals(LOG)
    split, alone = again.split(), leave_one_out(LOG)
    assert (split.validation, split.test) == (alone.validation, alone.test)
    assert sorted(split.train["user_id"].to_list()) == ["ann", "cyd", "cyd", "cyd", "dan"]
    assert again.made_by("events")["events"] == 5 and again.made_by("events")["background events"] == 4
    assert again.damaged() == []
    (store.path / "background.parquet").unlink()
    assert again.damaged() == ["background.parquet"]


def test_a_store_without_a_background_is_split_as_its_log(store):
    store.write_events(LOG)
    assert not len(store.background()) and "background events" not in store.made_by("events")
    assert store.split().train.equals(leave_one_out(LOG).train)
    assert not (store.path / "background.parquet").exists()


def test_a_log_written_again_keeps_its_background_unless_told(store):
    store.write_events(LOG, background=BACKGROUND)
    before = store.digest("events")
    store.write_events(frame_of(buys("eve", "a", "b")))
    assert store.background().equals(BACKGROUND) and store.digest("events") != before
    store.write_events(LOG)
    assert store.digest("events") == before
    store.write_events(LOG, background=empty_events())
    assert not len(Store.open(store.path).background()) and store.digest("events") != before


def test_a_shopper_in_both_is_refused_and_nothing_is_written(store):
    store.write_events(LOG, background=BACKGROUND)
    for log, background in ((frame_of(buys("dan", "a")), None), (LOG, frame_of(buys("bob", "c")))):
        with pytest.raises(StoreError, match=r"'(dan|bob)' stands in the log and in the background .1 such."):
            store.write_events(log, background=background)
    again = Store.open(store.path)
    assert again.events().equals(LOG) and again.background().equals(BACKGROUND) and again.damaged() == []
