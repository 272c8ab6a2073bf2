"""Tools of the shopper's bag."""

from __future__ import annotations

from pydantic import Field

from shopping_assistant.assistant.agent_tools.desk import Arguments, Desk, Nothing, ToolResult, tool
from shopping_assistant.assistant.agent_tools.offering import brief


class Items(Arguments):
    product_ids: list[str] = Field(min_length=1, max_length=20)


@tool(Items, changes=True)
def add_to_bag(desk: Desk, given: Items) -> ToolResult:
    """Put products into the shopper's bag."""
    products = desk.known(given.product_ids)
    in_bag = set(desk.log.bag(desk.thread_id))
    added, already, gone = [], [], []
    for p in products:
        if p.product_id in in_bag:
            already.append(p)
        elif not p.available:
            gone.append(p)
        else:
            place = desk.shown.index(p.product_id) + 1 if p.product_id in desk.shown else None
            desk.log.bagged(desk.thread_id, p.product_id, place)
            added.append(p)
    lists = {"added": added, "already_in_bag": already, "sold_out": gone}
    return ToolResult({**{k: [brief(p) for p in v] for k, v in lists.items()}, "bag": bag_of(desk)})


@tool(Items, changes=True)
def remove_from_bag(desk: Desk, given: Items) -> ToolResult:
    """Take products out of the shopper's bag."""
    products = desk.known(given.product_ids)
    removed = [p for p in products if desk.log.unbagged(desk.thread_id, p.product_id)]
    missing = [p for p in products if p not in removed]
    return ToolResult(
        {"removed": [brief(p) for p in removed], "not_in_bag": [brief(p) for p in missing], "bag": bag_of(desk)}
    )


@tool(Nothing)
def show_bag(desk: Desk, given: Nothing) -> ToolResult:
    """What is in the shopper's bag, and what it costs."""
    return ToolResult({"bag": bag_of(desk)})


def bag_of(desk: Desk) -> dict:
    """What is in the bag and what it costs, as the model reads it."""
    catalog = desk.shelf.catalog
    bagged = [p for p in desk.log.bag(desk.thread_id) if p in catalog]
    products = [catalog.product(p) for p in bagged if not catalog.has_removed(p)]
    gone = [brief(catalog.product(p)) for p in bagged if catalog.has_removed(p)]
    prices = [p.price for p in products if p.price is not None]
    return {
        "products": [brief(p) for p in products],
        "total": round(sum(prices), 2) if prices else None,
        "currency": products[0].currency if products else None,
        **({"no_longer_sold": gone} if gone else {}),
    }
