"""A conversation to take along: all that was said, shown, clicked, bagged, saved and judged, as plain JSON values."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shopping_assistant.assistant.session_log import SessionLog

if TYPE_CHECKING:
    from shopping_assistant.assistant.shelf import Shelf

# Read by other programs: a change that breaks them counts it up.
VERSION = 1
# What of a turn object is the machinery's own.
_INTERNAL = ("tools", "ms", "products")
_CARD = ("title", "brand", "category", "color", "price", "currency")


def exported(log: SessionLog, shelf: Shelf, thread_id: str) -> dict[str, Any]:
    """A whole conversation.

    ``{"version", "shop", "currency", "conversation": {"id", "title", "started", "last"}, "exported", "turns", "events",
    "judgements", "bag", "saved"}``. ``turns`` are the turn objects with ``at``, when each ended, without tools and
    times; ``events`` are in the replay format, a product named with its title. ``bag`` and ``saved`` are the shopper's
    of all conversations; what was saved in this one has ``here`` set. Times are ISO 8601 in UTC. The ids that open
    a shopper's things are left out: ``id`` is made of the conversation's and opens nothing.
    """
    (about,) = [t for t in log.threads(log.owner(thread_id)) if t["thread_id"] == thread_id]
    opens_nothing = hashlib.sha256(thread_id.encode()).hexdigest()[:16]
    here = {p: {"here": True, "at": at, "position": place} for p, at, place in log.saved_in(thread_id)}
    return {
        "version": VERSION,
        "shop": shelf.store.name,
        "currency": shelf.currency,
        "conversation": {"id": opens_nothing, **{k: about[k] for k in ("title", "started", "last")}},
        "exported": datetime.now(UTC).isoformat(timespec="seconds"),
        "turns": [
            {"at": at, **{k: v for k, v in turn.items() if k not in _INTERNAL},
             "products": [_shown(p, n, shelf) for n, p in enumerate(turn["products"], 1)]}
            for at, turn in zip(log.turn_times(thread_id), log.turns(thread_id), strict=True)
        ],
        "events": [_event(e, opens_nothing, shelf) for e in log.events(thread_id)],
        "judgements": [
            {k: v for k, v in vars(j).items() if v is not None or k == "verdict"} for j in log.judgements(thread_id)
        ],
        "bag": [_named(p, shelf) for p in log.bag(thread_id)],
        "saved": [{**_named(p, shelf), **here.get(p, {})} for p in log.saved(thread_id)],
    }  # fmt: skip


def _named(product_id: str, shelf: Shelf) -> dict[str, Any]:
    """A product by its id, and by name where the catalogue still has it."""
    known = shelf.catalog.product(product_id).as_dict() if product_id in shelf.catalog else {}
    return {"product_id": product_id, **{k: known[k] for k in _CARD if known.get(k) is not None}}


def _shown(kept: dict, position: int, shelf: Shelf) -> dict[str, Any]:
    return {"position": position, **_named(kept["product_id"], shelf), "reason": kept.get("reason", "")}


def _event(event: Any, session: str, shelf: Shelf) -> dict[str, Any]:
    told = {"session_id": session, "timestamp": event.timestamp.isoformat(), "action": event.action}
    if event.product_id is not None:
        told |= {"product_id": event.product_id, "title": _named(event.product_id, shelf).get("title")}
    more = {"query": event.query, "shown": list(event.shown) or None, "position": event.position}
    return told | {k: v for k, v in more.items() if v is not None}
