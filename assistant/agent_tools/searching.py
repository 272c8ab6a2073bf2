"""Tools that look for products: by words and conditions, by a product that is liked, by what sells."""

from __future__ import annotations

from pydantic import Field

from shopping_assistant.assistant.agent_tools.desk import Arguments, Desk, ToolResult, Wish, tool
from shopping_assistant.assistant.agent_tools.offering import all_wishes, offered


class Search(Arguments):
    query: str = Field(max_length=400, description="what is looked for, in a few words")
    constraints: list[Wish] = Field(default=[], max_length=20)
    more: bool = Field(default=False, description="leave out what was shown before")


@tool(Search)
def search_products(desk: Desk, given: Search) -> ToolResult:
    """Find products by words and conditions. The shopper's own wishes always apply; give only further ones."""
    constraints = all_wishes(desk, given.constraints)
    away = [*desk.put_away(given.query), *(desk.seen if given.more else ())]
    ranked = desk.shelf.search(given.query, desk.settings.shown, constraints, away, desk.ordering)
    return offered(desk, ranked, constraints, query=given.query, exclude=away)


class Refine(Arguments):
    constraints: list[Wish] = Field(min_length=1, max_length=20)
    query: str = Field(default="", max_length=400)


@tool(Refine)
def refine(desk: Desk, given: Refine) -> ToolResult:
    """Narrow what is being looked at by further conditions, keeping the shopper's wishes so far."""
    constraints = all_wishes(desk, given.constraints)
    away = desk.put_away(given.query)
    ranked = desk.shelf.search(given.query, desk.settings.shown, constraints, away, desk.ordering)
    return offered(desk, ranked, constraints, query=given.query or None, exclude=away)


class Similar(Arguments):
    product_id: str
    constraints: list[Wish] = Field(default=[], max_length=20)


@tool(Similar)
def similar(desk: Desk, given: Similar) -> ToolResult:
    """Products like one product that meet the shopper's wishes and the further conditions given."""
    desk.known([given.product_id])
    constraints = all_wishes(desk, given.constraints)
    away = desk.put_away()
    ranked = desk.shelf.similar(given.product_id, desk.settings.shown, constraints, desk.ordering, away)
    return offered(desk, ranked, constraints, like=given.product_id, exclude=away)


class Popular(Arguments):
    constraints: list[Wish] = Field(default=[], max_length=20)


@tool(Popular)
def popular(desk: Desk, given: Popular) -> ToolResult:
    """The products that were bought most in this shop, meeting the shopper's wishes."""
    constraints = all_wishes(desk, given.constraints)
    away = desk.put_away()
    ranked = desk.shelf.popular(desk.settings.shown, constraints, desk.ordering, away)
    return offered(desk, ranked, constraints, exclude=away)
