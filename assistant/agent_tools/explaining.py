"""The tool that says why a product is shown: only what would change its place if it were taken away."""

from __future__ import annotations

from pydantic import Field

from shopping_assistant.assistant import why
from shopping_assistant.assistant.agent_tools.desk import Arguments, Desk, ToolResult, tool
from shopping_assistant.assistant.agent_tools.offering import brief
from shopping_assistant.assistant.answers.explaining import explained

# More sentences than these nobody reads; the page explains every card.
EXPLAINED = 3


class Explain(Arguments):
    product_ids: list[str] = Field(min_length=1, max_length=10)


@tool(Explain, says=explained)
def explain(desk: Desk, given: Explain) -> ToolResult:
    """Why products that are shown now are shown: what the shopper did or said without which they would stand lower."""
    products = desk.known(given.product_ids)[:EXPLAINED]
    here = [p.product_id for p in products if p.product_id in desk.shown] if desk.made else []
    found = dict(zip(here, why.explanations(desk, desk.made, here), strict=True)) if here else {}
    lines, told = [], []
    for p in products:
        place = desk.shown.index(p.product_id) + 1 if p.product_id in desk.shown else None
        known = found.get(p.product_id, {"evidence": [], "plainly": ""})
        lines.append({**brief(p), "place": place, **known})
        told.append({"product_id": p.product_id, "title": p.title, "place": place, "evidence": known["evidence"]})
    return ToolResult({"explained": lines, "by": desk.made.get("by", "")}, told={"explained": told})
