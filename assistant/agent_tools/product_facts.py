"""Tools that tell what the catalogue says of products, one by one or side by side."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from shopping_assistant.assistant.agent_tools.desk import Arguments, Desk, ToolResult, tool
from shopping_assistant.tools.catalog import Product

# A description is shortened for the model: it is the seller's text, and long ones crowd out the question.
DESCRIPTION_SHOWN = 400


class Details(Arguments):
    product_ids: list[str] = Field(min_length=1, max_length=20)
    attributes: list[str] = Field(default=[], max_length=20, description="what is asked; all when empty")


@tool(Details)
def product_details(desk: Desk, given: Details) -> ToolResult:
    """What the catalogue says about products. A null means that the catalogue does not say."""
    products = desk.known(given.product_ids)
    return ToolResult({"products": [_facts(p, given.attributes) for p in products], "asked": given.attributes})


class Compare(Arguments):
    product_ids: list[str] = Field(min_length=2, max_length=10)
    attributes: list[str] = Field(default=[], max_length=20)


@tool(Compare)
def compare(desk: Desk, given: Compare) -> ToolResult:
    """Products side by side: only where they differ, unless attributes are asked for."""
    products = desk.known(given.product_ids)
    names = given.attributes or [
        a for a in desk.shelf.catalog.attribute_names if len({str(p.get(a)) for p in products}) > 1
    ]
    names = [a for a in names if a not in ("style", "launched", "line", "look", "group")][:6]
    return ToolResult({"products": [_facts(p, names) for p in products], "asked": given.attributes, "differ": names})


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
