"""Simulated shoppers who give cards thumbs: by the wish, once a card, and without a word changed."""

import numpy as np

from shopping_assistant.eval import thumbs
from shopping_assistant.eval.hidden_wish import Trait, Wish
from shopping_assistant.eval.simulated_judging import CardJudge
from shopping_assistant.tools.catalog import Product

WISH = Wish((Trait("category", "boots"), Trait("color", "red")), (Trait("material", "suede"),))


def boots(product_id: str, color: str, material: str) -> Product:
    return Product(product_id, f"{color} {material} boots", category="boots", color=color, material=material)


def test_cards_are_judged_by_the_wish_and_each_once(monkeypatch):
    monkeypatch.setattr("shopping_assistant.eval.simulated_judging.JUDGE_RATE", 1.0)
    judge = CardJudge(WISH, np.random.default_rng(1))
    shown = [boots("1", "black", "leather"), boots("2", "red", "leather"), boots("3", "black", "suede")]
    assert judge.thumbs(shown) == [("2", "up", 2), ("3", "down", 3)]
    assert judge.thumbs(shown) == []
    assert judge.thumbs(shown[:1] * 2) == [], "of cards that are alike none is better"


def test_the_same_shoppers_are_asked_with_thumbs_and_without(searchable_store):
    made = thumbs.report(searchable_store, "validation", 2, seed=2)
    assert made["sessions"] == 2 and set(made["judges"]) == set(thumbs.JUDGES)
    assert all(0 <= made["judges"][j]["found@5"] <= 1 for j in thumbs.JUDGES)
    assert not searchable_store.conversations_path.exists()
