"""The tool that says why a product is shown: only what would change its place if it were taken away."""

from __future__ import annotations

from pydantic import Field

from shopping_assistant.assistant import evidence
from shopping_assistant.assistant.agent_tools.desk import Arguments, Desk, ToolResult, tool
from shopping_assistant.assistant.agent_tools.offering import brief
from shopping_assistant.assistant.answers.explaining import explained
from shopping_assistant.assistant.evidence import Evidence
from shopping_assistant.assistant.state import constraints_of
from shopping_assistant.tools.catalog import Product

# Each product is ranked again several times.
EXPLAINED = 3


class Explain(Arguments):
    product_ids: list[str] = Field(min_length=1, max_length=10)


@tool(Explain, says=explained)
def explain(desk: Desk, given: Explain) -> ToolResult:
    """Why products that are shown now are shown: what the shopper did or said without which they would stand lower."""
    products = desk.known(given.product_ids)[:EXPLAINED]
    lines, told = [], []
    for product in products:
        found = _found(desk, product)
        events = [_with_titles(desk, e.as_dict()) for e in found]
        place = desk.shown.index(product.product_id) + 1 if product.product_id in desk.shown else None
        if desk.made.get("goes_with"):
            events = _combined(desk, product)
        lines.append({**brief(product), "place": place, "evidence": events})
        told.append({"product_id": product.product_id, "title": product.title, "place": place, "evidence": events})
    by = desk.made.get("by", "")
    return ToolResult({"explained": lines, "by": by}, told={"explained": told})


def _found(desk: Desk, product: Product) -> list[Evidence]:
    made = desk.made
    if not made or made.get("goes_with") or product.product_id not in desk.shown:
        return []
    constraints = constraints_of(made.get("constraints"))
    if made["by"] == "recommender" and desk.shelf.can_recommend:
        history = evidence.before(desk.history(), made["at"])
        if made.get("query"):
            history = (*history, *desk.as_pages([desk.event("search", query=made["query"])]))
        return evidence.of_one_recommended(
            desk.shelf, product.product_id, history, constraints, made.get("exclude", ())
        )  # fmt: skip
    if made.get("like"):
        return []
    return evidence.of_one_found(desk.shelf, product.product_id, made.get("query") or "", constraints, desk.leanings)


def _with_titles(desk: Desk, told: dict) -> dict:
    other = told.get("product_id")
    return {**told, "title": desk.shelf.catalog.product(other).title} if other in desk.shelf.catalog else told


def _combined(desk: Desk, product: Product) -> list[dict]:
    """For a product of an outfit: the sessions that bought its kind with the other; without them it is not there."""
    beside = desk.shelf.catalog.product(desk.made["goes_with"])
    own = (product.category or "").strip().lower()
    for p in desk.shelf.outfits.partners(beside.category or ""):
        if p.category == own:
            return [
                {"kind": "purchase", "categories": [own, beside.category], "sessions": p.sessions, "rank_without": None}
            ]
    return []
