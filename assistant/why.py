"""Why the cards of an answer are there: what each hangs on as of that answer, as data and in a shopper's words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from shopping_assistant.assistant import feedback
from shopping_assistant.assistant.agent_tools.desk import Desk
from shopping_assistant.assistant.answers.evidence_words import REMEMBERED, most_telling, nothing_particular, sentence
from shopping_assistant.assistant.answers.reasons import met, shared
from shopping_assistant.assistant.found_again import Making, of_cards
from shopping_assistant.assistant.picture_search import with_vectors
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.sessions import Event

# Sentences for one card; the rest of what was found stands in its evidence.
SENTENCES = 3
_THUMB = {"kind": "judged", "verdict": "up"}


class WhyError(ShopError):
    """There is no such answer to explain."""


def told(desk: Desk, turn: int) -> list[dict[str, Any]]:
    """For each card of a turn ``{"product_id", "title", "place", "evidence", "route", "words"}``, in the cards' order.

    Raises:
        WhyError: there is no such turn.
    """
    kept = next((t for t in desk.log.turns(desk.thread_id) if t["turn"] == turn), None)
    if kept is None:
        raise WhyError(f"There is no answer {turn} in this conversation")
    made = next((t.get("made") for t in desk.log.traces(desk.thread_id) if t["turn"] == turn), None)
    cards = [p for p in kept["products"] if p["product_id"] in desk.shelf.catalog]
    if not made:
        # A chat from before it was kept how cards were found: what they said themselves is all there is.
        return [{**_card(desk, p, i), "evidence": _titled(desk, p["product_id"], p.get("evidence", [])),
                 "words": [f"{p['reason']}."] if p["reason"] else []} for i, p in enumerate(cards, 1)]  # fmt: skip
    found = explanations(desk, made, [p["product_id"] for p in cards])
    return [
        {**_card(desk, p, place), "evidence": e["evidence"], "words": _words(e, p["route"], place)}
        for place, (p, e) in enumerate(zip(cards, found, strict=True), 1)
    ]


def explanations(desk: Desk, made: dict[str, Any], product_ids: Sequence[str]) -> list[dict[str, Any]]:
    """For products of one answer ``{"evidence", "plainly"}``: the strongest first, or what is said where there is none.

    Args:
        made: how the answer was found, as `ToolResult.made` tells it.
    """
    making = Making.from_dict(made)
    making = replace(making, leanings=with_vectors(making.leanings, desk.photos))
    history = _history(desk, making)
    found = of_cards(desk.shelf, making, history, product_ids, desk.settings.shown)
    catalog, liked, out = desk.shelf.catalog, _only_liked(desk, making.at), []
    for p in product_ids:
        count = int(desk.shelf.popularity[catalog.index(p)])
        plainly = nothing_particular(making.by, met(catalog.product(p), making.constraints), count, bool(history))
        of_it = [e.as_dict() | (_THUMB if e.kind == "click" and e.product_id in liked else {}) for e in found[p]]
        out.append({"evidence": _titled(desk, p, of_it), "plainly": plainly})
    return out


def _history(desk: Desk, making: Making) -> tuple[Event, ...]:
    """What the shopper had done until then, with what was in the bag and is out of it by now."""
    history = desk.history(making.at)
    there = {e.product_id for e in history if e.action == "purchase"}
    gone = [
        Event(desk.thread_id, desk.user_id, datetime.fromisoformat(at), "purchase", product_id=p)
        for p, at in making.chosen if p not in there and p in desk.shelf.catalog
    ]  # fmt: skip
    history = tuple(sorted([*history, *gone], key=lambda e: e.timestamp)) if gone else history
    if making.query and making.by == "recommender":
        # "Recommend me a dress": what is looked for stands in the log only after the answer.
        history = (*history, *desk.as_pages([desk.event("search", query=making.query)]))
    return history


def _only_liked(desk: Desk, until: str) -> set[str]:
    """Products that stand among the clicks for a thumb, without having been looked at: see `feedback.as_interest`."""
    threads = {desk.thread_id, *desk.log.threads_judged_by(desk.user_id)}
    judged = feedback.standing(j for t in sorted(threads) for j in desk.log.judgements(t) if j.at <= until)
    looked_at = {e.product_id for t in threads for e in desk.log.events(thread_id=t) if e.action != "search"}
    return {p for p in judged.products_judged("up") if p not in looked_at}


def _card(desk: Desk, p: dict, place: int) -> dict[str, Any]:
    title = desk.shelf.catalog.product(p["product_id"]).title
    return {"product_id": p["product_id"], "title": title, "place": place, "route": p["route"]}


def _titled(desk: Desk, product_id: str, found: Sequence[dict]) -> list[dict]:
    """Evidence with the title of the product it is of, and what the two have in common."""
    catalog, out = desk.shelf.catalog, []
    for e in found:
        if e.get("product_id") in catalog:
            other = catalog.product(e["product_id"])
            common = shared(catalog.product(product_id), other) if e["kind"] != "goes_with" else []
            e = {**e, "title": other.title, **({"common": common} if common else {})}
        out.append(e)
    return out


def _words(explanation: dict, route: dict, place: int) -> list[str]:
    words = [sentence(e, place) for e in most_telling(explanation["evidence"], SENTENCES)] or [explanation["plainly"]]
    return [*words, f"{REMEMBERED[0].upper()}{REMEMBERED[1:]}."] if route.get("memory") else words
