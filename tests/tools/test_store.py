import json

import pytest

from shopping_assistant.tools.catalog import Catalog, Product
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
