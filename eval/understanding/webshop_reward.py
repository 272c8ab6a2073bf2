"""The reward of one product for one request, as WebShop defines it.

Yao, Chen, Yang and Narasimhan, *WebShop: Towards Scalable Real-World Web Interaction with Grounded Language Agents*,
NeurIPS 2022, section 3:

    r = r_type · (|U_att ∩ Y_att| + |U_opt ∩ Y_opt| + 1[y_price ≤ u_price]) / (|U_att| + |U_opt| + 1)

    r_type = 0    if TextMatch = 0
             0.1  if TextMatch < 0.1
             0.5  if TextMatch ≤ 0.2 and neither the query nor the category matches
             1    otherwise

TextMatch is the share of the wanted title's nouns that the product's title has too. Nouns are found there by a tagger;
here all words but the most common ones count, which are more words on both sides.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shopping_assistant.eval.understanding.scratch import DataMissing, reading
from shopping_assistant.tools.search import STOP_WORDS

_COMMON = STOP_WORDS | {"our", "by", "no", "not", "so", "too", "very", "can", "up"}
_WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True)
class WebProduct:
    """A product with what the reward looks at. ``query`` and ``trail`` (its categories) are the crawler's."""

    product_id: str
    title: str
    query: str
    trail: frozenset[str]
    price: float | None
    options: frozenset[str]
    attributes: frozenset[str]
    text: str


@dataclass(frozen=True)
class Goal:
    """One request: its words, the product it was written for, and what is wanted of any product."""

    said: str
    target: str
    attributes: tuple[str, ...]
    options: tuple[str, ...] = ()
    price: float | None = None


def read_products(path: Path) -> dict[str, WebProduct]:
    with reading(path) as file:
        rows = [json.loads(line) for line in file if line.strip()]
    try:
        return {row["asin"]: _product(row) for row in rows}
    except KeyError as error:
        raise DataMissing(f"{path}: a product has no {error}; expected WebShop's products") from error


def _product(row: dict) -> WebProduct:
    options = row["options"] if isinstance(row["options"], dict) else {}
    price = re.search(r"\d[\d,]*(?:\.\d+)?", str(row["Price"]))
    bullets = row.get("BulletPoints") or []
    described = [row["Title"], row.get("Description"), *(bullets if isinstance(bullets, list) else [bullets])]
    return WebProduct(
        row["asin"], str(row["Title"]), str(row["query"]),
        frozenset(p.strip() for p in str(row["product_category"]).split("›") if p.strip()),
        float(price[0].replace(",", "")) if price else None,
        frozenset(_plain(v) for values in options.values() for v in values if v),
        frozenset(_plain(a) for a in row.get("Attributes") or []),
        f" {_plain(' '.join(str(d) for d in described if d))} ",
    )  # fmt: skip


def read_goals(path: Path, products: Mapping[str, WebProduct]) -> list[Goal]:
    """Requests whose product is among these, in the file's order."""
    with reading(path) as file:
        rows = json.load(file)
    return [
        Goal(
            row["instruction"], asin, tuple(row.get("instruction_attributes") or ()),
            tuple(str(o) for o in row.get("instruction_options") or ()),
        )
        for asin, row in rows.items() if row.get("instruction") and asin in products
    ]  # fmt: skip


def _plain(text: object) -> str:
    return " ".join(_WORD.findall(str(text).lower()))


def text_match(wanted: str, title: str) -> float:
    """The share of the wanted title's words, common ones left out, that the other has; 0.2 where it has none."""
    words = set(_WORD.findall(wanted.lower())) - _COMMON
    return len(words & set(_WORD.findall(title.lower()))) / len(words) if words else 0.2


def type_reward(target: WebProduct, product: WebProduct, lenient: bool = False) -> float:
    """``r_type``. Lenient: a product of the same query or category is of the right type whatever its title says."""
    match = text_match(target.title, product.title)
    same = target.query == product.query or len(target.trail & product.trail) >= 2
    if lenient and same and match > 0:
        return 1.0
    if match == 0:
        return 0.1 if lenient and same else 0.0
    if match < 0.1:
        return 0.0 if lenient else 0.1
    return 1.0 if same or match > 0.2 else 0.5


def has_attribute(product: WebProduct, attribute: str) -> bool:
    """Whether it is one of the product's attributes, or its words stand in a row in title, features or description."""
    wanted = _plain(attribute)
    return wanted in product.attributes or f" {wanted} " in product.text


def reward(goal: Goal, target: WebProduct, product: WebProduct, lenient: bool = False) -> float:
    """``r`` in 0…1. Options count as chosen where the product has them; an unknown price is never too high."""
    attributes = sum(has_attribute(product, a) for a in goal.attributes)
    options = sum(_plain(o) in product.options for o in goal.options)
    affordable = goal.price is None or product.price is None or product.price <= goal.price
    wanted = len(goal.attributes) + len(goal.options) + 1
    return type_reward(target, product, lenient) * (attributes + options + affordable) / wanted
