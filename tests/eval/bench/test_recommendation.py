"""The recommendation bench: what counts as a product, and the whole path timed against its own."""

import json

import pytest
import torch
from torch.nn import functional

from shopping_assistant.eval.bench.recommendation import Products, histories, main
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.store import Store


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_every_kind_of_product_counts_once_and_nothing_else(mode):
    x, weight, bias = torch.randn(3, 8), torch.randn(5, 8), torch.randn(5)
    heads = torch.randn(1, 2, 3, 4)
    lstm = torch.nn.LSTM(8, 6, batch_first=True).eval()
    made = {
        "x @ weight": lambda: x @ weight.T,
        "linear": lambda: functional.linear(x, weight, bias),
        "linear of a batch": lambda: functional.linear(x[None], weight),
        "into another": lambda: torch.zeros(3, 5).addmm_(x, weight.T),
        "attention": lambda: functional.scaled_dot_product_attention(heads, heads, heads),
        "table": lambda: functional.embedding(torch.tensor([1, 2]), weight),
    }
    for name, call in made.items():
        with mode(), Products() as products:
            call()
        assert len(products.made) == 1, name
    with mode(), Products() as products:
        lstm(x[None])
    assert products.made
    with mode(), Products() as products:
        functional.gelu(x).softmax(-1).add(x).argsort()
        torch.cat([x, x]).reshape(-1, 4).clone()
    assert not products.made


def test_products_are_computed_once_more():
    x, weight = torch.ones(2, 3), torch.eye(3)
    total = torch.zeros(2, 3)
    with torch.inference_mode(), Products() as products:
        total.addmm_(x, weight)
    products.again()
    assert total.tolist() == [[2.0] * 3] * 2


def test_a_recommendation_is_timed_against_its_products(demo_store, capsys):
    assert main(["--store", str(demo_store), "-n", "3", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["calls"] == 3 and set(result["parts"]) >= {"prompt", "write", "retrieval"}
    # Prompt, codes and title through four layers of five products each, at least.
    assert result["products"]["number"] > 3 * 4 * 5
    whole, products = result["recommendation"]["median_ms"], result["products"]["median_ms"]
    assert whole > 0 and result["ratio"] == pytest.approx(whole / products, abs=0.02)
    assert sum(part["median_ms"] for part in result["parts"].values()) < 1.5 * whole


def test_a_log_without_purchases_is_said(tmp_path, small_shop, capsys):
    store = Store.create(tmp_path / "bare", name="Bare")
    catalog, events = small_shop
    store.write_catalog(catalog)
    store.write_events(events.filter(events["action"] == "search"))
    with pytest.raises(ShopError, match="no shopper with two purchases"):
        histories(store, 3, 1)
    assert main(["--store", str(store.path), "-n", "1"]) == 2
    assert "error:" in capsys.readouterr().err
