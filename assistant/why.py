"""Why the cards of a turn are there: what each hangs on as of that turn, in plain words and as data."""

from __future__ import annotations

from typing import Any

from shopping_assistant.assistant.agent_tools.desk import Desk
from shopping_assistant.tools.errors import ShopError


class WhyError(ShopError):
    """There is no such answer to explain."""


def told(desk: Desk, turn: int) -> list[dict[str, Any]]:
    """For each card of a turn ``{"product_id", "title", "place", "evidence", "route", "words"}``, in the cards' order.

    Raises:
        WhyError: there is no such turn.
    """
    kept = next((t for t in desk.log.turns(desk.thread_id) if t["turn"] == turn), None)
    if kept is None:
        raise WhyError(f"there is no answer {turn} in this conversation")
    catalog = desk.shelf.catalog
    return [
        {
            "product_id": p["product_id"], "title": catalog.product(p["product_id"]).title, "place": place,
            "evidence": p.get("evidence", []), "route": p["route"], "words": [f"{p['reason']}."] if p["reason"] else [],
        }
        for place, p in enumerate(kept["products"], 1) if p["product_id"] in catalog
    ]  # fmt: skip
