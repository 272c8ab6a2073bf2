"""The tool that recommends: what this shopper will want next, alone or to wear with a product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pydantic import Field

from shopping_assistant.assistant.agent_tools.desk import Arguments, Desk, ToolResult, Wish, tool
from shopping_assistant.assistant.agent_tools.offering import all_wishes, brief, checked, offered, same_wish
from shopping_assistant.assistant.answers.reasons import Beside
from shopping_assistant.assistant.language.fashion_words import EVENTS
from shopping_assistant.assistant.language.leanings import JUDGED
from shopping_assistant.assistant.outfitting import holds_beside, outfit, outfit_history
from shopping_assistant.tools.attribute_filter import Constraint
from shopping_assistant.tools.sessions import Event


class Recommend(Arguments):
    constraints: list[Wish] = Field(default=[], max_length=20)
    goes_with: str | None = Field(default=None, description="product_id of a product to combine with, for an outfit")
    more: bool = Field(default=False, description="leave out what was shown before")


@tool(Recommend)
def recommend(desk: Desk, given: Recommend) -> ToolResult:
    """What this shopper will want next, from all they searched, clicked and chose. Their wishes always apply."""
    if given.goes_with is not None:
        return _outfit(desk, given)
    constraints, history = all_wishes(desk, given.constraints), desk.history()
    if desk.query:
        # "Recommend me a dress" says what is looked for now, before it stands in the log.
        history = (*history, *desk.as_pages([desk.event("search", query=desk.query)]))
    away = [*desk.put_away(desk.query), *(desk.seen if given.more else ())]
    exclude = [*desk.log.bag(desk.thread_id), *away]
    ranked = desk.shelf.recommend(history, desk.settings.shown, constraints, exclude, desk.ordering, with_evidence=True)
    result = offered(desk, ranked, constraints, exclude=away)
    made = result.made | ({"query": desk.query} if desk.query else {})
    return replace(result, content={**result.content, "goes_by": _evidence(history)}, made=made)


def _outfit(desk: Desk, given: Recommend) -> ToolResult:
    """What to wear with one product: kinds that go with it; the wishes that were about the product itself set aside."""
    (product,) = desk.known([given.goes_with])
    now = checked(desk, given.constraints)
    held = all_wishes(desk, given.constraints)
    kept = tuple(c for c in held if holds_beside(c) or same_wish(c, now))
    set_aside = tuple(c for c in held if c not in kept)
    history = outfit_history(desk.history(), desk.event("click", product_id=product.product_id))
    # "Heels to match, nothing higher than mid": wishes that order are about what is looked for now.
    now_leant = tuple(w for w in desk.ordering if w.attribute == JUDGED or (w.attribute and now))
    away = [*desk.log.bag(desk.thread_id), *desk.put_away()]
    events = tuple(c for c in held if c not in kept and _is_event(c))
    # All that is worn to a wedding is for the wedding, where there is such a thing.
    shown = desk.settings.shown
    made = outfit(desk.shelf, product, history, shown, (*kept, *events), away, now_leant) if events else None
    if made is not None and made.ranked.products:
        kept, set_aside = (*kept, *events), tuple(c for c in set_aside if c not in events)
    else:
        made = outfit(desk.shelf, product, history, desk.settings.shown, kept, away, now_leant)
    result = offered(desk, made.ranked, kept, beside=Beside(product, made.partners))
    kinds = list(dict.fromkeys(str(p["category"]) for p in result.content["products"]))
    content = {**result.content, "goes_with": brief(product), "kinds": kinds, "learned": made.learned}
    return replace(
        result, content=content, relaxed=(*result.relaxed, *set_aside),
        made=result.made | {"goes_with": product.product_id},
    )  # fmt: skip


def _is_event(c: Constraint) -> bool:
    return c.attribute == "occasion" and c.op == "in" and bool(EVENTS & set(c.values))


def _evidence(history: Sequence[Event]) -> str:
    """The strongest thing a recommendation can go by: chosen, clicked, searched, or nothing."""
    done = {e.action for e in history}
    words = (("purchase", "chosen"), ("click", "clicked"), ("search", "searched"))
    return next((word for action, word in words if action in done), "nothing")
