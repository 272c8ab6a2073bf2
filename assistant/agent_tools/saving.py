"""Tools of what a shopper keeps for later, beside the bag."""

from __future__ import annotations

from pydantic import Field

from shopping_assistant.assistant.agent_tools.bag import Items, bag_of
from shopping_assistant.assistant.agent_tools.desk import Desk, Nothing, Offer, ToolResult, tool
from shopping_assistant.assistant.agent_tools.offering import brief
from shopping_assistant.assistant.shelf import NO_ROUTE


class Kept(Items):
    out_of_bag: bool = Field(default=False, description="take them out of the bag as well")


@tool(Kept, changes=True)
def save_for_later(desk: Desk, given: Kept) -> ToolResult:
    """Put products on the shopper's list of saved things, which is kept over all their conversations."""
    kept, already = [], []
    for p in desk.known(given.product_ids):
        place = desk.shown.index(p.product_id) + 1 if p.product_id in desk.shown else None
        (kept if desk.log.save(desk.thread_id, p.product_id, place) else already).append(p)
        if given.out_of_bag:
            desk.log.unbagged(desk.thread_id, p.product_id)
    told = {"saved": [brief(p) for p in kept], "already_saved": [brief(p) for p in already], "list": _list(desk)}
    return ToolResult({**told, **({"bag": bag_of(desk)} if given.out_of_bag else {})})


@tool(Items, changes=True)
def unsave(desk: Desk, given: Items) -> ToolResult:
    """Take products off the shopper's list of saved things."""
    products = desk.known(given.product_ids)
    gone = [p for p in products if desk.log.unsave(desk.thread_id, p.product_id)]
    missing = [p for p in products if p not in gone]
    told = {"unsaved": [brief(p) for p in gone], "not_saved": [brief(p) for p in missing]}
    return ToolResult({**told, "list": _list(desk)})


@tool(Nothing)
def show_saved(desk: Desk, given: Nothing) -> ToolResult:
    """Show the products on the shopper's list of saved things."""
    catalog, told = desk.shelf.catalog, _list(desk)
    there = [p["product_id"] for p in told["products"]][-desk.settings.shown :]
    offers = tuple(Offer(p, _standing(catalog.product(p)), dict(NO_ROUTE)) for p in there)
    return ToolResult({"list": told}, offers or None, made={"by": "saved"} if offers else {})


@tool(Items, changes=True)
def bag_saved(desk: Desk, given: Items) -> ToolResult:
    """Move saved products into the shopper's bag; what is sold out stays on the list."""
    moved, gone, in_bag, off_list = [], [], set(desk.log.bag(desk.thread_id)), False
    for p in desk.known(given.product_ids):
        if not p.available:
            gone.append(p)
            continue
        if p.product_id not in in_bag:
            desk.log.bagged(desk.thread_id, p.product_id)
        off_list = desk.log.unsave(desk.thread_id, p.product_id) or off_list
        moved.append(p)
    told = {"moved": [brief(p) for p in moved], "sold_out": [brief(p) for p in gone], "off_list": off_list}
    return ToolResult({**told, "list": _list(desk), "bag": bag_of(desk)})


def _standing(product) -> str:
    return "Saved by you" if product.available else "Saved by you; sold out now"


def _list(desk: Desk) -> dict:
    """What is on the list, oldest first, and what of it is no longer in the shop."""
    catalog = desk.shelf.catalog
    saved = [p for p in desk.log.saved(desk.thread_id) if p in catalog]
    there = [brief(catalog.product(p)) for p in saved if not catalog.has_removed(p)]
    gone = [brief(catalog.product(p)) for p in saved if catalog.has_removed(p)]
    return {"products": there, **({"no_longer_sold": gone} if gone else {})}
