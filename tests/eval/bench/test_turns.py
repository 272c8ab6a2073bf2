import itertools
import json

import pytest

from shopping_assistant.eval.bench.turns import conversations, main
from shopping_assistant.tools.catalog import Catalog, Product


def test_a_mixed_conversation_is_timed_part_by_part(searchable_store, capsys):
    assert main(["--store", str(searchable_store.path), "--turns", "22", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["all turns"]["n"] == 22
    assert result["turns that recommend"]["n"] >= 2
    assert {"search", "refine", "ask", "recommend", "bag"} <= set(result["kinds"])
    assert {"understand", "plan", "recommend", "search_products", "graph and checkpoint"} <= set(result["parts"])
    for spread in (result["all turns"], *result["parts"].values()):
        assert 0 <= spread["median_ms"] <= spread["p95_ms"]
    assert result["failed_tools"] == 0
    assert not searchable_store.conversations_path.exists()


def test_the_words_are_the_catalogues_own():
    catalog = Catalog.from_products(
        [
            Product(f"p{i}", f"Thing {i}", category="hats", color="teal", material=("wool", "felt")[i % 2], price=20.0)
            for i in range(4)
        ]
    )
    texts = [step.text for steps in itertools.islice(conversations(catalog, 1), 20) for step in steps]
    assert any("teal hats under 26" in text for text in texts)
    assert {text for text in texts if text.startswith("not ")} == {"not wool", "not felt"}


def test_a_bare_catalogue_can_be_talked_about():
    catalog = Catalog.from_products([Product("p1", "Red scarf")])
    assert "red scarf" in next(conversations(catalog, 1))[0].text


def test_no_store_is_said(tmp_path, capsys):
    assert main(["--store", str(tmp_path / "none")]) == 2
    assert "error: no store at" in capsys.readouterr().err


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_seed_gives_the_same_conversations(searchable_store, seed):
    catalog = searchable_store.catalog()
    first, again = (list(itertools.islice(conversations(catalog, seed), 5)) for _ in range(2))
    assert first == again
