"""Tools that tell what the catalogue says of products, one by one or side by side."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from shopping_assistant.assistant.agent_tools.desk import Arguments, Desk, ToolResult, tool
from shopping_assistant.assistant.styles import styles_of
from shopping_assistant.tools.catalog import Product

# A description is shortened for the model: it is the seller's text, and long ones crowd out the question.
DESCRIPTION_SHOWN = 400
# A table of more products or columns is no longer read at a glance.
SIDE_BY_SIDE, MOST_COLUMNS = 6, 8
# What most shoppers decide by, before the kind's own attributes and after them.
_FIRST = ("price", "size", "material", "color")
_LAST = ("brand", "category", "season", "occasion", "department", "available")
# An attribute of more values names lines, styles and dates, not what a shopper chooses by.
MOST_VALUES = 60
MOST_COLORS = 12


class Details(Arguments):
    product_ids: list[str] = Field(min_length=1, max_length=20)
    attributes: list[str] = Field(default=[], max_length=20, description="what is asked; all when empty")


@tool(Details)
def product_details(desk: Desk, given: Details) -> ToolResult:
    """What the catalogue says about products. A null means that the catalogue does not say."""
    products = desk.known(given.product_ids)
    facts = [_facts(p, given.attributes) for p in products]
    if "color" in given.attributes:
        facts = [{**f, "other_colors": _other_colors(desk, p)} for f, p in zip(facts, products, strict=True)]
    return ToolResult({"products": facts, "asked": given.attributes})


class Compare(Arguments):
    product_ids: list[str] = Field(min_length=2, max_length=10)
    attributes: list[str] = Field(default=[], max_length=20)


@tool(Compare)
def compare(desk: Desk, given: Compare) -> ToolResult:
    """Products side by side, at most six: only where they differ, unless attributes are asked for."""
    products = desk.known(given.product_ids)[:SIDE_BY_SIDE]
    names = given.attributes or _differing(desk, products)
    # The price always: that all cost the same answers which is the cheapest.
    told = list(dict.fromkeys([*names, "price"]))
    content = {"products": [_facts(p, told) for p in products], "asked": given.attributes, "differ": names}
    rows = [
        {"product_id": p.product_id, "title": p.title, "values": {n: p.get(n) for n in told}} for p in products
    ]
    return ToolResult(content, told={"comparison": {"attributes": told, "rows": rows}})


def _differing(desk: Desk, products: Sequence[Product]) -> list[str]:
    """Attributes in which they differ, the most telling first; not those that are a name of each product's own."""
    spoken = desk.shelf.vocabulary.values
    own = [
        a for a in desk.shelf.catalog.attribute_names
        if a not in _FIRST + _LAST and (a not in spoken or 0 < len(spoken[a]) <= MOST_VALUES)
    ]  # fmt: skip
    differ = [a for a in (*_FIRST, *own, *_LAST) if len({str(p.get(a)) for p in products}) > 1]
    # What only one of them has says little against the others: "dial" of a watch beside a belt.
    both = [a for a in differ if sum(p.get(a) not in (None, "", []) for p in products) > 1]
    return (both or differ)[:MOST_COLUMNS]


def _other_colors(desk: Desk, product: Product) -> list[dict]:
    """The same style in other colours that can be bought, as the product's view lists them."""
    catalog = desk.shelf.catalog
    others = [catalog.product(p) for p in styles_of(catalog).others(product)[0]]
    return [
        {k: getattr(p, k) for k in ("product_id", "title", "color", "price", "currency")}
        for p in others if p.available
    ][:MOST_COLORS]  # fmt: skip


def _facts(product: Product, attributes: Sequence[str]) -> dict:
    known = product.as_dict()
    every = {**known, **known.pop("attributes")}
    names = [*attributes, "available"] if attributes else [n for n in every if n not in ("image_url",)]
    facts = {n: every.get(n) for n in names if n not in ("product_id", "title")}
    text = (known.get("description") or "")[:DESCRIPTION_SHOWN]
    return {
        "product_id": product.product_id,
        "title": product.title,
        "currency": product.currency,
        **facts,
        "description": text,
    }
