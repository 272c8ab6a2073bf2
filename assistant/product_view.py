"""What the page shows of one product that was opened: its colours, what is like it, what goes with it, the size."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from shopping_assistant.assistant.agent_tools.desk import Desk, Offer
from shopping_assistant.assistant.agent_tools.offering import offered
from shopping_assistant.assistant.agent_tools.size_advice import Sizing, size_advice
from shopping_assistant.assistant.answers.reasons import Beside, shared
from shopping_assistant.assistant.answers.size_replies import advised
from shopping_assistant.assistant.answers.wording import listed, name_of
from shopping_assistant.assistant.outfitting import holds_beside, outfit, outfit_history, same_department
from shopping_assistant.assistant.shelf import NO_ROUTE
from shopping_assistant.assistant.styles import styles_of
from shopping_assistant.tools.attribute_filter import Constraint
from shopping_assistant.tools.catalog import Product

# A row of each beside the product; more is what "more like this" in the chat is for.
LIKE_IT, BESIDE_IT = 8, 6
# Of the nearest so many; of one style two of them, as the nearest are often all its colours.
LOOKED_THROUGH, OF_ONE_STYLE = 60, 2


# What a view lists, beside the product itself.
LISTS = ("colors", "similar", "goes_with")


def viewed(desk: Desk, product_id: str) -> dict[str, Any]:
    """A product's view: ``product, colors, similar, goes_with`` as offers in plain values, ``judged`` up, down or None.

    ``size`` is there where something can be said of it: ``{"size": the one to take or None, "runs": small, large, true
    or "", "words"}``.

    What was excluded in the conversation, whom it is for and an upper price that the product itself keeps to hold for
    all; its other wishes were about what was looked for. What cannot be bought is shown among the colours only.

    Raises:
        CatalogError: there is no such product.
    """
    product = desk.shelf.catalog.product(product_id)
    held = [c for c in desk.constraints if holds_beside(c) and _kept_by(desk, product, c)]
    colors, same = styles_of(desk.shelf.catalog).others(product)
    # A wish by degree is about the list it was said of; here only thumbs order.
    plain = replace(desk, leanings=())
    away = set(desk.put_away())
    view: dict[str, Any] = {
        "product": {"product_id": product_id, "reason": "", "route": NO_ROUTE},
        "colors": _colors(desk, [p for p in colors if p not in away], held),
        "similar": _similar(plain, product, held, {*colors, *same, *away}),
        "goes_with": _goes_with(plain, product, held, away),
        "judged": desk.judged.products.get(product_id),
    }
    size = _size(desk, product)
    return {**view, "size": size} if size else view


def _kept_by(desk: Desk, product: Product, c: Constraint) -> bool:
    """Whether a wish can hold for what stands beside a product: one that it breaks itself was no condition there."""
    return c.is_exclusion or bool(desk.shelf.mask([c])[desk.shelf.catalog.index(product.product_id)])


def _colors(desk: Desk, products: Sequence[str], held: Sequence[Constraint]) -> list[dict]:
    """The style's other colours, but for those that were excluded; one that is sold out is marked so by its card."""
    shelf = desk.shelf
    excluded = ~shelf.mask([c for c in held if c.is_exclusion]) & shelf.catalog.available
    return _plain(Offer(p, "", NO_ROUTE) for p in products if not excluded[shelf.catalog.index(p)])


def _plain(offers: Iterable[Offer]) -> list[dict]:
    return [{"product_id": o.product_id, "reason": o.reason, "route": o.route} for o in offers]


def _similar(desk: Desk, product: Product, held: Sequence[Constraint], without: set[str]) -> list[dict]:
    """Of the same kind, for the same people, and of other styles: not five colours of one."""
    shelf, styles = desk.shelf, styles_of(desk.shelf.catalog)
    constraints = [*held, *same_department(shelf, product, held)]
    ranked = shelf.similar(product.product_id, LOOKED_THROUGH, constraints, desk.ordering, tuple(without))
    if ranked.relaxed:
        return []  # nothing of the kind is left under these wishes: what was found instead is not like it
    chosen: list[dict] = []
    of_style: dict[Hashable, int] = {}
    for scored in ranked.products:
        other = shelf.catalog.product(scored.product_id)
        style = styles.key(other)
        of_style[style] = of_style.get(style, 0) + 1
        if of_style[style] <= OF_ONE_STYLE and len(chosen) < LIKE_IT:
            same = listed(name_of(a) for a in shared(product, other)[:2])
            route = {**NO_ROUTE, **scored.route}
            chosen.append({"product_id": other.product_id, "reason": f"Same {same}" if same else "", "route": route})
    return chosen


def _goes_with(desk: Desk, product: Product, held: Sequence[Constraint], without: Iterable[str]) -> list[dict]:
    gone = [*desk.log.bag(desk.thread_id), *without]
    history = outfit_history(desk.history(), desk.event("click", product_id=product.product_id))
    made = outfit(desk.shelf, product, history, BESIDE_IT, held, gone, desk.ordering)
    return _plain(offered(desk, made.ranked, held, beside=Beside(product, made.partners)).offers)


def _size(desk: Desk, product: Product) -> dict[str, Any] | None:
    """The size to take and why, where this shop has feedback that tells; ``size`` is None where the body is not known.

    None where there is nothing to say.
    """
    if desk.shelf.size_advisor is None or not product.size:
        return None
    content = size_advice.run(desk, Sizing(product_ids=[product.product_id])).content
    (told,) = content["products"]
    advice = told["advice"]
    if not told["sized"] or advice is None or not (advice["size"] or advice["this_product"]["runs"]):
        return None
    # On the page nobody is asked for anything.
    words = advised({}, {**content, "asks_for_measures": False})
    return {"size": advice["size"], "runs": advice["this_product"]["runs"], "words": words}
